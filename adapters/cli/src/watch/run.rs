//! Runs `watch`: one task for the connection, the simulator, signals, keys and the display.

use std::cell::RefCell;
use std::future::pending;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_lite::future;
use gemini_ws::{Client, ClientConfig, Clock, CloseReason, Config, Event, Instant};
use gemini_ws_smol::{Closed, Handle, Smol, client};
use smol::Timer;

use super::display::{Asked, Display};
use super::replay::{Ended, is_terminal};
use super::session::{Session, streams};
use super::target::{Target, target};
use super::terminal::Restorer;
use crate::arguments::Watch;
use crate::ending::{Ending, Failure};
use crate::output::{Messages, Output};
use crate::shown::Shown;
use crate::signals::{self, Caught, Signals};

/// The time between two updates of the display, each of which also reads the keys.
const TICK: Duration = Duration::from_millis(50);

/// How long the report on the end of a recording waits for the last frames.
const REPLAY_END_DELAY: Duration = Duration::from_millis(250);

/// The state that the tasks share. No task borrows it across an await.
struct Shared<'m> {
    session: Session,
    display: Display,
    messages: &'m mut Messages,
    failure: Option<Failure>,
    caught: Option<Caught>,
    /// Whether the end of the run was requested. Then the next Ctrl-C or signal ends the process at once.
    is_ending: bool,
}

pub(crate) fn run(options: &Watch, messages: &mut Messages) -> Result<Ending, Failure> {
    let Target { url, venue, symbols, server, ended, dialer } = target(options, messages)?;
    let proxy = dialer.proxy_for(&url);
    let smol = Smol::with_dialer(dialer);
    let clock = *smol.clock();
    let watched = watched(&clock, url, &venue, &symbols, options.seed)?;
    let session = Session::new(venue, proxy.as_deref(), &symbols, clock.now());
    // Handle signals before taking over the terminal, so that no signal ends the process without restoring it.
    let is_drawn = !options.json && io::stdout().is_terminal() && can_be_drawn_on() && has_keys(options);
    let restorer = Arc::<OnceLock<Restorer>>::default();
    let signals = listen(is_drawn, Arc::clone(&restorer))?;
    let display = display(options.json, is_drawn, messages)?;
    display.restorer().map(|it| restorer.set(it));
    let shared = Shared { session, display, messages, failure: None, caught: None, is_ending: false };
    let shared = Rc::new(RefCell::new(shared));
    let (handle, driver) = client(watched);
    shared.borrow_mut().start(clock.now());

    let driver = driver.run(&smol, |client, now, event| {
        let mut shared = shared.borrow_mut();
        shared.session.apply(now, event, &client.stats());
        if shared.show(now, event).is_err() {
            handle.close();
        }
    });
    let beside = future::or(
        future::or(
            watch_keys(&shared, &handle, &clock, &restorer, &signals),
            watch_signals(&shared, &handle, &signals),
        ),
        future::or(
            future::or(
                watch_time(&shared, &handle, &signals, options.duration),
                watch_replay(&shared, &clock, ended),
            ),
            future::or(super::target::serve(server), renew_lost(&shared, &handle)),
        ),
    );
    let closed = smol::block_on(future::or(driver, beside));
    // Only output remains to be written, so the next signal may end the process at once.
    signals.end_at_next();
    shared.borrow_mut().finish(clock.now(), closed)
}

fn watched(
    clock: &Clock,
    url: String,
    venue: &Shown,
    symbols: &[gemini_ws::Symbol],
    seed: Option<u64>,
) -> Result<Client, Failure> {
    let now = clock.now();
    let streams_max = symbols.len().saturating_mul(3).max(4_096);
    // Random by default: with equal seeds, all clients would reconnect at the same time after an outage.
    let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut watched = Client::new(ClientConfig::new().streams_max(streams_max), seed);
    watched.add(now, Config::new(url).stay_open(true).streams_max(streams_max)).map_err(Failure::new)?;
    watched.open(now).map_err(Failure::new)?;
    for stream in symbols.iter().copied().flat_map(streams) {
        let refused = |error| Failure::new(format_args!("cannot subscribe to {stream} at {venue}: {error}"));
        watched.subscribe(now, stream).map_err(refused)?;
    }
    Ok(watched)
}

fn display(json: bool, is_drawn: bool, messages: &mut Messages) -> Result<Display, Failure> {
    let output = Output::stdout().map_err(|error| Failure::of_output(&error))?;
    if json {
        return Ok(Display::json(output));
    }
    if is_drawn {
        // Print earlier messages before the screen is drawn.
        messages.finish();
        match Display::screen(output.clone()) {
            Ok(display) => return Ok(display),
            // Without a controlling terminal there are no keys. Plain lines need none.
            Err(error) => messages
                .say(&Shown::of(format_args!("cannot draw on the terminal ({error}); printing plain lines"))),
        }
    }
    Ok(Display::plain(output))
}

