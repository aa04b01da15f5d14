//! A recorded history of a replica: lines of comma-separated values with a header, columns by name. Read and written a
//! row at a time: memory does not grow with the history.
//!
//! A column that is absent is not known, a field that is empty is NULL. Both spellings of MySQL are read (`master` and
//! `source`), the old one is written. A row whose fields are all empty (but for its time and its notes) is a look that
//! failed; a second without a row is one that was not made. Times are `t_seconds`, counted from the first row's
//! `wall_utc` where there is one.

mod columns;
mod csv;
mod read;
mod write;

pub use read::{Reader, Row};
pub use write::Writer;

/// Longest row, bytes.
pub const LONGEST: usize = 64 * 1024;

/// A history that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("line {line}: cannot be read: {error}")]
    Io {
        /// Where.
        line: u64,
        /// Why.
        error: std::io::Error,
    },
    /// There is no header.
    #[error("the file is empty; its first line must name the columns, such as t_seconds,delay_seconds,io_running")]
    Empty,
    /// A row is too long.
    #[error("line {line}: longer than {LONGEST} bytes, the most a row may have; is it a text file with a header?")]
    Long {
        /// Where it begins.
        line: u64,
    },
    /// A row is no UTF-8.
    #[error("line {line}: is not UTF-8; convert the file to it")]
    Encoding {
        /// Where it begins.
        line: u64,
    },
    /// A quote is wrong.
    #[error(
        "line {line}: a quote is not closed, or has text behind it; a field is quoted whole, and a quote in it doubled"
    )]
    Quote {
        /// Where the row begins.
        line: u64,
    },
    /// The header names no time.
    #[error("the header names neither t_seconds nor wall_utc; a history needs the time of each row")]
    NoTime,
    /// A column is there twice.
    #[error("the header names the column {column} twice; each is possible once")]
    Twice {
        /// Which.
        column: String,
    },
    /// A row has another number of fields than the header.
    #[error("line {line}: {found} fields, but the header names {expected} columns; leave a field empty for NULL")]
    Fields {
        /// Where.
        line: u64,
        /// So many.
        found: usize,
        /// As the header has.
        expected: usize,
    },
    /// A field cannot be what it says.
    #[error("line {line}, column {column}: {found} is not {wanted}")]
    Value {
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What stands there; safe to show.
        found: String,
        /// What may.
        wanted: &'static str,
    },
    /// A row does not come after the one before it.
    #[error(
        "line {line}: its time {found} s does not come after {before} s of the row before; rows are in the order of time"
    )]
    Order {
        /// Where.
        line: u64,
        /// Its time.
        found: f64,
        /// That of the row before.
        before: f64,
    },
}
