//! Frames of `wss://api.gemini.com/v1/order/events` ([order events v1](crate::protocol::order_events_v1)).

use super::market_v2::{unrecognized, venue_error};
use super::members::{Members, element, scan, within};
use super::names::{Names, names};
use super::scratch::Scratch;
use crate::json::cursor::{Cursor, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Read;
use crate::message::{
    ApiSession, Fill, Heartbeat, Liquidity, List, Message, OrderEventDetails, OrderEvents, OrderReport,
    OrderSide, OrderStatus, OrderType, OrderUpdate, SubscriptionAck, Text, Unrecognized,
};
use crate::value::time::Timestamp;

names! {
    NAMES {
        TYPE = "type",
        ORDER_ID = "order_id",
        EVENT_ID = "event_id",
        CANCEL_COMMAND_ID = "cancel_command_id",
        REASON = "reason",
        ACCOUNT_NAME = "account_name",
        CLIENT_ORDER_ID = "client_order_id",
        API_SESSION = "api_session",
        SYMBOL = "symbol",
        SIDE = "side",
        BEHAVIOR = "behavior",
        ORDER_TYPE = "order_type",
        TIMESTAMP = "timestamp",
        // Old documented frames have the second name of each.
        TIMESTAMP_MS = "timestampms" | "timestampMs",
        IS_LIVE = "is_live",
        IS_CANCELLED = "is_cancelled",
        IS_HIDDEN = "is_hidden",
        AVG_EXECUTION_PRICE = "avg_execution_price",
        EXECUTED_AMOUNT = "executed_amount" | "total_executed_amount",
        REMAINING_AMOUNT = "remaining_amount",
        ORIGINAL_AMOUNT = "original_amount",
        PRICE = "price" | "original_price",
        TOTAL_SPEND = "total_spend",
        FILL = "fill",
        SOCKET_SEQUENCE = "socket_sequence",
        TRADE_ID = "trade_id",
        LIQUIDITY = "liquidity",
        AMOUNT = "amount",
        FEE = "fee",
        FEE_CURRENCY = "fee_currency",
        ACCOUNT_ID = "accountId",
        SUBSCRIPTION_ID = "subscriptionId",
        SYMBOL_FILTER = "symbolFilter",
        API_SESSION_FILTER = "apiSessionFilter",
        EVENT_TYPE_FILTER = "eventTypeFilter",
        SEQUENCE = "sequence",
        TRACE_ID = "trace_id",
        RESULT = "result",
        MESSAGE = "message",
    }
}

/// Decodes a frame: an array of events, or [an object](crate::protocol::order_events_v1#conversation).
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    let mut cursor = Cursor::new(frame);
    if cursor.peek() == b'[' {
        let mut whole = cursor.clone();
        whole.skip(0)?;
        whole.finish()?;
        // Each element is an element, whatever it is.
        return Ok(Message::OrderEvents(OrderEvents { events: List::new(frame) }));
    }
    let members = scan(frame, &NAMES, &mut scratch.members)?;
    let Some(kind) = members.text_if_any(TYPE) else {
        let is_error = members.text_if_any(RESULT).is_some_and(|result| result == *"error");
        return if is_error { venue_error(&members, REASON, MESSAGE) } else { Ok(unrecognized(frame)) };
    };
    if kind == *"heartbeat" {
        Ok(Message::Heartbeat(Heartbeat {
            event_time: Some(members.milliseconds(TIMESTAMP_MS)?),
            socket_sequence: members.if_any(SOCKET_SEQUENCE, Members::unsigned)?,
            sequence: members.if_any(SEQUENCE, Members::unsigned)?,
            trace_id: members.if_any(TRACE_ID, Members::text)?,
        }))
    } else if kind == *"subscription_ack" {
        Ok(Message::SubscriptionAck(SubscriptionAck {
            account_id: members.unsigned(ACCOUNT_ID)?,
            subscription_id: members.text(SUBSCRIPTION_ID)?,
            symbol_filter: members.list(SYMBOL_FILTER)?,
            api_session_filter: members.list(API_SESSION_FILTER)?,
            event_type_filter: members.list(EVENT_TYPE_FILTER)?,
        }))
    } else {
        Ok(unrecognized(frame))
    }
}

/// A string of an array.
impl<'f> Read<'f> for Text<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Text<'f>, DecodeError> {
        if cursor.peek() != b'"' {
            return Err(cursor.error(DecodeErrorKind::Type));
        }
        let RawString { start, end, .. } = cursor.string()?;
        Ok(Text(frame.get(start..end).unwrap_or_default()))
    }
}

impl<'f> Read<'f> for ApiSession<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<ApiSession<'f>, DecodeError> {
        Text::read(frame, cursor).map(ApiSession)
    }
}

