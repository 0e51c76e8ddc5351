//! The lifecycles of a link and of a stream, as tables: what may follow what, and what is done then.
//!
//! [`LINK`] and [`STREAM`] are the specification. The connection runs them, the documentation shows
//! them, and a test walks every cell. Nothing else in the crate decides on a state.

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum State {
    /// Nothing was asked for yet.
    Idle,
    /// The driver is dialling: name, TCP, TLS and upgrade together.
    Connecting,
    /// Open; some wanted stream is neither confirmed nor refused nor reported as not served.
    Subscribing,
    /// Open, and every wanted stream is confirmed, refused or reported as not served.
    Live,
    /// Our Close frame was handed out; waiting for the peer's.
    Closing,
    /// Waiting before the next attempt.
    Backoff,
    /// The end. Nothing leads out of it.
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

/// What can happen to a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Input {
    /// The application wants the link.
    Open,
    /// The same, while the limit on attempts to connect leaves no room.
    OpenLater,
    /// The upgrade succeeded.
    Connected,
    /// The attempt failed, and another may succeed.
    ConnectFailed,
    /// The attempt failed, and so would another.
    ConnectRefused,
    /// A frame came.
    Frame,
    /// Every wanted stream is confirmed, refused or reported as not served; not all of them are the last.
    Settled,
    /// The peer is of no use: too many frames in a row that cannot be decoded, or no answers.
    Unusable,
    /// The transport ended, or the peer's Close frame came.
    Lost,
    /// The peer closed with a code that says: do not come back like this.
    LostForGood,
    /// The application wants an end.
    Close,
    /// The time to connect is over.
    ConnectTimeout,
    /// The time to wait is over.
    RetryDue,
    /// There will be no other attempt: too many have failed, or an end is wanted.
    Exhausted,
    /// Nothing was heard for too long.
    Silence,
    /// The time for the closing handshake is over.
    CloseTimeout,
    /// The application subscribes or unsubscribes.
    Subscribe,
    /// The application sends a request.
    Request,
}

/// What is done on a step of a link, in this order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Effect {
    /// Ask the driver for a transport, with a new epoch.
    Dial,
    /// Tell the driver to drop the transport at once.
    Abort,
    /// Tell the application that the attempt failed, and when the next one is.
    ReportFailure,
    /// Tell the application that the link is open.
    ReportOpened,
    /// Ask for every wanted stream.
    Restore,
    /// Tell the application that the link is live.
    ReportLive,
    /// Answer every request in flight as lost; every stream is only wanted again.
    FailAll,
    /// Tell the application that the link ended, and when the next attempt is.
    ReportLost,
    /// Hand out a Close frame.
    SendClose,
    /// Tell the application that this is the end.
    ReportClosed,
    /// Decode the frame, and return its event.
    Deliver,
    /// Keep the wish.
    Record,
    /// Hand out the request.
    Send,
}

/// Why the application's wish is refused in a state.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The connection is closing or closed.
    Closed,
    /// There is no open link now.
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

/// A cell of a table.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cell<S: 'static, E: 'static> {
    /// Go to a state, perhaps the same one, and do this.
    Go(S, &'static [E]),
    /// Stay, and do this; nothing at all if the list is empty.
    Stay(&'static [E]),
    /// It cannot happen here, or it comes too late: nothing changes.
    Ignore,
    /// Nothing changes, and the command fails.
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

/// Where a subscription is in its life. The wish survives the link; the state does not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum StreamState {
    /// Wanted, but not asked for on this link.
    Wanted,
    /// Asked for, and not confirmed yet; asked for again when no answer came.
    Requested,
    /// Confirmed. For most streams that is all; a book still waits for its snapshot.
    Active,
    /// The book follows the venue.
    Synced,
    /// The book lost an update, or the stream fell silent: unsubscribed, to subscribe again once that is
    /// confirmed. A book that is lost again and again waits before that.
    Resyncing,
    /// The application unsubscribed; no confirmation yet, and the venue is asked again if none comes. Nothing of it is
    /// delivered any more.
    Leaving,
    /// The end. Nothing leads out of it.
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

/// What can happen to a subscription.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamInput {
    /// The link is open, and nothing stands in the way of asking for it.
    LinkUp,
    /// The link has ended.
    LinkDown,
    /// The request for it was accepted.
    Accepted,
    /// The request for it was refused, and would be again.
    Refused,
    /// The request for it, or for its end, was not answered in time, or refused for now, or its snapshot did not come
    /// in time.
    Unanswered,
    /// The request for its end came to nothing for now, and another subscription to the same stream waits for it.
    Superseded,
    /// Its snapshot came; it may come before the answer to the request.
    Snapshot,
    /// An update is missing.
    Gap,
    /// An update is missing, and not for the first time: the snapshots before it did not live for long.
    GapAgain,
    /// The delay before asking again is over.
    Overdue,
    /// It was silent for longer than was declared for it.
    Silence,
    /// The application wants it no more.
    Unsubscribe,
}

/// What is done on a step of a subscription, in this order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamEffect {
    /// Send `subscribe`.
    Join,
    /// Send `unsubscribe`.
    Leave,
    /// Wait before it is asked for again; longer each time.
    Delay,
    /// Tell the application that it is not served, and when it is asked for again.
    ReportUnserved,
    /// Tell the application that it was silent for too long.
    ReportQuiet,
    /// Tell the application that it is subscribed.
    ReportSubscribed,
    /// Tell the application that its book follows the venue.
    ReportSynced,
    /// Tell the application, once, that it has ended at its wish.
    ReportUnsubscribed,
    /// Tell the application that the venue refused it.
    ReportRejected,
}

