//! backup
pub mod bundle;
