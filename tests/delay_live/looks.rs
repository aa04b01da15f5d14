//! Looking at a replica.

use std::net::TcpListener;
use std::time::Duration;

use firn::base::Clock;
use firn::delay::connect::{Server, Tls};
use firn::delay::heartbeat::HeartbeatTable;
use firn::delay::probe::Probe as _;
use firn::delay::seen::{Heartbeat, IoThread, Seen};

use crate::kit::{TABLE, account, age, beating, delay, look, probe, replicated, root, table, watched};
use crate::support::mariadb::{Mariadb, Pair, shared};
use crate::support::waiting::{LONG, in_time};

const MONITOR: &str = "REPLICA MONITOR ON *.*";

#[tokio::test]
async fn the_least_that_is_documented_suffices() {
    let pair = shared();
    let heartbeat = beating("least");
    replicated("INSERT INTO least.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1)");
    let server = account(&pair.replica, "least", &[MONITOR, "SELECT ON least.heartbeat"]);
    let probe = probe(watched(server, heartbeat));
    for _ in 0..2 {
        let seen = look(&probe).await.unwrap();
        assert_eq!((seen.server_id, seen.read_only, &seen.server_uuid), (Some(2), Some(false), &None));
        assert!(seen.version.as_ref().unwrap().contains("MariaDB"), "{:?}", seen.version);
        assert!(seen.uptime.is_some());
        assert!((0.0..60.0).contains(&age(seen.delay.as_ref().unwrap())));
        // By the source's clock, which is this host's here.
        let written = Clock::system().now().since(seen.applied.unwrap()).as_secs_f64();
        assert!((0.0..60.0).contains(&written) && written >= age(seen.delay.as_ref().unwrap()), "{written}");
        assert_eq!((&seen.local, &seen.primary, &seen.notes), (&None, &None, &vec![]));
        let status = seen.status.unwrap();
        assert_eq!((status.io, status.sql, status.source_id), (Some(IoThread::Yes), Some(true), Some(1)));
        assert_eq!((status.io_errno, status.sql_errno, status.sql_delay), (Some(0), Some(0), Some(0)));
        assert_eq!((status.source_host.as_deref(), status.source_port), (Some("127.0.0.1"), Some(pair.primary.port())));
        assert!(status.received.is_some_and(|place| place.file.starts_with("bin.") && place.at > 4));
        assert!(status.executed.is_some() && status.relay.is_some() && status.relay_space.is_some());
        assert_eq!(status.until, None);
    }
    probe.close().await;
}

#[tokio::test]
async fn less_is_refused_with_the_statement_that_gives_it() {
    let pair = shared();
    let heartbeat = beating("lesser");
    // On this version the privilege that used to suffice does not.
    let server = account(&pair.replica, "lesser", &["BINLOG MONITOR ON *.*", "SELECT ON lesser.heartbeat"]);
    let told = look(&probe(watched(server, heartbeat.clone()))).await.unwrap_err().to_string();
    let port = pair.replica.port();
    assert!(
        told.starts_with(&format!("127.0.0.1:{port}: SHOW ALL SLAVES STATUS: error 1227: Access denied")),
        "{told}"
    );
    assert!(told.ends_with("; there: GRANT REPLICA MONITOR ON *.* TO 'lesser'@'127.0.0.1'"), "{told}");
    // Without the heartbeat the status is still seen, and the delay is none.
    let server = account(&pair.replica, "blind", &[MONITOR]);
    let seen = look(&probe(watched(server, heartbeat))).await.unwrap();
    assert_eq!(seen.status.unwrap().io, Some(IoThread::Yes));
    let Some(Heartbeat::Unread(told)) = seen.delay else { panic!("{:?}", seen.delay) };
    assert!(told.contains("the heartbeat table: error 1142: SELECT command denied"), "{told}");
    assert!(told.ends_with("; there: GRANT SELECT ON `lesser`.`heartbeat` TO 'blind'@'127.0.0.1'"), "{told}");
}

