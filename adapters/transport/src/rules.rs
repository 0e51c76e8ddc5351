//! [`Rules`]: decides which proxy to use for which address.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use gemini_ws_driver::Address;
use gemini_ws_driver::gemini_ws::ConnectFailure;

/// The proxies for `wss://` and `ws://` addresses, and the exceptions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    secure: Option<Proxy>,
    plain: Option<Proxy>,
    except: Vec<Exception>,
    /// Whether dials to addresses of this machine use no proxy.
    spares_loopback: bool,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    kind: Kind,
    /// `None` if the URL of the proxy is invalid.
    address: Option<Address>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Http,
    Socks5,
    Unsupported,
}

/// Hosts to which dials use no proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Hosts {
    All,
    /// A name and its subdomains.
    Below(String),
    /// The addresses whose first bits are those of this address. The number is how many bits must agree.
    Network(IpAddr, u32),
}

impl Rules {
    pub(crate) fn all(url: &str) -> Rules {
        let proxy = Some(Proxy::parse(url));
        Rules { secure: proxy.clone(), plain: proxy, except: Vec::new(), spares_loopback: true }
    }

    pub(crate) fn except(&self, hosts: &str) -> Rules {
        let except = self.except.iter().cloned().chain(exceptions(hosts)).collect();
        Rules { except, ..self.clone() }
    }

    /// Reads the rules from the environment, as curl does. `variable` returns the value of a variable.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Rules {
        // A value that is not UTF-8 counts as set, because a dial must not bypass the proxy.
        let variable = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        let either = |name: &str| {
            // In a CGI program, this variable contains the header `Proxy` of a request from outside.
            let is_foreign = name == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some();
            let upper = || variable(name).filter(|_| !is_foreign);
            let text = variable(&name.to_ascii_lowercase()).or_else(upper)?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let all = either("ALL_PROXY");
        let proxy = |name| either(name).or(all.clone()).map(|url| Proxy::parse(&url));
        Rules {
            secure: proxy("HTTPS_PROXY"),
            plain: proxy("HTTP_PROXY"),
            except: exceptions(&either("NO_PROXY").unwrap_or_default()),
            spares_loopback: true,
        }
    }

    pub(crate) fn of(&self, address: &Address) -> Option<&Proxy> {
        let proxy = if address.is_secure() { &self.secure } else { &self.plain };
        let is_excepted = (self.spares_loopback && address.is_loopback())
            || self
                .except
                .iter()
                .any(|exception| exception.is_for(address.host_without_zone(), address.port()));
        proxy.as_ref().filter(|_| !is_excepted)
    }
}

impl Proxy {
    fn parse(url: &str) -> Proxy {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Kind::Http,
            "socks5" | "socks5h" => Kind::Socks5,
            _ => Kind::Unsupported,
        };
        Proxy { kind, address: Address::parse(&format!("ws://{rest}")).ok() }
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn host_and_port(&self) -> Result<(String, u16), ConnectFailure> {
        let usual = match self.kind {
            Kind::Http => 80,
            Kind::Socks5 => 1080,
            Kind::Unsupported => return Err(ConnectFailure::Proxy),
        };
        let address = self.address.as_ref().ok_or(ConnectFailure::Proxy)?;
        Ok((address.host().to_owned(), address.named_port().unwrap_or(usual)))
    }

    pub(crate) const fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Returns the host and the port as [`Address`] shows them, without the name and the password.
    fn shown(&self) -> String {
        let url = self.address.as_ref().map(Address::to_string);
        let host = url.as_deref().and_then(|url| url.strip_prefix("ws://")?.split('/').next());
        host.unwrap_or("(unreadable)").to_owned()
    }
}

impl fmt::Display for Proxy {
    /// Writes the URL without the name and the password; only the host if the client does not support the scheme.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http://",
            Kind::Socks5 => "socks5://",
            Kind::Unsupported => "",
        };
        write!(f, "{scheme}{}", self.shown())
    }
}

impl fmt::Debug for Proxy {
    /// Hides the name and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.shown())
    }
}

impl Exception {
    fn is_for(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|of| of != port) {
            return false;
        }
        match &self.hosts {
            Hosts::All => true,
            Hosts::Below(name) => {
                let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Hosts::Network(network, bits) => {
                host.parse().is_ok_and(|of: IpAddr| is_within(of, *network, *bits))
            }
        }
    }
}

fn exceptions(text: &str) -> Vec<Exception> {
    text.split([',', ' ']).map(str::trim).filter_map(exception).collect()
}

