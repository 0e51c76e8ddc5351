//! Tests input from outside: text of the venue, passwords in addresses, and environment variables.

use std::net::TcpListener;
use std::sync::Arc;

use crate::support::{Run, command, peer, run};
use gemini_ws_smol::async_tungstenite::tungstenite::protocol::CloseFrame;
use gemini_ws_smol::async_tungstenite::tungstenite::{self, Message};
use gemini_ws_smol::transport::rustls::pki_types::PrivateKeyDer;
use gemini_ws_smol::transport::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// If the command printed this text as it is, the text would clear the screen, set the title and look like a summary.
const ODD: &str = "\u{1b}[2J\u{9b}0m\u{7}\u{202e}a\nsummary: all is well\r\u{2028}b";

fn is_harmless(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2028}'))
        && !text.contains("\nsummary: all")
}

pub(crate) fn text_of_the_venue() {
    let closes = peer::serve(async |mut socket| {
        let close = CloseFrame { code: 1008.into(), reason: ODD.into() };
        let _ = socket.send(Message::Close(Some(close))).await;
    });
    let refuses = peer::serve(async |socket| {
        let message = serde_json::to_string(ODD).unwrap();
        peer::answer(
            socket,
            &format!(r#"{{"id":ID,"status":400,"error":{{"code":-1013,"msg":{message}}}}}"#),
        )
        .await;
    });
    let trades = peer::serve(async |mut socket| {
        let taker = serde_json::to_string(ODD).unwrap();
        let news = format!("{{\"e\":\"news\",\n\"t\":{taker}}}");
        let malformed = format!("{{\"e\":\"depthUpdate\",\"s\":{taker}");
        for frame in [news, malformed] {
            let _ = socket.send(Message::text(frame)).await;
        }
        peer::answer(socket, r#"{"id":ID,"status":200}"#).await;
    });
    // The address of the venue, and a part of the message on standard error.
    let table =
        [(&closes, r"\u{1b}[2J\u{9b}0m"), (&refuses, r"\u{202e}a\u{a}summary"), (&trades, "malformed")];
    for (url, said) in table {
        for json in [false, true] {
            let mut arguments = vec!["watch", "btcusd", "--venue", url, "--for", "1s"];
            arguments.extend(json.then_some("--json"));
            let run = run(&arguments, b"");
            assert!(run.err.contains(said), "{run:?}");
            assert!(is_harmless(&run.out) && is_harmless(&run.err), "{run:?}");
            if json {
                run.json_lines();
            }
        }
    }
}

/// If a text of the venue contains an API key, the command does not print the key.
pub(crate) fn keys_in_texts_of_the_venue() {
    const KEY: &str = "account-aB3x";
    let closes = peer::serve(async |mut socket| {
        let close = CloseFrame { code: 1008.into(), reason: format!("not {KEY}").into() };
        let _ = socket.send(Message::Close(Some(close))).await;
    });
    let refuses = peer::serve(async |socket| {
        let refusal = format!(r#"{{"id":ID,"status":400,"error":{{"code":-1013,"msg":"not {KEY}"}}}}"#);
        peer::answer(socket, &refusal).await;
    });
    let reports = peer::serve(async |mut socket| {
        for frame in [
            format!(r#"{{"result":"error","reason":"MissingRole","message":"not {KEY}"}}"#),
            format!(r#"{{"e":"news","api\u005fsession":"{KEY}"}}"#),
            format!(r#"{{"e":"depthUpdate","api\u005fsession":"{KEY}""#),
        ] {
            let _ = socket.send(Message::text(frame)).await;
        }
        peer::answer(socket, r#"{"id":ID,"status":200}"#).await;
    });
    for url in [&closes, &refuses, &reports] {
        for json in [false, true] {
            let mut arguments = vec!["watch", "btcusd", "--venue", url, "--for", "1s"];
            arguments.extend(json.then_some("--json"));
            let run = run(&arguments, b"");
            assert!(!run.out.contains("aB3x") && !run.err.contains("aB3x"), "{run:?}");
            let is_masked = run.out.contains("************") || run.err.contains("not ************");
            assert!(is_masked || url == &reports && !json, "{run:?}");
        }
    }
}

pub(crate) fn text_of_a_recording_and_of_arguments() {
    let odd = ODD.replace(['\n', '\r'], "");
    let frame = format!("{{\"e\":\"{}\"}}\n{{\"id\":\"{}\"\n", odd.replace(['\u{1b}', '\u{7}'], ""), odd);
    let decoded = run(&["decode"], frame.as_bytes());
    assert!(decoded.code == Some(0) && is_harmless(&decoded.out) && is_harmless(&decoded.err), "{decoded:?}");
    let name = format!("no-such-file{ODD}");
    let table: [(&[&str], i32); 5] = [
        (&["decode", &name], 1),
        (&["book", &name], 1),
        (&["watch", "--replay", &name], 1),
        (&["watch", &name], 2),
        (&[&name], 2),
    ];
    for (arguments, code) in table {
        let run = run(arguments, b"");
        assert!(
            run.code == Some(code) && is_harmless(&run.err) && run.err.contains("no-such-file"),
            "{run:?}"
        );
    }
}

pub(crate) fn passwords_in_addresses_are_refused_and_not_shown() {
    let table: [(&[&str], &str); 5] = [
        (&["watch", "btcusd", "--venue", "ws://trader:hunter2@127.0.0.1:9"], "user or a password"),
        (&["watch", "btcusd", "--venue", "wss://hunter2@localhost/x", "--json"], "user or a password"),
        (&["watch", "btcusd", "--venue", "http://trader:hunter2@127.0.0.1"], "ws://127.0.0.1:9000"),
        (&["watch", "ws://trader:hunter2@127.0.0.1"], "***@127.0.0.1"),
        (&["watch", "btcusd", "--address=ws://trader:hunter2@127.0.0.1"], "--address"),
    ];
    for (arguments, said) in table {
        let run = run(arguments, b"");
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(said) && !run.err.contains("hunter2"), "{run:?}");
    }
}

/// The command connects to this machine without a proxy.
pub(crate) fn no_proxy_leads_to_this_machine() {
    let url = peer::serve(async |socket| peer::answer(socket, r#"{"id":ID,"status":200}"#).await);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        for venue in ["simulator", &url] {
            let mut command = command(&["watch", "btcusd", "--for", "1s", "--venue", venue]);
            command.env(name, "http://127.0.0.1:9").env_remove("NO_PROXY").env_remove("no_proxy");
            let run = Run::of(command.output().unwrap());
            assert!(run.out.contains("connected to ") && run.err.is_empty(), "{name} {venue}: {run:?}");
        }
    }
}

/// Accepts clients over TLS, with a certificate for `localhost` that a new authority has signed. Returns the address
/// of the server, and the certificate of the authority as PEM.
fn secured() -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("wss://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // If the client does not trust the certificate, it sends an alert, and `accept` fails.
            if let Ok(mut socket) = tungstenite::accept(StreamOwned::new(connection, stream.unwrap())) {
                while socket.read().is_ok() {}
            }
        }
    });
    (url, authority.pem())
}

pub(crate) fn an_authority_that_is_named_is_trusted() {
    let (url, authority) = secured();
    let pem = std::env::temp_dir().join(format!("gemini-ws-{}-ca.pem", std::process::id()));
    std::fs::write(&pem, authority).unwrap();
    let name = pem.to_str().unwrap();
    // The arguments; the value of SSL_CERT_FILE; whether the command trusts the authority.
    let table: [(&[&str], &str, bool); 4] = [
        (&["--ca", name], "", true),
        (&[], name, true),
        (&["--ca", name], "no-such-file", true),
        (&[], "", false),
    ];
    for (arguments, variable, is_trusted) in table {
        let all = [&["watch", "btcusd", "--for", "1s", "--venue", &url], arguments].concat();
        let run = Run::of(command(&all).env("SSL_CERT_FILE", variable).output().unwrap());
        assert_eq!(run.out.contains("connected to"), is_trusted, "{arguments:?} {variable}: {run:?}");
        assert_eq!(run.err.contains("--ca FILE"), !is_trusted, "{arguments:?} {variable}: {run:?}");
    }
    std::fs::remove_file(&pem).unwrap();
}

pub(crate) fn authorities() {
    let pem = std::env::temp_dir().join(format!("gemini-ws-{}-no.pem", std::process::id()));
    std::fs::write(&pem, "no certificate").unwrap();
    let long = pem.with_extension("long");
    std::fs::File::create(&long).unwrap().set_len(9 << 20).unwrap();
    let (name, long) = (pem.to_str().unwrap(), long.to_str().unwrap());
    let url = "wss://127.0.0.1:9";
    // The arguments; the value of SSL_CERT_FILE; the exit code; a part of the message on standard error.
    let table: [(&[&str], &str, i32, &str); 9] = [
        (&["--ca", long], "", 1, "at most 8 MiB"),
        (&[], long, 1, "at most 8 MiB"),
        (&["--ca", name], "", 1, "no certificate in the PEM text"),
        (&["--ca", "no-such-file"], "", 1, "no-such-file"),
        (&[], name, 1, "SSL_CERT_FILE"),
        (&[], "no-such-file", 1, "SSL_CERT_FILE"),
        (&[], "", 1, "was never live"),
        (&["--platform-roots"], "", 1, ""),
        (&["--ca", name, "--platform-roots"], "", 2, "cannot be used with"),
    ];
    for (arguments, variable, code, said) in table {
        let all = [&["watch", "btcusd", "--for", "1s", "--venue", url], arguments].concat();
        let run = Run::of(command(&all).env("SSL_CERT_FILE", variable).output().unwrap());
        assert!(run.code == Some(code) && run.err.contains(said), "{arguments:?} {variable}: {run:?}");
    }
    // Without TLS, the command does not read the file that SSL_CERT_FILE names.
    let run = Run::of(command(&["watch", "--for", "1s"]).env("SSL_CERT_FILE", name).output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
    std::fs::remove_file(&pem).unwrap();
    std::fs::remove_file(long).unwrap();
}
