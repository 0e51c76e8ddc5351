//! [`Names`]: looks up the name of a member, or the text value of a member such as `type`, in a fixed list.

use crate::message::Text;

/// Known names, and a hash table that finds most of them with one comparison.
pub(super) struct Names<const N: usize> {
    names: [&'static str; N],
    /// For each hash, the index of the first name that has it; `N` if no name has it.
    places: [u8; 64],
}

impl<const N: usize> Names<N> {
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler runs it")]
    pub(super) const fn new(names: [&'static str; N]) -> Names<N> {
        assert!(N < 256, "a place is a byte");
        let mut places = [N as u8; 64];
        let mut place = N;
        while place > 0 {
            place -= 1;
            places[hash(names[place].as_bytes())] = place as u8;
        }
        Names { names, places }
    }

    /// Returns the index of a name; `N` if the name is unknown.
    #[inline(always)]
    pub(super) fn find(&self, name: &[u8]) -> usize {
        let place = usize::from(*self.places.get(hash(name)).unwrap_or(&u8::MAX));
        match (self.names.get(place).map(|found| found.as_bytes()), name) {
            (Some([found]), [letter]) if found == letter => place,
            (Some(found), [_, _, ..]) if found == name => place,
            (Some(_), _) => self.search(name),
            (None, _) => N,
        }
    }

    /// Returns the index of the name that a text, perhaps with escapes, stands for; `N` if the name is unknown.
    #[inline(always)]
    pub(super) fn find_text(&self, text: Text<'_>) -> usize {
        match self.find(text.raw().as_bytes()) {
            place if place == N => self.find_escaped(text),
            place => place,
        }
    }

    #[cold]
    fn find_escaped(&self, text: Text<'_>) -> usize {
        let place = || self.names.iter().position(|name| text == **name);
        if text.raw().contains('\\') { place().unwrap_or(N) } else { N }
    }

    #[inline(never)]
    fn search(&self, name: &[u8]) -> usize {
        self.names.iter().position(|found| found.as_bytes() == name).unwrap_or(N)
    }
}

/// Returns the hash of a name, at most 63. Names of a single letter have different hashes.
#[inline(always)]
const fn hash(name: &[u8]) -> usize {
    match name {
        [letter] => (*letter & 63) as usize,
        [first, .., last] => (first.wrapping_mul(5) ^ last.wrapping_mul(3) ^ name.len() as u8) as usize & 63,
        [] => 0,
    }
}
