//! The bodies of the fuzz targets: those of the crate's own tests, which call them too.

#[path = "../../tests/support/mod.rs"]
mod support;

#[path = "../../adapters/driver/tests/support/mod.rs"]
mod lives_of_drivers;

/// A script of frames.
pub fn frames(data: &[u8]) {
    support::targets::frames(data);
}

/// The inputs of a machine.
pub fn lifecycle(data: &[u8]) {
    support::targets::lifecycle(data);
}

/// One frame.
pub fn decode(data: &[u8]) {
    support::targets::decode(data);
}

/// Two decimals.
pub fn decimal(data: &[u8]) {
    support::targets::decimal(data);
}

/// What the peers and the application of a driver do.
pub fn driver(data: &[u8]) {
    lives_of_drivers::live(data);
}
