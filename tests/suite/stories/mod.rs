//! Stories of the action from the button to the record, in the world.

mod alone;
mod bad;
mod brings;
mod checks;
mod days;
mod first;
mod good;
mod hurry;
mod identity;
mod keeper;
mod lock;
mod redeploy;
mod rollback;
pub mod scene;
mod showing;
mod signals;
mod table;
mod wrong;
