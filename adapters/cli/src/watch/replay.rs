//! [`Replay`]: a recording in place of a generated market. A thread reads the recording while it is played.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IsTerminal};
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use gemini_ws::{Endpoint, Message, Scratch, Symbol, decode};
use gemini_ws_simulator::{NextLine, Recording as Played};

use crate::ending::Failure;
use crate::output::Messages;
use crate::recording::{Line, Recording};
use crate::shown::Shown;

/// The limit for the bytes of a file that are searched for symbols.
const SURVEY_BYTES_MAX: usize = 64 << 20;

/// The maximum number of lines that wait to be played.
const WAITING_LINES_MAX: usize = 16;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Ended {
    /// The number of lines that the simulator has taken. Lines that it cannot decode are included.
    pub(super) lines: u64,
    /// The number of lines that cannot be decoded. `lines` includes those of them that are UTF-8.
    pub(super) malformed: u64,
    pub(super) error: Option<Shown>,
}

pub(super) struct Replay {
    pub(super) recording: Played,
    pub(super) symbols: Vec<Symbol>,
    /// Receives the report when the simulator has taken the last line.
    pub(super) ended: smol::channel::Receiver<Ended>,
}

/// Opens a recording. The simulator will play its frames of `symbols`. If `symbols` is empty, it will play the frames
/// of the symbols that occur at the beginning of the recording.
///
/// # Errors
///
/// If the recording cannot be read, or nothing in it can be played. Also if the search in a pipe takes longer than
/// `longest`.
pub(super) fn open(
    path: &Path,
    symbols: &[Symbol],
    longest: Option<Duration>,
    messages: &mut Messages,
) -> Result<Replay, Failure> {
    let (found, search) = sync_channel(1);
    let (sender, lines) = sync_channel(WAITING_LINES_MAX);
    let malformed = Arc::<AtomicU64>::default();
    let counter = Arc::clone(&malformed);
    let reason = if symbols.is_empty() {
        "you named no symbols, and the symbols of the recording are not known"
    } else {
        "nothing to play"
    };
    let (name, symbols, mut own) = (path.to_owned(), symbols.to_vec(), std::mem::take(messages));
    // Opening a pipe waits for its writer, so the thread does this too.
    let run = move || {
        let (symbols, recording) = search_of(&name, &symbols, &mut own).map_or_else(
            |failure| (Err(failure), None),
            |(symbols, recording)| (Ok(symbols), Some(recording)),
        );
        // If the search took too long, nothing waits for the result.
        if found.send((symbols, own)).is_ok()
            && let Some(mut recording) = recording
        {
            read_to(&mut recording, &sender, &counter);
        }
    };
    let thread = thread::Builder::new().name("recording".to_owned());
    thread.spawn(run).map_err(|error| Failure::of_file(path, error))?;
    let found = match longest.filter(|_| !path.is_file()) {
        Some(longest) => search.recv_timeout(longest).map_err(|_| format!("{reason} after {longest:?}")),
        None => search.recv().map_err(|error| error.to_string()),
    };
    let (symbols, own) = found.map_err(|error| Failure::of_file(path, error))?;
    *messages = own;
    let symbols = symbols?;
    let (tell, ended) = smol::channel::bounded(1);
    let recording = Played::streamed(symbols.clone(), player(lines, tell, malformed));
    Ok(Replay { recording, symbols, ended })
}

/// Returns whether a recording is read from a terminal.
pub(super) fn is_terminal(path: &Path) -> bool {
    if path.as_os_str() == "-" {
        return io::stdin().is_terminal();
    }
    // Opening a pipe would wait for its writer. A terminal is neither a pipe nor a file.
    #[cfg(unix)]
    return std::fs::metadata(path).is_ok_and(|it| it.file_type().is_char_device())
        && File::open(path).is_ok_and(|file| file.is_terminal());
    #[cfg(not(unix))]
    false
}

fn search_of(
    path: &Path,
    symbols: &[Symbol],
    messages: &mut Messages,
) -> Result<(Vec<Symbol>, Recording), Failure> {
    let mut recording = Recording::open(path, messages)?;
    let mut survey = Survey::new(symbols);
    // Search a file for symbols, and then read it again. A pipe cannot be read again.
    if path.as_os_str() != "-" && path.is_file() {
        survey.read(&mut recording)?;
        if symbols.is_empty() && !survey.is_whole {
            let size = SURVEY_BYTES_MAX >> 20;
            messages.say(&Shown::of(format_args!(
                "watching the symbols of the first {size} MiB; name others as arguments"
            )));
        }
        let file = File::open(path).map_err(|error| Failure::of_file(path, error))?;
        recording = Recording::new(Box::new(file), recording.name())?;
    } else {
        recording.look_ahead(|line| survey.take(line).then_some(()))?;
    }
    Ok((survey.symbols(recording.name())?, recording))
}

