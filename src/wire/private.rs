//! Frames of the [private streams](crate::protocol::streams#private-streams) of `wss://ws.gemini.com`.

use super::members::{Members, element, within};
use super::names::{
    Names, ORDERS, QUOTE_STATUS, SETTLEMENTS, SIZE, STREAM_NAMES, VALID_UNTIL, letter, names,
};
use crate::json::cursor::Cursor;
use crate::json::error::DecodeError;
use crate::message::Read;
use crate::message::{
    AssetBalance, BalanceUpdate, ContractOutcome, Fill, Leg, Liquidity, Message, OrderReport, OrderSide,
    OrderSnapshot, OrderStatus, OrderType, OrderUpdate, Position, PositionAmount, PositionReport,
    QuoteStatus, QuoteStep, QuoteUpdate, RequestForQuote, RfqStatus, Settlement, Settlements, SnapshotOrder,
};

type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// Reads an [order](crate::protocol::streams#orders). A frame with `X` is one even if it has no `e`.
pub(super) fn order_update<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    order(members).map(Message::OrderUpdate)
}

fn order<'f>(members: &Members<'f, '_>) -> Result<OrderUpdate<'f>, DecodeError> {
    let decimal = |name: u8| members.unless_empty(letter(name), Members::decimal);
    let text = |name: u8| members.unless_empty(letter(name), Members::text);
    let order_id = members.unsigned(letter(b'i'))?;
    let symbol = members.plain(letter(b's'))?;
    let status = OrderStatus::of(members.text(letter(b'X'))?);
    let event_time = Some(members.nanoseconds(letter(b'E'))?);
    let transaction_time = members.if_any(letter(b'T'), Members::nanoseconds)?;
    let trade_id = members.if_any(letter(b't'), Members::unsigned)?;
    // `Z` is of this execution with these, and of all of them with every other.
    let by_execution = matches!(status, OrderStatus::Filled | OrderStatus::PartiallyFilled);
    let client_order_id = text(b'c')?;
    let side = text(b'S')?.map(OrderSide::of);
    let order_type = text(b'o')?.map(OrderType::of);
    let price = decimal(b'p')?;
    let stop_price = decimal(b'P')?;
    let quantity = decimal(b'q')?;
    let remaining_quantity = decimal(b'z')?;
    let executed = decimal(b'Z')?;
    let average_price = members.unless_empty(letter(b'a'), Members::number)?;
    let execution_price = decimal(b'L')?;
    let fee = members.unless_empty(letter(b'n'), Members::number)?;
    let maker = members.if_any(letter(b'm'), Members::boolean)?;
    let liquidity = maker.map(|maker| if maker { Liquidity::Maker } else { Liquidity::Taker });
    let is_fill = by_execution || trade_id.is_some() || execution_price.is_some();
    let fill = Fill {
        trade_id,
        price: execution_price,
        quantity: executed.filter(|_| by_execution),
        fee,
        fee_currency: None,
        liquidity,
    };
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time,
        transaction_time,
        client_order_id,
        side,
        order_type,
        price,
        stop_price,
        quantity,
        remaining_quantity,
        executed_quantity: executed.filter(|_| !by_execution),
        average_price,
        fill: is_fill.then_some(fill),
        reason: text(b'r')?,
        outcome: text(b'O')?.map(ContractOutcome::of),
        alias: text(b'h')?,
        event: None,
    })
}

/// Reads an [order snapshot](crate::protocol::quirks#order-snapshot): rows like order updates, each by itself.
pub(super) fn order_snapshot<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::OrderSnapshot(OrderSnapshot { orders: members.list(ORDERS)? }))
}

/// An order of a snapshot; one that cannot be read is an element too.
impl<'f> Read<'f> for SnapshotOrder<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<SnapshotOrder<'f>, DecodeError> {
        let element = element(frame, cursor)?;
        let read = within(element.as_str(), &mut Cursor::new(element.as_str()), &STREAM_NAMES, order);
        Ok(SnapshotOrder(
            read.map_or_else(|error| OrderReport::Malformed { element, error }, OrderReport::Update),
        ))
    }
}

/// Reads [balances](crate::protocol::streams#balances).
pub(super) fn balance_update<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::BalanceUpdate(BalanceUpdate {
        event_time: members.nanoseconds(letter(b'E'))?,
        update_time: members.if_any(letter(b'u'), Members::nanoseconds)?,
        balances: members.list(letter(b'B'))?,
    }))
}

