//! The probe, the panels and the acts against real redis servers, started by the tests, and against servers that lie.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

#[path = "../support/mod.rs"]
mod support;

mod acts;
mod bad;
mod cluster;
mod kit;
mod nodes;
mod rights;
mod tls;
mod topologies;
