//! Reads and writes the tables in documents that tests generate, and finds the tests that these tables name.

use std::fs;
use std::path::PathBuf;

use super::root;
use super::variables::flag;

pub fn file(name: &str) -> PathBuf {
    root().join(name)
}

const TABLES: [(&str, &str); 4] = [
    ("link", "tests/LIFECYCLE.md"),
    ("stream", "tests/LIFECYCLE.md"),
    ("invariant", "tests/INVARIANTS.md"),
    ("scenario", "tests/SCENARIOS.md"),
];

/// Checks a table of a document. With `UPDATE_TABLES=1`, writes the table there instead.
pub fn has_table(name: &str, table: &str) {
    let (_, document) = TABLES.iter().find(|(of, _)| *of == name).expect("a document for the table");
    let path = file(document);
    let mut document = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} table -->\n"), format!("<!-- end of {name} table -->"));
    let start = document.find(&begin).expect("a place for the table") + begin.len();
    let stop = document.find(&end).expect("the end of the table");
    if flag("UPDATE_TABLES") {
        document.replace_range(start..stop, table);
        fs::write(&path, &document).unwrap();
    } else {
        assert_eq!(&document[start..stop], table, "{name}: run with UPDATE_TABLES=1 and read the difference");
    }
}

/// Returns the text and documentation of a test, such as `tests/file.rs::name`, or without `::` the text of a file.
/// Returns `None` if there is no such test or file.
pub fn text_of(place: &str) -> Option<String> {
    let (path, name) = place.split_once("::").unwrap_or((place, ""));
    let text = fs::read_to_string(file(path)).ok()?;
    if name.is_empty() {
        return Some(text);
    }
    let (plain, of_suite) = (format!("fn {name}("), format!("fn {name}<A: Adapter>("));
    let at = text.find(&plain).or_else(|| text.find(&of_suite))?;
    let begin = text[..at].rfind("\n\n").unwrap_or(0);
    let line = &text[text[..at].rfind('\n')? + 1..at];
    let indent = line.len() - line.trim_start().len();
    let end = format!("\n{}}}\n", " ".repeat(indent));
    let length = text[at..].find(&end)?;
    let test = &text[begin..at + length];
    // The tests that every adapter runs are in a list of `adapters/suite`.
    let is_listed =
        || fs::read_to_string(file("adapters/suite/src/lib.rs")).is_ok_and(|list| list.contains(name));
    (test.contains("#[test]") || (test.contains("<A: Adapter>") && is_listed())).then(|| test.to_owned())
}
