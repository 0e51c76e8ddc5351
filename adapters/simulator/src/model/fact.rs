//! What the market says of itself, before anybody writes it into a frame.

use super::engine::PriceQuantity;

/// Best bid and best ask.
pub(crate) type Top = [Option<PriceQuantity>; 2];

/// What a `fundingAmount` frame says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Funding {
    /// Nanoseconds since 1970 of the funding instant.
    pub(crate) funding_time: i64,
    /// Units of the fifth decimal.
    pub(crate) amount: i64,
    /// Units of the third decimal of a percent, sent with two zeros more.
    pub(crate) rate: i64,
    pub(crate) mark: u64,
    pub(crate) is_realized: bool,
}

/// What a `contractStatus` frame says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract<'t> {
    pub(crate) event_millis: i64,
    pub(crate) symbol: &'t str,
    pub(crate) event_ticker: &'t str,
    pub(crate) contract_ticker: &'t str,
    pub(crate) id: u64,
    pub(crate) strike: Option<&'t str>,
    pub(crate) previous_status: &'t str,
    pub(crate) status: &'t str,
}
