//! How [`Quotes`] applies a [`QuoteUpdate`].

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::message::{QuoteStatus, QuoteStep, QuoteUpdate, RfqStatus};
use crate::request::quote::{NewQuote, QuoteKey};
use crate::state::quotes::Quotes;
use crate::state::quotes::quote::{Quote, QuoteState, endpoint_of};
use crate::state::truth::StaleReason;
use crate::value::decimal::Decimal;
use crate::value::id::LinkId;

impl Quotes {
    pub(super) fn update(&mut self, update: &QuoteUpdate<'_>, link: Option<LinkId>) {
        if self.followed.note(link) {
            self.doubt_where(StaleReason::Disconnected, |quote| quote.is_at(link));
        }
        let key_of = |text: &str| text.parse::<QuoteKey>().ok();
        let rfq_id = key_of(&update.rfq_id.to_string());
        let quote_id = update.quote_id.map(|id| key_of(&id.to_string()));
        let (Some(rfq_id), None | Some(Some(_))) = (rfq_id, quote_id) else {
            self.untracked = self.untracked.saturating_add(1);
            return;
        };
        match quote_id.flatten() {
            Some(id) => {
                if let Some(key) = self.named(update, (rfq_id, id), link) {
                    self.note_link(key, link);
                    self.take(key, update, state_of(update));
                }
            }
            None => {
                let (keys, state) = self.of_request(update, rfq_id, link);
                for key in keys {
                    if !self.doubt_again(key, state) {
                        self.take(key, update, state);
                    }
                }
            }
        }
    }

    /// Call this only if the event names the quote: no other event shows over which link the quote was submitted.
    fn note_link(&mut self, key: u64, link: Option<LinkId>) {
        let session = self.followed.session(link);
        self.index.change(key, |quote| {
            let [request, known] = quote.sessions;
            (quote.link, quote.sessions) = (link, [request, session.or(known)]);
        });
    }

    fn take(&mut self, key: u64, update: &QuoteUpdate<'_>, state: Option<QuoteState>) {
        let now = self.followed.moment();
        self.index.change(key, |quote| {
            quote.observed = now;
            match state {
                Some(state) => {
                    let is_disputed = contradicts(update, state, quote.end());
                    quote.go(state);
                    if is_disputed {
                        quote.dispute(now);
                    }
                }
                None => quote.raise(StaleReason::UnknownStatus, now),
            }
            if quote.is_perhaps_two() {
                quote.raise(StaleReason::Unanswered, now);
            }
        });
        // A late event does not show what happened after it.
        self.doubt_unfollowed(key);
    }

    /// Handles an event that says that the request for quotes of a quote has ended (`state` is final). If the quote
    /// is in doubt and its id is known, sets the moment of the doubt to now: the event that says how the quote ended
    /// may be lost, so an answer to an earlier question must not resolve the doubt. Returns whether the moment was
    /// set.
    fn doubt_again(&mut self, key: u64, state: Option<QuoteState>) -> bool {
        let now = self.followed.moment();
        let named = self.index.get(key).filter(|quote| quote.quote_id.is_some());
        match named.and_then(Quote::doubt) {
            Some(reason) if state.is_some_and(QuoteState::is_final) => {
                self.index.change(key, |quote| quote.raise(reason, now)).is_some()
            }
            _ => false,
        }
    }

    /// Returns the keys of the quotes that an event without a quote id is about, and the state that the event gives
    /// these quotes; `None` if the event does not show the state.
    fn of_request(
        &self,
        update: &QuoteUpdate<'_>,
        rfq_id: QuoteKey,
        link: Option<LinkId>,
    ) -> (Vec<u64>, Option<QuoteState>) {
        let state = state_of(update);
        let ends_request = matches!(state, Some(QuoteState::Failed | QuoteState::Expired));
        let is_of_all = ends_request || state == Some(QuoteState::Active);
        let endpoint = endpoint_of(link);
        let exists = |(_, quote): &(u64, &Quote)| !quote.is_absent;
        let is_open = |(_, quote): &(u64, &Quote)| !quote.state.is_final();
        let concerns = |(_, quote): &(u64, &Quote)| quote.quote_id.is_some() || !is_of_all;
        let keys: Vec<u64> = match ends_request && update.quote_status.is_none() {
            true => self.index.of_rfq(rfq_id, endpoint).filter(exists).map(|(key, _)| key).collect(),
            false => {
                let open = self.index.open_of(rfq_id, endpoint);
                open.filter(is_open).filter(concerns).map(|(key, _)| key).collect()
            }
        };
        // The event names no quote. So it may be about another quote, or about a quote whose id is not known yet.
        let has_unnamed =
            self.index.open_of(rfq_id, endpoint).filter(is_open).any(|(_, quote)| quote.quote_id.is_none());
        let state = state.filter(|_| is_of_all || (keys.len() == 1 && !has_unnamed));
        (keys, state)
    }

    /// Returns the key of the quote with the id in an event. If no quote has the id, and exactly one quote of this
    /// client without an id matches the event, sets the id of that quote. Otherwise adds a quote, or returns `None`
    /// if there is no room.
    fn named(
        &mut self,
        update: &QuoteUpdate<'_>,
        (rfq_id, id): (QuoteKey, QuoteKey),
        link: Option<LinkId>,
    ) -> Option<u64> {
        let endpoint = endpoint_of(link);
        if let Some(key) = self.index.by_quote_id(id, endpoint) {
            return Some(key);
        }
        let matching = self.unnamed_like((rfq_id, endpoint), (update.price, update.quantity));
        if let [key] = *matching {
            let key = self.attach(key, id);
            self.index.change(key, |quote| (quote.is_presumed, quote.own_doubt) = (true, quote.doubt));
            return Some(key);
        }
        self.doubt_unnamed(matching);
        self.add_foreign((rfq_id, id), link)
    }

