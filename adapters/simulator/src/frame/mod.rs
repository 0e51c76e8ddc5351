//! The frames between sessions and the exchange, as text: one file for each kind of frame.

pub(crate) mod market_data_v1;
pub(crate) mod market_data_v2;
pub(crate) mod members;
pub(crate) mod order_entry;
pub(crate) mod order_events_v1;
pub(crate) mod private;
pub(crate) mod public;
pub(crate) mod quote_entry;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod rest;
pub(crate) mod upgrade;
