//! [`Session`]: one generation of the API on a link. The session of the current API is in `receive.rs`; the sessions
//! of the archived generations are in `archive`.

use core::fmt;

use crate::config::Config;
use crate::event::reason::Lost;
use crate::event::source::Source;
use crate::event::{Event, Ignored, IgnoredReason, Malformed};
use crate::json::error::DecodeError;
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::lifecycle::StreamInput;
use crate::link::outbox::StreamRequest;
use crate::link::stats::Stats;
use crate::link::subscription::Subscription;
use crate::message::Response;
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, StreamId};
use crate::value::sequence::GapRule;
use crate::value::symbol::Symbol;
use crate::value::time::Instant;
use crate::wire::Scratch;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MalformedRun {
    frames: u32,
    /// The topic and the symbol of the newest frame of the run; `None` if the topic is unknown, or before the first
    /// frame.
    of: Option<(Topic, Option<Symbol>)>,
}

impl MalformedRun {
    /// Adds an undecodable frame to the run. Returns the length of the run, in which adjacent frames of one stream
    /// count as one frame, because only this stream is affected.
    fn note(&mut self, topic: Option<Topic>, symbol: Option<Symbol>) -> u32 {
        let of = match topic {
            None | Some(Topic::Connection | Topic::Other) => None,
            // Each of these topics has one stream, which covers all symbols.
            Some(
                of @ (Topic::Orders
                | Topic::Balances
                | Topic::Positions
                | Topic::Quotes
                | Topic::RequestForQuote
                | Topic::Settlements),
            ) => Some((of, None)),
            Some(of) => Some((of, symbol)),
        };
        if of.is_none() || of != self.of {
            self.frames = self.frames.saturating_add(1);
        }
        self.of = of;
        self.frames
    }
}

pub(crate) trait Session: Clone + fmt::Debug {
    fn dialect(&self) -> &'static Dialect;

    fn opened(&mut self);

    /// Returns whether the venue sends books without a subscription, and this connection has begun to send them. Only
    /// another connection brings new snapshots of such books.
    fn has_books(&self) -> bool {
        false
    }

    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>>;

    /// Acts on a stream request that timed out. `is_silent` is true if no data for the request has come either.
    fn expired(
        &mut self,
        feed: &mut Feed,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        is_silent: bool,
    );
}

/// The parts of a link that a [`Session`] may use while it reads a frame.
#[derive(Debug)]
pub(crate) struct Reception<'r, 'c> {
    link: LinkId,
    feed: &'r mut Feed,
    cx: &'r mut Context<'c>,
    config: &'r Config,
    stats: &'r mut Stats,
    malformed_run: &'r mut MalformedRun,
    unusable: Option<Lost>,
}

impl<'r, 'c> Reception<'r, 'c> {
    pub(super) const fn new(
        link: LinkId,
        feed: &'r mut Feed,
        cx: &'r mut Context<'c>,
        config: &'r Config,
        stats: &'r mut Stats,
        malformed_run: &'r mut MalformedRun,
    ) -> Reception<'r, 'c> {
        Reception { link, feed, cx, config, stats, malformed_run, unusable: None }
    }

    #[inline]
    pub(crate) const fn now(&self) -> Instant {
        self.cx.now()
    }

    #[inline]
    pub(crate) const fn config(&self) -> &Config {
        self.config
    }

    pub(crate) const fn link(&self) -> LinkId {
        self.link
    }

