//! [`ClientOrder`]: an order of an account, and what happened to it.

use gemini_ws::Decimal;

use crate::account::holdings::Asset;
use crate::account::ledger::{LedgerFill, LedgerOrder};
use crate::model::engine::{OrderId, Side};
use crate::value::amount::{self, Amount};
use crate::value::instrument::power;
use crate::value::order::{NewOrder, OrderSide, OrderState, OrderType, Origin};

/// An order in the integers of its instrument.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The position of the symbol.
    pub(crate) position: usize,
    pub(crate) price_decimals: u8,
    pub(crate) quantity_decimals: u8,
    /// The worst price; for market orders what is not absurd.
    pub(crate) limit: u64,
    pub(crate) stop: Option<u64>,
    pub(crate) quantity: u64,
    /// It is about the outcome that the book does not quote: prices are what is left to one.
    pub(crate) is_inverted: bool,
    pub(crate) base: Asset,
    pub(crate) quote: Asset,
    /// What a market order is expected to cost or to yield; zero for others.
    pub(crate) spend: Amount,
}

impl Terms {
    /// A price of the book as the order sees it, and the reverse.
    pub(crate) const fn own_price(&self, price: u64) -> u64 {
        if self.is_inverted { power(self.price_decimals).saturating_sub(price) } else { price }
    }

    /// The side of the book that the order belongs to.
    pub(crate) const fn book_side(&self, side: OrderSide) -> Side {
        match (side, self.is_inverted) {
            (OrderSide::Buy, false) | (OrderSide::Sell, true) => Side::Bid,
            (OrderSide::Sell, false) | (OrderSide::Buy, true) => Side::Ask,
        }
    }

    pub(crate) const fn book_limit(&self) -> u64 {
        self.own_price(self.limit)
    }

    /// Price times quantity; `None` if that is out of all proportion.
    pub(crate) fn notional(&self, product: u128) -> Option<Amount> {
        amount::of_product(product, self.price_decimals + self.quantity_decimals)
    }

    pub(crate) const fn quantity_amount(&self, quantity: u64) -> Amount {
        amount::of_units(quantity, self.quantity_decimals)
    }
}

/// An order, accepted or not.
#[derive(Clone, Debug)]
pub(crate) struct ClientOrder {
    id: u64,
    origin: Origin,
    request: NewOrder,
    /// The venue's time when it came, in ns.
    placed_at: i64,
    /// `None` if it was rejected.
    terms: Option<Terms>,
    state: OrderState,
    reason: Option<&'static str>,
    progress: Progress,
    fills: Vec<LedgerFill>,
    /// In the book.
    resting: Option<OrderId>,
    /// What is set aside for it.
    hold: Amount,
}

/// How much of an order has been executed, in units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    executed: u64,
    /// The sum of price times quantity.
    product: u128,
}

impl ClientOrder {
    pub(crate) fn new(id: u64, origin: Origin, request: NewOrder, placed_at: i64) -> ClientOrder {
        ClientOrder {
            id,
            origin,
            request,
            placed_at,
            terms: None,
            state: OrderState::New,
            reason: None,
            progress: Progress::default(),
            fills: Vec::new(),
            resting: None,
            hold: 0,
        }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) const fn request(&self) -> &NewOrder {
        &self.request
    }

    /// The venue's time when it came, in ns.
    pub(crate) const fn placed_at(&self) -> i64 {
        self.placed_at
    }

    /// `None` if it was rejected.
    pub(crate) const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    pub(crate) const fn progress(&self) -> Progress {
        self.progress
    }

    /// Where it stands in the book.
    pub(crate) const fn resting(&self) -> Option<OrderId> {
        self.resting
    }

    pub(crate) const fn is_resting(&self) -> bool {
        self.resting.is_some()
    }

    pub(crate) const fn state(&self) -> OrderState {
        self.state
    }

    /// Whether nothing more can happen to it.
    pub(crate) const fn is_final(&self) -> bool {
        self.state.is_final()
    }

    /// What has not been executed, in units.
    pub(crate) fn left(&self) -> u64 {
        self.terms.as_ref().map_or(0, |terms| terms.quantity.saturating_sub(self.progress.executed))
    }

    #[cfg(test)]
    pub(crate) const fn hold(&self) -> Amount {
        self.hold
    }

    pub(crate) fn accept(&mut self, terms: Terms) {
        self.terms = Some(terms);
    }

    pub(crate) const fn reject(&mut self, reason: &'static str) {
        (self.state, self.reason) = (OrderState::Rejected, Some(reason));
    }

    /// It rests in the book.
    pub(crate) const fn rest(&mut self, resting: OrderId) {
        (self.resting, self.state) = (Some(resting), OrderState::Open);
    }

