//! Writes events as words, and runs scripts of such words.

use gemini_ws::{Endpoint, Event, EventQueue, Overflow, Replay, Scratch, Topic};

/// An event as a word: a letter for the stream, and a number that rises within the stream. Small letters are trades
/// of a symbol; capitals are its best bid and ask, which a newer one can replace; `!` is a fact, a gap of the symbol
/// `x`.
pub(crate) type Word = (char, u64);

pub(crate) fn frame((stream, number): Word) -> String {
    let symbol = stream.to_ascii_lowercase();
    if stream.is_ascii_uppercase() {
        format!(r#"{{"u":{number},"E":1,"s":"{symbol}","b":"1","B":"1","a":"2","A":"1"}}"#)
    } else {
        format!(r#"{{"E":1,"s":"{symbol}","t":{number},"p":"1.5","q":"2","m":true}}"#)
    }
}

pub(crate) fn push(queue: &mut EventQueue, word: Word) {
    if word.0 == '!' {
        let symbol = "x".parse().unwrap();
        queue.push(&Event::Gap { link: None, id: None, symbol, expected: word.1, got: None });
    } else {
        let mut scratch = Scratch::new();
        queue.push(&event(&frame(word), &mut scratch));
    }
}

pub(crate) fn event<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Event<'f> {
    Replay::new(Endpoint::Streams).event(frame, scratch).expect(frame).unwrap()
}

/// Formats a taken event: a word, or the stream with `+` and the number of dropped events.
pub(crate) fn describe(event: &Event<'_>) -> String {
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

pub(crate) fn take(queue: &mut EventQueue) -> Option<String> {
    queue.take().map(|mut taken| describe(&taken.as_event()))
}

pub(crate) fn take_all(queue: &mut EventQueue) -> Vec<String> {
    std::iter::from_fn(|| take(queue)).collect()
}

/// Runs a script: pushes each word, and takes an event for each `-`. At the end it takes all.
pub(crate) fn run(overflow: Overflow, events_max: usize, script: &str) -> (String, EventQueue) {
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

pub(crate) fn snapshot(symbol: &str, id: u64, levels: usize) -> String {
    let side = |from: usize| -> String {
        let levels: Vec<String> = (from..from + levels).map(|price| format!("[\"{price}\",\"1\"]")).collect();
        levels.join(",")
    };
    let (bids, asks) = (side(1), side(levels + 1));
    format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{id},"u":{id},"b":[{bids}],"a":[{asks}]}}"#)
}
