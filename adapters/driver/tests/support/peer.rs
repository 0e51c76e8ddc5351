//! [`Peer`]: the other end of a stream. The bytes decide what it does.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;
use std::time::Duration;

use gemini_ws_driver::async_tungstenite::tungstenite::handshake::derive_accept_key;
use gemini_ws_driver::gemini_ws::Instant;

use super::bytes::Bytes;

pub(crate) enum Says {
    Bytes(usize),
    Fails(io::ErrorKind),
    Later(Instant),
    Nothing,
}

/// The maximum number of bytes in a flood. It is more than the maximum for a message.
const FLOOD_BYTES: usize = 6 << 20;

pub(crate) struct Peer {
    heard: Vec<u8>,
    outbox: VecDeque<u8>,
    /// The bytes that the peer repeats after `outbox`, and how many bytes it has yet to send.
    flood: (&'static [u8], usize),
    /// The maximum number of bytes in one read or write.
    piece: usize,
    is_upgraded: bool,
    confirms: bool,
    closes: bool,
    has_heard_close: bool,
    end: Option<io::ErrorKind>,
    has_ended: bool,
    /// The peer reads nothing before this instant.
    deaf_until: Instant,
    /// The peer sends nothing before this instant.
    mute_until: Instant,
    /// The task that waits for bytes from the peer.
    pub(crate) reader: Option<Waker>,
}

impl Peer {
    pub(crate) fn new(bytes: &mut Bytes) -> Peer {
        let manner = bytes.next();
        Peer {
            heard: Vec::new(),
            outbox: VecDeque::new(),
            flood: (b"", 0),
            piece: [usize::MAX, 1, 3, 700][usize::from(manner & 3)],
            is_upgraded: false,
            confirms: manner & 4 == 0,
            closes: manner & 8 == 0,
            has_heard_close: false,
            end: None,
            has_ended: false,
            deaf_until: Instant::ZERO,
            mute_until: Instant::ZERO,
            reader: None,
        }
    }

    pub(crate) fn say(&mut self, now: Instant, bytes: &mut Bytes, buffer: &mut [u8]) -> Says {
        if now < self.mute_until {
            return Says::Later(self.mute_until);
        }
        if self.outbox.is_empty() && self.flood.1 == 0 && !self.has_ended && self.is_upgraded {
            self.act(now, bytes);
        }
        let most = buffer.len().min(self.piece);
        let mut count = 0;
        while count < most {
            if self.outbox.is_empty() && self.flood.1 > 0 {
                self.flood.1 = self.flood.1.saturating_sub(self.flood.0.len());
                self.outbox.extend(self.flood.0);
            }
            let Some(byte) = self.outbox.pop_front() else { break };
            buffer[count] = byte;
            count += 1;
        }
        match (count, self.has_ended, self.end) {
            (1.., ..) => Says::Bytes(count),
            (0, true, Some(kind)) => Says::Fails(kind),
            (0, true, None) => Says::Bytes(0),
            _ if now < self.mute_until => Says::Later(self.mute_until),
            _ => Says::Nothing,
        }
    }

    pub(crate) fn hear(&mut self, now: Instant, bytes: &mut Bytes, written: &[u8]) -> Says {
        if self.has_ended && self.end.is_some() {
            return Says::Fails(io::ErrorKind::BrokenPipe);
        }
        if now < self.deaf_until {
            return Says::Later(self.deaf_until);
        }
        let count = written.len().min(self.piece);
        self.heard.extend_from_slice(&written[..count]);
        if !self.is_upgraded {
            self.answer(bytes);
        }
        while self.is_upgraded && self.take_frame() {}
        Says::Bytes(count)
    }

    fn answer(&mut self, bytes: &mut Bytes) {
        let Some(end) = self.heard.windows(4).position(|it| it == b"\r\n\r\n") else { return };
        let request = String::from_utf8(self.heard.drain(..end + 4).collect()).expect("a request is text");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = derive_accept_key(key.as_bytes());
        let good = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let text = match bytes.below(16) {
            0 => "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\n12345",
            1 => "HTTP/1.1 101 x\r\n\r\n",
            2 => "no HTTP\r\n",
            3 => "HTTP/1.1 101",
            4 => {
                self.flood = (b"HTTP/1.1 100 Continue\r\n\r\n", FLOOD_BYTES);
                ""
            }
            5 => {
                self.flood = (b"x", FLOOD_BYTES);
                "HTTP/1.1 200 OK\r\nX: "
            }
            6 => {
                self.flood = (b"x", FLOOD_BYTES);
                "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n"
            }
            7 => {
                self.has_ended = true;
                ""
            }
            _ => {
                self.is_upgraded = true;
                &good
            }
        };
        self.outbox.extend(text.as_bytes());
        self.limit_flood(bytes);
    }

