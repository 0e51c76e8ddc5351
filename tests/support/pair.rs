//! Joins a client and a simulated exchange in memory, with one virtual clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use super::events;
use super::late::Late;
use gemini_ws::{
    Balances, Book, Books, Client, Config, ConnectFailure, Credentials, Decimal, Endpoint, Event, Frame,
    Headers, Instant, LinkId, Lost, Orders, Output, Positions, RequestOutcome, Scratch, Signer, Stream,
    Symbol, UnixTime,
};
use gemini_ws_simulator as simulator;
use simulator::{Account, AccountId, EPOCH, Exchange, SessionId, UpgradeRequest};

const LATENCY: Duration = Duration::from_millis(3);

pub struct Pair {
    pub client: Client,
    pub exchange: Exchange,
    pub books: Books,
    pub orders: Orders,
    pub balances: Balances,
    pub positions: Positions,
    pub trades: Vec<u64>,
    pub candles: u64,
    /// The number of events so far. It decides which events are compared with their owned copies.
    copied: u64,
    signer: Option<Signer>,
    pub now: Instant,
    /// A line for each snapshot of a book, and for most events without market or account data.
    pub log: Vec<String>,
    pub closed: bool,
    /// How often the best prices of a book differed from those of a ticker. After each update of a book, the pair
    /// compares the book with the newest ticker whose update id is at most that of the book.
    pub top_mismatches: u64,
    pub tops_compared: u64,
    /// The newest tickers of each symbol: update id, best bid, best ask.
    tickers: BTreeMap<Symbol, VecDeque<Ticker>>,
    scratch: Scratch,
    session: Option<(LinkId, SessionId)>,
    next_session: u64,
    under_way: BinaryHeap<Reverse<(Instant, u64, Message)>>,
    sent: u64,
    /// A second application that gets the events of this session late; `None` if the test needs none.
    pub late: Option<Late>,
    /// The pair polls the client's outputs once in this many calls of `flush`. `unpolled` is the number of calls
    /// since the last poll.
    pub polled_each: u32,
    unpolled: u32,
}

