//! [`Balances`]: the balances of an account, kept up to date by events.

use alloc::boxed::Box;

use crate::event::Event;
use crate::message::{Number, Row};
use crate::request::stream::Topic;
use crate::state::account::Rows;
use crate::state::truth::{Age, Moment, StaleReason};

/// The balances of an account.
///
/// Pass every event to [`apply`](Balances::apply), which ignores events that do not concern balances. If a client has
/// endpoints of several accounts, keep one `Balances` for each account. Pass each `Balances` two kinds of events:
/// those whose link (`link`, or the link in the [`source`](crate::Event::source)) belongs to the endpoint of its
/// account, and those that name no link.
///
/// The first report of a subscription lists all assets. With [`Updates::Changes`](crate::Updates), each later report
/// lists only the assets whose balance has changed; with [`Updates::EachSecond`](crate::Updates), each report lists
/// all assets. `Balances` assumes that the first report of a recording lists all assets.
///
/// If a row of a report cannot be decoded, the other rows are used. The malformed row may be about any balance that
/// the report does not name, so all these balances and the list of assets become stale, with the reason
/// [`StaleReason::Malformed`].
///
/// Two links may report the same account:
///
/// - A report over one link does not replace a balance that the other link has reported with a later venue time.
/// - A report that comes after the end of its stream replaces no current balance.
/// - If a report over one link may be lost or has a malformed row, and the other link has reported all balances and
///   all changes since then, at most some balances become stale: those that only the first link has reported since an
///   answer from REST, because such a report may be older than the answer. The list of assets becomes stale with them.
///
/// In any other case in which reports may have been lost, all balances and the list of assets become stale. Each
/// balance becomes current again with its next report. The list becomes current again when a report lists all assets,
/// or when [`reconcile`](Balances::reconcile) applies an answer from REST. Balances do not become stale with time:
/// [`age`](Balances::age) returns when an event last reported a balance.
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
    /// Returns the amount that is not on hold for orders.
    pub fn available(&self) -> Number<'_> {
        Number(&self.available)
    }

    /// Returns the whole amount, including amounts that are on hold for orders or pending.
    pub fn total(&self) -> Number<'_> {
        Number(&self.total)
    }
}

/// Joins two rows of one asset. The later row replaces the earlier one, because each row is the whole balance.
fn replace(earlier: &mut Balance, later: Balance) {
    *earlier = later;
}

fn rows<'a>(
    found: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
) -> impl Iterator<Item = (Box<str>, Balance)> {
    found.into_iter().map(|(asset, available, total)| {
        (Box::from(asset), Balance { available: available.into(), total: total.into() })
    })
}

impl Balances {
    /// Creates a collection without balances.
    pub const fn new() -> Balances {
        Balances { rows: Rows::new() }
    }

    /// Applies an event. Returns whether the event is a report of balances, confirms a subscription to balances, or
    /// makes balances stale.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        if let Event::Batch(batch, _) = event
            && batch.is_report_of(Topic::Balances)
        {
            event.parts().for_each(|part| _ = self.apply(&part));
            return true;
        }
        let Event::Balances(update, source) = event else { return self.rows.lose(event, Topic::Balances) };
        let rows = update.balances.iter().filter_map(Row::read).map(|row| {
            let balance =
                Balance { available: row.available.as_str().into(), total: row.total.as_str().into() };
            (row.asset.into(), balance)
        });
        let malformed = if update.has_malformed { update.balances.malformed() } else { 0 };
        let time = update.event_time.or(update.update_time);
        self.rows.report(source, true, time, rows, malformed, replace);
        true
    }

    /// Returns the balance of an asset; `None` if no balance of the asset is known. Spell the asset as the venue
    /// does, for example `USD`.
    pub fn get(&self, asset: &str) -> Option<&Balance> {
        self.rows.get(asset)
    }

    /// Returns all known balances, sorted by asset.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Balance)> {
        self.rows.iter().map(|(asset, balance)| (&**asset, balance))
    }

    /// Returns the reason why the balance of an asset may be wrong or missing; `None` if the balance is current.
    pub fn stale_reason(&self, asset: &str) -> Option<StaleReason> {
        self.rows.stale_of(asset)
    }

    /// Returns when an event last reported the balance of an asset; `None` for an unknown asset. The [`Age`] has no
    /// times if only REST has named the asset.
    pub fn age(&self, asset: &str) -> Option<Age> {
        self.rows.age_of(asset)
    }

    /// Returns whether any balance may have changed, or appeared, without being reported.
    pub fn is_stale(&self) -> bool {
        self.rows.stale().is_some()
    }

    /// Returns the current point in the sequence of applied events. Take this moment before you ask the venue for the
    /// balances, and pass it to [`reconcile`](Balances::reconcile) with the answer.
    pub const fn moment(&self) -> Moment {
        self.rows.moment()
    }

    /// Applies the venue's list of all balances (REST `balances`): asset, available and total.
    ///
    /// `asked` is the [`moment`](Balances::moment) before the question. Balances that were reported after `asked`
    /// stay as they are; a report that came after its subscription had ended does not count. Current balances that a
    /// link reported stay too, because REST may lag behind the stream. Each other balance takes its amounts from the
    /// answer, or is removed if the answer does not list it.
    ///
    /// If the list of assets is stale only because an asset was not kept ([`StaleReason::NoRoom`]), current balances
    /// that were reported before `asked` are removed too if the answer does not list them.
    ///
    /// Returns whether all balances are current now:
    ///
    /// - If all balances are current already, the answer is not used.
    /// - If, after `asked`, reports may have been lost, a reported balance was not kept, or a stream of balances was
    ///   subscribed, the answer is not used: ask again.
    /// - If no stream of balances is subscribed, the answer is used, but the list and the balances of the answer are
    ///   stale, with the reason [`StaleReason::NotSubscribed`].
    /// - If there is no room for a balance of the answer (at most 65,536 are kept), the list of assets remains stale.
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
        self.rows.reconcile(rows(found), asked, true, replace)
    }

    /// Applies a part of the venue's list of all balances, for example if another part of the answer cannot be
    /// decoded ([`BalanceRows::is_whole`](crate::BalanceRows::is_whole)).
    ///
    /// [`reconcile`](Balances::reconcile) says when the balances of the part are used. Balances that the part does
    /// not list remain as they are. The list of assets remains stale.
    ///
    /// ```
    /// use gemini_ws::{Balances, StaleReason};
    ///
    /// let mut balances = Balances::new();
    /// balances.reconcile_part([("USD", "90.50", "100.00")], balances.moment());
    /// assert_eq!(balances.get("USD").unwrap().total().as_str(), "100.00");
    /// assert_eq!(balances.stale_reason("ETH"), Some(StaleReason::NothingYet), "it may be in the other part");
    /// ```
    pub fn reconcile_part<'a>(
        &mut self,
        found: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
        asked: Moment,
    ) {
        self.rows.reconcile(rows(found), asked, false, replace);
    }

    /// Returns how many balances in reports and answers were not kept, because 65,536 other assets are kept already.
    /// A balance that is not kept makes a current list of assets stale, with the reason [`StaleReason::NoRoom`].
    pub const fn untracked(&self) -> u64 {
        self.rows.untracked()
    }

    /// Returns how many rows of reports could not be decoded.
    pub const fn malformed(&self) -> u64 {
        self.rows.malformed()
    }
}
