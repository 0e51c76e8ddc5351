//! [`Tempo`]: how often a depth stream is sent.

use std::time::Duration;

use gemini_ws::Cadence;

/// A [`Cadence`] that is ordered and can be used as an index.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Tempo {
    Fast,
    Second,
}

impl Tempo {
    pub(crate) const BOTH: [Tempo; 2] = [Tempo::Fast, Tempo::Second];

    pub(crate) const fn period(self) -> Duration {
        match self {
            Tempo::Fast => Duration::from_millis(100),
            Tempo::Second => Duration::from_secs(1),
        }
    }
}

impl From<Cadence> for Tempo {
    fn from(cadence: Cadence) -> Tempo {
        match cadence {
            Cadence::Fast => Tempo::Fast,
            Cadence::Second => Tempo::Second,
        }
    }
}
