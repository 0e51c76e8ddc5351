//! The frames that the benchmarks decode.

use gemini_ws::{Endpoint, Message, Response, ResponseId, Scratch};

use crate::maker::Maker;

/// The symbol for frames of market data v1 that name no symbol.
pub(crate) const V1_SYMBOL: &str = "btcusd";

/// The kind of a frame, which the rivals (the other JSON readers) know before they decode it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ticker,
    Depth,
    /// A depth frame whose numbers the rivals keep as text.
    BareDepth,
    Trade,
    Mark,
    Funding,
    Partial,
    Contract,
    Rfq,
    Order,
    Orders,
    Balances,
    Positions,
    Quote,
    Settlements,
    Time,
    NamedTime,
    Acknowledged,
    Named,
    Refused,
    Limits,
    Names,
    BookReply,
    Placed,
    QuoteReply,
    LevelsV2,
    TradeV2,
    AuctionV2,
    CandlesV2,
    MarksV2,
    FundingsV2,
    HeartbeatV2,
    ErrorV2,
    UpdateV1,
    HeartbeatV1,
    AckV1,
    OrdersV1,
    OrderHeartbeatV1,
}

/// How an input is applied to books.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// The input changes no book.
    None,
    /// `OrderBook::apply` takes each decoded frame.
    Direct,
    /// `Replay` turns each frame into an event, and `Books` applies the event.
    Whole,
}

/// The frames of one row of a benchmark's table.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) way: Way,
    pub(crate) frames: Vec<(Kind, String)>,
}

impl Input {
    pub(crate) fn new(
        name: &'static str,
        endpoint: Endpoint,
        way: Way,
        frames: impl IntoIterator<Item = String>,
    ) -> Input {
        let frames = frames.into_iter().map(|frame| (kind(endpoint, &frame), frame)).collect();
        Input { name, endpoint, way, frames }
    }
}

/// The number of frames in most rows. With fewer frames, the processor's branch predictor would learn them.
const MANY: usize = 256;

const STREAMS: Endpoint = Endpoint::Streams;
const V2: Endpoint = Endpoint::MarketDataV2;
const V1: Endpoint = Endpoint::MarketDataV1;
const ORDERS: Endpoint = Endpoint::OrderEventsV1;

