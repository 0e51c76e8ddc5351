//! Faults of the cost of losses, events and fills: it must not grow with the amount of data that an application
//! keeps.

use gemini_ws::{
    Balances, Endpoint, Event, EventBuf, Frame, OpenOrdersQuestion, Orders, QuoteState, Quotes, Replay,
    RestQuestion, Scratch, Topic,
};

use super::fed::{Fed, t};
use super::links::least_time;

/// Returns `count` current balances, and an event that reports one of them.
fn balances(count: usize) -> (Balances, EventBuf) {
    let mut fed = Fed::private(&["balances@account"]);
    for begin in (0..count).step_by(5_000) {
        let rows: Vec<String> =
            (begin..count.min(begin + 5_000)).map(|n| format!(r#"{{"a":"A{n}","f":"1","c":"1"}}"#)).collect();
        fed.feed(2, &format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{}]}}"#, rows.join(",")));
    }
    assert_eq!(fed.balances.iter().count(), count);
    let text = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"A1","f":"1","c":"1"}]}"#;
    let mut scratch = Scratch::new();
    let told = fed.client.handle_frame(fed.link, t(3), Frame::Text(text), &mut scratch).unwrap();
    (fed.balances, EventBuf::from(&told))
}

/// A loss visits only balances that are current. Between two losses, one balance becomes current again.
#[test]
fn the_cost_of_a_loss_does_not_grow_with_what_is_stale_already() {
    let lost = Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 };
    let lose = |(balances, told): &mut (Balances, EventBuf)| {
        for _ in 0..100 {
            balances.apply(&told.as_event());
            assert_eq!(balances.stale_reason("A1"), None);
            balances.apply(&lost);
            assert!(balances.stale_reason("A1").is_some() && balances.stale_reason("A2").is_some());
        }
    };
    let (few, many) = (least_time(&balances(100), lose), least_time(&balances(50_000), lose));
    assert!(many < few * 8, "100 balances: {few:?}, 50,000: {many:?} for a hundred losses");
}

