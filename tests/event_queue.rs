//! The queue of events: tables, a plain model, and what an owner with it does in failure scenarios.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Abandoned, Balances, Book, Books, Client, CloseReason, Config, ConnectFailure, Endpoint, Event, EventBuf,
    EventQueue, Frame, Instant, Lost, Orders, Output, Overflow, Positions, RESERVED_EVENTS_MAX, Replay,
    Scratch, StaleReason, Stream, Topic,
};
use proptest::prelude::*;
use support::single;

/// An event in a word: a letter for the stream, and a number that rises in it. Small letters are
/// trades of a symbol; capitals are its best bid and ask, which a newer one can replace; `!` is a fact,
/// a gap of the symbol `x`.
type Word = (char, u64);

fn frame((stream, number): Word) -> String {
    let symbol = stream.to_ascii_lowercase();
    if stream.is_ascii_uppercase() {
        format!(r#"{{"u":{number},"E":1,"s":"{symbol}","b":"1","B":"1","a":"2","A":"1"}}"#)
    } else {
        format!(r#"{{"E":1,"s":"{symbol}","t":{number},"p":"1.5","q":"2","m":true}}"#)
    }
}

fn push(queue: &mut EventQueue, word: Word) {
    if word.0 == '!' {
        let symbol = "x".parse().unwrap();
        queue.push(&Event::Gap { link: None, id: None, symbol, expected: word.1, got: None });
    } else {
        let mut scratch = Scratch::new();
        queue.push(&event(&frame(word), &mut scratch));
    }
}

/// The event of a frame by itself.
fn event<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Event<'f> {
    Replay::new(Endpoint::Streams).event(frame, scratch).expect(frame).unwrap()
}

/// What was taken: a word, or the stream with `+` and the number of those that were dropped.
fn describe(event: &Event<'_>) -> String {
    match event {
        Event::Trade(trade, _) => format!("{}{}", trade.symbol, trade.trade_id),
        Event::BookTicker(ticker, _) => format!("{}{}", ticker.symbol.to_ascii_uppercase(), ticker.update_id),
        Event::Gap { expected, .. } => format!("!{expected}"),
        Event::Overflow { topic, symbol, dropped } => {
            let symbol = symbol.map_or("-".to_owned(), |symbol| symbol.to_string());
            match topic {
                Topic::Trade => format!("{symbol}+{dropped}"),
                Topic::BookTicker => format!("{}+{dropped}", symbol.to_ascii_uppercase()),
                Topic::Depth => format!("!+{dropped}"),
                topic => format!("{topic:?}+{dropped}"),
            }
        }
        event => format!("{event:?}"),
    }
}

fn take(queue: &mut EventQueue) -> Option<String> {
    queue.take().map(|mut taken| describe(&taken.as_event()))
}

fn take_all(queue: &mut EventQueue) -> Vec<String> {
    std::iter::from_fn(|| take(queue)).collect()
}

/// Words are pushed, `-` takes one; in the end all are taken.
fn run(overflow: Overflow, events_max: usize, script: &str) -> (String, EventQueue) {
    let mut queue = EventQueue::new(overflow).events_max(events_max);
    let mut taken = Vec::new();
    for step in script.split_whitespace() {
        match step.split_at(1) {
            ("-", _) => taken.extend(take(&mut queue)),
            (stream, number) => push(&mut queue, (stream.chars().next().unwrap(), number.parse().unwrap())),
        }
    }
    taken.extend(take_all(&mut queue));
    (taken.join(" "), queue)
}

#[test]
fn tables() {
    use Overflow::{Block, DropOldest, Latest};
    // policy, the most events, pushed and taken, what came out
    let table = [
        (Block, 2, "", ""),
        (Block, 2, "a1 b1", "a1 b1"),
        (Block, 2, "a1 - - b1", "a1 b1"),
        // Who reads on although there is no room.
        (Block, 2, "a1 b1 b2", "a+1 b1 b2"),
        // L-118: by one, in its place, with its number.
        (DropOldest, 2, "a1 a2 a3", "a+1 a2 a3"),
        (DropOldest, 2, "a1 a2 a3 a4 a5", "a+3 a4 a5"),
        (DropOldest, 2, "a1 b1 b2 b3", "a+1 b+1 b2 b3"),
        (DropOldest, 2, "a1 b1 c1 d1 e1", "a+1 b+1 c+1 d1 e1"),
        (DropOldest, 1, "a1 a2 b1", "a+2 b1"),
        // Facts have their own room, and their place.
        (DropOldest, 2, "a1 !1 a2 !2 a3 !3", "a+1 !1 a2 !2 a3 !3"),
        (DropOldest, 1, "!1 a1 !2 a2 !3 a3 !4", "!1 a+2 !2 !3 a3 !4"),
        // The event after an announcement is kept: what is dropped later is announced after it.
        (DropOldest, 3, "a1 a2 a3 a4 - a5 a6", "a+1 a2 a+1 a4 a5 a6"),
        (DropOldest, 3, "a1 a2 a3 a4 - b1 b2 - - b3", "a+1 a2 a+1 a4 b1 b2 b3"),
        (DropOldest, 3, "a1 b1 c1 c2 - c3", "a+1 b1 c1 c2 c3"),
        // Even where it is one more than fit.
        (DropOldest, 1, "a1 a2 - a3", "a+1 a2 a3"),
        (DropOldest, 2, "a1 b1 b2 b3 - - c1", "a+1 b+1 b2 b3 c1"),
        // The newest takes the place of the one before.
        (Latest, 3, "A1 b1 A2 b2 A3", "A3 b1 b2"),
        (Latest, 3, "A1 B1 A2 B2 A3 -", "A3 B2"),
        (Latest, 3, "A1 - A2 A3", "A1 A3"),
        // But not before a fact.
        (Latest, 3, "A1 B1 !1 A2 B2 A3", "!1 A3 B2"),
        (Latest, 3, "A1 !1 - - A2 !2 A3", "A1 !1 !2 A3"),
        // More streams than there is room for.
        (Latest, 2, "A1 B1 C1 A2", "A+1 B+1 C1 A2"),
        // One that was replaced after an announcement goes to the end.
        (Latest, 2, "A1 B1 C1 - A2 B2 C2 !1 A3 D1 E1", "A+1 B1 C+2 A+2 B+1 !1 D1 E1"),
        // Everything else.
        (Latest, 2, "a1 A1 a2 a3 A2 a4", "a+2 A2 a3 a4"),
        (DropOldest, 2, "A1 A2 A3", "A+1 A2 A3"),
    ];
    for (overflow, events_max, script, expected) in table {
        let (taken, queue) = run(overflow, events_max, script);
        assert_eq!(taken, expected, "{overflow:?} {events_max}: {script}");
        assert!(queue.is_empty() && queue.bytes() == 0, "{script}");
    }
}

/// Of each kind of event which room it waits in, and what its loss is called.
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

/// A batch is dropped whole, and announced for each stream with the number of its parts.
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

// ---- against a plain model -----------------------------------------------------------------

/// The rules again, over one list.
struct Model {
    overflow: Overflow,
    events_max: usize,
    /// With the number of each.
    list: Vec<(u64, Word)>,
    next: u64,
    /// Of each stream how many were dropped, and the place of the first of them.
    losses: BTreeMap<char, (u64, u64)>,
    /// What comes next: announcements, and the event after them, which stays whatever is pushed.
    ready: Vec<String>,
}

impl Model {
    fn new(overflow: Overflow, events_max: usize) -> Model {
        Model { overflow, events_max, list: Vec::new(), next: 0, losses: BTreeMap::new(), ready: Vec::new() }
    }

    fn is_replaceable(&self, stream: char) -> bool {
        self.overflow == Overflow::Latest && stream.is_ascii_uppercase()
    }

    fn push(&mut self, word: Word) {
        let (stream, _) = word;
        let replaceable = self.is_replaceable(stream);
        if replaceable && let Some(at) = self.list.iter().position(|(_, other)| other.0 == stream) {
            if self.list[at..].iter().all(|(_, other)| other.0 != '!') {
                self.list[at].1 = word;
                return;
            }
            self.list.remove(at);
        }
        if stream != '!' {
            let shares = |of: Word| of.0 != '!' && self.is_replaceable(of.0) == replaceable;
            let room: Vec<usize> = (0..self.list.len()).filter(|at| shares(self.list[*at].1)).collect();
            if room.len() >= self.events_max {
                let (place, gone) = self.list.remove(room[0]);
                let loss = self.losses.entry(gone.0).or_insert((0, place));
                *loss = (loss.0 + 1, loss.1.min(place));
            }
        }
        self.list.push((self.next, word));
        self.next += 1;
    }

    fn take(&mut self) -> Option<String> {
        if self.ready.is_empty() {
            let first = (!self.list.is_empty()).then(|| self.list.remove(0));
            let mut losses: Vec<_> = self.losses.iter().map(|(stream, (_, due))| (*due, *stream)).collect();
            losses.sort_unstable();
            let is_due = |due: u64| first.is_none_or(|(number, _)| due <= number);
            let mut announced: Vec<char> =
                losses.into_iter().filter(|(due, _)| is_due(*due)).map(|(_, stream)| stream).collect();
            announced.extend(first.map(|(_, word)| word.0));
            for stream in announced {
                let loss = self.losses.remove(&stream);
                self.ready.extend(loss.map(|(dropped, _)| format!("{stream}+{dropped}")));
            }
            self.ready.extend(first.map(|(_, (stream, number))| format!("{stream}{number}")));
        }
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }

    fn len(&self) -> usize {
        self.list.len() + usize::from(self.ready.iter().any(|it| !it.contains('+')))
    }
}

/// What a consumer can rely on, whatever the model says.
#[derive(Default)]
struct Consumer {
    /// Of each stream the number of the last event, and how many were announced as dropped since.
    seen: BTreeMap<char, (u64, u64)>,
    /// The streams whose losses were announced since the last event of any.
    announced: Vec<char>,
}

impl Consumer {
    fn take(&mut self, taken: &str, overflow: Overflow) {
        let stream = taken.chars().next().unwrap();
        let replaced = overflow == Overflow::Latest && stream.is_ascii_uppercase();
        let (last, dropped) = self.seen.entry(stream).or_default();
        if let Some(more) = taken[1..].strip_prefix('+') {
            assert!(!self.announced.contains(&stream), "twice before an event: {taken}");
            self.announced.push(stream);
            *dropped += more.parse::<u64>().unwrap();
        } else {
            let number: u64 = taken[1..].parse().unwrap();
            assert!(number > *last, "out of order: {taken}");
            let missing = number - *last - 1;
            assert!(replaced || missing == *dropped, "{missing} are missing: {taken}");
            assert!(stream != '!' || missing == 0, "a fact was lost: {taken}");
            (*last, *dropped) = (number, 0);
            self.announced.clear();
        }
    }
}

fn policy() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(Overflow::Block), Just(Overflow::DropOldest), Just(Overflow::Latest)]
}

