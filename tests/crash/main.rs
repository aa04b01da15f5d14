//! Killed at every durable step, with and without what a power cut takes, and started again: nothing may be lost,
//! doubled or left behind. Needs the test build (`--features faults`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests
#![allow(clippy::disallowed_methods)] // deadlines of processes are kept by the wall clock

#[allow(dead_code)] // what other suites need of it
#[path = "../rounds/door.rs"]
mod door;
mod kills;
#[allow(dead_code)]
#[path = "../rounds/kit.rs"]
mod kit;
mod restores;
mod steps;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "../rounds/trees.rs"]
mod trees;
mod world;
