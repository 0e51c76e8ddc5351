//! Tests applications and drivers that poll outputs late. `handle_frame` returns some events at once, and others wait
//! among the outputs, so the application applies newer events before older ones. Its state must still be right.

use std::time::Duration;

use gemini_ws::{Config, NewOrder, Request, Side, Stream, StreamId, Symbol};
use gemini_ws_simulator as simulator;
use testkit::late::{Late, of_books, of_order};
use testkit::pair::Pair;
use testkit::random::Random;

const SECOND: Duration = Duration::from_secs(1);
const SYMBOLS: [&str; 3] = ["btcusd", "ethusd", "solusd"];

fn symbols() -> impl Iterator<Item = Symbol> {
    SYMBOLS.iter().map(|name| name.parse().unwrap())
}

/// A session in which books lose updates, streams become silent, and the application unsubscribes, subscribes, and
/// requests books again.
struct Market {
    pair: Pair,
    streams: Vec<StreamId>,
    random: Random,
}

impl Market {
    fn new(seed: u64) -> Market {
        let venue = simulator::Config::market(symbols()).events_per_second(40);
        let mut pair = Pair::with(Config::new("ws://venue").request_timeout(SECOND), venue, seed);
        let mut streams = Vec::new();
        for name in SYMBOLS {
            let stream: Stream = format!("{name}@depth@100ms").parse().unwrap();
            streams.push(pair.client.subscribe_unless_silent(pair.now, stream, SECOND * 2).unwrap());
        }
        pair.client.open(pair.now).unwrap();
        Market { pair, streams, random: Random(seed) }
    }

    fn act(&mut self) {
        let (pair, random) = (&mut self.pair, &mut self.random);
        let place = random.below(SYMBOLS.len());
        let symbol: Symbol = SYMBOLS[place].parse().unwrap();
        match random.below(12) {
            0..4 => pair.exchange.faults().drop_depth(symbol, 1 + random.below(4) as u32),
            4 => pair.exchange.faults().duplicate_depth(symbol, 1),
            5 => pair.exchange.faults().withhold_replies(1),
            6 => drop(pair.client.resync(pair.now, self.streams[place])),
            7 if pair.is_connected() => {
                let session = pair.session();
                pair.exchange.faults().repeat_snapshot(session, symbol);
            }
            8 if pair.is_connected() => {
                let (session, text) =
                    (pair.session(), format!(r#"{{"e":"depthUpdate","s":"{symbol}","U":}}"#));
                pair.exchange.faults().send_text(session, text);
            }
            9 if pair.is_connected() && random.below(4) == 0 => pair.tear(),
            _ => {
                let stream: Stream = format!("{symbol}@depth@100ms").parse().unwrap();
                let _ = pair.client.unsubscribe(pair.now, self.streams[place]);
                self.streams[place] = pair.client.subscribe(pair.now, stream).unwrap();
            }
        }
    }
}

/// Two applications get the events of one session: one polls at once, the other as late as it can. After each step,
/// their books agree.
#[test]
fn books_of_a_late_reader() {
    let mut overtaken = 0;
    for seed in 0..100 {
        let mut market = Market::new(seed);
        market.pair.late = Some(Late::default());
        for step in 0..20 {
            market.act();
            market.pair.run(Duration::from_millis(market.random.below(400) as u64));
            let late = market.pair.late.as_mut().unwrap();
            late.poll();
            let (late, prompt) = (of_books(&late.books), of_books(&market.pair.books));
            assert!(late == prompt, "seed {seed}, step {step}: {late:.80?} and {prompt:.80?}");
        }
        overtaken += market.pair.late.as_ref().unwrap().overtaken;
    }
    assert!(overtaken > 1_000, "only {overtaken} events overtook others");
}

/// The driver polls outputs, including texts and dials, only after every third input. In the end the books still
/// agree with those of the venue.
#[test]
fn books_of_a_late_driver() {
    for seed in 0..20 {
        let mut market = Market::new(seed);
        market.pair.polled_each = 3;
        for _ in 0..20 {
            market.act();
            market.pair.run(Duration::from_millis(market.random.below(400) as u64));
        }
        market.pair.run(SECOND * 90);
        market.pair.assert_books_are_true();
    }
}

fn trade(pair: &mut Pair, random: &mut Random, step: usize) {
    let now = pair.now;
    let request = match random.below(12) {
        0 => Request::CancelAllOrders,
        1..4 => match pair.orders.iter().filter_map(|order| order.order_id).last() {
            Some(order_id) => Request::CancelOrder { order_id },
            None => return,
        },
        4 => return pair.exchange.faults().withhold_replies(1),
        5 => return pair.exchange.faults().delay_replies(Duration::from_millis(random.below(1_500) as u64)),
        6 => return pair.exchange.faults().drop_order_events(1),
        7 if pair.is_connected() && random.below(3) == 0 => return pair.tear(),
        _ => {
            let book = pair.exchange.book("btcusd".parse().unwrap()).unwrap();
            let levels = if random.below(2) == 0 { &book.bids } else { &book.asks };
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let order =
                NewOrder::limit(format!("order-{step}").as_str(), "btcusd", side, "0.001", levels[0].price);
            Request::PlaceOrder(order.unwrap())
        }
    };
    // The client refuses the request if it has no link. The refusal changes nothing.
    let _ = pair.client.request(now, &request);
}

/// Two applications get the events of one session: one polls at once, the other as late as it can. Each order has the
/// same state and fills in both. Only the late application may have further orders in doubt.
#[test]
fn orders_of_a_late_reader() {
    let (mut overtaken, mut doubted) = (0, 0);
    for seed in 0..100 {
        let mut random = Random(seed);
        let venue =
            simulator::Config::market(symbols()).events_per_second(20).order_replies_carry_id(seed % 2 == 0);
        let mut pair = Pair::trading(Config::new("ws://venue").request_timeout(SECOND), venue, seed);
        pair.late = Some(Late::default());
        for step in 0..30 {
            trade(&mut pair, &mut random, step);
            pair.run(Duration::from_millis(random.below(300) as u64));
            let late = pair.late.as_mut().unwrap();
            late.poll();
            assert_eq!(late.orders.iter().count(), pair.orders.iter().count());
            for (late, prompt) in late.orders.iter().zip(pair.orders.iter()) {
                assert_eq!(of_order(late), of_order(prompt), "seed {seed}, step {step}");
                let is_certain = !late.needs_reconciling();
                assert!(
                    !(is_certain && prompt.needs_reconciling()),
                    "seed {seed}, step {step}: {late:?} and {prompt:?}"
                );
                doubted += u64::from(!is_certain);
            }
        }
        overtaken += pair.late.as_ref().unwrap().overtaken;
    }
    assert!(overtaken > 100 && doubted > 100, "only {overtaken} events overtook others, {doubted} doubts");
}
