//! The few words every room uses: ids, time and clock, units, severity and findings, backoff, escaping, durable
//! file calls. `base` knows nobody.

pub mod addr;
pub mod backoff;
pub mod buffers;
pub mod calendar;
pub mod clock;
pub mod cluster_limits;
pub mod disk;
pub mod encode;
pub mod escape;
pub mod faults;
pub mod file;
pub mod finding;
pub mod hash;
pub mod host;
pub mod ids;
pub mod limits;
pub mod money;
pub mod near;
pub mod plugin;
pub mod random;
pub mod secret;
pub mod sink;
pub mod speed;
pub mod stop;
pub mod task;
pub mod time;
pub mod units;
pub mod url;
pub mod world;

pub use clock::Clock;
pub use escape::Shown;
pub use finding::{Finding, Severity};
pub use money::Money;
pub use stop::Stop;
pub use time::{FileTime, Time};
