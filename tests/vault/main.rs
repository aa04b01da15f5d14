//! What every vault must do (`suite`), run for the directory vault and against vaults that lie; and what is particular
//! to the directory vault.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

// First, for its macros.
#[macro_use]
mod suite;

mod alone;
mod directory;
mod identity;
mod liars;
mod mounts;
mod pipeline;
mod progress;
mod subject;
mod world;
