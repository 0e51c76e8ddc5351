//! [`Shared`]: a runtime with virtual time. Its timers and streams are in memory. [`World`] is their common state.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::{ConnectFailure, Instant, UnixTime};
use gemini_ws_driver::{DialRequest, Paced, Runtime, Timer};

use super::bytes::Bytes;
use super::peer::{Peer, Says};

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) bytes: Bytes,
    pub(crate) slept: Duration,
    /// Whether the network is cut: bytes are lost, without an error.
    pub(crate) is_cut: bool,
    /// The tasks to wake, each with the instant at which to wake it.
    alarms: BTreeMap<(Instant, u64), Waker>,
    numbers: u64,
    pub(crate) streams: usize,
    pub(crate) timers: usize,
    /// The number of streams whose last read returned bytes.
    pub(crate) unread: usize,
    /// The number of reads since the last poll of the driver began; `bytes_read` is the number of their bytes.
    pub(crate) reads: usize,
    pub(crate) bytes_read: usize,
}

impl Shared {
    pub(crate) fn new(bytes: Bytes) -> Shared {
        Shared(Arc::new(Mutex::new(World {
            now: Instant::from_secs(1),
            bytes,
            slept: Duration::ZERO,
            is_cut: false,
            alarms: BTreeMap::new(),
            numbers: 0,
            streams: 0,
            timers: 0,
            unread: 0,
            reads: 0,
            bytes_read: 0,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Wakes the tasks that are due. Returns when the next task is due; `None` if no task waits.
    pub(crate) fn ring(&self) -> Option<Instant> {
        loop {
            let mut world = self.lock();
            let next = *world.alarms.first_key_value()?.0;
            if next.0 > world.now {
                return Some(next.0);
            }
            let waker = world.alarms.remove(&next);
            drop(world);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl World {
    fn wake_at(&mut self, at: Instant, context: &Context<'_>) -> (Instant, u64) {
        self.numbers += 1;
        let alarm = (at, self.numbers);
        self.alarms.insert(alarm, context.waker().clone());
        alarm
    }
}

pub(crate) struct VirtualTimer {
    shared: Shared,
    at: Option<Instant>,
    alarm: Option<(Instant, u64)>,
}

impl VirtualTimer {
    fn forget(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            self.shared.lock().alarms.remove(&alarm);
        }
    }
}

impl Timer for VirtualTimer {
    fn now(&self) -> Instant {
        self.shared.lock().now
    }

    fn time_of_day(&self) -> UnixTime {
        let world = self.shared.lock();
        UnixTime::from_millis(1_700_000_000_000) + world.now.since(Instant::ZERO) + world.slept
    }

    fn set(&mut self, at: Instant) {
        self.forget();
        self.at = Some(at);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.forget();
        let Some(at) = self.at else { return Poll::Pending };
        let mut world = self.shared.lock();
        if at <= world.now {
            return Poll::Ready(());
        }
        let alarm = world.wake_at(at, context);
        drop(world);
        self.alarm = Some(alarm);
        Poll::Pending
    }
}

impl Drop for VirtualTimer {
    fn drop(&mut self) {
        self.forget();
        self.shared.lock().timers -= 1;
    }
}

pub(crate) struct VirtualStream {
    shared: Shared,
    peer: Peer,
    is_unread: bool,
}

impl AsyncRead for VirtualStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &mut *self;
        let mut world = stream.shared.lock();
        world.reads += 1;
        if world.is_cut {
            return Poll::Pending;
        }
        let now = world.now;
        let said = stream.peer.say(now, &mut world.bytes, buffer);
        world.unread -= usize::from(stream.is_unread);
        stream.is_unread = matches!(said, Says::Bytes(1..));
        world.unread += usize::from(stream.is_unread);
        match said {
            Says::Bytes(count) => {
                world.bytes_read += count;
                Poll::Ready(Ok(count))
            }
            Says::Fails(kind) => Poll::Ready(Err(kind.into())),
            Says::Later(at) => {
                world.wake_at(at, context);
                Poll::Pending
            }
            // The peer sends nothing until it receives something.
            Says::Nothing => {
                stream.peer.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for VirtualStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &mut *self;
        let mut world = stream.shared.lock();
        if world.is_cut {
            return Poll::Ready(Ok(bytes.len()));
        }
        let now = world.now;
        match stream.peer.hear(now, &mut world.bytes, bytes) {
            Says::Bytes(count) => {
                stream.peer.reader.take().into_iter().for_each(Waker::wake);
                Poll::Ready(Ok(count))
            }
            Says::Fails(kind) => Poll::Ready(Err(kind.into())),
            Says::Later(at) => {
                world.wake_at(at, context);
                Poll::Pending
            }
            Says::Nothing => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for VirtualStream {
    fn drop(&mut self) {
        let mut world = self.shared.lock();
        world.streams -= 1;
        world.unread -= usize::from(self.is_unread);
    }
}

/// A runtime. The next byte of [`World::bytes`] decides what a dial does.
impl Runtime for Shared {
    type Io = VirtualStream;
    type Timer = VirtualTimer;

    fn timer(&self) -> VirtualTimer {
        self.lock().timers += 1;
        VirtualTimer { shared: self.clone(), at: None, alarm: None }
    }

    async fn dial(
        &self,
        request: DialRequest,
    ) -> Result<WebSocketStream<Paced<VirtualStream>>, ConnectFailure> {
        let plan = self.lock().bytes.below(8);
        match plan {
            0 => std::future::pending::<()>().await,
            1 => return Err(ConnectFailure::Refused),
            2 => pause(self, Duration::from_millis(700)).await,
            _ => {}
        }
        let stream = {
            let mut world = self.lock();
            world.streams += 1;
            let peer = Peer::new(&mut world.bytes);
            VirtualStream { shared: self.clone(), peer, is_unread: false }
        };
        request.upgrade(stream).await
    }
}

fn pause(shared: &Shared, longest: Duration) -> impl Future<Output = ()> + use<> {
    let mut timer = shared.timer();
    timer.set(timer.now() + longest);
    std::future::poll_fn(move |context| timer.poll(context))
}
