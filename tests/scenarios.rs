//! Tests that each scenario of a failed connection, known from other clients, has a test in this repository.

#[path = "scenarios/asking.rs"]
mod asking;
#[path = "scenarios/ending.rs"]
mod ending;
#[path = "scenarios/legs.rs"]
mod legs;
#[path = "scenarios/reach.rs"]
mod reach;
#[path = "scenarios/retrying.rs"]
mod retrying;
#[path = "scenarios/table.rs"]
mod table;

use std::fs;

use table::SCENARIOS;
use testkit::documents::{file, has_table, text_of};

#[test]
fn each_scenario_has_a_row() {
    let ids: Vec<&str> = SCENARIOS.iter().map(|row| row.0).collect();
    let expected: Vec<String> = (1..=144).map(|number| format!("L-{number:03}")).collect();
    assert_eq!(ids, expected);
    for (id, title, places) in SCENARIOS {
        assert!(!title.is_empty() && !places.is_empty(), "{id}");
    }
}

/// Each test that a row names exists, and its text names the scenario.
#[test]
fn each_place_shows_its_scenario() {
    let mut missing = Vec::new();
    for (id, _, places) in SCENARIOS {
        for place in *places {
            let shown = text_of(place);
            let in_name = id.to_lowercase().replace('-', "_");
            if !shown.is_some_and(|text| text.contains(id) || text.contains(&in_name)) {
                missing.push(format!("{id}: {place}"));
            }
        }
    }
    assert!(missing.is_empty(), "not there, or without the number:\n{}", missing.join("\n"));
}

/// If a transcript names a scenario, the row of this scenario names the transcript.
#[test]
fn each_transcript_is_in_its_rows() {
    for entry in fs::read_dir(file("tests/transcripts")).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let place = format!("tests/transcripts/{}", entry.file_name().into_string().unwrap());
        for (id, _, places) in SCENARIOS.iter().filter(|row| text.contains(row.0)) {
            assert!(places.contains(&place.as_str()), "{id} is named in {place}");
        }
    }
}

#[test]
fn table_in_the_documentation() {
    let mut table = String::from("| scenario | what goes wrong elsewhere | shown by |\n|---|---|---|\n");
    for (id, title, places) in SCENARIOS {
        let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        table += &format!("| {id} | {title} | {} |\n", places.join(", "));
    }
    has_table("scenario", &table);
}
