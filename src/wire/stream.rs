//! Recognises the kind of a frame of `wss://ws.gemini.com` by
//! [its members](crate::protocol::streams#recognising-a-frame).

use super::names::Names;
use super::outline::{Certainty, Decoded, Outline, Read, unrecognized};
use super::private;
use super::public;
use super::scratch::Scratch;
use crate::request::stream::Topic;
use crate::value::symbol::Symbol;

const fn bits(names: &[&str]) -> u64 {
    Outline::bits(names)
}

type Kind = (Topic, Read);

const KINDS: [&str; 10] = [
    "depthUpdate",
    "orderUpdate",
    "executionReport",
    "balanceUpdate",
    "positionReport",
    "orderSnapshot",
    "requestForQuote",
    "markPrice",
    "fundingAmount",
    "contractStatus",
];

/// The topic and the decoder of each of the [`KINDS`], in the same order.
const NAMED: [Kind; KINDS.len()] = [
    (Topic::Depth, public::depth),
    (Topic::Orders, private::order_update),
    (Topic::Orders, private::order_update),
    (Topic::Balances, private::balance_update),
    (Topic::Positions, private::position_report),
    (Topic::Orders, private::order_snapshot),
    // Public requests for quotes and private quotes share this name. The client keeps state of the private quotes
    // only, so the topic is that of private quotes.
    (Topic::Quotes, private::request_for_quote),
    (Topic::MarkPrice, public::mark_price),
    (Topic::FundingAmount, public::funding_amount),
    (Topic::ContractStatus, public::contract_status),
];

static NAMES: Names<{ KINDS.len() }> = Names::new(KINDS);

/// The kinds of frames that are recognised by their members. Each row has the members, the values that `e` may have
/// if the frame has `e`, and the kind. The first row whose members are all present decides, because an order update
/// may also have the members of a ticker or a trade.
const BY_MEMBERS: [(u64, &[&str], Kind); 8] = [
    (bits(&["X"]), &[], (Topic::Orders, private::order_update)),
    (
        bits(&["lastUpdateId"]),
        &["partialDepth", "partialBookDepth", "depth", "depth5", "depth10", "depth20"],
        (Topic::PartialDepth, public::partial_depth),
    ),
    (bits(&["b", "B", "a", "A"]), &["bookTicker"], (Topic::BookTicker, public::book_ticker)),
    (bits(&["t", "p", "q", "m"]), &["trade"], (Topic::Trade, public::trade)),
    (bits(&["U", "u", "b", "a"]), &[], (Topic::Depth, public::depth)),
    (bits(&["B", "E", "u"]), &[], (Topic::Balances, private::balance_update)),
    (bits(&["P", "E", "u"]), &[], (Topic::Positions, private::position_report)),
    (bits(&["orders"]), &[], (Topic::Orders, private::order_snapshot)),
];

const SETTLED: &str = "settlements";

#[inline(never)]
pub(super) fn decode_any<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    match kind(&Outline::of(frame)?) {
        Some((_, read)) => read(frame, scratch, Certainty::Certain),
        None => unrecognized(frame),
    }
}

fn kind(outline: &Outline<'_>) -> Option<Kind> {
    const ANSWERS: [u64; 3] = [bits(&["id", "status"]), bits(&["id", "error"]), bits(&["id", "result"])];

    if ANSWERS.into_iter().any(|answer| outline.has(answer)) {
        return Some((Topic::Connection, public::response));
    }
    let kind = outline.kind();
    match kind.and_then(|kind| NAMED.get(NAMES.find_text(kind))) {
        Some((Topic::Quotes, _)) if outline.has(bits(&["i"])) => {
            return Some((Topic::Quotes, private::quote_update));
        }
        Some(known) => return Some(*known),
        None => {}
    }
    if kind.or(outline.settled()).is_some_and(|kind| kind == *SETTLED) {
        return Some((Topic::Settlements, private::settlements));
    }
    let (_, names, known) = BY_MEMBERS.iter().find(|(needed, ..)| outline.has(*needed))?;
    let is_it = kind.is_none_or(|kind| names.iter().any(|name| kind == **name));
    is_it.then_some(*known)
}

pub(super) fn topic_of(outline: &Outline<'_>) -> Option<(Topic, Option<Symbol>)> {
    let (topic, _) = kind(outline)?;
    Some((topic, outline.symbol()))
}

pub(super) fn topic_named(kind: &str) -> Option<Topic> {
    let by_members = || BY_MEMBERS.iter().find(|(_, names, _)| names.contains(&kind));
    let known = NAMED.get(NAMES.find(kind.as_bytes())).map(|(topic, _)| *topic);
    let known = known.or_else(|| by_members().map(|(_, _, (topic, _))| *topic));
    known.or_else(|| (kind == SETTLED).then_some(Topic::Settlements))
}
