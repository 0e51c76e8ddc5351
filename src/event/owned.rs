//! [`EventBuf`]: an event that owns its data, for queues and other threads.

use alloc::boxed::Box;
use core::fmt;

use crate::event::batch::{depth_event, order_at};
use crate::event::kinds::each_fact;
use crate::event::lane::lane;
use crate::event::last_trade::LastTrade;
use crate::event::replay::{event_of, l2};
use crate::event::source::Source;
use crate::event::{Batch, Event, Ignored, IgnoredReason, Malformed, Parts, RequestOutcome};
use crate::json::cursor::offset_in;
use crate::json::error::DecodeError;
use crate::message::{ApiError, Message, RawJson, Text, Unrecognized};
use crate::request::Subject;
use crate::request::stream::{Stream, Topic};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::wire::{Scratch, decode, decode_about};

/// An [`Event`] that borrows nothing.
///
/// If the event is data of a frame, the `EventBuf` keeps the text of the frame, and decodes the text again whenever
/// you read the event. The creation of an `EventBuf` takes one allocation. The `EventBuf` of a part of a [`Batch`]
/// keeps the text of the whole frame.
///
/// ```
/// use gemini_ws::{Endpoint, Event, EventBuf, Replay, Scratch};
///
/// let mut owned = {
///     let frame = String::from(r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#);
///     let mut scratch = Scratch::new();
///     let event = Replay::new(Endpoint::Streams).event(&frame, &mut scratch).unwrap().unwrap();
///     EventBuf::from(&event)
/// };
/// let Event::Trade(trade, _) = owned.as_event() else { panic!() };
/// assert_eq!((trade.symbol, trade.trade_id), ("btcusd", 7));
/// ```
pub struct EventBuf {
    kept: Kept,
    text: Box<str>,
    scratch: Option<Box<Scratch>>,
}

/// The data of an event, apart from its text.
#[derive(Clone)]
enum Kept {
    /// The text is a frame of `length` bytes. In market data v1, the symbol of the event follows the frame in the
    /// text, if the symbol is known.
    Frame { source: Source<'static>, length: usize, role: Role },
    /// The text is a response.
    Answer { link: LinkId, request: RequestId, about: Subject },
    /// The text is the message of the error.
    Rejected { link: LinkId, id: StreamId, stream: Stream, code: i64 },
    /// The text is the peer's reason.
    PeerClosing { link: LinkId, code: Option<u16> },
    /// There is no text.
    Fact(Box<Event<'static>>),
}

/// The properties of an event that the text of its frame does not show.
#[derive(Clone, Copy)]
enum Role {
    Plain,
    Depth {
        is_snapshot: bool,
    },
    Trade {
        is_replay: bool,
    },
    Quote {
        is_replay: bool,
    },
    Batch {
        is_snapshot: bool,
        told: LastTrade,
    },
    Ignored(IgnoredReason),
    Malformed(DecodeError),
    /// The event is about one row of a list of orders. The row begins at this byte of the frame.
    Row {
        begin: u32,
    },
    /// The event is about the element of the frame between these bytes.
    Unrecognized {
        begin: usize,
        end: usize,
    },
}

impl From<&Event<'_>> for EventBuf {
    fn from(event: &Event<'_>) -> EventBuf {
        let (kept, text) = match *event {
            Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) } => {
                (Kept::Answer { link, request, about }, response.frame.into())
            }
            Event::Rejected { link, id, stream, error: ApiError { code, message } } => {
                (Kept::Rejected { link, id, stream, code }, message.raw().into())
            }
            Event::PeerClosing { link, code, reason } => (Kept::PeerClosing { link, code }, reason.into()),
            _ => match event.source() {
                Some(source) => {
                    let is_v1 = source.endpoint() == Endpoint::MarketDataV1;
                    let symbol = unnamed_symbol(event).filter(|_| is_v1);
                    let symbol = symbol.as_ref().map_or("", |symbol| symbol.as_str());
                    let (length, role) = (source.frame().len(), Role::of(event, source));
                    let text = [source.frame(), symbol].concat().into();
                    (Kept::Frame { source: source.with_frame(""), length, role }, text)
                }
                None => (Kept::Fact(Box::new(fact(event))), Box::default()),
            },
        };
        EventBuf { kept, text, scratch: None }
    }
}

