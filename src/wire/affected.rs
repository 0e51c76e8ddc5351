//! [`Affected`]: the topic and the symbol of a frame that cannot be decoded.

use super::market_v2::interval;
use super::outline::Outline;
use super::stream::{topic_named, topic_of};
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::symbol::Symbol;
use crate::wire::FRAME_BYTES_MAX;

/// `None` means that the frame may be about any topic or symbol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Affected {
    pub(crate) topic: Option<Topic>,
    pub(crate) symbol: Option<Symbol>,
}

/// The topics of market data v2 by the member `type`. [`interval`] knows the types of candles, which are missing
/// here.
const MARKET_DATA_V2: [(&str, Topic); 7] = [
    ("l2_updates", Topic::Depth),
    ("trade", Topic::Trade),
    ("auction_result", Topic::Trade),
    ("auction_indicative", Topic::Trade),
    ("mark_price_updates", Topic::MarkPrice),
    ("funding_amount_updates", Topic::FundingAmount),
    ("heartbeat", Topic::Other),
];

const MARKET_DATA_V1: [(&str, Topic); 2] = [("update", Topic::Depth), ("heartbeat", Topic::Other)];

impl Affected {
    /// Finds the topic and the symbol of a frame that cannot be decoded. A field is `None` if its value is uncertain:
    /// a member of a broken frame may belong to a nested object, and the member that names the kind of the frame may
    /// be damaged.
    ///
    /// - A frame of order events v1 is always about orders.
    /// - A JSON object that names two kinds or two symbols may be about any topic and symbol.
    /// - Any other JSON object of a known kind, of the current API or of market data v2, has the topic and the symbol
    ///   that its own members name.
    /// - In all other frames, a kind or a symbol is used only if all occurrences of its member have the same value. A
    ///   kind is used only if the text names no kind of another topic. The kind of a trade or an auction of market
    ///   data v2 is used only if the frame begins with this kind. A symbol is used only together with a topic.
    /// - For a frame of market data v1, the symbol is `None`, because such a frame may be about several symbols.
    pub(crate) fn by(endpoint: Endpoint, text: &str) -> Affected {
        if endpoint == Endpoint::OrderEventsV1 {
            return Affected { topic: Some(Topic::Orders), symbol: None };
        }
        let whole = if text.len() <= FRAME_BYTES_MAX { Outline::whole(text) } else { None };
        if whole.as_ref().is_some_and(Outline::contradicts) {
            return Affected { topic: None, symbol: None };
        }
        if endpoint == Endpoint::Streams
            && let Some((topic, symbol)) = whole.as_ref().and_then(topic_of)
        {
            return Affected { topic: Some(topic), symbol };
        }
        let (kind, symbol) = match endpoint {
            Endpoint::Streams => ("\"e\"", "\"s\""),
            _ => ("\"type\"", "\"symbol\""),
        };
        let find = |kinds: &[(&str, Topic)], named: &str| {
            kinds.iter().find(|(name, _)| *name == named).map(|(_, topic)| *topic)
        };
        let of_kind = |named: &str| match endpoint {
            Endpoint::Streams => topic_named(named),
            Endpoint::MarketDataV2 => {
                find(&MARKET_DATA_V2, named).or_else(|| interval(named).map(Topic::Candles))
            }
            _ => find(&MARKET_DATA_V1, named),
        };
        if endpoint == Endpoint::MarketDataV2
            && let Some(it) = &whole
            && let Some(topic) = it.settled().and_then(|kind| of_kind(kind.raw()))
        {
            // The whole frame is JSON, so these members belong to the frame itself and not to one of its rows.
            return Affected { topic: Some(topic), symbol: it.symbol() };
        }
        let is_sure = |named: &str, topic: Topic| {
            let is_row = endpoint == Endpoint::MarketDataV2 && topic == Topic::Trade;
            let is_its_own = !is_row || is_of_type(text, named);
            is_its_own && text.split('"').filter_map(of_kind).all(|other| other == topic)
        };
        let topic =
            only_value(text, kind).and_then(|named| of_kind(named).filter(|topic| is_sure(named, *topic)));
        let symbol = match endpoint {
            Endpoint::MarketDataV1 => None,
            _ => only_value(text, symbol).and_then(|symbol| symbol.parse().ok()),
        };
        Affected { topic, symbol: symbol.filter(|_| topic.is_some()) }
    }
}

/// Returns whether a broken frame of market data v2 begins with the type `named`. A later `type` may belong to a row
/// of the frame, so it does not count.
fn is_of_type(text: &str, named: &str) -> bool {
    let begins = text.trim_start().strip_prefix("{\"type\":\"").and_then(|kind| kind.strip_prefix(named));
    begins.is_some_and(|behind| behind.starts_with('"'))
}

/// Returns the text value of a member. Returns `None` if the member is missing, or if its occurrences have different
/// values. `name` includes the quotes. A damaged value counts as an empty text.
fn only_value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let text_behind = |rest: &'t str| {
        let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let (value, behind) = value.split_once('"')?;
        let behind = behind.trim_start();
        (behind.starts_with([',', '}']) || behind.is_empty()).then_some(value)
    };
    let mut values = text.split(name).skip(1).map(|rest| text_behind(rest).unwrap_or_default());
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}
