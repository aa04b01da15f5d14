//! The store's rules, on every engine.
//!
//! A test takes a [`world::World`] and knows nothing of the engine below it; `on_every_engine!` runs it on each. What is
//! about SQLite alone stands in `sqlite.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[macro_use]
mod world;

mod adopt;
mod archived;
mod bundles;
mod clusters;
mod cost;
mod delay_cost;
mod delay_model;
mod delays;
mod delivery;
mod found;
mod hurries;
mod jobs;
mod ledger;
mod model;
mod orders;
mod past;
mod planned;
mod plans;
mod queue;
mod reports;
mod restorable;
mod restore_model;
mod retrievals;
mod sessions;
mod settle;
mod shared;
mod sqlite;
mod told;
mod verdicts;
mod views;
