//! Simulates a venue, an application and losses at random. `Orders` is right about each order that is not in doubt,
//! and no order stays in doubt for ever.

use std::collections::VecDeque;

use gemini_ws::{
    Config, Decimal, Event, LinkId, Moment, Order, OrderState, Orders, Reconciled, RequestId, RequestOutcome,
    Subject,
};

use super::fed::{Fed, OVERFLOW, answer, apply, first_stream, new_order, order};

/// The number of steps of any kind, and the number of later steps, which only complete what has begun.
const STEPS: [usize; 2] = [120, 400];

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Version {
    state: OrderState,
    executed: i64,
}

#[derive(Debug)]
struct Real {
    id: u64,
    client: Option<String>,
    history: Vec<Version>,
    /// The number of versions in `history` that events have delivered, or that were lost together with an event that
    /// reports the loss.
    told: usize,
    is_known: bool,
}

impl Real {
    fn last(&self) -> Version {
        *self.history.last().unwrap()
    }

    fn found(&self) -> Reconciled {
        let last = self.last();
        Reconciled::new(self.id, last.state, tenths(last.executed))
    }

    /// Returns whether `order`, which must not be in doubt, matches the newest version that `told` counts, or a later
    /// version.
    fn agrees(&self, order: &Order) -> bool {
        // A reply says only that the order exists.
        let is_by_reply = order.state == OrderState::Acknowledged;
        let from = self.told.saturating_sub(1);
        is_by_reply
            || self.history[from..].iter().any(|version| {
                order.executed() == tenths(version.executed)
                    && version.state.is_final() == order.state.is_final()
                    && (!order.state.is_final() || version.state == order.state)
            })
    }
}

struct Sent {
    request: RequestId,
    about: Subject,
    client: String,
}

struct Reply {
    sent: Sent,
    of: Option<usize>,
    kind: u64,
}

/// An event under way. `of` is the index of its order in `real`, and the number of versions that the order has after
/// the event; `None` for a list of open orders.
struct Update {
    of: Option<(usize, usize)>,
    text: String,
}

/// An answer of the venue about an order, the ids in the question, and when the application asked.
struct Answer {
    id: Option<u64>,
    client: Option<String>,
    found: Option<Reconciled>,
    asked: Moment,
}

struct Life {
    random: Random,
    link: LinkId,
    orders: Orders,
    real: Vec<Real>,
    events: VecDeque<Update>,
    replies: Vec<Reply>,
    sending: VecDeque<Sent>,
    answers: VecDeque<Answer>,
    requests: u64,
    trades: u64,
    log: Vec<String>,
}

fn tenths(n: i64) -> Decimal {
    Decimal::new(n, 1).unwrap()
}

impl Life {
    fn new(seed: u64) -> Life {
        let link = Fed::new(Config::new("ws://v")).link;
        let mut orders = Orders::new();
        let stream = "orders@account".parse().unwrap();
        orders.apply(&Event::Subscribed { link, id: first_stream(), stream });
        Life {
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            link,
            orders,
            real: Vec::new(),
            events: VecDeque::new(),
            replies: Vec::new(),
            sending: VecDeque::new(),
            answers: VecDeque::new(),
            requests: 0,
            trades: 0,
            log: Vec::new(),
        }
    }

    // ---- the application and the venue ---------------------------------------------------------------

    fn step(&mut self, ends: bool) {
        match if ends { 5 + self.random.below(4) } else { self.random.below(10) } {
            0 if self.requests < 6 => self.place(),
            1 if self.real.len() < 8 => drop(self.begin(None)),
            2..=4 if !self.real.is_empty() => self.live(),
            5 => self.arrive(),
            6 if !self.replies.is_empty() => self.reply(),
            7 => self.deliver(ends),
            8 => self.ask(),
            _ => self.answer(),
        }
        if !ends && self.random.below(15) == 0 {
            self.list();
        }
    }

