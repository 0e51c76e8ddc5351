//! [`Frame`]: what a WebSocket layer hands over.

/// A message or control frame of RFC 6455, whole.
///
/// The end of the transport itself is no frame: that is
/// `Client::handle_lost`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'f> {
    /// A text message; all of the venue's messages are text.
    Text(&'f str),
    /// A binary message; the venue sends none.
    Binary(&'f [u8]),
    /// A ping. Answering it is the WebSocket layer's task.
    Ping(&'f [u8]),
    /// A pong.
    Pong(&'f [u8]),
    /// A Close frame. Answering it is the WebSocket layer's task; no data follows.
    Close {
        /// The status code; `None` if the frame has no payload.
        code: Option<u16>,
        /// The reason, for people.
        reason: &'f str,
    },
}
