//! [`Rfq`]: one request for quotes, as the public stream shows it.

use crate::frame::members::{MemberOrder, Members};

pub(crate) const QUOTE_STREAM: &str = "requestForQuote";

/// How long a request takes quotes after its opening, in ms.
const SUBMISSION_MILLIS: i64 = 10_000;
/// How long after its opening a request expires if the requester has not accepted a quote, in ms.
const EXPIRY_MILLIS: i64 = 30_000;
/// How long the maker of an accepted quote may take to confirm the quote, in ms.
pub(super) const CONFIRMATION_MILLIS: i64 = 5_000;

/// The price in hundredths from which the quantity follows if a hidden maker wins. Whether this maker wins depends on
/// a random price instead.
pub(super) const PRICE_OF_OTHERS: u64 = 50;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    Open,
    PendingAcceptance,
    Confirming,
    Finalizing,
    Finalized,
    Cancelled,
    Expired,
    Failed,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Status::Open => "OPEN",
            Status::PendingAcceptance => "PENDING_ACCEPTANCE",
            Status::Confirming => "CONFIRMING",
            Status::Finalizing => "FINALIZING",
            Status::Finalized => "FINALIZED",
            Status::Cancelled => "CANCELLED",
            Status::Expired => "EXPIRED",
            Status::Failed => "FAILED",
        }
    }

    pub(super) const fn is_last(self) -> bool {
        matches!(self, Status::Finalized | Status::Cancelled | Status::Expired | Status::Failed)
    }
}

/// One request for quotes. Its legs, which never change, are kept as JSON.
#[derive(Clone, Debug)]
pub(super) struct Rfq {
    number: u64,
    has_symbol: bool,
    legs: String,
    is_notional: bool,
    /// In hundredths of a contract, or of the quote currency if `is_notional` is true.
    size: u64,
    status: Status,
    /// In ms since 1970.
    opened: i64,
    accepted: Option<i64>,
    /// How many hundredths of a contract are executed; zero before the acceptance.
    contracts: u64,
}

impl Rfq {
    /// Creates a request that was opened at `opened`, in ms since 1970.
    pub(super) const fn new(
        number: u64,
        has_symbol: bool,
        legs: String,
        is_notional: bool,
        size: u64,
        opened: i64,
    ) -> Rfq {
        let (status, accepted, contracts) = (Status::Open, None, 0);
        Rfq { number, has_symbol, legs, is_notional, size, status, opened, accepted, contracts }
    }

    pub(super) const fn status(&self) -> Status {
        self.status
    }

    pub(super) const fn move_to(&mut self, status: Status) {
        self.status = status;
    }

    /// Stores when the requester accepted a quote (`millis`, in ms since 1970), and the quantity to execute
    /// (`contracts`, in hundredths of a contract).
    pub(super) const fn accept(&mut self, millis: i64, contracts: u64) {
        (self.accepted, self.contracts) = (Some(millis), contracts);
    }

    pub(super) const fn contracts(&self) -> u64 {
        self.contracts
    }

    pub(super) const fn expire_if_due(&mut self, millis: i64) {
        let expiry = self.opened.saturating_add(EXPIRY_MILLIS);
        if !self.status.is_last() && self.accepted.is_none() && millis >= expiry {
            self.status = Status::Expired;
        }
    }

    pub(super) fn id(&self) -> String {
        format!("rfq-{}", self.number)
    }

    /// Returns the instrument of the combination. The frames of some requests leave it out.
    pub(super) fn symbol(&self) -> String {
        format!("GEMI-COMBO-{}", self.number)
    }

    pub(super) const fn takes_quotes_at(&self, millis: i64) -> bool {
        matches!(self.status, Status::Open) && millis < self.opened.saturating_add(SUBMISSION_MILLIS)
    }

    /// Returns how many hundredths of a contract the requester asks for, if a contract costs `price` hundredths.
    pub(super) const fn requested_contracts(&self, price: u64) -> u64 {
        if self.is_notional { self.size * 100 / price } else { self.size }
    }

    pub(super) fn frame(&self, millis: i64) -> String {
        let mut members =
            Members::default().text("e", QUOTE_STREAM).integer("E", millis).text("r", &self.id());
        if self.has_symbol {
            members = members.text("s", &self.symbol());
        }
        members = members.json("l", self.legs.as_str());
        members = members.decimal(if self.is_notional { "n" } else { "q" }, self.size, 2);
        if self.accepted.is_some() {
            members = members.decimal("f", self.contracts, 2);
        }
        members = members
            .text("S", self.status.name())
            .integer("w", self.opened.saturating_add(SUBMISSION_MILLIS))
            .integer("x", self.opened.saturating_add(EXPIRY_MILLIS));
        if let Some(accepted) = self.accepted {
            members = members.integer("c", accepted.saturating_add(CONFIRMATION_MILLIS));
        }
        members.finish(MemberOrder::Documented)
    }
}
