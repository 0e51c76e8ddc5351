//! [`Figures`] counts what has happened in a number of lives.

use std::fmt;

use gemini_ws::CloseReason;
use gemini_ws::lifecycle::{State, StreamState};

/// Declares an enumeration, and the list of its members.
macro_rules! listed {
    ($(#[$about:meta])* $name:ident { $($member:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name { $($member),+ }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$member),+];
        }
    };
}

listed!(
    /// A fault of the network, the venue, the driver or the client.
    Fault {
        // Faults of attempts to connect.
        DialRefused,
        DialStatus,
        DialStatusForGood,
        DialForGood,
        Dial429,
        Dial429RetryAfter,
        Dial503,
        Dial503RetryAfter,
        DialUnanswered,
        DialSlow,
        AnswerAfterAbort,
        // Faults of links.
        Reset,
        End,
        TransportError,
        ProtocolError,
        NothingArrives,
        NothingGetsOut,
        NothingPasses,
        FrameAfterEnd,
        EndAfterEnd,
        EndTwice,
        RequestUnsent,
        SlowLink,
        // Faults of the venue.
        VenueCloses,
        VenueClosesForGood,
        VenueClosesUncoded,
        VenueAborts,
        VenueDrains,
        DepthLost,
        DepthRepeated,
        SnapshotRepeated,
        RepliesLate,
        RepliesWithheld,
        NameRefused,
        SubscribeLimited,
        RequestsLimited,
        SnapshotsLate,
        QuoteEventsRepeated,
        FramesLost,
        Malformed,
        MalformedRun,
        Garbled,
        Unrecognized,
        Binary,
        UnknownResponse,
        OrderEventsLost,
        OrderEventsRepeated,
        MarketHalted,
        // Faults of the driver and its client.
        LinkUnread,
        OutputsUnpolled,
        Stall,
        EventsUntaken,
        ClockJump,
        ClockBack,
        NeedlessTimeout,
        LateTimer,
    }
);

listed!(
    /// An act: what the application does.
    Act {
        Open,
        Subscribe,
        Share,
        SubscribeElsewhere,
        SubscribeUnknown,
        SubscribeUnlessSilent,
        Unsubscribe,
        UnsubscribeAgain,
        Resync,
        Ask,
        AskVenue,
        PlaceOrder,
        CancelOrder,
        CancelOrders,
        SubmitQuote,
        WithdrawQuote,
        ConfirmQuote,
        Resumed,
        Add,
        Remove,
        Close,
        CloseBy,
        ShutDown,
        CommandAfterEnd,
        InputAfterEnd,
    }
);

listed!(
    /// A milestone: a situation that a life may reach. Each life counts it at most once.
    Milestone {
        Idle,
        Connecting,
        Subscribing,
        Live,
        Closing,
        Backoff,
        GivenUp,
        Wanted,
        Requested,
        Active,
        Synced,
        Resyncing,
        Leaving,
        SeveralLinks,
        Reconnected,
        RateLimited,
        RequestLost,
        RequestNotSent,
        RequestTimedOut,
        StreamQuiet,
        StreamRejected,
        HeartbeatDue,
        SequenceGap,
        EventsDropped,
        EventsReplaced,
        EndedByItself,
        EndedWithinShutdown,
        BooksCompared,
        OrdersCompared,
        BeliefsChecked,
        BooksChecked,
        QuotesChecked,
        QuoteWon,
        SubscriptionsCompared,
    }
);

impl Milestone {
    pub const fn of_link(state: State) -> Milestone {
        match state {
            State::Idle => Milestone::Idle,
            State::Connecting => Milestone::Connecting,
            State::Subscribing => Milestone::Subscribing,
            State::Live => Milestone::Live,
            State::Closing => Milestone::Closing,
            State::Backoff => Milestone::Backoff,
            State::Closed => Milestone::GivenUp,
        }
    }

    pub const fn of_stream(state: StreamState) -> Option<Milestone> {
        Some(match state {
            StreamState::Wanted => Milestone::Wanted,
            StreamState::Requested => Milestone::Requested,
            StreamState::Active => Milestone::Active,
            StreamState::Synced => Milestone::Synced,
            StreamState::Resyncing => Milestone::Resyncing,
            StreamState::Leaving => Milestone::Leaving,
            StreamState::Gone => return None,
        })
    }
}

