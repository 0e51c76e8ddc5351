//! [`Lane`], [`Kind`] and [`Flow`]: how an [`EventQueue`](crate::EventQueue) groups events.

use crate::event::ends::ended_stream;
use crate::event::report::Report;
use crate::event::{Batch, Event, Parts};
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::id::LinkId;
use crate::value::symbol::Symbol;

/// The topic and symbol under which the loss of an event is reported.
pub(crate) type Lane = (Topic, Option<Symbol>);

/// Where data comes from: the number of the endpoint whose link received it (zero in a recording), and the API.
/// Streams of two endpoints may have the same topic and symbol, so newer data replaces waiting data only if both have
/// the same origin.
pub(crate) type Origin = (u16, u8);

pub(crate) fn origin(event: &Event<'_>) -> Origin {
    event
        .source()
        .map_or((0, 0), |source| (source.link().map_or(0, LinkId::endpoint), source.endpoint() as u8))
}

/// The kind of an event in an [`EventQueue`](crate::EventQueue). The queue limits each kind separately.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Fact,
    Data,
    /// Data that a newer event of its lane and origin replaces.
    Latest,
}

impl Kind {
    /// `is_latest` is whether the queue replaces waiting data with newer data
    /// ([`Overflow::Latest`](crate::Overflow::Latest)).
    pub(crate) fn of(event: &Event<'_>, is_latest: bool) -> Kind {
        match event {
            Event::BookTicker(..) | Event::MarkPrice(..) if is_latest => Kind::Latest,
            // Without a symbol, the event may belong to any stream, so no newer event can replace it.
            Event::PartialDepth(it, _) if is_latest && it.symbol.is_some() => Kind::Latest,
            Event::Auction(..)
            | Event::AuctionOpen(..)
            | Event::BookTicker(..)
            | Event::Candles(..)
            | Event::ContractStatus(..)
            | Event::DepthSnapshot(..)
            | Event::DepthUpdate(..)
            | Event::FundingAmount(..)
            | Event::Heartbeat(..)
            | Event::Ignored(..)
            | Event::Malformed(..)
            | Event::MarkPrice(..)
            | Event::PartialDepth(..)
            | Event::RequestForQuote(..)
            | Event::TopOfBook(..)
            | Event::Trade(..)
            | Event::Unrecognized(..) => Kind::Data,
            Event::Batch(batch, _) => match batch.0 {
                Parts::OrderSnapshot(_) | Parts::OrderEvents(_) => Kind::Fact,
                Parts::Report(report) if !matches!(report, Report::Candles(_)) => Kind::Fact,
                _ => Kind::Data,
            },
            _ => Kind::Fact,
        }
    }
}

/// Returns the lane of a batch whose rows, as separate events, would be [`Kind::Latest`]. Returns `None` for any
/// other event.
pub(crate) fn lane_of_rows(event: &Event<'_>) -> Option<Lane> {
    match event {
        Event::Batch(Batch(Parts::MarkPrices(prices)), _) => {
            Some((Topic::MarkPrice, prices.symbol.parse().ok()))
        }
        _ => None,
    }
}

/// Returns whether newer data may take a place before this event. It may not if the event is a fact, or if the event
/// may be about the stream of the data: a frame that could not be decoded, or a partial depth without a symbol.
pub(crate) fn may_be_overtaken(event: &Event<'_>, kind: Kind) -> bool {
    match event {
        Event::Malformed(..) => false,
        Event::PartialDepth(it, _) => it.symbol.is_some(),
        _ => kind != Kind::Fact,
    }
}

/// The links of a slot, one after the other (without a `topic`), or the streams of one topic over these links. A
/// queue keeps the newest event that ends or begins a flow.
///
/// Each slot has at most five flows, so a queue has room for one such event for each flow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Flow {
    slot: u16,
    topic: Option<Topic>,
}

