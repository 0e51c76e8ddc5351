//! Tests `NonBlocking` and `Sockets` with a stream whose peer carries out a list of steps.

#![cfg(feature = "handshake")]

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use gemini_ws::{
    Client, Clock, Config, ConnectFailure, Event, Frame, Instant, LinkId, Lost, Scratch, VenueReason,
};
use gemini_ws_driver::{NonBlocking, READ_BYTES_PER_TURN_MAX, Sockets, UNFINISHED_BYTES_MAX, frame_of};

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    /// An endless sequence of zeros. Every two zeros are an empty fragment.
    EmptyFragments,
    Fails(ErrorKind),
    End,
}

/// A stream whose peer answers the upgrade. Each later read carries out the next of `steps`.
struct Peer {
    /// The lines of the answer to the upgrade. `KEY` stands for the value of `Sec-WebSocket-Accept`.
    answer: String,
    steps: VecDeque<Step>,
    written: Vec<u8>,
    is_upgraded: bool,
    write_failure: Option<ErrorKind>,
    read: usize,
}

const ACCEPTED: &str =
    "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n";

impl Peer {
    fn new(steps: impl IntoIterator<Item = Step>) -> Peer {
        Peer {
            answer: ACCEPTED.to_owned(),
            steps: steps.into_iter().collect(),
            written: Vec::new(),
            is_upgraded: false,
            write_failure: None,
            read: 0,
        }
    }

