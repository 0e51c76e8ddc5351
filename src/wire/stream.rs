//! Frames of `wss://ws.gemini.com`: which kind each is, by [its members](crate::protocol::streams#recognising-a-frame).

use super::outline::{Certainty, Decoded, Outline, Read};
use super::private;
use super::public;
use super::scratch::Scratch;
use crate::message::{Message, RawJson, Unrecognized};
use crate::request::stream::Topic;
use crate::value::symbol::Symbol;

/// A kind of frame: what it is about, and how it is read.
type Kind = (Topic, Read);

/// Frames that name their kind in `e`.
const NAMED: [(&str, Kind); 10] = [
    ("depthUpdate", (Topic::Depth, public::depth)),
    ("orderUpdate", (Topic::Orders, private::order_update)),
    ("executionReport", (Topic::Orders, private::order_update)),
    ("balanceUpdate", (Topic::Balances, private::balance_update)),
    ("positionReport", (Topic::Positions, private::position_report)),
    ("orderSnapshot", (Topic::Orders, private::order_snapshot)),
    // Public and private ones share the name; of the private ones something is believed.
    ("requestForQuote", (Topic::Quotes, private::request_for_quote)),
    ("markPrice", (Topic::MarkPrice, public::mark_price)),
    ("fundingAmount", (Topic::FundingAmount, public::funding_amount)),
    ("contractStatus", (Topic::ContractStatus, public::contract_status)),
];

/// Frames that are known by their members, and the names that they may have in `e` besides; the first row all of
/// whose members are there decides. An order update has `X` and could otherwise pass for a ticker or a trade. The
/// rows without a name are those of [`NAMED`], should their `e` be missing.
const BY_MEMBERS: [(&[&str], &[&str], Kind); 8] = [
    (&["X"], &[], (Topic::Orders, private::order_update)),
    (
        &["lastUpdateId"],
        &["partialDepth", "partialBookDepth", "depth", "depth5", "depth10", "depth20"],
        (Topic::PartialDepth, public::partial_depth),
    ),
    (&["b", "B", "a", "A"], &["bookTicker"], (Topic::BookTicker, public::book_ticker)),
    (&["t", "p", "q", "m"], &["trade"], (Topic::Trade, public::trade)),
    (&["U", "u", "b", "a"], &[], (Topic::Depth, public::depth)),
    (&["B", "E", "u"], &[], (Topic::Balances, private::balance_update)),
    (&["P", "E", "u"], &[], (Topic::Positions, private::position_report)),
    (&["orders"], &[], (Topic::Orders, private::order_snapshot)),
];

/// The kind of frames that settlements have in `e` or `type`.
const SETTLED: &str = "settlements";

/// Decodes a frame that does not show its kind with its first bytes, or has a name that could tell otherwise: its
/// kind is looked for first, then it is read as that.
#[inline(never)]
pub(super) fn decode_any<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    match kind(&Outline::whole(frame)?) {
        Some((_, read)) => read(frame, scratch, Certainty::Certain),
        None => Ok(Message::Unrecognized(Unrecognized { frame: RawJson(frame) })),
    }
}

/// What a frame with these members is about, and how it is read.
fn kind(outline: &Outline<'_>) -> Option<Kind> {
    if outline.has("id") && ["status", "error", "result"].into_iter().any(|name| outline.has(name)) {
        return Some((Topic::Connection, public::response));
    }
    let kind = outline.kind().informs();
    if let Some(kind) = kind
        && let Some((_, known)) = NAMED.iter().find(|(name, _)| kind == **name)
    {
        return Some(*known);
    }
    if kind.or(outline.settled().informs()).is_some_and(|kind| kind == *SETTLED) {
        return Some((Topic::Settlements, private::settlements));
    }
    let (_, names, known) =
        BY_MEMBERS.iter().find(|(needed, ..)| needed.iter().all(|name| outline.has(name)))?;
    let is_it = kind.is_none_or(|kind| names.iter().any(|name| kind == **name));
    is_it.then_some(*known)
}

/// What a frame is about that is whole, whatever is wrong with its values, and the symbol that it names; `None` if it
/// is no object, or of no known kind.
pub(super) fn topic_of(frame: &str) -> Option<(Topic, Option<Symbol>)> {
    let outline = Outline::whole(frame).ok()?;
    let (topic, _) = kind(&outline)?;
    let symbol = outline.symbol().informs().or(outline.s().informs());
    Some((topic, symbol.and_then(|symbol| symbol.parse().ok())))
}

/// What a frame is about that says in `e` that it is of this kind.
pub(super) fn topic_named(kind: &str) -> Option<Topic> {
    let by_members = || BY_MEMBERS.iter().find(|(_, names, _)| names.contains(&kind));
    let known = NAMED.iter().find(|(name, _)| *name == kind).map(|(_, (topic, _))| *topic);
    let known = known.or_else(|| by_members().map(|(_, _, (topic, _))| *topic));
    known.or_else(|| (kind == SETTLED).then_some(Topic::Settlements))
}
