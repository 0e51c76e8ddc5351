//! Which link serves what, which links there are to be, and how they all come to their end.

use core::time::Duration;

use crate::client::shutdown::{Shutdown, ShutdownPlan};
use crate::client::{Client, EndpointEntry, Phase, Slot};
use crate::connection::Connection;
use crate::error::{CommandError, Limit};
use crate::event::Event;
use crate::event::reason::CloseReason;
use crate::event::reason::ShutdownStep;
use crate::link::lifecycle::State;
use crate::link::output::Output;
use crate::request::stream::Stream;
use crate::value::id::{EndpointId, StreamId};

// ---- streams -------------------------------------------------------------------------------

impl Client {
    /// The endpoint that a stream is asked of, if the application does not say.
    pub(crate) fn endpoint_of(&self, stream: &Stream) -> Result<EndpointId, CommandError> {
        if let Some((slot, _)) = self.alike(stream).filter(|(_, it)| it == stream) {
            return Ok(slot.endpoint);
        }
        let first = |authenticated: bool| {
            let fits =
                |it: &&EndpointEntry| it.config.authenticated == authenticated && it.config.has(stream);
            self.endpoints.iter().find(fits).map(|it| it.id)
        };
        if stream.is_private() {
            let unsigned = first(false).map(|_| CommandError::NotAuthenticated);
            return first(true).ok_or(unsigned.unwrap_or(CommandError::WrongEndpoint));
        }
        first(false).or_else(|| first(true)).ok_or(CommandError::WrongEndpoint)
    }

    /// The link that takes frames which look like those of a stream, and the stream that they are of.
    fn alike(&self, stream: &Stream) -> Option<(&Slot, Stream)> {
        self.slots.iter().find_map(|slot| {
            let known = slot.connection.as_ref()?.subscriptions.alike(stream)?;
            Some((slot, known.stream))
        })
    }

    pub(crate) fn wish(
        &mut self,
        endpoint: EndpointId,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        let slot = match self.alike(&stream) {
            Some((slot, known)) if known == stream && slot.endpoint == endpoint => slot.last.slot(),
            // Their frames do not say which of them they are of.
            Some(_) => return Err(CommandError::Ambiguous),
            None => self.link_for(endpoint, &stream)?,
        };
        if self.slots.get(slot).is_some_and(|slot| slot.given_up.is_some()) {
            return Err(CommandError::GivenUp);
        }
        let ask = |connection: &mut Connection| connection.wish(stream, silence_max);
        let wish = self.with(slot, ask).unwrap_or(Err(CommandError::UnknownEndpoint));
        self.reconcile();
        wish
    }

    /// A link with room for one more stream.
    fn link_for(&mut self, endpoint: EndpointId, stream: &Stream) -> Result<usize, CommandError> {
        let entry =
            self.endpoints.iter().find(|it| it.id == endpoint).ok_or(CommandError::UnknownEndpoint)?;
        if !entry.config.has(stream) {
            return Err(CommandError::WrongEndpoint);
        }
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let streams = connections.map(|it| it.subscriptions.len()).fold(0, usize::saturating_add);
        if streams >= self.config.streams_max {
            return Err(CommandError::TooMany(Limit::Streams));
        }
        let places = self.slots_of(endpoint);
        let of = |slot: &&usize| self.slots.get(**slot).and_then(|slot| slot.connection.as_ref());
        let has_room = |slot: &&usize| {
            of(slot).is_some_and(|it| {
                !matches!(it.state(), State::Closing | State::Closed)
                    && it.subscriptions.len() < it.config.streams_max
            })
        };
        if let Some(slot) = places.iter().find(has_room) {
            return Ok(*slot);
        }
        if places.iter().any(|slot| of(&slot).is_some_and(|it| it.state() == State::Closed)) {
            return Err(CommandError::GivenUp);
        }
        self.new_link(endpoint)
    }

    /// Ends the wishes for all streams of a link that meet a condition.
    pub(crate) fn end_wishes(&mut self, slot: usize, which: impl Fn(&Stream) -> bool) {
        self.with(slot, |connection| {
            let streams = connection.streams().filter(|(_, stream, _)| which(stream));
            let wishes: alloc::vec::Vec<StreamId> = streams.map(|(id, ..)| id).collect();
            for wish in wishes {
                // One that is on its way out already stays so.
                let _ = connection.end_wish(wish);
            }
            connection.settle();
        });
    }
}

