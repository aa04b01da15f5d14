//! The emergency of "Monitoring Delayed Replication" (Cianos): a bad statement has reached the primary and not yet this
//! replica. How long until it does, the replica stopped and proven to stand, what to do next, and what it cost.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`place`] | places in logs: read, checked, put in order |
//! | [`gtid`] | sets of GTIDs, MySQL's and MariaDB's |
//! | [`statement`] | the statement that must not be applied: by its time, its position, its GTID |
//! | [`sight`] | what one look at the two threads yields |
//! | [`line`](mod@line) | how far the replica has got, from what the judge keeps |
//! | [`arrival`] | when the statement reaches the replica; whether it has been applied |
//! | [`record`] | what is kept of a freeze; it is stored before each act |
//! | [`machine`] | the record and a look become the next record and what to do: stop, prove, watch, resume |
//! | [`orders`] | what operators order: run up to a place, resume, let go, tick a step |
//! | [`told`] | how a freeze stands, in a sentence |
//! | [`report`] | all there is about a freeze, as text and JSON |
//! | `server` | what a server calls things, by its kind and version |
//! | [`commands`] | statements and shell commands, quoted: find it, stop before it, pass over it |
//! | [`danger`] | what a restart or a careless command would delete |
//! | [`threads`] | the threads of a replica: a trait (what touches the world) |
//! | [`mysql`] | MySQL's and MariaDB's threads behind it (touches the world) |
//! | [`keeper`] | orders, and a round of the watch (touches the state) |
//! | [`watch`] | the watch over open freezes: a duty and a task each (touches the state) |
//! | [`steps`] | the recovery steps with who and when; the loss with and without the delay |
//!
//! "Frozen" is said only when both threads read No and the executed position has not moved between two looks that lie
//! the interval of an external tool apart, with every look between them alike. Until it is resumed it is looked at, and
//! stopped again if anything starts it.

pub mod arrival;
pub mod commands;
pub mod danger;
pub mod gtid;
pub mod keeper;
pub mod line;
pub mod machine;
pub mod mysql;
pub mod orders;
pub mod place;
pub mod record;
pub mod report;
mod server;
pub mod sight;
pub mod statement;
pub mod steps;
pub mod threads;
pub mod told;
pub mod watch;
