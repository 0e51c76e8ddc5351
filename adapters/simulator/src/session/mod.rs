//! [`Sessions`]: the connected clients, and what waits to be sent to them.

pub(crate) mod authentication;
pub(crate) mod private;
pub(crate) mod stats;
pub(crate) mod tally;

use std::collections::{BTreeMap, VecDeque};

use gemini_ws::{Instant, Stream};

use crate::frame::upgrade::Endpoint;
use crate::value::id::SessionId;
use private::Private;
use stats::Stats;
use tally::Tally;

/// What the caller of [`Exchange::poll_output`](crate::Exchange::poll_output) is to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Send a text frame.
    Send {
        /// To whom.
        session: SessionId,
        /// The frame.
        text: String,
    },
    /// Send an RFC 6455 ping.
    Ping {
        /// To whom.
        session: SessionId,
    },
    /// Send a Close frame; the session is over.
    Close {
        /// To whom.
        session: SessionId,
        /// The status code; 1005 stands for a Close frame without payload.
        code: u16,
        /// The reason, for people.
        reason: &'static str,
    },
    /// Cut the transport without a Close frame; the session is over.
    Abort {
        /// Whose.
        session: SessionId,
    },
}

impl Output {
    /// The session that this is for.
    pub const fn session(&self) -> SessionId {
        match *self {
            Output::Send { session, .. }
            | Output::Ping { session }
            | Output::Close { session, .. }
            | Output::Abort { session } => session,
        }
    }
}

/// The most outputs that wait for one session: beyond it the session is cut, so that memory stays
/// bounded when nobody polls. Some five minutes of a busy market.
pub const OUTPUTS_MAX: usize = 1 << 17;

/// The `snapshot` parameter of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SnapshotMode {
    Absent,
    Full,
    Best(usize),
}

impl SnapshotMode {
    /// Reads the query part of the URL; what is no number counts as absent.
    pub(crate) fn of_query(query: &str) -> SnapshotMode {
        let pairs = query.trim_start_matches('?').split('&');
        let value = pairs.filter_map(|pair| pair.strip_prefix("snapshot=")).next_back();
        match value.and_then(|value| value.parse::<i64>().ok()) {
            None | Some(0) => SnapshotMode::Absent,
            Some(levels) => usize::try_from(levels).map_or(SnapshotMode::Full, SnapshotMode::Best),
        }
    }

    /// How many levels per side a snapshot has.
    pub(crate) const fn levels(self) -> usize {
        match self {
            SnapshotMode::Absent => 0,
            SnapshotMode::Full => usize::MAX,
            SnapshotMode::Best(levels) => levels,
        }
    }
}

/// One connected client.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    endpoint: Endpoint,
    /// Position of the account that it is authenticated for.
    account: Option<usize>,
    private: Private,
    snapshot: SnapshotMode,
    /// Subscriptions by the venue's name.
    streams: BTreeMap<String, Stream>,
    /// Nothing has been subscribed to yet.
    is_fresh: bool,
    /// Nothing is sent (a fault).
    is_silenced: bool,
    /// So many text frames are still to be lost (a fault).
    lost_frames: u32,
    next_ping: Instant,
    requests: Tally,
    /// Outputs not polled yet.
    waiting: usize,
}

impl Session {
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Position of the account that it is authenticated for.
    pub(crate) const fn account(&self) -> Option<usize> {
        self.account
    }

    pub(crate) const fn private(&self) -> &Private {
        &self.private
    }

    pub(crate) const fn private_mut(&mut self) -> &mut Private {
        &mut self.private
    }

    /// Says what the session may do.
    pub(crate) fn identify(&mut self, endpoint: Endpoint, account: Option<usize>, private: Private) {
        (self.endpoint, self.account, self.private) = (endpoint, account, private);
    }

    /// Takes what only an authenticated session has.
    pub(crate) fn take_private(&mut self) -> (Option<usize>, Private) {
        (self.account.take(), std::mem::take(&mut self.private))
    }

    pub(crate) const fn snapshot(&self) -> SnapshotMode {
        self.snapshot
    }

    /// The names of the public streams.
    pub(crate) fn stream_names(&self) -> impl Iterator<Item = &str> {
        self.streams.keys().map(String::as_str)
    }

    /// Adds a public stream; false if it is on already.
    pub(crate) fn join(&mut self, stream: Stream) -> bool {
        self.streams.insert(stream.to_string(), stream).is_none()
    }

    /// Ends a public stream; false if it is not on.
    pub(crate) fn leave(&mut self, stream: &Stream) -> bool {
        self.streams.remove(&stream.to_string()).is_some()
    }

    /// Ends all public streams.
    pub(crate) fn take_streams(&mut self) -> impl Iterator<Item = Stream> + use<> {
        std::mem::take(&mut self.streams).into_values()
    }

    /// Whether nothing had been subscribed to before; from now on something has.
    pub(crate) const fn begin(&mut self) -> bool {
        std::mem::replace(&mut self.is_fresh, false)
    }

    /// Stops or resumes sending (a fault).
    pub(crate) const fn silence(&mut self, is_silenced: bool) {
        self.is_silenced = is_silenced;
    }

