//! Reading the requests of clients.

use gemini_ws::Stream;
use serde_json::{Map, Value};

use crate::frame::order_entry::{OrderMethod, OrderRequest};
use crate::frame::quote_entry::{QuoteMethod, QuoteRequest};
use crate::frame::refusal::Refusal;

/// The maximum number of streams in one request to the current API. If a request names more, the exchange closes the
/// connection with the code 1009.
pub const STREAMS_MAX: usize = 100;

/// The maximum length of a request in bytes. After a longer request, the exchange closes the connection with
/// [`TOO_LARGE`].
pub(crate) const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The maximum number of values in a request, counted as the number of bytes `,`, `[` and `{`. After a request with
/// more values, the exchange closes the connection, because many small values take long to read.
const VALUES_MAX: usize = 1 << 14;

/// The code "Message too big" of RFC 6455, with which the venue answers too many streams.
pub(crate) const TOO_LARGE: u16 = 1009;

/// A well-formed request. Its streams and symbols have not been looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// The id in JSON. The reply repeats it.
    pub(crate) id: String,
    pub(crate) method: Method,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Method {
    Ping,
    Time,
    ConnectionInfo,
    ListSubscriptions,
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    Depth { symbol: String, limit: usize },
    Order(OrderRequest),
    Quote(QuoteRequest),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ParseError {
    /// The exchange replies with `refusal`. `id` is the id of the request, as JSON.
    Refused { id: String, refusal: Refusal },
    /// The exchange closes the connection.
    TooLarge,
}

pub(crate) fn acknowledgement(id: &str) -> String {
    format!(r#"{{"id":{id},"status":200}}"#)
}

pub(crate) fn result(id: &str, result: &str) -> String {
    format!(r#"{{"id":{id},"status":200,"result":{result}}}"#)
}

pub(crate) fn is_too_large(text: &str) -> bool {
    let values = || text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    text.len() > REQUEST_BYTES_MAX || values() > VALUES_MAX
}

/// Reads one request. A request without a usable id is refused with the id `null`.
pub(crate) fn parse(text: &str) -> Result<Request, ParseError> {
    if is_too_large(text) {
        return Err(ParseError::TooLarge);
    }
    let refused = |id: &str, refusal| ParseError::Refused { id: id.to_owned(), refusal };
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err(refused("null", Refusal::invalid_parameters()));
    };
    let id = match members.get("id") {
        Some(id @ Value::String(_)) => id.to_string(),
        Some(Value::Number(id)) if id.is_i64() || id.is_u64() => id.to_string(),
        _ => return Err(refused("null", Refusal::invalid_parameters())),
    };
    let Some(Value::String(name)) = members.get("method") else {
        return Err(refused(&id, Refusal::invalid_parameters()));
    };
    match method(name, members.get("params")) {
        Ok(Method::Subscribe(streams) | Method::Unsubscribe(streams)) if streams.len() > STREAMS_MAX => {
            Err(ParseError::TooLarge)
        }
        Ok(method) => Ok(Request { id, method }),
        Err(refusal) => Err(refused(&id, refusal)),
    }
}

fn method(name: &str, parameters: Option<&Value>) -> Result<Method, Refusal> {
    Ok(match name {
        "ping" => without_parameters(parameters, Method::Ping)?,
        "time" => without_parameters(parameters, Method::Time)?,
        "conninfo" => without_parameters(parameters, Method::ConnectionInfo)?,
        "list_subscriptions" | "LIST_SUBSCRIPTIONS" => {
            without_parameters(parameters, Method::ListSubscriptions)?
        }
        "subscribe" | "SUBSCRIBE" => Method::Subscribe(stream_names(parameters)?),
        "unsubscribe" | "UNSUBSCRIBE" => Method::Unsubscribe(stream_names(parameters)?),
        "depth" => depth(parameters)?,
        "order.place" => order(OrderMethod::Place, parameters),
        "order.cancel" => order(OrderMethod::Cancel, parameters),
        "order.cancel_all" => order(OrderMethod::CancelAll, parameters),
        "order.cancel_session" => order(OrderMethod::CancelSession, parameters),
        "rfq.submit_quote" => quote(QuoteMethod::Submit, parameters),
        "rfq.withdraw_quote" => quote(QuoteMethod::Withdraw, parameters),
        "rfq.confirm_quote" => quote(QuoteMethod::Confirm, parameters),
        _ => return Err(Refusal::unsupported()),
    })
}

fn order(method: OrderMethod, parameters: Option<&Value>) -> Method {
    Method::Order(OrderRequest { method, parameters: parameters.cloned() })
}

fn quote(method: QuoteMethod, parameters: Option<&Value>) -> Method {
    Method::Quote(QuoteRequest { method, parameters: parameters.cloned() })
}

pub(crate) fn without_parameters<M>(parameters: Option<&Value>, method: M) -> Result<M, Refusal> {
    match parameters {
        None | Some(Value::Null | Value::Object(_)) => Ok(method),
        Some(Value::Array(elements)) if elements.is_empty() => Ok(method),
        _ => Err(Refusal::invalid_parameters()),
    }
}

fn stream_names(parameters: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let Some(Value::Array(elements)) = parameters else { return Err(Refusal::invalid_parameters()) };
    if elements.is_empty() {
        return Err(Refusal::invalid_parameters());
    }
    let names = elements.iter().map(|element| element.as_str().map(str::to_owned));
    names.collect::<Option<Vec<String>>>().ok_or_else(Refusal::invalid_parameters)
}

fn depth(parameters: Option<&Value>) -> Result<Method, Refusal> {
    let read = |members: &Map<String, Value>| {
        let symbol = members.get("symbol")?.as_str()?.to_owned();
        let limit = match members.get("limit") {
            None => 100,
            Some(limit) => limit.as_u64().filter(|limit| (1..=5000).contains(limit))?,
        };
        Some(Method::Depth { symbol, limit: usize::try_from(limit).ok()? })
    };
    parameters.and_then(Value::as_object).and_then(read).ok_or_else(Refusal::invalid_parameters)
}

/// Returns whether a source of books serves this stream on the current API. No source serves `requestForQuote`: the
/// requests for quotes have their own subscribers.
pub(crate) const fn is_public(stream: &Stream) -> bool {
    match stream {
        Stream::BookTicker { .. }
        | Stream::ContractStatus
        | Stream::Depth { .. }
        | Stream::FundingAmount { .. }
        | Stream::MarkPrice { .. }
        | Stream::PartialDepth { .. }
        | Stream::Trade { .. } => true,
        // Candles are a feed of market data v2.
        _ => false,
    }
}

pub(crate) fn is_private(stream: &str) -> bool {
    let stream = stream.strip_suffix("@1s").unwrap_or(stream);
    stream.ends_with("@account") || stream.ends_with("@session")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Method, (&str, i32)>) {
        let read = match parse(text) {
            Ok(request) => Ok(request.method),
            Err(ParseError::Refused { id, refusal }) => Err((id, refusal.code())),
            Err(ParseError::TooLarge) => Err((String::new(), i32::from(TOO_LARGE))),
        };
        let expected = expected.map_err(|(id, code)| (id.to_owned(), code));
        assert_eq!(read, expected, "{}", &text[..text.len().min(100)]);
    }

    #[test]
    fn requests() {
        let streams = vec!["btcusd@trade".to_owned()];
        check(r#"{"id":1,"method":"ping"}"#, Ok(Method::Ping));
        check(r#"{"id":"a","method":"time","params":{}}"#, Ok(Method::Time));
        check(r#"{"method":"conninfo","id":-7}"#, Ok(Method::ConnectionInfo));
        check(r#"{"id":1,"method":"LIST_SUBSCRIPTIONS"}"#, Ok(Method::ListSubscriptions));
        check(
            r#"{"id":1,"method":"SUBSCRIBE","params":["btcusd@trade"]}"#,
            Ok(Method::Subscribe(streams.clone())),
        );
        check(
            r#"{"id":1,"method":"unsubscribe","params":["btcusd@trade"]}"#,
            Ok(Method::Unsubscribe(streams)),
        );
        let depth = |limit| Ok(Method::Depth { symbol: "btcusd".to_owned(), limit });
        check(r#"{"id":1,"method":"depth","params":{"symbol":"btcusd"}}"#, depth(100));
        check(r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":5000}}"#, depth(5000));
    }

    #[test]
    fn refusals() {
        check("", Err(("null", -1013)));
        check("[]", Err(("null", -1013)));
        check("{\"id\":1", Err(("null", -1013)));
        check(r#"{"method":"ping"}"#, Err(("null", -1013)));
        check(r#"{"id":1.5,"method":"ping"}"#, Err(("null", -1013)));
        check(r#"{"id":"a\"b"}"#, Err((r#""a\"b""#, -1013)));
        check(r#"{"id":1,"method":"Ping"}"#, Err(("1", -1020)));
        check(r#"{"id":1,"method":"ping","params":"x"}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"rfq.accept_quote","params":{}}"#, Err(("1", -1020)));
        check(r#"{"id":1,"method":"subscribe"}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"subscribe","params":[]}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"subscribe","params":[1]}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"subscribe","params":{"streams":["a@trade"]}}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":0}}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":5001}}"#, Err(("1", -1013)));
        check(r#"{"id":1,"method":"depth","params":{}}"#, Err(("1", -1013)));
    }

    #[test]
    fn limits() {
        let subscribe = |count| {
            let names = vec![r#""btcusd@trade""#; count].join(",");
            format!(r#"{{"id":1,"method":"subscribe","params":[{names}]}}"#)
        };
        check(&subscribe(STREAMS_MAX), Ok(Method::Subscribe(vec!["btcusd@trade".to_owned(); STREAMS_MAX])));
        check(&subscribe(STREAMS_MAX + 1), Err(("", 1009)));
        check(&" ".repeat(REQUEST_BYTES_MAX), Err(("null", -1013)));
        check(&" ".repeat(REQUEST_BYTES_MAX + 1), Err(("", 1009)));
        check(&"[".repeat(VALUES_MAX), Err(("null", -1013)));
        for value in ["[", "[],", "{", "1,"] {
            check(&value.repeat(VALUES_MAX + 1), Err(("", 1009)));
        }
    }
}