proptest! {
    /// I-36, I-44, I-45: what is taken is what the model says, in order, and every loss is announced once.
    #[test]
    fn agrees_with_a_plain_model(
        overflow in policy(),
        events_max in 1_usize..8,
        steps in prop::collection::vec(prop_oneof![3 => Just(' '), 2 => Just('a'), 2 => Just('b'), 2 => Just('A'), 1 => Just('B'), 1 => Just('C'), 1 => Just('!')], 0..120),
    ) {
        let mut queue = EventQueue::new(overflow).events_max(events_max);
        let mut model = Model::new(overflow, events_max);
        let (mut consumer, mut pushed, mut taken) = (Consumer::default(), 0_u64, 0_u64);
        let mut numbers = BTreeMap::new();
        let mut take = |queue: &mut EventQueue, model: &mut Model| {
            let (one, other) = (take(queue), model.take());
            assert_eq!(one, other);
            if let Some(it) = &one {
                consumer.take(it, overflow);
                taken += u64::from(!it.contains('+'));
            }
            one.is_some()
        };
        for stream in steps {
            if stream == ' ' {
                take(&mut queue, &mut model);
                continue;
            }
            let number = numbers.entry(stream).and_modify(|number| *number += 1).or_insert(1_u64);
            push(&mut queue, (stream, *number));
            model.push((stream, *number));
            pushed += 1;
            prop_assert_eq!(queue.len(), model.len());
        }
        while take(&mut queue, &mut model) {}
        prop_assert!(queue.is_empty());
        // I-35: every event is one of taken, dropped or replaced.
        prop_assert_eq!(pushed, taken + queue.dropped() + queue.replaced());
    }
}

