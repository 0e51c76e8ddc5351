//! [`Markets`]: the books and counters of a recording.

use std::collections::{BTreeSet, HashMap};

use gemini_ws::{BOOKS_MAX, Book, Books, Depth, Endpoint, Event, Symbol, TopOfBook};

use super::report::Counts;

#[derive(Debug)]
pub(super) struct Market {
    pub(super) symbol: Symbol,
    /// The endpoint of the market's last frame.
    endpoint: Endpoint,
    pub(super) counts: Counts,
    /// Whether the book may lack levels. The recording may begin in the middle of a connection, and then the first
    /// frame of market data v2 contains only changes instead of the whole book.
    pub(super) is_doubtful: bool,
}

/// The markets of a recording, in the order of their first frames.
#[derive(Debug, Default)]
pub(super) struct Markets {
    markets: Vec<Market>,
    places: HashMap<Symbol, usize>,
    /// The books of all markets: each [`Books`] has those of [`BOOKS_MAX`] consecutive markets.
    books: Vec<Books>,
    /// The positions of the markets whose books may be current, by endpoint.
    live: HashMap<Endpoint, BTreeSet<usize>>,
}

impl Markets {
    /// Returns the market of a frame, and adds it if it is new; `None` if the text is not a symbol.
    pub(super) fn get(&mut self, endpoint: Endpoint, symbol: &str) -> Option<&mut Market> {
        let symbol: Symbol = symbol.parse().ok()?;
        let next = self.markets.len();
        let place = *self.places.entry(symbol).or_insert(next);
        if place == next {
            self.markets.push(Market { symbol, endpoint, counts: Counts::default(), is_doubtful: false });
            if place / BOOKS_MAX == self.books.len() {
                // The report contains crossed books too, and marks them.
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

    pub(super) fn is_live(&self, symbol: &str) -> bool {
        let place = symbol.parse().ok().and_then(|symbol: Symbol| self.places.get(&symbol));
        place.and_then(|place| self.book(*place)).is_some_and(|book| book.live().is_some())
    }

    /// Applies an event to the book of a symbol. Does nothing if no frame so far had this symbol.
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

    /// Applies all parts of a frame at once, because between two of them a book may be crossed.
    pub(super) fn apply_at_once(&mut self, event: &Event<'_>) {
        let place = |part: Event<'_>| match part {
            Event::DepthSnapshot(Depth { symbol, .. }, _)
            | Event::DepthUpdate(Depth { symbol, .. }, _)
            | Event::TopOfBook(TopOfBook { symbol, .. }, _) => {
                self.places.get(&symbol.parse::<Symbol>().ok()?).copied()
            }
            _ => None,
        };
        let groups: BTreeSet<usize> =
            event.parts().filter_map(place).map(|place| place / BOOKS_MAX).collect();
        for group in groups {
            if let Some(books) = self.books.get_mut(group) {
                books.apply(event);
            }
        }
    }

    /// Makes all current books of an endpoint stale. If `is_gap` is true, also adds one to the gaps of each of these
    /// markets.
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

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Market, Option<Book<'_>>)> {
        self.markets.iter().enumerate().map(|(place, market)| (market, self.book(place)))
    }

    pub(super) fn crossed(&self) -> u64 {
        self.books.iter().map(Books::crossed).sum()
    }

    fn book(&self, place: usize) -> Option<Book<'_>> {
        let symbol = self.markets.get(place)?.symbol;
        self.books.get(place / BOOKS_MAX)?.get(symbol.as_str())
    }
}
