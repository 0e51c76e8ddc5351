//! [`StateOrder`], and the conversions between [`ClientOrder`] and [`SavedOrder`].

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::holdings::Asset;
use super::ledger::LedgerFill;
use super::order::{ClientOrder, Terms};
use super::saved::{SavedFill, SavedOrder, SavedTerms};
use crate::value::amount;
use crate::value::id::SessionId;
use crate::value::instrument::power;
use crate::value::order::{NewOrder, OrderState, OrderType, Origin, Outcome, reason_of};

/// The maximum number of decimals of a price and a quantity together, because their product must fit into an
/// [`Amount`](amount::Amount).
const DECIMALS_MAX: u8 = 18;

/// The largest limit price of a restored order, and the largest price and quantity of its fills, in units of the
/// instrument.
const UNITS_MAX: u64 = 1 << 62;

#[derive(Clone, Debug)]
pub(crate) enum StateOrder {
    /// An order that the state shares with the exchange. It becomes a [`SavedOrder`] when the state is written,
    /// compared or restored.
    Shared {
        order: Arc<ClientOrder>,
        key: Arc<str>,
        ends_with_session: bool,
    },
    Read(Box<SavedOrder>),
}

impl StateOrder {
    pub(crate) fn saved(&self) -> Cow<'_, SavedOrder> {
        match self {
            StateOrder::Shared { order, key, ends_with_session } => {
                Cow::Owned(order.saved(key, *ends_with_session))
            }
            StateOrder::Read(saved) => Cow::Borrowed(saved),
        }
    }
}

impl PartialEq for StateOrder {
    fn eq(&self, other: &StateOrder) -> bool {
        self.saved() == other.saved()
    }
}

impl Eq for StateOrder {}

impl Serialize for StateOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.saved().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StateOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StateOrder, D::Error> {
        SavedOrder::deserialize(deserializer).map(|saved| StateOrder::Read(Box::new(saved)))
    }
}

impl ClientOrder {
    /// Converts the order for saving. `key` is the API key of the order's account. `ends_with_session` says whether
    /// the end of the order's session cancels the order.
    pub(crate) fn saved(&self, key: &str, ends_with_session: bool) -> SavedOrder {
        let (request, ledger) = (self.request(), self.ledger());
        SavedOrder {
            order_id: self.id(),
            account: key.to_owned(),
            client_order_id: request.client_order_id.clone(),
            symbol: request.symbol,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            outcome: request.outcome,
            quantity: request.quantity,
            price: request.price,
            stop_price: request.stop_price,
            placed_at: gemini_ws::Timestamp::from_nanos(self.placed_at()),
            state: ledger.state,
            reason: ledger.reason.map(str::to_owned),
            session: self.origin().session.0,
            ends_with_session,
            terms: self.terms().map(saved_terms),
            fills: ledger.fills.iter().map(saved_fill).collect(),
        }
    }

