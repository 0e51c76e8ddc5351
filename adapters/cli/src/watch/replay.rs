//! [`Replay`]: a recording in place of a generated market. A thread reads the recording while it is played, so
//! neither its size nor a slow disk delays anything.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use gemini_ws::{Endpoint, Message, Scratch, Symbol, decode};
use gemini_ws_simulator::NextLine;

use crate::ending::Failure;
use crate::output::Messages;
use crate::recording::{Line, Recording};
use crate::shown::Shown;

/// The limit of bytes of a regular file that are searched for symbols.
const SURVEY_BYTES_MAX: usize = 64 << 20;

/// The maximum number of lines that wait to be played.
const WAITING_LINES_MAX: usize = 16;

/// The report on the end of a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Ended {
    /// The number of lines that were played.
    pub(super) lines: u64,
    /// The reason why reading stopped early.
    pub(super) error: Option<Shown>,
}

/// A recording that will be played.
pub(super) struct Replay {
    pub(super) recording: gemini_ws_simulator::Recording,
    pub(super) symbols: Vec<Symbol>,
    /// Receives the report when everything was played.
    pub(super) ended: smol::channel::Receiver<Ended>,
}

/// Opens a recording to play it for `symbols`; if `symbols` is empty, for the symbols at the beginning of the
/// recording.
pub(super) fn open(path: &Path, symbols: &[Symbol], messages: &mut Messages) -> Result<Replay, Failure> {
    let mut recording = Recording::open(path, messages)?;
    let mut survey = Survey::new(symbols);
    // A pipe cannot be read again.
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
    let symbols = survey.symbols(recording.name())?;
    let (sender, lines) = sync_channel(WAITING_LINES_MAX);
    thread::Builder::new()
        .name("recording".to_owned())
        .spawn(move || read_to(&mut recording, &sender))
        .map_err(|error| Failure::of_file(path, error))?;
    let (tell, ended) = smol::channel::bounded(1);
    let recording = gemini_ws_simulator::Recording::streamed(symbols.clone(), player(lines, tell));
    Ok(Replay { recording, symbols, ended })
}

/// Reads lines in a thread and sends them to the player, until the recording ends or the player is dropped.
fn read_to(recording: &mut Recording, lines: &SyncSender<Result<String, Failure>>) {
    loop {
        let line = match recording.next() {
            Ok(Some(line)) => playable(line).map(Ok),
            Ok(None) => return,
            Err(failure) => Some(Err(failure)),
        };
        let is_last = matches!(line, Some(Err(_)));
        if line.is_some_and(|line| lines.send(line).is_err()) || is_last {
            return;
        }
    }
}

/// Returns a line in the form that the simulator reads, without a time that is not a number; `None` if the frame is
/// not UTF-8.
fn playable(line: Line<'_>) -> Option<String> {
    let frame = str::from_utf8(line.frame).ok()?;
    let is_number = |time: &&str| time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Some(match line.time.filter(is_number) {
        Some(time) => format!("{time} {frame}"),
        None => frame.to_owned(),
    })
}

/// Returns the function from which the simulator takes lines. The function returns only lines that have been read,
/// and sends the report on the end to `tell`.
fn player(
    lines: Receiver<Result<String, Failure>>,
    tell: smol::channel::Sender<Ended>,
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
            // The receiver may be gone at the end of the run.
            let _ = tell.try_send(Ended { lines: count, error: error.take() });
            NextLine::End
        }
    }
}

/// The search of a recording for symbols.
struct Survey {
    /// Whether the user named symbols.
    is_named: bool,
    symbols: Vec<Symbol>,
    known: HashSet<Symbol>,
    /// Whether a frame was found that can be played.
    is_usable: bool,
    /// The endpoint of the first frame that cannot be played.
    other: Option<Endpoint>,
    /// Whether the whole recording was searched.
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

    /// Searches the beginning of a recording.
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

    /// Searches a frame for a symbol. Returns whether the search is complete: if the user named symbols, it ends at
    /// the first frame that can be played; otherwise each frame may add a symbol.
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
        let opened = open(&path, &symbols, &mut Messages::default());
        std::fs::remove_file(&path).unwrap();
        opened
    }

    #[test]
    fn what_can_be_played() {
        let other = TRADE.replace("btcusd", "ethusd");
        let all = format!("17 {{\"id\":1,\"status\":200}}\n{TRADE}\nrubbish\n{other}\n{TRADE}");
        // text, named symbols; played symbols or a part of the message
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
    fn the_end_is_told_once() {
        let (sender, lines) = sync_channel(4);
        let (tell, ended) = smol::channel::bounded(1);
        let mut next = player(lines, tell);
        assert_eq!(next(), NextLine::Later);
        sender.send(Ok(TRADE.to_owned())).unwrap();
        sender.send(Err(Failure::new("the disk is gone"))).unwrap();
        assert_eq!(next(), NextLine::Line(TRADE.to_owned()));
        assert_eq!(next(), NextLine::Later);
        drop(sender);
        assert_eq!((next(), next()), (NextLine::End, NextLine::End));
        let error = Some(Shown::of("the disk is gone"));
        assert_eq!(ended.try_recv(), Ok(Ended { lines: 1, error }));
        assert!(ended.try_recv().is_err());
    }
}