/// Reads lines in a thread and sends them to the player, until the recording ends or the player is dropped.
fn read_to(recording: &mut Recording, lines: &SyncSender<Result<String, Failure>>, malformed: &AtomicU64) {
    let (name, mut scratch) = (recording.name().to_owned(), Scratch::new());
    loop {
        let line = match recording.next() {
            Ok(Some(line)) => {
                let frame = str::from_utf8(line.frame);
                let is_decodable = frame.is_ok_and(|frame| decode(frame, &mut scratch).is_ok());
                let line = playable(&name, line).transpose();
                // The simulator decodes frames in its own way, and skips a line that it cannot decode.
                let is_played =
                    line.as_ref().is_some_and(|it| it.as_ref().map_or(true, |line| is_line(line)));
                if !is_decodable || !is_played {
                    malformed.fetch_add(1, Ordering::Relaxed);
                }
                line
            }
            Ok(None) => return,
            Err(failure) => Some(Err(failure)),
        };
        let is_last = matches!(line, Some(Err(_)));
        if line.is_some_and(|line| lines.send(line).is_err()) || is_last {
            return;
        }
    }
}

/// Returns a line in the form of the simulator; `None` if the frame is not UTF-8.
///
/// # Errors
///
/// If the receive time is neither a number nor a date, because the pace of the recording would be lost.
fn playable(name: &str, line: Line<'_>) -> Result<Option<String>, Failure> {
    let Ok(frame) = str::from_utf8(line.frame) else { return Ok(None) };
    let Some(time) = line.time else { return Ok(Some(frame.to_owned())) };
    match number_of(time) {
        Some(time) => Ok(Some(format!("{time} {frame}"))),
        None => Err(Failure::new(format_args!(
            "{name}: line {}: the receive time {time} is neither a number nor a date such as 2026-09-30T12:00:00.25Z",
            line.number
        ))),
    }
}

/// Converts a receive time to a number, which the simulator reads. A number stays as it is. A date becomes the
/// seconds since 1970; without an offset it is in UTC. Returns `None` for any other text, and for a time after the
/// year 2554.
fn number_of(time: &str) -> Option<String> {
    let is_number = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if is_number { time.to_owned() } else { seconds_of_date(time)? };
    // Let the simulator read the number: it knows the format and the range.
    is_line(&format!("{number} {{}}")).then_some(number)
}

fn is_line(line: &str) -> bool {
    Played::parse(line).is_ok()
}

