//! Faults of lists with a row that cannot be decoded. The row does not affect the other rows, and puts in doubt
//! whatever it may be about.

use gemini_ws::{
    BalancesQuestion, Config, Element, Endpoint, Event, List, Message, Replay, RestError, RestQuestion, Row,
    Scratch, StaleReason, decode,
};

use super::fed::{Fed, s, t, update};

const MALFORMED: Option<StaleReason> = Some(StaleReason::Malformed);

fn balances(time: u64, rows: &str) -> String {
    format!(r#"{{"e":"balanceUpdate","E":{time},"u":{time},"B":[{rows}]}}"#)
}

fn total<'a>(fed: &'a Fed, asset: &str) -> &'a str {
    fed.balances.get(asset).map_or("-", |balance| balance.total().as_str())
}

const ETH: &str = r#"{"a":"ETH","f":"5","c":"5"}"#;
const USD: &str = r#"{"a":"USD","f":"7","c":"7"}"#;

/// Rows that cannot be decoded, each with the message of its error.
const ODD: [(&str, &str); 5] = [
    (r#"{"a":"BTC","f":"2","c":"2x"}"#, r#"member "c": not a decimal number at byte 24"#),
    (r#"{"a":"BTC","f":"2"}"#, r#"member "c": missing at byte 18"#),
    (r#"{"a":7,"f":"2","c":"2"}"#, r#"member "a": not of the documented type at byte 5"#),
    ("null", "not a JSON object at byte 0"),
    (r#"["BTC","2","2"]"#, "not a JSON object at byte 0"),
];

/// One row of a report of balances cannot be decoded. The other rows are used. Each balance that the report does not
/// name is stale, because the malformed row may be about it, until the venue reports it or answers.
#[test]
fn an_odd_balance_costs_no_other_balance() {
    for (odd, fault) in ODD {
        let mut fed = Fed::private(&["balances@account"]);
        fed.feed(
            2,
            &balances(1, &format!(r#"{{"a":"BTC","f":"1","c":"1"}},{USD},{{"a":"ETH","f":"1","c":"1"}}"#)),
        );
        assert!(!fed.balances.is_stale());
        let before = fed.balances.moment();
        let report = balances(2, &format!("{odd},{ETH}"));
        let mut scratch = Scratch::new();
        let Ok(Message::BalanceUpdate(update)) = decode(&report, &mut scratch) else { panic!("{report}") };
        let Some(Row::Malformed { element, error }) = update.balances.iter().next() else { panic!() };
        assert_eq!((element.as_str(), error.to_string().as_str()), (odd, fault));
        fed.feed(3, &report);
        let event = fed.log.last().unwrap();
        assert!(event.starts_with("Batch"), "{event}");
        assert_eq!((total(&fed, "ETH"), fed.balances.stale_reason("ETH")), ("5", None), "{odd}");
        assert_eq!((total(&fed, "BTC"), fed.balances.stale_reason("BTC")), ("1", MALFORMED), "{odd}");
        assert_eq!((fed.balances.stale_reason("SOL"), fed.balances.malformed()), (MALFORMED, 1), "{odd}");
        // A later report of one balance makes this balance current, and the venue's list makes all balances current.
        fed.feed(4, &balances(3, USD));
        assert_eq!((fed.balances.stale_reason("USD"), fed.balances.stale_reason("BTC")), (None, MALFORMED));
        assert!(!fed.balances.reconcile([("BTC", "2", "2")], before), "asked before the odd row came");
        let asked = fed.balances.moment();
        assert!(fed.balances.reconcile([("BTC", "2", "2"), ("USD", "7", "7"), ("ETH", "5", "5")], asked));
        assert_eq!((total(&fed, "BTC"), fed.balances.is_stale()), ("2", false));
    }
}

/// If one row of a report that lists all balances cannot be decoded, the report does not show that another balance is
/// gone.
#[test]
fn a_whole_list_with_an_odd_row_removes_nothing() {
    for (odd, _) in ODD {
        let mut fed = Fed::private(&["balances@account@1s"]);
        fed.feed(2, &balances(1, &format!("{ETH},{odd}")));
        assert_eq!(fed.balances.stale_reason("BTC"), MALFORMED, "the first report");
        assert_eq!(fed.balances.stale_reason("ETH"), None);
        fed.feed(3, &balances(2, &format!("{ETH},{USD}")));
        assert!(!fed.balances.is_stale());
        fed.feed(4, &balances(3, &format!("{odd},{ETH}")));
        assert_eq!((total(&fed, "USD"), fed.balances.stale_reason("USD")), ("7", MALFORMED));
        fed.feed(5, &balances(4, ETH));
        assert_eq!(
            (total(&fed, "USD"), fed.balances.is_stale()),
            ("-", false),
            "a whole list ends the doubt"
        );
    }
    // A recording is no exception, although its first report is treated as a list of all balances.
    let mut balances_of_recording = gemini_ws::Balances::new();
    let (frame, mut scratch) = (balances(1, &format!("{ETH},null")), Scratch::new());
    let event = Replay::new(Endpoint::Streams).event(&frame, &mut scratch).unwrap().unwrap();
    balances_of_recording.apply(&event);
    assert_eq!(balances_of_recording.stale_reason("ETH"), None);
    assert!(balances_of_recording.is_stale());
}

fn positions(time: u64, rows: &str) -> String {
    format!(r#"{{"e":"positionReport","E":{time},"u":{time},"A":8,"P":[{rows}]}}"#)
}

fn position(symbol: &str, value: &str) -> String {
    format!(r#"{{"t":"ec","s":"{symbol}","a":[{{"t":"position","v":{value}}}]}}"#)
}

#[test]
fn an_odd_position_costs_no_other_position() {
    let [up, down] = ["GEMI-A-UP", "GEMI-A-DOWN"].map(|symbol| symbol.parse().unwrap());
    for odd in [position("GEMI-A-DOWN", r#""one""#), r#"{"t":"ec","a":[]}"#.into(), "7".into()] {
        let mut fed = Fed::private(&["positions@account@1s"]);
        let whole = [position("GEMI-A-UP", r#""1""#), position("GEMI-A-DOWN", r#""-1""#)].join(",");
        fed.feed(2, &positions(1, &whole));
        assert!(!fed.positions.is_stale());
        fed.feed(3, &positions(2, &format!("{odd},{}", position("GEMI-A-UP", r#""5""#))));
        assert_eq!(&*fed.positions.get(up).unwrap()[0].value, "5");
        assert_eq!((fed.positions.stale_reason(up), fed.positions.stale_reason(down)), (None, MALFORMED));
        assert_eq!((&*fed.positions.get(down).unwrap()[0].value, fed.positions.malformed()), ("-1", 1));
        fed.feed(4, &positions(3, &position("GEMI-A-UP", r#""5""#)));
        assert!(!fed.positions.is_stale() && fed.positions.get(down).is_none());
    }
}

/// One row of an answer of REST cannot be decoded. The other rows are used. Balances that the answer does not name
/// stay stale, because the malformed row may be about them.
#[test]
fn an_odd_row_of_an_answer_costs_no_other_row() {
    let body = r#"[{"currency":"ETH","amount":"9","available":"9"},{"currency":"BTC","amount":"2"}]"#;
    let answer = BalancesQuestion.answer(200, body).unwrap();
    let error = "the answer cannot be read: member \"available\": missing at byte 79";
    assert_eq!(answer.unused().iter().map(RestError::to_string).collect::<Vec<_>>(), [error]);
    assert!(!answer.is_whole() && answer.iter().eq([("ETH", "9", "9")]));

    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(2, &balances(1, &format!(r#"{ETH},{USD},{{"a":"BTC","f":"1","c":"1"}}"#)));
    fed.feed(3, &balances(2, &format!("null,{USD}")));
    let asked = fed.balances.moment();
    fed.feed(4, &balances(3, r#"{"a":"USD","f":"8","c":"8"}"#));
    fed.balances.reconcile_part(&answer, asked);
    let found =
        ["ETH", "USD", "BTC", "SOL"].map(|asset| (total(&fed, asset), fed.balances.stale_reason(asset)));
    assert_eq!(found, [("9", None), ("8", None), ("1", MALFORMED), ("-", MALFORMED)]);
}

fn kinds<'f, T>(rows: &List<'f, Row<'f, T>>) -> (usize, usize)
where
    Row<'f, T>: Element<'f>,
{
    (rows.iter().filter_map(Row::read).count(), rows.malformed())
}

#[test]
fn each_list_keeps_the_rows_that_can_be_decoded() {
    let streams = [
        r#"{"type":"settlements","settlements":[{"symbol":"A","position":"5","outcome":"yes"},{"symbol":"B"}]}"#,
        r#"{"id":1,"status":200,"result":{},"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":1,"limit":5,"count":0},{"limit":"x"}]}"#,
    ];
    for frame in streams {
        let mut scratch = Scratch::new();
        let found = match decode(frame, &mut scratch).unwrap() {
            Message::Settlements(it) => kinds(&it.settlements),
            Message::Response(it) => kinds(&it.rate_limits().unwrap()),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, (1, 1), "{frame}");
    }
    let v2 = [
        (
            r#"{"type":"candles_1m_updates","symbol":"BTCUSD","changes":[[1,1,2,1,2,5],[2,1,"x",1,2,5]]}"#,
            "malformed, candles",
        ),
        (
            r#"{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1,"mark_price":"5"},{"timestamp":2}]}"#,
            "mark_price, malformed",
        ),
        (
            r#"{"type":"funding_amount_updates","symbol":"BTCGUSDPERP","changes":[{"funding_amount":"5"},{"timestamp":1,"funding_amount":"1","funding_date_time":2,"is_realized":true}]}"#,
            "malformed, funding_amount",
        ),
    ];
    for (frame, expected) in v2 {
        let (mut replay, mut scratch) = (Replay::new(Endpoint::MarketDataV2), Scratch::new());
        let event = replay.event(frame, &mut scratch).unwrap().unwrap();
        let kind = |part: Event<'_>| match part {
            Event::MarkPrice(..) => "mark_price",
            Event::FundingAmount(..) => "funding_amount",
            Event::Candles(..) => "candles",
            Event::Malformed(..) => "malformed",
            other => panic!("{other:?}"),
        };
        let parts: Vec<&str> = event.parts().map(kind).collect();
        assert_eq!(parts.join(", "), expected, "{frame}");
        for part in event.parts() {
            if let Event::Candles(candles, _) = part {
                assert_eq!(kinds(&candles.candles), (1, 1));
            }
        }
    }
}

/// Each row has a frame with a list, from each API generation, and the number of its elements that cannot be decoded.
#[test]
fn each_element_that_cannot_be_decoded_is_counted() {
    let v2 = "wss://api.gemini.com/v2/marketdata";
    let rows = [
        ("ws://v", "balances@account", balances(1, &format!("null,{ETH},7")), 2),
        ("ws://v", "positions@account@1s", positions(1, &format!("7,{}", position("A", r#""5""#))), 1),
        (
            "ws://v",
            "settlements@account",
            r#"{"type":"settlements","settlements":[{"symbol":"A","position":"5","outcome":"yes"},{"symbol":"B"}]}"#.into(),
            1,
        ),
        (
            "ws://v",
            "orders@account",
            format!(r#"{{"e":"orderSnapshot","orders":[{},{{"i":"x"}},3]}}"#, update("OPEN", "")),
            2,
        ),
        (
            v2,
            "btcusd@depth",
            r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"]],"trades":[{"type":"trade"}],"auction_events":[7,8]}"#
                .into(),
            3,
        ),
        (
            v2,
            "btcusd@candles_1m",
            r#"{"type":"candles_1m_updates","symbol":"BTCUSD","changes":[[1,1,2,1,2,5],[2,1,"x",1,2,5]]}"#.into(),
            1,
        ),
        (
            v2,
            "btcgusdperp@markPrice",
            r#"{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1,"mark_price":"5"},{"timestamp":2}]}"#
                .into(),
            1,
        ),
        (
            v2,
            "btcgusdperp@fundingAmount",
            r#"{"type":"funding_amount_updates","symbol":"BTCGUSDPERP","changes":[7,{"timestamp":1,"funding_amount":"1","funding_date_time":2,"is_realized":true}]}"#
                .into(),
            1,
        ),
        (
            "wss://api.gemini.com/v1/marketdata/btcusd",
            "",
            r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"9","remaining":"1","reason":"initial"},{"type":"trade"},{"type":"auction_result"}]}"#
                .into(),
            2,
        ),
        ("wss://api.gemini.com/v1/order/events", "", r#"[{"type":"accepted"},{"type":"news"},null]"#.into(), 2),
    ];
    for (url, stream, frame, expected) in rows {
        let mut fed = Fed::new(Config::new(url).authenticated(!url.contains("marketdata")));
        if !stream.is_empty() {
            fed.client.subscribe(t(1), s(stream)).unwrap();
            fed.poll();
        }
        fed.feed(2, &frame);
        let stats = fed.client.stats();
        assert_eq!((stats.data, stats.malformed, stats.malformed_elements), (1, 0, expected), "{frame}");
        fed.reconnect(3);
        assert_eq!(fed.client.stats().malformed_elements, expected, "{frame}");
    }
}
