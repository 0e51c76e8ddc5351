//! [`Broker`]: accepts the orders of accounts, passes the orders to the market, and records what happens to each
//! order.

mod checks;
mod keeping;
mod quotes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use gemini_ws::Timestamp;

use crate::account::holdings::Holdings;
use crate::account::ledger::{LedgerBalance, LedgerFill, LedgerPosition};
use crate::account::order::{ClientOrder, EventKind, OrderEvent, Terms};
use crate::account::{Account, AccountId};
use crate::context::Context;
use crate::market::Market;
use crate::market::client_orders::{Execution, Ticket};
use crate::model::engine::{OrderId, Remainder};
use crate::value::amount;
use crate::value::order::{NewOrder, OrderSide, OrderType, Origin, TimeInForce};
use crate::value::random::Random;
use crate::value::start::Start;

/// The ids of an exchange that opens at [`EPOCH`](crate::EPOCH) are larger than this number. It has 17 digits, like
/// the order ids of the venue.
const FIRST_ORDER_ID: u64 = 73_797_746_498_585_286;

const MARKET_NOT_OPEN: &str = "MarketNotOpen";

/// The maximum number of ended orders that the exchange remembers. If there are more when an order is added, the
/// exchange forgets those that ended first.
pub const FINISHED_ORDERS_MAX: usize = 100_000;

/// The maximum number of open orders of an account. Further orders are rejected. The venue documents no such limit:
/// here it bounds the work of listing or cancelling all open orders.
pub const OPEN_ORDERS_MAX: usize = 1_000;

/// The maximum number of orders in an answer of REST to a question about a client order id. If more orders have the
/// id, the answer contains the newest of them.
pub const SAME_NAME_MAX: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Broker {
    accounts: Vec<Account>,
    holdings: Vec<Holdings>,
    /// All orders, by id. A saved state may share an order; the broker then changes a copy of the order.
    orders: BTreeMap<u64, Arc<ClientOrder>>,
    /// The position of the account and the order id of each order that has not ended.
    open: BTreeSet<(usize, u64)>,
    /// The ids of the orders that have not ended, by the position of the account and the client order id.
    client_order_ids: BTreeMap<(usize, String), u64>,
    /// The position of the account, the client order id and the order id of each order.
    names: BTreeSet<(usize, String, u64)>,
    /// The ids of the orders in the books, by the position of the symbol and the id in its book.
    resting: BTreeMap<(usize, OrderId), u64>,
    stops: BTreeSet<u64>,
    finished: VecDeque<Arc<ClientOrder>>,
    events: Vec<OrderEvent>,
    last_id: u64,
    random: Random,
    maker_fee: u32,
    taker_fee: u32,
}

impl Broker {
    /// Creates a broker. Fees are hundredths of a percent of the notional.
    pub(crate) fn new(
        accounts: Vec<Account>,
        [maker_fee, taker_fee]: [u32; 2],
        seed: u64,
        start: Start,
    ) -> Broker {
        let mut random = Random::for_name(seed, "orders");
        Broker {
            holdings: accounts.iter().map(|account| Holdings::new(account.balances())).collect(),
            accounts,
            orders: BTreeMap::new(),
            open: BTreeSet::new(),
            client_order_ids: BTreeMap::new(),
            names: BTreeSet::new(),
            resting: BTreeMap::new(),
            stops: BTreeSet::new(),
            finished: VecDeque::new(),
            events: Vec::new(),
            last_id: start.by_tenths_of_micros(FIRST_ORDER_ID) + random.below(1_000_000_000),
            random,
            maker_fee,
            taker_fee,
        }
    }

    pub(crate) fn position(&self, account: AccountId) -> Option<usize> {
        self.accounts.iter().position(|known| known.account_id() == Some(account))
    }

    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(crate) fn account(&self, position: usize) -> Option<&Account> {
        self.accounts.get(position)
    }

    pub(crate) fn holdings(&self, account: usize) -> Option<&Holdings> {
        self.holdings.get(account)
    }

    pub(crate) fn take_changes(&mut self, account: usize) -> (Vec<LedgerBalance>, Vec<LedgerPosition>) {
        self.holdings.get_mut(account).map(Holdings::take_changes).unwrap_or_default()
    }

