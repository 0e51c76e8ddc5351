//! The lines that `watch` prints: [`PlainLines`] for people, [`JsonLines`] for programs. Only their `finish` methods
//! wait for a reader. Both report how much they have left out.

use std::collections::VecDeque;
use std::io;

use gemini_ws::{Client, Event, EventQueue, Instant, Overflow, Symbol, Topic};
use serde::Serialize;

use crate::json::{self, Times};
use crate::output::{Output, PATIENCE, Unwritten};
use crate::shown::Shown;

#[derive(Debug)]
pub(crate) struct PlainLines {
    output: Output,
    missing: u64,
}

impl PlainLines {
    pub(crate) const fn new(output: Output) -> PlainLines {
        PlainLines { output, missing: 0 }
    }

    pub(crate) fn print(&mut self, line: &Shown) -> io::Result<()> {
        self.output.check()?;
        if !self.output.has_room() {
            self.missing += 1;
            return Ok(());
        }
        self.report_missing()?;
        self.output.put(format!("{line}\n").as_bytes())
    }

    pub(crate) fn finish(&mut self, lines: &[Shown]) -> Result<(), Unwritten> {
        self.output.wait_for_room(PATIENCE)?;
        self.report_missing().map_err(Unwritten::Failed)?;
        for line in lines {
            self.output.put(format!("{line}\n").as_bytes()).map_err(Unwritten::Failed)?;
        }
        self.output.drain(PATIENCE)
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        self.output.check()
    }

    fn report_missing(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.missing) {
            0 => Ok(()),
            missing => self
                .output
                .put(format!("{missing} lines are missing here: the reader was too slow\n").as_bytes()),
        }
    }
}

/// The books that need a new snapshot, because events were dropped.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct LostBooks {
    symbols: Vec<Symbol>,
    /// Whether dropped events may concern books that are not in `symbols`.
    are_some_unnamed: bool,
}

impl LostBooks {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), .. } => self.symbols.push(*symbol),
            Event::Overflow { topic: Topic::Depth | Topic::Connection, .. } => self.are_some_unnamed = true,
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == LostBooks::default()
    }

    pub(crate) fn resync(self, client: &mut Client, now: Instant) {
        if self.are_some_unnamed {
            client.resync_all_books(now);
        } else {
            client.resync_books(now, self.symbols);
        }
    }
}

/// Prints events as JSON, one per line.
///
/// While the reader takes nothing, events wait in a queue. When the queue is full, it drops the oldest market data.
/// It drops the oldest other events only if they exceed [`RESERVED_EVENTS_MAX`](gemini_ws::RESERVED_EVENTS_MAX) or
/// [`RESERVED_BYTES_MAX`](gemini_ws::RESERVED_BYTES_MAX). A line of the kind `overflow` takes the place of the
/// dropped events.
#[derive(Debug)]
pub(crate) struct JsonLines {
    output: Output,
    waiting: EventQueue,
    /// When each waiting event without a frame happened, in order.
    happened: VecDeque<Times>,
    /// Whether the queue may have dropped an event that had an entry in `happened`. `happened` then stays empty until
    /// no event waits.
    is_inexact: bool,
    /// Lines that are not events. They are printed after the events in `waiting`.
    behind: Vec<u8>,
    line: Vec<u8>,
    lost: LostBooks,
}

impl JsonLines {
    pub(crate) fn new(output: Output) -> JsonLines {
        JsonLines {
            output,
            waiting: EventQueue::new(Overflow::DropOldest),
            happened: VecDeque::new(),
            is_inexact: false,
            behind: Vec::new(),
            line: Vec::new(),
            lost: LostBooks::default(),
        }
    }

    pub(crate) fn event(&mut self, now: Instant, event: &Event<'_>) -> io::Result<()> {
        self.print_waiting(now)?;
        if self.waiting.is_empty() && self.output.has_room() {
            return self.print(Times::at(now), event);
        }
        let dropped = self.waiting.dropped_facts();
        self.waiting.push(event);
        // Every event that needs a time is a fact.
        self.is_inexact |= self.waiting.dropped_facts() > dropped;
        if self.is_inexact {
            self.happened.clear();
        } else if needs_time(event) {
            self.happened.push_back(Times::at(now));
        }
        Ok(())
    }

