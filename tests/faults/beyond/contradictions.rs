//! Reports that contradict each other. Each contradiction leaves a doubt, which an answer of the venue resolves.

use gemini_ws::{
    Config, Endpoint, Event, EventOutcome, FoundQuote, NewOrder, OrderState, QuoteState, Replay, Request,
    RequestId, RequestOutcome, Scratch, Side, StaleReason, Subject, TimeInForce,
};

use super::fed::{Fed, OVERFLOW, d, found, id_of, new_order, order, quote, t, update};

/// Sends a request. Returns its id, and the id as text for the reply.
fn ask(fed: &mut Fed, request: &Request) -> (RequestId, String) {
    let id = fed.client.request(t(2), request).unwrap();
    fed.poll();
    (id, id_of(&fed.sent.pop().unwrap()))
}

/// Places an order, to which the venue gives the id `order_id`. Returns the id of the request.
fn placed(fed: &mut Fed, new: NewOrder, order_id: u64) -> RequestId {
    let (request, number) = ask(fed, &Request::PlaceOrder(new));
    fed.feed(3, &format!(r#"{{"id":{number},"status":200,"result":{{"orderId":"{order_id}"}}}}"#));
    request
}

/// The replies to two requests name one order id. `Orders` keeps an order for each request, and both are in doubt.
/// The next order that an event reports with their client order id is the order of the second request.
#[test]
fn two_requests_are_not_one_order() {
    let mut fed = Fed::private(&["orders@account"]);
    let first = placed(&mut fed, new_order("a1"), 77);
    fed.feed(4, &update("NEW", ""));
    fed.feed(4, &update("FILLED", r#","Z":"1","L":"100","t":5"#));
    let second = placed(&mut fed, new_order("a1"), 77);
    assert_eq!(fed.orders.contradictions(), 2);
    for request in [first, second] {
        let order = fed.orders.get(request).expect("an order of each request");
        assert_eq!(order.doubt(), Some(StaleReason::Contradiction), "{request:?}");
    }
    let mut asked = fed.orders.clone();
    let moment = asked.moment();
    assert!(asked.reconcile(77, found(77, OrderState::Filled, "1"), moment));
    assert!(
        asked.reconcile(second, found(77, OrderState::Filled, "1"), moment),
        "the venue has only this one"
    );
    assert_eq!(asked.get(second).unwrap().state, OrderState::Rejected);
    fed.feed(6, &order(78, Some("a1"), "NEW", ""));
    assert_eq!(fed.orders.get(second).unwrap().order_id, Some(78));
}

/// Events report two ends of an order that exclude each other, or executions of an order that the venue refused. The
/// order is in doubt until the venue answers.
#[test]
fn an_order_has_one_end() {
    const FILL: &str = r#","Z":"1","L":"100","t":5"#;
    const PART: &str = r#","Z":"0.4","L":"100","t":5"#;
    // Statuses of events, each with its other members.
    type Events = &'static [(&'static str, &'static str)];
    // Events; the answer of the venue, which decides.
    let table: [(Events, (OrderState, &str)); 7] = [
        (&[("REJECTED", ""), ("FILLED", FILL)], (OrderState::Filled, "1")),
        (&[("REJECTED", ""), ("PARTIALLY_FILLED", PART)], (OrderState::Canceled, "0.4")),
        (&[("NEW", ""), ("PARTIALLY_FILLED", PART), ("REJECTED", "")], (OrderState::Canceled, "0.4")),
        (&[("NEW", ""), ("CANCELED", r#","Z":"0""#), ("FILLED", FILL)], (OrderState::Filled, "1")),
        (&[("NEW", ""), ("FILLED", FILL), ("CANCELED", r#","Z":"0.4""#)], (OrderState::Filled, "1")),
        (&[("NEW", ""), ("FILLED", FILL), ("REJECTED", "")], (OrderState::Filled, "1")),
        (&[("NEW", ""), ("CANCELED", r#","Z":"0""#), ("REJECTED", "")], (OrderState::Canceled, "0")),
    ];
    for (events, (state, executed)) in table {
        let mut fed = Fed::private(&["orders@account"]);
        placed(&mut fed, new_order("a1"), 77);
        for (status, rest) in events {
            fed.feed(4, &update(status, rest));
        }
        assert!(fed.order().needs_reconciling(), "{events:?}");
        assert_eq!(fed.orders.contradictions(), 1, "{events:?}");
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(77, found(77, state, executed), asked), "{events:?}");
        let known = (fed.order().state, fed.order().executed(), fed.order().doubt());
        assert_eq!(known, (state, d(executed), None), "{events:?}");
    }
    // Neither an event that comes twice nor a whole execution that is reported as cancelled is a contradiction.
    const WHOLE: (&str, &str) = ("CANCELED", r#","Z":"1""#);
    let table: [(Events, OrderState); 4] = [
        (&[("NEW", ""), ("FILLED", FILL), ("FILLED", FILL)], OrderState::Filled),
        (&[("NEW", ""), ("FILLED", FILL), WHOLE], OrderState::Filled),
        (&[("NEW", ""), ("FILLED", FILL), ("CANCELED", "")], OrderState::Filled),
        (&[("NEW", ""), WHOLE, ("FILLED", FILL)], OrderState::Canceled),
    ];
    for (events, state) in table {
        let mut fed = Fed::private(&["orders@account"]);
        placed(&mut fed, new_order("a1"), 77);
        for (status, rest) in events {
            fed.feed(4, &update(status, rest));
        }
        assert_eq!((fed.order().state, fed.order().doubt()), (state, None), "{events:?}");
        // The answer of REST may also report such an order as cancelled.
        fed.orders.apply(&OVERFLOW);
        let asked = fed.orders.moment();
        fed.orders.reconcile(77, found(77, OrderState::Canceled, "1"), asked);
        assert_eq!((fed.order().state, fed.order().executed()), (state, d("1")), "{events:?}");
    }
}

/// A reply or an answer gives the request the id of an order with other terms. `Orders` keeps two orders, and both
/// are in doubt.
#[test]
fn an_order_with_other_terms_is_another_order() {
    let other = |from: &str, to: &str| order(77, None, "NEW", "").replace(from, to);
    for theirs in [other("BTCUSD", "ETHUSD"), other("BUY", "SELL"), other(r#""q":"1""#, r#""q":"9""#)] {
        for by_reply in [true, false] {
            let mut fed = Fed::private(&["orders@account"]);
            fed.feed(2, &theirs);
            let own = if by_reply {
                placed(&mut fed, new_order("a1"), 77)
            } else {
                let (request, _) = ask(&mut fed, &Request::PlaceOrder(new_order("a1")));
                let (link, about) = (fed.link, Subject::PlaceOrder(new_order("a1")));
                fed.orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
                let asked = fed.orders.moment();
                assert!(!fed.orders.reconcile("a1", found(77, OrderState::Open, "0"), asked), "{theirs}");
                request
            };
            let order = fed.orders.get(own).unwrap();
            let terms = (order.symbol.unwrap().to_string(), order.side, order.quantity);
            assert_eq!(terms, ("btcusd".to_owned(), Some(Side::Buy), Some(d("1"))), "{theirs}");
            assert!(order.needs_reconciling() && fed.orders.get(77).unwrap().needs_reconciling(), "{theirs}");
            let asked = fed.orders.moment();
            assert!(fed.orders.reconcile(own, found(78, OrderState::Open, "0"), asked), "{theirs}");
            assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked), "{theirs}");
        }
    }
}

/// `Orders` has applied events to the order of a request. Then the reply shows that they are about another order. The
/// order of the request has only its own terms and events.
#[test]
fn an_order_that_is_split_off_keeps_its_terms() {
    let mut fed = Fed::private(&["orders@account"]);
    let new = NewOrder::stop_limit("a1", "btcusd", Side::Buy, "1", "95", "100").unwrap();
    let new = new.time_in_force(TimeInForce::MakerOrCancel).unwrap().outcome(EventOutcome::No);
    let (request, number) = ask(&mut fed, &Request::PlaceOrder(new));
    fed.feed(3, &update("NEW", r#","p":"105""#));
    fed.feed(4, &format!(r#"{{"id":{number},"status":200,"result":{{"orderId":"78"}}}}"#));
    let theirs = fed.orders.get(77).unwrap();
    let kept = (theirs.time_in_force, theirs.stop_price, theirs.outcome, theirs.price);
    assert_eq!(kept, (None, None, None, Some(d("105"))));
    // The venue may name the side of the other outcome, so this side is no contradiction.
    fed.feed(5, &order(78, Some("a1"), "NEW", r#","p":"100""#).replace("BUY", "SELL"));
    fed.feed(
        6,
        &order(78, Some("a1"), "FILLED", r#","p":"100","Z":"1","L":"100","t":9"#).replace("BUY", "SELL"),
    );
    let own = fed.orders.get(request).unwrap();
    let terms = (own.time_in_force, own.stop_price, own.outcome, own.price);
    let sent = (Some(TimeInForce::MakerOrCancel), Some(d("95")), Some(EventOutcome::No), Some(d("100")));
    assert_eq!((terms, own.state, own.fills.len()), (sent, OrderState::Filled, 1));
    assert_eq!(own.order_type.as_deref(), Some("STOP_LIMIT"));
}

#[test]
fn a_price_of_zero_is_none() {
    let mut fed = Fed::private(&["orders@account"]);
    placed(&mut fed, NewOrder::market("a1", "btcusd", Side::Buy, "1").unwrap(), 77);
    fed.feed(3, &update("NEW", r#","o":"MARKET","p":"0","P":"0""#));
    assert_eq!((fed.order().price, fed.order().stop_price), (None, None));
}

#[test]
fn the_reason_of_a_refused_cancel_is_not_that_of_the_order() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events").authenticated(true));
    fed.feed(1, r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#);
    let events = [
        ("accepted", ""),
        (
            "cancel_rejected",
            r#","executed_amount":"0","remaining_amount":"1","reason":"OrderNotFound","cancel_command_id":"5""#,
        ),
        (
            "fill",
            r#","executed_amount":"1","remaining_amount":"0","fill":{"trade_id":"5","liquidity":"Maker","price":"100","amount":"1","fee":"0","fee_currency":"USD"}"#,
        ),
    ];
    for (n, (kind, rest)) in events.iter().enumerate() {
        let common = r#""symbol":"btcusd","side":"buy","order_type":"exchange limit","timestamp":"1","timestampms":1000,"is_live":true,"is_cancelled":false,"is_hidden":false,"original_amount":"1","price":"100""#;
        fed.feed(
            2,
            &format!(
                r#"[{{"type":"{kind}","order_id":"77","event_id":"{n}",{common},"socket_sequence":{n}{rest}}}]"#
            ),
        );
    }
    let order = fed.order();
    let reasons = (order.reason.as_deref(), order.cancel_refusal.as_deref());
    assert_eq!((order.state, reasons), (OrderState::Filled, (None, Some("OrderNotFound"))));
}

/// The replies to two submissions name one quote id. Each quote keeps its terms, and both are in doubt.
#[test]
fn two_submissions_are_not_one_quote() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let submitted = ["0.5", "0.6"].map(|price| {
        let (request, number) = ask(&mut fed, &Request::SubmitQuote(quote(price)));
        fed.feed(3, &format!(r#"{{"id":{number},"status":200,"result":{{"rfqId":"r1","quoteId":"q1"}}}}"#));
        (request, d(price))
    });
    for (request, price) in submitted {
        let quote = fed.quotes.get(request).unwrap();
        assert_eq!((quote.request, quote.terms.unwrap().price), (Some(request), price));
        assert_eq!(quote.doubt(), Some(StaleReason::Contradiction));
    }
    let asked = fed.quotes.moment();
    assert!(fed.quotes.reconcile(submitted[1].0, None, asked));
    assert_eq!(fed.quotes.get(submitted[1].0).unwrap().state, QuoteState::Rejected);
}

/// After a quote was withdrawn or declined, an event reports its execution. Later events say that the quote was lost
/// or has failed, which does not undo the execution.
#[test]
fn an_execution_of_a_quote_is_never_lost() {
    let (rfq_id, quote_id) = ("r1".parse().unwrap(), "q1".parse().unwrap());
    let withdraw = Request::WithdrawQuote { rfq_id, quote_id };
    let decline = Request::ConfirmQuote { rfq_id, quote_id, confirm: false };
    let executions = [("FINALIZED", r#","qs":"WON""#), ("FINALIZED", ""), ("CONFIRMED", r#","qs":"WON""#)];
    for (request, (step, status)) in
        [withdraw, decline].into_iter().flat_map(|it| executions.map(|by| (it.clone(), by)))
    {
        let what = format!("{request:?}, {step}{status}");
        let mut fed = Fed::private(&["requestForQuote@account"]);
        let (_, number) = ask(&mut fed, &Request::SubmitQuote(quote("0.5")));
        fed.feed(3, &format!(r#"{{"id":{number},"status":200,"result":{{"rfqId":"r1","quoteId":"q1"}}}}"#));
        let (_, number) = ask(&mut fed, &request);
        fed.feed(5, &format!(r#"{{"id":{number},"status":200}}"#));
        assert!(fed.quotes.get("q1").unwrap().state.is_final(), "{what}");
        for (id, step, status) in
            [("1", step, status), ("2", "FINALIZED", r#","qs":"LOST""#), ("3", "FAILED", "")]
        {
            fed.feed(6, &format!(
                r#"{{"e":"requestForQuote","i":"{id}","E":1790743321322,"r":"r1","x":"{step}","S":"FINALIZED","q":"q1","p":"0.5","sz":"10"{status}}}"#
            ));
            let quote = fed.quotes.get("q1").unwrap();
            let shown = (quote.state, quote.doubt());
            assert_eq!(shown, (QuoteState::Won, Some(StaleReason::Contradiction)), "{what}, event {id}");
        }
    }
}

fn step(number: usize, step: &str, status: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"requestForQuote","i":"{number}","E":{number},"r":"r1","x":"{step}","S":"{status}"{rest}}}"#
    )
}

const PLAIN: &str = r#","q":"q1""#;
const ACTIVE: &str = r#","q":"q1","qs":"ACTIVE""#;
const WITHDRAWN: &str = r#","q":"q1","qs":"WITHDRAWN""#;
const WON: &str = r#","q":"q1","qs":"WON""#;
const LOST: &str = r#","q":"q1","qs":"LOST""#;

// Steps of a request for quotes, each with the status of the request and the other members.
type Steps = &'static [(&'static str, &'static str, &'static str)];

fn fed_with(steps: Steps) -> Fed {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    fed.feed(2, &step(90, "CLOSED", "OPEN", ACTIVE));
    for (n, (x, status, rest)) in steps.iter().enumerate() {
        fed.feed(3, &step(n, x, status, rest));
    }
    fed
}

/// A quote ends once: either it is executed, or it is not. Reports that contradict each other about this put the
/// quote in doubt, until the answer to a later question names a final state.
#[test]
fn a_quote_has_one_end() {
    use QuoteState::{Active, Confirmed, Declined, Expired, Failed, Lost, Withdrawn, Won};
    const CONTRADICTION: Option<StaleReason> = Some(StaleReason::Contradiction);
    let table: [(Steps, QuoteState); 11] = [
        // One event says that the quote was executed, and another says that it was not.
        (&[("FINALIZED", "FINALIZED", PLAIN), ("FINALIZED", "FINALIZED", LOST)], Won),
        (&[("FINALIZED", "FINALIZED", WON), ("FINALIZED", "FINALIZED", LOST)], Won),
        (&[("FINALIZED", "FINALIZED", LOST), ("FINALIZED", "FINALIZED", WON)], Won),
        (&[("FINALIZED", "FINALIZED", WON), ("CLOSED", "EXPIRED", "")], Won),
        (&[("DECLINED", "OPEN", PLAIN), ("FINALIZED", "FINALIZED", PLAIN)], Won),
        (&[("FINALIZED", "FAILED", WON)], Won),
        (&[("FAILED", "FINALIZED", WON)], Won),
        // Steps after the end.
        (&[("DECLINED", "OPEN", PLAIN), ("CONFIRMED", "FINALIZING", ACTIVE)], Declined),
        (&[("CLOSED", "OPEN", WITHDRAWN), ("ACCEPTED", "CONFIRMING", PLAIN)], Withdrawn),
        (&[("CLOSED", "OPEN", WITHDRAWN), ("CLOSED", "OPEN", ACTIVE)], Withdrawn),
        (&[("FAILED", "FAILED", PLAIN), ("CONFIRMED", "FINALIZING", PLAIN)], Failed),
    ];
    for (steps, state) in table {
        let mut fed = fed_with(steps);
        let shown = |fed: &Fed| fed.quotes.get("q1").map(|quote| (quote.state, quote.doubt()));
        assert_eq!(shown(&fed), Some((state, CONTRADICTION)), "{steps:?}");
        let asked = fed.quotes.moment();
        // Neither a repetition of the last event nor an answer to an earlier question ends the doubt.
        let (x, status, rest) = *steps.last().unwrap();
        fed.feed(4, &step(80, x, status, rest));
        assert_eq!(shown(&fed), Some((state, CONTRADICTION)), "{steps:?}");
        let answer = |state| Some(FoundQuote { quote_id: "q1".parse().unwrap(), state });
        assert!(!fed.quotes.reconcile("q1", answer(Lost), asked), "{steps:?}");
        let asked = fed.quotes.moment();
        assert!(!fed.quotes.reconcile("q1", answer(Confirmed), asked), "{steps:?}: REST may lag");
        for found in [Won, Lost] {
            let mut quotes = fed.quotes.clone();
            assert!(quotes.reconcile("q1", answer(found), asked), "{steps:?}");
            let quote = quotes.get("q1").unwrap();
            assert_eq!((quote.state, quote.doubt()), (found, None), "{steps:?}");
        }
    }
    // These events contradict nothing.
    let table: [(Steps, QuoteState); 5] = [
        (&[("FINALIZED", "FINALIZED", WON), ("FINALIZED", "FINALIZED", WON)], Won),
        (&[("CLOSED", "OPEN", WITHDRAWN), ("CLOSED", "PENDING_ACCEPTANCE", PLAIN)], Withdrawn),
        (&[("CLOSED", "OPEN", WITHDRAWN), ("CLOSED", "EXPIRED", "")], Withdrawn),
        (&[("DECLINED", "OPEN", PLAIN), ("FINALIZED", "FINALIZED", LOST)], Declined),
        (&[("CLOSED", "EXPIRED", PLAIN), ("FAILED", "FAILED", PLAIN)], Expired),
    ];
    for (steps, state) in table {
        let fed = fed_with(steps);
        let quote = fed.quotes.get("q1").unwrap();
        assert_eq!((quote.state, quote.doubt()), (state, None), "{steps:?}");
    }
    // These steps contradict the status of the request, so the state remains unknown.
    let table: [Steps; 3] = [
        &[("FINALIZED", "FAILED", PLAIN)],
        &[("FINALIZED", "CANCELLED", ACTIVE)],
        &[("CONFIRMED", "EXPIRED", PLAIN)],
    ];
    for steps in table {
        let fed = fed_with(steps);
        let quote = fed.quotes.get("q1").unwrap();
        assert_eq!((quote.state, quote.doubt()), (Active, Some(StaleReason::UnknownStatus)), "{steps:?}");
    }
}

/// An event that ends a quote may not say how the quote ended; its state is then unknown. The end is known only if
/// the event declines the quote, names a final status of the quote, or says that the request for quotes ended without
/// execution. Rows: the steps, the state of the quote, and whether it is unknown.
#[test]
fn an_end_without_the_status_of_the_quote_leaves_its_state_unknown() {
    use QuoteState::{Active, Confirmed, Declined, Expired, Failed, Lost, Withdrawn};
    const CONFIRMED: (&str, &str, &str) = ("CONFIRMED", "FINALIZING", ACTIVE);
    let table: [(Steps, QuoteState, bool); 17] = [
        (&[("CLOSED", "FINALIZED", PLAIN)], Active, true),
        (&[("CLOSED", "FINALIZED", ACTIVE)], Active, true),
        (&[("CLOSED", "FINALIZED", "")], Active, true),
        (&[("CLOSED", "OPEN", PLAIN)], Active, true),
        (&[("CLOSED", "FINALIZING", PLAIN)], Active, true),
        (&[CONFIRMED, ("CLOSED", "FINALIZED", PLAIN)], Confirmed, true),
        (&[CONFIRMED, ("CLOSED", "FINALIZED", "")], Confirmed, true),
        (&[("ACCEPTED", "FINALIZED", PLAIN)], Active, true),
        (&[("CONFIRMED", "FINALIZED", ACTIVE)], Active, true),
        (&[("FAILED", "FINALIZED", PLAIN)], Active, true),
        (&[("FINALIZED", "FINALIZED", ACTIVE)], Active, true),
        (&[("CLOSED", "FINALIZED", LOST)], Lost, false),
        (&[("CLOSED", "OPEN", WITHDRAWN)], Withdrawn, false),
        (&[("CLOSED", "OPEN", ACTIVE)], Active, false),
        (&[("CLOSED", "EXPIRED", PLAIN)], Expired, false),
        (&[("FAILED", "FAILED", PLAIN)], Failed, false),
        (&[("DECLINED", "FINALIZED", PLAIN)], Declined, false),
    ];
    for (steps, state, is_unknown) in table {
        let fed = fed_with(steps);
        let quote = fed.quotes.get("q1").unwrap();
        let doubt = is_unknown.then_some(StaleReason::UnknownStatus);
        assert_eq!((quote.state, quote.doubt()), (state, doubt), "{steps:?}");
    }
    // The event may come before the reply to the request that submits the quote.
    for rest in [PLAIN, ""] {
        let mut fed = Fed::private(&["requestForQuote@account"]);
        let (request, number) = ask(&mut fed, &Request::SubmitQuote(quote("0.5")));
        fed.feed(2, &step(1, "CLOSED", "FINALIZED", rest));
        fed.feed(3, &format!(r#"{{"id":{number},"status":200,"result":{{"rfqId":"r1","quoteId":"q1"}}}}"#));
        let quote = fed.quotes.get(request).unwrap();
        assert_eq!((quote.state, quote.doubt()), (Active, Some(StaleReason::UnknownStatus)), "{rest}");
    }
}

/// The venue accepts a request to withdraw, decline or confirm a quote, and an event reports a state of the quote. If
/// the two contradict each other, the quote is in doubt. Each row has the request, the event, whether the event comes
/// before the reply, and then the state of the quote and whether the quote is in doubt.
#[test]
fn a_reply_and_an_event_contradict_each_other() {
    let (rfq_id, quote_id) = ("r1".parse().unwrap(), "q1".parse().unwrap());
    let withdraw = Request::WithdrawQuote { rfq_id, quote_id };
    let [decline, confirm] = [false, true].map(|confirm| Request::ConfirmQuote { rfq_id, quote_id, confirm });
    for (request, event, is_event_first, expected) in [
        (&withdraw, ("CONFIRMED", "FINALIZING", ACTIVE), false, (QuoteState::Withdrawn, true)),
        (&decline, ("CONFIRMED", "FINALIZING", ACTIVE), false, (QuoteState::Declined, true)),
        (&withdraw, ("FINALIZED", "FINALIZED", WON), true, (QuoteState::Won, true)),
        (&decline, ("FINALIZED", "FINALIZED", WON), true, (QuoteState::Won, true)),
        // The reply may be the later one of the two.
        (&confirm, ("FINALIZED", "FINALIZED", WON), true, (QuoteState::Won, false)),
        (&confirm, ("FINALIZED", "FINALIZED", LOST), true, (QuoteState::Lost, false)),
        (&withdraw, ("CLOSED", "OPEN", WITHDRAWN), false, (QuoteState::Withdrawn, false)),
    ] {
        let mut fed = fed_with(&[]);
        let (_, number) = ask(&mut fed, request);
        let (reply, event) =
            (format!(r#"{{"id":{number},"status":200}}"#), step(1, event.0, event.1, event.2));
        let texts = if is_event_first { [&event, &reply] } else { [&reply, &event] };
        texts.into_iter().for_each(|text| fed.feed(4, text));
        let quote = fed.quotes.get("q1").unwrap();
        let reason = expected.1.then_some(StaleReason::Contradiction);
        assert_eq!((quote.state, quote.doubt()), (expected.0, reason), "{request:?}, {event}");
    }
}

/// It is unknown what happened between a recording and the link that follows it. So an order and a quote of the
/// recording are in doubt when the link subscribes.
#[test]
fn quotes_of_a_recording_are_in_doubt_once_a_link_follows() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let accepted = r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1"}"#;
    for text in [accepted.to_owned(), update("OPEN", "")] {
        let mut scratch = Scratch::new();
        let event = Replay::new(Endpoint::Streams).event(&text, &mut scratch).unwrap().unwrap();
        fed.quotes.apply(&event);
        fed.orders.apply(&event);
    }
    fed.subscribe(1, "requestForQuote@account");
    fed.subscribe(1, "orders@account");
    let doubts = [fed.order().doubt(), fed.quotes.get("q1").unwrap().doubt()];
    assert_eq!(doubts, [Some(StaleReason::Disconnected); 2]);
}