// ---- links ---------------------------------------------------------------------------------

impl Client {
    /// To be called when wishes or links have changed: there are to be the links that something wants, and no
    /// others.
    pub(crate) fn reconcile(&mut self) {
        match self.phase {
            Phase::Idle | Phase::Closed => {}
            Phase::Open => {
                self.add_standing_links();
                self.open_and_close();
                // Where one was closed, there is room for one that waited.
                if self.add_standing_links() {
                    self.open_and_close();
                }
                self.see_whether_all_were_given_up();
            }
            Phase::ShuttingDown(_) => self.advance_shutdown(),
        }
    }

    fn open_and_close(&mut self) {
        for slot in 0..self.slots.len() {
            self.open_or_close(slot);
        }
    }

    /// Endpoints that stay open have a link, whatever is wanted of them. Whether there is a new one.
    fn add_standing_links(&mut self) -> bool {
        let mut added = false;
        for position in 0..self.endpoints.len() {
            let Some(entry) = self.endpoints.get(position) else { break };
            if entry.config.stays_open() && self.slots_of(entry.id).is_empty() {
                // With too many links it waits until one ends.
                added |= self.new_link(entry.id).is_ok();
            }
        }
        added
    }

    /// Whether no stream wants the link, and its endpoint does not want to be open by itself.
    pub(crate) fn is_unwanted(&self, position: usize) -> bool {
        let Some(slot) = self.slots.get(position) else { return false };
        let Some(connection) = &slot.connection else { return false };
        if !connection.subscriptions.is_empty() || mutant!(KeepOpenForNobody) {
            return false;
        }
        let is_known = self.endpoints.iter().any(|it| it.id == slot.endpoint);
        let is_first = || {
            let of = |it: &Slot| it.endpoint == slot.endpoint && it.connection.is_some();
            self.slots.iter().position(of) == Some(position)
        };
        !(is_known && connection.config.stays_open() && is_first())
    }

    fn open_or_close(&mut self, position: usize) {
        let unwanted = self.is_unwanted(position);
        let now = self.now;
        let is_idle = |it: &mut Connection| it.state() == State::Idle;
        let idle = self.with(position, is_idle);
        match (idle, unwanted) {
            (Some(true), true) => self.forget(position),
            (Some(true), false) => {
                // No cell of `Idle` refuses.
                self.with(position, |connection| connection.open(now).ok());
            }
            (Some(false), unwanted) if unwanted || mutant!(CloseWhatIsWanted) => {
                self.close_unless_busy(position)
            }
            _ => {}
        }
    }

    /// A link that nobody wants is closed when the application's requests over it have been answered.
    fn close_unless_busy(&mut self, position: usize) {
        let closed = |it: &mut Connection| it.state() == State::Closed;
        if self.with(position, closed) == Some(true) {
            // Given up, and now without a wish: there is nothing to keep.
            self.forget(position);
        } else if self.with(position, |it| it.awaits_replies() && !mutant!(CloseWhatIsBusy)) == Some(false) {
            self.close_link(position);
        }
    }

    pub(crate) fn close_link(&mut self, position: usize) {
        let now = self.now;
        self.with(position, |connection| connection.close(now));
    }

    /// An endpoint that may be used or tried again keeps the client going, and so does a link that has not come
    /// to its end; otherwise this is that of all.
    fn see_whether_all_were_given_up(&mut self) {
        let mut links = self.slots.iter().filter(|slot| slot.connection.is_some());
        let given_up = |it: &EndpointEntry| links.clone().any(|slot| slot.endpoint == it.id);
        if self.endpoints.is_empty() || !self.endpoints.iter().all(given_up) {
            return;
        }
        if links.clone().all(|slot| slot.given_up.is_some())
            && let Some(reason) = links.next_back().and_then(|slot| slot.given_up)
        {
            self.report_closed(reason);
        }
    }

    fn report_closed(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        for position in 0..self.slots.len() {
            self.forget(position);
        }
        let event = Event::Closed { reason, abandoned: self.abandoned };
        self.shared.outputs.push(Output::Event(event));
    }
}

// ---- the end -------------------------------------------------------------------------------

impl Client {
    /// The longest time that a link takes for its closing handshake.
    pub(crate) fn close_timeout(&self) -> Duration {
        if let Phase::ShuttingDown(shutdown) = &self.phase {
            return shutdown.close_timeout;
        }
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.map(|it| it.config.close_timeout).max().unwrap_or_default()
    }

