//! An emulated vault of Amazon Glacier: what the service does, as a state machine whose time is a parameter.
//!
//! [`core`] is the service itself: archives, uploads in parts, jobs, inventories, refusals in its own words, and the
//! [`weather`] that makes it slow, absent or forgetful on a schedule. It never waits and touches nothing; bytes lie on a
//! [`shelf`], in files. [`door`] is the way in that firn's own code uses: a [`crate::vault::Vault`] in this process, with
//! the time that requests take.
//!
//! The ends of jobs are told as the service tells them ([`Topic`]): at least once, in any order, lost or late as the weather
//! has it, among the messages of others. What it is asked can be written down ([`Core::keep_log`]), and what it holds
//! can be spoilt beneath it ([`Core::spoil`], [`Core::truncate`]).
//!
//! The service's side shares no code with firn's own side of the protocol: tree hash, ranges and limits are written
//! anew here, so that a mistake there is found and not repeated. (Limits, tiers and errors are those of the Glacier
//! developer guide.) What one seed decides is drawn by what is asked and how often that was asked before, never by
//! the order of calls: work done by four threads is served as by one.

pub mod core;
mod damage;
pub mod door;
mod draw;
pub mod hash;
mod jobs;
mod ledger;
mod queue;
pub mod refusal;
pub mod shelf;
mod topic;
mod uploads;
pub mod weather;

#[cfg(test)]
mod tests;

pub use self::core::{Core, Inventory, Listed, Rate, Receipt, Rules, TierTimes};
pub use self::door::{FakeVault, Glacier, Link};
pub use self::jobs::{JobFilter, JobView, Output, Phase, Retrieval};
pub use self::ledger::Logged;
pub use self::refusal::Refusal;
pub use self::shelf::{Body, Shelf};
pub use self::topic::Topic;
pub use self::uploads::{PART_LIMIT, UploadView};
pub use self::weather::{Fault, Weather, Window};
