//! Retrieval jobs at a vault: asked for, joined, heard of, watched until their output expires.
//!
//! [`messages`] reads what a vault says of its jobs; [`room`] is who asks and who hears. What a job is for and what becomes of
//! its output is not known here: plans wait for jobs in the state, and are carried on when their jobs can be read.

pub mod messages;
pub mod room;
