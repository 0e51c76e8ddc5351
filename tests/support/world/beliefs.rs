//! [`Beliefs`] is what an application that uses only public types knows. The life compares it with the true state of
//! the exchange after every frame that arrives.

use std::rc::Rc;

use gemini_ws::{
    Balances, Books, Event, FoundQuote, Instant, Moment, OrderState, Orders, Positions, Quote, QuoteState,
    Quotes, Reconciled, Symbol,
};
use gemini_ws_simulator::{
    self as simulator, Exchange, LedgerBalance, LedgerOrder, LedgerPosition, LedgerQuote, TrueBook,
};

use super::super::pair::ACCOUNT;
use super::tickets::Followed;

pub(super) struct Beliefs {
    pub(super) books: Books,
    pub(super) orders: Orders,
    followed: Followed,
    balances: Balances,
    positions: Positions,
    pub(super) quotes: Quotes,
    asked: Option<Asked>,
}

#[derive(Clone, Debug)]
struct Asked {
    orders: Moment,
    balances: Moment,
    positions: Moment,
    quotes: Moment,
    truth: Rc<Truth>,
    answered_at: Instant,
}

/// The state of the account and of the markets in the exchange at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Truth {
    orders: Vec<LedgerOrder>,
    balances: Vec<LedgerBalance>,
    positions: Vec<LedgerPosition>,
    quotes: Vec<LedgerQuote>,
    books: Vec<(Symbol, TrueBook)>,
}

impl Truth {
    pub(super) fn of(exchange: &Exchange) -> Truth {
        let books = exchange.symbols().filter_map(|symbol| Some((symbol, exchange.book(symbol)?)));
        Truth {
            orders: exchange.orders(ACCOUNT),
            balances: exchange.balances(ACCOUNT),
            positions: exchange.positions(ACCOUNT),
            quotes: exchange.quotes(ACCOUNT),
            books: books.collect(),
        }
    }

    pub(super) fn order(&self, id: u64) -> Option<&LedgerOrder> {
        self.orders.iter().find(|entry| entry.order_id == id)
    }

    fn quote(&self, quote: &Quote) -> Option<&LedgerQuote> {
        let client_id = quote.terms.and_then(|terms| terms.client_id).map(|id| id.to_string());
        self.quotes.iter().find(|entry| match quote.quote_id {
            Some(id) => entry.quote_id == id.as_str(),
            None => client_id.is_some() && entry.client_id == client_id,
        })
    }

    fn by_client_order_id(&self, id: &str) -> Option<&LedgerOrder> {
        self.orders.iter().rfind(|entry| entry.client_order_id.as_deref() == Some(id))
    }
}

impl Beliefs {
    pub(super) fn new() -> Beliefs {
        Beliefs {
            books: Books::new(),
            orders: Orders::new(),
            followed: Followed::default(),
            balances: Balances::new(),
            positions: Positions::new(),
            quotes: Quotes::new(),
            asked: None,
        }
    }

    pub(super) fn apply(&mut self, event: &Event<'_>, now: Instant) {
        self.books.apply(event);
        self.followed.apply(&mut self.orders, event, now);
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }

    // ---- asking the venue ------------------------------------------------------------------------

    /// Asks the venue about everything, as an application does over REST. The answers arrive at `answered_at`.
    pub(super) fn ask(&mut self, exchange: &Exchange, answered_at: Instant) {
        self.asked = Some(Asked {
            orders: self.orders.moment(),
            balances: self.balances.moment(),
            positions: self.positions.moment(),
            quotes: self.quotes.moment(),
            truth: Rc::new(Truth::of(exchange)),
            answered_at,
        });
    }

    pub(super) fn take_answer(&mut self, now: Instant) {
        self.followed.check(&self.orders, now);
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
        self.followed.take_answers(&self.orders, now);
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
        let doubtful: Vec<_> = self.quotes.to_reconcile().cloned().collect();
        for quote in doubtful {
            let found = asked.truth.quote(&quote).map(|entry| FoundQuote {
                quote_id: entry.quote_id.parse().unwrap(),
                state: quote_state(entry),
            });
            match (&quote.quote_id, quote.request) {
                (Some(id), _) => self.quotes.reconcile(id.as_str(), found, asked.quotes),
                (None, Some(request)) => self.quotes.reconcile(request, found, asked.quotes),
                (None, None) => false,
            };
        }
    }

