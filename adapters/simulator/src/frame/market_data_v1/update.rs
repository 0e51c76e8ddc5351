//! [`Update`]: one event of the market as a frame of market data v1.

use super::options::Options;
use crate::frame::members::{MemberOrder, Members, push_price, push_trimmed};
use crate::model::auctions::{AuctionPlan, AuctionPrice};
use crate::model::engine::{PriceQuantity, Side};
use crate::value::instrument::Instrument;

#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) event_id: u64,
    /// The time in ns since 1970; `None` in the first frame of a symbol.
    pub(crate) time: Option<i64>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    Place,
    Trade,
    Cancel,
    Initial,
}

/// The side of the resting order of a trade, or `Auction` if the trade took place in an auction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Maker {
    Side(Side),
    Auction,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Change {
        side: Side,
        price: u64,
        before: u64,
        remaining: u64,
        reason: Reason,
    },
    /// The best level of a side changed. A quantity of zero means that the side is empty.
    Best {
        side: Side,
        level: PriceQuantity,
    },
    Trade {
        level: PriceQuantity,
        maker: Maker,
    },
    BlockTrade {
        level: PriceQuantity,
    },
    AuctionOpen(AuctionPlan),
    AuctionPrice(AuctionPrice),
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Bid => "bid",
        Side::Ask => "ask",
    }
}

/// Writes the frame of an update, with the entries that `options` include. If they include none, returns `None`,
/// except for the first frame of a symbol, which can be without entries. If `symbol` is not `None`, each entry names
/// this symbol, as on the endpoint for several symbols.
pub(crate) fn frame(
    update: &Update,
    instrument: &Instrument,
    options: &Options,
    symbol: Option<&str>,
    socket_sequence: u64,
    order: MemberOrder,
) -> Option<String> {
    let wanted = update.entries.iter().filter(|entry| is_wanted(options, entry, update.time.is_none()));
    let entries = wanted.map(|entry| {
        let members = entry_members(entry, instrument, update.event_id);
        let members = match symbol {
            Some(symbol) => members.text("symbol", symbol),
            None => members,
        };
        members.finish(order)
    });
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() && update.time.is_some() {
        return None;
    }
    let mut members = Members::of_type("update").integer("eventId", update.event_id);
    if let Some(time) = update.time {
        members = members
            .integer("timestamp", time.div_euclid(1_000_000_000))
            .integer("timestampms", time.div_euclid(1_000_000));
    }
    members = members.integer("socket_sequence", socket_sequence);
    Some(members.json("events", format!("[{}]", entries.join(","))).finish(order))
}

/// Returns whether a session with these options gets an entry. The first frame of a symbol (`is_initial`) has entries
/// [`Entry::Change`] even for a session that asks for only the best levels.
fn is_wanted(options: &Options, entry: &Entry, is_initial: bool) -> bool {
    match *entry {
        Entry::Change { side, reason, .. } => {
            let is_told = !options.wants_best_levels() || (is_initial && reason == Reason::Initial);
            is_told && options.wants_side(side)
        }
        Entry::Best { side, .. } => options.wants_best_levels() && options.wants_side(side),
        Entry::Trade { .. } | Entry::BlockTrade { .. } => options.wants_trades(),
        Entry::AuctionOpen(_) | Entry::AuctionPrice(_) => options.wants_auctions(),
    }
}

pub(crate) fn heartbeat(socket_sequence: u64, order: MemberOrder) -> String {
    Members::of_type("heartbeat").integer("socket_sequence", socket_sequence).finish(order)
}

fn entry_members(entry: &Entry, instrument: &Instrument, event_id: u64) -> Members {
    let decimals = instrument.quantity_decimals;
    match *entry {
        Entry::Change { side, price, before, remaining, reason } => {
            change_members(instrument, side, price, [before, remaining], reason)
        }
        Entry::Best { side, level: (price, quantity) } => Members::of_type("change")
            .text("side", side_name(side))
            .price("price", instrument, price)
            .decimal("remaining", quantity, decimals)
            .text("reason", "top-of-book"),
        Entry::Trade { level: (price, quantity), maker } => Members::of_type("trade")
            .integer("tid", event_id)
            .price("price", instrument, price)
            .decimal("amount", quantity, decimals)
            .text(
                "makerSide",
                match maker {
                    Maker::Side(side) => side_name(side),
                    Maker::Auction => "auction",
                },
            ),
        Entry::BlockTrade { level: (price, quantity) } => Members::of_type("block_trade")
            .integer("tid", event_id)
            .price("price", instrument, price)
            .decimal("amount", quantity, decimals),
        Entry::AuctionOpen(plan) => Members::of_type("auction_open")
            .integer("auction_open_ms", plan.open)
            .integer("auction_time_ms", plan.auction)
            .integer("first_indicative_ms", plan.first_indicative)
            .integer("last_cancel_time_ms", plan.last_cancel),
        Entry::AuctionPrice(price) => auction_price(&price, instrument, event_id),
    }
}