// ---- limits --------------------------------------------------------------------------------

/// A snapshot of so many levels per side.
fn snapshot(symbol: &str, id: u64, levels: usize) -> String {
    let side = |from: usize| -> String {
        let levels: Vec<String> = (from..from + levels).map(|price| format!("[\"{price}\",\"1\"]")).collect();
        levels.join(",")
    };
    let (bids, asks) = (side(1), side(levels + 1));
    format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{id},"u":{id},"b":[{bids}],"a":[{asks}]}}"#)
}

/// L-117: a million frames, none of which is taken. Memory stays at its cap, and what is missing is told.
#[test]
fn l_117_a_queue_has_a_bound() {
    const FRAMES: u64 = 1_000_000;
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Latest] {
        let mut queue = EventQueue::new(overflow).events_max(1_000);
        let (frame, mut scratch) = (frame(('a', 1)), Scratch::new());
        let trade = event(&frame, &mut scratch);
        let used = allocation_counter::measure(|| {
            for _ in 0..FRAMES {
                queue.push(&trade);
            }
        });
        assert!(used.bytes_max < 2 << 20, "{overflow:?}: {} bytes", used.bytes_max);
        assert!(queue.len() == 1_000 && queue.bytes() < 1 << 20, "{} bytes", queue.bytes());
        let Event::Overflow { dropped, .. } = queue.take().unwrap().as_event() else { panic!() };
        assert_eq!((dropped, queue.dropped()), (FRAMES - 1_000, FRAMES - 1_000));
    }
}

