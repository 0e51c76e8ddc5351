//! [`Rows`]: the balances or positions of an account, one row for each, and which rows are current.
//! [`Balances`](crate::Balances) and [`Positions`](crate::Positions) store their data in `Rows`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::event::Event;
use crate::event::source::Source;
use crate::request::stream::Topic;
use crate::state::row_links::RowLinks;
use crate::state::truth::{Age, Loss, Moment, StaleReason, Standing};
use crate::value::id::LinkId;
use crate::value::time::Timestamp;

pub(super) const ROWS_MAX: usize = 65_536;

#[derive(Clone, Debug)]
pub(super) struct Rows<K, V> {
    rows: BTreeMap<K, Row<V>>,
    standing: Standing,
    /// The moment at which all rows last became stale together, and the reason. The rows themselves do not change at
    /// this moment: [`Row::stale`] compares it with [`Row::stood`].
    lost: Option<(Moment, StaleReason)>,
    /// The moment of the last event that may have made the list incomplete or that began a subscription. An answer to
    /// a question asked before this moment is not used.
    doubted: Moment,
    moment: Moment,
    untracked: u64,
    malformed: u64,
    links: RowLinks,
    is_recording: bool,
    /// Whether an answer listed all rows after the last report that did.
    is_answered: bool,
}

#[derive(Clone, Debug)]
struct Row<V> {
    value: V,
    standing: Standing,
    stood: Moment,
    reported: Moment,
    /// The link that is expected to report the next change of the row. `None` if the value comes from an answer or a
    /// recording.
    ///
    /// If a report over another link has made the stale row current without replacing its newer value
    /// ([`Row::confirm_over`]), this is that other link. Otherwise, this is the link that reported the value.
    follows: Option<LinkId>,
    /// The only link that has reported the row since an answer. An answer has no time, so the report may be older
    /// than the answer. If this link loses a report, no other link may report the newer value again.
    only: Option<LinkId>,
}

impl<V> Row<V> {
    const fn new(value: V, standing: Standing, now: Moment) -> Row<V> {
        Row { value, standing, stood: now, reported: now, follows: standing.link(), only: None }
    }

    /// Creates the row that replaces `self` after a report.
    fn replaced(&self, value: V, standing: Standing, now: Moment) -> Row<V> {
        let link = standing.link();
        let is_first = self.follows.is_none() || self.only.map(LinkId::slot) == link.map(LinkId::slot);
        let only = link.filter(|_| is_first);
        Row { only, ..Row::new(value, standing, now) }
    }

    /// Pass the field [`Rows::lost`] as `lost`.
    fn stale(&self, lost: Option<(Moment, StaleReason)>) -> Option<StaleReason> {
        match lost {
            Some((at, reason)) if at > self.stood => Some(reason),
            _ => self.standing.stale(),
        }
    }

    /// Returns `false` for a row that comes only from answers or a recording.
    fn is_current(&self, lost: Option<(Moment, StaleReason)>) -> bool {
        self.stale(lost).is_none() && self.standing.link().is_some()
    }

    /// Returns whether a report or an answer has shown the row after the question at `asked`. A report that leaves
    /// the row stale does not count: it came after the end of its subscription.
    fn is_shown_since(&self, asked: Moment, lost: Option<(Moment, StaleReason)>) -> bool {
        self.reported > asked && (self.follows.is_none() || self.stale(lost).is_none())
    }

    fn confirm(&mut self, now: Moment) {
        self.standing.confirm();
        self.stood = now;
    }

    /// Makes the row current after a report over `link` that is older than the value. Keeps the value. `link` will
    /// report the later changes, so if the row was stale, stores `link` in `follows`.
    fn confirm_over(&mut self, link: Option<LinkId>, lost: Option<(Moment, StaleReason)>, now: Moment) {
        if self.stale(lost).is_some() {
            self.follows = link;
        }
        self.only = None;
        self.confirm(now);
    }

    fn set_stale(&mut self, reason: StaleReason, now: Moment) {
        self.only = None;
        self.standing.set_stale(reason);
        self.stood = now;
    }
}

impl<K: Ord, V: PartialEq> Rows<K, V> {
    pub(super) const fn new() -> Rows<K, V> {
        Rows {
            rows: BTreeMap::new(),
            standing: Standing::NEW,
            lost: None,
            doubted: Moment::BEGINNING,
            moment: Moment::BEGINNING,
            untracked: 0,
            malformed: 0,
            links: RowLinks::new(),
            is_recording: false,
            is_answered: false,
        }
    }

