//! [`live`]: runs a driver from its first poll until all its resources are released.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{
    Client, Config, Event, EventBuf, EventQueue, Instant, Lost, NewOrder, Overflow, Request, ShutdownPlan,
    Side,
};
use gemini_ws_driver::{Closed, Events, Handle, READ_BYTES_PER_TURN_MAX, READS_PER_TURN_MAX, client};

use super::bytes::Bytes;
use super::world::Shared;

const TURN: Duration = Duration::from_micros(200);

/// The maximum virtual time between the application's request to end the driver and the end of the driver.
const END_MAX: Duration = Duration::from_secs(6);

/// The maximum number of streams that a driver with one slot reads in one poll. Streams of earlier links may still be
/// closing.
const STREAMS_MAX: usize = 4;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Run = Pin<Box<dyn Future<Output = Closed>>>;
/// The receiver of events. `None` if there is no queue, before the first poll of the driver, and after the
/// application has dropped the receiver.
type Slot = Rc<RefCell<Option<Events>>>;
type Asked = Pin<Box<dyn Future<Output = ()>>>;

struct Life {
    shared: Shared,
    flag: Arc<Flag>,
    handle: Option<Handle>,
    run: Option<Run>,
    events: Slot,
    /// Whether the application takes events after each poll of the driver. If false, it takes events only when the
    /// input bytes of [`live`] say so.
    is_eager: bool,
    /// Whether the driver reads everything that arrives. If false, a full queue can pause the driver.
    reads_all: bool,
    asked: Vec<Asked>,
    turns: u64,
    closed: Option<Closed>,
    ends: Option<Instant>,
}

/// Runs a driver. The bytes in `data` decide what the peers and the application do.
///
/// # Panics
///
/// If a poll of the driver does too much, the driver does not end, a task waits for ever, or a stream or timer still
/// exists at the end.
pub(crate) fn live(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (form, config) = (bytes.next(), bytes.next());
    let shared = Shared::new(bytes);
    let mut life = Life::new(shared, form, config);
    for _ in 0..40_000 {
        if life.closed.is_some() || life.run.is_none() {
            break;
        }
        life.step();
    }
    life.finish();
}

impl Life {
    fn new(shared: Shared, form: u8, config: u8) -> Life {
        let mut it = Config::new("ws://127.0.0.1:1").seed(1);
        it = it.connect_timeout(Duration::from_secs(2)).close_timeout(Duration::from_secs(1));
        it = it.request_timeout(Duration::from_secs(1));
        if config & 1 == 1 {
            it = it.silence_max(Duration::from_secs(3)).probe_after(Duration::from_secs(1));
        }
        let mut gemini = Client::single(it);
        for stream in ["btcusd@depth@100ms", "btcusd@trade"] {
            gemini.subscribe(Instant::ZERO, stream.parse().expect("a stream")).expect("room");
        }
        let (handle, driver) = client(gemini);
        let events = Slot::default();
        let (place, runtime) = (Rc::clone(&events), shared.clone());
        let run: Run = if form & 1 == 0 {
            Box::pin(async move { driver.run(&runtime, |_, _, _| {}).await })
        } else {
            let overflow = if form & 2 == 0 { Overflow::Block } else { Overflow::DropOldest };
            let queue = EventQueue::new(overflow).events_max(usize::from(form >> 2 & 31) + 1);
            Box::pin(async move {
                let (events, run) = driver.run_with_queue(&runtime, queue);
                *place.borrow_mut() = Some(events);
                run.await
            })
        };
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        Life {
            shared,
            flag,
            handle: Some(handle),
            run: Some(run),
            events,
            is_eager: form & 0x80 == 0,
            reads_all: form & 1 == 0,
            asked: Vec::new(),
            turns: 0,
            closed: None,
            ends: None,
        }
    }

    fn now(&self) -> Instant {
        self.shared.lock().now
    }

