//! Market data v1: the book and its trades, numbered frame by frame.

use crate::archive::sequence::Sequence;
use crate::archive::{SENDS_ONLY, control, decode, heartbeat, lose_sequence, unrecognized};
use crate::event::Event;
use crate::event::last_trade::LastTrade;
use crate::event::replay::market;
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::session::{Reception, Session};
use crate::message::Message;
use crate::wire::Scratch;

#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketDataV1 {
    /// Of the frames of the present link.
    sequence: Sequence,
    /// Over all links.
    last_trade: LastTrade,
}

impl MarketDataV1 {
    pub(crate) fn new() -> MarketDataV1 {
        MarketDataV1 { sequence: Sequence::default(), last_trade: LastTrade::NOTHING }
    }
}

impl Session for MarketDataV1 {
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
            Err(error) => return reception.malformed(text, error),
        };
        match &message {
            // Nothing of a book that lost an update may be applied.
            Message::MarketUpdate(update) => match self.sequence.count(update.socket_sequence) {
                None => {
                    let source = reception.source(text);
                    reception.data(market(&mut self.last_trade, *update, source))
                }
                Some(gap) => lose_sequence(reception, gap),
            },
            Message::Heartbeat(beat) => heartbeat(reception, text, beat, &mut self.sequence),
            Message::Error(_) => control(reception, text, &message),
            _ => unrecognized(reception, text, &message),
        }
    }

    /// It makes no requests.
    fn expired(&mut self, _: &mut Feed, _: &mut Context<'_>, _: &StreamRequest, _: u64) {}
}
