//! [`FillSums`]: the sums of the first fills of an order.

use alloc::vec::Vec;

use crate::state::fill::OrderFill;
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

/// The sum of the first n fills of an order, for each n. The fills are in two sequences: by arrival and by time.
#[derive(Clone, Debug, Default)]
pub(super) struct FillSums {
    /// For each fill, the sum of this fill and all fills before it; `None` if a decimal cannot hold the sum.
    by_arrival: Vec<Option<Decimal>>,
    by_time: Vec<TimedFill>,
    /// Whether a fill has a negative quantity. If so, a sum may be lower than the sum before it.
    has_negative: bool,
}

#[derive(Clone, Debug)]
struct TimedFill {
    key: (Option<Timestamp>, u64),
    quantity: Decimal,
    /// The sum of this fill and all fills with a smaller key; `None` if a decimal cannot hold the sum.
    sum: Option<Decimal>,
}

impl FillSums {
    /// Adds the fills that are new since the previous call. The cost grows only with their number, and with the
    /// number of known fills that have a later time than one of them.
    pub(super) fn update(&mut self, fills: &[OrderFill]) {
        // The first fill of `by_time` whose place or sum changes.
        let mut first = self.by_time.len();
        for fill in fills.get(self.by_arrival.len()..).unwrap_or_default() {
            let (key, quantity) = ((fill.event_time, fill.trade_id), fill.quantity);
            self.has_negative |= quantity.is_negative();
            self.by_arrival.push(next(self.by_arrival.last().copied(), quantity));
            let unmoved = self.by_time.get(..first).unwrap_or_default();
            first = unmoved.partition_point(|earlier| earlier.key <= key);
            self.by_time.push(TimedFill { key, quantity, sum: None });
        }
        let (unmoved, moved) = self.by_time.split_at_mut(first);
        moved.sort_by_key(|fill| fill.key);
        let mut last = unmoved.last().map(|fill| fill.sum);
        for fill in moved {
            fill.sum = next(last, fill.quantity);
            last = Some(fill.sum);
        }
    }

    /// Returns whether a quantity is zero, or the sum of the first n fills, for any n, in one of the two sequences.
    pub(super) fn has(&self, quantity: Decimal) -> bool {
        quantity.is_zero()
            || self.find(&self.by_arrival, |sum| *sum, quantity)
            || self.find(&self.by_time, |fill| fill.sum, quantity)
    }

    fn find<T>(&self, fills: &[T], sum: impl Fn(&T) -> Option<Decimal>, quantity: Decimal) -> bool {
        if self.has_negative {
            return fills.iter().any(|fill| sum(fill) == Some(quantity));
        }
        let place = fills.partition_point(|fill| sum(fill).is_some_and(|sum| sum < quantity));
        fills.get(place).is_some_and(|fill| sum(fill) == Some(quantity))
    }

    /// Returns the sum of the fills that have a time before `time`; `None` if a decimal cannot hold a sum.
    pub(super) fn before(&self, time: Timestamp) -> Option<Decimal> {
        let end = self.by_time.partition_point(|fill| fill.key.0 < Some(time));
        let begin = self.by_time.partition_point(|fill| fill.key.0.is_none());
        let sum = |count: usize| match count.checked_sub(1) {
            Some(last) => self.by_time.get(last).and_then(|fill| fill.sum),
            None => Some(Decimal::ZERO),
        };
        sum(end)?.checked_sub(sum(begin)?)
    }
}

impl PartialEq for FillSums {
    /// Returns `true`: orders with equal fills have equal sums, whether or not an order has computed them.
    fn eq(&self, _: &FillSums) -> bool {
        true
    }
}

fn next(last: Option<Option<Decimal>>, quantity: Decimal) -> Option<Decimal> {
    last.unwrap_or(Some(Decimal::ZERO))?.checked_add(quantity)
}
