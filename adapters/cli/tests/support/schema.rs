//! Checks values against `schema/lines-1.json`. Implements only the part of JSON Schema that this file uses. A member
//! that the schema does not name is a fault.

use serde_json::Value;

pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn read() -> Schema {
        Schema(serde_json::from_str(include_str!("../../schema/lines-1.json")).unwrap())
    }

    /// Returns the kinds of lines that `decode` or `watch` prints.
    pub(crate) fn kinds(&self, of: &str) -> Vec<&str> {
        let kinds = self.definition(of)["oneOf"].as_array().unwrap().iter();
        kinds.map(|kind| kind["$ref"].as_str().unwrap().trim_start_matches("#/$defs/")).collect()
    }

    pub(crate) fn faults(&self, of: &str, line: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(self.definition(of), line, "line", &mut faults);
        faults
    }

    fn definition(&self, name: &str) -> &Value {
        let definition = &self.0["$defs"][name];
        assert!(definition.is_object(), "no {name}");
        definition
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        for (keyword, says) in schema.as_object().unwrap() {
            let holds = match keyword.as_str() {
                "description" | "required" => true,
                "$ref" => {
                    let name = says.as_str().unwrap().trim_start_matches("#/$defs/");
                    self.check(self.definition(name), value, at, faults);
                    true
                }
                "const" => says == value,
                "type" => {
                    let types = says.as_array().map_or(std::slice::from_ref(says), Vec::as_slice);
                    types.iter().any(|it| is_of_type(it.as_str().unwrap(), value))
                }
                "pattern" => value.as_str().is_none_or(|text| matches(says.as_str().unwrap(), text)),
                "items" => {
                    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(says, item, &format!("{at}[{position}]"), faults);
                    }
                    true
                }
                "properties" => {
                    self.check_members(schema, value, at, faults);
                    true
                }
                "oneOf" => {
                    self.check_choice(says.as_array().unwrap(), value, at, faults);
                    true
                }
                other => panic!("the schema has {other}"),
            };
            if !holds {
                faults.push(format!("{at}: {value} is not {keyword} {says}"));
            }
        }
    }

    fn check_members(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let Some(members) = value.as_object() else { return };
        for name in schema["required"].as_array().unwrap() {
            if !members.contains_key(name.as_str().unwrap()) {
                faults.push(format!("{at}: no {name}"));
            }
        }
        for (name, member) in members {
            match schema["properties"].get(name) {
                Some(schema) => self.check(schema, member, &format!("{at}.{name}"), faults),
                None => faults.push(format!("{at}: {name} is not in the schema")),
            }
        }
    }

    /// Checks a value against the choices of `oneOf`. If one choice has the kind of the value, the value must match
    /// this choice; otherwise it must match exactly one choice.
    fn check_choice(&self, choices: &[Value], value: &Value, at: &str, faults: &mut Vec<String>) {
        let faults_of = |choice: &Value| {
            let mut faults = Vec::new();
            self.check(choice, value, at, &mut faults);
            faults
        };
        let is_of_kind = |choice: &&Value| {
            let name = choice["$ref"].as_str().map_or("", |name| name.trim_start_matches("#/$defs/"));
            let kind = &self.0["$defs"][name]["properties"]["kind"]["const"];
            kind.is_string() && kind == &value["kind"]
        };
        if let Some(choice) = choices.iter().find(is_of_kind) {
            return faults.extend(faults_of(choice));
        }
        let count = choices.iter().filter(|choice| faults_of(choice).is_empty()).count();
        if count != 1 {
            faults.push(format!("{at}: {value} is of {count} choices"));
        }
    }
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema has the type {other}"),
    }
}

/// Returns whether a text matches a pattern, which must be one of the three in the schema.
fn matches(pattern: &str, text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = |text: &str| {
        let text = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        is_digits(whole) && is_digits(fraction)
    };
    match pattern {
        "^-?[0-9]+$" => is_digits(text.strip_prefix('-').unwrap_or(text)),
        r"^-?[0-9]+(\.[0-9]+)?$" => is_decimal(text),
        r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$" => {
            let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
            is_decimal(mantissa) && is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        }
        other => panic!("the schema has the pattern {other}"),
    }
}
