//! Modules that the tests, the fuzz targets and the benchmarks share.

use std::path::Path;

pub mod decimals;
pub mod documents;
pub mod events;
pub mod expect;
pub mod fed;
pub mod frames;
pub mod json;
pub mod late;
pub mod layout;
pub mod machine;
pub mod mutation;
pub mod observer;
pub mod odd;
pub mod oracle;
pub mod pair;
pub mod parallel;
pub mod random;
pub mod reading;
pub mod script;
pub mod search;
pub mod single;
pub mod targets;
pub mod told;
pub mod transcript;
pub mod variables;
pub mod world;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders above this one")
}
