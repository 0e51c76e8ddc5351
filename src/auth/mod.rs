//! [`Credentials`] and [`Signer`]: the headers that authenticate an upgrade or a REST request.
//!
//! `Client` never has credentials: the driver signs the upgrade of each authenticated link. Secrets, and all values
//! that are made from them, are wiped when they are dropped and are never printed.

pub(crate) mod nonce;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;
use zeroize::Zeroizing;

use crate::auth::nonce::{Nonce, NonceSource, NonceUnit};
use crate::value::endpoint::Endpoint;
use crate::value::time::UnixTime;

/// The credentials of an account: either an API key with its secret, or an OAuth access token
/// ([authentication](crate::protocol::streams#authentication)).
///
/// `Credentials` wipes each `String` or `Vec<u8>` that a constructor receives, at the latest when the `Credentials`
/// are dropped. If a constructor receives a borrowed text, `Credentials` wipes only its own copy of the text. The
/// type is not `Clone`, so that no key is used with two [`NonceSource`]s: share a [`Signer`] instead. `Debug` shows
/// only the kind of credentials.
///
/// ```
/// use gemini_ws::{Credentials, Endpoint, InvalidCredentials, Nonce};
///
/// let credentials = Credentials::hmac("conformance-api-key", "conformance-api-secret")?;
/// let headers = credentials.headers(Endpoint::Streams, Nonce::new(1_700_000_000));
/// assert_eq!(headers.get("X-GEMINI-PAYLOAD"), Some("MTcwMDAwMDAwMA=="));
/// assert!(headers.get("X-GEMINI-SIGNATURE").unwrap().starts_with("7f81f962"));
/// assert_eq!(format!("{credentials:?}"), "Credentials(Hmac)");
/// # Ok::<(), InvalidCredentials>(())
/// ```
pub struct Credentials {
    kind: Kind,
}

enum Kind {
    /// An API key, and the state of the HMAC, which is made from the secret. The state is boxed, because a move of
    /// `Credentials` would otherwise leave an unwiped copy of the state.
    Hmac { key: Zeroizing<String>, keyed: Box<Hmac<Sha384>> },
    /// The value of the header `Authorization`, with the scheme `Bearer`.
    Bearer(Zeroizing<String>),
}

impl Credentials {
    /// Creates credentials from an API key and its secret, as the venue shows them. The secret is text or bytes.
    ///
    /// The key must belong to one account, and its setting "Uses a time-based nonce" must be on. The venue refuses a
    /// master key or a group key with HTTP status 401 ([signed headers](crate::protocol::streams#signed-headers)).
    ///
    /// ```
    /// use gemini_ws::{Credentials, InvalidCredentials};
    ///
    /// assert!(Credentials::hmac("key", "secret").is_ok());
    /// let error = Credentials::hmac("key", "secret\n").unwrap_err();
    /// assert_eq!(error, InvalidCredentials::SecretWhiteSpace);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCredentials`] if the key or the secret is empty, if the key has a character that is not
    /// visible ASCII, or if the secret begins or ends with white space.
    pub fn hmac(
        key: impl Into<String>,
        secret: impl Into<Vec<u8>>,
    ) -> Result<Credentials, InvalidCredentials> {
        let (key, secret) = (Zeroizing::new(key.into()), Zeroizing::new(secret.into()));
        if key.is_empty() {
            return Err(InvalidCredentials::EmptyKey);
        }
        if let Some(offset) = invisible(&key) {
            return Err(InvalidCredentials::KeyCharacter { offset });
        }
        if secret.is_empty() {
            return Err(InvalidCredentials::EmptySecret);
        }
        // A secret that was copied from a page may end with a blank that is not ASCII, such as a no-break space.
        let as_bytes = |_| secret.trim_ascii().len();
        if core::str::from_utf8(&secret).map_or_else(as_bytes, |text| text.trim().len()) != secret.len() {
            return Err(InvalidCredentials::SecretWhiteSpace);
        }
        // `new_from_slice` never fails, because it accepts secrets of every length (RFC 2104). During this call, a
        // copy of the secret is on the stack, where nothing wipes it.
        let keyed = Hmac::new_from_slice(&secret).map_err(|_| InvalidCredentials::EmptySecret)?;
        Ok(Credentials { kind: Kind::Hmac { key, keyed: Box::new(keyed) } })
    }

