//! [`Faults`]: the faults that a test plans.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use gemini_ws::Symbol;

use crate::context::fault_spec::FaultAction;
use crate::frame::refusal::Refusal;
use crate::frame::upgrade::{UpgradeRefusal, refusal};
use crate::value::id::SessionId;

/// The faults that a test plans. Without planned faults, the exchange does not misbehave.
///
/// A fault of one session (a method with an argument `session`) takes effect before the exchange handles the next
/// input or returns the next output. Except [`end_silence`](Faults::end_silence), it has no effect if the session is
/// not open then.
///
/// ```
/// use gemini_ws_simulator::{Config, Exchange};
///
/// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1);
/// // The third depth change from now is lost: clients see a gap at the fourth.
/// exchange.faults().drop_depth("btcusd".parse().unwrap(), 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults {
    depth: Vec<DepthFault>,
    reply_delay: Duration,
    withheld_replies: u32,
    refused_names: BTreeSet<String>,
    /// Error codes, and how many more subscribe requests the exchange refuses with each code.
    refused_subscribes: VecDeque<(i32, u32)>,
    refused_requests: u32,
    late_snapshots: BTreeMap<Symbol, Duration>,
    is_halted: bool,
    closed_markets: BTreeSet<Symbol>,
    lost_order_events: u32,
    repeated_order_events: u32,
    repeated_quote_events: u32,
    fails_rest: bool,
    rest_delay: Duration,
    /// Refusals, and how many more upgrades the exchange refuses with each.
    refused_upgrades: VecDeque<(UpgradeRefusal, u32)>,
    upgrade_delay: Duration,
    spoilt_upgrades: u32,
    orders: VecDeque<FaultOrder>,
}

