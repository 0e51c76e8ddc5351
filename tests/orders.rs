//! Compares a client's orders with the ledger of a simulated exchange, whatever happens to requests, replies, events
//! and links.

use std::time::Duration;

use gemini_ws::{
    Client, Config, Decimal, Endpoint, Event, EventOutcome, Instant, NewOrder, Order, OrderState, Orders,
    Reconciled, Replay, Request, RequestId, Scratch, Side, Stream, Subject, Symbol, TimeInForce,
};
use gemini_ws_simulator::{self as simulator, LedgerOrder, OrderEventShape};
use testkit::pair::{ACCOUNT, Pair};
use testkit::parallel::on_all_cores;
use testkit::random::Random;
use testkit::variables::{number, seeds};

const SECOND: Duration = Duration::from_secs(1);
/// A time in which the reply and the events of an order arrive.
const SOON: Duration = Duration::from_millis(50);

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Returns a market with a book in which only the test trades.
fn quiet() -> simulator::Config {
    market("btcusd", 0)
}

fn market(symbol: &str, events_per_second: u32) -> simulator::Config {
    simulator::Config::market([symbol.parse::<Symbol>().unwrap()])
        .events_per_second(events_per_second)
        .orders_per_side(10)
}

fn connected(config: Config, venue: simulator::Config) -> Pair {
    let mut pair = Pair::trading(config, venue, 1);
    pair.run(SECOND);
    assert_eq!(pair.logged("live"), 1, "{:?}", pair.log);
    pair
}

fn client() -> Config {
    Config::new("ws://venue")
}

fn best(pair: &Pair) -> (Decimal, Decimal) {
    let book = pair.exchange.book("btcusd".parse().unwrap()).unwrap();
    (book.bids[0].price, book.asks[0].price)
}

fn offered(pair: &Pair) -> Decimal {
    pair.exchange.book("btcusd".parse().unwrap()).unwrap().asks[0].quantity
}

fn limit(id: &str, direction: Side, quantity: Decimal, price: Decimal) -> NewOrder {
    NewOrder::limit(id, "btcusd", direction, quantity, price).unwrap()
}

fn place(pair: &mut Pair, order: NewOrder) {
    let now = pair.now;
    pair.client.request(now, &Request::PlaceOrder(order)).unwrap();
}

fn told(pair: &Pair, id: &str) -> String {
    let order = pair.orders.get(id).unwrap();
    let reason = order.reason.as_deref().map_or(String::new(), |reason| format!(" {reason}"));
    format!("{:?} {}{reason}", order.state, order.executed().normalized())
}

/// Compares every order of the exchange with the client's order. An order that the exchange never had must be
/// `Rejected`.
fn compare(pair: &Pair, place: &str) {
    let ledger = pair.exchange.orders(ACCOUNT);
    for entry in &ledger {
        let order = pair.orders.get(entry.order_id);
        let order = order.unwrap_or_else(|| panic!("{place}: not known: {entry:?}"));
        compare_order(order, entry, place);
    }
    for order in pair.orders.iter() {
        let Some(id) = order.order_id else {
            assert!(order.state == OrderState::Rejected, "{place}: the exchange has no {order:?}");
            continue;
        };
        assert!(ledger.iter().any(|entry| entry.order_id == id), "{place}: the exchange has no {order:?}");
    }
}

fn state_of(entry: &LedgerOrder) -> OrderState {
    match entry.state {
        simulator::OrderState::New => OrderState::New,
        simulator::OrderState::Open => OrderState::Open,
        simulator::OrderState::PartiallyFilled => OrderState::PartiallyFilled,
        simulator::OrderState::Filled => OrderState::Filled,
        simulator::OrderState::Canceled => OrderState::Canceled,
        simulator::OrderState::Rejected => OrderState::Rejected,
    }
}

