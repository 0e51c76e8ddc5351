//! Compares `gemini_ws::Endpoint::decode` with a slow second decoder, which uses a general JSON parser.

use std::fmt;

use gemini_ws::{
    ApiSession, DecodeError, DecodeErrorKind, Element, Endpoint, JSON_DEPTH_MAX, List, MarketEntry, Message,
    OrderReport, RawJson, Row, Scratch,
};
use serde_json::{Value, json};

use super::json::Json;
use super::{events, reading};

/// Compares `decode` with the slow decoder, for a text as a frame of the current API.
///
/// # Panics
///
/// If the two disagree.
pub fn check(text: &str, used: &mut Scratch) {
    check_from(Endpoint::Streams, text, used);
}

/// Compares the result of an endpoint's decoder for `text` with that of the slow decoder.
///
/// `used` is working memory that other texts have used. The result must not depend on them.
///
/// # Panics
///
/// If the two disagree.
pub fn check_from(endpoint: Endpoint, text: &str, used: &mut Scratch) {
    check_each(&[endpoint], text, used);
}

pub fn check_everywhere(text: &str, used: &mut Scratch) {
    check_each(&Endpoint::ALL, text, used);
}

fn check_each(endpoints: &[Endpoint], text: &str, used: &mut Scratch) {
    let general = Json::can_read(text).then(|| Json::parse(text));
    let mut seen = None;
    for &endpoint in endpoints {
        let ours = decoded(endpoint, text, &mut Scratch::new(), |message| {
            events::check(endpoint, text, message);
        });
        let again = decoded(endpoint, text, used, |_| {});
        assert_eq!(ours, again, "{endpoint}: depends on the frames before: {text}");
        let Some(general) = &general else { continue };
        let at = At { endpoint, text };
        match &ours {
            Ok(ours) => {
                let Ok(frame) = general else { panic!("no JSON, but decoded to {ours:?}, {at}") };
                assert!(frame.depth() <= JSON_DEPTH_MAX, "{at}");
                let (mut ours, mut slow) = (ours.clone(), reading::read(endpoint, frame));
                exponents(&mut ours);
                slow.iter_mut().flatten().for_each(exponents);
                assert_eq!(slow, Some(Ok(ours)), "{at}");
            }
            // Every endpoint refuses a text that is not JSON with the same error, so this error is checked once.
            Err(error) if error.member().is_none() && seen == Some(*error) => {}
            Err(error) => {
                refused(at, *error, general);
                seen = Some(*error);
            }
        }
    }
}

fn decoded(
    endpoint: Endpoint,
    text: &str,
    scratch: &mut Scratch,
    see: impl FnOnce(&Message<'_>),
) -> Result<Value, DecodeError> {
    scratch.set_symbol(reading::SYMBOL.parse().ok());
    let message = endpoint.decode(text, scratch)?;
    see(&message);
    Ok(said(&message, text))
}

#[derive(Clone, Copy)]
struct At<'t> {
    endpoint: Endpoint,
    text: &'t str,
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.text)
    }
}

fn refused(at: At<'_>, error: DecodeError, general: &serde_json::Result<Json>) {
    let At { endpoint, text } = at;
    use DecodeErrorKind::{
        Control, Escape, NotAnObject, Syntax, TooDeep, TooLong, TrailingText, UnexpectedEnd,
    };
    assert!(error.offset() <= text.len(), "{error}, {at}");
    match (error.kind(), error.member()) {
        // The slow decoder does not have these limits.
        (TooLong, None) => {}
        (TooDeep, None) => {
            if let Ok(frame) = general {
                assert!(frame.depth() > JSON_DEPTH_MAX, "{error}, {at}");
            }
        }
        (NotAnObject, None) => {
            if let Ok(frame) = general {
                assert_eq!(reading::read(endpoint, frame), None, "{error}, {at}");
            }
            let begins = text[error.offset()..].chars().next();
            assert!(!begins.is_some_and(|first| "{ \t\r\n".contains(first)), "{error}, {at}");
        }
        (TrailingText, None) => {
            assert!(general.is_err(), "{error}, {at}");
            let whole = &text[..error.offset()];
            assert!(Json::parse(whole).is_ok(), "{error}, {at}");
        }
        (Syntax | UnexpectedEnd | Control | Escape, None) => {
            assert!(general.is_err(), "{error}, {at}");
            if error.kind() == UnexpectedEnd {
                assert_eq!(error.offset(), text.len(), "{error}, {at}");
            }
            // The text before the error must be a possible beginning of a JSON text.
            let before = &text[..error.offset()];
            match serde_json::from_str::<Value>(&super::json::mended(before)) {
                Err(general) => assert!(general.is_eof(), "{error}, before it {general}, {at}"),
                Ok(_) => panic!("{error}, before it all is well, {at}"),
            }
        }
        // The text is JSON, but not what this kind of frame requires.
        (kind, Some(member)) => {
            let Ok(frame) = general else { panic!("{error}, but no JSON, {at}") };
            let Some(Err((wanted, name))) = reading::read(endpoint, frame) else {
                panic!("{error}, but it can be read, {at}")
            };
            assert_eq!((wanted, name), (kind, member.to_string().as_str()), "{error}, {at}");
        }
        (_, None) => panic!("an error about no member, {error}, {at}"),
    }
}

