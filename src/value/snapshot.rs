//! [`Snapshot`]: which levels of a book the venue sends first.

use alloc::string::{String, ToString};
use core::num::NonZeroU32;

use crate::value::endpoint::Endpoint;

/// Which levels the snapshot of a book has ([parameter](crate::protocol::streams#parameters) `snapshot` of the
/// current API).
///
/// The archived endpoints have no such parameter. Market data v2 always sends all levels. Market data v1 sends only
/// the best level of each side if the address has the [parameter](crate::protocol::market_data_v1) `top_of_book`, and
/// all levels otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Snapshot {
    /// All levels.
    #[default]
    Full,
    /// At most this number of levels per side: the best ones. The venue does not necessarily send changes of worse
    /// levels, so a side never has more known levels than this number
    /// ([`BookSide::known_depth`](crate::BookSide::known_depth)).
    Best(NonZeroU32),
}

impl Snapshot {
    /// Returns how many levels per side the snapshots of an endpoint have; `None` for all levels.
    pub(crate) const fn levels(self, endpoint: Endpoint) -> Option<NonZeroU32> {
        match (endpoint, self) {
            (Endpoint::Streams, Snapshot::Best(levels)) => Some(levels),
            _ => None,
        }
    }

    pub(crate) fn parameter(self) -> String {
        match self {
            Snapshot::Full => "-1".into(),
            Snapshot::Best(levels) => levels.to_string(),
        }
    }

    /// Reads the value of the parameter `snapshot` in an address. Any negative number stands for all levels. Returns
    /// `None` for zero, because the client cannot keep a book without a snapshot, and for a text that is no number.
    pub(crate) fn of_parameter(value: &str) -> Option<Snapshot> {
        match value.parse::<i64>() {
            Ok(..0) => Some(Snapshot::Full),
            _ => value.parse().ok().map(Snapshot::Best),
        }
    }
}
