use super::*;
use crate::watch::testing::Fed;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn draw(fed: &Fed, screen: &mut Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame, fed.now, &fed.session)).unwrap();
    terminal.backend().to_string()
}

/// Returns a session for each state that looks different on the screen, with a name for the state.
fn sessions() -> Vec<(&'static str, Fed)> {
    let waiting = {
        let mut fed = Fed::new(&["btcusd"]);
        let link = fed.link();
        fed.client.handle_connect_failed(link, fed.now, gemini_ws::ConnectFailure::Refused);
        fed.pump();
        fed
    };
    let live = |symbols: &[&str]| {
        let mut fed = Fed::new(symbols);
        fed.connect();
        for symbol in symbols {
            fed.fill(symbol, 30);
        }
        fed
    };
    let mut gap = live(&["btcusd"]);
    gap.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":10,"b":[],"a":[]}"#);
    let mut lost = live(&["btcusd"]);
    lost.client.handle_lost(lost.link(), lost.now, gemini_ws::Lost::Reset);
    lost.pump();
    let many: Vec<_> = (0..40).map(|number| format!("coin{number}usd")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let mut crossed = live(&["btcusd"]);
    crossed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":7,"b":[["83500","1"]],"a":[]}"#);
    vec![
        ("waiting", waiting),
        ("one", live(&["btcusd"])),
        ("gap", gap),
        ("lost", lost),
        ("crossed", crossed),
        ("three", live(&["btcusd", "ethusd", "GEMI-PRES2028-VANCE"])),
        ("many", live(&many)),
    ]
}

#[test]
fn no_size_is_too_small() {
    for (name, fed) in sessions() {
        for (width, height) in [(1, 1), (2, 2), (5, 3), (20, 4), (40, 10), (66, 12), (80, 24), (200, 60)] {
            let mut screen = Screen::default();
            for key in [Key::Last, Key::Zoom, Key::Next, Key::Zoom, Key::Previous] {
                draw(&fed, &mut screen, width, height);
                screen.key(key, &fed.session);
            }
            assert!(!draw(&fed, &mut screen, width, height).is_empty(), "{name} {width}x{height}");
        }
    }
}

#[test]
fn what_is_shown() {
    let table: [(&str, &[&str]); 7] = [
        (
            "waiting",
            &["○ not connected", "nobody listens there; next attempt in 0.", "waiting for the snapshot"],
        ),
        (
            "one",
            &[
                "● live",
                "83401.50",
                "83398.50",
                "spread 2.00",
                "▼ 83400.25 0.125",
                "30 bids, 30 asks",
                "q quit",
            ],
        ),
        ("gap", &["stale: an update was lost", "last gap btcusd 0:00 ago"]),
        ("lost", &["the transport was reset", "stale: the link was lost"]),
        ("crossed", &["crossed"]),
        ("three", &["GEMI-PRES20", "ethusd", "upd/s", "quantity", "Enter book alone"]),
        ("many", &["coin0usd", "coin7usd", "1–10 of 40"]),
    ];
    for ((name, fed), (expected, parts)) in sessions().iter().zip(table) {
        assert_eq!(*name, expected);
        let shown = draw(fed, &mut Screen::default(), 80, 24);
        for part in parts {
            assert!(shown.contains(part), "{name}: {part} in\n{shown}");
        }
    }
}

#[test]
fn a_book_that_does_not_come() {
    let mut fed = Fed::new(&["btcusd"]);
    let streams = fed.client.streams().find(|(_, stream, _)| stream.topic() == gemini_ws::Topic::Depth);
    let (id, stream, _) = streams.unwrap();
    let (link, reason) = (fed.link(), gemini_ws::Unserved::NoSnapshot);
    fed.event(&gemini_ws::Event::Unserved { link, id, stream, reason, attempts: 1, retry: fed.now });
    let shown = draw(&fed, &mut Screen::default(), 80, 24);
    assert!(shown.contains("btcusd: no snapshot came"), "{shown}");
    fed.connect();
    fed.fill("btcusd", 3);
    assert!(!draw(&fed, &mut Screen::default(), 80, 24).contains("no snapshot"));
}

#[test]
fn how_to_quit_is_always_shown() {
    for (name, fed) in &sessions() {
        for width in WIDTH_MIN..120 {
            let shown = draw(fed, &mut Screen::default(), width, 24);
            assert!(shown.lines().last().unwrap().contains("q quit"), "{name}, {width}: {shown}");
        }
    }
}

#[test]
fn ten_levels_a_side_fit_the_smallest_usual_terminal() {
    let mut fed = Fed::new(&["btcusd"]);
    fed.connect();
    fed.fill("btcusd", 30);
    let shown = draw(&fed, &mut Screen::default(), 80, 24);
    assert!(shown.contains("83410.50") && shown.contains("83390.50"), "{shown}");
}

#[test]
fn numbers_are_not_cut() {
    let (_, three) = sessions().swap_remove(5);
    let (_, one) = sessions().swap_remove(1);
    let all = ["83401.50", "83399.50", "83400.25", "83398.50", "83402.50"];
    for fed in [&one, &three] {
        for width in 20..120 {
            let shown = draw(fed, &mut Screen::default(), width, 24);
            // Each of these two texts is shown as a whole or not at all.
            for (start, whole) in [("spread 2", "spread 2.00"), ("  0.2", "  0.23 bp")] {
                assert_eq!(shown.matches(start).count(), shown.matches(whole).count(), "{width}: {shown}");
            }
            let body: Vec<_> = shown.lines().skip(1).filter(|line| !line.contains("select")).collect();
            for word in body.iter().flat_map(|line| line.split(|c: char| !c.is_ascii_digit() && c != '.')) {
                let is_part = |number: &&str| *number != word && number.ends_with(word);
                assert!(word.len() < 4 || !all.iter().any(is_part), "{width}: {word} in {shown}");
            }
        }
    }
}

fn words(shown: &str) -> Vec<Vec<&str>> {
    let lines = shown.lines().map(|line| line.trim_matches('"').split_whitespace().collect());
    lines.collect()
}

/// On a terminal of any size, each word is shown as a whole or not at all.
#[test]
fn words_are_not_cut() {
    for (name, fed) in sessions() {
        for zoomed in [false, true] {
            let screen = || Screen { zoomed, ..Screen::default() };
            let wide = draw(&fed, &mut screen(), 200, 60);
            let low = draw(&fed, &mut screen(), 120, 8);
            let known = [
                words(&wide).concat(),
                words(&low).concat(),
                // Words that appear only on terminals of other sizes.
                vec!["…", "too", "small", "28×7", "needed", "q", "quit", "PgUp", "PgDn"],
            ]
            .concat();
            for width in 1..=100 {
                for height in [1, 3, 6, 7, 8, 9, 12, 24] {
                    let shown = draw(&fed, &mut screen(), width, height);
                    for word in words(&shown).concat() {
                        let is_other = word.chars().all(|c| "▏▎▍▌▋▊▉█".contains(c))
                            || word.starts_with("GEMI")
                            || word.contains('–')
                            || word.starts_with("coin") && word.ends_with("usd");
                        assert!(
                            is_other || known.contains(&word),
                            "{name} {width}x{height}: {word} in\n{shown}"
                        );
                    }
                    let is_small = width < WIDTH_MIN || height < HEIGHT_MIN;
                    assert!(!is_small || !shown.contains("live"), "{name} {width}x{height}:\n{shown}");
                    // The best levels of the selected market are visible.
                    let best = ["83401.50", "83399.50", "83398.50"].iter().any(|price| shown.contains(price));
                    assert!(
                        is_small || best || !wide.contains("83398.50"),
                        "{name} {width}x{height}:\n{shown}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_keys_do() {
    let (_, fed) = sessions().pop().unwrap();
    // The keys; the market that is selected at the end; whether its book is shown alone.
    let table: [(&[Key], &str, bool); 6] = [
        (&[Key::Back], "coin0usd", false),
        (&[Key::Zoom, Key::Back], "coin0usd", false),
        (&[Key::Zoom, Key::Next], "coin1usd", true),
        (&[Key::PageDown, Key::PageDown, Key::Previous], "coin19usd", false),
        (&[Key::PageUp], "coin0usd", false),
        (&[Key::Last, Key::PageDown], "coin39usd", false),
    ];
    for (keys, selected, is_alone) in table {
        let mut screen = Screen::default();
        draw(&fed, &mut screen, 80, 24);
        keys.iter().for_each(|key| screen.key(*key, &fed.session));
        let shown = draw(&fed, &mut screen, 80, 24);
        assert!(shown.contains(selected) && screen.zoomed == is_alone, "{keys:?}: {shown}");
    }
}

#[test]
fn text_of_the_venue_is_shown_and_does_nothing() {
    let mut fed = Fed::new(&["btcusd"]);
    fed.refusal = Some(r"no\u001b[2J\u202e\nsymbol");
    fed.connect();
    let shown = draw(&fed, &mut Screen::default(), 120, 24);
    assert!(shown.contains(r"no\u{1b}[2J\u{202e}\u{a}symbol (-1013)"), "{shown}");
}

#[test]
fn the_selection_stays_in_sight() {
    let (_, fed) = sessions().pop().unwrap();
    let mut screen = Screen::default();
    screen.key(Key::Previous, &fed.session);
    assert!(draw(&fed, &mut screen, 80, 24).contains("coin39usd"), "wraps to the last");
    screen.key(Key::Next, &fed.session);
    assert!(draw(&fed, &mut screen, 80, 24).contains("coin0usd"), "and back to the first");
}
