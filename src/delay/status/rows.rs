//! Rows as servers give them: the columns in their order, healthy and delayed by 20 s.

/// A server that shows a status in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// MariaDB 10.11, `SHOW REPLICA STATUS`: the old spelling whatever the statement.
    MariaDb,
    /// MariaDB 10.11, `SHOW ALL SLAVES STATUS`, with GTIDs.
    MariaDbAll,
    /// MySQL 5.7, `SHOW SLAVE STATUS`.
    MySql57,
    /// MySQL 8.0, `SHOW SLAVE STATUS`.
    MySql80,
    /// MySQL 8.0.22 and later, 8.4 and 9, `SHOW REPLICA STATUS`.
    MySql84,
}

/// What all begin with, in the old spelling.
const HEAD: [(&str, &str); 40] = [
    ("Slave_IO_State", "Waiting for master to send event"),
    ("Master_Host", "db1"),
    ("Master_User", "repl"),
    ("Master_Port", "3306"),
    ("Connect_Retry", "60"),
    ("Master_Log_File", "bin.000001"),
    ("Read_Master_Log_Pos", "41639"),
    ("Relay_Log_File", "relay.000002"),
    ("Relay_Log_Pos", "33639"),
    ("Relay_Master_Log_File", "bin.000001"),
    ("Slave_IO_Running", "Yes"),
    ("Slave_SQL_Running", "Yes"),
    ("Replicate_Do_DB", ""),
    ("Replicate_Ignore_DB", ""),
    ("Replicate_Do_Table", ""),
    ("Replicate_Ignore_Table", ""),
    ("Replicate_Wild_Do_Table", ""),
    ("Replicate_Wild_Ignore_Table", ""),
    ("Last_Errno", "0"),
    ("Last_Error", ""),
    ("Skip_Counter", "0"),
    ("Exec_Master_Log_Pos", "35279"),
    ("Relay_Log_Space", "40298"),
    ("Until_Condition", "None"),
    ("Until_Log_File", ""),
    ("Until_Log_Pos", "0"),
    ("Master_SSL_Allowed", "No"),
    ("Master_SSL_CA_File", ""),
    ("Master_SSL_CA_Path", ""),
    ("Master_SSL_Cert", ""),
    ("Master_SSL_Cipher", ""),
    ("Master_SSL_Key", ""),
    ("Seconds_Behind_Master", "19"),
    ("Master_SSL_Verify_Server_Cert", "No"),
    ("Last_IO_Errno", "0"),
    ("Last_IO_Error", ""),
    ("Last_SQL_Errno", "0"),
    ("Last_SQL_Error", ""),
    ("Replicate_Ignore_Server_Ids", ""),
    ("Master_Server_Id", "1"),
];

/// How MariaDB goes on.
const MARIADB: [(&str, &str); 14] = [
    ("Master_SSL_Crl", ""),
    ("Master_SSL_Crlpath", ""),
    ("Using_Gtid", "No"),
    ("Gtid_IO_Pos", ""),
    ("Replicate_Do_Domain_Ids", ""),
    ("Replicate_Ignore_Domain_Ids", ""),
    ("Parallel_Mode", "optimistic"),
    ("SQL_Delay", "20"),
    ("SQL_Remaining_Delay", "1"),
    ("Slave_SQL_Running_State", "Waiting until MASTER_DELAY seconds after master executed event"),
    ("Slave_DDL_Groups", "0"),
    ("Slave_Non_Transactional_Groups", "0"),
    ("Slave_Transactional_Groups", "117"),
    ("Replicate_Rewrite_DB", ""),
];

/// What `SHOW ALL SLAVES STATUS` has before that, …
const ALL_BEFORE: [(&str, &str); 2] =
    [("Connection_name", "ops"), ("Slave_SQL_State", "Waiting until MASTER_DELAY seconds after master executed event")];

/// … and behind it.
const ALL_BEHIND: [(&str, &str); 6] = [
    ("Retried_transactions", "0"),
    ("Max_relay_log_size", "1073741824"),
    ("Executed_log_entries", "480"),
    ("Slave_received_heartbeats", "2"),
    ("Slave_heartbeat_period", "30.000"),
    ("Gtid_Slave_Pos", "0-1-117"),
];

/// How MySQL goes on.
const MYSQL: [(&str, &str); 17] = [
    ("Master_UUID", "3e11fa47-71ca-11e1-9e33-c80aa9429562"),
    ("Master_Info_File", "mysql.slave_master_info"),
    ("SQL_Delay", "20"),
    ("SQL_Remaining_Delay", "1"),
    ("Slave_SQL_Running_State", "Waiting until MASTER_DELAY seconds after master executed event"),
    ("Master_Retry_Count", "86400"),
    ("Master_Bind", ""),
    ("Last_IO_Error_Timestamp", ""),
    ("Last_SQL_Error_Timestamp", ""),
    ("Master_SSL_Crl", ""),
    ("Master_SSL_Crlpath", ""),
    ("Retrieved_Gtid_Set", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-120"),
    ("Executed_Gtid_Set", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-100,\n7b2f0cc1-0000-11ee-8c99-0242ac120002:1-7"),
    ("Auto_Position", "1"),
    ("Replicate_Rewrite_DB", ""),
    ("Channel_Name", ""),
    ("Master_TLS_Version", ""),
];

/// What MySQL 8.0 added.
const MYSQL_8: [(&str, &str); 3] =
    [("Master_public_key_path", ""), ("Get_master_public_key", "0"), ("Network_Namespace", "")];

impl Spelling {
    /// A name or a text of the old spelling in this one.
    pub fn spelled(self, old: &str) -> String {
        if self != Self::MySql84 {
            return old.to_owned();
        }
        let new = [
            ("Get_master", "Get_Source"),
            ("Master", "Source"),
            ("MASTER", "SOURCE"),
            ("master", "source"),
            ("Slave", "Replica"),
            // The table has kept its name.
            ("mysql.slave_source_info", "mysql.slave_master_info"),
        ];
        new.iter().fold(old.to_owned(), |text, (old, new)| text.replace(old, new))
    }

    /// A row: names and values.
    pub fn row(self) -> Vec<(String, String)> {
        let parts: &[&[(&str, &str)]] = match self {
            Self::MariaDb => &[&HEAD, &MARIADB],
            Self::MariaDbAll => &[&ALL_BEFORE, &HEAD, &MARIADB, &ALL_BEHIND],
            Self::MySql57 => &[&HEAD, &MYSQL],
            Self::MySql80 | Self::MySql84 => &[&HEAD, &MYSQL, &MYSQL_8],
        };
        let spelled = |(name, value): &(&str, &str)| (self.spelled(name), self.spelled(value));
        parts.iter().flat_map(|part| part.iter()).map(spelled).collect()
    }
}
