//! What more than one suite stands on. A suite takes it in by `#[path = "../support/mod.rs"] mod support;`.

#![allow(dead_code)] // no suite needs all of it
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests

pub mod alone;
pub mod between;
pub mod child;
pub mod dice;
pub mod done;
pub mod flags;
pub mod folders;
pub mod host;
pub mod mariadb;
pub mod median;
pub mod pty;
pub mod redis;
pub mod servers;
pub mod waiting;
