//! Proof that the checks bite: each fault of `src/mutants.rs`, switched on by itself, is found, and by a check
//! that is about it.
//!
//! `RUSTFLAGS="--cfg gemini_ws_mutants" cargo test --target-dir target/mutants --test mutants -- --nocapture`

#[cfg(gemini_ws_mutants)]
mod support;

#[cfg(not(gemini_ws_mutants))]
#[test]
#[ignore = "wants RUSTFLAGS=\"--cfg gemini_ws_mutants\" and a target directory of its own"]
fn each_mutant_is_found() {}

#[cfg(gemini_ws_mutants)]
mod hunt {
    use std::time::Instant;

    use gemini_ws::mutants::{Mutant, switch_on};
    use gemini_ws::{Event, EventQueue, Message, Overflow, Scratch, decode};

    use crate::support::observer::Violation;
    use crate::support::search::{hunts, worlds};

    fn violation(id: &'static str, what: &str) -> Option<Violation> {
        Some(Violation { id, what: what.to_owned() })
    }

    #[test]
    fn each_mutant_is_found() {
        let only = std::env::var("GEMINI_WS_MUTANT").ok();
        assert!(find(300).0.is_none(), "{:?}", find(300));
        for mutant in Mutant::ALL {
            if only.as_ref().is_some_and(|only| format!("{mutant:?}") != *only) {
                continue;
            }
            let start = Instant::now();
            switch_on(Some(*mutant));
            let (found, steps, place) = find(std::env::var("WALKS").map_or(200, |w| w.parse().unwrap()));
            switch_on(None);
            let id = found.as_ref().map_or("----", |it| it.id);
            let what: String = found.map_or(String::new(), |it| it.what.chars().take(110).collect());
            println!("{:28} {id} {place:10} {steps:7} {:?} {what}", format!("{mutant:?}"), start.elapsed());
        }
    }

    fn find(walks: u64) -> (Option<Violation>, usize, &'static str) {
        let mut steps = 0;
        let mut place = "";
        let mut found = None;
        let (connection, strained, archived, client, spread) = (
            worlds::connection(),
            hunts::strained(),
            hunts::archived(),
            worlds::full_client(),
            hunts::spread(),
        );
        for (name, hunt) in [
            (
                "strained",
                &(|steps: &mut usize| strained.hunt(walks, 80, steps).map(|prey| prey.violation))
                    as &dyn Fn(&mut usize) -> Option<Violation>,
            ),
            ("connection", &|steps| connection.hunt(walks, 50, steps).map(|prey| prey.violation)),
            ("archived", &|steps| archived.hunt(walks, 50, steps).map(|prey| prey.violation)),
            ("spread", &|steps| spread.hunt(walks, 120, steps).map(|prey| prey.violation)),
            ("client", &|steps| client.hunt(walks, 60, steps).map(|prey| prey.violation)),
        ] {
            place = name;
            found = hunt(&mut steps);
            if found.is_some() {
                break;
            }
        }
        (found, steps, place)
    }
}
