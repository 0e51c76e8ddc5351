//! [`MarketDataV2`]: the sessions of `/v2/marketdata`.

use std::collections::{BTreeMap, BTreeSet};

use crate::frame::market_data_v2::request::Feed;
use crate::frame::market_data_v2::update;
use crate::model::auctions::AuctionPrice;
use crate::model::candles::{Candle, Candles, INTERVALS};
use crate::model::engine::{Engine, PriceQuantity, Side};
use crate::model::fact::Funding;
use crate::model::tape::{Tape, TapeTrade};
use crate::session::Sessions;
use crate::value::id::SessionId;
use crate::value::instrument::Instrument;
use crate::value::random::hash;

/// The state of a symbol, from which the first frame of a subscription is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present<'p> {
    pub(crate) instrument: &'p Instrument,
    pub(crate) engine: &'p Engine,
    pub(crate) tape: &'p Tape,
    pub(crate) candles: &'p Candles,
    /// In ns since 1970.
    pub(crate) time: i64,
    /// The mark price and the index price.
    pub(crate) mark: Option<(u64, u64)>,
    pub(crate) funding: Option<Funding>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MarketDataV2 {
    sessions: BTreeSet<SessionId>,
    /// The sessions that are subscribed to a feed of a symbol. The key is the position of the symbol in the market,
    /// and the feed.
    subscribers: BTreeMap<(usize, Feed), BTreeSet<SessionId>>,
}

impl MarketDataV2 {
    pub(crate) fn open(&mut self, session: SessionId) {
        self.sessions.insert(session);
    }

    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains(&session)
    }

    pub(crate) fn leave(&mut self, session: SessionId) {
        if self.sessions.remove(&session) {
            self.subscribers.retain(|_, subscribers| {
                subscribers.remove(&session);
                !subscribers.is_empty()
            });
        }
    }

    /// Subscribes a session and sends the first frame, which is the only acknowledgement. While a perpetual has no
    /// mark price, the feed `mark_price` has no first frame. If the session is already subscribed, sends the first
    /// frame again; it is unknown what the venue does.
    pub(crate) fn subscribe<'p>(
        &mut self,
        sessions: &mut Sessions,
        session: SessionId,
        (position, feed): (usize, Feed),
        present: &Present<'p>,
        auctions: impl Iterator<Item = &'p AuctionPrice>,
    ) {
        self.subscribers.entry((position, feed)).or_default().insert(session);
        let Present { instrument, engine, time, .. } = *present;
        let text = match feed {
            Feed::Level2 => {
                let side = |side| engine.best_first(side).map(move |level| (side, level));
                let levels: Vec<_> = side(Side::Bid).chain(side(Side::Ask)).collect();
                let trades = present.tape.as_it_lies().iter();
                // On the venue, both orders of the trades occur: here, the name of the symbol decides.
                if hash(instrument.symbol.as_str()).is_multiple_of(2) {
                    Some(update::snapshot(instrument, &levels, trades, auctions))
                } else {
                    Some(update::snapshot(instrument, &levels, trades.rev(), auctions))
                }
            }
            Feed::Candles(interval) => {
                Some(update::candles(instrument, interval, present.candles.newest_first(interval).iter()))
            }
            Feed::MarkPrice => present.mark.map(|mark| update::mark_price(instrument, time, mark)),
            Feed::FundingAmount => {
                present.funding.map(|funding| update::funding_amount(instrument, time, &funding))
            }
        };
        if let Some(text) = text {
            sessions.send(session, &text);
        }
    }

    pub(crate) fn unsubscribe(&mut self, session: SessionId, position: usize, feed: Feed) {
        if let Some(subscribers) = self.subscribers.get_mut(&(position, feed)) {
            subscribers.remove(&session);
            if subscribers.is_empty() {
                self.subscribers.remove(&(position, feed));
            }
        }
    }

    fn send(
        &self,
        sessions: &mut Sessions,
        position: usize,
        feed: Feed,
        text: impl FnOnce() -> Option<String>,
    ) {
        if let Some(subscribers) = self.subscribers.get(&(position, feed))
            && let Some(text) = text()
        {
            sessions.send_all(subscribers, &text);
        }
    }

    /// Sends each trade in a separate frame, and then all changed levels in one frame.
    pub(crate) fn publish(
        &self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        trades: &[TapeTrade],
        changes: &[(Side, PriceQuantity)],
    ) {
        for trade in trades {
            self.send(sessions, position, Feed::Level2, || Some(update::trade(instrument, trade)));
        }
        if !changes.is_empty() {
            self.send(sessions, position, Feed::Level2, || Some(update::changes(instrument, changes)));
        }
    }

    pub(crate) fn publish_candles(
        &self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        candles: &Candles,
    ) {
        for interval in 0..INTERVALS.len() {
            self.send(sessions, position, Feed::Candles(interval), || {
                let newest: Option<&Candle> = candles.newest_first(interval).front();
                Some(update::candles(instrument, interval, newest.into_iter()))
            });
        }
    }

    pub(crate) fn publish_auction(
        &self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        price: &AuctionPrice,
    ) {
        self.send(sessions, position, Feed::Level2, || Some(update::auction(instrument, price)));
    }

    pub(crate) fn publish_mark(
        &self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        time: i64,
        mark: (u64, u64),
    ) {
        self.send(sessions, position, Feed::MarkPrice, || Some(update::mark_price(instrument, time, mark)));
    }

    pub(crate) fn publish_funding(
        &self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        time: i64,
        funding: &Funding,
    ) {
        self.send(sessions, position, Feed::FundingAmount, || {
            Some(update::funding_amount(instrument, time, funding))
        });
    }

    /// Sends a heartbeat to a session, if it is one of market data v2. Other frames do not delay heartbeats.
    pub(crate) fn heartbeat(&self, sessions: &mut Sessions, session: SessionId, time: i64) {
        if self.contains(session) {
            sessions.send(session, &update::heartbeat(time));
        }
    }

    pub(crate) fn refuse(&self, sessions: &mut Sessions, session: SessionId, reason: &str) {
        sessions.stats_mut().refused += 1;
        sessions.send(session, &update::error(reason));
    }
}