    #[inline]
    pub(crate) const fn source<'f>(&self, frame: &'f str) -> Source<'f> {
        let config = self.config;
        let levels = config.snapshot.levels(config.api);
        Source::live(self.link, config.api, self.cx.now(), frame).checked_by(config.gap_rule, levels)
    }

    pub(crate) const fn feed(&self) -> &Feed {
        self.feed
    }

    pub(crate) const fn feed_mut(&mut self) -> &mut Feed {
        self.feed
    }

    pub(crate) const fn parts(&mut self) -> (&mut Feed, &mut Context<'c>) {
        (self.feed, self.cx)
    }

    #[inline]
    pub(crate) fn routed(&mut self, topic: Topic, symbol: &str) -> Option<&mut Subscription> {
        self.feed.subscriptions_mut().routed(topic, symbol)
    }

    /// Finds the subscription that takes a frame, and stores that this subscription was heard now. Returns `None` if
    /// no subscription takes the frame. Call this only for a frame that does not change a book. A subscription that
    /// waits for the end of another stream takes no frame, even if the frame looks like one of its own.
    #[inline]
    pub(crate) fn heard(&mut self, topic: Topic, symbol: &str) -> Option<&mut Subscription> {
        let now = self.now();
        let subscription = self.routed(topic, symbol).filter(|it| !it.waits_for_another())?;
        subscription.hear(now);
        Some(subscription)
    }

    pub(crate) fn step(&mut self, id: StreamId, input: StreamInput) {
        // The result is true only for a rejection, and `Feed::reject` handles rejections.
        let _ = self.feed.step(self.cx, id, input);
    }

    pub(super) fn end_resync(&mut self, id: StreamId) -> bool {
        let ended = self.feed.subscriptions_mut().change(id, Subscription::end_resync);
        ended.unwrap_or(false)
    }

    pub(crate) fn gap<'f>(&mut self, id: StreamId, expected: u64, got: Option<u64>) -> Option<Event<'f>> {
        let subscription = self.feed.subscriptions().get(id)?;
        let (public, symbol) = (subscription.public_id(), subscription.stream().symbol()?);
        self.count_gap();
        self.feed.lose_update(self.cx, id);
        Some(Event::Gap { link: Some(self.link), id: Some(public), symbol, expected, got })
    }

    pub(super) fn note_limits(&mut self, response: &Response<'_>, request: u64) {
        let now = self.cx.now();
        self.cx.limits().note_named(response, request, now);
    }

    pub(crate) fn report(&mut self, event: Event<'static>) {
        self.cx.report(event);
    }

    pub(crate) const fn unusable(&self) -> Option<Lost> {
        self.unusable
    }

    #[inline]
    pub(crate) const fn decoded(&mut self) {
        *self.malformed_run = MalformedRun { frames: 0, of: None };
    }

    /// Delivers data that leaves nothing for `Client::pump` to do on the link.
    #[inline]
    pub(crate) fn data<'f>(&mut self, event: Event<'f>) -> Option<Event<'f>> {
        self.cx.leave_untouched();
        self.moving_data(event)
    }

    /// Delivers data after which `Client::pump` has to visit the link, for example because a subscription has a new
    /// state.
    #[inline]
    pub(crate) fn moving_data<'f>(&mut self, event: Event<'f>) -> Option<Event<'f>> {
        self.stats.data = self.stats.data.saturating_add(1);
        if let Event::Batch(batch, _) = &event
            && batch.has_malformed()
        {
            self.stats.count_malformed_elements(&event);
        }
        Some(event)
    }

    pub(crate) const fn count_control(&mut self) {
        self.stats.control = self.stats.control.saturating_add(1);
    }

    pub(crate) const fn count_gap(&mut self) {
        self.stats.gaps = self.stats.gaps.saturating_add(1);
    }

    pub(crate) const fn count_resync(&mut self) {
        self.stats.resyncs = self.stats.resyncs.saturating_add(1);
    }

    pub(crate) const fn count_unrecognized(&mut self) {
        self.stats.unrecognized = self.stats.unrecognized.saturating_add(1);
    }

    pub(crate) const fn ignored<'f>(&mut self, frame: &'f str, reason: IgnoredReason) -> Option<Event<'f>> {
        if self.unusable.is_none() {
            self.cx.leave_untouched();
        }
        self.stats.count_ignored(reason);
        Some(Event::Ignored(Ignored { reason }, self.source(frame)))
    }

    /// Reports a frame that could not be decoded. Too many such frames in a row make the link unusable; adjacent
    /// frames of one stream count as one frame. The client marks each book that may have lost an update with the
    /// frame as stale, and requests it again.
    #[cold]
    pub(crate) fn malformed<'f>(&mut self, frame: &'f str, error: DecodeError) -> Option<Event<'f>> {
        self.stats.malformed = self.stats.malformed.saturating_add(1);
        let source = self.source(frame);
        let malformed = Malformed::new(source.endpoint(), frame, error);
        if self.malformed_run.note(malformed.topic, malformed.symbol) >= self.config.malformed_run_max {
            *self.malformed_run = MalformedRun::default();
            self.unusable = Some(Lost::Malformed);
        }
        if malformed.is_of(Topic::Depth) {
            // With the lax rule, and on archived endpoints, a change may look like a snapshot.
            let is_strict = self.config.gap_rule == GapRule::Strict;
            let is_told_apart = source.endpoint() == Endpoint::Streams && is_strict;
            self.feed.mark_books_stale(self.cx, malformed.symbol, is_told_apart);
        }
        if malformed.is_of(Topic::Balances)
            && let Some(subscription) = self.routed(Topic::Balances, "")
        {
            // The lost report may have been the first one, which lists every asset. So the next report does not count
            // as the first.
            subscription.takes_all();
        }
        Some(Event::Malformed(malformed, source))
    }

    /// Call this if frames were lost. Only another link can repair this loss.
    pub(crate) const fn lose_sequence(&mut self) {
        self.unusable = Some(Lost::SequenceGap);
    }
}
