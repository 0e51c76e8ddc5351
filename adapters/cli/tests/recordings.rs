//! Tests `gemini-ws decode` and `gemini-ws book`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::support::{PATIENCE, Run, command, end_of, recording, run};
use serde_json::{Value, json};

pub(crate) fn decode_goes_on_after_what_it_cannot_decode() {
    let all = b"17 {\"id\":1,\"status\":200}\n\n{\"id\":}\n{\"s\":\"a\xff\"}\n{\"e\":\"news\"}\n";
    let cases: [(&[&str], &[u8], i32, &str); 8] = [
        (&["decode", "--strict"], all, 1, "gemini-ws: of 4 frames, 2 malformed and 1 unrecognized\n"),
        (
            &["decode", "--strict"],
            b"{\"e\":\"news\"}",
            0,
            "gemini-ws: of 1 frames, 0 malformed and 1 unrecognized\n",
        ),
        (&["decode"], b"{\n{\n", 1, "none of its frames could be decoded\n"),
        (&["decode"], b"\n", 1, "gemini-ws: standard input: it has no frames\n"),
        (&["book", "-", "--strict"], all, 1, ""),
        (&["book", "-"], b"{\n", 1, "none of its frames could be decoded\n"),
        (&["book", "-"], b"{\"e\":\"news\"}", 1, "standard input: none of its frames is about a book\n"),
        (&["book", "-", "--json"], b"{\"id\":1,\"status\":200}", 1, "none of its frames is about a book\n"),
    ];
    for (arguments, input, code, said) in cases {
        let run = run(arguments, input);
        assert!(run.code == Some(code) && run.err.ends_with(said), "{arguments:?}: {run:?}");
    }

    let input = b"17 {\"id\":1,\"status\":200}\n\n{\"id\":}\n{\"s\":\"a\xff\"}\n{\"e\":\"news\"}\n";
    let run = run(&["decode"], input);
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines = run.json_lines();
    let told: Vec<_> = lines.iter().map(|line| (&line["kind"], &line["reason"], &line["offset"])).collect();
    let nothing = &Value::Null;
    assert_eq!(
        told,
        [
            (&json!("response"), nothing, nothing),
            (&json!("malformed"), &json!("syntax"), &json!(6)),
            (&json!("malformed"), &json!("utf8"), &json!(7)),
            (&json!("unrecognized"), nothing, nothing),
        ]
    );
    assert_eq!(lines[0]["time"], "17");
    assert_eq!(run.err, "gemini-ws: of 4 frames, 2 malformed and 1 unrecognized\n");
}

/// The endpoint and the file of each recording.
const RECORDINGS: [(&str, &str); 11] = [
    ("streams", "dev_ws_gemini_perps.jsonl"),
    ("streams", "fastmm_ws_gemini_perp_2026-09-30.jsonl"),
    ("streams", "arbobs_ws_gemini_2026-09-15.jsonl"),
    ("streams", "tardis_ws_gemini_2026-07.jsonl"),
    ("v2", "dev_v2_marketdata.jsonl"),
    ("v2", "arbobs_v2_marketdata_2026-09-15.jsonl"),
    ("v2", "tardis_v2_marketdata_2019-2020.jsonl"),
    ("v2", "pricefeed_v2_candles_sandbox_2026-07-29.jsonl"),
    ("v2", "cpp_v2_marketdata_2022-06.jsonl"),
    ("v1", "misc_v1_marketdata_2017-2023.jsonl"),
    ("orders-v1", "docs_v1_orderevents_examples.jsonl"),
];

pub(crate) fn recorded_frames_are_all_known() {
    for (endpoint, name) in RECORDINGS {
        let Some(path) = recording(name) else { return };
        let path = path.to_str().unwrap();
        let guessed = run(&["decode", path], b"");
        let frames = std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!((guessed.code, guessed.err.as_str()), (Some(0), ""), "{name}");
        assert_eq!(guessed.json_lines().len(), frames, "{name}");
        let told = run(&["decode", "--endpoint", endpoint, path], b"");
        assert_eq!((told.out, told.err), (guessed.out, guessed.err), "{name}");
    }
}

pub(crate) fn books_are_those_of_the_golden_files() {
    for name in ["dev_ws_gemini_perps", "dev_v2_marketdata"] {
        let Some(path) = recording(&format!("{name}.jsonl")) else { return };
        let golden = recording(&format!("golden/{name}.json")).unwrap();
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
        let run = run(&["book", path.to_str().unwrap(), "--json"], b"");
        let report: Value = serde_json::from_str(&run.out).unwrap();
        let books = golden["books"].as_object().unwrap();
        assert_eq!(report["books"].as_object().unwrap().len(), books.len());
        for (symbol, book) in books {
            for (member, value) in book.as_object().unwrap() {
                assert_eq!(&report["books"][symbol][member], value, "{symbol} {member}");
            }
            assert_eq!(report["books"][symbol]["state"], "live");
            assert_eq!(report["books"][symbol]["doubtful"], false);
        }
        for counter in ["gaps", "malformed", "unrecognized", "crossed"] {
            assert_eq!(report[counter], 0, "{counter}");
        }
    }
}

pub(crate) fn a_symbol_for_frames_that_name_none() {
    let input = br#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99.50","remaining":"1","delta":"1","reason":"initial"}]}"#;
    let table: [(&[&str], &str, bool); 3] = [
        (&["book", "-"], "unnamed  live\n", true),
        (&["book", "-", "--symbol", "btcusd"], "btcusd  live\n", false),
        (&["book", "-", "--symbol", "BTCUSD", "--endpoint", "v1", "--json"], "\"BTCUSD\": {", false),
    ];
    for (arguments, shown, is_asked) in table {
        let run = run(arguments, input);
        assert!(run.code == Some(0) && run.out.contains(shown) && run.out.contains("99.5"), "{run:?}");
        assert_eq!(run.err.contains("--symbol"), is_asked, "{}", run.err);
    }
}

