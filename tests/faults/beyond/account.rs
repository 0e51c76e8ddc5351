//! Faults of balances, positions and quotes.

use gemini_ws::{
    Balances, Config, Endpoint, Event, HeldAmount, LinkId, Lost, Orders, Positions, QUOTES_MAX, Quotes,
    Replay, Request, RequestId, RequestOutcome, Scratch, StaleReason, Subject, Symbol, Topic,
};

use super::super::line;
use super::fed::{Fed, LOST_FACTS, first_stream, pair, quote, t, update};

/// The first report of a subscription is the only one that lists all balances. One of its rows is malformed, so the
/// balances stay stale even after a later report of a change.
#[test]
fn x10_a_change_behind_a_malformed_first_report_is_not_the_whole() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(
        2,
        r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"},{"a":"BTC","c":"1"}]}"#,
    );
    assert!(fed.balances.is_stale());
    fed.feed(3, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"2","c":"2"}]}"#);
    assert!(fed.balances.is_stale(), "USD {:?}, and nothing is stale", fed.balances.get("USD"));
}

/// The queue dropped the event that began a subscription, but not the event that ended it. Data that comes after the
/// end is not current.
#[test]
fn x14_a_report_behind_the_end_of_its_subscription_is_not_current() {
    let streams = ["balances@account", "positions@account", "orders@account"];
    let mut fed = Fed::private(&streams);
    (fed.balances, fed.positions, fed.orders) = (Balances::new(), Positions::new(), Orders::new());
    fed.apply(&LOST_FACTS);
    let (link, id) = (fed.link, first_stream());
    for stream in streams {
        fed.apply(&Event::Unsubscribed { link, id, stream: stream.parse().unwrap(), last: true });
    }
    fed.feed(2, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#);
    fed.feed(2, r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[]}"#);
    fed.feed(2, &update("NEW", ""));
    assert_eq!((fed.balances.is_stale(), fed.positions.is_stale()), (true, true));
    assert_eq!(fed.order().doubt(), Some(StaleReason::NotSubscribed));
}

#[test]
fn x11_a_loss_over_the_link_that_is_followed_now_makes_positions_stale() {
    let (fed, [first, second]) = pair(["ws://a", "ws://b"]);
    drop(fed);
    let mut fed = Fed::private(&["positions@account"]);
    fed.feed(
        2,
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
    );
    let (id, stream) = (first_stream(), "positions@account".parse().unwrap());
    fed.positions.apply(&Event::Disconnected { link: fed.link, reason: Lost::Reset, retry: None });
    let _ = first;
    fed.positions.apply(&Event::Subscribed { link: second, id, stream });
    let asked = fed.positions.moment();
    let held = [("A".parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", "1")])];
    assert!(fed.positions.reconcile(held, asked));
    fed.positions.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert!(fed.positions.is_stale(), "nobody reports them, and they are shown as current");
}

/// A quote whose request was not sent is in a final state. `Quotes` drops such quotes when it needs room for others.
#[test]
fn x12_quotes_that_were_refused_are_forgotten_at_last() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut quotes = Quotes::new();
    for n in 0..(QUOTES_MAX as u64 * 2) {
        let (request, about) = (RequestId::new(n), Subject::SubmitQuote(quote("0.5")));
        quotes.apply(&Event::Requested { link, request, about });
        quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::NotSent });
    }
    assert!(quotes.iter().count() <= QUOTES_MAX, "{} quotes are kept", quotes.iter().count());
}

#[test]
fn x13_events_decide_against_an_earlier_not_found_of_a_quote() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let request = fed.client.request(t(1), &Request::SubmitQuote(quote("0.5"))).unwrap();
    fed.poll();
    fed.reconnect(2);
    fed.acknowledge(2_000);
    let asked = fed.quotes.moment();
    assert!(fed.quotes.reconcile(request, None, asked));
    fed.feed(2_001, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#);
    let quote = fed.quotes.get(request).unwrap();
    assert_eq!(
        (quote.state, quote.quote_id.map(|id| id.as_str().to_owned())),
        (gemini_ws::QuoteState::Accepted, Some("q1".to_owned()))
    );
}

/// A peer may send ids of any length. Neither the client nor `Quotes` keeps an id that is too long.
#[test]
fn y04_ids_of_quotes_take_no_memory_without_bound() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let used = allocation_counter::measure(|| {
        for n in 0..100 {
            let long = format!("{n}{}", "x".repeat(1 << 18));
            for (event, rfq, quote) in [(&*long, "r1", "q1"), ("8", &*long, "q1"), ("8", "r1", &*long)] {
                let text = format!(
                    r#"{{"e":"requestForQuote","i":"{event}","E":1790743321322,"r":"{rfq}","x":"ACCEPTED","S":"CONFIRMING","q":"{quote}"}}"#
                );
                fed.feed(n, &text);
            }
        }
        fed.log = Vec::new();
    });
    assert!(used.bytes_current < 1 << 20, "{} KiB after 300 frames of 256", used.bytes_current >> 10);
}

