//! [`Tickets`]: follows the orders of tickets, and ends each ticket. This module does no I/O, so the tests of the
//! core run it too, in their simulations.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use gemini_ws::{
    Client, CommandError, Instant, LinkId, Order, OrderState, Request, RequestId, RequestOutcome,
};

/// The default of `Driver::doubt_timeout`. An order may be in doubt, or wait for its first event, for this long
/// before its ticket ends as unknown. The driver also puts an order in doubt when the venue has owed an event about
/// it for this long.
pub const DOUBT_TIMEOUT: Duration = Duration::from_secs(10);

/// The delay before the driver repeats a cancel that the venue could not carry out. Each further refusal doubles the
/// delay, up to [`CANCEL_AGAIN_MAX`].
const CANCEL_AGAIN_AFTER: Duration = Duration::from_millis(500);
const CANCEL_AGAIN_MAX: Duration = Duration::from_secs(8);

/// The driver's side of one ticket.
pub(crate) trait Holder {
    /// Notes that the order has changed, and perhaps ended.
    fn note(&self, order: &Order, end: Option<End>);

    /// Ends the ticket although the order has not ended.
    fn abandon(&self);

    /// Returns whether the ticket was dropped.
    fn is_dropped(&self) -> bool;
}

/// How an order ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Filled,
    Canceled,
    Rejected,
}

/// The driver's side of all tickets.
#[derive(Debug)]
pub(crate) struct Tickets<H: Holder> {
    open: HashMap<RequestId, Open<H>>,
    /// The tickets whose orders are in doubt or wait for their first events, and when each ticket ends if no event or
    /// answer comes before.
    due: BTreeSet<(Instant, RequestId)>,
    doubt_timeout: Duration,
    /// The cancels to which the venue has not finally replied, by the request that placed the order.
    cancels: BTreeMap<RequestId, Repeated>,
    /// When to send cancels again after a rate limit of the client refused one.
    retry: Option<Instant>,
}

/// A cancel that the driver repeats until the venue has accepted the cancel or finally refused it, or the order has
/// ended.
#[derive(Debug)]
struct Repeated {
    cancel: Cancel,
    /// The request that was sent and has no reply yet; `None` while the cancel is still to be sent.
    sent: Option<RequestId>,
    /// When to send the cancel again, because the venue could not carry it out.
    again: Option<Instant>,
    /// The delay to use after the next reply that says that the venue cannot carry out the cancel now.
    delay: Duration,
}

/// The data of an order that its cancel needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel {
    /// The venue's id, once it is known.
    order_id: Option<u64>,
    /// The link whose endpoint has the order.
    link: Option<LinkId>,
}

impl Cancel {
    pub(crate) fn of(order: &Order) -> Cancel {
        Cancel { order_id: order.order_id, link: order.link() }
    }

    /// Returns the cancel of an order for which only the venue's id is known.
    pub(crate) const fn of_id(order_id: u64) -> Cancel {
        Cancel { order_id: Some(order_id), link: None }
    }

    /// Sends the cancel to the endpoint of the order, even if other endpoints were added later. If the endpoint of
    /// the order is unknown, was removed or accepts no requests, the client chooses the endpoint. Returns `None` if
    /// the venue's id of the order is not known yet.
    pub(crate) fn send(self, client: &mut Client, now: Instant) -> Option<Result<RequestId, CommandError>> {
        let request = Request::CancelOrder { order_id: self.order_id? };
        let endpoint = self.link.and_then(|link| client.endpoint(link));
        match endpoint.map(|endpoint| client.request_at(now, endpoint, &request)) {
            None
            | Some(Err(
                CommandError::UnknownEndpoint | CommandError::WrongEndpoint | CommandError::NotAuthenticated,
            )) => Some(client.request(now, &request)),
            sent => sent,
        }
    }
}

#[derive(Debug)]
struct Open<H> {
    holder: H,
    /// When the ticket ends because its order is in doubt or has had no event. `None` if the order has had an event
    /// and is not in doubt.
    due: Option<Instant>,
}

impl<H: Holder> Default for Tickets<H> {
    fn default() -> Tickets<H> {
        Tickets {
            open: HashMap::new(),
            due: BTreeSet::new(),
            doubt_timeout: DOUBT_TIMEOUT,
            cancels: BTreeMap::new(),
            retry: None,
        }
    }
}

impl<H: Holder> Tickets<H> {
    pub(crate) const fn set_doubt_timeout(&mut self, timeout: Duration) {
        self.doubt_timeout = timeout;
    }

    /// Adds the ticket of an order that the client has accepted for sending. The time limit of the ticket starts with
    /// the first call of [`note`](Tickets::note) for the order, which reports the order as sent.
    pub(crate) fn open(&mut self, request: RequestId, holder: H) {
        self.open.insert(request, Open { holder, due: None });
    }

