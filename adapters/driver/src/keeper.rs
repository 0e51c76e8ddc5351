//! [`Keeper`]: the books, orders, balances, positions and quotes of a driver.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_channel::Sender;
use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    BalanceRows, Balances, Books, Client, CommandError, ConnectFailure, FoundQuote, HeldAmount, Instant,
    Moment, Order, OrderRef, Orders, Positions, Quote, QuoteRef, Quotes, ShutdownPlan, Stream, StreamId,
    Symbol, Topic, UnixTime,
};

use crate::Closed;
use crate::board::{Board, Group};
use crate::ended::{Ended, Ending};
use crate::handle::{Now, SharedClock};
use crate::overdue::Overdue;
use crate::postponed::Postponed;
use crate::sync::Arc;
use crate::ticket::Cell;
use crate::tickets::{Cancel, DOUBT_TIMEOUT, Tickets};
use crate::waits::Waits;

/// Books, orders, balances, positions and quotes, kept up to date by the driver. The driver applies each event before
/// the application sees the event, and requests the snapshots that books need.
///
/// Orders, balances, positions and quotes are those of one account: use a separate driver for each account.
///
/// [`Handle::with`](crate::Handle::with) lends the keeper to a function. To ask the venue about orders and balances
/// in doubt, call [`Handle::reconcile`](crate::Handle::reconcile). The driver begins to keep books at the first call
/// of [`Handle::books`](crate::Handle::books).
#[derive(Debug)]
pub struct Keeper {
    books: Books,
    keeps_books: bool,
    /// The books that were subscribed before the keeper began to keep books, and that no reader has requested yet.
    /// The snapshot of such a book may have arrived before the keeper could apply it.
    early: BTreeSet<Symbol>,
    may_need_resync: bool,
    connect_failure: Option<ConnectFailure>,
    /// Whether a book may have lost or got a source since the last turn. A source is a subscription, the link of the
    /// subscription, or a link of market data v1.
    has_new_sources: bool,
    orders: Orders,
    balances: Balances,
    positions: Positions,
    quotes: Quotes,
    pub(crate) board: Board,
    pub(crate) tickets: Tickets<Arc<Cell>>,
    overdue: Overdue,
    postponed: Postponed,
    waits: Waits,
    /// Subscriptions that no reader needs. Each stays here until the client has room for the command that ends it.
    leaving: Vec<StreamId>,
    waiting: Vec<Sender<()>>,
    clock: SharedClock,
    /// The times of both clocks at the last check for a sleep of the machine. Removed when all changed books were
    /// published after the check.
    looked: Option<(Instant, UnixTime)>,
    ending: Arc<Ending>,
    is_ending: bool,
    closed: Option<Closed>,
}

impl Keeper {
    pub(crate) fn new(ending: Arc<Ending>, clock: SharedClock) -> Keeper {
        Keeper {
            books: Books::new(),
            keeps_books: false,
            early: BTreeSet::new(),
            may_need_resync: false,
            connect_failure: None,
            has_new_sources: false,
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            quotes: Quotes::new(),
            board: Board::default(),
            tickets: Tickets::default(),
            overdue: Overdue::new(DOUBT_TIMEOUT),
            postponed: Postponed::default(),
            waits: Waits::default(),
            leaving: Vec::new(),
            waiting: Vec::new(),
            clock,
            looked: None,
            ending,
            is_ending: false,
            closed: None,
        }
    }

    /// Returns the books; none before the first call of [`Handle::books`](crate::Handle::books). After that call, the
    /// driver keeps the books of all depth streams that are subscribed, with or without a reader, and the books of
    /// links of market data v1. A book is removed when its last subscription is unsubscribed, unless a link of market
    /// data v1 delivers the book too.
    ///
    /// The driver's clock may stop while the machine sleeps. So after a sleep, [`Books::fresh`] may return an old
    /// book. [`BookReader::fresh`](crate::BookReader::fresh) does not.
    pub const fn books(&self) -> &Books {
        &self.books
    }

    /// Returns the orders of the account: those that the driver sent, those that a stream of orders reported, and
    /// those that [`add_listed`](Keeper::add_listed) added.
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Returns the balances of the account, which the stream `balances@account` and the answers to
    /// [`Handle::reconcile`](crate::Handle::reconcile) report.
    pub const fn balances(&self) -> &Balances {
        &self.balances
    }

    /// Returns the positions of the account, which the stream `positions@account` and the answers that
    /// [`reconcile_positions`](Keeper::reconcile_positions) applies report.
    pub const fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Returns the quotes of the account: those that the driver submitted, and those that the stream
    /// `requestForQuote@account` or `requestForQuote@session` reported.
    pub const fn quotes(&self) -> &Quotes {
        &self.quotes
    }

