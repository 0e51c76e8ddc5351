//! Reads recorded frames of the venue, if there are any, from the folder that `GEMINI_WS_FRAMES` names. If this
//! variable is not set, the folder is `shared/frames` beside the repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use gemini_ws::Endpoint;

use crate::inputs::{Input, Way};

const FILES: [(&str, Endpoint, &str); 2] = [
    ("recording", Endpoint::Streams, "dev_ws_gemini_perps.jsonl"),
    ("recording of v2", Endpoint::MarketDataV2, "dev_v2_marketdata.jsonl"),
];

pub(crate) fn inputs() -> Vec<Input> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/frames");
    let folder = env::var_os("GEMINI_WS_FRAMES").map_or(here, PathBuf::from);
    let inputs = FILES.iter().filter_map(|(name, endpoint, file)| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        Some(Input::new(name, *endpoint, Way::Whole, text.lines().map(String::from)))
    });
    let inputs: Vec<Input> = inputs.collect();
    if inputs.is_empty() {
        println!("There are no recordings here: no row for the whole way.\n");
    }
    inputs
}
