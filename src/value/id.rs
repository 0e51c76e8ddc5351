//! Ids of links, requests, subscriptions and endpoints. An input with an old id is recognized and ignored.

use core::fmt;
use core::num::NonZeroU64;

use crate::value::print;

/// The id of a link: a slot, and the number of the attempt to connect in the slot.
///
/// A client never reuses an id, so a late input of an ended attempt cannot affect the next attempt. Another client
/// uses the same ids.
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

    #[inline]
    pub(crate) const fn at(self, endpoint: u16) -> LinkId {
        LinkId { endpoint, ..self }
    }

    /// Returns the [tag](EndpointId::tag) of the link's endpoint, which distinguishes links to different endpoints.
    #[inline]
    pub(crate) const fn endpoint(self) -> u16 {
        self.endpoint
    }

    #[inline]
    pub(crate) const fn short_slot(self) -> u16 {
        self.slot
    }

    pub(crate) const fn next(self) -> LinkId {
        LinkId { epoch: self.epoch.wrapping_add(1), ..self }
    }

    pub(crate) const fn is_up_to(self, other: LinkId) -> bool {
        self.slot == other.slot && self.epoch <= other.epoch
    }

    /// Returns the number of the slot. Slots count from 0, so a driver can use the number as an index of its table of
    /// sockets.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// Returns the number of the attempt in the slot, from 1; zero before the first attempt.
    pub const fn epoch(self) -> u32 {
        self.epoch
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(f, &alloc::format!("link {}.{}", self.slot, self.epoch))
    }
}

/// The id of a request: the member `id` of its frame. The ids of a client increase, and the client never reuses an
/// id. Another client uses the same ids.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RequestId(u64);

impl RequestId {
    /// Creates an id from a number, for tests of an application. The commands of a client return the ids of requests.
    ///
    /// ```
    /// assert_eq!(gemini_ws::RequestId::new(7).get(), 7);
    /// ```
    pub const fn new(number: u64) -> RequestId {
        RequestId(number)
    }

    /// Returns the number, as it is sent.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The id of a subscription, from [`Client::subscribe`](crate::Client::subscribe). The id is valid until
/// [`Event::Unsubscribed`](crate::Event::Unsubscribed) or [`Event::Rejected`](crate::Event::Rejected) reports the end
/// of the subscription, or [`Event::Closed`](crate::Event::Closed) reports the end of the client. The id stays valid
/// when the link of the subscription is lost and replaced. A client never reuses an id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct StreamId(NonZeroU64);

impl StreamId {
    /// The lowest `PLACE_BITS` bits are the index of the subscription in the table of its link. The next `LINK_BITS`
    /// bits are the slot. The bits above are the generation, which makes the id unique.
    const PLACE_BITS: u32 = 20;
    const LINK_BITS: u32 = 10;

    const PLACES: usize = 1 << StreamId::PLACE_BITS;
    /// The maximum number of slots, and so of links that exist at one time.
    pub(crate) const LINKS: usize = 1 << StreamId::LINK_BITS;

    pub(crate) const fn new(generation: u64, link: u16, place: usize) -> StreamId {
        let link = (link as u64) << StreamId::PLACE_BITS;
        let bits = StreamId::PLACE_BITS.wrapping_add(StreamId::LINK_BITS);
        match NonZeroU64::new((generation << bits) | link | place as u64) {
            Some(number) => StreamId(number),
            // Cannot happen, because generations begin at 1.
            None => StreamId(NonZeroU64::MAX),
        }
    }

    pub(crate) const fn clamp_places(places: usize) -> usize {
        match places {
            0 => 1,
            places if places > StreamId::PLACES => StreamId::PLACES,
            places => places,
        }
    }

    pub(crate) const fn place(self) -> usize {
        (self.0.get() as usize) & StreamId::PLACES.wrapping_sub(1)
    }

    /// Returns the [slot](LinkId::slot) whose link carries the subscription.
    pub const fn link_slot(self) -> usize {
        ((self.0.get() >> StreamId::PLACE_BITS) as usize) & StreamId::LINKS.wrapping_sub(1)
    }
}

/// The id of an endpoint of a [`Client`](crate::Client). [`Client::add`](crate::Client::add) returns the id, and
/// [`Client::endpoints`](crate::Client::endpoints) returns the ids of all endpoints. The id is valid until
/// [`Client::remove`](crate::Client::remove). A client never reuses an id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct EndpointId(u32);

impl EndpointId {
    pub(crate) const fn new(number: u32) -> EndpointId {
        EndpointId(number)
    }

    /// Returns the lowest 16 bits of the id, which each [`LinkId`] of the endpoint contains. The tags repeat after
    /// 65,536 endpoints.
    pub(crate) const fn tag(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }
}

macro_rules! display {
    ($($id:ident)*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}
display!(RequestId StreamId EndpointId);
