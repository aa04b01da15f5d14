//! The console over its real model: what it draws of the demo's services, what each key does, what dialogs ask, and that
//! screen and JSON say the same. No terminal is needed for any of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

mod actions;
mod delays;
mod dialogs;
mod figures;
mod kit;
mod lists;
mod look;
mod pictures;
mod plays;
mod redis;
mod restores;
mod sweep;
mod typing;
