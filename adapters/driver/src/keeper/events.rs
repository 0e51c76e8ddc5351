//! How a [`Keeper`] applies events.

use gemini_ws::{Event, Instant, Malformed, Message, Topic};

use crate::NoBook;
use crate::keeper::{Keeper, book_of};

impl Keeper {
    /// Applies an event, before the application sees it.
    #[inline]
    pub(crate) fn take(&mut self, event: &Event<'_>, now: Instant) {
        self.take_but_for_account(event);
        if !is_public(event) {
            self.take_account(event, now);
        }
    }

    #[inline]
    fn take_but_for_account(&mut self, event: &Event<'_>) {
        match event {
            // Only `Books` needs a batch here: no part of a batch is about a link or a subscription.
            Event::DepthUpdate(..) | Event::DepthSnapshot(..) | Event::TopOfBook(..) | Event::Batch(..) => {
                if self.keeps_books {
                    self.take_depth(event);
                }
            }
            event if is_public(event) => {}
            Event::AuctionOpen(..)
            | Event::Auction(..)
            | Event::Heartbeat(..)
            | Event::Ignored(..)
            | Event::Unrecognized(..)
            | Event::Order(..)
            | Event::Balances(..)
            | Event::Positions(..)
            | Event::Quote(..)
            | Event::RequestForQuote(..)
            | Event::Settlements(..)
            | Event::Requested { .. }
            | Event::Reply { .. } => {}
            event => self.take_of_connection(event),
        }
    }

    fn take_of_connection(&mut self, event: &Event<'_>) {
        match event {
            Event::Rejected { stream, error, .. } => {
                self.has_new_sources = true;
                if let Some(symbol) = book_of(stream) {
                    let message = error.message.to_string().into();
                    self.board.note_rejection(symbol, NoBook::Rejected { code: error.code, message });
                }
            }
            Event::LinkClosed { .. } | Event::Unsubscribed { last: true, .. } => self.has_new_sources = true,
            Event::ConnectFailed { reason, .. } => self.connect_failure = Some(*reason),
            Event::Opened { .. } => self.connect_failure = None,
            // A malformed frame of another topic changes no book. Return early, because a link may report very many
            // of them.
            Event::Malformed(Malformed { topic: Some(topic), .. }, _) if *topic != Topic::Depth => return,
            _ => {}
        }
        // When the application received an earlier event, it may have subscribed or opened the client again. This may
        // have given a source to a book that has a reason `no_book`.
        self.has_new_sources |= self.board.lacks_books();
        if self.keeps_books {
            // After a source ends, `Books` may return the book of another link for the symbol, and this book may need
            // a snapshot.
            self.may_need_resync = true;
            match self.books.apply(event) {
                Some(change) => self.board.touch(change.symbol),
                // The event may have changed every book.
                None => self.board.touch_all(),
            }
        }
    }

    fn take_depth(&mut self, event: &Event<'_>) {
        let Keeper { books, board, may_need_resync, .. } = self;
        let crossed = books.crossed();
        books.apply_each(event, |change| {
            *may_need_resync |= !change.bids && !change.asks;
            board.touch(change.symbol);
        });
        *may_need_resync |= books.crossed() != crossed;
    }

    fn take_account(&mut self, event: &Event<'_>, now: Instant) {
        if let Event::Reply { request, outcome, .. } = event {
            self.tickets.note_cancel(*request, outcome, now);
        }
        for change in self.orders.apply(event) {
            self.overdue.note(change.order, now);
            self.tickets.note(change.order, now);
        }
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }
}

/// Returns whether an event has market data, which says nothing about the account.
const fn is_public(event: &Event<'_>) -> bool {
    if let Event::Batch(batch, _) = event {
        return matches!(
            batch.message(),
            Message::L2Updates(_)
                | Message::MarketUpdate(_)
                | Message::MarkPrices(_)
                | Message::FundingAmounts(_)
                | Message::Candles(_)
        );
    }
    matches!(
        event,
        Event::DepthUpdate(..)
            | Event::DepthSnapshot(..)
            | Event::TopOfBook(..)
            | Event::BookTicker(..)
            | Event::PartialDepth(..)
            | Event::Trade(..)
            | Event::MarkPrice(..)
            | Event::FundingAmount(..)
            | Event::ContractStatus(..)
            | Event::Candles(..)
    )
}
