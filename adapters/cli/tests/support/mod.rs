//! Helpers for the tests of the command.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod peer;
#[cfg(target_os = "linux")]
pub(crate) mod pty;
pub(crate) mod schema;
pub(crate) mod simulator;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// The time limit for every wait in the tests. It is long, because the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the command, with pipes for its input and outputs.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_gemini-ws");
    // If the parent process ignores signals (`nohup`), the command would inherit this.
    let mut command = if ignores_signals() {
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,TERM", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns whether this process ignores SIGHUP, SIGINT or SIGTERM; `false` on systems without `/proc`.
fn ignores_signals() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    // Bit 0 stands for signal 1. The signals are 1, 2 and 15.
    ignored & 0b0100_0000_0000_0011 != 0
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs the command to its end, with a short text on its input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = command(arguments).spawn().unwrap();
    // The command may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    Run::of(child.wait_with_output().unwrap())
}

/// Waits until `holds` returns `true`, for at most `patience`. Returns whether `holds` has returned `true`.
pub(crate) fn comes_true(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// Waits until a process ends, and returns its status. After `patience`, kills the process and returns `None`.
pub(crate) fn end_of(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let mut status = None;
    comes_true(patience, || {
        status = child.try_wait().expect("its state");
        status.is_some()
    });
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

pub(crate) fn signal(child: &Child, name: &str) {
    signal_to(child.id(), name);
}

pub(crate) fn signal_to(process: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(status.expect("kill").success());
}

/// Waits until a process has a handler for SIGTERM, so that the signal does not end it at once. On systems other than
/// Linux, waits three seconds.
pub(crate) fn wait_until_it_hears(child: &Child) {
    if !cfg!(target_os = "linux") {
        return std::thread::sleep(Duration::from_secs(3));
    }
    let path = format!("/proc/{}/status", child.id());
    let hears = || {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // Bit 0 stands for signal 1, and SIGTERM is signal 15.
        caught.is_some_and(|mask| mask >> 14 & 1 == 1)
    };
    assert!(comes_true(PATIENCE, hears), "it never hears signals");
}

/// Returns the path of a recording. If the recording is not on this machine, prints that and returns `None`.
///
/// # Panics
///
/// If the recording is not on this machine and `GEMINI_WS_REQUIRE_FRAMES` is 1.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("GEMINI_WS_FRAMES") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/frames"),
    };
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var_os("GEMINI_WS_REQUIRE_FRAMES").is_some_and(|value| value == "1");
    assert!(!required, "{} is required", path.display());
    println!("ignored: no recordings ({})", path.display());
    None
}
