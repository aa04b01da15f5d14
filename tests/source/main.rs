//! The directory source on real file systems: what stands in a tree, what happens to it while it is read or watched, and
//! who may read it. Each test also finds and reads an ordinary neighbour, since nothing may stop the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod held;
mod kinds;
mod kit;
mod mounts;
mod names;
mod property;
mod reading;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod watching;
