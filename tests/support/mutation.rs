//! Changes frames at random, as a fuzzer does.

use super::random::Random;

const NUMBERS: [&str; 32] = [
    "0",
    "-0",
    "00",
    "1.0",
    "1e3",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999999999999",
    "0.0",
    "0.0000000000",
    "9000000000000.0000000000",
    "0.000000000000000001",
    "0.0000000000000000001",
    "123456789012345",
    "1234567890.12345",
    "1234567.12345678",
    "12345678.12345678",
    "65535",
    "65536",
    "1E-18",
    "12.50e+1",
    "0e0",
    "9e18",
    "10e18",
    "100e-20",
    "1e-32768",
    "1234567890123456789012345.678",
];

const VALUES: [&str; 28] = [
    "null",
    "true",
    "false",
    "\"\"",
    "{}",
    "[]",
    "[[]]",
    "[[\"1\",\"2\"]]",
    "[[\"1\"]]",
    "[[1,2.50]]",
    "[[\"1\",\"2\",\"3\"]]",
    "[[\"1\",\"-2\"]]",
    "\"\\u0031\"",
    "\"é\"",
    "[ [ \"1.5\" , \"0.10\" ] ]",
    "{\"code\":-1013,\"msg\":\"no\"}",
    "7",
    "\"7\"",
    "\"-0.5\"",
    "\"FILLED\"",
    "\"fill\"",
    "\"closed\"",
    "\"update\"",
    "\"change\"",
    "\"error\"",
    "\"\\u0062id\"",
    "[{}]",
    "[[1801000000000,1,2.5e1,3,4E-2,\"5\"]]",
];

#[rustfmt::skip]
const NAMES: [&str; 130] = [
    // The current API.
    "id", "status", "error", "result", "rateLimits", "lastUpdateId", "bids", "asks", "symbol", "code", "msg",
    "e", "E", "s", "u", "U", "b", "B", "a", "A", "c", "C", "t", "p", "q", "m", "i", "k", "o", "n", "f", "r", "R",
    "T", "X", "x", "S", "O", "P", "z", "Z", "L", "h", "l", "w", "v", "sz", "qs", "vu", "orders", "settlements",
    "position", "payout", "outcome", "type", "é", "@", "\\u0065", "",
    // Market data v2.
    "changes", "trades", "auction_events", "event_id", "eventid", "timestamp", "price", "quantity", "side",
    "tid", "time_ms", "highest_bid_price", "lowest_ask_price", "collar_price", "auction_price",
    "indicative_price", "auction_quantity", "indicative_quantity", "reason", "message", "mark_price",
    "spot_index", "funding_amount", "funding_date_time", "funding_interval_in_minutes", "funding_rate",
    "is_realized", "eid", "\\u0074id",
    // Market data v1.
    "eventId", "timestampms", "socket_sequence", "events", "remaining", "delta", "amount", "makerSide",
    "auction_open_ms", "auction_time_ms", "first_indicative_ms", "last_cancel_time_ms",
    // Order events v1.
    "order_id", "cancel_command_id", "account_name", "client_order_id", "api_session", "behavior",
    "order_type", "timestampMs", "is_live", "is_cancelled", "is_hidden", "avg_execution_price",
    "executed_amount", "total_executed_amount", "remaining_amount", "original_amount", "original_price",
    "total_spend", "fill", "trade_id", "liquidity", "fee", "fee_currency", "accountId", "subscriptionId",
    "symbolFilter", "apiSessionFilter", "eventTypeFilter", "sequence", "trace_id",
];

/// Returns one of `frames` with one to three changes, some of which insert a piece of one of `others`.
pub fn mutated(frames: &[String], others: &[String], random: &mut Random) -> String {
    let mut frame = random.pick(frames).clone();
    // Most changes keep the frame valid JSON, so that the decoder reads all its members.
    let first = if random.below(4) == 0 { 0 } else { 4 };
    for _ in 0..=random.below(3) {
        frame = match first + random.below(12 - first) {
            0 => flip(&frame, random),
            1 => insert(
                &frame,
                random.below(frame.len() + 1),
                random.pick::<&str>(&[" ", "\t", "\n", "\r ", "\u{b}"]),
            ),
            2 => frame[..boundary(&frame, random.below(frame.len() + 1))].into(),
            3 => {
                let other: &String = random.pick(others);
                splice(&frame, other, random)
            }
            4 | 5 => number(&frame, random),
            6..=9 => inside(&frame, b'{', random, member),
            10..=11 => inside(&frame, b'[', random, element),
            _ => unreachable!(),
        };
    }
    frame
}

pub fn shuffled(frame: &str, random: &mut Random) -> String {
    let Some(mut members) = members(frame) else { return frame.into() };
    random.shuffle(&mut members);
    object(&members)
}

pub fn shuffled_everywhere(frame: &str, random: &mut Random) -> String {
    if let Some(mut members) = members(frame) {
        random.shuffle(&mut members);
        let inner = |(name, value): &(String, String), random: &mut Random| {
            (name.clone(), shuffled_everywhere(value, random))
        };
        let members: Vec<_> = members.iter().map(|member| inner(member, random)).collect();
        object(&members)
    } else if let Some(elements) = parts(frame, '[', ']') {
        let elements: Vec<String> =
            elements.iter().map(|element| shuffled_everywhere(element, random)).collect();
        format!("[{}]", elements.join(","))
    } else {
        frame.into()
    }
}

