//! The judge of redis clusters: over recorded replies, over streams of looks, with one rule left out, and by properties.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests
// Made-up replies are written as they read.
#![allow(clippy::assigning_clones, clippy::format_collect, clippy::needless_pass_by_value, clippy::match_bool)]

mod attached;
mod borders;
mod captures;
mod command;
mod counted;
mod folders;
mod kept;
mod kit;
mod loads;
mod mends;
mod mutants;
mod plays;
mod properties;
mod said;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod world;
