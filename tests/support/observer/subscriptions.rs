//! Checks subscriptions: the client subscribes at the venue to exactly the streams that the application has
//! subscribed to, and requests each stream once per link.

use std::sync::OnceLock;
use std::time::Duration;

use gemini_ws::lifecycle::{Cell, STREAM, STREAM_STATES, StreamInput, StreamState, stream_step};
use gemini_ws::{
    Endpoint, Event, Frame, Instant, LinkId, Message, Output, Scratch, Stream, StreamId, Unserved,
};

use super::super::machine::{Machine, Wanted};
use super::call::{Act, Answer, KINDS, Kind};
use super::requests::Asks;
use super::response::WrittenMessage;
use super::shadow::{Shadow, Step};

/// A stream, its subscriptions, and the newest request for it.
#[derive(Clone, Debug)]
pub struct Feed {
    pub stream: Stream,
    pub slot: usize,
    pub endpoint: usize,
    /// The subscriptions to the stream. The `bool` is true if the application has ended the subscription, but the
    /// client has not reported its end yet.
    pub subscriptions: Vec<(StreamId, bool)>,
    pub asked: Option<Asked>,
    /// The link over which the client has unsubscribed, until the client requests the stream again.
    pub left: Option<LinkId>,
    /// Whether the venue accepted the newest request for the stream.
    pub confirmed: bool,
    /// Whether the client has reported the stream as `Unserved`, and no data has come since.
    pub unserved: bool,
    /// Whether the stream's book was lost again soon after it became current. The client then unsubscribes and
    /// subscribes after a delay.
    relapsed: bool,
    /// The number of losses of the stream's book in a row, each soon after the book became current.
    pub losses: u32,
    pub lives_since: Instant,
    pub stale: u32,
    /// The link that carried the book's snapshot.
    pub synced: Option<LinkId>,
    /// The link before `synced`, if the book was current until that link ended.
    pub before: Option<LinkId>,
    /// Whether the book may have lost an update over the present link and has had no snapshot since.
    pub lost_update: bool,
    pub last: u64,
    pub snapshot: u64,
    pub newest_trade: Option<u64>,
    /// The number of the last step that reported trades, and the id of the newest trade before that step.
    pub trades_before: (u64, Option<u64>),
    /// The ids of all trades of the current API, in the order in which they were first reported.
    pub trade_ids: Vec<u64>,
    pub silence_max: Option<Duration>,
    pub told: Instant,
}

#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub id: u64,
    /// The first `subscribe` over this link since the client last unsubscribed the stream.
    pub first: u64,
    pub link: LinkId,
    /// Whether the venue refused the request, or did not reply in time.
    pub failed: bool,
    /// Whether the client had already requested the stream over this link. Frames of the earlier request may still
    /// come.
    pub again: bool,
}

impl Feed {
    fn new(stream: Stream, slot: usize) -> Feed {
        Feed {
            stream,
            slot,
            endpoint: 0,
            subscriptions: Vec::new(),
            asked: None,
            left: None,
            confirmed: false,
            unserved: false,
            relapsed: false,
            losses: 0,
            lives_since: Instant::ZERO,
            stale: 0,
            synced: None,
            before: None,
            lost_update: false,
            last: 0,
            snapshot: 0,
            newest_trade: None,
            trades_before: (0, None),
            trade_ids: Vec::new(),
            silence_max: None,
            told: Instant::ZERO,
        }
    }

    pub fn is_desired(&self) -> bool {
        self.subscriptions.iter().any(|subscription| !subscription.1)
    }

    /// Notes whether the venue accepted or refused a request that names the stream. Of several requests in a row, the
    /// reply to the newest decides. The reply to an earlier one counts only if `is_final` is true: an acceptance then
    /// confirms the stream, and a refusal marks the newest request as failed.
    pub fn answered(&mut self, id: u64, asks: Asks, is_ok: bool, is_final: bool) {
        let Some(asked) = self.asked.as_mut().filter(|_| asks == Asks::Join) else { return };
        let is_earlier = (asked.first..asked.id).contains(&id);
        if asked.id == id || (is_earlier && is_final && is_ok) {
            (asked.id, asked.failed) = (id, !is_ok);
            self.confirmed = is_ok;
        } else if is_earlier && is_final {
            asked.failed = true;
        }
    }

    pub fn unanswered(&mut self, id: u64) {
        if let Some(asked) = &mut self.asked
            && asked.id == id
        {
            asked.failed = true;
        }
    }

