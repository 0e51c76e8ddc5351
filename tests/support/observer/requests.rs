//! Checks requests: the client writes each request once, and reports one reply to it, from the link of the request.

use gemini_ws::{
    Endpoint, Event, Frame, IgnoredReason, Instant, LinkId, Output, Request, RequestId, RequestOutcome,
    ShutdownStep, Subject,
};

use super::call::{Act, Answer};
use super::limits::Counted;
use super::response::{self, Method};
use super::shadow::{Phase, Shadow, Step};
use super::subscriptions::is_for_now;

/// A request of the application that the client accepted and that has no reply yet.
#[derive(Clone, Copy, Debug)]
pub struct Outstanding {
    pub id: u64,
    /// The link to which the client wrote the request; `None` before that.
    pub link: Option<LinkId>,
    pub deadline: Instant,
}

/// A message that the client handed out and that the venue may reply to.
#[derive(Clone, Debug)]
pub struct Written {
    /// Zero for endpoints whose messages have no id.
    pub id: u64,
    pub link: LinkId,
    pub deadline: Instant,
    pub asks: Asks,
    pub feeds: Vec<usize>,
    pub is_overdue: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asks {
    Join,
    Leave,
    Other,
}

/// The maximum number of requests in flight: those of the application, those that cancel orders, and the probe.
const IN_FLIGHT_MAX: usize = gemini_ws::REQUESTS_IN_FLIGHT_MAX + gemini_ws::REQUESTS_IN_FLIGHT_MAX / 4 + 1;

impl Shadow {
    pub fn requested(&mut self, step: &Step<'_>, request: &Request) {
        let Answer::Request(id) = step.answer else { return };
        if id.get() <= self.newest_request {
            self.fail("I-24", format!("{id:?} was used before"));
        }
        self.newest_request = self.newest_request.max(id.get());
        self.sessions.note_request(id, request);
        if matches!(request, Request::ConnectionInfo) {
            self.hosts.iter_mut().for_each(|host| host.is_tightened = true);
        }
        let deadline = self.now + self.settings[0].request_timeout;
        self.outstanding.push(Outstanding { id: id.get(), link: None, deadline });
    }

    pub fn send(&mut self, link: LinkId, text: &str) {
        let endpoint = self.endpoint_of(link);
        let Some(message) = response::written(text, endpoint) else {
            return self.fail("I-39", format!("not a whole message: {text}"));
        };
        if endpoint == Endpoint::Streams {
            if message.id <= self.newest_written {
                self.fail("I-25", format!("the number of {text} was written before"));
            }
            self.newest_written = self.newest_written.max(message.id);
        }
        // The cancellation of a shutdown is exempt from the configured limit on requests, and waits only for the
        // venue's own limit.
        let is_urgent = message.method == Method::Other("order.cancel_session") && self.closing.is_some();
        if !is_urgent {
            self.count(link, Counted::Request);
        }
        if message.method == Method::Other("order.place") {
            self.count(link, Counted::Order);
        }
        let now = self.now;
        if message.is_of_account() {
            self.leg_mut(link.slot()).sent = now;
        }
        let deadline = now + self.settings_of(link.slot()).request_timeout;
        let asked = self.outstanding.iter_mut().find(|it| it.id == message.id && it.link.is_none());
        let (asks, feeds) = match (asked, message.method) {
            (Some(request), _) => {
                (request.link, request.deadline) = (Some(link), deadline);
                (Asks::Other, Vec::new())
            }
            (None, Method::Subscribe) => (Asks::Join, self.joined(link, &message)),
            (None, Method::Unsubscribe) => (Asks::Leave, self.parted(link, &message)),
            (None, Method::Other("ping")) => (Asks::Other, Vec::new()),
            (None, Method::Other("order.cancel_session"))
                if self.shutdown >= Some(ShutdownStep::CancellingOrders) =>
            {
                self.outstanding.push(Outstanding { id: message.id, link: Some(link), deadline });
                self.newest_request = message.id;
                (Asks::Other, Vec::new())
            }
            (None, Method::Other(_)) => return self.fail("I-25", format!("nobody asked for {text}")),
        };
        if endpoint == Endpoint::MarketDataV2 && asks == Asks::Leave {
            return;
        }
        self.written.push(Written { id: message.id, link, deadline, asks, feeds, is_overdue: false });
        if self.written.iter().filter(|written| written.link == link && !written.is_overdue).count()
            > IN_FLIGHT_MAX
        {
            self.fail("I-44", format!("more than {IN_FLIGHT_MAX} requests in flight on {link}"));
        }
    }

