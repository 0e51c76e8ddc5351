//! Faults of streams that report fewer orders or quotes than another stream of the same link did.

use gemini_ws::{Client, Config, FoundQuote, LinkId, OrderState, QuoteState, Request, StaleReason, StreamId};

use super::fed::{Fed, found, id_of, new_order, order, quote, s, t};

const QUOTE: &str = r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;

/// Creates a client with two open links. It has requested `btcusd@trade` over the first link, and `stream` over the
/// second one.
fn two_links(stream: &str) -> (Fed, [LinkId; 2], StreamId) {
    let mut client = Client::single(Config::new("ws://v").authenticated(true).streams_max(1).seed(1));
    client.subscribe(t(0), s("btcusd@trade")).unwrap();
    let id = client.subscribe(t(0), s(stream)).unwrap();
    let fed = Fed::of(client);
    let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
    (fed, [links[0], links[1]], id)
}

fn confirm(fed: &mut Fed, link: LinkId) {
    fed.poll();
    while let Some(text) = fed.sent.pop() {
        if text.contains("orders@") || text.contains("requestForQuote@") {
            fed.feed_over(link, 9, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
        }
    }
}

/// Unsubscribes the stream `id` and subscribes to the stream `session`, over the second link. The venue confirms
/// both.
fn narrow(fed: &mut Fed, link: LinkId, id: StreamId, session: &str) {
    fed.client.unsubscribe(t(9), id).unwrap();
    confirm(fed, link);
    fed.client.subscribe(t(9), s(session)).unwrap();
    confirm(fed, link);
}

/// The link unsubscribes `orders@account` and subscribes to `orders@session`, which does not report orders that were
/// placed over other links. Those orders are in doubt.
#[test]
fn an_order_that_only_the_account_reported_is_not_followed_by_the_session() {
    let (mut fed, [first, second], id) = two_links("orders@account");
    confirm(&mut fed, second);
    fed.client.request_over(t(2), first, &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.client.request_over(t(2), second, &Request::PlaceOrder(new_order("a2"))).unwrap();
    fed.poll();
    let cases =
        [(77, Some("a1"), false), (78, Some("a2"), true), (79, Some("foreign"), false), (80, None, false)];
    for (order_id, client, _) in cases {
        fed.feed_over(second, 3, &order(order_id, client, "NEW", ""));
    }
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    narrow(&mut fed, second, id, "orders@session");
    for (order_id, client, is_followed) in cases {
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(order_id, found(order_id, OrderState::Open, "0"), asked));
        let doubt = fed.orders.get(order_id).unwrap().doubt();
        let expected = (!is_followed).then_some(StaleReason::NotSubscribed);
        assert_eq!(doubt, expected, "{order_id} {client:?}");
    }
    // What the stream of the session reports belongs to the session, also after a further subscription.
    fed.feed_over(second, 10, &order(81, None, "NEW", ""));
    assert_eq!(fed.orders.get(81).unwrap().doubt(), None);
    let id = fed.client.streams().find(|(_, stream, _)| *stream == s("orders@session")).unwrap().0;
    narrow(&mut fed, second, id, "orders@session");
    assert_eq!(fed.orders.get(81).unwrap().doubt(), Some(StaleReason::NotSubscribed));
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile(81, found(81, OrderState::Open, "0"), asked));
    assert_eq!(fed.orders.get(81).unwrap().doubt(), None);
}

