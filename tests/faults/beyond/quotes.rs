//! Faults of quotes: which quote an event is about, and whose quote that is.

use gemini_ws::{
    Endpoint, Event, FoundQuote, LinkId, Message, NewQuote, QUOTES_MAX, Quote, QuoteState, Quotes, Replay,
    Request, RequestId, RequestOutcome, Scratch, StaleReason, Subject, Topic, decode,
};

use super::fed::{Fed, LOST_FACTS, first_stream, id_of, pair, quote, t};

const STREAM: &str = "requestForQuote@account";

/// Formats an event about the request for quotes `r1`. `rest` is the text after the status.
fn event(number: u32, step: &str, status: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"requestForQuote","i":"e{number}","E":1790743321322,"r":"r1","x":"{step}","S":"{status}"{rest}}}"#
    )
}

/// Formats the members of a quote with the terms of [`quote`].
fn named(id: &str, status: &str) -> String {
    format!(r#","q":"{id}","p":"0.5","sz":"10","qs":"{status}""#)
}

/// Submits a quote. Returns the id of the request, also as the text in its reply.
fn submitted(fed: &mut Fed) -> (RequestId, String) {
    let about = gemini_ws::Request::SubmitQuote(quote("0.5"));
    let request = fed.client.request(t(1), &about).unwrap();
    fed.poll();
    let id = id_of(&fed.sent.pop().unwrap());
    (request, id)
}

fn shown(quote: &Quote) -> (QuoteState, Option<&str>, Option<StaleReason>) {
    (quote.state, quote.quote_id.as_ref().map(|id| id.as_str()), quote.doubt())
}

/// Another client has submitted a quote with the same terms, and the event of that quote comes before the reply. Each
/// row has the status of the other quote, the reply, and then what `Quotes` knows of the quote of the request and of
/// the other quote.
#[test]
fn z27_a_quote_of_another_client_with_the_same_terms() {
    use QuoteState::{Active, Rejected, Withdrawn};
    let ok = |id: &str| format!(r#""status":200,"result":{{"rfqId":"r1","quoteId":"{id}"}}"#);
    let refused = r#""status":400,"error":{"code":-1013,"msg":"no"}"#.to_owned();
    for (status, reply, own, other) in [
        ("ACTIVE", ok("own"), (Active, Some("own"), None), Some(Active)),
        ("ACTIVE", ok("other"), (Active, Some("other"), None), None),
        ("WITHDRAWN", ok("own"), (Active, Some("own"), None), Some(Withdrawn)),
        ("ACTIVE", refused.clone(), (Rejected, None, None), Some(Active)),
        ("WITHDRAWN", refused, (Rejected, None, None), Some(Withdrawn)),
    ] {
        let mut fed = Fed::private(&[STREAM]);
        let (request, id) = submitted(&mut fed);
        fed.feed(2, &event(1, "CLOSED", "OPEN", &named("other", status)));
        fed.feed(3, &format!("{{\"id\":{id},{reply}}}"));
        let quotes = &fed.quotes;
        assert_eq!(shown(quotes.get(request).unwrap()), own, "{status} {reply}");
        if let Some(state) = other {
            let theirs = quotes.get("other").unwrap();
            assert_eq!((theirs.state, theirs.request, theirs.doubt()), (state, None, None), "{reply}");
        }
        assert_eq!(quotes.iter().count(), 1 + usize::from(other.is_some()), "{reply}");
    }
}

/// An event reports a quote with the terms of the request, and no reply comes. The quote of the request stays in
/// doubt until REST names its id, or answers that there is none.
#[test]
fn z28_without_a_reply_an_equal_quote_may_be_that_of_another_client() {
    for status in ["ACTIVE", "WITHDRAWN", "WON"] {
        for (found, own) in [
            (Some(("other", QuoteState::Withdrawn)), Some("other")),
            (Some(("own", QuoteState::Withdrawn)), Some("own")),
            (None, None),
        ] {
            let mut fed = Fed::private(&[STREAM]);
            let (request, _) = submitted(&mut fed);
            fed.feed(2, &event(1, "CLOSED", "OPEN", &named("other", status)));
            let outcome = RequestOutcome::TimedOut;
            let about = Subject::SubmitQuote(quote("0.5"));
            let link = fed.link;
            fed.quotes.apply(&Event::Reply { link, request, about, outcome });
            assert_eq!(fed.quotes.get(request).unwrap().doubt(), Some(StaleReason::Unanswered), "{status}");
            fed.feed(3, &event(2, "CLOSED", "OPEN", &named("other", status)));
            assert_eq!(fed.quotes.get(request).unwrap().doubt(), Some(StaleReason::Unanswered), "{status}");
            let asked = fed.quotes.moment();
            let found = found.map(|(id, state)| FoundQuote { quote_id: id.parse().unwrap(), state });
            assert!(fed.quotes.reconcile(request, found, asked), "{status} {own:?}");
            let quote = fed.quotes.get(request).unwrap();
            assert_eq!((quote.quote_id.map(|id| id.to_string()).as_deref(), quote.doubt()), (own, None));
            assert!(own == Some("other") || fed.quotes.get("other").unwrap().request.is_none());
        }
    }
}

/// An event about a whole request for quotes changes only quotes that exist. It does not say which of several quotes
/// was accepted, declined or executed.
#[test]
fn z29_an_event_without_the_id_of_a_quote() {
    let two = [named("q1", "ACTIVE"), named("q2", "ACTIVE")];
    for (step, status, one, both) in [
        ("CLOSED", "PENDING_ACCEPTANCE", (QuoteState::Active, None), (QuoteState::Active, None)),
        (
            "ACCEPTED",
            "CONFIRMING",
            (QuoteState::Accepted, None),
            (QuoteState::Active, Some(StaleReason::UnknownStatus)),
        ),
        (
            "DECLINED",
            "OPEN",
            (QuoteState::Declined, None),
            (QuoteState::Active, Some(StaleReason::UnknownStatus)),
        ),
        (
            "FINALIZED",
            "FINALIZED",
            (QuoteState::Active, Some(StaleReason::UnknownStatus)),
            (QuoteState::Active, Some(StaleReason::UnknownStatus)),
        ),
        ("CLOSED", "EXPIRED", (QuoteState::Expired, None), (QuoteState::Expired, None)),
    ] {
        for (quotes, expected) in [(&two[..1], one), (&two[..], both)] {
            let mut fed = Fed::private(&[STREAM]);
            for (number, rest) in (1..).zip(quotes) {
                fed.feed(2, &event(number, "CLOSED", "OPEN", rest));
            }
            fed.feed(3, &event(9, step, status, ""));
            for quote in fed.quotes.iter() {
                assert_eq!(
                    (quote.state, quote.doubt()),
                    expected,
                    "{step} {status}, {} quotes",
                    quotes.len()
                );
            }
        }
        // A quote whose request has no reply yet, and one that the venue did not find, may not exist.
        let mut fed = Fed::private(&[STREAM]);
        let (request, _) = submitted(&mut fed);
        fed.feed(3, &event(9, step, status, ""));
        let state = fed.quotes.get(request).unwrap().state;
        assert!(matches!(state, QuoteState::Sent | QuoteState::Expired), "{step}: {state}");
        fed.reconnect(4);
        fed.acknowledge(2_000);
        let asked = fed.quotes.moment();
        if fed.quotes.reconcile(request, None, asked) {
            fed.feed(2_001, &event(10, step, status, ""));
            assert_eq!(fed.quotes.get(request).unwrap().state, QuoteState::Rejected, "{step}");
        }
    }
}

#[test]
fn z30_quotes_of_two_endpoints_are_not_one() {
    let (mut fed, [first, second]) = pair(["ws://a", "ws://b"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    for (endpoint, link) in endpoints.into_iter().zip([first, second]) {
        fed.client.subscribe_at(t(1), endpoint, STREAM.parse().unwrap(), None).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        fed.feed_over(link, 1, &format!("{{\"id\":{id},\"status\":200}}"));
    }
    fed.poll();
    let (request, about) = (RequestId::new(9), Subject::SubmitQuote(quote("0.5")));
    fed.quotes.apply(&Event::Requested { link: first, request, about });
    fed.feed_over(second, 2, &event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    assert_eq!(shown(fed.quotes.get(request).unwrap()), (QuoteState::Sent, None, None));
    fed.feed_over(first, 3, &event(2, "CLOSED", "OPEN", &named("q1", "WITHDRAWN")));
    fed.feed_over(second, 4, &event(3, "CLOSED", "EXPIRED", ""));
    let states: Vec<QuoteState> = fed.quotes.iter().map(|quote| quote.state).collect();
    assert_eq!(states, [QuoteState::Withdrawn, QuoteState::Expired]);
}

/// If the first event of a quote comes while no stream is subscribed, the quote is in doubt, even if the queue
/// dropped the event that began the link.
#[test]
fn z31_what_is_seen_while_nothing_is_subscribed_is_in_doubt() {
    let mut fed = Fed::private(&[STREAM]);
    let (link, id, stream) = (fed.link, first_stream(), STREAM.parse().unwrap());
    fed.quotes.apply(&Event::Unsubscribed { link, id, stream, last: true });
    fed.feed(2, &event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    assert_eq!(fed.quotes.get("q1").unwrap().doubt(), Some(StaleReason::NotSubscribed));
    // The end of the first link and the beginning of the second were dropped.
    let mut fed = Fed::private(&[STREAM]);
    let mut later = Fed::private(&[STREAM]);
    later.reconnect(2);
    later.acknowledge(2_000);
    fed.quotes.apply(&LOST_FACTS);
    fed.quotes.apply(&Event::Unsubscribed { link: later.link, id, stream, last: true });
    let (mut scratch, text) = (gemini_ws::Scratch::new(), event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    let frame = gemini_ws::Frame::Text(&text);
    let late = later.client.handle_frame(later.link, t(2_001), frame, &mut scratch).unwrap();
    fed.quotes.apply(&late);
    assert_eq!(fed.quotes.get("q1").unwrap().doubt(), Some(StaleReason::NotSubscribed));
}

/// An answer of REST names a quote id that belongs to another request. `Quotes` does not use the answer, and keeps
/// both quotes.
#[test]
fn z32_an_answer_about_the_quote_of_another_request() {
    let mut fed = Fed::private(&[STREAM]);
    let (request, _) = submitted(&mut fed);
    let (other, id) = submitted(&mut fed);
    fed.feed(3, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r1","quoteId":"q2"}}}}"#));
    let (link, about) = (fed.link, Subject::SubmitQuote(quote("0.5")));
    fed.quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    let found = FoundQuote { quote_id: "q2".parse().unwrap(), state: QuoteState::Active };
    let asked = fed.quotes.moment();
    assert!(!fed.quotes.reconcile(request, Some(found), asked));
    assert_eq!(fed.quotes.get("q2").unwrap().request, Some(other));
    assert_eq!(fed.quotes.get(request).unwrap().doubt(), Some(StaleReason::Unanswered));
}

/// REST named one quote id for the request, and then the reply names another. `Quotes` keeps two quotes, and the
/// second is the quote of the request.
#[test]
fn z33_a_reply_outweighs_an_answer() {
    let mut fed = Fed::private(&[STREAM]);
    let (request, id) = submitted(&mut fed);
    fed.quotes.apply(&LOST_FACTS);
    let asked = fed.quotes.moment();
    let found = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Active };
    assert!(fed.quotes.reconcile(request, Some(found), asked));
    fed.feed(3, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r1","quoteId":"q2"}}}}"#));
    let [theirs, own] = ["q1", "q2"].map(|id| fed.quotes.get(id).unwrap());
    assert_eq!((theirs.request, own.request), (None, Some(request)));
    assert_eq!([theirs, own].map(|quote| quote.quote_id.map(|id| id.to_string()).unwrap()), ["q1", "q2"]);
}

/// `apply` returns true for a request about a quote and for the reply to it, and false for any other request.
#[test]
fn z35_requests_about_quotes_concern_quotes() {
    let fed = Fed::private(&[STREAM]);
    let [rfq_id, quote_id] = ["r1", "q1"].map(|id| id.parse().unwrap());
    let subjects = [
        (Subject::SubmitQuote(quote("0.5")), true),
        (Subject::WithdrawQuote { rfq_id, quote_id }, true),
        (Subject::ConfirmQuote { rfq_id, quote_id, confirm: true }, true),
        (Subject::CancelAllOrders, false),
    ];
    for (about, expected) in subjects {
        let (mut quotes, link, request) = (Quotes::new(), fed.link, RequestId::new(900));
        let sent = quotes.apply(&Event::Requested { link, request, about });
        let answered =
            quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        assert_eq!([sent, answered], [expected; 2], "{about:?}");
    }
}

#[test]
fn z36_an_event_of_the_request_ends_no_doubt_about_a_quote() {
    for (step, status) in
        [("CLOSED", "EXPIRED"), ("CLOSED", "CANCELLED"), ("FAILED", "FAILED"), ("CLOSED", "OPEN")]
    {
        let mut fed = Fed::private(&[STREAM]);
        fed.feed(2, &event(1, "ACCEPTED", "CONFIRMING", r#","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE""#));
        fed.quotes.apply(&Event::Overflow { topic: Topic::Quotes, symbol: None, dropped: 1 });
        let asked = fed.quotes.moment();
        fed.feed(3, &event(3, step, status, ""));
        let doubt = fed.quotes.get("q1").unwrap().doubt();
        assert_eq!(doubt, Some(StaleReason::Overflow), "{step} {status}: it may be declined");
        let answer = |state| FoundQuote { quote_id: "q1".parse().unwrap(), state };
        if status != "OPEN" {
            let is_used = fed.quotes.reconcile("q1", Some(answer(QuoteState::Active)), asked);
            assert!(!is_used, "{status}: the answer is older than the event");
        }
        let asked = fed.quotes.moment();
        let declined = Some(answer(QuoteState::Declined));
        assert!(fed.quotes.reconcile("q1", declined, asked), "{step} {status}");
        assert_eq!(fed.quotes.get("q1").unwrap().doubt(), None, "{step} {status}");
    }
}

/// An event without a quote id may be about a quote of this client whose id is not known yet. So the quote whose id
/// is known does not change its state, and is in doubt.
#[test]
fn z43_an_event_without_an_id_may_be_about_a_quote_that_has_none_yet() {
    for step in ["ACCEPTED", "CONFIRMED", "DECLINED"] {
        let mut fed = Fed::private(&[STREAM]);
        let (_, first) = submitted(&mut fed);
        let receipt = |quote: &str| format!(r#""status":200,"result":{{"rfqId":"r1","quoteId":"{quote}"}}"#);
        fed.feed(2, &format!("{{\"id\":{first},{}}}", receipt("q1")));
        let (request, second) = submitted(&mut fed);
        fed.feed(3, &event(1, step, "CONFIRMING", ""));
        fed.feed(4, &format!("{{\"id\":{second},{}}}", receipt("q2")));
        let told = fed.quotes.get("q1").unwrap();
        assert_eq!(
            (told.state, told.doubt()),
            (QuoteState::Active, Some(StaleReason::UnknownStatus)),
            "{step}"
        );
        // The venue may have sent the reply to the second submission before the event.
        let asked = fed.quotes.moment();
        let found = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Accepted };
        assert!(fed.quotes.reconcile("q1", Some(found), asked));
        let second = fed.quotes.get(request).unwrap();
        let expected = (QuoteState::Active, Some(StaleReason::UnknownStatus));
        assert_eq!((second.state, second.doubt()), expected, "{step}");
    }
}

/// An event without a quote id may be about the only quote of the request for quotes, even if the submission of this
/// quote has no reply yet. If the event reports an acceptance, a confirmation or a decline, the quote is in doubt.
#[test]
fn z46_an_event_without_an_id_about_the_only_quote_which_has_none_yet() {
    for (step, reason) in [
        ("CLOSED", None),
        ("ACCEPTED", Some(StaleReason::UnknownStatus)),
        ("CONFIRMED", Some(StaleReason::UnknownStatus)),
        ("DECLINED", Some(StaleReason::UnknownStatus)),
    ] {
        let status = if step == "CLOSED" { "OPEN" } else { "CONFIRMING" };
        let mut fed = Fed::private(&[STREAM]);
        let (request, id) = submitted(&mut fed);
        fed.feed(3, &event(1, step, status, ""));
        assert_eq!(fed.quotes.get(request).unwrap().doubt(), reason, "{step}, before the reply");
        fed.feed(4, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r1","quoteId":"q1"}}}}"#));
        let quote = fed.quotes.get("q1").unwrap();
        assert_eq!((quote.state, quote.doubt()), (QuoteState::Active, reason), "{step}, after the reply");
        let asked = fed.quotes.moment();
        let found = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Accepted };
        assert_eq!(fed.quotes.reconcile("q1", Some(found), asked), reason.is_some(), "{step}");
        let quote = fed.quotes.get("q1").unwrap();
        assert_eq!(quote.doubt(), None, "{step}");
        // A refused submission has created no quote.
        let (request, id) = submitted(&mut fed);
        fed.feed(5, &event(2, step, status, ""));
        fed.feed(6, &format!(r#"{{"id":{id},"status":400,"error":{{"code":-1,"msg":"no"}}}}"#));
        let refused = fed.quotes.get(request).unwrap();
        assert_eq!((refused.state, refused.doubt()), (QuoteState::Rejected, None), "{step}");
    }
}

#[test]
fn z44_a_reply_that_confirms_nothing_is_no_confirmation() {
    for (confirm, confirmed, expected) in [
        (true, "true", (QuoteState::Confirmed, None)),
        (false, "false", (QuoteState::Declined, None)),
        (true, "null", (QuoteState::Confirmed, None)),
        (true, "false", (QuoteState::Accepted, Some(StaleReason::Contradiction))),
        (false, "true", (QuoteState::Accepted, Some(StaleReason::Contradiction))),
    ] {
        let mut fed = Fed::private(&[STREAM]);
        fed.feed(2, &event(1, "ACCEPTED", "CONFIRMING", &named("q1", "ACTIVE")));
        let [rfq_id, quote_id] = ["r1", "q1"].map(|id| id.parse().unwrap());
        fed.client.request(t(3), &gemini_ws::Request::ConfirmQuote { rfq_id, quote_id, confirm }).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        let result = format!(r#"{{"rfqId":"r1","quoteId":"q1","confirmed":{confirmed}}}"#);
        fed.feed(4, &format!(r#"{{"id":{id},"status":200,"result":{result}}}"#));
        let quote = fed.quotes.get("q1").unwrap();
        assert_eq!((quote.state, quote.doubt()), expected, "{confirm} {confirmed}");
    }
}

/// The venue accepts a request about `q1`. The reply is applied if its result is an object in which `quoteId` and
/// `confirmed` are missing or agree with the request. Otherwise `q1` is in doubt.
#[test]
fn a_reply_about_a_quote_counts_only_if_it_agrees_with_the_request() {
    let [rfq_id, quote_id] = ["r1", "q1"].map(|id| id.parse().unwrap());
    let confirm = |confirm| Request::ConfirmQuote { rfq_id, quote_id, confirm };
    let withdraw = Request::WithdrawQuote { rfq_id, quote_id };
    use QuoteState::{Accepted, Confirmed, Declined, Withdrawn};
    for (request, result, state) in [
        (confirm(true), "{}", Confirmed),
        (confirm(true), r#"{"quoteId":"q1","confirmed":true}"#, Confirmed),
        (confirm(true), r#"{"rfqId":7,"confirmed":true}"#, Confirmed),
        (confirm(false), r#"{"quoteId":"q1","confirmed":false}"#, Declined),
        (withdraw.clone(), r#"{"quoteId":"q1"}"#, Withdrawn),
        (confirm(true), r#"{"quoteId":"q1","confirmed":false}"#, Accepted),
        (confirm(true), r#"{"confirmed":false}"#, Accepted),
        (confirm(false), r#"{"confirmed":true}"#, Accepted),
        (confirm(true), r#"{"quoteId":"q1","confirmed":"false"}"#, Accepted),
        (confirm(true), r#"{"rfqId":"r1","quoteId":"q9","confirmed":true}"#, Accepted),
        (confirm(true), r#"{"quoteId":9,"confirmed":true}"#, Accepted),
        (confirm(true), "[]", Accepted),
        (withdraw, r#"{"rfqId":"r1","quoteId":"q9"}"#, Accepted),
    ] {
        let mut fed = Fed::private(&[STREAM]);
        fed.feed(2, &event(1, "ACCEPTED", "CONFIRMING", &named("q1", "ACTIVE")));
        fed.client.request(t(3), &request).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        fed.feed(4, &format!(r#"{{"id":{id},"status":200,"result":{result}}}"#));
        let doubt = (state == Accepted).then_some(StaleReason::Contradiction);
        assert_eq!(shown(fed.quotes.get("q1").unwrap()), (state, Some("q1"), doubt), "{request:?} {result}");
    }
}

#[test]
fn a_reply_without_the_request_for_quotes_names_the_quote() {
    for rfq_id in ["", r#""rfqId":null,"#, r#""rfqId":"","#, r#""rfqId":7,"#, r#""rfqId":"r1","#] {
        let mut fed = Fed::private(&[STREAM]);
        let (request, id) = submitted(&mut fed);
        fed.feed(2, &format!(r#"{{"id":{id},"status":200,"result":{{{rfq_id}"quoteId":"q1"}}}}"#));
        let quote = fed.quotes.get(request).unwrap();
        assert_eq!(shown(quote), (QuoteState::Active, Some("q1"), None), "{rfq_id}");
    }
}

#[test]
fn z45_a_quote_that_the_venue_does_not_find_can_be_forgotten() {
    let mut fed = Fed::private(&[STREAM]);
    fed.feed(2, &event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    assert!(fed.quotes.forget("q1").is_none(), "it is not in doubt");
    fed.quotes.apply(&LOST_FACTS);
    let asked = fed.quotes.moment();
    assert!(!fed.quotes.reconcile("q1", None, asked), "an event has shown that it exists");
    assert_eq!(fed.quotes.to_reconcile().count(), 1);
    assert_eq!(shown(&fed.quotes.forget("q1").unwrap()).1, Some("q1"));
    assert_eq!(fed.quotes.iter().count(), 0);
    fed.feed(3, &event(2, "CLOSED", "EXPIRED", ""));
    assert_eq!(fed.quotes.iter().count(), 0, "nothing is left of it");
    fed.feed(4, &event(3, "ACCEPTED", "CONFIRMING", &named("q1", "ACTIVE")));
    assert_eq!(fed.quotes.get("q1").unwrap().state, QuoteState::Accepted);
}

/// There are more quotes than `QUOTES_MAX`, and none of them has ended. The first quote that ends stays until a new
/// quote needs its room.
#[test]
fn a_quote_that_ends_stays_until_room_is_needed() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let event = |n: usize, id: &str, members: &str| {
        format!(
            r#"{{"e":"requestForQuote","i":"{id}{n}","E":1790743321322,"r":"r1","q":"{id}","p":"0.5","sz":"10",{members}}}"#
        )
    };
    let active = r#""x":"CLOSED","S":"OPEN","qs":"ACTIVE""#;
    for n in 0..QUOTES_MAX {
        fed.feed(2, &event(1, &format!("q{n}"), active));
        fed.log.clear();
    }
    let own = fed.client.request(t(3), &Request::SubmitQuote(quote("0.7"))).unwrap();
    fed.poll();
    let id = id_of(&fed.sent.pop().unwrap());
    fed.feed(4, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r1","quoteId":"mine"}}}}"#));
    fed.feed(5, &event(2, "mine", r#""x":"FINALIZED","S":"FINALIZED","qs":"WON""#));
    assert_eq!(fed.quotes.get(own).map(|quote| quote.state), Some(QuoteState::Won));
    // An event that adds no quote removes none.
    fed.feed(6, &event(2, "q7", active));
    assert_eq!(fed.quotes.get("mine").map(|quote| quote.state), Some(QuoteState::Won));
    fed.client.request(t(7), &Request::SubmitQuote(quote("0.8"))).unwrap();
    fed.poll();
    assert_eq!((fed.quotes.get("mine"), fed.quotes.iter().count()), (None, QUOTES_MAX + 1));
}

#[test]
fn updates_with_an_empty_id_all_count() {
    let (mut replay, mut quotes) = (Replay::new(Endpoint::Streams), Quotes::new());
    for (step, status) in [("ACCEPTED", "CONFIRMING"), ("DECLINED", "OPEN")] {
        let frame = event(1, step, status, r#","q":"q1""#).replace("\"e1\"", "\"\"");
        quotes.apply(&replay.event(&frame, &mut Scratch::new()).unwrap().unwrap());
    }
    assert_eq!(quotes.get("q1").unwrap().state, QuoteState::Declined);
}

#[test]
fn a_long_reason_of_a_refusal_is_cut() {
    let link = Fed::private(&[]).link;
    let mut quotes = Quotes::new();
    let (request, about) = (RequestId::new(5), Subject::SubmitQuote(quote("1")));
    quotes.apply(&Event::Requested { link, request, about });
    let text = format!(r#"{{"id":5,"status":400,"error":{{"code":-1013,"msg":"{}"}}}}"#, "é".repeat(90_000));
    let mut scratch = Scratch::new();
    let Ok(Message::Response(response)) = decode(&text, &mut scratch) else { panic!() };
    quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) });
    assert_eq!(quotes.get(request).unwrap().reason.as_deref(), Some("é".repeat(128).as_str()));
}

fn requested(quotes: &mut Quotes, number: u64, terms: NewQuote) -> (LinkId, RequestId, Subject) {
    let link = Fed::private(&[STREAM]).link;
    let (request, about) = (RequestId::new(number), Subject::SubmitQuote(terms));
    quotes.apply(&Event::Requested { link, request, about });
    (link, request, about)
}

fn replied(quotes: &mut Quotes, (link, request, about): (LinkId, RequestId, Subject), text: &str) {
    let mut scratch = Scratch::new();
    let Ok(Message::Response(response)) = decode(text, &mut scratch) else { panic!() };
    quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) });
}

/// A later client uses the id of a request again. The quote of the earlier client has the request no longer, so
/// whatever is found out about that quote does not concern the request.
#[test]
fn the_request_of_a_later_client_names_its_own_quote() {
    let mut fed = Fed::private(&[STREAM]);
    requested(&mut fed.quotes, 5, quote("0.5"));
    fed.feed(2, &event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    let later = requested(&mut fed.quotes, 5, quote("0.6"));
    let of_request = |quotes: &Quotes| quotes.get(RequestId::new(5)).unwrap().terms;
    assert_eq!(fed.quotes.get("q1").unwrap().request, None);
    fed.quotes.apply(&Event::Overflow { topic: Topic::Quotes, symbol: None, dropped: 1 });
    // The answer shows that the id in the event was not that of the earlier quote.
    let (asked, quote_id) = (fed.quotes.moment(), "q9".parse().unwrap());
    let found = FoundQuote { quote_id, state: QuoteState::Active };
    assert!(fed.quotes.reconcile("q1", Some(found), asked));
    assert_eq!(of_request(&fed.quotes), Some(quote("0.6")));
    // A reply that names the earlier quote does not make one quote of the two.
    replied(&mut fed.quotes, later, r#"{"id":5,"status":200,"result":{"rfqId":"r1","quoteId":"q9"}}"#);
    assert_eq!(fed.quotes.iter().filter(|quote| quote.terms.is_some()).count(), 2);
    assert_eq!(fed.quotes.get("q9").unwrap().doubt(), Some(StaleReason::Contradiction));
    assert_eq!(of_request(&fed.quotes), Some(quote("0.6")));
}

/// The venue accepts a request about a quote that `Quotes` does not know, for example a quote of an earlier run.
#[test]
fn a_reply_about_an_unknown_quote_adds_the_quote() {
    let ids = || ["r1", "q1"].map(|id| id.parse().unwrap());
    let confirm = |confirm| {
        let [rfq_id, quote_id] = ids();
        Subject::ConfirmQuote { rfq_id, quote_id, confirm }
    };
    let [rfq_id, quote_id] = ids();
    let withdraw = Subject::WithdrawQuote { rfq_id, quote_id };
    let ok = r#"{"id":1,"status":200,"result":{"rfqId":"r1","quoteId":"q1"}}"#;
    const NO_EVENT: Option<StaleReason> = Some(StaleReason::NotSubscribed);
    for (about, text, expected) in [
        (withdraw, ok, Some((QuoteState::Withdrawn, None))),
        (confirm(false), ok, Some((QuoteState::Declined, None))),
        (confirm(true), ok, Some((QuoteState::Confirmed, NO_EVENT))),
        (withdraw, r#"{"id":1,"status":200,"result":{"quoteId":"q2"}}"#, None),
        (withdraw, r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"no"}}"#, None),
    ] {
        let mut fed = Fed::private(&[STREAM]);
        replied(&mut fed.quotes, (fed.link, RequestId::new(9), about), text);
        let quote = fed.quotes.get("q1");
        assert_eq!(quote.map(|quote| (quote.state, quote.doubt())), expected, "{about:?} {text}");
        // An event that the venue sent before its reply opens the quote no more.
        fed.feed(2, &event(1, "ACCEPTED", "CONFIRMING", &named("q1", "ACTIVE")));
        let is_open = !fed.quotes.get("q1").unwrap().state.is_final();
        assert_eq!(is_open, expected.is_none_or(|(state, _)| !state.is_final()), "{about:?} {text}");
    }
}

/// The venue accepts two equal quotes without naming their ids. An event with an id may be about either, so both are
/// in doubt, whichever of the event and the replies comes first, until an answer of REST names the id.
#[test]
fn an_event_about_one_of_two_accepted_quotes_puts_both_in_doubt() {
    const BARE: &str = r#"{"id":1,"status":200}"#;
    for replies_before in 0..=2 {
        let mut fed = Fed::private(&[STREAM]);
        let sent = [5, 6].map(|number| requested(&mut fed.quotes, number, quote("0.5")));
        let (before, after) = sent.split_at(replies_before);
        before.iter().for_each(|of| replied(&mut fed.quotes, *of, BARE));
        fed.feed(2, &event(1, "CLOSED", "OPEN", &named("q1", "WITHDRAWN")));
        after.iter().for_each(|of| replied(&mut fed.quotes, *of, BARE));
        for (_, request, _) in sent {
            let quote = fed.quotes.get(request).unwrap();
            assert_eq!(shown(quote), (QuoteState::Active, None, Some(StaleReason::Contradiction)));
        }
        let (asked, state) = (fed.quotes.moment(), QuoteState::Withdrawn);
        let found = FoundQuote { quote_id: "q1".parse().unwrap(), state };
        assert!(fed.quotes.reconcile(RequestId::new(6), Some(found), asked), "{replies_before}");
        assert_eq!(shown(fed.quotes.get(RequestId::new(6)).unwrap()), (state, Some("q1"), None));
    }
    // A reply that names the id leaves no doubt.
    let mut fed = Fed::private(&[STREAM]);
    let [first, second] = [5, 6].map(|number| requested(&mut fed.quotes, number, quote("0.5")));
    fed.feed(2, &event(1, "CLOSED", "OPEN", &named("q1", "ACTIVE")));
    for (of, id) in [(first, "q2"), (second, "q1")] {
        let result = format!(r#"{{"id":1,"status":200,"result":{{"rfqId":"r1","quoteId":"{id}"}}}}"#);
        replied(&mut fed.quotes, of, &result);
        assert_eq!(shown(fed.quotes.get(of.1).unwrap()), (QuoteState::Active, Some(id), None));
    }
    assert_eq!(fed.quotes.iter().count(), 2);
}

/// The id of an event is presumed to be that of the first of two equal quotes. The venue accepts this quote without an
/// id, and then the reply to the second quote names the presumed id. So the id of the first quote is unknown.
#[test]
fn an_accepted_quote_whose_presumed_id_was_wrong_is_in_doubt() {
    let mut fed = Fed::private(&[STREAM]);
    let (first, id) = submitted(&mut fed);
    fed.feed(2, &event(1, "CLOSED", "OPEN", &named("x", "ACTIVE")));
    let (second, id_of_second) = submitted(&mut fed);
    fed.feed(3, &format!(r#"{{"id":{id},"status":200}}"#));
    assert_eq!(shown(fed.quotes.get(first).unwrap()), (QuoteState::Active, Some("x"), None));
    let named = r#""status":200,"result":{"rfqId":"r1","quoteId":"x"}"#;
    fed.feed(4, &format!("{{\"id\":{id_of_second},{named}}}"));
    assert_eq!(shown(fed.quotes.get(second).unwrap()), (QuoteState::Active, Some("x"), None));
    let (_, quote_id, doubt) = shown(fed.quotes.get(first).unwrap());
    assert_eq!((quote_id, doubt), (None, Some(StaleReason::Contradiction)));
}

/// The presumed id of the later of two equal quotes is named as that of the earlier one. An event about a third id came
/// before. So this id may be that of the later quote, which the venue accepts without an id.
#[test]
fn a_quote_known_before_a_presumed_id_was_wrong_may_be_the_accepted_one() {
    let mut fed = Fed::private(&[STREAM]);
    let told = |number: u32, id: &str| event(number, "CLOSED", "OPEN", &named(id, "ACTIVE"));
    let (_, first) = submitted(&mut fed);
    fed.feed(2, &told(1, "a"));
    let (later, second) = submitted(&mut fed);
    [(2, "b"), (3, "c")].iter().for_each(|(number, id)| fed.feed(2, &told(*number, id)));
    fed.feed(3, &format!(r#"{{"id":{first},"status":200,"result":{{"rfqId":"r1","quoteId":"b"}}}}"#));
    fed.feed(4, &format!(r#"{{"id":{second},"status":200}}"#));
    assert_eq!(fed.quotes.get(later).unwrap().doubt(), Some(StaleReason::Contradiction));
}
