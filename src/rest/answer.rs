//! The decoders of REST answers, and the values that `Orders::reconcile` and `Balances::reconcile` take.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::json::cursor::offset_in;
use crate::json::error::DecodeError;
use crate::message::Row;
use crate::rest::error::RestError;
use crate::state::order_state::OrderState;
use crate::state::reconciling::{OrderRef, Reconciled};
use crate::wire::rest::{self, BalanceRow, OrderRow};

/// An order in the venue's list of open orders. If its row says that the order has ended, the state in
/// [`found`](OpenOrder::found) is final.
///
/// ```
/// use gemini_ws::{OpenOrdersQuestion, Orders, RestQuestion};
///
/// let mut orders = Orders::new();
/// let asked = orders.moment();
/// let body = r#"[{"order_id":77,"is_live":true,"is_cancelled":false,"executed_amount":"0"}]"#;
/// for open in &OpenOrdersQuestion.answer(200, body)? {
///     assert!(!orders.reconcile(open, Some(open.found), asked), "no order is in doubt");
/// }
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenOrder {
    /// The client order id, if the order has one.
    pub client_order_id: Option<Box<str>>,
    /// The answer about the order, for [`Orders::reconcile`](crate::Orders::reconcile).
    pub found: Reconciled,
}

/// The reference to pass to [`Orders::reconcile`](crate::Orders::reconcile) together with [`OpenOrder::found`].
impl<'a> From<&'a OpenOrder> for OrderRef<'a> {
    fn from(open: &'a OpenOrder) -> Self {
        let order_id = open.found.order_id;
        match open.client_order_id.as_deref() {
            Some(client_order_id) => OrderRef::Listed { order_id, client_order_id },
            None => OrderRef::OrderId(order_id),
        }
    }
}

/// The open orders in the venue's answer.
///
/// If a row of the answer cannot be used, the other rows are used. The row that cannot be used may be about any
/// order. So if [`is_whole`](OpenOrders::is_whole) returns `false`, an order that is missing from
/// [`orders`](OpenOrders::orders) may be open too. If no row can be used, `orders` is empty, except in the case that
/// [`RestError::Repeated`] describes.
///
/// ```
/// use gemini_ws::{OpenOrdersQuestion, RestQuestion};
///
/// let body = r#"[{"order_id":77,"is_live":true,"executed_amount":"0"},{"order_id":78}]"#;
/// let open = OpenOrdersQuestion.answer(200, body)?;
/// assert_eq!((open.orders[0].found.order_id, open.is_whole()), (77, false));
/// assert_eq!(open.unused[0].to_string(), r#"the answer cannot be read: member "is_live": missing at byte 68"#);
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenOrders {
    /// The orders, in the order of the answer.
    pub orders: Vec<OpenOrder>,
    /// For each row that cannot be used, the reason:
    ///
    /// - [`RestError::Malformed`]: the row cannot be decoded. The offset in the error counts from the start of the
    ///   answer.
    /// - [`RestError::Undecided`]: the row does not decide the state of its order.
    /// - [`RestError::Repeated`]: another row is about the same order.
    pub unused: Vec<RestError>,
}

impl OpenOrders {
    /// Returns whether every row was used. If so, [`orders`](OpenOrders::orders) contains all open orders.
    pub const fn is_whole(&self) -> bool {
        self.unused.is_empty()
    }
}

impl<'a> IntoIterator for &'a OpenOrders {
    type Item = &'a OpenOrder;
    type IntoIter = core::slice::Iter<'a, OpenOrder>;

    fn into_iter(self) -> Self::IntoIter {
        self.orders.iter()
    }
}

/// The balances of an account in the venue's answer.
///
/// ```
/// use gemini_ws::{BalancesQuestion, RestQuestion};
///
/// let body = r#"[{"currency":"ETH","amount":"2.5000000000000000001","available":"-0.0020"}]"#;
/// let rows = BalancesQuestion.answer(200, body)?;
/// assert!(rows.iter().eq([("ETH", "-0.0020", "2.5000000000000000001")]));
/// assert!(rows.is_whole());
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BalanceRows {
    rows: Vec<(Box<str>, Box<str>, Box<str>)>,
    unused: Vec<RestError>,
}

