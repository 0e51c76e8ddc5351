//! The market itself: matching orders, moving prices, and the status of contracts. Nothing in this folder knows
//! sessions or frames.

pub(crate) mod auctions;
pub(crate) mod candles;
pub(crate) mod contracts;
pub(crate) mod engine;
pub(crate) mod fact;
pub(crate) mod flow;
pub(crate) mod perpetual;
pub(crate) mod publisher;
pub(crate) mod tape;
