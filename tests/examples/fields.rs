//! Tests that each member of each example is in a field of the decoded message, with the right value.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{
    ApiSession, Endpoint, Message, OrderReport, Response, ResponseId, Scratch, SnapshotOrder, Trade,
};
use serde::Serialize;
use serde_json::Value;

use super::reference::{self, Block};

/// The content of a value, by the path of each part. Empty lists and objects are parts too.
pub(crate) type Parts = BTreeMap<String, String>;

#[test]
fn every_example_has_a_block() {
    let blocks = reference::blocks();
    let Some(examples) = reference::examples() else { return };
    let sent = examples.iter().filter(|example| example.is_sent_by_venue);
    let sent: BTreeSet<&str> = sent.map(|example| example.file.as_str()).collect();
    let known: BTreeSet<&str> = blocks.keys().copied().collect();
    assert_eq!(sent.difference(&known).next(), None, "an example has no block");
    assert_eq!(known.difference(&sent).next(), None, "a block has no example");
}

/// The name of a file shows the kind of its frame, unless the name begins with `sequence.`.
#[test]
fn kinds_are_those_of_the_names() {
    // the first part of the name, kind
    let names = [
        ("accepted", "order_events"),
        ("auction_indicative", "auction"),
        ("auction_result", "auction"),
        ("booked", "order_events"),
        ("cancel_rejected", "order_events"),
        ("cancelled", "order_events"),
        ("candles_15m_updates", "candles"),
        ("candles_1m_updates", "candles"),
        ("closed", "order_events"),
        ("depth_update", "depth"),
        ("fill", "order_events"),
        ("funding_amount_updates", "funding_amounts"),
        ("initial", "order_events"),
        ("mark_price_updates", "mark_prices"),
        ("rejected", "order_events"),
        ("update", "market_update"),
    ];
    for (file, block) in reference::blocks() {
        let (folder, name) = file.split_once('/').unwrap();
        if name.starts_with("sequence.") {
            continue;
        }
        let first = name.split('.').next().unwrap();
        let kind = match (folder, first) {
            // Errors of the current API answer a request.
            ("ws-gemini-com", "error") => "response",
            ("ws-gemini-com", "rfq") if name.starts_with("rfq.public") => "request_for_quote",
            ("ws-gemini-com", "rfq") => "quote_update",
            _ => names.iter().find(|(name, _)| *name == first).map_or(first, |(_, kind)| kind),
        };
        assert_eq!(block.kind, kind, "{file}");
    }
}

#[test]
fn every_member_is_carried_by_a_field() {
    let blocks = reference::blocks();
    let Some(examples) = reference::examples() else { return };
    let mut members = 0;
    for example in examples.iter().filter(|example| example.is_sent_by_venue) {
        let block = &blocks[example.file.as_str()];
        members += check(block, &example.text);
    }
    assert!(members >= 1_000, "only {members} members");
}

/// Tests that each member of the frames in `documented.txt` is in a field of the decoded message. These frames have
/// documented members or values that no example has.
#[test]
fn every_documented_member_is_carried_by_a_field() {
    for (file, block) in reference::documented() {
        let (_, frame) = file.split_once('/').unwrap();
        check(&block, frame);
    }
}

