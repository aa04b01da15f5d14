//! What a configuration keeps the benchmark off: production and TLS, by whatever way a node is named.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::Stop;
use firn::config::{Config, Given};
use firn::console::clusters;
use firn::console::effect::BenchAsk;
use firn::redis::bench::{Choice, Work};
use firn::redis::history::{History, NodePast};
use firn::services::Services;
use firn::store::{ClusterWrite, NewSession, cluster_duty};

use crate::command::{SHORT, done, firn};
use crate::kit::local;
use crate::support::redis::{Cluster, Redis};
use crate::support::waiting::{LONG, eventually};

struct Desk(tempfile::TempDir);

impl Desk {
    fn of(seeds: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("[[redis]]\nname = \"shop\"\nseeds = \"{seeds}\"\n{more}\n");
        std::fs::write(dir.path().join("firn.toml"), text).unwrap();
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("firn.toml")
    }

    fn services(&self) -> Services {
        let config = Config::load(&Given { file: Some(self.file()), set: Vec::new() }).unwrap();
        runtime().block_on(Services::open(config, true)).unwrap()
    }

    /// Keeps the history of a cluster with one node.
    fn remember(&self, host: &str, past: NodePast) {
        let services = self.services();
        let mut history = History::default();
        history.nodes.insert(host.to_owned(), past);
        let body = serde_json::to_string(&history).unwrap();
        runtime().block_on(async {
            let new = NewSession {
                process: services.process.clone(),
                kinds: "redis".to_owned(),
                lease: Duration::from_mins(1),
            };
            let session = services.store.session_start(new).await.unwrap().id;
            let duty = services.store.duty_take(cluster_duty("shop"), session).await.unwrap().unwrap();
            let written = services.store.cluster_write(session, duty.generation, "shop".to_owned(), body, Vec::new());
            assert_eq!(written.await.unwrap(), ClusterWrite::Written);
            services.store.session_end(session).await.unwrap();
        });
    }

    /// What the command says; it is not begun.
    #[track_caller]
    fn refuses(&self, hosts: &str, more: &[&str]) -> String {
        self.ends(hosts, more, 2).1
    }