impl Flow {
    pub(crate) fn of(event: &Event<'_>) -> Option<Flow> {
        let (link, topic): (LinkId, _) = match event {
            // An `Opened` of the next link in the slot cannot replace this event, because the `Opened` does not
            // report that this link has ended.
            Event::Disconnected { link, .. } => (*link, None),
            Event::Subscribed { link, stream, .. } => (*link, Some(stream.topic())),
            // Order events v1 has no streams. There, this event says which orders the link reports.
            Event::SubscriptionAck(_, source) => (source.link()?, Some(Topic::Orders)),
            event => ended_stream(event).map(|(link, stream)| (link, Some(stream.topic())))?,
        };
        let flow = Flow { slot: link.short_slot(), topic };
        topic.is_none_or(is_about_facts).then_some(flow)
    }
}

/// Returns whether a collection such as [`Orders`](crate::Orders) keeps data of this topic, which is about an
/// account. Also `true` for [`Topic::Connection`].
pub(crate) const fn is_about_facts(topic: Topic) -> bool {
    matches!(topic, Topic::Orders | Topic::Balances | Topic::Positions | Topic::Quotes | Topic::Connection)
}

/// Returns the lane of an event that is not a batch.
pub(crate) fn lane(event: &Event<'_>) -> Lane {
    let of = |topic, symbol: &str| (topic, symbol.parse().ok());
    match event {
        Event::BookTicker(it, _) => of(Topic::BookTicker, it.symbol),
        Event::DepthSnapshot(it, _) | Event::DepthUpdate(it, _) => of(Topic::Depth, it.symbol),
        Event::TopOfBook(it, _) => of(Topic::Depth, it.symbol),
        Event::Gap { symbol, .. } | Event::Synced { symbol, .. } => (Topic::Depth, Some(*symbol)),
        Event::PartialDepth(it, _) => of(Topic::PartialDepth, it.symbol.unwrap_or_default()),
        Event::Trade(it, _) => of(Topic::Trade, it.symbol),
        Event::Auction(it, _) => of(Topic::Trade, it.symbol.unwrap_or_default()),
        Event::AuctionOpen(it, _) => of(Topic::Trade, it.symbol.unwrap_or_default()),
        Event::MarkPrice(it, _) => of(Topic::MarkPrice, it.symbol),
        Event::FundingAmount(it, _) => of(Topic::FundingAmount, it.symbol),
        Event::Candles(it, _) => of(Topic::Candles(it.interval), it.symbol),
        Event::ContractStatus(..) => (Topic::ContractStatus, None),
        Event::RequestForQuote(..) => (Topic::RequestForQuote, None),
        Event::Order(..) => (Topic::Orders, None),
        Event::Balances(..) => (Topic::Balances, None),
        Event::Positions(..) => (Topic::Positions, None),
        Event::Quote(..) => (Topic::Quotes, None),
        Event::Settlements(..) => (Topic::Settlements, None),
        Event::Silent { stream, .. } | Event::Unserved { stream, .. } => (stream.topic(), stream.symbol()),
        Event::Overflow { topic, symbol, .. } => (*topic, *symbol),
        // The loss of a malformed frame counts for the topic that the frame may have been about. If any topic is
        // possible, the loss counts for `Connection`. If the frame may have been about a book, the loss counts for
        // `Other`: the link also reports an `Event::Gap`, a fact, which the queue does not drop for market data.
        Event::Malformed(it, _) => match it.topic {
            None => (Topic::Connection, None),
            Some(Topic::Depth) => (Topic::Other, None),
            Some(topic) => (topic, None),
        },
        // This endpoint sends orders only.
        Event::Unrecognized(_, source) if source.endpoint() == Endpoint::OrderEventsV1 => {
            (Topic::Orders, None)
        }
        Event::Heartbeat(..) | Event::Ignored(..) | Event::Unrecognized(..) => (Topic::Other, None),
        _ => (Topic::Connection, None),
    }
}
