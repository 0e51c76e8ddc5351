//! [`Quotes`]: the requests for quotes on combinations of prediction-market contracts, and the quotes of accounts.
//!
//! The requester intends to buy the combination, so the lowest price is the best one. The requester may accept the
//! quote of a hidden maker instead of the quote of an account.

mod quote;
mod record;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gemini_ws::{Instant, Symbol};

use crate::account::ledger::LedgerQuote;
use crate::context::schedule::{Schedule, Task};
use crate::frame::members::{MemberOrder, Members};
use crate::frame::refusal::Refusal;
use crate::model::contracts::contract_id;
use crate::value::id::SessionId;
use crate::value::instrument::is_prediction;
use crate::value::order::Origin;
use crate::value::quote::{NewQuote, QuoteName};
use crate::value::random::Random;
use crate::value::start::Start;

pub(crate) use quote::{Deal, QuoteEvent};
use quote::{Quote, QuoteStatus, Step};
pub use record::QUOTES_RECORDED_MAX;
use record::Record;
pub(crate) use request::QUOTE_STREAM;
use request::{CONFIRMATION_MILLIS, Rfq, Status};

/// The numbers of requests and of quotes of an exchange that opens at [`EPOCH`](crate::EPOCH) begin after this
/// number. An exchange that opens earlier begins with lower numbers, which stay above zero because this number is so
/// large.
const FIRST_NUMBER: u64 = 1_000_000_000_000_000;

/// The maximum number of legs of one request for quotes, not including the leg without a market.
const KNOWN_LEGS_MAX: u64 = 3;

const QUOTES_MAX: usize = 1_000;

/// One quote event in this many is sent twice on average, because the venue can also repeat a quote event.
const REPEATED_ONE_OF: u64 = 16;

/// The requests for quotes, one after the other, their subscribers, and the quotes for the present request.
#[derive(Clone, Debug)]
pub(crate) struct Quotes {
    random: Random,
    contracts: Vec<Symbol>,
    last_number: u64,
    present: Option<Rfq>,
    subscribers: BTreeSet<SessionId>,
    /// The generator for the acceptance and the events of quotes. The requests have another generator, `random`, so
    /// that a quote that is not accepted does not change later requests.
    answers: Random,
    last_quote: u64,
    /// The quotes that have not ended, by number.
    quotes: BTreeMap<u64, Quote>,
    record: Record,
    accepted: Option<u64>,
    events: Vec<QuoteEvent>,
    /// The longest time from the end of a request to the next request.
    pause_max: Duration,
    next: Instant,
    /// When the next quote ends; `None` if no quote ends before its request.
    next_end: Option<Instant>,
}

impl Quotes {
    pub(crate) fn new(symbols: &[Symbol], seed: u64, pause_max: Duration, start: Start) -> Option<Quotes> {
        let contracts = symbols.iter().filter(|symbol| is_prediction(**symbol));
        let contracts: Vec<Symbol> = contracts.map(|symbol| symbol.canonical()).collect();
        let has_any = !contracts.is_empty();
        has_any.then_some(Quotes {
            random: Random::for_name(seed, QUOTE_STREAM),
            contracts,
            last_number: start.by_micros(FIRST_NUMBER),
            present: None,
            subscribers: BTreeSet::new(),
            answers: Random::for_name(start.seed(seed), "quotes"),
            last_quote: start.by_micros(FIRST_NUMBER),
            quotes: BTreeMap::new(),
            record: Record::default(),
            accepted: None,
            events: Vec::new(),
            pause_max,
            next: Instant::ZERO,
            next_end: None,
        })
    }

    pub(crate) const fn last_numbers(&self) -> [u64; 2] {
        [self.last_number, self.last_quote]
    }

    /// Sets the last numbers of requests and of quotes to `request` and `quote`, which are from an earlier run of the
    /// exchange. A last number that is already greater stays. Also changes the seed of `answers`, so that event ids
    /// differ from those of the earlier run.
    pub(crate) fn raise_numbers(&mut self, [request, quote]: [u64; 2]) {
        self.last_number = self.last_number.max(request);
        self.last_quote = self.last_quote.max(quote);
        self.answers = Random::for_name(self.answers.next() ^ quote, "quotes");
    }

    pub(crate) const fn subscribers(&self) -> &BTreeSet<SessionId> {
        &self.subscribers
    }

