//! Frames of the [private streams](crate::protocol::streams#private-streams) of `wss://ws.gemini.com`.

use super::lists::{Rows, Separate, lists, read_alone};
use super::outline::decoder;
use super::record::record;
use super::values::{
    Exact, Figure, Flag, Label, Milliseconds, Nanoseconds, OrderSide, Plain, Price, SymbolName, Unsigned,
};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    self, AssetBalance, BalanceUpdate, ContractOutcome, Fill, Leg, Liquidity, List, Message, OrderReport,
    OrderSnapshot, OrderStatus, OrderType, OrderUpdate, Position, PositionAmount, PositionReport,
    QuoteStatus, QuoteStep, QuoteUpdate, RequestForQuote, RfqStatus, Settlement, Settlements, SnapshotOrder,
};

record! {
    /// An update of an [order](crate::protocol::streams#orders). A frame with `X` is an order update even without
    /// `e`.
    OrderMembers {
        event_time: "E" = Nanoseconds,
        symbol: "s" = SymbolName,
        order_id: "i" = Unsigned,
        client_order_id: "c" = Exact,
        side: "S" = OrderSide,
        order_type: "o" = Label,
        status: "X" = Exact,
        price: "p" = Price,
        stop_price: "P" = Figure,
        quantity: "q" = Price,
        remaining_quantity: "z" = Figure,
        executed: "Z" = Price,
        execution_price: "L" = Price,
        trade_id: "t" = Unsigned,
        average_price: "a" = Figure,
        fee: "n" = Figure,
        fee_currency: "N" = Label,
        is_maker: "m" = Flag,
        reason: "r" = Label,
        outcome: "O" = Label,
        alias: "h" = Label,
        time_in_force: "f" = Label,
        transaction_time: "T" = Nanoseconds,
    }
}

decoder! {
    order_update(it: OrderMembers, frame, _scratch) begins "{\"e\":\"orderUpdate\"" has true => {
        order(&it).map(Message::OrderUpdate)
    }
}

#[inline(always)]
fn order<'f>(it: &OrderMembers<'f>) -> Result<OrderUpdate<'f>, DecodeError> {
    let order_id = it.order_id().required()?;
    let symbol = it.symbol().required()?;
    let status = OrderStatus::of(it.status().required()?);
    let client_order_id = it.client_order_id().unless_empty()?;
    let price = it.price().unless_empty()?;
    let executed = it.executed().unless_empty()?;
    // The venue may leave out members that are zero, so a zero means the same as a missing member.
    let quantity = it.quantity().unless_empty()?.filter(|quantity| !quantity.is_zero());
    let trade_id = it.trade_id().unless_empty()?.filter(|id| *id != 0);
    let execution_price = it.execution_price().unless_empty()?.filter(|price| !price.is_zero());
    // With these two statuses, `Z` is the quantity of this execution. With any other status, `Z` is the quantity of
    // all executions so far.
    let by_execution = matches!(status, OrderStatus::Filled | OrderStatus::PartiallyFilled);
    let is_told = trade_id.is_some() || execution_price.is_some();
    let liquidity =
        it.is_maker().informs().map(|maker| if maker { Liquidity::Maker } else { Liquidity::Taker });
    let fill = Fill {
        trade_id,
        price: execution_price,
        quantity: executed.filter(|executed| by_execution && !executed.is_zero()),
        fee: it.fee().informs(),
        fee_currency: it.fee_currency().label(),
        liquidity,
    };
    Ok(OrderUpdate {
        order_id,
        symbol,
        status,
        event_time: it.event_time().informs(),
        transaction_time: it.transaction_time().informs(),
        client_order_id,
        side: it.side().informs(),
        order_type: it.order_type().label().map(OrderType::of),
        price,
        stop_price: it.stop_price().informs(),
        quantity,
        remaining_quantity: it.remaining_quantity().informs(),
        time_in_force: it.time_in_force().label(),
        executed_quantity: executed.filter(|_| !by_execution),
        average_price: it.average_price().informs(),
        // With any other status, an update that has `Z` reports no execution.
        fill: (by_execution || (is_told && executed.is_none())).then_some(fill),
        reason: it.reason().label(),
        outcome: it.outcome().label().map(ContractOutcome::of),
        alias: it.alias().label(),
        event: None,
    })
}

