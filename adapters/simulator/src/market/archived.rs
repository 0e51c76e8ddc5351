//! [`ArchivedFeeds`]: the sessions of the archived market data endpoints, and the data that these endpoints report.

use std::collections::BTreeMap;
use std::time::Duration;

use gemini_ws::{Instant, Symbol};

use super::listing::{Listing, Listings};
use crate::context::Context;
use crate::context::schedule::{Schedule, Task};
use crate::frame::market_data_v1::options::Options;
use crate::frame::market_data_v1::update::{Entry, Maker, Reason, Update};
use crate::frame::market_data_v2::request::{self, Feed};
use crate::frame::members::MemberOrder;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};
use crate::market::feed_v1::MarketDataV1;
use crate::market::feed_v2::{MarketDataV2, Present};
use crate::model::auctions::{Auction, AuctionStep};
use crate::model::candles::Candles;
use crate::model::engine::{Effects, PriceQuantity, Side};
use crate::model::fact::{Funding, Top};
use crate::model::tape::{Taker, Tape, TapeTrade};
use crate::session::SnapshotMode;
use crate::value::id::SessionId;
use crate::value::instrument::{Instrument, is_perpetual, is_prediction};
use crate::value::random::{Random, hash};
use crate::value::start::Start;

/// A number close to the venue's event ids of late 2023. The ids of an exchange that opens at [`EPOCH`](crate::EPOCH)
/// are larger.
const FIRST_EVENT_ID: u64 = 1_682_999_884_287_795;

const HEARTBEAT_PERIOD: Duration = Duration::from_secs(5);

/// The mean number of events between two block trades of a symbol that has auctions. Other symbols have no block
/// trades.
const EVENTS_PER_BLOCK_TRADE: u64 = 1_000;

#[derive(Clone, Debug)]
pub(super) struct ArchivedFeeds {
    random: Random,
    /// The last event id. All symbols use one sequence.
    event_id: u64,
    /// By the symbol's position in the market.
    records: Vec<Record>,
    v1: MarketDataV1,
    v2: MarketDataV2,
    heartbeats: BTreeMap<SessionId, Instant>,
}

#[derive(Clone, Debug, Default)]
struct Record {
    tape: Tape,
    candles: Candles,
    auction: Option<Auction>,
    /// The mark price and the index price.
    mark: Option<(u64, u64)>,
    funding: Option<Funding>,
}

impl ArchivedFeeds {
    pub(super) fn new(seed: u64, start: Start) -> ArchivedFeeds {
        let mut random = Random::for_name(seed, "marketdata");
        ArchivedFeeds {
            event_id: start.by_micros(FIRST_EVENT_ID) + random.below(1_000_000),
            random,
            records: Vec::new(),
            v1: MarketDataV1::default(),
            v2: MarketDataV2::default(),
            heartbeats: BTreeMap::new(),
        }
    }

    /// Adds the next symbol of the market. If `is_alive` is false, the market generates no events and no auctions.
    pub(super) fn add(
        &mut self,
        instrument: &Instrument,
        seed: u64,
        is_alive: bool,
        epoch: i64,
        schedule: &mut Schedule,
    ) {
        let mut auction = Auction::new(instrument, seed).filter(|_| is_alive);
        if let Some(auction) = &mut auction {
            let first = Instant::ZERO + auction.pause(epoch);
            schedule.add(first, Task::Auction(self.records.len()));
        }
        self.records.push(Record { auction, ..Record::default() });
    }

    pub(super) const fn last_event_id(&self) -> u64 {
        self.event_id
    }

    pub(super) fn raise_event_id(&mut self, event: u64) {
        self.event_id = self.event_id.max(event);
    }

    /// Takes the next event id. The ids have gaps, as on the venue.
    fn take_event_id(&mut self) -> u64 {
        self.event_id += 1 + self.random.below(12);
        self.event_id
    }

