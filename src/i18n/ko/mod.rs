//! Korean; knows no surface.

pub mod alert;
pub mod ending;
pub mod message;
pub mod reason;
pub mod sight;
pub mod step;
pub mod tale;
