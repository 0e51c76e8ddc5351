//! The parts of an address.

use gemini_ws_driver::gemini_ws::ConnectFailure;
use http::Uri;

/// What a URL says: whom to connect to, and whether to secure it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Address {
    pub(crate) is_secure: bool,
    /// An IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Address, ConnectFailure> {
        let uri: Uri = url.parse().map_err(|_| ConnectFailure::InvalidUrl)?;
        let is_secure = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(ConnectFailure::InvalidUrl),
        };
        let (host, port) = host_and_port(&uri).ok_or(ConnectFailure::InvalidUrl)?;
        Ok(Address { is_secure, host, port: port.unwrap_or(if is_secure { 443 } else { 80 }) })
    }
}

/// The host, and the port if there is one; `None` if either is no such thing.
pub(crate) fn host_and_port(uri: &Uri) -> Option<(String, Option<u16>)> {
    let host = uri.host().filter(|host| !host.is_empty())?;
    let port = match uri.authority()?.as_str().rsplit_once(host) {
        Some((_, "")) | None => None,
        Some(_) => Some(uri.port_u16()?),
    };
    // It stands in brackets in a URL, and without them everywhere else.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Some((bare.unwrap_or(host).to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let good = [
            ("ws://127.0.0.1:8080/v2?x=1", (false, "127.0.0.1", 8080)),
            ("ws://localhost", (false, "localhost", 80)),
            ("wss://ws.gemini.com", (true, "ws.gemini.com", 443)),
            ("wss://[::1]:9443/", (true, "::1", 9443)),
            ("ws://[2001:db8::1]", (false, "2001:db8::1", 80)),
        ];
        for (url, (is_secure, host, port)) in good {
            assert_eq!(Address::parse(url), Ok(Address { is_secure, host: host.to_owned(), port }), "{url}");
        }
        for url in
            ["", "localhost", "http://localhost", "ws://", "ws://:80", "ws://localhost:", "ws://a:70000"]
        {
            assert_eq!(Address::parse(url), Err(ConnectFailure::InvalidUrl), "{url}");
        }
    }
}
