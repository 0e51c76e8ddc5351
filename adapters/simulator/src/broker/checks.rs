//! Checks of new orders and of restored orders.

use gemini_ws::Decimal;

use super::{Broker, MARKET_NOT_OPEN, OPEN_ORDERS_MAX};
use crate::account::Account;
use crate::account::holdings::Asset;
use crate::account::order::{ClientOrder, Terms};
use crate::context::faults::Faults;
use crate::frame::order_entry::{CLIENT_ID_MAX, is_client_id};
use crate::market::Market;
use crate::market::client_orders::Ticket;
use crate::model::engine::Remainder;
use crate::value::amount::{self, units};
use crate::value::instrument::{Instrument, is_perpetual, is_prediction};
use crate::value::order::{NewOrder, OrderSide, OrderType, Outcome};

impl Broker {
    pub(super) fn check(
        &self,
        market: Option<&Market>,
        faults: &Faults,
        account: usize,
        request: &NewOrder,
    ) -> Result<Terms, &'static str> {
        // An exchange that plays a recording has no market, because nothing can trade with a recorded book.
        let market = market.ok_or(MARKET_NOT_OPEN)?;
        let position = market.position(request.symbol).ok_or("UnknownInstrument")?;
        if is_perpetual(request.symbol) {
            return Err("InsufficientFunds");
        }
        let [base, quote] = Asset::pair(request.symbol, request.outcome).ok_or("UnknownInstrument")?;
        if faults.is_closed(request.symbol) {
            return Err(MARKET_NOT_OPEN);
        }
        let owner = self.accounts.get(account).ok_or("InsufficientFunds")?;
        if is_prediction(request.symbol) && !owner.has_accepted_terms() {
            return Err("TERMS_NOT_ACCEPTED");
        }
        let instrument = market.instrument(position);
        let (limit, stop, quantity) = admitted(instrument, request)?;
        let mut terms = Terms {
            position,
            price_decimals: instrument.price_decimals,
            quantity_decimals: instrument.quantity_decimals,
            limit,
            stop,
            quantity,
            is_inverted: request.outcome == Some(Outcome::No),
            base,
            quote,
            spend: 0,
        };
        if let Some(client_order_id) = &request.client_order_id
            && self.client_order_ids.contains_key(&(account, client_order_id.clone()))
        {
            return Err("DuplicateOrder");
        }
        if self.open_orders(account).nth(OPEN_ORDERS_MAX - 1).is_some() {
            return Err("TooManyOpenOrders");
        }
        if request.order_type == OrderType::Market {
            terms.spend = spend(market, account, request.side, &terms)?;
        }
        self.check_funds(account, request, &terms)?;
        Ok(terms)
    }

    /// Checks that an open order of a saved state respects the limits of its account and of its market, and that
    /// `terms` agrees with the request of the order.
    pub(super) fn check_restored(
        &self,
        instrument: &Instrument,
        order: &ClientOrder,
        terms: &Terms,
    ) -> Result<(), String> {
        let (request, account) = (order.request(), order.origin().account);
        if self.open_orders(account).nth(OPEN_ORDERS_MAX - 1).is_some() {
            let key = self.accounts.get(account).map_or("", Account::key);
            return Err(format!(
                "account {key} has more than {OPEN_ORDERS_MAX} open orders; remove some of them from the state"
            ));
        }
        if request.client_order_id.as_deref().is_some_and(|id| !is_client_id(id)) {
            return Err(format!(
                "its client order id is not 1 to {CLIENT_ID_MAX} printable ASCII characters"
            ));
        }
        if [terms.price_decimals, terms.quantity_decimals]
            != [instrument.price_decimals, instrument.quantity_decimals]
        {
            return Err("its decimals are not those of its market".to_owned());
        }
        match admitted(instrument, request) {
            Ok(admitted) if admitted == (terms.limit, terms.stop, terms.quantity) => Ok(()),
            Ok(_) => Err("its terms contradict its price, stop price or quantity".to_owned()),
            Err(reason) => Err(format!(
                "its market does not admit it: {reason}; correct the order or remove it from the state"
            )),
        }
    }

    fn check_funds(&self, account: usize, request: &NewOrder, terms: &Terms) -> Result<(), &'static str> {
        let (asset, needed) = match (request.side, request.order_type) {
            (OrderSide::Sell, _) => (&terms.base, terms.quantity_amount(terms.quantity)),
            (OrderSide::Buy, OrderType::Market) => (&terms.quote, terms.spend),
            (OrderSide::Buy, _) => {
                let product = u128::from(terms.limit) * u128::from(terms.quantity);
                (&terms.quote, terms.notional(product).unwrap_or(amount::Amount::MAX))
            }
        };
        let fee = match request.side {
            OrderSide::Buy => amount::largest_fee(needed, self.maker_fee.max(self.taker_fee)),
            OrderSide::Sell => 0,
        };
        let available = self.holdings.get(account).map_or(0, |holdings| holdings.available(asset));
        if available >= needed.saturating_add(fee) { Ok(()) } else { Err("InsufficientFunds") }
    }
}

