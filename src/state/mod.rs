//! What an application believes: books, orders, balances and positions, fed by events.

pub(crate) mod balances;
pub(crate) mod books;
pub(crate) mod order;
pub(crate) mod order_book;
pub(crate) mod orders;
