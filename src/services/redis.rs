//! Redis clusters: what is configured of them, how they stand, the worker that keeps their history, and what may be asked of a
//! node or done to it.

use std::sync::Arc;
use std::time::Duration;

use super::{Services, lines};
use crate::base::addr::NodeAddr;
use crate::base::{Clock, Stop, task};
use crate::config::RedisConfig;
use crate::redis::bench::Production;
use crate::redis::history::History;
use crate::redis::limits::{Kind, Limits, Subject};
use crate::redis::line::Line;
use crate::redis::probe::NetProbe;
use crate::redis::read::{ClusterRead, RedisRead};
use crate::redis::silence::{Silence, Target};
use crate::redis::station::{Cluster, Station};
use crate::redis::watch::{KIND, Keeper};
use crate::store::{SilenceRow, Store};
use crate::worker::session::Lease;
use crate::worker::under::{self, Work};

/// Who keeps the history is missed after so long at most.
const KEPT: Duration = Duration::from_secs(30);
/// A single question looks so often: what is seen once may be a moment's, what is seen twice is told.
const TICKS: u32 = 2;
/// Silences are read anew so often.
const SILENCES: Duration = Duration::from_secs(5);

/// Why nothing can be asked of a node.
#[derive(Debug, thiserror::Error)]
pub enum NoLine {
    /// There is no such cluster.
    #[error("no cluster is called {0}; firn redis lists them")]
    Cluster(String),
    /// The node is not looked at, or what is looked at is a recording.
    #[error("{0} is no node that is looked at now; its cluster may have forgotten it")]
    Node(NodeAddr),
}

impl Services {
    /// Whether any cluster is watched.
    pub fn has_redis(&self) -> bool {
        !self.stations().is_empty()
    }

    /// Who looks at clusters, in the order of the configuration. Nothing is connected before somebody wants to know.
    pub fn stations(&self) -> &[Arc<Station>] {
        self.stations.get_or_init(|| self.config.redis.iter().map(|config| station(config, &self.clock)).collect())
    }

    /// Keeps looking at all clusters, once for the process however often it is asked for.
    pub fn look_at_redis(self: &Arc<Self>) {
        if self.stations().is_empty() || self.looking.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        for station in self.stations() {
            let (services, station) = (Arc::clone(self), Arc::clone(station));
            drop(self.spawn(async move {
                recall(&*services.store, &station).await;
                station.run(&Stop::new()).await;
            }));
        }
        let services = Arc::clone(self);
        drop(self.spawn(async move {
            loop {
                read_silences(&*services.store, services.stations()).await;
                services.clock.sleep(SILENCES).await;
            }
        }));
    }

    /// How all clusters stand, as far as they have been looked at.
    pub fn redis(&self) -> RedisRead {
        read(self.stations(), &self.clock)
    }

    /// The line to a node.
    pub fn redis_line(&self, cluster: &str, node: &NodeAddr) -> Result<Arc<Line>, NoLine> {
        let station = self.stations().iter().find(|station| station.name() == cluster);
        let station = station.ok_or_else(|| NoLine::Cluster(cluster.to_owned()))?;
        station.line(node).ok_or_else(|| NoLine::Node(node.clone()))
    }

    /// The worker that keeps the history of clusters, under a lease of its own.
    pub(super) async fn keep_redis(self: &Arc<Self>, stop: Stop) -> Result<(), String> {
        self.look_at_redis();
        let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            let all = self.stations().iter().map(|station| -> Work {
                let keeper = Keeper {
                    station: Arc::clone(station),
                    store: Arc::clone(&self.store),
                    clock: self.clock.clone(),
                    session: lease.session,
                };
                let inner = inner.clone();
                Box::pin(async move { keeper.run(inner).await })
            });
            let reaps: Work = Box::pin(under::reap(lease.clone(), self.clock.clone(), inner.clone()));
            all.chain([reaps]).collect()
        };
        under::run(self.under(KIND, KEPT), stop, parts, std::future::pending()).await.map_err(|e| e.to_string())
    }
}

/// What stations have found.
fn read(stations: &[Arc<Station>], clock: &Clock) -> RedisRead {
    let of = |station: &Arc<Station>| {
        let cluster = station.cluster();
        ClusterRead {
            name: station.name().to_owned(),
            production: cluster.production,
            every: cluster.every,
            health: station.told().health,
        }
    };
    RedisRead { now: clock.now(), clusters: stations.iter().map(of).collect() }
}

