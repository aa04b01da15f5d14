//! What every vault must do (`suite`), run for the directory vault, for the emulated Glacier vault, and
//! against vaults that lie; and what is particular to each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

// First, for its macros.
#[macro_use]
mod suite;

mod directory;
mod glacier;
mod identity;
mod liars;
mod mounts;
mod mutes;
mod pipeline;
mod progress;
mod retrievals;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod weather;
mod world;
