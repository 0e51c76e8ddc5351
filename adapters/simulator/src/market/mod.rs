//! [`Market`]: the generated books, and their publication on streams and archived feeds.

mod archived;
pub(crate) mod client_orders;
mod feed_v1;
mod feed_v2;
mod listing;
pub(crate) mod recorded;
pub(crate) mod source;
pub(crate) mod subscribers;

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::{Instant, Stream, Symbol, Timestamp};

use crate::context::Context;
use crate::context::schedule::{Schedule, Task};
use crate::frame::public;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest};
use crate::model::contracts::Contracts;
use crate::model::engine::{Effects, OrderId, Placement, PriceQuantity, Side};
use crate::model::perpetual;
use crate::rfq::Quotes;
use crate::state::SavedIds;
use crate::value::id::SessionId;
use crate::value::instrument::{Instrument, is_perpetual};
use crate::value::random::Random;
use crate::value::start::Start;
use archived::ArchivedFeeds;
use client_orders::{Execution, Ticket};
use listing::{Listing, Listings};
use source::{Source, TrueBook};

/// `FIRST_UPDATE_ID` is close to the venue's update ids of autumn 2026, and `FIRST_TRADE_ID` to its trade ids. The
/// ids of an exchange that opens at [`EPOCH`](crate::EPOCH) are larger.
const FIRST_UPDATE_ID: u64 = 1_764_559_652_998_238;
const FIRST_TRADE_ID: u64 = 2_840_141_030_659_933;

/// The largest id that can be restored. An `f64` holds all ids up to this one exactly, so programs that read JSON
/// numbers as `f64` lose no digits.
const ID_MAX: u64 = 1 << 53;

/// A generated market: all its symbols, which share one sequence of update ids.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    listings: Listings,
    update_id: u64,
    trade_id: u64,
    random: Random,
    /// The mean time between events of a symbol that is not thinly traded; `None` if the market generates no events.
    pause: Option<Duration>,
    contracts: Contracts,
    contract_subscribers: BTreeSet<SessionId>,
    executions: Vec<Execution>,
    archived: ArchivedFeeds,
    quotes: Option<Quotes>,
    /// The effects of the present event. All events use this memory one after the other, so that an event need not
    /// allocate it.
    effects: Effects,
}

impl Market {
    pub(crate) fn new(
        symbols: &[Symbol],
        seed: u64,
        events_per_second: u32,
        orders_per_side: u32,
        quotes: Option<Quotes>,
        epoch: Timestamp,
        schedule: &mut Schedule,
    ) -> Market {
        let mut random = Random::new(seed);
        let (start, epoch) = (Start::of(epoch), epoch.as_nanos());
        let mut market = Market {
            listings: Listings::default(),
            update_id: start.by_micros(FIRST_UPDATE_ID) + random.below(1_000_000),
            trade_id: start.by_micros(FIRST_TRADE_ID) + random.below(1_000_000),
            random,
            pause: Duration::from_secs(1).checked_div(events_per_second),
            contracts: Contracts::new(symbols, seed),
            contract_subscribers: BTreeSet::new(),
            executions: Vec::new(),
            archived: ArchivedFeeds::new(seed, start),
            quotes,
            effects: Effects::default(),
        };
        for (position, symbol) in symbols.iter().enumerate() {
            let change = (market.take_update_id(), epoch);
            let mut listing = Listing::new(*symbol, seed, orders_per_side, change);
            if let Some(pause) = market.pause {
                let first = Instant::ZERO + listing.pause(pause);
                schedule.add(first, Task::Market(position));
            }
            market.archived.add(listing.instrument(), seed, market.pause.is_some(), epoch, schedule);
            if listing.is_perpetual() {
                schedule.add(listing.next_mark(Instant::ZERO), Task::Mark(position));
            }
            market.listings.push(*symbol, listing);
        }
        if market.listings.iter().any(Listing::is_perpetual) {
            schedule.add(perpetual::next_funding(Instant::ZERO, epoch), Task::Funding);
        }
        if let Some(first) = market.contracts.pause() {
            schedule.add(Instant::ZERO + first, Task::Contract);
        }
        if let Some(quotes) = &mut market.quotes {
            quotes.schedule_next(Instant::ZERO, schedule);
        }
        market
    }

