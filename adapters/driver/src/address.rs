//! [`Address`]: the parts of the URL of an endpoint.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use base64ct::{Base64, Encoding};
use gemini_ws::{ConnectFailure, without_secrets};
use percent_encoding::percent_decode_str;

/// The parts of a `ws://` or `wss://` URL.
///
/// The URL may contain a name and a password, which `Display` and `Debug` do not show. They show the address as
/// [`without_secrets`] does.
///
/// ```
/// use gemini_ws_driver::Address;
///
/// let address = Address::parse("wss://user:secret@ws.gemini.com/v1?heartbeat=true")?;
/// assert_eq!((address.host(), address.port(), address.is_secure()), ("ws.gemini.com", 443, true));
/// assert_eq!(address.to_string(), "wss://ws.gemini.com/v1?heartbeat=true");
/// # Ok::<(), gemini_ws_driver::gemini_ws::ConnectFailure>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Address {
    is_secure: bool,
    host: String,
    named_port: Option<u16>,
    path: String,
    user: Option<(String, String)>,
}

impl Address {
    /// Parses a `ws://` or `wss://` URL without a fragment (RFC 6455, section 3). The host is an ASCII name, an IPv4
    /// address, or an IPv6 address in brackets, perhaps with a zone (`%25eth0`).
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::InvalidUrl`] if the text is no such URL, if the port is 0, or if
    /// [`with_user`](Address::with_user) would refuse the name and the password.
    pub fn parse(url: &str) -> Result<Address, ConnectFailure> {
        Address::of(url).ok_or(ConnectFailure::InvalidUrl)
    }

    fn of(url: &str) -> Option<Address> {
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "wss" => true,
            "ws" => false,
            _ => return None,
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains('#') {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, authority),
        };
        let (host, named_port) = host_and_port_of(host_and_port)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let user = match user {
            None | Some("") => None,
            Some(user) => Some(name_and_password(user)?),
        };
        Some(Address { is_secure, host, named_port, path, user })
    }

    /// Sets the name and the password. `user` has the form `name:password` or `name`, as in a URL.
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::InvalidUrl`] if, with `%` escapes decoded, the name or the password is not UTF-8 or contains
    /// a control character, or the name contains a colon.
    pub fn with_user(self, user: &str) -> Result<Address, ConnectFailure> {
        let user = name_and_password(user).ok_or(ConnectFailure::InvalidUrl)?;
        Ok(Address { user: Some(user), ..self })
    }

    /// Returns whether the scheme is `wss`.
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns the host: a name or an address. An IPv6 address has no brackets and keeps its zone (`fe80::1%eth0`).
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port. If the URL names no port, the port is 443 for `wss` and 80 for `ws`.
    pub fn port(&self) -> u16 {
        self.named_port.unwrap_or(if self.is_secure { 443 } else { 80 })
    }

    /// Returns the port that the URL names; `None` if the URL names no port.
    pub const fn named_port(&self) -> Option<u16> {
        self.named_port
    }

    /// Returns the path and the query. The text begins with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the host is this machine: a loopback address, or a name that [`is_localhost`] accepts.
    ///
    /// ```
    /// use gemini_ws_driver::Address;
    ///
    /// for (url, is_loopback) in [("ws://127.0.0.9:1", true), ("ws://[::1]", true), ("ws://10.0.0.1", false)] {
    ///     assert_eq!(Address::parse(url)?.is_loopback(), is_loopback);
    /// }
    /// # Ok::<(), gemini_ws_driver::gemini_ws::ConnectFailure>(())
    /// ```
    pub fn is_loopback(&self) -> bool {
        // A host that ends with a dot, such as `127.0.0.1.`, is a name and no address. Such a name can belong to any
        // machine.
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => is_localhost(&self.host),
        }
    }

    /// Returns the host without the zone of an IPv6 address.
    pub fn host_without_zone(&self) -> &str {
        self.host.split('%').next().unwrap_or_default()
    }

    /// Returns host and port in the form that a proxy expects: an IPv6 address in brackets, without a zone.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host_in_brackets(), self.port())
    }

    /// Returns the value of the header `Host`. The value contains the port only if the URL names one.
    pub fn host_header(&self) -> String {
        if self.named_port.is_some() { self.authority() } else { self.host_in_brackets() }
    }

    fn host_in_brackets(&self) -> String {
        let host = self.host_without_zone();
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }

    /// Returns the decoded name and password, if there are any.
    pub fn name_and_password(&self) -> Option<(&str, &str)> {
        self.user.as_ref().map(|(name, password)| (name.as_str(), password.as_str()))
    }

    /// Returns the value of the header `Authorization` for the name and the password, if there are any (RFC 7617).
    ///
    /// ```
    /// use gemini_ws_driver::Address;
    ///
    /// let address = Address::parse("ws://user:a%20secret@gateway.example")?;
    /// assert_eq!(address.basic_authorization().as_deref(), Some("Basic dXNlcjphIHNlY3JldA=="));
    /// # Ok::<(), gemini_ws_driver::gemini_ws::ConnectFailure>(())
    /// ```
    pub fn basic_authorization(&self) -> Option<String> {
        let (name, password) = self.name_and_password()?;
        Some(format!("Basic {}", Base64::encode_string(format!("{name}:{password}").as_bytes())))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        let user = if self.user.is_some() { "@" } else { "" };
        let url = format!("{scheme}://{user}{}{}", self.host_header(), self.path);
        f.write_str(&without_secrets(&url))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&format_args!("{self}")).finish()
    }
}