    /// Polls the driver if it was woken. Otherwise wakes the tasks that are due, lets the application act, and
    /// advances the time, until the driver is woken.
    fn step(&mut self) {
        if self.flag.0.swap(false, Ordering::Relaxed) {
            self.turn();
            self.turns += 1;
            // Let the application act even if a peer keeps the driver busy.
            if self.turns.is_multiple_of(64) {
                self.act();
            }
            return;
        }
        assert!(
            !self.reads_all || self.shared.lock().unread == 0,
            "there is more to read, and nobody is woken"
        );
        let next = self.shared.ring();
        if self.flag.0.load(Ordering::Relaxed) {
            return;
        }
        self.act();
        if self.flag.0.load(Ordering::Relaxed) {
            return;
        }
        let next = next.or_else(|| self.shared.ring());
        let mut world = self.shared.lock();
        let next = next.expect("somebody waits, and nothing will happen");
        world.now = world.now.max(next);
    }

    fn turn(&mut self) {
        let Some(run) = &mut self.run else { return };
        let waker = Waker::from(Arc::clone(&self.flag));
        {
            let mut world = self.shared.lock();
            (world.reads, world.bytes_read) = (0, 0);
            world.now = world.now + TURN;
        }
        let ended = run.as_mut().poll(&mut Context::from_waker(&waker));
        let world = self.shared.lock();
        let (reads, bytes) = (world.reads, world.bytes_read);
        drop(world);
        assert!(reads <= STREAMS_MAX * (READS_PER_TURN_MAX + 2), "{reads} reads in a turn");
        let most = STREAMS_MAX * (READ_BYTES_PER_TURN_MAX + (256 << 10));
        assert!(bytes <= most, "{bytes} bytes in a turn");
        if let Poll::Ready(closed) = ended {
            self.closed = Some(closed);
            self.run = None;
            return;
        }
        if let Some(ends) = self.ends {
            assert!(self.now() <= ends + END_MAX, "no end at {:?}, asked for at {ends:?}", self.now());
        }
        if self.is_eager {
            self.take_events(4);
        }
    }

    fn take_events(&mut self, most: usize) {
        let mut events = self.events.borrow_mut();
        let Some(events) = &mut *events else { return };
        let waker = Waker::from(Arc::clone(&self.flag));
        for _ in 0..most {
            let mut next = std::pin::pin!(events.next());
            let Poll::Ready(Some(_)) = next.as_mut().poll(&mut Context::from_waker(&waker)) else { return };
        }
    }

