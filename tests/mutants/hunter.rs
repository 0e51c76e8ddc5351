//! Runs in a copy of the workspace that contains a group of planted faults. Switches on one fault after the other,
//! and searches for a check that fails. If the variable `GEMINI_WS_MUTANT` names a fault, searches for this fault
//! only, and prints the violation in full.

mod cases;
mod hunt;
mod table;

use std::time::Instant;

use gemini_ws::mutants::{NAMES, switch_on};

use hunt::{Found, Hunters};
use table::{IN_THE_DRIVER, TABLE};

#[test]
fn each_mutant_is_found() {
    let only = std::env::var("GEMINI_WS_MUTANT").ok();
    if let Some(only) = &only {
        assert!(TABLE.iter().any(|row| row.0 == only), "GEMINI_WS_MUTANT is {only:?}, which is no planted fault");
    }
    let hunters = Hunters::new();
    if let Some(found) = hunters.find() {
        panic!("without any fault: {found:?}");
    }
    let (start, mut hunted, mut escaped) = (Instant::now(), 0, Vec::new());
    let is_hunted = |name: &str| NAMES.contains(&name) && name != IN_THE_DRIVER;
    for (name, expected, what) in TABLE.iter().filter(|(name, ..)| is_hunted(name)) {
        hunted += 1;
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        switch_on(Some(name));
        // The tests of `tests/faults` that are expected to find it, or else everything.
        let found = if cases::show(expected) { cases::find(expected) } else { hunters.find() };
        switch_on(None);
        match &found {
            Some(Found { violation, by, steps }) => {
                println!("{name:<26} {} by {by:<10} after {steps:>6} steps  ({what})", violation.id);
                if !expected.contains(&violation.id) || only.is_some() {
                    println!("    {violation}");
                }
            }
            None => println!("{name:<26} ESCAPED  ({what})"),
        }
        if !found.is_some_and(|found| expected.contains(&found.violation.id)) {
            escaped.push((name, expected));
        }
    }
    println!("{hunted} mutants, {:?}", start.elapsed());
    let planted = NAMES.iter().filter(|name| is_hunted(name)).count();
    assert_eq!(hunted, planted, "a fault is not in the table");
    assert!(escaped.is_empty(), "not found, or by another check: {escaped:?}");
}
