//! [`Order`]: one order, as far as replies and events tell.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::message::{Fill, Liquidity, OrderStatus, OrderUpdate};
use crate::request::new_order::NewOrder;
use crate::value::decimal::Decimal;
use crate::value::id::LinkId;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

/// What an order has come to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum OrderState {
    /// It is on its way; neither answer nor event has come.
    #[default]
    Sent,
    /// The request was taken, which does not yet say that the order exists.
    Acknowledged,
    /// No answer came before the time was over or the link was lost, and no event: whether there is such
    /// an order is not known.
    Unknown,
    /// It passed the checks.
    New,
    /// It rests in the book.
    Open,
    /// A part of it was executed.
    PartiallyFilled,
    /// All of it was executed. Final.
    Filled,
    /// It was cancelled, perhaps after a part of it was executed. Final.
    Canceled,
    /// It was refused. Final.
    Rejected,
    /// It is over; how was not told. Final.
    Closed,
}

impl OrderState {
    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderState::Filled | OrderState::Canceled | OrderState::Rejected | OrderState::Closed)
    }

    /// Whether it was told by events, and not by the way of a request.
    const fn is_from_events(self) -> bool {
        !matches!(self, OrderState::Sent | OrderState::Acknowledged | OrderState::Unknown)
    }
}

/// An order.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Order {
    /// The venue's id, once it is known.
    pub order_id: Option<u64>,
    /// The client's id: what to ask the venue for when no answer came.
    pub client_order_id: Option<Box<str>>,
    /// The instrument.
    pub symbol: Option<Symbol>,
    /// Whether it buys or sells.
    pub direction: Option<Side>,
    /// The limit.
    pub price: Option<Decimal>,
    /// The original quantity.
    pub quantity: Option<Decimal>,
    /// What it has come to.
    pub state: OrderState,
    /// Its fills, each once, in the order in which they came.
    pub fills: Vec<OrderFill>,
    /// Why it was refused or cancelled; none if the user cancelled.
    pub reason: Option<Box<str>>,
    /// The code of the reply that refused it.
    pub refusal_code: Option<i64>,
    /// What the venue said when it last refused to cancel it.
    pub cancel_refusal: Option<Box<str>>,
    /// The time of its newest event.
    pub event_time: Option<Timestamp>,
    /// Whether the link was lost while it was open: events may be missing.
    pub in_doubt: bool,
    /// What its newest event came over.
    pub(crate) link: Option<LinkId>,
    pub(crate) sent: bool,
    pub(crate) answered: bool,
    pub(crate) ended: bool,
    /// Only a reply says that it was refused.
    refused_by_reply: bool,
    /// The venue was asked, and its word stands for what fills do not show.
    pub reconciled: bool,
    /// The executed quantity that the venue reported.
    pub(crate) reported: Option<Decimal>,
    /// The sum of the fills' quantities.
    filled: Decimal,
    value: Value,
    /// A fill came that cannot be told from a repeated one, or whose numbers are not all there.
    unaccountable: bool,
}

/// An execution of an order, accounted once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OrderFill {
    /// The key that tells it from others.
    pub trade_id: u64,
    /// The price.
    pub price: Decimal,
    /// The quantity.
    pub quantity: Decimal,
    /// The fee, as the venue wrote it; in the quote currency where it does not name another.
    pub fee: Option<Box<str>>,
    /// Whether the order rested in the book; `None` if that was not told, or it was in an auction.
    pub is_maker: Option<bool>,
}

impl Order {
    pub(crate) fn new(order_id: Option<u64>, client_order_id: Option<Box<str>>) -> Order {
        Order { order_id, client_order_id, ..Order::default() }
    }

    /// How much of it was executed: the sum of its fills, or what the venue told if that is more.
    pub fn executed(&self) -> Decimal {
        self.told_executed().map_or(self.filled, |told| told.max(self.filled))
    }

    /// What the venue told of all executions together: a figure, or that nothing remains.
    fn told_executed(&self) -> Option<Decimal> {
        match self.state {
            OrderState::Filled => self.reported.max(self.quantity),
            _ => self.reported,
        }
    }

    /// The sum of price times quantity over the fills; `None` if it has more digits than a decimal holds.
    pub fn executed_value(&self) -> Option<Decimal> {
        self.value.to_decimal()
    }

    /// How much more was executed than the fills show, as far as the venue has told: fills were missed.
    pub fn missing_executions(&self) -> Decimal {
        let missing = self.told_executed().and_then(|told| told.checked_sub(self.filled));
        missing.filter(|missing| !missing.is_negative()).unwrap_or(Decimal::ZERO)
    }

    /// Whether more may have happened than was told; [`Orders::to_reconcile`](crate::Orders::to_reconcile).
    pub fn needs_reconciling(&self) -> bool {
        let incomplete = self.unaccountable || !self.missing_executions().is_zero();
        // At its end, fills that add up leave no doubt.
        let in_doubt = self.in_doubt && !self.state.is_final();
        self.state == OrderState::Unknown || in_doubt || (incomplete && !self.reconciled)
    }

    /// What was sent.
    pub(crate) fn fill_in(&mut self, order: &NewOrder) {
        self.sent = true;
        self.symbol.get_or_insert(order.symbol());
        self.direction.get_or_insert(order.side());
        self.quantity.get_or_insert(order.quantity());
        if self.price.is_none() {
            self.price = order.price();
        }
    }

