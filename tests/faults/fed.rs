//! A client that a test feeds frames by hand, and the orders, balances and books of an application.

use gemini_ws::{
    Balances, Books, Client, ClientConfig, Config, Decimal, Endpoint, Event, EventBuf, Frame, Instant,
    LinkId, Lost, NewOrder, NewQuote, Order, OrderState, Orders, Output, Positions, Quotes, Reconciled,
    Replay, RequestId, RequestOutcome, Scratch, Side, Stream, Subject, Topic,
};

pub(crate) const fn t(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

pub(crate) fn s(text: &str) -> Stream {
    text.parse().unwrap()
}

pub(crate) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn new_order(id: &str) -> NewOrder {
    NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap()
}

/// A client, and everything that an application keeps of its events.
pub(crate) struct Fed {
    pub(crate) client: Client,
    pub(crate) link: LinkId,
    pub(crate) sent: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) books: Books,
    pub(crate) orders: Orders,
    pub(crate) balances: Balances,
    pub(crate) positions: Positions,
    pub(crate) quotes: Quotes,
}

impl Fed {
    pub(crate) fn of(mut client: Client) -> Fed {
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

    pub(crate) fn new(config: Config) -> Fed {
        Fed::of(Client::single(config.seed(1)))
    }

    pub(crate) fn private(streams: &[&str]) -> Fed {
        let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
        for stream in streams {
            fed.subscribe(1, stream);
        }
        fed
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>) {
        self.log.push(format!("{event:?}").chars().take(100).collect());
        self.books.apply(event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }

    pub(crate) fn poll(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Event(event) => self.apply(&event),
                Output::Send { text, .. } => self.sent.push(text),
                Output::Connect(link) => self.link = link,
                _ => {}
            }
        }
    }

    pub(crate) fn acknowledge(&mut self, at: u64) {
        self.poll();
        while let Some(text) = self.sent.pop() {
            self.feed(at, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
        }
    }

    pub(crate) fn subscribe(&mut self, at: u64, stream: &str) {
        self.client.subscribe(t(at), stream.parse().unwrap()).unwrap();
        self.acknowledge(at);
    }

    pub(crate) fn feed(&mut self, at: u64, text: &str) {
        self.feed_over(self.link, at, text);
    }

    pub(crate) fn feed_over(&mut self, link: LinkId, at: u64, text: &str) {
        let mut scratch = Scratch::new();
        let event = self.client.handle_frame(link, t(at), Frame::Text(text), &mut scratch);
        if let Some(event) = event {
            let mut event = EventBuf::from(&event);
            self.apply(&event.as_event());
        }
        self.poll();
    }

    /// Lets the venue send a ping, and handles every deadline up to this instant.
    pub(crate) fn wait(&mut self, until: u64) {
        let mut scratch = Scratch::new();
        self.client.handle_frame(self.link, t(until), Frame::Ping(b""), &mut scratch);
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= t(until)) {
            self.client.handle_timeout(deadline.at);
            self.poll();
        }
        self.poll();
    }

    /// Loses the link and opens the next one. The requests over the next link have no replies yet.
    pub(crate) fn reconnect(&mut self, at: u64) {
        self.client.handle_lost(self.link, t(at), Lost::Reset);
        self.poll();
        self.sent.clear();
        let due = self.client.deadline().unwrap().at;
        self.client.handle_timeout(due);
        self.poll();
        self.client.handle_connected(self.link, due);
        self.poll();
    }

    pub(crate) fn order(&self) -> &Order {
        self.orders.get(77).unwrap()
    }
}

pub(crate) fn id_of(text: &str) -> String {
    text.chars().skip(6).take_while(char::is_ascii_digit).collect()
}

/// Formats an update of order 77. `rest` is the text after the other members.
pub(crate) fn update(status: &str, rest: &str) -> String {
    order(77, Some("a1"), status, rest)
}

pub(crate) fn order(id: u64, client: Option<&str>, status: &str, rest: &str) -> String {
    let client = client.map_or(String::new(), |client| format!(r#""c":"{client}","#));
    format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":{id},{client}"S":"BUY","X":"{status}","q":"1","T":1000{rest}}}"#
    )
}

pub(crate) fn apply(orders: &mut Orders, text: &str) {
    let mut scratch = Scratch::new();
    let event = Replay::new(Endpoint::Streams).event(text, &mut scratch).unwrap().unwrap();
    orders.apply(&event);
}

/// Applies `Requested` for a new order with this client order id. Returns the request and its subject.
pub(crate) fn send(orders: &mut Orders, number: u64, id: &str) -> (RequestId, Subject) {
    let (request, about) = (RequestId::new(number), Subject::PlaceOrder(new_order(id)));
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Requested { link, request, about });
    (request, about)
}

pub(crate) fn answer(orders: &mut Orders, (request, about): (RequestId, Subject), text: &str) {
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    reply(orders, (request, about), RequestOutcome::Answered(response));
}

pub(crate) fn reply(
    orders: &mut Orders,
    (request, about): (RequestId, Subject),
    outcome: RequestOutcome<'_>,
) {
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Reply { link, request, about, outcome });
}

pub(crate) fn found(order_id: u64, state: OrderState, executed: &str) -> Option<Reconciled> {
    Some(Reconciled::new(order_id, state, d(executed)))
}

pub(crate) const OVERFLOW: Event<'static> =
    Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 };

pub(crate) const LOST_FACTS: Event<'static> =
    Event::Overflow { topic: Topic::Connection, symbol: None, dropped: 1 };

pub(crate) fn pair(urls: [&str; 2]) -> (Fed, [LinkId; 2]) {
    let mut client = Client::new(ClientConfig::new(), 1);
    for url in urls {
        client.add(t(0), Config::new(url).authenticated(true).stay_open(true)).unwrap();
    }
    let fed = Fed::of(client);
    let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
    (fed, [links[0], links[1]])
}

pub(crate) fn first_stream() -> gemini_ws::StreamId {
    let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
    client.subscribe(t(0), "orders@account".parse().unwrap()).unwrap()
}

pub(crate) fn quote(price: &str) -> NewQuote {
    let (rfq_id, client_id) = ("r1".parse().unwrap(), "mine".parse().ok());
    NewQuote { rfq_id, price: d(price), quantity: d("10"), valid_until: None, client_id }
}

pub(crate) fn v1(sequence: u64, price: u32, reason: &str) -> String {
    format!(
        r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"timestampms":1,"timestamp":1,"events":[{{"type":"change","side":"bid","price":"{price}","remaining":"2","delta":"2","reason":"{reason}"}}]}}"#
    )
}
