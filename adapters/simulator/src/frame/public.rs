//! The market data frames of the current API as text, with their members in the order in which the venue sends them.
//!
//! The functions append the text piece by piece, because this costs less than `serde_json`.

use crate::model::engine::{PriceQuantity, Side};
use crate::model::fact::{Contract, Funding, Top};
use crate::value::instrument::{Instrument, power};

/// Writes a `bookTicker`. The members of an empty side are empty strings.
pub(crate) fn ticker(
    instrument: &Instrument,
    update_id: u64,
    event_time: i64,
    top: &Top,
    last_trade: Option<PriceQuantity>,
) -> String {
    let mut text = String::with_capacity(256);
    text.push_str("{\"u\":");
    push_integer(&mut text, update_id);
    push_time_and_symbol(&mut text, instrument, event_time);
    for (side, [price_name, quantity_name]) in top.iter().zip([["b", "B"], ["a", "A"]]) {
        push_named_level(&mut text, instrument, price_name, quantity_name, *side);
    }
    if last_trade.is_some() {
        push_named_level(&mut text, instrument, "c", "C", last_trade);
    }
    text.push('}');
    text
}

pub(crate) fn trade(
    instrument: &Instrument,
    event_time: i64,
    trade_id: u64,
    (price, quantity): PriceQuantity,
    maker_side: Side,
) -> String {
    let mut text = String::with_capacity(160);
    text.push_str("{\"E\":");
    push_integer(&mut text, event_time.unsigned_abs());
    push_text(&mut text, "s", instrument.symbol.as_str());
    text.push_str(",\"t\":");
    push_integer(&mut text, trade_id);
    push_named_level(&mut text, instrument, "p", "q", Some((price, quantity)));
    text.push_str(match maker_side {
        Side::Bid => ",\"m\":true}",
        Side::Ask => ",\"m\":false}",
    });
    text
}

/// Writes a `depthUpdate`. `first` and `last` are update ids, which are equal in a snapshot.
pub(crate) fn depth(
    instrument: &Instrument,
    event_time: i64,
    [first, last]: [u64; 2],
    sides: [&[PriceQuantity]; 2],
) -> String {
    let mut text = String::with_capacity(128 + 40 * (sides[0].len() + sides[1].len()));
    text.push_str("{\"e\":\"depthUpdate\"");
    push_time_and_symbol(&mut text, instrument, event_time);
    text.push_str(",\"U\":");
    push_integer(&mut text, first);
    text.push_str(",\"u\":");
    push_integer(&mut text, last);
    for (name, levels) in [",\"b\":", ",\"a\":"].iter().zip(sides) {
        text.push_str(name);
        push_levels(&mut text, instrument, levels.iter().copied());
    }
    text.push('}');
    text
}

/// Writes a partial depth frame, or the result of the request `depth`, which has no symbol.
pub(crate) fn partial_depth(
    instrument: &Instrument,
    with_symbol: bool,
    update_id: u64,
    sides: [impl Iterator<Item = PriceQuantity>; 2],
) -> String {
    let mut text = String::with_capacity(1024);
    text.push_str("{\"lastUpdateId\":");
    push_integer(&mut text, update_id);
    if with_symbol {
        push_text(&mut text, "symbol", instrument.symbol.as_str());
    }
    for (name, levels) in [",\"bids\":", ",\"asks\":"].iter().zip(sides) {
        text.push_str(name);
        push_levels(&mut text, instrument, levels);
    }
    text.push('}');
    text
}

/// Writes a `markPrice`. The member `i` is a hundred times the index price, because the venue also sends a multiple
/// of it.
pub(crate) fn mark_price(instrument: &Instrument, event_time: i64, mark: u64, index: u64) -> String {
    let mut text = String::from("{\"e\":\"markPrice\"");
    push_time_and_symbol(&mut text, instrument, event_time);
    push_decimal(&mut text, "p", mark, instrument.price_decimals);
    push_decimal(&mut text, "i", index.saturating_mul(100), instrument.price_decimals);
    text.push('}');
    text
}

/// Writes a `fundingAmount`, whose `E` and `T` are both the instant of the funding.
pub(crate) fn funding(instrument: &Instrument, funding: &Funding) -> String {
    let mut text = String::from("{\"e\":\"fundingAmount\"");
    push_time_and_symbol(&mut text, instrument, funding.funding_time);
    text.push_str(",\"T\":");
    push_integer(&mut text, funding.funding_time.unsigned_abs());
    text.push_str(",\"i\":60");
    push_signed_decimal(&mut text, "f", funding.amount, 5);
    push_signed_decimal(&mut text, "r", funding.rate * 100, 5);
    push_decimal(&mut text, "p", funding.mark, instrument.price_decimals);
    text.push_str(if funding.is_realized { ",\"R\":true}" } else { ",\"R\":false}" });
    text
}

/// Writes a `contractStatus`, whose `E` is in milliseconds.
pub(crate) fn contract_status(contract: &Contract<'_>) -> String {
    let mut text = String::from("{\"e\":\"contractStatus\",\"E\":");
    push_integer(&mut text, contract.event_millis.unsigned_abs());
    push_text(&mut text, "s", contract.symbol);
    push_text(&mut text, "k", contract.event_ticker);
    push_text(&mut text, "c", contract.contract_ticker);
    text.push_str(",\"i\":");
    push_integer(&mut text, contract.id);
    if let Some(strike) = contract.strike {
        push_text(&mut text, "p", strike);
    }
    push_text(&mut text, "o", contract.previous_status);
    push_text(&mut text, "n", contract.status);
    text.push('}');
    text
}

