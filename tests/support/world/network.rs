//! [`Network`] keeps the messages that are under way between a client and the exchange.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use gemini_ws::{ConnectFailure, Instant, LinkId, Lost};
use gemini_ws_simulator::SessionId;

use super::beliefs::Truth;

/// A dial, and the transport that it opens.
#[derive(Clone, Debug)]
pub struct Port {
    pub link: LinkId,
    pub target: String,
    pub is_signed: bool,
    pub driver: Driver,
    pub has_session: bool,
    /// Whether no message reaches the venue. `is_mute` is whether no message of the venue reaches the driver.
    pub is_deaf: bool,
    pub is_mute: bool,
    /// Whether messages under way still arrive after the driver has dropped the transport.
    pub leaks: bool,
    pub latency: Duration,
    /// When the newest message in each direction arrives. Messages do not overtake each other.
    to_venue: Instant,
    to_client: Instant,
    pub unread_until: Instant,
    /// The numbers of the newest messages that have arrived, at the driver and at the venue.
    arrived: [u64; 2],
    /// How many of the next texts are cut short on their way.
    pub garbled: u32,
    /// For each moment at which the venue sent texts: how many of these texts are still under way, and the true state
    /// at that moment.
    rounds: VecDeque<(usize, Rc<Truth>)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Driver {
    Dialling,
    Open,
    Gone,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// A dial reaches the venue. This and the messages up to `EndToVenue` arrive at the venue.
    Dial,
    TextToVenue(String),
    CloseToVenue(u16),
    EndToVenue,
    /// The driver learns that a dial has connected. This and the following messages arrive at the driver.
    Connected,
    Text(String),
    Binary,
    Ping,
    Close(Option<u16>),
    Failed(ConnectFailure),
    Lost(Lost),
}

impl Message {
    pub const fn is_for_venue(&self) -> bool {
        matches!(
            self,
            Message::Dial | Message::TextToVenue(_) | Message::CloseToVenue(_) | Message::EndToVenue
        )
    }
}

/// A message under way. The message that arrives first is the greatest, because `BinaryHeap` returns the greatest
/// element first.
#[derive(Clone, Debug)]
struct UnderWay {
    at: Instant,
    number: u64,
    port: usize,
    message: Message,
}

impl UnderWay {
    const fn key(&self) -> Reverse<(Instant, u64)> {
        Reverse((self.at, self.number))
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &UnderWay) -> bool {
        self.key() == other.key()
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &UnderWay) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    fn cmp(&self, other: &UnderWay) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[derive(Clone, Debug, Default)]
pub struct Network {
    pub ports: Vec<Port>,
    under_way: BinaryHeap<UnderWay>,
    sent: u64,
}

impl Network {
    pub fn clear(&mut self) {
        self.ports.clear();
        self.under_way.clear();
        self.sent = 0;
    }

    pub fn dial(&mut self, link: LinkId, target: &str, is_signed: bool, latency: Duration) -> usize {
        self.ports.push(Port {
            link,
            target: target.to_owned(),
            is_signed,
            driver: Driver::Dialling,
            has_session: false,
            is_deaf: false,
            is_mute: false,
            leaks: false,
            latency,
            to_venue: Instant::ZERO,
            to_client: Instant::ZERO,
            unread_until: Instant::ZERO,
            arrived: [0; 2],
            garbled: 0,
            rounds: VecDeque::new(),
        });
        self.ports.len() - 1
    }

    pub fn garble(&mut self, position: usize, mut text: String) -> String {
        let port = &mut self.ports[position];
        if port.garbled > 0 {
            port.garbled -= 1;
            // Sometimes this also removes the symbol from the text.
            text.truncate(text.len() * (1 + port.garbled as usize % 4) / 6);
        }
        text
    }

    /// Stores how many texts the venue has sent over each port at one moment, and the true state at that moment.
    pub(super) fn note_round(&mut self, texts: &[usize], truth: &Rc<Truth>) {
        for (position, port) in self.ports.iter_mut().enumerate() {
            let count = texts.iter().filter(|of| **of == position).count();
            if count > 0 && !port.is_mute {
                port.rounds.push_back((count, Rc::clone(truth)));
            }
        }
    }

    /// Removes an arrived text from its moment in `rounds`. If it was the last text of that moment, returns the true
    /// state at that moment.
    pub(super) fn end_round(&mut self, position: usize) -> Option<Rc<Truth>> {
        let rounds = &mut self.ports[position].rounds;
        let (count, _) = rounds.front_mut()?;
        *count -= 1;
        if *count > 0 { None } else { rounds.pop_front().map(|(_, truth)| truth) }
    }

    pub const fn session(position: usize) -> SessionId {
        SessionId(position as u64 + 1)
    }

    pub fn of_session(&self, session: SessionId) -> Option<usize> {
        let position = usize::try_from(session.0).ok()?.checked_sub(1)?;
        (position < self.ports.len()).then_some(position)
    }

    pub fn of_link(&self, link: LinkId) -> Option<usize> {
        self.ports.iter().rposition(|port| port.link == link)
    }

    /// Sends a message. It arrives after all earlier messages in its direction.
    pub fn send(&mut self, now: Instant, position: usize, message: Message) {
        self.send_later(now, Duration::ZERO, position, message);
    }

    pub fn send_later(&mut self, now: Instant, delay: Duration, position: usize, message: Message) {
        let port = &mut self.ports[position];
        let way = if message.is_for_venue() { &mut port.to_venue } else { &mut port.to_client };
        *way = (*way).max(now + port.latency + delay);
        let at = *way;
        self.sent += 1;
        self.under_way.push(UnderWay { at, number: self.sent, port: position, message });
    }

    pub fn next(&self) -> Option<Instant> {
        self.under_way.peek().map(|it| it.at)
    }

    /// Returns the next message that has arrived. A message that the driver does not read yet stays under way.
    pub fn take(&mut self, now: Instant, stalled_until: Instant) -> Option<(usize, Message)> {
        let first = self.under_way.peek()?;
        let (position, is_for_venue) = (first.port, first.message.is_for_venue());
        let until = self.ports[position].unread_until.max(stalled_until);
        if !is_for_venue && until > now {
            self.hold(position, until);
            return None;
        }
        let first = self.under_way.pop()?;
        let arrived = &mut self.ports[position].arrived[usize::from(is_for_venue)];
        assert!(first.number > *arrived, "message {arrived} has overtaken {first:?}");
        *arrived = first.number;
        Some((position, first.message))
    }

    /// Delays the messages to the driver of a port until an instant. They still arrive in their order.
    fn hold(&mut self, position: usize, until: Instant) {
        let port = &mut self.ports[position];
        port.to_client = port.to_client.max(until);
        let mut under_way = std::mem::take(&mut self.under_way).into_vec();
        for it in under_way.iter_mut().filter(|it| it.port == position && !it.message.is_for_venue()) {
            it.at = it.at.max(until);
        }
        self.under_way = under_way.into();
    }

    pub fn forget(&mut self, position: usize) {
        self.under_way.retain(|it| it.port != position || it.message.is_for_venue());
    }

    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }
}
