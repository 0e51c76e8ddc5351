//! [`Address`]: the address of an endpoint, in one spelling.

use alloc::string::String;
use alloc::vec::Vec;

use crate::value::endpoint::Endpoint;

/// An address, normalised once: two spellings of it are the same. It holds no name and no password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// Scheme, host and path.
    base: String,
    /// The parameters of the query, without those that were taken out.
    query: Vec<String>,
}

impl Address {
    pub(crate) fn new(text: &str) -> Address {
        let text = text.trim();
        let text = text.split('#').next().unwrap_or_default();
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(String::from).collect();
        let Some((scheme, rest)) = address.split_once("://") else {
            // No address at all, which the dial says.
            return Address { base: address.into(), query };
        };
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
            _ => (host.as_str(), ""),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let port = port.trim_start_matches('0');
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
        Address { base: alloc::format!("{scheme}://{name}{port}{path}"), query }
    }

    /// The address with its query and further parameters. One that the query has already is left alone.
    pub(crate) fn with_parameters(&self, parameters: &[(&str, String)]) -> String {
        let mut query = self.query.clone();
        for (name, value) in parameters {
            if !self.query.iter().any(|pair| parameter_name(pair) == *name) {
                query.push(alloc::format!("{name}={value}"));
            }
        }
        let mark = if query.is_empty() { "" } else { "?" };
        alloc::format!("{}{mark}{}", self.base, query.join("&"))
    }

    /// The host, with its port unless that is the usual one.
    pub(crate) fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The path, with its slash; empty if there is none.
    pub(crate) fn path(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default()
    }

    /// Takes a parameter out of the query, if each value of it can be read; the last one counts.
    pub(crate) fn take_parameter<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (of_name, others): (Vec<String>, Vec<String>) =
            self.query.drain(..).partition(|pair| parameter_name(pair) == name);
        let value = of_name.last().and_then(|pair| read(pair.split_once('=').map_or("", |(_, value)| value)));
        self.query = others;
        if value.is_none() {
            // It goes to the venue as it is, once.
            self.query.extend(of_name.into_iter().next_back());
        }
        value
    }
}

fn parameter_name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}
