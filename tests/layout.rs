//! The layout of `src/`: which room may import which, and how long its parts may be.

#[path = "support/layout.rs"]
mod layout;

use layout::Layout;
use std::path::Path;

/// The rooms, from the one that imports all others down to the one that imports none.
const ORDER: [&str; 14] = [
    "lib.rs",
    "client",
    "archive",
    "link",
    "state",
    "event",
    "config.rs",
    "wire",
    "request",
    "message",
    "error.rs",
    "json",
    "auth",
    "value",
];

fn core() -> Layout {
    Layout::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_loop_between_rooms() {
    assert_none(&core().loops_of_rooms());
}

#[test]
fn imports_run_downward() {
    assert_none(&core().upward_imports(&ORDER));
}

#[test]
fn no_loop_between_files() {
    assert_none(&core().loops_of_files());
}

#[test]
fn files_and_functions_are_short() {
    assert_none(&core().long_parts());
}

#[test]
fn fields_are_private() {
    assert_none(&core().visible_fields(&[]));
}
