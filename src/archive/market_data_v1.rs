//! Market data v1: the book and its trades, numbered frame by frame.

use alloc::vec::Vec;

use crate::archive::sequence::Sequence;
use crate::archive::{SENDS_ONLY, decode, lose_sequence, numbered};
use crate::config::Config;
use crate::event::last_trade::LastTrade;
use crate::event::replay::market;
use crate::event::{Event, IgnoredReason};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::session::{Reception, Session};
use crate::message::{MarketUpdate, Message};
use crate::value::symbol::Symbol;
use crate::wire::Scratch;

#[derive(Clone, Debug)]
pub(crate) struct MarketDataV1 {
    /// What the address asks for; `None` if it does not say so in a way that is known.
    symbols: Option<Vec<Symbol>>,
    /// Of the frames of the present link.
    sequence: Sequence,
    /// Over all links.
    last_trade: LastTrade,
}

impl MarketDataV1 {
    pub(crate) fn new(config: &Config) -> MarketDataV1 {
        let symbols = config.symbols();
        MarketDataV1 { symbols, sequence: Sequence::default(), last_trade: LastTrade::NOTHING }
    }

    /// Whether an entry is about a symbol that the address does not ask for, and whether every one is.
    fn foreign(&self, update: &MarketUpdate<'_>) -> (bool, bool) {
        let Some(symbols) = &self.symbols else { return (false, false) };
        let is_asked = |name: &str| symbols.iter().any(|it| it.as_str().eq_ignore_ascii_case(name));
        update.entries.iter().fold((false, true), |(any, all), entry| {
            let is_foreign = entry.symbol().is_some_and(|name| !is_asked(name));
            (any || is_foreign, all && is_foreign)
        })
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
            Message::MarketUpdate(update) => {
                let (is_any_foreign, is_foreign) = self.foreign(update);
                if is_any_foreign && !is_foreign {
                    // What it says of other symbols is lost with it, as the next number shows.
                    return reception.ignored(text, IgnoredReason::NotSubscribed);
                }
                match self.sequence.count(update.socket_sequence) {
                    // Nothing of a book that lost an update may be applied.
                    Some(gap) => lose_sequence(reception, gap),
                    None if is_any_foreign => reception.ignored(text, IgnoredReason::NotSubscribed),
                    None => {
                        let source = reception.source(text);
                        reception.data(market(&mut self.last_trade, *update, source))
                    }
                }
            }
            _ => numbered(reception, text, &message, &mut self.sequence),
        }
    }

    /// It makes no requests.
    fn expired(&mut self, _: &mut Feed, _: &mut Context<'_>, _: &StreamRequest, _: u64, _: bool) {}
}
