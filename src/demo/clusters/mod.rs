//! Redis clusters that are acted: captured replies of real ones, played along the demo's clock and looked at through the same
//! trait as real ones.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`state`] | a captured state: a folder a node, as `firn redis record` writes them |
//! | `names` | the addresses that the captured nodes have in the demo |
//! | `reel` | states one after another: who lives when, in which run, and from where its counters go on |
//! | `text` | what a node answers at a time: its captured reply, with what moves moved on |
//! | `probe` | looks at it, as the network would be looked at |
//!
//! What stands still in a capture would be a cluster that stands still. So uptime, counters, offsets and the times of pings go
//! on from the captured values at captured rates (what a counter had grown a second since its server had started). Nothing
//! else is made up: roles, slots, views, flags, epochs, links, memory and errors are as they were answered.

mod names;
mod probe;
mod reel;
pub mod state;
mod text;

pub use probe::ActedProbe;
pub use reel::Reel;
