//! [`Endpoint`]: the API that a frame belongs to.

use core::fmt;
use core::str::FromStr;

/// The API that is spoken at an endpoint: the current API or one of three archived APIs.
///
/// A frame does not name its API, but the same member may mean different things in different APIs. So the caller
/// names the `Endpoint` when it decodes a frame. The addresses below are those of production.
///
/// ```
/// use gemini_ws::{Endpoint, Message, Scratch};
///
/// let frame = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","99.50","2"]]}"#;
/// assert_eq!(Endpoint::guess(frame), Some(Endpoint::MarketDataV2));
/// let mut scratch = Scratch::new();
/// let Ok(Message::L2Updates(updates)) = Endpoint::MarketDataV2.decode(frame, &mut scratch) else { panic!() };
/// assert_eq!(updates.bids[0].price.to_string(), "99.50");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Endpoint {
    /// [The current API](crate::protocol::streams), at `wss://ws.gemini.com`.
    #[default]
    Streams,
    /// The archived API [market data v2](crate::protocol::market_data_v2), at `wss://api.gemini.com/v2/marketdata`.
    MarketDataV2,
    /// The archived API [market data v1](crate::protocol::market_data_v1), at
    /// `wss://api.gemini.com/v1/marketdata/{symbol}` and `wss://api.gemini.com/v1/multimarketdata`.
    MarketDataV1,
    /// The archived API [order events v1](crate::protocol::order_events_v1), at
    /// `wss://api.gemini.com/v1/order/events`.
    OrderEventsV1,
}

impl Endpoint {
    /// All four APIs.
    pub const ALL: [Endpoint; 4] =
        [Endpoint::Streams, Endpoint::MarketDataV2, Endpoint::MarketDataV1, Endpoint::OrderEventsV1];

    pub(crate) fn of_path(path: &str) -> Endpoint {
        match path {
            "/v2/marketdata" => Endpoint::MarketDataV2,
            "/v1/multimarketdata" => Endpoint::MarketDataV1,
            "/v1/order/events" => Endpoint::OrderEventsV1,
            path if path.starts_with("/v1/marketdata/") => Endpoint::MarketDataV1,
            _ => Endpoint::Streams,
        }
    }

    /// Returns the short name of the API: `streams`, `v2`, `v1` or `orders-v1`. The command `gemini-ws` accepts this
    /// name as an argument, and [`FromStr`] parses it.
    pub const fn name(self) -> &'static str {
        match self {
            Endpoint::Streams => "streams",
            Endpoint::MarketDataV2 => "v2",
            Endpoint::MarketDataV1 => "v1",
            Endpoint::OrderEventsV1 => "orders-v1",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::value::print::name(f, self.name())
    }
}

/// The error for a text that is not the name of an [`Endpoint`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidEndpoint;

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an endpoint is one of streams, v2, v1 and orders-v1")
    }
}

impl core::error::Error for InvalidEndpoint {}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    /// Parses a name that [`Endpoint::name`] returns.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidEndpoint`] for any other text.
    fn from_str(text: &str) -> Result<Endpoint, InvalidEndpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == text).ok_or(InvalidEndpoint)
    }
}
