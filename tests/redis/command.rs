//! The program: silences of nodes that are known, and recordings judged by a cluster's own limits.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use firn::base::Clock;
use firn::base::host::ProcessIdentity;
use firn::redis::history::{History, NodePast};
use firn::store::sqlite::SqliteStore;
use firn::store::{ClusterWrite, NewSession, Store, cluster_duty};

use super::kit::capture;

const CONFIG: &str = r#"state = { url = "sqlite:firn.db" }
redis = [{ name = "shop", seeds = "127.0.0.1:1", hosts = "127.0.0.1=rack a", imbalance = 1.5 }]
"#;

fn firn(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir)
        .env("USER", "mira")
        .current_dir(dir)
        .args(["--config", "firn.toml"])
        .args(args);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn home() -> (tempfile::TempDir, Arc<dyn Store>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("firn.toml"), CONFIG).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&dir.path().join("firn.db"), Clock::system(), true).unwrap());
    (dir, store)
}

#[tokio::test]
async fn a_silence_of_a_node_that_nobody_has_seen_is_refused() {
    let (dir, store) = home();
    let silence = |node: &str| firn(dir.path(), &["redis", "silence", "shop", node, "--why", "a disk"]);
    // Nobody has looked yet: every node may be one.
    assert_eq!(silence("10.9.9.9:7009").0, 0);
    let new = NewSession { process: ProcessIdentity::own(), kinds: "redis".to_owned(), lease: Duration::from_mins(10) };
    let session = store.session_start(new).await.unwrap().id;
    let duty = store.duty_take(cluster_duty("shop"), session).await.unwrap().unwrap();
    let mut history = History::default();
    for n in 1..=14 {
        history.nodes.insert(format!("10.0.0.{n}:7001"), NodePast::default());
    }
    let body = serde_json::to_string(&history).unwrap();
    let written = store.cluster_write(session, duty.generation, "shop".to_owned(), body, Vec::new()).await.unwrap();
    assert_eq!(written, ClusterWrite::Written);
    let (code, _, err) = silence("10.0.0.1:7002");
    assert_ne!(code, 0);
    let text =
        "10.0.0.1:7002 is no node of shop; did you mean 10.0.0.1:7001? known are 10.0.0.10:7001, 10.0.0.11:7001, ";
    assert!(err.contains(text) && err.contains(" and 2 more"), "{err}");
    assert_eq!(silence("10.0.0.1:7001").0, 0);
    let silenced: Vec<_> = store.silences(store.now().await.unwrap()).await.unwrap();
    let nodes: Vec<&str> = silenced.iter().filter_map(|row| row.node.as_deref()).collect();
    assert_eq!(nodes, ["10.0.0.1:7001", "10.9.9.9:7009"], "what was refused silences nothing");
}

#[test]
fn a_recording_is_judged_like_a_cluster_where_one_is_named() {
    let (dir, _store) = home();
    let folder = capture("01-healthy").display().to_string();
    let (code, out, err) = firn(dir.path(), &["redis", "replay", &folder]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("judged by the default limits; --like CLUSTER takes those of a cluster\n"), "{out}");
    assert!(!out.contains("rack a"), "{out}");
    // That all of it is on one machine only the configuration knows.
    let (code, out, err) = firn(dir.path(), &["redis", "replay", &folder, "--like", "shop"]);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.starts_with("judged by the limits of shop\n") && out.contains("losing host rack a"), "{out}");
    let (_, out, _) = firn(dir.path(), &["redis", "replay", "--json", "--like", "shop", &folder]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&value["like"], &value["severity"]), (&"shop".into(), &"WARNING".into()));
    let (code, _, err) = firn(dir.path(), &["redis", "replay", "--like", "shup", &folder]);
    assert!(
        code != 0 && err.contains("\"shup\" names no redis cluster of the configuration; did you mean shop?"),
        "{err}"
    );
}

#[test]
fn the_help_says_what_the_silence_of_a_node_does_not_take() {
    let (dir, _store) = home();
    let (_, out, _) = firn(dir.path(), &["redis", "silence", "--help"]);
    assert!(out.contains("Slots that nobody serves (B1)") && out.contains("the whole cluster alone"), "{out}");
}
