//! [`Stream`]: the streams of the venue and their names.

use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

use crate::message::CandleInterval;
use crate::value::inline::from_text;
use crate::value::print;
use crate::value::symbol::{InvalidSymbol, Symbol};

/// A stream, [public](crate::protocol::streams#public-streams) or
/// [private](crate::protocol::streams#private-streams).
///
/// `Display` prints the name that a stream has on `wss://ws.gemini.com`. `parse` reads such a name. Candles exist
/// only on market data v2; this crate gives candles a name of the same form.
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
        /// Which balances are sent, and when.
        updates: Updates,
    },
    /// `{symbol}@bookTicker`: the best bid and ask at each change.
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
    /// `contractStatus`: the status of all prediction-market contracts.
    ContractStatus,
    /// `{symbol}@depth`: a snapshot of the book, then its changes.
    Depth {
        /// The instrument.
        symbol: Symbol,
        /// The maximum rate of changes. Market data v2 ignores the cadence and sends each change.
        cadence: Cadence,
    },
    /// `{symbol}@fundingAmount`: the funding of a perpetual, every minute. Undocumented.
    FundingAmount {
        /// The instrument.
        symbol: Symbol,
    },
    /// `{symbol}@markPrice`: the mark price of a perpetual at each change. Undocumented.
    MarkPrice {
        /// The instrument.
        symbol: Symbol,
    },
    /// `orders@account`, `orders@session`: changes of orders. Needs authentication.
    Orders {
        /// Whether the stream reports the orders of the account, or only those of the session.
        scope: Scope,
    },
    /// `{symbol}@depth5`, `@depth10`, `@depth20`: the best levels of a book. Each frame lists all of these levels.
    PartialDepth {
        /// The instrument.
        symbol: Symbol,
        /// The number of levels per side.
        levels: PartialLevels,
        /// The maximum rate of frames.
        cadence: Cadence,
    },
    /// `positions@account`: the account's positions. Needs authentication.
    Positions {
        /// Which positions are sent, and when.
        updates: Updates,
    },
    /// `requestForQuote@account`, `requestForQuote@session`: updates about requests for quotes. The venue sends only
    /// the updates that concern the account. Needs authentication.
    Quotes {
        /// Whether the stream reports the quotes of the account, or only those of the session.
        scope: Scope,
    },
    /// `requestForQuote`: public requests for quotes on combinations of contracts.
    RequestForQuote,
    /// `settlements@account`: settled contracts. Needs authentication. The venue has withdrawn the stream
    /// ([settlements withdrawn](crate::protocol::quirks#settlements-withdrawn)).
    Settlements,
    /// `{symbol}@trade`: all trades.
    Trade {
        /// The instrument.
        symbol: Symbol,
    },
}

/// The maximum rate at which a depth stream or a partial-depth stream sends frames. The interval is [only a rough
/// bound](crate::protocol::quirks#cadence-is-no-clock). A depth stream sends nothing while the book does not change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cadence {
    /// Every 100 ms: `@100ms`.
    Fast,
    /// Every second, the venue's default.
    Second,
}

/// Which rows a stream of balances or positions sends, and when.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Updates {
    /// Changes, when they happen. The first report of balances [lists every
    /// asset](crate::protocol::streams#private-streams).
    Changes,
    /// All rows, every second: `@1s`.
    EachSecond,
}

/// Whose orders or quotes a stream reports.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// All orders or quotes of the account: `@account`.
    Account,
    /// Only orders or quotes made over the link of the stream: `@session`.
    Session,
}

/// The number of levels per side of a [`Stream::PartialDepth`].
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
    /// Returns the number of levels per side.
    pub const fn count(self) -> usize {
        match self {
            PartialLevels::Five => 5,
            PartialLevels::Ten => 10,
            PartialLevels::Twenty => 20,
        }
    }
}

/// What an event is about: one kind of stream, the connection, or neither. Frames contain no stream name, so frames
/// of two streams with the same symbol and topic look alike.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Topic {
    /// [`Stream::Balances`]
    Balances,
    /// [`Stream::BookTicker`]
    BookTicker,
    /// [`Stream::Candles`], one topic for each width.
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
    /// [`Stream::Trade`], and auctions, which the archived endpoints send with trades.
    Trade,
    /// No stream: events about links, subscriptions and requests.
    Connection,
    /// Neither a stream nor a link: heartbeats, ignored frames, binary frames, and frames of unknown kinds.
    Other,
}

/// The number of topics that belong to streams.
pub(crate) const TOPICS: usize = 20;

impl Topic {
    /// The number is below [`TOPICS`] if the topic belongs to a stream.
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

/// Constructors with the venue's defaults.
impl Stream {
    /// Creates a depth stream: a snapshot of a book, then its changes every second. [`Stream::fast`] changes the rate
    /// to 100 ms.
    pub const fn depth(symbol: Symbol) -> Stream {
        Stream::Depth { symbol, cadence: Cadence::Second }
    }