    pub fn forget(&mut self, link: LinkId) {
        if self.asked.is_some_and(|asked| asked.link == link) {
            self.asked = None;
            (self.confirmed, self.unserved, self.relapsed) = (false, false, false);
            self.losses = 0;
        }
        if self.left == Some(link) {
            self.left = None;
        }
        if self.synced.take_if(|synced| *synced == link).is_some() {
            self.before = Some(link);
        }
        if self.slot == link.slot() {
            self.lost_update = false;
        }
    }
}

impl Shadow {
    fn feed_of(&mut self, stream: Stream, slot: usize) -> usize {
        match self.feeds.iter().position(|feed| feed.stream == stream && feed.slot == slot) {
            Some(position) => position,
            None => {
                self.feeds.push(Feed::new(stream, slot));
                self.feeds.len() - 1
            }
        }
    }

    pub fn subscribed(&mut self, step: &Step<'_>, wanted: Wanted) {
        let Answer::Stream(id) = step.answer else { return };
        if self.newest_subscription.is_some_and(|newest| newest >= id) {
            self.fail("I-24", format!("{id:?} was used before"));
        }
        self.newest_subscription = Some(id);
        let index = self.feed_of(wanted.stream, id.link_slot());
        // The same link also carries the other subscriptions to the stream.
        let other = self.feeds[index]
            .subscriptions
            .iter()
            .find(|subscription| !subscription.1)
            .map(|subscription| subscription.0);
        let state =
            other.and_then(|other| self.subscriptions.get(&other)).map_or(StreamState::Wanted, |it| it.1);
        self.subscriptions.insert(id, (index, state));
        let endpoint = self.leg_mut(id.link_slot()).endpoint;
        let is_told =
            |output: &Output| matches!(output, Output::Event(Event::Subscribed { id: of, .. }) if *of == id);
        let is_active = other.is_some() && matches!(state, StreamState::Active | StreamState::Synced);
        if is_active && self.feeds[index].confirmed && !step.outputs.iter().any(is_told) {
            self.fail("I-32", format!("{} is confirmed, and {id:?} is not told so", wanted.stream));
        }
        let feed = &mut self.feeds[index];
        feed.endpoint = endpoint;
        if !feed.is_desired() {
            (feed.silence_max, feed.newest_trade) = (None, None);
            feed.trade_ids.clear();
        }
        feed.subscriptions.push((id, false));
        if let Some(silence) = wanted.silence_max {
            feed.silence_max = Some(feed.silence_max.map_or(silence, |least| least.min(silence)));
        }
    }

    pub fn unsubscribed(&mut self, step: &Step<'_>, id: StreamId) {
        if step.answer != Answer::Done {
            return;
        }
        let Some((index, _)) = self.subscriptions.get(&id) else {
            return self.fail("I-28", format!("{id:?} was never wanted, and is to end"));
        };
        for subscription in
            self.feeds[*index].subscriptions.iter_mut().filter(|subscription| subscription.0 == id)
        {
            subscription.1 = true;
        }
    }

    /// Checks that the streams of a `subscribe` message are subscribed and not requested yet, and stores the message
    /// as their newest request. Returns the indices of the streams.
    pub fn joined(&mut self, link: LinkId, message: &WrittenMessage<'_>) -> Vec<usize> {
        let indices = self.named(link, message);
        for &index in &indices {
            let feed = &self.feeds[index];
            let is_asked = feed.asked.is_some_and(|asked| asked.link == link && !asked.failed);
            if !feed.is_desired() {
                self.fail("I-30", format!("{} is asked for, and nobody wants it", feed.stream));
            } else if is_asked {
                self.fail("I-30", format!("{} is asked for again: {:?}", feed.stream, feed.asked));
            }
            // The venue treats depth streams with different times between updates as one stream.
            let asked = &self.feeds[index].stream;
            let is_same = |feed: &&Feed| {
                (feed.stream.feed(), feed.stream.symbol()) == (asked.feed(), asked.symbol())
                    && feed.slot == link.slot()
            };
            let was_asked =
                |feed: &Feed| feed.left == Some(link) || feed.asked.is_some_and(|asked| asked.link == link);
            let again = self.feeds.iter().filter(is_same).any(was_asked);
            let feed = &mut self.feeds[index];
            let first = feed.asked.filter(|asked| asked.link == link).map_or(message.id, |asked| asked.first);
            feed.asked = Some(Asked { id: message.id, first, link, failed: false, again });
            (feed.confirmed, feed.left) = (false, None);
        }
        indices
    }

