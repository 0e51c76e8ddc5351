//! [`PlannedFaults`]: the beginnings and ends of faults that are still to come.

use std::collections::BTreeMap;

use gemini_ws::Symbol;

use super::fault_spec::FaultAction;
use crate::value::id::SessionId;

/// The most faults that can be planned by specifications and have not had their effect.
pub const PLANNED_FAULTS_MAX: usize = 1_000;

/// What happens to a fault.
#[derive(Clone, Debug)]
pub(crate) enum Planned {
    Begin(FaultAction),
    EndStall(Vec<SessionId>),
    EndHalt,
    OpenMarket(Symbol),
    EndRestFailure,
}

/// Faults by the numbers of their tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlannedFaults {
    waiting: BTreeMap<u64, Planned>,
    last: u64,
}

impl PlannedFaults {
    /// Adds a fault and returns its number.
    pub(crate) fn add(&mut self, planned: Planned) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, planned);
        self.last
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<Planned> {
        self.waiting.remove(&number)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
