//! Market data v1: a book and its trades in numbered frames.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::archive::sequence::Sequence;
use crate::archive::{SENDS_ONLY, decode, lose_sequence, malformed, numbered};
use crate::config::Config;
use crate::event::batch::has_no_level;
use crate::event::first_changes::FirstChanges;
use crate::event::last_trade::LastTrade;
use crate::event::replay::market;
use crate::event::{Event, IgnoredReason};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::session::{Reception, Session};
use crate::message::{MarketEntry, MarketUpdate, Message};
use crate::value::endpoint::Endpoint;
use crate::value::sequence::GapRule;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;
use crate::wire::Scratch;

#[derive(Clone, Debug)]
pub(crate) struct MarketDataV1 {
    /// The symbols whose data the client uses (`Config::symbols`); `None` if the client uses the data of every
    /// symbol.
    symbols: Option<SymbolMap<()>>,
    sequence: Sequence,
    /// How many levels per side the first frame has; `None` if it has all levels.
    levels: Option<NonZeroU32>,
    has_levels: bool,
    /// The side of each book that the frames leave out; `None` if they contain both sides, or no levels.
    lacks: Option<Side>,
    /// Whether a frame was lost on the present connection.
    is_broken: bool,
    /// The symbols for which the present connection has sent levels. Becomes `None` when it has sent levels for all
    /// `symbols`. If the venue sends no levels, or the link is for one symbol or for unknown symbols, becomes `None`
    /// after the first update.
    first_changes: Option<FirstChanges>,
    /// The newest trade over all connections.
    last_trade: LastTrade,
}

impl MarketDataV1 {
    pub(crate) fn new(config: &Config) -> MarketDataV1 {
        let (symbols, [has_bids, has_offers]) = (config.symbols().map(map_of), sides(config));
        MarketDataV1 {
            symbols,
            // Whether the venue takes other values for `true` is unknown.
            levels: Some(NonZeroU32::MIN)
                .filter(|_| config.parameter("top_of_book").is_some_and(|value| value != "false")),
            has_levels: has_bids || has_offers,
            lacks: match (has_bids, has_offers) {
                (true, false) => Some(Side::Sell),
                (false, true) => Some(Side::Buy),
                _ => None,
            },
            sequence: Sequence::default(),
            is_broken: false,
            first_changes: None,
            last_trade: LastTrade::NOTHING,
        }
    }

    /// Compares the symbols of the entries with `symbols`. Leaves out an entry that cannot be decoded or is of an
    /// unknown kind, unless it names a symbol. Returns three answers, all `false` if `symbols` is `None`:
    ///
    /// - whether any entry is about a symbol that is not among `symbols`,
    /// - whether all entries are about such symbols,
    /// - whether the book of a change is unknown, because neither the change nor the link names the symbol.
    fn foreign(&self, update: &MarketUpdate<'_>) -> (bool, bool, bool) {
        let Some(symbols) = &self.symbols else { return (false, false, false) };
        let is_known = |it: &MarketEntry<'_>| {
            let is_read = !matches!(it, MarketEntry::Malformed { .. } | MarketEntry::Unrecognized(_));
            is_read || it.symbol().is_some()
        };
        // Most entries have the symbol of the previous entry, so this symbol is not searched for again.
        let mut asked = None;
        let mut is_unnamed = false;
        let (any, all) = update.entries.iter().filter(is_known).fold((false, true), |(any, all), entry| {
            let is_foreign = match entry.symbol() {
                name @ Some(text) if name != asked => match symbols.get(text) {
                    Some(()) => {
                        asked = name;
                        false
                    }
                    None => true,
                },
                None => {
                    is_unnamed |= update.symbol.is_none() && matches!(entry, MarketEntry::Change(_));
                    false
                }
                _ => false,
            };
            (any || is_foreign, all && is_foreign)
        });
        (any, all, is_unnamed)
    }
}

fn map_of(symbols: Vec<Symbol>) -> SymbolMap<()> {
    let mut map = SymbolMap::new();
    for symbol in symbols {
        map.get_or_insert(symbol, || ());
    }
    map
}

/// Returns whether the venue sends bids, and whether it sends offers. If the address has a parameter for any kind of
/// entry, the venue sends only the kinds that the address sets to `true`.
fn sides(config: &Config) -> [bool; 2] {
    let is_named = |kind: &&str| config.parameter(kind).is_some();
    // There is no parameter `auctions` for several symbols.
    let is_filtered = ["bids", "offers", "trades"].iter().any(is_named)
        || (config.symbol.is_some() && is_named(&"auctions"));
    let sends_all = !is_filtered;
    ["bids", "offers"].map(|kind| sends_all || config.parameter(kind).as_deref() == Some("true"))
}

/// Returns the symbols whose books come over a link to the address of `config`; `None` if no books come, or if their
/// symbols are unknown.
pub(crate) fn named_books(config: &Config) -> Option<Vec<Symbol>> {
    let has_levels = config.endpoint() == Endpoint::MarketDataV1 && sides(config) != [false; 2];
    config.symbols().filter(|_| has_levels)
}

impl Session for MarketDataV1 {
    fn dialect(&self) -> &'static Dialect {
        &SENDS_ONLY
    }

    fn opened(&mut self) {
        (self.sequence, self.is_broken) = (Sequence::default(), false);
        self.first_changes = Some(FirstChanges::new());
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
        let (is_any_foreign, is_foreign, is_unnamed) = self.foreign(update);
        if is_unnamed {
            let error = DecodeError::of_member(DecodeErrorKind::Missing, text.len(), "symbol");
            return malformed(reception, text, error, &mut self.sequence);
        }
        if is_any_foreign && !is_foreign {
            // The client ignores the whole frame, and so loses the data of the frame about the symbols of the link.
            reception.lose_sequence();
            return reception.ignored(text, IgnoredReason::NotSubscribed);
        }
        match self.sequence.count(update.socket_sequence) {
            Some(gap) => lose_sequence(reception, gap),
            None if is_any_foreign => reception.ignored(text, IgnoredReason::NotSubscribed),
            // A frame was lost while the link was closing, so the books of the link are incomplete.
            None if self.is_broken => reception.ignored(text, IgnoredReason::BeforeSnapshot),
            None => {
                let source =
                    reception.source(text).checked_by(GapRule::Strict, self.levels).without(self.lacks);
                let (is_first, is_whole) = match &mut self.first_changes {
                    Some(_) => self.begin_books(update),
                    None => (false, false),
                };
                reception.data(market(is_first, &mut self.last_trade, *update, source.of_all(is_whole)))
            }
        }
    }

    /// Returns whether an update is the first one of the connection, and whether its changes are whole books although
    /// the venue does not mark them as `initial`. They are whole books in two cases:
    ///
    /// - The first update has no level, so the book is empty.
    /// - In a later update, all changes are the first levels of their symbols, so the books were empty before.
    #[cold]
    fn begin_books(&mut self, update: &MarketUpdate<'_>) -> (bool, bool) {
        let Some(changes) = &mut self.first_changes else { return (false, false) };
        let is_first = changes.take_first();
        // A symbol in the path has a book from the first update on.
        let named = self.symbols.as_ref().filter(|_| self.has_levels && update.symbol.is_none());
        let are_first = named.is_some() && changes.note(update);
        if named.is_none_or(|symbols| changes.len() >= symbols.len()) {
            self.first_changes = None;
        }
        // A connection begins with whole books. If its first update nevertheless contains changes, the levels to
        // which they apply are unknown.
        (is_first, if is_first { self.has_levels && has_no_level(update) } else { are_first })
    }
}
