//! [`RestRequest`]: a question with its signed headers.

use crate::auth::{Headers, Signer};
use crate::rest::RestQuestion;
use crate::value::time::UnixTime;
use crate::wire::encode;

/// A signed request to the venue's REST API: an HTTP request with an empty body.
///
/// [`Signer::rest`] makes a request. A request that is signed with an API key is valid once, and only while its nonce
/// is within [`NONCE_TOLERANCE`](crate::NONCE_TOLERANCE) of the venue's clock. Send the request immediately, over
/// TLS, to the host of the account, such as `api.gemini.com` ([hosts](crate::protocol::rest#addresses)). `Debug` does
/// not show the values of headers.
///
/// ```
/// use gemini_ws::{Credentials, InvalidCredentials, OrderStatusQuestion, Signer, UnixTime};
///
/// let mut signer = Signer::new(Credentials::hmac("conformance-api-key", "conformance-api-secret")?);
/// let request = signer.rest(&OrderStatusQuestion::by_order_id(77), UnixTime::from_secs(1_700_000_000));
/// assert_eq!((request.method(), request.path()), ("POST", "/v1/order/status"));
/// assert_eq!(request.headers().get("Content-Length"), Some("0"));
/// assert_eq!(request.headers().get("X-GEMINI-APIKEY"), Some("conformance-api-key"));
/// # Ok::<(), InvalidCredentials>(())
/// ```
#[derive(Debug)]
pub struct RestRequest {
    path: &'static str,
    headers: Headers,
}

impl RestRequest {
    /// Returns the method, which is `POST`.
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// Returns the path on the host, without a query.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Returns all headers except `Host`. An HTTP client that sets `Content-Length` itself does not need the
    /// `Content-Length` of these headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }
}

impl Signer {
    /// Signs a question to the REST API. `now` is the time of the wall clock.
    ///
    /// With an API key, `rest` draws a new nonce. The venue must receive the nonces of a key in increasing order,
    /// and upgrades to WebSocket draw nonces from the same source. So hold one lock from this call until the venue
    /// has answered ([`NonceSource`](crate::NonceSource)). With an access token, `rest` draws no nonce.
    ///
    /// ```
    /// use gemini_ws::{BalancesQuestion, Credentials, InvalidCredentials, Signer, UnixTime};
    ///
    /// let mut signer = Signer::new(Credentials::hmac("conformance-api-key", "conformance-api-secret")?);
    /// let request = signer.rest(&BalancesQuestion, UnixTime::from_secs(1_700_000_000));
    /// let payload = "eyJyZXF1ZXN0IjoiL3YxL2JhbGFuY2VzIiwibm9uY2UiOjE3MDAwMDAwMDB9";
    /// assert_eq!(request.headers().get("X-GEMINI-PAYLOAD"), Some(payload));
    /// assert!(request.headers().get("X-GEMINI-SIGNATURE").unwrap().starts_with("cbb5d9e2"));
    /// # Ok::<(), InvalidCredentials>(())
    /// ```
    pub fn rest(&mut self, question: &impl RestQuestion, now: UnixTime) -> RestRequest {
        let (path, (order_id, client_order_id)) = (question.path(), question.order());
        let headers =
            self.sign_rest(now, |nonce| encode::rest_payload(path, nonce, order_id, client_order_id));
        RestRequest { path, headers }
    }
}
