//! A turn of the server: one poll of its future, which does a bounded amount of work for each client.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use gemini_ws::{Frame, Instant, UnixTime};

use super::Server;
use super::answer::{self, Response};
use super::limits::{CONNECTIONS_MAX, STEP_MAX, UPGRADING_MAX, WAITING_BYTES_MAX, WAITING_BYTES_TOTAL_MAX};
use super::link::{Link, Progress};
use super::tcp::Tcp;
use crate::session::Output;
use crate::value::id::SessionId;

const ACCEPTED_PER_TURN: usize = 16;
const EVENTS_PER_TURN: usize = 32;
const OUTPUTS_PER_TURN: usize = 4_096;
/// How long the server waits after `accept` has failed, for example because there were no file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Server {
    /// Runs one turn of bounded work. Wakes the task if there is more to do.
    pub(super) fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Infallible> {
        self.clock.catch_up(UnixTime::now());
        let now = self.clock.now();
        for link in self.links.values_mut() {
            link.refill();
        }
        let mut has_more = self.accept(context, now);
        if self.exchange.deadline().is_some_and(|deadline| deadline <= now) {
            self.exchange.handle_timeout(now);
        }
        has_more |= self.read(context, now);
        has_more |= self.hand_out(now);
        self.relieve(now);
        has_more |= self.write(context, now);
        has_more |= self.arm(context, now);
        if has_more {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn accept(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..ACCEPTED_PER_TURN {
            let Some(listener) = &self.listener else { return false };
            if now < self.accept_after {
                return false;
            }
            match listener.get_ref().accept() {
                Ok((socket, _)) => {
                    self.awaits_room = false;
                    let Ok(socket) = Tcp::new(socket) else { continue };
                    let surplus = (self.without_place().count() + 1).saturating_sub(UPGRADING_MAX);
                    self.turn_away(surplus, context, now);
                    self.last_session += 1;
                    self.links.insert(SessionId(self.last_session), Link::new(socket, now));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match listener.poll_readable(context) {
                        Poll::Pending => return false,
                        Poll::Ready(_) => continue,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    self.accept_after = now + ACCEPT_PAUSE;
                }
                Err(_) => {
                    // Without free file descriptors, `accept` fails in this way even while no client waits.
                    if listener.poll_readable(context).is_pending() {
                        self.awaits_room = true;
                        return false;
                    }
                    if !std::mem::take(&mut self.awaits_room) {
                        // This loop may already have accepted the client that made the listener readable, so try
                        // again.
                        continue;
                    }
                    self.accept_after = now + ACCEPT_PAUSE;
                    // Most likely, silent clients hold the file descriptors.
                    self.turn_away(self.without_place().count().div_ceil(2), context, now);
                }
            }
        }
        true
    }

    fn without_place(&self) -> impl Iterator<Item = SessionId> {
        self.links.iter().filter(|(_, link)| !link.has_place()).map(|(session, _)| *session)
    }

    /// Drops the `count` oldest clients for which the server has not accepted an upgrade. Sends the status 503 to
    /// those whose requests it has not answered.
    fn turn_away(&mut self, count: usize, context: &mut Context<'_>, now: Instant) {
        for session in self.without_place().take(count).collect::<Vec<_>>() {
            if let Some(link) = self.links.get_mut(&session).filter(|link| link.is_undecided()) {
                link.dismiss(&Response::busy(), context);
                add_one(&self.counters.refused);
            }
            self.end(session, now);
        }
    }

    fn read(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let until = self.clock.now() + STEP_MAX;
        let mut has_more = false;
        for session in self.in_turn(self.next_read) {
            if self.clock.now() >= until {
                self.next_read = session;
                return true;
            }
            has_more |= self.read_from(context, now, session, until);
        }
        has_more
    }

    /// Returns all sessions in the order of their ids, beginning with `first`. Those with lower ids come last.
    fn in_turn(&self, first: SessionId) -> Vec<SessionId> {
        self.links.range(first..).chain(self.links.range(..first)).map(|(session, _)| *session).collect()
    }

    fn read_from(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        session: SessionId,
        until: Instant,
    ) -> bool {
        for _ in 0..EVENTS_PER_TURN {
            let Some(link) = self.link_mut(session) else { return false };
            match link.poll_read(context, now) {
                Progress::Waits => return false,
                Progress::Received(message) => {
                    if let Some(frame) = frame_of(&message) {
                        self.exchange.handle_frame(session, now, frame);
                    }
                }
                Progress::Ignored => {}
                Progress::Asks(request, body) => {
                    let has_place =
                        self.links.values().filter(|link| link.has_place()).count() < CONNECTIONS_MAX;
                    let answer = answer::decide(&request, &body, &mut self.exchange, session, now, has_place);
                    if answer.as_ref().is_err_and(Response::is_refusal) {
                        add_one(&self.counters.refused);
                    }
                    if let Some(link) = self.links.get_mut(&session) {
                        link.answer(answer, now);
                    }
                }
                Progress::Refused => add_one(&self.counters.refused),
                Progress::Opened => add_one(&self.counters.accepted),
                // At the end of the silence, the exchange cuts the connection.
                Progress::Broken if self.exchange.is_silenced(session) => {
                    self.exchange.handle_frame(session, now, Frame::Close { code: None, reason: "" });
                }
                Progress::Broken => self.exchange.handle_lost(session, now),
                Progress::NotOpened => {
                    add_one(&self.counters.refused);
                    self.end(session, now);
                }
                Progress::Ended => self.end(session, now),
            }
            if self.clock.now() >= until {
                break;
            }
        }
        true
    }

    fn link_mut(&mut self, session: SessionId) -> Option<&mut Link<Tcp>> {
        let link = self.links.get_mut(&session)?;
        link.mute(self.exchange.is_silenced(session));
        Some(link)
    }

    fn end(&mut self, session: SessionId, now: Instant) {
        if self.links.remove(&session).is_some_and(|link| link.may_have_session()) {
            self.exchange.handle_lost(session, now);
        }
    }

    pub(super) fn hand_out(&mut self, now: Instant) -> bool {
        for _ in 0..OUTPUTS_PER_TURN {
            let Some(output) = self.exchange.poll_output() else { return false };
            let session = output.session();
            if matches!(output, Output::Abort { .. }) {
                self.links.remove(&session);
                continue;
            }
            let Some(link) = self.links.get_mut(&session) else { continue };
            link.push(output, now);
            if link.held_bytes() > WAITING_BYTES_MAX {
                self.cut(session, now);
            }
        }
        true
    }

    /// Cuts the clients with the most waiting bytes, until no more than [`WAITING_BYTES_TOTAL_MAX`] bytes wait in
    /// total.
    pub(super) fn relieve(&mut self, now: Instant) {
        let held = |server: &Server| server.links.values().map(Link::held_bytes).sum::<usize>();
        while held(self) > WAITING_BYTES_TOTAL_MAX {
            let most = self.links.iter().max_by_key(|(_, link)| link.held_bytes());
            let Some(most) = most.map(|(session, _)| *session) else { break };
            self.cut(most, now);
        }
        self.counters.waiting.store(held(self) as u64, Ordering::Relaxed);
    }

    fn cut(&mut self, session: SessionId, now: Instant) {
        add_one(&self.counters.slow);
        self.end(session, now);
    }

    fn write(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let until = self.clock.now() + STEP_MAX;
        for session in self.in_turn(self.next_written) {
            if self.clock.now() >= until {
                self.next_written = session;
                return true;
            }
            let Some(link) = self.link_mut(session) else { continue };
            if !link.poll_write(context) {
                self.end(session, now);
            } else if link.held_bytes() > WAITING_BYTES_MAX {
                self.cut(session, now);
            }
        }
        false
    }

    /// Sets the timer to the next deadline. Returns true if this deadline has passed. `now` is the time at which the
    /// turn began.
    fn arm(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let links = self.links.values().filter_map(Link::deadline);
        // In this turn, the server has waited for this time if it is after `now`, even if it has come meanwhile.
        let accept = Some(self.accept_after).filter(|after| *after > now);
        match self.exchange.deadline().into_iter().chain(links).chain(accept).min() {
            None => false,
            Some(deadline) => {
                self.timer.set_at(self.clock.to_std(deadline));
                Pin::new(&mut self.timer).poll(context).is_ready()
            }
        }
    }
}

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn frame_of(message: &Message) -> Option<Frame<'_>> {
    Some(match message {
        Message::Text(text) => Frame::Text(text),
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Ping(bytes) => Frame::Ping(bytes),
        Message::Pong(bytes) => Frame::Pong(bytes),
        Message::Close(None) => Frame::Close { code: None, reason: "" },
        Message::Close(Some(close)) => Frame::Close { code: Some(close.code.into()), reason: &close.reason },
        Message::Frame(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::config::Config;
    use crate::exchange::Exchange;

    /// The pause after a failed `accept` ends while the turn runs. Nothing else wakes this server.
    #[test]
    fn a_pause_that_ends_within_a_turn() {
        let exchange = Exchange::new(Config::market([]), 1);
        let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
        let context = &mut Context::from_waker(Waker::noop());
        let began = server.clock.now();
        server.accept_after = began + Duration::from_nanos(1);
        assert!(!server.accept(context, began), "the server waits");
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(server.exchange.deadline(), None);
        assert!(server.arm(context, began), "another turn follows");
        assert!(!server.arm(context, server.clock.now()), "the pause is over");
    }
}
