//! Runs `gemini-ws decode`: prints each frame of a recording as one JSON object.

use std::io::{self, BufWriter, Write};

use gemini_ws::{Element, List, MarketEntry, Message, OrderReport, Row, Scratch, SnapshotOrder};

use crate::arguments::Decode;
use crate::ending::{Ending, Failure};
use crate::frames::Frames;
use crate::json::{self, Timed, Undecodable};
use crate::output::Messages;
use crate::patient::Patient;
use crate::recording::Recording;
use crate::shown::Shown;

#[derive(Debug, Default)]
struct Counts {
    frames: u64,
    of_frames: Unusable,
    /// The unusable elements of lists. Each element of a list is decoded separately.
    of_elements: Unusable,
}

#[derive(Debug, Default)]
struct Unusable {
    malformed: u64,
    unrecognized: u64,
}

pub(crate) fn run(options: &Decode, messages: &mut Messages) -> Result<Ending, Failure> {
    let mut frames = Frames::new(Recording::open(&options.file, messages)?, options.endpoint);
    let mut out = BufWriter::with_capacity(1 << 16, Patient(io::stdout().lock()));
    let counts = decode_all(&mut frames, &mut out)?;
    out.flush().map_err(|error| Failure::of_output(&error))?;
    if let Some(summary) = counts.summary() {
        messages.say(&Shown::of(summary));
    }
    check_use(frames.name(), counts.frames, counts.of_frames.malformed, options.strict)
}

/// Returns the outcome of a task that has read a whole recording. The task fails if the recording has no frames, if
/// no frame could be decoded, or, if `strict` is true, if any frame is malformed.
pub(crate) fn check_use(name: &str, frames: u64, malformed: u64, strict: bool) -> Result<Ending, Failure> {
    match (frames, malformed) {
        (0, _) => Err(Failure::new(format_args!("{name}: it has no frames"))),
        (_, 0) => Ok(Ending::Done),
        _ if frames == malformed => {
            Err(Failure::new(format_args!("{name}: none of its frames could be decoded")))
        }
        _ if strict => Err(Failure::Reported),
        _ => Ok(Ending::Done),
    }
}

fn decode_all(frames: &mut Frames, out: &mut impl Write) -> Result<Counts, Failure> {
    let (mut counts, mut scratch) = (Counts::default(), Scratch::new());
    while let Some((endpoint, line)) = frames.next()? {
        counts.frames += 1;
        let written = match str::from_utf8(line.frame) {
            Ok(frame) => match endpoint.decode(frame, &mut scratch) {
                Ok(message) => {
                    counts.note(&message);
                    json::write_message(out, line.time, &message)
                }
                Err(error) => {
                    counts.of_frames.malformed += 1;
                    let body = Undecodable::new(frame, error).at_line(line.number);
                    json::write_line(out, &Timed { time: line.time, body })
                }
            },
            Err(error) => {
                counts.of_frames.malformed += 1;
                let body = Undecodable::no_utf8(line.frame, error.valid_up_to()).at_line(line.number);
                json::write_line(out, &Timed { time: line.time, body })
            }
        };
        let written = written.and_then(|()| if frames.is_ready() { Ok(()) } else { out.flush() });
        written.map_err(|error| Failure::of_output(&error))?;
    }
    Ok(counts)
}

impl Counts {
    fn note(&mut self, message: &Message<'_>) {
        let elements = &mut self.of_elements;
        match message {
            Message::Unrecognized(_) => self.of_frames.unrecognized += 1,
            Message::OrderEvents(events) => events.events.iter().for_each(|order| elements.note(&order)),
            Message::OrderSnapshot(snapshot) => {
                snapshot.orders.iter().for_each(|SnapshotOrder(order)| elements.note(&order));
            }
            Message::MarketUpdate(update) => {
                for entry in update.entries {
                    elements.malformed += u64::from(matches!(entry, MarketEntry::Malformed { .. }));
                    elements.unrecognized += u64::from(matches!(entry, MarketEntry::Unrecognized(_)));
                }
            }
            Message::L2Updates(updates) => {
                elements.malformed += updates.trades.map_or(0, unread);
                elements.malformed += updates.auction_events.map_or(0, unread);
            }
            Message::BalanceUpdate(update) => elements.malformed += unread(update.balances),
            Message::PositionReport(report) => elements.malformed += unread(report.positions),
            Message::Settlements(it) => elements.malformed += unread(it.settlements),
            Message::Candles(it) => elements.malformed += unread(it.candles),
            Message::MarkPrices(it) => elements.malformed += unread(it.changes),
            Message::FundingAmounts(it) => elements.malformed += unread(it.changes),
            _ => {}
        }
    }

    fn summary(&self) -> Option<String> {
        let Counts { frames, of_frames, of_elements } = self;
        if of_frames.is_none() && of_elements.is_none() {
            return None;
        }
        let Unusable { malformed, unrecognized } = of_frames;
        let mut summary =
            format!("of {frames} frames, {malformed} malformed and {unrecognized} unrecognized");
        if !of_elements.is_none() {
            let Unusable { malformed, unrecognized } = of_elements;
            summary += &format!("; of their elements, {malformed} malformed and {unrecognized} unrecognized");
        }
        Some(summary)
    }
}

fn unread<'f, T>(rows: List<'f, Row<'f, T>>) -> u64
where
    Row<'f, T>: Element<'f>,
{
    rows.malformed() as u64
}

impl Unusable {
    fn note(&mut self, order: &OrderReport<'_>) {
        match order {
            OrderReport::Malformed { .. } => self.malformed += 1,
            OrderReport::Unrecognized(_) => self.unrecognized += 1,
            _ => {}
        }
    }

    const fn is_none(&self) -> bool {
        self.malformed == 0 && self.unrecognized == 0
    }
}
