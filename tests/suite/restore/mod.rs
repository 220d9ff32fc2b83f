//! Stories of bringing the last good version back, in the world.

mod aliases;
mod command;
mod keeper;
mod prod;
mod stacks;
mod sweep;
mod told;
mod workflows;
