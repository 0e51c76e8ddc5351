//! Frames of the public streams of `wss://ws.gemini.com`, and responses.

use super::lists::{Asks, Bids, Levels};
use super::outline::{decoder, unrecognized};
use super::reader::{Json, Place, Reader, Slot, Token, Value};
use super::record::{Found, record};
use super::scratch::Scratch;
use super::values::{
    Amount, Anything, Exact, Figure, Flag, Label, Milliseconds, Nanoseconds, Placed, Plain, Price, Status,
    SymbolName, Unsigned,
};
use crate::json::cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, Message, PartialDepth,
    Response, ResponseId, Taker, Text, Trade,
};
use crate::value::decimal::Decimal;

record! {
    /// A [book ticker](crate::protocol::streams#book-ticker).
    BookTickerMembers {
        update_id: "u" = Unsigned | always,
        event_time: "E" = Nanoseconds | always,
        symbol: "s" = SymbolName | always,
        bid_price: "b" = Price | always,
        bid_quantity: "B" = Price | always,
        ask_price: "a" = Price | always,
        ask_quantity: "A" = Price | always,
        last_price: "c" = Price,
        last_quantity: "C" = Price,
    }
}

decoder! {
    book_ticker(it: BookTickerMembers, frame, _scratch) begins ""
    has (it.bid_price().is_there() && it.bid_quantity().is_there() && it.ask_price().is_there() && it.ask_quantity().is_there()) => {
        Ok(Message::BookTicker(BookTicker {
            symbol: it.symbol().required()?,
            update_id: it.update_id().required()?,
            event_time: it.event_time().informs(),
            bid: best(it.bid_price(), it.bid_quantity())?,
            ask: best(it.ask_price(), it.ask_quantity())?,
            last_trade: best(it.last_price(), it.last_quantity()).ok().flatten(),
        }))
    }
}

/// Returns one side of a ticker, or its last trade. Returns `None` if the price or the quantity is an [empty
/// text](crate::protocol::quirks#empty-side-of-a-ticker), zero or absent.
#[inline(always)]
fn best(price: Found<'_, '_, Price>, quantity: Found<'_, '_, Price>) -> Result<Option<Level>, DecodeError> {
    let there = |decimal: &Decimal| !decimal.is_zero();
    let price = price.unless_empty()?.filter(there);
    let quantity = quantity.unless_empty()?.filter(there);
    Ok(price.zip(quantity).map(|(price, quantity)| Level { price, quantity }))
}

record! {
    /// A [depth update](crate::protocol::streams#depth-updates).
    DepthMembers {
        event_time: "E" = Nanoseconds | always,
        symbol: "s" = SymbolName | always,
        first_update_id: "U" = Unsigned | always,
        last_update_id: "u" = Placed<Unsigned> | always,
        bids: "b" = Bids | always,
        asks: "a" = Asks | always,
    }
}

decoder! {
    depth(it: DepthMembers, frame, scratch) begins "{\"e\":\"depthUpdate\"" has (true) => {
        let symbol = it.symbol().required()?;
        let first_update_id = it.first_update_id().required()?;
        let (last_update_id, offset) = it.last_update_id().required()?;
        let (bids, asks) = (it.bids().levels()?, it.asks().levels()?);
        let levels = Scratch::levels(scratch);
        if last_update_id < first_update_id {
            return Err(DecodeError::of_member(DecodeErrorKind::UpdateRange, offset, "u"));
        }
        Ok(Message::Depth(Depth {
            symbol,
            event_time: it.event_time().informs(),
            first_update_id: Some(first_update_id),
            last_update_id: Some(last_update_id),
            bids: levels.0.get(bids.0..bids.1).unwrap_or_default(),
            asks: levels.1.get(asks.0..asks.1).unwrap_or_default(),
        }))
    }
}

record! {
    /// A frame of [partial depth](crate::protocol::streams#partial-depth).
    PartialDepthMembers {
        last_update_id: "lastUpdateId" = Unsigned | always,
        symbol: "symbol" = SymbolName,
        s: "s" = SymbolName,
        bids: "bids" = Bids | always,
        asks: "asks" = Asks | always,
    }
}

