//! The frames of market data v2 (`marketdata-v2.md`).

pub(crate) mod request;
pub(crate) mod update;
