//! Runs the cases of a test on all cores.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const PORTION: u64 = 32;

/// Runs a case for each seed, on as many threads as there are cores, and returns the states of the threads. A case
/// must depend on its seed only.
///
/// # Panics
///
/// If a case panics. The other threads end their cases first.
pub fn on_all_cores<S: Send>(
    seeds: Range<u64>,
    state: impl Fn() -> S + Sync,
    case: impl Fn(&mut S, u64) + Sync,
) -> Vec<S> {
    let next = AtomicU64::new(seeds.start);
    let run = || {
        let mut state = state();
        loop {
            let first = next.fetch_add(PORTION, Ordering::Relaxed);
            if first >= seeds.end {
                return state;
            }
            (first..(first + PORTION).min(seeds.end)).for_each(|seed| case(&mut state, seed));
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a case failed, see above")).collect()
    })
}
