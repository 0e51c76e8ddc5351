//! How to use this crate: eight pages, with programs that run.
//!
//! | page | what it answers |
//! |---|---|
//! | [`books`] | How do I follow order books? What does "current" mean, and what happens after a gap? |
//! | [`trading`] | How do I place an order? What if no reply comes? |
//! | [`back_pressure`] | What happens if my program is slower than the venue? |
//! | [`own_loop`] | How do I drive a [`Client`] from my own event loop or executor? |
//! | [`testing`] | How do I test a strategy against the simulated exchange? |
//! | [`replay`] | How do I record frames, and how do I turn recorded frames into events and books? |
//! | [`migrating`] | How do I move from market data v1, market data v2 or order events v1 to the current API? |
//! | [`limits`] | Which limits hold, what is guaranteed, and what is not? |
//!
//! The programs import the core as `gemini_ws`. The adapters re-export it as `gemini_ws_tokio::gemini_ws` and
//! `gemini_ws_smol::gemini_ws`, so an application need not depend on the core itself. Programs with an adapter use
//! tokio; for smol, replace `tokio::spawn(driver)` with `smol::spawn(driver).detach()`. The facts about the venue are
//! in [`protocol`].

// The pages link to items of the crate by short names, which this import makes known.
use crate::*;

// Documentation tests of this crate leave out the pages whose programs need an adapter, because an adapter needs this
// crate. The documentation tests of `adapters/examples` run these programs.
#[cfg_attr(not(doctest), doc = include_str!("back_pressure.md"))]
pub mod back_pressure {}
#[cfg_attr(not(doctest), doc = include_str!("books.md"))]
pub mod books {}
#[doc = include_str!("limits.md")]
pub mod limits {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[doc = include_str!("own_loop.md")]
pub mod own_loop {}
#[doc = include_str!("replay.md")]
pub mod replay {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[cfg_attr(not(doctest), doc = include_str!("trading.md"))]
pub mod trading {}
