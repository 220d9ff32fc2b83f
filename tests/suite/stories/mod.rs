//! Stories of the action from the button to the record, in the world.

mod bad;
mod first;
mod good;
mod lock;
mod scene;
mod signals;
mod table;
