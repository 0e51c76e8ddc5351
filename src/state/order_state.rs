//! [`OrderState`]: what an order has come to.

/// What an order has come to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum OrderState {
    /// It is on its way; neither answer nor event has come.
    #[default]
    Sent,
    /// The request was taken, which does not yet say that the order exists.
    Acknowledged,
    /// No answer came before the time was over or the link was lost, and no event: whether there is such
    /// an order is not known.
    Unknown,
    /// It passed the checks.
    New,
    /// It rests in the book.
    Open,
    /// A part of it was executed.
    PartiallyFilled,
    /// All of it was executed. Final.
    Filled,
    /// It was cancelled, perhaps after a part of it was executed. Final.
    Canceled,
    /// It was refused. Final.
    Rejected,
    /// It is over; how was not told. Final.
    Closed,
}

impl OrderState {
    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderState::Filled | OrderState::Canceled | OrderState::Rejected | OrderState::Closed)
    }

    /// Returns whether events have reported the order, not only what became of its request.
    ///
    /// ```
    /// use gemini_ws::OrderState;
    ///
    /// assert!(OrderState::Open.is_from_events() && !OrderState::Acknowledged.is_from_events());
    /// ```
    pub const fn is_from_events(self) -> bool {
        !matches!(self, OrderState::Sent | OrderState::Acknowledged | OrderState::Unknown)
    }

    /// How far an order has come: it never goes back.
    pub(super) const fn rank(self) -> u8 {
        match self {
            OrderState::Sent => 0,
            OrderState::Unknown => 1,
            OrderState::Acknowledged => 2,
            OrderState::New => 3,
            OrderState::Open => 4,
            OrderState::PartiallyFilled => 5,
            OrderState::Filled | OrderState::Canceled | OrderState::Rejected | OrderState::Closed => 6,
        }
    }
}

impl core::fmt::Display for OrderState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            OrderState::Sent => "sent, not answered yet",
            OrderState::Acknowledged => "accepted by the venue, not reported yet",
            OrderState::Unknown => "unknown: the request got no answer",
            OrderState::New => "accepted",
            OrderState::Open => "open",
            OrderState::PartiallyFilled => "partially filled",
            OrderState::Filled => "filled",
            OrderState::Canceled => "cancelled",
            OrderState::Rejected => "rejected",
            OrderState::Closed => "closed, for an unknown reason",
        })
    }
}
