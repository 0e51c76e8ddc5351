//! [`Quotes`]: the quotes of an account, from requests, replies and events.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{QuoteStatus, QuoteStep, QuoteUpdate, Response, RfqStatus};
use crate::request::Subject;
use crate::request::quote::{NewQuote, QuoteKey};
use crate::request::stream::Topic;
use crate::state::followed::Followed;
use crate::state::truth::{Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};

mod doubts;

/// The number of quotes beyond which [`Quotes`] drops the oldest quote that has ended. `Quotes` always adds the
/// quotes that this client submits, even if no quote has ended. While there are this many quotes, an event about an
/// unknown quote only raises [`Quotes::untracked`].
pub const QUOTES_MAX: usize = 10_000;

/// The quotes of an account, submitted for requests for quotes.
///
/// Pass every event to [`apply`](Quotes::apply), which ignores events that do not concern quotes. A quote of this
/// client is known from [`Event::Requested`] on. If its request gets no reply or an internal error, the quote is in
/// doubt. Until the venue's id is known, only the request identifies the quote. The venue does not deduplicate
/// quotes, so ask the venue about a quote in doubt before you submit the quote again.
///
/// ```
/// use gemini_ws::{Endpoint, QuoteState, Quotes, Replay, Scratch};
///
/// let frame = r#"{"e":"requestForQuote","i":"7f9c","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1"}"#;
/// let mut scratch = Scratch::new();
/// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
/// let mut quotes = Quotes::new();
/// quotes.apply(&event);
/// let quote = quotes.get("q1").unwrap();
/// assert_eq!((quote.state, quote.rfq_id.as_str()), (QuoteState::Accepted, "r1"));
/// ```
#[derive(Clone, Debug)]
pub struct Quotes {
    quotes: BTreeMap<u64, Quote>,
    next: u64,
    by_request: BTreeMap<RequestId, u64>,
    by_quote_id: BTreeMap<QuoteKey, u64>,
    by_rfq: BTreeSet<(QuoteKey, u64)>,
    followed: Followed,
    untracked: u64,
}

/// The state of a quote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum QuoteState {
    /// The client has accepted the request, which may still wait to be sent. No reply has come.
    Sent,
    /// Whether the quote exists is unknown: its request got no reply or an internal error.
    Unknown,
    /// The quote can be accepted.
    Active,
    /// The quote was accepted: its maker must confirm or decline the quote.
    Accepted,
    /// The maker has confirmed the quote.
    Confirmed,
    /// The maker has declined the quote. Final.
    Declined,
    /// The quote was executed. Final.
    Won,
    /// Another quote was executed. Final.
    Lost,
    /// The maker withdrew the quote. Final.
    Withdrawn,
    /// The quote, or its request for quotes, expired. Final.
    Expired,
    /// The quote failed, or its request for quotes failed or was cancelled. Final.
    Failed,
    /// The request was refused or not sent, or the venue has no such quote. Final; but in the last case a later event
    /// can show that the quote exists.
    Rejected,
}

impl core::fmt::Display for QuoteState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            QuoteState::Sent => "sent, not answered yet",
            QuoteState::Unknown => "unknown: the request got no answer",
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
        self.rank() == 5
    }

    /// Returns how far a quote has come. A quote never returns to a lower rank.
    const fn rank(self) -> u8 {
        match self {
            QuoteState::Sent => 0,
            QuoteState::Unknown => 1,
            QuoteState::Active => 2,
            QuoteState::Accepted => 3,
            QuoteState::Confirmed => 4,
            QuoteState::Declined
            | QuoteState::Won
            | QuoteState::Lost
            | QuoteState::Withdrawn
            | QuoteState::Expired
            | QuoteState::Failed
            | QuoteState::Rejected => 5,
        }
    }
}

