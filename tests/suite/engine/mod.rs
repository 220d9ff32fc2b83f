//! The engine in virtual time: whole stories in milliseconds, and every one of their calls as the last one.

mod calls;
mod crashes;
mod fakes;
mod faults;
mod metrics;
mod sky;
mod store;
mod stories;
mod story;
mod time;
