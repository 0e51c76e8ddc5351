//! [`RestRequest`], [`RestResponse`]: requests to the venue's REST API and the answers to them.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::account::ledger::{LedgerBalance, LedgerFill};
use crate::account::order::ClientOrder;
use crate::frame::upgrade::value_of;
use crate::value::order::{NewOrder, OrderSide, OrderType, TimeInForce};

/// A request to the REST API. The exchange does not read the body: the arguments are in the header
/// `X-GEMINI-PAYLOAD`.
///
/// ```
/// use gemini_ws::Instant;
/// use gemini_ws_simulator::{Config, Exchange, RestRequest};
///
/// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 7);
/// let request = RestRequest { method: "POST", target: "/v1/balances", headers: &[] };
/// let response = exchange.handle_rest(Instant::ZERO, &request);
/// assert_eq!(response.status, 400);
/// assert!(response.body.contains(r#""reason":"MissingApikeyHeader""#));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RestRequest<'r> {
    /// The HTTP method, for example `POST`.
    pub method: &'r str,
    /// The path. The exchange ignores a query, and a slash at the end.
    pub target: &'r str,
    /// The names of the headers, in any case, and their values.
    pub headers: &'r [(&'r str, &'r str)],
}

/// The answer to a [`RestRequest`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body of the response, which is JSON.
    pub body: String,
    /// How long the caller has to hold back the answer: zero unless a [fault](crate::Faults::delay_rest) delays it.
    pub delay: Duration,
}

