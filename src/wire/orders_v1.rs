//! Frames of `wss://api.gemini.com/v1/order/events` ([order events v1](crate::protocol::order_events_v1)).

use super::levels::market_decimal;
use super::lists::{Single, lists, read_alone};
use super::market_v2::venue_error;
use super::outline::unrecognized;
use super::reader::{Json, Place, Reader, Slot, Value};
use super::record::record;
use super::scratch::Scratch;
use super::values::{
    Exact, Figure, Flag, Label, Milliseconds, OrderSide, Placed, Price, Seconds, SymbolName, Unsigned, Word,
};
use crate::json::cursor::{Cursor, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiSession, Element, Fill, Heartbeat, Liquidity, List, Message, OrderEventDetails, OrderEvents,
    OrderReport, OrderStatus, OrderType, OrderUpdate, RawJson, Read, SubscriptionAck, Text, Unrecognized,
};

record! {
    /// An object: an [acknowledgement](crate::protocol::order_events_v1#acknowledgement), a
    /// [heartbeat](crate::protocol::order_events_v1#heartbeats), or a
    /// [refusal](crate::protocol::order_events_v1#address-and-authentication). The member `timestampms` has an
    /// [old name](crate::protocol::quirks#old-names-of-order-events) too.
    ObjectMembers {
        kind: "type" = Label,
        account_id: "accountId" = Unsigned,
        subscription_id: "subscriptionId" = Label,
        symbol_filter: "symbolFilter" = Texts,
        api_session_filter: "apiSessionFilter" = Sessions,
        event_type_filter: "eventTypeFilter" = Texts,
        event_time: "timestampms" | "timestampMs" = Milliseconds,
        socket_sequence: "socket_sequence" = Unsigned,
        sequence: "sequence" = Unsigned,
        trace_id: "trace_id" = Label,
        result: "result" = Label,
    }
}

lists! {
    Texts: List<'f, Text<'f>>, each;
    Sessions: List<'f, ApiSession<'f>>, each;
}

/// Decodes a frame: an array of events, or [an object](crate::protocol::order_events_v1#conversation).
pub(super) fn decode<'f>(frame: &'f str, _scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    let mut cursor = Cursor::new(frame);
    if cursor.peek() == b'[' {
        let has_malformed = check(frame, cursor)?;
        return Ok(Message::OrderEvents(OrderEvents { events: List::new(frame), has_malformed }));
    }
    let it = ObjectMembers::whole(frame)?;
    let Some(kind) = it.kind().informs() else {
        let is_error = it.result().informs().is_some_and(|result| result == *"error");
        return if is_error { venue_error(frame) } else { unrecognized(frame) };
    };
    Ok(if kind == *"heartbeat" {
        Message::Heartbeat(Heartbeat {
            event_time: it.event_time().informs(),
            socket_sequence: it.socket_sequence().informs(),
            sequence: it.sequence().informs(),
            trace_id: it.trace_id().label(),
        })
    } else if kind == *"subscription_ack" {
        let symbols = it.symbol_filter().list_if_any();
        let sessions = it.api_session_filter().list_if_any();
        let types = it.event_type_filter().list_if_any();
        let is_of_part = limits(&symbols) || limits(&sessions);
        let is_filter_unknown = types.is_err();
        Message::SubscriptionAck(SubscriptionAck {
            account_id: it.account_id().informs(),
            subscription_id: it.subscription_id().label(),
            symbol_filter: symbols.ok().flatten().unwrap_or_default(),
            api_session_filter: sessions.ok().flatten().unwrap_or_default(),
            event_type_filter: types.ok().flatten().unwrap_or_default(),
            is_filter_unknown,
            is_of_part,
        })
    } else {
        return unrecognized(frame);
    })
}

/// Returns whether a filter lets only some events pass, or cannot be read.
fn limits<'f, T: Element<'f>>(filter: &Result<Option<List<'f, T>>, DecodeError>) -> bool {
    filter.as_ref().map_or(true, |list| list.is_some_and(|list| !list.is_empty()))
}

