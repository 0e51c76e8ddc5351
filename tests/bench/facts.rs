//! Lists the values that [`gemini_ws`] decodes from a frame, as texts. Their order is that of the rivals'
//! [`Values`](crate::values::Values).

use std::fmt::Display;

use gemini_ws::{
    AssetBalance, Auction, Element, Endpoint, Fill, FundingAmountChange, Leg, Level, Liquidity, List,
    MarketEntry, MarketUpdate, Message, Number, OrderReport, OrderUpdate, Position, Response, ResponseId,
    Row, Scratch, Side, SnapshotOrder, Taker, Timestamp, Trade,
};

use crate::inputs::Kind;
use crate::values::number;

/// The values of a frame, one text for each.
#[derive(Debug, Default)]
struct Facts(Vec<String>);

impl Facts {
    fn is(&mut self, value: impl Display) -> &mut Facts {
        self.0.push(value.to_string());
        self
    }

    fn may_be(&mut self, value: Option<impl Display>) -> &mut Facts {
        match value {
            Some(value) => self.is(value),
            None => self.is("-"),
        }
    }

    /// Appends a number without its trailing zeros, as the rivals do.
    fn number(&mut self, value: impl Display) -> &mut Facts {
        self.is(number(&value.to_string()))
    }

    fn may_be_number(&mut self, value: Option<impl Display>) -> &mut Facts {
        self.may_be(value.map(|value| number(&value.to_string())))
    }

    fn nanos(&mut self, time: Option<Timestamp>) -> &mut Facts {
        self.may_be(time.map(Timestamp::as_nanos))
    }

    fn millis(&mut self, time: Option<Timestamp>) -> &mut Facts {
        self.may_be(time.map(Timestamp::as_millis))
    }

    fn level(&mut self, level: &Level) -> &mut Facts {
        self.number(level.price).number(level.quantity)
    }

    fn levels(&mut self, levels: &[Level]) -> &mut Facts {
        self.list(levels, |facts, level| {
            facts.level(level);
        })
    }

    /// Appends the number of elements, and then the values of each element.
    fn list<T>(&mut self, elements: impl IntoIterator<Item = T>, each: impl Fn(&mut Facts, T)) -> &mut Facts {
        let mut of_elements = Facts::default();
        let mut count = 0_usize;
        for element in elements {
            each(&mut of_elements, element);
            count += 1;
        }
        self.is(format_args!("{count} elements"));
        self.0.append(&mut of_elements.0);
        self
    }
}

pub(crate) fn of(endpoint: Endpoint, kind: Kind, frame: &str, scratch: &mut Scratch) -> Vec<String> {
    let message = endpoint.decode(frame, scratch).unwrap_or_else(|error| panic!("{error}: {frame}"));
    let mut facts = Facts::default();
    match &message {
        Message::OrderUpdate(it) => order(&mut facts, it),
        Message::OrderSnapshot(it) => {
            facts.list(it.orders, |facts, SnapshotOrder(report)| match report {
                OrderReport::Update(it) => order(facts, &it),
                other => panic!("{other:?}"),
            });
        }
        Message::Response(it) => response(&mut facts, it, kind),
        Message::OrderEvents(it) => {
            facts.list(it.events, |facts, report| match report {
                OrderReport::Update(it) => order_v1(facts, &it),
                other => panic!("{other:?}"),
            });
        }
        Message::MarketUpdate(it) => market_v1(&mut facts, it),
        it if endpoint == Endpoint::Streams => current(&mut facts, it),
        it => archived(&mut facts, endpoint, it),
    }
    facts.0
}

