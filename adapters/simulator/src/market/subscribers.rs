//! [`Subscribers`]: who is subscribed to what of one symbol.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{Instant, PartialLevels, Stream};

use crate::value::id::SessionId;
use crate::value::tempo::Tempo;

/// The sizes of partial depth, in the order of `Subscribers::partial`.
pub(crate) const PARTIAL_COUNTS: [usize; 3] = [5, 10, 20];

const fn partial_index(levels: PartialLevels) -> usize {
    match levels {
        PartialLevels::Five => 0,
        PartialLevels::Ten => 1,
        PartialLevels::Twenty => 2,
    }
}

/// How far a subscription to differential depth has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DepthState {
    /// The snapshot leaves at this time; no change is sent before it.
    SnapshotAt(Instant),
    /// A recording has not come to the symbol's snapshot yet.
    BeforeRecordedSnapshot,
    /// Changes are sent.
    Live,
}

/// The subscribers of one symbol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribers {
    pub(crate) ticker: BTreeSet<SessionId>,
    pub(crate) trade: BTreeSet<SessionId>,
    pub(crate) mark: BTreeSet<SessionId>,
    pub(crate) funding: BTreeSet<SessionId>,
    /// By [`Tempo`].
    pub(crate) depth: [BTreeMap<SessionId, DepthState>; 2],
    /// By [`Tempo`], then by [`PARTIAL_COUNTS`].
    pub(crate) partial: [[BTreeSet<SessionId>; 3]; 2],
}

impl Subscribers {
    /// The set of a stream's subscribers; `None` for differential depth, which has more to remember,
    /// and for streams over all symbols.
    fn set(&mut self, stream: &Stream) -> Option<&mut BTreeSet<SessionId>> {
        match *stream {
            Stream::BookTicker { .. } => Some(&mut self.ticker),
            Stream::Trade { .. } => Some(&mut self.trade),
            Stream::MarkPrice { .. } => Some(&mut self.mark),
            Stream::FundingAmount { .. } => Some(&mut self.funding),
            Stream::PartialDepth { levels, cadence, .. } => {
                Some(&mut self.partial[Tempo::from(cadence) as usize][partial_index(levels)])
            }
            _ => None,
        }
    }

    /// Adds a subscriber to any stream but differential depth.
    pub(crate) fn join(&mut self, stream: &Stream, session: SessionId) {
        if let Some(set) = self.set(stream) {
            set.insert(session);
        }
    }

    pub(crate) fn leave(&mut self, stream: &Stream, session: SessionId) {
        if let Stream::Depth { cadence, .. } = *stream {
            self.depth[Tempo::from(cadence) as usize].remove(&session);
        } else if let Some(set) = self.set(stream) {
            set.remove(&session);
        }
    }

    /// Whether anybody wants the book at this tempo.
    pub(crate) fn wants_book(&self, tempo: Tempo) -> bool {
        let partial = &self.partial[tempo as usize];
        !self.depth[tempo as usize].is_empty() || partial.iter().any(|set| !set.is_empty())
    }
}
