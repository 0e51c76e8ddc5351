//! Modules that the tests, the fuzz targets and the benchmarks share.
#![allow(dead_code, reason = "each of them uses its own part")]

pub(crate) mod decimals;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod expect;
pub(crate) mod fed;
pub(crate) mod frames;
pub(crate) mod json;
pub(crate) mod late;
pub(crate) mod machine;
pub(crate) mod mutation;
pub(crate) mod observer;
pub(crate) mod odd;
pub(crate) mod oracle;
pub(crate) mod pair;
pub(crate) mod random;
pub(crate) mod reading;
pub(crate) mod script;
pub(crate) mod search;
pub(crate) mod single;
pub(crate) mod targets;
pub(crate) mod told;
pub(crate) mod transcript;
pub(crate) mod world;
