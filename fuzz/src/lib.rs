//! The bodies of the fuzz targets, which the tests of the crate call too.

#[path = "../../adapters/driver/tests/support/mod.rs"]
mod lives_of_drivers;

/// Decodes frames, and runs them as a script.
pub fn frames(data: &[u8]) {
    testkit::targets::frames(data);
}

/// Makes inputs of a machine.
pub fn lifecycle(data: &[u8]) {
    testkit::targets::lifecycle(data);
}

/// Decodes one frame.
pub fn decode(data: &[u8]) {
    testkit::targets::decode(data);
}

/// Compares two decimals.
pub fn decimal(data: &[u8]) {
    testkit::targets::decimal(data);
}

/// Runs a life of a driver, whose peers and application do what the bytes say.
pub fn driver(data: &[u8]) {
    lives_of_drivers::live(data);
}
