//! The frames of market data v2 as text.

use std::fmt::Write;

use crate::frame::members::{MemberOrder, Members, push_price, push_trimmed};
use crate::model::auctions::AuctionPrice;
use crate::model::candles::{Candle, INTERVALS};
use crate::model::engine::{PriceQuantity, Side};
use crate::model::fact::Funding;
use crate::model::tape::{Taker, TapeTrade};
use crate::value::instrument::Instrument;

fn symbol(instrument: &Instrument) -> String {
    instrument.symbol.as_str().to_ascii_uppercase()
}

pub(crate) fn changes(instrument: &Instrument, changes: &[(Side, PriceQuantity)]) -> String {
    level2(instrument, changes).finish(MemberOrder::Documented)
}

/// Writes the first `l2_updates` of a subscription, which contains the complete book. If there are no trades, the
/// frame has no member `trades`.
pub(crate) fn snapshot<'e>(
    instrument: &Instrument,
    levels: &[(Side, PriceQuantity)],
    trades: impl Iterator<Item = &'e TapeTrade>,
    auctions: impl Iterator<Item = &'e AuctionPrice>,
) -> String {
    let mut members = level2(instrument, levels);
    let trades: Vec<String> = trades.map(|made| trade(instrument, made)).collect();
    if !trades.is_empty() {
        members = members.json("trades", format!("[{}]", trades.join(",")));
    }
    let auctions: Vec<String> = auctions.map(|price| auction(instrument, price)).collect();
    members.json("auction_events", format!("[{}]", auctions.join(","))).finish(MemberOrder::Documented)
}

fn level2(instrument: &Instrument, levels: &[(Side, PriceQuantity)]) -> Members {
    let mut text = String::with_capacity(2 + 32 * levels.len());
    text.push('[');
    for (position, (side, (price, quantity))) in levels.iter().enumerate() {
        text.push_str(match (position, side) {
            (0, Side::Bid) => "[\"buy\",\"",
            (0, Side::Ask) => "[\"sell\",\"",
            (_, Side::Bid) => ",[\"buy\",\"",
            (_, Side::Ask) => ",[\"sell\",\"",
        });
        push_price(&mut text, instrument, *price);
        text.push_str("\",\"");
        push_trimmed(&mut text, *quantity, instrument.quantity_decimals);
        text.push_str("\"]");
    }
    text.push(']');
    Members::of_type("l2_updates").text("symbol", &symbol(instrument)).json("changes", text)
}

pub(crate) fn trade(instrument: &Instrument, trade: &TapeTrade) -> String {
    let (price, quantity) = trade.level;
    Members::of_type("trade")
        .text("symbol", &symbol(instrument))
        .integer("event_id", trade.event_id)
        .integer("timestamp", trade.time.div_euclid(1_000_000))
        .price("price", instrument, price)
        .decimal("quantity", quantity, instrument.quantity_decimals)
        .text(
            "side",
            match trade.taker {
                Taker::Side(Side::Bid) => "buy",
                Taker::Side(Side::Ask) => "sell",
                Taker::Block => "block",
            },
        )
        .finish(MemberOrder::Documented)
}

/// Writes an `auction_indicative` or an `auction_result`. Both use the same member for the price.
pub(crate) fn auction(instrument: &Instrument, price: &AuctionPrice) -> String {
    let kind = if price.is_result { "auction_result" } else { "auction_indicative" };
    let members = Members::of_type(kind)
        .text("symbol", &symbol(instrument))
        .integer("time_ms", price.millis)
        .text("result", if price.cleared.is_some() { "success" } else { "failure" })
        .price("highest_bid_price", instrument, price.highest_bid)
        .price("lowest_ask_price", instrument, price.lowest_ask)
        .price("collar_price", instrument, price.collar);
    let members = match price.cleared {
        Some((price, quantity)) => members.price("auction_price", instrument, price).decimal(
            "auction_quantity",
            quantity,
            instrument.quantity_decimals,
        ),
        None => members,
    };
    members.finish(MemberOrder::Documented)
}

/// Writes a `candles_…_updates`, whose prices and volumes are JSON numbers.
pub(crate) fn candles<'c>(
    instrument: &Instrument,
    interval: usize,
    candles: impl Iterator<Item = &'c Candle>,
) -> String {
    let mut text = String::from("[");
    for (position, candle) in candles.enumerate() {
        let comma = if position == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}[{}", candle.start);
        for price in [candle.open, candle.high, candle.low, candle.close] {
            text.push(',');
            push_trimmed(&mut text, price, instrument.price_decimals);
        }
        text.push(',');
        push_trimmed(&mut text, candle.volume, instrument.quantity_decimals);
        text.push(']');
    }
    text.push(']');
    let name = INTERVALS.get(interval).map_or("", |(name, _)| name);
    Members::of_type(&format!("candles_{name}_updates"))
        .text("symbol", &symbol(instrument))
        .json("changes", text)
        .finish(MemberOrder::Alphabetical)
}

pub(crate) fn mark_price(instrument: &Instrument, time: i64, (mark, index): (u64, u64)) -> String {
    let change = Members::default()
        .decimal("mark_price", mark, instrument.price_decimals)
        .decimal("spot_index", index, instrument.price_decimals)
        .integer("timestamp", time);
    one_change("mark_price_updates", instrument, change)
}