    fn keep(&mut self, order: ClientOrder) {
        self.names.extend(name_of(&order));
        self.orders.insert(order.id(), Arc::new(order));
    }

    fn order_mut(&mut self, id: u64) -> Option<&mut ClientOrder> {
        self.orders.get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn order(&self, id: u64) -> Option<&ClientOrder> {
        self.orders.get(&id).map(Arc::as_ref)
    }

    pub(crate) fn orders_of(&self, account: usize) -> impl Iterator<Item = &ClientOrder> {
        self.orders.values().map(Arc::as_ref).filter(move |order| order.origin().account == account)
    }

    /// Returns the newest orders of an account whose client order id is `name`: at most [`SAME_NAME_MAX`], the oldest
    /// first.
    pub(crate) fn orders_named(&self, account: usize, name: &str) -> Vec<&ClientOrder> {
        let name = |id| (account, name.to_owned(), id);
        let ids = self.names.range(name(0)..=name(u64::MAX)).rev().take(SAME_NAME_MAX);
        let mut orders: Vec<_> = ids.filter_map(|(_, _, id)| self.order(*id)).collect();
        orders.reverse();
        orders
    }

    pub(crate) fn open_orders(&self, account: usize) -> impl Iterator<Item = &ClientOrder> {
        let ids = self.open.range((account, 0)..=(account, u64::MAX));
        ids.filter_map(|(_, id)| self.order(*id))
    }

    pub(crate) fn take_events(&mut self) -> Vec<OrderEvent> {
        std::mem::take(&mut self.events)
    }

    /// Takes the next id. Each id is at least 3 more than the previous one, because an event uses up to three ids.
    fn take_id(&mut self) -> u64 {
        self.last_id += 3 + self.random.below(40);
        self.last_id
    }

    /// Places an order and returns its id.
    ///
    /// # Errors
    ///
    /// The reason if the order is rejected; an event reports the rejection as well.
    pub(crate) fn place(
        &mut self,
        market: Option<&mut Market>,
        cx: &mut Context<'_>,
        origin: Origin,
        request: NewOrder,
    ) -> Result<u64, &'static str> {
        self.forget_oldest();
        let id = self.take_id();
        let checked = self.check(market.as_deref(), cx.faults, origin.account, &request);
        let mut order = ClientOrder::new(id, origin, request, cx.venue_time());
        let (terms, market) = match (checked, market) {
            (Ok(terms), Some(market)) => (terms, market),
            (checked, _) => {
                let reason = checked.err().unwrap_or(MARKET_NOT_OPEN);
                order.reject(reason);
                self.keep(order);
                self.tell(cx, id, EventKind::Rejected { reason });
                self.finish(id);
                return Err(reason);
            }
        };
        if let Some(client_order_id) = &order.request().client_order_id {
            self.client_order_ids.insert((origin.account, client_order_id.clone()), id);
        }
        let is_waiting = terms.stop.is_some() && !is_triggered(market, &terms, order.request().side);
        order.accept(terms);
        self.keep(order);
        self.open.insert((origin.account, id));
        self.update_hold(id);
        self.tell(cx, id, EventKind::Accepted);
        if is_waiting {
            self.stops.insert(id);
        } else {
            self.enter(market, cx, id);
        }
        self.trigger(market, cx);
        Ok(id)
    }

    /// Cancels an order at the request of its account. Returns false if the account has no such open order. If the
    /// order has ended, an event reports that the request is rejected.
    pub(crate) fn cancel(
        &mut self,
        market: Option<&mut Market>,
        cx: &mut Context<'_>,
        account: usize,
        id: u64,
    ) -> bool {
        let of_account = self.orders.get(&id).is_some_and(|order| order.origin().account == account);
        match market {
            Some(market) if self.open.contains(&(account, id)) => {
                self.end(market, cx, id, None);
                true
            }
            _ => {
                if of_account {
                    self.tell(cx, id, EventKind::CancelRejected { reason: "OrderNotFound" });
                }
                false
            }
        }
    }

    /// Cancels the open orders of an account. If `serial` is not `None`, cancels only those of the session with this
    /// number.
    pub(crate) fn cancel_all(
        &mut self,
        market: &mut Market,
        cx: &mut Context<'_>,
        account: usize,
        serial: Option<u64>,
    ) {
        let open = self.open_orders(account);
        let open = open.filter(|order| serial.is_none_or(|serial| order.origin().serial == serial));
        for id in open.map(|order| order.id()).collect::<Vec<u64>>() {
            self.end(market, cx, id, None);
        }
    }

