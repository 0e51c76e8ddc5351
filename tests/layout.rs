//! Tests the layout of `src/`: which room may import which other room, and how long files, functions and documents
//! may be. A room is a file or folder directly under `src/`.

use std::collections::BTreeSet;
use std::path::Path;

use testkit::layout::Layout;

/// The rooms from top to bottom: each room imports only rooms below it.
const ORDER: [&str; 17] = [
    "guide",
    "lib.rs",
    "client",
    "archive",
    "link",
    "rest",
    "state",
    "event",
    "config.rs",
    "error.rs",
    "wire",
    "request",
    "message",
    "json",
    "auth",
    "value",
    "protocol",
];

/// Documents of the project, with the maximum number of lines of each.
const DOCUMENTS: [(&str, usize); 2] = [("ARCHITECTURE.md", 300), ("README.md", 150)];

/// Structs with visible fields, each with the reason why its fields are visible.
#[rustfmt::skip]
const PLAIN_DATA: &[(&str, &str)] = &[
    ("archive/sequence.rs: Gap", "a value that is handed over once, as data"),
    ("config.rs: Config", "settings with builder methods of the same names"),
    ("client/config.rs: ClientConfig", "settings with builder methods of the same names"),
    ("event/mod.rs: Ignored", "what an event says, as data"),
    ("event/mod.rs: Malformed", "what an event says, as data"),
    ("event/mod.rs: Batch", "what an event says, as data"),
    ("event/reason.rs: Abandoned", "what an event says, as data"),
    ("json/cursor.rs: RawString", "where a string stands, as data"),
    ("link/dialect.rs: Dialect", "a value that is handed over once, as data"),
    ("link/failure.rs: Delays", "a value that is handed over once, as data"),
    ("link/failure.rs: Failure", "a value that is handed over once, as data"),
    ("link/mod.rs: ConnectRequest", "a value that is handed over once, as data"),
    ("link/mod.rs: LinkEnd", "a value that is handed over once, as data"),
    ("link/stats.rs: Stats", "a value that is handed over once, as data"),
    ("link/subscription.rs: Effects", "a value that is handed over once, as data"),
    ("link/subscription.rs: Traits", "a value that is handed over once, as data"),
    ("link/timer.rs: Deadline", "a value that is handed over once, as data"),
    ("message/account.rs: BalanceUpdate", "what a frame says, as data"),
    ("message/account.rs: AssetBalance", "what a frame says, as data"),
    ("message/account.rs: PositionReport", "what a frame says, as data"),
    ("message/account.rs: Position", "what a frame says, as data"),
    ("message/account.rs: PositionAmount", "what a frame says, as data"),
    ("message/account.rs: Settlements", "what a frame says, as data"),
    ("message/account.rs: Settlement", "what a frame says, as data"),
    ("message/change.rs: ChangeNote", "what a frame says, as data"),
    ("message/market.rs: L2Updates", "what a frame says, as data"),
    ("message/market.rs: Candles", "what a frame says, as data"),
    ("message/market.rs: Candle", "what a frame says, as data"),
    ("message/market.rs: MarkPrices", "what a frame says, as data"),
    ("message/market.rs: MarkPriceChange", "what a frame says, as data"),
    ("message/market.rs: FundingAmounts", "what a frame says, as data"),
    ("message/market.rs: FundingAmountChange", "what a frame says, as data"),
    ("message/market.rs: MarketUpdate", "what a frame says, as data"),
    ("message/market.rs: LevelChange", "what a frame says, as data"),
    ("message/market.rs: MarketTrade", "what a frame says, as data"),
    ("message/market.rs: AuctionOpen", "what a frame says, as data"),
    ("message/market.rs: Auction", "what a frame says, as data"),
    ("message/market.rs: Heartbeat", "what a frame says, as data"),
    ("message/market.rs: VenueError", "what a frame says, as data"),
    ("message/market.rs: SubscriptionAck", "what a frame says, as data"),
    ("message/market.rs: SnapshotOrder", "what a frame says, as data"),
    ("message/market.rs: OrderSnapshot", "what a frame says, as data"),
    ("message/market.rs: OrderEvents", "what a frame says, as data"),
    ("message/order.rs: OrderUpdate", "what a frame says, as data"),
    ("message/order.rs: Fill", "what a frame says, as data"),
    ("message/order.rs: OrderEventDetails", "what a frame says, as data"),
    ("message/order.rs: ApiSession", "what a frame says, as data"),
    ("message/public.rs: Level", "what a frame says, as data"),
    ("message/public.rs: BookTicker", "what a frame says, as data"),
    ("message/public.rs: Depth", "what a frame says, as data"),
    ("message/public.rs: PartialDepth", "what a frame says, as data"),
    ("message/public.rs: Trade", "what a frame says, as data"),
    ("message/public.rs: TopOfBook", "what a frame says, as data"),
    ("message/public.rs: ContractStatus", "what a frame says, as data"),
    ("message/public.rs: MarkPrice", "what a frame says, as data"),
    ("message/public.rs: FundingAmount", "what a frame says, as data"),
    ("message/public.rs: Response", "what a frame says, as data"),
    ("message/public.rs: ApiError", "what a frame says, as data"),
    ("message/public.rs: Unrecognized", "what a frame says, as data"),
    ("message/quote.rs: RequestForQuote", "what a frame says, as data"),
    ("message/quote.rs: Leg", "what a frame says, as data"),
    ("message/quote.rs: QuoteUpdate", "what a frame says, as data"),
    ("message/reply.rs: RateLimit", "what a frame says, as data"),
    ("message/reply.rs: QuoteReceipt", "what a frame says, as data"),
    ("message/text.rs: Text", "what a frame says, as data"),
    ("message/text.rs: RawJson", "what a frame says, as data"),
    ("message/text.rs: Number", "what a frame says, as data"),
    ("request/mod.rs: RawRequest", "what an application asks for, as data"),
    ("request/quote.rs: NewQuote", "what an application asks for, as data"),
    ("rest/answer.rs: OpenOrder", "what an application reads, as data"),
    ("rest/answer.rs: OpenOrders", "what an application reads, as data"),
    ("state/book_top.rs: BookTop", "what an application reads, as data"),
    ("state/books.rs: BookChange", "what an application reads, as data"),
    ("state/changes.rs: Known", "what an application reads, as data"),
    ("state/changes.rs: OrderChange", "what an application reads, as data"),
    ("state/changes.rs: Recorded", "a value that is handed over once, as data"),
    ("state/order.rs: Order", "what an application reads, as data"),
    ("state/fill.rs: OrderFill", "what an application reads, as data"),
    ("state/positions.rs: HeldAmount", "what an application reads, as data"),
    ("state/quotes/quote.rs: FoundQuote", "what an application hands over, as data"),
    ("state/quotes/quote.rs: Quote", "what an application reads, as data"),
    ("state/reconciling.rs: Reconciled", "what an application hands over, as data"),
    ("state/truth.rs: Age", "what an application reads, as data"),
    ("wire/affected.rs: Affected", "a value that is handed over once, as data"),
    ("wire/lists.rs: At", "where an element stands, as data"),
    ("wire/reader.rs: Json", "working memory of the decoders of this folder"),
    ("wire/reader.rs: Reader", "working memory of the decoders of this folder"),
    ("wire/record.rs: Found", "working memory of the decoders of this folder"),
    ("wire/rest.rs: OrderRow", "what an answer says, as data"),
    ("wire/rest.rs: BalanceRow", "what an answer says, as data"),
    ("wire/rest.rs: Refusal", "what an answer says, as data"),
    ("wire/scratch.rs: Scratch", "working memory of the decoders of this folder"),
];

