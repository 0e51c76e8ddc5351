//! Tests the pages of `gemini_ws::protocol`.
//!
//! Each row in the tables of `overview.md` names its type, each type exists, and the statements about names, methods
//! and frames are true. No text cites a document that its reader does not have, and every link to a page of
//! `protocol` leads to a heading.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use gemini_ws::{
    Endpoint, Event, MarketDataRequest, MarketEntry, Message, NewOrder, NewQuote, OrderReport, Replay,
    Request, Scratch, Stream,
};

const DOCUMENT: &str = include_str!("../src/protocol/overview.md");

/// Lists names of this crate. The compiler checks that each name exists.
macro_rules! known {
    (items { $($item:ident $(:: $part:ident)*),+ $(,)? } functions { $($of:ident :: $function:ident),+ $(,)? }) => {
        #[allow(unused_imports, reason = "that they can be named is all that is wanted")]
        mod exist {
            $(use gemini_ws::$item $(:: $part)* as _;)+
        }
        const KNOWN: &[&str] = &[
            $(concat!(stringify!($item) $(, "::", stringify!($part))*),)+
            $(concat!(stringify!($of), "::", stringify!($function)),)+
        ];
        #[test]
        fn functions_exist() {
            $(let _ = gemini_ws::$of::$function;)+
        }
    };
}

