//! Finds the examples, and reads the table of what they contain.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use gemini_ws::Endpoint;
use testkit::variables::flag;

#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// The path of the example: its folder and its file.
    pub(crate) file: String,
    pub(crate) is_sent_by_venue: bool,
    pub(crate) text: String,
}

/// What the table says about an example that the venue sends.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) file: &'static str,
    pub(crate) kind: &'static str,
    /// The method of the request that a response answers.
    pub(crate) method: Option<&'static str>,
    /// The kinds of the frame's events, if the frame is the first one of its connection.
    pub(crate) events: Vec<&'static str>,
    pub(crate) lines: Vec<Line>,
}

/// A member of the frame, the field that carries it, and its value there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) member: &'static str,
    pub(crate) field: &'static str,
    pub(crate) value: &'static str,
}

/// Returns the endpoint of an example, by the folder in the example's path.
pub(crate) fn endpoint(file: &str) -> Endpoint {
    match file.split('/').next() {
        Some("ws-gemini-com") => Endpoint::Streams,
        Some("marketdata-v2") => Endpoint::MarketDataV2,
        Some("marketdata-v1") => Endpoint::MarketDataV1,
        Some("order-events-v1") => Endpoint::OrderEventsV1,
        _ => panic!("{file}"),
    }
}

/// Returns all examples that the reference's index names; `None` if the reference is not on this machine.
pub(crate) fn examples() -> Option<Vec<Example>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/protocol/examples");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        assert!(!flag("GEMINI_WS_REQUIRE_FRAMES"), "no examples in {}", folder.display());
        println!("ignored: no examples");
        return None;
    };
    let mut rows = index.lines();
    assert_eq!(rows.next(), Some("file\tdirection\tprovenance\tsource"));
    let examples: Vec<Example> = rows
        .map(|row| {
            let mut cells = row.split('\t');
            let (file, direction) = (cells.next().unwrap(), cells.next().unwrap());
            assert!(["s2c", "c2s"].contains(&direction), "{row}");
            let text = fs::read_to_string(folder.join(file)).expect(file);
            Example { file: file.into(), is_sent_by_venue: direction == "s2c", text: text.trim_end().into() }
        })
        .collect();
    let files: BTreeSet<&str> = examples.iter().map(|example| example.file.as_str()).collect();
    assert_eq!(files.len(), examples.len(), "the index names a file twice");
    Some(examples)
}

/// Returns the blocks of the tables of examples, by file.
pub(crate) fn blocks() -> BTreeMap<&'static str, Block> {
    read(&[
        include_str!("ws-gemini-com.txt"),
        include_str!("marketdata-v2.txt"),
        include_str!("marketdata-v1.txt"),
        include_str!("order-events-v1.txt"),
    ])
}

/// Returns the blocks of documented frames that no example has. Their `file` is the folder of the endpoint, a slash
/// and the name of the frame.
pub(crate) fn documented() -> BTreeMap<&'static str, Block> {
    read(&[include_str!("documented.txt")])
}

fn read(tables: &[&'static str]) -> BTreeMap<&'static str, Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in tables.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#')) {
        if line.is_empty() {
            continue;
        }
        if let Some(line) = line.strip_prefix("    ") {
            let (member, rest) = line.split_once(" -> ").expect(line);
            let (field, value) = rest.split_once(" = ").expect(line);
            blocks.last_mut().expect(line).lines.push(Line { member, field, value });
        } else {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [file, message, events] = cells[..] else { panic!("{line}") };
            let (kind, method) = match message.split_once(" to ") {
                Some((kind, method)) => (kind, Some(method)),
                None => (message, None),
            };
            let events = events.split_ascii_whitespace().filter(|event| *event != "-").collect();
            blocks.push(Block { file, kind, method, events, lines: Vec::new() });
        }
    }
    let count = blocks.len();
    let blocks: BTreeMap<_, _> = blocks.into_iter().map(|block| (block.file, block)).collect();
    assert_eq!(blocks.len(), count, "a file has two blocks");
    blocks
}
