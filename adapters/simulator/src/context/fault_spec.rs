//! [`FaultSpec`]: a fault as a line of text, for tests that run in another process than the exchange.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gemini_ws::Symbol;

const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

const COUNT_MAX: u32 = 1_000_000;

/// A kind of fault, and how to specify it.
///
/// ```
/// use gemini_ws_simulator::{FaultKind, FaultSpec};
///
/// for kind in FaultKind::ALL {
///     assert!(kind.example().starts_with(kind.name()));
///     assert!(kind.example().parse::<FaultSpec>().is_ok());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FaultKind {
    name: &'static str,
    arguments: &'static str,
    example: &'static str,
    effect: &'static str,
    read: fn(&mut Words<'_>) -> Result<FaultAction, String>,
}

impl FaultKind {
    /// All kinds of faults.
    pub const ALL: &'static [FaultKind] = &[
        FaultKind {
            name: "drop-depth",
            arguments: "SYMBOL NTH",
            example: "drop-depth btcusd 3 @10s",
            effect: "does not send the NTH later depth change: clients see a gap",
            read: |words| Ok(FaultAction::DropDepth(words.symbol()?, words.count()?)),
        },
        FaultKind {
            name: "duplicate-depth",
            arguments: "SYMBOL NTH",
            example: "duplicate-depth btcusd 1",
            effect: "sends the NTH later depth change twice",
            read: |words| Ok(FaultAction::DuplicateDepth(words.symbol()?, words.count()?)),
        },
        FaultKind {
            name: "repeat-snapshot",
            arguments: "SYMBOL",
            example: "repeat-snapshot btcusd @5s",
            effect: "sends an unrequested snapshot to all subscribers of the depth",
            read: |words| Ok(FaultAction::RepeatSnapshot(words.symbol()?)),
        },
        FaultKind {
            name: "delay-snapshots",
            arguments: "SYMBOL BY",
            example: "delay-snapshots btcusd 2s",
            effect: "delays snapshots by the time BY; 0s ends the delay",
            read: |words| Ok(FaultAction::DelaySnapshots(words.symbol()?, words.time()?)),
        },
        FaultKind {
            name: "delay-replies",
            arguments: "BY",
            example: "delay-replies 500ms @1m",
            effect: "delays replies by the time BY; 0s ends the delay",
            read: |words| Ok(FaultAction::DelayReplies(words.time()?)),
        },
        FaultKind {
            name: "withhold-replies",
            arguments: "COUNT",
            example: "withhold-replies 1",
            effect: "carries out the next COUNT requests without a reply",
            read: |words| Ok(FaultAction::WithholdReplies(words.count()?)),
        },
        FaultKind {
            name: "refuse-requests",
            arguments: "COUNT",
            example: "refuse-requests 2",
            effect: "refuses the next COUNT requests with the status 429",
            read: |words| Ok(FaultAction::RefuseRequests(words.count()?)),
        },
        FaultKind {
            name: "refuse-subscribes",
            arguments: "CODE COUNT",
            example: "refuse-subscribes -1003 2",
            effect: "refuses the next COUNT subscribe requests with the error CODE",
            read: |words| Ok(FaultAction::RefuseSubscribes(words.code()?, words.count()?)),
        },
        FaultKind {
            name: "refuse-names",
            arguments: "[NAME ...]",
            example: "refuse-names ethusd@trade",
            effect: "refuses these streams as unknown; without names, none any more",
            read: |words| Ok(FaultAction::RefuseNames(words.rest())),
        },
        FaultKind {
            name: "stall",
            arguments: "FOR",
            example: "stall 5s @30s",
            effect: "sends nothing to open sessions, neither pings nor pongs",
            read: |words| Ok(FaultAction::Stall(words.time()?)),
        },
        FaultKind {
            name: "lose-frames",
            arguments: "COUNT",
            example: "lose-frames 1",
            effect: "does not send the next COUNT text frames to each open session",
            read: |words| Ok(FaultAction::LoseFrames(words.count()?)),
        },
        FaultKind {
            name: "close",
            arguments: "CODE",
            example: "close 1001 @20s",
            effect: "sends a Close frame to all open sessions",
            read: |words| Ok(FaultAction::Close(words.close_code()?)),
        },
        FaultKind {
            name: "abort",
            arguments: "",
            example: "abort @20s",
            effect: "cuts all open sessions without a Close frame",
            read: |_| Ok(FaultAction::Abort),
        },
        FaultKind {
            name: "cut-frame",
            arguments: "",
            example: "cut-frame @20s",
            effect: "cuts all open sessions after the beginning of a text frame",
            read: |_| Ok(FaultAction::CutFrame),
        },
        FaultKind {
            name: "send-text",
            arguments: "TEXT",
            example: "send-text {\"e\":\"new\"} @3s",
            effect: "sends a text frame unchanged to all open sessions",
            read: |words| Ok(FaultAction::SendText(words.text()?)),
        },
        FaultKind {
            name: "halt-market",
            arguments: "FOR",
            example: "halt-market 10s",
            effect: "stops the generated orders, so that they change no book",
            read: |words| Ok(FaultAction::HaltMarket(words.time()?)),
        },
        FaultKind {
            name: "close-market",
            arguments: "SYMBOL FOR",
            example: "close-market btcusd 10s",
            effect: "rejects orders with MarketNotOpen",
            read: |words| Ok(FaultAction::CloseMarket(words.symbol()?, words.time()?)),
        },
        FaultKind {
            name: "drop-order-events",
            arguments: "COUNT",
            example: "drop-order-events 1",
            effect: "does not report the next COUNT order events",
            read: |words| Ok(FaultAction::DropOrderEvents(words.count()?)),
        },
        FaultKind {
            name: "duplicate-order-events",
            arguments: "COUNT",
            example: "duplicate-order-events 1",
            effect: "reports the next COUNT order events twice",
            read: |words| Ok(FaultAction::DuplicateOrderEvents(words.count()?)),
        },
        FaultKind {
            name: "duplicate-quote-events",
            arguments: "COUNT",
            example: "duplicate-quote-events 1",
            effect: "reports the next COUNT quote events twice",
            read: |words| Ok(FaultAction::DuplicateQuoteEvents(words.count()?)),
        },
        FaultKind {
            name: "rest-503",
            arguments: "FOR",
            example: "rest-503 10s @5s",
            effect: "answers REST requests with the status 503",
            read: |words| Ok(FaultAction::FailRest(words.time()?)),
        },
        FaultKind {
            name: "delay-rest",
            arguments: "BY",
            example: "delay-rest 2s",
            effect: "delays answers of REST by the time BY; 0s ends the delay",
            read: |words| Ok(FaultAction::DelayRest(words.time()?)),
        },
        FaultKind {
            name: "refuse-upgrades",
            arguments: "STATUS WAIT COUNT",
            example: "refuse-upgrades 503 30s 2",
            effect: "refuses the next COUNT upgrades; WAIT is the Retry-After",
            read: |words| Ok(FaultAction::RefuseUpgrades(words.status()?, words.time()?, words.count()?)),
        },
        FaultKind {
            name: "delay-upgrades",
            arguments: "BY",
            example: "delay-upgrades 5s @10s",
            effect: "delays answers to upgrades by the time BY; 0s ends the delay",
            read: |words| Ok(FaultAction::DelayUpgrades(words.time()?)),
        },
        FaultKind {
            name: "spoil-upgrades",
            arguments: "COUNT",
            example: "spoil-upgrades 1",
            effect: "answers the next COUNT upgrades with a wrong accept key",
            read: |words| Ok(FaultAction::SpoilUpgrades(words.count()?)),
        },
    ];

    /// Returns the name of this kind of fault: the first word of its specification.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the placeholders of a specification's arguments, such as `SYMBOL NTH`; empty if it has none.
    pub const fn arguments(&self) -> &'static str {
        self.arguments
    }

    /// Returns an example of the specification of such a fault: a text that [`FaultSpec`] parses.
    pub const fn example(&self) -> &'static str {
        self.example
    }

    /// Returns what the exchange does during such a fault, as a text for people.
    pub const fn effect(&self) -> &'static str {
        self.effect
    }

    /// Returns a table for people to read, with one line for each kind of fault: its name, its arguments and its
    /// effect.
    pub fn table() -> String {
        let row = |kind: &FaultKind| format!("  {:<33} {}\n", kind.usage(), kind.effect);
        FaultKind::ALL.iter().map(row).collect()
    }

    fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

