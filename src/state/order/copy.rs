//! [`Order::copy_with`]: a copy that does not copy the fills.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Order;
use crate::state::fill::OrderFill;
use crate::state::order::fill_sums::FillSums;

impl Order {
    /// Returns a copy of `newer`, but with `fills`, `places` and `fill_sums` instead of copies of these fields. The
    /// caller has brought the three up to date.
    pub(super) fn copy_with(
        newer: &Order,
        (fills, places): (Vec<OrderFill>, BTreeMap<u64, usize>),
        fill_sums: FillSums,
    ) -> Order {
        Order {
            order_id: newer.order_id,
            client_order_id: newer.client_order_id.clone(),
            symbol: newer.symbol,
            side: newer.side,
            order_type: newer.order_type.clone(),
            time_in_force: newer.time_in_force,
            price: newer.price,
            stop_price: newer.stop_price,
            quantity: newer.quantity,
            outcome: newer.outcome,
            state: newer.state,
            fills,
            reason: newer.reason.clone(),
            refusal_code: newer.refusal_code,
            cancel_accepted: newer.cancel_accepted,
            cancel_refusal: newer.cancel_refusal.clone(),
            age: newer.age,
            reconciled: newer.reconciled,
            doubt: newer.doubt,
            link: newer.link,
            earlier_links: newer.earlier_links.clone(),
            session: newer.session,
            request: newer.request,
            sent: newer.sent.clone(),
            sent_at: newer.sent_at,
            is_unnoticed: newer.is_unnoticed,
            first_event: newer.first_event,
            listed_at: newer.listed_at,
            observed: newer.observed,
            cancel_accepted_at: newer.cancel_accepted_at,
            answered: newer.answered,
            is_refused_by_reply: newer.is_refused_by_reply,
            disputes: newer.disputes.clone(),
            is_modified: newer.is_modified,
            other_terms: newer.other_terms.clone(),
            is_absent: newer.is_absent,
            begun: newer.begun,
            reported: newer.reported,
            places,
            filled: newer.filled,
            value: newer.value,
            fill_sums,
            unaccountable: newer.unaccountable,
            explained: newer.explained,
            settled: newer.settled,
            summed: newer.summed,
            finished: newer.finished,
        }
    }
}
