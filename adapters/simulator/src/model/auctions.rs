//! [`Auction`]: the auctions of one symbol, from the opening to the result.
//!
//! Orders of an auction are in a separate book, so an auction changes no level of the published book. Only the
//! archived market data endpoints report auctions.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::engine::PriceQuantity;
use crate::model::fact::Top;
use crate::value::instrument::{Instrument, is_perpetual};
use crate::value::random::Random;

const SECOND_MILLIS: i64 = 1_000;
/// The time from the opening to the first indicative price.
const OPENING: Duration = Duration::from_secs(60);
/// The time between two indicative prices, and from the last one to the auction.
const INDICATIVE_PERIOD: Duration = Duration::from_secs(15);
const INDICATIVE_COUNT: u32 = 4;
/// The seconds from a result to the next opening: the minimum, and the limit of the random number that is added.
const PAUSE_SECONDS: [u64; 2] = [120, 480];
/// The maximum number of results and indicative prices in the first frame of a subscription.
const RECENT_MAX: usize = 10;

/// The planned times of an auction, in ms since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AuctionPlan {
    pub(crate) open: i64,
    pub(crate) first_indicative: i64,
    pub(crate) last_cancel: i64,
    pub(crate) auction: i64,
}

/// An indicative price or a result. Prices are in units of the symbol's last decimal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AuctionPrice {
    pub(crate) is_result: bool,
    /// In ms since 1970.
    pub(crate) millis: i64,
    pub(crate) highest_bid: u64,
    pub(crate) lowest_ask: u64,
    pub(crate) collar: u64,
    /// `None` if the auction fails.
    pub(crate) cleared: Option<PriceQuantity>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AuctionStep {
    Opens(AuctionPlan),
    Prices(AuctionPrice),
}

#[derive(Clone, Debug)]
pub(crate) struct Auction {
    random: Random,
    /// How many prices of the open auction are still to be published. The last of them is the result.
    prices_left: u32,
    /// The newest first.
    recent: VecDeque<AuctionPrice>,
}

impl Auction {
    pub(crate) fn new(instrument: &Instrument, seed: u64) -> Option<Auction> {
        let random = Random::for_name(seed.rotate_left(21), instrument.symbol.as_str());
        let has_auctions = !instrument.is_thin && !is_perpetual(instrument.symbol);
        has_auctions.then(|| Auction { random, prices_left: 0, recent: VecDeque::new() })
    }

    /// Returns a random time after which the next auction opens. The opening is at a full second of the venue's time.
    /// `venue_time` is in ns.
    pub(crate) fn pause(&mut self, venue_time: i64) -> Duration {
        let [least, more] = PAUSE_SECONDS;
        let pause = Duration::from_secs(least + self.random.below(more));
        pause.saturating_sub(Duration::from_nanos(venue_time.rem_euclid(1_000_000_000).unsigned_abs()))
    }

    /// Carries out the next step of the auction. Returns the time until the following step, and the step that was
    /// carried out: `None` if a price is due but a side of the book is empty.
    pub(crate) fn step(
        &mut self,
        instrument: &Instrument,
        top: &Top,
        venue_time: i64,
    ) -> (Duration, Option<AuctionStep>) {
        let millis = venue_time.div_euclid(1_000_000);
        let millis = millis - millis.rem_euclid(SECOND_MILLIS);
        if self.prices_left == 0 {
            self.prices_left = INDICATIVE_COUNT + 1;
            let later = |duration: Duration| {
                millis.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
            };
            let plan = AuctionPlan {
                open: millis,
                first_indicative: later(OPENING),
                last_cancel: later(OPENING + INDICATIVE_PERIOD * (INDICATIVE_COUNT - 1)),
                auction: later(OPENING + INDICATIVE_PERIOD * INDICATIVE_COUNT),
            };
            return (OPENING, Some(AuctionStep::Opens(plan)));
        }
        self.prices_left -= 1;
        let is_result = self.prices_left == 0;
        let pause = if is_result { self.pause(venue_time) } else { INDICATIVE_PERIOD };
        let price = self.price(instrument, top, is_result, millis);
        if let Some(price) = price {
            self.recent.push_front(price);
            self.recent.truncate(RECENT_MAX);
        }
        (pause, price.map(AuctionStep::Prices))
    }

    fn price(
        &mut self,
        instrument: &Instrument,
        top: &Top,
        is_result: bool,
        millis: i64,
    ) -> Option<AuctionPrice> {
        let [Some((highest_bid, _)), Some((lowest_ask, _))] = *top else { return None };
        let collar = highest_bid + (lowest_ask - highest_bid) / 2;
        let succeeds = self.random.chance(3, 4);
        let moved = collar - collar % instrument.tick + instrument.tick * self.random.below(5);
        let quantity = instrument.quantity + self.random.below(instrument.quantity.saturating_mul(100));
        let cleared = succeeds.then_some((moved, quantity));
        Some(AuctionPrice { is_result, millis, highest_bid, lowest_ask, collar, cleared })
    }

    pub(crate) fn recent(&self) -> impl Iterator<Item = &AuctionPrice> {
        self.recent.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_opening_to_the_result() {
        let instrument = Instrument::of("btcusd".parse().unwrap());
        let mut auction = Auction::new(&instrument, 1).unwrap();
        let top = [Some((8_336_000_000, 1)), Some((8_336_003_000, 1))];
        let (mut now, mut kinds, mut failures) = (1_790_732_601_500_000_000_i64, String::new(), 0);
        now += i64::try_from(auction.pause(now).as_nanos()).unwrap();
        let mut planned = 0;
        for _ in 0..60 {
            let (pause, step) = auction.step(&instrument, &top, now);
            let millis = now / 1_000_000;
            match step.unwrap() {
                AuctionStep::Opens(plan) => {
                    assert_eq!((plan.open, plan.open % 1_000), (millis, 0));
                    assert!(plan.open < plan.first_indicative && plan.first_indicative < plan.last_cancel);
                    assert!(plan.last_cancel < plan.auction);
                    planned = plan.auction;
                    kinds.push('o');
                }
                AuctionStep::Prices(price) => {
                    assert_eq!((price.millis, price.collar), (millis, 8_336_001_500));
                    assert!(!price.is_result || price.millis == planned);
                    failures += u32::from(price.cleared.is_none());
                    kinds.push(if price.is_result { 'r' } else { 'i' });
                }
            }
            now += i64::try_from(pause.as_nanos()).unwrap();
        }
        assert_eq!(kinds, "oiiiir".repeat(10));
        assert!((5..25).contains(&failures), "{failures}");
        assert_eq!(auction.recent().count(), RECENT_MAX);
    }

    #[test]
    fn not_every_symbol_has_them() {
        for (name, has) in [("btcusd", true), ("btcgusdperp", false), ("GEMI-A-UP", false)] {
            let auction = Auction::new(&Instrument::of(name.parse().unwrap()), 1);
            assert_eq!(auction.is_some(), has, "{name}");
        }
    }
}