/// Returns whether the terminal can be drawn on according to `TERM`, which only Unix uses.
fn can_be_drawn_on() -> bool {
    !cfg!(unix) || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Returns whether the display can read keys. If `watch` reads the recording from a terminal, either the recording or
/// the display would receive each key, at random.
fn has_keys(options: &Watch) -> bool {
    options.replay.as_deref().is_none_or(|path| !is_terminal(path))
}

fn listen(is_drawn: bool, restorer: Arc<OnceLock<Restorer>>) -> Result<Signals, Failure> {
    // With plain lines, Ctrl-Z stops the process as usual.
    let signals = Signals::listen(is_drawn, move || {
        // The process ends even if the terminal cannot be restored.
        let _ = restorer.get().map(Restorer::restore);
    });
    signals.map_err(|error| Failure::new(format_args!("signals: {error}")))
}

impl Shared<'_> {
    fn start(&mut self, now: Instant) {
        let Shared { session, display, .. } = self;
        if let Err(error) = display.start(now, session) {
            self.failure = Some(Failure::of_output(&error));
        }
    }

    /// Shows an event. Fails if the output has failed or the venue has refused every subscription, and sets `failure`
    /// to the reason.
    fn show(&mut self, now: Instant, event: &Event<'_>) -> Result<(), ()> {
        let Shared { session, display, messages, failure, .. } = self;
        if failure.is_none() {
            *failure = match display.event(now, event, session, messages) {
                Err(error) => Some(Failure::of_output(&error)),
                Ok(()) if session.is_all_refused() => {
                    Some(Failure::new("the venue refused every subscription"))
                }
                Ok(()) => return Ok(()),
            };
        }
        Err(())
    }

    fn finish(&mut self, now: Instant, closed: Closed) -> Result<Ending, Failure> {
        let Shared { session, display, messages, failure, caught, .. } = self;
        // This call restores the terminal, so it comes first.
        let finished = display.finish(now, session, messages);
        if let Some(caught) = caught.take() {
            if let (Err(Failure::Message(message)), _) | (_, Some(Failure::Message(message))) =
                (finished, failure.take())
            {
                messages.say(&message);
            }
            return Ok(Ending::Caught(caught));
        }
        match failure.take() {
            Some(failure) => Err(failure),
            None => finished.and_then(|()| outcome(session, closed)),
        }
    }
}

/// Returns the outcome of a run that no signal and no failure has ended.
fn outcome(session: &Session, closed: Closed) -> Result<Ending, Failure> {
    match closed.reason {
        CloseReason::Requested | CloseReason::RequestedUnclean if session.was_live() => Ok(Ending::Done),
        CloseReason::Requested | CloseReason::RequestedUnclean => {
            Err(Failure::new(format_args!("the connection to {} was never live", session.route)))
        }
        reason => Err(Failure::new(reason)),
    }
}

fn shut_down(shared: &RefCell<Shared<'_>>, handle: &Handle, signals: &Signals) {
    let shared = &mut *shared.borrow_mut();
    shared.session.close();
    shared.is_ending = true;
    signals.end_at_next();
    handle.close();
}

async fn watch_signals<T>(shared: &RefCell<Shared<'_>>, handle: &Handle, signals: &Signals) -> T {
    loop {
        match signals.next().await {
            signals::Asked::End(caught) => {
                shared.borrow_mut().caught.get_or_insert(caught);
                shut_down(shared, handle, signals);
            }
            #[cfg(unix)]
            signals::Asked::Suspend => shared.borrow_mut().display.suspend(),
        }
    }
}

async fn watch_time<T>(
    shared: &RefCell<Shared<'_>>,
    handle: &Handle,
    signals: &Signals,
    duration: Option<Duration>,
) -> T {
    if let Some(duration) = duration {
        Timer::after(duration).await;
        shut_down(shared, handle, signals);
    }
    pending().await
}

async fn renew_lost<T>(shared: &RefCell<Shared<'_>>, handle: &Handle) -> T {
    loop {
        Timer::after(TICK).await;
        let lost = shared.borrow_mut().display.take_lost();
        if !lost.is_empty() {
            // After an error, the driver has ended, and so does this task.
            let _ = handle.with(|client, _, now| lost.resync(client, now)).await;
        }
    }
}

async fn watch_replay<T>(
    shared: &RefCell<Shared<'_>>,
    clock: &Clock,
    ended: Option<smol::channel::Receiver<Ended>>,
) -> T {
    if let Some(ended) = ended
        && let Ok(Ended { lines, malformed, error }) = ended.recv().await
    {
        Timer::after(REPLAY_END_DELAY).await;
        let Shared { session, display, failure, messages, .. } = &mut *shared.borrow_mut();
        session.replayed = Some(lines);
        error.iter().for_each(|error| display.trouble(error, messages));
        if malformed > 0 {
            let text =
                format!("{malformed} lines of the recording could not be decoded, so they were not played");
            display.trouble(&Shown::of(text), messages);
        }
        if let Err(error) = display.replay_ended(clock.now(), lines) {
            failure.get_or_insert_with(|| Failure::of_output(&error));
        }
    }
    pending().await
}

async fn watch_keys<T>(
    shared: &RefCell<Shared<'_>>,
    handle: &Handle,
    clock: &Clock,
    restorer: &OnceLock<Restorer>,
    signals: &Signals,
) -> T {
    loop {
        let asked = {
            let Shared { session, display, failure, .. } = &mut *shared.borrow_mut();
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
            Asked::Quit => shut_down(shared, handle, signals),
            // While `watch` draws, Ctrl-C arrives as a key. The second one ends the process.
            Asked::Interrupt if shared.borrow().is_ending => {
                let _ = restorer.get().map(Restorer::restore);
                Caught::Interrupt.exit()
            }
            Asked::Interrupt => {
                shared.borrow_mut().caught = Some(Caught::Interrupt);
                shut_down(shared, handle, signals);
            }
        }
        Timer::after(TICK).await;
    }
}