#[derive(Clone, Debug)]
struct DepthFault {
    symbol: Symbol,
    /// How many depth updates remain, including the affected one: 1 if the next update is affected.
    countdown: u32,
    copies: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum FaultOrder {
    Snapshot(SessionId, Symbol),
    Silence(SessionId, bool),
    Lose(SessionId, u32),
    LoseMore(SessionId, u32),
    Close(SessionId, u16, &'static str),
    Abort(SessionId),
    CutFrame(SessionId),
    Text(SessionId, String),
}

impl Faults {
    /// Loses a later depth update of a symbol: the `nth` from now on (1 is the next update; 0 counts as 1). Clients
    /// see a gap at the update after it. Each call plans another fault. Sessions of the archived endpoints are not
    /// affected.
    ///
    /// `nth` counts the updates of both speeds of the depth stream:
    ///
    /// - In a generated market, each speed has separate updates, so the fault affects the subscribers of only one
    ///   speed. An update that the exchange sends to several sessions counts once. An update that it sends to no
    ///   session, or only to [silenced](Faults::silence) ones, does not count.
    /// - In a recording, each depth frame that is played counts, except snapshots.
    pub fn drop_depth(&mut self, symbol: Symbol, nth: u32) {
        self.depth.push(DepthFault { symbol, countdown: nth.max(1), copies: 0 });
    }

    /// Sends a later depth update of a symbol twice: the `nth` from now on (1 is the next update; 0 counts as 1).
    /// [`Faults::drop_depth`] says which updates count. Each call plans another fault.
    pub fn duplicate_depth(&mut self, symbol: Symbol, nth: u32) {
        self.depth.push(DepthFault { symbol, countdown: nth.max(1), copies: 2 });
    }

    /// Sends an unrequested snapshot of the whole present book, if the session is subscribed to the symbol's depth.
    /// The updates that follow apply to this snapshot and to the book that the client had before.
    pub fn repeat_snapshot(&mut self, session: SessionId, symbol: Symbol) {
        self.orders.push_back(FaultOrder::Snapshot(session, symbol));
    }

    /// Delays all replies on the current API, but not the frames of streams. At most 10,000 replies of all sessions
    /// wait; further replies are not delayed. A later call replaces the delay, and zero ends the fault. Replies that
    /// wait already keep their delay.
    pub fn delay_replies(&mut self, by: Duration) {
        self.reply_delay = by;
    }

    /// Withholds the next `count` replies on the current API, refusals included. The exchange still carries out the
    /// requests. A later call replaces the count. Replies to [silenced](Faults::silence) sessions do not use up the
    /// count.
    pub fn withhold_replies(&mut self, count: u32) {
        self.withheld_replies = count;
    }

    /// Stops sending to a session, including pings, replies and Close frames. The connection stays open, and the
    /// frames are lost. If the session ends during the silence, the end of the silence cuts the connection.
    ///
    /// A `Server` reads during the silence, but it answers pings only after the silence. Another program that serves
    /// the exchange has to hold back its own pongs.
    pub fn silence(&mut self, session: SessionId) {
        self.orders.push_back(FaultOrder::Silence(session, true));
    }

    /// Ends [`Faults::silence`]. If the session has ended during the silence, the exchange cuts its connection.
    pub fn end_silence(&mut self, session: SessionId) {
        self.orders.push_back(FaultOrder::Silence(session, false));
    }

    /// Loses the next `count` text frames of any kind to a session. A later call replaces the count. Frames that
    /// [`Faults::silence`] loses do not use up the count. On market data v2 the client cannot see the loss.
    pub fn lose_frames(&mut self, session: SessionId, count: u32) {
        self.orders.push_back(FaultOrder::Lose(session, count));
    }

    /// Closes a session with a Close frame. A [silenced](Faults::silence) session gets no Close frame: the end of the
    /// silence cuts its connection.
    pub fn close(&mut self, session: SessionId, code: u16, reason: &'static str) {
        self.orders.push_back(FaultOrder::Close(session, code, reason));
    }

    /// Cuts a session without a Close frame, also if the session is [silenced](Faults::silence).
    pub fn abort(&mut self, session: SessionId) {
        self.orders.push_back(FaultOrder::Abort(session));
    }

    /// Sends the beginning of a text frame to a session, and then cuts the session ([`Output::CutFrame`]). A
    /// [silenced](Faults::silence) session gets nothing: the end of the silence cuts its connection.
    ///
    /// [`Output::CutFrame`]: crate::Output::CutFrame
    pub fn cut_frame(&mut self, session: SessionId) {
        self.orders.push_back(FaultOrder::CutFrame(session));
    }

    /// Sends a text frame unchanged, even if it is not JSON. [`silence`](Faults::silence) and
    /// [`lose_frames`](Faults::lose_frames) can lose this frame too.
    pub fn send_text(&mut self, session: SessionId, text: impl Into<String>) {
        self.orders.push_back(FaultOrder::Text(session, text.into()));
    }

    /// Refuses subscribe requests that contain one of these stream names, as if the name were unknown. A later call
    /// replaces the names, and an empty list ends the fault. Case does not matter. A name to which the session is
    /// already subscribed is not refused.
    pub fn refuse_names<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.refused_names = names.into_iter().map(str::to_ascii_lowercase).collect();
    }

    /// Refuses the next `times` subscribe requests on the current API with an error code, for example -1003 or -1000.
    /// The refusals of an earlier call come first.
    pub fn refuse_subscribes(&mut self, code: i32, times: u32) {
        self.refused_subscribes.extend((times > 0).then_some((code, times)));
    }

    /// Refuses the next `times` valid requests of any kind on the current API with the status 429. A later call
    /// replaces the number. Requests over REST are not affected.
    pub fn refuse_requests(&mut self, times: u32) {
        self.refused_requests = times;
    }

    /// Delays the snapshots of a symbol's book in a generated market, on the current API. The delay begins with the
    /// subscribe request. A later call for the symbol replaces the delay, and zero ends the fault. Snapshots of a
    /// recording are not delayed.
    pub fn delay_snapshots(&mut self, symbol: Symbol, by: Duration) {
        if by.is_zero() {
            self.late_snapshots.remove(&symbol);
        } else {
            self.late_snapshots.insert(symbol, by);
        }
    }

    /// Stops or resumes the order flow and the auctions of all generated markets. While they are stopped, only orders
    /// of accounts change books.
    pub fn halt_market(&mut self, is_halted: bool) {
        self.is_halted = is_halted;
    }

    /// Closes or opens a market to clients. While it is closed, the exchange rejects orders of clients with
    /// `MarketNotOpen`. The orders in the book stay, and the generated order flow continues.
    pub fn close_market(&mut self, symbol: Symbol, is_closed: bool) {
        if is_closed {
            self.closed_markets.insert(symbol);
        } else {
            self.closed_markets.remove(&symbol);
        }
    }

    /// Loses the next `count` order events; the count is for all accounts together. A later call replaces the count.
    /// The orders still change. Events that the exchange sends to no session, or only to [silenced](Faults::silence)
    /// ones, do not use up the count. On order events v1, the `socket_sequence` leaves out the numbers of the lost
    /// events.
    pub fn drop_order_events(&mut self, count: u32) {
        self.lost_order_events = count;
    }

    /// Reports the next `count` order events twice; the count is for all accounts together. A later call replaces the
    /// count. Events that [`drop_order_events`](Faults::drop_order_events) loses do not use up the count. Neither do
    /// events that the exchange sends to no session, or only to [silenced](Faults::silence) ones.
    pub fn duplicate_order_events(&mut self, count: u32) {
        self.repeated_order_events = count;
    }

    /// Reports the next `count` quote events twice, with the same event id. A later call replaces the count. Events
    /// that the exchange sends to no session, or only to [silenced](Faults::silence) ones, do not use up the count.
    /// The exchange sometimes repeats a quote event without a fault as well.
    pub fn duplicate_quote_events(&mut self, count: u32) {
        self.repeated_quote_events = count;
    }

    /// Sets whether the exchange answers requests over REST with the status 503. An unknown path still gets 404.
    ///
    /// ```
    /// use gemini_ws::Instant;
    /// use gemini_ws_simulator::{Config, Exchange, RestRequest};
    ///
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1);
    /// exchange.faults().fail_rest(true);
    /// let request = RestRequest { method: "POST", target: "/v1/orders", headers: &[] };
    /// assert_eq!(exchange.handle_rest(Instant::ZERO, &request).status, 503);
    /// ```
    pub fn fail_rest(&mut self, fails: bool) {
        self.fails_rest = fails;
    }

