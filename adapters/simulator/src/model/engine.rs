//! [`Engine`]: a matching engine for one symbol, with priority by price, then by time.
//!
//! Prices and quantities are integers in units of the symbol's last decimals.

use std::collections::{BTreeMap, VecDeque};

/// The largest quantity of a level: the largest one that a decimal can hold, so that frames can report it.
const LEVEL_MAX: u64 = i64::MAX.unsigned_abs();

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    Bid,
    Ask,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Bid, Side::Ask];

    pub(crate) const fn opposite(self) -> Side {
        match self {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
        }
    }

    pub(crate) const fn reaches(self, limit: u64, price: u64) -> bool {
        match self {
            Side::Bid => price <= limit,
            Side::Ask => price >= limit,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct OrderId(u64);

/// The owner of an order: the position of an account. The orders of the generated flow have no owner.
pub(crate) type Owner = Option<usize>;

/// What happens to the part of an order that does not match at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Remainder {
    Rests,
    IsCanceled,
}

/// A level of the book: the price, and the quantity of all orders at it.
pub(crate) type PriceQuantity = (u64, u64);

#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    changes: Vec<Change>,
    fills: Vec<Fill>,
    taker: Owner,
}

impl Effects {
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn fills(&self) -> &[Fill] {
        &self.fills
    }

    pub(crate) const fn taker(&self) -> Owner {
        self.taker
    }

    pub(crate) fn clear(&mut self) {
        self.changes.clear();
        self.fills.clear();
        self.taker = None;
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Placement {
    /// The id of the order in the book; `None` if nothing of it rests, for example because its level has no room.
    pub(crate) resting: Option<OrderId>,
    pub(crate) left: u64,
    /// Whether the matching stopped at a resting order of the same owner. If so, the engine dropped the quantity that
    /// did not match.
    pub(crate) met_own: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    pub(crate) side: Side,
    pub(crate) price: u64,
    /// The quantity of the level before the action.
    pub(crate) before: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fill {
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) maker: OrderId,
    pub(crate) maker_owner: Owner,
    pub(crate) maker_side: Side,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    id: OrderId,
    owner: Owner,
    quantity: u64,
}

/// The orders at one price, the oldest first. A queue in a book is never empty.
#[derive(Clone, Debug, Default)]
struct Queue {
    orders: VecDeque<Resting>,
    total: u64,
}

/// The orders of one symbol. The book is never crossed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    bids: BTreeMap<u64, Queue>,
    asks: BTreeMap<u64, Queue>,
    places: BTreeMap<OrderId, (Side, u64)>,
    resting: [usize; 2],
    last_id: u64,
}

impl Engine {
    pub(crate) fn place(
        &mut self,
        side: Side,
        limit: u64,
        quantity: u64,
        remainder: Remainder,
        effects: &mut Effects,
    ) -> Option<OrderId> {
        self.place_for(None, side, limit, quantity, remainder, effects).resting
    }

    /// Matches an order of an owner against the other side, up to `limit`. If the next order to match is of the same
    /// owner, stops, and drops the remainder.
    pub(crate) fn place_for(
        &mut self,
        owner: Owner,
        side: Side,
        limit: u64,
        quantity: u64,
        remainder: Remainder,
        effects: &mut Effects,
    ) -> Placement {
        self.last_id += 1;
        let id = OrderId(self.last_id);
        effects.taker = owner;
        let (left, met_own) = self.take(owner, side, limit, quantity, effects);
        let before = self.quantity(side, limit);
        let total = before.saturating_add(left);
        if left == 0 || met_own || remainder == Remainder::IsCanceled || total > LEVEL_MAX {
            return Placement { resting: None, left, met_own };
        }
        let queue = self.levels_mut(side).entry(limit).or_default();
        effects.changes.push(Change { side, price: limit, before });
        queue.orders.push_back(Resting { id, owner, quantity: left });
        queue.total = total;
        self.places.insert(id, (side, limit));
        self.resting[side as usize] += 1;
        Placement { resting: Some(id), left, met_own }
    }

    /// Matches an order. Returns the remaining quantity, and whether the matching stopped at a resting order of the
    /// same owner.
    fn take(
        &mut self,
        owner: Owner,
        side: Side,
        limit: u64,
        quantity: u64,
        effects: &mut Effects,
    ) -> (u64, bool) {
        let maker_side = side.opposite();
        let mut left = quantity;
        let mut met_own = false;
        while left > 0 && !met_own {
            let Some((price, _)) = self.best(maker_side) else { break };
            if !side.reaches(limit, price) {
                break;
            }
            let mut filled = Vec::new();
            let levels = self.levels_mut(maker_side);
            let Some(queue) = levels.get_mut(&price) else { break };
            let before = queue.total;
            while left > 0 {
                let Some(first) = queue.orders.front_mut() else { break };
                if owner.is_some() && first.owner == owner {
                    met_own = true;
                    break;
                }
                let quantity = left.min(first.quantity);
                effects.fills.push(Fill {
                    price,
                    quantity,
                    maker: first.id,
                    maker_owner: first.owner,
                    maker_side,
                });
                left -= quantity;
                first.quantity -= quantity;
                queue.total -= quantity;
                if first.quantity == 0 {
                    filled.push(first.id);
                    queue.orders.pop_front();
                }
            }
            if queue.total != before {
                effects.changes.push(Change { side: maker_side, price, before });
            }
            if queue.orders.is_empty() {
                levels.remove(&price);
            }
            self.resting[maker_side as usize] -= filled.len();
            for id in filled {
                self.places.remove(&id);
            }
        }
        (left, met_own)
    }