/// Appends the values of a message of the current API, except replies and messages about orders.
fn current(facts: &mut Facts, message: &Message<'_>) {
    match message {
        Message::BookTicker(it) => {
            facts.is(it.update_id).nanos(it.event_time).is(it.symbol);
            [it.bid, it.ask].into_iter().flatten().for_each(|level| {
                facts.level(&level);
            });
            facts.may_be_number(it.last_trade.map(|it| it.price));
            facts.may_be_number(it.last_trade.map(|it| it.quantity))
        }
        Message::Depth(it) => {
            facts.nanos(it.event_time).is(it.symbol).may_be(it.first_update_id).may_be(it.last_update_id);
            facts.levels(it.bids).levels(it.asks)
        }
        Message::Trade(it) => {
            facts.nanos(it.event_time).is(it.symbol).is(it.trade_id).number(it.price).number(it.quantity);
            facts.is(it.taker == Taker::Seller)
        }
        Message::MarkPrice(it) => {
            facts.nanos(it.event_time).is(it.symbol).number(it.mark_price).may_be_number(it.scaled_index)
        }
        Message::FundingAmount(it) => {
            facts.nanos(it.event_time).nanos(Some(it.funding_time)).is(it.symbol).may_be(it.interval_minutes);
            facts
                .number(it.amount)
                .may_be_number(it.rate_percent)
                .may_be_number(it.mark_price)
                .is(it.realized)
        }
        Message::PartialDepth(it) => {
            facts.is(it.last_update_id).may_be(it.symbol).levels(it.bids).levels(it.asks)
        }
        Message::ContractStatus(it) => {
            facts.millis(it.event_time).is(it.symbol).is(it.event_ticker).is(it.contract_ticker);
            facts.is(it.contract_id).may_be_number(it.strike).may_be(it.previous_status).is(it.status)
        }
        Message::RequestForQuote(it) => {
            facts.millis(it.event_time).is(it.rfq_id).may_be(it.symbol).list(it.legs, leg);
            facts.may_be_number(it.notional).may_be_number(it.quantity).is(it.status);
            facts.millis(it.submission_ends).millis(it.expires)
        }
        Message::BalanceUpdate(it) => {
            facts.nanos(it.event_time).nanos(it.update_time).list(rows(it.balances), balance)
        }
        Message::PositionReport(it) => {
            facts.nanos(it.event_time).nanos(it.update_time).may_be(it.account_id);
            facts.list(rows(it.positions), position)
        }
        Message::QuoteUpdate(it) => {
            facts.is(it.event_id).millis(it.event_time).is(it.rfq_id).is(it.step).is(it.status);
            facts.may_be(it.quote_id).may_be_number(it.price).may_be_number(it.quantity);
            facts.may_be(it.quote_status).millis(it.valid_until)
        }
        Message::Settlements(it) => facts.list(rows(it.settlements), |facts, it| {
            facts.is(it.symbol).number(it.position).may_be_number(it.payout).is(it.outcome);
        }),
        other => panic!("{other:?}"),
    };
}

/// Returns the decoded rows of a list. Panics if a row is malformed.
fn rows<'f, T>(list: List<'f, Row<'f, T>>) -> impl Iterator<Item = T>
where
    Row<'f, T>: Element<'f>,
{
    list.into_iter().map(|row| row.read().unwrap())
}

fn leg(facts: &mut Facts, it: Leg<'_>) {
    facts.is(it.contract_id).is(it.outcome).may_be(it.symbol);
}

fn balance(facts: &mut Facts, it: AssetBalance<'_>) {
    facts.is(it.asset).number(it.available).number(it.total);
}

fn position(facts: &mut Facts, it: Position<'_>) {
    facts.may_be(it.product).is(it.symbol).list(it.amounts, |facts, it| {
        facts.is(it.label).number(it.value).may_be(it.asset).may_be(it.outcome);
    });
}

fn order(facts: &mut Facts, it: &OrderUpdate<'_>) {
    let fill = it.fill.unwrap_or_default();
    let side = it.side.map(|side| if side == Side::Buy { "BUY" } else { "SELL" });
    facts.nanos(it.event_time).is(it.symbol).is(it.order_id).may_be(it.client_order_id).may_be(side);
    facts.may_be(it.order_type).is(it.status).may_be_number(it.price).may_be_number(it.stop_price);
    facts.may_be_number(it.quantity).may_be_number(it.remaining_quantity);
    facts.may_be_number(fill.quantity.or(it.executed_quantity)).may_be_number(fill.price);
    facts.may_be_number(it.average_price).may_be(fill.trade_id).may_be_number(fill.fee);
    facts.may_be(fill.liquidity.map(|liquidity| liquidity == Liquidity::Maker)).may_be(it.reason);
    facts.nanos(it.transaction_time);
}

