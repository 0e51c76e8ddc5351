//! [`Terminal`]: the terminal while it is drawn on, and how it is given back.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::queue;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;

use crate::output::{Output, Unwritten};

/// How long giving the terminal back may wait for one that takes nothing.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(300);

/// A terminal that is drawn on. Nothing here waits for it: see [`draw`](Terminal::draw).
#[derive(Debug)]
pub(crate) struct Terminal {
    drawn: ratatui::Terminal<CrosstermBackend<Pen>>,
    screen: Restorer,
}

/// Gives the terminal back, once, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Restorer {
    output: Output,
    is_taken: Arc<AtomicBool>,
}

/// Collects what is drawn, and hands it over as a whole.
#[derive(Debug)]
struct Pen {
    output: Output,
    drawn: Vec<u8>,
}

impl Terminal {
    /// Takes the terminal over. It is given back by [`Restorer::restore`], and on a panic.
    ///
    /// # Errors
    ///
    /// If there is no terminal to read keys from, or it does not do what it should.
    pub(crate) fn take(output: &Output) -> io::Result<Terminal> {
        let restorer = Restorer { output: output.clone(), is_taken: Arc::default() };
        enable_raw_mode()?;
        let drawn = match Pen::terminal(output) {
            Ok(drawn) => drawn,
            Err(error) => {
                disable_raw_mode()?;
                return Err(error);
            }
        };
        let terminal = Terminal { drawn, screen: restorer };
        terminal.screen.enter()?;
        let (restorer, before) = (terminal.screen.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            let _ = restorer.restore();
            before(panic);
        }));
        Ok(terminal)
    }

    pub(crate) fn restorer(&self) -> Restorer {
        self.screen.clone()
    }

    /// Draws, unless the terminal has not taken yet what was drawn before: then this picture is left out, and the
    /// next one shows all that has changed.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.screen.output.check()?;
        if self.screen.output.is_idle() && self.screen.is_taken.load(Ordering::Acquire) {
            self.drawn.draw(draw)?;
        }
        Ok(())
    }

    /// Takes the terminal over again.
    #[cfg(unix)]
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.screen.enter()?;
        // It knows nothing of what is on the screen, as there is nothing: the next picture is drawn as a whole.
        self.drawn = Pen::terminal(&self.screen.output)?;
        Ok(())
    }
}

impl Restorer {
    fn enter(&self) -> io::Result<()> {
        self.is_taken.store(true, Ordering::Release);
        let mut sequence = Vec::new();
        queue!(sequence, EnterAlternateScreen, Clear(ClearType::All))?;
        self.output.put(&sequence)
    }

    /// Gives the terminal back, as far as it can be without waiting for long. Says whether it took that.
    pub(crate) fn restore(&self) -> Result<(), Unwritten> {
        if !self.is_taken.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let mut sequence = Vec::new();
        // What fails here cannot be told on this terminal.
        let _ = disable_raw_mode();
        let _ = queue!(sequence, LeaveAlternateScreen, Show);
        let _ = self.output.put_instead(&sequence);
        self.output.drain(RESTORE_TIMEOUT)
    }
}

impl Pen {
    fn terminal(output: &Output) -> io::Result<ratatui::Terminal<CrosstermBackend<Pen>>> {
        ratatui::Terminal::new(CrosstermBackend::new(Pen { output: output.clone(), drawn: Vec::new() }))
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drawn.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.drawn.is_empty() {
            self.output.put(&self.drawn)?;
            self.drawn.clear();
        }
        Ok(())
    }
}

/// Stops this process and those that were started with it, until they are to go on: Ctrl-Z. This one only hears of
/// it, and stops when it has given the terminal back.
#[cfg(unix)]
pub(crate) fn ask_to_suspend() {
    // Without a right to do so there is nobody to suspend.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

/// Stops this process, until it is to go on.
#[cfg(unix)]
pub(crate) fn suspend() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}