    /// Checks that nothing is in doubt after the application has received the venue's answers and while no message is
    /// under way. There are two exceptions:
    ///
    /// - Data whose stream is not subscribed is in doubt. `follows_orders` is true if the stream of orders is
    ///   subscribed, and `follows` says this for balances, positions and quotes.
    /// - Orders that were last reported before `added_at`, when an endpoint was last added, may be in doubt, because
    ///   they may belong to another account.
    pub(super) fn check_certain(&self, follows_orders: bool, follows: [bool; 3], added_at: Option<Instant>) {
        for order in self.orders.to_reconcile() {
            let may_change = !order.state.is_final() || order.state == OrderState::Rejected;
            let is_older =
                added_at.is_some_and(|added_at| order.age.received.is_none_or(|at| at <= added_at));
            let is_unfollowed = (!follows_orders || is_older) && may_change;
            assert!(is_unfollowed, "R7: in doubt though the venue was asked: {order:?}");
        }
        let stale = [self.balances.is_stale(), self.positions.is_stale()];
        let [balances, positions, quotes] = follows;
        assert_eq!(stale, [!balances, !positions], "R7: {:?} {:?}", self.balances, self.positions);
        for quote in self.quotes.to_reconcile() {
            let is_unfollowed = !quotes || added_at.is_some();
            assert!(is_unfollowed, "R7: in doubt though the venue was asked: {quote:?}");
        }
    }

    // ---- comparing -------------------------------------------------------------------------------

    pub(super) fn check_tickets(&self, truth: &Truth) {
        self.followed.compare(truth);
    }

    /// Checks that each order that is not in doubt is as in `truth`, the state of the exchange when the last frame
    /// left it. An order that was reconciled may be newer. `is_followed` is false if another link, whose messages are
    /// still under way, may also report the orders; then any order may be newer, and an open order also older.
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
                // The answer from REST may be newer than the last frame.
                let is_newer = known.1 >= entry.executed_quantity;
                assert!(!is_followed || is_newer, "R6: {order:?}\n{entry:?}");
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

    /// Checks that each quote that is not in doubt has the state that it has in `truth`, the state of the exchange
    /// when the last frame left it, or a later one. `is_settled` is true if no message is under way; then the states
    /// must be equal. Returns whether any quote was executed.
    pub(super) fn check_quotes(&self, truth: &Truth, is_settled: bool) -> bool {
        let mut is_won = false;
        for quote in self.quotes.iter().filter(|quote| quote.doubt().is_none()) {
            is_won |= quote.state == QuoteState::Won;
            let Some(entry) = truth.quote(quote) else {
                let is_known = quote.quote_id.is_some()
                    || !matches!(quote.state, QuoteState::Sent | QuoteState::Rejected);
                assert!(!(is_settled && is_known), "R6: the exchange has no {quote:?}");
                continue;
            };
            let (known, actual) = (quote.state, quote_state(entry));
            let is_early = known == QuoteState::Sent && !is_settled;
            let is_same = known == actual || (ends_without_deal(known) && ends_without_deal(actual));
            let is_newer = !is_settled && !actual.is_final();
            assert!(is_same || is_newer || is_early, "R6: {quote:?}\n{entry:?}");
        }
        is_won
    }

    pub(super) fn check_balances(&self, truth: &Truth) {
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
    }

    pub(super) fn check_positions(&self, truth: &Truth) {
        if self.positions.is_stale() {
            return;
        }
        let held: Vec<_> =
            self.positions.iter().map(|(symbol, held)| (symbol, held[0].value.parse().unwrap())).collect();
        let mut owned: Vec<_> = truth.positions.iter().map(|it| (it.symbol, it.quantity)).collect();
        owned.sort_by_key(|(symbol, _)| *symbol);
        assert_eq!(held, owned, "R6: positions");
    }

    /// Checks each current book whose update id is that of the venue's book: it must have the venue's levels. Returns
    /// how many books were compared.
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

const fn quote_state(entry: &LedgerQuote) -> QuoteState {
    match entry.state {
        simulator::QuoteState::Active => QuoteState::Active,
        simulator::QuoteState::Accepted => QuoteState::Accepted,
        simulator::QuoteState::Confirmed => QuoteState::Confirmed,
        simulator::QuoteState::Declined => QuoteState::Declined,
        simulator::QuoteState::Withdrawn => QuoteState::Withdrawn,
        simulator::QuoteState::Expired => QuoteState::Expired,
        simulator::QuoteState::Won => QuoteState::Won,
        simulator::QuoteState::Lost => QuoteState::Lost,
    }
}

/// Returns whether a quote is declined or lost. If the requester declines a quote, one of these states is in the
/// reply to the confirmation, and the other in the event.
const fn ends_without_deal(state: QuoteState) -> bool {
    matches!(state, QuoteState::Declined | QuoteState::Lost)
}

/// Simplifies a state: the APIs report different states for an order that rests after a part of it was executed.
pub(super) const fn simply(state: OrderState) -> OrderState {
    match state {
        OrderState::PartiallyFilled | OrderState::New => OrderState::Open,
        other => other,
    }
}

pub(super) fn reconciled(entry: &LedgerOrder) -> Reconciled {
    Reconciled::new(entry.order_id, state_of(entry), entry.executed_quantity)
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