/// A quote, as replies and events describe it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quote {
    /// The request for quotes that the quote is for.
    pub rfq_id: QuoteKey,
    /// The venue's id, once known.
    pub quote_id: Option<QuoteKey>,
    /// The quote as submitted, if this client submitted it.
    pub terms: Option<NewQuote>,
    /// The request that submitted the quote, if this client submitted the quote.
    pub request: Option<RequestId>,
    /// The state.
    pub state: QuoteState,
    /// The message of the last reply that refused a request about the quote.
    pub reason: Option<Box<str>>,
    doubt: Option<(StaleReason, Moment)>,
    link: Option<LinkId>,
    observed: Moment,
    /// Whether the venue did not find it. Its request may still be on the way.
    is_absent: bool,
}

/// A reference to a quote: the request that submitted it, or the venue's id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum QuoteRef<'a> {
    /// The request that submitted the quote.
    Request(RequestId),
    /// The venue's id.
    QuoteId(&'a str),
}

impl From<RequestId> for QuoteRef<'_> {
    fn from(request: RequestId) -> Self {
        QuoteRef::Request(request)
    }
}

impl<'a> From<&'a str> for QuoteRef<'a> {
    fn from(id: &'a str) -> Self {
        QuoteRef::QuoteId(id)
    }
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
    fn new(rfq_id: QuoteKey) -> Quote {
        Quote {
            rfq_id,
            quote_id: None,
            terms: None,
            request: None,
            state: QuoteState::Sent,
            reason: None,
            doubt: None,
            link: None,
            observed: Moment::BEGINNING,
            is_absent: false,
        }
    }

    /// Returns whether the venue rejected it.
    fn is_refused(&self) -> bool {
        self.state == QuoteState::Rejected && !self.is_absent
    }

    /// Returns the number of its endpoint.
    fn endpoint(&self) -> Option<u16> {
        self.link.map(LinkId::endpoint)
    }

    /// Returns when the newest doubt was raised, or the newest event applied.
    fn last_change(&self) -> Moment {
        self.doubt.map_or(self.observed, |(_, raised)| raised.max(self.observed))
    }

    /// Returns the reason why more may have happened than is known; `None` if the quote is not in doubt.
    pub fn doubt(&self) -> Option<StaleReason> {
        self.doubt.map(|(reason, _)| reason)
    }

    fn note_refusal(&mut self, response: &Response<'_>) {
        self.reason = response.error.map(|error| error.message.to_string().into());
    }

    fn go(&mut self, state: QuoteState) {
        if core::mem::take(&mut self.is_absent) {
            self.state = QuoteState::Unknown;
        }
        if state.rank() > self.state.rank() {
            self.state = state;
        }
        if self.state.is_final() {
            self.doubt = None;
        }
    }

    /// Raises a doubt. The oldest reason remains; the newest moment counts.
    fn raise(&mut self, reason: StaleReason, now: Moment) {
        if !self.state.is_final() || self.is_absent {
            self.doubt = Some((self.doubt().unwrap_or(reason), now));
        }
    }
}

impl Quotes {
    /// Creates a collection without quotes.
    pub const fn new() -> Quotes {
        Quotes {
            quotes: BTreeMap::new(),
            next: 0,
            by_request: BTreeMap::new(),
            by_quote_id: BTreeMap::new(),
            by_rfq: BTreeSet::new(),
            followed: Followed::new(),
            untracked: 0,
        }
    }

