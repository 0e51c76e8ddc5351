//! [`Address`]: the normalized address of an endpoint.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

use percent_encoding::percent_decode_str;

use crate::value::endpoint::Endpoint;

/// The user name and password of an address, before the `@`. `Debug` shows neither.
///
/// ```
/// use gemini_ws::{Client, Config, Instant};
///
/// let mut client = Client::single(Config::new("wss://user:secret@gateway.example/"));
/// client.open(Instant::ZERO)?;
/// let link = client.links().next().unwrap().0;
/// let request = client.connect_request(link).unwrap();
/// assert_eq!(request.user.as_ref().unwrap().as_str(), "user:secret");
/// assert!(!request.url.contains("secret") && !format!("{client:?} {request:?}").contains("secret"));
/// # Ok::<(), gemini_ws::CommandError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct UserInfo(String);

impl UserInfo {
    /// Returns the text between `://` and the last `@` before the path of the address. Percent escapes in the text
    /// remain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo(…)")
    }
}

/// A normalized address: different spellings of one address are equal.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Address {
    user: Option<UserInfo>,
    base: String,
    /// The parameters of the query, each as it was written, for example `name=value`.
    query: Vec<String>,
}

impl Address {
    pub(crate) fn new(text: &str) -> Address {
        let text = text.trim();
        let text = text.split('#').next().unwrap_or_default();
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(String::from).collect();
        let Some((scheme, rest)) = address.split_once("://") else {
            // Without `://`, the text is not an address. The code that dials it reports the error.
            let base = address.rsplit('@').next().unwrap_or_default().into();
            return Address { user: None, base, query };
        };
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(UserInfo(user.into())).filter(|user| !user.0.is_empty()), host),
            None => (None, authority),
        };
        let (host, zone) = host.split_at(host.find('%').unwrap_or(host.len()));
        let host = alloc::format!("{}{zone}", host.to_ascii_lowercase());
        if !host.ends_with(']') && host.rsplit_once(':').is_some_and(|(_, port)| !is_number(port)) {
            // The text after the colon may be a part of a password, so only the scheme is kept. The code that dials
            // the address reports the error.
            return Address { user: None, base: alloc::format!("{scheme}://"), query: Vec::new() };
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if is_number(port) => (name, port),
            _ => (host.as_str(), ""),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let port = match port.trim_start_matches('0') {
            "" if !port.is_empty() => "0",
            port => port,
        };
        let port = match (scheme.as_str(), port) {
            // Keep the port if the path has an `@`: the port may be a part of a password, and `without_user` needs it
            // to notice this.
            ("ws", "80") | ("wss", "443") if !path.contains('@') => String::new(),
            (_, "") => String::new(),
            (_, port) => alloc::format!(":{port}"),
        };
        let bare = path.trim_end_matches('/');
        let path = match path {
            "" => "/",
            path if Endpoint::of_path(bare) == Endpoint::Streams => path,
            _ => bare,
        };
        Address { user, base: alloc::format!("{scheme}://{name}{port}{path}"), query }
    }

    pub(crate) const fn user(&self) -> Option<&UserInfo> {
        self.user.as_ref()
    }

    /// Returns the address, without user name and password. Each of `parameters` replaces all parameters of the query
    /// that have its name. If the query has none of this name, the new parameter comes last.
    pub(crate) fn with_parameters(&self, parameters: &[(&str, String)]) -> String {
        let query = self.query_with(parameters);
        let mark = if query.is_empty() { "" } else { "?" };
        alloc::format!("{}{mark}{}", self.base, query.join("&"))
    }

    fn query_with(&self, parameters: &[(&str, String)]) -> Vec<String> {
        let mut query = self.query.clone();
        for (name, value) in parameters {
            let is_of_name = |pair: &String| parameter_name(pair) == *name;
            let place = query.iter().position(is_of_name).unwrap_or(query.len());
            query.retain(|pair| !is_of_name(pair));
            query.insert(place, alloc::format!("{name}={value}"));
        }
        query
    }

    pub(crate) fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default()
    }

    pub(crate) fn last_of_path(&self, prefix: &str) -> Option<Cow<'_, str>> {
        self.path().strip_prefix(prefix).map(decoded)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.iter().filter(|pair| pair.contains('='));
        pairs.find(|pair| parameter_name(pair) == name).map(|pair| parameter_value(pair).into_owned())
    }

    /// Joins several parameters of this name into one, at the place of the first. Its value is the comma-separated
    /// list of their values.
    pub(crate) fn join_parameters(&mut self, name: &str) {
        let is_of_name = |pair: &&String| parameter_name(pair) == name;
        if self.query.iter().filter(is_of_name).count() < 2 {
            return;
        }
        let values = self.query.iter().filter(is_of_name).filter_map(|pair| Some(pair.split_once('=')?.1));
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        let joined = values.join(",");
        self.query = self.query_with(&[(name, joined)]);
    }

    pub(crate) fn remove_parameter(&mut self, name: &str) {
        self.query.retain(|pair| parameter_name(pair) != name);
    }

    /// Removes all parameters of this name from the query. Returns the last value, converted by `read`. If `read`
    /// returns `None`, the last parameter moves to the end of the query instead.
    pub(crate) fn take_parameter<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (of_name, others): (Vec<String>, Vec<String>) =
            self.query.drain(..).partition(|pair| parameter_name(pair) == name);
        let value = of_name.last().and_then(|pair| read(&parameter_value(pair)));
        self.query = others;
        if value.is_none() {
            // The client sends the unreadable parameter to the venue unchanged.
            self.query.extend(of_name.into_iter().next_back());
        }
        value
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = shown(&self.with_parameters(&[]), self.user.is_some());
        f.debug_struct("Address").field("user", &self.user).field("url", &url).finish()
    }
}

