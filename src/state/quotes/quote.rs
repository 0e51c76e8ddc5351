//! [`Quote`]: what replies and events have said about one quote.

use alloc::boxed::Box;

use crate::message::Response;
use crate::request::quote::{NewQuote, QuoteKey};
use crate::state::fill::kept;
use crate::state::truth::{Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};

/// The state of a quote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum QuoteState {
    /// The client has accepted the request that submits the quote. No reply has come.
    Sent,
    /// Whether the quote exists is unknown: no reply says whether the venue accepted it.
    Unknown,
    /// The quote can be accepted.
    Active,
    /// The quote was accepted: its maker must confirm or decline the quote.
    Accepted,
    /// The maker has confirmed the quote.
    Confirmed,
    /// The maker has declined the quote. This state is final.
    Declined,
    /// The quote was executed. This state is final, and replaces every other final state. If reports contradict each
    /// other about whether the quote was executed, the quote is in doubt as well.
    Won,
    /// Another quote was executed. This state is final.
    Lost,
    /// The maker withdrew the quote. This state is final.
    Withdrawn,
    /// The quote, or its request for quotes, expired. This state is final.
    Expired,
    /// The quote failed, or its request for quotes failed or was cancelled. This state is final.
    Failed,
    /// The venue refused the quote or has no such quote, or the client did not send the quote. This state is final,
    /// except after the answer that the venue has no such quote: a later event can show that the quote exists.
    Rejected,
}

impl core::fmt::Display for QuoteState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            QuoteState::Sent => "sent, not answered yet",
            QuoteState::Unknown => "unknown: no reply says whether the venue accepted it",
            QuoteState::Active => "active",
            QuoteState::Accepted => "accepted: confirm or decline it",
            QuoteState::Confirmed => "confirmed",
            QuoteState::Declined => "declined",
            QuoteState::Won => "executed",
            QuoteState::Lost => "lost to another quote",
            QuoteState::Withdrawn => "withdrawn",
            QuoteState::Expired => "expired",
            QuoteState::Failed => "failed",
            QuoteState::Rejected => "rejected",
        })
    }
}

impl QuoteState {
    /// Returns whether the state is final.
    pub const fn is_final(self) -> bool {
        self.rank() >= 5
    }

    /// Returns the rank of the state in the life of a quote. The rank of a quote falls only if a quote that the venue
    /// did not find turns out to exist, or if an answer decides a dispute about how the quote ended.
    pub(super) const fn rank(self) -> u8 {
        match self {
            QuoteState::Sent => 0,
            QuoteState::Unknown => 1,
            QuoteState::Active => 2,
            QuoteState::Accepted => 3,
            QuoteState::Confirmed => 4,
            QuoteState::Declined
            | QuoteState::Lost
            | QuoteState::Withdrawn
            | QuoteState::Expired
            | QuoteState::Failed
            | QuoteState::Rejected => 5,
            // An executed quote is a trade, so `Won` replaces every other final state.
            QuoteState::Won => 6,
        }
    }
}

/// A quote, as replies and events describe it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quote {
    /// The venue's id of the request for quotes for which the quote is submitted.
    pub rfq_id: QuoteKey,
    /// The venue's id, once known.
    pub quote_id: Option<QuoteKey>,
    /// The quote as submitted, if this client submitted it.
    pub terms: Option<NewQuote>,
    /// The request that submitted the quote, if this client submitted the quote. `None` once a later client has used
    /// the id of the request.
    pub request: Option<RequestId>,
    /// The known state of the quote.
    pub state: QuoteState,
    /// The message of the last reply that refused a request about the quote.
    pub reason: Option<Box<str>>,
    pub(super) doubt: Option<(StaleReason, Moment)>,
    /// Whether reports contradict each other about how the quote ended. Only an answer of the venue resolves this.
    pub(super) is_disputed: bool,
    pub(super) link: Option<LinkId>,
    /// The links over which the quote is known to have been submitted: the link of the request, and the link of a
    /// stream that reports only quotes submitted over its own link.
    pub(super) sessions: [Option<LinkId>; 2],
    pub(super) observed: Moment,
    /// Whether an answer did not find the quote. The venue may still receive the request that submits the quote.
    pub(super) is_absent: bool,
    pub(super) is_unanswered: bool,
    /// Whether `quote_id` is from an event that matched only the terms of this quote. It may be the id of another
    /// client's quote.
    pub(super) is_presumed: bool,
    /// If `is_presumed` is true: the doubt that remains about this quote if the id is that of another client's quote.
    pub(super) own_doubt: Option<(StaleReason, Moment)>,
    /// The key under which the request was first stored; `None` if the quote still has this key.
    pub(super) first_key: Option<u64>,
}

