//! [`Client::pump`], the last step of every input and every command. Only the methods of this file create and remove
//! links.

use crate::client::protocol::Protocol;
use crate::client::slots::Slot;
use crate::client::{Client, ClientState};
use crate::error::{CommandError, Limit};
use crate::event::Event;
use crate::event::reason::CloseReason;
use crate::link::backoff::Backoff;
use crate::link::lifecycle::State;
use crate::link::output::Output;
use crate::link::{Link, LinkEnd};
use crate::value::id::EndpointId;

impl Client {
    /// Calls `pump_link` for each touched slot, until no slot is touched. Also acts on the state of the client:
    ///
    /// - While the client is open, opens the links that a stream or an endpoint needs, and closes a link that nothing
    ///   has needed for `Config::linger`.
    /// - While the client is shutting down, takes the steps that are due.
    #[inline]
    pub(super) fn pump(&mut self) {
        // This check saves work after frames that only carry data, because they touch no slot.
        if self.slots.is_any_touched() || self.endpoints.need_a_look() {
            self.endpoints.note_looked_at();
            self.pump_touched();
        }
    }

    fn pump_touched(&mut self) {
        match self.state {
            ClientState::Idle | ClientState::Closed(_) => {
                while let Some(slot) = self.slots.take_touched() {
                    self.pump_link(slot);
                }
            }
            ClientState::Open => {
                self.add_standing_links();
                while let Some(slot) = self.slots.take_touched() {
                    self.pump_link(slot);
                    self.open_or_close(slot);
                    if !self.slots.is_any_touched() {
                        // An endpoint that stays open may have lost its last link.
                        self.add_standing_links();
                    }
                }
                self.finish_if_given_up();
            }
            ClientState::ShuttingDown(_) => {
                while self.slots.is_any_touched() {
                    while let Some(slot) = self.slots.take_touched() {
                        self.pump_link(slot);
                        self.close_unless_open(slot);
                    }
                    self.advance_shutdown();
                }
            }
        }
    }

    pub(super) fn pump_link(&mut self, slot: usize) {
        if let Some(end) = self.with_link(slot, |link, cx| link.pump(cx)).flatten() {
            self.on_end(slot, end);
        }
        self.count_again(slot);
    }

    fn count_again(&mut self, slot: usize) {
        let has_room = self.slots.count_again(slot);
        let Some(entry) = self.slots.get(slot) else { return };
        if let Some(has_room) = has_room {
            self.endpoints.set_room(entry.endpoint(), slot, has_room);
        }
        let learnt = entry.link().map(|link| (entry.endpoint(), link.experience()));
        if let Some((endpoint, experience)) = learnt
            && let Some(others) = self.endpoints.learn(endpoint, experience)
        {
            for other in others {
                let link = self.slots.get_mut(*other).and_then(Slot::link_mut);
                link.into_iter().for_each(|link| link.learn(experience));
            }
        }
    }

    fn on_end(&mut self, slot: usize, LinkEnd { reason, abandoned }: LinkEnd) {
        self.abandoned.requests = self.abandoned.requests.saturating_add(abandoned.requests);
        self.abandoned.links = self.abandoned.links.saturating_add(abandoned.links);
        if let ClientState::ShuttingDown(shutdown) = &mut self.state {
            shutdown.note_end(reason);
            return self.forget(slot);
        }
        let Some(link) = self.slots.link(slot).map(Link::id) else { return };
        let was_dialled = self.slots.get(slot).is_some_and(Slot::was_dialled);
        if matches!(reason, CloseReason::Requested | CloseReason::RequestedUnclean) {
            self.forget(slot);
        } else if let Some(entry) = self.slots.get_mut(slot) {
            entry.give_up(reason);
        }
        if was_dialled {
            self.outputs.push(Output::Event(Event::LinkClosed { link, reason }));
        }
    }

