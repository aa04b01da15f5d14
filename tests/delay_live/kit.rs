//! Tables, accounts and probes.

use firn::base::Clock;
use firn::delay::connect::{Server, Tls};
use firn::delay::heartbeat::HeartbeatTable;
use firn::delay::probe::{MysqlProbe, Probe as _, Unseen, Watched};
use firn::delay::seen::{Heartbeat, Seen};

use crate::support::mariadb::{Mariadb, shared};
use crate::support::waiting::{LONG, eventually};

/// An account of a server, kept out of its binary log.
pub fn account(server: &Mariadb, name: &str, grants: &[&str]) -> Server {
    server.sql(&format!("SET sql_log_bin=0; CREATE OR REPLACE USER '{name}'@'127.0.0.1'"));
    for grant in grants {
        server.sql(&format!("SET sql_log_bin=0; GRANT {grant} TO '{name}'@'127.0.0.1'"));
    }
    Server::new("127.0.0.1", server.port(), name, None, Tls::Off)
}

pub fn root(server: &Mariadb) -> Server {
    Server::new("127.0.0.1", server.port(), "root", None, Tls::Off)
}

/// pt-heartbeat's table.
pub const TABLE: &str = "(ts varchar(26) NOT NULL, server_id int unsigned NOT NULL PRIMARY KEY, file varchar(255), \
    position bigint unsigned, relay_master_log_file varchar(255), exec_master_log_pos bigint unsigned) ENGINE=InnoDB";

pub fn table(database: &str) -> HeartbeatTable {
    HeartbeatTable { database: database.to_owned(), table: "heartbeat".to_owned(), offset: 0 }
}

/// Has `sql` run on the shared primary, and waits until the shared replica has it too.
pub fn replicated(sql: &str) {
    let pair = shared();
    pair.primary.sql(sql);
    let place = pair.primary.sql("SHOW MASTER STATUS");
    let mut fields = place.split('\t');
    let wait = format!("SELECT MASTER_POS_WAIT('{}', {}, 20)", fields.next().unwrap(), fields.next().unwrap());
    let waited = pair.replica.sql(&wait);
    assert!(waited.parse::<i64>().is_ok_and(|events| events >= 0), "the replica did not follow: {waited}");
}

/// A heartbeat table of its own on the shared pair.
pub fn beating(database: &str) -> HeartbeatTable {
    replicated(&format!("CREATE OR REPLACE DATABASE {database}; CREATE TABLE {database}.heartbeat {TABLE}"));
    table(database)
}

pub fn watched(replica: Server, heartbeat: HeartbeatTable) -> Watched {
    Watched { replica, channel: None, heartbeat, source: None, local: false, primary: None, jobs_query: None }
}

pub fn probe(watched: Watched) -> MysqlProbe {
    MysqlProbe::new(watched, Clock::system())
}

/// The only look there is.
pub async fn look(probe: &MysqlProbe) -> Result<Seen, Unseen> {
    let looks = probe.look().await?;
    let [look] = <[Seen; 1]>::try_from(looks).unwrap();
    Ok(look)
}

/// The delay of a look at a replica whose heartbeats are in `table`.
pub async fn delay(replica: Server, table: HeartbeatTable) -> Heartbeat {
    look(&probe(watched(replica, table))).await.unwrap().delay.unwrap()
}

#[track_caller]
pub fn age(heartbeat: &Heartbeat) -> f64 {
    let Heartbeat::Age(age) = heartbeat else { panic!("{heartbeat:?}") };
    *age
}

/// Waits until a server's binary log stands still: whatever it was told before has been written.
pub fn binlog(server: &Mariadb) -> String {
    let mut last = String::new();
    eventually(LONG, "the binary log stands", || {
        let now = server.sql("SHOW MASTER STATUS");
        let stands = now == last;
        last.clone_from(&now);
        stands.then_some(now)
    })
}
