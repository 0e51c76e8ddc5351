//! Faults of decimals that fit although a part of their computation does not.

use gemini_ws::{
    Decimal, DecimalError, DecodeErrorKind, Event, Message, OrderStatusQuestion, RestQuestion, Rounding, Row,
    Scratch, decode,
};

use super::fed::d;

/// Decodes the available amount in a balance update. Returns the amount as a decimal, and as it is printed.
fn number(text: &str) -> (Result<Decimal, DecimalError>, String) {
    let frame = format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{{"a":"ETH","f":{text},"c":"1"}}]}}"#);
    let mut scratch = Scratch::new();
    let Ok(Message::BalanceUpdate(update)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
    let available = update.balances.iter().find_map(Row::read).unwrap().available;
    (available.to_decimal(), available.to_string())
}

/// Decodes the executed amount of an answer of REST. The amount must not be negative.
fn executed(text: &str) -> Option<Decimal> {
    let body = format!(r#"{{"order_id":77,"is_live":true,"is_cancelled":false,"executed_amount":{text}}}"#);
    let answer = OrderStatusQuestion::by_order_id(77).answer(200, &body);
    answer.ok().map(|found| found.unwrap().executed)
}

/// A number with an exponent is accepted if its value fits, even if its digits alone do not fit.
#[test]
fn an_exponent_counts_before_the_digits_have_to_fit() {
    let cases = [
        ("12345678901234567890e-5", Some("123456789012345.6789")),
        ("100000000000000000000e-20", Some("1.000000000000000000")),
        ("0.00000000000000000001e10", Some("0.0000000001")),
        ("0.0000000000000000000012e9", Some("0.0000000000012")),
        ("1.0000000000000000000000000e3", Some("1000")),
        ("922337203685477580.70e1", Some("9223372036854775807")),
        ("922337203685477580.80e1", None),
        ("10e-19", Some("0.000000000000000001")),
        ("1e-19", None),
        ("1e18", Some("1000000000000000000")),
        ("1e19", None),
        ("1.50e1", Some("15.0")),
        ("1.5e+1", Some("15")),
        ("100e-1", Some("10.0")),
        ("1e9223372036854775808", None),
        ("1e-9223372036854775808", None),
        ("0.000e99999999999999999999", Some("0")),
    ];
    for (text, expected) in cases {
        let (decimal, shown) = number(text);
        assert_eq!(decimal, expected.map(d).ok_or(DecimalError::Precision), "{text}");
        assert_eq!(executed(text), expected.map(d), "{text}");
        assert_eq!(shown, expected.unwrap_or(text), "{text}");
        let negative = format!("-{text}");
        assert_eq!(
            number(&negative).0,
            expected.map(|it| -d(it)).ok_or(DecimalError::Precision),
            "{negative}"
        );
        let is_zero = expected == Some("0");
        assert_eq!(executed(&negative).is_some(), is_zero, "{negative}: must not be negative");
    }
}

#[test]
fn a_candle_with_an_exponent_is_read() {
    let frame = |open: &str| {
        format!(r#"{{"type":"candles_1m_updates","symbol":"BTCUSD","changes":[[1,{open},2,3,4,5]]}}"#)
    };
    let read = |open: &str| {
        let (frame, mut scratch) = (frame(open), Scratch::new());
        let event = gemini_ws::Replay::new(gemini_ws::Endpoint::MarketDataV2).event(&frame, &mut scratch);
        let Some(Event::Candles(candles, _)) = event.map_err(|error| error.kind())? else {
            panic!("{frame}")
        };
        Ok(candles.candles.iter().find_map(Row::read).unwrap().open)
    };
    assert_eq!(read("12345678901234567890e-5"), Ok(d("123456789012345.6789")));
    assert_eq!(read("1e-19"), Err(DecodeErrorKind::Precision));
    assert_eq!(read("-1e-1"), Err(DecodeErrorKind::Negative));
}

/// Levels of depth frames are text. In a level that has JSON numbers instead, as in market data v2, a number may have
/// an exponent.
#[test]
fn a_level_with_an_exponent_is_read() {
    let read = |text: &str| {
        let frame =
            format!(r#"{{"e":"depthUpdate","E":1,"s":"x","U":1,"u":1,"b":[["1","2"]],"a":[[3,{text}]]}}"#);
        let mut scratch = Scratch::new();
        match decode(&frame, &mut scratch) {
            Ok(Message::Depth(depth)) => Ok(depth.asks[0].quantity),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        }
    };
    for (text, quantity) in [
        ("1e-8", Ok(d("0.00000001"))),
        ("1E-8", Ok(d("0.00000001"))),
        ("1.50e+1", Ok(d("15.0"))),
        ("-0e5", Ok(d("0"))),
        ("1e-19", Err(DecodeErrorKind::Precision)),
        ("1e99", Err(DecodeErrorKind::Precision)),
        ("-1e1", Err(DecodeErrorKind::Negative)),
        (r#""1e-8""#, Err(DecodeErrorKind::Decimal)),
        (r#""é""#, Err(DecodeErrorKind::Decimal)),
    ] {
        assert_eq!(read(text), quantity, "{text}");
    }
}

/// A sum is computed if it fits, even if an intermediate sum with more decimals does not fit into 128 bits.
#[test]
fn a_sum_that_fits_does_not_depend_on_the_sequence() {
    let (large, small) = (Decimal::new(i64::MAX, 0).unwrap(), Decimal::new(1, 18).unwrap());
    for count in [1, 10, 40, 100] {
        let mut values = vec![small];
        values.extend(std::iter::repeat_n(large, count));
        values.extend(std::iter::repeat_n(-large, count));
        assert_eq!(Decimal::checked_sum(&values), Some(small), "{count}");
        assert_eq!(Decimal::mean(&values, 18, Rounding::Up), Some(small), "{count}");
        values.reverse();
        assert_eq!(Decimal::checked_sum(&values), Some(small), "{count}");
        values.rotate_left(count);
        assert_eq!(Decimal::checked_sum(&values), Some(small), "{count}");
        values.push(large);
        assert_eq!(Decimal::checked_sum(&values), None, "{count}");
    }
    let parts = ["0.5", "-0.25", "7", "-0.001", "-8.25", "0.000000000000000001"].map(d);
    assert_eq!(Decimal::checked_sum(parts), Some(d("-1.000999999999999999")));
    assert_eq!(Decimal::checked_sum(["1.50", "1.5"].map(d)).unwrap().to_string(), "3.00");
}
