//! [`Recording`]: frames of the venue as somebody received them.

use std::fmt;
use std::time::Duration;

use gemini_ws::{Decimal, Level, Symbol};
use serde_json::{Map, Value};

/// The time between frames where the recording gives none.
const INTERVAL: Duration = Duration::from_millis(10);

/// Recorded frames, one per line, read and checked.
///
/// A line is a frame of `wss://ws.gemini.com` as the socket gave it, or a receive time, a space or a
/// tab, and a frame. The time is seconds with a decimal point (`1790732601.672464`), or an integer:
/// nanoseconds from sixteen digits on, milliseconds from twelve digits on, else seconds. Blank lines,
/// replies and frames of kinds that have no public stream are skipped.
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
    frames: Vec<RecordedFrame>,
    symbols: Vec<Symbol>,
    skipped: usize,
    interval: Duration,
}

/// One frame.
#[derive(Clone, Debug)]
pub(crate) struct RecordedFrame {
    text: String,
    /// Receive time since the first one that is given; `None` on a line without.
    received: Option<Duration>,
    /// The position of its symbol; `None` for streams over all symbols.
    symbol: Option<usize>,
    kind: Kind,
}

impl RecordedFrame {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The position of its symbol; `None` for streams over all symbols.
    pub(crate) const fn symbol(&self) -> Option<usize> {
        self.symbol
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }
}

/// What the frame belongs to.
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

/// A line that is no recorded frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordingError {
    line: usize,
    offset: usize,
    reason: &'static str,
}

impl RecordingError {
    /// The number of the line, the first is 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The offset in bytes within the line.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
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
    /// The first line that is neither blank nor a frame, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Recording, RecordingError> {
        let mut recording =
            Recording { frames: Vec::new(), symbols: Vec::new(), skipped: 0, interval: INTERVAL };
        let mut origin = None;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let error = |(offset, reason)| RecordingError { line: index + 1, offset, reason };
            let (time, start) = receive_time(line).map_err(error)?;
            let received = time.map(|time| {
                let elapsed = time.saturating_sub(*origin.get_or_insert(time));
                Duration::from_nanos(elapsed)
            });
            let frame = line[start..].trim_end();
            let value = serde_json::from_str(frame).map_err(|failure| {
                error((start + failure.column().saturating_sub(1), reason_of(&failure)))
            })?;
            let Value::Object(members) = value else { return Err(error((start, "not a JSON object"))) };
            let Some((kind, symbol)) = classify(&members).ok_or_else(|| error((start, WRONG_MEMBER)))? else {
                recording.skipped += 1;
                continue;
            };
            let symbol = symbol.map(|symbol| recording.position(symbol));
            recording.frames.push(RecordedFrame { text: frame.to_owned(), received, symbol, kind });
        }
        Ok(recording)
    }

    /// Sets the time between frames that have no receive time; 10 ms if not given. Less than a
    /// microsecond counts as one.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Recording {
        self.interval = interval.max(Duration::from_micros(1));
        self
    }

    /// Forgets the receive times, so that all frames come at the fixed interval.
    #[must_use]
    pub fn without_receive_times(mut self) -> Recording {
        for frame in &mut self.frames {
            frame.received = None;
        }
        self
    }

    /// The symbols that occur, in the order of their first frame.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The number of frames that will be played.
    pub const fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is nothing to play.
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The number of frames that were left out: replies, and kinds without a public stream.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// The time from the first frame to the last.
    pub fn duration(&self) -> Duration {
        let positions = 1..self.frames.len();
        positions.map(|position| self.pause_before(position)).fold(Duration::ZERO, Duration::saturating_add)
    }

    pub(crate) fn frame(&self, position: usize) -> Option<&RecordedFrame> {
        self.frames.get(position)
    }

    /// The time between a frame and the one before it.
    pub(crate) fn pause_before(&self, position: usize) -> Duration {
        let received = |position: usize| self.frames.get(position).and_then(|frame| frame.received);
        match (position.checked_sub(1).and_then(received), received(position)) {
            (Some(before), Some(at)) => at.saturating_sub(before),
            (None, Some(_)) if position == 0 => Duration::ZERO,
            _ => self.interval,
        }
    }

    fn position(&mut self, symbol: Symbol) -> usize {
        self.symbols.iter().position(|known| *known == symbol).unwrap_or_else(|| {
            self.symbols.push(symbol);
            self.symbols.len() - 1
        })
    }
}

type Failure = (usize, &'static str);

/// The receive time in ns, if there is one, and where the frame begins.
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

/// What a frame is. `None`: it lacks something; `Some(None)`: it is
/// of no public stream.
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
            // Without a symbol it cannot be told whose it is.
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