    /// Marks the streams of an `unsubscribe` message as unsubscribed over this link. Returns their indices.
    pub fn parted(&mut self, link: LinkId, message: &WrittenMessage<'_>) -> Vec<usize> {
        let indices = self.named(link, message);
        for &index in &indices {
            let feed = &mut self.feeds[index];
            (feed.asked, feed.left, feed.confirmed, feed.synced) = (None, Some(link), false, None);
            feed.relapsed = false;
        }
        indices
    }

    fn named(&mut self, link: LinkId, message: &WrittenMessage<'_>) -> Vec<usize> {
        let mut indices = Vec::new();
        let mut unknown = None;
        message.each_stream(|name, symbol| {
            let position = match symbol {
                None => {
                    let stream: Option<Stream> = name.parse().ok();
                    let is_it = |feed: &Feed| Some(feed.stream) == stream && feed.slot == link.slot();
                    self.feeds.iter().position(is_it)
                }
                Some(symbol) => {
                    let same = |of: gemini_ws::Symbol| of.as_str().eq_ignore_ascii_case(symbol);
                    let is_it = |feed: &Feed| {
                        let is_named = feed.stream.feed() == Some(name);
                        feed.slot == link.slot() && is_named && feed.stream.symbol().is_some_and(same)
                    };
                    // If several streams of this link match the name, choose the one that is still subscribed.
                    let found = self.feeds.iter().enumerate().filter(|feed| is_it(feed.1));
                    found
                        .max_by_key(|(_, feed)| (feed.is_desired(), feed.subscriptions.len()))
                        .map(|feed| feed.0)
                }
            };
            match position {
                Some(position) => indices.push(position),
                None => unknown = Some(name.to_owned()),
            }
        });
        if let Some(name) = unknown {
            self.fail("I-30", format!("{name} is written, and nobody has asked for it"));
        }
        indices
    }

    pub fn confirmed(&mut self, step: &Step<'_>, id: StreamId) {
        let Some(&(index, _)) = self.subscriptions.get(&id) else {
            return self.fail("I-28", format!("{id:?} is subscribed, and nobody wants it"));
        };
        let link = self.feeds[index].asked.map(|asked| asked.link);
        let is_streams = link.is_some_and(|link| self.endpoint_of(link) == Endpoint::Streams);
        let feed = &mut self.feeds[index];
        // A later subscriber gets the same events, even while the client requests the stream again.
        if matches!(step.act, Act::Subscribe(_)) && (feed.left.is_some() || feed.relapsed) {
            return;
        }
        if link.is_none() || (is_streams && !feed.confirmed && feed.synced.is_none()) {
            let what = format!("{} is told to be confirmed: {:?}", feed.stream, feed.asked);
            return self.fail("I-32", what);
        }
        (feed.confirmed, feed.unserved) = (true, false);
    }

    /// Checks that the event `Unserved` fits its step: the request for the stream failed, or no snapshot came. Also
    /// checks that the client requests the stream again only after `resubscribe_delay`.
    pub fn unserved(&mut self, step: &Step<'_>, id: StreamId, reason: Unserved, retry: Instant) {
        let Some(&(index, _)) = self.subscriptions.get(&id) else {
            return self.fail("I-28", format!("{id:?} is not served, and nobody wants it"));
        };
        let (now, delay) = (self.now, self.settings_of(id.link_slot()).resubscribe_delay);
        let feed = &mut self.feeds[index];
        feed.unserved = true;
        let is_true = match reason {
            Unserved::Refused { .. } => matches!(step.act, Act::Frame(..)),
            Unserved::Unanswered | Unserved::NoSnapshot => matches!(step.act, Act::Timeout),
            // After the first loss of a book, the client unsubscribes at once and does not report this event.
            Unserved::Relapsed => {
                feed.relapsed = true;
                matches!(step.act, Act::Frame(..) | Act::Resync(_)) && feed.losses > 1
            }
            _ => true,
        };
        let is_book = feed.confirmed && feed.synced.is_some();
        if !is_true || is_book || retry < now + delay {
            let what =
                format!("{} is not served, {reason:?}, until {retry:?} upon {:?}", feed.stream, step.act);
            self.fail("I-08", what);
        }
    }

    pub fn left(&mut self, id: StreamId, last: bool) {
        let Some((index, state, is_to_end)) = self.take_subscription(id) else {
            return self.fail("I-22", format!("{id:?} ends, and is not there"));
        };
        if last {
            self.leaving.insert(id, (index, state));
        }
        let feed = &self.feeds[index];
        if !is_to_end {
            self.fail("I-28", format!("{} ends, and is wanted", feed.stream));
        } else if !last && feed.subscriptions.is_empty() {
            self.fail("I-28", format!("{} is told to be wanted by others", feed.stream));
        } else if last && feed.subscriptions.iter().any(|subscription| !subscription.1 && subscription.0 < id)
        {
            self.fail("I-28", format!("{} is told to be wanted by nobody", feed.stream));
        }
    }

