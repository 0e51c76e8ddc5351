//! [`SharedSigner`]: one signer for all users of a key, one at a time.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use async_lock::{Mutex, MutexGuardArc};
use gemini_ws::{Credentials, InvalidCredentials, Signer};

/// The longest time for which a dial holds its [`Turn`] after it has begun to send its request. After this time, the
/// driver assumes that the request has arrived, or that the peer does not answer at all. `TURN_MAX` is also the
/// longest time for which a dial keeps the first place in the queue of its [`SharedSigner`].
pub const TURN_MAX: Duration = Duration::from_secs(1);

/// A signer that any number of connections, and all other users of its key, share.
///
/// The venue refuses a nonce that arrives after a higher nonce of the same key, over a WebSocket or over REST. So
/// each user takes a [`Turn`] before drawing a nonce, and keeps the turn until the venue has answered the request.
///
/// Dials of [`Driver`](crate::Driver)s queue for the signer before they connect: a venue drops a connection that
/// sends no request for some time (HTTP status 408). The next dial begins when the dial before it has ended or has
/// lasted for [`TURN_MAX`], and no user has the turn. A dial takes its turn once its transport is ready. It keeps the
/// turn until the venue answers the upgrade, but no longer than [`TURN_MAX`] after it began to send.
/// [`Config::connect_timeout`] limits the wait in the queue, and starts again when the dial begins. With a bearer
/// token there is no nonce: dials do not wait for each other, and each ends its turn before it sends the request.
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
    /// Held by the dial that comes next.
    queue: Arc<Mutex<()>>,
}

impl SharedSigner {
    /// Returns a signer that can be shared by cloning.
    pub fn new(signer: Signer) -> SharedSigner {
        SharedSigner { signer: Arc::new(Mutex::new(signer)), queue: Arc::default() }
    }

    /// Returns a signer for an API key and its secret. [`Credentials::hmac`] checks both. The nonces are in seconds,
    /// as with [`Signer::new`].
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

    /// Waits until no other user has the signer, and then takes the turn. Dropping the future leaves the queue.
    ///
    /// In a function that a driver calls, do not block on this future: a dial of the same driver may have the turn.
    pub async fn turn(&self) -> Turn {
        Turn(self.signer.lock_arc().await)
    }

    /// Waits until this dial is the next one and no other user has the signer; `None` if the dial need not hold up
    /// others, because its request has no nonce.
    pub(crate) async fn place(&self) -> Option<Place> {
        let place = self.queue.lock_arc().await;
        let turn = self.turn().await;
        turn.credentials().uses_nonces().then_some(Place { _held: place })
    }
}

impl From<Signer> for SharedSigner {
    fn from(signer: Signer) -> SharedSigner {
        SharedSigner::new(signer)
    }
}

/// The first place in the queue of dials, until it is dropped.
pub(crate) struct Place {
    _held: MutexGuardArc<()>,
}

/// The exclusive use of a [`SharedSigner`], until the turn is dropped. A turn dereferences to the [`Signer`].
///
/// To change the credentials of later dials, assign another [`Signer`], for example one with a new access token. Do
/// this before the venue closes the connections of the old token.
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
