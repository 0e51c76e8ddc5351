//! Messages with lists. Each element is written as it was decoded, or as an object of the kind `unrecognized` or
//! `malformed`.

use gemini_ws::{
    Auction, Element, L2Updates, Level, List, MarketEntry, MarketUpdate, OrderReport, Row, SnapshotOrder,
    Timestamp, Trade,
};
use serde::{Serialize, Serializer};

use super::{FrameBody, Kind, Undecodable};

/// A list, whose elements are converted when they are written.
pub(super) struct Each<'f, T, B> {
    list: List<'f, T>,
    body: fn(T) -> B,
}

impl<'f, T: Element<'f>, B: Serialize> Serialize for Each<'f, T, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.list.iter().map(self.body))
    }
}

/// An element that was decoded, or the report on an unusable element.
#[derive(Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "written at once")]
pub(super) enum ElementBody<'f, T> {
    Read(T),
    Unrecognized(Kind<FrameBody>),
    Malformed(Undecodable<'f>),
}

#[derive(Serialize)]
pub(super) struct OrderEventsBody<'f> {
    events: Each<'f, OrderReport<'f>, ElementBody<'f, OrderReport<'f>>>,
}

impl<'f> OrderEventsBody<'f> {
    pub(super) fn of(events: List<'f, OrderReport<'f>>) -> OrderEventsBody<'f> {
        OrderEventsBody { events: Each { list: events, body: order } }
    }
}

#[derive(Serialize)]
pub(super) struct OrderSnapshotBody<'f> {
    orders: Each<'f, SnapshotOrder<'f>, ElementBody<'f, OrderReport<'f>>>,
}

impl<'f> OrderSnapshotBody<'f> {
    pub(super) fn of(orders: List<'f, SnapshotOrder<'f>>) -> OrderSnapshotBody<'f> {
        OrderSnapshotBody { orders: Each { list: orders, body: |SnapshotOrder(report)| order(report) } }
    }
}

fn order(report: OrderReport<'_>) -> ElementBody<'_, OrderReport<'_>> {
    match report {
        OrderReport::Unrecognized(it) => ElementBody::Unrecognized(Kind::unrecognized(it.frame.as_str())),
        OrderReport::Malformed { element, error } => {
            ElementBody::Malformed(Undecodable::new(element.as_str(), error))
        }
        report => ElementBody::Read(report),
    }
}

#[derive(Serialize)]
pub(super) struct MarketUpdateBody<'f> {
    event_id: u64,
    socket_sequence: u64,
    timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    entries: Each<'f, MarketEntry<'f>, ElementBody<'f, MarketEntry<'f>>>,
    symbol: Option<&'f str>,
}

impl<'f> MarketUpdateBody<'f> {
    pub(super) fn of(update: &MarketUpdate<'f>) -> MarketUpdateBody<'f> {
        let entry = |entry| match entry {
            MarketEntry::Unrecognized(it) => ElementBody::Unrecognized(Kind::unrecognized(it.frame.as_str())),
            MarketEntry::Malformed { element, error } => {
                ElementBody::Malformed(Undecodable::new(element.as_str(), error))
            }
            entry => ElementBody::Read(entry),
        };
        MarketUpdateBody {
            event_id: update.event_id,
            socket_sequence: update.socket_sequence,
            timestamp: update.timestamp,
            event_time: update.event_time,
            entries: Each { list: update.entries, body: entry },
            symbol: update.symbol,
        }
    }
}

#[derive(Serialize)]
pub(super) struct L2UpdatesBody<'f> {
    symbol: &'f str,
    bids: &'f [Level],
    asks: &'f [Level],
    trades: Option<Rows<'f, Trade<'f>>>,
    auction_events: Option<Rows<'f, Auction<'f>>>,
}

type Rows<'f, T> = Each<'f, Row<'f, T>, ElementBody<'f, T>>;

impl<'f> L2UpdatesBody<'f> {
    pub(super) fn of(updates: &L2Updates<'f>) -> L2UpdatesBody<'f> {
        L2UpdatesBody {
            symbol: updates.symbol,
            bids: updates.bids,
            asks: updates.asks,
            trades: updates.trades.map(|trades| Each { list: trades, body: row }),
            auction_events: updates.auction_events.map(|auctions| Each { list: auctions, body: row }),
        }
    }
}

fn row<'f, T>(row: Row<'f, T>) -> ElementBody<'f, T> {
    match row {
        Row::Read(row) => ElementBody::Read(row),
        Row::Malformed { element, error } => {
            ElementBody::Malformed(Undecodable::new(element.as_str(), error))
        }
    }
}
