//! Backing up: scan → fetch → bundle → upload → settle.
//!
//! Pure files decide (`plan`, `root`, `digest`, `bundle`); thin files touch the world (`scan`, `fetch`, `lane`,
//! `direct`, `upload`, `settle`). A [`pipe::Pipe`] is what the tasks of one run share; any trouble with the state ends
//! it, and [`pipeline`] is started anew: what it held is given back as if the process had died.

pub mod bundle;
pub mod digest;
mod direct;
mod dispatch;
mod fetch;
mod lane;
mod md5_lanes;
pub mod moving;
pub mod pipe;
pub mod pipeline;
pub mod plan;
pub mod root;
pub mod scan;
mod settle;
pub mod snapshot;
pub mod staging;
mod unread;
mod upload;
mod watchman;
