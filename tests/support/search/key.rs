//! The key of a state. The search treats two states with the same key as one state, and continues only from the
//! first.
//!
//! A key contains what the public getters of the machine return, what the observer knows from inputs and outputs, and
//! what a copy of the machine does if only time passes.
//!
//! A key does not contain the following, for these reasons:
//!
//! - *Instants.* Instead the key contains the cause of the next deadline, the kinds of outputs at the deadline, and
//!   whether it is due: a machine compares instants only to see which timer is due. The order of the later timers is
//!   not in the key: each of them is the first timer in some other state, when the timers before it are disarmed.
//! - *Numbers that only rise*: epochs, ids of requests and subscriptions, ids of updates, counters. A machine
//!   compares such a number only with earlier numbers. The key does contain whether a slot had an earlier link,
//!   because late inputs may be about that link.
//! - *How many attempts have failed*, if they have no limit: only the delay grows with this number.
//! - *Random numbers*: they decide how long a delay is, not whether there is a delay.
//! - *The order of links that are due at the same instant*: each of them acts first in some state, and the others are
//!   still due afterwards.
//! - *Texts* of frames: the key contains what a frame changes in streams and requests, and a frame changes nothing
//!   else.
//! - *Unpolled outputs*: the search polls all outputs after each input. The observer's comparison for I-38 shows that
//!   the time of polling does not matter.
//! - *Anything after the end*: all states after `Closed` are one state. The search makes every input in this state
//!   too.

use gemini_ws::{Event, Instant, Output};

use super::super::machine::Machine;
use super::super::observer::Observed;
use super::super::observer::shadow::{Leg, Phase, Shadow};
use super::super::observer::subscriptions::Feed;
use super::World;

/// The maximum number of deadlines that `left_alone` handles on its copy.
const AHEAD: usize = 8;

pub type Key = Vec<u8>;

pub fn of<M: Machine>(world: &World<M>, state: &Observed<M>) -> Key {
    let shadow = state.shadow();
    let mut key = Vec::with_capacity(128);
    if shadow.terminated {
        return key;
    }
    let place = |stream| world.streams.iter().position(|it| it.stream == stream).map_or(255, |it| it as u8);
    state.each_link(|link, endpoint, at| key.extend([link.slot() as u8, endpoint as u8, at as u8]));
    shadow.legs.iter().for_each(|leg| leg_of(shadow, leg, &mut key));
    let is_of_use =
        |feed: &&Feed| !feed.subscriptions.is_empty() || feed.asked.is_some() || feed.left.is_some();
    for feed in shadow.feeds.iter().filter(is_of_use) {
        let leaving = feed.subscriptions.iter().filter(|subscription| subscription.1).count();
        let flags = [
            feed.asked.is_some(),
            feed.asked.is_some_and(|asked| asked.failed),
            feed.left.is_some(),
            feed.confirmed,
            feed.synced.is_some(),
            feed.lost_update,
        ];
        key.extend([b'F', place(feed.stream), feed.slot as u8]);
        key.extend([feed.subscriptions.len() as u8, leaving as u8, bits(&flags)]);
    }
    state.each_stream(|_, stream, at| key.extend([b'S', place(stream), at as u8]));
    // Add the messages in the order in which the client wrote them.
    for written in &shadow.written {
        let number = shadow.written.iter().filter(|other| other.id < written.id).count();
        let slot = written.link.slot();
        key.extend([b'W', number as u8, slot as u8, written.asks as u8]);
        key.extend([written.feeds.len() as u8, u8::from(written.is_overdue)]);
    }
    let held: Vec<bool> = shadow.hosts.iter().map(|host| host.held_until > shadow.now).collect();
    key.extend([b'H', bits(&held), shadow.outstanding.len() as u8, u8::from(shadow.closing.is_some())]);
    key.push(shadow.shutdown.map_or(255, |step| step as u8));
    key.extend(shadow.removed.iter().map(|endpoint| *endpoint as u8));
    left_alone(state.machine(), shadow.now, &mut key);
    key
}

/// Adds what the observer knows of a link and what can affect the later behaviour of the link.
fn leg_of(shadow: &Shadow, leg: &Leg, key: &mut Key) {
    let is_open = leg.phase == Phase::Open;
    let waits = leg.phase == Phase::Ended && shadow.closing.is_none();
    let flags = [
        is_open && leg.live.is_some(),
        is_open && leg.closing.is_some(),
        is_open && leg.resumed.is_some(),
        is_open && leg.closing.is_none() && leg.malformed_of.is_some(),
        leg.missing_since.is_some() && shadow.closing.is_none(),
        leg.link.is_some_and(|link| link.epoch() > 1),
        waits && leg.retry.is_some(),
        waits && leg.retry.is_some_and(|(_, asked_for)| asked_for > shadow.now),
    ];
    let most = shadow.settings[leg.endpoint].attempts_max.unwrap_or(0);
    let attempts = if shadow.closing.is_some() { 0 } else { leg.attempts.min(most) };
    let run = if is_open && leg.closing.is_none() { leg.malformed_run } else { 0 };
    key.extend([b'L', leg.phase as u8, bits(&flags), attempts as u8, run as u8]);
}

fn bits(flags: &[bool]) -> u8 {
    flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag))
}

/// Adds what a copy of a machine does if only time passes. Also adds how often the copy requests streams before a
/// link ends, which depends on the number of requests without a reply.
fn left_alone<M: Machine>(machine: &M, now: Instant, key: &mut Key) {
    let mut copy = machine.clone();
    let mut asked = 0;
    for tick in 0..AHEAD {
        let Some(deadline) = copy.deadline() else { break };
        if tick == 0 {
            key.extend([b'T', deadline.cause as u8, u8::from(deadline.at <= now)]);
        }
        copy.handle_timeout(deadline.at.max(now));
        let mut ended = false;
        while let Some(output) = copy.poll_output() {
            if tick == 0 {
                key.push(kind(&output));
            }
            match &output {
                Output::Send { text, .. } => asked += u8::from(text.contains("\"subscribe")),
                Output::Event(Event::Disconnected { .. } | Event::ConnectFailed { .. }) => ended = true,
                _ => {}
            }
        }
        if ended {
            break;
        }
    }
    key.extend([b'A', asked]);
}

/// Returns a number for the kind of an output. The number for the end of an attempt or a link also says whether
/// another attempt follows.
fn kind(output: &Output) -> u8 {
    match output {
        Output::Connect(_) => 1,
        Output::Send { .. } => 2,
        Output::Close { .. } => 3,
        Output::Abort(_) => 4,
        Output::Event(event) => match event {
            Event::ConnectFailed { retry, .. } => 5 + u8::from(retry.is_some()),
            Event::Disconnected { retry, .. } => 7 + u8::from(retry.is_some()),
            Event::Live { .. } => 9,
            Event::Reply { .. } => 10,
            Event::Closed { .. } => 11,
            Event::LinkClosed { .. } => 12,
            Event::ShuttingDown { .. } => 13,
            Event::Subscribed { .. } => 14,
            Event::Unsubscribed { .. } => 15,
            Event::Silent { .. } => 16,
            _ => 17,
        },
        _ => 18,
    }
}
