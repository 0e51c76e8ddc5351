//! [`Session`]: what a run of `watch` knows. Fed with events, read by whoever shows it.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::rate::Rate;
use super::tops::{Top, Tops};
use crate::shown::Shown;
use gemini_ws::{Book, Books, CloseReason, Decimal, Event, Instant, Stats, Stream, Symbol, Taker, Trade};

/// Trades that are kept per symbol, for display.
const TRADES_MAX: usize = 64;

/// Streams per symbol, as [`streams`] names them.
const STREAMS_PER_SYMBOL: usize = 3;

/// What is subscribed for a symbol.
pub(crate) fn streams(symbol: Symbol) -> [Stream; STREAMS_PER_SYMBOL] {
    let cadence = gemini_ws::Cadence::Fast;
    [Stream::Depth { symbol, cadence }, Stream::BookTicker { symbol }, Stream::Trade { symbol }]
}

/// Where the link is.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// Dialling for the first time.
    Connecting,
    /// Open; subscriptions are on their way.
    Subscribing,
    /// Does what it should.
    Live,
    /// Not there; `why` says what happened, and `retry` when the next attempt begins.
    Waiting { why: Shown, retry: Instant },
    /// We close it.
    Closing,
    /// The end.
    Closed(CloseReason),
}

/// A trade, for display.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TradeRow {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    /// Whether the aggressor sold.
    pub(crate) sold: bool,
    pub(crate) received: Instant,
}

/// An update that was lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) symbol: Symbol,
    pub(crate) at: Instant,
}

/// What is known of one symbol, but for its book.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) symbol: Symbol,
    /// Newest last.
    pub(crate) trades: VecDeque<TradeRow>,
    pub(crate) trade_count: u64,
    /// Events of all its streams.
    pub(crate) updates: Rate,
    /// What the venue said when it refused the first of its streams.
    pub(crate) refused: Option<Shown>,
    streams_refused: usize,
    tops: Tops,
}

/// Everything that a run knows.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) venue: Shown,
    pub(crate) started: Instant,
    pub(crate) markets: Vec<Market>,
    pub(crate) link: Link,
    pub(crate) last_gap: Option<Gap>,
    pub(crate) frame_rate: Rate,
    pub(crate) event_rate: Rate,
    /// How many lines a recording had that has been played.
    pub(crate) replayed: Option<u64>,
    was_live: bool,
    positions: HashMap<Symbol, usize>,
    books: Books,
    stats: Stats,
    events: u64,
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Summary {
    /// Text frames that were received.
    pub(crate) frames: u64,
    /// Events that the application was given.
    pub(crate) events: u64,
    pub(crate) malformed: u64,
    pub(crate) unrecognized: u64,
    pub(crate) gaps: u64,
    /// Books that followed the venue again after a gap.
    pub(crate) resyncs: u64,
    pub(crate) reconnects: u64,
    /// How often a book became crossed.
    pub(crate) crossed: u64,
    /// How often a book's best levels were not those that the ticker told.
    pub(crate) top_mismatches: u64,
    /// How often the two were compared.
    pub(crate) tops_compared: u64,
}

impl Session {
    pub(crate) fn new(venue: Shown, symbols: &[Symbol], started: Instant) -> Session {
        Session {
            venue,
            started,
            markets: symbols.iter().map(|symbol| Market::new(*symbol)).collect(),
            link: Link::Connecting,
            last_gap: None,
            frame_rate: Rate::default(),
            event_rate: Rate::default(),
            replayed: None,
            was_live: false,
            positions: symbols.iter().enumerate().map(|(position, symbol)| (*symbol, position)).collect(),
            // They are shown, and marked.
            books: Books::new().trust_crossed(),
            stats: Stats::default(),
            events: 0,
        }
    }

    /// Takes an event, and what the connection has counted when it came.
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
                    market
                        .refused
                        .get_or_insert_with(|| Shown::of(format_args!("{} ({})", error.message, error.code)));
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

    /// The user wants an end.
    pub(crate) fn close(&mut self) {
        if !matches!(self.link, Link::Closed(_)) {
            self.link = Link::Closing;
        }
    }

    /// The book of a symbol; `None` before its first snapshot.
    pub(crate) fn book(&self, symbol: Symbol) -> Option<Book<'_>> {
        self.books.get(symbol.as_str())
    }

    /// Whether the venue refused all that was asked for.
    pub(crate) fn is_all_refused(&self) -> bool {
        self.markets.iter().all(Market::is_refused)
    }

    /// Whether the link was live, if only once.
    pub(crate) const fn was_live(&self) -> bool {
        self.was_live
    }

    /// How many attempts to connect have failed.
    pub(crate) const fn connect_failures(&self) -> u64 {
        self.stats.connect_failures
    }

    pub(crate) fn summary(&self) -> Summary {
        let tops = |of: fn(&Tops) -> u64| self.markets.iter().map(|market| of(&market.tops)).sum();
        Summary {
            frames: self.stats.frames,
            events: self.events,
            malformed: self.stats.malformed,
            unrecognized: self.stats.unrecognized,
            gaps: self.stats.gaps,
            resyncs: self.stats.resyncs,
            reconnects: self.stats.reconnects(),
            crossed: self.books.crossed(),
            top_mismatches: tops(Tops::mismatches),
            tops_compared: tops(Tops::compared),
        }
    }

    fn market_mut(&mut self, symbol: Symbol) -> Option<&mut Market> {
        self.markets.get_mut(*self.positions.get(&symbol)?)
    }

    /// Counts data of a symbol.
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
        // Without a retry this is the end that was asked for, or `Closed` says why.
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
            tops: Tops::new(),
        }
    }

    /// Whether the venue refused all of its streams.
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
        write!(f, "crossed={crossed} top_mismatches={top_mismatches} tops_compared={tops_compared}")
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
        // The book of id 5 has 83399.50; the ticker tells otherwise, and a later one proves it.
        fed.frame(&ticker(4, "83399.40"));
        fed.frame(&ticker(6, "83399.50"));
        // A crossed book; then an update is missing, and the snapshot comes anew.
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
    }
}
