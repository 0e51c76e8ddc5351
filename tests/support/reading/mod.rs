//! The slow decoder: a second implementation of `Endpoint::decode`, which reads a general JSON value.
//!
//! The slow decoder follows the description of the protocol, and returns the message in its serialised form. This
//! file contains what the readers of all endpoints share.

mod market_v1;
mod market_v2;
mod orders_v1;
mod private;
mod streams;

use gemini_ws::{DecodeErrorKind, Endpoint};
use serde_json::{Value, json};

use super::json::Json;

pub const SYMBOL: &str = "btcusd";

/// The reason why a JSON frame cannot be decoded: the kind of error, and the member that is wrong.
pub type Refusal = (DecodeErrorKind, &'static str);

pub type Read<T> = Result<T, Refusal>;

/// Reads a frame. `None` if the frame does not have the JSON type that the endpoint sends.
///
/// Where a message keeps JSON as a text, the result contains the parsed value.
pub fn read(endpoint: Endpoint, frame: &Json) -> Option<Read<Value>> {
    let whole = || unrecognized(frame);
    match (endpoint, frame) {
        (Endpoint::OrderEventsV1, Json::Array(events)) => Some(orders_v1::events(events)),
        (_, Json::Object(members)) => Some(match endpoint {
            Endpoint::Streams => streams::read(Object(members), whole),
            Endpoint::MarketDataV2 => market_v2::read(Object(members), whole),
            Endpoint::MarketDataV1 => market_v1::read(Object(members), whole),
            Endpoint::OrderEventsV1 => orders_v1::read(Object(members), whole),
        }),
        _ => None,
    }
}

fn unrecognized(frame: &Json) -> Value {
    json!({"kind": "unrecognized", "frame": frame.value()})
}

/// Returns the report of a malformed element, without the offset of the error.
fn malformed(element: &Json, (kind, member): (DecodeErrorKind, Option<&'static str>)) -> Value {
    json!({
        "kind": "malformed",
        "element": element.value(),
        "error": {"reason": kind, "member": member},
    })
}

#[derive(Clone, Copy, Debug)]
struct Object<'j>(&'j [(String, Json)]);

impl<'j> Object<'j> {
    /// Returns the value of a member. `names` lists the possible names of the member with `|` between them. If the
    /// member occurs more than once, returns the value of the last occurrence. `None` if the member is missing or
    /// null.
    fn get(self, names: &str) -> Option<&'j Json> {
        let is_named = |name: &str| names.split('|').any(|known| known == name);
        let (_, value) = self.0.iter().rfind(|(name, _)| is_named(name))?;
        Some(value).filter(|value| !matches!(value, Json::Null))
    }

    fn name(self, names: Names) -> &'static str {
        let known = |name: &str| names.split('|').find(|known| *known == name);
        self.0.iter().rev().find_map(|(name, _)| known(name)).unwrap_or_else(|| first(names))
    }

    fn has(self, names: &str) -> bool {
        self.get(names).is_some()
    }

    fn text_if_any(self, names: &str) -> Option<&'j str> {
        match self.get(names) {
            Some(Json::Text(text)) => Some(&text.text),
            _ => None,
        }
    }

    fn require(self, names: Names) -> Read<&'j Json> {
        self.get(names).ok_or((DecodeErrorKind::Missing, first(names)))
    }

    fn if_any(self, names: Names, read: Reader) -> Read<Value> {
        if self.has(names) { read(self, names) } else { Ok(Value::Null) }
    }

    /// Reads a member that only informs. An unreadable value is null.
    fn informs(self, names: Names, read: Reader) -> Value {
        self.if_any(names, read).unwrap_or_default()
    }

    /// Reads a member. If it is missing or an empty text, the result is null.
    fn unless_empty(self, names: Names, read: Reader) -> Read<Value> {
        if self.text_if_any(names) == Some("") { Ok(Value::Null) } else { self.if_any(names, read) }
    }

    fn array(self, names: Names) -> Read<&'j [Json]> {
        match self.require(names)? {
            Json::Array(elements) => Ok(elements),
            _ => Err((DecodeErrorKind::Type, self.name(names))),
        }
    }

    /// Reads an array of objects. A malformed element is reported as malformed, and the others are read.
    fn rows(self, names: Names, mut read: impl FnMut(Object<'j>) -> Read<Value>) -> Read<Value> {
        let row = |element: &'j Json| {
            let read = match element {
                Json::Object(members) => read(Object(members)).map_err(|(kind, member)| (kind, Some(member))),
                _ => Err((DecodeErrorKind::NotAnObject, None)),
            };
            read.unwrap_or_else(|refusal| untagged(malformed(element, refusal)))
        };
        Ok(self.array(names)?.iter().map(row).collect())
    }

    /// Reads an array of objects as `rows` does. If the array has elements and all are malformed, the array is
    /// malformed.
    fn some_rows(self, names: Names, mut read: impl FnMut(Object<'j>) -> Read<Value>) -> Read<Value> {
        let row = |element: &'j Json| match element {
            Json::Object(members) => read(Object(members)).map_err(|(kind, member)| (kind, Some(member))),
            _ => Err((DecodeErrorKind::NotAnObject, None)),
        };
        some(self.array(names)?, row, self.name(names))
    }

    /// Reads an array of objects. A malformed element makes the whole array malformed.
    fn list(self, names: Names, mut read: impl FnMut(Object<'j>) -> Read<Value>) -> Read<Value> {
        let element = |element: &'j Json| match element {
            Json::Object(members) => read(Object(members)),
            _ => Err((DecodeErrorKind::Type, self.name(names))),
        };
        self.array(names)?.iter().map(element).collect()
    }
}

