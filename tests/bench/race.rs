//! [`race`]: times contestants that run in turns.

use std::time::{Duration, Instant};

/// How long one row of the table runs.
const ROW: Duration = Duration::from_millis(2000);
/// The duration of one batch. It is long compared with the clock's resolution, and short compared with a time slice
/// of the scheduler.
const BATCH: Duration = Duration::from_micros(300);

/// The time of each batch of each contestant, in nanoseconds per frame.
#[derive(Debug)]
pub(crate) struct Times(Vec<Vec<f64>>);

impl Times {
    pub(crate) fn median(&self, contestant: usize) -> f64 {
        median(self.0[contestant].clone())
    }

    /// Returns the median of the ratios of two contestants' times, `of` divided by `to`. Each ratio is that of two
    /// batches that ran one after the other, so that other load affected both.
    pub(crate) fn ratio(&self, of: usize, to: usize) -> f64 {
        median(self.0[of].iter().zip(&self.0[to]).map(|(of, to)| of / to).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the contestants in turns, one batch each, until [`ROW`] has passed. `frames` is how many frames one call of a
/// contestant decodes.
pub(crate) fn race(contestants: &mut [Box<dyn FnMut() + '_>], frames: usize) -> Times {
    let rounds: Vec<u32> = contestants
        .iter_mut()
        .map(|contestant| {
            contestant();
            let start = Instant::now();
            contestant();
            let once = start.elapsed().as_nanos().max(1);
            u32::try_from(BATCH.as_nanos() / once).unwrap().max(1)
        })
        .collect();
    let mut times = vec![Vec::new(); contestants.len()];
    let start = Instant::now();
    while start.elapsed() < ROW {
        for ((contestant, rounds), times) in contestants.iter_mut().zip(&rounds).zip(&mut times) {
            let start = Instant::now();
            for _ in 0..*rounds {
                contestant();
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(*rounds) / frames as f64);
        }
    }
    Times(times)
}
