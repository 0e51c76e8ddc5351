//! Tests the tests: for each planted fault, a check about this fault must find it.
//!
//! A fault is a patch in `tests/mutants/patches`. The patch adds the fault and a switch for it, `mutant!(Name)`, to a
//! copy of the sources; the crate itself contains neither faults nor switches. Every run checks that each patch
//! applies to the present sources. The following command takes longer: it copies the sources to the target directory,
//! plants the faults in the copy, builds it, and hunts each fault:
//!
//! ```text
//! cargo test --test mutants -- --ignored --nocapture
//! ```
//!
//! The program `hunter` plays traces that were written for some of the faults, and then makes random walks.
//! `GEMINI_WS_MUTANT=Name` hunts only this fault.

#[path = "mutants/copy.rs"]
mod copy;
#[path = "mutants/hunt.rs"]
mod hunt;
#[path = "mutants/patch.rs"]
mod patch;
#[path = "mutants/table.rs"]
mod table;

use std::time::Duration;

use copy::{Copy, root, sources};
use patch::{Group, Patch};
use table::{IN_THE_DRIVER, TABLE};

fn patches() -> Vec<Patch> {
    Patch::read_all(&root().join("tests/mutants/patches"))
}

#[test]
fn each_patch_applies() {
    let (sources, patches) = (sources(), patches());
    let errors: Vec<String> = patches.iter().filter_map(|patch| patch.edits(&sources).err()).collect();
    assert!(errors.is_empty(), "patches that do not apply: {errors:#?}");
    assert!(
        copy::switch("    Name,\n").contains("mutants! {\n    Name,\n}"),
        "the names of the faults have a place"
    );
    for patch in &patches {
        let switches = patch.switches();
        assert!(!switches.is_empty(), "{} has no switch", patch.name);
        assert!(switches.iter().all(|name| *name == patch.name), "{} has the switch of another", patch.name);
    }
}

#[test]
fn patches_and_table_name_the_same_faults() {
    let patches = patches();
    let mut planted: Vec<&str> = patches.iter().map(|patch| patch.name.as_str()).collect();
    let mut expected: Vec<&str> = TABLE.iter().map(|row| row.0).collect();
    planted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(planted, expected);
}

#[test]
fn nothing_is_found_without_a_fault() {
    let found = hunt::Hunters::new().find();
    assert!(found.is_none(), "{found:?}");
}

#[test]
#[ignore = "builds copies of the core and of the adapters, which takes minutes"]
fn each_planted_fault_is_found() {
    let (sources, patches) = (sources(), patches());
    let groups = Group::all(&patches, &sources);
    let (mut built, mut hunted) = (Duration::ZERO, Duration::ZERO);
    for group in &groups {
        let copy = Copy::make(sources.clone(), group);
        // Every copy builds the same packages, so that their dependencies are compiled once.
        let mut arguments = vec!["--package", "gemini-ws", "--package", "gemini-ws-smol", "--test", "hunter"];
        if group.names.iter().any(|name| name == IN_THE_DRIVER) {
            arguments.extend(["--test", "mutants"]);
        }
        arguments.push("is_found");
        let (building, hunting) = copy.test(&arguments);
        (built, hunted) = (built + building, hunted + hunting);
    }
    let count: usize = groups.iter().map(|group| group.names.len()).sum();
    println!("{count} faults in {} copies: built in {built:.1?}, hunted in {hunted:.1?}", groups.len());
}
