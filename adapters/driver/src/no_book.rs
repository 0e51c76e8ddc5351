//! [`NoBook`]: the reason why no book of a symbol will arrive.

use std::fmt;

/// The reason why a [`BookReader`](crate::BookReader) will get no current book of a symbol. With each reason, the
/// book may still become current if the application acts: see the variants.
///
/// ```
/// use gemini_ws_driver::NoBook;
///
/// let reason = NoBook::Rejected { code: -1121, message: "Invalid symbol".into() };
/// assert_eq!(reason.to_string(), "the venue rejected the subscription: Invalid symbol (code -1121)");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NoBook {
    /// The venue rejected the subscription. The subscription has ended. The book may still arrive if the application
    /// subscribes to it again and the venue accepts the subscription.
    Rejected {
        /// The venue's code of the error; 0 if it is absent or cannot be read.
        code: i64,
        /// The venue's message, for people.
        message: Box<str>,
    },
    /// All links that could deliver the book have ended for good, but the client still runs. The book may still
    /// arrive if the application calls [`Client::open`](gemini_ws::Client::open) again.
    LinkClosed,
    /// The book has no subscription, and no address of market data v1 names its symbol. The book may still arrive if
    /// the application subscribes to it again.
    Unsubscribed,
}

impl fmt::Display for NoBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoBook::Rejected { code, message } => {
                write!(f, "the venue rejected the subscription: {message} (code {code})")
            }
            NoBook::LinkClosed => f.pad("the link has ended for good"),
            NoBook::Unsubscribed => f.pad("the subscription has ended"),
        }
    }
}

impl std::error::Error for NoBook {}