fn compare_order(order: &Order, entry: &LedgerOrder, place: &str) {
    let about = || format!("{place}: {order:?}\n{entry:?}");
    // A list of open orders calls a partly executed order open.
    let simply = |state| if state == OrderState::PartiallyFilled { OrderState::Open } else { state };
    assert_eq!(simply(order.state), simply(state_of(entry)), "{}", about());
    assert_eq!(order.executed(), entry.executed_quantity, "{}", about());
    assert_eq!(order.client_order_id.as_deref(), entry.client_order_id.as_deref(), "{}", about());
    // An answer from REST about an order does not contain the reason.
    if !order.reconciled {
        assert_eq!(order.reason.as_deref().filter(|_| entry.reason.is_some()), entry.reason, "{}", about());
    }
    if order.missing_executions().is_zero() {
        let known: Vec<_> = order.fills.iter().map(|it| (it.trade_id, it.price, it.quantity)).collect();
        let true_fills: Vec<_> = entry.fills.iter().map(|it| (it.trade_id, it.price, it.quantity)).collect();
        assert_eq!(known, true_fills, "{}", about());
        assert_eq!(order.executed_value(), Some(entry.executed_notional), "{}", about());
    }
}

/// Compares balances and positions. The client may know no position where that of the exchange is zero.
fn compare_account(pair: &Pair, place: &str) {
    for entry in pair.exchange.balances(ACCOUNT) {
        let balance = pair.balances.get(&entry.asset).unwrap_or_else(|| panic!("{place}: {entry:?}"));
        let known = (balance.available().to_decimal(), balance.total().to_decimal());
        assert_eq!(known, (Ok(entry.available), Ok(entry.total)), "{place}: {}", entry.asset);
    }
    for entry in pair.exchange.positions(ACCOUNT) {
        let known = pair.positions.get(entry.symbol);
        let known = known.map_or(Decimal::ZERO, |amounts| decimal(&amounts[0].value));
        assert_eq!(known, entry.quantity, "{place}: {}", entry.symbol);
    }
    assert!(!pair.balances.is_stale(), "{place}");
}

#[test]
fn placed_partly_filled_filled() {
    for shape in
        [OrderEventShape::OrderUpdate, OrderEventShape::ExecutionReport, OrderEventShape::WithoutType]
    {
        let mut pair = connected(client(), quiet().order_event_shape(shape));
        let (_, ask) = best(&pair);
        let (all, more) = (offered(&pair), offered(&pair).checked_add(decimal("0.5")).unwrap());
        // The order is larger than the quantity at the best ask: a part of the order is filled, and the rest becomes
        // the best bid.
        place(&mut pair, limit("buyer", Side::Buy, more, ask));
        pair.run(SOON);
        assert_eq!(told(&pair, "buyer"), format!("Open {}", all.normalized()));
        let bid = best(&pair).0;
        place(&mut pair, limit("rest", Side::Buy, decimal("0.25"), bid));
        pair.run(SOON);
        assert_eq!(told(&pair, "rest"), "Open 0");
        compare(&pair, "partly filled");
        compare_account(&pair, "partly filled");
        let ask = best(&pair).1;
        let rest = offered(&pair);
        place(&mut pair, limit("all", Side::Buy, rest, ask));
        pair.run(SOON);
        assert_eq!(told(&pair, "all"), format!("Filled {}", rest.normalized()));
        compare(&pair, "filled");
        compare_account(&pair, "filled");
    }
}

#[test]
fn what_cannot_stand_is_cancelled_with_a_reason() {
    let mut pair = connected(client(), quiet());
    let (bid, ask) = best(&pair);
    let more = offered(&pair).checked_add(decimal("1")).unwrap();
    let all = offered(&pair).normalized();
    let table = [
        (
            "post only",
            TimeInForce::MakerOrCancel,
            Side::Sell,
            bid,
            "Canceled 0 MakerOrCancelWouldTake".into(),
        ),
        (
            "all or nothing",
            TimeInForce::FillOrKill,
            Side::Buy,
            ask,
            "Canceled 0 FillOrKillWouldNotFill".into(),
        ),
        (
            "at once",
            TimeInForce::ImmediateOrCancel,
            Side::Buy,
            ask,
            format!("Canceled {all} ImmediateOrCancelWouldPost"),
        ),
    ];
    for (name, time_in_force, direction, price, expected) in table {
        let id = name.replace(' ', "-");
        let order = limit(&id, direction, more, price).time_in_force(time_in_force).unwrap();
        place(&mut pair, order);
        pair.run(SOON);
        assert_eq!(told(&pair, &id), expected, "{name}");
    }
    compare(&pair, "cancelled");
}

