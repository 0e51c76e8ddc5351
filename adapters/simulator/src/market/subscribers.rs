//! [`Subscribers`]: the subscribers of one symbol, by stream.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{Instant, PartialLevels, Stream};

use crate::value::id::SessionId;
use crate::value::tempo::Tempo;

/// The numbers of levels of the partial depth streams, in the order of the sets in `Subscribers::partial`.
const PARTIAL_COUNTS: [usize; 3] = [5, 10, 20];

const fn partial_index(levels: PartialLevels) -> usize {
    match levels {
        PartialLevels::Five => 0,
        PartialLevels::Ten => 1,
        PartialLevels::Twenty => 2,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DepthState {
    /// The exchange sends the snapshot at this time, and sends no change before it.
    SnapshotAt(Instant),
    /// The recording has not reached the symbol's snapshot yet. A subscriber that requested a snapshot gets no change
    /// before it.
    BeforeRecordedSnapshot,
    Live,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribers {
    ticker: BTreeSet<SessionId>,
    trade: BTreeSet<SessionId>,
    mark: BTreeSet<SessionId>,
    funding: BTreeSet<SessionId>,
    /// The subscribers of differential depth with their states, by [`Tempo`].
    depth: [BTreeMap<SessionId, DepthState>; 2],
    /// The subscribers of partial depth, by [`Tempo`] and then by number of levels ([`PARTIAL_COUNTS`]).
    partial: [[BTreeSet<SessionId>; 3]; 2],
}

impl Subscribers {
    /// Returns the set of a stream's subscribers; `None` for differential depth, and for streams over all symbols.
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

    pub(crate) const fn ticker(&self) -> &BTreeSet<SessionId> {
        &self.ticker
    }

    pub(crate) const fn trade(&self) -> &BTreeSet<SessionId> {
        &self.trade
    }

    pub(crate) const fn mark(&self) -> &BTreeSet<SessionId> {
        &self.mark
    }

    pub(crate) const fn funding(&self) -> &BTreeSet<SessionId> {
        &self.funding
    }

    pub(crate) fn partial(&self, tempo: Tempo) -> impl Iterator<Item = (&BTreeSet<SessionId>, usize)> {
        self.partial[tempo as usize].iter().zip(PARTIAL_COUNTS)
    }

    pub(crate) fn all_partial(&self) -> BTreeSet<SessionId> {
        self.partial.iter().flatten().flatten().copied().collect()
    }

    pub(crate) fn has_depth(&self, tempo: Tempo) -> bool {
        !self.depth[tempo as usize].is_empty()
    }

    /// Returns the sessions to which the exchange sends the changes of differential depth at a tempo.
    pub(crate) fn live_depth(&self, tempo: Tempo) -> impl Iterator<Item = &SessionId> {
        let subscribers = self.depth[tempo as usize].iter();
        subscribers.filter(|(_, state)| **state == DepthState::Live).map(|(session, _)| session)
    }

    pub(crate) fn all_depth_mut(&mut self) -> impl Iterator<Item = (&SessionId, &mut DepthState)> {
        self.depth.iter_mut().flatten()
    }

    pub(crate) fn depth_state(&self, tempo: Tempo, session: SessionId) -> Option<DepthState> {
        self.depth[tempo as usize].get(&session).copied()
    }

    pub(crate) fn follows_depth(&self, session: SessionId) -> bool {
        self.depth.iter().any(|subscribers| subscribers.contains_key(&session))
    }

    pub(crate) fn join_depth(&mut self, tempo: Tempo, session: SessionId, state: DepthState) {
        self.depth[tempo as usize].insert(session, state);
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

    pub(crate) fn wants_book(&self, tempo: Tempo) -> bool {
        let partial = &self.partial[tempo as usize];
        self.has_depth(tempo) || partial.iter().any(|set| !set.is_empty())
    }
}