/// Parses an entry of `NO_PROXY`; `None` if the entry names no host.
fn exception(text: &str) -> Option<Exception> {
    if let Some(hosts) = network(text) {
        return Some(Exception { hosts, port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (text, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let hosts = if bare == "*" { Some(Hosts::All) } else { network(bare).or_else(|| below(bare)) };
    Some(Exception { hosts: hosts?, port })
}

/// Parses a name. Ignores a final dot, and the prefixes `*`, `.` and `*.`, which other programs use for subdomains.
fn below(text: &str) -> Option<Hosts> {
    let name = text.strip_prefix('*').unwrap_or(text);
    let name = name.strip_prefix('.').unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| Hosts::Below(name.to_ascii_lowercase()))
}

/// Parses an address, or a network such as `10.0.0.0/8`.
fn network(text: &str) -> Option<Hosts> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let Some(bits) = bits else {
        let address = address.to_canonical();
        return Some(Hosts::Network(address, if address.is_ipv4() { 32 } else { 128 }));
    };
    let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
    Some(Hosts::Network(address, bits))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let same =
        |of: u128, other: u128, most: u32| (of ^ other).checked_shr(most - bits).unwrap_or_default() == 0;
    match (address.to_canonical(), network) {
        (IpAddr::V4(of), IpAddr::V4(other)) => same(of.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(of), IpAddr::V6(other)) => same(of.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(rules: &Rules, url: &str) -> Option<String> {
        rules.of(&Address::parse(url).unwrap()).map(|proxy| format!("{proxy:?}"))
    }

    /// A value that is not UTF-8 still counts as set. Each row has a variable and its value.
    #[cfg(unix)]
    #[test]
    fn values_that_are_no_text() {
        use std::os::unix::ffi::OsStringExt;

        let rows: [(&str, &[u8]); 4] = [
            ("HTTP_PROXY", b"http://u:\xff@p:1"),
            ("http_proxy", b"\xff"),
            ("ALL_PROXY", b"\xffhttp://p"),
            ("HTTP_PROXY", b"http://p:1/\xff"),
        ];
        for (name, value) in rows {
            let variable = |of: &str| (of == name).then(|| OsString::from_vec(value.to_vec()));
            assert!(proxy_of(&Rules::of_environment(variable), "ws://v").is_some(), "{name} {value:?}");
        }
    }

    #[test]
    fn of_the_environment() {
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let rows: &[Row<'_>] = &[
            (&[], "wss://v", None),
            (&[("HTTPS_PROXY", "http://p:1")], "wss://v", Some("Http p:1")),
            (&[("HTTPS_PROXY", "http://p:1")], "ws://v", None),
            (&[("HTTP_PROXY", "p")], "ws://v", Some("Http p")),
            (&[("HTTP_PROXY", "p"), ("REQUEST_METHOD", "GET")], "ws://v", None),
            (&[("http_proxy", "p"), ("REQUEST_METHOD", "GET")], "ws://v", Some("Http p")),
            (&[("HTTP_PROXY", "p"), ("http_proxy", "q")], "ws://v", Some("Http q")),
            (&[("ALL_PROXY", "socks5h://u:p@[::9]:3/")], "wss://v", Some("Socks5 [::9]:3")),
            (&[("ALL_PROXY", "a"), ("https_proxy", " ")], "wss://v", Some("Http a")),
            (&[("ALL_PROXY", "https://a")], "wss://v", Some("Unsupported a")),
            (&[("ALL_PROXY", "http://")], "wss://v", Some("Http (unreadable)")),
            (&[("ALL_PROXY", "a")], "ws://127.0.0.1:9", None),
            (&[("ALL_PROXY", "a")], "ws://[::1]:9", None),
            (&[("ALL_PROXY", "a")], "ws://localhost", None),
            (&[("ALL_PROXY", "a"), ("NO_PROXY", "*")], "wss://v", None),
            (&[("ALL_PROXY", "a"), ("no_proxy", "w, v")], "wss://v", None),
        ];
        for (variables, url, expected) in rows {
            let variable = |name: &str| {
                variables.iter().find(|(of, _)| *of == name).map(|(_, value)| OsString::from(value))
            };
            assert_eq!(
                proxy_of(&Rules::of_environment(variable), url).as_deref(),
                *expected,
                "{variables:?} {url}"
            );
        }
    }

    #[test]
    fn a_message_names_a_proxy_without_its_password() {
        for (url, expected) in [
            ("http://user:secret@p.example:3128/", "http://p.example:3128"),
            ("p.example", "http://p.example"),
            ("SOCKS5H://user:secret@[2001:db8::9]:1080", "socks5://[2001:db8::9]:1080"),
            ("https://user:secret@p.example", "p.example"),
            ("http://user:12/hunter2@p.example:3128", "http://***@p.example:3128"),
            ("user:secret@p.example://", "(unreadable)"),
            ("http://user:secret", "http://(unreadable)"),
        ] {
            assert_eq!(Proxy::parse(url).to_string(), expected, "{url}");
        }
    }

    #[test]
    fn exceptions_of_hosts() {
        for (except, excepted, others) in [
            ("example.com", "example.com EXAMPLE.com. a.example.com", "anexample.com com"),
            (".example.com", "example.com a.example.com", "b.com"),
            ("*.example.com", "example.com a.example.com", "b.com"),
            ("10.0.0.0/8", "10.9.8.7 [::ffff:10.0.0.1]", "11.0.0.1 [::2] ten"),
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("0.0.0.0/0", "10.0.0.1", "[::2] name"),
            ("2001:db8::/32", "[2001:db8::9] [2001:db8:ffff::%25eth0]", "[2001:db9::] 10.0.0.1"),
            ("[2001:db8::9]:80", "[2001:db8::9]", "[2001:db8::9]:81"),
            ("a:80, b:81", "a:80 a b:81", "a:81 b"),
            ("::ffff:10.0.0.1", "10.0.0.1 [::ffff:10.0.0.1]", "10.0.0.2"),
            ("*", "a 1.2.3.4 [::2]", ""),
            (". *. :443 [] ,,", "", "a 1.2.3.4"),
            ("", "127.0.0.1 localhost [::1]", "a"),
            ("10.0.0.0/33", "", "10.0.0.1"),
        ] {
            let rules = Rules::all("p").except("elsewhere").except(except);
            assert_eq!(proxy_of(&rules, "ws://elsewhere"), None);
            for (hosts, is_excepted) in [(excepted, true), (others, false)] {
                for host in hosts.split_whitespace() {
                    let proxy = proxy_of(&rules, &format!("ws://{host}"));
                    assert_eq!(proxy.is_none(), is_excepted, "{except}: {host}");
                }
            }
        }
    }
}
