//! [`Shown`]: text for people, without characters that control a terminal.

use std::fmt::{self, Display, Write};

/// One line of text in which characters that control a terminal are escapes such as `\u{1b}`.
///
/// Everything that is printed for people or drawn on the screen has this type, so text of a venue, a file or an
/// argument is always escaped.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Shown(String);

impl Shown {
    pub(crate) fn of(text: impl Display) -> Shown {
        let mut shown = Escaped(String::new());
        // If a `Display` fails, the text so far is used.
        let _ = write!(shown, "{text}");
        Shown(shown.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

struct Escaped(String);

impl Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if acts(character) {
                self.0.extend(character.escape_unicode());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// Returns whether a terminal or an editor would act on a character instead of showing it.
pub(crate) const fn acts(character: char) -> bool {
    matches!(
        character,
        // C0, DEL and C1
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Marks, embeddings, overrides and isolates of direction
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Separators of lines and paragraphs
        | '\u{2028}' | '\u{2029}'
        // Invisible characters, which can hide others
        | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts() {
        let table = [
            ("plain, äöü – ✓", "plain, äöü – ✓"),
            ("a\nsummary: all is well", r"a\u{a}summary: all is well"),
            ("\u{1b}[2J\u{7}", r"\u{1b}[2J\u{7}"),
            ("\u{9b}2J\u{85}\u{7f}", r"\u{9b}2J\u{85}\u{7f}"),
            ("\u{202e}live\u{2069}\u{200f}", r"\u{202e}live\u{2069}\u{200f}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
        ];
        for (text, expected) in table {
            let shown = Shown::of(text);
            assert_eq!(shown.as_str(), expected, "{text:?}");
            assert_eq!(Shown::of(&shown), shown, "again");
            assert!(!shown.as_str().contains(acts));
        }
    }
}
