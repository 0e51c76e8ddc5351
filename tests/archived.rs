//! Joins a client of the archived endpoints and a simulated exchange in one process.

use std::time::Duration;

use gemini_ws::{Book, CommandError, OrderState, Request, Symbol};
use gemini_ws_simulator::Config;
use testkit::pair::{ACCOUNT, Pair};
use testkit::script;

const SECOND: Duration = Duration::from_secs(1);

fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

fn market(names: &[&str]) -> Config {
    Config::market(names.iter().map(|name| symbol(name))).events_per_second(50)
}

fn assert_counted(pair: &Pair) {
    let stats = pair.client.stats();
    script::check_sums(&stats, stats.frames);
    assert_eq!((stats.malformed, stats.unrecognized), (0, 0));
}

#[test]
fn market_data_v2_follows_books_trades_and_candles() {
    for seed in 0..5 {
        let streams = ["btcusd@depth", "btcgusdperp@depth", "btcusd@candles_1m", "btcgusdperp@markPrice"];
        let mut pair = Pair::archived("/v2/marketdata", market(&["btcusd", "btcgusdperp"]), seed, &streams);
        pair.run(SECOND * 60);
        pair.assert_books_are_true();
        assert_eq!((pair.logged("live"), pair.logged("synced btcusd")), (1, 1), "{:?}", pair.log);
        assert!(pair.logged("heartbeat") >= 11 && pair.candles > 1, "{} candles", pair.candles);
        let trades = pair.trades.len();
        assert!(trades > 50, "{trades} trades");
        pair.trades.sort_unstable();
        pair.trades.dedup();
        assert_eq!(pair.trades.len(), trades, "no trade comes twice");
        assert_counted(&pair);
        assert_eq!(pair.client.stats().reconnects, 0);
    }
}

/// When market data v2 refuses a subscription, its reply names no stream. The client finds out which stream was
/// refused, because the book of that stream does not come.
#[test]
fn market_data_v2_refuses_without_a_name() {
    let mut pair =
        Pair::archived("/v2/marketdata", market(&["btcusd"]), 1, &["btcusd@depth", "btcusd@candles_5m"]);
    pair.run(SECOND * 2);
    let now = pair.now;
    pair.client.subscribe(now, "nosuch@depth".parse().unwrap()).unwrap();
    pair.run(SECOND * 20);
    assert_eq!(pair.logged("error NoValidTradingPairs"), 1, "{:?}", pair.log);
    assert_eq!(pair.logged("rejected nosuch@depth"), 1, "{:?}", pair.log);
    assert_eq!(pair.client.streams().count(), 2);
    assert_eq!(pair.client.stats().reconnects, 0);
    pair.assert_books_are_true();
}

