//! [`Rate`]: a rate per second over the last two seconds.

use gemini_ws::Instant;

const INTERVAL_NANOS: u64 = 250_000_000;

/// The number of complete intervals from which the rate is computed: those of two seconds. The ring also has the
/// present, incomplete interval.
const INTERVALS: usize = 8;

/// The numbers of events in the last two seconds, by interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    /// A ring of counts. The index of an interval is its number modulo the length of the ring.
    counts: [u64; INTERVALS + 1],
    /// The number of the newest interval with a count.
    newest: u64,
    /// The number of the first interval with a count.
    first: Option<u64>,
}

impl Rate {
    pub(crate) fn add(&mut self, now: Instant, count: u64) {
        let interval = now.as_nanos() / INTERVAL_NANOS;
        let length = self.counts.len() as u64;
        // The ring has older counts at the places of the intervals since `newest`.
        for passed in 1..=interval.saturating_sub(self.newest).min(length) {
            self.counts[((self.newest + passed) % length) as usize] = 0;
        }
        if interval > self.newest + length {
            self.counts = [0; INTERVALS + 1];
        }
        self.newest = self.newest.max(interval);
        self.first.get_or_insert(interval);
        self.counts[(self.newest % length) as usize] += count;
    }

    /// Returns the mean rate in tenths of an event per second, over the last two seconds. If the first event is newer
    /// than that, the mean is over the time since its interval began. The present, incomplete interval is left out.
    pub(crate) fn tenths_per_second(&self, now: Instant) -> u64 {
        let interval = now.as_nanos() / INTERVAL_NANOS;
        let passed = self.first.map_or(0, |first| interval.saturating_sub(first)).min(INTERVALS as u64);
        if passed == 0 {
            return 0;
        }
        let length = self.counts.len() as u64;
        let full = (1..=INTERVALS as u64).filter_map(|back| interval.checked_sub(back));
        // Intervals after `newest` have no count yet.
        let known = full.filter(|interval| *interval <= self.newest && *interval + length > self.newest);
        let count: u64 = known.map(|interval| self.counts[(interval % length) as usize]).sum();
        count * 10 * 1_000_000_000 / (INTERVAL_NANOS * passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_last_two_seconds() {
        type Case<'c> = (&'c [(u64, u64)], u64, u64);
        // The counts, each with its time in ms; the time of the rate in ms; the expected tenths per second.
        let steady: Vec<_> = (0..40).map(|step| (step * 100, 3)).collect();
        let table: [Case<'_>; 8] = [
            (&[], 0, 0),
            (&[], 10_000, 0),
            (&[(0, 4)], 100, 0),
            (&[(0, 4)], 250, 160),
            (&[(0, 4)], 1_000, 40),
            (&[(0, 4)], 2_249, 20),
            (&[(0, 4)], 2_250, 0),
            (&steady, 4_000, 300),
        ];
        for (counts, at, expected) in table {
            let mut rate = Rate::default();
            for (time, count) in counts {
                rate.add(Instant::from_millis(*time), *count);
            }
            assert_eq!(rate.tenths_per_second(Instant::from_millis(at)), expected, "{counts:?} at {at}");
        }
    }

    #[test]
    fn a_long_pause_leaves_nothing_behind() {
        let mut rate = Rate::default();
        rate.add(Instant::from_secs(1), 1_000);
        rate.add(Instant::from_secs(1_000_000), 4);
        assert_eq!(rate.tenths_per_second(Instant::from_millis(1_000_000_250)), 20);
    }
}
