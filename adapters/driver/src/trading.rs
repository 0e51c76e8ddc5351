//! Methods of [`Handle`] for orders.

use gemini_ws::{CommandError, NewOrder, Order, OrderRef, Request, Traded};

use crate::Handle;
use crate::handle::{Lent, RequestError};
use crate::reply::Reply;
use crate::sync::Arc;
use crate::ticket::{Cell, PlaceError, Ticket};
use crate::tickets::{Cancel, may_be_open};

impl Handle {
    /// Places an order, and waits until the venue has replied or an event reports the order, as [`Ticket::accepted`]
    /// does. Subscribe to `orders@account` first: without a stream of orders, the order is in doubt at once.
    /// [`Connected::sign_with`](crate::Connected::sign_with) subscribes to this stream. Dropping the future does not
    /// cancel the order.
    ///
    /// ```
    /// # use gemini_ws_driver::gemini_ws::{NewOrder, Side};
    /// # use gemini_ws_driver::{Done, Handle};
    /// # async fn buy(client: Handle) -> Result<(), Box<dyn std::error::Error>> {
    /// let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "0.01", "20000")?;
    /// let mut ticket = client.place(order).await?;
    /// if let Done::Unknown(order) = ticket.done().await {
    ///     println!("ask the venue about {:?}", order.client_order_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PlaceError`], if the order was not sent or the venue rejected it. A missing reply is no error: `place`
    /// returns the ticket, and the order is in doubt.
    pub async fn place(&self, order: NewOrder) -> Result<Ticket, PlaceError> {
        let mut ticket = self.submit(order)?;
        ticket.accepted().await?;
        Ok(ticket)
    }

    /// Places an order without waiting. The ticket reports what happens to the order. If the order is never sent, the
    /// ticket ends as [`Done::Rejected`](crate::Done::Rejected): for example, because the client refuses the order,
    /// because the driver is shutting down or closing, or because the link ends first.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Busy`], if [`COMMANDS_MAX`](crate::COMMANDS_MAX) commands wait for the driver;
    /// [`PlaceError::Refused`], if the driver has ended.
    pub fn submit(&self, order: NewOrder) -> Result<Ticket, PlaceError> {
        let cell = Cell::new(terms(&order));
        let ticket = Ticket::new(Arc::clone(&cell), self.clone());
        let untaken = Untaken(Some(cell));
        let taken = self.post(move |mut lent| {
            let mut untaken = untaken;
            let Some(cell) = untaken.0.take() else { return };
            match lent.send(&Request::PlaceOrder(order)) {
                Ok(request) => {
                    cell.set_request(request);
                    lent.keeper.tickets.open(request, cell);
                }
                Err(error) => cell.refuse(error),
            }
        });
        as_taken(taken)?;
        Ok(ticket)
    }

    /// Asks the venue to cancel an order and waits for the reply. The reply does not say that the order has ended:
    /// the ticket and the events of the order report the end. The driver sends one request. [`Ticket::cancel`]
    /// repeats the request if necessary.
    ///
    /// The cancel goes to the endpoint of the order. If that endpoint is unknown, was removed or takes no requests
    /// about orders, the client chooses one as in [`Client::request`](gemini_ws::Client::request).
    ///
    /// # Errors
    ///
    /// The errors of [`request`](Handle::request), and [`RequestError::NotYet`] if `order` is not the venue's id and
    /// the driver does not know the venue's id of the order.
    pub async fn cancel(&self, order: impl Into<OrderRef<'_>>) -> Result<Reply, RequestError> {
        let order = Named::of(order.into());
        let reply = self.ask(move |lent, answer| lent.cancel(order.as_ref(), answer));
        reply.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Asks the venue to cancel all orders of the account
    /// ([`Request::CancelAllOrders`](gemini_ws::Request::CancelAllOrders)) and waits for the reply. The reply does
    /// not say that the orders have ended: their tickets and events report the end.
    ///
    /// # Errors
    ///
    /// The errors of [`request`](Handle::request).
    pub async fn cancel_all(&self) -> Result<Reply, RequestError> {
        self.request(Request::CancelAllOrders).await
    }

    /// Returns the orders that are open or in doubt, also those that another client has placed.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn orders(&self) -> Result<Vec<Order>, CommandError> {
        self.with(|_, keeper, _| keeper.unfinished()).await
    }

