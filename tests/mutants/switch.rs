//! The switch of the planted faults. A copy of the crate contains this file, with the names of its faults.
#![allow(missing_docs, unreachable_pub, reason = "no product")]

use core::sync::atomic::{AtomicUsize, Ordering};

/// Returns whether a fault is switched on.
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutants::is_on($crate::mutants::Mutant::$name)
    };
}

macro_rules! mutants {
    ($($name:ident,)*) => {
        #[derive(Clone, Copy, Debug)]
        pub enum Mutant {
            $($name,)*
        }

        /// The names of all faults, in the order of their numbers.
        pub const NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}

mutants! {
    // The names of the faults are inserted here.
}

/// The number of the fault that is on, counted from one; zero if none is on.
static ON: AtomicUsize = AtomicUsize::new(0);

/// Switches one fault on and the others off, in the whole process.
pub fn switch_on(name: Option<&str>) {
    let number = name.and_then(|name| NAMES.iter().position(|known| *known == name));
    ON.store(number.map_or(0, |number| number.saturating_add(1)), Ordering::Relaxed);
}

pub fn is_on(mutant: Mutant) -> bool {
    ON.load(Ordering::Relaxed) == (mutant as usize).saturating_add(1)
}
