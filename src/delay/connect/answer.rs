//! What a server answers, bounded: values as text, in rows.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Row, Value};

use crate::base::hash::Hash16;

/// Rows of an answer; more is an error.
const MOST_ROWS: usize = 10_000;
/// Bytes of a packet, so of a row.
pub(super) const MOST_PACKET: usize = 1 << 20;
/// Bytes of an answer.
const MOST_BYTES: usize = 8 << 20;
/// Bytes that are kept of a value; a longer one is nothing, and its hash is kept.
pub const MOST_VALUE: usize = 16 << 10;
/// Hashes of such values; of more that is all that is known.
const MOST_CUT: usize = 1024;
/// An answer: values as text, in rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows; nothing: NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Values that were too long, and are nothing.
    pub cut: Vec<Cut>,
}

/// A value that was too long to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its row.
    pub row: usize,
    /// Its column's name.
    pub column: String,
    /// What it can be told from another by: see [`digest`].
    pub digest: String,
}

/// What a text that is too long to keep is told from others by: `xxh3-128:` and a hash.
pub fn digest(text: &[u8]) -> String {
    format!("xxh3-128:{}", Hash16::xxh3(text))
}

impl Table {
    /// A row's value by its column's name.
    pub fn value(&self, row: usize, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name.eq_ignore_ascii_case(column))?;
        self.rows.get(row)?.get(at)?.as_deref()
    }

    /// What stands for a row's value that was too long.
    pub fn digest(&self, row: usize, column: &str) -> Option<&str> {
        let cut = self.cut.iter().find(|cut| cut.row == row && cut.column.eq_ignore_ascii_case(column))?;
        Some(&cut.digest)
    }
}

/// Why an answer was not read to its end.
pub(super) enum Fault {
    Driver(Error),
    TooMuch(&'static str),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Driver(e)
    }
}

/// Asks and reads the answer.
pub(super) async fn read(conn: &mut Conn, sql: &str) -> Result<Table, Fault> {
    let mut result = conn.query_iter(sql).await?;
    let columns = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let mut table = Table { columns, rows: Vec::new(), cut: Vec::new() };
    let mut bytes = 0;
    while let Some(row) = result.next().await? {
        if table.rows.len() == MOST_ROWS {
            return Err(Fault::TooMuch("10,000 rows"));
        }
        let row = values(row, &mut table);
        bytes += row.iter().flatten().map(String::len).sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(Fault::TooMuch("8 MiB"));
        }
        table.rows.push(row);
    }
    Ok(table)
}

fn values(row: Row, table: &mut Table) -> Vec<Option<String>> {
    let mut values = Vec::with_capacity(table.columns.len());
    for (at, value) in row.unwrap_raw().into_iter().enumerate() {
        values.push(match value {
            Some(Value::Bytes(bytes)) if bytes.len() <= MOST_VALUE => {
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(Value::Bytes(bytes)) => {
                if let Some(column) = table.columns.get(at)
                    && table.cut.len() < MOST_CUT
                {
                    table.cut.push(Cut { row: table.rows.len(), column: column.clone(), digest: digest(&bytes) });
                }
                None
            }
            None | Some(Value::NULL) => None,
            // A text answer has bytes alone.
            Some(other) => Some(other.as_sql(true).trim_matches('\'').to_owned()),
        });
    }
    values
}
