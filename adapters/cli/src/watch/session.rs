//! [`Session`]: the state of a run of `watch`, updated with events and read by the displays.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::rate::Rate;
use super::tops::{Top, Tops};
use crate::json::without_keys;
use crate::shown::Shown;
use gemini_ws::{
    Book, Books, CloseReason, Decimal, Event, Instant, Stats, Stream, Symbol, Taker, Topic, Trade, Unserved,
};

const TRADES_MAX: usize = 64;

const STREAMS_PER_SYMBOL: usize = 3;

pub(crate) fn streams(symbol: Symbol) -> [Stream; STREAMS_PER_SYMBOL] {
    let cadence = gemini_ws::Cadence::Fast;
    [Stream::Depth { symbol, cadence }, Stream::BookTicker { symbol }, Stream::Trade { symbol }]
}

#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// Dialling for the first time.
    Connecting,
    /// Open, with subscriptions under way.
    Subscribing,
    /// Every subscription is confirmed, rejected or reported as unserved.
    Live,
    /// Not connected. The next attempt begins at `retry`.
    Waiting { why: Shown, retry: Instant },
    /// The end was requested.
    Closing,
    /// Closed for good.
    Closed(CloseReason),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TradeRow {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    /// Whether the taker of the trade sold.
    pub(crate) sold: bool,
    pub(crate) received: Instant,
}

/// A missing update of a book, and when it was noticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) symbol: Symbol,
    pub(crate) at: Instant,
}

/// The state of one symbol, except its book.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) symbol: Symbol,
    /// The newest trades, newest last.
    pub(crate) trades: VecDeque<TradeRow>,
    pub(crate) trade_count: u64,
    /// The rate of events of all streams of the symbol.
    pub(crate) updates: Rate,
    /// The venue's message when it first refused one of the symbol's streams.
    pub(crate) refused: Option<Shown>,
    streams_refused: usize,
    /// The reason why the book does not arrive for now, from the newest [`Event::Unserved`]; `None` if no such event
    /// has come since the book was last current.
    pub(crate) unserved: Option<Unserved>,
    tops: Tops,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) venue: Shown,
    /// The venue. If the client reaches the venue through a proxy, also the proxy.
    pub(crate) route: Shown,
    pub(crate) started: Instant,
    pub(crate) markets: Vec<Market>,
    pub(crate) link: Link,
    pub(crate) last_gap: Option<Gap>,
    pub(crate) frame_rate: Rate,
    pub(crate) event_rate: Rate,
    /// The number of lines that the simulator has taken; `None` until the recording has ended.
    pub(crate) replayed: Option<u64>,
    was_live: bool,
    positions: HashMap<Symbol, usize>,
    books: Books,
    stats: Stats,
    events: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Summary {
    pub(crate) frames: u64,
    pub(crate) events: u64,
    pub(crate) malformed: u64,
    /// The number of list elements that could not be decoded. The frames of these elements were decoded.
    pub(crate) malformed_elements: u64,
    pub(crate) unrecognized: u64,
    pub(crate) gaps: u64,
    /// How many times a book that had been current became current again with a new snapshot over the same link.
    pub(crate) resyncs: u64,
    pub(crate) reconnects: u64,
    /// How many times a book became crossed.
    pub(crate) crossed: u64,
    /// How many times a book's best levels differed from those of the ticker.
    pub(crate) top_mismatches: u64,
    /// How many times a book's best levels were compared with those of the ticker.
    pub(crate) tops_compared: u64,
}

impl Session {
    pub(crate) fn new(venue: Shown, proxy: Option<&str>, symbols: &[Symbol], started: Instant) -> Session {
        let route = match proxy {
            Some(proxy) => Shown::of(format_args!("{venue} through the proxy {proxy}")),
            None => venue.clone(),
        };
        Session {
            venue,
            route,
            started,
            markets: symbols.iter().map(|symbol| Market::new(*symbol)).collect(),
            link: Link::Connecting,
            last_gap: None,
            frame_rate: Rate::default(),
            event_rate: Rate::default(),
            replayed: None,
            was_live: false,
            positions: symbols.iter().enumerate().map(|(position, symbol)| (*symbol, position)).collect(),
            // The displays show crossed books too, and mark them.
            books: Books::new().trust_crossed(),
            stats: Stats::default(),
            events: 0,
        }
    }

