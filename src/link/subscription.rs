//! [`Subscription`]: one stream with its subscribers and its state.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::last_trade::{DeliveredTrades, LastTrade};
use crate::event::quote_ids::QuoteIds;
use crate::event::reason::Unserved;
use crate::link::failure::{Delays, Failure};
use crate::link::lifecycle::{Cell, StreamEffect, StreamInput, StreamState, stream_step};
use crate::message::{QuoteUpdate, Trade};
use crate::request::stream::{Stream, Updates};
use crate::value::id::StreamId;
use crate::value::sequence::{DepthRole, GapRule, Position};
use crate::value::time::Instant;

/// The maximum number of times that the limit on a stream's silence doubles.
const SILENCES_MAX: u32 = 6;

#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Subscription {
    // `handle_frame` uses these fields for each frame, so they share a cache line.
    id: StreamId,
    /// The id that the application sees: that of the oldest subscriber that has not unsubscribed.
    public_id: StreamId,
    /// When the last frame of the stream or its confirmation came, whichever was later.
    heard: Instant,
    position: Position,
    silences: u32,
    state: StreamState,
    /// Whether, in the state `Wanted`, frames of another stream may come that look like frames of this one.
    is_after_another: bool,
    /// Whether the snapshot of the book may have come in a frame that could not be decoded. If so, no other snapshot
    /// comes until the client has unsubscribed.
    is_spoilt: bool,
    /// Whether frames of an earlier subscription to the stream may still come. Such frames contain only changes. For
    /// a book, no such frame is expected after the venue has confirmed the present subscription.
    is_haunted: bool,
    /// The subscribers, one for each call of `subscribe`. The last one stays until the subscription is removed.
    subscribers: Vec<StreamId>,
    stream: Stream,
    /// The id of the newest request about the stream that was sent on this connection; zero if there is none. Replies
    /// to older requests change nothing, except as [`decide_by`](Subscription::decide_by) says.
    request: u64,
    /// The oldest request that the newest one repeats; equal to `request` if that one repeats none.
    first_request: u64,
    /// Whether the newest `subscribe` counts as confirmed: the venue has accepted it, or the snapshot came although
    /// the request got no reply in time or was refused for now.
    confirmed: bool,
    attempts: u32,
    failure: Failure,
    /// Whether the newest request about the stream has failed, and the client has not sent the next one yet.
    unanswered: bool,
    /// Whether the data of the stream was requested before on this connection, so that frames of an earlier
    /// `subscribe` may still come. Always false for streams other than books, balances and positions.
    asked_before: bool,
    /// When to send the next request, to report that the snapshot is overdue, or to check for a silence of the
    /// stream.
    due: Option<Instant>,
    silence_max: Option<Duration>,
    /// Whether the next snapshot of the book ends a resync, and so counts in `Stats::resyncs`.
    resyncing: bool,
    synced: Instant,
    /// How many updates the book lost in a row. Each loss came less than `Delays::stable` after the snapshot that
    /// repaired the loss before it.
    losses: u32,
    trades: DeliveredTrades,
    quote_ids: QuoteIds,
    /// For an account stream: whether data of the stream may have come since the client requested the stream.
    is_begun: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Effects {
    /// The effects of the cell of `STREAM`, in order. `Subscription::step` has already changed the fields of the
    /// subscription; the caller performs the rest of each effect.
    pub(super) list: &'static [StreamEffect],
    /// For `ReportQuiet`: when the silence began.
    pub(super) heard: Instant,
    /// The input of a second step, which confirms the stream if its snapshot came after the request had failed.
    pub(super) then: Option<StreamInput>,
}

/// The properties of a subscription that `Subscriptions` adds up in its `Sums`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Traits {
    pub(super) is_wanted: bool,
    /// Whether the stream is neither confirmed nor rejected, and was not reported as unserved.
    pub(super) is_pending: bool,
    /// Whether the stream has subscribers, and is either unconfirmed or has failed since it last worked.
    pub(super) is_unserved: bool,
    /// Whether the client waits for the snapshot of a book, and the newest request for the book has not failed.
    pub(super) is_awaited: bool,
    pub(super) is_leaving: bool,
    pub(super) is_public: bool,
    /// For any stream but a book: whether the client delivers frames to the subscription.
    pub(super) takes_frames: bool,
    pub(super) due: Option<Instant>,
}

