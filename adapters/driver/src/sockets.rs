//! [`Sockets`]: the sockets of a client, for a loop of your own over non-blocking streams.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use gemini_ws::{Client, ConnectFailure, Event, Frame, Instant, LinkId, Lost, Output, Scratch};

use crate::NonBlocking;
use crate::glue::frame_of;
use crate::task::{CLOSING_MAX, FRAMES_PER_TURN_MAX};

/// The sockets of a client's links, for a loop of your own over non-blocking I/O streams `S`. In the documentation of
/// this type, a stream is such an I/O stream, for example a `TcpStream`, and no stream of the venue. The loop
/// [marks](Sockets::mark) the streams that are ready, and takes [turns](Sockets::turn). After a turn, stop if
/// [`Client::close_reason`] returns a reason.
///
/// An edge-triggered poller may watch a stream for reading and writing at all times. Let a level-triggered poller
/// watch a stream for writing only while [`wants_write`](Sockets::wants_write) returns `true`. A blocking stream
/// works too, if its reads fail with `WouldBlock` after a time limit; mark it before each turn. Needs the feature
/// `handshake`. The example `poll` is a complete program.
///
/// ```
/// use std::net::TcpStream;
///
/// use gemini_ws_driver::Sockets;
/// use gemini_ws_driver::gemini_ws::{Client, Clock, Config, ConnectFailure, Event, Scratch};
///
/// let (clock, mut scratch, mut failures) = (Clock::new(), Scratch::new(), 0);
/// let mut client = Client::single(Config::production().stay_open(true));
/// client.open(clock.now())?;
/// let mut sockets: Sockets<TcpStream> = Sockets::new();
/// let more = sockets.turn(&mut client, clock.now(), &mut scratch, |_, _| Err(ConnectFailure::Unreachable), |event| {
///     failures += u32::from(matches!(event, Event::ConnectFailed { .. }));
/// });
/// assert_eq!((more, failures, sockets.len()), (false, 1, 0));
/// # Ok::<(), gemini_ws_driver::gemini_ws::CommandError>(())
/// ```
pub struct Sockets<S: Read + Write> {
    by_slot: BTreeMap<usize, Place<S>>,
    marked: BTreeSet<usize>,
}

struct Place<S: Read + Write> {
    link: LinkId,
    socket: NonBlocking<S>,
    /// The latest instant at which the socket is dropped, a second after the peer's Close frame; `None` before that
    /// frame.
    closes_by: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    More,
    /// The socket may have more to read, but this turn must not read it further.
    Paused,
    Nothing,
}

impl<S: Read + Write> Sockets<S> {
    /// Creates an empty set of sockets.
    pub const fn new() -> Sockets<S> {
        Sockets { by_slot: BTreeMap::new(), marked: BTreeSet::new() }
    }

    /// Returns the number of sockets, including those that are connecting, and those that wait for the end of their
    /// stream after the peer's Close frame.
    pub fn len(&self) -> usize {
        self.by_slot.len()
    }

    /// Returns whether the set has no sockets.
    pub fn is_empty(&self) -> bool {
        self.by_slot.is_empty()
    }

    /// Marks the I/O stream of the link in this slot as ready to be read or written. The next turn reads from this
    /// stream. Has no effect if the slot has no socket.
    pub fn mark(&mut self, slot: usize) {
        self.marked.insert(slot);
    }

