//! Translates messages and errors of `tungstenite` for a client.

use std::io;

use async_tungstenite::tungstenite::error::ProtocolError;
#[cfg(feature = "handshake")]
use async_tungstenite::tungstenite::error::UrlError;
use async_tungstenite::tungstenite::{Error, Message};
#[cfg(feature = "handshake")]
use gemini_ws::VenueReason;
use gemini_ws::{ConnectFailure, Frame, Lost};

use crate::paced::Endless;

/// Translates a message of `tungstenite` into the frame for
/// [`Client::handle_frame`](gemini_ws::Client::handle_frame).
///
/// Returns `None` for [`Message::Frame`], which no read returns. You need not answer pings and Close frames:
/// `tungstenite` writes the answers with the next read or flush.
///
/// ```
/// use gemini_ws::Frame;
/// use gemini_ws_driver::async_tungstenite::tungstenite::Message;
/// use gemini_ws_driver::frame_of;
///
/// assert_eq!(frame_of(&Message::text("{}")), Some(Frame::Text("{}")));
/// assert_eq!(frame_of(&Message::Close(None)), Some(Frame::Close { code: None, reason: "" }));
/// ```
#[inline]
pub fn frame_of(message: &Message) -> Option<Frame<'_>> {
    Some(match message {
        Message::Text(text) => Frame::Text(text.as_str()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Ping(payload) => Frame::Ping(payload),
        Message::Pong(payload) => Frame::Pong(payload),
        Message::Close(None) => Frame::Close { code: None, reason: "" },
        Message::Close(Some(frame)) => {
            Frame::Close { code: Some(frame.code.into()), reason: frame.reason.as_str() }
        }
        Message::Frame(_) => return None,
    })
}

/// Returns the reason to give to [`Client::handle_lost`](gemini_ws::Client::handle_lost) after an error of an open
/// WebSocket.
///
/// If the transport ends without a Close frame, returns [`Lost::End`], although `tungstenite` reports a breach of the
/// protocol. After a real breach, [`close_code_of`] returns the code to answer with.
///
/// [`io::ErrorKind::WouldBlock`], [`io::ErrorKind::TimedOut`] and [`io::ErrorKind::Interrupted`] do not end a link.
/// If the stream is non-blocking or has a time limit, check for them before you call this function.
///
/// ```
/// use gemini_ws::Lost;
/// use gemini_ws_driver::async_tungstenite::tungstenite::{Error, error::ProtocolError};
/// use gemini_ws_driver::lost_of;
///
/// assert_eq!(lost_of(&Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)), Lost::End);
/// assert_eq!(lost_of(&Error::Protocol(ProtocolError::MaskedFrameFromServer)), Lost::Protocol);
/// ```
pub fn lost_of(error: &Error) -> Lost {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Lost::End,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Lost::End,
        Error::Io(error) if is_endless(error) => Lost::Protocol,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Lost::Reset
            }
            io::ErrorKind::UnexpectedEof => Lost::End,
            _ => Lost::Transport,
        },
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => Lost::Protocol,
        _ => Lost::Transport,
    }
}

/// Returns the status code of the Close frame that answers a breach of the protocol (RFC 6455, section 7.4.1); `None`
/// if the error is no breach.
///
/// ```
/// use gemini_ws_driver::async_tungstenite::tungstenite::{Error, error::ProtocolError};
/// use gemini_ws_driver::close_code_of;
///
/// assert_eq!(close_code_of(&Error::Utf8("…".into())), Some(1007));
/// assert_eq!(close_code_of(&Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)), None);
/// ```
pub fn close_code_of(error: &Error) -> Option<u16> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) | Error::AttackAttempt => Some(1002),
        Error::Utf8(_) => Some(1007),
        Error::Capacity(_) => Some(1009),
        Error::Io(error) if is_endless(error) => Some(1009),
        _ => None,
    }
}

fn is_endless(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Endless>)
}

/// Returns the [`ConnectFailure`] for an error of the transport before the upgrade is complete. An error of a kind
/// without a failure of its own is [`ConnectFailure::Transport`].
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// use gemini_ws::ConnectFailure;
/// use gemini_ws_driver::io_failure;
///
/// assert_eq!(io_failure(&Error::from(ErrorKind::ConnectionRefused)), ConnectFailure::Refused);
/// ```
pub fn io_failure(error: &io::Error) -> ConnectFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        io::ErrorKind::TimedOut => ConnectFailure::TimedOut,
        // A TLS layer reports an alert of the peer, or an unreadable record, in this way. In TLS 1.3, the refusal of
        // a client certificate arrives after the client's handshake.
        io::ErrorKind::InvalidData => ConnectFailure::Tls,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => ConnectFailure::Unreachable,
        _ => ConnectFailure::Transport,
    }
}

