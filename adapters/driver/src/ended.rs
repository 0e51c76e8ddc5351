//! [`Ended`]: how a driver ended, and the orders that were open.

use std::fmt;
use std::sync::OnceLock;

use gemini_ws::Order;

use crate::Closed;
use crate::shutdown::Shutdown;

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
}

impl Ending {
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
