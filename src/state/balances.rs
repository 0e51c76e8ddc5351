//! [`Balances`] and [`Positions`]: the state of an account, fed by events.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::event::Event;
use crate::event::source::Source;
use crate::message::{BalanceUpdate, Number, PositionReport};
use crate::request::stream::Topic;
use crate::value::id::LinkId;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

/// The balances of an account: give it every event; it takes what concerns it.
///
/// Stale from the end of the link until the first update of the next, which has every asset; from an [`Event::Overflow`] until then, too.
///
/// ```
/// use gemini_ws::{Balances, Endpoint, Replay, Scratch};
///
/// let frame = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"90.50","c":"100.00"}]}"#;
/// let mut scratch = Scratch::new();
/// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
/// let mut balances = Balances::new();
/// assert!(balances.is_stale(), "nothing is known yet");
/// balances.apply(&event);
/// assert_eq!(balances.get("USD").unwrap().available().as_str(), "90.50");
/// assert!(!balances.is_stale());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Balances {
    assets: BTreeMap<Box<str>, Balance>,
    standing: Standing,
}

/// Whether what is known is true.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    current: bool,
    /// Whether updates were dropped on their way here: those that follow do not make up for them.
    incomplete: bool,
    /// What the updates come over, once that is known.
    link: Option<LinkId>,
}

impl Standing {
    const NEW: Standing = Standing { current: false, incomplete: false, link: None };

    fn update(&mut self, source: &Source<'_>) {
        (self.current, self.link) = (!self.incomplete, source.link());
    }

    /// Takes an event that is no update; says whether it was about this topic.
    fn apply(&mut self, event: &Event<'_>, topic: Topic) -> bool {
        match event {
            Event::Subscribed { link, stream, .. } if stream.topic() == topic => self.link = Some(*link),
            Event::Disconnected { link, .. } if self.link.is_some_and(|own| own.slot() != link.slot()) => {
                return false;
            }
            Event::Disconnected { .. } | Event::Closed { .. } => {
                (self.current, self.incomplete) = (false, false);
            }
            Event::Unsubscribed { stream, last: true, .. } if stream.topic() == topic => {
                (self.current, self.incomplete) = (false, false);
            }
            Event::Overflow { topic: of, .. } if *of == topic || *of == Topic::Connection => {
                (self.current, self.incomplete) = (false, true);
            }
            _ => return false,
        }
        true
    }
}

/// The balance of one asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Balance {
    available: Box<str>,
    total: Box<str>,
    event_time: Option<Timestamp>,
}

impl Balance {
    /// Without what orders hold.
    pub fn available(&self) -> Number<'_> {
        Number(&self.available)
    }

    /// All of it.
    pub fn total(&self) -> Number<'_> {
        Number(&self.total)
    }

    /// The time of the update that told it, if that could be read.
    pub const fn event_time(&self) -> Option<Timestamp> {
        self.event_time
    }
}

impl Balances {
    /// Nothing is known yet.
    pub const fn new() -> Balances {
        Balances { assets: BTreeMap::new(), standing: Standing::NEW }
    }

    /// Takes an event; says whether it was about balances.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Balances(update, source) => {
                self.standing.update(source);
                self.update(update);
            }
            event => return self.standing.apply(event, Topic::Balances),
        }
        true
    }

    /// The balance of an asset, as the venue spells it; `None` if it was never told.
    pub fn get(&self, asset: &str) -> Option<&Balance> {
        self.assets.get(asset)
    }

    /// All that were told, by asset.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Balance)> {
        self.assets.iter().map(|(asset, balance)| (&**asset, balance))
    }

    /// Whether they may have changed since without being told.
    pub const fn is_stale(&self) -> bool {
        !self.standing.current
    }

    fn update(&mut self, update: &BalanceUpdate<'_>) {
        for row in update.balances {
            let balance = Balance {
                available: row.available.as_str().into(),
                total: row.total.as_str().into(),
                event_time: update.event_time,
            };
            match self.assets.get_mut(row.asset) {
                Some(known) => *known = balance,
                None => {
                    self.assets.insert(row.asset.into(), balance);
                }
            }
        }
    }
}

/// The positions of an account: give it every event; it takes what concerns it.
///
/// Stale from the end of the link, and from an [`Event::Overflow`], until the first report of the next link.
///
/// ```
/// use gemini_ws::{Endpoint, Positions, Replay, Scratch};
///
/// let frame = r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"GEMI-A-UP","a":[{"t":"position","v":"-100"}]}]}"#;
/// let mut scratch = Scratch::new();
/// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
/// let mut positions = Positions::new();
/// positions.apply(&event);
/// let amounts = positions.get("GEMI-A-UP".parse().unwrap()).unwrap();
/// assert_eq!((&*amounts[0].label, &*amounts[0].value), ("position", "-100"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Positions {
    positions: BTreeMap<Symbol, Vec<HeldAmount>>,
    standing: Standing,
}

/// An amount of a position.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeldAmount {
    /// What it is, for example `position` or `settlement_payout`.
    pub label: Box<str>,
    /// How much, as the venue wrote it; signed.
    pub value: Box<str>,
    /// The asset, on payouts.
    pub asset: Option<Box<str>>,
    /// The outcome, on settlements.
    pub outcome: Option<Box<str>>,
}

impl Positions {
    /// Nothing is known yet.
    pub const fn new() -> Positions {
        Positions { positions: BTreeMap::new(), standing: Standing::NEW }
    }

    /// Takes an event; says whether it was about positions.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Positions(report, source) => {
                self.standing.update(source);
                self.update(report);
            }
            event => return self.standing.apply(event, Topic::Positions),
        }
        true
    }

    /// The amounts of an instrument; `None` if none were told.
    pub fn get(&self, symbol: Symbol) -> Option<&[HeldAmount]> {
        self.positions.get(&symbol).map(Vec::as_slice)
    }

    /// All that were told, by instrument.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, &[HeldAmount])> {
        self.positions.iter().map(|(symbol, amounts)| (*symbol, amounts.as_slice()))
    }

    /// Whether they may have changed since without being told.
    pub const fn is_stale(&self) -> bool {
        !self.standing.current
    }

    fn update(&mut self, report: &PositionReport<'_>) {
        for row in report.positions {
            let Ok(symbol) = row.symbol.parse() else { continue };
            let amounts = row.amounts.iter().map(|amount| HeldAmount {
                label: amount.label.to_string().into(),
                value: amount.value.as_str().into(),
                asset: amount.asset.map(|asset| asset.to_string().into()),
                outcome: amount.outcome.map(|outcome| outcome.to_string().into()),
            });
            self.positions.insert(symbol, amounts.collect());
        }
    }
}
