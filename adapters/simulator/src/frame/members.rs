//! [`Members`]: a JSON object whose members can be written in two orders, because both orders occur in frames of
//! archived market data.
//!
//! The archived market data endpoints write prices with the decimals of their tick, and quantities without trailing
//! zeros.

use std::fmt::Write;

use crate::frame::public::push_digits;
use crate::value::instrument::Instrument;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MemberOrder {
    /// The order in the venue's documents.
    Documented,
    /// Sorted by name, as in some recorded frames of market data v1 and v2.
    Alphabetical,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Members(Vec<(&'static str, String)>);

impl Members {
    pub(crate) fn of_type(kind: &str) -> Members {
        Members::default().text("type", kind)
    }

    /// Adds a member whose value is a string that needs no escapes.
    pub(crate) fn text(self, name: &'static str, value: &str) -> Members {
        self.json(name, format!("\"{value}\""))
    }

    /// Adds a member whose value is JSON already, for example a number.
    pub(crate) fn json(mut self, name: &'static str, value: impl Into<String>) -> Members {
        self.0.push((name, value.into()));
        self
    }

    pub(crate) fn integer(self, name: &'static str, value: impl Into<i128>) -> Members {
        let value: i128 = value.into();
        self.json(name, value.to_string())
    }

    pub(crate) fn price(self, name: &'static str, instrument: &Instrument, price: u64) -> Members {
        let mut text = String::new();
        push_price(&mut text, instrument, price);
        self.text(name, &text)
    }

    pub(crate) fn decimal(self, name: &'static str, units: u64, decimals: u8) -> Members {
        let mut text = String::new();
        push_trimmed(&mut text, units, decimals);
        self.text(name, &text)
    }

    pub(crate) fn finish(mut self, order: MemberOrder) -> String {
        if order == MemberOrder::Alphabetical {
            self.0.sort_unstable_by_key(|(name, _)| *name);
        }
        let mut text = String::from("{");
        for (position, (name, value)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}\"{name}\":{value}");
        }
        text.push('}');
        text
    }
}

/// Writes a price with as many decimals as its tick has. A price that is no multiple of the tick gets as many
/// decimals as it needs.
pub(crate) fn push_price(text: &mut String, instrument: &Instrument, price: u64) {
    if !price.is_multiple_of(instrument.tick) {
        return push_trimmed(text, price, instrument.price_decimals);
    }
    let (mut tick, mut price, mut decimals) = (instrument.tick, price, instrument.price_decimals);
    while decimals > 0 && tick.is_multiple_of(10) {
        (tick, price, decimals) = (tick / 10, price / 10, decimals - 1);
    }
    push_digits(text, price, decimals);
}

pub(crate) fn push_trimmed(text: &mut String, units: u64, decimals: u8) {
    let (mut units, mut decimals) = (units, decimals);
    while decimals > 0 && units.is_multiple_of(10) {
        (units, decimals) = (units / 10, decimals - 1);
    }
    push_digits(text, units, decimals);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        let instrument = |name: &str| Instrument::of(name.parse().unwrap());
        for (name, price, expected) in [
            ("btcusd", 8_336_120_000, "83361.20"),
            ("btcusd", 8_336_120_500, "83361.205"),
            ("btcgusdperp", 83_395_000, "83395.0"),
            ("xrpusd", 242_000, "2.42000"),
        ] {
            let mut text = String::new();
            push_price(&mut text, &instrument(name), price);
            assert_eq!(text, expected);
        }
        for (units, decimals, expected) in
            [(0, 8, "0"), (500, 2, "5"), (1_320, 3, "1.32"), (7, 8, "0.00000007"), (10, 0, "10")]
        {
            let mut text = String::new();
            push_trimmed(&mut text, units, decimals);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn orders() {
        let members = Members::of_type("x").integer("b", -1).decimal("a", 120, 2);
        let [documented, alphabetical] =
            [MemberOrder::Documented, MemberOrder::Alphabetical].map(|order| members.clone().finish(order));
        assert_eq!(documented, r#"{"type":"x","b":-1,"a":"1.2"}"#);
        assert_eq!(alphabetical, r#"{"a":"1.2","b":-1,"type":"x"}"#);
    }
}