/// An event of an array. One that cannot be read [does not cost the others](crate::protocol::quirks#each-element-by-itself).
impl<'f> Read<'f> for OrderReport<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<OrderReport<'f>, DecodeError> {
        let element = element(frame, cursor)?;
        let text = element.as_str();
        let read = within(text, &mut Cursor::new(text), &NAMES, |members| {
            let kind = members.text(TYPE)?;
            let is_fill = kind == *"fill";
            if is_fill || !matches!(OrderStatus::of(kind), OrderStatus::Other(_)) {
                order(members, is_fill).map(OrderReport::Update)
            } else {
                Ok(OrderReport::Unrecognized(Unrecognized { frame: element }))
            }
        });
        Ok(read.unwrap_or_else(|error| OrderReport::Malformed { element, error }))
    }
}

/// Reads the [members of an order event](crate::protocol::order_events_v1#members-of-an-order-event).
fn order<'f>(members: &Members<'f, '_>, is_fill: bool) -> Result<OrderUpdate<'f>, DecodeError> {
    let order_id = members.id(ORDER_ID)?;
    let symbol = members.plain(SYMBOL)?;
    // The excerpts of older pages have no time; every recorded event has one.
    let event_time = members.if_any(TIMESTAMP_MS, Members::milliseconds)?;
    let timestamp = members.if_any(TIMESTAMP, |members, slot| {
        let nanos = members.signed_or_text(slot)?.checked_mul(1_000_000_000);
        nanos.map(Timestamp::from_nanos).ok_or_else(|| members.error(slot, DecodeErrorKind::Integer))
    })?;
    let remaining_quantity = members.unless_empty(REMAINING_AMOUNT, Members::decimal)?;
    let status = match is_fill {
        false => OrderStatus::of(members.text(TYPE)?),
        true => {
            // Of a market buy nothing remains to be told; it is over when it lives no more.
            let is_over = match remaining_quantity {
                Some(remaining) => remaining.is_zero(),
                None => members.if_any(IS_LIVE, Members::boolean)? == Some(false),
            };
            if is_over { OrderStatus::Filled } else { OrderStatus::PartiallyFilled }
        }
    };
    let fill = members.if_any(FILL, |members, slot| {
        let mut cursor = members.object(slot)?;
        within(members.frame(), &mut cursor, &NAMES, fill)
    })?;
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time,
        transaction_time: None,
        client_order_id: members.unless_empty(CLIENT_ORDER_ID, Members::text)?,
        side: members.unless_empty(SIDE, Members::text)?.map(OrderSide::of),
        order_type: members.unless_empty(ORDER_TYPE, Members::text)?.map(OrderType::of),
        price: members.unless_empty(PRICE, Members::decimal)?,
        stop_price: None,
        quantity: members.unless_empty(ORIGINAL_AMOUNT, Members::decimal)?,
        remaining_quantity,
        executed_quantity: members.unless_empty(EXECUTED_AMOUNT, Members::decimal)?,
        average_price: members.unless_empty(AVG_EXECUTION_PRICE, Members::number)?,
        fill,
        reason: members.unless_empty(REASON, Members::text)?,
        outcome: None,
        alias: None,
        event: Some(OrderEventDetails {
            event_id: members.if_any(EVENT_ID, Members::id)?,
            socket_sequence: members.if_any(SOCKET_SEQUENCE, Members::unsigned)?,
            account_name: members.if_any(ACCOUNT_NAME, Members::text)?,
            api_session: members.if_any(API_SESSION, Members::text)?.map(ApiSession),
            behavior: members.if_any(BEHAVIOR, Members::text)?,
            timestamp,
            is_live: members.if_any(IS_LIVE, Members::boolean)?,
            is_cancelled: members.if_any(IS_CANCELLED, Members::boolean)?,
            is_hidden: members.if_any(IS_HIDDEN, Members::boolean)?,
            total_spend: members.unless_empty(TOTAL_SPEND, Members::decimal)?,
            cancel_command_id: members.if_any(CANCEL_COMMAND_ID, Members::text)?,
        }),
    })
}

fn fill<'f>(members: &Members<'f, '_>) -> Result<Fill<'f>, DecodeError> {
    Ok(Fill {
        trade_id: Some(members.id(TRADE_ID)?),
        price: Some(members.decimal(PRICE)?),
        quantity: Some(members.decimal(AMOUNT)?),
        fee: members.unless_empty(FEE, Members::number)?,
        fee_currency: members.unless_empty(FEE_CURRENCY, Members::text)?,
        liquidity: members.unless_empty(LIQUIDITY, Members::text)?.map(Liquidity::of),
    })
}
