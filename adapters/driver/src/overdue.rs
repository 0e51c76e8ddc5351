//! [`Overdue`]: when the events that the venue owes are overdue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gemini_ws::{Awaited, Instant, Order, OrderRef, OrderState, RequestId};

/// The key of an order: the request that placed the order, or the venue's id if the request is unknown.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Name {
    Request(RequestId),
    OrderId(u64),
}

impl From<Name> for OrderRef<'_> {
    fn from(name: Name) -> Self {
        match name {
            Name::Request(request) => OrderRef::Request(request),
            Name::OrderId(id) => OrderRef::OrderId(id),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Overdue {
    due: BTreeMap<Name, (Instant, Awaited)>,
    by_time: BTreeSet<(Instant, Name)>,
    timeout: Duration,
}

impl Overdue {
    pub(crate) const fn new(timeout: Duration) -> Overdue {
        Overdue { due: BTreeMap::new(), by_time: BTreeSet::new(), timeout }
    }

    pub(crate) const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Stores which event the venue owes about an order, and the instant from which this event is overdue. If the
    /// venue owes the same event as at the last call, the instant does not change. If the venue owes none, removes
    /// the order. If the order was sent, has had no event and is not in doubt, the venue owes its first event.
    pub(crate) fn note(&mut self, order: &Order, now: Instant) {
        let id = order.order_id.map(Name::OrderId);
        let request = order.request().map(Name::Request);
        if let (Some(_), Some(id)) = (request, id) {
            // If the request was not known at an earlier call, that call stored the order by its id.
            self.remove(id);
        }
        let Some(name) = request.or(id) else { return };
        let is_sent = order.state == OrderState::Sent && !order.needs_reconciling();
        let awaited = order.awaited().or(is_sent.then_some(Awaited::FirstEvent));
        let known = self.due.get(&name).map(|(_, awaited)| *awaited);
        if awaited == known {
            return;
        }
        self.remove(name);
        if let Some(awaited) = awaited {
            let due = now + self.timeout;
            self.due.insert(name, (due, awaited));
            self.by_time.insert((due, name));
        }
    }

    fn remove(&mut self, name: Name) {
        if let Some((due, _)) = self.due.remove(&name) {
            self.by_time.remove(&(due, name));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, _)| *due)
    }

    pub(crate) fn take(&mut self, now: Instant) -> Vec<OrderRef<'static>> {
        let mut orders = Vec::new();
        while let Some((_, name)) = self.by_time.first().copied().filter(|(due, _)| *due <= now) {
            self.remove(name);
            orders.push(name.into());
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use gemini_ws::{
        Client, Config, Endpoint, Frame, NewOrder, Orders, Output, Replay, Request, Scratch, Side,
    };

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
        let taken = |overdue: &mut Overdue, ms| overdue.take(at(ms));
        overdue.note(&order(1, true), at(0));
        overdue.note(&order(1, true), at(50));
        overdue.note(&order(2, true), at(60));
        assert_eq!((overdue.deadline(), taken(&mut overdue, 99)), (Some(at(100)), vec![]));
        // The event of the first order has arrived. A later cancel has its own time limit.
        overdue.note(&order(1, false), at(70));
        assert_eq!(overdue.deadline(), Some(at(160)));
        overdue.note(&order(1, true), at(80));
        assert_eq!(taken(&mut overdue, 179), [OrderRef::OrderId(2)]);
        assert_eq!(taken(&mut overdue, 180), [OrderRef::OrderId(1)]);
        assert_eq!((overdue.deadline(), overdue.due.len()), (None, 0));
        for round in 0..1_000 {
            overdue.note(&order(2, round % 2 == 0), at(200));
        }
        assert_eq!((overdue.due.len(), overdue.by_time.len()), (0, 0), "nothing is kept of what has come");
    }

    /// An order is cancelled 5 ms before its first event is overdue. The event about the cancellation has a time
    /// limit that starts when the venue accepts the cancel.
    #[test]
    fn each_event_has_its_own_time() {
        let (mut client, mut orders) =
            (Client::single(Config::new("ws://v").authenticated(true).seed(1)), Orders::new());
        let mut overdue = Overdue::new(Duration::from_millis(100));
        client.open(at(0)).unwrap();
        let link = client.links().next().unwrap().0;
        while client.poll_output().is_some() {}
        client.handle_connected(link, at(0));
        client.subscribe(at(0), "orders@account".parse().unwrap()).unwrap();
        while client.poll_output().is_some() {}
        let mut scratch = Scratch::new();
        let mut feed = |client: &mut Client, orders: &mut Orders, text: &str| {
            if let Some(event) = client.handle_frame(link, at(0), Frame::Text(text), &mut scratch) {
                orders.apply(&event);
            }
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    orders.apply(&event);
                }
            }
        };
        feed(&mut client, &mut orders, r#"{"id":1,"status":200}"#);
        let order = NewOrder::limit("a1", "btcusd", Side::Buy, "1", "1").unwrap();
        client.request(at(0), &Request::PlaceOrder(order)).unwrap();
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                orders.apply(&event);
            }
        }
        overdue.note(orders.get("a1").unwrap(), at(0));
        assert_eq!(overdue.deadline(), Some(at(100)), "it was sent");
        feed(&mut client, &mut orders, r#"{"id":2,"status":200}"#);
        overdue.note(orders.get("a1").unwrap(), at(90));
        assert_eq!(overdue.deadline(), Some(at(100)), "it was accepted");
        client.request(at(95), &Request::CancelAllOrders).unwrap();
        while client.poll_output().is_some() {}
        feed(&mut client, &mut orders, r#"{"id":3,"status":200}"#);
        overdue.note(orders.get("a1").unwrap(), at(95));
        assert_eq!(overdue.deadline(), Some(at(195)), "its cancel was accepted");
        feed(
            &mut client,
            &mut orders,
            r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":7,"c":"a1","X":"NEW","q":"1","T":4}"#,
        );
        overdue.note(orders.get("a1").unwrap(), at(99));
        assert_eq!(overdue.take(at(195)).len(), 1);
    }
}
