//! [`Listing`]: one symbol of the market, with its book and its subscribers.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::time::Duration;

use gemini_ws::{Decimal, Instant, Level, Stream, Symbol};

use super::client_orders::Ticket;
use super::source::TrueBook;
use super::subscribers::{DepthState, Subscribers};
use crate::context::Context;
use crate::context::schedule::Task;
use crate::frame::public;
use crate::model::engine::{Change, Effects, Engine, Fill, OrderId, Placement, PriceQuantity, Side};
use crate::model::fact::{Funding, Top};
use crate::model::flow::Flow;
use crate::model::perpetual::{self, Perpetual};
use crate::model::publisher::{Publisher, next_publication};
use crate::value::id::SessionId;
use crate::value::instrument::{Instrument, is_perpetual, is_prediction};
use crate::value::random::hash;
use crate::value::tempo::Tempo;

/// The maximum number of levels of a small book, on both sides together. The exchange sends the snapshot of a larger
/// book some time after the acknowledgement of the subscription.
const SMALL_BOOK_LEVELS: usize = 400;
const LARGE_SNAPSHOT_DELAY: Duration = Duration::from_millis(700);

#[derive(Clone, Debug)]
pub(super) struct Listing {
    instrument: Instrument,
    engine: Engine,
    flow: Flow,
    subscribers: Subscribers,
    publishers: [Publisher; 2],
    /// An offset in ns that spreads the periodic frames of the symbols over time.
    phase: u64,
    /// The update id and the time of the last change to the book.
    last_change: (u64, i64),
    /// The update id and the time of the last change to the best levels.
    last_top_change: (u64, i64),
    top: Top,
    last_trade: Option<PriceQuantity>,
    perpetual: Option<Perpetual>,
}

impl Listing {
    /// Creates a listing, and places the first generated orders in its book. `change` is the update id and the time
    /// of the book.
    pub(super) fn new(symbol: Symbol, seed: u64, orders_per_side: u32, change: (u64, i64)) -> Listing {
        let instrument = Instrument::of(symbol);
        let mut engine = Engine::default();
        let flow = Flow::new(&instrument, seed, orders_per_side, &mut engine);
        Listing {
            phase: hash(instrument.symbol.as_str()),
            top: top(&engine),
            perpetual: is_perpetual(symbol).then(|| Perpetual::new(&instrument, seed)),
            instrument,
            engine,
            flow,
            subscribers: Subscribers::default(),
            publishers: Default::default(),
            last_change: change,
            last_top_change: change,
            last_trade: None,
        }
    }

    pub(super) const fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn best_levels(&self) -> Top {
        top(&self.engine)
    }

    pub(super) const fn published_top(&self) -> &Top {
        &self.top
    }

    pub(super) fn last_price(&self) -> Option<u64> {
        self.last_trade.map(|(price, _)| price)
    }

    pub(super) const fn is_perpetual(&self) -> bool {
        self.perpetual.is_some()
    }

    pub(super) fn is_small(&self) -> bool {
        self.engine.level_count() <= SMALL_BOOK_LEVELS
    }

    pub(super) fn next_mark(&self, now: Instant) -> Instant {
        perpetual::next_mark(now, self.phase)
    }

    /// Returns the time until the next event of the order flow. `mean` is the mean time for symbols that are not
    /// thinly traded.
    pub(super) fn pause(&mut self, mean: Duration) -> Duration {
        self.flow.pause(pause_of(&self.instrument, mean))
    }

    pub(super) fn step(&mut self, effects: &mut Effects) {
        self.flow.step(&self.instrument, &mut self.engine, effects);
    }

    pub(super) fn matches(&self, ticket: &Ticket) -> Vec<PriceQuantity> {
        self.engine.matches(ticket.owner, ticket.side, ticket.limit, ticket.quantity)
    }

    pub(super) fn place(&mut self, ticket: &Ticket, effects: &mut Effects) -> Placement {
        let Ticket { owner, side, limit, quantity, remainder, .. } = *ticket;
        self.engine.place_for(owner, side, limit, quantity, remainder, effects)
    }

    pub(super) fn make_way(&mut self, ticket: &Ticket, effects: &mut Effects) {
        self.engine.clear_reached(ticket.side, ticket.limit, effects);
    }

