//! The one integration-test binary: the world, and the stories told in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod contract;
mod drift;
mod engine;
mod image;
mod layers;
mod metrics;
mod restore;
mod stories;
mod verdict;
mod workflows;
mod world;