    /// Places an order. It reuses the client order id of an order that is final and fully reported, if no other order
    /// has used this id.
    fn place(&mut self) {
        self.requests += 1;
        let is_quiet = self.sending.is_empty() && self.replies.is_empty();
        let is_over = |it: &&Real| is_quiet && it.told == it.history.len() && it.last().state.is_final();
        let again = self.real.iter().filter(is_over).find_map(|it| it.client.clone());
        let again =
            again.filter(|id| self.real.iter().filter(|it| it.client.as_ref() == Some(id)).count() == 1);
        let client = again.unwrap_or_else(|| format!("a{}", self.requests));
        let (request, about) = (RequestId::new(self.requests), Subject::PlaceOrder(new_order(&client)));
        self.orders.apply(&Event::Requested { link: self.link, request, about });
        self.log.push(format!("send {client}"));
        self.sending.push_back(Sent { request, about, client });
    }

    fn begin(&mut self, client: Option<String>) -> usize {
        let (of, id) = (self.real.len(), 100 + self.real.len() as u64);
        self.real.push(Real { id, client, history: Vec::new(), told: 0, is_known: false });
        self.happen(of, OrderState::New, 0);
        of
    }

    fn live(&mut self) {
        let of = self.random.place(self.real.len());
        let last = self.real[of].last();
        if last.state.is_final() {
            return;
        }
        match self.random.below(5) {
            0 => self.happen(of, OrderState::Open, 0),
            1 => self.happen(of, OrderState::Canceled, 0),
            _ => {
                let by = (1 + i64::try_from(self.random.below(5)).unwrap()).min(10 - last.executed);
                let is_all = last.executed + by == 10;
                let state = if is_all { OrderState::Filled } else { OrderState::PartiallyFilled };
                self.happen(of, state, by);
            }
        }
    }

