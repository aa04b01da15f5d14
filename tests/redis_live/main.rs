//! The probe, the panels and the acts against real redis servers, started by the tests, and against servers that lie.

#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp)] // helpers of tests

#[path = "../support/mod.rs"]
mod support;

mod acts;
mod bad;
mod cluster;
mod commands;
mod guarded;
mod haste;
mod kit;
mod nodes;
#[path = "../plugin/reader.rs"]
mod reader;
mod rights;
mod tls;
mod topologies;
