//! Tests how the client reads frames that are cut, too long or empty, and that it sends whole frames.
//!
//! Every test has a time limit.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use cpu_time::ThreadTime;

use gemini_ws_driver::gemini_ws::{Client, CloseReason, Config, Event, Lost, Request};
use gemini_ws_driver::{UNFINISHED_BYTES_MAX, client};

use crate::Adapter;
use crate::peers::{
    CLOSE, PING, PONG, TEXT, against, frame, listen, meet, read_frame, read_frames, upgrade, within,
};
use crate::wire::{TRADE, code_of_close, end_of, fill};

/// Scenario L-115: the peer sends a frame that is too long, compressed, or not UTF-8. The link ends at once, and the
/// client's Close frame has the code for this breach of the protocol.
pub(crate) fn a_frame_that_is_too_long<A: Adapter>() {
    let long = |length: u64| [vec![TEXT, 127], length.to_be_bytes().to_vec()].concat();
    for (bytes, code) in [
        (long(1 << 30), 1009),
        (long(u64::MAX >> 1), 1009),
        (long(u64::MAX), 1009),
        (frame(TEXT | 0x40, b"xxxx"), 1002),
        (frame(TEXT, b"\xff"), 1007),
    ] {
        let why = end_of::<A>(move |stream| {
            // The client reads and discards these bytes.
            stream.write_all(&[bytes, vec![0; 100_000]].concat()).unwrap();
            assert_eq!(code_of_close(stream), Some(code));
        });
        assert_eq!(why, Lost::Protocol);
    }
}

/// The maximum processor time of one poll of the driver, whatever the peer sends.
const TURN_MAX: Duration = Duration::from_millis(200);

/// The peer sends without end: fragments that never become a message, empty messages, pings, pongs, or bytes after a
/// breach of the protocol. The driver lets other futures run, and ends when the application closes it.
pub(crate) fn a_message_that_never_ends<A: Adapter>() {
    let rows: [(&str, &[u8], &[u8]); 6] = [
        ("one message in empty fragments", &[0x01, 0], &[0, 0]),
        ("one message in fragments of a byte", &[0x01, 1, b' '], &[0, 1, b' ']),
        ("empty texts", &[], &[TEXT, 0]),
        ("pings", &[], &[PING, 0]),
        ("pongs", &[], &[PONG, 0]),
        ("anything behind a breach of the protocol", &frame(TEXT | 0x40, b"x"), &[0, 0]),
    ];
    for (what, begin, again) in rows {
        let (begin, again) = (begin.to_vec(), again.repeat(32 << 10));
        let (url, thread) = listen("ws", move |mut stream| {
            upgrade(&mut stream);
            let _ = stream.write_all(&begin);
            while stream.write_all(&again).is_ok() {}
        });
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
        let runtime = A::runtime();
        let beside = async {
            smol::Timer::after(Duration::from_millis(400)).await;
            handle.close();
            std::time::Instant::now()
        };
        let (mut run, mut longest) = (Box::pin(driver.run(&runtime, |_, _, _| {})), Duration::ZERO);
        let run = poll_fn(|context| {
            let start = ThreadTime::now();
            let ended = run.as_mut().poll(context);
            longest = longest.max(start.elapsed());
            ended
        });
        let (_, asked) = within::<A, _>(smol::future::zip(run, beside));
        let ended = asked.elapsed();
        println!("{what}: the longest turn took {longest:?}, the end took {ended:?}");
        assert!(longest < TURN_MAX, "{what}: a turn took {longest:?}");
        assert!(ended < Duration::from_secs(8), "{what}: the end took {ended:?}");
        thread.join().unwrap();
    }
}