decoder! {
    partial_depth(it: PartialDepthMembers, frame, scratch) begins "" has (it.last_update_id().is_there()) => {
        let symbol = if it.symbol().is_there() { it.symbol().if_any()? } else { it.s().if_any()? };
        let last_update_id = it.last_update_id().required()?;
        let (bids, asks) = (it.bids().levels()?, it.asks().levels()?);
        let levels = Scratch::levels(scratch);
        Ok(Message::PartialDepth(PartialDepth {
            symbol,
            last_update_id,
            bids: levels.0.get(bids.0..bids.1).unwrap_or_default(),
            asks: levels.1.get(asks.0..asks.1).unwrap_or_default(),
        }))
    }
}

record! {
    /// A [trade](crate::protocol::streams#trades).
    TradeMembers {
        event_time: "E" = Nanoseconds | always,
        symbol: "s" = SymbolName | always,
        trade_id: "t" = Unsigned | always,
        price: "p" = Price | always,
        quantity: "q" = Price | always,
        buyer_is_maker: "m" = Flag | always,
    }
}

decoder! {
    trade(it: TradeMembers, frame, _scratch) begins ""
    has (it.trade_id().is_there() && it.price().is_there() && it.quantity().is_there() && it.buyer_is_maker().is_there()) => {
        Ok(Message::Trade(Trade {
            symbol: it.symbol().required()?,
            event_time: it.event_time().informs(),
            trade_id: it.trade_id().required()?,
            event_id: None,
            price: it.price().required()?,
            quantity: it.quantity().required()?,
            taker: if it.buyer_is_maker().required()? { Taker::Seller } else { Taker::Buyer },
            is_replay: false,
        }))
    }
}

record! {
    /// A [contract status](crate::protocol::streams#contract-status).
    ContractStatusMembers {
        event_time: "E" = Milliseconds | always,
        symbol: "s" = SymbolName | always,
        event_ticker: "k" = Plain | always,
        contract_ticker: "c" = Plain | always,
        contract_id: "i" = Unsigned | always,
        strike: "p" = Figure,
        previous_status: "o" = Label,
        status: "n" = Exact | always,
    }
}

decoder! {
    contract_status(it: ContractStatusMembers, frame, _scratch) begins "{\"e\":\"contractStatus\"" has true => {
        Ok(Message::ContractStatus(ContractStatus {
            symbol: it.symbol().required()?,
            event_time: it.event_time().informs(),
            event_ticker: it.event_ticker().required()?,
            contract_ticker: it.contract_ticker().required()?,
            contract_id: it.contract_id().required()?,
            strike: it.strike().informs(),
            previous_status: it.previous_status().label(),
            status: it.status().required()?,
        }))
    }
}

record! {
    /// A [mark price](crate::protocol::streams#undocumented-streams).
    MarkPriceMembers {
        event_time: "E" = Nanoseconds | always,
        symbol: "s" = SymbolName | always,
        mark_price: "p" = Price | always,
        scaled_index: "i" = Figure,
    }
}

decoder! {
    mark_price(it: MarkPriceMembers, frame, _scratch) begins "{\"e\":\"markPrice\"" has true => {
        Ok(Message::MarkPrice(MarkPrice {
            symbol: it.symbol().required()?,
            event_time: it.event_time().informs(),
            mark_price: it.mark_price().required()?,
            scaled_index: it.scaled_index().informs(),
            spot_index: None,
        }))
    }
}

record! {
    /// A [funding amount](crate::protocol::streams#undocumented-streams).
    FundingAmountMembers {
        event_time: "E" = Nanoseconds | always,
        symbol: "s" = SymbolName | always,
        funding_time: "T" = Nanoseconds | always,
        interval_minutes: "i" = Unsigned,
        amount: "f" = Amount | always,
        rate_percent: "r" = Figure | always,
        mark_price: "p" = Figure | always,
        realized: "R" = Flag | always,
    }
}

decoder! {
    funding_amount(it: FundingAmountMembers, frame, _scratch) begins "{\"e\":\"fundingAmount\"" has true => {
        Ok(Message::FundingAmount(FundingAmount {
            symbol: it.symbol().required()?,
            event_time: it.event_time().informs(),
            funding_time: it.funding_time().required()?,
            interval_minutes: it.interval_minutes().informs(),
            amount: it.amount().required()?,
            rate_percent: it.rate_percent().informs(),
            mark_price: it.mark_price().informs(),
            realized: it.realized().required()?,
        }))
    }
}