/// Returns quotes for one request for quotes: one that is open, and `count` that were withdrawn.
fn quotes(count: usize) -> Quotes {
    let mut quotes = Quotes::new();
    for number in 0..=count {
        let status = if number == 0 { "ACTIVE" } else { "WITHDRAWN" };
        apply(&mut quotes, &format!(r#","q":"q{number}","qs":"{status}""#));
    }
    quotes
}

fn apply(quotes: &mut Quotes, members: &str) {
    let text =
        format!(r#"{{"e":"requestForQuote","i":"e1","E":1,"r":"r1","x":"CLOSED","S":"OPEN"{members}}}"#);
    let mut scratch = Scratch::new();
    assert!(quotes.apply(&Replay::new(Endpoint::Streams).event(&text, &mut scratch).unwrap().unwrap()));
}

/// A maker has withdrawn many quotes, and one quote is open. An event about the request for quotes visits only the
/// open quote.
#[test]
fn the_cost_of_an_event_without_a_quote_does_not_grow_with_the_quotes_that_have_ended() {
    let hear = |quotes: &mut Quotes| {
        for _ in 0..1_000 {
            apply(quotes, "");
        }
        let states = ["q0", "q1"].map(|id| quotes.get(id).unwrap().state);
        assert_eq!(states, [QuoteState::Active, QuoteState::Withdrawn]);
    };
    let (few, many) = (least_time(&quotes(10), hear), least_time(&quotes(5_000), hear));
    assert!(many < few * 8, "10 quotes: {few:?}, 5,000: {many:?} for a thousand events");
}

/// A request for quotes has many quotes, all with ids. The first event of a further quote visits none of them.
#[test]
fn the_cost_of_a_new_quote_does_not_grow_with_the_quotes_that_are_known() {
    let hear = |quotes: &mut Quotes| {
        for number in 0..100 {
            apply(quotes, &format!(r#","q":"new{number}","qs":"WITHDRAWN""#));
        }
    };
    let (few, many) = (least_time(&quotes(10), hear), least_time(&quotes(5_000), hear));
    assert!(many < few * 8, "10 quotes: {few:?}, 5,000: {many:?} for a hundred new ones");
}

#[test]
fn the_cost_of_a_loss_does_not_grow_with_the_quotes_that_it_does_not_concern() {
    let lose = |quotes: &mut Quotes| {
        for _ in 0..100 {
            quotes.apply(&Event::Overflow { topic: Topic::Quotes, symbol: None, dropped: 1 });
        }
    };
    let (few, many) = (least_time(&quotes(10), lose), least_time(&quotes(5_000), lose));
    assert!(many < few * 8, "10 quotes: {few:?}, 5,000: {many:?} for a hundred losses");
}

/// Returns an order with `count` fills, the first of which has a time that is far ahead.
fn fills(count: u64) -> Orders {
    let mut orders = Orders::new();
    fill(&mut orders, 1, 1_000_000);
    (2..=count).for_each(|number| fill(&mut orders, number, number));
    orders
}

/// Applies the fill `number` of an order, in which each fill has the quantity 1.
fn fill(orders: &mut Orders, number: u64, millis: u64) {
    fill_with_sum(orders, number, millis, number);
}

fn fill_with_sum(orders: &mut Orders, number: u64, millis: u64, executed: u64) {
    let text = format!(
        r#"[{{"type":"fill","order_id":"5","event_id":"e","symbol":"btcusd","side":"buy","timestampms":{millis},"is_live":true,"original_amount":"900000","executed_amount":"{executed}","fill":{{"trade_id":"{number}","price":"1","amount":"1"}}}}]"#
    );
    let mut scratch = Scratch::new();
    orders.apply(&Replay::new(Endpoint::OrderEventsV1).event(&text, &mut scratch).unwrap().unwrap());
}

/// Two links report the fills of one order, the second link one fill behind the first. One earlier fill had a time
/// far ahead. Adding a fill does not visit all fills before it.
#[test]
fn the_cost_of_a_fill_does_not_grow_with_the_fills_before_it() {
    let hear = |count: u64| {
        move |orders: &mut Orders| {
            for number in count + 1..=count + 50 {
                fill(orders, number, number);
                fill(orders, number - 1, number - 1);
            }
            assert_eq!(orders.get(5).unwrap().fills.len() as u64, count + 50);
        }
    };
    let (few, many) = (least_time(&fills(100), hear(100)), least_time(&fills(5_000), hear(5_000)));
    assert!(many < few * 4, "100 fills: {few:?}, 5,000: {many:?} for fifty more");
}

/// The fills of an order arrive from the newest to the oldest. When an event states an executed quantity that is
/// smaller than the sum of the fills, `Orders` sorts all fills, once.
#[test]
fn fills_in_reversed_order_are_sorted_once() {
    let reversed = |count: u64| {
        let mut orders = Orders::new();
        (1..=count).for_each(|number| fill_with_sum(&mut orders, number, 900_000 - number, 900_000));
        orders
    };
    let last = |orders: &mut Orders| fill_with_sum(orders, 800_000, 1, 1);
    let (few, many) = (least_time(&reversed(100), last), least_time(&reversed(10_000), last));
    assert!(many < few * 1_000, "100 fills: {few:?}, 10,000: {many:?}");
}

/// Each order of the account has the same client order id. A row of the list of open orders visits no other order.
#[test]
fn the_cost_of_a_listed_order_does_not_grow_with_the_orders_of_its_client_order_id() {
    let row = |id: u64| {
        let body = format!(
            r#"[{{"order_id":{id},"client_order_id":"a","symbol":"btcusd","side":"buy","is_live":true,"executed_amount":"0"}}]"#
        );
        OpenOrdersQuestion.answer(200, &body).unwrap().orders.remove(0)
    };
    let list = |orders: &mut Orders, ids: std::ops::Range<u64>| {
        for open in ids.map(row) {
            let asked = orders.moment();
            if !orders.reconcile(&open, Some(open.found), asked) {
                assert!(orders.add_listed(&open, open.found, asked));
            }
        }
    };
    let listed = |count: u64| {
        let mut orders = Orders::new();
        list(&mut orders, 1..count);
        orders
    };
    let more = |orders: &mut Orders| list(orders, 1_000_000..1_000_050);
    let (few, many) = (least_time(&listed(10), more), least_time(&listed(1_000), more));
    assert!(many < few * 8, "10 orders: {few:?}, 1,000: {many:?} for fifty more");
}