    /// Records the executions that the generated order flow caused, and triggers stop orders.
    pub(crate) fn flush(&mut self, market: &mut Market, cx: &mut Context<'_>) {
        for execution in market.take_executions() {
            self.fill_maker(cx, &execution);
        }
        self.trigger(market, cx);
    }

    fn trigger(&mut self, market: &mut Market, cx: &mut Context<'_>) {
        loop {
            let due = self.stops.iter().copied().find(|id| {
                let order = self.orders.get(id);
                order.is_some_and(|order| {
                    order.terms().is_some_and(|terms| is_triggered(market, terms, order.request().side))
                })
            });
            let Some(due) = due else { return };
            self.stops.remove(&due);
            self.enter(market, cx, due);
        }
    }

    fn enter(&mut self, market: &mut Market, cx: &mut Context<'_>, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let Some(terms) = order.terms() else { return };
        let is_market = order.request().order_type == OrderType::Market;
        let time_in_force = order.request().time_in_force;
        let position = terms.position;
        let rests = matches!(time_in_force, TimeInForce::GoodTillCanceled | TimeInForce::MakerOrCancel);
        let ticket = Ticket {
            position,
            owner: Some(order.origin().account),
            side: terms.book_side(order.request().side),
            limit: terms.book_limit(),
            quantity: terms.quantity,
            remainder: if rests && !is_market { Remainder::Rests } else { Remainder::IsCanceled },
        };
        let best = market.best(position, ticket.side.opposite());
        let would_take = best.is_some_and(|(price, _)| ticket.side.reaches(ticket.limit, price));
        if time_in_force == TimeInForce::MakerOrCancel && would_take {
            return self.end(market, cx, id, Some("MakerOrCancelWouldTake"));
        }
        if time_in_force == TimeInForce::FillOrKill {
            let matched = market.matches(&ticket).iter().map(|(_, quantity)| quantity).sum::<u64>();
            if matched < ticket.quantity {
                return self.end(market, cx, id, Some("FillOrKillWouldNotFill"));
            }
        }
        let placement = market.submit(cx, &ticket);
        for execution in market.take_executions() {
            self.fill_maker(cx, &execution);
            self.fill(cx, id, Fill::of(&execution), false);
        }
        if let Some(resting) = placement.resting {
            self.resting.insert((position, resting), id);
            if let Some(order) = self.order_mut(id) {
                order.rest(resting);
            }
            self.tell(cx, id, EventKind::Booked);
        } else if placement.left > 0 {
            let reason = match ticket.remainder {
                _ if placement.met_own => "SelfCrossPrevented",
                Remainder::IsCanceled => "ImmediateOrCancelWouldPost",
                // The level at the limit price has no room for the order.
                Remainder::Rests => "InvalidQuantity",
            };
            self.end(market, cx, id, Some(reason));
        }
    }

    fn fill_maker(&mut self, cx: &Context<'_>, execution: &Execution) {
        if execution.maker_owner.is_some()
            && let Some(id) = self.resting.get(&(execution.position, execution.maker)).copied()
        {
            self.fill(cx, id, Fill::of(execution), true);
        }
    }

    fn fill(&mut self, cx: &Context<'_>, id: u64, fill: Fill, is_maker: bool) {
        let basis_points = if is_maker { self.maker_fee } else { self.taker_fee };
        let Some(order) = self.orders.get_mut(&id).map(Arc::make_mut) else { return };
        let Some(terms) = order.terms() else { return };
        let Some(holdings) = self.holdings.get_mut(order.origin().account) else { return };
        let (price, quantity) = (terms.own_price(fill.price), fill.quantity);
        let product = u128::from(price) * u128::from(quantity);
        // The notional of the whole order fits, so the notional of this part fits too.
        let notional = terms.notional(product).unwrap_or_default();
        let fee = amount::fee(notional, basis_points);
        match order.request().side {
            OrderSide::Buy => {
                holdings.add(&terms.quote, -notional - fee);
                holdings.add(&terms.base, terms.quantity_amount(quantity));
            }
            OrderSide::Sell => {
                holdings.add(&terms.base, -terms.quantity_amount(quantity));
                holdings.add(&terms.quote, notional - fee);
            }
        }
        let fill = LedgerFill {
            trade_id: fill.trade_id,
            time: Timestamp::from_nanos(cx.venue_time()),
            price: amount::units_to_decimal(price, terms.price_decimals),
            quantity: amount::units_to_decimal(quantity, terms.quantity_decimals),
            fee: amount::to_decimal(fee),
            is_maker,
        };
        let is_last = order.execute(fill, quantity, product);
        self.update_hold(id);
        self.tell(cx, id, EventKind::Filled { fill, is_last });
        if is_last {
            self.close(id);
        }
    }

