//! [`MarketDataV1`]: the sessions of `/v1/marketdata` and `/v1/multimarketdata`.

use std::collections::{BTreeMap, BTreeSet};

use crate::frame::market_data_v1::options::Options;
use crate::frame::market_data_v1::update::{self, Entry, Reason, Update};
use crate::frame::members::MemberOrder;
use crate::model::engine::{Engine, Side};
use crate::session::Sessions;
use crate::value::id::SessionId;
use crate::value::instrument::Instrument;

#[derive(Clone, Debug)]
struct Connection {
    options: Options,
    /// Whether entries name their symbol.
    is_multi: bool,
    order: MemberOrder,
    /// The number of the next frame. The frames of all symbols and the heartbeats share one sequence.
    socket_sequence: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MarketDataV1 {
    connections: BTreeMap<SessionId, Connection>,
    /// The sessions that get the updates of a symbol. The key is the position of the symbol in the market.
    watchers: BTreeMap<usize, BTreeSet<SessionId>>,
}

impl MarketDataV1 {
    pub(crate) fn open(&mut self, session: SessionId, options: Options, is_multi: bool, order: MemberOrder) {
        let connection = Connection { options, is_multi, order, socket_sequence: 0 };
        self.connections.insert(session, connection);
    }

    /// Adds a symbol to a session, and sends the first frame: the book, or its best levels.
    pub(crate) fn watch(
        &mut self,
        sessions: &mut Sessions,
        session: SessionId,
        position: usize,
        (instrument, engine): (&Instrument, &Engine),
        event_id: u64,
    ) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let count = if connection.options.wants_best_levels() { 1 } else { usize::MAX };
        let entries = Side::BOTH.into_iter().flat_map(|side| {
            let entry = move |(price, remaining)| Entry::Change {
                side,
                price,
                before: 0,
                remaining,
                reason: Reason::Initial,
            };
            engine.best_first(side).take(count).map(entry)
        });
        let update = Update { event_id, time: None, entries: entries.collect() };
        connection.send(sessions, session, instrument, &update);
        self.watchers.entry(position).or_default().insert(session);
    }

    pub(crate) fn leave(&mut self, session: SessionId) {
        if self.connections.remove(&session).is_some() {
            self.watchers.retain(|_, watchers| {
                watchers.remove(&session);
                !watchers.is_empty()
            });
        }
    }

    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.connections.contains_key(&session)
    }

    pub(crate) fn publish(
        &mut self,
        sessions: &mut Sessions,
        position: usize,
        instrument: &Instrument,
        updates: &[Update],
    ) {
        for session in self.watchers.get(&position).into_iter().flatten() {
            let Some(connection) = self.connections.get_mut(session) else { continue };
            for update in updates {
                connection.send(sessions, *session, instrument, update);
            }
        }
    }

    pub(crate) fn heartbeat(&mut self, sessions: &mut Sessions, session: SessionId) {
        if let Some(connection) = self.connections.get_mut(&session) {
            sessions.send(session, &update::heartbeat(connection.socket_sequence, connection.order));
            connection.socket_sequence += 1;
        }
    }
}

impl Connection {
    fn send(
        &mut self,
        sessions: &mut Sessions,
        session: SessionId,
        instrument: &Instrument,
        update: &Update,
    ) {
        let symbol = self.is_multi.then(|| instrument.symbol.as_str().to_ascii_uppercase());
        let frame = update::frame(
            update,
            instrument,
            &self.options,
            symbol.as_deref(),
            self.socket_sequence,
            self.order,
        );
        if let Some(text) = frame {
            sessions.send(session, &text);
            self.socket_sequence += 1;
        }
    }
}
