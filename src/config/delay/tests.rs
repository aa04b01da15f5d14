use std::path::Path;

use super::super::{Config, ConfigError};
use super::words::offset;
use super::*;
use crate::base::limits::DelayBy;

fn parse(text: &str) -> Result<DelayConfig, Vec<String>> {
    match Config::parse(Some((Path::new("/c/firn.toml"), text)), &[], &[]) {
        Ok(config) => Ok(config.delay),
        Err(ConfigError::Wrong(problems)) => Err(problems.iter().map(ToString::to_string).collect()),
        Err(other) => panic!("{other}"),
    }
}

const ONE: &str = "[[replica]]\nname = \"db14\"\nhost = \"10.0.0.14\"\nuser = \"firn\"\n";

#[test]
fn without_a_word_there_is_no_replica_and_the_limits_are_those_of_the_post() {
    let delay = parse("").unwrap();
    assert_eq!((delay.replicas.len(), delay.heartbeats.len()), (0, 0));
    let secs = [
        (delay.limits.max_seconds_behind, 60),
        (delay.limits.max_relay_behind, 28_800),
        (delay.limits.max_master_behind, 1_800),
        (delay.limits.max_last_seen, 60),
        (delay.limits.min_delay_time, 5_400),
        (delay.limits.max_delay_time, 9_000),
        (delay.limits.max_recovery_time, 21_600),
        (delay.limits.max_trend_time, 9_000),
        (delay.limits.jobs[0].longest, 64_800),
        (delay.limits.jobs[1].longest, 32_400),
        (delay.limits.window, 600),
        (delay.limits.interval, 10),
        (delay.limits.io_grace, 60),
        (delay.limits.tool_interval, 60),
    ];
    for (n, (span, secs)) in secs.into_iter().enumerate() {
        assert_eq!(span, Duration::from_secs(secs), "{n}");
    }
    assert_eq!(delay.limits, Limits::default(), "what nobody says is what the judge begins with");
    assert_eq!(delay.limits.jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["backup", "deshard"]);
}

#[test]
fn a_replica_over_its_group_over_delay_over_the_post() {
    let text = "[delay]\nuser = \"firn\"\npassword = \"file:pw\"\nwindow = \"20m\"\ninterval = \"20s\"\nmax_delay_time = \"3h\"\n\
        [[replica_group]]\nname = \"meta\"\ninterval = \"5s\"\nmin_delay_time = \"2h\"\nlocal_heartbeat = true\nport = 3307\n\
        [[replica]]\nname = \"db14\"\nhost = \"db14\"\ngroup = \"meta\"\nmin_delay_time = \"30m\"\n\
        [[replica]]\nname = \"db15\"\nhost = \"db15\"\ntls = \"off\"\nheartbeat = \"ops.beat\"\nheartbeat_clock = \"-03:30\"\n";
    let delay = parse(text).unwrap();
    let [first, second] = delay.replicas.as_slice() else { panic!("{:?}", delay.replicas) };
    let limits = |replica: &ReplicaConfig| {
        let limits = &replica.limits;
        [limits.min_delay_time, limits.max_delay_time, limits.window, limits.interval, limits.max_trend_time]
            .map(|span| span.as_secs())
    };
    assert_eq!(limits(first), [1_800, 10_800, 1_200, 5, 9_000]);
    assert_eq!(limits(second), [5_400, 10_800, 1_200, 20, 9_000]);
    assert_eq!((first.local_heartbeat, second.local_heartbeat), (true, false));
    assert_eq!((first.server.port, second.server.port), (3307, 3306));
    assert_eq!((first.server.tls, second.server.tls), (Tls::Required, Tls::Off));
    assert_eq!(first.server.login.password, Some(SecretRef::File("/c/pw".into())));
    assert_eq!(first.heartbeat, ("percona".to_owned(), "heartbeat".to_owned()));
    assert_eq!((second.heartbeat.1.as_str(), second.heartbeat_offset), ("beat", -12_600));
    assert_eq!((first.group.as_deref(), second.group.as_deref()), (Some("meta"), None));
    assert_eq!((&first.freeze, &first.primary, &first.jobs_query), (&None, &None, &None));
}

#[test]
fn the_primary_is_asked_by_the_same_account_unless_said() {
    let text = format!("{ONE}password = \"env:PW\"\nprimary_host = \"db1\"\n");
    let primary = parse(&text).unwrap().replicas[0].primary.clone().unwrap();
    assert_eq!((primary.host.as_str(), primary.port, primary.login.user.as_str()), ("db1", 3306, "firn"));
    assert_eq!(primary.login.password, Some(SecretRef::Env("PW".to_owned())));
    let own = format!("{text}primary_user = \"other\"\nprimary_port = 3308\n");
    let primary = parse(&own).unwrap().replicas[0].primary.clone().unwrap();
    assert_eq!((primary.port, primary.login), (3308, Login { user: "other".to_owned(), password: None }));
}

