//! [`Quotes`]: the quotes of an account, from requests, replies and events.

use crate::event::Event;
use crate::request::Subject;
use crate::request::quote::NewQuote;
use crate::request::stream::Topic;
use crate::state::followed::{Followed, Reach};
use crate::state::quotes::index::QuoteIndex;
use crate::state::quotes::quote::{Quote, QuoteState};
use crate::state::truth::{Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};

mod doubts;
mod events;
pub(crate) mod index;
pub(crate) mod quote;
mod replies;

/// The quotes that an account has submitted for requests for quotes.
///
/// Pass every event to [`apply`](Quotes::apply), which ignores events that do not concern quotes.
///
/// - `Quotes` adds a quote of this client at [`Event::Requested`]. If a queue has dropped this event, the reply to
///   the request adds the quote, in doubt, unless the reply says that the venue does not have the quote.
/// - If no reply says whether the venue accepted a quote, the quote is in doubt. The venue does not deduplicate
///   quotes, so ask the venue about a quote in doubt before you submit the quote again.
/// - A later client uses the same request ids as an earlier client. When it uses the id of a request, the quote that
///   the earlier client submitted with this request no longer has a [`request`](Quote::request).
/// - If no known quote has the venue's id in an event, the event may be about a quote of this client whose id is
///   unknown. The id is then assigned to the quote with the same request for quotes, price and quantity, if there is
///   exactly one. If there are several, those that the venue has accepted are in doubt.
/// - If the venue accepts a request to withdraw, confirm or decline an unknown quote, the reply adds the quote. The
///   quote is in doubt, unless the reply shows how it ended.
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
    index: QuoteIndex,
    followed: Followed,
    untracked: u64,
}

/// A reference to a quote: the request that submitted it, or the venue's id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum QuoteRef<'a> {
    /// The request that submitted the quote.
    Request(RequestId),
    /// The venue's id. If quotes at several endpoints have the id, `QuoteId` refers to the quote at the endpoint that
    /// the client added first.
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

impl Quotes {
    /// Creates a collection without quotes.
    pub const fn new() -> Quotes {
        Quotes { index: QuoteIndex::new(), followed: Followed::new(), untracked: 0 }
    }

    /// Applies an event. Returns whether the event is about quotes, confirms a subscription to quotes, or may put
    /// quotes in doubt.
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
            // These requests change nothing before their reply.
            Event::Requested {
                about: Subject::WithdrawQuote { .. } | Subject::ConfirmQuote { .. }, ..
            } => {}
            Event::Reply { link, request, about: Subject::SubmitQuote(terms), outcome } => {
                self.reply(terms, *request, *link, outcome)
            }
            Event::Reply { link, about: Subject::WithdrawQuote { rfq_id, quote_id }, outcome, .. } => {
                self.follow_up((*rfq_id, *quote_id), *link, outcome, QuoteState::Withdrawn);
            }
            Event::Reply {
                link,
                about: Subject::ConfirmQuote { rfq_id, quote_id, confirm },
                outcome,
                ..
            } => {
                let state = if *confirm { QuoteState::Confirmed } else { QuoteState::Declined };
                self.follow_up((*rfq_id, *quote_id), *link, outcome, state);
            }
            Event::Subscribed { link, stream, .. } if stream.topic() == Topic::Quotes => {
                if self.followed.begin(*link, Reach::of(stream)) {
                    self.doubt_where(StaleReason::Disconnected, |quote| quote.is_at(Some(*link)));
                }
                self.doubt_narrowed();
            }
            event => return self.lose(event),
        }
        true
    }

    fn lose(&mut self, event: &Event<'_>) -> bool {
        let Some(hit) = self.followed.lose(event, Topic::Quotes) else { return false };
        self.doubt_where(hit.reason(), |quote| hit.is_about(quote.link.into_iter()));
        true
    }

    fn doubt_where(&mut self, reason: StaleReason, concerns: impl Fn(&Quote) -> bool) {
        let now = self.followed.moment();
        for key in self.index.certain() {
            if self.index.get(key).is_some_and(&concerns) {
                self.index.change(key, |quote| quote.raise(reason, now));
            }
        }
    }

    fn send(&mut self, terms: &NewQuote, request: RequestId, link: LinkId) {
        let key = self.add_own(terms, request, link);
        self.doubt_unfollowed(key);
    }

    fn add_own(&mut self, terms: &NewQuote, request: RequestId, link: LinkId) -> u64 {
        if let Some(earlier) = self.index.by_request(request) {
            self.index.change(earlier, |quote| quote.request = None);
        }
        let mut quote = Quote::new(terms.rfq_id);
        (quote.terms, quote.request) = (Some(*terms), Some(request));
        (quote.link, quote.sessions) = (Some(link), [Some(link), None]);
        self.index.make_room();
        self.index.insert(quote)
    }

    fn doubt_unfollowed(&mut self, key: u64) {
        let now = self.followed.moment();
        let Some(quote) = self.index.get(key) else { return };
        if !self.followed.tells_of(quote.link.into_iter(), quote.sessions) {
            self.index.change(key, |quote| quote.raise(StaleReason::NotSubscribed, now));
        }
    }

    /// Puts in doubt each quote that no subscribed stream reports. Call this after each confirmation of a
    /// subscription: the confirmation may show that the stream reports only quotes that were submitted over its own
    /// link.
    fn doubt_narrowed(&mut self) {
        self.index.certain().into_iter().for_each(|key| self.doubt_unfollowed(key));
    }

    fn key(&self, of: QuoteRef<'_>) -> Option<u64> {
        match of {
            QuoteRef::Request(request) => self.index.by_request(request),
            QuoteRef::QuoteId(id) => self.index.first_by_quote_id(id.parse().ok()?),
        }
    }

    /// Returns a quote by the venue's id or by the request that submitted it.
    pub fn get<'a>(&self, of: impl Into<QuoteRef<'a>>) -> Option<&Quote> {
        self.index.get(self.key(of.into())?)
    }

    /// Returns all quotes, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &Quote> {
        self.index.iter()
    }

    /// Returns the quotes in doubt: more may have happened to these quotes than is known. [`Quote::doubt`] returns
    /// the reason.
    pub fn to_reconcile(&self) -> impl Iterator<Item = &Quote> {
        self.iter().filter(|quote| quote.doubt.is_some())
    }

    /// Returns how many events were about quotes that were not added, because [`QUOTES_MAX`](crate::QUOTES_MAX) is
    /// reached and none can be dropped, or because an id in the event is not a [`QuoteKey`](crate::QuoteKey).
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns the current point in the sequence of applied events. Take this moment before you ask the venue about a
    /// quote, and pass it to [`reconcile`](Quotes::reconcile) with the answer.
    pub const fn moment(&self) -> Moment {
        self.followed.moment()
    }
}

impl Default for Quotes {
    fn default() -> Quotes {
        Quotes::new()
    }
}