    #[track_caller]
    fn ends(&self, hosts: &str, more: &[&str], code: i32) -> (String, String) {
        let mut command = firn(hosts, &[&SHORT, more, &["get_set"]].concat());
        command.env("FIRN_CONFIG", self.file());
        done(command, code)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn every_node_of_a_production_cluster_is_production() {
    let cluster = Cluster::bare(3);
    let [first, second] = [cluster.nodes[0].port(), cluster.nodes[1].port()];
    let desk = Desk::of(&format!("127.0.0.1:{first}"), "production = true");
    let marked = |host: &str| format!("firn: {host} is marked production in the configuration (shop); ");
    let sets = || cluster.nodes.iter().map(|node| node.calls("set")).sum::<u64>();
    let before = sets();
    // By another node than that of the configuration, and by another name of that.
    let err = desk.refuses(&format!("127.0.0.1:{second}"), &["--cluster"]);
    assert!(err.starts_with(&marked(&format!("127.0.0.1:{first}"))), "{err}");
    for more in [&["--cluster"][..], &[]] {
        let err = desk.refuses(&format!("localhost:{first}"), more);
        assert!(err.starts_with(&marked(&format!("localhost:{first}"))), "{err}");
    }
    assert_eq!(sets(), before);
    // Seeds are compared by their addresses, too.
    let named = Desk::of(&format!("localhost:{first}"), "production = true");
    let err = named.refuses(&format!("127.0.0.1:{first}"), &[]);
    assert!(err.starts_with(&marked(&format!("127.0.0.1:{first}"))), "{err}");
    desk.ends(&format!("127.0.0.1:{second}"), &["--cluster", "--anyway"], 0);
    assert!(sets() > before);
}

#[test]
fn what_is_remembered_of_a_production_cluster_is_kept_off() {
    let server = Redis::start(&[]);
    let desk = Desk::of("127.0.0.1:1", "kind = \"replicated\"\nproduction = true");
    let host = server.addr().to_string();
    // Nothing is known of it: it is any host.
    desk.ends(&host, &[], 0);
    desk.remember(&host, NodePast::default());
    let sets = server.calls("set");
    let err = desk.refuses(&host, &[]);
    assert!(err.starts_with(&format!("firn: {host} is marked production in the configuration (shop); ")), "{err}");
    assert_eq!(server.calls("set"), sets);
}

/// A server that was seen at an address by which nobody asks for it now.
#[test]
fn a_production_server_is_known_at_whatever_address_it_is_reached() {
    let server = Redis::start(&[]);
    let cluster = Cluster::bare(3);
    let desk = Desk::of("127.0.0.1:1", "kind = \"replicated\"\nproduction = true");
    for (node, more) in [(&server, &[][..]), (&cluster.nodes[1], &["--cluster"])] {
        let host = node.addr().to_string();
        let past = |run: Option<String>| NodePast { run, ..NodePast::default() };
        desk.remember("203.0.113.7:6379", past(Some("0".repeat(40))));
        desk.ends(&host, more, 0);
        let sets = node.calls("set");
        desk.remember("203.0.113.7:6379", past(node.info("run_id")));
        let err = desk.refuses(&host, more);
        assert!(err.starts_with(&format!("firn: {host} is marked production in the configuration (shop); ")), "{err}");
        assert_eq!(node.calls("set"), sets);
        desk.ends(&host, &[more, &["--anyway"]].concat(), 0);
    }
}

/// A replica that is named in the configuration leads to its master, whichever is asked for; a sentinel likewise.
#[test]
fn what_the_configuration_leads_to_is_kept_off() {
    let master = Redis::start(&[]);
    let replica = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    eventually(LONG, "it is attached", || (replica.info("master_link_status").as_deref() == Some("up")).then_some(()));
    let sentinel = Redis::start(&["--sentinel"]);
    sentinel.cmd(&["SENTINEL", "MONITOR", "m", "127.0.0.1", &master.port().to_string(), "1"]);
    let host = master.addr().to_string();
    for (seed, kind) in [(&replica, "\"replicated\""), (&sentinel, "\"sentinel\"\nsentinel_name = \"m\"")] {
        let desk = Desk::of(&seed.addr().to_string(), &format!("kind = {kind}\nproduction = true"));
        let err = desk.refuses(&host, &[]);
        assert!(err.starts_with(&format!("firn: {host} is marked production in the configuration (shop); ")), "{err}");
    }
    assert_eq!(master.calls("set"), 0);
}

#[test]
fn a_cluster_that_speaks_tls_is_told_nothing_in_the_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = local(listener.local_addr().unwrap().port());
    let text = |setting: &str| {
        format!(
            "{host} is of shop, where tls = \"{setting}\" is set; the benchmark speaks no TLS, and what it sends, the password \
             too, would go in the open: nothing was connected; name a host without TLS"
        )
    };
    for setting in ["required", "insecure"] {
        let desk =
            Desk::of(&host.to_string(), &format!("tls = \"{setting}\"\nuser = \"app\"\npassword = \"env:HOME\""));
        for more in [&[][..], &["--cluster"], &["--anyway"], &["--overhead"]] {
            assert_eq!(desk.refuses(&host.to_string(), more), format!("firn: {}\n", text(setting)));
        }
        // From the tab: of the cluster, and as somebody typed it.
        let services = Arc::new(desk.services());
        for of in [Some("shop".to_owned()), None] {
            let ask = BenchAsk {
                of,
                hosts: vec![host.clone()],
                cluster: true,
                clients: 1,
                span: Duration::from_secs(1),
                work: Work::GetSet,
                keys: 10,
                choice: Choice::Random,
            };
            let (to, _told) = tokio::sync::mpsc::channel(8);
            let said = runtime().block_on(clusters::bench(Arc::clone(&services), ask, Stop::new(), to));
            assert_eq!(said, Err(text(setting)));
        }
    }
    let met = listener.accept().map_err(|e| e.kind());
    assert!(matches!(met, Err(std::io::ErrorKind::WouldBlock)), "{met:?}");
}
