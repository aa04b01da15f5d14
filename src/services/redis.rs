//! Redis clusters: what is configured of them, how they stand, the worker that keeps their history, and what may be asked of a
//! node or done to it.

use std::sync::Arc;
use std::time::Duration;

use super::{Backing, Services, lines};
use crate::base::addr::NodeAddr;
use crate::base::sink::CounterSink;
use crate::base::{Clock, Stop, task};
use crate::config::{RedisConfig, Tls};
use crate::redis::bench::{Guard, Known};
use crate::redis::commands::Cli;
use crate::redis::history::History;
use crate::redis::info::Info;
use crate::redis::limits::{Kind, Subject};
use crate::redis::line::Line;
use crate::redis::probe::{NetProbe, Settings};
use crate::redis::read::{ClusterRead, RedisRead};
use crate::redis::silence::{Silence, Target};
use crate::redis::station::{Cluster, Station};
use crate::redis::watch::{KIND, Keeper};
use crate::store::{SilenceRow, Store};
use crate::worker::session::Lease;
use crate::worker::under::{self, Work};

/// Who keeps the history is missed after so long at most.
const KEPT: Duration = Duration::from_secs(30);
/// A single question looks so often at most, whatever is configured; what is seen once may be a moment's.
const TICKS: u32 = 5;
/// And so far apart: views that differ are in dispute after 2 s.
const APART: Duration = Duration::from_millis(1050);
/// A tick waits so long for the slowest node: none delays the others.
const HASTE: Duration = Duration::from_millis(250);
/// Silences are read anew so often.
const SILENCES: Duration = Duration::from_secs(5);

/// Why nothing can be asked of a node.
#[derive(Debug, thiserror::Error)]
pub enum NoLine {
    /// There is no such cluster.
    #[error("no cluster is called {0}; firn redis lists them")]
    Cluster(String),
    /// The node is not looked at.
    #[error("{0} is no node that is looked at now; its cluster may have forgotten it")]
    Node(NodeAddr),
    /// It is acted.
    #[error(
        "{0} is a recording that the demo plays: it tells what every look tells and its INFO; nothing else can be asked of it, and nothing done to it"
    )]
    Acted(NodeAddr),
}

impl Services {
    /// Whether any cluster is watched.
    pub fn has_redis(&self) -> bool {
        !self.stations().is_empty()
    }

    /// Who looks at clusters, in the order of the configuration, or of a demo's scenario. Nothing is connected before somebody
    /// wants to know.
    pub fn stations(&self) -> &[Arc<Station>] {
        self.stations.get_or_init(|| match &self.backing {
            Backing::Demo(stage, _) => {
                let acted = |cluster| Arc::new(Station::new(cluster, self.clock.clone()));
                stage.clusters().into_iter().map(acted).collect()
            }
            Backing::Live | Backing::Handed(_) => {
                self.config.redis.iter().map(|config| station(config, &self.clock)).collect()
            }
        })
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
        station.line(node).ok_or_else(|| match &self.backing {
            Backing::Demo(..) => NoLine::Acted(node.clone()),
            Backing::Live | Backing::Handed(_) => NoLine::Node(node.clone()),
        })
    }

    /// What a node says of itself now, where no line is needed to know it.
    pub fn redis_info(&self, cluster: &str, node: &NodeAddr) -> Option<Info> {
        self.stations().iter().find(|station| station.name() == cluster)?.info(node)
    }

