//! Stories of bringing the last good version back, in the world.

mod aliases;
mod prod;
mod stacks;
