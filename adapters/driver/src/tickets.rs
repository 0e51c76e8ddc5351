//! [`Tickets`]: follows the orders of tickets, and ends each ticket. The simulations of the core run this module too,
//! so it does no I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use gemini_ws::{
    Client, CommandError, Instant, LinkId, Order, OrderState, Request, RequestId, RequestOutcome, StaleReason,
};

/// The default of `Driver::doubt_timeout`: how long a ticket waits while its order is in doubt or has had no event,
/// and how long the venue may owe an event about an order before the driver puts the order in doubt.
pub const DOUBT_TIMEOUT: Duration = Duration::from_secs(10);

/// The delay before the driver repeats a cancel that the venue could not carry out. Each further refusal doubles the
/// delay, up to [`CANCEL_AGAIN_MAX`].
const CANCEL_AGAIN_AFTER: Duration = Duration::from_millis(500);
const CANCEL_AGAIN_MAX: Duration = Duration::from_secs(8);

/// The driver's side of a ticket.
pub(crate) trait Holder {
    /// Stores the new state of the order in the ticket. `end` says how the order ended; `None` if it has not ended or
    /// is in doubt.
    fn note(&self, order: &Order, end: Option<End>);

    /// Ends the ticket although the order has not ended.
    fn abandon(&self);

    fn is_dropped(&self) -> bool;
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Filled,
    Canceled,
    Rejected,
}

#[derive(Debug)]
pub(crate) struct Tickets<H: Holder> {
    open: HashMap<RequestId, Open<H>>,
    /// When to end each ticket whose order is in doubt or waits for its first event.
    due: BTreeSet<(Instant, RequestId)>,
    doubt_timeout: Duration,
    /// The cancels without a final reply of the venue, by the request that placed the order.
    cancels: BTreeMap<RequestId, Repeated>,
    /// When to send cancels again after a rate limit of the client has refused one.
    retry: Option<Instant>,
    /// Whether an order with a waiting cancel has got the venue's id since the last call of
    /// [`send_new_cancels`](Tickets::send_new_cancels).
    has_new_id: bool,
}

/// A cancel that the driver repeats until the venue has accepted or finally refused it, or the order has ended.
#[derive(Debug)]
struct Repeated {
    cancel: Cancel,
    /// The request that was sent and has no reply yet; `None` while the cancel is still to be sent.
    sent: Option<RequestId>,
    /// When to send the cancel again, after the venue could not carry it out.
    again: Option<Instant>,
    /// How long to wait after the next refusal before the driver sends the cancel again.
    delay: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel {
    order_id: Option<u64>,
    /// A link to the endpoint of the order.
    link: Option<LinkId>,
}

impl Cancel {
    pub(crate) fn of(order: &Order) -> Cancel {
        Cancel { order_id: order.order_id, link: order.link() }
    }

    pub(crate) const fn of_id(order_id: u64) -> Cancel {
        Cancel { order_id: Some(order_id), link: None }
    }

    /// Sends the cancel to the endpoint of the order. If that endpoint is unknown, was removed or accepts no
    /// requests, the client chooses one. Returns `None` if the venue's id of the order is not known yet.
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
    /// When the ticket ends as unknown. `None` before the first call of `note`, and while the order is not in doubt
    /// and has had an event.
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
            has_new_id: false,
        }
    }
}

impl<H: Holder> Tickets<H> {
    pub(crate) const fn set_doubt_timeout(&mut self, timeout: Duration) {
        self.doubt_timeout = timeout;
    }

    /// Adds the ticket of an order that the client has accepted for sending. The time limit of the ticket starts with
    /// the first call of [`note`](Tickets::note) for the order.
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

