//! Identities that cross the boundary: stale ones are recognised and ignored, never trusted.

use core::fmt;

/// One transport attempt of one link: a place and the number of the attempt there.
///
/// Every input and output of a transport carries it, so that what belongs to an attempt that has
/// ended cannot touch the next one. Never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LinkId {
    pub(crate) slot: u16,
    pub(crate) epoch: u32,
}

impl LinkId {
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
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The number, as it is sent.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A subscription: from [`Connection::subscribe`](crate::Connection::subscribe) until
/// `Unsubscribed` or `Rejected`. Survives reconnects; never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct StreamId(pub(crate) u64);
