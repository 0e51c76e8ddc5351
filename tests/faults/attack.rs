//! Cases of the known classes that are in no document: each test says what is right.

use std::collections::VecDeque;

use gemini_ws::{
    Balances, Books, Client, ClientConfig, Config, Decimal, Endpoint, Event, EventBuf, Frame, Instant,
    LinkId, Lost, Moment, NewOrder, NewQuote, OrderState, Orders, Output, Positions, QUOTES_MAX, Quotes,
    Reconciled, Replay, Request, RequestId, RequestOutcome, Scratch, Side, StaleReason, Subject, Topic,
};

fn t(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn new_order(id: &str) -> NewOrder {
    NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap()
}

/// A client, and what an application makes of its events.
struct Fed {
    client: Client,
    link: LinkId,
    sent: Vec<String>,
    log: Vec<String>,
    books: Books,
    orders: Orders,
    balances: Balances,
    positions: Positions,
    quotes: Quotes,
}

impl Fed {
    fn of(mut client: Client) -> Fed {
        client.open(t(0)).unwrap();
        let links: Vec<LinkId> = client.links().map(|(link, ..)| link).collect();
        for link in &links {
            client.handle_connected(*link, t(0));
        }
        let mut fed = Fed {
            client,
            link: links[0],
            sent: Vec::new(),
            log: Vec::new(),
            books: Books::new(),
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            quotes: Quotes::new(),
        };
        fed.poll();
        fed
    }

    fn new(config: Config) -> Fed {
        Fed::of(Client::single(config.seed(1)))
    }

    fn private(streams: &[&str]) -> Fed {
        let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
        for stream in streams {
            fed.subscribe(1, stream);
        }
        fed
    }

    fn apply(&mut self, event: &Event<'_>) {
        self.log.push(format!("{event:?}").chars().take(100).collect());
        self.books.apply(event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }

    fn poll(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Event(event) => self.apply(&event),
                Output::Send { text, .. } => self.sent.push(text),
                Output::Connect(link) => self.link = link,
                _ => {}
            }
        }
    }

    fn acknowledge(&mut self, at: u64) {
        self.poll();
        while let Some(text) = self.sent.pop() {
            self.feed(at, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
        }
    }

    fn subscribe(&mut self, at: u64, stream: &str) {
        self.client.subscribe(t(at), stream.parse().unwrap()).unwrap();
        self.acknowledge(at);
    }

    fn feed(&mut self, at: u64, text: &str) {
        self.feed_over(self.link, at, text);
    }

    fn feed_over(&mut self, link: LinkId, at: u64, text: &str) {
        let mut scratch = Scratch::new();
        let event = self.client.handle_frame(link, t(at), Frame::Text(text), &mut scratch);
        if let Some(event) = event {
            let mut event = EventBuf::from(&event);
            self.apply(&event.as_event());
        }
        self.poll();
    }

    fn reconnect(&mut self, at: u64) {
        self.client.handle_lost(self.link, t(at), Lost::Reset);
        self.poll();
        self.sent.clear();
        let due = self.client.deadline().unwrap().at;
        self.client.handle_timeout(due);
        self.poll();
        self.client.handle_connected(self.link, due);
        self.poll();
    }
}

fn id_of(text: &str) -> String {
    text.chars().skip(6).take_while(char::is_ascii_digit).collect()
}

fn update(status: &str, rest: &str) -> String {
    order(77, Some("a1"), status, rest)
}

fn order(id: u64, client: Option<&str>, status: &str, rest: &str) -> String {
    let client = client.map_or(String::new(), |client| format!(r#""c":"{client}","#));
    format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":{id},{client}"S":"BUY","X":"{status}","q":"1","T":1000{rest}}}"#
    )
}

fn apply(orders: &mut Orders, text: &str) {
    let mut scratch = Scratch::new();
    let event = Replay::new(Endpoint::Streams).event(text, &mut scratch).unwrap().unwrap();
    orders.apply(&event);
}

fn send(orders: &mut Orders, number: u64, id: &str) -> (RequestId, Subject) {
    let (request, about) = (RequestId::new(number), Subject::PlaceOrder(new_order(id)));
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Requested { link, request, about });
    (request, about)
}

fn answer(orders: &mut Orders, (request, about): (RequestId, Subject), text: &str) {
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) });
}

fn found(order_id: u64, state: OrderState, executed: &str) -> Option<Reconciled> {
    Some(Reconciled { order_id, state, executed: d(executed) })
}

const OVERFLOW: Event<'static> = Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 };
const LOST_FACTS: Event<'static> = Event::Overflow { topic: Topic::Connection, symbol: None, dropped: 1 };

/// Two endpoints with an open link each.
fn pair(urls: [&str; 2]) -> (Fed, [LinkId; 2]) {
    let mut client = Client::new(ClientConfig::new(), 1);
    for url in urls {
        client.add(t(0), Config::new(url).authenticated(true).stay_open(true)).unwrap();
    }
    let fed = Fed::of(client);
    let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
    (fed, [links[0], links[1]])
}

// ---- orders ----------------------------------------------------------------------------------------------

