//! [`Proxies`]: the proxies between the client and the venue.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws_driver::Address;
use gemini_ws_driver::gemini_ws::ConnectFailure;

use crate::rules::Rules;
use crate::tunnel;

/// The proxies to use, by address: HTTP CONNECT (`http://`) and SOCKS5 (`socks5://`, `socks5h://`). With both kinds,
/// and with both spellings of SOCKS5, the proxy looks up the venue's name.
///
/// If a proxy refuses, the dial fails with [`ConnectFailure::ProxyStatus`] or [`ConnectFailure::Proxy`]; if the proxy
/// cannot be reached, with the failure of that connection. Proxies that expect TLS (`https://`), and proxies whose
/// URL cannot be read, fail with `Proxy`. No dial bypasses a proxy that is configured for its address.
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
    /// Returns no proxies: all connections are direct.
    pub fn none() -> Proxies {
        Proxies { rules: Arc::new(Rules::default()) }
    }

    /// Returns this proxy for all addresses except those of this machine. Put a name and a password for it into the
    /// URL.
    pub fn all(url: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::all(url)) }
    }

    /// Excludes these hosts, in addition to those excluded before. The format is that of `NO_PROXY`: names (which
    /// include their subdomains), addresses, networks and `*`, separated by commas, each with or without a port.
    #[must_use]
    pub fn except(self, hosts: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::except(&self.rules, hosts)) }
    }

    /// Returns the proxies of the environment as it is now: `HTTPS_PROXY` (for `wss://`), `HTTP_PROXY` (for `ws://`),
    /// `ALL_PROXY` and `NO_PROXY`; lower-case names take precedence. This machine is always reached directly.
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