    /// Creates credentials from an OAuth 2.0 access token, without the word `Bearer`
    /// ([access tokens](crate::protocol::streams#access-tokens)).
    ///
    /// A token expires after 24 hours unless configured otherwise. The venue then closes the link, and the next dial
    /// needs a new token.
    ///
    /// ```
    /// use gemini_ws::{Credentials, Endpoint, InvalidCredentials, Nonce};
    ///
    /// let headers = Credentials::bearer("abc")?.headers(Endpoint::Streams, Nonce::new(1));
    /// assert!(headers.iter().eq([("Authorization", "Bearer abc")]));
    /// # Ok::<(), InvalidCredentials>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCredentials`] if the token is empty or has a character that is not visible ASCII.
    pub fn bearer(token: impl Into<String>) -> Result<Credentials, InvalidCredentials> {
        let token = Zeroizing::new(token.into());
        if token.is_empty() {
            return Err(InvalidCredentials::EmptyToken);
        }
        if let Some(offset) = invisible(&token) {
            return Err(InvalidCredentials::TokenCharacter { offset });
        }
        let scheme = "Bearer ";
        // The string gets its full length at once, because a string that grows leaves copies of the token behind.
        let mut value = Zeroizing::new(String::with_capacity(scheme.len().saturating_add(token.len())));
        value.push_str(scheme);
        value.push_str(&token);
        Ok(Credentials { kind: Kind::Bearer(value) })
    }

    /// Returns whether authenticated requests need a nonce: `true` with an API key, `false` with an access token.
    pub const fn uses_nonces(&self) -> bool {
        matches!(self.kind, Kind::Hmac { .. })
    }

    /// Returns the headers for one upgrade. The venue refuses a nonce that is not higher than every nonce that the
    /// key has used, so pass a higher nonce in each call. [`Signer::headers`] draws the nonce for you.
    ///
    /// With an access token, `headers` ignores the nonce. For market data v1 and v2, `headers` returns no headers,
    /// because these endpoints are public.
    ///
    /// With an API key, the payload depends on the endpoint: see [signed
    /// headers](crate::protocol::streams#signed-headers) for [`Endpoint::Streams`], and [address and
    /// authentication](crate::protocol::order_events_v1#address-and-authentication) for [`Endpoint::OrderEventsV1`].
    pub fn headers(&self, endpoint: Endpoint, nonce: Nonce) -> Headers {
        let mut headers = Headers { fields: Vec::with_capacity(4) };
        if matches!(endpoint, Endpoint::MarketDataV1 | Endpoint::MarketDataV2) {
            return headers;
        }
        match &self.kind {
            Kind::Bearer(value) => headers.push("Authorization", value.clone()),
            Kind::Hmac { key, keyed } => {
                headers.push("X-GEMINI-APIKEY", key.clone());
                let payload = match endpoint {
                    Endpoint::Streams | Endpoint::MarketDataV1 | Endpoint::MarketDataV2 => {
                        headers.push("X-GEMINI-NONCE", Zeroizing::new(nonce.to_string()));
                        nonce.to_string()
                    }
                    Endpoint::OrderEventsV1 => {
                        format!(r#"{{"request":"/v1/order/events","nonce":{nonce}}}"#)
                    }
                };
                headers.push_signed(keyed, &payload);
            }
        }
        headers
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Hmac { .. } => "Credentials(Hmac)",
            Kind::Bearer(_) => "Credentials(Bearer)",
        })
    }
}

fn invisible(text: &str) -> Option<usize> {
    text.bytes().position(|byte| !byte.is_ascii_graphic())
}

