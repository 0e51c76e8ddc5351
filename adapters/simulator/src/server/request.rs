//! [`Head`]: the head of an HTTP request, by the rules of RFC 9112.

use async_tungstenite::tungstenite::handshake::server::Request;
use async_tungstenite::tungstenite::http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use async_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Method, Uri, Version};
use httparse::Status;

use super::answer::Response;
use super::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};

const HEADERS_MAX: usize = 124;

/// The headers that a request may have only once. Two programs could understand a repetition differently.
const ONCE: [&str; 9] = [
    "host",
    "content-length",
    "expect",
    "sec-websocket-key",
    "sec-websocket-version",
    "authorization",
    "x-gemini-apikey",
    "x-gemini-payload",
    "x-gemini-signature",
];

#[derive(Debug)]
pub(super) struct Head {
    request: Request,
    body_length: usize,
}

impl Head {
    /// Parses the head at the beginning of `bytes`, which must contain the whole head. Returns the length of the
    /// head, and the head.
    ///
    /// # Errors
    ///
    /// The response to a request that is not valid, or too large.
    pub(super) fn parse(bytes: &[u8]) -> Result<(usize, Head), Response> {
        let bad = || Response::error(400, "BadRequest");
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(Status::Complete(length)) if length <= HEAD_BYTES_MAX => length,
            Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Response::error(431, "RequestTooLarge"));
            }
            Err(httparse::Error::Version) if names_version(bytes) => {
                return Err(Response::error(505, "HttpVersionNotSupported"));
            }
            Ok(Status::Partial) | Err(_) => return Err(bad()),
        };
        let mut request = Request::new(());
        *request.version_mut() = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        *request.method_mut() =
            Method::from_bytes(parsed.method.unwrap_or_default().as_bytes()).map_err(|_| bad())?;
        *request.uri_mut() = parsed.path.unwrap_or_default().parse::<Uri>().map_err(|_| bad())?;
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| bad())?;
            // A list may be spread over several lines.
            let value = match request.headers().get(&name) {
                None => HeaderValue::from_bytes(header.value),
                Some(_) if ONCE.contains(&name.as_str()) => return Err(bad()),
                Some(before) => HeaderValue::from_bytes(&[before.as_bytes(), b", ", header.value].concat()),
            };
            request.headers_mut().insert(name, value.map_err(|_| bad())?);
        }
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) {
            return Err(bad());
        }
        let body_length = body_length(&request)?;
        match request.headers().get(EXPECT) {
            Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
                Err(Response::error(417, "ExpectationFailed"))
            }
            _ => Ok((length, Head { request, body_length })),
        }
    }

    pub(super) const fn body_length(&self) -> usize {
        self.body_length
    }

    /// Returns whether the client may wait for the status 100 before it sends the body.
    pub(super) fn expects_to_continue(&self) -> bool {
        self.request.headers().contains_key(EXPECT) && self.request.version() == Version::HTTP_11
    }

    pub(super) fn into_request(self) -> Box<Request> {
        Box::new(self.request)
    }
}

fn names_version(bytes: &[u8]) -> bool {
    let line =
        bytes.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    words.nth(2).is_some_and(|version| version.starts_with(b"HTTP/")) && words.next().is_none()
}

fn body_length(request: &Request) -> Result<usize, Response> {
    let length = request.headers().get(CONTENT_LENGTH).map(|value| value.as_bytes());
    if request.headers().contains_key(TRANSFER_ENCODING) {
        let is_ambiguous = length.is_some() || request.version() == Version::HTTP_10;
        return Err(match is_ambiguous {
            true => Response::error(400, "BadRequest"),
            false => Response::error(411, "LengthRequired"),
        });
    }
    let Some(digits) = length else { return Ok(0) };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Response::error(400, "BadRequest"));
    }
    // A number that does not fit into a `usize` is too large as well.
    let length = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
    if length > BODY_BYTES_MAX { Err(Response::error(413, "RequestTooLarge")) } else { Ok(length) }
}