/// Large events count by their bytes; one beyond the bound is taken in.
#[test]
fn bytes() {
    const MAX: usize = 1 << 20;
    let mut queue = EventQueue::new(Overflow::DropOldest).bytes_max(MAX);
    let book = snapshot("a", 1, 4_000);
    let mut scratch = Scratch::new();
    let book = event(&book, &mut scratch);
    for _ in 0..100 {
        queue.push(&book);
        assert!(queue.bytes() < MAX + 300_000, "{} bytes", queue.bytes());
    }
    assert!(queue.len() > 3 && queue.dropped() + queue.len() as u64 == 100, "{} wait", queue.len());
    // Even where not a single one fits.
    let mut queue = EventQueue::new(Overflow::Block).bytes_max(0);
    queue.push(&book);
    assert!(!queue.has_room());
    queue.push(&book);
    assert_eq!((queue.len(), queue.dropped()), (1, 1));
}

/// Once a queue has grown, an event costs its own copy and nothing else, dropped ones included.
#[test]
fn allocations() {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(100);
    let (frame, mut scratch) = (frame(('a', 1)), Scratch::new());
    let trade = event(&frame, &mut scratch);
    (0..200).for_each(|_| queue.push(&trade));
    let used = allocation_counter::measure(|| (0..1_000).for_each(|_| queue.push(&trade)));
    // The copy of its texts; and the place of the announcement, which is found anew.
    assert!(used.count_total <= 2 * 1_000, "{} allocations", used.count_total);
    assert_eq!(used.count_current, 0);
}

