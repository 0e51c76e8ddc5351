//! Tests how handwritten frames decode: every kind of public message with every member, and every kind of refusal.

use std::collections::HashSet;

use gemini_ws::{Decimal, DecodeErrorKind, Level, Message, ResponseId, Scratch, Taker, decode};
use testkit::{mutation, oracle, random::Random};

fn check(frame: &str, see: impl Fn(&Message<'_>)) {
    let mut scratch = Scratch::new();
    let mut random = Random(frame.len() as u64);
    let mut spellings = vec![frame.to_string()];
    for _ in 0..20 {
        let shuffled = mutation::shuffled(frame, &mut random);
        spellings.push(mutation::spaced(&shuffled, &mut random));
        spellings.push(shuffled);
    }
    for spelling in spellings {
        let message = decode(&spelling, &mut scratch).unwrap_or_else(|error| panic!("{error}: {spelling}"));
        see(&message);
        oracle::check(&spelling, &mut Scratch::new());
    }
}

fn same(decimal: Decimal, text: &str) {
    assert_eq!(decimal.to_string(), text);
}

fn same_levels(levels: &[Level], expected: &[(&str, &str)]) {
    let printed: Vec<_> =
        levels.iter().map(|level| (level.price.to_string(), level.quantity.to_string())).collect();
    let printed: Vec<_> =
        printed.iter().map(|(price, quantity)| (price.as_str(), quantity.as_str())).collect();
    assert_eq!(printed, expected);
}

type Pair = Option<(&'static str, &'static str)>;

fn same_side(level: Option<Level>, expected: Pair) {
    let level: Vec<Level> = level.into_iter().collect();
    let expected: Vec<_> = expected.into_iter().collect();
    same_levels(&level, &expected);
}

#[test]
fn book_tickers() {
    // Frame, symbol, update id, time, bid, ask, last trade.
    #[rustfmt::skip]
    let table: &[(&str, &str, u64, i64, Pair, Pair, Pair)] = &[
        (
            r#"{"u":2001000000000017,"E":1801000000123456789,"s":"btcusd","b":"70123.45000","B":"0.2500000000","a":"70123.46000","A":"1.0000000001","c":"70123.45500","C":"0.0100000000"}"#,
            "btcusd", 2_001_000_000_000_017, 1_801_000_000_123_456_789,
            Some(("70123.45000", "0.2500000000")), Some(("70123.46000", "1.0000000001")), Some(("70123.45500", "0.0100000000")),
        ),
        (
            r#"{"u":7,"E":1,"s":"GEMI-RAIN2702-YES","b":"0.12","B":"5000","a":"0.13","A":"250"}"#,
            "GEMI-RAIN2702-YES", 7, 1, Some(("0.12", "5000")), Some(("0.13", "250")), None,
        ),
        // A side may be empty or zero, in one or both of its members.
        (r#"{"u":1,"E":2,"s":"x","b":"","B":"","a":"0.07","A":"12"}"#, "x", 1, 2, None, Some(("0.07", "12")), None),
        (r#"{"u":1,"E":2,"s":"x","b":"","B":"5","a":"0.07","A":"0.00"}"#, "x", 1, 2, None, None, None),
        (r#"{"u":1,"E":2,"s":"x","b":"0","B":"5","a":"1","A":"2","c":null}"#, "x", 1, 2, None, Some(("1", "2")), None),
        // Ids beyond 2^53, and crossed sides.
        (
            r#"{"u":9007199254740993,"E":9007199254740993,"s":"x","b":"3","B":"1","a":"2","A":"1","c":"2.5","C":"0"}"#,
            "x", 9_007_199_254_740_993, 9_007_199_254_740_993, Some(("3", "1")), Some(("2", "1")), None,
        ),
    ];
    for (frame, symbol, update_id, time, bid, ask, last_trade) in table {
        check(frame, |message| {
            let Message::BookTicker(ticker) = message else { panic!("{message:?}") };
            assert_eq!(
                (ticker.symbol, ticker.update_id, ticker.event_time.unwrap().as_nanos()),
                (*symbol, *update_id, *time)
            );
            same_side(ticker.bid, *bid);
            same_side(ticker.ask, *ask);
            same_side(ticker.last_trade, *last_trade);
        });
    }
}

type Levels = &'static [(&'static str, &'static str)];

#[test]
fn depths() {
    // Frame, symbol, time, first and last id, bids, asks.
    #[rustfmt::skip]
    let table: &[(&str, &str, i64, u64, u64, Levels, Levels)] = &[
        (
            r#"{"e":"depthUpdate","E":1801000001000000000,"s":"btcusd","U":2001000000000017,"u":2001000000000031,"b":[["70123.45000","0.0000000000"],["70120.00000","0.7500000000"]],"a":[["70130.00000","2.0000000000"]]}"#,
            "btcusd", 1_801_000_001_000_000_000, 2_001_000_000_000_017, 2_001_000_000_000_031,
            &[("70123.45000", "0.0000000000"), ("70120.00000", "0.7500000000")], &[("70130.00000", "2.0000000000")],
        ),
        (r#"{"e":"depthUpdate","E":1,"s":"ethusd","U":5,"u":5,"b":[],"a":[]}"#, "ethusd", 1, 5, 5, &[], &[]),
        (
            r#"{"e":"depthUpdate","E":1,"s":"ethusd","U":9007199254740993,"u":18446744073709551615,"b":[],"a":[["1","2"]]}"#,
            "ethusd", 1, 9_007_199_254_740_993, u64::MAX, &[], &[("1", "2")],
        ),
        // A number of more than nineteen digits loses its trailing zeros. A number of fewer digits keeps them.
        (
            r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[["0.000000000000000001","1234567890.123456789"]],"a":[["9000000000000.0000000000","00.5"]]}"#,
            "x", 1, 1, 2, &[("0.000000000000000001", "1234567890.123456789")], &[("9000000000000", "0.5")],
        ),
        // Numbers without quotes, and members of other kinds of frames.
        (
            r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[[1.50,"2"]],"a":[["3",4]],"bids":[["5","6"]],"asks":[]}"#,
            "x", 1, 1, 2, &[("1.50", "2")], &[("3", "4")],
        ),
    ];
    for (frame, symbol, time, first, last, bids, asks) in table {
        check(frame, |message| {
            let Message::Depth(depth) = message else { panic!("{message:?}") };
            assert_eq!((depth.symbol, depth.event_time.unwrap().as_nanos()), (*symbol, *time));
            assert_eq!((depth.first_update_id, depth.last_update_id), (Some(*first), Some(*last)));
            same_levels(depth.bids, bids);
            same_levels(depth.asks, asks);
        });
    }
}

#[test]
fn partial_depths() {
    #[rustfmt::skip]
    let table: &[(&str, Option<&str>, u64, Levels, Levels)] = &[
        (
            r#"{"lastUpdateId":3001,"bids":[["70000.00","0.50000000"],["69999.75","1.25000000"]],"asks":[["70000.25","0.10000000"]]}"#,
            None, 3001, &[("70000.00", "0.50000000"), ("69999.75", "1.25000000")], &[("70000.25", "0.10000000")],
        ),
        (
            r#"{"lastUpdateId":9007199254740993,"symbol":"solgusdperp","bids":[],"asks":[["150.20","7.5"]]}"#,
            Some("solgusdperp"), 9_007_199_254_740_993, &[], &[("150.20", "7.5")],
        ),
        (r#"{"lastUpdateId":1,"s":"btcusd","bids":[],"asks":[]}"#, Some("btcusd"), 1, &[], &[]),
    ];
    for (frame, symbol, last, bids, asks) in table {
        check(frame, |message| {
            let Message::PartialDepth(depth) = message else { panic!("{message:?}") };
            assert_eq!((depth.symbol, depth.last_update_id), (*symbol, *last));
            same_levels(depth.bids, bids);
            same_levels(depth.asks, asks);
        });
    }
}

#[test]
fn trades() {
    #[rustfmt::skip]
    let table = [
        (
            r#"{"E":1801000002000000000,"s":"btcusd","t":2900000000000123,"p":"70125.01000","q":"0.0033000000","m":true}"#,
            "btcusd", 1_801_000_002_000_000_000, 2_900_000_000_000_123, "70125.01000", "0.0033000000", true,
        ),
        (r#"{"E":-1,"s":"ETHUSD","t":0,"p":"2500.75","q":"12","m":false}"#, "ETHUSD", -1, 0, "2500.75", "12", false),
        // Unknown members are skipped.
        (r#"{"E":1,"s":"x","new":{"a":[1,{"b":null}]},"t":2,"p":"3","q":"4","z9":"\n","m":true}"#, "x", 1, 2, "3", "4", true),
    ];
    for (frame, symbol, time, trade_id, price, quantity, maker) in table {
        check(frame, |message| {
            let Message::Trade(trade) = message else { panic!("{message:?}") };
            assert_eq!((trade.symbol, trade.event_time.unwrap().as_nanos()), (symbol, time));
            let taker = if maker { Taker::Seller } else { Taker::Buyer };
            assert_eq!((trade.trade_id, trade.taker), (trade_id, taker));
            same(trade.price, price);
            same(trade.quantity, quantity);
        });
    }
}

#[test]
fn contract_statuses() {
    #[rustfmt::skip]
    let table = [
        (
            r#"{"e":"contractStatus","E":1801000003123,"s":"GEMI-ETH05M-DOWN","k":"ETH05M","c":"DOWN","i":654321,"o":"Approved","n":"Active"}"#,
            "GEMI-ETH05M-DOWN", 1_801_000_003_123_000_000, ["ETH05M", "DOWN"], 654_321, None, ["Approved", "Active"],
        ),
        (
            r#"{"e":"contractStatus","E":1801000003124,"s":"GEMI-T-LO","k":"T","c":"LO","i":1,"p":"-12.50","o":"Awaiting Approval","n":"a \"b\" \u00e9"}"#,
            "GEMI-T-LO", 1_801_000_003_124_000_000, ["T", "LO"], 1, Some("-12.50"), ["Awaiting Approval", "a \"b\" é"],
        ),
    ];
    for (frame, symbol, time, tickers, contract_id, strike, statuses) in table {
        check(frame, |message| {
            let Message::ContractStatus(status) = message else { panic!("{message:?}") };
            assert_eq!((status.symbol, status.event_time.unwrap().as_nanos()), (symbol, time));
            assert_eq!([status.event_ticker, status.contract_ticker], tickers);
            assert_eq!(status.contract_id, contract_id);
            assert_eq!(status.strike.map(|strike| strike.as_str()), strike);
            assert_eq!([status.previous_status.unwrap().to_string(), status.status.to_string()], statuses);
        });
    }
}

#[test]
fn mark_prices() {
    #[rustfmt::skip]
    let table = [
        (
            r#"{"e":"markPrice","E":1801000004000000000,"s":"btcgusdperp","p":"70100.125","i":"7010012.500"}"#,
            "btcgusdperp", 1_801_000_004_000_000_000, "70100.125", Some("7010012.500"),
        ),
        (r#"{"e":"markPrice","E":2,"s":"x","p":"0"}"#, "x", 2, "0", None),
    ];
    for (frame, symbol, time, price, index) in table {
        check(frame, |message| {
            let Message::MarkPrice(mark) = message else { panic!("{message:?}") };
            assert_eq!((mark.symbol, mark.event_time.unwrap().as_nanos()), (symbol, time));
            same(mark.mark_price, price);
            assert_eq!(mark.scaled_index.map(|index| index.to_string()).as_deref(), index);
        });
    }
}

#[test]
fn funding_amounts() {
    #[rustfmt::skip]
    let table = [
        (
            r#"{"e":"fundingAmount","E":1801000800000000000,"s":"btcgusdperp","T":1801000800000000001,"i":60,"f":"6.54321","r":"0.00900","p":"70100.125","R":true}"#,
            "btcgusdperp", [1_801_000_800_000_000_000, 1_801_000_800_000_000_001], 60, ["6.54321", "0.00900", "70100.125"], true,
        ),
        (
            r#"{"e":"fundingAmount","E":1,"s":"x","T":2,"i":480,"f":"-0.04321","r":"-0.00100","p":"2500.5","R":false}"#,
            "x", [1, 2], 480, ["-0.04321", "-0.00100", "2500.5"], false,
        ),
    ];
    for (frame, symbol, times, minutes, numbers, realized) in table {
        check(frame, |message| {
            let Message::FundingAmount(funding) = message else { panic!("{message:?}") };
            assert_eq!(funding.symbol, symbol);
            assert_eq!([funding.event_time.unwrap().as_nanos(), funding.funding_time.as_nanos()], times);
            assert_eq!((funding.interval_minutes, funding.realized), (Some(minutes), realized));
            let [amount, rate, mark] = numbers;
            same(funding.amount, amount);
            let found = [funding.rate_percent, funding.mark_price].map(|number| number.unwrap().as_str());
            assert_eq!(found, [rate, mark]);
        });
    }
}

#[test]
fn responses() {
    enum Id {
        Number(u64),
        Text(&'static str),
    }
    use Id::{Number, Text};
    type Row = (
        &'static str,
        Id,
        Option<u16>,
        Option<&'static str>,
        Option<(i64, &'static str)>,
        Option<&'static str>,
        bool,
    );
    // Frame, id, status, result, error, rate limits, whether the response is a success.
    #[rustfmt::skip]
    let table: &[Row] = &[
        (r#"{"id":1,"status":200}"#, Number(1), Some(200), None, None, None, true),
        (r#"{"id":"feed","status":200}"#, Text("feed"), Some(200), None, None, None, true),
        (r#"{"id":18446744073709551615,"status":"200"}"#, Number(u64::MAX), Some(200), None, None, None, true),
        (r#"{"id":-4,"status":200}"#, Text("-4"), Some(200), None, None, None, true),
        (r#"{"id":"-4","status":200}"#, Text("-4"), Some(200), None, None, None, true),
        (r#"{"id":1.5e3,"status":200}"#, Text("1.5e3"), Some(200), None, None, None, true),
        (
            r#"{"id":"clock","status":200,"result":{"serverTime":1801000000123}}"#,
            Text("clock"), Some(200), Some(r#"{"serverTime":1801000000123}"#), None, None, true,
        ),
        (r#"{"id":3,"result":["ethusd@trade"]}"#, Number(3), None, Some(r#"["ethusd@trade"]"#), None, None, true),
        (r#"{"id":3,"result":""}"#, Number(3), None, Some(r#""""#), None, None, true),
        (
            r#"{"id":7,"status":200,"rateLimits":[{"limit":7000,"count":12}]}"#,
            Number(7), Some(200), None, None, Some(r#"[{"limit":7000,"count":12}]"#), true,
        ),
        (
            r#"{"id":2,"status":400,"error":{"code":-1013,"msg":"Invalid stream name: nosuch@trade"}}"#,
            Number(2), Some(400), None, Some((-1013, "Invalid stream name: nosuch@trade")), None, false,
        ),
        (
            r#"{"id":"o","status":400,"error":{"msg":"InsufficientFunds","code":"-2010","more":[{}]}}"#,
            Text("o"), Some(400), None, Some((-2010, "InsufficientFunds")), None, false,
        ),
        (r#"{"id":5,"error":{"code":-1000}}"#, Number(5), None, None, Some((-1000, "")), None, false),
        // A response with an error is a refusal, whatever its other members are.
        (r#"{"id":1,"error":"no"}"#, Number(1), None, None, Some((0, "no")), None, false),
        (r#"{"id":1,"error":7}"#, Number(1), None, None, Some((0, "")), None, false),
        (r#"{"id":1,"error":{}}"#, Number(1), None, None, Some((0, "")), None, false),
        (r#"{"id":1,"error":{"msg":"no","code":null}}"#, Number(1), None, None, Some((0, "no")), None, false),
        (r#"{"id":1,"error":{"code":1.5}}"#, Number(1), None, None, Some((0, "")), None, false),
        (r#"{"id":"\ud83d","status":200}"#, Text("\u{fffd}"), Some(200), None, None, None, true),
        (r#"{"id":5,"status":429,"error":null}"#, Number(5), Some(429), None, None, None, false),
    ];
    for (frame, id, status, result, error, rate_limits, ok) in table {
        check(frame, |message| {
            let Message::Response(response) = message else { panic!("{message:?}") };
            match (id, response.id) {
                (Number(expected), ResponseId::Number(id)) => assert_eq!(id, *expected),
                (Text(expected), ResponseId::Text(id)) => assert_eq!(id.to_string(), *expected),
                (_, id) => panic!("{id:?}"),
            }
            assert_eq!((response.status, response.is_ok()), (*status, *ok));
            // The spelling with spaces has spaces within values too.
            let squeezed = |text: &str| text.split_ascii_whitespace().collect::<String>();
            assert_eq!(response.result.map(|json| squeezed(json.as_str())).as_deref(), *result);
            assert_eq!(response.rate_limits.map(|json| squeezed(json.as_str())).as_deref(), *rate_limits);
            let found = response.error.map(|error| (error.code, error.message.to_string()));
            assert_eq!(found, error.map(|(code, message)| (code, message.to_string())));
        });
    }
}

/// Texts of a frame are compared, and hashed, by what they contain: it does not matter which characters are written
/// as escapes.
#[test]
fn texts_are_compared_as_they_read() {
    let frame = |text: &str| format!(r#"{{"id":"{text}","status":200}}"#);
    for (one, other, is_equal) in [
        ("my-1", "my-1", true),
        ("my-1", r"my\u002d1", true),
        (r"my\u002D1", r"my\u002d1", true),
        (r"\ud83d\ude00", "😀", true),
        ("my-1", "my-2", false),
        (r"my\u002d1", "my-2", false),
        (r"\ud83d", r"\ud83d", true),
        (r"\ud83d", r"\ud83e", false),
        (r"\ud83d", "\u{fffd}", false),
    ] {
        let [one, other] = [one, other].map(frame);
        let [mut first, mut second] = [Scratch::new(), Scratch::new()];
        let Ok(Message::Response(first)) = decode(&one, &mut first) else { panic!("{one}") };
        let Ok(Message::Response(second)) = decode(&other, &mut second) else { panic!("{other}") };
        let (ResponseId::Text(first), ResponseId::Text(second)) = (first.id, second.id) else { panic!() };
        assert_eq!(first == second, is_equal, "{one} {other}");
        assert_eq!(HashSet::from([first]).contains(&second), is_equal, "{one} {other}");
    }
}

#[test]
fn unrecognized() {
    for frame in [
        "{}",
        r#"{"e":"somethingNew","E":1,"x":[1,2,3]}"#,
        r#"{"id":1}"#,
        r#"{"u":1,"s":"x","b":"1","B":"1","a":"2"}"#,
        // Each of these frames begins like one of a known kind, but is of no known kind.
        r#"{"eabco":1,"foo":2}"#,
        r#"{"eabcb":1,"B":[]}"#,
        r#"{"eabcp":1,"P":[]}"#,
        r#"{"eabcd":1,"s":"x"}"#,
        r#"{"eabcm":1,"E":1,"s":"x","p":"1"}"#,
        r#"{"E":1,"s":"x","t":1,"p":"1"}"#,
        r#"{"lastUpdate":1,"bids":[],"asks":[]}"#,
        r#"{"stray":1,"id":1}"#,
        r#"{"idle":5,"status":200}"#,
        // The id of a response is a text or a number.
        r#"{"id":{"of":"\"a\""},"error":{"code":-1000}}"#,
        r#"{"id":true,"status":200}"#,
        r#"{"id":[1],"result":{}}"#,
        r#"{"id":null,"status":200}"#,
        r#"{"C":"1","c":"1","s":"x"}"#,
    ] {
        check(frame, |message| {
            let Message::Unrecognized(unrecognized) = message else { panic!("{message:?}") };
            let squeezed: String = unrecognized.frame.as_str().split_ascii_whitespace().collect();
            assert_eq!(squeezed.len(), frame.len());
        });
    }
}

#[test]
fn balances_that_begin_like_a_ticker() {
    let frame = r#"{"u":1,"E":2,"B":[{"a":"BTC","f":"1","c":"2"}]}"#;
    check(frame, |message| assert!(matches!(message, Message::BalanceUpdate(_)), "{message:?}"));
}

#[test]
fn refusals() {
    use DecodeErrorKind::{
        Control, Decimal, Escape, Integer, Missing, Negative, NotAnObject, Precision, Syntax, TooDeep,
        TrailingText, Type, UnexpectedEnd, UpdateRange,
    };
    // Frame, kind, offset, member.
    #[rustfmt::skip]
    let table: &[(&str, DecodeErrorKind, usize, Option<&str>)] = &[
        ("", UnexpectedEnd, 0, None),
        (" \n", UnexpectedEnd, 2, None),
        ("null", NotAnObject, 0, None),
        (r#" [{"id":1}]"#, NotAnObject, 1, None),
        ("{", UnexpectedEnd, 1, None),
        (r#"{"id":1"#, UnexpectedEnd, 7, None),
        (r#"{"id":1,}"#, Syntax, 8, None),
        (r#"{"id"=1}"#, Syntax, 5, None),
        (r#"{"id":01}"#, Syntax, 7, None),
        (r#"{"id":}"#, Syntax, 6, None),
        (r#"{id:1}"#, Syntax, 1, None),
        (r#"{"a":tru}"#, Syntax, 8, None),
        (r#"{"b":[["1","2"],["3"}"#, Syntax, 20, None),
        (r#"{"b":[["1","2"],["3","4""#, UnexpectedEnd, 24, None),
        (r#"{"id":1}{"id":2}"#, TrailingText, 8, None),
        ("{\"id\":\"a\tb\"}", Control, 8, None),
        (r#"{"id":"a\x"}"#, Escape, 8, None),
        (r#"{"E":1,"s":"x","i":1,"X":"\ud83d"}"#, Escape, 26, Some("X")),
        // Half a surrogate pair is not a character.
        (r#"{"E":1,"s":"x","i":1,"X":"NEW","c":"\udffd"}"#, Escape, 36, Some("c")),
        (r#"{"x":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"#, TooDeep, 20, None),
        // The text is JSON, but not a frame of the kind that it names.
        (r#"{"e":"depthUpdate","E":1,"U":1,"u":2,"b":[],"a":[]}"#, Missing, 50, Some("s")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":null,"a":[]}"#, Missing, 60, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":[],"u":2,"b":[],"a":[]}"#, Type, 37, Some("U")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":"","a":[]}"#, Type, 50, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[],"a":[["1"]]}"#, Type, 61, Some("a")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[],"a":[["1","2","3"]]}"#, Type, 65, Some("a")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[{}],"a":[]}"#, Type, 50, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[["1",null]],"a":[]}"#, Type, 55, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[["1","-2"]],"a":[]}"#, Negative, 56, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[["1","0x2"]],"a":[]}"#, Decimal, 56, Some("b")),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":3,"u":2,"b":[],"a":[]}"#, UpdateRange, 43, Some("u")),
        (r#"{"E":1,"s":"\u0062","t":1,"p":"1","q":"2","m":true}"#, Escape, 12, Some("s")),
        (r#"{"E":1,"s":5,"t":1,"p":"1","q":"2","m":true}"#, Type, 11, Some("s")),
        (r#"{"E":1,"s":"x","t":-1,"p":"1","q":"2","m":true}"#, Integer, 19, Some("t")),
        (r#"{"E":1,"s":"x","t":1.0,"p":"1","q":"2","m":true}"#, Integer, 19, Some("t")),
        (r#"{"E":1,"s":"x","t":18446744073709551616,"p":"1","q":"2","m":true}"#, Integer, 19, Some("t")),
        (r#"{"E":1,"s":"x","t":"1x","p":"1","q":"2","m":true}"#, Integer, 20, Some("t")),
        (r#"{"E":1,"s":"x","t":1,"p":"1e5","q":"2","m":true}"#, Decimal, 26, Some("p")),
        (r#"{"E":1,"s":"x","t":1,"p":"","q":"2","m":true}"#, Decimal, 26, Some("p")),
        (r#"{"E":1,"s":"x","t":1,"p":"-1","q":"2","m":true}"#, Negative, 26, Some("p")),
        (r#"{"E":1,"s":"x","t":1,"p":"1","q":"0.1234567890123456789","m":true}"#, Precision, 34, Some("q")),
        (r#"{"E":1,"s":"x","t":1,"p":"1","q":"2","m":"true"}"#, Type, 42, Some("m")),
        (r#"{"lastUpdateId":1,"bids":[]}"#, Missing, 27, Some("asks")),
        (r#"{"u":1,"E":2,"s":"x","b":"-1","B":"2","a":"3","A":"4"}"#, Negative, 26, Some("b")),
        (r#"{"e":"fundingAmount","E":1,"s":"x","T":9223372036854775808,"f":"1","R":true}"#, Integer, 39, Some("T")),
        (r#"{"e":"contractStatus","E":1,"s":"x","k":"k","c":"c","i":1,"o":"","n":5}"#, Type, 69, Some("n")),
        (r#"{"id":1,"status":65536}"#, Integer, 17, Some("status")),
        (r#"{"id":1,"status":true}"#, Type, 17, Some("status")),
    ];
    let mut scratch = Scratch::new();
    for (frame, kind, offset, member) in table {
        let error = decode(frame, &mut scratch).expect_err(frame);
        let name = error.member().map(|member| member.to_string());
        assert_eq!((error.kind(), error.offset(), name.as_deref()), (*kind, *offset, *member), "{frame}");
        oracle::check(frame, &mut scratch);
        // The next frame is decoded as usual.
        assert!(decode(r#"{"id":1,"status":200}"#, &mut scratch).is_ok());
    }
}

/// An escaped U+FFFD decodes to that character. The decoder does not take it for half a surrogate pair.
#[test]
fn an_escaped_replacement_character() {
    let mut scratch = Scratch::new();
    let text = r#"{"E":1,"s":"x","i":1,"X":"NEW","c":"a\ufffd"}"#;
    let Ok(Message::OrderUpdate(order)) = decode(text, &mut scratch) else { panic!("{text}") };
    assert_eq!(order.client_order_id.unwrap().to_string(), "a\u{fffd}");
}

#[test]
fn longest_frame() {
    let mut scratch = Scratch::new();
    let frame = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    assert!(decode(&frame(gemini_ws::FRAME_BYTES_MAX), &mut scratch).is_ok());
    let error = decode(&frame(gemini_ws::FRAME_BYTES_MAX + 1), &mut scratch).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (DecodeErrorKind::TooLong, gemini_ws::FRAME_BYTES_MAX));
}

/// In `Scratch`, the levels of a frame replace those of the previous frame. Decoding the frame a second time
/// allocates nothing.
#[test]
fn working_memory_does_not_grow() {
    let plain = r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[["1","2"],["3","4"]],"a":[["5","6"]]}"#;
    let spaced = plain.replace(',', " ,");
    let mut scratch = Scratch::new();
    for frame in [plain, spaced.as_str()] {
        let mut again = |times: usize| {
            for _ in 0..times {
                assert!(decode(frame, &mut scratch).is_ok());
            }
        };
        again(1);
        assert_eq!(allocation_counter::measure(|| again(1_000)).count_total, 0, "{frame}");
    }
}
