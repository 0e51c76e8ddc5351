//! Tests signals, and output whose reader pauses or has gone.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Run, comes_true, command, end_of, peer, signal, wait_until_it_hears};
use futures_lite::StreamExt;
use gemini_ws_smol::async_tungstenite::tungstenite::Message;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    // Pipes differ in capacity, so a thread writes small pieces until a write blocks.
    let mut filler = writer.try_clone().unwrap();
    let filled = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&filled);
    std::thread::spawn(move || {
        while filler.write_all(&[b'x'; 512]).is_ok() {
            count.fetch_add(512, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let mut last = 0;
    while filled.load(std::sync::atomic::Ordering::Relaxed) != last || last == 0 {
        last = filled.load(std::sync::atomic::Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
    }
    writer.flush().unwrap();
    (reader, writer)
}

pub(crate) fn nobody_reads_the_output() {
    // The arguments; the signals; the exit code.
    let table: [(&[&str], &[&str], i32); 7] = [
        (&["watch", "btcusd", "--for", "1s"], &[], 1),
        (&["watch", "btcusd", "--for", "1s", "--json"], &[], 1),
        (&["watch", "btcusd"], &["TERM"], 143),
        (&["watch", "btcusd", "--json"], &["INT"], 130),
        (&["watch", "btcusd", "--json"], &["TERM", "INT"], 130),
        (&["simulate", "btcusd"], &["HUP"], 129),
        (&["simulate", "btcusd"], &["TERM", "TERM"], 143),
    ];
    let (_reader, writer) = full_pipe();
    let running: Vec<_> = table
        .iter()
        .map(|(arguments, signals, code)| {
            let mut command = command(arguments);
            command.stdout(writer.try_clone().unwrap());
            (command.spawn().unwrap(), arguments, signals, code)
        })
        .collect();
    running.iter().for_each(|(child, ..)| wait_until_it_hears(child));
    // Wait until each command has something to write.
    std::thread::sleep(Duration::from_millis(1_500));
    for (mut child, arguments, signals, code) in running {
        for name in *signals {
            signal(&child, name);
            std::thread::sleep(Duration::from_millis(50));
        }
        let status =
            end_of(&mut child, PATIENCE).unwrap_or_else(|| panic!("{arguments:?} {signals:?}: no end"));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(*code), "{arguments:?} {signals:?}: {said}");
        let is_told = said.contains("the reader takes nothing");
        assert_eq!(
            is_told,
            *code == 1 || arguments[0] == "watch" && signals.len() == 1,
            "{arguments:?}: {said}"
        );
    }
}

pub(crate) fn a_blocked_pipe_stops_no_pings() {
    let (sender, pongs) = std::sync::mpsc::channel();
    let url = peer::serve(async move |mut socket| {
        while socket.send(Message::Ping(vec![7].into())).await.is_ok() {
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, Message::Pong(_)) {
                    let _ = sender.send(());
                    break;
                }
            }
            smol::Timer::after(Duration::from_millis(20)).await;
        }
    });
    let (_reader, writer) = full_pipe();
    let mut command = command(&["watch", "btcusd", "--json", "--venue", &url]);
    let mut child = command.stdout(writer).spawn().unwrap();
    for count in 0..20 {
        assert!(pongs.recv_timeout(PATIENCE).is_ok(), "only {count} pongs");
    }
    signal(&child, "TERM");
    assert_eq!(end_of(&mut child, PATIENCE).and_then(|status| status.code()), Some(143));
}

/// A reader that pauses for long learns how many events it has missed and where, and receives a new snapshot of the
/// book.
pub(crate) fn a_reader_that_pauses_is_told_what_it_missed() {
    const UPDATES: u64 = 20_000;
    let (sender, sent) = std::sync::mpsc::channel();
    let url = peer::serve(async move |mut socket| {
        let mut last = 1;
        while let Some(Ok(message)) = socket.next().await {
            let text = match message {
                Message::Text(text) => text,
                // The pong shows that the client has read everything that the venue sent before its ping.
                Message::Pong(_) => {
                    let _ = sender.send(());
                    continue;
                }
                _ => continue,
            };
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            let answer = format!(r#"{{"id":{},"status":200}}"#, request["id"]);
            let _ = socket.send(Message::text(answer)).await;
            if request["method"] != "subscribe" || !text.contains("depth") {
                continue;
            }
            let depth = |first: u64, last: u64| {
                let level = last % 50;
                Message::text(format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["98.{level:02}","1"]],"a":[]}}"#
                ))
            };
            let _ = socket.send(depth(last, last)).await;
            if last == 1 {
                for id in 1..=UPDATES {
                    let _ = socket.send(depth(id, id + 1)).await;
                }
                last = 1 + UPDATES;
                let _ = socket.send(Message::Ping(vec![7].into())).await;
            }
        }
    });
    let arguments = ["watch", "btcusd", "--venue", &url, "--json", "--for", "30s"];
    let mut child = command(&arguments).spawn().unwrap();
    sent.recv_timeout(PATIENCE).unwrap();
    let (mut updates, mut missed, mut snapshots) = (0, 0, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut kinds = Vec::new();
    for line in lines.by_ref() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        kinds.push(line["kind"].as_str().unwrap().to_owned());
        match line["kind"].as_str() {
            Some("depth_update") => updates += 1,
            Some("overflow") => missed += line["dropped"].as_u64().unwrap(),
            Some("depth_snapshot") => snapshots += 1,
            Some("disconnected") => panic!("{line}"),
            _ => {}
        }
        if snapshots == 2 {
            break;
        }
    }
    signal(&child, "TERM");
    assert_eq!(end_of(&mut child, PATIENCE).and_then(|status| status.code()), Some(143));
    assert_eq!((updates + missed, snapshots), (UPDATES, 2));
    assert!(missed > 0, "{updates}");
    kinds.retain(|kind| kind != "depth_update");
    let link = ["started", "opened", "subscribed", "subscribed", "subscribed", "live"];
    let book = ["depth_snapshot", "synced", "overflow", "gap", "subscribed", "depth_snapshot"];
    assert_eq!(kinds, [link, book].concat());
    // The venue has sent all updates, so the summary counts no gap.
    assert!(lines.last().unwrap().contains("\"gaps\":0,\"resyncs\":1,\"reconnects\":0"));
}

