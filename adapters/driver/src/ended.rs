//! [`Ended`]: how a driver ended, and the orders that were open.

use std::fmt;
use std::sync::OnceLock;

use gemini_ws::Order;

use crate::Closed;
use crate::shutdown::Shutdown;
use crate::sync::{Mutex, PoisonError};

/// How a driver ended, and the orders that were open or in doubt then.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The result of the driver's future; `None` if the future was dropped early or panicked.
    pub closed: Option<Closed>,
    /// The orders that were open or in doubt when the driver ended.
    pub orders: Vec<Order>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.closed {
            Some(closed) => write!(f, "{closed}")?,
            None => f.write_str("the driver was dropped")?,
        }
        match self.orders.len() {
            0 => Ok(()),
            1 => f.write_str("; 1 order is open or in doubt"),
            orders => write!(f, "; {orders} orders are open or in doubt"),
        }
    }
}

impl std::error::Error for Ended {}

#[derive(Debug, Default)]
pub(crate) struct Ending {
    ended: OnceLock<Ended>,
    switch: Shutdown,
    /// Whether the driver closes or shuts down, so that it takes no more cancels of tickets.
    has_begun: Mutex<bool>,
}

impl Ending {
    /// Begins the end. From now on, [`unless_begun`](Ending::unless_begun) calls no function.
    pub(crate) fn begin(&self) {
        *self.has_begun.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Calls `post`, which puts a command into the queue. If the end has begun, does not call `post` and returns
    /// `None`. So when [`begin`](Ending::begin) has returned, the queue contains the command of every call of `post`.
    pub(crate) fn unless_begun<T>(&self, post: impl FnOnce() -> T) -> Option<T> {
        let has_begun = self.has_begun.lock().unwrap_or_else(PoisonError::into_inner);
        (!*has_begun).then(post)
    }

    pub(crate) fn end(&self, ended: Ended) {
        let _ = self.ended.set(ended);
        self.switch.trigger();
    }

    pub(crate) async fn wait(&self) -> Ended {
        self.switch.wait().await;
        // `end` sets the value before it triggers the switch.
        self.ended.get().cloned().unwrap_or(Ended { closed: None, orders: Vec::new() })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Wake};

    use futures_lite::future;
    use gemini_ws::{Client, Config, Endpoint, Instant, Replay, RequestId, Scratch};

    use super::*;
    use crate::BookReader;
    use crate::handle::handle;
    use crate::ticket::{Cell, Ticket};

    /// A waker that calls a function, in place of a task in another thread.
    pub(crate) struct Woken<F: Fn() + Send + Sync>(pub(crate) F);

    impl<F: Fn() + Send + Sync> Wake for Woken<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }

    #[test]
    fn after_the_end_nothing_is_open() {
        let (handle, mut ends) = handle();
        let mut client = Client::single(Config::new("ws://v"));
        let symbol = "btcusd".parse().unwrap();
        let group = ends.keeper.open_books(&mut client, Instant::ZERO, &[symbol]).unwrap();
        let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
        let book = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[["2","1"]]}"#;
        ends.keeper.take(&replay.event(book, &mut scratch).unwrap().unwrap(), Instant::ZERO);
        let _ = ends.keeper.publish();
        let reader = BookReader::new(group, handle.clone());
        let cell = Cell::new(Order::default());
        ends.keeper.tickets.open(RequestId::new(1), Arc::clone(&cell));
        let ticket = Ticket::new(cell, handle.clone());
        assert!(reader.view("btcusd").unwrap().live().is_some() && ticket.outcome().is_none());

        let seen = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&seen);
        let look = move || {
            let is_live = reader.view("btcusd").unwrap().live().is_some();
            *noted.lock().unwrap() = Some((is_live, ticket.outcome().is_some()));
        };
        let waker = Arc::new(Woken(look)).into();
        let mut ended = pin!(handle.ended());
        assert!(ended.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(ends);
        assert_eq!(*seen.lock().unwrap(), Some((false, true)));
        assert!(future::block_on(ended).closed.is_none());
    }
}
