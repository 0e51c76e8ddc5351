//! Tests of the private parts of `archive/sequence.rs`.

use super::*;

#[test]
fn each_number_is_the_next_or_shows_a_gap() {
    let mut sequence = Sequence::default();
    // The received number, and the expected number if it is another one.
    for (got, expected) in [(0, None), (1, None), (3, Some(2)), (4, None), (2, Some(5)), (3, None)] {
        let gap = expected.map(|expected| Gap { expected, got });
        assert_eq!(sequence.count(got), gap, "{got}");
    }
    sequence.skip();
    assert_eq!(sequence.count(5), None);
    assert_eq!(sequence.count(u64::MAX), Some(Gap { expected: 6, got: u64::MAX }));
    assert_eq!(sequence.count(u64::MAX), None);
}
