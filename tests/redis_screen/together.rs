//! Two consoles and workers over one state: everybody looks, one keeps the history, and whoever comes later knows it.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::FromSql;

use crate::kit::{Desk, Workers, shows};
use crate::support::redis::Cluster;
use crate::support::waiting::{LONG, eventually};

/// The process that wrote down last what is kept of the cluster.
const WRITER: &str = "SELECT w.pid FROM cluster c JOIN worker w ON w.id = c.session WHERE c.name = 'shop'";
/// The process whose duty it is.
const HOLDER: &str = "SELECT w.pid FROM duty d JOIN worker w ON w.id = d.owner WHERE d.name LIKE 'redis-history:%'";
/// Processes that would do it.
const READY: &str = "SELECT count(DISTINCT pid) FROM worker WHERE ended_at IS NULL AND kinds LIKE '%redis%'";
const FAILOVERS: &str = "SELECT count(*) FROM event WHERE what = 'redis.failover'";

fn one<T: FromSql>(desk: &Desk, sql: &str) -> Option<T> {
    let state = Connection::open(desk.path("firn.db")).unwrap();
    state.busy_timeout(Duration::from_secs(10)).unwrap();
    state.query_row(sql, [], |row| row.get(0)).ok()
}

#[test]
fn everybody_looks_one_keeps_the_history_and_who_comes_later_knows_it() {
    // Nobody is to take over but who is told to, however busy the machine is.
    let cluster = Cluster::start(3, 30_000);
    let desk = Desk::over(&cluster, "interval = \"1s\"");
    let workers = Workers::start(&desk);
    eventually(LONG, "the workers keep the history", || {
        (desk.path("firn.db").exists() && one(&desk, WRITER) == Some(workers.pid())).then_some(())
    });
    let (first, second) = (desk.console(), desk.console());
    for pty in [&first, &second] {
        shows(pty, &["OK shop", "SLOTS 16,384/16,384", "ANSWER 6/6"]);
    }
    // All three would keep it, and each node has a line of each.
    eventually(LONG, "three processes are ready to keep it", || (one(&desk, READY) == Some(3)).then_some(()));
    for node in &cluster.nodes {
        // One that was late has been closed, and another made.
        eventually(LONG, "a line of each", || {
            let clients = node.cmd(&["CLIENT", "LIST"]);
            (clients.lines().filter(|line| line.contains(" name=firn ")).count() == 3).then_some(())
        });
    }

    // An operator has a replica take over: everybody sees it, and it is written down once.
    let (old, heir) = (cluster.nodes[0].addr(), cluster.nodes[3].addr());
    cluster.nodes[3].takes_over();
    for pty in [&first, &second] {
        shows(pty, &["last event", &format!("failover {heir}")]);
        shows(pty, &["notice", "B11", &format!("0-5460 {old} -> {heir}")]);
    }
    eventually(LONG, "it is written down", || (one(&desk, FAILOVERS) == Some(1)).then_some(()));
    let kept = format!("SELECT count(*) FROM cluster WHERE body LIKE '%failover%{heir}%'");
    eventually(LONG, "it is kept", || (one(&desk, &kept) == Some(1)).then_some(()));
    assert_eq!((one(&desk, WRITER), one(&desk, HOLDER)), (Some(workers.pid()), Some(workers.pid())));

    // Who kept it dies; one of the consoles goes on.
    let dead = workers.pid();
    drop(workers);
    let writer =
        eventually(LONG, "a console keeps the history", || one(&desk, WRITER).filter(|pid: &u32| *pid != dead));
    assert!([&first, &second].iter().any(|pty| pty.pid().as_raw_nonzero().get().unsigned_abs() == writer));
    // Both leave, and one that comes later knows what happened before it came.
    first.leave();
    second.leave();
    let later = desk.console();
    shows(&later, &["OK shop", "SLOTS 16,384/16,384"]);
    shows(&later, &["last event", &format!("failover {heir}")]);
    let mut later = later;
    later.press("e");
    later.wait_for("Events of shop");
    shows(&later, &["failover", &format!("{heir}: failover ")]);
    later.press("esc");
    // Followed at once by a letter it would be another key.
    later.wait_gone("esc back");
    // It has not told it anybody again.
    eventually(LONG, "it keeps the history", || {
        (one(&desk, WRITER) == Some(later.pid().as_raw_nonzero().get().unsigned_abs())).then_some(())
    });
    assert_eq!(one(&desk, FAILOVERS), Some(1));
    later.leave();
}
