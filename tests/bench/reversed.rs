//! Reverses the members of every object in frames.

/// Reverses the members of each object of a JSON text without white space.
pub(crate) fn reversed(json: &str) -> String {
    let (first, last) = (json.as_bytes().first(), json.len().saturating_sub(1));
    match first {
        Some(b'{') => {
            let mut members: Vec<String> = parts(&json[1..last]).into_iter().map(member).collect();
            members.reverse();
            format!("{{{}}}", members.join(","))
        }
        Some(b'[') => {
            let elements: Vec<String> = parts(&json[1..last]).into_iter().map(reversed).collect();
            format!("[{}]", elements.join(","))
        }
        _ => json.to_string(),
    }
}

fn member(member: &str) -> String {
    let (name, value) = member.split_once("\":").unwrap_or_else(|| panic!("{member}"));
    format!("{name}\":{}", reversed(value))
}

/// Splits the content of an object or array at its own commas, not at the commas of nested values.
fn parts(inside: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut in_text) = (Vec::new(), 0, 0_usize, false);
    for (place, byte) in inside.bytes().enumerate() {
        match byte {
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inside[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    if !inside.is_empty() {
        parts.push(&inside[start..]);
    }
    parts
}
