//! [`Stream`]: what one can subscribe to, and how the venue spells it.

use core::fmt;
use core::str::FromStr;

use crate::message::CandleInterval;
use crate::value::symbol::{InvalidSymbol, Symbol};

/// A stream, [public](crate::protocol::streams#public-streams) or [private](crate::protocol::streams#private-streams).
///
/// Prints as the name that it has on `wss://ws.gemini.com`, and is read back from it. Candles exist on
/// market data v2 only; their name here is made like the others.
///
/// ```
/// use gemini_ws::Stream;
///
/// let stream: Stream = "BTCUSD@depth@100ms".parse().unwrap();
/// assert_eq!(stream, Stream::depth("btcusd".parse().unwrap()).fast());
/// assert_eq!(stream.to_string(), "btcusd@depth@100ms");
/// assert!("btcusd@depth@10ms".parse::<Stream>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stream {
    /// `balances@account`: the account's balances. Needs authentication.
    Balances {
        /// What is sent when.
        updates: Updates,
    },
    /// `{symbol}@bookTicker`: best bid and ask at each change.
    BookTicker {
        /// The instrument.
        symbol: Symbol,
    },
    /// `{symbol}@candles_{width}`: candles; market data v2 only.
    Candles {
        /// The instrument.
        symbol: Symbol,
        /// The width.
        interval: CandleInterval,
    },
    /// `contractStatus`: status of all prediction-market contracts.
    ContractStatus,
    /// `{symbol}@depth`: a snapshot of the book, then its changes.
    Depth {
        /// The instrument.
        symbol: Symbol,
        /// How often at most. Market data v2 sends each change.
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
    /// `orders@account`, `orders@session`: what happens to orders. Needs authentication.
    Orders {
        /// Whose.
        scope: Scope,
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
    /// `positions@account`: the account's positions. Needs authentication.
    Positions {
        /// What is sent when.
        updates: Updates,
    },
    /// `requestForQuote@account`, `requestForQuote@session`: what becomes of requests for quotes that
    /// concern the account. Needs authentication.
    Quotes {
        /// Whose.
        scope: Scope,
    },
    /// `requestForQuote`: requests for quotes on combos of contracts.
    RequestForQuote,
    /// `settlements@account`: settled contracts; withdrawn by the venue
    /// ([settlements withdrawn](crate::protocol::quirks#settlements-withdrawn)).
    Settlements,
    /// `{symbol}@trade`: each trade.
    Trade {
        /// The instrument.
        symbol: Symbol,
    },
}

/// The upper rate of a depth stream. The venue sends nothing when nothing changed
/// ([cadence is no clock](crate::protocol::quirks#cadence-is-no-clock)).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cadence {
    /// Each 100 ms: `@100ms`.
    Fast,
    /// Each second, the venue's default.
    Second,
}

/// What a stream of the account's state sends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Updates {
    /// What has changed, when it changes.
    Changes,
    /// All of it, each second: `@1s`.
    EachSecond,
}

/// Whose orders or quotes a stream tells of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// All of the account: `@account`.
    Account,
    /// Those made over this connection: `@session`.
    Session,
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

/// What an event is about, as far as its frame tells: frames carry no stream name, so two streams of one
/// symbol and one `Topic` look the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Topic {
    /// [`Stream::Balances`]
    Balances,
    /// [`Stream::BookTicker`]
    BookTicker,
    /// [`Stream::Candles`], one for each width.
    Candles(CandleInterval),
    /// [`Stream::ContractStatus`]
    ContractStatus,
    /// [`Stream::Depth`]
    Depth,
    /// [`Stream::FundingAmount`]
    FundingAmount,
    /// [`Stream::MarkPrice`]
    MarkPrice,
    /// [`Stream::Orders`]
    Orders,
    /// [`Stream::PartialDepth`]
    PartialDepth,
    /// [`Stream::Positions`]
    Positions,
    /// [`Stream::Quotes`]
    Quotes,
    /// [`Stream::RequestForQuote`]
    RequestForQuote,
    /// [`Stream::Settlements`]
    Settlements,
    /// [`Stream::Trade`]; auctions too, which the archived endpoints tell with their trades.
    Trade,
    /// No stream but the connection: its links, subscriptions and requests.
    Connection,
    /// Nothing that was subscribed: heartbeats, and frames that were not used.
    Other,
}

/// How many [`Topic`]s streams have.
pub(crate) const TOPICS: usize = 20;

