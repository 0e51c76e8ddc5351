//! Answers to requests to the REST API.

use std::time::Duration;

use gemini_ws::Instant;
use serde_json::{Map, Value};

use super::Exchange;
use crate::account::Account;
use crate::account::holdings::Holdings;
use crate::frame::rest::{self, OrderName, RestMethod, RestRefusal, RestRequest, RestResponse};

impl Exchange {
    /// Answers a request to the REST API.
    ///
    /// The exchange answers `POST /v1/order/status`, `POST /v1/orders` and `POST /v1/balances`. Requests are signed
    /// as on the venue, with three headers. `X-GEMINI-APIKEY` is the key. `X-GEMINI-PAYLOAD` is the base64 text of a
    /// JSON object, which contains the path as `request`, a `nonce` and the arguments. `X-GEMINI-SIGNATURE` is the
    /// HMAC-SHA384 of the base64 text in lower-case hexadecimal digits. A key has one sequence of nonces for REST and
    /// for upgrades. A bearer token replaces the key, the signature and the nonce.
    ///
    /// A request to `/v1/order/status` has an `order_id` or a `client_order_id`. The answer to an `order_id` is an
    /// object. The answer to a `client_order_id` is an array of the orders with this id, the oldest first. If there
    /// are more than [`SAME_NAME_MAX`](crate::SAME_NAME_MAX), the array has only the newest. The argument
    /// `include_trades` adds the trades.
    ///
    /// The answer describes the accounts at `now`. The caller has to hold the answer back for
    /// [`RestResponse::delay`].
    ///
    /// ```
    /// use gemini_ws::Instant;
    /// use gemini_ws_simulator::{Account, Config, Exchange, RestRequest};
    ///
    /// let account = Account::new("account-key", "secret").bearer_token("token");
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]).account(account), 7);
    /// // {"request":"/v1/orders"}
    /// let payload = "eyJyZXF1ZXN0IjoiL3YxL29yZGVycyJ9";
    /// let headers = [("Authorization", "Bearer token"), ("X-GEMINI-PAYLOAD", payload)];
    /// let request = RestRequest { method: "POST", target: "/v1/orders", headers: &headers };
    /// let response = exchange.handle_rest(Instant::ZERO, &request);
    /// assert_eq!((response.status, response.body.as_str()), (200, "[]"));
    /// ```
    pub fn handle_rest(&mut self, now: Instant, request: &RestRequest<'_>) -> RestResponse {
        self.advance(now);
        let answer = self.answer_rest(request);
        let mut response = answer.map_or_else(RestRefusal::response, |body| RestResponse {
            status: 200,
            body: body.to_string(),
            delay: Duration::ZERO,
        });
        response.delay = self.faults.rest_delay();
        response
    }

    fn answer_rest(&mut self, request: &RestRequest<'_>) -> Result<Value, RestRefusal> {
        let method = RestMethod::of_path(request.path()).filter(|_| request.method == "POST");
        let method = method.ok_or_else(|| RestRefusal::new(404, "EndpointNotFound"))?;
        if self.faults.rest_fails() {
            return Err(RestRefusal::new(503, "Maintenance"));
        }
        let venue_time = self.venue_time();
        let (account, arguments) =
            self.keys.authenticate_rest(self.broker.accounts(), request, venue_time)?;
        // Assumed: auditors see only open orders and balances.
        let has_role = match method {
            RestMethod::OrderStatus => Account::may_trade,
            RestMethod::OpenOrders | RestMethod::Balances => Account::may_read,
        };
        if !self.broker.account(account).is_some_and(has_role) {
            return Err(RestRefusal::new(403, "MissingRole"));
        }
        match method {
            RestMethod::OrderStatus => self.order_status(account, &arguments),
            RestMethod::OpenOrders => {
                Ok(self.broker.open_orders(account).map(|order| rest::order(order, false)).collect())
            }
            RestMethod::Balances => {
                let balances = self.broker.holdings(account).map(Holdings::balances);
                Ok(rest::balances(&balances.unwrap_or_default()))
            }
        }
    }

    fn order_status(&self, account: usize, arguments: &Map<String, Value>) -> Result<Value, RestRefusal> {
        let not_found = || RestRefusal::new(404, "OrderNotFound");
        let (name, with_trades) = rest::order_name(arguments)?;
        match name {
            OrderName::Id(id) => {
                let order = self.broker.order(id).filter(|order| order.origin().account == account);
                order.map(|order| rest::order(order, with_trades)).ok_or_else(not_found)
            }
            OrderName::Client(name) => {
                let same = self.broker.orders_named(account, &name).into_iter();
                let orders: Vec<Value> = same.map(|order| rest::order(order, with_trades)).collect();
                if orders.is_empty() { Err(not_found()) } else { Ok(Value::Array(orders)) }
            }
        }
    }
}
