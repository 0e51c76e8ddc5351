//! [`Record`]: the states of the last quotes, for [`Exchange::quotes`](crate::Exchange::quotes).

use std::collections::VecDeque;

use super::quote::{Quote, QuoteStatus, Step};
use crate::account::ledger::{LedgerQuote, QuoteState};

/// The maximum number of quotes that an exchange remembers.
pub const QUOTES_RECORDED_MAX: usize = 10_000;

/// The last quotes, with the positions of their accounts. The numbers of the quotes are consecutive.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    first: u64,
    quotes: VecDeque<(usize, LedgerQuote)>,
}

impl Record {
    pub(super) fn begin(&mut self, quote: &Quote, rfq_id: String) {
        if self.quotes.is_empty() {
            self.first = quote.number();
        } else if self.quotes.len() == QUOTES_RECORDED_MAX {
            self.quotes.pop_front();
            self.first += 1;
        }
        let client_id = quote.client_id().map(str::to_owned);
        let entry = LedgerQuote { rfq_id, quote_id: quote.id(), client_id, state: QuoteState::Active };
        self.quotes.push_back((quote.origin().account, entry));
    }

    /// Sets the state that a quote has after a step, unless the quote is no longer remembered.
    pub(super) fn note(&mut self, number: u64, step: Step, status: QuoteStatus) {
        let position = number.checked_sub(self.first).and_then(|position| usize::try_from(position).ok());
        let Some((_, entry)) = position.and_then(|position| self.quotes.get_mut(position)) else { return };
        entry.state = match (status, step) {
            (QuoteStatus::Active, Step::Confirmed) => QuoteState::Confirmed,
            (QuoteStatus::Active, _) => QuoteState::Accepted,
            (QuoteStatus::Withdrawn, _) => QuoteState::Withdrawn,
            (QuoteStatus::Expired, _) => QuoteState::Expired,
            (QuoteStatus::Won, _) => QuoteState::Won,
            (QuoteStatus::Lost, Step::Declined) => QuoteState::Declined,
            (QuoteStatus::Lost, _) => QuoteState::Lost,
        };
    }

    pub(super) fn of_account(&self, account: usize) -> Vec<LedgerQuote> {
        let own = self.quotes.iter().filter(|(of, _)| *of == account);
        own.map(|(_, entry)| entry.clone()).collect()
    }
}
