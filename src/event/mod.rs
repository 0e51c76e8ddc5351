//! [`Event`]: what the application is told, whatever caused it.

pub(crate) mod batch;
#[cfg(feature = "serde")]
mod json;
pub(crate) mod kinds;
pub(crate) mod lane;
pub(crate) mod last_trade;
pub(crate) mod owned;
pub(crate) mod queue;
pub(crate) mod quote_ids;
pub(crate) mod reason;
pub(crate) mod replay;
pub(crate) mod source;

use crate::event::kinds::each_data;
use crate::event::last_trade::LastTrade;
use crate::event::reason::{Abandoned, CloseReason, ConnectFailure, Lost, ShutdownStep, Unserved};
use crate::event::source::Source;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiError, Auction, AuctionOpen, BalanceUpdate, BookTicker, Candles, ContractStatus, Depth, FundingAmount,
    FundingAmounts, Heartbeat, L2Updates, MarkPrice, MarkPrices, MarketUpdate, OrderEvents, OrderSnapshot,
    OrderUpdate, PartialDepth, PositionReport, QuoteUpdate, RequestForQuote, Response, Settlements,
    SubscriptionAck, Text, TopOfBook, Trade, Unrecognized, VenueError,
};
use crate::request::Subject;
use crate::request::stream::{Stream, Topic};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;
use crate::wire::affected::Affected;