#[test]
fn a_quote_that_only_the_account_reported_is_not_followed_by_the_session() {
    let named = |id: &str, price: &str| QUOTE.replace("q1", id).replace("e1", id).replace("0.5", price);
    let (mut fed, [first, second], id) = two_links("requestForQuote@account");
    confirm(&mut fed, second);
    let submit = |fed: &mut Fed, link, price| {
        let request = fed.client.request_over(t(2), link, &Request::SubmitQuote(quote(price))).unwrap();
        fed.poll();
        request
    };
    let (own, other) = (submit(&mut fed, first, "0.1"), submit(&mut fed, second, "0.2"));
    let cases = [("q1", "0.1", false), ("q2", "0.2", true), ("q3", "0.3", false)];
    for (id, price, _) in cases {
        fed.feed_over(second, 3, &named(id, price));
    }
    assert_eq!(fed.quotes.get(own).unwrap().quote_id, "q1".parse().ok());
    assert_eq!(fed.quotes.get(other).unwrap().quote_id, "q2".parse().ok());
    assert_eq!(fed.quotes.to_reconcile().count(), 0);
    narrow(&mut fed, second, id, "requestForQuote@session");
    for (id, _, is_followed) in cases {
        let asked = fed.quotes.moment();
        let found = Some(FoundQuote { quote_id: id.parse().unwrap(), state: QuoteState::Active });
        assert!(fed.quotes.reconcile(id, found, asked));
        let expected = (!is_followed).then_some(StaleReason::NotSubscribed);
        assert_eq!(fed.quotes.get(id).unwrap().doubt(), expected, "{id}");
    }
    fed.feed_over(second, 10, &named("q4", "0.4"));
    assert_eq!(fed.quotes.get("q4").unwrap().doubt(), None);
}

/// Data comes before the confirmation, so at first it is unknown whether the stream reports the whole account. The
/// confirmation shows that it reports one session. Then orders and quotes of other sessions are in doubt.
#[test]
fn a_confirmed_session_puts_in_doubt_what_it_does_not_report() {
    let (mut fed, [first, second], _) = two_links("orders@session");
    let subscribe = core::mem::take(&mut fed.sent);
    fed.client.request_over(t(1), second, &Request::PlaceOrder(new_order("x"))).unwrap();
    fed.poll();
    fed.feed_over(second, 2, &order(77, Some("x"), "NEW", ""));
    fed.client.request_over(t(3), first, &Request::PlaceOrder(new_order("y"))).unwrap();
    fed.poll();
    fed.sent = subscribe;
    confirm(&mut fed, second);
    assert_eq!(fed.orders.get("x").unwrap().doubt(), None);
    assert_eq!(fed.orders.get("y").unwrap().doubt(), Some(StaleReason::NotSubscribed));

    let (mut fed, [first, second], _) = two_links("requestForQuote@session");
    let subscribe = core::mem::take(&mut fed.sent);
    fed.feed_over(second, 2, &QUOTE.replace("0.5", "0.9"));
    let mut submit =
        |link, price| fed.client.request_over(t(3), link, &Request::SubmitQuote(quote(price))).unwrap();
    let (own, other) = (submit(second, "0.5"), submit(first, "0.6"));
    fed.poll();
    assert_eq!(fed.quotes.to_reconcile().count(), 0);
    fed.sent = subscribe;
    confirm(&mut fed, second);
    assert_eq!(fed.quotes.get(own).unwrap().doubt(), None);
    assert_eq!(fed.quotes.get(other).unwrap().doubt(), Some(StaleReason::NotSubscribed));
}

/// The stream of a session delivers an event about a whole request for quotes. A quote that another link has
/// submitted for this request stays in doubt, because the stream of the session does not report it.
#[test]
fn an_event_about_a_request_for_quotes_does_not_show_who_submitted_its_quotes() {
    let unnamed = QUOTE.replace(r#","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE""#, "");
    for event in [unnamed.clone(), unnamed.replace("CLOSED", "ACCEPTED")] {
        let (mut fed, [first, second], _) = two_links("requestForQuote@session");
        confirm(&mut fed, second);
        let mut submit = |link, price| {
            let about = Request::SubmitQuote(quote(price));
            let request = fed.client.request_over(t(2), link, &about).unwrap();
            fed.poll();
            request
        };
        let cases = [(submit(first, "0.1"), "q1", false), (submit(second, "0.2"), "q2", true)];
        for text in ["", &event] {
            if !text.is_empty() {
                fed.feed_over(second, 3, text);
            }
            for (request, id, is_followed) in cases {
                let asked = fed.quotes.moment();
                let found = FoundQuote { quote_id: id.parse().unwrap(), state: QuoteState::Active };
                fed.quotes.reconcile(request, Some(found), asked);
                let expected = (!is_followed).then_some(StaleReason::NotSubscribed);
                assert_eq!(fed.quotes.get(request).unwrap().doubt(), expected, "{id}, after {text:?}");
            }
        }
    }
}