    /// Restores a saved order. `account` is the index of its account, and `market` the index of its market; `None` if
    /// the exchange has no such market. The order is in no book yet.
    pub(crate) fn restored(
        saved: &SavedOrder,
        account: usize,
        market: Option<usize>,
    ) -> Result<ClientOrder, String> {
        // No session has the serial number 0, so the end of a session does not cancel the order.
        let origin = Origin { account, session: SessionId(saved.session), serial: 0 };
        let request = NewOrder {
            symbol: saved.symbol,
            side: saved.side,
            order_type: saved.order_type,
            time_in_force: saved.time_in_force,
            quantity: saved.quantity,
            price: saved.price,
            stop_price: saved.stop_price,
            client_order_id: saved.client_order_id.clone(),
            outcome: saved.outcome,
        };
        let mut order = ClientOrder::new(saved.order_id, origin, request, saved.placed_at.as_nanos());
        if let Some(terms) = &saved.terms {
            let terms = restored_terms(saved, terms, market)?;
            let (price_decimals, quantity_decimals) = (terms.price_decimals, terms.quantity_decimals);
            order.accept(terms);
            for fill in &saved.fills {
                let units =
                    |value, decimals| amount::units(value, decimals).filter(|units| *units <= UNITS_MAX);
                let price = units(fill.price, price_decimals);
                let quantity = units(fill.quantity, quantity_decimals).filter(|some| *some <= order.left());
                let (Some(price), Some(quantity)) = (price, quantity) else {
                    return Err(format!("the fill {} does not fit the order", fill.trade_id));
                };
                order.execute(restored_fill(fill), quantity, u128::from(price) * u128::from(quantity));
            }
        } else if !saved.fills.is_empty() || saved.state != OrderState::Rejected {
            return Err("it has no terms, and was not rejected".to_owned());
        }
        let is_possible = match saved.state {
            OrderState::Rejected => saved.terms.is_none(),
            OrderState::Filled => order.left() == 0,
            OrderState::New => saved.stop_price.is_some() && saved.fills.is_empty(),
            OrderState::PartiallyFilled => order.left() > 0 && !saved.fills.is_empty(),
            OrderState::Open | OrderState::Canceled => order.left() > 0,
        };
        if !is_possible || (!saved.state.is_final() && saved.order_type == OrderType::Market) {
            return Err(format!("it cannot have the state {:?}", saved.state));
        }
        let reason = match &saved.reason {
            None => None,
            Some(name) => Some(reason_of(name).ok_or_else(|| format!("no reason is called {name:?}"))?),
        };
        order.set_state(saved.state, reason);
        Ok(order)
    }
}

fn saved_terms(terms: &Terms) -> SavedTerms {
    SavedTerms {
        is_in_market: terms.position != usize::MAX,
        price_decimals: terms.price_decimals,
        quantity_decimals: terms.quantity_decimals,
        limit: terms.limit,
        stop: terms.stop,
        quantity: terms.quantity,
        spend: terms.spend.to_string(),
    }
}

fn restored_terms(saved: &SavedOrder, terms: &SavedTerms, market: Option<usize>) -> Result<Terms, String> {
    let decimals = terms.price_decimals.checked_add(terms.quantity_decimals);
    if decimals.is_none_or(|decimals| decimals > DECIMALS_MAX) {
        return Err("it has too many decimals".to_owned());
    }
    let is_inverted = saved.outcome == Some(Outcome::No);
    let limit_max = if is_inverted { power(terms.price_decimals) } else { UNITS_MAX };
    let product = u128::from(terms.limit) * u128::from(terms.quantity);
    let notional = amount::of_product(product, terms.price_decimals + terms.quantity_decimals);
    if terms.limit > limit_max
        || !(1..=amount::QUANTITY_MAX).contains(&terms.quantity)
        || notional.is_none_or(|notional| notional > amount::NOTIONAL_MAX)
    {
        return Err("its price or its quantity is too large, or is zero".to_owned());
    }
    let position = match (terms.is_in_market, market) {
        // An order that has ended needs no market.
        (false, _) | (true, None) if saved.state.is_final() => usize::MAX,
        (true, Some(position)) => position,
        _ => return Err(format!("it is open, and there is no market {}; add the market", saved.symbol)),
    };
    let [base, quote] = Asset::pair(saved.symbol, saved.outcome)
        .ok_or_else(|| format!("{} names no known currency, or has no outcome", saved.symbol))?;
    Ok(Terms {
        position,
        price_decimals: terms.price_decimals,
        quantity_decimals: terms.quantity_decimals,
        limit: terms.limit,
        stop: terms.stop,
        quantity: terms.quantity,
        is_inverted,
        base,
        quote,
        spend: terms.spend.parse().map_err(|_| format!("{:?} is no amount", terms.spend))?,
    })
}

const fn saved_fill(fill: &LedgerFill) -> SavedFill {
    let LedgerFill { trade_id, time, price, quantity, fee, is_maker } = *fill;
    SavedFill { trade_id, time, price, quantity, fee, is_maker }
}

const fn restored_fill(fill: &SavedFill) -> LedgerFill {
    let SavedFill { trade_id, time, price, quantity, fee, is_maker } = *fill;
    LedgerFill { trade_id, time, price, quantity, fee, is_maker }
}
