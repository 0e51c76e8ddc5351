//! The differential oracle: `gemini_ws::decode` against a general JSON parser and a slow reading.

use gemini_ws::{Decimal, DecodeError, DecodeErrorKind, Level, Message, ResponseId, Scratch, Taker, decode};
use serde_json::Value;

use super::reading::{self, Facts, level_text};

/// Compares all that `decode` says of `text` with what the slow reading says.
///
/// `used` is working memory that other texts have been through, so that nothing of them may show.
///
/// # Panics
///
/// If the two disagree.
pub(crate) fn check(text: &str, used: &mut Scratch) {
    let mut fresh = Scratch::new();
    let ours = decode(text, &mut fresh).map(|message| facts(&message));
    let again = decode(text, used).map(|message| facts(&message));
    assert_eq!(ours, again, "depends on the frames before: {text}");
    // That key means something to serde_json itself.
    if text.contains("$serde_json") {
        return;
    }
    match &ours {
        Ok(ours) => {
            let Ok(Value::Object(frame)) = serde_json::from_str(text) else {
                panic!("no JSON object, but decoded to {ours:?}: {text}")
            };
            if ours.kind != "unread" {
                assert_eq!(reading::read(&frame).as_ref(), Ok(ours), "{text}");
            }
        }
        Err(error) => refused(text, *error),
    }
}

/// Whether an error is right.
fn refused(text: &str, error: DecodeError) {
    use DecodeErrorKind::{
        Control, Escape, NotAnObject, Syntax, TooDeep, TooLong, TrailingText, UnexpectedEnd,
    };
    assert!(error.offset() <= text.len(), "{error}: {text}");
    let general = serde_json::from_str::<Value>(text);
    match (error.kind(), error.member()) {
        // Limits of our own.
        (TooLong | TooDeep, None) => {}
        (NotAnObject, None) => assert!(!matches!(general, Ok(Value::Object(_))), "{error}: {text}"),
        (TrailingText, None) => {
            assert!(general.is_err(), "{error}: {text}");
            let whole = &text[..error.offset()];
            assert!(serde_json::from_str::<Value>(whole).is_ok(), "{error}: {text}");
        }
        (Syntax | UnexpectedEnd | Control | Escape, None) => {
            assert!(general.is_err(), "{error}: {text}");
            if error.kind() == UnexpectedEnd {
                assert_eq!(error.offset(), text.len(), "{error}: {text}");
            }
            // What stands before could still have become JSON.
            let before = &text[..error.offset()];
            match serde_json::from_str::<Value>(before) {
                Err(general) => assert!(general.is_eof(), "{error}, before it {general}: {text}"),
                Ok(_) => panic!("{error}, before it all is well: {text}"),
            }
        }
        // JSON, but not what the kind of frame needs.
        (kind, Some(member)) => {
            let Ok(Value::Object(frame)) = general else { panic!("{error}, but no JSON: {text}") };
            let wanted = reading::read(&frame);
            // The general parser does not say what was escaped.
            if !text.contains('\\') && wanted.as_ref().map(|facts| facts.kind) != Ok("unread") {
                let found = (kind, member.to_string());
                let wanted = wanted.map_err(|(kind, member)| (kind, member.to_string()));
                assert_eq!(wanted, Err(found), "{error}: {text}");
            }
        }
        (_, None) => panic!("an error about no member, {error}: {text}"),
    }
}

