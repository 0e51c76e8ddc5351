//! [`Display`]: where a run of `watch` is shown: a terminal, plain lines, or JSON.

use std::io::{self, BufWriter, Stdout, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers};
use gemini_ws::{Event, Instant};
use ratatui::DefaultTerminal;

use super::plain::{self, Told};
use super::screen::{Key, Screen};
use super::session::{Link, Session};
use crate::json;

/// The time between two drawings of the screen, unless a key was pressed.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Messages that are repeated on standard error when the screen is gone.
const TROUBLES_MAX: usize = 8;

/// Output that waits for the next tick, at most.
const BUFFER_BYTES: usize = 1 << 16;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Nothing,
    Quit,
    /// Ctrl-C as a key.
    Interrupt,
}

/// Where a run is shown.
#[derive(Debug)]
pub(crate) struct Display {
    mode: Mode,
    /// When to draw, or to tell the state, next.
    next: Instant,
}

#[derive(Debug)]
enum Mode {
    Json(BufWriter<Stdout>),
    Plain(BufWriter<Stdout>),
    Screen { terminal: Box<DefaultTerminal>, screen: Screen, troubles: Vec<String>, restored: bool },
}

impl Display {
    pub(crate) fn json() -> Display {
        Display::new(Mode::Json(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())))
    }

    pub(crate) fn plain() -> Display {
        Display::new(Mode::Plain(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())))
    }

    /// Takes the terminal over; it is given back by [`finish`](Display::finish) and
    /// [`restore`](Display::restore), and on a panic.
    pub(crate) fn screen() -> io::Result<Display> {
        let terminal = Box::new(ratatui::try_init()?);
        let (screen, troubles) = (Screen::default(), Vec::new());
        Ok(Display::new(Mode::Screen { terminal, screen, troubles, restored: false }))
    }

    const fn new(mode: Mode) -> Display {
        Display { mode, next: Instant::ZERO }
    }

    /// Shows an event, which the session has taken already.
    pub(crate) fn event(&mut self, now: Instant, event: &Event<'_>, session: &Session) -> io::Result<()> {
        let told = plain::event(now, event, session);
        match &mut self.mode {
            Mode::Json(out) => {
                json::write_event(out, Some(&unix_nanos()), event)?;
                if let Some(Told::Trouble(text)) = told {
                    eprintln!("gemini-ws: {text}");
                }
            }
            Mode::Plain(out) => match told {
                Some(Told::Normal(text)) => writeln!(out, "{text}")?,
                Some(Told::Trouble(text)) => eprintln!("gemini-ws: {text}"),
                None => {}
            },
            Mode::Screen { troubles, .. } => {
                if let Some(Told::Trouble(text)) = told {
                    if troubles.len() == TROUBLES_MAX {
                        troubles.remove(0);
                    }
                    troubles.push(text);
                }
            }
        }
        Ok(())
    }

    /// Brings the display up to date and reads the keys; to be called often.
    pub(crate) fn tick(&mut self, now: Instant, session: &Session) -> io::Result<Asked> {
        let due = now >= self.next;
        match &mut self.mode {
            Mode::Json(out) => out.flush()?,
            Mode::Plain(out) => {
                // Nothing to tell before there is anything, nor at the end, which the summary tells.
                if due && !matches!(session.link, Link::Connecting | Link::Closing | Link::Closed(_)) {
                    self.next = now + plain::STATUS_EVERY;
                    for line in plain::status(now, session) {
                        writeln!(out, "{line}")?;
                    }
                }
                out.flush()?;
            }
            Mode::Screen { terminal, screen, .. } => {
                let (asked, changed) = read_keys(screen, session)?;
                if due || changed {
                    self.next = now + DRAW_EVERY;
                    terminal.draw(|frame| screen.draw(frame, now, session))?;
                }
                return Ok(asked);
            }
        }
        Ok(Asked::Nothing)
    }

    /// Gives the terminal back and prints the summary.
    pub(crate) fn finish(&mut self, now: Instant, session: &Session) -> io::Result<()> {
        self.restore();
        let summary = session.summary();
        match &mut self.mode {
            Mode::Json(out) => {
                json::write_line(out, &summary)?;
                out.flush()
            }
            Mode::Plain(out) => {
                writeln!(out, "{}\n{summary}", plain::link_line(now, session))?;
                out.flush()
            }
            Mode::Screen { troubles, .. } => {
                for trouble in troubles {
                    eprintln!("gemini-ws: {trouble}");
                }
                let mut out = io::stdout().lock();
                writeln!(out, "{summary}")?;
                out.flush()
            }
        }
    }

    /// Gives the terminal back, once.
    pub(crate) fn restore(&mut self) {
        if let Mode::Screen { restored, .. } = &mut self.mode
            && !std::mem::replace(restored, true)
        {
            ratatui::restore();
        }
    }
}

/// Reads the keys that were pressed, without waiting; also says whether anything is to be drawn anew.
fn read_keys(screen: &mut Screen, session: &Session) -> io::Result<(Asked, bool)> {
    let mut changed = false;
    while event::poll(Duration::ZERO)? {
        changed = true;
        let Input::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let key = match key.code {
            KeyCode::Char('c') if control => return Ok((Asked::Interrupt, true)),
            KeyCode::Char('q') | KeyCode::Char('Q') => return Ok((Asked::Quit, true)),
            KeyCode::Up | KeyCode::Left | KeyCode::BackTab | KeyCode::Char('k') => Key::Previous,
            KeyCode::Down | KeyCode::Right | KeyCode::Tab | KeyCode::Char('j') => Key::Next,
            KeyCode::Home => Key::First,
            KeyCode::End => Key::Last,
            KeyCode::Enter | KeyCode::Esc => Key::Zoom,
            _ => continue,
        };
        screen.key(key, session);
    }
    Ok((Asked::Nothing, changed))
}

/// The time of day in nanoseconds since 1970, as text.
fn unix_nanos() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or_else(|_| "0".to_owned(), |since| since.as_nanos().to_string())
}
