//! The one integration-test binary: the world, and the stories told in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod metrics;
mod world;
