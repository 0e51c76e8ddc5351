//! How [`Quotes`] applies the replies to requests about quotes, and finds the request that submitted a quote.

use alloc::string::ToString;

use crate::event::{RequestOutcome, Verdict};
use crate::message::Response;
use crate::request::quote::{NewQuote, QuoteKey};
use crate::state::quotes::Quotes;
use crate::state::quotes::events::differ;
use crate::state::quotes::quote::{Quote, QuoteState, endpoint_of};
use crate::state::truth::StaleReason;
use crate::value::id::{LinkId, RequestId};

impl Quotes {
    /// Adds a quote whose `Requested` was dropped, unless the reply says that the venue does not have the quote.
    /// Events about the quote may have been dropped too, so the quote is in doubt.
    fn send_unnoticed(
        &mut self,
        terms: &NewQuote,
        request: RequestId,
        link: LinkId,
        outcome: &RequestOutcome<'_>,
    ) -> Option<u64> {
        if !outcome.verdict().may_be_accepted() {
            return None;
        }
        let key = self.add_own(terms, request, link);
        let now = self.followed.moment();
        self.index.change(key, |quote| quote.raise(StaleReason::Overflow, now));
        Some(key)
    }

    pub(super) fn reply(
        &mut self,
        terms: &NewQuote,
        request: RequestId,
        link: LinkId,
        outcome: &RequestOutcome<'_>,
    ) {
        // An earlier client may have used the id of the request for another quote.
        let is_it = |key: &u64| self.index.get(*key).is_some_and(|quote| quote.terms == Some(*terms));
        let known = self.index.by_request(request).filter(is_it);
        let key = known.or_else(|| self.send_unnoticed(terms, request, link, outcome));
        let Some(mut key) = key else { return };
        let now = self.followed.moment();
        let verdict = outcome.verdict();
        match &verdict {
            Verdict::Accepted(response) => match self.named_by(key, response) {
                Ok(Some(id)) => key = self.name(key, id),
                Ok(None) => self.doubt_without_id(key),
                Err(Contradicted) => {
                    self.index.change(key, |quote| quote.raise(StaleReason::Contradiction, now));
                }
            },
            // This client's quote does not exist, so a presumed id was that of another client's quote.
            Verdict::Refused(_) | Verdict::OverLimit(_) | Verdict::NotSent => {
                key = self.separate(key, |quote| quote.is_presumed);
            }
            Verdict::Unknown => {}
        }
        self.index.change(key, |quote| match verdict {
            Verdict::Accepted(_) => quote.go(QuoteState::Active),
            Verdict::Refused(response) | Verdict::OverLimit(response) => {
                quote.note_refusal(&response);
                if quote.quote_id.is_none() {
                    quote.go(QuoteState::Rejected);
                }
            }
            Verdict::NotSent => quote.go(QuoteState::Rejected),
            Verdict::Unknown => {
                quote.is_unanswered = true;
                quote.go(QuoteState::Unknown);
                quote.raise(StaleReason::Unanswered, now);
            }
        });
    }

    /// Handles a reply that accepts a quote and does not name its id. If the id is unknown, and a quote of another
    /// client for the same request for quotes became known later, the two may be one quote, so puts the quote in doubt.
    /// If the id is only presumed, the quote will be in doubt when the id turns out to be that of another quote.
    fn doubt_without_id(&mut self, key: u64) {
        let now = self.followed.moment();
        if self.index.get(key).is_some_and(|quote| quote.is_presumed) {
            let doubt = Some((StaleReason::Contradiction, now));
            self.index.change(key, |quote| quote.own_doubt = quote.own_doubt.or(doubt));
            return;
        }
        let Some(quote) = self.index.get(key).filter(|quote| quote.quote_id.is_none()) else { return };
        let sent = quote.first_key.unwrap_or(key);
        let is_later = |(other, quote): (u64, &Quote)| other > sent && quote.terms.is_none();
        if self.index.of_rfq(quote.rfq_id, endpoint_of(quote.link)).any(is_later) {
            self.index.change(key, |quote| quote.raise(StaleReason::Contradiction, now));
        }
    }

    /// Returns the venue's id in the reply to the request that submits the quote; `None` if the reply has no id.
    /// Returns an error if the id cannot be read, or if the reply names another request for quotes.
    fn named_by(&self, key: u64, response: &Response<'_>) -> Result<Option<QuoteKey>, Contradicted> {
        let id = response.quote_id().map_err(|_| Contradicted)?;
        if self.index.get(key).is_some_and(|quote| names_other_rfq(response, quote.rfq_id)) {
            return Err(Contradicted);
        }
        id.map(|id| id.to_string().parse()).transpose().map_err(|_| Contradicted)
    }

    /// If `is_another` returns `true`, moves the request of an entry to a new entry, because the id in the entry is
    /// that of another quote. Returns the key of the entry that has the request.
    pub(super) fn separate(&mut self, key: u64, is_another: impl FnOnce(&Quote) -> bool) -> u64 {
        if !self.index.get(key).is_some_and(is_another) {
            return key;
        }
        let own = self.index.change(key, |theirs| {
            let [request, session] = theirs.sessions;
            theirs.sessions = [None, session];
            let own = Quote {
                terms: theirs.terms.take(),
                request: theirs.request.take(),
                link: theirs.link,
                sessions: [request, None],
                doubt: theirs.own_doubt.take().or(theirs.doubt.filter(|_| !theirs.is_disputed)),
                is_unanswered: theirs.is_unanswered,
                first_key: theirs.first_key.take().or(Some(key)),
                ..Quote::new(theirs.rfq_id)
            };
            (theirs.is_presumed, theirs.is_unanswered) = (false, false);
            if theirs.has_surely_ended() {
                theirs.doubt = None;
            }
            own
        });
        own.map_or(key, |own| self.index.insert(own))
    }