/// Returns a serialised message with three changes: texts that contain JSON are parsed, the ids of API keys are
/// visible, and errors about an element have no offset.
pub fn said(message: &Message<'_>, text: &str) -> Value {
    let mut said = serde_json::to_value(message).unwrap();
    match message {
        Message::Response(response) => {
            response.result.into_iter().for_each(|result| show(result, &mut said["result"]));
            response.rate_limits.into_iter().for_each(|limits| show(limits, &mut said["rate_limits"]));
        }
        Message::Unrecognized(unrecognized) => {
            assert_eq!(unrecognized.frame.as_str(), text);
            show(unrecognized.frame, &mut said["frame"]);
        }
        Message::MarketUpdate(update) => {
            let entries = update.entries.iter().zip(elements(&mut said["entries"]));
            entries.for_each(|(entry, said)| match entry {
                MarketEntry::Unrecognized(unrecognized) => show(unrecognized.frame, &mut said["frame"]),
                MarketEntry::Malformed { element, error } => malformed(element, error, said),
                _ => {}
            });
        }
        Message::BalanceUpdate(it) => rows(it.balances, &mut said["balances"]),
        Message::PositionReport(it) => rows(it.positions, &mut said["positions"]),
        Message::Settlements(it) => rows(it.settlements, &mut said["settlements"]),
        Message::Candles(it) => rows(it.candles, &mut said["candles"]),
        Message::MarkPrices(it) => rows(it.changes, &mut said["changes"]),
        Message::FundingAmounts(it) => rows(it.changes, &mut said["changes"]),
        Message::L2Updates(updates) => {
            updates.trades.into_iter().for_each(|list| rows(list, &mut said["trades"]));
            updates.auction_events.into_iter().for_each(|list| rows(list, &mut said["auction_events"]));
        }
        Message::OrderSnapshot(snapshot) => {
            let reports = snapshot.orders.iter().map(|order| order.0);
            reports.zip(elements(&mut said["orders"])).for_each(|(order, said)| report(&order, said));
        }
        Message::OrderEvents(events) => {
            let reports = events.events.iter();
            reports.zip(elements(&mut said["events"])).for_each(|(event, said)| report(&event, said));
        }
        Message::SubscriptionAck(ack) => {
            let sessions = ack.api_session_filter.iter();
            sessions.zip(elements(&mut said["api_session_filter"])).for_each(|(it, said)| reveal(it, said));
        }
        _ => {}
    }
    said
}

fn elements(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().unwrap().iter_mut()
}

/// Changes a serialised [`OrderReport`], one element of a list, as the function [`said`](said()) changes a message.
fn report(report: &OrderReport<'_>, said: &mut Value) {
    match report {
        OrderReport::Update(update) => {
            if let Some(session) = update.event.and_then(|event| event.api_session) {
                reveal(session, &mut said["event"]["api_session"]);
            }
        }
        OrderReport::Unrecognized(unrecognized) => show(unrecognized.frame, &mut said["frame"]),
        OrderReport::Malformed { element, error } => malformed(*element, *error, said),
        other => panic!("{other:?}"),
    }
}

fn rows<'f, T>(rows: List<'f, Row<'f, T>>, said: &mut Value)
where
    Row<'f, T>: Element<'f>,
{
    rows.iter().zip(elements(said)).for_each(|(row, said)| {
        if let Row::Malformed { element, error } = row {
            malformed(element, error, said);
        }
    });
}

/// Converts the serialised report of a malformed element. Checks and removes the offset of the error, which the slow
/// decoder does not know.
fn malformed(element: RawJson<'_>, error: DecodeError, said: &mut Value) {
    assert!(error.offset() < element.as_str().len(), "{error}: {element}");
    assert_eq!(said["error"]["offset"], error.offset());
    said["error"].as_object_mut().unwrap().remove("offset");
    show(element, &mut said["element"]);
}

/// Replaces the placeholder for the id of an API key by that id.
fn reveal(session: ApiSession<'_>, said: &mut Value) {
    let id = session.reveal().to_string();
    assert_eq!(*said, if id == "UI" { "UI" } else { "(key)" });
    *said = json!(id);
}

/// Writes exponents as `serde_json` does, because the slow decoder reads numbers with `serde_json`.
fn exponents(value: &mut Value) {
    match value {
        Value::String(text) if text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
            *text = text.to_ascii_lowercase().replace("e+", "e");
        }
        Value::Array(elements) => elements.iter_mut().for_each(exponents),
        Value::Object(members) => members.values_mut().for_each(exponents),
        _ => {}
    }
}

/// Replaces the serialised form of a text of JSON by the parsed value. Checks first that this form is what `Debug`
/// prints.
fn show(raw: RawJson<'_>, said: &mut Value) {
    assert_eq!(*said, json!(format!("{raw:?}")));
    *said = Json::parse(raw.as_str()).unwrap().value();
}