impl BalanceRows {
    /// Returns the asset, the available and the total amount of each balance. Each amount is a number as the venue
    /// wrote it, so it may have an exponent, such as `1e-8`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.into_iter()
    }

    /// Returns the error of each row that cannot be used: [`RestError::Malformed`] if the row cannot be decoded, or
    /// [`RestError::Repeated`] if another row is about the same asset. The offset in a `Malformed` counts from the
    /// start of the answer. If no row can be used, [`answer`](crate::RestQuestion::answer) returns an error instead.
    pub fn unused(&self) -> &[RestError] {
        &self.unused
    }

    /// Returns whether every row was used. If not, an asset without a row may have a balance: pass the answer to
    /// [`Balances::reconcile_part`](crate::Balances::reconcile_part).
    pub const fn is_whole(&self) -> bool {
        self.unused.is_empty()
    }
}

impl<'a> IntoIterator for &'a BalanceRows {
    type Item = (&'a str, &'a str, &'a str);
    type IntoIter = core::iter::Map<
        core::slice::Iter<'a, (Box<str>, Box<str>, Box<str>)>,
        fn(&'a (Box<str>, Box<str>, Box<str>)) -> Self::Item,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter().map(|(asset, available, total)| (asset, available, total))
    }
}

pub(super) fn order_by_id(id: u64, body: &str) -> Result<Reconciled, RestError> {
    let row: OrderRow<'_> = rest::object(body).map_err(malformed(body))?;
    if row.order_id != id {
        return Err(RestError::OtherOrder { order_id: row.order_id });
    }
    reconciled(&row)
}

pub(super) fn order_by_client_id(id: &str, body: &str) -> Result<Option<Reconciled>, RestError> {
    let (orders, unused) = match rest::is_array(body) {
        true => orders_of_client_id(body)?,
        false => (alloc::vec![rest::object(body).map_err(malformed(body))?], false),
    };
    if let Some(other) = orders.iter().find(|row| row.client_order_id.is_none_or(|own| own != *id)) {
        return Err(RestError::OtherOrder { order_id: other.order_id });
    }
    match orders.as_slice() {
        [] => Ok(None),
        [row] if !unused => reconciled(row).map(Some),
        rows => {
            let order_ids = rows.iter().map(|row| row.order_id).collect();
            Err(RestError::SeveralOrders { order_ids, is_whole: !unused })
        }
    }
}

/// Decodes the orders in an answer that is an array. The flag says whether the array has other elements, which cannot
/// be decoded. If no element can be decoded, fails with the first error.
fn orders_of_client_id(body: &str) -> Result<(Vec<OrderRow<'_>>, bool), RestError> {
    let error = match rest::array(body) {
        Ok(orders) => return Ok((orders, false)),
        Err(error) => error,
    };
    let rows: Vec<Row<'_, OrderRow<'_>>> = rest::array(body).unwrap_or_default();
    let orders: Vec<OrderRow<'_>> = rows.into_iter().filter_map(Row::read).collect();
    if orders.is_empty() { Err(malformed(body)(error)) } else { Ok((orders, true)) }
}

pub(super) fn open_orders(body: &str) -> Result<OpenOrders, RestError> {
    let rows: Vec<Row<'_, OrderRow<'_>>> = rest::array(body).map_err(malformed(body))?;
    let repeated = repeated(&rows, |row| row.order_id);
    let mut open = OpenOrders { orders: Vec::new(), unused: Vec::new() };
    for row in rows {
        let found = readable(row, body).and_then(|row| {
            if repeated.contains(&row.order_id) {
                return Err(RestError::Repeated { name: row.order_id.to_string().into() });
            }
            let client_order_id = row.client_order_id.map(|id| id.to_string().into());
            Ok(OpenOrder { client_order_id, found: reconciled(&row)? })
        });
        match found {
            Ok(order) => open.orders.push(order),
            Err(error) => open.unused.push(error),
        }
    }
    unless_repeated(&mut open.unused, open.orders.is_empty())?;
    Ok(open)
}

pub(super) fn balances(body: &str) -> Result<BalanceRows, RestError> {
    let found: Vec<Row<'_, BalanceRow<'_>>> = rest::array(body).map_err(malformed(body))?;
    let is_any = found.iter().any(|row| matches!(row, Row::Read(_)));
    let repeated = repeated(&found, |row| row.asset);
    let mut answer = BalanceRows::default();
    for row in found {
        match readable(row, body) {
            Ok(row) if repeated.contains(row.asset) => {
                answer.unused.push(RestError::Repeated { name: crate::state::fill::kept(row.asset) });
            }
            Ok(row) => {
                answer.rows.push((
                    row.asset.into(),
                    row.available.as_str().into(),
                    row.total.as_str().into(),
                ));
            }
            Err(error) if !is_any => return Err(error),
            Err(error) => answer.unused.push(error),
        }
    }
    unless_repeated(&mut answer.unused, answer.rows.is_empty())?;
    Ok(answer)
}

fn repeated<T, N: Ord>(rows: &[Row<'_, T>], name: impl Fn(&T) -> N) -> BTreeSet<N> {
    let mut known = BTreeSet::new();
    let names = rows.iter().filter_map(|row| match row {
        Row::Read(row) => Some(name(row)),
        Row::Malformed { .. } => None,
    });
    let mut repeated = BTreeSet::new();
    for name in names {
        if let Some(name) = known.replace(name) {
            repeated.insert(name);
        }
    }
    repeated
}

/// If no row can be used (`is_empty`) and `unused` contains a [`RestError::Repeated`], removes the first such error
/// from `unused` and fails with it.
fn unless_repeated(unused: &mut Vec<RestError>, is_empty: bool) -> Result<(), RestError> {
    let is_repeated = |error: &RestError| matches!(error, RestError::Repeated { .. });
    match unused.iter().position(is_repeated).filter(|_| is_empty) {
        Some(place) => Err(unused.swap_remove(place)),
        None => Ok(()),
    }
}

/// The offset in the error counts from the start of the answer.
fn readable<'f, T>(row: Row<'f, T>, body: &'f str) -> Result<T, RestError> {
    match row {
        Row::Read(row) => Ok(row),
        Row::Malformed { element, error } => {
            let offset = offset_in(element.as_str(), body);
            Err(RestError::malformed(error.behind(offset), element.as_str()))
        }
    }
}

fn malformed(body: &str) -> impl Fn(DecodeError) -> RestError {
    move |error| RestError::malformed(error, body)
}

/// Returns whether the quantities in an answer contradict that the order is open.
fn contradicts_open(row: &OrderRow<'_>) -> bool {
    let is_whole =
        row.remaining.is_some_and(|remaining| remaining.is_zero()) || row.original == Some(row.executed);
    let adds_up = row
        .remaining
        .zip(row.original)
        .is_none_or(|(remaining, original)| row.executed.checked_add(remaining) == Some(original));
    !adds_up || (is_whole && !row.executed.is_zero())
}

/// Returns [`RestError::Undecided`] if the answer does not decide the state of the order ([order
/// status](crate::protocol::rest#order-status)).
fn reconciled(row: &OrderRow<'_>) -> Result<Reconciled, RestError> {
    let is_executed = !row.executed.is_zero();
    let is_whole = match (row.remaining, row.original) {
        (None, None) => None,
        (remaining, original) => Some(
            is_executed
                && remaining.is_none_or(|remaining| remaining.is_zero())
                && original.is_none_or(|original| row.executed >= original),
        ),
    };
    let undecided = || RestError::Undecided { order_id: row.order_id };
    let state = match (row.is_live, row.is_cancelled) {
        (true, false) if contradicts_open(row) => return Err(undecided()),
        (true, false) if is_executed => OrderState::PartiallyFilled,
        (true, false) => OrderState::Open,
        (false, true) => OrderState::Canceled,
        (false, false) if is_whole == Some(true) => OrderState::Filled,
        // The venue does not report the ordered quantity of market orders to buy: all or a part may be executed.
        (false, false) if is_executed && is_whole.is_none() => OrderState::Closed,
        (false, false) if !is_executed && row.has_reason => OrderState::Rejected,
        (true, true) | (false, false) => return Err(undecided()),
    };
    let client_order_id = row.client_order_id.and_then(|id| id.to_string().parse().ok());
    let symbol = row.symbol.and_then(|symbol| symbol.to_string().parse().ok());
    let (side, quantity, price) = (row.side, row.original, row.price);
    let found = Reconciled::new(row.order_id, state, row.executed);
    Ok(Reconciled { client_order_id, symbol, side, quantity, price, ..found })
}