    /// Applies the venue's list of all positions, and returns whether all positions are current now:
    /// [`Positions::reconcile`].
    pub fn reconcile_positions(
        &mut self,
        found: impl IntoIterator<Item = (Symbol, Vec<HeldAmount>)>,
        asked: Moment,
    ) -> bool {
        self.positions.reconcile(found, asked)
    }

    /// Applies the venue's answer about a quote in doubt, and returns whether the answer resolved the doubt:
    /// [`Quotes::reconcile`].
    pub fn reconcile_quote<'a>(
        &mut self,
        of: impl Into<QuoteRef<'a>>,
        found: Option<FoundQuote>,
        asked: Moment,
    ) -> bool {
        self.quotes.reconcile(of, found, asked)
    }

    /// Removes a quote in doubt, and returns the quote; `None` if the quote is unknown or not in doubt:
    /// [`Quotes::forget`].
    pub fn forget_quote<'a>(&mut self, of: impl Into<QuoteRef<'a>>) -> Option<Quote> {
        self.quotes.forget(of)
    }

    /// Returns the reason why the attempt to connect that ended last, of any link, failed. Returns `None` if that
    /// attempt succeeded, or if no attempt has ended yet.
    pub const fn connect_failure(&self) -> Option<ConnectFailure> {
        self.connect_failure
    }

    pub(crate) fn unfinished(&self) -> Vec<Order> {
        let ended = self.orders.to_reconcile().filter(|order| order.state.is_final());
        self.orders.open().chain(ended).cloned().collect()
    }

    pub(crate) fn set_doubt_timeout(&mut self, timeout: Duration) {
        let timeout = timeout.max(Duration::from_millis(1));
        self.tickets.set_doubt_timeout(timeout);
        self.overdue.set_timeout(timeout);
    }

    /// Passes the state of an order to `overdue` and `tickets`, after a change that no event reports.
    fn note_order(&mut self, order: OrderRef<'_>, now: Instant) {
        if let Some(order) = self.orders.get(order) {
            self.overdue.note(order, now);
            self.tickets.note(order, now);
        }
    }

    pub(crate) fn reconcile_balances(&mut self, rows: &BalanceRows, asked: Moment) {
        match rows.is_whole() {
            true => _ = self.balances.reconcile(rows, asked),
            false => self.balances.reconcile_part(rows, asked),
        }
    }

    /// Removes the reason `no_book` of each book that may arrive again, because a command has subscribed to the book
    /// or opened its link. Call this before the command returns its result.
    pub(crate) fn show_sources(&mut self, client: &Client) {
        self.has_new_sources |= self.board.lacks_books();
        self.note_streams(client);
        self.board.publish(&self.books);
    }

    /// If sources may have changed, sets or removes the reason `no_book` of each book that has readers. A book may
    /// arrive if at least one of its sources (a subscription, or an address of market data v1) has a link that has
    /// not ended for good.
    fn note_streams(&mut self, client: &Client) {
        if !std::mem::take(&mut self.has_new_sources) || !self.board.has_books() {
            return;
        }
        let ended = client.links().filter(|(.., state)| *state == State::Closed);
        let ended: BTreeSet<usize> = ended.map(|(link, ..)| link.slot()).collect();
        let mut subscribed: HashMap<Symbol, bool> = HashMap::new();
        let streams = client.streams().filter(|(.., state)| *state != StreamState::Leaving);
        let streams = streams.filter_map(|(id, stream, _)| Some((id.link_slot(), book_of(&stream)?)));
        let named = client.named_books().map(|(link, symbol)| (link.slot(), symbol));
        for (slot, symbol) in streams.chain(named) {
            *subscribed.entry(symbol).or_default() |= !ended.contains(&slot);
        }
        self.board.note_streams(&subscribed);
    }

    /// Ends a turn, in this order:
    ///
    /// - Notifies the calls that wait for live links.
    /// - Ends the subscriptions that no reader needs, and updates the reasons `no_book`.
    /// - Requests missing snapshots.
    /// - Puts orders with overdue events in doubt.
    /// - Wakes callers whose instant has come, and ends tickets whose time limit has passed.
    /// - Sends cancels, and begins a postponed shutdown.
    pub(crate) fn finish_turn(&mut self, client: &mut Client, now: Instant) {
        if !self.waiting.is_empty() && is_live(client) {
            // A caller may have stopped waiting.
            for waiting in self.waiting.drain(..) {
                let _ = waiting.try_send(());
            }
        }
        self.leaving.extend(self.board.take_left());
        // After `TooMany`, the next turn tries again. Any other error means that the subscription has ended already.
        self.leaving.retain(|id| matches!(client.unsubscribe(now, *id), Err(CommandError::TooMany(_))));
        self.note_streams(client);
        if std::mem::take(&mut self.may_need_resync) {
            let symbols: Vec<Symbol> = self.books.to_resync().collect();
            client.resync_books(now, symbols);
        }
        for order in self.overdue.take(now) {
            self.orders.doubt_overdue(order);
            self.note_order(order, now);
        }
        self.waits.wake_due(now);
        self.tickets.handle_timeout(now);
        self.tickets.send_cancels(client, now);
        self.postponed.begin_if_due(client, now, self.tickets.are_cancelling());
        self.note_end(client);
    }

    /// Refuses commands from now on if the client is shutting down or has ended.
    #[inline]
    pub(crate) fn note_end(&mut self, client: &Client) {
        if client.is_shutting_down() {
            self.refuse_commands();
        }
    }

    /// Publishes the books that have changed. Call this once in each turn, after
    /// [`finish_turn`](Keeper::finish_turn), and after the driver has applied the events that `finish_turn` causes.
    /// Returns `true` if another turn must follow soon, because a reader holds the lock of a book or the client has
    /// no room for an `unsubscribe`.
    pub(crate) fn publish(&mut self) -> bool {
        let is_published = self.board.publish(&self.books);
        // After a sleep, readers may compute ages again only when they see the new views.
        if is_published && let Some(look) = self.looked.take() {
            self.clock.note_look(look);
        }
        !is_published || !self.leaving.is_empty()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let Keeper { tickets, overdue, postponed, waits, .. } = self;
        let own = [tickets.deadline(), overdue.deadline(), postponed.deadline(), waits.deadline()];
        own.into_iter().flatten().min()
    }

    pub(crate) fn wake_at(&mut self, at: Instant, caller: Sender<()>) {
        self.waits.add(at, caller);
    }

    /// Shuts the client down at the end of the turn, after the driver has taken all accepted commands. If cancels of
    /// tickets have no final reply by then, the shutdown waits for the replies, for at most half of its time.
    pub(crate) fn shut_down(&mut self, client: &mut Client, now: Instant, plan: ShutdownPlan) {
        self.refuse_commands();
        self.postponed.shut_down(client, now, plan);
    }

    pub(crate) const fn is_ending(&self) -> bool {
        self.is_ending
    }

    pub(crate) const fn is_postponed(&self) -> bool {
        self.postponed.is_some()
    }

    /// Refuses new commands from now on, except cancels of tickets that are in the queue already.
    pub(crate) fn refuse_commands(&mut self) {
        if !std::mem::replace(&mut self.is_ending, true) {
            self.ending.begin();
        }
    }

    pub(crate) fn wait_for_live(&mut self, client: &Client, answer: Sender<()>) {
        if is_live(client) {
            let _ = answer.try_send(());
        } else {
            self.waiting.retain(|waiting| !waiting.is_closed());
            self.waiting.push(answer);
        }
    }

    pub(crate) fn open_books(
        &mut self,
        client: &mut Client,
        now: Instant,
        symbols: &[Symbol],
    ) -> Result<Arc<Group>, CommandError> {
        if !std::mem::replace(&mut self.keeps_books, true) {
            let streams = client.streams().filter(|(.., state)| *state != StreamState::Leaving);
            let named = client.named_books().map(|(_, symbol)| symbol);
            self.early = streams.filter_map(|(_, stream, _)| book_of(&stream)).chain(named).collect();
        }
        let mut ids: Vec<StreamId> = Vec::new();
        for symbol in symbols {
            let subscribed = match client.subscribe(now, Stream::depth(*symbol).fast()) {
                Err(CommandError::Ambiguous { with }) => client.subscribe(now, with),
                subscribed => subscribed,
            };
            match subscribed {
                Ok(id) => ids.push(id),
                // Market data v1 sends the book without a subscription.
                Err(CommandError::WrongEndpoint)
                    if client.named_books().any(|(_, named)| named == *symbol) => {}
                Err(error) => {
                    self.leaving.append(&mut ids);
                    return Err(error);
                }
            }
        }
        // The client does not request an early stream a second time, so the venue would send no snapshot.
        let early = symbols.iter().copied().filter(|symbol| self.early.remove(symbol));
        let unknown: Vec<Symbol> = early.filter(|symbol| self.books.get(symbol.as_str()).is_none()).collect();
        client.resync_books(now, unknown);
        Ok(self.board.open(symbols, ids))
    }

    pub(crate) fn start(&self, now: Now) {
        self.clock.set(Some(now));
    }

    /// Stores the times of a check for a sleep of the machine. If the machine has slept, the age of each book becomes
    /// unknown.
    pub(crate) fn note_look(&mut self, look: (Instant, UnixTime), has_slept: bool) {
        if has_slept {
            self.board.note_sleep(look.0);
        }
        self.looked = Some(look);
    }

    pub(crate) fn end(&mut self, closed: Closed) {
        self.closed = Some(closed);
    }

    /// Makes all books stale and ends all tickets, for good.
    pub(crate) fn end_readers(&mut self) {
        drop(std::mem::take(&mut self.board));
        drop(std::mem::take(&mut self.tickets));
    }
}