/// Whatever zone the session is in, and in both of pt-heartbeat's spellings.
#[tokio::test]
async fn an_age_is_right_in_every_zone_and_never_clamped() {
    let pair = shared();
    let heartbeat = beating("zones");
    let write = |expression: &str| {
        replicated(&format!("REPLACE INTO zones.heartbeat (ts, server_id) VALUES ({expression}, 1)"));
    };
    let past = "UTC_TIMESTAMP(6) - INTERVAL 7200 SECOND";
    let spelled = |format: &str| format!("DATE_FORMAT({past}, '{format}')");
    for expression in [spelled("%Y-%m-%dT%H:%i:%s.%f"), spelled("%Y-%m-%d %H:%i:%s"), past.to_owned()] {
        write(&expression);
        for zone in ["+00:00", "+09:00", "-05:00"] {
            let begin = vec![format!("SET SESSION time_zone='{zone}'")];
            let server = Server { begin, ..root(&pair.replica) };
            let age = age(&delay(server, heartbeat.clone()).await);
            assert!((7199.9..7260.0).contains(&age), "{expression} in {zone}: {age}");
        }
    }
    write("DATE_FORMAT(UTC_TIMESTAMP(6) + INTERVAL 3600 SECOND, '%Y-%m-%dT%H:%i:%s.%f')");
    let future = age(&delay(root(&pair.replica), heartbeat.clone()).await);
    assert!((-3600.1..-3540.0).contains(&future), "{future}");
    // A writer in Tokyo, without that being told, and told.
    write("DATE_FORMAT(UTC_TIMESTAMP(6) + INTERVAL 9 HOUR, '%Y-%m-%dT%H:%i:%s.%f')");
    let told = age(&delay(root(&pair.replica), HeartbeatTable { offset: 32_400, ..heartbeat.clone() }).await);
    assert!((-0.1..60.0).contains(&told), "{told}");
    let untold = age(&delay(root(&pair.replica), heartbeat).await);
    assert!((-32_400.1..-32_340.0).contains(&untold), "{untold}");
}

#[tokio::test]
async fn no_table_an_empty_one_others_rows_and_no_time_are_told_apart_and_never_zero() {
    let pair = shared();
    let place = format!("empty.heartbeat on 127.0.0.1:{}", pair.replica.port());
    let server = || root(&pair.replica);
    let Heartbeat::Unread(told) = delay(server(), table("nowhere")).await else { panic!() };
    assert!(told.contains("the heartbeat table: error 1146: "), "{told}");
    assert!(told.ends_with("; there is no table nowhere.heartbeat there: does its writer write to it?"), "{told}");
    let heartbeat = beating("empty");
    assert_eq!(
        delay(server(), heartbeat.clone()).await,
        Heartbeat::NoRow(format!("{place} is empty: nobody has written a heartbeat, or it is not replicated"))
    );
    replicated("INSERT INTO empty.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 77), (UTC_TIMESTAMP(6), 78)");
    assert_eq!(
        delay(server(), heartbeat.clone()).await,
        Heartbeat::NoRow(format!("{place} has no row of server 1; it has rows of 77, 78"))
    );
    let other = watched(server(), heartbeat.clone());
    let seen = look(&probe(firn::delay::probe::Watched { source: Some(78), ..other })).await.unwrap();
    assert!((0.0..60.0).contains(&age(&seen.delay.unwrap())), "heartbeat_source says whose counts");
    for ts in ["", "soon", "0000-00-00 00:00:00", "2026-13-45T99:00:00"] {
        replicated(&format!("REPLACE INTO empty.heartbeat (ts, server_id) VALUES ('{ts}', 1)"));
        let told = format!("the row of server 1 in {place} has no time: \"{ts}\"");
        assert_eq!(delay(server(), heartbeat.clone()).await, Heartbeat::Unread(told), "{ts}");
    }
}

#[tokio::test]
async fn an_old_table_names_its_writer_id() {
    replicated(
        "CREATE OR REPLACE DATABASE legacy; CREATE TABLE legacy.heartbeat (id int NOT NULL PRIMARY KEY, ts datetime NOT NULL); \
         INSERT INTO legacy.heartbeat VALUES (1, UTC_TIMESTAMP() - INTERVAL 100 SECOND)",
    );
    let probe = probe(watched(root(&shared().replica), table("legacy")));
    for _ in 0..2 {
        let age = age(&look(&probe).await.unwrap().delay.unwrap());
        assert!((99.0..160.0).contains(&age), "{age}");
    }
}

