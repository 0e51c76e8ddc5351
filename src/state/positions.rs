//! [`Positions`]: the positions of an account, kept up to date by events.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::event::Event;
use crate::message::{Position, Row};
use crate::request::stream::Topic;
use crate::state::account::Rows;
use crate::state::truth::{Age, Moment, StaleReason};
use crate::value::symbol::Symbol;

/// The positions of an account.
///
/// Pass every event to [`apply`](Positions::apply), which ignores events that do not concern positions. If a client
/// has endpoints of several accounts, keep one `Positions` for each account. Pass each `Positions` the events whose
/// link belongs to the endpoint of its account, and those that name no link.
///
/// Each report of `positions@account@1s` lists all positions, so a position that is missing from it is removed. If a
/// report has several rows of one instrument, the position has the amounts of all these rows.
///
/// Each report of `positions@account` lists only changes, so the list of positions is stale until
/// [`reconcile`](Positions::reconcile) applies the venue's answer. The list is also stale if the events come from a
/// recording.
///
/// If a row of a report cannot be decoded, the other rows are used. The malformed row may be about any position that
/// the report does not name, so all these positions and the list of positions become stale, with the reason
/// [`StaleReason::Malformed`].
///
/// Two links may report the same account:
///
/// - A report over one link does not replace a position that the other link has reported with a later venue time.
/// - A report that comes after the end of its stream replaces no current position.
/// - If a report over one link may be lost or has a malformed row, and the other link has reported all positions and
///   all changes since then, at most some positions become stale: those that only the first link has reported since an
///   answer from REST, because such a report may be older than the answer. The list of positions becomes stale with them.
///
/// In any other case in which reports may have been lost, all positions and the list become stale. Each position
/// becomes current again with its next report. The list becomes current again when a report lists all positions, or
/// when `reconcile` applies the venue's answer.
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
    rows: Rows<Symbol, Vec<HeldAmount>>,
}

/// An amount of a position.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeldAmount {
    /// The kind of amount, for example `position` or `settlement_payout`.
    pub label: Box<str>,
    /// The signed amount, as the venue wrote it.
    pub value: Box<str>,
    /// The asset of a payout; `None` if the venue names none.
    pub asset: Option<Box<str>>,
    /// The outcome of a settled contract; `None` if the venue names none.
    pub outcome: Option<Box<str>>,
}

impl HeldAmount {
    /// Creates an amount without asset and outcome, from an answer of the venue.
    ///
    /// ```
    /// assert_eq!(&*gemini_ws::HeldAmount::new("position", "100").value, "100");
    /// ```
    pub fn new(label: &str, value: &str) -> HeldAmount {
        HeldAmount { label: label.into(), value: value.into(), asset: None, outcome: None }
    }
}

/// Never returns `None`, because the decoder has checked the instrument.
fn held(row: &Position<'_>) -> Option<(Symbol, Vec<HeldAmount>)> {
    let amounts = row.amounts.iter().map(|amount| HeldAmount {
        label: amount.label.to_string().into(),
        value: amount.value.as_str().into(),
        asset: amount.asset.map(|asset| asset.to_string().into()),
        outcome: amount.outcome.map(|outcome| outcome.to_string().into()),
    });
    Some((row.symbol.parse().ok()?, amounts.collect()))
}

fn append(earlier: &mut Vec<HeldAmount>, mut later: Vec<HeldAmount>) {
    earlier.append(&mut later);
}

impl Positions {
    /// Creates a collection without positions.
    pub const fn new() -> Positions {
        Positions { rows: Rows::new() }
    }