    pub(crate) fn subscribe(&mut self, session: SessionId) {
        self.subscribers.insert(session);
    }

    pub(crate) fn unsubscribe(&mut self, session: SessionId) {
        self.subscribers.remove(&session);
    }

    pub(crate) fn schedule_next(&mut self, now: Instant, schedule: &mut Schedule) {
        schedule.remove(self.next, Task::Quote);
        self.next = now + self.pause();
        schedule.add(self.next, Task::Quote);
    }

    /// Schedules the end of the quote that ends next, and cancels the end that was scheduled before. `epoch` is the
    /// venue's time at `Instant::ZERO`, in ns since 1970.
    pub(crate) fn schedule_end(&mut self, epoch: i64, schedule: &mut Schedule) {
        if let Some(end) = self.next_end.take() {
            schedule.remove(end, Task::QuoteEnd);
        }
        let standing = self.quotes.iter().filter(|(number, _)| Some(**number) != self.accepted);
        let Some(millis) = standing.filter_map(|(_, quote)| quote.valid_until()).min() else { return };
        let since = millis.saturating_mul(1_000_000).saturating_sub(epoch);
        let end = Instant::from_nanos(u64::try_from(since).unwrap_or(0));
        self.next_end = Some(end);
        schedule.add(end, Task::QuoteEnd);
    }

    fn pause(&mut self) -> Duration {
        let longest = u64::try_from(self.pause_max.as_millis()).unwrap_or(u64::MAX);
        let [least, more] = match &self.present {
            None => [longest / 10, longest - longest / 10],
            Some(rfq) if rfq.status() == Status::Finalizing => [50, 500],
            // The maker of the accepted quote has a fixed time to confirm.
            Some(_) if self.accepted.is_some() => [CONFIRMATION_MILLIS.unsigned_abs(), 0],
            Some(_) => [longest / 20, longest / 5],
        };
        // If the time is fixed, no random number is drawn.
        let chance = if more == 0 { 0 } else { self.random.below(more) };
        Duration::from_millis(least + chance)
    }

    /// Carries out the next transition and returns its frame. `venue_time` is in ns since 1970. The function
    /// `execute` executes a confirmed quote, and returns false if the maker cannot pay.
    pub(crate) fn next(&mut self, venue_time: i64, execute: impl FnOnce(&Deal) -> bool) -> String {
        let millis = venue_time.div_euclid(1_000_000);
        let mut rfq = match (self.present.take(), self.take_accepted()) {
            (None, _) => self.opened(millis),
            (Some(rfq), None) => self.moved(rfq, millis),
            (Some(rfq), Some(quote)) => self.concluded(rfq, quote, millis, execute),
        };
        rfq.expire_if_due(millis);
        self.publish(rfq, millis)
    }

    /// Returns a request as a frame. If the request has ended, ends its remaining quotes. Otherwise, keeps the
    /// request as the present one.
    fn publish(&mut self, rfq: Rfq, millis: i64) -> String {
        let text = rfq.frame(millis);
        if rfq.status().is_last() {
            let step = if rfq.status() == Status::Finalized { Step::Finalized } else { Step::Closed };
            for quote in std::mem::take(&mut self.quotes).values() {
                self.tell(&rfq, quote, step, QuoteStatus::Lost, millis);
            }
        } else {
            self.present = Some(rfq);
        }
        text
    }

    fn opened(&mut self, millis: i64) -> Rfq {
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
        // The last leg is a contract without a market, so it has no symbol.
        let other = 100_000 + self.random.below(900_000);
        legs.push(Members::default().text("c", &other.to_string()).text("o", self.outcome()));
        let legs: Vec<String> = legs.into_iter().map(|leg| leg.finish(MemberOrder::Documented)).collect();
        // About half of the sizes are whole numbers, the others have hundredths.
        let whole = (1 + self.random.below(500)) * 100;
        let hundredths = if self.random.chance(1, 2) { 0 } else { self.random.below(100) };
        let has_symbol = self.random.chance(3, 4);
        let is_notional = self.random.chance(1, 2);
        let legs = format!("[{}]", legs.join(","));
        Rfq::new(self.last_number, has_symbol, legs, is_notional, whole + hundredths, millis)
    }

