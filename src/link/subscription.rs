//! [`Subscription`]: one stream, those who subscribed to it, and where it stands.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::last_trade::LastTrade;
use crate::event::quote_ids::QuoteIds;
use crate::event::reason::Unserved;
use crate::link::lifecycle::{Cell, StreamEffect, StreamInput, StreamState, stream_step};
use crate::message::{QuoteUpdate, Trade};
use crate::request::stream::{Stream, Updates};
use crate::value::id::StreamId;
use crate::value::sequence::{DepthRole, GapRule, Position};
use crate::value::time::Instant;

/// A stream that stays silent is asked for again at most so many times as rarely as in the beginning, by doubling.
const SILENCES_MAX: u32 = 6;

/// How long to wait for a snapshot, and before a stream is asked for again: at first, and at most; and how long a book
/// has to live for its losses to be forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    pub(super) snapshot: Duration,
    pub(super) resubscribe: Duration,
    pub(super) resubscribe_cap: Duration,
    pub(super) stable: Duration,
}

/// Why a request for a stream came to nothing, and how many streams were in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    reason: Unserved,
    company: usize,
}

impl Failure {
    pub(crate) const fn new(reason: Unserved, company: usize) -> Failure {
        Failure { reason, company }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    id: StreamId,
    /// Each call of `subscribe` that has not ended; empty only while the end is not confirmed.
    subscribers: Vec<StreamId>,
    stream: Stream,
    state: StreamState,
    /// The newest request about it that was sent since it was wanted on this link; zero if there is none.
    /// Answers to older requests say nothing any more.
    request: u64,
    /// Whether its newest subscription was confirmed.
    confirmed: bool,
    /// How often in a row it was not served, and the last reason.
    attempts: u32,
    failure: Failure,
    /// Whether its newest request came to nothing for now. Another will follow.
    unanswered: bool,
    /// Whether the venue was asked for it before on this link, also by an earlier subscription: frames of then
    /// may still come.
    asked_before: bool,
    /// Whether its snapshot came and could not be decoded: what follows is no book.
    is_spoilt: bool,
    /// When to ask again, when its snapshot is overdue (active), or when it may have been silent for too long.
    due: Option<Instant>,
    /// How long it may be silent, if that was declared.
    silence_max: Option<Duration>,
    /// How often in a row it was silent for that long.
    silences: u32,
    /// When its last frame came.
    heard: Instant,
    /// The position in its updates, for books.
    position: Position,
    /// Whether its next snapshot repairs something.
    resyncing: bool,
    /// When its last snapshot came, and how often in a row the book was lost before it had lived for long.
    synced: Instant,
    losses: u32,
    /// Whether the end of an earlier subscription to it was not confirmed on this link, so that changes of then may
    /// come until the present one is confirmed.
    is_haunted: bool,
    /// Its newest trade, over all links.
    last_trade: LastTrade,
    /// The updates of quotes that were delivered, over all links.
    quote_ids: QuoteIds,
    /// Whether a report came since it was asked for.
    is_begun: bool,
}

/// What a step of a subscription leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effects {
    /// The effects of the cell, in order. The subscription has performed those on itself.
    pub(super) list: &'static [StreamEffect],
    /// The silence began here, for `ReportQuiet`.
    pub(super) heard: Instant,
    /// The input to take next: the snapshot came, and no other answer will.
    pub(super) then: Option<StreamInput>,
}

/// What a set of subscriptions counts of each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Traits {
    pub(super) is_wanted: bool,
    /// Whether it is neither confirmed nor rejected nor reported as not served.
    pub(super) is_pending: bool,
    /// Whether it is wanted, and is pending or was reported as not served.
    pub(super) is_unserved: bool,
    /// Whether it is a book that was asked for and whose time for the snapshot is not over.
    pub(super) is_awaited: bool,
    /// Whether its end is on its way to the venue.
    pub(super) is_leaving: bool,
    /// Whether the venue did not let it go, and is asked again later.
    pub(super) is_left_in_vain: bool,
    pub(super) is_public: bool,
    /// Whether a partial depth that names no symbol may be of it.
    pub(super) is_partial_depth: bool,
    pub(super) due: Option<Instant>,
}

// ---- what happens to it ----------------------------------------------------------------------

impl Subscription {
    pub(super) const fn new(id: StreamId, stream: Stream) -> Subscription {
        Subscription {
            id,
            subscribers: Vec::new(),
            stream,
            state: StreamState::Wanted,
            request: 0,
            confirmed: false,
            attempts: 0,
            failure: Failure::new(Unserved::Unanswered, 1),
            unanswered: false,
            asked_before: false,
            is_spoilt: false,
            due: None,
            silence_max: None,
            silences: 0,
            heard: Instant::ZERO,
            position: Position::awaiting(),
            resyncing: false,
            synced: Instant::ZERO,
            losses: 0,
            is_haunted: false,
            last_trade: LastTrade::NOTHING,
            quote_ids: QuoteIds::new(),
            is_begun: false,
        }
    }