    pub(super) fn cancel(&mut self, order: OrderId, effects: &mut Effects) -> bool {
        self.engine.cancel(order, effects)
    }

    pub(super) const fn note_change(&mut self, change: (u64, i64)) {
        self.last_change = change;
    }

    pub(super) fn publish_trade(&mut self, cx: &mut Context<'_>, trade_id: u64, fill: &Fill) {
        let trade = (fill.price, fill.quantity);
        self.last_trade = Some(trade);
        if !self.subscribers.trade().is_empty() {
            let time = self.last_change.1;
            let text = public::trade(&self.instrument, time, trade_id, trade, fill.maker_side);
            cx.sessions.send_all(self.subscribers.trade(), &text);
        }
    }

    pub(super) fn publish_top(&mut self, cx: &mut Context<'_>) {
        let top = self.best_levels();
        if top != self.top {
            self.top = top;
            self.last_top_change = self.last_change;
            if !self.subscribers.ticker().is_empty() {
                let text = self.ticker();
                cx.sessions.send_all(self.subscribers.ticker(), &text);
            }
        }
    }

    pub(super) fn keep_changes(&mut self, cx: &mut Context<'_>, position: usize, changes: &[Change]) {
        for tempo in Tempo::BOTH {
            if self.publishers[tempo as usize].record(changes) {
                let at = next_publication(cx.now, tempo, self.phase);
                cx.schedule.add(at, Task::Publish(position, tempo));
            }
        }
    }

    /// Changes the funding rate of a perpetual, sends the funding and returns it; `None` for other symbols.
    pub(super) fn fund(&mut self, cx: &mut Context<'_>) -> Option<Funding> {
        let perpetual = self.perpetual.as_mut()?;
        let funding = perpetual.funding(&self.instrument, self.flow.fair(), cx.venue_time());
        if !self.subscribers.funding().is_empty() {
            let text = public::funding(&self.instrument, &funding);
            cx.sessions.send_all(self.subscribers.funding(), &text);
        }
        Some(funding)
    }

    pub(super) fn present_funding(&self, time: i64) -> Option<Funding> {
        Some(self.perpetual.as_ref()?.present_funding(&self.instrument, self.flow.fair(), time))
    }

    pub(super) fn repeat_snapshot(&self, cx: &mut Context<'_>, session: SessionId) {
        if self.subscribers.follows_depth(session) {
            let sides = Side::BOTH.map(|side| self.engine.best_first(side).collect::<Vec<_>>());
            let (update_id, time) = self.last_change;
            let text = public::depth(&self.instrument, time, [update_id; 2], [&sides[0], &sides[1]]);
            cx.sessions.send(session, &text);
        }
    }

    pub(super) fn book(&self) -> TrueBook {
        let [bids, asks] = Side::BOTH.map(|side| self.levels(side));
        TrueBook { bids, asks, last_update_id: self.last_change.0 }
    }

    fn ticker(&self) -> String {
        let (update_id, time) = self.last_top_change;
        public::ticker(&self.instrument, update_id, time, &self.top, self.last_trade)
    }

    pub(super) fn subscribe(
        &mut self,
        cx: &mut Context<'_>,
        position: usize,
        session: SessionId,
        stream: &Stream,
    ) {
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
        let levels = cx.sessions.get(session).map_or(0, |session| session.snapshot().levels());
        let mut state = DepthState::Live;
        let mut late = cx.faults.snapshot_delay(self.instrument.symbol);
        if levels > 0 && self.engine.level_count() > SMALL_BOOK_LEVELS {
            let longest = u64::try_from(LARGE_SNAPSHOT_DELAY.as_nanos()).unwrap_or(u64::MAX);
            late = late.or_else(|| Some(Duration::from_nanos(1 + cx.random.below(longest))));
        }
        if let Some(late) = late.filter(|_| levels > 0) {
            let at = cx.now + late;
            cx.schedule.add(at, Task::Snapshot(session, position, tempo));
            state = DepthState::SnapshotAt(at);
        } else if levels > 0 {
            self.send_snapshot(cx, session, tempo);
        }
        self.subscribers.join_depth(tempo, session, state);
    }

