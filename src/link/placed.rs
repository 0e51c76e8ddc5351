//! [`Placed`]: which sessions may have left orders at the venue.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::cmp::Ordering;

use crate::event::status_times::StatusTimes;
use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::new_order::ClientOrderId;
use crate::request::{Request, Subject};
use crate::value::id::LinkId;

const NAMED_MAX: usize = 1_024;

/// Keeps each request of a client that may have placed an order, as long as this order may be open. Each connection
/// is a session.
///
/// In these cases there is nothing to cancel, so the order does not count as open:
///
/// - The client did not send the order, or the venue refused it.
/// - An event over any link to the endpoint reported the end of the order.
/// - The application has [forgotten](Placed::forget) the order.
///
/// But if a later event reports such an order as open, the order counts as open again. An old or repeated event does
/// not have this effect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    sessions: BTreeMap<LinkId, Session>,
    /// The number of sessions that have ended and may have left orders at the venue. Orders in `named` do not count.
    left: usize,
    /// The requests to place an order, by rising id. Beyond [`NAMED_MAX`], `Placed` first drops requests whose orders
    /// were refused or have ended, and then the oldest requests.
    named: VecDeque<Named>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Session {
    /// The newest request that may have placed an order, among the requests of the session that are not in `named`.
    last: Option<u64>,
    /// The newest request of the session by which the venue has cancelled all orders; 0 if there is none.
    cancelled: u64,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    request: u64,
    link: LinkId,
    id: ClientOrderId,
    state: State,
    /// The venue's id of the order. The first event that has such an id, and reports the order as open or rejected,
    /// sets it.
    order_id: Option<u64>,
    times: StatusTimes,
    /// Whether events with the client order id may be about the order of another request. If so, no event proves the
    /// end of this order.
    is_shared: bool,
    /// Whether the session has ended.
    is_left: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Sent,
    /// The venue refused the order, or the client did not send the request.
    Refused,
    /// The venue may hold the order.
    Placed,
    /// An event or the application has reported the end of the order.
    Ended,
}

impl Placed {
    /// Stores a request that may have placed an order as the newest such request of its session. Ignores the request
    /// if a later request of the session has cancelled all orders. This assumes that the venue handles the requests
    /// of a session in their order.
    fn note(&mut self, link: LinkId, request: u64) {
        let session = self.sessions.entry(link).or_default();
        if request > session.cancelled {
            session.last = session.last.max(Some(request));
        }
    }

    /// A raw request counts at once as one that may have placed an order.
    pub(super) fn note_request(&mut self, link: LinkId, request: u64, about: &Request) {
        match about {
            Request::Raw(_) => self.note(link, request),
            Request::PlaceOrder(order) => {
                // The first order of a session allocates the memory, so that later orders allocate none.
                self.sessions.entry(link).or_default();
                if self.named.capacity() == 0 {
                    self.named.reserve_exact(NAMED_MAX);
                }
                if self.named.len() >= NAMED_MAX {
                    self.drop_one();
                }
                self.named.push_back(Named::new(request, link, order.client_order_id()));
            }
            _ => {}
        }
    }

    fn drop_one(&mut self) {
        let is_over = |named: &Named| matches!(named.state, State::Refused | State::Ended);
        let place = self.named.iter().position(is_over).unwrap_or(0);
        let Some(gone) = self.named.remove(place).filter(|gone| gone.state == State::Placed) else { return };
        if gone.is_left {
            self.left = self.left.saturating_add(1);
            self.named.retain(|named| named.link != gone.link);
        } else {
            self.note(gone.link, gone.request);
        }
    }

    fn get_mut(&mut self, request: u64) -> Option<&mut Named> {
        let place = self.named.binary_search_by_key(&request, |named| named.request).ok()?;
        self.named.get_mut(place)
    }

    #[inline]
    pub(super) fn note_event(&mut self, link: LinkId, event: &Event<'_>) {
        match event {
            Event::Reply { request, about, outcome, .. } => {
                self.note_reply(link, request.get(), about, outcome);
            }
            Event::Order(..) | Event::Batch(..) if !self.named.is_empty() => self.note_orders(link, event),
            _ => {}
        }
    }

    fn note_reply(&mut self, link: LinkId, request: u64, about: &Subject, outcome: &RequestOutcome<'_>) {
        match (about, outcome.verdict()) {
            (Subject::PlaceOrder(_), verdict) if verdict.may_be_accepted() => {
                self.note_placed(link, request);
            }
            (Subject::PlaceOrder(_), _) => {
                if let Some(named) = self.get_mut(request).filter(|named| named.state == State::Sent) {
                    named.state = State::Refused;
                }
            }
            (Subject::CancelSessionOrders | Subject::CancelAllOrders, Verdict::Accepted(_)) => {
                let session = self.sessions.entry(link).or_default();
                session.cancelled = session.cancelled.max(request);
                session.last = session.last.filter(|order| *order > request);
            }
            _ => {}
        }
    }

    /// Assumes that the venue may hold the order of a request. Has no effect if a reply or an event has already shown
    /// the state of the order.
    fn note_placed(&mut self, link: LinkId, request: u64) {
        match self.get_mut(request) {
            Some(named) if named.state == State::Sent => named.state = State::Placed,
            Some(_) => {}
            None => self.note(link, request),
        }
    }

