//! Text for each surface, from reports and facts; pure, and the only place where outside text is escaped.

pub mod annotation;
pub mod backtest;
mod columns;
pub mod escape;
pub mod json;
pub mod mail;
pub mod message;
pub mod next;
pub mod outputs;
pub mod progress;
pub mod slack;
pub mod story;
pub mod summary;
pub mod tables;
pub mod terminal;
pub mod timeline;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