known! {
    items {
        ApiError, ApiSession, AssetBalance, Auction, AuctionOpen, AuctionResult,
        AuctionStage::Indicative, AuctionStage::Result, BalanceUpdate, Book::Live, Side,
        Side::Sell, Side::Buy, BookTicker, Candle, CandleInterval::FifteenMinutes,
        CandleInterval::FiveMinutes, CandleInterval::OneDay, CandleInterval::OneHour,
        CandleInterval::OneMinute, CandleInterval::SixHours, CandleInterval::ThirtyMinutes, Candles,
        ChangeReason, ChangeReason::Initial, ChangeReason::TopOfBook, Client, CloseReason, Config,
        ConnectFailure, ConnectFailure::Status, ContractStatus, DecodeError, Depth,
        Endpoint::MarketDataV1, Endpoint::MarketDataV2, Endpoint::OrderEventsV1, Endpoint::Streams,
        Event::Auction, Event::AuctionOpen, Event::Balances, Event::Batch, Event::BookTicker,
        Event::Candles, Event::Closed, Event::ConnectFailed, Event::ContractStatus,
        Event::DepthSnapshot, Event::DepthUpdate, Event::Disconnected, Event::Error, Event::Silent, Event::Unserved, Event::LinkClosed, Event::HeartbeatDue, Event::ShuttingDown,
        Event::FundingAmount, Event::Gap, Event::SequenceGap, Lost::SequenceGap, Event::Heartbeat, Event::Ignored, Event::Live,
        Event::Malformed, Event::MarkPrice, Event::Opened, Event::Order, Event::Overflow, EventQueue,
        Overflow, Event::PartialDepth,
        Event::PeerClosing, Event::Positions, Event::Quote, Event::Rejected, Event::Reply,
        Event::RequestForQuote, Event::Requested, Event::Settlements, Event::Subscribed, Event::SubscriptionAck,
        Event::Synced, Event::TopOfBook, Event::Trade, Event::Unrecognized, Event::Unsubscribed,
        Fill, FundingAmount, FundingAmountChange, FundingAmounts, GapRule, Heartbeat, Ignored,
        IgnoredReason, L2Updates, Leg, Level, LevelChange, LinkId, Lost, Lost::Closed, MakerSide,
        Malformed, MarkPrice, MarkPriceChange, MarkPrices, MarketDataRequest::Subscribe,
        MarketDataRequest::Unsubscribe, MarketEntry, MarketEntry::Auction, MarketEntry::AuctionOpen,
        MarketEntry::BlockTrade, MarketEntry::Change, MarketEntry::Malformed, MarketEntry::Trade, MarketEntry::Unrecognized,
        MarketTrade, MarketUpdate, Message::Auction, Message::BalanceUpdate, Message::BookTicker,
        Message::Candles, Message::ContractStatus, Message::Depth, Message::Error,
        Message::FundingAmount, Message::FundingAmounts, Message::Heartbeat, Message::L2Updates,
        Message::MarkPrice, Message::MarkPrices, Message::MarketUpdate, Message::OrderEvents,
        Message::OrderSnapshot, Message::OrderUpdate, Message::PartialDepth,
        Message::PositionReport, Message::QuoteUpdate, Message::RequestForQuote, Message::Response,
        Message::Settlements, Message::SubscriptionAck, Message::Trade, Message::Unrecognized,
        NewOrder, NewQuote, OrderEventDetails, OrderEvents, OrderReport, OrderReport::Malformed,
        OrderReport::Unrecognized, OrderReport::Update, OrderSnapshot, OrderStatus,
        OrderStatus::CancelRejected, OrderStatus::Canceled, OrderStatus::Closed,
        OrderStatus::Filled, OrderStatus::Initial, OrderStatus::New, OrderStatus::Open,
        OrderStatus::PartiallyFilled, OrderStatus::Rejected, OrderUpdate, RequestOutcome::Answered,
        RequestOutcome::Lost, Row, RequestOutcome::NotSent, RequestOutcome::TimedOut, ShutdownStep, PRODUCTION, PartialDepth, Position, PositionAmount,
        PositionReport, QuoteReceipt, QuoteStatus, QuoteStep, QuoteUpdate, RateLimit, RawJson,
        Request::CancelAllOrders, Request::CancelOrder, Request::CancelSessionOrders,
        Request::ConfirmQuote, Request::ConnectionInfo, Request::Depth, Request::ListSubscriptions,
        Request::Ping, Request::PlaceOrder, Request::Raw, Request::SubmitQuote, Request::Subscribe,
        Request::Time, Request::Unsubscribe, Request::WithdrawQuote, RequestForQuote, Response,
        ResponseId, RfqStatus, SANDBOX, Settlement, Settlements, Signer, Snapshot, SnapshotOrder,
        Stream, Stream::Balances, Stream::BookTicker, Stream::Candles, Stream::ContractStatus,
        Stream::Depth, Stream::FundingAmount, Stream::MarkPrice, Stream::Orders,
        Stream::PartialDepth, Stream::Positions, Stream::Quotes, Stream::RequestForQuote,
        Stream::Settlements, Stream::Trade, SubscriptionAck, Taker, Trade, Unrecognized, VenueError,
        lifecycle::State::Live
    }
    functions {
        Config::snapshot, Response::depth, Response::is_ok, Response::order_id, Response::quote,
        Response::rate_limits, Response::server_time, Response::stream_names, Scratch::set_symbol
    }
}

struct Table {
    section: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<&'static str>>,
}

impl Table {
    /// Returns the cells of a column, each after the first cell of its row.
    fn column(&self, name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
        let column = self.head.iter().position(|head| *head == name).expect(name);
        self.rows.iter().map(move |row| (row[0], row[column]))
    }
}

fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut section = "";
    let mut in_table = false;
    for line in DOCUMENT.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            section = name;
        }
        let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        match cells.map(|cells| cells.split(" | ").map(str::trim).collect::<Vec<_>>()) {
            Some(cells) if in_table => {
                let table = tables.last_mut().unwrap();
                assert_eq!(cells.len(), table.head.len(), "{line}");
                table.rows.push(cells);
            }
            Some(head) => tables.push(Table { section, head, rows: Vec::new() }),
            None => assert!(!line.starts_with('|') || line.starts_with("|---"), "{line}"),
        }
        in_table = line.starts_with('|');
    }
    tables
}

