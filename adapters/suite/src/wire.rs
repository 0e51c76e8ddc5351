//! Tests peers that do not read, and transports that end within an upgrade, a frame or a write.
//!
//! Every test has a time limit.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{
    Client, CloseReason, Config, ConnectFailure, Event, Instant, Lost, RawJson, Request, RequestOutcome,
};

use crate::Adapter;
use crate::peers::{
    CLOSE, PING, PONG, TEXT, against, frame, listen, meet, read_frame, read_frames, read_request, upgrade,
    within,
};

pub(crate) const TRADE: &str = r#"{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}"#;

/// Scenario L-020: the test drops the future of the driver during the upgrade and while the link is open, before and
/// after the application closes. The socket is closed each time.
pub(crate) fn dropped_in_the_midst<A: Adapter>() {
    for upgraded in [false, true] {
        for closing in [false, true] {
            let (reached, is_reached) = smol::channel::bounded(1);
            let (url, thread) = listen("ws", move |mut stream| {
                if upgraded {
                    upgrade(&mut stream);
                    read_frame(&mut stream).expect("a subscription");
                } else {
                    stream.read_exact(&mut [0; 16]).unwrap();
                }
                reached.try_send(()).unwrap();
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).map(|_| ()).map_err(|error| error.kind())
            });
            let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
            let runtime = A::runtime();
            let run = async {
                driver.run(&runtime, |_, _, _| {}).await;
            };
            let drop_it = async {
                is_reached.recv().await.unwrap();
                if closing {
                    handle.close();
                    smol::future::yield_now().await;
                }
            };
            within::<A, _>(smol::future::or(run, drop_it));
            let ended = thread.join().unwrap();
            assert!(
                ended.is_ok() || ended == Err(std::io::ErrorKind::ConnectionReset),
                "{upgraded}, {closing}: {ended:?}"
            );
        }
    }
}

