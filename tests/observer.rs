//! The observer: it finds nothing in lives of all kinds, and each of its checks bites.

mod support;

#[test]
fn compiles() {}