impl EventBuf {
    /// Returns the event, which borrows from this `EventBuf`.
    pub fn as_event(&mut self) -> Event<'_> {
        let EventBuf { kept, text, scratch } = self;
        kept.event(text, || scratch.get_or_insert_default())
    }

    /// Returns the event, decoded with the caller's `Scratch`. Use this method for a shared `EventBuf`.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, EventBuf, Replay, Scratch};
    ///
    /// let frame = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;
    /// let (mut scratch, mut other) = (Scratch::new(), Scratch::new());
    /// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
    /// let shared = std::sync::Arc::new(EventBuf::from(&event));
    /// assert_eq!(shared.event_in(&mut other), event);
    /// ```
    pub fn event_in<'a>(&'a self, scratch: &'a mut Scratch) -> Event<'a> {
        self.kept.event(&self.text, || scratch)
    }

    /// Returns the event without decoding. Returns `None` if the event has a [`Source`], or is the venue's reply to
    /// a request: use [`event_in`](EventBuf::event_in) for these events.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Event, EventBuf, Replay, Scratch, Topic};
    ///
    /// let overflow = Event::Overflow { topic: Topic::Trade, symbol: None, dropped: 1 };
    /// assert_eq!(EventBuf::from(&overflow).fact(), Some(overflow));
    /// let frame = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;
    /// let mut scratch = Scratch::new();
    /// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
    /// assert_eq!(EventBuf::from(&event).fact(), None);
    /// ```
    pub fn fact(&self) -> Option<Event<'_>> {
        self.kept.fact(&self.text)
    }

    pub(crate) fn bytes(&self) -> usize {
        let fact = if matches!(self.kept, Kept::Fact(_)) { size_of::<Event<'_>>() } else { 0 };
        size_of::<EventBuf>().saturating_add(self.text.len()).saturating_add(fact)
    }
}

impl Clone for EventBuf {
    fn clone(&self) -> EventBuf {
        EventBuf { kept: self.kept.clone(), text: self.text.clone(), scratch: None }
    }
}

impl fmt::Debug for EventBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event_in(&mut Scratch::new()).fmt(f)
    }
}

impl Kept {
    fn fact<'a>(&'a self, text: &'a str) -> Option<Event<'a>> {
        Some(match *self {
            Kept::Fact(ref event) => **event,
            Kept::Rejected { link, id, stream, code } => {
                Event::Rejected { link, id, stream, error: ApiError { code, message: Text(text) } }
            }
            Kept::PeerClosing { link, code } => Event::PeerClosing { link, code, reason: text },
            Kept::Frame { .. } | Kept::Answer { .. } => return None,
        })
    }

    fn event<'a>(&'a self, text: &'a str, scratch: impl FnOnce() -> &'a mut Scratch) -> Event<'a> {
        match *self {
            Kept::Answer { link, request, about } => {
                let outcome = match decode(text, scratch()) {
                    Ok(Message::Response(response)) => RequestOutcome::Answered(response),
                    // Cannot happen: the response was decoded before.
                    _ => RequestOutcome::Lost,
                };
                Event::Reply { link, request, about, outcome }
            }
            Kept::Frame { source, length, role } => {
                let (frame, symbol) = text.split_at_checked(length).unwrap_or((text, ""));
                role.decode(source.with_frame(frame), symbol, scratch)
            }
            ref fact => fact.fact(text).unwrap_or(NOTHING),
        }
    }
}

impl Role {
    fn of(event: &Event<'_>, source: Source<'_>) -> Role {
        match *event {
            Event::DepthSnapshot(..) => Role::Depth { is_snapshot: true },
            Event::DepthUpdate(..) => Role::Depth { is_snapshot: false },
            Event::Trade(trade, _) => Role::Trade { is_replay: trade.is_replay },
            Event::Quote(quote, _) => Role::Quote { is_replay: quote.is_replay },
            Event::Batch(Batch(Parts::L2 { is_snapshot, told, .. }), _) => Role::Batch { is_snapshot, told },
            Event::Batch(Batch(Parts::Market { told, .. }), _) => Role::Batch { is_snapshot: false, told },
            Event::Ignored(Ignored { reason }, _) => Role::Ignored(reason),
            Event::Malformed(Malformed { error, .. }, _) if source.part() == 0 => Role::Malformed(error),
            Event::Unrecognized(Unrecognized { frame: element }, _) if source.part() > 0 => {
                Role::element(element.as_str(), source.frame())
            }
            _ => source.begin().map_or(Role::Plain, |begin| Role::Row { begin }),
        }
    }

