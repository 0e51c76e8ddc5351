//! [`Balances`]: what an account has of each asset, fed by events.

use alloc::boxed::Box;

use crate::event::Event;
use crate::message::Number;
use crate::request::stream::Topic;
use crate::state::account::Rows;
use crate::state::truth::{Age, Moment, StaleReason};

/// The balances of an account: give it every event; it takes what concerns it.
///
/// The venue sends all assets when the stream is subscribed, and then those that change, or all of them each second.
/// After a loss the assets that are reported become current one by one; the list is current again when all were
/// sent, or the venue was asked: [`Balances::reconcile`].
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
    rows: Rows<Box<str>, Balance>,
}

/// The balance of one asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Balance {
    available: Box<str>,
    total: Box<str>,
}

impl Balance {
    /// Returns what orders do not hold.
    pub fn available(&self) -> Number<'_> {
        Number(&self.available)
    }

    /// Returns all of it.
    pub fn total(&self) -> Number<'_> {
        Number(&self.total)
    }
}

impl Balances {
    /// Knows nothing yet.
    pub const fn new() -> Balances {
        Balances { rows: Rows::new() }
    }

    /// Takes an event; says whether it was about balances.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        let Event::Balances(update, source) = event else { return self.rows.lose(event, Topic::Balances) };
        let rows = update.balances.iter().map(|row| {
            let balance =
                Balance { available: row.available.as_str().into(), total: row.total.as_str().into() };
            Some((row.asset.into(), balance))
        });
        self.rows.report(source, update.event_time, rows);
        true
    }

    /// Returns the balance of an asset, as the venue spells it; `None` if it was never reported.
    pub fn get(&self, asset: &str) -> Option<&Balance> {
        self.rows.get(asset)
    }

    /// Returns all that were reported, by asset.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Balance)> {
        self.rows.iter().map(|(asset, balance)| (&**asset, balance))
    }

    /// Returns why the balance of an asset may be wrong, or may be missing.
    pub fn stale_reason(&self, asset: &str) -> Option<StaleReason> {
        self.rows.stale_of(asset)
    }

    /// Returns when the balance of an asset was last reported.
    pub fn age(&self, asset: &str) -> Option<Age> {
        self.rows.age_of(asset)
    }

    /// Whether any of them may have changed, or one may have been added, without being reported.
    pub fn is_stale(&self) -> bool {
        self.rows.stale().is_some()
    }

    /// Returns the moment to hand to [`reconcile`](Balances::reconcile): take it before you ask the venue.
    pub const fn moment(&self) -> Moment {
        self.rows.moment()
    }

    /// Takes the venue's answer to the question for all balances (REST `balances`): asset, available and total.
    ///
    /// Returns whether they are current now: not if a loss came after the question; then ask again. While no stream of
    /// balances is subscribed the answer is kept, and stale at once. Balances that were reported after the question are
    /// newer than the answer and stay.
    ///
    /// ```
    /// use gemini_ws::{Balances, StaleReason};
    ///
    /// let mut balances = Balances::new();
    /// let asked = balances.moment();
    /// assert!(!balances.reconcile([("USD", "90.50", "100.00")], asked), "no stream is subscribed");
    /// assert_eq!(balances.get("USD").unwrap().total().as_str(), "100.00");
    /// assert_eq!(balances.stale_reason("USD"), Some(StaleReason::NotSubscribed));
    /// ```
    pub fn reconcile<'a>(
        &mut self,
        found: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
        asked: Moment,
    ) -> bool {
        let rows = found.into_iter().map(|(asset, available, total)| {
            (Box::from(asset), Balance { available: available.into(), total: total.into() })
        });
        self.rows.reconcile(rows, asked)
    }

    /// Returns how many rows were not kept, because there are too many assets.
    pub const fn untracked(&self) -> u64 {
        self.rows.untracked()
    }
}
