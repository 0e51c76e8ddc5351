//! The links over which an order was placed and reported.

use crate::message::OrderUpdate;
use crate::state::order::Order;
use crate::state::order_state::OrderState;
use crate::state::truth::Moment;
use crate::value::id::LinkId;

impl Order {
    /// Returns the link of the request that placed the order. For an order of another client, returns the link of the
    /// newest event about the order. Send a cancel to the [endpoint](crate::Client::endpoint) of this link.
    pub fn link(&self) -> Option<LinkId> {
        let [request, event] = self.links();
        request.or(event)
    }

    /// Returns whether an event over another link was newer than `update`, a row of a list of open orders. Over one
    /// link, or over links that replace each other in one slot, the later report is always the newer one.
    pub(in crate::state) fn has_outrun(&self, update: &OrderUpdate<'_>, link: Option<LinkId>) -> bool {
        let is_other = self.link.zip(link).is_some_and(|(own, other)| own.slot() != other.slot());
        is_other && self.is_late(update)
    }

    fn links(&self) -> [Option<LinkId>; 2] {
        [self.request.map(|(_, link)| link), self.link]
    }

    /// Returns the links over which the order was placed or reported: of each endpoint the newest one, and also the
    /// link of the request.
    pub(in crate::state) fn known_links(&self) -> impl Iterator<Item = LinkId> + Clone {
        self.links().into_iter().flatten().chain(self.earlier_links.iter().copied())
    }

    /// Removes the request that placed the order, because another client uses the id of the request now. If no event
    /// has named a link, keeps the link of the request as the link of the order.
    pub(in crate::state) fn leave_request(&mut self) {
        let request = self.request.take();
        self.link = self.link.or(request.map(|(_, link)| link));
    }

    pub(in crate::state) const fn note_unnoticed(&mut self) {
        self.is_unnoticed = true;
    }

    pub(in crate::state) const fn sent_at(&self) -> Moment {
        self.sent_at
    }

    /// Returns whether an event has shown that the venue has the order.
    pub(in crate::state) fn is_reported(&self) -> bool {
        self.first_event > Moment::BEGINNING && self.state != OrderState::Rejected
    }

    pub(in crate::state) fn sessions(&self) -> [Option<LinkId>; 2] {
        [self.request.map(|(_, link)| link), self.session]
    }

    pub(in crate::state) fn note_session(&mut self, link: Option<LinkId>) {
        self.session = link.or(self.session);
    }

    #[cold]
    pub(super) fn note_link(&mut self, link: Option<LinkId>) {
        let endpoint = link.map(LinkId::endpoint);
        self.earlier_links.retain(|earlier| Some(earlier.endpoint()) != endpoint);
        self.earlier_links.extend(self.link.filter(|own| Some(own.endpoint()) != endpoint));
        self.link = link;
    }

    /// Returns whether the order may belong to the endpoint of a link; `true` if the link or all links of the order
    /// are unknown. The order belongs to each endpoint that has reported it, because several endpoints may report the
    /// orders of one account.
    pub(in crate::state) fn is_at(&self, link: Option<LinkId>) -> bool {
        let mut known = self.known_links().peekable();
        let Some(link) = link else { return true };
        known.peek().is_none() || known.any(|own| own.endpoint() == link.endpoint())
    }
}