fn response(facts: &mut Facts, it: &Response<'_>, kind: Kind) {
    match it.id {
        ResponseId::Number(id) => facts.is(id),
        ResponseId::Text(id) => facts.is(id),
    };
    facts.may_be(it.status);
    match kind {
        Kind::Time | Kind::NamedTime => facts.millis(it.server_time().ok()),
        Kind::Refused => facts.may_be(it.error.map(|it| it.code)).may_be(it.error.map(|it| it.message)),
        Kind::Limits => facts.list(rows(it.rate_limits().unwrap()), |facts, it| {
            facts.is(it.kind).is(it.interval).is(it.interval_count).is(it.limit).is(it.count);
        }),
        Kind::Names => facts.list(it.stream_names().unwrap(), |facts, name| {
            facts.is(name);
        }),
        Kind::BookReply => {
            let mut scratch = Scratch::new();
            let depth = it.depth(&mut scratch).unwrap();
            facts.is(depth.last_update_id).levels(depth.bids).levels(depth.asks)
        }
        Kind::Placed => facts.may_be(it.order_id().unwrap()),
        Kind::QuoteReply => {
            let quote = it.quote().unwrap();
            facts.may_be(quote.rfq_id).may_be(quote.quote_id).may_be(quote.confirmed)
        }
        _ => facts,
    };
}

/// Appends the values of a message of an archived endpoint, except `MarketUpdate` and `OrderEvents`.
fn archived(facts: &mut Facts, endpoint: Endpoint, message: &Message<'_>) {
    match message {
        Message::L2Updates(it) => {
            facts.is(it.symbol);
            it.bids.iter().chain(it.asks).for_each(|level| {
                facts.level(level);
            });
            match it.trades {
                Some(trades) => facts.list(rows(trades), |facts, it| trade_v2(facts, &it)),
                None => facts.is("-"),
            };
            match it.auction_events {
                Some(auctions) => facts.list(rows(auctions), |facts, it| auction(facts, &it)),
                None => facts.is("-"),
            };
        }
        Message::Trade(it) => trade_v2(facts, it),
        Message::Auction(it) => auction(facts, it),
        Message::Candles(it) => {
            facts.is(it.symbol).list(rows(it.candles), |facts, it| {
                facts.millis(Some(it.open_time)).number(it.open).number(it.high).number(it.low);
                facts.number(it.close).may_be_number(it.volume);
            });
        }
        Message::MarkPrices(it) => {
            facts.is(it.symbol).list(rows(it.changes), |facts, it| {
                facts.nanos(it.event_time).number(it.mark_price).may_be_number(it.spot_index);
            });
        }
        Message::FundingAmounts(it) => {
            facts.is(it.symbol).list(rows(it.changes), funding);
        }
        Message::Heartbeat(it) if endpoint == Endpoint::MarketDataV2 => {
            facts.millis(it.event_time);
        }
        Message::Heartbeat(it) if endpoint == Endpoint::MarketDataV1 => {
            facts.may_be(it.socket_sequence);
        }
        Message::Heartbeat(it) => {
            facts.millis(it.event_time).may_be(it.sequence).may_be(it.trace_id).may_be(it.socket_sequence);
        }
        Message::Error(it) => {
            facts.is(it.reason).may_be(it.message);
        }
        Message::SubscriptionAck(it) => {
            facts.may_be(it.account_id).may_be(it.subscription_id);
            facts.list(it.symbol_filter, |facts, it| {
                facts.is(it);
            });
            facts.list(it.api_session_filter, |facts, it| {
                facts.is(it.reveal());
            });
            facts.list(it.event_type_filter, |facts, it| {
                facts.is(it);
            });
        }
        other => panic!("{other:?}"),
    }
}

fn trade_v2(facts: &mut Facts, it: &Trade<'_>) {
    facts.is(it.symbol).may_be(it.event_id).millis(it.event_time).number(it.price).number(it.quantity);
    facts.is(it.taker);
}