/// Returns the HMAC-SHA384 of `message` in lower-case hexadecimal digits.
fn sign(keyed: &Hmac<Sha384>, message: &str) -> Zeroizing<String> {
    let code = keyed.clone().chain_update(message).finalize();
    let bytes = code.as_bytes();
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for byte in bytes {
        let digits = [byte >> 4, byte & 0xf];
        text.extend(digits.iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)));
    }
    text
}

/// The reason why a key, secret or token is invalid. The error contains no part of the key, secret or token.
///
/// ```
/// use gemini_ws::Credentials;
///
/// let error = Credentials::hmac("key\r\nX-Other: 1", "secret").unwrap_err();
/// assert_eq!(error.to_string(), "the API key is not visible ASCII at byte 3");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The key is empty.
    EmptyKey,
    /// The secret is empty.
    EmptySecret,
    /// The token is empty.
    EmptyToken,
    /// The key has a character that is not visible ASCII.
    KeyCharacter {
        /// The offset of the character in bytes.
        offset: usize,
    },
    /// The token has a character that is not visible ASCII.
    TokenCharacter {
        /// The offset of the character in bytes.
        offset: usize,
    },
    /// The secret begins or ends with white space, such as the line feed at the end of a file.
    SecretWhiteSpace,
}

impl fmt::Display for InvalidCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidCredentials::EmptyKey => f.write_str("the API key is empty"),
            InvalidCredentials::EmptySecret => f.write_str("the API secret is empty"),
            InvalidCredentials::EmptyToken => f.write_str("the access token is empty"),
            InvalidCredentials::KeyCharacter { offset } => {
                write!(f, "the API key is not visible ASCII at byte {offset}")
            }
            InvalidCredentials::TokenCharacter { offset } => {
                write!(f, "the access token is not visible ASCII at byte {offset}")
            }
            InvalidCredentials::SecretWhiteSpace => {
                f.write_str("the API secret begins or ends with white space")
            }
        }
    }
}

impl core::error::Error for InvalidCredentials {}

/// The headers of one upgrade or REST request, in the order in which the venue's documents list them. An upgrade to
/// market data v1 or v2 has none.
///
/// Headers with a nonce are valid for one request, and only while the nonce is within
/// [`NONCE_TOLERANCE`](crate::NONCE_TOLERANCE) of the venue's clock. So make the headers immediately before you send
/// the request. `Headers` wipes the values when it is dropped. `Debug` shows only the names.
///
/// ```
/// use gemini_ws::{Credentials, Endpoint, InvalidCredentials, Nonce};
///
/// let headers = Credentials::hmac("key", "secret")?.headers(Endpoint::OrderEventsV1, Nonce::new(1));
/// let request: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
/// assert!(request.starts_with("X-GEMINI-APIKEY: key\r\nX-GEMINI-PAYLOAD: eyJ"));
/// let shown = r#"Headers["X-GEMINI-APIKEY", "X-GEMINI-PAYLOAD", "X-GEMINI-SIGNATURE"]"#;
/// assert_eq!(format!("{headers:?}"), shown);
/// # Ok::<(), InvalidCredentials>(())
/// ```
pub struct Headers {
    fields: Vec<(&'static str, Zeroizing<String>)>,
}

impl Headers {
    fn push(&mut self, name: &'static str, value: Zeroizing<String>) {
        self.fields.push((name, value));
    }

    fn push_signed(&mut self, keyed: &Hmac<Sha384>, payload: &str) {
        let payload = Base64::encode_string(payload.as_bytes());
        let signature = sign(keyed, &payload);
        self.push("X-GEMINI-PAYLOAD", Zeroizing::new(payload));
        self.push("X-GEMINI-SIGNATURE", signature);
    }

