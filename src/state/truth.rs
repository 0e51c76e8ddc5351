//! [`Loss`] and [`Standing`]: what an event puts in doubt, and whether data is current.

use core::fmt;
use core::time::Duration;

use crate::event::Event;
use crate::event::ends::ended_stream;
use crate::event::source::Source;
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::id::LinkId;
use crate::value::symbol::Symbol;
use crate::value::time::{Instant, Timestamp};

/// The reason why data may be wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StaleReason {
    /// Nothing has reported the data yet. For a list: no report has contained the whole list yet.
    NothingYet,
    /// An [`Event::Gap`] or an [`Event::SequenceGap`] has reported that updates are missing or may be missing, or
    /// that the application requested a new snapshot. For a book also: the ids of an update show that an update did
    /// not reach [`Books`](crate::Books).
    Gap,
    /// The link, the whole client or a recording has ended.
    Disconnected,
    /// The stream was silent for longer than the limit that was set for it.
    Silent,
    /// Events were dropped before they reached the collection that keeps the data, such as [`Books`](crate::Books).
    Overflow,
    /// A frame, or a row of a report, could not be decoded. It may have been about the data.
    Malformed,
    /// No subscribed stream reports the data, or the venue has refused the stream. For an order also: events may be
    /// missing before the event or the answer of REST that made the order known. For a quote also: no event has
    /// reported it, and only a reply has shown that it exists.
    NotSubscribed,
    /// The best bid of the book is not below its best ask. This is a sign of a lost update, but the sandbox publishes
    /// such books for long periods. A snapshot or update that ends the crossing makes the book current again.
    Crossed,
    /// A request about the order or quote got no reply, or a reply that does not say whether the venue acted.
    Unanswered,
    /// The application has called [`Orders::doubt_overdue`](crate::Orders::doubt_overdue), because an event is
    /// overdue.
    Overdue,
    /// The fills of an order contradict other reports, or cannot be checked:
    ///
    /// - The sum of the fills is not the reported executed quantity, or exceeds the ordered quantity.
    /// - An event reports an executed quantity that is smaller than the sum of the fills before it.
    /// - A reported fill was not added to [`Order::fills`](crate::Order::fills).
    /// - The quantity of a filled order is unknown, or it is unknown whether the last answer includes a fill.
    Executions,
    /// The venue reports an unknown status, an unknown kind of order event, or a modification of an open order. For a
    /// quote also: an event about the quote, or about its request for quotes, does not show the state of the quote.
    UnknownStatus,
    /// The venue does not list the order as open, or it refused a request to cancel the order. For a quote: the venue
    /// refused a request to withdraw, confirm or decline the quote. A refusal because of a limit on requests does not
    /// cause this reason. For an order that [`Orders::add_listed`](crate::Orders::add_listed) has added also: the
    /// list may be older than the end of the order.
    NotFound,
    /// Two reports contradict each other, or an event may belong to any of several orders with the same client order
    /// id. For a quote also: the quote may have an id that a report names as that of another quote, or a reply names
    /// an id that cannot be read.
    Contradiction,
    /// The venue reports more rows than the collection keeps, so the list lacks some rows: see
    /// [`Balances::untracked`](crate::Balances::untracked) and [`Positions::untracked`](crate::Positions::untracked).
    NoRoom,
}

impl StaleReason {
    pub(super) const fn ends_subscription(self) -> bool {
        matches!(self, StaleReason::Disconnected | StaleReason::NotSubscribed | StaleReason::Silent)
    }
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            StaleReason::NothingYet => "nothing was reported yet",
            StaleReason::Gap => "an update was lost",
            StaleReason::Disconnected => "the link ended",
            StaleReason::Silent => "the stream was silent for too long",
            StaleReason::Overflow => "events were dropped before they were read",
            StaleReason::Malformed => "a frame could not be decoded",
            StaleReason::NotSubscribed => "the stream is not subscribed",
            StaleReason::Crossed => "the best bid is not below the best ask",
            StaleReason::Unanswered => "a request got no clear reply",
            StaleReason::Overdue => "an event is overdue",
            StaleReason::Executions => "the executions do not add up",
            StaleReason::UnknownStatus => "the status is not known",
            StaleReason::NotFound => "the venue does not find it",
            StaleReason::Contradiction => "reports contradict each other",
            StaleReason::NoRoom => "there is no room for all rows",
        })
    }
}

/// When an event last reported data. Both times are `None` if no event has.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Age {
    /// The venue's time of this report; `None` if the venue sent none.
    pub event_time: Option<Timestamp>,
    /// When the client received this report; `None` for events of a [`Replay`](crate::Replay).
    pub received: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// The topic of the data in doubt; `None` for all topics.
    topic: Option<Topic>,
    symbol: Option<Symbol>,
    link: Option<LinkId>,
    reason: StaleReason,
}