#[test]
fn jobs_are_a_list_and_some_stop_the_io_thread() {
    let text = format!("{ONE}jobs = \"reindex:4h, copy:90m\"\njobs_stop_io = \"backup, copy\"\n");
    let jobs = parse(&text).unwrap().replicas[0].limits.jobs.clone();
    let jobs: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.longest.as_secs(), job.stops_io)).collect();
    assert_eq!(
        jobs,
        [("backup", 64_800, true), ("deshard", 32_400, false), ("reindex", 14_400, false), ("copy", 5_400, true)]
    );
}

#[test]
fn a_heartbeat_has_a_table_a_pace_and_a_clock() {
    let text = "[[heartbeat]]\nname = \"db1\"\nhost = \"db1\"\nuser = \"w\"\nlocal = true\nclock = \"+09:00\"\ninterval = \"2s\"\n";
    let [one] = <[HeartbeatConfig; 1]>::try_from(parse(text).unwrap().heartbeats).unwrap();
    assert_eq!((one.local, one.create, one.offset, one.interval), (true, false, 32_400, Duration::from_secs(2)));
    assert_eq!(one.table, ("percona".to_owned(), "heartbeat".to_owned()));
}

/// What is told of a configuration's lines after those of `ONE`.
#[test]
fn what_cannot_be_is_told_with_what_was_found() {
    let cases = [
        ("group = \"mta\"", "5: replica.group: found \"mta\", and no [[replica_group]] has that name"),
        (
            "heartbeat = \"heartbeat\"",
            "5: replica.heartbeat: found \"heartbeat\"; allowed is DATABASE.TABLE, each of letters, digits, \"_\", \"$\" and \"-\", 64 at most",
        ),
        (
            "heartbeat = \"a.b` WHERE 1; --\"",
            "5: replica.heartbeat: found \"a.b` WHERE 1; --\"; allowed is DATABASE.TABLE, each of letters, digits, \"_\", \"$\" and \"-\", 64 at most",
        ),
        (
            "heartbeat_clock = \"Asia/Tokyo\"",
            "5: replica.heartbeat_clock: found \"Asia/Tokyo\"; allowed is \"utc\" or a fixed offset such as \"+09:00\": a zone by its name changes its offset twice a year, and delays would be wrong by an hour",
        ),
        (
            "jobs_query = \"DELETE FROM jobs\"",
            "5: replica.jobs_query: found \"DELETE FROM jobs\", which is no SELECT; allowed is one SELECT of three columns (class, start, end), 4096 bytes at most",
        ),
        (
            "jobs_query = \"SELECT 1,2,3; DROP TABLE x\"",
            "5: replica.jobs_query: found \"SELECT 1,2,3; DROP TABLE x\", with a \";\" in it; allowed is one SELECT of three columns (class, start, end), 4096 bytes at most",
        ),
        (
            "jobs = \"reindex\"",
            "5: replica.jobs: found \"reindex\"; allowed are names with how long one may run, such as \"reindex:4h, copy:90m\", or \"none\"",
        ),
        (
            "jobs = \"backup:4h\"",
            "5: replica.jobs: found \"backup:4h\", whose limit is max_backup_behind; allowed are names with how long one may run, such as \"reindex:4h, copy:90m\", or \"none\"",
        ),
        (
            "jobs_stop_io = \"bakup\"",
            "5: replica.jobs_stop_io: found \"bakup\", which is no class of jobs; did you mean \"backup\"?; there are backup, deshard",
        ),
        (
            "min_delay_time = \"3h\"",
            "5: replica.min_delay_time: min-delay-time 10800 s is not below max-delay-time 9000 s; the least must be below the greatest: lower the one or raise the other",
        ),
        (
            "interval = \"5m\"\nmax_last_seen = \"1h\"",
            "5: replica.interval: window 600 s is shorter than 3 intervals of 300 s; a trend needs 3 samples: lengthen window to 900 s or more, or shorten interval",
        ),
        (
            "max_last_seen = \"10s\"",
            "5: replica.max_last_seen: max-last-seen 10 s is shorter than 2 intervals of 10 s; a single missed sample would be critical: lengthen max-last-seen to 20 s or more, or shorten interval",
        ),
        (
            "password = \"hunter2\"",
            "5: replica.password: a secret is not written into the configuration; write \"env:NAME\" or \"file:PATH\" to say where it stands",
        ),
        (
            "freeze_password = \"env:X\"",
            "5: replica.freeze_user: it is missing, and freeze_password needs it; allowed is the account that logs in with it",
        ),
        (
            "primary_port = 3307",
            "5: replica.primary_host: it is missing, and primary_port needs it; allowed is the primary's host name or address",
        ),
        (
            "primary_host = \"db1:3306\"",
            "5: replica.primary_host: found \"db1:3306\"; allowed is a host name or an address, without a port",
        ),
        (
            "tls = \"preferred\"",
            "5: replica.tls: found \"preferred\"; allowed is \"required\", \"insecure\" or \"off\"",
        ),
        (
            "max_backup_behind = \"0s\"",
            "5: replica.max_backup_behind: found \"0s\"; allowed is a span of time from 1s to 30d, such as \"20s\" or \"6h\"",
        ),
        (
            "[[replica]]\nname = \"db14\"\nhost = \"x\"\nuser = \"u\"",
            "6: replica.name: found \"db14\" a second time; every replica has a name of its own",
        ),
        (
            "[[replica]]\nname = \"b\"\nuser = \"u\"",
            "5: replica.host: it is missing; allowed is text that is not empty",
        ),
        (
            "[[heartbeat]]\nname = \"b\"\nhost = \"h\"",
            "5: heartbeat.user: it is missing; allowed is text that is not empty",
        ),
    ];
    for (text, told) in cases {
        assert_eq!(parse(&format!("{ONE}{text}\n")).unwrap_err(), [format!("/c/firn.toml:{told}")], "{text}");
    }
}

