//! The report on a recording, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gemini_ws::{Book, BookSide, Level, OrderBook, StaleReason};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::numbering::Numbering;

/// The number of levels per side that are printed.
const TOP: usize = 10;

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) books: BTreeMap<String, BookReport>,
    /// For each symbol without a snapshot, the number of frames with changes.
    pub(super) without_snapshot: BTreeMap<String, u64>,
    pub(super) frames: u64,
    pub(super) malformed: u64,
    /// The number of list elements that could not be decoded. The frames of these elements were decoded, and the
    /// elements are no levels or changes: a frame with a malformed level is malformed as a whole.
    pub(super) malformed_elements: u64,
    pub(super) unrecognized: u64,
    pub(super) gaps: u64,
    pub(super) crossed: u64,
    /// `None` without frames of market data v1.
    pub(super) socket_sequence: Option<Numbering>,
}

/// A book at the end of the recording, or when it became stale.
#[derive(Debug, Serialize)]
pub(super) struct BookReport {
    pub(super) state: &'static str,
    pub(super) reason: Option<StaleReason>,
    /// The number of bid levels; `asks` is the number of ask levels.
    pub(super) bids: usize,
    pub(super) asks: usize,
    pub(super) best_bid: Option<Row>,
    pub(super) best_ask: Option<Row>,
    /// The id of the last update; `None` for market data v2, which has no such ids.
    pub(super) last_u: Option<u64>,
    pub(super) sha256: String,
    pub(super) top10_bids: Vec<Row>,
    pub(super) top10_asks: Vec<Row>,
    pub(super) crossed: bool,
    /// Whether the book may lack levels, because the recording may begin in the middle of a connection.
    pub(super) doubtful: bool,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// The counters of a symbol. In a frame of several symbols, each sequence of consecutive changes of the symbol adds
/// one to a counter.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) snapshots: u64,
    pub(super) updates: u64,
    pub(super) gaps: u64,
    /// How often changes were ignored, because they repeated an earlier frame or came while the book was not current.
    pub(super) ignored: u64,
}

/// A level. Its price and quantity are written without trailing zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row(Level);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row(level) = self;
        [level.price.normalized(), level.quantity.normalized()].serialize(serializer)
    }
}

impl BookReport {
    pub(super) fn of(book: Book<'_>, counts: Counts, doubtful: bool) -> BookReport {
        let reason = book.stale_reason();
        let last = book.last();
        let top = |side: &BookSide| side.iter().take(TOP).copied().map(Row).collect();
        BookReport {
            state: if reason.is_none() { "live" } else { "stale" },
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
            doubtful,
            counts,
        }
    }
}

/// Returns the SHA-256 hash of a text with one line per level: first the bids, then the asks, the best ones first.
/// Decimals have no trailing zeros.
fn hash(book: &OrderBook) -> String {
    let mut text = String::new();
    for (letter, side) in [('b', book.bids()), ('a', book.asks())] {
        for level in side {
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
    pub(super) fn is_empty(&self) -> bool {
        self.books.is_empty() && self.without_snapshot.is_empty()
    }

    pub(super) fn knows(&self, symbol: &str) -> bool {
        self.books.contains_key(symbol) || self.without_snapshot.contains_key(symbol)
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let Report { frames, malformed, malformed_elements, unrecognized, gaps, crossed, .. } = self;
        for (symbol, book) in &self.books {
            book.write_text(symbol, out)?;
        }
        for (symbol, ignored) in &self.without_snapshot {
            writeln!(out, "{symbol}  no snapshot, {ignored} frames with changes\n")?;
        }
        if let Some(numbering) = &self.socket_sequence {
            writeln!(out, "socket_sequence  {numbering}")?;
        }
        write!(
            out,
            "frames={frames} malformed={malformed} unrecognized={unrecognized} gaps={gaps} crossed={crossed}"
        )?;
        match malformed_elements {
            0 => writeln!(out),
            count => writeln!(out, " malformed_elements={count}"),
        }
    }
}

impl BookReport {
    fn write_text(&self, symbol: &str, out: &mut String) -> std::fmt::Result {
        let Counts { snapshots, updates, gaps, ignored } = self.counts;
        let state = match self.reason {
            None => "live",
            Some(StaleReason::Gap) => "stale: an update is missing",
            Some(StaleReason::Disconnected) => "stale: the link ended",
            Some(StaleReason::Crossed) => "stale: crossed",
            Some(StaleReason::Overflow) => "stale: events were dropped",
            Some(StaleReason::Silent) => "stale: nothing came for too long",
            Some(StaleReason::Malformed) => "stale: a frame could not be decoded",
            Some(_) => "stale",
        };
        let crossed = if self.crossed { ", crossed" } else { "" };
        let doubtful = if self.doubtful { ", doubtful: its first frame looks like changes only" } else { "" };
        writeln!(out, "{symbol}  {state}{crossed}{doubtful}")?;
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
        writeln!(out, "  {:>18} {:>18}   {:<18} quantity", "quantity", "bid", "ask")?;
        for position in 0..self.top10_bids.len().max(self.top10_asks.len()) {
            let [bid, bid_quantity] = cell(self.top10_bids.get(position));
            let [ask, ask_quantity] = cell(self.top10_asks.get(position));
            let row = format!("  {bid_quantity:>18} {bid:>18}   {ask:<18} {ask_quantity:<18}");
            writeln!(out, "{}", row.trim_end())?;
        }
        writeln!(out)
    }
}
