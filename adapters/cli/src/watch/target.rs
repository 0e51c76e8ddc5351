//! [`Target`]: what `watch` connects to.

use std::fs::File;
use std::future::pending;
use std::io::{self, Read};
use std::path::Path;

use gemini_ws::Symbol;
use gemini_ws_simulator::Exchange;
use gemini_ws_simulator::server::Server;
use gemini_ws_smol::{Dialer, Proxies, tls};
use smol::channel::Receiver;

use crate::arguments::Watch;
use crate::ending::Failure;
use crate::output::Messages;
use crate::shown::Shown;
use crate::simulate;

use super::replay::{self, Ended};

const MARKET_SEED: u64 = 1;

/// The limit for the bytes of a file of certificates. Those that browsers trust take about 200 KiB.
const CERTIFICATE_BYTES_MAX: u64 = 8 << 20;

pub(super) struct Target {
    pub(super) url: String,
    pub(super) venue: Shown,
    pub(super) symbols: Vec<Symbol>,
    pub(super) server: Option<Server>,
    /// Receives the report on the end of the recording.
    pub(super) ended: Option<Receiver<Ended>>,
    pub(super) dialer: Dialer,
}

pub(super) fn target(options: &Watch, messages: &mut Messages) -> Result<Target, Failure> {
    let mut symbols = options.symbols.clone();
    if let Some(url) = options.venue.url() {
        let (url, venue) = (url.to_owned(), Shown::of(&options.venue));
        let dialer = if options.venue.is_secure() { trusting(options)? } else { Dialer::new() };
        let dialer = if options.venue.is_local() { dialer.proxies(Proxies::none()) } else { dialer };
        return Ok(Target { url, venue, symbols, server: None, ended: None, dialer });
    }
    let (config, venue, ended) = match &options.replay {
        None => {
            let market = gemini_ws_simulator::Config::market(symbols.iter().copied());
            (market, Shown::of("simulator"), None)
        }
        Some(path) => {
            let replay = replay::open(path, &symbols, options.duration, messages)?;
            symbols = replay.symbols;
            let recording = gemini_ws_simulator::Config::recording(replay.recording);
            (recording, Shown::of(format_args!("replay of {}", path.display())), Some(replay.ended))
        }
    };
    let exchange = Exchange::new(config, options.seed.unwrap_or(MARKET_SEED));
    let server = simulate::serve(exchange, ([127, 0, 0, 1], 0).into())?;
    // The simulator is in this process, so the proxies of the environment do not apply.
    let dialer = Dialer::new().proxies(Proxies::none());
    let url = simulate::address(&server);
    Ok(Target { url, venue, symbols, server: Some(server), ended, dialer })
}

/// Returns a dialer that trusts the certificate authorities that the options or the environment name.
fn trusting(options: &Watch) -> Result<Dialer, Failure> {
    if options.platform_roots {
        let roots = tls::platform_roots();
        let roots = roots.map_err(|error| {
            Failure::new(format_args!("--platform-roots: {error}; name a file with --ca instead"))
        })?;
        return Ok(Dialer::new().tls(roots));
    }
    let (path, source) = match (&options.ca, std::env::var_os("SSL_CERT_FILE")) {
        (Some(path), _) => (path.clone(), ""),
        (None, Some(path)) if !path.is_empty() => (path.into(), "SSL_CERT_FILE names "),
        (None, _) => return Ok(Dialer::new()),
    };
    let roots = certificates(&path).and_then(|pem| tls::roots_of_pem(&pem));
    let roots = roots.map_err(|error| Failure::new(format_args!("{source}{}: {error}", path.display())))?;
    Ok(Dialer::new().tls(roots))
}

fn certificates(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(CERTIFICATE_BYTES_MAX + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > CERTIFICATE_BYTES_MAX {
        let size = CERTIFICATE_BYTES_MAX >> 20;
        return Err(io::Error::other(format!("a file of certificates has at most {size} MiB")));
    }
    Ok(pem)
}

/// Runs the simulator. Without one, never returns.
pub(super) async fn serve<T>(server: Option<Server>) -> T {
    match server {
        Some(mut server) => match server.run().await {},
        None => pending().await,
    }
}
