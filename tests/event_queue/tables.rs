//! Tests the queue by tables: scripts of events that go in, and what comes out.

use gemini_ws::{Endpoint, Event, EventQueue, Overflow, Replay, Scratch};

use super::words::{event, push, run, take_all};

#[test]
fn tables() {
    use Overflow::{Block, DropOldest, Latest};
    // policy, the greatest number of events, pushed and taken, what came out
    let table = [
        (Block, 2, "", ""),
        (Block, 2, "a1 b1", "a1 b1"),
        (Block, 2, "a1 - - b1", "a1 b1"),
        // The owner reads on although there is no room.
        (Block, 2, "a1 b1 b2", "a+1 b1 b2"),
        // L-118: the loss of one event is reported in its place, with the number of lost events.
        (DropOldest, 2, "a1 a2 a3", "a+1 a2 a3"),
        (DropOldest, 2, "a1 a2 a3 a4 a5", "a+3 a4 a5"),
        (DropOldest, 2, "a1 b1 b2 b3", "a+1 b+1 b2 b3"),
        (DropOldest, 2, "a1 b1 c1 d1 e1", "a+1 b+1 c+1 d1 e1"),
        (DropOldest, 1, "a1 a2 b1", "a+2 b1"),
        // Facts have their own room, and keep their places.
        (DropOldest, 2, "a1 !1 a2 !2 a3 !3", "a+1 !1 a2 !2 a3 !3"),
        (DropOldest, 1, "!1 a1 !2 a2 !3 a3 !4", "!1 a+2 !2 !3 a3 !4"),
        // The event after an `Overflow` event is kept. Later losses are reported after it.
        (DropOldest, 3, "a1 a2 a3 a4 - a5 a6", "a+1 a2 a+1 a4 a5 a6"),
        (DropOldest, 3, "a1 a2 a3 a4 - b1 b2 - - b3", "a+1 a2 a+1 a4 b1 b2 b3"),
        (DropOldest, 3, "a1 b1 c1 c2 - c3", "a+1 b1 c1 c2 c3"),
        // The kept event does not count towards the limit.
        (DropOldest, 1, "a1 a2 - a3", "a+1 a2 a3"),
        (DropOldest, 2, "a1 b1 b2 b3 - - c1", "a+1 b+1 b2 b3 c1"),
        // The newest event takes the place of the one before.
        (Latest, 3, "A1 b1 A2 b2 A3", "A3 b1 b2"),
        (Latest, 3, "A1 B1 A2 B2 A3 -", "A3 B2"),
        (Latest, 3, "A1 - A2 A3", "A1 A3"),
        // But it does not move before a fact.
        (Latest, 3, "A1 B1 !1 A2 B2 A3", "!1 A3 B2"),
        (Latest, 3, "A1 !1 - - A2 !2 A3", "A1 !1 !2 A3"),
        // More streams than there is room for.
        (Latest, 2, "A1 B1 C1 A2", "A+1 B+1 C1 A2"),
        // An event that was replaced after an `Overflow` event moves to the end.
        (Latest, 2, "A1 B1 C1 - A2 B2 C2 !1 A3 D1 E1", "A+1 B1 C+2 A+2 B+1 !1 D1 E1"),
        // Nothing else is replaced: neither trades, nor any event under `DropOldest`.
        (Latest, 2, "a1 A1 a2 a3 A2 a4", "a+2 A2 a3 a4"),
        (DropOldest, 2, "A1 A2 A3", "A+1 A2 A3"),
    ];
    for (overflow, events_max, script, expected) in table {
        let (taken, queue) = run(overflow, events_max, script);
        assert_eq!(taken, expected, "{overflow:?} {events_max}: {script}");
        assert!(queue.is_empty() && queue.bytes() == 0, "{script}");
    }
}

/// Tests which kinds of events are facts, and which topic and symbol report the loss of any other kind.
#[test]
fn kinds() {
    let id = r#""E":1,"s":"ab""#;
    let table = [
        (r#"{"u":1,"E":1,"s":"ab","b":"1","B":"1","a":"2","A":"1"}"#.to_owned(), "BookTicker ab"),
        (format!(r#"{{"e":"depthUpdate",{id},"U":1,"u":1,"b":[],"a":[]}}"#), "Depth ab"),
        (r#"{"lastUpdateId":1,"symbol":"ab","bids":[],"asks":[]}"#.to_owned(), "PartialDepth ab"),
        (r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#.to_owned(), "PartialDepth"),
        (format!(r#"{{"e":"markPrice",{id},"p":"1"}}"#), "MarkPrice ab"),
        (
            format!(r#"{{"e":"fundingAmount",{id},"T":1,"i":60,"f":"1","r":"1","p":"1","R":false}}"#),
            "FundingAmount ab",
        ),
        (r#"{"future":1}"#.to_owned(), "Other"),
        (format!(r#"{{{id},"i":5,"X":"OPEN"}}"#), "fact"),
        (r#"{"e":"orderSnapshot","orders":[]}"#.to_owned(), "fact"),
        (r#"{"e":"balanceUpdate","E":1,"B":[]}"#.to_owned(), "fact"),
        (r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[]}"#.to_owned(), "fact"),
        (r#"{"e":"requestForQuote","E":1,"r":"r","l":[],"S":"OPEN"}"#.to_owned(), "RequestForQuote"),
        (r#"{"e":"requestForQuote","i":"e","E":1,"r":"r","x":"CLOSED","S":"OPEN"}"#.to_owned(), "fact"),
    ];
    for (frame, expected) in table {
        let mut scratch = Scratch::new();
        let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
        queue.push(&event(&frame, &mut scratch));
        push(&mut queue, ('z', 1));
        let told = match queue.take().unwrap().as_event() {
            Event::Overflow { topic, symbol: Some(symbol), dropped: 1 } => format!("{topic:?} {symbol}"),
            Event::Overflow { topic, symbol: None, dropped: 1 } => format!("{topic:?}"),
            _ => "fact".to_owned(),
        };
        assert_eq!(told, expected, "{frame}");
    }
}

/// A batch is dropped as a whole, and reported for each of its streams with the number of its parts.
#[test]
fn batches() {
    let frame = r#"{"type":"l2_updates","symbol":"AB","changes":[["buy","1","1"]],"trades":[
        {"type":"trade","symbol":"AB","event_id":1,"timestamp":1,"price":"1","quantity":"2","side":"sell"},
        {"type":"trade","symbol":"AB","event_id":2,"timestamp":1,"price":"1","quantity":"2","side":"sell"}]}"#;
    let mut scratch = Scratch::new();
    let batch = Replay::new(Endpoint::MarketDataV2).event(frame, &mut scratch).unwrap().unwrap();
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    queue.push(&batch);
    push(&mut queue, ('z', 1));
    assert_eq!(queue.dropped(), 1);
    assert_eq!(take_all(&mut queue), ["!+1", "AB+2", "z1"]);
}
