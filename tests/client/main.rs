//! Tests a client of many links: which links it opens, which link carries each stream and request, and that the end
//! of one link affects no other link.

mod ends;
mod harness;
mod life;
mod limits;
mod links;
mod subscriptions;