    /// It rests in the book of another run, and has not changed.
    pub(crate) const fn rest_again(&mut self, resting: OrderId) {
        self.resting = Some(resting);
    }

    /// It is not in the book any more; where it stood.
    pub(crate) const fn leave_book(&mut self) -> Option<OrderId> {
        self.resting.take()
    }

    /// Its owner cancels it, or the exchange for a reason.
    pub(crate) const fn cancel(&mut self, reason: Option<&'static str>) {
        (self.state, self.reason) = (OrderState::Canceled, reason);
    }

    /// It is what it was when it was saved.
    pub(crate) const fn set_state(&mut self, state: OrderState, reason: Option<&'static str>) {
        (self.state, self.reason) = (state, reason);
    }

    /// A part of it is executed, in units; true if nothing is left.
    pub(crate) fn execute(&mut self, fill: LedgerFill, quantity: u64, product: u128) -> bool {
        self.progress.executed += quantity;
        self.progress.product += product;
        self.fills.push(fill);
        let is_last = self.terms.as_ref().is_some_and(|terms| self.progress.executed == terms.quantity);
        self.state = if is_last { OrderState::Filled } else { OrderState::PartiallyFilled };
        is_last
    }

    /// Sets aside what it needs now; how much more that is than before.
    pub(crate) fn update_hold(&mut self, basis_points: u32) -> Amount {
        let needed = self.required_hold(basis_points).unwrap_or(0);
        needed - std::mem::replace(&mut self.hold, needed)
    }

    /// What has to be set aside for what is left of it; nothing for market orders, which are done at
    /// once.
    fn required_hold(&self, basis_points: u32) -> Option<Amount> {
        let terms = self.terms.as_ref()?;
        if self.request.order_type == OrderType::Market || self.state.is_final() {
            return None;
        }
        let left = terms.quantity - self.progress.executed;
        match self.request.side {
            OrderSide::Sell => Some(terms.quantity_amount(left)),
            OrderSide::Buy => {
                let notional = terms.notional(u128::from(terms.limit) * u128::from(left))?;
                Some(notional.saturating_add(amount::largest_fee(notional, basis_points)))
            }
        }
    }

    /// The asset that is set aside for it.
    pub(crate) fn held_asset(&self) -> Option<&Asset> {
        let terms = self.terms.as_ref()?;
        Some(match self.request.side {
            OrderSide::Sell => &terms.base,
            OrderSide::Buy => &terms.quote,
        })
    }

    /// Executed, left, and the average price, which is rounded down to the price's decimals; `None`
    /// while nothing is executed.
    pub(crate) fn amounts(&self, progress: Progress) -> Amounts {
        let Some(terms) = &self.terms else {
            return Amounts { executed: Decimal::ZERO, left: self.request.quantity, average: None };
        };
        let average = progress.product.checked_div(u128::from(progress.executed));
        let average = average.and_then(|average| u64::try_from(average).ok());
        Amounts {
            executed: amount::units_to_decimal(progress.executed, terms.quantity_decimals),
            left: amount::units_to_decimal(terms.quantity - progress.executed, terms.quantity_decimals),
            average: average.map(|average| amount::units_to_decimal(average, terms.price_decimals)),
        }
    }

    pub(crate) fn ledger(&self) -> LedgerOrder {
        let request = &self.request;
        let notional = self.terms.as_ref().and_then(|terms| terms.notional(self.progress.product));
        LedgerOrder {
            order_id: self.id,
            client_order_id: request.client_order_id.clone(),
            symbol: request.symbol,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            outcome: request.outcome,
            price: request.price,
            stop_price: request.stop_price,
            quantity: request.quantity,
            state: self.state,
            executed_quantity: self.amounts(self.progress).executed,
            executed_notional: amount::to_decimal(notional.unwrap_or_default()),
            fills: self.fills.clone(),
            reason: self.reason,
            session: self.origin.session,
        }
    }
}

/// How far an order had come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    pub(crate) executed: Decimal,
    pub(crate) left: Decimal,
    pub(crate) average: Option<Decimal>,
}

/// Something that happened to an order, to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderEvent {
    pub(crate) order: u64,
    /// Unique over all events; the ids up to the next event's belong to it.
    pub(crate) event_id: u64,
    /// The venue's time in ns.
    pub(crate) time: i64,
    pub(crate) kind: EventKind,
    /// After it.
    pub(crate) progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum EventKind {
    Accepted,
    Booked,
    Filled {
        fill: LedgerFill,
        is_last: bool,
    },
    /// By its owner if there is no reason.
    Canceled {
        reason: Option<&'static str>,
    },
    Rejected {
        reason: &'static str,
    },
    /// A request to cancel it came too late.
    CancelRejected {
        reason: &'static str,
    },
}
