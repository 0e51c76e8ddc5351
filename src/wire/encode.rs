//! Writes requests to the [current API](crate::protocol::streams#requests-and-responses) and to
//! [market data v2](crate::protocol::market_data_v2#subscribing), and payloads of REST, as text.

use alloc::string::String;
use core::fmt::{self, Display, Write};

use crate::request::new_order::{NewOrder, Terms};
use crate::request::quote::NewQuote;
use crate::request::stream::Stream;
use crate::request::{MarketDataRequest, Request};

pub(crate) fn request(id: u64, request: &Request) -> String {
    let mut text = String::with_capacity(room(request));
    text.push_str("{\"id\":");
    append(&mut text, id);
    rest(text, request)
}

/// Estimates the length of a request's text in bytes, so that one allocation suffices.
fn room(request: &Request) -> usize {
    let (base, rest) = match request {
        Request::Subscribe(of) | Request::Unsubscribe(of) => (64, of.len().saturating_mul(32)),
        // All members, without the values of the symbol and the client order id, have at most 266 bytes.
        Request::PlaceOrder(order) => {
            (272, order.symbol().as_str().len().saturating_add(order.client_order_id().as_str().len()))
        }
        Request::Raw(raw) => {
            (64, raw.method.len().saturating_add(raw.params.as_ref().map_or(0, String::len)))
        }
        _ => (192, 0),
    };
    rest.saturating_add(base)
}

pub(crate) fn request_with_text_id(id: &str, request: &Request) -> String {
    let mut text = String::from("{\"id\":");
    quote(&mut text, id);
    rest(text, request)
}

fn rest(mut text: String, request: &Request) -> String {
    text.push_str(",\"method\":");
    quote(&mut text, request.method());
    params(&mut text, request);
    text.push('}');
    text
}

fn params(text: &mut String, request: &Request) {
    match request {
        Request::Ping
        | Request::Time
        | Request::ConnectionInfo
        | Request::ListSubscriptions
        | Request::CancelAllOrders
        | Request::CancelSessionOrders => {}
        Request::Subscribe(of) | Request::Unsubscribe(of) => {
            // The parameters are an array of names, because the venue refuses an object.
            text.push_str(",\"params\":[");
            for (index, stream) in of.iter().enumerate() {
                // Names of streams have no character to escape: see `Symbol`.
                text.push_str(if index == 0 { "\"" } else { ",\"" });
                append(text, stream);
                text.push('"');
            }
            text.push(']');
        }
        Request::Depth { symbol, limit } => {
            let mut object = Object::new(text);
            object.plain("symbol", symbol.canonical());
            if let Some(limit) = limit {
                object.bare("limit", (*limit).clamp(1, 5_000));
            }
            object.end();
        }
        Request::PlaceOrder(order) => place_order(text, order),
        Request::CancelOrder { order_id } => {
            let mut object = Object::new(text);
            object.plain("orderId", order_id);
            object.end();
        }
        Request::SubmitQuote(quote) => submit_quote(text, quote),
        Request::WithdrawQuote { rfq_id, quote_id } => {
            let mut object = Object::new(text);
            object.text("rfqId", rfq_id.as_str());
            object.text("quoteId", quote_id.as_str());
            object.end();
        }
        Request::ConfirmQuote { rfq_id, quote_id, confirm } => {
            let mut object = Object::new(text);
            object.text("rfqId", rfq_id.as_str());
            object.text("quoteId", quote_id.as_str());
            object.bare("confirm", confirm);
            object.end();
        }
        Request::Raw(raw) => {
            if let Some(params) = &raw.params {
                text.push_str(",\"params\":");
                text.push_str(params);
            }
        }
    }
}

/// Writes the parameters of [`order.place`](crate::protocol::streams#placing-and-cancelling).
fn place_order(text: &mut String, order: &NewOrder) {
    let (terms, time_in_force, outcome) = order.parts();
    let mut object = Object::new(text);
    object.plain("symbol", order.symbol().canonical());
    object.plain("side", order.side());
    object.plain("type", if matches!(terms, Terms::Market) { "MARKET" } else { "LIMIT" });
    object.plain("timeInForce", time_in_force);
    match terms {
        Terms::Market => {}
        Terms::Limit { price } => object.plain("price", price),
        Terms::StopLimit { stop_price, price } => {
            object.plain("price", price);
            object.plain("stopPrice", stop_price);
        }
    }
    object.plain("quantity", order.quantity());
    if let Some(outcome) = outcome {
        object.plain("eventOutcome", outcome);
    }
    object.text("clientOrderId", order.client_order_id().as_str());
    object.end();
}

