//! [`Request`]: the requests to the venue, method by method.

pub(crate) mod new_order;
pub(crate) mod quote;
pub(crate) mod stream;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::message::RawJson;
use crate::request::new_order::NewOrder;
use crate::request::quote::{NewQuote, QuoteKey};
use crate::request::stream::Stream;
use crate::value::print;
use crate::value::symbol::Symbol;

/// A request to `wss://ws.gemini.com` ([methods](crate::protocol::streams#methods)).
///
/// [`Client::request`](crate::Client::request) sends a request. To subscribe, use
/// [`Client::subscribe`](crate::Client::subscribe) instead of a request: a subscription survives reconnects.
///
/// ```
/// use gemini_ws::Request;
///
/// let request = Request::CancelOrder { order_id: 73797746498585286 };
/// assert_eq!(
///     request.encode(15),
///     r#"{"id":15,"method":"order.cancel","params":{"orderId":"73797746498585286"}}"#,
/// );
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// `ping`: asks the venue for nothing but an acknowledgement.
    Ping,
    /// `time`: asks for the venue's time. [`Response::server_time`](crate::Response::server_time) reads the reply.
    Time,
    /// `conninfo`: asks for the venue's rate limits. [`Response::rate_limits`](crate::Response::rate_limits) reads
    /// the reply.
    ConnectionInfo,
    /// `subscribe`: subscribes the link to streams. The client ignores the data of a stream that only this request
    /// has subscribed. To receive the data, call [`Client::subscribe`](crate::Client::subscribe).
    Subscribe(Vec<Stream>),
    /// `unsubscribe`: makes the venue stop streams of the link. The client does not notice that they stop.
    Unsubscribe(Vec<Stream>),
    /// `list_subscriptions`: asks for the streams of the link.
    /// [`Response::stream_names`](crate::Response::stream_names) reads the reply.
    ListSubscriptions,
    /// `depth`: requests a book once. [`Response::depth`](crate::Response::depth) reads the reply.
    Depth {
        /// The instrument.
        symbol: Symbol,
        /// The number of levels per side; the venue's default is 100. The venue takes 1 to 5,000, so the client sends
        /// a smaller number as 1 and a larger one as 5,000.
        limit: Option<u16>,
    },
    /// `order.place`: places an order. The reply says whether the venue accepted the request. The stream of orders
    /// reports the order ([order entry](crate::protocol::streams#order-entry)).
    PlaceOrder(NewOrder),
    /// `order.cancel`: cancels an order. The reply does not mean that the order is cancelled: the stream of orders
    /// reports this.
    CancelOrder {
        /// The venue's id. The client sends the id as text, because the venue refuses a number ([order ids as
        /// text](crate::protocol::quirks#order-ids-as-text)).
        order_id: u64,
    },
    /// `order.cancel_all`: cancels orders of the account. The venue does not document which orders. This crate
    /// assumes that the venue cancels all open orders.
    CancelAllOrders,
    /// `order.cancel_session`: cancels the orders that were placed over the link that carries this request.
    CancelSessionOrders,
    /// `rfq.submit_quote`: submits a quote. [`Response::quote`](crate::Response::quote) reads the reply.
    SubmitQuote(NewQuote),
    /// `rfq.withdraw_quote`: withdraws a quote.
    WithdrawQuote {
        /// The request for quotes.
        rfq_id: QuoteKey,
        /// The quote.
        quote_id: QuoteKey,
    },
    /// `rfq.confirm_quote`: confirms or declines a quote that was accepted.
    ConfirmQuote {
        /// The request for quotes.
        rfq_id: QuoteKey,
        /// The quote that was accepted.
        quote_id: QuoteKey,
        /// `true` confirms the quote, `false` declines it.
        confirm: bool,
    },
    /// Any other method: see [`Request::raw`].
    Raw(RawRequest),
}

/// A request of a method that this version does not know, or knows with other parameters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RawRequest {
    pub(crate) method: String,
    pub(crate) params: Option<String>,
}

/// What a request does, and to which order or quote. [`Event::Requested`](crate::Event::Requested) and
/// [`Event::Reply`](crate::Event::Reply) contain the subject of their request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Subject {
    /// Placing this order.
    PlaceOrder(NewOrder),
    /// Cancelling the order with this id of the venue.
    CancelOrder(u64),
    /// Cancelling all orders of the account.
    CancelAllOrders,
    /// Cancelling the orders that were placed over the link of the request.
    CancelSessionOrders,
    /// Submitting this quote.
    SubmitQuote(NewQuote),
    /// Withdrawing a quote.
    WithdrawQuote {
        /// The request for quotes.
        rfq_id: QuoteKey,
        /// The quote.
        quote_id: QuoteKey,
    },
    /// Confirming or declining a quote.
    ConfirmQuote {
        /// The request for quotes.
        rfq_id: QuoteKey,
        /// The quote that was accepted.
        quote_id: QuoteKey,
        /// `true` confirms the quote, `false` declines it.
        confirm: bool,
    },
    /// Anything else, for example asking for the venue's time, or a raw request.
    Other,
}