    /// Delays the answers to requests over REST: [`RestResponse::delay`](crate::RestResponse::delay) contains the
    /// delay, and a `Server` holds the answer back. An answer describes the state at the time of the request. A later
    /// call replaces the delay, and zero ends the fault.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gemini_ws::Instant;
    /// use gemini_ws_simulator::{Config, Exchange, RestRequest};
    ///
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1);
    /// exchange.faults().delay_rest(Duration::from_secs(2));
    /// let request = RestRequest { method: "POST", target: "/v1/orders", headers: &[] };
    /// assert_eq!(exchange.handle_rest(Instant::ZERO, &request).delay, Duration::from_secs(2));
    /// ```
    pub fn delay_rest(&mut self, by: Duration) {
        self.rest_delay = by;
    }

    /// Refuses the next `times` upgrades to any endpoint with this status. A status below 400 counts as 400. If
    /// `retry_after` is not `None`, the refusal tells the client to wait that long, rounded up to whole seconds. A
    /// later call replaces this fault.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gemini_ws::Instant;
    /// use gemini_ws_simulator::{Config, Exchange, SessionId, UpgradeRequest};
    ///
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1);
    /// exchange.faults().refuse_upgrades(429, Some(Duration::from_secs(30)), 1);
    /// let request = UpgradeRequest { target: "/", headers: &[] };
    /// let refusal = exchange.handle_upgrade(SessionId(1), Instant::ZERO, &request).unwrap_err();
    /// assert_eq!((refusal.status, refusal.retry_after), (429, Some(Duration::from_secs(30))));
    /// assert!(exchange.handle_upgrade(SessionId(1), Instant::ZERO, &request).is_ok());
    /// ```
    pub fn refuse_upgrades(&mut self, status: u16, retry_after: Option<Duration>, times: u32) {
        self.refused_upgrades.clear();
        self.refuse_more_upgrades(status, retry_after, times);
    }

    /// Delays the answers of a `Server` to requests for an upgrade. The session begins before the delay. Another
    /// program that serves the exchange has to delay its own answers. Zero ends the fault.
    pub fn delay_upgrades(&mut self, by: Duration) {
        self.upgrade_delay = by;
    }

    /// Lets a `Server` answer the next `count` upgrades with a wrong `Sec-WebSocket-Accept`, which a client must
    /// refuse. Upgrades that the exchange refuses do not use up the count. A later call replaces the count.
    pub fn spoil_upgrades(&mut self, count: u32) {
        self.spoilt_upgrades = count;
    }

    /// Refuses upgrades like [`refuse_upgrades`](Faults::refuse_upgrades), after those of earlier calls.
    pub(crate) fn refuse_more_upgrades(&mut self, status: u16, retry_after: Option<Duration>, times: u32) {
        let reason = if status == 429 { "RateLimit" } else { "Maintenance" };
        let retry_after =
            retry_after.map(|time| Duration::from_secs(time.as_nanos().div_ceil(1_000_000_000) as u64));
        let refusal = UpgradeRefusal { retry_after, ..refusal(status.max(400), reason) };
        self.refused_upgrades.extend((times > 0).then_some((refusal, times)));
    }

    /// Loses frames like [`lose_frames`](Faults::lose_frames), in addition to those of earlier calls.
    pub(crate) fn lose_more_frames(&mut self, session: SessionId, count: u32) {
        self.orders.push_back(FaultOrder::LoseMore(session, count));
    }

    /// If `action` is a fault of all sessions that has only a count, adds this count to the remaining count of
    /// earlier faults of the same kind, and returns true. Otherwise does nothing and returns false.
    pub(crate) const fn add_count(&mut self, action: &FaultAction) -> bool {
        let (remaining, count) = match action {
            FaultAction::WithholdReplies(count) => (&mut self.withheld_replies, *count),
            FaultAction::RefuseRequests(count) => (&mut self.refused_requests, *count),
            FaultAction::DropOrderEvents(count) => (&mut self.lost_order_events, *count),
            FaultAction::DuplicateOrderEvents(count) => (&mut self.repeated_order_events, *count),
            FaultAction::DuplicateQuoteEvents(count) => (&mut self.repeated_quote_events, *count),
            FaultAction::SpoilUpgrades(count) => (&mut self.spoilt_upgrades, *count),
            _ => return false,
        };
        *remaining = remaining.saturating_add(count);
        true
    }

    /// Returns the refusal with which a fault refuses the present upgrade; `None` if no fault refuses it. Call this
    /// once for each upgrade, because the call uses up one refusal of the fault.
    pub(crate) fn refused_upgrade(&mut self) -> Option<UpgradeRefusal> {
        let (refusal, times) = self.refused_upgrades.front_mut()?;
        *times -= 1;
        if *times > 0 {
            return Some(refusal.clone());
        }
        self.refused_upgrades.pop_front().map(|(refusal, _)| refusal)
    }

    #[cfg(feature = "server")]
    pub(crate) const fn upgrade_delay(&self) -> Duration {
        self.upgrade_delay
    }

    /// Returns whether a fault spoils the answer to the present upgrade. Call this once for each upgrade that the
    /// exchange has accepted, because the call reduces the count of the fault.
    #[cfg(feature = "server")]
    pub(crate) const fn spoils_upgrade(&mut self) -> bool {
        let spoils = self.spoilt_upgrades > 0;
        self.spoilt_upgrades = self.spoilt_upgrades.saturating_sub(1);
        spoils
    }

    pub(crate) const fn rest_fails(&self) -> bool {
        self.fails_rest
    }

    pub(crate) const fn rest_delay(&self) -> Duration {
        self.rest_delay
    }

    /// Returns how many faults have begun and still have an effect to come. Only three kinds are included: faults of
    /// later depth updates, refusals of subscribe requests, and refusals of upgrades.
    pub(crate) fn waiting(&self) -> usize {
        self.depth.len() + self.refused_subscribes.len() + self.refused_upgrades.len()
    }

    /// Returns how many times to send the present quote event. Call this once for each quote event that at least one
    /// session gets, because the call reduces the count of the fault that repeats quote events.
    pub(crate) const fn quote_event_copies(&mut self) -> usize {
        let is_repeated = self.repeated_quote_events > 0;
        self.repeated_quote_events = self.repeated_quote_events.saturating_sub(1);
        1 + is_repeated as usize
    }

    /// Returns how many times to send the present order event. Call this once for each order event that at least one
    /// session gets, because the call reduces the count of the fault that loses or repeats order events.
    pub(crate) const fn order_event_copies(&mut self) -> usize {
        if self.lost_order_events > 0 {
            self.lost_order_events -= 1;
            0
        } else if self.repeated_order_events > 0 {
            self.repeated_order_events -= 1;
            2
        } else {
            1
        }
    }

    pub(crate) fn is_closed(&self, symbol: Symbol) -> bool {
        self.closed_markets.contains(&symbol)
    }

    /// Returns how many times to send the present depth update of a symbol. Call this once for each update, because
    /// the faults count the calls to find the update that they affect.
    pub(crate) fn depth_copies(&mut self, symbol: Symbol) -> usize {
        let mut copies = 1;
        self.depth.retain_mut(|fault| {
            if fault.symbol != symbol {
                return true;
            }
            fault.countdown -= 1;
            if fault.countdown == 0 {
                copies = fault.copies;
            }
            fault.countdown > 0
        });
        copies
    }

    pub(crate) const fn reply_delay(&self) -> Duration {
        self.reply_delay
    }

    /// Returns whether a fault withholds the present reply. Call this once for each reply, because the call reduces
    /// the count of the fault.
    pub(crate) const fn withholds_reply(&mut self) -> bool {
        let withholds = self.withheld_replies > 0;
        self.withheld_replies = self.withheld_replies.saturating_sub(1);
        withholds
    }

    pub(crate) fn refuses_name(&self, name: &str) -> bool {
        !self.refused_names.is_empty() && self.refused_names.contains(&name.to_ascii_lowercase())
    }

    /// Returns the refusal with which a fault refuses the present subscribe request; `None` if no fault refuses it.
    /// Call this once for each subscribe request, because the call uses up one refusal of the fault.
    pub(crate) fn refused_subscribe(&mut self) -> Option<Refusal> {
        let (code, times) = self.refused_subscribes.front_mut()?;
        let (code, rest) = (*code, times.saturating_sub(1));
        *times = rest;
        if rest == 0 {
            self.refused_subscribes.pop_front();
        }
        Some(Refusal::of_code(code))
    }

    /// Returns whether a fault refuses the present request. Call this once for each request, because the call reduces
    /// the count of the fault.
    pub(crate) const fn refuses_request(&mut self) -> bool {
        let refuses = self.refused_requests > 0;
        self.refused_requests = self.refused_requests.saturating_sub(1);
        refuses
    }

    pub(crate) fn snapshot_delay(&self, symbol: Symbol) -> Option<Duration> {
        self.late_snapshots.get(&symbol).copied()
    }

    pub(crate) const fn is_halted(&self) -> bool {
        self.is_halted
    }

    pub(crate) fn next_order(&mut self) -> Option<FaultOrder> {
        self.orders.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_faults_hit_once() {
        let symbol: Symbol = "btcusd".parse().unwrap();
        let mut faults = Faults::default();
        faults.drop_depth(symbol, 2);
        faults.duplicate_depth(symbol, 3);
        assert_eq!(faults.depth_copies("ethusd".parse().unwrap()), 1);
        let copies: Vec<usize> = (0..5).map(|_| faults.depth_copies(symbol)).collect();
        assert_eq!(copies, [1, 0, 2, 1, 1]);
    }
}
