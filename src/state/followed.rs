//! [`Followed`]: the links that report orders or quotes, and when a report was last lost.

use alloc::vec::Vec;

use crate::event::Event;
use crate::request::stream::{Scope, Stream, Topic};
use crate::state::truth::{Loss, Moment, StaleReason};
use crate::value::id::LinkId;

#[derive(Clone, Debug)]
pub(super) struct Followed {
    links: Vec<(LinkId, Reach)>,
    /// Links whose subscription has ended, and links whose filter leaves out executions or ends of orders. Events may
    /// still arrive over these links.
    left: Vec<LinkId>,
    is_recording: bool,
    moment: Moment,
    lost: Moment,
    reason: StaleReason,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reach {
    Account,
    /// The orders or quotes that were made over the link.
    Session,
    /// The orders or quotes that pass a filter of instruments or sessions.
    Filtered,
}

impl Reach {
    pub(super) const fn of(stream: &Stream) -> Reach {
        match stream {
            Stream::Orders { scope: Scope::Session } | Stream::Quotes { scope: Scope::Session } => {
                Reach::Session
            }
            _ => Reach::Account,
        }
    }
}

#[derive(Debug)]
pub(super) struct Hit {
    loss: Loss,
    links: Vec<LinkId>,
}

impl Followed {
    pub(super) const fn new() -> Followed {
        let (moment, lost) = (Moment::BEGINNING, Moment::BEGINNING);
        let reason = StaleReason::NotSubscribed;
        Followed { links: Vec::new(), left: Vec::new(), is_recording: false, moment, lost, reason }
    }

    pub(super) const fn step(&mut self) {
        self.moment.step();
    }

    pub(super) const fn moment(&self) -> Moment {
        self.moment
    }

    /// Returns the moment when a report may last have been lost, or when a stream was last subscribed, whichever is
    /// later. An answer to a question asked before this moment is outdated.
    pub(super) const fn lost(&self) -> Moment {
        self.lost
    }

    /// Returns the reason of the newest loss. If only an outdated answer has named an order or quote, the order or
    /// quote is in doubt with this reason.
    pub(super) const fn reason(&self) -> StaleReason {
        self.reason
    }

    pub(super) const fn note_loss(&mut self, reason: StaleReason) {
        (self.lost, self.reason) = (self.moment, reason);
    }

    pub(super) fn begin(&mut self, link: LinkId, reach: Reach) -> bool {
        self.note_loss(StaleReason::NotSubscribed);
        self.add(link, reach)
    }

    /// Call this instead of `begin` if the filter of the link leaves out executions or ends of orders.
    pub(super) fn leave(&mut self, link: LinkId) -> bool {
        self.note_loss(StaleReason::NotSubscribed);
        let has_missed = self.replace(link);
        self.left.push(link);
        has_missed
    }

    /// Adds the link of an event to `links` if the link is new. Pass `None` for a recording.
    pub(super) fn note(&mut self, link: Option<LinkId>) -> bool {
        let Some(link) = link else {
            self.is_recording = true;
            return false;
        };
        let is_known = self.left.contains(&link) || self.links.iter().any(|(own, _)| *own == link);
        if is_known {
            return false;
        }
        // A report may precede the confirmation. Changes before this report may be missing.
        self.note_loss(StaleReason::NotSubscribed);
        self.add(link, Reach::Account)
    }

    /// Returns whether more reports are expected over the link of an event, also the ends of orders; `true` for a
    /// recording.
    pub(super) fn continues(&self, link: Option<LinkId>) -> bool {
        link.is_none_or(|link| self.links.iter().any(|(own, _)| *own == link))
    }

    fn add(&mut self, link: LinkId, reach: Reach) -> bool {
        let has_missed = self.replace(link);
        self.links.push((link, reach));
        has_missed
    }

    /// Removes the links in the slot of `link` from `links` and `left`, and sets `is_recording` to `false`. Returns
    /// whether reports may be missing, because no event has reported the end of the earlier source: `links` still had
    /// an earlier link in the slot, or `is_recording` was `true`.
    fn replace(&mut self, link: LinkId) -> bool {
        let is_older = |(own, _): &(LinkId, Reach)| own.slot() == link.slot() && *own != link;
        let has_missed = core::mem::take(&mut self.is_recording) || self.links.iter().any(is_older);
        self.links.retain(|(own, _)| own.slot() != link.slot());
        self.left.retain(|own| own.slot() != link.slot());
        has_missed
    }

    /// Applies the loss that an event causes. Returns the loss and the links in `links` that it concerns. Returns
    /// `None` if the event causes no loss, or if the loss names a link and concerns none of `links`.
    pub(super) fn lose(&mut self, event: &Event<'_>, topic: Topic) -> Option<Hit> {
        let loss = Loss::of(event).filter(|loss| loss.is_of(topic))?;
        let over = self.links.iter().map(|(own, _)| *own).filter(|own| loss.is_over(Some(*own)));
        let hit = Hit { loss, links: over.collect() };
        if let Some(link) = loss.link()
            && hit.links.is_empty()
        {
            if loss.ends_stream() {
                // The event that began the subscription was dropped.
                self.left.retain(|own| own.slot() != link.slot());
                self.left.push(link);
            }
            return None;
        }
        self.note_loss(loss.reason());
        if loss.ends_subscription() {
            self.links.retain(|(own, _)| !hit.links.contains(own));
            self.left.extend(&hit.links);
            self.left.extend(loss.link().filter(|link| !hit.links.contains(link)));
        }
        Some(hit)
    }

    /// Returns `link`, the link of an event, if the stream of this link reports only orders or quotes that were made
    /// over this link ([`Reach::Session`]). Returns `None` for any other link.
    pub(super) fn session(&self, link: Option<LinkId>) -> Option<LinkId> {
        let is_session = |link: &LinkId| self.links.contains(&(*link, Reach::Session));
        link.filter(is_session)
    }

    /// Returns whether a stream or a recording reports an order or quote. `about` returns the links over which it was
    /// placed or reported, and `sessions` has the links over which it is known to have been made. If `about` returns
    /// no link, assumes that each link that reports a whole account reports the order or quote.
    pub(super) fn tells_of(
        &self,
        about: impl Iterator<Item = LinkId> + Clone,
        sessions: [Option<LinkId>; 2],
    ) -> bool {
        let is_at = |own: &LinkId| about.clone().any(|link| own.endpoint() == link.endpoint());
        let is_followed = |(own, reach): &(LinkId, Reach)| match reach {
            Reach::Account => about.clone().next().is_none() || is_at(own),
            Reach::Session => sessions.contains(&Some(*own)),
            Reach::Filtered => is_at(own),
        };
        self.is_recording || self.links.iter().any(is_followed)
    }

    pub(super) fn is_any(&self) -> bool {
        self.is_recording || !self.links.is_empty()
    }
}

impl Hit {
    pub(super) const fn reason(&self) -> StaleReason {
        self.loss.reason()
    }

    /// `about` returns the links over which an order or quote was placed or reported.
    pub(super) fn is_about(&self, about: impl Iterator<Item = LinkId> + Clone) -> bool {
        let is_about = |own: &LinkId| {
            about.clone().next().is_none() || about.clone().any(|link| link.endpoint() == own.endpoint())
        };
        self.loss.link().is_none() || self.links.iter().any(is_about)
    }
}
