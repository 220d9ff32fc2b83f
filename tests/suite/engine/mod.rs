//! The engine in virtual time: whole stories in milliseconds, and every one of their calls as the last one.

mod abandoned;
mod baking;
mod calls;
mod crashes;
mod fakes;
mod faults;
mod heirs;
mod keeping;
mod machine;
mod metrics;
mod races;
mod sky;
mod store;
mod stories;
mod story;
mod telling;
mod time;
