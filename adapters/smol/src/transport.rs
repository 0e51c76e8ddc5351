//! TCP, with TLS or without.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::pki_types::ServerName;
use futures_rustls::rustls::{self, ClientConfig, RootCertStore};
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::io_failure;
use http::Uri;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;

/// The bytes of a link: plain for `ws://`, encrypted for `wss://`.
#[derive(Debug)]
pub enum Transport {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

/// TLS by `ring`, with the roots that browsers trust.
pub(crate) fn default_tls() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // `ring` supports every version that rustls does.
    let config = versions.expect("ring supports TLS 1.2 and 1.3");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// Looks the host up, connects, and secures the connection if the scheme says so.
pub(crate) async fn connect(url: &str, tls: &Arc<ClientConfig>) -> Result<Transport, ConnectFailure> {
    let uri: Uri = url.parse().map_err(|_| ConnectFailure::InvalidUrl)?;
    let secure = match uri.scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        _ => return Err(ConnectFailure::InvalidUrl),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(ConnectFailure::InvalidUrl)?;
    let port = match uri.authority().map_or("", |authority| authority.as_str()).rsplit_once(host) {
        Some((_, "")) | None => {
            if secure {
                443
            } else {
                80
            }
        }
        Some(_) => uri.port_u16().ok_or(ConnectFailure::InvalidUrl)?,
    };
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);

    let addresses = smol::net::resolve((host, port)).await.map_err(|_| ConnectFailure::NameLookup)?;
    let mut failure = ConnectFailure::NameLookup;
    let mut connected = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                connected = Some(stream);
                break;
            }
            Err(error) => failure = io_failure(&error),
        }
    }
    let stream = connected.ok_or(failure)?;
    // Orders are small and urgent.
    stream.set_nodelay(true).map_err(|error| io_failure(&error))?;
    if !secure {
        return Ok(Transport::Plain(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectFailure::InvalidUrl)?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    handshake.map(|stream| Transport::Tls(Box::new(stream))).map_err(|error| tls_failure(&error))
}

fn tls_failure(error: &io::Error) -> ConnectFailure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => ConnectFailure::Certificate,
        Some(_) => ConnectFailure::Tls,
        None => io_failure(error),
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).poll_close(context),
            Transport::Tls(stream) => Pin::new(stream).poll_close(context),
        }
    }
}
