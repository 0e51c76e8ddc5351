//! The values that every part of the exchange uses: numbers, ids and random numbers.

pub(crate) mod amount;
pub(crate) mod id;
pub(crate) mod instrument;
pub(crate) mod order;
pub(crate) mod quote;
pub(crate) mod random;
pub(crate) mod start;
pub(crate) mod tempo;