    /// Moves it as the table says. Returns `None` if the input means nothing in its state.
    pub(super) fn step(&mut self, input: StreamInput, now: Instant, delays: &Delays) -> Option<Effects> {
        let (next, list) = match stream_step(self.state, input) {
            Cell::Go(next, effects) => (next, effects),
            Cell::Stay(effects) => (self.state, effects),
            Cell::Ignore | Cell::Refuse(_) => return None,
        };
        // The end that was requested before was not answered.
        let is_asked_again =
            input == StreamInput::Unsubscribe && self.state == StreamState::Resyncing && self.unanswered;
        let list = if is_asked_again { &[StreamEffect::Leave] } else { list };
        // No other answer will come.
        let is_confirmed_by_it = input == StreamInput::Snapshot && self.unanswered && !self.confirmed;
        self.enter(next, input, now, delays);
        let heard = self.heard;
        for effect in list {
            self.perform(*effect, now, delays);
        }
        let then = is_confirmed_by_it.then_some(StreamInput::Unanswered);
        Some(Effects { list, heard, then })
    }

    fn enter(&mut self, next: StreamState, input: StreamInput, now: Instant, delays: &Delays) {
        let is_new = self.state != next;
        self.state = next;
        self.due = None;
        if next != StreamState::Synced {
            self.position = Position::default();
        }
        self.unanswered &= !is_new;
        if next == StreamState::Wanted {
            (self.resyncing, self.asked_before, self.is_spoilt) = (false, false, false);
            (self.attempts, self.failure.company, self.losses) = (0, 1, 0);
            self.is_haunted = false;
        }
        // A second request in the same state leaves the first one valid: the venue may have it.
        if is_new && matches!(next, StreamState::Wanted | StreamState::Requested) {
            self.confirmed = false;
            self.request = 0;
            self.is_begun = false;
        }
        if matches!(next, StreamState::Active | StreamState::Synced) {
            if input != StreamInput::Unanswered {
                self.heard = now;
            }
            self.due = if self.awaits_snapshot() {
                Some(if self.is_spoilt { now } else { now + delays.snapshot })
            } else {
                self.silence_max.map(|silence| self.heard + silence)
            };
        }
    }

    /// Performs the part of an effect that concerns the subscription itself.
    fn perform(&mut self, effect: StreamEffect, now: Instant, delays: &Delays) {
        match effect {
            StreamEffect::Delay => {
                self.attempts = self.attempts.saturating_add(1);
                self.unanswered = true;
                self.due = Some(now + self.delay(delays));
            }
            StreamEffect::ReportSubscribed => {
                (self.confirmed, self.is_haunted) = (true, false);
                if !self.is_book() {
                    self.reset_attempts();
                }
            }
            StreamEffect::ReportSynced => {
                (self.synced, self.is_spoilt) = (now, false);
                self.reset_attempts();
            }
            StreamEffect::Join
            | StreamEffect::Leave
            | StreamEffect::ReportQuiet
            | StreamEffect::ReportUnserved
            | StreamEffect::ReportUnsubscribed
            | StreamEffect::ReportRejected => {}
        }
    }

    /// How long to wait before it is asked for again. In company it may not have been the cause: the next request has
    /// fewer streams. Those for an end do not.
    fn delay(&self, delays: &Delays) -> Duration {
        let is_split = self.failure.company > 1 && !self.is_left();
        let doublings = if is_split { 0 } else { self.attempts.saturating_sub(1).min(16) };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        delays.resubscribe.saturating_mul(factor).min(delays.resubscribe_cap.max(delays.resubscribe))
    }

