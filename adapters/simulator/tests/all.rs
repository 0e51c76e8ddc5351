//! All tests of the simulator, in one program, because linking a program for each file takes longer.

mod common;

mod accounts;
mod fault_specs;
mod faults;
#[cfg(feature = "server")]
mod hostile;
#[cfg(feature = "server")]
mod http;
mod layout;
mod ledger;
#[cfg(feature = "server")]
mod limits;
mod market_data_v1;
mod market_data_v2;
mod order_events;
mod orders;
mod private_streams;
mod quotes;
mod recordings;
mod rest;
mod restarts;
#[cfg(feature = "server")]
mod server;
mod sessions;
mod streams;
#[cfg(feature = "server")]
mod upgrades;