    /// Applies an event. `stats` are the client's counters after the event.
    pub(crate) fn apply(&mut self, now: Instant, event: &Event<'_>, stats: &Stats) {
        self.frame_rate.add(now, stats.frames.saturating_sub(self.stats.frames));
        self.stats.clone_from(stats);
        self.event_rate.add(now, 1);
        self.events += 1;
        let changed = self.books.apply(event);
        match event {
            Event::BookTicker(ticker, _) => {
                if let Some(market) = self.heard(now, ticker.symbol) {
                    market.tops.ticker(Top::of_ticker(ticker));
                }
            }
            Event::DepthSnapshot(depth, _) | Event::DepthUpdate(depth, _) => {
                self.heard(now, depth.symbol);
                if let Some(change) = changed {
                    self.note_top(change.symbol);
                }
            }
            Event::Trade(trade, _) => {
                if let Some(market) = self.heard(now, trade.symbol) {
                    market.trade(now, trade);
                }
            }
            Event::Gap { symbol, .. } => {
                self.last_gap = Some(Gap { symbol: *symbol, at: now });
            }
            Event::Rejected { stream, error, .. } => {
                if let Some(market) = stream.symbol().and_then(|symbol| self.market_mut(symbol)) {
                    market.streams_refused += 1;
                    market.refused.get_or_insert_with(|| {
                        Shown::of(format_args!("{} ({})", without_keys(error.message), error.code))
                    });
                }
            }
            Event::Unserved { stream, reason, .. } if stream.topic() == Topic::Depth => {
                if let Some(market) = stream.symbol().and_then(|symbol| self.market_mut(symbol)) {
                    market.unserved = Some(*reason);
                }
            }
            Event::Synced { symbol, .. } => {
                if let Some(market) = self.market_mut(*symbol) {
                    market.unserved = None;
                }
            }
            Event::Opened { .. } => self.link = Link::Subscribing,
            Event::Live { .. } => {
                self.link = Link::Live;
                self.was_live = true;
            }
            Event::ConnectFailed { reason: why, retry, .. } => self.wait(why, *retry),
            Event::Disconnected { reason: why, retry, .. } => {
                self.wait(why, *retry);
                for market in &mut self.markets {
                    market.tops.forget();
                }
            }
            Event::Closed { reason, .. } => self.link = Link::Closed(*reason),
            _ => {}
        }
    }

    pub(crate) fn close(&mut self) {
        if !matches!(self.link, Link::Closed(_)) {
            self.link = Link::Closing;
        }
    }

    pub(crate) fn book(&self, symbol: Symbol) -> Option<Book<'_>> {
        self.books.get(symbol.as_str())
    }

    pub(crate) fn is_all_refused(&self) -> bool {
        self.markets.iter().all(Market::is_refused)
    }

    pub(crate) const fn was_live(&self) -> bool {
        self.was_live
    }

    pub(crate) const fn connect_failures(&self) -> u64 {
        self.stats.connect_failures
    }

    pub(crate) fn summary(&self) -> Summary {
        let tops = |of: fn(&Tops) -> u64| self.markets.iter().map(|market| of(&market.tops)).sum();
        Summary {
            frames: self.stats.frames,
            events: self.events,
            malformed: self.stats.malformed,
            malformed_elements: self.stats.malformed_elements,
            unrecognized: self.stats.unrecognized,
            gaps: self.stats.gaps,
            resyncs: self.stats.resyncs,
            reconnects: self.stats.reconnects,
            crossed: self.books.crossed(),
            top_mismatches: tops(Tops::mismatches),
            tops_compared: tops(Tops::compared),
        }
    }

    fn market_mut(&mut self, symbol: Symbol) -> Option<&mut Market> {
        self.markets.get_mut(*self.positions.get(&symbol)?)
    }

    /// Adds one event to the rate of a symbol, and returns the market. Returns `None` if the symbol is not watched.
    fn heard(&mut self, now: Instant, symbol: &str) -> Option<&mut Market> {
        let market = self.market_mut(symbol.parse().ok()?)?;
        market.updates.add(now, 1);
        Some(market)
    }

    fn note_top(&mut self, symbol: Symbol) {
        let Some(Book::Live(book)) = self.books.get(symbol.as_str()) else { return };
        let top = Top::of_book(book);
        if let Some(market) = self.market_mut(symbol) {
            market.tops.book(top);
        }
    }

    fn wait(&mut self, why: &dyn fmt::Display, retry: Option<Instant>) {
        // Without `retry`, the user has requested the end, or `Closed` reports the reason.
        if let Some(retry) = retry {
            self.link = Link::Waiting { why: Shown::of(why), retry };
        }
    }
}

