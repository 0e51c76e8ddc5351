//! Faults of answers of REST and of lists of open orders that lag behind the streams: the application asks after an
//! event, but the answer or list shows an older state.

use gemini_ws::{Config, Event, FoundQuote, HeldAmount, OrderState, QuoteState, StaleReason, Topic};

use super::fed::{Fed, OVERFLOW, d, found, order, update};

const HALF: &str = r#","Z":"0.5""#;

#[test]
fn an_answer_behind_the_events_ends_no_doubt() {
    use OrderState::{Acknowledged, Canceled, Filled, Open, PartiallyFilled};
    // The status and the members of the last event, the answer, and whether the answer is used.
    let cases = [
        ("OPEN", HALF, (PartiallyFilled, "0.3"), false),
        ("OPEN", HALF, (Open, "0"), false),
        ("OPEN", HALF, (Acknowledged, "0.4"), false),
        ("OPEN", HALF, (PartiallyFilled, "0.5"), true),
        ("OPEN", HALF, (PartiallyFilled, "0.6"), true),
        ("OPEN", HALF, (Canceled, "0.5"), true),
        ("CANCELED", "", (PartiallyFilled, "0.3"), false),
        ("CANCELED", "", (Open, "0.5"), false),
        ("CANCELED", "", (Canceled, "0.5"), true),
        ("CANCELED", HALF, (Open, "0.5"), false),
        ("FILLED", "", (PartiallyFilled, "0.9"), false),
        ("FILLED", "", (Open, "1"), false),
        ("FILLED", "", (Filled, "1"), true),
    ];
    for (status, rest, (state, executed), is_used) in cases {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, &update("PARTIALLY_FILLED", r#","Z":"0.3","L":"100","t":1"#));
        // The report of the next fill is lost.
        fed.apply(&OVERFLOW);
        fed.feed(4, &update(status, rest));
        let (before, asked) = (fed.order().clone(), fed.orders.moment());
        assert!(before.needs_reconciling(), "{status} {rest}");
        let what = format!("{status} {rest}, then {state:?} {executed}");
        assert_eq!(fed.orders.reconcile(77, found(77, state, executed), asked), is_used, "{what}");
        assert_eq!(fed.order().needs_reconciling(), !is_used, "{what}");
        if !is_used {
            assert_eq!(
                (fed.order().state, fed.order().executed()),
                (before.state, before.executed()),
                "{what}"
            );
            let end = OrderState::Canceled;
            assert!(fed.orders.reconcile(77, found(77, end, "0.6"), fed.orders.moment()), "{what}");
        }
    }
}

/// An answer of REST has shown a larger executed quantity than the event that ends the order. Answer and event
/// contradict each other, so the event ends no doubt.
#[test]
fn an_event_behind_an_answer_ends_no_doubt() {
    for (status, rest) in [("CANCELED", r#","Z":"0.3""#), ("CLOSED", r#","Z":"0.3""#), ("REJECTED", "")] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        if status != "REJECTED" {
            fed.feed(3, &update("PARTIALLY_FILLED", r#","Z":"0.3","L":"100","t":1"#));
        }
        fed.apply(&OVERFLOW);
        let found_more = found(77, OrderState::PartiallyFilled, "0.5");
        assert!(fed.orders.reconcile(77, found_more, fed.orders.moment()), "{status}");
        fed.apply(&OVERFLOW);
        fed.feed(4, &update(status, rest));
        assert!(fed.order().needs_reconciling(), "{status}");
        assert_eq!(fed.order().executed(), d("0.5"), "{status}");
        let end = found(77, OrderState::Canceled, "0.5");
        assert!(fed.orders.reconcile(77, end, fed.orders.moment()), "{status}");
        assert!(!fed.order().needs_reconciling(), "{status}");
    }
}

/// A list of open orders does not contain the order, so the order may have ended. An answer to a question from before
/// the list does not show whether it has.
#[test]
fn an_answer_to_a_question_before_a_list_without_the_order_ends_no_doubt() {
    let other = order(78, None, "OPEN", "");
    for (is_in_doubt, rows) in [(false, ""), (false, &*other), (true, ""), (true, &*other)] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("OPEN", ""));
        if is_in_doubt {
            fed.apply(&OVERFLOW);
        }
        let asked = fed.orders.moment();
        fed.feed(3, &format!(r#"{{"e":"orderSnapshot","E":1,"orders":[{rows}]}}"#));
        let reason = if is_in_doubt { StaleReason::Overflow } else { StaleReason::NotFound };
        let open = found(77, OrderState::Open, "0");
        assert!(!fed.orders.reconcile(77, open, asked), "{is_in_doubt}, {rows}");
        assert_eq!(fed.order().doubt(), Some(reason), "{is_in_doubt}, {rows}");
        assert!(fed.orders.reconcile(77, open, fed.orders.moment()), "{is_in_doubt}, {rows}");
    }
}

#[test]
fn an_answer_behind_the_events_of_a_quote_ends_no_doubt() {
    use QuoteState::{Accepted, Active, Confirmed, Won};
    for (state, is_used) in [(Active, false), (Accepted, true), (Confirmed, true), (Won, true)] {
        let mut fed = Fed::private(&["requestForQuote@account"]);
        fed.feed(
            2,
            r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#,
        );
        assert_eq!(fed.quotes.get("q1").unwrap().state, Accepted);
        fed.apply(&Event::Overflow { topic: Topic::Quotes, symbol: None, dropped: 1 });
        let asked = fed.quotes.moment();
        let found = Some(FoundQuote { quote_id: "q1".parse().unwrap(), state });
        assert_eq!(fed.quotes.reconcile("q1", found, asked), is_used, "{state:?}");
        let expected = (!is_used).then_some(StaleReason::Overflow);
        assert_eq!(fed.quotes.get("q1").unwrap().doubt(), expected, "{state:?}");
    }
}

/// After a loss, reports have made some rows current. The answer must not change or remove these rows, and decides
/// about the others.
#[test]
fn an_answer_behind_the_reports_changes_no_row_that_is_current() {
    type Rows = &'static [(&'static str, &'static str)];
    // What is reported before the loss, what is reported after it, the answer, and the rows then.
    let cases: [(Rows, Rows, Rows, Rows); 6] = [
        (&[("A", "1")], &[("A", "2")], &[("A", "1")], &[("A", "2")]),
        (&[("A", "1")], &[("A", "2")], &[], &[("A", "2")]),
        (&[("A", "1"), ("B", "1")], &[("A", "2")], &[("A", "1"), ("B", "3")], &[("A", "2"), ("B", "3")]),
        (&[("A", "1"), ("B", "1")], &[("C", "5")], &[("A", "4")], &[("A", "4"), ("C", "5")]),
        (&[("A", "1")], &[("B", "2")], &[("A", "1"), ("C", "1")], &[("A", "1"), ("B", "2"), ("C", "1")]),
        (&[("A", "1")], &[], &[("A", "3")], &[("A", "3")]),
    ];
    let join = |rows: Rows, format: fn(&(&str, &str)) -> String| {
        rows.iter().map(format).collect::<Vec<_>>().join(",")
    };
    let report = |fed: &mut Fed, at, rows: Rows| {
        let balances = join(rows, |(name, value)| format!(r#"{{"a":"{name}","f":"{value}","c":"{value}"}}"#));
        let positions = join(rows, |(name, value)| {
            format!(r#"{{"t":"ec","s":"{name}","a":[{{"t":"position","v":"{value}"}}]}}"#)
        });
        fed.feed(at, &format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{balances}]}}"#));
        fed.feed(at, &format!(r#"{{"e":"positionReport","E":1,"u":1,"A":8,"P":[{positions}]}}"#));
    };
    for (before, after, answer, expected) in cases {
        let mut fed = Fed::private(&["balances@account", "positions@account"]);
        report(&mut fed, 2, before);
        for topic in [Topic::Balances, Topic::Positions] {
            fed.apply(&Event::Overflow { topic, symbol: None, dropped: 1 });
        }
        report(&mut fed, 3, after);
        let asked = (fed.balances.moment(), fed.positions.moment());
        assert!(fed.balances.reconcile(answer.iter().map(|(name, value)| (*name, *value, *value)), asked.0));
        let held =
            |&(name, value): &(&str, &str)| (name.parse().unwrap(), vec![HeldAmount::new("position", value)]);
        assert!(fed.positions.reconcile(answer.iter().map(held), asked.1));
        let balances: Vec<_> = fed.balances.iter().map(|(name, it)| (name, it.total().as_str())).collect();
        assert_eq!(balances, expected, "{after:?}, then {answer:?}");
        let positions: Vec<_> =
            fed.positions.iter().map(|(name, held)| (name.to_string(), held[0].value.to_string())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(positions, expected, "{after:?}, then {answer:?}");
        assert!(!fed.balances.is_stale() && !fed.positions.is_stale());
        let reasons =
            |name: &str| [fed.balances.stale_reason(name), fed.positions.stale_reason(name.parse().unwrap())];
        assert!(["A", "B", "C"].into_iter().all(|name| reasons(name) == [None; 2]), "{after:?}");
    }
}

/// An event has shown a larger executed quantity than the fills, or the fills exceed the order. A list of open orders
/// may be older than the event, so it must not end the doubt.
#[test]
fn a_list_behind_the_events_ends_no_doubt() {
    const FILL: &str = r#","Z":"0.3","L":"100","t":1"#;
    const MUCH: &str = r#","Z":"0.8","L":"100","t":2"#;
    // The status and the members of the last event, the listed executed quantity, and whether the doubt ends.
    let cases = [
        ("OPEN", r#","Z":"0.5""#, "0.3", false),
        ("OPEN", r#","Z":"0.5""#, "0.5", false),
        ("OPEN", r#","Z":"0.3""#, "0.3", true),
        ("OPEN", "", "0.3", true),
        ("OPEN", "", "0.5", false),
        ("PARTIALLY_FILLED", MUCH, "1.1", false),
        ("PARTIALLY_FILLED", MUCH, "0.3", false),
    ];
    for (status, rest, listed, ends) in cases {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, &update("PARTIALLY_FILLED", FILL));
        fed.apply(&OVERFLOW);
        fed.feed(4, &update(status, rest));
        let row = update("OPEN", &format!(r#","Z":"{listed}""#));
        fed.feed(5, &format!(r#"{{"e":"orderSnapshot","E":1,"orders":[{row}]}}"#));
        let expected = (!ends).then_some(StaleReason::Overflow);
        assert_eq!(fed.order().doubt(), expected, "{status} {rest}, then {listed}");
    }
    // The missing fill comes, and the next list has it.
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    fed.feed(3, &update("PARTIALLY_FILLED", FILL));
    fed.feed(4, &update("OPEN", r#","Z":"0.5""#));
    assert_eq!(fed.order().doubt(), Some(StaleReason::Executions));
    fed.feed(5, &update("PARTIALLY_FILLED", r#","Z":"0.2","L":"100","t":2"#));
    let row = update("OPEN", r#","Z":"0.5""#);
    fed.feed(6, &format!(r#"{{"e":"orderSnapshot","E":1,"orders":[{row}]}}"#));
    assert_eq!((fed.order().doubt(), fed.order().missing_executions().is_zero()), (None, true));
}

/// In order events v1, `initial` events list the open orders. Such an event ends no doubt about executions, even if
/// it states the executed quantity that caused the doubt.
#[test]
fn an_initial_event_behind_the_events_ends_no_doubt() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events").authenticated(true));
    fed.feed(1, r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"s","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#);
    let fill = r#","fill":{"trade_id":"1","liquidity":"Maker","price":"100","amount":"0.3"}"#;
    for (number, (kind, executed, fill, doubt)) in (0..).zip([
        ("accepted", "0", "", None),
        ("fill", "0.3", fill, None),
        ("booked", "0.5", "", Some(StaleReason::Executions)),
        ("initial", "0.3", "", Some(StaleReason::Executions)),
        ("initial", "0.5", "", Some(StaleReason::Executions)),
    ]) {
        fed.feed(2, &format!(
            r#"[{{"type":"{kind}","order_id":"77","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestampms":1,"is_live":true,"is_cancelled":false,"original_amount":"1","executed_amount":"{executed}","price":"100","socket_sequence":{number}{fill}}}]"#
        ));
        assert_eq!(fed.order().doubt(), doubt, "{kind} {executed}");
    }
}
