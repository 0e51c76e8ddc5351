//! [`Event`]: what the client reports to the application.

pub(crate) mod batch;
pub(crate) mod ends;
pub(crate) mod first_changes;
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
pub(crate) mod report;
pub(crate) mod source;
pub(crate) mod status_times;

use crate::event::kinds::each_data;
use crate::event::last_trade::LastTrade;
use crate::event::reason::{Abandoned, CloseReason, ConnectFailure, Lost, ShutdownStep, Unserved};
use crate::event::report::Report;
use crate::event::source::Source;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiError, Auction, AuctionOpen, BalanceUpdate, BookTicker, Candles, ContractStatus, Depth, FundingAmount,
    FundingAmounts, Heartbeat, L2Updates, MarkPrice, MarkPrices, MarketUpdate, OrderEvents, OrderSnapshot,
    OrderUpdate, PartialDepth, PositionReport, QuoteUpdate, RawJson, RequestForQuote, Response, Settlements,
    SubscriptionAck, TopOfBook, Trade, Unrecognized, VenueError,
};
use crate::request::Subject;
use crate::request::stream::{Stream, Topic};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;
use crate::wire::affected::Affected;

/// Something that happened: data of a frame, the outcome of a command, or a fact about the client.
///
/// An event may borrow from the frame and from the [`Scratch`](crate::Scratch) with which the frame was decoded. An
/// event never borrows from the client, so the application may issue commands while it holds an event. Each variant
/// has the same meaning for the current API and for the archived APIs. A frame with several events becomes an
/// [`Event::Batch`], whose parts [`Event::parts`] returns.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "the compiler writes an event to its final place")]
pub enum Event<'f> {
    /// The best bid and ask of a symbol.
    BookTicker(BookTicker<'f>, Source<'f>),
    /// A snapshot of the book of a symbol. Replace the book with the snapshot.
    DepthSnapshot(Depth<'f>, Source<'f>),
    /// Changes to a book. Apply the changes to the book. The client has checked that no earlier change is missing,
    /// except on market data v2, whose frames have no numbers.
    DepthUpdate(Depth<'f>, Source<'f>),
    /// The best levels of a book. These levels replace all levels of the previous frame.
    PartialDepth(PartialDepth<'f>, Source<'f>),
    /// A trade.
    Trade(Trade<'f>, Source<'f>),
    /// A prediction-market contract changed its status.
    ContractStatus(ContractStatus<'f>, Source<'f>),
    /// The mark price of a perpetual changed.
    MarkPrice(MarkPrice<'f>, Source<'f>),
    /// The funding of a perpetual, estimated or final.
    FundingAmount(FundingAmount<'f>, Source<'f>),
    /// The new best level of one side of a book. Replace the previous best level.
    TopOfBook(TopOfBook<'f>, Source<'f>),
    /// An auction was opened.
    AuctionOpen(AuctionOpen<'f>, Source<'f>),
    /// An auction's price, indicated or final.
    Auction(Auction<'f>, Source<'f>),
    /// Candles that are new or changed.
    Candles(Candles<'f>, Source<'f>),
    /// A public request for quotes was made, or its status changed.
    RequestForQuote(RequestForQuote<'f>, Source<'f>),

    /// A change of an order, or an order that existed when the stream began.
    Order(OrderUpdate<'f>, Source<'f>),
    /// The balances of the account: all balances, or the balances that changed.
    Balances(BalanceUpdate<'f>, Source<'f>),
    /// The positions of the account: all positions, or the positions that changed.
    Positions(PositionReport<'f>, Source<'f>),
    /// One event in the life of a request for quotes. The venue sends the event to the account concerned.
    Quote(QuoteUpdate<'f>, Source<'f>),
    /// Settled contracts of the account.
    Settlements(Settlements<'f>, Source<'f>),

    /// A heartbeat of an archived endpoint.
    Heartbeat(Heartbeat<'f>, Source<'f>),
    /// The acknowledgement that order events v1 sends first on each link.
    SubscriptionAck(SubscriptionAck<'f>, Source<'f>),
    /// An archived endpoint reports an error. The error does not name the request that the venue refused.
    Error(VenueError<'f>, Source<'f>),

    /// The client has accepted a request of the application, or has made a request that cancels orders in a shutdown.
    /// An [`Event::Reply`] follows. `Requested` comes before every other event about the request. A request that the
    /// client refuses causes no `Requested`.
    Requested {
        /// The link that sends the request.
        link: LinkId,
        /// The request.
        request: RequestId,
        /// The subject of the request.
        about: Subject,
    },
    /// A request has ended. Exactly one `Reply` follows each [`Event::Requested`].
    Reply {
        /// The link that sent the request.
        link: LinkId,
        /// The request.
        request: RequestId,
        /// The subject of the request.
        about: Subject,
        /// How the request ended.
        outcome: RequestOutcome<'f>,
    },
    /// The venue accepted a subscription. If the venue has already accepted the stream for another subscription, the
    /// event comes at once. Data of the stream may have come before this event. The event comes again after each
    /// reconnect and each resubscription.
    ///
    /// Market data v2 confirms nothing. There, the first data of a stream causes the event, except for a depth
    /// stream: wait for its [`Event::Synced`], because `Subscribed` comes only if the first request got no data
    /// within [`Config::request_timeout`](crate::Config::request_timeout).
    Subscribed {
        /// The link of the subscription.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The stream of the subscription.
        stream: Stream,
    },
    /// A subscription has ended. The application has unsubscribed, has removed the endpoint, or has shut the client
    /// down with [`ShutdownPlan::unsubscribe`](crate::ShutdownPlan::unsubscribe). No more data of the stream
    /// follows, unless another subscription to the stream exists. The event does not wait for the venue, which may
    /// confirm the `unsubscribe` later.
    Unsubscribed {
        /// The newest link in the slot of the subscription.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The stream of the subscription.
        stream: Stream,
        /// Whether this was the last subscription to the stream at the endpoint.
        last: bool,
    },
    /// A stream was silent for longer than the `silence_max` of
    /// [`Client::subscribe_unless_silent`](crate::Client::subscribe_unless_silent). The data of the stream is stale
    /// from now on. The client requests the stream again, less and less often while the stream stays silent.
    Silent {
        /// The link of the subscription.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The stream of the subscription.
        stream: Stream,
        /// When the last frame of the stream came, or when the venue confirmed the stream, whichever was later.
        since: Instant,
    },
    /// A stream does not work for now: for example, the venue refused it, or its snapshot is missing. See `reason`.
    /// The client tries again at `retry`. No other stream is affected.
    ///
    /// The book of a depth stream is stale until [`Event::Synced`]. For any other stream, the reason decides. If the
    /// venue refused the stream ([`Unserved::Refused`]), the data of the stream is stale until [`Event::Subscribed`],
    /// or until a report lists all balances or all positions: such a report shows that the venue sends the stream. If
    /// only the reply is missing ([`Unserved::Unanswered`]), data of the stream is valid when it arrives.
    Unserved {
        /// The link of the subscription.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The stream of the subscription.
        stream: Stream,
        /// The reason.
        reason: Unserved,
        /// How often in a row the stream has failed, including this time.
        attempts: u32,
        /// When the client sends the next request about the stream, if the rate limits have room at that time.
        retry: Instant,
    },
    /// The venue refused a subscription for good, for example because there is no such symbol. The client does not
    /// request the stream again: check the name.
    Rejected {
        /// The link over which the venue refused.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The stream of the subscription.
        stream: Stream,
        /// The venue's error. If the refusal ends several subscriptions to the stream, the message may be empty in
        /// all of their events but one.
        error: ApiError<'f>,
    },
    /// A book is stale from now on, for one of six reasons:
    ///
    /// - An update was lost.
    /// - A frame that may have been an update could not be decoded.
    /// - 128 updates in a row were older than the book.
    /// - A frame of market data v2 looked like a first frame, although the book had begun.
    /// - The venue refused the request for the book after the snapshot had come.
    /// - The application requested a new snapshot, for example with [`Client::resync`](crate::Client::resync).
    ///
    /// The client requests a new snapshot. After repeated losses ([`Unserved::Relapsed`]) and after a refusal
    /// ([`Unserved::Refused`]) the client waits first, and an [`Event::Unserved`] reports the delay.
    Gap {
        /// The link; `None` in a [`Replay`](crate::Replay).
        link: Option<LinkId>,
        /// The oldest subscription to the depth stream that has not ended; `None` in a [`Replay`](crate::Replay).
        id: Option<StreamId>,
        /// The instrument.
        symbol: Symbol,
        /// The last update id of the book; zero on market data v2, which has no update ids.
        expected: u64,
        /// The first update id of the frame that shows the gap. `None` on market data v2, and if no frame shows the
        /// gap: a frame could not be decoded, the venue refused the request for the book, or the application
        /// requested a new snapshot.
        got: Option<u64>,
    },
    /// The numbers of frames or events of an archived v1 endpoint have a gap: frames or events were lost. All data
    /// of the link is stale. The client replaces the link. Of several gaps in one frame, only the first is reported.
    SequenceGap {
        /// The link over which the frames or events were lost.
        link: LinkId,
        /// The number that was expected.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A book is current, for the first time or again: its snapshot has been delivered. For another subscription to a
    /// book that is current, the event comes at once.
    Synced {
        /// The link of the subscription.
        link: LinkId,
        /// The subscription.
        id: StreamId,
        /// The instrument.
        symbol: Symbol,
    },

    /// An [`EventQueue`](crate::EventQueue) was full and dropped events of one topic and symbol. The `Overflow` takes
    /// the place of the first of these events. A second `Overflow` may take the place of a later dropped event. Each
    /// dropped event counts in only one of the two `Overflow`s.
    ///
    /// The data of the topic and the symbol is stale. If the `Overflow` has no symbol, all data of the topic is
    /// stale. If its topic is [`Topic::Connection`], all data is stale. For a book, pass the symbol to
    /// [`Client::resync_books`](crate::Client::resync_books). Without a symbol, call
    /// [`Client::resync_all_books`](crate::Client::resync_all_books). For orders, ask REST.
    Overflow {
        /// The topic of the dropped events.
        topic: Topic,
        /// The instrument. `None` if the topic has no instrument, if a frame did not name its instrument, or if too
        /// many instruments are affected to report each of them.
        symbol: Option<Symbol>,
        /// The number of dropped events that this event reports.
        dropped: u64,
    },

    /// A link is open. The client requests the streams of the link.
    Opened {
        /// The link.
        link: LinkId,
        /// When the last frame came over the previous open link in this slot; if no frame came, when that link
        /// opened. `None` if this link replaces no link: no earlier link in this slot was open, or the client has
        /// closed the earlier link, for example because nothing needed it. Events between `missing_since` and `Opened`
        /// may be missing: ask REST about everything that must not be missed, such as orders.
        missing_since: Option<Instant>,
    },
    /// A link is live: each of its streams was confirmed, rejected or reported as [`Event::Unserved`], and at least
    /// one of them works. A link without streams is live as well.
    ///
    /// `Live` is about the link. A book is current after [`Event::Synced`], which may come before or after `Live`.
    Live {
        /// The link.
        link: LinkId,
    },
    /// An attempt to connect failed.
    ConnectFailed {
        /// The attempt that failed.
        link: LinkId,
        /// The reason.
        reason: ConnectFailure,
        /// When the client makes the next attempt, if the [`dial_limit`](crate::Config::dial_limit) has room then;
        /// `None` if no attempt follows. If the venue names a higher limit on attempts before this time, the attempt
        /// may come earlier.
        retry: Option<Instant>,
    },
    /// The peer has sent a Close frame before the client sent one. An [`Event::Disconnected`] follows.
    PeerClosing {
        /// The link.
        link: LinkId,
        /// The code, if the frame has one.
        code: Option<u16>,
        /// The peer's reason, as plain text for people. Texts of a Close frame have no JSON escapes.
        reason: &'f str,
    },
    /// A link that was open has ended. Everything that came over the link is stale.
    Disconnected {
        /// The link that has ended.
        link: LinkId,
        /// The reason.
        reason: Lost,
        /// When the client makes the next attempt, if the [`dial_limit`](crate::Config::dial_limit) has room then;
        /// `None` if no attempt follows. If the venue names a higher limit on attempts before this time, the attempt
        /// may come earlier.
        retry: Option<Instant>,
    },
    /// The link has ended, no attempt to replace it follows, and the client is not shutting down. With
    /// [`CloseReason::Requested`] and [`CloseReason::RequestedUnclean`], nothing needs the link any more, or the
    /// application has removed the endpoint. A later subscription may open another link in the same slot.
    ///
    /// With any other reason, the link has failed. The client keeps the subscriptions of the slot, and requests their
    /// streams again when [`Client::open`](crate::Client::open) connects the slot. If every endpoint has a link and
    /// all links have failed, [`Event::Closed`] follows.
    LinkClosed {
        /// The link.
        link: LinkId,
        /// The reason.
        reason: CloseReason,
    },
    /// For the time of [`Config::heartbeat_every`](crate::Config::heartbeat_every), an authenticated link has sent no
    /// request about orders, quotes or private streams. Send a heartbeat over REST; without a heartbeat the venue may
    /// cancel open orders. While the link sends no such request, the event comes again after each interval.
    HeartbeatDue {
        /// The newest link in its slot. It may have ended, or may still be connecting.
        link: LinkId,
        /// When a link in this slot last opened, or last sent a request about orders, quotes or private streams,
        /// whichever was later.
        since: Instant,
    },
    /// A step of [`Client::shut_down`](crate::Client::shut_down) begins. [`Client::close`](crate::Client::close)
    /// causes this event only during such a shutdown.
    ShuttingDown {
        /// The step.
        step: ShutdownStep,
    },
    /// The client has ended. This event comes exactly once. No other event follows, except [`Event::Ignored`] for
    /// frames that the driver still passes to the client.
    Closed {
        /// The reason. If all links have failed, the reason of the failed link in the highest slot.
        reason: CloseReason,
        /// The requests, links and sessions that the client abandoned.
        abandoned: Abandoned,
    },

    /// A frame that the client correctly did not use. The application need not do anything. Do not log these events:
    /// they contain whole frames, and there can be many, such as the updates of a book that waits for a snapshot.
    Ignored(Ignored, Source<'f>),
    /// A complete frame, or a complete element of a frame, of an unknown kind. A newer version of this crate may
    /// know the kind.
    Unrecognized(Unrecognized<'f>, Source<'f>),
    /// A frame, or an element of a list in a frame, could not be decoded. Log the event with the text, except on
    /// order events v1: there the text may [contain an API key](crate::protocol::quirks#keys-in-events).
    ///
    /// After too many undecodable frames in a row, the client drops the link: see
    /// [`Config::malformed_run_max`](crate::Config::malformed_run_max). An undecodable element of a list does not
    /// count towards this limit.
    Malformed(Malformed<'f>, Source<'f>),

    /// The events of one frame: usually several, but perhaps one or none.
    Batch(Batch<'f>, Source<'f>),
}

impl<'f> Event<'f> {
    /// Returns where the data comes from; `None` for the variants without a [`Source`], such as [`Event::Reply`] and
    /// [`Event::Gap`].
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
    /// The venue replied. [`Response::is_ok`] returns whether the venue accepted the request.
    Answered(Response<'f>),
    /// No reply came within [`Config::request_timeout`](crate::Config::request_timeout). It is unknown whether the
    /// venue has carried out the request.
    TimedOut,
    /// The link ended before a reply came. It is unknown whether the venue has carried out the request.
    Lost,
    /// The link ended before the driver polled the request, so the venue has not seen the request.
    NotSent,
}

/// What a [`RequestOutcome`] says about the order or quote of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'f> {
    Accepted(Response<'f>),
    Refused(Response<'f>),
    /// The venue refused the request because of a limit on requests. The refusal says nothing about the order or
    /// quote.
    OverLimit(Response<'f>),
    NotSent,
    /// It is unknown whether the venue has carried out the request: it replied with an internal error or with a reply
    /// that contradicts itself, or no reply came.
    Unknown,
}

impl Verdict<'_> {
    pub(crate) const fn may_be_accepted(&self) -> bool {
        matches!(self, Verdict::Accepted(_) | Verdict::Unknown)
    }
}

impl<'f> RequestOutcome<'f> {
    /// Two kinds of replies contradict themselves and give [`Verdict::Unknown`]:
    ///
    /// - an error whose status means success and whose code does not mean a refusal,
    /// - a refusal that contains the id of an order or a quote.
    pub(crate) fn verdict(&self) -> Verdict<'f> {
        match *self {
            RequestOutcome::Answered(response) if response.is_ok() => Verdict::Accepted(response),
            RequestOutcome::Answered(response) if response.is_over_limit() => Verdict::OverLimit(response),
            RequestOutcome::Answered(response) if response.is_final_refusal() => Verdict::Refused(response),
            RequestOutcome::Answered(_) => Verdict::Unknown,
            RequestOutcome::NotSent => Verdict::NotSent,
            RequestOutcome::TimedOut | RequestOutcome::Lost => Verdict::Unknown,
        }
    }
}

impl core::fmt::Display for RequestOutcome<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            RequestOutcome::Answered(response) => response.fmt(f),
            RequestOutcome::TimedOut => f.pad("no reply in time; whether the venue acted is unknown"),
            RequestOutcome::Lost => {
                f.pad("the link ended before a reply came; whether the venue acted is unknown")
            }
            RequestOutcome::NotSent => f.pad("not sent: the link ended first"),
        }
    }
}