impl Topic {
    /// A number for each, below [`TOPICS`] for those of streams.
    pub(crate) const fn index(self) -> usize {
        match self {
            Topic::Depth => 0,
            Topic::BookTicker => 1,
            Topic::Trade => 2,
            Topic::PartialDepth => 3,
            Topic::MarkPrice => 4,
            Topic::FundingAmount => 5,
            Topic::ContractStatus => 6,
            Topic::Orders => 7,
            Topic::Balances => 8,
            Topic::Positions => 9,
            Topic::Quotes => 10,
            Topic::RequestForQuote => 11,
            Topic::Settlements => 12,
            Topic::Candles(interval) => 13_usize.wrapping_add(interval as usize),
            Topic::Connection => 20,
            Topic::Other => 21,
        }
    }
}

/// Constructors, in the venue's default form.
impl Stream {
    /// A book: a snapshot, then its changes each second. [`Stream::fast`] makes it each 100 ms.
    pub const fn depth(symbol: Symbol) -> Stream {
        Stream::Depth { symbol, cadence: Cadence::Second }
    }

    /// The best levels of a book, whole each second. [`Stream::fast`] makes it each 100 ms.
    pub const fn partial_depth(symbol: Symbol, levels: PartialLevels) -> Stream {
        Stream::PartialDepth { symbol, levels, cadence: Cadence::Second }
    }

    /// Best bid and ask at each change.
    pub const fn book_ticker(symbol: Symbol) -> Stream {
        Stream::BookTicker { symbol }
    }

    /// Each trade.
    pub const fn trades(symbol: Symbol) -> Stream {
        Stream::Trade { symbol }
    }

    /// Candles; market data v2 only.
    pub const fn candles(symbol: Symbol, interval: CandleInterval) -> Stream {
        Stream::Candles { symbol, interval }
    }

    /// The mark price of a perpetual.
    pub const fn mark_price(symbol: Symbol) -> Stream {
        Stream::MarkPrice { symbol }
    }

    /// The funding of a perpetual.
    pub const fn funding_amount(symbol: Symbol) -> Stream {
        Stream::FundingAmount { symbol }
    }

    /// What happens to the account's orders.
    pub const fn orders() -> Stream {
        Stream::Orders { scope: Scope::Account }
    }

    /// The account's balances, when they change.
    pub const fn balances() -> Stream {
        Stream::Balances { updates: Updates::Changes }
    }

    /// The account's positions, when they change.
    pub const fn positions() -> Stream {
        Stream::Positions { updates: Updates::Changes }
    }

    /// What becomes of requests for quotes that concern the account.
    pub const fn quotes() -> Stream {
        Stream::Quotes { scope: Scope::Account }
    }

    /// The same stream each 100 ms; only those of depth come in two rates.
    #[must_use]
    pub const fn fast(self) -> Stream {
        match self {
            Stream::Depth { symbol, .. } => Stream::Depth { symbol, cadence: Cadence::Fast },
            Stream::PartialDepth { symbol, levels, .. } => {
                Stream::PartialDepth { symbol, levels, cadence: Cadence::Fast }
            }
            other => other,
        }
    }
}

impl Stream {
    /// The instrument; `None` for streams over all of them.
    pub const fn symbol(&self) -> Option<Symbol> {
        match *self {
            Stream::Balances { .. }
            | Stream::ContractStatus
            | Stream::Orders { .. }
            | Stream::Positions { .. }
            | Stream::Quotes { .. }
            | Stream::RequestForQuote
            | Stream::Settlements => None,
            Stream::BookTicker { symbol }
            | Stream::Candles { symbol, .. }
            | Stream::Depth { symbol, .. }
            | Stream::FundingAmount { symbol }
            | Stream::MarkPrice { symbol }
            | Stream::PartialDepth { symbol, .. }
            | Stream::Trade { symbol } => Some(symbol),
        }
    }

    /// Whether it is one of an account, for which the connection must be authenticated.
    pub const fn is_private(&self) -> bool {
        matches!(
            self,
            Stream::Balances { .. }
                | Stream::Orders { .. }
                | Stream::Positions { .. }
                | Stream::Quotes { .. }
                | Stream::Settlements
        )
    }

    /// Returns the name of the stream's feed on [market data v2](crate::protocol::market_data_v2#subscribing), if it has
    /// one. `l2` delivers trades and auctions too.
    pub const fn feed(&self) -> Option<&'static str> {
        Some(match self {
            Stream::Depth { .. } => "l2",
            Stream::MarkPrice { .. } => "mark_price",
            Stream::FundingAmount { .. } => "funding_amount",
            Stream::Candles { interval, .. } => interval.feed(),
            _ => return None,
        })
    }

    /// What its events are about.
    pub const fn topic(&self) -> Topic {
        match self {
            Stream::Balances { .. } => Topic::Balances,
            Stream::Candles { interval, .. } => Topic::Candles(*interval),
            Stream::Orders { .. } => Topic::Orders,
            Stream::Positions { .. } => Topic::Positions,
            Stream::Quotes { .. } => Topic::Quotes,
            Stream::RequestForQuote => Topic::RequestForQuote,
            Stream::Settlements => Topic::Settlements,
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

impl fmt::Display for Updates {
    /// The suffix of the stream name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Updates::Changes => "",
            Updates::EachSecond => "@1s",
        })
    }
}

