//! The functions that the fuzz targets call. `cargo test` runs the same code without a fuzzer.

#[path = "../../adapters/driver/tests/support/mod.rs"]
mod lives_of_drivers;

/// Decodes each line of the input as a frame, and runs all lines as a script on a client.
pub fn frames(data: &[u8]) {
    testkit::targets::frames(data);
}

/// Takes each byte as an input of a client, and checks the client after each of them.
pub fn lifecycle(data: &[u8]) {
    testkit::targets::lifecycle(data);
}

/// Decodes the input as one frame of every endpoint, and compares with a second decoder.
pub fn decode(data: &[u8]) {
    testkit::targets::decode(data);
}

/// Checks the parsing, comparison and arithmetic of two decimals that a space separates.
pub fn decimal(data: &[u8]) {
    testkit::targets::decimal(data);
}

/// Runs a driver from its start to its end. The bytes of the input decide what its peers and its application do.
pub fn driver(data: &[u8]) {
    lives_of_drivers::live(data);
}