#[tokio::test]
async fn another_writer_that_moves_is_noted_and_one_that_rests_is_not() {
    let heartbeat = beating("writers");
    let write = |servers: &[u32]| {
        for server in servers {
            replicated(&format!("REPLACE INTO writers.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), {server})"));
        }
    };
    let probe = probe(watched(root(&shared().replica), heartbeat));
    write(&[1, 2, 9]);
    assert_eq!(look(&probe).await.unwrap().notes, Vec::<String>::new());
    write(&[1, 2]);
    assert_eq!(look(&probe).await.unwrap().notes, Vec::<String>::new());
    write(&[1, 2, 9]);
    assert_eq!(
        look(&probe).await.unwrap().notes,
        [
            "servers that are no source of this one write heartbeats, too: 9; is there another primary? heartbeat_source says whose counts"
        ]
    );
}

#[tokio::test]
async fn the_local_heartbeat_and_the_primarys_own_are_read_where_they_are() {
    let pair = shared();
    let heartbeat = beating("own");
    let mut watch = watched(root(&pair.replica), heartbeat);
    watch.local = true;
    watch.primary = Some(root(&pair.primary));
    replicated("INSERT INTO own.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 50 SECOND, 1)");
    pair.replica.sql("SET sql_log_bin=0; INSERT INTO own.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 10 SECOND, 2)");
    pair.primary.sql(
        "SET sql_log_bin=0; UPDATE own.heartbeat SET ts = UTC_TIMESTAMP(6) - INTERVAL 30 SECOND WHERE server_id = 1",
    );
    let seen = look(&probe(watch.clone())).await.unwrap();
    let ages = [&seen.delay, &seen.local, &seen.primary].map(|seen| age(seen.as_ref().unwrap()));
    for (age, written) in ages.into_iter().zip([50.0, 10.0, 30.0]) {
        assert!((written..written + 9.0).contains(&age), "{ages:?}");
    }
    assert_eq!(seen.notes, Vec::<String>::new());
    // A primary that cannot be reached costs no sample, and one that is another server is noted.
    watch.primary = Some(Server::new("127.0.0.1", 1, "u", None, Tls::Off));
    let seen = look(&probe(watch.clone())).await.unwrap();
    assert!(
        matches!(&seen.primary, Some(Heartbeat::Unread(told)) if told.starts_with("cannot reach 127.0.0.1:1: ")),
        "{seen:?}"
    );
    age(&seen.delay.unwrap());
    watch.primary = Some(root(&pair.replica));
    let seen = look(&probe(watch)).await.unwrap();
    assert_eq!(seen.notes, ["primary_host is server 2, and the source is server 1"]);
}

/// A primary that swallows what is sent to it costs its own heartbeat, and nothing of the replica's.
#[tokio::test]
async fn a_primary_that_never_answers_shifts_no_sample_and_delays_one_look_at_most() {
    let (pair, heartbeat) = (shared(), beating("hole"));
    replicated("INSERT INTO hole.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6) - INTERVAL 50 SECOND, 1)");
    let stamp = pair.replica.sql("SET time_zone='+00:00'; SELECT UNIX_TIMESTAMP(ts) FROM hole.heartbeat");
    let stamp: f64 = stamp.parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hole = Server::new("127.0.0.1", listener.local_addr().unwrap().port(), "u", None, Tls::Off);
    let within = Duration::from_secs(3);
    let mut watch = watched(root(&pair.replica), heartbeat);
    watch.primary = Some(Server { connect_within: within, ..hole });
    let (probe, clock) = (probe(watch), Clock::system());
    for first in [true, false] {
        let began = clock.mono();
        let seen = look(&probe).await.unwrap();
        let took = clock.mono().since(began);
        // The age, and the moment it is counted from, are those of the replica's own answer.
        #[allow(clippy::cast_precision_loss)]
        let at = Seen::when(Ok(&seen), clock.now()).as_micros() as f64 / 1e6;
        let written = at - age(seen.delay.as_ref().unwrap());
        assert!((-0.1..1.5).contains(&(written - stamp)), "{written} {stamp}, after {took:?}");
        assert_eq!(took >= within, first, "only who is known to answer is waited for: {took:?}");
        let Some(Heartbeat::Unread(told)) = &seen.primary else { panic!("{:?}", seen.primary) };
        assert!(told.contains("does not answer within 3s"), "{told}");
    }
    probe.close().await;
}

