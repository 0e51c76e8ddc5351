//! [`Subscription`]: one stream, those who subscribed to it, and where it stands.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::last_trade::LastTrade;
use crate::event::quote_ids::QuoteIds;
use crate::link::lifecycle::{Cell, StreamEffect, StreamInput, StreamState, stream_step};
use crate::message::{QuoteUpdate, Trade};
use crate::request::stream::{Stream, Updates};
use crate::value::id::StreamId;
use crate::value::sequence::{DepthRole, GapRule, Position};
use crate::value::time::Instant;

/// How often in a row a stream may go unanswered before its link is given up.
const ATTEMPTS_MAX: u8 = 3;

/// How long to wait for a snapshot, and before a stream is asked for again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    pub(super) snapshot: Duration,
    pub(super) resubscribe: Duration,
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
    /// How often in a row it went unanswered.
    attempts: u8,
    /// Whether its newest request went unanswered, or was refused for now. Another will follow.
    unanswered: bool,
    /// When to ask again (requested), when its snapshot is overdue (active), or when it may have been silent
    /// for too long.
    due: Option<Instant>,
    /// How long it may be silent, if that was declared.
    silence_max: Option<Duration>,
    /// When its last frame came.
    heard: Instant,
    /// The position in its updates, for books.
    position: Position,
    /// Whether its next snapshot repairs something.
    resyncing: bool,
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
    /// Whether it is neither confirmed nor rejected yet.
    pub(super) is_pending: bool,
    /// Whether it went unanswered so often that the link is of no use.
    pub(super) is_hopeless: bool,
    pub(super) is_leaving: bool,
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
            unanswered: false,
            due: None,
            silence_max: None,
            heard: Instant::ZERO,
            position: Position::awaiting(),
            resyncing: false,
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
        let was_unanswered = self.unanswered;
        self.enter(next, input, now, delays);
        let heard = self.heard;
        for effect in list {
            self.perform(*effect, now, delays);
        }
        let then = (input == StreamInput::Snapshot && was_unanswered).then_some(StreamInput::Unanswered);
        Some(Effects { list, heard, then })
    }

    fn enter(&mut self, next: StreamState, input: StreamInput, now: Instant, delays: &Delays) {
        let is_new = self.state != next;
        self.state = next;
        self.due = None;
        if next != StreamState::Synced {
            self.position = Position::default();
        }
        self.unanswered &= next == StreamState::Requested;
        if next == StreamState::Wanted {
            self.resyncing = false;
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
                Some(now + delays.snapshot)
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
                if self.state == StreamState::Requested {
                    self.unanswered = true;
                    self.due = Some(now + delays.resubscribe);
                }
            }
            StreamEffect::ReportSubscribed => {
                self.confirmed = true;
                if !self.is_book() {
                    self.reset_attempts();
                }
            }
            StreamEffect::ReportSynced => self.reset_attempts(),
            StreamEffect::Join
            | StreamEffect::Leave
            | StreamEffect::ReportQuiet
            | StreamEffect::ReportUnsubscribed
            | StreamEffect::ReportRejected => {}
        }
    }

    /// The input that its due time means now; `None` if a frame came meanwhile and it is to wait on.
    pub(super) fn expire(&mut self, now: Instant) -> Option<StreamInput> {
        if self.unanswered || self.awaits_snapshot() {
            return Some(StreamInput::Overdue);
        }
        // Frames only note when they came.
        let due = self.silence_max.map(|silence| self.heard + silence);
        if due.is_none_or(|due| due > now) {
            self.due = due;
            return None;
        }
        self.resyncing = self.is_book();
        Some(StreamInput::Silence)
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

    /// Declares how long it may be silent; the shortest declaration counts.
    pub(super) fn limit_silence(&mut self, silence: Duration, now: Instant) {
        self.silence_max = Some(self.silence_max.map_or(silence, |it| it.min(silence)));
        if matches!(self.state, StreamState::Active | StreamState::Synced) && !self.awaits_snapshot() {
            let due = now + silence;
            self.due = Some(self.due.map_or(due, |armed| armed.min(due)));
        }
    }

    pub(super) const fn note_request(&mut self, id: u64) {
        self.request = id;
        self.unanswered = false;
    }

    pub(super) const fn reset_attempts(&mut self) {
        self.attempts = 0;
    }
}

// ---- what its frames change; nothing that a set counts ------------------------------------------

