//! [`Market`]: generated books, and everything that is published about them.

mod archived;
pub(crate) mod client_orders;
mod feed_v1;
mod feed_v2;
pub(crate) mod recorded;
pub(crate) mod source;
pub(crate) mod subscribers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gemini_ws::{Decimal, Level, Stream, Symbol};

use crate::context::Context;
use crate::context::schedule::{Schedule, Task};
use crate::frame::public;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest};
use crate::market::source::{Source, TrueBook};
use crate::market::subscribers::{DepthState, PARTIAL_COUNTS, Subscribers};
use crate::model::contracts::Contracts;
use crate::model::engine::{Effects, Engine, PriceQuantity, Side};
use crate::model::fact::Top;
use crate::model::flow::Flow;
use crate::model::perpetual::{self, Perpetual};
use crate::model::publisher::{Publisher, next_publication};
use crate::rfq::Quotes;
use crate::value::id::SessionId;
use crate::value::instrument::{Instrument, is_perpetual, is_prediction};
use crate::value::random::{Random, hash};
use crate::value::tempo::Tempo;
use archived::ArchivedFeeds;

/// About the venue's ids of autumn 2026 (`ws-gemini-com.md` section 12.1).
const FIRST_UPDATE_ID: u64 = 1_764_559_652_998_238;
const FIRST_TRADE_ID: u64 = 2_840_141_030_659_933;

/// Books with more levels send their snapshot some time after the acknowledgement (section 12.4).
const SMALL_BOOK_LEVELS: usize = 400;
/// How long a large snapshot takes at most (quirk Q-B5).
const LARGE_SNAPSHOT_DELAY: Duration = Duration::from_millis(700);

/// All symbols, on one sequence of update ids.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    listings: Vec<Listing>,
    positions: BTreeMap<Symbol, usize>,
    update_id: u64,
    trade_id: u64,
    random: Random,
    /// Mean time between events of a symbol that is not thin; `None` if there are none.
    pause: Option<Duration>,
    contracts: Contracts,
    contract_subscribers: BTreeSet<SessionId>,
    /// Matches of clients' orders that have not been taken.
    executions: Vec<client_orders::Execution>,
    archived: ArchivedFeeds,
    quotes: Option<Quotes>,
    /// Working memory.
    effects: Effects,
}

/// One symbol.
#[derive(Clone, Debug)]
struct Listing {
    instrument: Instrument,
    engine: Engine,
    flow: Flow,
    subscribers: Subscribers,
    /// By [`Tempo`].
    publishers: [Publisher; 2],
    /// Spreads the symbols' regular frames over time, in ns.
    phase: u64,
    /// Update id and time of the last change to the book, and of the last to its best levels.
    last_change: (u64, i64),
    last_top_change: (u64, i64),
    top: Top,
    last_trade: Option<PriceQuantity>,
    perpetual: Option<Perpetual>,
}

