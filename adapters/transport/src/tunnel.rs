//! A connection through a proxy: HTTP CONNECT (RFC 9110, section 9.3.6), or SOCKS5 (RFC 1928).

use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt};
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::{Address, Answer, Paced, USER_AGENT, Unreadable, io_failure};
use tokio_socks::io::Compat;
use tokio_socks::tcp::Socks5Stream;

use crate::rules::{Kind, Proxy};

/// Asks the proxy, over the connected stream, to connect to an address. The returned stream leads to this address.
pub(crate) async fn through<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    stream: S,
    address: &Address,
) -> Result<S, ConnectFailure> {
    match proxy.kind() {
        Kind::Http => http(proxy, stream, address).await,
        Kind::Socks5 => socks5(proxy, stream, address).await,
        Kind::Unsupported => Err(ConnectFailure::Proxy),
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    mut stream: S,
    address: &Address,
) -> Result<S, ConnectFailure> {
    let target = address.authority();
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some(basic) = proxy.address().and_then(Address::basic_authorization) {
        request += &format!("Proxy-Authorization: {basic}\r\n");
    }
    request += "\r\n";
    let mut paced = Paced::new(&mut stream);
    paced.write_all(request.as_bytes()).await.map_err(|error| io_failure(&error))?;
    paced.flush().await.map_err(|error| io_failure(&error))?;
    let answer = Answer::read(&mut paced).await.map_err(|error| match error {
        Unreadable::Io(error) => io_failure(&error),
        Unreadable::Ended | Unreadable::NoHttp => ConnectFailure::Proxy,
    })?;
    match answer.status() {
        // The venue does not speak first, so bytes after the answer cannot be the venue's.
        200..300 if answer.rest().is_empty() => Ok(stream),
        200..300 => Err(ConnectFailure::Proxy),
        status => Err(ConnectFailure::ProxyStatus { status, retry_after: answer.retry_after() }),
    }
}

async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    stream: S,
    address: &Address,
) -> Result<S, ConnectFailure> {
    let target = (address.host_without_zone(), address.port());
    let stream = Compat::new(Paced::new(stream));
    let relayed = match proxy.address().and_then(Address::name_and_password) {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some((name, password)) => {
            Socks5Stream::connect_with_password_and_socket(stream, target, name, password).await
        }
    };
    match relayed {
        Ok(stream) => Ok(stream.into_inner().into_inner().into_inner()),
        Err(tokio_socks::Error::Io(error)) => Err(io_failure(&error)),
        Err(_) => Err(ConnectFailure::Proxy),
    }
}