    /// An entry that was made for the request turns out to be this order.
    pub(crate) fn take_over(&mut self, sent: Order) {
        self.client_order_id = sent.client_order_id.or(self.client_order_id.take());
        self.symbol = self.symbol.or(sent.symbol);
        self.direction = self.direction.or(sent.direction);
        self.quantity = self.quantity.or(sent.quantity);
        self.price = self.price.or(sent.price);
        self.sent |= sent.sent;
        self.answered |= sent.answered;
    }

    pub(crate) fn acknowledge(&mut self) {
        if matches!(self.state, OrderState::Sent | OrderState::Unknown) {
            self.state = OrderState::Acknowledged;
        }
    }

    pub(crate) fn lose(&mut self) {
        if matches!(self.state, OrderState::Sent | OrderState::Acknowledged) {
            self.state = OrderState::Unknown;
        }
    }

    /// The request was refused. Events, if there are any, know better.
    pub(crate) fn refuse(&mut self, error: Option<(i64, Box<str>)>) {
        self.refusal_code = error.as_ref().map(|(code, _)| *code);
        if self.reason.is_none() {
            self.reason = error.map(|(_, message)| message);
        }
        if !self.state.is_from_events() {
            self.state = OrderState::Rejected;
            self.refused_by_reply = true;
        }
    }

    /// Takes an event; says whether its fill was counted before.
    pub(crate) fn update(&mut self, update: &OrderUpdate<'_>) -> bool {
        self.order_id = Some(update.order_id);
        if self.client_order_id.is_none() {
            self.client_order_id = update.client_order_id.map(|id| id.to_string().into());
        }
        self.symbol = self.symbol.or_else(|| update.symbol.parse().ok());
        self.direction = self.direction.or(update.side);
        self.price = update.price.or(self.price);
        self.quantity = update.quantity.or(self.quantity);
        if let Some(executed) = update.executed_quantity {
            self.reported = Some(self.reported.map_or(executed, |reported| reported.max(executed)));
        }
        let repeated = update.fill.is_some_and(|fill| !self.account(&fill));
        self.advance(update);
        repeated
    }

    /// Moves the state on, unless the event is older than what is known.
    fn advance(&mut self, update: &OrderUpdate<'_>) {
        let known = self.state.is_final() && !self.refused_by_reply;
        if known || self.event_time.is_some_and(|newest| update.event_time.is_some_and(|time| time < newest))
        {
            return;
        }
        self.event_time = update.event_time.or(self.event_time);
        self.state = match update.status {
            OrderStatus::New => OrderState::New,
            OrderStatus::Open => OrderState::Open,
            OrderStatus::PartiallyFilled => OrderState::PartiallyFilled,
            OrderStatus::Filled => OrderState::Filled,
            OrderStatus::Canceled => OrderState::Canceled,
            OrderStatus::Rejected => OrderState::Rejected,
            OrderStatus::Closed => OrderState::Closed,
            OrderStatus::Initial if update.executed_quantity.is_some_and(|done| !done.is_zero()) => {
                OrderState::PartiallyFilled
            }
            OrderStatus::Initial => OrderState::Open,
            // These say nothing of how far it has come, but that there is such an order.
            OrderStatus::CancelRejected | OrderStatus::Modified | OrderStatus::Other(_) => {
                if self.state.is_from_events() && !self.refused_by_reply {
                    self.state
                } else {
                    OrderState::New
                }
            }
        };
        self.refused_by_reply = false;
        if let Some(reason) = update.reason {
            self.reason = Some(reason.to_string().into());
        }
    }

    /// Counts a fill; says whether it was a new one.
    fn account(&mut self, fill: &Fill<'_>) -> bool {
        let (Some(trade_id), Some(price), Some(quantity)) = (fill.trade_id, fill.price, fill.quantity) else {
            self.unaccountable = true;
            return true;
        };
        if self.fills.iter().any(|known| known.trade_id == trade_id) {
            return false;
        }
        self.value.add(price, quantity);
        match self.filled.checked_add(quantity) {
            Some(filled) => self.filled = filled,
            None => self.unaccountable = true,
        }
        self.fills.push(OrderFill {
            trade_id,
            price,
            quantity,
            fee: fill.fee.map(|fee| fee.as_str().into()),
            is_maker: match fill.liquidity {
                Some(Liquidity::Maker) => Some(true),
                Some(Liquidity::Taker) => Some(false),
                Some(Liquidity::Auction | Liquidity::Other(_)) | None => None,
            },
        });
        true
    }
}

/// A sum of products, in more digits than a [`Decimal`] has; `None` when even these do not suffice.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Value(Option<(i128, u8)>);

impl Default for Value {
    fn default() -> Value {
        Value(Some((0, 0)))
    }
}

impl Value {
    fn add(&mut self, price: Decimal, quantity: Decimal) {
        self.0 = self.0.and_then(|(sum, scale)| {
            let (price, quantity) = (price.normalized(), quantity.normalized());
            let product = i128::from(price.mantissa()).checked_mul(i128::from(quantity.mantissa()))?;
            let product_scale = price.scale().checked_add(quantity.scale())?;
            let common = scale.max(product_scale);
            let sum = sum.checked_mul(10_i128.checked_pow(u32::from(common.checked_sub(scale)?))?)?;
            let shift = 10_i128.checked_pow(u32::from(common.checked_sub(product_scale)?))?;
            Some((sum.checked_add(product.checked_mul(shift)?)?, common))
        });
    }

    fn to_decimal(self) -> Option<Decimal> {
        let (mut sum, mut scale) = self.0?;
        while scale > 0 && sum.checked_rem(10) == Some(0) {
            sum = sum.checked_div(10)?;
            scale = scale.saturating_sub(1);
        }
        Decimal::new(i64::try_from(sum).ok()?, scale)
    }
}
