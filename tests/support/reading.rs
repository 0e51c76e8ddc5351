//! The slow reading of a frame: the plain twin of `gemini_ws::decode`, on a general JSON value.
//!
//! Written from the protocol's description (`ws-gemini-com.md`, sections 4, 7, 10, 11 and 17), one
//! member after the other, with no thought for speed.

use gemini_ws::DecodeErrorKind;
use serde_json::{Map, Value};

/// What a frame says: its kind, and each field as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Facts {
    pub(crate) kind: &'static str,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Facts {
    pub(crate) fn new<const N: usize>(kind: &'static str, fields: [(&'static str, String); N]) -> Facts {
        Facts { kind, fields: fields.into() }
    }
}

/// Why a frame that is JSON cannot be read: the kind of error and the member it is about.
pub(crate) type Refusal = (DecodeErrorKind, &'static str);

type Read<T> = Result<T, Refusal>;

/// Reads a frame, which is an object.
pub(crate) fn read(frame: &Map<String, Value>) -> Read<Facts> {
    let has = |name: &str| get(frame, name).is_some();
    if has("id") && (has("status") || has("error") || has("result")) {
        return response(frame);
    }
    if let Some(kind) = get(frame, "e").and_then(Value::as_str) {
        return match kind {
            "depthUpdate" => depth(frame),
            "markPrice" => mark_price(frame),
            "fundingAmount" => funding_amount(frame),
            "contractStatus" => contract_status(frame),
            "orderUpdate" | "executionReport" | "balanceUpdate" | "positionReport" | "orderSnapshot"
            | "requestForQuote" => Ok(Facts::new("unread", [])),
            _ => unrecognized(frame),
        };
    }
    if get(frame, "type").and_then(Value::as_str) == Some("settlements") || has("X") {
        Ok(Facts::new("unread", []))
    } else if has("lastUpdateId") {
        partial_depth(frame)
    } else if ["b", "B", "a", "A"].into_iter().all(has) {
        book_ticker(frame)
    } else if ["t", "p", "q", "m"].into_iter().all(has) {
        trade(frame)
    } else {
        unrecognized(frame)
    }
}

fn unrecognized(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new("unrecognized", [("frame", Value::Object(frame.clone()).to_string())]))
}

fn book_ticker(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new(
        "book_ticker",
        [
            ("symbol", text(frame, "s")?),
            ("update_id", unsigned(frame, "u")?),
            ("event_time", time(frame, "E", 1)?),
            ("bid", side(frame, "b", "B")?),
            ("ask", side(frame, "a", "A")?),
            ("last_trade", side(frame, "c", "C")?),
        ],
    ))
}

fn depth(frame: &Map<String, Value>) -> Read<Facts> {
    let symbol = text(frame, "s")?;
    let event_time = time(frame, "E", 1)?;
    let (first, last) = (unsigned(frame, "U")?, unsigned(frame, "u")?);
    let (bids, asks) = (levels(frame, "b")?, levels(frame, "a")?);
    if last.parse::<u64>().unwrap() < first.parse::<u64>().unwrap() {
        return Err((DecodeErrorKind::UpdateRange, "u"));
    }
    Ok(Facts::new(
        "depth",
        [
            ("symbol", symbol),
            ("event_time", event_time),
            ("first_update_id", first),
            ("last_update_id", last),
            ("bids", bids),
            ("asks", asks),
        ],
    ))
}

fn partial_depth(frame: &Map<String, Value>) -> Read<Facts> {
    let named = ["symbol", "s"].into_iter().find(|name| get(frame, name).is_some());
    Ok(Facts::new(
        "partial_depth",
        [
            ("symbol", named.map_or(Ok("none".into()), |name| text(frame, name))?),
            ("last_update_id", unsigned(frame, "lastUpdateId")?),
            ("bids", levels(frame, "bids")?),
            ("asks", levels(frame, "asks")?),
        ],
    ))
}

fn trade(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new(
        "trade",
        [
            ("symbol", text(frame, "s")?),
            ("event_time", time(frame, "E", 1)?),
            ("trade_id", unsigned(frame, "t")?),
            ("price", market_decimal(frame, "p")?),
            ("quantity", market_decimal(frame, "q")?),
            ("buyer_is_maker", boolean(frame, "m")?),
        ],
    ))
}