    pub(super) fn unsubscribe(
        &mut self,
        cx: &mut Context<'_>,
        position: usize,
        session: SessionId,
        stream: &Stream,
    ) {
        if let Stream::Depth { cadence, .. } = *stream {
            let tempo = Tempo::from(cadence);
            if let Some(DepthState::SnapshotAt(at)) = self.subscribers.depth_state(tempo, session) {
                cx.schedule.remove(at, Task::Snapshot(session, position, tempo));
            }
        }
        self.subscribers.leave(stream, session);
        for tempo in Tempo::BOTH {
            if !self.subscribers.wants_book(tempo) {
                self.publishers[tempo as usize].deactivate();
            }
        }
    }

    /// Sends the book as it was last published at this tempo, and sometimes a change that this book already contains.
    fn send_snapshot(&self, cx: &mut Context<'_>, session: SessionId, tempo: Tempo) {
        let publisher = &self.publishers[tempo as usize];
        let (update_id, time) = publisher.published();
        let levels = cx.sessions.get(session).map_or(0, |session| session.snapshot().levels());
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

    pub(super) fn send_late_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, tempo: Tempo) {
        let state = self.subscribers.depth_state(tempo, session);
        if matches!(state, Some(DepthState::SnapshotAt(at)) if at <= cx.now) {
            self.subscribers.join_depth(tempo, session, DepthState::Live);
            self.send_snapshot(cx, session, tempo);
        }
    }

    pub(super) fn publish(&mut self, cx: &mut Context<'_>, tempo: Tempo) {
        let publisher = &mut self.publishers[tempo as usize];
        publisher.disarm();
        if !publisher.has_changes() {
            return;
        }
        if self.subscribers.has_depth(tempo) {
            let [bids, asks] = publisher.changes(&self.engine);
            let (update_id, time) = self.last_change;
            let range = [publisher.published().0, update_id];
            let text = public::depth(&self.instrument, time, range, [&bids, &asks]);
            // The faults count only updates that at least one session gets.
            let is_sent = self.subscribers.live_depth(tempo).any(|session| cx.sessions.is_heard(*session));
            let copies = if is_sent { cx.faults.depth_copies(self.instrument.symbol) } else { 1 };
            for _ in 0..copies {
                cx.sessions.send_all(self.subscribers.live_depth(tempo), &text);
            }
        }
        publisher.mark_published(self.last_change);
        for (subscribers, count) in self.subscribers.partial(tempo) {
            if !subscribers.is_empty() {
                let text = self.partial_depth(true, count);
                cx.sessions.send_all(subscribers, &text);
            }
        }
    }

    pub(super) fn partial_depth(&self, with_symbol: bool, count: usize) -> String {
        let sides = Side::BOTH.map(|side| self.engine.best_first(side).take(count));
        public::partial_depth(&self.instrument, with_symbol, self.last_change.0, sides)
    }

    pub(super) fn mark(&mut self, cx: &mut Context<'_>) -> Option<(u64, u64)> {
        let time = cx.venue_time();
        let (mark, index) = self.perpetual.as_mut()?.mark(self.flow.fair())?;
        let text = public::mark_price(&self.instrument, time, mark, index);
        cx.sessions.send_all(self.subscribers.mark(), &text);
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

fn pause_of(instrument: &Instrument, pause: Duration) -> Duration {
    if instrument.is_thin && !is_prediction(instrument.symbol) { pause.saturating_mul(10) } else { pause }
}

fn top(engine: &Engine) -> Top {
    Side::BOTH.map(|side| engine.best(side))
}

#[derive(Clone, Debug, Default)]
pub(super) struct Listings {
    all: Vec<Listing>,
    positions: BTreeMap<Symbol, usize>,
}

impl Listings {
    pub(super) fn push(&mut self, symbol: Symbol, listing: Listing) {
        self.positions.insert(symbol, self.all.len());
        self.all.push(listing);
    }

    pub(super) fn position(&self, symbol: Symbol) -> Option<usize> {
        self.positions.get(&symbol).copied()
    }

    pub(super) fn find(&self, symbol: Symbol) -> Option<&Listing> {
        Some(&self.all[self.position(symbol)?])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Listing> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Listing> {
        self.all.iter_mut()
    }
}

impl Index<usize> for Listings {
    type Output = Listing;

    fn index(&self, position: usize) -> &Listing {
        &self.all[position]
    }
}

impl IndexMut<usize> for Listings {
    fn index_mut(&mut self, position: usize) -> &mut Listing {
        &mut self.all[position]
    }
}
