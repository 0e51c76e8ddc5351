//! Tests the queue of events: by tables, by comparison with a plain model, and in failure scenarios of its owner.

mod announced;
mod flows;
mod limits;
mod model;
mod owner;
mod tables;
mod words;