fn core() -> Layout {
    Layout::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_loop_between_rooms() {
    assert_none(&core().loops_of_rooms());
}

#[test]
fn imports_run_downward() {
    assert_none(&core().upward_imports(&ORDER));
}

#[test]
fn no_loop_between_files() {
    assert_none(&core().loops_of_files());
}

#[test]
fn files_and_functions_are_short() {
    assert_none(&core().long_parts());
}

#[test]
fn documents_are_short() {
    for (name, most) in DOCUMENTS {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let lines = text.lines().count();
        assert!(lines <= most, "{name} has {lines} lines; at most {most}");
    }
}

#[test]
fn fields_are_private() {
    assert_none(&core().visible_fields(PLAIN_DATA));
}

/// Programs of users, with the maximum number of lines of each. If a program needs more lines, the library lacks
/// something.
#[rustfmt::skip]
const PROGRAMS: [(&str, usize); 8] = [
    ("adapters/tokio/examples/book.rs", 15),
    ("adapters/tokio/examples/trade.rs", 25),
    ("adapters/tokio/examples/maker.rs", 110),
    ("adapters/smol/examples/maker.rs", 110),
    // The program is a dashboard.
    ("adapters/examples/examples/serve.rs", 45),
    // The program records two hundred books without a runtime.
    ("adapters/examples/examples/poll.rs", 80),
    ("adapters/examples/examples/backtest.rs", 40),
    ("adapters/smol/examples/book.rs", 25),
];

#[test]
fn programs_of_users_are_short() {
    let lines = |name: &str| {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name);
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        text.lines().filter(is_code).count()
    };
    let long = PROGRAMS.map(|(name, most)| (name, most, lines(name))).into_iter();
    let long: Vec<_> = long.filter(|(_, most, lines)| lines > most).map(|it| format!("{it:?}")).collect();
    assert_none(&long);
}

/// The folders whose files are modules of one program, `all.rs`, each with the modules that contain no tests.
const WHOLE: [(&str, &[&str]); 3] =
    [("tests", &[]), ("adapters/cli/tests", &["support"]), ("adapters/simulator/tests", &["common"])];

/// Returns the names that follow `before` at the beginning of a line, up to `after`.
fn named<'t>(text: &'t str, before: &str, after: &str) -> BTreeSet<&'t str> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(before))
        .filter_map(|rest| Some(rest.split_once(after)?.0))
        .collect()
}

/// Returns the names of the test programs in a folder: its Rust files except `all.rs`, and its folders that have a
/// `main.rs` and no manifest.
fn files_of_tests(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tests = entries.filter(|path| path.extension().is_some_and(|it| it == "rs") || is_program(path));
    tests
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "all")
        .collect()
}

fn is_program(folder: &Path) -> bool {
    folder.join("main.rs").exists() && !folder.join("Cargo.toml").exists()
}

#[test]
fn every_file_of_tests_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, helpers) in WHOLE {
        let program = std::fs::read_to_string(root.join(folder).join("all.rs")).unwrap();
        let mut modules = named(&program, "mod ", ";");
        helpers.iter().for_each(|helper| assert!(modules.remove(helper), "{folder}: no {helper}"));
        let files = files_of_tests(&root.join(folder));
        assert!(
            files.iter().map(String::as_str).eq(modules.iter().copied()),
            "{folder}: {files:?}, {modules:?}"
        );
    }
    // Cargo would run a file twice if the manifest did not list it: as a module of `all.rs`, and as a program.
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut listed = named(&manifest, "{ name = \"", "\", test = false },");
    assert!(listed.insert("all"));
    let files = files_of_tests(&root.join("tests"));
    assert_eq!(listed, files.iter().map(String::as_str).chain(["all"]).collect());
}