fn contract_status(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new(
        "contract_status",
        [
            ("symbol", text(frame, "s")?),
            ("event_time", time(frame, "E", 1_000_000)?),
            ("event_ticker", text(frame, "k")?),
            ("contract_ticker", text(frame, "c")?),
            ("contract_id", unsigned(frame, "i")?),
            ("strike", if_any(frame, "p", signed_decimal)?),
            ("previous_status", text(frame, "o")?),
            ("status", text(frame, "n")?),
        ],
    ))
}

fn mark_price(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new(
        "mark_price",
        [
            ("symbol", text(frame, "s")?),
            ("event_time", time(frame, "E", 1)?),
            ("mark_price", market_decimal(frame, "p")?),
            ("scaled_index", if_any(frame, "i", market_decimal)?),
        ],
    ))
}

fn funding_amount(frame: &Map<String, Value>) -> Read<Facts> {
    Ok(Facts::new(
        "funding_amount",
        [
            ("symbol", text(frame, "s")?),
            ("event_time", time(frame, "E", 1)?),
            ("funding_time", time(frame, "T", 1)?),
            ("interval_minutes", unsigned(frame, "i")?),
            ("amount", signed_decimal(frame, "f")?),
            ("rate_percent", signed_decimal(frame, "r")?),
            ("mark_price", market_decimal(frame, "p")?),
            ("realized", boolean(frame, "R")?),
        ],
    ))
}

fn response(frame: &Map<String, Value>) -> Read<Facts> {
    let id = match require(frame, "id")? {
        Value::String(text) => id(text, text),
        other => unsigned(frame, "id").unwrap_or_else(|_| other.to_string()),
    };
    let status = match get(frame, "status") {
        None => "none".into(),
        Some(status) => {
            let status = signed_or_text(status).map_err(|kind| (kind, "status"))?;
            u16::try_from(status).map_err(|_| (DecodeErrorKind::Integer, "status"))?.to_string()
        }
    };
    let error = match get(frame, "error") {
        None => "none".into(),
        Some(Value::Object(error)) => {
            let code = get(error, "code").ok_or((DecodeErrorKind::Missing, "error"))?;
            // Within the error, every wrong code is one that is no integer.
            let code = signed_or_text(code).map_err(|_| (DecodeErrorKind::Integer, "code"))?;
            let message = get(error, "msg").and_then(Value::as_str).unwrap_or("");
            format!("{code} {message}")
        }
        Some(_) => return Err((DecodeErrorKind::Type, "error")),
    };
    let raw = |name| get(frame, name).map_or("none".into(), Value::to_string);
    Ok(Facts::new(
        "response",
        [
            ("id", id),
            ("status", status),
            ("error", error),
            ("result", raw("result")),
            ("rate_limits", raw("rateLimits")),
        ],
    ))
}

/// An id that is no unsigned integer. A text and another JSON value of the same characters look the
/// same in a `Message`, so they do here; `raw` may still have escapes in it.
pub(crate) fn id(raw: &str, text: &str) -> String {
    let no_text = |json: &str| serde_json::from_str::<Value>(json).ok().filter(|json| !json.is_string());
    no_text(raw).or_else(|| no_text(text)).map_or_else(|| text.to_string(), |json| json.to_string())
}

/// A member; `null` is the same as none.
fn get<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn require<'v>(frame: &'v Map<String, Value>, name: &'static str) -> Read<&'v Value> {
    get(frame, name).ok_or((DecodeErrorKind::Missing, name))
}