/// Returns whether any element is malformed.
fn check<'f>(frame: &'f str, mut cursor: Cursor<'f>) -> Result<bool, DecodeError> {
    let mut has_malformed = false;
    cursor.expect(b'[')?;
    cursor.enter(1);
    let mut more = cursor.peek() != b']';
    if !more {
        cursor.advance(1);
    }
    while more {
        cursor.peek();
        has_malformed |= OrderReport::read(frame, &mut cursor)?.is_malformed();
        more = cursor.another(b']')?;
    }
    cursor.finish()?;
    Ok(has_malformed)
}

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

record! {
    /// [Members of an order event](crate::protocol::order_events_v1#members-of-an-order-event),
    /// [those of some types](crate::protocol::order_events_v1#members-by-type), and their
    /// [old names](crate::protocol::quirks#old-names-of-order-events).
    OrderEventMembers {
        kind: "type" = Exact,
        order_id: "order_id" = Unsigned,
        event_id: "event_id" = Word,
        cancel_command_id: "cancel_command_id" = Word,
        reason: "reason" = Label,
        account_name: "account_name" = Label,
        client_order_id: "client_order_id" = Exact,
        api_session: "api_session" = Label,
        symbol: "symbol" = SymbolName,
        side: "side" = OrderSide,
        behavior: "behavior" = Label,
        order_type: "order_type" = Label,
        timestamp: "timestamp" = Seconds,
        // Where a member has two names, old documented frames have the second one.
        timestamp_ms: "timestampms" | "timestampMs" = Milliseconds,
        is_live: "is_live" = Flag,
        is_cancelled: "is_cancelled" = Flag,
        is_hidden: "is_hidden" = Flag,
        average_price: "avg_execution_price" = Figure,
        executed: "executed_amount" | "total_executed_amount" = Price,
        remaining: "remaining_amount" = Placed<Figure>,
        original: "original_amount" = Price,
        price: "price" | "original_price" = Price,
        total_spend: "total_spend" = Figure,
        fill: "fill" = FillObject,
        socket_sequence: "socket_sequence" = Unsigned,
    }
}

record! {
    /// The fill of an event, one of the [members by type](crate::protocol::order_events_v1#members-by-type); one
    /// member has an [old name](crate::protocol::quirks#old-names-of-order-events).
    FillMembers {
        trade_id: "trade_id" = Unsigned,
        liquidity: "liquidity" = Label,
        price: "price" | "original_price" = Price,
        quantity: "amount" = Price,
        fee: "fee" = Figure,
        fee_currency: "fee_currency" = Label,
    }
}

/// An event that cannot be read becomes an [`OrderReport::Malformed`], and [does not affect the
/// others](crate::protocol::quirks#each-element-separately).
impl<'f> Read<'f> for OrderReport<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<OrderReport<'f>, DecodeError> {
        let before = cursor.clone();
        if let Ok(Some(update)) = report(frame, cursor) {
            return Ok(OrderReport::Update(update));
        }
        *cursor = before;
        let read = read_alone(frame, cursor, |text, cursor| {
            let update = report(text, cursor)?;
            Ok(update.map_or_else(
                || OrderReport::Unrecognized(Unrecognized { frame: RawJson(text) }),
                OrderReport::Update,
            ))
        })?;
        Ok(read.unwrap_or_else(|(element, error)| OrderReport::Malformed { element, error }))
    }
}

fn report<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Option<OrderUpdate<'f>>, DecodeError> {
    let it = OrderEventMembers::within(frame, cursor)?;
    let kind = it.kind().required()?;
    let is_fill = kind == *"fill";
    let status = OrderStatus::of(kind);
    if !is_fill && matches!(status, OrderStatus::Other(_)) {
        return Ok(None);
    }
    order(&it, status, is_fill).map(Some)
}

