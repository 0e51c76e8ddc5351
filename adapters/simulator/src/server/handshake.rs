//! The upgrade of a client: [`Asking`] reads the request, [`Answering`] writes the response.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::server::Request;
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use futures_io::{AsyncRead, AsyncWrite};

use super::answer::Response;
use super::limits::{HEAD_BYTES_MAX, READ_BYTES_PER_TURN_MAX};
use super::paced::Paced;
use super::request::Head;
use crate::frame::request::REQUEST_BYTES_MAX;

/// How many bytes of frames are gathered before they are written.
const WRITE_BUFFER_BYTES: usize = 16 << 10;

pub(super) type Socket<Io> = WebSocketStream<Paced<Io>>;

#[derive(Debug)]
pub(super) struct Asking<Io> {
    transport: Paced<Io>,
    /// The received part of the head, or of the body once the head is complete.
    received: Vec<u8>,
    /// The head of a request whose body is not complete yet.
    head: Option<Box<Head>>,
    /// The part of an interim response that is not written yet.
    interim: &'static [u8],
}

/// The response to a client that waits before it sends the body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(super) enum Asked {
    /// A request, its body, and the bytes that followed it.
    Request { request: Box<Request>, body: Vec<u8>, rest: Vec<u8> },
    /// A request that is not valid, and the response to it.
    Nonsense(Response),
    /// No request, because the client has disconnected.
    Nothing,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Asking<Io> {
    pub(super) const fn new(transport: Io) -> Asking<Io> {
        Asking { transport: Paced::new(transport), received: Vec::new(), head: None, interim: &[] }
    }

    pub(super) const fn transport(&mut self) -> &mut Paced<Io> {
        &mut self.transport
    }

    pub(super) fn into_transport(self) -> Paced<Io> {
        self.transport
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Asked> {
        let mut part = [0; 1024];
        loop {
            while let [_, ..] = self.interim {
                match ready!(Pin::new(&mut self.transport).poll_write(context, self.interim)) {
                    Ok(count @ 1..) => self.interim = self.interim.get(count..).unwrap_or_default(),
                    _ => return Poll::Ready(Asked::Nothing),
                }
            }
            let count = match ready!(Pin::new(&mut self.transport).poll_read(context, &mut part)) {
                Ok(count @ 1..) => count,
                _ => return Poll::Ready(Asked::Nothing),
            };
            let looked_at = self.received.len();
            self.received.extend_from_slice(part.get(..count).unwrap_or_default());
            if self.head.is_some() || has_end(&self.received, looked_at) {
                match self.parse() {
                    Some(asked) => return Poll::Ready(asked),
                    None => continue,
                }
            }
            let first = self.received.first();
            if !first.is_some_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace()) {
                return Poll::Ready(Asked::Nonsense(Response::error(400, "BadRequest")));
            }
            if self.received.len() > HEAD_BYTES_MAX {
                return Poll::Ready(Asked::Nonsense(Response::error(431, "RequestTooLarge")));
            }
        }
    }

    fn parse(&mut self) -> Option<Asked> {
        let (head, is_new) = match self.head.take() {
            Some(head) => (head, false),
            None => match Head::parse(&self.received) {
                Ok((length, head)) => {
                    self.received.drain(..length);
                    (Box::new(head), true)
                }
                Err(response) => return Some(Asked::Nonsense(response)),
            },
        };
        if self.received.len() < head.body_length() {
            if is_new && self.received.is_empty() && head.expects_to_continue() {
                self.interim = CONTINUE;
            }
            self.head = Some(head);
            return None;
        }
        let rest = self.received.split_off(head.body_length());
        Some(Asked::Request { request: head.into_request(), body: std::mem::take(&mut self.received), rest })
    }
}

/// Returns whether the head has an empty line that ends after its first `looked_at` bytes. Parsing the head after
/// every byte instead would let a client slow down the others.
fn has_end(head: &[u8], looked_at: usize) -> bool {
    let rest = head.get(looked_at.saturating_sub(2)..).unwrap_or_default();
    let ends = |end: &[u8]| rest.windows(end.len()).any(|part| part == end);
    ends(b"\n\r\n") || ends(b"\n\n")
}

#[derive(Debug)]
pub(super) struct Answering<Io> {
    transport: Paced<Io>,
    response: Vec<u8>,
    written: usize,
}

impl<Io> Answering<Io> {
    pub(super) const fn unwritten(&self) -> usize {
        self.response.len().saturating_sub(self.written)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Answering<Io> {
    pub(super) const fn new(transport: Paced<Io>, response: Vec<u8>) -> Answering<Io> {
        Answering { transport, response, written: 0 }
    }

    pub(super) const fn transport(&mut self) -> &mut Paced<Io> {
        &mut self.transport
    }

    pub(super) fn into_transport(self) -> Paced<Io> {
        self.transport
    }

    /// Writes the response. Returns false if the client has disconnected.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        while let Some(rest @ [_, ..]) = self.response.get(self.written..) {
            match ready!(Pin::new(&mut self.transport).poll_write(context, rest)) {
                Ok(count @ 1..) => self.written += count,
                _ => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    }

    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !ready!(self.poll_write(context)) {
            return Poll::Ready(());
        }
        poll_end(&mut self.transport, context)
    }
}

/// Closes the sending side, and reads until the client closes its side. Without this, unread bytes would make the
/// operating system send a reset, which can overtake the bytes that were written.
pub(super) fn poll_end<Io: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Paced<Io>,
    context: &mut Context<'_>,
) -> Poll<()> {
    // It is no error if the sending side was closed before.
    let _ = ready!(Pin::new(&mut *transport).poll_close(context));
    let mut rest = [0; 1024];
    while let Ok(1..) = ready!(Pin::new(&mut *transport).poll_read(context, &mut rest)) {}
    Poll::Ready(())
}

/// Waits until the client closes its side. Adds the bytes that arrive before that to `rest`, but reads nothing while
/// `rest` has [`HEAD_BYTES_MAX`] bytes.
pub(super) fn poll_left<Io: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Paced<Io>,
    rest: &mut Vec<u8>,
    context: &mut Context<'_>,
) -> Poll<()> {
    let mut part = [0; 1024];
    while rest.len() < HEAD_BYTES_MAX {
        match ready!(Pin::new(&mut *transport).poll_read(context, &mut part)) {
            Ok(count @ 1..) => rest.extend_from_slice(part.get(..count).unwrap_or_default()),
            _ => return Poll::Ready(()),
        }
    }
    Poll::Pending
}

/// Opens the WebSocket layer on a transport after its upgrade was written. `rest` are the bytes after the request.
pub(super) fn poll_open<Io: AsyncRead + AsyncWrite + Unpin>(
    mut transport: Paced<Io>,
    rest: Vec<u8>,
    context: &mut Context<'_>,
) -> Poll<Socket<Io>> {
    // The bytes of the upgrade belong to no message.
    transport.take_received();
    transport.take_sent();
    let config = WebSocketConfig::default()
        .max_message_size(Some(REQUEST_BYTES_MAX))
        .max_frame_size(Some(REQUEST_BYTES_MAX))
        .read_buffer_size(READ_BYTES_PER_TURN_MAX)
        .write_buffer_size(WRITE_BUFFER_BYTES);
    // The future is ready at the first poll, because it does no I/O.
    pin!(WebSocketStream::from_partially_read(transport, rest, Role::Server, Some(config))).poll(context)
}
