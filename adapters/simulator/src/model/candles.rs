//! [`Candles`]: the trades of a symbol, summarised for each interval.

use std::collections::VecDeque;

use crate::model::engine::PriceQuantity;

/// The intervals of the candle feeds: the name in frames, and the length in minutes.
pub(crate) const INTERVALS: [(&str, i64); 7] =
    [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("6h", 360), ("1d", 1_440)];

/// The maximum number of candles of each interval. The first frame of a subscription contains all of them.
const CANDLES_MAX: usize = 500;

const MINUTE_MILLIS: i64 = 60_000;

/// The trades of one interval. Prices and quantities are in units of the symbol's last decimals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Candle {
    /// The beginning of the interval, in ms since 1970.
    pub(crate) start: i64,
    pub(crate) open: u64,
    pub(crate) high: u64,
    pub(crate) low: u64,
    pub(crate) close: u64,
    pub(crate) volume: u64,
}

/// The candles of one symbol, for each interval of [`INTERVALS`]. An interval without trades has no candle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candles {
    /// In the order of [`INTERVALS`]; the newest candle first.
    all: [VecDeque<Candle>; INTERVALS.len()],
}

impl Candles {
    /// Adds a trade. `millis` is the time of the trade in ms since 1970, and must never decrease from call to call.
    pub(crate) fn record(&mut self, millis: i64, (price, quantity): PriceQuantity) {
        for (candles, (_, minutes)) in self.all.iter_mut().zip(INTERVALS) {
            let start = millis - millis.rem_euclid(minutes * MINUTE_MILLIS);
            match candles.front_mut() {
                Some(newest) if newest.start == start => {
                    newest.high = newest.high.max(price);
                    newest.low = newest.low.min(price);
                    newest.close = price;
                    newest.volume = newest.volume.saturating_add(quantity);
                }
                _ => {
                    candles.push_front(Candle {
                        start,
                        open: price,
                        high: price,
                        low: price,
                        close: price,
                        volume: quantity,
                    });
                    candles.truncate(CANDLES_MAX);
                }
            }
        }
    }

    /// Returns the candles of the interval at this position of [`INTERVALS`], the newest first.
    pub(crate) const fn newest_first(&self, interval: usize) -> &VecDeque<Candle> {
        &self.all[interval]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_make_candles() {
        let mut candles = Candles::default();
        for (millis, price, quantity) in
            [(59_999, 10, 1), (60_000, 12, 2), (90_000, 9, 3), (119_999, 11, 4), (300_000, 20, 5)]
        {
            candles.record(millis, (price, quantity));
        }
        let candle = |start, [open, high, low, close]: [u64; 4], volume| Candle {
            start,
            open,
            high,
            low,
            close,
            volume,
        };
        let minutes =
            [candle(300_000, [20; 4], 5), candle(60_000, [12, 12, 9, 11], 9), candle(0, [10; 4], 1)];
        assert!(candles.newest_first(0).iter().eq(&minutes));
        assert!(candles.newest_first(1).iter().eq(&[minutes[0], candle(0, [10, 12, 9, 11], 10)]));
        assert!(candles.newest_first(6).iter().eq(&[candle(0, [10, 20, 9, 20], 15)]));
    }
}
