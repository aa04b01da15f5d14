//! A replica that is stopped in an emergency: whatever happens meanwhile, "frozen" is said only of one that stands.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod kept;
mod kit;
mod live;
mod machine;
mod ordered;
mod ordering;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod typed;
mod watching;
mod world;