    /// Creates a partial-depth stream: the best levels of a book, every second. [`Stream::fast`] changes the rate to
    /// 100 ms.
    pub const fn partial_depth(symbol: Symbol, levels: PartialLevels) -> Stream {
        Stream::PartialDepth { symbol, levels, cadence: Cadence::Second }
    }

    /// Creates a stream of the best bid and ask at each change.
    pub const fn book_ticker(symbol: Symbol) -> Stream {
        Stream::BookTicker { symbol }
    }

    /// Creates a stream of all trades.
    pub const fn trades(symbol: Symbol) -> Stream {
        Stream::Trade { symbol }
    }

    /// Creates a stream of candles, which only market data v2 has.
    pub const fn candles(symbol: Symbol, interval: CandleInterval) -> Stream {
        Stream::Candles { symbol, interval }
    }

    /// Creates a stream of the mark price of a perpetual.
    pub const fn mark_price(symbol: Symbol) -> Stream {
        Stream::MarkPrice { symbol }
    }

    /// Creates a stream of the funding of a perpetual.
    pub const fn funding_amount(symbol: Symbol) -> Stream {
        Stream::FundingAmount { symbol }
    }

    /// Creates a stream of the changes of the account's orders.
    pub const fn orders() -> Stream {
        Stream::Orders { scope: Scope::Account }
    }

    /// Creates a stream that reports the account's balances when they change.
    pub const fn balances() -> Stream {
        Stream::Balances { updates: Updates::Changes }
    }

    /// Creates a stream that reports the account's positions when they change.
    pub const fn positions() -> Stream {
        Stream::Positions { updates: Updates::Changes }
    }

    /// Creates a stream of the account's updates about requests for quotes.
    pub const fn quotes() -> Stream {
        Stream::Quotes { scope: Scope::Account }
    }

    /// Changes the rate of a depth or partial-depth stream to 100 ms. Does not change other streams.
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
    /// Returns the instrument; `None` for streams that cover all instruments.
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

    /// Returns whether the stream belongs to an account. Such a stream needs an authenticated link.
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

    /// Returns the name of the stream's feed on [market data v2](crate::protocol::market_data_v2#subscribing).
    /// Returns `None` for a stream without a feed, such as [`Stream::Trade`]: the feed `l2` of the depth stream also
    /// carries the trades and auctions.
    pub const fn feed(&self) -> Option<&'static str> {
        Some(match self {
            Stream::Depth { .. } => "l2",
            Stream::MarkPrice { .. } => "mark_price",
            Stream::FundingAmount { .. } => "funding_amount",
            Stream::Candles { interval, .. } => interval.feed(),
            _ => return None,
        })
    }

    /// Returns the topic of the stream's events. On market data v2, a depth stream also causes events of the topic
    /// [`Topic::Trade`].
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cadence::Fast => "@100ms",
            Cadence::Second => "",
        })
    }
}

impl fmt::Display for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Updates::Changes => "",
            Updates::EachSecond => "@1s",
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Account => "@account",
            Scope::Session => "@session",
        })
    }
}

impl fmt::Display for Stream {
    /// Prints the venue's name of the stream, with the symbol in its [canonical](Symbol::canonical) spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.width() {
            None => Name(self).fmt(f),
            Some(_) => print::name(f, &Name(self).to_string()),
        }
    }
}

/// A stream whose `Display` prints the name without padding.
struct Name<'s>(&'s Stream);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(symbol) = self.0.symbol() {
            f.write_str(symbol.canonical().as_str())?;
        }
        match self.0 {
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

/// The error for a text that is not the name of a [`Stream`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidStream {
    /// The text has no `@`, and is not the name of a stream that covers all instruments.
    Name,
    /// The text before the `@` is not a symbol.
    Symbol(InvalidSymbol),
    /// The text after the `@` is not a kind of stream.
    Kind {
        /// Where the text after the `@` starts, in bytes.
        offset: usize,
    },
}

impl fmt::Display for InvalidStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a stream such as btcusd@depth@100ms, btcusd@trade or orders@account: ")?;
        match self {
            InvalidStream::Name => f.write_str("this one has no @ with a kind of stream after it"),
            InvalidStream::Symbol(error) => error.fmt(f),
            InvalidStream::Kind { offset } => write!(f, "the text at byte {offset} is no kind of stream"),
        }
    }
}

impl core::error::Error for InvalidStream {}

impl FromStr for Stream {
    type Err = InvalidStream;

    /// Parses the venue's name of a stream. The symbol may be in upper or lower case.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidStream`] for any other text.
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

from_text!(Stream, InvalidStream);

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
