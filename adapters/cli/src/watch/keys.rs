//! [`Keys`]: a thread that reads keys from the terminal.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::screen::Key;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pressed {
    Screen(Key),
    Quit,
    /// Ctrl-C, which arrives as a key, not as a signal, while `watch` draws on the terminal.
    Interrupt,
    /// Ctrl-Z, which arrives as a key, not as a signal, while `watch` draws on the terminal.
    #[cfg(unix)]
    Suspend,
    /// Nothing to do except to draw again.
    Other,
}

/// The capacity of the queue of keys, and the maximum number of keys that [`Keys::take`] returns.
const WAITING_MAX: usize = 1_024;

/// The keys that were pressed, and other input such as a new size of the terminal.
///
/// A separate thread reads the input, because a read may never return.
#[derive(Debug)]
pub(crate) struct Keys(Receiver<io::Result<Pressed>>);

impl Keys {
    pub(crate) fn listen() -> io::Result<Keys> {
        let (sender, keys) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            loop {
                let pressed = event::read().map(of_input);
                let is_last = pressed.is_err();
                if sender.send(pressed).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Keys(keys))
    }

    pub(crate) fn take(&self) -> impl Iterator<Item = io::Result<Pressed>> {
        self.0.try_iter().take(WAITING_MAX)
    }
}

fn of_input(input: Input) -> Pressed {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => of(key),
        _ => Pressed::Other,
    }
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
