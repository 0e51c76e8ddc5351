//! How links end, and what follows from it: the one table of causes.

use core::fmt;
use core::time::Duration;

/// Why an attempt to connect failed, as the driver saw it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The application closed the connection before the attempt came to an end.
    Cancelled,
    /// The address is no WebSocket URL.
    InvalidUrl,
    /// The name of the host could not be resolved.
    NameLookup,
    /// Nobody listens at the address.
    Refused,
    /// The host cannot be reached.
    Unreachable,
    /// No answer within [`Config::connect_timeout`](crate::Config::connect_timeout).
    TimedOut,
    /// The proxy on the way refused, or does not speak the protocol of its URL.
    Proxy,
    /// The TLS handshake failed.
    Tls,
    /// The peer's certificate is not trusted or is for another name.
    Certificate,
    /// The peer does not speak WebSocket.
    Handshake,
    /// The upgrade was answered with another status than 101.
    Status {
        /// The HTTP status.
        status: u16,
        /// The delay that the response asked for.
        retry_after: Option<Duration>,
    },
    /// Any other error of the transport.
    Transport,
}

/// Why an open link ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Lost {
    /// The peer closed it with this code, or without one.
    Closed {
        /// The code of the Close frame.
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
    /// Nothing came for [`Config::silence_max`](crate::Config::silence_max), not even an answer to a
    /// probe.
    Silent,
    /// [`Config::malformed_run_max`](crate::Config::malformed_run_max) frames in a row could not be
    /// decoded.
    Malformed,
    /// The numbers of an archived endpoint's frames show that some were lost.
    SequenceGap,
    /// Three requests or more were not answered for three times
    /// [`Config::request_timeout`](crate::Config::request_timeout), and no message of any kind came meanwhile.
    Unresponsive,
    /// We closed it, and the peer did not answer within
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    CloseTimedOut,
}

/// Why a stream is not served.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Unserved {
    /// The venue refused it for now, for example because of too many requests.
    Refused {
        /// The status of the answer, if it had one.
        status: Option<u16>,
        /// The code of its error; zero if it had none.
        code: i64,
    },
    /// The request was not answered within [`Config::request_timeout`](crate::Config::request_timeout).
    Unanswered,
    /// The subscription was confirmed, and the book did not come within
    /// [`Config::snapshot_timeout`](crate::Config::snapshot_timeout).
    NoSnapshot,
    /// The book came, and could not be decoded.
    Undecodable,
}

/// Why a connection has come to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CloseReason {
    /// The application asked for it, and the peer took part in the closing handshake or none was due.
    Requested,
    /// The application asked for it; the peer did not answer in time, and the transport was dropped.
    RequestedUnclean,
    /// Connecting cannot succeed without a change: see the cause.
    ConnectRefused(ConnectFailure),
    /// The peer closed with a code that says: do not come back like this.
    ClosedByPeer {
        /// The code of the Close frame.
        code: u16,
    },
    /// So many attempts in a row have failed: the limit of
    /// [`Config::attempts_max`](crate::Config::attempts_max).
    AttemptsExhausted {
        /// How many.
        attempts: u32,
    },
}

/// What was given up so that an end could be reached in time.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Abandoned {
    /// Requests of the application that got no answer; each had its [`Event::Reply`](crate::Event::Reply).
    pub requests: usize,
    /// Transports, or attempts to make one, that were dropped without a closing handshake.
    pub links: usize,
}

/// A step of [`Client::shut_down`](crate::Client::shut_down), told as
/// [`Event::ShuttingDown`](crate::Event::ShuttingDown) when it begins, in this order. After the last comes
/// [`Event::Closed`](crate::Event::Closed).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ShutdownStep {
    /// Commands are refused; what was asked before is awaited.
    CommandsStopped,
    /// The orders of the session are being cancelled.
    CancellingOrders,
    /// Streams are being unsubscribed.
    Unsubscribing,
    /// Links are being closed.
    ClosingLinks,
}

/// What follows from the end of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Retry {
    /// Never: it would fail again.
    Never,
    /// After the usual backoff.
    Usual,
    /// After the usual backoff, but not before this time.
    NotBefore(Duration),
}

