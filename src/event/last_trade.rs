//! [`LastTrade`] and [`DeliveredTrades`]: which trades were delivered before.

use crate::message::Trade;

/// The newest trade that a stream has delivered. The ids of later trades are higher, though not always by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LastTrade {
    /// The id of the newest trade plus one; zero before the first trade.
    next: u64,
}

impl LastTrade {
    pub(crate) const NOTHING: LastTrade = LastTrade { next: 0 };

    #[inline]
    pub(crate) const fn mark(self, mut trade: Trade<'_>) -> Trade<'_> {
        trade.is_replay = self.has(LastTrade::key(&trade));
        trade
    }

    /// Marks a trade as a replay if it was delivered before. From now on, the trade counts as delivered.
    #[inline]
    pub(crate) const fn tell<'f>(&mut self, trade: Trade<'f>) -> Trade<'f> {
        let trade = self.mark(trade);
        self.note(LastTrade::key(&trade));
        trade
    }

    #[inline]
    pub(crate) const fn has(self, id: u64) -> bool {
        id < self.next
    }

    pub(crate) const fn note(&mut self, id: u64) {
        if id >= self.next {
            self.next = id.saturating_add(1);
        }
    }

    /// Prefers the event id: a trade of market data v2 may have no trade id, but its event id is higher than those of
    /// earlier trades.
    #[inline]
    pub(crate) const fn key(trade: &Trade<'_>) -> u64 {
        match trade.event_id {
            Some(event_id) => event_id,
            None => trade.trade_id,
        }
    }
}

const TRADE_IDS_MAX: usize = 16;

/// The trades that a stream has delivered. Market data v2 repeats the latest trades of a stream; its event ids rise,
/// so the highest one is enough. The current API is not known to repeat trades. There, the newest ids are remembered
/// instead of the highest: one id that is far too high would mark all later trades as replays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveredTrades {
    last: LastTrade,
    recent: [Option<u64>; TRADE_IDS_MAX],
    oldest: usize,
}

impl DeliveredTrades {
    pub(crate) const NOTHING: DeliveredTrades =
        DeliveredTrades { last: LastTrade::NOTHING, recent: [None; TRADE_IDS_MAX], oldest: 0 };

    #[inline]
    pub(crate) fn tell<'f>(&mut self, mut trade: Trade<'f>) -> Trade<'f> {
        if trade.event_id.is_some() {
            return self.last.tell(trade);
        }
        let id = Some(trade.trade_id);
        trade.is_replay = self.recent.contains(&id);
        if !trade.is_replay {
            if let Some(place) = self.recent.get_mut(self.oldest) {
                *place = id;
            }
            self.oldest = self.oldest.wrapping_add(1) % TRADE_IDS_MAX;
        }
        trade
    }

    pub(crate) const fn last(&mut self) -> &mut LastTrade {
        &mut self.last
    }
}
