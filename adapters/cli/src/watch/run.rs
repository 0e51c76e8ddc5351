//! Runs `watch`: the connection, the simulator, signals, keys and the display, all in one task.

use std::cell::RefCell;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future;
use gemini_ws::{Client, ClientConfig, Clock, CloseReason, Config, Symbol};
use gemini_ws_simulator::server::Server;
use gemini_ws_smol::{Closed, Handle, Runtime, Smol, client};
use smol::Timer;

use super::display::{Asked, Display};
use super::session::{Session, streams};
use crate::arguments::Watch;
use crate::failure::Failure;
use crate::signals::{INTERRUPTED, Interrupts};
use crate::simulate;

/// The time between two looks at keys and display.
const TICK: Duration = Duration::from_millis(50);

/// What the tasks share; borrowed for a moment at a time, never while waiting.
struct Shared {
    session: Session,
    display: Display,
    /// Why it cannot go on.
    failure: Option<Failure>,
}

/// Watches until the user or `--for` ends it.
pub(crate) fn run(options: &Watch) -> Result<(), Failure> {
    let Target { url, venue, symbols, server } = target(options)?;
    let smol = Smol::new();
    let clock = *smol.clock();
    let now = clock.now();
    let streams_max = symbols.len().saturating_mul(3).max(4_096);
    let mut watched = Client::new(ClientConfig::new().streams_max(streams_max), options.seed);
    let refused = |error: gemini_ws::CommandError| Failure::Message(error.to_string());
    watched.add(now, Config::new(url).stay_open(true).streams_max(streams_max)).map_err(refused)?;
    watched.open(now).map_err(refused)?;
    for stream in symbols.iter().copied().flat_map(streams) {
        watched.subscribe(now, stream).map_err(refused)?;
    }

    let interrupts = Interrupts::new().map_err(|error| Failure::Message(format!("signals: {error}")))?;
    let display = if options.json {
        Display::json()
    } else if io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
        Display::screen().map_err(|error| Failure::of_output(&error))?
    } else {
        Display::plain()
    };
    let session = Session::new(venue, &symbols, now);
    let shared = Rc::new(RefCell::new(Shared { session, display, failure: None }));
    let (handle, driver) = client(watched);

    let driver = driver.run(&smol, |client, now, event| {
        let Shared { session, display, failure } = &mut *shared.borrow_mut();
        session.apply(now, event, &client.stats());
        if failure.is_none() {
            *failure = display.event(now, event, session).err().map(|error| Failure::of_output(&error));
            if failure.is_none() && session.is_all_refused() {
                *failure = Some(Failure::Message("the venue refused all that was asked for".to_owned()));
            }
            if failure.is_some() {
                handle.shutdown();
            }
        }
    });
    let beside = future::or(
        future::or(watch_keys(&shared, &handle, &clock), watch_signals(&shared, &handle, interrupts)),
        future::or(watch_time(&shared, &handle, options.duration), serve(server)),
    );
    let closed = smol::block_on(future::or(driver, beside));
    let now = clock.now();
    let Shared { session, display, failure } = &mut *shared.borrow_mut();
    // Also where nobody reads any more: the terminal must be as it was.
    let finished = display.finish(now, session).map_err(|error| Failure::of_output(&error));
    match failure.take() {
        Some(failure) => Err(failure),
        None => finished.and_then(|()| outcome(closed)),
    }
}

/// What to connect to.
struct Target {
    url: String,
    /// Its name for people.
    venue: String,
    symbols: Vec<Symbol>,
    server: Option<Server>,
}

fn target(options: &Watch) -> Result<Target, Failure> {
    let mut symbols = options.symbols.clone();
    if let Some(url) = options.venue.url() {
        return Ok(Target { url: url.to_owned(), venue: options.venue.to_string(), symbols, server: None });
    }
    let (config, venue) = match &options.replay {
        None => {
            let market = gemini_ws_simulator::Config::market(symbols.iter().copied());
            (market, "simulator".to_owned())
        }
        Some(path) => {
            let (recording, recorded) = simulate::replay(path)?;
            if symbols.is_empty() {
                symbols = recorded;
            }
            (recording, format!("replay of {}", path.display()))
        }
    };
    let server = simulate::serve(config, options.seed, 0)?;
    Ok(Target { url: simulate::address(&server), venue, symbols, server: Some(server) })
}

/// How the process ends for this end of the connection.
fn outcome(closed: Closed) -> Result<(), Failure> {
    match closed.reason {
        CloseReason::Requested | CloseReason::RequestedUnclean => Ok(()),
        reason => Err(Failure::Message(reason.to_string())),
    }
}

/// Runs the simulator, if there is one.
async fn serve<T>(server: Option<Server>) -> T {
    match server {
        Some(mut server) => match server.run().await {},
        None => pending().await,
    }
}

/// Asks for an orderly end.
fn shut_down(shared: &RefCell<Shared>, handle: &Handle) {
    shared.borrow_mut().session.close();
    handle.shutdown();
}

/// Ends the process at once.
fn abandon(shared: &RefCell<Shared>) -> ! {
    shared.borrow_mut().display.restore();
    std::process::exit(INTERRUPTED)
}

async fn watch_signals<T>(shared: &RefCell<Shared>, handle: &Handle, mut interrupts: Interrupts) -> T {
    interrupts.next().await;
    shut_down(shared, handle);
    interrupts.next().await;
    abandon(shared)
}

async fn watch_time<T>(shared: &RefCell<Shared>, handle: &Handle, duration: Option<Duration>) -> T {
    if let Some(duration) = duration {
        Timer::after(duration).await;
        shut_down(shared, handle);
    }
    pending().await
}

async fn watch_keys<T>(shared: &RefCell<Shared>, handle: &Handle, clock: &Clock) -> T {
    let mut interrupted = false;
    loop {
        let asked = {
            let Shared { session, display, failure } = &mut *shared.borrow_mut();
            match display.tick(clock.now(), session) {
                Ok(asked) => asked,
                Err(error) => {
                    failure.get_or_insert_with(|| Failure::of_output(&error));
                    Asked::Quit
                }
            }
        };
        match asked {
            Asked::Nothing => {}
            Asked::Quit => shut_down(shared, handle),
            // In a terminal that is drawn on, Ctrl-C is a key like others.
            Asked::Interrupt if interrupted => abandon(shared),
            Asked::Interrupt => {
                interrupted = true;
                shut_down(shared, handle);
            }
        }
        Timer::after(TICK).await;
    }
}
