//! [`Bytes`]: the decisions of a fuzzer, a file or a seed.

use std::collections::VecDeque;

/// Decisions, one byte each. Every decision after the last byte is zero.
#[derive(Debug)]
pub(crate) struct Bytes(VecDeque<u8>);

impl Bytes {
    pub(crate) fn new(data: &[u8]) -> Bytes {
        Bytes(data.iter().copied().collect())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn next(&mut self) -> u8 {
        self.0.pop_front().unwrap_or(0)
    }

    pub(crate) fn below(&mut self, count: u8) -> u8 {
        self.next() % count
    }
}
