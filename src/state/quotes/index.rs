//! [`QuoteIndex`]: the quotes that [`Quotes`](crate::Quotes) keeps, found by their ids and by their state.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::request::quote::QuoteKey;
use crate::state::quotes::quote::{Quote, endpoint_of};
use crate::value::id::RequestId;

/// The number of quotes that [`Quotes`](crate::Quotes) keeps. Before it adds a further quote, it drops the oldest
/// quote that has ended and is not in doubt. If it can drop none, it adds only quotes that this client submits.
/// [`Quotes::untracked`](crate::Quotes::untracked) counts the events about quotes that it did not add.
pub const QUOTES_MAX: usize = 10_000;

/// An entry of `by_rfq`, `open` and `unnamed`: the id of a request for quotes, the number of the endpoint, and the
/// key of a quote for this request.
type OfRfq = (QuoteKey, u16, u64);

/// An index of quotes. Each quote has a key; keys count up in the order in which the quotes became known.
#[derive(Clone, Debug)]
pub(super) struct QuoteIndex {
    quotes: BTreeMap<u64, Quote>,
    next: u64,
    by_request: BTreeMap<RequestId, u64>,
    /// The keys of `quotes`, by the venue's id and the number of the endpoint. Two endpoints may use the same id.
    by_quote_id: BTreeMap<(QuoteKey, u16), u64>,
    by_rfq: BTreeSet<OfRfq>,
    /// The entries of `by_rfq` whose quotes may still change: see [`Quote::end`].
    open: BTreeSet<OfRfq>,
    /// The entries of `by_rfq` whose quotes have no id of the venue and were not refused.
    unnamed: BTreeSet<OfRfq>,
    /// The keys of the quotes that a loss puts in doubt: they are not in doubt yet, and it is not certain that they
    /// have ended. Also contains some ended quotes whose id may be that of another quote: a loss sets their
    /// [`Quote::own_doubt`].
    certain: BTreeSet<u64>,
    ended: BTreeSet<u64>,
}