    /// Returns an order as the driver knows it now. Returns `None` if the driver does not know the order, or has
    /// dropped it as one of the oldest finished orders ([`FINISHED_ORDERS_MAX`](gemini_ws::FINISHED_ORDERS_MAX)).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn order(&self, order: impl Into<OrderRef<'_>>) -> Result<Option<Order>, CommandError> {
        let order = Named::of(order.into());
        self.with(move |_, keeper, _| keeper.orders().get(order.as_ref()).cloned()).await
    }

    /// Removes an order in doubt, and returns the order. Returns `None`, without effect, if the order is unknown or
    /// not in doubt. An open ticket of the order ends as [`Done::Unknown`](crate::Done::Unknown). The driver drops a
    /// cancel of the ticket if it has not sent the cancel yet. A later event about the order adds the order again.
    ///
    /// Call `forget` when [`reconcile`](Handle::reconcile) has repeatedly found that the venue does not have the
    /// order ([`Unresolved::is_absent`](crate::Unresolved::is_absent)).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn forget(&self, order: impl Into<OrderRef<'_>>) -> Result<Option<Order>, CommandError> {
        let order = Named::of(order.into());
        let forgotten = self.ask(move |lent, answer| {
            let _ = answer.try_send(lent.keeper.forget_order(lent.client, order.as_ref()));
        });
        forgotten.await.ok_or(CommandError::Closed)
    }

    /// Returns the totals of the fills in an instrument; zero for an unknown symbol.
    /// [`Orders::traded`](gemini_ws::Orders::traded) says which fills are not included.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn traded(&self, symbol: &str) -> Result<Traded, CommandError> {
        let symbol = symbol.to_owned();
        self.with(move |_, keeper, _| keeper.orders().traded(&symbol)).await
    }

    pub(crate) fn cancel_later(&self, cell: Arc<Cell>) -> Result<(), PlaceError> {
        let cancel = move |lent: Lent<'_>| {
            let Some(request) = cell.request() else { return };
            let cancel = |order: &Order| may_be_open(order).then(|| Cancel::of(order));
            let cancel = match lent.keeper.orders().get(OrderRef::Request(request)) {
                Some(order) => cancel(order),
                // The application has removed the order with `forget`, and no later event will set the venue's id. So
                // send the cancel only if the id is known already.
                None => Some(cell.order()).filter(|order| order.order_id.is_some()).as_ref().and_then(cancel),
            };
            if let Some(cancel) = cancel {
                lent.keeper.tickets.cancel(request, cancel);
                lent.keeper.tickets.send_cancels(lent.client, lent.now);
            }
        };
        as_taken(self.post_unless_ending(cancel))
    }
}

/// The ticket of an order whose command the driver has not taken. Dropping this value ends the ticket, because the
/// driver will not send the order.
struct Untaken(Option<Arc<Cell>>);

impl Drop for Untaken {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            cell.refuse(CommandError::Closed);
        }
    }
}

const fn as_taken(taken: Option<bool>) -> Result<(), PlaceError> {
    match taken {
        Some(true) => Ok(()),
        Some(false) => Err(PlaceError::Busy),
        None => Err(PlaceError::Refused(CommandError::Closed)),
    }
}

/// Returns an order with only the fields that its request specifies.
fn terms(order: &NewOrder) -> Order {
    let mut it = Order::default();
    it.client_order_id = Some(order.client_order_id().as_str().into());
    (it.symbol, it.side) = (Some(order.symbol()), Some(order.side()));
    (it.quantity, it.price, it.stop_price) = (Some(order.quantity()), order.price(), order.stop_price());
    it
}

enum Named {
    ClientOrderId(String),
    Listed(u64, String),
    Other(OrderRef<'static>),
}

impl Named {
    fn of(order: OrderRef<'_>) -> Named {
        match order {
            OrderRef::ClientOrderId(id) => Named::ClientOrderId(id.into()),
            OrderRef::OrderId(id) => Named::Other(OrderRef::OrderId(id)),
            OrderRef::Request(request) => Named::Other(OrderRef::Request(request)),
            OrderRef::Listed { order_id, client_order_id } => Named::Listed(order_id, client_order_id.into()),
        }
    }

    fn as_ref(&self) -> OrderRef<'_> {
        match self {
            Named::ClientOrderId(id) => OrderRef::ClientOrderId(id),
            Named::Listed(order_id, client_order_id) => {
                OrderRef::Listed { order_id: *order_id, client_order_id }
            }
            Named::Other(other) => *other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The driver's task gets the reference that the caller has passed.
    #[test]
    fn a_reference_keeps_both_ids() {
        for order in [
            OrderRef::OrderId(77),
            OrderRef::ClientOrderId("a"),
            OrderRef::Listed { order_id: 77, client_order_id: "a" },
        ] {
            assert_eq!(Named::of(order).as_ref(), order);
        }
    }
}