/// What happened: data of a frame, the answer to a command, or a fact about the connection.
///
/// An event borrows from the frame and the scratch that were passed in, never from the connection,
/// so commands may be issued while it is held. The same words serve every generation of the API; a frame
/// that says more than one of them is a [`Batch`], and [`Event::parts`] has the parts of any event.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an event is written where the caller has room for it")]
pub enum Event<'f> {
    /// Best bid and ask of a symbol changed.
    BookTicker(BookTicker<'f>, Source<'f>),
    /// The whole book of a symbol: replace what you have.
    DepthSnapshot(Depth<'f>, Source<'f>),
    /// Changes to a book, contiguous with what came before: apply them.
    DepthUpdate(Depth<'f>, Source<'f>),
    /// The best few levels of a book: replace what you have.
    PartialDepth(PartialDepth<'f>, Source<'f>),
    /// A trade.
    Trade(Trade<'f>, Source<'f>),
    /// A prediction-market contract changed its status.
    ContractStatus(ContractStatus<'f>, Source<'f>),
    /// The mark price of a perpetual changed.
    MarkPrice(MarkPrice<'f>, Source<'f>),
    /// The funding of a perpetual.
    FundingAmount(FundingAmount<'f>, Source<'f>),
    /// The best level of one side is another one: replace it.
    TopOfBook(TopOfBook<'f>, Source<'f>),
    /// An auction was opened.
    AuctionOpen(AuctionOpen<'f>, Source<'f>),
    /// An auction's price, indicated or final.
    Auction(Auction<'f>, Source<'f>),
    /// Candles that are new or changed.
    Candles(Candles<'f>, Source<'f>),
    /// Somebody asks for quotes.
    RequestForQuote(RequestForQuote<'f>, Source<'f>),

    /// What happened to an order.
    Order(OrderUpdate<'f>, Source<'f>),
    /// Balances of the account.
    Balances(BalanceUpdate<'f>, Source<'f>),
    /// Positions of the account.
    Positions(PositionReport<'f>, Source<'f>),
    /// What became of a request for quotes that concerns the account.
    Quote(QuoteUpdate<'f>, Source<'f>),
    /// Settled contracts of the account.
    Settlements(Settlements<'f>, Source<'f>),

    /// A sign of life of an archived endpoint.
    Heartbeat(Heartbeat<'f>, Source<'f>),
    /// Order events v1 are subscribed.
    SubscriptionAck(SubscriptionAck<'f>, Source<'f>),
    /// An archived endpoint refuses something, without saying what.
    Error(VenueError<'f>, Source<'f>),

    /// A request was taken; [`Event::Reply`] follows. So whoever keeps what was asked for knows of it before any
    /// answer, and never of a request that was refused.
    Requested {
        /// The link that the request was given to.
        link: LinkId,
        /// The request.
        request: RequestId,
        /// What it is about.
        about: Subject,
    },
    /// The end of a request: exactly one for each [`RequestId`]. It comes as an event even where a handle of a driver
    /// returns it as well, because [`Orders`](crate::Orders) needs it.
    Reply {
        /// The link that the request was given to.
        link: LinkId,
        /// The request.
        request: RequestId,
        /// What it was about.
        about: Subject,
        /// How it ended.
        outcome: RequestOutcome<'f>,
    },
    /// The venue accepted a subscription. Its data may have come before.
    Subscribed {
        /// The link that serves the subscription, or served it last.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// Its stream.
        stream: Stream,
    },
    /// A subscription ended at the application's wish. None of the stream's data follows, unless another
    /// subscription wants it.
    Unsubscribed {
        /// The link that serves the subscription, or served it last.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// Its stream.
        stream: Stream,
        /// Whether no other subscription wants the stream.
        last: bool,
    },
    /// A stream was silent for longer than was declared for it: what is known of it is stale from now on, and
    /// it is requested again, more and more rarely while it stays silent.
    Silent {
        /// The link.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// Its stream.
        stream: Stream,
        /// When its last frame came, or when it was confirmed.
        since: Instant,
    },
    /// A stream is not served: nothing of it is known until [`Event::Synced`], or [`Event::Subscribed`] where it is
    /// no book. Everything else goes on, and the stream is requested again, more and more rarely.
    Unserved {
        /// The link.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// Its stream.
        stream: Stream,
        /// Why.
        reason: Unserved,
        /// How often in a row.
        attempts: u32,
        /// When it is requested again.
        retry: Instant,
    },
    /// The venue refused a subscription for good, for example because there is no such symbol.
    /// It will not be asked for again; check the name.
    Rejected {
        /// The link that serves the subscription, or served it last.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// Its stream.
        stream: Stream,
        /// The venue's reason.
        error: ApiError<'f>,
    },
    /// An update was lost: the book of this stream is stale from now on, and is being requested again.
    Gap {
        /// The link; `None` in a recording.
        link: Option<LinkId>,
        /// The subscription, as [`Source::stream`] names it; `None` in a recording.
        id: Option<StreamId>,
        /// The instrument.
        symbol: Symbol,
        /// The last update id that was seen; zero on market data v2, which has none.
        expected: u64,
        /// The first update id of the frame that does not follow; `None` if that frame could not be
        /// decoded, and is reported as malformed.
        got: Option<u64>,
    },
    /// Frames or events of an archived v1 endpoint were lost, as their numbers show: what was learnt over
    /// the link is stale, and it is given up for another one.
    SequenceGap {
        /// The link.
        link: LinkId,
        /// The number that should have come.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// A book follows the venue again, or for the first time: its snapshot has been delivered.
    Synced {
        /// The link that serves the subscription, or served it last.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The instrument.
        symbol: Symbol,
    },

    /// A queue was full and dropped events. This one takes the place of the first of them, so whatever comes after it
    /// may build on something that was dropped. What is known of the topic is stale: pass the symbol of a book to
    /// [`Client::resync_books`](crate::Client::resync_books), and ask the venue for orders.
    Overflow {
        /// What they were about.
        topic: Topic,
        /// The instrument; `None` where a topic has none, if a frame did not name it, and if more of them
        /// are affected than are told apart.
        symbol: Option<Symbol>,
        /// How many, exactly.
        dropped: u64,
    },

    /// A link is open; subscriptions are on their way.
    Opened {
        /// The link.
        link: LinkId,
        /// When the link before this one was last heard: what happened since then may never be told. Ask the
        /// venue for what must not be missed, such as orders. `None` for the first.
        missing_since: Option<Instant>,
    },
    /// Each subscribed stream of the link was confirmed, rejected or reported as [`Event::Unserved`], and they are not
    /// all unserved. If the venue rejected them all, the link is live nevertheless.
    ///
    /// This is about the link, and [`Book::Live`](crate::Book::Live) about a book. The order of the two is open, as
    /// snapshots come before and after the answers: a book is there after [`Event::Synced`].
    Live {
        /// The link.
        link: LinkId,
    },
    /// An attempt to connect failed.
    ConnectFailed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: ConnectFailure,
        /// When the next attempt is made; `None` if none will be.
        retry: Option<Instant>,
    },
    /// The peer's Close frame; the end of the link follows.
    PeerClosing {
        /// The link.
        link: LinkId,
        /// The code, if it named one.
        code: Option<u16>,
        /// The peer's reason, for people.
        reason: Text<'f>,
    },
    /// A link that was open has ended, at our wish or not. Everything learnt over it is stale.
    Disconnected {
        /// The link.
        link: LinkId,
        /// Why.
        reason: Lost,
        /// When the next attempt is made; `None` if none will be.
        retry: Option<Instant>,
    },
    /// A link of a client has come to its end, because no stream wants it or for good; the client lives on.
    /// What was wanted over a link that ended for good is kept, and asked for when `open` tries it again.
    LinkClosed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Nothing was sent over an authenticated link for [`Config::heartbeat_every`](crate::Config::heartbeat_every):
    /// send a heartbeat over REST, or the venue may cancel the orders of the session.
    HeartbeatDue {
        /// The link; it may have ended.
        link: LinkId,
        /// When something was last sent.
        since: Instant,
    },
    /// A step of [`Client::shut_down`](crate::Client::shut_down) begins.
    ShuttingDown {
        /// The step.
        step: ShutdownStep,
    },
    /// The end of the connection or client: exactly one, and nothing after it.
    Closed {
        /// Why.
        reason: CloseReason,
        /// What was given up for it.
        abandoned: Abandoned,
    },

    /// A frame that was rightly not used. Nothing to do; it is counted. Leave it out of a log: while a stream is
    /// subscribed again each of its frames is one, and holds its text.
    Ignored(Ignored, Source<'f>),
    /// A frame of a kind that is not known, whole. A newer version of this crate may know it.
    Unrecognized(Unrecognized<'f>, Source<'f>),
    /// A frame that could not be decoded. The link lives on; report it, with the text.
    Malformed(Malformed<'f>, Source<'f>),

    /// Several events of one frame.
    Batch(Batch<'f>, Source<'f>),
}

