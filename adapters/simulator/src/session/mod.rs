//! [`Sessions`]: the open sessions, and the outputs that wait for them.

pub(crate) mod authentication;
pub(crate) mod private;
pub(crate) mod stats;
pub(crate) mod tally;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gemini_ws::{Instant, Stream};

use crate::frame::upgrade::{Endpoint, parameters};
use crate::value::id::SessionId;
use private::Private;
use stats::Stats;
use tally::Tally;

/// What the caller of [`Exchange::poll_output`](crate::Exchange::poll_output) has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Send a text frame.
    Send {
        /// The session to send the frame to.
        session: SessionId,
        /// The text of the frame.
        text: String,
    },
    /// Send an RFC 6455 ping.
    Ping {
        /// The session to send the ping to.
        session: SessionId,
    },
    /// Send a Close frame. The session has ended.
    Close {
        /// The session to close.
        session: SessionId,
        /// The status code; 1005 stands for a Close frame without payload.
        code: u16,
        /// The reason, for people to read.
        reason: &'static str,
    },
    /// Cut the connection without a Close frame. The session has ended.
    Abort {
        /// The session whose connection to cut.
        session: SessionId,
    },
    /// Send the beginning of a text frame, and then cut the connection. The session has ended. Only
    /// [`Faults::cut_frame`](crate::Faults::cut_frame) causes this output.
    CutFrame {
        /// The session whose connection to cut.
        session: SessionId,
    },
}

impl Output {
    /// Returns the session that the output belongs to.
    pub const fn session(&self) -> SessionId {
        match *self {
            Output::Send { session, .. }
            | Output::Ping { session }
            | Output::Close { session, .. }
            | Output::Abort { session }
            | Output::CutFrame { session } => session,
        }
    }
}

/// The maximum number of outputs that wait for one session. If the exchange has another one for the session, it drops
/// all of them and cuts the session.
pub const OUTPUTS_MAX: usize = 1 << 17;

/// The parameter `snapshot` of the session's URL: how many levels per side the snapshots of its streams have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SnapshotMode {
    Absent,
    Full,
    Best(usize),
}

impl SnapshotMode {
    /// Reads the parameter from the query of the URL. A missing parameter, zero, and a value that is not a number
    /// mean `Absent`; a negative number means `Full`.
    pub(crate) fn of_query(query: &str) -> SnapshotMode {
        let value = parameters(query.trim_start_matches('?')).filter(|(name, _)| name == "snapshot").last();
        match value.and_then(|(_, value)| value.parse::<i64>().ok()) {
            None | Some(0) => SnapshotMode::Absent,
            Some(levels) => usize::try_from(levels).map_or(SnapshotMode::Full, SnapshotMode::Best),
        }
    }

