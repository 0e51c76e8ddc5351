//! Runs `gemini-ws book`: rebuilds the order books of a recording.

mod markets;
mod numbering;
mod report;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use gemini_ws::{Endpoint, Event, MarketEntry, MarketUpdate, Message, Replay, Scratch, Symbol};

use crate::arguments;
use crate::decode::check_use;
use crate::ending::{Ending, Failure};
use crate::frames::Frames;
use crate::output::Messages;
use crate::patient::Patient;
use crate::recording::Recording;
use crate::shown::Shown;
use markets::{Market, Markets};
use numbering::{Frame, Numbering, Step, number_of};
use report::{BookReport, Report};

/// The symbol of frames of market data v1 if neither the frames nor the user names one.
const UNNAMED: &str = "unnamed";

pub(crate) fn run(options: &arguments::Book, messages: &mut Messages) -> Result<Ending, Failure> {
    let mut frames = Frames::new(Recording::open(&options.file, messages)?, options.endpoint);
    let report = read(&mut frames, options.symbol)?;
    if options.symbol.is_none() && report.knows(UNNAMED) {
        messages.say(&Shown::of(format_args!(
            "frames without a symbol are listed as `{UNNAMED}`; name their symbol with --symbol"
        )));
    }
    let mut text = if options.json {
        serde_json::to_string_pretty(&report).map_err(Failure::new)?
    } else {
        report.to_text()
    };
    text.truncate(text.trim_end().len());
    writeln!(Patient(io::stdout().lock()), "{text}").map_err(|error| Failure::of_output(&error))?;
    let ending = check_use(frames.name(), report.frames, report.malformed, options.strict)?;
    if report.is_empty() {
        return Err(Failure::new(format_args!("{}: none of its frames is about a book", frames.name())));
    }
    Ok(ending)
}

fn read(frames: &mut Frames, symbol: Option<Symbol>) -> Result<Report, Failure> {
    let mut scratch = Scratch::new();
    scratch.set_symbol(symbol.or_else(|| UNNAMED.parse().ok()));
    let mut reader = Reader {
        replays: Endpoint::ALL.map(|endpoint| (endpoint, Replay::new(endpoint))),
        markets: Markets::default(),
        numbering: None,
        report: Report::default(),
    };
    while let Some((endpoint, line)) = frames.next()? {
        reader.report.frames += 1;
        match str::from_utf8(line.frame) {
            Ok(frame) => reader.take(endpoint, frame, &mut scratch),
            Err(_) => reader.take_malformed(endpoint, line.frame),
        }
    }
    Ok(reader.finish())
}

struct Reader {
    replays: [(Endpoint, Replay); 4],
    markets: Markets,
    numbering: Option<Numbering>,
    report: Report,
}

impl Reader {
    fn take(&mut self, endpoint: Endpoint, frame: &str, scratch: &mut Scratch) {
        let replay = self.replays.iter_mut().find(|(of, _)| *of == endpoint);
        let Some((_, replay)) = replay else { return };
        match replay.event(frame, scratch) {
            Ok(Some(event)) => self.take_event(endpoint, &event),
            Ok(None) => {
                // The frame has no event: it is a reply, or a depth frame that changes no book.
                let symbol = match endpoint.decode(frame, scratch) {
                    Ok(Message::Depth(depth)) => depth.symbol,
                    Ok(Message::L2Updates(updates)) => updates.symbol,
                    _ => return,
                };
                if let Some(market) = self.markets.get(endpoint, symbol) {
                    market.counts.ignored += 1;
                }
            }
            Err(_) => self.take_malformed(endpoint, frame.as_bytes()),
        }
    }

    fn take_event(&mut self, endpoint: Endpoint, event: &Event<'_>) {
        if endpoint == Endpoint::MarketDataV1
            && self.number(event) == Step::Same
            && let Some(Message::MarketUpdate(update)) = message(event)
        {
            // The frame repeats the frame before it.
            return self.ignore(&update);
        }
        // A frame with best levels is applied at once. Its snapshots are applied first, so that its other parts count.
        let has_tops = event.parts().any(|part| matches!(part, Event::TopOfBook(..)));
        for part in event.parts() {
            let is_applied = !has_tops || matches!(part, Event::DepthSnapshot(..));
            self.take_part(endpoint, &part, is_applied);
        }
        if has_tops {
            self.markets.apply_at_once(event);
        }
        if let (Event::DepthSnapshot(depth, _), Endpoint::MarketDataV2) = (event, endpoint)
            && let Some(market) = self.markets.get(endpoint, depth.symbol)
        {
            market.is_doubtful = true;
        }
    }

