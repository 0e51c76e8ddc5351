//! [`DialRequest`]: where to connect, and the upgrade to a WebSocket.

use std::fmt;
use std::pin::pin;

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
use crate::signer::{HeldTurn, SharedSigner, TURN_MAX, Turn};
use crate::socket::websocket_config;
use crate::upgrade::{BODY_WAIT, Fields, Request, refusal, unreadable};

#[derive(Clone, Debug, Default)]
pub(crate) struct DialPolicy {
    signer: Option<SharedSigner>,
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

    pub(crate) fn add_field(&mut self, name: String, value: String) -> bool {
        self.fields.add(name, value)
    }

    /// Returns the request for a dial, with the signer if the dial is to be signed. Fails if the policy forbids the
    /// dial, or if the URL is not valid.
    pub(crate) fn request(
        &self,
        request: ConnectRequest,
        some_are_authenticated: bool,
        patience: impl FnOnce() -> Patience,
    ) -> Result<DialRequest, ConnectFailure> {
        let ConnectRequest { url, user, endpoint, authenticated, .. } = request;
        let signer = self.signer.clone().filter(|_| authenticated || !some_are_authenticated);
        if authenticated && signer.is_none() {
            // The venue would refuse an unsigned dial.
            return Err(ConnectFailure::NoCredentials);
        }
        let address = Address::parse(&url)?;
        let is_private = address.is_secure() || address.is_loopback();
        if signer.is_some() && !is_private && !self.signs_in_clear {
            return Err(ConnectFailure::NotSecure);
        }
        let (fields, patience) = (self.fields.clone(), Some(patience()));
        let (turn, config) = (HeldTurn::default(), websocket_config());
        Ok(DialRequest { url, user, endpoint, signer, turn, fields, patience, config })
    }
}

/// A dial that a [`Runtime`](crate::Runtime) carries out: the runtime connects to [`url`](DialRequest::url), then
/// calls [`upgrade`](DialRequest::upgrade) once.
pub struct DialRequest {
    url: String,
    user: Option<UserInfo>,
    endpoint: Endpoint,
    signer: Option<SharedSigner>,
    turn: HeldTurn,
    fields: Fields,
    patience: Option<Patience>,
    config: WebSocketConfig,
}

impl DialRequest {
    /// Returns a request that belongs to no driver and is not signed. Pass the request to
    /// [`Runtime::dial`](crate::Runtime::dial) to use the dialling of an adapter alone, including proxies and TLS.
    /// Such a dial has no time limit.
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
            turn: HeldTurn::default(),
            fields: Fields::default(),
            patience: None,
            config: websocket_config(),
        }
    }

    /// Replaces the configuration of the WebSocket, which is [`websocket_config`] by default. A
    /// `max_write_buffer_size` that is not larger than `write_buffer_size` is raised to `write_buffer_size` plus one
    /// byte.
    #[must_use]
    pub fn with_config(self, config: WebSocketConfig) -> DialRequest {
        let size = config.write_buffer_size.min(usize::MAX - 1);
        let most = config.max_write_buffer_size.max(size + 1);
        DialRequest { config: config.write_buffer_size(size).max_write_buffer_size(most), ..self }
    }

    /// Returns the URL, `ws://` or `wss://`, with its query. It has no name and no password if a driver made the
    /// request.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) const fn signer(&self) -> Option<&SharedSigner> {
        self.signer.as_ref()
    }

    /// Sets the [`Turn`] of the signer for the upgrade. If this turn ends before the upgrade begins, the upgrade
    /// takes another turn.
    pub(crate) fn with_turn(self, turn: HeldTurn) -> DialRequest {
        DialRequest { turn, ..self }
    }

    /// Upgrades a transport to a WebSocket. `transport` must be connected, and secured by TLS if the URL is `wss://`.
    ///
    /// If the driver [signs](crate::Driver::sign_with) this dial, `upgrade` draws the nonce. `upgrade` wipes the
    /// memory that held the HTTP request, and does not log it.
    ///
    /// # Errors
    ///
    /// - [`ConnectFailure::Status`] if the status of the answer is not 101, with the venue's reason and the delay of
    ///   `Retry-After` if the answer has them. To find the reason, a dial of a driver waits up to a second for the
    ///   body of the answer. An [unsigned](DialRequest::unsigned) request uses only what has already arrived.
    /// - [`ConnectFailure::Handshake`] if the answer is [`Unreadable::NoHttp`](crate::Unreadable::NoHttp), or if an
    ///   answer with status 101 breaks RFC 6455, section 4.1.
    /// - [`ConnectFailure::Transport`] if the transport ends before the head of the answer is complete.
    /// - The failure that [`io_failure`] returns if the transport fails with an error.
    /// - [`ConnectFailure::InvalidUrl`] if the URL, the name or the password cannot be used.
    pub async fn upgrade<Io: AsyncRead + AsyncWrite + Unpin>(
        self,
        transport: Io,
    ) -> Result<WebSocketStream<Paced<Io>>, ConnectFailure> {
        let DialRequest { url, user, endpoint, signer, turn, fields, mut patience, config } = self;
        let address = Address::parse(&url)?;
        let address = match &user {
            Some(user) => address.with_user(user.as_str())?,
            None => address,
        };
        let mut transport = Paced::new(transport);
        let (request, turn) = match &signer {
            None => (Request::new(&address, &fields, None), None),
            Some(signer) => {
                let mut turn = match turn.take() {
                    Some(turn) => turn,
                    None => signer.turn().await,
                };
                let headers = turn.headers(endpoint, UnixTime::now());
                let request = Request::new(&address, &fields, Some(&headers));
                // Requests with a token may arrive in any order, so they need no turn.
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
    /// Formats the request without secrets.
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

/// Sends the request and reads the answer. Holds the [`Turn`] of the signer until the answer arrives, for at most
/// [`TURN_MAX`].
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

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;
    use futures_lite::io::Cursor;

    use super::*;

    #[test]
    fn any_config_makes_a_websocket() {
        for (size, most) in [(0, 0), (1, 1), (9, 5), (usize::MAX, 0), (usize::MAX, usize::MAX)] {
            let config = WebSocketConfig::default().write_buffer_size(size).max_write_buffer_size(most);
            let request = DialRequest::unsigned("ws://v").with_config(config);
            let transport = Cursor::new(Vec::new());
            let made = WebSocketStream::from_raw_socket(transport, Role::Client, Some(request.config));
            let made = block_on(made).get_config().max_write_buffer_size;
            assert!(made > 0 && made >= most, "{size} {most}");
        }
    }
}
