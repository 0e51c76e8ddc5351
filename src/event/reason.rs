//! The reasons why attempts to connect, links, streams and clients end, and whether another attempt follows such an
//! end.

use core::fmt;
use core::time::Duration;

use crate::message::Message;
use crate::value::endpoint::Endpoint;
use crate::wire::Scratch;

/// The reason why an attempt to connect failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The client closed the link before the attempt ended.
    Cancelled,
    /// The endpoint is [authenticated](crate::Config::authenticated), and the driver has no credentials for it.
    NoCredentials,
    /// The upgrade has to be signed but would be sent unencrypted: the address begins with `ws://` and does not name
    /// this machine.
    NotSecure,
    /// The address is not a WebSocket URL.
    InvalidUrl,
    /// The host name could not be resolved.
    NameLookup,
    /// No process listens at the address.
    Refused,
    /// The host cannot be reached.
    Unreachable,
    /// The attempt did not succeed within [`Config::connect_timeout`](crate::Config::connect_timeout), or within the
    /// operating system's own time limit.
    TimedOut,
    /// The proxy refused, or does not speak the protocol that the URL of the proxy names. Or the URL of the proxy
    /// cannot be used: for SOCKS5, the name and the password must each have 1 to 255 bytes (RFC 1929).
    Proxy,
    /// The proxy refused with this HTTP status.
    ProxyStatus {
        /// The HTTP status: 407 if the proxy requires other credentials, 429 if it asks for fewer attempts.
        status: u16,
        /// The delay that the proxy asked for; `None` if it asked for none. The client treats the delay like that of
        /// [`Status`](ConnectFailure::Status).
        retry_after: Option<Duration>,
    },
    /// The TLS handshake failed.
    Tls,
    /// The peer's certificate is not trusted or is for another name.
    Certificate,
    /// The peer's certificate has expired, or is not valid yet by this machine's clock.
    CertificateTime,
    /// The peer does not speak WebSocket.
    Handshake,
    /// The peer answered the upgrade with an HTTP status other than 101.
    Status {
        /// The HTTP status.
        status: u16,
        /// The delay that the response asked for; `None` if it asked for none. Each link of the client waits for this
        /// delay before it dials this host again. The delay is cut to
        /// [`Config::retry_after_max`](crate::Config::retry_after_max); then the random delay of
        /// [`Config::backoff`](crate::Config::backoff) is added.
        retry_after: Option<Duration>,
        /// The venue's reason, if the response named one.
        reason: Option<VenueReason>,
    },
    /// Any other error of the transport.
    Transport,
}

/// The word with which the venue names the reason for a refusal, such as `InvalidSignature` ([refused
/// upgrades](crate::protocol::streams#refused-upgrades)).
///
/// ```
/// use gemini_ws::VenueReason;
///
/// let body = r#"{"result":"error","reason":"InvalidNonce","message":"…"}"#;
/// assert_eq!(VenueReason::of_body(body.as_bytes()).unwrap().as_str(), "InvalidNonce");
/// assert!(VenueReason::of_body(b"<html>").is_none());
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct VenueReason {
    letters: [u8; VenueReason::LENGTH_MAX],
    length: u8,
}

impl VenueReason {
    /// The maximum number of letters and digits of a reason. A longer word is cut.
    pub const LENGTH_MAX: usize = 31;

    /// Creates a reason from a word of the venue. Returns `None` if the word is empty, or contains a character that
    /// is not an ASCII letter or digit.
    pub fn new(word: &str) -> Option<VenueReason> {
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let mut letters = [0; VenueReason::LENGTH_MAX];
        let mut length = 0_u8;
        for (to, from) in letters.iter_mut().zip(word.bytes()) {
            *to = from;
            length = length.saturating_add(1);
        }
        Some(VenueReason { letters, length })
    }

