//! The lifecycles of a link and of a stream on a link, as tables: the next state and the effects of each input in
//! each state.
//!
//! [`LINK`] and [`STREAM`] are the specification. The client takes every step from these tables, the documentation
//! shows them, and a test walks through every cell. Nothing else in the crate decides on the state of a link or of a
//! stream.

/// The state of a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum State {
    /// Not opened yet.
    Idle,
    /// The driver is dialling: name look-up, TCP, TLS and upgrade together.
    Connecting,
    /// Open, but not live yet. The link becomes live when every stream is confirmed, rejected or reported by
    /// [`Event::Unserved`](crate::Event::Unserved). Exception: if all streams that were not rejected are unserved,
    /// the link waits until one of them works. A link without streams becomes live at once.
    Subscribing,
    /// Open, and the state [`Subscribing`](State::Subscribing) is over. The link stays live even if a stream fails,
    /// or if a stream that was subscribed later is not confirmed yet.
    Live,
    /// The client has sent a Close frame, and waits for the Close frame of the peer.
    Closing,
    /// Waiting before the next attempt to connect.
    Backoff,
    /// Closed. No input leads out of this state. If the link has failed, [`Client::open`](crate::Client::open)
    /// replaces it with a new link, which has the same id until its first attempt to connect.
    Closed,
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            State::Idle => "not opened yet",
            State::Connecting => "connecting",
            State::Subscribing => "subscribing",
            State::Live => "live",
            State::Closing => "closing",
            State::Backoff => "waiting before the next attempt",
            State::Closed => "closed",
        })
    }
}

/// An input of a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Input {
    /// The client opens the link.
    Open,
    /// The client opens the link, but the limit on attempts to connect, or the delay after an earlier failure, allows
    /// no attempt yet.
    OpenLater,
    /// The upgrade succeeded.
    Connected,
    /// The attempt to connect failed, and another attempt may succeed.
    ConnectFailed,
    /// The attempt to connect failed, and another attempt would fail as well.
    ConnectRefused,
    /// A frame came.
    Frame,
    /// The link can become live: see [`State::Subscribing`].
    Settled,
    /// The link has to be replaced: the peer does not reply, too many frames in a row could not be decoded, frames of
    /// a v1 endpoint were lost or could not be used, or a book of market data v1 needs a new snapshot.
    Unusable,
    /// The transport ended, or the peer's Close frame came.
    Lost,
    /// The peer closed with a code that the client takes for wrong credentials or a wrong request, and no link of the
    /// client to the endpoint has ever been live for [`Config::stable_after`](crate::Config::stable_after).
    LostForGood,
    /// The client closes the link.
    Close,
    /// The time for the attempt to connect is over.
    ConnectTimeout,
    /// The delay before the next attempt is over.
    RetryDue,
    /// No other attempt follows: too many attempts have failed, or the client is shutting down.
    Exhausted,
    /// The peer was silent for too long.
    Silence,
    /// The time for the closing handshake is over.
    CloseTimeout,
    /// The application subscribes, or requests a new snapshot of a book. Unsubscribing is no input, because every
    /// state allows it.
    Subscribe,
    /// The application sends a request.
    Request,
}

/// An effect of a step of a link. The effects in a cell of [`LINK`] are performed in their order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Effect {
    /// Ask the driver to dial. The id of the attempt has a new epoch.
    Dial,
    /// Ask the driver to drop the transport, or the attempt to connect, immediately.
    Abort,
    /// Report that the attempt failed, and when the client makes the next attempt.
    ReportFailure,
    /// Report that the link is open.
    ReportOpened,
    /// Request every subscribed stream.
    Restore,
    /// Report that the link is live.
    ReportLive,
    /// Report every request of the application that has no reply as lost or not sent. End the streams that are being
    /// unsubscribed, and make every other stream wait for the next open link.
    FailAll,
    /// Report that the link was lost, and when the client makes the next attempt.
    ReportLost,
    /// Send a Close frame.
    SendClose,
    /// Report that the link has ended for good.
    ReportClosed,
    /// Decode the frame, and return its event.
    Deliver,
    /// Keep the subscription.
    Record,
    /// Send the request.
    Send,
}