/// Reads the elements of the array `name`. If all are malformed, returns the refusal of the first.
fn some<'j>(
    elements: &'j [Json],
    read: impl FnMut(&'j Json) -> Result<Value, (DecodeErrorKind, Option<&'static str>)>,
    name: &'static str,
) -> Read<Value> {
    let rows: Vec<_> = elements.iter().map(read).collect();
    if let (Some(Err((kind, member))), true) = (rows.first(), rows.iter().all(Result::is_err)) {
        let kind = if *kind == DecodeErrorKind::NotAnObject { DecodeErrorKind::Type } else { *kind };
        return Err((kind, member.unwrap_or(name)));
    }
    let said = elements.iter().zip(rows);
    Ok(said.map(|(element, row)| row.unwrap_or_else(|it| untagged(malformed(element, it)))).collect())
}

type Names = &'static str;
type Reader = fn(Object<'_>, Names) -> Read<Value>;

fn first(names: Names) -> &'static str {
    names.split('|').next().unwrap()
}

/// Reads a required text without half of a surrogate pair.
fn text(of: Object<'_>, names: Names) -> Read<Value> {
    match of.require(names)? {
        Json::Text(text) if text.is_whole() => Ok(json!(text.text)),
        Json::Text(_) => Err((DecodeErrorKind::Escape, of.name(names))),
        _ => Err((DecodeErrorKind::Type, of.name(names))),
    }
}

/// Reads a text that only informs. An empty text counts as a missing one.
fn label(of: Object<'_>, names: Names) -> Value {
    of.text_if_any(names).filter(|text| !text.is_empty()).map_or(Value::Null, |text| json!(text))
}

/// Reads a member that only informs: a text, or a number with its digits as they are written.
fn word(of: Object<'_>, names: Names) -> Value {
    match of.get(names) {
        Some(Json::Number(number)) => json!(number),
        _ => text(of, names).unwrap_or_default(),
    }
}

fn side(of: Object<'_>, names: Names) -> Read<Value> {
    let side = text(of, names)?.as_str().unwrap().to_ascii_lowercase();
    if side == "buy" || side == "sell" {
        Ok(json!(side))
    } else {
        Err((DecodeErrorKind::Side, of.name(names)))
    }
}