    /// Applies a report:
    ///
    /// - If the report has the whole list, removes the rows that the report does not name.
    /// - If another link has reported a row with a later time, keeps this row and its value.
    /// - If the report arrives after the end of its subscription, removes no rows and replaces no current row,
    ///   because perhaps nothing reports the later changes over its link. If the list is stale as well, the rows that
    ///   the report replaces or adds are stale; otherwise the report adds no rows.
    /// - If the report is older than the whole list, see [`Rows::catch_up`].
    ///
    /// `malformed` is the number of rows of the report that cannot be decoded. Such a row may have any key that the
    /// report does not name. So if `malformed` is not 0, no row is removed, and [`Rows::lose_rows`] marks rows stale.
    /// If the report is older than the whole list, `malformed` has no other effect than on [`Rows::malformed`].
    ///
    /// `begins_whole` says whether the first report of each stream of the topic lists all rows. If so, the first
    /// report of a recording makes the list current, unless the report has a malformed row.
    pub(super) fn report(
        &mut self,
        source: &Source<'_>,
        begins_whole: bool,
        event_time: Option<Timestamp>,
        rows: impl Iterator<Item = (K, V)>,
        malformed: usize,
        join: impl Fn(&mut V, V),
    ) {
        self.moment.step();
        let reported = self.moment;
        self.malformed = self.malformed.saturating_add(malformed as u64);
        match source.link() {
            Some(_) => self.end_recording(),
            None => self.is_recording = true,
        }
        let is_late = self.links.is_late(source);
        if let Some(link) = source.link().filter(|_| !is_late) {
            if !self.links.has(link) {
                // A report may precede the confirmation. Changes before this report may be missing.
                self.doubted = reported;
            }
            self.begin(link);
            if source.is_whole() && malformed == 0 {
                self.links.show_all(link);
            }
        }
        if self.standing.stale().is_none() && self.standing.has_outrun(source, event_time) {
            self.catch_up(source, event_time, rows, join);
            return;
        }
        let replaces_all = source.is_whole() && !is_late && malformed == 0;
        if replaces_all {
            self.rows.retain(|_, row| {
                row.confirm_over(source.link(), self.lost, reported);
                row.standing.has_outrun(source, event_time)
            });
        }
        let mut standing = Standing::of(source, event_time);
        if let Some(reason) = self.standing.stale().filter(|_| is_late) {
            standing.set_stale(reason);
        }
        let is_full = self.take(rows, source, standing, is_late, join);
        let begins_recording = malformed == 0
            && begins_whole
            && self.is_recording
            && self.standing.stale() == Some(StaleReason::NothingYet);
        if replaces_all || begins_recording {
            self.is_answered = false;
            self.standing.renew(source, event_time);
        } else if self.links.leads(source.link()) {
            self.standing.note(source, event_time);
        }
        if is_full {
            self.lack_rows();
        }
        if malformed > 0 {
            self.lose_rows(source, event_time);
        }
    }

    /// Applies a report that is older than the list. Replaces a row only if [`Row::follows`] is the link of the
    /// report or another link in its slot. Any other row may have a newer value, and the link that reported this
    /// value may never report it again.
    fn catch_up(
        &mut self,
        source: &Source<'_>,
        event_time: Option<Timestamp>,
        rows: impl Iterator<Item = (K, V)>,
        join: impl Fn(&mut V, V),
    ) {
        let reported = self.moment;
        let standing = Standing::of(source, event_time);
        let slot = source.link().map(LinkId::slot);
        for (key, value) in rows {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.reported == reported {
                join(&mut row.value, value);
            } else if row.follows.map(LinkId::slot) == slot && !row.standing.has_outrun(source, event_time) {
                *row = row.replaced(value, standing, reported);
            }
        }
    }

    /// Handles rows of the current report that cannot be decoded. If no link has reported all rows and all changes
    /// since then, marks the list stale, and also each row that the report does not name. Exception: a row that
    /// another link has reported with a later time does not become stale.
    #[cold]
    fn lose_rows(&mut self, source: &Source<'_>, event_time: Option<Timestamp>) {
        let reported = self.moment;
        if self.links.shows_all() {
            return;
        }
        self.doubted = reported;
        self.standing.set_stale(StaleReason::Malformed);
        self.rows
            .values_mut()
            .filter(|row| row.reported != reported && !row.standing.has_outrun(source, event_time))
            .for_each(|row| row.set_stale(StaleReason::Malformed, reported));
    }

