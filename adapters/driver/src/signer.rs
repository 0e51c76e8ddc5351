//! [`SharedSigner`]: all who use a key, one after the other.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use async_lock::{Mutex, MutexGuardArc};
use gemini_ws::Signer;

/// The longest turn of a dial: by then its request has arrived, or the peer does not answer.
pub const TURN_MAX: Duration = Duration::from_secs(1);

/// A signer for any number of connections, and for whatever else uses its key.
///
/// The venue refuses a nonce that arrives after a higher one of the same key, on WebSockets and REST
/// together. So whoever signs takes a [`Turn`], and
/// keeps it from the draw of the nonce until the request has arrived. A dial of a
/// [`Driver`](crate::Driver) takes it once the transport is ready and keeps it until the upgrade is
/// answered or given up, and never longer than [`TURN_MAX`].
///
/// Clones share the signer. Two of these for one key would be a mistake.
///
/// ```
/// use gemini_ws_driver::SharedSigner;
/// use gemini_ws_driver::gemini_ws::{Credentials, Signer, UnixTime};
///
/// # futures_lite::future::block_on(async {
/// let signer = SharedSigner::new(Signer::new(Credentials::hmac("key", "secret")?));
/// // A REST request of the same key; `signer.clone()` goes to `Driver::sign_with`.
/// let mut turn = signer.turn().await;
/// let nonce = turn.nonces().next(UnixTime::now());
/// // … sign with it, send, wait for the answer …
/// drop(turn);
/// assert_eq!(signer.turn().await.nonces().last(), Some(nonce));
/// # Ok::<(), gemini_ws_driver::gemini_ws::InvalidCredentials>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SharedSigner {
    signer: Arc<Mutex<Signer>>,
}

impl SharedSigner {
    /// Shares this signer.
    pub fn new(signer: Signer) -> SharedSigner {
        SharedSigner { signer: Arc::new(Mutex::new(signer)) }
    }

    /// Waits until nobody else has the signer; dropping the future is leaving the line.
    ///
    /// Do not block on it where a driver calls `on_event`: the turn may be that of its own dial.
    pub async fn turn(&self) -> Turn {
        Turn(self.signer.lock_arc().await)
    }
}

impl From<Signer> for SharedSigner {
    fn from(signer: Signer) -> SharedSigner {
        SharedSigner::new(signer)
    }
}

/// The signer, for as long as this lives.
///
/// Put another signer in its place to have the next dials use it: one with a fresh access token, for
/// example, before the venue closes the connection for the old one.
///
/// ```
/// use gemini_ws_driver::SharedSigner;
/// use gemini_ws_driver::gemini_ws::{Credentials, Endpoint, Signer, UnixTime};
///
/// # futures_lite::future::block_on(async {
/// let signer = SharedSigner::new(Signer::new(Credentials::bearer("old")?));
/// *signer.turn().await = Signer::new(Credentials::bearer("fresh")?);
/// let headers = signer.turn().await.headers(Endpoint::Streams, UnixTime::now());
/// assert_eq!(headers.get("Authorization"), Some("Bearer fresh"));
/// # Ok::<(), gemini_ws_driver::gemini_ws::InvalidCredentials>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Turn(MutexGuardArc<Signer>);

impl Deref for Turn {
    type Target = Signer;

    fn deref(&self) -> &Signer {
        &self.0
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut Signer {
        &mut self.0
    }
}
