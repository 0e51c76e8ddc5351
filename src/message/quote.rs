//! [Requests for quotes](crate::protocol::streams#requests-for-quotes) on combinations of contracts.

use super::list::List;
use super::open::open_enum;
use super::order::ContractOutcome;
use super::text::{Number, Text};
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

/// A request for quotes was made or changed its status ([public requests](crate::protocol::streams#public-requests)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RequestForQuote<'f> {
    /// `E`: sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `r`
    pub rfq_id: Text<'f>,
    /// `s`: the instrument of the combo.
    pub symbol: Option<&'f str>,
    /// `l`
    pub legs: List<'f, Leg<'f>>,
    /// `n`: the notional asked for; either this or the quantity is there.
    pub notional: Option<Number<'f>>,
    /// `q`: the contracts asked for.
    pub quantity: Option<Decimal>,
    /// `f`: the quantity that was fixed when a quote was accepted.
    pub execution_quantity: Option<Decimal>,
    /// `S`
    pub status: RfqStatus<'f>,
    /// `w`: not described; by its place the end of the time for quotes.
    pub submission_ends: Option<Timestamp>,
    /// `x`: not described; by its place the end of the request.
    pub expires: Option<Timestamp>,
    /// `c`: not described; by its place the end of the time to confirm.
    pub confirmation_ends: Option<Timestamp>,
}

/// A leg of a combo.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Leg<'f> {
    /// `c`
    pub contract_id: Text<'f>,
    /// `o`
    pub outcome: ContractOutcome<'f>,
    /// `s`
    pub symbol: Option<&'f str>,
}

/// A step of a request for quotes that concerns the account ([private quotes](crate::protocol::streams#private-quotes)). The
/// venue delivers at least once: of two with the same event id the second is marked as a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QuoteUpdate<'f> {
    /// `i`: the key for deduplication.
    pub event_id: Text<'f>,
    /// `E`: sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `r`
    pub rfq_id: Text<'f>,
    /// `x`
    pub step: QuoteStep<'f>,
    /// `S`
    pub status: RfqStatus<'f>,
    /// `q`
    pub quote_id: Option<Text<'f>>,
    /// `p`
    pub price: Option<Decimal>,
    /// `sz`
    pub quantity: Option<Decimal>,
    /// `qs`
    pub quote_status: Option<QuoteStatus<'f>>,
    /// `vu`: sent in milliseconds.
    pub valid_until: Option<Timestamp>,
    /// Whether an update with this event id was delivered before.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "core::ops::Not::not"))]
    pub is_replay: bool,
}

open_enum! {
    /// Where a request for quotes is in its life.
    RfqStatus {
        /// Quotes can be submitted.
        Open = "OPEN",
        /// The one who asked chooses.
        PendingAcceptance = "PENDING_ACCEPTANCE",
        /// The maker of the accepted quote is asked to confirm.
        Confirming = "CONFIRMING",
        /// It is being executed.
        Finalizing = "FINALIZING",
        /// It was executed.
        Finalized = "FINALIZED",
        /// It was taken back.
        Cancelled = "CANCELLED",
        /// Its time is over.
        Expired = "EXPIRED",
        /// It failed.
        Failed = "FAILED",
    }
}

open_enum! {
    /// What happened to a quote, or to the request that it is for.
    QuoteStep {
        /// No more quotes are taken.
        Closed = "CLOSED",
        /// A quote was accepted.
        Accepted = "ACCEPTED",
        /// Its maker confirmed.
        Confirmed = "CONFIRMED",
        /// Its maker declined.
        Declined = "DECLINED",
        /// It was executed.
        Finalized = "FINALIZED",
        /// It failed.
        Failed = "FAILED",
    }
}

open_enum! {
    /// Where a quote is in its life.
    QuoteStatus {
        /// It can be accepted.
        Active = "ACTIVE",
        /// Its maker took it back.
        Withdrawn = "WITHDRAWN",
        /// Its time is over.
        Expired = "EXPIRED",
        /// It was executed.
        Won = "WON",
        /// Another one was executed.
        Lost = "LOST",
    }
}
