//! How many fills of an order are kept.

use gemini_ws::{Endpoint, Event, FILLS_MAX, OrderState, Orders, Replay, Scratch, StaleReason};

use super::fed::{apply, d, found, order};

/// An order keeps a limited number of fills. Further fills put the order in doubt, and an answer of the venue
/// resolves the doubt.
#[test]
fn the_fills_of_an_order_are_limited() {
    let large = |text: String| text.replace(r#""q":"1""#, r#""q":"200000""#);
    let mut orders = Orders::new();
    apply(&mut orders, &large(order(77, None, "NEW", "")));
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    let text = large(order(77, None, "PARTIALLY_FILLED", r#","Z":"1","L":"100","t":1"#));
    let Ok(Some(Event::Order(mut update, source))) = replay.event(&text, &mut scratch) else { panic!() };
    let mut execute = |orders: &mut Orders, trade_id: u64| {
        update.fill.as_mut().unwrap().trade_id = Some(trade_id);
        orders.apply(&Event::Order(update, source));
    };
    (1..=FILLS_MAX as u64).for_each(|trade_id| execute(&mut orders, trade_id));
    execute(&mut orders, 5);
    let of = |orders: &Orders| (orders.get(77).unwrap().fills.len(), orders.get(77).unwrap().doubt());
    assert_eq!((of(&orders), orders.repeated_fills()), ((FILLS_MAX, None), 1));
    for more in 1..=2 {
        execute(&mut orders, FILLS_MAX as u64 + more);
        assert_eq!(of(&orders), (FILLS_MAX, Some(StaleReason::Executions)));
        let executed = (FILLS_MAX as u64 + more).to_string();
        let asked = orders.moment();
        assert!(orders.reconcile(77, found(77, OrderState::PartiallyFilled, &executed), asked));
        assert_eq!((of(&orders), orders.get(77).unwrap().executed()), ((FILLS_MAX, None), d(&executed)));
    }
}