    /// Sets the id of a quote that a reply or an answer has named. Returns the key of the entry that now has the
    /// request of the quote.
    pub(super) fn name(&mut self, key: u64, id: QuoteKey) -> u64 {
        let key = self.separate(key, |quote| quote.quote_id.is_some_and(|known| known != id));
        let key = self.attach(key, id);
        self.index.change(key, |quote| {
            (quote.is_presumed, quote.is_unanswered, quote.own_doubt) = (false, false, None);
        });
        key
    }

    /// Applies the reply to a request that withdraws, confirms or declines a quote.
    pub(super) fn follow_up(
        &mut self,
        (rfq_id, id): (QuoteKey, QuoteKey),
        link: LinkId,
        outcome: &RequestOutcome<'_>,
        state: QuoteState,
    ) {
        let now = self.followed.moment();
        let known = self.index.by_quote_id(id, link.endpoint());
        let key = known.or_else(|| self.add_replied((rfq_id, id), link, outcome, state));
        let Some(key) = key else { return };
        self.index.change(key, |quote| match outcome.verdict() {
            Verdict::Accepted(response)
                if denies(&response, id, state) || names_other_rfq(&response, quote.rfq_id) =>
            {
                quote.raise(StaleReason::Contradiction, now);
            }
            Verdict::Accepted(_) => {
                // The reply may come after the event that reports the end, so only a reply that shows another end
                // contradicts it.
                let is_disputed = state.is_final() && quote.end().is_some_and(|end| differ(end, state));
                quote.go(state);
                if is_disputed {
                    quote.dispute(now);
                }
            }
            Verdict::NotSent => {}
            Verdict::OverLimit(response) => quote.note_refusal(&response),
            Verdict::Refused(response) => {
                quote.note_refusal(&response);
                quote.raise(StaleReason::NotFound, now);
            }
            Verdict::Unknown => quote.raise(StaleReason::Unanswered, now),
        });
    }

    /// Adds a quote that only the reply to a request about it has shown: the venue has accepted the request. Events
    /// about the quote may be missing, so it is in doubt until a report shows its end.
    fn add_replied(
        &mut self,
        (rfq_id, id): (QuoteKey, QuoteKey),
        link: LinkId,
        outcome: &RequestOutcome<'_>,
        state: QuoteState,
    ) -> Option<u64> {
        let Verdict::Accepted(response) = outcome.verdict() else { return None };
        if denies(&response, id, state) || names_other_rfq(&response, rfq_id) {
            return None;
        }
        self.doubt_unnamed(self.unnamed_like((rfq_id, link.endpoint()), (None, None)));
        let (key, now) = (self.add_foreign((rfq_id, id), Some(link))?, self.followed.moment());
        self.index.change(key, |quote| quote.raise(StaleReason::NotSubscribed, now));
        Some(key)
    }

    /// Sets the venue's id of a quote. If another entry has this id, merges the two entries. If the two cannot be one
    /// quote, puts both in doubt instead. Returns the key of the entry that now has the request of the quote.
    pub(super) fn attach(&mut self, key: u64, id: QuoteKey) -> u64 {
        let endpoint = endpoint_of(self.index.get(key).and_then(|quote| quote.link));
        let Some(other) = self.index.by_quote_id(id, endpoint).filter(|other| *other != key) else {
            self.index.name(key, id);
            return key;
        };
        if !self.may_be_one(key, other) {
            // The other entry may have got the id from an event that only matched its terms.
            self.separate(other, |quote| quote.is_presumed);
        }
        if !self.may_be_one(key, other) {
            let now = self.followed.moment();
            for key in [key, other] {
                self.index.change(key, |quote| quote.raise(StaleReason::Contradiction, now));
            }
            return key;
        }
        let Some(sent) = self.index.remove(key) else { return other };
        self.index.change(other, |quote| {
            (quote.terms, quote.request) = (sent.terms, sent.request);
            quote.first_key = sent.first_key.or(Some(key));
            let ([request, _], [_, session]) = (sent.sessions, quote.sessions);
            quote.sessions = [request, session];
        });
        self.index.note_request(other);
        other
    }
}

struct Contradicted;

/// Returns whether a reply names another request for quotes; `false` if the reply names none that can be read.
fn names_other_rfq(response: &Response<'_>, rfq_id: QuoteKey) -> bool {
    response.rfq_id().is_some_and(|named| named != *rfq_id.as_str())
}

/// Returns whether a reply to a request about the quote `id` cannot be read, names another quote, or says the
/// opposite of what was requested.
fn denies(response: &Response<'_>, id: QuoteKey, state: QuoteState) -> bool {
    let Ok(receipt) = response.quote() else { return response.result.is_some() };
    receipt.quote_id.is_some_and(|named| named != *id.as_str())
        || receipt.confirmed.is_some_and(|confirmed| confirmed != (state == QuoteState::Confirmed))
}
