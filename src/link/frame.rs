//! [`Frame`]: what the WebSocket layer passes to the client.

/// A complete message or control frame of RFC 6455.
///
/// The end of the transport is not a frame: report it with [`Client::handle_lost`](crate::Client::handle_lost).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'f> {
    /// A text message; all of the venue's messages are text.
    Text(&'f str),
    /// A binary message; the venue sends none.
    Binary(&'f [u8]),
    /// A ping. The WebSocket layer answers it.
    Ping(&'f [u8]),
    /// A pong.
    Pong(&'f [u8]),
    /// A Close frame; no data follows. The WebSocket layer answers a Close frame that the peer sends first.
    Close {
        /// The status code; `None` if the frame has no payload.
        code: Option<u16>,
        /// The reason, as text for people.
        reason: &'f str,
    },
}