/// Streams beyond a thousand that lost something are told of together.
#[test]
fn many_streams() {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    for number in 0..2_000 {
        let frame = format!(r#"{{"E":1,"s":"s{number}","t":1,"p":"1.5","q":"2","m":true}}"#);
        let mut scratch = Scratch::new();
        queue.push(&event(&frame, &mut scratch));
    }
    let taken = take_all(&mut queue);
    assert_eq!((taken.len(), taken[0].as_str()), (1_024 + 1 + 1, "s0+1"));
    assert_eq!(taken[1_024], format!("-+{}", 1_999 - 1_024));
}

/// Facts stop the reading at half of their room; the rest is for what commands and time cause.
#[test]
fn facts() {
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Latest] {
        let mut queue = EventQueue::new(overflow);
        let half = RESERVED_EVENTS_MAX as u64 / 2;
        (1..half).for_each(|number| push(&mut queue, ('!', number)));
        assert!(queue.has_room());
        push(&mut queue, ('!', half));
        assert!(!queue.has_room(), "{overflow:?}");
        (half..half * 2).for_each(|number| push(&mut queue, ('!', number + 1)));
        assert_eq!((queue.len() as u64, queue.dropped()), (half * 2, 0));
        // Nobody listens for long: the newest are what counts, and this too is told.
        push(&mut queue, ('!', half * 2 + 1));
        let taken = take_all(&mut queue);
        assert_eq!((taken[0].as_str(), taken[1].as_str()), ("!+1", "!2"));
        assert_eq!(taken.last().unwrap(), &format!("!{}", half * 2 + 1));
    }
}

// ---- what follows from an announcement -----------------------------------------------------

/// What was learnt from a topic is not to be acted upon once some of it was dropped.
#[test]
fn what_is_kept_becomes_stale() {
    let mut scratch = Scratch::new();
    let (mut books, mut orders) = (Books::new(), Orders::new());
    let restore = |books: &mut Books, scratch: &mut Scratch| {
        for symbol in ["a", "b"] {
            books.apply(&event(&snapshot(symbol, 1, 2), scratch));
        }
    };
    let overflow = |topic, symbol: &str| Event::Overflow { topic, symbol: symbol.parse().ok(), dropped: 1 };
    let table = [
        (overflow(Topic::Depth, "a"), "b"),
        (overflow(Topic::Depth, "A"), "b"),
        (overflow(Topic::Depth, ""), ""),
        // The end of a link may be among it.
        (overflow(Topic::Connection, ""), ""),
        (overflow(Topic::Trade, "a"), "ab"),
        (overflow(Topic::Other, ""), "ab"),
    ];
    for (overflow, live) in table {
        restore(&mut books, &mut scratch);
        books.apply(&overflow);
        for symbol in ["a", "b"] {
            match books.get(symbol).unwrap() {
                Book::Live(_) => assert!(live.contains(symbol), "{overflow:?}"),
                Book::Stale { reason, .. } => {
                    assert!(!live.contains(symbol) && reason == StaleReason::Overflow, "{overflow:?}");
                }
            }
        }
    }
    let open = r#"{"E":1,"s":"x","i":5,"X":"OPEN"}"#;
    orders.apply(&event(open, &mut scratch));
    orders.apply(&overflow(Topic::Trade, "a"));
    assert_eq!(orders.to_reconcile().count(), 0);
    orders.apply(&overflow(Topic::Orders, ""));
    assert_eq!(orders.to_reconcile().count(), 1);
}

/// A book whose first snapshot was dropped is asked for anew like any other.
#[test]
fn a_book_that_was_never_seen_is_asked_for() {
    let mut scratch = Scratch::new();
    let mut books = Books::new();
    let symbol = "a".parse().unwrap();
    books.apply(&Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 2 });
    assert_eq!(books.to_resync().collect::<Vec<_>>(), [symbol]);
    assert!(books.get("a").unwrap().live().is_none());
    books.apply(&event(&snapshot("a", 1, 2), &mut scratch));
    assert_eq!(books.to_resync().count(), 0);
    assert!(books.get("a").unwrap().live().is_some());
}

