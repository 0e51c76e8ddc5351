//! Further faults, of the kinds that the other modules of `tests/faults` show. Each test asserts the right behaviour.

#[path = "beyond/account.rs"]
mod account;
#[path = "beyond/answered.rs"]
mod answered;
#[path = "beyond/books.rs"]
mod books;
#[path = "beyond/contradictions.rs"]
mod contradictions;
#[path = "beyond/costs.rs"]
mod costs;
#[path = "beyond/disputes.rs"]
mod disputes;
#[path = "beyond/doubled.rs"]
mod doubled;
#[path = "beyond/dropped.rs"]
mod dropped;
#[path = "beyond/endpoints.rs"]
mod endpoints;
#[path = "beyond/ends.rs"]
mod ends;
#[path = "beyond/entries.rs"]
mod entries;
#[path = "beyond/extremes.rs"]
mod extremes;
#[path = "beyond/fills.rs"]
mod fills;
#[path = "beyond/followed.rs"]
mod followed;
#[path = "beyond/lagging.rs"]
mod lagging;
#[path = "beyond/late.rs"]
mod late;
#[path = "beyond/limits.rs"]
mod limits;
#[path = "beyond/links.rs"]
mod links;
#[path = "beyond/listed.rs"]
mod listed;
#[path = "beyond/marks.rs"]
mod marks;
#[path = "beyond/named.rs"]
mod named;
#[path = "beyond/numbers.rs"]
mod numbers;
#[path = "beyond/optional.rs"]
mod optional;
#[path = "beyond/orders.rs"]
mod orders;
#[path = "beyond/overtaken.rs"]
mod overtaken;
#[path = "beyond/owed.rs"]
mod owed;
#[path = "beyond/parts.rs"]
mod parts;
#[path = "beyond/quotes.rs"]
mod quotes;
#[path = "beyond/random.rs"]
mod random;
#[path = "beyond/refused.rs"]
mod refused;
#[path = "beyond/remaining.rs"]
mod remaining;
#[path = "beyond/renewed.rs"]
mod renewed;
#[path = "beyond/replies.rs"]
mod replies;
#[path = "beyond/reused.rs"]
mod reused;
#[path = "beyond/room.rs"]
mod room;
#[path = "beyond/rows.rs"]
mod rows;
#[path = "beyond/scopes.rs"]
mod scopes;
#[path = "beyond/shared.rs"]
mod shared;
#[path = "beyond/shown.rs"]
mod shown;
#[path = "beyond/sources.rs"]
mod sources;
#[path = "beyond/terms.rs"]
mod terms;
#[path = "beyond/unreadable.rs"]
mod unreadable;
#[path = "beyond/unsent.rs"]
mod unsent;
#[path = "beyond/waiting.rs"]
mod waiting;

use super::fed;
