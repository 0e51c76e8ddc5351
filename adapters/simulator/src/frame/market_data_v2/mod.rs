//! The frames of market data v2.

pub(crate) mod request;
pub(crate) mod update;
