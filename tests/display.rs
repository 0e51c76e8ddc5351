//! Tests the messages with which errors, outcomes, reasons and states describe themselves, with one table of all
//! variants.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::time::Duration;

use gemini_ws::lifecycle::{Refusal, State, StreamState};
use gemini_ws::{
    Abandoned, Applied, AttemptFailure, Awaited, BalancesQuestion, CloseReason, CommandError, ConnectFailure,
    IgnoredReason, Instant, Limit, Lost, Message, OpenOrdersQuestion, OrderState, OrderStatusQuestion,
    QuoteState, RateKind, Readiness, RequestOutcome, Response, RestQuestion, Scratch, ShutdownStep,
    StaleReason, Stream, Unserved, VenueError, VenueReason, decode,
};

/// The name of the type, the name of the variant, and the message.
type Row = (&'static str, String, String);

fn row(of: &'static str, value: impl Debug + Display) -> Row {
    let name = format!("{value:?}");
    let name = name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
    (of, name.to_owned(), value.to_string())
}

macro_rules! rows {
    ($($of:ident { $($variant:ident $(($($of_it:expr),+))? $({ $($field:ident: $value:expr),+ })?),+ $(,)? })+) => {
        vec![$($(row(stringify!($of), $of::$variant $(($($of_it),+))? $({ $($field: $value),+ })?)),+),+]
    };
}

fn response(text: &str) -> Response<'_> {
    // The signature of `decode` ties the message to the working memory, although a response borrows nothing from it.
    // So this memory must live as long as the frame.
    match decode(text, Box::leak(Box::new(Scratch::new()))) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn rows() -> Vec<Row> {
    let stream: Stream = "btcusd@trade".parse().unwrap();
    let status = ConnectFailure::Status { status: 400, retry_after: None, reason: VenueReason::new("No") };
    let last = AttemptFailure::Connect(ConnectFailure::Tls);
    let (retry, window) = (Instant::ZERO, Duration::from_secs(1));
    let answer = response(r#"{"id":1,"status":200}"#);
    let mut rows = rows! {
        OrderState { Sent, Acknowledged, Unknown, New, Open, PartiallyFilled, Filled, Canceled, Rejected, Closed }
        Awaited { FirstEvent, End }
        QuoteState {
            Sent, Unknown, Active, Accepted, Confirmed, Declined, Won, Lost, Withdrawn, Expired, Failed, Rejected
        }
        StaleReason {
            NothingYet, Gap, Disconnected, Silent, Overflow, Malformed, NotSubscribed, Crossed, Unanswered, Overdue,
            Executions, UnknownStatus, NotFound, Contradiction, NoRoom,
        }
        Applied { Changed, Stale, Gap { expected: 7, got: 9 } }
        State { Idle, Connecting, Subscribing, Live, Closing, Backoff, Closed }
        StreamState { Wanted, Requested, Active, Synced, Resyncing, Leaving, Gone }
        Refusal { Closed, NotConnected }
        Readiness { Ready, Partly, NotReady }
        RequestOutcome { Answered(answer), TimedOut, Lost, NotSent }
        IgnoredReason { StaleUpdate, BeforeSnapshot, NotSubscribed, UnknownResponse, EndedLink }
        ShutdownStep { CommandsStopped, CancellingOrders, Unsubscribing, ClosingLinks }
        RateKind { Requests, Orders }
        Limit { Streams, Links, RequestsInFlight, Outputs }
        CommandError {
            Closed, NotConnected, TooMany(Limit::Links), Ambiguous { with: stream }, WrongEndpoint, UnknownStream,
            UnknownEndpoint, NotAuthenticated, SeveralEndpoints, SeveralLinks, GivenUp,
            RateLimited { limit: RateKind::Orders, window: window, retry: retry },
        }
        ConnectFailure {
            Cancelled, NoCredentials, NotSecure, InvalidUrl, NameLookup, Refused, Unreachable, TimedOut, Proxy,
            ProxyStatus { status: 407, retry_after: None }, Tls, Certificate, CertificateTime, Handshake,
            Status { status: 400, retry_after: None, reason: None }, Transport,
        }
        Lost {
            Closed { code: Some(1006) }, End, Reset, Protocol, Transport, Silent, Malformed, SequenceGap, Unresponsive,
            Requested, CloseTimedOut,
        }
        Unserved { Refused { status: Some(429), code: -1003 }, Unanswered, NoSnapshot, Undecodable, Relapsed }
        AttemptFailure { Connect(status), Lost(Lost::Reset) }
        CloseReason {
            Requested, RequestedUnclean, RequestedIncomplete, ConnectRefused(status), ClosedByPeer { code: 4001 },
            AttemptsExhausted { attempts: 3, last: last },
        }
    };
    let twice = |of: &str| format!("[{of},{of}]");
    let order =
        r#"{"order_id":"7","client_order_id":"a","is_live":true,"is_cancelled":false,"executed_amount":"0"}"#;
    let by_id = OrderStatusQuestion::by_order_id(8);
    let by_client = OrderStatusQuestion::by_client_order_id("a");
    rows.extend([
        row("RestError", BalancesQuestion.answer(503, "").unwrap_err()),
        row("RestError", BalancesQuestion.answer(200, "[").unwrap_err()),
        row("RestError", by_id.answer(200, order).unwrap_err()),
        row("RestError", by_client.answer(200, &twice(order)).unwrap_err()),
        row("RestError", OpenOrdersQuestion.answer(200, &twice(order)).unwrap_err()),
        row("RestError", by_client.answer(200, &order.replace("true", "false")).unwrap_err()),
    ]);
    rows
}

fn variants(source: &str, name: &str) -> Vec<String> {
    let begin = source.find(&format!("pub enum {name}")).expect(name);
    let lines = source[begin..].lines().skip(1).take_while(|line| *line != "}");
    let names = lines.filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    names.map(|line| line.split(|it: char| !it.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_variant_says_something_of_its_own() {
    let reasons = include_str!("../src/event/reason.rs");
    let lifecycle = include_str!("../src/link/lifecycle.rs");
    let event = include_str!("../src/event/mod.rs");
    let error = include_str!("../src/error.rs");
    let sources = BTreeMap::from([
        ("OrderState", include_str!("../src/state/order_state.rs")),
        ("QuoteState", include_str!("../src/state/quotes/quote.rs")),
        ("StaleReason", include_str!("../src/state/truth.rs")),
        ("Applied", include_str!("../src/state/order_book.rs")),
        ("State", lifecycle),
        ("StreamState", lifecycle),
        ("Refusal", lifecycle),
        ("Readiness", include_str!("../src/client/mod.rs")),
        ("RequestOutcome", event),
        ("IgnoredReason", event),
        ("ShutdownStep", reasons),
        ("RateKind", error),
        ("Limit", error),
        ("CommandError", error),
        ("ConnectFailure", reasons),
        ("Lost", reasons),
        ("Unserved", reasons),
        ("AttemptFailure", reasons),
        ("CloseReason", reasons),
        ("RestError", include_str!("../src/rest/error.rs")),
    ]);
    let rows = rows();
    for (name, source) in sources {
        let of_it: Vec<&Row> = rows.iter().filter(|(of, ..)| *of == name).collect();
        let mut shown: Vec<&str> = of_it.iter().map(|(_, variant, _)| variant.as_str()).collect();
        let mut variants = variants(source, name);
        shown.sort_unstable();
        variants.sort_unstable();
        assert_eq!(shown, variants, "{name}");
        let mut texts: Vec<&str> = of_it.iter().map(|(_, _, text)| text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), of_it.len(), "{name}: two variants say the same: {texts:?}");
        for (_, variant, text) in of_it {
            let is_plain = text.len() > 3 && !text.contains(['{', '"', '_']) && !text.ends_with('.');
            assert!(is_plain && !text.contains("Some("), "{name}::{variant}: {text}");
        }
    }
}

#[test]
fn what_some_of_them_say() {
    let refused = r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"Invalid \"parameters\""}}"#;
    let error = response(refused).error.unwrap();
    let abandoned = |requests, sessions| {
        let mut abandoned = Abandoned::default();
        (abandoned.requests, abandoned.sessions) = (requests, sessions);
        abandoned.to_string()
    };
    let table = [
        (OrderState::PartiallyFilled.to_string(), "partially filled"),
        (format!("{:>8}|", OrderState::Open), "    open|"),
        (State::Backoff.to_string(), "waiting before the next attempt"),
        (
            Applied::Gap { expected: 7, got: 9 }.to_string(),
            "an update is missing: the book is at 7, the changes begin with 9",
        ),
        (error.to_string(), "Invalid \"parameters\" (code -1013)"),
        (response(refused).to_string(), "refused with status 400: Invalid \"parameters\" (code -1013)"),
        (response(r#"{"id":1,"status":200,"result":{}}"#).to_string(), "accepted with status 200"),
        (RequestOutcome::Answered(response(r#"{"id":1,"result":{}}"#)).to_string(), "accepted"),
        (RequestOutcome::NotSent.to_string(), "not sent: the link ended first"),
        (abandoned(0, 0), "nothing abandoned"),
        (abandoned(2, 1), "2 requests without a reply, 0 links dropped, 1 sessions whose orders may be open"),
        (Limit::RequestsInFlight.to_string(), "requests in flight"),
    ];
    for (said, expected) in table {
        assert_eq!(said, expected);
    }
    let frame = r#"{"result":"error","reason":"NoValidTradingPairs","message":"None of them"}"#;
    let mut scratch = Scratch::new();
    let Ok(Message::Error(error @ VenueError { .. })) =
        gemini_ws::Endpoint::MarketDataV2.decode(frame, &mut scratch)
    else {
        panic!()
    };
    assert_eq!(error.to_string(), "NoValidTradingPairs: None of them");
}