    /// Finds the reason in the body of a response; `None` if the body names none. Drivers call this function when
    /// the venue refuses an upgrade.
    pub fn of_body(body: &[u8]) -> Option<VenueReason> {
        let mut scratch = Scratch::new();
        // Every generation of the API writes errors in the same form.
        match Endpoint::MarketDataV2.decode(core::str::from_utf8(body).ok()?, &mut scratch) {
            Ok(Message::Error(error)) => VenueReason::new(error.reason.raw()),
            _ => None,
        }
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        let word = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(word).unwrap_or_default()
    }

    fn is_about_nonce(&self) -> bool {
        self.as_str() == "InvalidNonce"
    }
}

impl fmt::Debug for VenueReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for VenueReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for VenueReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The reason why an open link ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Lost {
    /// The peer closed the link with this code; `None` if the Close frame has no code.
    Closed {
        /// The code of the Close frame. If the code is one that no Close frame may have (RFC 6455, section 7.4), the
        /// driver of this project reports 1002 instead.
        code: Option<u16>,
    },
    /// The transport ended without a Close frame.
    End,
    /// The transport was reset.
    Reset,
    /// The peer broke the WebSocket protocol.
    Protocol,
    /// Any other error of the transport.
    Transport,
    /// No frame came for [`Config::silence_max`](crate::Config::silence_max), not even a reply to a probe. If
    /// [`Client::handle_resumed`](crate::Client::handle_resumed) caused the probe, the silence may be shorter.
    Silent,
    /// Too many frames in a row could not be decoded: see
    /// [`Config::malformed_run_max`](crate::Config::malformed_run_max).
    Malformed,
    /// Frames of an archived v1 endpoint were lost or could not be used. Or the application requested a new snapshot
    /// of a market data v1 book with [`Client::resync_books`](crate::Client::resync_books) or
    /// [`Client::resync_all_books`](crate::Client::resync_all_books).
    SequenceGap,
    /// At least three requests have timed out since the last message from the peer. The first of these timeouts was
    /// at least three times [`Config::request_timeout`](crate::Config::request_timeout) ago. Pings and pongs are not
    /// messages.
    Unresponsive,
    /// The client closed the link. The peer completed the closing handshake, or ended the transport.
    Requested,
    /// The client closed the link. The peer did not complete the closing handshake within
    /// [`Config::close_timeout`](crate::Config::close_timeout), or by the earlier deadline of a shutdown.
    CloseTimedOut,
}

/// The reason for an [`Event::Unserved`](crate::Event::Unserved): the reason why a stream does not work for now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Unserved {
    /// The venue refused the stream for now, for example because of too many requests. Or the venue refused a request
    /// for several streams after data of this stream had come: the refusal may be about another of these streams.
    Refused {
        /// The status of the reply, if the reply had a status.
        status: Option<u16>,
        /// The code of the error in the reply; zero if the reply had no code.
        code: i64,
    },
    /// The `subscribe` or `unsubscribe` got no reply within
    /// [`Config::request_timeout`](crate::Config::request_timeout). On market data v2, which confirms no
    /// subscription, no data came in this time.
    Unanswered,
    /// The venue confirmed the subscription, but the snapshot of the book did not come in time: see
    /// [`Config::snapshot_timeout`](crate::Config::snapshot_timeout).
    NoSnapshot,
    /// A frame that may have been the snapshot of the book could not be decoded.
    Undecodable,
    /// The book lost another update within [`Config::stable_after`](crate::Config::stable_after) of the snapshot that
    /// repaired an earlier loss.
    Relapsed,
}

/// The reason why an attempt to connect counts as failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum AttemptFailure {
    /// The link was never open.
    Connect(ConnectFailure),
    /// The link was lost before it was live.
    Lost(Lost),
}

