//! Reads messages to and from the venue, as far as the observer needs to understand them.

use gemini_ws::{Endpoint, Message, ResponseId, Scratch};

pub struct WrittenMessage<'t> {
    /// Zero for endpoints whose messages have no id.
    pub id: u64,
    pub method: Method<'t>,
    pub parameters: &'t str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method<'t> {
    Subscribe,
    Unsubscribe,
    Other(&'t str),
}

impl<'t> Method<'t> {
    fn new(name: &'t str) -> Method<'t> {
        match name {
            "subscribe" => Method::Subscribe,
            "unsubscribe" => Method::Unsubscribe,
            other => Method::Other(other),
        }
    }
}

/// Reads a message that the client handed out. Returns `None` if the text is not exactly one message, or if the
/// endpoint takes no messages.
pub fn written(text: &str, endpoint: Endpoint) -> Option<WrittenMessage<'_>> {
    let message = match endpoint {
        Endpoint::Streams => {
            let rest = text.strip_prefix("{\"id\":")?;
            let (id, rest) = rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?;
            let (method, parameters) = rest.strip_prefix(",\"method\":\"")?.split_once('"')?;
            WrittenMessage { id: id.parse().ok()?, method: Method::new(method), parameters }
        }
        Endpoint::MarketDataV2 => {
            let (method, parameters) = text.strip_prefix("{\"type\":\"")?.split_once('"')?;
            WrittenMessage { id: 0, method: Method::new(method), parameters }
        }
        Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => return None,
    };
    // Names of streams contain no escapes, so their messages are not parsed. All other messages are parsed as JSON.
    let is_plain = match message.method {
        Method::Subscribe | Method::Unsubscribe => {
            let rest = message.parameters.strip_prefix(",\"params\":[\"");
            rest.and_then(|rest| rest.strip_suffix("\"]}"))
                .is_some_and(|names| !names.contains(['[', '{', '\\']))
        }
        Method::Other(_) => message.parameters == "}",
    };
    let is_whole = is_plain || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_whole.then_some(message)
}

impl<'t> WrittenMessage<'t> {
    /// Returns whether the message surely needs an authenticated link, so that it counts as a heartbeat.
    pub fn is_of_account(&self) -> bool {
        if let Method::Other(name) = self.method {
            return name.starts_with("order.") || name.starts_with("rfq.");
        }
        let mut is_any = false;
        self.each_stream(|name, _| is_any |= name.contains("@account") || name.contains("@session"));
        is_any
    }

    /// Calls `each` with the name of each stream in the message. On market data v2, also passes the symbol.
    pub fn each_stream(&self, mut each: impl FnMut(&str, Option<&str>)) {
        if self.id > 0 {
            let names = self.parameters.strip_prefix(",\"params\":[").unwrap_or_default();
            names.split('"').skip(1).step_by(2).for_each(|name| each(name, None));
            return;
        }
        let object = format!("{{\"type\":\"\"{}", self.parameters);
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&object) else { return };
        for subscription in message["subscriptions"].as_array().into_iter().flatten() {
            let name = subscription["name"].as_str().unwrap_or_default();
            for symbol in subscription["symbols"].as_array().into_iter().flatten() {
                each(name, symbol.as_str());
            }
        }
    }
}

pub fn id_of(text: &str) -> Option<u64> {
    written(text, Endpoint::Streams).map(|message| message.id)
}

pub struct Answered {
    pub id: u64,
    pub is_ok: bool,
}

pub fn read(text: &str) -> Option<Answered> {
    if let Some(rest) = text.strip_prefix("{\"id\":")
        && let Some(id) = rest.strip_suffix(",\"status\":200}").and_then(|id| id.parse().ok())
    {
        return Some(Answered { id, is_ok: true });
    }
    let mut scratch = Scratch::new();
    match gemini_ws::decode(text, &mut scratch) {
        Ok(Message::Response(response)) => match response.id {
            ResponseId::Number(id) => Some(Answered { id, is_ok: response.is_ok() }),
            ResponseId::Text(_) => None,
        },
        _ => None,
    }
}
