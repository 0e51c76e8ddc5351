//! [`LastTrade`]: which trades were delivered before.

use crate::message::Trade;

/// The newest trade of a stream that was delivered. Ids rise, though not by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LastTrade {
    /// The id after that of the newest trade.
    next: u64,
}

impl LastTrade {
    pub(crate) const NOTHING: LastTrade = LastTrade { next: 0 };

    /// Marks a trade as a replay if it was delivered before.
    #[inline]
    pub(crate) const fn mark(self, mut trade: Trade<'_>) -> Trade<'_> {
        trade.is_replay = self.has(LastTrade::key(&trade));
        trade
    }

    /// Marks a trade as a replay if it was delivered before, and notes it.
    #[inline]
    pub(crate) const fn tell<'f>(&mut self, trade: Trade<'f>) -> Trade<'f> {
        let trade = self.mark(trade);
        self.note(LastTrade::key(&trade));
        trade
    }

    /// Returns whether the trade with an id was delivered before.
    #[inline]
    pub(crate) const fn has(self, id: u64) -> bool {
        id < self.next
    }

    pub(crate) const fn note(&mut self, id: u64) {
        if id >= self.next {
            self.next = id.saturating_add(1);
        }
    }

    /// Returns the id that rises from trade to trade: in market data v2 that of the event. A trade there may also have
    /// an id of its own, and another trade of the same stream may have none.
    #[inline]
    pub(crate) const fn key(trade: &Trade<'_>) -> u64 {
        match trade.event_id {
            Some(event_id) => event_id,
            None => trade.trade_id,
        }
    }
}
