//! [`Proxies`]: the proxies between the client and the venue.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws_driver::Address;
use gemini_ws_driver::gemini_ws::ConnectFailure;

use crate::rules::Rules;
use crate::tunnel;

/// Decides which proxy to use for each dialled address. A proxy speaks HTTP CONNECT (`http://`, or a URL without a
/// scheme) or SOCKS5 (`socks5://` or `socks5h://`). The proxy looks up the venue's name. The default port of a proxy
/// is 80 for HTTP and 1080 for SOCKS5.
///
/// If an HTTP proxy refuses the connection to the venue, the dial fails with [`ConnectFailure::ProxyStatus`]. The
/// dial fails with [`ConnectFailure::Proxy`] if a SOCKS5 proxy refuses the connection, if the answer of a proxy is
/// invalid, or if the URL of the proxy is invalid or has another scheme, such as `https://`. If the connection to the
/// proxy fails, the dial fails with the failure of this connection; [`Dialer::proxy_for`](crate::Dialer::proxy_for)
/// names the proxy for a message. A dial never bypasses the proxy that is configured for the dialled address.
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

    /// Uses this proxy for all addresses except those of this machine ([`Address::is_loopback`]). If the proxy
    /// requires a name and a password, put them into the URL.
    pub fn all(url: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::all(url)) }
    }

    /// Excludes these hosts from the use of proxies, in addition to hosts excluded before. `hosts` has the format of
    /// `NO_PROXY`: names, addresses, networks such as `10.0.0.0/8`, and `*` for all hosts, separated by commas or
    /// spaces. A name includes its subdomains, also with a dot or `*.` before it. Each entry may end with a colon and
    /// a port. An address or a network excludes only hosts that the dialled URL names by address, because the dialer
    /// does not look up names for this.
    #[must_use]
    pub fn except(self, hosts: &str) -> Proxies {
        Proxies { rules: Arc::new(Rules::except(&self.rules, hosts)) }
    }

    /// Reads the proxies from the environment, at the time of the call. `HTTPS_PROXY` is for `wss://`, and
    /// `HTTP_PROXY` is for `ws://`. If one of these variables is missing or empty, `ALL_PROXY` replaces it.
    /// `NO_PROXY` excludes hosts. A variable in lower case takes precedence over the one in upper case, even if it is
    /// empty. In a CGI program (`REQUEST_METHOD` is set), the upper-case `HTTP_PROXY` is ignored. A dial to an
    /// address of this machine ([`Address::is_loopback`]) uses no proxy. If the value for a proxy is not valid
    /// Unicode, dials that use this proxy fail.
    pub fn from_environment() -> Proxies {
        Proxies { rules: Arc::new(Rules::of_environment(|name| std::env::var_os(name))) }
    }

    pub(crate) fn proxy_for(&self, address: &Address) -> Option<String> {
        self.rules.of(address).map(ToString::to_string)
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
