//! The probe, the heartbeat writer and the line below both against real MariaDB servers, started by the tests.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod kit;
mod link;
mod looks;
mod verdicts;
mod writes;
