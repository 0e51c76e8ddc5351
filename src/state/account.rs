//! [`Rows`]: what an account has, row by row, with a word on whether it is true. The ground of
//! [`Balances`](crate::Balances) and [`Positions`](crate::Positions).

use alloc::collections::BTreeMap;

use crate::event::Event;
use crate::event::source::Source;
use crate::request::stream::Topic;
use crate::state::truth::{Age, Loss, Moment, StaleReason, Standing};
use crate::value::id::LinkId;
use crate::value::time::Timestamp;

/// The most rows that are kept; others are counted.
pub(super) const ROWS_MAX: usize = 65_536;

/// Rows by their key. What a report does not name is as true as it was, unless the report lists everything.
#[derive(Clone, Debug)]
pub(super) struct Rows<K, V> {
    rows: BTreeMap<K, Row<V>>,
    /// That of the list: whether it has all rows that there are.
    standing: Standing,
    /// When the last doubt was raised.
    doubted: Moment,
    moment: Moment,
    untracked: u64,
    /// What reports come over.
    followed: Option<LinkId>,
    /// What they came over when their subscription ended. What was on its way then may still come.
    left: Option<LinkId>,
    is_recording: bool,
}

#[derive(Clone, Debug)]
struct Row<V> {
    value: V,
    standing: Standing,
    /// When it was last reported.
    reported: Moment,
}

impl<K: Ord, V> Rows<K, V> {
    pub(super) const fn new() -> Rows<K, V> {
        Rows {
            rows: BTreeMap::new(),
            standing: Standing::NEW,
            doubted: Moment::BEGINNING,
            moment: Moment::BEGINNING,
            untracked: 0,
            followed: None,
            left: None,
            is_recording: false,
        }
    }

    /// Takes a report: row by row, and everything that it does not name is gone if it lists all there is.
    pub(super) fn report(
        &mut self,
        source: &Source<'_>,
        event_time: Option<Timestamp>,
        rows: impl Iterator<Item = Option<(K, V)>>,
    ) {
        self.moment.step();
        let reported = self.moment;
        self.is_recording = source.link().is_none();
        let is_late = self.left.is_some() && source.link() == self.left;
        if !is_late {
            self.followed = source.link().or(self.followed);
        }
        for row in rows {
            let Some((key, value)) = row.filter(|(key, _)| self.has_room(key)) else {
                self.untracked = self.untracked.saturating_add(1);
                continue;
            };
            let mut standing = Standing::NEW;
            standing.renew(source, event_time);
            if let Some(reason) = self.standing.stale().filter(|_| is_late) {
                standing.set_stale(reason);
            }
            self.rows.insert(key, Row { value, standing, reported });
        }
        if source.is_whole() && !is_late {
            self.rows.retain(|_, row| row.reported == reported);
            self.standing.renew(source, event_time);
        } else if self.standing.stale() == Some(StaleReason::NothingYet) && source.link().is_none() {
            // A recording does not say what was subscribed.
            self.standing.renew(source, event_time);
        } else {
            self.standing.note(source, event_time);
        }
    }

    fn has_room(&self, key: &K) -> bool {
        self.rows.len() < ROWS_MAX || self.rows.contains_key(key)
    }

    /// Takes an event that is no report; says whether it makes anything stale.
    pub(super) fn lose(&mut self, event: &Event<'_>, topic: Topic) -> bool {
        if let Event::Subscribed { link, stream, .. } = event
            && stream.topic() == topic
        {
            // An answer to what was asked before does not say what has happened between.
            self.moment.step();
            if self.followed.is_some_and(|own| own != *link) {
                // The end of the link before was not reported.
                self.set_stale(StaleReason::Disconnected);
            }
            (self.followed, self.left, self.doubted) = (Some(*link), None, self.moment);
            return true;
        }
        let Some(loss) = Loss::of(event).filter(|loss| loss.is_of(topic)) else { return false };
        let followed = self.followed;
        if loss.ends_subscription() && loss.is_over(self.followed) {
            (self.left, self.followed) = (self.followed.or(self.left), None);
        }
        // What the next report comes over decides, if that is known.
        let link = followed.or(self.standing.link());
        if link.is_some() && !loss.is_over(link) {
            return false;
        }
        self.moment.step();
        self.doubted = self.moment;
        self.set_stale(loss.reason());
        true
    }

    fn set_stale(&mut self, reason: StaleReason) {
        self.standing.set_stale(reason);
        self.rows.values_mut().for_each(|row| row.standing.set_stale(reason));
    }

    pub(super) const fn moment(&self) -> Moment {
        self.moment
    }

    /// Takes the venue's answer to a question that was asked at a moment: all rows that there are. What was reported
    /// since is newer. Says whether nothing is stale any more: not if it became so after the question, and not while no
    /// reports are subscribed, as the next change would not be known.
    pub(super) fn reconcile(&mut self, rows: impl Iterator<Item = (K, V)>, asked: Moment) -> bool {
        if self.stale().is_none() || self.doubted > asked {
            return false;
        }
        self.moment.step();
        let answered = self.moment;
        for (key, value) in rows {
            let newer = self.rows.get_mut(&key).filter(|row| row.reported > asked);
            if let Some(row) = newer {
                row.reported = answered;
                continue;
            }
            self.rows.insert(key, Row { value, standing: self.standing, reported: answered });
        }
        self.rows.retain(|_, row| row.reported > asked);
        let is_followed = self.is_recording || self.followed.is_some();
        if is_followed {
            self.standing.confirm();
        } else {
            self.standing.set_stale(StaleReason::NotSubscribed);
        }
        for row in self.rows.values_mut().filter(|row| row.reported == answered) {
            row.standing = self.standing;
        }
        is_followed
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

    /// Why a row may be wrong; if there is no such row, why one may be missing.
    pub(super) fn stale_of<Q>(&self, key: &Q) -> Option<StaleReason>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.rows.get(key).map_or(self.standing.stale(), |row| row.standing.stale())
    }

    /// Why the list, or any of its rows, may be wrong.
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
}

impl<K: Ord, V> Default for Rows<K, V> {
    fn default() -> Rows<K, V> {
        Rows::new()
    }
}
