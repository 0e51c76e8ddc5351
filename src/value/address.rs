//! [`Address`]: the normalized address of an endpoint.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

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
    /// Returns the text before the `@` of the address, unchanged.
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
#[derive(Clone, Debug, Eq, PartialEq)]
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
            ("ws", "80") | ("wss", "443") | (_, "") => String::new(),
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

    /// Returns the address, without user name and password. Each of `parameters` replaces the parameter of the query
    /// that has its name, or is added.
    pub(crate) fn with_parameters(&self, parameters: &[(&str, String)]) -> String {
        let mut query = self.query.clone();
        for (name, value) in parameters {
            let is_of_name = |pair: &String| parameter_name(pair) == *name;
            let place = query.iter().position(is_of_name).unwrap_or(query.len());
            query.retain(|pair| !is_of_name(pair));
            query.insert(place, alloc::format!("{name}={value}"));
        }
        let mark = if query.is_empty() { "" } else { "?" };
        alloc::format!("{}{mark}{}", self.base, query.join("&"))
    }

    pub(crate) fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default()
    }

    /// Returns what follows `prefix` in the path, with escapes decoded; `None` if the path does not begin with
    /// `prefix`.
    pub(crate) fn last_of_path(&self, prefix: &str) -> Option<Cow<'_, str>> {
        self.path().strip_prefix(prefix).map(decoded)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.iter().filter(|pair| pair.contains('='));
        pairs.find(|pair| parameter_name(pair) == name).map(|pair| parameter_value(pair).into_owned())
    }

    pub(crate) fn remove_parameter(&mut self, name: &str) {
        self.query.retain(|pair| parameter_name(pair) != name);
    }

    /// Removes a parameter from the query, and returns its last value as `read` converts it. If `read` returns
    /// `None`, the last occurrence remains, at the end of the query.
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
