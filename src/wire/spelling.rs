//! [`as_spelled`]: corrects the member's name in an error, if the venue has several names for the member.

use crate::json::error::DecodeError;

/// Members of the archived APIs that have a second name, each with its second name.
const SPELLINGS: [(&str, &str); 7] = [
    ("auction_price", "indicative_price"),
    ("auction_quantity", "indicative_quantity"),
    ("event_id", "eventId"),
    ("event_id", "eventid"),
    ("executed_amount", "total_executed_amount"),
    ("price", "original_price"),
    ("timestampms", "timestampMs"),
];

#[cold]
pub(super) fn as_spelled(error: DecodeError, frame: &str) -> DecodeError {
    let of_member = |name| DecodeError::of_member(error.kind(), error.offset(), name);
    let space = [' ', '\t', '\r', '\n'];
    let before = frame.get(..error.offset()).unwrap_or_default();
    let before = before.strip_suffix('"').unwrap_or(before).trim_end_matches(space);
    let name = before.strip_suffix(':').and_then(|name| name.trim_end_matches(space).strip_suffix('"'));
    let is_it = |other: &str| {
        name.and_then(|name| name.strip_suffix(other)).is_some_and(|before| before.ends_with('"'))
    };
    let spelled = SPELLINGS.iter().find(|(name, other)| error == of_member(name) && is_it(other));
    spelled.map_or(error, |(_, other)| of_member(other))
}
