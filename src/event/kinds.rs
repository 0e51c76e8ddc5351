//! The kinds of events, listed once for all code that treats each kind in the same way.

/// Calls a macro with the events that are data of a frame, and their names in JSON.
macro_rules! each_data {
    ($visit:ident) => {
        $visit! {
            BookTicker "book_ticker", DepthSnapshot "depth_snapshot", DepthUpdate "depth_update",
            PartialDepth "partial_depth", Trade "trade", ContractStatus "contract_status",
            MarkPrice "mark_price", FundingAmount "funding_amount", TopOfBook "top_of_book",
            AuctionOpen "auction_open", Auction "auction", Candles "candles",
            RequestForQuote "request_for_quote", Order "order", Balances "balances",
            Positions "positions", Quote "quote", Settlements "settlements", Heartbeat "heartbeat",
            SubscriptionAck "subscription_ack", Error "error", Unrecognized "unrecognized",
            Malformed "malformed"
        }
    };
}

/// Calls a macro with the events that contain no text of the venue, their names in JSON and their members.
macro_rules! each_fact {
    ($visit:ident) => {
        $visit! {
            Requested "requested" { link, request, about },
            Subscribed "subscribed" { link, id, stream },
            Unsubscribed "unsubscribed" { link, id, stream, last },
            Silent "silent" { link, id, stream, since },
            Unserved "unserved" { link, id, stream, reason, attempts, retry },
            Gap "gap" { link, id, symbol, expected, got },
            SequenceGap "sequence_gap" { link, expected, got },
            Synced "synced" { link, id, symbol },
            Overflow "overflow" { topic, symbol, dropped },
            Opened "opened" { link, missing_since },
            Live "live" { link },
            ConnectFailed "connect_failed" { link, reason, retry },
            Disconnected "disconnected" { link, reason, retry },
            LinkClosed "link_closed" { link, reason },
            HeartbeatDue "heartbeat_due" { link, since },
            ShuttingDown "shutting_down" { step },
            Closed "closed" { reason, abandoned }
        }
    };
}

pub(crate) use {each_data, each_fact};
