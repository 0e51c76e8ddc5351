//! [`decide`] answers the HTTP request of a client. [`Response`] is the answer to a client that is not upgraded.

use std::borrow::Cow;
use std::time::Duration;

use async_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use async_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_ACCEPT;
use async_tungstenite::tungstenite::http::{HeaderValue, Method, StatusCode, Version};
use gemini_ws::Instant;
use serde_json::json;

use crate::exchange::Exchange;
use crate::frame::rest::{RestMethod, RestRequest, RestResponse};
use crate::frame::upgrade::{UpgradeRefusal, UpgradeRequest, refusal};
use crate::value::id::SessionId;

/// `GET` of this path returns the names of all symbols, as on the venue.
const SYMBOLS_PATH: &str = "/v1/symbols";

/// `POST` to this path plans faults. The venue has no such path.
const FAULTS_PATH: &str = "/simulator/faults";

/// A value of `Sec-WebSocket-Accept` that breaks RFC 6455, because it does not depend on the client's key.
const WRONG_ACCEPT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

const WEBSOCKET_VERSION: &str = "13";

/// An HTTP response with a JSON body. The connection ends after it.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    /// Further header lines; empty if there are none.
    header: Cow<'static, str>,
    body: String,
    /// False in the response to a `HEAD` request.
    has_body: bool,
    delay: Duration,
}

impl Response {
    /// Creates a response whose body has the form of the venue's errors.
    pub(super) fn error(status: u16, reason: &str) -> Response {
        refusal(status, reason).into()
    }

    pub(super) fn busy() -> Response {
        Response { header: "Retry-After: 1\r\n".into(), ..Response::error(503, "TooManyConnections") }
    }

    fn of_json(status: u16, body: String) -> Response {
        Response { status, header: "".into(), body, has_body: true, delay: Duration::ZERO }
    }

    pub(super) const fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) const fn is_refusal(&self) -> bool {
        self.status >= 400
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Response { status, header, body, has_body, .. } = self;
        let phrase = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{header}Connection: close\r\n\r\n{body}",
            phrase.unwrap_or("Refused"),
            body.len(),
            body = if *has_body { body } else { "" },
        )
        .into_bytes()
    }
}

impl From<UpgradeRefusal> for Response {
    fn from(refusal: UpgradeRefusal) -> Response {
        let header = match refusal.retry_after {
            Some(time) => format!("Retry-After: {}\r\n", time.as_secs()).into(),
            None => "".into(),
        };
        Response { header, ..Response::of_json(refusal.status, refusal.body) }
    }
}

impl From<RestResponse> for Response {
    fn from(answer: RestResponse) -> Response {
        Response { delay: answer.delay, ..Response::of_json(answer.status, answer.body) }
    }
}

/// The head of a response that upgrades a client.
#[derive(Debug)]
pub(super) struct Acceptance {
    head: Vec<u8>,
    delay: Duration,
}

impl Acceptance {
    pub(super) const fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) fn into_head(self) -> Vec<u8> {
        self.head
    }
}

/// Answers the HTTP request of a client. Opens a session if the request asks for an upgrade and nothing refuses the
/// upgrade. `has_place` is false if too many clients are upgraded already.
///
/// Returns the response that upgrades the client.
///
/// # Errors
///
/// The response to a client that is not upgraded.
pub(super) fn decide(
    request: &Request,
    body: &[u8],
    exchange: &mut Exchange,
    session: SessionId,
    now: Instant,
    has_place: bool,
) -> Result<Acceptance, Response> {
    let headers = headers_of(request);
    let (method, target) = (request.method(), target_of(request));
    let rest = RestRequest { method: method.as_str(), target, headers: &headers };
    let upgrade = UpgradeRequest { target, headers: &headers };
    let takes_faults = rest.path() == FAULTS_PATH;
    let is_of_symbols = upgrade.plain_path() == SYMBOLS_PATH;
    let endpoint = upgrade.endpoint();
    let is_of_rest = takes_faults || RestMethod::of_path(rest.path()).is_some();
    let response = match *method {
        Method::POST if takes_faults => plan_faults(body, exchange, now),
        // `handle_rest` also refuses unknown paths, with a message for people.
        Method::POST if !is_of_symbols && endpoint.is_err() => exchange.handle_rest(now, &rest).into(),
        Method::GET | Method::HEAD if is_of_symbols => symbols(exchange),
        _ if is_of_rest => not_allowed("Allow: POST\r\n"),
        Method::GET | Method::HEAD => {
            let opened = endpoint.map_err(Response::from);
            match opened.and_then(|_| open(request, &upgrade, exchange, session, now, has_place)) {
                Ok(acceptance) => return Ok(acceptance),
                Err(response) => response,
            }
        }
        _ => match endpoint {
            Err(refusal) if !is_of_symbols => refusal.into(),
            _ => not_allowed("Allow: GET, HEAD\r\n"),
        },
    };
    Err(Response { has_body: *method != Method::HEAD, ..response })
}

fn open(
    request: &Request,
    upgrade: &UpgradeRequest<'_>,
    exchange: &mut Exchange,
    session: SessionId,
    now: Instant,
    has_place: bool,
) -> Result<Acceptance, Response> {
    let version = upgrade.header("sec-websocket-version").unwrap_or(WEBSOCKET_VERSION);
    // HTTP/1.0 has no upgrades.
    let asks = upgrade.header("upgrade").is_some() && request.version() == Version::HTTP_11;
    if !asks || version != WEBSOCKET_VERSION {
        let header = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n".into();
        return Err(Response { header, ..Response::error(426, "UpgradeRequired") });
    }
    let mut response = create_response(request).map_err(|_| Response::error(400, "BadUpgrade"))?;
    if !has_place {
        return Err(Response::busy());
    }
    let delay = exchange.faults().upgrade_delay();
    exchange
        .handle_upgrade(session, now, upgrade)
        .map_err(|refusal| Response { delay, ..Response::from(refusal) })?;
    if exchange.faults().spoils_upgrade() {
        response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(WRONG_ACCEPT));
    }
    let mut head = Vec::new();
    // Writing to a `Vec` does not fail.
    let _ = write_response(&mut head, &response);
    Ok(Acceptance { head, delay })
}

fn not_allowed(header: &'static str) -> Response {
    Response { header: header.into(), ..Response::error(405, "MethodNotAllowed") }
}

fn symbols(exchange: &Exchange) -> Response {
    let names: Vec<String> = exchange.symbols().map(|symbol| format!(r#""{symbol}""#)).collect();
    Response::of_json(200, format!("[{}]", names.join(",")))
}

fn plan_faults(body: &[u8], exchange: &mut Exchange, now: Instant) -> Response {
    let text = match str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let valid = body.iter().take(error.valid_up_to());
            return invalid_fault(1 + valid.filter(|byte| **byte == b'\n').count(), "not UTF-8");
        }
    };
    match exchange.plan_faults(now, text) {
        Ok(count) => Response::of_json(200, json!({"result": "ok", "planned": count}).to_string()),
        Err(refusal) => invalid_fault(refusal.line(), refusal.reason()),
    }
}

fn invalid_fault(line: usize, message: &str) -> Response {
    let body = json!({"result": "error", "reason": "InvalidFault", "line": line, "message": message});
    Response::of_json(400, body.to_string())
}

fn target_of(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", |target| target.as_str())
}

/// Returns the headers whose values are ASCII. The exchange reads no others.
fn headers_of(request: &Request) -> Vec<(&str, &str)> {
    let headers = request.headers().iter();
    headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
}
