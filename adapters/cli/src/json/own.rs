//! Lines of `watch --json` that are not events, and the times of all lines.

use std::time::{SystemTime, UNIX_EPOCH};

use gemini_ws::{Instant, Symbol};
use serde::Serialize;

use super::stable::Count;
use crate::watch::Summary;

/// The version of the schema in `schema/`. It changes when a member changes its type or is removed.
const SCHEMA: u32 = 1;

/// Converts instants of the client's clock to nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    instant: Instant,
    unix_nanos: u64,
}

impl Times {
    pub(crate) fn at(now: Instant) -> Times {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Times { instant: now, unix_nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Returns when the converter was created, in nanoseconds since 1970.
    pub(crate) const fn now(self) -> u64 {
        self.unix_nanos
    }

    pub(crate) const fn of(self, instant: Instant) -> u64 {
        let (now, then) = (self.instant.as_nanos(), instant.as_nanos());
        if then >= now {
            self.unix_nanos.saturating_add(then - now)
        } else {
            self.unix_nanos.saturating_sub(now - then)
        }
    }
}

/// The first line of `watch --json`: the venue and the symbols.
#[derive(Serialize)]
pub(crate) struct Started<'s> {
    time: u64,
    kind: &'static str,
    schema: u32,
    version: &'static str,
    venue: &'s str,
    symbols: &'s [Symbol],
}

impl<'s> Started<'s> {
    pub(crate) const fn new(times: Times, venue: &'s str, symbols: &'s [Symbol]) -> Started<'s> {
        let version = env!("CARGO_PKG_VERSION");
        Started { time: times.now(), kind: "started", schema: SCHEMA, version, venue, symbols }
    }
}

/// The line of `watch --json` for the end of a recording.
#[derive(Serialize)]
pub(crate) struct ReplayEnded {
    time: u64,
    kind: &'static str,
    lines: Count,
}

impl ReplayEnded {
    pub(crate) const fn new(times: Times, lines: u64) -> ReplayEnded {
        ReplayEnded { time: times.now(), kind: "replay_ended", lines: Count(lines) }
    }
}

/// The last line of `watch --json`: the counters of the run.
#[derive(Serialize)]
pub(crate) struct Summarized {
    time: u64,
    kind: &'static str,
    frames: Count,
    events: Count,
    malformed: Count,
    malformed_elements: Count,
    unrecognized: Count,
    gaps: Count,
    resyncs: Count,
    reconnects: Count,
    crossed: Count,
    top_mismatches: Count,
    tops_compared: Count,
}

impl Summarized {
    pub(crate) const fn new(times: Times, summary: Summary) -> Summarized {
        Summarized {
            time: times.now(),
            kind: "summary",
            frames: Count(summary.frames),
            events: Count(summary.events),
            malformed: Count(summary.malformed),
            malformed_elements: Count(summary.malformed_elements),
            unrecognized: Count(summary.unrecognized),
            gaps: Count(summary.gaps),
            resyncs: Count(summary.resyncs),
            reconnects: Count(summary.reconnects),
            crossed: Count(summary.crossed),
            top_mismatches: Count(summary.top_mismatches),
            tops_compared: Count(summary.tops_compared),
        }
    }
}
