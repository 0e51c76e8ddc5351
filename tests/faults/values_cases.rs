//! How frames, values and requests handle odd input. Each case panics if its fault has returned.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use gemini_ws::{
    BalanceUpdate, Balances, ClientOrderId, Decimal, DecimalError, DecodeErrorKind, Endpoint, InvalidOrder,
    InvalidStream, Message, NameFault, NewOrder, NewQuote, OrderUpdate, Orders, QuoteKey, Replay, Request,
    Rounding, Scratch, Side, Stream, Symbol, Timestamp, decode,
};
use serde_json::{Value, json};

use testkit::{odd, oracle};

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn said(endpoint: Endpoint, frame: &str) -> Value {
    let mut scratch = Scratch::new();
    let message = endpoint.decode(frame, &mut scratch).unwrap_or_else(|error| panic!("{error}: {frame}"));
    oracle::check_everywhere(frame, &mut Scratch::new());
    oracle::said(&message, frame)
}

fn update<T>(frame: &str, see: impl FnOnce(&OrderUpdate<'_>) -> T) -> T {
    let mut scratch = Scratch::new();
    let Ok(Message::OrderUpdate(update)) = decode(frame, &mut scratch) else { panic!("{frame}") };
    see(&update)
}

fn balance<T>(total: &str, see: impl FnOnce(&BalanceUpdate<'_>) -> T) -> T {
    let frame = format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{{"a":"USD","f":"0","c":{total}}}]}}"#);
    let mut scratch = Scratch::new();
    let Ok(Message::BalanceUpdate(update)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
    see(&update)
}

fn orders(endpoint: Endpoint, frames: &[&str]) -> Orders {
    let (mut replay, mut orders) = (Replay::new(endpoint), Orders::new());
    for frame in frames {
        let mut scratch = Scratch::new();
        let event = replay.event(frame, &mut scratch).unwrap().unwrap();
        for event in event.parts() {
            orders.apply(&event);
        }
    }
    orders
}

/// A fill is read although other members are odd: a stop price of twenty digits, a fee that is half a surrogate pair,
/// an event id of letters.
pub(crate) fn a5_what_informs_costs_no_fill() {
    let frame = r#"{"e":"orderUpdate","E":"late","s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"FILLED","P":"10000000000.0000000001","q":"1","Z":"1","L":"100","t":5,"n":"\ud83d","r":"\ud83d","T":[]}"#;
    update(frame, |update| {
        let fill = update.fill.unwrap();
        assert_eq!((fill.trade_id, fill.price, fill.quantity), (Some(5), Some(d("100")), Some(d("1"))));
        assert_eq!(update.stop_price.unwrap().as_str(), "10000000000.0000000001");
        assert_eq!(update.reason.unwrap().to_string(), "\u{fffd}");
        assert_eq!((fill.fee, update.event_time), (None, None));
    });
    let v1 = r#"[{"type":"fill","order_id":"1","event_id":"e-77","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestamp":"1","timestampms":1000,"is_live":true,"remaining_amount":"0","original_amount":"1","executed_amount":"1","price":"1","fill":{"trade_id":"5","price":"1","amount":"1","fee":"0","fee_currency":"USD","liquidity":"Taker"},"socket_sequence":3}]"#;
    assert_eq!(
        orders(Endpoint::OrderEventsV1, &[v1]).iter().count(),
        1,
        "the fill is gone because of its event_id"
    );
    assert_eq!(said(Endpoint::OrderEventsV1, v1)["events"][0]["event"]["event_id"], "e-77");
}

/// Puts every odd value into every member of every kind of frame in [`odd::KINDS`], and checks the messages.
pub(crate) fn a5_every_member_of_every_frame() {
    for kind in odd::KINDS {
        for odd in odd::VALUES {
            let lost = kind.informs.iter().find_map(|row| odd::lost_by_what_informs(kind, *row, odd));
            let wrong = kind.accounts.iter().find_map(|row| odd::wrong_where_accounted(kind, *row, odd));
            assert_eq!(lost.or(wrong), None);
        }
    }
}

