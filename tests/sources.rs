//! Tests that events name the link and the stream that they come from, and that books and orders use these names.

use std::time::Duration;

use gemini_ws::{
    Book, Books, Client, ClientConfig, Config, Endpoint, Event, EventBuf, Frame, GapRule, Instant, LinkId,
    Lost, NewOrder, Orders, Output, RequestId, Scratch, Snapshot, Source, StaleReason, Stream, StreamId,
    Subject,
};

/// A client whose links the test opens, and the books and orders of its events.
struct Fed {
    client: Client,
    now: Instant,
    links: Vec<LinkId>,
    books: Books,
    orders: Orders,
    events: Vec<EventBuf>,
}

impl Fed {
    fn new(configs: impl IntoIterator<Item = Config>) -> Fed {
        let mut client = Client::new(ClientConfig::new(), 1);
        for config in configs {
            client.add(Instant::ZERO, config.stay_open(true)).unwrap();
        }
        Fed {
            client,
            now: Instant::ZERO,
            links: Vec::new(),
            books: Books::new(),
            orders: Orders::new(),
            events: Vec::new(),
        }
    }

    fn open(&mut self) {
        self.client.open(self.now).unwrap();
        self.outputs();
        for link in self.links.clone() {
            self.client.handle_connected(link, self.now);
            self.outputs();
        }
    }

    fn subscribe(&mut self, stream: &str) -> StreamId {
        let stream: Stream = stream.parse().unwrap();
        let id = self.client.subscribe(self.now, stream).unwrap();
        self.outputs();
        id
    }

    fn take(&mut self, event: &Event<'_>) {
        self.books.apply(event);
        self.orders.apply(event);
        self.events.push(EventBuf::from(event));
    }

    fn outputs(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => self.links.push(link),
                Output::Event(event) => self.take(&event),
                _ => {}
            }
        }
    }

    fn feed(&mut self, link: usize, frame: &str) {
        let mut scratch = Scratch::new();
        let frame = Frame::Text(frame);
        if let Some(event) = self.client.handle_frame(self.links[link], self.now, frame, &mut scratch) {
            self.take(&event);
        }
        self.outputs();
    }

    fn lose(&mut self, link: usize) {
        self.now = self.now + Duration::from_secs(1);
        self.client.handle_lost(self.links[link], self.now, Lost::Reset);
        self.outputs();
    }

    fn source(&mut self) -> Option<(Option<LinkId>, Option<StreamId>, Endpoint)> {
        let event = self.events.last_mut()?.as_event();
        event.source().map(|source: Source<'_>| (source.link(), source.stream(), source.endpoint()))
    }

    /// Formats the best bid of a book, or the reason why the book is stale.
    fn book(&self, symbol: &str) -> String {
        match self.books.get(symbol) {
            None => "none".to_owned(),
            Some(Book::Live(book)) => book.bids().best().unwrap().price.to_string(),
            Some(Book::Stale { reason, .. }) => format!("{reason:?}"),
        }
    }
}

fn update_v1(sequence: u64, price: u64, reason: &str) -> String {
    format!(
        r#"{{"type":"update","eventId":{},"socket_sequence":{sequence},"events":[{{"type":"change","side":"bid","price":"{price}","remaining":"2","reason":"{reason}"}}]}}"#,
        sequence + 1
    )
}

fn depth(first: u64, last: u64, bids: &str) -> String {
    format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[{bids}],"a":[]}}"#)
}

fn order(id: &str) -> NewOrder {
    use gemini_ws::Side;
    NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap()
}

/// One of two links of market data v1 ends. Only the book of that link becomes stale, although the frames of these
/// links name neither a symbol nor a subscription.
#[test]
fn the_end_of_a_link_leaves_the_books_of_others_alone() {
    let mut fed = Fed::new(
        ["btcusd", "ethusd"].map(|symbol| Config::new(format!("ws://venue/v1/marketdata/{symbol}"))),
    );
    fed.open();
    for link in 0..2 {
        fed.feed(link, &update_v1(0, 99, "initial"));
        let expected = (Some(fed.links[link]), None, Endpoint::MarketDataV1);
        assert_eq!(fed.source(), Some(expected));
    }
    fed.lose(0);
    assert_eq!((fed.book("btcusd"), fed.book("ethusd")), ("Disconnected".to_owned(), "99".to_owned()));
    for sequence in 1..1_000 {
        fed.feed(1, &update_v1(sequence, 99 + sequence, "place"));
    }
    assert_eq!(fed.book("ethusd"), "1098");
    assert_eq!(fed.books.to_resync().count(), 0);
}

