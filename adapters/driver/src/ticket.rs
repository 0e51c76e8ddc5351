//! [`Ticket`]: follows one order.

use std::fmt;

use event_listener::Event;
use gemini_ws::{CommandError, Order, OrderFill, OrderState, RequestId};

use crate::Handle;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::tickets::{End, Holder};

/// How a [`Ticket`] ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The order was executed completely.
    Filled(Order),
    /// The order was cancelled, perhaps after a part of it was executed. Or its state is
    /// [`OrderState::Closed`](gemini_ws::OrderState::Closed): the venue has reported that the order ended, but not
    /// how.
    Canceled(Order),
    /// The order is neither open nor executed, for one of these reasons:
    ///
    /// - The venue rejected the order.
    /// - The order was never sent.
    /// - The venue has answered a question of [`Handle::reconcile`](crate::Handle::reconcile), and does not have the
    ///   order.
    Rejected(Order),
    /// The outcome is not known, for one of these reasons:
    ///
    /// - The order was in doubt or had no event for [`Driver::doubt_timeout`](crate::Driver::doubt_timeout).
    /// - The application [removed](Handle::forget) the order.
    /// - The driver ended before the order did.
    ///
    /// The order may be open, may have been executed, or may not exist at the venue.
    /// [`Handle::reconcile`](crate::Handle::reconcile) asks the venue about orders in doubt.
    Unknown(Order),
}

impl Done {
    fn of(end: Option<End>, order: Order) -> Done {
        match end {
            Some(End::Filled) => Done::Filled(order),
            Some(End::Canceled) => Done::Canceled(order),
            Some(End::Rejected) => Done::Rejected(order),
            None => Done::Unknown(order),
        }
    }

    /// Returns the order as it was when the ticket ended.
    pub const fn order(&self) -> &Order {
        let (Done::Filled(order) | Done::Canceled(order) | Done::Rejected(order) | Done::Unknown(order)) =
            self;
        order
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Done::Filled(_) => "filled",
            Done::Canceled(_) => "canceled",
            Done::Rejected(_) => "rejected",
            Done::Unknown(_) => "not known",
        };
        write!(f, "{what}, executed {}", self.order().executed())?;
        match &self.order().reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// The reason why an order was not placed, or why the driver did not take a cancel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlaceError {
    /// The client refused the command, or the driver is shutting down, is closing or has ended
    /// ([`CommandError::Closed`]); nothing was sent.
    Refused(CommandError),
    /// [`COMMANDS_MAX`](crate::COMMANDS_MAX) commands already wait for the driver; nothing was sent.
    Busy,
    /// The venue rejected the order, or the link ended before the order was sent: see [`Order::reason`]. A cancel
    /// does not fail with this error.
    Rejected(Box<Order>),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaceError::Refused(error) => write!(f, "not sent: {error}"),
            PlaceError::Busy => f.write_str("not sent: too many commands wait; try again"),
            PlaceError::Rejected(order) => {
                write!(f, "rejected: {}", order.reason.as_deref().unwrap_or("no reason given"))
            }
        }
    }
}

impl std::error::Error for PlaceError {}

/// The state that the driver and a ticket share.
#[derive(Debug)]
pub(crate) struct Cell {
    state: Mutex<CellState>,
    changed: Event,
}

#[derive(Debug)]
struct CellState {
    order: Order,
    /// The request that placed the order; `None` before the client has accepted it for sending.
    request: Option<RequestId>,
    refused: Option<CommandError>,
    has_ended: bool,
    /// How the order ended; `None` if that is not known.
    end: Option<End>,
}

impl CellState {
    fn done(&self) -> Option<Done> {
        self.has_ended.then(|| Done::of(self.end, self.order.clone()))
    }
}

impl Cell {
    pub(crate) fn new(order: Order) -> Arc<Cell> {
        let state = CellState { order, request: None, refused: None, has_ended: false, end: None };
        Arc::new(Cell { state: Mutex::new(state), changed: Event::new() })
    }