    /// Applies an event. Returns whether the event concerned quotes.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        self.followed.step();
        match event {
            Event::Quote(update, source) => {
                if !update.is_replay {
                    self.update(update, source.link());
                }
            }
            Event::Requested { link, request, about: Subject::SubmitQuote(terms) } => {
                self.send(terms, *request, *link);
            }
            Event::Reply { request, about: Subject::SubmitQuote(_), outcome, .. } => {
                self.reply(*request, outcome)
            }
            Event::Reply { about: Subject::WithdrawQuote { quote_id, .. }, outcome, .. } => {
                self.follow_up(quote_id, outcome, QuoteState::Withdrawn);
            }
            Event::Reply { about: Subject::ConfirmQuote { quote_id, confirm, .. }, outcome, .. } => {
                let state = if *confirm { QuoteState::Confirmed } else { QuoteState::Declined };
                self.follow_up(quote_id, outcome, state);
            }
            Event::Subscribed { link, stream, .. } if stream.topic() == Topic::Quotes => {
                if self.followed.begin(*link, stream) {
                    self.doubt_where(StaleReason::Disconnected, |quote| {
                        quote.endpoint() == Some(link.endpoint())
                    });
                }
            }
            event => return self.lose(event),
        }
        self.bound();
        true
    }

    fn lose(&mut self, event: &Event<'_>) -> bool {
        let Some(hit) = self.followed.lose(event, Topic::Quotes) else { return false };
        self.doubt_where(hit.reason(), |quote| hit.is_about([quote.link, None]));
        true
    }

    fn doubt_where(&mut self, reason: StaleReason, concerns: impl Fn(&Quote) -> bool) {
        let now = self.followed.moment();
        let certain = self.quotes.values_mut().filter(|quote| quote.doubt.is_none());
        certain.filter(|quote| concerns(quote)).for_each(|quote| quote.raise(reason, now));
    }

    fn insert(&mut self, quote: Quote) -> u64 {
        let key = self.next;
        self.next = key.wrapping_add(1);
        if let Some(request) = quote.request {
            self.by_request.insert(request, key);
        }
        if let Some(id) = quote.quote_id {
            self.by_quote_id.insert(id, key);
        }
        self.by_rfq.insert((quote.rfq_id, key));
        self.quotes.insert(key, quote);
        key
    }

    fn send(&mut self, terms: &NewQuote, request: RequestId, link: LinkId) {
        let mut quote = Quote::new(terms.rfq_id);
        (quote.terms, quote.request, quote.link) = (Some(*terms), Some(request), Some(link));
        if !self.followed.tells_of([Some(link), None]) {
            quote.raise(StaleReason::NotSubscribed, self.followed.moment());
        }
        self.insert(quote);
    }

    fn reply(&mut self, request: RequestId, outcome: &RequestOutcome<'_>) {
        let Some(key) = self.by_request.get(&request).copied() else { return };
        let now = self.followed.moment();
        let verdict = outcome.verdict();
        let id = match &verdict {
            Verdict::Accepted(response) => quote_id(response),
            _ => None,
        };
        if let Some(id) = id {
            let key = self.separate(key, id);
            self.attach(key, id);
        }
        let key = id.and_then(|id| self.by_quote_id.get(&id).copied()).unwrap_or(key);
        let Some(quote) = self.quotes.get_mut(&key) else { return };
        match verdict {
            Verdict::Accepted(_) => quote.go(QuoteState::Active),
            Verdict::Refused(response) | Verdict::OverLimit(response) => {
                quote.note_refusal(&response);
                if quote.quote_id.is_none() {
                    quote.go(QuoteState::Rejected);
                }
            }
            Verdict::NotSent => quote.go(QuoteState::Rejected),
            Verdict::Unknown => {
                quote.go(QuoteState::Unknown);
                quote.raise(StaleReason::Unanswered, now);
            }
        }
    }

    /// Separates a request whose reply names a quote from the quote of another client whose events were attributed to
    /// the request before. Returns the entry of the request.
    fn separate(&mut self, key: u64, id: QuoteKey) -> u64 {
        let has_another = |quote: &&mut Quote| quote.quote_id.is_some_and(|known| known != id);
        let Some(theirs) = self.quotes.get_mut(&key).filter(has_another) else { return key };
        let (terms, request, link) = (theirs.terms.take(), theirs.request.take(), theirs.link);
        let own = Quote { terms, request, link, doubt: theirs.doubt, ..Quote::new(theirs.rfq_id) };
        self.insert(own)
    }

    /// Applies the reply to a request that withdraws, confirms or declines a quote.
    fn follow_up(&mut self, quote_id: &QuoteKey, outcome: &RequestOutcome<'_>, state: QuoteState) {
        let now = self.followed.moment();
        let key = self.by_quote_id.get(quote_id);
        let Some(quote) = key.and_then(|key| self.quotes.get_mut(key)) else { return };
        match outcome.verdict() {
            Verdict::Accepted(_) => quote.go(state),
            Verdict::NotSent => {}
            Verdict::OverLimit(response) => quote.note_refusal(&response),
            Verdict::Refused(response) => {
                quote.note_refusal(&response);
                quote.raise(StaleReason::NotFound, now);
            }
            Verdict::Unknown => quote.raise(StaleReason::Unanswered, now),
        }
    }

    /// Gives a quote the venue's id. If another entry has the id, the two are one quote and are merged.
    fn attach(&mut self, key: u64, id: QuoteKey) {
        let Some(other) = self.by_quote_id.get(&id).copied().filter(|other| *other != key) else {
            self.by_quote_id.insert(id, key);
            if let Some(quote) = self.quotes.get_mut(&key) {
                quote.quote_id = Some(id);
            }
            return;
        };
        let Some(sent) = self.quotes.remove(&key) else { return };
        self.by_rfq.remove(&(sent.rfq_id, key));
        if let Some(request) = sent.request {
            self.by_request.insert(request, other);
        }
        if let Some(quote) = self.quotes.get_mut(&other) {
            (quote.terms, quote.request) = (sent.terms, sent.request);
        }
    }

    fn update(&mut self, update: &QuoteUpdate<'_>, link: Option<LinkId>) {
        if self.followed.note(link) {
            self.doubt_where(StaleReason::Disconnected, |quote| {
                quote.endpoint() == link.map(LinkId::endpoint)
            });
        }
        let keys = self.concerned(update);
        let now = self.followed.moment();
        for key in keys {
            let Some(quote) = self.quotes.get_mut(&key) else { continue };
            (quote.link, quote.observed) = (link, now);
            match state_of(update) {
                Some(state) => quote.go(state),
                None => quote.raise(StaleReason::UnknownStatus, now),
            }
        }
    }

    /// Returns the quotes that an event is about: the one with its id or, without an id, all of the request for
    /// quotes.
    fn concerned(&mut self, update: &QuoteUpdate<'_>) -> Vec<u64> {
        let key_of = |text: &str| text.parse::<QuoteKey>().ok();
        let Some(rfq_id) = key_of(&update.rfq_id.to_string()) else {
            self.untracked = self.untracked.saturating_add(1);
            return Vec::new();
        };
        let of_rfq = self.by_rfq.range((rfq_id, 0)..=(rfq_id, u64::MAX)).map(|(_, key)| *key);
        let Some(id) = update.quote_id else { return of_rfq.collect() };
        let Some(id) = key_of(&id.to_string()) else {
            self.untracked = self.untracked.saturating_add(1);
            return Vec::new();
        };
        if let Some(key) = self.by_quote_id.get(&id) {
            return [*key].into();
        }
        // A quote that this client submitted to the same request, and whose id is not known yet.
        let mut unnamed = of_rfq.filter(|key| {
            let quote = self.quotes.get(key).filter(|quote| quote.quote_id.is_none());
            let terms = quote.filter(|quote| !quote.is_refused()).and_then(|quote| quote.terms);
            terms.is_some_and(|terms| {
                update.price.is_none_or(|price| price == terms.price)
                    && update.quantity.is_none_or(|quantity| quantity == terms.quantity)
            })
        });
        let (first, second) = (unnamed.next(), unnamed.next().is_some());
        if let Some(key) = first.filter(|_| !second) {
            self.attach(key, id);
            return [key].into();
        }
        if self.quotes.len() >= QUOTES_MAX {
            self.untracked = self.untracked.saturating_add(1);
            return Vec::new();
        }
        let mut quote = Quote::new(rfq_id);
        (quote.quote_id, quote.state) = (Some(id), QuoteState::Active);
        [self.insert(quote)].into()
    }

    /// Forgets the oldest quote that has ended if there are too many.
    fn bound(&mut self) {
        if self.quotes.len() <= QUOTES_MAX {
            return;
        }
        let Some(key) = self.quotes.iter().find(|(_, quote)| quote.state.is_final()).map(|(key, _)| *key)
        else {
            return;
        };
        let Some(gone) = self.quotes.remove(&key) else { return };
        self.by_rfq.remove(&(gone.rfq_id, key));
        if let Some(id) = gone.quote_id.filter(|id| self.by_quote_id.get(id) == Some(&key)) {
            self.by_quote_id.remove(&id);
        }
        if let Some(request) = gone.request {
            self.by_request.remove(&request);
        }
    }

    fn key(&self, of: QuoteRef<'_>) -> Option<u64> {
        match of {
            QuoteRef::Request(request) => self.by_request.get(&request).copied(),
            QuoteRef::QuoteId(id) => self.by_quote_id.get(&id.parse().ok()?).copied(),
        }
    }

    /// Returns a quote by the venue's id or by the request that submitted it.
    pub fn get<'a>(&self, of: impl Into<QuoteRef<'a>>) -> Option<&Quote> {
        self.quotes.get(&self.key(of.into())?)
    }

    /// Returns all quotes, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &Quote> {
        self.quotes.values()
    }

    /// Returns the quotes in doubt: more may have happened to these quotes than is known. [`Quote::doubt`] returns
    /// the reason.
    pub fn to_reconcile(&self) -> impl Iterator<Item = &Quote> {
        self.iter().filter(|quote| quote.doubt.is_some())
    }

    /// Returns how many events were about quotes that were not added, because there are [`QUOTES_MAX`] quotes or an
    /// id in the event is not a [`QuoteKey`].
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns the current moment. Take it before you ask the venue, and pass it to [`reconcile`](Quotes::reconcile).
    pub const fn moment(&self) -> Moment {
        self.followed.moment()
    }
}

