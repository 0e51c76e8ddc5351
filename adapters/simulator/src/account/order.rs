//! [`ClientOrder`]: an order of an account, and what has happened to it.

use gemini_ws::Decimal;

use crate::account::holdings::Asset;
use crate::account::ledger::{LedgerFill, LedgerOrder};
use crate::model::engine::{OrderId, Side};
use crate::value::amount::{self, Amount};
use crate::value::instrument::power;
use crate::value::order::{NewOrder, OrderSide, OrderState, OrderType, Origin};

/// The terms of an order as integers, in the units of its instrument.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The position of the order's symbol among the symbols of the market; `usize::MAX` if the market does not
    /// have the symbol.
    pub(crate) position: usize,
    pub(crate) price_decimals: u8,
    pub(crate) quantity_decimals: u8,
    /// The worst price that the order accepts, as a price of the order's outcome. A market order has a limit as well.
    pub(crate) limit: u64,
    pub(crate) stop: Option<u64>,
    pub(crate) quantity: u64,
    /// Whether the order trades the outcome `NO`. The prices in the book are those of `YES`, so a price of such an
    /// order is one minus the price in the book.
    pub(crate) is_inverted: bool,
    pub(crate) base: Asset,
    pub(crate) quote: Asset,
    /// The expected cost or proceeds of a market order; zero for other orders.
    pub(crate) spend: Amount,
}

impl Terms {
    pub(crate) const fn own_price(&self, price: u64) -> u64 {
        if self.is_inverted { power(self.price_decimals).saturating_sub(price) } else { price }
    }

    pub(crate) const fn book_side(&self, side: OrderSide) -> Side {
        match (side, self.is_inverted) {
            (OrderSide::Buy, false) | (OrderSide::Sell, true) => Side::Bid,
            (OrderSide::Sell, false) | (OrderSide::Buy, true) => Side::Ask,
        }
    }

    pub(crate) const fn book_limit(&self) -> u64 {
        self.own_price(self.limit)
    }

    /// Converts a product of price and quantity, in units of the instrument, into an amount. `None` if it does not
    /// fit.
    pub(crate) fn notional(&self, product: u128) -> Option<Amount> {
        amount::of_product(product, self.price_decimals + self.quantity_decimals)
    }

    pub(crate) const fn quantity_amount(&self, quantity: u64) -> Amount {
        amount::of_units(quantity, self.quantity_decimals)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ClientOrder {
    id: u64,
    origin: Origin,
    request: NewOrder,
    /// The venue's time when the order arrived, in ns.
    placed_at: i64,
    /// `None` if the order was rejected.
    terms: Option<Terms>,
    state: OrderState,
    reason: Option<&'static str>,
    progress: Progress,
    fills: Vec<LedgerFill>,
    /// `None` unless the order rests in the book.
    resting: Option<OrderId>,
    hold: Amount,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    /// The quantity, in units of the last decimal of the instrument's quantities.
    executed: u64,
    /// The sum of price times quantity over all executions. Both factors are integers, in units of the instrument's
    /// last decimals.
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

    pub(crate) const fn placed_at(&self) -> i64 {
        self.placed_at
    }

    pub(crate) const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    pub(crate) const fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) const fn resting(&self) -> Option<OrderId> {
        self.resting
    }

    pub(crate) const fn is_resting(&self) -> bool {
        self.resting.is_some()
    }

    pub(crate) const fn state(&self) -> OrderState {
        self.state
    }

    pub(crate) const fn is_final(&self) -> bool {
        self.state.is_final()
    }

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

    pub(crate) const fn rest(&mut self, resting: OrderId) {
        (self.resting, self.state) = (Some(resting), OrderState::Open);
    }

    /// Stores the id that a restored order has in the book. The state of the order stays the same.
    pub(crate) const fn rest_again(&mut self, resting: OrderId) {
        self.resting = Some(resting);
    }

    pub(crate) const fn leave_book(&mut self) -> Option<OrderId> {
        self.resting.take()
    }

    pub(crate) const fn cancel(&mut self, reason: Option<&'static str>) {
        (self.state, self.reason) = (OrderState::Canceled, reason);
    }

    pub(crate) const fn set_state(&mut self, state: OrderState, reason: Option<&'static str>) {
        (self.state, self.reason) = (state, reason);
    }

    /// Adds a fill to the order, and updates the executed quantity and the state of the order. `quantity` and
    /// `product` (price times quantity) are those of the fill, in units of the instrument. Returns true if the whole
    /// order is now executed.
    pub(crate) fn execute(&mut self, fill: LedgerFill, quantity: u64, product: u128) -> bool {
        self.progress.executed += quantity;
        self.progress.product += product;
        self.fills.push(fill);
        let is_last = self.terms.as_ref().is_some_and(|terms| self.progress.executed == terms.quantity);
        self.state = if is_last { OrderState::Filled } else { OrderState::PartiallyFilled };
        is_last
    }

    /// Recalculates the amount to set aside for the order. Returns the new amount minus the former one.
    /// `basis_points` is the fee of makers or of takers, whichever is higher.
    pub(crate) fn update_hold(&mut self, basis_points: u32) -> Amount {
        let needed = self.required_hold(basis_points).unwrap_or(0);
        needed - std::mem::replace(&mut self.hold, needed)
    }

    /// Returns the amount to set aside for the remaining quantity. `None` for an ended order, and for a market order,
    /// which ends at once.
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

    pub(crate) fn held_asset(&self) -> Option<&Asset> {
        let terms = self.terms.as_ref()?;
        Some(match self.request.side {
            OrderSide::Sell => &terms.base,
            OrderSide::Buy => &terms.quote,
        })
    }

    /// Returns the executed and the remaining quantity, and the average price, of the order at the time of
    /// `progress`. The average price is rounded down to the decimals of the price. It is `None` if nothing was
    /// executed.
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

#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    pub(crate) executed: Decimal,
    pub(crate) left: Decimal,
    pub(crate) average: Option<Decimal>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderEvent {
    pub(crate) order: u64,
    /// The id of the event, unique among all events. The ids directly before and after it also belong to this event:
    /// order events v1 use them for `cancel_command_id` and for the object `closed`.
    pub(crate) event_id: u64,
    /// The venue's time in ns.
    pub(crate) time: i64,
    pub(crate) kind: EventKind,
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
    /// The order was cancelled. `reason` is `None` if the owner or the end of the session cancelled the order.
    Canceled {
        reason: Option<&'static str>,
    },
    Rejected {
        reason: &'static str,
    },
    /// A request to cancel the order arrived after the order had ended.
    CancelRejected {
        reason: &'static str,
    },
}
