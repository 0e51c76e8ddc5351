//! Tests cases with orders, fills and unknown messages in which other clients are known to have failed. The name of
//! each test begins with the id of its scenario in `tests/SCENARIOS.md`.

use std::collections::BTreeMap;

use gemini_ws::{Endpoint, Message, OrderState, Scratch};
use testkit::fed::{Client, STREAMS};
use testkit::frames;

fn order_v1(kind: &str, id: u64, members: &str) -> String {
    format!(r#"{{"type":"{kind}","order_id":"{id}","symbol":"btcusd"{members}}}"#)
}

fn orders_v1() -> Client {
    let mut client = Client::new("ws://venue/v1/order/events");
    client.feed(
        r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#,
    );
    client.told.clear();
    client
}

/// L-113: an array has ten events, one of which is malformed or of an unknown type, at each position in turn. The
/// other nine events are applied.
#[test]
fn l_113_one_bad_element_spoils_nothing() {
    for (bad, kind) in [
        (r#"{"type":"booked","order_id":{},"symbol":"btcusd"}"#.to_owned(), "malformed"),
        ("7".to_owned(), "malformed"),
        (order_v1("amended", 3, ""), "unrecognized"),
    ] {
        for at in 0..10 {
            let mut elements: Vec<String> = (1..=10)
                .map(|id| order_v1("booked", id, &format!(r#","socket_sequence":{}"#, id - 1)))
                .collect();
            elements[at].clone_from(&bad);
            let mut client = orders_v1();
            client.feed(&format!("[{}]", elements.join(",")));
            let expected: Vec<_> = (0..10).map(|place| if place == at { kind } else { "order" }).collect();
            assert_eq!(client.told, expected, "{bad} at {at}");
            assert_eq!(client.orders.iter().count(), 9);
        }
    }
}

/// L-116: each frame of the corpus decodes to a typed message, except malformed frames (in files `refused.*`) and the
/// listed frames of unknown kinds. The client reports and counts both exceptions.
#[test]
fn l_116_no_sample_passes_unseen() {
    let unknown = [
        (
            Endpoint::Streams,
            &["deepest.json", "empty_object.json", "response.nested_id.json", "unknown_kind.json"]
                as &[&str],
        ),
        (
            Endpoint::MarketDataV2,
            &["candles.unknown_width.json", "no_type.json", "type_as_number.json", "unknown_type.json"],
        ),
        (Endpoint::MarketDataV1, &["no_type.json", "unknown_type.json"]),
        (Endpoint::OrderEventsV1, &["bare_order.json", "no_type.json"]),
    ];
    let mut seen = BTreeMap::new();
    for (endpoint, unknown) in unknown {
        for sample in frames::corpus_of(endpoint) {
            let mut scratch = Scratch::new();
            let expected = if sample.name.starts_with("refused.") {
                "malformed"
            } else if unknown.contains(&sample.name.as_str()) {
                "unrecognized"
            } else {
                "typed"
            };
            let found = match endpoint.decode(&sample.text, &mut scratch) {
                Err(_) => "malformed",
                Ok(Message::Unrecognized(_)) => "unrecognized",
                Ok(_) => "typed",
            };
            assert_eq!(found, expected, "{endpoint:?} {}", sample.name);
            *seen.entry(expected).or_insert(0) += 1;
        }
    }
    assert!(seen.len() == 3 && seen["typed"] > 100 && seen["malformed"] > 80, "{seen:?}");
    let mut client = Client::new(STREAMS);
    client.feed(r#"{"e":"news"}"#);
    client.feed(r#"{"e":"depthUpdate"}"#);
    assert_eq!(client.told[client.told.len() - 2..], ["unrecognized", "malformed"]);
    let stats = client.machine.stats();
    assert_eq!((stats.unrecognized, stats.malformed, stats.data), (1, 1, 0));
}

/// L-137: every order of the first list is kept. Of three later events, the refusal and the new order are applied,
/// and the event of an unknown type is reported.
#[test]
fn l_137_no_order_of_the_first_list_is_lost() {
    let mut client = orders_v1();
    let initial: Vec<String> = (1..=5).map(|id| order_v1("initial", id, "")).collect();
    client.feed(&format!("[{}]", initial.join(",")));
    assert_eq!(
        client.orders.open().map(|order| order.order_id.unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    let rest = [
        order_v1("rejected", 6, r#","reason":"InvalidPrice""#),
        order_v1("amended", 7, ""),
        order_v1("booked", 8, ""),
    ];
    client.feed(&format!("[{}]", rest.join(",")));
    assert_eq!(client.told[5..], ["order", "unrecognized", "order"]);
    let states = [6, 8].map(|id| client.orders.get(id).unwrap().state);
    assert_eq!(states, [OrderState::Rejected, OrderState::Open]);
}

/// L-138: the quantities of an order decide whether a fill is partial or complete. The name of the event does not.
#[test]
fn l_138_a_part_is_not_the_whole() {
    let fill = |trade: u64, amount: &str, remaining: &str| {
        format!(
            r#","original_amount":"5","executed_amount":"{amount}","remaining_amount":"{remaining}","fill":{{"trade_id":"{trade}","price":"2","amount":"{amount}"}}"#
        )
    };
    // Events of one order, the state afterwards, the executed quantity.
    let part = order_v1("fill", 1, &fill(1, "2", "3"));
    let rest = order_v1(
        "fill",
        1,
        r#","original_amount":"5","executed_amount":"5","remaining_amount":"0","fill":{"trade_id":"2","price":"2","amount":"3"}"#,
    );
    let cancelled =
        order_v1("cancelled", 1, r#","original_amount":"5","executed_amount":"2","remaining_amount":"3""#);
    let closed =
        order_v1("closed", 1, r#","original_amount":"5","executed_amount":"2","remaining_amount":"3""#);
    let table: [(&[&str], OrderState, &str); 5] = [
        (&[&part], OrderState::PartiallyFilled, "2"),
        (&[&part, &part], OrderState::PartiallyFilled, "2"),
        (&[&part, &rest], OrderState::Filled, "5"),
        (&[&part, &cancelled], OrderState::Canceled, "2"),
        (&[&part, &cancelled, &closed], OrderState::Canceled, "2"),
    ];
    for (events, state, executed) in table {
        let mut client = orders_v1();
        client.feed(&format!("[{}]", events.join(",")));
        let order = client.orders.get(1).unwrap();
        assert_eq!((order.state, order.executed().to_string().as_str()), (state, executed), "{events:?}");
    }
}
