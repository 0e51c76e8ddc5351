//! [`NonceSource`]: numbers that increase with every use of an API key, even if the clock goes back.

use core::fmt;
use core::time::Duration;

use crate::value::time::UnixTime;

/// How far a nonce may be from the venue's clock in either direction ([nonces](crate::protocol::streams#nonces)).
pub const NONCE_TOLERANCE: Duration = Duration::from_secs(30);

/// The unit in which the nonces of a key count the time since 1970-01-01 UTC.
///
/// The unit belongs to the key, not to a request: everything that signs with the key must always use the same unit.
/// After the first nonce in milliseconds, the venue refuses every nonce in seconds until the key is replaced ([units
/// of nonces exclude each other](crate::protocol::quirks#units-of-nonces-exclude-each-other)). If an older program
/// has used a key with milliseconds, use milliseconds too, or create a new key.
///
/// ```
/// use core::time::Duration;
/// use gemini_ws::NonceUnit;
///
/// assert_eq!(NonceUnit::default(), NonceUnit::Seconds);
/// assert_eq!(NonceUnit::Milliseconds.step(), Duration::from_millis(1));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum NonceUnit {
    /// Seconds, in ten digits, as the venue documents ([ten digits](crate::protocol::quirks#ten-digits)). A key whose
    /// nonces are seconds can use one nonce per second on average, and about thirty nonces at once.
    #[default]
    Seconds,
    /// Milliseconds, for keys that sign more often than once per second. The venue accepts milliseconds, but does not
    /// document this ([measured](crate::protocol::quirks#milliseconds-accepted)).
    Milliseconds,
}

impl NonceUnit {
    /// Returns one unit as a duration: one second or one millisecond.
    pub const fn step(self) -> Duration {
        match self {
            NonceUnit::Seconds => Duration::from_secs(1),
            NonceUnit::Milliseconds => Duration::from_millis(1),
        }
    }

    const fn count(self, time: UnixTime) -> u64 {
        match self {
            NonceUnit::Seconds => time.as_secs(),
            NonceUnit::Milliseconds => time.as_millis(),
        }
    }
}

/// A number that a key may use once, written in decimal digits.
///
/// ```
/// use gemini_ws::Nonce;
///
/// assert_eq!(Nonce::new(1_700_000_000).to_string(), "1700000000");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Nonce(u64);

