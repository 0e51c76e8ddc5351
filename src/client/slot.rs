//! The places of a client's links: who works there, and what is kept when one ends.

use alloc::vec::Vec;

use crate::client::shutdown::{Shutdown, ShutdownPlan};
use crate::client::{Client, EndpointEntry, Phase, Slot};
use crate::config::{self, ClientConfig};
use crate::connection::Connection;
use crate::error::{CommandError, Limit};
use crate::event::reason::CloseReason;
use crate::event::source::Source;
use crate::event::{Event, Ignored, IgnoredReason};
use crate::link::frame::Frame;
use crate::link::lifecycle::State;
use crate::link::output::Output;
use crate::value::id::{EndpointId, LinkId};
use crate::wire::Scratch;

impl Client {
    /// Has a link do something, with all that the links share.
    pub(crate) fn with<T>(&mut self, position: usize, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        let was_closed = self.enter(position)?;
        let result = self.slots.get_mut(position)?.connection.as_mut().map(work);
        self.leave(position, was_closed);
        result
    }

    /// As [`with`](Client::with). Its own, since an event is large, and copied wherever it passes.
    #[inline]
    pub(crate) fn frame_of<'f>(
        &mut self,
        link: LinkId,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let (position, now) = (link.slot(), self.now);
        if let Frame::Ping(_) | Frame::Pong(_) = frame {
            // Needs nothing of what all share, and there may be floods of them.
            let connection = self.slots.get_mut(position)?.connection.as_mut()?;
            connection.handle_sign_of_life(link, now);
            return None;
        }
        let was_closed = self.enter(position)?;
        let event = match self.slots.get_mut(position).and_then(|slot| slot.connection.as_mut()) {
            Some(connection) => connection.handle_frame(link, now, frame, scratch),
            None => None,
        };
        self.leave(position, was_closed);
        event
    }

    /// Lends a link what all share; whether it was at its end before. `None` if there is no such link.
    #[inline]
    fn enter(&mut self, position: usize) -> Option<bool> {
        let slot = self.slots.get_mut(position)?;
        let connection = slot.connection.as_mut()?;
        let (_, limits) = self.hosts.get_mut(slot.host)?;
        if !mutant!(KeepAnOldClock) {
            connection.advance(self.now);
        }
        core::mem::swap(&mut connection.shared, &mut self.shared);
        core::mem::swap(&mut connection.limits, limits);
        Some(connection.state() == State::Closed)
    }

    /// Takes it back.
    #[inline]
    fn leave(&mut self, position: usize, was_closed: bool) {
        let Some(slot) = self.slots.get_mut(position) else { return };
        let Some((connection, (_, limits))) = slot.connection.as_mut().zip(self.hosts.get_mut(slot.host))
        else {
            return;
        };
        core::mem::swap(&mut connection.shared, &mut self.shared);
        core::mem::swap(&mut connection.limits, limits);
        slot.last = connection.link();
        if connection.state() == State::Closed && !was_closed {
            self.take_end(position);
        }
    }

    /// The same for the link that an input is about; counted if there is none in its place.
    pub(crate) fn with_link(&mut self, link: LinkId, work: impl FnOnce(&mut Connection)) -> Option<()> {
        let done = self.with(link.slot(), work);
        if done.is_none() {
            self.ended.stale_inputs = self.ended.stale_inputs.saturating_add(1);
        }
        done
    }

    /// A frame for a place in which there is no link any more.
    pub(crate) fn frame_of_nobody<'f>(&mut self, link: LinkId, frame: Frame<'f>) -> Option<Event<'f>> {
        self.ended.stale_inputs = self.ended.stale_inputs.saturating_add(1);
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => "",
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close { .. } => {
                self.ended.control_frames = self.ended.control_frames.saturating_add(1);
                return None;
            }
        };
        let bytes = if let Frame::Binary(bytes) = frame { bytes.len() } else { text.len() };
        self.ended.frames = self.ended.frames.saturating_add(1);
        self.ended.bytes = self.ended.bytes.saturating_add(bytes as u64);
        self.ended.count_ignored(IgnoredReason::EndedLink);
        let endpoint = self.slots.get(link.slot()).map(|slot| slot.endpoint);
        let endpoint = self.endpoints.iter().find(|it| Some(it.id) == endpoint).map(|it| it.config.api);
        let source = Source::live(link, endpoint.unwrap_or_default(), text);
        Some(Event::Ignored(Ignored { reason: IgnoredReason::EndedLink }, source))
    }

    /// A link has come to its end, and has said so as if it were alone.
    pub(crate) fn take_end(&mut self, position: usize) {
        let Some(Event::Closed { reason, abandoned }) = self.shared.outputs.withdraw_closed() else { return };
        self.abandoned.requests = self.abandoned.requests.saturating_add(abandoned.requests);
        self.abandoned.links = self.abandoned.links.saturating_add(abandoned.links);
        let Some(slot) = self.slots.get_mut(position) else { return };
        let requested = matches!(reason, CloseReason::Requested | CloseReason::RequestedUnclean);
        if let Phase::ShuttingDown(shutdown) = &mut self.phase {
            shutdown.is_unclean |= reason == CloseReason::RequestedUnclean;
            return self.forget(position);
        }
        let link = slot.last;
        if requested {
            self.forget(position);
        } else {
            slot.given_up = Some(reason);
        }
        if link.epoch() > 0 {
            self.shared.outputs.push(Output::Event(Event::LinkClosed { link, reason }));
        }
    }

    /// The place is free.
    pub(crate) fn forget(&mut self, position: usize) {
        let Some(slot) = self.slots.get_mut(position) else { return };
        slot.given_up = None;
        if let Some(connection) = slot.connection.take()
            && !mutant!(ForgetTheCounters)
        {
            self.ended.add(connection.stats());
        }
    }

    /// A link that was given up is tried again, with all its wishes.
    pub(crate) fn revive(&mut self, position: usize) {
        let Some(slot) = self.slots.get_mut(position) else { return };
        if slot.given_up.take().is_none() {
            return;
        }
        if let Some(connection) = &mut slot.connection {
            let successor = connection.succeed(self.seeds.next());
            let before = core::mem::replace(connection, successor);
            self.ended.add(before.stats());
        }
    }

    /// Another link to an endpoint, in a place that is free.
    pub(crate) fn new_link(&mut self, endpoint: EndpointId) -> Result<usize, CommandError> {
        let entry =
            self.endpoints.iter().find(|it| it.id == endpoint).ok_or(CommandError::UnknownEndpoint)?;
        let (host, config) = (entry.host, entry.config.clone());
        let free = self.slots.iter().position(|slot| slot.connection.is_none());
        let position = free.unwrap_or(self.slots.len());
        if position >= self.config.links_max {
            return Err(CommandError::TooMany(Limit::Links));
        }
        let last = match self.slots.get(position) {
            Some(slot) if !mutant!(NumberFromTheBeginning) => slot.last,
            _ => LinkId { slot: u16::try_from(position).unwrap_or(u16::MAX), epoch: 0 },
        };
        // Drawn for links alone, so that nothing else has a say in their delays.
        let connection = Some(Connection::at(last, config, self.seeds.next()));
        let slot = Slot { endpoint, host, last, connection, given_up: None };
        match self.slots.get_mut(position) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        Ok(position)
    }

    pub(crate) fn slots_of(&self, endpoint: EndpointId) -> Vec<usize> {
        let of = |(position, slot): (usize, &Slot)| {
            (slot.endpoint == endpoint && slot.connection.is_some()).then_some(position)
        };
        self.slots.iter().enumerate().filter_map(of).collect()
    }
}

