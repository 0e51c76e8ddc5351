//! [`Quotes`]: the requests for quotes on combinations of prediction-market contracts, as the public
//! learns of them (`ws-gemini-com.md` section 9.1).

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::Symbol;

use crate::contracts::contract_id;
use crate::instrument::is_prediction;
use crate::members::{MemberOrder, Members};
use crate::random::Random;
use crate::session::SessionId;

/// The name of the stream.
pub(crate) const QUOTE_STREAM: &str = "requestForQuote";

/// From the opening to the last quote, to the end without an acceptance, and from an acceptance to the
/// last instant to confirm it, in ms.
const SUBMISSION_MILLIS: i64 = 10_000;
const EXPIRY_MILLIS: i64 = 30_000;
const CONFIRMATION_MILLIS: i64 = 5_000;

/// The most legs that are contracts of this market.
const KNOWN_LEGS_MAX: u64 = 3;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    Open,
    PendingAcceptance,
    Confirming,
    Finalizing,
    Finalized,
    Cancelled,
    Expired,
    Failed,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Status::Open => "OPEN",
            Status::PendingAcceptance => "PENDING_ACCEPTANCE",
            Status::Confirming => "CONFIRMING",
            Status::Finalizing => "FINALIZING",
            Status::Finalized => "FINALIZED",
            Status::Cancelled => "CANCELLED",
            Status::Expired => "EXPIRED",
            Status::Failed => "FAILED",
        }
    }

    const fn is_last(self) -> bool {
        matches!(self, Status::Finalized | Status::Cancelled | Status::Expired | Status::Failed)
    }
}

/// One request; what never changes is JSON already.
#[derive(Clone, Debug)]
struct Quote {
    number: u64,
    has_symbol: bool,
    legs: String,
    is_notional: bool,
    /// Hundredths of a contract or of the quote currency.
    size: u64,
    status: Status,
    /// In ms since 1970.
    opened: i64,
    accepted: Option<i64>,
}

/// The requests, one after the other, and who watches them.
#[derive(Clone, Debug)]
pub(crate) struct Quotes {
    random: Random,
    contracts: Vec<Symbol>,
    last_number: u64,
    present: Option<Quote>,
    pub(crate) subscribers: BTreeSet<SessionId>,
}

impl Quotes {
    /// `None` if no symbol is a prediction-market contract.
    pub(crate) fn new(symbols: &[Symbol], seed: u64) -> Option<Quotes> {
        let contracts = symbols.iter().filter(|symbol| is_prediction(**symbol));
        let contracts: Vec<Symbol> = contracts.map(|symbol| symbol.canonical()).collect();
        let random = Random::for_name(seed, QUOTE_STREAM);
        let (last_number, subscribers) = (0, BTreeSet::new());
        let has_any = !contracts.is_empty();
        has_any.then_some(Quotes { random, contracts, last_number, present: None, subscribers })
    }

    /// The time until the next transition.
    pub(crate) fn pause(&mut self) -> Duration {
        let [least, more] = match &self.present {
            None => [2_000, 18_000],
            Some(quote) if quote.status == Status::Finalizing => [50, 500],
            Some(_) => [1_000, 4_000],
        };
        Duration::from_millis(least + self.random.below(more))
    }

    /// The next transition as a frame; `venue_time` is in ns since 1970.
    pub(crate) fn next(&mut self, venue_time: i64) -> String {
        let millis = venue_time.div_euclid(1_000_000);
        let mut quote = match self.present.take() {
            Some(quote) => self.moved(quote, millis),
            None => self.opened(millis),
        };
        let expiry = quote.opened.saturating_add(EXPIRY_MILLIS);
        if !quote.status.is_last() && quote.accepted.is_none() && millis >= expiry {
            quote.status = Status::Expired;
        }
        let text = quote.frame(millis);
        self.present = Some(quote).filter(|quote| !quote.status.is_last());
        text
    }

