//! Alerts that are really sent: to an SMTP server, a program and a web server of the test's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
mod command;
mod kills;
mod kit;
mod mail;
mod ping;
mod smtp;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod worker;
