//! Retrieval jobs at a vault: asked for, joined, heard of, made faster, watched until their output expires.
//!
//! [`messages`] reads what a vault says of its jobs; [`room`] is who asks and who hears, [`hurry`] is how it makes a job
//! faster. What a job is for and what becomes of its output is not known here: plans wait for jobs in the state, and are
//! carried on when their jobs can be read.

pub mod hurry;
pub mod messages;
pub mod room;
