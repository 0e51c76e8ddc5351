//! [`Delivery`] and [`Events`]: how events reach the application.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::EventListener;
use futures_lite::Stream;
use gemini_ws::{Client, Event, EventBuf, EventQueue, Instant, Symbol, Topic};

use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering, PoisonError};

/// The receiver of a driver's events: a function or a queue.
pub(crate) trait Delivery {
    fn deliver(&mut self, client: &mut Client, now: Instant, event: &Event<'_>);

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Returns `Ready` when every event was taken, or the application has dropped its end of the queue.
    fn poll_taken(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Requests snapshots of the books that may have lost updates, according to each `Overflow` that the application
    /// has taken since the last call. Fails if the application has dropped its end of the queue.
    fn poll_consumer(&mut self, _: &mut Client, _: Instant, _: &mut Context<'_>) -> Result<(), ()> {
        Ok(())
    }

    fn undelivered(&self) -> usize {
        0
    }

    /// Returns how many events of this driver the queue has dropped.
    fn dropped(&self) -> u64 {
        0
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: &mut Client, _: Instant) {}
}

/// The reason for a call of `on_wake`, the function that you pass to
/// [`Driver::run_with_timer`](crate::Driver::run_with_timer).
#[derive(Clone, Copy, Debug)]
pub enum Wake<'a> {
    /// An event of the client.
    Event(&'a Event<'a>),
    /// The timer has fired: the instant has come that the last call of `on_wake` returned. The first call of
    /// `on_wake` is usually a `Timer` too, although no earlier call has set an instant.
    Timer,
}

pub(crate) struct Woken<F> {
    on_wake: F,
    at: Option<Instant>,
    /// The earliest instant of the next call with [`Wake::Timer`].
    earliest: Instant,
}

/// The minimum time between two calls with [`Wake::Timer`], so that the driver can do other work.
const WAKE_INTERVAL_MIN: Duration = Duration::from_millis(1);

impl<F> Woken<F> {
    pub(crate) const fn new(on_wake: F) -> Woken<F> {
        Woken { on_wake, at: Some(Instant::ZERO), earliest: Instant::ZERO }
    }
}

impl<F: FnMut(&mut Client, Instant, Wake<'_>) -> Option<Instant>> Delivery for Woken<F> {
    fn deliver(&mut self, client: &mut Client, now: Instant, event: &Event<'_>) {
        self.at = (self.on_wake)(client, now, Wake::Event(event));
    }

    fn deadline(&self) -> Option<Instant> {
        self.at.map(|at| at.max(self.earliest))
    }

    fn handle_timeout(&mut self, client: &mut Client, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.earliest = now + WAKE_INTERVAL_MIN;
            self.at = (self.on_wake)(client, now, Wake::Timer);
        }
    }
}

pub(crate) struct Callback<F>(pub(crate) F);

impl<F: FnMut(&mut Client, Instant, &Event<'_>)> Delivery for Callback<F> {
    fn deliver(&mut self, client: &mut Client, now: Instant, event: &Event<'_>) {
        (self.0)(client, now, event);
    }
}

/// The receiving end of a bounded queue of events. The [`Overflow`](gemini_ws::Overflow) of the queue says what
/// happens while the queue is full.
///
/// `Events` is a [`Stream`]. Dropping it closes the driver, even if handles remain; see
/// [`EndedBy::EventsDropped`](crate::EndedBy::EventsDropped). If a shutdown has begun, the driver completes the
/// shutdown instead.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    listener: Option<EventListener>,
}

/// The reason why there is no event to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TryNextError {
    /// There is no event now.
    Empty,
    /// No event will follow: every event was taken, and the last one was [`Event::Closed`], or the driver was
    /// dropped.
    Ended,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryNextError::Empty => "there is no event now",
            TryNextError::Ended => "the driver has ended, and every event was taken",
        })
    }
}

impl std::error::Error for TryNextError {}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when an event was put in, or the driver has ended.
    filled: event_listener::Event,
    /// Notified when an event was taken, or [`Events`] was dropped.
    taken: event_listener::Event,
    /// Notified when the driver must read `is_dropped`, `lost` and `has_lost_unnamed`.
    called: event_listener::Event,
    is_called: AtomicBool,
}

#[derive(Debug)]
struct State {
    queue: EventQueue,
    /// Whether no more events are put into `queue`.
    is_ended: bool,
    is_dropped: bool,
    lost: Vec<Symbol>,
    /// Whether the queue has dropped updates of books that no overflow names.
    has_lost_unnamed: bool,
}

impl State {
    /// Stores which books need a snapshot if `event` is an `Overflow` that may have dropped updates of books. If the
    /// event names a book, adds the book to `lost`; otherwise sets `has_lost_unnamed`. Returns whether the event is
    /// such an `Overflow`.
    fn note_lost(&mut self, event: &EventBuf) -> bool {
        match event.fact() {
            Some(Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), .. }) => self.lost.push(symbol),
            // Without a symbol, any book may have lost updates. An overflow of the topic `Connection` may have
            // dropped the event that reports the end of a link, and every book of that link needs a snapshot.
            Some(Event::Overflow { topic: Topic::Depth | Topic::Connection, .. }) => {
                self.has_lost_unnamed = true;
            }
            _ => return false,
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete, even if a thread panics elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) {
        // With a store instead of a swap, the driver could miss a call: see `tests/loom`.
        self.is_called.swap(true, Ordering::AcqRel);
        self.called.notify(1);
    }
}

