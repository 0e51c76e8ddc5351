//! Tests how messages become events: which messages become one event and which become several, the order of the
//! events, and that an owned copy of an event has the same content.

use gemini_ws::{Books, Endpoint, Event, EventBuf, Level, Replay, Scratch};
use testkit::frames;

/// Formats levels on a line, each as quantity and price.
fn levels<'l>(levels: impl IntoIterator<Item = &'l Level>) -> String {
    let levels: Vec<String> =
        levels.into_iter().map(|level| format!("{}x{}", level.quantity, level.price)).collect();
    levels.join(" ")
}

fn nanos(time: Option<gemini_ws::Timestamp>) -> i64 {
    time.unwrap().as_nanos()
}

fn line(event: &Event<'_>) -> String {
    let said = serde_json::to_value(event).unwrap();
    let kind = said["kind"].as_str().unwrap();
    match event {
        Event::DepthSnapshot(depth, _) | Event::DepthUpdate(depth, _) => {
            let id = depth.last_update_id.map_or(String::new(), |id| format!(" {id}"));
            format!("{kind} {}{id}: {} / {}", depth.symbol, levels(depth.bids), levels(depth.asks))
        }
        Event::TopOfBook(top, _) => {
            let level =
                top.level.map_or("none".into(), |level| format!("{}x{}", level.quantity, level.price));
            format!("{kind} {} {}: {:?} {level}", top.symbol, top.update_id, top.side)
        }
        Event::Trade(trade, _) => {
            let event_id = trade.event_id.map_or("-".into(), |id| id.to_string());
            let what = format!("{} x {} {:?}", trade.quantity, trade.price, trade.taker);
            format!("{kind} {} {} {event_id}: {what}", trade.symbol, trade.trade_id)
        }
        Event::MarkPrice(mark, _) => {
            format!("{kind} {} {}: {}", mark.symbol, nanos(mark.event_time), mark.mark_price)
        }
        Event::FundingAmount(funding, _) => {
            format!("{kind} {} {}: {}", funding.symbol, nanos(funding.event_time), funding.amount)
        }
        Event::Auction(auction, _) => {
            format!("{kind} {:?}: {:?} {:?}", auction.symbol, auction.stage, auction.result)
        }
        Event::AuctionOpen(auction, _) => {
            format!("{kind} {:?}: {}", auction.symbol, auction.auction_time.unwrap().as_millis())
        }
        Event::Candles(candles, _) => {
            format!("{kind} {}: {}", candles.symbol, candles.candles.iter().count())
        }
        Event::Order(order, _) => format!("{kind} {}: {:?}", order.order_id, order.status),
        Event::Unrecognized(it, _) => format!("{kind} {}", it.frame),
        Event::Malformed(it, _) => format!("{kind} {} ({})", it.frame, it.error),
        _ => kind.into(),
    }
}

/// Replays frames of an endpoint, and compares the parts of all events with `expected`. For a batch, `expected` has a
/// line with the number of parts before the lines of the parts.
fn replay(endpoint: Endpoint, symbol: Option<&str>, frames: &[&str], expected: &[&str]) -> Books {
    let (mut replay, mut books, mut scratch) = (Replay::new(endpoint), Books::new(), Scratch::new());
    let symbol = symbol.map(|symbol| symbol.parse().unwrap());
    scratch.set_symbol(symbol);
    let mut lines = Vec::new();
    for frame in frames {
        let mut other = Scratch::new();
        other.set_symbol(symbol);
        let message = endpoint.decode(frame, &mut other).unwrap();
        let Some(event) = replay.event(frame, &mut scratch).unwrap() else {
            lines.push("nothing".to_string());
            continue;
        };
        if let Event::Batch(batch, _) = &event {
            assert_eq!(batch.message(), message);
            lines.push(format!("batch of {}", event.parts().count()));
        }
        lines.extend(event.parts().map(|part| line(&part)));
        books.apply(&event);
    }
    assert_eq!(lines, expected);
    books
}

