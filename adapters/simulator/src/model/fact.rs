//! The data that the market publishes, before the exchange writes it into frames.

use super::engine::PriceQuantity;

/// The best bid and the best ask.
pub(crate) type Top = [Option<PriceQuantity>; 2];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Funding {
    /// In ns since 1970.
    pub(crate) funding_time: i64,
    /// The amount, in units of the fifth decimal.
    pub(crate) amount: i64,
    /// The funding rate, in thousandths of a percent.
    pub(crate) rate: i64,
    pub(crate) mark: u64,
    pub(crate) is_realized: bool,
}

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
