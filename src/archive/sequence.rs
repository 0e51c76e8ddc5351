//! [`Sequence`]: the numbers of the v1 endpoints, which rise by one with each frame or event of a link.

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sequence {
    next: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Gap {
    pub(super) expected: u64,
    pub(super) got: u64,
}

impl Sequence {
    pub(super) const fn count(&mut self, got: u64) -> Option<Gap> {
        let expected = self.next;
        self.next = got.saturating_add(1);
        if got == expected { None } else { Some(Gap { expected, got }) }
    }

    /// Adds one to the expected number, because a frame or event with an unknown number has come.
    pub(super) const fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/archive_sequence.rs"]
mod tests;