/// The order stream moved to another slot; the order was asked about there, and that link ends.
#[test]
fn x01_a_loss_over_the_link_that_is_followed_now_is_a_doubt() {
    let (mut fed, [first, second]) = pair(["ws://a", "ws://b"]);
    let stream = "orders@account".parse().unwrap();
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], stream, None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(first, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.feed_over(first, 2, &update("NEW", ""));
    fed.client.remove(t(3), endpoints[0]).unwrap();
    fed.poll();
    fed.client.handle_lost(first, t(4), Lost::End);
    fed.poll();
    assert!(fed.orders.get(77).unwrap().needs_reconciling());
    fed.sent.clear();
    fed.client.subscribe_at(t(5), endpoints[1], stream, None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(second, 5, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    assert!(fed.orders.get(77).unwrap().needs_reconciling(), "the other endpoint may be of another account");
    // A frame about orders is lost, and then the link.
    fed.feed_over(
        second,
        6,
        r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"X":"FILLED","q":"1e99","T":1}"#,
    );
    assert!(fed.orders.get(77).unwrap().needs_reconciling(), "malformed: shown as open beyond doubt");
}

#[test]
fn x01_the_end_of_the_link_that_is_followed_now_is_a_doubt() {
    let (fed, [first, second]) = pair(["ws://a", "ws://b"]);
    drop(fed);
    let mut orders = Orders::new();
    let (id, stream) = (first_stream(), "orders@account".parse().unwrap());
    let mut fed = Fed::private(&["orders@account"]);
    orders.apply(&Event::Subscribed { link: first, id, stream });
    let mut scratch = Scratch::new();
    let text = update("NEW", "");
    let event = fed.client.handle_frame(fed.link, t(2), Frame::Text(&text), &mut scratch).unwrap();
    orders.apply(&event);
    orders.apply(&Event::Disconnected { link: first, reason: Lost::Reset, retry: None });
    orders.apply(&Event::Subscribed { link: second, id, stream });
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    orders.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert!(orders.get(77).unwrap().needs_reconciling(), "nobody follows it, and it is shown as open");
}

/// An order over an endpoint whose orders nobody follows, beside one whose orders are followed.
#[test]
fn x02_an_order_at_an_endpoint_that_is_not_followed_is_in_doubt() {
    let (mut fed, [production, _]) = pair(["ws://production", "ws://sandbox"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], "orders@account".parse().unwrap(), None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(production, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.client.request_at(t(2), endpoints[1], &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a1").unwrap().needs_reconciling(), "none of its events will come");
}

/// `orders@session` says nothing of the orders of another link.
#[test]
fn x02_an_order_of_a_session_that_is_not_followed_is_in_doubt() {
    let (mut fed, [one, _]) = pair(["ws://a", "ws://b"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], "orders@session".parse().unwrap(), None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(one, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.client.request_at(t(2), endpoints[1], &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a1").unwrap().needs_reconciling(), "none of its events will come");
}

/// An answer to the client's id names another order: both stay.
#[test]
fn x03_an_answer_about_another_order_does_not_swallow_one_that_has_fills() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    // Another one, whose events name no client order id.
    apply(&mut orders, &order(78, None, "NEW", ""));
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    // The venue answers with the newest order of this client order id.
    orders.reconcile("a1", found(78, OrderState::Open, "0"), asked);
    let kept = orders.get(77).map(|order| order.executed());
    assert_eq!(kept, Some(d("0.4")), "order 77 and its fills are gone: {:?}", orders.iter().count());
}

/// The same by the reply to a second order with the same client order id.
#[test]
fn x03_a_reply_with_another_id_does_not_swallow_an_order() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    // An order of another session with that client order id.
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    apply(&mut orders, &order(78, None, "NEW", ""));
    answer(&mut orders, request, r#"{"id":1,"status":200,"result":{"orderId":"78"}}"#);
    assert_eq!(orders.get(77).map(|order| order.executed()), Some(d("0.4")), "order 77 is gone");
    assert!(orders.get(78).is_some());
}

/// The reply names an order that no event has named yet, as one of another session was taken for it.
#[test]
fn x04_an_order_that_the_venue_has_accepted_is_not_forgotten() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    apply(&mut orders, &update("OPEN", ""));
    answer(&mut orders, request, r#"{"id":1,"status":200,"result":{"orderId":"78"}}"#);
    let asked = orders.moment();
    orders.reconcile("a1", found(78, OrderState::Open, "0"), asked);
    let asked = orders.moment();
    orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
    let asked = orders.moment();
    let settled = orders.reconcile(78, found(78, OrderState::Open, "0"), asked);
    assert!(
        orders.get(78).is_some() || settled,
        "order 78 is open, and unknown: {:?}",
        orders.to_reconcile().count()
    );
}

/// The fills that were counted are more than there were: asked as often as one likes, the doubt stays.
#[test]
fn x05_a_doubt_about_too_many_fills_can_be_resolved() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    apply(&mut orders, &update("FILLED", r#","Z":"1.0","L":"100","t":6"#));
    assert!(orders.get(77).unwrap().needs_reconciling());
    for _ in 0..10 {
        let asked = orders.moment();
        orders.reconcile(77, found(77, OrderState::Filled, "1"), asked);
    }
    let order = orders.get(77).unwrap();
    assert_eq!((order.doubt(), order.executed()), (None, d("1")));
}

/// An internal error says nothing of whether the order exists, by its code or its status.
#[test]
fn x06_an_internal_error_without_a_5xx_is_no_refusal() {
    for text in [
        r#"{"id":1,"error":{"code":-1000,"msg":"Internal error"}}"#,
        r#"{"id":1,"status":408,"error":{"code":0,"msg":"Timed out"}}"#,
    ] {
        let mut orders = Orders::new();
        let request = send(&mut orders, 1, "a1");
        orders.apply(&Event::Subscribed {
            link: Fed::new(Config::new("ws://v")).link,
            id: first_stream(),
            stream: "orders@account".parse().unwrap(),
        });
        answer(&mut orders, request, text);
        let order = orders.get("a1").unwrap();
        assert!(order.needs_reconciling(), "{text}: {:?}", order.state);
    }
}

fn first_stream() -> gemini_ws::StreamId {
    let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
    client.subscribe(t(0), "orders@account".parse().unwrap()).unwrap()
}

/// A list of open orders that names an order whose fill could not be accounted says nothing of that fill.
#[test]
fn x07_a_list_without_figures_does_not_account_a_fill() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    // No trade id.
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100""#));
    assert!(orders.get(77).unwrap().needs_reconciling());
    let row = r#"{"E":2000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"OPEN","q":"1","T":2000}"#;
    apply(&mut orders, &format!(r#"{{"e":"orderSnapshot","orders":[{row}]}}"#));
    let order = orders.get(77).unwrap();
    assert!(order.needs_reconciling(), "executed {} of which 0.4 were", order.executed());
}

/// An empty list says that nothing is open.
#[test]
fn x08_an_empty_list_of_open_orders_casts_doubt_on_those_that_are_known() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("OPEN", ""));
    apply(&mut orders, r#"{"e":"orderSnapshot","orders":[]}"#);
    assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::NotFound));
}

/// The end of the link was among the events that were dropped.
#[test]
fn x09_an_order_that_was_asked_for_while_the_link_was_down_is_in_doubt() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    let mut orders = fed.orders.clone();
    // `Disconnected` is dropped on its way to them; the announcement of that is not.
    orders.apply(&LOST_FACTS);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    // It is filled, and then the next link is open and subscribed.
    let old = fed.link;
    fed.reconnect(3);
    assert_ne!(fed.link, old);
    orders.apply(&Event::Subscribed {
        link: fed.link,
        id: first_stream(),
        stream: "orders@account".parse().unwrap(),
    });
    assert!(orders.get(77).unwrap().needs_reconciling(), "its fill was never told, and it is shown as open");
}

// ---- balances and positions --------------------------------------------------------------------------------

/// The first report, which alone lists everything, could not be decoded; the next one lists what has changed.
#[test]
fn x10_a_change_behind_a_malformed_first_report_is_not_the_whole() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(
        2,
        r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"},{"a":"BTC","c":"1"}]}"#,
    );
    assert!(fed.balances.is_stale());
    fed.feed(3, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"2","c":"2"}]}"#);
    assert!(fed.balances.is_stale(), "USD {:?}, and nothing is stale", fed.balances.get("USD"));
}

#[test]
fn x11_a_loss_over_the_link_that_is_followed_now_makes_positions_stale() {
    let (fed, [first, second]) = pair(["ws://a", "ws://b"]);
    drop(fed);
    let mut fed = Fed::private(&["positions@account"]);
    fed.feed(
        2,
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
    );
    let (id, stream) = (first_stream(), "positions@account".parse().unwrap());
    fed.positions.apply(&Event::Disconnected { link: fed.link, reason: Lost::Reset, retry: None });
    let _ = first;
    fed.positions.apply(&Event::Subscribed { link: second, id, stream });
    let asked = fed.positions.moment();
    let held = [("A".parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", "1")])];
    assert!(fed.positions.reconcile(held, asked));
    fed.positions.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert!(fed.positions.is_stale(), "nobody reports them, and they are shown as current");
}

// ---- quotes ------------------------------------------------------------------------------------------------

fn quote(price: &str) -> NewQuote {
    let (rfq_id, client_id) = ("r1".parse().unwrap(), "mine".parse().ok());
    NewQuote { rfq_id, price: d(price), quantity: d("10"), valid_until: None, client_id }
}

/// Those that a reply has ended are at their end, too.
#[test]
fn x12_quotes_that_were_refused_are_forgotten_at_last() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut quotes = Quotes::new();
    for n in 0..(QUOTES_MAX as u64 * 2) {
        let (request, about) = (RequestId::new(n), Subject::SubmitQuote(quote("0.5")));
        quotes.apply(&Event::Requested { link, request, about });
        quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::NotSent });
    }
    assert!(quotes.iter().count() <= QUOTES_MAX, "{} quotes are kept", quotes.iter().count());
}