/// Reads a text that must be written without escapes, such as a symbol.
fn plain(of: Object<'_>, names: Names) -> Read<Value> {
    match of.require(names)? {
        Json::Text(text) if text.escaped => Err((DecodeErrorKind::Escape, of.name(names))),
        _ => text(of, names),
    }
}

fn symbol(of: Object<'_>, names: Names) -> Read<Value> {
    let symbol = plain(of, names)?;
    let text = symbol.as_str().unwrap();
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-_.:/".contains(character);
    let is_symbol = !text.is_empty() && text.len() <= 64 && text.chars().all(is_allowed);
    if is_symbol { Ok(symbol) } else { Err((DecodeErrorKind::Symbol, of.name(names))) }
}

fn texts(of: Object<'_>, names: Names) -> Read<Value> {
    let text = |element: &Json| match element {
        Json::Text(text) => Ok(json!(text.text)),
        _ => Err((DecodeErrorKind::Type, of.name(names))),
    };
    of.array(names)?.iter().map(text).collect()
}

fn boolean(of: Object<'_>, names: Names) -> Read<Value> {
    match of.require(names)? {
        Json::Boolean(value) => Ok(json!(value)),
        _ => Err((DecodeErrorKind::Type, of.name(names))),
    }
}

/// Reads an integer that must be written without point and exponent, as a number or as a text.
fn integer(value: &Json) -> Result<i128, DecodeErrorKind> {
    let digits = match value {
        Json::Number(number) => number,
        Json::Text(text) if !text.escaped => &text.text,
        Json::Text(_) => return Err(DecodeErrorKind::Integer),
        _ => return Err(DecodeErrorKind::Type),
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let all_digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits).ok_or(DecodeErrorKind::Integer)
}

fn unsigned(of: Object<'_>, names: Names) -> Read<Value> {
    let value =
        integer(of.require(names)?).and_then(|value| as_unsigned(value).ok_or(DecodeErrorKind::Integer));
    value.map_err(|kind| (kind, of.name(names)))
}

fn as_unsigned(value: i128) -> Option<Value> {
    u64::try_from(value).ok().map(|value| json!(value))
}

/// `unit` is the unit of the integer in nanoseconds.
fn time(value: Result<i128, DecodeErrorKind>, unit: i128) -> Result<Value, DecodeErrorKind> {
    let nanos = value?.checked_mul(unit).and_then(|nanos| i64::try_from(nanos).ok());
    nanos.map(|nanos| json!(nanos)).ok_or(DecodeErrorKind::Integer)
}

fn nanoseconds(of: Object<'_>, names: Names) -> Read<Value> {
    time(integer(of.require(names)?), 1).map_err(|kind| (kind, of.name(names)))
}

fn milliseconds(of: Object<'_>, names: Names) -> Read<Value> {
    time(integer(of.require(names)?), 1_000_000).map_err(|kind| (kind, of.name(names)))
}

fn seconds(of: Object<'_>, names: Names) -> Read<Value> {
    time(integer(of.require(names)?), 1_000_000_000).map_err(|kind| (kind, of.name(names)))
}

/// Parses `text`, and returns the text that `Decimal` prints for it: without the sign of a zero and without needless
/// leading zeros. Trailing zeros of the fraction are dropped only if the digits do not fit otherwise.
pub fn decimal(text: &str) -> Result<String, DecodeErrorKind> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(DecodeErrorKind::Decimal);
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.unwrap_or("");
    let print = |fraction: &str| {
        let joined = format!("{whole}{fraction}");
        let significant = joined.trim_start_matches('0');
        // More digits could overflow the `i128`, and do not fit into a `Decimal` anyway.
        if fraction.len() > 18 || significant.len() > 30 {
            return None;
        }
        let magnitude = if significant.is_empty() { 0 } else { significant.parse::<i128>().unwrap() };
        let mantissa = if negative { -magnitude } else { magnitude };
        i64::try_from(mantissa).ok().filter(|mantissa| *mantissa != i64::MIN)?;
        let sign = if mantissa < 0 { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(format!("{sign}{whole}{point}{fraction}"))
    };
    print(fraction).or_else(|| print(fraction.trim_end_matches('0'))).ok_or(DecodeErrorKind::Precision)
}

