//! The order of updates: which frame follows, which one is old, and where one is missing.
//!
//! The facts: [order of book updates](crate::protocol::streams#order-of-book-updates).

/// When the venue's updates count as contiguous; `last` is the last update id that was applied.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum GapRule {
    /// `U <= last`: what has been measured on all healthy traffic.
    #[default]
    Strict,
    /// `U <= last + 1`: the reading of some clients.
    Lax,
}

/// The place of an update after `last`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sequenced {
    /// All its ids were seen.
    Stale,
    /// It follows.
    Next,
    /// At least one update between is missing.
    Gap,
}

/// Where the update with the ids `first..=last_of_update` stands.
#[inline]
pub(crate) const fn sequence(last: u64, first: u64, last_of_update: u64, rule: GapRule) -> Sequenced {
    let limit = match rule {
        GapRule::Strict => last,
        GapRule::Lax => last.saturating_add(1),
    };
    if last_of_update <= last {
        Sequenced::Stale
    } else if first <= limit {
        Sequenced::Next
    } else {
        Sequenced::Gap
    }
}

/// So many old updates in a row, with nothing new between them, are not late ones: the venue counts from another number, and the book
/// stands still. Late ones come before the first that is new, and a book has not more changes in that time.
pub(crate) const STALE_RUN_MAX: u32 = 128;

/// What a depth frame is for one who reads a symbol's frames in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DepthRole {
    Snapshot,
    Update,
    /// Nothing new in it.
    Stale,
    /// A change, but there is no snapshot that it could change.
    BeforeSnapshot,
    Gap {
        expected: u64,
    },
}

/// The position in one symbol's updates, within one subscription of one link.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Position {
    /// The last update id; `None` while a snapshot is awaited.
    last: Option<u64>,
    /// How many updates in a row were old.
    stale: u32,
}

impl Position {
    pub(crate) const fn awaiting() -> Position {
        Position { last: None, stale: 0 }
    }

    /// Where the snapshot that ends with this update id leads to.
    const fn at(last: u64) -> Position {
        Position { last: Some(last), stale: 0 }
    }

    /// The last update id; `None` while a snapshot is awaited.
    pub(crate) const fn last(self) -> Option<u64> {
        self.last
    }

    /// Returns the role of a frame, and moves on. The first frame is the
    /// [snapshot](crate::protocol::streams#snapshots). It must cover a single id, because an update may still
    /// be under way when a new snapshot is requested. [`STALE_RUN_MAX`] old ones in a row are a gap.
    #[inline]
    pub(crate) const fn advance(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
        let Some(expected) = self.last else {
            if first != last {
                return DepthRole::BeforeSnapshot;
            }
            *self = Position::at(last);
            return DepthRole::Snapshot;
        };
        match sequence(expected, first, last, rule) {
            Sequenced::Stale if self.stale.saturating_add(1) < STALE_RUN_MAX => {
                self.stale = self.stale.saturating_add(1);
                DepthRole::Stale
            }
            Sequenced::Next => {
                *self = Position::at(last);
                DepthRole::Update
            }
            Sequenced::Stale | Sequenced::Gap => {
                *self = Position::awaiting();
                DepthRole::Gap { expected }
            }
        }
    }

    /// The same for a recording, in which the requests between the frames are not kept: a frame that
    /// covers a single new id can only be the snapshot of a new subscription, as updates cover more.
    pub(crate) const fn advance_recorded(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
        match self.last {
            Some(expected) if first == last && first > expected => {
                *self = Position::at(last);
                DepthRole::Snapshot
            }
            _ => self.advance(first, last, rule),
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/value_sequence.rs"]
mod tests;