    /// Prints waiting events while there is room, and after them the lines in `behind`.
    pub(crate) fn print_waiting(&mut self, now: Instant) -> io::Result<()> {
        self.output.check()?;
        while !self.waiting.is_empty() && self.output.has_room() {
            let Some(mut event) = self.waiting.take() else { break };
            let event = event.as_event();
            self.lost.note(&event);
            let happened = if needs_time(&event) { self.happened.pop_front() } else { None };
            let times = happened.unwrap_or_else(|| Times::at(now));
            self.print(times, &event)?;
        }
        if self.waiting.is_empty() {
            self.happened.clear();
            self.is_inexact = false;
            if !self.behind.is_empty() {
                self.output.put(&std::mem::take(&mut self.behind))?;
            }
        }
        Ok(())
    }

    pub(crate) fn take_lost(&mut self) -> LostBooks {
        std::mem::take(&mut self.lost)
    }

    pub(crate) fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        json::write_line(&mut self.line, value)?;
        if self.waiting.is_empty() {
            return self.output.put(&self.line);
        }
        self.behind.extend_from_slice(&self.line);
        Ok(())
    }

    pub(crate) fn finish(&mut self, now: Instant, last: &impl Serialize) -> Result<(), Unwritten> {
        while !self.waiting.is_empty() {
            self.output.wait_for_room(PATIENCE)?;
            self.print_waiting(now).map_err(Unwritten::Failed)?;
        }
        self.line(last).map_err(Unwritten::Failed)?;
        self.output.drain(PATIENCE)
    }

    fn print(&mut self, times: Times, event: &Event<'_>) -> io::Result<()> {
        self.line.clear();
        json::write_event(&mut self.line, times, event)?;
        self.output.put(&self.line)
    }
}

