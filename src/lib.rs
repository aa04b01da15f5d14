//! firn
#![forbid(unsafe_code)]
pub mod backup;
pub mod base;
pub mod cli;
pub mod config;
pub mod restore;
pub mod services;
pub mod source;
pub mod store;
pub mod vault;
pub mod worker;