impl QuoteIndex {
    pub(super) const fn new() -> QuoteIndex {
        QuoteIndex {
            quotes: BTreeMap::new(),
            next: 0,
            by_request: BTreeMap::new(),
            by_quote_id: BTreeMap::new(),
            by_rfq: BTreeSet::new(),
            open: BTreeSet::new(),
            unnamed: BTreeSet::new(),
            certain: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    pub(super) fn change<T>(&mut self, key: u64, change: impl FnOnce(&mut Quote) -> T) -> Option<T> {
        let quote = self.quotes.get_mut(&key)?;
        let result = change(quote);
        self.file(key);
        Some(result)
    }

    fn file(&mut self, key: u64) {
        let Some(quote) = self.quotes.get(&key) else { return };
        let entry = (quote.rfq_id, endpoint_of(quote.link), key);
        let is_unnamed = quote.quote_id.is_none() && !quote.is_refused();
        for (set, holds) in [(&mut self.open, quote.end().is_none()), (&mut self.unnamed, is_unnamed)] {
            put(set, entry, holds);
        }
        let is_doubtful = quote.doubt.is_some();
        let keeps_doubt = quote.is_presumed && quote.own_doubt.is_none();
        put(&mut self.certain, key, !is_doubtful && (keeps_doubt || !quote.has_surely_ended()));
        put(&mut self.ended, key, !is_doubtful && quote.state.is_final());
    }

    pub(super) fn insert(&mut self, quote: Quote) -> u64 {
        let key = self.next;
        self.next = key.wrapping_add(1);
        let endpoint = endpoint_of(quote.link);
        if let Some(request) = quote.request {
            self.by_request.insert(request, key);
        }
        if let Some(id) = quote.quote_id {
            self.by_quote_id.insert((id, endpoint), key);
        }
        self.by_rfq.insert((quote.rfq_id, endpoint, key));
        self.quotes.insert(key, quote);
        self.file(key);
        key
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Quote> {
        let gone = self.quotes.remove(&key)?;
        let endpoint = endpoint_of(gone.link);
        let entry = (gone.rfq_id, endpoint, key);
        for set in [&mut self.by_rfq, &mut self.open, &mut self.unnamed] {
            set.remove(&entry);
        }
        self.certain.remove(&key);
        self.ended.remove(&key);
        let id = gone.quote_id.map(|id| (id, endpoint));
        if let Some(id) = id.filter(|id| self.by_quote_id.get(id) == Some(&key)) {
            self.by_quote_id.remove(&id);
        }
        // Another client may have used the id of the request again.
        if let Some(request) = gone.request.filter(|id| self.by_request.get(id) == Some(&key)) {
            self.by_request.remove(&request);
        }
        Some(gone)
    }

    /// Removes the oldest ended quotes until there is room for another quote. Returns whether there is room. Call
    /// this only when a quote is to be added: until then, the application can read how the ended quotes ended.
    pub(super) fn make_room(&mut self) -> bool {
        while self.quotes.len() >= QUOTES_MAX
            && let Some(oldest) = self.ended.first().copied()
        {
            self.remove(oldest);
        }
        self.quotes.len() < QUOTES_MAX
    }

    /// Sets the venue's id of a quote. Call this only if no other quote at the endpoint of the quote has the id.
    pub(super) fn name(&mut self, key: u64, id: QuoteKey) {
        if let Some(endpoint) = self.change(key, |quote| {
            quote.quote_id = Some(id);
            endpoint_of(quote.link)
        }) {
            self.by_quote_id.insert((id, endpoint), key);
        }
    }

    pub(super) fn note_request(&mut self, key: u64) {
        if let Some(request) = self.quotes.get(&key).and_then(|quote| quote.request) {
            self.by_request.insert(request, key);
        }
    }

    // ---- questions -------------------------------------------------------------------------------

    pub(super) fn get(&self, key: u64) -> Option<&Quote> {
        self.quotes.get(&key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Quote> {
        self.quotes.values()
    }

    pub(super) fn by_request(&self, request: RequestId) -> Option<u64> {
        self.by_request.get(&request).copied()
    }

    pub(super) fn by_quote_id(&self, id: QuoteKey, endpoint: u16) -> Option<u64> {
        self.by_quote_id.get(&(id, endpoint)).copied()
    }

    /// Returns the key of the quote with this id of the venue. If quotes at several endpoints have the id, returns
    /// the key of the quote at the endpoint that the client added first.
    pub(super) fn first_by_quote_id(&self, id: QuoteKey) -> Option<u64> {
        self.by_quote_id.range((id, 0)..=(id, u16::MAX)).next().map(|(_, key)| *key)
    }

    pub(super) fn certain(&self) -> Vec<u64> {
        self.certain.iter().copied().collect()
    }

    /// Returns the quotes for a request for quotes, oldest first.
    pub(super) fn of_rfq(&self, rfq_id: QuoteKey, endpoint: u16) -> impl Iterator<Item = (u64, &Quote)> {
        self.in_set(&self.by_rfq, rfq_id, endpoint)
    }

    pub(super) fn open_of(&self, rfq_id: QuoteKey, endpoint: u16) -> impl Iterator<Item = (u64, &Quote)> {
        self.in_set(&self.open, rfq_id, endpoint)
    }

    pub(super) fn unnamed_of(&self, rfq_id: QuoteKey, endpoint: u16) -> impl Iterator<Item = (u64, &Quote)> {
        self.in_set(&self.unnamed, rfq_id, endpoint)
    }

    fn in_set<'a>(
        &'a self,
        set: &'a BTreeSet<OfRfq>,
        rfq_id: QuoteKey,
        endpoint: u16,
    ) -> impl Iterator<Item = (u64, &'a Quote)> {
        let keys = set.range((rfq_id, endpoint, 0)..=(rfq_id, endpoint, u64::MAX)).map(|(.., key)| *key);
        keys.filter_map(|key| Some((key, self.quotes.get(&key)?)))
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, entry: T, holds: bool) {
    if holds {
        set.insert(entry);
    } else {
        set.remove(&entry);
    }
}