    /// Keeps the position of the element in the frame, because decoding the frame again could need a symbol that the
    /// `EventBuf` does not keep.
    fn element(element: &str, frame: &str) -> Role {
        let begin = offset_in(element, frame);
        let end = begin.wrapping_add(element.len());
        if frame.get(begin..end) == Some(element) { Role::Unrecognized { begin, end } } else { Role::Plain }
    }

    fn decode<'a>(
        self,
        source: Source<'a>,
        symbol: &str,
        scratch: impl FnOnce() -> &'a mut Scratch,
    ) -> Event<'a> {
        match self {
            Role::Ignored(reason) => return Event::Ignored(Ignored { reason }, source),
            Role::Malformed(error) => {
                return Event::Malformed(Malformed::new(source.endpoint(), source.frame(), error), source);
            }
            Role::Unrecognized { begin, end } => {
                let element = source.frame().get(begin..end).unwrap_or_default();
                return Event::Unrecognized(Unrecognized { frame: RawJson(element) }, source);
            }
            Role::Row { begin } => {
                if let Some(event) = order_at(source, begin) {
                    return event;
                }
            }
            Role::Plain
            | Role::Depth { .. }
            | Role::Trade { .. }
            | Role::Quote { .. }
            | Role::Batch { .. } => {}
        }
        match decode_about(source.endpoint(), symbol.parse().ok().as_ref(), source.frame(), scratch()) {
            Ok(message) => self.restore(&message, source),
            Err(error) => Event::Malformed(Malformed::new(source.endpoint(), source.frame(), error), source),
        }
    }

    fn restore<'a>(self, message: &Message<'a>, source: Source<'a>) -> Event<'a> {
        let (is_snapshot, mut told) = match self {
            Role::Batch { is_snapshot, told } => (is_snapshot, told),
            Role::Depth { is_snapshot } => (is_snapshot, LastTrade::NOTHING),
            _ => (false, LastTrade::NOTHING),
        };
        let whole = source.with_part(0);
        let event = match *message {
            Message::Depth(depth) => Some(depth_event(is_snapshot, depth, whole)),
            Message::L2Updates(updates) => Some(l2(is_snapshot, &mut told, updates, whole)),
            Message::MarketUpdate(update) => Some(Event::Batch(Batch(Parts::Market { told, update }), whole)),
            _ => event_of(message, whole),
        };
        let is_part = |part: &Event<'a>| part.source().is_some_and(|of| of.part() == source.part());
        let event = match (source.part(), event) {
            (0, event) => event,
            (_, event) => event.and_then(|event| event.parts().find(is_part)),
        };
        match (event, self) {
            (
                Some(Event::DepthSnapshot(it, of) | Event::DepthUpdate(it, of)),
                Role::Depth { is_snapshot },
            ) => depth_event(is_snapshot, it, of),
            (Some(Event::Trade(mut trade, of)), Role::Trade { is_replay }) => {
                trade.is_replay = is_replay;
                Event::Trade(trade, of)
            }
            (Some(Event::Quote(mut quote, of)), Role::Quote { is_replay }) => {
                quote.is_replay = is_replay;
                Event::Quote(quote, of)
            }
            (Some(event), _) => event,
            // This happens only if the application has combined an event with the source of another event.
            (None, _) => Event::Ignored(Ignored { reason: IgnoredReason::UnknownResponse }, source),
        }
    }
}

/// The `EventBuf` stores the symbol, because the frame may not contain it.
fn unnamed_symbol(event: &Event<'_>) -> Option<Symbol> {
    match event {
        Event::Batch(Batch(Parts::Market { update, .. }), _) => update.symbol?.parse().ok(),
        event => lane(event).1,
    }
}

/// A placeholder for cases that cannot occur.
const NOTHING: Event<'static> = Event::Overflow { topic: Topic::Other, symbol: None, dropped: 0 };

/// Copies an event that contains no text: one that `each_fact` lists, or a reply without a response.
fn fact(event: &Event<'_>) -> Event<'static> {
    macro_rules! copy {
        ($($kind:ident $name:literal { $($member:ident),* }),*) => {
            match *event {
                $(Event::$kind { $($member),* } => Event::$kind { $($member),* },)*
                Event::Reply { link, request, about, outcome } => {
                    let outcome = match outcome {
                        RequestOutcome::TimedOut => RequestOutcome::TimedOut,
                        RequestOutcome::NotSent => RequestOutcome::NotSent,
                        RequestOutcome::Lost | RequestOutcome::Answered(_) => RequestOutcome::Lost,
                    };
                    Event::Reply { link, request, about, outcome }
                }
                _ => NOTHING,
            }
        };
    }
    each_fact!(copy)
}