pub(crate) fn standard_error_that_takes_nothing() {
    let gone = || {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let (_reader, blocked) = full_pipe();
    let kinds: [(&str, &dyn Fn() -> Stdio); 3] =
        [("gone", &gone), ("full", &full), ("blocked", &|| blocked.try_clone().unwrap().into())];
    // The arguments; the input; the exit code; a part of the standard output.
    let table: [(&[&str], &str, i32, &str); 5] = [
        (&["watch", "btcusd", "--venue", "ws://127.0.0.1:9", "--for", "1s"], "", 1, "summary: "),
        (&["watch", "btcusd", "--for", "1s"], "", 0, "summary: "),
        (&["decode", "no-such-file"], "", 1, ""),
        (&["decode"], "{\n{\"id\":1,\"status\":200}\n", 0, "\"response\""),
        (&["book", "no-such-file"], "", 1, ""),
    ];
    for (name, stderr) in kinds {
        for (arguments, input, code, printed) in table {
            let mut child = command(arguments).stderr(stderr()).spawn().unwrap();
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            let mut out = child.stdout.take().unwrap();
            let status =
                end_of(&mut child, PATIENCE).unwrap_or_else(|| panic!("{name} {arguments:?}: no end"));
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            assert_eq!(status.code(), Some(code), "{name} {arguments:?}: {text}");
            assert!(text.contains(printed), "{name} {arguments:?}: {text}");
        }
    }
}

pub(crate) fn output_that_cannot_be_written() {
    let table: [&[&str]; 12] = [
        &["watch", "btcusd"],
        &["watch", "btcusd", "--json"],
        &["watch", "btcusd", "--for", "100ms"],
        &["simulate"],
        &["decode"],
        &["book", "-"],
        &["book", "-", "--json"],
        &["--help"],
        &["-V"],
        &["help"],
        &["help", "watch"],
        &["simulate", "--help"],
    ];
    for arguments in table {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = command(arguments).stdout(full).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(b"{\"id\":1,\"status\":200}\n");
        let mut said = child.stderr.take().unwrap();
        let status = end_of(&mut child, PATIENCE).unwrap_or_else(|| panic!("{arguments:?}: no end"));
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.starts_with("gemini-ws: standard output: "), "{arguments:?}: {text}");
    }
}