/// Returns the limit price, the stop price and the quantity of an order as integers, or the reason why the market
/// does not admit them.
fn admitted(instrument: &Instrument, request: &NewOrder) -> Result<(u64, Option<u64>, u64), &'static str> {
    let limit = limit(instrument, request)?;
    let quantity = units(request.quantity, instrument.quantity_decimals);
    let quantity = quantity.filter(|quantity| *quantity <= amount::QUANTITY_MAX).ok_or("InvalidQuantity")?;
    let product = u128::from(limit) * u128::from(quantity);
    let notional = amount::of_product(product, instrument.price_decimals + instrument.quantity_decimals);
    if notional.is_none_or(|notional| notional > amount::NOTIONAL_MAX) {
        return Err("InvalidQuantity");
    }
    let stop = request.stop_price.map(|price| stop(instrument, request.side, price, limit)).transpose()?;
    Ok((limit, stop, quantity))
}

/// Returns the worst price that the order accepts, or the reason for which the market does not admit the limit price.
/// A market order buys up to four times the initial price of the instrument, and sells down to a quarter of it. In a
/// prediction market, it accepts all prices.
fn limit(instrument: &Instrument, request: &NewOrder) -> Result<u64, &'static str> {
    let Some(price) = request.price else {
        return Ok(match request.side {
            OrderSide::Buy => instrument.price_limit,
            OrderSide::Sell if is_prediction(request.symbol) => instrument.tick,
            OrderSide::Sell => (instrument.price / 4).max(instrument.tick),
        });
    };
    if price <= Decimal::ZERO {
        return Err("InvalidPrice");
    }
    if price.normalized().scale() > instrument.price_decimals {
        return Err("LimitPriceOffTick");
    }
    let most = if is_prediction(request.symbol) { instrument.price_limit } else { instrument.absurd_price() };
    let price = units(price, instrument.price_decimals).filter(|price| *price <= most);
    let price = price.ok_or("InvalidPrice")?;
    if price.is_multiple_of(instrument.tick) { Ok(price) } else { Err("LimitPriceOffTick") }
}

/// Returns the stop price as an integer, or the reason for which the market does not admit it. The stop price of a
/// buy order must not be above the limit price, and that of a sell order must not be below the limit price.
fn stop(instrument: &Instrument, side: OrderSide, stop: Decimal, limit: u64) -> Result<u64, &'static str> {
    let stop = units(stop, instrument.price_decimals).ok_or("InvalidStopPrice")?;
    let is_good = match side {
        OrderSide::Buy => stop <= limit,
        OrderSide::Sell => stop >= limit,
    };
    if is_good && stop.is_multiple_of(instrument.tick) { Ok(stop) } else { Err("InvalidStopPrice") }
}

/// Returns what a market order would pay or receive if it were executed now, or the reason for which the broker
/// rejects the order.
fn spend(
    market: &Market,
    account: usize,
    side: OrderSide,
    terms: &Terms,
) -> Result<amount::Amount, &'static str> {
    let ticket = Ticket {
        position: terms.position,
        owner: Some(account),
        side: terms.book_side(side),
        limit: terms.book_limit(),
        quantity: terms.quantity,
        remainder: Remainder::IsCanceled,
    };
    // Unlike `matches`, this check counts the orders of the same account.
    let best = market.best(terms.position, ticket.side.opposite());
    if !best.is_some_and(|(price, _)| ticket.side.reaches(ticket.limit, price)) {
        return Err("InsufficientLiquidity");
    }
    let matches = market.matches(&ticket);
    let products =
        matches.iter().map(|(price, quantity)| u128::from(terms.own_price(*price)) * u128::from(*quantity));
    terms.notional(products.sum()).ok_or("InvalidQuantity")
}