pub(crate) fn a_lost_delta_makes_one_gap_and_a_stale_book() {
    let Some(path) = recording("dev_ws_gemini_perps.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let is_delta = |line: &&str| line.contains("depthUpdate") && line.contains("btcgusdperp");
    // The first of these lines is the snapshot.
    let lost = text.lines().filter(is_delta).nth(4).unwrap();
    let rest: Vec<_> = text.lines().filter(|line| *line != lost).collect();
    let run = run(&["book", "-", "--json"], rest.join("\n").as_bytes());
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["gaps"], 1);
    let (lost, other) = (&report["books"]["btcgusdperp"], &report["books"]["ethgusdperp"]);
    assert_eq!((&lost["state"], &lost["reason"], &lost["gaps"]), (&json!("stale"), &json!("gap"), &json!(1)));
    assert_eq!((&other["state"], &other["gaps"]), (&json!("live"), &json!(0)));
}

pub(crate) fn a_book_of_the_real_size() {
    let Some(path) = recording("full_snapshot_synthetic.jsonl") else { return };
    let run = run(&["book", path.to_str().unwrap()], b"");
    assert!(run.out.contains("2564 bids, 2082 asks") && run.out.contains("malformed=0"), "{}", run.out);
}

/// The commands read hostile lines in a time that is proportional to the length of the lines. If the time were
/// proportional to the square of the length, the test would take hours.
pub(crate) fn long_lines_take_the_time_of_their_length() {
    // The beginning of the line; the part that is repeated; the end of the line.
    let table = [
        ("{", r#""api_session"["#, ""),
        ("{", r#""api_session":"a","#, "}"),
        ("[{", r#""apiSessionFilter":["a""#, ""),
        (r#"{"e":"news","a":["#, r#""api_session","#, "0]}"),
        (r#"{"e":"news","a":""#, r#"api\u005fsession\"account-"#, r#""}"#),
        (r#"{"result":"error","message":""#, "account-", r#""}"#),
        ("[", r#"{"type":"news"},"#, "{}]"),
        ("[", r#"{"type":"fill"},"#, "{}]"),
        ("[", "[", ""),
        ("{", r#""a":{"#, ""),
        (r#"{"type":"update","eventId":1,"socket_sequence":0,"events":["#, r#"{"type":"news"},"#, "{}]}"),
        (r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[],"trades":["#, "{},", "{}]}"),
        (r#"{"e":"orderSnapshot","orders":["#, "{},", "{}]}"),
        (
            r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":["#,
            r#"["1","1"],"#,
            r#"["1","1"]],"a":[]}"#,
        ),
    ];
    let path = std::env::temp_dir().join(format!("gemini-ws-{}-long-lines", std::process::id()));
    for (start, part, end) in table {
        let line = format!("{start}{}{end}\n", part.repeat(1_000_000 / part.len()));
        std::fs::write(&path, line).unwrap();
        for task in ["decode", "book"] {
            let mut child = command(&[task, path.to_str().unwrap()]);
            let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            assert!(end_of(&mut child, PATIENCE).is_some(), "{task}: {start}{part}");
        }
    }
    std::fs::remove_file(&path).unwrap();
}

pub(crate) fn wrong_use_says_what_to_do() {
    // The arguments; the exit code; a part of the message.
    let table: [(&[&str], i32, &str); 9] = [
        (&[], 2, "Usage: gemini-ws"),
        (&["guess"], 2, "--help"),
        (&["book"], 2, "<FILE>"),
        (&["decode", "--json"], 2, "unexpected argument"),
        (&["decode", "--endpoint", "v3"], 2, "streams, v2, v1, orders-v1"),
        (&["book", "-", "--endpoint", "V1"], 2, "streams, v2, v1, orders-v1"),
        (&["book", "-", "--symbol", "btc usd"], 2, "1 to 64 letters"),
        (&["decode", "no-such-file"], 1, "gemini-ws: no-such-file: "),
        (&["book", "no-such-file"], 1, "gemini-ws: no-such-file: "),
    ];
    for (arguments, code, message) in table {
        let Run { code: found, out, err } = run(arguments, b"");
        assert_eq!((found, out.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
}

pub(crate) fn a_line_in_a_line_out() {
    let mut child = command(&["decode"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut input = child.stdin.take().unwrap();
    for id in 0..3 {
        // The command prints each frame at once: the test writes the next frame only after it has read the line for
        // this one.
        input.write_all(format!("{{\"id\":{id},\"status\":200}}\n").as_bytes()).unwrap();
        assert!(lines.next().unwrap().unwrap().contains(&format!("\"id\":\"{id}\"")));
    }
    drop(input);
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

pub(crate) fn what_is_no_text_is_refused_with_a_remedy() {
    for task in [&["decode"][..], &["book", "-"]] {
        let run = run(task, b"\x1f\x8b\x08\0rest");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.contains("gzip -dc |"), "{run:?}");
    }
}

pub(crate) fn a_reader_that_goes_away_is_no_failure() {
    let line = format!("{{\"id\":1,\"status\":200,\"result\":\"{}\"}}\n", "x".repeat(1 << 16));
    let input = line.repeat(64);
    let mut child = command(&["decode"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    out.read_exact(&mut [0]).unwrap();
    drop(out);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    // If the command ends before it has read everything, the writer fails.
    let _ = writer.join();
}