/// Formats the levels of a book: the bids and then the asks, each side from the best level on.
fn book(books: &Books, symbol: &str) -> String {
    let book = books.get(symbol).and_then(|book| book.live()).unwrap();
    format!("{} / {}", levels(book.bids().iter()), levels(book.asks().iter()))
}

const L2_INITIAL: &str = r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[["buy","99","1"],["sell","101","2"]],"trades":[{"event_id":9,"type":"trade","symbol":"ETHUSD","timestamp":1,"price":"100","quantity":"3","side":"buy"},{"event_id":8,"tid":7,"symbol":"ETHUSD","timestamp":1,"price":"100","quantity":"4","side":"block"}],"auction_events":[{"type":"auction_result","symbol":"ETHUSD","time_ms":1,"result":"failure"}]}"#;

#[test]
fn books_of_v2() {
    let delta = r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[["buy","99","0"],["buy","98","5"]]}"#;
    let again =
        r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[["sell","103","1"]],"auction_events":[]}"#;
    let other = r#"{"type":"l2_updates","symbol":"ZECETH","changes":[["sell","7","1"]]}"#;
    let books = replay(
        Endpoint::MarketDataV2,
        None,
        &[L2_INITIAL, delta, other],
        &[
            "batch of 4",
            "depth_snapshot ETHUSD: 1x99 / 2x101",
            "trade ETHUSD 9 9: 3 x 100 Buyer",
            "trade ETHUSD 7 8: 4 x 100 Block",
            "auction Some(\"ETHUSD\"): Result Failure",
            "depth_update ETHUSD: 0x99 5x98 / ",
            // The first frame of a symbol is a snapshot, even if it looks like an update.
            "depth_snapshot ZECETH:  / 1x7",
        ],
    );
    assert_eq!(book(&books, "ethusd"), "5x98 / 2x101");
    assert_eq!(book(&books, "zeceth"), " / 1x7");
    // A later frame that looks like a first frame is also a snapshot, because the client may have requested the book
    // again.
    let books = replay(
        Endpoint::MarketDataV2,
        None,
        &[L2_INITIAL, again, delta],
        &[
            "batch of 4",
            "depth_snapshot ETHUSD: 1x99 / 2x101",
            "trade ETHUSD 9 9: 3 x 100 Buyer",
            "trade ETHUSD 7 8: 4 x 100 Block",
            "auction Some(\"ETHUSD\"): Result Failure",
            "batch of 1",
            "depth_snapshot ETHUSD:  / 1x103",
            "depth_update ETHUSD: 0x99 5x98 / ",
        ],
    );
    assert_eq!(book(&books, "ETHUSD"), "5x98 / 1x103");
}