impl RestRequest<'_> {
    pub(crate) fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.strip_suffix('/').unwrap_or(path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        value_of(self.headers, name)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RestMethod {
    OrderStatus,
    OpenOrders,
    Balances,
}

impl RestMethod {
    pub(crate) fn of_path(path: &str) -> Option<RestMethod> {
        match path {
            "/v1/order/status" => Some(RestMethod::OrderStatus),
            "/v1/orders" => Some(RestMethod::OpenOrders),
            "/v1/balances" => Some(RestMethod::Balances),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OrderName {
    Id(u64),
    Client(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RestRefusal {
    status: u16,
    reason: &'static str,
    message: &'static str,
}

impl RestRefusal {
    /// Creates a refusal with one of the reasons in [`MESSAGES`].
    pub(crate) fn new(status: u16, reason: &'static str) -> RestRefusal {
        let message = MESSAGES.iter().find(|(known, _)| *known == reason).map_or("", |(_, message)| *message);
        RestRefusal { status, reason, message }
    }

    pub(crate) const fn malformed(message: &'static str) -> RestRefusal {
        RestRefusal { status: 400, reason: "InvalidRequest", message }
    }

    pub(crate) fn response(self) -> RestResponse {
        let RestRefusal { status, reason, message } = self;
        // No reason and no message needs escapes.
        let body = format!(r#"{{"result":"error","reason":"{reason}","message":"{message}"}}"#);
        RestResponse { status, body, delay: Duration::ZERO }
    }
}

/// The reasons of refusals, and for each a message for people.
const MESSAGES: [(&str, &str); 16] = [
    ("AccountScopedKeyRequired", "This API key is not that of an account: those begin with account-"),
    ("AmbiguousAuthentication", "Send either a bearer token or an API key with a signature"),
    ("EndpointMismatch", "The member request of the payload is not the path that the request was sent to"),
    ("EndpointNotFound", "There is no such endpoint"),
    ("InvalidAccessToken", "The access token is unknown"),
    ("InvalidApiKey", "The API key is unknown"),
    ("InvalidJson", "The payload is not a JSON object in base64"),
    (
        "InvalidNonce",
        "The nonce is missing, is not near the time, or has not increased since the last request",
    ),
    ("InvalidSignature", "The signature is not that of the payload"),
    ("Maintenance", "The exchange is down for maintenance"),
    ("MissingApikeyHeader", "The header X-GEMINI-APIKEY is missing"),
    ("MissingOrderField", "The payload has neither order_id nor client_order_id"),
    ("MissingPayloadHeader", "The header X-GEMINI-PAYLOAD is missing"),
    ("MissingRole", "The API key lacks the role that this endpoint needs"),
    ("MissingSignatureHeader", "The header X-GEMINI-SIGNATURE is missing"),
    ("OrderNotFound", "The account has no such order"),
];

/// Reads which order a request is about, and whether it asks for the trades of the order.
pub(crate) fn order_name(arguments: &Map<String, Value>) -> Result<(OrderName, bool), RestRefusal> {
    let with_trades = match arguments.get("include_trades") {
        None => false,
        Some(Value::Bool(wanted)) => *wanted,
        Some(_) => return Err(RestRefusal::malformed("The member include_trades is true or false")),
    };
    let name = match (arguments.get("order_id"), arguments.get("client_order_id")) {
        (Some(_), Some(_)) => {
            return Err(RestRefusal::malformed("Send either order_id or client_order_id"));
        }
        (Some(Value::String(id)), None) if id.starts_with('+') => None,
        (Some(Value::String(id)), None) => id.parse().ok().map(OrderName::Id),
        (Some(id), None) => id.as_u64().map(OrderName::Id),
        (None, Some(Value::String(name))) => Some(OrderName::Client(name.clone())),
        (None, Some(_)) => return Err(RestRefusal::malformed("The member client_order_id is a text")),
        (None, None) => return Err(RestRefusal::new(400, "MissingOrderField")),
    };
    let name = name.ok_or_else(|| RestRefusal::malformed("The member order_id is a whole number"))?;
    Ok((name, with_trades))
}

/// Writes an order as the REST API reports it, with its trades if the request asks for them. A rejected order is
/// reported as cancelled, with a reason: the venue's documents do not say how REST reports it.
pub(crate) fn order(order: &ClientOrder, with_trades: bool) -> Value {
    let (ledger, request) = (order.ledger(), order.request());
    let amounts = order.amounts(order.progress());
    let millis = order.placed_at().div_euclid(1_000_000);
    let id = order.id().to_string();
    let is_cancelled = ledger.state.is_cancelled();
    let mut told = json!({
        "order_id": id,
        "id": id,
        "symbol": request.symbol.as_str().to_ascii_lowercase(),
        "exchange": "gemini",
        "avg_execution_price": amounts.average.map_or_else(|| "0.00".to_owned(), |average| average.to_string()),
        "side": if request.side == OrderSide::Buy { "buy" } else { "sell" },
        "type": type_of(request),
        "timestamp": millis.div_euclid(1_000).to_string(),
        "timestampms": millis,
        "is_live": !ledger.state.is_final(),
        "is_cancelled": is_cancelled,
        "is_hidden": false,
        "was_forced": false,
        "executed_amount": amounts.executed.to_string(),
        "remaining_amount": amounts.left.to_string(),
        "original_amount": request.quantity.to_string(),
        "options": options(request.time_in_force),
    });
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            told[name] = Value::String(value);
        }
    };
    add("client_order_id", request.client_order_id.clone());
    add("price", request.price.map(|price| price.to_string()));
    add("stop_price", request.stop_price.map(|price| price.to_string()));
    add(
        "reason",
        ledger.reason.map(str::to_owned).or_else(|| (is_cancelled).then(|| "Requested".to_owned())),
    );
    if with_trades {
        told["trades"] = ledger.fills.iter().map(|fill| trade(order, fill)).collect();
    }
    told
}

fn trade(order: &ClientOrder, fill: &LedgerFill) -> Value {
    let millis = fill.time.as_millis();
    let currency = order.terms().map_or("", |terms| terms.quote.name());
    json!({
        "price": fill.price.to_string(),
        "amount": fill.quantity.to_string(),
        "timestamp": millis.div_euclid(1_000),
        "timestampms": millis,
        "type": if order.request().side == OrderSide::Buy { "Buy" } else { "Sell" },
        "aggressor": !fill.is_maker,
        "fee_currency": currency,
        "fee_amount": fill.fee.to_string(),
        "tid": fill.trade_id,
        "order_id": order.id().to_string(),
        "exchange": "gemini",
        "is_auction_fill": false,
    })
}

fn type_of(request: &NewOrder) -> &'static str {
    match (request.order_type, request.side) {
        (OrderType::Limit, _) => "exchange limit",
        (OrderType::StopLimit, _) => "exchange stop limit",
        (OrderType::Market, OrderSide::Buy) => "market buy",
        (OrderType::Market, OrderSide::Sell) => "market sell",
    }
}

const fn options(time_in_force: TimeInForce) -> &'static [&'static str] {
    match time_in_force {
        TimeInForce::GoodTillCanceled => &[],
        TimeInForce::ImmediateOrCancel => &["immediate-or-cancel"],
        TimeInForce::FillOrKill => &["fill-or-kill"],
        TimeInForce::MakerOrCancel => &["maker-or-cancel"],
    }
}

pub(crate) fn balances(balances: &[LedgerBalance]) -> Value {
    let row = |balance: &LedgerBalance| {
        let available = balance.available.to_string();
        json!({
            "type": "exchange",
            "currency": balance.asset,
            "amount": balance.total.to_string(),
            "available": available,
            "availableForWithdrawal": available,
        })
    };
    balances.iter().map(row).collect()
}