const REASONS: [&str; 6] =
    ["Requested", "RequestedUnclean", "ConnectRefused", "ClosedByPeer", "AttemptsExhausted", "other"];

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Figures {
    pub lives: u64,
    /// The number of calls of the machine; `events` is the number of its events.
    pub calls: u64,
    pub events: u64,
    pub frames: u64,
    pub dials: u64,
    faults: [u64; Fault::ALL.len()],
    acts: [u64; Act::ALL.len()],
    milestones: [u64; Milestone::ALL.len()],
    reasons: [u64; REASONS.len()],
    /// The milestones of the present life, one bit for each.
    reached: u64,
    /// The sum of the hashes of all transcripts.
    pub hash: u64,
}

impl Figures {
    pub const fn new() -> Figures {
        Figures {
            lives: 0,
            calls: 0,
            events: 0,
            frames: 0,
            dials: 0,
            faults: [0; Fault::ALL.len()],
            acts: [0; Act::ALL.len()],
            milestones: [0; Milestone::ALL.len()],
            reasons: [0; REASONS.len()],
            reached: 0,
            hash: 0,
        }
    }

    pub const fn fault(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    pub const fn act(&mut self, act: Act) {
        self.acts[act as usize] += 1;
    }

    pub const fn reach(&mut self, milestone: Milestone) {
        self.reached |= 1 << milestone as u64;
    }

    pub const fn end(&mut self, reason: CloseReason) {
        let position = match reason {
            CloseReason::Requested => 0,
            CloseReason::RequestedUnclean => 1,
            CloseReason::ConnectRefused(_) => 2,
            CloseReason::ClosedByPeer { .. } => 3,
            CloseReason::AttemptsExhausted { .. } => 4,
            _ => 5,
        };
        self.reasons[position] += 1;
    }

    /// Adds the milestones and the hash of a life that is over to the totals.
    pub fn finish_life(&mut self, hash: u64) {
        self.lives += 1;
        // A sum of hashes does not depend on the order of the lives.
        self.hash = self.hash.wrapping_add(hash);
        for (position, count) in self.milestones.iter_mut().enumerate() {
            *count += self.reached >> position & 1;
        }
        self.reached = 0;
    }

    pub fn add(&mut self, other: &Figures) {
        self.lives += other.lives;
        self.calls += other.calls;
        self.events += other.events;
        self.frames += other.frames;
        self.dials += other.dials;
        self.hash = self.hash.wrapping_add(other.hash);
        let pairs = self.faults.iter_mut().zip(&other.faults);
        let pairs = pairs.chain(self.acts.iter_mut().zip(&other.acts));
        let pairs = pairs.chain(self.milestones.iter_mut().zip(&other.milestones));
        for (sum, more) in pairs.chain(self.reasons.iter_mut().zip(&other.reasons)) {
            *sum += more;
        }
    }

    pub fn missing(&self) -> Vec<String> {
        self.counts()
            .into_iter()
            .filter(|(name, count)| *count == 0 && name != "other")
            .map(|it| it.0)
            .collect()
    }

    fn counts(&self) -> Vec<(String, u64)> {
        let named = |names: Vec<String>, counts: &[u64]| names.into_iter().zip(counts.to_vec());
        let names = |all: &[&dyn fmt::Debug]| all.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>();
        let faults: Vec<&dyn fmt::Debug> = Fault::ALL.iter().map(|it| it as _).collect();
        let acts: Vec<&dyn fmt::Debug> = Act::ALL.iter().map(|it| it as _).collect();
        let milestones: Vec<&dyn fmt::Debug> = Milestone::ALL.iter().map(|it| it as _).collect();
        named(names(&faults), &self.faults)
            .chain(named(names(&acts), &self.acts))
            .chain(named(names(&milestones), &self.milestones))
            .chain(named(REASONS.map(str::to_owned).to_vec(), &self.reasons))
            .collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { lives, calls, events, frames, dials, hash, .. } = self;
        writeln!(
            f,
            "{lives} lives, {calls} calls, {frames} frames, {events} events, {dials} dials, hash {hash:016x}"
        )?;
        let counts = self.counts();
        let (faults, rest) = counts.split_at(Fault::ALL.len());
        let (acts, rest) = rest.split_at(Act::ALL.len());
        let (milestones, reasons) = rest.split_at(Milestone::ALL.len());
        for (title, part) in
            [("faults", faults), ("acts", acts), ("lives that reached", milestones), ("ends", reasons)]
        {
            write!(f, "{title}:")?;
            for (name, count) in part {
                write!(f, " {name} {count}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