    /// The input that its due time means now; `None` if it is to wait on, as a frame came meanwhile, or the
    /// snapshot of a book that was asked for no later than it.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        progress: Option<Instant>,
        delays: &Delays,
    ) -> Option<StreamInput> {
        if self.unanswered {
            return Some(StreamInput::Overdue);
        }
        if self.awaits_snapshot() {
            let due = progress.map(|progress| progress + delays.snapshot);
            if !self.is_spoilt && due.is_some_and(|due| due > now) {
                self.due = due;
                return None;
            }
            self.note_failure(Failure::new(Unserved::NoSnapshot, 1));
            return Some(StreamInput::Unanswered);
        }
        // Frames only note when they came. One that stays silent is asked for more and more rarely.
        let silence = self.silence_max?;
        let due = self.heard + silence.saturating_mul(1_u32.checked_shl(self.silences).unwrap_or(u32::MAX));
        if due > now {
            self.due = Some(due.min(now.max(self.heard) + silence));
            return None;
        }
        self.silences = self.silences.saturating_add(1).min(SILENCES_MAX);
        self.resyncing = self.is_book();
        Some(StreamInput::Silence)
    }

    /// Notes why the request for it comes to nothing, before it is moved.
    pub(super) const fn note_failure(&mut self, failure: Failure) {
        let reason = if self.is_spoilt { Unserved::Undecodable } else { failure.reason };
        self.failure = Failure { reason, ..failure };
    }

    /// Its snapshot came and could not be decoded. Returns whether it is to be asked for again because of that.
    pub(super) fn spoil(&mut self) -> bool {
        let is_awaited = !self.is_spoilt && self.awaits_book();
        self.is_spoilt |= is_awaited;
        is_awaited && self.awaits_snapshot() && !self.unanswered
    }

    pub(super) fn add_subscriber(&mut self, id: StreamId) {
        self.subscribers.push(id);
    }

    /// Removes one of several subscribers. The last one stays: it ends with the subscription.
    pub(super) fn remove_subscriber(&mut self, id: StreamId) -> bool {
        let is_one_of_several = self.subscribers.len() > 1;
        if is_one_of_several {
            self.subscribers.retain(|other| *other != id);
        }
        is_one_of_several
    }

    /// All were told that it has ended.
    pub(super) fn end_subscribers(&mut self) {
        self.subscribers.clear();
    }

    /// Declares how long it may be silent; the shortest declaration counts.
    pub(super) fn limit_silence(&mut self, silence: Duration, now: Instant) {
        self.silence_max = Some(self.silence_max.map_or(silence, |it| it.min(silence)));
        if matches!(self.state, StreamState::Active | StreamState::Synced) && !self.awaits_snapshot() {
            let due = now + silence;
            self.due = Some(self.due.map_or(due, |armed| armed.min(due)));
        }
    }

    /// Its book has lost an update. Returns what that is: the first loss is repaired at once; those of books that never
    /// live for long are repaired more and more rarely.
    pub(super) fn lose_update(&mut self, now: Instant, delays: &Delays) -> StreamInput {
        self.resyncing = true;
        if self.state != StreamState::Synced {
            return StreamInput::Gap;
        }
        if self.synced + delays.stable <= now {
            self.losses = 0;
        }
        self.attempts = self.losses.saturating_sub(1);
        self.losses = self.losses.saturating_add(1);
        if self.losses == 1 {
            return StreamInput::Gap;
        }
        self.failure = Failure::new(Unserved::Relapsed, 1);
        StreamInput::GapAgain
    }

    /// A request about it was sent. `asked_before` says whether the venue was asked for it before on this link, and
    /// `is_haunted` whether it was not seen to stop since then.
    pub(super) const fn note_request(&mut self, id: u64, asked_before: bool, is_haunted: bool) {
        self.request = id;
        self.unanswered = false;
        self.is_spoilt = false;
        self.asked_before = asked_before;
        self.is_haunted = is_haunted;
    }

    const fn reset_attempts(&mut self) {
        self.attempts = 0;
        self.failure.company = 1;
    }
}

// ---- what its frames change; nothing that a set counts ------------------------------------------

impl Subscription {
    #[inline]
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.silences = 0;
    }

    /// Says what a depth frame with these ids is, and moves the position. Where a change may have a single id, one of an
    /// earlier subscription that may not have ended looks like a snapshot.
    #[inline]
    pub(super) const fn advance(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
        if self.is_haunted && matches!(rule, GapRule::Lax) && self.position.last().is_none() {
            return DepthRole::BeforeSnapshot;
        }
        self.position.advance(first, last, rule)
    }

    /// Marks a trade that was delivered before, and notes it.
    #[inline]
    pub(super) const fn deliver_trade<'f>(&mut self, trade: Trade<'f>) -> Trade<'f> {
        self.last_trade.tell(trade)
    }

    /// Marks an update of a quote that was delivered before, and notes it.
    pub(super) fn deliver_quote<'f>(&mut self, update: QuoteUpdate<'f>) -> QuoteUpdate<'f> {
        self.quote_ids.deliver(update)
    }

    /// Whether the report that has come lists all balances or positions: those that come each second do, and the
    /// first report of balances.
    pub(super) const fn takes_all(&mut self) -> bool {
        let is_first = !core::mem::replace(&mut self.is_begun, true);
        match self.stream {
            Stream::Balances { updates } => is_first || matches!(updates, Updates::EachSecond),
            Stream::Positions { updates } => matches!(updates, Updates::EachSecond),
            _ => false,
        }
    }

    pub(crate) const fn last_trade(&mut self) -> &mut LastTrade {
        &mut self.last_trade
    }

    /// Whether the snapshot that has come repairs something.
    pub(crate) const fn end_resync(&mut self) -> bool {
        core::mem::replace(&mut self.resyncing, false)
    }
}