fn seconds_of_date(time: &str) -> Option<String> {
    let (day, clock) = time.split_once('T')?;
    let (clock, offset) = clock.split_at(clock.find(['+', '-']).unwrap_or(clock.len()));
    if clock.ends_with('Z') && !offset.is_empty() {
        return None;
    }
    let local = humantime::parse_rfc3339_weak(&format!("{day}T{clock}")).ok()?;
    let local = local.duration_since(UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(local.as_secs()).ok()?.checked_sub(seconds_of_offset(offset)?)?;
    Some(format!("{}.{:09}", u64::try_from(seconds).ok()?, local.subsec_nanos()))
}

/// Returns the seconds by which local time is ahead of UTC. `offset` is empty, or for example `+02:00`.
fn seconds_of_offset(offset: &str) -> Option<i64> {
    let (sign, digits) = match offset.split_at_checked(1) {
        None => return Some(0),
        Some((sign, digits)) => (if sign == "-" { -1 } else { 1 }, digits),
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let number = |digits: &str| digits.parse::<u8>().ok().filter(|_| digits.len() == 2).map(i64::from);
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    Some(sign * (number(hours)? * 3_600 + minutes * 60))
}

/// Returns the function that the simulator calls for each line. The function never waits for a line. At the end of
/// the lines, it reports the end to `tell`.
fn player(
    lines: Receiver<Result<String, Failure>>,
    tell: smol::channel::Sender<Ended>,
    malformed: Arc<AtomicU64>,
) -> impl FnMut() -> NextLine + Send + 'static {
    let mut count = 0;
    let mut error = None;
    move || match lines.try_recv() {
        Ok(Ok(line)) => {
            count += 1;
            NextLine::Line(line)
        }
        Ok(Err(Failure::Message(message))) => {
            error = Some(message);
            NextLine::Later
        }
        Ok(Err(_)) | Err(TryRecvError::Empty) => NextLine::Later,
        Err(TryRecvError::Disconnected) => {
            let malformed = malformed.load(Ordering::Relaxed);
            // The receiver may have been dropped.
            let _ = tell.try_send(Ended { lines: count, malformed, error: error.take() });
            NextLine::End
        }
    }
}

struct Survey {
    is_named: bool,
    symbols: Vec<Symbol>,
    known: HashSet<Symbol>,
    /// Whether a frame that can be played was found.
    is_usable: bool,
    /// The endpoint of the first frame that cannot be played.
    other: Option<Endpoint>,
    is_whole: bool,
    scratch: Scratch,
}

impl Survey {
    fn new(symbols: &[Symbol]) -> Survey {
        Survey {
            is_named: !symbols.is_empty(),
            symbols: symbols.to_vec(),
            known: HashSet::new(),
            is_usable: false,
            other: None,
            is_whole: false,
            scratch: Scratch::new(),
        }
    }

    fn read(&mut self, recording: &mut Recording) -> Result<(), Failure> {
        let mut bytes = 0;
        while bytes < SURVEY_BYTES_MAX {
            let Some(line) = recording.next()? else {
                self.is_whole = true;
                return Ok(());
            };
            bytes += line.frame.len();
            if self.take(line.frame) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Searches a frame for a symbol. Returns whether the search is complete. If the user named symbols, the search
    /// is complete at the first frame that can be played.
    fn take(&mut self, frame: &[u8]) -> bool {
        let Ok(frame) = str::from_utf8(frame) else { return false };
        let symbol = match decode(frame, &mut self.scratch) {
            Ok(Message::BookTicker(payload)) => payload.symbol,
            Ok(Message::Depth(payload)) => payload.symbol,
            Ok(Message::Trade(payload)) => payload.symbol,
            _ => {
                self.other = self.other.or_else(|| Endpoint::guess(frame));
                return false;
            }
        };
        let Ok(symbol) = symbol.parse() else { return false };
        self.is_usable = true;
        if !self.is_named && self.known.insert(symbol) {
            self.symbols.push(symbol);
        }
        self.is_named
    }

    fn symbols(self, name: &str) -> Result<Vec<Symbol>, Failure> {
        if self.is_usable {
            return Ok(self.symbols);
        }
        let other = match self.other {
            Some(Endpoint::MarketDataV1) => "; it is of market data v1",
            Some(Endpoint::MarketDataV2) => "; it is of market data v2",
            Some(Endpoint::OrderEventsV1) => "; it is of order events v1",
            Some(_) | None => "",
        };
        Err(Failure::new(format_args!(
            "{name}: nothing in it can be played; only depth, book tickers and trades of the current API can{other}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TRADE: &str = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;

    fn opened(name: &str, text: &str, symbols: &[&str]) -> Result<Replay, Failure> {
        let path = std::env::temp_dir().join(format!("gemini-ws-{}-{name}", std::process::id()));
        File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        let symbols: Vec<Symbol> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let opened = open(&path, &symbols, None, &mut Messages::default());
        std::fs::remove_file(&path).unwrap();
        opened
    }

    #[test]
    fn what_can_be_played() {
        let other = TRADE.replace("btcusd", "ethusd");
        let all = format!("17 {{\"id\":1,\"status\":200}}\n{TRADE}\nrubbish\n{other}\n{TRADE}");
        // The text of the recording; the symbols that the user names; the played symbols, or a part of the error
        // message.
        let table: [(&str, &[&str], Result<&[&str], &str>); 6] = [
            (&all, &[], Ok(&["btcusd", "ethusd"])),
            (&all, &["ethusd", "solusd"], Ok(&["ethusd", "solusd"])),
            ("", &[], Err("nothing in it can be played")),
            ("rubbish", &["btcusd"], Err("nothing in it can be played")),
            (r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[]}"#, &[], Err("it is of market data v2")),
            (r#"{"type":"heartbeat","socket_sequence":3}"#, &[], Err("it is of market data v1")),
        ];
        for (position, (text, symbols, expected)) in table.into_iter().enumerate() {
            match (opened(&position.to_string(), text, symbols), expected) {
                (Ok(replay), Ok(symbols)) => {
                    let found: Vec<_> = replay.symbols.iter().map(Symbol::as_str).collect();
                    assert_eq!(found, symbols);
                }
                (Err(Failure::Message(message)), Err(part)) => {
                    assert!(message.as_str().contains(part), "{message}");
                }
                (opened, _) => panic!("{text}: {}", opened.is_ok()),
            }
        }
    }

    #[test]
    fn many_symbols_cost_no_more_each() {
        let mut survey = Survey::new(&[]);
        let started = std::time::Instant::now();
        for number in 0..100_000 {
            survey.take(TRADE.replace("btcusd", &format!("s{number}usd")).as_bytes());
        }
        assert_eq!(survey.symbols("test").unwrap().len(), 100_000);
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    }

    #[test]
    fn receive_times() {
        for (time, expected) in [
            ("1790769600", Some("1790769600")),
            ("1790769600.25", Some("1790769600.25")),
            ("1790769600.", Some("1790769600.")),
            ("1790769600.2.5", None),
            ("99999999999999999999", None),
            ("9999-12-31T23:59:59Z", None),
            ("2026-09-30T12:00:00Z", Some("1790769600.000000000")),
            ("2026-09-30T12:00:00", Some("1790769600.000000000")),
            ("2026-09-30T12:00:04.25Z", Some("1790769604.250000000")),
            ("2026-09-30T14:00:00+02:00", Some("1790769600.000000000")),
            ("2026-09-30T14:00:00+0200", Some("1790769600.000000000")),
            ("2026-09-30T14:00:00.5+02", Some("1790769600.500000000")),
            ("2026-09-30T06:30:00.000001-05:30", Some("1790769600.000001000")),
            ("1970-01-01T00:00:00+01:00", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-09-31T12:00:00Z", None),
            ("2026-09-30", None),
            ("12:00:00", None),
            ("2026-09-30T12:00:00+2", None),
            ("2026-09-30T12:00:00+02:0", None),
            ("2026-09-30T12:00:00+", None),
            ("2026-09-30T12:00:00Z+02:00", None),
        ] {
            assert_eq!(number_of(time).as_deref(), expected, "{time}");
        }
    }

    /// Each line keeps its receive time, which sets the pace. Reading ends at a receive time that is neither a number
    /// nor a date.
    #[test]
    fn lines_for_the_simulator() {
        let text = format!("{TRADE}\n2026-09-30T12:00:00Z {TRADE}\n17: {TRADE}\n12:00:00 {TRADE}\n{TRADE}");
        let mut recording = Recording::new(Box::new(std::io::Cursor::new(text)), "test").unwrap();
        let (sender, lines) = sync_channel(9);
        let malformed = AtomicU64::new(0);
        read_to(&mut recording, &sender, &malformed);
        drop(sender);
        assert_eq!(malformed.into_inner(), 0);
        let played: Vec<_> = lines.iter().collect();
        let [Ok(first), Ok(second), Ok(third), Err(Failure::Message(message))] = &played[..] else {
            panic!("{played:?}")
        };
        let timed = |time| format!("{time} {TRADE}");
        let expected = [TRADE.to_owned(), timed("1790769600.000000000"), timed("17")];
        assert_eq!([first, second, third], expected.each_ref());
        assert!(message.as_str().starts_with("test: line 4: the receive time 12:00:00 "), "{message}");
    }

    /// The core decodes some frames that the simulator cannot decode. The simulator does not play them, so they count
    /// as malformed.
    #[test]
    fn lines_that_are_not_played_are_counted() {
        let depth = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[],"a":[]}"#;
        let reply = r#"{"id":1,"status":200}"#;
        let no_time = depth.replace(r#""E":1,"#, "");
        let text = format!(
            "{depth}\n{reply}\n{no_time}\nrubbish\n17 {}\n{TRADE}\n",
            depth.replace(":1,", ":\"1\",")
        );
        assert!(decode(&no_time, &mut Scratch::new()).is_ok());
        let mut recording = Recording::new(Box::new(std::io::Cursor::new(text)), "test").unwrap();
        let (sender, lines) = sync_channel(9);
        let malformed = AtomicU64::new(0);
        read_to(&mut recording, &sender, &malformed);
        drop(sender);
        assert_eq!((lines.iter().count(), malformed.into_inner()), (6, 3));
    }

    #[test]
    fn the_end_is_told_once() {
        let (sender, lines) = sync_channel(4);
        let (tell, ended) = smol::channel::bounded(1);
        let mut next = player(lines, tell, Arc::new(AtomicU64::new(3)));
        assert_eq!(next(), NextLine::Later);
        sender.send(Ok(TRADE.to_owned())).unwrap();
        sender.send(Err(Failure::new("the disk is gone"))).unwrap();
        assert_eq!(next(), NextLine::Line(TRADE.to_owned()));
        assert_eq!(next(), NextLine::Later);
        drop(sender);
        assert_eq!((next(), next()), (NextLine::End, NextLine::End));
        let error = Some(Shown::of("the disk is gone"));
        assert_eq!(ended.try_recv(), Ok(Ended { lines: 1, malformed: 3, error }));
        assert!(ended.try_recv().is_err());
    }
}
