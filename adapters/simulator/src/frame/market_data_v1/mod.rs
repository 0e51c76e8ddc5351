//! The frames of market data v1.

pub(crate) mod options;
pub(crate) mod update;