/// A fault, and the time from [`Exchange::plan_faults`](crate::Exchange::plan_faults) to its beginning (the delay).
///
/// The text of a fault is one line: a name, the arguments, and optionally `@` with the delay, such as
/// `drop-depth btcusd 3 @10s`.
/// [`FaultKind::ALL`] lists the kinds of faults. Times are whole numbers of `ms`, `s`, `m` or `h`, up to 24 h. Counts
/// are numbers from 1 to 1,000,000. A `STATUS` is a number from 400 to 599. The `CODE` of `close` is a number from
/// 1000 to 4999, except 1004, 1006 and 1015; 1005 stands for a Close frame without a code.
///
/// ```
/// use gemini_ws_simulator::FaultSpec;
///
/// assert!("drop-depth btcusd 3 @10s".parse::<FaultSpec>().is_ok());
/// let error = "drop-depth btcusd".parse::<FaultSpec>().unwrap_err();
/// assert_eq!(error.to_string(), "the number of times is missing; use drop-depth SYMBOL NTH [@TIME]");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultSpec {
    action: FaultAction,
    after: Duration,
}

impl FaultSpec {
    /// Returns the argument `SYMBOL` of the fault; `None` if the fault has no such argument.
    pub const fn market(&self) -> Option<Symbol> {
        match self.action {
            FaultAction::DropDepth(symbol, _)
            | FaultAction::DuplicateDepth(symbol, _)
            | FaultAction::RepeatSnapshot(symbol)
            | FaultAction::DelaySnapshots(symbol, _)
            | FaultAction::CloseMarket(symbol, _) => Some(symbol),
            _ => None,
        }
    }