    /// Returns the keys of the quotes of this client that may have an id that no quote has. They have no id yet, and
    /// the price and the quantity are theirs, or `None`.
    pub(super) fn unnamed_like(
        &self,
        (rfq_id, endpoint): (QuoteKey, u16),
        (price, quantity): (Option<Decimal>, Option<Decimal>),
    ) -> Vec<u64> {
        let is_like = |terms: NewQuote| {
            price.is_none_or(|price| price == terms.price)
                && quantity.is_none_or(|quantity| quantity == terms.quantity)
        };
        let unnamed = self.index.unnamed_of(rfq_id, endpoint);
        unnamed.filter(|(_, quote)| quote.terms.is_some_and(is_like)).map(|(key, _)| key).collect()
    }

    /// Puts quotes in doubt, because a report may be about any of them. Leaves out a quote whose reply has not come,
    /// unless it is in doubt already: the reply names the id of the quote.
    pub(super) fn doubt_unnamed(&mut self, keys: Vec<u64>) {
        let now = self.followed.moment();
        for key in keys {
            self.index.change(key, |quote| {
                if quote.state != QuoteState::Sent || quote.doubt.is_some() {
                    quote.raise(StaleReason::Contradiction, now);
                }
            });
        }
    }

    /// Adds a quote that this client has not submitted. Returns `None` if there is no room.
    pub(super) fn add_foreign(
        &mut self,
        (rfq_id, id): (QuoteKey, QuoteKey),
        link: Option<LinkId>,
    ) -> Option<u64> {
        if !self.index.make_room() {
            self.untracked = self.untracked.saturating_add(1);
            return None;
        }
        let mut quote = Quote::new(rfq_id);
        (quote.quote_id, quote.state, quote.link) = (Some(id), QuoteState::Active, link);
        Some(self.index.insert(quote))
    }
}

pub(super) fn differ(end: QuoteState, other: QuoteState) -> bool {
    (end == QuoteState::Won) != (other == QuoteState::Won)
}

/// Returns whether an event, which gives a quote `state`, contradicts itself or the known `end` of the quote.
fn contradicts(update: &QuoteUpdate<'_>, state: QuoteState, end: Option<QuoteState>) -> bool {
    let fails =
        matches!(update.step, QuoteStep::Failed | QuoteStep::Declined) || ends_without_execution(update);
    let is_odd = state == QuoteState::Won && fails;
    is_odd
        || end.is_some_and(|end| match state {
            // Without the status of the quote, the event may be about the request for quotes alone.
            QuoteState::Active => update.quote_status == Some(QuoteStatus::Active),
            state => !state.is_final() || differ(end, state),
        })
}

fn ends_without_execution(update: &QuoteUpdate<'_>) -> bool {
    matches!(update.status, RfqStatus::Cancelled | RfqStatus::Failed | RfqStatus::Expired)
}

/// Returns `None` if the event does not show the state.
fn state_of(update: &QuoteUpdate<'_>) -> Option<QuoteState> {
    let of_request = match update.status {
        RfqStatus::Cancelled | RfqStatus::Failed => Some(QuoteState::Failed),
        RfqStatus::Expired => Some(QuoteState::Expired),
        // The request for quotes was executed, perhaps with another quote.
        RfqStatus::Finalized | RfqStatus::Other(_) => None,
        _ => Some(QuoteState::Active),
    };
    let is_executed = update.status == RfqStatus::Finalized;
    let of_step = match update.step {
        // The quote has closed, and its missing status would say how.
        QuoteStep::Closed if update.quote_id.is_some() && update.quote_status.is_none() => {
            of_request.filter(|state| state.is_final())
        }
        QuoteStep::Closed => of_request,
        // No quote can be accepted or confirmed once the request for quotes has ended.
        QuoteStep::Accepted | QuoteStep::Confirmed if is_executed || ends_without_execution(update) => None,
        QuoteStep::Accepted => Some(QuoteState::Accepted),
        QuoteStep::Confirmed => Some(QuoteState::Confirmed),
        QuoteStep::Declined => Some(QuoteState::Declined),
        // An execution is certain only if the event names the quote, which is not active any more, and the request
        // for quotes was executed.
        QuoteStep::Finalized if update.quote_id.is_some() => {
            let is_active = update.quote_status == Some(QuoteStatus::Active);
            Some(QuoteState::Won).filter(|_| is_executed && !is_active)
        }
        QuoteStep::Finalized => of_request.filter(|state| state.is_final()),
        QuoteStep::Failed if is_executed => None,
        QuoteStep::Failed => Some(QuoteState::Failed),
        QuoteStep::Other(_) => None,
    };
    match update.quote_status {
        None => of_step,
        // The step says more than this status: an accepted quote has this status too.
        Some(QuoteStatus::Active) => of_step,
        Some(QuoteStatus::Withdrawn) => Some(QuoteState::Withdrawn),
        Some(QuoteStatus::Expired) => Some(QuoteState::Expired),
        Some(QuoteStatus::Won) => Some(QuoteState::Won),
        Some(QuoteStatus::Lost) => Some(QuoteState::Lost),
        Some(QuoteStatus::Other(_)) => None,
    }
}