/// A reply with an internal error (by its code) or a timeout (status 408) does not say whether the quote exists, so
/// the quote is in doubt.
#[test]
fn y11_an_internal_error_without_a_5xx_does_not_refuse_a_quote() {
    for text in [
        r#"{"id":1,"error":{"code":-1000,"msg":"Internal error"}}"#,
        r#"{"id":1,"status":408,"error":{"code":0,"msg":"Timed out"}}"#,
    ] {
        let (link, request, about) =
            (Fed::new(Config::new("ws://v")).link, RequestId::new(1), Subject::SubmitQuote(quote("0.5")));
        let mut quotes = Quotes::new();
        quotes.apply(&Event::Requested { link, request, about });
        let mut scratch = Scratch::new();
        let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else {
            panic!()
        };
        quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) });
        assert!(quotes.to_reconcile().count() == 1, "{text}: {:?}", quotes.get(request).unwrap().state);
    }
}

/// The quote stream moves to another slot, and an answer of REST resolves the doubt about the quote. Then the new
/// link is lost, which puts the quote in doubt again.
#[test]
fn x16_a_loss_over_the_link_that_is_followed_now_is_a_doubt_about_quotes() {
    let (_, [first, second]) = pair(["ws://a", "ws://b"]);
    let mut fed = Fed::private(&["requestForQuote@account"]);
    fed.feed(2, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#);
    let (id, stream) = (first_stream(), "requestForQuote@account".parse().unwrap());
    assert_eq!(first, fed.link);
    fed.quotes.apply(&Event::Disconnected { link: first, reason: Lost::Reset, retry: None });
    fed.quotes.apply(&Event::Subscribed { link: second, id, stream });
    let asked = fed.quotes.moment();
    let found =
        gemini_ws::FoundQuote { quote_id: "q1".parse().unwrap(), state: gemini_ws::QuoteState::Active };
    assert!(fed.quotes.reconcile("q1", Some(found), asked));
    fed.quotes.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert_eq!(fed.quotes.to_reconcile().count(), 1, "nobody follows it, and it is shown as active");
}

/// The application asks REST about positions after the link has ended, and the queue drops the event of that end.
/// Positions may change until the next subscription, so the answer does not make them current.
#[test]
fn x09_positions_that_were_asked_for_while_the_link_was_down_are_not_current() {
    let mut fed = Fed::private(&["positions@account"]);
    let first = fed.link;
    fed.reconnect(3);
    assert_ne!(first, fed.link);
    // The events of the reconnection, without the dropped end of the link.
    let mut positions = Positions::new();
    positions.apply(&Event::Subscribed {
        link: first,
        id: first_stream(),
        stream: "positions@account".parse().unwrap(),
    });
    positions.apply(&LOST_FACTS);
    let asked = positions.moment();
    assert!(positions.reconcile([], asked));
    positions.apply(&Event::Subscribed {
        link: fed.link,
        id: first_stream(),
        stream: "positions@account".parse().unwrap(),
    });
    assert!(positions.is_stale(), "what was opened while the link was down was never told");
}

#[test]
fn z26_balances_of_an_answer_take_no_memory_without_bound() {
    let mut balances = Balances::new();
    let asked = balances.moment();
    let assets: Vec<String> = (0..65_538).map(|n| format!("A{n}")).collect();
    balances.reconcile(assets.iter().map(|asset| (asset.as_str(), "1", "1")), asked);
    assert_eq!((balances.iter().count(), balances.untracked()), (65_536, 2));
}

/// A recorded report of positions may list all positions or only changes. So each listed row is current, but the list
/// as a whole is stale.
#[test]
fn z34_recorded_positions_are_not_the_whole_list() {
    let row = r#"{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}"#;
    let text = format!(r#"{{"e":"positionReport","E":1,"u":1,"A":8,"P":[{row}]}}"#);
    let mut scratch = Scratch::new();
    let event = Replay::new(Endpoint::Streams).event(&text, &mut scratch).unwrap().unwrap();
    let mut positions = Positions::new();
    positions.apply(&event);
    assert_eq!(positions.stale_reason("A".parse().unwrap()), None, "the row is as reported");
    assert!(positions.is_stale(), "there may be others");
    assert_eq!(positions.stale_reason("B".parse().unwrap()), Some(StaleReason::NothingYet));
    let asked = positions.moment();
    assert!(positions.reconcile([], asked) && !positions.is_stale() && positions.iter().next().is_none());
}

/// After a recording, no stream reports positions. So an answer of REST replaces the recorded rows.
#[test]
fn an_answer_replaces_the_rows_of_a_recording() {
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    let mut positions = Positions::new();
    let text =
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#;
    positions.apply(&replay.event(text, &mut scratch).unwrap().unwrap());
    let symbol: Symbol = "A".parse().unwrap();
    let held = [(symbol, vec![HeldAmount::new("position", "5")])];
    assert!(positions.reconcile(held, positions.moment()));
    assert_eq!(positions.get(symbol).unwrap()[0].value.to_string(), "5");
}

fn report(what: &str, time: u64, amount: &str) -> String {
    match what {
        "balances@account" => format!(
            r#"{{"e":"balanceUpdate","E":{time},"u":{time},"B":[{{"a":"USD","f":"{amount}","c":"{amount}"}}]}}"#
        ),
        _ => format!(
            r#"{{"e":"positionReport","E":{time},"u":{time},"A":8,"P":[{{"t":"ec","s":"GEMI-A-UP","a":[{{"t":"position","v":"{amount}"}}]}}]}}"#
        ),
    }
}

/// Two links report one account. A report is ignored if the other link has already delivered a newer one. The times
/// of two reports are not compared if both came over one link, or if one time is in milliseconds and the other in
/// nanoseconds.
#[test]
fn a_delayed_report_of_a_second_link_undoes_nothing() {
    const NOW: u64 = 1_790_743_321_322_000_000;
    let symbol: Symbol = "GEMI-A-UP".parse().unwrap();
    for what in ["balances@account", "positions@account@1s", "positions@account"] {
        let (mut fed, links) = pair(["ws://a", "ws://b"]);
        let ids: Vec<_> = fed.client.endpoints().collect();
        for (id, link) in ids.into_iter().zip(links) {
            fed.client.subscribe_at(t(1), id, what.parse().unwrap(), None).unwrap();
            fed.poll();
            while let Some(text) = fed.sent.pop() {
                fed.feed_over(link, 2, &line::ack(&text));
            }
            fed.feed_over(link, 3, &report(what, NOW, "100"));
        }
        // The link, the time, the reported amount and the right one.
        for (link, time, told, right) in [
            (1, NOW + 1_000, "90", "90"),
            (1, NOW + 2_000, "80", "80"),
            (0, NOW + 1_000, "90", "80"),
            (0, NOW + 2_000, "80", "80"),
            (0, NOW + 3_000, "70", "70"),
            (0, NOW + 2_500, "60", "60"),
            (1, NOW / 1_000_000 + 1, "50", "50"),
            (0, NOW + 5_000, "40", "40"),
        ] {
            fed.feed_over(links[link], 4, &report(what, time, told));
            let held = |fed: &Fed| fed.positions.get(symbol).unwrap()[0].value.to_string();
            let (amount, stale) = match what {
                "balances@account" => {
                    let amount = fed.balances.get("USD").unwrap().available().to_string();
                    (amount, fed.balances.stale_reason("USD"))
                }
                _ => (held(&fed), fed.positions.stale_reason(symbol)),
            };
            assert_eq!((amount.as_str(), stale), (right, None), "{what}: {told} at {time}");
        }
    }
}

fn balances(time: u64, rows: &[(&str, u32)]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|(asset, value)| format!(r#"{{"a":"{asset}","f":"{value}","c":"{value}"}}"#))
        .collect();
    format!(r#"{{"e":"balanceUpdate","E":{time}000000,"u":1,"B":[{}]}}"#, rows.join(","))
}

/// Returns two links of one account, which have reported BTC 1 and USD 1 at the time 1,000.
fn two_links() -> (Fed, [LinkId; 2]) {
    let (mut fed, links) = pair(["ws://a", "ws://b"]);
    let ids: Vec<_> = fed.client.endpoints().collect();
    for (id, link) in ids.into_iter().zip(links) {
        fed.client.subscribe_at(t(1), id, "balances@account".parse().unwrap(), None).unwrap();
        fed.poll();
        while let Some(text) = fed.sent.pop() {
            fed.feed_over(link, 2, &line::ack(&text));
        }
        fed.feed_over(link, 3, &balances(1_000, &[("BTC", 1), ("USD", 1)]));
    }
    assert!(!fed.balances.is_stale());
    (fed, links)
}

/// Creates a client whose balance of USD follows the slower of two links, and returns that link too. The faster link
/// has reported USD 2, and its report of USD 3 was lost, which made the balance stale. An older report of the slower
/// link has made USD 2 current again.
fn followed_by_the_slower() -> (Fed, LinkId) {
    let (mut fed, [fast, slow]) = two_links();
    fed.feed_over(fast, 4, &balances(1_002, &[("USD", 2)]));
    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    fed.feed_over(slow, 5, &balances(1_001, &[("USD", 1)]));
    assert!(fed.balances.reconcile([("BTC", "1", "1"), ("USD", "3", "3")], fed.balances.moment()));
    fed.feed_over(fast, 6, &balances(1_004, &[("BTC", 2)]));
    (fed, slow)
}

/// Returns two links as [`two_links`] does. The subscription over the first link has ended, and the balances are stale.
fn with_an_ended_link() -> (Fed, [LinkId; 2]) {
    let (mut fed, links) = two_links();
    let ended = links[0];
    let (id, stream, _) = fed.client.streams().find(|(id, ..)| id.link_slot() == ended.slot()).unwrap();
    fed.apply(&Event::Unsubscribed { link: ended, id, stream, last: true });
    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    (fed, links)
}

fn usd(fed: &Fed) -> (&str, Option<StaleReason>) {
    (fed.balances.get("USD").unwrap().total().as_str(), fed.balances.stale_reason("USD"))
}

/// The faster link has reported USD 2 and then USD 3, but the queue dropped both events. Then the slower link reports
/// USD 2, and an answer of REST says USD 3. The balance stays at USD 2, the report of the slower link, until that
/// link reports USD 3 or ends. If it ends, the balance is stale.
#[test]
fn a_balance_that_an_answer_does_not_change_follows_the_slower_link() {
    for is_lost in [false, true] {
        let (mut fed, [fast, slow]) = two_links();
        fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 2 });
        fed.feed_over(slow, 4, &balances(1_001, &[("USD", 2)]));
        assert!(fed.balances.reconcile([("BTC", "1", "1"), ("USD", "3", "3")], fed.balances.moment()));
        fed.feed_over(fast, 5, &balances(1_003, &[("BTC", 2)]));
        if is_lost {
            fed.client.handle_lost(slow, t(6), Lost::Reset);
            fed.poll();
            assert_eq!(usd(&fed), ("2", Some(StaleReason::Disconnected)));
        } else {
            fed.feed_over(slow, 6, &balances(1_002, &[("USD", 3)]));
            assert_eq!(usd(&fed), ("3", None));
        }
    }
}

/// The queue drops USD 2 of the slower link, and USD 2 and 3 of the faster one. After an answer of REST (USD 3), the
/// slower link reports USD 2 once more, and a first EUR. It loses a later report before the faster link has reported
/// the rows again: the two rows and the list are stale. Other rows are not, because the faster link reports all
/// their changes.
#[test]
fn a_balance_that_only_the_slower_link_has_reported_since_an_answer_is_stale_without_that_link() {
    let asset = |name: &'static str, is_stale| (name, is_stale);
    for (again, is_lost, stale) in [
        (&[][..], true, [asset("BTC", false), asset("USD", true), asset("EUR", true)]),
        (&["USD"], true, [asset("BTC", false), asset("USD", false), asset("EUR", true)]),
        (&["EUR", "USD"], true, [asset("BTC", false), asset("USD", false), asset("EUR", false)]),
        (&[], false, [asset("BTC", false), asset("USD", false), asset("EUR", false)]),
    ] {
        for is_end in [true, false] {
            let (mut fed, [fast, slow]) = two_links();
            fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 3 });
            assert!(fed.balances.reconcile([("BTC", "1", "1"), ("USD", "3", "3")], fed.balances.moment()));
            fed.feed_over(slow, 5, &balances(1_001, &[("USD", 2), ("EUR", 1)]));
            for name in again {
                fed.feed_over(fast, 6, &balances(1_001, &[(name, 4)]));
            }
            match (is_lost, is_end) {
                (false, _) => {}
                (true, true) => fed.client.handle_lost(slow, t(7), Lost::Reset),
                (true, false) => fed.feed_over(slow, 7, r#"{"e":"balanceUpdate","E":2,"B":7}"#),
            }
            fed.poll();
            let reasons = stale.map(|(name, _)| asset(name, fed.balances.stale_reason(name).is_some()));
            assert_eq!(reasons, stale, "{again:?}, lost: {is_lost}, end: {is_end}");
            let is_stale = stale.iter().any(|(_, is_stale)| *is_stale);
            assert_eq!(fed.balances.is_stale(), is_stale, "{again:?}, lost: {is_lost}, end: {is_end}");
            let answer = [("BTC", "1", "1"), ("USD", "3", "3"), ("EUR", "1", "1")];
            assert!(fed.balances.reconcile(answer, fed.balances.moment()), "every doubt ends");
        }
    }
}

/// Only the slower link has reported the balances. After an answer of REST has replaced them, both links report them.
#[test]
fn a_balance_that_an_answer_has_replaced_is_current_without_the_slower_link() {
    let (mut fed, [_, slow]) = two_links();
    let lost = Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 3 };
    let answer = [("BTC", "1", "1"), ("USD", "3", "3"), ("EUR", "1", "1")];
    fed.apply(&lost);
    assert!(fed.balances.reconcile(answer, fed.balances.moment()));
    fed.feed_over(slow, 5, &balances(1_001, &[("USD", 2)]));
    fed.apply(&lost);
    assert!(fed.balances.reconcile(answer, fed.balances.moment()));
    fed.client.handle_lost(slow, t(7), Lost::Reset);
    fed.poll();
    assert_eq!((fed.balances.is_stale(), fed.balances.stale_reason("USD")), (false, None));
}