impl Market {
    pub(crate) fn new(
        symbols: &[Symbol],
        seed: u64,
        events_per_second: u32,
        orders_per_side: u32,
        epoch: i64,
        schedule: &mut Schedule,
    ) -> Market {
        let mut random = Random::new(seed);
        let mut market = Market {
            listings: Vec::with_capacity(symbols.len()),
            positions: BTreeMap::new(),
            update_id: FIRST_UPDATE_ID + random.below(1_000_000),
            trade_id: FIRST_TRADE_ID + random.below(1_000_000),
            random,
            pause: Duration::from_secs(1).checked_div(events_per_second),
            contracts: Contracts::new(symbols, seed),
            contract_subscribers: BTreeSet::new(),
            executions: Vec::new(),
            archived: ArchivedFeeds::new(seed),
            quotes: Quotes::new(symbols, seed),
            effects: Effects::default(),
        };
        for (position, symbol) in symbols.iter().enumerate() {
            let instrument = Instrument::of(*symbol);
            let mut engine = Engine::default();
            let mut flow = Flow::new(&instrument, seed, orders_per_side, &mut engine);
            let change = (market.take_update_id(), epoch);
            if let Some(pause) = market.pause {
                let first = flow.pause(pause_of(&instrument, pause));
                schedule.add(gemini_ws::Instant::ZERO + first, Task::Market(position));
            }
            market.archived.add(&instrument, seed, market.pause.is_some(), epoch, schedule);
            let phase = hash(instrument.symbol.as_str());
            if is_perpetual(*symbol) {
                schedule.add(perpetual::next_mark(gemini_ws::Instant::ZERO, phase), Task::Mark(position));
            }
            market.listings.push(Listing {
                top: top(&engine),
                perpetual: is_perpetual(*symbol).then(|| Perpetual::new(&instrument, seed)),
                instrument,
                engine,
                flow,
                subscribers: Subscribers::default(),
                publishers: Default::default(),
                phase,
                last_change: change,
                last_top_change: change,
                last_trade: None,
            });
            market.positions.insert(*symbol, position);
        }
        if market.listings.iter().any(|listing| listing.perpetual.is_some()) {
            schedule.add(perpetual::next_funding(gemini_ws::Instant::ZERO, epoch), Task::Funding);
        }
        if let Some(first) = market.contracts.pause() {
            schedule.add(gemini_ws::Instant::ZERO + first, Task::Contract);
        }
        if let Some(quotes) = &mut market.quotes {
            quotes.schedule_next(gemini_ws::Instant::ZERO, schedule);
        }
        market
    }

    /// Ids jump widely: others use the same sequence (section 12.1).
    fn take_update_id(&mut self) -> u64 {
        let skipped = if self.random.chance(1, 4) { self.random.below(400) } else { self.random.below(3) };
        self.update_id += 1 + skipped;
        self.update_id
    }

    /// One event of a symbol's order flow.
    fn step(&mut self, cx: &mut Context<'_>, position: usize) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        if let (Some(listing), Some(pause)) = (self.listings.get_mut(position), self.pause) {
            if !cx.faults.is_halted() {
                listing.flow.step(&listing.instrument, &mut listing.engine, &mut effects);
            }
            let pause = listing.flow.pause(pause_of(&listing.instrument, pause));
            cx.schedule.add(cx.now + pause, Task::Market(position));
            if !effects.changes.is_empty() {
                self.publish_event(cx, position, &effects);
            }
        }
        self.effects = effects;
    }

    /// Gives an event its id, and sends what is sent at once: trades, then the best levels.
    fn publish_event(&mut self, cx: &mut Context<'_>, position: usize, effects: &Effects) {
        let change = (self.take_update_id(), cx.venue_time());
        let listing = &mut self.listings[position];
        listing.last_change = change;
        cx.sessions.stats.market_events += 1;
        for fill in &effects.fills {
            self.trade_id += 1 + self.random.below(10);
            let trade = (fill.price, fill.quantity);
            listing.last_trade = Some(trade);
            cx.sessions.stats.trades += 1;
            if fill.maker_owner.is_some() || effects.taker.is_some() {
                self.executions.push(client_orders::Execution {
                    position,
                    maker: fill.maker,
                    maker_owner: fill.maker_owner,
                    price: fill.price,
                    quantity: fill.quantity,
                    trade_id: self.trade_id,
                });
            }
            if !listing.subscribers.trade.is_empty() {
                let text =
                    public::trade(&listing.instrument, change.1, self.trade_id, trade, fill.maker_side);
                cx.sessions.send_all(&listing.subscribers.trade, &text);
            }
        }
        let former = listing.top;
        let top = top(&listing.engine);
        if top != listing.top {
            listing.top = top;
            listing.last_top_change = change;
            if !listing.subscribers.ticker.is_empty() {
                let text = listing.ticker();
                cx.sessions.send_all(&listing.subscribers.ticker, &text);
            }
        }
        for tempo in Tempo::BOTH {
            if listing.publishers[tempo as usize].record(&effects.changes) {
                let at = next_publication(cx.now, tempo, listing.phase);
                cx.schedule.add(at, Task::Publish(position, tempo));
            }
        }
        self.archived.publish(cx, position, &self.listings[position], effects, &former);
    }

    /// The prices of perpetuals that are published about their funding, each minute.
    fn fund(&mut self, cx: &mut Context<'_>) {
        cx.schedule.add(perpetual::next_funding(cx.now, cx.epoch), Task::Funding);
        let now = cx.venue_time();
        for (position, listing) in self.listings.iter_mut().enumerate() {
            let Some(perpetual) = &mut listing.perpetual else { continue };
            let funding = perpetual.funding(&listing.instrument, listing.flow.fair(), now);
            if !listing.subscribers.funding.is_empty() {
                let text = public::funding(&listing.instrument, &funding);
                cx.sessions.send_all(&listing.subscribers.funding, &text);
            }
            self.archived.fund(cx, position, listing, &funding);
        }
    }

    fn listing(&self, symbol: Symbol) -> Option<&Listing> {
        self.listings.get(*self.positions.get(&symbol)?)
    }
}

