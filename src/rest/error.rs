//! [`RestError`]: a response that does not answer the question.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::json::error::DecodeError;
use crate::state::fill::kept;
use crate::wire::rest;

/// A response of the REST API that does not answer the question. The error keeps only the first 256 bytes of each
/// text.
///
/// ```
/// use gemini_ws::{BalancesQuestion, RestQuestion};
///
/// let body = r#"{"result":"error","reason":"InvalidNonce","message":"Nonce '7' has not increased"}"#;
/// let error = BalancesQuestion.answer(400, body).unwrap_err();
/// assert_eq!(error.to_string(), "HTTP status 400, InvalidNonce: Nonce '7' has not increased");
/// assert!(error.may_ask_again());
/// assert!(!BalancesQuestion.answer(403, "").unwrap_err().may_ask_again());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RestError {
    /// The venue, or a proxy in front of the venue, refused the request or failed: the status is not 200, or the body
    /// is an error.
    #[non_exhaustive]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The venue's code, such as `InvalidSignature`, if the body has one.
        reason: Option<Box<str>>,
        /// The venue's explanation; empty if the venue gives none. If the body does not have the form of an error,
        /// the beginning of the body.
        message: Box<str>,
    },
    /// The status is 200, but the body is too long or does not have the documented form.
    #[non_exhaustive]
    Malformed {
        /// What is wrong and where.
        error: DecodeError,
        /// The beginning of the body. If the error is in [`OpenOrders::unused`](crate::OpenOrders::unused) or
        /// [`BalanceRows::unused`](crate::BalanceRows::unused), the beginning of the row.
        body: Box<str>,
    },
    /// The answer is about another order, or an order in it does not have the client order id of the question.
    OtherOrder {
        /// The venue's id of the order in the answer.
        order_id: u64,
    },
    /// Several orders have the client order id, or perhaps several: the answer has one order, and an element that is
    /// malformed. Ask about each order by the venue's id.
    SeveralOrders {
        /// The venue's ids, in the order of the answer.
        order_ids: Vec<u64>,
        /// Whether `order_ids` contains every order of the answer. If not, an element of the answer is malformed.
        is_whole: bool,
    },
    /// Several rows of the answer are about the same order or asset. None of these rows is used, and this error is in
    /// [`OpenOrders::unused`](crate::OpenOrders::unused) or [`BalanceRows::unused`](crate::BalanceRows::unused). If
    /// no other row can be used, the whole answer is this error.
    Repeated {
        /// The venue's id of the order, or the name of the asset.
        name: Box<str>,
    },
    /// The answer does not decide the state of the order. For example, the answer says that the order is both live
    /// and cancelled, or the order may not be in the book yet. The [table of
    /// states](crate::protocol::rest#order-status) shows all cases.
    Undecided {
        /// The venue's id of the order.
        order_id: u64,
    },
}

impl RestError {
    /// Returns the HTTP status of the response. The status is 200 if the error is not [`RestError::Refused`].
    ///
    /// ```
    /// use gemini_ws::{BalancesQuestion, RestQuestion};
    ///
    /// assert_eq!(BalancesQuestion.answer(503, "<html>").unwrap_err().status(), 503);
    /// assert_eq!(BalancesQuestion.answer(200, "<html>").unwrap_err().status(), 200);
    /// ```
    pub const fn status(&self) -> u16 {
        match self {
            RestError::Refused { status, .. } => *status,
            _ => 200,
        }
    }

    /// Returns whether the venue may answer the same question if you sign and send the question again. Wait before
    /// each repetition, each time longer than before. Returns `true` in these cases:
    ///
    /// - [`RestError::Refused`] because of a failure or maintenance of the venue (HTTP status 500 or higher, or the
    ///   reason `System` or `Maintenance`), a timeout (status 408), a rate limit (status 429 or the reason
    ///   `RateLimit`), or a nonce (the reason `InvalidNonce`).
    /// - [`RestError::Malformed`] and [`RestError::Undecided`].
    /// - [`RestError::SeveralOrders`] if its `is_whole` is `false`.
    pub fn may_ask_again(&self) -> bool {
        match self {
            RestError::Refused { status, reason, .. } => {
                matches!(status, 408 | 429 | 500..)
                    || matches!(
                        reason.as_deref(),
                        Some("InvalidNonce" | "RateLimit" | "System" | "Maintenance")
                    )
            }
            RestError::Malformed { .. } | RestError::Undecided { .. } => true,
            RestError::SeveralOrders { is_whole, .. } => !is_whole,
            RestError::OtherOrder { .. } | RestError::Repeated { .. } => false,
        }
    }

    pub(super) fn says_not_found(&self) -> bool {
        matches!(
            self,
            RestError::Refused { status: 404 | 400, reason: Some(reason), .. } if **reason == *"OrderNotFound"
        )
    }

    pub(super) fn malformed(error: DecodeError, body: &str) -> RestError {
        RestError::Malformed { error, body: beginning(body) }
    }
}

pub(super) fn accept(status: u16, body: &str) -> Result<(), RestError> {
    let refusal = rest::refusal(body);
    if status == 200 && refusal.is_none() {
        return Ok(());
    }
    let (reason, message) = match refusal {
        Some(refusal) => (refusal.reason.map(kept), refusal.message.map(kept).unwrap_or_default()),
        None => (None, beginning(body)),
    };
    Err(RestError::Refused { status, reason, message })
}

/// Returns the beginning of a body that cannot be decoded, at most 256 bytes.
fn beginning(body: &str) -> Box<str> {
    kept(body.chars().take(256).collect::<String>())
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestError::Refused { status, reason, message } => {
                write!(f, "HTTP status {status}")?;
                if let Some(reason) = reason {
                    write!(f, ", {reason}")?;
                }
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            RestError::Malformed { error, .. } => write!(f, "the answer cannot be read: {error}"),
            RestError::OtherOrder { order_id } => {
                write!(f, "the answer is about order {order_id}, and not about the order of the question")
            }
            RestError::SeveralOrders { order_ids, is_whole: true } => {
                write!(f, "{} orders have this client order id; ask for each by its id", order_ids.len())
            }
            RestError::SeveralOrders { order_ids, is_whole: false } => {
                let count = order_ids.len();
                write!(
                    f,
                    "more than {count} orders have this client order id; ask for each by its id, or ask again"
                )
            }
            RestError::Repeated { name } => write!(f, "the answer lists {name} twice"),
            RestError::Undecided { order_id } => {
                write!(f, "the answer does not decide the state of order {order_id}; ask again")
            }
        }
    }
}

impl core::error::Error for RestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            RestError::Malformed { error, .. } => Some(error),
            _ => None,
        }
    }
}