    /// Applies an event. Returns whether the event is a report of positions, confirms a subscription to positions, or
    /// makes positions stale.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        if let Event::Batch(batch, _) = event
            && batch.is_report_of(Topic::Positions)
        {
            event.parts().for_each(|part| _ = self.apply(&part));
            return true;
        }
        let Event::Positions(report, source) = event else { return self.rows.lose(event, Topic::Positions) };
        let rows = report.positions.iter().filter_map(Row::read).filter_map(|row| held(&row));
        let malformed = if report.has_malformed { report.positions.malformed() } else { 0 };
        // `positions@account` begins with a change, not with a list of all positions.
        let time = report.event_time.or(report.update_time);
        self.rows.report(source, false, time, rows, malformed, append);
        true
    }

    /// Returns the amounts of the position in an instrument; `None` if no position in the instrument is known.
    pub fn get(&self, symbol: Symbol) -> Option<&[HeldAmount]> {
        self.rows.get(&symbol).map(Vec::as_slice)
    }

    /// Returns all known positions, sorted by instrument.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, &[HeldAmount])> {
        self.rows.iter().map(|(symbol, amounts)| (*symbol, amounts.as_slice()))
    }

    /// Returns the reason why the position in an instrument may be wrong or missing; `None` if the position is
    /// current.
    pub fn stale_reason(&self, symbol: Symbol) -> Option<StaleReason> {
        self.rows.stale_of(&symbol)
    }

    /// Returns when an event last reported the position in an instrument; `None` for an unknown position. The [`Age`]
    /// has no times if only an answer of the venue has named the position.
    pub fn age(&self, symbol: Symbol) -> Option<Age> {
        self.rows.age_of(&symbol)
    }

    /// Returns whether any position may have changed, or been opened, without being reported.
    pub fn is_stale(&self) -> bool {
        self.rows.stale().is_some()
    }

    /// Returns the current point in the sequence of applied events. Take this moment before you ask the venue for the
    /// positions, and pass it to [`reconcile`](Positions::reconcile) with the answer.
    pub const fn moment(&self) -> Moment {
        self.rows.moment()
    }

    /// Applies the venue's list of all positions. This crate has no REST question for positions: use a REST client of
    /// your own.
    ///
    /// `asked` is the [`moment`](Positions::moment) before the question. Positions that were reported after `asked`
    /// stay as they are; a report that came after its subscription had ended does not count. Current positions that a
    /// link reported stay too, because REST may lag behind the stream. Each other position takes its amounts from the
    /// answer, or is removed if the answer does not list it.
    ///
    /// If the list of positions is stale only because a position was not kept ([`StaleReason::NoRoom`]), current
    /// positions that were reported before `asked` are removed too if the answer does not list them.
    ///
    /// Returns whether all positions are current now:
    ///
    /// - If all positions are current already, the answer is not used.
    /// - If, after `asked`, reports may have been lost, a reported position was not kept, or a stream of positions
    ///   was subscribed, the answer is not used: ask again.
    /// - If no stream of positions is subscribed, the answer is used, but the list and the positions of the answer
    ///   are stale, with the reason [`StaleReason::NotSubscribed`].
    /// - If there is no room for a position of the answer (at most 65,536 are kept), the list of positions remains
    ///   stale.
    ///
    /// ```
    /// use gemini_ws::{HeldAmount, Positions};
    ///
    /// let mut positions = Positions::new();
    /// let asked = positions.moment();
    /// let held = [("GEMI-A-UP".parse().unwrap(), vec![HeldAmount::new("position", "100")])];
    /// assert!(!positions.reconcile(held, asked), "no stream is subscribed");
    /// assert_eq!(positions.iter().count(), 1);
    /// ```
    pub fn reconcile(
        &mut self,
        found: impl IntoIterator<Item = (Symbol, Vec<HeldAmount>)>,
        asked: Moment,
    ) -> bool {
        self.rows.reconcile(found.into_iter(), asked, true, append)
    }

    /// Returns how many positions in reports and answers were not kept, because 65,536 other instruments are kept
    /// already. A position that is not kept makes a current list of positions stale, with the reason
    /// [`StaleReason::NoRoom`].
    pub const fn untracked(&self) -> u64 {
        self.rows.untracked()
    }

    /// Returns how many rows of reports could not be decoded.
    pub const fn malformed(&self) -> u64 {
        self.rows.malformed()
    }
}
