//! [`Flow`]: the generated orders that keep a symbol's book moving.

use std::time::Duration;

use crate::model::engine::{Effects, Engine, OrderId, Remainder, Side};
use crate::value::instrument::Instrument;
use crate::value::random::Random;

const INTERVAL_MIN: Duration = Duration::from_micros(1);

#[derive(Clone, Debug)]
pub(crate) struct Flow {
    random: Random,
    /// The price around which the flow places orders.
    fair: u64,
    orders_per_side: usize,
    /// The orders that the flow has placed in the book and not cancelled. The list can contain orders that have been
    /// filled.
    placed: Vec<OrderId>,
    /// The side that gets no new resting orders, and for how many more events; usually `None`.
    deserted: Option<(Side, u64)>,
}

impl Flow {
    pub(crate) fn new(instrument: &Instrument, seed: u64, orders_per_side: u32, engine: &mut Engine) -> Flow {
        let orders = if instrument.is_thin { orders_per_side.div_ceil(10) } else { orders_per_side };
        let mut flow = Flow {
            random: Random::for_name(seed, instrument.symbol.as_str()),
            fair: instrument.price,
            orders_per_side: usize::try_from(orders.max(1)).unwrap_or(usize::MAX),
            placed: Vec::new(),
            deserted: None,
        };
        let mut ignored = Effects::default();
        for _ in 0..flow.orders_per_side {
            for side in Side::BOTH {
                flow.limit(instrument, engine, side, &mut ignored);
            }
        }
        if !instrument.is_thin {
            for (side, price) in [(Side::Ask, instrument.absurd_price()), (Side::Bid, instrument.tick)] {
                engine.place(side, price, instrument.quantity, Remainder::Rests, &mut ignored);
            }
        }
        flow
    }

    pub(crate) const fn fair(&self) -> u64 {
        self.fair
    }

    /// Returns the time until the next event. Sometimes this time is very short, because bursts occur on the venue
    /// too.
    pub(crate) fn pause(&mut self, mean: Duration) -> Duration {
        let mean = u64::try_from(mean.max(INTERVAL_MIN).as_nanos()).unwrap_or(u64::MAX);
        let longest = if self.random.chance(1, 5) { 50_000.min(mean) } else { mean.saturating_mul(5) / 2 };
        Duration::from_nanos(1 + self.random.below(longest))
    }

    /// Generates one event: an order, a cancellation or a trade. In a thin book, the event can also cancel all
    /// generated orders of a side. If the event does nothing, `effects` contains no change.
    pub(crate) fn step(&mut self, instrument: &Instrument, engine: &mut Engine, effects: &mut Effects) {
        self.wander(instrument);
        if instrument.is_thin && self.deserted.is_none() && self.random.chance(1, 200) {
            let side = self.side();
            self.deserted = Some((side, 5 + self.random.below(20)));
            return engine.clear(side, effects);
        }
        self.deserted = match self.deserted {
            Some((side, left)) if left > 1 => Some((side, left - 1)),
            _ => None,
        };
        let mut side = self.side();
        if engine.orders(side.opposite()) * 2 < self.orders_per_side {
            side = side.opposite();
        }
        let is_short = engine.orders(side) < self.orders_per_side;
        let place_below = if is_short { 60 } else { 36 };
        match self.random.below(100) {
            action if action < place_below => match self.deserted {
                Some((deserted, _)) => self.limit(instrument, engine, deserted.opposite(), effects),
                None => self.limit(instrument, engine, side, effects),
            },
            action if action < 92 => self.cancel(engine, effects),
            _ => self.market(instrument, engine, side, effects),
        }
    }

    fn side(&mut self) -> Side {
        if self.random.chance(1, 2) { Side::Bid } else { Side::Ask }
    }

    fn wander(&mut self, instrument: &Instrument) {
        let stride = (instrument.price / 300_000).max(1);
        let low = (instrument.price / 2).max(instrument.tick * 2);
        let high = (instrument.price * 2).min(instrument.price_limit - instrument.tick);
        let moved = self.fair.saturating_add(self.random.below(2 * stride + 1)).saturating_sub(stride);
        self.fair = moved.clamp(low.min(high), high);
    }

    fn limit(&mut self, instrument: &Instrument, engine: &mut Engine, side: Side, effects: &mut Effects) {
        // A product of two random numbers is usually small, so most orders are near the fair price.
        let width = (self.fair / instrument.tick / 500).max(8);
        let distance = (self.random.below(width) * self.random.below(width) / width) * instrument.tick;
        let price = match side {
            Side::Bid => self.fair.saturating_sub(distance).saturating_sub(instrument.tick / 2),
            Side::Ask => self.fair + distance + instrument.tick,
        };
        let price = (price - price % instrument.tick).clamp(instrument.tick, instrument.price_limit);
        let quantity = self.quantity(instrument);
        self.placed.extend(engine.place(side, price, quantity, Remainder::Rests, effects));
        if self.placed.len() > self.orders_per_side.saturating_mul(4).max(64) {
            self.placed.retain(|id| engine.contains(*id));
        }
    }

    fn quantity(&mut self, instrument: &Instrument) -> u64 {
        let quantity = instrument.quantity / 50 + self.random.below(instrument.quantity);
        quantity.max(1)
    }

    fn cancel(&mut self, engine: &mut Engine, effects: &mut Effects) {
        // Some of these orders have been filled, so try again. Eight filled orders in a row are rare.
        for _ in 0..8 {
            let position = self.random.below(self.placed.len() as u64) as usize;
            if position < self.placed.len() && engine.cancel(self.placed.swap_remove(position), effects) {
                return;
            }
        }
    }

    /// Places an order that does not rest. It matches at prices up to a tenth worse than the fair price.
    fn market(&mut self, instrument: &Instrument, engine: &mut Engine, side: Side, effects: &mut Effects) {
        let worst = match side {
            Side::Bid => self.fair + self.fair / 10,
            Side::Ask => self.fair - self.fair / 10,
        };
        let quantity = self.quantity(instrument);
        engine.place(side, worst, quantity, Remainder::IsCanceled, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_live_and_never_cross() {
        for name in ["btcusd", "ethgusdperp", "GEMI-PRES2028-VANCE", "audusd", "x3usd", "x7usd"] {
            for seed in 0..4 {
                let instrument = Instrument::of(name.parse().unwrap());
                let mut engine = Engine::default();
                let mut flow = Flow::new(&instrument, seed, 30, &mut engine);
                let (mut fills, mut one_sided) = (0, 0);
                for _ in 0..5_000 {
                    let mut effects = Effects::default();
                    flow.step(&instrument, &mut engine, &mut effects);
                    fills += effects.fills().len();
                    match (engine.best(Side::Bid), engine.best(Side::Ask)) {
                        (Some((bid, _)), Some((ask, _))) => assert!(bid < ask, "{name}: {bid} {ask}"),
                        _ => one_sided += 1,
                    }
                    assert!(Side::BOTH.iter().all(|side| engine.best_first(*side).all(|level| level.1 > 0)));
                }
                assert!(fills > 50, "{name}: {fills} fills");
                assert!(engine.orders(Side::Bid) < 200 && engine.orders(Side::Ask) < 200, "{name}");
                assert!(one_sided < 3_000, "{name}: {one_sided}");
                assert_eq!(instrument.is_thin, one_sided > 0, "{name}: {one_sided}");
            }
        }
    }
}
