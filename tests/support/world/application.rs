//! What the application of a life does: it subscribes, places orders, makes requests and ends the client.

use std::time::Duration;

use gemini_ws::{
    ClientOrderId, CommandError, Instant, NewOrder, NewQuote, Quote, QuoteKey, QuoteState, Request, Side,
    Stream, StreamId, Symbol, TimeInForce, Timestamp,
};
use gemini_ws_simulator::EPOCH;

use super::super::machine::{Machine, Plan, Wanted};
use super::figures::{Act, Milestone};
use super::scenario::Scenario;
use super::{Life, network::Driver};

#[derive(Clone, Debug)]
pub(super) struct Application {
    subscriptions: Vec<(StreamId, Stream)>,
    former: Vec<StreamId>,
    placed: u64,
    /// The last quote that `confirm_accepted` has confirmed.
    confirmed: Option<QuoteKey>,
    /// Whether events of orders may have been lost although the client could not notice the loss.
    pub(super) orders_in_doubt: bool,
    pub(super) declares_silence: bool,
    pub(super) l2_in_doubt: bool,
    pub(super) is_open: bool,
    /// The instant by which the application has requested an end of the client.
    pub(super) wants_end: Option<Instant>,
    /// When the application last added an endpoint that it had removed before. No event reports the later states of
    /// orders that were placed over the removed endpoint.
    pub(super) added_at: Option<Instant>,
    /// Whether the client has each endpoint. The index is that of the endpoint's settings.
    has: Vec<bool>,
}

impl Application {
    pub(super) fn new(scenario: &Scenario) -> Application {
        Application {
            subscriptions: Vec::new(),
            former: Vec::new(),
            placed: 0,
            confirmed: None,
            orders_in_doubt: false,
            declares_silence: false,
            l2_in_doubt: false,
            is_open: false,
            wants_end: None,
            added_at: None,
            has: vec![true; scenario.settings.len()],
        }
    }

    pub(super) fn forget(&mut self, id: StreamId) {
        if let Some(position) = self.subscriptions.iter().position(|subscription| subscription.0 == id) {
            self.former.push(self.subscriptions.swap_remove(position).0);
        }
    }
}

/// The acts of the application, each with its weight.
const ACTS: [(Act, usize); 23] = [
    (Act::Open, 12),
    (Act::Subscribe, 36),
    (Act::Share, 6),
    (Act::SubscribeElsewhere, 2),
    (Act::SubscribeUnknown, 3),
    (Act::SubscribeUnlessSilent, 4),
    (Act::Unsubscribe, 9),
    (Act::UnsubscribeAgain, 1),
    (Act::Resync, 4),
    (Act::Ask, 8),
    (Act::AskVenue, 6),
    (Act::PlaceOrder, 24),
    (Act::CancelOrder, 4),
    (Act::CancelOrders, 3),
    (Act::SubmitQuote, 8),
    (Act::WithdrawQuote, 2),
    (Act::ConfirmQuote, 6),
    (Act::Resumed, 3),
    (Act::Add, 1),
    (Act::Remove, 1),
    (Act::Close, 1),
    (Act::CloseBy, 1),
    (Act::ShutDown, 1),
];

const TOTAL: usize = {
    let (mut sum, mut position) = (0, 0);
    while position < ACTS.len() {
        sum += ACTS[position].1;
        position += 1;
    }
    sum
};