fn digits(value: &Json) -> Result<&str, DecodeErrorKind> {
    match value {
        Json::Text(text) if text.escaped => Err(DecodeErrorKind::Decimal),
        Json::Text(text) => Ok(&text.text),
        Json::Number(number) => Ok(number),
        _ => Err(DecodeErrorKind::Type),
    }
}

/// Reads a decimal that is never negative, such as a price or a quantity.
fn unsigned_decimal(value: &Json) -> Result<String, DecodeErrorKind> {
    let printed = decimal(digits(value)?)?;
    if printed.starts_with('-') { Err(DecodeErrorKind::Negative) } else { Ok(printed) }
}

fn market_decimal(of: Object<'_>, names: Names) -> Read<Value> {
    unsigned_decimal(of.require(names)?).map(Value::String).map_err(|kind| (kind, of.name(names)))
}

fn signed_decimal(of: Object<'_>, names: Names) -> Read<Value> {
    let printed = digits(of.require(names)?).and_then(decimal);
    printed.map(Value::String).map_err(|kind| (kind, of.name(names)))
}

/// Reads a number of any length and sign with its digits as they are written, perhaps with an exponent.
fn number(of: Object<'_>, names: Names) -> Read<Value> {
    any_number(of.require(names)?).map_err(|kind| (kind, of.name(names)))
}

fn any_number(value: &Json) -> Result<Value, DecodeErrorKind> {
    let number = digits(value)?;
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_exponent = !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = decimal(mantissa).err() != Some(DecodeErrorKind::Decimal);
    if is_exponent && is_number { Ok(json!(number)) } else { Err(DecodeErrorKind::Decimal) }
}

fn level(price: impl Into<Value>, quantity: impl Into<Value>) -> Value {
    json!({"price": price.into(), "quantity": quantity.into()})
}

fn spelled(text: Value, older: &[(&str, &str)]) -> Value {
    let known = older.iter().find(|(old, _)| text == **old);
    known.map_or(text, |(_, new)| json!(new))
}

fn outcome(text: Value) -> Value {
    spelled(text, &[("yes", "YES"), ("no", "NO")])
}

/// Reads an error frame, which any archived endpoint may send.
fn venue_error(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "error",
        "reason": frame.text_if_any("reason").unwrap_or(""),
        "message": label(frame, "message"),
    }))
}

/// Reads an auction event. The caller reads the symbol, which market data v1 and v2 write differently.
fn auction(of: Object<'_>, symbol: Value) -> Read<Value> {
    Ok(json!({
        "kind": "auction",
        "symbol": symbol,
        "stage": if of.text_if_any("type") == Some("auction_result") { "result" } else { "indicative" },
        "event_id": of.informs("eid", unsigned),
        "time": of.informs("time_ms", milliseconds),
        "result": text(of, "result")?,
        "highest_bid_price": of.informs("highest_bid_price", number),
        "lowest_ask_price": of.informs("lowest_ask_price", number),
        "collar_price": of.informs("collar_price", number),
        "price": of.unless_empty("auction_price|indicative_price", market_decimal)?,
        "quantity": of.unless_empty("auction_quantity|indicative_quantity", market_decimal)?,
    }))
}

/// Removes the member `kind` from a value. An element of a list keeps this member only if the list has elements of
/// several kinds.
fn untagged(mut value: Value) -> Value {
    value.as_object_mut().unwrap().remove("kind");
    value
}
