//! `SHOW REPLICA STATUS`, by the columns' names: MySQL 5.7 to 9 and MariaDB, in both spellings (MySQL's and MariaDB's
//! manuals). What is not there is nothing; what is not known is noted and left alone. Pure.

use super::connect::{Table, words};
use super::seen::{IoThread, Position, Status};

/// Channels of one server; more are not looked at.
pub const MOST_CHANNELS: usize = 64;
/// Characters of an error's text and of a state that are kept.
const MOST_TEXT: usize = 1_000;

/// Columns that mean nothing to a delay, in the old spelling and lower case.
const LEFT_ALONE: &[&str] = &[
    "master_user",
    "connect_retry",
    "replicate_do_db",
    "replicate_ignore_db",
    "replicate_do_table",
    "replicate_ignore_table",
    "replicate_wild_do_table",
    "replicate_wild_ignore_table",
    "skip_counter",
    "until_log_file",
    "until_log_pos",
    "master_ssl_allowed",
    "master_ssl_ca_file",
    "master_ssl_ca_path",
    "master_ssl_cert",
    "master_ssl_cipher",
    "master_ssl_key",
    "master_ssl_verify_server_cert",
    "replicate_ignore_server_ids",
    "master_info_file",
    "master_retry_count",
    "master_bind",
    "last_io_error_timestamp",
    "last_sql_error_timestamp",
    "master_ssl_crl",
    "master_ssl_crlpath",
    "auto_position",
    "replicate_rewrite_db",
    "master_tls_version",
    "master_public_key_path",
    "get_master_public_key",
    "network_namespace",
    "using_gtid",
    "replicate_do_domain_ids",
    "replicate_ignore_domain_ids",
    "parallel_mode",
    "slave_ddl_groups",
    "slave_non_transactional_groups",
    "slave_transactional_groups",
    "slave_sql_state",
    "retried_transactions",
    "max_relay_log_size",
    "executed_log_entries",
    "slave_received_heartbeats",
    "slave_heartbeat_period",
    "master_last_event_time",
    "slave_last_event_time",
    "master_slave_time_diff",
];

/// Columns that are read.
const READ: &[&str] = &[
    "connection_name",
    "channel_name",
    "slave_io_running",
    "slave_sql_running",
    "last_errno",
    "last_error",
    "last_io_errno",
    "last_io_error",
    "last_sql_errno",
    "last_sql_error",
    "slave_io_state",
    "slave_sql_running_state",
    "master_host",
    "master_port",
    "master_server_id",
    "master_uuid",
    "master_log_file",
    "read_master_log_pos",
    "relay_master_log_file",
    "exec_master_log_pos",
    "relay_log_file",
    "relay_log_pos",
    "retrieved_gtid_set",
    "executed_gtid_set",
    "gtid_io_pos",
    "gtid_slave_pos",
    "relay_log_space",
    "until_condition",
    "sql_delay",
    "sql_remaining_delay",
    "seconds_behind_master",
];

/// Columns without which a status says too little.
const NEEDED: [&str; 2] = ["slave_io_running", "slave_sql_running"];