#[test]
fn a_refusal_comes_twice_and_is_one() {
    let mut pair = connected(client(), quiet());
    place(&mut pair, limit("rich", Side::Buy, decimal("1000"), decimal("80000.00")));
    pair.run(SOON);
    assert_eq!(told(&pair, "rich"), "Rejected 0 InsufficientFunds");
    let refused = pair.orders.get("rich").unwrap();
    assert_eq!((refused.refusal_code, refused.order_id.is_some()), (Some(-2010), true));
    assert_eq!(pair.orders.iter().count(), 1, "{:?}", pair.orders);
    assert_eq!(pair.log.iter().filter(|line| line.starts_with("reply")).count(), 1);
    compare(&pair, "refused");
}

/// The event of a refusal is lost, and only the reply reports the refusal. A later event of the order replaces the
/// state from the reply.
#[test]
fn a_refusal_by_reply_alone() {
    let mut pair = connected(client(), quiet());
    pair.exchange.faults().drop_order_events(1);
    place(&mut pair, limit("rich", Side::Buy, decimal("1000"), decimal("80000.00")));
    pair.run(SOON);
    assert_eq!(told(&pair, "rich"), "Rejected 0 InsufficientFunds");
    assert_eq!(pair.orders.get("rich").unwrap().order_id, None);
    assert_eq!(pair.orders.to_reconcile().count(), 0);
    let event = r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":5,"c":"rich","X":"OPEN","T":1}"#;
    let session = pair.session();
    pair.exchange.faults().send_text(session, event);
    pair.run(SOON);
    assert!(told(&pair, "rich").starts_with("Open 0"));
}

