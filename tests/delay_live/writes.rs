//! Heartbeats, written.

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Clock, Stop, task};
use firn::delay::connect::Server;
use firn::delay::heartbeat::HeartbeatTable;
use firn::delay::seen::Heartbeat;
use firn::delay::writer::{Beat, Beating, Told, Writer};

use crate::kit::{account, age, binlog, look, probe, root, table, watched};
use crate::support::mariadb::{Mariadb, Pair, shared};
use crate::support::waiting::{LONG, in_time};

fn writer(server: Server, table: HeartbeatTable, local: bool) -> Writer {
    let interval = Duration::from_millis(200);
    Writer::new(Beating { server, table, create: false, local, interval }, Clock::system())
}

fn writes(server: &Mariadb, name: &str, database: &str, more: &[&str]) -> Server {
    let table = format!("SELECT, INSERT, UPDATE ON {database}.heartbeat");
    let mut grants = vec![table.as_str()];
    grants.extend(more);
    account(server, name, &grants)
}

/// A primary that beats, a replica three seconds behind that beats for itself, and what a probe sees of it.
#[tokio::test]
async fn a_replica_is_as_far_behind_as_it_is_set_to_be() {
    let pair = Pair::start(3);
    pair.primary.sql("CREATE DATABASE hb");
    let beating = Beating {
        create: true,
        ..Beating {
            server: root(&pair.primary),
            table: table("hb"),
            create: false,
            local: false,
            interval: Duration::from_millis(200),
        }
    };
    let primary = Arc::new(Writer::new(beating, Clock::system()));
    let stop = Stop::new();
    let running = {
        let (primary, stop) = (Arc::clone(&primary), stop.clone());
        task::spawn(async move { primary.run(&stop).await })
    };
    let mut watch = watched(root(&pair.replica), table("hb"));
    watch.local = true;
    watch.primary = Some(root(&pair.primary));
    let probe = probe(watch);
    let seen = in_time(LONG, "the delay is there", async || {
        let seen = look(&probe).await.unwrap();
        if matches!(seen.delay, Some(Heartbeat::Age(age)) if age > 1.9) {
            Ok(seen)
        } else {
            Err((seen, primary.told()))
        }
    })
    .await;
    // It delays by whole seconds, so what it applies is between two and three old; a busy machine adds to it.
    let behind = age(&seen.delay.unwrap());
    assert!((1.9..15.0).contains(&behind), "{behind}");
    assert!((-0.1..5.0).contains(&age(&seen.primary.unwrap())));
    assert!(matches!(seen.local, Some(Heartbeat::NoRow(_))), "{:?}", seen.local);
    // The replica's own heartbeat is in its table and not in its binary log.
    let before = binlog(&pair.replica);
    let account = writes(&pair.replica, "beat", "hb", &["BINLOG ADMIN ON *.*"]);
    let before = {
        assert_eq!(binlog(&pair.replica), before, "accounts are kept out of it");
        before
    };
    let local = writer(account, table("hb"), true);
    assert_eq!(local.beat().await.unwrap(), Beat::Written);
    assert!((-0.1..5.0).contains(&age(&look(&probe).await.unwrap().local.unwrap())));
    assert_eq!(binlog(&pair.replica), before);
    // Read-only: a local one without the privilege is left out, one of a primary always is, whoever writes it.
    pair.replica.sql("SET GLOBAL read_only=1");
    assert_eq!(local.beat().await.unwrap(), Beat::ReadOnly);
    let strange = Arc::new(writer(root(&pair.replica), table("hb"), false));
    assert_eq!(strange.beat().await.unwrap(), Beat::ReadOnly);
    assert_eq!(strange.told(), Told::default(), "nobody runs it");
    let (leaves, left) = (Stop::new(), Arc::clone(&strange));
    let told = leaves.clone();
    let leaving = task::spawn(async move { left.run(&told).await });
    in_time(LONG, "it is told that none is due", async || strange.told().read_only.then_some(())).await;
    pair.replica.sql("SET GLOBAL read_only=0");
    in_time(LONG, "it is written", async || (!strange.told().read_only && strange.told().written > 0).then_some(()))
        .await;
    leaves.stop();
    leaving.await.unwrap();
    // A row that is taken away comes back.
    pair.primary.sql("DELETE FROM hb.heartbeat");
    in_time(LONG, "the row is back", async || {
        (pair.primary.sql("SELECT server_id FROM hb.heartbeat") == "1").then_some(())
    })
    .await;
    let row = pair
        .primary
        .sql("SELECT ts LIKE '____-__-__T__:__:__.______', file LIKE 'bin.%', position > 4 FROM hb.heartbeat");
    assert_eq!(row, "1\t1\t1");
    stop.stop();
    running.await.unwrap();
    let told = primary.told();
    assert!(told.written > 3 && told.error.is_none(), "{told:?}");
}

#[tokio::test]
async fn what_a_writer_lacks_is_told_with_the_statement_that_gives_it() {
    let pair = shared();
    pair.primary.sql("CREATE OR REPLACE DATABASE lacks");
    let port = pair.primary.port();
    let told = |writer: Writer| async move { writer.beat().await.unwrap_err().to_string() };
    let missing = told(writer(root(&pair.primary), table("lacks"), false)).await;
    assert!(
        missing.starts_with(&format!(
            "127.0.0.1:{port} has no table lacks.heartbeat; create it there, or set create = true: CREATE TABLE IF NOT EXISTS \
             `lacks`.`heartbeat` (ts VARCHAR(26) NOT NULL, server_id INT UNSIGNED NOT NULL PRIMARY KEY, "
        )),
        "{missing}"
    );
    pair.primary.sql("CREATE TABLE lacks.heartbeat (ts varchar(26), server_id int unsigned)");
    assert_eq!(
        told(writer(root(&pair.primary), table("lacks"), false)).await,
        format!(
            "lacks.heartbeat on 127.0.0.1:{port} is no heartbeat table: its writer's column is no unique key; rows would pile up"
        )
    );
    pair.primary.sql("ALTER TABLE lacks.heartbeat ADD PRIMARY KEY (server_id)");
    let reads = account(&pair.primary, "reads", &["SELECT ON lacks.heartbeat"]);
    let refused = told(writer(reads, table("lacks"), false)).await;
    assert!(refused.contains("the heartbeat: error 1142: INSERT"), "{refused}");
    assert!(
        refused.ends_with("; there: GRANT SELECT, INSERT, UPDATE ON `lacks`.`heartbeat` TO 'reads'@'127.0.0.1'"),
        "{refused}"
    );
    // Its binary log's place is left out for an account that may not know it, and where the table has no room for it.
    let plain = writes(&pair.primary, "plain", "lacks", &[]);
    assert_eq!(writer(plain.clone(), table("lacks"), false).beat().await.unwrap(), Beat::Written);
    // A local one that may not leave the binary log out is none.
    let logged = told(writer(plain, table("lacks"), true)).await;
    assert!(
        logged.contains("refuses plain: error 1227: ")
            && logged.contains("sql_log_bin that is BINLOG ADMIN on MariaDB"),
        "{logged}"
    );
}