/// The delay after a refusal that means "less of this": HTTP 429 and 503, close codes 1008 and 1013.
pub(crate) const SLOW_DOWN: Duration = Duration::from_secs(30);

impl ConnectFailure {
    /// Whether another attempt of the same kind cannot succeed.
    pub const fn is_fatal(self) -> bool {
        matches!(self.retry(), Retry::Never)
    }

    /// Whether the delay that follows concerns every link to the host: the venue limits attempts by address.
    pub(crate) const fn is_of_host(self) -> bool {
        matches!(
            self,
            ConnectFailure::Status { status: 429, .. } | ConnectFailure::Status { retry_after: Some(_), .. }
        )
    }

    pub(crate) const fn retry(self) -> Retry {
        match self {
            ConnectFailure::Cancelled | ConnectFailure::InvalidUrl | ConnectFailure::Certificate => {
                Retry::Never
            }
            ConnectFailure::Status { status: 401 | 403 | 404 | 410 | 426, .. } => Retry::Never,
            ConnectFailure::Status { retry_after: Some(delay), .. } => Retry::NotBefore(delay),
            ConnectFailure::Status { status: 429 | 503, .. } => Retry::NotBefore(SLOW_DOWN),
            ConnectFailure::NameLookup
            | ConnectFailure::Refused
            | ConnectFailure::Unreachable
            | ConnectFailure::TimedOut
            | ConnectFailure::Proxy
            | ConnectFailure::Tls
            | ConnectFailure::Handshake
            | ConnectFailure::Status { .. }
            | ConnectFailure::Transport => Retry::Usual,
        }
    }
}

impl Lost {
    /// What follows. Codes 4001, 4003, 4401 and 4403 say that the credentials or the request are
    /// wrong; the venue documents no codes of its own.
    pub(crate) const fn retry(self) -> Retry {
        match self {
            Lost::Closed { code: Some(1010 | 4001 | 4003 | 4401 | 4403) } => Retry::Never,
            Lost::Closed { code: Some(1008 | 1013) } => Retry::NotBefore(SLOW_DOWN),
            Lost::Closed { .. }
            | Lost::End
            | Lost::Reset
            | Lost::Protocol
            | Lost::Transport
            | Lost::Silent
            | Lost::Malformed
            | Lost::SequenceGap
            | Lost::Unresponsive
            | Lost::CloseTimedOut => Retry::Usual,
        }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectFailure::Cancelled => f.write_str("cancelled"),
            ConnectFailure::InvalidUrl => f.write_str("not a WebSocket URL"),
            ConnectFailure::NameLookup => f.write_str("host name not found"),
            ConnectFailure::Refused => f.write_str("connection refused: nobody listens there"),
            ConnectFailure::Unreachable => f.write_str("host not reachable"),
            ConnectFailure::TimedOut => f.write_str("no answer in time"),
            ConnectFailure::Proxy => {
                f.write_str("the proxy refused, or is none of the kind that its URL says")
            }
            ConnectFailure::Tls => f.write_str("TLS handshake failed"),
            ConnectFailure::Certificate => f.write_str("certificate not trusted or for another name"),
            ConnectFailure::Handshake => f.write_str("the peer does not speak WebSocket"),
            ConnectFailure::Status { status, .. } => write!(f, "upgrade answered with HTTP status {status}"),
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
            Lost::Unresponsive => f.write_str("nothing was answered"),
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
            Unserved::Undecodable => f.write_str("the book could not be decoded"),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Requested => f.write_str("closed as requested"),
            CloseReason::RequestedUnclean => {
                f.write_str("closed as requested; the peer did not answer in time")
            }
            CloseReason::ConnectRefused(why) => write!(f, "cannot connect: {why}"),
            CloseReason::ClosedByPeer { code } => write!(f, "closed by the peer for good, code {code}"),
            CloseReason::AttemptsExhausted { attempts } => {
                write!(f, "cannot connect: {attempts} attempts have failed")
            }
        }
    }
}
