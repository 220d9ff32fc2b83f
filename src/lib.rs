//! deploy-guard makes production deployments safe: it locks an environment, records the deployment, watches it,
//! judges it, restores the last good version when it must, and tells people.
//!
//! Layers, in reading order; each may import those before it, never one after it (a test reads the `use` paths):
//! `core` (pure decisions) → `i18n` (sentences) → `render` (text for each surface) → `config` (settings) →
//! `ports` (what the engine needs) → `adapters` | `engine` → `surface` (action, command line) → `app`.

pub mod adapters;
pub mod app;
pub mod config;
pub mod core;
pub mod engine;
pub mod i18n;
pub mod ports;
pub mod render;
pub mod surface;