impl<'f> Event<'f> {
    /// Where its data comes from; `None` for events that are not the data of a frame.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Replay, Scratch};
    ///
    /// let frame = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;
    /// let mut scratch = Scratch::new();
    /// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
    /// assert_eq!(event.source().unwrap().frame(), frame);
    /// ```
    pub const fn source(&self) -> Option<Source<'f>> {
        macro_rules! source {
            ($($kind:ident $name:literal),*) => {
                match self {
                    Event::Batch(_, source) | Event::Ignored(_, source) $(| Event::$kind(_, source))* => {
                        Some(*source)
                    }
                    _ => None,
                }
            };
        }
        each_data!(source)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum RequestOutcome<'f> {
    /// The venue answered; [`Response::is_ok`] says whether it accepted.
    Answered(Response<'f>),
    /// No answer within [`Config::request_timeout`](crate::Config::request_timeout). Whether the
    /// venue acted is not known.
    TimedOut,
    /// The link ended before an answer came. Whether the venue acted is not known.
    Lost,
    /// The link ended before any of it was handed out: the venue has not seen it.
    NotSent,
}

impl core::fmt::Display for RequestOutcome<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            RequestOutcome::Answered(response) => response.fmt(f),
            RequestOutcome::TimedOut => f.pad("not answered in time; whether the venue acted is unknown"),
            RequestOutcome::Lost => {
                f.pad("the link ended before an answer came; whether the venue acted is unknown")
            }
            RequestOutcome::NotSent => f.pad("not sent: the link ended first"),
        }
    }
}