/// The reason why a link or a client has ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CloseReason {
    /// The application requested the end, or nothing needed the link any more. No closing handshake timed out.
    Requested,
    /// The application requested the end, or nothing needed the link any more. The peer did not complete the closing
    /// handshake in time, so the client dropped the transport.
    RequestedUnclean,
    /// The application requested the end. The venue did not confirm the cancellation of all orders that the
    /// [`ShutdownPlan`](crate::ShutdownPlan) covers, so some orders may still be open: see [`Abandoned::sessions`].
    /// The client reports this reason even if a closing handshake also timed out.
    RequestedIncomplete,
    /// An attempt to connect failed, and another attempt would fail as well until something changes: see the
    /// failure.
    ConnectRefused(ConnectFailure),
    /// The peer closed with code 1010, 4001, 4003, 4401 or 4403, which the client takes for wrong credentials or a
    /// wrong request. No link of the endpoint had stayed live for
    /// [`Config::stable_after`](crate::Config::stable_after).
    ClosedByPeer {
        /// The code of the Close frame.
        code: u16,
    },
    /// As many attempts in a row have failed as [`Config::attempts_max`](crate::Config::attempts_max) allows.
    AttemptsExhausted {
        /// How many attempts have failed.
        attempts: u32,
        /// The reason why the last attempt failed.
        last: AttemptFailure,
    },
}

/// The requests, links and sessions that a client abandoned. Each number is a sum over the life of the client.
/// `requests` and `links` count only links that ended for good: no further attempt followed. `sessions` also counts
/// the sessions of links that the client has replaced.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Abandoned {
    /// Requests of the application, and the cancel request of a shutdown, that had no reply of the venue when their
    /// link ended. An [`Event::Reply`](crate::Event::Reply) has reported each of these requests as lost or not sent.
    pub requests: usize,
    /// Transports, or attempts to connect, that were dropped without a closing handshake.
    pub links: usize,
    /// Sessions whose orders may still be open after a shutdown with
    /// [`ShutdownPlan::cancel_orders`](crate::ShutdownPlan::cancel_orders). A session counts if the venue accepted an
    /// order of the session, or may have accepted it, and no event over a link to the endpoint has shown that the
    /// order has ended. A [raw](crate::Request::raw) request over an authenticated link counts as an accepted order.
    ///
    /// A session does not count with [`Config::cancel_on_disconnect`](crate::Config::cancel_on_disconnect), or after
    /// the venue has confirmed, over the link of the session, that it cancelled all orders of the session or of the
    /// account. A session that counts may nevertheless have no open order: ask REST which orders are open.
    pub sessions: usize,
}

/// A step of [`Client::shut_down`](crate::Client::shut_down). An [`Event::ShuttingDown`](crate::Event::ShuttingDown)
/// reports each step that begins. The steps begin in the order of the variants, except those that the
/// [`ShutdownPlan`](crate::ShutdownPlan) does not contain. During a shutdown,
/// [`Client::close`](crate::Client::close) skips to the last step. [`Event::Closed`](crate::Event::Closed) follows the
/// last step.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ShutdownStep {
    /// The client refuses commands, and waits for the replies to requests in flight.
    CommandsStopped,
    /// The client asks the venue to cancel the orders that were placed over the authenticated links.
    CancellingOrders,
    /// The client unsubscribes all streams except the streams of an account.
    Unsubscribing,
    /// The client closes its links.
    ClosingLinks,
}

impl fmt::Display for ShutdownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ShutdownStep::CommandsStopped => "waiting for replies",
            ShutdownStep::CancellingOrders => "cancelling orders",
            ShutdownStep::Unsubscribing => "unsubscribing streams",
            ShutdownStep::ClosingLinks => "closing links",
        })
    }
}

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Abandoned { requests, links, sessions } = self;
        if *self == Abandoned::default() {
            return f.pad("nothing abandoned");
        }
        write!(
            f,
            "{requests} requests without a reply, {links} links dropped, {sessions} sessions whose orders may be open"
        )
    }
}

/// Whether and when another attempt follows the end of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Retry {
    /// Another attempt would fail as well.
    Never,
    Usual,
    /// Never, if the endpoint has not worked before. Otherwise like `Slow`: something has changed at the venue or on
    /// the way to the venue, and may change back.
    NeverAtFirst,
    /// After [`Config::slow_retry`](crate::Config::slow_retry) and the usual backoff: the venue asked for fewer
    /// attempts, or an earlier attempt would fail as well.
    Slow,
    /// After the delay that the venue asked for and the usual backoff.
    After(Duration),
}

