//! [`Holdings`]: the assets of an account.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{Decimal, Symbol};

use crate::account::ledger::{LedgerBalance, LedgerPosition};
use crate::account::saved::SavedAsset;
use crate::value::amount::{self, Amount};
use crate::value::instrument::is_prediction;
use crate::value::order::Outcome;

/// The currencies with which symbols can end, in the order in which the code looks for them. `gusd` comes before
/// `usd`, because `gusd` ends with `usd`.
const QUOTES: [&str; 13] =
    ["gusd", "usdc", "usdt", "usd", "eur", "gbp", "sgd", "aud", "dai", "btc", "eth", "fil", "bch"];

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Asset {
    Currency(String),
    /// Contracts of a prediction market, which pay if this outcome comes true.
    Contract(Symbol, Outcome),
}

impl Asset {
    /// Returns the asset that an order in this symbol buys or sells, and the currency of its price. `None` for a
    /// contract without an `outcome`, and for a symbol that ends with none of [`QUOTES`].
    pub(crate) fn pair(symbol: Symbol, outcome: Option<Outcome>) -> Option<[Asset; 2]> {
        if is_prediction(symbol) {
            return Some([Asset::Contract(symbol, outcome?), Asset::Currency("USD".to_owned())]);
        }
        let symbol = symbol.canonical();
        let name = symbol.as_str();
        let quote = QUOTES.iter().find(|quote| name.len() > quote.len() && name.ends_with(**quote))?;
        let (base, quote) = name.split_at(name.len() - quote.len());
        Some([base, quote].map(|name| Asset::Currency(name.to_ascii_uppercase())))
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Asset::Currency(name) => name,
            Asset::Contract(symbol, _) => symbol.as_str(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Holding {
    total: Amount,
    held: Amount,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    assets: BTreeMap<Asset, Holding>,
    changed: BTreeSet<Asset>,
}

impl Holdings {
    pub(crate) fn new(balances: &[(String, Decimal)]) -> Holdings {
        let mut holdings = Holdings::default();
        for (asset, total) in balances {
            holdings.add(&Asset::Currency(asset.clone()), amount::of_decimal(*total));
        }
        holdings.changed.clear();
        holdings
    }

    pub(crate) fn available(&self, asset: &Asset) -> Amount {
        self.assets.get(asset).map_or(0, |holding| holding.total - holding.held)
    }

    /// Adds an amount, which may be negative, to the total of an asset. A total that is too large becomes the largest
    /// [`Amount`].
    pub(crate) fn add(&mut self, asset: &Asset, amount: Amount) {
        self.change(asset, |holding| holding.total = holding.total.saturating_add(amount));
    }

    /// Sets an amount of an asset aside for orders. If the amount is negative, releases the same amount.
    pub(crate) fn hold(&mut self, asset: &Asset, amount: Amount) {
        // Only a saved state can need more than fits into `Amount`. `overdrawn` then finds the asset.
        self.change(asset, |holding| holding.held = holding.held.saturating_add(amount));
    }

    fn change(&mut self, asset: &Asset, change: impl FnOnce(&mut Holding)) {
        let holding = self.assets.entry(asset.clone()).or_default();
        let before = *holding;
        change(holding);
        // No stream reports how many contracts are set aside.
        let is_told = match asset {
            Asset::Currency(_) => *holding != before,
            Asset::Contract(..) => holding.total != before.total,
        };
        if is_told {
            self.changed.insert(asset.clone());
        }
    }

    pub(crate) fn saved(&self) -> Vec<SavedAsset> {
        let saved = |(asset, holding): (&Asset, &Holding)| SavedAsset {
            asset: asset.name().to_owned(),
            outcome: match asset {
                Asset::Currency(_) => None,
                Asset::Contract(_, outcome) => Some(*outcome),
            },
            units: holding.total.to_string(),
        };
        self.assets.iter().map(saved).collect()
    }

    pub(crate) fn restored(assets: &[SavedAsset]) -> Result<Holdings, String> {
        let mut holdings = Holdings::default();
        for SavedAsset { asset: name, outcome, units } in assets {
            let asset = match outcome {
                None => Asset::Currency(name.clone()),
                Some(outcome) => {
                    let symbol = name.parse().map_err(|_| format!("{name:?} is no symbol"))?;
                    Asset::Contract(symbol, *outcome)
                }
            };
            let total = units.parse::<Amount>().ok().filter(|total| *total >= 0);
            let total = total.ok_or_else(|| format!("{units:?} is no total of {name}"))?;
            if holdings.assets.insert(asset, Holding { total, held: 0 }).is_some() {
                return Err(format!("it has {name} twice"));
            }
        }
        Ok(holdings)
    }

    pub(crate) fn overdrawn(&self) -> Option<&str> {
        let found = self.assets.iter().find(|(_, holding)| holding.held > holding.total);
        found.map(|(asset, _)| asset.name())
    }

    pub(crate) fn balances(&self) -> Vec<LedgerBalance> {
        self.assets.iter().filter_map(|(asset, holding)| balance(asset, holding)).collect()
    }

    pub(crate) fn positions(&self) -> Vec<LedgerPosition> {
        let symbols: BTreeSet<Symbol> = self.assets.keys().filter_map(symbol_of).collect();
        let positions = symbols.into_iter().map(|symbol| self.position(symbol));
        positions.filter(|position| !position.quantity.is_zero()).collect()
    }

    fn position(&self, symbol: Symbol) -> LedgerPosition {
        let total = |outcome| {
            let holding = self.assets.get(&Asset::Contract(symbol, outcome));
            holding.map_or(0, |holding| holding.total)
        };
        let net = total(Outcome::Yes) - total(Outcome::No);
        LedgerPosition { symbol, quantity: amount::to_decimal(net) }
    }

    pub(crate) fn take_changes(&mut self) -> (Vec<LedgerBalance>, Vec<LedgerPosition>) {
        let changed = std::mem::take(&mut self.changed);
        let holding = |asset| self.assets.get(asset).copied().unwrap_or_default();
        let balances = changed.iter().filter_map(|asset| balance(asset, &holding(asset))).collect();
        let symbols: BTreeSet<Symbol> = changed.iter().filter_map(symbol_of).collect();
        (balances, symbols.into_iter().map(|symbol| self.position(symbol)).collect())
    }

    /// Returns the exact total of each asset, and how much of it is set aside.
    #[cfg(test)]
    pub(crate) fn exact(&self) -> impl Iterator<Item = (&Asset, Amount, Amount)> {
        self.assets.iter().map(|(asset, holding)| (asset, holding.total, holding.held))
    }
}

fn balance(asset: &Asset, holding: &Holding) -> Option<LedgerBalance> {
    let Asset::Currency(name) = asset else { return None };
    Some(LedgerBalance {
        asset: name.clone(),
        available: amount::to_decimal(holding.total - holding.held),
        total: amount::to_decimal(holding.total),
    })
}

fn symbol_of(asset: &Asset) -> Option<Symbol> {
    match asset {
        Asset::Currency(_) => None,
        Asset::Contract(symbol, _) => Some(*symbol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        for (symbol, expected) in [
            ("btcusd", Some(["BTC", "USD"])),
            ("ETHBTC", Some(["ETH", "BTC"])),
            ("btcgusd", Some(["BTC", "GUSD"])),
            ("gusdusd", Some(["GUSD", "USD"])),
            ("usd", None),
            ("12", None),
            ("GEMI-A-UP", Some(["GEMI-A-UP", "USD"])),
        ] {
            let pair = Asset::pair(symbol.parse().unwrap(), Some(Outcome::No));
            let names = pair.as_ref().map(|pair| [pair[0].name(), pair[1].name()]);
            assert_eq!(names, expected, "{symbol}");
        }
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut holdings = Holdings::new(&[("USD".to_owned(), Decimal::new(100, 0).unwrap())]);
        assert_eq!(holdings.take_changes(), (vec![], vec![]));
        let usd = Asset::Currency("USD".to_owned());
        holdings.hold(&usd, amount::of_units(25, 1));
        holdings.hold(&usd, 0);
        let told: Vec<_> = holdings.take_changes().0;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].available.to_string(), told[0].total.to_string()), ("97.5".into(), "100".into()));
        let symbol: Symbol = "GEMI-A-UP".parse().unwrap();
        holdings.add(&Asset::Contract(symbol, Outcome::No), amount::of_units(3, 0));
        let (balances, positions) = holdings.take_changes();
        assert_eq!((balances.len(), positions[0].quantity.to_string()), (0, "-3".to_owned()));
        assert_eq!(holdings.positions(), positions);
    }

    #[test]
    fn amounts_that_do_not_fit_are_no_overflow() {
        let usd = Asset::Currency("USD".to_owned());
        let mut holdings = Holdings::default();
        for _ in 0..2 {
            holdings.add(&usd, Amount::MAX);
        }
        assert_eq!((holdings.available(&usd), holdings.overdrawn()), (Amount::MAX, None));
        let mut holdings = Holdings::new(&[("USD".to_owned(), Decimal::new(100, 0).unwrap())]);
        for _ in 0..2 {
            holdings.hold(&usd, Amount::MAX);
        }
        assert_eq!(holdings.overdrawn(), Some("USD"));
    }
}