// ---- inputs --------------------------------------------------------------------------------------

impl Subscription {
    pub(super) const fn new(id: StreamId, stream: Stream) -> Subscription {
        Subscription {
            id,
            public_id: id,
            subscribers: Vec::new(),
            stream,
            state: StreamState::Wanted,
            is_after_another: false,
            request: 0,
            first_request: 0,
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
            trades: DeliveredTrades::NOTHING,
            quote_ids: QuoteIds::new(),
            is_begun: false,
        }
    }

    pub(super) fn step(&mut self, input: StreamInput, now: Instant, delays: &Delays) -> Option<Effects> {
        let (next, list) = match stream_step(self.state, input) {
            Cell::Go(next, effects) => (next, effects),
            Cell::Stay(effects) => (self.state, effects),
            Cell::Ignore | Cell::Refuse(_) => return None,
        };
        let was_left = self.is_left();
        // The next request to unsubscribe waits for a delay, so it is not in the `Outbox` yet.
        let waits_in_vain = self.state == StreamState::Resyncing && self.unanswered && self.due.is_some();
        let is_asked_again = input == StreamInput::Unsubscribe && waits_in_vain;
        let list: &[_] = match list {
            _ if is_asked_again => &[StreamEffect::ReportUnsubscribed, StreamEffect::Leave],
            // The snapshot has already confirmed the book, because no reply had come in time. This is the late reply.
            [StreamEffect::ReportSubscribed] if self.confirmed => &[],
            list => list,
        };
        // The request has failed, so no reply will confirm the stream.
        let is_confirmed_by_it = input == StreamInput::Snapshot && self.unanswered && !self.confirmed;
        self.enter(next, input, now, delays);
        let heard = self.heard;
        for effect in list {
            self.perform(*effect, was_left, now, delays);
        }
        let then = is_confirmed_by_it.then_some(StreamInput::Unanswered);
        Some(Effects { list, heard, then })
    }

