//! [`OrderState`]: the states of an order.

/// The state of an order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum OrderState {
    /// The client has accepted the request, which may still wait to be sent. No reply and no event has come.
    #[default]
    Sent,
    /// The venue accepted the request. No event has reported the order yet.
    Acknowledged,
    /// Whether the order exists is unknown: no event has come, and no reply says whether the venue accepted the
    /// order.
    Unknown,
    /// The order passed the venue's checks.
    New,
    /// The order rests in the book.
    Open,
    /// A part of the order was executed.
    PartiallyFilled,
    /// The whole order was executed. This state is final.
    Filled,
    /// The order was cancelled, perhaps after a part was executed. This state is final.
    Canceled,
    /// The venue refused the order or does not have the order, or the request was not sent. If no event reported this
    /// final state, a later event can still show that the order exists.
    Rejected,
    /// The order ended; the venue has not said how. This state is final.
    Closed,
}

impl OrderState {
    /// Returns whether the state is final.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderState::Filled | OrderState::Canceled | OrderState::Rejected | OrderState::Closed)
    }

    /// Returns whether an event can report this state: any state but `Sent`, `Acknowledged` and `Unknown`.
    ///
    /// ```
    /// use gemini_ws::OrderState;
    ///
    /// assert!(OrderState::Open.is_from_events() && !OrderState::Acknowledged.is_from_events());
    /// ```
    pub const fn is_from_events(self) -> bool {
        !matches!(self, OrderState::Sent | OrderState::Acknowledged | OrderState::Unknown)
    }

    /// Returns a rank: the later a state comes in the life of an order, the higher its rank. The rank of an order
    /// rarely falls, for example if a reply has refused an order and an event then reports it as open.
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
            OrderState::Unknown => "unknown: no reply says whether the venue accepted it",
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