    fn take_part(&mut self, endpoint: Endpoint, part: &Event<'_>, is_applied: bool) {
        let (symbol, is_used) = match part {
            Event::DepthSnapshot(depth, _) => (depth.symbol, true),
            Event::DepthUpdate(depth, _) => (depth.symbol, self.markets.is_live(depth.symbol)),
            Event::TopOfBook(top, _) => (top.symbol, self.markets.is_live(top.symbol)),
            // A gap of market data v2 was counted with the frame that was lost.
            Event::Gap { symbol, .. } => {
                (symbol.as_str(), endpoint != Endpoint::MarketDataV2 || self.markets.is_live(symbol.as_str()))
            }
            Event::Unrecognized(..) => {
                self.report.unrecognized += 1;
                return;
            }
            Event::Malformed(..) => {
                self.report.malformed_elements += 1;
                return;
            }
            _ => return,
        };
        let Some(Market { counts, is_doubtful, .. }) = self.markets.get(endpoint, symbol) else { return };
        *is_doubtful &= !matches!(part, Event::DepthSnapshot(..));
        *match part {
            _ if !is_used => &mut counts.ignored,
            Event::DepthSnapshot(..) => &mut counts.snapshots,
            Event::Gap { .. } => &mut counts.gaps,
            _ => &mut counts.updates,
        } += 1;
        if is_applied {
            self.markets.apply(symbol, part);
        }
    }

    /// Adds one to the malformed frames of the report. If the frame is an `l2_updates`, makes all books of market
    /// data v2 stale, because the recording may have no later frame that shows the loss.
    fn take_malformed(&mut self, endpoint: Endpoint, frame: &[u8]) {
        self.report.malformed += 1;
        let name = b"l2_updates";
        if endpoint == Endpoint::MarketDataV2 && frame.windows(name.len()).any(|window| window == name) {
            self.markets.make_stale(endpoint, true);
        }
    }

    /// Returns how a frame of market data v1 follows the frame before it. Makes the books stale if frames were lost
    /// or the connection is new.
    fn number(&mut self, event: &Event<'_>) -> Step {
        let number = match event {
            Event::Heartbeat(heartbeat, _) => heartbeat.socket_sequence,
            Event::Unrecognized(_, source) | Event::Error(_, source) => number_of(source.frame()),
            _ => None,
        };
        let frame = match (message(event), number) {
            (Some(Message::MarketUpdate(update)), _) => {
                Frame { number: update.socket_sequence, event_id: Some(update.event_id) }
            }
            (_, Some(number)) => Frame { number, event_id: None },
            _ => return Step::Next,
        };
        let step = self.numbering.get_or_insert_default().take(frame);
        match step {
            Step::Next | Step::Same => {}
            Step::Lost => self.markets.make_stale(Endpoint::MarketDataV1, true),
            // The new connection sends new books.
            Step::Restart => self.markets.make_stale(Endpoint::MarketDataV1, false),
        }
        step
    }

    /// Adds one to `ignored` of a symbol for each sequence of consecutive changes of the symbol in the update.
    fn ignore(&mut self, update: &MarketUpdate<'_>) {
        let mut last = None;
        for entry in update.entries {
            let MarketEntry::Change(change) = entry else { continue };
            let Some(symbol) = change.symbol.or(update.symbol) else { continue };
            if last.replace(symbol) != Some(symbol)
                && let Some(market) = self.markets.get(Endpoint::MarketDataV1, symbol)
            {
                market.counts.ignored += 1;
            }
        }
    }

    fn finish(self) -> Report {
        let Reader { markets, numbering, mut report, .. } = self;
        for (Market { symbol, counts, is_doubtful, .. }, book) in markets.iter() {
            let symbol = symbol.as_str();
            match book {
                Some(book) => {
                    report.gaps += counts.gaps;
                    report.books.insert(symbol.to_owned(), BookReport::of(book, *counts, *is_doubtful));
                }
                None => {
                    report.without_snapshot.insert(symbol.to_owned(), counts.ignored);
                }
            }
        }
        report.crossed = markets.crossed();
        report.socket_sequence = numbering;
        report
    }
}

fn message<'f>(event: &Event<'f>) -> Option<Message<'f>> {
    if let Event::Batch(batch, _) = event { Some(batch.message()) } else { None }
}