/// The venue's answer about a quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FoundQuote {
    /// The venue's id.
    pub quote_id: QuoteKey,
    /// The state of the quote.
    pub state: QuoteState,
}

impl Quote {
    pub(super) fn new(rfq_id: QuoteKey) -> Quote {
        Quote {
            rfq_id,
            quote_id: None,
            terms: None,
            request: None,
            state: QuoteState::Sent,
            reason: None,
            doubt: None,
            is_disputed: false,
            link: None,
            sessions: [None; 2],
            observed: Moment::BEGINNING,
            is_absent: false,
            is_unanswered: false,
            is_presumed: false,
            own_doubt: None,
            first_key: None,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.state == QuoteState::Rejected && !self.is_absent
    }

    /// Returns whether the quote may belong to the endpoint of a link; `true` if the link or the link of the quote is
    /// unknown.
    pub(super) fn is_at(&self, link: Option<LinkId>) -> bool {
        self.link.zip(link).is_none_or(|(own, link)| own.endpoint() == link.endpoint())
    }

    /// Returns whether the request and the venue's id of this entry may belong to two different quotes.
    pub(super) const fn is_perhaps_two(&self) -> bool {
        self.is_presumed && self.is_unanswered
    }

    pub(super) fn is_past(&self, found: &FoundQuote) -> bool {
        let may_be_it = self.quote_id.is_none_or(|known| known == found.quote_id);
        may_be_it && !self.is_absent && !found.state.is_final() && found.state.rank() < self.state.rank()
    }

    pub(super) fn end(&self) -> Option<QuoteState> {
        Some(self.state).filter(|state| state.is_final() && !self.is_absent)
    }

    pub(super) fn has_surely_ended(&self) -> bool {
        self.end().is_some() && !self.is_perhaps_two() && !self.is_disputed
    }

    pub(super) fn last_change(&self) -> Moment {
        self.doubt.map_or(self.observed, |(_, raised)| raised.max(self.observed))
    }

    /// Returns the reason why more may have happened than is known; `None` if the quote is not in doubt.
    pub fn doubt(&self) -> Option<StaleReason> {
        self.doubt.map(|(reason, _)| reason)
    }

    pub(super) fn note_refusal(&mut self, response: &Response<'_>) {
        self.reason = response.error.map(|error| kept(error.message));
    }

    pub(super) fn go(&mut self, state: QuoteState) {
        if core::mem::take(&mut self.is_absent) {
            self.state = QuoteState::Unknown;
        }
        if state.rank() > self.state.rank() {
            self.state = state;
        }
        if self.has_surely_ended() {
            self.doubt = None;
        }
    }

    /// Puts the quote in doubt, unless it is certain that the quote has ended. If the quote is in doubt already, the
    /// first reason remains.
    pub(super) fn raise(&mut self, reason: StaleReason, now: Moment) {
        if self.is_presumed {
            self.own_doubt = self.own_doubt.or(Some((reason, now)));
        }
        if !self.has_surely_ended() {
            self.doubt = Some((self.doubt().unwrap_or(reason), now));
        }
    }

    pub(super) fn dispute(&mut self, now: Moment) {
        self.is_disputed = true;
        self.doubt = Some((self.doubt().unwrap_or(StaleReason::Contradiction), now));
    }
}

/// Returns the number of the endpoint of a link; zero for a recording.
pub(super) fn endpoint_of(link: Option<LinkId>) -> u16 {
    link.map_or(0, LinkId::endpoint)
}
