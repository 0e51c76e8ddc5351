//! Compares the descriptions of messages in `src/wire` with the pages of `gemini_ws::protocol`.
//!
//! The comment of each `record!` names the sections that describe its members. The test checks that these sections
//! describe each member that the record reads, and that some record reads each member in the tables of these
//! sections.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Names = BTreeSet<String>;

/// Members that identify the kind of a frame: `Outline` reads them, not the `record!` of the kind.
const KINDS: [&str; 2] = ["e", "type"];

/// Members in tables that no record reads: members of requests, and members of answers that the crate does not
/// report.
const UNREAD: [(&str, &[&str]); 3] = [
    ("rest#balances", &["availableForWithdrawal"]),
    ("rest#order-status", &["avg_execution_price", "timestampms", "options"]),
    ("streams#requests-and-responses", &["method", "params"]),
];

/// Sections whose tables have methods, parameters or types of events in the first column, not members.
const OTHER_TABLES: [&str; 6] = [
    "order_events_v1#address-and-authentication",
    "order_events_v1#members-by-type",
    "streams#methods",
    "streams#placing-and-cancelling",
    "streams#quote-methods",
    "streams#undocumented-streams",
];

#[derive(Default)]
struct Section {
    /// The words that the section formats as code.
    words: Names,
    /// The words in the first columns of tables.
    members: Names,
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Vec<&'t str> {
    text.split(begin).skip(1).filter_map(|rest| rest.split_once(end)).map(|piece| piece.0).collect()
}

fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Returns the anchor of a heading, to which links refer.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|char| char.is_alphanumeric() || "-_".contains(*char)).collect()
}

fn is_of_a_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Reads the sections of all pages, by `page#anchor`. The words of a section include those of its subsections; the
/// members do not.
fn sections() -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    for (page, text) in files("src/protocol", "md") {
        let mut path: Vec<String> = Vec::new();
        for line in text.lines() {
            let level = line.chars().take_while(|char| *char == '#').count();
            if level > 0 {
                path.truncate(level - 1);
                path.push(format!("{page}#{}", anchor(line[level..].trim())));
            }
            for section in &path {
                let words = code(line).chain(line.starts_with('{').then_some(line));
                let words = words.flat_map(|code| code.split(|char| !is_of_a_word(char)));
                sections.entry(section.clone()).or_default().words.extend(words.map(str::to_owned));
            }
            let first = line.strip_prefix("| ").and_then(|row| row.split(" | ").next());
            if let (Some(first), Some(section)) = (first, path.last()) {
                // A member of an element is written as `P[].t`.
                let members = code(first).map(|member| member.rsplit("[].").next().unwrap().to_owned());
                sections.entry(section.clone()).or_default().members.extend(members);
            }
        }
    }
    sections
}

/// Reads the files of a folder, each with its name without the extension.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|is| is == extension));
    paths
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Reads all `record!` descriptions: the name, the sections in the comment, and the members of each.
fn records() -> Vec<(String, Names, Names)> {
    let mut records = Vec::new();
    for (file, text) in files("src/wire", "rs") {
        for record in between(&text, "\nrecord! {\n", "\n}\n") {
            let (comment, members) = record.split_once(" {\n").unwrap();
            let name = format!("{file}: {}", comment.lines().last().unwrap().trim());
            let links = between(comment, "crate::protocol::", ")").into_iter();
            let members = members.lines().filter(|line| !line.trim_start().starts_with("//"));
            let members = members.flat_map(|line| line.split('"').skip(1).step_by(2));
            records.push((name, links.map(str::to_owned).collect(), members.map(str::to_owned).collect()));
        }
    }
    records
}

#[test]
fn pages_describe_each_member_that_is_read() {
    let sections = sections();
    let records = records();
    assert!(records.len() > 45, "{}", records.len());
    for (name, links, members) in records {
        // `Guess` reads the members that distinguish the endpoints. The page of each endpoint describes them.
        assert!(!links.is_empty() || name == "market_v2: Guess", "{name}: names no section");
        let of = |link| sections.get(link).unwrap_or_else(|| panic!("{name}: no section {link}"));
        let described: Names = links.iter().flat_map(|link| of(link).words.iter().cloned()).collect();
        let is_missing = |member: &&String| !described.contains(*member) && !KINDS.contains(&member.as_str());
        let missing: Vec<_> = members.iter().filter(is_missing).collect();
        assert!(links.is_empty() || missing.is_empty(), "{name}: {missing:?} are not in {links:?}");
    }
}

#[test]
fn each_member_in_a_table_is_read() {
    let mut read: BTreeMap<String, Names> = BTreeMap::new();
    for (_, links, members) in records() {
        for link in links {
            read.entry(link).or_default().extend(members.iter().cloned());
        }
    }
    let sections = sections();
    let mut compared = 0;
    for (link, read) in read.iter().filter(|(link, _)| !OTHER_TABLES.contains(&link.as_str())) {
        let unread = UNREAD.iter().find(|unread| unread.0 == link).map_or(&[][..], |unread| unread.1);
        for member in &sections[link].members {
            let is_other = KINDS.contains(&member.as_str()) || unread.contains(&member.as_str());
            assert!(read.contains(member) || is_other, "{link}: no record reads {member}");
            compared += 1;
        }
        assert!(unread.iter().all(|member| !read.contains(*member)), "{link}: one of {unread:?} is read");
    }
    assert!(compared > 150, "{compared}");
}