/// Writes the parameters of [`rfq.submit_quote`](crate::protocol::streams#quote-methods).
fn submit_quote(text: &mut String, quote: &NewQuote) {
    let mut object = Object::new(text);
    object.text("rfqId", quote.rfq_id.as_str());
    object.plain("price", quote.price);
    object.plain("quantity", quote.quantity);
    if let Some(time) = quote.valid_until {
        object.bare("validUntil", time.as_millis());
    }
    if let Some(id) = &quote.client_id {
        object.text("clientId", id.as_str());
    }
    object.end();
}

/// Writes a `subscribe` or `unsubscribe` of market data v2, with symbols in upper case, because the venue refuses
/// lower case. Leaves out streams without a feed.
pub(crate) fn market_data_v2(kind: &str, streams: &[Stream]) -> String {
    let mut text = String::new();
    append(&mut text, format_args!("{{\"type\":\"{kind}\",\"subscriptions\":["));
    let mut written: Option<&str> = None;
    for stream in streams {
        let (Some(feed), Some(symbol)) = (stream.feed(), stream.symbol()) else { continue };
        if written == Some(feed) {
            text.push(',');
        } else {
            if written.is_some() {
                text.push_str("]},");
            }
            append(&mut text, format_args!("{{\"name\":\"{feed}\",\"symbols\":["));
        }
        text.push('"');
        text.extend(symbol.as_str().chars().map(|character| character.to_ascii_uppercase()));
        text.push('"');
        written = Some(feed);
    }
    text.push_str(if written.is_some() { "]}]}" } else { "]}" });
    text
}

/// Writes the payload of a question to [REST](crate::protocol::rest#requests). `nonce` is `None` if an access token
/// authenticates the question instead of an API key.
#[cfg(feature = "auth")]
pub(crate) fn rest_payload(
    path: &str,
    nonce: Option<u64>,
    order_id: Option<u64>,
    client_order_id: Option<&str>,
) -> String {
    let mut text = String::from("{\"request\":");
    quote(&mut text, path);
    if let Some(nonce) = nonce {
        append(&mut text, format_args!(",\"nonce\":{nonce}"));
    }
    if let Some(id) = order_id {
        append(&mut text, format_args!(",\"order_id\":{id}"));
    }
    if let Some(id) = client_order_id {
        text.push_str(",\"client_order_id\":");
        quote(&mut text, id);
    }
    text.push('}');
    text
}

struct Object<'t> {
    text: &'t mut String,
    empty: bool,
}

impl<'t> Object<'t> {
    fn new(text: &'t mut String) -> Object<'t> {
        text.push_str(",\"params\":{");
        Object { text, empty: true }
    }

    fn name(&mut self, name: &str) {
        self.text.push_str(if self.empty { "\"" } else { ",\"" });
        self.text.push_str(name);
        self.text.push_str("\":");
        self.empty = false;
    }

    fn bare(&mut self, name: &str, value: impl Display) {
        self.name(name);
        append(self.text, value);
    }

    /// Writes a member whose value is a text without characters to escape.
    fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.text.push('"');
        append(self.text, value);
        self.text.push('"');
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(self.text, value);
    }

    fn end(self) {
        self.text.push('}');
    }
}

fn quote(text: &mut String, content: &str) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' | '\\' => append(text, format_args!("\\{character}")),
            '\0'..='\u{1f}' => append(text, format_args!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
}

fn append(text: &mut String, value: impl Display) {
    // Writing to a `String` cannot fail.
    let _: fmt::Result = write!(text, "{value}");
}

impl Request {
    /// Encodes this request as JSON text. The reply has the same id.
    pub fn encode(&self, id: u64) -> String {
        request(id, self)
    }

    /// Encodes this request with a text as its id. The reply has the same text as its id.
    pub fn encode_with_text_id(&self, id: &str) -> String {
        request_with_text_id(id, self)
    }
}

impl MarketDataRequest {
    /// Encodes this request as JSON text, with symbols in upper case. Leaves out streams without a
    /// [feed](Stream::feed).
    pub fn encode(&self) -> String {
        match self {
            MarketDataRequest::Subscribe(streams) => market_data_v2("subscribe", streams),
            MarketDataRequest::Unsubscribe(streams) => market_data_v2("unsubscribe", streams),
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/wire_encode.rs"]
mod tests;
