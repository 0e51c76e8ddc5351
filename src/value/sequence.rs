//! The order of book updates ([order of book updates](crate::protocol::streams#order-of-book-updates)).

/// The rule that decides whether an update follows a book without a gap. `U` is the first id of the update, and
/// `last` is the last update id of the book.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum GapRule {
    /// `U <= last`. In all measurements without a loss, every update satisfied this rule.
    #[default]
    Strict,
    /// `U <= last + 1`, the rule of some other clients.
    Lax,
}

impl GapRule {
    /// Returns the highest first id of an update that follows a book without a gap.
    const fn first_max(self, last: u64) -> u64 {
        match self {
            GapRule::Strict => last,
            GapRule::Lax => last.saturating_add(1),
        }
    }

    /// Returns whether a frame that covers only the update id `id` cannot be an update, new or old, of a book whose
    /// last id is `last`. By the strict rule, each update covers at least two ids.
    const fn excludes_update(self, last: u64, id: u64) -> bool {
        match self {
            GapRule::Strict => id != last,
            GapRule::Lax => id > self.first_max(last),
        }
    }
}

/// The position of an update relative to the last update id of its book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sequenced {
    /// The book already contains all changes of the update.
    Stale,
    Next,
    Gap,
}

/// Compares the ids `first..=last_of_update` of an update to `last`, the last id that was applied to the book.
#[inline]
pub(crate) const fn sequence(last: u64, first: u64, last_of_update: u64, rule: GapRule) -> Sequenced {
    if last_of_update <= last {
        Sequenced::Stale
    } else if first <= rule.first_max(last) {
        Sequenced::Next
    } else {
        Sequenced::Gap
    }
}

/// The number of consecutive old updates that count as a gap. So many show that the venue now numbers updates from a
/// lower id. Fewer can have been on their way when the venue made the snapshot.
pub(crate) const STALE_RUN_MAX: u32 = 128;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DepthRole {
    Snapshot,
    Update,
    Stale,
    BeforeSnapshot,
    Gap { expected: u64 },
}

/// The position in the sequence of one symbol's updates, within one subscription on one link.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Position {
    last: Option<u64>,
    stale: u32,
}

impl Position {
    pub(crate) const fn awaiting() -> Position {
        Position { last: None, stale: 0 }
    }

    const fn at(last: u64) -> Position {
        Position { last: Some(last), stale: 0 }
    }

    pub(crate) const fn last(self) -> Option<u64> {
        self.last
    }

    /// Returns the role of a frame, and advances the position past the frame.
    ///
    /// The first frame that covers a single id is the [snapshot](crate::protocol::streams#snapshots).
    /// [`STALE_RUN_MAX`] old updates in a row are a gap.
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

    /// Returns the role of a frame in a recording, and advances the position past the frame. The first frame with a
    /// single id is a snapshot. A later frame with a single id is a snapshot if it cannot be an update of the book:
    /// with [`GapRule::Strict`] if its id is not the last id of the book, with [`GapRule::Lax`] if its id exceeds the
    /// last id of the book by more than one.
    pub(crate) const fn advance_recorded(&mut self, first: u64, last: u64, rule: GapRule) -> DepthRole {
        match self.last {
            Some(expected) if first == last && rule.excludes_update(expected, first) => {
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
