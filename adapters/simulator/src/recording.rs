//! [`Recording`]: recorded frames of the venue.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gemini_ws::{Decimal, Level, Symbol};
use serde_json::{Map, Value};

/// The time between frames without receive times.
const INTERVAL: Duration = Duration::from_millis(10);

/// The maximum number of lines that one call of [`Recording::next`] reads. If a recording is [read while it is
/// played](Recording::streamed), skipping many lines at once would delay other work.
const LINES_PER_TURN: usize = 64;

/// Recorded frames of the venue, one per line.
///
/// A line contains a frame of `wss://ws.gemini.com` as it was received. A receive time may precede the frame. Spaces
/// or tabs separate the time from the frame. A time with a decimal point is in seconds (`1790732601.672464`). An
/// integer with sixteen or more digits is in nanoseconds, with twelve to fifteen digits in milliseconds, and with
/// fewer digits in seconds.
///
/// Blank lines are skipped, and so are replies, private frames, frames of unknown kinds, frames of `requestForQuote`,
/// and partial depths without a symbol.
///
/// If the recording lacks an update of a book, new subscribers that request a snapshot get neither a snapshot nor
/// changes until the next snapshot in the recording.
///
/// ```
/// use gemini_ws_simulator::Recording;
///
/// let recording = Recording::parse(concat!(
///     r#"1790732601.5 {"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["99","1"]],"a":[]}"#, "\n",
///     r#"1790732601.7 {"id":1,"status":200}"#, "\n",
///     r#"1790732602.5 {"e":"depthUpdate","E":2,"s":"btcusd","U":7,"u":9,"b":[],"a":[["101","2"]]}"#,
/// )).unwrap();
/// assert_eq!((recording.len(), recording.skipped()), (2, 1));
/// assert_eq!(recording.duration().as_secs(), 1);
///
/// let error = Recording::parse("{\"e\":\"depthUpdate\"}").unwrap_err();
/// assert_eq!((error.line(), error.reason()), (1, "a member is missing or of the wrong type"));
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    frames: VecDeque<RecordedFrame>,
    /// The source of the lines, if the recording is read while it is played.
    stream: Option<Stream>,
    symbols: Vec<Symbol>,
    positions: BTreeMap<Symbol, usize>,
    skipped: usize,
    interval: Duration,
    has_times: bool,
    origin: Option<u64>,
    /// The receive time of the last frame that [`Recording::next`] returned. `Some(None)` if this frame has none;
    /// `None` if no frame has been returned.
    before: Option<Option<Duration>>,
}

/// The next line of a recording that is read while it is played.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NextLine {
    /// The next line.
    Line(String),
    /// The line is not available yet. The exchange asks again some milliseconds later.
    Later,
    /// There are no more lines.
    End,
}

/// A source of lines. Clones share the same source.
#[derive(Clone)]
struct Stream(Arc<Mutex<dyn FnMut() -> NextLine + Send>>);

