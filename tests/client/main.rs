//! Tests a client of many links: which links there are, what goes over which, and that the end of one affects no
//! other.

mod ends;
mod harness;
mod life;
mod limits;
mod links;
mod subscriptions;
