//! [`Beliefs`]: what an application made of public types alone believes, held against what is true after every
//! frame that has come.

use std::rc::Rc;

use gemini_ws::{
    Balances, Books, Event, Instant, Moment, OrderState, Orders, Positions, Quotes, Reconciled, Symbol,
};
use gemini_ws_simulator::{
    self as simulator, Exchange, LedgerBalance, LedgerOrder, LedgerPosition, TrueBook,
};

use super::super::pair::ACCOUNT;

/// Everything that an application keeps.
#[derive(Clone, Debug)]
pub(super) struct Beliefs {
    pub(super) books: Books,
    pub(super) orders: Orders,
    balances: Balances,
    positions: Positions,
    quotes: Quotes,
    /// A question to the venue that waits for its answer.
    asked: Option<Asked>,
}

/// What the venue said when it was asked; the answer is on its way.
#[derive(Clone, Debug)]
struct Asked {
    orders: Moment,
    balances: Moment,
    positions: Moment,
    truth: Rc<Truth>,
    answered_at: Instant,
}

/// What is true of an account and of the markets at some moment.
#[derive(Debug)]
pub(super) struct Truth {
    orders: Vec<LedgerOrder>,
    balances: Vec<LedgerBalance>,
    positions: Vec<LedgerPosition>,
    books: Vec<(Symbol, TrueBook)>,
}

impl Truth {
    pub(super) fn of(exchange: &Exchange) -> Truth {
        let books = exchange.symbols().filter_map(|symbol| Some((symbol, exchange.book(symbol)?)));
        Truth {
            orders: exchange.orders(ACCOUNT),
            balances: exchange.balances(ACCOUNT),
            positions: exchange.positions(ACCOUNT),
            books: books.collect(),
        }
    }

    pub(super) fn order(&self, id: u64) -> Option<&LedgerOrder> {
        self.orders.iter().find(|entry| entry.order_id == id)
    }

    /// The newest order of a client order id.
    fn by_client_order_id(&self, id: &str) -> Option<&LedgerOrder> {
        self.orders.iter().rfind(|entry| entry.client_order_id.as_deref() == Some(id))
    }
}

impl Beliefs {
    pub(super) fn new() -> Beliefs {
        Beliefs {
            books: Books::new(),
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            quotes: Quotes::new(),
            asked: None,
        }
    }

