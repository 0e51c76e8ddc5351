//! What the examples of this folder have in common: an exchange to connect to.

#![forbid(unsafe_code)]

use std::net::Ipv4Addr;

use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Config, Exchange};

/// The address on the command line, or that of a simulated exchange, which is started in a thread.
///
/// # Panics
///
/// If the system has no port for it.
pub fn address() -> String {
    if let Some(address) = std::env::args().nth(1) {
        return address;
    }
    let market = Config::market(["btcusd".parse().expect("a symbol")]).events_per_second(200);
    let mut server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), Exchange::new(market, 1)).expect("a port");
    let address = format!("ws://{}", server.local_addr());
    std::thread::spawn(move || futures_lite::future::block_on(async { match server.run().await {} }));
    address
}