/// A row: its name, the endpoint, the way to a book, the number of frames, and a function that makes a frame from its
/// index.
type Row = (&'static str, Endpoint, Way, usize, fn(&mut Maker, usize) -> String);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("ticker", STREAMS, Way::None, MANY, |maker, _| maker.ticker()),
    ("trade", STREAMS, Way::None, MANY, |maker, _| maker.trade()),
    ("depth, 1 level", STREAMS, Way::Direct, MANY, |maker, place| maker.depth(place == 0, place % 2, 1 - place % 2)),
    ("depth, 10 + 10 levels", STREAMS, Way::Direct, MANY, |maker, place| maker.depth(place == 0, 10, 10)),
    ("snapshot, 4658 levels", STREAMS, Way::Direct, 1, |maker, _| maker.depth(true, 2564, 2094)),
    ("partial depth, 10 + 10", STREAMS, Way::None, MANY, |maker, _| maker.partial_depth()),
    ("mark price", STREAMS, Way::None, MANY, |maker, _| maker.mark_price()),
    ("funding amount", STREAMS, Way::None, MANY, |maker, _| maker.funding_amount()),
    ("contract status", STREAMS, Way::None, MANY, |maker, _| maker.contract_status()),
    ("request for quotes", STREAMS, Way::None, MANY, |maker, _| maker.request_for_quotes()),
    ("order update", STREAMS, Way::None, MANY, |maker, _| maker.order_update()),
    ("order update, open", STREAMS, Way::None, MANY, |maker, _| maker.order_open()),
    ("order snapshot, 3 orders", STREAMS, Way::None, MANY, |maker, _| maker.orders(3)),
    ("balances, 3 assets", STREAMS, Way::None, MANY, |maker, _| maker.balances()),
    ("positions, 3", STREAMS, Way::None, MANY, |maker, _| maker.positions()),
    ("quote update", STREAMS, Way::None, MANY, |maker, _| maker.quote()),
    ("settlements, 3", STREAMS, Way::None, MANY, |maker, _| maker.settlements()),
    ("time reply", STREAMS, Way::None, MANY, |maker, _| maker.time_reply()),
    ("acknowledgement", STREAMS, Way::None, MANY, |maker, _| maker.acknowledgement()),
    ("error reply", STREAMS, Way::None, MANY, |maker, _| maker.error_reply()),
    ("conninfo reply", STREAMS, Way::None, MANY, |maker, _| maker.limits_reply()),
    ("list reply, 4 streams", STREAMS, Way::None, MANY, |maker, _| maker.names_reply()),
    ("depth reply, 10 + 10", STREAMS, Way::None, MANY, |maker, _| maker.book_reply()),
    ("order reply with an id", STREAMS, Way::None, MANY, |maker, _| maker.order_id_reply()),
    ("quote reply", STREAMS, Way::None, MANY, |maker, _| maker.quote_reply()),
    ("v2 snapshot, 1000 levels", V2, Way::Whole, 1, |maker, _| maker.snapshot_v2(1000, 50)),
    ("v2 levels, 4", V2, Way::Whole, MANY, |maker, place| if place == 0 { maker.snapshot_v2(100, 0) } else { maker.levels_v2() }),
    ("v2 trade", V2, Way::None, MANY, |maker, _| maker.trade_v2()),
    ("v2 auction", V2, Way::None, MANY, |maker, _| maker.auction_v2()),
    ("v2 candle", V2, Way::None, MANY, |maker, _| maker.candles_v2(1)),
    ("v2 candles, 500", V2, Way::None, 1, |maker, _| maker.candles_v2(500)),
    ("v2 mark price", V2, Way::None, MANY, |maker, _| maker.mark_price_v2()),
    ("v2 funding amount", V2, Way::None, MANY, |maker, _| maker.funding_v2()),
    ("v2 heartbeat", V2, Way::None, MANY, |maker, _| maker.heartbeat_v2()),
    ("v2 error", V2, Way::None, MANY, |maker, _| maker.error_v2()),
    ("v1 snapshot, 1000 levels", V1, Way::Whole, 1, |maker, _| maker.snapshot_v1(1000)),
    ("v1 change", V1, Way::Whole, MANY, |maker, place| if place == 0 { maker.snapshot_v1(100) } else { maker.change_v1(place) }),
    ("v1 trade and change", V1, Way::Whole, MANY, |maker, place| if place == 0 { maker.snapshot_v1(100) } else { maker.trade_v1(place) }),
    ("v1 auction", V1, Way::None, MANY, |maker, place| maker.auction_v1(place + 1)),
    ("v1 heartbeat", V1, Way::None, MANY, |_, place| format!("{{\"type\":\"heartbeat\",\"socket_sequence\":{place}}}")),
    ("v1 order event", ORDERS, Way::None, MANY, |maker, _| maker.booked_v1()),
    ("v1 fill", ORDERS, Way::None, MANY, |maker, _| maker.fill_v1()),
    ("v1 acknowledgement", ORDERS, Way::None, MANY, |maker, _| maker.acknowledgement_v1()),
    ("v1 order heartbeat", ORDERS, Way::None, MANY, Maker::order_heartbeat_v1),
];

const SESSION: &str = "session";

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.0).chain([SESSION])
}

/// Makes the frames of the row with this name. Each row has its own generator with the same seed, so rows do not
/// affect each other.
pub(crate) fn named(name: &str) -> Option<Input> {
    if name == SESSION {
        return Some(Input::new(SESSION, STREAMS, Way::Direct, session()));
    }
    let (name, endpoint, way, count, make) = ROWS.iter().find(|row| row.0 == name)?;
    let mut maker = Maker::new();
    let frames: Vec<String> = (0..*count).map(|place| make(&mut maker, place)).collect();
    Some(Input::new(name, *endpoint, *way, frames))
}

