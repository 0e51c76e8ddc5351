//! [`Display`]: shows a run of `watch` on a terminal, as plain lines, or as JSON.

use std::io;
use std::mem;
use std::time::Duration;

use gemini_ws::{Event, Instant};

use super::keys::{Keys, Pressed};
use super::lines::{JsonLines, LostBooks, PlainLines};
use super::plain::{self, Notice};
use super::screen::Screen;
use super::session::{Link, Session};
use super::terminal::{Restorer, Terminal, is_in_foreground};
use crate::ending::Failure;
use crate::json::{ReplayEnded, Started, Summarized, Times};
use crate::output::{Messages, Output, PATIENCE};
use crate::shown::Shown;

/// The time between two pictures on the screen. After a key, the display draws earlier.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The maximum number of problems, the newest ones, that are printed on standard error after the screen is closed.
const TROUBLES_MAX: usize = 8;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Nothing,
    Quit,
    /// Ctrl-C, which arrives as a key.
    Interrupt,
}

/// Shows a run. Only `suspend` and [`finish`](Display::finish) wait for the reader or the terminal.
#[derive(Debug)]
pub(crate) struct Display {
    mode: Mode,
    /// The time of the next picture, or of the next status lines.
    next: Instant,
    output: Output,
}

#[derive(Debug)]
enum Mode {
    Json(Box<JsonLines>),
    Plain(PlainLines),
    Screen(Box<Drawn>),
}

#[derive(Debug)]
struct Drawn {
    terminal: Terminal,
    keys: Keys,
    screen: Screen,
    troubles: Vec<Shown>,
    /// Whether [`Display::suspend`] has restored the terminal, and the display has not taken it over again.
    is_suspended: bool,
}

impl Display {
    pub(crate) fn json(output: Output) -> Display {
        Display::new(Mode::Json(Box::new(JsonLines::new(output.clone()))), output)
    }

    pub(crate) fn plain(output: Output) -> Display {
        Display::new(Mode::Plain(PlainLines::new(output.clone())), output)
    }

    /// Takes over the terminal. [`finish`](Display::finish), its [`Restorer`] and a panic restore it.
    pub(crate) fn screen(output: Output) -> io::Result<Display> {
        let terminal = Terminal::take(&output)?;
        let keys = Keys::listen().inspect_err(|_| {
            let _ = terminal.restorer().restore();
        })?;
        let drawn =
            Drawn { terminal, keys, screen: Screen::default(), troubles: Vec::new(), is_suspended: false };
        Ok(Display::new(Mode::Screen(Box::new(drawn)), output))
    }

    const fn new(mode: Mode, output: Output) -> Display {
        Display { mode, next: Instant::ZERO, output }
    }

    pub(crate) fn restorer(&self) -> Option<Restorer> {
        if let Mode::Screen(drawn) = &self.mode { Some(drawn.terminal.restorer()) } else { None }
    }

    pub(crate) fn start(&mut self, now: Instant, session: &Session) -> io::Result<()> {
        match &mut self.mode {
            Mode::Json(lines) => {
                let symbols: Vec<_> = session.markets.iter().map(|market| market.symbol).collect();
                lines.line(&Started::new(Times::at(now), session.venue.as_str(), &symbols))
            }
            Mode::Plain(_) | Mode::Screen(_) => Ok(()),
        }
    }

    pub(crate) fn event(
        &mut self,
        now: Instant,
        event: &Event<'_>,
        session: &Session,
        messages: &mut Messages,
    ) -> io::Result<()> {
        let notice = plain::event(now, event, session);
        match (&mut self.mode, notice) {
            (Mode::Json(lines), notice) => {
                if let Some(Notice::Trouble(text)) = notice {
                    messages.say(&text);
                }
                lines.event(now, event)?;
            }
            (Mode::Plain(lines), Some(Notice::Normal(text))) => lines.print(&text)?,
            (Mode::Plain(_), Some(Notice::Trouble(text))) => messages.say(&text),
            (Mode::Screen(drawn), Some(Notice::Trouble(text))) => drawn.note(text),
            (Mode::Plain(_) | Mode::Screen(_), _) => {}
        }
        Ok(())
    }

    pub(crate) fn trouble(&mut self, text: &Shown, messages: &mut Messages) {
        match &mut self.mode {
            Mode::Screen(drawn) => drawn.note(text.clone()),
            Mode::Json(_) | Mode::Plain(_) => messages.say(text),
        }
    }