fn auction(facts: &mut Facts, it: &Auction<'_>) {
    facts.may_be(it.symbol).millis(it.time).is(it.result);
    auction_numbers(facts, it);
}

fn auction_numbers(facts: &mut Facts, it: &Auction<'_>) {
    facts.may_be_number(it.highest_bid_price).may_be_number(it.lowest_ask_price);
    facts.may_be_number(it.collar_price).may_be_number(it.price).may_be_number(it.quantity);
}

fn funding(facts: &mut Facts, it: FundingAmountChange<'_>) {
    facts.nanos(it.event_time).number(it.amount).nanos(Some(it.funding_time)).may_be(it.interval_minutes);
    facts.is(it.realized).may_be_number(it.rate_percent).may_be_number(it.mark_price);
}

fn market_v1(facts: &mut Facts, it: &MarketUpdate<'_>) {
    facts.is(it.event_id).is(it.socket_sequence).may_be(it.timestamp.map(Timestamp::as_secs));
    facts.millis(it.event_time).list(it.entries, entry_v1);
}

/// Appends a value for each member that any type of entry has: `-` for members that this entry does not have.
fn entry_v1(facts: &mut Facts, entry: MarketEntry<'_>) {
    let none = None::<&str>;
    match entry {
        MarketEntry::Change(it) => {
            facts.is("change").is(if it.side == Side::Buy { "bid" } else { "ask" }).number(it.price);
            facts.number(it.remaining).may_be_number(it.delta).is(it.reason);
            (0..11).for_each(|_| {
                facts.may_be(none);
            });
        }
        MarketEntry::Trade(it) => {
            facts.is("trade").may_be(none).number(it.price).may_be(none).may_be(none).may_be(none);
            facts.is(it.trade_id).number(it.quantity).may_be(it.maker_side);
            (0..8).for_each(|_| {
                facts.may_be(none);
            });
        }
        MarketEntry::Auction(it) => {
            facts.is("auction_indicative");
            (0..8).for_each(|_| {
                facts.may_be(none);
            });
            facts.may_be(it.event_id).is(it.result).millis(it.time);
            auction_numbers(facts, &it);
        }
        other => panic!("{other:?}"),
    }
}

/// Texts of the current API, each with the spelling of order events v1.
const SPELLINGS: [(&str, &str); 6] = [
    ("OPEN", "booked"),
    ("NEW", "accepted"),
    ("CANCELED", "cancelled"),
    ("LIMIT", "exchange limit"),
    ("BUY", "buy"),
    ("SELL", "sell"),
];

fn spelled(text: impl Display) -> String {
    let text = text.to_string();
    let spelling = SPELLINGS.iter().find(|(current, _)| *current == text);
    spelling.map_or(text, |(_, archived)| (*archived).to_string())
}

fn order_v1(facts: &mut Facts, it: &OrderUpdate<'_>) {
    let event = it.event.expect("an event of v1");
    match it.fill {
        Some(_) => facts.is("fill"),
        None => facts.is(spelled(it.status)),
    };
    facts.is(it.order_id).may_be(event.event_id).may_be(event.account_name).may_be(it.client_order_id);
    facts
        .may_be(event.api_session.map(|session| session.reveal()))
        .is(it.symbol)
        .may_be(it.side.map(spelled));
    facts.may_be(it.order_type.map(spelled)).may_be(event.timestamp.map(Timestamp::as_secs));
    facts.millis(it.event_time).may_be(event.is_live).may_be(event.is_cancelled).may_be(event.is_hidden);
    facts.may_be_number(it.average_price).may_be_number(it.executed_quantity);
    facts.may_be_number(it.remaining_quantity).may_be_number(it.quantity).may_be_number(it.price);
    match it.fill {
        Some(it) => fill_v1(facts, &it),
        None => {
            facts.is("-");
        }
    }
    facts.may_be(event.socket_sequence);
}

fn fill_v1(facts: &mut Facts, it: &Fill<'_>) {
    facts.may_be(it.trade_id).may_be(it.liquidity).may_be_number(it.price).may_be_number(it.quantity);
    facts.may_be_number(it.fee.map(Number::as_str)).may_be(it.fee_currency);
}
