//! Tests with clients that try to stop the server. Their transports are in memory and count the work of each turn.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};
use gemini_ws::Instant;

use super::answer;
use super::limits::{
    BODY_BYTES_MAX, CALLS_PER_TURN_MAX, HEAD_BYTES_MAX, MESSAGE_BYTES_MAX, READ_BYTES_PER_TURN_MAX,
    WAITING_BYTES_MAX, WRITTEN_BYTES_PER_TURN_MAX,
};
use super::link::{Link, Progress};
use crate::config::Config;
use crate::exchange::Exchange;
use crate::session::Output;
use crate::value::id::SessionId;

const CLIENT: SessionId = SessionId(1);
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A kind of client: its name, the parts that it sends first, and the bytes that it then repeats without end.
type Kind<'k> = (&'k str, &'k [&'k [u8]], &'k [u8]);
const BEGIN: &[u8] = &[0x01, 0x80, 0, 0, 0, 0];
const EMPTY_FRAGMENT: &[u8] = &[0x00, 0x80, 0, 0, 0, 0];
const FRAGMENT_OF_ONE: &[u8] = &[0x00, 0x81, 0, 0, 0, 0, b' '];
const EMPTY_TEXT: &[u8] = &[0x81, 0x80, 0, 0, 0, 0];
const PING: &[u8] = &[0x89, 0x84, 0, 0, 0, 0, b'p', b'i', b'n', b'g'];
const PONG: &[u8] = &[0x8A, 0x80, 0, 0, 0, 0];

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reads: usize,
    read_bytes: usize,
    writes: usize,
    written_bytes: usize,
    /// Whether there is nothing to read until the next turn.
    is_dry: bool,
    /// Whether there is no room to write until the next turn.
    is_full: bool,
}

/// A client that never disconnects. It sends `first` once, then `then` again and again.
struct Client {
    first: Vec<u8>,
    then: Vec<u8>,
    /// The maximum number of bytes that one read returns.
    piece: usize,
    /// The maximum number of bytes that one write takes; zero if the client does not read.
    takes: usize,
    /// How many bytes the client still takes in all further writes together.
    room: Rc<Cell<usize>>,
    position: usize,
    counts: Rc<RefCell<Counts>>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        {
            let mut counts = self.counts.borrow_mut();
            counts.reads += 1;
            // If the server reads in a loop that never ends, the test never reaches its own checks.
            assert!(counts.reads <= CALLS_PER_TURN_MAX && !counts.is_dry, "{counts:?}");
        }
        let size = buffer.len().min(self.piece);
        let mut count = 0;
        while count < size {
            let at = self.position;
            buffer[count] = match at.checked_sub(self.first.len()) {
                None => self.first[at],
                Some(_) if self.then.is_empty() => break,
                Some(at) => self.then[at % self.then.len()],
            };
            self.position += 1;
            count += 1;
        }
        let mut counts = self.counts.borrow_mut();
        counts.read_bytes += count;
        counts.is_dry = count == 0;
        if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.takes).min(self.room.get());
        self.room.set(self.room.get() - count);
        let mut counts = self.counts.borrow_mut();
        assert!(counts.writes < CALLS_PER_TURN_MAX && !counts.is_full, "{counts:?}");
        counts.writes += 1;
        counts.written_bytes += count;
        counts.is_full = count == 0;
        if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Case {
    link: Link<Client>,
    exchange: Exchange,
    counts: Rc<RefCell<Counts>>,
    room: Rc<Cell<usize>>,
    received: usize,
    broken: usize,
    refused: usize,
    read_bytes: usize,
    has_ended: bool,
}

