//! [`LastTrade`]: which trades were delivered before.

use crate::message::Trade;

/// The newest trade that a stream has delivered. The ids of later trades are higher, though not always by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LastTrade {
    /// The id of the newest trade plus one; zero before the first trade.
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

    /// Returns whether a trade with this id was delivered before.
    #[inline]
    pub(crate) const fn has(self, id: u64) -> bool {
        id < self.next
    }

    pub(crate) const fn note(&mut self, id: u64) {
        if id >= self.next {
            self.next = id.saturating_add(1);
        }
    }

    /// Returns the id by which trades of a stream are compared: the event id if the trade has one, otherwise the
    /// trade id. In market data v2 the event ids of a stream rise, but a trade may have no trade id.
    #[inline]
    pub(crate) const fn key(trade: &Trade<'_>) -> u64 {
        match trade.event_id {
            Some(event_id) => event_id,
            None => trade.trade_id,
        }
    }
}
