//! Faults of collections behind an [`EventQueue`] that has dropped facts: which ends and beginnings of streams it
//! must keep.

use gemini_ws::{
    ApiError, Config, Event, EventQueue, FoundQuote, Frame, HeldAmount, LinkId, Message, OrderState,
    Overflow, QuoteState, RESERVED_EVENTS_MAX, RequestId, RequestOutcome, Scratch, StaleReason, Stream,
    StreamId, Subject, Unserved,
};

use super::fed::{Fed, first_stream, found, new_order, t, update};

/// The streams of an account, each with a report.
const STREAMS: [(&str, &str); 4] = [
    ("balances@account", r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#),
    (
        "positions@account@1s",
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
    ),
    ("orders@account", ""),
    (
        "requestForQuote@account",
        r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#,
    ),
];

type End = fn(LinkId, StreamId, Stream, ApiError<'_>) -> Event<'_>;

/// The events that end a stream. Each can be reported for any stream of an account.
const ENDS: [End; 4] = [
    |link, id, stream, _| Event::Unsubscribed { link, id, stream, last: true },
    |link, id, stream, _| Event::Silent { link, id, stream, since: t(3) },
    |link, id, stream, error| Event::Rejected { link, id, stream, error },
    |link, id, stream, _| {
        let reason = Unserved::Refused { status: Some(429), code: -1003 };
        Event::Unserved { link, id, stream, reason, attempts: 1, retry: t(9_000) }
    },
];

/// Pushes so many facts into a queue that it drops some, and then applies what the queue returns.
fn overflow(fed: &mut Fed, mut queue: EventQueue) {
    let (link, outcome) = (fed.link, RequestOutcome::NotSent);
    for number in 0..RESERVED_EVENTS_MAX as u64 {
        let (request, about) = (RequestId::new(1_000_000 + number), Subject::PlaceOrder(new_order("x")));
        queue.push(&Event::Reply { link, request, about, outcome });
    }
    assert!(queue.dropped() > 0);
    while let Some(mut taken) = queue.take() {
        fed.apply(&taken.as_event());
    }
}

/// Reconciles balances, positions, the order and the quote. Returns for each the reason why it is still stale or in
/// doubt, or `None`.
fn reconcile(fed: &mut Fed) -> [Option<StaleReason>; 4] {
    fed.balances.reconcile([("USD", "1", "1")], fed.balances.moment());
    let held = ("A".parse().unwrap(), vec![HeldAmount::new("position", "1")]);
    fed.positions.reconcile([held], fed.positions.moment());
    fed.orders.reconcile(77, found(77, OrderState::Open, "0"), fed.orders.moment());
    let quote = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Active };
    fed.quotes.reconcile("q1", Some(quote), fed.quotes.moment());
    [
        fed.balances.stale_reason("USD"),
        fed.positions.stale_reason("A".parse().unwrap()),
        fed.order().doubt(),
        fed.quotes.get("q1").unwrap().doubt(),
    ]
}

/// A stream of the account has ended, and then the queue overflows. No answer makes the data of this stream current.
#[test]
fn the_end_of_a_stream_is_known_behind_a_full_queue() {
    let refused = r#"{"id":1,"status":400,"error":{"code":-1121,"msg":"no such stream"}}"#;
    let mut scratch = Scratch::new();
    let Ok(Message::Response(response)) = gemini_ws::decode(refused, &mut scratch) else { panic!() };
    let error = response.error.unwrap();
    for (ended, (stream, _)) in STREAMS.iter().enumerate() {
        for (number, end) in ENDS.iter().enumerate() {
            let mut fed = Fed::private(&STREAMS.map(|(stream, _)| stream));
            for (_, report) in STREAMS {
                let new = update("NEW", "");
                fed.feed(2, if report.is_empty() { &new } else { report });
            }
            assert_eq!(reconcile(&mut fed), [None; 4]);
            let mut queue = EventQueue::new(Overflow::Block);
            queue.push(&end(fed.link, first_stream(), stream.parse().unwrap(), error));
            overflow(&mut fed, queue);
            let mut expected = [None; 4];
            expected[ended] = Some(StaleReason::NotSubscribed);
            assert_eq!(reconcile(&mut fed), expected, "{stream}, end {number}");
        }
    }
}

/// A link to order events v1 says which events it reports, and then the queue overflows. If the link does not report
/// executions and ends of orders, no answer ends the doubt about an open order.
#[test]
fn the_filter_of_order_events_is_known_behind_a_full_queue() {
    let booked = r#"[{"type":"booked","order_id":"77","symbol":"btcusd","side":"buy","timestampms":1000,"socket_sequence":0,"order_type":"exchange limit","is_live":true,"is_cancelled":false,"price":"100","original_amount":"1","executed_amount":"0"}]"#;
    let unknown = Some(StaleReason::NotSubscribed);
    for (kinds, expected) in [
        ("[]", None),
        (r#"["booked","fill","closed"]"#, None),
        (r#"["booked"]"#, unknown),
        // The link does not report executions.
        (r#"["booked","closed"]"#, unknown),
        // The link does not report how orders end.
        (r#"["booked","fill"]"#, unknown),
        // The filter is malformed.
        (r#""booked""#, unknown),
        ("[1]", unknown),
        (r#"["booked",null]"#, unknown),
    ] {
        let mut fed = Fed::new(Config::new("ws://v/v1/order/events").authenticated(true));
        let ack = format!(
            r#"{{"type":"subscription_ack","accountId":5,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":{kinds}}}"#
        );
        let (mut queue, mut scratch) = (EventQueue::new(Overflow::Block), Scratch::new());
        queue.push(&fed.client.handle_frame(fed.link, t(1), Frame::Text(&ack), &mut scratch).unwrap());
        overflow(&mut fed, queue);
        fed.feed(2, booked);
        let asked = fed.orders.moment();
        fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
        assert_eq!(fed.order().doubt(), expected, "{kinds}");
    }
}