/// An answer that it does not exist was too early: its events say that it does.
#[test]
fn x13_events_decide_against_an_earlier_not_found_of_a_quote() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let request = fed.client.request(t(1), &Request::SubmitQuote(quote("0.5"))).unwrap();
    fed.poll();
    fed.reconnect(2);
    fed.acknowledge(2_000);
    let asked = fed.quotes.moment();
    assert!(fed.quotes.reconcile(request, None, asked));
    fed.feed(2_001, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#);
    let quote = fed.quotes.get(request).unwrap();
    assert_eq!(
        (quote.state, quote.quote_id.map(|id| id.as_str().to_owned())),
        (gemini_ws::QuoteState::Accepted, Some("q1".to_owned()))
    );
}

// ---- books ---------------------------------------------------------------------------------------------------

fn v1(sequence: u64, price: u32, reason: &str) -> String {
    format!(
        r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"timestampms":1,"timestamp":1,"events":[{{"type":"change","side":"bid","price":"{price}","remaining":"2","delta":"2","reason":"{reason}"}}]}}"#
    )
}

/// Two endpoints have a book of the same symbol: production and the sandbox, or v1 beside the current API.
#[test]
fn x14_the_changes_of_one_link_are_not_applied_to_the_book_of_another() {
    let (mut fed, [one, other]) = pair(["ws://a/v1/marketdata/btcusd", "ws://b/v1/marketdata/btcusd"]);
    fed.feed_over(one, 1, &v1(0, 100, "initial"));
    fed.feed_over(other, 2, &v1(0, 50, "initial"));
    fed.feed_over(one, 3, &v1(1, 101, "place"));
    let bids: Option<Vec<String>> =
        fed.books.live("btcusd").map(|book| book.bids().iter().map(|it| it.price.to_string()).collect());
    let right = [vec!["101".to_owned(), "100".to_owned()], vec!["50".to_owned()]];
    assert!(bids.as_ref().is_none_or(|bids| right.contains(bids)), "live: {bids:?}, which no venue has");
}

/// A trade of one symbol that cannot be decoded, on a link with books, orders and balances.
#[test]
fn x15_a_malformed_trade_costs_neither_books_nor_orders() {
    for text in [
        r#"{"E":2,"s":"bonkusd","t":9,"p":"0.00000000000000000000000000000001","q":"2","m":true}"#,
        r#"{"u":5,"E":1,"s":"bonkusd","b":"1","B":"x","a":"2","A":"1"}"#,
    ] {
        let mut fed = Fed::private(&[
            "orders@account",
            "balances@account",
            "bonkusd@trade",
            "bonkusd@bookTicker",
            "btcusd@depth",
        ]);
        fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[]}"#);
        fed.feed(2, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#);
        fed.feed(2, &update("NEW", ""));
        assert!(fed.books.live("btcusd").is_some() && !fed.balances.is_stale());
        fed.feed(3, text);
        let lost =
            (fed.books.live("btcusd").is_none(), fed.balances.is_stale(), fed.orders.to_reconcile().count());
        assert_eq!(lost, (false, false, 0), "book, balances and orders: {text}: {:?}", fed.log.last());
    }
}

/// One stream whose frames cannot be decoded, beside orders that rest.
#[test]
fn y01_a_stream_of_malformed_frames_does_not_end_the_link() {
    let config = Config::new("ws://v").authenticated(true).cancel_on_disconnect(true);
    let mut fed = Fed::new(config);
    for stream in ["orders@session", "bonkusd@trade"] {
        fed.subscribe(1, stream);
    }
    fed.feed(2, &update("NEW", ""));
    for n in 0..600 {
        fed.feed(
            1_000 + n * 100,
            &format!(
                r#"{{"E":2,"s":"bonkusd","t":{n},"p":"0.00000000000000000000000000000001","q":"2","m":true}}"#
            ),
        );
    }
    let ends: Vec<_> = fed.log.iter().filter(|it| it.starts_with("Disconnected")).collect();
    assert_eq!(ends, Vec::<&String>::new(), "the link, and the orders of the session with it");
}

/// A venue that answers at once, and calls for one more snapshot behind each. Returns how often the book was asked for.
fn asked_again(behind: &str, resync_by_books: bool) -> usize {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.client.subscribe(t(0), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    let (mut asked, mut id) = (0, 10);
    for now in (0..60_000).step_by(50) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        let sent = std::mem::take(&mut fed.sent);
        for text in sent {
            fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            if text.contains("\"subscribe\"") {
                asked += 1;
                id += 10;
                fed.feed(now, &format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["99","1"]],"a":[["101","1"]]}}"#));
                let next = id + 3;
                fed.feed(
                    now,
                    &behind
                        .replace("FIRST", &id.to_string())
                        .replace("BEYOND", &next.to_string())
                        .replace("LAST", &(next + 1).to_string()),
                );
            }
        }
        if resync_by_books {
            let symbols: Vec<_> = fed.books.to_resync().collect();
            fed.client.resync_books(t(now), symbols);
            fed.poll();
        }
    }
    asked
}

/// Each snapshot is followed by something that calls for another one: the request is made more and more rarely.
#[test]
fn y02_a_book_that_is_lost_again_and_again_is_not_asked_for_at_full_speed() {
    let gap = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":BEYOND,"u":LAST,"b":[],"a":[]}"#;
    let malformed = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":FIRST,"u":LAST,"b":[["x","1"]],"a":[]}"#;
    let crossed = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":FIRST,"u":LAST,"b":[["102","1"]],"a":[]}"#;
    let asked = [asked_again(gap, false), asked_again(malformed, false), asked_again(crossed, true)];
    assert!(
        asked.iter().all(|asked| *asked < 60),
        "a gap, a malformed frame, a crossing: asked for {asked:?} times in a minute"
    );
}

