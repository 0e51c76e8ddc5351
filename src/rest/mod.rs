//! Questions to the venue's REST API and their answers ([REST](crate::protocol::rest)).
//!
//! A [`RestQuestion`] has a path and decodes the answer. [`Signer::rest`](crate::Signer::rest) makes the headers. The
//! application sends the request with the HTTP client of its choice.

pub(crate) mod answer;
pub(crate) mod error;
#[cfg(feature = "auth")]
pub(crate) mod request;

use alloc::boxed::Box;

use crate::rest::answer::{BalanceRows, OpenOrders};
use crate::rest::error::RestError;
use crate::state::order::Order;
use crate::state::reconciling::{OrderRef, Reconciled};
use crate::value::id::RequestId;

mod sealed {
    /// The private part of a [`RestQuestion`](super::RestQuestion), which only this crate implements and calls.
    pub trait Question {
        /// Returns the id by which the question names its order: the venue's id or the client order id. Both are
        /// `None` if the question is not about one order.
        fn order(&self) -> (Option<u64>, Option<&str>) {
            (None, None)
        }
    }
}

/// A question to the venue's REST API: a `POST` to a path with an empty body and signed headers.
///
/// The questions are [`OrderStatusQuestion`], [`OpenOrdersQuestion`] and [`BalancesQuestion`]. Questions change
/// nothing at the venue and may be repeated. Sign each repetition again, because a nonce is valid once.
///
/// ```
/// use gemini_ws::{BalancesQuestion, OpenOrdersQuestion, RestQuestion};
///
/// assert_eq!((BalancesQuestion.path(), OpenOrdersQuestion.path()), ("/v1/balances", "/v1/orders"));
/// let error = OpenOrdersQuestion.answer(502, "<html>bad gateway</html>").unwrap_err();
/// assert!(error.may_ask_again());
/// ```
pub trait RestQuestion: sealed::Question {
    /// The venue's answer.
    type Answer;

    /// Returns the path of the request.
    fn path(&self) -> &'static str;

    /// Decodes the response from its HTTP status and body. Pass responses with any status, as the body of an error
    /// may be an answer too: see [`OrderStatusQuestion`].
    ///
    /// # Errors
    ///
    /// Returns [`RestError`] if the response does not answer the question, or the body is longer than
    /// [`FRAME_BYTES_MAX`](crate::FRAME_BYTES_MAX). [`RestError::may_ask_again`] returns whether to ask again.
    fn answer(&self, status: u16, body: &str) -> Result<Self::Answer, RestError>;
}

/// A question about the state of one order.
///
/// Pass the question and its answer to [`Orders::reconcile`](crate::Orders::reconcile).
///
/// The answer is `None` if the venue has no such order. The venue says this with HTTP status 404 or 400 and the
/// reason `OrderNotFound`, or with an empty list for a client order id. Any other refusal, even with status 404, is a
/// [`RestError`] ([answers about an order](crate::protocol::rest#order-status)).
///
/// ```
/// use gemini_ws::{Endpoint, Event, OrderState, OrderStatusQuestion, Orders, Replay, RestQuestion, Scratch, Topic};
///
/// let frame = r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"2","T":4}"#;
/// let (mut orders, mut scratch) = (Orders::new(), Scratch::new());
/// orders.apply(&Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap());
/// orders.apply(&Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 });
///
/// let asked = orders.moment();
/// let questions: Vec<_> = orders.to_reconcile().filter_map(OrderStatusQuestion::of).collect();
/// for question in &questions {
///     assert_eq!(question.path(), "/v1/order/status");
///     // … send it, and receive status and body …
///     let body = r#"{"order_id":"77","is_live":false,"is_cancelled":true,"executed_amount":"0.5"}"#;
///     let answer = question.answer(200, body)?;
///     assert!(orders.reconcile(question, answer, asked));
/// }
/// assert_eq!(orders.get(77).unwrap().state, OrderState::Canceled);
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OrderStatusQuestion {
    name: Name,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Name {
    Venue(u64),
    /// The client order id and, if known, the request that placed the order. The request distinguishes orders that
    /// have the same client order id.
    Client {
        id: Box<str>,
        request: Option<RequestId>,
    },
}

impl OrderStatusQuestion {
    /// Creates a question about an order. The question contains the venue's id, or the client order id if the venue's
    /// id is unknown. In the second case, the question also keeps the [request](Order::request) of the order, if
    /// known: the conversion to [`OrderRef`] returns this request. Returns `None` for an order without ids.
    ///
    /// ```
    /// use gemini_ws::{Order, OrderStatusQuestion};
    ///
    /// assert!(OrderStatusQuestion::of(&Order::default()).is_none());
    /// ```
    pub fn of(order: &Order) -> Option<OrderStatusQuestion> {
        let name = match (order.order_id, &order.client_order_id) {
            (Some(id), _) => Name::Venue(id),
            (None, Some(id)) => Name::Client { id: id.clone(), request: order.request() },
            (None, None) => return None,
        };
        Some(OrderStatusQuestion { name })
    }

    /// Creates a question about the order that has `order_id` as the venue's id.
    ///
    /// ```
    /// use gemini_ws::{OrderRef, OrderStatusQuestion};
    ///
    /// assert_eq!(OrderRef::from(&OrderStatusQuestion::by_order_id(77)), OrderRef::OrderId(77));
    /// ```
    pub const fn by_order_id(order_id: u64) -> OrderStatusQuestion {
        OrderStatusQuestion { name: Name::Venue(order_id) }
    }

    /// Creates a question about the order that has `id` as its client order id. If several orders have this id, the
    /// error of [`answer`](RestQuestion::answer) is [`RestError::SeveralOrders`].
    ///
    /// ```
    /// use gemini_ws::{OrderRef, OrderStatusQuestion};
    ///
    /// assert_eq!(OrderRef::from(&OrderStatusQuestion::by_client_order_id("a")), OrderRef::ClientOrderId("a"));
    /// ```
    pub fn by_client_order_id(id: &str) -> OrderStatusQuestion {
        OrderStatusQuestion { name: Name::Client { id: id.into(), request: None } }
    }
}

/// The reference to pass to [`Orders::reconcile`](crate::Orders::reconcile) together with the venue's answer: the
/// venue's id in the question, the request of the order, or the client order id.
impl<'a> From<&'a OrderStatusQuestion> for OrderRef<'a> {
    fn from(question: &'a OrderStatusQuestion) -> Self {
        match &question.name {
            Name::Venue(id) => OrderRef::OrderId(*id),
            Name::Client { request: Some(request), .. } => OrderRef::Request(*request),
            Name::Client { id, request: None } => OrderRef::ClientOrderId(id),
        }
    }
}