fn push_time_and_symbol(text: &mut String, instrument: &Instrument, event_time: i64) {
    text.push_str(",\"E\":");
    push_integer(text, event_time.unsigned_abs());
    push_text(text, "s", instrument.symbol.as_str());
}

/// Writes a member whose value needs no escapes.
fn push_text(text: &mut String, name: &str, value: &str) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":\"");
    text.push_str(value);
    text.push('"');
}

fn push_named_level(
    text: &mut String,
    instrument: &Instrument,
    price_name: &str,
    quantity_name: &str,
    level: Option<PriceQuantity>,
) {
    match level {
        Some((price, quantity)) => {
            push_decimal(text, price_name, price, instrument.price_decimals);
            push_decimal(text, quantity_name, quantity, instrument.quantity_decimals);
        }
        None => {
            push_text(text, price_name, "");
            push_text(text, quantity_name, "");
        }
    }
}

fn push_levels(text: &mut String, instrument: &Instrument, levels: impl Iterator<Item = PriceQuantity>) {
    text.push('[');
    for (position, (price, quantity)) in levels.enumerate() {
        text.push_str(if position == 0 { "[\"" } else { ",[\"" });
        push_digits(text, price, instrument.price_decimals);
        text.push_str("\",\"");
        push_digits(text, quantity, instrument.quantity_decimals);
        text.push_str("\"]");
    }
    text.push(']');
}

fn push_decimal(text: &mut String, name: &str, units: u64, decimals: u8) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":\"");
    push_digits(text, units, decimals);
    text.push('"');
}

fn push_signed_decimal(text: &mut String, name: &str, units: i64, decimals: u8) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str(if units < 0 { "\":\"-" } else { "\":\"" });
    push_digits(text, units.unsigned_abs(), decimals);
    text.push('"');
}

/// Writes a decimal number with all its `decimals`. `units` is this number in units of the last decimal.
pub(crate) fn push_digits(text: &mut String, units: u64, decimals: u8) {
    let unit = power(decimals);
    push_integer(text, units / unit);
    if decimals > 0 {
        text.push('.');
        push_padded(text, units % unit, usize::from(decimals));
    }
}

fn push_integer(text: &mut String, number: u64) {
    push_padded(text, number, 1);
}

fn push_padded(text: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let start = start.min(digits.len() - width);
    text.push_str(str::from_utf8(&digits[start..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(name: &str) -> Instrument {
        Instrument::of(name.parse().unwrap())
    }

    #[test]
    fn frames_are_those_of_the_venue() {
        let btc = instrument("BTCUSD");
        let perp = instrument("btcgusdperp");
        let bid = Some((8_336_125_000, 43_000_000));
        assert_eq!(
            ticker(&btc, 1764559652999672, 1790732602948771651, &[bid, None], Some((8_335_592_000, 599_800))),
            r#"{"u":1764559652999672,"E":1790732602948771651,"s":"btcusd","b":"83361.25000","B":"0.0043000000","a":"","A":"","c":"83355.92000","C":"0.0000599800"}"#
        );
        assert_eq!(
            trade(&btc, 1790732616897030070, 2840141030659933, (8_337_108_000, 593_800), Side::Ask),
            r#"{"E":1790732616897030070,"s":"btcusd","t":2840141030659933,"p":"83371.08000","q":"0.0000593800","m":false}"#
        );
        assert_eq!(
            depth(&perp, 1790732602942589054, [5, 9], [&[(83_385_000, 1_336), (83_382_500, 0)], &[]]),
            r#"{"e":"depthUpdate","E":1790732602942589054,"s":"btcgusdperp","U":5,"u":9,"b":[["83385.000","0.1336"],["83382.500","0.0000"]],"a":[]}"#
        );
        assert_eq!(
            partial_depth(
                &instrument("GEMI-A-UP"),
                true,
                7,
                [[(26, 5000)].into_iter(), [(28, 3200)].into_iter()]
            ),
            r#"{"lastUpdateId":7,"symbol":"GEMI-A-UP","bids":[["0.26","5000"]],"asks":[["0.28","3200"]]}"#
        );
        assert_eq!(
            mark_price(&perp, 1789456746446652397, 77_303_727, 77_258_808),
            r#"{"e":"markPrice","E":1789456746446652397,"s":"btcgusdperp","p":"77303.727","i":"7725880.800"}"#
        );
        let amount = Funding {
            funding_time: 1789459200000000000,
            amount: -790_688,
            rate: 10,
            mark: 77_302_223,
            is_realized: false,
        };
        assert_eq!(
            funding(&perp, &amount),
            r#"{"e":"fundingAmount","E":1789459200000000000,"s":"btcgusdperp","T":1789459200000000000,"i":60,"f":"-7.90688","r":"0.01000","p":"77302.223","R":false}"#
        );
        let contract = Contract {
            event_millis: 1790732602153,
            symbol: "GEMI-BTC2602180800-HI70000",
            event_ticker: "BTC2602180800",
            contract_ticker: "HI70000",
            id: 123457,
            strike: Some("70000"),
            previous_status: "Awaiting Approval",
            status: "Approved",
        };
        assert_eq!(
            contract_status(&contract),
            r#"{"e":"contractStatus","E":1790732602153,"s":"GEMI-BTC2602180800-HI70000","k":"BTC2602180800","c":"HI70000","i":123457,"p":"70000","o":"Awaiting Approval","n":"Approved"}"#
        );
    }
}
