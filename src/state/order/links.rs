//! The links over which an order was placed and reported.

use crate::state::order::Order;
use crate::value::id::LinkId;

impl Order {
    /// Returns the link of the request that placed the order. For an order of another client, returns the link of the
    /// newest event about the order. Send a cancel to the [endpoint](crate::Client::endpoint) of this link.
    pub fn link(&self) -> Option<LinkId> {
        let [request, event] = self.links();
        request.or(event)
    }

    pub(in crate::state) fn links(&self) -> [Option<LinkId>; 2] {
        [self.request.map(|(_, link)| link), self.link]
    }

    pub(in crate::state) fn sessions(&self) -> [Option<LinkId>; 2] {
        [self.request.map(|(_, link)| link), self.session]
    }

    /// Notes a link whose stream reports only the orders of its own session. Pass `None` for any other link.
    pub(in crate::state) fn note_session(&mut self, link: Option<LinkId>) {
        self.session = link.or(self.session);
    }

    /// Returns whether the order may belong to the endpoint of a link; `true` if one of the two is unknown.
    pub(in crate::state) fn is_at(&self, link: Option<LinkId>) -> bool {
        let mut known = self.links().into_iter().flatten().peekable();
        let Some(link) = link else { return true };
        known.peek().is_none() || known.any(|own| own.endpoint() == link.endpoint())
    }
}