    pub(crate) const fn levels(self) -> usize {
        match self {
            SnapshotMode::Absent => 0,
            SnapshotMode::Full => usize::MAX,
            SnapshotMode::Best(levels) => levels,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    endpoint: Endpoint,
    /// The position of the account for which the session is authenticated.
    account: Option<usize>,
    private: Private,
    snapshot: SnapshotMode,
    streams: BTreeMap<String, Stream>,
    /// Whether the session has not subscribed to any stream yet.
    is_fresh: bool,
    /// How many of the next text frames to the session a fault drops.
    lost_frames: u32,
    next_ping: Instant,
    requests: Tally,
    /// The number of outputs that have not been polled yet.
    waiting: usize,
}

impl Session {
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) const fn account(&self) -> Option<usize> {
        self.account
    }

    pub(crate) const fn private(&self) -> &Private {
        &self.private
    }

    pub(crate) const fn private_mut(&mut self) -> &mut Private {
        &mut self.private
    }

    pub(crate) fn identify(&mut self, endpoint: Endpoint, account: Option<usize>, private: Private) {
        (self.endpoint, self.account, self.private) = (endpoint, account, private);
    }

    pub(crate) fn take_private(&mut self) -> (Option<usize>, Private) {
        (self.account.take(), std::mem::take(&mut self.private))
    }

    pub(crate) const fn snapshot(&self) -> SnapshotMode {
        self.snapshot
    }

    pub(crate) fn stream_names(&self) -> impl Iterator<Item = &str> {
        self.streams.keys().map(String::as_str)
    }

    pub(crate) fn join(&mut self, stream: Stream) -> bool {
        self.streams.insert(stream.to_string(), stream).is_none()
    }

    pub(crate) fn leave(&mut self, stream: &Stream) -> bool {
        self.streams.remove(&stream.to_string()).is_some()
    }

    pub(crate) fn take_streams(&mut self) -> impl Iterator<Item = Stream> + use<> {
        std::mem::take(&mut self.streams).into_values()
    }

    /// Returns whether this is the first call for this session.
    pub(crate) const fn begin(&mut self) -> bool {
        std::mem::replace(&mut self.is_fresh, false)
    }

    pub(crate) const fn lose_frames(&mut self, count: u32) {
        self.lost_frames = count;
    }

    pub(crate) const fn lose_more_frames(&mut self, count: u32) {
        self.lost_frames = self.lost_frames.saturating_add(count);
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

#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    /// The sessions that a fault silences. A session that ends stays in this set until its connection is cut or lost.
    silenced: BTreeSet<SessionId>,
    outputs: VecDeque<Output>,
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
            lost_frames: 0,
            next_ping,
            requests: Tally::default(),
            waiting: 0,
        };
        self.open.insert(id, session);
        self.stats.connections += 1;
    }

    pub(crate) fn forget(&mut self, id: SessionId) {
        self.open.remove(&id);
        self.silenced.remove(&id);
        self.outputs.retain(|output| output.session() != id);
    }

    /// Ends a session, and queues `last` after the outputs that wait for it. For a silenced session, any `last` but
    /// [`Output::Abort`] is dropped, because the end of the fault cuts the connection.
    pub(crate) fn end(&mut self, last: Output) {
        let session = last.session();
        if self.open.remove(&session).is_none() {
            return;
        }
        if matches!(last, Output::Abort { .. }) || !self.silenced.contains(&session) {
            self.outputs.push_back(last);
        }
    }

    /// Returns whether a fault silences the session. An ended session stays silenced until its connection is cut or
    /// lost.
    #[cfg(feature = "server")]
    pub(crate) fn is_silenced(&self, id: SessionId) -> bool {
        self.silenced.contains(&id)
    }

    pub(crate) fn silence(&mut self, id: SessionId) {
        if self.open.contains_key(&id) {
            self.silenced.insert(id);
        }
    }

    /// Lets the exchange send to a session again. If the session has ended in the meantime, cuts its connection,
    /// because the client has not received a Close frame.
    pub(crate) fn end_silence(&mut self, id: SessionId) {
        if self.open.contains_key(&id) {
            self.silenced.remove(&id);
        } else if self.silenced.contains(&id) && !self.outputs.contains(&Output::Abort { session: id }) {
            self.cut(id);
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Session> {
        self.open.values()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.open.keys().copied()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.open.get_mut(&id)
    }

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

    pub(crate) fn is_heard(&self, session: SessionId) -> bool {
        self.open.contains_key(&session) && !self.silenced.contains(&session)
    }

    pub(crate) fn send(&mut self, session: SessionId, text: &str) {
        if !self.silenced.contains(&session)
            && let Some(open) = self.open.get_mut(&session)
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

    /// Returns whether an output may be queued for a session. If so, adds one to the outputs that wait for the
    /// session. If too many wait, adds the session to `overrun`, once.
    fn may_send(&mut self, id: SessionId) -> bool {
        if self.silenced.contains(&id) {
            return false;
        }
        let Some(session) = self.open.get_mut(&id) else { return false };
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

    pub(crate) fn cut(&mut self, session: SessionId) {
        self.outputs.push_back(Output::Abort { session });
    }

    pub(crate) fn take_overrun(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.overrun)
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        if matches!(output, Output::Abort { .. }) {
            self.silenced.remove(&output.session());
        }
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
            ("snapshot=20&%73napshot=%2D7", SnapshotMode::Full),
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