impl Loss {
    /// Returns the loss that an event causes; `None` if it causes none. Every collection uses this function to decide
    /// which events put its data in doubt.
    pub(super) fn of(event: &Event<'_>) -> Option<Loss> {
        if let Some((link, stream)) = ended_stream(event) {
            let is_silent = matches!(event, Event::Silent { .. });
            let reason = if is_silent { StaleReason::Silent } else { StaleReason::NotSubscribed };
            let (topic, symbol) = (Some(stream.topic()), stream.symbol());
            return Some(Loss { topic, symbol, link: Some(link), reason });
        }
        let (topic, symbol, link, reason) = match *event {
            Event::Gap { link, symbol, .. } => (Some(Topic::Depth), Some(symbol), link, StaleReason::Gap),
            Event::SequenceGap { link, .. } => (None, None, Some(link), StaleReason::Gap),
            // One of the dropped events may be the end of a link.
            Event::Overflow { topic: Topic::Connection, .. } => (None, None, None, StaleReason::Overflow),
            Event::Overflow { topic, symbol, .. } => (Some(topic), symbol, None, StaleReason::Overflow),
            Event::Malformed(malformed, source) => {
                (malformed.topic, malformed.symbol, source.link(), StaleReason::Malformed)
            }
            // The endpoint of order events v1 sends nothing but orders.
            Event::Unrecognized(_, source) if source.endpoint() == Endpoint::OrderEventsV1 => {
                (Some(Topic::Orders), None, source.link(), StaleReason::UnknownStatus)
            }
            Event::Disconnected { link, .. } => (None, None, Some(link), StaleReason::Disconnected),
            Event::Closed { .. } => (None, None, None, StaleReason::Disconnected),
            _ => return None,
        };
        Some(Loss { topic, symbol, link, reason })
    }

    pub(super) const fn reason(&self) -> StaleReason {
        self.reason
    }

    pub(super) const fn symbol(&self) -> Option<Symbol> {
        self.symbol
    }

    pub(super) const fn link(&self) -> Option<LinkId> {
        self.link
    }

    pub(super) fn is_of(&self, topic: Topic) -> bool {
        self.topic.is_none_or(|of| of == topic)
    }

    pub(super) const fn ends_subscription(&self) -> bool {
        self.reason.ends_subscription()
    }

    /// Returns whether a subscription or a link may have ended without an event, because events were dropped.
    pub(super) fn hides_ends(&self) -> bool {
        self.topic.is_none() && self.reason == StaleReason::Overflow
    }

    /// Returns whether a stream has ended on a link that continues. Late reports may still arrive.
    pub(super) const fn ends_stream(&self) -> bool {
        self.topic.is_some() && self.ends_subscription()
    }

    /// Returns whether the loss concerns data that came over the link `own`. A loss without a link concerns all data.
    /// A loss of one link does not concern the data of a later link in the same slot.
    pub(super) fn is_over(&self, own: Option<LinkId>) -> bool {
        self.link.is_none_or(|link| own.is_some_and(|own| own.is_up_to(link)))
    }
}

/// The maximum difference between two times that [`Standing::has_outrun`] compares. No link delays a report by more
/// than this.
const LAG_MAX: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    stale: Option<StaleReason>,
    /// The link over which the data came; `None` in a recording, and before any data.
    link: Option<LinkId>,
    age: Age,
}

impl Standing {
    pub(super) const NEW: Standing = Standing {
        stale: Some(StaleReason::NothingYet),
        link: None,
        age: Age { event_time: None, received: None },
    };

    pub(super) const fn of(source: &Source<'_>, event_time: Option<Timestamp>) -> Standing {
        let age = Age { event_time, received: source.received() };
        Standing { stale: None, link: source.link(), age }
    }

    #[inline]
    pub(super) const fn renew(&mut self, source: &Source<'_>, event_time: Option<Timestamp>) {
        self.stale = None;
        self.note(source, event_time);
    }

    /// Stores the link and the times of a report. Stale data remains stale.
    #[inline]
    pub(super) const fn note(&mut self, source: &Source<'_>, event_time: Option<Timestamp>) {
        self.link = source.link();
        self.age = Age { event_time, received: source.received() };
    }

    /// Returns whether the data is newer than a report: the two came over links in different slots, and the time of
    /// the data is later than that of the report. Over one link, or over links that replace each other in one slot,
    /// the later report is always the newer one.
    ///
    /// Times that are more than [`LAG_MAX`] apart are not compared, because they may have different units ([times of
    /// balances](crate::protocol::quirks#unit-of-balance-times)).
    pub(super) fn has_outrun(&self, source: &Source<'_>, event_time: Option<Timestamp>) -> bool {
        let is_other = self.link.zip(source.link()).is_some_and(|(own, other)| own.slot() != other.slot());
        let lag = self.age.event_time.zip(event_time).map(|(own, other)| own.since(other));
        is_other && lag.is_some_and(|lag| !lag.is_zero() && lag <= LAG_MAX)
    }

    pub(super) const fn confirm(&mut self) {
        self.stale = None;
    }

    pub(super) const fn set_stale(&mut self, reason: StaleReason) {
        self.stale = Some(reason);
    }

    pub(super) const fn stale(&self) -> Option<StaleReason> {
        self.stale
    }

    pub(super) const fn link(&self) -> Option<LinkId> {
        self.link
    }

    pub(super) const fn age(&self) -> Age {
        self.age
    }
}

/// A point in the sequence of events that a collection has applied.
///
/// Take a moment from the collection before you ask the venue, and pass the moment to the same collection with the
/// answer. The collection then recognizes an answer that is older than a doubt or an event. A `Moment` is a count and
/// not a time, because an event may happen before the question and be applied after the question.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(u64);

impl Moment {
    pub(super) const BEGINNING: Moment = Moment(0);

    pub(super) const fn step(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}
