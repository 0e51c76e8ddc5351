//! Reading the requests of market data v2.

use serde_json::{Map, Value};

use crate::model::candles::INTERVALS;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Feed {
    Level2,
    /// Candles. The number is the position of their interval in [`INTERVALS`].
    Candles(usize),
    MarkPrice,
    FundingAmount,
}

impl Feed {
    fn of_name(name: &str) -> Option<Feed> {
        match name {
            "l2" => Some(Feed::Level2),
            "mark_price" => Some(Feed::MarkPrice),
            "funding_amount" => Some(Feed::FundingAmount),
            _ => {
                let interval = name.strip_prefix("candles_")?;
                INTERVALS.iter().position(|(known, _)| *known == interval).map(Feed::Candles)
            }
        }
    }

    pub(crate) const fn is_of_perpetuals(self) -> bool {
        matches!(self, Feed::MarkPrice | Feed::FundingAmount)
    }
}

/// A well-formed request. Its symbols have not been looked up yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    pub(crate) is_subscribe: bool,
    pub(crate) subscriptions: Vec<(Feed, String)>,
}

pub(crate) const INVALID_JSON: &str = "InvalidJson";
pub(crate) const NO_VALID_TRADING_PAIRS: &str = "NoValidTradingPairs";

/// Reads a request. `None` if the text is not a request, or if it names an unknown feed.
pub(crate) fn parse(text: &str) -> Option<Request> {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return None };
    let is_subscribe = match members.get("type")?.as_str()? {
        "subscribe" => true,
        "unsubscribe" => false,
        _ => return None,
    };
    let mut subscriptions = Vec::new();
    for entry in members.get("subscriptions")?.as_array()? {
        let entry: &Map<String, Value> = entry.as_object()?;
        let feed = Feed::of_name(entry.get("name")?.as_str()?)?;
        for symbol in entry.get("symbols")?.as_array()? {
            subscriptions.push((feed, symbol.as_str()?.to_owned()));
        }
    }
    Some(Request { is_subscribe, subscriptions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let parsed = |text| parse(text).map(|request| (request.is_subscribe, request.subscriptions));
        let pair = |feed, symbol: &str| (feed, symbol.to_owned());
        for (text, expected) in [
            (
                r#"{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD","ETHUSD"]},{"name":"candles_1d","symbols":["BTCUSD"]}]}"#,
                Some((
                    true,
                    vec![
                        pair(Feed::Level2, "BTCUSD"),
                        pair(Feed::Level2, "ETHUSD"),
                        pair(Feed::Candles(6), "BTCUSD"),
                    ],
                )),
            ),
            (
                r#"{"subscriptions":[{"symbols":["A"],"name":"mark_price"}],"type":"unsubscribe"}"#,
                Some((false, vec![pair(Feed::MarkPrice, "A")])),
            ),
            (r#"{"type":"subscribe","subscriptions":[]}"#, Some((true, vec![]))),
            (r#"{"type":"subscribe","subscriptions":[{"name":"candles_2m","symbols":["A"]}]}"#, None),
            (r#"{"type":"subscribe","subscriptions":[{"name":"l2","symbols":"A"}]}"#, None),
            (r#"{"type":"subscribe"}"#, None),
            (r#"{"type":"logon","subscriptions":[]}"#, None),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }
}
