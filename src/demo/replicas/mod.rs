//! Replicas that are acted: servers made of a trace, looked at through the same trait as real ones.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`trace`] | what a replica shows over time: keyframes in a CSV of the columns that a recorded history has |
//! | `primary` | the source of acted replicas: what it has written, as a function of time |
//! | [`server`] | a server: trace, source and the clock make what one look at it yields; its threads can be stopped |
//! | [`past`] | six hours that have been when the demo begins, and the jobs of operators |
//! | `threads` | its threads, as whoever freezes it stops and starts them |
//! | `status` | the words in which a server says it |
//!
//! The traces that are part of the program are made by hand from the rates and shapes that were measured of real servers (a
//! thread that stands: +1 second a second; a line that fills: +1; an IO thread that stands: nothing for one whole delay,
//! then +1), at the scale of "Monitoring Delayed Replication" (Cianos): a line of two hours. Their last column says what
//! happens. A history that was recorded of a real replica can be played the same way.

pub mod past;
mod primary;
pub mod server;
mod status;
mod threads;
pub mod trace;

/// The traces that are part of the program: name and text.
pub(super) const EMBEDDED: [(&str, &str); 16] = [
    ("healthy", include_str!("../../../demo-data/delays/healthy.csv")),
    ("backup", include_str!("../../../demo-data/delays/backup.csv")),
    ("recovery", include_str!("../../../demo-data/delays/recovery.csv")),
    ("slow-return", include_str!("../../../demo-data/delays/slow-return.csv")),
    ("deshard", include_str!("../../../demo-data/delays/deshard.csv")),
    ("filling", include_str!("../../../demo-data/delays/filling.csv")),
    ("overload", include_str!("../../../demo-data/delays/overload.csv")),
    ("stuck", include_str!("../../../demo-data/delays/stuck.csv")),
    ("released", include_str!("../../../demo-data/delays/released.csv")),
    ("dip", include_str!("../../../demo-data/delays/dip.csv")),
    ("io-error", include_str!("../../../demo-data/delays/io-error.csv")),
    ("sql-error", include_str!("../../../demo-data/delays/sql-error.csv")),
    ("local-writer", include_str!("../../../demo-data/delays/local-writer.csv")),
    ("primary-writer", include_str!("../../../demo-data/delays/primary-writer.csv")),
    ("no-answer", include_str!("../../../demo-data/delays/no-answer.csv")),
    ("tool", include_str!("../../../demo-data/delays/tool.csv")),
];

/// The names of the traces that are part of the program.
pub fn known() -> Vec<&'static str> {
    EMBEDDED.iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests;
