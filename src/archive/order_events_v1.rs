//! Order events v1: the events of an account's orders, numbered one by one.

use crate::archive::sequence::Sequence;
use crate::archive::{SENDS_ONLY, decode, malformed, numbered};
use crate::event::Event;
use crate::event::replay::event_of;
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::session::{Reception, Session};
use crate::message::{Message, OrderEvents, OrderReport};
use crate::wire::Scratch;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OrderEventsV1 {
    sequence: Sequence,
}

impl Session for OrderEventsV1 {
    fn dialect(&self) -> &'static Dialect {
        &SENDS_ONLY
    }

    fn opened(&mut self) {
        self.sequence = Sequence::default();
    }

    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let message = match decode(reception, text, scratch) {
            Ok(message) => message,
            Err(error) => return malformed(reception, text, error, &mut self.sequence),
        };
        match &message {
            Message::OrderEvents(events) => self.order_events(reception, text, *events, &message),
            _ => numbered(reception, text, &message, &mut self.sequence),
        }
    }

    /// Does nothing, because order events v1 has no requests.
    fn expired(&mut self, _: &mut Feed, _: &mut Context<'_>, _: &StreamRequest, _: u64, _: bool) {}
}

impl OrderEventsV1 {
    /// Delivers the events of a frame, even if their numbers show that earlier events were lost, because each event
    /// is true without the others. After such a loss, also reports the first gap, which makes all data of the link
    /// stale. The client then replaces the link, because a new link begins with all open orders.
    fn order_events<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        events: OrderEvents<'f>,
        message: &Message<'f>,
    ) -> Option<Event<'f>> {
        let mut first_gap = None;
        for report in events.events {
            let sequence = match report {
                OrderReport::Update(update) => update.event.and_then(|event| event.socket_sequence),
                OrderReport::Unrecognized(_) | OrderReport::Malformed { .. } => None,
            };
            match sequence {
                Some(sequence) => {
                    let gap = self.sequence.count(sequence);
                    first_gap = first_gap.or(gap);
                }
                // The venue has numbered this event too, even if the text does not show the number.
                None => self.sequence.skip(),
            }
        }
        let event = event_of(message, reception.source(text))?;
        let Some(gap) = first_gap else { return reception.data(event) };
        let link = reception.link();
        reception.report(Event::SequenceGap { link, expected: gap.expected, got: gap.got });
        reception.lose_sequence();
        reception.moving_data(event)
    }
}