/// Returns the table whose first column has the heading `head`.
fn table(section: &str, head: &str) -> Table {
    tables()
        .into_iter()
        .find(|table| table.section == section && table.head[0] == head)
        .unwrap_or_else(|| panic!("no table of {head} in {section}"))
}

fn links(cell: &str) -> Vec<&str> {
    cell.split("[`").skip(1).map(|rest| rest.split_once("`]").expect(cell).0).collect()
}

fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).expect(cell)
}

/// Returns a path such as `Stream::Trade`: the type name `of`, and the variant of the value as `Debug` prints it.
fn variant(of: &str, value: &impl Debug) -> String {
    let text = format!("{value:?}");
    format!("{of}::{}", text.split(|character: char| !character.is_alphanumeric()).next().unwrap())
}

#[test]
fn every_row_has_its_types() {
    let columns = [
        "type",
        "message",
        "payload",
        "event",
        "result",
        "request",
        "type of what it chooses",
        "event of this crate",
    ];
    let tables = tables();
    assert_eq!(tables.len(), 15);
    for Table { section, head, rows } in &tables {
        let typed: Vec<usize> = (1..head.len()).filter(|at| columns.contains(&head[*at])).collect();
        assert!(!typed.is_empty() && !rows.is_empty(), "{section}");
        let firsts: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
        let by_two: BTreeSet<_> = rows.iter().map(|row| (row[0], row[1])).collect();
        assert!(
            firsts.len() == rows.len() || by_two.len() == rows.len(),
            "{section}: a row stands there twice"
        );
        for row in rows {
            assert!(row.iter().all(|cell| !cell.is_empty()), "{section}: {row:?}");
            for column in &typed {
                assert!(!links(row[*column]).is_empty(), "{section}: {}: no {}", row[0], head[*column]);
            }
        }
    }
}

#[test]
fn every_type_exists() {
    let named: BTreeSet<&str> = links(DOCUMENT).into_iter().collect();
    let known: BTreeSet<&str> = KNOWN.iter().copied().collect();
    assert_eq!(known.len(), KNOWN.len());
    assert_eq!(named.difference(&known).next(), None, "is not known to exist");
    assert_eq!(known.difference(&named).next(), None, "stands nowhere in the document");
}

fn variants(source: &'static str, name: &str) -> Vec<&'static str> {
    let begin = source.find(&format!("pub enum {name}")).expect(name);
    let body = source[begin..].split_once('\n').unwrap().1;
    let lines = body.lines().take_while(|line| *line != "}");
    let names = lines.filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        line.starts_with(|first: char| first.is_ascii_uppercase()).then_some(line)
    });
    names.map(|line| line.split(|it: char| !it.is_alphanumeric()).next().unwrap()).collect()
}

#[test]
fn every_variant_has_a_row() {
    let cells = tables().into_iter().flat_map(|table| table.rows.into_iter().flatten());
    let named: BTreeSet<&str> = cells.flat_map(links).collect();
    // Source, enum, the minimum number of its variants.
    let enums = [
        (include_str!("../src/value/endpoint.rs"), "Endpoint", 4),
        (include_str!("../src/request/stream.rs"), "Stream", 14),
        (include_str!("../src/request/mod.rs"), "Request", 15),
        (include_str!("../src/request/mod.rs"), "MarketDataRequest", 2),
        (include_str!("../src/message/mod.rs"), "Message", 26),
        (include_str!("../src/message/market.rs"), "MarketEntry", 6),
        (include_str!("../src/message/market.rs"), "OrderReport", 3),
        (include_str!("../src/event/mod.rs"), "Event", 36),
        (include_str!("../src/event/mod.rs"), "RequestOutcome", 3),
    ];
    for (source, name, least) in enums {
        let variants = variants(source, name);
        assert!(variants.len() >= least, "{name}: {variants:?}");
        for variant in variants {
            let variant = format!("{name}::{variant}");
            assert!(named.contains(variant.as_str()), "{variant} has no row");
        }
    }
}

