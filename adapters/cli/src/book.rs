//! `gemini-ws book`: the order books that a recording yields.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use gemini_ws::{
    Book, Books, Event, Level, Message, OrderBook, Replay, Scratch, Side, StaleReason, Symbol, decode,
};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::arguments;
use crate::failure::Failure;
use crate::recording::Recording;

/// Levels per side that are printed.
const TOP: usize = 10;

/// What a recording yields.
#[derive(Debug, Serialize)]
struct Report {
    books: BTreeMap<String, BookReport>,
    /// Symbols whose changes were seen but never a snapshot, and how many.
    without_snapshot: BTreeMap<String, u64>,
    frames: u64,
    malformed: u64,
    unrecognized: u64,
    gaps: u64,
    crossed: u64,
}

/// One book at the end of the recording, or where it became stale.
#[derive(Debug, Serialize)]
struct BookReport {
    state: &'static str,
    /// Why it is stale.
    reason: Option<StaleReason>,
    /// Levels per side.
    bids: usize,
    asks: usize,
    best_bid: Option<Row>,
    best_ask: Option<Row>,
    /// The archived endpoints have none, or one that says nothing of losses.
    last_u: Option<u64>,
    sha256: String,
    top10_bids: Vec<Row>,
    top10_asks: Vec<Row>,
    crossed: bool,
    #[serde(flatten)]
    counts: Counts,
}

/// What became of a symbol's depth frames.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    snapshots: u64,
    /// Changes that were applied.
    updates: u64,
    /// Frames that showed that an update is missing.
    gaps: u64,
    /// Frames with nothing to apply: all of it was seen, or there was no snapshot to change.
    ignored: u64,
}

/// Price and quantity without trailing zeros.
#[derive(Clone, Copy, Debug)]
struct Row(Level);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row(level) = self;
        [level.price.normalized(), level.quantity.normalized()].serialize(serializer)
    }
}

/// Prints the books of a recording.
pub(crate) fn run(options: &arguments::Book) -> Result<(), Failure> {
    let report = read(&mut Recording::open(&options.file)?)?;
    let mut text = if options.json {
        serde_json::to_string_pretty(&report).map_err(|error| Failure::Message(error.to_string()))?
    } else {
        report.to_text()
    };
    text.truncate(text.trim_end().len());
    writeln!(io::stdout().lock(), "{text}").map_err(|error| Failure::of_output(&error))
}

fn read(recording: &mut Recording) -> Result<Report, Failure> {
    let (mut scratch, mut replay, mut books) = (Scratch::new(), Replay::new(), Books::new());
    let mut counts: Vec<(Symbol, Counts)> = Vec::new();
    let mut report = Report {
        books: BTreeMap::new(),
        without_snapshot: BTreeMap::new(),
        frames: 0,
        malformed: 0,
        unrecognized: 0,
        gaps: 0,
        crossed: 0,
    };
    while let Some(line) = recording.next()? {
        report.frames += 1;
        let decoded = str::from_utf8(line.frame).ok().and_then(|frame| decode(frame, &mut scratch).ok());
        match decoded {
            None => report.malformed += 1,
            Some(Message::Unrecognized(_)) => report.unrecognized += 1,
            Some(message) => {
                let event = replay.event(&message);
                if let Message::Depth(depth) = message
                    && let Ok(symbol) = depth.symbol.parse::<Symbol>()
                {
                    entry(&mut counts, symbol).count(event.as_ref());
                }
                if let Some(event) = event {
                    books.apply(&event);
                }
            }
        }
    }
    for (symbol, book) in books.iter() {
        let counts = *entry(&mut counts, symbol);
        report.gaps += counts.gaps;
        report.books.insert(symbol.to_string(), BookReport::of(book, counts));
    }
    for (symbol, counts) in &counts {
        if books.get(symbol.as_str()).is_none() {
            report.without_snapshot.insert(symbol.to_string(), counts.ignored);
        }
    }
    report.crossed = books.crossed();
    Ok(report)
}

fn entry(counts: &mut Vec<(Symbol, Counts)>, symbol: Symbol) -> &mut Counts {
    let position = counts.iter().position(|(known, _)| *known == symbol).unwrap_or_else(|| {
        counts.push((symbol, Counts::default()));
        counts.len() - 1
    });
    &mut counts[position].1
}

impl Counts {
    /// Counts a depth frame by the event that it made.
    fn count(&mut self, event: Option<&Event<'_>>) {
        *match event {
            Some(Event::DepthSnapshot(_)) => &mut self.snapshots,
            Some(Event::Gap { .. }) => &mut self.gaps,
            Some(_) => &mut self.updates,
            None => &mut self.ignored,
        } += 1;
    }
}

impl BookReport {
    fn of(book: Book<'_>, counts: Counts) -> BookReport {
        let (state, reason) = match book {
            Book::Live(_) => ("live", None),
            Book::Stale { reason, .. } => ("stale", Some(reason)),
        };
        let last = book.last();
        let top = |side: &Side| side.iter().take(TOP).copied().map(Row).collect();
        BookReport {
            state,
            reason,
            bids: last.bids().len(),
            asks: last.asks().len(),
            best_bid: last.bids().best().copied().map(Row),
            best_ask: last.asks().best().copied().map(Row),
            last_u: last.last_update_id(),
            sha256: hash(last),
            top10_bids: top(last.bids()),
            top10_asks: top(last.asks()),
            crossed: last.is_crossed(),
            counts,
        }
    }
}

