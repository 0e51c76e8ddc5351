//! Reading the requests about quotes.

use gemini_ws::Decimal;
use serde_json::{Map, Value};

use crate::frame::order_entry::is_client_id;
use crate::frame::refusal::Refusal;
use crate::value::amount;
use crate::value::instrument::power;
use crate::value::quote::{NewQuote, PRICE_DECIMALS, QUANTITY_DECIMALS, QuoteName};

/// A request about quotes. The exchange reads its parameters only after it has checked the session's account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuoteRequest {
    pub(crate) method: QuoteMethod,
    pub(crate) parameters: Option<Value>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum QuoteMethod {
    Submit,
    Withdraw,
    Confirm,
}

pub(crate) fn new_quote(parameters: Option<&Value>) -> Result<NewQuote, Refusal> {
    read(parameters, |members| {
        let valid_until = members.get("validUntil").map(|value| value.as_i64().ok_or(()));
        let valid_until = valid_until.transpose().ok()?;
        // Later times do not fit into an `i64` of nanoseconds.
        if valid_until.is_some_and(|until| until.checked_mul(1_000_000).is_none()) {
            return None;
        }
        let client_id = members.get("clientId").map(|value| value.as_str().ok_or(()));
        let client_id = client_id.transpose().ok()?;
        if client_id.is_some_and(|id| !is_client_id(id)) {
            return None;
        }
        Some(NewQuote {
            rfq_id: text(members, "rfqId")?,
            price: units(members, "price", PRICE_DECIMALS).filter(|price| *price < power(PRICE_DECIMALS))?,
            quantity: units(members, "quantity", QUANTITY_DECIMALS)
                .filter(|quantity| *quantity <= amount::QUANTITY_MAX)?,
            valid_until,
            client_id: client_id.map(str::to_owned),
        })
    })
}

pub(crate) fn withdrawn_quote(parameters: Option<&Value>) -> Result<QuoteName, Refusal> {
    read(parameters, name)
}

/// Reads which quote a maker confirms (true) or declines (false).
pub(crate) fn confirmed_quote(parameters: Option<&Value>) -> Result<(QuoteName, bool), Refusal> {
    read(parameters, |members| Some((name(members)?, members.get("confirm")?.as_bool()?)))
}

fn read<T>(
    parameters: Option<&Value>,
    read: impl FnOnce(&Map<String, Value>) -> Option<T>,
) -> Result<T, Refusal> {
    parameters.and_then(Value::as_object).and_then(read).ok_or_else(Refusal::invalid_parameters)
}

fn name(members: &Map<String, Value>) -> Option<QuoteName> {
    Some(QuoteName { rfq_id: text(members, "rfqId")?, quote_id: text(members, "quoteId")? })
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name)?.as_str().map(str::to_owned)
}

fn units(members: &Map<String, Value>, name: &str, decimals: u8) -> Option<u64> {
    amount::units(members.get(name)?.as_str()?.parse::<Decimal>().ok()?, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTE: &str =
        r#"{"rfqId":"rfq-1","price":"0.42","quantity":"100.50","validUntil":1790732660000,"clientId":"a b"}"#;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn quotes() {
        let quote = new_quote(Some(&json(QUOTE))).unwrap();
        let expected = NewQuote {
            rfq_id: "rfq-1".to_owned(),
            price: 42,
            quantity: 10_050,
            valid_until: Some(1_790_732_660_000),
            client_id: Some("a b".to_owned()),
        };
        assert_eq!(quote, expected);
        let short = new_quote(Some(&json(r#"{"rfqId":"rfq-1","price":"0.990","quantity":"1"}"#))).unwrap();
        assert_eq!((short.price, short.quantity, short.valid_until, short.client_id), (99, 100, None, None));
    }

    #[test]
    fn malformed_quotes() {
        for (from, to) in [
            (r#""rfq-1""#, "1"),
            (r#""rfqId":"rfq-1","#, ""),
            (r#""0.42""#, "0.42"),
            (r#""0.42""#, r#""0""#),
            (r#""0.42""#, r#""-0.42""#),
            (r#""0.42""#, r#""0.425""#),
            (r#""0.42""#, r#""1""#),
            (r#""0.42""#, r#""x""#),
            (r#""price":"0.42","#, ""),
            ("100.50", "100.505"),
            ("100.50", "0.00"),
            ("100.50", "-1"),
            ("100.50", "10000000000000.01"),
            (r#""quantity":"100.50","#, ""),
            ("1790732660000", r#""1790732660000""#),
            ("1790732660000", "1790732660000.5"),
            ("1790732660000", "null"),
            ("a b", ""),
            ("a b", "ä"),
            ("a b", "0123456789012345678901234567890123456"),
            (r#""a b""#, "7"),
        ] {
            let text = QUOTE.replace(from, to);
            assert_ne!(text, QUOTE);
            assert_eq!(new_quote(Some(&json(&text))), Err(Refusal::invalid_parameters()), "{text}");
        }
        assert!(new_quote(None).is_err());
    }

    #[test]
    fn names() {
        let text = r#"{"rfqId":"rfq-1","quoteId":"quote-2","confirm":true}"#;
        let name = QuoteName { rfq_id: "rfq-1".to_owned(), quote_id: "quote-2".to_owned() };
        assert_eq!(withdrawn_quote(Some(&json(text))), Ok(name.clone()));
        assert_eq!(confirmed_quote(Some(&json(text))), Ok((name, true)));
        for (from, to) in
            [("true", "1"), (r#","confirm":true"#, ""), (r#""quote-2""#, "2"), (r#""rfqId":"rfq-1","#, "")]
        {
            let text = text.replace(from, to);
            assert!(confirmed_quote(Some(&json(&text))).is_err(), "{text}");
        }
        assert!(withdrawn_quote(Some(&json("[]"))).is_err());
    }
}