/// If the reader of the output has gone, as in `gemini-ws --help | head -1`, the command succeeds.
pub(crate) fn help_without_a_reader() {
    for arguments in [&["--help"][..], &["--version"], &["help", "simulate"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut child = command(arguments).stdout(writer).spawn().unwrap();
        assert_eq!(end_of(&mut child, PATIENCE).unwrap().code(), Some(0), "{arguments:?}");
    }
}

pub(crate) fn signals_end_in_good_order() {
    for (name, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        for arguments in [&["watch", "btcusd"][..], &["simulate", "btcusd"]] {
            let mut child = command(arguments).spawn().unwrap();
            let mut out = child.stdout.take().unwrap();
            // Once the command has printed its first bytes, it handles signals.
            let mut first = [0; 16];
            out.read_exact(&mut first).unwrap();
            signal(&child, name);
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            let run = Run::of(child.wait_with_output().unwrap());
            assert_eq!((run.code, run.err.as_str()), (Some(code), ""), "{arguments:?} {name}");
            assert_eq!(text.contains("summary: "), arguments[0] == "watch", "{arguments:?} {name}: {text}");
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn nohup() {
    let program = env!("CARGO_BIN_EXE_gemini-ws");
    let script = format!("trap '' HUP INT; exec {program} watch btcusd");
    let mut command = std::process::Command::new("sh");
    let mut child = command.args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    wait_until_it_hears(&child);
    for name in ["HUP", "INT", "HUP"] {
        signal(&child, name);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(child.try_wait().unwrap().is_none());
    signal(&child, "TERM");
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(143));
}

/// The peer never answers the Close frame. A second signal ends the command at once.
pub(crate) fn a_second_signal_ends_at_once() {
    let url = peer::serve(async |socket| {
        smol::Timer::after(Duration::from_secs(600)).await;
        drop(socket);
    });
    let mut child = command(&["watch", "btcusd", "--venue", &url]).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = Vec::new();
    assert!(comes_true(PATIENCE, || {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
        text.ends_with(b"connected")
    }));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the first one waits for the peer");
    let start = Instant::now();
    signal(&child, "INT");
    assert_eq!(end_of(&mut child, PATIENCE).and_then(|status| status.code()), Some(130));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

/// Another process that shares a standard stream has made it non-blocking. The command waits for the stream.
pub(crate) fn streams_that_are_non_blocking() {
    let frame = format!("{{\"id\":1,\"status\":200,\"result\":\"{}\"}}\n", "x".repeat(1 << 10));
    let book = r#"{"e":"depthUpdate","E":1,"s":"NAME","U":1,"u":1,"b":[["1","1"]],"a":[]}"#;
    let books: String = (0..2_000).map(|it| book.replace("NAME", &format!("s{it}usd")) + "\n").collect();
    // The arguments, the input, and a text that is `times` times in the output.
    let table: [(&[&str], String, &str, usize); 3] = [
        (&["decode"], frame.repeat(500), "\"id\"", 500),
        (&["book", "-", "--json"], books.clone(), "\"snapshots\": 1", 2_000),
        (&["watch", "--replay", "-", "s7usd", "--for", "2s"], books, "summary: ", 1),
    ];
    for (arguments, input, text, times) in table {
        let ((stdin, mut writer), (mut reader, stdout)) = (pipe().unwrap(), pipe().unwrap());
        for end in [stdin.as_fd(), stdout.as_fd()] {
            fcntl_setfl(end, fcntl_getfl(end).unwrap() | OFlags::NONBLOCK).unwrap();
        }
        let child = command(arguments).stdin(stdin).stdout(stdout).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let fed = std::thread::spawn(move || writer.write_all(input.as_bytes()).map(drop));
        std::thread::sleep(Duration::from_millis(200));
        let mut out = String::new();
        reader.read_to_string(&mut out).unwrap();
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!((run.code, out.matches(text).count()), (Some(0), times), "{arguments:?}: {}", run.err);
        fed.join().unwrap().unwrap();
    }
}
