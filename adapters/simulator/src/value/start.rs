//! [`Start`]: the first ids of an exchange, chosen so that a restarted exchange repeats none.

use gemini_ws::Timestamp;

/// The default of the venue's time at [`Instant::ZERO`](gemini_ws::Instant::ZERO): a whole second in September
/// 2026. It is fixed, so that runs can be repeated.
pub const EPOCH: Timestamp = Timestamp::from_nanos(1_790_732_601_000_000_000);

/// `MICROS_MIN` and `MICROS_MAX` are the limits of epochs, in µs relative to [`EPOCH`]: from 1995 to 2153. An epoch
/// outside these limits gets the first ids of the nearest limit. So the first ids of orders and of the market are
/// always positive, and those of the market are always below 2⁵³.
const MICROS_MIN: i64 = -1_000_000_000_000_000;
const MICROS_MAX: i64 = 4_000_000_000_000_000;

/// The distance of an epoch from [`EPOCH`]. The first ids grow with this distance, so that an exchange with a later
/// epoch and the same seed repeats no id.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Start {
    nanos: i64,
}

impl Start {
    pub(crate) const fn of(epoch: Timestamp) -> Start {
        let nanos = epoch.as_nanos().saturating_sub(EPOCH.as_nanos());
        let (least, most) = (MICROS_MIN.saturating_mul(1_000), MICROS_MAX.saturating_mul(1_000));
        let nanos = if nanos < least {
            least
        } else if nanos > most {
            most
        } else {
            nanos
        };
        Start { nanos }
    }

    /// Returns `first` plus one for each microsecond from [`EPOCH`] to this epoch. A later epoch repeats no id, if
    /// the exchange uses fewer than a million ids per second.
    pub(crate) const fn by_micros(self, first: u64) -> u64 {
        first.saturating_add_signed(self.nanos.div_euclid(1_000))
    }

    /// Returns `first` plus one for each 100 ns from [`EPOCH`] to this epoch. A later epoch repeats no id, if the
    /// exchange uses fewer than ten million ids per second.
    pub(crate) const fn by_tenths_of_micros(self, first: u64) -> u64 {
        first.saturating_add_signed(self.nanos.div_euclid(100))
    }

    /// Returns a different seed for each epoch.
    pub(crate) const fn seed(self, seed: u64) -> u64 {
        seed ^ self.nanos.cast_unsigned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_epoch() {
        const REFERENCE_NANOS: i64 = EPOCH.as_nanos();
        const FIRST: u64 = 2_840_141_030_659_933;
        let start = |nanos| Start::of(Timestamp::from_nanos(nanos));
        let table = [
            (REFERENCE_NANOS, FIRST, FIRST),
            (REFERENCE_NANOS + 1_000_000_000, FIRST + 1_000_000, FIRST + 10_000_000),
            (REFERENCE_NANOS - 2_000, FIRST - 2, FIRST - 20),
        ];
        for (epoch, slow, fast) in table {
            let start = start(epoch);
            assert_eq!((start.by_micros(FIRST), start.by_tenths_of_micros(FIRST)), (slow, fast), "{epoch}");
        }
        // JSON numbers can hold the first ids of the market.
        for epoch in [i64::MIN, -1, 0, i64::MAX] {
            let first = start(epoch).by_micros(FIRST);
            assert!(first > 1_000_000_000_000_000 && first < 1 << 53, "{epoch}: {first}");
            let first = start(epoch).by_tenths_of_micros(73_797_746_498_585_286);
            assert!(first > 1 << 53 && first < 1 << 60, "{epoch}: {first}");
        }
        assert_eq!(start(REFERENCE_NANOS).seed(7), 7);
        assert_ne!(start(REFERENCE_NANOS + 1).seed(7), 7);
    }
}