    /// Removes the request that a text frame replies to. Stores in the streams of the request whether the venue
    /// accepted it.
    pub fn answered(&mut self, step: &Step<'_>, link: LinkId, text: &str) {
        let unknown =
            matches!(step.event, Some(Event::Ignored(it, _)) if it.reason == IgnoredReason::UnknownResponse);
        let may_answer = unknown
            || matches!(
                step.event,
                None | Some(Event::Reply { .. } | Event::Rejected { .. } | Event::Error(..))
            );
        if !may_answer || self.endpoint_of(link) != Endpoint::Streams {
            return;
        }
        let Some(answer) = response::read(text) else { return };
        let found = self.written.iter().position(|written| written.id == answer.id && written.link == link);
        let Some(found) = found else {
            if !unknown {
                self.fail("I-24", format!("{text} answers nothing of {link}, and yet {:?}", step.event));
            }
            return;
        };
        let written = self.written.swap_remove(found);
        if unknown && !written.is_overdue {
            self.fail("I-27", format!("{text} answers a request, and nobody waited for it"));
        }
        if written.feeds.len() > 1 && matches!(step.event, Some(Event::Rejected { .. })) {
            self.fail("I-48", format!("{text} refuses {} streams, and one is blamed", written.feeds.len()));
        }
        let is_final = answer.is_ok || (written.feeds.len() == 1 && !is_for_now(step.act));
        for index in written.feeds {
            self.feeds[index].answered(written.id, written.asks, answer.is_ok, is_final);
        }
    }

    /// Checks the event `Requested`. The client reports it once for each request, before the reply.
    pub fn told_requested(&mut self, link: LinkId, id: RequestId) {
        if self.settings_of(link.slot()).authenticated {
            self.sessions.note_signed(link, id);
        }
        if id.get() <= self.newest_told {
            self.fail("I-22", format!("{id:?} is told after {}", self.newest_told));
        }
        self.newest_told = id.get();
    }

    pub fn replied(&mut self, step: &Step<'_>, id: RequestId, about: Subject, outcome: &RequestOutcome<'_>) {
        let Some(found) = self.outstanding.iter().position(|request| request.id == id.get()) else {
            // A shutdown cancels orders with a request of the client, which no earlier event has reported.
            let is_own = about == Subject::CancelSessionOrders && !self.unsent.contains(&id);
            if self.closing.is_some() && matches!(outcome, RequestOutcome::NotSent) && is_own {
                self.unsent.push(id);
                return;
            }
            return self.fail("I-22", format!("a reply to {id:?}, which nobody waits for"));
        };
        let request = self.outstanding.remove(found);
        if id.get() > self.newest_told {
            self.fail("I-22", format!("{id:?} is answered, and was not told to be taken"));
        }
        match outcome {
            RequestOutcome::Answered(_) => {
                let Act::Frame(link, Frame::Text(text)) = step.act else {
                    return self.fail("I-24", format!("{id:?} is answered by {:?}", step.act));
                };
                if Some(link) != request.link || response::read(text).is_none_or(|it| it.id != request.id) {
                    self.fail("I-24", format!("{request:?} is answered by {text} of {link}"));
                }
            }
            RequestOutcome::TimedOut => {
                if !matches!(step.act, Act::Timeout) || self.now < request.deadline {
                    self.fail("I-22", format!("{request:?} is given up at {:?}", self.now));
                }
            }
            RequestOutcome::NotSent => {
                if request.link.is_some() {
                    self.fail("I-26", format!("{request:?} was written, and is told not to be sent"));
                }
            }
            RequestOutcome::Lost => match request.link {
                Some(link) => self.presumed_lost.push(link),
                None => self.fail("I-26", format!("{id:?} was not written, so it was not lost")),
            },
        }
    }