/// Returns the reason to give to
/// [`Client::handle_connect_failed`](gemini_ws::Client::handle_connect_failed) after an error of
/// `tungstenite::connect`, or of the handshake that `tungstenite::client` makes.
///
/// If an answer refuses the upgrade, the result has the status of the answer, the delay of its `Retry-After`, and the
/// reason in its body. `tungstenite` returns only the part of the body that arrived with the head.
///
/// Needs the feature `handshake`.
///
/// ```
/// use gemini_ws::ConnectFailure;
/// use gemini_ws_driver::async_tungstenite::tungstenite::{Error, http::Response};
/// use gemini_ws_driver::connect_failure_of;
///
/// let body = br#"{"result":"error","reason":"InvalidSignature","message":""}"#;
/// let answer = Response::builder().status(400).header("Retry-After", "3").body(Some(body.to_vec()))?;
/// let failure = connect_failure_of(&Error::Http(Box::new(answer)));
/// let ConnectFailure::Status { status: 400, retry_after, reason } = failure else { panic!() };
/// assert_eq!(retry_after.unwrap().as_secs(), 3);
/// assert_eq!(reason.unwrap().as_str(), "InvalidSignature");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "handshake")]
pub fn connect_failure_of(error: &Error) -> ConnectFailure {
    match error {
        Error::Io(error) => io_failure(error),
        Error::Http(answer) => {
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let reason = VenueReason::of_body(answer.body().as_deref().unwrap_or_default());
            let retry_after = crate::retry_after::of(header);
            ConnectFailure::Status { status: answer.status().as_u16(), retry_after, reason }
        }
        Error::Tls(_) | Error::Url(UrlError::TlsFeatureNotEnabled) => ConnectFailure::Tls,
        Error::Url(UrlError::UnableToConnect(_)) => ConnectFailure::Unreachable,
        Error::Url(_) | Error::HttpFormat(_) => ConnectFailure::InvalidUrl,
        Error::Protocol(ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::WriteBufferFull(_) => ConnectFailure::Transport,
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => {
            ConnectFailure::Handshake
        }
    }
}

#[cfg(test)]
mod tests {
    use async_tungstenite::tungstenite::error::{CapacityError, SubProtocolError};
    use async_tungstenite::tungstenite::protocol::CloseFrame;
    use async_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;

    use super::*;

    fn io(kind: io::ErrorKind) -> Error {
        Error::Io(kind.into())
    }

    /// TLS errors are missing, because this test cannot construct them.
    #[test]
    fn every_kind_of_error() {
        use io::ErrorKind as Kind;
        let long = Error::Capacity(CapacityError::MessageTooLong { size: 2, max_size: 1 });
        let headers = Error::Capacity(CapacityError::TooManyHeaders);
        let full = Error::WriteBufferFull(Box::new(Message::text("")));
        let subprotocol = ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::InvalidSubProtocol);
        for (error, lost, code, failure) in [
            (Error::ConnectionClosed, Lost::End, None, ConnectFailure::Transport),
            (Error::AlreadyClosed, Lost::End, None, ConnectFailure::Transport),
            (io(Kind::UnexpectedEof), Lost::End, None, ConnectFailure::Transport),
            (io(Kind::ConnectionReset), Lost::Reset, None, ConnectFailure::Transport),
            (io(Kind::ConnectionAborted), Lost::Reset, None, ConnectFailure::Transport),
            (io(Kind::BrokenPipe), Lost::Reset, None, ConnectFailure::Transport),
            (io(Kind::ConnectionRefused), Lost::Transport, None, ConnectFailure::Refused),
            (io(Kind::TimedOut), Lost::Transport, None, ConnectFailure::TimedOut),
            (io(Kind::InvalidData), Lost::Transport, None, ConnectFailure::Tls),
            (io(Kind::HostUnreachable), Lost::Transport, None, ConnectFailure::Unreachable),
            (io(Kind::NetworkUnreachable), Lost::Transport, None, ConnectFailure::Unreachable),
            (io(Kind::AddrNotAvailable), Lost::Transport, None, ConnectFailure::Unreachable),
            (Error::Io(io::Error::other(Endless)), Lost::Protocol, Some(1009), ConnectFailure::Transport),
            (Error::Utf8(String::new()), Lost::Protocol, Some(1007), ConnectFailure::Handshake),
            (long, Lost::Protocol, Some(1009), ConnectFailure::Handshake),
            (headers, Lost::Protocol, Some(1009), ConnectFailure::Handshake),
            (Error::AttackAttempt, Lost::Protocol, Some(1002), ConnectFailure::Handshake),
            (full, Lost::Transport, None, ConnectFailure::Transport),
            (Error::Protocol(subprotocol), Lost::Protocol, Some(1002), ConnectFailure::Handshake),
        ] {
            assert_eq!((lost_of(&error), close_code_of(&error)), (lost, code), "{error:?}");
            assert_upgrade(&error, failure);
        }
        breaches();
    }

    fn breaches() {
        for breach in [
            ProtocolError::SendAfterClosing,
            ProtocolError::ReceivedAfterClosing,
            ProtocolError::NonZeroReservedBits,
            ProtocolError::UnmaskedFrameFromClient,
            ProtocolError::MaskedFrameFromServer,
            ProtocolError::FragmentedControlFrame,
            ProtocolError::ControlFrameTooBig,
            ProtocolError::UnknownControlFrameType(11),
            ProtocolError::UnknownDataFrameType(3),
            ProtocolError::UnexpectedContinueFrame,
            ProtocolError::InvalidOpcode(3),
            ProtocolError::InvalidCloseSequence,
        ] {
            let error = Error::Protocol(breach);
            assert_eq!((lost_of(&error), close_code_of(&error)), (Lost::Protocol, Some(1002)), "{error:?}");
            assert_upgrade(&error, ConnectFailure::Handshake);
        }
        let killed = Error::Protocol(ProtocolError::ResetWithoutClosingHandshake);
        assert_eq!((lost_of(&killed), close_code_of(&killed)), (Lost::End, None));
        assert_upgrade(&killed, ConnectFailure::Transport);
        assert_upgrade(&Error::Protocol(ProtocolError::HandshakeIncomplete), ConnectFailure::Transport);
    }

    #[cfg(not(feature = "handshake"))]
    fn assert_upgrade(_: &Error, _: ConnectFailure) {}

    #[cfg(feature = "handshake")]
    fn assert_upgrade(error: &Error, failure: ConnectFailure) {
        assert_eq!(connect_failure_of(error), failure, "{error:?}");
    }

    #[cfg(feature = "handshake")]
    #[test]
    fn addresses_and_answers() {
        use async_tungstenite::tungstenite::client::IntoClientRequest;
        use async_tungstenite::tungstenite::http::Response;

        let unreadable = "no address".into_client_request().unwrap_err();
        for (error, failure) in [
            (unreadable, ConnectFailure::InvalidUrl),
            (Error::Url(UrlError::NoHostName), ConnectFailure::InvalidUrl),
            (Error::Url(UrlError::EmptyHostName), ConnectFailure::InvalidUrl),
            (Error::Url(UrlError::NoPathOrQuery), ConnectFailure::InvalidUrl),
            (Error::Url(UrlError::UnsupportedUrlScheme), ConnectFailure::InvalidUrl),
            (Error::Url(UrlError::TlsFeatureNotEnabled), ConnectFailure::Tls),
            (Error::Url(UrlError::UnableToConnect("ws://v".into())), ConnectFailure::Unreachable),
        ] {
            assert_upgrade(&error, failure);
            assert_eq!((lost_of(&error), close_code_of(&error)), (Lost::Transport, None));
        }
        let answer = Response::builder().status(503).header("retry-after", "no date").body(None).unwrap();
        let error = Error::Http(Box::new(answer));
        let failure = ConnectFailure::Status { status: 503, retry_after: None, reason: None };
        assert_upgrade(&error, failure);
        assert_eq!((lost_of(&error), close_code_of(&error)), (Lost::Transport, None));
    }

    #[test]
    fn every_kind_of_message() {
        let close = CloseFrame { code: 1001.into(), reason: "away".into() };
        for (message, frame) in [
            (Message::text("a"), Some(Frame::Text("a"))),
            (Message::binary(&b"b"[..]), Some(Frame::Binary(b"b"))),
            (Message::Ping(b"c"[..].into()), Some(Frame::Ping(b"c"))),
            (Message::Pong(b"d"[..].into()), Some(Frame::Pong(b"d"))),
            (Message::Close(None), Some(Frame::Close { code: None, reason: "" })),
            (Message::Close(Some(close)), Some(Frame::Close { code: Some(1001), reason: "away" })),
            (Message::Frame(RawFrame::ping(&b""[..])), None),
        ] {
            assert_eq!(frame_of(&message), frame, "{message:?}");
        }
    }
}