impl Case {
    fn new(first: &[&[u8]], then: &[u8], piece: usize, takes: usize) -> Case {
        let counts = Rc::<RefCell<Counts>>::default();
        let (first, then) = (first.concat(), then.to_vec());
        let room = Rc::new(Cell::new(usize::MAX));
        let (shared_counts, shared_room) = (Rc::clone(&counts), Rc::clone(&room));
        let client =
            Client { first, then, piece, takes, room: shared_room, position: 0, counts: shared_counts };
        Case {
            link: Link::new(client, Instant::ZERO),
            exchange: Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1),
            counts,
            room,
            received: 0,
            broken: 0,
            refused: 0,
            read_bytes: 0,
            has_ended: false,
        }
    }

    fn taking(self, bytes: usize) -> Case {
        self.room.set(bytes);
        self
    }

    /// Runs a turn of the server with at most this many events, and checks how much work it did.
    fn turn(&mut self, events: usize) -> Counts {
        let now = Instant::from_millis(1);
        let context = &mut Context::from_waker(Waker::noop());
        *self.counts.borrow_mut() = Counts::default();
        self.link.refill();
        for _ in 0..events {
            match self.link.poll_read(context, now) {
                Progress::Waits => break,
                Progress::Asks(request, body) => {
                    assert!(body.len() <= BODY_BYTES_MAX);
                    let answer = answer::decide(&request, &body, &mut self.exchange, CLIENT, now, true);
                    self.link.answer(answer, now);
                }
                Progress::Received(message) => {
                    self.received += 1;
                    if message.is_close() {
                        // The exchange answers a Close frame in the same way.
                        let close = Output::Close { session: CLIENT, code: 1005, reason: "" };
                        self.link.push(close, now);
                    }
                }
                Progress::Broken => self.broken += 1,
                Progress::Refused => self.refused += 1,
                Progress::Opened | Progress::Ignored => {}
                Progress::NotOpened | Progress::Ended => self.has_ended = true,
            }
        }
        self.has_ended |= !self.link.poll_write(context);
        let counts = *self.counts.borrow();
        self.read_bytes += counts.read_bytes;
        assert!(counts.read_bytes <= READ_BYTES_PER_TURN_MAX, "{counts:?}");
        assert!(counts.written_bytes <= WRITTEN_BYTES_PER_TURN_MAX, "{counts:?}");
        counts
    }
}