    fn enter(&mut self, next: StreamState, input: StreamInput, now: Instant, delays: &Delays) {
        let is_new = self.state != next;
        self.resyncing |= is_new && self.state == StreamState::Synced;
        self.state = next;
        self.due = None;
        if next != StreamState::Synced {
            self.position = Position::default();
        }
        self.unanswered &= !is_new;
        if next == StreamState::Wanted {
            (self.resyncing, self.asked_before) = (false, false);
            (self.attempts, self.failure.company, self.losses) = (0, 1, 0);
            self.is_haunted = false;
        }
        // If the state is the same as before, the earlier request remains valid: the venue may have accepted it.
        if is_new && matches!(next, StreamState::Wanted | StreamState::Requested) {
            (self.confirmed, self.is_begun, self.is_spoilt) = (false, false, false);
            self.request = 0;
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

    /// `was_left` is the result of [`is_left`](Subscription::is_left) before the step.
    fn perform(&mut self, effect: StreamEffect, was_left: bool, now: Instant, delays: &Delays) {
        match effect {
            StreamEffect::Delay => {
                self.attempts = self.attempts.saturating_add(1);
                self.unanswered = true;
                self.due = Some(now + self.delay(was_left, delays));
            }
            StreamEffect::ReportSubscribed => {
                self.confirmed = true;
                // The confirmed request brings a snapshot, even if changes of an earlier one may still come.
                self.is_haunted &= !self.is_book();
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

    /// Returns the delay before the next request about the stream. After a failed `subscribe` for several streams
    /// this is always the first delay, because the next `subscribe` names fewer streams.
    fn delay(&self, was_left: bool, delays: &Delays) -> Duration {
        let is_split = self.failure.company > 1 && !was_left;
        delays.before(if is_split { 1 } else { self.attempts })
    }

    /// Returns the next input of a subscription whose deadline has passed; `None` if it has to wait longer.
    /// `progress` is the time of the newest snapshot for the newest request about the stream or for an earlier
    /// request.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        progress: Option<Instant>,
        delays: &Delays,
    ) -> Option<StreamInput> {
        if self.unanswered {
            // The venue may already send the stream. Then another `subscribe` without an `unsubscribe` may bring no
            // snapshot.
            let is_sent = self.is_spoilt && self.is_asked_for();
            return Some(if is_sent { StreamInput::Gap } else { StreamInput::Overdue });
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
        // Frames do not move this deadline: `hear` only notes when they come. The client requests a stream that stays
        // silent less and less often.
        let Some(silence) = self.silence_max else {
            self.due = None;
            return None;
        };
        let due = self.heard + silence.saturating_mul(1_u32.checked_shl(self.silences).unwrap_or(u32::MAX));
        if due > now {
            self.due = Some(due.min(now.max(self.heard) + silence));
            return None;
        }
        self.silences = self.silences.saturating_add(1).min(SILENCES_MAX);
        Some(StreamInput::Silence)
    }

    /// Call this before you pass the failure's input to `step`.
    pub(super) const fn note_failure(&mut self, failure: Failure) {
        let reason = if self.is_spoilt { Unserved::Undecodable } else { failure.reason };
        self.failure = Failure { reason, ..failure };
    }

    /// Records that the snapshot of a book may have come in a frame that could not be decoded. Returns whether the
    /// caller has to request the book again now.
    pub(super) fn spoil(&mut self) -> bool {
        let is_awaited = !self.is_spoilt && self.awaits_book();
        self.is_spoilt |= is_awaited;
        is_awaited && self.awaits_snapshot() && !self.unanswered
    }

    pub(super) fn add_subscriber(&mut self, id: StreamId) {
        self.subscribers.push(id);
        self.note_public_id();
    }

    /// Returns whether the subscriber was removed. The last subscriber stays until the subscription ends.
    pub(super) fn remove_subscriber(&mut self, id: StreamId) -> bool {
        let is_one_of_several = self.subscribers.len() > 1;
        if is_one_of_several {
            self.subscribers.retain(|other| *other != id);
            self.note_public_id();
        }
        is_one_of_several
    }

    fn note_public_id(&mut self) {
        self.public_id = self.subscribers.first().copied().unwrap_or(self.id);
    }

    pub(super) fn limit_silence(&mut self, silence: Duration, now: Instant) {
        self.silence_max = Some(self.silence_max.map_or(silence, |it| it.min(silence)));
        if matches!(self.state, StreamState::Active | StreamState::Synced) && !self.awaits_snapshot() {
            let due = now + silence;
            self.due = Some(self.due.map_or(due, |armed| armed.min(due)));
        }
    }

    /// Handles a lost update of the book, and returns the next input of the subscription. If this loss comes soon
    /// after the snapshot that repaired an earlier loss, the client waits before the next request: longer after each
    /// such loss.
    pub(super) fn lose_update(&mut self, now: Instant, delays: &Delays) -> StreamInput {
        if self.state != StreamState::Synced {
            return StreamInput::Gap;
        }
        let earlier = self.count_loss(now, delays);
        self.attempts = earlier.saturating_sub(1);
        if earlier == 0 {
            return StreamInput::Gap;
        }
        self.failure = Failure::new(Unserved::Relapsed, 1);
        StreamInput::GapAgain
    }

    /// Returns how many losses in a row came before this one.
    fn count_loss(&mut self, now: Instant, delays: &Delays) -> u32 {
        let earlier = if self.synced + delays.stable <= now { 0 } else { self.losses };
        self.losses = earlier.saturating_add(1);
        earlier
    }

    /// Handles a refusal that comes after data of the stream. The caller then passes `RefusedAfterData` to `step`. If
    /// the refused request named only this book, the refusal counts as a loss of the book.
    pub(super) fn refuse_served(&mut self, failure: Failure, now: Instant, delays: &Delays) {
        self.note_failure(failure);
        if self.state == StreamState::Synced && failure.company == 1 {
            self.attempts = self.count_loss(now, delays);
        }
    }

    pub(super) fn note_request(&mut self, id: u64, asked_before: bool, is_haunted: bool) {
        self.request = id;
        // After a failure, the client repeats its request.
        if !core::mem::take(&mut self.unanswered) {
            self.first_request = id;
        }
        if !matches!(self.state, StreamState::Active | StreamState::Synced) {
            // `due` was the time at which to send the request that has just been sent.
            self.due = None;
        }
        self.asked_before = asked_before;
        self.is_haunted = is_haunted;
    }

    /// Makes the late reply to a request valid if newer requests only repeat this request. Replies to these newer
    /// requests then change nothing. Without this method, a stream would stay unconfirmed for ever if replies took
    /// longer than the client waits before it repeats a request. A refusal stays invalid if data has come, because
    /// the venue has accepted one of the requests.
    pub(super) fn decide_by(&mut self, request: u64, is_subscribe: bool, is_accepted: bool) {
        let is_repeated =
            is_subscribe != self.is_left() && (self.first_request..self.request).contains(&request);
        if is_repeated && (is_accepted || !self.is_served()) {
            self.request = request;
        }
    }

    pub(super) const fn note_earlier_end(&mut self) {
        self.is_haunted = false;
    }

    pub(super) const fn note_another(&mut self, is_after_another: bool) {
        self.is_after_another = is_after_another;
    }

    /// Handles a refusal of the newest request, which named several streams. The stream has no request in flight
    /// until the client sends the half that names it. So a snapshot that comes before then also confirms the stream.
    pub(super) fn note_split(&mut self) {
        self.unanswered |= self.is_asked_for();
    }

    const fn reset_attempts(&mut self) {
        self.attempts = 0;
        self.failure.company = 1;
    }
}

// ---- effects of frames; these change nothing that `Subscriptions` counts -------------------------

impl Subscription {
    #[inline]
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.silences = 0;
    }

    /// The frame that came at `at` may belong to this partial depth or to another one.
    pub(super) fn hear_partial_depth(&mut self, at: Instant) {
        if matches!(self.stream, Stream::PartialDepth { .. }) && at > self.heard {
            self.hear(at);
        }
    }

    /// Classifies a depth frame by its update ids, and moves the position. With the lax rule, a change of an earlier
    /// subscription can look like a snapshot. So with this rule, no frame counts as the snapshot while such changes
    /// may come.
    #[inline]
    pub(super) const fn advance(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
        if self.is_haunted && matches!(rule, GapRule::Lax) && self.position.last().is_none() {
            return DepthRole::BeforeSnapshot;
        }
        self.position.advance(first, last, rule)
    }

    #[inline]
    pub(super) fn deliver_trade<'f>(&mut self, trade: Trade<'f>) -> Trade<'f> {
        self.trades.tell(trade)
    }

    pub(super) fn deliver_quote<'f>(&mut self, update: QuoteUpdate<'f>) -> QuoteUpdate<'f> {
        self.is_begun |= self.is_listening();
        self.quote_ids.deliver(update)
    }

