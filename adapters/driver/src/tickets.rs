//! [`Tickets`]: the orders that are followed, and when that ends. It does no I/O, so the simulated lives of the core
//! run it too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use gemini_ws::{Client, CommandError, Instant, LinkId, Order, OrderState, Request, RequestId};

/// The default of `Driver::doubt_timeout`: how long the order of a ticket may be in doubt, or wait for its first
/// event, before the ticket ends as unknown.
pub const DOUBT_TIMEOUT: Duration = Duration::from_secs(10);

/// The driver's end of one ticket.
pub(crate) trait Holder {
    /// Notes that the order has changed, and perhaps ended.
    fn note(&self, order: &Order, end: Option<End>);

    /// Ends the ticket although the order has not ended.
    fn abandon(&self);

    /// Returns whether the ticket was dropped.
    fn is_dropped(&self) -> bool;
}

/// How an order ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Filled,
    Canceled,
    Rejected,
}

/// The driver's end of all tickets.
#[derive(Debug)]
pub(crate) struct Tickets<H: Holder> {
    open: HashMap<RequestId, Open<H>>,
    /// When each ticket ends, unless the doubt is resolved before.
    due: BTreeSet<(Instant, RequestId)>,
    doubt_timeout: Duration,
    /// Orders to cancel.
    cancels: BTreeMap<RequestId, Cancel>,
    /// When to send cancels again after a rate limit refused one.
    retry: Option<Instant>,
}

/// What a cancel needs to know of its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel {
    /// The venue's id, once it is known.
    order_id: Option<u64>,
    /// The link whose endpoint has the order.
    link: Option<LinkId>,
}

impl Cancel {
    pub(crate) fn of(order: &Order) -> Cancel {
        Cancel { order_id: order.order_id, link: order.link() }
    }

    /// Returns a cancel of an order of which only the venue's id is known.
    pub(crate) const fn of_id(order_id: u64) -> Cancel {
        Cancel { order_id: Some(order_id), link: None }
    }

    /// Sends the request to the endpoint of the order, whichever endpoints were added since. If that endpoint is not
    /// known, was removed or takes no requests, the client chooses the endpoint. `None` if the id is not known yet.
    pub(crate) fn send(self, client: &mut Client, now: Instant) -> Option<Result<RequestId, CommandError>> {
        let request = Request::CancelOrder { order_id: self.order_id? };
        let endpoint = self.link.and_then(|link| client.endpoint(link));
        match endpoint.map(|endpoint| client.request_at(now, endpoint, &request)) {
            None | Some(Err(CommandError::WrongEndpoint | CommandError::NotAuthenticated)) => {
                Some(client.request(now, &request))
            }
            sent => sent,
        }
    }
}

#[derive(Debug)]
struct Open<H> {
    holder: H,
    /// When the ticket ends because its order is in doubt.
    due: Option<Instant>,
}

impl<H: Holder> Default for Tickets<H> {
    fn default() -> Tickets<H> {
        Tickets {
            open: HashMap::new(),
            due: BTreeSet::new(),
            doubt_timeout: DOUBT_TIMEOUT,
            cancels: BTreeMap::new(),
            retry: None,
        }
    }
}

impl<H: Holder> Tickets<H> {
    pub(crate) const fn set_doubt_timeout(&mut self, timeout: Duration) {
        self.doubt_timeout = timeout;
    }

    /// Adds the ticket of an order that was accepted for sending.
    pub(crate) fn open(&mut self, request: RequestId, holder: H, now: Instant) {
        let due = now + self.doubt_timeout;
        self.due.insert((due, request));
        self.open.insert(request, Open { holder, due: Some(due) });
    }

    /// Notes a change of an order.
    pub(crate) fn note(&mut self, order: &Order, now: Instant) {
        let Some(request) = order.request() else { return };
        let end = end(order);
        // The order is cancelled even if its ticket was dropped.
        if end.is_some() {
            self.cancels.remove(&request);
        } else if let Some(cancel) = self.cancels.get_mut(&request) {
            *cancel = Cancel::of(order);
        }
        let Some(open) = self.open.get_mut(&request) else { return };
        let is_dropped = open.holder.is_dropped();
        let is_settled = end.is_some() || (order.state.is_from_events() && !order.needs_reconciling());
        if is_settled || is_dropped {
            if let Some(due) = open.due.take() {
                self.due.remove(&(due, request));
            }
        } else if open.due.is_none() {
            let due = now + self.doubt_timeout;
            open.due = Some(due);
            self.due.insert((due, request));
        }
        let is_done = end.is_some();
        open.holder.note(order, end);
        if is_done || is_dropped {
            self.open.remove(&request);
        }
    }

    /// Cancels an order as soon as the venue's id is known.
    pub(crate) fn cancel(&mut self, request: RequestId, cancel: Cancel) {
        self.cancels.insert(request, cancel);
    }

    /// Returns whether a cancel waits for the id of its order, or for room.
    pub(crate) fn has_cancels(&self) -> bool {
        !self.cancels.is_empty()
    }

    /// Sends the cancels of orders whose ids are known. Those that have no room now stay for later.
    pub(crate) fn send_cancels(&mut self, client: &mut Client, now: Instant) {
        if self.retry.is_some_and(|retry| now < retry) {
            return;
        }
        self.retry = None;
        let retry = &mut self.retry;
        self.cancels.retain(|_, cancel| {
            let Some(sent) = cancel.send(client, now) else { return true };
            match sent {
                Err(CommandError::RateLimited { retry: at, .. }) => {
                    *retry = Some(at);
                    true
                }
                // A new link and new room are events, and each event brings a turn that tries again.
                Err(CommandError::NotConnected | CommandError::TooMany(_)) => true,
                Ok(_) | Err(_) => false,
            }
        });
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(due, _)| *due);
        [due, self.retry].into_iter().flatten().min()
    }

    /// Ends the tickets whose orders have been in doubt for too long.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((due, request)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, request));
            if let Some(open) = self.open.remove(&request) {
                open.holder.abandon();
            }
        }
    }
}

impl<H: Holder> Drop for Tickets<H> {
    /// Ends all tickets as unknown, also if the driver is aborted or panics.
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.holder.abandon());
    }
}

/// Returns how an order ended; `None` while anything about it is in doubt.
fn end(order: &Order) -> Option<End> {
    if order.needs_reconciling() {
        return None;
    }
    match order.state {
        OrderState::Filled => Some(End::Filled),
        OrderState::Rejected => Some(End::Rejected),
        OrderState::Canceled | OrderState::Closed => Some(End::Canceled),
        _ => None,
    }
}