/// Scenarios L-020 and L-107: the test drops the future of the driver after any number of polls. The peer receives
/// whole frames, and then the end.
pub(crate) fn dropped_after_any_poll<A: Adapter>() {
    let mut frames = Vec::new();
    for polls in 1.. {
        let (url, thread) = listen("ws", whole_frames_of);
        let address = url.trim_start_matches("ws://").to_owned();
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
        let runtime = A::runtime();
        let mut polled = 0;
        let ended = {
            let mut run = std::pin::pin!(driver.run(&runtime, |client: &mut Client, now, event| {
                if let Event::Trade(..) = event {
                    let _ = client.request(now, &Request::Ping);
                }
            }));
            let some_polls = std::future::poll_fn(|context| {
                if polled == 30 {
                    handle.close();
                }
                polled += 1;
                match run.as_mut().poll(context) {
                    std::task::Poll::Ready(closed) => std::task::Poll::Ready(Some(closed)),
                    std::task::Poll::Pending if polled == polls => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            });
            within::<A, _>(some_polls)
        };
        // If the driver has not connected, this connection ends the wait of the peer.
        drop(TcpStream::connect(&address));
        frames.push(thread.join().unwrap());
        if let Some(closed) = ended {
            assert_eq!(closed.reason, CloseReason::Requested);
            break;
        }
        assert!(polls < 200, "no end");
    }
    assert!(frames.len() > 30 && *frames.last().unwrap() > 2, "{frames:?}");
}

/// Runs a peer that sends some frames, and answers a Close frame. Returns how many whole frames it received.
fn whole_frames_of(mut stream: TcpStream) -> usize {
    let request = read_request(&mut stream);
    if request.is_empty() {
        return 0;
    }
    assert!(request.ends_with("\r\n\r\n"), "half a request: {request}");
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut is_there = crate::peers::answer(&mut stream, &request).is_ok();
    let mut frames = 0;
    loop {
        match stream.peek(&mut [0]) {
            Ok(0) => return frames,
            Ok(_) => {
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let (opcode, payload) = read_frame(&mut stream).expect("a whole frame");
                stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                frames += 1;
                if opcode == CLOSE {
                    let _ = stream.write_all(&frame(CLOSE, &payload));
                    let _ = stream.shutdown(Shutdown::Write);
                    is_there = false;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                is_there = is_there && stream.write_all(&frame(TEXT, TRADE.as_bytes())).is_ok();
            }
            Err(_) => return frames,
        }
    }
}

/// Scenario L-021: the application closes when the peer has read none of the request, a part of it, or all of it. The
/// driver must send nothing after the request.
pub(crate) fn an_end_in_the_midst_of_the_upgrade<A: Adapter>() {
    for some in [0, 1, 20, usize::MAX] {
        let (reached, is_reached) = smol::channel::bounded(1);
        let (url, thread) = listen("ws", move |mut stream| {
            let mut request = vec![0; some.min(20)];
            stream.read_exact(&mut request).unwrap();
            if some == usize::MAX {
                request.extend_from_slice(read_request(&mut stream).as_bytes());
            }
            reached.try_send(()).unwrap();
            let _ = stream.read_to_end(&mut request);
            String::from_utf8(request).unwrap()
        });
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
        let runtime = A::runtime();
        let end = async {
            is_reached.recv().await.unwrap();
            handle.close();
        };
        let (closed, ()) = within::<A, _>(smol::future::zip(driver.run(&runtime, |_, _, _| {}), end));
        assert_eq!(closed.reason, CloseReason::Requested);
        let request = thread.join().unwrap();
        assert!(request.find("\r\n\r\n").is_none_or(|end| end + 4 == request.len()), "{some}: {request}");
    }
}

/// Scenario L-023: the peer never answers the TLS handshake. The time limit for an attempt to connect includes the
/// handshake.
pub(crate) fn a_tls_handshake_that_stalls<A: Adapter>() {
    let stall = |mut stream: TcpStream| drop(stream.read_to_end(&mut Vec::new()));
    let timeout = |config: Config| config.connect_timeout(Duration::from_millis(100));
    let mut why = None;
    let (closed, ()) = meet::<A, _>("wss", timeout, stall, |_, _, event| match event {
        Event::ConnectFailed { reason: told, retry: Some(_), .. } => {
            why = Some(*told);
            true
        }
        _ => false,
    });
    assert_eq!((closed.reason, why), (CloseReason::Requested, Some(ConnectFailure::TimedOut)));
}

/// Scenario L-041: the peer sends a frame after its Close frame. The client reports no event for this frame, and
/// reports the code of the Close frame.
pub(crate) fn a_frame_after_the_close<A: Adapter>() {
    for apart in [false, true] {
        let peer = move |mut stream: TcpStream| {
            upgrade(&mut stream);
            let (close, text) = (frame(CLOSE, &1001_u16.to_be_bytes()), frame(TEXT, TRADE.as_bytes()));
            if apart {
                stream.write_all(&close).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                let _ = stream.write_all(&text);
            } else {
                stream.write_all(&[close, text].concat()).unwrap();
            }
            let _ = read_frames(&mut stream);
        };
        let (mut trades, mut ends) = (0, Vec::new());
        against::<A>("ws", peer, |event| {
            trades += u32::from(matches!(event, Event::Trade(..)));
            if let Event::Disconnected { reason: why, .. } = event {
                ends.push(*why);
            }
            !ends.is_empty()
        });
        assert_eq!((trades, ends), (0, vec![Lost::Closed { code: Some(1001) }]), "apart: {apart}");
    }
}

/// Accepts the upgrade of a link, runs `peer`, and returns the reason why the link ended.
pub(crate) fn end_of<A: Adapter>(peer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Lost {
    let mut why = None;
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        peer(&mut stream);
    };
    against::<A>("ws", peer, |event| {
        if let Event::Disconnected { reason: told, .. } = event {
            assert_eq!(why.replace(*told), None, "one end");
        }
        why.is_some()
    });
    why.expect("an end")
}

/// Scenario L-043: the transport ends without a Close frame, between frames or within one. The client reports
/// `Lost::End`.
pub(crate) fn an_end_without_a_close_frame<A: Adapter>() {
    let whole = frame(TEXT, TRADE.as_bytes());
    for bytes in [whole.clone(), whole[..1].to_vec(), whole[..9].to_vec(), frame(0x01, b"{\"e\"")] {
        let why = end_of::<A>(move |stream| {
            read_frame(stream).expect("a subscription");
            stream.write_all(&bytes).unwrap();
            let _ = stream.shutdown(Shutdown::Write);
        });
        assert_eq!(why, Lost::End);
    }
}

/// Scenario L-044: after its Close frame, the peer resets the transport. The client still reports the code of the
/// Close frame.
pub(crate) fn a_reset_after_the_close_frame<A: Adapter>() {
    let why = end_of::<A>(|stream| {
        // The peer leaves the subscription unread, so that closing the socket sends a reset.
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(&frame(CLOSE, &1001_u16.to_be_bytes())).unwrap();
    });
    assert_eq!(why, Lost::Closed { code: Some(1001) });
}

/// Scenario L-045: the client reports the code of a valid Close frame, and a breach of the protocol for a malformed
/// one. The client never answers with a code that no peer may send.
pub(crate) fn malformed_close_frames<A: Adapter>() {
    let coded = |code: u16| code.to_be_bytes().to_vec();
    let reason = |length: usize| [coded(1000), vec![b'x'; length]].concat();
    let closed = |code| Lost::Closed { code: Some(code) };
    let mut table = vec![
        (Vec::new(), Lost::Closed { code: None }),
        (vec![3], Lost::Protocol),
        (coded(1000), closed(1000)),
        (reason(123), closed(1000)),
        (reason(124), Lost::Protocol),
        ([coded(1000), vec![0xff]].concat(), Lost::Protocol),
    ];
    table.extend([3000, 4999].map(|code| (coded(code), closed(code))));
    for (payload, expected) in table {
        let shown = payload.clone();
        let why = end_of::<A>(move |stream| {
            stream.write_all(&frame(CLOSE, &payload)).unwrap();
            let code = code_of_close(stream);
            let breach = matches!(expected, Lost::Protocol);
            assert!(!breach || matches!(code, Some(1002 | 1007)), "{payload:?} is answered with {code:?}");
        });
        assert_eq!(why, expected, "{shown:?}");
    }
    // No peer may send these codes. The client may report the code or a breach of the protocol, so the test checks
    // only the client's Close frame.
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        let why = end_of::<A>(move |stream| {
            stream.write_all(&frame(CLOSE, &coded(code))).unwrap();
            for (opcode, payload) in read_frames(stream) {
                let answer = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                let legal = answer.is_none_or(|code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999));
                assert!(opcode != CLOSE || legal, "{code} is answered with {answer:?}");
            }
        });
        assert!(matches!(why, Lost::Protocol | Lost::Closed { .. }), "{code}: {why:?}");
    }
}

