//! The verdict engine: from counts to findings to one verdict; it knows no provider, clock, store or language.

pub mod baseline;
pub mod budget;
pub mod certify;
pub mod counts;
pub mod dispersion;
pub mod exponent;
pub mod finding;
pub mod grid;
pub mod interval;
mod learning;
pub mod overall;
pub mod peers;
pub mod prepared;
pub mod probe;
pub mod rate;
pub mod reason;
pub mod sequential;
pub mod settings;
pub mod threshold;
pub mod traffic;

pub use counts::{Bucket, Counts, Totals};
pub use finding::RateFinding;
pub use overall::{GateVerdict, overall};
pub use prepared::PreparedTest;
pub use rate::judge_rate;
pub use reason::{ReasonCode, Verdict};
pub use settings::{BadSetting, RateTest};
pub use threshold::Threshold;
pub use traffic::Traffic;