/// Returns the id in the reply to a submission.
fn quote_id(response: &Response<'_>) -> Option<QuoteKey> {
    response.quote().ok()?.quote_id.to_string().parse().ok()
}

/// Returns the state that an event gives a quote; `None` if its meaning is unknown.
fn state_of(update: &QuoteUpdate<'_>) -> Option<QuoteState> {
    let of_request = match update.status {
        RfqStatus::Cancelled | RfqStatus::Failed => Some(QuoteState::Failed),
        RfqStatus::Expired => Some(QuoteState::Expired),
        RfqStatus::Other(_) => None,
        _ => Some(QuoteState::Active),
    };
    let of_step = match update.step {
        QuoteStep::Closed => of_request,
        QuoteStep::Accepted => Some(QuoteState::Accepted),
        QuoteStep::Confirmed => Some(QuoteState::Confirmed),
        QuoteStep::Declined => Some(QuoteState::Declined),
        // The status of the quote says which quote was executed.
        QuoteStep::Finalized if update.quote_id.is_some() => Some(QuoteState::Won),
        QuoteStep::Finalized => of_request,
        QuoteStep::Failed => Some(QuoteState::Failed),
        QuoteStep::Other(_) => None,
    };
    match update.quote_status {
        None => of_step,
        // The step is more precise: the quote may be accepted.
        Some(QuoteStatus::Active) => of_step,
        Some(QuoteStatus::Withdrawn) => Some(QuoteState::Withdrawn),
        Some(QuoteStatus::Expired) => Some(QuoteState::Expired),
        Some(QuoteStatus::Won) => Some(QuoteState::Won),
        Some(QuoteStatus::Lost) => Some(QuoteState::Lost),
        Some(QuoteStatus::Other(_)) => None,
    }
}

impl Default for Quotes {
    fn default() -> Quotes {
        Quotes::new()
    }
}
