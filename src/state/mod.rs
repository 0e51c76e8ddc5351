//! What an application knows about the venue: books, orders, balances, positions and quotes.

mod account;
pub(crate) mod balances;
pub(crate) mod book;
pub(crate) mod book_top;
pub(crate) mod books;
pub(crate) mod changes;
pub(crate) mod fill;
mod followed;
pub(crate) mod ladder;
pub(crate) mod order;
pub(crate) mod order_book;
pub(crate) mod order_index;
pub(crate) mod order_state;
pub(crate) mod orders;
pub(crate) mod positions;
pub(crate) mod quotes;
pub(crate) mod reconciling;
mod row_links;
pub(crate) mod sums;
pub(crate) mod truth;
mod unnamed;
