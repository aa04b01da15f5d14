//! The probe, the heartbeat writer and the line below both against real MariaDB servers, started by the tests; and against
//! an acted one that speaks as the servers do that cannot be had here.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

#[path = "../support/mod.rs"]
mod support;

mod acted;
mod commands;
mod kit;
mod link;
mod looks;
mod spellings;
mod verdicts;
mod writes;
