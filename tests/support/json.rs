//! A JSON value that keeps the order of members, and whether a text was written with escapes. `serde_json::Value`
//! keeps neither.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Stands for half a surrogate pair while a text is read. Unicode assigns no character to this code point.
const HALF: char = '\u{fdd0}';

/// The key with which `serde_json` passes on a number that it keeps as text.
const NUMBER: &str = "$serde_json::private::Number";

#[derive(Clone, Debug)]
pub enum Json {
    Null,
    Boolean(bool),
    Number(String),
    Text(Text),
    Array(Vec<Json>),
    /// The members in the order of the text, with repeated names.
    Object(Vec<(String, Json)>),
}

#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub escaped: bool,
    is_whole: bool,
}

impl Json {
    /// Parses a JSON text. Half a surrogate pair, which `serde_json` refuses, becomes U+FFFD.
    pub fn parse(text: &str) -> serde_json::Result<Json> {
        serde_json::from_str(&mended(text))
    }

    /// Returns whether the text is free of `serde_json`'s own key for numbers, which `parse` would mistake for a
    /// number.
    pub fn can_read(text: &str) -> bool {
        !text.contains("$serde_json")
    }

    pub fn depth(&self) -> usize {
        match self {
            Json::Array(elements) => 1 + elements.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub fn value(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Boolean(value) => Value::Bool(*value),
            Json::Number(number) => serde_json::from_str(number).unwrap(),
            Json::Text(text) => Value::String(text.text.clone()),
            Json::Array(elements) => elements.iter().map(Json::value).collect(),
            Json::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.value())).collect())
            }
        }
    }
}

impl Text {
    fn read(text: &str, escaped: bool) -> Text {
        let is_whole = !escaped || !text.contains(HALF);
        Text { text: text.replace(HALF, "\u{fffd}"), escaped, is_whole }
    }

    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

pub fn mended(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let (mut mended, mut at) = (String::new(), 0);
    while let Some(character) = text[at..].chars().next() {
        let (taken, written) = match unit(at) {
            Some(0xd800..0xdc00) if unit(at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low)) => {
                (12, None)
            }
            Some(0xd800..0xe000) => (6, Some("\\ufdd0")),
            // Skip the character after a backslash as well: a second backslash begins no escape.
            _ if character == '\\' => (1 + text[at + 1..].chars().next().map_or(0, char::len_utf8), None),
            _ => (character.len_utf8(), None),
        };
        mended.push_str(written.unwrap_or(&text[at..at + taken]));
        at += taken;
    }
    mended
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    // `serde_json` passes integers of 64 bits to `visit_u64` and `visit_i64`, and all other numbers as text to
    // `visit_map`.
    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json, E> {
        Ok(Json::Text(Text::read(text, false)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Text::read(text, true)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(name) = members.next_key::<Text>()? {
            if name.text == NUMBER && !name.escaped {
                return members.next_value().map(Json::Number);
            }
            object.push((name.text, members.next_value()?));
        }
        Ok(Json::Object(object))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            // `serde_json` borrows a text from the frame, and calls this method, only if the text has no escapes.
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text, E> {
                Ok(Text::read(text, false))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::read(text, true))
            }
        }
        deserializer.deserialize_str(Name)
    }
}
