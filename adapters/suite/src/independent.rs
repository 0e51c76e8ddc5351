//! Tests the client against servers that use WebSocket libraries of other projects. The path of the request chooses
//! how a server misbehaves.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{Client, CloseReason, Config, ConnectFailure, Event, Instant, Lost};
use gemini_ws_transport::{Dialer, Proxies, tls};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

use crate::Adapter;
use crate::child::Program;
use crate::peers::{subscribed, within};
use crate::secured::authority;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// The client received a trade, and the closing handshake was complete.
    Traded,
    /// The client received a trade, and closed without a Close frame from the server.
    Unanswered,
    Lost(Lost),
    Refused(ConnectFailure),
}

const fn closed(code: u16) -> Outcome {
    Outcome::Lost(Lost::Closed { code: Some(code) })
}

const fn refused(status: u16, seconds: Option<u64>) -> Outcome {
    let retry_after = match seconds {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => None,
    };
    Outcome::Refused(ConnectFailure::Status { status, retry_after, reason: None })
}

/// Each row has the path, the possible outcomes, and the code of the Close frame that the server receives. The code
/// is `-` if the server receives none, and empty if the test does not check the code.
const ROWS: &[(&str, &[Outcome], &str)] = &[
    ("/trade", &[Outcome::Traded], "1000"),
    ("/fragments", &[Outcome::Traded], "1000"),
    ("/pings", &[Outcome::Traded], "1000"),
    ("/silent", &[Outcome::Lost(Lost::Silent)], "-"),
    ("/mute", &[Outcome::Lost(Lost::Silent)], "-"),
    // The server reads the Close frame only after the client has disconnected, so the test does not check the code.
    ("/deaf", &[Outcome::Unanswered], ""),
    ("/close", &[Outcome::Lost(Lost::Closed { code: None })], ""),
    ("/close/1000", &[closed(1000)], "1000"),
    ("/close/1001", &[closed(1001)], "1001"),
    ("/close/1002", &[closed(1002)], "1002"),
    ("/close/1003", &[closed(1003)], "1003"),
    ("/close/1007", &[closed(1007)], "1007"),
    ("/close/1008", &[closed(1008)], "1008"),
    ("/close/1009", &[closed(1009)], "1009"),
    ("/close/1010", &[closed(1010)], "1010"),
    ("/close/1011", &[closed(1011)], "1011"),
    ("/close/1012", &[closed(1012)], "1012"),
    ("/close/1013", &[closed(1013)], "1013"),
    // The WebSocket layer does not know this code, which was registered after RFC 6455.
    ("/close/1014", &[closed(1002)], "1002"),
    ("/close/3000", &[closed(3000)], "3000"),
    ("/close/4999", &[closed(4999)], "4999"),
    ("/abort", &[Outcome::Lost(Lost::End), Outcome::Lost(Lost::Reset)], "-"),
    ("/torn", &[Outcome::Lost(Lost::End), Outcome::Lost(Lost::Reset)], ""),
    ("/large", &[Outcome::Traded], "1000"),
    ("/larger", &[Outcome::Lost(Lost::Protocol)], "1009"),
    ("/utf8", &[Outcome::Lost(Lost::Protocol)], "1007"),
    ("/masked", &[Outcome::Lost(Lost::Protocol)], "1002"),
    ("/reserved", &[Outcome::Lost(Lost::Protocol)], "1002"),
    ("/refuse/400", &[refused(400, None)], ""),
    ("/refuse/401", &[refused(401, None)], ""),
    ("/refuse/403", &[refused(403, None)], ""),
    ("/refuse/429/7", &[refused(429, Some(7))], ""),
    ("/refuse/500", &[refused(500, None)], ""),
    ("/refuse/503/3", &[refused(503, Some(3))], ""),
    ("/redirect", &[refused(302, None)], ""),
];

/// Runs clients against a server with Python's `websockets` and against one with Node's `ws`. `GEMINI_WS_PYTHON` is
/// the path of a Python that has `websockets`. `GEMINI_WS_NODE_MODULES` is a folder of modules with `ws`. If a
/// variable is not set, the test skips its server.
///
/// # Panics
///
/// If a server does not start, or a client has an unexpected result.
pub(crate) fn servers_that_misbehave<A: Adapter>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("independent");
    match std::env::var_os("GEMINI_WS_PYTHON") {
        Some(python) => meet_all::<A>(Command::new(python).arg(folder.join("websockets_server.py"))),
        None => println!("no GEMINI_WS_PYTHON: no server on websockets"),
    }
    match std::env::var_os("GEMINI_WS_NODE_MODULES") {
        Some(modules) => {
            meet_all::<A>(Command::new("node").arg(folder.join("ws_server.cjs")).env("NODE_PATH", modules));
        }
        None => println!("no GEMINI_WS_NODE_MODULES: no server on ws"),
    }
}