/// Scenario L-046: the peer answers the client's Close frame with a breach of the protocol. The client reports
/// [`Event::Closed`] once, and sends nothing more.
pub(crate) fn a_breach_while_closing<A: Adapter>() {
    for bytes in [frame(0x08, &1000_u16.to_be_bytes()), frame(TEXT | 0x40, b"{}")] {
        let peer = move |mut stream: TcpStream| {
            upgrade(&mut stream);
            while read_frame(&mut stream).expect("a Close frame").0 != CLOSE {}
            stream.write_all(&bytes).unwrap();
            read_frames(&mut stream)
        };
        let mut ends = 0;
        let (closed, after) = meet::<A, _>(
            "ws",
            |config| config,
            peer,
            |_, _, event| {
                ends += u32::from(matches!(event, Event::Closed { .. }));
                matches!(event, Event::Opened { .. })
            },
        );
        assert_eq!((ends, after), (1, Vec::new()));
        assert!(matches!(closed.reason, CloseReason::Requested | CloseReason::RequestedUnclean));
    }
}

/// Scenarios L-053 and L-054: the peer reads nothing, and the application closes. The driver drops the transport when
/// the time limit for the closing handshake is over.
pub(crate) fn a_peer_that_reads_nothing<A: Adapter>() {
    let (done, is_done) = mpsc::channel::<()>();
    let peer = move |mut stream: TcpStream| {
        upgrade(&mut stream);
        let _ = is_done.recv_timeout(Duration::from_secs(10));
    };
    let configure = |config: Config| config.close_timeout(Duration::from_millis(200));
    let (url, thread) = listen("ws", peer);
    let (handle, driver) = client(crate::peers::subscribed(configure(Config::new(url))));
    let (mut lost, mut began) = (0, None);
    let closed =
        within::<A, _>(driver.run(
            &A::runtime(),
            |client: &mut Client, now, event: &Event<'_>| match event {
                Event::Opened { .. } => {
                    let sent = fill(client, now);
                    assert!(sent > 50, "{sent} requests of 200 kB, more than any socket takes");
                    began = Some(std::time::Instant::now());
                    handle.close();
                }
                Event::Reply { .. } => lost += 1,
                _ => {}
            },
        ));
    let took = began.unwrap().elapsed();
    assert_eq!(closed.reason, CloseReason::RequestedUnclean);
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(3), "{took:?}");
    assert!(lost > 50, "{lost} requests are answered");
    done.send(()).unwrap();
    thread.join().unwrap();
}