    pub fn quiet(&mut self, step: &Step<'_>, id: StreamId, since: Instant) {
        let Some(&(index, _)) = self.subscriptions.get(&id) else {
            return self.fail("I-28", format!("{id:?} is silent, and nobody wants it"));
        };
        let now = self.now;
        let feed = &mut self.feeds[index];
        (feed.synced, feed.lost_update) = (None, true);
        let is_due = feed.silence_max.is_some_and(|silence| now >= since + silence);
        if !matches!(step.act, Act::Timeout) || !is_due || since < feed.told {
            let what = format!("{} is silent since {since:?}, told at {:?}", feed.stream, feed.told);
            self.fail("I-08", what);
        }
    }

    pub fn rejected(&mut self, step: &Step<'_>, id: StreamId) {
        let Some((index, state, is_to_end)) = self.take_subscription(id) else {
            return self.fail("I-22", format!("{id:?} is refused, and is not there"));
        };
        // If another request for the stream has no reply, the client unsubscribes. Otherwise the stream is gone.
        self.leaving.insert(id, (index, state));
        let feed = &self.feeds[index];
        let is_streams = self.settings_of(feed.slot).endpoint == Endpoint::Streams;
        let was_refused = feed.asked.is_some_and(|asked| asked.failed);
        if is_to_end || (is_streams && !was_refused) || is_for_now(step.act) {
            self.fail("I-32", format!("{} is told to be refused: {:?}", feed.stream, feed.asked));
        }
        let feed = &mut self.feeds[index];
        if !feed.is_desired() {
            (feed.asked, feed.confirmed, feed.synced) = (None, false, None);
        }
    }

    /// Removes the subscriptions of a slot whose link has ended, if the client has ended or the application has
    /// requested its end.
    pub fn forget_subscriptions(&mut self, slot: usize) {
        if self.closing.is_some() || self.terminated {
            let feeds = &mut self.feeds;
            self.subscriptions.retain(|_, subscription| feeds[subscription.0].slot != slot);
            feeds.iter_mut().filter(|feed| feed.slot == slot).for_each(|feed| feed.subscriptions.clear());
        }
    }

    /// Removes a subscription. Returns the index of its stream, its state, and whether the application had already
    /// ended it.
    fn take_subscription(&mut self, id: StreamId) -> Option<(usize, StreamState, bool)> {
        let (index, state) = self.subscriptions.remove(&id)?;
        let subscriptions = &mut self.feeds[index].subscriptions;
        let position = subscriptions.iter().position(|subscription| subscription.0 == id)?;
        Some((index, state, subscriptions.swap_remove(position).1))
    }

    /// Checks the event `Live` of a link: the venue has confirmed or refused every subscription.
    pub fn check_restored(&mut self, link: LinkId) {
        for index in 0..self.feeds.len() {
            let feed = &self.feeds[index];
            if feed.slot != link.slot() {
                continue;
            }
            let asked = feed.asked.filter(|asked| asked.link == link);
            match asked {
                Some(asked) if feed.subscriptions.is_empty() && !asked.failed && !self.is_leaving(index) => {
                    self.fail("I-31", format!("live with {}, which nobody wants", feed.stream));
                }
                // A book that has lost an update was confirmed before the loss.
                Some(_)
                    if feed.is_desired()
                        && !feed.confirmed
                        && !feed.unserved
                        && !feed.lost_update
                        && feed.synced != Some(link) =>
                {
                    self.fail("I-32", format!("live, and {} is neither confirmed nor refused", feed.stream));
                }
                None if feed.is_desired() && feed.left != Some(link) => {
                    self.fail("I-31", format!("live, and {} was not asked for", feed.stream));
                }
                _ => {}
            }
        }
    }

    fn is_leaving(&self, index: usize) -> bool {
        self.leaving.values().any(|leaving| leaving.0 == index)
    }