impl Nonce {
    /// Creates a nonce from a known number, such as a stored nonce. [`NonceSource::next`] returns new nonces.
    pub const fn new(value: u64) -> Nonce {
        Nonce(value)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A source of the nonces of one key. Each nonce is the present time, or [`last`](NonceSource::last) plus one if this
/// sum is higher than the present time.
///
/// The venue remembers the highest nonce of a key, on WebSockets and REST together, and refuses every nonce that is
/// not higher ([one nonce space](crate::protocol::quirks#one-nonce-space)). Use one source for each key, and draw
/// every nonce of the key from this source. The nonces increase even if the clock stands still or goes back.
///
/// # Order
///
/// The order of *arrival* counts. If two tasks each draw a nonce and then send a request, the request with the
/// higher nonce can arrive first. The venue then refuses the request with the lower nonce.
///
/// So put a shared source behind a lock, and hold the lock from the draw until the request is sent. If the tasks
/// send over different connections, hold the lock until the venue has answered. The crate `gemini-ws-driver` has
/// such a lock, `SharedSigner`.
///
/// # A clock that is wrong
///
/// The venue accepts nonces within [`NONCE_TOLERANCE`] of its own clock. The source runs ahead of the present time if
/// the clock was ahead for a while, if the program draws more than one nonce per [`NonceUnit::step`], or after
/// [`skip_to`](NonceSource::skip_to). It stays ahead until the present time has reached its last nonce.
/// [`ahead_of`](NonceSource::ahead_of) returns how far ahead it is.
///
/// If the source is ahead by less than the tolerance, the venue accepts its nonces, provided that the clock is right.
/// If the source is further ahead, the venue refuses its nonces: wait. If the source is ahead because the clock was
/// wrong, you can also create a new source, which starts at the present time. A new source helps only if the venue
/// has accepted none of the high nonces.
///
/// ```
/// use gemini_ws::{Nonce, NonceSource, NonceUnit, UnixTime};
///
/// let mut nonces = NonceSource::new(NonceUnit::Seconds);
/// let now = UnixTime::from_secs(1_700_000_000);
/// assert_eq!(nonces.next(now), Nonce::new(1_700_000_000));
/// assert_eq!(nonces.next(now), Nonce::new(1_700_000_001), "the same second");
/// assert_eq!(nonces.next(UnixTime::from_secs(1_600_000_000)), Nonce::new(1_700_000_002), "the clock went back");
/// ```
#[derive(Debug)]
pub struct NonceSource {
    unit: NonceUnit,
    last: Option<Nonce>,
}

impl NonceSource {
    /// Creates a source whose first nonce is the present time. The venue refuses this nonce if the key has used it,
    /// or a higher one. So call [`skip_to`](NonceSource::skip_to) with the last used nonce, for example if the
    /// program has started again within one unit of time.
    pub const fn new(unit: NonceUnit) -> NonceSource {
        NonceSource { unit, last: None }
    }

    /// Returns the next nonce for the time `now`.
    ///
    /// After the nonce `u64::MAX`, `next` returns `u64::MAX` again, which the venue refuses.
    pub const fn next(&mut self, now: UnixTime) -> Nonce {
        let nonce = self.upcoming(now);
        self.last = Some(nonce);
        nonce
    }

    /// Excludes `used` and every lower nonce. Call `skip_to` to resume after an earlier run of the program, or if
    /// another program has used the key.
    ///
    /// ```
    /// use gemini_ws::{Nonce, NonceSource, NonceUnit, UnixTime};
    ///
    /// let mut nonces = NonceSource::new(NonceUnit::Seconds);
    /// nonces.skip_to(Nonce::new(1_700_000_009));
    /// nonces.skip_to(Nonce::new(3));
    /// assert_eq!(nonces.next(UnixTime::from_secs(1_700_000_000)), Nonce::new(1_700_000_010));
    /// ```
    pub fn skip_to(&mut self, used: Nonce) {
        self.last = self.last.max(Some(used));
    }

    /// Returns the highest nonce that was drawn or excluded; `None` at the beginning. To resume in a later run,
    /// store this nonce and pass it to [`skip_to`](NonceSource::skip_to).
    pub const fn last(&self) -> Option<Nonce> {
        self.last
    }

    /// Returns the unit in which the nonces count time.
    pub const fn unit(&self) -> NonceUnit {
        self.unit
    }

    /// Returns how far the next nonce would be ahead of `now`; zero if the next nonce would be `now` in the source's
    /// unit. The venue refuses a nonce that is ahead by more than [`NONCE_TOLERANCE`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use gemini_ws::{NONCE_TOLERANCE, Nonce, NonceSource, NonceUnit, UnixTime};
    ///
    /// let (mut nonces, now) = (NonceSource::new(NonceUnit::Seconds), UnixTime::from_secs(1_700_000_000));
    /// assert_eq!(nonces.ahead_of(now), Duration::ZERO);
    /// nonces.next(now);
    /// assert_eq!(nonces.ahead_of(now), Duration::from_secs(1));
    ///
    /// nonces.skip_to(Nonce::new(1_700_000_000_000)); // the key was used with milliseconds
    /// assert!(nonces.ahead_of(now) > NONCE_TOLERANCE);
    /// ```
    pub const fn ahead_of(&self, now: UnixTime) -> Duration {
        let ahead = self.upcoming(now).0.saturating_sub(self.unit.count(now));
        match self.unit {
            NonceUnit::Seconds => Duration::from_secs(ahead),
            NonceUnit::Milliseconds => Duration::from_millis(ahead),
        }
    }

    const fn upcoming(&self, now: UnixTime) -> Nonce {
        let now = self.unit.count(now);
        match self.last {
            Some(Nonce(last)) if last >= now => Nonce(last.saturating_add(1)),
            _ => Nonce(now),
        }
    }
}
