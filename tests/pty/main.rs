//! Programs on a pseudo-terminal: the terminal layer by a small program of its own, and the console itself.
//!
//! [`support::pty::Pty`] is the helper; its page says how to write a test with it.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod console;
mod freeze;
mod job;
mod layer;
mod place;
mod program;
mod restore;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod work;

use support::pty;