/// The states of a subscription, in the order of the columns of [`STREAM`].
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
const LEFT: Cell<StreamState, StreamEffect> = Go(Gone, &[ReportUnsubscribed]);
const AWAY: Cell<StreamState, StreamEffect> = Go(Leaving, &[Leave]);
const AGAIN: Cell<StreamState, StreamEffect> = Go(Requested, &[Join]);
const UNLEFT: Cell<StreamState, StreamEffect> = Stay(&[ReportUnsubscribed, Delay]);
const LATER: Cell<StreamState, StreamEffect> = Stay(&[Delay, ReportUnserved]);
const RELAPSE: Cell<StreamState, StreamEffect> = Go(Resyncing, &[Delay, ReportUnserved]);
const QUIET: Cell<StreamState, StreamEffect> = Go(Resyncing, &[ReportQuiet, Leave]);
const REJECT: Cell<StreamState, StreamEffect> = Go(Gone, &[ReportRejected]);

/// The lifecycle of a subscription: one row per input, one column per state in the order of
/// [`STREAM_STATES`].
#[rustfmt::skip]
pub const STREAM: [(StreamInput, [Cell<StreamState, StreamEffect>; 7]); 12] = [
    //                          Wanted                     Requested                        Active                      Synced                      Resyncing                    Leaving  Gone
    (StreamInput::LinkUp,      [Go(Requested, &[Join]),    Ignore,                          Ignore,                     Ignore,                     Ignore,                      Ignore,  Ignore]),
    (StreamInput::LinkDown,    [SAME,                      Go(Wanted, &[]),                 Go(Wanted, &[]),            Go(Wanted, &[]),            Go(Wanted, &[]),             LEFT,    Ignore]),
    (StreamInput::Accepted,    [Ignore,                    Go(Active, &[ReportSubscribed]), Ignore,                     Stay(&[ReportSubscribed]),  AGAIN,                       LEFT,    Ignore]),
    (StreamInput::Refused,     [Ignore,                    REJECT,                          Ignore,                     REJECT,                     AGAIN,                       LEFT,    Ignore]),
    (StreamInput::Unanswered,  [Ignore,                    LATER,                           LATER,                      Stay(&[ReportSubscribed]),  LATER,                       UNLEFT,  Ignore]),
    (StreamInput::Superseded,  [Ignore,                    Ignore,                          Ignore,                     Ignore,                     Ignore,                      Go(Gone, &[]), Ignore]),
    (StreamInput::Snapshot,    [Ignore,                    Go(Synced, &[ReportSynced]),     Go(Synced, &[ReportSynced]), Ignore,                    Ignore,                      Ignore,  Ignore]),
    (StreamInput::Gap,         [Ignore,                    Ignore,                          Ignore,                     Go(Resyncing, &[Leave]),    Ignore,                      Ignore,  Ignore]),
    (StreamInput::GapAgain,    [Ignore,                    Ignore,                          Ignore,                     RELAPSE,                    Ignore,                      Ignore,  Ignore]),
    (StreamInput::Overdue,     [Ignore,                    Stay(&[Join]),                   Go(Resyncing, &[Leave]),    Ignore,                     Stay(&[Leave]),              Stay(&[Leave]), Ignore]),
    (StreamInput::Silence,     [Ignore,                    Ignore,                          QUIET,                      QUIET,                      Ignore,                      Ignore,  Ignore]),
    (StreamInput::Unsubscribe, [LEFT,                      AWAY,                            AWAY,                       AWAY,                       Go(Leaving, &[]),            SAME,    Ignore]),
];

/// The cell of the link table for a state and an input.
pub const fn link_step(state: State, input: Input) -> Cell<State, Effect> {
    #[expect(
        clippy::indexing_slicing,
        reason = "both enums number exactly the rows and columns, see the test"
    )]
    LINK[input as usize].1[state as usize]
}

/// The cell of the stream table for a state and an input.
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
