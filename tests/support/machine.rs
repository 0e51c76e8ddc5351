//! [`Machine`]: what can be done to a state machine of the crate, so that one observer, one script and one
//! simulation serve them all.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    CommandError, Config, ConnectFailure, ConnectRequest, Connection, Deadline, Endpoint, Event, Frame,
    GapRule, Instant, LinkId, Lost, Output, Request, RequestId, Scratch, Stats, Stream, StreamId,
};

/// Commands, inputs, outputs and getters, as they stand in the documentation of `Connection`.
pub(crate) trait Machine: Clone {
    fn open(&mut self, now: Instant) -> Result<(), CommandError>;
    fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError>;
    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError>;
    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError>;
    fn close(&mut self, now: Instant);

    fn handle_connected(&mut self, link: LinkId, now: Instant);
    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure);
    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>>;
    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost);
    fn handle_timeout(&mut self, now: Instant);

    fn poll_output(&mut self) -> Option<Output>;
    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest>;
    fn deadline(&self) -> Option<Deadline>;
    /// Each link of the present or the last attempt, and the index of its settings.
    fn each_link(&self, each: impl FnMut(LinkId, usize, State));
    fn each_stream(&self, each: impl FnMut(StreamId, Stream, StreamState));
    fn stats(&self) -> Stats;
}

impl Machine for Connection {
    fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        self.open(now)
    }

    fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.subscribe(now, stream)
    }

    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.unsubscribe(now, id)
    }

    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.request(now, request)
    }

    fn close(&mut self, now: Instant) {
        self.close(now);
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.handle_connected(link, now);
    }

    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.handle_connect_failed(link, now, why);
    }

    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.handle_frame(link, now, frame, scratch)
    }

    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.handle_lost(link, now, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.poll_output()
    }

    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.connect_request(link)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline()
    }

    fn each_link(&self, mut each: impl FnMut(LinkId, usize, State)) {
        each(self.link(), 0, self.state());
    }

    fn each_stream(&self, mut each: impl FnMut(StreamId, Stream, StreamState)) {
        self.streams().for_each(|(id, stream, state)| each(id, stream, state));
    }

    fn stats(&self) -> Stats {
        self.stats().clone()
    }
}

/// What a `Config` was made of, for those who have to know it too.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) gap_rule: GapRule,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) snapshot_timeout: Duration,
    pub(crate) resubscribe_delay: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) probe_after: Duration,
    pub(crate) silence_max: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) streams_max: usize,
    pub(crate) streams_per_request_max: usize,
    pub(crate) malformed_run_max: u32,
}

impl Settings {
    /// The defaults of `Config`, which its documentation states.
    pub(crate) fn new(address: &str) -> Settings {
        let endpoint = Config::new(address).endpoint();
        let silence = if endpoint == Endpoint::Streams { [30, 45] } else { [10, 15] };
        Settings {
            address: address.to_owned(),
            endpoint,
            gap_rule: GapRule::Strict,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            snapshot_timeout: Duration::from_secs(5),
            resubscribe_delay: Duration::from_secs(1),
            close_timeout: Duration::from_secs(3),
            probe_after: Duration::from_secs(silence[0]),
            silence_max: Duration::from_secs(silence[1]),
            stable_after: Duration::from_secs(30),
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            streams_max: 4_096,
            streams_per_request_max: 25,
            malformed_run_max: 16,
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(self.address.as_str())
            .gap_rule(self.gap_rule)
            .connect_timeout(self.connect_timeout)
            .request_timeout(self.request_timeout)
            .snapshot_timeout(self.snapshot_timeout)
            .resubscribe_delay(self.resubscribe_delay)
            .close_timeout(self.close_timeout)
            .probe_after(self.probe_after)
            .silence_max(self.silence_max)
            .stable_after(self.stable_after)
            .backoff(self.backoff_base, self.backoff_cap)
            .streams_max(self.streams_max)
            .streams_per_request_max(self.streams_per_request_max)
            .malformed_run_max(self.malformed_run_max)
    }

    pub(crate) fn connection(&self, seed: u64) -> Connection {
        Connection::new(self.config(), seed)
    }

    /// Longer than this no link waits for the outside: every timeout once, and a little.
    pub(crate) fn longest_wait(&self) -> Duration {
        // A link that is not answered is given up the third time in a row.
        let asking = (self.request_timeout + self.snapshot_timeout + self.resubscribe_delay) * 4;
        self.connect_timeout + asking + self.silence_max + self.probe_after + self.close_timeout
    }
}
