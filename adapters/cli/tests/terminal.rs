//! Tests the command in a terminal: keys, Ctrl-Z, and terminals that accept no output, are gone or have an odd size.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::time::Duration;

use crate::support::pty::{Has, OnTerminal};
use crate::support::{self, PATIENCE, end_of, peer, signal, signal_to, wait_until_it_hears};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

fn code_of(running: &mut OnTerminal) -> Option<i32> {
    end_of(&mut running.child, PATIENCE).and_then(|status| status.code())
}

pub(crate) fn keys_end_it() {
    for (keys, code) in [("q", 0), ("\u{3}", 130)] {
        let mut running = OnTerminal::start(&["watch", "btcusd"], Has::All, true);
        running.wait_for("live", 1);
        running.press(keys);
        assert_eq!(code_of(&mut running), Some(code), "{keys:?}: {}", running.shown());
        running.wait_for("summary: ", 1);
        let shown = running.shown();
        assert!(
            shown.find(ENTER) < shown.find(LEAVE) && shown.find(LEAVE) < shown.find("summary: "),
            "{shown:?}"
        );
    }
}

/// Text that is pasted is no key: the command requests that the terminal marks it, until it restores the terminal.
pub(crate) fn pasted_text_is_no_key() {
    let mut running = OnTerminal::start(&["watch", "btcusd"], Has::All, true);
    running.wait_for("\x1b[?2004h", 1);
    running.wait_for("live", 1);
    running.press("\x1b[200~quit\u{3}\x1b[201~");
    std::thread::sleep(Duration::from_millis(500));
    assert!(running.child.try_wait().unwrap().is_none(), "{}", running.shown());
    running.press("q");
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
    running.wait_for("\x1b[?2004l", 1);
}