    /// Handles messages whose time for a reply is over. Marks a message that subscribes or unsubscribes as overdue,
    /// because the client may send it again, and removes any other message. On a closing link, marks each message as
    /// overdue and removes none.
    pub fn expire(&mut self) {
        let now = self.now;
        let mut position = 0;
        while position < self.written.len() {
            let written = &mut self.written[position];
            if written.deadline > now || self.legs[written.link.slot()].closing.is_some() {
                written.is_overdue = written.deadline <= now;
                position += 1;
                continue;
            }
            if written.feeds.is_empty() {
                self.written.swap_remove(position);
                continue;
            }
            // The venue may still accept the message, so it stays in the list.
            let is_news = !std::mem::replace(&mut written.is_overdue, true);
            for &index in written.feeds.iter().filter(|_| is_news) {
                self.feeds[index].unanswered(written.id);
            }
            position += 1;
        }
    }

    pub fn forget_link(&mut self, link: LinkId) {
        self.written.retain(|written| written.link != link);
        for feed in &mut self.feeds {
            feed.forget(link);
        }
    }

    /// Checks that the client wrote each accepted request, and that it reported a reply to each request whose link
    /// has ended or whose time is over. Also checks that it reported no request as lost while the link of the request
    /// is open.
    pub fn check_requests(&mut self, step: &Step<'_>) {
        for position in 0..self.presumed_lost.len() {
            let link = self.presumed_lost[position];
            if self.legs[link.slot()].is_open(link) {
                self.fail("I-26", format!("a request is lost with {link}, which is open"));
            }
        }
        for position in 0..self.outstanding.len() {
            let request = self.outstanding[position];
            let Some(link) = request.link else {
                if matches!(step.act, Act::Request(_)) {
                    self.fail("I-27", format!("{request:?} was accepted, and is not written"));
                }
                continue;
            };
            let leg = &self.legs[link.slot()];
            if leg.link != Some(link) || leg.phase == Phase::Ended {
                self.fail("I-23", format!("{link} has ended, and {request:?} has no reply"));
            } else if matches!(step.act, Act::Timeout)
                && leg.closing.is_none()
                && request.deadline <= self.now
            {
                self.fail("I-22", format!("{request:?} has no reply at {:?}", self.now));
            }
        }
    }

    /// Checks that a step has at most `OUTPUT_MAX` outputs, and no more than are possible with its act and the
    /// present number of links, streams and messages. After a subscription, also checks `streams_max`.
    pub fn check_size(&mut self, step: &Step<'_>) {
        let bytes = match step.act {
            Act::Frame(_, Frame::Text(text)) => text.len(),
            _ => 0,
        };
        let items = self.subscriptions.len() + self.feeds.len() + self.written.len() + self.legs.len();
        let ends = |output: &&Output| {
            matches!(output, Output::Event(Event::Reply { .. } | Event::Unsubscribed { .. }))
        };
        let ended = step.outputs.iter().filter(ends).count();
        let most = 16 + 4 * (items + ended) + bytes;
        if step.outputs.len() > most {
            self.fail("I-15", format!("{} outputs upon {:?}", step.outputs.len(), step.act));
        }
        if step.outputs.len() > gemini_ws::OUTPUT_MAX {
            self.fail("I-44", format!("{} outputs", step.outputs.len()));
        }
        if let Act::Subscribe(_) = step.act {
            for slot in 0..self.legs.len() {
                let streams = self.feeds.iter().filter(|feed| feed.slot == slot && feed.is_desired()).count();
                if streams > self.settings_of(slot).streams_max {
                    self.fail("I-44", format!("{streams} streams on one link"));
                }
            }
        }
    }
}
