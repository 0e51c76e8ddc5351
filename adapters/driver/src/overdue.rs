//! [`Overdue`]: when the events that the venue owes are overdue.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use gemini_ws::{Instant, Order, OrderRef, OrderState};

/// The orders about which the venue owes an event, and when each event is overdue. All have the same time.
#[derive(Debug)]
pub(crate) struct Overdue {
    due: HashMap<OrderRef<'static>, Instant>,
    /// The times of `due` in their order. An entry that `due` does not have is void.
    queue: VecDeque<(Instant, OrderRef<'static>)>,
    timeout: Duration,
}

impl Overdue {
    pub(crate) fn new(timeout: Duration) -> Overdue {
        Overdue { due: HashMap::new(), queue: VecDeque::new(), timeout }
    }

    pub(crate) const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Notes a change of an order. The time of a request begins when it is sent, not when the venue replies.
    pub(crate) fn note(&mut self, order: &Order, now: Instant) {
        let id = order.order_id.map(OrderRef::OrderId);
        let Some(name) = order.request().map(OrderRef::Request).or(id) else { return };
        let is_sent = order.state == OrderState::Sent && !order.needs_reconciling();
        if !is_sent && !order.awaits_event() {
            self.due.remove(&name);
        } else if !self.due.contains_key(&name) {
            let due = now + self.timeout;
            self.due.insert(name, due);
            self.queue.push_back((due, name));
        }
        while self.queue.front().is_some_and(|(due, name)| self.due.get(name) != Some(due)) {
            self.queue.pop_front();
        }
    }

    /// Returns when to call [`take`](Overdue::take).
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    /// Takes an order whose event is overdue.
    pub(crate) fn take(&mut self, now: Instant) -> Option<OrderRef<'static>> {
        while let Some((due, name)) = self.queue.front().copied().filter(|(due, _)| *due <= now) {
            self.queue.pop_front();
            if self.due.get(&name) == Some(&due) {
                self.due.remove(&name);
                return Some(name);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use gemini_ws::{Endpoint, Orders, Replay, Scratch};

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn an_event_that_came_makes_nothing_overdue() {
        let mut orders = Orders::new();
        let mut overdue = Overdue::new(Duration::from_millis(100));
        let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
        for id in [1_u64, 2] {
            let frame =
                format!(r#"{{"e":"orderUpdate","E":4,"s":"BTCUSD","i":{id},"X":"NEW","q":"2","T":4}}"#);
            orders.apply(&replay.event(&frame, &mut scratch).unwrap().unwrap());
        }
        let order = |id: u64, is_owed: bool| {
            let mut order = orders.get(id).unwrap().clone();
            order.cancel_accepted = is_owed;
            order
        };
        overdue.note(&order(1, true), at(0));
        overdue.note(&order(1, true), at(50));
        overdue.note(&order(2, true), at(60));
        assert_eq!((overdue.deadline(), overdue.take(at(99))), (Some(at(100)), None));
        // The event came, and a later cancel has its own time.
        overdue.note(&order(1, false), at(70));
        assert_eq!(overdue.deadline(), Some(at(160)));
        overdue.note(&order(1, true), at(80));
        assert_eq!(overdue.take(at(179)), Some(OrderRef::OrderId(2)));
        assert_eq!(overdue.take(at(179)), None);
        assert_eq!(overdue.take(at(180)), Some(OrderRef::OrderId(1)));
        assert_eq!((overdue.deadline(), overdue.due.len()), (None, 0));
        // An entry in the middle of the queue that is void.
        for (id, is_owed, time) in [(1, true, 200), (2, true, 201), (2, false, 202)] {
            overdue.note(&order(id, is_owed), at(time));
        }
        assert_eq!(overdue.take(at(400)), Some(OrderRef::OrderId(1)));
        assert_eq!((overdue.take(at(400)), overdue.queue.len()), (None, 0));
    }
}