impl Drop for Keeper {
    /// Stores how the driver ended and its unfinished orders for [`Ended`], also if the driver's task is aborted or
    /// panics.
    fn drop(&mut self) {
        self.clock.set(None);
        self.end_readers();
        self.ending.end(Ended { closed: self.closed, orders: self.unfinished() });
    }
}

/// Returns whether at least one link is live, and all others are live or have ended for good.
fn is_live(client: &Client) -> bool {
    let mut links = client.links().filter(|(.., state)| *state != State::Closed).peekable();
    links.peek().is_some() && links.all(|(_, _, state)| state == State::Live)
}

pub(crate) const ACCOUNT_STREAMS: [Stream; 2] = [Stream::orders(), Stream::balances()];

/// Returns the cancel of an order. If the order is unknown and `of` has no id of the venue, returns `None`.
pub(crate) fn cancel(orders: &Orders, of: OrderRef<'_>) -> Option<Cancel> {
    // A row of a list has the venue's id, which is the one to cancel.
    let of = match of {
        OrderRef::Listed { order_id, .. } => OrderRef::OrderId(order_id),
        of => of,
    };
    match (orders.get(of), of) {
        (Some(order), _) => Some(Cancel::of(order)),
        (None, OrderRef::OrderId(order_id)) => Some(Cancel::of_id(order_id)),
        (None, _) => None,
    }
}

