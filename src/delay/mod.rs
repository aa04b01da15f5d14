//! Deliberately delayed replicas: looked at, judged by the trend of their delay, and stopped in an emergency.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`seen`] | what one look at a replica yields; what was not seen is nothing, never zero |
//! | [`limits`] | what is allowed, by the names of "Monitoring Delayed Replication" (Cianos), checked against each other (kept in [`crate::base`]) |
//! | [`job`] | work that may hold a replica up for a while: backups, deshards |
//! | [`trend`] | the line through the samples of a window |
//! | [`state`] | what the judge keeps between two judgements; it is stored, so that every process gives one verdict |
//! | `judge` | the rules: looks are folded into the state, the state and its samples become a verdict |
//! | [`connect`] | the line to a server: every statement ends by itself (touches the world) |
//! | [`heartbeat`] | the heartbeat table: whose row, how old |
//! | [`jobs_query`] | jobs as a table of one's own tells them |
//! | [`privilege`] | what an account needs, by server and version |
//! | [`probe`] | looking at a replica: a trait, and MySQL and MariaDB behind it (touches the world) |
//! | [`writer`] | heartbeats, written (touches the world) |
//! | [`doctor`] | what works of looking at a replica, and what is missing (touches the world) |
//! | [`observe`] | a look is folded into the state |
//! | [`judge`] | the rules: the state and its samples become a verdict |
//! | [`cause`] | the likely cause of what a verdict says: a hint beside it, never a verdict |
//! | [`plugin`] | a verdict as a monitoring plugin says it: one line, figures, exit code |
//! | [`report`] | how replicas stand, as text and JSON |
//! | [`watch`] | the worker: looks at each server, judges, writes (touches the world) |
//! | [`mod@unit`] | a judged replica in the memory of the worker |
//! | [`findings`] | what is wrong with replicas, as it is told to people |
//! | [`direct`] | one look of one's own, added to what is stored (touches the world) |
//! | [`gather`] | reads back how all replicas stand (touches the state) |
//! | [`mod@chart`] | reads what a replica's chart is drawn from (touches the state) |
//! | [`trace`] | a recorded history: read, written |
//! | [`replay`] | a recorded history is judged as a worker would have |
//! | [`freeze`] | the emergency: a replica is stopped, proven to stand, watched, resumed (touches the world) |
//! | [`status`] | `SHOW REPLICA STATUS` by the names of its columns, in every spelling |
//! | [`snapshot`] | how all replicas stand: what the Delay tab draws and `firn delay` prints |
//!
//! Pure but for what its page says touches the world. Units: delays and ages are seconds (`f64`), spans are
//! [`std::time::Duration`], moments are [`crate::base::Time`].

pub mod cause;
pub mod chart;
pub mod connect;
pub mod direct;
pub mod doctor;
pub mod findings;
pub mod freeze;
pub mod gather;
pub mod heartbeat;
pub mod job;
pub mod jobs_query;
pub mod judge;
pub mod observe;
pub mod plugin;
pub mod privilege;
pub mod probe;
pub mod replay;
pub mod report;
pub mod seen;
pub mod snapshot;
pub mod state;
pub mod status;
pub mod trace;
pub mod trend;
pub mod unit;
pub mod verdict;
pub mod watch;
pub mod writer;

pub use crate::base::limits;
