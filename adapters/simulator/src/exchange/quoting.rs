//! The quotes of authenticated sessions, and their events.

use super::Exchange;
use crate::account::Account;
use crate::account::AccountId;
use crate::account::ledger::LedgerQuote;
use crate::frame::private::PrivateStream;
use crate::frame::quote_entry::{self, QuoteMethod, QuoteRequest};
use crate::frame::refusal::Refusal;
use crate::frame::request;
use crate::market::source::Source;
use crate::value::id::SessionId;
use crate::value::order::Origin;
use crate::value::quote::QuoteName;

impl Exchange {
    /// Returns the id of the request for quotes that can be answered now, if there is one.
    pub fn open_quote_request(&self) -> Option<String> {
        self.source.as_source().quotes()?.open_request(self.venue_time())
    }

    /// Returns the quotes of an account, the oldest first, to compare with the quotes of a client. Returns no quotes
    /// for an unknown account. The exchange remembers the last [`QUOTES_RECORDED_MAX`](crate::QUOTES_RECORDED_MAX)
    /// quotes of all accounts together.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gemini_ws::{Frame, Instant};
    /// use gemini_ws_simulator::{Account, Config, Exchange, QuoteState, SessionId, UpgradeRequest};
    ///
    /// let account = Account::new("account-key", "secret").bearer_token("token");
    /// let config = Config::market(["gemi-pres2028-vance".parse().unwrap()]).account(account);
    /// let mut exchange = Exchange::new(config.quote_pause_max(Duration::from_secs(1)), 7);
    /// let (client, mut now) = (SessionId(1), Instant::ZERO);
    /// let request = UpgradeRequest { target: "/", headers: &[("Authorization", "Bearer token")] };
    /// exchange.handle_upgrade(client, now, &request).unwrap();
    /// while exchange.open_quote_request().is_none() {
    ///     now = exchange.deadline().unwrap();
    ///     exchange.handle_timeout(now);
    /// }
    /// let rfq = exchange.open_quote_request().unwrap();
    /// let quote = format!(r#"{{"id":1,"method":"rfq.submit_quote","params":{{"rfqId":"{rfq}","price":"0.40","quantity":"5"}}}}"#);
    /// exchange.handle_frame(client, now, Frame::Text(&quote));
    /// let account = exchange.account_of(client).unwrap();
    /// assert_eq!(exchange.quotes(account)[0].state, QuoteState::Active);
    /// ```
    pub fn quotes(&self, account: AccountId) -> Vec<LedgerQuote> {
        let quotes = self.source.as_source().quotes();
        let position = self.broker.position(account);
        quotes.zip(position).map(|(quotes, position)| quotes.recorded(position)).unwrap_or_default()
    }

    pub(super) fn move_quotes(&mut self) {
        let (broker, market, cx) = self.parts();
        if let Some(quotes) = market.and_then(|market| market.quotes_mut()) {
            let text = quotes.next(cx.venue_time(), |deal| broker.execute_quote(&cx, deal));
            cx.sessions.send_all(quotes.subscribers(), &text);
            quotes.schedule_next(cx.now, cx.schedule);
            quotes.schedule_end(cx.epoch, cx.schedule);
        }
        self.publish_private();
    }

    pub(super) fn end_quotes(&mut self) {
        let (_, market, cx) = self.parts();
        if let Some(quotes) = market.and_then(|market| market.quotes_mut()) {
            quotes.end_due(cx.venue_time());
            quotes.schedule_end(cx.epoch, cx.schedule);
        }
        self.publish_private();
    }

    /// Carries out a request about quotes. Chance decides whether the reply comes before or after the events.
    pub(super) fn handle_quote(
        &mut self,
        session: SessionId,
        id: &str,
        request: &QuoteRequest,
    ) -> Result<(), Refusal> {
        let Some(origin) = self.trader(session)? else { return Ok(()) };
        let result = self.carry_out_quote(origin, request)?;
        let is_early = self.random.chance(1, 2);
        if is_early {
            self.publish_private();
        }
        self.reply(session, request::result(id, &result));
        self.publish_private();
        Ok(())
    }

    fn carry_out_quote(&mut self, origin: Origin, request: &QuoteRequest) -> Result<String, Refusal> {
        let parameters = request.parameters.as_ref();
        let (broker, market, cx) = self.parts();
        let quotes = market.and_then(|market| market.quotes_mut());
        let time = cx.venue_time();
        let Origin { account, .. } = origin;
        let (name, rest) = match request.method {
            QuoteMethod::Submit => {
                let quote = quote_entry::new_quote(parameters)?;
                if !broker.account(account).is_some_and(Account::has_accepted_terms) {
                    return Err(Refusal::order_rejected("TERMS_NOT_ACCEPTED"));
                }
                let quotes = quotes.ok_or_else(Refusal::unknown_quote_request)?;
                let rfq_id = quote.rfq_id.clone();
                let quote_id = quotes.submit(time, origin, quote)?;
                quotes.schedule_end(cx.epoch, cx.schedule);
                (QuoteName { rfq_id, quote_id }, "")
            }
            QuoteMethod::Withdraw => {
                let name = quote_entry::withdrawn_quote(parameters)?;
                let quotes = quotes.ok_or_else(Refusal::unknown_quote)?;
                quotes.withdraw(time, account, &name)?;
                quotes.schedule_end(cx.epoch, cx.schedule);
                (name, "")
            }
            QuoteMethod::Confirm => {
                let (name, is_confirmed) = quote_entry::confirmed_quote(parameters)?;
                let quotes = quotes.ok_or_else(Refusal::unknown_quote)?;
                let text = quotes.confirm(time, account, &name, is_confirmed)?;
                cx.sessions.send_all(quotes.subscribers(), &text);
                quotes.schedule_next(cx.now, cx.schedule);
                quotes.schedule_end(cx.epoch, cx.schedule);
                (name, if is_confirmed { r#","confirmed":true"# } else { r#","confirmed":false"# })
            }
        };
        // Both ids are ids that the exchange made, which need no escapes.
        Ok(format!(r#"{{"rfqId":"{}","quoteId":"{}"{rest}}}"#, name.rfq_id, name.quote_id))
    }

    pub(super) fn publish_quotes(&mut self) {
        let (_, market, cx) = self.parts();
        let Some(quotes) = market.and_then(|market| market.quotes_mut()) else { return };
        for event in quotes.take_events() {
            let mut recipients = Vec::new();
            for session in cx.sessions.of_account(event.account) {
                let Some(open) = cx.sessions.get(session) else { continue };
                let private = open.private();
                let is_own = private.serial() == event.serial;
                let wanted = usize::from(private.has(PrivateStream::Quotes))
                    + usize::from(is_own && private.has(PrivateStream::SessionQuotes));
                recipients.extend(vec![session; wanted]);
            }
            // The faults count only events that at least one session gets.
            let is_sent = recipients.iter().any(|session| cx.sessions.is_heard(*session));
            let copies = if is_sent { cx.faults.quote_event_copies() } else { 1 };
            let copies = copies.max(1 + usize::from(event.is_repeated));
            for session in recipients {
                (0..copies).for_each(|_| cx.sessions.send(session, &event.text));
            }
        }
    }
}