    /// Returns whether the report that has just come lists all balances or all positions:
    ///
    /// - Every report of a stream with a report each second does.
    /// - The first report of every stream of balances does.
    /// - No report does while reports of an earlier subscription may still come.
    ///
    /// Call this once for each report, even for one that could not be decoded.
    pub(super) fn takes_all(&mut self) -> bool {
        if !self.is_listening() {
            return false;
        }
        let is_first = !core::mem::replace(&mut self.is_begun, true);
        if self.is_haunted {
            return false;
        }
        match self.stream {
            Stream::Balances { updates } => is_first || matches!(updates, Updates::EachSecond),
            Stream::Positions { updates } => matches!(updates, Updates::EachSecond),
            _ => false,
        }
    }

    pub(crate) const fn last_trade(&mut self) -> &mut LastTrade {
        self.trades.last()
    }

    pub(crate) const fn end_resync(&mut self) -> bool {
        core::mem::replace(&mut self.resyncing, false)
    }
}

// ---- questions ---------------------------------------------------------------------------------

impl Subscription {
    /// Returns the id that the link uses for the subscription: that of its first subscriber, even if this one has
    /// unsubscribed.
    pub(crate) const fn id(&self) -> StreamId {
        self.id
    }

    pub(crate) const fn stream(&self) -> Stream {
        self.stream
    }

