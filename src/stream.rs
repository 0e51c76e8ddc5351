//! [`Stream`]: what one can subscribe to, and how the venue spells it.

use core::fmt;
use core::str::FromStr;

use crate::symbol::Symbol;

/// A public stream of `wss://ws.gemini.com` (`ws-gemini-com.md`, sections 7 and 10).
///
/// Prints as the venue's stream name and is read back from it.
///
/// ```
/// use gemini_ws::{Cadence, Stream};
///
/// let stream: Stream = "BTCUSD@depth@100ms".parse().unwrap();
/// assert_eq!(stream, Stream::Depth { symbol: "btcusd".parse().unwrap(), cadence: Cadence::Fast });
/// assert_eq!(stream.to_string(), "btcusd@depth@100ms");
/// assert!("btcusd@depth@10ms".parse::<Stream>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stream {
    /// `{symbol}@bookTicker`: best bid and ask at each change.
    BookTicker {
        /// The instrument.
        symbol: Symbol,
    },
    /// `contractStatus`: status of all prediction-market contracts.
    ContractStatus,
    /// `{symbol}@depth`: a snapshot of the book, then its changes.
    Depth {
        /// The instrument.
        symbol: Symbol,
        /// How often at most.
        cadence: Cadence,
    },
    /// `{symbol}@fundingAmount`: funding of a perpetual, each minute. Undocumented.
    FundingAmount {
        /// The instrument.
        symbol: Symbol,
    },
    /// `{symbol}@markPrice`: mark price of a perpetual when it changed. Undocumented.
    MarkPrice {
        /// The instrument.
        symbol: Symbol,
    },
    /// `{symbol}@depth5`, `@depth10`, `@depth20`: the best levels, whole each time.
    PartialDepth {
        /// The instrument.
        symbol: Symbol,
        /// Levels per side.
        levels: PartialLevels,
        /// How often at most.
        cadence: Cadence,
    },
    /// `{symbol}@trade`: each trade.
    Trade {
        /// The instrument.
        symbol: Symbol,
    },
}

/// The upper rate of a depth stream; nothing is sent when nothing changed (section 7).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cadence {
    /// Each 100 ms: `@100ms`.
    Fast,
    /// Each second, the venue's default.
    Second,
}

/// The sizes of [`Stream::PartialDepth`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PartialLevels {
    /// Five levels per side.
    Five,
    /// Ten levels per side.
    Ten,
    /// Twenty levels per side.
    Twenty,
}

impl PartialLevels {
    /// The number of levels per side.
    pub const fn count(self) -> usize {
        match self {
            PartialLevels::Five => 5,
            PartialLevels::Ten => 10,
            PartialLevels::Twenty => 20,
        }
    }
}

/// What a frame can be attributed to: frames carry no stream name, so two streams of one symbol
/// and one `Topic` look the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Topic {
    BookTicker,
    ContractStatus,
    Depth,
    FundingAmount,
    MarkPrice,
    PartialDepth,
    Trade,
}

/// How many [`Topic`]s there are.
pub(crate) const TOPICS: usize = 7;

impl Stream {
    /// The instrument; `None` for streams over all of them.
    pub const fn symbol(&self) -> Option<Symbol> {
        match *self {
            Stream::ContractStatus => None,
            Stream::BookTicker { symbol }
            | Stream::Depth { symbol, .. }
            | Stream::FundingAmount { symbol }
            | Stream::MarkPrice { symbol }
            | Stream::PartialDepth { symbol, .. }
            | Stream::Trade { symbol } => Some(symbol),
        }
    }

    pub(crate) const fn topic(&self) -> Topic {
        match self {
            Stream::BookTicker { .. } => Topic::BookTicker,
            Stream::ContractStatus => Topic::ContractStatus,
            Stream::Depth { .. } => Topic::Depth,
            Stream::FundingAmount { .. } => Topic::FundingAmount,
            Stream::MarkPrice { .. } => Topic::MarkPrice,
            Stream::PartialDepth { .. } => Topic::PartialDepth,
            Stream::Trade { .. } => Topic::Trade,
        }
    }
}

