//! The benchmark against real servers: what it counts is what the servers counted, and nothing of it is left.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests
#![allow(clippy::cast_precision_loss)] // rates

mod command;
mod counts;
mod invariant;
mod kept_off;
mod kit;
mod refusals;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
