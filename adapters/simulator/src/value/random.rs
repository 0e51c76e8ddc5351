//! [`Random`]: the only source of random numbers. It is seeded, so that a run can be repeated.

/// A SplitMix64 generator. Any seed is a good one.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// Creates a separate generator for a name, so that its numbers do not depend on which other names there are.
    pub(crate) fn for_name(seed: u64, name: &str) -> Random {
        Random::new(seed ^ hash(name))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `limit - 1`; 0 if `limit` is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        (product >> 64) as u64
    }

    pub(crate) fn chance(&mut self, of: u64, out_of: u64) -> bool {
        self.below(out_of) < of
    }
}

/// Returns the FNV-1a hash of a name, regardless of case.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_stays_below() {
        let (mut first, mut second) = (Random::new(7), Random::new(7));
        for limit in [0, 1, 2, 10, u64::MAX] {
            let number = first.below(limit);
            assert_eq!(number, second.below(limit));
            assert!(number < limit.max(1));
        }
        assert_ne!(Random::for_name(7, "btcusd").next(), Random::for_name(7, "ethusd").next());
        assert_eq!(hash("BTCUSD"), hash("btcusd"));
    }
}
