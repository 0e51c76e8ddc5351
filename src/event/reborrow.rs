//! The same event with every borrowed part taken from elsewhere, in a fixed order: how
//! [`EventBuf`](crate::EventBuf) takes an event apart and puts it together again.

use crate::event::{Batch, Parts};
use crate::event::{Event, Ignored, Malformed, Outcome};
use crate::message::{
    ApiError, ApiSession, Auction, AuctionOpen, BalanceUpdate, BookTicker, Candles, ContractStatus, Depth,
    Element, Fill, FundingAmount, FundingAmounts, Heartbeat, L2Updates, Level, List, MarkPrice, MarkPrices,
    MarketUpdate, Number, OrderEventDetails, OrderEvents, OrderSnapshot, OrderUpdate, PartialDepth,
    PositionReport, QuoteUpdate, RawJson, RequestForQuote, Response, ResponseId, Settlements,
    SubscriptionAck, Text, TopOfBook, Trade, Unrecognized, VenueError,
};

/// What gives each borrowed part anew.
struct Lender<'l, 'a, 'b> {
    text: &'l mut dyn FnMut(&'a str) -> &'b str,
    levels: &'l mut dyn FnMut(&'a [Level]) -> &'b [Level],
}

impl<'a> Event<'a> {
    pub(crate) fn relend<'b>(
        &self,
        mut text: impl FnMut(&'a str) -> &'b str,
        mut levels: impl FnMut(&'a [Level]) -> &'b [Level],
    ) -> Event<'b> {
        Lender { text: &mut text, levels: &mut levels }.event(self)
    }
}