    /// Checks that the machine has exactly the expected subscriptions, and that the table of streams allows the step
    /// of each of them.
    pub fn check_streams<M: Machine>(&mut self, machine: &M, step: &Step<'_>) {
        if let Some(feed) = self.feeds.iter().find(|feed| feed.subscriptions.iter().any(|it| it.1)) {
            let what = format!("{} is unsubscribed, and its data may be taken for current", feed.stream);
            return self.fail("I-61", what);
        }
        let (mut count, mut leaving) = (0, std::mem::take(&mut self.leaving));
        machine.each_stream(|id, stream, state| {
            if let (StreamState::Leaving, Some((index, before))) = (state, leaving.remove(&id)) {
                self.leaving.insert(id, (index, state));
                return self.check_stream_path(step, id, before, state);
            }
            count += 1;
            let Some((index, before)) = self.subscriptions.get_mut(&id) else {
                return self.fail("I-28", format!("{stream} is {state:?}, and nobody wants it"));
            };
            let (of, has_lost) = (self.feeds[*index].stream, self.feeds[*index].lost_update);
            let before = std::mem::replace(before, state);
            if of != stream {
                self.fail("I-28", format!("{id:?} was {of} and is {stream}"));
            }
            if state == StreamState::Synced && has_lost {
                self.fail("I-61", format!("{stream} has lost an update, and is {state:?}"));
            }
            self.check_stream_path(step, id, before, state);
        });
        for (id, (_, before)) in leaving {
            self.check_stream_path(step, id, before, StreamState::Gone);
        }
        // A client that is ending drops the subscriptions of a link when that link ends.
        let ends = self.terminated || self.closing.is_some();
        let is_over = ends && count < self.subscriptions.len();
        if count != self.subscriptions.len() && !is_over {
            self.fail(
                "I-28",
                format!("{count} subscriptions of {} that are wanted", self.subscriptions.len()),
            );
        }
    }

    fn check_stream_path(&mut self, step: &Step<'_>, id: StreamId, before: StreamState, now: StreamState) {
        if before == now {
            return;
        }
        let reached = reached(step.act.kind())[before as usize];
        if reached & (1 << now as u8) == 0 {
            self.fail("I-05", format!("{id:?} from {before:?} to {now:?} upon {:?}", step.act));
        }
    }
}

/// A set of states for each state. Each set has one bit for each state.
type Reached = [u8; STREAM_STATES.len()];

/// Returns, for each state, the states to which a step of this kind can lead.
fn reached(kind: Kind) -> &'static Reached {
    static TABLE: OnceLock<[Reached; KINDS]> = OnceLock::new();
    &TABLE.get_or_init(|| Kind::ALL.map(closure))[kind as usize]
}

/// Computes, for each state, the states that can follow from the inputs of a step of this kind, in any number and
/// order.
fn closure(kind: Kind) -> Reached {
    let mut reached = STREAM_STATES.map(|state| 1_u8 << state as u8);
    // As many rounds as there are states suffice to find every state that can be reached.
    for _ in STREAM_STATES {
        for from in &mut reached {
            for state in STREAM_STATES {
                for (input, _) in STREAM {
                    if *from & (1 << state as u8) != 0
                        && may_cause(kind, input)
                        && let Cell::Go(next, _) = stream_step(state, input)
                    {
                        *from |= 1 << next as u8;
                    }
                }
            }
        }
    }
    reached
}

/// Returns whether the act is a refusal of a request that the venue may accept if the client repeats it.
pub(super) fn is_for_now(act: Act<'_>) -> bool {
    let Act::Frame(_, Frame::Text(text)) = act else { return false };
    let mut scratch = Scratch::new();
    let answer = gemini_ws::decode(text, &mut scratch);
    matches!(answer, Ok(Message::Response(response)) if !response.is_ok() && !response.is_final_refusal())
}

/// Returns whether an act of this kind is this input of the table, or can lead to it. Any act can lead to the first
/// four inputs, because a client opens other links and ends subscriptions when links end.
const fn may_cause(kind: Kind, input: StreamInput) -> bool {
    match input {
        StreamInput::LinkUp | StreamInput::LinkDown | StreamInput::Accepted | StreamInput::Unsubscribe => {
            true
        }
        StreamInput::Refused | StreamInput::RefusedOnce | StreamInput::Unanswered => {
            matches!(kind, Kind::Frame | Kind::Timeout)
        }
        StreamInput::RefusedForNow | StreamInput::RefusedAfterData => matches!(kind, Kind::Frame),
        StreamInput::Superseded => matches!(kind, Kind::Frame | Kind::Timeout | Kind::Subscribe),
        StreamInput::Snapshot => matches!(kind, Kind::Frame),
        // A timeout can end the delay after a malformed snapshot.
        StreamInput::Gap => matches!(kind, Kind::Frame | Kind::Resync | Kind::Timeout),
        StreamInput::GapAgain => matches!(kind, Kind::Frame | Kind::Resync),
        StreamInput::Silence | StreamInput::Overdue => matches!(kind, Kind::Timeout),
    }
}