    fn outcome(&mut self) -> &'static str {
        if self.random.chance(1, 2) { "YES" } else { "NO" }
    }

    /// Carries out the next transition of a request for which no account's quote has been accepted.
    fn moved(&mut self, mut rfq: Rfq, millis: i64) -> Rfq {
        let goes_on = self.random.chance(4, 5);
        let is_cancelled = self.random.chance(1, 2);
        let status = match rfq.status() {
            Status::Open if goes_on => Status::PendingAcceptance,
            Status::PendingAcceptance if goes_on => Status::Confirming,
            Status::Open | Status::PendingAcceptance if is_cancelled => Status::Cancelled,
            Status::Open | Status::PendingAcceptance => Status::Expired,
            Status::Confirming if goes_on => Status::Finalizing,
            Status::Finalizing => Status::Finalized,
            _ => Status::Failed,
        };
        rfq.move_to(status);
        if status == Status::Confirming {
            self.accept(&mut rfq, millis);
        }
        rfq
    }

    /// Lets the requester accept the best quote. If its price is above the random price of the hidden maker, the
    /// requester accepts the quote of the hidden maker instead.
    fn accept(&mut self, rfq: &mut Rfq, millis: i64) {
        let standing = self.quotes.iter().filter(|(_, quote)| quote.stands_at(millis));
        let best = standing.min_by_key(|(number, quote)| (quote.price(), **number));
        let best = best.map(|(number, quote)| (*number, quote.clone()));
        let best = best.filter(|(_, quote)| quote.price() <= 1 + self.answers.below(99));
        let Some((number, quote)) = best else {
            return rfq.accept(millis, rfq.requested_contracts(request::PRICE_OF_OTHERS));
        };
        rfq.accept(millis, rfq.requested_contracts(quote.price()).min(quote.quantity()));
        self.accepted = Some(number);
        self.tell(rfq, &quote, Step::Accepted, QuoteStatus::Active, millis);
    }

    fn take_accepted(&mut self) -> Option<Quote> {
        self.quotes.remove(&self.accepted.take()?)
    }

    /// Ends a request for which an account's quote was accepted. Executes the quote first, if its maker has confirmed
    /// it.
    fn concluded(
        &mut self,
        mut rfq: Rfq,
        quote: Quote,
        millis: i64,
        execute: impl FnOnce(&Deal) -> bool,
    ) -> Rfq {
        let status = if rfq.status() != Status::Finalizing {
            // The maker has not confirmed the quote in time.
            QuoteStatus::Expired
        } else if execute(&Deal { quote: &quote, symbol: &rfq.symbol(), contracts: rfq.contracts() }) {
            QuoteStatus::Won
        } else {
            QuoteStatus::Lost
        };
        let is_won = status == QuoteStatus::Won;
        rfq.move_to(if is_won { Status::Finalized } else { Status::Failed });
        let step = if is_won { Step::Finalized } else { Step::Failed };
        self.tell(&rfq, &quote, step, status, millis);
        rfq
    }

    pub(crate) fn open_request(&self, venue_time: i64) -> Option<String> {
        let millis = venue_time.div_euclid(1_000_000);
        self.present.as_ref().filter(|rfq| rfq.takes_quotes_at(millis)).map(Rfq::id)
    }

    pub(crate) fn recorded(&self, account: usize) -> Vec<LedgerQuote> {
        self.record.of_account(account)
    }

    /// Adds a quote for the present request, and returns its id.
    ///
    /// # Errors
    ///
    /// The refusal if there is no such request, if the request takes no more quotes, or if the validity of the quote
    /// has already ended.
    pub(crate) fn submit(
        &mut self,
        venue_time: i64,
        origin: Origin,
        quote: NewQuote,
    ) -> Result<String, Refusal> {
        let millis = venue_time.div_euclid(1_000_000);
        let is_open = |rfq: &Rfq| rfq.id() == quote.rfq_id && rfq.takes_quotes_at(millis);
        if !self.present.as_ref().is_some_and(is_open) {
            return Err(Refusal::unknown_quote_request());
        }
        if quote.valid_until.is_some_and(|until| until <= millis) {
            return Err(Refusal::invalid_parameters());
        }
        if self.quotes.len() >= QUOTES_MAX {
            return Err(Refusal::too_many_requests());
        }
        self.last_quote += 1;
        let rfq_id = quote.rfq_id.clone();
        let quote = Quote::new(self.last_quote, origin, quote);
        let id = quote.id();
        self.record.begin(&quote, rfq_id);
        self.quotes.insert(self.last_quote, quote);
        Ok(id)
    }

    /// Withdraws a quote that has not been accepted.
    ///
    /// # Errors
    ///
    /// The refusal if the account has no such quote.
    pub(crate) fn withdraw(
        &mut self,
        venue_time: i64,
        account: usize,
        name: &QuoteName,
    ) -> Result<(), Refusal> {
        let number = self.find(account, name).filter(|number| Some(*number) != self.accepted);
        let number = number.ok_or_else(Refusal::unknown_quote)?;
        self.end(number, QuoteStatus::Withdrawn, venue_time.div_euclid(1_000_000));
        Ok(())
    }

    /// Confirms or declines the accepted quote for its maker. Returns the request's transition as a frame.
    ///
    /// # Errors
    ///
    /// The refusal if the account has no such quote that waits for a confirmation.
    pub(crate) fn confirm(
        &mut self,
        venue_time: i64,
        account: usize,
        name: &QuoteName,
        is_confirmed: bool,
    ) -> Result<String, Refusal> {
        let millis = venue_time.div_euclid(1_000_000);
        let number = self.find(account, name).filter(|number| Some(*number) == self.accepted);
        let rfq = self.present.take_if(|rfq| number.is_some() && rfq.status() == Status::Confirming);
        let (Some(number), Some(mut rfq)) = (number, rfq) else { return Err(Refusal::unknown_quote()) };
        let Some(quote) = self.quotes.get(&number).cloned() else { return Err(Refusal::unknown_quote()) };
        if is_confirmed {
            rfq.move_to(Status::Finalizing);
            self.tell(&rfq, &quote, Step::Confirmed, QuoteStatus::Active, millis);
        } else {
            rfq.move_to(Status::Failed);
            self.accepted = None;
            self.quotes.remove(&number);
            self.tell(&rfq, &quote, Step::Declined, QuoteStatus::Lost, millis);
        }
        Ok(self.publish(rfq, millis))
    }

    /// Ends the quotes that are no longer valid, except an accepted quote.
    pub(crate) fn end_due(&mut self, venue_time: i64) {
        let millis = venue_time.div_euclid(1_000_000);
        let due = self
            .quotes
            .iter()
            .filter(|(number, quote)| Some(**number) != self.accepted && !quote.stands_at(millis));
        for number in due.map(|(number, _)| *number).collect::<Vec<u64>>() {
            self.end(number, QuoteStatus::Expired, millis);
        }
    }

    pub(crate) fn take_events(&mut self) -> Vec<QuoteEvent> {
        std::mem::take(&mut self.events)
    }

    /// Returns the number of an account's quote for the present request. `None` if the account has no such quote, or
    /// if the quote has ended.
    fn find(&self, account: usize, name: &QuoteName) -> Option<u64> {
        let rfq = self.present.as_ref()?;
        let of_account = |quote: &&Quote| quote.origin().account == account && quote.id() == name.quote_id;
        let quote = self.quotes.values().find(of_account)?;
        (rfq.id() == name.rfq_id).then_some(quote.number())
    }

    fn end(&mut self, number: u64, status: QuoteStatus, millis: i64) {
        let Some(quote) = self.quotes.remove(&number) else { return };
        let Some(rfq) = self.present.take() else { return };
        self.tell(&rfq, &quote, Step::Closed, status, millis);
        self.present = Some(rfq);
    }

    fn tell(&mut self, rfq: &Rfq, quote: &Quote, step: Step, status: QuoteStatus, millis: i64) {
        self.record.note(quote.number(), step, status);
        let id = quote::event_id(&mut self.answers);
        self.events.push(QuoteEvent {
            account: quote.origin().account,
            serial: quote.origin().serial,
            text: quote.frame(rfq, &id, step, status, millis),
            is_repeated: self.answers.chance(1, REPEATED_ONE_OF),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions() {
        let symbols = ["btcusd", "GEMI-PRES2028-VANCE", "GEMI-A-UP"].map(|name| name.parse().unwrap());
        let pause = Duration::from_secs(20);
        assert!(Quotes::new(&symbols[..1], 1, pause, Start::default()).is_none());
        let mut quotes = Quotes::new(&symbols, 1, pause, Start::default()).unwrap();
        let mut time = 1_790_732_602_153_000_000_i64;
        let mut paths = BTreeSet::new();
        let mut path = Vec::new();
        for _ in 0..1_000 {
            let text = quotes.next(time, |_| true);
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