    fn ask<T: 'static>(&mut self, asked: impl Future<Output = T> + 'static) {
        self.asked.push(Box::pin(async move { drop(asked.await) }));
        self.poll_asked();
    }

    fn poll_asked(&mut self) {
        let waker = Waker::from(Arc::clone(&self.flag));
        let mut context = Context::from_waker(&waker);
        self.asked.retain_mut(|asked| asked.as_mut().poll(&mut context).is_pending());
    }

    /// Lets the application act. The next byte decides what it does. After the last byte, the application shuts the
    /// driver down.
    fn act(&mut self) {
        let (is_over, act) = {
            let mut world = self.shared.lock();
            (world.bytes.is_over(), world.bytes.below(24))
        };
        self.poll_asked();
        let handle = self.handle.clone();
        let is_ending = self.ends.is_some();
        match (act, handle) {
            _ if is_over && !is_ending => self.shut_down(),
            (1, Some(handle)) => {
                self.ask(async move { handle.subscribe("ethusd@trade".parse().expect("a stream")).await })
            }
            (2, Some(handle)) => self.ask(async move { handle.request(Request::Time).await }),
            (3, Some(handle)) => {
                self.ask(async move {
                    let plan = |plan: ShutdownPlan| plan.cancel_orders(true).unsubscribe(true);
                    handle.shut_down(Duration::from_secs(3), plan).await
                });
                self.poll_asked();
                self.ends = self.ends.or(Some(self.now()));
            }
            (11, Some(handle)) => self.ask(async move {
                let Ok(mut books) = handle.books(["btcusd", "ethusd"]).await else { return };
                // The reader of the books keeps the driver running, although the handle is dropped.
                drop(handle);
                for _ in 0..3 {
                    if books.changed().await.is_none() {
                        assert!(books.live("btcusd").is_none(), "live behind the end");
                    }
                }
            }),
            (12, Some(handle)) => self.ask(async move {
                let order = NewOrder::limit("a", "btcusd", Side::Buy, "1", "1").expect("an order");
                if let Ok(mut ticket) = handle.submit(order) {
                    drop(handle);
                    ticket.done().await;
                }
            }),
            (13, Some(handle)) => self.ask(async move { handle.live().await }),
            (4, _) => self.shut_down(),
            // A command that waits contains a handle too, which would keep the driver running.
            (5, _) if self.asked.is_empty() => {
                self.handle = None;
                self.ends = self.ends.or(Some(self.now()));
            }
            (6, _) if self.events.borrow().is_some() => {
                *self.events.borrow_mut() = None;
                self.ends = self.ends.or(Some(self.now()));
            }
            (7, _) => self.run = None,
            (8, _) => self.take_events(usize::MAX),
            (10, _) => self.shared.lock().slept += Duration::from_secs(3_600),
            // Drop the driver before it takes the command.
            (9, Some(handle)) => {
                self.ask(async move { handle.subscribe("ethusd@trade".parse().expect("a stream")).await });
                self.run = None;
            }
            _ => {}
        }
    }

    fn shut_down(&mut self) {
        match &self.handle {
            Some(handle) => drop(handle.close()),
            // Without a handle, an earlier action has requested the end.
            None => assert!(self.ends.is_some()),
        }
        self.ends = self.ends.or(Some(self.now()));
    }

    fn finish(mut self) {
        let was_dropped = self.run.is_none() && self.closed.is_none();
        assert!(
            was_dropped || self.closed.is_some(),
            "no end, at {:?}, asked for at {:?}",
            self.now(),
            self.ends
        );
        self.run = None;
        self.poll_asked();
        assert!(self.asked.is_empty(), "{} commands wait for ever", self.asked.len());
        if let Some(events) = &mut *self.events.borrow_mut() {
            let mut last: Option<EventBuf> = None;
            loop {
                let next = futures_lite::future::block_on(futures_lite::future::poll_once(events.next()));
                match next.expect("the events have no end") {
                    Some(event) => last = Some(event),
                    None => break,
                }
            }
            drop(last);
        }
        let world = self.shared.lock();
        assert_eq!((world.streams, world.timers), (0, 0), "streams and timers that are left");
    }
}

/// Cuts the network of a live link. If `sleeps` is true, the machine then sleeps for an hour. Returns the time
/// between the cut and the end of the link, without the sleep.
pub(crate) fn after_sleep(sleeps: bool) -> Duration {
    // These bytes make the peer accept the upgrade in one piece, confirm requests, and then send nothing.
    let shared = Shared::new(Bytes::new(&[7, 0, 15, 23, 0]));
    let mut gemini = Client::single(Config::new("ws://127.0.0.1:1").seed(1));
    gemini.subscribe(Instant::ZERO, "btcusd@trade".parse().expect("a stream")).expect("room");
    let (_handle, driver) = client(gemini);
    let (runtime, live, lost) = (shared.clone(), Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
    let (is_live, is_lost) = (Rc::clone(&live), Rc::clone(&lost));
    let mut run = Box::pin(async move {
        driver
            .run(&runtime, |_, now, event| match event {
                Event::Live { .. } => is_live.set(Some(now)),
                Event::Disconnected { reason, .. } => is_lost.set(Some((now, *reason))),
                _ => {}
            })
            .await
    });
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut began = None;
    for _ in 0..10_000 {
        if flag.0.swap(false, Ordering::Relaxed) {
            let polled = run.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        } else if let Some(next) = shared.ring() {
            let mut world = shared.lock();
            world.now = world.now.max(next);
        }
        let now = shared.lock().now;
        if let (None, Some(live)) = (began, live.get())
            && now >= live + Duration::from_secs(2)
        {
            began = Some(now);
            let slept = if sleeps { Duration::from_secs(3_600) } else { Duration::ZERO };
            let mut world = shared.lock();
            (world.slept, world.is_cut) = (slept, true);
        }
        if let (Some(began), Some((lost, reason))) = (began, lost.get()) {
            assert_eq!(reason, Lost::Silent);
            return lost.since(began);
        }
    }
    panic!("the link was not given up")
}
