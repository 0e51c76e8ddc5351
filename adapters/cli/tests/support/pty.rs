//! Pseudoterminals in which tests run the command.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{PATIENCE, comes_true};

pub(crate) struct OnTerminal {
    pub(crate) child: Child,
    terminal: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Has {
    /// The terminal is the controlling terminal and standard input, so keys and signals reach the command. The
    /// command runs without a shell, as in `xterm -e`.
    All,
    /// The terminal is as in `All`, but the command is a job of a shell. The shell reads lines from the terminal and
    /// carries them out.
    Shell,
    /// The terminal is standard input but not the controlling terminal, so keys reach the command, but SIGHUP does
    /// not.
    NoSignals,
    /// The terminal is only standard output.
    OutputOnly,
}

impl OnTerminal {
    /// Starts the command. If `is_looked_at` is false, no thread reads the terminal, so its buffer becomes full.
    pub(crate) fn start(arguments: &[&str], has: Has, is_looked_at: bool) -> OnTerminal {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let mut command = Command::new("setsid");
        match has {
            Has::All | Has::Shell => command.arg("--ctty").stdin(open()).stderr(open()),
            Has::NoSignals => command.stdin(open()).stderr(open()),
            Has::OutputOnly => command.stdin(Stdio::null()).stderr(Stdio::piped()),
        };
        if has == Has::Shell {
            let script = r#"set -m; "$@"; while read -r line; do eval "$line"; code=$?; done"#;
            command.args(["sh", "-c", script, "sh"]);
        }
        // If the parent process ignores these signals, as a script does for a command with `&`, the command would
        // inherit this.
        command.args(["env", "--default-signal=HUP,INT"]);
        command.arg(env!("CARGO_BIN_EXE_gemini-ws")).args(arguments);
        let child = command
            .stdout(open())
            .env("TERM", "xterm")
            .spawn()
            .expect("setsid, of util-linux, and env, of coreutils");
        let terminal = File::from(terminal);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        if is_looked_at {
            let (mut eyes, shown) = (terminal.try_clone().unwrap(), Arc::clone(&shown));
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                // Reading fails once no process has the terminal open.
                while let Ok(count @ 1..) = eyes.read(&mut bytes) {
                    shown.lock().unwrap().extend_from_slice(&bytes[..count]);
                }
            });
        }
        OnTerminal { child, terminal, shown }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.terminal, size).unwrap();
    }

    pub(crate) fn flood(&self, keys: &'static [u8]) {
        let mut terminal = self.terminal.try_clone().unwrap();
        std::thread::spawn(move || while terminal.write_all(keys).is_ok() {});
    }

    /// Closes the terminal, as closing its window does. Works only if `is_looked_at` was false.
    pub(crate) fn hang_up(&mut self) {
        self.terminal = File::open("/dev/null").unwrap();
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_for(&self, text: &str, times: usize) {
        let has = || self.shown().matches(text).count() >= times;
        assert!(comes_true(PATIENCE, has), "no {text:?} in {:?}", self.shown());
    }

    /// Returns the id of the process that the shell has started.
    pub(crate) fn job(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        std::fs::read_to_string(path).unwrap().trim().parse().expect("one process")
    }

    /// Waits until a process is in one of these states, such as `S` for asleep or `Z` for ended (`/proc/PID/stat`).
    pub(crate) fn wait_for_state(&self, process: u32, states: &str) {
        let is_there = || fields_of(process).first().is_some_and(|state| states.contains(state.as_str()));
        assert!(comes_true(PATIENCE, is_there), "never {states}");
    }

    /// Waits until a process is stopped and the shell is in the foreground again.
    pub(crate) fn wait_until_stopped(&self, process: u32) {
        let is_stopped = || match fields_of(process).as_slice() {
            [state, _, group, _, _, foreground, ..] => state == "T" && group != foreground,
            _ => false,
        };
        assert!(comes_true(PATIENCE, is_stopped), "never stopped");
    }

    /// Waits until the process that the shell has started is gone, and then types a command that ends the shell with
    /// the code of that process. If the command were typed earlier, that process could read it.
    pub(crate) fn exit_behind(&mut self, process: u32) {
        let is_gone = || fields_of(process).is_empty();
        assert!(comes_true(PATIENCE, is_gone), "it never ends");
        self.press("exit $code\n");
    }
}

/// Returns the fields of `/proc/PID/stat` behind the name of the process; none if there is no such process.
fn fields_of(process: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").map_or(Vec::new(), |(_, rest)| rest.split(' ').map(String::from).collect())
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