/// One announcement may tell of a loss on two links: the end of the first is no reason to wait for a
/// snapshot that the second has brought already.
#[test]
fn a_book_that_is_synced_without_its_snapshot_is_asked_for() {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    let now = Instant::ZERO;
    client.subscribe(now, "a@depth".parse().unwrap()).unwrap();
    client.open(now).unwrap();
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    let (mut scratch, mut books) = (Scratch::new(), Books::new());
    for epoch in 1..=2 {
        client.handle_timeout(now + Duration::from_secs(60) * (epoch - 1));
        let link = single::link(&client);
        client.handle_connected(link, now);
        for text in [snapshot("a", 1, 2), frame(('a', 2))] {
            let event = client.handle_frame(link, now, Frame::Text(&text), &mut scratch);
            event.iter().for_each(|event| queue.push(event));
        }
        // What crowds it out.
        push(&mut queue, ('z', u64::from(epoch)));
        if epoch == 1 {
            client.handle_lost(link, now, Lost::Reset);
        }
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                queue.push(&event);
            }
        }
    }
    while let Some(mut event) = queue.take() {
        books.apply(&event.as_event());
    }
    assert_eq!(books.to_resync().collect::<Vec<_>>(), ["a".parse().unwrap()]);
}

/// Balances and positions are not whole again with a report that may name a part.
#[test]
fn accounts_that_lost_an_update() {
    let update = r#"{"e":"balanceUpdate","E":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#;
    let report = r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[]}"#;
    // topic, whether balances are stale after another update, whether positions are
    let table = [
        (Topic::Trade, false, false),
        (Topic::Balances, true, false),
        (Topic::Positions, false, true),
        // The end of a link may be among it.
        (Topic::Connection, true, true),
    ];
    for (topic, balances_are_stale, positions_are_stale) in table {
        let (mut balances, mut positions) = (Balances::new(), Positions::new());
        let mut after = |said: &Event<'_>| {
            balances.apply(said);
            positions.apply(said);
            let mut scratch = Scratch::new();
            balances.apply(&event(update, &mut scratch));
            positions.apply(&event(report, &mut scratch));
            (balances.is_stale(), positions.is_stale())
        };
        let overflow = Event::Overflow { topic, symbol: None, dropped: 1 };
        assert_eq!(after(&overflow), (balances_are_stale, positions_are_stale), "{topic:?}");
        assert_eq!(
            after(&Event::Closed { reason: CloseReason::Requested, abandoned: Abandoned::default() }),
            // A report of a recording is not known to name all there is.
            (true, true),
            "{topic:?}"
        );
    }
}

// ---- a client whose events are taken, or not -----------------------------------------------

type Shared = Rc<RefCell<EventQueue>>;

/// Drives a client as a driver would, and puts its events into a queue.
struct Owner {
    client: Client,
    queue: Shared,
    now: Instant,
    update_id: u64,
    pushed: u64,
    /// Frames that the peer has sent and that were not read.
    unread: u64,
}

impl Owner {
    fn new(overflow: Overflow, events_max: usize) -> Owner {
        Owner::of(Rc::new(RefCell::new(EventQueue::new(overflow).events_max(events_max))))
    }

    fn of(queue: Shared) -> Owner {
        let mut client = Client::single(Config::new("ws://venue").seed(1));
        client.subscribe(Instant::ZERO, "a@depth@100ms".parse().unwrap()).unwrap();
        Owner { client, queue, now: Instant::ZERO, update_id: 1, pushed: 0, unread: 0 }
    }

    fn push(&mut self, event: &Event<'_>) {
        self.queue.borrow_mut().push(event);
        self.pushed += 1;
    }