impl<M: Machine> Life<'_, M> {
    pub(super) fn act_or_trouble(&mut self) {
        let begins = !std::mem::replace(&mut self.has_begun, true) || !self.application.is_open;
        if begins && self.random.below(4) > 0 {
            self.act(Act::Open);
        } else if self.random.below(100) < self.scenario.trouble_percent {
            self.trouble();
        } else {
            let mut number = self.random.below(TOTAL);
            let act = ACTS.iter().find(|(_, weight)| {
                let found = number < *weight;
                number = number.wrapping_sub(*weight);
                found
            });
            self.act(act.map_or(Act::Open, |act| act.0));
        }
        self.note_states();
    }

    pub(super) fn act(&mut self, act: Act) {
        self.world.figures.calls += 1;
        self.world.figures.act(act);
        self.fold.word(0x100 | act as u64);
        self.tell(|| format!("{act:?}"));
        let now = self.sometimes_before();
        let done = self.perform(act, now);
        match done {
            Err(CommandError::RateLimited { .. }) => self.world.figures.reach(Milestone::RateLimited),
            Err(CommandError::Closed) => {
                // The driver may not have polled the event that reports the end.
                let may_have_ended = self.end.is_some() || self.unpolled_until.max(self.stalled_until) > now;
                assert!(may_have_ended || self.application.wants_end.is_some(), "refused: {act:?}");
            }
            _ => {}
        }
    }

    fn perform(&mut self, act: Act, now: Instant) -> Result<(), CommandError> {
        let streams = self.scenario.streams.len();
        match act {
            Act::Open => {
                self.machine.open(now)?;
                self.application.is_open = true;
            }
            Act::Subscribe | Act::SubscribeElsewhere | Act::SubscribeUnlessSilent if streams > 0 => {
                let mut wanted = Wanted::new(*self.random.pick(&self.scenario.streams));
                if act == Act::SubscribeElsewhere {
                    wanted.endpoint = Some(self.random.below(self.scenario.settings.len()));
                } else if act == Act::SubscribeUnlessSilent {
                    wanted.silence_max = Some(Duration::from_millis(500 + self.random.below(2_000) as u64));
                    wanted.endpoint = Some(0);
                }
                self.subscription(now, wanted)?;
            }
            Act::Share if !self.application.subscriptions.is_empty() => {
                let (_, stream) = *self.random.pick(&self.application.subscriptions);
                self.subscription(now, Wanted::new(stream))?;
            }
            Act::SubscribeUnknown => {
                let stream = *self.random.pick(&self.world.prepared.unknown);
                self.subscription(now, Wanted::new(stream))?;
            }
            Act::Unsubscribe if !self.application.subscriptions.is_empty() => {
                let (id, _) = *self.random.pick(&self.application.subscriptions);
                self.machine.unsubscribe(now, id)?;
                self.application.forget(id);
            }
            Act::UnsubscribeAgain if !self.application.former.is_empty() => {
                let id = *self.random.pick(&self.application.former);
                let again = self.machine.unsubscribe(now, id);
                assert!(again.is_err(), "{id:?} ended twice");
            }
            Act::Resync if !self.application.subscriptions.is_empty() => {
                let (id, _) = *self.random.pick(&self.application.subscriptions);
                self.machine.resync(now, id)?;
            }
            Act::Ask => {
                let request = match self.random.below(5) {
                    0 => Request::Ping,
                    1 => Request::Time,
                    2 => Request::ConnectionInfo,
                    3 => Request::ListSubscriptions,
                    _ => Request::Depth { symbol: btcusd(), limit: Some(2) },
                };
                self.machine.request(now, &request)?;
            }
            Act::AskVenue => {
                let takes = Duration::from_millis(self.random.below(1_500) as u64);
                self.beliefs.ask(&self.exchange, self.now + takes);
            }
            Act::PlaceOrder if self.scenario.trades => {
                let order = self.order();
                self.machine.request(now, &Request::PlaceOrder(order))?;
            }
            Act::CancelOrder if self.scenario.trades => {
                let ids: Vec<u64> = self.beliefs.orders.iter().filter_map(|order| order.order_id).collect();
                let order_id = if ids.is_empty() { 1 } else { *self.random.pick(&ids) };
                self.machine.request(now, &Request::CancelOrder { order_id })?;
            }
            Act::CancelOrders if self.scenario.trades => {
                let request = *self.random.pick(&[&Request::CancelAllOrders, &Request::CancelSessionOrders]);
                self.machine.request(now, request)?;
            }
            Act::SubmitQuote | Act::WithdrawQuote | Act::ConfirmQuote if self.scenario.trades => {
                // Usually an open request for quotes exists within this time, but not always.
                let until = self.now + Duration::from_millis(800);
                self.run_until(until, |life| life.exchange.open_quote_request().is_some());
                if let Some(request) = self.quote_request(act) {
                    self.machine.request(self.now, &request)?;
                }
            }
            Act::Resumed => self.machine.handle_resumed(now),
            Act::Add => {
                if let Some(endpoint) = self.application.has.iter().position(|has| !has) {
                    self.machine.add(now, endpoint)?;
                    self.application.has[endpoint] = true;
                    self.application.added_at = Some(now);
                }
            }
            Act::Remove => {
                let endpoint = self.random.below(self.scenario.settings.len());
                if self.application.has[endpoint] {
                    self.machine.remove(now, endpoint)?;
                    self.application.has[endpoint] = false;
                }
            }
            Act::Close | Act::CloseBy | Act::ShutDown => self.close(act, now),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn resync_book(&mut self, symbol: Symbol) {
        let is_of = |stream: &Stream| matches!(stream, Stream::Depth { symbol: of, .. } if *of == symbol);
        let subscription = self.application.subscriptions.iter().find(|(_, stream)| is_of(stream)).copied();
        if let Some((id, _)) = subscription {
            self.world.figures.calls += 1;
            // A stream without a link has no book, so the client may refuse the call.
            let _ = self.machine.resync(self.now, id);
        }
    }

    /// Confirms an accepted quote that the application has not confirmed before.
    pub(super) fn confirm_accepted(&mut self) {
        let is_meant = |quote: &&Quote| {
            quote.state == QuoteState::Accepted && quote.quote_id != self.application.confirmed
        };
        let Some(quote) = self.beliefs.quotes.iter().find(is_meant) else { return };
        let Some((rfq_id, quote_id)) = quote.quote_id.map(|id| (quote.rfq_id, id)) else { return };
        self.application.confirmed = Some(quote_id);
        self.world.figures.calls += 1;
        let request = Request::ConfirmQuote { rfq_id, quote_id, confirm: true };
        // If the client has no link, it refuses the request and the confirmation comes too late.
        let _ = self.machine.request(self.now, &request);
    }

    fn subscription(&mut self, now: Instant, wanted: Wanted) -> Result<(), CommandError> {
        let id = self.machine.subscribe_at(now, wanted)?;
        self.application.declares_silence |= wanted.silence_max.is_some();
        self.application.subscriptions.push((id, wanted.stream));
        Ok(())
    }

    fn order(&mut self) -> NewOrder {
        self.application.placed += 1;
        let id: ClientOrderId = format!("order-{}", self.application.placed).parse().unwrap();
        let direction = *self.random.pick(&[Side::Buy, Side::Sell]);
        let book = self.exchange.book(btcusd()).unwrap_or_default();
        let levels = if self.random.below(2) == 0 { &book.bids } else { &book.asks };
        let price = levels.iter().map(|level| level.price).find(|_| self.random.below(2) == 0);
        let price = price.unwrap_or_else(|| "1000.00".parse().unwrap());
        let quantity = if self.random.below(8) == 0 { "1000000" } else { "0.01" };
        let times =
            [TimeInForce::GoodTillCanceled, TimeInForce::ImmediateOrCancel, TimeInForce::MakerOrCancel];
        let order = NewOrder::limit(id, btcusd(), direction, quantity, price);
        order.and_then(|order| order.time_in_force(*self.random.pick(&times))).unwrap()
    }

    /// Returns `None` if there is no request for quotes, or no quote, that the act can be about.
    fn quote_request(&mut self, act: Act) -> Option<Request> {
        if act == Act::SubmitQuote {
            self.application.placed += 1;
            let rfq_id = self.exchange.open_quote_request()?.parse().ok()?;
            let price = format!("0.{:02}", 1 + self.random.below(60)).parse().unwrap();
            let quantity = self.random.pick(&["1", "0.5", "10000"]).parse().unwrap();
            let client_id = Some(format!("quote-{}", self.application.placed).parse().unwrap());
            let millis = EPOCH.as_millis() + i64::try_from(self.now.as_nanos() / 1_000_000).unwrap();
            let soon = Timestamp::from_millis(millis + 300 + self.random.below(3_000) as i64);
            let valid_until = soon.filter(|_| self.random.below(3) == 0);
            return Some(Request::SubmitQuote(NewQuote { rfq_id, price, quantity, valid_until, client_id }));
        }
        let is_meant = |quote: &&Quote| {
            act == Act::WithdrawQuote || quote.state == QuoteState::Accepted || quote.request.is_none()
        };
        let quotes = self.beliefs.quotes.iter().filter(is_meant);
        let names: Vec<_> = quotes.filter_map(|quote| Some((quote.rfq_id, quote.quote_id?))).collect();
        let (rfq_id, quote_id) = *names.last()?;
        if act == Act::WithdrawQuote {
            return Some(Request::WithdrawQuote { rfq_id, quote_id });
        }
        Some(Request::ConfirmQuote { rfq_id, quote_id, confirm: self.random.below(4) > 0 })
    }

    /// Requests an end of the client with the command of this act, and stores the instant by which the client must
    /// end.
    fn close(&mut self, act: Act, now: Instant) {
        let timeouts = self.scenario.settings.iter().map(|settings| settings.close_timeout);
        let timeout = timeouts.max().unwrap_or_default();
        let by = self.now + Duration::from_millis(self.random.below(1_500) as u64);
        let by = match act {
            Act::Close => {
                self.machine.close(now);
                self.now + timeout
            }
            Act::CloseBy => {
                self.machine.close_by(now, by);
                by
            }
            _ => {
                let (cancels_orders, unsubscribes) = (self.random.below(2) == 0, self.random.below(2) == 0);
                self.machine.shut_down(now, Plan { deadline: by, cancels_orders, unsubscribes });
                by
            }
        };
        let wanted = &mut self.application.wants_end;
        *wanted = Some(wanted.map_or(by, |before| before.min(by)));
    }

    /// Ends the client, and makes some calls after its end.
    pub(super) fn finish(&mut self) {
        for _ in 0..1 + self.random.below(3) {
            if self.end.is_some() || self.scenario.ends_by_itself {
                break;
            }
            let act = *self.random.pick(&[Act::Close, Act::CloseBy, Act::ShutDown]);
            self.act(act);
            let pause = self.pause();
            if self.random.below(3) == 0 {
                self.run(pause.min(Duration::from_millis(300)));
            }
            if self.random.below(4) == 0 {
                self.trouble();
            }
        }
        if let Some(by) = self.application.wants_end {
            let busy = self.stalled_until.max(self.unpolled_until);
            let by = by.max(self.now).max(busy) + self.scenario.lateness + Duration::from_millis(1);
            let has_ended = self.run_until(by, |life| life.end.is_some());
            assert!(has_ended, "I-12: not closed by {by:?}");
            self.beyond();
        } else if self.end.is_some() {
            self.beyond();
        }
    }

    fn beyond(&mut self) {
        assert!(self.machine.deadline().is_none(), "I-17: {:?} after the end", self.machine.deadline());
        for _ in 0..self.random.below(3) {
            self.world.figures.act(Act::CommandAfterEnd);
            self.world.figures.calls += 1;
            let act = *self.random.pick(&[Act::Open, Act::Subscribe, Act::Ask, Act::Close, Act::ShutDown]);
            let now = self.now;
            let done = self.perform(act, now);
            let may_succeed = matches!(act, Act::Close | Act::ShutDown) || self.scenario.streams.is_empty();
            assert!(may_succeed || done == Err(CommandError::Closed), "{act:?} after the end: {done:?}");
            self.flush();
        }
        // The driver drops the remaining dials and transports, and reports the end of some of them to the client.
        for position in 0..self.world.network.ports.len() {
            let port = &self.world.network.ports[position];
            if port.driver != Driver::Gone && self.random.below(2) == 0 {
                self.world.figures.act(Act::InputAfterEnd);
                let link = port.link;
                self.hear_of_end(link, position);
                self.flush();
            }
        }
        let hours = Duration::from_secs(3_600 * self.random.below(30) as u64);
        self.run(hours.min(Duration::from_secs(5)));
        self.now = self.now + hours;
        self.time_out();
        self.flush();
        assert!(self.machine.deadline().is_none(), "I-17: {:?} after the end", self.machine.deadline());
    }
}

fn btcusd() -> Symbol {
    "btcusd".parse().unwrap()
}
