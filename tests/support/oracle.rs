//! The differential oracle: `gemini_ws::Endpoint::decode` against a general JSON parser and a slow
//! reading.

use std::fmt;

use gemini_ws::{
    ApiSession, DecodeError, DecodeErrorKind, Endpoint, JSON_DEPTH_MAX, Message, OrderReport, ResponseId,
    Scratch,
};
use serde_json::{Value, json};

use super::json::Json;
use super::{events, reading};

/// Compares all that `decode` says of `text`, as a frame of the current API.
///
/// # Panics
///
/// If the two disagree.
pub(crate) fn check(text: &str, used: &mut Scratch) {
    check_from(Endpoint::Streams, text, used);
}

/// Compares all that an endpoint's decoder says of `text` with what the slow reading says.
///
/// `used` is working memory that other texts have been through, so that nothing of them may show.
///
/// # Panics
///
/// If the two disagree.
pub(crate) fn check_from(endpoint: Endpoint, text: &str, used: &mut Scratch) {
    check_each(&[endpoint], text, used);
}

/// The same for the decoders of all endpoints: who sent a frame is not always known.
pub(crate) fn check_everywhere(text: &str, used: &mut Scratch) {
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
            // What is no JSON is none for every endpoint.
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

/// What is being looked at.
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

/// Whether an error is right.
fn refused(at: At<'_>, error: DecodeError, general: &serde_json::Result<Json>) {
    let At { endpoint, text } = at;
    use DecodeErrorKind::{
        Control, Escape, NotAnObject, Syntax, TooDeep, TooLong, TrailingText, UnexpectedEnd,
    };
    assert!(error.offset() <= text.len(), "{error}, {at}");
    match (error.kind(), error.member()) {
        // Limits of our own.
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
            // What stands before could still have become JSON.
            let before = &text[..error.offset()];
            match serde_json::from_str::<Value>(&super::json::mended(before)) {
                Err(general) => assert!(general.is_eof(), "{error}, before it {general}, {at}"),
                Ok(_) => panic!("{error}, before it all is well, {at}"),
            }
        }
        // JSON, but not what the kind of frame needs.
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

/// What a message says when it is serialised; what stands in it as text of the frame as JSON, and the
/// ids of keys as they are.
pub(crate) fn said(message: &Message<'_>, text: &str) -> Value {
    let mut said = serde_json::to_value(message).unwrap();
    match message {
        Message::Response(response) => {
            if let ResponseId::Text(id) = response.id {
                said["id"] = reading::response_id(id.raw(), &id.to_string());
            }
            parse(&mut said["result"]);
            parse(&mut said["rate_limits"]);
        }
        Message::Unrecognized(unrecognized) => {
            assert_eq!(unrecognized.frame.as_str(), text);
            parse(&mut said["frame"]);
        }
        Message::MarketUpdate(_) => {
            for entry in said["entries"].as_array_mut().unwrap() {
                if entry["kind"] == "unrecognized" {
                    parse(&mut entry["frame"]);
                }
            }
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

/// An order of a list.
fn report(report: &OrderReport<'_>, said: &mut Value) {
    match report {
        OrderReport::Update(update) => {
            if let Some(session) = update.event.and_then(|event| event.api_session) {
                reveal(session, &mut said["event"]["api_session"]);
            }
        }
        OrderReport::Unrecognized(_) => parse(&mut said["frame"]),
        OrderReport::Malformed { element, error } => {
            // Within the element, which the slow reading does not know.
            assert!(error.offset() < element.as_str().len(), "{error}: {element}");
            assert_eq!(said["error"]["offset"], error.offset());
            said["error"].as_object_mut().unwrap().remove("offset");
            parse(&mut said["element"]);
        }
        other => panic!("{other:?}"),
    }
}

/// The id of a key is serialised as that it is one.
fn reveal(session: ApiSession<'_>, said: &mut Value) {
    let id = session.reveal().to_string();
    assert_eq!(*said, if id == "UI" { "UI" } else { "(key)" });
    *said = json!(id);
}

/// Exponents as `serde_json` writes them, which changes those that it reads.
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

/// A text that is JSON, as that.
fn parse(text: &mut Value) {
    if let Value::String(json) = text {
        *text = Json::parse(json).unwrap().value();
    }
}
