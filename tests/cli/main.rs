//! The command line end to end: the real program on real folders, and everything an operator can get wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests

mod acts;
mod backup;
mod clock;
mod config;
mod demo;
mod forget;
mod full;
mod job;
mod kills;
mod kit;
mod pools;
mod reports;
mod restore;
mod returns;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod together;
mod trouble;