/// What a message says, as the slow reading puts it.
pub(crate) fn facts(message: &Message<'_>) -> Facts {
    match message {
        Message::BookTicker(ticker) => Facts::new(
            "book_ticker",
            [
                ("symbol", ticker.symbol.into()),
                ("update_id", ticker.update_id.to_string()),
                ("event_time", ticker.event_time.as_nanos().to_string()),
                ("bid", side(ticker.bid)),
                ("ask", side(ticker.ask)),
                ("last_trade", side(ticker.last_trade)),
            ],
        ),
        Message::Depth(depth) => Facts::new(
            "depth",
            [
                ("symbol", depth.symbol.into()),
                ("event_time", depth.event_time.unwrap().as_nanos().to_string()),
                ("first_update_id", depth.first_update_id.unwrap().to_string()),
                ("last_update_id", depth.last_update_id.unwrap().to_string()),
                ("bids", levels(depth.bids)),
                ("asks", levels(depth.asks)),
            ],
        ),
        Message::PartialDepth(depth) => Facts::new(
            "partial_depth",
            [
                ("symbol", depth.symbol.unwrap_or("none").into()),
                ("last_update_id", depth.last_update_id.to_string()),
                ("bids", levels(depth.bids)),
                ("asks", levels(depth.asks)),
            ],
        ),
        Message::Trade(trade) => Facts::new(
            "trade",
            [
                ("symbol", trade.symbol.into()),
                ("event_time", trade.event_time.unwrap().as_nanos().to_string()),
                ("trade_id", trade.trade_id.to_string()),
                ("price", decimal(trade.price)),
                ("quantity", decimal(trade.quantity)),
                ("buyer_is_maker", (trade.taker == Taker::Seller).to_string()),
            ],
        ),
        Message::ContractStatus(status) => Facts::new(
            "contract_status",
            [
                ("symbol", status.symbol.into()),
                ("event_time", status.event_time.as_nanos().to_string()),
                ("event_ticker", status.event_ticker.into()),
                ("contract_ticker", status.contract_ticker.into()),
                ("contract_id", status.contract_id.to_string()),
                ("strike", status.strike.map_or("none".into(), decimal)),
                ("previous_status", status.previous_status.to_string()),
                ("status", status.status.to_string()),
            ],
        ),
        Message::MarkPrice(mark) => Facts::new(
            "mark_price",
            [
                ("symbol", mark.symbol.into()),
                ("event_time", mark.event_time.as_nanos().to_string()),
                ("mark_price", decimal(mark.mark_price)),
                ("scaled_index", mark.scaled_index.map_or("none".into(), decimal)),
            ],
        ),
        Message::FundingAmount(funding) => Facts::new(
            "funding_amount",
            [
                ("symbol", funding.symbol.into()),
                ("event_time", funding.event_time.as_nanos().to_string()),
                ("funding_time", funding.funding_time.as_nanos().to_string()),
                ("interval_minutes", funding.interval_minutes.to_string()),
                ("amount", decimal(funding.amount)),
                ("rate_percent", funding.rate_percent.map_or("none".into(), decimal)),
                ("mark_price", funding.mark_price.map_or("none".into(), decimal)),
                ("realized", funding.realized.to_string()),
            ],
        ),
        Message::Response(response) => {
            let raw = |json: &str| serde_json::from_str::<Value>(json).unwrap().to_string();
            Facts::new(
                "response",
                [
                    (
                        "id",
                        match response.id {
                            ResponseId::Number(id) => id.to_string(),
                            ResponseId::Text(id) => reading::id(id.raw(), &id.to_string()),
                        },
                    ),
                    ("status", response.status.map_or("none".into(), |status| status.to_string())),
                    (
                        "error",
                        response
                            .error
                            .map_or("none".into(), |error| format!("{} {}", error.code, error.message)),
                    ),
                    ("result", response.result.map_or("none".into(), |json| raw(json.as_str()))),
                    ("rate_limits", response.rate_limits.map_or("none".into(), |json| raw(json.as_str()))),
                ],
            )
        }
        Message::Unrecognized(unrecognized) => {
            let frame: Value = serde_json::from_str(unrecognized.frame.as_str()).unwrap();
            Facts::new("unrecognized", [("frame", frame.to_string())])
        }
        // Of kinds that the slow reading does not read.
        message => Facts::new("unread", [("all", serde_json::to_value(message).unwrap().to_string())]),
    }
}

fn side(level: Option<Level>) -> String {
    level.map_or("none".into(), |level| level_text(decimal(level.price), decimal(level.quantity)))
}

fn levels(levels: &[Level]) -> String {
    levels.iter().map(|level| side(Some(*level)) + ";").collect()
}

/// The text of a decimal, which must read back as the same one.
fn decimal(decimal: Decimal) -> String {
    let text = decimal.to_string();
    let back: Decimal = text.parse().unwrap();
    assert_eq!((back.mantissa(), back.scale()), (decimal.mantissa(), decimal.scale()));
    text
}