    pub(crate) fn replay_ended(&mut self, now: Instant, count: u64) -> io::Result<()> {
        match &mut self.mode {
            Mode::Json(lines) => lines.line(&ReplayEnded::new(Times::at(now), count)),
            Mode::Plain(lines) => lines.print(&Shown::of(plain::replay_ended(count))),
            Mode::Screen(_) => Ok(()),
        }
    }

    pub(crate) fn take_lost(&mut self) -> LostBooks {
        if let Mode::Json(lines) = &mut self.mode { lines.take_lost() } else { LostBooks::default() }
    }

    /// Updates the display, and returns what the user has requested with keys. Call this often, because only this
    /// method reads the keys.
    pub(crate) fn tick(&mut self, now: Instant, session: &Session) -> io::Result<Asked> {
        let due = now >= self.next;
        match &mut self.mode {
            Mode::Json(lines) => lines.print_waiting(now)?,
            Mode::Plain(lines) => {
                lines.check()?;
                // Before the first connection there is no status, and at the end the summary contains it.
                if due && !matches!(session.link, Link::Connecting | Link::Closing | Link::Closed(_)) {
                    self.next = now + plain::STATUS_EVERY;
                    for line in plain::status(now, session) {
                        lines.print(&line)?;
                    }
                }
            }
            // After Ctrl-Z, the process may continue in the background, where it must not use the terminal.
            Mode::Screen(_) if !is_in_foreground() => {}
            Mode::Screen(drawn) => {
                let is_back = mem::take(&mut drawn.is_suspended);
                if is_back {
                    drawn.terminal.take_again()?;
                }
                let (asked, changed) = drawn.read_keys(session)?;
                if due || changed || is_back {
                    self.next = now + DRAW_EVERY;
                    let Drawn { terminal, screen, .. } = &mut **drawn;
                    terminal.draw(|frame| screen.draw(frame, now, session))?;
                }
                return Ok(asked);
            }
        }
        Ok(Asked::Nothing)
    }

    /// Handles Ctrl-Z: restores the terminal and stops the process. When the process continues in the foreground,
    /// [`tick`](Display::tick) takes over the terminal again.
    #[cfg(unix)]
    pub(crate) fn suspend(&mut self) {
        if let Mode::Screen(drawn) = &mut self.mode {
            // If the terminal takes nothing, the process stops without restoring it.
            let _ = drawn.terminal.restorer().restore();
            drawn.is_suspended = true;
        }
        super::terminal::suspend();
    }

    /// Restores the terminal, prints the summary, and waits until everything is written.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        session: &Session,
        messages: &mut Messages,
    ) -> Result<(), Failure> {
        let summary = session.summary();
        match &mut self.mode {
            Mode::Json(lines) => lines.finish(now, &Summarized::new(Times::at(now), summary))?,
            Mode::Plain(lines) => lines.finish(&[plain::link_line(now, session), Shown::of(summary)])?,
            Mode::Screen(drawn) => {
                let restored = drawn.terminal.restorer().restore();
                drawn.troubles.iter().for_each(|trouble| messages.say(trouble));
                restored?;
                let line = Shown::of(summary);
                self.output
                    .put(format!("{line}\n").as_bytes())
                    .map_err(|error| Failure::of_output(&error))?;
                self.output.drain(PATIENCE)?;
            }
        }
        Ok(())
    }
}

impl Drawn {
    fn note(&mut self, trouble: Shown) {
        if self.troubles.len() == TROUBLES_MAX {
            self.troubles.remove(0);
        }
        self.troubles.push(trouble);
    }

    /// Reads the keys that were pressed, without waiting. Also returns whether to draw again.
    fn read_keys(&mut self, session: &Session) -> io::Result<(Asked, bool)> {
        let mut changed = false;
        for pressed in self.keys.take() {
            changed = true;
            match pressed? {
                Pressed::Screen(key) => self.screen.key(key, session),
                Pressed::Quit => return Ok((Asked::Quit, true)),
                Pressed::Interrupt => return Ok((Asked::Interrupt, true)),
                #[cfg(unix)]
                Pressed::Suspend => super::terminal::ask_to_suspend(),
                Pressed::Other => {}
            }
        }
        Ok((Asked::Nothing, changed))
    }
}