impl Listing {
    fn ticker(&self) -> String {
        let (update_id, time) = self.last_top_change;
        public::ticker(&self.instrument, update_id, time, &self.top, self.last_trade)
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, position: usize, session: SessionId, stream: &Stream) {
        match *stream {
            Stream::BookTicker { .. } => {
                let text = self.ticker();
                cx.sessions.send(session, &text);
            }
            Stream::PartialDepth { levels, cadence, .. } => {
                self.publishers[Tempo::from(cadence) as usize].activate(self.last_change);
                let text = self.partial_depth(true, levels.count());
                cx.sessions.send(session, &text);
            }
            Stream::Depth { cadence, .. } => {
                self.subscribe_depth(cx, position, session, Tempo::from(cadence));
            }
            _ => {}
        }
        self.subscribers.join(stream, session);
    }

    fn subscribe_depth(&mut self, cx: &mut Context<'_>, position: usize, session: SessionId, tempo: Tempo) {
        self.publishers[tempo as usize].activate(self.last_change);
        let levels = cx.sessions.get(session).map_or(0, |session| session.snapshot.levels());
        let mut state = DepthState::Live;
        if levels > 0 && self.engine.level_count() > SMALL_BOOK_LEVELS {
            let longest = u64::try_from(LARGE_SNAPSHOT_DELAY.as_nanos()).unwrap_or(u64::MAX);
            let at = cx.now + Duration::from_nanos(1 + cx.random.below(longest));
            cx.schedule.add(at, Task::Snapshot(session, position, tempo));
            state = DepthState::SnapshotAt(at);
        } else if levels > 0 {
            self.send_snapshot(cx, session, tempo);
        }
        self.subscribers.depth[tempo as usize].insert(session, state);
    }

    fn unsubscribe(&mut self, cx: &mut Context<'_>, position: usize, session: SessionId, stream: &Stream) {
        if let Stream::Depth { cadence, .. } = *stream {
            let tempo = Tempo::from(cadence);
            let state = self.subscribers.depth[tempo as usize].get(&session);
            if let Some(DepthState::SnapshotAt(at)) = state {
                cx.schedule.remove(*at, Task::Snapshot(session, position, tempo));
            }
        }
        self.subscribers.leave(stream, session);
        for tempo in Tempo::BOTH {
            if !self.subscribers.wants_book(tempo) {
                self.publishers[tempo as usize].deactivate();
            }
        }
    }

    /// The book as it was last published at this tempo, and at times a change that it contains.
    fn send_snapshot(&self, cx: &mut Context<'_>, session: SessionId, tempo: Tempo) {
        let publisher = &self.publishers[tempo as usize];
        let (update_id, time) = publisher.published;
        let levels = cx.sessions.get(session).map_or(0, |session| session.snapshot.levels());
        let mut sides = Side::BOTH.map(|side| publisher.published_levels(&self.engine, side));
        for side in &mut sides {
            side.truncate(levels);
        }
        let [bids, asks] = &sides;
        let text = public::depth(&self.instrument, time, [update_id; 2], [bids, asks]);
        cx.sessions.send(session, &text);
        if cx.random.chance(u64::from(cx.stale_percent), 100) {
            let first = update_id - 1 - cx.random.below(500);
            let side = usize::from(cx.random.chance(1, 2));
            let known = cx.random.below(sides[side].len().min(20) as u64) as usize;
            let mut content: [&[PriceQuantity]; 2] = [&[], &[]];
            content[side] = sides[side].get(known..=known).unwrap_or_default();
            let text = public::depth(&self.instrument, time, [first, update_id], content);
            cx.sessions.send(session, &text);
        }
    }

