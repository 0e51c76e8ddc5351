//! Market data v1: a book and its trades in numbered frames.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::archive::sequence::Sequence;
use crate::archive::{SENDS_ONLY, decode, lose_sequence, malformed, numbered};
use crate::config::Config;
use crate::event::last_trade::LastTrade;
use crate::event::replay::market;
use crate::event::{Event, IgnoredReason};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::session::{Reception, Session};
use crate::message::{ChangeReason, MarketEntry, MarketUpdate, Message};
use crate::value::endpoint::Endpoint;
use crate::value::sequence::GapRule;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::wire::Scratch;

#[derive(Clone, Debug)]
pub(crate) struct MarketDataV1 {
    /// The symbols that the address names; `None` if the address names no symbol, or if a text in it is not a symbol.
    symbols: Option<Vec<Symbol>>,
    /// The frame numbers of the present connection.
    sequence: Sequence,
    /// How many levels per side the first frame has; `None` if it has all levels.
    levels: Option<NonZeroU32>,
    /// Whether the venue sends bids, and whether it sends offers.
    sides: (bool, bool),
    /// Whether the address asks for all levels, and not only for the best ones.
    has_all_levels: bool,
    /// The symbols of the address whose books have begun on the present connection.
    begun: Vec<Symbol>,
    /// Whether a frame was lost on the present connection.
    is_broken: bool,
    /// The newest trade over all connections.
    last_trade: LastTrade,
}

impl MarketDataV1 {
    pub(crate) fn new(config: &Config) -> MarketDataV1 {
        let symbols = config.symbols();
        MarketDataV1 {
            symbols,
            levels: Some(NonZeroU32::MIN).filter(|_| config.parameter("top_of_book") == Some("true")),
            sides: sides(config),
            // Another value may mean either.
            has_all_levels: config.parameter("top_of_book").is_none_or(|value| value == "false"),
            begun: Vec::new(),
            sequence: Sequence::default(),
            is_broken: false,
            last_trade: LastTrade::NOTHING,
        }
    }

    /// Compares the entries with the address and with the books that have begun. Leaves out entries of an unknown kind,
    /// and entries that cannot be decoded, if they name no symbol.
    fn content(&self, update: &MarketUpdate<'_>) -> Content {
        let none = Content { is_any_foreign: false, is_foreign: false, begins: false, is_second: false };
        let Some(symbols) = &self.symbols else { return none };
        let none = Content { is_foreign: true, ..none };
        let is_asked = |name: &str| symbols.iter().any(|it| it.as_str().eq_ignore_ascii_case(name));
        let is_known = |it: &MarketEntry<'_>| {
            let is_read = !matches!(it, MarketEntry::Malformed { .. } | MarketEntry::Unrecognized(_));
            is_read || it.symbol().is_some()
        };
        update.entries.iter().filter(is_known).fold(none, |content, entry| {
            let is_foreign = entry.symbol().is_some_and(|name| !is_asked(name));
            let begins = self.has_all_levels && replaces_book(&entry);
            Content {
                is_any_foreign: content.is_any_foreign || is_foreign,
                is_foreign: content.is_foreign && is_foreign,
                begins: content.begins || begins,
                is_second: content.is_second || (begins && self.has_begun(entry.symbol().or(update.symbol))),
            }
        })
    }

    fn has_begun(&self, symbol: Option<&str>) -> bool {
        symbol.is_some_and(|name| self.begun.iter().any(|it| it.as_str().eq_ignore_ascii_case(name)))
    }

    /// Notes the symbols whose books begin in a frame. Marked as cold, because few frames begin a book.
    #[cold]
    fn note_begun(&mut self, update: &MarketUpdate<'_>) {
        for entry in update.entries.iter().filter(replaces_book) {
            let name = entry.symbol().or(update.symbol);
            if !self.has_begun(name)
                && let Some(symbol) = name.and_then(|name| name.parse().ok())
            {
                self.begun.push(symbol);
            }
        }
    }
}

