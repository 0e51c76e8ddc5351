//! The three kinds of time: the caller passes [`Instant`]s, the venue sends [`Timestamp`]s, and nonces are made from
//! [`UnixTime`]s.
//!
//! The core reads no clock. With the feature `std`, [`Clock`] converts the operating system's monotonic clock to
//! [`Instant`]s, and [`UnixTime::now`] reads the wall clock.

use alloc::format;
use core::fmt;
use core::time::Duration;

use crate::value::print;

/// A point on the caller's monotonic clock, in nanoseconds since an origin that the caller chooses. Instants of
/// clocks with different origins cannot be compared.
///
/// ```
/// use core::time::Duration;
/// use gemini_ws::Instant;
///
/// let start = Instant::from_secs(2);
/// assert_eq!(start + Duration::from_millis(5), Instant::from_nanos(2_005_000_000));
/// assert_eq!(start.since(Instant::from_secs(5)), Duration::ZERO, "never negative");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Instant = Instant(0);

    /// Creates an instant from nanoseconds since the origin.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// Creates an instant from milliseconds since the origin; saturates after 584 years.
    pub const fn from_millis(millis: u64) -> Instant {
        Instant(millis.saturating_mul(1_000_000))
    }

    /// Creates an instant from seconds since the origin; saturates after 584 years.
    pub const fn from_secs(secs: u64) -> Instant {
        Instant(secs.saturating_mul(1_000_000_000))
    }

    /// Returns the nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Instant;

    /// Adds a duration. Saturates at the end of the clock's range instead of wrapping.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A time that the venue wrote into a frame: nanoseconds since 1970-01-01 UTC.
///
/// Members of frames have different units: nanoseconds, milliseconds or seconds. The decoders know the unit of each
/// member ([times](crate::protocol::streams#numbers-times-and-symbols)) and never guess a unit from the size of a
/// number.
///
/// ```
/// use gemini_ws::Timestamp;
///
/// let time = Timestamp::from_nanos(1_790_732_602_948_771_651);
/// assert_eq!(time.as_millis(), 1_790_732_602_948);
/// assert_eq!(time.to_string(), "1790732602.948771651");
/// assert_eq!(time.since(Timestamp::from_secs(1_790_732_602).unwrap()).subsec_millis(), 948);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a time from nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Timestamp {
        Timestamp(nanos)
    }

    /// Creates a time from milliseconds since the epoch; `None` outside the years 1677 to 2262.
    pub const fn from_millis(millis: i64) -> Option<Timestamp> {
        match millis.checked_mul(1_000_000) {
            Some(nanos) => Some(Timestamp(nanos)),
            None => None,
        }
    }

    /// Creates a time from seconds since the epoch; `None` outside the years 1677 to 2262.
    pub const fn from_secs(secs: i64) -> Option<Timestamp> {
        match secs.checked_mul(1_000_000_000) {
            Some(nanos) => Some(Timestamp(nanos)),
            None => None,
        }
    }

    /// Returns the nanoseconds since the epoch; negative before the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the whole milliseconds since the epoch, rounded towards the past.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the whole seconds since the epoch, rounded towards the past.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Returns the time since `earlier`, or `None` if `earlier` is later.
    pub fn checked_since(self, earlier: Timestamp) -> Option<Duration> {
        u64::try_from(self.nanos_since(earlier)).ok().map(Duration::from_nanos)
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        self.checked_since(earlier).unwrap_or_default()
    }

    /// Returns the nanoseconds since `earlier`, negative if `earlier` is later.
    pub fn nanos_since(self, earlier: Timestamp) -> i128 {
        i128::from(self.0).saturating_sub(i128::from(earlier.0))
    }

    /// Adds a duration; `None` after the year 2262.
    pub fn checked_add(self, duration: Duration) -> Option<Timestamp> {
        let nanos = i128::try_from(duration.as_nanos()).ok()?.checked_add(i128::from(self.0))?;
        i64::try_from(nanos).ok().map(Timestamp)
    }

    /// Subtracts a duration; `None` before the year 1677.
    pub fn checked_sub(self, duration: Duration) -> Option<Timestamp> {
        let nanos = i128::from(self.0).checked_sub(i128::try_from(duration.as_nanos()).ok()?)?;
        i64::try_from(nanos).ok().map(Timestamp)
    }
}

impl core::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    /// Adds a duration. Saturates at the end of the range instead of wrapping.
    fn add(self, duration: Duration) -> Timestamp {
        self.checked_add(duration).unwrap_or(Timestamp(i64::MAX))
    }
}

impl core::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;

    /// Subtracts a duration. Saturates at the beginning of the range instead of wrapping.
    fn sub(self, duration: Duration) -> Timestamp {
        self.checked_sub(duration).unwrap_or(Timestamp(i64::MIN))
    }
}

impl fmt::Display for Timestamp {
    /// Prints the seconds since the epoch with nine decimals. If the format string has a precision, prints that many
    /// decimals: adds zeros, or rounds to the nearest number. Of two equally near numbers, prints the one whose last
    /// digit is even.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        print::number(f, &format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000))
    }
}