// ---- questions ---------------------------------------------------------------------------------

impl Subscription {
    /// The id by which its link knows it: that of its first subscriber.
    pub(crate) const fn id(&self) -> StreamId {
        self.id
    }

    pub(crate) const fn stream(&self) -> Stream {
        self.stream
    }

    pub(crate) const fn state(&self) -> StreamState {
        self.state
    }

    /// The id by which the application knows it: that of its oldest subscriber.
    #[inline]
    pub(crate) fn public_id(&self) -> StreamId {
        self.subscribers.first().copied().unwrap_or(self.id)
    }

    pub(crate) fn subscribers(&self) -> &[StreamId] {
        &self.subscribers
    }

    pub(crate) const fn request(&self) -> u64 {
        self.request
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Whether frames of an earlier subscription may still come.
    pub(super) const fn was_asked_before(&self) -> bool {
        self.asked_before
    }

    /// Whether the first frame that comes for it is its book: none was lost, and none of an earlier subscription may
    /// still come.
    pub(crate) const fn takes_first_for_book(&self) -> bool {
        self.is_listening() && !self.was_asked_before()
    }

    /// Whether the request for its end came to nothing for now.
    pub(super) const fn is_left_in_vain(&self) -> bool {
        matches!(self.state, StreamState::Leaving) && self.unanswered
    }

    /// Whether its book was asked for and has not come.
    pub(crate) const fn awaits_book(&self) -> bool {
        self.is_book() && (self.is_asked_for() || self.awaits_snapshot())
    }

    /// Why it was not served, how often in a row, and when it is asked for again.
    pub(super) fn trouble(&self, now: Instant) -> (Unserved, u32, Instant) {
        (self.failure.reason, self.attempts, self.due.unwrap_or(now))
    }

    /// How many streams may be in its next request.
    pub(super) fn batch_max(&self) -> usize {
        let was_accepted =
            matches!(self.failure.reason, Unserved::NoSnapshot | Unserved::Undecodable | Unserved::Relapsed);
        if self.attempts == 0 || was_accepted { usize::MAX } else { (self.failure.company / 2).max(1) }
    }

    /// Whether its next depth frame may be its snapshot, or a change of its book.
    pub(crate) const fn is_listening(&self) -> bool {
        match self.state {
            StreamState::Active | StreamState::Synced => !self.is_spoilt,
            // Nobody has asked while the request waits to be sent.
            StreamState::Requested => self.is_asked_for() && !self.is_spoilt,
            // What comes before the confirmation of having left belongs to the old subscription.
            StreamState::Wanted | StreamState::Resyncing | StreamState::Leaving | StreamState::Gone => false,
        }
    }

    /// The last update id of a book; zero where there is none.
    pub(super) fn last_update_id(&self) -> u64 {
        self.position.last().unwrap_or(0)
    }

    pub(crate) const fn is_book(&self) -> bool {
        matches!(self.stream, Stream::Depth { .. })
    }

    /// Whether the request for it was sent, and not answered yet.
    pub(crate) const fn is_asked_for(&self) -> bool {
        matches!(self.state, StreamState::Requested) && self.request != 0
    }

    /// Whether it is to be left, or the link waits for the confirmation of that.
    pub(super) const fn is_left(&self) -> bool {
        matches!(self.state, StreamState::Leaving | StreamState::Resyncing)
    }

    /// Whether it is a book that waits for its snapshot.
    pub(super) const fn awaits_snapshot(&self) -> bool {
        self.is_book() && matches!(self.state, StreamState::Active)
    }

    pub(super) const fn traits(&self) -> Traits {
        let is_unconfirmed = matches!(self.state, StreamState::Wanted | StreamState::Requested);
        let is_wanted = !matches!(self.state, StreamState::Leaving | StreamState::Gone);
        Traits {
            is_wanted,
            is_pending: is_unconfirmed && self.attempts == 0,
            is_unserved: is_wanted && (is_unconfirmed || self.attempts > 0),
            is_awaited: self.awaits_book() && !self.unanswered,
            is_leaving: matches!(self.state, StreamState::Leaving) && !self.unanswered,
            is_left_in_vain: self.is_left_in_vain(),
            is_public: !self.stream.is_private(),
            is_partial_depth: matches!(self.stream, Stream::PartialDepth { .. })
                && !matches!(self.state, StreamState::Gone),
            due: self.due,
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_subscription.rs"]
mod tests;
