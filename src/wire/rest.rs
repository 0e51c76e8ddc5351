//! Bodies of answers of [REST](crate::protocol::rest).

use alloc::vec::Vec;

use super::members::{Array, Members, within};
use super::names::{Names, names};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{Number, Read, Text};
use crate::value::decimal::Decimal;
use crate::wire::FRAME_BYTES_MAX;

names! {
    NAMES {
        ORDER_ID = "order_id",
        CURRENCY = "currency",
        AMOUNT = "amount",
        AVAILABLE = "available",
        IS_LIVE = "is_live",
        IS_CANCELLED = "is_cancelled",
        EXECUTED_AMOUNT = "executed_amount",
        CLIENT_ORDER_ID = "client_order_id",
        ORIGINAL_AMOUNT = "original_amount",
        REMAINING_AMOUNT = "remaining_amount",
        RESULT = "result",
        REASON = "reason",
        MESSAGE = "message",
    }
}

/// An order of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderRow<'f> {
    pub(crate) order_id: u64,
    pub(crate) client_order_id: Option<Text<'f>>,
    pub(crate) is_live: bool,
    pub(crate) is_cancelled: bool,
    pub(crate) executed: Decimal,
    pub(crate) remaining: Option<Decimal>,
    pub(crate) original: Option<Decimal>,
    pub(crate) has_reason: bool,
}

impl<'f> Read<'f> for OrderRow<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<OrderRow<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            let order_id = members.unsigned(ORDER_ID)?;
            if order_id == 0 {
                return Err(members.error(ORDER_ID, DecodeErrorKind::Integer));
            }
            Ok(OrderRow {
                order_id,
                client_order_id: members.unless_empty(CLIENT_ORDER_ID, Members::text)?,
                is_live: members.boolean(IS_LIVE)?,
                // Archived reports of rejected orders leave it out.
                is_cancelled: members.if_any(IS_CANCELLED, Members::boolean)?.unwrap_or(false),
                executed: members.decimal(EXECUTED_AMOUNT)?,
                remaining: members.unless_empty(REMAINING_AMOUNT, Members::decimal)?,
                original: members.unless_empty(ORIGINAL_AMOUNT, Members::decimal)?,
                has_reason: members.label(REASON).is_some(),
            })
        })
    }
}

/// The balance of an asset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BalanceRow<'f> {
    pub(crate) asset: &'f str,
    pub(crate) available: Number<'f>,
    pub(crate) total: Number<'f>,
}

impl<'f> Read<'f> for BalanceRow<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<BalanceRow<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            Ok(BalanceRow {
                asset: members.plain(CURRENCY)?,
                available: members.number(AVAILABLE)?,
                total: members.number(AMOUNT)?,
            })
        })
    }
}

/// Whether a body is an array.
pub(crate) fn is_array(body: &str) -> bool {
    Cursor::new(body).peek() == b'['
}

/// Reads a body that is one object.
pub(crate) fn object<'f, T: Read<'f>>(body: &'f str) -> Result<T, DecodeError> {
    let mut cursor = begin(body)?;
    let found = T::read(body, &mut cursor)?;
    cursor.finish()?;
    Ok(found)
}

/// Reads a body that is an array of objects.
pub(crate) fn array<'f, T: Read<'f>>(body: &'f str) -> Result<Vec<T>, DecodeError> {
    let mut elements = Array::at(begin(body)?);
    let mut found = Vec::new();
    while elements.more()? {
        found.push(T::read(body, &mut elements.cursor)?);
    }
    elements.cursor.finish()?;
    Ok(found)
}

fn begin(body: &str) -> Result<Cursor<'_>, DecodeError> {
    if body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::new(DecodeErrorKind::TooLong, FRAME_BYTES_MAX));
    }
    Ok(Cursor::new(body))
}

/// The venue's word for an error and its explanation, if a body is that of an error.
pub(crate) struct Refusal<'f> {
    pub(crate) reason: Option<Text<'f>>,
    pub(crate) message: Option<Text<'f>>,
}

impl<'f> Read<'f> for Option<Refusal<'f>> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Self, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            let is_error = members.text_if_any(RESULT).is_some_and(|result| result == *"error");
            let refusal = Refusal { reason: members.label(REASON), message: members.text_if_any(MESSAGE) };
            Ok(is_error.then_some(refusal))
        })
    }
}

/// The error that a body says, if it says one.
pub(crate) fn refusal(body: &str) -> Option<Refusal<'_>> {
    object(body).ok().flatten()
}