lists! {
    Orders: Separate<'f, SnapshotOrder<'f>>, separate;
    Balances: Rows<'f, AssetBalance<'f>>, rows;
    Positions: Rows<'f, Position<'f>>, rows;
    Amounts: List<'f, PositionAmount<'f>>, each;
    SettlementList: Rows<'f, Settlement<'f>>, rows;
    Legs: List<'f, Leg<'f>>, each;
}

record! {
    /// An [order snapshot](crate::protocol::quirks#order-snapshot): rows like order updates, each decoded separately.
    OrderSnapshotMembers {
        orders: "orders" = Orders,
    }
}

decoder! {
    order_snapshot(it: OrderSnapshotMembers, frame, _scratch) begins "{\"e\":\"orderSnapshot\"" has true => {
        let (orders, has_malformed) = it.orders().separate()?;
        Ok(Message::OrderSnapshot(OrderSnapshot { orders, has_malformed }))
    }
}

impl<'f> message::Read<'f> for SnapshotOrder<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<SnapshotOrder<'f>, DecodeError> {
        let before = cursor.clone();
        if let Ok(update) = OrderMembers::within(frame, cursor).and_then(|it| order(&it)) {
            return Ok(SnapshotOrder(OrderReport::Update(update)));
        }
        *cursor = before;
        let read = read_alone(frame, cursor, |text, cursor| order(&OrderMembers::within(text, cursor)?))?;
        Ok(SnapshotOrder(
            read.map_or_else(
                |(element, error)| OrderReport::Malformed { element, error },
                OrderReport::Update,
            ),
        ))
    }
}

record! {
    /// [Balances](crate::protocol::streams#balances).
    BalanceUpdateMembers {
        event_time: "E" = Nanoseconds | always,
        update_time: "u" = Nanoseconds | always,
        balances: "B" = Balances | always,
    }
}

decoder! {
    balance_update(it: BalanceUpdateMembers, frame, _scratch) begins "{\"e\":\"balanceUpdate\"" has true => {
        let (balances, has_malformed) = it.balances().separate()?;
        Ok(Message::BalanceUpdate(BalanceUpdate {
            event_time: it.event_time().informs(),
            update_time: it.update_time().informs(),
            balances,
            has_malformed,
        }))
    }
}

record! {
    /// The [balance](crate::protocol::streams#balances) of an asset.
    AssetBalanceMembers {
        asset: "a" = Plain | always,
        available: "f" = Figure | always,
        total: "c" = Figure | always,
    }
}

impl<'f> message::Read<'f> for AssetBalance<'f> {
    #[inline(never)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<AssetBalance<'f>, DecodeError> {
        let it = AssetBalanceMembers::within(frame, cursor)?;
        Ok(AssetBalance {
            asset: it.asset().required()?,
            available: it.available().required()?,
            total: it.total().required()?,
        })
    }
}

record! {
    /// [Positions](crate::protocol::streams#positions).
    PositionReportMembers {
        event_time: "E" = Nanoseconds,
        update_time: "u" = Nanoseconds,
        account_id: "A" = Unsigned,
        positions: "P" = Positions,
    }
}

decoder! {
    position_report(it: PositionReportMembers, frame, _scratch) begins "{\"e\":\"positionReport\"" has true => {
        let (positions, has_malformed) = it.positions().separate()?;
        Ok(Message::PositionReport(PositionReport {
            event_time: it.event_time().informs(),
            update_time: it.update_time().informs(),
            account_id: it.account_id().informs(),
            positions,
            has_malformed,
        }))
    }
}

record! {
    /// One of the [positions](crate::protocol::streams#positions) of a frame.
    PositionMembers {
        product: "t" = Label,
        symbol: "s" = SymbolName,
        amounts: "a" = Amounts,
    }
}

impl<'f> message::Read<'f> for Position<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Position<'f>, DecodeError> {
        let it = PositionMembers::within(frame, cursor)?;
        Ok(Position {
            product: it.product().label(),
            symbol: it.symbol().required()?,
            amounts: it.amounts().list()?,
        })
    }
}

record! {
    /// An amount of a [position](crate::protocol::streams#positions).
    PositionAmountMembers {
        label: "t" = Exact,
        value: "v" = Figure,
        asset: "c" = Label,
        outcome: "o" = Label,
    }
}

impl<'f> message::Read<'f> for PositionAmount<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<PositionAmount<'f>, DecodeError> {
        let it = PositionAmountMembers::within(frame, cursor)?;
        Ok(PositionAmount {
            label: it.label().required()?,
            value: it.value().required()?,
            asset: it.asset().label(),
            outcome: it.outcome().label().map(ContractOutcome::of),
        })
    }
}

