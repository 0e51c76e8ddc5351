//! [`Act`] is what a test does to a machine in one step. [`Call`] is an act with its time. A test can keep and print
//! a call, and repeat it on another machine.

use std::fmt;

use gemini_ws::{
    CommandError, ConnectFailure, Event, Frame, Instant, LinkId, Lost, Request, RequestId, Scratch, Stream,
    StreamId,
};

use super::super::machine::{Machine, Plan, Wanted};

#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    Add(usize),
    Remove(usize),
    Open,
    Subscribe(Wanted),
    Unsubscribe(StreamId),
    Resync(StreamId),
    Request(&'a Request),
    Close,
    CloseBy(Instant),
    ShutDown(Plan),
    Connected(LinkId),
    ConnectFailed(LinkId, ConnectFailure),
    Frame(LinkId, Frame<'a>),
    Lost(LinkId, Lost),
    Timeout,
    Resumed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Add,
    Remove,
    Open,
    Subscribe,
    Unsubscribe,
    Resync,
    Request,
    Close,
    Connected,
    ConnectFailed,
    Frame,
    CloseFrame,
    Lost,
    Timeout,
    Resumed,
}

pub const KINDS: usize = 15;

impl Kind {
    pub const ALL: [Kind; KINDS] = [
        Kind::Add,
        Kind::Remove,
        Kind::Open,
        Kind::Subscribe,
        Kind::Unsubscribe,
        Kind::Resync,
        Kind::Request,
        Kind::Close,
        Kind::Connected,
        Kind::ConnectFailed,
        Kind::Frame,
        Kind::CloseFrame,
        Kind::Lost,
        Kind::Timeout,
        Kind::Resumed,
    ];
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    Done,
    Stream(StreamId),
    Request(RequestId),
    Refused(CommandError),
}

impl<'a> Act<'a> {
    pub const fn link(&self) -> Option<LinkId> {
        match *self {
            Act::Connected(link) | Act::ConnectFailed(link, _) | Act::Frame(link, _) | Act::Lost(link, _) => {
                Some(link)
            }
            _ => None,
        }
    }

    pub const fn kind(&self) -> Kind {
        match self {
            Act::Add(_) => Kind::Add,
            Act::Remove(_) => Kind::Remove,
            Act::Open => Kind::Open,
            Act::Subscribe(_) => Kind::Subscribe,
            Act::Unsubscribe(_) => Kind::Unsubscribe,
            Act::Resync(_) => Kind::Resync,
            Act::Request(_) => Kind::Request,
            Act::Close | Act::CloseBy(_) | Act::ShutDown(_) => Kind::Close,
            Act::Connected(_) => Kind::Connected,
            Act::ConnectFailed(..) => Kind::ConnectFailed,
            Act::Frame(_, Frame::Close { .. }) => Kind::CloseFrame,
            Act::Frame(..) => Kind::Frame,
            Act::Lost(..) => Kind::Lost,
            Act::Timeout => Kind::Timeout,
            Act::Resumed => Kind::Resumed,
        }
    }

    pub fn perform<M: Machine>(
        self,
        machine: &mut M,
        now: Instant,
        scratch: &'a mut Scratch,
    ) -> (Answer, Option<Event<'a>>) {
        let done = |result: Result<(), CommandError>| match result {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Refused(error),
        };
        let answer = match self {
            Act::Add(endpoint) => done(machine.add(now, endpoint)),
            Act::Remove(endpoint) => done(machine.remove(now, endpoint)),
            Act::Open => done(machine.open(now)),
            Act::Subscribe(wanted) => match machine.subscribe_at(now, wanted) {
                Ok(id) => Answer::Stream(id),
                Err(error) => Answer::Refused(error),
            },
            Act::Unsubscribe(id) => done(machine.unsubscribe(now, id)),
            Act::Resync(id) => done(machine.resync(now, id)),
            Act::Request(request) => match machine.request(now, request) {
                Ok(id) => Answer::Request(id),
                Err(error) => Answer::Refused(error),
            },
            Act::Frame(link, frame) => {
                return (Answer::Done, machine.handle_frame(link, now, frame, scratch));
            }
            _ => {
                match self {
                    Act::Close => machine.close(now),
                    Act::CloseBy(deadline) => machine.close_by(now, deadline),
                    Act::ShutDown(plan) => machine.shut_down(now, plan),
                    Act::Connected(link) => machine.handle_connected(link, now),
                    Act::ConnectFailed(link, why) => machine.handle_connect_failed(link, now, why),
                    Act::Lost(link, why) => machine.handle_lost(link, now, why),
                    Act::Timeout => machine.handle_timeout(now),
                    _ => machine.handle_resumed(now),
                }
                Answer::Done
            }
        };
        (answer, None)
    }
}

/// A step that can be kept. It identifies links, subscriptions and requests by their positions, so that it keeps its
/// meaning in a trace without the earlier steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub now: Instant,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Add(usize),
    Remove(usize),
    Open,
    Subscribe(Wanted),
    Unsubscribe(Subscription),
    Resync(Subscription),
    Request(Request),
    Close,
    CloseBy(Instant),
    ShutDown(Plan),
    Connected(Link),
    ConnectFailed(Link, ConnectFailure),
    Frame(Link, OwnedFrame),
    Lost(Link, Lost),
    Timeout,
    Resumed,
}