    pub(super) fn apply(&mut self, event: &Event<'_>) {
        self.books.apply(event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }

    // ---- asking the venue ------------------------------------------------------------------------

    /// Asks the venue about everything, as over REST; the answer takes its time.
    pub(super) fn ask(&mut self, exchange: &Exchange, answered_at: Instant) {
        self.asked = Some(Asked {
            orders: self.orders.moment(),
            balances: self.balances.moment(),
            positions: self.positions.moment(),
            truth: Rc::new(Truth::of(exchange)),
            answered_at,
        });
    }

    /// Takes the answer, if it has come.
    pub(super) fn take_answer(&mut self, now: Instant) {
        let Some(asked) = self.asked.take_if(|asked| asked.answered_at <= now) else { return };
        let doubtful: Vec<_> =
            self.orders.to_reconcile().map(|it| (it.order_id, it.client_order_id.clone())).collect();
        for (id, client_order_id) in doubtful {
            let by_client = || asked.truth.by_client_order_id(client_order_id.as_deref()?);
            let found = id.map_or_else(by_client, |id| asked.truth.order(id)).map(reconciled);
            match (id, &client_order_id) {
                (Some(id), _) => self.orders.reconcile(id, found, asked.orders),
                (None, Some(id)) => self.orders.reconcile(&**id, found, asked.orders),
                (None, None) => false,
            };
        }
        let texts: Vec<_> = asked
            .truth
            .balances
            .iter()
            .map(|it| (it.asset.to_string(), it.available.to_string(), it.total.to_string()))
            .collect();
        self.balances.reconcile(
            texts.iter().map(|(asset, available, total)| (&**asset, &**available, &**total)),
            asked.balances,
        );
        let held =
            asked.truth.positions.iter().map(|it| {
                (it.symbol, vec![gemini_ws::HeldAmount::new("position", &it.quantity.to_string())])
            });
        self.positions.reconcile(held, asked.positions);
    }

    /// Nothing is under way, and the venue was asked: nothing may be in doubt.
    /// `follows` says whether the streams of orders, and of balances and positions, are subscribed.
    /// `added_at` is when an endpoint was last added: what came over earlier ones may be another account's.
    pub(super) fn check_certain(&self, follows_orders: bool, follows: [bool; 2], added_at: Option<Instant>) {
        for order in self.orders.to_reconcile() {
            let may_change = !order.state.is_final() || order.state == OrderState::Rejected;
            let is_older =
                added_at.is_some_and(|added_at| order.age.received.is_none_or(|at| at <= added_at));
            let is_unfollowed = (!follows_orders || is_older) && may_change;
            assert!(is_unfollowed, "R7: in doubt though the venue was asked: {order:?}");
        }
        let stale = [self.balances.is_stale(), self.positions.is_stale()];
        assert_eq!(stale, follows.map(|follows| !follows), "R7: {:?} {:?}", self.balances, self.positions);
    }

    // ---- comparing -------------------------------------------------------------------------------

    /// Each order that is not in doubt is as it was when the last frame left the venue.
    pub(super) fn check_orders(&self, truth: &Truth, is_followed: bool) {
        for order in self.orders.iter().filter(|order| !order.needs_reconciling()) {
            let found = order.order_id.and_then(|id| truth.order(id));
            let Some(entry) = found else {
                if let Some(entry) =
                    order.client_order_id.as_deref().and_then(|id| truth.by_client_order_id(id))
                {
                    let is_refused = entry.state == simulator::OrderState::Rejected;
                    assert!(!is_followed || is_refused, "R6: unseen: {order:?}\n{entry:?}");
                }
                continue;
            };
            let known = (simply(order.state), order.executed());
            if order.reconciled {
                // The venue's answer may be newer than this frame.
                assert!(known.1 >= entry.executed_quantity, "R6: {order:?}\n{entry:?}");
                continue;
            }
            if is_followed || order.state.is_final() {
                let true_state = simply(state_of(entry));
                let is_newer = !is_followed && known.1 >= entry.executed_quantity;
                let is_same = known == (true_state, entry.executed_quantity);
                assert!(is_same || is_newer, "R6: {order:?}\n{entry:?}");
            }
        }
    }

    /// What is shown as current of balances and positions is what the venue has.
    pub(super) fn check_account(&self, truth: &Truth) {
        for entry in &truth.balances {
            if self.balances.stale_reason(&entry.asset).is_some() {
                continue;
            }
            let known = self
                .balances
                .get(&entry.asset)
                .map(|it| (it.available().to_decimal(), it.total().to_decimal()));
            let known = known.unwrap_or((Ok(gemini_ws::Decimal::ZERO), Ok(gemini_ws::Decimal::ZERO)));
            let orders: Vec<_> =
                truth.orders.iter().map(|it| (&it.client_order_id, it.state, it.executed_quantity)).collect();
            assert_eq!(known, (Ok(entry.available), Ok(entry.total)), "R6: {} {orders:?}", entry.asset);
        }
        if self.positions.is_stale() {
            return;
        }
        let held: Vec<_> =
            self.positions.iter().map(|(symbol, held)| (symbol, held[0].value.parse().unwrap())).collect();
        let mut owned: Vec<_> = truth.positions.iter().map(|it| (it.symbol, it.quantity)).collect();
        owned.sort_by_key(|(symbol, _)| *symbol);
        assert_eq!(held, owned, "R6: positions");
    }

    /// Each live book with the venue's last update id has the venue's levels.
    pub(super) fn check_books(&self, truth: &Truth) -> usize {
        let mut compared = 0;
        for (symbol, book) in &truth.books {
            let Some(live) = self.books.live(symbol.as_str()) else { continue };
            if live.last_update_id() != Some(book.last_update_id) || !live.bids().is_whole() {
                continue;
            }
            assert!(live.bids().iter().eq(book.bids.iter()), "R6: {symbol}: bids");
            assert!(live.asks().iter().eq(book.asks.iter()), "R6: {symbol}: asks");
            compared += 1;
        }
        compared
    }
}

/// The generations do not agree on what an order is called that rests after a part of it was executed.
pub(super) const fn simply(state: OrderState) -> OrderState {
    match state {
        OrderState::PartiallyFilled | OrderState::New => OrderState::Open,
        other => other,
    }
}

pub(super) fn reconciled(entry: &LedgerOrder) -> Reconciled {
    Reconciled { order_id: entry.order_id, state: state_of(entry), executed: entry.executed_quantity }
}

pub(super) const fn state_of(entry: &LedgerOrder) -> OrderState {
    match entry.state {
        simulator::OrderState::New => OrderState::New,
        simulator::OrderState::Open => OrderState::Open,
        simulator::OrderState::PartiallyFilled => OrderState::PartiallyFilled,
        simulator::OrderState::Filled => OrderState::Filled,
        simulator::OrderState::Canceled => OrderState::Canceled,
        simulator::OrderState::Rejected => OrderState::Rejected,
    }
}
