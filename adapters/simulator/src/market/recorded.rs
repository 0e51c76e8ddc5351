//! [`Recorded`]: a source of books that plays a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{Decimal, Instant, Level, Stream, Symbol};

use crate::context::Context;
use crate::context::schedule::Task;
use crate::market::source::{Source, TrueBook};
use crate::market::subscribers::{DepthState, Subscribers};
use crate::recording::{Kind, Next, RecordedDepth, RecordedFrame, Recording};
use crate::session::SnapshotMode;
use crate::value::id::SessionId;
use crate::value::tempo::Tempo;

/// How long the exchange waits before it asks again for a frame that is not available yet.
const PAUSE: Duration = Duration::from_millis(5);

/// Plays the frames of a recording, each once, from the first subscription on. Keeps the books for later subscribers.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    recording: Recording,
    has_started: bool,
    upcoming: Option<RecordedFrame>,
    /// When the exchange played the last frame; `None` before the first one.
    played: Option<Instant>,
    tracks: Vec<Track>,
    contract_subscribers: BTreeSet<SessionId>,
}

#[derive(Clone, Debug)]
struct Track {
    symbol: Symbol,
    subscribers: Subscribers,
    /// The book; `None` before the first snapshot, and from a gap of the recording to the next snapshot.
    book: Option<Book>,
    /// The last frames of the ticker and of partial depth. The exchange sends them at once to new subscribers.
    ticker: Option<String>,
    partial: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Book {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
    last_update_id: u64,
    event_time: i64,
}

impl Recorded {
    pub(crate) fn new(recording: Recording) -> Recorded {
        let tracks = recording.symbols().iter().map(|symbol| Track {
            symbol: *symbol,
            subscribers: Subscribers::default(),
            book: None,
            ticker: None,
            partial: None,
        });
        Recorded {
            tracks: tracks.collect(),
            recording,
            has_started: false,
            upcoming: None,
            played: None,
            contract_subscribers: BTreeSet::new(),
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        if !self.has_started {
            self.has_started = true;
            self.prepare(cx);
        }
    }

    fn prepare(&mut self, cx: &mut Context<'_>) {
        let at = match self.recording.next() {
            Next::Frame(frame, pause) => {
                self.upcoming = Some(frame);
                // The wait for a frame that was not available is a part of its pause.
                cx.now.max(self.played.unwrap_or(cx.now) + pause)
            }
            Next::Later => cx.now + PAUSE,
            Next::End => return,
        };
        cx.schedule.add(at, Task::Play);
    }

    fn play(&mut self, cx: &mut Context<'_>) {
        let frame = self.upcoming.take();
        if frame.is_some() {
            self.played = Some(cx.now);
        }
        self.prepare(cx);
        let Some(frame) = frame else { return };
        cx.sessions.stats_mut().played += 1;
        let text = frame.text();
        let Some(track) = frame.symbol().and_then(|symbol| self.tracks.get_mut(symbol)) else {
            return cx.sessions.send_all(&self.contract_subscribers, text);
        };
        match frame.kind() {
            Kind::Ticker => {
                track.ticker = Some(text.to_owned());
                cx.sessions.send_all(track.subscribers.ticker(), text);
            }
            Kind::Trade => cx.sessions.send_all(track.subscribers.trade(), text),
            Kind::MarkPrice => cx.sessions.send_all(track.subscribers.mark(), text),
            Kind::FundingAmount => cx.sessions.send_all(track.subscribers.funding(), text),
            Kind::PartialDepth => {
                track.partial = Some(text.to_owned());
                cx.sessions.send_all(&track.subscribers.all_partial(), text);
            }
            Kind::Depth(depth) => track.play_depth(cx, depth, text),
            Kind::ContractStatus => {}
        }
    }

    fn track(&self, symbol: Symbol) -> Option<&Track> {
        self.tracks.iter().find(|track| track.symbol == symbol)
    }

    fn track_mut(&mut self, symbol: Symbol) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.symbol == symbol)
    }
}

impl Track {
    fn play_depth(&mut self, cx: &mut Context<'_>, depth: &RecordedDepth, text: &str) {
        // A frame that covers a single other update id is a snapshot, which the recorded client has requested.
        let covers_one = depth.first_update_id == depth.last_update_id;
        let last = self.book.as_ref().map(|book| book.last_update_id);
        let is_snapshot = covers_one && last != Some(depth.last_update_id);
        if is_snapshot {
            self.book.insert(Book::default()).set(depth);
        } else if last.is_some_and(|last| depth.first_update_id > last) {
            // The recording lacks an update.
            self.book = None;
        } else if let Some(book) = &mut self.book {
            book.apply(depth);
        }
        let copies = if is_snapshot { 1 } else { cx.faults.depth_copies(self.symbol) };
        for (session, state) in self.subscribers.all_depth_mut() {
            let mode = cx.sessions.get(*session).map_or(SnapshotMode::Absent, |session| session.snapshot());
            let is_first = *state == DepthState::BeforeRecordedSnapshot;
            if is_first && !is_snapshot && mode.levels() > 0 {
                // The venue sends no change before the snapshot, so this session gets no frame yet.
                continue;
            }
            *state = DepthState::Live;
            match (is_first && is_snapshot, mode) {
                // The session requested no snapshot, so it does not get this one.
                (true, SnapshotMode::Absent) => {}
                (true, SnapshotMode::Best(levels)) => {
                    let text = self.book.as_ref().map(|book| book.snapshot(self.symbol, levels));
                    cx.sessions.send(*session, &text.unwrap_or_default());
                }
                _ => (0..copies).for_each(|_| cx.sessions.send(*session, text)),
            }
        }
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        let present = match stream {
            Stream::BookTicker { .. } => self.ticker.clone(),
            Stream::PartialDepth { .. } => self.partial.clone(),
            Stream::Depth { .. } => {
                let levels = cx.sessions.get(session).map_or(0, |session| session.snapshot().levels());
                let book = self.book.as_ref().filter(|_| levels > 0);
                book.map(|book| book.snapshot(self.symbol, levels))
            }
            _ => None,
        };
        if let Some(text) = present {
            cx.sessions.send(session, &text);
        }
        if let Stream::Depth { cadence, .. } = *stream {
            let state = match self.book {
                Some(_) => DepthState::Live,
                None => DepthState::BeforeRecordedSnapshot,
            };
            self.subscribers.join_depth(Tempo::from(cadence), session, state);
        } else {
            self.subscribers.join(stream, session);
        }
    }
}

