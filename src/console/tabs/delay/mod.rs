//! The Delay tab: every delayed replica with its verdict; over it one replica: the chart of its delay, the line fitted to
//! it, and everything that the verdict rests on.

pub mod about;
pub mod detail;
pub mod draw;
pub mod freeze;
pub mod frost;
pub mod rows;
pub mod state;
pub mod summary;

pub use state::{Read, ReplicaView, Span, State};
