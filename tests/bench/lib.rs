//! The package of the benches `frames`, `counts` and `growth`; this library is empty.
