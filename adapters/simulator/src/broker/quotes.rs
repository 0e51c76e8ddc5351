//! Execution of accepted quotes against the accounts of their makers.

use gemini_ws::Symbol;

use super::{Broker, Fill};
use crate::account::holdings::Asset;
use crate::account::order::{ClientOrder, Terms};
use crate::context::Context;
use crate::rfq::Deal;
use crate::value::amount;
use crate::value::instrument::power;
use crate::value::order::{NewOrder, OrderSide, OrderType, Outcome, TimeInForce};
use crate::value::quote::{PRICE_DECIMALS, QUANTITY_DECIMALS};

impl Broker {
    /// Executes an accepted quote. Returns false if the maker of the quote cannot pay for it.
    ///
    /// The requester buys the combination, so the maker buys the outcome `NO`, at one minus the price. The maker gets
    /// an order that is filled at once. Its client order id is the client id of the quote, or the id of the quote if
    /// the quote has no client id.
    pub(crate) fn execute_quote(&mut self, cx: &Context<'_>, deal: &Deal<'_>) -> bool {
        let Deal { quote, symbol, contracts } = *deal;
        let Ok(symbol) = symbol.parse::<Symbol>() else { return false };
        let outcome = Some(Outcome::No);
        let Some([base, quote_asset]) = Asset::pair(symbol, outcome) else { return false };
        let price = power(PRICE_DECIMALS).saturating_sub(quote.price());
        let terms = Terms {
            position: usize::MAX,
            price_decimals: PRICE_DECIMALS,
            quantity_decimals: QUANTITY_DECIMALS,
            limit: price,
            stop: None,
            quantity: contracts,
            is_inverted: true,
            base,
            quote: quote_asset,
            spend: 0,
        };
        let Some(notional) = terms.notional(u128::from(price) * u128::from(contracts)) else { return false };
        let needed = notional.saturating_add(amount::fee(notional, self.maker_fee));
        let holdings = self.holdings.get(quote.origin().account);
        if holdings.is_none_or(|holdings| holdings.available(&terms.quote) < needed) {
            return false;
        }
        self.forget_oldest();
        let id = self.take_id();
        let trade_id = self.take_id();
        let request = NewOrder {
            symbol,
            side: OrderSide::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTillCanceled,
            quantity: amount::units_to_decimal(contracts, QUANTITY_DECIMALS),
            price: Some(amount::units_to_decimal(price, PRICE_DECIMALS)),
            stop_price: None,
            client_order_id: Some(quote.client_id().map_or_else(|| quote.id(), str::to_owned)),
            outcome,
        };
        let mut order = ClientOrder::new(id, quote.origin(), request, cx.venue_time());
        order.accept(terms);
        self.keep(order);
        self.fill(cx, id, Fill { price: quote.price(), quantity: contracts, trade_id }, true);
        true
    }
}
