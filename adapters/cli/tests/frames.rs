//! What `gemini-ws decode` makes of a frame of each kind of each endpoint: see `frames.txt`.

mod support;

use support::run;

#[derive(Default)]
struct Section<'t> {
    endpoint: &'t str,
    frames: Vec<&'t str>,
    printed: Vec<&'t str>,
    said: Vec<&'t str>,
}

#[test]
fn frames_of_all_endpoints() {
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