/// Writes a `funding_amount_updates`, with the undocumented members `funding_rate` and `mark_price`.
pub(crate) fn funding_amount(instrument: &Instrument, time: i64, funding: &Funding) -> String {
    let change = Members::default()
        .json("funding_amount", signed(funding.amount, 5))
        .integer("funding_date_time", funding.funding_time)
        .integer("funding_interval_in_minutes", 60)
        .json("funding_rate", signed(funding.rate, 3))
        .json("is_realized", if funding.is_realized { "true" } else { "false" })
        .decimal("mark_price", funding.mark, instrument.price_decimals)
        .integer("timestamp", time);
    one_change("funding_amount_updates", instrument, change)
}

fn one_change(kind: &str, instrument: &Instrument, change: Members) -> String {
    Members::of_type(kind)
        .text("symbol", &symbol(instrument))
        .json("changes", format!("[{}]", change.finish(MemberOrder::Alphabetical)))
        .finish(MemberOrder::Alphabetical)
}

fn signed(units: i64, decimals: u8) -> String {
    let mut text = String::from(if units < 0 { "\"-" } else { "\"" });
    push_trimmed(&mut text, units.unsigned_abs(), decimals);
    text.push('"');
    text
}

/// Writes a `heartbeat`; `time` is in ns since 1970.
pub(crate) fn heartbeat(time: i64) -> String {
    let millis = time.div_euclid(1_000_000);
    Members::of_type("heartbeat").integer("timestamp", millis).finish(MemberOrder::Alphabetical)
}

pub(crate) fn error(reason: &str) -> String {
    Members::default().text("reason", reason).text("result", "error").finish(MemberOrder::Documented)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(name: &str) -> Instrument {
        Instrument::of(name.parse().unwrap())
    }

    #[test]
    fn frames_are_those_of_the_venue() {
        let (btc, perpetual) = (instrument("btcusd"), instrument("btcgusdperp"));
        let levels = [(Side::Bid, (2_408_423_000, 0)), (Side::Ask, (2_411_780_000, 9_100_000_000))];
        assert_eq!(
            changes(&btc, &levels),
            r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","24084.23","0"],["sell","24117.80","0.91"]]}"#
        );
        assert_eq!(
            snapshot(&btc, &levels[1..], [].iter(), [].iter()),
            r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["sell","24117.80","0.91"]],"auction_events":[]}"#
        );
        let made = TapeTrade {
            event_id: 9_608_228_023,
            time: 1_580_919_901_276_000_000,
            level: (20_019_000, 1_000_000_000_000),
            taker: Taker::Block,
        };
        assert_eq!(
            trade(&btc, &made),
            r#"{"type":"trade","symbol":"BTCUSD","event_id":9608228023,"timestamp":1580919901276,"price":"200.19","quantity":"100","side":"block"}"#
        );
        let price = AuctionPrice {
            is_result: true,
            millis: 1_656_100_800_000,
            highest_bid: 2_124_105_000,
            lowest_ask: 2_124_650_000,
            collar: 2_118_807_000,
            cleared: None,
        };
        assert_eq!(
            auction(&btc, &price),
            r#"{"type":"auction_result","symbol":"BTCUSD","time_ms":1656100800000,"result":"failure","highest_bid_price":"21241.05","lowest_ask_price":"21246.50","collar_price":"21188.07"}"#
        );
        let candle = Candle {
            start: 1_785_354_000_000,
            open: 6_371_906_000,
            high: 6_371_906_000,
            low: 6_371_906_000,
            close: 6_371_900_000,
            volume: 9_000_000,
        };
        assert_eq!(
            candles(&btc, 0, [candle].iter()),
            r#"{"changes":[[1785354000000,63719.06,63719.06,63719.06,63719,0.0009]],"symbol":"BTCUSD","type":"candles_1m_updates"}"#
        );
        assert_eq!(
            mark_price(&perpetual, 1_789_456_071_687_541_147, (77_233_302, 77_188_418)),
            r#"{"changes":[{"mark_price":"77233.302","spot_index":"77188.418","timestamp":1789456071687541147}],"symbol":"BTCGUSDPERP","type":"mark_price_updates"}"#
        );
        let funding = Funding {
            funding_time: 1_789_459_200_000_000_000,
            amount: -925_568,
            rate: 11,
            mark: 77_260_531,
            is_realized: false,
        };
        assert_eq!(
            funding_amount(&perpetual, 1_789_456_071_687_573_598, &funding),
            r#"{"changes":[{"funding_amount":"-9.25568","funding_date_time":1789459200000000000,"funding_interval_in_minutes":60,"funding_rate":"0.011","is_realized":false,"mark_price":"77260.531","timestamp":1789456071687573598}],"symbol":"BTCGUSDPERP","type":"funding_amount_updates"}"#
        );
        assert_eq!(heartbeat(1_789_456_747_150_999_999), r#"{"timestamp":1789456747150,"type":"heartbeat"}"#);
        assert_eq!(error("InvalidJson"), r#"{"reason":"InvalidJson","result":"error"}"#);
    }
}
