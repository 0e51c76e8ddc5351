//! Reads keys from the terminal.

use std::io;
use std::time::Duration;

use crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::screen::Key;

/// The meaning of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pressed {
    /// An action of the screen.
    Screen(Key),
    Quit,
    /// Ctrl-C, which arrives as a key on a screen.
    Interrupt,
    /// Ctrl-Z, which arrives as a key on a screen.
    #[cfg(unix)]
    Suspend,
    /// No action, but the picture must be drawn again.
    Other,
}

/// Returns the next key, or change of the terminal; `None` if there is none now.
pub(crate) fn next() -> io::Result<Option<Pressed>> {
    if !event::poll(Duration::ZERO)? {
        return Ok(None);
    }
    Ok(Some(match event::read()? {
        Input::Key(key) if key.kind != KeyEventKind::Release => of(key),
        _ => Pressed::Other,
    }))
}

fn of(key: KeyEvent) -> Pressed {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Pressed::Screen(match key.code {
        KeyCode::Char('c') if control => return Pressed::Interrupt,
        #[cfg(unix)]
        KeyCode::Char('z') if control => return Pressed::Suspend,
        KeyCode::Char('q' | 'Q') => return Pressed::Quit,
        KeyCode::Up | KeyCode::Left | KeyCode::BackTab | KeyCode::Char('k') => Key::Previous,
        KeyCode::Down | KeyCode::Right | KeyCode::Tab | KeyCode::Char('j') => Key::Next,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Enter => Key::Zoom,
        KeyCode::Esc => Key::Back,
        _ => return Pressed::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let table = [
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Pressed::Interrupt),
            (KeyCode::Char('c'), KeyModifiers::NONE, Pressed::Other),
            (KeyCode::Char('q'), KeyModifiers::NONE, Pressed::Quit),
            (KeyCode::Enter, KeyModifiers::NONE, Pressed::Screen(Key::Zoom)),
            (KeyCode::Esc, KeyModifiers::NONE, Pressed::Screen(Key::Back)),
            (KeyCode::Char('G'), KeyModifiers::SHIFT, Pressed::Screen(Key::Last)),
        ];
        for (code, modifiers, expected) in table {
            assert_eq!(of(KeyEvent::new(code, modifiers)), expected, "{code:?}");
        }
        #[cfg(unix)]
        assert_eq!(of(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL)), Pressed::Suspend);
    }
}