    /// Publishes the effects of an event of the market. `former` contains the best levels before the event.
    pub(super) fn publish(
        &mut self,
        cx: &mut Context<'_>,
        position: usize,
        listing: &Listing,
        effects: &Effects,
        former: &Top,
    ) {
        let time = cx.venue_time();
        let (mut updates, trades, changes) = self.updates(listing, effects, time);
        let present = listing.best_levels();
        if let Some(last) = updates.last_mut() {
            let sides = Side::BOTH.into_iter().zip(former.iter().zip(present));
            last.entries.extend(sides.filter_map(|(side, (former, present))| match (*former, present) {
                (former, present) if former == present => None,
                // The side is empty now. What the venue sends in this case has not been measured.
                (Some((price, _)), None) => Some(Entry::Best { side, level: (price, 0) }),
                (_, present) => present.map(|level| Entry::Best { side, level }),
            }));
        }
        let Some(record) = self.records.get_mut(position) else { return };
        for trade in &trades {
            record.tape.record(*trade);
            record.candles.record(time.div_euclid(1_000_000), trade.level);
        }
        let (sessions, instrument) = (&mut *cx.sessions, listing.instrument());
        self.v1.publish(sessions, position, instrument, &updates);
        self.v2.publish(sessions, position, instrument, &trades, &changes);
        if !trades.is_empty() {
            self.v2.publish_candles(sessions, position, instrument, &record.candles);
        }
        if record.auction.is_some() && self.random.chance(1, EVENTS_PER_BLOCK_TRADE) {
            self.publish_block_trade(cx, position, listing);
        }
    }

    /// Converts the effects of an event into updates, trades and changed levels. Each fill becomes a separate update,
    /// because a trade has the id of its update. The other changes of levels together become one further update.
    fn updates(
        &mut self,
        listing: &Listing,
        effects: &Effects,
        time: i64,
    ) -> (Vec<Update>, Vec<TapeTrade>, Vec<(Side, PriceQuantity)>) {
        // For each level, the quantity before the event, and the quantity that the updates have reported so far.
        let mut levels: BTreeMap<(Side, u64), (u64, u64)> = BTreeMap::new();
        for change in effects.changes() {
            levels.entry((change.side, change.price)).or_insert((change.before, change.before));
        }
        let (mut updates, mut trades) = (Vec::new(), Vec::new());
        for fill in effects.fills() {
            let (level, side) = ((fill.price, fill.quantity), fill.maker_side);
            let event_id = self.take_event_id();
            let mut entries = vec![Entry::Trade { level, maker: Maker::Side(side) }];
            if let Some((_, told)) = levels.get_mut(&(side, fill.price)) {
                let before = *told;
                *told = before.saturating_sub(fill.quantity);
                let (price, remaining, reason) = (fill.price, *told, Reason::Trade);
                entries.push(Entry::Change { side, price, before, remaining, reason });
            }
            updates.push(Update { event_id, time: Some(time), entries });
            trades.push(TapeTrade { event_id, time, level, taker: Taker::Side(side.opposite()) });
        }
        let (mut entries, mut changes) = (Vec::new(), Vec::new());
        for change in effects.changes() {
            let (side, price) = (change.side, change.price);
            let Some((before, told)) = levels.remove(&(side, price)) else { continue };
            let remaining = listing.engine().quantity(side, price);
            if remaining != before {
                changes.push((side, (price, remaining)));
            }
            if remaining != told {
                let reason = if remaining > told { Reason::Place } else { Reason::Cancel };
                entries.push(Entry::Change { side, price, before: told, remaining, reason });
            }
        }
        if !entries.is_empty() {
            updates.push(Update { event_id: self.take_event_id(), time: Some(time), entries });
        }
        (updates, trades, changes)
    }

