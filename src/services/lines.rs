//! Lines to replicas, their primaries, and nodes of redis clusters, from their configuration.

use crate::base::Clock;
use crate::config::{
    HeartbeatConfig, Login, RedisConfig, ReplicaConfig, ServerConfig, Tls as ConfigTls, Topology as ConfigTopology,
};
use crate::delay::connect::{Server, Tls};
use crate::delay::heartbeat::HeartbeatTable;
use crate::delay::probe::{MysqlProbe, Watched};
use crate::delay::writer::{Beating, Writer};
use crate::redis::conn::Account;
use crate::redis::probe::{Settings, Topology};
use crate::redis::tls::{Check, Identity, Tls as RedisTls, TlsWays};

/// A server and who looks there.
pub fn server(config: &ServerConfig) -> Server {
    let tls = match config.tls {
        ConfigTls::Required => Tls::Required(config.tls_ca.clone()),
        ConfigTls::Insecure => Tls::Insecure,
        ConfigTls::Off => Tls::Off,
    };
    Server::new(config.host.clone(), config.port, config.login.user.clone(), config.login.password.clone(), tls)
}

/// The replica, for the account that may stop and start its threads; nothing: there is none.
pub fn freezing(config: &ReplicaConfig) -> Option<Server> {
    let Login { user, password } = config.freeze.clone()?;
    Some(Server { user, password, ..server(&config.server) })
}

/// Where the nodes of a redis cluster are, and who asks.
pub fn redis(config: &RedisConfig) -> (Topology, Settings) {
    let seeds = config.seeds.clone();
    let topology = match config.kind {
        ConfigTopology::Cluster => Topology::Cluster { seeds },
        ConfigTopology::Static => Topology::Nodes { nodes: seeds },
        ConfigTopology::Replicated => Topology::Replicas { seeds, sentinels: Vec::new(), master: None },
        ConfigTopology::Sentinel => {
            let master = Some(config.sentinel_name.clone());
            Topology::Replicas { seeds: Vec::new(), sentinels: seeds, master }
        }
        ConfigTopology::Dtm => Topology::Dtm { sessions: seeds, buckets: config.buckets.clone() },
    };
    let ways = |check| {
        let identity = config.tls_own.clone().map(|(certificate, key)| Identity { certificate, key });
        RedisTls::On(TlsWays { check, authority: config.tls_ca.clone(), identity })
    };
    let tls = match config.tls {
        ConfigTls::Required => ways(Check::Name),
        ConfigTls::Insecure => ways(Check::Nothing),
        ConfigTls::Off => RedisTls::Off,
    };
    let account = Account {
        user: config.user.clone(),
        password: config.password.clone(),
        tls,
        connect_within: config.within,
        answer_within: config.within,
        ..Account::default()
    };
    (topology, Settings { account, ..Settings::default() })
}

/// What is watched of a replica.
pub fn watched(config: &ReplicaConfig) -> Watched {
    Watched {
        replica: server(&config.server),
        channel: config.channel.clone(),
        heartbeat: table(&config.heartbeat, config.heartbeat_offset),
        source: config.heartbeat_source,
        local: config.local_heartbeat,
        primary: config.primary.as_ref().map(server),
        jobs_query: config.jobs_query.clone(),
    }
}

/// Looks at a replica.
pub fn probe(config: &ReplicaConfig, clock: Clock) -> MysqlProbe {
    MysqlProbe::new(watched(config), clock)
}

/// Writes heartbeats.
pub fn writer(config: &HeartbeatConfig, clock: Clock) -> Writer {
    let beating = Beating {
        server: server(&config.server),
        table: table(&config.table, config.offset),
        create: config.create,
        local: config.local,
        interval: config.interval,
    };
    Writer::new(beating, clock)
}

fn table(name: &(String, String), offset: i32) -> HeartbeatTable {
    HeartbeatTable { database: name.0.clone(), table: name.1.clone(), offset }
}