impl Market {
    fn new(symbol: Symbol) -> Market {
        Market {
            symbol,
            trades: VecDeque::with_capacity(TRADES_MAX),
            trade_count: 0,
            updates: Rate::default(),
            refused: None,
            streams_refused: 0,
            unserved: None,
            tops: Tops::new(),
        }
    }

    pub(crate) const fn is_refused(&self) -> bool {
        self.streams_refused == STREAMS_PER_SYMBOL
    }

    fn trade(&mut self, now: Instant, trade: &Trade<'_>) {
        if self.trades.len() == TRADES_MAX {
            self.trades.pop_front();
        }
        let Trade { price, quantity, taker, .. } = *trade;
        let sold = taker == Taker::Seller;
        self.trades.push_back(TradeRow { price, quantity, sold, received: now });
        self.trade_count += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { frames, events, malformed, unrecognized, gaps, resyncs, .. } = self;
        let Summary { reconnects, crossed, top_mismatches, tops_compared, .. } = self;
        write!(f, "summary: frames={frames} events={events} malformed={malformed} ")?;
        write!(f, "unrecognized={unrecognized} gaps={gaps} resyncs={resyncs} reconnects={reconnects} ")?;
        write!(f, "crossed={crossed} top_mismatches={top_mismatches} tops_compared={tops_compared}")?;
        match self.malformed_elements {
            0 => Ok(()),
            count => write!(f, " malformed_elements={count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fed;
    use super::*;

    #[test]
    fn the_life_of_a_link() {
        let mut fed = Fed::new(&["btcusd"]);
        assert!(matches!(fed.session.link, Link::Connecting));
        fed.client.handle_connect_failed(fed.link(), fed.now, gemini_ws::ConnectFailure::Refused);
        fed.pump();
        let Link::Waiting { why, retry } = &fed.session.link else { panic!("{:?}", fed.session.link) };
        assert_eq!(why.as_str(), "connection refused: nobody listens there");
        fed.now = *retry;
        fed.client.handle_timeout(fed.now);
        fed.connect();
        assert!(matches!(fed.session.link, Link::Live), "{:?}", fed.session.link);
        fed.fill("btcusd", 3);
        let symbol = fed.session.markets[0].symbol;
        assert!(matches!(fed.session.book(symbol), Some(Book::Live(_))));
        fed.session.close();
        fed.client.close(fed.now);
        fed.client.handle_lost(fed.link(), fed.now, gemini_ws::Lost::Closed { code: Some(1000) });
        fed.pump();
        assert!(matches!(fed.session.link, Link::Closed(CloseReason::Requested)), "{:?}", fed.session.link);
        assert_eq!(fed.session.summary().reconnects, 0);
    }

    #[test]
    fn the_summary_counts() {
        let mut fed = Fed::new(&["btcusd"]);
        fed.connect();
        fed.fill("btcusd", 3);
        let ticker = |id: u64, bid: &str| {
            format!(
                r#"{{"u":{id},"E":2,"s":"btcusd","b":"{bid}","B":"1.0","a":"83401.50","A":"1.0","c":"","C":""}}"#
            )
        };
        // The ticker with the id 6 shows that there is none with the id 5. So the book with the id 5 is compared with
        // the ticker with the id 4, whose bid differs.
        fed.frame(&ticker(4, "83399.40"));
        fed.frame(&ticker(6, "83399.50"));
        // First the book becomes crossed. Then an update is missing, and a new snapshot follows.
        fed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":7,"b":[["83500","1"]],"a":[]}"#);
        fed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":10,"b":[],"a":[]}"#);
        assert_eq!(fed.session.last_gap.map(|gap| gap.symbol), Some(fed.session.markets[0].symbol));
        fed.fill("btcusd", 3);
        fed.frame("{\"id\":}");
        fed.frame("{\"e\":\"news\"}");
        let summary = fed.session.summary();
        let text = summary.to_string();
        assert_eq!(
            text.split_once(" malformed").unwrap().1,
            "=1 unrecognized=1 gaps=1 resyncs=1 reconnects=0 crossed=1 top_mismatches=1 tops_compared=1"
        );
        assert!(text.starts_with("summary: frames="), "{text}");
        let odd = Summary { malformed_elements: 2, ..summary };
        assert_eq!(odd.to_string(), format!("{text} malformed_elements=2"));
    }
}