/// A frame that was rightly not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ignored {
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a frame was not used; each has a counter in [`Stats`](crate::Stats).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum IgnoredReason {
    /// Its changes are already in the book: all its update ids were seen.
    StaleUpdate,
    /// A change to a book whose snapshot has not come yet.
    BeforeSnapshot,
    /// Data of a stream that is not, or no longer, subscribed.
    NotSubscribed,
    /// A response to a request that nobody waits for any more.
    UnknownResponse,
    /// The frame belongs to a link that has ended.
    EndedLink,
}

impl core::fmt::Display for IgnoredReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            IgnoredReason::StaleUpdate => "the book has its changes already",
            IgnoredReason::BeforeSnapshot => "the snapshot of the book has not come yet",
            IgnoredReason::NotSubscribed => "its stream is not subscribed",
            IgnoredReason::UnknownResponse => "no request waits for this response",
            IgnoredReason::EndedLink => "its link has ended",
        })
    }
}

impl core::fmt::Display for Ignored {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.reason.fmt(f)
    }
}

/// A frame that could not be decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Malformed<'f> {
    /// The frame, or the element of its list that is malformed; empty if the frame was binary.
    pub frame: &'f str,
    /// What is wrong with it, and where.
    pub error: DecodeError,
    /// What it may have been about, as far as the text shows; `None` if it may have been about anything that comes
    /// over its link. What is known of that is in doubt from now on.
    pub topic: Option<Topic>,
    /// The instrument that it names; `None` if it may have been about any.
    pub symbol: Option<Symbol>,
}

impl<'f> Malformed<'f> {
    /// Looks at a frame that cannot be decoded for what it may have been about.
    pub(crate) fn new(endpoint: Endpoint, frame: &'f str, error: DecodeError) -> Malformed<'f> {
        if error.kind() == DecodeErrorKind::Binary {
            // The venue sends its data as text.
            return Malformed { frame, error, topic: Some(Topic::Other), symbol: None };
        }
        let Affected { topic, symbol } = Affected::by(endpoint, frame);
        Malformed { frame, error, topic, symbol }
    }

    /// Whether it may have been about a topic.
    pub(crate) fn is_of(&self, topic: Topic) -> bool {
        self.topic.is_none_or(|of| of == topic)
    }
}

/// Several events of one frame of the venue, in the order in which to take them.
///
/// Archived endpoints put a book, trades and auctions into one frame, or many orders into one array.
/// [`Event::parts`] has them in the words of all generations; [`Batch::message`] is the frame as it was, with
/// what only its generation tells.
///
/// ```
/// use gemini_ws::{Endpoint, Event, Replay, Scratch};
///
/// let frame = r#"{"type":"update","eventId":7,"socket_sequence":0,"events":[
///     {"type":"change","side":"bid","price":"99","remaining":"2","delta":"2","reason":"initial"},
///     {"type":"trade","tid":7,"price":"99","amount":"1","makerSide":"bid"}]}"#;
/// let mut scratch = Scratch::new();
/// scratch.set_symbol("btcusd".parse().ok());
/// let event = Replay::new(Endpoint::MarketDataV1).event(frame, &mut scratch).unwrap().unwrap();
/// assert!(matches!(event, Event::Batch(..)));
/// let parts: Vec<Event<'_>> = event.parts().collect();
/// assert!(matches!(parts[..], [Event::DepthSnapshot(..), Event::Trade(..)]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch<'f>(pub(crate) Parts<'f>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Parts<'f> {
    L2 {
        /// Whether the levels are the whole book.
        is_snapshot: bool,
        /// Trades up to it were told before.
        told: LastTrade,
        updates: L2Updates<'f>,
    },
    Market {
        told: LastTrade,
        update: MarketUpdate<'f>,
    },
    MarkPrices(MarkPrices<'f>),
    FundingAmounts(FundingAmounts<'f>),
    OrderSnapshot(OrderSnapshot<'f>),
    OrderEvents(OrderEvents<'f>),
}
