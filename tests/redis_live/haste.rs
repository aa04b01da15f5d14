//! One node that hangs delays no other, and what is over is not asked without end.

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Clock, Severity, Stop, task};
use firn::redis::limits::{Kind, Limits, Subject};
use firn::redis::probe::{NetProbe, Settings, Topology};
use firn::redis::snapshot::Sight;
use firn::redis::station::{Cluster, Station};

use crate::kit::settings;
use crate::support::redis::Redis;
use crate::support::waiting::{LONG, in_time};

fn watched(nodes: &[&Redis], within: Duration) -> Arc<Station> {
    let nodes = nodes.iter().map(|node| node.addr()).collect();
    let mut settings = Settings { haste: Some(Duration::from_millis(250)), ..settings() };
    (settings.account.connect_within, settings.account.answer_within) = (within, within);
    let cluster = Cluster {
        subject: Subject { name: "list".to_owned(), kind: Kind::List, ..Subject::default() },
        limits: Arc::new(Limits::default()),
        every: Duration::from_secs(2),
        production: false,
        probe: Arc::new(NetProbe::new(Topology::Nodes { nodes }, settings, Clock::system())),
    };
    Arc::new(Station::new(cluster, Clock::system()))
}

fn run(station: &Arc<Station>) -> Stop {
    let (stop, station) = (Stop::new(), Arc::clone(station));
    let told = stop.clone();
    drop(task::spawn(async move { station.run(&told).await }));
    stop
}

fn says(station: &Station, node: &Redis, rule: &str) -> bool {
    let addr = node.addr().to_string();
    station
        .told()
        .health
        .is_some_and(|health| health.findings.iter().any(|one| one.rule.0 == rule && one.object.to_string() == addr))
}

fn sight(station: &Station, node: &Redis) -> Option<Sight> {
    let health = station.told().health?;
    health.nodes.iter().find(|row| row.addr == node.addr()).map(|row| row.sight)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_is_told_at_once_though_another_hangs_for_longer() {
    let clock = Clock::system();
    let (hung, well, mut dies) = (Redis::start(&[]), Redis::start(&[]), Redis::start(&[]));
    let station = watched(&[&hung, &well, &dies], Duration::from_secs(25));
    let stop = run(&station);
    in_time(LONG, "all answer", async || {
        let all = [&hung, &well, &dies].iter().all(|node| sight(&station, node) == Some(Sight::Answers));
        all.then_some(())
    })
    .await;
    hung.freeze();
    // Some tick asks it in vain.
    let before = station.told().health.unwrap().at;
    in_time(LONG, "a tick goes on without it", async || {
        (station.told().health.unwrap().at.since(before) > Duration::from_secs(3)).then_some(())
    })
    .await;
    assert_eq!(sight(&station, &hung), Some(Sight::Answers), "it has 25 s to answer; until then the last look stands");
    let killed = clock.mono();
    dies.kill();
    in_time(LONG, "it is told", async || says(&station, &dies, "A1").then_some(())).await;
    let took = clock.mono().since(killed);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(!says(&station, &well, "A1"), "{:?}", station.told().health);
    hung.thaw();
    stop.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_is_told_after_two_answers_that_did_not_come_and_the_others_are_not_asked_the_more() {
    let clock = Clock::system();
    let (hung, well) = (Redis::start(&[]), Redis::start(&[]));
    let station = watched(&[&hung, &well], Duration::from_secs(1));
    let stop = run(&station);
    in_time(LONG, "all answer", async || {
        [&hung, &well].iter().all(|node| sight(&station, node) == Some(Sight::Answers)).then_some(())
    })
    .await;
    let asked =
        || well.info("cmdstat_info").and_then(|text| text.split(['=', ',']).nth(1)?.parse::<u64>().ok()).unwrap();
    let before = asked();
    let frozen = clock.mono();
    hung.freeze();
    in_time(LONG, "it is told", async || says(&station, &hung, "A2").then_some(())).await;
    let took = clock.mono().since(frozen);
    assert!(took > Duration::from_secs(2), "two answers of 1 s each did not come: {took:?}");
    // One of these is the test's own.
    let (most, more) = (took.as_secs() + 3, asked() - before);
    assert!(more <= most, "{more} times in {took:?}");
    let health = station.told().health.unwrap();
    assert_eq!(health.severity, Severity::Critical);
    hung.thaw();
    in_time(LONG, "it is over", async || (!says(&station, &hung, "A2")).then_some(())).await;
    stop.stop();
}

/// It closes each line when it has been idle for a second; the look at another address of it is given up for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_its_lines_is_not_asked_without_end() {
    let clock = Clock::system();
    let node = Redis::start(&["--timeout", "1"]);
    let station = watched(&[&node], Duration::from_secs(1));
    let stop = run(&station);
    in_time(LONG, "it answers", async || (sight(&station, &node) == Some(Sight::Answers)).then_some(())).await;
    let asked =
        || node.info("cmdstat_info").and_then(|text| text.split(['=', ',']).nth(1)?.parse::<u64>().ok()).unwrap();
    let (before, began) = (asked(), clock.mono());
    in_time(LONG, "time passes", async || (clock.mono().since(began) > Duration::from_secs(6)).then_some(())).await;
    let more = asked() - before;
    assert!(more <= 8, "{more} times in 6 s: three ticks, as many that come early, and the test's own");
    assert!(!says(&station, &node, "A2"), "{:?}", station.told().health);
    stop.stop();
}