/// The ids of the venue's updates begin anew, on the same link.
#[test]
fn y03_a_book_whose_updates_are_all_old_is_not_live_for_ever() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1000000,"u":1000000,"b":[["99","1"]],"a":[]}"#);
    fed.feed(3, r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":5,"b":[["50","1"]],"a":[]}"#);
    for n in 5..2_000 {
        fed.feed(
            n,
            &format!(
                r#"{{"e":"depthUpdate","E":{n},"s":"btcusd","U":{n},"u":{},"b":[["5{}","1"]],"a":[]}}"#,
                n + 1,
                n % 10
            ),
        );
    }
    let best = fed.books.live("btcusd").map(|book| book.bids().best().unwrap().price.to_string());
    assert_eq!(best, None, "nothing of two thousand frames is in it");
}

/// Ids of quotes, as long as the peer likes.
#[test]
fn y04_ids_of_quotes_take_no_memory_without_bound() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let used = allocation_counter::measure(|| {
        for n in 0..100 {
            let id = format!("{n}{}", "x".repeat(1 << 20));
            let text = format!(
                r#"{{"e":"requestForQuote","i":"{id}","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1"}}"#
            );
            let mut scratch = Scratch::new();
            fed.client.handle_frame(fed.link, t(n), Frame::Text(&text), &mut scratch);
        }
    });
    assert!(used.bytes_current < 16 << 20, "{} MiB after 100 frames of up to 4096", used.bytes_current >> 20);
}

/// A peer with many symbols: what is summed up of them stays, though the orders are forgotten.
#[test]
fn y05_sums_of_fills_take_no_memory_without_bound() {
    let mut orders = Orders::new();
    let kept = |orders: &Orders| format!("{orders:?}").matches("Traded {").count();
    for n in 0..40_000_u64 {
        let text = order(1_000 + n, None, "FILLED", &format!(r#","Z":"1","L":"100","t":1{n}"#))
            .replace("BTCUSD", &format!("S{n}"));
        apply(&mut orders, &text);
    }
    assert!(orders.iter().count() <= 10_000);
    assert!(kept(&orders) <= 20_000, "{} sums", kept(&orders));
}

/// A frame that cannot be decoded costs the same whatever many orders are known to be in doubt.
#[test]
fn y06_the_cost_of_a_malformed_frame_does_not_grow_with_what_is_in_doubt_already() {
    let cost = |count: u64| {
        let mut fed = Fed::private(&["orders@account"]);
        for n in 0..count {
            fed.feed(2, &order(1_000 + n, None, "OPEN", ""));
        }
        fed.feed(3, "not JSON");
        fed.feed(3, &update("NEW", ""));
        let begin = std::time::Instant::now();
        for _ in 0..10 {
            fed.orders.apply(&OVERFLOW);
        }
        begin.elapsed() / 10
    };
    let (few, many) = (cost(100), cost(50_000));
    assert!(many < few * 50, "100 orders: {few:?}, 50,000: {many:?} for each lost frame");
}

/// The last subscriber left, and the link is closing.
#[test]
fn y07_a_stream_can_be_wanted_again_at_any_time() {
    let mut client = Client::new(ClientConfig::new(), 1);
    client.add(t(0), Config::new("ws://a")).unwrap();
    client.open(t(0)).unwrap();
    let stream = "btcusd@trade".parse().unwrap();
    let id = client.subscribe(t(0), stream).unwrap();
    let link = client.links().next().unwrap().0;
    client.handle_connected(link, t(0));
    let text = std::iter::from_fn(|| client.poll_output())
        .find_map(|it| if let Output::Send { text, .. } = it { Some(text) } else { None })
        .unwrap();
    let mut scratch = Scratch::new();
    client.handle_frame(
        link,
        t(1),
        Frame::Text(&format!("{{\"id\":{},\"status\":200}}", id_of(&text))),
        &mut scratch,
    );
    client.unsubscribe(t(2), id).unwrap();
    let mut now = 2;
    let mut refused = Vec::new();
    for _ in 0..20 {
        let mut copy = client.clone();
        if let Err(error) = copy.subscribe(t(now), stream) {
            refused.push((now, error, copy.links().map(|it| it.2).collect::<Vec<_>>()));
        }
        while client.poll_output().is_some() {}
        let Some(due) = client.deadline() else { break };
        now = due.at.as_nanos() / 1_000_000;
        client.handle_timeout(due.at);
    }
    assert!(refused.is_empty(), "{refused:?}");
}

/// Every call at the ends of the clock returns, and what was promised is said.
#[test]
fn y08_a_shutdown_at_the_end_of_the_clock_comes_to_its_end() {
    for (from, by) in [(u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX), (0, 0), (5, 0), (0, u64::MAX)] {
        let (from, by) = (Instant::from_nanos(from), Instant::from_nanos(by));
        let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
        client.subscribe(from, "orders@account".parse().unwrap()).unwrap();
        client.open(from).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, from);
        let _ = client.request(from, &Request::PlaceOrder(new_order("a1")));
        client.shut_down(from, gemini_ws::ShutdownPlan::by(by).cancel_orders(true).unsubscribe(true));
        let mut closed = None;
        for _ in 0..1_000 {
            while let Some(output) = client.poll_output() {
                if let Output::Event(Event::Closed { reason, .. }) = output {
                    closed = Some(reason);
                }
            }
            let Some(due) = client.deadline() else { break };
            client.handle_timeout(due.at);
        }
        assert!(closed.is_some(), "from {from:?} by {by:?}: no end, deadline {:?}", client.deadline());
    }
}

/// Closed at once while the orders are being cancelled: nobody has said that they were.
#[test]
fn y09_a_shutdown_that_is_cut_short_says_what_was_not_done() {
    let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
    client.open(t(0)).unwrap();
    let link = client.links().next().unwrap().0;
    client.handle_connected(link, t(0));
    client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    while client.poll_output().is_some() {}
    client.shut_down(t(2), gemini_ws::ShutdownPlan::by(t(10_000)).cancel_orders(true));
    client.close(t(3));
    let mut closed = None;
    for _ in 0..100 {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Close { link, .. } => client.handle_lost(link, t(4), Lost::End),
                Output::Event(Event::Closed { reason, abandoned }) => {
                    closed = Some((reason, abandoned.sessions))
                }
                _ => {}
            }
        }
        let Some(due) = client.deadline() else { break };
        client.handle_timeout(due.at);
    }
    assert_eq!(closed, Some((gemini_ws::CloseReason::RequestedIncomplete, 1)));
}

/// Two accounts, each with its own endpoint.
#[test]
fn y10_the_orders_of_two_endpoints_can_be_followed() {
    let (mut fed, _) = pair(["ws://production", "ws://sandbox"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    let stream = "orders@account".parse().unwrap();
    let done: Vec<_> =
        endpoints.iter().map(|id| fed.client.subscribe_at(t(1), *id, stream, None).err()).collect();
    assert_eq!(done, [None, None]);
}

/// As x06, of a quote.
#[test]
fn y11_an_internal_error_without_a_5xx_does_not_refuse_a_quote() {
    for text in [
        r#"{"id":1,"error":{"code":-1000,"msg":"Internal error"}}"#,
        r#"{"id":1,"status":408,"error":{"code":0,"msg":"Timed out"}}"#,
    ] {
        let (link, request, about) =
            (Fed::new(Config::new("ws://v")).link, RequestId::new(1), Subject::SubmitQuote(quote("0.5")));
        let mut quotes = Quotes::new();
        quotes.apply(&Event::Requested { link, request, about });
        let mut scratch = Scratch::new();
        let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else {
            panic!()
        };
        quotes.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) });
        assert!(quotes.to_reconcile().count() == 1, "{text}: {:?}", quotes.get(request).unwrap().state);
    }
}

