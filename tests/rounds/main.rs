//! Round trips: files backed up by the real pipeline, deleted, asked for, planned, confirmed, retrieved and delivered,
//! through a vault in a folder and through an emulated Glacier, in a clock that is moved by hand; and all that can go wrong
//! on the way.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod budget;
mod changes;
mod damage;
mod door;
mod faster;
mod jobs;
mod kit;
mod price;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
mod trees;
mod trips;