#[test]
fn limits_that_contradict_each_other_are_told_once_where_they_are_said() {
    let text = format!("[delay]\nmin_delay_time = \"3h\"\n[[replica_group]]\nname = \"g\"\n{ONE}group = \"g\"\n");
    let told = parse(&text).unwrap_err();
    assert_eq!(
        told,
        [
            "/c/firn.toml:2: delay.min_delay_time: min-delay-time 10800 s is not below max-delay-time 9000 s; the least must be below the greatest: lower the one or raise the other"
        ]
    );
    // Each by itself is possible; together they are not.
    let text = format!(
        "[delay]\nmax_delay_time = \"10h\"\nmin_delay_time = \"5h\"\n[[replica_group]]\nname = \"g\"\nmax_delay_time = \"4h\"\n{ONE}"
    );
    assert_eq!(
        parse(&text).unwrap_err(),
        [
            "/c/firn.toml:6: replica_group.max_delay_time: min-delay-time 18000 s is not below max-delay-time 14400 s; the least must be below the greatest: lower the one or raise the other"
        ]
    );
}

#[test]
fn what_is_wrong_for_all_is_told_once() {
    let text = format!("[delay]\nheartbeat_clock = \"CET\"\npassword = \"hunter2\"\n{ONE}");
    let told = parse(&text).unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("/c/firn.toml:2: delay.heartbeat_clock: found \"CET\"; "), "{told:?}");
    assert!(told[1].starts_with("/c/firn.toml:3: delay.password: a secret is not written "), "{told:?}");
    assert!(!told.concat().contains("hunter2"));
}

#[test]
fn variables_and_flags_say_limits_and_a_secret_stands_in_a_variable_of_any_name() {
    let text = format!("{ONE}password = \"env:FIRN_REPLICA_PASSWORD\"\n");
    let variables = [("FIRN_REPLICA_PASSWORD".to_owned(), "hunter2".into())];
    assert!(Config::parse(Some((Path::new("f.toml"), &text)), &variables, &[]).is_ok());
    let variables = [("FIRN_DELAY_INTERVAL".to_owned(), "15s".into())];
    let config = Config::parse(Some((Path::new("f.toml"), &text)), &variables, &[]).unwrap();
    assert_eq!(config.delay.replicas[0].limits.interval, Duration::from_secs(15));
    let flags = ["delay.delay_by=external".to_owned(), "delay.jobs_stop_io=deshard".to_owned()];
    let made = Config::parse(None, &[], &flags).unwrap().delay.limits;
    assert_eq!((made.delay_by, made.jobs[1].stops_io), (DelayBy::External, true));
}

#[test]
fn offsets_are_what_the_servers_take() {
    for (text, secs) in
        [("utc", 0), ("UTC", 0), ("+00:00", 0), ("+14:00", 50_400), ("-13:59", -50_340), ("+05:45", 20_700)]
    {
        assert_eq!(offset(text), Ok(secs), "{text}");
    }
    for text in ["", "+14:01", "-14:00", "+5:45", "05:45", "+05:60", "+05", "CET", "+é5:00"] {
        let told = offset(text).unwrap_err();
        assert!(told.starts_with(&format!("found \"{text}\"; allowed is \"utc\" or a fixed offset")), "{told}");
    }
}