/// A link: its slot, and how many later links the client has dialled in that slot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Link {
    pub slot: usize,
    pub back: usize,
}

/// A subscription: its stream, and how many later subscriptions to that stream there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subscription {
    pub stream: Stream,
    pub back: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OwnedFrame {
    Text(String),
    /// The response to a request: how many requests are newer than it, and the text after the id.
    Response {
        back: u64,
        rest: String,
    },
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close {
        code: Option<u16>,
        reason: String,
    },
}

const RESPONSE: &str = "{\"id\":";

#[derive(Clone, Debug, Default)]
pub struct Names {
    links: Vec<Vec<LinkId>>,
    streams: Vec<(StreamId, Stream)>,
    pub newest_request: u64,
}

/// How many links of a slot `Names` remembers. It remembers sixteen times as many subscriptions.
const REMEMBERED: usize = 64;

impl Names {
    pub fn note_link(&mut self, link: LinkId) {
        if self.links.len() <= link.slot() {
            self.links.resize(link.slot() + 1, Vec::new());
        }
        let links = &mut self.links[link.slot()];
        if links.last() != Some(&link) && !links.contains(&link) {
            if links.len() == REMEMBERED {
                links.remove(0);
            }
            links.push(link);
        }
    }

    pub fn note_stream(&mut self, id: StreamId, stream: Stream) {
        if !self.streams.iter().rev().any(|known| known.0 == id) {
            if self.streams.len() == REMEMBERED * 16 {
                self.streams.remove(0);
            }
            self.streams.push((id, stream));
        }
    }

    pub fn note<M: Machine>(&mut self, machine: &M, act: Act<'_>, answer: Answer) {
        if let (Act::Subscribe(wanted), Answer::Stream(id)) = (act, answer) {
            self.note_stream(id, wanted.stream);
        }
        machine.each_link(|link, _, _| self.note_link(link));
    }

    /// Returns the link that is `back` dials older than the newest link of its slot. `None` if `Names` does not
    /// remember it.
    pub fn link(&self, Link { slot, back }: Link) -> Option<LinkId> {
        self.links.get(slot)?.iter().rev().nth(back).copied()
    }

    fn link_back(&self, link: LinkId) -> Link {
        let links = self.links.get(link.slot()).map_or(&[][..], Vec::as_slice);
        let back = links.iter().rev().position(|known| *known == link).unwrap_or(links.len());
        Link { slot: link.slot(), back }
    }

    pub fn subscription(&self, subscription: Subscription) -> Option<StreamId> {
        let mut same = self.streams.iter().rev().filter(|known| known.1 == subscription.stream);
        same.nth(subscription.back).map(|known| known.0)
    }

    fn subscription_back(&self, id: StreamId) -> Option<Subscription> {
        let stream = self.streams.iter().rev().find(|known| known.0 == id)?.1;
        let mut same = self.streams.iter().rev().filter(|known| known.1 == stream);
        Some(Subscription { stream, back: same.position(|known| known.0 == id)? })
    }

    /// Converts a step to a call. `None` if the step is about a subscription that `Names` does not remember.
    pub fn call(&self, now: Instant, act: Act<'_>) -> Option<Call> {
        let what = match act {
            Act::Add(endpoint) => What::Add(endpoint),
            Act::Remove(endpoint) => What::Remove(endpoint),
            Act::Open => What::Open,
            Act::Subscribe(wanted) => What::Subscribe(wanted),
            Act::Unsubscribe(id) => What::Unsubscribe(self.subscription_back(id)?),
            Act::Resync(id) => What::Resync(self.subscription_back(id)?),
            Act::Request(request) => What::Request(request.clone()),
            Act::Close => What::Close,
            Act::CloseBy(deadline) => What::CloseBy(deadline),
            Act::ShutDown(plan) => What::ShutDown(plan),
            Act::Connected(link) => What::Connected(self.link_back(link)),
            Act::ConnectFailed(link, why) => What::ConnectFailed(self.link_back(link), why),
            Act::Frame(link, frame) => What::Frame(self.link_back(link), self.owned(frame)),
            Act::Lost(link, why) => What::Lost(self.link_back(link), why),
            Act::Timeout => What::Timeout,
            Act::Resumed => What::Resumed,
        };
        Some(Call { now, what })
    }

    fn owned(&self, frame: Frame<'_>) -> OwnedFrame {
        match frame {
            Frame::Text(text) => match response(text) {
                Some((id, rest)) if id <= self.newest_request => {
                    OwnedFrame::Response { back: self.newest_request - id, rest: rest.to_owned() }
                }
                _ => OwnedFrame::Text(text.to_owned()),
            },
            Frame::Binary(bytes) => OwnedFrame::Binary(bytes.to_owned()),
            Frame::Ping(bytes) => OwnedFrame::Ping(bytes.to_owned()),
            Frame::Pong(bytes) => OwnedFrame::Pong(bytes.to_owned()),
            Frame::Close { code, reason } => OwnedFrame::Close { code, reason: reason.to_owned() },
        }
    }