    /// Returns the quantity at each price that an order would match at once, the best price first. Stops before an
    /// order of the same owner.
    pub(crate) fn matches(&self, owner: Owner, side: Side, limit: u64, quantity: u64) -> Vec<PriceQuantity> {
        let mut left = quantity;
        let mut matches = Vec::new();
        let levels: Box<dyn Iterator<Item = (&u64, &Queue)>> = match side {
            Side::Bid => Box::new(self.asks.iter()),
            Side::Ask => Box::new(self.bids.iter().rev()),
        };
        for (&price, queue) in levels {
            if left == 0 || !side.reaches(limit, price) {
                break;
            }
            let own = queue.orders.iter().position(|order| owner.is_some() && order.owner == owner);
            let before_own = queue.orders.iter().take(own.unwrap_or(usize::MAX));
            let matched = before_own.map(|order| order.quantity).sum::<u64>().min(left);
            if matched > 0 {
                matches.push((price, matched));
            }
            left -= matched;
            if own.is_some() {
                break;
            }
        }
        matches
    }

    pub(crate) fn cancel(&mut self, id: OrderId, effects: &mut Effects) -> bool {
        let Some((side, price)) = self.places.remove(&id) else { return false };
        let levels = self.levels_mut(side);
        let Some(queue) = levels.get_mut(&price) else { return false };
        let Some(position) = queue.orders.iter().position(|order| order.id == id) else { return false };
        effects.changes.push(Change { side, price, before: queue.total });
        if let Some(order) = queue.orders.remove(position) {
            queue.total -= order.quantity;
        }
        if queue.orders.is_empty() {
            levels.remove(&price);
        }
        self.resting[side as usize] -= 1;
        true
    }

    /// Cancels all orders of one side, except those that have an owner.
    pub(crate) fn clear(&mut self, side: Side, effects: &mut Effects) {
        self.clear_levels(side, |_| true, effects);
    }

    /// Cancels all orders that an order of `side` with this limit would match, except those that have an owner.
    pub(crate) fn clear_reached(&mut self, side: Side, limit: u64, effects: &mut Effects) {
        self.clear_levels(side.opposite(), |price| side.reaches(limit, price), effects);
    }

    fn clear_levels(&mut self, side: Side, is_cleared: impl Fn(u64) -> bool, effects: &mut Effects) {
        let (places, mut resting) = (&mut self.places, 0);
        let levels = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        levels.retain(|&price, queue| {
            let before = queue.total;
            queue.orders.retain(|order| {
                let is_cleared = order.owner.is_none() && is_cleared(price);
                if is_cleared {
                    queue.total -= order.quantity;
                    places.remove(&order.id);
                }
                !is_cleared
            });
            if queue.total != before {
                effects.changes.push(Change { side, price, before });
            }
            resting += queue.orders.len();
            !queue.orders.is_empty()
        });
        self.resting[side as usize] = resting;
    }

    pub(crate) fn contains(&self, id: OrderId) -> bool {
        self.places.contains_key(&id)
    }

    pub(crate) const fn orders(&self, side: Side) -> usize {
        self.resting[side as usize]
    }

    pub(crate) fn level_count(&self) -> usize {
        self.bids.len() + self.asks.len()
    }

    pub(crate) fn best(&self, side: Side) -> Option<PriceQuantity> {
        let best = match side {
            Side::Bid => self.bids.last_key_value(),
            Side::Ask => self.asks.first_key_value(),
        };
        best.map(|(price, queue)| (*price, queue.total))
    }

    pub(crate) fn quantity(&self, side: Side, price: u64) -> u64 {
        self.levels(side).get(&price).map_or(0, |queue| queue.total)
    }

    pub(crate) fn best_first(&self, side: Side) -> Box<dyn Iterator<Item = PriceQuantity> + '_> {
        let levels = self.levels(side).iter().map(|(price, queue)| (*price, queue.total));
        match side {
            Side::Bid => Box::new(levels.rev()),
            Side::Ask => Box::new(levels),
        }
    }

