//! [`Answer`]: the parts of an HTTP/1.1 answer that a WebSocket and its proxies need.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use crate::retry_after;
use futures_lite::{AsyncRead, AsyncReadExt};

/// The maximum number of bytes in the head of an HTTP [`Answer`]: the status line and the header fields.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// The maximum number of bytes to read from the body of a refusal.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 10;

const HEADERS_MAX: usize = 96;

/// The maximum number of interim answers (100 to 199, but not 101) before the final answer.
const INTERIM_MAX: usize = 8;

/// The text that replaces the value of a header field that is not UTF-8.
const NO_TEXT: &str = "\u{fffd}";

/// The first bytes of every answer of HTTP/1.
const BEGINNING: &[u8] = b"HTTP/1.";

/// The value of `User-Agent`, unless [`Driver::header`](crate::Driver::header) sets another.
pub const USER_AGENT: &str = concat!("gemini-ws/", env!("CARGO_PKG_VERSION"));

/// The status and the header fields of an answer, and the bytes that were read beyond its head.
///
/// ```
/// use futures_lite::future::block_on;
/// use gemini_ws_driver::Answer;
///
/// let mut bytes: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 3\r\n\r\nlater";
/// let answer = block_on(Answer::read(&mut bytes)).unwrap();
/// assert_eq!((answer.status(), answer.header("retry-after"), answer.rest()), (503, Some("3"), &b"later"[..]));
/// ```
#[derive(Debug)]
pub struct Answer {
    is_1_1: bool,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    rest: Vec<u8>,
}

/// The reason why [`Answer::read`] failed.
#[derive(Debug)]
pub enum Unreadable {
    /// The transport failed.
    Io(io::Error),
    /// The transport ended before the empty line after the header fields.
    Ended,
    /// The bytes are not an answer of HTTP/1, or exceed a limit: [`HEAD_BYTES_MAX`] bytes in the head, 96 header
    /// fields, or eight interim answers.
    NoHttp,
}

impl Answer {
    /// Reads an answer up to the empty line after its header fields. Skips interim answers: those with a status from
    /// 100 to 199 (RFC 9110, section 15.2), except 101. [`rest`](Answer::rest) returns the bytes that were read
    /// beyond the empty line.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] is the reason.
    pub async fn read<Io: AsyncRead + Unpin>(transport: &mut Io) -> Result<Answer, Unreadable> {
        let (mut head, mut piece) = (Head::default(), [0; 4096]);
        loop {
            let count = transport.read(&mut piece).await.map_err(Unreadable::Io)?;
            if let Some(answer) = head.push(piece.get(..count).unwrap_or_default())? {
                return Ok(answer);
            }
        }
    }

    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the value of the first header field of this name, without spaces at its ends. The name may be in upper
    /// or lower case. Returns `None` if there is no such field, or if the value is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next().filter(|value| *value != NO_TEXT)
    }

    /// Returns the delay that the header `Retry-After` requests, in seconds or until a date; zero for a date that has
    /// passed. Returns `None` if there is no such header, or if it is invalid.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after::of(|name| self.header(name))
    }

    /// Returns the bytes that were read after the empty line at the end of the head.
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    pub(crate) const fn is_1_1(&self) -> bool {
        self.is_1_1
    }

    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| std::str::from_utf8(value).unwrap_or(NO_TEXT).trim())
    }

    /// Returns the elements of the lists in all header fields of this name (RFC 9110, section 5.6.1).
    pub(crate) fn elements(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name)
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|element| !element.is_empty())
    }

    /// Reads the body of a refusal, up to about [`BODY_BYTES_MAX`] bytes.
    pub(crate) async fn read_body<Io: AsyncRead + Unpin>(&mut self, transport: &mut Io) {
        let mut piece = [0; 1024];
        while self.lacks_body() {
            match transport.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(count) => self.push_body(piece.get(..count).unwrap_or_default()),
            }
        }
    }

    pub(crate) fn push_body(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
    }

    pub(crate) fn lacks_body(&self) -> bool {
        !self.has_whole_body() && self.rest.len() < BODY_BYTES_MAX
    }

    pub(crate) fn body(&self) -> Cow<'_, [u8]> {
        if self.is_chunked() {
            return Cow::Owned(unchunked(&self.rest).0);
        }
        let length = self.length().unwrap_or(usize::MAX);
        Cow::Borrowed(self.rest.get(..length).unwrap_or(&self.rest))
    }

    fn has_whole_body(&self) -> bool {
        if self.is_chunked() {
            return unchunked(&self.rest).1;
        }
        self.length().is_some_and(|length| self.rest.len() >= length)
    }

    fn is_chunked(&self) -> bool {
        self.elements("transfer-encoding").any(|coding| coding.eq_ignore_ascii_case("chunked"))
    }

    fn length(&self) -> Option<usize> {
        // Of the texts that `parse` reads, only one with a plus sign is no length.
        self.header("content-length").filter(|text| !text.starts_with('+'))?.parse().ok()
    }
}

/// Collects the bytes of an answer until its head is complete.
#[derive(Debug, Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    searched: usize,
    interim: usize,
}

