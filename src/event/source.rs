//! [`Source`]: where the data of an event comes from.

use core::fmt;
use core::num::NonZeroU32;

use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, StreamId};
use crate::value::sequence::GapRule;
use crate::value::side::Side;
use crate::value::time::Instant;

/// The frame, the link and the subscription that the data of an [`Event`](crate::Event) comes from.
///
/// ```
/// use gemini_ws::{Endpoint, Event, Replay, Scratch};
///
/// let frame = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;
/// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
/// let Ok(Some(Event::Trade(_, source))) = replay.event(frame, &mut scratch) else { panic!() };
/// assert_eq!((source.endpoint(), source.frame()), (Endpoint::Streams, frame));
/// assert_eq!(source.link(), None, "a recording has no link");
/// ```
#[derive(Clone, Copy, Eq)]
pub struct Source<'f> {
    frame: &'f str,
    stream: Option<StreamId>,
    /// The epoch of the link; zero in a recording, as epochs begin with 1.
    epoch: u32,
    slot: u16,
    link_endpoint: u16,
    endpoint: Endpoint,
    rule: GapRule,
    levels: Option<NonZeroU32>,
    lacks: Option<Side>,
    part: u32,
    /// The byte at which the part begins in the frame, if the part is a row of a list of orders; otherwise 0.
    begin: u32,
    received: Instant,
    is_whole: bool,
}

impl<'f> Source<'f> {
    /// Creates the source of a frame that no link received, such as a frame of a recording or a test. `frame` is the
    /// text that the event was decoded from: an [`EventBuf`](crate::EventBuf) decodes this text again.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Source};
    ///
    /// let source = Source::recorded(Endpoint::MarketDataV2, "{}");
    /// assert_eq!((source.link(), source.stream()), (None, None));
    /// ```
    pub const fn recorded(endpoint: Endpoint, frame: &'f str) -> Source<'f> {
        let rule = GapRule::Strict;
        Source {
            frame,
            stream: None,
            epoch: 0,
            slot: 0,
            link_endpoint: 0,
            endpoint,
            rule,
            levels: None,
            lacks: None,
            part: 0,
            begin: 0,
            received: Instant::ZERO,
            is_whole: false,
        }
    }

    #[inline]
    pub(crate) const fn live(
        link: LinkId,
        endpoint: Endpoint,
        received: Instant,
        frame: &'f str,
    ) -> Source<'f> {
        let (epoch, slot, link_endpoint) = (link.epoch(), link.short_slot(), link.endpoint());
        Source { epoch, slot, link_endpoint, received, ..Source::recorded(endpoint, frame) }
    }

    #[inline]
    pub(crate) const fn of_stream(mut self, stream: Option<StreamId>) -> Source<'f> {
        self.stream = stream;
        self
    }

    /// Sets how update ids were checked, and how many levels per side snapshots have; `None` for all levels.
    #[inline]
    pub(crate) const fn checked_by(mut self, rule: GapRule, levels: Option<NonZeroU32>) -> Source<'f> {
        (self.rule, self.levels) = (rule, levels);
        self
    }

    /// Sets the side that every book of the link lacks; `None` if the link reports both sides.
    pub(crate) const fn without(mut self, side: Option<Side>) -> Source<'f> {
        self.lacks = side;
        self
    }

    pub(crate) const fn of_all(mut self, is_whole: bool) -> Source<'f> {
        self.is_whole = is_whole;
        self
    }

    pub(crate) const fn with_frame<'g>(self, frame: &'g str) -> Source<'g> {
        // Copies each member, because the text has another lifetime, and so the result has another type.
        let Source {
            stream,
            epoch,
            slot,
            link_endpoint,
            endpoint,
            rule,
            levels,
            lacks,
            part,
            begin,
            received,
            is_whole,
            ..
        } = self;
        Source {
            frame,
            stream,
            epoch,
            slot,
            link_endpoint,
            endpoint,
            rule,
            levels,
            lacks,
            part,
            begin,
            received,
            is_whole,
        }
    }

    /// Sets which part of the frame the event is, counted from 1; 0 is the whole frame.
    pub(crate) const fn with_part(mut self, part: u32) -> Source<'f> {
        self.part = part;
        self
    }

    /// Returns the link that received the frame; `None` for a [recorded](Source::recorded) frame.
    pub const fn link(&self) -> Option<LinkId> {
        if self.epoch == 0 { None } else { Some(LinkId::new(self.slot, self.epoch).at(self.link_endpoint)) }
    }

    /// Returns when the client received the frame; `None` for a [recorded](Source::recorded) frame.
    pub const fn received(&self) -> Option<Instant> {
        if self.epoch == 0 { None } else { Some(self.received) }
    }

    /// Returns the subscription that the data belongs to. If several subscriptions to the stream exist, returns the
    /// oldest subscription that has not ended.
    ///
    /// Returns `None` for
    ///
    /// - recorded frames,
    /// - frames of the v1 endpoints,
    /// - frames that are about no stream,
    /// - frames that the client ignored or could not decode,
    /// - a partial depth without a symbol, if the link may receive several partial depths.
    pub const fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Returns the text of the frame; empty if the frame was binary. For a part of a [`Batch`](crate::Batch), this is
    /// the text of the whole frame.
    pub const fn frame(&self) -> &'f str {
        self.frame
    }

    /// Returns the endpoint that sent the frame.
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    pub(crate) const fn rule(&self) -> GapRule {
        self.rule
    }

    pub(crate) const fn levels(&self) -> Option<NonZeroU32> {
        self.levels
    }

    pub(crate) const fn lists_best(&self) -> bool {
        matches!(self.endpoint, Endpoint::MarketDataV1) && self.levels.is_some()
    }

    pub(crate) const fn lacks(&self) -> Option<Side> {
        self.lacks
    }

    /// Returns whether the frame lists everything, and not only what has changed. This is true in two cases:
    ///
    /// - The frame lists all balances or all positions of the account.
    /// - The changes in a frame of market data v1 are the whole book of each of their symbols (on the sides that the
    ///   link reports), although the venue does not mark them as `initial`.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub(crate) const fn part(&self) -> u32 {
        self.part
    }

    pub(crate) const fn beginning_at(mut self, begin: u32) -> Source<'f> {
        self.begin = begin;
        self
    }

    pub(crate) const fn begin(&self) -> Option<u32> {
        // No row begins at byte 0, because the list itself begins before its rows.
        if self.begin == 0 { None } else { Some(self.begin) }
    }
}

impl PartialEq for Source<'_> {
    /// Compares all members but three: the instant at which the frame was received, the number of the link's
    /// endpoint, and the byte at which the part begins, which follows from the number of the part.
    fn eq(&self, other: &Self) -> bool {
        let key = |source: &Self| {
            let Source { stream, epoch, slot, endpoint, rule, levels, lacks, part, is_whole, .. } = *source;
            (stream, epoch, slot, endpoint, rule, levels, lacks, part, is_whole)
        };
        key(self) == key(other) && self.frame == other.frame
    }
}

impl fmt::Debug for Source<'_> {
    /// Formats all members but the frame, which may name a session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Source");
        shown.field("endpoint", &self.endpoint).field("link", &self.link()).field("stream", &self.stream);
        shown.finish_non_exhaustive()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Source<'_> {
    /// Serializes a map with the link and the subscription, each only if the source has it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        if let Some(link) = self.link() {
            map.serialize_entry("link", &link)?;
        }
        if let Some(stream) = self.stream {
            map.serialize_entry("stream", &stream)?;
        }
        map.end()
    }
}