    /// Converts a call to a step. `None` if the call is about something that does not exist on this machine.
    pub fn act<'a>(&self, call: &'a Call, text: &'a mut String) -> Option<Act<'a>> {
        Some(match &call.what {
            What::Add(endpoint) => Act::Add(*endpoint),
            What::Remove(endpoint) => Act::Remove(*endpoint),
            What::Open => Act::Open,
            What::Subscribe(wanted) => Act::Subscribe(*wanted),
            What::Unsubscribe(subscription) => Act::Unsubscribe(self.subscription(*subscription)?),
            What::Resync(subscription) => Act::Resync(self.subscription(*subscription)?),
            What::Request(request) => Act::Request(request),
            What::Close => Act::Close,
            What::CloseBy(deadline) => Act::CloseBy(*deadline),
            What::ShutDown(plan) => Act::ShutDown(*plan),
            What::Connected(link) => Act::Connected(self.link(*link)?),
            What::ConnectFailed(link, why) => Act::ConnectFailed(self.link(*link)?, *why),
            What::Frame(link, frame) => Act::Frame(
                self.link(*link)?,
                match frame {
                    OwnedFrame::Text(text) => Frame::Text(text),
                    OwnedFrame::Response { back, rest } => {
                        let id = self.newest_request.checked_sub(*back)?;
                        *text = format!("{RESPONSE}{id}{rest}");
                        Frame::Text(text)
                    }
                    OwnedFrame::Binary(bytes) => Frame::Binary(bytes),
                    OwnedFrame::Ping(bytes) => Frame::Ping(bytes),
                    OwnedFrame::Pong(bytes) => Frame::Pong(bytes),
                    OwnedFrame::Close { code, reason } => Frame::Close { code: *code, reason },
                },
            ),
            What::Lost(link, why) => Act::Lost(self.link(*link)?, *why),
            What::Timeout => Act::Timeout,
            What::Resumed => Act::Resumed,
        })
    }
}

/// Splits a text that begins with `{"id":` and a number into the number and the text after it.
fn response(text: &str) -> Option<(u64, &str)> {
    let rest = text.strip_prefix(RESPONSE)?;
    let end = rest.find(|character: char| !character.is_ascii_digit())?;
    Some((rest[..end].parse().ok()?, &rest[end..]))
}

pub fn written_id(text: &str) -> Option<u64> {
    response(text).map(|(id, _)| id)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.now.as_nanos();
        write!(f, "@{}.{:09} ", nanos / 1_000_000_000, nanos % 1_000_000_000)?;
        match &self.what {
            What::Add(endpoint) => write!(f, "add {endpoint}"),
            What::Remove(endpoint) => write!(f, "remove {endpoint}"),
            What::Open => f.write_str("open"),
            What::Subscribe(Wanted { stream, endpoint, silence_max }) => {
                write!(f, "subscribe {stream}")?;
                endpoint.map_or(Ok(()), |endpoint| write!(f, " at {endpoint}"))?;
                silence_max.map_or(Ok(()), |silence| write!(f, " unless silent for {silence:?}"))
            }
            What::Unsubscribe(subscription) => {
                write!(f, "unsubscribe {}{}", subscription.stream, Back(subscription.back))
            }
            What::Resync(subscription) => {
                write!(f, "resync {}{}", subscription.stream, Back(subscription.back))
            }
            What::Request(request) => write!(f, "request {}", request.encode(0)),
            What::Close => f.write_str("close"),
            What::CloseBy(deadline) => write!(f, "close by {deadline:?}"),
            What::ShutDown(plan) => write!(f, "shut down {plan:?}"),
            What::Connected(link) => write!(f, "connected{link}"),
            What::ConnectFailed(link, why) => write!(f, "failed{link} {why:?}"),
            What::Lost(link, why) => write!(f, "lost{link} {why:?}"),
            What::Timeout => f.write_str("timeout"),
            What::Resumed => f.write_str("resumed"),
            What::Frame(link, frame) => match frame {
                OwnedFrame::Text(text) => write!(f, "<{link} {text}"),
                OwnedFrame::Response { back, rest } => {
                    write!(f, "<{link} {RESPONSE}newest{}{rest}", Back(*back as usize))
                }
                OwnedFrame::Binary(bytes) => write!(f, "<<{link} binary {bytes:?}"),
                OwnedFrame::Ping(bytes) => write!(f, "<<{link} ping {bytes:?}"),
                OwnedFrame::Pong(bytes) => write!(f, "<<{link} pong {bytes:?}"),
                OwnedFrame::Close { code, reason } => write!(f, "<<{link} closed {code:?} {reason:?}"),
            },
        }
    }
}

/// A distance from the newest link, subscription or request. `Display` prints nothing for the newest.
struct Back(usize);

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "-{}", self.0) }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.slot > 0 {
            write!(f, " #{}", self.slot)?;
        } else if self.back > 0 {
            f.write_str(" #")?;
        }
        write!(f, "{}", Back(self.back))
    }
}