    #[cold]
    fn note_orders(&mut self, link: LinkId, event: &Event<'_>) {
        for part in event.parts() {
            let Event::Order(update, _) = &part else { continue };
            if let Some(named) = self.named_by(link.endpoint(), update) {
                named.note(update);
            }
        }
    }

    /// Finds the request that placed the order of an event. Only requests at the endpoint of the event count. In this
    /// order, returns:
    ///
    /// 1. the request whose order has the venue's id in the event,
    /// 2. the oldest request with the client order id in the event whose order may be open and has no id of the venue
    ///    yet,
    /// 3. the newest request with this client order id whose order has not ended and has no id of the venue,
    /// 4. the newest request with this client order id.
    ///
    /// In the second case, if requests of several sessions match, the event may be about any of their orders. Then
    /// also marks each of them as shared.
    fn named_by(&mut self, endpoint: u16, update: &OrderUpdate<'_>) -> Option<&mut Named> {
        let known = id_of(update);
        let is_it = |it: &Named| known.is_some() && it.order_id == known && it.link.endpoint() == endpoint;
        if let Some(place) = self.named.iter().position(is_it) {
            return self.named.get_mut(place);
        }
        let id = update.client_order_id?;
        let is_alike = |named: &Named| id == *named.id.as_str() && named.link.endpoint() == endpoint;
        let is_unnamed =
            |named: &Named| named.order_id.is_none() && named.state != State::Ended && is_alike(named);
        let is_open = |named: &Named| named.state != State::Refused && is_unnamed(named);
        let first = self.named.iter().position(is_open);
        let place = first
            .or_else(|| self.named.iter().rposition(is_unnamed))
            .or_else(|| self.named.iter().rposition(is_alike))?;
        let link = self.named.get(place)?.link;
        if first.is_some() && self.named.iter().any(|named| is_open(named) && named.link != link) {
            let open = self.named.iter_mut().filter(|named| is_open(named));
            open.for_each(|named| named.is_shared = true);
        }
        self.named.get_mut(place)
    }

    pub(super) fn note_unanswered(&mut self, link: LinkId, request: u64, about: &Subject) {
        if matches!(about, Subject::PlaceOrder(_)) {
            self.note_placed(link, request);
        }
    }

    pub(crate) fn forget(&mut self, request: u64) {
        if let Some(named) = self.get_mut(request) {
            named.state = State::Ended;
        }
    }

    /// Ends the session of a link. If the session may have left orders at the venue, [`left`](Placed::left) counts it
    /// from now on. If `is_cancelled` is true, the venue cancels the orders of a session that ends, so no orders
    /// remain.
    pub(super) fn end(&mut self, link: LinkId, is_cancelled: bool) {
        let Session { last, cancelled } = self.sessions.remove(&link).unwrap_or_default();
        if last.is_some() && !is_cancelled {
            self.left = self.left.saturating_add(1);
        }
        let is_kept = last.is_none() && !is_cancelled;
        self.named.retain_mut(|named| {
            let is_own = named.link == link;
            named.is_left |= is_own;
            !is_own || (is_kept && named.state == State::Placed && named.request > cancelled)
        });
    }

    pub(crate) fn left(&self) -> usize {
        let open = self.named.iter().filter(|named| named.is_left && named.state == State::Placed);
        let links: BTreeSet<LinkId> = open.map(|named| named.link).collect();
        self.left.saturating_add(links.len())
    }
}

impl Named {
    const fn new(request: u64, link: LinkId, id: ClientOrderId) -> Named {
        let (state, order_id, times) = (State::Sent, None, StatusTimes::NONE);
        Named { request, link, id, state, order_id, times, is_shared: false, is_left: false }
    }

    /// Applies an event about the order. The application may have used the client order id before. So an event that
    /// reports the end of the order changes the state only in two cases: an earlier event with the same id of the
    /// venue has reported the order as open, or the event is a rejection. If the order `is_shared`, no event ends it.
    fn note(&mut self, update: &OrderUpdate<'_>) {
        let (id, is_rejected) = (id_of(update), update.status == OrderStatus::Rejected);
        let is_other = id.is_some() && id != self.order_id;
        match self.order_id {
            Some(_) => self.is_shared |= is_other,
            None if !update.status.is_end() || is_rejected => self.order_id = id,
            None => {}
        }
        if update.status.is_end() {
            if self.order_id == id && (id.is_some() || is_rejected) && !self.is_shared {
                self.state = State::Ended;
            }
        } else if self.state != State::Ended || is_other || self.is_open_again(update) {
            self.state = State::Placed;
        }
        self.times.note(update);
    }

    /// Returns whether an event shows that the order is open again after its end. An event that is older than the end
    /// does not show this, nor does a repeated `OPEN` event.
    fn is_open_again(&self, update: &OrderUpdate<'_>) -> bool {
        let since_end = self.times.since_end(update.event_time);
        match update.status {
            OrderStatus::Open => {
                since_end.is_none_or(Ordering::is_ge) && !self.times.has_opened(update.event_time)
            }
            OrderStatus::PartiallyFilled | OrderStatus::Initial => since_end.is_none_or(Ordering::is_gt),
            _ => false,
        }
    }
}

fn id_of(update: &OrderUpdate<'_>) -> Option<u64> {
    Some(update.order_id).filter(|id| *id != 0)
}