    /// Publishes a trade that two parties made outside the book, halfway between the best prices. Does nothing if a
    /// side of the book is empty.
    fn publish_block_trade(&mut self, cx: &mut Context<'_>, position: usize, listing: &Listing) {
        let [Some((bid, _)), Some((ask, _))] = listing.best_levels() else { return };
        let instrument = listing.instrument();
        let middle = bid + (ask - bid) / 2;
        let price = middle - middle % instrument.tick;
        let quantity = instrument.quantity.saturating_mul(100 + self.random.below(100));
        let (event_id, time, level) = (self.take_event_id(), cx.venue_time(), (price, quantity));
        let trade = TapeTrade { event_id, time, level, taker: Taker::Block };
        if let Some(record) = self.records.get_mut(position) {
            record.tape.record(trade);
        }
        let update = Update { event_id, time: Some(time), entries: vec![Entry::BlockTrade { level }] };
        self.v1.publish(cx.sessions, position, instrument, &[update]);
        self.v2.publish(cx.sessions, position, instrument, &[trade], &[]);
    }

    pub(super) fn auction(&mut self, cx: &mut Context<'_>, position: usize, listing: &Listing) {
        let (time, instrument) = (cx.venue_time(), listing.instrument());
        let Some(auction) = self.records.get_mut(position).and_then(|record| record.auction.as_mut()) else {
            return;
        };
        if cx.faults.is_halted() {
            return cx.schedule.add(cx.now + Duration::from_secs(1), Task::Auction(position));
        }
        let (pause, step) = auction.step(instrument, &listing.best_levels(), time);
        cx.schedule.add(cx.now + pause, Task::Auction(position));
        let Some(step) = step else { return };
        let entries = match step {
            AuctionStep::Opens(plan) => vec![Entry::AuctionOpen(plan)],
            AuctionStep::Prices(price) => {
                self.v2.publish_auction(cx.sessions, position, instrument, &price);
                let trade = price.cleared.filter(|_| price.is_result);
                let trade = trade.map(|level| Entry::Trade { level, maker: Maker::Auction });
                trade.into_iter().chain([Entry::AuctionPrice(price)]).collect()
            }
        };
        let update = Update { event_id: self.take_event_id(), time: Some(time), entries };
        self.v1.publish(cx.sessions, position, instrument, &[update]);
    }

    pub(super) fn mark(
        &mut self,
        cx: &mut Context<'_>,
        position: usize,
        listing: &Listing,
        mark: (u64, u64),
    ) {
        if let Some(record) = self.records.get_mut(position) {
            record.mark = Some(mark);
        }
        let time = cx.venue_time();
        self.v2.publish_mark(cx.sessions, position, listing.instrument(), time, mark);
    }

    pub(super) fn fund(
        &mut self,
        cx: &mut Context<'_>,
        position: usize,
        listing: &Listing,
        funding: &Funding,
    ) {
        if let Some(record) = self.records.get_mut(position) {
            record.funding = Some(*funding);
        }
        let time = cx.venue_time();
        self.v2.publish_funding(cx.sessions, position, listing.instrument(), time, funding);
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.v1.contains(session) || self.v2.contains(session)
    }

    pub(super) fn leave(&mut self, cx: &mut Context<'_>, session: SessionId) {
        self.v1.leave(session);
        self.v2.leave(session);
        if let Some(at) = self.heartbeats.remove(&session) {
            cx.schedule.remove(at, Task::Heartbeat(session));
        }
    }

    fn plan_heartbeat(&mut self, cx: &mut Context<'_>, session: SessionId) {
        let at = cx.now + HEARTBEAT_PERIOD;
        self.heartbeats.insert(session, at);
        cx.schedule.add(at, Task::Heartbeat(session));
    }

    pub(super) fn heartbeat(&mut self, cx: &mut Context<'_>, session: SessionId) {
        self.plan_heartbeat(cx, session);
        let time = cx.venue_time();
        self.v1.heartbeat(cx.sessions, session);
        self.v2.heartbeat(cx.sessions, session, time);
    }