type Ticker = (u64, Option<Decimal>, Option<Decimal>);

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Message {
    Dialled(LinkId),
    ToClient(LinkId, Wire),
    ToVenue(SessionId, Wire),
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Wire {
    Text(String),
    Ping,
    Close(u16),
    End,
    Reset,
}

pub const ACCOUNT: AccountId = AccountId(7);
const KEY: &str = "account-of-the-tests";
const SECRET: &str = "a secret of the tests";

impl Pair {
    pub fn new(config: simulator::Config, seed: u64) -> Pair {
        Pair::with(Config::new("ws://venue"), config, seed)
    }

    /// Creates a pair whose client is authenticated for [`ACCOUNT`] and subscribes to the account's streams. The
    /// client connects when `run` lets time pass.
    pub fn trading(config: Config, venue: simulator::Config, seed: u64) -> Pair {
        let mut pair = Pair::with(
            config.authenticated(true),
            venue.account(Account::new(KEY, SECRET).id(ACCOUNT)),
            seed,
        );
        pair.signer = Some(Signer::new(Credentials::hmac(KEY, SECRET).unwrap()));
        for stream in ["orders@account", "balances@account", "positions@account"] {
            pair.client.subscribe(Instant::ZERO, stream.parse::<Stream>().unwrap()).unwrap();
        }
        pair.client.open(Instant::ZERO).unwrap();
        pair
    }

    pub fn archived(target: &str, venue: simulator::Config, seed: u64, streams: &[&str]) -> Pair {
        let venue = venue.account(Account::new(KEY, SECRET).id(ACCOUNT));
        let mut pair = Pair::with(Config::new(format!("ws://venue{target}")), venue, seed);
        pair.signer = Some(Signer::new(Credentials::hmac(KEY, SECRET).unwrap()));
        for stream in streams {
            pair.client.subscribe(Instant::ZERO, stream.parse::<Stream>().unwrap()).unwrap();
        }
        pair.client.open(Instant::ZERO).unwrap();
        pair
    }

    pub fn request_beside(&mut self, text: &str) {
        const BESIDE: SessionId = SessionId(1_000_000);
        if self.exchange.account_of(BESIDE).is_none() {
            let headers = self.headers(Endpoint::Streams).unwrap();
            let headers: Vec<(&str, &str)> = headers.iter().collect();
            let request = UpgradeRequest { target: "/", headers: &headers };
            self.exchange.handle_upgrade(BESIDE, self.now, &request).unwrap();
        }
        self.exchange.handle_frame(BESIDE, self.now, Frame::Text(text));
        self.flush();
    }

    fn headers(&mut self, endpoint: Endpoint) -> Option<Headers> {
        let millis = u64::try_from(EPOCH.as_millis()).unwrap() + self.now.as_nanos() / 1_000_000;
        let now = UnixTime::from_millis(millis);
        self.signer.as_mut().map(|signer| signer.headers(endpoint, now))
    }

    pub fn with(client: Config, config: simulator::Config, seed: u64) -> Pair {
        Pair {
            client: Client::single(client.seed(seed)),
            exchange: Exchange::new(config, seed),
            books: Books::new(),
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            trades: Vec::new(),
            candles: 0,
            copied: 0,
            signer: None,
            now: Instant::ZERO,
            log: Vec::new(),
            closed: false,
            top_mismatches: 0,
            tops_compared: 0,
            tickers: BTreeMap::new(),
            scratch: Scratch::new(),
            session: None,
            next_session: 1,
            under_way: BinaryHeap::new(),
            sent: 0,
            late: None,
            polled_each: 1,
            unpolled: 0,
        }
    }

    pub fn following(config: simulator::Config, seed: u64, streams: &[&str]) -> Pair {
        let mut pair = Pair::new(config, seed);
        for stream in streams {
            pair.client.subscribe(Instant::ZERO, stream.parse::<Stream>().unwrap()).unwrap();
        }
        pair.client.open(Instant::ZERO).unwrap();
        pair
    }

    pub fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    pub fn session(&self) -> SessionId {
        self.session.expect("a link").1
    }

    pub fn tear(&mut self) {
        let (link, session) = self.session.take().expect("a link");
        self.under_way.retain(|Reverse((_, _, message))| matches!(message, Message::Dialled(_)));
        self.exchange.handle_lost(session, self.now);
        self.client.handle_lost(link, self.now, Lost::Reset);
        self.flush();
    }

    pub fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        self.flush();
        loop {
            let arrival = self.under_way.peek().map(|Reverse((at, _, _))| *at);
            let client = self.client.deadline().map(|deadline| deadline.at);
            let venue = self.exchange.deadline();
            let Some(next) =
                [arrival, client, venue].into_iter().flatten().min().filter(|next| *next <= until)
            else {
                break;
            };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let Some(Reverse((_, _, message))) = self.under_way.pop() else { break };
                self.arrive(message);
            } else if client == Some(next) {
                self.client.handle_timeout(self.now);
            } else {
                self.exchange.handle_timeout(self.now);
            }
            self.flush();
        }
        self.now = until;
    }

    fn put(&mut self, message: Message) {
        self.sent += 1;
        self.under_way.push(Reverse((self.now + LATENCY, self.sent, message)));
    }

    fn arrive(&mut self, message: Message) {
        match message {
            Message::Dialled(link) => self.dialled(link),
            Message::ToVenue(session, wire) => match wire {
                Wire::Text(text) => self.exchange.handle_frame(session, self.now, Frame::Text(&text)),
                Wire::Close(code) => {
                    let frame = Frame::Close { code: Some(code), reason: "" };
                    self.exchange.handle_frame(session, self.now, frame);
                }
                Wire::Ping | Wire::End | Wire::Reset => self.exchange.handle_lost(session, self.now),
            },
            Message::ToClient(link, wire) => {
                let text;
                let frame = match wire {
                    Wire::Text(owned) => {
                        text = owned;
                        Frame::Text(&text)
                    }
                    Wire::Ping => Frame::Ping(b""),
                    Wire::Close(code) => Frame::Close { code: Some(code), reason: "" },
                    Wire::End => return self.client.handle_lost(link, self.now, Lost::End),
                    Wire::Reset => return self.client.handle_lost(link, self.now, Lost::Reset),
                };
                let mut scratch = std::mem::take(&mut self.scratch);
                if let Some(event) = self.client.handle_frame(link, self.now, frame, &mut scratch) {
                    if let Some(late) = &mut self.late {
                        late.returned(&event);
                    }
                    self.take(&event);
                }
                self.scratch = scratch;
            }
        }
    }

    fn dialled(&mut self, link: LinkId) {
        let Some(request) = self.client.connect_request(link) else { return };
        let target = request.url.strip_prefix("ws://venue").unwrap();
        let headers = self.headers(request.endpoint);
        let headers: Vec<(&str, &str)> = headers.iter().flat_map(|headers| headers.iter()).collect();
        let session = SessionId(self.next_session);
        self.next_session += 1;
        match self.exchange.handle_upgrade(session, self.now, &UpgradeRequest { target, headers: &headers }) {
            Ok(()) => {
                self.session = Some((link, session));
                self.client.handle_connected(link, self.now);
            }
            Err(refusal) => {
                let why = ConnectFailure::Status { status: refusal.status, retry_after: None, reason: None };
                self.client.handle_connect_failed(link, self.now, why);
            }
        }
    }

    /// Performs the outputs of both ends until there are none. Polls the client only in every `polled_each`-th call.
    fn flush(&mut self) {
        self.unpolled += 1;
        if self.unpolled >= self.polled_each {
            self.unpolled = 0;
            self.perform();
        }
        self.perform_for_the_venue();
    }

    fn perform(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match (&mut self.late, &output) {
                (Some(late), Output::Event(event)) => late.waits(*event),
                (Some(late), _) => late.poll(),
                (None, _) => {}
            }
            let session = self.session;
            let to = |link: LinkId| session.filter(|(of, _)| *of == link).map(|(_, session)| session);
            match output {
                Output::Connect(link) => self.put(Message::Dialled(link)),
                Output::Send { link, text } => {
                    if let Some(session) = to(link) {
                        self.put(Message::ToVenue(session, Wire::Text(text)));
                    }
                }
                Output::Close { link, code, .. } => {
                    if let Some(session) = to(link) {
                        self.put(Message::ToVenue(session, Wire::Close(code)));
                    }
                }
                Output::Abort(link) => {
                    if let Some(session) = to(link) {
                        self.session = None;
                        self.put(Message::ToVenue(session, Wire::End));
                    }
                    self.under_way.retain(|Reverse((_, _, message))| *message != Message::Dialled(link));
                }
                Output::Event(event) => self.take(&event),
                _ => {}
            }
        }
    }

    fn perform_for_the_venue(&mut self) {
        while let Some(output) = self.exchange.poll_output() {
            let of = |session: SessionId| self.session.filter(|(_, of)| *of == session).map(|(link, _)| link);
            let (session, wires) = match output {
                simulator::Output::Send { session, text } => (session, vec![Wire::Text(text)]),
                simulator::Output::Ping { session } => (session, vec![Wire::Ping]),
                simulator::Output::Close { session, code, .. } => {
                    (session, vec![Wire::Close(code), Wire::End])
                }
                simulator::Output::Abort { session } | simulator::Output::CutFrame { session } => {
                    (session, vec![Wire::Reset])
                }
            };
            if let Some(link) = of(session) {
                wires.into_iter().for_each(|wire| self.put(Message::ToClient(link, wire)));
            }
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        assert!(!self.closed, "after the end: {event:?}");
        self.copied += 1;
        // Compare all of the first events, and then one in sixteen.
        if self.copied < 2_000 || self.copied.is_multiple_of(16) {
            events::same(event);
            event.parts().for_each(|part| events::same(&part));
        }
        self.books.apply(event);
        for part in event.parts() {
            match part {
                Event::Trade(trade, _) => self.trades.push(trade.trade_id),
                Event::Candles(..) => self.candles += 1,
                _ => {}
            }
        }
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        match event {
            Event::BookTicker(ticker, _) => {
                let tickers = self.tickers.entry(ticker.symbol.parse().unwrap()).or_default();
                tickers.push_back((
                    ticker.update_id,
                    ticker.bid.map(|level| level.price),
                    ticker.ask.map(|level| level.price),
                ));
                if tickers.len() > 4_096 {
                    tickers.pop_front();
                }
            }
            Event::DepthUpdate(depth, _) => {
                let Some(tickers) = self.tickers.get(&depth.symbol.parse().unwrap()) else { return };
                let newest = tickers.iter().rev().find(|ticker| Some(ticker.0) <= depth.last_update_id);
                let book = self.books.get(depth.symbol).and_then(Book::live);
                if let (Some((_, bid, ask)), Some(book)) = (newest, book) {
                    self.tops_compared += 1;
                    let tops = (book.bids().best().map(|it| it.price), book.asks().best().map(|it| it.price));
                    self.top_mismatches += u64::from(tops != (*bid, *ask));
                }
            }
            Event::DepthSnapshot(depth, _) => self.log.push(format!("snapshot {}", depth.symbol)),
            Event::Gap { symbol, .. } => self.log.push(format!("gap {symbol}")),
            Event::SequenceGap { expected, got, .. } => {
                self.log.push(format!("lost from {expected} to {got}"))
            }
            Event::Heartbeat(..) => self.log.push("heartbeat".to_owned()),
            Event::SubscriptionAck(..) => self.log.push("acknowledged".to_owned()),
            Event::Error(error, _) => self.log.push(format!("error {}", error.reason)),
            Event::Synced { symbol, .. } => self.log.push(format!("synced {symbol}")),
            Event::Ignored(ignored, _) => self.log.push(format!("ignored {:?}", ignored.reason)),
            Event::Malformed(malformed, _) => self.log.push(format!("malformed {}", malformed.error)),
            Event::Reply { about, outcome, .. } => {
                let outcome = match outcome {
                    RequestOutcome::Answered(response) => match response.error {
                        Some(error) => format!("{} {}", error.code, error.message),
                        None => "accepted".to_owned(),
                    },
                    other => format!("{other:?}"),
                };
                self.log.push(format!("reply {about:?} {outcome}"));
            }
            Event::Rejected { stream, .. } => self.log.push(format!("rejected {stream}")),
            Event::Opened { .. } => self.log.push("opened".to_owned()),
            Event::Live { .. } => self.log.push("live".to_owned()),
            Event::Disconnected { reason: why, .. } => self.log.push(format!("disconnected {why:?}")),
            Event::ConnectFailed { reason: why, .. } => self.log.push(format!("connect failed {why:?}")),
            Event::Closed { reason, .. } => {
                self.log.push(format!("closed {reason:?}"));
                self.closed = true;
            }
            _ => {}
        }
    }

    pub fn logged(&self, line: &str) -> usize {
        self.log.iter().filter(|logged| *logged == line).count()
    }

    /// Halts the market, delivers all messages under way, and compares each book with the exchange's own.
    pub fn assert_books_are_true(&mut self) {
        self.exchange.faults().halt_market(true);
        self.run(Duration::from_secs(3));
        let symbols: Vec<Symbol> = self.exchange.symbols().collect();
        for symbol in symbols {
            let truth = self.exchange.book(symbol).expect("the exchange's book");
            let Some(Book::Live(book)) = self.books.get(symbol.as_str()) else {
                panic!("{symbol}: not live: {:?}", self.log)
            };
            assert!(book.bids().iter().eq(truth.bids.iter()), "{symbol}: bids");
            assert!(book.asks().iter().eq(truth.asks.iter()), "{symbol}: asks");
        }
        self.exchange.faults().halt_market(false);
    }
}
