//! The bodies of the fuzz targets, as plain functions.

use std::cell::RefCell;

use gemini_ws::Scratch;

use super::{decimals, oracle, script};

thread_local! {
    /// Working memory that has seen every input before.
    static USED: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// A script, one step a line: each line is taken as a frame by itself, and the whole as what happens
/// to a connection.
pub(crate) fn frames(data: &[u8]) {
    script::run(data);
    USED.with_borrow_mut(|used| {
        for line in data.split(|&byte| byte == b'\n') {
            frame(line, used);
        }
    });
}

/// One frame of any bytes, which any endpoint may have sent.
pub(crate) fn decode(data: &[u8]) {
    USED.with_borrow_mut(|used| oracle::check_everywhere(&String::from_utf8_lossy(data), used));
}

/// Two numbers, with a space between them.
pub(crate) fn decimal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once(' ').unwrap_or((&text, &text));
    decimals::check(a, b);
}

/// What is no UTF-8 is no text frame: that is the WebSocket layer's matter, not ours.
fn frame(bytes: &[u8], used: &mut Scratch) {
    oracle::check(&String::from_utf8_lossy(bytes), used);
}