    /// Takes the next update id. The ids have wide gaps, as on the venue.
    fn take_update_id(&mut self) -> u64 {
        let skipped = if self.random.chance(1, 4) { self.random.below(400) } else { self.random.below(3) };
        self.update_id += 1 + skipped;
        self.update_id
    }

    fn step(&mut self, cx: &mut Context<'_>, position: usize) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        if let Some(pause) = self.pause {
            let listing = &mut self.listings[position];
            if !cx.faults.is_halted() {
                listing.step(&mut effects);
            }
            cx.schedule.add(cx.now + listing.pause(pause), Task::Market(position));
            if !effects.changes().is_empty() {
                self.publish_event(cx, position, &effects);
            }
        }
        self.effects = effects;
    }

    /// Assigns an id to an event of the market. Sends its trades and then the best levels at once, and keeps its
    /// changes for the depth streams.
    fn publish_event(&mut self, cx: &mut Context<'_>, position: usize, effects: &Effects) {
        let change = (self.take_update_id(), cx.venue_time());
        let listing = &mut self.listings[position];
        listing.note_change(change);
        cx.sessions.stats_mut().market_events += 1;
        for fill in effects.fills() {
            self.trade_id += 1 + self.random.below(10);
            cx.sessions.stats_mut().trades += 1;
            if fill.maker_owner.is_some() || effects.taker().is_some() {
                self.executions.push(Execution {
                    position,
                    maker: fill.maker,
                    maker_owner: fill.maker_owner,
                    price: fill.price,
                    quantity: fill.quantity,
                    trade_id: self.trade_id,
                });
            }
            listing.publish_trade(cx, self.trade_id, fill);
        }
        let former = *listing.published_top();
        listing.publish_top(cx);
        listing.keep_changes(cx, position, effects.changes());
        self.archived.publish(cx, position, &self.listings[position], effects, &former);
    }

    fn fund(&mut self, cx: &mut Context<'_>) {
        cx.schedule.add(perpetual::next_funding(cx.now, cx.epoch), Task::Funding);
        for (position, listing) in self.listings.iter_mut().enumerate() {
            if let Some(funding) = listing.fund(cx) {
                self.archived.fund(cx, position, listing, &funding);
            }
        }
    }

    pub(crate) fn position(&self, symbol: Symbol) -> Option<usize> {
        self.listings.position(symbol)
    }

    pub(crate) fn instrument(&self, position: usize) -> &Instrument {
        self.listings[position].instrument()
    }

    pub(crate) fn best(&self, position: usize, side: Side) -> Option<PriceQuantity> {
        self.listings[position].engine().best(side)
    }

    pub(crate) fn last_price(&self, position: usize) -> Option<u64> {
        self.listings[position].last_price()
    }

    pub(crate) fn matches(&self, ticket: &Ticket) -> Vec<PriceQuantity> {
        self.listings[ticket.position].matches(ticket)
    }

    pub(crate) fn submit(&mut self, cx: &mut Context<'_>, ticket: &Ticket) -> Placement {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        let placement = self.listings[ticket.position].place(ticket, &mut effects);
        if !effects.changes().is_empty() {
            self.publish_event(cx, ticket.position, &effects);
        }
        self.effects = effects;
        placement
    }

    pub(crate) fn withdraw(&mut self, cx: &mut Context<'_>, position: usize, order: OrderId) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        if self.listings[position].cancel(order, &mut effects) {
            self.publish_event(cx, position, &effects);
        }
        self.effects = effects;
    }

    pub(crate) fn make_way(&mut self, cx: &mut Context<'_>, ticket: &Ticket) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        self.listings[ticket.position].make_way(ticket, &mut effects);
        if !effects.changes().is_empty() {
            self.publish_event(cx, ticket.position, &effects);
        }
        self.effects = effects;
    }

    pub(crate) fn last_ids(&self) -> SavedIds {
        let [quote_request, quote] = self.quotes.as_ref().map(Quotes::last_numbers).unwrap_or_default();
        let (update, trade, event) = (self.update_id, self.trade_id, self.archived.last_event_id());
        SavedIds { order: 0, update, trade, event, quote_request, quote }
    }

    /// Sets each last id, except that of orders, to the id in `ids`, which is from an earlier run of the exchange. A
    /// last id that is already greater stays.
    ///
    /// # Errors
    ///
    /// The reason if an id is greater than [`ID_MAX`].
    pub(crate) fn raise_ids(&mut self, ids: SavedIds) -> Result<(), &'static str> {
        let SavedIds { order: _, update, trade, event, quote_request, quote } = ids;
        if [update, trade, event, quote_request, quote].iter().any(|id| *id > ID_MAX) {
            return Err("an id of the member ids is larger than 2^53");
        }
        self.update_id = self.update_id.max(update);
        self.trade_id = self.trade_id.max(trade);
        self.archived.raise_event_id(event);
        if let Some(quotes) = &mut self.quotes {
            quotes.raise_numbers([quote_request, quote]);
        }
        Ok(())
    }

    pub(crate) fn take_executions(&mut self) -> Vec<Execution> {
        std::mem::take(&mut self.executions)
    }
}