/// Checks that each turn is bounded, whatever a client sends, however small the pieces are, and whether or not it
/// reads.
#[test]
fn turns_are_bounded() {
    let masked = |frame: &[u8]| [frame, &[0; 4]].concat();
    let huge = masked(&[0x82, 0xFF, 0, 0, 0, 0, 0x00, 0x10, 0, 0]);
    let too_large = masked(&[0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0]);
    let kinds: [Kind<'_>; 14] = [
        ("empty fragments", &[UPGRADE, BEGIN], EMPTY_FRAGMENT),
        ("fragments of one byte", &[UPGRADE, BEGIN], FRAGMENT_OF_ONE),
        ("fragments with pings between", &[UPGRADE, BEGIN], &[EMPTY_FRAGMENT, PING].concat()),
        ("empty texts", &[UPGRADE], EMPTY_TEXT),
        ("pings", &[UPGRADE], PING),
        ("pongs", &[UPGRADE], PONG),
        ("a huge frame", &[UPGRADE, &huge], b" "),
        ("a frame that is too large", &[UPGRADE, &too_large], b" "),
        ("no frames", &[UPGRADE], b"\xFF"),
        ("a head without end", &[b"GET / HTTP/1.1\r\n"], b"a: b\r\n"),
        ("a body without end", &[b"POST /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n"], b"{"),
        (
            "a body that is not whole",
            &[b"POST /simulator/faults HTTP/1.1\r\nHost: a\r\nContent-Length: 16384\r\n\r\n"],
            b"abort\n",
        ),
        (
            "a body that is too long",
            &[b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n"],
            b"{",
        ),
        ("nothing", &[], b""),
    ];
    for (name, first, then) in kinds {
        for piece in [1, 7, 1 << 20] {
            for takes in [0, 1, 1 << 20] {
                for events in [1, 32, usize::MAX] {
                    let mut case = Case::new(first, then, piece, takes);
                    for _ in 0..40 {
                        let counts = case.turn(events);
                        assert!(case.link.held_bytes() <= WAITING_BYTES_MAX, "{name}, {piece}, {counts:?}");
                        if case.has_ended {
                            break;
                        }
                    }
                }
            }
        }
    }
}

/// Checks that a message without end breaks the protocol, whatever frames come between its fragments, and that short
/// messages do not break it, however many there are.
#[test]
fn messages_have_a_limit() {
    let mixed = [EMPTY_FRAGMENT, PING, PONG].concat();
    let table: [(Kind<'_>, bool); 6] = [
        (("empty fragments", &[UPGRADE, BEGIN], EMPTY_FRAGMENT), true),
        (("fragments of one byte", &[UPGRADE, BEGIN], FRAGMENT_OF_ONE), true),
        (("fragments with pings between", &[UPGRADE, BEGIN], &mixed), true),
        (("empty texts", &[UPGRADE], EMPTY_TEXT), false),
        (("pings", &[UPGRADE], PING), false),
        (("pongs", &[UPGRADE], PONG), false),
    ];
    for ((name, first, then), is_breach) in table {
        let mut case = Case::new(first, then, 1 << 20, 1 << 20);
        while case.broken == 0 && case.read_bytes < 8 * MESSAGE_BYTES_MAX {
            case.turn(usize::MAX);
        }
        assert_eq!(case.broken > 0, is_breach, "{name}");
        if is_breach {
            assert!(case.read_bytes > MESSAGE_BYTES_MAX, "{name}");
            // After the breach, the server reads further bytes, but neither decodes nor keeps them.
            let received = case.received;
            for _ in 0..10 {
                case.turn(usize::MAX);
            }
            assert_eq!((case.broken, case.received, case.link.held_bytes()), (1, received, 0), "{name}");
        }
    }
}

#[test]
fn many_fragments_are_a_message() {
    let fragments: Vec<&[u8]> = std::iter::once(BEGIN).chain(vec![FRAGMENT_OF_ONE; 65_534]).collect();
    let last: &[u8] = &[0x80, 0x80, 0, 0, 0, 0];
    let mut case = Case::new(&[UPGRADE, &fragments.concat(), last], b"", 1 << 20, 1 << 20);
    for _ in 0..100 {
        case.turn(32);
    }
    assert_eq!((case.received, case.broken, case.link.held_bytes()), (1, 0, 0));
}

/// Checks that the link ends after the answer to a Close frame, however few events a turn handles.
#[test]
fn closing_takes_several_turns() {
    for events in [1, 2, 32] {
        let mut case = Case::new(&[UPGRADE, &[0x88, 0x80, 0, 0, 0, 0]], b"", 1 << 20, 1 << 20);
        let mut written = 0;
        while !case.has_ended {
            written += case.turn(events).written_bytes;
        }
        assert_eq!(written, 129 + 2, "the upgrade and an empty Close frame");
    }
}

#[test]
fn requests_have_a_limit() {
    for piece in [1, 1 << 20] {
        let mut case = Case::new(&[b"GET / HTTP/1.1\r\n"], b"a: b\r\n", piece, 1 << 20);
        while case.refused == 0 {
            case.turn(32);
            assert!(case.read_bytes <= HEAD_BYTES_MAX + READ_BYTES_PER_TURN_MAX);
        }
        assert!(case.read_bytes > HEAD_BYTES_MAX);
    }
}

/// Checks that `held_bytes` includes all bytes that wait for a client, also those of the WebSocket layer's pongs.
#[test]
fn what_waits_counts() {
    let mut case = Case::new(&[UPGRADE], PING, 1 << 20, 1 << 20);
    for _ in 0..10 {
        case.turn(32);
    }
    assert!(case.link.held_bytes() <= READ_BYTES_PER_TURN_MAX, "{:?}", case.link);
    // The client takes the response to the upgrade, and nothing after it, so the pongs to all pings wait.
    let mut case = Case::new(&[UPGRADE], PING, 1 << 20, 1 << 20).taking(129);
    for _ in 0..10 {
        case.turn(usize::MAX);
    }
    assert!(6 * case.received > 4 * READ_BYTES_PER_TURN_MAX);
    assert!(case.link.held_bytes() >= 6 * case.received, "{:?}", case.link);
    let (held, text) = (case.link.held_bytes(), "x".repeat(1_000));
    case.link.push(Output::Send { session: CLIENT, text }, Instant::ZERO);
    assert!(case.link.held_bytes() >= held + 1_000);
}

/// Checks that `held_bytes` no longer includes bytes that were written, even if more bytes always wait to be written.
#[test]
fn what_is_written_counts_no_more() {
    let mut case = Case::new(&[UPGRADE], b"", 1 << 20, 1_004);
    case.turn(32);
    let (mut pushed, mut written) = (0, 0);
    for turn in 0..500 {
        for _ in 0..if turn == 0 { 100 } else { CALLS_PER_TURN_MAX } {
            let text = "x".repeat(1_000);
            pushed += 1_004;
            case.link.push(Output::Send { session: CLIENT, text }, Instant::ZERO);
        }
        written += case.turn(32).written_bytes;
        let (held, waits) = (case.link.held_bytes(), pushed - written);
        assert!(waits > 50_000 && (waits..2 * waits).contains(&held), "{held}, {waits}");
    }
}
