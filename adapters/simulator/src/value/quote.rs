//! The numbers of a quote, and [`NewQuote`], a quote before it is accepted.

/// The number of decimals of a quote's price, which is between zero and one.
pub(crate) const PRICE_DECIMALS: u8 = 2;
/// The number of decimals of a quote's quantity, which is in contracts.
pub(crate) const QUANTITY_DECIMALS: u8 = 2;

/// A well-formed quote, before the exchange checks whether its request is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NewQuote {
    pub(crate) rfq_id: String,
    /// In hundredths, like the quantity.
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    /// In ms since 1970.
    pub(crate) valid_until: Option<i64>,
    pub(crate) client_id: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct QuoteName {
    pub(crate) rfq_id: String,
    pub(crate) quote_id: String,
}
