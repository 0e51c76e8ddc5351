//! [`Proxies`]: who stands between us and the venue.

use std::future::Future;

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws_driver::gemini_ws::ConnectFailure;

use crate::address::Address;

#[cfg(feature = "proxy")]
pub use with_proxies::Proxies;
#[cfg(not(feature = "proxy"))]
pub use without::Proxies;

#[cfg(not(feature = "proxy"))]
mod without {
    use super::*;

    /// Without the feature `proxy` there are none.
    #[derive(Clone, Debug)]
    pub struct Proxies(());

    impl Proxies {
        /// None: all connections are direct.
        pub fn none() -> Proxies {
            Proxies(())
        }

        pub(crate) fn from_environment() -> Proxies {
            Proxies(())
        }

        pub(crate) async fn connect<S, F: Future<Output = Result<S, ConnectFailure>>>(
            &self,
            address: &Address,
            connect: impl FnOnce(String, u16) -> F,
        ) -> Result<S, ConnectFailure> {
            connect(address.host.clone(), address.port).await
        }
    }
}

#[cfg(feature = "proxy")]
mod with_proxies {
    use std::sync::Arc;

    use async_http_proxy::{HttpError, http_connect_tokio, http_connect_tokio_with_basic_auth};
    use base64ct::{Base64, Encoding};
    use http::Uri;
    use hyper_util::client::proxy::matcher::{Intercept, Matcher};
    use tokio_socks::io::Compat;
    use tokio_socks::tcp::Socks5Stream;
    use tokio_util::compat::FuturesAsyncReadCompatExt;

    use super::*;
    use crate::address::host_and_port;

    /// Which proxy is for which address: HTTP CONNECT (`http://`) and SOCKS5 (`socks5://`, which looks the
    /// venue's name up here, and `socks5h://`, which leaves that to the proxy; here both leave it to the proxy).
    ///
    /// A proxy's failures are told as [`ConnectFailure::Proxy`], its own unreachability as usual. Proxies that
    /// want TLS towards themselves (`https://`) are not supported and fail so too.
    ///
    /// ```
    /// use gemini_ws_transport::Proxies;
    ///
    /// let proxies = Proxies::all("socks5h://user:secret@proxy.example:1080").except("localhost,127.0.0.0/8");
    /// assert!(!format!("{proxies:?}").contains("secret"));
    /// ```
    #[derive(Clone)]
    pub struct Proxies {
        all: Option<String>,
        except: Option<String>,
        matcher: Arc<Matcher>,
    }

    impl Proxies {
        /// None: all connections are direct.
        pub fn none() -> Proxies {
            Proxies::of(None, None)
        }

        /// This proxy for all addresses. Name and password stand in its URL.
        pub fn all(url: &str) -> Proxies {
            Proxies::of(Some(url.to_owned()), None)
        }

        /// But not for these hosts: names, which mean their subdomains too, addresses, and networks, separated
        /// by commas, as in `NO_PROXY`.
        #[must_use]
        pub fn except(self, hosts: &str) -> Proxies {
            Proxies::of(self.all, Some(hosts.to_owned()))
        }

        /// What `HTTPS_PROXY` (for `wss://`), `HTTP_PROXY` (for `ws://`), `ALL_PROXY` and `NO_PROXY` say, in
        /// capitals or not; read once, now.
        pub fn from_environment() -> Proxies {
            Proxies { all: None, except: None, matcher: Arc::new(Matcher::from_env()) }
        }

        fn of(all: Option<String>, except: Option<String>) -> Proxies {
            let builder = Matcher::builder();
            let builder = builder.all(all.clone().unwrap_or_default()).no(except.clone().unwrap_or_default());
            Proxies { all, except, matcher: Arc::new(builder.build()) }
        }

        fn of_address(&self, address: &Address) -> Option<Intercept> {
            let scheme = if address.is_secure { "https" } else { "http" };
            let host = &address.host;
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let uri: Uri = format!("{scheme}://{host}:{}", address.port).parse().ok()?;
            self.matcher.intercept(&uri)
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
            let Some(proxy) = self.of_address(address) else {
                return connect(address.host.clone(), address.port).await;
            };
            let (host, port) = host_and_port(proxy.uri()).ok_or(ConnectFailure::Proxy)?;
            match proxy.uri().scheme_str() {
                Some("http") => {
                    let stream = connect(host, port.unwrap_or(80)).await?;
                    tunnel(stream, address, basic(&proxy)?).await
                }
                Some("socks5" | "socks5h") => {
                    let stream = connect(host, port.unwrap_or(1080)).await?;
                    relay(stream, address, proxy.raw_auth()).await
                }
                _ => Err(ConnectFailure::Proxy),
            }
        }
    }

    impl std::fmt::Debug for Proxies {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            // A URL may have a password.
            let is_set = |it: &Option<String>| it.is_some();
            f.debug_struct("Proxies")
                .field("all", &is_set(&self.all))
                .field("except", &self.except)
                .finish_non_exhaustive()
        }
    }

    /// Name and password, of the header that is made of them.
    fn basic(proxy: &Intercept) -> Result<Option<(String, String)>, ConnectFailure> {
        let Some(header) = proxy.basic_auth() else { return Ok(None) };
        let encoded = header.to_str().ok().and_then(|text| text.strip_prefix("Basic "));
        let decoded = encoded.and_then(|text| Base64::decode_vec(text).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(ConnectFailure::Proxy)?;
        let (name, password) = text.split_once(':').unwrap_or((&text, ""));
        Ok(Some((name.to_owned(), password.to_owned())))
    }

    async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
        stream: S,
        address: &Address,
        credentials: Option<(String, String)>,
    ) -> Result<S, ConnectFailure> {
        let mut stream = stream.compat();
        let (host, port) = (address.host.as_str(), address.port);
        let opened = match &credentials {
            None => http_connect_tokio(&mut stream, host, port).await,
            Some((name, password)) => {
                http_connect_tokio_with_basic_auth(&mut stream, host, port, name, password).await
            }
        };
        match opened {
            Ok(()) => Ok(stream.into_inner()),
            Err(HttpError::IoError(error)) => Err(gemini_ws_driver::io_failure(&error)),
            Err(_) => Err(ConnectFailure::Proxy),
        }
    }

    async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
        stream: S,
        address: &Address,
        credentials: Option<(&str, &str)>,
    ) -> Result<S, ConnectFailure> {
        let target = (address.host.as_str(), address.port);
        let stream = Compat::new(stream);
        let relayed = match credentials {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some((name, password)) => {
                Socks5Stream::connect_with_password_and_socket(stream, target, name, password).await
            }
        };
        match relayed {
            Ok(stream) => Ok(stream.into_inner().into_inner()),
            Err(tokio_socks::Error::Io(error)) => Err(gemini_ws_driver::io_failure(&error)),
            Err(_) => Err(ConnectFailure::Proxy),
        }
    }
}
