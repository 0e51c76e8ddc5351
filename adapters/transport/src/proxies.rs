//! [`Proxies`]: who stands between us and the venue.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws_driver::Address;
use gemini_ws_driver::gemini_ws::ConnectFailure;

use crate::rules::Rules;
use crate::tunnel;

/// Which proxy is for which address: HTTP CONNECT (`http://`) and SOCKS5 (`socks5://`, which looks the
/// venue's name up here, and `socks5h://`, which leaves that to the proxy; here both leave it to the proxy).
///
/// What a proxy answers is told as [`ConnectFailure::ProxyStatus`] or [`ConnectFailure::Proxy`], its own
/// unreachability as usual. Proxies that want TLS towards themselves (`https://`) are not supported and fail as
/// `Proxy`, and so does a proxy whose URL cannot be read: nothing goes around a proxy that was named.
///
/// ```
/// use gemini_ws_transport::Proxies;
///
/// let proxies = Proxies::all("socks5h://user:secret@proxy.example:1080").except("localhost,127.0.0.0/8");
/// assert!(!format!("{proxies:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Proxies {
    rules: Arc<Rules>,
}

impl Proxies {
    /// None: all connections are direct.
    pub fn none() -> Proxies {
        Proxies { rules: Arc::new(Rules::default()) }
    }

    /// This proxy for all addresses but those of this machine. Name and password stand in its URL.
    pub fn all(url: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::all(url)) }
    }

    /// But not for these hosts, nor for those that were named before: names, which mean their subdomains too, addresses, networks, and `*`, separated
    /// by commas, as in `NO_PROXY`; each perhaps with a port.
    #[must_use]
    pub fn except(self, hosts: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::except(&self.rules, hosts)) }
    }

    /// What `HTTPS_PROXY` (for `wss://`), `HTTP_PROXY` (for `ws://`), `ALL_PROXY` and `NO_PROXY` say, in
    /// capitals or not; read once, now. What is of this machine is never reached through them.
    pub fn from_environment() -> Proxies {
        Proxies { rules: Arc::new(Rules::of_environment(|name| std::env::var(name).ok())) }
    }

    pub(crate) async fn connect<S, F>(
        &self,
        address: &Address,
        connect: impl FnOnce(String, u16) -> F,
    ) -> Result<S, ConnectFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = Result<S, ConnectFailure>>,
    {
        match self.rules.of(address) {
            None => connect(address.host().to_owned(), address.port()).await,
            Some(proxy) => {
                let (host, port) = proxy.host_and_port()?;
                tunnel::through(proxy, connect(host, port).await?, address).await
            }
        }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("rules", &self.rules).finish()
    }
}