#[test]
fn perpetuals_and_candles_of_v2() {
    let mark = |changes: &str| {
        format!(r#"{{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{changes}]}}"#)
    };
    let (one, two) = (
        r#"{"timestamp":1,"mark_price":"7","spot_index":"8"}"#,
        r#"{"timestamp":2,"mark_price":"9","spot_index":"8"}"#,
    );
    let funding = |time: u64| {
        format!(
            r#"{{"timestamp":{time},"funding_amount":"-1","funding_date_time":2,"funding_interval_in_minutes":60,"is_realized":false}}"#
        )
    };
    let amounts = |changes: &str| {
        format!(r#"{{"type":"funding_amount_updates","symbol":"BTCGUSDPERP","changes":[{changes}]}}"#)
    };
    replay(
        Endpoint::MarketDataV2,
        None,
        &[
            &mark(one),
            &mark(&format!("{one},{two}")),
            &mark(""),
            &amounts(&funding(3)),
            &amounts(&format!("{},{}", funding(4), funding(5))),
            r#"{"type":"candles_1m_updates","symbol":"BTCUSD","changes":[[2,1,1,1,1,1],[1,1,1,1,1,1]]}"#,
            r#"{"type":"trade","symbol":"ETHUSD","event_id":5,"timestamp":1,"price":"1","quantity":"2","side":"sell"}"#,
            r#"{"type":"auction_indicative","symbol":"ETHUSD","time_ms":1,"result":"success"}"#,
            r#"{"type":"heartbeat","timestamp":1}"#,
            r#"{"result":"error","reason":"x"}"#,
        ],
        &[
            "mark_price BTCGUSDPERP 1: 7",
            "batch of 2",
            "mark_price BTCGUSDPERP 1: 7",
            "mark_price BTCGUSDPERP 2: 9",
            "batch of 0",
            "funding_amount BTCGUSDPERP 3: -1",
            "batch of 2",
            "funding_amount BTCGUSDPERP 4: -1",
            "funding_amount BTCGUSDPERP 5: -1",
            "candles BTCUSD: 2",
            "trade ETHUSD 5 5: 2 x 1 Seller",
            "auction Some(\"ETHUSD\"): Indicative Success",
            "heartbeat",
            "error",
        ],
    );
}

fn update(event_id: u64, entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|members| format!("{{{members}}}")).collect();
    let entries = entries.join(",");
    format!(
        r#"{{"type":"update","eventId":{event_id},"socket_sequence":0,"timestampms":5,"events":[{entries}]}}"#
    )
}

fn change(symbol: &str, side: &str, price: &str, remaining: &str, reason: &str) -> String {
    let symbol = if symbol.is_empty() { String::new() } else { format!(r#""symbol":"{symbol}","#) };
    format!(
        r#""type":"change",{symbol}"side":"{side}","price":"{price}","remaining":"{remaining}","reason":"{reason}""#
    )
}

/// The first frame of a link may contain entries of several symbols, in any order. It becomes a snapshot for each
/// symbol.
#[test]
fn books_of_v1() {
    let initial = |symbol: &str, side: &str, price: &str| change(symbol, side, price, "1", "initial");
    let first = update(
        5,
        &[
            &initial("BTCUSD", "bid", "99"),
            &initial("ETHUSD", "bid", "9"),
            &initial("BTCUSD", "ask", "101"),
            &initial("BTCUSD", "bid", "98"),
            &initial("ETHUSD", "ask", "11"),
            &initial("BTCUSD", "ask", "102"),
        ],
    );
    let second = update(
        6,
        &[
            &change("ETHUSD", "ask", "11", "0", "trade"),
            r#""type":"trade","symbol":"ETHUSD","tid":6,"price":"11","amount":"1","makerSide":"ask""#,
            &change("ETHUSD", "bid", "8", "7", "place"),
            &change("BTCUSD", "bid", "98", "0", "cancel"),
        ],
    );
    let books = replay(
        Endpoint::MarketDataV1,
        None,
        &[&first, &second],
        &[
            "batch of 5",
            "depth_snapshot BTCUSD 5: 1x99 / ",
            "depth_snapshot ETHUSD 5: 1x9 / ",
            "depth_update BTCUSD 5: 1x98 / 1x101",
            "depth_update ETHUSD 5:  / 1x11",
            "depth_update BTCUSD 5:  / 1x102",
            "batch of 3",
            "depth_update ETHUSD 6: 7x8 / 0x11",
            "depth_update BTCUSD 6: 0x98 / ",
            "trade ETHUSD 6 6: 1 x 11 Buyer",
        ],
    );
    assert_eq!(book(&books, "btcusd"), "1x99 / 1x101 1x102");
    assert_eq!(book(&books, "ethusd"), "1x9 7x8 / ");
}

/// If a frame names no symbol, its symbol is the one that the caller passes to `set_symbol`.
#[test]
fn one_symbol_of_v1() {
    let first = update(
        1,
        &[
            &change("", "bid", "99", "1", "initial"),
            &change("", "bid", "98", "2", "initial"),
            &change("", "ask", "101", "3", "initial"),
        ],
    );
    let second = update(
        2,
        &[
            r#""type":"trade","tid":3,"price":"99","amount":"1","makerSide":"bid""#,
            &change("", "bid", "99", "0", "trade"),
            r#""type":"trade","tid":4,"price":"98","amount":"1","makerSide":"auction""#,
            r#""type":"trade","tid":5,"price":"98","amount":"1","makerSide":"neither""#,
            r#""type":"trade","tid":6,"price":"98","amount":"1""#,
            r#""type":"block_trade","tid":7,"price":"98","amount":"100""#,
            r#""type":"auction_open","auction_open_ms":1,"auction_time_ms":2,"first_indicative_ms":3,"last_cancel_time_ms":4"#,
            r#""type":"auction_result","time_ms":1,"result":"success""#,
            r#""type":"halt""#,
        ],
    );
    let books = replay(
        Endpoint::MarketDataV1,
        Some("btcusd"),
        &[&first, &second, r#"{"type":"heartbeat","socket_sequence":2}"#],
        &[
            "batch of 1",
            "depth_snapshot btcusd 1: 1x99 2x98 / 3x101",
            "batch of 9",
            "depth_update btcusd 2: 0x99 / ",
            "trade btcusd 3 2: 1 x 99 Seller",
            "trade btcusd 4 2: 1 x 98 Auction",
            "trade btcusd 5 2: 1 x 98 Other(\"neither\")",
            "trade btcusd 6 2: 1 x 98 Other(\"\")",
            "trade btcusd 7 2: 100 x 98 Block",
            "auction_open Some(\"btcusd\"): 2",
            "auction Some(\"btcusd\"): Result Success",
            "unrecognized {\"type\":\"halt\"}",
            "heartbeat",
        ],
    );
    assert_eq!(book(&books, "btcusd"), "2x98 / 3x101");
}

/// A new best level of a side replaces the previous best level. If its quantity is zero, the side becomes empty.
#[test]
fn tops_of_books_of_v1() {
    let top = |side: &str, price: &str, remaining: &str| change("", side, price, remaining, "top-of-book");
    let first =
        update(1, &[&change("", "ask", "101", "3", "initial"), &change("", "bid", "99", "1", "initial")]);
    let books = replay(
        Endpoint::MarketDataV1,
        Some("btcusd"),
        &[
            &first,
            &update(2, &[&top("ask", "101.5", "2")]),
            &update(3, &[&top("ask", "100.5", "1"), &top("bid", "98", "4")]),
        ],
        &[
            "batch of 1",
            "depth_snapshot btcusd 1: 1x99 / 3x101",
            "batch of 1",
            "top_of_book btcusd 2: Sell 2x101.5",
            "batch of 2",
            "top_of_book btcusd 3: Sell 1x100.5",
            "top_of_book btcusd 3: Buy 4x98",
        ],
    );
    assert_eq!(book(&books, "btcusd"), "4x98 / 1x100.5");
    let books = replay(
        Endpoint::MarketDataV1,
        Some("btcusd"),
        &[&first, &update(2, &[&top("bid", "0", "0")])],
        &[
            "batch of 1",
            "depth_snapshot btcusd 1: 1x99 / 3x101",
            "batch of 1",
            "top_of_book btcusd 2: Buy none",
        ],
    );
    assert_eq!(book(&books, "btcusd"), " / 3x101");
}

#[test]
fn orders() {
    replay(
        Endpoint::OrderEventsV1,
        None,
        &[
            r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#,
            r#"[{"type":"accepted","order_id":"5","symbol":"x"},{"type":"amended"},{"type":"closed"},7,{"type":"closed","order_id":"6","symbol":"x"}]"#,
            "[]",
            r#"{"type":"heartbeat","timestampms":1}"#,
        ],
        &[
            "subscription_ack",
            "batch of 5",
            "order 5: New",
            r#"unrecognized {"type":"amended"}"#,
            r#"malformed {"type":"closed"} (member "order_id": missing at byte 16)"#,
            "malformed 7 (not a JSON object at byte 0)",
            "order 6: Closed",
            "batch of 0",
            "heartbeat",
        ],
    );
    replay(
        Endpoint::Streams,
        None,
        &[
            r#"{"e":"orderSnapshot","orders":[{"E":1,"s":"x","i":5,"X":"OPEN"},{"E":1}]}"#,
            r#"{"E":1,"s":"x","i":5,"X":"CANCELED"}"#,
            r#"{"e":"balanceUpdate","E":1,"B":[]}"#,
            r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[]}"#,
            r#"{"e":"requestForQuote","E":1,"r":"r","l":[],"S":"OPEN"}"#,
            r#"{"e":"requestForQuote","i":"e","E":1,"r":"r","x":"CLOSED","S":"OPEN"}"#,
            r#"{"type":"settlements","settlements":[]}"#,
            r#"{"id":1,"status":200}"#,
        ],
        &[
            "batch of 2",
            "order 5: Open",
            r#"malformed {"E":1} (member "i": missing at byte 6)"#,
            "order 5: Canceled",
            "balances",
            "positions",
            "request_for_quote",
            "quote",
            "settlements",
            "nothing",
        ],
    );
}

/// Compares events with their owned copies: order updates of the current API and of order events v1, with every
/// member and with unknown values, and all frames of the corpus.
#[test]
fn owned_copies() {
    let whole = [
        (
            Endpoint::Streams,
            r#"{"e":"orderUpdate","E":1,"s":"a","i":1,"h":"b","c":"c","S":"d","o":"e","X":"f","O":"g","p":"1","P":"2","q":"3","z":"4","Z":"5","L":"6","a":"7.5","t":8,"n":"9.5","m":false,"r":"h","T":10}"#,
        ),
        (
            Endpoint::OrderEventsV1,
            r#"[{"type":"closed","order_id":"1","event_id":"2","cancel_command_id":"a","reason":"b","account_name":"c","client_order_id":"d","api_session":"e","symbol":"f","side":"g","behavior":"h","order_type":"i","avg_execution_price":"1.5","fill":{"trade_id":"1","liquidity":"j","price":"1","amount":"2","fee":"2.5","fee_currency":"k"}}]"#,
        ),
    ];
    let check = |event: &Event<'_>| {
        let mut owned = EventBuf::from(event);
        assert_eq!(owned.as_event(), *event);
        assert_eq!(format!("{:?}", owned.as_event()), format!("{event:?}"));
        let mut moved = std::thread::spawn(move || owned).join().unwrap();
        assert_eq!(serde_json::to_value(moved.as_event()).unwrap(), serde_json::to_value(event).unwrap());
    };
    let mut kinds = std::collections::BTreeSet::new();
    let corpus = Endpoint::ALL.into_iter().flat_map(|endpoint| {
        frames::corpus_of(endpoint).into_iter().map(move |frame| (endpoint, frame.text))
    });
    let whole = whole.map(|(endpoint, frame)| (endpoint, frame.to_string()));
    for (endpoint, frame) in whole.into_iter().chain(corpus) {
        let mut scratch = Scratch::new();
        let Ok(message) = endpoint.decode(&frame, &mut scratch) else { continue };
        let mut other = Scratch::new();
        let Some(event) = Replay::new(endpoint).event(&frame, &mut other).unwrap() else { continue };
        kinds.insert(serde_json::to_value(message).unwrap()["kind"].to_string());
        check(&event);
        event.parts().for_each(|part| check(&part));
    }
    // All kinds of messages except responses, which only the client that made the request can interpret.
    assert_eq!(kinds.len(), 25, "{kinds:?}");
}