/// A malformed trade each second, beside a hundred books.
#[test]
fn y12_books_are_live_beside_a_stream_that_cannot_be_decoded() {
    let mut fed = Fed::new(Config::new("ws://v"));
    for n in 0..100 {
        fed.client.subscribe(t(0), format!("sym{n}usd@depth").parse().unwrap()).unwrap();
    }
    fed.client.subscribe(t(0), "bonkusd@trade".parse().unwrap()).unwrap();
    fed.poll();
    let (mut live, mut id, mut asked) = (0, 5, 0);
    for now in (0..120_000).step_by(100) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        for text in std::mem::take(&mut fed.sent) {
            fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            if text.contains("\"subscribe\"") {
                for name in text.split('"').filter_map(|part| part.strip_suffix("@depth")) {
                    (asked, id) = (asked + 1, id + 1);
                    fed.feed(now, &format!(r#"{{"e":"depthUpdate","E":1,"s":"{name}","U":{id},"u":{id},"b":[["99","1"]],"a":[]}}"#));
                }
            }
        }
        if now % 1_000 == 0 && now > 0 {
            live += (0..100).filter(|n| fed.books.live(&format!("sym{n}usd")).is_some()).count();
            fed.feed(
                now,
                r#"{"E":2,"s":"bonkusd","t":9,"p":"0.00000000000000000000000000000001","q":"2","m":true}"#,
            );
        }
    }
    assert!(
        asked <= 200,
        "{asked} snapshots for 100 books in two minutes; {live} of 11900 looks at them found them live"
    );
}

// ---- a venue at random ---------------------------------------------------------------------------------------

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Version {
    state: OrderState,
    executed: i64,
}

#[derive(Debug)]
struct Real {
    id: u64,
    client: Option<String>,
    says_client: bool,
    history: Vec<Version>,
    /// How many of the history were delivered, or lost with a word of it.
    told: usize,
    is_known: bool,
}

enum Due {
    Event { of: usize, version: usize, text: String },
    Reply { request: (RequestId, Subject), of: Option<usize>, kind: u64 },
}

/// An order, by either name, what the venue said of it, and when it was asked.
type Answer = (Option<u64>, Option<String>, Option<Reconciled>, Moment);

fn tenths(n: i64) -> Decimal {
    Decimal::new(n, 1).unwrap()
}

/// Whoever follows orders through losses, late replies and late answers is never sure and wrong, and never in doubt for ever.
fn random_life(seed: u64) -> Result<(), String> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let link = Fed::new(Config::new("ws://v")).link;
    let mut orders = Orders::new();
    orders.apply(&Event::Subscribed { link, id: first_stream(), stream: "orders@account".parse().unwrap() });
    let mut real: Vec<Real> = Vec::new();
    let mut events: VecDeque<Due> = VecDeque::new();
    let mut replies: Vec<Due> = Vec::new();
    let mut sending: Vec<((RequestId, Subject), String)> = Vec::new();
    let mut answers: Vec<Answer> = Vec::new();
    let (mut number, mut trade, mut log) = (0, 0, Vec::<String>::new());
    let steps = 120;
    for step in 0..steps + 400 {
        let ends = step >= steps;
        match if ends { 5 + random.below(4) } else { random.below(10) } {
            0 if number < 6 => {
                number += 1;
                // An id is used again once the order that had it is at its end.
                let over: Vec<String> = real
                    .iter()
                    .filter(|it| it.told == it.history.len() && it.history.last().unwrap().state.is_final())
                    .filter_map(|it| it.client.clone())
                    .filter(|_| sending.is_empty() && replies.is_empty())
                    .collect();
                let again = over
                    .first()
                    .filter(|id| real.iter().filter(|it| it.client.as_ref() == Some(id)).count() == 1);
                let client = again.cloned().unwrap_or_else(|| format!("a{number}"));
                let request = (RequestId::new(number), Subject::PlaceOrder(new_order(&client)));
                orders.apply(&Event::Requested { link, request: request.0, about: request.1 });
                log.push(format!("send {client}"));
                sending.push((request, client));
            }
            1 if real.len() < 8 => {
                let (id, of) = (100 + real.len() as u64, real.len());
                real.push(Real {
                    id,
                    client: None,
                    says_client: false,
                    history: Vec::new(),
                    told: 0,
                    is_known: false,
                });
                happen(&mut real[of], of, OrderState::New, 0, &mut trade, &mut events);
            }
            2..=4 if !real.is_empty() => {
                let of = random.below(real.len() as u64) as usize;
                let last = *real[of].history.last().unwrap();
                if !last.state.is_final() {
                    match random.below(5) {
                        0 => happen(&mut real[of], of, OrderState::Open, 0, &mut trade, &mut events),
                        1 => happen(&mut real[of], of, OrderState::Canceled, 0, &mut trade, &mut events),
                        _ => {
                            let by = 1 + random.below(5) as i64;
                            let by = by.min(10 - last.executed);
                            let state = if last.executed + by == 10 {
                                OrderState::Filled
                            } else {
                                OrderState::PartiallyFilled
                            };
                            happen(&mut real[of], of, state, by, &mut trade, &mut events);
                        }
                    }
                }
            }
            5 if !sending.is_empty() => {
                let (request, client) = sending.remove(0);
                let kind = random.below(6);
                // 4: refused; 5: never arrived.
                let of = (kind < 4).then(|| {
                    let (id, of) = (100 + real.len() as u64, real.len());
                    real.push(Real {
                        id,
                        client: Some(client),
                        says_client: true,
                        history: Vec::new(),
                        told: 0,
                        is_known: false,
                    });
                    happen(&mut real[of], of, OrderState::New, 0, &mut trade, &mut events);
                    of
                });
                replies.push(Due::Reply { request, of, kind });
            }
            6 if !replies.is_empty() => {
                let at = random.below(replies.len() as u64) as usize;
                let Due::Reply { request, of, kind } = replies.remove(at) else { panic!() };
                let text = match (kind, of) {
                    (0, Some(_)) => Some(r#"{"id":1,"status":200}"#.to_owned()),
                    (1, Some(of)) => {
                        Some(format!(r#"{{"id":1,"status":200,"result":{{"orderId":"{}"}}}}"#, real[of].id))
                    }
                    (4, _) => {
                        Some(r#"{"id":1,"status":400,"error":{"code":-2010,"msg":"refused"}}"#.to_owned())
                    }
                    _ => None,
                };
                log.push(format!("reply {:?} {text:?}", request.0));
                match text {
                    Some(text) => answer(&mut orders, request, &text),
                    None => {
                        orders.apply(&Event::Reply {
                            link,
                            request: request.0,
                            about: request.1,
                            outcome: RequestOutcome::TimedOut,
                        });
                    }
                }
            }
            7 if !ends || !events.is_empty() => {
                if let Some(Due::Event { of, version, text }) = events.pop_front() {
                    if of != usize::MAX {
                        real[of].told = version + 1;
                    }
                    if !ends && random.below(4) == 0 {
                        log.push(format!("lost {text}"));
                        orders.apply(&OVERFLOW);
                    } else {
                        log.push(text.clone());
                        if of != usize::MAX {
                            real[of].is_known = true;
                        }
                        apply(&mut orders, &text);
                        if random.below(8) == 0 {
                            apply(&mut orders, &text);
                        }
                    }
                }
            }
            8 => {
                // Ask for one that is in doubt.
                let asked = orders.moment();
                let doubtful: Vec<_> = orders
                    .to_reconcile()
                    .map(|it| (it.order_id, it.client_order_id.as_deref().map(str::to_owned)))
                    .collect();
                if !doubtful.is_empty() {
                    let (id, client) = doubtful[random.below(doubtful.len() as u64) as usize].clone();
                    let by_client = id.is_none();
                    let found = real
                        .iter()
                        .rev()
                        .find(|it| if by_client { it.client == client } else { Some(it.id) == id });
                    let found = found.map(|it| {
                        let last = it.history.last().unwrap();
                        Reconciled { order_id: it.id, state: last.state, executed: tenths(last.executed) }
                    });
                    // One whose request is on its way, or was, is asked for when it would be there.
                    if found.is_some() || (sending.is_empty() && by_client) {
                        answers.push((id, client.filter(|_| by_client), found, asked));
                    }
                }
            }
            _ => {
                if !answers.is_empty() {
                    let (id, client, found, asked) = answers.remove(0);
                    log.push(format!("answer {id:?} {client:?} {found:?} {asked:?}"));
                    match (id, &client) {
                        (Some(id), _) => orders.reconcile(id, found, asked),
                        (None, Some(client)) => orders.reconcile(client, found, asked),
                        _ => false,
                    };
                }
            }
        }
        if !ends && random.below(15) == 0 {
            let mut rows = Vec::new();
            for it in &real {
                let last = it.history.last().unwrap();
                if !last.state.is_final() {
                    let rest = if last.executed > 0 {
                        format!(r#","Z":"{}""#, tenths(last.executed))
                    } else {
                        String::new()
                    };
                    rows.push(order(it.id, it.client.as_deref().filter(|_| it.says_client), "OPEN", &rest));
                }
            }
            events.push_back(Due::Event {
                of: usize::MAX,
                version: 0,
                text: format!(r#"{{"e":"orderSnapshot","orders":[{}]}}"#, rows.join(",")),
            });
        }
        for it in &real {
            let Some(order) = orders.get(it.id).filter(|order| !order.needs_reconciling()) else { continue };
            let is_right = |version: &Version| {
                let executed = order.executed() == tenths(version.executed);
                executed
                    && (version.state.is_final() == order.state.is_final())
                    && (!order.state.is_final() || version.state == order.state)
            };
            let from = it.told.saturating_sub(1);
            // A reply tells no more than that it is there.
            let is_by_reply = matches!(order.state, OrderState::Acknowledged);
            if !is_by_reply && !it.history[from..].iter().any(is_right) {
                let kind = if order.reconciled
                    && it.history[from..].iter().any(|v| v.state.is_final() == order.state.is_final())
                {
                    "sure-sum-reconciled"
                } else if order.reconciled {
                    "sure-state-reconciled"
                } else {
                    "sure"
                };
                return Err(format!(
                    "{kind}: seed {seed}, step {step}: sure and wrong: {:?} executed {} of {it:?}\n{}",
                    order.state,
                    order.executed(),
                    log.join("\n")
                ));
            }
        }
    }
    for it in &real {
        let last = it.history.last().unwrap();
        let Some(order) = orders.get(it.id) else {
            if it.is_known {
                return Err(format!("unknown: seed {seed}: {it:?} is not known\n{}", log.join("\n")));
            }
            continue;
        };
        if order.needs_reconciling() || order.executed() != tenths(last.executed) {
            let kind = if order.needs_reconciling() {
                "end-doubt"
            } else if order.reconciled {
                "end-sum-reconciled"
            } else {
                "end-sum"
            };
            return Err(format!(
                "{kind}: seed {seed}: at the end {:?}, {:?}, executed {}: {it:?}\n{}",
                order.state,
                order.doubt(),
                order.executed(),
                log.join("\n")
            ));
        }
    }
    let left: Vec<_> = orders
        .to_reconcile()
        .map(|it| (it.order_id, it.client_order_id.clone(), it.state, it.doubt()))
        .collect();
    if !left.is_empty() {
        return Err(format!("doubt: seed {seed}: in doubt for ever: {left:?}\n{}", log.join("\n")));
    }
    let twice = orders.iter().filter(|it| !it.state.is_final() && it.order_id.is_none()).count();
    if twice > 0 {
        return Err(format!(
            "twice: seed {seed}: {twice} open orders without an id of the venue at the end\n{}",
            log.join("\n")
        ));
    }
    Ok(())
}

fn happen(
    real: &mut Real,
    of: usize,
    state: OrderState,
    by: i64,
    trade: &mut u64,
    events: &mut VecDeque<Due>,
) {
    let before = real.history.last().map_or(0, |it| it.executed);
    let (name, rest) = match state {
        OrderState::New => ("NEW", String::new()),
        OrderState::Open => {
            ("OPEN", if before > 0 { format!(r#","Z":"{}""#, tenths(before)) } else { String::new() })
        }
        OrderState::Canceled if trade.is_multiple_of(3) => ("CANCELED", String::new()),
        OrderState::Canceled => ("CANCELED", format!(r#","Z":"{}""#, tenths(before))),
        _ => {
            *trade += 1;
            let name = if state == OrderState::Filled { "FILLED" } else { "PARTIALLY_FILLED" };
            (name, format!(r#","Z":"{}","L":"100","t":{trade}"#, tenths(by)))
        }
    };
    real.history.push(Version { state, executed: before + by });
    let client = real.client.as_deref().filter(|_| real.says_client);
    let text =
        order(real.id, client, name, &rest).replace("\"E\":1000", &format!("\"E\":{}", 1_000 + events.len()));
    events.push_back(Due::Event { of, version: real.history.len() - 1, text });
}

#[test]
fn z01_orders_are_never_sure_and_wrong_and_never_in_doubt_for_ever() {
    let failed: Vec<String> = (1..3_000).filter_map(|seed| random_life(seed).err()).collect();
    let mut kinds = std::collections::BTreeMap::<&str, (usize, &str)>::new();
    for text in &failed {
        let kind = kinds.entry(text.split(':').next().unwrap()).or_insert((0, text));
        *kind = (kind.0 + 1, if text.len() < kind.1.len() { text } else { kind.1 });
    }
    let told: Vec<String> = kinds.values().map(|(count, text)| format!("{count} times {text}")).collect();
    assert!(failed.is_empty(), "{} of 3000: {}", failed.len(), told.join("\n\n"));
}

/// What the venue has told of executions that were missed, and a fill behind it.
#[test]
fn z02_a_fill_behind_an_answer_adds_to_what_was_told() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    // A fill of 0.1 is lost.
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::PartiallyFilled, "0.1"), asked));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.1","L":"100","t":6"#));
    let order = orders.get(77).unwrap();
    assert!(
        order.needs_reconciling() || order.executed() == d("0.2"),
        "executed {} of 0.2, beyond doubt",
        order.executed()
    );
}

/// An order that got no answer is sent again under its id, and gets none again: neither has arrived.
#[test]
fn z03_each_of_two_orders_of_one_client_order_id_can_be_reconciled() {
    let mut orders = Orders::new();
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Subscribed { link, id: first_stream(), stream: "orders@account".parse().unwrap() });
    for number in [1, 2] {
        let (request, about) = send(&mut orders, number, "a1");
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    }
    for _ in 0..10 {
        let asked = orders.moment();
        orders.reconcile("a1", None, asked);
    }
    assert_eq!(orders.to_reconcile().count(), 0, "asked ten times, and the venue knows of none");
}

/// An event of an order of v1 whose kind is not known.
#[test]
fn z04_a_kind_of_order_event_of_v1_that_is_not_known_is_a_doubt() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
    fed.feed(1, r#"[{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"1","executed_amount":"0","socket_sequence":0}]"#);
    fed.feed(2, r#"[{"type":"expired","order_id":"5","symbol":"btcusd","side":"buy","is_live":false,"original_amount":"1","executed_amount":"0","socket_sequence":1}]"#);
    assert!(
        fed.orders.get(5).unwrap().needs_reconciling(),
        "{:?} {:?}",
        fed.orders.get(5).unwrap().state,
        fed.log.last()
    );
}

/// The unsubscription got no answer, so changes of the old subscription go on; under the lax rule each has one id.
#[test]
fn z05_a_change_of_an_old_subscription_is_not_a_book() {
    let mut fed = Fed::new(
        Config::new("ws://v")
            .gap_rule(gemini_ws::GapRule::Lax)
            .request_timeout(std::time::Duration::from_secs(5)),
    );
    fed.subscribe(1, "btcusd@depth");
    fed.feed(
        2,
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","1"]],"a":[["101","1"]]}"#,
    );
    fed.feed(3, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":6,"b":[["97","1"]],"a":[]}"#);
    assert!(fed.books.live("btcusd").is_some());
    let id = fed.client.streams().next().unwrap().0;
    fed.client.unsubscribe(t(4), id).unwrap();
    fed.poll();
    for at in [5_004, 5_005, 6_005] {
        fed.client.handle_timeout(t(at));
        fed.poll();
    }
    fed.sent.clear();
    fed.client.subscribe(t(6_010), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    fed.feed(6_011, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["97","2"]],"a":[]}"#);
    let bids = fed.books.live("btcusd").map(|book| book.bids().len());
    assert_eq!(bids, None, "one level of three: {:?}", &fed.log[fed.log.len().saturating_sub(4)..]);
}

/// One place, taken by an order.
#[test]
fn z06_a_cancel_has_a_place_however_few_there_are() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true).requests_in_flight_max(1));
    let mut accepted = 0;
    while fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).is_ok() && accepted < 10 {
        accepted += 1;
    }
    fed.client.request(t(1), &Request::CancelAllOrders).unwrap();
}

/// The least of every duration: time goes on, and nothing is done without end in one instant.
#[test]
fn z07_the_least_durations_do_not_stop_the_clock() {
    use std::time::Duration;
    let zero = Duration::ZERO;
    let config = Config::new("ws://v")
        .authenticated(true)
        .connect_timeout(zero)
        .request_timeout(zero)
        .snapshot_timeout(zero)
        .resubscribe_delay(zero)
        .resubscribe_cap(zero)
        .close_timeout(zero)
        .probe_after(zero)
        .silence_max(zero)
        .stable_after(zero)
        .backoff(zero, zero)
        .slow_retry(zero)
        .retry_after_max(zero)
        .linger(zero)
        .heartbeat_every(zero)
        .dial_limit(u32::MAX, zero)
        .request_limit(u32::MAX, zero)
        .order_limit(u32::MAX, zero);
    let mut fed = Fed::new(config);
    for stream in ["btcusd@depth", "btcusd@trade", "orders@account"] {
        fed.client.subscribe(t(0), stream.parse().unwrap()).unwrap();
    }
    let (mut same, mut before, mut sent) = (0, Instant::ZERO, 0);
    for _ in 0..20_000 {
        fed.poll();
        sent += fed.sent.len();
        fed.sent.clear();
        let first = fed.client.links().next();
        if let Some((link, _, gemini_ws::lifecycle::State::Connecting)) = first {
            fed.client.handle_connected(link, before);
        }
        fed.poll();
        let Some(due) = fed.client.deadline() else { break };
        fed.client.handle_timeout(due.at);
        same += u32::from(fed.client.deadline().is_some_and(|next| next.at <= due.at));
        before = due.at;
    }
    assert_eq!(
        same, 0,
        "deadlines that are not later than the instant that was handled; now {before:?}, sent {sent}"
    );
}

/// An application that comes and goes.
#[test]
fn z08_streams_that_come_and_go_leave_nothing_behind() {
    let mut fed = Fed::private(&[]);
    let used = allocation_counter::measure(|| {
        for n in 0..50_000_u64 {
            let id = fed.client.subscribe(t(n), format!("s{n}usd@trade").parse().unwrap()).unwrap();
            fed.acknowledge(n);
            fed.client.unsubscribe(t(n), id).unwrap();
            fed.acknowledge(n);
        }
        fed.log = Vec::new();
    });
    assert!(used.bytes_current < 4 << 20, "{} KiB", used.bytes_current >> 10);
}

/// Orders that were refused before the venue gave them an id.
#[test]
fn z09_refused_orders_without_an_id_of_their_own_stay_two() {
    let mut orders = Orders::new();
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Subscribed { link, id: first_stream(), stream: "orders@account".parse().unwrap() });
    for (number, id) in [(1, "a1"), (2, "a2")] {
        send(&mut orders, number, id);
    }
    for id in ["a1", "a2"] {
        apply(&mut orders, &order(0, Some(id), "REJECTED", r#","r":"InvalidPrice""#));
    }
    for id in ["a1", "a2"] {
        let asked = orders.moment();
        orders.reconcile(id, None, asked);
    }
    let states: Vec<_> =
        orders.iter().map(|it| (it.client_order_id.as_deref(), it.state, it.doubt())).collect();
    assert_eq!(states, [(Some("a1"), OrderState::Rejected, None), (Some("a2"), OrderState::Rejected, None)]);
}

/// An order without an answer, whose events were lost, is sent again under its id, which the venue refuses: the first one lives.
#[test]
fn z10_the_refusal_of_a_duplicate_is_not_about_the_first_order() {
    let duplicate = r#"{"id":1,"status":400,"error":{"code":-2010,"msg":"DuplicateOrder"}}"#;
    for reply_first in [false, true] {
        let mut orders = Orders::new();
        let link = Fed::new(Config::new("ws://v")).link;
        orders.apply(&Event::Subscribed {
            link,
            id: first_stream(),
            stream: "orders@account".parse().unwrap(),
        });
        let (request, about) = send(&mut orders, 1, "a1");
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        // Its NEW and OPEN, as 77, are dropped.
        orders.apply(&OVERFLOW);
        let second = send(&mut orders, 2, "a1");
        let refused = order(78, Some("a1"), "REJECTED", r#","r":"DuplicateOrder""#);
        if reply_first {
            answer(&mut orders, second, duplicate);
            apply(&mut orders, &refused);
        } else {
            apply(&mut orders, &refused);
            answer(&mut orders, second, duplicate);
        }
        let states: Vec<_> = orders.iter().map(|it| (it.state, it.doubt())).collect();
        let is_any_in_doubt = orders.to_reconcile().count() > 0;
        assert!(is_any_in_doubt, "reply first {reply_first}: order 77 is open, and known is {states:?}");
    }
}

/// As x01, of quotes.
#[test]
fn x16_a_loss_over_the_link_that_is_followed_now_is_a_doubt_about_quotes() {
    let (_, [first, second]) = pair(["ws://a", "ws://b"]);
    let mut fed = Fed::private(&["requestForQuote@account"]);
    fed.feed(2, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#);
    let (id, stream) = (first_stream(), "requestForQuote@account".parse().unwrap());
    assert_eq!(first, fed.link);
    fed.quotes.apply(&Event::Disconnected { link: first, reason: Lost::Reset, retry: None });
    fed.quotes.apply(&Event::Subscribed { link: second, id, stream });
    let asked = fed.quotes.moment();
    let found =
        gemini_ws::FoundQuote { quote_id: "q1".parse().unwrap(), state: gemini_ws::QuoteState::Active };
    assert!(fed.quotes.reconcile("q1", Some(found), asked));
    fed.quotes.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert_eq!(fed.quotes.to_reconcile().count(), 1, "nobody follows it, and it is shown as active");
}

/// Texts of the peer that are kept with orders, as long as it likes.
#[test]
fn y13_texts_of_orders_take_no_memory_without_bound() {
    let mut fed = Fed::private(&["orders@account"]);
    let used = allocation_counter::measure(|| {
        for n in 0..100 {
            let text = order(1_000 + n, None, "REJECTED", &format!(r#","r":"{}""#, "x".repeat(1 << 20)));
            fed.feed(n, &text);
        }
        fed.log = Vec::new();
    });
    assert!(
        used.bytes_current < 16 << 20,
        "{} MiB for 100 orders of up to 110,000",
        used.bytes_current >> 20
    );
}

/// As y06, of the link.
#[test]
fn y14_the_cost_of_a_malformed_frame_does_not_grow_with_the_streams() {
    let cost = |count: u64| {
        let mut fed = Fed::new(Config::new("ws://v"));
        for n in 0..count {
            fed.client.subscribe(t(0), format!("s{n}usd@trade").parse().unwrap()).unwrap();
        }
        fed.poll();
        let mut scratch = Scratch::new();
        let begin = std::time::Instant::now();
        for _ in 0..15 {
            fed.client.handle_frame(fed.link, t(1), Frame::Text("{"), &mut scratch);
        }
        begin.elapsed() / 15
    };
    let (few, many) = (cost(10), cost(1_000));
    assert!(many < few * 20, "10 streams: {few:?}, 1,000: {many:?} for each malformed frame");
}

/// What was asked while nobody followed is not answered by what comes over the next link (the end of this one was dropped).
#[test]
fn x09_positions_that_were_asked_for_while_the_link_was_down_are_not_current() {
    let mut fed = Fed::private(&["positions@account"]);
    let first = fed.link;
    fed.reconnect(3);
    assert_ne!(first, fed.link);
    // The events of the reconnection, but for the end that was dropped.
    let mut positions = Positions::new();
    positions.apply(&Event::Subscribed {
        link: first,
        id: first_stream(),
        stream: "positions@account".parse().unwrap(),
    });
    positions.apply(&LOST_FACTS);
    let asked = positions.moment();
    assert!(positions.reconcile([], asked));
    positions.apply(&Event::Subscribed {
        link: fed.link,
        id: first_stream(),
        stream: "positions@account".parse().unwrap(),
    });
    assert!(positions.is_stale(), "what was opened while the link was down was never told");
}

/// The first request got no answer, but its book; the second one is refused, as the book is subscribed.
#[test]
fn z11_a_book_that_is_served_is_not_given_up_for_the_refusal_of_a_second_request() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.client.subscribe(t(0), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    fed.sent.clear();
    let mut id = 10;
    for now in (100..60_000).step_by(100) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        if now == 5_900 {
            id += 1;
            fed.feed(
                now,
                &format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["99","1"]],"a":[]}}"#
                ),
            );
        }
        if now > 5_900 {
            fed.feed(
                now,
                &format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{},"b":[["98","1"]],"a":[]}}"#,
                    id + 1
                ),
            );
            id += 1;
        }
        for text in std::mem::take(&mut fed.sent) {
            if text.contains("btcusd") {
                fed.feed(now, &format!("{{\"id\":{},\"status\":400,\"error\":{{\"code\":-1013,\"msg\":\"already subscribed\"}}}}", id_of(&text)));
            } else {
                fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            }
        }
    }
    assert!(
        fed.books.live("btcusd").is_some(),
        "{:?}",
        fed.log
            .iter()
            .filter(|it| !it.starts_with("Depth") && !it.starts_with("Ignored"))
            .collect::<Vec<_>>()
    );
}

/// Orders, cancels and replies over a link whose refusal of a cancel of all says nothing.
#[test]
fn z12_an_internal_error_of_a_cancel_of_all_is_a_doubt_as_that_of_one() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(
        r#"{"id":1,"status":500,"error":{"code":-1000,"msg":"Internal error"}}"#,
        &mut scratch,
    ) else {
        panic!()
    };
    let doubts =
        [Subject::CancelOrder(77), Subject::CancelAllOrders, Subject::CancelSessionOrders].map(|about| {
            let mut orders = Orders::new();
            apply(&mut orders, &update("NEW", ""));
            orders.apply(&Event::Reply {
                link,
                request: RequestId::new(1),
                about,
                outcome: RequestOutcome::Answered(response),
            });
            orders.to_reconcile().count()
        });
    assert_eq!(doubts, [1, 1, 1]);
}

/// The same order id at two endpoints: production and the sandbox number their orders by themselves.
#[test]
fn z13_orders_of_two_endpoints_are_not_one() {
    let (mut fed, [one, other]) = pair(["ws://a/v1/order/events", "ws://b/v1/order/events"]);
    for (link, amount) in [(one, "1"), (other, "5")] {
        fed.feed_over(link, 1, &format!(r#"[{{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"{amount}","executed_amount":"0","socket_sequence":0}}]"#));
    }
    let quantities: Vec<_> =
        fed.orders.iter().map(|it| (it.quantity.map(|it| it.to_string()), it.doubt())).collect();
    assert!(quantities.len() == 2 || quantities.iter().all(|it| it.1.is_some()), "{quantities:?}");
}