    pub(crate) fn note(&mut self, order: &Order, now: Instant) {
        let Some(request) = order.request() else { return };
        let end = end(order);
        // Keep a cancel until the order has ended, even if the ticket was dropped.
        if !may_be_open(order) {
            self.cancels.remove(&request);
        } else if let Some(repeated) = self.cancels.get_mut(&request) {
            self.has_new_id |= repeated.cancel.order_id.is_none() && order.order_id.is_some();
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

    /// Sends a cancel of the order as soon as the venue's id of the order is known.
    pub(crate) fn cancel(&mut self, request: RequestId, cancel: Cancel) {
        let first = Repeated { cancel, sent: None, again: None, delay: CANCEL_AGAIN_AFTER };
        // If the order has a cancel already, replace only its data, so that no second request is sent.
        self.cancels.entry(request).or_insert(first).cancel = cancel;
    }

    pub(crate) fn are_cancelling(&self) -> bool {
        !self.cancels.is_empty()
    }

    /// Handles the reply to a cancel. After an acceptance or a final refusal, removes the cancel. If the venue could
    /// not carry the cancel out now, or did not reply, the driver sends the cancel again: a second cancel does no
    /// harm.
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

    /// If an order with a waiting cancel has got the venue's id since the last call, sends all waiting cancels that
    /// can be sent now.
    #[inline]
    pub(crate) fn send_new_cancels(&mut self, client: &mut Client, now: Instant) {
        if std::mem::take(&mut self.has_new_id) {
            self.send_cancels(client, now);
        }
    }

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
                // Keep the cancel. A link that opens, new room in a limit, and a removed endpoint each cause a turn,
                // which tries again.
                Err(
                    CommandError::NotConnected | CommandError::TooMany(_) | CommandError::SeveralEndpoints,
                ) => {}
                Err(_) => return false,
            }
            true
        });
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(due, _)| *due);
        let again = self.cancels.values().filter_map(|cancel| cancel.again).min();
        // No cancel is sent before `retry`.
        let again = again.map(|again| self.retry.map_or(again, |retry| retry.max(again)));
        [due, self.retry, again].into_iter().flatten().min()
    }

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
    /// Ends all tickets as unknown, also if the driver's task is aborted or panics.
    fn drop(&mut self) {
        self.open.values().for_each(|open| open.holder.abandon());
    }
}

/// Returns whether an order may be open. An order that has ended may be open if reports contradict its end, or if it
/// was rejected and is in doubt.
pub(crate) fn may_be_open(order: &Order) -> bool {
    match order.state {
        OrderState::Rejected => order.needs_reconciling(),
        OrderState::Filled | OrderState::Canceled | OrderState::Closed => {
            order.doubt() == Some(StaleReason::Contradiction)
        }
        _ => true,
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
    use gemini_ws::{Config, Event, Frame, Lost, NewOrder, Orders, Output, Scratch, Side, Stream};

    use super::*;

    struct Nothing;

    impl Holder for Nothing {
        fn note(&self, _: &Order, _: Option<End>) {}

        fn abandon(&self) {}

        fn is_dropped(&self) -> bool {
            false
        }
    }

    impl Tickets<Nothing> {
        fn has_cancels(&self) -> bool {
            self.cancels.values().any(|cancel| cancel.sent.is_none())
        }
    }

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

        /// Takes a turn at the time `at` in ms. Returns the ids of the cancels that the turn sends.
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
        // The venue refuses the cancel for now, twice. The delays are 500 ms and 1 s.
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
        // The link ends without a reply. The next link sends the cancel at once.
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
        // No reply comes in time.
        let fifth: Vec<String> = (1..400).flat_map(|step| it.sent(at + step * 100)).take(1).collect();
        assert_eq!(fifth.len(), 1);
        it.answer(at + 40_000, &fifth[0], r#""status":200"#);
        assert!(it.sent(at + 40_000).is_empty() && !it.tickets.has_cancels());
        assert!(it.tickets.cancels.is_empty());
    }

    /// An event reports the order as open after its end, so the order may be open. Its cancel is still sent.
    #[test]
    fn an_end_in_doubt_ends_no_cancel() {
        let now = Instant::ZERO;
        let mut client = Client::single(Config::new("ws://v").authenticated(true));
        client.subscribe(now, Stream::orders()).unwrap();
        client.open(now).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, now);
        let order = NewOrder::limit("one", "btcusd", Side::Buy, "1", "1").unwrap();
        let placed = client.request(now, &Request::PlaceOrder(order)).unwrap();
        let (mut orders, mut tickets, mut scratch) =
            (Orders::new(), Tickets::<Nothing>::default(), Scratch::new());
        for (at, state, may_be_open) in
            [(1, "NEW", true), (2, "CANCELED", false), (3, "OPEN", true), (4, "CANCELED", true)]
        {
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    orders.apply(&event);
                }
            }
            let frame = format!(
                r#"{{"e":"orderUpdate","E":{at},"s":"btcusd","i":7,"c":"one","S":"BUY","o":"LIMIT","p":"1","X":"{state}","q":"1","T":{at}}}"#
            );
            orders.apply(&client.handle_frame(link, now, Frame::Text(&frame), &mut scratch).unwrap());
            let order = orders.get(placed).unwrap();
            tickets.cancel(placed, Cancel::of(order));
            tickets.note(order, now);
            assert_eq!(super::may_be_open(order), may_be_open, "{state}");
            assert_eq!(tickets.are_cancelling(), may_be_open, "{state}");
        }
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

    /// The client's own limit refuses a cancel. The deadline must not be earlier than the time at which the limit has
    /// room again.
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

    /// The endpoint of the order is removed while two others exist. The client does not know which of them has the
    /// account of the order, so the cancel waits.
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

    /// The refusal of a cancel contains the id of the order, and so contradicts itself. The driver sends the cancel
    /// again.
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