/// A frame that the client correctly did not use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ignored {
    /// The reason.
    pub reason: IgnoredReason,
}

/// The reason for which a frame was not used. Each reason has a counter in [`Stats`](crate::Stats).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum IgnoredReason {
    /// An update that the book already contains, as the update ids show.
    StaleUpdate,
    /// A change to a book that waits for a snapshot. On market data v1, also any data after a lost frame, until the
    /// link ends.
    BeforeSnapshot,
    /// Data of a stream that is not subscribed, or is no longer subscribed. On market data v1, data of a symbol that
    /// neither the address nor [`Config::symbol`](crate::Config::symbol) names.
    NotSubscribed,
    /// A response whose id belongs to no waiting request, or a late refusal of a stream request that changes nothing.
    UnknownResponse,
    /// A frame of a link that has ended or is not open yet.
    EndedLink,
}

impl core::fmt::Display for IgnoredReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            IgnoredReason::StaleUpdate => "the book already contains its changes",
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

/// A frame, or an element of a list in a frame, that could not be decoded. `Debug` and `Serialize` show only the
/// length of a text that may contain an API key.
#[derive(Clone, Copy, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Malformed<'f> {
    /// The frame, or the malformed element of a list in a frame; empty if the frame was binary.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::message::serialize_raw"))]
    pub frame: &'f str,
    /// What is wrong with the frame, and where.
    pub error: DecodeError,
    /// The topic that the frame may have been about, judged by its text; `None` if any topic is possible. The link's
    /// data of this topic is stale from now on; with a `symbol`, only the data of this symbol.
    pub topic: Option<Topic>,
    /// The instrument that the frame names; `None` if the frame may have been about any instrument of the topic.
    pub symbol: Option<Symbol>,
}

impl core::fmt::Debug for Malformed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Malformed");
        shown.field("frame", &RawJson(self.frame)).field("error", &self.error);
        shown.field("topic", &self.topic).field("symbol", &self.symbol).finish()
    }
}

impl<'f> Malformed<'f> {
    pub(crate) fn new(endpoint: Endpoint, frame: &'f str, error: DecodeError) -> Malformed<'f> {
        if error.kind() == DecodeErrorKind::Binary {
            // A binary frame has no data, because the venue sends all its data as text.
            return Malformed { frame, error, topic: Some(Topic::Other), symbol: None };
        }
        let Affected { topic, symbol } = Affected::by(endpoint, frame);
        Malformed { frame, error, topic, symbol }
    }

    pub(crate) fn is_of(&self, topic: Topic) -> bool {
        self.topic.is_none_or(|of| of == topic)
    }
}

/// The events of one frame of the venue. A batch usually has several events, but may have one or none.
///
/// [`Event::parts`] returns these events, in the order in which to apply them. [`Batch::message`] returns the decoded
/// frame, which also has fields that no event has.
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
        is_snapshot: bool,
        /// The newest trade that the stream had delivered before this frame.
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
    /// A report with rows that cannot be decoded.
    Report(Report<'f>),
}
