//! Runs cargo-fuzz with its own arguments and with `RUSTC_BOOTSTRAP=1`.
//!
//! cargo-fuzz asks for AddressSanitizer, which a stable compiler accepts only with that variable. The alias `fuzz` in
//! `.cargo/config.toml` runs this program, so that no other build sees the variable.

#![forbid(unsafe_code)]

use std::env;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut command = Command::new("cargo-fuzz");
    // A subcommand of cargo gets its own name as first argument, so cargo-fuzz expects `fuzz` there.
    command.arg("fuzz").args(env::args_os().skip(1));
    if env::var_os("RUSTC_BOOTSTRAP").is_none() {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("cargo-fuzz is not installed: cargo install cargo-fuzz --locked");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cargo-fuzz did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
