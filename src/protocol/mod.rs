//! One page for each of the venue's APIs, and one page for the quirks of the APIs.
//!
//! The pages are Markdown files in the folder of this module. Link to a section as
//! `crate::protocol::streams#snapshots`; `tests/protocol.rs` checks that the heading of the section exists.

#[doc = include_str!("market_data_v1.md")]
pub mod market_data_v1 {}
#[doc = include_str!("market_data_v2.md")]
pub mod market_data_v2 {}
#[doc = include_str!("order_events_v1.md")]
pub mod order_events_v1 {}
#[doc = include_str!("quirks.md")]
pub mod quirks {}
#[doc = include_str!("rest.md")]
pub mod rest {}
#[doc = include_str!("streams.md")]
pub mod streams {}