impl fmt::Display for Scope {
    /// The suffix of the stream name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Account => "@account",
            Scope::Session => "@session",
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
            Stream::Balances { updates } => write!(f, "balances@account{updates}"),
            Stream::BookTicker { .. } => f.write_str("@bookTicker"),
            Stream::Candles { interval, .. } => write!(f, "@{}", interval.feed()),
            Stream::ContractStatus => f.write_str("contractStatus"),
            Stream::Depth { cadence, .. } => write!(f, "@depth{cadence}"),
            Stream::FundingAmount { .. } => f.write_str("@fundingAmount"),
            Stream::MarkPrice { .. } => f.write_str("@markPrice"),
            Stream::PartialDepth { levels, cadence, .. } => write!(f, "@depth{}{cadence}", levels.count()),
            Stream::Orders { scope } => write!(f, "orders{scope}"),
            Stream::Positions { updates } => write!(f, "positions@account{updates}"),
            Stream::Quotes { scope } => write!(f, "requestForQuote{scope}"),
            Stream::RequestForQuote => f.write_str("requestForQuote"),
            Stream::Settlements => f.write_str("settlements@account"),
            Stream::Trade { .. } => f.write_str("@trade"),
        }
    }
}

/// A text that names no [`Stream`], with what is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidStream {
    /// It has no `@`, and is not one of the streams without a symbol.
    Name,
    /// What stands before the `@` is no symbol.
    Symbol(InvalidSymbol),
    /// What begins behind so many bytes is no kind of stream.
    Kind {
        /// How many bytes stand before it.
        offset: usize,
    },
}

impl fmt::Display for InvalidStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a stream such as btcusd@depth@100ms, btcusd@trade or orders@account: ")?;
        match self {
            InvalidStream::Name => f.write_str("this one names no symbol"),
            InvalidStream::Symbol(error) => error.fmt(f),
            InvalidStream::Kind { offset } => write!(f, "there is no kind like that at byte {offset}"),
        }
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
        if let Some((_, stream)) = GLOBAL.iter().find(|(known, _)| *known == name) {
            return Ok(*stream);
        }
        let (symbol, kind) = name.split_once('@').ok_or(InvalidStream::Name)?;
        let unknown = InvalidStream::Kind { offset: symbol.len().saturating_add(1) };
        let symbol: Symbol = symbol.parse().map_err(InvalidStream::Symbol)?;
        let (kind, cadence) = match kind.split_once('@') {
            Some((kind, "100ms")) if kind.starts_with("depth") => (kind, Cadence::Fast),
            Some(_) => return Err(unknown),
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
            kind => {
                let interval = CandleInterval::ALL.into_iter().find(|interval| interval.feed() == kind);
                Stream::Candles { symbol, interval: interval.ok_or(unknown)? }
            }
        })
    }
}

impl TryFrom<&str> for Stream {
    type Error = InvalidStream;

    fn try_from(name: &str) -> Result<Stream, InvalidStream> {
        name.parse()
    }
}

/// Streams without a symbol.
const GLOBAL: [(&str, Stream); 11] = [
    ("contractStatus", Stream::ContractStatus),
    ("requestForQuote", Stream::RequestForQuote),
    ("orders@account", Stream::Orders { scope: Scope::Account }),
    ("orders@session", Stream::Orders { scope: Scope::Session }),
    ("balances@account", Stream::Balances { updates: Updates::Changes }),
    ("balances@account@1s", Stream::Balances { updates: Updates::EachSecond }),
    ("positions@account", Stream::Positions { updates: Updates::Changes }),
    ("positions@account@1s", Stream::Positions { updates: Updates::EachSecond }),
    ("requestForQuote@account", Stream::Quotes { scope: Scope::Account }),
    ("requestForQuote@session", Stream::Quotes { scope: Scope::Session }),
    ("settlements@account", Stream::Settlements),
];

#[cfg(feature = "serde")]
impl serde::Serialize for Stream {
    /// As the venue's name.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Stream {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Stream, D::Error> {
        crate::value::serde_text::deserialize(deserializer, "the name of a stream")
    }
}

#[cfg(test)]
#[path = "../../tests/unit/request_stream.rs"]
mod tests;
