//! firn
#![forbid(unsafe_code)]
pub mod base;
pub mod store;
pub mod vault;
