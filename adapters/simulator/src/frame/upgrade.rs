//! [`UpgradeRequest`]: the HTTP request that opens a session, and the endpoint that it names.

use std::borrow::Cow;
use std::time::Duration;

use gemini_ws::Symbol;
use percent_encoding::percent_decode_str;

/// The HTTP request of a WebSocket upgrade, with the parts that the exchange reads.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'r> {
    /// The path and the query, for example `/?snapshot=-1`.
    pub target: &'r str,
    /// The names of the headers, in any case, and their values.
    pub headers: &'r [(&'r str, &'r str)],
}

/// The answer to an upgrade that the exchange refuses. No session begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpgradeRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The body of the response, which is JSON.
    pub body: String,
    /// The delay of the header `Retry-After`, in whole seconds; `None` if the response has no such header.
    pub retry_after: Option<Duration>,
}

pub(crate) fn value_of<'r>(headers: &[(&'r str, &'r str)], name: &str) -> Option<&'r str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Endpoint {
    /// `/`: the current API.
    Streams,
    /// `/v2/marketdata`.
    MarketDataV2,
    /// `/v1/marketdata/{symbol}`.
    MarketDataV1(Symbol),
    /// `/v1/multimarketdata?symbols=…`.
    MultiMarketDataV1(Vec<Symbol>),
    /// `/v1/order/events`.
    OrderEventsV1,
}

impl Endpoint {
    pub(crate) const fn is_market_data(&self) -> bool {
        matches!(self, Endpoint::MarketDataV2 | Endpoint::MarketDataV1(_) | Endpoint::MultiMarketDataV1(_))
    }
}

impl<'r> UpgradeRequest<'r> {
    pub(crate) fn path(&self) -> &'r str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &'r str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = (Cow<'r, str>, Cow<'r, str>)> + use<'r> {
        parameters(self.query())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&'r str> {
        value_of(self.headers, name)
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint, UpgradeRefusal> {
        match self.plain_path() {
            "" | "/" => Ok(Endpoint::Streams),
            "/v2/marketdata" => Ok(Endpoint::MarketDataV2),
            "/v1/order/events" => Ok(Endpoint::OrderEventsV1),
            "/v1/multimarketdata" => {
                let mut lists = self.parameters().filter(|(name, _)| name == "symbols");
                let (_, symbols) = lists.next().ok_or_else(|| refusal(400, "MissingSymbols"))?;
                if lists.next().is_some() {
                    return Err(refusal(400, "RepeatedSymbols"));
                }
                let symbols = symbols.split(',').map(|name| name.parse::<Symbol>().map_err(|_| no_symbol()));
                Ok(Endpoint::MultiMarketDataV1(symbols.collect::<Result<_, _>>()?))
            }
            path => match path.strip_prefix("/v1/marketdata/") {
                Some(symbol) => Ok(Endpoint::MarketDataV1(decoded(symbol).parse().map_err(|_| no_symbol())?)),
                None => Err(refusal(404, "EndpointNotFound")),
            },
        }
    }

    /// Returns the path. A path that ends with exactly one slash, as some clients write it, loses this slash.
    pub(crate) fn plain_path(&self) -> &'r str {
        let path = self.path();
        path.strip_suffix('/').filter(|plain| !plain.is_empty() && !plain.ends_with('/')).unwrap_or(path)
    }
}

/// Returns the names and values of a query, in their order, with `%` escapes decoded.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Creates a refusal whose body has the form of the venue's errors.
pub(crate) fn refusal(status: u16, reason: &str) -> UpgradeRefusal {
    let body = format!(r#"{{"result":"error","reason":"{reason}"}}"#);
    UpgradeRefusal { status, body, retry_after: None }
}

fn no_symbol() -> UpgradeRefusal {
    refusal(404, "InvalidSymbol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let symbol = |name: &str| name.parse::<Symbol>().unwrap();
        let both = Endpoint::MultiMarketDataV1(vec![symbol("btcusd"), symbol("ethusd")]);
        let table = [
            ("/", Ok(Endpoint::Streams)),
            ("/?snapshot=-1", Ok(Endpoint::Streams)),
            ("/v2/marketdata", Ok(Endpoint::MarketDataV2)),
            ("/v1/order/events?heartbeat=true", Ok(Endpoint::OrderEventsV1)),
            ("/v1/marketdata/BTCUSD?heartbeat=true", Ok(Endpoint::MarketDataV1(symbol("btcusd")))),
            ("/v1/multimarketdata?heartbeat=true&symbols=BTCUSD,ethusd", Ok(both.clone())),
            ("/v1/multimarketdata", Err(400)),
            ("/v1/multimarketdata?symbols=", Err(404)),
            ("/v1/multimarketdata?symbols=BTCUSD%2Cethusd", Ok(both.clone())),
            ("/v1/multimarketdata?symbols=BTCUSD&%73ymbols=ethusd", Err(400)),
            ("/v1/multimarketdata/?%73ymbols=BTCUSD%2ceth%75sd", Ok(both.clone())),
            ("/v1/multimarketdata/?symbols=BTCUSD%2cethusd", Ok(both)),
            ("/v1/marketdata/%42TC%75sd", Ok(Endpoint::MarketDataV1(symbol("btcusd")))),
            ("/v1/marketdata/btc%20usd", Err(404)),
            ("/v1/marketdata/", Err(404)),
            ("/v1/marketdata/btcusd/", Ok(Endpoint::MarketDataV1(symbol("btcusd")))),
            ("/v1/marketdata/btcusd/?top_of_book=true", Ok(Endpoint::MarketDataV1(symbol("btcusd")))),
            ("/v2/marketdata/", Ok(Endpoint::MarketDataV2)),
            ("/v2/marketdata?", Ok(Endpoint::MarketDataV2)),
            ("/v1/order/events/", Ok(Endpoint::OrderEventsV1)),
            ("?snapshot=-1", Ok(Endpoint::Streams)),
            ("//", Err(404)),
            ("/v2/marketdata//", Err(404)),
            ("/v2//marketdata", Err(404)),
            ("//v2/marketdata", Err(404)),
            ("/v3", Err(404)),
        ];
        for (target, expected) in table {
            let request = UpgradeRequest { target, headers: &[] };
            assert_eq!(request.endpoint().map_err(|refusal| refusal.status), expected, "{target}");
        }
    }

    #[test]
    fn headers_have_no_case() {
        let request = UpgradeRequest { target: "/", headers: &[("X-GEMINI-APIKEY", "key")] };
        assert_eq!(request.header("x-gemini-apikey"), Some("key"));
        assert_eq!(request.header("x-gemini-nonce"), None);
    }
}
