//! Redis clusters on the screen: real servers that are killed, hung and broken, and the console on a terminal that says so.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod broken;
mod killed;
mod kit;
#[path = "../support/mod.rs"]
mod support;
mod together;