    /// Ends the ticket of an order that the application has removed, and drops the order's cancel.
    pub(crate) fn forget(&mut self, order: &Order) {
        let Some(request) = order.request() else { return };
        self.cancels.remove(&request);
        if let Some(open) = self.open.remove(&request) {
            open.due.into_iter().for_each(|due| _ = self.due.remove(&(due, request)));
            open.holder.abandon();
        }
    }

    /// Notes a change of an order.
    pub(crate) fn note(&mut self, order: &Order, now: Instant) {
        let Some(request) = order.request() else { return };
        let end = end(order);
        // A cancel waits until the order has ended, even if the ticket was dropped. A rejected order that is in doubt
        // may exist after all, so its cancel stays.
        let has_ended = matches!(order.state, OrderState::Filled | OrderState::Canceled | OrderState::Closed);
        if end.is_some() || has_ended {
            self.cancels.remove(&request);
        } else if let Some(repeated) = self.cancels.get_mut(&request) {
            repeated.cancel = Cancel::of(order);
        }
        let Some(open) = self.open.get_mut(&request) else { return };
        let is_dropped = open.holder.is_dropped();
        let is_settled = end.is_some() || (order.state.is_from_events() && !order.needs_reconciling());
        if is_settled || is_dropped {
            if let Some(due) = open.due.take() {
                self.due.remove(&(due, request));
            }
        } else if open.due.is_none() {
            let due = now + self.doubt_timeout;
            open.due = Some(due);
            self.due.insert((due, request));
        }
        let is_done = end.is_some();
        open.holder.note(order, end);
        if is_done || is_dropped {
            self.open.remove(&request);
        }
    }

    /// Notes that an order is to be cancelled as soon as the venue's id of the order is known.
    pub(crate) fn cancel(&mut self, request: RequestId, cancel: Cancel) {
        let first = Repeated { cancel, sent: None, again: None, delay: CANCEL_AGAIN_AFTER };
        // If a cancel waits for its reply, or for the time to be sent again, that cancel is enough.
        self.cancels.entry(request).or_insert(first).cancel = cancel;
    }

    /// Returns whether a cancel is still to be sent: for the first time, or again.
    pub(crate) fn has_cancels(&self) -> bool {
        self.cancels.values().any(|cancel| cancel.sent.is_none())
    }

    /// Notes the outcome of a request to cancel an order. The cancel is sent again if the venue could not carry it
    /// out now, or if no reply came: to cancel an order twice does no harm.
    pub(crate) fn note_cancel(&mut self, request: RequestId, outcome: &RequestOutcome<'_>, now: Instant) {
        let sent = self.cancels.iter_mut().find(|(_, cancel)| cancel.sent == Some(request));
        let Some((&order, cancel)) = sent else { return };
        cancel.sent = None;
        match outcome {
            RequestOutcome::Answered(response) if response.is_ok() || response.is_final_refusal() => {
                self.cancels.remove(&order);
            }
            RequestOutcome::Answered(_) => {
                cancel.again = Some(now + cancel.delay);
                cancel.delay = cancel.delay.saturating_mul(2).min(CANCEL_AGAIN_MAX);
            }
            RequestOutcome::TimedOut | RequestOutcome::Lost | RequestOutcome::NotSent => {}
        }
    }

    /// Sends the cancels of orders whose ids are known. Cancels for which the client has no room now are sent later.
    pub(crate) fn send_cancels(&mut self, client: &mut Client, now: Instant) {
        if self.retry.is_some_and(|retry| now < retry) {
            return;
        }
        self.retry = None;
        let retry = &mut self.retry;
        self.cancels.retain(|_, repeated| {
            if repeated.sent.is_some() || repeated.again.is_some_and(|again| now < again) {
                return true;
            }
            repeated.again = None;
            let Some(sent) = repeated.cancel.send(client, now) else { return true };
            match sent {
                Ok(request) => repeated.sent = Some(request),
                Err(CommandError::RateLimited { retry: at, .. }) => *retry = Some(at),
                // The next turn tries again. A turn follows when the error would no longer occur, because a new link,
                // new room, or the removal of one of several possible endpoints causes an event.
                Err(
                    CommandError::NotConnected | CommandError::TooMany(_) | CommandError::SeveralEndpoints,
                ) => {}
                Err(_) => return false,
            }
            true
        });
    }

