//! The names of members, and the slot of each in the table that a frame is read into.

use crate::message::Text;

/// Slots of the table; a set of slots is a `u128`.
pub(super) const SLOTS: usize = 72;

/// The names that one generation of the API uses, and the slot of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Whether letters are names, each with a slot of its own.
    pub(super) letters: bool,
    /// The other names, in the order in which the venue writes them.
    pub(super) long: &'static [(&'static str, u8)],
    /// All slots are below this.
    pub(super) slots: usize,
}

/// The slot of a one-letter name.
pub(super) const fn letter(name: u8) -> u8 {
    debug_assert!(name.is_ascii_alphabetic());
    name.wrapping_sub(b'@')
}

/// The names of `wss://ws.gemini.com`; long ones have slots that no letter has.
pub(super) const STREAM_NAMES: Names = Names {
    letters: true,
    long: &[
        ("id", ID),
        ("status", STATUS),
        ("error", ERROR),
        ("result", RESULT),
        ("rateLimits", RATE_LIMITS),
        ("lastUpdateId", LAST_UPDATE_ID),
        ("bids", BIDS),
        ("asks", ASKS),
        ("symbol", SYMBOL),
        ("orders", ORDERS),
        ("type", TYPE),
        ("settlements", SETTLEMENTS),
        ("sz", SIZE),
        ("qs", QUOTE_STATUS),
        ("vu", VALID_UNTIL),
    ],
    slots: SLOTS,
};
pub(super) const ID: u8 = 0;
pub(super) const STATUS: u8 = 27;
pub(super) const ERROR: u8 = 28;
pub(super) const RESULT: u8 = 29;
pub(super) const RATE_LIMITS: u8 = 30;
pub(super) const LAST_UPDATE_ID: u8 = 31;
pub(super) const BIDS: u8 = 32;
pub(super) const ASKS: u8 = 59;
pub(super) const SYMBOL: u8 = 60;
pub(super) const ORDERS: u8 = 61;
pub(super) const TYPE: u8 = 62;
pub(super) const SETTLEMENTS: u8 = 63;
pub(super) const SIZE: u8 = 64;
pub(super) const QUOTE_STATUS: u8 = 65;
pub(super) const VALID_UNTIL: u8 = 66;

/// The set of the given slots.
pub(super) const fn set(slots: &[u8]) -> u128 {
    let mut set = 0;
    let mut rest = slots;
    while let [slot, tail @ ..] = rest {
        set |= 1 << *slot;
        rest = tail;
    }
    set
}

impl Names {
    /// The name of a slot.
    pub(super) fn name(&self, slot: u8) -> &'static str {
        const LETTERS: &str = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz";
        match self.long.iter().find(|(_, of)| *of == slot) {
            Some((name, _)) => name,
            None => LETTERS.get(usize::from(slot)..usize::from(slot).wrapping_add(1)).unwrap_or_default(),
        }
    }

    /// The slot of a name; `hint` is the place in the table where it probably is.
    pub(super) fn slot(&self, name: &str, escaped: bool, hint: &mut usize) -> Option<u8> {
        if escaped {
            return self.escaped(name);
        }
        match name.as_bytes() {
            [name] if self.letters && name.is_ascii_alphabetic() => return Some(letter(*name)),
            _ => {}
        }
        let is = |(long, _): &&(&str, u8)| *long == name;
        // From there on, then from the beginning: the order seldom differs, though some are left out.
        let (before, behind) = self.long.split_at_checked(*hint).unwrap_or((self.long, &[]));
        let found = behind.iter().position(|long| is(&long)).map(|position| hint.wrapping_add(position));
        let position = found.or_else(|| before.iter().position(|long| is(&long)))?;
        let (_, slot) = self.long.get(position)?;
        *hint = position.wrapping_add(1);
        Some(*slot)
    }

    /// No peer escapes a letter, but JSON says that `"\u0065"` is `"e"`.
    #[cold]
    fn escaped(&self, name: &str) -> Option<u8> {
        let letters = (b'A'..=b'Z').chain(b'a'..=b'z').map(letter).filter(|_| self.letters);
        letters.chain(self.long.iter().map(|(_, slot)| *slot)).find(|slot| Text(name) == *self.name(*slot))
    }
}

/// Makes the table of an archived endpoint's names, each with a constant for its slot; other spellings of
/// one name stand behind it.
macro_rules! names {
    ($table:ident { $($slot:ident = $name:literal $(| $also:literal)*,)+ }) => {
        super::names::names!(@count 0_u8; $($slot)+);
        pub(super) const $table: Names = Names {
            letters: false,
            long: &[$(($name, $slot), $(($also, $slot),)*)+],
            slots: [$($slot),+].len(),
        };
    };
    (@count $number:expr; $slot:ident $($rest:ident)*) => {
        const $slot: u8 = $number;
        super::names::names!(@count $number + 1; $($rest)*);
    };
    (@count $number:expr;) => {};
}
pub(super) use names;
