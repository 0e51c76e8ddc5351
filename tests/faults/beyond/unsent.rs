//! Faults of requests that were not sent, whose `Requested` was dropped, or whose id another client uses again.

use gemini_ws::{
    Event, OrderRef, OrderState, OrderStatusQuestion, Orders, QuoteState, Request, RequestId, RequestOutcome,
    RestQuestion, Subject,
};

use super::fed::{Fed, LOST_FACTS, id_of, new_order, order, quote, reply, send, t};

/// Another client uses the client order id of an order that this client did not send. So no event is about the order
/// of this client.
#[test]
fn an_event_is_not_about_an_order_that_was_not_sent() {
    let mut fed = Fed::private(&["orders@account"]);
    let mine = send(&mut fed.orders, 50, "a1");
    fed.feed(2, &order(77, Some("a1"), "NEW", ""));
    reply(&mut fed.orders, mine, RequestOutcome::NotSent);
    let state = |orders: &Orders, of: OrderRef<'_>| {
        let order = orders.get(of).unwrap();
        (order.state, order.request(), order.order_id, order.refusal_code)
    };
    let (mine, theirs) = (OrderRef::Request(RequestId::new(50)), OrderRef::OrderId(77));
    assert_eq!(state(&fed.orders, mine), (OrderState::Rejected, Some(RequestId::new(50)), None, Some(0)));
    assert_eq!(state(&fed.orders, theirs), (OrderState::New, None, Some(77), None));
    fed.feed(3, &order(77, Some("a1"), "CANCELED", r#","Z":"0""#));
    assert_eq!(state(&fed.orders, mine).0, OrderState::Rejected);
    assert_eq!(state(&fed.orders, theirs).0, OrderState::Canceled);
}

/// A queue has dropped the `Requested` of an order, and the reply does not say whether the order exists. `Orders`
/// adds the order when the reply comes, and it is in doubt.
#[test]
fn an_order_is_known_from_its_reply_on_if_its_request_was_dropped() {
    for outcome in [RequestOutcome::TimedOut, RequestOutcome::Lost] {
        let mut fed = Fed::private(&["orders@account"]);
        let mine = (RequestId::new(50), Subject::PlaceOrder(new_order("a1")));
        fed.apply(&LOST_FACTS);
        reply(&mut fed.orders, mine, outcome);
        let found = fed.orders.get(mine.0).map(|order| (order.state, order.needs_reconciling()));
        assert_eq!(found, Some((OrderState::Unknown, true)), "{outcome:?}");
        let question = OrderStatusQuestion::of(fed.orders.get(mine.0).unwrap()).unwrap();
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(&question, question.answer(200, "[]").unwrap(), asked));
    }
    let mut fed = Fed::private(&["orders@account"]);
    fed.apply(&LOST_FACTS);
    let mine = (RequestId::new(50), Subject::PlaceOrder(new_order("a1")));
    super::fed::answer(&mut fed.orders, mine, r#"{"id":50,"status":200}"#);
    let order = fed.orders.get(mine.0).unwrap();
    assert!(order.needs_reconciling(), "its first event may have been dropped too");
    reply(&mut fed.orders, (RequestId::new(51), mine.1), RequestOutcome::NotSent);
    assert!(fed.orders.get(RequestId::new(51)).is_none(), "there is no such order");
}

#[test]
fn a_quote_is_known_from_its_reply_on_if_its_request_was_dropped() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    fed.apply(&LOST_FACTS);
    let (link, request, about) = (fed.link, RequestId::new(50), Subject::SubmitQuote(quote("0.5")));
    fed.quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    let found = fed.quotes.get(request).map(|quote| (quote.state, quote.doubt().is_some()));
    assert_eq!(found, Some((QuoteState::Unknown, true)));
    let (request, outcome) = (RequestId::new(51), RequestOutcome::NotSent);
    fed.quotes.apply(&Event::Reply { link, request, about, outcome });
    assert!(fed.quotes.get(request).is_none(), "there is no such quote");
}

/// Two clients make requests with the same id, and a queue has dropped the `Requested` of the second client. The
/// reply is about the request of the second client.
#[test]
fn a_reply_is_not_about_the_request_of_an_earlier_client() {
    let mut fed = Fed::private(&["orders@account", "requestForQuote@account"]);
    let earlier = send(&mut fed.orders, 50, "a1");
    super::fed::answer(&mut fed.orders, earlier, r#"{"id":50,"status":200,"result":{"orderId":"70"}}"#);
    let (link, request) = (fed.link, RequestId::new(50));
    let quotes = ["0.5", "0.6"].map(quote);
    fed.quotes.apply(&Event::Requested { link, request, about: Subject::SubmitQuote(quotes[0]) });
    fed.apply(&LOST_FACTS);

    reply(&mut fed.orders, (request, Subject::PlaceOrder(new_order("b1"))), RequestOutcome::TimedOut);
    let state = |of: OrderRef<'_>| fed.orders.get(of).map(|it| (it.client_order_id.as_deref(), it.state));
    assert_eq!(state(request.into()), Some((Some("b1"), OrderState::Unknown)));
    assert_eq!(state(70.into()), Some((Some("a1"), OrderState::Acknowledged)));

    let about = Subject::SubmitQuote(quotes[1]);
    fed.quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    let known: Vec<_> = fed.quotes.iter().map(|quote| (quote.terms, quote.state)).collect();
    let expected = [(Some(quotes[0]), QuoteState::Sent), (Some(quotes[1]), QuoteState::Unknown)];
    assert_eq!(known, expected);
    assert_eq!(fed.quotes.get(request).unwrap().terms, Some(quotes[1]));
}

/// The application keeps its `Orders` when it creates another client, whose requests have the same ids. Orders of the
/// earlier client can still be reconciled.
#[test]
fn an_order_of_an_earlier_client_is_not_doubtful_for_ever() {
    let mut first = Fed::private(&["orders@account"]);
    let earlier = first.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    first.poll();
    first.client.close(t(3));
    first.poll();
    first.client.handle_lost(first.link, t(4), gemini_ws::Lost::End);
    first.poll();

    let mut second = Fed::private(&[]);
    second.orders = first.orders;
    second.subscribe(1, "orders@account");
    let later = second.client.request(t(2), &Request::PlaceOrder(new_order("b1"))).unwrap();
    second.poll();
    assert_eq!(earlier, later);
    let id = id_of(second.sent.last().unwrap());
    second.feed(3, &format!(r#"{{"id":{id},"status":200}}"#));
    second.feed(4, &order(78, Some("b1"), "NEW", ""));

    let asked = second.orders.moment();
    let questions: Vec<_> = second.orders.to_reconcile().filter_map(OrderStatusQuestion::of).collect();
    let row = r#"[{"order_id":"70","client_order_id":"a1","symbol":"btcusd","side":"buy","is_live":false,"is_cancelled":true,"executed_amount":"0"}]"#;
    for question in &questions {
        assert!(second.orders.reconcile(question, question.answer(200, row).unwrap(), asked));
    }
    assert_eq!(second.orders.to_reconcile().count(), 0);
    let states = [70, 78].map(|id| second.orders.get(id).unwrap().state);
    assert_eq!(states, [OrderState::Canceled, OrderState::New]);
    assert_eq!(second.orders.get(later).unwrap().order_id, Some(78));
}
