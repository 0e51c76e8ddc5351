//! What each form of a reply says about an order or a quote, whatever the request was.

use gemini_ws::{
    Config, Endpoint, Event, FoundQuote, Message, OrderState, Orders, QuoteKey, QuoteState, Quotes, Replay,
    Request, RequestId, RequestOutcome, Scratch, StaleReason, Subject, decode,
};

use super::fed::{Fed, answer, apply, first_stream, new_order, order, pair, quote, send, t, update};

/// What follows from a reply: the state and the doubt of an order or quote that the request created, and the doubt
/// about orders and quotes that existed before.
#[derive(Debug, PartialEq)]
struct After {
    placed: (OrderState, Option<StaleReason>),
    canceled: [Option<StaleReason>; 3],
    submitted: (QuoteState, Option<StaleReason>),
    followed_up: [Option<StaleReason>; 2],
}

const ACCEPTED: After = After {
    placed: (OrderState::Acknowledged, None),
    canceled: [None; 3],
    submitted: (QuoteState::Active, None),
    followed_up: [None; 2],
};

const REFUSED: After = After {
    placed: (OrderState::Rejected, None),
    canceled: [Some(StaleReason::NotFound), None, None],
    submitted: (QuoteState::Rejected, None),
    followed_up: [Some(StaleReason::NotFound); 2],
};

/// The venue has not acted on the request, and has not said whether the order or quote of the request exists.
const UNDONE: After = After { canceled: [None; 3], followed_up: [None; 2], ..REFUSED };

const UNKNOWN: After = After {
    placed: (OrderState::Unknown, Some(StaleReason::Unanswered)),
    canceled: [Some(StaleReason::Unanswered); 3],
    submitted: (QuoteState::Unknown, Some(StaleReason::Unanswered)),
    followed_up: [Some(StaleReason::Unanswered); 2],
};

fn event(quotes: &mut Quotes, id: &str, rest: &str) {
    let frame = format!(
        r#"{{"e":"requestForQuote","i":"{id}","E":1,"r":"r1","x":"CLOSED","S":"OPEN","p":"0.5","sz":"10"{rest}}}"#
    );
    let mut scratch = Scratch::new();
    quotes.apply(&Replay::new(Endpoint::Streams).event(&frame, &mut scratch).unwrap().unwrap());
}

