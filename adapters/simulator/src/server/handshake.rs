//! The upgrade of a client: [`Asking`] reads the request, [`Answering`] writes the response.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::machine::TryParse;
use async_tungstenite::tungstenite::handshake::server::Request;
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use futures_io::{AsyncRead, AsyncWrite};

use super::answer::Response;
use super::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX, READ_BYTES_PER_TURN_MAX};
use super::paced::Paced;
use crate::frame::request::REQUEST_BYTES_MAX;

/// How many bytes of frames are gathered before they are written.
const WRITE_BUFFER_BYTES: usize = 16 << 10;

pub(super) type Socket<Io> = WebSocketStream<Paced<Io>>;

/// A client whose request is not complete yet.
#[derive(Debug)]
pub(super) struct Asking<Io> {
    transport: Paced<Io>,
    /// The received part of the head, and after the head that of the body.
    head: Vec<u8>,
    /// A request whose body is not complete yet, and the length of the body.
    posted: Option<(Box<Request>, usize)>,
}

/// The request of a client.
pub(super) enum Asked {
    /// A request with the method GET, and the bytes that followed it.
    Request(Request, Vec<u8>),
    /// A request with the method POST, and its body.
    Post(Request, Vec<u8>),
    /// A request that is not valid. The response says why.
    Nonsense(Response),
    /// No request, because the client has disconnected.
    Nothing,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Asking<Io> {
    pub(super) const fn new(transport: Io) -> Asking<Io> {
        Asking { transport: Paced::new(transport), head: Vec::new(), posted: None }
    }

    pub(super) const fn transport(&mut self) -> &mut Paced<Io> {
        &mut self.transport
    }

    pub(super) fn into_transport(self) -> Paced<Io> {
        self.transport
    }

    /// Reads the request.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Asked> {
        let mut part = [0; 1024];
        loop {
            let count = match ready!(Pin::new(&mut self.transport).poll_read(context, &mut part)) {
                Ok(count @ 1..) => count,
                _ => return Poll::Ready(Asked::Nothing),
            };
            let looked_at = self.head.len();
            self.head.extend_from_slice(part.get(..count).unwrap_or_default());
            if self.posted.is_some() || has_end(&self.head, looked_at) {
                match self.parse() {
                    Some(asked) => return Poll::Ready(asked),
                    None => continue,
                }
            }
            if !self.head.first().is_some_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace())
            {
                return Poll::Ready(Asked::Nonsense(Response::error(400, "BadRequest")));
            }
            if self.head.len() > HEAD_BYTES_MAX {
                return Poll::Ready(Asked::Nonsense(Response::error(431, "RequestTooLarge")));
            }
        }
    }

    /// Parses the bytes that have been received; `None` if a part of the request is missing.
    fn parse(&mut self) -> Option<Asked> {
        if self.posted.is_none() && self.head.starts_with(POST) {
            match parse_post(&self.head) {
                Ok((head_length, posted)) => {
                    self.head.drain(..head_length);
                    self.posted = Some(posted);
                }
                Err(response) => return Some(Asked::Nonsense(response)),
            }
        }
        if let Some((request, length)) = self.posted.take() {
            if self.head.len() < length {
                self.posted = Some((request, length));
                return None;
            }
            self.head.truncate(length);
            return Some(Asked::Post(*request, std::mem::take(&mut self.head)));
        }
        Some(match Request::try_parse(&self.head) {
            Ok(Some((length, request))) => Asked::Request(request, self.head.split_off(length)),
            _ if is_other_method(&self.head) => Asked::Nonsense(Response::error(404, "EndpointNotFound")),
            _ => Asked::Nonsense(Response::error(400, "BadRequest")),
        })
    }
}

/// The first bytes of a request with the method POST.
const POST: &[u8] = b"POST ";

/// Returns the length of the head of a request with the method POST, the request, and the length of its body.
fn parse_post(head: &[u8]) -> Result<(usize, (Box<Request>, usize)), Response> {
    // The parser accepts only requests for upgrades, whose method is GET.
    let as_get = [b"GET ", head.get(POST.len()..).unwrap_or_default()].concat();
    let Ok(Some((length, request))) = Request::try_parse(&as_get) else {
        return Err(Response::error(400, "BadRequest"));
    };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header("transfer-encoding").is_some() {
        return Err(Response::error(411, "LengthRequired"));
    }
    let body = match header("content-length") {
        None => 0,
        Some(text) => text.trim().parse().map_err(|_| Response::error(400, "BadRequest"))?,
    };
    if body > BODY_BYTES_MAX {
        return Err(Response::error(413, "RequestTooLarge"));
    }
    Ok((length + POST.len() - b"GET ".len(), (Box::new(request), body)))
}

/// Whether the head has an empty line that ends after its first `looked_at` bytes. Parsing the whole head
/// after every byte would let a client slow down the others.
fn has_end(head: &[u8], looked_at: usize) -> bool {
    let rest = head.get(looked_at.saturating_sub(2)..).unwrap_or_default();
    let ends = |end: &[u8]| rest.windows(end.len()).any(|part| part == end);
    ends(b"\n\r\n") || ends(b"\n\n")
}

/// Whether a request is HTTP with another method than GET. The server has no path for such methods.
fn is_other_method(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase) && method != b"GET";
    is_method && words.nth(1).is_some_and(|version| version.starts_with(b"HTTP/1."))
}

/// A client to which the server writes a response.
#[derive(Debug)]
pub(super) struct Answering<Io> {
    transport: Paced<Io>,
    response: Vec<u8>,
    written: usize,
}

impl<Io> Answering<Io> {
    /// Returns how many bytes are still to be written.
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

    /// Writes the response, closes the sending side, and waits until the client closes its side.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !ready!(self.poll_write(context)) {
            return Poll::Ready(());
        }
        poll_end(&mut self.transport, context)
    }
}

/// Closes the sending side and reads the rest. If a socket is closed with unread bytes, the operating system sends
/// a reset, which can overtake the bytes that were written.
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
    // This is ready at once, because it waits for nothing.
    pin!(WebSocketStream::from_partially_read(transport, rest, Role::Server, Some(config))).poll(context)
}
