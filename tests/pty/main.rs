//! Programs on a pseudo-terminal: the terminal layer by a small program of its own, and the console itself.
//!
//! [`pty::Pty`] is the helper; its page says how to write a test with it.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod console;
mod freeze;
mod job;
mod layer;
mod place;
mod program;
mod pty;
mod restore;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod work;