/// Looks at clusters as often as it takes to tell, and says how they stand. With the state it goes on from what was kept.
pub async fn look_once(stations: &[Arc<Station>], clock: &Clock, store: Option<&dyn Store>) -> RedisRead {
    if let Some(store) = store {
        for station in stations {
            recall(store, station).await;
        }
        read_silences(store, stations).await;
    }
    let tick = |station: &Arc<Station>| {
        let (station, clock) = (Arc::clone(station), clock.clone());
        task::spawn(async move {
            for number in 0..TICKS {
                if number > 0 {
                    clock.sleep(station.cluster().every).await;
                }
                station.tick().await;
            }
        })
    };
    let tasks: Vec<_> = stations.iter().map(tick).collect();
    for task in tasks {
        // One that fell over leaves its cluster without an answer.
        let _ = task.await;
    }
    read(stations, clock)
}

/// What whoever looked before has kept of a cluster; what cannot be read is begun anew.
async fn recall(store: &dyn Store, station: &Station) {
    match store.cluster(station.name().to_owned()).await {
        Ok(Some(row)) => match serde_json::from_str::<History>(&row.body) {
            Ok(history) => station.remember(history),
            Err(e) => {
                tracing::error!(error = %e, cluster = station.name(), "its history cannot be read; it begins anew");
            }
        },
        Ok(None) => {}
        Err(e) => tracing::warn!(error = %e, cluster = station.name(), "its history cannot be read now"),
    }
}

/// Hands silences to those they are about. Without the state the last that were read hold.
async fn read_silences(store: &dyn Store, stations: &[Arc<Station>]) {
    let rows = match store.now().await {
        Ok(now) => store.silences(now).await,
        Err(e) => Err(e),
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(e) => {
            tracing::debug!(error = %e, "silences cannot be read");
            return;
        }
    };
    for station in stations {
        let own = rows.iter().filter(|row| row.cluster == station.name());
        let of = |row: &SilenceRow| {
            let target = match &row.node {
                None => Target::Cluster,
                Some(node) => Target::Node(NodeAddr::parse(node, 6379)?),
            };
            Some(Silence { target, until: row.until, who: row.who.clone(), why: row.why.clone() })
        };
        station.silence(own.filter_map(of).collect());
    }
}

/// Who looks at a cluster of the configuration. Nothing is connected before it looks.
pub fn station(config: &RedisConfig, clock: &Clock) -> Arc<Station> {
    Arc::new(Station::new(cluster(config, clock), clock.clone()))
}

fn cluster(config: &RedisConfig, clock: &Clock) -> Cluster {
    let kind = match config.kind {
        crate::config::Topology::Cluster => Kind::Cluster,
        crate::config::Topology::Static | crate::config::Topology::Dtm => Kind::List,
        crate::config::Topology::Replicated | crate::config::Topology::Sentinel => Kind::Replicas,
    };
    let (topology, settings) = lines::redis(config);
    Cluster {
        subject: Subject { name: config.name.clone(), kind, hosts: config.hosts.clone() },
        limits: Arc::new(Limits { cache: config.cache, ..Limits::default() }),
        every: config.interval,
        production: config.production,
        probe: Arc::new(NetProbe::new(topology, settings, clock.clone())),
    }
}

impl Services {
    /// By which cluster's name a node is marked as production: of those that were looked at every node, of others the seeds.
    pub fn production(&self) -> Production {
        let known = self.stations().iter().map(|station| {
            let health = station.told().health;
            health.map(|health| health.nodes.iter().map(|node| node.addr.clone()).collect()).unwrap_or_default()
        });
        marked(self.config.redis.iter().zip(known))
    }
}

/// The same of clusters that nobody looks at: their seeds are marked.
pub fn production(configs: &[RedisConfig]) -> Production {
    marked(configs.iter().map(|config| (config, Vec::new())))
}

fn marked<'a>(clusters: impl Iterator<Item = (&'a RedisConfig, Vec<NodeAddr>)>) -> Production {
    let of = |(config, known): (&RedisConfig, Vec<NodeAddr>)| {
        let nodes: Vec<NodeAddr> =
            known.into_iter().chain(config.seeds.clone()).chain(config.buckets.clone()).collect();
        (config.name.clone(), nodes)
    };
    let marked: Vec<_> = clusters.filter(|(config, _)| config.production).map(of).collect();
    Arc::new(move |addr: &NodeAddr| marked.iter().find(|(_, nodes)| nodes.contains(addr)).map(|(name, _)| name.clone()))
}