/// Returns the symbols whose books an address of market data v1 asks for.
pub(crate) fn books(config: &Config) -> Vec<Symbol> {
    let is_v1 = config.endpoint() == Endpoint::MarketDataV1 && sides(config) != (false, false);
    config.symbols().filter(|_| is_v1).unwrap_or_default()
}

/// What a frame contains.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// Whether any entry is about a symbol that the address does not name.
    is_any_foreign: bool,
    /// Whether all entries are about such symbols.
    is_foreign: bool,
    /// Whether an entry begins a book with all levels.
    begins: bool,
    /// Whether an entry begins a book that has begun already.
    is_second: bool,
}

/// Returns whether an entry replaces levels that it does not name.
fn replaces_book(entry: &MarketEntry<'_>) -> bool {
    let MarketEntry::Change(change) = entry else { return false };
    matches!(change.reason, ChangeReason::Initial | ChangeReason::TopOfBook)
}

/// Returns whether the venue sends bids, and whether it sends offers. If the address names any kind of entry, the
/// venue sends only the kinds that the address sets to `true`.
fn sides(config: &Config) -> (bool, bool) {
    let is_named = |kind: &&str| config.parameter(kind).is_some();
    let has_all = !["bids", "offers", "trades", "auctions"].iter().any(is_named);
    let is_in = |kind: &str| has_all || config.parameter(kind) == Some("true");
    (is_in("bids"), is_in("offers"))
}

impl Session for MarketDataV1 {
    fn dialect(&self) -> &'static Dialect {
        &SENDS_ONLY
    }

    fn opened(&mut self) {
        (self.sequence, self.is_broken) = (Sequence::default(), false);
        self.begun.clear();
    }

    fn has_books(&self) -> bool {
        self.sequence != Sequence::default()
    }

    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let event = self.read(reception, text, scratch);
        self.is_broken |= reception.unusable().is_some();
        event
    }

    /// Does nothing, because market data v1 has no requests.
    fn expired(&mut self, _: &mut Feed, _: &mut Context<'_>, _: &StreamRequest, _: u64, _: bool) {}
}

impl MarketDataV1 {
    #[inline]
    fn read<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let message = match decode(reception, text, scratch) {
            Ok(message) => message,
            Err(error) => return malformed(reception, text, error, &mut self.sequence),
        };
        let Message::MarketUpdate(update) = &message else {
            return numbered(reception, text, &message, &mut self.sequence);
        };
        let Content { is_any_foreign, is_foreign, begins, is_second } = self.content(update);
        if is_any_foreign && !is_foreign {
            // The client does not use the frame, so the data about the symbols of the address is lost.
            reception.lose_sequence();
            return reception.ignored(text, IgnoredReason::NotSubscribed);
        }
        match self.sequence.count(update.socket_sequence) {
            Some(gap) => lose_sequence(reception, gap),
            None if is_any_foreign => reception.ignored(text, IgnoredReason::NotSubscribed),
            // The link is closing, and its books have missed a frame.
            None if self.is_broken => reception.ignored(text, IgnoredReason::BeforeSnapshot),
            // The frame replaces a book by levels that are not the whole book, as if earlier frames were lost.
            None if is_second => {
                reception.lose_sequence();
                reception.ignored(text, IgnoredReason::BeforeSnapshot)
            }
            None => {
                if begins {
                    self.note_begun(update);
                }
                let source = reception.source(text).checked_by(GapRule::Strict, self.levels);
                let source = source.of_all(update.socket_sequence == 0 && self.sides == (true, true));
                let source = source.without(match self.sides {
                    (true, false) => Some(Side::Sell),
                    (false, true) => Some(Side::Buy),
                    _ => None,
                });
                reception.data(market(&mut self.last_trade, *update, source))
            }
        }
    }
}