    fn forget(&mut self, slot: usize) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let (endpoint, host) = (entry.endpoint(), entry.host());
        let Some(link) = entry.take_link() else { return };
        self.ended.add(link.stats());
        self.slots.count_again(slot);
        // Touches no other slot, although `is_unwanted` depends on which link to an endpoint is the first: the first
        // link to an endpoint that stays open leaves its slot only when the endpoint is removed or the client ends.
        self.endpoints.remove_slot(endpoint, slot, link.backoff());
        self.endpoints.release_host(host, self.now);
    }

    pub(super) fn revive(&mut self, slot: usize) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        if let Some(link) = entry.take_given_up() {
            entry.put_link(link.revived());
        }
    }

    pub(super) fn check_links(&self, reserved: usize) -> Result<(), CommandError> {
        let taken = self.slots.sums().links().saturating_add(reserved);
        if taken < self.config.links_max { Ok(()) } else { Err(CommandError::TooMany(Limit::Links)) }
    }

    /// Makes another link to an endpoint, in a free slot. Fails if `ClientConfig::links_max` would then have no room
    /// for a link to each other endpoint that has `Config::stay_open` and no link.
    pub(super) fn new_link(&mut self, endpoint: EndpointId) -> Result<usize, CommandError> {
        let waiting = self.endpoints.waiting();
        self.check_links(waiting.len().saturating_sub(usize::from(waiting.contains(&endpoint))))?;
        let entry = self.endpoints.get_mut(endpoint).ok_or(CommandError::UnknownEndpoint)?;
        let (host, config, experience) = (entry.host(), entry.config().clone(), entry.experience());
        let fresh = Backoff::new(config.backoff_base, config.backoff_cap, self.seeds.next());
        let backoff = entry.take_backoff().unwrap_or(fresh);
        let make = |last| {
            let protocol = Protocol::of(&config);
            let mut link = Link::new(last, config, backoff, protocol);
            link.learn(experience);
            link
        };
        let slot = self.slots.add(endpoint, host, self.config.links_max, make);
        let slot = slot.ok_or(CommandError::TooMany(Limit::Links))?;
        self.endpoints.add_slot(endpoint, slot);
        self.count_again(slot);
        Ok(slot)
    }

    fn add_standing_links(&mut self) {
        while let Some(endpoint) = self.endpoints.waiting().first().copied() {
            if self.new_link(endpoint).is_err() {
                return;
            }
        }
    }

    /// Returns whether the link has no streams, and is not the link that an endpoint with `Config::stay_open` keeps
    /// open.
    fn is_unwanted(&self, slot: usize) -> bool {
        let Some(entry) = self.slots.get(slot) else { return false };
        let Some(link) = entry.link() else { return false };
        if !link.feed().subscriptions().is_empty() {
            return false;
        }
        let endpoint = self.endpoints.get(entry.endpoint());
        let is_first = || endpoint.is_some_and(|endpoint| endpoint.slots().first() == Some(&slot));
        !(link.config().stays_open() && is_first())
    }

    fn open_or_close(&mut self, slot: usize) {
        let is_unwanted = self.is_unwanted(slot);
        let Some(link) = self.slots.link(slot) else { return };
        match link.state() {
            // The link was never dialled, or has stopped for good: there is nothing to keep.
            State::Idle | State::Closed if is_unwanted => self.forget(slot),
            State::Idle => {
                // In the state `Idle`, `open` cannot fail.
                self.with_link(slot, |link, cx| link.open(cx).ok());
            }
            State::Closing | State::Closed => {}
            // The link stays open until the application's requests over it have their replies.
            _ if is_unwanted && !link.feed().outbox().awaits_replies() => {
                self.with_link(slot, |link, cx| {
                    if link.note_unneeded(cx.now()) {
                        link.close(cx);
                    } else {
                        cx.leave_untouched();
                    }
                });
                self.count_again(slot);
            }
            _ => {
                if self.slots.get_mut(slot).and_then(Slot::link_mut).is_some_and(Link::note_needed) {
                    self.count_again(slot);
                }
            }
        }
    }

    /// Closes the link of a slot if the link is not open. During a shutdown, only open links have something to
    /// finish.
    pub(super) fn close_unless_open(&mut self, slot: usize) {
        let state = self.slots.link(slot).map(Link::state);
        if matches!(state, Some(State::Idle | State::Connecting | State::Backoff)) {
            self.with_link(slot, Link::close);
        }
    }

    fn finish_if_given_up(&mut self) {
        if !self.endpoints.are_all_linked() || !self.slots.sums().are_all_given_up() {
            return;
        }
        let last = self.slots.iter().rev().find_map(Slot::given_up);
        if let Some(reason) = last {
            self.finish(reason);
        }
    }

    /// Reports the end of the client, after which no event follows.
    pub(super) fn finish(&mut self, mut reason: CloseReason) {
        for slot in 0..self.slots.count() {
            self.forget(slot);
        }
        let left = self.placed.left();
        if let ClientState::ShuttingDown(shutdown) = self.state
            && shutdown.cancels_orders()
            && left > 0
        {
            self.abandoned.sessions = left;
            reason = CloseReason::RequestedIncomplete;
        }
        self.state = ClientState::Closed(reason);
        let event = Event::Closed { reason, abandoned: self.abandoned };
        self.outputs.push(Output::Event(event));
    }
}