impl fmt::Display for Cadence {
    /// The suffix of the stream name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cadence::Fast => "@100ms",
            Cadence::Second => "",
        })
    }
}

impl fmt::Display for Stream {
    /// The venue's name of the stream, the symbol in its [canonical](Symbol::canonical) spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(symbol) = self.symbol() {
            f.write_str(symbol.canonical().as_str())?;
        }
        match self {
            Stream::BookTicker { .. } => f.write_str("@bookTicker"),
            Stream::ContractStatus => f.write_str("contractStatus"),
            Stream::Depth { cadence, .. } => write!(f, "@depth{cadence}"),
            Stream::FundingAmount { .. } => f.write_str("@fundingAmount"),
            Stream::MarkPrice { .. } => f.write_str("@markPrice"),
            Stream::PartialDepth { levels, cadence, .. } => write!(f, "@depth{}{cadence}", levels.count()),
            Stream::Trade { .. } => f.write_str("@trade"),
        }
    }
}

/// A text that names no stream of this API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidStream;

impl fmt::Display for InvalidStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no stream of this API; examples: btcusd@depth@100ms, btcusd@bookTicker, btcusd@trade, contractStatus")
    }
}

impl core::error::Error for InvalidStream {}

impl FromStr for Stream {
    type Err = InvalidStream;

    /// Reads the venue's name of a stream; the symbol may be in upper or lower case.
    ///
    /// # Errors
    ///
    /// [`InvalidStream`] for any other text.
    fn from_str(name: &str) -> Result<Stream, InvalidStream> {
        if name == "contractStatus" {
            return Ok(Stream::ContractStatus);
        }
        let (symbol, kind) = name.split_once('@').ok_or(InvalidStream)?;
        let symbol: Symbol = symbol.parse().map_err(|_| InvalidStream)?;
        let (kind, cadence) = match kind.split_once('@') {
            Some((kind, "100ms")) if kind.starts_with("depth") => (kind, Cadence::Fast),
            Some(_) => return Err(InvalidStream),
            None => (kind, Cadence::Second),
        };
        let partial = |levels| Stream::PartialDepth { symbol, levels, cadence };
        Ok(match kind {
            "bookTicker" => Stream::BookTicker { symbol },
            "depth" => Stream::Depth { symbol, cadence },
            "depth5" => partial(PartialLevels::Five),
            "depth10" => partial(PartialLevels::Ten),
            "depth20" => partial(PartialLevels::Twenty),
            "fundingAmount" => Stream::FundingAmount { symbol },
            "markPrice" => Stream::MarkPrice { symbol },
            "trade" => Stream::Trade { symbol },
            _ => return Err(InvalidStream),
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Stream {
    /// As the venue's name.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn names() {
        for name in [
            "btcusd@bookTicker",
            "btcusd@depth",
            "btcusd@depth@100ms",
            "btcusd@depth5",
            "btcusd@depth10@100ms",
            "btcusd@depth20",
            "GEMI-PRES2028-VANCE@trade",
            "contractStatus",
            "btcgusdperp@markPrice",
            "btcgusdperp@fundingAmount",
        ] {
            assert_eq!(name.parse::<Stream>().map(|stream| stream.to_string()), Ok(name.to_string()));
        }
        for name in [
            "",
            "btcusd",
            "@trade",
            "btcusd@",
            "btcusd@depth7",
            "btcusd@trade@100ms",
            "btcusd@Trade",
            "btcusd@depth@100ms@100ms",
            "btc usd@trade",
            "btcusd@markPrice@1s",
        ] {
            assert_eq!(name.parse::<Stream>(), Err(InvalidStream), "{name}");
        }
    }
}