    pub(super) fn open(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        endpoint: &Endpoint,
        request: &UpgradeRequest<'_>,
        listings: &Listings,
    ) -> Result<(), UpgradeRefusal> {
        let (symbols, is_multi) = match endpoint {
            Endpoint::MarketDataV2 => {
                open_without_ping(cx, session);
                self.v2.open(session);
                self.plan_heartbeat(cx, session);
                return Ok(());
            }
            Endpoint::MarketDataV1(symbol) => (std::slice::from_ref(symbol), false),
            Endpoint::MultiMarketDataV1(symbols) => (symbols.as_slice(), true),
            _ => return Err(refusal(404, "EndpointNotFound")),
        };
        let mut positions = Vec::new();
        for symbol in symbols {
            let position = listings.position(*symbol).ok_or_else(|| refusal(404, "InvalidSymbol"))?;
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
        let options = Options::of_query(request.query(), is_multi)?;
        open_without_ping(cx, session);
        // On the venue, both orders of members occur. Here, sessions with even ids get members sorted by name, and
        // other sessions get them in the documented order.
        let is_even = session.0.is_multiple_of(2);
        let order = if is_even { MemberOrder::Alphabetical } else { MemberOrder::Documented };
        self.v1.open(session, options, is_multi, order);
        if options.wants_heartbeats() {
            self.plan_heartbeat(cx, session);
        }
        for position in positions {
            let listing = &listings[position];
            let book = (listing.instrument(), listing.engine());
            self.v1.watch(cx.sessions, session, position, book, self.event_id);
        }
        Ok(())
    }

    /// Handles a text from a session of archived market data. Only market data v2 takes requests.
    pub(super) fn handle_request(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        text: &str,
        listings: &Listings,
    ) {
        if !self.v2.contains(session) {
            cx.sessions.stats_mut().ignored += 1;
            return;
        }
        cx.sessions.stats_mut().requests += 1;
        let Some(request) = request::parse(text) else {
            return self.v2.refuse(cx.sessions, session, request::INVALID_JSON);
        };
        let known = request.subscriptions.iter().filter_map(|(feed, name)| listed(listings, *feed, name));
        let mut feeds: Vec<(usize, Feed)> = known.collect();
        if feeds.is_empty() {
            return self.v2.refuse(cx.sessions, session, request::NO_VALID_TRADING_PAIRS);
        }
        // The venue does not send the first frames in the order of the request. Here, a hash decides their order.
        feeds.sort_by_key(|(position, feed)| (hash(listings[*position].instrument().symbol.as_str()), *feed));
        feeds.dedup();
        for (position, feed) in feeds {
            if request.is_subscribe {
                self.subscribe_feed(cx, session, (position, feed), &listings[position]);
            } else {
                self.v2.unsubscribe(session, position, feed);
            }
        }
    }

    fn subscribe_feed(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        (position, feed): (usize, Feed),
        listing: &Listing,
    ) {
        let time = cx.venue_time();
        let Some(record) = self.records.get(position) else { return };
        let present = Present {
            instrument: listing.instrument(),
            engine: listing.engine(),
            tape: &record.tape,
            candles: &record.candles,
            time,
            mark: record.mark,
            funding: record.funding.or_else(|| listing.present_funding(time)),
        };
        let auctions = record.auction.iter().flat_map(Auction::recent);
        self.v2.subscribe(cx.sessions, session, (position, feed), &present, auctions);
    }
}

/// Returns the position of the symbol with this name and the feed. Returns `None` if the name has lower-case letters,
/// if there is no such symbol, or if the symbol does not have the feed. The name of a perpetual may contain hyphens,
/// as one of the venue's documents spells it.
fn listed(listings: &Listings, feed: Feed, name: &str) -> Option<(usize, Feed)> {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let symbol = name.parse::<Symbol>().ok()?;
    let symbol = if is_prediction(symbol) && name.ends_with("-PERP") {
        name.replace('-', "").parse().ok()?
    } else {
        symbol
    };
    let position = listings.position(symbol)?;
    (!feed.is_of_perpetuals() || is_perpetual(symbol)).then_some((position, feed))
}

/// Opens a session without RFC 6455 pings, since the endpoints of archived market data send none.
fn open_without_ping(cx: &mut Context<'_>, session: SessionId) {
    cx.sessions.open(session, SnapshotMode::Absent, cx.now);
}
