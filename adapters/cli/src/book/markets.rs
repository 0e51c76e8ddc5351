//! [`Markets`]: the books of a recording, and what was counted of each; a frame costs the same however many there are.

use std::collections::{BTreeSet, HashMap};

use gemini_ws::{BOOKS_MAX, Book, Books, Endpoint, Event, Symbol};

use super::report::Counts;

/// A symbol whose book, or changes of it, were seen.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) symbol: Symbol,
    /// Where its last frame is from.
    endpoint: Endpoint,
    pub(super) counts: Counts,
    /// Market data v2: what was taken as the whole book looks like mere changes, as in a recording that
    /// does not begin with the connection.
    pub(super) is_doubtful: bool,
}

/// All of them, in the order of their first frames.
#[derive(Debug, Default)]
pub(super) struct Markets {
    markets: Vec<Market>,
    /// Where each stands.
    places: HashMap<Symbol, usize>,
    /// The books of [`BOOKS_MAX`] markets each.
    books: Vec<Books>,
    /// By endpoint, where those stand whose book may be live.
    live: HashMap<Endpoint, BTreeSet<usize>>,
}

impl Markets {
    /// The market of a frame, made if there is none; `None` if that cannot be a symbol.
    pub(super) fn get(&mut self, endpoint: Endpoint, symbol: &str) -> Option<&mut Market> {
        let symbol: Symbol = symbol.parse().ok()?;
        let next = self.markets.len();
        let place = *self.places.entry(symbol).or_insert(next);
        if place == next {
            self.markets.push(Market { symbol, endpoint, counts: Counts::default(), is_doubtful: false });
            if place / BOOKS_MAX == self.books.len() {
                // Crossed books are reported like others, and marked.
                self.books.push(Books::new().trust_crossed());
            }
        }
        let market = self.markets.get_mut(place)?;
        if market.endpoint != endpoint {
            market.endpoint = endpoint;
            self.live.entry(endpoint).or_default().insert(place);
        }
        Some(market)
    }

    /// Whether the book of a symbol follows the recording.
    pub(super) fn is_live(&self, symbol: &str) -> bool {
        let place = symbol.parse().ok().and_then(|symbol: Symbol| self.places.get(&symbol));
        place.and_then(|place| self.book(*place)).is_some_and(|book| book.live().is_some())
    }

    /// Takes an event of a market that is known.
    pub(super) fn apply(&mut self, symbol: &str, event: &Event<'_>) {
        let place = symbol.parse().ok().and_then(|symbol: Symbol| self.places.get(&symbol)).copied();
        let Some((place, market)) = place.and_then(|place| Some((place, self.markets.get(place)?))) else {
            return;
        };
        if matches!(event, Event::DepthSnapshot(..)) {
            self.live.entry(market.endpoint).or_default().insert(place);
        }
        if let Some(books) = self.books.get_mut(place / BOOKS_MAX) {
            books.apply(event);
        }
    }

    /// All live books of an endpoint may lack an update. They cost nothing here until their next snapshots.
    pub(super) fn make_stale(&mut self, endpoint: Endpoint, is_gap: bool) {
        for place in self.live.remove(&endpoint).unwrap_or_default() {
            let is_live = self.book(place).is_some_and(|book| book.live().is_some());
            let market = self.markets.get_mut(place).filter(|market| is_live && market.endpoint == endpoint);
            if let (Some(market), Some(books)) = (market, self.books.get_mut(place / BOOKS_MAX)) {
                let symbol = market.symbol;
                books.apply(&Event::Gap { link: None, id: None, symbol, expected: 0, got: None });
                market.counts.gaps += u64::from(is_gap);
            }
        }
    }

    /// The markets, and the book of each that had a snapshot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Market, Option<Book<'_>>)> {
        self.markets.iter().enumerate().map(|(place, market)| (market, self.book(place)))
    }

    /// How often a book became crossed.
    pub(super) fn crossed(&self) -> u64 {
        self.books.iter().map(Books::crossed).sum()
    }

    fn book(&self, place: usize) -> Option<Book<'_>> {
        let symbol = self.markets.get(place)?.symbol;
        self.books.get(place / BOOKS_MAX)?.get(symbol.as_str())
    }
}
