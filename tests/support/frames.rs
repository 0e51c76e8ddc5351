//! Reads frames from the corpus of this repository, and from recordings outside it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use gemini_ws::Endpoint;

use super::root;
use super::variables::flag;

#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub text: String,
}

impl Named {
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

pub fn corpus() -> Vec<Named> {
    corpus_of(Endpoint::Streams)
}

pub fn corpus_of(endpoint: Endpoint) -> Vec<Named> {
    let folder = root().join("tests/corpus").join(match endpoint {
        Endpoint::Streams => "",
        Endpoint::MarketDataV2 => "v2",
        Endpoint::MarketDataV1 => "v1",
        Endpoint::OrderEventsV1 => "orders_v1",
    });
    let corpus = files(&folder, |name| name.ends_with(".json"));
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    corpus
}

pub fn corpus_of_all() -> Vec<Named> {
    Endpoint::ALL.into_iter().flat_map(corpus_of).collect()
}

/// Returns the recordings whose file name `wanted` accepts; `None` if there are none. Panics instead of returning
/// `None` if `GEMINI_WS_REQUIRE_FRAMES` is `1`.
///
/// Recordings are in `../shared/frames`, or in the folder that `GEMINI_WS_FRAMES` names.
pub fn recordings(wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    let folder = env::var_os("GEMINI_WS_FRAMES").map(PathBuf::from);
    present(folder.unwrap_or_else(|| root().join("../shared/frames")), wanted)
}

/// Returns the examples of an endpoint whose file name `wanted` accepts; `None` if there are none. Panics instead of
/// returning `None` if `GEMINI_WS_REQUIRE_FRAMES` is `1`.
///
/// The examples belong to the reference of the protocol and are in `../shared/protocol/examples`.
pub fn examples(endpoint: Endpoint, wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    let folder = match endpoint {
        Endpoint::Streams => "ws-gemini-com",
        Endpoint::MarketDataV2 => "marketdata-v2",
        Endpoint::MarketDataV1 => "marketdata-v1",
        Endpoint::OrderEventsV1 => "order-events-v1",
    };
    present(root().join("../shared/protocol/examples").join(folder), wanted)
}

fn present(folder: PathBuf, wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    let found = if folder.is_dir() { files(&folder, wanted) } else { Vec::new() };
    if !found.is_empty() {
        return Some(found);
    }
    assert!(!flag("GEMINI_WS_REQUIRE_FRAMES"), "no recordings in {}", folder.display());
    println!("ignored: no recordings");
    None
}

fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Named> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<Named> = entries
        .filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?)))
        .filter(|(path, name)| path.is_file() && wanted(name))
        .map(|(path, name)| Named { text: fs::read_to_string(&path).unwrap(), name })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