    const fn levels(&self, side: Side) -> &BTreeMap<u64, Queue> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    const fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<u64, Queue> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs actions of the form `b 100 5` (a bid at 100 for 5), `s 101 5` (an ask), `B` and `S` (a bid and an ask
    /// that do not rest) and `c 1` (cancel the first order). Compares the book and the fills with `book` and `fills`.
    /// A fill has the form `100x5:1`: price, quantity, and the number of the maker's order.
    fn check(actions: &str, book: &str, fills: &str) {
        let mut engine = Engine::default();
        let mut effects = Effects::default();
        for action in actions.split(", ") {
            let words: Vec<&str> = action.split(' ').collect();
            let number = |at: usize| words[at].parse().unwrap();
            let (side, remainder) = match words[0] {
                "b" => (Side::Bid, Remainder::Rests),
                "s" => (Side::Ask, Remainder::Rests),
                "B" => (Side::Bid, Remainder::IsCanceled),
                "S" => (Side::Ask, Remainder::IsCanceled),
                _ => {
                    engine.cancel(OrderId(number(1)), &mut effects);
                    continue;
                }
            };
            engine.place(side, number(1), number(2), remainder, &mut effects);
        }
        let levels = |side| {
            let levels = engine.best_first(side).map(|(price, quantity)| format!("{price}x{quantity}"));
            levels.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(format!("{} / {}", levels(Side::Bid), levels(Side::Ask)), book, "{actions}");
        let made = effects.fills.iter();
        let made: Vec<_> =
            made.map(|fill| format!("{}x{}:{}", fill.price, fill.quantity, fill.maker.0)).collect();
        assert_eq!(made.join(" "), fills, "{actions}");
        let resting: usize = Side::BOTH.map(|side| engine.orders(side)).iter().sum();
        assert_eq!(resting, engine.places.len(), "{actions}");
    }

    #[test]
    fn price_then_time() {
        check("b 100 5, s 101 3", "100x5 / 101x3", "");
        check("b 100 5, b 100 2, s 100 6", "100x1 / ", "100x5:1 100x1:2");
        check("s 102 1, s 101 1, B 102 5", " / ", "101x1:2 102x1:1");
        check("s 101 2, b 101 5", "101x3 / ", "101x2:1");
        check("b 99 1, b 100 1, S 100 5", "99x1 / ", "100x1:2");
        check("b 100 5, b 100 2, c 1, s 100 1", "100x1 / ", "100x1:2");
        check("b 100 5, c 1, c 1, c 9", " / ", "");
    }

    #[test]
    fn nobody_trades_with_himself() {
        let mut engine = Engine::default();
        let mut effects = Effects::default();
        let mut place = |owner, side, limit, quantity, remainder| {
            effects.clear();
            let placement = engine.place_for(owner, side, limit, quantity, remainder, &mut effects);
            let filled: Vec<_> = effects.fills.iter().map(|fill| (fill.quantity, fill.maker_owner)).collect();
            (placement.left, placement.met_own, placement.resting.is_some(), filled)
        };
        place(None, Side::Ask, 100, 2, Remainder::Rests);
        place(Some(1), Side::Ask, 101, 3, Remainder::Rests);
        assert_eq!(place(Some(1), Side::Bid, 101, 5, Remainder::Rests), (3, true, false, vec![(2, None)]));
        assert_eq!(place(Some(1), Side::Bid, 101, 1, Remainder::Rests), (1, true, false, vec![]));
        assert_eq!(
            place(Some(2), Side::Bid, 101, 1, Remainder::IsCanceled),
            (0, false, false, vec![(1, Some(1))])
        );
        assert_eq!(engine.matches(Some(2), Side::Bid, 101, 5), [(101, 2)]);
        assert_eq!(engine.matches(Some(1), Side::Bid, 101, 5), []);
        assert_eq!(engine.matches(Some(2), Side::Bid, 100, 5), []);
        // When the order flow clears a side, the orders of clients stay.
        effects.clear();
        engine.place(Side::Ask, 101, 4, Remainder::Rests, &mut effects);
        engine.place(Side::Ask, 102, 4, Remainder::Rests, &mut effects);
        effects.clear();
        engine.clear(Side::Ask, &mut effects);
        assert_eq!(engine.best_first(Side::Ask).collect::<Vec<_>>(), [(101, 2)]);
        assert_eq!((engine.orders(Side::Ask), engine.places.len()), (1, 1));
        assert_eq!(effects.changes.len(), 2);
    }

    #[test]
    fn a_level_has_room_for_what_a_frame_can_report() {
        let (mut engine, mut effects) = (Engine::default(), Effects::default());
        let mut place = |quantity| {
            engine
                .place_for(Some(1), Side::Bid, 100, quantity, Remainder::Rests, &mut effects)
                .resting
                .is_some()
        };
        assert!(place(LEVEL_MAX - 5));
        assert_eq!([place(6), place(u64::MAX), place(5), place(1)], [false, false, true, false]);
        assert_eq!(engine.best(Side::Bid), Some((100, LEVEL_MAX)));
        assert_eq!(engine.orders(Side::Bid), 2);
    }
}