impl Book {
    /// Applies an update, unless the book already contains it.
    fn apply(&mut self, depth: &RecordedDepth) {
        if depth.last_update_id > self.last_update_id {
            self.set(depth);
        }
    }

    fn set(&mut self, depth: &RecordedDepth) {
        for (side, levels) in [(&mut self.bids, &depth.bids), (&mut self.asks, &depth.asks)] {
            for level in levels {
                if level.quantity.is_zero() {
                    side.remove(&level.price);
                } else {
                    side.insert(level.price, level.quantity);
                }
            }
        }
        self.last_update_id = depth.last_update_id;
        self.event_time = depth.event_time;
    }

    fn sides(&self, count: usize) -> [Vec<Level>; 2] {
        let level = |(price, quantity): (&Decimal, &Decimal)| Level { price: *price, quantity: *quantity };
        let bids = self.bids.iter().rev().take(count).map(level);
        [bids.collect(), self.asks.iter().take(count).map(level).collect()]
    }

    fn snapshot(&self, symbol: Symbol, count: usize) -> String {
        let [bids, asks] = self.sides(count);
        let (time, id, symbol) = (self.event_time, self.last_update_id, symbol.canonical());
        format!(
            r#"{{"e":"depthUpdate","E":{time},"s":"{symbol}","U":{id},"u":{id},"b":{},"a":{}}}"#,
            array(&bids),
            array(&asks)
        )
    }
}

fn array(levels: &[Level]) -> String {
    let mut text = String::from("[");
    for (position, Level { price, quantity }) in levels.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        // Writing to a `String` does not fail.
        let _ = write!(text, "{comma}[\"{price}\",\"{quantity}\"]");
    }
    text.push(']');
    text
}

impl Source for Recorded {
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_> {
        Box::new(self.tracks.iter().map(|track| track.symbol))
    }

    fn has(&self, stream: &Stream) -> bool {
        stream.symbol().is_none_or(|symbol| self.track(symbol).is_some())
    }

    fn is_small(&self, stream: &Stream) -> bool {
        // While there is no book, `subscribe` sends no snapshot, so none can come before the acknowledgement.
        let book =
            stream.symbol().and_then(|symbol| self.track(symbol)).and_then(|track| track.book.as_ref());
        book.is_none_or(|book| book.bids.len() + book.asks.len() <= 400)
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        self.start(cx);
        match stream.symbol() {
            None => {
                self.contract_subscribers.insert(session);
            }
            Some(symbol) => {
                if let Some(track) = self.track_mut(symbol) {
                    track.subscribe(cx, session, stream);
                }
            }
        }
    }

    fn unsubscribe(&mut self, _cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        match stream.symbol() {
            None => {
                self.contract_subscribers.remove(&session);
            }
            Some(symbol) => {
                if let Some(track) = self.track_mut(symbol) {
                    track.subscribers.leave(stream, session);
                }
            }
        }
    }

    fn repeat_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, symbol: Symbol) {
        let Some(track) = self.track(symbol) else { return };
        let is_subscribed = track.subscribers.follows_depth(session);
        if let Some(book) = track.book.as_ref().filter(|_| is_subscribed) {
            cx.sessions.send(session, &book.snapshot(symbol, usize::MAX));
        }
    }

    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String> {
        let track = self.track(symbol)?;
        let empty = Book::default();
        let book = track.book.as_ref().unwrap_or(&empty);
        let [bids, asks] = book.sides(limit);
        let id = book.last_update_id;
        Some(format!(r#"{{"lastUpdateId":{id},"bids":{},"asks":{}}}"#, array(&bids), array(&asks)))
    }

    fn book(&self, symbol: Symbol) -> Option<TrueBook> {
        let track = self.track(symbol)?;
        let Some(book) = &track.book else { return Some(TrueBook::default()) };
        let [bids, asks] = book.sides(usize::MAX);
        Some(TrueBook { bids, asks, last_update_id: book.last_update_id })
    }

    fn run(&mut self, cx: &mut Context<'_>, task: Task) {
        if task == Task::Play {
            self.play(cx);
        }
    }
}