    /// Loses the next text frames (a fault).
    pub(crate) const fn lose_frames(&mut self, count: u32) {
        self.lost_frames = count;
    }

    pub(crate) const fn next_ping(&self) -> Instant {
        self.next_ping
    }

    pub(crate) const fn plan_ping(&mut self, at: Instant) {
        self.next_ping = at;
    }

    pub(crate) const fn requests_mut(&mut self) -> &mut Tally {
        &mut self.requests
    }
}

/// The connected clients, and the queue of outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    outputs: VecDeque<Output>,
    /// Sessions for which more waits than is allowed.
    overrun: Vec<SessionId>,
    stats: Stats,
}

impl Sessions {
    pub(crate) fn open(&mut self, id: SessionId, snapshot: SnapshotMode, next_ping: Instant) {
        let session = Session {
            endpoint: Endpoint::Streams,
            account: None,
            private: Private::default(),
            snapshot,
            streams: BTreeMap::new(),
            is_fresh: true,
            is_silenced: false,
            lost_frames: 0,
            next_ping,
            requests: Tally::default(),
            waiting: 0,
        };
        self.open.insert(id, session);
        self.stats.connections += 1;
    }

    /// Forgets a session and what waits for it, a session of the same id that ended before included.
    pub(crate) fn forget(&mut self, id: SessionId) {
        self.open.remove(&id);
        self.outputs.retain(|output| output.session() != id);
    }

    /// Ends a session after what waits for it; the last output tells how.
    pub(crate) fn end(&mut self, last: Output) {
        let Some(session) = self.open.remove(&last.session()) else { return };
        if !session.is_silenced || matches!(last, Output::Abort { .. }) {
            self.outputs.push_back(last);
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Session> {
        self.open.values()
    }

    /// The sessions that are open.
    pub(crate) fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.open.keys().copied()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.open.get_mut(&id)
    }

    /// The sessions that are authenticated for an account.
    pub(crate) fn of_account(&self, account: usize) -> Vec<SessionId> {
        let open = self.open.iter().filter(|(_, session)| session.account == Some(account));
        open.map(|(id, _)| *id).collect()
    }

    pub(crate) const fn stats(&self) -> Stats {
        self.stats
    }

    pub(crate) const fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn send(&mut self, session: SessionId, text: &str) {
        if let Some(open) = self.open.get_mut(&session)
            && open.lost_frames > 0
        {
            open.lost_frames -= 1;
            return;
        }
        if self.may_send(session) {
            self.stats.frames += 1;
            self.outputs.push_back(Output::Send { session, text: text.to_owned() });
        }
    }

    pub(crate) fn send_all<'s>(&mut self, sessions: impl IntoIterator<Item = &'s SessionId>, text: &str) {
        for session in sessions {
            self.send(*session, text);
        }
    }

    pub(crate) fn ping(&mut self, session: SessionId) {
        if self.may_send(session) {
            self.outputs.push_back(Output::Ping { session });
        }
    }

    /// Counts an output that is about to be queued.
    fn may_send(&mut self, id: SessionId) -> bool {
        let Some(session) = self.open.get_mut(&id).filter(|session| !session.is_silenced) else {
            return false;
        };
        if session.waiting >= OUTPUTS_MAX {
            if session.waiting == OUTPUTS_MAX {
                session.waiting += 1;
                self.overrun.push(id);
            }
            return false;
        }
        session.waiting += 1;
        true
    }

    /// Tells that a session that was forgotten is to be cut.
    pub(crate) fn cut(&mut self, session: SessionId) {
        self.outputs.push_back(Output::Abort { session });
    }

    /// Takes the sessions that have to be cut.
    pub(crate) fn take_overrun(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.overrun)
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        if let Some(session) = self.open.get_mut(&output.session()) {
            session.waiting = session.waiting.saturating_sub(1);
        }
        Some(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_parameter() {
        for (query, mode) in [
            ("", SnapshotMode::Absent),
            ("snapshot=0", SnapshotMode::Absent),
            ("snapshot=x", SnapshotMode::Absent),
            ("snapshot=-1", SnapshotMode::Full),
            ("?cancelOnDisconnect=true&snapshot=-7", SnapshotMode::Full),
            ("snapshot=20", SnapshotMode::Best(20)),
        ] {
            assert_eq!(SnapshotMode::of_query(query), mode, "{query}");
        }
    }

    #[test]
    fn who_is_not_polled_is_cut() {
        let mut sessions = Sessions::default();
        sessions.open(SessionId(1), SnapshotMode::Full, Instant::ZERO);
        for _ in 0..OUTPUTS_MAX {
            sessions.send(SessionId(1), "{}");
        }
        assert_eq!(sessions.take_overrun(), []);
        sessions.send(SessionId(1), "{}");
        sessions.send(SessionId(1), "{}");
        assert_eq!(sessions.take_overrun(), [SessionId(1)]);
        sessions.forget(SessionId(1));
        assert_eq!((sessions.count(), sessions.poll()), (0, None));
    }
}
