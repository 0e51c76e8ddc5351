//! `gemini-ws book`: the order books that a recording yields.

mod numbering;
mod report;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use gemini_ws::{Books, Endpoint, Event, MarketEntry, MarketUpdate, Message, Replay, Scratch, Symbol};

use crate::arguments;
use crate::decode::check_use;
use crate::ending::{Ending, Failure};
use crate::frames::Frames;
use crate::output::Messages;
use crate::recording::Recording;
use crate::shown::Shown;
use numbering::{Frame, Numbering, Step};
use report::{BookReport, Counts, Report};

/// Stands for the symbol that the address of a connection named, if the user does not.
const UNNAMED: &str = "unnamed";

/// Prints the books of a recording.
pub(crate) fn run(options: &arguments::Book, messages: &mut Messages) -> Result<Ending, Failure> {
    let mut frames = Frames::new(Recording::open(&options.file, messages)?, options.endpoint);
    let report = read(&mut frames, options.symbol)?;
    if options.symbol.is_none() && report.knows(UNNAMED) {
        messages.say(&Shown::of(format_args!(
            "frames name no symbol, so `{UNNAMED}` stands for it; name it with --symbol"
        )));
    }
    let mut text = if options.json {
        serde_json::to_string_pretty(&report).map_err(Failure::new)?
    } else {
        report.to_text()
    };
    text.truncate(text.trim_end().len());
    writeln!(io::stdout().lock(), "{text}").map_err(|error| Failure::of_output(&error))?;
    check_use(frames.name(), report.frames, report.malformed, options.strict)
}