fn with_symbol(name: &str) -> String {
    name.replace("{symbol}", "btcusd").replace("{agency}:{index}", "cfb:brti")
}

#[test]
fn names_of_streams() {
    let known = table("Streams", "name");
    for ((name, types), _) in known.column("type").zip(known.column("page")) {
        let name = with_symbol(code(name));
        let stream: Stream = name.parse().expect(&name);
        assert_eq!(stream.to_string(), name);
        assert_eq!(links(types), [variant("Stream", &stream)], "{name}");
    }
    let others = tables().into_iter().filter(|table| table.section == "Streams").nth(1).unwrap();
    for (name, _) in others.column("event") {
        let name = with_symbol(code(name));
        assert!(name.parse::<Stream>().is_err(), "{name} is a stream");
    }
}

#[test]
fn names_of_feeds() {
    let table = table("Feeds of market data v2", "feed");
    for ((feed, name), (_, types)) in table.column("stream").zip(table.column("type")) {
        let name = with_symbol(code(name));
        let stream: Stream = name.parse().expect(&name);
        assert_eq!((stream.to_string(), stream.feed()), (name, Some(code(feed))));
        assert_eq!(links(types), [variant("Stream", &stream)], "{feed}");
    }
}

/// Each event in the row of a stream is an event of one of the messages in that row.
#[test]
fn what_streams_send() {
    let places = [
        ("Streams", "name", "Messages of the current API"),
        ("Feeds of market data v2", "feed", "Messages of market data v2"),
    ];
    for (section, head, messages) in places {
        let messages = table(messages, "frame");
        let sent = table(section, head);
        for ((name, of), (_, events)) in sent.column("message").zip(sent.column("event")) {
            let of = links(of);
            let rows = messages.column("message").zip(messages.column("event"));
            let rows: Vec<_> = rows.filter(|((_, message), _)| of.contains(&links(message)[0])).collect();
            let told: BTreeSet<&str> = rows.iter().map(|((_, message), _)| links(message)[0]).collect();
            assert_eq!(told, of.into_iter().collect(), "{name}");
            let possible: BTreeSet<&str> = rows.iter().flat_map(|(_, (_, events))| links(events)).collect();
            let events: BTreeSet<&str> = links(events).into_iter().collect();
            assert_eq!(events.difference(&possible).next(), None, "{name}");
        }
    }
}

fn requests() -> Vec<Request> {
    let order = NewOrder::market("a", "btcusd", gemini_ws::Side::Buy, "1");
    let quote = NewQuote {
        rfq_id: "r".parse().unwrap(),
        price: "1".parse().unwrap(),
        quantity: "1".parse().unwrap(),
        valid_until: None,
        client_id: None,
    };
    let [rfq_id, quote_id] = ["r", "q"].map(|id| id.parse().unwrap());
    vec![
        Request::Ping,
        Request::Time,
        Request::ConnectionInfo,
        Request::Subscribe(Vec::new()),
        Request::Unsubscribe(Vec::new()),
        Request::ListSubscriptions,
        Request::raw("SUBSCRIBE", None),
        Request::raw("UNSUBSCRIBE", None),
        Request::raw("LIST_SUBSCRIPTIONS", None),
        Request::Depth { symbol: "btcusd".parse().unwrap(), limit: None },
        Request::PlaceOrder(order.unwrap()),
        Request::CancelOrder { order_id: 7 },
        Request::CancelAllOrders,
        Request::CancelSessionOrders,
        Request::SubmitQuote(quote),
        Request::WithdrawQuote { rfq_id, quote_id },
        Request::ConfirmQuote { rfq_id, quote_id, confirm: true },
    ]
}

