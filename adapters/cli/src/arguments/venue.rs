//! [`Venue`]: where to connect to. Also hides passwords in addresses.

use std::borrow::Cow;
use std::fmt;

use gemini_ws::{Config, Endpoint, PRODUCTION, SANDBOX, without_secrets};
use gemini_ws_smol::driver::Address;

/// Where to connect to. The command checks an address itself, because clap would repeat a wrong address, perhaps with
/// a password, in its error message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Venue {
    Simulator,
    Live,
    Sandbox,
    Url(String),
    Wrong(Wrong),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wrong {
    Form,
    User,
}

impl Venue {
    /// Returns the address; `None` for a wrong address, and for the simulator, whose address is not known yet.
    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Venue::Simulator | Venue::Wrong(_) => None,
            Venue::Live => Some(PRODUCTION),
            Venue::Sandbox => Some(SANDBOX),
            Venue::Url(url) => Some(url),
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.url().is_some_and(|url| url.starts_with("wss:"))
    }

    pub(crate) fn is_local(&self) -> bool {
        let Venue::Url(url) = self else { return *self == Venue::Simulator };
        Address::parse(url).is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let message = match self {
            Venue::Wrong(Wrong::Form) => {
                "use simulator, live, sandbox, or an address such as ws://127.0.0.1:9000".to_owned()
            }
            Venue::Wrong(Wrong::User) => {
                "the address contains a user or a password, which all users of this machine can read; leave out the \
                 part before the @"
                    .to_owned()
            }
            Venue::Url(url) => match name_of(Config::new(url).endpoint()) {
                None => return Ok(()),
                Some(api) => format!(
                    "{self} is an address of {api}, which has no streams such as btcusd@depth; watch needs an address \
                     of the current API, so leave out the path"
                ),
            },
            Venue::Simulator | Venue::Live | Venue::Sandbox => return Ok(()),
        };
        Err(format!("--venue: {message}"))
    }

    fn of_url(url: &str) -> Result<Venue, Wrong> {
        let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://")).ok_or(Wrong::Form)?;
        // Search the whole address, because a password can contain a slash.
        if rest.contains('@') {
            return Err(Wrong::User);
        }
        match Address::parse(url) {
            Ok(_) => Ok(Venue::Url(url.to_owned())),
            Err(_) => Err(Wrong::Form),
        }
    }
}

const fn name_of(endpoint: Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::Streams => None,
        Endpoint::MarketDataV2 => Some("market data v2"),
        Endpoint::MarketDataV1 => Some("market data v1"),
        Endpoint::OrderEventsV1 => Some("order events v1"),
    }
}

impl From<&str> for Venue {
    fn from(text: &str) -> Venue {
        match text {
            "simulator" => Venue::Simulator,
            "live" => Venue::Live,
            "sandbox" => Venue::Sandbox,
            url => Venue::of_url(url).unwrap_or_else(Venue::Wrong),
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Venue::Simulator => "simulator",
            Venue::Live => "live",
            Venue::Sandbox => "sandbox",
            Venue::Url(url) => return f.write_str(&without_secrets(url)),
            Venue::Wrong(_) => "(wrong)",
        })
    }
}

/// Replaces the user and the password behind each `//` of a text by asterisks.
pub(super) fn without_users(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(found) = shown.get(from..).and_then(|rest| rest.find("//")) {
        from += found + 2;
        let rest = shown.get(from..).unwrap_or_default();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"');
        let authority = rest.split(is_end).next().unwrap_or_default();
        if let Some(user) = authority.rfind('@') {
            shown.to_mut().replace_range(from..from + user, "***");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let wrong = |it| Venue::Wrong(it);
        let url = |it: &str| Venue::Url(it.to_owned());
        let table = [
            ("simulator", Venue::Simulator),
            ("ws://[::1]:9000/x", url("ws://[::1]:9000/x")),
            ("wss://host/path?a=b", url("wss://host/path?a=b")),
            ("ws://trader:hun/ter2@host", wrong(Wrong::User)),
            ("ws://trader:hun?ter2@host", wrong(Wrong::User)),
            ("ws://trader:hunter2@host", wrong(Wrong::User)),
            ("wss://trader@host/", wrong(Wrong::User)),
            ("ws://@host", wrong(Wrong::User)),
            ("http://trader:hunter2@host", wrong(Wrong::Form)),
            ("ws://", wrong(Wrong::Form)),
            ("ws://:90", wrong(Wrong::Form)),
            ("ws:///x", wrong(Wrong::Form)),
            ("ws://host:0", wrong(Wrong::Form)),
            ("ws://host:99999/x", wrong(Wrong::Form)),
            ("ws://127.0.0.1:1:2", wrong(Wrong::Form)),
            ("ws://[::1", wrong(Wrong::Form)),
            ("ws://[::1]x", wrong(Wrong::Form)),
            ("ws://host/#part", wrong(Wrong::Form)),
            ("ws://a\u{1b}b", wrong(Wrong::Form)),
            ("simulater", wrong(Wrong::Form)),
        ];
        for (text, expected) in table {
            let venue = Venue::from(text);
            assert_eq!(venue, expected, "{text}");
            assert_eq!(venue.check().is_err(), matches!(venue, Venue::Wrong(_)));
            assert!(!format!("{venue:?} {venue} {:?}", venue.check()).contains("hunter2"));
        }
    }

    #[test]
    fn what_is_local() {
        for url in [
            "ws://127.0.0.1:9000",
            "ws://[::1]:9/x",
            "wss://LocalHost/",
            "ws://127.9.9.9?x",
            "ws://[::ffff:127.0.0.1]",
        ] {
            assert!(Venue::from(url).is_local(), "{url}");
        }
        for url in
            ["ws://localhost.example", "ws://10.0.0.1", "ws://[2001:db8::1]", "ws://host/127.0.0.1", "live"]
        {
            assert!(!Venue::from(url).is_local(), "{url}");
        }
    }

    #[test]
    fn users_are_not_shown() {
        let table = [
            ("nothing // here", "nothing // here"),
            ("'ws://trader:hunter2@host/x' and ws://a@b", "'ws://***@host/x' and ws://***@b"),
            ("ws://a:b@c@d", "ws://***@d"),
            ("ws://a:b/c@d and e@f", "ws://***@d and e@f"),
        ];
        for (text, expected) in table {
            assert_eq!(without_users(text), expected);
        }
    }
}
