//! Orders that only REST lists.

use gemini_ws::{Moment, OrderRef, Reconciled};

use crate::keeper::Keeper;

impl Keeper {
    /// Adds an open order that only REST lists, and returns whether the order was added:
    /// [`Orders::add_listed`](gemini_ws::Orders::add_listed).
    pub fn add_listed<'a>(&mut self, of: impl Into<OrderRef<'a>>, found: Reconciled, asked: Moment) -> bool {
        let is_added = self.orders.add_listed(of, found, asked);
        // If the venue has accepted a cancel of the order before, it owes the event about the end of the order.
        if let Some(now) = self.clock.now().filter(|_| is_added) {
            self.note_order(OrderRef::OrderId(found.order_id), now);
        }
        is_added
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gemini_ws::{
        Client, Config, Event, Instant, Message, OrderState, RequestId, RequestOutcome, Scratch, StaleReason,
        Stream, Subject, UnixTime, decode,
    };

    use super::*;
    use crate::handle::SharedClock;

    /// The venue accepts the cancel of an order of an earlier run before a list names the order.
    #[test]
    fn the_end_of_a_listed_order_may_be_overdue() {
        let (now, later) = (Instant::ZERO, Instant::from_secs(3_600));
        let mut client = Client::single(Config::new("ws://v").authenticated(true));
        client.open(now).unwrap();
        let link = client.links().next().unwrap().0;
        let stream = Stream::orders();
        let id = client.subscribe(now, stream).unwrap();
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        keeper.start(Box::new(|| (Instant::ZERO, UnixTime::from_millis(0))));
        keeper.take(&Event::Subscribed { link, id, stream }, now);
        let mut scratch = Scratch::new();
        let Ok(Message::Response(response)) = decode(r#"{"id":9,"status":200}"#, &mut scratch) else {
            panic!()
        };
        let (request, about) = (RequestId::new(9), Subject::CancelOrder(77));
        let outcome = RequestOutcome::Answered(response);
        keeper.take(&Event::Reply { link, request, about, outcome }, now);
        let asked = keeper.orders().moment();
        let found = Reconciled::new(77, OrderState::Open, "0".parse().unwrap());
        assert!(keeper.add_listed(77, found, asked));
        assert_eq!(keeper.orders().get(77).unwrap().doubt(), None);
        keeper.finish_turn(&mut client, later);
        assert_eq!(keeper.orders().get(77).unwrap().doubt(), Some(StaleReason::Overdue));
    }
}