#[tokio::test]
async fn a_primary_that_hung_is_read_again_once_it_goes_on() {
    let (pair, heartbeat) = (shared(), beating("hung"));
    replicated("INSERT INTO hung.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1)");
    let primary = Mariadb::start(1, &[]);
    primary.sql(&format!(
        "CREATE DATABASE hung; CREATE TABLE hung.heartbeat {TABLE}; \
         INSERT INTO hung.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1)"
    ));
    let mut watch = watched(root(&pair.replica), heartbeat);
    let limits = Server {
        answer_within: Duration::from_millis(500),
        connect_within: Duration::from_millis(500),
        ..root(&primary)
    };
    watch.primary = Some(limits);
    let probe = probe(watch);
    age(look(&probe).await.unwrap().primary.as_ref().unwrap());
    primary.freeze();
    for _ in 0..3 {
        let seen = look(&probe).await.unwrap();
        age(seen.delay.as_ref().unwrap());
        assert!(matches!(&seen.primary, Some(Heartbeat::Unread(told)) if told.contains("within 500ms")), "{seen:?}");
    }
    primary.thaw();
    in_time(LONG, "the primary's heartbeat is back", async || {
        matches!(look(&probe).await.unwrap().primary, Some(Heartbeat::Age(_))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_no_replica_says_so_and_each_channel_speaks_for_itself() {
    let seen = look(&probe(watched(root(&shared().primary), beating("none")))).await.unwrap();
    assert_eq!((&seen.status, &seen.delay, seen.server_id), (&None, &None, Some(1)));
    let server = Mariadb::start(3, &[]);
    server.sql(&format!("CREATE DATABASE hb; CREATE TABLE hb.heartbeat {TABLE}"));
    for (channel, port) in [("a", shared().primary.port()), ("b", shared().replica.port())] {
        server
            .sql(&format!("CHANGE MASTER '{channel}' TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_DELAY=9"));
    }
    let mut watch = watched(root(&server), table("hb"));
    let looks = probe(watch.clone()).look().await.unwrap();
    let channels: Vec<_> = looks.iter().map(|look| look.status.as_ref().unwrap().channel.as_str()).collect();
    assert_eq!(channels, ["a", "b"]);
    let status = looks[1].status.as_ref().unwrap();
    assert_eq!(
        (status.io, status.sql, status.sql_delay, status.source_id),
        (Some(IoThread::No), Some(false), Some(9), None)
    );
    assert!(matches!(&looks[0].delay, Some(Heartbeat::NoRow(told)) if told.contains("is empty")), "{looks:?}");
    // Whose heartbeat counts is not known until they have been connected once: the only other writer's does.
    server.sql("INSERT INTO hb.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1), (UTC_TIMESTAMP(6), 3)");
    let looks = probe(watch.clone()).look().await.unwrap();
    age(looks[0].delay.as_ref().unwrap());
    assert_eq!(
        looks[0].notes,
        [
            "the source's server_id is not known while it is away; the only other writer's heartbeat is taken, server 1's"
        ]
    );
    server.sql("INSERT INTO hb.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 4)");
    let looks = probe(watch.clone()).look().await.unwrap();
    assert_eq!(
        looks[0].delay,
        Some(Heartbeat::Unread(
            "the source's server_id is not known; heartbeat_source says whose heartbeat counts".to_owned()
        ))
    );
    watch.channel = Some("b".to_owned());
    assert_eq!(look(&probe(watch.clone())).await.unwrap().status.unwrap().channel, "b");
    watch.channel = Some("c".to_owned());
    let seen = look(&probe(watch)).await.unwrap();
    assert_eq!((seen.status, seen.notes), (None, vec!["there is no channel \"c\"; there are \"a\", \"b\"".to_owned()]));
}

#[tokio::test]
async fn jobs_of_ones_own_table_stay_while_it_cannot_be_read() {
    let pair = shared();
    let heartbeat = beating("jobs");
    replicated(
        "CREATE TABLE jobs.runs (kind varchar(20), began timestamp NULL, ended datetime NULL); SET time_zone='+09:00'; \
         INSERT INTO jobs.runs VALUES ('backup', FROM_UNIXTIME(1795326691), NULL), \
         ('deshard', FROM_UNIXTIME(1795326000), '2026-11-22 05:50:00')",
    );
    let mut watch = watched(root(&pair.replica), heartbeat);
    watch.jobs_query = Some("SELECT kind, began, ended FROM jobs.runs ORDER BY kind".to_owned());
    let probe = probe(watch);
    let jobs = look(&probe).await.unwrap().jobs;
    let told: Vec<_> = jobs
        .iter()
        .map(|job| (job.class.as_str(), job.start.to_string(), job.end.map(|end| end.to_string())))
        .collect();
    assert_eq!(
        told,
        [
            ("backup", "2026-11-22T05:51:31Z".to_owned(), None),
            ("deshard", "2026-11-22T05:40:00Z".to_owned(), Some("2026-11-22T05:50:00Z".to_owned())),
        ]
    );
    replicated("DROP TABLE jobs.runs");
    let seen = look(&probe).await.unwrap();
    assert_eq!(seen.jobs, jobs);
    let [note] = seen.notes.as_slice() else { panic!("{:?}", seen.notes) };
    assert!(
        note.contains("jobs_query: error 1146: ") && note.ends_with("; jobs are taken as they were told last (2)"),
        "{note}"
    );
}

#[tokio::test]
async fn who_accepts_and_says_nothing_costs_one_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::new("127.0.0.1", listener.local_addr().unwrap().port(), "u", None, Tls::Off);
    server.connect_within = Duration::from_millis(300);
    let clock = Clock::system();
    let began = clock.mono();
    let told = look(&probe(watched(server, table("t")))).await.unwrap_err().to_string();
    assert!(told.contains("does not answer within 300ms"), "{told}");
    assert!(clock.mono().since(began) < Duration::from_secs(2));
}

#[tokio::test]
async fn stopped_threads_a_hung_server_and_a_restart_are_seen_as_what_they_are() {
    let mut pair = Pair::start(0);
    pair.primary.sql(&format!(
        "CREATE DATABASE hb; CREATE TABLE hb.heartbeat {TABLE}; INSERT INTO hb.heartbeat (ts, server_id) VALUES (UTC_TIMESTAMP(6), 1)"
    ));
    let server = Server { answer_within: Duration::from_secs(2), ..root(&pair.replica) };
    let probe = probe(watched(server, table("hb")));
    in_time(LONG, "a heartbeat", async || {
        matches!(look(&probe).await.unwrap().delay, Some(Heartbeat::Age(_))).then_some(())
    })
    .await;
    pair.replica.sql("STOP SLAVE SQL_THREAD");
    let status = look(&probe).await.unwrap().status.unwrap();
    assert_eq!(
        (status.io, status.sql, status.seconds_behind, status.sql_errno),
        (Some(IoThread::Yes), Some(false), None, Some(0))
    );
    pair.replica.sql("STOP SLAVE IO_THREAD");
    let status = look(&probe).await.unwrap().status.unwrap();
    assert_eq!((status.io, status.sql, status.source_id), (Some(IoThread::No), Some(false), Some(1)));
    // Hung: its time-out, not more, and told.
    pair.replica.freeze();
    let clock = Clock::system();
    let began = clock.mono();
    let told = look(&probe).await.unwrap_err().to_string();
    assert!(told.contains("who it is is not answered within 2s; the connection was given up"), "{told}");
    assert!(clock.mono().since(began) < Duration::from_secs(8));
    pair.replica.thaw();
    let seen = in_time(LONG, "it answers again", async || look(&probe).await.ok()).await;
    assert_eq!(seen.server_id, Some(2), "no answer to what was given up");
    // Killed: no sample; and again there on the same port, younger. The primary is away: the source is remembered.
    pair.replica.kill();
    let told = look(&probe).await.unwrap_err().to_string();
    assert!(told.contains(&format!("127.0.0.1:{}", pair.replica.port())), "{told}");
    pair.primary.kill();
    pair.replica.restart();
    let seen = in_time(LONG, "it answers again", async || look(&probe).await.ok()).await;
    assert_eq!(seen.status.as_ref().unwrap().source_id, None, "MariaDB forgets it: {seen:?}");
    age(&seen.delay.unwrap());
    assert_eq!(seen.notes, Vec::<String>::new());
    pair.replica.sql("START SLAVE");
    in_time(LONG, "it fails to connect", async || {
        let status = look(&probe).await.unwrap().status.unwrap();
        (status.io == Some(IoThread::Connecting) && status.io_errno == Some(2003)).then_some(())
    })
    .await;
}