/// Returns an address as logs and errors may show it, without a user name, a password and a fragment. `***` replaces
/// the value of each parameter of the query whose name contains `session`, `key`, `token`, `secret`, `password` or
/// `signature`, in upper or lower case.
///
/// In a password, the characters `/`, `?`, `#` and `@` must be escaped. If a slash is not escaped, a part of the
/// password is where a path usually is. So if the path has an `@`, `***` replaces everything between `://` and the
/// last `@` of the path in two cases:
///
/// - The text before the path has an `@` too.
/// - The text before the path has a colon, and the name before this colon is neither `localhost` nor an IP address.
///
/// If the text has no `://`, everything up to its last `@` is left out.
///
/// ```
/// use gemini_ws::without_secrets;
///
/// let url = "wss://api.gemini.com/v1/order/events?symbolFilter=btcusd&apiSessionFilter=account-7";
/// let shown = "wss://api.gemini.com/v1/order/events?symbolFilter=btcusd&apiSessionFilter=***";
/// assert_eq!(without_secrets(url), shown);
/// assert_eq!(without_secrets("wss://user:12/secret@gateway.example/"), "wss://***@gateway.example/");
/// ```
pub fn without_secrets(url: &str) -> String {
    shown(url, false)
}

/// Returns an address as [`without_secrets`] does. If `had_user`, a name and a password were already removed from
/// `url`. An `@` in the path may then be a part of the password, so `***` replaces everything before the last one.
pub(crate) fn shown(url: &str, had_user: bool) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let mut shown = without_user(address, had_user);
    for (place, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if place == 0 { '?' } else { '&' });
        match pair.split_once('=').filter(|_| names_secret(pair)) {
            Some((name, _)) => shown.extend([name, "=***"]),
            None => shown.push_str(pair),
        }
    }
    shown
}

fn without_user(address: &str, had_user: bool) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.rsplit('@').next().unwrap_or_default().into();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let had_user = had_user || host.len() < authority.len();
    match path.rsplit_once('@').filter(|_| had_user || may_have_password(host)) {
        Some((_, rest)) => alloc::format!("{scheme}://***@{rest}"),
        None => alloc::format!("{scheme}://{host}{path}"),
    }
}

/// Returns whether a text may be a name and a part of a password instead of a host and a port.
fn may_have_password(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    let is_host = host.starts_with('[') || name == "localhost" || name.parse::<Ipv4Addr>().is_ok();
    !is_host && name.len() < host.len()
}

fn names_secret(pair: &str) -> bool {
    const WORDS: [&str; 6] = ["session", "key", "token", "secret", "password", "signature"];
    let name = parameter_name(pair).to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parameter_name(pair: &str) -> Cow<'_, str> {
    decoded(pair.split('=').next().unwrap_or_default())
}

fn parameter_value(pair: &str) -> Cow<'_, str> {
    decoded(pair.split_once('=').map_or("", |(_, value)| value))
}

/// Decodes percent escapes, which libraries for URLs write.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
