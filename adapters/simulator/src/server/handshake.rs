//! The upgrade in two halves, between which the exchange decides: [`read`] the request, then
//! [`accept`] or [`refuse`] it.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use async_io::Async;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::machine::TryParse;
use async_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use async_tungstenite::tungstenite::http::StatusCode;
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::frame::request::REQUEST_BYTES_MAX;
use crate::frame::upgrade::{UpgradeRefusal, UpgradeRequest, refusal};

/// The longest request that is read.
const HEAD_BYTES_MAX: usize = 16 << 10;

pub(super) type Socket = WebSocketStream<Async<TcpStream>>;

/// A client that waits for its answer.
pub(super) struct Upgrade {
    socket: Async<TcpStream>,
    request: Request,
    /// What came after the request.
    rest: Vec<u8>,
}

/// Reads the request of a client; `None` if it sends something else, or nothing any more.
pub(super) async fn read(socket: Async<TcpStream>) -> Option<Upgrade> {
    // Small frames leave at once, as on the venue.
    socket.get_ref().set_nodelay(true).ok()?;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let count = socket.read_with(|mut socket| socket.read(&mut part)).await.ok()?;
        head.extend_from_slice(part.get(..count).filter(|part| !part.is_empty())?);
        if let Some((length, request)) = Request::try_parse(&head).ok()? {
            return Some(Upgrade { socket, request, rest: head.split_off(length) });
        }
        if head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
}

impl Upgrade {
    /// Lets the exchange see the request, if it is one for an upgrade at all.
    pub(super) fn ask(
        &self,
        decide: impl FnOnce(&UpgradeRequest<'_>) -> Result<(), UpgradeRefusal>,
    ) -> Result<(), UpgradeRefusal> {
        let target = self.request.uri().path_and_query().map_or("/", |target| target.as_str());
        let headers = self.request.headers().iter();
        // A value that is not ASCII is none that the exchange looks for.
        let headers: Vec<(&str, &str)> =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let request = UpgradeRequest { target, headers: &headers };
        match (request.header("upgrade"), create_response(&self.request)) {
            (None, _) => Err(refusal(426, "UpgradeRequired")),
            (_, Err(_)) => Err(refusal(400, "BadUpgrade")),
            (Some(_), Ok(_)) => decide(&request),
        }
    }
}

/// Upgrades a client; `None` if it is gone.
pub(super) async fn accept(upgrade: Upgrade) -> Option<Socket> {
    let Upgrade { socket, request, rest } = upgrade;
    let mut head = Vec::new();
    write_response(&mut head, &create_response(&request).ok()?).ok()?;
    write_all(&socket, &head).await.ok()?;
    // Twice what the exchange reads, so that it is the exchange that refuses.
    let limit = Some(2 * REQUEST_BYTES_MAX);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    Some(WebSocketStream::from_partially_read(socket, rest, Role::Server, Some(config)).await)
}

/// Answers a client that is not upgraded; afterwards its socket is closed.
pub(super) async fn refuse(upgrade: Upgrade, refusal: UpgradeRefusal) -> io::Result<()> {
    let UpgradeRefusal { status, body } = refusal;
    let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let response = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        phrase.unwrap_or("Refused"),
        body.len()
    );
    write_all(&upgrade.socket, response.as_bytes()).await
}

async fn write_all(socket: &Async<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = socket.write_with(|mut socket| socket.write(bytes)).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
