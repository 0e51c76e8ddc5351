//! [`Affected`]: what a frame that cannot be decoded may have been about.

use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::symbol::Symbol;

/// The topic and the symbol that a frame, as far as it can be read, names; `None` where it may be any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Affected {
    pub(crate) topic: Option<Topic>,
    pub(crate) symbol: Option<Symbol>,
}

/// The kinds of the current API by the member `e`.
const STREAMS: [(&str, Topic); 11] = [
    ("depthUpdate", Topic::Depth),
    ("orderUpdate", Topic::Orders),
    ("executionReport", Topic::Orders),
    ("orderSnapshot", Topic::Orders),
    ("balanceUpdate", Topic::Balances),
    ("positionReport", Topic::Positions),
    // Public and private ones share the name.
    ("requestForQuote", Topic::Quotes),
    ("markPrice", Topic::MarkPrice),
    ("fundingAmount", Topic::FundingAmount),
    ("contractStatus", Topic::ContractStatus),
    ("trade", Topic::Trade),
];

/// The kinds of market data v2 by the member `type`.
const MARKET_DATA_V2: [(&str, Topic); 5] = [
    ("l2_updates", Topic::Depth),
    ("trade", Topic::Trade),
    ("mark_price_updates", Topic::MarkPrice),
    ("funding_amount_updates", Topic::FundingAmount),
    ("heartbeat", Topic::Other),
];

/// The kinds of market data v1 by the member `type`.
const MARKET_DATA_V1: [(&str, Topic); 2] = [("update", Topic::Depth), ("heartbeat", Topic::Other)];

impl Affected {
    /// Reads what can be read. A kind or a symbol counts if the text has that member with one value and no other:
    /// in a broken frame a member may be part of something else.
    pub(crate) fn by(endpoint: Endpoint, text: &str) -> Affected {
        let (kind, symbol, kinds): (_, _, &[(&str, Topic)]) = match endpoint {
            Endpoint::Streams => ("\"e\"", "\"s\"", &STREAMS),
            Endpoint::MarketDataV2 => ("\"type\"", "\"symbol\"", &MARKET_DATA_V2),
            Endpoint::MarketDataV1 => ("\"type\"", "\"symbol\"", &MARKET_DATA_V1),
            Endpoint::OrderEventsV1 => return Affected { topic: Some(Topic::Orders), symbol: None },
        };
        let named = only_value(text, kind);
        let topic = kinds.iter().find(|(name, _)| named == Some(*name)).map(|(_, topic)| *topic);
        // One frame of market data v1 can be about several symbols; its address may name the only one.
        let symbol = match endpoint {
            Endpoint::MarketDataV1 => None,
            _ => only_value(text, symbol).and_then(|symbol| symbol.parse().ok()),
        };
        Affected { topic, symbol: symbol.filter(|_| topic.is_some()) }
    }
}

/// The text that follows each occurrence of a member's name, if it is always the same.
fn only_value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut values = text.match_indices(name).filter_map(|(at, _)| {
        let rest = text.get(at.checked_add(name.len())?..)?.trim_start().strip_prefix(':')?;
        // A value that is no text is told from others by being empty.
        rest.trim_start()
            .strip_prefix('"')
            .map_or(Some(""), |value| value.split_once('"').map(|(value, _)| value))
    });
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}