pub fn spaced(frame: &str, random: &mut Random) -> String {
    let mut spaced = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for character in frame.chars() {
        let structural = !quoted && "{}[]:,".contains(character);
        let mut space = || random.pick(&["", " ", "\n", "\t\r ", "                 "]).chars();
        if structural {
            spaced.extend(space());
        }
        spaced.push(character);
        if structural {
            spaced.extend(space());
        }
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
    }
    spaced
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap()
}

fn insert(text: &str, at: usize, inserted: &str) -> String {
    let (before, behind) = text.split_at(boundary(text, at));
    format!("{before}{inserted}{behind}")
}

fn flip(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return String::new();
    }
    let at = random.below(bytes.len());
    bytes[at] = match random.below(3) {
        0 => bytes[at] ^ (1 << random.below(8)),
        1 => *random.pick(b"{}[]\":,\\ 0-.eE\0"),
        _ => random.next() as u8,
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn splice(text: &str, other: &str, random: &mut Random) -> String {
    let head = &text[..boundary(text, random.below(text.len() + 1))];
    format!("{head}{}", &other[boundary(other, random.below(other.len() + 1))..])
}

fn number(text: &str, random: &mut Random) -> String {
    let is_part = |character: char| character.is_ascii_digit() || character == '.';
    let starts: Vec<usize> = text
        .char_indices()
        .filter(|&(at, character)| is_part(character) && !text[..at].ends_with(is_part))
        .map(|(at, _)| at)
        .collect();
    if starts.is_empty() {
        return text.into();
    }
    let start = *random.pick(&starts);
    let length = text[start..].find(|character| !is_part(character)).unwrap_or(text.len() - start);
    let new = match random.below(2) {
        0 => (*random.pick(&NUMBERS)).to_string(),
        _ => {
            let whole = random.next() >> random.below(64);
            let fraction = format!("{:020}", random.next());
            format!("{whole}.{}", &fraction[..1 + random.below(20)])
        }
    };
    format!("{}{new}{}", &text[..start], &text[start + length..])
}

/// Changes the members of an object: reorders them, or removes, replaces, renames or inserts one.
fn member(text: &str, random: &mut Random) -> String {
    let Some(mut members) = members(text) else { return text.into() };
    if members.is_empty() {
        return text.into();
    }
    let at = random.below(members.len());
    match random.below(5) {
        0 => random.shuffle(&mut members),
        1 => {
            members.remove(at);
        }
        2 => members[at].1 = (*random.pick(&VALUES)).into(),
        3 => members[at].0 = format!("\"{}\"", random.pick(&NAMES)),
        _ => {
            let (mut name, mut value) = members[at].clone();
            if random.below(2) == 0 {
                name = format!("\"{}\"", random.pick(&NAMES));
            } else {
                value = (*random.pick(&VALUES)).into();
            }
            let to = random.below(members.len() + 1);
            members.insert(to, (name, value));
        }
    }
    object(&members)
}

/// Changes the elements of an array: reorders them, or removes, replaces or repeats one.
fn element(text: &str, random: &mut Random) -> String {
    let Some(elements) = parts(text, '[', ']') else { return text.into() };
    let mut elements: Vec<String> = elements.into_iter().map(str::to_string).collect();
    let at = random.below(elements.len());
    match random.below(5) {
        0 => random.shuffle(&mut elements),
        1 => {
            elements.remove(at);
        }
        2 => elements[at] = (*random.pick(&VALUES)).into(),
        3 => elements[at] = (*random.pick(&NUMBERS)).into(),
        _ => {
            let again = elements[at].clone();
            elements.insert(random.below(elements.len() + 1), again);
        }
    }
    format!("[{}]", elements.join(","))
}

/// Applies `change` to a random container that begins with `open`.
fn inside(text: &str, open: u8, random: &mut Random, change: fn(&str, &mut Random) -> String) -> String {
    let starts: Vec<usize> = (0..text.len()).filter(|&at| text.as_bytes()[at] == open).collect();
    if starts.is_empty() {
        return text.into();
    }
    let start = *random.pick(&starts);
    // This search counts brackets in strings too, so the end that it finds may be wrong.
    let mut depth = 0;
    let end = text[start..].char_indices().find_map(|(at, character)| {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(start + at + 1)
    });
    let Some(end) = end else { return text.into() };
    format!("{}{}{}", &text[..start], change(&text[start..end], random), &text[end..])
}

/// Returns the names, with their quotes, and the values of an object, as they are written.
fn members(text: &str) -> Option<Vec<(String, String)>> {
    let parts = parts(text, '{', '}')?;
    parts.iter().map(|part| part.split_once(':').map(|(name, value)| (name.into(), value.into()))).collect()
}

fn parts(text: &str, open: char, close: char) -> Option<Vec<&str>> {
    let inside = text.trim().strip_prefix(open)?.strip_suffix(close)?;
    let (mut depth, mut quoted, mut escaped, mut start) = (0_i32, false, false, 0);
    let mut parts = Vec::new();
    for (at, character) in inside.char_indices() {
        match character {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    parts.push(&inside[start..]);
    Some(parts)
}

fn object(members: &[(String, String)]) -> String {
    let parts: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", parts.join(","))
}