fn read(frames: &mut Frames, symbol: Option<Symbol>) -> Result<Report, Failure> {
    let mut scratch = Scratch::new();
    scratch.set_symbol(symbol.or_else(|| UNNAMED.parse().ok()));
    // Crossed books are reported like others, and marked.
    let mut reader = Reader {
        replays: Endpoint::ALL.map(|endpoint| (endpoint, Replay::new(endpoint))),
        books: Books::new().trust_crossed(),
        markets: Vec::new(),
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

/// Follows a recording.
struct Reader {
    /// One for each endpoint.
    replays: [(Endpoint, Replay); 4],
    books: Books,
    markets: Vec<Market>,
    numbering: Option<Numbering>,
    report: Report,
}

/// A symbol whose book, or changes of it, were seen.
struct Market {
    symbol: Symbol,
    /// Where its last frame is from.
    endpoint: Endpoint,
    counts: Counts,
    /// Market data v2: what was taken as the whole book looks like mere changes, as in a recording that
    /// does not begin with the connection.
    is_doubtful: bool,
}

impl Reader {
    fn take(&mut self, endpoint: Endpoint, frame: &str, scratch: &mut Scratch) {
        let replay = self.replays.iter_mut().find(|(of, _)| *of == endpoint);
        let Some((_, replay)) = replay else { return };
        match replay.event(frame, scratch) {
            Ok(Some(event)) => self.take_event(endpoint, &event),
            Ok(None) => {
                // A reply, or a depth frame with nothing to apply.
                if let Ok(Message::Depth(depth)) = endpoint.decode(frame, scratch)
                    && let Some(market) = self.market(endpoint, depth.symbol)
                {
                    market.counts.ignored += 1;
                }
            }
            Err(_) => self.take_malformed(endpoint, frame.as_bytes()),
        }
    }

    fn take_event(&mut self, endpoint: Endpoint, event: &Event<'_>) {
        if endpoint == Endpoint::MarketDataV1 && self.number(event) == Step::Same {
            // Nothing of it is new.
            if let Some(Message::MarketUpdate(update)) = message(event) {
                self.ignore(&update);
            }
            return;
        }
        event.parts().for_each(|part| self.take_part(endpoint, &part));
        if let (Event::DepthSnapshot(depth, _), Endpoint::MarketDataV2) = (event, endpoint)
            && let Some(market) = self.market(endpoint, depth.symbol)
        {
            market.is_doubtful = true;
        }
    }

    fn take_part(&mut self, endpoint: Endpoint, part: &Event<'_>) {
        let is_live = |books: &Books, symbol| books.get(symbol).is_some_and(|book| book.live().is_some());
        let (symbol, is_used) = match part {
            Event::DepthSnapshot(depth, _) => (depth.symbol, true),
            Event::DepthUpdate(depth, _) => (depth.symbol, is_live(&self.books, depth.symbol)),
            Event::TopOfBook(top, _) => (top.symbol, is_live(&self.books, top.symbol)),
            Event::Gap { symbol, .. } => (symbol.as_str(), true),
            Event::Unrecognized(..) => {
                self.report.unrecognized += 1;
                return;
            }
            _ => return,
        };
        let Some(Market { counts, is_doubtful, .. }) = self.market(endpoint, symbol) else { return };
        *is_doubtful &= !matches!(part, Event::DepthSnapshot(..));
        *match part {
            _ if !is_used => &mut counts.ignored,
            Event::DepthSnapshot(..) => &mut counts.snapshots,
            Event::Gap { .. } => &mut counts.gaps,
            _ => &mut counts.updates,
        } += 1;
        self.books.apply(part);
    }

    /// A frame that could not be decoded. The current API shows with the next frame whether a book has
    /// lost something, market data v1 does too, but v2 never.
    fn take_malformed(&mut self, endpoint: Endpoint, frame: &[u8]) {
        self.report.malformed += 1;
        let name = b"l2_updates";
        if endpoint == Endpoint::MarketDataV2 && frame.windows(name.len()).any(|window| window == name) {
            self.make_stale(endpoint, true);
        }
    }

    /// How a frame of market data v1 follows the one before; the books are stale if it does not.
    fn number(&mut self, event: &Event<'_>) -> Step {
        let frame = match (event, message(event)) {
            (_, Some(Message::MarketUpdate(update))) => {
                Frame { number: update.socket_sequence, event_id: Some(update.event_id) }
            }
            (Event::Heartbeat(heartbeat, _), _) => match heartbeat.socket_sequence {
                Some(number) => Frame { number, event_id: None },
                None => return Step::Next,
            },
            _ => return Step::Next,
        };
        let step = self.numbering.get_or_insert_default().take(frame);
        match step {
            Step::Next | Step::Same => {}
            Step::Lost => self.make_stale(Endpoint::MarketDataV1, true),
            // The new connection sends its own books.
            Step::Restart => self.make_stale(Endpoint::MarketDataV1, false),
        }
        step
    }

    /// All live books of an endpoint may lack an update.
    fn make_stale(&mut self, endpoint: Endpoint, is_gap: bool) {
        for market in self.markets.iter_mut().filter(|market| market.endpoint == endpoint) {
            if self.books.get(market.symbol.as_str()).is_some_and(|book| book.live().is_some()) {
                let symbol = market.symbol;
                self.books.apply(&Event::Gap { link: None, id: None, symbol, expected: 0, got: None });
                market.counts.gaps += u64::from(is_gap);
            }
        }
    }

    /// Counts the changes of a frame that is not looked at.
    fn ignore(&mut self, update: &MarketUpdate<'_>) {
        let mut last = None;
        for entry in update.entries {
            let MarketEntry::Change(change) = entry else { continue };
            let Some(symbol) = change.symbol.or(update.symbol) else { continue };
            if last.replace(symbol) != Some(symbol)
                && let Some(market) = self.market(Endpoint::MarketDataV1, symbol)
            {
                market.counts.ignored += 1;
            }
        }
    }

    /// `None` if that cannot be a symbol.
    fn market(&mut self, endpoint: Endpoint, symbol: &str) -> Option<&mut Market> {
        let symbol: Symbol = symbol.parse().ok()?;
        let position = self.markets.iter().position(|market| market.symbol == symbol);
        let position = position.unwrap_or_else(|| {
            self.markets.push(Market { symbol, endpoint, counts: Counts::default(), is_doubtful: false });
            self.markets.len() - 1
        });
        let market = self.markets.get_mut(position)?;
        market.endpoint = endpoint;
        Some(market)
    }

    fn finish(self) -> Report {
        let Reader { books, markets, numbering, mut report, .. } = self;
        for Market { symbol, counts, is_doubtful, .. } in markets {
            let symbol = symbol.as_str();
            match books.get(symbol) {
                Some(book) => {
                    report.gaps += counts.gaps;
                    report.books.insert(symbol.to_owned(), BookReport::of(book, counts, is_doubtful));
                }
                None => {
                    report.without_snapshot.insert(symbol.to_owned(), counts.ignored);
                }
            }
        }
        report.crossed = books.crossed();
        report.socket_sequence = numbering;
        report
    }
}

/// The frame of several events.
fn message<'f>(event: &Event<'f>) -> Option<Message<'f>> {
    if let Event::Batch(batch, _) = event { Some(batch.message()) } else { None }
}
