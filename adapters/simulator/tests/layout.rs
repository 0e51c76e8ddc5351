//! Tests the layout of the simulator's source: imports point downward, files and functions are short, and fields are
//! private.

use std::path::Path;

use testkit::layout::Layout;

/// The folders and files of the source. Each imports only those below it in this list.
const ORDER: [&str; 15] = [
    "lib.rs",
    "server",
    "exchange",
    "broker",
    "market",
    "rfq",
    "context",
    "session",
    "config.rs",
    "frame",
    "state.rs",
    "account",
    "model",
    "recording.rs",
    "value",
];

const PUBLIC: &str = "public data that callers make or read";
const PARSED: &str = "what a frame says, taken apart by those who act on it";
const SAVED: &str = "what a file says, checked by those who act on it";
const FACT: &str = "a fact without a rule of its own, written once and read";

/// The structs with fields that other modules can access.
const PLAIN_DATA: [(&str, &str); 49] = [
    ("account/ledger.rs: LedgerBalance", PUBLIC),
    ("account/ledger.rs: LedgerFill", PUBLIC),
    ("account/ledger.rs: LedgerOrder", PUBLIC),
    ("account/ledger.rs: LedgerPosition", PUBLIC),
    ("account/ledger.rs: LedgerQuote", PUBLIC),
    ("account/mod.rs: AccountId", PUBLIC),
    ("account/order.rs: Amounts", FACT),
    ("account/order.rs: OrderEvent", FACT),
    ("account/order.rs: Terms", FACT),
    ("account/saved.rs: SavedAccount", SAVED),
    ("account/saved.rs: SavedAsset", SAVED),
    ("account/saved.rs: SavedFill", SAVED),
    ("account/saved.rs: SavedOrder", SAVED),
    ("account/saved.rs: SavedTerms", SAVED),
    (
        "config.rs: Config",
        "its builder methods have the names of the fields, and the exchange takes it apart once",
    ),
    ("context/mod.rs: Context", "lends parts that are used at the same time; methods would borrow all of it"),
    ("frame/market_data_v1/update.rs: Update", FACT),
    ("frame/market_data_v2/request.rs: Request", PARSED),
    ("frame/order_entry.rs: OrderRequest", PARSED),
    ("frame/quote_entry.rs: QuoteRequest", PARSED),
    ("frame/request.rs: Request", PARSED),
    ("frame/rest.rs: RestRequest", PUBLIC),
    ("frame/rest.rs: RestResponse", PUBLIC),
    ("frame/upgrade.rs: UpgradeRefusal", PUBLIC),
    ("frame/upgrade.rs: UpgradeRequest", PUBLIC),
    ("market/client_orders.rs: Execution", FACT),
    ("market/client_orders.rs: Ticket", FACT),
    ("market/feed_v2.rs: Present", "named arguments of one call"),
    ("market/source.rs: TrueBook", PUBLIC),
    ("model/auctions.rs: AuctionPlan", FACT),
    ("model/auctions.rs: AuctionPrice", FACT),
    ("model/candles.rs: Candle", FACT),
    ("model/engine.rs: Change", FACT),
    ("model/engine.rs: Fill", FACT),
    ("model/engine.rs: Placement", FACT),
    ("model/fact.rs: Contract", FACT),
    ("model/fact.rs: Funding", FACT),
    ("model/tape.rs: TapeTrade", FACT),
    ("recording.rs: RecordedDepth", PARSED),
    ("rfq/quote.rs: Deal", "named arguments of one call"),
    ("rfq/quote.rs: QuoteEvent", FACT),
    ("session/stats.rs: Stats", PUBLIC),
    ("state.rs: SavedIds", SAVED),
    ("value/id.rs: SessionId", PUBLIC),
    ("value/instrument.rs: Instrument", FACT),
    ("value/order.rs: NewOrder", PARSED),
    ("value/order.rs: Origin", FACT),
    ("value/quote.rs: NewQuote", PARSED),
    ("value/quote.rs: QuoteName", PARSED),
];

