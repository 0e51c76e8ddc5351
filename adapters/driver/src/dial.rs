//! [`DialRequest`]: where to connect, and the upgrade of what is connected.

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::{WebSocketStream, client_async_with_config};
use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::{ConnectFailure, ConnectRequest, Endpoint, Headers, UnixTime};

use crate::paced::Paced;
use crate::signer::SharedSigner;
use crate::socket::{connect_failure, websocket_config};

/// One dial: connect to [`url`](DialRequest::url), then [`upgrade`](DialRequest::upgrade), once.
#[derive(Debug)]
pub struct DialRequest {
    url: String,
    endpoint: Endpoint,
    signer: Option<SharedSigner>,
    config: WebSocketConfig,
}

impl DialRequest {
    pub(crate) fn new(request: ConnectRequest, signer: Option<SharedSigner>) -> DialRequest {
        DialRequest { url: request.url, endpoint: request.endpoint, signer, config: websocket_config() }
    }

    /// One that no driver has asked for and nobody signs: for an application that wants an adapter's dial, proxies
    /// and TLS included, without the rest.
    ///
    /// ```
    /// use gemini_ws_driver::DialRequest;
    ///
    /// assert_eq!(DialRequest::unsigned("ws://127.0.0.1:9001").url(), "ws://127.0.0.1:9001");
    /// ```
    pub fn unsigned(url: impl Into<String>) -> DialRequest {
        let url = url.into();
        DialRequest { url, endpoint: Endpoint::Streams, signer: None, config: websocket_config() }
    }

    /// With other limits than [`websocket_config`].
    #[must_use]
    pub fn with_config(self, config: WebSocketConfig) -> DialRequest {
        DialRequest { config, ..self }
    }

    /// The address, `ws://` or `wss://`, with its query.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a WebSocket of a transport that is connected, and secured if the address says so.
    ///
    /// If the driver [signs](crate::Driver::sign_with), it does so here, with a nonce of this moment:
    /// connecting can take longer than a nonce is valid.
    ///
    /// # Errors
    ///
    /// What [`connect_failure`] says of an error of the WebSocket layer.
    pub async fn upgrade<Io: AsyncRead + AsyncWrite + Unpin>(
        self,
        transport: Io,
    ) -> Result<WebSocketStream<Paced<Io>>, ConnectFailure> {
        let failure = |error| connect_failure(&error);
        let mut request = self.url.into_client_request().map_err(failure)?;
        let mut turn = None;
        if let Some(signer) = &self.signer {
            let mut signer = signer.turn().await;
            let headers = signer.headers(self.endpoint, UnixTime::now());
            authenticate(request.headers_mut(), &headers)?;
            // A token may arrive in any order.
            turn = signer.credentials().uses_nonces().then_some(signer);
        }
        let upgrade = client_async_with_config(request, Paced::new(transport), Some(self.config)).await;
        drop(turn);
        upgrade.map(|(stream, _)| stream).map_err(failure)
    }
}

/// Adds the headers, marked so that nothing prints their values.
fn authenticate(map: &mut HeaderMap, headers: &Headers) -> Result<(), ConnectFailure> {
    for (name, value) in headers.iter() {
        // They are visible ASCII, so both conversions succeed.
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ConnectFailure::Handshake)?;
        let mut value = HeaderValue::from_str(value).map_err(|_| ConnectFailure::Handshake)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(())
}
