//! [`Dialer`]: makes a dial, except for its TCP connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use futures_rustls::rustls::ClientConfig;
use futures_rustls::rustls::pki_types::ServerName;
use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::{Address, DialRequest, Paced};
use socket2::{SockRef, TcpKeepalive};

use crate::proxies::Proxies;
use crate::stream::Stream;
use crate::tls;

/// How an adapter dials: the certificate authorities that it trusts, and the proxies that it uses.
///
/// ```
/// use gemini_ws_transport::{Dialer, Proxies};
///
/// let dialer = Dialer::new().proxies(Proxies::none());
/// assert!(format!("{dialer:?}").starts_with("Dialer"));
/// ```
#[derive(Clone, Debug)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    proxies: Proxies,
}

impl Dialer {
    /// Creates a dialer with the certificate authorities of browsers ([`tls::web_roots`]) and, with the feature
    /// `proxy`, the proxies that the environment names at the time of the call
    /// ([`Proxies::from_environment`](crate::Proxies)).
    pub fn new() -> Dialer {
        Dialer { tls: tls::web_roots(), proxies: Proxies::from_environment() }
    }

    /// Sets the TLS configuration: one of [`tls`](crate::tls), or your own.
    #[must_use]
    pub fn tls(self, tls: Arc<ClientConfig>) -> Dialer {
        Dialer { tls, ..self }
    }

    /// Sets the proxies.
    #[must_use]
    pub fn proxies(self, proxies: Proxies) -> Dialer {
        Dialer { proxies, ..self }
    }

    /// Returns the proxy through which the dialer reaches `url`, without user name and password, for example
    /// `http://proxy.example:3128`. The text has no scheme if the dialer does not support the scheme of the proxy,
    /// and contains `(unreadable)` instead of a host if the URL of the proxy is invalid. Returns `None` if the dialer
    /// uses no proxy for `url`, or if `url` is not a WebSocket URL.
    ///
    /// If a dial through a proxy fails, the [`ConnectFailure`] may be about the proxy, so a message should name the
    /// proxy and the URL.
    ///
    /// ```
    /// use gemini_ws_transport::{Dialer, Proxies};
    ///
    /// let dialer = Dialer::new().proxies(Proxies::none());
    /// assert_eq!(dialer.proxy_for("wss://ws.gemini.com"), None);
    /// ```
    pub fn proxy_for(&self, url: &str) -> Option<String> {
        self.proxies.proxy_for(&Address::parse(url).ok()?)
    }

    /// Dials for a link. Connects to the address of the request, or to the proxy for this address, adds TLS if the
    /// URL is `wss://`, and upgrades the stream to a WebSocket. `dial` has no time limit: the driver drops the future
    /// of a dial that takes too long.
    ///
    /// `connect` must connect to a host and a port. The host is a name, an IPv4 address, or an IPv6 address without
    /// brackets and perhaps with a zone, as [`look_up`](crate::look_up) takes it.
    ///
    /// # Errors
    ///
    /// The [`ConnectFailure`] of the step that failed: [`ConnectFailure::InvalidUrl`] if the URL of the request is
    /// invalid, the failure of `connect`, a failure that [`Proxies`] lists, a failure of TLS
    /// ([`ConnectFailure::Certificate`], [`ConnectFailure::CertificateTime`] or [`ConnectFailure::Tls`]), or a
    /// failure of [`DialRequest::upgrade`].
    pub async fn dial<S, F>(
        &self,
        request: DialRequest,
        connect: impl FnOnce(String, u16) -> F,
    ) -> Result<WebSocketStream<Paced<Stream<S>>>, ConnectFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = Result<S, ConnectFailure>>,
    {
        let address = Address::parse(request.url())?;
        let stream = self.proxies.connect(&address, connect).await?;
        let stream = if address.is_secure() {
            let host = address.host_without_zone().to_owned();
            let name = ServerName::try_from(host).map_err(|_| ConnectFailure::InvalidUrl)?;
            let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, Paced::new(stream)).await;
            Stream::Tls(Box::new(handshake.map_err(|error| tls::failure(&error))?))
        } else {
            Stream::Plain(stream)
        };
        request.upgrade(stream).await
    }
}

impl Default for Dialer {
    fn default() -> Dialer {
        Dialer::new()
    }
}

/// The time without traffic after which the system sends the first keep-alive, and the time between further
/// keep-alives. They detect dead connections over which the client sends no probes.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Sets the options of a connected socket: `TCP_NODELAY`, because orders are small and urgent, and keep-alive after
/// 30 s without traffic and then every 10 s. Ignores options that the system refuses.
pub fn set_options<'s, S>(socket: &'s S)
where
    SockRef<'s>: From<&'s S>,
{
    let socket = SockRef::from(socket);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE.0).with_interval(KEEP_ALIVE.1);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keep_alive);
}