/// A server in a separate process. Dropping this value ends the process.
struct Server {
    program: Program,
    plain: String,
    secure: String,
}

impl Server {
    fn start(command: &mut Command, issuer: &CertifiedIssuer<'static, KeyPair>) -> Server {
        let folder = std::env::temp_dir().join(format!("gemini-ws-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
        let files = [("certificate.pem", certificate.pem()), ("key.pem", key.serialize_pem())];
        for (name, pem) in &files {
            std::fs::write(folder.join(name), pem).unwrap();
            command.arg(folder.join(name));
        }
        let mut program = Program::start(command);
        let ports = program.line().expect("two ports");
        std::fs::remove_dir_all(&folder).unwrap();
        let (plain, secure) = ports.split_once(' ').expect("two ports");
        let (plain, secure) = (format!("ws://127.0.0.1:{plain}"), format!(":{secure}"));
        Server { program, plain, secure }
    }

    /// Returns the code of the Close frame on the connection that has just ended.
    fn close_code_of(&mut self, path: &str) -> String {
        let line = self.program.line().expect("a line for each client");
        let (of, code) = line.split_once(' ').expect("a path and a code");
        assert_eq!(of, path);
        code.to_owned()
    }
}

fn meet_all<A: Adapter>(command: &mut Command) {
    let issuer = authority();
    let mut server = Server::start(command, &issuer);
    for (path, expected, code) in ROWS {
        println!("{:?} {path}", command.get_program());
        let got = meet::<A>(A::runtime(), &format!("{}{path}", server.plain));
        assert!(expected.contains(&got), "{path}: {got:?}, not {expected:?}");
        let is_refused = matches!(got, Outcome::Refused(_));
        if !is_refused {
            let told = server.close_code_of(path);
            assert!(code.is_empty() || told == *code, "{path}: the server got {told}, not {code}");
        }
    }
    let trusting = || {
        let roots = tls::roots_of_pem(issuer.pem().as_bytes()).unwrap();
        A::with_dialer(Dialer::new().proxies(Proxies::none()).tls(roots))
    };
    let right = meet::<A>(trusting(), &format!("wss://localhost{}/trade", server.secure));
    assert_eq!(right, Outcome::Traded);
    assert_eq!(server.close_code_of("/trade"), "1000");
    let wrong = meet::<A>(trusting(), &format!("wss://127.0.0.1{}/trade", server.secure));
    assert_eq!(wrong, Outcome::Refused(ConnectFailure::Certificate));
}

/// Runs a client until its link ends or its attempt to connect fails. The client closes after the first trade, except
/// on the path `/mute`, where the server stops sending.
fn meet<A: Adapter>(runtime: A::Runtime, url: &str) -> Outcome {
    let seconds = Duration::from_secs;
    let config = Config::new(url).probe_after(seconds(1)).silence_max(seconds(2)).close_timeout(seconds(1));
    let (handle, driver) = client(subscribed(config));
    let (mut outcome, mut traded) = (None, false);
    let stays = url.ends_with("/mute");
    let on_event = |_: &mut Client, _: Instant, event: &Event<'_>| {
        match *event {
            Event::Trade(..) => traded = true,
            Event::Disconnected { reason: why, .. } => outcome = Some(Outcome::Lost(why)),
            Event::ConnectFailed { reason: why, .. } => outcome = Some(Outcome::Refused(why)),
            _ => return,
        }
        if outcome.is_some() || !stays {
            handle.close();
        }
    };
    let closed = within::<A, _>(driver.run(&runtime, on_event));
    match closed.reason {
        CloseReason::Requested if traded && !stays => Outcome::Traded,
        CloseReason::RequestedUnclean if traded && !stays => Outcome::Unanswered,
        reason => outcome.unwrap_or_else(|| panic!("{url}: nothing came, and then {reason:?}")),
    }
}
