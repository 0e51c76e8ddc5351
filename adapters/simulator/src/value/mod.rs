//! The values that every part of the exchange uses: numbers, names and chance.

pub(crate) mod amount;
pub(crate) mod instrument;
pub(crate) mod random;