impl Events {
    /// Waits for the next event. Returns `None` after [`Event::Closed`], or after the last event if the driver was
    /// dropped. Dropping the future loses no event.
    ///
    /// When the application takes an [`Event::Overflow`], the driver requests the snapshots that the application
    /// needs: that of the book if the topic is `Depth` and the event names a symbol; those of all books if the topic
    /// is `Depth` without a symbol, or `Connection`.
    pub async fn next(&mut self) -> Option<EventBuf> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Takes the next event without waiting. An [`Event::Overflow`] has the same effect as in
    /// [`next`](Events::next).
    ///
    /// # Errors
    ///
    /// [`TryNextError`] says whether an event can still follow.
    pub fn try_next(&mut self) -> Result<EventBuf, TryNextError> {
        let mut state = self.shared.lock();
        let Some(event) = state.queue.take() else {
            return Err(if state.is_ended { TryNextError::Ended } else { TryNextError::Empty });
        };
        if state.note_lost(&event) {
            self.shared.call();
        }
        drop(state);
        self.shared.taken.notify(1);
        Ok(event)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<EventBuf>> {
        loop {
            match self.try_next() {
                Ok(event) => return Poll::Ready(Some(event)),
                Err(TryNextError::Ended) => return Poll::Ready(None),
                Err(TryNextError::Empty) => {}
            }
            match &mut self.listener {
                // An event may have come before the listener existed, so check the queue again.
                None => self.listener = Some(self.shared.filled.listen()),
                Some(listener) => {
                    std::task::ready!(Pin::new(listener).poll(context));
                    self.listener = None;
                }
            }
        }
    }
}

impl Stream for Events {
    type Item = EventBuf;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<EventBuf>> {
        self.poll_event(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.lock().is_dropped = true;
        self.shared.call();
        self.shared.taken.notify(1);
    }
}

pub(crate) struct Channel {
    shared: Arc<Shared>,
    listener: Option<EventListener>,
    /// Listens for `called`, which [`Events`] notifies.
    call: Option<EventListener>,
    is_dropped: bool,
    dropped: u64,
}

impl Channel {
    pub(crate) fn new(queue: EventQueue) -> (Events, Channel) {
        let state =
            State { queue, is_ended: false, is_dropped: false, lost: Vec::new(), has_lost_unnamed: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            filled: event_listener::Event::new(),
            taken: event_listener::Event::new(),
            called: event_listener::Event::new(),
            is_called: AtomicBool::new(false),
        });
        let events = Events { shared: Arc::clone(&shared), listener: None };
        (events, Channel { shared, listener: None, call: None, is_dropped: false, dropped: 0 })
    }

    /// Returns `Ready` when `holds` returns `true` for the state of the queue.
    fn poll_until(&mut self, context: &mut Context<'_>, holds: impl Fn(&State) -> bool) -> Poll<()> {
        loop {
            if holds(&self.shared.lock()) {
                return Poll::Ready(());
            }
            match &mut self.listener {
                None => self.listener = Some(self.shared.taken.listen()),
                Some(listener) => {
                    std::task::ready!(Pin::new(listener).poll(context));
                    self.listener = None;
                }
            }
        }
    }
}

impl Drop for Channel {
    /// Ends [`Events`], also if the driver's task is aborted or panics.
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.filled.notify(usize::MAX);
    }
}

impl Delivery for Channel {
    fn deliver(&mut self, _: &mut Client, _: Instant, event: &Event<'_>) {
        if self.is_dropped {
            return;
        }
        let mut state = self.shared.lock();
        let before = state.queue.dropped();
        state.queue.push(event);
        self.dropped += state.queue.dropped() - before;
        state.is_ended |= matches!(event, Event::Closed { .. });
        drop(state);
        self.shared.filled.notify(1);
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_until(context, |state| state.is_dropped || state.queue.has_room())
    }

    fn poll_taken(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_until(context, |state| state.is_dropped || state.queue.is_empty())
    }

    fn poll_consumer(
        &mut self,
        client: &mut Client,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Result<(), ()> {
        loop {
            if self.shared.is_called.swap(false, Ordering::AcqRel) {
                let mut state = self.shared.lock();
                self.is_dropped = state.is_dropped;
                let lost = std::mem::take(&mut state.lost);
                let has_lost_unnamed = std::mem::take(&mut state.has_lost_unnamed);
                drop(state);
                if has_lost_unnamed {
                    client.resync_all_books(now);
                } else {
                    client.resync_books(now, lost);
                }
            }
            match &mut self.call {
                None => self.call = Some(self.shared.called.listen()),
                Some(call) => match Pin::new(call).poll(context) {
                    Poll::Ready(()) => self.call = None,
                    Poll::Pending => return if self.is_dropped { Err(()) } else { Ok(()) },
                },
            }
        }
    }

    fn undelivered(&self) -> usize {
        self.shared.lock().queue.len()
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use gemini_ws::Config;

    use super::*;

    /// The function always returns an instant that has passed, for timers and for events alike.
    #[test]
    fn an_event_brings_no_timer_forward() {
        let mut client = Client::single(Config::new("ws://v"));
        let mut calls = Vec::new();
        let mut woken = Woken::new(|_: &mut Client, now: Instant, wake: Wake<'_>| {
            if let Wake::Timer = wake {
                calls.push(now.as_nanos() / 1_000);
            }
            Some(Instant::ZERO)
        });
        client.open(Instant::ZERO).unwrap();
        let link = client.links().next().unwrap().0;
        for micros in [5, 10, 900, 1_004, 1_005, 1_006, 9_000, 9_001] {
            let now = Instant::ZERO + Duration::from_micros(micros);
            woken.handle_timeout(&mut client, now);
            woken.deliver(&mut client, now, &Event::Live { link });
            assert!(woken.deadline().is_some_and(|at| now < at), "the driver would run without a pause");
        }
        assert_eq!(calls, [5, 1_005, 9_000]);
    }
}
