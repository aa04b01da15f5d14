//! The benchmark: clients that `GET` and `SET`, or that carry out transactions of five round trips, and what came of them.
//!
//! Source: "Distributed Redis Transactions" and its tool, whose workload this is. Unlike that tool, answers are looked at:
//! commits, aborts and errors are told apart, and what an aborted transaction took does not count as throughput.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`spec`] | what is asked for, and its limits |
//! | [`outcome`] | what a run tells while it runs and at its end |
//! | [`run`](run()) | a run from its beginning to its end |
//! | [`guard`] | hosts that are kept off: production, and those that speak TLS |
//! | `prepare` | hosts are asked, masters found, accounts laid out |
//! | `drive`, `attempts`, `conns`, `client` | one thread: its loop, what its clients do, its connections, what comes next |
//! | `shared` | what all threads share |
//! | `wire` | requests built ahead, replies read where they lie |
//! | `nodes` | hosts, the owners of slots, redirections |
//! | `tally` | what threads count |
//! | [`ledger`] | the invariant check |
//! | `control`, `clean` | plain connections; keys are removed |
//! | `overhead` | what the tool takes itself |
//! | [`words`] | an outcome in words |

mod attempts;
mod clean;
mod client;
mod conns;
mod control;
mod drive;
pub mod guard;
pub mod ledger;
mod nodes;
pub mod outcome;
mod overhead;
mod prepare;
mod run;
mod shared;
pub mod spec;
mod tally;
mod wire;
pub mod words;

pub use guard::{Guard, Known};
pub use ledger::Verdict;
pub use outcome::{Counts, Latency, Live, Outcome, Phase, Unanswered};
pub use run::{EVERY, run};
pub use spec::{BenchError, Choice, Login, Spec, Work};