    /// Sends a snapshot that was put off.
    fn send_late_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, tempo: Tempo) {
        let subscribers = &mut self.subscribers.depth[tempo as usize];
        if let Some(state) = subscribers.get_mut(&session)
            && matches!(*state, DepthState::SnapshotAt(at) if at <= cx.now)
        {
            *state = DepthState::Live;
            self.send_snapshot(cx, session, tempo);
        }
    }

    /// Sends what has changed since the last time.
    fn publish(&mut self, cx: &mut Context<'_>, tempo: Tempo) {
        let publisher = &mut self.publishers[tempo as usize];
        publisher.is_armed = false;
        if !publisher.has_changes() {
            return;
        }
        let subscribers = &self.subscribers.depth[tempo as usize];
        if !subscribers.is_empty() {
            let [bids, asks] = publisher.changes(&self.engine);
            let (update_id, time) = self.last_change;
            let range = [publisher.published.0, update_id];
            let text = public::depth(&self.instrument, time, range, [&bids, &asks]);
            for _ in 0..cx.faults.depth_copies(self.instrument.symbol) {
                let live = subscribers.iter().filter(|(_, state)| **state == DepthState::Live);
                cx.sessions.send_all(live.map(|(session, _)| session), &text);
            }
        }
        publisher.mark_published(self.last_change);
        for (subscribers, count) in self.subscribers.partial[tempo as usize].iter().zip(PARTIAL_COUNTS) {
            if !subscribers.is_empty() {
                let text = self.partial_depth(true, count);
                cx.sessions.send_all(subscribers, &text);
            }
        }
    }

    fn partial_depth(&self, with_symbol: bool, count: usize) -> String {
        let sides = Side::BOTH.map(|side| self.engine.best_first(side).take(count));
        public::partial_depth(&self.instrument, with_symbol, self.last_change.0, sides)
    }

    /// Sends the mark price if it has changed, and returns it with the index price.
    fn mark(&mut self, cx: &mut Context<'_>) -> Option<(u64, u64)> {
        let time = cx.venue_time();
        let (mark, index) = self.perpetual.as_mut()?.mark(self.flow.fair())?;
        let text = public::mark_price(&self.instrument, time, mark, index);
        cx.sessions.send_all(&self.subscribers.mark, &text);
        Some((mark, index))
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let decimal = |units: u64, decimals| {
            i64::try_from(units).ok().and_then(|units| Decimal::new(units, decimals)).unwrap_or_default()
        };
        let Instrument { price_decimals, quantity_decimals, .. } = self.instrument;
        let levels = self.engine.best_first(side);
        let level = |(price, quantity)| Level {
            price: decimal(price, price_decimals),
            quantity: decimal(quantity, quantity_decimals),
        };
        levels.map(level).collect()
    }
}

impl Source for Market {
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_> {
        Box::new(self.listings.iter().map(|listing| listing.instrument.symbol))
    }

    fn has(&self, stream: &Stream) -> bool {
        let Some(symbol) = stream.symbol() else { return matches!(stream, Stream::ContractStatus) };
        self.positions.contains_key(&symbol)
            && match stream {
                Stream::MarkPrice { .. } | Stream::FundingAmount { .. } => is_perpetual(symbol),
                _ => true,
            }
    }