    /// Joins rows with the same key. Returns whether there was no room for one of the rows.
    fn take(
        &mut self,
        rows: impl Iterator<Item = (K, V)>,
        source: &Source<'_>,
        standing: Standing,
        is_late: bool,
        join: impl Fn(&mut V, V),
    ) -> bool {
        let (reported, mut is_full) = (self.moment, false);
        let event_time = standing.age().event_time;
        for (key, value) in rows {
            let has_room = self.rows.len() < ROWS_MAX;
            match self.rows.get_mut(&key) {
                Some(row) if row.reported == reported => join(&mut row.value, value),
                Some(row) if is_late && row.stale(self.lost).is_none() => {}
                Some(row) if row.standing.has_outrun(source, event_time) => {
                    if standing.stale().is_none() {
                        row.confirm_over(source.link(), self.lost, reported);
                    }
                }
                Some(row) => *row = row.replaced(value, standing, reported),
                // The list is current without the row, so the row has ended.
                None if is_late && standing.stale().is_none() => {}
                None if has_room => {
                    let only = source.link().filter(|_| self.is_answered);
                    self.rows.insert(key, Row { only, ..Row::new(value, standing, reported) });
                }
                None => {
                    self.untracked = self.untracked.saturating_add(1);
                    is_full = true;
                }
            }
        }
        is_full
    }

    /// Marks the list stale, because there was no room for a row. If the list is stale already, keeps the earlier
    /// reason. From now on, `reconcile` does not use answers to earlier questions, because they may lack this row
    /// too.
    fn lack_rows(&mut self) {
        self.doubted = self.moment;
        self.standing.set_stale(self.standing.stale().unwrap_or(StaleReason::NoRoom));
    }

    /// Applies an event that is not a report. If the event confirms a subscription to `topic`, adds its link. If the
    /// event is a [`Loss`] of the topic, marks all rows and the list stale, unless a link without the loss has
    /// reported all rows and all changes since then. In that case, marks only the rows stale for which
    /// [`Row::only`] is the link of the loss, and the list with them. Returns whether the event did one of these
    /// things.
    pub(super) fn lose(&mut self, event: &Event<'_>, topic: Topic) -> bool {
        if let Event::Subscribed { link, stream, .. } = event
            && stream.topic() == topic
        {
            // An answer to an earlier question does not show the changes before the subscription.
            self.moment.step();
            self.end_recording();
            self.doubted = self.moment;
            self.begin(*link);
            return true;
        }
        let Some(loss) = Loss::of(event).filter(|loss| loss.is_of(topic)) else { return false };
        let ended = match event {
            Event::Unsubscribed { id, .. } | Event::Rejected { id, .. } => Some(*id),
            _ => None,
        };
        let concerns_all = self.links.lose(&loss, ended, self.standing.link());
        let is_only = |row: &Row<V>| row.only.is_some() && loss.is_over(row.only);
        if !concerns_all && !self.rows.values().any(is_only) {
            return false;
        }
        self.moment.step();
        self.doubted = self.moment;
        if concerns_all {
            self.set_stale(loss.reason());
        } else {
            let now = self.moment;
            let rows = self.rows.values_mut().filter(|row| is_only(row));
            rows.for_each(|row| row.set_stale(loss.reason(), now));
            self.standing.set_stale(loss.reason());
        }
        true
    }

    fn begin(&mut self, link: LinkId) {
        if self.links.begin(link) {
            self.set_stale(StaleReason::Disconnected);
        }
    }

    /// If the data comes from a recording, marks all of it stale: the recording does not show what happened after its
    /// end.
    fn end_recording(&mut self) {
        if core::mem::take(&mut self.is_recording) {
            self.set_stale(StaleReason::Disconnected);
        }
    }

    fn set_stale(&mut self, reason: StaleReason) {
        self.standing.set_stale(reason);
        self.lost = Some((self.moment, reason));
    }

    pub(super) const fn moment(&self) -> Moment {
        self.moment
    }