#[test]
fn market_data_v2_joins_again_after_a_lost_link_and_a_lost_frame() {
    let mut pair = Pair::archived("/v2/marketdata", market(&["btcusd"]), 1, &["btcusd@depth"]);
    pair.run(SECOND * 2);
    pair.tear();
    assert!(matches!(pair.books.get("btcusd"), Some(Book::Stale { .. })));
    pair.run(SECOND * 5);
    pair.assert_books_are_true();
    // A malformed update makes its book stale, and the client requests the book again.
    let session = pair.session();
    pair.exchange
        .faults()
        .send_text(session, r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","#);
    pair.run(SECOND * 3);
    let stats = pair.client.stats();
    assert_eq!((stats.malformed, stats.resyncs), (1, 1), "{:?}", pair.log);
    assert_eq!(pair.logged("gap btcusd"), 1, "{:?}", pair.log);
    pair.assert_books_are_true();
    // The application unsubscribes the stream and subscribes to it again.
    let (id, stream, _) = pair.client.streams().next().unwrap();
    let now = pair.now;
    pair.client.unsubscribe(now, id).unwrap();
    pair.run(SECOND);
    assert!(pair.books.get("btcusd").is_none());
    let now = pair.now;
    pair.client.subscribe(now, stream).unwrap();
    pair.run(SECOND);
    pair.assert_books_are_true();
}

#[test]
fn market_data_v1_follows_books_and_trades() {
    let table = [
        ("/v1/marketdata/BTCUSD", &["btcusd"] as &[&str]),
        ("/v1/multimarketdata?symbols=BTCUSD,ETHUSD", &["btcusd", "ethusd"]),
    ];
    for (target, symbols) in table {
        for seed in 0..5 {
            let mut pair = Pair::archived(target, market(symbols), seed, &[]);
            pair.run(SECOND * 60);
            pair.assert_books_are_true();
            assert_eq!(pair.logged("live"), 1);
            assert!(pair.logged("heartbeat") >= 11 && pair.trades.len() > 50, "{target}");
            assert_eq!(pair.books.iter().count(), symbols.len(), "{target}");
            assert_eq!(pair.books.crossed(), 0);
            assert_counted(&pair);
        }
    }
}

#[test]
fn market_data_v1_keeps_only_the_top_where_that_was_asked_for() {
    for seed in 0..5 {
        let target = "/v1/marketdata/btcusd?top_of_book=true";
        let mut pair = Pair::archived(target, market(&["btcusd"]), seed, &[]);
        pair.run(SECOND * 20);
        pair.exchange.faults().halt_market(true);
        pair.run(SECOND);
        let truth = pair.exchange.book(symbol("btcusd")).unwrap();
        let book = pair.books.get("btcusd").and_then(Book::live).unwrap();
        assert_eq!((book.bids().len(), book.asks().len()), (1, 1), "no ghosts");
        assert_eq!((book.bids().best(), book.asks().best()), (truth.bids.first(), truth.asks.first()));
    }
}

#[test]
fn market_data_v1_begins_anew_when_a_frame_was_lost() {
    for count in [1, 3] {
        let mut pair = Pair::archived("/v1/marketdata/btcusd", market(&["btcusd"]), 1, &[]);
        pair.run(SECOND * 2);
        let session = pair.session();
        pair.exchange.faults().lose_frames(session, count);
        pair.run(SECOND * 10);
        let gaps = pair.log.iter().filter(|line| line.starts_with("lost from")).count();
        assert_eq!((gaps, pair.logged("disconnected SequenceGap")), (1, 1), "{:?}", pair.log);
        assert_eq!(pair.client.stats().reconnects, 1);
        assert_counted(&pair);
        pair.assert_books_are_true();
    }
}

#[test]
fn nothing_can_be_asked_for_where_the_address_chooses() {
    for target in ["/v1/marketdata/btcusd", "/v1/order/events"] {
        let mut pair = Pair::archived(target, market(&["btcusd"]), 1, &[]);
        pair.run(SECOND);
        let now = pair.now;
        let stream = "btcusd@depth".parse().unwrap();
        assert_eq!(pair.client.subscribe(now, stream), Err(CommandError::WrongEndpoint));
        assert_eq!(pair.client.request(now, &Request::Time), Err(CommandError::WrongEndpoint));
    }
    let mut pair = Pair::archived("/v2/marketdata", market(&["btcusd"]), 1, &[]);
    let now = pair.now;
    let stream = "btcusd@bookTicker".parse().unwrap();
    assert_eq!(pair.client.subscribe(now, stream), Err(CommandError::WrongEndpoint));
    let mut pair = Pair::following(market(&["btcusd"]), 1, &[]);
    let stream = "btcusd@candles_1m".parse().unwrap();
    assert_eq!(pair.client.subscribe(now, stream), Err(CommandError::WrongEndpoint));
}

#[test]
fn silence_ends_a_link() {
    for target in ["/v2/marketdata", "/v1/marketdata/btcusd", "/v1/order/events"] {
        let mut pair = Pair::archived(target, market(&["btcusd"]).events_per_second(0), 1, &[]);
        pair.run(SECOND * 12);
        assert_eq!(pair.logged("heartbeat"), 2, "{target} {:?}", pair.log);
        let session = pair.session();
        pair.exchange.faults().silence(session);
        pair.run(SECOND * 17);
        assert_eq!(pair.logged("disconnected Silent"), 1, "{target} {:?}", pair.log);
    }
}

fn place(number: u32, side: &str, quantity: &str, price: &str) -> String {
    format!(
        r#"{{"id":{number},"method":"order.place","params":{{"symbol":"btcusd","side":"{side}","type":"LIMIT","timeInForce":"GTC","price":"{price}","quantity":"{quantity}","clientOrderId":"o{number}"}}}}"#
    )
}

#[test]
fn order_events_v1_tell_of_orders_that_others_place() {
    let config = market(&["btcusd"]).events_per_second(0);
    let mut pair = Pair::archived("/v1/order/events", config, 1, &[]);
    // These orders are open before the client connects.
    pair.request_beside(&place(1, "BUY", "0.5", "1000.00"));
    pair.run(SECOND);
    assert_eq!((pair.logged("acknowledged"), pair.logged("live")), (1, 1), "{:?}", pair.log);
    let (ask, offered) = {
        let book = pair.exchange.book(symbol("btcusd")).unwrap();
        (book.asks[0].price.to_string(), book.asks[0].quantity.to_string())
    };
    pair.request_beside(&place(2, "BUY", &offered, &ask));
    pair.request_beside(&place(3, "SELL", "0.25", "200000.00"));
    pair.request_beside(&place(4, "BUY", "1000", "80000.00"));
    pair.run(SECOND);
    let third = pair.orders.get("o3").unwrap().order_id.unwrap();
    pair.request_beside(&format!(r#"{{"id":5,"method":"order.cancel","params":{{"orderId":"{third}"}}}}"#));
    pair.run(SECOND * 6);
    let told = ["o1", "o2", "o3", "o4"].map(|id| pair.orders.get(id).unwrap().state);
    assert_eq!(told, [OrderState::Open, OrderState::Filled, OrderState::Canceled, OrderState::Rejected]);
    for entry in pair.exchange.orders(ACCOUNT) {
        let order = pair.orders.get(entry.order_id).unwrap();
        assert_eq!(order.executed(), entry.executed_quantity, "{order:?}");
        assert_eq!(order.executed_value(), Some(entry.executed_notional), "{order:?}");
        assert!(!order.needs_reconciling(), "{order:?}");
    }
    assert_eq!(pair.client.stats().reconnects, 0);
    assert_counted(&pair);
    // An event is lost. The client notices the loss at the next event, and reconnects to get the list of open orders.
    pair.exchange.faults().drop_order_events(1);
    pair.request_beside(&place(6, "BUY", "0.5", "1001.00"));
    pair.run(SECOND * 10);
    assert_eq!(pair.logged("disconnected SequenceGap"), 1, "{:?}", pair.log);
    assert_eq!(pair.logged("acknowledged"), 2);
    let open: Vec<_> = pair.orders.open().map(|order| order.client_order_id.clone().unwrap()).collect();
    assert_eq!(open, ["o1".into(), "o6".into()] as [Box<str>; 2]);
    assert_eq!(pair.orders.to_reconcile().count(), 0);
}
