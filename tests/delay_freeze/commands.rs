//! The commands, word for word, for each kind of server.

use firn::base::Time;
use firn::delay::freeze::commands::{About, Where, commands, start_io, start_sql, start_sql_safely, stop_io, stop_sql};
use firn::delay::freeze::danger::{Facts, GtidUse};
use firn::delay::freeze::sight::Sight;
use firn::delay::freeze::statement::{Spot, Statement};
use firn::delay::privilege::Flavour;
use firn::delay::seen::Position;
use firn::delay::state::Place;

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn server(version: &str) -> Flavour {
    Flavour::parse(version).unwrap()
}

fn at(file: &str, at: u64) -> Position {
    Position { file: file.to_owned(), at }
}

fn spot(file: &str, place: u64) -> Spot {
    Spot::Position(at(file, place))
}

fn sight() -> Sight {
    Sight {
        relay: Some(at("db14-relay.000044", 700)),
        executed: Place { position: Some(at("binlog.000010", 500)), gtid: None },
        received: Place { position: Some(at("binlog.000012", 900)), gtid: None },
        sql_delay: Some(7_200),
        ..Sight::default()
    }
}

#[test]
fn the_threads_of_one_channel_alone_in_each_servers_words() {
    for (version, channel, stop, io) in [
        ("5.7.44", "", "STOP SLAVE SQL_THREAD FOR CHANNEL ''", "START SLAVE IO_THREAD FOR CHANNEL ''"),
        ("8.0.22", "ch1", "STOP SLAVE SQL_THREAD FOR CHANNEL 'ch1'", "START SLAVE IO_THREAD FOR CHANNEL 'ch1'"),
        ("8.4.0", "ch1", "STOP REPLICA SQL_THREAD FOR CHANNEL 'ch1'", "START REPLICA IO_THREAD FOR CHANNEL 'ch1'"),
        ("5.6.51", "", "STOP SLAVE SQL_THREAD", "START SLAVE IO_THREAD"),
        ("10.11.19-MariaDB", "", "STOP SLAVE '' SQL_THREAD", "START SLAVE '' IO_THREAD"),
        ("10.11.19-MariaDB", "eu west", "STOP SLAVE 'eu west' SQL_THREAD", "START SLAVE 'eu west' IO_THREAD"),
    ] {
        assert_eq!(stop_sql(server(version), channel).unwrap(), stop, "{version}");
        assert_eq!(start_io(server(version), channel).unwrap(), io, "{version}");
    }
    assert_eq!(stop_io(server("9.7.4"), "").unwrap(), "STOP REPLICA IO_THREAD FOR CHANNEL ''");
    for channel in ["a'b", "a\\b", "a\nb", "a\"b", &"x".repeat(65)] {
        let said = stop_sql(server("8.4.0"), channel).unwrap_err().to_string();
        assert!(said.contains("has a quote, a backslash or a control character"), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn until_in_each_servers_words() {
    let relay = at("db14-relay.000044", 700);
    for (version, until, text) in [
        (
            "8.4.0",
            spot("binlog.000012", 4_567),
            "START REPLICA SQL_THREAD UNTIL SOURCE_LOG_FILE = 'binlog.000012', SOURCE_LOG_POS = 4567 FOR CHANNEL ''",
        ),
        (
            "5.7.44",
            spot("binlog.000012", 4_567),
            "START SLAVE SQL_THREAD UNTIL MASTER_LOG_FILE = 'binlog.000012', MASTER_LOG_POS = 4567 FOR CHANNEL ''",
        ),
        (
            "8.4.0",
            spot("db14-relay.000045", 982),
            "START REPLICA SQL_THREAD UNTIL RELAY_LOG_FILE = 'db14-relay.000045', RELAY_LOG_POS = 982 FOR CHANNEL ''",
        ),
        (
            "8.4.0",
            Spot::Gtid(format!("{A}:23").parse().unwrap()),
            "START REPLICA SQL_THREAD UNTIL SQL_BEFORE_GTIDS = '3e11fa47-71ca-11e1-9e33-c80aa9429562:23' FOR CHANNEL ''",
        ),
        (
            "10.11.19-MariaDB",
            spot("binlog.000012", 4_567),
            "START SLAVE '' SQL_THREAD UNTIL MASTER_LOG_FILE = 'binlog.000012', MASTER_LOG_POS = 4567",
        ),
    ] {
        assert_eq!(start_sql(server(version), "", Some(&until), Some(&relay)).unwrap(), text, "{version}");
    }
    let gtid = Spot::Gtid("0-1-7".parse().unwrap());
    assert_eq!(
        start_sql(server("10.11.19-MariaDB"), "", Some(&gtid), None).unwrap_err().to_string(),
        "MariaDB cannot run its SQL thread alone up to a GTID (error 1277); give the position in the relay log where 0-1-7 begins"
    );
    let evil = spot("x'; DROP DATABASE a; --.000001", 4);
    assert!(
        start_sql(server("8.4.0"), "", Some(&evil), None)
            .unwrap_err()
            .to_string()
            .contains("is not the name of a log file")
    );
}

#[test]
fn a_start_that_would_delete_the_relay_log_is_refused() {
    let facts = |gtid| Facts { server: Some(server("10.11.19-MariaDB")), gtid, ..Facts::default() };
    let start = |facts: &Facts| {
        start_sql_safely(server("10.11.19-MariaDB"), "", &spot("binlog.000012", 4_567), &sight(), facts, "db14")
    };
    let said = start(&facts(Some(GtidUse::UsingGtid))).unwrap_err().to_string();
    assert!(said.contains("deletes the relay log") && said.contains("firn delay frozen db14"), "{said}");
    assert!(start(&facts(Some(GtidUse::No))).is_ok());
}

/// The commands as they are read.
fn written(version: &str, gtid: GtidUse, statement: &Statement) -> Vec<(Where, String)> {
    let facts = Facts {
        server: Some(server(version)),
        relay_log_purge: Some(true),
        relay_dir: Some("/var/lib/my sql".to_owned()),
        gtid: Some(gtid),
        ..Facts::default()
    };
    let sight = sight();
    let about =
        About { replica: "db14", server: server(version), channel: "", facts: &facts, sight: &sight, statement };
    commands(&about).into_iter().map(|command| (command.at, command.text)).collect()
}

#[test]
fn the_emergency_of_mysql() {
    let time = Some(Time::from_secs(1_795_435_200));
    let statement = Statement { time, spot: Some(spot("binlog.000012", 4_567)) };
    let expected = [
        (Where::Shell, "cd '/var/lib/my sql' && mkdir -p ../relay-copy && cp -p db14-relay.* ../relay-copy/"),
        (
            Where::Shell,
            "cd '/var/lib/my sql' && TZ=UTC mysqlbinlog --base64-output=decode-rows -vv --start-datetime='2026-11-23 11:55:00' --stop-datetime='2026-11-23 12:05:00' db14-relay.[0-9]* | less",
        ),
        (
            Where::SourceShell,
            "TZ=UTC mysqlbinlog --base64-output=decode-rows -vv --start-datetime='2026-11-23 11:55:00' --stop-datetime='2026-11-23 12:05:00' binlog.[0-9]* | less",
        ),
        (Where::Sql, "SET GLOBAL relay_log_purge = 0;"),
        (Where::Firn, "firn delay resume db14 --by-hand"),
        (
            Where::Sql,
            "START REPLICA SQL_THREAD UNTIL SOURCE_LOG_FILE = 'binlog.000012', SOURCE_LOG_POS = 4567 FOR CHANNEL '';",
        ),
        (
            Where::Sql,
            "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0, RELAY_LOG_FILE = 'db14-relay.000044', RELAY_LOG_POS = 700 FOR CHANNEL '';",
        ),
        (Where::Sql, "START REPLICA SQL_THREAD UNTIL RELAY_LOG_FILE = 'FILE', RELAY_LOG_POS = AT FOR CHANNEL '';"),
        (Where::Sql, "SET GLOBAL sql_replica_skip_counter = 1; START REPLICA SQL_THREAD FOR CHANNEL '';"),
    ];
    let found = written("8.4.0", GtidUse::No, &statement);
    assert_eq!(found, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn the_emergency_of_mysql_with_gtids() {
    let statement = Statement { time: None, spot: Some(Spot::Gtid(format!("{A}:23").parse().unwrap())) };
    let found = written("8.4.0", GtidUse::AutoPosition, &statement);
    let sql: Vec<&str> = found.iter().filter(|(at, _)| *at == Where::Sql).map(|(_, text)| text.as_str()).collect();
    let until = format!("START REPLICA SQL_THREAD UNTIL SQL_BEFORE_GTIDS = '{A}:23' FOR CHANNEL '';");
    assert_eq!(
        sql,
        [
            "SET GLOBAL relay_log_purge = 0;",
            &until,
            "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0, SOURCE_AUTO_POSITION = 0, RELAY_LOG_FILE = 'db14-relay.000044', RELAY_LOG_POS = 700 FOR CHANNEL '';",
            &until,
            &format!(
                "SET gtid_next = '{A}:23'; BEGIN; COMMIT; SET gtid_next = 'AUTOMATIC'; START REPLICA SQL_THREAD FOR CHANNEL '';"
            ),
        ]
    );
    assert!(found[1].1.ends_with(&format!(" | grep -n -B 1 -A 40 -F '{A}:23'")), "{}", found[1].1);
}

#[test]
fn the_emergency_of_mariadb_with_gtids_never_offers_what_deletes_the_relay_log() {
    let statement = Statement { time: None, spot: Some(spot("db14-relay.000044", 982)) };
    let found = written("10.11.19-MariaDB", GtidUse::UsingGtid, &statement);
    let sql: Vec<&str> = found.iter().filter(|(at, _)| *at == Where::Sql).map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        sql,
        [
            "SET GLOBAL relay_log_purge = 0;",
            "CHANGE MASTER '' TO MASTER_DELAY = 0, MASTER_USE_GTID = no, RELAY_LOG_FILE = 'db14-relay.000044', RELAY_LOG_POS = 700;",
            "START SLAVE '' SQL_THREAD UNTIL RELAY_LOG_FILE = 'db14-relay.000044', RELAY_LOG_POS = 982;",
            "SET GLOBAL sql_slave_skip_counter = 1; START SLAVE '' SQL_THREAD;",
        ]
    );
    assert!(found[1].1.contains("mariadb-binlog") && found[1].1.ends_with("(at|end_log_pos) 982'"), "{}", found[1].1);
}

#[test]
fn what_would_start_it_with_gtids_is_offered_only_after_what_takes_them_away() {
    let statement = Statement { time: None, spot: Some(spot("db14-relay.000044", 982)) };
    let facts = Facts { server: Some(server("10.11.19-MariaDB")), gtid: Some(GtidUse::UsingGtid), ..Facts::default() };
    let starts = |sight: &Sight| -> Vec<String> {
        let about = About {
            replica: "db14",
            server: server("10.11.19-MariaDB"),
            channel: "",
            facts: &facts,
            sight,
            statement: &statement,
        };
        let all = commands(&about).into_iter().filter(|command| command.text.contains("START SLAVE"));
        all.map(|command| command.what).collect()
    };
    let offered = starts(&sight());
    assert!(offered.last().unwrap().contains("(after the CHANGE MASTER above alone: with GTIDs"), "{offered:?}");
    // Where the relay log is in is not known: there is no CHANGE MASTER that keeps it, and nothing is started.
    assert_eq!(starts(&Sight { relay: None, ..sight() }), Vec::<String>::new());
}

#[test]
fn what_is_not_known_is_left_out() {
    let (facts, statement) = (Facts::default(), Statement::default());
    let sight = Sight { relay: Some(at("x$(reboot).000001", 4)), ..Sight::default() };
    let about = About {
        replica: "db14",
        server: server("8.4.0"),
        channel: "a'b",
        facts: &facts,
        sight: &sight,
        statement: &statement,
    };
    let found: Vec<String> = commands(&about).into_iter().map(|command| command.text).collect();
    assert_eq!(found, ["firn delay resume db14 --by-hand"]);
}
