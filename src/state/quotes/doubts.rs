//! How the doubts of [`Quotes`] end.

use crate::state::quotes::{FoundQuote, QuoteRef, QuoteState, Quotes};
use crate::state::truth::{Moment, StaleReason};

impl Quotes {
    /// Applies the venue's answer about a quote in doubt. The answer is the id and state of the quote, or `None` if
    /// the venue does not have the quote. `asked` is the [`moment`](Quotes::moment) before the question.
    ///
    /// The answer is outdated if, after `asked`, the doubt was raised, an event about the quote was applied, a stream
    /// of quotes was subscribed, or a report may have been lost. The answer is not used if
    ///
    /// - the quote is unknown or not in doubt,
    /// - the answer is outdated, and is `None` or has a state that is not final,
    /// - the venue's id of the quote is known, and the answer is `None` or has another id.
    ///
    /// Returns whether the answer resolved the doubt. If no subscribed stream reports the quote, then a quote that
    /// has not ended, or that the venue does not have, is in doubt again at once.
    ///
    /// ```
    /// use gemini_ws::Quotes;
    ///
    /// let mut quotes = Quotes::new();
    /// let asked = quotes.moment();
    /// assert!(!quotes.reconcile("q1", None, asked), "there is no doubt about it");
    /// ```
    pub fn reconcile<'a>(
        &mut self,
        of: impl Into<QuoteRef<'a>>,
        found: Option<FoundQuote>,
        asked: Moment,
    ) -> bool {
        self.followed.step();
        let Some(key) = self.key(of.into()) else { return false };
        if self.quotes.get(&key).is_none_or(|quote| quote.doubt.is_none()) {
            return false;
        }
        // The answer may show that two entries are one quote.
        let other = found.and_then(|found| self.by_quote_id.get(&found.quote_id).copied());
        let mut entries = [Some(key), other].into_iter().flatten().filter_map(|key| self.quotes.get(&key));
        let is_older = self.followed.lost() > asked || entries.any(|quote| quote.last_change() > asked);
        if is_older && !found.is_some_and(|found| found.state.is_final()) {
            return false;
        }
        let Some(found) = found else {
            let Some(quote) = self.quotes.get_mut(&key).filter(|quote| quote.quote_id.is_none()) else {
                return false;
            };
            quote.go(QuoteState::Rejected);
            (quote.is_absent, quote.doubt) = (true, None);
            if !self.followed.tells_of([quote.link, None]) {
                quote.raise(StaleReason::NotSubscribed, self.followed.moment());
            }
            return true;
        };
        if self.quotes.get(&key).and_then(|quote| quote.quote_id).is_some_and(|id| id != found.quote_id) {
            return false;
        }
        self.attach(key, found.quote_id);
        let Some(key) = self.by_quote_id.get(&found.quote_id) else { return false };
        let Some(quote) = self.quotes.get_mut(key) else { return false };
        quote.go(found.state);
        quote.doubt = None;
        if !self.followed.tells_of([quote.link, None]) {
            quote.raise(StaleReason::NotSubscribed, self.followed.moment());
        }
        true
    }
}