fn after(outcome: RequestOutcome<'_>) -> After {
    let (link, request) = (Fed::new(Config::new("ws://v")).link, RequestId::new(9));
    let reply = |about| Event::Reply { link, request, about, outcome };
    let placed = {
        let mut orders = Orders::new();
        apply(&mut orders, &order(78, None, "NEW", ""));
        let about = Subject::PlaceOrder(new_order("a1"));
        orders.apply(&Event::Requested { link, request, about });
        orders.apply(&reply(about));
        let order = orders.get("a1").unwrap();
        (order.state, order.doubt())
    };
    let canceled =
        [Subject::CancelOrder(77), Subject::CancelAllOrders, Subject::CancelSessionOrders].map(|about| {
            let mut orders = Orders::new();
            apply(&mut orders, &update("NEW", ""));
            orders.apply(&reply(about));
            orders.get(77).unwrap().doubt()
        });
    let submitted = {
        let mut quotes = Quotes::new();
        event(&mut quotes, "1", r#","q":"other","qs":"ACTIVE""#);
        let about = Subject::SubmitQuote(quote("0.5"));
        quotes.apply(&Event::Requested { link, request, about });
        quotes.apply(&reply(about));
        let quote = quotes.get(request).unwrap();
        (quote.state, quote.doubt())
    };
    let [rfq_id, quote_id]: [QuoteKey; 2] = ["r1", "q1"].map(|id| id.parse().unwrap());
    let followed_up = [
        Subject::WithdrawQuote { rfq_id, quote_id },
        Subject::ConfirmQuote { rfq_id, quote_id, confirm: true },
    ]
    .map(|about| {
        let mut quotes = Quotes::new();
        event(&mut quotes, "1", r#","q":"q1","qs":"ACTIVE""#);
        quotes.apply(&reply(about));
        quotes.get("q1").unwrap().doubt()
    });
    After { placed, canceled, submitted, followed_up }
}

/// Only a refusal puts an order or quote in doubt for the reason `NotFound`.
#[test]
fn z16_a_reply_means_the_same_for_every_request() {
    for (reply, expected) in [
        (r#"{"id":9,"status":200,"result":{"rfqId":"r1","quoteId":"q1"}}"#, ACCEPTED),
        (r#"{"id":9,"status":400,"error":{"code":-1013,"msg":"not found"}}"#, REFUSED),
        (r#"{"id":9,"error":{"code":-2010,"msg":"no funds"}}"#, REFUSED),
        (r#"{"id":9,"status":429,"error":{"code":-1003,"msg":"Too many"}}"#, UNDONE),
        (r#"{"id":9,"status":429}"#, UNDONE),
        (r#"{"id":9,"error":{"code":-1003,"msg":"Too many"}}"#, UNDONE),
        (r#"{"id":9,"status":500,"error":{"code":-1003,"msg":"Too many"}}"#, UNKNOWN),
        (r#"{"id":9,"status":429,"error":{"code":-1000,"msg":"Internal error"}}"#, UNKNOWN),
        (r#"{"id":9,"status":408,"error":{"code":0,"msg":"Timed out"}}"#, UNKNOWN),
        (r#"{"id":9,"status":503}"#, UNKNOWN),
        (r#"{"id":9,"error":{"code":-1000,"msg":"Internal error"}}"#, UNKNOWN),
        // A reply that contradicts itself is no refusal.
        (r#"{"id":9,"status":200,"error":{}}"#, UNKNOWN),
        (r#"{"id":9,"status":200,"error":{"code":0,"msg":""},"result":{"orderId":"77"}}"#, UNKNOWN),
        (r#"{"id":9,"status":400,"result":{"orderId":"77"}}"#, UNKNOWN),
        (r#"{"id":9,"status":429,"result":{"orderId":"77"}}"#, UNKNOWN),
        (r#"{"id":9,"status":400,"result":{"orderId":"x"}}"#, UNKNOWN),
        (r#"{"id":9,"status":429,"result":{"orderId":"x"}}"#, UNKNOWN),
        (r#"{"id":9,"status":400,"error":{"code":-2010,"msg":"x"},"result":{"quoteId":"q1"}}"#, UNKNOWN),
        (r#"{"id":9,"status":429,"result":{"rfqId":"r1","quoteId":"q1"}}"#, UNKNOWN),
        (r#"{"id":9,"status":400,"result":{"quoteId":1}}"#, UNKNOWN),
        (r#"{"id":9,"status":400,"error":{"code":-2010,"msg":"x"},"result":{"orderId":-7}}"#, UNKNOWN),
        (r#"{"id":9,"status":429,"result":{"orderId":[77]}}"#, UNKNOWN),
        (r#"{"id":9,"status":302}"#, UNKNOWN),
        // An order id of 0 counts as missing.
        (r#"{"id":9,"status":200,"result":{"rfqId":"r1","quoteId":"q1","orderId":0}}"#, ACCEPTED),
        (r#"{"id":9,"status":400,"result":{"orderId":"0"},"error":{"code":-2010,"msg":"x"}}"#, REFUSED),
        (r#"{"id":9,"status":429,"result":{"orderId":0}}"#, UNDONE),
        (r#"{"id":9,"status":400,"result":{"quoteId":"","orderId":null},"error":{"code":-2010}}"#, REFUSED),
        (r#"{"id":9,"status":429,"result":{"orderId":null}}"#, UNDONE),
        (r#"{"id":9,"status":429,"result":"77"}"#, UNDONE),
    ] {
        let mut scratch = Scratch::new();
        let Ok(Message::Response(response)) = decode(reply, &mut scratch) else { panic!("{reply}") };
        assert_eq!(after(RequestOutcome::Answered(response)), expected, "{reply}");
    }
    assert_eq!(after(RequestOutcome::TimedOut), UNKNOWN);
    assert_eq!(after(RequestOutcome::Lost), UNKNOWN);
    assert_eq!(after(RequestOutcome::NotSent), UNDONE);
}

#[test]
fn an_order_id_of_zero_in_a_reply_is_none() {
    let mut orders = Orders::new();
    orders.apply(&Event::Subscribed {
        link: Fed::new(Config::new("ws://v")).link,
        id: first_stream(),
        stream: "orders@account".parse().unwrap(),
    });
    for (number, id) in [(5, "a1"), (6, "a2")] {
        let sent = send(&mut orders, number, id);
        answer(&mut orders, sent, &format!(r#"{{"id":{number},"status":200,"result":{{"orderId":"0"}}}}"#));
    }
    for (order_id, id) in [(77, "a1"), (78, "a2")] {
        apply(&mut orders, &order(order_id, Some(id), "FILLED", r#","Z":"1","L":"100","t":5"#));
    }
    let shown: Vec<_> = orders.iter().map(|it| (it.order_id, it.state, it.request().is_some())).collect();
    let expected = [77, 78].map(|id| (Some(id), OrderState::Filled, true));
    assert_eq!((shown.as_slice(), orders.contradictions()), (expected.as_slice(), 0));
}

/// REST does not find a quote. The quote stays in doubt if only the other endpoint reports quotes, because the
/// request may still be under way.
#[test]
fn z17_quotes_of_another_endpoint_do_not_report_this_one() {
    let (mut fed, [first, second]) = pair(["ws://a", "ws://b"]);
    let stream = "requestForQuote@account".parse().unwrap();
    fed.quotes.apply(&Event::Subscribed { link: second, id: first_stream(), stream });
    let (request, about) = (RequestId::new(9), Subject::SubmitQuote(quote("0.5")));
    for (link, is_reported) in [(first, false), (second, true)] {
        let mut quotes = fed.quotes.clone();
        quotes.apply(&Event::Requested { link, request, about });
        quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        let asked = quotes.moment();
        assert!(quotes.reconcile(request, None, asked));
        let doubt = (!is_reported).then_some(StaleReason::NotSubscribed);
        assert_eq!(quotes.get(request).unwrap().doubt(), doubt, "the request may still be on the way");
    }
}

/// An answer says that two quotes in `Quotes` are one. The question is older than the doubt about one of them, so the
/// answer does not resolve that doubt.
#[test]
fn z18_an_answer_is_as_old_as_for_either_entry() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut quotes = Quotes::new();
    // The price of the event differs, so `Quotes` does not apply it to the quote of the request.
    event(&mut quotes, "1", r#","q":"q1","qs":"ACTIVE""#);
    let (request, about) = (RequestId::new(9), Subject::SubmitQuote(quote("0.6")));
    quotes.apply(&Event::Requested { link, request, about });
    quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    let asked = quotes.moment();
    let [rfq_id, quote_id]: [QuoteKey; 2] = ["r1", "q1"].map(|id| id.parse().unwrap());
    let about = Subject::WithdrawQuote { rfq_id, quote_id };
    let outcome = RequestOutcome::TimedOut;
    quotes.apply(&Event::Reply { link, request: RequestId::new(10), about, outcome });
    let found = Some(FoundQuote { quote_id, state: QuoteState::Active });
    assert!(!quotes.reconcile(request, found, asked), "it does not know of the withdrawal");
    assert_eq!(quotes.get("q1").unwrap().doubt(), Some(StaleReason::Unanswered));
    let asked = quotes.moment();
    assert!(quotes.reconcile(request, found, asked));
    assert_eq!(quotes.get("q1").unwrap().doubt(), None);
}

/// If the reply to a cancel of order 77 names order 78, it is unknown which of them the venue cancelled. Both are in
/// doubt.
#[test]
fn an_accepted_cancel_that_names_another_order_is_unknown() {
    for (id, expected) in
        [("77", (true, None)), ("0", (true, None)), ("78", (false, Some(StaleReason::Unanswered)))]
    {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &order(77, None, "OPEN", ""));
        fed.feed(2, &order(78, None, "OPEN", ""));
        let request = fed.client.request(t(3), &Request::CancelOrder { order_id: 77 }).unwrap();
        fed.poll();
        fed.feed(4, &format!(r#"{{"id":{},"status":200,"result":{{"orderId":"{id}"}}}}"#, request.get()));
        assert_eq!((fed.order().cancel_accepted, fed.order().doubt()), expected, "{id}");
        assert_eq!(fed.orders.get(78).unwrap().doubt(), expected.1, "{id}");
    }
}

/// Submits a quote for `r1`. The venue accepts it with this result.
fn submitted(result: &str) -> Fed {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let id = fed.client.request(t(2), &Request::SubmitQuote(quote("0.5"))).unwrap().get();
    fed.poll();
    fed.feed(3, &format!(r#"{{"id":{id},"status":200,"result":{result}}}"#));
    fed
}

/// If a reply names another request for quotes, or a quote id that cannot be read, `Quotes` does not use its ids, and
/// the quote is in doubt.
#[test]
fn a_reply_about_another_request_for_quotes_leaves_a_doubt() {
    for result in [r#"{"quoteId":"q1","rfqId":"r9"}"#, r#"{"quoteId":{"x":1},"rfqId":"r1"}"#] {
        let fed = submitted(result);
        let quote = fed.quotes.iter().next().unwrap();
        assert_eq!((quote.quote_id, quote.doubt()), (None, Some(StaleReason::Contradiction)), "{result}");
    }
    let mut fed = submitted(r#"{"quoteId":"q1","rfqId":"r1"}"#);
    assert_eq!(fed.quotes.get("q1").unwrap().doubt(), None);
    let withdrawal =
        Request::WithdrawQuote { rfq_id: "r1".parse().unwrap(), quote_id: "q1".parse().unwrap() };
    let id = fed.client.request(t(4), &withdrawal).unwrap().get();
    fed.poll();
    fed.feed(5, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r9"}}}}"#));
    let quote = fed.quotes.get("q1").unwrap();
    assert_eq!((quote.state, quote.doubt()), (QuoteState::Active, Some(StaleReason::Contradiction)));
}

#[test]
fn an_odd_member_of_a_reply_costs_no_quote_id() {
    for odd in [r#""rfqId":"r1","confirmed":"no""#, r#""rfqId":{"x":1}"#, r#""orderId":"x""#] {
        let fed = submitted(&format!(r#"{{"quoteId":"q1",{odd}}}"#));
        assert_eq!(fed.quotes.get("q1").map(|quote| quote.doubt()), Some(None), "{odd}");
    }
}
