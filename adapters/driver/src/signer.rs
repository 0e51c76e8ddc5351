//! [`SharedSigner`]: one signer for all users of a key, who take turns.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_lock::{Mutex, MutexGuardArc};
use gemini_ws::{Credentials, InvalidCredentials, Signer};

/// The maximum time for which a dial holds its [`Turn`] while it connects, and again while it waits for the answer to
/// its request.
pub const TURN_MAX: Duration = Duration::from_secs(1);

/// A signer that any number of connections, and all other users of its key, share.
///
/// The venue refuses a nonce that arrives after a higher nonce of the same key, over a WebSocket or over REST. So
/// take a [`Turn`] before you draw a nonce, and keep the turn until the venue has answered the request.
///
/// A dial of a [`Driver`](crate::Driver) takes its turn before it connects, and keeps it until the venue answers the
/// upgrade. [`TURN_MAX`] limits this time: connecting and waiting for the answer may each take that long. A dial that
/// connects for longer takes another turn when it is connected. [`Config::connect_timeout`] limits the wait for the
/// first turn, and starts again when the dial begins to connect. A dial with a bearer token needs no nonce, so it
/// ends its turn at once.
///
/// If a driver has the turn and is neither polled nor dropped, all other users wait without limit.
///
/// [`Config::connect_timeout`]: gemini_ws::Config::connect_timeout
///
/// Clones share the signer. Make only one `SharedSigner` for each key.
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
    /// Creates a signer that can be shared by cloning.
    pub fn new(signer: Signer) -> SharedSigner {
        SharedSigner { signer: Arc::new(Mutex::new(signer)) }
    }

    /// Creates a signer for an API key and its secret. The nonces are in seconds, as with [`Signer::new`].
    ///
    /// ```
    /// use gemini_ws_driver::SharedSigner;
    ///
    /// assert!(SharedSigner::hmac("key", "secret").is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidCredentials`], for the reasons that [`Credentials::hmac`] lists.
    pub fn hmac(
        key: impl Into<String>,
        secret: impl Into<Vec<u8>>,
    ) -> Result<SharedSigner, InvalidCredentials> {
        Ok(SharedSigner::new(Signer::new(Credentials::hmac(key, secret)?)))
    }

    /// Waits for the turn and takes it. You may drop the future before it is done.
    ///
    /// Do not block on this future in a function that a driver calls, because a dial of the same driver may have the
    /// turn.
    pub async fn turn(&self) -> Turn {
        Turn(self.signer.lock_arc().await)
    }

    /// Takes the turn for a dial. If the credentials use no nonces, ends the turn at once and returns `None`.
    pub(crate) async fn turn_of_dial(&self) -> Option<Turn> {
        let turn = self.turn().await;
        turn.credentials().uses_nonces().then_some(turn)
    }
}

impl From<Signer> for SharedSigner {
    fn from(signer: Signer) -> SharedSigner {
        SharedSigner::new(signer)
    }
}

/// The exclusive use of a [`SharedSigner`], until the turn is dropped. A turn dereferences to the [`Signer`].
///
/// To change the credentials of later dials, assign another [`Signer`], for example one with a new access token.
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

/// Holds the turn of a dial that is connecting, until the upgrade takes the turn out, or the driver does so after
/// [`TURN_MAX`].
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldTurn(Arc<std::sync::Mutex<Option<Turn>>>);

impl HeldTurn {
    pub(crate) fn new(turn: Turn) -> HeldTurn {
        HeldTurn(Arc::new(std::sync::Mutex::new(Some(turn))))
    }

    pub(crate) fn take(&self) -> Option<Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

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
