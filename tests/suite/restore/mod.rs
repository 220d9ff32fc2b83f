//! Stories of bringing the last good version back, in the world.

mod aliases;
mod command;
mod prod;
mod stacks;
mod told;
