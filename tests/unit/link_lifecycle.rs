//! Tests of the private parts of `link/lifecycle.rs`.

use super::*;

#[test]
fn rows_and_columns_are_numbered_by_the_enums() {
    for (position, (input, _)) in LINK.iter().enumerate() {
        assert_eq!(*input as usize, position);
    }
    for (position, state) in STATES.iter().enumerate() {
        assert_eq!(*state as usize, position);
    }
    for (position, (input, _)) in STREAM.iter().enumerate() {
        assert_eq!(*input as usize, position);
    }
    for (position, state) in STREAM_STATES.iter().enumerate() {
        assert_eq!(*state as usize, position);
    }
}