fn book_of(stream: &Stream) -> Option<Symbol> {
    stream.symbol().filter(|_| stream.topic() == Topic::Depth)
}

mod doubts;
mod events;
mod listed;
#[cfg(test)]
mod sources;

#[cfg(test)]
mod tests {
    use gemini_ws::{Config, Endpoint, Event, Limit, QuoteState, Replay, Scratch};

    use super::*;
    use crate::{BookReader, NoBook};

    #[test]
    fn doubts_that_the_application_resolves() {
        let (now, mut scratch) = (Instant::ZERO, Scratch::new());
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let mut replay = Replay::new(Endpoint::Streams);
        for text in [
            r#"{"e":"requestForQuote","i":"e1","E":1,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#,
            r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
        ] {
            keeper.take(&replay.event(text, &mut scratch).unwrap().unwrap(), now);
        }
        let lose = |keeper: &mut Keeper| {
            keeper.take(&Event::Overflow { topic: Topic::Connection, symbol: None, dropped: 1 }, now);
        };
        lose(&mut keeper);
        assert_eq!(keeper.quotes().to_reconcile().count(), 1);
        let asked = keeper.quotes().moment();
        let found = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Lost };
        assert!(keeper.reconcile_quote("q1", Some(found), asked));
        assert_eq!(keeper.quotes().to_reconcile().count(), 0);
        let asked = keeper.positions().moment();
        keeper.reconcile_positions([("B".parse().unwrap(), vec![HeldAmount::new("position", "2")])], asked);
        let held: Vec<String> = keeper.positions().iter().map(|(symbol, _)| symbol.to_string()).collect();
        assert_eq!(held, ["B"]);
        let open = r#"{"e":"requestForQuote","i":"e2","E":2,"r":"r1","x":"CLOSED","S":"OPEN","q":"q2","p":"0.5","sz":"10","qs":"ACTIVE"}"#;
        keeper.take(&replay.event(open, &mut scratch).unwrap().unwrap(), now);
        lose(&mut keeper);
        assert!(keeper.forget_quote("q2").is_some());
        assert_eq!(keeper.quotes().to_reconcile().count(), 0);
    }

    fn rejected() -> (Board, BookReader, Symbol) {
        let (mut board, symbol) = (Board::default(), "btcusd".parse().unwrap());
        let group = board.open(&[symbol], Vec::new());
        board.note_rejection(symbol, NoBook::Rejected { code: -1013, message: "Invalid".into() });
        board.note_streams(&HashMap::new());
        let (handle, _) = crate::client(Client::single(Config::new("ws://v")));
        (board, BookReader::new(group, handle), symbol)
    }

    /// The venue rejects the subscription, but a recording of market data v1 delivers the book.
    #[test]
    fn a_current_book_has_no_reason_to_be_missing() {
        let (mut board, reader, _) = rejected();
        let (mut books, mut scratch) = (Books::new(), Scratch::new());
        let frame = r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[{"type":"change","symbol":"BTCUSD","side":"bid","price":"1","remaining":"2","delta":"2","reason":"initial"}]}"#;
        books.apply(&Replay::new(Endpoint::MarketDataV1).event(frame, &mut scratch).unwrap().unwrap());
        assert!(board.publish(&books));
        let view = reader.view("btcusd").unwrap();
        assert_eq!((view.live().is_some(), view.no_book()), (true, None));
    }

    #[test]
    fn the_reason_is_that_of_the_last_subscription() {
        let (mut board, reader, symbol) = rejected();
        let unsubscribed = (None, Some(NoBook::Unsubscribed));
        let (open, ended) = ((Some(true), None), (Some(false), Some(NoBook::LinkClosed)));
        for (is_open, expected) in [ended, unsubscribed.clone(), open, unsubscribed] {
            let subscribed = is_open.map(|is_open| (symbol, is_open));
            board.note_streams(&subscribed.into_iter().collect());
            board.publish(&Books::new());
            assert_eq!(reader.no_book("btcusd"), expected);
        }
    }

    #[test]
    fn a_book_may_come_while_it_has_a_subscription() {
        let now = Instant::ZERO;
        let mut client = Client::single(Config::new("ws://v"));
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let symbol: Symbol = "btcusd".parse().unwrap();
        let _group = keeper.open_books(&mut client, now, &[symbol]).unwrap();
        let rejection = NoBook::Rejected { code: -1013, message: "Invalid".into() };
        for may_come in [true, false] {
            keeper.board.note_rejection(symbol, rejection.clone());
            keeper.has_new_sources = true;
            keeper.finish_turn(&mut client, now);
            assert_eq!(keeper.board.lacks_books(), !may_come);
            let ids: Vec<StreamId> = client.streams().map(|(id, ..)| id).collect();
            ids.into_iter().for_each(|id| client.unsubscribe(now, id).unwrap());
        }
    }

    /// The link of a book has ended for good. The book gets a reason `no_book`, and the client refuses another
    /// reader. When the client opens the link again, the book may arrive.
    #[test]
    fn readers_and_the_end_of_the_link() {
        let now = Instant::ZERO;
        let mut client = Client::single(Config::new("ws://v"));
        client.add(now, Config::new("ws://w").stay_open(true)).unwrap();
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let symbol: Symbol = "btcusd".parse().unwrap();
        let _before = keeper.open_books(&mut client, now, &[symbol]).unwrap();
        client.open(now).unwrap();
        let (link, ..) = client.links().next().unwrap();
        client.handle_connect_failed(link, now, ConnectFailure::InvalidUrl);
        while client.poll_output().is_some() {}
        keeper.has_new_sources = true;
        keeper.finish_turn(&mut client, now);
        assert!(keeper.board.lacks_books());
        let after = keeper.open_books(&mut client, now, &[symbol]).map(|_| ());
        assert_eq!(after, Err(CommandError::GivenUp));
        client.open(now).unwrap();
        // The driver calls this before it answers a command.
        keeper.show_sources(&client);
        assert!(!keeper.board.lacks_books());
    }

    /// A reader is dropped while the client has no room for commands. Its subscription ends as soon as there is room.
    #[test]
    fn a_reader_that_goes_while_outputs_are_full() {
        let now = Instant::ZERO;
        let mut client = Client::single(Config::new("ws://v"));
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let symbol = "btcusd".parse().unwrap();
        let group = keeper.open_books(&mut client, now, &[symbol]).unwrap();
        let full = loop {
            let other = client.subscribe(now, Stream::trades(symbol));
            if let Err(error) = other.and_then(|id| client.unsubscribe(now, id)) {
                break error;
            }
        };
        assert_eq!(full, CommandError::TooMany(Limit::Outputs));
        group.leave();
        keeper.finish_turn(&mut client, now);
        assert!(keeper.publish(), "another turn follows");
        let depth = |client: &Client| client.streams().any(|(_, stream, _)| stream.topic() == Topic::Depth);
        assert!(depth(&client));
        while client.poll_output().is_some() {}
        keeper.finish_turn(&mut client, now);
        assert!(!keeper.publish());
        assert!(!depth(&client));
    }
}
