//! [`Quote`]: the answer of an account to a request for quotes, and the events that its maker gets.

use super::request::{QUOTE_STREAM, Rfq};
use crate::frame::members::{MemberOrder, Members};
use crate::value::order::Origin;
use crate::value::quote::{NewQuote, PRICE_DECIMALS, QUANTITY_DECIMALS};
use crate::value::random::Random;

#[derive(Clone, Debug)]
pub(crate) struct Quote {
    number: u64,
    origin: Origin,
    /// The price that the requester would pay for a contract, in hundredths.
    price: u64,
    /// In hundredths of a contract.
    quantity: u64,
    /// The end of the quote, in ms since 1970. If `None`, the quote is valid as long as its request.
    valid_until: Option<i64>,
    client_id: Option<String>,
}

/// An accepted quote that is to be executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deal<'q> {
    pub(crate) quote: &'q Quote,
    pub(crate) symbol: &'q str,
    /// In hundredths of a contract.
    pub(crate) contracts: u64,
}

/// What has happened to a quote (member `x`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Closed,
    Accepted,
    Confirmed,
    Declined,
    Finalized,
    Failed,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Step::Closed => "CLOSED",
            Step::Accepted => "ACCEPTED",
            Step::Confirmed => "CONFIRMED",
            Step::Declined => "DECLINED",
            Step::Finalized => "FINALIZED",
            Step::Failed => "FAILED",
        }
    }
}

/// The status of a quote (member `qs`). Each status but `Active` is final.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum QuoteStatus {
    Active,
    Withdrawn,
    Expired,
    Won,
    Lost,
}

impl QuoteStatus {
    const fn name(self) -> &'static str {
        match self {
            QuoteStatus::Active => "ACTIVE",
            QuoteStatus::Withdrawn => "WITHDRAWN",
            QuoteStatus::Expired => "EXPIRED",
            QuoteStatus::Won => "WON",
            QuoteStatus::Lost => "LOST",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct QuoteEvent {
    /// The position of the account.
    pub(crate) account: usize,
    /// The serial number of the session that sent the quote.
    pub(crate) serial: u64,
    pub(crate) text: String,
    pub(crate) is_repeated: bool,
}

impl Quote {
    pub(super) fn new(number: u64, origin: Origin, quote: NewQuote) -> Quote {
        let NewQuote { price, quantity, valid_until, client_id, .. } = quote;
        Quote { number, origin, price, quantity, valid_until, client_id }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) const fn price(&self) -> u64 {
        self.price
    }

    pub(super) const fn quantity(&self) -> u64 {
        self.quantity
    }

    pub(super) const fn valid_until(&self) -> Option<i64> {
        self.valid_until
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    pub(crate) fn id(&self) -> String {
        format!("quote-{}", self.number)
    }

    /// Returns whether the quote can be accepted at this time, in ms since 1970.
    pub(super) fn stands_at(&self, millis: i64) -> bool {
        self.valid_until.is_none_or(|until| millis < until)
    }

    pub(super) fn frame(
        &self,
        rfq: &Rfq,
        event_id: &str,
        step: Step,
        status: QuoteStatus,
        millis: i64,
    ) -> String {
        let members = Members::default()
            .text("e", QUOTE_STREAM)
            .text("i", event_id)
            .integer("E", millis)
            .text("r", &rfq.id())
            .text("x", step.name())
            .text("S", rfq.status().name())
            .text("q", &self.id())
            .decimal("p", self.price, PRICE_DECIMALS)
            .decimal("sz", self.quantity, QUANTITY_DECIMALS)
            .text("qs", status.name());
        let members = match self.valid_until {
            Some(until) => members.integer("vu", until),
            None => members,
        };
        members.finish(MemberOrder::Documented)
    }
}

/// Returns a random UUID (RFC 9562 section 5.4).
pub(super) fn event_id(random: &mut Random) -> String {
    let (high, low) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
