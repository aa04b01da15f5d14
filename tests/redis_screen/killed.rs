//! A master is killed: the screen says so while no node of the cluster knows; then its replica takes over, and dies as well.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use firn::base::Clock;

use crate::kit::{Desk, clears, count, share, shows};
use crate::support::redis::{Cluster, Redis};

/// Slots of the masters, unlike each other.
const RANGES: [(u16, u16); 3] = [(0, 3_999), (4_000, 11_999), (12_000, 16_383)];
/// So long after a master is killed the screen has to say so.
const SEEN: Duration = Duration::from_secs(2);

/// What `redis-cli` is told at this moment by each of these nodes.
fn views(of: &[&Redis]) -> Vec<(u16, String)> {
    let asked: Vec<_> = of
        .iter()
        .map(|node| {
            let mut command = Command::new("redis-cli");
            command.args(["-p", &node.port().to_string(), "cluster", "nodes"]).stdout(Stdio::piped());
            (node.port(), command.spawn().unwrap_or_else(|e| panic!("redis-cli: {e}; tests/run installs it")))
        })
        .collect();
    let told = asked.into_iter().map(|(port, child)| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (port, String::from_utf8(output.stdout).unwrap())
    });
    told.collect()
}

/// Whether a view calls anybody failed, or suspects it.
fn knows(view: &str) -> bool {
    let flags = view.lines().flat_map(|line| line.split(' ').nth(2).unwrap().split(','));
    flags.into_iter().any(|flag| flag == "fail" || flag == "fail?")
}

/// Written where it outlasts the test, and past the harness, which shows nothing of tests that pass.
fn keep(text: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-killed-master.txt");
    std::fs::write(&path, text).unwrap();
    let mut err = std::io::stderr().lock();
    writeln!(err, "{text}kept in {}", path.display()).unwrap();
}

#[test]
fn a_killed_master_is_critical_on_the_screen_before_any_node_suspects_it_then_a_failover_then_slots_without_owner() {
    let mut cluster = Cluster::of(&RANGES, 1, 10_000);
    let desk = Desk::over(&cluster, "");
    let pty = desk.console();
    shows(&pty, &["OK shop", "SLOTS 16,384/16,384", "ANSWER 6/6", "MASTERS 3", "REPLICAS 3", "SAYS ok", "VIEWS agree"]);
    shows(&pty, &["no findings"]);
    shows(&pty, &["served 16,384 (100 %)"]);

    let (from, to) = RANGES[1];
    let (slots, rest) = (to - from + 1, 16_384 - (to - from + 1));
    let (dead, heir) = (cluster.nodes[1].addr(), cluster.nodes[4].addr());
    let clock = Clock::system();
    let began = clock.mono();
    cluster.nodes[1].kill();
    shows(&pty, &["CRITICAL shop"]);
    let seen = clock.mono().since(began);
    let others: Vec<&Redis> = [0, 2, 3, 4, 5].into_iter().map(|place| &cluster.nodes[place]).collect();
    let views = views(&others);
    let asked = clock.mono().since(began);
    let mut text = format!(
        "SIGKILL of master {dead}: CRITICAL on the screen after {} ms; after {} ms redis-cli cluster nodes says\n",
        seen.as_millis(),
        asked.as_millis()
    );
    for (port, view) in &views {
        write!(text, "redis-cli -p {port} cluster nodes\n{view}").unwrap();
    }
    keep(&text);
    assert!(seen <= SEEN, "it took {seen:?}");
    for (port, view) in &views {
        assert!(!knows(view), "{port} knows already, so nothing was gained:\n{view}");
    }
    shows(&pty, &["CRITICAL shop", &format!("SLOTS {}/16,384", count(rest))]);
    shows(&pty, &[&format!("failing {} ({}): {from}-{to}", count(slots), share(slots))]);
    shows(
        &pty,
        &["CRITICAL", "A1", &format!("{dead}, master of {from}-{to} ({}): refused", share(slots)), "not yet aware"],
    );
    let owner = format!("{} slots ({}) have no live owner: {from}-{to}", count(slots), share(slots));
    shows(&pty, &["CRITICAL", "B1", &owner, &format!("failover under way to {heir}")]);

    // The failover, told as an event; what is left is a master without a replica, and a dead node that owns nothing.
    shows(&pty, &["last event", &format!("failover {heir}")]);
    shows(&pty, &["notice", "B11", &format!("{from}-{to} {dead} -> {heir}")]);
    shows(&pty, &["WARNING shop", "SLOTS 16,384/16,384", "ANSWER 5/6", "MASTERS 3", "REPLICAS 2", "SAYS ok"]);
    shows(&pty, &["WARNING", "B8", &format!("{heir} has no replica: losing it loses {from}-{to} ({})", share(slots))]);
    shows(&pty, &["WARNING", "B5", &dead.to_string(), "failed", "owns nothing"]);

    // Nobody can take over from that one.
    cluster.nodes[4].kill();
    shows(&pty, &["CRITICAL shop", &format!("SLOTS {}/16,384", count(rest)), "ANSWER 4/6"]);
    shows(&pty, &["CRITICAL", "B1", &owner, &format!("master {heir}, no replica left")]);
    shows(&pty, &[&format!("failing {} ({}): {from}-{to}", count(slots), share(slots))]);
    shows(&pty, &[&format!("served {} ({})", count(rest), share(rest))]);
    // In the end the cluster says so itself.
    shows(&pty, &["CRITICAL shop", "SAYS fail"]);
    shows(
        &pty,
        &["CRITICAL", "B2", "cluster refuses all commands (full coverage required): 4 of 4 nodes say state fail"],
    );

    // Both come back: the newer master to its slots, the older one as its replica.
    cluster.nodes[4].restart();
    cluster.nodes[1].restart();
    shows(&pty, &["OK shop", "SLOTS 16,384/16,384", "ANSWER 6/6", "MASTERS 3", "REPLICAS 3", "SAYS ok"]);
    clears(&pty, &["CRITICAL"]);
    let view = cluster.nodes[0].view();
    let of = |node: &Redis| view.iter().find(|line| line.id == node.id()).unwrap();
    assert_eq!(of(&cluster.nodes[1]).master, Some(cluster.nodes[4].id()));
    pty.leave();
}
