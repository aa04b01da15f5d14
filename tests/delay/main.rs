//! The judge of delayed replicas: by streams of looks, by simulated and recorded histories, by properties, and with one
//! rule left out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod cases;
mod hints;
mod kit;
mod limits;
mod looks;
mod mutants;
mod numbers;
mod plays;
mod properties;
mod replay;
mod restarts;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod traces;