    fn answer(&self) -> Option<Vec<u8>> {
        let request = std::str::from_utf8(&self.written).unwrap().strip_suffix("\r\n\r\n")?;
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        Some(self.answer.replace("KEY", &derive_accept_key(key.as_bytes())).into_bytes())
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_upgraded {
            let Some(answer) = self.answer() else { return Err(ErrorKind::WouldBlock.into()) };
            self.is_upgraded = true;
            // Each read returns one byte of the answer.
            answer.iter().rev().for_each(|byte| self.steps.push_front(Step::Bytes(vec![*byte])));
        }
        let count = match self.steps.pop_front() {
            None => return Err(ErrorKind::WouldBlock.into()),
            Some(Step::End) => 0,
            Some(Step::Fails(kind)) => return Err(kind.into()),
            Some(Step::EmptyFragments) => {
                self.steps.push_front(Step::EmptyFragments);
                buffer.fill(0);
                buffer.len() & !1
            }
            Some(Step::Bytes(bytes)) => {
                let (now, later) = bytes.split_at(bytes.len().min(buffer.len()));
                buffer[..now.len()].copy_from_slice(now);
                if !later.is_empty() {
                    self.steps.push_front(Step::Bytes(later.to_vec()));
                }
                now.len()
            }
        };
        self.read += count;
        Ok(count)
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.write_failure.filter(|_| self.is_upgraded) {
            Some(kind) => Err(kind.into()),
            None => {
                self.written.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn socket(peer: Peer) -> NonBlocking<Peer> {
    NonBlocking::new("ws://localhost/", peer).unwrap()
}

fn upgrade(socket: &mut NonBlocking<Peer>) -> Result<(), ConnectFailure> {
    for _ in 0..100 {
        if let Some(result) = socket.upgrade() {
            return result;
        }
    }
    panic!("the upgrade does not end");
}

fn open(peer: Peer) -> NonBlocking<Peer> {
    let mut socket = socket(peer);
    assert_eq!(upgrade(&mut socket), Ok(()));
    socket
}

/// Returns an unmasked frame, as a server sends it.
fn frame(opcode: u8, payload: &[u8]) -> Step {
    let mut bytes = vec![0x80 | opcode, payload.len() as u8];
    bytes.extend_from_slice(payload);
    Step::Bytes(bytes)
}

fn close(code: u16) -> Step {
    frame(8, &code.to_be_bytes())
}

#[test]
fn answers_to_the_upgrade() {
    let refused = |status| ConnectFailure::Status { status, retry_after: None, reason: None };
    for (before, after, result) in [
        ("", "", Ok(())),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade", Ok(())),
        ("HTTP/1.1 101", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 101", Ok(())),
        (
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            Err(ConnectFailure::Handshake),
        ),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", Err(ConnectFailure::Handshake)),
        ("KEY", "a2V5", Err(ConnectFailure::Handshake)),
        ("HTTP/1.1", "HTTP/1.0", Err(ConnectFailure::Handshake)),
        ("Upgrade: websocket", "Upgrade: h2c", Err(ConnectFailure::Handshake)),
        ("HTTP/1.1 101 Fine", "HTTP/1.1 403 No", Err(refused(403))),
        ("HTTP", "SSH", Err(ConnectFailure::Handshake)),
    ] {
        let mut peer = Peer::new([Step::End]);
        peer.answer = ACCEPTED.replace(before, after);
        assert_eq!(upgrade(&mut socket(peer)), result, "{before:?} {after:?}");
    }
    for (protocol, result) in [("chat", Ok(())), ("talk", Err(ConnectFailure::Handshake))] {
        let mut request = "ws://localhost/".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mail, chat".parse().unwrap());
        let mut peer = Peer::new([]);
        let answer = format!("\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n");
        peer.answer = ACCEPTED.replace("\r\n\r\n", &answer);
        assert_eq!(upgrade(&mut NonBlocking::new(request, peer).unwrap()), result, "{protocol}");
    }
    let mut ended = Peer::new([Step::End]);
    ended.answer = "HTTP/1.1 101 Fine\r\n".into();
    assert_eq!(upgrade(&mut socket(ended)), Err(ConnectFailure::Transport));
}

/// The reason of a refusal is in the body, which may arrive after the head. If the body does not arrive, `upgrade`
/// still ends in limited time.
#[test]
fn the_body_of_a_refusal() {
    const REASON: &str = r#"{"result":"error","reason":"InvalidNonce","message":"m"}"#;
    let length = format!("Content-Length: {}", REASON.len());
    let chunks = format!("{:x}\r\n{REASON}\r\n0\r\n\r\n", REASON.len());
    let (first, second) = chunks.split_at(20);
    let later = || Step::Fails(ErrorKind::WouldBlock);
    let bytes = |text: &str| Step::Bytes(text.into());
    let invalid_nonce = VenueReason::of_body(REASON.as_bytes());
    for (field, steps, reason) in [
        (length.as_str(), vec![bytes(REASON)], invalid_nonce),
        (&length, vec![later(), bytes(REASON)], invalid_nonce),
        ("Transfer-Encoding: chunked", vec![later(), bytes(first), later(), bytes(second)], invalid_nonce),
        ("Connection: close", vec![later(), bytes(REASON), later(), Step::End], invalid_nonce),
        (&length, vec![later(), Step::Fails(ErrorKind::ConnectionReset)], None),
        (&length, vec![later()], None),
    ] {
        let mut peer = Peer::new(steps);
        peer.answer = format!("HTTP/1.1 400 Bad\r\n{field}\r\n\r\n");
        let mut socket = socket(peer);
        let begun = std::time::Instant::now();
        let result = loop {
            if let Some(result) = socket.upgrade() {
                break result;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{field}");
            std::thread::yield_now();
        };
        assert_eq!(result, Err(ConnectFailure::Status { status: 400, retry_after: None, reason }), "{field}");
    }
}

/// The body of a refusal does not arrive. A loop that never waits longer than the time from `timeout` still gets the
/// refusal, long before the attempt to connect times out.
#[test]
fn a_refusal_whose_body_does_not_come() {
    let mut client = Client::single(Config::new("ws://localhost/").stay_open(true));
    client.open(Instant::ZERO).unwrap();
    let clock = Clock::new();
    let (mut sockets, mut scratch, mut failures) = (Sockets::new(), Scratch::new(), Vec::new());
    sockets.mark(0);
    for _ in 0..3 {
        let mut dial = |_: &Client, _| {
            let mut peer = Peer::new([Step::Fails(ErrorKind::WouldBlock)]);
            peer.answer = "HTTP/1.1 429 Busy\r\nRetry-After: 60\r\nContent-Length: 9\r\n\r\n".into();
            NonBlocking::new("ws://localhost/", peer)
        };
        while sockets.turn(&mut client, clock.now(), &mut scratch, &mut dial, |event| {
            failures.extend(match event {
                Event::ConnectFailed { reason, .. } => Some(*reason),
                _ => None,
            });
        }) {}
        if !failures.is_empty() {
            break;
        }
        let wait = sockets.timeout(&client, clock.now()).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        std::thread::sleep(wait);
    }
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(failures, [ConnectFailure::Status { status: 429, retry_after, reason: None }]);
}

/// Once the stream has accepted the request, `wants_write` returns `false`, so that a level-triggered loop can sleep.
#[test]
fn the_request_is_written_once() {
    let mut socket = socket(Peer::new([]));
    assert!(socket.wants_write());
    assert_eq!(socket.upgrade(), None, "a byte at a time");
    assert!(!socket.wants_write(), "only the answer is missing");
    assert!(socket.has_more(), "more bytes of the answer are there");
}

/// During the handshake of a TLS stream, only the stream knows whether it waits to read or to write. So `Sockets`
/// gives the loop access to the stream.
#[test]
fn the_streams_of_sockets() {
    let mut client = Client::single(Config::new("ws://localhost/").stay_open(true));
    client.open(Instant::ZERO).unwrap();
    let (mut sockets, mut scratch) = (Sockets::new(), Scratch::new());
    assert!(sockets.get_mut(0).is_none(), "it is not dialled yet");
    let dial = |_: &Client, _| {
        let mut peer = Peer::new([Step::Fails(ErrorKind::WouldBlock)]);
        peer.answer = ACCEPTED.into();
        NonBlocking::new("ws://localhost/", peer)
    };
    sockets.turn(&mut client, Instant::ZERO, &mut scratch, dial, |_| {});
    assert_eq!(sockets.get_mut(0).map(|peer| peer.answer.clone()), Some(ACCEPTED.into()));
    assert!(sockets.get_mut(1).is_none());
}

/// A peer sends one message in endless fragments. Each `read` returns after a limited number of bytes, and in the end
/// `read` fails with a breach of the protocol.
#[test]
fn a_message_that_never_ends() {
    let mut socket = open(Peer::new([Step::Bytes(vec![1, 0]), Step::EmptyFragments]));
    let mut before = socket.get_mut().unwrap().read;
    let lost = loop {
        let read = socket.read();
        let after = socket.get_mut().map_or(before, |peer| peer.read);
        assert!(after - before <= READ_BYTES_PER_TURN_MAX * 2, "{} bytes in one turn", after - before);
        before = after;
        match read {
            Ok(None) => assert!(socket.has_more()),
            Ok(Some(message)) => panic!("{message:?}"),
            Err(lost) => break lost,
        }
    };
    assert_eq!(lost, Lost::Protocol);
    assert!(before > UNFINISHED_BYTES_MAX && !socket.has_more());
}

/// A Close frame that arrived before the failed write decides whether the client reconnects.
#[test]
fn a_failed_write_loses_no_frame() {
    for failure in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::WriteZero] {
        for sends in [false, true] {
            for end in [vec![], vec![Step::End], vec![Step::Fails(ErrorKind::ConnectionReset)]] {
                let steps = [frame(9, b"ping"), frame(1, b"text"), frame(9, b"ping"), close(4003)];
                let mut peer = Peer::new(steps.into_iter().chain(end));
                peer.write_failure = Some(failure);
                let mut socket = open(peer);
                if sends {
                    assert_eq!(socket.send("a command".into()), Ok(()));
                    assert!(socket.has_more(), "the next read reports the failure");
                }
                let mut found = Vec::new();
                let lost = loop {
                    match socket.read() {
                        Ok(Some(message)) => found.push(frame_of(&message).map(|frame| format!("{frame:?}"))),
                        Ok(None) => panic!("the failure is not reported"),
                        Err(lost) => break lost,
                    }
                };
                let ping = Frame::Ping(b"ping");
                let expected =
                    [ping, Frame::Text("text"), ping, Frame::Close { code: Some(4003), reason: "" }];
                assert_eq!(found, expected.map(|frame| Some(format!("{frame:?}"))), "{failure:?} {sends}");
                assert!(lost == Lost::Reset || lost == Lost::Transport || lost == Lost::End, "{lost:?}");
            }
        }
    }
}

#[test]
fn an_interrupted_read_is_no_end() {
    let steps = [Step::Fails(ErrorKind::Interrupted), frame(1, b"text")];
    let mut socket = open(Peer::new(steps));
    assert_eq!(socket.read(), Ok(None));
    assert!(socket.has_more());
    assert_eq!(frame_of(&socket.read().unwrap().unwrap()), Some(Frame::Text("text")));
    assert_eq!((socket.read(), socket.has_more()), (Ok(None), false));
}

/// Runs a client with two links to these peers, and calls `Sockets::turn` every 100 ms. Returns the client, its
/// sockets and its events.
fn turns(peers: impl Fn() -> [Peer; 2], turns: u64) -> (Client, Sockets<Peer>, Vec<String>) {
    let config = || Config::new("ws://localhost/").stay_open(true);
    let mut client = Client::single(config());
    client.add(Instant::ZERO, config()).unwrap();
    client.open(Instant::ZERO).unwrap();
    let (mut sockets, mut scratch, mut events) = (Sockets::new(), Scratch::new(), Vec::new());
    for turn in 0..turns {
        let now = Instant::from_millis(turn * 100);
        [0, 1].into_iter().for_each(|slot| sockets.mark(slot));
        let dial = |_: &Client, link: LinkId| {
            let [first, second] = peers();
            NonBlocking::new("ws://localhost/", if link.slot() == 0 { first } else { second })
        };
        let _ = sockets.turn(&mut client, now, &mut scratch, dial, |event| events.push(format!("{event:?}")));
    }
    (client, sockets, events)
}

#[test]
fn a_flood_has_its_turn_like_any_other_peer() {
    let peers = || [Peer::new([Step::Bytes(vec![1, 0]), Step::EmptyFragments]), Peer::new([frame(1, b"{}")])];
    let (_, sockets, events) = turns(peers, 10);
    assert_eq!(sockets.len(), 2);
    assert!(events.iter().any(|event| event.starts_with("Unrecognized")), "{events:?}");
}

#[test]
fn a_close_frame_behind_a_ping_arrives_although_the_pong_cannot_be_written() {
    let peers = || {
        [(), ()].map(|()| {
            let mut peer = Peer::new([frame(9, b""), close(4003), Step::Fails(ErrorKind::ConnectionReset)]);
            peer.write_failure = Some(ErrorKind::BrokenPipe);
            peer
        })
    };
    let (client, sockets, events) = turns(peers, 10);
    let closings = events.iter().filter(|event| event.starts_with("PeerClosing") && event.contains("4003"));
    assert_eq!((closings.count(), sockets.len()), (2, 0), "{events:?}");
    assert_eq!(client.stats().stale_inputs, 0);
}

#[test]
fn a_peer_that_closes_and_stays() {
    let peers = || [Peer::new([close(4003)]), Peer::new([close(4003), frame(1, b"late")])];
    let (client, sockets, events) = turns(peers, 30);
    assert_eq!((sockets.len(), client.stats().stale_inputs), (0, 0), "{events:?}");
    assert!(!events.iter().any(|event| event.contains("late")), "{events:?}");
}

/// The link of one peer ends for good, and the other link is quiet. A loop that never waits longer than the time from
/// `timeout` still drops the socket in time.
#[test]
fn a_loop_learns_when_to_drop_a_peer_that_stays() {
    let peers = || [Peer::new([close(4003)]), Peer::new([])];
    let (client, sockets, events) = turns(peers, 3);
    assert_eq!((sockets.len(), client.close_reason()), (2, None), "{events:?}");
    let wait = sockets.timeout(&client, Instant::from_millis(200));
    assert!(wait.is_some_and(|wait| wait <= Duration::from_secs(1)), "{wait:?}: {events:?}");
    assert_eq!(turns(peers, 30).1.len(), 1);
}

#[test]
fn a_refused_upgrade_is_reported_once() {
    let peers = || {
        [(), ()].map(|()| {
            let mut peer = Peer::new([]);
            peer.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".into();
            peer
        })
    };
    let (client, sockets, events) = turns(peers, 5);
    let failures = events.iter().filter(|event| event.starts_with("ConnectFailed")).count();
    assert_eq!((failures, sockets.len(), client.stats().stale_inputs), (2, 0, 0), "{events:?}");
    let later = Duration::from_secs(0);
    assert!(client.timeout(Instant::from_millis(400)).is_some_and(|wait| wait > later));
}