pub(crate) fn made() -> Vec<Input> {
    names().filter_map(named).collect()
}

/// Makes the frames of one connection: a snapshot, a reply, and then a mix of changes, tickers and trades, as for a
/// busy symbol.
fn session() -> Vec<String> {
    let mut maker = Maker::new();
    let mut frames = vec![maker.depth(true, 200, 200), "{\"id\":1,\"status\":200}".into()];
    for step in 0..600 {
        frames.push(match step % 6 {
            0 | 3 => {
                let (bids, asks) = (maker.below(4), 1 + maker.below(4));
                maker.depth(false, bids, asks)
            }
            5 => maker.trade(),
            _ => maker.ticker(),
        });
    }
    frames
}

#[rustfmt::skip]
fn kind(endpoint: Endpoint, frame: &str) -> Kind {
    let mut scratch = Scratch::new();
    match endpoint.decode(frame, &mut scratch).unwrap() {
        Message::Trade(_) if endpoint == V2 => Kind::TradeV2,
        Message::BookTicker(_) => Kind::Ticker,
        Message::Depth(_) => Kind::Depth,
        Message::Trade(_) => Kind::Trade,
        Message::MarkPrice(_) => Kind::Mark,
        Message::FundingAmount(_) => Kind::Funding,
        Message::PartialDepth(_) => Kind::Partial,
        Message::ContractStatus(_) => Kind::Contract,
        Message::RequestForQuote(_) => Kind::Rfq,
        Message::OrderUpdate(_) => Kind::Order,
        Message::OrderSnapshot(_) => Kind::Orders,
        Message::BalanceUpdate(_) => Kind::Balances,
        Message::PositionReport(_) => Kind::Positions,
        Message::QuoteUpdate(_) => Kind::Quote,
        Message::Settlements(_) => Kind::Settlements,
        Message::Response(response) => kind_of_reply(&response),
        Message::L2Updates(_) => Kind::LevelsV2,
        Message::Auction(_) => Kind::AuctionV2,
        Message::Candles(_) => Kind::CandlesV2,
        Message::MarkPrices(_) => Kind::MarksV2,
        Message::FundingAmounts(_) => Kind::FundingsV2,
        Message::Heartbeat(_) if endpoint == V2 => Kind::HeartbeatV2,
        Message::Heartbeat(_) if endpoint == V1 => Kind::HeartbeatV1,
        Message::Heartbeat(_) => Kind::OrderHeartbeatV1,
        Message::Error(_) => Kind::ErrorV2,
        Message::MarketUpdate(_) => Kind::UpdateV1,
        Message::SubscriptionAck(_) => Kind::AckV1,
        Message::OrderEvents(_) => Kind::OrdersV1,
        other => panic!("{other:?}"),
    }
}

fn kind_of_reply(response: &Response<'_>) -> Kind {
    let is_named = matches!(response.id, ResponseId::Text(_));
    let result = response.result.map_or("", |result| result.as_str());
    let results = [
        ("{\"serverTime\"", if is_named { Kind::NamedTime } else { Kind::Time }),
        ("[", Kind::Names),
        ("{\"lastUpdateId\"", Kind::BookReply),
        ("{\"orderId\"", Kind::Placed),
        ("{\"rfqId\"", Kind::QuoteReply),
    ];
    let of_result = results.into_iter().find(|(start, _)| result.starts_with(start));
    match of_result {
        Some((_, kind)) => kind,
        None if response.error.is_some() => Kind::Refused,
        None if response.rate_limits.is_some() => Kind::Limits,
        None if is_named => Kind::Named,
        None => Kind::Acknowledged,
    }
}
