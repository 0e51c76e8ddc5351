//! The words of a quote, and [`NewQuote`], which is one before it is accepted.

/// The grid of quotes: prices between zero and one in hundredths, contracts in hundredths.
pub(crate) const PRICE_DECIMALS: u8 = 2;
pub(crate) const QUANTITY_DECIMALS: u8 = 2;

/// A quote that is well formed; whether its request is open is not known yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NewQuote {
    pub(crate) rfq_id: String,
    /// In hundredths, as the quantity.
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    /// In ms since 1970.
    pub(crate) valid_until: Option<i64>,
    pub(crate) client_id: Option<String>,
}

/// The ids of a quote and of its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct QuoteName {
    pub(crate) rfq_id: String,
    pub(crate) quote_id: String,
}