    fn is_small(&self, stream: &Stream) -> bool {
        let listing = stream.symbol().and_then(|symbol| self.listing(symbol));
        listing.is_none_or(|listing| listing.engine.level_count() <= SMALL_BOOK_LEVELS)
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        if matches!(stream, Stream::ContractStatus) {
            self.contract_subscribers.insert(session);
        }
        let position = stream.symbol().and_then(|symbol| self.positions.get(&symbol));
        if let Some(&position) = position {
            self.listings[position].subscribe(cx, position, session, stream);
        }
    }

    fn unsubscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        if matches!(stream, Stream::ContractStatus) {
            self.contract_subscribers.remove(&session);
        }
        let position = stream.symbol().and_then(|symbol| self.positions.get(&symbol));
        if let Some(&position) = position {
            self.listings[position].unsubscribe(cx, position, session, stream);
        }
    }

    fn repeat_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, symbol: Symbol) {
        let Some(listing) = self.listing(symbol) else { return };
        if listing.subscribers.depth.iter().any(|subscribers| subscribers.contains_key(&session)) {
            let sides = Side::BOTH.map(|side| listing.engine.best_first(side).collect::<Vec<_>>());
            let (update_id, time) = listing.last_change;
            let text = public::depth(&listing.instrument, time, [update_id; 2], [&sides[0], &sides[1]]);
            cx.sessions.send(session, &text);
        }
    }

    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String> {
        Some(self.listing(symbol)?.partial_depth(false, limit))
    }

    fn book(&self, symbol: Symbol) -> Option<TrueBook> {
        let listing = self.listing(symbol)?;
        let [bids, asks] = Side::BOTH.map(|side| listing.levels(side));
        Some(TrueBook { bids, asks, last_update_id: listing.last_change.0 })
    }

    fn open_market_data(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        endpoint: &Endpoint,
        request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        Market::open_market_data(self, cx, session, endpoint, request)
    }

    fn is_market_data(&self, session: SessionId) -> bool {
        self.archived.contains(session)
    }

    fn handle_market_data_request(&mut self, cx: &mut Context<'_>, session: SessionId, text: &str) {
        Market::handle_market_data_request(self, cx, session, text);
    }

    fn leave_market_data(&mut self, cx: &mut Context<'_>, session: SessionId) {
        self.archived.leave(cx, session);
    }

    fn quotes(&mut self) -> Option<&mut Quotes> {
        self.quotes.as_mut()
    }

    fn run(&mut self, cx: &mut Context<'_>, task: Task) {
        match task {
            Task::Market(position) => self.step(cx, position),
            Task::Publish(position, tempo) => self.listings[position].publish(cx, tempo),
            Task::Snapshot(session, position, tempo) => {
                self.listings[position].send_late_snapshot(cx, session, tempo);
            }
            Task::Mark(position) => {
                let listing = &mut self.listings[position];
                cx.schedule.add(perpetual::next_mark(cx.now, listing.phase), task);
                if let Some(mark) = listing.mark(cx) {
                    self.archived.mark(cx, position, listing, mark);
                }
            }
            Task::Auction(position) => self.archived.auction(cx, position, &self.listings[position]),
            Task::Heartbeat(session) => self.archived.heartbeat(cx, session),
            Task::Funding => self.fund(cx),
            Task::Contract => {
                if let Some(pause) = self.contracts.pause() {
                    cx.schedule.add(cx.now + pause, task);
                }
                if let Some(contract) = self.contracts.next(cx.venue_time()) {
                    let text = public::contract_status(&contract);
                    cx.sessions.send_all(&self.contract_subscribers, &text);
                }
            }
            Task::AccountReport(_)
            | Task::OrderEventsHeartbeat(_)
            | Task::Play
            | Task::Quote
            | Task::QuoteEnd
            | Task::Reply(_)
            | Task::Ping(_) => {}
        }
    }
}

/// Mean time between events: thin symbols have a tenth of the events.
fn pause_of(instrument: &Instrument, pause: Duration) -> Duration {
    if instrument.is_thin && !is_prediction(instrument.symbol) { pause.saturating_mul(10) } else { pause }
}

fn top(engine: &Engine) -> Top {
    Side::BOTH.map(|side| engine.best(side))
}
