//! [`DialRequest`]: where to connect, and the upgrade of what is connected.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use futures_lite::future::poll_once;
use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt};
use gemini_ws::{ConnectFailure, ConnectRequest, Endpoint, UnixTime, UserInfo};

use crate::address::Address;
use crate::glue::io_failure;
use crate::http::Answer;
use crate::paced::Paced;
use crate::patience::Patience;
use crate::signer::{SharedSigner, TURN_MAX, Turn};
use crate::socket::websocket_config;
use crate::upgrade::{Fields, Request, refusal, unreadable};

/// How long the body of a refusal may take: the status is known by then.
const BODY_WAIT: Duration = Duration::from_secs(1);

/// Who signs which dials, and what else they say.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialPolicy {
    signer: Option<SharedSigner>,
    /// Whether no endpoint says that it wants to be signed.
    signs_all: bool,
    signs_in_clear: bool,
    fields: Fields,
}

impl DialPolicy {
    pub(crate) fn sign_with(&mut self, signer: SharedSigner) {
        self.signer = Some(signer);
    }

    pub(crate) const fn sign_in_clear(&mut self) {
        self.signs_in_clear = true;
    }

    /// Adds a header field, or replaces the one of that name. Returns whether it may be added.
    pub(crate) fn add_field(&mut self, name: String, value: String) -> bool {
        self.fields.add(name, value)
    }

    /// The same for a client of which some endpoints are authenticated, or none.
    pub(crate) fn for_endpoints(self, some_are_authenticated: bool) -> DialPolicy {
        DialPolicy { signs_all: !some_are_authenticated, ..self }
    }

    /// What to dial; `Err` if it is not to be dialled.
    pub(crate) fn request(
        &self,
        request: ConnectRequest,
        patience: impl FnOnce() -> Patience,
    ) -> Result<DialRequest, ConnectFailure> {
        let ConnectRequest { url, user, endpoint, authenticated, .. } = request;
        let signer = self.signer.clone().filter(|_| self.signs_all || authenticated);
        if authenticated && signer.is_none() {
            // The venue would only refuse it.
            return Err(ConnectFailure::NoCredentials);
        }
        let address = Address::parse(&url)?;
        let is_private = address.is_secure() || address.is_loopback();
        if signer.is_some() && !is_private && !self.signs_in_clear {
            return Err(ConnectFailure::NotSecure);
        }
        let (fields, patience) = (self.fields.clone(), Some(patience()));
        Ok(DialRequest { url, user, endpoint, signer, fields, patience, config: websocket_config() })
    }
}

/// One dial: connect to [`url`](DialRequest::url), then [`upgrade`](DialRequest::upgrade), once.
pub struct DialRequest {
    url: String,
    user: Option<UserInfo>,
    endpoint: Endpoint,
    signer: Option<SharedSigner>,
    fields: Fields,
    patience: Option<Patience>,
    config: WebSocketConfig,
}

impl DialRequest {
    /// One that no driver has asked for and nobody signs: for an application that wants an adapter's dial, proxies
    /// and TLS included, without the rest.
    ///
    /// ```
    /// use gemini_ws_driver::DialRequest;
    ///
    /// assert_eq!(DialRequest::unsigned("ws://127.0.0.1:9001").url(), "ws://127.0.0.1:9001");
    /// ```
    pub fn unsigned(url: impl Into<String>) -> DialRequest {
        DialRequest {
            url: url.into(),
            user: None,
            endpoint: Endpoint::Streams,
            signer: None,
            fields: Fields::default(),
            patience: None,
            config: websocket_config(),
        }
    }

    /// With other limits than [`websocket_config`].
    #[must_use]
    pub fn with_config(self, config: WebSocketConfig) -> DialRequest {
        DialRequest { config, ..self }
    }

    /// The address, `ws://` or `wss://`, with its query. What a driver asks for has no name and no password in it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a WebSocket of a transport that is connected, and secured if the address says so.
    ///
    /// If the driver [signs](crate::Driver::sign_with), it does so here, with a nonce of this moment:
    /// connecting can take longer than a nonce is valid. Nothing of the request is logged, and it is wiped.
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::Status`] for any answer but 101, with the venue's reason and the delay that it asks for.
    /// [`ConnectFailure::Handshake`] for what is no HTTP/1.1, and for an answer 101 that RFC 6455, section 4.1, does
    /// not allow. [`ConnectFailure::Transport`], or what [`io_failure`] says, if there is no whole answer.
    pub async fn upgrade<Io: AsyncRead + AsyncWrite + Unpin>(
        self,
        transport: Io,
    ) -> Result<WebSocketStream<Paced<Io>>, ConnectFailure> {
        let DialRequest { url, user, endpoint, signer, fields, mut patience, config } = self;
        let address = Address::parse(&url)?;
        let address = match &user {
            Some(user) => address.with_user(user.as_str())?,
            None => address,
        };
        let mut transport = Paced::new(transport);
        let (request, turn) = match &signer {
            None => (Request::new(&address, &fields, None), None),
            Some(signer) => {
                let mut turn = signer.turn().await;
                let headers = turn.headers(endpoint, UnixTime::now());
                let request = Request::new(&address, &fields, Some(&headers));
                // A token may arrive in any order.
                (request, turn.credentials().uses_nonces().then_some(turn))
            }
        };
        let mut answer = ask_in_turn(&mut transport, &request, turn, &mut patience).await?;
        if request.is_accepted_by(&answer) {
            let rest = answer.into_rest();
            return Ok(
                WebSocketStream::from_partially_read(transport, rest, Role::Client, Some(config)).await
            );
        }
        if answer.status() == 101 {
            return Err(ConnectFailure::Handshake);
        }
        match &mut patience {
            Some(patience) => drop(patience.within(BODY_WAIT, answer.read_body(&mut transport)).await),
            None => drop(poll_once(answer.read_body(&mut transport)).await),
        }
        Err(refusal(&answer))
    }
}

impl fmt::Debug for DialRequest {
    /// Without a name, a password or the value of a header field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Address::parse(&self.url).map(|address| address.to_string());
        f.debug_struct("DialRequest")
            .field("url", &address.as_deref().unwrap_or("(unreadable)"))
            .field("endpoint", &self.endpoint)
            .field("signer", &self.signer)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// Asks, and holds the turn until there is an answer, but never for long.
async fn ask_in_turn<Io: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Io,
    request: &Request,
    turn: Option<Turn>,
    patience: &mut Option<Patience>,
) -> Result<Answer, ConnectFailure> {
    let mut answer = pin!(ask(transport, request));
    if let (Some(patience), Some(turn)) = (patience, turn) {
        let answered = patience.within(TURN_MAX, answer.as_mut()).await;
        drop(turn);
        if let Some(answered) = answered {
            return answered;
        }
    }
    answer.await
}

async fn ask<Io: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Io,
    request: &Request,
) -> Result<Answer, ConnectFailure> {
    transport.write_all(request.bytes()).await.map_err(|error| io_failure(&error))?;
    transport.flush().await.map_err(|error| io_failure(&error))?;
    Answer::read(transport).await.map_err(|error| unreadable(&error))
}
