//! Faults of the cost of losses, which a venue can cause with every frame.

use gemini_ws::{Balances, Event, EventBuf, Frame, Scratch, Topic};

use super::fed::{Fed, t};
use super::links::least_time;

/// Returns `count` current balances, and an event that reports one of them.
fn balances(count: usize) -> (Balances, EventBuf) {
    let mut fed = Fed::private(&["balances@account"]);
    for begin in (0..count).step_by(5_000) {
        let rows: Vec<String> =
            (begin..count.min(begin + 5_000)).map(|n| format!(r#"{{"a":"A{n}","f":"1","c":"1"}}"#)).collect();
        fed.feed(2, &format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{}]}}"#, rows.join(",")));
    }
    assert_eq!(fed.balances.iter().count(), count);
    let text = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"A1","f":"1","c":"1"}]}"#;
    let mut scratch = Scratch::new();
    let told = fed.client.handle_frame(fed.link, t(3), Frame::Text(text), &mut scratch).unwrap();
    (fed.balances, EventBuf::from(&told))
}

/// Between any two losses, one balance becomes current again. Such a loss does not visit the others.
#[test]
fn the_cost_of_a_loss_does_not_grow_with_what_is_stale_already() {
    let lost = Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 };
    let lose = |(balances, told): &mut (Balances, EventBuf)| {
        for _ in 0..100 {
            balances.apply(&told.as_event());
            assert_eq!(balances.stale_reason("A1"), None);
            balances.apply(&lost);
            assert!(balances.stale_reason("A1").is_some() && balances.stale_reason("A2").is_some());
        }
    };
    let (few, many) = (least_time(&balances(100), lose), least_time(&balances(50_000), lose));
    assert!(many < few * 8, "100 balances: {few:?}, 50,000: {many:?} for a hundred losses");
}
