//! [`Tape`]: the last trades of a symbol, as the archived endpoints tell them.

use crate::model::engine::{PriceQuantity, Side};

/// How many trades come with the first frame of the v2 feed `l2`.
pub(crate) const TAPE_LENGTH: usize = 50;

/// Who traded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taker {
    /// The side that took what rested.
    Side(Side),
    /// Two parties beside the book.
    Block,
}

/// One trade; price and quantity are units of the symbol's last decimals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TapeTrade {
    pub(crate) event_id: u64,
    /// In ns since 1970.
    pub(crate) time: i64,
    pub(crate) level: PriceQuantity,
    pub(crate) taker: Taker,
}

/// A ring: the newest trade takes the place of the oldest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    trades: Vec<TapeTrade>,
    recorded: usize,
}

impl Tape {
    pub(crate) fn record(&mut self, trade: TapeTrade) {
        let place = self.recorded % TAPE_LENGTH;
        match self.trades.get_mut(place) {
            Some(oldest) => *oldest = trade,
            None => self.trades.push(trade),
        }
        self.recorded += 1;
    }

    /// The trades as they lie in the ring, which is not in the order of time.
    pub(crate) fn as_it_lies(&self) -> &[TapeTrade] {
        &self.trades
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_over_oldest() {
        let mut tape = Tape::default();
        let trade = |event_id| TapeTrade { event_id, time: 0, level: (1, 1), taker: Taker::Block };
        for event_id in 0..TAPE_LENGTH as u64 + 2 {
            tape.record(trade(event_id));
        }
        let ids: Vec<u64> = tape.as_it_lies().iter().map(|trade| trade.event_id).collect();
        assert_eq!((ids.len(), &ids[..4], ids[49]), (TAPE_LENGTH, &[50, 51, 2, 3][..], 49));
    }
}
