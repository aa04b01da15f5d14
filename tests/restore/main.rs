//! Parts of plans delivered to folders: the real backup of a tree, a plan of it in the state, and the tree again; with what
//! can be wrong with archives and destinations, and interrupted anywhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
#![cfg_attr(feature = "faults", allow(clippy::print_stdout))]

mod interrupted;
mod money;
mod places;
#[path = "../support/mod.rs"]
mod support;
mod syncs;
mod trees;
mod vaults;
mod world;

#[cfg(feature = "faults")]
mod crash;
