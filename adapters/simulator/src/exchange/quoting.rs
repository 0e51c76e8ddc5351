//! What authenticated sessions quote, and what becomes of it.

use super::Exchange;
use crate::account::Account;
use crate::frame::private::PrivateStream;
use crate::frame::quote_entry::{self, QuoteMethod, QuoteRequest};
use crate::frame::refusal::Refusal;
use crate::frame::request;
use crate::market::source::Source;
use crate::value::id::SessionId;
use crate::value::order::Origin;
use crate::value::quote::QuoteName;

impl Exchange {
    /// The request for quotes has its next transition.
    pub(super) fn move_quotes(&mut self) {
        let (broker, market, cx) = self.parts();
        if let Some(quotes) = market.and_then(|market| market.quotes()) {
            let text = quotes.next(cx.venue_time(), |deal| broker.execute_quote(&cx, deal));
            cx.sessions.send_all(quotes.subscribers(), &text);
            quotes.schedule_next(cx.now, cx.schedule);
            quotes.schedule_end(cx.epoch, cx.schedule);
        }
        self.publish_private();
    }

    /// Ends the quotes whose time is over.
    pub(super) fn end_quotes(&mut self) {
        let (_, market, cx) = self.parts();
        if let Some(quotes) = market.and_then(|market| market.quotes()) {
            quotes.end_due(cx.venue_time());
            quotes.schedule_end(cx.epoch, cx.schedule);
        }
        self.publish_private();
    }

    /// Carries out a request about quotes. Reply and events race, as for orders.
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

    /// The result as JSON.
    fn carry_out_quote(&mut self, origin: Origin, request: &QuoteRequest) -> Result<String, Refusal> {
        let parameters = request.parameters.as_ref();
        let (broker, market, cx) = self.parts();
        let quotes = market.and_then(|market| market.quotes());
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
        // They are ids of the exchange, and need no escapes.
        Ok(format!(r#"{{"rfqId":"{}","quoteId":"{}"{rest}}}"#, name.rfq_id, name.quote_id))
    }

    /// Tells makers what has become of their quotes since the last time.
    pub(super) fn publish_quotes(&mut self) {
        let (_, market, cx) = self.parts();
        let Some(quotes) = market.and_then(|market| market.quotes()) else { return };
        for event in quotes.take_events() {
            let copies = cx.faults.quote_event_copies().max(1 + usize::from(event.is_repeated));
            for session in cx.sessions.of_account(event.account) {
                let Some(open) = cx.sessions.get(session) else { continue };
                let private = open.private();
                let is_own = private.serial() == event.serial;
                let wanted = usize::from(private.has(PrivateStream::Quotes))
                    + usize::from(is_own && private.has(PrivateStream::SessionQuotes));
                for _ in 0..wanted * copies {
                    cx.sessions.send(session, &event.text);
                }
            }
        }
    }
}
