//! What clients' orders need of the market: they are events of it like those of the flow.

use gemini_ws::Symbol;

use super::Market;
use crate::context::Context;
use crate::model::engine::{OrderId, Owner, Placement, PriceQuantity, Remainder, Side};
use crate::value::instrument::Instrument;

/// An order as the market takes it, in units of the last decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// The position of the symbol.
    pub(crate) position: usize,
    pub(crate) owner: Owner,
    pub(crate) side: Side,
    pub(crate) limit: u64,
    pub(crate) quantity: u64,
    pub(crate) remainder: Remainder,
}

/// A match in which a client's order had a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub(crate) position: usize,
    pub(crate) maker: OrderId,
    pub(crate) maker_owner: Owner,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) trade_id: u64,
}

impl Market {
    pub(crate) fn position(&self, symbol: Symbol) -> Option<usize> {
        self.positions.get(&symbol).copied()
    }

    pub(crate) fn instrument(&self, position: usize) -> &Instrument {
        &self.listings[position].instrument
    }

    pub(crate) fn best(&self, position: usize, side: Side) -> Option<PriceQuantity> {
        self.listings[position].engine.best(side)
    }

    pub(crate) fn last_price(&self, position: usize) -> Option<u64> {
        self.listings[position].last_trade.map(|(price, _)| price)
    }

    /// What an order would match at once.
    pub(crate) fn matches(&self, ticket: &Ticket) -> Vec<PriceQuantity> {
        let engine = &self.listings[ticket.position].engine;
        engine.matches(ticket.owner, ticket.side, ticket.limit, ticket.quantity)
    }

    /// Matches an order and publishes what comes of it.
    pub(crate) fn submit(&mut self, cx: &mut Context<'_>, ticket: &Ticket) -> Placement {
        let Ticket { position, owner, side, limit, quantity, remainder } = *ticket;
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        let engine = &mut self.listings[position].engine;
        let placement = engine.place_for(owner, side, limit, quantity, remainder, &mut effects);
        if !effects.changes.is_empty() {
            self.publish_event(cx, position, &effects);
        }
        self.effects = effects;
        placement
    }

    /// Takes an order out of the book and publishes that.
    pub(crate) fn withdraw(&mut self, cx: &mut Context<'_>, position: usize, order: OrderId) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        if self.listings[position].engine.cancel(order, &mut effects) {
            self.publish_event(cx, position, &effects);
        }
        self.effects = effects;
    }

    /// Takes the matches of clients' orders since the last call.
    pub(crate) fn take_executions(&mut self) -> Vec<Execution> {
        std::mem::take(&mut self.executions)
    }
}