impl Subscription {
    #[inline]
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Says what a depth frame with these ids is, and moves the position.
    #[inline]
    pub(super) const fn advance(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
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

    /// Notes that its next snapshot repairs something.
    pub(super) const fn begin_resync(&mut self) {
        self.resyncing = true;
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

    pub(crate) const fn is_resyncing(&self) -> bool {
        self.resyncing
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
        Traits {
            is_pending: matches!(self.state, StreamState::Wanted | StreamState::Requested),
            is_hopeless: self.attempts >= ATTEMPTS_MAX,
            is_leaving: matches!(self.state, StreamState::Leaving),
            is_public: !self.stream.is_private(),
            is_partial_depth: matches!(self.stream, Stream::PartialDepth { .. })
                && !matches!(self.state, StreamState::Leaving | StreamState::Gone),
            due: self.due,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use StreamInput::{Accepted, Gap, LinkDown, LinkUp, Overdue, Silence, Snapshot, Unanswered, Unsubscribe};
    use StreamState::{Active, Gone, Leaving, Requested, Resyncing, Synced, Wanted};

    const DELAYS: Delays = Delays { snapshot: Duration::from_secs(5), resubscribe: Duration::from_secs(1) };

    /// Takes the inputs, one a second from second 1 on; each row says the state and the due time behind it.
    fn check(stream: &str, silence: Option<u64>, rows: &[(StreamInput, StreamState, Option<u64>)]) {
        let mut subscription = Subscription::new(StreamId::new(1, 0, 0), stream.parse().unwrap());
        if let Some(silence) = silence {
            subscription.limit_silence(Duration::from_secs(silence), Instant::ZERO);
        }
        for (second, (input, state, due)) in (1..).zip(rows) {
            let now = Instant::from_secs(second);
            if *input == Silence {
                assert_eq!(subscription.expire(now), Some(Silence), "second {second}");
            }
            subscription.step(*input, now, &DELAYS);
            let reached = (subscription.state(), subscription.traits().due);
            assert_eq!(reached, (*state, due.map(Instant::from_secs)), "second {second}: {input:?}");
        }
    }

    #[test]
    fn lives_of_a_book() {
        let to_live = [(LinkUp, Requested, None), (Accepted, Active, Some(7)), (Snapshot, Synced, None)];
        check("btcusd@depth", None, &to_live);
        let rest: &[&[_]] = &[
            &[(Gap, Resyncing, None), (Accepted, Requested, None), (Snapshot, Synced, None)],
            &[(LinkDown, Wanted, None), (LinkUp, Requested, None)],
            &[(Unsubscribe, Leaving, None), (Accepted, Gone, None), (Accepted, Gone, None)],
        ];
        for rest in rest {
            check("btcusd@depth", None, &[&to_live, *rest].concat());
        }
        // Its snapshot is overdue; a request is not answered.
        check(
            "btcusd@depth",
            None,
            &[
                (LinkUp, Requested, None),
                (Unanswered, Requested, Some(3)),
                (Overdue, Requested, None),
                (Accepted, Active, Some(9)),
                (Overdue, Resyncing, None),
            ],
        );
    }

    #[test]
    fn silence_counts_from_the_last_frame() {
        let rows = [(LinkUp, Requested, None), (Accepted, Active, Some(4)), (LinkDown, Wanted, None)];
        check("btcusd@trade", Some(2), &rows);
        let mut subscription = Subscription::new(StreamId::new(1, 0, 0), "btcusd@trade".parse().unwrap());
        subscription.limit_silence(Duration::from_secs(2), Instant::ZERO);
        subscription.step(LinkUp, Instant::from_secs(1), &DELAYS);
        subscription.step(Accepted, Instant::from_secs(1), &DELAYS);
        subscription.hear(Instant::from_secs(2));
        assert_eq!(subscription.expire(Instant::from_secs(3)), None);
        assert_eq!(subscription.traits().due, Some(Instant::from_secs(4)));
        assert_eq!(subscription.expire(Instant::from_secs(4)), Some(Silence));
    }

    #[test]
    fn a_stream_that_is_never_answered_is_hopeless() {
        let mut subscription = Subscription::new(StreamId::new(1, 0, 0), "btcusd@trade".parse().unwrap());
        subscription.step(LinkUp, Instant::ZERO, &DELAYS);
        for _ in 0..ATTEMPTS_MAX {
            assert!(!subscription.traits().is_hopeless);
            subscription.step(Unanswered, Instant::ZERO, &DELAYS);
        }
        assert!(subscription.traits().is_hopeless);
        subscription.step(Accepted, Instant::ZERO, &DELAYS);
        assert!(!subscription.traits().is_hopeless);
    }

    #[test]
    fn one_of_several_subscribers_ends_alone() {
        let [first, second] = [1, 2].map(|generation| StreamId::new(generation, 0, 0));
        let mut subscription = Subscription::new(first, "btcusd@trade".parse().unwrap());
        subscription.add_subscriber(first);
        subscription.add_subscriber(second);
        assert!(subscription.remove_subscriber(first));
        assert!(!subscription.remove_subscriber(second), "the last one ends with the subscription");
        assert_eq!(subscription.subscribers(), [second]);
    }
}