/// Scenario L-106: the peer sends without end and reads nothing. The driver ends the link when the time limit for
/// writing is over.
pub(crate) fn a_peer_that_only_sends<A: Adapter>() {
    let longest = Duration::from_millis(300);
    let (url, thread) = listen("ws", |mut stream| {
        upgrade(&mut stream);
        while stream.write_all(&frame(TEXT, TRADE.as_bytes())).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
    let (mut asked, mut told, mut end) = (0, 0, None);
    let mut began = Instant::ZERO;
    within::<A, _>(driver.write_timeout(longest).run(
        &A::runtime(),
        |client: &mut Client, now, event: &Event<'_>| match event {
            Event::Opened { .. } => {
                asked += fill(client, now);
                began = now;
            }
            Event::Reply { outcome, .. } => {
                assert!(matches!(outcome, RequestOutcome::Lost | RequestOutcome::NotSent), "{outcome:?}");
                told += 1;
            }
            Event::Disconnected { reason: why, .. } => {
                end = Some((*why, now.since(began)));
                handle.close();
            }
            _ => {}
        },
    ));
    let (why, took) = end.unwrap();
    assert_eq!(why, Lost::Transport);
    assert!(took >= longest && took < Duration::from_secs(3), "{took:?}");
    assert!(asked > 50 && told == asked, "{told} of {asked} requests are answered");
    thread.join().unwrap();
}

/// Sends requests of 200 kB until the client refuses one. Returns how many it accepted.
pub(crate) fn fill(client: &mut Client, now: Instant) -> usize {
    let parameters = format!("\"{}\"", "x".repeat(200_000));
    let large = Request::raw("large", Some(RawJson::new(&parameters).unwrap()));
    std::iter::repeat(()).take_while(|()| client.request(now, &large).is_ok()).count()
}

/// Scenario L-055: the peer closes its sending side and continues to read. The client reports `Lost::End`.
pub(crate) fn half_a_peer<A: Adapter>() {
    let why = end_of::<A>(|stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(why, Lost::End);
}

/// Scenario L-064: the client answers each ping with a pong of the same payload, even when it sends nothing else.
pub(crate) fn pongs_by_themselves<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        read_frame(&mut stream).expect("a subscription");
        for payload in ["", "one", "two"] {
            stream.write_all(&frame(PING, payload.as_bytes())).unwrap();
            assert_eq!(read_frame(&mut stream), Some((PONG, payload.as_bytes().to_vec())));
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(&frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
        let rest = read_frames(&mut stream);
        assert_eq!(rest.first().map(|frame| frame.0), Some(CLOSE));
    };
    against::<A>("ws", peer, |event| matches!(event, Event::Live { .. }));
}

/// Scenario L-103: the application sends ten requests and closes, while the peer reads one byte at a time. The peer
/// receives all requests, and then the Close frame.
pub(crate) fn last_words_to_a_slow_reader<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        std::thread::sleep(Duration::from_millis(50));
        let (mut bytes, mut byte) = (Vec::new(), [0]);
        while !bytes.windows(2).any(|two| two == [CLOSE, 0x82])
            && stream.read(&mut byte).is_ok_and(|n| n == 1)
        {
            bytes.push(byte[0]);
        }
        bytes
    };
    let (_, bytes) = meet::<A, _>(
        "ws",
        |config| config,
        peer,
        |client, now, event| {
            let open = matches!(event, Event::Opened { .. });
            for _ in 0..if open { 10 } else { 0 } {
                client.request(now, &Request::Time).unwrap();
            }
            open
        },
    );
    // The peer has received the subscription, ten requests of less than 126 bytes, and the head of the Close frame.
    let (mut rest, mut frames) = (&bytes[..], 0);
    while let [TEXT, length, after @ ..] = rest {
        rest = &after[4 + usize::from(length & 0x7f)..];
        frames += 1;
    }
    assert_eq!((frames, rest), (11, &[CLOSE, 0x82][..]));
}

/// Scenario L-104: many bytes are unwritten, and the peer sends a frame that is too long. The link ends before the
/// driver writes these bytes, and each request has an outcome.
pub(crate) fn an_end_before_the_queue<A: Adapter>() {
    let (done, is_done) = mpsc::channel::<()>();
    let peer = move |mut stream: TcpStream| {
        upgrade(&mut stream);
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(&[vec![TEXT, 127], (1_u64 << 30).to_be_bytes().to_vec()].concat()).unwrap();
        let _ = is_done.recv_timeout(Duration::from_secs(10));
    };
    let (url, thread) = listen("ws", peer);
    let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
    let (mut sent, mut lost, mut began, mut took) = (0, 0, None, None);
    within::<A, _>(driver.run(&A::runtime(), |client: &mut Client, now, event: &Event<'_>| match event {
        Event::Opened { .. } => {
            sent += fill(client, now);
            began = Some(std::time::Instant::now());
        }
        Event::Reply { .. } => lost += 1,
        Event::Disconnected { reason: why, .. } => {
            assert_eq!(*why, Lost::Protocol);
            took = began.map(|began| began.elapsed());
            handle.close();
        }
        _ => {}
    }));
    assert!(took.is_some_and(|took| took < Duration::from_secs(2)), "{took:?}");
    assert!(sent > 50 && lost == sent, "{lost} of {sent} requests are answered");
    done.send(()).unwrap();
    thread.join().unwrap();
}

pub(crate) fn code_of_close(stream: &mut TcpStream) -> Option<u16> {
    let frames = read_frames(stream);
    let (opcode, payload) = frames.last()?;
    (*opcode == CLOSE).then(|| payload.first_chunk().map(|code| u16::from_be_bytes(*code)))?
}
