//! Orders in doubt: applies answers of the venue, and removes orders for the application.

use gemini_ws::{Client, Instant, Moment, Order, OrderRef, OrderStatusQuestion, Reconciled};

use crate::keeper::Keeper;

impl Keeper {
    /// Applies the venue's answer about an order in doubt. Returns whether the doubt is resolved.
    pub(crate) fn reconcile_order(
        &mut self,
        client: &mut Client,
        question: &OrderStatusQuestion,
        found: Option<Reconciled>,
        (asked, now): (Moment, Instant),
    ) -> bool {
        let is_settled = self.orders.reconcile(question, found, asked);
        self.note_order(question.into(), now);
        let order = self.orders.get(question);
        // An open order stays in doubt while no subscribed stream reports it.
        let is_certain = is_settled && !order.is_some_and(Order::needs_reconciling);
        if is_certain && let Some(ended) = order.filter(|order| order.state.is_final()) {
            forget_in(client, ended);
        }
        is_certain
    }

    /// Removes an order that is in doubt. Its ticket ends as unknown.
    pub(crate) fn forget_order(&mut self, client: &mut Client, order: OrderRef<'_>) -> Option<Order> {
        let order = self.orders.forget(order)?;
        self.tickets.forget(&order);
        forget_in(client, &order);
        Some(order)
    }
}

/// Calls [`Client::forget_order`](gemini_ws::Client::forget_order) with the request of an order that has ended or was
/// removed. The client may have received no event about the end of the order.
fn forget_in(client: &mut Client, order: &Order) {
    if let Some(request) = order.request() {
        client.forget_order(request);
    }
}
