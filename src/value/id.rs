//! Identities that cross the boundary: stale ones are recognised and ignored, never trusted.

use core::fmt;
use core::num::NonZeroU64;

/// One transport attempt of one link: a place and the number of the attempt there.
///
/// Every input and output of a transport carries it, so that what belongs to an attempt that has
/// ended cannot touch the next one. Never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LinkId {
    slot: u16,
    endpoint: u16,
    epoch: u32,
}

impl LinkId {
    #[inline]
    pub(crate) const fn new(slot: u16, epoch: u32) -> LinkId {
        LinkId { slot, endpoint: 0, epoch }
    }

    /// The same, to this endpoint.
    #[inline]
    pub(crate) const fn at(self, endpoint: u16) -> LinkId {
        LinkId { endpoint, ..self }
    }

    /// What tells links to different endpoints apart.
    #[inline]
    pub(crate) const fn endpoint(self) -> u16 {
        self.endpoint
    }

    /// The place of the link as it is kept.
    #[inline]
    pub(crate) const fn short_slot(self) -> u16 {
        self.slot
    }

    /// The next attempt in the same slot.
    pub(crate) const fn next(self) -> LinkId {
        LinkId { epoch: self.epoch.wrapping_add(1), ..self }
    }

    /// The place of the link, from 0: an index for a driver's table of sockets.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// The number of the attempt, from 1.
    pub const fn epoch(self) -> u32 {
        self.epoch
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}.{}", self.slot, self.epoch)
    }
}

/// A request: consecutive over the life of a connection and never reused, so a late answer from an
/// old link finds nothing. The venue sees it as the request's `id`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RequestId(u64);

impl RequestId {
    /// Makes the id of a number: for tests of an application. Those of a client come from its commands.
    ///
    /// ```
    /// assert_eq!(gemini_ws::RequestId::new(7).get(), 7);
    /// ```
    pub const fn new(number: u64) -> RequestId {
        RequestId(number)
    }

    /// The number, as it is sent.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A subscription: the wish of one [`subscribe`](crate::Client::subscribe) for a stream, until
/// `Unsubscribed` or `Rejected`. Survives reconnects; never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct StreamId(NonZeroU64);

impl StreamId {
    /// The bits of the number, from the lowest: the place among the subscriptions of the link, the place of
    /// the link; above them the generation, which makes it unique.
    const PLACE_BITS: u32 = 20;
    const LINK_BITS: u32 = 10;

    /// The most subscriptions of a link.
    pub(crate) const PLACES: usize = 1 << StreamId::PLACE_BITS;
    /// The most links.
    pub(crate) const LINKS: usize = 1 << StreamId::LINK_BITS;

    pub(crate) const fn new(generation: u64, link: u16, place: usize) -> StreamId {
        let link = (link as u64) << StreamId::PLACE_BITS;
        let bits = StreamId::PLACE_BITS.wrapping_add(StreamId::LINK_BITS);
        match NonZeroU64::new((generation << bits) | link | place as u64) {
            Some(number) => StreamId(number),
            // Generations begin at 1.
            None => StreamId(NonZeroU64::MAX),
        }
    }

    pub(crate) const fn place(self) -> usize {
        (self.0.get() as usize) & StreamId::PLACES.wrapping_sub(1)
    }

    /// The [place of the link](LinkId::slot) that serves it.
    pub const fn link_slot(self) -> usize {
        ((self.0.get() >> StreamId::PLACE_BITS) as usize) & StreamId::LINKS.wrapping_sub(1)
    }
}

/// An endpoint that a [`Client`](crate::Client) may use: from `add` until `remove`; never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct EndpointId(u32);

impl EndpointId {
    pub(crate) const fn new(number: u32) -> EndpointId {
        EndpointId(number)
    }

    /// What tells the links of this endpoint from those of others.
    pub(crate) const fn tag(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }
}

/// Prints the number.
macro_rules! display {
    ($($id:ident)*) => {$(
        impl fmt::Display for $id {
            /// Prints the number.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}
display!(RequestId StreamId EndpointId);
