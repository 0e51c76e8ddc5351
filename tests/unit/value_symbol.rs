//! Tests symbols: that they ignore case, and their limits.

extern crate std;
use super::*;

#[test]
fn folding_ignores_case_only() {
    for (a, b) in [("btcusd", "BTCUSD"), ("GEMI-PRES2028-VANCE", "gemi-pres2028-vance"), ("a", "A")] {
        assert_eq!(fold(a.as_bytes()), fold(b.as_bytes()), "{a}");
    }
    // A difference in any byte makes two symbols different, whatever their length.
    let longest = "a".repeat(Symbol::LENGTH_MAX);
    for length in 1..=Symbol::LENGTH_MAX {
        for place in 0..length {
            let mut other = longest.as_bytes()[..length].to_vec();
            other[place] = b'b';
            assert_ne!(fold(&longest.as_bytes()[..length]), fold(&other), "{length} {place}");
        }
    }
    assert_ne!(fold(b"btcusd"), fold(b"ethusd"));
    assert_ne!(fold(b"btcgusdperp"), fold(b"btcusdperp"));
}

#[test]
fn bounds() {
    let longest = "a".repeat(Symbol::LENGTH_MAX);
    assert_eq!(longest.parse::<Symbol>().unwrap().as_str(), longest);
    for bad in ["", &"a".repeat(Symbol::LENGTH_MAX + 1), "btc usd", "btc\"usd", "bt\u{e9}", "a@b"] {
        assert!(bad.parse::<Symbol>().is_err(), "{bad}");
    }
}

#[test]
fn texts_of_a_symbol() {
    let symbol: Symbol = "btcusd".parse().unwrap();
    for (text, is_it) in [
        ("btcusd", true),
        ("BTCusd", true),
        ("btcus", false),
        ("btcusdt", false),
        ("", false),
        ("btcusd\0", false),
        ("btcusd\0\0", false),
        ("btcusd\0t", false),
    ] {
        assert_eq!(symbol.is(text), is_it, "{text:?}");
    }
    let longest = "a".repeat(Symbol::LENGTH_MAX);
    assert!(longest.parse::<Symbol>().unwrap().is(&longest));
}
