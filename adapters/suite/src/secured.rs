//! Tests which certificates the client trusts.

use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{CloseReason, Config, ConnectFailure, Event};
use gemini_ws_transport::rustls::pki_types::PrivateKeyDer;
use gemini_ws_transport::rustls::server::WebPkiClientVerifier;
use gemini_ws_transport::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto,
};
use gemini_ws_transport::{Dialer, Proxies, tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::Adapter;
use crate::peers::{subscribed, upgrade, within};

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Runs a server in a thread. The server has a certificate for `name`, and accepts one client and its upgrade. If
/// `clients` is not `None`, the client must have a certificate from these authorities. Returns the URL and the
/// thread.
fn serve(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    is_expired: bool,
    clients: Option<Arc<RootCertStore>>,
) -> (String, std::thread::JoinHandle<()>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    if is_expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = params.signed_by(&key, issuer).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = clients.map(|roots| {
        WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().unwrap()
    });
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config =
        config.with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth));
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("wss://localhost:{}", listener.local_addr().unwrap().port());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        // A client that does not trust the certificate sends an alert.
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            upgrade(&mut stream);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        } else {
            // If the server closed the socket with unread bytes, the system would send a reset, which could overtake
            // the server's alert.
            let _ = stream.sock.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
        }
    });
    (url, thread)
}

fn outcome<A: Adapter>(url: String, dialer: Dialer) -> Option<ConnectFailure> {
    let (handle, driver) = client(subscribed(Config::new(url).close_timeout(Duration::from_millis(200))));
    let mut why = None;
    let runtime = A::with_dialer(dialer.proxies(Proxies::none()));
    let closed = within::<A, _>(driver.run(&runtime, |_, _, event| match *event {
        Event::Opened { .. } => drop(handle.close()),
        Event::ConnectFailed { reason: told, retry, .. } => {
            // After these two failures the client dials again: a certificate may become valid with time, and the
            // server may change what it requires of a client.
            let is_retried = matches!(told, ConnectFailure::CertificateTime | ConnectFailure::Tls);
            assert_eq!(retry.is_some(), is_retried, "{told:?}");
            why = Some(told);
            if is_retried {
                handle.close();
            }
        }
        _ => {}
    }));
    match why {
        Some(why) if !matches!(why, ConnectFailure::CertificateTime | ConnectFailure::Tls) => {
            assert_eq!(closed.reason, CloseReason::ConnectRefused(why));
        }
        _ => assert!(matches!(closed.reason, CloseReason::Requested | CloseReason::RequestedUnclean)),
    }
    why
}

/// The client connects only if it trusts the authority of the certificate, and if the certificate has the right name
/// and has not expired.
pub(crate) fn certificates<A: Adapter>() {
    let (ours, another) = (authority(), authority());
    let roots =
        |issuer: &CertifiedIssuer<'static, KeyPair>| tls::roots_of_pem(issuer.pem().as_bytes()).unwrap();
    let wrong = Some(ConnectFailure::Certificate);
    for (name, is_expired, trusted, expected) in [
        ("localhost", false, &ours, None),
        ("localhost", false, &another, wrong),
        ("elsewhere.example", false, &ours, wrong),
        ("localhost", true, &ours, Some(ConnectFailure::CertificateTime)),
    ] {
        let (url, thread) = serve(&ours, name, is_expired, None);
        let got = outcome::<A>(url, Dialer::new().tls(roots(trusted)));
        assert_eq!(got, expected, "{name}, expired: {is_expired}");
        thread.join().unwrap();
    }
    // By default, a dialer trusts the authorities of browsers, and none of them has signed this certificate.
    let (url, thread) = serve(&ours, "localhost", false, None);
    assert_eq!(outcome::<A>(url, Dialer::new()), wrong);
    thread.join().unwrap();
    // The server requires a certificate of the client, which has none. In TLS 1.3, the refusal arrives after the
    // client's handshake.
    let mut clients = RootCertStore::empty();
    clients.add(another.der().clone()).unwrap();
    let (url, thread) = serve(&ours, "localhost", false, Some(Arc::new(clients)));
    assert_eq!(outcome::<A>(url, Dialer::new().tls(roots(&ours))), Some(ConnectFailure::Tls));
    thread.join().unwrap();
}

/// The environment variable with the address of the server, for the processes of [`authorities_of_the_system`].
const URL: &str = "GEMINI_WS_SUITE_TLS_URL";

/// Tests whether `roots` are the authorities of the operating system. Only the test `name` may call this function,
/// which runs that test again in two processes. In the first process, the authorities of the system include the
/// authority of a test server; in the second, they do not.
///
/// # Panics
///
/// If the client does not trust the server in the first process, or trusts the server in the second process.
pub fn authorities_of_the_system<A: Adapter>(name: &str, roots: impl FnOnce() -> Arc<ClientConfig>) {
    if let Ok(url) = std::env::var(URL) {
        println!("outcome {:?}", outcome::<A>(url, Dialer::new().tls(roots())));
        return;
    }
    let ours = authority();
    for (trusted, expected) in [(&ours, None), (&authority(), Some(ConnectFailure::Certificate))] {
        let (url, thread) = serve(&ours, "localhost", false, None);
        let file = std::env::temp_dir().join(format!("gemini-ws-roots-{}.pem", std::process::id()));
        std::fs::write(&file, trusted.pem()).unwrap();
        let again = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(URL, url)
            .env("SSL_CERT_FILE", &file)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        thread.join().unwrap();
        std::fs::remove_file(&file).unwrap();
        let output = String::from_utf8_lossy(&again.stdout);
        assert!(output.contains(&format!("outcome {expected:?}\n")), "not {expected:?}: {output}");
    }
}
