//! Compares the map of symbols with a plain map.

extern crate std;
use super::*;
use std::collections::BTreeMap;

/// Uses enough symbols to grow the table several times.
#[test]
fn agrees_with_a_plain_map() {
    let mut map = SymbolMap::new();
    let mut plain = BTreeMap::new();
    let mut state = 1_u64;
    for step in 0..5_000_u32 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let name = std::format!("sym{}usd", (state >> 33) % 200);
        let symbol: Symbol = name.parse().unwrap();
        if state >> 62 == 0 {
            assert_eq!(map.remove(symbol), plain.remove(&name), "{name}");
        } else {
            let upper: Symbol = name.to_uppercase().parse().unwrap();
            *map.get_or_insert(upper, || step).unwrap() = step;
            plain.insert(name, step);
        }
    }
    for number in 0..200 {
        let name = std::format!("sym{number}usd");
        assert_eq!(map.get(&name), plain.get(&name));
    }
    assert_eq!(map.iter().count(), plain.len());
}
