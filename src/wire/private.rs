//! Frames of the [private streams](crate::protocol::streams#private-streams) of `wss://ws.gemini.com`.

use super::members::{Members, element, within};
use super::names::{
    Names, ORDERS, QUOTE_STATUS, SETTLEMENTS, SIZE, STREAM_NAMES, VALID_UNTIL, letter, names,
};
use crate::json::cursor::Cursor;
use crate::json::error::DecodeError;
use crate::message::Read;
use crate::message::{
    AssetBalance, BalanceUpdate, ContractOutcome, Fill, Leg, Liquidity, Message, OrderReport, OrderSnapshot,
    OrderStatus, OrderType, OrderUpdate, Position, PositionAmount, PositionReport, QuoteStatus, QuoteStep,
    QuoteUpdate, RequestForQuote, RfqStatus, Settlement, Settlements, SnapshotOrder,
};

type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// Reads an [order](crate::protocol::streams#orders). A frame with `X` is one even if it has no `e`.
pub(super) fn order_update<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    order(members).map(Message::OrderUpdate)
}

fn order<'f>(members: &Members<'f, '_>) -> Result<OrderUpdate<'f>, DecodeError> {
    let decimal = |name: u8| members.unless_empty(letter(name), Members::decimal);
    let order_id = members.unsigned(letter(b'i'))?;
    let symbol = members.symbol(letter(b's'))?;
    let status = OrderStatus::of(members.text(letter(b'X'))?);
    let client_order_id = members.unless_empty(letter(b'c'), Members::text)?;
    let side = members.informs(letter(b'S'), Members::side);
    let price = decimal(b'p')?;
    let quantity = decimal(b'q')?;
    let executed = decimal(b'Z')?;
    // What is zero may be left out, so a zero is as good as none.
    let trade_id = members.unless_empty(letter(b't'), Members::unsigned)?.filter(|id| *id != 0);
    let execution_price = decimal(b'L')?.filter(|price| !price.is_zero());
    // `Z` is of this execution with these, and of all of them with every other.
    let by_execution = matches!(status, OrderStatus::Filled | OrderStatus::PartiallyFilled);
    let is_told = trade_id.is_some() || execution_price.is_some();
    let maker = members.informs(letter(b'm'), Members::boolean);
    let fill = Fill {
        trade_id,
        price: execution_price,
        quantity: executed.filter(|executed| by_execution && !executed.is_zero()),
        fee: members.figure(letter(b'n')),
        fee_currency: members.label(letter(b'N')),
        liquidity: maker.map(|maker| if maker { Liquidity::Maker } else { Liquidity::Taker }),
    };
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        transaction_time: members.informs(letter(b'T'), Members::nanoseconds),
        client_order_id,
        side,
        order_type: members.label(letter(b'o')).map(OrderType::of),
        price,
        stop_price: members.figure(letter(b'P')),
        quantity,
        remaining_quantity: members.figure(letter(b'z')),
        time_in_force: members.label(letter(b'f')),
        executed_quantity: executed.filter(|_| !by_execution),
        average_price: members.figure(letter(b'a')),
        // A status of another kind beside what was executed so far is no execution.
        fill: (by_execution || (is_told && executed.is_none())).then_some(fill),
        reason: members.label(letter(b'r')),
        outcome: members.label(letter(b'O')).map(ContractOutcome::of),
        alias: members.label(letter(b'h')),
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
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        update_time: members.informs(letter(b'u'), Members::nanoseconds),
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
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        update_time: members.informs(letter(b'u'), Members::nanoseconds),
        account_id: members.informs(letter(b'A'), Members::unsigned),
        positions: members.list(letter(b'P'))?,
    }))
}

impl<'f> Read<'f> for Position<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Position<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(Position {
                product: members.label(letter(b't')),
                symbol: members.symbol(letter(b's'))?,
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
                asset: members.label(letter(b'c')),
                outcome: members.label(letter(b'o')).map(ContractOutcome::of),
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
                symbol: members.symbol(NAME)?,
                position: members.number(POSITION)?,
                payout: members.figure(PAYOUT),
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
    let decimal = |name: u8| members.unless_empty(letter(name), Members::decimal);
    let time = |name: u8| members.informs(letter(name), Members::milliseconds);
    Ok(Message::RequestForQuote(RequestForQuote {
        event_time: time(b'E'),
        rfq_id: members.text(letter(b'r'))?,
        symbol: members.if_any(letter(b's'), Members::symbol)?,
        legs: members.list(letter(b'l'))?,
        notional: members.figure(letter(b'n')),
        quantity: decimal(b'q')?,
        execution_quantity: decimal(b'f')?,
        status: RfqStatus::of(members.text(letter(b'S'))?),
        submission_ends: time(b'w'),
        expires: time(b'x'),
        confirmation_ends: time(b'c'),
    }))
}

impl<'f> Read<'f> for Leg<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Leg<'f>, DecodeError> {
        within(frame, cursor, &STREAM_NAMES, |members| {
            Ok(Leg {
                contract_id: members.text(letter(b'c'))?,
                outcome: ContractOutcome::of(members.text(letter(b'o'))?),
                symbol: members.if_any(letter(b's'), Members::symbol)?,
            })
        })
    }
}

/// Reads the [private shape](crate::protocol::streams#private-quotes).
fn quote_update<'f>(members: &Members<'f, '_>) -> Decoded<'f> {
    Ok(Message::QuoteUpdate(QuoteUpdate {
        event_id: members.text(letter(b'i'))?,
        event_time: members.informs(letter(b'E'), Members::milliseconds),
        rfq_id: members.text(letter(b'r'))?,
        step: QuoteStep::of(members.text(letter(b'x'))?),
        status: RfqStatus::of(members.text(letter(b'S'))?),
        quote_id: members.unless_empty(letter(b'q'), Members::text)?,
        price: members.unless_empty(letter(b'p'), Members::decimal)?,
        quantity: members.unless_empty(SIZE, Members::decimal)?,
        quote_status: members.unless_empty(QUOTE_STATUS, Members::text)?.map(QuoteStatus::of),
        valid_until: members.informs(VALID_UNTIL, Members::milliseconds),
        is_replay: false,
    }))
}