/// A balance that follows the slower link changes with a report of that link.
#[test]
fn a_balance_follows_the_link_that_has_reached_it_since_it_was_lost() {
    let (mut fed, slow) = followed_by_the_slower();
    assert_eq!(usd(&fed), ("2", None));
    fed.feed_over(slow, 7, &balances(1_003, &[("USD", 3)]));
    assert_eq!(usd(&fed), ("3", None));
}

/// The balance of USD follows the slower link. That link delivers a report that is older than the newest report of
/// the faster link, and whose row of USD is malformed. USD is stale until an answer of REST shows it, and `malformed`
/// counts the row.
#[test]
fn a_malformed_row_of_the_slower_link_makes_its_balances_stale() {
    let (mut fed, slow) = followed_by_the_slower();
    let report = balances(1_003, &[("BTC", 2), ("USD", 3)]).replace(r#""f":"3""#, r#""f":[]"#);
    fed.feed_over(slow, 7, &report);
    assert_eq!((usd(&fed), fed.balances.malformed()), (("2", Some(StaleReason::Malformed)), 1));
    assert!(fed.balances.reconcile([("BTC", "2", "2"), ("USD", "3", "3")], fed.balances.moment()));
    assert_eq!(usd(&fed), ("3", None));
}

/// Between a question and its answer, a report comes that belongs to an ended subscription, and adds a balance. The
/// answer lacks this balance, so the balance is removed until the other link reports it.
#[test]
fn a_late_report_before_an_answer_leaves_no_balance_stale() {
    let (mut fed, [ended, open]) = with_an_ended_link();
    let asked = fed.balances.moment();
    fed.feed_over(ended, 5, &balances(1_001, &[("EUR", 1)]));
    assert!(fed.balances.reconcile([("BTC", "1", "1"), ("USD", "1", "1")], asked));
    for asset in ["BTC", "USD", "EUR"] {
        assert_eq!(fed.balances.stale_reason(asset), None, "{asset}");
    }
    assert!(fed.balances.get("EUR").is_none());
    fed.feed_over(open, 6, &balances(1_002, &[("EUR", 2)]));
    assert_eq!(fed.balances.get("EUR").unwrap().total().as_str(), "2");
}

/// One of two links reports the account, and an answer of REST does not list EUR. Then the other link, whose
/// subscription has ended, delivers a report of EUR. The report adds no balance, because no link would report the
/// balance again.
#[test]
fn a_late_report_adds_no_balance_to_a_current_list() {
    let (mut fed, [ended, _]) = with_an_ended_link();
    let asked = fed.balances.moment();
    assert!(fed.balances.reconcile([("BTC", "1", "1"), ("USD", "1", "1")], asked));
    fed.feed_over(ended, 5, &balances(1_005, &[("EUR", 1), ("USD", 9)]));
    assert!(fed.balances.get("EUR").is_none());
    assert_eq!(usd(&fed), ("1", None));
}

/// No stream is subscribed. The answer to the second question comes first, so the answer to the first question
/// changes nothing.
#[test]
fn an_older_answer_replaces_no_newer_one() {
    let mut balances = Balances::new();
    let first = balances.moment();
    balances.reconcile([("USD", "50", "50"), ("ETH", "1", "1")], balances.moment());
    balances.reconcile([("USD", "90", "90")], first);
    assert_eq!(balances.get("USD").unwrap().total().as_str(), "50");
    assert!(balances.get("ETH").is_some());
}