fn change_members(
    instrument: &Instrument,
    side: Side,
    price: u64,
    [before, remaining]: [u64; 2],
    reason: Reason,
) -> Members {
    let decimals = instrument.quantity_decimals;
    let mut delta = String::from("\"");
    if remaining < before {
        delta.push('-');
    }
    push_trimmed(&mut delta, remaining.abs_diff(before), decimals);
    delta.push('"');
    let members = Members::of_type("change");
    let name = match reason {
        Reason::Initial => {
            return members
                .text("reason", "initial")
                .price("price", instrument, price)
                .json("delta", delta)
                .decimal("remaining", remaining, decimals)
                .text("side", side_name(side));
        }
        Reason::Place => "place",
        Reason::Trade => "trade",
        Reason::Cancel => "cancel",
    };
    members
        .text("side", side_name(side))
        .price("price", instrument, price)
        .decimal("remaining", remaining, decimals)
        .json("delta", delta)
        .text("reason", name)
}

fn auction_price(price: &AuctionPrice, instrument: &Instrument, event_id: u64) -> Members {
    let (kind, price_name, quantity_name) = if price.is_result {
        ("auction_result", "auction_price", "auction_quantity")
    } else {
        ("auction_indicative", "indicative_price", "indicative_quantity")
    };
    let mut collar = String::new();
    push_price(&mut collar, instrument, price.collar);
    let members = Members::of_type(kind)
        .integer("eid", event_id)
        .text("result", if price.cleared.is_some() { "success" } else { "failure" })
        .integer("time_ms", price.millis)
        .price("highest_bid_price", instrument, price.highest_bid)
        .price("lowest_ask_price", instrument, price.lowest_ask)
        .text("collar_price", &collar);
    match price.cleared {
        Some((price, quantity)) => members.price(price_name, instrument, price).decimal(
            quantity_name,
            quantity,
            instrument.quantity_decimals,
        ),
        None => members,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_venue() {
        let btc = Instrument::of("btcusd".parse().unwrap());
        let auction = AuctionPrice {
            is_result: false,
            millis: 1_510_865_640_000,
            highest_bid: 773_069_000,
            lowest_ask: 773_070_000,
            collar: 773_069_500,
            cleared: Some((775_000_000, 454_325_000_000)),
        };
        let change = |before, remaining, reason| Entry::Change {
            side: Side::Ask,
            price: 363_254_000,
            before,
            remaining,
            reason,
        };
        let [all, best] = ["", "top_of_book=true"].map(|query| Options::of_query(query, false).unwrap());
        let table = [
            (
                vec![
                    Entry::Trade { level: (363_254_000, 1_000_000_000), maker: Maker::Side(Side::Ask) },
                    change(5_000_000_000, 4_000_000_000, Reason::Trade),
                ],
                &all,
                r#"[{"type":"trade","tid":7,"price":"3632.54","amount":"0.1","makerSide":"ask","symbol":"BTCUSD"},{"type":"change","side":"ask","price":"3632.54","remaining":"0.4","delta":"-0.1","reason":"trade","symbol":"BTCUSD"}]"#,
            ),
            (
                vec![
                    change(0, 10_000_000_000, Reason::Place),
                    Entry::Best { side: Side::Ask, level: (363_254_000, 10_000_000_000) },
                ],
                &best,
                r#"[{"type":"change","side":"ask","price":"3632.54","remaining":"1","reason":"top-of-book","symbol":"BTCUSD"}]"#,
            ),
            (
                vec![Entry::AuctionPrice(auction)],
                &all,
                r#"[{"type":"auction_indicative","eid":7,"result":"success","time_ms":1510865640000,"highest_bid_price":"7730.69","lowest_ask_price":"7730.70","collar_price":"7730.695","indicative_price":"7750.00","indicative_quantity":"45.4325","symbol":"BTCUSD"}]"#,
            ),
            (
                vec![Entry::AuctionPrice(AuctionPrice { is_result: true, cleared: None, ..auction })],
                &all,
                r#"[{"type":"auction_result","eid":7,"result":"failure","time_ms":1510865640000,"highest_bid_price":"7730.69","lowest_ask_price":"7730.70","collar_price":"7730.695","symbol":"BTCUSD"}]"#,
            ),
        ];
        for (entries, options, expected) in table {
            let update = Update { event_id: 7, time: Some(1_547_760_288_002_000_000), entries };
            let text = frame(&update, &btc, options, Some("BTCUSD"), 16, MemberOrder::Documented).unwrap();
            assert_eq!(
                text,
                format!(
                    r#"{{"type":"update","eventId":7,"timestamp":1547760288,"timestampms":1547760288002,"socket_sequence":16,"events":{expected}}}"#
                )
            );
        }
        let initial =
            Update { event_id: 7, time: None, entries: vec![change(0, 40_720_000_000, Reason::Initial)] };
        assert_eq!(
            frame(&initial, &btc, &all, None, 0, MemberOrder::Alphabetical).unwrap(),
            r#"{"eventId":7,"events":[{"delta":"4.072","price":"3632.54","reason":"initial","remaining":"4.072","side":"ask","type":"change"}],"socket_sequence":0,"type":"update"}"#
        );
        let nothing = Update { event_id: 7, time: Some(0), entries: vec![change(1, 0, Reason::Cancel)] };
        assert_eq!(frame(&nothing, &btc, &best, None, 0, MemberOrder::Documented), None);
    }
}
