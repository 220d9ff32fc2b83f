//! Stories of bringing the last good version back, in the world.

mod aliases;
mod command;
mod keeper;
mod prod;
mod stacks;
mod told;
mod workflows;
