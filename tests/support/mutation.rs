//! Frames with something changed: what a fuzzer does, from a seed, for `cargo test`.

use super::random::Random;

/// Numbers at the edges of what fits somewhere.
const NUMBERS: [&str; 24] = [
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
];

/// What goes where a value stood.
const VALUES: [&str; 16] = [
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
];

/// Names that mean something.
const NAMES: [&str; 40] = [
    "id",
    "status",
    "error",
    "result",
    "rateLimits",
    "lastUpdateId",
    "bids",
    "asks",
    "symbol",
    "code",
    "msg",
    "e",
    "E",
    "s",
    "u",
    "U",
    "b",
    "B",
    "a",
    "A",
    "c",
    "C",
    "t",
    "p",
    "q",
    "m",
    "i",
    "k",
    "o",
    "n",
    "f",
    "r",
    "R",
    "T",
    "X",
    "type",
    "é",
    "@",
    "\\u0065",
    "",
];

/// One of `frames` with one to four changes.
pub(crate) fn mutated(frames: &[String], random: &mut Random) -> String {
    let mut frame = random.pick(frames).clone();
    for _ in 0..=random.below(4) {
        frame = match random.below(10) {
            0 => flip(&frame, random),
            1 => insert(
                &frame,
                random.below(frame.len() + 1),
                random.pick::<&str>(&[" ", "\t", "\n", "\r ", "\u{b}"]),
            ),
            2 => frame[..boundary(&frame, random.below(frame.len() + 1))].into(),
            3 => {
                let other: &String = random.pick(frames);
                splice(&frame, other, random)
            }
            4 => number(&frame, random),
            5..=9 => member(&frame, random),
            _ => unreachable!(),
        };
    }
    frame
}

/// The same frame with its members in another order.
pub(crate) fn shuffled(frame: &str, random: &mut Random) -> String {
    let Some(mut members) = members(frame) else { return frame.into() };
    random.shuffle(&mut members);
    object(&members)
}

/// The same frame with white space wherever JSON allows it.
pub(crate) fn spaced(frame: &str, random: &mut Random) -> String {
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

/// One character becomes another.
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

/// A run of digits and points becomes another number.
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

/// A change to a whole member.
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

/// Names, with their quotes, and values of an object as they are written.
fn members(text: &str) -> Option<Vec<(String, String)>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
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
    parts.iter().map(|part| part.split_once(':').map(|(name, value)| (name.into(), value.into()))).collect()
}

fn object(members: &[(String, String)]) -> String {
    let parts: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", parts.join(","))
}
