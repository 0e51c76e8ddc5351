//! Tests that the core allocates nothing per frame, and one message for each order that it sends. Two tests measure
//! allocated bytes to show that the work for an event does not grow with the number of fills or orders.

use std::time::Duration;

use gemini_ws::{
    Books, Client, Config, Endpoint, Event, Frame, Instant, NewOrder, Orders, Output, Replay, Request,
    RequestId, Scratch, Side, Stream, Subject, TimeInForce, decode,
};
use gemini_ws_simulator::{self as simulator, Config as Market, Exchange, SessionId};
use testkit::{frames, single};

const STREAMS: [&str; 7] = [
    "btcgusdperp@depth@100ms",
    "btcgusdperp@bookTicker",
    "btcgusdperp@trade",
    "btcgusdperp@depth10@100ms",
    "btcgusdperp@markPrice",
    "btcgusdperp@fundingAmount",
    "ethusd@depth@100ms",
];

/// Returns two minutes of frames of every public data stream, from the simulated exchange.
fn traffic() -> Vec<String> {
    let symbols = ["btcgusdperp", "ethusd"].map(|name| name.parse().unwrap());
    let mut exchange = Exchange::new(Market::market(symbols), 1);
    let session = SessionId(1);
    exchange.handle_connected(session, Instant::ZERO, "snapshot=-1");
    let names = STREAMS.map(|name| format!("\"{name}\"")).join(",");
    let subscribe = format!(r#"{{"id":1,"method":"subscribe","params":[{names}]}}"#);
    exchange.handle_frame(session, Instant::ZERO, Frame::Text(&subscribe));
    let mut texts = Vec::new();
    loop {
        while let Some(output) = exchange.poll_output() {
            if let simulator::Output::Send { text, .. } = output {
                texts.push(text);
            }
        }
        match exchange.deadline().filter(|at| *at < Instant::ZERO + Duration::from_secs(120)) {
            Some(at) => exchange.handle_timeout(at),
            None => return texts,
        }
    }
}

#[test]
fn frames_of_a_client_and_its_books() {
    let texts = traffic();
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    for stream in STREAMS {
        client.subscribe(Instant::ZERO, stream.parse::<Stream>().unwrap()).unwrap();
    }
    client.open(Instant::ZERO).unwrap();
    let link = single::link(&client);
    client.handle_connected(link, Instant::ZERO);
    let (mut scratch, mut books) = (Scratch::new(), Books::new());
    let mut feed = |text: &str, now: u64| {
        let now = Instant::from_millis(now);
        if let Some(event) = client.handle_frame(link, now, Frame::Text(text), &mut scratch) {
            books.apply(&event);
        }
        client.handle_timeout(now);
        while client.poll_output().is_some() {}
    };
    // During the first half of the frames, all memory grows to its final size.
    let (first, second) = texts.split_at(texts.len() / 2);
    first.iter().enumerate().for_each(|(number, text)| feed(text, number as u64));
    let after = first.len() as u64;
    let allocations = allocation_counter::measure(|| {
        second.iter().enumerate().for_each(|(number, text)| feed(text, after + number as u64));
    });
    assert!(second.len() > 2_000, "{} frames", second.len());
    assert_eq!(allocations.count_total, 0, "allocations in {} frames", second.len());
    assert!(books.iter().all(|(_, book)| book.live().is_some()) && books.iter().count() == 2);
}

/// An order costs one allocation: its message.
#[test]
fn orders_of_a_client() {
    const ORDERS: u64 = 1_000;
    let config = Config::new("ws://venue").authenticated(true).seed(1);
    let all = (1_000_000, Duration::from_secs(1));
    let mut client = Client::single(config.request_limit(all.0, all.1).order_limit(all.0, all.1));
    client.subscribe(Instant::ZERO, "orders@account".parse::<Stream>().unwrap()).unwrap();
    client.open(Instant::ZERO).unwrap();
    let link = single::link(&client);
    client.handle_connected(link, Instant::ZERO);
    while client.poll_output().is_some() {}
    let replies: Vec<String> =
        (0..2 * ORDERS + 8).map(|id| format!(r#"{{"id":{id},"status":200}}"#)).collect();
    let (mut scratch, mut sent, mut answered) = (Scratch::new(), 0, 0);
    let mut place = |number: u64| {
        let now = Instant::from_millis(number);
        let order = if number.is_multiple_of(3) {
            let id = "0f0e0d0c-1111-2222-3333-444455556666";
            NewOrder::stop_limit(id, "btcusd", Side::Sell, "0.1234567890", "70123.45", "70100.00")
        } else {
            let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "0.00000001", "9000000000000.01");
            order.and_then(|order| order.time_in_force(TimeInForce::MakerOrCancel))
        };
        let request = client.request(now, &Request::PlaceOrder(order.unwrap())).unwrap();
        while let Some(output) = client.poll_output() {
            sent += u64::from(matches!(output, Output::Send { .. }));
        }
        let reply = &replies[usize::try_from(request.get()).unwrap()];
        let event = client.handle_frame(link, now, Frame::Text(reply), &mut scratch);
        answered += u64::from(matches!(event, Some(Event::Reply { .. })));
    };
    (1..ORDERS).for_each(&mut place);
    let allocations = allocation_counter::measure(|| (ORDERS..2 * ORDERS).for_each(&mut place));
    assert_eq!((sent, answered), (2 * ORDERS - 1, 2 * ORDERS - 1));
    assert_eq!(allocations.count_total, ORDERS, "allocations in {ORDERS} orders");
}

/// Decoding allocates nothing, whether a frame is accepted or refused.
#[test]
fn decoding_anything() {
    let corpus = frames::corpus();
    let mut scratch = Scratch::new();
    let mut all = || corpus.iter().filter(|frame| decode(&frame.text, &mut scratch).is_ok()).count();
    let decoded = all();
    assert!(decoded > 30 && decoded < corpus.len(), "{decoded} of {}", corpus.len());
    let allocations = allocation_counter::measure(|| {
        all();
    });
    assert_eq!(allocations.count_total, 0);
}

fn order_event(orders: &mut Orders, order_id: u64, status: &str, rest: &str) {
    let text = format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":{order_id},"c":"bot","S":"BUY","X":"{status}","q":"9000","T":1000{rest}}}"#
    );
    let mut scratch = Scratch::new();
    orders.apply(&Replay::new(Endpoint::Streams).event(&text, &mut scratch).unwrap().unwrap());
}

/// A late event about an order with many fills allocates less than twice as much as one about an order with few
/// fills.
#[test]
fn late_events_about_an_order_with_many_fills() {
    let late = |fills: u64| {
        let mut orders = Orders::new();
        order_event(&mut orders, 77, "NEW", "");
        for trade_id in 1..=fills {
            order_event(&mut orders, 77, "PARTIALLY_FILLED", &format!(r#","Z":"1","L":"5","t":{trade_id}"#));
        }
        let mut apply =
            |executed: u64| order_event(&mut orders, 77, "OPEN", &format!(r#","Z":"{executed}""#));
        apply(50);
        allocation_counter::measure(|| (1..=50).for_each(apply)).bytes_total
    };
    let (few, many) = (late(100), late(4_000));
    assert!(many < few * 2, "{few} bytes with 100 fills, {many} bytes with 4,000");
}

/// For an event about an order, `Orders` allocates no more if many other orders have the same client order id and no
/// order id yet.
#[test]
fn events_about_one_of_many_namesakes() {
    let events = |namesakes: u64| {
        let mut orders = Orders::new();
        let mut client = Client::single(Config::new("ws://venue").seed(1));
        client.open(Instant::ZERO).unwrap();
        let link = single::link(&client);
        let order = NewOrder::limit("bot", "btcusd", Side::Buy, "9000", "100").unwrap();
        for request in 1..=namesakes {
            let (request, about) = (RequestId::new(request), Subject::PlaceOrder(order));
            orders.apply(&Event::Requested { link, request, about });
        }
        order_event(&mut orders, 1, "NEW", "");
        allocation_counter::measure(|| (2..=50).for_each(|id| order_event(&mut orders, id, "NEW", "")))
            .bytes_total
    };
    let (few, many) = (events(100), events(2_000));
    assert!(many < few * 2, "{few} bytes with 100 namesakes, {many} bytes with 2,000");
}