/// The end of a link of market data puts no order in doubt, but the end of a link of order events v1 does.
#[test]
fn orders_are_in_doubt_by_the_link_of_their_events() {
    let mut fed = Fed::new(["/v1/marketdata/btcusd", "/v1/order/events"].map(|path| {
        // The address of order events v1 makes its endpoint authenticated.
        Config::new(format!("ws://venue{path}"))
    }));
    fed.open();
    fed.feed(0, &update_v1(0, 99, "initial"));
    let ack = r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#;
    fed.feed(1, ack);
    let (link, about) = (fed.links[1], Subject::PlaceOrder(order("sent")));
    fed.orders.apply(&Event::Requested { link, request: RequestId::new(1), about });
    fed.feed(1, r#"[{"type":"initial","order_id":"5","symbol":"btcusd","is_live":true}]"#);
    assert_eq!(fed.orders.open().count(), 2);
    fed.lose(0);
    assert!(fed.orders.iter().all(|order| !order.needs_reconciling()), "{:?}", fed.orders);
    fed.lose(1);
    assert!(fed.orders.iter().all(|order| order.needs_reconciling()), "{:?}", fed.orders);
}

/// When the link of a subscription to orders ends, the orders that the subscription reported are in doubt.
#[test]
fn orders_follow_their_subscription() {
    let mut fed = Fed::new([Config::new("ws://venue").authenticated(true)]);
    let id = fed.subscribe("orders@account");
    fed.open();
    fed.feed(0, r#"{"id":1,"status":200}"#);
    fed.feed(0, r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":7,"X":"OPEN","q":"1"}"#);
    assert_eq!(fed.source(), Some((Some(fed.links[0]), Some(id), Endpoint::Streams)));
    assert!(!fed.orders.get(7).unwrap().needs_reconciling());
    fed.lose(0);
    assert!(fed.orders.get(7).unwrap().needs_reconciling());
}

/// For each book, `Books` checks ids by the rule of the book's link, and knows whether snapshots on this link contain
/// only the best levels.
#[test]
fn books_know_the_rule_of_their_link() {
    let bids = r#"["99","1"],["98","1"]"#;
    for (rule, expected) in [(GapRule::Lax, "99"), (GapRule::Strict, "Gap")] {
        let mut fed = Fed::new([Config::new("ws://venue").gap_rule(rule)]);
        fed.subscribe("btcusd@depth");
        fed.open();
        fed.feed(0, r#"{"id":1,"status":200}"#);
        fed.feed(0, &depth(10, 10, bids));
        fed.feed(0, &depth(11, 12, r#"["97","1"]"#));
        assert_eq!(fed.book("btcusd"), expected, "{rule:?}");
    }
    let mut fed = Fed::new([Config::new("ws://venue").snapshot(Snapshot::Best(2.try_into().unwrap()))]);
    fed.subscribe("btcusd@depth");
    fed.open();
    fed.feed(0, r#"{"id":1,"status":200}"#);
    fed.feed(0, &depth(10, 10, bids));
    fed.feed(0, &depth(10, 12, r#"["99","0"],["95","1"]"#));
    let book = fed.books.get("btcusd").unwrap().live().unwrap();
    assert_eq!((book.bids().len(), book.bids().known_depth()), (2, 1));
}

/// If a stream has several subscriptions, events with data and gaps name the oldest subscription that has not ended.
#[test]
fn data_names_a_subscription_that_has_not_ended() {
    let mut fed = Fed::new([Config::new("ws://venue")]);
    let (first, second) = (fed.subscribe("btcusd@depth"), fed.subscribe("btcusd@depth"));
    fed.open();
    fed.feed(0, r#"{"id":1,"status":200}"#);
    fed.feed(0, &depth(10, 10, ""));
    let of = |event: &Event<'_>| event.source().and_then(|source| source.stream());
    let snapshot = fed.events.iter_mut().find_map(|event| match event.as_event() {
        event @ Event::DepthSnapshot(..) => of(&event),
        _ => None,
    });
    assert_eq!(snapshot, Some(first));
    fed.client.unsubscribe(fed.now, first).unwrap();
    fed.outputs();
    fed.feed(0, &depth(10, 12, ""));
    assert_eq!(fed.source().unwrap().1, Some(second));
    fed.feed(0, &depth(20, 22, ""));
    let link = fed.links[0];
    let is_gap = |event: &mut EventBuf| matches!(event.as_event(), Event::Gap { link: Some(it), id: Some(id), .. } if it == link && id == second);
    assert!(fed.events.iter_mut().any(is_gap), "{:?}", fed.events);
    assert!(matches!(fed.books.get("btcusd"), Some(Book::Stale { reason: StaleReason::Gap, .. })));
}

#[test]
fn no_session_is_shown() {
    let mut fed = Fed::new([Config::new("ws://venue/v1/order/events")]);
    fed.open();
    let frame = r#"[{"type":"closed","order_id":"5","symbol":"btcusd","api_session":"secret-of-mine"}]"#;
    fed.feed(0, frame);
    let event = fed.events.last_mut().unwrap();
    assert_eq!(event.as_event().source().unwrap().frame(), frame);
    for part in event.as_event().parts() {
        assert!(matches!(part, Event::Order(..)));
        assert!(!format!("{part:?} {:?}", EventBuf::from(&part)).contains("secret"), "{part:?}");
    }
}
