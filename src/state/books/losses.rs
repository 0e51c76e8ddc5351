//! How [`Books`] applies a [`Loss`], such as the end of a link or of a subscription, or dropped events.

use alloc::vec::Vec;

use crate::state::books::{BookChange, Books, Entry};
use crate::state::truth::{Loss, StaleReason};
use crate::value::id::LinkId;
use crate::value::symbol::Symbol;

impl Books {
    /// Applies `loss` to each book that it concerns:
    ///
    /// - If the loss ends the subscription of the book, and another link delivers the symbol, may replace the book
    ///   ([`Entry::switch`]).
    /// - Otherwise, if the loss names a symbol and ends the subscription with the reason
    ///   [`StaleReason::NotSubscribed`], removes the book.
    /// - Otherwise marks the book stale.
    ///
    /// Returns the change of the book that the loss names. Returns `None` if the loss names no symbol or does not
    /// concern the book.
    pub(super) fn lose(&mut self, loss: &Loss) -> Option<BookChange> {
        let Some(symbol) = loss.symbol() else {
            for entry in self.books.values_mut() {
                entry.lose_others(loss);
                if loss.is_over(entry.standing.link()) && !entry.switch(loss) {
                    entry.set_stale(loss);
                }
            }
            return None;
        };
        let entry = match loss.reason() {
            // The dropped event may have been the first snapshot, so an unknown book is added.
            StaleReason::Overflow => self.entry(symbol.as_str())?,
            _ => self.books.get_mut(symbol.as_str())?,
        };
        entry.lose_others(loss);
        let has_link = entry.standing.link().is_some();
        if has_link && !loss.is_over(entry.standing.link()) {
            // Another link delivers the book now.
            return None;
        }
        let has_other = entry.switch(loss);
        if !has_other && loss.reason() == StaleReason::NotSubscribed {
            self.remove(symbol);
        } else if !has_other {
            entry.set_stale(loss);
        }
        Some(BookChange { symbol, bids: has_other, asks: has_other })
    }

    /// Applies the end of a link that the client closed because nothing needed it. Replaces each book that the link
    /// delivered by a book that another link delivers. If no other link delivers the symbol, removes the book.
    ///
    /// Only links of v1 endpoints still have books then: at other endpoints, each subscription ends before its link.
    pub(super) fn remove_over(&mut self, link: LinkId) {
        let is_over = |entry: &Entry| entry.standing.link().is_some_and(|own| own.is_up_to(link));
        let over = self.books.iter().filter(|(_, entry)| is_over(entry));
        let gone: Vec<Symbol> = over.map(|(symbol, _)| symbol).collect();
        for symbol in gone {
            let is_replaced =
                self.books.get_mut(symbol.as_str()).is_some_and(|entry| entry.replace_by_other(true));
            if !is_replaced {
                self.remove(symbol);
            }
        }
    }
}

impl Entry {
    /// If `loss` ends the subscription that delivers this book, replaces the book by one of `others`. Takes a current
    /// one; if none is current and the reason is [`StaleReason::NotSubscribed`], takes a stale one. Returns whether
    /// the book was replaced.
    fn switch(&mut self, loss: &Loss) -> bool {
        loss.ends_subscription() && self.replace_by_other(loss.reason() == StaleReason::NotSubscribed)
    }

    fn replace_by_other(&mut self, to_stale: bool) -> bool {
        let current = self.others.iter().position(|other| other.standing.stale().is_none());
        let any = self.others.len().checked_sub(1).filter(|_| to_stale);
        let Some(place) = current.or(any) else { return false };
        let (next, others) = (self.others.swap_remove(place), core::mem::take(&mut self.others));
        *self = Entry { has_dropped: self.has_dropped || next.has_dropped, others, ..next };
        true
    }

    fn lose_others(&mut self, loss: &Loss) {
        self.others.retain_mut(|other| {
            let is_concerned = loss.is_over(other.standing.link());
            if is_concerned {
                other.set_stale(loss);
            }
            !(is_concerned && loss.ends_subscription())
        });
    }

    /// Marks the book stale, and sets `to_resync`, which says whether the application has to request a snapshot:
    ///
    /// - After an overflow, it has to: `to_resync` becomes `true`.
    /// - If no link has delivered the book yet and the loss names a link, another link may deliver the book, so
    ///   `to_resync` does not change.
    /// - After any other loss, the client requests the snapshot: `to_resync` becomes `false`.
    fn set_stale(&mut self, loss: &Loss) {
        self.standing.set_stale(loss.reason());
        let may_be_of_another = self.standing.link().is_none() && loss.link().is_some();
        let is_dropped = loss.reason() == StaleReason::Overflow;
        self.has_dropped |= is_dropped;
        self.to_resync = is_dropped || (self.to_resync && may_be_of_another);
    }
}