fn if_any(
    frame: &Map<String, Value>,
    name: &'static str,
    read: fn(&Map<String, Value>, &'static str) -> Read<String>,
) -> Read<String> {
    if get(frame, name).is_some() { read(frame, name) } else { Ok("none".into()) }
}

fn text(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    let text = require(frame, name)?.as_str();
    text.map(str::to_string).ok_or((DecodeErrorKind::Type, name))
}

fn boolean(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    let boolean = require(frame, name)?.as_bool();
    boolean.map(|value| value.to_string()).ok_or((DecodeErrorKind::Type, name))
}

/// The value of an integer that is written without point and exponent.
fn integer(value: &Value) -> Result<i128, DecodeErrorKind> {
    let Value::Number(number) = value else { return Err(DecodeErrorKind::Type) };
    number.to_string().parse().map_err(|_| DecodeErrorKind::Integer)
}

fn unsigned(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    let value = integer(require(frame, name)?).map_err(|kind| (kind, name))?;
    u64::try_from(value).map(|value| value.to_string()).map_err(|_| (DecodeErrorKind::Integer, name))
}

/// A time in nanoseconds, from a member that counts in a unit of so many.
fn time(frame: &Map<String, Value>, name: &'static str, unit: i128) -> Read<String> {
    let value = integer(require(frame, name)?).map_err(|kind| (kind, name))?;
    let nanos = value.checked_mul(unit).and_then(|nanos| i64::try_from(nanos).ok());
    nanos.map(|nanos| nanos.to_string()).ok_or((DecodeErrorKind::Integer, name))
}

fn signed_or_text(value: &Value) -> Result<i64, DecodeErrorKind> {
    match value {
        Value::String(text) => text.parse().map_err(|_| DecodeErrorKind::Integer),
        other => i64::try_from(integer(other)?).map_err(|_| DecodeErrorKind::Integer),
    }
}

/// How a decimal prints that was read from `text`: as it was written, without a sign of zero and
/// without leading zeros; trailing zeros go only where the digits do not fit.
pub(crate) fn decimal(text: &str) -> Result<String, DecodeErrorKind> {
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
        // More would not fit an `i128` either.
        if fraction.len() > 18 || significant.len() > 30 {
            return None;
        }
        let magnitude = if significant.is_empty() { 0 } else { significant.parse::<i128>().unwrap() };
        let mantissa = if negative { -magnitude } else { magnitude };
        i64::try_from(mantissa).ok()?;
        let sign = if mantissa < 0 { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(format!("{sign}{whole}{point}{fraction}"))
    };
    print(fraction).or_else(|| print(fraction.trim_end_matches('0'))).ok_or(DecodeErrorKind::Precision)
}

fn any_decimal(value: &Value) -> Result<String, DecodeErrorKind> {
    match value {
        Value::String(text) => decimal(text),
        Value::Number(number) => decimal(&number.to_string()),
        _ => Err(DecodeErrorKind::Type),
    }
}

/// Market data is never negative.
fn unsigned_decimal(value: &Value) -> Result<String, DecodeErrorKind> {
    let printed = any_decimal(value)?;
    if printed.starts_with('-') { Err(DecodeErrorKind::Negative) } else { Ok(printed) }
}

fn market_decimal(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    unsigned_decimal(require(frame, name)?).map_err(|kind| (kind, name))
}

fn signed_decimal(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    any_decimal(require(frame, name)?).map_err(|kind| (kind, name))
}

fn levels(frame: &Map<String, Value>, name: &'static str) -> Read<String> {
    let Value::Array(rows) = require(frame, name)? else { return Err((DecodeErrorKind::Type, name)) };
    let mut printed = String::new();
    for row in rows {
        let level = row.as_array().ok_or((DecodeErrorKind::Type, name))?;
        let part = |index: usize| {
            let value = level.get(index).ok_or(DecodeErrorKind::Type)?;
            unsigned_decimal(value)
        };
        let (price, quantity) =
            part(0).and_then(|price| Ok((price, part(1)?))).map_err(|kind| (kind, name))?;
        if level.len() != 2 {
            return Err((DecodeErrorKind::Type, name));
        }
        printed.push_str(&level_text(price, quantity));
        printed.push(';');
    }
    Ok(printed)
}

pub(crate) fn level_text(price: impl std::fmt::Display, quantity: impl std::fmt::Display) -> String {
    format!("{price} {quantity}")
}

fn side(frame: &Map<String, Value>, price: &'static str, quantity: &'static str) -> Read<String> {
    let part = |name: &'static str| match get(frame, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => {
            let printed = unsigned_decimal(value).map_err(|kind| (kind, name))?;
            let zero = printed.bytes().all(|byte| matches!(byte, b'0' | b'.'));
            Ok(Some(printed).filter(|_| !zero))
        }
    };
    let (price, quantity) = (part(price)?, part(quantity)?);
    Ok(price.zip(quantity).map_or("none".into(), |(price, quantity)| level_text(price, quantity)))
}