/// The reason why a state refuses a command.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The link is closing or closed.
    Closed,
    /// The link is not open now.
    NotConnected,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Refusal::Closed => "the connection is closing or closed",
            Refusal::NotConnected => "there is no open link now",
        })
    }
}

/// A cell of a lifecycle table: the reaction to one input in one state.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cell<S: 'static, E: 'static> {
    /// Go to a state, perhaps the same one, and perform the effects.
    Go(S, &'static [E]),
    /// Stay, and perform the effects, if there are any.
    Stay(&'static [E]),
    /// The input cannot happen in this state, or comes too late: nothing changes.
    Ignore,
    /// The command fails, and nothing changes.
    Refuse(Refusal),
}

/// The states of a link, in the order of the columns of [`LINK`].
pub const STATES: [State; 7] = [
    State::Idle,
    State::Connecting,
    State::Subscribing,
    State::Live,
    State::Closing,
    State::Backoff,
    State::Closed,
];

use Cell::{Go, Ignore, Refuse, Stay};
use Effect::{
    Abort, Deliver, Dial, FailAll, Record, ReportClosed, ReportFailure, ReportLive, ReportLost, ReportOpened,
    Restore, Send, SendClose,
};
use Refusal::NotConnected;
use State::{Backoff, Closed, Closing, Connecting, Live, Subscribing};

const REFUSE_CLOSED: Cell<State, Effect> = Refuse(Refusal::Closed);
const NOTHING: Cell<State, Effect> = Stay(&[]);
const LOSE: &[Effect] = &[FailAll, ReportLost];
const DROP: &[Effect] = &[Abort, FailAll, ReportLost];
const END: &[Effect] = &[FailAll, ReportLost, ReportClosed];

/// The lifecycle of a link: one row per input, one column per state in the order of [`STATES`].
#[rustfmt::skip]
pub const LINK: [(Input, [Cell<State, Effect>; 7]); 18] = [
    //                        Idle                        Connecting                                          Subscribing                Live                       Closing                                 Backoff                     Closed
    (Input::Open,           [Go(Connecting, &[Dial]),     NOTHING,                                            NOTHING,                   NOTHING,                   REFUSE_CLOSED,                          NOTHING,                    REFUSE_CLOSED]),
    (Input::OpenLater,      [Go(Backoff, &[]),            Ignore,                                             Ignore,                    Ignore,                    Ignore,                                 Ignore,                     Ignore]),
    (Input::Connected,      [Ignore,                      Go(Subscribing, &[ReportOpened, Restore]),          Ignore,                    Ignore,                    Ignore,                                 Ignore,                     Ignore]),
    (Input::ConnectFailed,  [Ignore,                      Go(Backoff, &[ReportFailure]),                      Ignore,                    Ignore,                    Ignore,                                 Ignore,                     Ignore]),
    (Input::ConnectRefused, [Ignore,                      Go(Closed, &[ReportFailure, ReportClosed]),         Ignore,                    Ignore,                    Ignore,                                 Ignore,                     Ignore]),
    (Input::Frame,          [Ignore,                      Ignore,                                             Stay(&[Deliver]),          Stay(&[Deliver]),          Stay(&[Deliver]),                       Ignore,                     Ignore]),
    (Input::Settled,        [Ignore,                      Ignore,                                             Go(Live, &[ReportLive]),   NOTHING,                   NOTHING,                                Ignore,                     Ignore]),
    (Input::Unusable,       [Ignore,                      Ignore,                                             Go(Backoff, DROP),         Go(Backoff, DROP),         NOTHING,                                Ignore,                     Ignore]),
    (Input::Lost,           [Ignore,                      Go(Backoff, &[ReportFailure]),                      Go(Backoff, LOSE),         Go(Backoff, LOSE),         Go(Closed, END),                        Ignore,                     Ignore]),
    (Input::LostForGood,    [Ignore,                      Go(Closed, &[ReportFailure, ReportClosed]),         Go(Closed, END),           Go(Closed, END),           Go(Closed, END),                        Ignore,                     Ignore]),
    (Input::Close,          [Go(Closed, &[ReportClosed]), Go(Closed, &[Abort, ReportFailure, ReportClosed]),  Go(Closing, &[SendClose]), Go(Closing, &[SendClose]), NOTHING,                                Go(Closed, &[ReportClosed]), NOTHING]),
    (Input::ConnectTimeout, [Ignore,                      Go(Backoff, &[Abort, ReportFailure]),               Ignore,                    Ignore,                    Ignore,                                 Ignore,                     Ignore]),
    (Input::RetryDue,       [Ignore,                      Ignore,                                             Ignore,                    Ignore,                    Ignore,                                 Go(Connecting, &[Dial]),    Ignore]),
    (Input::Exhausted,      [Ignore,                      Ignore,                                             Ignore,                    Ignore,                    Ignore,                                 Go(Closed, &[ReportClosed]), Ignore]),
    (Input::Silence,        [Ignore,                      Ignore,                                             Go(Backoff, DROP),         Go(Backoff, DROP),         Ignore,                                 Ignore,                     Ignore]),
    (Input::CloseTimeout,   [Ignore,                      Ignore,                                             Ignore,                    Ignore,                    Go(Closed, &[Abort, FailAll, ReportLost, ReportClosed]), Ignore,     Ignore]),
    (Input::Subscribe,      [Stay(&[Record]),             Stay(&[Record]),                                    Stay(&[Record, Send]),     Stay(&[Record, Send]),     REFUSE_CLOSED,                          Stay(&[Record]),            REFUSE_CLOSED]),
    (Input::Request,        [Refuse(NotConnected),        Refuse(NotConnected),                               Stay(&[Send]),             Stay(&[Send]),             REFUSE_CLOSED,                          Refuse(NotConnected),       REFUSE_CLOSED]),
];

/// The state of a stream on a link. When the link ends, a stream in [`Leaving`](StreamState::Leaving) ends. Every
/// other stream that has not ended starts again at [`Wanted`](StreamState::Wanted).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum StreamState {
    /// Not requested over this link yet.
    Wanted,
    /// Requested and not confirmed yet. The request itself may still wait for room in a limit. The client requests
    /// the stream again if no reply comes, or if the venue refuses for now.
    Requested,
    /// Confirmed. A book still waits for its snapshot.
    Active,
    /// The book is current.
    Synced,
    /// The client subscribes again. It first unsubscribes, and waits for the reply to the `unsubscribe` (market data
    /// v2 sends none). If a book loses another update soon after its snapshot, the client waits before it
    /// unsubscribes.
    ///
    /// The client subscribes again in these cases:
    ///
    /// - The book lost an update or got no usable snapshot.
    /// - The venue refused the stream after its data had come.
    /// - The application requested a new snapshot.
    /// - The stream fell silent.
    Resyncing,
    /// The application has unsubscribed, or the venue has rejected one `subscribe` and may have accepted another one.
    /// The venue has not confirmed the `unsubscribe`. If no confirmation comes, the client unsubscribes again. Market
    /// data v2 confirms nothing: there the stream ends when the `unsubscribe` is sent.
    Leaving,
    /// Ended. Nothing leads out of this state.
    Gone,
}