#[test]
fn methods() {
    let table = table("Methods", "method");
    let named: Vec<(&str, &str)> =
        table.column("type").map(|(method, types)| (code(method), links(types)[0])).collect();
    let requests = requests();
    let made: Vec<(&str, String)> =
        requests.iter().map(|request| (request.method(), variant("Request", request))).collect();
    let made: Vec<(&str, &str)> = made.iter().map(|(method, variant)| (*method, variant.as_str())).collect();
    assert_eq!(named, made);
}

#[test]
fn methods_of_market_data_v2() {
    let table = table("Methods", "method of market data v2");
    let requests = [MarketDataRequest::Subscribe(Vec::new()), MarketDataRequest::Unsubscribe(Vec::new())];
    assert_eq!(table.rows.len(), requests.len());
    for ((method, types), request) in table.column("type").zip(requests) {
        let text = request.encode();
        assert!(text.starts_with(&format!(r#"{{"type":"{}","#, code(method))), "{text}");
        assert_eq!(links(types), [variant("MarketDataRequest", &request)]);
    }
}

/// Returns the variant of a message, and the nested variants by which the tables distinguish their rows.
fn seen(message: &Message<'_>) -> Vec<String> {
    let mut seen = vec![variant("Message", message)];
    match message {
        Message::Auction(auction) => seen.push(variant("AuctionStage", &auction.stage)),
        Message::Candles(candles) => seen.push(variant("CandleInterval", &candles.interval)),
        Message::MarketUpdate(update) => {
            for entry in update.entries {
                seen.push(variant("MarketEntry", &entry));
                match entry {
                    MarketEntry::Change(change) => seen.push(variant("ChangeReason", &change.reason)),
                    MarketEntry::Auction(auction) => seen.push(variant("AuctionStage", &auction.stage)),
                    _ => {}
                }
            }
        }
        Message::OrderEvents(events) => {
            for report in events.events {
                seen.push(variant("OrderReport", &report));
                if let OrderReport::Update(update) = report {
                    seen.push(variant("OrderStatus", &update.status));
                }
            }
        }
        _ => {}
    }
    seen
}

/// Decodes the smallest frame of each row of the tables of messages.
#[test]
fn frames() {
    // The name in `frames.txt`, the section, the headings of the first two columns.
    let places = [
        ("streams", "Messages of the current API", "frame", "message"),
        ("v2", "Messages of market data v2", "frame", "message"),
        ("v1", "Messages of market data v1", "frame", "message"),
        ("v1 entry", "Messages of market data v1", "entry", "type"),
        ("orders-v1", "Messages of order events v1", "frame", "message"),
        ("orders-v1 event", "Messages of order events v1", "event", "type"),
    ];
    let mut frames: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in include_str!("protocol/frames.txt").lines().filter(|line| !line.starts_with('#')) {
        let [place, row, frame] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(frames.insert((place, row), frame), None, "{line}");
    }
    for (place, section, first, second) in places {
        let endpoint: Endpoint = place.split(' ').next().unwrap().parse().unwrap();
        let table = table(section, first);
        let events = if second == "type" && first == "event" { "event of this crate" } else { "event" };
        let payloads = table.column("payload").zip(table.column(events));
        for ((row, types), ((_, payloads), (_, events))) in table.column(second).zip(payloads) {
            let frame =
                frames.remove(&(place, row)).unwrap_or_else(|| panic!("{section}: no frame for {row}"));
            let frame = match place {
                "v1 entry" => {
                    format!(r#"{{"type":"update","eventId":1,"socket_sequence":0,"events":[{frame}]}}"#)
                }
                "orders-v1 event" => format!("[{frame}]"),
                _ => frame.to_string(),
            };
            let mut scratch = Scratch::new();
            let message = endpoint.decode(&frame, &mut scratch).expect(&frame);
            let seen = seen(&message);
            assert!(links(types).iter().all(|name| seen.iter().any(|it| it == name)), "{frame}: {seen:?}");
            // If a row also names nested variants, the message has one of them.
            let told: Vec<&str> = links(payloads).into_iter().filter(|name| name.contains("::")).collect();
            let is_told = told.is_empty() || told.iter().any(|name| seen.iter().any(|it| it == name));
            assert!(is_told, "{frame}: {seen:?}, not {told:?}");
            let mut other = Scratch::new();
            let Some(event) = Replay::new(endpoint).event(&frame, &mut other).unwrap() else {
                assert_eq!(seen, ["Message::Response"]);
                continue;
            };
            let events = links(events);
            let is_named = |event: &Event<'_>| events.contains(&variant("Event", event).as_str());
            let whole = second == "message" && is_named(&event);
            assert!(whole || event.parts().all(|part| is_named(&part)), "{frame}: {event:?}");
            assert!(whole || event.parts().next().is_some(), "{frame} says nothing");
        }
    }
    assert!(frames.is_empty(), "frames without a row: {frames:?}");
}

// ---- links and citations -------------------------------------------------------------------

/// The pages of `protocol`. The page without a name is the module's own.
const PAGES: [(&str, &str); 7] = [
    ("", DOCUMENT),
    ("market_data_v1", include_str!("../src/protocol/market_data_v1.md")),
    ("market_data_v2", include_str!("../src/protocol/market_data_v2.md")),
    ("order_events_v1", include_str!("../src/protocol/order_events_v1.md")),
    ("quirks", include_str!("../src/protocol/quirks.md")),
    ("rest", include_str!("../src/protocol/rest.md")),
    ("streams", include_str!("../src/protocol/streams.md")),
];

/// The folders and files whose texts cite facts about the venue.
const CITING: [&str; 5] = ["src", "adapters", "tests", "fuzz", "README.md"];

/// Documents that are not part of the repository.
const DOCUMENTS: [&str; 4] =
    ["ws-gemini-com.md", "marketdata-v2.md", "marketdata-v1.md", "order-events-v1.md"];

/// Returns the path and the text of each source file, document and manifest in the places of `CITING`.
fn citing() -> Vec<(String, String)> {
    fn visit(root: &Path, name: &str, files: &mut Vec<(String, String)>) {
        let path = root.join(name);
        if path.is_dir() {
            for entry in fs::read_dir(&path).unwrap() {
                let entry = entry.unwrap().file_name();
                visit(root, &format!("{name}/{}", entry.to_str().unwrap()), files);
            }
        } else if ["rs", "md", "toml"].iter().any(|end| path.extension().is_some_and(|it| it == *end)) {
            files.push((name.to_owned(), fs::read_to_string(path).unwrap()));
        }
    }
    let mut files = Vec::new();
    CITING.iter().for_each(|name| visit(Path::new(env!("CARGO_MANIFEST_DIR")), name, &mut files));
    // This file contains examples of citations.
    files.retain(|(name, _)| name != "tests/protocol.rs");
    assert!(files.len() > 100, "{} files", files.len());
    files
}

/// Returns the text as one line, without the marks of comments, because a citation may continue on the next line.
fn flowing(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!']).trim_start());
    lines.collect::<Vec<_>>().join(" ")
}

/// Returns the citations of documents that the reader does not have.
fn citations(text: &str) -> Vec<String> {
    let text = flowing(text);
    let mut found: Vec<String> =
        DOCUMENTS.iter().filter(|name| text.contains(**name)).map(|name| (*name).to_owned()).collect();
    for (at, _) in text.match_indices("Q-") {
        let before = text[..at].chars().next_back();
        let is_id = text[at + 2..].starts_with(|first: char| first.is_ascii_uppercase())
            && !before.is_some_and(char::is_alphanumeric);
        if is_id {
            found.push(
                text[at..].split(|it: char| !it.is_alphanumeric() && it != '-').next().unwrap().to_owned(),
            );
        }
    }
    for (at, word) in text.match_indices("ection ").chain(text.match_indices("ections ")) {
        let before = text[..at].trim_end_matches(['s', 'S']).trim_end_matches([' ', ',']);
        // Every reader can read the sections of standards: "RFC 6455, section 7.1".
        let of_standard = before.trim_end_matches(|it: char| it.is_ascii_digit()).ends_with("RFC ");
        let number = text[at + word.len()..].split([' ', ',', ')', ';', ':']).next().unwrap();
        if number.starts_with(|first: char| first.is_ascii_digit()) && !of_standard {
            found.push(format!("section {number}"));
        }
    }
    found
}

#[test]
fn citations_are_found() {
    for text in [
        "see `ws-gemini-com.md`",
        "Section 7.1.",
        "the order of section 11",
        "sections 8 to 10",
        "(section\n    /// 14)",
        "(quirk Q-B1)",
        "quirks Q-V2-1",
        "(quirk\n/// Q-OE-6)",
    ] {
        assert_eq!(citations(text).len(), 1, "{text}");
    }
    for text in ["RFC 6455, section 7.1.1", "RFC 9562 section 5.4", "(RFC 6455,\n// section 7.4)", "a FAQ-A"]
    {
        assert_eq!(citations(text), [""; 0], "{text}");
    }
}

#[test]
fn no_document_is_cited_that_the_reader_does_not_have() {
    let found: Vec<(String, Vec<String>)> = citing()
        .into_iter()
        .map(|(name, text)| (name, citations(&text)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Returns the anchors of a page, as rustdoc makes them of its headings.
fn anchors(page: &str) -> Vec<String> {
    let mut in_code = false;
    let mut anchors = Vec::new();
    for line in page.lines() {
        in_code ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && !in_code {
            let known = heading.trim().chars().filter_map(|it| match it {
                '-' | '_' => Some(it),
                _ if it.is_alphanumeric() => Some(it.to_ascii_lowercase()),
                _ => it.is_whitespace().then_some('-'),
            });
            anchors.push(known.collect());
        }
    }
    anchors
}

/// Returns the page and the anchor of each link to a page of `protocol`.
fn links_to_pages(text: &str) -> Vec<(&str, &str)> {
    let name = |text: &'static str| move |it: char| !it.is_alphanumeric() && !text.contains(it);
    let targets = text.match_indices("protocol::").filter_map(|(at, it)| {
        let target = &text[at + it.len()..];
        let page = target.split(name("_")).next()?;
        let anchor = target[page.len()..].strip_prefix('#')?;
        Some((page, anchor.split(name("-_")).next()?))
    });
    let own = text.match_indices("protocol#").map(|(at, it)| {
        let anchor = &text[at + it.len()..];
        ("", anchor.split(name("-_")).next().unwrap())
    });
    targets.chain(own).collect()
}

#[test]
fn every_link_to_a_page_has_its_heading() {
    let headings: BTreeMap<&str, Vec<String>> = PAGES.map(|(page, text)| (page, anchors(text))).into();
    for (page, anchors) in &headings {
        let distinct: BTreeSet<&String> = anchors.iter().collect();
        assert_eq!(distinct.len(), anchors.len(), "{page}: two headings have one anchor");
    }
    let mut seen = 0;
    for (name, text) in citing() {
        for (page, anchor) in links_to_pages(&text) {
            seen += 1;
            let anchors = headings.get(page).unwrap_or_else(|| panic!("{name}: there is no page {page}"));
            assert!(anchors.iter().any(|it| it == anchor), "{name}: no heading for {page}#{anchor}");
        }
    }
    assert!(seen > 100, "{seen} links");
    for (page, text) in PAGES {
        assert!(text.lines().count() <= 600, "{page} is too long");
        for (at, it) in text.match_indices("](#") {
            let anchor = text[at + it.len()..].split(')').next().unwrap();
            assert!(headings[page].iter().any(|it| it == anchor), "no heading for {page}#{anchor}");
        }
    }
}
