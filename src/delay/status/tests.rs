use proptest::prelude::*;

use super::*;
use crate::delay::connect::Cut;

#[path = "rows.rs"]
mod rows;

use rows::Spelling;

const SERVERS: [(&str, Spelling); 5] = [
    ("MariaDB 10.11", Spelling::MariaDb),
    ("MariaDB 10.11, all", Spelling::MariaDbAll),
    ("MySQL 5.7", Spelling::MySql57),
    ("MySQL 8.0", Spelling::MySql80),
    ("MySQL 8.4", Spelling::MySql84),
];

/// A row with some of its values changed; `None` is NULL.
fn table(server: Spelling, changed: &[(&str, Option<&str>)]) -> Table {
    let row = server.row();
    for (name, _) in changed {
        assert!(row.iter().any(|(column, _)| canonical(column) == canonical(name)), "{name}");
    }
    let value = |(column, value): &(String, String)| {
        let changed = changed.iter().find(|(name, _)| canonical(name) == canonical(column));
        changed.map_or_else(|| Some(value.clone()), |(_, value)| value.map(str::to_owned))
    };
    Table {
        columns: row.iter().map(|(column, _)| column.clone()).collect(),
        rows: vec![row.iter().map(value).collect()],
        cut: Vec::new(),
    }
}

fn cut(column: &str, digest: &str) -> Cut {
    Cut { row: 0, column: column.to_owned(), digest: digest.to_owned() }
}

fn one(table: &Table) -> (Status, Vec<String>) {
    let (statuses, notes) = statuses(table);
    let [status] = <[Status; 1]>::try_from(statuses).unwrap();
    (status, notes)
}

#[test]
fn every_server_says_the_same_in_its_own_words() {
    let place = |file: &str, at| Some(Position { file: file.to_owned(), at });
    for (server, row) in SERVERS {
        let (status, notes) = one(&table(row, &[]));
        assert!(notes.is_empty(), "{server}: {notes:?}");
        let expected = Status {
            channel: if server.ends_with("all") { "ops".to_owned() } else { String::new() },
            io: Some(IoThread::Yes),
            sql: Some(true),
            io_errno: Some(0),
            sql_errno: Some(0),
            io_state: Some(format!(
                "Waiting for {} to send event",
                if server == "MySQL 8.4" { "source" } else { "master" }
            )),
            sql_state: status.sql_state.clone().filter(|state| state.starts_with("Waiting until ")),
            source_host: Some("db1".to_owned()),
            source_port: Some(3306),
            source_id: Some(1),
            source_uuid: server.starts_with("MySQL").then(|| "3e11fa47-71ca-11e1-9e33-c80aa9429562".to_owned()),
            received: place("bin.000001", 41_639),
            executed: place("bin.000001", 35_279),
            relay: place("relay.000002", 33_639),
            received_gtid: server.starts_with("MySQL").then(|| "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-120".to_owned()),
            executed_gtid: match server {
                "MariaDB 10.11" => None,
                "MariaDB 10.11, all" => Some("0-1-117".to_owned()),
                _ => Some(
                    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-100,7b2f0cc1-0000-11ee-8c99-0242ac120002:1-7".to_owned(),
                ),
            },
            relay_space: Some(40_298),
            sql_delay: Some(20),
            sql_remaining: Some(1),
            seconds_behind: Some(19),
            ..Status::default()
        };
        assert!(status.sql_state.is_some(), "{server}");
        assert_eq!(status, expected, "{server}");
    }
}

#[test]
fn what_is_odd_is_nothing_and_never_zero() {
    for (server, row) in SERVERS {
        // A backup: the SQL thread is stopped.
        let stopped =
            [("Slave_SQL_Running", Some("No")), ("Seconds_Behind_Master", None), ("SQL_Remaining_Delay", None)];
        let (status, notes) = one(&table(row, &stopped));
        assert_eq!((status.sql, status.seconds_behind, status.sql_remaining), (Some(false), None, None), "{server}");
        assert!(notes.is_empty(), "{server}: {notes:?}");
        // The primary is gone.
        for (word, io) in
            [("Connecting", IoThread::Connecting), ("Preparing", IoThread::Connecting), ("no", IoThread::No)]
        {
            let gone = [
                ("Slave_IO_Running", Some(word)),
                ("Last_IO_Errno", Some("2003")),
                ("Last_IO_Error", Some("error connecting to master 'repl@db1:3306'")),
                ("Master_Server_Id", Some("0")),
            ];
            let (status, _) = one(&table(row, &gone));
            assert_eq!((status.io, status.io_errno, status.source_id), (Some(io), Some(2003), None), "{server}");
            assert_eq!(status.io_error.as_deref(), Some("error connecting to master 'repl@db1:3306'"));
        }
        let error = [
            ("Last_SQL_Errno", Some("1062")),
            ("Last_SQL_Error", Some("Duplicate entry")),
            ("Slave_SQL_Running", Some("No")),
        ];
        let (status, _) = one(&table(row, &error));
        assert_eq!((status.sql_errno, status.sql_error.as_deref()), (Some(1062), Some("Duplicate entry")), "{server}");
        // pt-slave-delay.
        let (status, _) = one(&table(row, &[("Until_Condition", Some("Master"))]));
        assert_eq!(status.until.as_deref(), Some("Master"));
        // A channel of GTID_ONLY after a restart.
        let lost = [("Master_Log_File", Some("")), ("Relay_Master_Log_File", Some("INVALID")), ("Relay_Log_Pos", None)];
        let (status, _) = one(&table(row, &lost));
        assert_eq!((status.received, status.executed, status.relay), (None, None, None), "{server}");
        // What nobody has ever seen.
        let strange = [
            ("Slave_IO_Running", Some("Perhaps")),
            ("Slave_SQL_Running", Some("\u{1b}[2J")),
            ("SQL_Delay", Some("two")),
        ];
        let (status, notes) = one(&table(row, &strange));
        assert_eq!((status.io, status.sql, status.sql_delay), (None, None, None));
        assert_eq!(
            notes,
            [
                "the IO thread is in a state that firn does not know: Perhaps",
                "the SQL thread is in a state that firn does not know: \\x1b[2J",
                "sql_delay is no number: two",
            ],
            "{server}"
        );
    }
}

