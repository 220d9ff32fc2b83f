//! One outside thing a file, each behind a port; `http`, `aws` and `retry` are shared, else none knows another.

pub mod aws;
pub mod clock;
pub mod cloudformation;
pub mod github;
pub mod http;
pub mod oidc;
pub mod probe;
pub mod slack;
pub mod sns;
#[cfg(test)]
pub(crate) mod testing;