fn order<'f>(
    it: &OrderEventMembers<'f>,
    status: OrderStatus<'f>,
    is_fill: bool,
) -> Result<OrderUpdate<'f>, DecodeError> {
    let order_id = it.order_id().required()?;
    let symbol = it.symbol().required()?;
    // A zero means the same as a missing quantity, and then nothing is known of what remains.
    let original = it.original().unless_empty()?;
    let (quantity, is_zero) = (original.filter(|it| !it.is_zero()), original.is_some_and(|it| it.is_zero()));
    let status = match is_fill {
        false => status,
        true => {
            // A fill of a market buy has neither the remaining nor the original amount, so only the event `closed`
            // reports that such an order has ended.
            let is_over = match it.remaining().unless_empty()? {
                Some((remaining, offset)) => {
                    let remaining = market_decimal(remaining.as_str().as_bytes())
                        .map_err(|kind| DecodeError::of_member(kind, offset, "remaining_amount"))?;
                    remaining.is_zero() && !is_zero
                }
                None => it.is_live().if_any()? == Some(false) && quantity.is_some(),
            };
            if is_over { OrderStatus::Filled } else { OrderStatus::PartiallyFilled }
        }
    };
    let fill = match it.fill().if_any()? {
        Some(fill) => Some(fill?),
        // The event reports an execution, but no details of it.
        None => is_fill.then(Fill::default),
    };
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time: it.timestamp_ms().informs(),
        transaction_time: None,
        client_order_id: it.client_order_id().unless_empty()?,
        side: it.side().informs(),
        order_type: it.order_type().label().map(OrderType::of),
        price: it.price().unless_empty()?,
        stop_price: None,
        quantity,
        remaining_quantity: it.remaining().informs().filter(|_| !is_zero).map(|(figure, _)| figure),
        time_in_force: it.behavior().label(),
        executed_quantity: it.executed().unless_empty()?,
        average_price: it.average_price().informs(),
        fill,
        reason: it.reason().label(),
        outcome: None,
        alias: None,
        event: Some(details(it)),
    })
}

fn details<'f>(it: &OrderEventMembers<'f>) -> OrderEventDetails<'f> {
    OrderEventDetails {
        event_id: it.event_id().informs(),
        socket_sequence: it.socket_sequence().informs(),
        account_name: it.account_name().label(),
        api_session: it.api_session().label().map(ApiSession),
        timestamp: it.timestamp().informs(),
        is_live: it.is_live().informs(),
        is_cancelled: it.is_cancelled().informs(),
        is_hidden: it.is_hidden().informs(),
        total_spend: it.total_spend().informs(),
        cancel_command_id: it.cancel_command_id().informs(),
    }
}

#[derive(Debug)]
struct FillObject;

impl Value for FillObject {
    type Is<'f> = Result<Fill<'f>, DecodeError>;

    fn of<'f>(_json: &Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind> {
        Err(DecodeErrorKind::Type)
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        let mut inner = reader.inner();
        inner.cursor.set_rest(rest);
        let it = FillMembers::read(&mut inner, Place::Before).ok()?;
        Some((fill(&it), inner.cursor.rest()))
    }

    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Self::Is<'f>>, DecodeError> {
        if reader.cursor.peek() != b'{' {
            return Json::take(reader).map(|json| json.instead());
        }
        let mut inner = reader.inner();
        let it = FillMembers::read(&mut inner, Place::Before)?;
        reader.cursor.set_rest(inner.cursor.rest());
        Ok(Slot::Value(fill(&it)))
    }
}

fn fill<'f>(it: &FillMembers<'f>) -> Result<Fill<'f>, DecodeError> {
    Ok(Fill {
        trade_id: Some(it.trade_id().required()?),
        price: Some(it.price().required()?),
        quantity: Some(it.quantity().required()?).filter(|amount| !amount.is_zero()),
        fee: it.fee().informs(),
        fee_currency: it.fee_currency().label(),
        liquidity: it.liquidity().label().map(Liquidity::of),
    })
}