fn check(block: &Block, frame: &str) -> usize {
    let Block { file, lines, .. } = block;
    let endpoint = reference::endpoint(file);
    let guess = Endpoint::guess(frame);
    // A refusal looks the same at every archived endpoint.
    let has_type = !frame.contains(r#""result":"error""#);
    assert_eq!(guess, has_type.then_some(endpoint), "{file}: the endpoint can be told from the frame");

    let mut scratch = Scratch::new();
    let message = endpoint.decode(frame, &mut scratch).expect(file);
    let fields = read(&message, block.method);
    assert_eq!(fields["kind"], block.kind, "{file}");

    let mut members = Parts::new();
    flatten(&serde_json::from_str(frame).expect(file), "", false, true, &mut members);
    let carried: BTreeSet<&str> = lines.iter().map(|line| line.member).collect();
    for member in members.keys() {
        assert!(carried.contains(member.as_str()), "{file}: no line for the member {member}");
    }
    for line in lines {
        assert!(members.contains_key(line.member), "{file}: there is no member {}", line.member);
        let found = fields.get(line.field);
        assert_eq!(found.map(String::as_str), Some(line.value), "{file}: {} -> {}", line.member, line.field);
    }
    // The content of each field comes from a member of the frame.
    let named: BTreeSet<&str> = lines.iter().map(|line| line.field).collect();
    for (field, value) in &fields {
        let is_said = value == "none" || value == "[]" || field == "kind" || named.contains(field.as_str());
        assert!(is_said, "{file}: no line for the field {field} = {value}");
    }
    members.len()
}

pub(crate) fn parts(value: &impl Serialize) -> Parts {
    let mut parts = Parts::new();
    flatten(&serde_json::to_value(value).unwrap(), "", false, false, &mut parts);
    parts
}

/// Returns the fields of a message, and the results of its accessors.
fn read(message: &Message<'_>, method: Option<&str>) -> Parts {
    let mut fields = parts(message);
    let mut reveal = |path: String, value: String| {
        let before = fields.insert(path.clone(), value);
        assert!(before.is_some(), "{path} is no field");
    };
    match message {
        Message::OrderEvents(events) => {
            for (index, report) in events.events.iter().enumerate() {
                if let Some(session) = session(&report) {
                    reveal(format!("events.{index}.event.api_session"), session.reveal().to_string());
                }
            }
        }
        Message::OrderSnapshot(snapshot) => {
            assert!(snapshot.orders.iter().all(|SnapshotOrder(report)| session(&report).is_none()));
        }
        Message::SubscriptionAck(ack) => {
            for (index, session) in ack.api_session_filter.iter().enumerate() {
                reveal(format!("api_session_filter.{index}"), session.reveal().to_string());
            }
        }
        Message::L2Updates(updates) => {
            // The type of a list shows the type of its elements.
            for (index, row) in updates.trades.iter().flatten().enumerate() {
                let Some(Trade { .. }) = row.read() else { continue };
                fields.insert(format!("trades.{index}"), "trade".into());
            }
        }
        Message::Response(response) => {
            if let ResponseId::Text(id) = response.id {
                reveal("id".into(), format!("{id:?}"));
            }
            answer(response, method, &mut fields);
        }
        _ => {}
    }
    fields
}

fn session<'f>(report: &OrderReport<'f>) -> Option<ApiSession<'f>> {
    match report {
        OrderReport::Update(update) => update.event?.api_session,
        _ => None,
    }
}

/// Replaces the content of a response in `fields` by what the accessor for its method returns.
fn answer(response: &Response<'_>, method: Option<&str>, fields: &mut Parts) {
    let mut scratch = Scratch::new();
    // A plain confirmation or a refusal has no content.
    let Some(method) = method else { return };
    let (name, value) = match method {
        "ping" => return,
        "time" => ("server_time()", serde_json::to_value(response.server_time().unwrap())),
        "conninfo" => ("rate_limits()", serde_json::to_value(response.rate_limits().unwrap())),
        "list_subscriptions" => ("stream_names()", serde_json::to_value(response.stream_names().unwrap())),
        "depth" => ("depth()", serde_json::to_value(response.depth(&mut scratch).unwrap())),
        "order.place" => ("order_id()", serde_json::to_value(response.order_id().unwrap())),
        "rfq.submit_quote" | "rfq.withdraw_quote" | "rfq.confirm_quote" => {
            ("quote()", serde_json::to_value(response.quote().unwrap()))
        }
        other => panic!("no accessor for {other}"),
    };
    // The accessor has read these members.
    fields.remove("result");
    fields.remove("rate_limits");
    flatten(&value.unwrap(), name, false, false, fields);
}

/// Adds the parts of a value. A level is one part: in a frame it is an array of texts in an array, in a serialised
/// message an object in an array.
fn flatten(value: &Value, path: &str, in_array: bool, is_frame: bool, parts: &mut Parts) {
    let mut each = |name: &str, value: &Value, is_array: bool| {
        let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        flatten(value, &path, is_array, is_frame, parts);
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_string(),
        other => other.to_string(),
    };
    match value {
        Value::Array(texts) if is_frame && in_array && texts.iter().all(Value::is_string) => {
            parts.insert(path.into(), texts.iter().map(text).collect::<Vec<_>>().join(" "));
        }
        Value::Object(level) if in_array && level.keys().eq(["price", "quantity"]) => {
            parts.insert(path.into(), level.values().map(text).collect::<Vec<_>>().join(" "));
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                each(&index.to_string(), element, true);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                each(name, member, false);
            }
        }
        value => {
            parts.insert(path.into(), text(value));
        }
    }
}
