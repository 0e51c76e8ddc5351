//! [`Terminal`]: a terminal that is drawn on. [`Restorer`]: restores the terminal.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::Show;
#[cfg(unix)]
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, TerminalOptions, Viewport};

use crate::output::{Output, Unwritten};

/// How long restoring may wait for a terminal that takes nothing.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(300);

/// The size that is assumed for a terminal that reports none, such as a serial line.
const USUAL_SIZE: Rect = Rect::new(0, 0, 80, 24);

/// The maximum number of columns that are drawn; `ROWS_MAX` is the maximum number of rows. A picture takes memory for
/// each cell, and a terminal can report 65,535 columns and as many rows.
const COLUMNS_MAX: u16 = 1_000;
const ROWS_MAX: u16 = 500;

/// A terminal that is drawn on. No call waits for the terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    drawn: ratatui::Terminal<CrosstermBackend<Pen>>,
    area: Rect,
    screen: Restorer,
}

/// Restores a terminal that [`Terminal::take`] has taken over. Any thread can use it. Once the terminal is restored,
/// a further call has no effect until the terminal is taken over again.
#[derive(Clone, Debug)]
pub(crate) struct Restorer {
    output: Output,
    is_taken: Arc<AtomicBool>,
}

/// Collects the bytes of a picture, and passes them on as a whole.
#[derive(Debug)]
struct Pen {
    output: Output,
    drawn: Vec<u8>,
}

impl Terminal {
    /// Takes over the terminal. [`Restorer::restore`] or a panic restores it.
    ///
    /// # Errors
    ///
    /// If there is no terminal to read keys from, or it cannot be set up.
    pub(crate) fn take(output: &Output) -> io::Result<Terminal> {
        let restorer = Restorer { output: output.clone(), is_taken: Arc::default() };
        enable_raw_mode()?;
        let (area, drawn) = match area().and_then(|area| Ok((area, Pen::terminal(output, area)?))) {
            Ok(made) => made,
            Err(error) => {
                disable_raw_mode()?;
                return Err(error);
            }
        };
        let terminal = Terminal { drawn, area, screen: restorer };
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

    /// Draws a picture, or skips it if the terminal has not taken the previous one yet.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.screen.output.check()?;
        if self.screen.output.is_idle() && self.screen.is_taken.load(Ordering::Acquire) {
            let area = area()?;
            if self.area != area {
                self.area = area;
                self.drawn = Pen::terminal(&self.screen.output, area)?;
                // `drawn.clear` would wait until the terminal reports the position of its cursor.
                let mut sequence = Vec::new();
                queue!(sequence, Clear(ClearType::All))?;
                self.screen.output.put(&sequence)?;
            }
            self.drawn.draw(draw)?;
        }
        Ok(())
    }

    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.screen.enter()?;
        // A new `Terminal` of ratatui draws the next picture as a whole.
        self.drawn = Pen::terminal(&self.screen.output, self.area)?;
        Ok(())
    }
}

impl Restorer {
    fn enter(&self) -> io::Result<()> {
        self.is_taken.store(true, Ordering::Release);
        let mut sequence = Vec::new();
        queue!(sequence, EnterAlternateScreen, Clear(ClearType::All))?;
        // With bracketed paste, pasted text does not arrive as keys. Consoles of Windows may not have it.
        #[cfg(unix)]
        queue!(sequence, EnableBracketedPaste)?;
        self.output.put(&sequence)
    }

    /// Restores the terminal, without waiting for long. Fails if the terminal did not take the bytes.
    pub(crate) fn restore(&self) -> Result<(), Unwritten> {
        if !self.is_taken.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let mut sequence = Vec::new();
        if is_in_foreground() {
            // A failure cannot be reported on this terminal.
            let _ = disable_raw_mode();
        }
        let _ = queue!(sequence, LeaveAlternateScreen, Show);
        #[cfg(unix)]
        let _ = queue!(sequence, DisableBracketedPaste);
        let _ = self.output.put_instead(&sequence);
        self.output.drain(RESTORE_TIMEOUT)
    }
}

/// Returns the part of the terminal to draw on. A terminal that does not report its size has no rows or no columns.
fn area() -> io::Result<Rect> {
    Ok(match crossterm::terminal::size()? {
        (0, _) | (_, 0) => USUAL_SIZE,
        (columns, rows) => Rect::new(0, 0, columns.min(COLUMNS_MAX), rows.min(ROWS_MAX)),
    })
}

impl Pen {
    fn terminal(output: &Output, area: Rect) -> io::Result<ratatui::Terminal<CrosstermBackend<Pen>>> {
        let pen = CrosstermBackend::new(Pen { output: output.clone(), drawn: Vec::new() });
        ratatui::Terminal::with_options(pen, TerminalOptions { viewport: Viewport::Fixed(area) })
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drawn.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Passes the picture to the output. Always returns `Ok`, because ratatui flushes while it is dropped, and would
    /// print an error or panic. The next [`Terminal::draw`] returns the error.
    fn flush(&mut self) -> io::Result<()> {
        if !self.drawn.is_empty() {
            let _ = self.output.put(&self.drawn);
            self.drawn.clear();
        }
        Ok(())
    }
}

/// Stops all processes of this process group until they are continued, as Ctrl-Z does. This process handles the
/// signal, and stops after restoring the terminal.
#[cfg(unix)]
pub(crate) fn ask_to_suspend() {
    // If the operating system does not permit this, no process stops.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

/// Stops this process with SIGTTIN until a shell continues it. Without such a shell, the operating system ignores
/// SIGTTIN. SIGSTOP would stop the process even then. SIGTSTP would not stop it, because this process handles
/// SIGTSTP.
#[cfg(unix)]
pub(crate) fn suspend() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TTIN);
}

/// Returns whether this process may use the terminal: it is in the foreground, or there is no job control. The
/// operating system stops a process that uses the terminal in the background.
pub(crate) fn is_in_foreground() -> bool {
    #[cfg(unix)]
    return rustix::termios::tcgetpgrp(io::stdout())
        .map_or(true, |group| group == rustix::process::getpgrp());
    #[cfg(not(unix))]
    true
}