    fn lock(&self) -> MutexGuard<'_, CellState> {
        // A panic elsewhere leaves no field half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refuse(&self, error: CommandError) {
        let mut state = self.lock();
        state.refused = Some(error);
        state.order.state = OrderState::Rejected;
        state.order.reason = Some(error.to_string().into());
        (state.has_ended, state.end) = (true, Some(End::Rejected));
        drop(state);
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn set_request(&self, request: RequestId) {
        self.lock().request = Some(request);
    }

    pub(crate) fn order(&self) -> Order {
        self.lock().order.clone()
    }

    pub(crate) fn request(&self) -> Option<RequestId> {
        self.lock().request
    }
}

impl Holder for Arc<Cell> {
    fn note(&self, order: &Order, end: Option<End>) {
        let mut state = self.lock();
        state.order.catch_up(order);
        (state.has_ended, state.end) = (end.is_some(), end);
        drop(state);
        self.changed.notify(usize::MAX);
    }

    fn abandon(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        drop(state);
        self.changed.notify(usize::MAX);
    }

    fn is_dropped(&self) -> bool {
        // A ticket that still exists holds the second reference.
        Arc::strong_count(self) == 1
    }
}

/// Follows one order through replies, events and reconnects. Returned by [`Handle::place`](crate::Handle::place) and
/// [`Handle::submit`](crate::Handle::submit).
///
/// Dropping a ticket does not cancel the order. A ticket keeps the driver running, like a handle.
#[derive(Debug)]
#[must_use = "an order continues without its ticket, but nothing follows it"]
pub struct Ticket {
    cell: Arc<Cell>,
    handle: Handle,
    returned: usize,
}

impl Ticket {
    pub(crate) const fn new(cell: Arc<Cell>, handle: Handle) -> Ticket {
        Ticket { cell, handle, returned: 0 }
    }

    /// Returns the order as it is known now, or as it was when the ticket ended. [`Handle::order`] returns the newest
    /// state, also after a time limit has ended the ticket as [`Done::Unknown`].
    pub fn order(&self) -> Order {
        self.cell.order()
    }

    /// Waits until the venue has replied to the request, or until an event reports the order. Once the driver has
    /// taken the command, the wait is no longer than [`Config::request_timeout`](gemini_ws::Config::request_timeout).
    ///
    /// `Ok` does not mean that the order exists. The result is `Ok` in each of these cases:
    ///
    /// - The venue has accepted the request, or an event has reported the order. An accepted order may still be
    ///   rejected: see [`OrderState::Acknowledged`](gemini_ws::OrderState::Acknowledged).
    /// - No reply came, or the reply does not show whether the venue has accepted the order. The order is in doubt.
    /// - The ticket has ended as [`Done::Unknown`], for example because the driver has ended.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Refused`] or [`PlaceError::Rejected`], if the order was not sent or the venue rejected it.
    pub async fn accepted(&mut self) -> Result<(), PlaceError> {
        self.until(|state| match (&state.refused, state.end, state.order.state) {
            (Some(error), ..) => Some(Err(PlaceError::Refused(*error))),
            (None, Some(End::Rejected), _) => Some(Err(PlaceError::Rejected(Box::new(state.order.clone())))),
            (None, None, OrderState::Sent) if !state.has_ended => None,
            _ => Some(Ok(())),
        })
        .await
    }

    /// Waits for the next fill, and returns each fill of the order once. Returns `None` once the ticket has ended and
    /// all fills were returned. Dropping the future loses no fill.
    ///
    /// Executions that only an answer of the venue has shown are not fills: see
    /// [`Order::missing_executions`](gemini_ws::Order::missing_executions).
    pub async fn next(&mut self) -> Option<OrderFill> {
        let returned = self.returned;
        let fill = self.until(|state| match state.order.fills.get(returned) {
            Some(fill) => Some(Some(fill.clone())),
            None => state.has_ended.then_some(None),
        });
        let fill = fill.await;
        self.returned += usize::from(fill.is_some());
        fill
    }

    /// Waits until the ticket ends. It ends when the order has ended and is not in doubt, or earlier as
    /// [`Done::Unknown`]. An order can rest in the book for any length of time, so the wait has no limit. After the
    /// end, each call returns the same result at once.
    pub async fn done(&mut self) -> Done {
        self.until(CellState::done).await
    }

