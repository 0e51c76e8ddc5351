//! The steps of a subscription: wishes, the table of streams, and the effects that stand there.

use core::time::Duration;

use crate::connection::{Batch, Connection};
use crate::error::CommandError;
use crate::event::Event;
use crate::link::lifecycle::{Cell, Input, State, StreamEffect, StreamInput, StreamState, stream_step};
use crate::link::output::Output;
use crate::link::subscriptions::Subscription;
use crate::link::timer::Timer;
use crate::request::stream::Stream;
use crate::value::id::StreamId;
use crate::value::sequence::Position;

impl Connection {
    /// Moves a subscription on. Returns whether it was refused, which the caller reports, as only it
    /// knows the venue's words.
    pub(crate) fn stream_step(&mut self, id: StreamId, input: StreamInput) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return false };
        let (next, effects) = match stream_step(subscription.state, input) {
            Cell::Go(next, effects) => (next, effects),
            Cell::Stay(effects) => (subscription.state, effects),
            Cell::Ignore | Cell::Refuse(_) => return false,
        };
        let is_new = subscription.state != next;
        subscription.state = next;
        subscription.due = None;
        if next != StreamState::Synced && !mutant!(KeepTheBook) {
            subscription.position = Position::default();
        }
        let was_unanswered = subscription.unanswered;
        subscription.unanswered &= next == StreamState::Requested;
        if next == StreamState::Wanted {
            subscription.resyncing = false;
        }
        // Asked for once more, the request before still counts: the venue may have it.
        if is_new && matches!(next, StreamState::Wanted | StreamState::Requested) {
            subscription.confirmed = false;
            subscription.request = 0;
        }
        if matches!(next, StreamState::Active | StreamState::Synced) {
            if input != StreamInput::Unanswered {
                subscription.heard = self.now;
            }
            subscription.due = if subscription.awaits_snapshot() {
                Some(self.now + self.config.snapshot_timeout)
            } else {
                subscription.silence_max.map(|silence| subscription.heard + silence)
            };
        }
        let (due, link) = (subscription.due, self.link);
        let (stream, symbol, since) = (subscription.stream, subscription.stream.symbol(), subscription.heard);
        let mut rejected = false;
        for effect in effects {
            match effect {
                StreamEffect::Join if mutant!(AskTwice) => {
                    self.enqueue(id, true);
                    self.enqueue(id, true);
                }
                StreamEffect::Join => self.enqueue(id, true),
                StreamEffect::Leave if mutant!(NeverLeave) => {}
                StreamEffect::Leave => self.enqueue(id, false),
                StreamEffect::Delay => self.delay(id),
                StreamEffect::ReportQuiet => {
                    self.of_each_wish(id, |id| Event::Silent { link, id, stream, since });
                }
                StreamEffect::ReportSubscribed => {
                    if let Some(subscription) = self.subscriptions.get_mut(id) {
                        subscription.confirmed = true;
                    }
                    if !matches!(stream, Stream::Depth { .. }) {
                        self.forgive(id);
                    }
                    self.of_each_wish(id, |id| Event::Subscribed { link, id, stream });
                }
                StreamEffect::ReportSynced => {
                    self.forgive(id);
                    if let Some(symbol) = symbol {
                        self.of_each_wish(id, |id| Event::Synced { link, id, symbol });
                    }
                }
                StreamEffect::ReportUnsubscribed if mutant!(LeaveInSilence) => {}
                StreamEffect::ReportUnsubscribed => {
                    self.of_each_wish(id, |id| Event::Unsubscribed { link, id, stream, last: true });
                }
                StreamEffect::ReportRejected => rejected = true,
            }
        }
        if let Some(due) = due {
            self.timers.arm_by(Timer::Resync, due);
        }
        if input == StreamInput::Snapshot && was_unanswered {
            // No other answer will come.
            self.stream_step(id, StreamInput::Unanswered);
        }
        if next == StreamState::Gone {
            self.subscriptions.remove(id);
            // One that was wanted meanwhile has waited for this.
            let waiting = self.subscriptions.alike(&stream);
            let waiting = waiting.filter(|it| it.state == StreamState::Wanted);
            if let Some(successor) = waiting.map(|it| it.id)
                && !self.subscriptions.is_leaving(&stream)
                && matches!(self.state, State::Subscribing | State::Live)
            {
                self.stream_step(successor, StreamInput::LinkUp);
            }
        }
        rejected
    }

    fn of_each_wish(&mut self, id: StreamId, event: impl Fn(StreamId) -> Event<'static>) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        for wish in &subscription.wishes {
            self.shared.outputs.push(Output::Event(event(*wish)));
        }
    }

    /// The wish was fulfilled: past failures do not count any more.
    fn forgive(&mut self, id: StreamId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.attempts = 0;
        }
    }

    /// Adds a wish for a stream, and asks for the stream if nobody has.
    pub(crate) fn wish(
        &mut self,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        let send = self.allow(Input::Subscribe)?;
        if !self.config.has(&stream) {
            return Err(CommandError::WrongEndpoint);
        }
        let (generation, link, now) = (self.shared.next_generation, self.link.slot, self.now);
        let make = |place| StreamId::new(generation, link, place);
        let subscription = self.subscriptions.wish(stream, self.config.streams_max, make)?;
        self.shared.next_generation = generation.wrapping_add(1);
        let wish = subscription.wishes.last().copied().unwrap_or(subscription.id);
        let is_first = wish == subscription.id;
        if let Some(silence) = silence_max {
            subscription.silence_max = Some(subscription.silence_max.map_or(silence, |it| it.min(silence)));
            if matches!(subscription.state, StreamState::Active | StreamState::Synced)
                && !subscription.awaits_snapshot()
            {
                let due = now + silence;
                subscription.due = Some(subscription.due.map_or(due, |armed| armed.min(due)));
                self.timers.arm_by(Timer::Resync, due);
            }
        }
        let (confirmed, synced) = (subscription.confirmed, subscription.state == StreamState::Synced);
        if confirmed && !is_first && !mutant!(TellTheFirstWishOnly) {
            self.report(Event::Subscribed { link: self.link, id: wish, stream });
        }
        if let Some(symbol) = stream.symbol().filter(|_| synced) {
            self.report(Event::Synced { link: self.link, id: wish, symbol });
        }
        // After an end that is not confirmed yet it waits, lest frames of the old be taken for its own.
        if is_first && send && !self.subscriptions.is_leaving(&stream) {
            self.stream_step(wish, StreamInput::LinkUp);
            self.settle();
        }
        Ok(wish)
    }

    /// Ends a wish, and sends what follows from it.
    pub(crate) fn end_one_wish(&mut self, wish: StreamId) -> Result<(), CommandError> {
        self.end_wish(wish)?;
        self.settle();
        Ok(())
    }

    /// Ends a wish; the last one for a stream ends that. To be [settled](Connection::settle).
    pub(crate) fn end_wish(&mut self, wish: StreamId) -> Result<(), CommandError> {
        let subscription = self.subscriptions.wished(wish).ok_or(CommandError::UnknownStream)?;
        if subscription.state == StreamState::Leaving {
            return Err(CommandError::UnknownStream);
        }
        let (id, stream) = (subscription.id, subscription.stream);
        if subscription.wishes.len() > 1 && !mutant!(EndAllWishes) {
            subscription.wishes.retain(|other| *other != wish);
            self.report(Event::Unsubscribed { link: self.link, id: wish, stream, last: false });
            return Ok(());
        }
        if !mutant!(DeliverToTheEnd) {
            self.subscriptions.unroute(id);
        }
        self.stream_step(id, StreamInput::Unsubscribe);
        Ok(())
    }

    fn delay(&mut self, id: StreamId) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.attempts = subscription.attempts.saturating_add(1);
        if subscription.state == StreamState::Requested {
            subscription.unanswered = true;
            let due = self.now + self.config.resubscribe_delay;
            subscription.due = Some(due);
            self.timers.arm_by(Timer::Resync, due);
        }
    }

    /// Moves on all streams of a batch for which this was the newest request.
    pub(crate) fn each_of(&mut self, batch: &Batch, request: u64, input: StreamInput) {
        for id in &batch.streams {
            let is_about = |subscription: &Subscription| {
                // One that is to be left, as soon as the limits allow, is left whatever this says.
                let is_newest = subscription.request == request || mutant!(BelieveOldAnswers);
                is_newest && !(batch.join && subscription.is_left())
            };
            if self.subscriptions.get(*id).is_some_and(is_about) {
                self.stream_step(*id, input);
            }
        }
    }

    /// The timer `Resync`: streams that were to be asked for again, snapshots that did not come, and
    /// streams that may have been silent for too long.
    pub(crate) fn ask_again(&mut self) {
        let now = self.now;
        for id in self.subscriptions.ids(|subscription| subscription.due.is_some_and(|due| due <= now)) {
            let Some(subscription) = self.subscriptions.get_mut(id) else { continue };
            let input = if subscription.unanswered || subscription.awaits_snapshot() {
                StreamInput::Overdue
            } else {
                // Frames only note when they came.
                let due = subscription.silence_max.map(|silence| subscription.heard + silence);
                if due.is_none_or(|due| due > now) && !mutant!(CryQuiet) {
                    subscription.due = due;
                    continue;
                }
                subscription.resyncing = subscription.is_book();
                StreamInput::Silence
            };
            self.stream_step(id, input);
        }
        let next = self.subscriptions.iter().filter_map(|subscription| subscription.due).min();
        self.timers.set(Timer::Resync, next);
        self.settle();
    }
}
