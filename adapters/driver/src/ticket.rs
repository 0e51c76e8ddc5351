//! [`Ticket`]: what becomes of one order.

use std::fmt;

use event_listener::Event;
use gemini_ws::{CommandError, Order, OrderFill, OrderState, RequestId};

use crate::Handle;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::tickets::{End, Holder};

/// How an order ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// All of it was executed.
    Filled(Order),
    /// It was cancelled, perhaps after a part of it was executed.
    Canceled(Order),
    /// The venue refused it, or it was never sent.
    Rejected(Order),
    /// What became of it is not known: it was in doubt for longer than [`DOUBT_TIMEOUT`](crate::DOUBT_TIMEOUT), or the driver ended while it
    /// was open. Ask the venue: [`Handle::reconcile`](crate::Handle::reconcile).
    Unknown(Order),
}

impl Done {
    fn of(end: End, order: Order) -> Done {
        match end {
            End::Filled => Done::Filled(order),
            End::Canceled => Done::Canceled(order),
            End::Rejected => Done::Rejected(order),
        }
    }

    /// Returns the order as it was at the end of the ticket.
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

/// Why an order has no ticket.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlaceError {
    /// It was not sent.
    Refused(CommandError),
    /// [`COMMANDS_MAX`](crate::COMMANDS_MAX) commands wait for the driver; it was not sent.
    Busy,
    /// The venue refused it. The order says why.
    Rejected(Box<Order>),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaceError::Refused(error) => write!(f, "not sent: {error}"),
            PlaceError::Busy => f.write_str("not sent: too many commands wait; try again"),
            PlaceError::Rejected(order) => {
                write!(f, "rejected by the venue: {}", order.reason.as_deref().unwrap_or("no reason given"))
            }
        }
    }
}

impl std::error::Error for PlaceError {}

/// What the driver and a ticket share.
#[derive(Debug)]
pub(crate) struct Cell {
    state: Mutex<CellState>,
    changed: Event,
}

#[derive(Debug)]
struct CellState {
    order: Order,
    /// The request that placed it, once it was accepted for sending.
    request: Option<RequestId>,
    refused: Option<CommandError>,
    done: Option<Done>,
}

impl Cell {
    pub(crate) fn new(order: Order) -> Arc<Cell> {
        let state = CellState { order, request: None, refused: None, done: None };
        Arc::new(Cell { state: Mutex::new(state), changed: Event::new() })
    }

    fn lock(&self) -> MutexGuard<'_, CellState> {
        // Each change is one assignment: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order was not sent.
    pub(crate) fn refuse(&self, error: CommandError) {
        let mut state = self.lock();
        state.refused = Some(error);
        let mut order = state.order.clone();
        order.state = OrderState::Rejected;
        order.reason = Some(error.to_string().into());
        state.done = Some(Done::Rejected(order));
        drop(state);
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn set_request(&self, request: RequestId) {
        self.lock().request = Some(request);
    }

    /// The request of an order that goes on, and the venue's id if it is known.
    pub(crate) fn to_cancel(&self) -> Option<(RequestId, Option<u64>)> {
        let state = self.lock();
        state.request.filter(|_| state.done.is_none()).map(|request| (request, state.order.order_id))
    }
}

impl Holder for Arc<Cell> {
    fn note(&self, order: &Order, end: Option<End>) {
        let mut state = self.lock();
        state.order = order.clone();
        state.done = end.map(|end| Done::of(end, order.clone()));
        drop(state);
        self.changed.notify(usize::MAX);
    }

    fn abandon(&self) {
        let mut state = self.lock();
        if state.done.is_none() {
            state.done = Some(Done::Unknown(state.order.clone()));
        }
        drop(state);
        self.changed.notify(usize::MAX);
    }

    fn is_dropped(&self) -> bool {
        // The ticket holds the other one.
        Arc::strong_count(self) == 1
    }
}

/// Follows one order through replies, events and reconnects: [`Handle::place`](crate::Handle::place).
///
/// Dropping it cancels nothing. It keeps the driver alive, as a handle does.
#[derive(Debug)]
#[must_use = "an order goes on without its ticket, but nobody follows it"]
pub struct Ticket {
    cell: Arc<Cell>,
    handle: Handle,
    /// How many fills were returned.
    returned: usize,
}

impl Ticket {
    pub(crate) const fn new(cell: Arc<Cell>, handle: Handle) -> Ticket {
        Ticket { cell, handle, returned: 0 }
    }

    /// Returns the order as far as it is known.
    pub fn order(&self) -> Order {
        self.cell.lock().order.clone()
    }

    /// Waits until the venue has taken the order, or it is in doubt. Bounded by
    /// [`Config::request_timeout`](gemini_ws::Config::request_timeout).
    ///
    /// # Errors
    ///
    /// [`PlaceError`], if it was not sent or the venue refused it.
    pub async fn accepted(&mut self) -> Result<(), PlaceError> {
        self.until(|state| match (&state.refused, &state.done, state.order.state) {
            (Some(error), ..) => Some(Err(PlaceError::Refused(*error))),
            (None, Some(Done::Rejected(order)), _) => {
                Some(Err(PlaceError::Rejected(Box::new(order.clone()))))
            }
            (None, Some(_), _) => Some(Ok(())),
            (None, None, OrderState::Sent) => None,
            (None, None, _) => Some(Ok(())),
        })
        .await
    }

    /// Waits for the next fill. Returns `None` at the end of the ticket.
    pub async fn next(&mut self) -> Option<OrderFill> {
        let returned = self.returned;
        let fill = self.until(|state| match state.order.fills.get(returned) {
            Some(fill) => Some(Some(fill.clone())),
            None => state.done.is_some().then_some(None),
        });
        let fill = fill.await;
        self.returned += usize::from(fill.is_some());
        fill
    }

    /// Waits for the end of the order.
    ///
    /// An order that rests in the book ends when it ends. One that is in doubt ends the ticket after
    /// [`DOUBT_TIMEOUT`](crate::DOUBT_TIMEOUT), and so does the end of the driver: as [`Done::Unknown`].
    pub async fn done(&mut self) -> Done {
        self.until(|state| state.done.clone()).await
    }

    /// Returns the end of the order if there is one already.
    pub fn outcome(&self) -> Option<Done> {
        self.cell.lock().done.clone()
    }

    /// Asks the venue to cancel the order, without waiting. What comes of it is told by this ticket. Before the first
    /// event of the order its venue's id is not known; then the request is sent when it is.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Busy`], if too many commands wait for the driver; [`PlaceError::Refused`] if it has ended.
    pub fn cancel(&self) -> Result<(), PlaceError> {
        self.handle.cancel_later(Arc::clone(&self.cell))
    }

    /// Waits until there is an answer.
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