    /// Shortens the flood to at most 400 pieces of at most 500 bytes. If the peer sends pieces of any size, one in
    /// eight floods keeps its length.
    fn limit_flood(&mut self, bytes: &mut Bytes) {
        if self.flood.1 > 0 {
            let is_long = self.piece == usize::MAX && bytes.below(8) == 7;
            self.flood.1 = self.flood.1.min(if is_long { FLOOD_BYTES } else { self.piece.min(500) * 400 });
        }
    }

    /// Reacts to a complete frame, if one has arrived. Returns whether one has arrived. Panics if a client must not
    /// send such a frame.
    fn take_frame(&mut self) -> bool {
        let [first, second, ..] = self.heard[..] else { return false };
        assert!(second & 0x80 != 0 && first & 0xf0 == 0x80, "a client's frame: {first:x} {second:x}");
        let (length, head) = match second & 0x7f {
            126 if self.heard.len() >= 4 => {
                (usize::from(u16::from_be_bytes([self.heard[2], self.heard[3]])), 4)
            }
            126 => return false,
            127 => panic!("no request of ours is so long"),
            short => (usize::from(short), 2),
        };
        if self.heard.len() < head + 4 + length {
            return false;
        }
        // A pong may follow a Close frame (RFC 6455, section 5.5.2).
        assert!(!self.has_heard_close || first == 0x8a, "{first:x} behind a Close frame");
        let frame: Vec<u8> = self.heard.drain(..head + 4 + length).collect();
        let (mask, payload) = frame[head..].split_at(4);
        let payload: Vec<u8> =
            payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        match first & 0x0f {
            1 if self.confirms => {
                let text = String::from_utf8(payload).expect("text");
                let id = text.strip_prefix("{\"id\":").and_then(|rest| rest.split([',', '}']).next());
                self.text(&format!("{{\"id\":{},\"status\":200}}", id.expect("a request")));
            }
            1 | 10 => {}
            8 => {
                self.has_heard_close = true;
                if self.closes {
                    self.frame(0x88, &payload);
                }
            }
            other => panic!("opcode {other}"),
        }
        true
    }

    fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        self.outbox.push_back(first);
        match u8::try_from(payload.len()) {
            Ok(short @ 0..126) => self.outbox.push_back(short),
            _ => {
                self.outbox.push_back(126);
                self.outbox.extend(u16::try_from(payload.len()).expect("a short frame").to_be_bytes());
            }
        }
        self.outbox.extend(payload);
    }

    fn act(&mut self, now: Instant, bytes: &mut Bytes) {
        if bytes.is_over() {
            return;
        }
        match bytes.below(24) {
            0 => self.frame(0x89, b"?"),
            1 => self.frame(0x8a, b""),
            2 => self.text(r#"{"E":2,"s":"btcusd","t":9,"p":"1","q":"2","m":true}"#),
            3 => self.text(
                r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[["2","1"]]}"#,
            ),
            4 => self.text(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":9,"b":[["1","0"]],"a":[]}"#),
            5 => self.text("{"),
            6 => self.frame(0x01, b"{\"e\""),
            7 => self.frame(0x00, b""),
            8 => self.frame(0x80, b"}"),
            9 => self.frame(0x82, &[0, 1]),
            10 => self.flood = (&[0x01, 0, 0, 0], FLOOD_BYTES),
            11 => self.flood = (&[0, 0], FLOOD_BYTES),
            12 => self.flood = (&[0x81, 0], 100_000),
            13 => self.flood = (&[0x89, 0], 100_000),
            14 => self.flood = (&[0x8a, 1, b'!'], 100_000),
            15 => self.outbox.extend([0xff, 0xff, 0, 0]),
            16 => self.outbox.extend([0x81, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0]),
            17 => self.frame(0x88, &1001_u16.to_be_bytes()),
            18 => self.frame(0x88, &[0]),
            19 => self.has_ended = true,
            20 => (self.has_ended, self.end) = (true, Some(io::ErrorKind::ConnectionReset)),
            21 => self.deaf_until = now + Duration::from_millis(u64::from(bytes.next()) * 100),
            _ => {}
        }
        self.limit_flood(bytes);
        if self.outbox.is_empty() && self.flood.1 == 0 && !self.has_ended {
            self.mute_until = now + Duration::from_millis(1 + u64::from(bytes.next()) * 40);
        }
    }
}