    fn happen(&mut self, of: usize, state: OrderState, by: i64) {
        let before = self.real[of].history.last().map_or(0, |it| it.executed);
        let figure = |n: i64| format!(r#","Z":"{}""#, tenths(n));
        let (name, rest) = match state {
            OrderState::New => ("NEW", String::new()),
            OrderState::Open => ("OPEN", if before > 0 { figure(before) } else { String::new() }),
            OrderState::Canceled if self.trades.is_multiple_of(3) => ("CANCELED", String::new()),
            OrderState::Canceled => ("CANCELED", figure(before)),
            _ => {
                self.trades += 1;
                let name = if state == OrderState::Filled { "FILLED" } else { "PARTIALLY_FILLED" };
                (name, format!(r#"{},"L":"100","t":{}"#, figure(by), self.trades))
            }
        };
        let real = &mut self.real[of];
        real.history.push(Version { state, executed: before + by });
        let time = format!("\"E\":{}", 1_000 + self.events.len());
        let text = order(real.id, real.client.as_deref(), name, &rest).replace("\"E\":1000", &time);
        self.events.push_back(Update { of: Some((of, real.history.len())), text });
    }

    fn arrive(&mut self) {
        let Some(sent) = self.sending.pop_front() else { return };
        // 4: the venue refuses it; 5: it never arrives.
        let kind = self.random.below(6);
        let of = (kind < 4).then(|| self.begin(Some(sent.client.clone())));
        self.replies.push(Reply { sent, of, kind });
    }

    // ---- events and replies --------------------------------------------------------------------------

    fn reply(&mut self) {
        let at = self.random.place(self.replies.len());
        let Reply { sent, of, kind } = self.replies.remove(at);
        let text = match (kind, of) {
            (0, Some(_)) => Some(r#"{"id":1,"status":200}"#.to_owned()),
            (1, Some(of)) => {
                Some(format!(r#"{{"id":1,"status":200,"result":{{"orderId":"{}"}}}}"#, self.real[of].id))
            }
            (4, _) => Some(r#"{"id":1,"status":400,"error":{"code":-2010,"msg":"refused"}}"#.to_owned()),
            _ => None,
        };
        let Sent { request, about, .. } = sent;
        self.log.push(format!("reply {request:?} {text:?}"));
        match text {
            Some(text) => answer(&mut self.orders, (request, about), &text),
            None => {
                let outcome = RequestOutcome::TimedOut;
                self.orders.apply(&Event::Reply { link: self.link, request, about, outcome });
            }
        }
    }

    /// Delivers an event once or twice, or loses it and delivers an event that reports the loss. If `ends` is true,
    /// no event is lost.
    fn deliver(&mut self, ends: bool) {
        let Some(Update { of, text }) = self.events.pop_front() else { return };
        let is_lost = !ends && self.random.below(4) == 0;
        if let Some((of, versions)) = of {
            self.real[of].told = versions;
            self.real[of].is_known |= !is_lost;
        }
        self.log.push(format!("{}{text}", if is_lost { "lost " } else { "" }));
        if is_lost {
            self.orders.apply(&OVERFLOW);
            return;
        }
        apply(&mut self.orders, &text);
        if self.random.below(8) == 0 {
            apply(&mut self.orders, &text);
        }
    }

    fn ask(&mut self) {
        let asked = self.orders.moment();
        let of = |it: &Order| (it.order_id, it.client_order_id.as_deref().map(str::to_owned));
        let doubtful: Vec<_> = self.orders.to_reconcile().map(of).collect();
        if doubtful.is_empty() {
            return;
        }
        let (id, client) = doubtful[self.random.place(doubtful.len())].clone();
        let is_it = |it: &&Real| if id.is_none() { it.client == client } else { Some(it.id) == id };
        let found = self.real.iter().rfind(is_it).map(Real::found);
        // Ask about an order whose request is still under way only when it would have arrived.
        if found.is_some() || (self.sending.is_empty() && id.is_none()) {
            let client = client.filter(|_| id.is_none());
            self.answers.push_back(Answer { id, client, found, asked });
        }
    }

    fn answer(&mut self) {
        let Some(Answer { id, client, found, asked }) = self.answers.pop_front() else { return };
        self.log.push(format!("answer {id:?} {client:?} {found:?} {asked:?}"));
        match (id, &client) {
            (Some(id), _) => self.orders.reconcile(id, found, asked),
            (None, Some(client)) => self.orders.reconcile(client, found, asked),
            (None, None) => false,
        };
    }

    fn list(&mut self) {
        let row = |it: &Real| {
            let done = it.last().executed;
            let rest = if done > 0 { format!(r#","Z":"{}""#, tenths(done)) } else { String::new() };
            order(it.id, it.client.as_deref(), "OPEN", &rest)
        };
        let open = self.real.iter().filter(|it| !it.last().state.is_final());
        let rows: Vec<String> = open.map(row).collect();
        let text = format!(r#"{{"e":"orderSnapshot","orders":[{}]}}"#, rows.join(","));
        self.events.push_back(Update { of: None, text });
    }

    // ---- what must hold ------------------------------------------------------------------------------

    fn is_never_sure_and_wrong(&self) -> Result<(), String> {
        for it in &self.real {
            let sure = self.orders.get(it.id).filter(|order| !order.needs_reconciling());
            if let Some(order) = sure.filter(|order| !it.agrees(order)) {
                return Err(format!("sure and wrong: {order:?} of {it:?}"));
            }
        }
        Ok(())
    }

    fn is_certain_at_the_end(&self) -> Result<(), String> {
        for it in &self.real {
            match self.orders.get(it.id) {
                None if it.is_known => return Err(format!("not known: {it:?}")),
                Some(order) if order.executed() != tenths(it.last().executed) => {
                    return Err(format!("at the end {order:?} of {it:?}"));
                }
                _ => {}
            }
        }
        if let Some(order) = self.orders.to_reconcile().next() {
            return Err(format!("in doubt for ever: {order:?}"));
        }
        let is_double = |it: &&Order| !it.state.is_final() && it.order_id.is_none();
        match self.orders.iter().find(is_double) {
            Some(order) => Err(format!("open at the end, without an id of the venue: {order:?}")),
            None => Ok(()),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS[0] {
            self.step(false);
            self.is_never_sure_and_wrong()?;
        }
        for _ in 0..STEPS[1] {
            self.step(true);
            self.is_never_sure_and_wrong()?;
        }
        self.is_certain_at_the_end()
    }
}

#[test]
fn z01_orders_are_never_sure_and_wrong_and_never_in_doubt_for_ever() {
    for seed in 1..3_000 {
        let mut life = Life::new(seed);
        if let Err(what) = life.run() {
            panic!("seed {seed}: {what}\n{}", life.log.join("\n"));
        }
    }
}
