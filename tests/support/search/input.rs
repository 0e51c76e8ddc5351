//! [`Input`] is one thing that can happen to a machine in a search; the alphabet of a world lists its inputs. An
//! input names links, requests and updates by their positions, so it makes sense in every state.

use std::fmt;
use std::time::Duration;

use gemini_ws::{ConnectFailure, Frame, Instant, LinkId, Lost, Scratch, StreamId};

use super::super::machine::{Machine, Plan};
use super::super::observer::Observed;
use super::super::observer::call::{Act, Link, Subscription};
use super::World;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    Open,
    /// Subscribes to the stream with this index in the world. Other inputs name streams in the same way.
    Subscribe(usize),
    Unsubscribe(usize),
    Resync(usize),
    Request(usize),
    Close,
    CloseBy(Duration),
    ShutDown {
        within: Duration,
        cancels_orders: bool,
        unsubscribes: bool,
    },
    Remove(usize),
    /// An input about the newest link of a slot.
    Link(usize, What),
    /// An input about the link before the newest one of a slot.
    Stale(usize, What),
    /// Calls `handle_timeout` at the next deadline, or now if there is none.
    Deadline,
    Later(Duration),
    Resumed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    Connected,
    Failed(ConnectFailure),
    Lost(Lost),
    /// The venue accepts the newest unanswered request.
    Accepted,
    /// The venue accepts the oldest unanswered request.
    AcceptedLate,
    Refused,
    RefusedForNow,
    /// A snapshot of the book of the stream with this index. `Update`, `Gap` and `Repeated` are updates of that book.
    Snapshot(usize),
    Update(usize),
    Gap(usize),
    Repeated(usize),
    Text(&'static str),
    Ping,
    Closing(Option<u16>),
}

#[derive(Debug, Default)]
pub struct Buffers {
    pub text: String,
    pub scratch: Scratch,
}

impl Input {
    pub const fn is_stale(self) -> bool {
        matches!(self, Input::Stale(..))
    }

    /// Returns whether a life can begin with this input: it is `open`, a subscription, or a connected dial.
    pub const fn is_beginning(self) -> bool {
        matches!(self, Input::Open | Input::Subscribe(_) | Input::Link(_, What::Connected))
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<M: Machine + 'static> World<M> {
    /// Returns the instant of an input and the call that the input makes in this state. Returns `None` if the input
    /// is about something that does not exist, or subscribes to a stream with `subscriptions_max` subscriptions.
    pub(super) fn act<'a>(
        &'a self,
        state: &Observed<M>,
        input: Input,
        text: &'a mut String,
    ) -> Option<(Instant, Act<'a>)> {
        let now = state.shadow().now;
        let act = match input {
            Input::Open => Act::Open,
            Input::Subscribe(place) => {
                let wanted = self.streams[place];
                let subscriptions = state.shadow().feeds.iter().filter(|feed| feed.stream == wanted.stream);
                if subscriptions.map(|feed| feed.subscriptions.len()).sum::<usize>() >= self.subscriptions_max
                {
                    return None;
                }
                Act::Subscribe(wanted)
            }
            Input::Unsubscribe(place) => Act::Unsubscribe(self.subscription(state, place)?),
            Input::Resync(place) => Act::Resync(self.subscription(state, place)?),
            Input::Request(place) => Act::Request(&self.requests[place]),
            Input::Close => Act::Close,
            Input::CloseBy(within) => Act::CloseBy(now + within),
            Input::ShutDown { within, cancels_orders, unsubscribes } => {
                Act::ShutDown(Plan { deadline: now + within, cancels_orders, unsubscribes })
            }
            Input::Remove(endpoint) => Act::Remove(endpoint),
            Input::Link(slot, what) => self.happens(state, Link { slot, back: 0 }, what, text)?,
            Input::Stale(slot, what) => self.happens(state, Link { slot, back: 1 }, what, text)?,
            Input::Deadline => {
                let at = state.deadline().map_or(now, |deadline| deadline.at);
                return Some((now.max(at), Act::Timeout));
            }
            Input::Later(duration) => return Some((now + duration, Act::Timeout)),
            Input::Resumed => Act::Resumed,
        };
        Some((now, act))
    }

    /// Returns a subscription to a stream: the oldest of those that are not unsubscribed. If there is none, returns
    /// the newest subscription to the stream that ever existed.
    fn subscription(&self, state: &Observed<M>, place: usize) -> Option<StreamId> {
        let stream = self.streams[place].stream;
        let feeds = state.shadow().feeds.iter().filter(|feed| feed.stream == stream);
        let subscription = feeds.flat_map(|feed| &feed.subscriptions).find(|subscription| !subscription.1);
        subscription
            .map(|subscription| subscription.0)
            .or_else(|| state.names().subscription(Subscription { stream, back: 0 }))
    }

    fn happens<'a>(
        &self,
        state: &Observed<M>,
        link: Link,
        what: What,
        text: &'a mut String,
    ) -> Option<Act<'a>> {
        let link = state.names().link(link)?;
        text.clear();
        match what {
            What::Connected => return Some(Act::Connected(link)),
            What::Failed(why) => return Some(Act::ConnectFailed(link, why)),
            What::Lost(why) => return Some(Act::Lost(link, why)),
            What::Ping => return Some(Act::Frame(link, Frame::Ping(b""))),
            What::Closing(code) => return Some(Act::Frame(link, Frame::Close { code, reason: "" })),
            What::Accepted => answer(state, link, r#""status":200"#, text),
            What::AcceptedLate => {
                let written = state.shadow().written.iter().filter(|written| written.link == link);
                let id = written.map(|written| written.id).min()?;
                *text = format!(r#"{{"id":{id},"status":200}}"#);
            }
            What::Refused => {
                answer(state, link, r#""status":400,"error":{"code":-1121,"msg":"Invalid symbol"}"#, text);
            }
            What::RefusedForNow => {
                answer(state, link, r#""status":429,"error":{"code":-1003,"msg":"Too many requests"}"#, text);
            }
            What::Snapshot(place) => self.depth(state, place, (10, 10), text),
            What::Update(place) => self.depth(state, place, (0, 2), text),
            What::Gap(place) => self.depth(state, place, (5, 7), text),
            What::Repeated(place) => self.depth(state, place, (0, 0), text),
            What::Text(frame) => text.push_str(frame),
        }
        Some(Act::Frame(link, Frame::Text(text)))
    }

    /// Writes a frame of a book. Adds the numbers in `ids` to the id of the last applied update to get the frame's
    /// ids.
    fn depth(&self, state: &Observed<M>, place: usize, ids: (u64, u64), text: &mut String) {
        let stream = self.streams[place].stream;
        let feeds = state.shadow().feeds.iter().filter(|feed| feed.stream == stream);
        let last = feeds.map(|feed| feed.last).max().unwrap_or(0).max(10);
        let (first, last) = (last + ids.0, last + ids.1);
        let symbol = stream.symbol().map_or_else(String::new, |symbol| symbol.as_str().to_owned());
        *text = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{first},"u":{last},"b":[["1","1"]],"a":[]}}"#
        );
    }
}

/// Writes a reply to the newest unanswered request of a link. If the link has none, writes a reply to the newest
/// request of all links.
fn answer<M: Machine>(state: &Observed<M>, link: LinkId, rest: &str, text: &mut String) {
    let written = state.shadow().written.iter().filter(|written| written.link == link);
    let id = written.map(|written| written.id).max().unwrap_or(state.names().newest_request);
    *text = format!(r#"{{"id":{id},{rest}}}"#);
}
