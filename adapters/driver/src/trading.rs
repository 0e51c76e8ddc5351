//! Orders by way of a [`Handle`].

use gemini_ws::{CommandError, NewOrder, Order, OrderRef, Request};

use crate::Handle;
use crate::handle::RequestError;
use crate::keeper;
use crate::reply::Reply;
use crate::sync::Arc;
use crate::ticket::{Cell, PlaceError, Ticket};

impl Handle {
    /// Places an order, and waits until the venue has taken it. The stream of orders has to be subscribed, as
    /// `connect` does for a signed client.
    ///
    /// ```
    /// # use gemini_ws_driver::gemini_ws::{NewOrder, Side};
    /// # use gemini_ws_driver::{Done, Handle};
    /// # async fn buy(client: Handle) -> Result<(), Box<dyn std::error::Error>> {
    /// let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "0.01", "20000")?;
    /// let mut ticket = client.place(order).await?;
    /// if let Done::Unknown(order) = ticket.done().await {
    ///     assert!(order.needs_reconciling());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PlaceError`], if it was not sent or the venue refused it. An order whose answer did not come is none of these:
    /// its ticket goes on.
    pub async fn place(&self, order: NewOrder) -> Result<Ticket, PlaceError> {
        let mut ticket = self.submit(order)?;
        ticket.accepted().await?;
        Ok(ticket)
    }

    /// Places an order without waiting for anything: its ticket reports what comes of it.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Busy`], if too many commands wait for the driver; [`PlaceError::Refused`] if it has ended.
    pub fn submit(&self, order: NewOrder) -> Result<Ticket, PlaceError> {
        let cell = Cell::new(terms(&order));
        let ticket = Ticket::new(Arc::clone(&cell), self.clone());
        let taken = self.post(move |lent| match lent.client.request(lent.now, &Request::PlaceOrder(order)) {
            Ok(request) => {
                cell.set_request(request);
                lent.keeper.tickets.open(request, cell, lent.now);
            }
            Err(error) => cell.refuse(error),
        });
        as_taken(taken)?;
        Ok(ticket)
    }

    /// Cancels an order, by the venue's id, the client's id or its request, and waits for the reply. The reply does not
    /// say that the order is gone: its ticket and its events do.
    ///
    /// # Errors
    ///
    /// [`RequestError`], if there is no reply: [`RequestError::NotYet`], if the venue's id is not known yet.
    pub async fn cancel(&self, order: impl Into<OrderRef<'_>>) -> Result<Reply, RequestError> {
        let order = Named::of(order.into());
        let reply =
            self.ask(move |lent, answer| match keeper::cancel(lent.keeper.orders(), order.as_ref()) {
                Some(request) => lent.request(&request, answer),
                None => drop(answer.try_send(Err(RequestError::NotYet))),
            });
        reply.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Cancels all orders of the account, and waits for the reply.
    ///
    /// # Errors
    ///
    /// [`RequestError`], if there is no reply.
    pub async fn cancel_all(&self) -> Result<Reply, RequestError> {
        self.request(Request::CancelAllOrders).await
    }

    /// Returns the orders that are open or in doubt.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn orders(&self) -> Result<Vec<Order>, CommandError> {
        self.with(|_, keeper, _| keeper.unfinished()).await
    }

    pub(crate) fn cancel_later(&self, cell: Arc<Cell>) -> Result<(), PlaceError> {
        as_taken(self.post(move |lent| {
            if let Some((request, order_id)) = cell.to_cancel() {
                lent.keeper.tickets.cancel(request, order_id);
            }
        }))
    }
}

const fn as_taken(taken: Option<bool>) -> Result<(), PlaceError> {
    match taken {
        Some(true) => Ok(()),
        Some(false) => Err(PlaceError::Busy),
        None => Err(PlaceError::Refused(CommandError::Closed)),
    }
}

/// The terms of an order that was not sent yet.
fn terms(order: &NewOrder) -> Order {
    let mut it = Order::default();
    it.client_order_id = Some(order.client_order_id().as_str().into());
    (it.symbol, it.side) = (Some(order.symbol()), Some(order.side()));
    (it.quantity, it.price, it.stop_price) = (Some(order.quantity()), order.price(), order.stop_price());
    it
}

/// An [`OrderRef`] that owns its text.
enum Named {
    ClientOrderId(String),
    Other(OrderRef<'static>),
}

impl Named {
    fn of(order: OrderRef<'_>) -> Named {
        match order {
            OrderRef::ClientOrderId(id) => Named::ClientOrderId(id.into()),
            OrderRef::OrderId(id) => Named::Other(OrderRef::OrderId(id)),
            OrderRef::Request(request) => Named::Other(OrderRef::Request(request)),
            // A list comes from the venue, so that its id is the order's.
            OrderRef::Listed { order_id, .. } => Named::Other(OrderRef::OrderId(order_id)),
        }
    }

    fn as_ref(&self) -> OrderRef<'_> {
        match self {
            Named::ClientOrderId(id) => OrderRef::ClientOrderId(id),
            Named::Other(other) => *other,
        }
    }
}