impl<'f> Read<'f> for AssetBalance<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<AssetBalance<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(AssetBalance {
                asset: members.plain(letter(b'a'))?,
                available: members.number(letter(b'f'))?,
                total: members.number(letter(b'c'))?,
            })
        })
    }
}

/// Reads [positions](crate::protocol::streams#positions).
pub(super) fn position_report<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::PositionReport(PositionReport {
        event_time: members.nanoseconds(letter(b'E'))?,
        update_time: members.nanoseconds(letter(b'u'))?,
        account_id: members.unsigned(letter(b'A'))?,
        positions: members.list(letter(b'P'))?,
    }))
}

impl<'f> Read<'f> for Position<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Position<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(Position {
                product: members.text(letter(b't'))?,
                symbol: members.plain(letter(b's'))?,
                amounts: members.list(letter(b'a'))?,
            })
        })
    }
}

impl<'f> Read<'f> for PositionAmount<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<PositionAmount<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(PositionAmount {
                label: members.text(letter(b't'))?,
                value: members.number(letter(b'v'))?,
                asset: members.if_any(letter(b'c'), Members::text)?,
                outcome: members.if_any(letter(b'o'), Members::text)?.map(ContractOutcome::of),
            })
        })
    }
}

/// Reads settlements, a [withdrawn stream](crate::protocol::quirks#settlements-withdrawn).
pub(super) fn settlements<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::Settlements(Settlements { settlements: members.list(SETTLEMENTS)? }))
}

impl<'f> Read<'f> for Settlement<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Settlement<'f>, DecodeError> {
        within(frame, cursor, &SETTLEMENT_NAMES, |members| {
            Ok(Settlement {
                symbol: members.plain(NAME)?,
                position: members.number(POSITION)?,
                payout: members.if_any(PAYOUT, Members::number)?,
                outcome: ContractOutcome::of(members.text(OUTCOME)?),
            })
        })
    }
}

names! {
    SETTLEMENT_NAMES {
        NAME = "symbol",
        POSITION = "position",
        PAYOUT = "payout",
        OUTCOME = "outcome",
    }
}

/// Reads a [request for quotes](crate::protocol::streams#requests-for-quotes). The event id marks the private shape.
pub(super) fn request_for_quote<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    if members.has(1 << letter(b'i')) { quote_update(members) } else { public_request_for_quote(members) }
}

/// Reads the [public shape](crate::protocol::streams#public-requests).
fn public_request_for_quote<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    let decimal = |name: u8| members.if_any(letter(name), Members::decimal);
    let time = |name: u8| members.if_any(letter(name), Members::milliseconds);
    Ok(Message::RequestForQuote(RequestForQuote {
        event_time: members.milliseconds(letter(b'E'))?,
        rfq_id: members.text(letter(b'r'))?,
        symbol: members.if_any(letter(b's'), Members::plain)?,
        legs: members.list(letter(b'l'))?,
        notional: decimal(b'n')?,
        quantity: decimal(b'q')?,
        execution_quantity: decimal(b'f')?,
        status: RfqStatus::of(members.text(letter(b'S'))?),
        submission_ends: time(b'w')?,
        expires: time(b'x')?,
        confirmation_ends: time(b'c')?,
    }))
}

impl<'f> Read<'f> for Leg<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Leg<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(Leg {
                contract_id: members.text(letter(b'c'))?,
                outcome: ContractOutcome::of(members.text(letter(b'o'))?),
                symbol: members.if_any(letter(b's'), Members::plain)?,
            })
        })
    }
}

/// Reads the [private shape](crate::protocol::streams#private-quotes).
fn quote_update<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::QuoteUpdate(QuoteUpdate {
        event_id: members.text(letter(b'i'))?,
        event_time: members.milliseconds(letter(b'E'))?,
        rfq_id: members.text(letter(b'r'))?,
        step: QuoteStep::of(members.text(letter(b'x'))?),
        status: RfqStatus::of(members.text(letter(b'S'))?),
        quote_id: members.if_any(letter(b'q'), Members::text)?,
        price: members.if_any(letter(b'p'), Members::decimal)?,
        quantity: members.if_any(SIZE, Members::decimal)?,
        quote_status: members.if_any(QUOTE_STATUS, Members::text)?.map(QuoteStatus::of),
        valid_until: members.if_any(VALID_UNTIL, Members::milliseconds)?,
        is_replay: false,
    }))
}