    /// The worker that keeps the history of clusters, under a lease of its own.
    pub(super) async fn keep_redis(self: &Arc<Self>, counters: Arc<dyn CounterSink>, stop: Stop) -> Result<(), String> {
        self.look_at_redis();
        let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            let all = self.stations().iter().map(|station| -> Work {
                let keeper = Keeper {
                    station: Arc::clone(station),
                    store: Arc::clone(&self.store),
                    clock: self.clock.clone(),
                    session: lease.session,
                    counters: Arc::clone(&counters),
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

/// Looks at clusters (stations [for it](once)) as often as it takes to tell, and says how they stand. With the state it goes on from what was kept.
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
            let limits = &station.cluster().limits;
            for number in 0..limits.raise_after.max(limits.clear_after) {
                if number > 0 {
                    clock.sleep(APART).await;
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
pub async fn recall(store: &dyn Store, station: &Station) {
    match store.cluster(station.name().to_owned()).await {
        Ok(Some(row)) => match serde_json::from_str::<History>(&row.body) {
            Ok(history) => station.remember(history).await,
            Err(e) => {
                tracing::error!(error = %e, cluster = station.name(), "its history cannot be read; it begins anew");
            }
        },
        Ok(None) => {}
        Err(e) => tracing::warn!(error = %e, cluster = station.name(), "its history cannot be read now"),
    }
}

/// Hands silences to those they are about. Without the state the last that were read hold.
pub async fn read_silences(store: &dyn Store, stations: &[Arc<Station>]) {
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

/// Who looks at a cluster of the configuration for as long as somebody wants to know. Nothing is connected before it looks.
pub fn station(config: &RedisConfig, clock: &Clock) -> Arc<Station> {
    let cluster = cluster(config, clock, |settings| Settings { haste: Some(HASTE), ..settings });
    Arc::new(Station::new(cluster, clock.clone()))
}

/// Who looks at it for one question: each tick waits for all, and asks all.
pub fn once(config: &RedisConfig, clock: &Clock) -> Arc<Station> {
    let mut cluster = cluster(config, clock, |settings| Settings { restless: true, ..settings });
    let mut limits = (*cluster.limits).clone();
    // Two at least, as what is found by the first look alone may be a moment's.
    (limits.raise_after, limits.clear_after) = (limits.raise_after.clamp(2, TICKS), limits.clear_after.clamp(3, TICKS));
    cluster.limits = Arc::new(limits);
    Arc::new(Station::new(cluster, clock.clone()))
}

fn cluster(config: &RedisConfig, clock: &Clock, paced: impl FnOnce(Settings) -> Settings) -> Cluster {
    let kind = match config.kind {
        crate::config::Topology::Cluster => Kind::Cluster,
        crate::config::Topology::Static | crate::config::Topology::Dtm => Kind::List,
        crate::config::Topology::Replicated | crate::config::Topology::Sentinel => Kind::Replicas,
    };
    let (topology, settings) = lines::redis(config);
    Cluster {
        subject: Subject {
            name: config.name.clone(),
            kind,
            hosts: config.hosts.clone(),
            seeds: config.seeds.iter().chain(&config.buckets).cloned().collect(),
            cli: Cli::new(&settings.account.tls),
        },
        limits: Arc::new(config.limits.clone()),
        every: config.interval,
        production: config.production,
        probe: Arc::new(NetProbe::new(topology, paced(settings), clock.clone())),
    }
}

impl Services {
    /// Which nodes the benchmark keeps off: those of the configuration, those that were looked at, and those of the history.
    pub async fn guard(&self) -> Guard {
        let mut all = known(&self.config.redis, Some(&*self.store)).await;
        for one in &mut all {
            let station = self.stations().iter().find(|station| station.name() == one.name);
            if let Some(health) = station.and_then(|station| station.told().health) {
                one.nodes.extend(health.nodes.iter().map(|node| node.addr.clone()));
            }
        }
        Guard::new(all)
    }
}

/// The same where nobody looks at clusters; the history is read where the state can be. What leads to others is looked at
/// once: a sentinel is no server itself, and a replica may be the master by now.
pub async fn guard(configs: &[RedisConfig], store: Option<&dyn Store>) -> Guard {
    let mut all = known(configs, store).await;
    let clock = Clock::system();
    let leads = |config: &&RedisConfig| {
        use crate::config::Topology::{Replicated, Sentinel};
        is_guarded(config) && matches!(config.kind, Replicated | Sentinel)
    };
    let stations: Vec<Arc<Station>> = configs.iter().filter(leads).map(|config| once(config, &clock)).collect();
    for read in look_once(&stations, &clock, None).await.clusters {
        let nodes = read.health.iter().flat_map(|health| health.nodes.iter().map(|node| node.addr.clone()));
        all.iter_mut().filter(|one| one.name == read.name).for_each(|one| one.nodes.extend(nodes.clone()));
    }
    Guard::new(all)
}

/// Whether the benchmark has to ask about a cluster.
pub fn is_guarded(config: &RedisConfig) -> bool {
    config.production || config.tls != Tls::Off
}

async fn known(configs: &[RedisConfig], store: Option<&dyn Store>) -> Vec<Known> {
    let mut all = Vec::new();
    for config in configs.iter().filter(|config| is_guarded(config)) {
        let mut nodes: Vec<NodeAddr> = config.seeds.iter().chain(&config.buckets).cloned().collect();
        let mut runs = Vec::new();
        let row = match store {
            Some(store) => store.cluster(config.name.clone()).await,
            None => Ok(None),
        };
        match row.map(|row| row.map(|row| serde_json::from_str::<History>(&row.body))) {
            Ok(Some(Ok(history))) => {
                nodes.extend(history.nodes.keys().filter_map(|node| NodeAddr::parse(node, 6379)));
                runs.extend(history.nodes.into_values().filter_map(|node| node.run));
            }
            Ok(None) => {}
            Ok(Some(Err(e))) => tracing::warn!(error = %e, cluster = %config.name, "its history cannot be read"),
            Err(e) => tracing::warn!(error = %e, cluster = %config.name, "its history cannot be read now"),
        }
        all.push(Known {
            name: config.name.clone(),
            production: config.production,
            tls: tls_setting(config.tls),
            nodes,
            runs,
        });
    }
    all
}

/// As it stands in the configuration; nothing: `off`.
pub fn tls_setting(tls: Tls) -> Option<&'static str> {
    match tls {
        Tls::Required => Some("required"),
        Tls::Insecure => Some("insecure"),
        Tls::Off => None,
    }
}
