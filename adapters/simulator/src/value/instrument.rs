//! [`Instrument`]: the decimals and sizes of a symbol's prices and quantities.

use gemini_ws::Symbol;

use crate::value::random::hash;

/// The decimals and sizes of a symbol's numbers. All integers are in units of the last decimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instrument {
    /// The symbol as the venue spells it in its frames.
    pub(crate) symbol: Symbol,
    pub(crate) price_decimals: u8,
    pub(crate) quantity_decimals: u8,
    pub(crate) tick: u64,
    pub(crate) price: u64,
    /// The largest price of generated orders, apart from one initial ask far above the market. A client's market
    /// order to buy also matches only up to this price.
    pub(crate) price_limit: u64,
    /// The approximate maximum quantity of a generated order.
    pub(crate) quantity: u64,
    /// Whether the book is thin: it has few orders, and at times none on one side.
    pub(crate) is_thin: bool,
}

/// Symbols with their numbers as recorded from the venue: the price in hundredths, price decimals, the tick in units
/// of the last decimal, and quantity decimals.
const KNOWN: [(&str, u64, u8, u64, u8); 10] = [
    ("btcusd", 8_336_125, 5, 1_000, 10),
    ("ethusd", 267_050, 5, 1_000, 8),
    ("solusd", 14_012, 5, 1_000, 8),
    ("ltcusd", 9_120, 5, 1_000, 8),
    ("xrpusd", 242, 5, 1, 6),
    ("audusd", 66, 9, 10_000, 6),
    ("btcgusdperp", 8_339_500, 3, 500, 4),
    ("ethgusdperp", 267_065, 4, 500, 3),
    ("solgusdperp", 14_015, 4, 100, 3),
    ("avaxgusdperp", 748, 6, 1_000, 5),
];

/// Prices in hundredths for other symbols, by the currency with which the symbol begins.
const BASES: [(&str, u64); 12] = [
    ("btc", 8_336_125),
    ("wbtc", 8_330_000),
    ("eth", 267_050),
    ("sol", 14_012),
    ("bch", 41_030),
    ("aave", 17_250),
    ("ltc", 9_120),
    ("link", 1_402),
    ("avax", 748),
    ("trump", 811),
    ("xrp", 242),
    ("doge", 18),
];

const PREDICTION_PRICE_LIMIT: u64 = 99;

impl Instrument {
    pub(crate) fn of(symbol: Symbol) -> Instrument {
        let symbol = symbol.canonical();
        let name = symbol.as_str();
        let chance = hash(name);
        if is_prediction(symbol) {
            // The initial price is between 0.05 and 0.94, and quantities are whole numbers of contracts.
            return Instrument {
                symbol,
                price_decimals: 2,
                quantity_decimals: 0,
                tick: 1,
                price: 5 + chance % 90,
                price_limit: PREDICTION_PRICE_LIMIT,
                quantity: 1_000,
                is_thin: true,
            };
        }
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let (hundredths, price_decimals, tick, quantity_decimals) = match known {
            Some(&(_, hundredths, price_decimals, tick, quantity_decimals)) => {
                (hundredths, price_decimals, tick, quantity_decimals)
            }
            None => {
                let base = BASES.iter().find(|(base, _)| name.starts_with(base));
                let hundredths = base.map_or(1 + chance % 100_000, |(_, hundredths)| *hundredths);
                // With this many decimals, the price is a large number of ticks.
                let least = if hundredths < 100 { 5 } else { 2 };
                let price_decimals = least + (chance >> 32) as u8 % 4;
                (hundredths, price_decimals, 1, 2 + (chance >> 40) as u8 % 7)
            }
        };
        let price = hundredths * power(price_decimals - 2);
        // The largest generated orders are worth about 1000 units of the quote currency.
        let quantity = (100_000 * power(quantity_decimals) / hundredths).max(1);
        let is_thin = known.is_none() && chance.is_multiple_of(4);
        Instrument {
            symbol,
            price_decimals,
            quantity_decimals,
            tick,
            price: price - price % tick,
            price_limit: price * 4,
            quantity,
            is_thin,
        }
    }

    /// Returns a price far above the market, for a sell order that is not meant to be executed. The price fits into
    /// 64 bits with any number of decimals.
    pub(crate) fn absurd_price(&self) -> u64 {
        9 * power(12.min(17 - self.price_decimals) + self.price_decimals)
    }
}

pub(crate) fn is_perpetual(symbol: Symbol) -> bool {
    symbol.canonical().as_str().ends_with("perp")
}

pub(crate) fn is_prediction(symbol: Symbol) -> bool {
    symbol.as_str().contains('-')
}

/// Returns 10 to the power of `exponent`, which must be at most 19.
pub(crate) const fn power(exponent: u8) -> u64 {
    10_u64.pow(exponent as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_symbol_has_a_shape() {
        let known = KNOWN.iter().map(|(name, ..)| (*name).to_owned());
        let made = (0..500)
            .flat_map(|number| [format!("x{number}usd"), format!("A-{number}-UP"), format!("{number}")]);
        for name in known.chain(made) {
            let instrument = Instrument::of(name.parse().unwrap());
            assert!(instrument.price >= instrument.tick, "{name}");
            assert!(instrument.price.is_multiple_of(instrument.tick), "{name}");
            assert!(instrument.absurd_price().is_multiple_of(instrument.tick), "{name}");
            assert!(i64::try_from(instrument.absurd_price()).is_ok(), "{name}");
            assert!(instrument.price < instrument.price_limit, "{name}");
            assert!(instrument.absurd_price() > instrument.price_limit, "{name}");
        }
    }
}