impl From<Connection> for Client {
    /// A client of this one link, which stays open whatever is wanted of it, and takes every request. What the
    /// connection has done, and the ids that it gave, hold for the client.
    fn from(mut connection: Connection) -> Client {
        let mut client = Client::new(ClientConfig::new(), connection.backoff.seed());
        connection.config = connection.config.stay_open(true).authenticated(true);
        let (id, link) = (EndpointId(0), connection.link);
        client.now = connection.now;
        client.phase = match connection.state() {
            State::Idle => Phase::Idle,
            State::Closed => Phase::Closed,
            _ => Phase::Open,
        };
        if matches!(connection.state(), State::Closing) {
            let timeout = connection.config.close_timeout;
            let plan = ShutdownPlan::by(connection.now + timeout);
            client.phase = Phase::ShuttingDown(Shutdown::closing(plan, timeout));
        }
        core::mem::swap(&mut client.shared, &mut connection.shared);
        let host = config::host(&connection.config.endpoint).into();
        client.hosts.push((host, connection.limits.clone()));
        client.endpoints.push(EndpointEntry { id, config: connection.config.clone(), host: 0 });
        client.next_endpoint = 1;
        let connection = Some(connection);
        client.slots.push(Slot { endpoint: id, host: 0, last: link, connection, given_up: None });
        client
    }
}

impl Connection {
    /// One for the same place, with the same wishes.
    pub(crate) fn succeed(&mut self, seed: u64) -> Connection {
        let mut successor = Connection::at(self.link, self.config.clone(), seed);
        if !mutant!(ReviveWithoutWishes) {
            core::mem::swap(&mut successor.subscriptions, &mut self.subscriptions);
        }
        successor.now = self.now;
        successor.missing_since = self.missing_since;
        successor
    }
}