#[cfg(feature = "std")]
impl TryFrom<std::time::SystemTime> for Timestamp {
    type Error = OutOfRange;

    /// Converts a time of the years 1677 to 2262. Returns [`OutOfRange`] for any other time.
    fn try_from(time: std::time::SystemTime) -> Result<Timestamp, OutOfRange> {
        let epoch = Timestamp(0);
        let converted = match time.duration_since(std::time::SystemTime::UNIX_EPOCH) {
            Ok(after) => epoch.checked_add(after),
            Err(before) => epoch.checked_sub(before.duration()),
        };
        converted.ok_or(OutOfRange)
    }
}

#[cfg(feature = "std")]
impl From<Timestamp> for std::time::SystemTime {
    /// Converts a time. If the platform's clock cannot hold the time, the result is the epoch.
    fn from(time: Timestamp) -> std::time::SystemTime {
        let (epoch, away) = (std::time::SystemTime::UNIX_EPOCH, Duration::from_nanos(time.0.unsigned_abs()));
        let converted = if time.0 < 0 { epoch.checked_sub(away) } else { epoch.checked_add(away) };
        converted.unwrap_or(epoch)
    }
}

/// The error for a time that a [`Timestamp`] cannot hold; feature `std`.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct OutOfRange;

#[cfg(feature = "std")]
impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time outside the years 1677 to 2262")
    }
}

#[cfg(feature = "std")]
impl core::error::Error for OutOfRange {}

/// A time of the caller's wall clock: milliseconds since 1970-01-01 UTC.
///
/// This crate uses the wall clock only to make nonces (`NonceSource`, feature `auth`), because wall clocks jump. The
/// crate `gemini-ws-driver` also uses it, to notice that the machine slept and to read dates in `Retry-After`.
///
/// ```
/// use core::time::Duration;
/// use gemini_ws::UnixTime;
///
/// let time = UnixTime::from_millis(1_700_000_000_250);
/// assert_eq!((time.as_secs(), time.as_millis()), (1_700_000_000, 1_700_000_000_250));
/// assert_eq!(UnixTime::from_secs(1_700_000_000) + Duration::from_micros(250_999), time);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct UnixTime(u64);

impl UnixTime {
    /// Creates a time from milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> UnixTime {
        UnixTime(millis)
    }

    /// Creates a time from seconds since the epoch; saturates after 584 million years.
    pub const fn from_secs(secs: u64) -> UnixTime {
        UnixTime(secs.saturating_mul(1_000))
    }

    /// Returns the whole milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the epoch, rounded towards the past.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// Reads the operating system's wall clock; feature `std`. A time before the epoch becomes the epoch.
    ///
    /// ```
    /// use gemini_ws::UnixTime;
    ///
    /// assert!(UnixTime::now() > UnixTime::from_secs(1_700_000_000));
    /// ```
    #[cfg(feature = "std")]
    pub fn now() -> UnixTime {
        UnixTime::from(std::time::SystemTime::now())
    }
}

impl core::ops::Add<Duration> for UnixTime {
    type Output = UnixTime;

    /// Adds the whole milliseconds of a duration, without the rest. Saturates at the end of the range instead of
    /// wrapping.
    fn add(self, duration: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for UnixTime {
    /// Converts a time. A time before the epoch becomes the epoch.
    fn from(time: std::time::SystemTime) -> UnixTime {
        let after = time.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixTime(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The operating system's monotonic clock as [`Instant`]s; feature `std`. A copy has the same origin, but each call
/// of [`new`](Clock::new) sets another origin. So take all instants of one client from one clock.
///
/// ```
/// let clock = gemini_ws::Clock::new();
/// let first = clock.now();
/// assert!(clock.now() >= first);
/// assert_eq!(clock.from_std(clock.to_std(first)), first);
/// ```
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

#[cfg(feature = "std")]
impl Clock {
    /// Creates a clock whose origin is now.
    pub fn new() -> Clock {
        Clock { origin: std::time::Instant::now() }
    }

    /// Returns the current instant.
    pub fn now(&self) -> Instant {
        self.from_std(std::time::Instant::now())
    }

    /// Converts an instant of the standard library. An instant before the origin becomes the origin.
    pub fn from_std(&self, instant: std::time::Instant) -> Instant {
        Instant::ZERO + instant.saturating_duration_since(self.origin)
    }

    /// Converts an [`Instant`] to a `std::time::Instant`, for timers of a runtime. If the platform cannot represent a
    /// time so far in the future, the result is 30 years after this clock was created: a timer then waits practically
    /// for ever.
    pub fn to_std(&self, instant: Instant) -> std::time::Instant {
        const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
        let after = instant.since(Instant::ZERO);
        self.origin.checked_add(after).or_else(|| self.origin.checked_add(FAR)).unwrap_or(self.origin)
    }
}

#[cfg(feature = "std")]
impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}
