//! How an answer of the venue, or the application, ends a doubt of [`Quotes`].

use crate::state::quotes::quote::{FoundQuote, Quote, QuoteState, endpoint_of};
use crate::state::quotes::{QuoteRef, Quotes};
use crate::state::truth::Moment;

impl Quotes {
    /// Applies the venue's answer about a quote in doubt. The answer is the id and state of the quote, or `None` if
    /// the venue does not have the quote. `asked` is the [`moment`](Quotes::moment) before the question.
    ///
    /// The answer is outdated if, after `asked`, the doubt was raised, an event about the quote was applied, a stream
    /// of quotes was subscribed, or a report may have been lost. The answer is not used if
    ///
    /// - the quote is unknown or not in doubt,
    /// - the answer is outdated, and it is `None` or has a state that is not final,
    /// - the answer is outdated, and reports contradict each other about how the quote ended,
    /// - the answer has a state that is not final, but a report has shown a later state of the quote: REST may lag
    ///   behind the streams,
    /// - the id of the quote is certain, and the answer is `None` or has another id. The id is certain if a reply or
    ///   an earlier answer has shown it, or if another client submitted the quote,
    /// - the answer has the id of another known quote, and this other quote is for another request for quotes, or
    ///   this client submitted it too.
    ///
    /// Returns whether the answer resolved the doubt. If no subscribed stream reports the quote, and the quote has
    /// not ended or the venue does not have it, the quote is in doubt again at once.
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
        if self.index.get(key).is_none_or(|quote| quote.doubt.is_none()) {
            return false;
        }
        // The answer may show that two entries are one quote.
        let endpoint = endpoint_of(self.index.get(key).and_then(|quote| quote.link));
        let other = found.and_then(|found| self.index.by_quote_id(found.quote_id, endpoint));
        if other.is_some_and(|other| !self.may_be_one(key, other)) {
            return false;
        }
        let keys = [Some(key), other].into_iter().flatten();
        let mut entries = keys.filter_map(|key| self.index.get(key));
        let is_disputed = entries.clone().any(|quote| quote.is_disputed);
        let is_newer =
            |quote: &Quote| quote.last_change() > asked || found.is_some_and(|found| quote.is_past(&found));
        let is_older = self.followed.lost() > asked || entries.any(is_newer);
        if is_older && (is_disputed || !found.is_some_and(|found| found.state.is_final())) {
            return false;
        }
        let Some(quote) = self.index.get(key) else { return false };
        let known = quote.quote_id.filter(|_| !quote.is_presumed);
        if known.is_some_and(|known| found.is_none_or(|found| found.quote_id != known)) {
            return false;
        }
        let key = match found {
            Some(found) => self.name(key, found.quote_id),
            None => self.separate(key, |quote| quote.is_presumed),
        };
        let state = found.map_or(QuoteState::Rejected, |found| found.state);
        self.index.change(key, |quote| {
            if core::mem::take(&mut quote.is_disputed) {
                quote.state = state;
            }
            quote.go(state);
            (quote.is_absent, quote.doubt) = (found.is_none(), None);
        });
        self.doubt_unfollowed(key);
        true
    }

    /// Removes a quote in doubt, and returns the quote. Returns `None`, without effect, if the quote is unknown or
    /// not in doubt.
    ///
    /// Call `forget` if the venue does not have the quote and [`reconcile`](Quotes::reconcile) does not use this
    /// answer, because the id of the quote is certain. A later event about the quote adds it again as the quote of
    /// another client.
    ///
    /// ```
    /// assert!(gemini_ws::Quotes::new().forget("q1").is_none());
    /// ```
    pub fn forget<'a>(&mut self, of: impl Into<QuoteRef<'a>>) -> Option<Quote> {
        self.followed.step();
        let key = self.key(of.into())?;
        self.index.get(key)?.doubt()?;
        self.index.remove(key)
    }

    /// Returns whether the entries `own` and `other` may be one quote: they are one entry, or both are for the same
    /// request for quotes, and `other` has no terms, so this client has not submitted it.
    pub(super) fn may_be_one(&self, own: u64, other: u64) -> bool {
        let both = self.index.get(own).zip(self.index.get(other));
        let is_one = own == other;
        both.is_none_or(|(own, other)| is_one || (own.rfq_id == other.rfq_id && other.terms.is_none()))
    }
}
