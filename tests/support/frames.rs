//! Where frames come from: the corpus of this repository, and recordings that are kept outside it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A named frame or file of frames.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Named {
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The hand-written frames in `tests/corpus`.
pub(crate) fn corpus() -> Vec<Named> {
    let corpus = files(&manifest().join("tests/corpus"), |name| name.ends_with(".json"));
    assert!(!corpus.is_empty(), "tests/corpus is empty");
    corpus
}

/// The recordings whose file name `wanted` accepts; `None` if there are no recordings here.
///
/// They stand in `../shared/frames`, or where `GEMINI_WS_FRAMES` says.
pub(crate) fn recordings(wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    let folder = env::var_os("GEMINI_WS_FRAMES").map(PathBuf::from);
    present(folder.unwrap_or_else(|| manifest().join("../shared/frames")), wanted)
}

/// The examples of the protocol's reference, in `../shared/protocol/examples/ws-gemini-com`.
pub(crate) fn examples(wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    present(manifest().join("../shared/protocol/examples/ws-gemini-com"), wanted)
}

fn present(folder: PathBuf, wanted: impl Fn(&str) -> bool) -> Option<Vec<Named>> {
    let found = if folder.is_dir() { files(&folder, wanted) } else { Vec::new() };
    if !found.is_empty() {
        return Some(found);
    }
    let required = env::var("GEMINI_WS_REQUIRE_FRAMES").is_ok_and(|value| value == "1");
    assert!(!required, "no recordings in {}", folder.display());
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

fn manifest() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