/// The recording is typed at the terminal, so the keys are frames. The command prints lines, and Ctrl-C is a signal.
pub(crate) fn a_recording_that_is_typed() {
    for replay in ["-", "/dev/stdin"] {
        let arguments = ["watch", "btcusd", "--replay", replay];
        let mut running = OnTerminal::start(&arguments, Has::All, true);
        running.press(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[["100","1"]],"a":[]}"#);
        for id in 1..4 {
            running.press("\n");
            std::thread::sleep(Duration::from_millis(300));
            running.press(&format!(r#"{{"E":1,"s":"btcusd","t":{id},"p":"100.5","q":"2","m":true}}"#));
        }
        running.press("\n");
        running.wait_for("trades=3", 1);
        running.press("\u{3}");
        assert_eq!(code_of(&mut running), Some(130), "{replay}: {}", running.shown());
        assert!(!running.shown().contains(ENTER), "{}", running.shown());
    }
}

pub(crate) fn ctrl_z_gives_the_terminal_back_and_fg_takes_it() {
    for by_key in [true, false] {
        let mut running = OnTerminal::start(&["watch", "btcusd"], Has::Shell, true);
        running.wait_for("live", 1);
        let job = running.job();
        if by_key {
            running.press("\u{1a}")
        } else {
            signal_to(job, "TSTP")
        }
        running.wait_until_stopped(job);
        running.wait_for(LEAVE, 1);
        running.press("fg %1\n");
        running.wait_for(ENTER, 2);
        let again = running.shown().rfind(ENTER).unwrap();
        assert!(support::comes_true(PATIENCE, || running.shown()[again..].contains("q quit")), "drawn again");
        running.press("q");
        running.wait_for("summary: ", 1);
        running.exit_behind(job);
        assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
    }
}

/// After Ctrl-Z, a shell continues the command in the background, where the command must not change the terminal. A
/// signal still ends the command.
pub(crate) fn a_signal_ends_it_after_ctrl_z() {
    for (name, code) in [("TERM", 143), ("HUP", 129)] {
        let mut running = OnTerminal::start(&["watch", "btcusd"], Has::Shell, true);
        running.wait_for("live", 1);
        let job = running.job();
        running.press("\u{1a}");
        running.wait_until_stopped(job);
        signal_to(job, name);
        signal_to(job, "CONT");
        running.wait_for_state(job, "Z");
        // The last field of this line is the exit status of the process.
        let stat = std::fs::read_to_string(format!("/proc/{job}/stat")).unwrap();
        let status: i32 = stat.split_whitespace().last().unwrap().parse().unwrap();
        assert_eq!(status >> 8, code, "{name}: {}", running.shown());
        assert_eq!(running.shown().matches(ENTER).count(), 1, "{name}");
    }
}

pub(crate) fn in_the_background_it_draws_nothing() {
    let mut running = OnTerminal::start(&["watch", "btcusd"], Has::Shell, true);
    running.wait_for("live", 1);
    let job = running.job();
    running.press("\u{1a}");
    running.wait_until_stopped(job);
    signal_to(job, "CONT");
    std::thread::sleep(Duration::from_secs(1));
    running.wait_for_state(job, "SR");
    assert_eq!(running.shown().matches(ENTER).count(), 1, "{}", running.shown());
    running.press("fg %1\n");
    running.wait_for(ENTER, 2);
    running.press("q");
    running.wait_for("summary: ", 1);
    running.exit_behind(job);
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
}

/// Without a shell, no process could continue the command, so Ctrl-Z does not stop it.
pub(crate) fn without_a_shell_ctrl_z_stops_nothing() {
    let mut running = OnTerminal::start(&["watch", "btcusd"], Has::All, true);
    running.wait_for("live", 1);
    running.press("\u{1a}");
    running.wait_for(ENTER, 2);
    let again = running.shown().rfind(ENTER).unwrap();
    assert!(support::comes_true(PATIENCE, || running.shown()[again..].contains("q quit")), "drawn again");
    running.press("q");
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
}

/// The command ends although the terminal accepts no output, as after Ctrl-S.
pub(crate) fn a_terminal_that_takes_nothing() {
    for (signals, code) in [(&["TERM"][..], 143), (&["INT", "INT"], 130)] {
        let mut running = OnTerminal::start(&["watch", "btcusd", "ethusd"], Has::All, false);
        wait_until_it_hears(&running.child);
        // Wait until the terminal is full.
        std::thread::sleep(Duration::from_secs(4));
        for name in signals {
            signal(&running.child, name);
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(code_of(&mut running), Some(code), "{signals:?}");
    }
}

pub(crate) fn a_terminal_that_is_gone() {
    for (has, code) in [(Has::All, 129), (Has::NoSignals, 1)] {
        let mut running = OnTerminal::start(&["watch", "btcusd"], has, false);
        wait_until_it_hears(&running.child);
        std::thread::sleep(Duration::from_secs(1));
        running.hang_up();
        assert_eq!(code_of(&mut running), Some(code), "{has:?}");
    }
}

/// The command ends in time, whatever input the terminal sends.
pub(crate) fn a_terminal_that_sends_without_an_end() {
    for keys in [&b"x\x1b[A"[..], &[0xFF]] {
        let mut running = OnTerminal::start(&["watch", "btcusd", "--for", "2s"], Has::All, true);
        running.wait_for("live", 1);
        running.flood(keys);
        assert_eq!(code_of(&mut running), Some(0), "{keys:?}");
    }
}

/// A terminal reports the largest size. The command draws only on a part of the terminal, because a whole picture
/// would take 200 GB.
pub(crate) fn a_terminal_that_reports_a_huge_size() {
    let mut running = OnTerminal::start(&["watch", "btcusd"], Has::All, true);
    running.wait_for("q quit", 1);
    for (columns, rows) in [(u16::MAX, u16::MAX), (100, u16::MAX), (u16::MAX, 30), (100, 30)] {
        let before = running.shown().len();
        running.resize(columns, rows);
        let is_drawn = || running.shown()[before..].contains("q quit");
        assert!(support::comes_true(PATIENCE, is_drawn), "{columns}x{rows}: {}", &running.shown()[before..]);
    }
    running.press("q");
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
}

/// A terminal without a size, such as a serial line, reports none. The command draws as on a terminal of the usual
/// size.
pub(crate) fn a_terminal_that_reports_no_size() {
    let mut running = OnTerminal::start(&["watch", "btcusd"], Has::All, true);
    running.wait_for("q quit", 1);
    for (columns, rows, is_small) in
        [(0, 0, false), (100, 30, false), (80, 0, false), (9, 2, true), (0, 24, false), (120, 40, false)]
    {
        let before = running.shown().len();
        running.resize(columns, rows);
        let part = if is_small { "too small" } else { "q quit" };
        let is_drawn = || running.shown()[before..].contains(part);
        assert!(support::comes_true(PATIENCE, is_drawn), "{columns}x{rows}: {}", &running.shown()[before..]);
    }
    running.press("q");
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
}

pub(crate) fn without_a_controlling_terminal_lines_are_printed() {
    let mut running = OnTerminal::start(&["watch", "btcusd", "--for", "2s"], Has::OutputOnly, true);
    assert_eq!(code_of(&mut running), Some(0), "{}", running.shown());
    running.wait_for("summary: ", 1);
    let mut said = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(
        running.shown().contains("btcusd bid=") && !running.shown().contains('\x1b'),
        "{}",
        running.shown()
    );
    assert!(said.contains("printing plain lines"), "{said}");
}

/// A message of the venue cannot set the title of the terminal, clear the screen, or look like a summary.
pub(crate) fn text_of_the_venue_does_nothing_to_the_terminal() {
    let url = peer::serve(async |socket| {
        let text = r#"{"id":ID,"status":400,"error":{"code":-1013,"msg":"\u001b[2J\u001b]0;title\u0007no\nsummary: all is well"}}"#;
        peer::answer(socket, text).await;
    });
    let arguments = ["watch", "btcusd", "--venue", &url];
    let mut running = OnTerminal::start(&arguments, Has::All, true);
    assert_eq!(code_of(&mut running), Some(1), "all was refused");
    running.wait_for("refused every subscription", 1);
    let shown = running.shown();
    assert!(!shown.contains("\x1b]0;") && !shown.contains("\nsummary: all is well"), "{shown:?}");
    assert!(shown.contains(r"\u{1b}]0;title\u{7}no\u{a}summary: all is well"), "{shown:?}");
}