/// Returns whether a name is `localhost` or ends with `.localhost`. Case does not matter, and a final dot is ignored.
/// Such names belong to this machine (RFC 6761, section 6.3).
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn host_and_port_of(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, rest) = rest.split_once(']')?;
            (literal(inner)?, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            if host.is_empty() || !host.bytes().all(is_name) {
                return None;
            }
            (host.to_owned(), port)
        }
    };
    let Some(port) = port else { return Some((host, None)) };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_number && *port != 0)?;
    Some((host, Some(port)))
}

/// Parses the text between the brackets of a host: an IPv6 address, perhaps with a zone.
fn literal(text: &str) -> Option<String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (text, None),
    };
    address.parse::<Ipv6Addr>().ok()?;
    match zone {
        None => Some(address.to_owned()),
        Some("") => None,
        Some(zone) => Some(format!("{address}%{zone}")),
    }
}

fn name_and_password(user: &str) -> Option<(String, String)> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let (name, password) = (percent_decoded(name)?, percent_decoded(password)?);
    // A server would take a colon in the name for the end of the name (RFC 7617, section 2).
    let is_plain = !name.contains(':') && !name.chars().chain(password.chars()).any(char::is_control);
    is_plain.then_some((name, password))
}

fn percent_decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let good = [
            ("ws://127.0.0.1:8080/v2?x=1", (false, "127.0.0.1", 8080), "127.0.0.1:8080", "/v2?x=1"),
            ("ws://localhost", (false, "localhost", 80), "localhost", "/"),
            (
                "WSS://ws.gemini.com?snapshot=-1",
                (true, "ws.gemini.com", 443),
                "ws.gemini.com",
                "/?snapshot=-1",
            ),
            ("wss://[::1]:9443/", (true, "::1", 9443), "[::1]:9443", "/"),
            ("ws://[2001:db8::1]", (false, "2001:db8::1", 80), "[2001:db8::1]", "/"),
            ("ws://[fe80::1%25eth0]:1/", (false, "fe80::1%eth0", 1), "[fe80::1]:1", "/"),
            ("ws://[fe80::1%eth0]", (false, "fe80::1%eth0", 80), "[fe80::1]", "/"),
            ("ws://u:p@a_b.example.:1/@", (false, "a_b.example.", 1), "a_b.example.:1", "/@"),
        ];
        for (url, (is_secure, host, port), header, path) in good {
            let address = Address::parse(url).expect(url);
            assert_eq!(
                (address.is_secure(), address.host(), address.port()),
                (is_secure, host, port),
                "{url}"
            );
            assert_eq!((address.host_header().as_str(), address.path()), (header, path), "{url}");
        }
        for url in [
            "",
            "localhost",
            "http://localhost",
            "ws:/localhost",
            "ws://",
            "ws://:80",
            "ws://localhost:",
            "ws://a:70000",
            "ws://a:0",
            "ws://a:+1",
            "ws://a b/",
            "ws://a/ b",
            "ws://a/#b",
            "ws://a\r\nb/",
            "ws://ä/",
            "ws://[::1",
            "ws://[1]",
            "ws://[::1]1",
            "ws://[::1%25]",
            "ws://::1/",
            "ws://a%20b/",
            "ws://u@/",
            "ws://%ff@a/",
            "ws://a%3ab:c@a/",
            "ws://a:%0a@a/",
        ] {
            assert_eq!(Address::parse(url), Err(ConnectFailure::InvalidUrl), "{url}");
        }
    }

    #[test]
    fn names_and_passwords() {
        for (url, basic) in [
            ("ws://trader:hunter2@a/", Some("Basic dHJhZGVyOmh1bnRlcjI=")),
            ("ws://trader@a/", Some("Basic dHJhZGVyOg==")),
            ("ws://a%40b:%zz@a/", Some("Basic YUBiOiV6eg==")),
            ("ws://@a/", None),
            ("ws://a/", None),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!(address.basic_authorization().as_deref(), basic, "{url}");
            assert_eq!(format!("{address} {address:?}"), "ws://a/ Address(ws://a/)");
        }
    }

    #[test]
    fn what_is_shown() {
        for (url, expected) in [
            ("ws://trader:12/hunter2@a/x", "ws://***@a/x"),
            ("ws://trader:h@unter2/b@a/x", "ws://***@a/x"),
            ("ws://a/x?apiSessionFilter=hunter2&x=1", "ws://a/x?apiSessionFilter=***&x=1"),
            ("ws://a/btcusd@depth", "ws://a/btcusd@depth"),
            ("ws://[::1]:9/btcusd@depth", "ws://[::1]:9/btcusd@depth"),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!(format!("{address} {address:?}"), format!("{expected} Address({expected})"));
        }
    }

    #[test]
    fn what_is_of_this_machine() {
        for (url, is_loopback) in [
            ("ws://127.0.0.1.", false),
            ("ws://127.0.0.1.:8080/", false),
            ("ws://127.1", false),
            ("ws://localhost.:1", true),
            ("ws://localhost", true),
            ("ws://LOCALHOST.:1", true),
            ("ws://a.localhost", true),
            ("ws://127.1.2.3", true),
            ("ws://[::ffff:127.0.0.1]", true),
            ("ws://localhost.example", false),
            ("ws://alocalhost", false),
            ("ws://128.0.0.1", false),
            ("ws://0.0.0.0", false),
        ] {
            assert_eq!(Address::parse(url).expect(url).is_loopback(), is_loopback, "{url}");
        }
    }
}