    fn end(&mut self, market: &mut Market, cx: &mut Context<'_>, id: u64, reason: Option<&'static str>) {
        let Some(order) = self.orders.get_mut(&id).map(Arc::make_mut) else { return };
        order.cancel(reason);
        if let (Some(resting), Some(terms)) = (order.resting(), order.terms()) {
            market.withdraw(cx, terms.position, resting);
        }
        self.update_hold(id);
        self.tell(cx, id, EventKind::Canceled { reason });
        self.close(id);
    }

    fn update_hold(&mut self, id: u64) {
        let basis_points = self.maker_fee.max(self.taker_fee);
        let Some(order) = self.orders.get_mut(&id).map(Arc::make_mut) else { return };
        let difference = order.update_hold(basis_points);
        let account = order.origin().account;
        if let (Some(asset), Some(holdings)) = (order.held_asset(), self.holdings.get_mut(account)) {
            holdings.hold(asset, difference);
        }
    }

    fn close(&mut self, id: u64) {
        let Some(order) = self.orders.get_mut(&id).map(Arc::make_mut) else { return };
        let account = order.origin().account;
        if let (Some(resting), Some(terms)) = (order.leave_book(), order.terms()) {
            self.resting.remove(&(terms.position, resting));
        }
        if let Some(client_order_id) = &order.request().client_order_id {
            // An order that executed a quote may have the client order id of an open order. Then the entry belongs to
            // the open order, and stays.
            let name = (account, client_order_id.clone());
            if self.client_order_ids.get(&name) == Some(&id) {
                self.client_order_ids.remove(&name);
            }
        }
        self.open.remove(&(account, id));
        self.stops.remove(&id);
        self.finish(id);
    }

    /// Adds an ended order to `finished`. The order stays in `orders`, because its last events may not have been
    /// reported yet.
    fn finish(&mut self, id: u64) {
        self.finished.extend(self.orders.get(&id).cloned());
    }

    /// Forgets the orders that ended first, until [`FINISHED_ORDERS_MAX`] remain. Call this only when all events have
    /// been reported.
    fn forget_oldest(&mut self) {
        while self.finished.len() > FINISHED_ORDERS_MAX {
            if let Some(oldest) = self.finished.pop_front() {
                self.orders.remove(&oldest.id());
                if let Some(name) = name_of(&oldest) {
                    self.names.remove(&name);
                }
            }
        }
    }

    fn tell(&mut self, cx: &Context<'_>, id: u64, kind: EventKind) {
        let event_id = self.take_id();
        let Some(order) = self.orders.get(&id) else { return };
        let progress = order.progress();
        self.events.push(OrderEvent { order: id, event_id, time: cx.venue_time(), kind, progress });
    }
}

fn name_of(order: &ClientOrder) -> Option<(usize, String, u64)> {
    let name = order.request().client_order_id.clone()?;
    Some((order.origin().account, name, order.id()))
}

/// An execution of an order, in the units of its instrument. The price is that of the book.
#[derive(Clone, Copy, Debug)]
struct Fill {
    price: u64,
    quantity: u64,
    trade_id: u64,
}

impl Fill {
    const fn of(execution: &Execution) -> Fill {
        Fill { price: execution.price, quantity: execution.quantity, trade_id: execution.trade_id }
    }
}

fn is_triggered(market: &Market, terms: &Terms, side: OrderSide) -> bool {
    let last = market.last_price(terms.position).map(|price| terms.own_price(price));
    match (terms.stop, last, side) {
        (Some(stop), Some(last), OrderSide::Buy) => last >= stop,
        (Some(stop), Some(last), OrderSide::Sell) => last <= stop,
        _ => false,
    }
}