/// Returns whether `JsonLines` has to remember when an event happened. An event with a frame contains the time, and
/// the queue adds an overflow only when events are taken.
const fn needs_time(event: &Event<'_>) -> bool {
    event.source().is_none() && !matches!(event, Event::Overflow { .. })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use gemini_ws::{Endpoint, Replay, Scratch};

    use super::*;

    /// A destination that takes nothing until the test opens it, and then everything.
    struct Dammed(Option<Receiver<()>>, Sender<Vec<u8>>);

    impl Write for Dammed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.take().map(|opened| opened.recv());
            self.1.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn dammed() -> (Output, Sender<()>, Receiver<Vec<u8>>) {
        let ((open, opened), (sender, taken)) = (channel(), channel());
        (Output::new("test", Dammed(Some(opened), sender)).unwrap(), open, taken)
    }

    fn text(taken: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(taken.try_iter().flatten().collect()).unwrap()
    }

    /// If the queue does not name all books whose updates it has dropped, `resync` requests new snapshots of all
    /// books.
    #[test]
    fn more_books_than_the_queue_names() {
        let (output, open, _taken) = dammed();
        let mut lines = JsonLines::new(output);
        let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
        for number in 0..20_000 {
            let symbol = format!("s{number}usd");
            let snapshot =
                format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":1,"u":1,"b":[["1","1"]],"a":[]}}"#);
            let event = replay.event(&snapshot, &mut scratch).unwrap().unwrap();
            lines.event(Instant::ZERO, &event).unwrap();
        }
        open.send(()).unwrap();
        lines.finish(Instant::ZERO, &"the end").unwrap();
        let lost = lines.take_lost();
        assert!(lost.symbols.len() > 1_000 && lost.are_some_unnamed, "{} named", lost.symbols.len());
        assert!(lines.take_lost().is_empty(), "they are requested once");
    }

    #[test]
    fn every_event_is_printed_or_told_of_as_missing() {
        let (output, open, taken) = dammed();
        let mut lines = JsonLines::new(output);
        let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
        let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[["1","1"]],"a":[]}"#;
        const EVENTS: u64 = 20_000;
        for number in 0..EVENTS {
            let trade = format!(r#"{{"E":1,"s":"ethusd","t":{number},"p":"1.5","q":"2","m":true}}"#);
            let frame = if number % 10 == 0 { snapshot } else { &trade };
            let event = replay.event(frame, &mut scratch).unwrap();
            lines.event(Instant::ZERO, &event.unwrap_or(Event::Live { link: link() })).unwrap();
        }
        assert!(lines.take_lost().is_empty(), "nothing was announced yet");
        open.send(()).unwrap();
        lines.finish(Instant::ZERO, &"the end").unwrap();
        assert!(!lines.take_lost().is_empty());
        let (mut printed, mut dropped, mut last) = (0, 0, 0);
        for line in text(&taken).lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            match line["kind"].as_str() {
                Some("overflow") => dropped += line["dropped"].as_u64().unwrap(),
                Some("trade") => {
                    let id: u64 = line["trade_id"].as_str().unwrap().parse().unwrap();
                    assert!(id > last, "{last} {id}");
                    (last, printed) = (id, printed + 1);
                }
                Some(_) => printed += 1,
                None => assert_eq!(line, "the end"),
            }
        }
        assert_eq!((printed + dropped, last), (EVENTS, EVENTS - 1));
        assert!(dropped > 0, "{printed}");
    }

    fn link() -> gemini_ws::LinkId {
        super::super::testing::Fed::new(&["btcusd"]).link()
    }

    /// A line has the time of its event, however long the event has waited for the reader. If the queue has dropped
    /// such events, the times of the others are those of their output.
    #[test]
    fn events_keep_their_times() {
        for (facts, is_exact) in [(3, true), (gemini_ws::RESERVED_EVENTS_MAX + 9, false)] {
            let (output, open, taken) = dammed();
            let mut lines = JsonLines::new(output);
            let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
            for number in 0..20_000 {
                let trade = format!(r#"{{"E":1,"s":"ethusd","t":{number},"p":"1.5","q":"2","m":true}}"#);
                lines.event(Instant::ZERO, &replay.event(&trade, &mut scratch).unwrap().unwrap()).unwrap();
            }
            let link = link();
            for _ in 0..facts {
                lines.event(Instant::from_secs(1), &Event::Live { link }).unwrap();
            }
            // Other data may replace waiting trades, but no event without a frame.
            let batch = r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[["buy","9","1"]],"trades":[{"type":"trade","symbol":"ETHUSD","event_id":7,"timestamp":1000,"price":"9","quantity":"1","side":"buy"}],"auction_events":[]}"#;
            for (endpoint, frame) in [
                (Endpoint::Streams, r#"{"u":1,"E":1,"s":"ethusd","b":"1","B":"1","a":"2","A":"1"}"#),
                (Endpoint::Streams, r#"{"unknown":1}"#),
                (Endpoint::MarketDataV2, batch),
            ] {
                let event = Replay::new(endpoint).event(frame, &mut scratch).unwrap();
                lines.event(Instant::from_secs(1), &event.unwrap()).unwrap();
            }
            assert!(lines.happened.len() <= 3, "{}", lines.happened.len());
            std::thread::sleep(Duration::from_millis(50));
            let resumed = Times::at(Instant::ZERO).now();
            open.send(()).unwrap();
            lines.finish(Instant::from_secs(9), &"the end").unwrap();
            let (mut earlier, mut later) = (0, 0);
            for line in text(&taken).lines().filter(|line| line.contains(r#""kind":"live""#)) {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let time: u64 = line["time"].as_str().unwrap().parse().unwrap();
                *if time < resumed { &mut earlier } else { &mut later } += 1;
            }
            assert_eq!((earlier > 0, later > 0), (is_exact, !is_exact), "{earlier} {later}");
            lines.event(Instant::from_secs(9), &Event::Live { link }).unwrap();
            assert!(lines.happened.is_empty() && !lines.is_inexact);
        }
    }

    #[test]
    fn missing_lines_are_counted() {
        let (output, open, taken) = dammed();
        let mut lines = PlainLines::new(output);
        let line = Shown::of("x".repeat(1_000));
        for _ in 0..2_000 {
            lines.print(&line).unwrap();
        }
        open.send(()).unwrap();
        lines.finish(&[Shown::of("the end")]).unwrap();
        let text = text(&taken);
        let printed = text.lines().filter(|it| *it == line.as_str()).count();
        let told = format!("{} lines are missing here: the reader was too slow\nthe end\n", 2_000 - printed);
        assert!(text.ends_with(&told), "{}", &text[text.len() - 200..]);
    }
}