impl<'a, 'b> Lender<'_, 'a, 'b> {
    fn str(&mut self, it: &'a str) -> &'b str {
        (self.text)(it)
    }

    fn text(&mut self, it: Text<'a>) -> Text<'b> {
        Text(self.str(it.raw()))
    }

    fn text_if_any(&mut self, it: Option<Text<'a>>) -> Option<Text<'b>> {
        it.map(|it| self.text(it))
    }

    fn number(&mut self, it: Number<'a>) -> Number<'b> {
        Number(self.str(it.as_str()))
    }

    fn json(&mut self, it: RawJson<'a>) -> RawJson<'b> {
        RawJson(self.str(it.as_str()))
    }

    fn list<T: Element<'a>, U: Element<'b>>(&mut self, it: List<'a, T>) -> List<'b, U> {
        List::new(self.str(it.raw().as_str()))
    }

    fn event(&mut self, event: &Event<'a>) -> Event<'b> {
        match *event {
            Event::BookTicker(it) => Event::BookTicker(BookTicker {
                symbol: self.str(it.symbol),
                update_id: it.update_id,
                event_time: it.event_time,
                bid: it.bid,
                ask: it.ask,
                last_trade: it.last_trade,
            }),
            Event::DepthSnapshot(it) => Event::DepthSnapshot(self.depth(it)),
            Event::DepthUpdate(it) => Event::DepthUpdate(self.depth(it)),
            Event::PartialDepth(it) => Event::PartialDepth(PartialDepth {
                symbol: it.symbol.map(|symbol| self.str(symbol)),
                last_update_id: it.last_update_id,
                bids: (self.levels)(it.bids),
                asks: (self.levels)(it.asks),
            }),
            Event::Trade(it) => Event::Trade(Trade {
                symbol: self.str(it.symbol),
                event_time: it.event_time,
                trade_id: it.trade_id,
                event_id: it.event_id,
                price: it.price,
                quantity: it.quantity,
                taker: it.taker.relend(&mut self.text),
                is_replay: it.is_replay,
            }),
            Event::ContractStatus(it) => Event::ContractStatus(ContractStatus {
                symbol: self.str(it.symbol),
                event_time: it.event_time,
                event_ticker: self.str(it.event_ticker),
                contract_ticker: self.str(it.contract_ticker),
                contract_id: it.contract_id,
                strike: it.strike,
                previous_status: self.text(it.previous_status),
                status: self.text(it.status),
            }),
            Event::MarkPrice(it) => Event::MarkPrice(MarkPrice { symbol: self.str(it.symbol), ..it }),
            Event::FundingAmount(it) => {
                Event::FundingAmount(FundingAmount { symbol: self.str(it.symbol), ..it })
            }
            Event::TopOfBook(it) => Event::TopOfBook(TopOfBook { symbol: self.str(it.symbol), ..it }),
            Event::AuctionOpen(it) => Event::AuctionOpen(AuctionOpen {
                symbol: it.symbol.map(|symbol| self.str(symbol)),
                opened: it.opened,
                auction_time: it.auction_time,
                first_indicative_time: it.first_indicative_time,
                last_cancel_time: it.last_cancel_time,
            }),
            Event::Auction(it) => Event::Auction(Auction {
                symbol: it.symbol.map(|symbol| self.str(symbol)),
                stage: it.stage,
                event_id: it.event_id,
                time: it.time,
                result: it.result.relend(&mut self.text),
                highest_bid_price: it.highest_bid_price,
                lowest_ask_price: it.lowest_ask_price,
                collar_price: it.collar_price,
                price: it.price,
                quantity: it.quantity,
            }),
            Event::Candles(it) => Event::Candles(Candles {
                symbol: self.str(it.symbol),
                interval: it.interval,
                candles: self.list(it.candles),
            }),
            Event::RequestForQuote(it) => Event::RequestForQuote(self.request_for_quote(it)),
            Event::Order(it) => Event::Order(self.order(it)),
            Event::Balances(it) => Event::Balances(BalanceUpdate {
                event_time: it.event_time,
                update_time: it.update_time,
                balances: self.list(it.balances),
            }),
            Event::Positions(it) => Event::Positions(PositionReport {
                event_time: it.event_time,
                update_time: it.update_time,
                account_id: it.account_id,
                positions: self.list(it.positions),
            }),
            Event::Quote(it) => Event::Quote(self.quote(it)),
            Event::Settlements(it) => {
                Event::Settlements(Settlements { settlements: self.list(it.settlements) })
            }
            Event::Batch(Batch(parts)) => Event::Batch(Batch(self.parts(parts))),
            Event::Heartbeat(it) => Event::Heartbeat(Heartbeat {
                event_time: it.event_time,
                socket_sequence: it.socket_sequence,
                sequence: it.sequence,
                trace_id: self.text_if_any(it.trace_id),
            }),
            Event::SubscriptionAck(it) => Event::SubscriptionAck(SubscriptionAck {
                account_id: it.account_id,
                subscription_id: self.text(it.subscription_id),
                symbol_filter: self.list(it.symbol_filter),
                api_session_filter: self.list(it.api_session_filter),
                event_type_filter: self.list(it.event_type_filter),
            }),
            Event::Error(it) => Event::Error(VenueError {
                reason: self.text(it.reason),
                message: self.text_if_any(it.message),
            }),
            Event::Reply { request, about, outcome } => {
                let outcome = match outcome {
                    Outcome::TimedOut => Outcome::TimedOut,
                    Outcome::Lost => Outcome::Lost,
                    Outcome::NotSent => Outcome::NotSent,
                    Outcome::Answered(it) => Outcome::Answered(self.response(it)),
                };
                Event::Reply { request, about, outcome }
            }
            Event::Rejected { id, stream, error } => {
                Event::Rejected { id, stream, error: self.api_error(error) }
            }
            Event::PeerClosing { link, code, reason } => {
                Event::PeerClosing { link, code, reason: self.text(reason) }
            }
            Event::Ignored(Ignored { frame, why }) => Event::Ignored(Ignored { frame: self.str(frame), why }),
            Event::Unrecognized(Unrecognized { frame }) => {
                Event::Unrecognized(Unrecognized { frame: self.json(frame) })
            }
            Event::Malformed(Malformed { frame, error }) => {
                Event::Malformed(Malformed { frame: self.str(frame), error })
            }
            Event::Subscribed { id, stream } => Event::Subscribed { id, stream },
            Event::Unsubscribed { id, stream, last } => Event::Unsubscribed { id, stream, last },
            Event::Quiet { id, stream, since } => Event::Quiet { id, stream, since },
            Event::Gap { symbol, expected, got } => Event::Gap { symbol, expected, got },
            Event::SequenceGap { expected, got } => Event::SequenceGap { expected, got },
            Event::Synced { id, symbol } => Event::Synced { id, symbol },
            Event::Overflow { topic, symbol, dropped } => Event::Overflow { topic, symbol, dropped },
            Event::Opened { link, missing_since } => Event::Opened { link, missing_since },
            Event::Live { link } => Event::Live { link },
            Event::ConnectFailed { link, why, retry } => Event::ConnectFailed { link, why, retry },
            Event::Disconnected { link, why, retry } => Event::Disconnected { link, why, retry },
            Event::LinkClosed { link, reason } => Event::LinkClosed { link, reason },
            Event::HeartbeatDue { link, since } => Event::HeartbeatDue { link, since },
            Event::ShuttingDown { step } => Event::ShuttingDown { step },
            Event::Closed { reason, abandoned } => Event::Closed { reason, abandoned },
        }
    }

    fn depth(&mut self, it: Depth<'a>) -> Depth<'b> {
        Depth {
            symbol: self.str(it.symbol),
            event_time: it.event_time,
            first_update_id: it.first_update_id,
            last_update_id: it.last_update_id,
            bids: (self.levels)(it.bids),
            asks: (self.levels)(it.asks),
        }
    }

    fn order(&mut self, it: OrderUpdate<'a>) -> OrderUpdate<'b> {
        OrderUpdate {
            order_id: it.order_id,
            symbol: self.str(it.symbol),
            status: it.status.relend(&mut self.text),
            event_time: it.event_time,
            transaction_time: it.transaction_time,
            client_order_id: self.text_if_any(it.client_order_id),
            side: it.side.map(|side| side.relend(&mut self.text)),
            order_type: it.order_type.map(|order_type| order_type.relend(&mut self.text)),
            price: it.price,
            stop_price: it.stop_price,
            quantity: it.quantity,
            remaining_quantity: it.remaining_quantity,
            executed_quantity: it.executed_quantity,
            average_price: it.average_price.map(|price| self.number(price)),
            fill: it.fill.map(|fill| Fill {
                trade_id: fill.trade_id,
                price: fill.price,
                quantity: fill.quantity,
                fee: fill.fee.map(|fee| self.number(fee)),
                fee_currency: self.text_if_any(fill.fee_currency),
                liquidity: fill.liquidity.map(|liquidity| liquidity.relend(&mut self.text)),
            }),
            reason: self.text_if_any(it.reason),
            outcome: it.outcome.map(|outcome| outcome.relend(&mut self.text)),
            alias: self.text_if_any(it.alias),
            event: it.event.map(|event| OrderEventDetails {
                event_id: event.event_id,
                socket_sequence: event.socket_sequence,
                account_name: self.text_if_any(event.account_name),
                api_session: event.api_session.map(|session| ApiSession(self.text(session.reveal()))),
                behavior: self.text_if_any(event.behavior),
                timestamp: event.timestamp,
                is_live: event.is_live,
                is_cancelled: event.is_cancelled,
                is_hidden: event.is_hidden,
                total_spend: event.total_spend,
                cancel_command_id: self.text_if_any(event.cancel_command_id),
            }),
        }
    }

    fn request_for_quote(&mut self, it: RequestForQuote<'a>) -> RequestForQuote<'b> {
        RequestForQuote {
            event_time: it.event_time,
            rfq_id: self.text(it.rfq_id),
            symbol: it.symbol.map(|symbol| self.str(symbol)),
            legs: self.list(it.legs),
            notional: it.notional,
            quantity: it.quantity,
            execution_quantity: it.execution_quantity,
            status: it.status.relend(&mut self.text),
            submission_ends: it.submission_ends,
            expires: it.expires,
            confirmation_ends: it.confirmation_ends,
        }
    }

    fn quote(&mut self, it: QuoteUpdate<'a>) -> QuoteUpdate<'b> {
        QuoteUpdate {
            event_id: self.text(it.event_id),
            event_time: it.event_time,
            rfq_id: self.text(it.rfq_id),
            step: it.step.relend(&mut self.text),
            status: it.status.relend(&mut self.text),
            quote_id: self.text_if_any(it.quote_id),
            price: it.price,
            quantity: it.quantity,
            quote_status: it.quote_status.map(|status| status.relend(&mut self.text)),
            valid_until: it.valid_until,
        }
    }

    fn parts(&mut self, parts: Parts<'a>) -> Parts<'b> {
        match parts {
            Parts::L2 { is_snapshot, told, updates: it } => Parts::L2 {
                is_snapshot,
                told,
                updates: L2Updates {
                    symbol: self.str(it.symbol),
                    bids: (self.levels)(it.bids),
                    asks: (self.levels)(it.asks),
                    trades: it.trades.map(|trades| self.list(trades)),
                    auction_events: it.auction_events.map(|auctions| self.list(auctions)),
                },
            },
            Parts::Market { told, update: it } => Parts::Market {
                told,
                update: MarketUpdate {
                    event_id: it.event_id,
                    socket_sequence: it.socket_sequence,
                    timestamp: it.timestamp,
                    event_time: it.event_time,
                    entries: self.list(it.entries),
                    symbol: it.symbol.map(|symbol| self.str(symbol)),
                    bids: (self.levels)(it.bids),
                    asks: (self.levels)(it.asks),
                },
            },
            Parts::MarkPrices(it) => {
                Parts::MarkPrices(MarkPrices { symbol: self.str(it.symbol), changes: self.list(it.changes) })
            }
            Parts::FundingAmounts(it) => Parts::FundingAmounts(FundingAmounts {
                symbol: self.str(it.symbol),
                changes: self.list(it.changes),
            }),
            Parts::OrderSnapshot(it) => Parts::OrderSnapshot(OrderSnapshot { orders: self.list(it.orders) }),
            Parts::OrderEvents(it) => Parts::OrderEvents(OrderEvents { events: self.list(it.events) }),
        }
    }

    fn response(&mut self, it: Response<'a>) -> Response<'b> {
        Response {
            id: match it.id {
                ResponseId::Number(number) => ResponseId::Number(number),
                ResponseId::Text(id) => ResponseId::Text(self.text(id)),
            },
            status: it.status,
            result: it.result.map(|result| self.json(result)),
            error: it.error.map(|error| self.api_error(error)),
            rate_limits: it.rate_limits.map(|limits| self.json(limits)),
        }
    }

    fn api_error(&mut self, it: ApiError<'a>) -> ApiError<'b> {
        ApiError { code: it.code, message: self.text(it.message) }
    }
}
