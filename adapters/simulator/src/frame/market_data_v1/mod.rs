//! The frames of market data v1 (`marketdata-v1.md`).

pub(crate) mod options;
pub(crate) mod update;