/// A column's name in the old spelling and lower case: `Source_Log_File` is `master_log_file`.
fn canonical(name: &str) -> String {
    let word = |word: &str| match word.to_ascii_lowercase().as_str() {
        "source" => "master".to_owned(),
        "replica" => "slave".to_owned(),
        other => other.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join("_")
}

/// One status a row, and what is odd.
pub fn statuses(table: &Table) -> (Vec<Status>, Vec<String>) {
    let mut notes = Vec::new();
    let columns: Vec<String> = table.columns.iter().map(|name| canonical(name)).collect();
    for (name, canonical) in table.columns.iter().zip(&columns) {
        if !READ.contains(&canonical.as_str()) && !LEFT_ALONE.contains(&canonical.as_str()) {
            note(&mut notes, format!("the status has a column that firn does not know: {}", words(name)));
        }
    }
    for needed in NEEDED.iter().filter(|needed| !columns.iter().any(|column| column == *needed)) {
        note(&mut notes, format!("the status has no column {needed}, in either spelling"));
    }
    for cut in &table.cut {
        note(&mut notes, format!("the status has too long a value to keep in column {}", words(&cut.column)));
    }
    if table.rows.len() > MOST_CHANNELS {
        let text = format!("the server has {} channels; the first {MOST_CHANNELS} are looked at", table.rows.len());
        note(&mut notes, text);
    }
    let rows = table.rows.iter().enumerate().take(MOST_CHANNELS);
    let statuses =
        rows.map(|(at, values)| Row { table, at, columns: &columns, values, notes: &mut notes }.status()).collect();
    (statuses, notes)
}

/// Notes are few: what is odd in one row is odd in all.
fn note(notes: &mut Vec<String>, text: String) {
    if notes.len() < 16 && !notes.contains(&text) {
        notes.push(text);
    }
}

struct Row<'a> {
    table: &'a Table,
    at: usize,
    columns: &'a [String],
    values: &'a [Option<String>],
    notes: &'a mut Vec<String>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let at = self.columns.iter().position(|column| column == name)?;
        self.values.get(at)?.as_deref()
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name).map(str::trim).filter(|text| !text.is_empty())?;
        Some(text.chars().take(MOST_TEXT).collect())
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.get(name)?.trim().to_owned();
        let number = text.parse().ok();
        if number.is_none() && !text.is_empty() {
            note(self.notes, format!("{name} is no number: {}", words(&text)));
        }
        number
    }

    /// The first of two that is there.
    fn either<T: std::str::FromStr>(&mut self, name: &str, other: &str) -> Option<T> {
        if self.columns.iter().any(|column| column == name) { self.number(name) } else { self.number(other) }
    }

    /// A place that says nothing (`GTID_ONLY` after a restart: no file, or `INVALID`) is none.
    fn position(&mut self, file: &str, at: &str) -> Option<Position> {
        let at = self.number(at)?;
        let file = self.text(file).filter(|file| !file.eq_ignore_ascii_case("invalid"))?;
        Some(Position { file, at })
    }

    /// GTIDs without the line breaks that MySQL puts between its sets; of a set that is too long to keep its hash, by which
    /// it is seen to change.
    fn gtid(&self, names: [&str; 2]) -> Option<String> {
        names.into_iter().find_map(|name| {
            if let Some(text) = self.get(name) {
                let set: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                return (!set.is_empty()).then_some(set);
            }
            let column = self.columns.iter().position(|column| column == name)?;
            self.table.digest(self.at, self.table.columns.get(column)?).map(str::to_owned)
        })
    }

    fn io(&mut self) -> Option<IoThread> {
        let text = self.text("slave_io_running")?;
        match text.to_ascii_lowercase().as_str() {
            "yes" => Some(IoThread::Yes),
            "no" => Some(IoThread::No),
            "connecting" | "preparing" => Some(IoThread::Connecting),
            _ => {
                note(self.notes, format!("the IO thread is in a state that firn does not know: {}", words(&text)));
                None
            }
        }
    }

    fn sql(&mut self) -> Option<bool> {
        let text = self.text("slave_sql_running")?;
        match text.to_ascii_lowercase().as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => {
                note(self.notes, format!("the SQL thread is in a state that firn does not know: {}", words(&text)));
                None
            }
        }
    }

    fn status(&mut self) -> Status {
        let channel = self.text("channel_name").or_else(|| self.text("connection_name")).unwrap_or_default();
        Status {
            channel,
            io: self.io(),
            sql: self.sql(),
            io_errno: self.number("last_io_errno"),
            io_error: self.text("last_io_error"),
            sql_errno: self.either("last_sql_errno", "last_errno"),
            sql_error: self.text("last_sql_error").or_else(|| self.text("last_error")),
            io_state: self.text("slave_io_state"),
            sql_state: self.text("slave_sql_running_state"),
            source_host: self.text("master_host"),
            source_port: self.number("master_port"),
            // 0 until it has been connected once.
            source_id: self.number("master_server_id").filter(|id| *id != 0),
            source_uuid: self.text("master_uuid"),
            received: self.position("master_log_file", "read_master_log_pos"),
            executed: self.position("relay_master_log_file", "exec_master_log_pos"),
            relay: self.position("relay_log_file", "relay_log_pos"),
            received_gtid: self.gtid(["retrieved_gtid_set", "gtid_io_pos"]),
            executed_gtid: self.gtid(["executed_gtid_set", "gtid_slave_pos"]),
            relay_space: self.number("relay_log_space"),
            until: self.text("until_condition").filter(|until| !until.eq_ignore_ascii_case("none")),
            sql_delay: self.number("sql_delay"),
            sql_remaining: self.number("sql_remaining_delay"),
            seconds_behind: self.number("seconds_behind_master"),
            queued_age: None,
            applied_age: None,
        }
    }
}

#[cfg(test)]
mod tests;