    /// Returns when to call [`handle_timeout`](Tickets::handle_timeout) and [`send_cancels`](Tickets::send_cancels).
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(due, _)| *due);
        let again = self.cancels.values().filter_map(|cancel| cancel.again).min();
        // No cancel is sent before `retry`.
        let again = again.map(|again| self.retry.map_or(again, |retry| retry.max(again)));
        [due, self.retry, again].into_iter().flatten().min()
    }

    /// Ends the tickets whose orders have been in doubt, or without a first event, for too long.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((due, request)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, request));
            if let Some(open) = self.open.remove(&request) {
                open.holder.abandon();
            }
        }
    }
}

impl<H: Holder> Drop for Tickets<H> {
    /// Ends all tickets as unknown, also if the driver is aborted or panics.
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.holder.abandon());
    }
}

/// Returns how an order ended; `None` if the order has not ended, or is in doubt.
fn end(order: &Order) -> Option<End> {
    if order.needs_reconciling() {
        return None;
    }
    match order.state {
        OrderState::Filled => Some(End::Filled),
        OrderState::Rejected => Some(End::Rejected),
        OrderState::Canceled | OrderState::Closed => Some(End::Canceled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use gemini_ws::{Config, Event, Frame, Lost, NewOrder, Output, Scratch, Side};

    use super::*;

    struct Nothing;

    impl Holder for Nothing {
        fn note(&self, _: &Order, _: Option<End>) {}

        fn abandon(&self) {}

        fn is_dropped(&self) -> bool {
            false
        }
    }

    /// A client with an order, whose cancel the tickets repeat.
    struct Cancelling {
        client: Client,
        tickets: Tickets<Nothing>,
        link: LinkId,
    }

    impl Cancelling {
        fn new() -> Cancelling {
            Cancelling::of(Config::new("ws://v").authenticated(true).seed(1))
        }

        fn of(config: Config) -> Cancelling {
            let mut client = Client::single(config);
            client.open(Instant::ZERO).unwrap();
            let link = client.links().next().unwrap().0;
            let mut it = Cancelling { client, tickets: Tickets::default(), link };
            it.sent(0);
            it.client.handle_connected(link, Instant::ZERO);
            it.cancel_another(0, 77);
            it
        }

        /// Places an order, and requests to cancel it. `order_id` stands for the venue's id of the order.
        fn cancel_another(&mut self, at: u64, order_id: u64) {
            let order = NewOrder::limit("one", "btcusd", Side::Buy, "1", "1").unwrap();
            let placed = self.client.request(Instant::from_millis(at), &Request::PlaceOrder(order));
            self.tickets.cancel(placed.unwrap(), Cancel::of_id(order_id));
        }

        /// Takes a turn at the time `at` in ms. Returns the request ids of the cancels that the turn sends.
        fn sent(&mut self, at: u64) -> Vec<String> {
            let now = Instant::from_millis(at);
            if self.client.deadline().is_some_and(|deadline| deadline.at <= now) {
                self.client.handle_timeout(now);
            }
            let mut ids = Vec::new();
            for _ in 0..2 {
                while let Some(output) = self.client.poll_output() {
                    match output {
                        Output::Connect(link) => self.link = link,
                        Output::Send { text, .. } if text.contains("cancel") => {
                            let id = text.split("\"id\":").nth(1).unwrap();
                            ids.push(id.chars().take_while(char::is_ascii_digit).collect());
                        }
                        Output::Event(Event::Reply { request, outcome, .. }) => {
                            self.tickets.note_cancel(request, &outcome, now);
                        }
                        _ => {}
                    }
                }
                self.tickets.send_cancels(&mut self.client, now);
            }
            ids
        }

        fn answer(&mut self, at: u64, id: &str, rest: &str) {
            let (now, mut scratch) = (Instant::from_millis(at), Scratch::new());
            let text = format!(r#"{{"id":{id},{rest}}}"#);
            let event = self.client.handle_frame(self.link, now, Frame::Text(&text), &mut scratch);
            let Some(Event::Reply { request, outcome, .. }) = event else { panic!("no reply: {event:?}") };
            self.tickets.note_cancel(request, &outcome, now);
        }
    }

    const LIMIT: &str = r#""status":429,"error":{"code":-1003,"msg":"Too many requests"}"#;

    #[test]
    fn a_cancel_is_sent_until_the_venue_answers_it() {
        let mut it = Cancelling::new();
        let first = it.sent(0);
        assert!(first.len() == 1 && it.sent(10).is_empty(), "{first:?}");
        assert!(!it.tickets.has_cancels());
        // The venue refuses the cancel for now, twice. The driver repeats it after 500 ms, and then after 1 s.
        it.answer(20, &first[0], LIMIT);
        assert!(it.tickets.has_cancels() && it.sent(519).is_empty());
        assert_eq!(it.tickets.deadline(), Some(Instant::from_millis(520)));
        let second = it.sent(520);
        assert!(second.len() == 1 && second != first, "{second:?}");
        assert_eq!(it.tickets.deadline(), None, "while it waits for the reply");
        it.answer(600, &second[0], LIMIT);
        assert!(it.sent(1_599).is_empty());
        let third = it.sent(1_600);
        assert_eq!(third.len(), 1);
        // No reply comes, because the link ends. The next link sends the cancel at once.
        it.client.handle_lost(it.link, Instant::from_millis(1_700), Lost::Transport);
        let lost = it.link;
        let mut at = 1_700;
        while it.link == lost && at < 10_000 {
            assert!(it.sent(at).is_empty());
            at += 100;
        }
        assert_eq!(it.tickets.deadline(), None, "without a link there is nothing to do");
        it.client.handle_connected(it.link, Instant::from_millis(at));
        let fourth = it.sent(at);
        assert_eq!(fourth.len(), 1);
        // The reply does not come in time.
        let fifth: Vec<String> = (1..400).flat_map(|step| it.sent(at + step * 100)).take(1).collect();
        assert_eq!(fifth.len(), 1);
        it.answer(at + 40_000, &fifth[0], r#""status":200"#);
        assert!(it.sent(at + 40_000).is_empty() && !it.tickets.has_cancels());
        assert!(it.tickets.cancels.is_empty());
    }

    #[test]
    fn a_refused_cancel_delays_no_other() {
        let mut it = Cancelling::new();
        let first = it.sent(0);
        it.answer(20, &first[0], LIMIT);
        it.cancel_another(30, 78);
        assert_eq!(it.sent(30).len(), 1);
        assert_eq!(it.sent(520).len(), 1);
    }

    /// The venue refuses one cancel, and the client's own limit refuses the next. Until the limit has room, there is
    /// nothing to do, so the deadline must not be earlier.
    #[test]
    fn no_deadline_is_in_the_past() {
        let config =
            Config::new("ws://v").authenticated(true).seed(1).request_limit(24, Duration::from_secs(72));
        let mut it = Cancelling::of(config);
        let first = it.sent(0);
        it.answer(20, &first[0], LIMIT);
        for order_id in 78..100 {
            it.tickets.cancel(RequestId::new(order_id), Cancel::of_id(order_id));
        }
        it.sent(30);
        let at = (0..400).map(|step| 100 + step * 10).find(|at| {
            let now = Instant::from_millis(*at);
            it.sent(*at);
            it.tickets.deadline().is_some_and(|deadline| deadline <= now)
        });
        assert_eq!(at, None, "the driver would run without a pause");
        assert!(it.tickets.retry.is_some(), "the limit of the client refused a cancel");
    }

    /// Removes the endpoint of an order while two other endpoints exist. The client does not know which of them has
    /// the account of the order, so the cancel waits.
    #[test]
    fn a_cancel_without_an_endpoint_waits() {
        let mut it = Cancelling::new();
        let own = it.client.endpoint(it.link).unwrap();
        let others = [2, 3].map(|seed| {
            let config = Config::new("ws://w").authenticated(true).stay_open(true).seed(seed);
            let added = it.client.add(Instant::ZERO, config).unwrap();
            it.client.open(Instant::ZERO).unwrap();
            while let Some(output) = it.client.poll_output() {
                if let Output::Connect(link) = output {
                    it.client.handle_connected(link, Instant::ZERO);
                }
            }
            added
        });
        it.client.remove(Instant::ZERO, own).unwrap();
        assert!(it.sent(1).is_empty() && it.tickets.has_cancels(), "no account is known");
        it.client.remove(Instant::from_millis(2), others[0]).unwrap();
        assert_eq!(it.sent(3).len(), 1, "one account is left");
    }

    #[test]
    fn a_final_refusal_ends_a_cancel() {
        let mut it = Cancelling::new();
        let first = it.sent(0);
        let refusal = r#""status":400,"error":{"code":-2013,"msg":"Order does not exist"}"#;
        it.answer(20, &first[0], refusal);
        assert!(it.tickets.cancels.is_empty());
        assert!(it.sent(10_000).is_empty());
    }

    /// The venue refuses a cancel with a reply that contains the id of the order, and so contradicts itself. `Orders`
    /// concludes nothing from such a reply, and the driver sends the cancel again.
    #[test]
    fn a_refusal_that_contradicts_itself_ends_no_cancel() {
        for status in ["400", "404", "429"] {
            let mut it = Cancelling::new();
            let first = it.sent(0);
            it.answer(20, &first[0], &format!(r#""status":{status},"result":{{"orderId":"77"}}"#));
            assert!(it.tickets.has_cancels() && it.sent(519).is_empty(), "{status}");
            assert_eq!(it.sent(520).len(), 1, "{status}");
        }
    }
}
