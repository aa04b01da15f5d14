//! The columns: how they are called, in every spelling.

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Seconds,
    Wall,
    Delay,
    NoDelay,
    Local,
    Primary,
    Replication,
    ServerId,
    ServerUuid,
    Uptime,
    Version,
    ReadOnly,
    Channel,
    SourceHost,
    SourcePort,
    SourceId,
    SourceUuid,
    Io,
    Sql,
    IoState,
    SqlState,
    SecondsBehind,
    SqlDelay,
    SqlRemaining,
    Until,
    ReceivedFile,
    ReceivedAt,
    ExecutedFile,
    ExecutedAt,
    RelayFile,
    RelayAt,
    RelaySpace,
    ReceivedGtid,
    ExecutedGtid,
    IoErrno,
    IoError,
    SqlErrno,
    SqlError,
    Queued,
    Applied,
    Notes,
}

/// Every column with its names; the first is written. In that order.
pub(super) const COLUMNS: [(Column, &[&str]); 41] = [
    (Column::Seconds, &["t_seconds"]),
    (Column::Wall, &["wall_utc"]),
    (Column::Delay, &["delay_seconds"]),
    (Column::NoDelay, &["no_delay"]),
    (Column::Local, &["local_heartbeat_age"]),
    (Column::Primary, &["primary_heartbeat_age", "source_heartbeat_age"]),
    (Column::Replication, &["replication"]),
    (Column::ServerId, &["server_id"]),
    (Column::ServerUuid, &["server_uuid"]),
    (Column::Uptime, &["uptime"]),
    (Column::Version, &["version"]),
    (Column::ReadOnly, &["read_only"]),
    (Column::Channel, &["channel_name", "connection_name"]),
    (Column::SourceHost, &["master_host", "source_host"]),
    (Column::SourcePort, &["master_port", "source_port"]),
    (Column::SourceId, &["master_server_id", "source_server_id"]),
    (Column::SourceUuid, &["master_uuid", "source_uuid"]),
    (Column::Io, &["io_running", "slave_io_running", "replica_io_running"]),
    (Column::Sql, &["sql_running", "slave_sql_running", "replica_sql_running"]),
    (Column::IoState, &["io_state", "slave_io_state", "replica_io_state"]),
    (Column::SqlState, &["sql_state", "slave_sql_running_state", "replica_sql_running_state"]),
    (Column::SecondsBehind, &["seconds_behind_master", "seconds_behind_source"]),
    (Column::SqlDelay, &["sql_delay", "ps_desired_delay"]),
    (Column::SqlRemaining, &["sql_remaining_delay", "ps_remaining_delay"]),
    (Column::Until, &["until_condition"]),
    (Column::ReceivedFile, &["master_log_file", "source_log_file"]),
    (Column::ReceivedAt, &["read_master_log_pos", "read_source_log_pos"]),
    (Column::ExecutedFile, &["relay_master_log_file", "relay_source_log_file"]),
    (Column::ExecutedAt, &["exec_master_log_pos", "exec_source_log_pos"]),
    (Column::RelayFile, &["relay_log_file"]),
    (Column::RelayAt, &["relay_log_pos"]),
    (Column::RelaySpace, &["relay_log_space"]),
    (Column::ReceivedGtid, &["retrieved_gtid_set", "gtid_io_pos"]),
    (Column::ExecutedGtid, &["executed_gtid_set", "gtid_slave_pos"]),
    (Column::IoErrno, &["last_io_errno"]),
    (Column::IoError, &["last_io_error"]),
    (Column::SqlErrno, &["last_sql_errno"]),
    (Column::SqlError, &["last_sql_error"]),
    (Column::Queued, &["ps_queued_original_commit_age"]),
    (Column::Applied, &["ps_applied_original_commit_age"]),
    (Column::Notes, &["notes"]),
];

/// Columns that are known and say nothing that is judged.
pub(super) const IDLE: [&str; 8] =
    ["hb_ts", "hb_file", "hb_position", "query_ms", "ps_lag_at_apply", "ps_io_state", "ps_applier_state", "last_errno"];

impl Column {
    /// The name it is written by.
    pub(super) fn name(self) -> &'static str {
        COLUMNS.iter().find(|(column, _)| *column == self).map_or("", |(_, names)| names[0])
    }

    /// Whether a value in it shows that the look was one.
    pub(super) fn shows_a_look(self) -> bool {
        !matches!(self, Column::Seconds | Column::Wall | Column::Notes)
    }

    /// Whether it belongs to the replica's status.
    pub(super) fn of_status(self) -> bool {
        let place = |column| COLUMNS.iter().position(|(other, _)| *other == column);
        (place(Column::Channel)..place(Column::Notes)).contains(&place(self))
    }
}