/// The peer sends one message in empty fragments, until their headers take more bytes than an incomplete message may
/// have. The client closes with code 1009, and the link ends as [`Lost::Protocol`]. The bytes of pings between the
/// fragments do not count towards this limit.
pub(crate) fn a_message_in_too_many_fragments<A: Adapter>() {
    let why = end_of::<A>(move |stream| {
        let pings = [frame(PING, &[b'?'; 100]), [0, 0].repeat(4 << 10)].concat();
        stream.write_all(&[0x01, 0]).unwrap();
        let mut sent = 0;
        while sent < 2 * UNFINISHED_BYTES_MAX && stream.write_all(&pings).is_ok() {
            sent += 8 << 10;
        }
        let mut frames = read_frames(stream);
        frames.retain(|(opcode, _)| *opcode == CLOSE);
        let code = frames.first().map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]));
        assert!(sent >= UNFINISHED_BYTES_MAX && code == Some(1009), "{code:?} after {sent} bytes");
    });
    assert_eq!(why, Lost::Protocol);
}

/// Scenario L-107: the application drops the futures of requests. The peer receives only whole frames, and each
/// request at most once.
pub(crate) fn requests_that_are_dropped<A: Adapter>() {
    let (url, thread) = listen("ws", |mut stream| {
        upgrade(&mut stream);
        let mut methods = Vec::new();
        while let Some((opcode, payload)) = read_frame(&mut stream) {
            let text = String::from_utf8_lossy(&payload).into_owned();
            if opcode == CLOSE {
                stream.write_all(&frame(CLOSE, &payload)).unwrap();
                break;
            }
            methods.push(text);
        }
        methods
    });
    let (handle, driver) = client(Client::single(Config::new(url).seed(1)));
    let (live, is_live) = smol::channel::bounded(1);
    let runtime = A::runtime();
    let run = driver.run(&runtime, |_, _, event| {
        if let Event::Live { .. } = event {
            live.try_send(()).unwrap();
        }
    });
    let commands = async {
        is_live.recv().await.unwrap();
        for polls in 0..40 {
            let request = handle.request(Request::raw(format!("m{polls}"), None));
            let patience = async {
                for _ in 0..polls % 4 {
                    smol::future::yield_now().await;
                }
                Err(gemini_ws_driver::RequestError::Closed)
            };
            let _ = smol::future::or(request, patience).await;
        }
        handle.close();
    };
    let (closed, ()) = within::<A, _>(smol::future::zip(run, commands));
    assert_eq!(closed.reason, CloseReason::Requested);
    let texts = thread.join().unwrap();
    let numbers: Vec<u32> = texts
        .iter()
        .map(|text| {
            let rest = text.split_once("\"method\":\"m").expect("a whole request").1;
            rest.strip_suffix("\"}").expect("a whole request").parse().unwrap()
        })
        .collect();
    assert!(!numbers.is_empty() && numbers.is_sorted_by(|before, after| before < after), "{numbers:?}");
}

