//! [`Contracts`]: the status of prediction-market contracts.

use std::time::Duration;

use gemini_ws::Symbol;

use crate::model::fact::Contract;
use crate::value::instrument::is_prediction;
use crate::value::random::{Random, hash};

/// The statuses of a contract, in their order. The venue has not been seen to send `Settled`. The simulator sends it,
/// because the venue may add statuses.
const STATUSES: [&str; 4] = ["Awaiting Approval", "Approved", "Active", "Settled"];

#[derive(Clone, Debug)]
pub(crate) struct Contracts {
    random: Random,
    /// Each contract with the position of its status in [`STATUSES`].
    all: Vec<(Symbol, usize)>,
}

impl Contracts {
    pub(crate) fn new(symbols: &[Symbol], seed: u64) -> Contracts {
        let contracts = symbols.iter().filter(|symbol| is_prediction(**symbol));
        let all = contracts.map(|symbol| (symbol.canonical(), 1)).collect();
        Contracts { random: Random::for_name(seed, "contractStatus"), all }
    }

    pub(crate) fn pause(&mut self) -> Option<Duration> {
        if self.all.is_empty() {
            None
        } else {
            Some(Duration::from_millis(5_000 + self.random.below(25_000)))
        }
    }

    pub(crate) fn next(&mut self, venue_time: i64) -> Option<Contract<'_>> {
        let chosen = self.random.below(self.all.len() as u64) as usize;
        let (symbol, status) = self.all.get_mut(chosen)?;
        let previous = *status;
        *status = (previous + 1) % STATUSES.len();
        let name = symbol.as_str();
        // For example, GEMI-BTC2602180800-HI70000 is contract HI70000 of event BTC2602180800.
        let (event, contract) = name.rsplit_once('-')?;
        let event = event.split_once('-').map_or(event, |(_, event)| event);
        let strike = contract.strip_prefix("HI");
        let is_price = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Some(Contract {
            event_millis: venue_time.div_euclid(1_000_000),
            symbol: name,
            event_ticker: event,
            contract_ticker: contract,
            id: contract_id(name),
            strike: strike.filter(is_price),
            previous_status: STATUSES[previous],
            status: STATUSES[*status],
        })
    }
}

/// Returns the id under which frames report a contract: a number with six digits.
pub(crate) fn contract_id(name: &str) -> u64 {
    100_000 + hash(name) % 900_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::public;

    #[test]
    fn transitions() {
        let symbols = ["btcusd", "GEMI-BTC2602180800-HI70000"].map(|name| name.parse().unwrap());
        let mut contracts = Contracts::new(&symbols, 1);
        assert!(contracts.pause().is_some());
        let contract = contracts.next(1_790_732_602_153_000_000).unwrap();
        let text = public::contract_status(&contract);
        assert!(text.starts_with(
            r#"{"e":"contractStatus","E":1790732602153,"s":"GEMI-BTC2602180800-HI70000","k":"BTC2602180800","c":"HI70000","i":"#
        ));
        assert!(text.ends_with(r#","p":"70000","o":"Approved","n":"Active"}"#), "{text}");
        assert_eq!(Contracts::new(&symbols[..1], 1).pause(), None);
    }
}
