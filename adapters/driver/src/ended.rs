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