impl Head {
    /// Adds bytes that have arrived. An empty `piece` means that the transport has ended. Returns the answer once its
    /// head is complete.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Option<Answer>, Unreadable> {
        self.bytes.extend_from_slice(piece);
        while let Some(answer) = self.next()? {
            if !(100..200).contains(&answer.status) || answer.status == 101 {
                return Ok(Some(answer));
            }
            if self.interim == INTERIM_MAX {
                return Err(Unreadable::NoHttp);
            }
            *self = Head { bytes: answer.rest, searched: 0, interim: self.interim + 1 };
        }
        if piece.is_empty() { Err(Unreadable::Ended) } else { Ok(None) }
    }

    fn next(&mut self) -> Result<Option<Answer>, Unreadable> {
        let bytes = &self.bytes;
        if !BEGINNING.starts_with(bytes.get(..BEGINNING.len()).unwrap_or(bytes)) {
            return Err(Unreadable::NoHttp);
        }
        // Parse only when the head may be complete: parsing starts at the first byte, so parsing after every read is
        // slow.
        if has_end(bytes.get(self.searched.saturating_sub(3)..).unwrap_or_default())
            && let Some(answer) = parse(bytes)?
        {
            return Ok(Some(answer));
        }
        if bytes.len() >= HEAD_BYTES_MAX {
            return Err(Unreadable::NoHttp);
        }
        self.searched = bytes.len();
        Ok(None)
    }
}

fn parse(bytes: &[u8]) -> Result<Option<Answer>, Unreadable> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES_MAX => Ok(Some(Answer {
            is_1_1: response.version == Some(1),
            status: response.code.unwrap_or_default(),
            headers: response.headers.iter().map(|it| (it.name.to_owned(), unfolded(it.value))).collect(),
            rest: bytes.get(length..).unwrap_or_default().to_vec(),
        })),
        Ok(httparse::Status::Complete(_)) | Err(_) => Err(Unreadable::NoHttp),
    }
}

/// Joins the lines of a value. A server may spread a value over several lines (RFC 9112, section 5.2).
fn unfolded(value: &[u8]) -> Vec<u8> {
    value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// Returns whether the bytes contain an empty line, so that a head may be complete.
fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// Joins the chunks of a body that have arrived (RFC 9112, section 7.1). Returns the body, and whether it is
/// complete.
fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((begin, length))) = httparse::parse_chunk_size(bytes) {
        if length == 0 {
            return (body, true);
        }
        let chunk = bytes.get(begin..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        body.extend_from_slice(chunk.get(..length).unwrap_or(chunk));
        bytes = chunk.get(length.saturating_add(2)..).unwrap_or_default();
    }
    (body, false)
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    fn read(text: &[u8], piece: usize) -> Result<Answer, Unreadable> {
        struct Pieces<'a>(&'a [u8], usize);
        impl AsyncRead for Pieces<'_> {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<io::Result<usize>> {
                let count = self.1.min(self.0.len()).min(buffer.len());
                let (now, later) = self.0.split_at(count);
                buffer[..count].copy_from_slice(now);
                self.0 = later;
                std::task::Poll::Ready(Ok(count))
            }
        }
        block_on(async {
            let mut pieces = Pieces(text, piece);
            let mut answer = Answer::read(&mut pieces).await?;
            answer.read_body(&mut pieces).await;
            Ok(answer)
        })
    }

    #[test]
    fn answers_in_pieces() {
        let chunked =
            "HTTP/1.1 403 No\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let interim = format!(
            "{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay",
            "HTTP/1.1 103 Hints\r\n\r\n".repeat(8)
        );
        for (text, status, body) in [
            ("HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nabc", 401, "abc"),
            ("HTTP/1.0 401 \r\n\r\nto the end", 401, "to the end"),
            ("HTTP/1.1 401\r\n\r\n", 401, ""),
            ("HTTP/1.1 401 No\nA: b\n\nc", 401, "c"),
            ("HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nabcdef", 401, "abc"),
            ("HTTP/1.1 401 No\r\nContent-Length: +3\r\n\r\nabcdef", 401, "abcdef"),
            ("HTTP/1.1 401 No\r\nServer: a\r\n\tb\r\nContent-Length:\r\n 3\r\n\r\nabcdef", 401, "abc"),
            (
                "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0;x\r\nA: b\r\n\r\nmore",
                401,
                "abc",
            ),
            ("HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 401, "abc"),
            (chunked, 403, "abcde"),
            ("HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc", 403, "abc"),
            (&interim, 200, "ok"),
        ] {
            for piece in [1, 3, 4096] {
                let answer = read(text.as_bytes(), piece).expect(text);
                assert_eq!(answer.status(), status, "{text}");
                assert_eq!(answer.body(), body.as_bytes(), "{text}");
            }
        }
    }

    #[test]
    fn no_answers() {
        let too_many = "HTTP/1.1 102 Wait\r\n\r\n".repeat(9);
        let fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(HEAD_BYTES_MAX));
        for text in [
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            "SSH-2.0-x\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            &too_many,
            &fields,
            &long,
        ] {
            for piece in [1, 4096, usize::MAX] {
                assert!(matches!(read(text.as_bytes(), piece), Err(Unreadable::NoHttp)), "{text:.40}");
            }
        }
        for text in ["", "HTTP/1.1", "HTTP/1.1 200 OK\r\na: b\r\n"] {
            assert!(matches!(read(text.as_bytes(), 1), Err(Unreadable::Ended)), "{text}");
        }
    }
}
