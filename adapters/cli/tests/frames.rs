//! Checks the output of `gemini-ws decode` for a frame of each kind of each endpoint, listed in `frames.txt`.

use crate::support::run;
use crate::support::schema::Schema;
use serde_json::Value;

#[derive(Default)]
struct Section<'t> {
    endpoint: &'t str,
    frames: Vec<&'t str>,
    printed: Vec<&'t str>,
    said: Vec<&'t str>,
}

pub(crate) fn frames_of_all_endpoints() {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in include_str!("frames.txt").lines() {
        let section = sections.last_mut();
        match (line.split_once(' '), section) {
            (Some(("endpoint", endpoint)), _) => sections.push(Section { endpoint, ..Section::default() }),
            (Some(("<", frame)), Some(section)) => section.frames.push(frame),
            (Some((">", printed)), Some(section)) => section.printed.push(printed),
            (Some(("!", said)), Some(section)) => section.said.push(said),
            (Some(("#", _)), _) | (None, _) => {}
            (Some(other), _) => panic!("{other:?}"),
        }
    }
    assert_eq!(sections.len(), 4);
    for Section { endpoint, frames, printed, said } in sections {
        let run = run(&["decode", "--endpoint", endpoint], frames.join("\n").as_bytes());
        let found: Vec<&str> = run.out.lines().collect();
        assert_eq!((run.code, found.len()), (Some(0), printed.len()), "{endpoint}: {run:?}");
        for (found, expected) in found.iter().zip(printed) {
            assert_eq!(*found, expected, "{endpoint}");
        }
        assert_eq!(run.err.lines().collect::<Vec<_>>(), said, "{endpoint}");
        assert!(!run.out.contains("an-api-key"), "{endpoint}");
    }
}

/// The output in `frames.txt` matches the schema, and contains each kind of the schema.
pub(crate) fn lines_are_as_the_schema_says() {
    let schema = Schema::read();
    let mut printed = Vec::new();
    for line in include_str!("frames.txt").lines().filter_map(|line| line.strip_prefix("> ")) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(schema.faults("decode", &line), [""; 0], "{line}");
        printed.push(line["kind"].as_str().unwrap().to_owned());
    }
    let missing: Vec<_> =
        schema.kinds("decode").into_iter().filter(|kind| !printed.iter().any(|it| it == kind)).collect();
    assert_eq!(missing, [""; 0], "kinds without an example");
}

pub(crate) fn faults_are_found() {
    let schema = Schema::read();
    let good = r#"{"time":"1","kind":"gap","link":{"slot":0,"endpoint":0,"epoch":1},"id":"7","symbol":"a","expected":"1","got":null}"#;
    let table = [
        (good.to_owned(), None),
        (good.replace(r#""got":null"#, r#""got":7"#), Some("line.got")),
        (good.replace(r#""expected":"1""#, r#""expected":"1.5""#), Some("line.expected")),
        (good.replace(r#""epoch":1"#, r#""epoch":"1""#), Some("line.link")),
        (good.replace(r#","got":null"#, ""), Some("no \"got\"")),
        (good.replace("symbol\"", "symbols\":1,\"symbol\""), Some("symbols is not in the schema")),
        (good.replace("gap", "news"), Some("of 0 choices")),
    ];
    for (line, fault) in table {
        let faults = schema.faults("watch", &serde_json::from_str(&line).unwrap()).join("; ");
        assert_eq!(faults.is_empty(), fault.is_none(), "{faults}");
        assert!(fault.is_none_or(|part| faults.contains(part)), "{faults}");
    }
}
