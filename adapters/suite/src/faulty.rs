//! [`Faulty`]: a network with faults, between a client and a server on the loopback interface.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// The faults among which `Faulty` chooses one for each connection. A fault happens at once, or within six seconds.
const FAULTS: [Fault; 9] = [
    Fault::Refuse,
    Fault::Silence,
    Fault::Cut,
    Fault::Reset,
    Fault::HalfClose,
    Fault::Stall,
    Fault::Deaf,
    Fault::OneByte,
    Fault::None,
];

/// The duration of faults that keep the connection open. [`Fault::Deaf`] lasts twice as long.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// `Faulty` accepts the connection and closes it at once.
    Refuse,
    /// `Faulty` accepts the connection and then does nothing.
    Silence,
    /// `Faulty` closes both sockets.
    Cut,
    /// `Faulty` resets both sockets.
    Reset,
    /// `Faulty` ends the direction to the client. The direction to the server stays open for a while.
    HalfClose,
    /// `Faulty` holds bytes back for a while.
    Stall,
    /// `Faulty` no longer passes on the bytes of the client.
    Deaf,
    /// `Faulty` passes bytes on one at a time.
    OneByte,
    /// The connection works until `Faulty` is dropped.
    None,
}

/// The modes of one direction of a connection. `PASS` passes bytes on as they arrive, `STALL` holds them back, and
/// `ONE_BYTE` passes them on one at a time. `RESET` passes bytes on like `PASS`. But when a direction in this mode
/// ends, it does not shut down the socket that it writes to, because dropping this socket must reset the connection.
const PASS: u8 = 0;
const STALL: u8 = 1;
const ONE_BYTE: u8 = 2;
const RESET: u8 = 3;

/// A listener that passes connections on to a server, with a fault for each.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_healed: AtomicBool,
    ends: AtomicBool,
    faults: AtomicU64,
}

impl Faulty {
    /// Listens on a free port and passes connections on to `target`. The same seed chooses the same faults.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it assigns no port.
    pub fn listen(target: SocketAddr, seed: u64) -> io::Result<Faulty> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&listener, target, seed, &of_thread));
        Ok(Faulty { address, shared, accepting: Some(accepting) })
    }

    /// Returns the address on which `Faulty` listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns for how many connections `Faulty` has chosen a fault. The fault may not have happened yet.
    pub fn faults(&self) -> u64 {
        self.shared.faults.load(Ordering::Relaxed)
    }

    /// Chooses no faults for new connections from now on. The faults of open connections may still happen.
    pub fn heal(&self) {
        self.shared.is_healed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // This connection wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, seed: u64, shared: &Arc<Shared>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut connections: Vec<JoinHandle<io::Result<()>>> = Vec::new();
    while let Ok((client, _)) = listener.accept() {
        if shared.ends.load(Ordering::Relaxed) {
            break;
        }
        let fault = if shared.is_healed.load(Ordering::Relaxed) {
            Fault::None
        } else {
            *random.choice(&FAULTS).expect("a fault")
        };
        let after = Duration::from_millis(random.u64(500..6_000));
        let shared = Arc::clone(shared);
        connections.retain(|thread| !thread.is_finished());
        connections.push(thread::spawn(move || pass(client, target, fault, after, &shared)));
    }
    for thread in connections {
        let _ = thread.join();
    }
}

struct Connection<'s> {
    client: TcpStream,
    server: TcpStream,
    /// The modes of the directions to the server and to the client.
    modes: [AtomicU8; 2],
    over: AtomicU8,
    shared: &'s Shared,
}

fn pass(
    client: TcpStream,
    target: SocketAddr,
    fault: Fault,
    after: Duration,
    shared: &Shared,
) -> io::Result<()> {
    if fault != Fault::None {
        shared.faults.fetch_add(1, Ordering::Relaxed);
    }
    match fault {
        Fault::Refuse => return Ok(()),
        Fault::Silence => {
            wait(PATIENCE, shared, || false);
            return Ok(());
        }
        _ => {}
    }
    let server = TcpStream::connect(target)?;
    let (modes, over) = (Default::default(), AtomicU8::new(0));
    let connection = Connection { client, server, modes, over, shared };
    thread::scope(|scope| {
        scope.spawn(|| connection.pump(0));
        scope.spawn(|| connection.pump(1));
        let mut is_over = false;
        while !is_over {
            is_over = connection.wait(after);
            if !is_over && fault != Fault::None {
                connection.strike(fault);
                is_over = true;
            }
        }
        connection.end(fault == Fault::Reset);
    });
    Ok(())
}

/// Waits until `holds` returns `true` or `Faulty` is dropped, for at most `duration`. Returns whether the wait ended
/// before `duration` was over.
fn wait(duration: Duration, shared: &Shared, holds: impl Fn() -> bool) -> bool {
    let end = Instant::now() + duration;
    loop {
        if shared.ends.load(Ordering::Relaxed) || holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

impl Connection<'_> {
    fn wait(&self, duration: Duration) -> bool {
        wait(duration, self.shared, || self.over.load(Ordering::Relaxed) == 2)
    }

    fn strike(&self, fault: Fault) {
        let [to_server, to_client] = &self.modes;
        let set = |mode: u8| [to_server, to_client].map(|it| it.store(mode, Ordering::Relaxed));
        match fault {
            Fault::HalfClose => {
                let _ = self.client.shutdown(Shutdown::Write);
                self.wait(PATIENCE);
            }
            Fault::Stall | Fault::OneByte => {
                set(if fault == Fault::Stall { STALL } else { ONE_BYTE });
                self.wait(PATIENCE);
                set(PASS);
                self.wait(PATIENCE);
            }
            Fault::Deaf => {
                to_server.store(STALL, Ordering::Relaxed);
                self.wait(PATIENCE * 2);
            }
            Fault::Cut | Fault::Reset | Fault::Refuse | Fault::Silence | Fault::None => {}
        }
    }

    /// Ends both directions. The sockets then close, with a reset if `by_reset` is true.
    fn end(&self, by_reset: bool) {
        let set = |mode: u8| self.modes.iter().for_each(|it| it.store(mode, Ordering::Relaxed));
        if by_reset {
            set(RESET);
        }
        for stream in [&self.client, &self.server] {
            if by_reset {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                // This call wakes the thread that reads, and sends nothing.
                let _ = stream.shutdown(Shutdown::Read);
            } else {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        if !by_reset {
            // Let the directions continue only after the sockets are closed, so that the bytes that they held back
            // are lost.
            set(PASS);
        }
    }

    fn pump(&self, direction: usize) {
        let mode = &self.modes[direction];
        let (mut from, mut to) =
            if direction == 0 { (&self.client, &self.server) } else { (&self.server, &self.client) };
        let mut buffer = vec![0; 16 << 10];
        let _ = to.set_nodelay(true);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while mode.load(Ordering::Relaxed) == STALL {
                thread::sleep(Duration::from_millis(10));
            }
            let chunk = if mode.load(Ordering::Relaxed) == ONE_BYTE { 1 } else { count };
            if buffer[..count].chunks(chunk).any(|bytes| to.write_all(bytes).is_err()) {
                break;
            }
        }
        if mode.load(Ordering::Relaxed) != RESET {
            let _ = to.shutdown(Shutdown::Write);
        }
        self.over.fetch_add(1, Ordering::Relaxed);
    }
}