impl Source for Market {
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_> {
        Box::new(self.listings.iter().map(|listing| listing.instrument().symbol))
    }

    fn has(&self, stream: &Stream) -> bool {
        let Some(symbol) = stream.symbol() else { return matches!(stream, Stream::ContractStatus) };
        self.listings.position(symbol).is_some()
            && match stream {
                Stream::MarkPrice { .. } | Stream::FundingAmount { .. } => is_perpetual(symbol),
                _ => true,
            }
    }

    fn is_small(&self, stream: &Stream) -> bool {
        let listing = stream.symbol().and_then(|symbol| self.listings.find(symbol));
        listing.is_none_or(Listing::is_small)
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        if matches!(stream, Stream::ContractStatus) {
            self.contract_subscribers.insert(session);
        }
        if let Some(position) = stream.symbol().and_then(|symbol| self.listings.position(symbol)) {
            self.listings[position].subscribe(cx, position, session, stream);
        }
    }

    fn unsubscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream) {
        if matches!(stream, Stream::ContractStatus) {
            self.contract_subscribers.remove(&session);
        }
        if let Some(position) = stream.symbol().and_then(|symbol| self.listings.position(symbol)) {
            self.listings[position].unsubscribe(cx, position, session, stream);
        }
    }

    fn repeat_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, symbol: Symbol) {
        if let Some(listing) = self.listings.find(symbol) {
            listing.repeat_snapshot(cx, session);
        }
    }

    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String> {
        Some(self.listings.find(symbol)?.partial_depth(false, limit))
    }

    fn book(&self, symbol: Symbol) -> Option<TrueBook> {
        Some(self.listings.find(symbol)?.book())
    }

    fn open_market_data(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        endpoint: &Endpoint,
        request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        self.archived.open(cx, session, endpoint, request, &self.listings)
    }

    fn is_market_data(&self, session: SessionId) -> bool {
        self.archived.contains(session)
    }

    fn handle_market_data_request(&mut self, cx: &mut Context<'_>, session: SessionId, text: &str) {
        self.archived.handle_request(cx, session, text, &self.listings);
    }

    fn leave_market_data(&mut self, cx: &mut Context<'_>, session: SessionId) {
        self.archived.leave(cx, session);
    }

    fn quotes(&self) -> Option<&Quotes> {
        self.quotes.as_ref()
    }

    fn quotes_mut(&mut self) -> Option<&mut Quotes> {
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
                cx.schedule.add(listing.next_mark(cx.now), task);
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
            | Task::Fault(_)
            | Task::Play
            | Task::Quote
            | Task::QuoteEnd
            | Task::Reply(_)
            | Task::Ping(_) => {}
        }
    }
}
