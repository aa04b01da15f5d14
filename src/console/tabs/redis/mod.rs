//! The Redis tab: every cluster that is watched; one of them with what is wrong, its slots, its masters with their
//! replicas; over it one node, what happened, and the benchmark.

pub mod about;
pub mod bench;
pub mod benchdraw;
pub mod clusters;
pub mod draw;
pub mod head;
pub mod node;
pub mod nodes;
pub mod sheet;
pub mod state;
pub mod wrong;

pub use state::{EventsView, FindingId, List, NodeView, State};
