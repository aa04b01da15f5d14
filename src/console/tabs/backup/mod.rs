//! The Backup tab: the pipeline at a glance, bundles on their way, failures, pools of all hosts.

pub mod draw;
pub mod rows;
pub mod state;

pub use rows::{Cell, Column, Pane, RowId};
pub use state::State;