fn source() -> Layout {
    Layout::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[track_caller]
fn check(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn folders_import_in_no_loop() {
    check(&source().loops_of_rooms());
}

#[test]
fn folders_import_downward() {
    check(&source().upward_imports(&ORDER));
}

#[test]
fn files_import_in_no_loop() {
    check(&source().loops_of_files());
}

#[test]
fn files_and_functions_are_short() {
    check(&source().long_parts());
}

#[test]
fn fields_are_private() {
    check(&source().visible_fields(&PLAIN_DATA));
}

fn crate_of(files: &[(&str, &str)]) -> Layout {
    Layout::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

#[test]
fn every_kind_of_import_is_seen() {
    for (path, text) in [
        ("a/mod.rs", "use crate::b::Thing;"),
        ("a/mod.rs", "use crate::{b, c};"),
        ("a/mod.rs", "pub(crate) use crate::{b::{self, Thing as Other}, c};"),
        ("a/mod.rs", "use super::b::*;"),
        ("a/mod.rs", "fn f() -> crate::b::Thing { todo() }"),
        ("a/mod.rs", "mod inline { fn f(thing: super::super::b::Thing) {} }"),
        ("a/mod.rs", "macro_rules! m { () => { $crate::b::f() } }"),
        ("a/deep.rs", "use super::super::b::Thing;"),
        ("lib.rs", "mod b; pub use b::Thing;"),
    ] {
        let layout = crate_of(&[(path, text), ("b.rs", ""), ("c.rs", "")]);
        let (room, target) =
            (path.split('/').next().unwrap(), format!("{path} imports b.rs, which stands above it"));
        assert_eq!(layout.upward_imports(&["b.rs", room, "c.rs"]), [target], "{text}");
        assert_eq!(layout.upward_imports(&[room, "b.rs", "c.rs"]), [""; 0], "{text}");
    }
}

#[test]
fn what_is_no_import_is_not_seen() {
    for text in [
        "mod b;",
        "use std::b::Thing; use other::{b, c};",
        "// use crate::b::Thing;\n/* crate::b /* crate::b */ crate::b */\n/// [`Thing`](crate::b::Thing)",
        r###"const TEXT: &str = r#"use crate::b;"#; const OTHER: [char; 2] = ['"', '\\'']; const B: &str = "crate::b";"###,
        "#[cfg(test)] mod tests { use crate::b::Thing; }",
        "#[cfg(test)] #[path = \"x\"] use crate::{b, c}; #[cfg(test)] fn f(a: [u8; 2]) { crate::b::f() }",
        "fn f<'b>(b: &'b str) -> impl Sized + use<'b> { b.len() }",
    ] {
        let layout = crate_of(&[("a.rs", text), ("b.rs", ""), ("c.rs", "")]);
        assert_eq!(layout.upward_imports(&["b.rs", "c.rs", "a.rs"]), [""; 0], "{text}");
    }
    let layout =
        crate_of(&[("a/mod.rs", "#[cfg(test)] mod b;"), ("a/b.rs", "use crate::c::f;"), ("c.rs", "")]);
    assert_eq!(layout.upward_imports(&["c.rs", "a"]), [""; 0]);
}

#[test]
fn loops_are_found() {
    let files = [
        ("a/mod.rs", "use one::Thing; mod one;"),
        ("a/one.rs", "use super::Other;"),
        ("b.rs", "use crate::c::Thing;"),
        ("c.rs", "use crate::d::Thing;"),
        ("d.rs", "use crate::b::Thing; use crate::a;"),
    ];
    let layout = crate_of(&files);
    let long = "a loop of 3: b.rs -> c.rs -> d.rs -> b.rs";
    assert_eq!(layout.loops_of_rooms(), [long]);
    assert_eq!(layout.loops_of_files(), ["a loop of 2: a/mod.rs -> a/one.rs -> a/mod.rs", long]);
    let order = ["b.rs", "c.rs", "e.rs", "d.rs", "a"];
    let upward = ["e.rs does not exist", "d.rs imports b.rs, which stands above it"];
    assert_eq!(layout.upward_imports(&order), upward);
    assert!(layout.upward_imports(&order[..3]).contains(&"d.rs has no place".to_owned()));
}

#[test]
fn long_parts_are_found() {
    let body = "\n".repeat(59);
    let text =
        format!("fn short() {{{body}}}\nfn long(a: [u8; 2])\n{{{body}}}\ntrait T {{ fn none(&self); }}");
    let long = "\n".repeat(601);
    let layout = crate_of(&[("a.rs", &text), ("b.rs", &long)]);
    assert_eq!(layout.long_parts(), ["a.rs:61: long has 61 lines", "b.rs has 601 lines"]);
}

#[test]
fn visible_fields_are_found() {
    let text = "struct Private { a: u8, b: fn(u8) }
        struct Named<F: Fn(u8) -> u8> { f: F, #[doc(hidden)] pub(super) b: u8 }
        pub struct Tuple(u8, pub(crate) u8);
        pub struct Unit; impl Unit { pub fn f() {} }
        #[cfg(test)] struct Test { pub a: u8 }";
    let layout = crate_of(&[("a.rs", text)]);
    let found = ["a.rs:2: Named has visible fields", "a.rs:3: Tuple has visible fields"];
    assert_eq!(layout.visible_fields(&[]), found);
    let listed = [("a.rs: Named", "a reason"), ("a.rs: Tuple", ""), ("a.rs: Unit", "a reason")];
    let wrong = ["a.rs: Tuple is listed without a reason", "a.rs: Unit is listed and has no visible fields"];
    assert_eq!(layout.visible_fields(&listed), wrong);
}