/// SHA-256 over one line per level, bids then asks, best first, decimals without trailing zeros.
fn hash(book: &OrderBook) -> String {
    let mut text = String::new();
    for (letter, side) in [('b', book.bids()), ('a', book.asks())] {
        for level in side {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{letter} {} {}", level.price.normalized(), level.quantity.normalized());
        }
    }
    let mut hexadecimal = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    hexadecimal
}

impl Report {
    fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let Report { frames, malformed, unrecognized, gaps, crossed, .. } = self;
        for (symbol, book) in &self.books {
            book.write_text(symbol, out)?;
        }
        for (symbol, ignored) in &self.without_snapshot {
            writeln!(out, "{symbol}  no snapshot  changes={ignored}")?;
        }
        writeln!(
            out,
            "frames={frames} malformed={malformed} unrecognized={unrecognized} gaps={gaps} crossed={crossed}"
        )
    }
}

impl BookReport {
    fn write_text(&self, symbol: &str, out: &mut String) -> std::fmt::Result {
        let Counts { snapshots, updates, gaps, ignored } = self.counts;
        let state = match self.reason {
            None => "live",
            Some(StaleReason::Gap) => "stale: an update is missing",
            Some(StaleReason::Disconnected) => "stale: the link ended",
        };
        writeln!(out, "{symbol}  {state}{}", if self.crossed { ", crossed" } else { "" })?;
        writeln!(out, "  levels   {} bids, {} asks", self.bids, self.asks)?;
        let frames = format!("{snapshots} snapshots, {updates} updates, {gaps} gaps, {ignored} ignored");
        writeln!(out, "  frames   {frames}")?;
        if let Some(id) = self.last_u {
            writeln!(out, "  last id  {id}")?;
        }
        writeln!(out, "  sha256   {}", self.sha256)?;
        let cell = |row: Option<&Row>| match row {
            Some(Row(Level { price, quantity })) => {
                [price.normalized(), quantity.normalized()].map(|it| it.to_string())
            }
            None => [const { String::new() }; 2],
        };
        writeln!(out, "  {:>18} {:>18}   {:<18} {:<18}", "quantity", "bid", "ask", "quantity")?;
        for position in 0..self.top10_bids.len().max(self.top10_asks.len()) {
            let [bid, bid_quantity] = cell(self.top10_bids.get(position));
            let [ask, ask_quantity] = cell(self.top10_asks.get(position));
            let row = format!("  {bid_quantity:>18} {bid:>18}   {ask:<18} {ask_quantity:<18}");
            writeln!(out, "{}", row.trim_end())?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> Report {
        let text = lines.join("\n").into_bytes();
        read(&mut Recording::new(Box::new(io::Cursor::new(text)), "test")).unwrap()
    }

    const SNAPSHOT: &str = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99.0","1.50"],["98","2"]],"a":[["101","3"],["9000000000000.0000000000","1"]]}"#;

    #[test]
    fn hash_of_a_book() {
        let report = report(&[SNAPSHOT]);
        let book = &report.books["btcusd"];
        // printf 'b 99 1.5\nb 98 2\na 101 3\na 9000000000000 1\n' | sha256sum
        assert_eq!(book.sha256, "69a7acc7017e27ebf852e0281e2cafd7d94fd9ff05ffc437a26aac479b7c71c2");
        assert_eq!((book.bids, book.asks, book.last_u, book.state), (2, 2, Some(5), "live"));
        assert_eq!(serde_json::to_string(&book.best_bid).unwrap(), r#"["99","1.5"]"#);
        assert_eq!(serde_json::to_string(&book.top10_asks[1]).unwrap(), r#"["9000000000000","1"]"#);
    }

    #[test]
    fn frames_by_their_role() {
        let change = |first: u64, last: u64| {
            format!(
                r#"{{"e":"depthUpdate","E":2,"s":"btcusd","U":{first},"u":{last},"b":[["99","0"]],"a":[]}}"#
            )
        };
        let other = change(3, 4).replace("btcusd", "ethusd");
        type Case<'c> = (&'c [String], &'c str, u64, u64, u64, u64);
        // lines; state, updates, gaps, ignored, last id
        let table: [Case<'_>; 4] = [
            (&[change(5, 5)], "live", 0, 0, 1, 5),
            (&[change(5, 7), change(7, 9)], "live", 2, 0, 0, 9),
            (&[change(5, 7), change(8, 9), change(9, 10)], "stale", 1, 1, 1, 7),
            (&[change(8, 9), SNAPSHOT.replace(":5", ":12"), other], "live", 0, 1, 0, 12),
        ];
        for (changes, state, updates, gaps, ignored, last) in table {
            let mut lines = vec![SNAPSHOT];
            lines.extend(changes.iter().map(String::as_str));
            let report = report(&lines);
            let book = &report.books["btcusd"];
            assert_eq!((book.state, book.last_u), (state, Some(last)));
            assert_eq!(
                (book.counts.updates, book.counts.gaps, book.counts.ignored),
                (updates, gaps, ignored)
            );
            assert_eq!(report.gaps, gaps);
            assert_eq!(
                report.without_snapshot.get("ethusd").copied(),
                (lines.len() == 4 && gaps == 1 && last == 12).then_some(1)
            );
        }
    }

    #[test]
    fn text_shows_what_json_has() {
        let text = report(&[SNAPSHOT, "rubbish", r#"{"e":"news"}"#]).to_text();
        for part in
            ["btcusd  live", "2 bids, 2 asks", "sha256", "9000000000000", "malformed=1 unrecognized=1"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(report(&[]).to_text(), "frames=0 malformed=0 unrecognized=0 gaps=0 crossed=0\n");
    }
}
