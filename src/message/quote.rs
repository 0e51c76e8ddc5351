//! [Requests for quotes](crate::protocol::streams#requests-for-quotes) on combinations of contracts.

use super::list::List;
use super::open::open_enum;
use super::order::ContractOutcome;
use super::text::{Number, Text};
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

/// A request for quotes that was made, or that changed its status ([public
/// requests](crate::protocol::streams#public-requests)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RequestForQuote<'f> {
    /// `E`: the time of the event, sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `r`: the id of the request for quotes.
    pub rfq_id: Text<'f>,
    /// `s`: the instrument of the combination.
    pub symbol: Option<&'f str>,
    /// `l`: the legs of the combination.
    pub legs: List<'f, Leg<'f>>,
    /// `n`: the requested notional. A request has either a notional or a quantity.
    pub notional: Option<Number<'f>>,
    /// `q`: the requested number of contracts. A request has either a notional or a quantity.
    pub quantity: Option<Decimal>,
    /// `f`: the quantity to execute; absent until a quote is accepted.
    pub execution_quantity: Option<Decimal>,
    /// `S`: the status of the request for quotes.
    pub status: RfqStatus<'f>,
    /// `w`: undocumented; assumed to be the end of the time to submit quotes.
    pub submission_ends: Option<Timestamp>,
    /// `x`: undocumented; assumed to be the end of the time to accept a quote.
    pub expires: Option<Timestamp>,
    /// `c`: undocumented; assumed to be the end of the time to confirm a quote that was accepted.
    pub confirmation_ends: Option<Timestamp>,
}

/// A leg of a combination.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Leg<'f> {
    /// `c`: the id of the contract.
    pub contract_id: Text<'f>,
    /// `o`: the outcome that the leg bets on.
    pub outcome: ContractOutcome<'f>,
    /// `s`: the symbol of the contract; optional.
    pub symbol: Option<&'f str>,
}

/// One event in the life of a request for quotes. The venue sends the event to the account concerned ([private
/// quotes](crate::protocol::streams#private-quotes)). The venue may send an event several times, with the same event
/// id.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QuoteUpdate<'f> {
    /// `i`: the id of the event.
    pub event_id: Text<'f>,
    /// `E`: the time of the event, sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `r`: the id of the request for quotes.
    pub rfq_id: Text<'f>,
    /// `x`: the step that the event reports.
    pub step: QuoteStep<'f>,
    /// `S`: the status of the request for quotes.
    pub status: RfqStatus<'f>,
    /// `q`: the id of the quote; absent if the event names no quote.
    pub quote_id: Option<Text<'f>>,
    /// `p`: the price of the quote.
    pub price: Option<Decimal>,
    /// `sz`: the quantity of the quote.
    pub quantity: Option<Decimal>,
    /// `qs`: the status of the quote.
    pub quote_status: Option<QuoteStatus<'f>>,
    /// `vu`: until when the quote is valid; sent in milliseconds.
    pub valid_until: Option<Timestamp>,
    /// Whether an update with this event id was delivered before. [`Client`](crate::Client) and
    /// [`Replay`](crate::Replay) remember the newest 4,096 event ids of a stream, except ids longer than 64 bytes. In
    /// a [`Message`](crate::Message), `is_replay` is always false.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "core::ops::Not::not"))]
    pub is_replay: bool,
}

open_enum! {
    /// The status of a request for quotes.
    RfqStatus {
        /// Makers can submit quotes.
        Open = "OPEN",
        /// The requester chooses a quote.
        PendingAcceptance = "PENDING_ACCEPTANCE",
        /// The maker of the accepted quote must confirm.
        Confirming = "CONFIRMING",
        /// The request is being executed.
        Finalizing = "FINALIZING",
        /// The request was executed.
        Finalized = "FINALIZED",
        /// The request was cancelled.
        Cancelled = "CANCELLED",
        /// The request expired.
        Expired = "EXPIRED",
        /// The request failed.
        Failed = "FAILED",
    }
}

open_enum! {
    /// A step of a quote, or of its request for quotes.
    QuoteStep {
        /// The venue takes no more quotes.
        Closed = "CLOSED",
        /// A quote was accepted.
        Accepted = "ACCEPTED",
        /// The maker confirmed the quote.
        Confirmed = "CONFIRMED",
        /// The maker declined the quote.
        Declined = "DECLINED",
        /// The quote was executed.
        Finalized = "FINALIZED",
        /// The quote or the request failed.
        Failed = "FAILED",
    }
}

open_enum! {
    /// The status of a quote.
    QuoteStatus {
        /// The quote can be accepted.
        Active = "ACTIVE",
        /// The maker withdrew the quote.
        Withdrawn = "WITHDRAWN",
        /// The quote expired.
        Expired = "EXPIRED",
        /// The quote was executed.
        Won = "WON",
        /// Another quote was executed.
        Lost = "LOST",
    }
}
