//! One connection inside one operation: statements kept prepared, their work counted, values converted.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Row, StatementStatus};
use uuid::Uuid;

use super::translate;
use crate::base::hash::{Hash16, Hash32};
use crate::base::ids::{
    ArchiveId, ArchiveUuid, DestId, FileId, FreezeId, Generation, JobId, Key, Lane, PlanId, RetrievalId, RetrievalUuid,
    SessionId, SourceId, VaultUuid, Version,
};
use crate::base::{Money, Time};
use crate::store::{
    ArchiveState, ClosedBy, PartState, PlanState, QueueState, RestoreState, Result, RetrievalState, StoreError,
};

/// Counts the steps of SQLite's machine: what an operation costs whatever the machine, for the tests that hold the
/// cost of a claim or a page against the number of archived rows.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicU64);

impl Meter {
    pub(super) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What an operation works with.
pub(super) struct Db<'a> {
    conn: &'a Connection,
    place: &'a str,
    meter: &'a Meter,
    now: Cell<Time>,
    /// What this transaction moves, live lane first.
    flow: Cell<[Moved; 2]>,
}

/// What a transaction moves in a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub found_files: u64,
    pub found_bytes: u64,
    pub stored_files: u64,
    pub stored_bytes: u64,
    pub archives: u64,
    pub archive_bytes: u64,
}

impl<'a> Db<'a> {
    pub(super) fn new(conn: &'a Connection, place: &'a str, meter: &'a Meter, now: Time) -> Self {
        Self { conn, place, meter, now: Cell::new(now), flow: Cell::default() }
    }

    /// Where the database is, safe to show.
    pub(super) fn place(&self) -> &str {
        self.place
    }

    /// The store's time of this operation.
    pub(super) fn now(&self) -> Time {
        self.now.get()
    }

    pub(super) fn set_now(&self, now: Time) {
        self.now.set(now);
    }

    /// Counts what moves in a lane; written once, at the end of the transaction.
    pub(super) fn flows(&self, lane: Lane, add: impl FnOnce(&mut Moved)) {
        let mut flow = self.flow.get();
        add(&mut flow[usize::from(lane == Lane::History)]);
        self.flow.set(flow);
    }

    /// What has moved in this transaction, live lane first.
    pub(super) fn moved(&self) -> [Moved; 2] {
        self.flow.get()
    }

    /// Runs a statement; how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<u64> {
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| self.failed(&e))?;
        let changed = statement.execute(params).map_err(|e| self.failed(&e))?;
        self.count(&statement);
        Ok(changed as u64)
    }

    /// All rows of a query.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| self.failed(&e))?;
        let rows = statement.query_map(params, read).and_then(Iterator::collect).map_err(|e| self.failed(&e))?;
        self.count(&statement);
        Ok(rows)
    }

    /// The first row of a query.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.rows(sql, params, read)?.into_iter().next())
    }

    pub(super) fn last_id(&self) -> i64 {
        self.conn.last_insert_rowid()
    }

    fn count(&self, statement: &rusqlite::Statement<'_>) {
        let steps = statement.reset_status(StatementStatus::VmStep);
        self.meter.0.fetch_add(u64::try_from(steps).unwrap_or(0), Ordering::Relaxed);
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        translate(self.place, error)
    }
}

macro_rules! number {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map($name)
            }
        }
    )*};
}

number!(FileId ArchiveId SessionId SourceId Generation PlanId DestId RetrievalId JobId FreezeId);

macro_rules! code {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.code().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let code = i64::column_result(value)?;
                $name::from_code(code).ok_or(FromSqlError::OutOfRange(code))
            }
        }
    )*};
}

code!(QueueState ArchiveState ClosedBy PlanState PartState RestoreState RetrievalState);

macro_rules! blob {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_bytes().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Ok($name::new(value.as_blob()?))
            }
        }
    )*};
}

blob!(Key Version);

macro_rules! array {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.as_slice().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map($name)
            }
        }
    )*};
}

array!(Hash16 Hash32);

macro_rules! uuid {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.as_bytes().as_slice().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value).map(|bytes| $name(Uuid::from_bytes(bytes)))
            }
        }
    )*};
}

uuid!(ArchiveUuid VaultUuid RetrievalUuid);

impl ToSql for Money {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.nanos().into())
    }
}

impl FromSql for Money {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Money::from_nanos)
    }
}

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_micros().into())
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Time::from_micros)
    }
}

impl ToSql for Lane {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Lane::Live => 0i64,
            Lane::History => 1,
        }
        .into())
    }
}

impl FromSql for Lane {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match i64::column_result(value)? {
            0 => Ok(Lane::Live),
            1 => Ok(Lane::History),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