/// An order that has not traded may have the members of a fill with the value zero.
pub(crate) fn b8_zero_members_are_no_fill() {
    let frame = |status: &str, rest: &str| {
        format!(
            r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","o":"LIMIT","X":"{status}","p":"100","q":"1","z":"1","T":1000{rest}}}"#
        )
    };
    // Status, members, executed so far; trade, price and quantity of the fill.
    type Row = (&'static str, &'static str, Option<&'static str>, Option<[Option<&'static str>; 3]>);
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("NEW", r#","Z":"0","L":"0","t":0,"n":"0""#, Some("0"), None),
        ("OPEN", r#","Z":"0.000","L":"0.00","t":"0","n":"0","a":"0""#, Some("0"), None),
        ("OPEN", r#","L":"","t":0,"m":false"#, None, None),
        ("REJECTED", r#","t":0"#, None, None),
        ("CANCELED", r#","Z":"0.4","L":"100","t":5"#, Some("0.4"), None),
        ("MODIFIED", r#","Z":"0","t":5"#, Some("0"), None),
        ("OPEN", r#","t":5"#, None, Some([Some("5"), None, None])),
        ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#, None, Some([Some("5"), Some("100"), Some("0.4")])),
        ("FILLED", r#","Z":"1","L":"0","t":0"#, None, Some([None, None, Some("1")])),
        ("FILLED", r#","Z":"0","L":"0","t":0"#, None, Some([None, None, None])),
        ("PARTIALLY_FILLED", "", None, Some([None, None, None])),
    ];
    for (status, rest, executed, fill) in table {
        update(&frame(status, rest), |update| {
            assert_eq!(update.executed_quantity, executed.map(d), "{status}{rest}");
            let found = update.fill.map(|fill| {
                [
                    fill.trade_id.map(|id| id.to_string()),
                    fill.price.map(|it| it.to_string()),
                    fill.quantity.map(|it| it.to_string()),
                ]
            });
            assert_eq!(found, fill.map(|fill| fill.map(|it| it.map(String::from))), "{status}{rest}");
        });
    }
    let new = frame("NEW", r#","Z":"0","L":"0","t":0,"n":"0""#);
    let open = orders(Endpoint::Streams, &[&new]);
    assert!(!open.get(77).unwrap().needs_reconciling());
    // Order events v1 reports an execution without any of its members.
    let bare =
        said(Endpoint::OrderEventsV1, r#"[{"type":"fill","order_id":"1","symbol":"x","is_live":true}]"#);
    assert!(bare["events"][0]["fill"].is_object(), "{bare}");
    let zero =
        r#"[{"type":"fill","order_id":"1","symbol":"x","fill":{"trade_id":"5","price":"1","amount":"0"}}]"#;
    assert_eq!(said(Endpoint::OrderEventsV1, zero)["events"][0]["fill"]["quantity"], Value::Null);
}

/// The precision of a format is the number of decimals. A number is rounded to it, half to even, and never cut off.
pub(crate) fn c13_a_precision_does_not_cut() {
    // Text, format, printed.
    #[rustfmt::skip]
    type Row = (&'static str, fn(&dyn std::fmt::Display) -> String, &'static str);
    let table: &[Row] = &[
        ("99966.89", |it| format!("{it:.2}"), "99966.89"),
        ("99966.89", |it| format!("{it:.0}"), "99967"),
        ("99966.89", |it| format!("{it:.1}"), "99966.9"),
        ("99966.89", |it| format!("{it:.4}"), "99966.8900"),
        ("99966", |it| format!("{it:.2}"), "99966.00"),
        ("-0.005", |it| format!("{it:.2}"), "0.00"),
        ("-0.015", |it| format!("{it:.2}"), "-0.02"),
        ("0.025", |it| format!("{it:.2}"), "0.02"),
        ("0.0250000001", |it| format!("{it:.2}"), "0.03"),
        ("999.995", |it| format!("{it:.2}"), "1000.00"),
        ("1.5", |it| format!("{it:.0}"), "2"),
        ("2.5", |it| format!("{it:.0}"), "2"),
        ("9.5", |it| format!("{it:.0}"), "10"),
        ("-1.50", |it| format!("[{it:>8}] [{it:<8}] [{it:^8}]"), "[   -1.50] [-1.50   ] [ -1.50  ]"),
        ("1.50", |it| format!("{it:+} {it:08.1} {it:*>6}"), "+1.50 000001.5 **1.50"),
        ("-1.50", |it| format!("{it:08.3}"), "-001.500"),
    ];
    for (text, print, printed) in table {
        assert_eq!(print(&d(text)), *printed, "Decimal {text}");
        balance(&format!("\"{text}\""), |update| {
            assert_eq!(
                print(&update.balances.iter().find_map(gemini_ws::Row::read).unwrap().total),
                *printed,
                "Number {text}"
            );
        });
    }
    // Neither does it cut a name, which a width pads.
    fn name<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Display>(text: &str) {
        let it: T = text.parse().unwrap();
        assert_eq!(format!("{it:.2}|{it:>30.2}|{it:<30}"), format!("{text}|{text:>30}|{text:<30}"));
    }
    name::<Symbol>("btcusd");
    name::<ClientOrderId>("my-order-1");
    name::<QuoteKey>("quote-1");
    for stream in ["btcusd@depth@100ms", "orders@account", "contractStatus", "btcusd@candles_1m"] {
        name::<Stream>(stream);
    }
    assert_eq!(format!("{:.2}|{:>6}", Request::Ping, Request::Ping), "ping|  ping");
    let long = "123456789012345678901234567890.4567890123456789012345";
    balance(&format!("\"{long}\""), |update| {
        let total = update.balances.iter().find_map(gemini_ws::Row::read).unwrap().total;
        assert_eq!(format!("{total} {total:.2}"), format!("{long} 123456789012345678901234567890.46"));
    });
    balance("-12.5e-1", |update| {
        let total = update.balances.iter().find_map(gemini_ws::Row::read).unwrap().total;
        assert_eq!(format!("{total:.1} {:?}", total.to_decimal()), "-1.2 Ok(-1.25)");
    });
    // `Balances::reconcile` accepts any text as a number.
    let mut balances = Balances::new();
    for text in ["0eabc", "5eabc", "5e", "0e", "1e++5", "1e+-5", "1e5e5", "e5", "1.e5", "", "abc"] {
        balances.reconcile([("USD", text, "1e2")], balances.moment());
        let usd = balances.get("USD").unwrap();
        let read = (usd.available().to_decimal(), usd.total().to_decimal());
        assert_eq!(read, (Err(DecimalError::Invalid), Ok(d("100"))), "{text}");
    }
    // A part of a name is another name, so names are padded and never cut.
    let (symbol, id): (Symbol, ClientOrderId) = ("btcusd".parse().unwrap(), "my-order".parse().unwrap());
    assert_eq!(
        format!("[{symbol:.2}] [{symbol:>8}] [{id:.2}] [{:.1}] [{:6}]", Side::Sell, Side::Buy),
        "[btcusd] [  btcusd] [my-order] [SELL] [BUY   ]"
    );
    assert_eq!(format!("{:.1} {:.1}", Endpoint::Streams, gemini_ws::TimeInForce::FillOrKill), "streams FOK");
    assert_eq!(format!("{:.3}", Timestamp::from_nanos(1_999_999_999)), "2.000");
    assert_eq!(format!("{:>8}", Timestamp::from_nanos(-1)), "-0.000000001");
    assert_eq!(format!("{:?} {:?}", d("1.50"), Some(d("-2"))), "1.50 Some(-2)");
}

/// Sums may have any length. A volume that cannot be read leaves the other members readable.
pub(crate) fn c15_the_volume_of_a_day_can_be_read() {
    let candle = |volume: &str| {
        let frame = format!(
            r#"{{"type":"candles_1d_updates","symbol":"PEPEUSD","changes":[[1790732400000,0.0000012,0.0000013,0.0000011,1.2e-6,{volume}]]}}"#
        );
        said(Endpoint::MarketDataV2, &frame)["candles"][0].clone()
    };
    for (volume, expected) in [
        ("1234567890123.1234567890", json!("1234567890123.1234567890")),
        ("\"1234567890123456789012345678901234567890\"", json!("1234567890123456789012345678901234567890")),
        ("1.2345678901234e12", json!("1.2345678901234e12")),
        ("null", Value::Null),
        ("\"many\"", Value::Null),
    ] {
        let candle = candle(volume);
        assert_eq!((&candle["volume"], &candle["close"]), (&expected, &json!("0.0000012")), "{volume}");
    }
}

/// Symbols of up to 64 bytes are read in every frame, and an error says what is wrong with any other name.
pub(crate) fn br15_symbols_of_sixty_four_bytes() {
    let long = "GEMI-FIFAWC-2606111900-BRA-ARG-CS-DRAW11";
    let longest = "X".repeat(64);
    for name in [long, &longest] {
        let symbol: Symbol = name.parse().unwrap();
        assert_eq!((symbol.as_str(), symbol.canonical()), (name, symbol));
        let stream = Stream::trades(symbol);
        assert_eq!(stream.to_string().parse(), Ok(stream));
        let frame = format!(r#"{{"e":"orderUpdate","E":1,"s":"{name}","i":7,"X":"OPEN","q":"1"}}"#);
        let orders = orders(Endpoint::Streams, &[&frame]);
        assert_eq!(orders.get(7).unwrap().symbol, Some(symbol));
    }
    // A name that is no symbol is reported in every API.
    #[rustfmt::skip]
    let frames = [
        (Endpoint::Streams, r#"{"E":1,"s":"SYMBOL","t":5,"p":"100","q":"2","m":true}"#),
        (Endpoint::Streams, r#"{"u":7,"E":1,"s":"SYMBOL","b":"99","B":"1","a":"101","A":"2"}"#),
        (Endpoint::Streams, r#"{"e":"depthUpdate","E":1,"s":"SYMBOL","U":1,"u":9,"b":[],"a":[]}"#),
        (Endpoint::Streams, r#"{"lastUpdateId":7,"symbol":"SYMBOL","bids":[],"asks":[]}"#),
        (Endpoint::Streams, r#"{"e":"orderUpdate","E":1,"s":"SYMBOL","i":7,"X":"OPEN"}"#),
        (Endpoint::Streams, r#"{"e":"positionReport","E":1,"u":2,"A":8,"P":[{"t":"ec","s":"SYMBOL","a":[]}]}"#),
        (Endpoint::MarketDataV2, r#"{"type":"l2_updates","symbol":"SYMBOL","changes":[]}"#),
        (Endpoint::MarketDataV2, r#"{"type":"candles_1d_updates","symbol":"SYMBOL","changes":[]}"#),
        (Endpoint::MarketDataV1, r#"{"type":"update","eventId":1,"socket_sequence":3,"events":[{"type":"trade","symbol":"SYMBOL","tid":7,"price":"99","amount":"2"}]}"#),
        (Endpoint::OrderEventsV1, r#"[{"type":"closed","order_id":"1","symbol":"SYMBOL"}]"#),
    ];
    for (endpoint, frame) in frames {
        for name in [&"X".repeat(65), "", "btc usd", "bt\u{e9}"] {
            let frame = frame.replace("SYMBOL", name);
            oracle::check_everywhere(&frame, &mut Scratch::new());
            match endpoint.decode(&frame, &mut Scratch::new()) {
                Err(error) => assert_eq!(error.kind(), DecodeErrorKind::Symbol, "{frame}"),
                Ok(message) => {
                    let said = oracle::said(&message, &frame);
                    let list = if endpoint == Endpoint::MarketDataV1 { "entries" } else { "events" };
                    assert_eq!(said[list][0]["error"]["reason"], json!(DecodeErrorKind::Symbol), "{frame}");
                }
            }
        }
    }
    let fault = |text: &str| text.parse::<Symbol>().unwrap_err().fault();
    assert_eq!(fault(&"x".repeat(65)), NameFault::TooLong { length: 65 });
    assert_eq!(
        (fault(""), fault("btc usd"), fault("bté")),
        (NameFault::Empty, NameFault::Character { offset: 3 }, NameFault::Character { offset: 2 })
    );
    assert!(fault("btc usd").to_string().contains("byte 3"));
    assert_eq!("btcusd@trad".parse::<Stream>(), Err(InvalidStream::Kind { offset: 7 }));
    assert_eq!("btcusd".parse::<Stream>(), Err(InvalidStream::Name));
    assert!(InvalidStream::Name.to_string().contains("no @ with a kind"));
    assert!(matches!("btc usd@trade".parse::<Stream>(), Err(InvalidStream::Symbol(_))));
    let (small, large): (Symbol, Symbol) = ("abc".parse().unwrap(), "ABCD".parse().unwrap());
    assert!(small < large && small == "ABC".parse().unwrap());
}

/// A frame that names its kind has the same content as one that does not. A frame that contradicts itself has no
/// kind.
pub(crate) fn br36_frames_that_name_their_kind() {
    let trade = r#""E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true"#;
    let ticker = r#""u":1,"E":1,"s":"btcusd","b":"1","B":"1","a":"2","A":"1""#;
    let partial = r#""lastUpdateId":1,"bids":[["1","2"]],"asks":[]"#;
    let settlements = r#""settlements":[{"symbol":"x","position":"1","outcome":"yes"}]"#;
    let depth = r#""E":1,"s":"btcusd","U":1,"u":2,"b":[["1","2"]],"a":[]"#;
    let order = r#""E":1,"s":"BTCUSD","i":7,"X":"OPEN""#;
    let balances = r#""E":1,"u":2,"B":[{"a":"USD","f":"1","c":"1"}]"#;
    let positions = r#""E":1,"u":2,"A":3,"P":[]"#;
    let snapshot = r#""orders":[]"#;
    // Members, the member that names the kind, the kind.
    #[rustfmt::skip]
    let table = [
        (trade, vec!["", r#""e":"trade","#, r#""e":"tr\u0061de","#, r#""e":null,"#, r#""e":7,"#], "trade"),
        (ticker, vec!["", r#""e":"bookTicker","#], "book_ticker"),
        (partial, vec!["", r#""e":"partialDepth","#, r#""e":"depth5","#, r#""e":"depth","#], "partial_depth"),
        (settlements, vec![r#""type":"settlements","#, r#""e":"settlements","#], "settlements"),
        (depth, vec!["", r#""e":"depthUpdate","#], "depth"),
        (order, vec!["", r#""e":"orderUpdate","#, r#""e":"executionReport","#], "order_update"),
        (balances, vec!["", r#""e":"balanceUpdate","#], "balance_update"),
        (positions, vec!["", r#""e":"positionReport","#], "position_report"),
        (snapshot, vec!["", r#""e":"orderSnapshot","#], "order_snapshot"),
        (trade, vec![r#""e":"bookTicker","#, r#""e":"aggTrade","#], "unrecognized"),
        (ticker, vec![r#""e":"trade","#, r#""e":"24hrTicker","#], "unrecognized"),
        (partial, vec![r#""e":"trade","#], "unrecognized"),
        (order, vec![r#""e":"trade","#], "unrecognized"),
    ];
    for (members, names, kind) in table {
        let mut first = None;
        for name in names {
            for frame in
                [format!("{{{name}{members}}}"), format!("{{{members},{}}}", name.trim_end_matches(','))]
            {
                // If the name is empty, nothing follows the last comma.
                let frame = frame.replace(",}", "}");
                let said = said(Endpoint::Streams, &frame);
                assert_eq!(said["kind"], kind, "{frame}");
                if kind != "unrecognized" {
                    assert_eq!(&said, first.get_or_insert(said.clone()), "{frame}");
                }
            }
        }
    }
    // Integers may also be written as texts.
    let texts = r#"{"e":"orderUpdate","E":"1","s":"BTCUSD","i":"81234567890123461","X":"FILLED","Z":"1","L":"2","t":"5"}"#;
    let numbers = texts
        .replace(r#""1","s""#, r#"1,"s""#)
        .replace(r#""81234567890123461""#, "81234567890123461")
        .replace(r#""5""#, "5");
    assert_eq!(said(Endpoint::Streams, texts), said(Endpoint::Streams, &numbers));
}

pub(crate) fn api_decimals() {
    const TICK: Decimal = Decimal::constant("0.25");
    use Rounding::{Down, Nearest, TowardsZero, Up};
    let rounded = |text: &str, rounding| d(text).rounded_to_tick(TICK, rounding).map(|it| it.to_string());
    for (text, down, up, zero, nearest) in [
        ("100.13", "100.00", "100.25", "100.00", "100.25"),
        ("-100.13", "-100.25", "-100.00", "-100.00", "-100.25"),
        ("100.125", "100.00", "100.25", "100.00", "100.00"),
        ("100.375", "100.25", "100.50", "100.25", "100.50"),
        ("100.25", "100.25", "100.25", "100.25", "100.25"),
        ("0", "0.00", "0.00", "0.00", "0.00"),
    ] {
        let all = [Down, Up, TowardsZero, Nearest].map(|rounding| rounded(text, rounding).unwrap());
        assert_eq!(all, [down, up, zero, nearest], "{text}");
    }
    assert_eq!(d("1").rounded_to_tick(Decimal::ZERO, Down), None);
    assert_eq!(d("1").rounded_to_tick(d("-0.1"), Down), None);
    let max = Decimal::new(i64::MAX, 0).unwrap();
    assert_eq!((Decimal::new(i64::MIN, 0), -(-max), (-max).abs()), (None, max, max));
    assert_eq!(max.checked_add(d("1")), None);
    let div = |a: Decimal, b: Decimal, scale| a.checked_div(b, scale, Nearest).map(|it| it.to_string());
    assert_eq!(div(d("1"), d("3"), 4).as_deref(), Some("0.3333"));
    assert_eq!(div(d("2"), d("3"), 0).as_deref(), Some("1"));
    assert_eq!(div(d("1"), d("0.000000000000000001"), 0).as_deref(), Some("1000000000000000000"));
    assert_eq!(div(max, d("0.000000000000000001"), 18), None);
    assert_eq!(div(d("0.000000000000000001"), max, 18).as_deref(), Some("0.000000000000000000"));
    assert_eq!((div(d("1"), Decimal::ZERO, 2), d("1").rounded(19, Down)), (None, None));
    assert_eq!(d("-1.255").rounded(2, Up), Some(d("-1.25")));
    assert_eq!(d("2.5").checked_mul_rounded(d("0.333"), 2, Down), Some(d("0.83")));
    assert_eq!(Decimal::checked_sum([d("1.5"), d("-0.25")].iter()), Some(d("1.25")));
    assert_eq!(Decimal::checked_sum([max, max]), None);
    assert_eq!(Decimal::checked_sum(Vec::<Decimal>::new()), Some(Decimal::ZERO));
    assert_eq!(Decimal::mean([max, max], 0, Nearest), Some(max));
    assert_eq!(Decimal::mean([] as [Decimal; 0], 2, Nearest), None);
    assert_eq!(Decimal::mean([d("1"), d("2"), d("2")], 3, Nearest), Some(d("1.667")));
    // Conversions from other numbers.
    assert_eq!(Decimal::try_from(0.5), Ok(d("0.5")));
    assert_eq!(Decimal::try_from(-3e15), Ok(d("-3000000000000000")));
    for bad in [0.1, 1e300, f64::MIN_POSITIVE, 1e19] {
        assert_eq!(Decimal::try_from(bad), Err(DecimalError::Precision), "{bad}");
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            (Decimal::try_from(bad), Decimal::from_f64_nearest(bad, 2)),
            (Err(DecimalError::Invalid), None)
        );
    }
    assert_eq!(Decimal::try_from(-0.0), Ok(Decimal::ZERO));
    for (float, scale, text) in [
        (0.1, 18, "0.100000000000000006"),
        (2.675, 2, "2.67"),
        (0.125, 2, "0.12"),
        (-1e-30, 3, "0.000"),
        (1e17, 1, "100000000000000000.0"),
    ] {
        assert_eq!(Decimal::from_f64_nearest(float, scale).unwrap().to_string(), text, "{float}");
    }
    assert_eq!((Decimal::from_f64_nearest(1e19, 0), Decimal::from_f64_nearest(1.0, 19)), (None, None));
    assert_eq!(d("0.1").to_f64_nearest().to_bits(), 0.1_f64.to_bits());
    assert_eq!((f64::try_from(d("0.5")), f64::try_from(d("0.1"))), (Ok(0.5), Err(DecimalError::Precision)));
    assert_eq!((Decimal::from(7_u32), Decimal::try_from(u64::MAX)), (d("7"), Err(DecimalError::Precision)));
    assert_eq!(
        (i64::try_from(d("7.00")), u64::try_from(d("-7")), i64::try_from(d("7.5"))),
        (Ok(7), Err(DecimalError::Precision), Err(DecimalError::Precision))
    );
}

pub(crate) fn api_requests() {
    let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "0.01", 20000).unwrap();
    assert_eq!((order.side(), order.price(), order.stop_price()), (Side::Buy, Some(d("20000")), None));
    assert_eq!(
        NewOrder::stop_limit("a", order.symbol(), Side::Sell, 1, "2", "1.5").unwrap().stop_price(),
        Some(d("2"))
    );
    let wrong = [
        NewOrder::market("my 1", "btcusd", Side::Buy, "1"),
        NewOrder::market("my-1", "btc usd", Side::Buy, "1"),
        NewOrder::market("my-1", "btcusd", Side::Buy, "1e5"),
        NewOrder::limit("my-1", "btcusd", Side::Buy, "1", "0"),
    ];
    let errors = wrong.map(|order| order.unwrap_err());
    assert!(
        matches!(
            errors,
            [
                InvalidOrder::ClientOrderId(_),
                InvalidOrder::Symbol(_),
                InvalidOrder::Decimal { of: "quantity", error: DecimalError::Invalid },
                InvalidOrder::Price
            ]
        ),
        "{errors:?}"
    );
    assert!(errors[0].to_string().contains("byte 2"), "{}", errors[0]);
    // An error names the argument.
    let stop =
        |quantity, stop, price| NewOrder::stop_limit("my-1", "btcusd", Side::Buy, quantity, stop, price);
    for (order, expected) in [
        (stop("1,5", "1", "1"), "the quantity: not a decimal number"),
        (stop("1", "x", "1"), "the stop price: not a decimal number"),
        (stop("1", "1", ""), "the price: not a decimal number"),
    ] {
        assert_eq!(order.unwrap_err().to_string(), expected);
    }
    let quote = NewQuote {
        rfq_id: "r".parse().unwrap(),
        price: d("1"),
        quantity: d("1"),
        valid_until: None,
        client_id: None,
    };
    let requests: HashSet<Request> =
        [Request::PlaceOrder(order), Request::PlaceOrder(order), Request::SubmitQuote(quote)].into();
    assert_eq!(requests.len(), 2);
    let btc: Symbol = "btcusd".try_into().unwrap();
    let streams = [
        Stream::depth(btc).fast(),
        Stream::trades(btc),
        Stream::book_ticker(btc),
        Stream::orders(),
        Stream::balances(),
        Stream::positions(),
    ];
    let names = [
        "btcusd@depth@100ms",
        "btcusd@trade",
        "btcusd@bookTicker",
        "orders@account",
        "balances@account",
        "positions@account",
    ];
    assert_eq!(streams.map(|stream| stream.to_string()), names);
    // Every value that can be serialised can be deserialised.
    let written =
        serde_json::to_string(&(streams.to_vec(), btc, d("1.50"), order.client_order_id(), Side::Sell))
            .unwrap();
    let read: (Vec<Stream>, Symbol, Decimal, ClientOrderId, Side) = serde_json::from_str(&written).unwrap();
    assert_eq!(read, (streams.to_vec(), btc, d("1.50"), order.client_order_id(), Side::Sell));
    assert!(serde_json::from_str::<Symbol>("\"btc usd\"").is_err());
}

pub(crate) fn api_times() {
    let (early, late) = (Timestamp::from_secs(10).unwrap(), Timestamp::from_millis(12_500).unwrap());
    assert_eq!((late.since(early), early.since(late)), (Duration::from_millis(2_500), Duration::ZERO));
    assert_eq!(
        (late.checked_since(early), early.checked_since(late)),
        (Some(Duration::from_millis(2_500)), None)
    );
    assert_eq!((early.nanos_since(late), late.as_secs()), (-2_500_000_000, 12));
    assert_eq!((early + Duration::from_millis(2_500), late - Duration::from_millis(2_500)), (late, early));
    let (first, last) = (Timestamp::from_nanos(i64::MIN), Timestamp::from_nanos(i64::MAX));
    assert_eq!(last.since(first), Duration::from_nanos(u64::MAX));
    assert_eq!((last + Duration::MAX, first - Duration::MAX), (last, first));
    assert_eq!((last.checked_add(Duration::from_nanos(1)), first.checked_sub(Duration::MAX)), (None, None));
    for time in [early, Timestamp::from_nanos(-1_500_000_001), first] {
        assert_eq!(Timestamp::try_from(SystemTime::from(time)), Ok(time));
    }
    assert!(Timestamp::try_from(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)).is_err());
}

/// The cases by the ids of their faults. `tests/mutants` runs the cases to find planted faults.
pub(crate) const CASES: &[(&str, fn())] = &[
    ("A5", a5_what_informs_costs_no_fill),
    ("A5", a5_every_member_of_every_frame),
    ("B8", b8_zero_members_are_no_fill),
    ("C13", c13_a_precision_does_not_cut),
    ("C15", c15_the_volume_of_a_day_can_be_read),
    ("BR-15", br15_symbols_of_sixty_four_bytes),
    ("BR-36", br36_frames_that_name_their_kind),
];