    /// Returns whether the fault acts only on the sessions that are open when it begins. Other faults do not depend on
    /// which sessions are open then.
    pub const fn acts_on_open_sessions(&self) -> bool {
        self.action.is_of_open_sessions()
    }

    pub(crate) const fn action(&self) -> &FaultAction {
        &self.action
    }

    /// Returns the delay; zero if the text has none.
    pub const fn after(&self) -> Duration {
        self.after
    }
}

impl FromStr for FaultSpec {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<FaultSpec, FaultSpecError> {
        let mut text = text.trim();
        if text.contains('\n') {
            // `plan_faults` takes each line for a fault.
            return Err(FaultSpecError("the text of a fault is one line".to_owned()));
        }
        let mut after = Duration::ZERO;
        let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        if let Some(time) = last.strip_prefix('@') {
            after = parse_time(time).map_err(|error| FaultSpecError(format!("{error} after the @")))?;
            text = text.strip_suffix(last).unwrap_or_default().trim_end();
        }
        let mut words = Words { rest: text };
        let name = words.next().unwrap_or_default();
        let Some(kind) = FaultKind::ALL.iter().find(|kind| kind.name == name) else {
            let known = FaultKind::ALL.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
            return Err(FaultSpecError(format!("no fault has the name {name:?}; there are {known}")));
        };
        let wrong = |error: String| FaultSpecError(format!("{error}; use {} [@TIME]", kind.usage()));
        let action = (kind.read)(&mut words).map_err(wrong)?;
        match words.next() {
            None => Ok(FaultSpec { action, after }),
            Some(more) => Err(wrong(format!("{more:?} is one word too many"))),
        }
    }
}

/// The error for a text that is not a valid [`FaultSpec`]. The message says what is wrong, and what would be right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultSpecError(String);

impl fmt::Display for FaultSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultSpecError {}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum FaultAction {
    DropDepth(Symbol, u32),
    DuplicateDepth(Symbol, u32),
    RepeatSnapshot(Symbol),
    DelaySnapshots(Symbol, Duration),
    DelayReplies(Duration),
    WithholdReplies(u32),
    RefuseRequests(u32),
    RefuseSubscribes(i32, u32),
    RefuseNames(Vec<String>),
    Stall(Duration),
    LoseFrames(u32),
    Close(u16),
    Abort,
    SendText(String),
    HaltMarket(Duration),
    CloseMarket(Symbol, Duration),
    DropOrderEvents(u32),
    DuplicateOrderEvents(u32),
    DuplicateQuoteEvents(u32),
    FailRest(Duration),
    DelayRest(Duration),
    CutFrame,
    RefuseUpgrades(u16, Duration, u32),
    DelayUpgrades(Duration),
    SpoilUpgrades(u32),
}

impl FaultAction {
    pub(crate) const fn is_of_open_sessions(&self) -> bool {
        match self {
            FaultAction::RepeatSnapshot(_)
            | FaultAction::Stall(_)
            | FaultAction::LoseFrames(_)
            | FaultAction::Close(_)
            | FaultAction::Abort
            | FaultAction::CutFrame
            | FaultAction::SendText(_) => true,
            FaultAction::DropDepth(..)
            | FaultAction::DuplicateDepth(..)
            | FaultAction::DelaySnapshots(..)
            | FaultAction::DelayReplies(_)
            | FaultAction::WithholdReplies(_)
            | FaultAction::RefuseRequests(_)
            | FaultAction::RefuseSubscribes(..)
            | FaultAction::RefuseNames(_)
            | FaultAction::HaltMarket(_)
            | FaultAction::CloseMarket(..)
            | FaultAction::DropOrderEvents(_)
            | FaultAction::DuplicateOrderEvents(_)
            | FaultAction::DuplicateQuoteEvents(_)
            | FaultAction::FailRest(_)
            | FaultAction::DelayRest(_)
            | FaultAction::RefuseUpgrades(..)
            | FaultAction::DelayUpgrades(_)
            | FaultAction::SpoilUpgrades(_) => false,
        }
    }
}