impl Retry {
    pub(crate) const fn is_final(self, has_worked: bool) -> bool {
        matches!(self, Retry::Never) || matches!(self, Retry::NeverAtFirst) && !has_worked
    }
}

impl ConnectFailure {
    /// Returns whether the delay before the next attempt applies to every link to the host, because the venue limits
    /// the attempts from one IP address, or a proxy limits the attempts through it.
    pub(crate) const fn is_of_host(self) -> bool {
        matches!(
            self,
            ConnectFailure::Status { status: 429, .. }
                | ConnectFailure::Status { retry_after: Some(_), .. }
                | ConnectFailure::ProxyStatus { status: 429, .. }
                | ConnectFailure::ProxyStatus { retry_after: Some(_), .. }
        )
    }

    pub(crate) fn retry(self, is_signed: bool) -> Retry {
        match self {
            ConnectFailure::Cancelled
            | ConnectFailure::NoCredentials
            | ConnectFailure::NotSecure
            | ConnectFailure::InvalidUrl => Retry::Never,
            ConnectFailure::Certificate => Retry::NeverAtFirst,
            ConnectFailure::CertificateTime => Retry::Slow,
            ConnectFailure::Status { retry_after: Some(delay), .. }
            | ConnectFailure::ProxyStatus { retry_after: Some(delay), .. } => Retry::After(delay),
            // The next attempt has a larger nonce, and may be accepted.
            ConnectFailure::Status { reason: Some(reason), .. } if reason.is_about_nonce() => Retry::Usual,
            // The status 503 of a proxy is not `Slow`, because it may say only that the proxy cannot reach the venue.
            ConnectFailure::Status { status: 429 | 503, .. }
            | ConnectFailure::ProxyStatus { status: 429, .. } => Retry::Slow,
            ConnectFailure::Status { status: 400, reason: Some(_), .. } => Retry::NeverAtFirst,
            // If the upgrade is unsigned, these statuses concern the IP address of this machine or come from a
            // gateway, so they may pass.
            ConnectFailure::Status { status: 403 | 404, reason: None, .. } if !is_signed => Retry::Slow,
            ConnectFailure::Status { status: 401 | 403 | 404 | 410 | 426, .. } => Retry::NeverAtFirst,
            ConnectFailure::NameLookup
            | ConnectFailure::Refused
            | ConnectFailure::Unreachable
            | ConnectFailure::TimedOut
            | ConnectFailure::Proxy
            | ConnectFailure::ProxyStatus { .. }
            | ConnectFailure::Tls
            | ConnectFailure::Handshake
            | ConnectFailure::Status { .. }
            | ConnectFailure::Transport => Retry::Usual,
        }
    }
}

