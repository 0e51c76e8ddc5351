//! [`PlannedFaults`]: the beginnings and ends of faults that are still to come.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::Symbol;

use super::fault_spec::FaultAction;
use crate::value::id::SessionId;

/// The maximum number of faults that can be planned at a time.
/// [`Exchange::plan_faults`](crate::Exchange::plan_faults) refuses a text that would exceed this number. Methods of
/// [`Faults`](crate::Faults) do not check the number. The number includes:
///
/// - faults that have not begun;
/// - faults with a duration that have not ended;
/// - faults of later depth updates that have not had their effect;
/// - refusals of subscribe requests and of upgrades, until the exchange has refused as many as planned.
pub const PLANNED_FAULTS_MAX: usize = 1_000;

#[derive(Clone, Debug)]
pub(crate) enum Planned {
    Begin(FaultAction),
    EndStall(Vec<SessionId>),
    EndHalt,
    OpenMarket(Symbol),
    EndRestFailure,
}

/// The beginnings and ends of faults that are still to come, by the number in
/// [`Task::Fault`](super::schedule::Task::Fault).
#[derive(Clone, Debug, Default)]
pub(crate) struct PlannedFaults {
    waiting: BTreeMap<u64, Planned>,
    last: u64,
}

impl PlannedFaults {
    pub(crate) fn add(&mut self, planned: Planned) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, planned);
        self.last
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<Planned> {
        self.waiting.remove(&number)
    }

    pub(crate) fn has(&self, property: impl Fn(&Planned) -> bool) -> bool {
        self.waiting.values().any(property)
    }

    /// Returns the sessions of `sessions` that no remaining [`Planned::EndStall`] contains.
    pub(crate) fn stalled_no_longer(&self, sessions: Vec<SessionId>) -> BTreeSet<SessionId> {
        let mut sessions = BTreeSet::from_iter(sessions);
        for planned in self.waiting.values() {
            if let Planned::EndStall(others) = planned {
                for other in others {
                    sessions.remove(other);
                }
            }
        }
        sessions
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
