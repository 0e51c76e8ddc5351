//! Faults of streams whose `unsubscribe` the venue refused for now, or did not answer in time. The venue may still
//! send them.

use gemini_ws::{Config, OrderState, QuoteState, ShutdownPlan, StaleReason};

use super::super::line::{ack, refuse};
use super::fed::{Fed, found, pair, s, t, update};

const QUOTE: &str = r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;

const LIST: &str = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#;

/// Subscribes to the stream `first`, and feeds `frame`. Then unsubscribes the stream, which the venue refuses for
/// now, and subscribes to the stream `next`. Lets the venue confirm the requests that the client has sent by then.
fn replace_in_vain(first: &str, next: &str, frame: &str) -> Fed {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let id = fed.client.subscribe(t(1), s(first)).unwrap();
    fed.acknowledge(1);
    fed.feed(2, frame);
    fed.client.unsubscribe(t(3), id).unwrap();
    fed.poll();
    let request = fed.sent.pop().unwrap();
    fed.feed(4, &refuse(&request, 429, -1003));
    fed.client.subscribe(t(5), s(next)).unwrap();
    fed.acknowledge(5);
    fed
}

/// The application replaces the stream of the account by the stream of the session, and the venue refuses for now to
/// end the first stream. That stream still reports an order or quote of another session. The order or quote is in
/// doubt, because no stream will report it when the first stream has ended.
#[test]
fn an_order_of_another_session_is_in_doubt_while_the_stream_of_the_account_ends() {
    for name in ["orders", "requestForQuote"] {
        let is_order = name == "orders";
        let frame = if is_order { update("NEW", "") } else { QUOTE.to_owned() };
        let mut fed = replace_in_vain(&format!("{name}@account"), &format!("{name}@session"), &frame);
        let doubt = |fed: &Fed| match is_order {
            true => fed.order().doubt(),
            false => fed.quotes.get("q1").unwrap().doubt(),
        };
        assert_eq!(doubt(&fed), Some(StaleReason::NotSubscribed), "{name}");
        fed.feed(6, &if is_order { update("OPEN", "") } else { QUOTE.replace("e1", "e2") });
        assert_eq!(doubt(&fed), Some(StaleReason::NotSubscribed), "{name}");
        for now in (1_000..10_000).step_by(1_000) {
            fed.client.handle_timeout(t(now));
            fed.acknowledge(now);
        }
        assert_eq!(doubt(&fed), Some(StaleReason::NotSubscribed), "{name}");
        let asked = fed.orders.moment();
        if is_order {
            fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
            assert_eq!(doubt(&fed), Some(StaleReason::NotSubscribed), "the stream of the session reports it");
        } else {
            assert_eq!(fed.quotes.get("q1").unwrap().state, QuoteState::Active);
        }
    }
}

/// Each frame of `@account@1s` lists all balances or positions. The application replaces the stream `@account`, or
/// `@account@1s` itself, by `@account@1s`, and the venue refuses the first `unsubscribe` for now. The data becomes
/// current with the first list of the new subscription.
#[test]
fn lists_of_everything_count_behind_an_end_that_failed_at_first() {
    const REPORT: &str =
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#;
    for (name, list) in [("balances", LIST), ("positions", REPORT)] {
        for first in [format!("{name}@account"), format!("{name}@account@1s")] {
            let mut fed = replace_in_vain(&first, &format!("{name}@account@1s"), list);
            let is_stale = |fed: &Fed| match name {
                "balances" => fed.balances.is_stale(),
                _ => fed.positions.is_stale(),
            };
            let is_waiting = !first.ends_with("@1s");
            for now in (1_000..10_000).step_by(1_000) {
                assert!(
                    now > 2_000 || !is_waiting || is_stale(&fed),
                    "{first}: a change of the first stream counts"
                );
                fed.client.handle_timeout(t(now));
                fed.acknowledge(now);
                fed.feed(now, list);
            }
            assert!(!is_stale(&fed), "{first}: {:?}", fed.log);
        }
    }
}

/// Unsubscribes the balances and subscribes to them again. The `unsubscribe` times out. Returns both requests.
fn replace_late(fed: &mut Fed, from: u64) -> [String; 2] {
    let id = fed.client.streams().next().unwrap().0;
    fed.client.unsubscribe(t(from), id).unwrap();
    fed.client.subscribe(t(from), s("balances@account")).unwrap();
    for now in (from..from + 9_000).step_by(1_000) {
        fed.wait(now);
    }
    fed.sent.retain(|text| text.contains("subscribe"));
    std::mem::take(&mut fed.sent).try_into().unwrap()
}

/// Each row has what comes after the `unsubscribe` has timed out: its confirmation (`u`), the confirmation of the
/// next `subscribe` (`s`), and lists of balances (`l`). A list that comes before `u` may be a change that the first
/// subscription reports, so it makes nothing current. After such a list, a further list may be a change too.
#[test]
fn a_list_is_whole_once_the_late_end_of_the_earlier_subscription_is_confirmed() {
    for (steps, is_stale) in [("usl", false), ("sul", false), ("slu", true), ("slul", true), ("sl", true)] {
        let mut fed = Fed::private(&["balances@account"]);
        fed.feed(2, LIST);
        let [unsubscribe, subscribe] = replace_late(&mut fed, 3);
        for step in steps.chars() {
            let frame = match step {
                'u' => ack(&unsubscribe),
                's' => ack(&subscribe),
                _ => LIST.to_owned(),
            };
            fed.feed(9_001, &frame);
        }
        assert_eq!(fed.balances.is_stale(), is_stale, "{steps}");
    }
}

#[test]
fn the_end_of_an_earlier_subscription_says_nothing_about_that_of_a_later_one() {
    for is_newest in [true, false] {
        let mut fed = Fed::private(&["balances@account"]);
        fed.feed(2, LIST);
        let [first, subscribe] = replace_late(&mut fed, 3);
        fed.feed(9_001, &ack(&subscribe));
        let [second, subscribe] = replace_late(&mut fed, 10_000);
        fed.feed(20_000, &ack(if is_newest { &second } else { &first }));
        fed.feed(20_000, &ack(&subscribe));
        fed.feed(20_001, LIST);
        assert_eq!(fed.balances.is_stale(), !is_newest);
    }
}

/// The application removes an endpoint and shuts the client down. A link that is closing can cancel and unsubscribe
/// nothing, so no step of the shutdown waits for it.
#[test]
fn no_step_of_a_shutdown_waits_for_a_closing_link() {
    let plan = || ShutdownPlan::by(t(60_000));
    for plan in
        [plan().cancel_orders(true), plan().unsubscribe(true), plan().cancel_orders(true).unsubscribe(true)]
    {
        let (mut fed, links) = pair(["ws://v", "ws://w"]);
        let first = fed.client.endpoints().next().unwrap();
        fed.client.subscribe_at(t(1), first, s("btcusd@trade"), None).unwrap();
        fed.acknowledge(1);
        fed.client.remove(t(2), first).unwrap();
        fed.poll();
        fed.link = links[1];
        fed.client.shut_down(t(3), plan);
        fed.acknowledge(4);
        assert!(fed.log.iter().any(|event| event.contains("ClosingLinks")), "{plan:?}: {:?}", fed.log);
    }
}
