//! The header `Retry-After`: seconds, or a date in one of three forms (RFC 9110, sections 5.6.7 and 10.2.3).

use std::time::Duration;

use gemini_ws::UnixTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    parse(header("retry-after")?, header("date"), UnixTime::now())
}

/// Returns the delay that `retry_after` requests: zero for a date that has passed, `None` if the text is neither
/// seconds nor a date. `date` is the header `Date` of the same response; if there is one, the result does not depend
/// on the local clock.
fn parse(retry_after: &str, date: Option<&str>, now: UnixTime) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit into 64 bits counts as the largest one that fits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let since = date.and_then(|date| seconds_of(date, now)).unwrap_or(now.as_secs());
    Some(Duration::from_secs(seconds_of(text, now)?.saturating_sub(since)))
}

fn seconds_of(text: &str, now: UnixTime) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', '-', ',']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match words[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, written) = (number(day)?, number(year)?);
    let mut year = written;
    if words.len() == 6 && words[3].len() == 2 {
        // A year of two digits is the latest that is at most fifty years in the future (RFC 9110, section 5.6.7).
        let latest = 1970 + now.as_secs() / 31_556_952 + 50;
        year = latest - (latest - written) % 100;
    }
    let clock: Vec<u64> = time.split(':').map(number).collect::<Option<_>>()?;
    let [hour, minute, second] = clock[..] else { return None };
    let is_sound = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    is_sound.then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn number(text: &str) -> Option<u64> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Returns the days from the beginning of 1970 to a date of the Gregorian calendar. In the formula, years begin in
/// March, so that leap days come last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let now = UnixTime::from_secs(1_790_000_000);
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999", Some(u64::MAX)),
            // The present time of this test is 2026-09-21 14:13:20.
            ("Mon, 21 Sep 2026 14:14:20 GMT", Some(60)),
            ("Monday, 21-Sep-26 14:14:20 GMT", Some(60)),
            ("Mon Sep 21 14:14:20 2026", Some(60)),
            ("Thu Oct  1 14:13:20 2026", Some(864_000)),
            ("Tue, 29 Feb 2028 00:00:00 GMT", Some(1_835_395_200 - 1_790_000_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:60 GMT", Some(253_402_300_800 - 1_790_000_000)),
            ("", None),
            ("1.5", None),
            ("-1", None),
            ("Mon, 21 Sep 2026 14:14 GMT", None),
            ("Mon, 21 Sep 2026 25:14:20 GMT", None),
            ("Mon, 00 Sep 2026 14:14:20 GMT", None),
            ("Mon, 21 Foo 2026 14:14:20 GMT", None),
            ("Mon, 21 Sep 99999 14:14:20 GMT", None),
            ("Mon, 21 Sep 2026 14:14:20 CET", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, None, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn years_of_two_digits() {
        // Each row has the year of the local clock, the two digits, and the year that they mean.
        let table = [
            (1970, "70", 1970),
            (2026, "26", 2026),
            (2026, "76", 2076),
            (2026, "77", 1977),
            (2049, "99", 2099),
            (2099, "01", 2101),
            (2099, "99", 2099),
            (2100, "99", 2099),
        ];
        for (now, digits, year) in table {
            let at = |year: u64| UnixTime::from_secs(days(year, 7, 1) * 86_400);
            let text = format!("Friday, 01-Jul-{digits} 00:00:00 GMT");
            assert_eq!(seconds_of(&text, at(now)), Some(at(year).as_secs()), "{digits} in {now}");
        }
    }

    #[test]
    fn the_clock_of_the_response_counts() {
        let (now, at) = (UnixTime::from_secs(0), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse(at, Some("Sun, 06 Nov 1994 08:49:07 GMT"), now), Some(Duration::from_secs(30)));
        assert_eq!(parse(at, Some("yesterday"), now), Some(Duration::from_secs(784_111_777)));
    }
}