impl core::fmt::Display for StreamState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            StreamState::Wanted => "not requested yet",
            StreamState::Requested => "requested",
            StreamState::Active => "confirmed",
            StreamState::Synced => "current",
            StreamState::Resyncing => "resubscribing",
            StreamState::Leaving => "unsubscribing",
            StreamState::Gone => "ended",
        })
    }
}

/// An input of a stream on a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamInput {
    /// The link is open, and the client is not unsubscribing a stream whose frames look like those of this stream.
    LinkUp,
    /// The link has ended.
    LinkDown,
    /// The venue accepted the newest request about the stream.
    Accepted,
    /// The venue refused the newest request about the stream for good.
    Refused,
    /// The venue refused a `subscribe` for good and has not replied to another `subscribe` for the stream. The venue
    /// may have accepted the other one.
    RefusedOnce,
    /// The venue refused the newest request about the stream for now.
    RefusedForNow,
    /// The venue refused the newest request about the stream after data of the stream had come: the snapshot of a
    /// book, or data of an account stream. The refusal is for now, or another stream of the request may be the
    /// reason.
    RefusedAfterData,
    /// One of these has happened:
    ///
    /// - The newest request about the stream got no reply in time.
    /// - The snapshot of a book came after the newest request about the book had failed.
    /// - The snapshot of a book did not come in time, or may have come in a frame that could not be decoded.
    Unanswered,
    /// The `unsubscribe` failed for now, and the application has subscribed to the same stream again.
    Superseded,
    /// The snapshot of the book came, perhaps before the reply to the request.
    Snapshot,
    /// One of these has happened:
    ///
    /// - An update is missing or may be missing.
    /// - The application has requested a new snapshot.
    /// - In the state [`Requested`](StreamState::Requested): the delay before the next request about a book is over,
    ///   and a frame that could not be decoded may have been the snapshot.
    Gap,
    /// A loss like those of [`Gap`](StreamInput::Gap), but soon after the snapshot that repaired the previous loss.
    GapAgain,
    /// The delay before the next request about the stream is over.
    Overdue,
    /// The stream was silent for longer than the application allowed.
    Silence,
    /// The last subscription to the stream ended: the application unsubscribed or removed the endpoint, or the client
    /// shuts down.
    Unsubscribe,
}

