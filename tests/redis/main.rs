//! The judge of redis clusters: over recorded replies, over streams of looks, with one rule left out, and by properties.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests
// Made-up replies are written as they read.
#![allow(clippy::assigning_clones, clippy::format_collect, clippy::needless_pass_by_value, clippy::match_bool)]

mod captures;
mod folders;
mod kit;
mod loads;
mod mutants;
mod plays;
mod properties;
mod world;
