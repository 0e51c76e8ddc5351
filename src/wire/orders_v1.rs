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
    OrderStatus, OrderType, OrderUpdate, SubscriptionAck, Text, Unrecognized,
};

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
            event_time: members.informs(TIMESTAMP_MS, Members::milliseconds),
            socket_sequence: members.informs(SOCKET_SEQUENCE, Members::unsigned),
            sequence: members.informs(SEQUENCE, Members::unsigned),
            trace_id: members.label(TRACE_ID),
        }))
    } else if kind == *"subscription_ack" {
        Ok(Message::SubscriptionAck(SubscriptionAck {
            account_id: members.informs(ACCOUNT_ID, Members::unsigned),
            subscription_id: members.label(SUBSCRIPTION_ID),
            symbol_filter: members.informs(SYMBOL_FILTER, Members::list).unwrap_or_default(),
            api_session_filter: members.informs(API_SESSION_FILTER, Members::list).unwrap_or_default(),
            event_type_filter: members.informs(EVENT_TYPE_FILTER, Members::list).unwrap_or_default(),
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
    let decimal = |slot: u8| members.unless_empty(slot, Members::decimal);
    let order_id = members.unsigned(ORDER_ID)?;
    let symbol = members.symbol(SYMBOL)?;
    let status = match is_fill {
        false => OrderStatus::of(members.text(TYPE)?),
        true => {
            // Of a market buy nothing remains to be told; it is over when it lives no more.
            let is_over = match decimal(REMAINING_AMOUNT)? {
                Some(remaining) => remaining.is_zero(),
                None => members.if_any(IS_LIVE, Members::boolean)? == Some(false),
            };
            if is_over { OrderStatus::Filled } else { OrderStatus::PartiallyFilled }
        }
    };
    let fill = match members.has(1 << FILL) {
        true => Some(within(members.frame(), &mut members.object(FILL)?, &NAMES, fill)?),
        // An execution of which nothing is told.
        false => is_fill.then(Fill::default),
    };
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time: members.informs(TIMESTAMP_MS, Members::milliseconds),
        transaction_time: None,
        client_order_id: members.unless_empty(CLIENT_ORDER_ID, Members::text)?,
        side: members.informs(SIDE, Members::side),
        order_type: members.label(ORDER_TYPE).map(OrderType::of),
        price: decimal(PRICE)?,
        stop_price: None,
        quantity: decimal(ORIGINAL_AMOUNT)?,
        remaining_quantity: members.figure(REMAINING_AMOUNT),
        time_in_force: members.label(BEHAVIOR),
        executed_quantity: decimal(EXECUTED_AMOUNT)?,
        average_price: members.figure(AVG_EXECUTION_PRICE),
        fill,
        reason: members.label(REASON),
        outcome: None,
        alias: None,
        event: Some(details(members)),
    })
}

fn details<'f>(members: &Members<'f, '_>) -> OrderEventDetails<'f> {
    OrderEventDetails {
        event_id: members.informs(EVENT_ID, Members::word),
        socket_sequence: members.informs(SOCKET_SEQUENCE, Members::unsigned),
        account_name: members.label(ACCOUNT_NAME),
        api_session: members.label(API_SESSION).map(ApiSession),
        timestamp: members.informs(TIMESTAMP, Members::seconds),
        is_live: members.informs(IS_LIVE, Members::boolean),
        is_cancelled: members.informs(IS_CANCELLED, Members::boolean),
        is_hidden: members.informs(IS_HIDDEN, Members::boolean),
        total_spend: members.figure(TOTAL_SPEND),
        cancel_command_id: members.informs(CANCEL_COMMAND_ID, Members::word),
    }
}

fn fill<'f>(members: &Members<'f, '_>) -> Result<Fill<'f>, DecodeError> {
    Ok(Fill {
        trade_id: Some(members.unsigned(TRADE_ID)?),
        price: Some(members.decimal(PRICE)?),
        quantity: Some(members.decimal(AMOUNT)?).filter(|amount| !amount.is_zero()),
        fee: members.figure(FEE),
        fee_currency: members.label(FEE_CURRENCY),
        liquidity: members.label(LIQUIDITY).map(Liquidity::of),
    })
}
