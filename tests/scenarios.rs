//! The failure scenarios of connections that others have met, and where each is shown here.

mod support;

#[path = "scenarios/asking.rs"]
mod asking;
#[path = "scenarios/ending.rs"]
mod ending;
#[path = "scenarios/legs.rs"]
mod legs;
#[path = "scenarios/reach.rs"]
mod reach;
#[path = "scenarios/retrying.rs"]
mod retrying;
