//! `firn check delay` as a monitoring system reads it: by a reader of plugin output of the tests' own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp)] // helpers of tests

#[path = "../support/done.rs"]
#[allow(dead_code)] // it needs some of it
mod done;
mod golden;
mod made;
mod property;
mod reader;
mod reports;
mod stored;
mod usage;