    /// Returns how the ticket ended; `None` if the ticket has not ended yet.
    pub fn outcome(&self) -> Option<Done> {
        self.cell.lock().done()
    }

    /// Asks the venue to cancel the order and returns at once. The ticket reports the outcome, unless the ticket has
    /// already ended. You may also call `cancel` after the ticket has ended as [`Done::Unknown`]. The driver sends
    /// nothing if the order was not sent or has certainly ended. The driver also sends nothing if
    /// [`Handle::forget`](crate::Handle::forget) has removed the order before the venue's id of the order was known.
    /// A `forget` after `cancel` drops a cancel that the driver has not sent yet.
    ///
    /// The cancel goes to the endpoint of the order. If that endpoint was removed, the cancel goes to the only
    /// authenticated endpoint of the current API. While there are several such endpoints, the cancel waits. If there
    /// is no such endpoint, the driver sends nothing.
    ///
    /// The driver sends the cancel as soon as three conditions hold: the venue's id of the order is known, a link to
    /// the endpoint is open, and the limits have room. If no reply comes, the driver sends the cancel again. If the
    /// venue cannot cancel the order now, for example because of a limit (429), the driver repeats the cancel after
    /// 500 ms. Each further refusal of this kind doubles the delay, up to 8 s. After any other refusal, the driver
    /// stops: see [`Order::cancel_refusal`].
    ///
    /// A reply to a cancel is final if it is an acceptance, or a refusal after which the driver stops. If a cancel
    /// has no final reply when the driver begins to end, the cause of the end decides what the driver does:
    ///
    /// - After [`Handle::shut_down`](crate::Handle::shut_down), the driver sends and repeats the cancel as before,
    ///   for at most half of the time that `shut_down` is given.
    /// - After the last handle, ticket and reader of books is dropped, or [`Events`](crate::Events) is dropped, the
    ///   driver does so for at most 5 s.
    /// - After [`Handle::close`](crate::Handle::close), the driver sends the cancel only if it can do so at once.
    /// - After [`Client::close`](gemini_ws::Client::close), [`Client::close_by`](gemini_ws::Client::close_by) or
    ///   [`Client::shut_down`](gemini_ws::Client::shut_down), the driver sends no further cancel.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Busy`], if [`COMMANDS_MAX`](crate::COMMANDS_MAX) commands wait for the driver: call `cancel`
    /// again. [`PlaceError::Refused`], if the driver closes, shuts down or has ended.
    pub fn cancel(&self) -> Result<(), PlaceError> {
        self.handle.cancel_later(Arc::clone(&self.cell))
    }

    async fn until<T>(&self, answer: impl Fn(&CellState) -> Option<T>) -> T {
        loop {
            let listener = self.cell.changed.listen();
            if let Some(answer) = answer(&self.cell.lock()) {
                return answer;
            }
            listener.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use gemini_ws::{Endpoint, Orders, Replay, Scratch};

    use super::*;

    /// A ticket copies each fill once, so that the cost of an event does not grow with the number of fills.
    #[test]
    fn a_ticket_copies_new_fills_only() {
        let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
        let (mut orders, cell) = (Orders::new(), Cell::new(Order::default()));
        let mut first = None;
        for fill in 1..=50 {
            // A fill can have an earlier time than the fill before.
            let time = 100 - fill % 7;
            let frame = format!(
                r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":7,"X":"PARTIALLY_FILLED","q":"99","L":"5","Z":"1","t":{fill},"n":"0.1"}}"#
            );
            let event = replay.event(&frame, &mut scratch).unwrap().unwrap();
            orders.apply(&event).for_each(|change| cell.note(change.order, None));
            let order = orders.get(7).unwrap();
            assert_eq!((order.fills.len(), &cell.order()), (fill, order));
            let fee = cell.lock().order.fills[0].fee.as_deref().map(str::as_ptr);
            assert!(fee.is_some() && *first.get_or_insert(fee) == fee, "the first fill was copied again");
        }
    }
}