    /// Opens a link, and gets the book.
    fn connect(&mut self) {
        self.client.open(self.now).unwrap();
        self.client.handle_connected(single::link(&self.client), self.now);
        self.outputs();
        self.frame(r#"{"id":1,"status":200}"#);
        self.frame(&snapshot("a", self.update_id, 1));
    }

    fn outputs(&mut self) {
        while let Some(output) = self.client.poll_output() {
            if let Output::Event(event) = output {
                self.push(&event);
            }
        }
    }

    /// A frame is read; says whether it was.
    fn frame(&mut self, text: &str) -> bool {
        self.read(Frame::Text(text))
    }

    fn read(&mut self, frame: Frame<'_>) -> bool {
        if !self.queue.borrow().has_room() {
            self.unread += 1;
            return false;
        }
        let (link, mut scratch) = (single::link(&self.client), Scratch::new());
        if let Some(event) = self.client.handle_frame(link, self.now, frame, &mut scratch) {
            self.push(&event);
        }
        self.outputs();
        true
    }

    fn update(&mut self) -> bool {
        let (first, last) = (self.update_id, self.update_id + 1);
        let update = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"a","U":{first},"u":{last},"b":[["1","{last}"]],"a":[]}}"#
        );
        let read = self.frame(&update);
        self.update_id += u64::from(read);
        read
    }

    fn updates(&mut self, count: usize) {
        for _ in 0..count {
            self.update();
        }
    }

    /// Lets time pass; nothing is heard meanwhile.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            self.now = deadline.at;
            self.client.handle_timeout(self.now);
            self.outputs();
        }
        self.now = until;
    }

    fn take(&mut self) -> Option<EventBuf> {
        self.queue.borrow_mut().take()
    }

    fn taken(&mut self) -> Vec<String> {
        let kinds = std::iter::from_fn(|| self.take()).map(|mut taken| {
            let json = serde_json::to_value(taken.as_event()).unwrap();
            json["kind"].as_str().unwrap().to_owned()
        });
        let mut kinds: Vec<String> = kinds.collect();
        kinds.dedup();
        kinds
    }
}

const POLICIES: [Overflow; 3] = [Overflow::Block, Overflow::DropOldest, Overflow::Latest];

/// L-010: the queue of two links is full and nobody takes; they are shut down with frames still arriving.
#[test]
fn l_010_a_full_queue_does_not_hold_up_the_end() {
    for overflow in POLICIES {
        let mut first = Owner::new(overflow, 100);
        let mut second = Owner::of(first.queue.clone());
        for owner in [&mut first, &mut second] {
            owner.connect();
            owner.updates(500);
        }
        for owner in [&mut first, &mut second] {
            owner.client.close(owner.now);
            owner.outputs();
            owner.updates(10);
            owner.pass(Duration::from_secs(3));
            assert_eq!(single::state(&owner.client), State::Closed);
        }
        // Each event waits, or was counted.
        let (waiting, dropped) = (first.queue.borrow().len() as u64, first.queue.borrow().dropped());
        assert_eq!(first.pushed + second.pushed, waiting + dropped, "{overflow:?}");
        assert_eq!(overflow == Overflow::Block, dropped == 0);
        let ends = first.taken().iter().filter(|kind| *kind == "closed").count();
        assert_eq!(ends, 2, "{overflow:?}");
    }
}

/// L-019: whoever takes the events is stopped first; 100,000 frames later the client is shut down.
#[test]
fn l_019_the_consumer_is_stopped_first() {
    for overflow in POLICIES {
        let mut owner = Owner::new(overflow, 1_000);
        owner.connect();
        let used = allocation_counter::measure(|| {
            owner.updates(100_000);
        });
        assert!(used.bytes_max < 4 << 20, "{overflow:?}: {} bytes", used.bytes_max);
        owner.client.close(owner.now);
        owner.outputs();
        owner.pass(Duration::from_secs(3));
        assert_eq!(single::state(&owner.client), State::Closed);
        let (waiting, dropped) = (owner.queue.borrow().len() as u64, owner.queue.borrow().dropped());
        assert_eq!(owner.pushed, waiting + dropped);
        match overflow {
            // What was not read is the peer's to keep.
            Overflow::Block => assert!(dropped == 0 && owner.unread > 98_000, "{}", owner.unread),
            _ => assert!(dropped > 98_000 && owner.unread == 0, "{dropped}"),
        }
        let taken = owner.taken();
        assert_eq!(taken.last().unwrap(), "closed");
        assert_eq!(taken.iter().filter(|kind| *kind == "overflow").count(), usize::from(dropped > 0));
    }
}

/// L-118: the queue overflows by one; all is taken.
#[test]
fn l_118_a_drop_is_announced_in_its_place() {
    let mut owner = Owner::new(Overflow::DropOldest, 3);
    owner.connect();
    // With the snapshot there is room for two.
    (0..3).for_each(|_| assert!(owner.update()));
    assert_eq!(owner.queue.borrow().dropped(), 1);
    assert_eq!(
        owner.taken(),
        ["opened", "subscribed", "live", "overflow", "synced", "depth_update"],
        "instead of the snapshot"
    );
}