    /// Applies the venue's answer to a question asked at the moment `asked`.
    ///
    /// - A row that was reported after `asked` stays as it is ([`Row::is_shown_since`]). A current row that a link
    ///   reported stays too, because REST may lag behind the stream.
    /// - Any other row takes its value from the answer. If the answer does not list the row, the row is removed.
    /// - If the list is stale only because there was no room for a row ([`StaleReason::NoRoom`]), a current row that
    ///   was reported before `asked` is also removed if the answer does not list it.
    ///
    /// `is_whole` is `false` if a row of the answer cannot be decoded. Then no row is removed. The list, and each row
    /// that the answer does not name, remain as they are.
    ///
    /// Returns whether all rows are current now. The docs of `Balances::reconcile` say when an answer is not used.
    pub(super) fn reconcile(
        &mut self,
        rows: impl Iterator<Item = (K, V)>,
        asked: Moment,
        is_whole: bool,
        join: impl Fn(&mut V, V),
    ) -> bool {
        if self.stale().is_none() {
            return true;
        }
        if self.doubted > asked {
            return false;
        }
        self.moment.step();
        let answered = self.moment;
        let (named, refused) = read_answer(rows, join);
        let (lost, mut kept) = (self.lost, Vec::new());
        if is_whole {
            let lacks_rows = self.standing.stale() == Some(StaleReason::NoRoom);
            let stays =
                |row: &Row<V>| row.is_shown_since(asked, lost) || (row.is_current(lost) && !lacks_rows);
            self.rows.retain(|key, row| {
                let is_named = named.contains_key(key);
                let is_kept = !is_named && stays(row);
                if is_kept {
                    note_link(&mut kept, row);
                }
                is_named || is_kept
            });
        }
        let refused = refused.saturating_add(self.take_answer(named, asked, &mut kept));
        self.untracked = self.untracked.saturating_add(refused);
        let is_followed = self.is_recording || self.links.is_any();
        let answered_rows = self.rows.values_mut().filter(|row| row.reported == answered);
        if is_followed {
            answered_rows.for_each(|row| row.confirm(answered));
        } else {
            answered_rows.for_each(|row| row.set_stale(StaleReason::NotSubscribed, answered));
        }
        if is_whole && is_followed {
            self.standing.confirm();
        } else if is_whole {
            self.standing.set_stale(StaleReason::NotSubscribed);
        }
        if refused > 0 {
            self.lack_rows();
        }
        if is_whole {
            self.is_answered = true;
            self.links.confirm(&kept);
        }
        is_followed && is_whole && refused == 0
    }

    /// Stores the rows of an answer. Some rows keep their value ([`Rows::reconcile`]): if the answer has another
    /// value for such a row, adds the link that the row follows to `kept`. Returns the number of rows of the answer
    /// for which there was no room.
    fn take_answer(&mut self, named: BTreeMap<K, V>, asked: Moment, kept: &mut Vec<LinkId>) -> u64 {
        let (answered, mut refused) = (self.moment, 0_u64);
        for (key, value) in named {
            let has_room = self.rows.len() < ROWS_MAX;
            match self.rows.get_mut(&key) {
                Some(row) => {
                    if !row.is_shown_since(asked, self.lost) && !row.is_current(self.lost) {
                        (row.value, row.follows, row.only) = (value, None, None);
                    } else if row.value != value {
                        note_link(kept, row);
                    }
                    row.reported = answered;
                }
                None if has_room => drop(self.rows.insert(key, Row::new(value, Standing::NEW, answered))),
                None => refused = refused.saturating_add(1),
            }
        }
        refused
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rows.get(key).map(|row| &row.value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    /// For an unknown key, returns the reason why a row may be missing.
    pub(super) fn stale_of<Q>(&self, key: &Q) -> Option<StaleReason>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rows.get(key).map_or(self.standing.stale(), |row| row.stale(self.lost))
    }

    pub(super) fn stale(&self) -> Option<StaleReason> {
        self.standing.stale()
    }

    pub(super) fn age_of<Q>(&self, key: &Q) -> Option<Age>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rows.get(key).map(|row| row.standing.age())
    }

    pub(super) const fn untracked(&self) -> u64 {
        self.untracked
    }

    pub(super) const fn malformed(&self) -> u64 {
        self.malformed
    }
}

fn note_link<V>(kept: &mut Vec<LinkId>, row: &Row<V>) {
    if let Some(link) = row.follows.filter(|link| !kept.contains(link)) {
        kept.push(link);
    }
}

/// Returns the rows of an answer by key, and the number of rows for which there was no room.
fn read_answer<K: Ord, V>(
    rows: impl Iterator<Item = (K, V)>,
    join: impl Fn(&mut V, V),
) -> (BTreeMap<K, V>, u64) {
    let (mut named, mut refused) = (BTreeMap::new(), 0_u64);
    for (key, value) in rows {
        let has_room = named.len() < ROWS_MAX;
        match named.get_mut(&key) {
            Some(earlier) => join(earlier, value),
            None if has_room => {
                named.insert(key, value);
            }
            None => refused = refused.saturating_add(1),
        }
    }
    (named, refused)
}

impl<K: Ord, V: PartialEq> Default for Rows<K, V> {
    fn default() -> Rows<K, V> {
        Rows::new()
    }
}