record! {
    /// A [response](crate::protocol::streams#requests-and-responses).
    ResponseMembers {
        id: "id" = Id | always,
        status: "status" = Status,
        result: "result" = Anything,
        error: "error" = Refusal,
        rate_limits: "rateLimits" = Anything,
    }
}

decoder! {
    response(it: ResponseMembers, frame, _scratch) begins ""
    has (it.id().is_there() && (it.status().is_there() || it.result().is_there() || it.error().is_there())) => {
        let id = match it.id().required() {
            Ok(id) => id,
            // The id is neither a text nor a number.
            Err(error) if error.kind() == DecodeErrorKind::Type => return unrecognized(frame),
            Err(error) => return Err(error),
        };
        Ok(Message::Response(Response {
            id,
            status: it.status().if_any()?,
            result: it.result().informs(),
            error: it.error().informs(),
            rate_limits: it.rate_limits().informs(),
            frame,
        }))
    }
}

/// The id of a response: a text or an unsigned integer. Any other number becomes a text with its digits.
#[derive(Debug)]
struct Id;

impl Value for Id {
    type Is<'f> = ResponseId<'f>;

    fn of<'f>(json: &Json<'f>) -> Result<ResponseId<'f>, DecodeErrorKind> {
        match (json.token, Unsigned::of(json)) {
            (Token::Integer { .. }, Ok(number)) => Ok(ResponseId::Number(number)),
            (Token::Integer { .. } | Token::Number, _) => Ok(ResponseId::Text(Text(json.text))),
            _ => Label::of(json).map(ResponseId::Text),
        }
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(ResponseId<'f>, &'f [u8])> {
        match rest {
            [b'"', ..] => Label::usual(reader, rest).map(|(text, rest)| (ResponseId::Text(text), rest)),
            _ => Unsigned::usual(reader, rest).map(|(number, rest)| (ResponseId::Number(number), rest)),
        }
    }
}

record! {
    /// The reason of a refusal, one of the [errors](crate::protocol::streams#errors).
    RefusalMembers {
        code: "code" = Code | always,
        message: "msg" = Label | always,
    }
}

/// The member `error` of a response. Any value but `null` is a refusal. If the value has no code, the code is 0.
#[derive(Debug)]
struct Refusal;

impl Value for Refusal {
    type Is<'f> = ApiError<'f>;

    fn of<'f>(json: &Json<'f>) -> Result<ApiError<'f>, DecodeErrorKind> {
        Ok(ApiError { code: 0, message: Label::of(json).unwrap_or(Text("")) })
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(ApiError<'f>, &'f [u8])> {
        let mut inner = reader.inner();
        inner.cursor.set_rest(rest);
        let it = RefusalMembers::read(&mut inner, Place::Before).ok()?;
        let (code, message) = (it.code().informs().unwrap_or(0), it.message().informs().unwrap_or(Text("")));
        Some((ApiError { code, message }, inner.cursor.rest()))
    }

    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<ApiError<'f>>, DecodeError> {
        if reader.cursor.peek() == b'{' {
            // `usual` fails on an object only if the object is not JSON. Then `skip` returns the error.
            reader.cursor.skip(1)?;
        }
        let json = Json::take(reader)?;
        Ok(json.unless_null(ApiError { code: 0, message: Label::of(&json).unwrap_or(Text("")) }))
    }
}

#[derive(Debug)]
struct Code;

impl Value for Code {
    type Is<'f> = i64;

    fn of(json: &Json<'_>) -> Result<i64, DecodeErrorKind> {
        json.signed()
    }

    #[inline(always)]
    fn usual<'f>(_reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(i64, &'f [u8])> {
        let [b'-', digits @ ..] = rest else { return None };
        let [b'1'..=b'9', ..] = digits else { return None };
        let (magnitude, length) = cursor::digits(digits)?;
        let (magnitude, rest) = (magnitude?, digits.get(length..)?);
        Some((i64::try_from(magnitude).ok()?.wrapping_neg(), rest))
    }
}

impl<'f, V: Value<Is<'f> = Levels>> Found<'_, 'f, V> {
    #[inline(always)]
    fn levels(self) -> Levels {
        let name = self.name;
        self.required()?.map_err(|error| DecodeError::of_member(error.kind(), error.offset(), name))
    }
}