impl Lost {
    /// The venue documents no close codes. The client assumes that 1010, 4001, 4003, 4401 and 4403 mean wrong
    /// credentials or a wrong request.
    pub(crate) const fn retry(self) -> Retry {
        match self {
            Lost::Closed { code: Some(1010 | 4001 | 4003 | 4401 | 4403) } => Retry::NeverAtFirst,
            Lost::Closed { code: Some(1008 | 1013) } => Retry::Slow,
            Lost::Closed { .. }
            | Lost::End
            | Lost::Reset
            | Lost::Protocol
            | Lost::Transport
            | Lost::Silent
            | Lost::Malformed
            | Lost::SequenceGap
            | Lost::Unresponsive
            | Lost::Requested
            | Lost::CloseTimedOut => Retry::Usual,
        }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectFailure::Cancelled => f.write_str("cancelled"),
            ConnectFailure::NoCredentials => {
                f.write_str("the endpoint needs authentication, and the driver has no credentials")
            }
            ConnectFailure::NotSecure => f.write_str("a signed upgrade needs a secure address: use wss://"),
            ConnectFailure::InvalidUrl => f.write_str("not a WebSocket URL"),
            ConnectFailure::NameLookup => f.write_str("host name not found"),
            ConnectFailure::Refused => f.write_str("connection refused: nobody listens there"),
            ConnectFailure::Unreachable => f.write_str("host not reachable"),
            ConnectFailure::TimedOut => f.write_str("no answer in time"),
            ConnectFailure::Proxy => f.write_str(
                "the proxy refused or does not speak the protocol of its URL, or its URL cannot be used",
            ),
            ConnectFailure::ProxyStatus { status, .. } => {
                write!(f, "the proxy answered with HTTP status {status}")
            }
            ConnectFailure::Tls => f.write_str("TLS handshake failed"),
            ConnectFailure::Certificate => f.write_str("certificate not trusted or for another name"),
            ConnectFailure::Handshake => f.write_str("the peer does not speak WebSocket"),
            ConnectFailure::CertificateTime => f.write_str("certificate expired or not valid yet"),
            ConnectFailure::Status { status, reason: None, .. } => {
                write!(f, "upgrade answered with HTTP status {status}")
            }
            ConnectFailure::Status { status, reason: Some(reason), .. } => {
                write!(f, "upgrade answered with HTTP status {status}, {reason}")
            }
            ConnectFailure::Transport => f.write_str("transport error"),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Closed { code: Some(code) } => write!(f, "closed by the peer with code {code}"),
            Lost::Closed { code: None } => f.write_str("closed by the peer without a code"),
            Lost::End => f.write_str("the transport ended without a Close frame"),
            Lost::Reset => f.write_str("the transport was reset"),
            Lost::Protocol => f.write_str("the peer broke the WebSocket protocol"),
            Lost::Transport => f.write_str("transport error"),
            Lost::Silent => f.write_str("nothing was heard, not even an answer to a ping"),
            Lost::Malformed => f.write_str("too many frames in a row could not be decoded"),
            Lost::SequenceGap => f.write_str("frames were lost"),
            Lost::Unresponsive => f.write_str("several requests in a row got no reply"),
            Lost::Requested => f.write_str("closed by us"),
            Lost::CloseTimedOut => f.write_str("the peer did not answer our Close frame"),
        }
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unserved::Refused { status: Some(status), code } => {
                write!(f, "refused for now with status {status} and code {code}")
            }
            Unserved::Refused { status: None, code } => write!(f, "refused for now with code {code}"),
            Unserved::Unanswered => f.write_str("not answered in time"),
            Unserved::NoSnapshot => f.write_str("confirmed, but the book did not come in time"),
            Unserved::Undecodable => {
                f.write_str("a frame that may have been the snapshot could not be decoded")
            }
            Unserved::Relapsed => f.write_str("the book lost another update soon after its new snapshot"),
        }
    }
}

impl fmt::Display for AttemptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttemptFailure::Connect(reason) => reason.fmt(f),
            AttemptFailure::Lost(reason) => reason.fmt(f),
        }
    }
}

impl core::error::Error for ConnectFailure {}
impl core::error::Error for Lost {}
impl core::error::Error for Unserved {}
impl core::error::Error for AttemptFailure {}
impl core::error::Error for CloseReason {}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Requested => f.write_str("closed as requested"),
            CloseReason::RequestedUnclean => {
                f.write_str("closed as requested; the peer did not answer in time")
            }
            CloseReason::RequestedIncomplete => {
                f.write_str("closed as requested; orders that were to be cancelled may still be open")
            }
            CloseReason::ConnectRefused(why) => write!(f, "cannot connect: {why}"),
            CloseReason::ClosedByPeer { code } => write!(f, "closed by the peer for good, code {code}"),
            CloseReason::AttemptsExhausted { attempts, last } => {
                write!(f, "cannot connect: {attempts} attempts have failed, the last one: {last}")
            }
        }
    }
}
