//! [`Tape`]: the last trades of a symbol, for the archived market data endpoints.

use crate::model::engine::{PriceQuantity, Side};

/// The maximum number of trades in the first frame of the v2 feed `l2`.
pub(crate) const TAPE_LENGTH: usize = 50;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taker {
    /// An order of this side took resting orders.
    Side(Side),
    /// Two parties traded outside the book.
    Block,
}

/// One trade. Its price and quantity are in units of the symbol's last decimals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TapeTrade {
    pub(crate) event_id: u64,
    /// In ns since 1970.
    pub(crate) time: i64,
    pub(crate) level: PriceQuantity,
    pub(crate) taker: Taker,
}

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

    /// Returns the trades in the order of the ring buffer, which is not sorted by time.
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
