//! The words in which a server says how its replication stands: MySQL's, or MariaDB's.

use std::time::Duration;

use super::primary::{Primary, place};
use super::trace::Scene;
use crate::delay::connect::LinkError;
use crate::delay::limits::DelayBy;
use crate::delay::seen::{IoThread, Status};
use crate::demo::scenario::ReplicaSpec;

/// The port of every server here.
const PORT: u16 = 3306;

/// What a row is made of.
pub(super) struct Facts<'a> {
    pub spec: &'a ReplicaSpec,
    pub primary: &'a Primary,
    pub scene: &'a Scene,
    pub io: Option<IoThread>,
    pub sql: Option<bool>,
    /// Seconds.
    pub delay: f64,
    /// Bytes of the source that were received.
    pub received: u64,
    /// Bytes of the source that were executed.
    pub executed: u64,
    /// Seconds since what was received last was written.
    pub received_age: f64,
    /// Seconds since what was executed last was written.
    pub executed_age: f64,
}

pub(super) fn is_mariadb(spec: &ReplicaSpec) -> bool {
    spec.version.contains("MariaDB")
}

/// From MySQL 8 on: sources and replicas by those words, and when a transaction was committed.
pub(super) fn is_modern(spec: &ReplicaSpec) -> bool {
    !is_mariadb(spec) && !spec.version.starts_with("5.")
}

/// MariaDB knows no UUIDs of servers.
pub(super) fn has_uuid(spec: &ReplicaSpec) -> bool {
    !is_mariadb(spec)
}

/// Why nothing is seen of a server that is down.
pub(super) fn silent(name: &str, within: Duration) -> LinkError {
    LinkError::Silent { server: format!("{name}:{PORT}"), within }
}

/// The row of `SHOW REPLICA STATUS`, with what `performance_schema` of MySQL knows beside it.
pub(super) fn row(facts: &Facts<'_>) -> Status {
    let Facts { spec, primary, scene, io, sql, .. } = *facts;
    let (mysql, modern) = (!is_mariadb(spec), is_modern(spec));
    let waits = facts.received > facts.executed;
    let applies = sql == Some(true);
    let remaining = match (applies, waits, scene.sql_delay) {
        (true, true, Some(delay)) => Some(whole(f64::from(u32::try_from(delay).unwrap_or(u32::MAX)) - facts.delay)),
        _ => None,
    };
    let io_error = || scene.io_errno.map(|errno| io_error(errno, primary));
    let sql_error = || scene.sql_errno.map(|errno| sql_error(errno, primary, facts.executed));
    let external = spec.limits.delay_by == DelayBy::External;
    Status {
        channel: String::new(),
        io,
        sql,
        io_errno: scene.io_errno,
        io_error: scene.io_error.clone().or_else(io_error),
        sql_errno: scene.sql_errno,
        sql_error: scene.sql_error.clone().or_else(sql_error),
        io_state: Some(io_state(io, modern).to_owned()),
        sql_state: Some(sql_state(facts, modern, waits)),
        source_host: Some(primary.host.clone()),
        source_port: Some(PORT),
        source_id: Some(primary.id),
        source_uuid: mysql.then(|| primary.uuid.clone()),
        received: Some(Primary::position(facts.received)),
        executed: Some(Primary::position(facts.executed)),
        relay: Some(place("relay-bin", facts.executed)),
        received_gtid: mysql.then(|| primary.gtids(facts.received)),
        executed_gtid: mysql.then(|| primary.gtids(facts.executed)),
        relay_space: Some(facts.received.saturating_sub(facts.executed) + 4096),
        until: external.then(|| "Master".to_owned()),
        sql_delay: scene.sql_delay,
        sql_remaining: remaining,
        // As servers have it: nothing while a thread that it is measured by stands.
        seconds_behind: (applies && (io == Some(IoThread::Yes) || (mysql && waits))).then(|| whole(facts.delay)),
        queued_age: modern.then_some(facts.received_age),
        applied_age: modern.then_some(facts.executed_age),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it saturates
fn whole(seconds: f64) -> u64 {
    seconds.max(0.0).round() as u64
}

fn io_state(io: Option<IoThread>, modern: bool) -> &'static str {
    match (io, modern) {
        (Some(IoThread::Yes), true) => "Waiting for source to send event",
        (Some(IoThread::Yes), false) => "Waiting for master to send event",
        (Some(IoThread::Connecting), true) => "Reconnecting after a failed source event read",
        (Some(IoThread::Connecting), false) => "Reconnecting after a failed master event read",
        _ => "",
    }
}

fn sql_state(facts: &Facts<'_>, modern: bool, waits: bool) -> String {
    let said = match (facts.sql, &facts.scene.sql_state) {
        (Some(false) | None, _) => "",
        (Some(true), Some(said)) => said,
        (Some(true), None) => match (waits, modern) {
            (false, true) => "Replica has read all relay log; waiting for more updates",
            (false, false) => "Slave has read all relay log; waiting for more updates",
            (true, true) => "Waiting until SOURCE_DELAY seconds after source executed event",
            (true, false) => "Waiting until MASTER_DELAY seconds after master executed event",
        },
    };
    said.to_owned()
}

/// What an error of the IO thread is told as.
fn io_error(errno: u32, primary: &Primary) -> String {
    let host = &primary.host;
    match errno {
        0 => String::new(),
        2003 => format!(
            "error reconnecting to source 'repl@{host}:{PORT}' - retry-time: 60 retries: 10 message: Can't connect to MySQL server on '{host}:{PORT}' (111)"
        ),
        2013 => "error reading packet from server: Lost connection to server during query".to_owned(),
        1236 | 13_114 => "Got fatal error 1236 from source when reading data from binary log: 'Could not find first log file name in binary log index file'".to_owned(),
        _ => format!("error {errno}"),
    }
}

/// What an error of the SQL thread is told as.
fn sql_error(errno: u32, primary: &Primary, executed: u64) -> String {
    let place = Primary::position(executed);
    let at = format!("the event's source log {}, end_log_pos {}", place.file, place.at + 311);
    let row = 1000 + primary.id;
    match errno {
        0 => String::new(),
        1062 => format!(
            "Could not execute Write_rows event on table shop.orders; Duplicate entry '{row}' for key 'orders.PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; {at}"
        ),
        1032 => format!(
            "Could not execute Update_rows event on table shop.orders; Can't find record in 'orders', Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; {at}"
        ),
        _ => format!("Error_code: {errno}; {at}"),
    }
}