impl sealed::Question for OrderStatusQuestion {
    fn order(&self) -> (Option<u64>, Option<&str>) {
        match &self.name {
            Name::Venue(id) => (Some(*id), None),
            Name::Client { id, .. } => (None, Some(id)),
        }
    }
}

impl RestQuestion for OrderStatusQuestion {
    type Answer = Option<Reconciled>;

    fn path(&self) -> &'static str {
        "/v1/order/status"
    }

    fn answer(&self, status: u16, body: &str) -> Result<Option<Reconciled>, RestError> {
        match error::accept(status, body) {
            Ok(()) => {}
            Err(refused) if refused.says_not_found() => return Ok(None),
            Err(refused) => return Err(refused),
        }
        match &self.name {
            Name::Venue(id) => answer::order_by_id(*id, body).map(Some),
            Name::Client { id, .. } => answer::order_by_client_id(id, body),
        }
    }
}

/// A question about all open orders of the account. Pass each order of the answer to
/// [`Orders::reconcile`](crate::Orders::reconcile), and to [`Orders::add_listed`](crate::Orders::add_listed) if
/// `reconcile` returns `false`.
///
/// ```
/// use gemini_ws::{OpenOrdersQuestion, OrderState, RestQuestion};
///
/// let body = r#"[{"order_id":"77","client_order_id":"a","is_live":true,"is_cancelled":false,"executed_amount":"0"}]"#;
/// let open = OpenOrdersQuestion.answer(200, body)?;
/// let first = &open.orders[0];
/// assert_eq!((first.client_order_id.as_deref(), first.found.order_id), (Some("a"), 77));
/// assert_eq!((first.found.state, open.is_whole()), (OrderState::Open, true));
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct OpenOrdersQuestion;

impl sealed::Question for OpenOrdersQuestion {}

impl RestQuestion for OpenOrdersQuestion {
    type Answer = OpenOrders;

    fn path(&self) -> &'static str {
        "/v1/orders"
    }

    fn answer(&self, status: u16, body: &str) -> Result<OpenOrders, RestError> {
        error::accept(status, body)?;
        answer::open_orders(body)
    }
}

/// A question about all balances of the account. If [`BalanceRows::is_whole`] of the answer returns `true`, pass the
/// answer to [`Balances::reconcile`](crate::Balances::reconcile), otherwise to
/// [`Balances::reconcile_part`](crate::Balances::reconcile_part).
///
/// ```
/// use gemini_ws::{Balances, BalancesQuestion, RestQuestion};
///
/// let mut balances = Balances::new();
/// let asked = balances.moment();
/// let body = r#"[{"type":"exchange","currency":"USD","amount":"100.00","available":"90.50"}]"#;
/// balances.reconcile(&BalancesQuestion.answer(200, body)?, asked);
/// assert_eq!(balances.get("USD").unwrap().available().as_str(), "90.50");
/// # Ok::<(), gemini_ws::RestError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct BalancesQuestion;

impl sealed::Question for BalancesQuestion {}

impl RestQuestion for BalancesQuestion {
    type Answer = BalanceRows;

    fn path(&self) -> &'static str {
        "/v1/balances"
    }

    fn answer(&self, status: u16, body: &str) -> Result<BalanceRows, RestError> {
        error::accept(status, body)?;
        answer::balances(body)
    }
}
