//! Faults of the cost of losses, which a venue can cause with every frame.

use gemini_ws::{Balances, Endpoint, Event, EventBuf, Frame, QuoteState, Quotes, Replay, Scratch, Topic};

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

/// Returns quotes for one request for quotes: one that is open, and `count` that were withdrawn.
fn quotes(count: usize) -> Quotes {
    let mut quotes = Quotes::new();
    for number in 0..=count {
        let status = if number == 0 { "ACTIVE" } else { "WITHDRAWN" };
        apply(&mut quotes, &format!(r#","q":"q{number}","qs":"{status}""#));
    }
    quotes
}

fn apply(quotes: &mut Quotes, members: &str) {
    let text =
        format!(r#"{{"e":"requestForQuote","i":"e1","E":1,"r":"r1","x":"CLOSED","S":"OPEN"{members}}}"#);
    let mut scratch = Scratch::new();
    assert!(quotes.apply(&Replay::new(Endpoint::Streams).event(&text, &mut scratch).unwrap().unwrap()));
}

/// A maker replaces its quote many times. An event about the request for quotes visits only the newest quote.
#[test]
fn the_cost_of_an_event_without_a_quote_does_not_grow_with_the_quotes_that_have_ended() {
    let hear = |quotes: &mut Quotes| {
        for _ in 0..1_000 {
            apply(quotes, "");
        }
        let states = ["q0", "q1"].map(|id| quotes.get(id).unwrap().state);
        assert_eq!(states, [QuoteState::Active, QuoteState::Withdrawn]);
    };
    let (few, many) = (least_time(&quotes(10), hear), least_time(&quotes(5_000), hear));
    assert!(many < few * 8, "10 quotes: {few:?}, 5,000: {many:?} for a thousand events");
}
