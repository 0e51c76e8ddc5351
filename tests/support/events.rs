//! Checks what must hold for the events of any message.

use std::collections::BTreeMap;

use gemini_ws::{
    ChangeReason, Endpoint, Event, EventBuf, Level, MarketEntry, MarketUpdate, Message, Replay, Scratch, Side,
};

use super::reading;

/// Checks the events that `Replay` makes of a message, as if it were the first message of a link.
///
/// # Panics
///
/// If a check fails.
pub fn check(endpoint: Endpoint, text: &str, message: &Message<'_>) {
    let mut scratch = Scratch::new();
    scratch.set_symbol(reading::SYMBOL.parse().ok());
    let event = Replay::new(endpoint).event(text, &mut scratch).expect("it was decoded");
    let Some(event) = event else { return };
    same(&event);
    for part in event.parts() {
        assert!(!matches!(part, Event::Batch(..)), "{part:?}");
        same(&part);
    }
    match (&event, message) {
        (Event::Batch(batch, _), _) => assert_eq!(batch.message(), *message),
        (_, Message::MarketUpdate(_)) => panic!("{event:?}"),
        _ => {}
    }
    if let Message::MarketUpdate(update) = message {
        assert_eq!(told(&event), changed(update), "{message:?}");
    }
}

pub fn same(event: &Event<'_>) {
    let mut owned = EventBuf::from(event);
    let (mut copy, mut scratch) = (owned.clone(), Scratch::new());
    assert_eq!(owned.event_in(&mut scratch), *event);
    assert_eq!(owned.as_event(), *event);
    assert_eq!(copy.as_event(), *event);
    assert_eq!(format!("{owned:?}"), format!("{event:?}"));
    assert_eq!(EventBuf::from(&owned.as_event()).as_event(), *event);
}

/// The changed levels of each symbol and side, in the order of the frame. `None` stands for a best level that the
/// update removes.
type Levels<'f> = BTreeMap<(&'f str, Side), Vec<Option<Level>>>;

fn changed<'f>(update: &MarketUpdate<'f>) -> Levels<'f> {
    let mut levels = Levels::new();
    for entry in update.entries {
        let MarketEntry::Change(change) = entry else { continue };
        let symbol = change.symbol.or(update.symbol).unwrap_or_default();
        let level = Level { price: change.price, quantity: change.remaining };
        let gone = change.reason == ChangeReason::TopOfBook && change.remaining.is_zero();
        levels.entry((symbol, change.side)).or_default().push(Some(level).filter(|_| !gone));
    }
    levels
}

fn told<'f>(event: &Event<'f>) -> Levels<'f> {
    let mut levels = Levels::new();
    for part in event.parts() {
        match part {
            Event::DepthSnapshot(depth, _) | Event::DepthUpdate(depth, _) => {
                for (side, of_side) in [(Side::Buy, depth.bids), (Side::Sell, depth.asks)] {
                    if !of_side.is_empty() {
                        let all = levels.entry((depth.symbol, side)).or_default();
                        all.extend(of_side.iter().copied().map(Some));
                    }
                }
            }
            Event::TopOfBook(top, _) => levels.entry((top.symbol, top.side)).or_default().push(top.level),
            _ => {}
        }
    }
    levels
}