/// L-119: the queue overflows, then the link breaks: that finds its room.
#[test]
fn l_119_an_error_after_an_overflow_is_told() {
    for overflow in POLICIES {
        let mut owner = Owner::new(overflow, 2);
        owner.connect();
        owner.updates(10);
        owner.client.handle_lost(single::link(&owner.client), owner.now, Lost::Reset);
        owner.outputs();
        owner.pass(Duration::from_secs(60));
        let link = single::link(&owner.client);
        owner.client.handle_connect_failed(link, owner.now, ConnectFailure::Refused);
        owner.outputs();
        let taken = owner.taken();
        assert_eq!(taken[taken.len() - 2..], ["disconnected", "connect_failed"], "{overflow:?}");
        assert_eq!(taken.contains(&"overflow".to_owned()), overflow != Overflow::Block);
    }
}

/// L-120: nobody takes; the peer pings, and closes later. Either frames are read on, or the reading
/// pauses, and a link over which nothing is heard for the stated time is given up.
#[test]
fn l_120_a_pause_has_a_limit() {
    for overflow in [Overflow::DropOldest, Overflow::Latest] {
        let mut owner = Owner::new(overflow, 2);
        owner.connect();
        for _ in 0..20 {
            owner.pass(Duration::from_secs(10));
            assert!(owner.update() && owner.read(Frame::Ping(b"")), "{overflow:?}");
        }
        owner.read(Frame::Close { code: Some(1001), reason: "" });
        let taken = owner.taken();
        assert_eq!(taken[taken.len() - 2..], ["peer_closing", "disconnected"], "{overflow:?}");
    }
    let mut owner = Owner::new(Overflow::Block, 2);
    owner.connect();
    while owner.update() {}
    owner.pass(Duration::from_secs(44));
    assert!(!owner.read(Frame::Ping(b"")), "nothing is read");
    assert_eq!(owner.client.stats().connects, 1);
    owner.pass(Duration::from_secs(2));
    let mut why = None;
    while let Some(mut taken) = owner.take() {
        if let Event::Disconnected { reason: lost, .. } = taken.as_event() {
            why = Some(lost);
        }
    }
    assert_eq!(why, Some(Lost::Silent));
    // Once events were taken it goes on.
    assert!(owner.queue.borrow().has_room());
}

/// L-121: a change of a book is dropped; the book is stale from that place on, and asked for anew.
#[test]
fn l_121_a_dropped_change_spoils_the_book() {
    let mut owner = Owner::new(Overflow::DropOldest, 4);
    let mut books = Books::new();
    owner.connect();
    let mut take_all = |owner: &mut Owner| {
        let mut states = Vec::new();
        while let Some(mut taken) = owner.take() {
            books.apply(&taken.as_event());
            states.push(match books.get("a") {
                Some(Book::Live(_)) => "live",
                Some(Book::Stale { reason: StaleReason::Overflow, .. }) => "overflow",
                Some(Book::Stale { reason: StaleReason::Gap, .. }) => "gap",
                Some(other) => panic!("{other:?}"),
                None => "none",
            });
            // What an application does when it is told.
            if let Event::Overflow { topic, symbol, .. } = taken.as_event() {
                let streams = owner.client.streams();
                let about = |stream: &Stream| stream.topic() == topic && stream.symbol() == symbol;
                let ids: Vec<_> = streams.filter(|(_, stream, _)| about(stream)).map(|(id, ..)| id).collect();
                ids.into_iter().for_each(|id| owner.client.resync(owner.now, id).unwrap());
            }
        }
        states.dedup();
        states
    };
    assert_eq!(take_all(&mut owner), ["none", "live"]);
    (0..6).for_each(|_| assert!(owner.update()));
    assert_eq!(take_all(&mut owner), ["overflow"], "the changes behind it are of no use");
    owner.outputs();
    owner.frame(r#"{"id":2,"status":200}"#);
    owner.frame(r#"{"id":3,"status":200}"#);
    owner.frame(&snapshot("a", 50, 1));
    assert_eq!(take_all(&mut owner), ["gap", "live"]);
}