impl Stream {
    fn next(&self) -> NextLine {
        // A panic of the closure in another thread does not matter here.
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        next()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

#[derive(Debug)]
pub(crate) enum Next {
    /// A frame, and how long after the previous frame the exchange plays it.
    Frame(RecordedFrame, Duration),
    /// No frame is available yet, or [`LINES_PER_TURN`] lines were read without one. The exchange asks again later.
    Later,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct RecordedFrame {
    text: String,
    /// The receive time, relative to the first one of the recording; `None` if the line has none.
    received: Option<Duration>,
    /// The position of the frame's symbol; `None` for streams over all symbols.
    symbol: Option<usize>,
    kind: Kind,
}

impl RecordedFrame {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn symbol(&self) -> Option<usize> {
        self.symbol
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Ticker,
    Trade,
    Depth(Box<RecordedDepth>),
    PartialDepth,
    MarkPrice,
    FundingAmount,
    ContractStatus,
}

#[derive(Clone, Debug)]
pub(crate) struct RecordedDepth {
    pub(crate) event_time: i64,
    pub(crate) first_update_id: u64,
    pub(crate) last_update_id: u64,
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

/// The error of a line that cannot be read as a recorded frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordingError {
    line: usize,
    offset: usize,
    reason: &'static str,
}

impl RecordingError {
    /// Returns the number of the line, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the position of the error in the line, in bytes from 0.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns what is wrong at this position.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecordingError { line, offset, reason } = self;
        write!(f, "line {line}, byte {offset}: {reason}")
    }
}

impl std::error::Error for RecordingError {}

const WRONG_MEMBER: &str = "a member is missing or of the wrong type";

impl Recording {
    /// Reads recorded frames.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] for the first line that cannot be read, or whose frame lacks a member. Lines that are
    /// skipped are no errors.
    pub fn parse(text: &str) -> Result<Recording, RecordingError> {
        let mut recording = Recording::empty();
        for (index, line) in text.lines().enumerate() {
            let frame = recording.read(line, true);
            let frame =
                frame.map_err(|(offset, reason)| RecordingError { line: index + 1, offset, reason })?;
            recording.frames.extend(frame);
        }
        Ok(recording)
    }

    /// Creates a recording that is read while it is played. It can be larger than the memory. The exchange calls
    /// `next` when it needs a line; `next` must not block.
    ///
    /// Only frames of these symbols and of streams over all symbols are played. Lines that are not frames are
    /// skipped. Clones of a recording share the lines, so only one clone plays each line.
    ///
    /// ```
    /// use gemini_ws_simulator::{NextLine, Recording};
    ///
    /// let mut lines = vec![r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#.to_owned()];
    /// let next = move || lines.pop().map_or(NextLine::End, NextLine::Line);
    /// let recording = Recording::streamed(["btcusd".parse().unwrap()], next);
    /// assert_eq!((recording.symbols().len(), recording.len()), (1, 0));
    /// ```
    pub fn streamed(
        symbols: impl IntoIterator<Item = Symbol>,
        next: impl FnMut() -> NextLine + Send + 'static,
    ) -> Recording {
        let mut recording = Recording::empty();
        for symbol in symbols {
            recording.position(symbol);
        }
        recording.stream = Some(Stream(Arc::new(Mutex::new(next))));
        recording
    }

    fn empty() -> Recording {
        Recording {
            frames: VecDeque::new(),
            stream: None,
            symbols: Vec::new(),
            positions: BTreeMap::new(),
            skipped: 0,
            interval: INTERVAL,
            has_times: true,
            origin: None,
            before: None,
        }
    }

    /// Reads a line; `None` if it has no frame to be played. If `takes_symbols` is false, frames of symbols that are
    /// not in [`Recording::symbols`] are skipped.
    fn read(&mut self, line: &str, takes_symbols: bool) -> Result<Option<RecordedFrame>, Failure> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let (time, start) = receive_time(line)?;
        let received = time.map(|time| {
            let elapsed = time.saturating_sub(*self.origin.get_or_insert(time));
            Duration::from_nanos(elapsed)
        });
        let frame = line[start..].trim_end();
        let value = serde_json::from_str(frame)
            .map_err(|failure| (start + failure.column().saturating_sub(1), reason_of(&failure)))?;
        let Value::Object(members) = value else { return Err((start, "not a JSON object")) };
        let Some((kind, symbol)) = classify(&members).ok_or((start, WRONG_MEMBER))? else {
            self.skipped += 1;
            return Ok(None);
        };
        let is_known = |symbol: &Symbol| takes_symbols || self.positions.contains_key(symbol);
        if !symbol.as_ref().is_none_or(is_known) {
            self.skipped += 1;
            return Ok(None);
        }
        let symbol = symbol.map(|symbol| self.position(symbol));
        Ok(Some(RecordedFrame { text: frame.to_owned(), received, symbol, kind }))
    }

    /// Sets the pause before each frame that has no receive time, or follows a frame without one. Less than a
    /// microsecond counts as a microsecond. Default: 10 ms.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Recording {
        self.interval = interval.max(Duration::from_micros(1));
        self
    }

    /// Ignores the receive times: the time between two frames is always the [`interval`](Recording::interval).
    #[must_use]
    pub const fn without_receive_times(mut self) -> Recording {
        self.has_times = false;
        self
    }

    /// Returns the symbols of the recording, in the order of their first frames or of the call of
    /// [`streamed`](Recording::streamed).
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Returns the number of frames to be played; zero for a recording that is [read while it is
    /// played](Recording::streamed), because the number is unknown.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether there are no frames to play; `false` for a recording that is
    /// [read while it is played](Recording::streamed), until its lines have ended.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.stream.is_none()
    }

    /// Returns how many lines have been skipped so far, not including blank lines. A recording that is [read while it
    /// is played](Recording::streamed) also skips lines that are not frames, and frames of other symbols.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// Returns the sum of the pauses between the frames; zero for a recording that is [read while it is
    /// played](Recording::streamed).
    pub fn duration(&self) -> Duration {
        let received = self.frames.iter().map(|frame| frame.received);
        let pauses = received.clone().zip(received.skip(1)).map(|(before, at)| self.pause(Some(before), at));
        pauses.fold(Duration::ZERO, Duration::saturating_add)
    }

    pub(crate) fn next(&mut self) -> Next {
        let frame = match self.frames.pop_front() {
            Some(frame) => frame,
            None => match self.next_of_stream() {
                Ok(frame) => frame,
                Err(next) => return next,
            },
        };
        let before = self.before.replace(frame.received);
        let pause = self.pause(before, frame.received);
        Next::Frame(frame, pause)
    }

    fn next_of_stream(&mut self) -> Result<RecordedFrame, Next> {
        let Some(stream) = self.stream.clone() else { return Err(Next::End) };
        for _ in 0..LINES_PER_TURN {
            match stream.next() {
                NextLine::Line(line) => match self.read(&line, false) {
                    Ok(Some(frame)) => return Ok(frame),
                    Ok(None) => {}
                    Err(_) => self.skipped += 1,
                },
                NextLine::Later => return Err(Next::Later),
                NextLine::End => {
                    self.stream = None;
                    return Err(Next::End);
                }
            }
        }
        Err(Next::Later)
    }

    /// Returns the time between two frames with the receive times `before` and `at`. `before` is `None` if there is
    /// no earlier frame, and `Some(None)` if the earlier frame has no receive time.
    fn pause(&self, before: Option<Option<Duration>>, at: Option<Duration>) -> Duration {
        let of = |time: Option<Duration>| time.filter(|_| self.has_times);
        match (before.map(of), of(at)) {
            (Some(Some(before)), Some(at)) => at.saturating_sub(before),
            (None, Some(_)) => Duration::ZERO,
            _ => self.interval,
        }
    }

    fn position(&mut self, symbol: Symbol) -> usize {
        *self.positions.entry(symbol).or_insert_with(|| {
            self.symbols.push(symbol);
            self.symbols.len() - 1
        })
    }
}

type Failure = (usize, &'static str);

/// Returns the receive time in ns, if there is one, and the offset of the frame.
fn receive_time(line: &str) -> Result<(Option<u64>, usize), Failure> {
    let blank = |character: char| character == ' ' || character == '\t';
    let start = line.find(|character| !blank(character)).unwrap_or(0);
    if line[start..].starts_with('{') {
        return Ok((None, start));
    }
    let Some(length) = line[start..].find(blank) else {
        return Err((start, "neither a frame nor a receive time and a frame"));
    };
    let time = &line[start..start + length];
    let rest = start + length;
    let frame = line[rest..].find(|character| !blank(character)).map_or(line.len(), |skipped| rest + skipped);
    if !line[frame..].starts_with('{') {
        return Err((frame, "no frame after the receive time"));
    }
    let nanos = nanoseconds(time).ok_or((start, "not a receive time"))?;
    Ok((Some(nanos), frame))
}

fn nanoseconds(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let number: u64 = whole.parse().ok()?;
    let unit = match (fraction.is_empty(), whole.len()) {
        (true, 16..) => 1,
        (true, 12..) => 1_000_000,
        _ => 1_000_000_000,
    };
    let fraction = fraction.get(..fraction.len().min(9))?;
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    number.checked_mul(unit)?.checked_add(nanos)
}

fn reason_of(failure: &serde_json::Error) -> &'static str {
    if failure.is_eof() { "the JSON ends early" } else { "not valid JSON" }
}

/// Classifies a frame: `None` if a member is missing or has the wrong type, `Some(None)` if the frame is to be
/// skipped.
fn classify(members: &Map<String, Value>) -> Option<Option<(Kind, Option<Symbol>)>> {
    let has = |names: &[&str]| names.iter().all(|name| members.contains_key(*name));
    let symbol = |name: &str| members.get(name)?.as_str()?.parse::<Symbol>().ok();
    let of_symbol = |kind| Some(Some((kind, Some(symbol("s")?))));
    if has(&["id"]) && ["status", "error", "result"].iter().any(|name| has(&[name])) {
        return Some(None);
    }
    match members.get("e").and_then(Value::as_str) {
        Some("depthUpdate") => of_symbol(Kind::Depth(Box::new(depth(members)?))),
        Some("markPrice") => of_symbol(Kind::MarkPrice),
        Some("fundingAmount") => of_symbol(Kind::FundingAmount),
        Some("contractStatus") => Some(Some((Kind::ContractStatus, None))),
        Some(_) => Some(None),
        None if has(&["X"]) => Some(None),
        None if has(&["lastUpdateId"]) => {
            // Without a symbol, the frame cannot be assigned to a stream.
            let symbol = symbol("symbol").or_else(|| symbol("s"));
            Some(symbol.map(|symbol| (Kind::PartialDepth, Some(symbol))))
        }
        None if has(&["b", "B", "a", "A"]) => of_symbol(Kind::Ticker),
        None if has(&["t", "p", "q", "m"]) => of_symbol(Kind::Trade),
        None => Some(None),
    }
}

fn depth(members: &Map<String, Value>) -> Option<RecordedDepth> {
    let number = |name: &str| members.get(name)?.as_u64();
    Some(RecordedDepth {
        event_time: members.get("E")?.as_i64()?,
        first_update_id: number("U")?,
        last_update_id: number("u")?,
        bids: levels(members.get("b")?)?,
        asks: levels(members.get("a")?)?,
    })
}

fn levels(value: &Value) -> Option<Vec<Level>> {
    let decimal = |value: &Value| value.as_str()?.parse::<Decimal>().ok();
    let level = |value: &Value| match value.as_array()?.as_slice() {
        [price, quantity, ..] => Some(Level { price: decimal(price)?, quantity: decimal(quantity)? }),
        _ => None,
    };
    value.as_array()?.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receive_times() {
        for (time, expected) in [
            ("1790732601672464421", Some(1_790_732_601_672_464_421)),
            ("1790732601672", Some(1_790_732_601_672_000_000)),
            ("1790732601.672464", Some(1_790_732_601_672_464_000)),
            ("1790732601.6724644219", Some(1_790_732_601_672_464_421)),
            ("0.25", Some(250_000_000)),
            ("12", Some(12_000_000_000)),
            ("", None),
            ("-1", None),
            ("1e9", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(nanoseconds(time), expected, "{time}");
        }
    }

    /// Returns what is played: the texts of the frames, and the pauses before them in ms.
    fn played(recording: &mut Recording) -> Vec<(String, u128)> {
        let mut played = Vec::new();
        loop {
            match recording.next() {
                Next::Frame(frame, pause) => played.push((frame.text, pause.as_millis())),
                Next::Later => {}
                Next::End => return played,
            }
        }
    }

    #[test]
    fn a_stream_is_played_as_if_it_were_whole() {
        let trade =
            |symbol: &str, id: u64| format!(r#"{{"E":1,"s":"{symbol}","t":{id},"p":"1","q":"1","m":true}}"#);
        let mut lines: Vec<String> = ["10.5", "10.75", "", "20"]
            .iter()
            .zip(1..)
            .map(|(time, id)| format!("{time} {}", trade("btcusd", id)))
            .collect();
        let whole = Recording::parse(&lines.join("\n")).unwrap();
        assert_eq!(whole.duration(), Duration::from_millis(250 + 10 + 10));
        // These lines are not played.
        lines.extend(std::iter::repeat_n(trade("ethusd", 1), 200));
        lines.extend(["rubbish".to_owned(), String::new(), r#"{"id":1,"status":200}"#.to_owned()]);
        let mut rest = lines.into_iter();
        let mut is_there = false;
        let next = move || {
            is_there = !is_there;
            if !is_there { NextLine::Later } else { rest.next().map_or(NextLine::End, NextLine::Line) }
        };
        let mut streamed = Recording::streamed(["btcusd".parse().unwrap()], next);
        let pauses = [0, 250, 10, 10];
        let found = played(&mut streamed);
        assert_eq!(found, played(&mut whole.clone()));
        assert_eq!(found.iter().map(|(_, pause)| *pause).collect::<Vec<_>>(), pauses);
        assert_eq!((streamed.skipped(), streamed.is_empty()), (202, true));
        let without = played(&mut whole.without_receive_times());
        assert!(without.iter().all(|(_, pause)| *pause == 10), "{without:?}");
    }

    fn check(text: &str, expected: Result<usize, (usize, usize, &str)>) {
        let read = Recording::parse(text);
        let read =
            read.map(|recording| recording.len()).map_err(|error| (error.line, error.offset, error.reason));
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn lines() {
        let trade = r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#;
        check("", Ok(0));
        check("\r\n  \n", Ok(0));
        check(&format!("{trade}\r\n\n12.5\t{trade} \n 1790732601672 {trade}"), Ok(3));
        check(r#"{"id":1,"status":200}"#, Ok(0));
        check(r#"{"e":"orderUpdate","s":"btcusd"}"#, Ok(0));
        check(r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#, Ok(0));
        check(&format!("{trade}\nx {trade}"), Err((2, 0, "not a receive time")));
        check("12.5 x", Err((1, 5, "no frame after the receive time")));
        check("hello", Err((1, 0, "neither a frame nor a receive time and a frame")));
        check("12.5 {\"e\":}", Err((1, 10, "not valid JSON")));
        check("{\"e\":", Err((1, 4, "the JSON ends early")));
        let depth = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[["x","1"]],"a":[]}"#;
        check(&format!("\n{depth}"), Err((2, 0, WRONG_MEMBER)));
        check(&depth.replace('x', "1"), Ok(1));
        check(&trade.replace("btcusd", "btc usd"), Err((1, 0, WRONG_MEMBER)));
    }
}