impl Request {
    /// Creates a request of any method, for example of a method that the venue has added.
    ///
    /// ```
    /// use gemini_ws::{RawJson, Request};
    ///
    /// let request = Request::raw("new.method", Some(RawJson::new("[1]").unwrap()));
    /// assert_eq!(request.encode(1), r#"{"id":1,"method":"new.method","params":[1]}"#);
    /// ```
    pub fn raw(method: impl Into<String>, params: Option<RawJson<'_>>) -> Request {
        let params = params.map(|params| String::from(params.as_str()));
        Request::Raw(RawRequest { method: method.into(), params })
    }

    /// Returns the name of the method.
    pub fn method(&self) -> &str {
        match self {
            Request::Ping => "ping",
            Request::Time => "time",
            Request::ConnectionInfo => "conninfo",
            Request::Subscribe(_) => "subscribe",
            Request::Unsubscribe(_) => "unsubscribe",
            Request::ListSubscriptions => "list_subscriptions",
            Request::Depth { .. } => "depth",
            Request::PlaceOrder(_) => "order.place",
            Request::CancelOrder { .. } => "order.cancel",
            Request::CancelAllOrders => "order.cancel_all",
            Request::CancelSessionOrders => "order.cancel_session",
            Request::SubmitQuote(_) => "rfq.submit_quote",
            Request::WithdrawQuote { .. } => "rfq.withdraw_quote",
            Request::ConfirmQuote { .. } => "rfq.confirm_quote",
            Request::Raw(raw) => &raw.method,
        }
    }

    /// Returns whether the request is about orders or quotes. Such a request needs an authenticated link. Returns
    /// `false` for a [raw](Request::raw) request, because its method is unknown.
    pub const fn is_of_account(&self) -> bool {
        match self {
            Request::PlaceOrder(_)
            | Request::CancelOrder { .. }
            | Request::CancelAllOrders
            | Request::CancelSessionOrders
            | Request::SubmitQuote(_)
            | Request::WithdrawQuote { .. }
            | Request::ConfirmQuote { .. } => true,
            Request::Ping
            | Request::Time
            | Request::ConnectionInfo
            | Request::Subscribe(_)
            | Request::Unsubscribe(_)
            | Request::ListSubscriptions
            | Request::Depth { .. }
            | Request::Raw(_) => false,
        }
    }

    /// Returns whether the request is about the session of the link that sends it. This holds for
    /// [`CancelSessionOrders`](Request::CancelSessionOrders) and [`ListSubscriptions`](Request::ListSubscriptions).
    pub const fn is_of_session(&self) -> bool {
        matches!(self, Request::CancelSessionOrders | Request::ListSubscriptions)
    }

    /// Returns whether [`Client::request`](crate::Client::request) refuses the request if several endpoints of the
    /// client could take the request: `true` for requests about an account or a session, and for raw requests.
    pub const fn is_of_one_endpoint(&self) -> bool {
        self.is_of_account() || self.is_of_session() || matches!(self, Request::Raw(_))
    }

    /// Returns the subject of the request.
    pub const fn subject(&self) -> Subject {
        match self {
            Request::PlaceOrder(order) => Subject::PlaceOrder(*order),
            Request::CancelOrder { order_id } => Subject::CancelOrder(*order_id),
            Request::CancelAllOrders => Subject::CancelAllOrders,
            Request::CancelSessionOrders => Subject::CancelSessionOrders,
            Request::SubmitQuote(quote) => Subject::SubmitQuote(*quote),
            Request::WithdrawQuote { rfq_id, quote_id } => {
                Subject::WithdrawQuote { rfq_id: *rfq_id, quote_id: *quote_id }
            }
            Request::ConfirmQuote { rfq_id, quote_id, confirm } => {
                Subject::ConfirmQuote { rfq_id: *rfq_id, quote_id: *quote_id, confirm: *confirm }
            }
            _ => Subject::Other,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(f, self.method())
    }
}

/// A request to `wss://api.gemini.com/v2/marketdata` ([subscribing](crate::protocol::market_data_v2#subscribing)).
/// The request has no id. The first data of a stream confirms the subscription. A refusal does not name the refused
/// request.
///
/// ```
/// use gemini_ws::MarketDataRequest;
///
/// let request = MarketDataRequest::Subscribe(vec!["btcusd@depth".parse().unwrap()]);
/// assert_eq!(
///     request.encode(),
///     r#"{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD"]}]}"#,
/// );
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum MarketDataRequest {
    /// Subscribes to streams: the `type` is `subscribe`.
    Subscribe(Vec<Stream>),
    /// Unsubscribes from streams: the `type` is `unsubscribe`.
    Unsubscribe(Vec<Stream>),
}
