//! Events as JSON: their kind, what they say, and where that comes from.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::event::Event;
use crate::event::source::Source;

/// The data of a frame, and its source beside it.
#[derive(serde::Serialize)]
struct Data<'e, 'f, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(flatten)]
    said: &'e T,
    #[serde(flatten)]
    source: &'e Source<'f>,
}

fn data<S: Serializer, T: Serialize>(
    serializer: S,
    kind: impl Into<Option<&'static str>>,
    said: &T,
    source: &Source<'_>,
) -> Result<S::Ok, S::Error> {
    Data { kind: kind.into(), said, source }.serialize(serializer)
}

macro_rules! fact {
    ($serializer:ident, $kind:literal, $($member:ident),*) => {{
        let mut map = $serializer.serialize_map(None)?;
        map.serialize_entry("kind", $kind)?;
        $(map.serialize_entry(stringify!($member), $member)?;)*
        map.end()
    }};
}

impl Serialize for Event<'_> {
    /// A map with the kind, the members of the payload, and the link and subscription that they came over; a
    /// [`Batch`](crate::Batch) as its frame.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Event::BookTicker(it, source) => data(s, "book_ticker", it, source),
            Event::DepthSnapshot(it, source) => data(s, "depth_snapshot", it, source),
            Event::DepthUpdate(it, source) => data(s, "depth_update", it, source),
            Event::PartialDepth(it, source) => data(s, "partial_depth", it, source),
            Event::Trade(it, source) => data(s, "trade", it, source),
            Event::ContractStatus(it, source) => data(s, "contract_status", it, source),
            Event::MarkPrice(it, source) => data(s, "mark_price", it, source),
            Event::FundingAmount(it, source) => data(s, "funding_amount", it, source),
            Event::TopOfBook(it, source) => data(s, "top_of_book", it, source),
            Event::AuctionOpen(it, source) => data(s, "auction_open", it, source),
            Event::Auction(it, source) => data(s, "auction", it, source),
            Event::Candles(it, source) => data(s, "candles", it, source),
            Event::RequestForQuote(it, source) => data(s, "request_for_quote", it, source),
            Event::Order(it, source) => data(s, "order", it, source),
            Event::Balances(it, source) => data(s, "balances", it, source),
            Event::Positions(it, source) => data(s, "positions", it, source),
            Event::Quote(it, source) => data(s, "quote", it, source),
            Event::Settlements(it, source) => data(s, "settlements", it, source),
            Event::Heartbeat(it, source) => data(s, "heartbeat", it, source),
            Event::SubscriptionAck(it, source) => data(s, "subscription_ack", it, source),
            Event::Error(it, source) => data(s, "error", it, source),
            Event::Unrecognized(it, source) => data(s, "unrecognized", it, source),
            Event::Malformed(it, source) => data(s, "malformed", it, source),
            Event::Batch(it, source) => data(s, None, it, source),
            event => facts(event, s),
        }
    }
}

/// The events that are not the data of a frame.
fn facts<S: Serializer>(event: &Event<'_>, s: S) -> Result<S::Ok, S::Error> {
    match event {
        Event::Ignored(it, source) => {
            let (frame, reason) = (source.frame(), &it.reason);
            fact!(s, "ignored", frame, reason)
        }
        Event::Reply { link, request, about, outcome } => fact!(s, "reply", link, request, about, outcome),
        Event::Subscribed { link, id, stream } => fact!(s, "subscribed", link, id, stream),
        Event::Unsubscribed { link, id, stream, last } => fact!(s, "unsubscribed", link, id, stream, last),
        Event::Silent { link, id, stream, since } => fact!(s, "silent", link, id, stream, since),
        Event::Rejected { link, id, stream, error } => fact!(s, "rejected", link, id, stream, error),
        Event::Gap { link, id, symbol, expected, got } => fact!(s, "gap", link, id, symbol, expected, got),
        Event::SequenceGap { link, expected, got } => fact!(s, "sequence_gap", link, expected, got),
        Event::Synced { link, id, symbol } => fact!(s, "synced", link, id, symbol),
        Event::Overflow { topic, symbol, dropped } => fact!(s, "overflow", topic, symbol, dropped),
        Event::Opened { link, missing_since } => fact!(s, "opened", link, missing_since),
        Event::Live { link } => fact!(s, "live", link),
        Event::ConnectFailed { link, reason, retry } => fact!(s, "connect_failed", link, reason, retry),
        Event::PeerClosing { link, code, reason } => fact!(s, "peer_closing", link, code, reason),
        Event::Disconnected { link, reason, retry } => fact!(s, "disconnected", link, reason, retry),
        Event::LinkClosed { link, reason } => fact!(s, "link_closed", link, reason),
        Event::HeartbeatDue { link, since } => fact!(s, "heartbeat_due", link, since),
        Event::ShuttingDown { step } => fact!(s, "shutting_down", step),
        Event::Closed { reason, abandoned } => fact!(s, "closed", reason, abandoned),
        _ => s.serialize_map(Some(0))?.end(),
    }
}