record! {
    /// Settlements, one of the [undocumented streams](crate::protocol::streams#undocumented-streams).
    SettlementsMembers {
        settlements: "settlements" = SettlementList,
    }
}

decoder! {
    settlements(it: SettlementsMembers, frame, _scratch) begins "{\"type\":\"settlements\"" has true => {
        let (settlements, has_malformed) = it.settlements().separate()?;
        Ok(Message::Settlements(Settlements { settlements, has_malformed }))
    }
}

record! {
    /// One of the [settlements](crate::protocol::streams#undocumented-streams) of a frame.
    SettlementMembers {
        symbol: "symbol" = SymbolName,
        position: "position" = Figure,
        payout: "payout" = Figure,
        outcome: "outcome" = Exact,
    }
}

impl<'f> message::Read<'f> for Settlement<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Settlement<'f>, DecodeError> {
        let it = SettlementMembers::within(frame, cursor)?;
        Ok(Settlement {
            symbol: it.symbol().required()?,
            position: it.position().required()?,
            payout: it.payout().informs(),
            outcome: ContractOutcome::of(it.outcome().required()?),
        })
    }
}

record! {
    /// The [public shape](crate::protocol::streams#public-requests) of a request for quotes.
    RequestForQuoteMembers {
        event_time: "E" = Milliseconds,
        rfq_id: "r" = Exact,
        symbol: "s" = SymbolName,
        legs: "l" = Legs,
        notional: "n" = Figure,
        quantity: "q" = Price,
        execution_quantity: "f" = Price,
        status: "S" = Exact,
        submission_ends: "w" = Milliseconds,
        expires: "x" = Milliseconds,
        confirmation_ends: "c" = Milliseconds,
    }
}

decoder! {
    request_for_quote(it: RequestForQuoteMembers, frame, _scratch) begins "{\"e\":\"requestForQuote\"" has true => {
        Ok(Message::RequestForQuote(RequestForQuote {
            event_time: it.event_time().informs(),
            rfq_id: it.rfq_id().required()?,
            symbol: it.symbol().unless_empty()?,
            legs: it.legs().list()?,
            notional: it.notional().informs(),
            quantity: it.quantity().unless_empty()?,
            execution_quantity: it.execution_quantity().unless_empty()?,
            status: RfqStatus::of(it.status().required()?),
            submission_ends: it.submission_ends().informs(),
            expires: it.expires().informs(),
            confirmation_ends: it.confirmation_ends().informs(),
        }))
    }
}

record! {
    /// A leg of a [request for quotes](crate::protocol::streams#public-requests).
    LegMembers {
        contract_id: "c" = Exact,
        outcome: "o" = Exact,
        symbol: "s" = SymbolName,
    }
}

impl<'f> message::Read<'f> for Leg<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Leg<'f>, DecodeError> {
        let it = LegMembers::within(frame, cursor)?;
        Ok(Leg {
            contract_id: it.contract_id().required()?,
            outcome: ContractOutcome::of(it.outcome().required()?),
            symbol: it.symbol().unless_empty()?,
        })
    }
}

record! {
    /// The [private shape](crate::protocol::streams#private-quotes) of a request for quotes.
    QuoteUpdateMembers {
        event_id: "i" = Exact,
        event_time: "E" = Milliseconds,
        rfq_id: "r" = Exact,
        step: "x" = Exact,
        status: "S" = Exact,
        quote_id: "q" = Exact,
        price: "p" = Price,
        quantity: "sz" = Price,
        quote_status: "qs" = Exact,
        valid_until: "vu" = Milliseconds,
    }
}

decoder! {
    quote_update(it: QuoteUpdateMembers, frame, _scratch) begins "{\"e\":\"requestForQuote\"" has (it.event_id().is_there()) => {
        Ok(Message::QuoteUpdate(QuoteUpdate {
            event_id: it.event_id().required()?,
            event_time: it.event_time().informs(),
            rfq_id: it.rfq_id().required()?,
            step: QuoteStep::of(it.step().required()?),
            status: RfqStatus::of(it.status().required()?),
            quote_id: it.quote_id().unless_empty()?,
            price: it.price().unless_empty()?,
            quantity: it.quantity().unless_empty()?,
            quote_status: it.quote_status().unless_empty()?.map(QuoteStatus::of),
            valid_until: it.valid_until().informs(),
            is_replay: false,
        }))
    }
}
