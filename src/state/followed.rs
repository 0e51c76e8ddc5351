//! [`Followed`]: the links over which events about orders, or quotes, come.

use alloc::vec::Vec;

use crate::request::stream::{Scope, Stream};
use crate::state::truth::{Loss, StaleReason};
use crate::value::id::LinkId;

#[derive(Clone, Debug)]
pub(super) struct Followed {
    links: Vec<(LinkId, Scope)>,
    /// Whether events came from a recording, which does not say what was subscribed.
    is_recording: bool,
}

impl Followed {
    pub(super) const fn new() -> Followed {
        Followed { links: Vec::new(), is_recording: false }
    }

    /// A stream was subscribed. Returns whether the end of an earlier link was not reported.
    pub(super) fn begin(&mut self, link: LinkId, stream: &Stream) -> bool {
        let scope = match stream {
            Stream::Orders { scope } | Stream::Quotes { scope } => *scope,
            _ => Scope::Account,
        };
        let is_older = |(own, _): &(LinkId, Scope)| own.slot() == link.slot() && *own != link;
        let has_missed = self.links.iter().any(is_older);
        self.links.retain(|(own, _)| own.slot() != link.slot());
        self.links.push((link, scope));
        has_missed
    }

    /// An event came over a link, or from a recording. Returns whether the end of an earlier link was not reported.
    pub(super) fn note(&mut self, link: Option<LinkId>) -> bool {
        match link {
            Some(link) if self.links.iter().all(|(own, _)| *own != link) => {
                self.begin(link, &Stream::Orders { scope: Scope::Account })
            }
            Some(_) => false,
            None => {
                self.is_recording = true;
                false
            }
        }
    }

    /// Takes a loss: behind some, nothing comes any more until the stream is subscribed again.
    pub(super) fn lose(&mut self, loss: &Loss) {
        if !matches!(
            loss.reason(),
            StaleReason::Overflow | StaleReason::Malformed | StaleReason::Gap | StaleReason::UnknownStatus
        ) {
            self.links.retain(|(own, _)| !loss.is_over(Some(*own)));
        }
    }

    /// Whether a loss may be about something that has to do with these links; about anything if there are none.
    pub(super) fn is_hit(&self, loss: &Loss, about: [Option<LinkId>; 2]) -> bool {
        let is_about = |own: LinkId| {
            about == [None; 2] || about.into_iter().flatten().any(|link| link.endpoint() == own.endpoint())
        };
        loss.link().is_none() || self.links.iter().any(|(own, _)| loss.is_over(Some(*own)) && is_about(*own))
    }

    /// Whether events come about what has to do with these links.
    pub(super) fn tells_of(&self, about: [Option<LinkId>; 2]) -> bool {
        let tells_of = |link: LinkId| {
            self.links.iter().any(|(own, scope)| match scope {
                Scope::Session => *own == link,
                Scope::Account => own.endpoint() == link.endpoint(),
            })
        };
        self.is_recording
            || (about == [None; 2] && self.is_any())
            || about.into_iter().flatten().any(tells_of)
    }

    /// Whether events come at all.
    pub(super) fn is_any(&self) -> bool {
        self.is_recording || !self.links.is_empty()
    }
}