/// Each row has the events of one order, the state and executed quantity that result, and the executed value. An
/// event consists of a state, a time and the rest of its frame.
#[test]
fn events_in_whatever_order() {
    const FILL: &str = r#","t":1,"L":"10","Z":"2""#;
    const REST: &str = r#","t":2,"L":"11","Z":"3""#;
    type Row<'r> = (&'r [(&'r str, i64, &'r str)], &'r str, &'r str);
    let table: [Row<'_>; 9] = [
        (&[("NEW", 1, ""), ("OPEN", 2, ""), ("PARTIALLY_FILLED", 3, FILL)], "PartiallyFilled 2", "20"),
        (&[("PARTIALLY_FILLED", 1, FILL), ("PARTIALLY_FILLED", 1, FILL)], "PartiallyFilled 2", "20"),
        (&[("PARTIALLY_FILLED", 1, FILL), ("FILLED", 2, REST)], "Filled 5", "53"),
        // An order in a final state keeps this state, whatever event comes. A late fill is still added.
        (&[("FILLED", 2, REST), ("OPEN", 3, "")], "Filled 5", "33"),
        (&[("FILLED", 2, REST), ("PARTIALLY_FILLED", 1, FILL)], "Filled 5", "53"),
        (
            &[("CANCELED", 2, r#","Z":"2""#), ("NEW", 3, ""), ("PARTIALLY_FILLED", 1, FILL)],
            "Canceled 2",
            "20",
        ),
        (&[("REJECTED", 1, ""), ("CANCELED", 2, "")], "Rejected 0", "0"),
        // An event that is older than the known state changes nothing.
        (&[("OPEN", 5, ""), ("NEW", 4, "")], "Open 0", "0"),
        // An unknown state shows only that the order exists.
        (&[("HELD", 1, ""), ("MODIFIED", 2, "")], "New 0", "0"),
    ];
    let mut scratch = Scratch::new();
    for (events, expected, value) in table {
        let mut orders = Orders::new();
        for (state, time, rest) in events {
            let frame = format!(
                r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":5,"c":"a","X":"{state}","q":"5","T":{time}{rest}}}"#
            );
            let event = Replay::new(Endpoint::Streams).event(&frame, &mut scratch).unwrap();
            orders.apply(&event.unwrap());
        }
        let order = orders.get(5).unwrap();
        assert_eq!(format!("{:?} {}", order.state, order.executed()), expected, "{events:?}");
        assert_eq!(order.executed_value(), Some(decimal(value)), "{events:?}");
        assert_eq!(orders.iter().count(), 1, "{events:?}");
    }
}

#[test]
fn cancelled_one_by_one_and_all_at_once() {
    let mut pair = connected(client(), quiet());
    let cheap = decimal("1000.00");
    for id in ["a", "b", "c", "d"] {
        place(&mut pair, limit(id, Side::Buy, decimal("0.01"), cheap));
    }
    pair.run(SOON);
    let order_id = pair.orders.get("a").unwrap().order_id.unwrap();
    let now = pair.now;
    pair.client.request(now, &Request::CancelOrder { order_id }).unwrap();
    pair.run(SOON);
    assert_eq!(told(&pair, "a"), "Canceled 0");
    assert_eq!(told(&pair, "b"), "Open 0");
    // The venue refuses the second cancellation, and the order keeps its state.
    let now = pair.now;
    pair.client.request(now, &Request::CancelOrder { order_id }).unwrap();
    pair.run(SOON);
    let order = pair.orders.get("a").unwrap();
    assert!(order.cancel_refusal.as_deref().is_some_and(|text| text.contains("not found")), "{order:?}");
    assert_eq!(order.state, OrderState::Canceled);
    for request in [Request::CancelSessionOrders, Request::CancelAllOrders] {
        let now = pair.now;
        pair.client.request(now, &request).unwrap();
        pair.run(SOON);
        assert_eq!(pair.orders.open().count(), 0, "{request}");
        place(
            &mut pair,
            limit(request.method().split('.').next_back().unwrap(), Side::Buy, decimal("0.01"), cheap),
        );
        pair.run(SOON);
        assert_eq!(pair.orders.open().count(), 1, "{request}");
    }
    compare(&pair, "cancelled");
    compare_account(&pair, "cancelled");
}

#[test]
fn a_lost_link_leaves_orders_in_doubt_or_takes_them_along() {
    for cancels in [false, true] {
        let mut pair = connected(client().cancel_on_disconnect(cancels), quiet());
        place(&mut pair, limit("resting", Side::Buy, decimal("0.01"), decimal("1000.00")));
        pair.run(SOON);
        pair.tear();
        let doubtful: Vec<_> =
            pair.orders.to_reconcile().map(|order| order.client_order_id.clone()).collect();
        assert_eq!(doubtful, [Some("resting".into())]);
        assert!(pair.balances.is_stale());
        pair.run(SECOND * 5);
        let state = pair.exchange.orders(ACCOUNT)[0].state;
        let expected = if cancels { simulator::OrderState::Canceled } else { simulator::OrderState::Open };
        assert_eq!(state, expected);
        // The client received no event that reports this state, so the application has to ask the venue.
        assert_eq!(pair.orders.to_reconcile().count(), 1);
        reconcile(&mut pair);
        assert_eq!(pair.orders.to_reconcile().count(), 0);
        compare(&pair, "reconciled");
        compare_account(&pair, "reconciled");
    }
}

/// An order is in doubt when its stream is unsubscribed or becomes silent, because the order may be filled before the
/// next subscription.
#[test]
fn a_stream_left_or_asked_for_anew_leaves_orders_in_doubt() {
    let mut client = Client::single(Config::new("ws://venue").authenticated(true).seed(1));
    let stream: Stream = "orders@account".parse().unwrap();
    let id = client.subscribe(Instant::ZERO, stream).unwrap();
    let trades: Stream = "btcusd@trade".parse().unwrap();
    let link = client.links().next().expect("a link for the stream").0;
    for (event, is_in_doubt) in [
        (Event::Silent { link, id, stream, since: Instant::ZERO }, true),
        (Event::Unsubscribed { link, id, stream, last: true }, true),
        (Event::Unsubscribed { link, id, stream, last: false }, false),
        (Event::Silent { link, id, stream: trades, since: Instant::ZERO }, false),
    ] {
        let mut orders = Orders::new();
        let order = NewOrder::limit("a", "btcusd", Side::Buy, "1", "100");
        orders.apply(&Event::Subscribed { link, id, stream });
        let about = Subject::PlaceOrder(order.unwrap());
        orders.apply(&Event::Requested { link, request: RequestId::new(1), about });
        assert_eq!(orders.to_reconcile().count(), 0);
        assert_eq!(!orders.apply(&event).is_empty(), is_in_doubt);
        assert_eq!(orders.to_reconcile().count(), usize::from(is_in_doubt), "{event:?}");
    }
}

#[test]
fn a_request_without_an_answer_is_unknown_and_never_sent_again() {
    let mut pair = connected(client(), quiet());
    // Neither the reply nor the events come.
    pair.exchange.faults().withhold_replies(1);
    pair.exchange.faults().drop_order_events(2);
    place(&mut pair, limit("silent", Side::Buy, decimal("0.01"), decimal("1000.00")));
    pair.run(SECOND * 6);
    assert_eq!(told(&pair, "silent"), "Unknown 0");
    let asked: Vec<_> = pair.orders.to_reconcile().map(|order| order.client_order_id.clone()).collect();
    assert_eq!(asked, [Some("silent".into())]);
    assert_eq!(pair.exchange.orders(ACCOUNT).len(), 1);
    // The link ends after the request was sent, so the client cannot know whether the order has arrived.
    place(&mut pair, limit("torn", Side::Buy, decimal("0.01"), decimal("1000.00")));
    pair.run(Duration::ZERO);
    pair.tear();
    assert_eq!(told(&pair, "torn"), "Unknown 0");
    pair.run(SECOND * 10);
    // The client never handed out the request, so the venue cannot have the order.
    place(&mut pair, limit("unsent", Side::Buy, decimal("0.01"), decimal("1000.00")));
    pair.tear();
    assert_eq!(told(&pair, "unsent"), "Rejected 0 the link ended before it was sent");
    pair.run(SECOND * 10);
    let at_venue = pair.exchange.orders(ACCOUNT);
    assert_eq!(at_venue.iter().filter(|order| order.client_order_id.as_deref() == Some("torn")).count(), 0);
    reconcile(&mut pair);
    assert_eq!((told(&pair, "silent").as_str(), pair.orders.to_reconcile().count()), ("Open 0", 0));
    assert_eq!(told(&pair, "torn"), "Rejected 0 the venue does not know it");
    compare(&pair, "reconciled");
}

#[test]
fn a_lost_fill_shows_where_the_numbers_do_not_add_up() {
    let mut pair = connected(client(), quiet());
    let (all, ask) = (offered(&pair), best(&pair).1);
    pair.exchange.faults().drop_order_events(1);
    let more = all.checked_add(decimal("1")).unwrap();
    let order = limit("lossy", Side::Buy, more, ask).time_in_force(TimeInForce::ImmediateOrCancel).unwrap();
    // The first event of the order is lost, and then the second event, which is the fill.
    place(&mut pair, order);
    pair.run(SOON);
    assert_eq!(pair.orders.to_reconcile().count(), 0, "the acceptance is not missed");
    let next = best(&pair).1;
    let all = offered(&pair);
    let more = all.checked_add(decimal("1")).unwrap();
    let order =
        limit("lossier", Side::Buy, more, next).time_in_force(TimeInForce::ImmediateOrCancel).unwrap();
    pair.exchange.faults().drop_order_events(2);
    place(&mut pair, order);
    pair.run(SOON);
    let order = pair.orders.get("lossier").unwrap();
    assert_eq!((order.fills.len(), order.missing_executions()), (0, all));
    assert_eq!(order.executed(), all, "the cancellation told it");
    assert!(order.needs_reconciling());
    compare(&pair, "the sum is right even so");
}

fn reconcile(pair: &mut Pair) {
    let ledger = pair.exchange.orders(ACCOUNT);
    let doubtful: Vec<Box<str>> =
        pair.orders.to_reconcile().map(|order| order.client_order_id.clone().unwrap()).collect();
    for id in doubtful {
        let found = ledger.iter().rev().find(|entry| entry.client_order_id.as_deref() == Some(&*id));
        let found =
            found.map(|entry| Reconciled::new(entry.order_id, state_of(entry), entry.executed_quantity));
        let asked = pair.orders.moment();
        assert!(pair.orders.reconcile(&*id, found, asked));
    }
}

/// The default number of sessions, each with its own seed.
const SESSIONS: u64 = 10_000;

#[test]
fn random_sessions_end_as_the_ledger_says() {
    let sessions = number("GEMINI_WS_SESSIONS").unwrap_or(SESSIONS);
    let seeds = seeds(number("GEMINI_WS_SEED").unwrap_or(0), sessions);
    let each = on_all_cores(seeds, Totals::default, |totals, seed| session(seed, totals));
    println!("{sessions} sessions: {each:?}");
    if sessions == SESSIONS {
        // All sessions together contain each of the following.
        let counts: [fn(&Totals) -> u64; 8] = [
            |it| it.orders,
            |it| it.fills,
            |it| it.refused,
            |it| it.cancelled,
            |it| it.torn,
            |it| it.unknown,
            |it| it.reconciled,
            |it| it.repeated,
        ];
        for count in counts {
            assert!(each.iter().map(count).sum::<u64>() > 500, "{each:?}");
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    orders: u64,
    fills: u64,
    refused: u64,
    cancelled: u64,
    torn: u64,
    unknown: u64,
    reconciled: u64,
    repeated: u64,
}

fn session(seed: u64, totals: &mut Totals) {
    let mut random = Random(seed);
    let prediction = random.below(4) == 0;
    let symbol = if prediction { "GEMI-RAIN-YES" } else { "btcusd" };
    let venue = market(symbol, 20)
        .order_event_shape(*random.pick(&[
            OrderEventShape::OrderUpdate,
            OrderEventShape::ExecutionReport,
            OrderEventShape::WithoutType,
        ]))
        .order_snapshot(random.below(2) == 0)
        .order_replies_carry_id(random.below(2) == 0)
        .fees(random.below(20) as u32, random.below(40) as u32);
    let client = client().cancel_on_disconnect(random.below(2) == 0).request_timeout(SECOND);
    let mut pair = Pair::trading(client, venue, seed);
    pair.run(Duration::from_millis(100));
    for step in 0..12 + random.below(12) {
        act(&mut pair, &mut random, symbol, step);
        pair.run(Duration::from_millis(random.below(120) as u64));
    }
    // All messages under way arrive, and the link opens again.
    pair.exchange.faults().halt_market(true);
    pair.exchange.faults().delay_replies(Duration::ZERO);
    while !pair.is_connected() {
        pair.run(SECOND);
    }
    pair.run(SECOND * 3);
    // If the reply to a subscription was withheld, the client requests the subscription again.
    while !pair.orders.is_followed() {
        pair.run(SECOND);
    }
    let doubtful = pair.orders.to_reconcile().count() as u64;
    totals.unknown += pair.orders.iter().filter(|order| order.state == OrderState::Unknown).count() as u64;
    totals.reconciled += doubtful;
    reconcile(&mut pair);
    let place = format!("seed {seed}");
    assert_eq!(pair.orders.to_reconcile().count(), 0, "{place}");
    compare(&pair, &place);
    compare_account(&pair, &place);
    totals.orders += pair.orders.iter().count() as u64;
    totals.fills += pair.orders.iter().map(|order| order.fills.len() as u64).sum::<u64>();
    let count = |state| pair.orders.iter().filter(|order| order.state == state).count() as u64;
    totals.refused += count(OrderState::Rejected);
    totals.cancelled += count(OrderState::Canceled);
    totals.torn += pair.log.iter().filter(|line| line.starts_with("disconnected")).count() as u64;
    totals.repeated += pair.orders.repeated_fills();
    if doubtful == 0 && pair.client.stats().reconnects == 0 {
        assert!(pair.orders.iter().all(|order| order.missing_executions().is_zero()), "{place}");
    }
}

fn act(pair: &mut Pair, random: &mut Random, symbol: &str, step: usize) {
    let now = pair.now;
    match random.below(20) {
        // The client refuses the request if it has no link. The refusal changes nothing.
        0 => drop(pair.client.request(now, &Request::CancelAllOrders)),
        1 => drop(pair.client.request(now, &Request::CancelSessionOrders)),
        2 | 3 => {
            let ids: Vec<u64> = pair.orders.iter().filter_map(|order| order.order_id).collect();
            if !ids.is_empty() {
                let order_id = *random.pick(&ids);
                let _ = pair.client.request(now, &Request::CancelOrder { order_id });
            }
        }
        4 => pair.exchange.faults().withhold_replies(1),
        5 => pair.exchange.faults().delay_replies(Duration::from_millis(random.below(300) as u64)),
        6 => pair.exchange.faults().duplicate_order_events(1 + random.below(3) as u32),
        7 if pair.is_connected() && random.below(3) == 0 => pair.tear(),
        8 if pair.is_connected() && random.below(6) == 0 => {
            let session = pair.session();
            pair.exchange.faults().close(session, 1001, "");
        }
        action => {
            let order = order(pair, random, symbol, step);
            if pair.client.request(now, &Request::PlaceOrder(order)).is_ok() {
                // Sometimes the request does not arrive at the venue, or its events do not arrive at the client.
                if action == 9 && random.below(3) == 0 {
                    pair.run(Duration::from_millis(random.below(5) as u64));
                    pair.tear();
                }
            }
        }
    }
}

/// Draws an order near the market, and sometimes an order that the venue must refuse.
fn order(pair: &Pair, random: &mut Random, symbol: &str, step: usize) -> NewOrder {
    let id: gemini_ws::ClientOrderId = format!("order-{step}").parse().unwrap();
    let symbol: Symbol = symbol.parse().unwrap();
    let book = pair.exchange.book(symbol).unwrap();
    let direction = *random.pick(&[Side::Buy, Side::Sell]);
    let prediction = symbol.as_str().contains('-');
    let quantity = match (random.below(12), prediction) {
        (0, _) => decimal("100000000"),
        (_, true) => Decimal::new(1 + random.below(800) as i64, 0).unwrap(),
        (_, false) => Decimal::new(1 + random.below(300_000) as i64, 7).unwrap(),
    };
    let levels: Vec<Decimal> = book.bids.iter().chain(&book.asks).take(30).map(|level| level.price).collect();
    let fallback = decimal(if prediction { "0.50" } else { "80000.00" });
    let price = if levels.is_empty() { fallback } else { *random.pick(&levels) };
    // An ask above a million is not used as a price.
    let price = if price > decimal("1000000") { fallback } else { price };
    let order = if random.below(8) == 0 {
        NewOrder::market(id, symbol, direction, quantity)
    } else if random.below(10) == 0 {
        NewOrder::stop_limit(id, symbol, direction, quantity, price, price)
    } else {
        let times = [
            TimeInForce::GoodTillCanceled,
            TimeInForce::GoodTillCanceled,
            TimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill,
            TimeInForce::MakerOrCancel,
        ];
        let time_in_force = *random.pick(&times);
        NewOrder::limit(id, symbol, direction, quantity, price)
            .and_then(|order| order.time_in_force(time_in_force))
    };
    let order = order.unwrap();
    if !prediction {
        return order;
    }
    order.outcome(*random.pick(&[EventOutcome::Yes, EventOutcome::No]))
}
