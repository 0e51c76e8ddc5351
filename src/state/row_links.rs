//! [`RowLinks`]: the links that report the rows of an account, and which of them have reported all rows.

use alloc::vec::Vec;

use crate::event::source::Source;
use crate::state::truth::Loss;
use crate::value::id::{LinkId, StreamId};

#[derive(Clone, Debug)]
pub(super) struct RowLinks {
    links: Vec<(LinkId, Shown)>,
    /// The links over which a stream has ended. Late reports may still arrive over them. Each link has the id of the
    /// subscription that ended, or `None` if only the stream ended.
    left: Vec<(LinkId, Option<StreamId>)>,
}

/// What a link has reported since its subscription began, or since a report over it was last lost, whichever is
/// later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    /// Nothing. Events were dropped, and the end of the subscription may be one of them.
    Nothing,
    /// At most some of the changes.
    Changes,
    /// All rows and all later changes, or all changes after an answer that listed all rows.
    All,
}

impl RowLinks {
    pub(super) const fn new() -> RowLinks {
        RowLinks { links: Vec::new(), left: Vec::new() }
    }

    pub(super) fn is_any(&self) -> bool {
        !self.links.is_empty()
    }

    pub(super) fn has(&self, link: LinkId) -> bool {
        self.links.iter().any(|(own, _)| *own == link)
    }

    pub(super) fn shows_all(&self) -> bool {
        self.links.iter().any(|(_, shown)| *shown == Shown::All)
    }

    /// Returns whether a report over this link counts as the newest report of the list. It does not count if other
    /// links have reported all rows ([`Shown::All`]) and this link has not.
    pub(super) fn leads(&self, link: Option<LinkId>) -> bool {
        let is_all = |(own, shown): &(LinkId, Shown)| Some(*own) == link && *shown == Shown::All;
        !self.shows_all() || self.links.iter().any(is_all)
    }

    /// Returns whether a report arrives after the end of its subscription. A list of all rows is not late if it
    /// belongs to a new subscription: the list may arrive before the venue confirms the subscription.
    pub(super) fn is_late(&self, source: &Source<'_>) -> bool {
        let of_link = |(link, ended): &(LinkId, Option<StreamId>)| {
            source.link() == Some(*link) && (!source.is_whole() || source.stream() == *ended)
        };
        self.left.iter().any(of_link)
    }

    /// Adds a link whose subscription is active: the venue has confirmed it, or a report has arrived. Removes other
    /// links in its slot, and other links that have reported nothing, because the events that report the end of their
    /// subscriptions may have been dropped. Returns whether changes may have been missed.
    pub(super) fn begin(&mut self, link: LinkId) -> bool {
        let before = self.links.len();
        let is_new = !self.has(link);
        self.left.retain(|(own, _)| own.slot() != link.slot());
        self.links
            .retain(|(own, shown)| *own == link || (own.slot() != link.slot() && *shown != Shown::Nothing));
        let has_missed = is_new && self.links.len() < before && !self.shows_all();
        if is_new {
            self.links.push((link, Shown::Changes));
        }
        let reporting = self.links.iter_mut().filter(|(own, shown)| *own == link && *shown == Shown::Nothing);
        reporting.for_each(|(_, shown)| *shown = Shown::Changes);
        has_missed
    }

    /// Call this when one report over the link lists every row, and all of these rows could be decoded.
    pub(super) fn show_all(&mut self, link: LinkId) {
        self.links.iter_mut().filter(|(own, _)| *own == link).for_each(|(_, shown)| *shown = Shown::All);
    }

    /// Applies an answer that lists all rows. The question was asked after the subscriptions of the links began.
    ///
    /// Some rows were not replaced by the answer, and only the links in `kept` report later changes of these rows. So
    /// a link is marked as [`Shown::All`] only if every link in `kept` is in its slot.
    pub(super) fn confirm(&mut self, kept: &[LinkId]) {
        let is_whole = |link: &LinkId| kept.iter().all(|own| own.slot() == link.slot());
        let known = self.links.iter_mut().filter(|(own, shown)| *shown != Shown::Nothing && is_whole(own));
        known.for_each(|(_, shown)| *shown = Shown::All);
    }

    /// Applies a loss. `ended` is the id of the subscription that ends with the loss; `None` if none ends. `newest`
    /// is the link that last reported the list.
    ///
    /// Returns whether rows may be wrong now. Returns `false` if the loss does not concern the rows, or if a link
    /// without the loss has reported all rows ([`Shown::All`]).
    pub(super) fn lose(&mut self, loss: &Loss, ended: Option<StreamId>, newest: Option<LinkId>) -> bool {
        let over: Vec<LinkId> =
            self.links.iter().map(|(own, _)| *own).filter(|own| loss.is_over(Some(*own))).collect();
        let concerns =
            if self.is_any() { !over.is_empty() } else { newest.is_none() || loss.is_over(newest) };
        if loss.ends_subscription() {
            self.links.retain(|(own, _)| !over.contains(own));
            // The event that began the subscription may have been dropped, so an unknown subscription can end as
            // well.
            let unknown = loss.link().filter(|link| loss.ends_stream() && !over.contains(link));
            for link in over.into_iter().chain(unknown) {
                self.left.retain(|(own, _)| own.slot() != link.slot());
                self.left.push((link, ended));
            }
        } else {
            let shown = if loss.hides_ends() { Shown::Nothing } else { Shown::Changes };
            let lossy =
                self.links.iter_mut().filter(|(own, before)| over.contains(own) && *before != Shown::Nothing);
            lossy.for_each(|(_, before)| *before = shown);
        }
        concerns && !self.shows_all()
    }
}