struct Words<'w> {
    rest: &'w str,
}

impl<'w> Words<'w> {
    fn next(&mut self) -> Option<&'w str> {
        let text = self.rest.trim_start();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        self.rest = rest;
        Some(word).filter(|word| !word.is_empty())
    }

    fn symbol(&mut self) -> Result<Symbol, String> {
        let word = self.next().ok_or("the symbol is missing")?;
        word.parse::<Symbol>().map_err(|_| format!("{word:?} is no symbol"))
    }

    fn count(&mut self) -> Result<u32, String> {
        let word = self.next().ok_or("the number of times is missing")?;
        let count = word.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
        count.ok_or_else(|| format!("{word:?} is no number from 1 to {COUNT_MAX}"))
    }

    fn code(&mut self) -> Result<i32, String> {
        let word = self.next().ok_or("the code is missing")?;
        word.parse().map_err(|_| format!("{word:?} is no error code, such as -1003"))
    }

    fn status(&mut self) -> Result<u16, String> {
        let word = self.next().ok_or("the status is missing")?;
        let status = word.parse().ok().filter(|status| (400..600).contains(status));
        status.ok_or_else(|| format!("{word:?} is no status from 400 to 599"))
    }

    /// Reads a code that a Close frame may have (RFC 6455 section 7.4), or 1005 for a frame without a code.
    fn close_code(&mut self) -> Result<u16, String> {
        let word = self.next().ok_or("the code is missing")?;
        let may_be = |code: &u16| (1000..5000).contains(code) && ![1004, 1006, 1015].contains(code);
        let code = word.parse().ok().filter(may_be);
        code.ok_or_else(|| format!("{word:?} is no code of a Close frame, such as 1001"))
    }

    fn time(&mut self) -> Result<Duration, String> {
        parse_time(self.next().ok_or("the time is missing")?)
    }

    fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.rest).split_whitespace().map(str::to_owned).collect()
    }

    fn text(&mut self) -> Result<String, String> {
        let text = std::mem::take(&mut self.rest);
        if text.is_empty() { Err("the text is missing".to_owned()) } else { Ok(text.to_owned()) }
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    let time = time.filter(|_| millis > 0).map(Duration::from_millis).filter(|time| *time <= TIME_MAX);
    time.ok_or_else(|| format!("{text:?} is no time of at most 24h, such as 500ms, 10s or 2m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told() {
        for (text, part) in [
            ("", "no fault has the name \"\"; there are drop-depth, duplicate-depth"),
            ("Abort", "no fault has the name \"Abort\""),
            ("abort now", "\"now\" is one word too many; use abort [@TIME]"),
            ("abort @", "\"\" is no time of at most 24h, such as 500ms, 10s or 2m after the @"),
            ("abort @10", "\"10\" is no time"),
            ("abort @25h", "\"25h\" is no time"),
            ("abort @99999999999999999999s", "is no time"),
            ("stall 1.5s", "\"1.5s\" is no time"),
            ("stall", "the time is missing; use stall FOR [@TIME]"),
            ("drop-depth", "the symbol is missing"),
            ("drop-depth btc\u{e9} 1", "\"btc\u{e9}\" is no symbol"),
            ("drop-depth btcusd 0", "\"0\" is no number from 1 to"),
            ("lose-frames 4000000000", "is no number from 1 to"),
            ("close 1006", "\"1006\" is no code of a Close frame"),
            ("close 70000", "is no code of a Close frame"),
            (
                "refuse-upgrades 200 1s 1",
                "\"200\" is no status from 400 to 599; use refuse-upgrades STATUS WAIT",
            ),
            ("refuse-upgrades", "the status is missing"),
            ("refuse-subscribes many 1", "\"many\" is no error code"),
            ("send-text @3s", "the text is missing; use send-text TEXT [@TIME]"),
            ("send-text a\nabort", "the text of a fault is one line"),
            ("drop-depth btcusd\r\n3", "is one line"),
        ] {
            let error = text.parse::<FaultSpec>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn texts_remain_as_they_are() {
        for (text, expected, after) in [
            ("send-text {\"a\":  \"@1s x\"} @3s", "{\"a\":  \"@1s x\"}", 3_000),
            ("  send-text not json ", "not json", 0),
        ] {
            let spec: FaultSpec = text.parse().unwrap();
            assert_eq!(*spec.action(), FaultAction::SendText(expected.to_owned()));
            assert_eq!(spec.after(), Duration::from_millis(after));
        }
    }
}