    pub(crate) const fn state(&self) -> StreamState {
        self.state
    }

    #[inline]
    pub(crate) const fn public_id(&self) -> StreamId {
        self.public_id
    }

    pub(crate) fn subscribers(&self) -> &[StreamId] {
        &self.subscribers
    }

    pub(crate) const fn request(&self) -> u64 {
        self.request
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed && !self.is_left()
    }

    pub(super) const fn was_asked_before(&self) -> bool {
        self.asked_before
    }

    /// Returns whether the next frame of a book that waits for its snapshot is this snapshot, whatever the frame
    /// contains. This holds if no frame was lost, and no frame of an earlier `subscribe` can still come.
    pub(crate) const fn takes_first_for_book(&self) -> bool {
        self.is_listening() && !self.was_asked_before()
    }

    /// Returns whether the request to unsubscribe failed for now.
    pub(super) const fn is_left_in_vain(&self) -> bool {
        matches!(self.state, StreamState::Leaving) && self.unanswered
    }

    pub(crate) const fn awaits_book(&self) -> bool {
        self.is_book() && (self.is_asked_for() || self.awaits_snapshot())
    }

    /// Returns the reason of the last failure, the number of failures in a row, and when the client requests the
    /// stream again.
    pub(super) fn trouble(&self, now: Instant) -> (Unserved, u32, Instant) {
        (self.failure.reason, self.attempts, self.due.unwrap_or(now))
    }

    pub(super) fn batch_max(&self) -> usize {
        if self.attempts == 0 { usize::MAX } else { self.failure.batch_max() }
    }

    /// Returns whether the client uses the next frame of the stream. For a book, this frame may be the snapshot or a
    /// change.
    pub(crate) const fn is_listening(&self) -> bool {
        match self.state {
            StreamState::Active | StreamState::Synced => !self.is_spoilt,
            // While the request waits in the `Outbox`, no frame can belong to it.
            StreamState::Requested => self.is_asked_for() && !self.is_spoilt,
            // In these states, a frame can belong only to an earlier subscription.
            StreamState::Wanted | StreamState::Resyncing | StreamState::Leaving | StreamState::Gone => false,
        }
    }

    /// Returns whether the stream waits until the client has unsubscribed another stream. Until then, frames that
    /// look like frames of this stream belong to the other stream.
    pub(crate) const fn waits_for_another(&self) -> bool {
        matches!(self.state, StreamState::Wanted) && self.is_after_another
    }

    /// Returns whether a collection may count data of the stream as current although the venue may still refuse the
    /// stream. This is so if the snapshot of a book has come, or if data of an account stream has come before the
    /// reply.
    pub(super) const fn is_served(&self) -> bool {
        let is_begun = self.is_asked_for() && self.is_begun && self.stream.is_private();
        is_begun || matches!(self.state, StreamState::Synced)
    }

    pub(super) fn last_update_id(&self) -> u64 {
        self.position.last().unwrap_or(0)
    }

    pub(crate) const fn is_book(&self) -> bool {
        matches!(self.stream, Stream::Depth { .. })
    }

    /// Returns whether a `subscribe` for the stream was sent, and the venue has not confirmed it.
    pub(crate) const fn is_asked_for(&self) -> bool {
        matches!(self.state, StreamState::Requested) && self.request != 0
    }

    /// Returns whether the client is unsubscribing the stream, or waits before it does so.
    pub(super) const fn is_left(&self) -> bool {
        matches!(self.state, StreamState::Leaving | StreamState::Resyncing)
    }

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
            is_leaving: matches!(self.state, StreamState::Leaving),
            is_public: !self.stream.is_private(),
            takes_frames: is_wanted && !self.waits_for_another(),
            due: self.due,
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_subscription.rs"]
mod tests;