/// An effect of a step of a stream. The effects in a cell of [`STREAM`] are performed in their order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamEffect {
    /// Send `subscribe`.
    Join,
    /// Send `unsubscribe`.
    Leave,
    /// Wait before the next request, as [`Config::resubscribe_delay`](crate::Config::resubscribe_delay) sets.
    Delay,
    /// Report that the stream does not work for now, and when the client tries again.
    ReportUnserved,
    /// Report that the stream was silent for too long.
    ReportQuiet,
    /// Report that the stream is subscribed.
    ReportSubscribed,
    /// Report that the book is current.
    ReportSynced,
    /// Report that the last subscription to the stream has ended.
    ReportUnsubscribed,
    /// Report that the venue rejected the stream.
    ReportRejected,
}

/// The states of a stream, in the order of the columns of [`STREAM`].
pub const STREAM_STATES: [StreamState; 7] = [
    StreamState::Wanted,
    StreamState::Requested,
    StreamState::Active,
    StreamState::Synced,
    StreamState::Resyncing,
    StreamState::Leaving,
    StreamState::Gone,
];

use StreamEffect::{
    Delay, Join, Leave, ReportQuiet, ReportRejected, ReportSubscribed, ReportSynced, ReportUnserved,
    ReportUnsubscribed,
};
use StreamState::{Active, Gone, Leaving, Requested, Resyncing, Synced, Wanted};

const SAME: Cell<StreamState, StreamEffect> = Stay(&[]);
const OVER: Cell<StreamState, StreamEffect> = Go(Gone, &[]);
const AWAY: Cell<StreamState, StreamEffect> = Go(Leaving, &[ReportUnsubscribed, Leave]);
const AGAIN: Cell<StreamState, StreamEffect> = Go(Requested, &[Join]);
const UNLEFT: Cell<StreamState, StreamEffect> = Stay(&[Delay]);
const LATER: Cell<StreamState, StreamEffect> = Stay(&[Delay, ReportUnserved]);
const RELAPSE: Cell<StreamState, StreamEffect> = Go(Resyncing, &[Delay, ReportUnserved]);
const QUIET: Cell<StreamState, StreamEffect> = Go(Resyncing, &[ReportQuiet, Leave]);
const REJECT: Cell<StreamState, StreamEffect> = Go(Gone, &[ReportRejected]);
const REJECT_AND_LEAVE: Cell<StreamState, StreamEffect> = Go(Leaving, &[ReportRejected, Leave]);

