//! [`look_up`]: finds the addresses of a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::thread;

use async_lock::Semaphore;
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::is_localhost;

/// The maximum number of name look-ups at a time in this process. Further look-ups wait. The number includes a
/// look-up whose future was dropped, until the resolver answers.
pub const LOOK_UPS_MAX: usize = 64;

static TURNS: Semaphore = Semaphore::new(LOOK_UPS_MAX);

/// Returns the addresses of a host, with this port. There are three kinds of hosts:
///
/// - An address without a zone: the result is this address.
/// - A name that [`is_localhost`] accepts: the result is `127.0.0.1` and `::1`.
/// - Any other host: the system's resolver finds the addresses, in a separate thread.
///
/// Dropping the future does not stop the thread, but neither the runtime nor the end of the program waits for the
/// thread.
///
/// ```
/// use futures_lite::future::block_on;
/// use gemini_ws_transport::look_up;
///
/// assert_eq!(block_on(look_up("::1", 443)), Ok(vec!["[::1]:443".parse()?]));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// # Errors
///
/// [`ConnectFailure::NameLookup`] if the resolver reports an error, or its thread cannot be started.
pub async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectFailure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if is_localhost(host) {
        let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        return Ok(addresses.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    let turn = TURNS.acquire().await;
    let (found, answer) = async_channel::bounded(1);
    let host = host.to_owned();
    let look = move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(turn);
        let _ = found.try_send(addresses);
    };
    let started = thread::Builder::new().name("name look-up".to_owned()).spawn(look);
    started.map_err(|_| ConnectFailure::NameLookup)?;
    match answer.recv().await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(_)) | Err(_) => Err(ConnectFailure::NameLookup),
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn names_and_addresses() {
        // A name must not be this long, so the resolver asks no name server.
        let no_name = "x".repeat(300);
        for (host, is_found) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("localhost", true),
            ("a.LOCALHOST.", true),
            (&no_name, false),
        ] {
            let found = block_on(look_up(host, 80));
            let all = |addresses: Vec<SocketAddr>| {
                !addresses.is_empty() && addresses.iter().all(|it| it.port() == 80 && it.ip().is_loopback())
            };
            assert_eq!(
                found.map(all),
                if is_found { Ok(true) } else { Err(ConnectFailure::NameLookup) },
                "{host}"
            );
        }
    }
}