    pub(crate) fn begin_shutdown(&mut self, plan: ShutdownPlan, at_once: bool) {
        let (now, timeout) = (self.now, self.close_timeout());
        let step = match &mut self.phase {
            Phase::Closed => return,
            Phase::Idle | Phase::Open => {
                self.phase = Phase::ShuttingDown(if at_once {
                    Shutdown::closing(plan, timeout)
                } else {
                    Shutdown::new(plan, now, timeout)
                });
                for slot in self.slots.iter_mut().filter_map(|slot| slot.connection.as_mut()) {
                    slot.is_last = true;
                }
                if at_once { None } else { Some(ShutdownStep::CommandsStopped) }
            }
            Phase::ShuttingDown(shutdown) => {
                shutdown.bring_forward(plan.deadline(), now);
                let cut_short = at_once && shutdown.step != ShutdownStep::ClosingLinks;
                if cut_short {
                    shutdown.step = ShutdownStep::ClosingLinks;
                }
                cut_short.then_some(ShutdownStep::ClosingLinks)
            }
        };
        if let Some(step) = step {
            self.shared.outputs.push(Output::Event(Event::ShuttingDown { step }));
        }
        self.begin_closing();
        self.reconcile();
    }

    /// In the last step: each link is closed by the deadline, whatever it was told before.
    fn begin_closing(&mut self) {
        let Phase::ShuttingDown(shutdown) = self.phase else { return };
        if shutdown.step == ShutdownStep::ClosingLinks {
            let now = self.now;
            for position in 0..self.slots.len() {
                self.with(position, |connection| {
                    if mutant!(CloseAtLeisure) {
                        return connection.close(now);
                    }
                    connection.close_by(now, shutdown.plan.deadline());
                });
            }
        }
    }

    /// Goes on to the next step when the present one is done, or its time is over.
    fn advance_shutdown(&mut self) {
        let now = self.now;
        // Those that are not open have nothing to end in an orderly way.
        for position in 0..self.slots.len() {
            self.with(position, |connection| {
                if !matches!(connection.state(), State::Subscribing | State::Live | State::Closing) {
                    connection.close(now);
                }
            });
        }
        while let Phase::ShuttingDown(shutdown) = self.phase {
            if shutdown.step == ShutdownStep::ClosingLinks {
                return self.see_whether_all_are_closed(shutdown);
            }
            if !self.is_step_done(shutdown.step) && (!shutdown.is_overdue || mutant!(WaitForEachStep)) {
                return;
            }
            let step = if mutant!(SkipTheSteps) {
                ShutdownStep::ClosingLinks
            } else {
                shutdown.plan.after(shutdown.step)
            };
            self.phase = Phase::ShuttingDown(Shutdown { step, ..shutdown });
            self.shared.outputs.push(Output::Event(Event::ShuttingDown { step }));
            for position in 0..self.slots.len() {
                match step {
                    ShutdownStep::CommandsStopped | ShutdownStep::ClosingLinks => {}
                    ShutdownStep::CancellingOrders => {
                        self.with(position, |connection| connection.cancel_session_orders(now));
                    }
                    ShutdownStep::Unsubscribing => {
                        self.end_wishes(position, |stream| !stream.is_private());
                    }
                }
            }
            self.begin_closing();
        }
    }

    fn is_step_done(&self, step: ShutdownStep) -> bool {
        let mut connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        match step {
            ShutdownStep::CommandsStopped | ShutdownStep::CancellingOrders => {
                !connections.any(Connection::awaits_replies)
            }
            ShutdownStep::Unsubscribing => {
                !connections.any(|it| it.streams().any(|(_, stream, _)| !stream.is_private()))
            }
            ShutdownStep::ClosingLinks => false,
        }
    }

    fn see_whether_all_are_closed(&mut self, shutdown: Shutdown) {
        let open = |slot: &Slot| slot.connection.as_ref().is_some_and(|it| it.state() != State::Closed);
        let count = if mutant!(AwaitOneLinkOnly) { 1 } else { self.slots.len() };
        if !self.slots.iter().take(count).any(open) {
            let reason =
                if shutdown.is_unclean { CloseReason::RequestedUnclean } else { CloseReason::Requested };
            self.report_closed(reason);
        }
    }
}
