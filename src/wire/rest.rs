//! Bodies of answers of [REST](crate::protocol::rest).

use alloc::vec::Vec;

use super::levels::market_number;
use super::lists::elements;
use super::reader::Reader;
use super::record::record;
use super::values::{Exact, Figure, Flag, Label, OrderSide, Placed, Plain, Unsigned};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{Number, OrderType, Read, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::wire::FRAME_BYTES_MAX;

record! {
    /// The [status](crate::protocol::rest#order-status) of an order.
    OrderMembers {
        order_id: "order_id" = Placed<Unsigned>,
        is_live: "is_live" = Flag,
        is_cancelled: "is_cancelled" = Flag,
        reason: "reason" = Label,
        executed: "executed_amount" = Placed<Figure>,
        client_order_id: "client_order_id" = Exact,
        symbol: "symbol" = Label,
        side: "side" = OrderSide,
        order_type: "type" = Label,
        price: "price" = Figure,
        remaining: "remaining_amount" = Placed<Figure>,
        original: "original_amount" = Placed<Figure>,
    }
}

record! {
    /// One of the [balances](crate::protocol::rest#balances).
    BalanceMembers {
        asset: "currency" = Plain,
        total: "amount" = Figure,
        available: "available" = Figure,
    }
}

record! {
    /// An [error](crate::protocol::rest#errors).
    RefusalMembers {
        result: "result" = Label,
        reason: "reason" = Label,
        message: "message" = Label,
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderRow<'f> {
    pub(crate) order_id: u64,
    pub(crate) client_order_id: Option<Text<'f>>,
    pub(crate) symbol: Option<Text<'f>>,
    pub(crate) side: Option<Side>,
    /// The limit price; `None` if the order is not a limit order, or if the price cannot be read.
    pub(crate) price: Option<Decimal>,
    pub(crate) is_live: bool,
    pub(crate) is_cancelled: bool,
    pub(crate) executed: Decimal,
    pub(crate) remaining: Option<Decimal>,
    /// The ordered quantity. A zero counts as missing, as in events.
    pub(crate) original: Option<Decimal>,
    pub(crate) has_reason: bool,
}

impl<'f> Read<'f> for OrderRow<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<OrderRow<'f>, DecodeError> {
        let it = OrderMembers::within(frame, cursor)?;
        let order_id = match it.order_id().required()? {
            (0, offset) => return Err(DecodeError::of_member(DecodeErrorKind::Integer, offset, "order_id")),
            (order_id, _) => order_id,
        };
        // In answers about other orders, `price` may be an average price, or zero.
        let is_limit = it.order_type().label().is_none_or(|text| OrderType::of(text) == OrderType::Limit);
        let price = if is_limit { it.price().informs() } else { None };
        Ok(OrderRow {
            order_id,
            client_order_id: it.client_order_id().unless_empty()?,
            symbol: it.symbol().label(),
            side: it.side().informs(),
            price: price.and_then(|it| market_number(it.as_str(), true).ok()).filter(|it| !it.is_zero()),
            is_live: it.is_live().required()?,
            // Archived reports of rejected orders leave out `is_cancelled`.
            is_cancelled: it.is_cancelled().if_any()?.unwrap_or(false),
            executed: amount(it.executed().required()?, "executed_amount")?,
            remaining: it.remaining().unless_empty()?.map(|it| amount(it, "remaining_amount")).transpose()?,
            original: it
                .original()
                .unless_empty()?
                .map(|it| amount(it, "original_amount"))
                .transpose()?
                .filter(|original| !original.is_zero()),
            has_reason: it.reason().label().is_some(),
        })
    }
}

/// Converts an amount, which REST may write as a number with an exponent.
fn amount((number, offset): (Number<'_>, usize), name: &'static str) -> Result<Decimal, DecodeError> {
    market_number(number.as_str(), true).map_err(|kind| DecodeError::of_member(kind, offset, name))
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BalanceRow<'f> {
    pub(crate) asset: &'f str,
    pub(crate) available: Number<'f>,
    pub(crate) total: Number<'f>,
}

impl<'f> Read<'f> for BalanceRow<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<BalanceRow<'f>, DecodeError> {
        let it = BalanceMembers::within(frame, cursor)?;
        Ok(BalanceRow {
            asset: it.asset().required()?,
            available: it.available().required()?,
            total: it.total().required()?,
        })
    }
}

pub(crate) fn is_array(body: &str) -> bool {
    Cursor::new(body).peek() == b'['
}

pub(crate) fn object<'f, T: Read<'f>>(body: &'f str) -> Result<T, DecodeError> {
    let mut cursor = begin(body)?;
    let found = T::read(body, &mut cursor)?;
    cursor.finish()?;
    Ok(found)
}

pub(crate) fn array<'f, T: Read<'f>>(body: &'f str) -> Result<Vec<T>, DecodeError> {
    let mut found = Vec::new();
    let mut reader = Reader { cursor: begin(body)?, ..Reader::new(body) };
    let (_, rest) = elements(&mut reader, body.as_bytes(), |_, row, _| found.push(row))?;
    reader.cursor.set_rest(rest);
    reader.cursor.finish()?;
    Ok(found)
}

fn begin(body: &str) -> Result<Cursor<'_>, DecodeError> {
    if body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::new(DecodeErrorKind::TooLong, FRAME_BYTES_MAX));
    }
    Ok(Cursor::new(body))
}

pub(crate) struct Refusal<'f> {
    pub(crate) reason: Option<Text<'f>>,
    pub(crate) message: Option<Text<'f>>,
}

impl<'f> Read<'f> for Option<Refusal<'f>> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Self, DecodeError> {
        let it = RefusalMembers::within(frame, cursor)?;
        let is_error = it.result().informs().is_some_and(|result| result == *"error");
        let refusal = Refusal { reason: it.reason().label(), message: it.message().informs() };
        Ok(is_error.then_some(refusal))
    }
}

pub(crate) fn refusal(body: &str) -> Option<Refusal<'_>> {
    object(body).ok().flatten()
}
