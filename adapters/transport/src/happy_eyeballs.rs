//! [`first_of`]: connects to the first address of a host that answers.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_lite::future::or;
use gemini_ws_driver::gemini_ws::ConnectFailure;
use gemini_ws_driver::io_failure;

/// How long an attempt runs before [`first_of`] also tries the next address (RFC 8305, section 5).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address that answers, in the manner of RFC 8305. IPv4 and IPv6 addresses alternate,
/// beginning with the family of the first address. Repeated addresses are tried once. The next attempt begins when a
/// running attempt fails, or [`ATTEMPT_DELAY`] after the latest attempt began. When an attempt succeeds, the other
/// attempts are dropped.
///
/// `connect` connects to an address, and `pause` waits for a time. `first_of` sets no limit for the whole time: if
/// the last attempt neither succeeds nor fails, `first_of` waits until its future is dropped.
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use futures_lite::future::{block_on, pending};
/// use gemini_ws_transport::first_of;
///
/// let addresses: [SocketAddr; 2] = ["[2001:db8::1]:443".parse()?, "192.0.2.1:443".parse()?];
/// let connect = async |address: SocketAddr| match address.is_ipv4() {
///     true => Ok(address),
///     false => pending::<io::Result<SocketAddr>>().await,
/// };
/// assert_eq!(block_on(first_of(addresses, connect, async |_| ())), Ok(addresses[1]));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// # Errors
///
/// The failure of the attempt that failed last. [`ConnectFailure::NameLookup`] if there is no address.
pub async fn first_of<S>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
    pause: impl AsyncFn(Duration),
) -> Result<S, ConnectFailure> {
    let mut waiting = by_turns(addresses).into_iter().peekable();
    let mut trying = Vec::new();
    let mut failure = ConnectFailure::NameLookup;
    loop {
        match waiting.next() {
            Some(address) => trying.push(Box::pin(connect(address))),
            None if trying.is_empty() => return Err(failure),
            None => {}
        }
        let has_more = waiting.peek().is_some();
        let next = async {
            if has_more {
                pause(ATTEMPT_DELAY).await;
            } else {
                std::future::pending::<()>().await;
            }
            None
        };
        match or(async { Some(any_of(&mut trying).await) }, next).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = io_failure(&error),
            None => {}
        }
    }
}

/// Waits until one of these futures is ready, and removes it.
async fn any_of<F: Future>(trying: &mut Vec<Pin<Box<F>>>) -> F::Output {
    poll_fn(|context| {
        for position in 0..trying.len() {
            let Some(attempt) = trying.get_mut(position) else { break };
            if let Poll::Ready(done) = attempt.as_mut().poll(context) {
                drop(trying.swap_remove(position));
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    })
    .await
}

/// Removes repeated addresses. In the result, IPv4 and IPv6 addresses alternate, beginning with the family of the
/// first address. Within a family, the order does not change.
fn by_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    let is_first = all.first().map(SocketAddr::is_ipv4);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| Some(address.is_ipv4()) == is_first);
    let mut mixed = Vec::new();
    first.reverse();
    second.reverse();
    while !first.is_empty() || !second.is_empty() {
        mixed.extend(first.pop());
        mixed.extend(second.pop());
    }
    mixed
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_lite::future::{block_on, pending, poll_once, yield_now};

    use super::*;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        for (given, tried) in [
            ("[::1]:1 [::2]:1 [::3]:1 1.0.0.1:1", "[::1]:1 1.0.0.1:1 [::2]:1 [::3]:1"),
            ("1.0.0.1:1 1.0.0.2:1 [::1]:1 1.0.0.1:1", "1.0.0.1:1 [::1]:1 1.0.0.2:1"),
            ("1.0.0.1:1", "1.0.0.1:1"),
            ("", ""),
        ] {
            assert_eq!(by_turns(addresses(given)), addresses(tried), "{given}");
        }
    }

    /// An attempt to connect. The port decides the result: 0 never ends, 1 is refused at once, 2 succeeds at once,
    /// and 3 succeeds after some polls.
    async fn answers(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.port() {
            0 => pending().await,
            1 => Err(io::ErrorKind::ConnectionRefused.into()),
            2 => Ok(address),
            _ => {
                for _ in 0..5 {
                    yield_now().await;
                }
                Ok(address)
            }
        }
    }

    /// Each row has the addresses, how many pauses end, the expected result, and how many addresses are tried.
    #[test]
    fn attempts_begin_one_by_one() {
        let refused = Err(ConnectFailure::Refused);
        for (given, pauses, expected, tried) in [
            ("1.0.0.1:2 1.0.0.2:2", 0, Some(Ok("1.0.0.1:2")), 1),
            ("1.0.0.1:1 1.0.0.2:2", 0, Some(Ok("1.0.0.2:2")), 2),
            ("1.0.0.1:1 1.0.0.2:1", 0, Some(refused), 2),
            ("1.0.0.1:0 1.0.0.2:2", 0, None, 1),
            ("1.0.0.1:0 1.0.0.2:2", 1, Some(Ok("1.0.0.2:2")), 2),
            ("1.0.0.1:0 [::1]:0 1.0.0.2:2", 2, Some(Ok("1.0.0.2:2")), 3),
            ("1.0.0.1:3 1.0.0.2:0", 1, Some(Ok("1.0.0.1:3")), 2),
            ("1.0.0.1:0 1.0.0.2:1", 9, None, 2),
            ("", 0, Some(Err(ConnectFailure::NameLookup)), 0),
        ] {
            let (left, seen) = (Cell::new(pauses), RefCell::new(0));
            let connect = async |address| {
                *seen.borrow_mut() += 1;
                answers(address).await
            };
            let pause = async |longest| {
                assert_eq!(longest, ATTEMPT_DELAY);
                match left.get() {
                    0 => pending().await,
                    some => left.set(some - 1),
                }
            };
            let mut first = Box::pin(first_of(addresses(given), connect, pause));
            let mut done = None;
            for _ in 0..20 {
                done = done.or(block_on(poll_once(&mut first)));
                if done.is_some() {
                    break;
                }
            }
            let expected = expected.map(|it: Result<&str, _>| it.map(|address| address.parse().unwrap()));
            assert_eq!((done, *seen.borrow()), (expected, tried), "{given} {pauses}");
        }
    }
}