/// Scenario L-108: requests, pongs and the Close frame compete for a socket that takes few bytes at a time. The peer
/// receives only whole frames.
pub(crate) fn whole_frames_only<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        let mut pings = stream.try_clone().unwrap();
        let pinging = std::thread::spawn(move || {
            for number in 0..200_u8 {
                if pings.write_all(&frame(PING, &[number; 100])).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        std::thread::sleep(Duration::from_millis(30));
        let (mut requests, mut pongs, mut closes) = (0, Vec::new(), 0);
        while let Some((opcode, payload)) = read_frame(&mut stream) {
            assert_eq!(closes, 0, "nothing follows a Close frame");
            match opcode {
                TEXT => {
                    let text = String::from_utf8(payload).unwrap();
                    assert!(text.starts_with("{\"id\":") && text.ends_with('}'), "{} bytes", text.len());
                    requests += 1;
                }
                PONG => {
                    assert!(payload.len() == 100 && payload.iter().all(|byte| *byte == payload[0]));
                    pongs.push(payload[0]);
                }
                CLOSE => {
                    let _ = stream.write_all(&frame(CLOSE, &payload));
                    closes += 1;
                }
                other => panic!("opcode {other}"),
            }
        }
        pinging.join().unwrap();
        assert!(pongs.is_sorted(), "{pongs:?}");
        (requests, closes, pongs.len())
    };
    let mut sent = 0;
    let (closed, (requests, closes, pongs)) = meet::<A, _>(
        "ws",
        |config| config,
        peer,
        |client, now, event| {
            if let Event::Opened { .. } = event {
                sent += fill(client, now);
            }
            matches!(event, Event::Opened { .. })
        },
    );
    assert_eq!((closed.reason, closes), (CloseReason::Requested, 1));
    assert!(pongs > 0 && requests == sent + 1, "{requests} of {sent} requests, {pongs} pongs");
}

/// Scenario L-110: frames that are cut in two at any byte, or sent byte by byte, yield the same events.
pub(crate) fn input_cut_at_every_byte<A: Adapter>() {
    let trades: Vec<u8> = (0..3_u8)
        .flat_map(|number| frame(TEXT, TRADE.replace("77", &(70 + number).to_string()).as_bytes()))
        .collect();
    let script = [frame(TEXT, br#"{"id":1,"status":200}"#), frame(PING, b"?"), trades].concat();
    let mut all = Vec::new();
    for cut in 0..=script.len() {
        let script = script.clone();
        let peer = move |mut stream: TcpStream| {
            upgrade(&mut stream);
            stream.set_nodelay(true).unwrap();
            if cut == script.len() {
                // In the last run, the peer sends single bytes.
                script.iter().for_each(|byte| stream.write_all(&[*byte]).unwrap());
            } else {
                stream.write_all(&script[..cut]).unwrap();
                std::thread::sleep(Duration::from_millis(1));
                stream.write_all(&script[cut..]).unwrap();
            }
            read_frames(&mut stream);
        };
        let mut events = Vec::new();
        against::<A>("ws", peer, |event| {
            let link = matches!(event, Event::Disconnected { .. } | Event::Closed { .. });
            if !link {
                events.push(format!("{event:?}"));
            }
            matches!(event, Event::Trade(trade, _) if trade.trade_id == 72)
        });
        all.push(events);
    }
    assert!(all[0].len() == 8 && all.iter().all(|events| *events == all[0]), "{all:?}");
}

/// Scenario L-112: the task that takes the events panics. The driver runs in another task, and still shuts down
/// properly.
pub(crate) fn a_consumer_that_panics<A: Adapter>() {
    let (url, thread) = listen("ws", |mut stream| {
        upgrade(&mut stream);
        stream.write_all(&frame(TEXT, TRADE.as_bytes())).unwrap();
        read_frames(&mut stream)
    });
    let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
    let runtime = A::runtime();
    let (mut events, run) = driver.run_with_events(&runtime, 4);
    let consumer = std::thread::spawn(move || {
        within::<A, _>(async {
            while let Some(mut event) = events.next().await {
                assert!(!matches!(event.as_event(), Event::Trade(..)), "a consumer that cannot take a trade");
            }
        });
    });
    let closed = within::<A, _>(run);
    assert_eq!(closed.reason, CloseReason::Requested);
    assert!(consumer.join().is_err(), "it panicked");
    let frames = thread.join().unwrap();
    assert_eq!(frames.last().map(|frame| frame.0), Some(CLOSE));
    drop(handle);
}

/// Scenario L-114: the client reports an empty message as malformed, and the link stays open.
pub(crate) fn empty_messages<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        let empty =
            [frame(TEXT, b""), frame(0x82, b""), frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")];
        stream.write_all(&empty.concat()).unwrap();
        stream.write_all(&frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
        read_frames(&mut stream);
    };
    let mut malformed = 0;
    against::<A>("ws", peer, |event| {
        malformed += u32::from(matches!(event, Event::Malformed(..)));
        matches!(event, Event::Live { .. })
    });
    assert_eq!(malformed, 3);
}
