//! Events about an order that come later than newer events.

use gemini_ws::{Orders, StaleReason};

use super::fed::{Fed, apply, order};

/// Formats an event about order 77 with this time.
fn at(status: &str, time: u32, rest: &str) -> String {
    order(77, Some("a1"), status, rest).replace(":1000", &format!(":{time}"))
}

/// A `NEW` or `OPEN` that is older than the end of the order only comes late. A second `NEW`, and one that is not
/// older, contradict the end.
#[test]
fn a_late_beginning_is_no_contradiction() {
    const END: (&str, u32) = ("CANCELED", 1002);
    let table: [(&[(&str, u32)], bool); 6] = [
        (&[END, ("OPEN", 1000)], false),
        (&[END, ("NEW", 1000)], false),
        (&[END, ("NEW", 1000), ("NEW", 1000)], false),
        (&[("OPEN", 1001), ("NEW", 1000), END, ("NEW", 1000)], false),
        (&[END, ("NEW", 1003)], true),
        (&[("NEW", 1000), END, ("NEW", 1001)], true),
    ];
    for (events, is_contradiction) in table {
        let mut fed = Fed::private(&["orders@account"]);
        for (status, time) in events {
            let rest = if *status == "CANCELED" { r#","Z":"0""# } else { "" };
            fed.feed(3, &at(status, *time, rest));
        }
        let doubt = is_contradiction.then_some(StaleReason::Contradiction);
        assert_eq!(
            (fed.order().doubt(), fed.orders.contradictions() > 0),
            (doubt, is_contradiction),
            "{events:?}"
        );
    }
}

#[test]
fn the_age_of_an_order_is_that_of_its_newest_event() {
    let mut orders = Orders::new();
    apply(&mut orders, &at("OPEN", 2000, ""));
    apply(&mut orders, &at("NEW", 1000, ""));
    assert_eq!(orders.get(77).unwrap().age.event_time.unwrap().as_nanos(), 2000);
}
