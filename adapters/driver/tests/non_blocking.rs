//! Tests `NonBlocking` on real sockets with three peers: one refuses the upgrade, one does not read, and one is
//! killed.

#![cfg(feature = "handshake")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use async_tungstenite::tungstenite::{Message, accept};
use gemini_ws::{ConnectFailure, Lost};
use gemini_ws_driver::{NonBlocking, frame_of};

type Socket = NonBlocking<TcpStream>;

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    (NonBlocking::new(format!("ws://{address}/"), stream).unwrap(), listener.accept().unwrap().0)
}

/// Calls `attempt` until it returns a value, at most 2,000 times. Returns this value.
fn wait<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2_000 {
        if let Some(found) = attempt() {
            return found;
        }
        sleep(Duration::from_millis(1));
    }
    panic!("nothing for too long");
}

#[test]
fn a_refusal_has_its_reason() {
    let (mut socket, mut peer) = pair();
    assert_eq!(socket.upgrade(), None);
    assert!(peer.read(&mut [0; 1024]).unwrap() > 0);
    let body = r#"{"result":"error","reason":"InvalidNonce","message":""}"#;
    let head = format!("HTTP/1.1 400 Bad\r\nRetry-After: 2\r\nContent-Length: {}\r\n\r\n", body.len());
    peer.write_all((head + body).as_bytes()).unwrap();
    let Err(ConnectFailure::Status { status, retry_after, reason }) = wait(|| socket.upgrade()) else {
        panic!("not refused");
    };
    assert_eq!((status, retry_after), (400, Some(Duration::from_secs(2))));
    assert_eq!(reason.unwrap().as_str(), "InvalidNonce");
    assert_eq!((socket.is_open(), socket.wants_write()), (false, false));
}

/// `NonBlocking` keeps bytes that the peer does not read, in order. If more bytes would wait than the maximum, the
/// link ends. A peer that is killed sends no Close frame, and the link ends as `Lost::End`.
#[test]
fn a_peer_that_does_not_read_and_one_that_is_killed() {
    for is_patient in [true, false] {
        let (mut socket, peer) = pair();
        assert_eq!(socket.upgrade(), None);
        let peer = std::thread::spawn(move || accept(peer).unwrap());
        assert_eq!(wait(|| socket.upgrade()), Ok(()));
        let mut peer = peer.join().unwrap();
        peer.send(Message::text("first")).unwrap();
        let message = wait(|| socket.read().unwrap());
        assert_eq!(frame_of(&message), Some(gemini_ws::Frame::Text("first")));

        let text = |number: u32| format!("{number:0>1000}");
        let mut sent = 0;
        while !socket.wants_write() {
            socket.send(text(sent)).unwrap();
            sent += 1;
        }
        assert_eq!(socket.read(), Ok(None), "it can be read meanwhile");
        if !is_patient {
            let lost = (0..1_000).find_map(|_| socket.send(text(0)).err());
            assert_eq!((lost, socket.read()), (Some(Lost::Transport), Err(Lost::Transport)));
            assert!(!socket.wants_write(), "the link has ended");
            continue;
        }
        socket.send(text(sent)).unwrap();
        let reader = std::thread::spawn(move || {
            for number in 0..=sent {
                assert_eq!(peer.read().unwrap(), Message::text(format!("{number:0>1000}")));
            }
        });
        wait(|| {
            socket.flush().unwrap();
            (!socket.wants_write()).then_some(())
        });
        reader.join().unwrap();
        let lost = wait(|| socket.read().err());
        assert_eq!((lost, socket.read()), (Lost::End, Err(Lost::End)));
    }
}