    fn opened(&mut self, millis: i64) -> Quote {
        self.last_number += 1;
        let known = self.contracts.len() as u64;
        let first = self.random.below(known);
        let count = 1 + self.random.below(known.min(KNOWN_LEGS_MAX));
        let mut legs = Vec::new();
        for position in first..first + count {
            let symbol = self.contracts[(position % known) as usize];
            let leg = Members::default().text("c", &contract_id(symbol.as_str()).to_string());
            legs.push(leg.text("o", self.outcome()).text("s", symbol.as_str()));
        }
        // A contract without a market of its own has no symbol.
        let other = 100_000 + self.random.below(900_000);
        legs.push(Members::default().text("c", &other.to_string()).text("o", self.outcome()));
        let legs: Vec<String> = legs.into_iter().map(|leg| leg.finish(MemberOrder::Documented)).collect();
        // Whole, or in hundredths.
        let whole = (1 + self.random.below(500)) * 100;
        let hundredths = if self.random.chance(1, 2) { 0 } else { self.random.below(100) };
        Quote {
            number: self.last_number,
            has_symbol: self.random.chance(3, 4),
            legs: format!("[{}]", legs.join(",")),
            is_notional: self.random.chance(1, 2),
            size: whole + hundredths,
            status: Status::Open,
            opened: millis,
            accepted: None,
        }
    }

    fn outcome(&mut self) -> &'static str {
        if self.random.chance(1, 2) { "YES" } else { "NO" }
    }

    fn moved(&mut self, mut quote: Quote, millis: i64) -> Quote {
        let goes_on = self.random.chance(4, 5);
        let is_cancelled = self.random.chance(1, 2);
        quote.status = match quote.status {
            Status::Open if goes_on => Status::PendingAcceptance,
            Status::PendingAcceptance if goes_on => {
                quote.accepted = Some(millis);
                Status::Confirming
            }
            Status::Open | Status::PendingAcceptance if is_cancelled => Status::Cancelled,
            Status::Open | Status::PendingAcceptance => Status::Expired,
            Status::Confirming if goes_on => Status::Finalizing,
            Status::Finalizing => Status::Finalized,
            _ => Status::Failed,
        };
        quote
    }
}

impl Quote {
    fn frame(&self, millis: i64) -> String {
        let mut members = Members::default()
            .text("e", QUOTE_STREAM)
            .integer("E", millis)
            .text("r", &format!("rfq-{}", self.number));
        if self.has_symbol {
            members = members.text("s", &format!("GEMI-COMBO-{}", self.number));
        }
        members = members.json("l", self.legs.as_str());
        members = members.decimal(if self.is_notional { "n" } else { "q" }, self.size, 2);
        if self.accepted.is_some() {
            // With a notional the contracts follow from the price, here one half.
            let contracts = if self.is_notional { self.size * 2 } else { self.size };
            members = members.decimal("f", contracts, 2);
        }
        members = members
            .text("S", self.status.name())
            .integer("w", self.opened.saturating_add(SUBMISSION_MILLIS))
            .integer("x", self.opened.saturating_add(EXPIRY_MILLIS));
        if let Some(accepted) = self.accepted {
            members = members.integer("c", accepted.saturating_add(CONFIRMATION_MILLIS));
        }
        members.finish(MemberOrder::Documented)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions() {
        let symbols = ["btcusd", "GEMI-PRES2028-VANCE", "GEMI-A-UP"].map(|name| name.parse().unwrap());
        assert!(Quotes::new(&symbols[..1], 1).is_none());
        let mut quotes = Quotes::new(&symbols, 1).unwrap();
        let mut time = 1_790_732_602_153_000_000_i64;
        let mut paths = BTreeSet::new();
        let mut path = Vec::new();
        for _ in 0..1_000 {
            let text = quotes.next(time);
            let start = format!(
                r#"{{"e":"requestForQuote","E":{},"r":"rfq-{}","#,
                time / 1_000_000,
                quotes.last_number
            );
            assert!(text.starts_with(&start), "{text}");
            assert_ne!(text.contains(r#""n":""#), text.contains(r#""q":""#), "{text}");
            let status = text.split_once(r#""S":""#).unwrap().1.split_once('"').unwrap().0.to_owned();
            let is_accepted = path.iter().any(|status| status == "CONFIRMING") || status == "CONFIRMING";
            assert_eq!(text.contains(r#""f":""#), is_accepted, "{text}");
            path.push(status);
            if quotes.present.is_none() {
                paths.insert(std::mem::take(&mut path).join(" "));
            }
            time += i64::try_from(quotes.pause().as_nanos()).unwrap();
        }
        let accepted = "OPEN PENDING_ACCEPTANCE CONFIRMING";
        let expected = [
            "OPEN CANCELLED".to_owned(),
            "OPEN EXPIRED".to_owned(),
            "OPEN PENDING_ACCEPTANCE CANCELLED".to_owned(),
            format!("{accepted} FAILED"),
            format!("{accepted} FINALIZING FINALIZED"),
            "OPEN PENDING_ACCEPTANCE EXPIRED".to_owned(),
        ];
        assert!(paths.iter().eq(&expected), "{paths:?}");
    }
}