#[test]
fn columns_that_are_new_are_noted_and_those_that_are_gone_are_nothing() {
    for (server, row) in SERVERS {
        let mut table = table(row, &[]);
        table.columns.push("Replica_Mood".to_owned());
        table.rows[0].push(Some("good".to_owned()));
        let (with, notes) = one(&table);
        assert_eq!(notes, ["the status has a column that firn does not know: Replica_Mood"], "{server}");
        // In another order, and without the IO thread and positions.
        let keep =
            |at: &usize| !["slave_io_running", "master_log_file"].contains(&canonical(&table.columns[*at]).as_str());
        let order: Vec<usize> = (0..table.columns.len()).rev().filter(keep).collect();
        let other = Table {
            columns: order.iter().map(|at| table.columns[*at].clone()).collect(),
            rows: vec![order.iter().map(|at| table.rows[0][*at].clone()).collect()],
            cut: Vec::new(),
        };
        let (without, notes) = one(&other);
        assert_eq!(without, Status { io: None, received: None, ..with }, "{server}");
        assert!(
            notes.contains(&"the status has no column slave_io_running, in either spelling".to_owned()),
            "{notes:?}"
        );
    }
}

#[test]
fn several_rows_are_channels_and_none_is_no_replica() {
    let mut table = table(Spelling::MySql84, &[]);
    let at = table.columns.iter().position(|name| name == "Channel_Name").unwrap();
    let row = table.rows[0].clone();
    table.rows = (0..70)
        .map(|n| {
            let mut row = row.clone();
            row[at] = Some(format!("c{n}"));
            row
        })
        .collect();
    let (all, notes) = statuses(&table);
    assert_eq!((all.len(), all[0].channel.as_str(), all[63].channel.as_str()), (64, "c0", "c63"));
    assert_eq!(notes, ["the server has 70 channels; the first 64 are looked at"]);
    table.rows.clear();
    assert_eq!(statuses(&table), (vec![], vec![]));
}

#[test]
fn a_set_of_gtids_that_is_too_long_is_its_hash() {
    for (server, row) in SERVERS.into_iter().filter(|(server, _)| server.starts_with("MySQL")) {
        let long = [("Retrieved_Gtid_Set", None), ("Executed_Gtid_Set", None)];
        let mut table = table(row, &long);
        assert_eq!((one(&table).0.received_gtid, one(&table).0.executed_gtid), (None, None), "{server}");
        table.cut = vec![cut("Executed_Gtid_Set", "xxh3-128:1"), Cut { row: 1, ..cut("Retrieved_Gtid_Set", "x") }];
        let (status, notes) = one(&table);
        assert_eq!((status.received_gtid, status.executed_gtid.as_deref()), (None, Some("xxh3-128:1")), "{server}");
        assert_eq!(
            notes,
            [
                "the status has too long a value to keep in column Executed_Gtid_Set",
                "the status has too long a value to keep in column Retrieved_Gtid_Set"
            ],
            "{server}"
        );
    }
}

#[test]
fn words_of_a_server_are_bounded() {
    let long = "x".repeat(50_000);
    let (status, _) = one(&table(Spelling::MySql57, &[("Last_SQL_Error", Some(&long))]));
    assert_eq!(status.sql_error.unwrap().len(), MOST_TEXT);
}

proptest! {
    /// Whatever a server says, it is read, and the few notes about it are safe to show.
    #[test]
    fn nothing_that_a_server_says_is_too_odd(
        columns in prop::collection::vec("[A-Za-z_]{0,24}|Slave_IO_Running|Source_Log_File|SQL_Delay|\\PC{0,8}", 0..40),
        values in prop::collection::vec(prop::option::of("\\PC{0,20}|[0-9]{1,30}|Yes|No"), 0..40),
    ) {
        let table = Table { columns, rows: vec![values.clone(), values], cut: vec![cut("\u{1b}", "x")] };
        let (statuses, notes) = statuses(&table);
        prop_assert_eq!(statuses.len(), 2);
        prop_assert!(notes.len() <= 16);
        let plain = notes.iter().all(|note| !note.contains(char::is_control));
        prop_assert!(plain);
    }
}