    /// Returns the names and values. Names and values are visible ASCII. The value of `Authorization` also has one
    /// space.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> + '_ {
        self.fields.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns the value of a header; `None` if there is no such header. The case of `name` does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers")?;
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// Credentials, and the source of nonces for their key. A signer makes the headers of each authenticated upgrade.
///
/// Use one signer for each key. All other code that uses the key must draw its nonces from
/// [`nonces`](Signer::nonces), and must hold the lock that [`NonceSource`] describes. [`Signer::rest`] signs requests
/// to the REST API.
///
/// ```
/// use gemini_ws::{Credentials, Endpoint, InvalidCredentials, Signer, UnixTime};
///
/// let mut signer = Signer::new(Credentials::hmac("conformance-api-key", "conformance-api-secret")?);
/// let now = UnixTime::from_secs(1_700_000_000);
/// let (first, second) = (signer.headers(Endpoint::Streams, now), signer.headers(Endpoint::Streams, now));
/// assert_eq!(first.get("X-GEMINI-NONCE"), Some("1700000000"));
/// assert_eq!(second.get("X-GEMINI-NONCE"), Some("1700000001"));
/// # Ok::<(), InvalidCredentials>(())
/// ```
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    nonces: NonceSource,
}

impl Signer {
    /// Creates a signer whose nonces count seconds ([`NonceUnit::Seconds`]). No nonce is used yet: see
    /// [`NonceSource::new`].
    pub const fn new(credentials: Credentials) -> Signer {
        Signer { credentials, nonces: NonceSource::new(NonceUnit::Seconds) }
    }

    /// Sets the source of nonces, for example a source with another unit, or a source that resumes after an earlier
    /// run.
    ///
    /// ```
    /// use gemini_ws::{Credentials, Endpoint, InvalidCredentials, NonceSource, NonceUnit, Signer, UnixTime};
    ///
    /// let nonces = NonceSource::new(NonceUnit::Milliseconds);
    /// let mut signer = Signer::new(Credentials::hmac("key", "secret")?).with_nonces(nonces);
    /// let headers = signer.headers(Endpoint::Streams, UnixTime::from_millis(1_700_000_000_250));
    /// assert_eq!(headers.get("X-GEMINI-NONCE"), Some("1700000000250"));
    /// # Ok::<(), InvalidCredentials>(())
    /// ```
    #[must_use]
    pub const fn with_nonces(mut self, nonces: NonceSource) -> Signer {
        self.nonces = nonces;
        self
    }

    /// Draws a new nonce, and returns the headers for one upgrade ([`Credentials::headers`]). Pass the time of the
    /// wall clock as `now`. Draws a nonce even if the headers do not contain it: with an access token, and for market
    /// data v1 and v2.
    ///
    /// This method never fails. If the signer's nonces are too far [ahead](NonceSource::ahead_of) of `now`, the venue
    /// refuses the upgrade with HTTP status 400 ([refused upgrades](crate::protocol::streams#refused-upgrades)).
    pub fn headers(&mut self, endpoint: Endpoint, now: UnixTime) -> Headers {
        let nonce = self.nonces.next(now);
        self.credentials.headers(endpoint, nonce)
    }

    /// Returns all headers of a REST request. `payload` gets a new nonce and returns the JSON text of the request.
    /// With an access token, `payload` gets `None` instead.
    pub(crate) fn sign_rest(
        &mut self,
        now: UnixTime,
        payload: impl FnOnce(Option<u64>) -> String,
    ) -> Headers {
        let mut headers = Headers { fields: Vec::with_capacity(6) };
        for (name, value) in
            [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Cache-Control", "no-cache")]
        {
            headers.push(name, Zeroizing::new(value.into()));
        }
        match &self.credentials.kind {
            Kind::Bearer(value) => {
                headers.push("Authorization", value.clone());
                let payload = Base64::encode_string(payload(None).as_bytes());
                headers.push("X-GEMINI-PAYLOAD", Zeroizing::new(payload));
            }
            Kind::Hmac { key, keyed } => {
                headers.push("X-GEMINI-APIKEY", key.clone());
                headers.push_signed(keyed, &payload(Some(self.nonces.next(now).get())));
            }
        }
        headers
    }

    /// Returns the source of nonces, for any other code that uses the key.
    pub const fn nonces(&mut self) -> &mut NonceSource {
        &mut self.nonces
    }

    /// Returns the credentials that the signer signs with.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

#[cfg(test)]
#[path = "../../tests/unit/auth_mod.rs"]
mod tests;