    /// Returns the I/O stream of the link in this slot; `None` if there is no such stream. A level-triggered loop
    /// needs this method during a TLS handshake: only the stream knows whether it waits to read or to write.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut S> {
        self.by_slot.get_mut(&slot)?.socket.get_mut()
    }

    /// Returns whether to wait until the I/O stream of the link in this slot is writable.
    pub fn wants_write(&self, slot: usize) -> bool {
        self.by_slot.get(&slot).is_some_and(|place| place.socket.wants_write())
    }

    /// Returns how long to wait at most before the next turn; `None` if no limit applies. The limit is the shortest
    /// of [`Client::timeout`], the [`NonBlocking::timeout`] of each socket, and the time until the turn that drops a
    /// socket after the peer's Close frame.
    pub fn timeout(&self, client: &Client, now: Instant) -> Option<Duration> {
        let sockets = self.by_slot.values().filter_map(|place| place.socket.timeout());
        let closing = self.by_slot.values().filter_map(|place| place.closes_by);
        sockets.chain(closing.map(|at| at.since(now))).chain(client.timeout(now)).min()
    }

    fn refused(&self) -> Vec<usize> {
        let refused = self.by_slot.iter().filter(|(_, place)| place.socket.timeout().is_some());
        refused.map(|(slot, _)| *slot).collect()
    }

    /// Takes a turn. Calls [`Client::handle_timeout`] if the client's deadline has passed, and carries out the
    /// client's outputs. Then continues the upgrade of each [marked](Sockets::mark) socket, or reads from it: up to
    /// [`FRAMES_PER_TURN_MAX`] frames, and about [`READ_BYTES_PER_TURN_MAX`](crate::READ_BYTES_PER_TURN_MAX) bytes of
    /// an incomplete message. Drops a socket when its peer ends the stream, or a second after the peer's Close frame.
    ///
    /// Returns `true` if there may be more to read. In this case, take the next turn without waiting. After `false`,
    /// wait until a socket is ready, but no longer than [`timeout`](Sockets::timeout).
    ///
    /// `dial` starts to connect a link to the address that [`Client::connect_request`] returns, and registers the
    /// socket with your poller under [`LinkId::slot`]. If `dial` fails, `turn` reports the failure to the client.
    /// `turn` calls `on_event` for each event, in order.
    ///
    /// Unlike a [`Driver`](crate::Driver), `turn` does not limit how long a peer may take no bytes. It ends a link
    /// with [`Lost::Transport`] when more than [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX) bytes wait.
    pub fn turn(
        &mut self,
        client: &mut Client,
        now: Instant,
        scratch: &mut Scratch,
        mut dial: impl FnMut(&Client, LinkId) -> Result<NonBlocking<S>, ConnectFailure>,
        mut on_event: impl FnMut(&Event<'_>),
    ) -> bool {
        // Report refusals first, because they contain the venue's reason. `handle_timeout` might report a timeout
        // instead.
        for slot in self.refused() {
            self.read(slot, client, now, scratch, &mut on_event);
        }
        if client.deadline().is_some_and(|deadline| deadline.at <= now) {
            client.handle_timeout(now);
        }
        self.by_slot.retain(|_, place| place.closes_by.is_none_or(|at| now < at));
        self.perform(client, now, &mut dial, &mut on_event);
        for slot in std::mem::take(&mut self.marked) {
            for _ in 0..FRAMES_PER_TURN_MAX {
                let found = self.read(slot, client, now, scratch, &mut on_event);
                match found {
                    // A later read that finds nothing removes the mark.
                    Found::More | Found::Paused => self.marked.insert(slot),
                    Found::Nothing => self.marked.remove(&slot),
                };
                self.perform(client, now, &mut dial, &mut on_event);
                if found != Found::More {
                    break;
                }
            }
        }
        self.perform(client, now, &mut dial, &mut on_event);
        !self.marked.is_empty()
    }

    fn perform(
        &mut self,
        client: &mut Client,
        now: Instant,
        dial: &mut impl FnMut(&Client, LinkId) -> Result<NonBlocking<S>, ConnectFailure>,
        on_event: &mut impl FnMut(&Event<'_>),
    ) {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect(link) => match dial(client, link) {
                    Ok(socket) => {
                        let place = Place { link, socket, closes_by: None };
                        self.by_slot.insert(link.slot(), place);
                    }
                    Err(failure) => client.handle_dial(link, now, Err(failure)),
                },
                Output::Send { link, text } => self.write(link, client, now, |socket| socket.send(text)),
                Output::Close { link, code, reason } => {
                    self.write(link, client, now, |socket| socket.close(code, reason));
                }
                Output::Abort(link) => drop(self.by_slot.remove(&link.slot())),
                Output::Event(event) => on_event(&event),
                _ => {}
            }
        }
    }

    /// Writes to the socket of a link. The socket keeps the bytes that its I/O stream does not take.
    fn write(
        &mut self,
        link: LinkId,
        client: &mut Client,
        now: Instant,
        write: impl FnOnce(&mut NonBlocking<S>) -> Result<(), Lost>,
    ) {
        let place = self.by_slot.get_mut(&link.slot());
        let Some(place) = place.filter(|place| place.link == link && place.closes_by.is_none()) else {
            return;
        };
        let written = write(&mut place.socket);
        if place.socket.has_more() {
            // If the write has failed, the next read reports it.
            self.marked.insert(link.slot());
        }
        if let Err(reason) = written {
            self.lose(link, client, now, reason);
        }
    }

    fn read(
        &mut self,
        slot: usize,
        client: &mut Client,
        now: Instant,
        scratch: &mut Scratch,
        on_event: &mut impl FnMut(&Event<'_>),
    ) -> Found {
        let Some(place) = self.by_slot.get_mut(&slot) else { return Found::Nothing };
        let link = place.link;
        if let Some(result) = place.socket.upgrade() {
            client.handle_dial(link, now, result);
            if result.is_ok() {
                return Found::More;
            }
            self.by_slot.remove(&slot);
            return Found::Nothing;
        }
        match place.socket.read() {
            // Ignore frames after a Close frame.
            Ok(Some(_)) if place.closes_by.is_some() => Found::More,
            Ok(Some(message)) => {
                if let Some(frame) = frame_of(&message) {
                    let is_close = matches!(frame, Frame::Close { .. });
                    place.closes_by = is_close.then_some(now + CLOSING_MAX);
                    if let Some(event) = client.handle_frame(link, now, frame, scratch) {
                        on_event(&event);
                    }
                }
                Found::More
            }
            Ok(None) if place.socket.has_more() => Found::Paused,
            Ok(None) => Found::Nothing,
            Err(_) if place.closes_by.is_some() => {
                self.by_slot.remove(&slot);
                Found::Nothing
            }
            Err(reason) => {
                self.lose(link, client, now, reason);
                Found::Nothing
            }
        }
    }

    fn lose(&mut self, link: LinkId, client: &mut Client, now: Instant, reason: Lost) {
        self.by_slot.remove(&link.slot());
        client.handle_lost(link, now, reason);
    }
}

impl<S: Read + Write> Default for Sockets<S> {
    fn default() -> Sockets<S> {
        Sockets::new()
    }
}

impl<S: Read + Write> fmt::Debug for Sockets<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.by_slot.values().map(|place| (place.link, place.socket.is_open()));
        f.debug_map().entries(places).finish()
    }
}
