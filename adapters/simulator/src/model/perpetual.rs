//! [`Perpetual`]: the mark price and the funding of a perpetual.

use std::time::Duration;

use gemini_ws::Instant;

use crate::model::fact::Funding;
use crate::value::instrument::{Instrument, power};
use crate::value::random::Random;

/// The time between mark prices. An unchanged mark price is not sent.
const MARK_PERIOD: Duration = Duration::from_secs(5);
const MINUTE_NANOS: i64 = 60_000_000_000;
const HOUR_NANOS: i64 = 60 * MINUTE_NANOS;

#[derive(Clone, Debug)]
pub(crate) struct Perpetual {
    random: Random,
    last_mark: Option<u64>,
    /// The funding rate, in thousandths of a percent.
    rate: i64,
}

impl Perpetual {
    pub(crate) fn new(instrument: &Instrument, seed: u64) -> Perpetual {
        let random = Random::for_name(!seed, instrument.symbol.as_str());
        Perpetual { random, last_mark: None, rate: 10 }
    }

    /// Returns the mark price and the index price, if the mark price has changed.
    pub(crate) fn mark(&mut self, fair: u64) -> Option<(u64, u64)> {
        if self.last_mark.replace(fair) == Some(fair) {
            return None;
        }
        let spread = fair / 1_000;
        Some((fair, fair - spread / 2 + self.random.below(spread + 1)))
    }

    /// Changes the funding rate at random and returns the funding. The funding is realized at the next full hour, or
    /// now if `venue_time` is a full hour.
    pub(crate) fn funding(&mut self, instrument: &Instrument, fair: u64, venue_time: i64) -> Funding {
        let step = i64::try_from(self.random.below(3)).unwrap_or(0) - 1;
        self.rate = (self.rate + step).clamp(-50, 50);
        self.present_funding(instrument, fair, venue_time)
    }

    pub(crate) fn present_funding(&self, instrument: &Instrument, fair: u64, venue_time: i64) -> Funding {
        // A percentage with three decimals times the price gives an amount with five decimals.
        let amount = i128::from(fair) * i128::from(self.rate) / i128::from(power(instrument.price_decimals));
        let is_realized = venue_time.rem_euclid(HOUR_NANOS) == 0;
        let hours = venue_time.div_euclid(HOUR_NANOS) + i64::from(!is_realized);
        Funding {
            funding_time: hours.saturating_mul(HOUR_NANOS),
            amount: i64::try_from(amount).unwrap_or(0),
            rate: self.rate,
            mark: fair,
            is_realized,
        }
    }
}

/// Returns when the next mark price is due. `phase`, in ns, shifts the times of a symbol.
pub(crate) fn next_mark(now: Instant, phase: u64) -> Instant {
    let period = u64::try_from(MARK_PERIOD.as_nanos()).unwrap_or(u64::MAX);
    let passed = (now.as_nanos() % period + period - phase % period) % period;
    now + Duration::from_nanos(period - passed)
}

/// Returns the next full minute of the venue's time. `epoch` is the venue's time at `Instant::ZERO`.
pub(crate) fn next_funding(now: Instant, epoch: i64) -> Instant {
    let venue_time = epoch.saturating_add_unsigned(now.as_nanos());
    let left = MINUTE_NANOS - venue_time.rem_euclid(MINUTE_NANOS);
    now + Duration::from_nanos(left.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_times() {
        assert_eq!(next_funding(Instant::ZERO, 7 * 1_000_000_000), Instant::from_secs(53));
        assert_eq!(next_funding(Instant::from_secs(53), 7 * 1_000_000_000), Instant::from_secs(113));
        assert_eq!(next_mark(Instant::ZERO, 2_000_000_000), Instant::from_secs(2));
        assert_eq!(next_mark(Instant::from_secs(2), 2_000_000_000), Instant::from_secs(7));
        assert_eq!(next_mark(Instant::from_secs(3), 2_000_000_000), Instant::from_secs(7));
    }

    #[test]
    fn amounts() {
        let instrument = Instrument::of("btcgusdperp".parse().unwrap());
        let mut perpetual = Perpetual::new(&instrument, 1);
        for minute in 0..=60 {
            let funding = perpetual.funding(&instrument, 77_302_223, 3 * HOUR_NANOS + minute * MINUTE_NANOS);
            let is_realized = minute % 60 == 0;
            let expected = if minute == 0 { 3 * HOUR_NANOS } else { 4 * HOUR_NANOS };
            assert_eq!((funding.is_realized, funding.funding_time), (is_realized, expected));
            assert_eq!(funding.amount, 77_302_223 * funding.rate / 1_000);
        }
        assert!(perpetual.mark(1_000).is_some() && perpetual.mark(1_000).is_none());
    }
}