/// The lifecycle of a stream on a link: one row per input, one column per state in the order of [`STREAM_STATES`].
#[rustfmt::skip]
pub const STREAM: [(StreamInput, [Cell<StreamState, StreamEffect>; 7]); 15] = [
    //                          `Wanted`                   Requested                        Active                      Synced                      Resyncing                    Leaving  Gone
    (StreamInput::LinkUp,      [Go(Requested, &[Join]),    Ignore,                          Ignore,                     Ignore,                     Ignore,                      Ignore,  Ignore]),
    (StreamInput::LinkDown,    [SAME,                      Go(Wanted, &[]),                 Go(Wanted, &[]),            Go(Wanted, &[]),            Go(Wanted, &[]),             OVER,    Ignore]),
    (StreamInput::Accepted,    [Ignore,                    Go(Active, &[ReportSubscribed]), Ignore,                     Stay(&[ReportSubscribed]),  AGAIN,                       OVER,    Ignore]),
    (StreamInput::Refused,     [Ignore,                    REJECT,                          Ignore,                     REJECT,                     AGAIN,                       OVER,    Ignore]),
    (StreamInput::RefusedOnce, [Ignore,                    REJECT_AND_LEAVE,                Ignore,                     REJECT_AND_LEAVE,           Ignore,                      Ignore,  Ignore]),
    (StreamInput::RefusedForNow, [Ignore,                  LATER,                           Ignore,                     Ignore,                     LATER,                       UNLEFT,  Ignore]),
    (StreamInput::RefusedAfterData, [Ignore,               RELAPSE,                         Ignore,                     RELAPSE,                    Ignore,                      Ignore,  Ignore]),
    (StreamInput::Unanswered,  [Ignore,                    LATER,                           LATER,                      Stay(&[ReportSubscribed]),  LATER,                       UNLEFT,  Ignore]),
    (StreamInput::Superseded,  [Ignore,                    Ignore,                          Ignore,                     Ignore,                     Ignore,                      OVER,    Ignore]),
    (StreamInput::Snapshot,    [Ignore,                    Go(Synced, &[ReportSynced]),     Go(Synced, &[ReportSynced]), Ignore,                    Ignore,                      Ignore,  Ignore]),
    (StreamInput::Gap,         [Ignore,                    Go(Resyncing, &[Leave]),         Ignore,                     Go(Resyncing, &[Leave]),    Ignore,                      Ignore,  Ignore]),
    (StreamInput::GapAgain,    [Ignore,                    Ignore,                          Ignore,                     RELAPSE,                    Ignore,                      Ignore,  Ignore]),
    (StreamInput::Overdue,     [Ignore,                    Stay(&[Join]),                   Go(Resyncing, &[Leave]),    Ignore,                     Stay(&[Leave]),              Stay(&[Leave]), Ignore]),
    (StreamInput::Silence,     [Ignore,                    Ignore,                          QUIET,                      QUIET,                      Ignore,                      Ignore,  Ignore]),
    (StreamInput::Unsubscribe, [Go(Gone, &[ReportUnsubscribed]), AWAY,                      AWAY,                       AWAY,                       Go(Leaving, &[ReportUnsubscribed]), Ignore, Ignore]),
];

/// Returns the cell of [`LINK`] for a state and an input.
pub const fn link_step(state: State, input: Input) -> Cell<State, Effect> {
    #[expect(
        clippy::indexing_slicing,
        reason = "both enums number exactly the rows and columns, see the test"
    )]
    LINK[input as usize].1[state as usize]
}

/// Returns the cell of [`STREAM`] for a state and an input.
pub const fn stream_step(state: StreamState, input: StreamInput) -> Cell<StreamState, StreamEffect> {
    #[expect(
        clippy::indexing_slicing,
        reason = "both enums number exactly the rows and columns, see the test"
    )]
    STREAM[input as usize].1[state as usize]
}

#[cfg(test)]
#[path = "../../tests/unit/link_lifecycle.rs"]
mod tests;
