//! Numbers at the borders of what fits: whatever a server sends, the judge does its sums.

use firn::redis::health::{Tick, judge};
use firn::redis::history::History;
use firn::redis::limits::{Kind, Limits, Raise, Subject};
use firn::redis::look::Look;
use firn::redis::replay::{Texts, Told, look, texts};
use proptest::prelude::*;

use super::kit::{capture, recorded};
use super::properties::tick;
use super::world::at;

const BORDERS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "18446744073709551615",
    "18446744073709551614",
    "9223372036854775808",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967296",
    "4294967295",
    "65536",
    "65535",
    "17179869184000000000",
    "1e308",
    "-1e308",
    "0.0000001",
];

/// One number after another, as a seed says.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A border, or (one time in four) what was there.
    fn of(&mut self, was: &str) -> String {
        let draw = usize::try_from(self.next()).unwrap();
        let number = was.trim_end_matches('%').parse::<f64>().is_ok_and(f64::is_finite);
        if !number || draw % 4 == 3 { was.to_owned() } else { BORDERS[draw / 4 % BORDERS.len()].to_owned() }
    }
}

/// Every number of `INFO` or `CLUSTER INFO`.
fn fields(text: &str, draws: &mut Draws) -> String {
    let part = |part: &str, draws: &mut Draws| match part.split_once('=') {
        Some((name, value)) => format!("{name}={}", draws.of(value)),
        None => draws.of(part),
    };
    let line = |line: &str, draws: &mut Draws| match line.split_once(':') {
        Some((name, value)) => {
            let parts: Vec<String> = value.split(',').map(|one| part(one, draws)).collect();
            format!("{name}:{}\r\n", parts.join(","))
        }
        None => format!("{line}\r\n"),
    };
    text.lines().map(|one| line(one, draws)).collect()
}

/// Times and epochs of `CLUSTER NODES`; what is below zero or no whole number is refused as a whole, so it is left out.
fn view(text: &str, draws: &mut Draws) -> String {
    let line = |line: &str, draws: &mut Draws| {
        let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
        for word in words.iter_mut().skip(4).take(3) {
            let border = draws.of(word);
            if border.bytes().all(|byte| byte.is_ascii_digit()) {
                *word = border;
            }
        }
        words.join(" ") + "\n"
    };
    text.lines().map(|one| line(one, draws)).collect()
}

fn changed(told: &[Told], draws: &mut Draws, second: i64) -> Vec<Look> {
    let one = |(name, [info, nodes, cluster]): &Told, draws: &mut Draws| {
        let fine = |text: &&String| !text.starts_with(['-', '[', ':']);
        let info = info.as_ref().filter(fine).map(|text| fields(text, draws)).or_else(|| info.clone());
        let nodes = nodes.as_ref().filter(fine).map(|text| view(text, draws)).or_else(|| nodes.clone());
        let cluster = cluster.as_ref().filter(fine).map(|text| fields(text, draws)).or_else(|| cluster.clone());
        let texts: Texts = [info, nodes, cluster];
        look(name, &texts).map(|look| Look { at: at(second), ..look })
    };
    told.iter().filter_map(|node| one(node, draws)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Tests are built so that a sum that does not fit is a panic.
    #[test]
    fn no_number_of_a_server_is_too_large(place in 0_usize..64, seed in any::<u64>(), recorded_once in any::<bool>()) {
        let names = recorded();
        let told = texts(&capture(&names[place % names.len()])).unwrap();
        let limits = Limits { save_age: Some(std::time::Duration::from_mins(1)), ..Limits::default() };
        for kind in [Kind::Cluster, Kind::Replicas, Kind::List] {
            let subject = Subject { kind, ..Subject::cluster("shop") };
            let (mut draws, mut history) = (Draws(seed), History::default());
            for second in [0, 2, 4, 6, 8] {
                let looks = changed(&told, &mut draws, second);
                prop_assert!(looks.iter().any(|look| look.reply().is_some()) || !told.iter().any(|(_, [info, ..])| info.is_some()));
                let raise = if recorded_once { Raise::Recorded } else { Raise::Live };
                let tick = Tick { subject: &subject, limits: &limits, looks: &looks, asides: &[], sentinels: &[], now: at(second), raise };
                let (next, health) = judge(&history, &tick);
                let said = format!("{health:?}");
                prop_assert!(!said.is_empty());
                history = next;
            }
        }
    }
}

/// Where sums are done, one by one.
#[test]
fn sums_that_do_not_fit_are_the_largest_number() {
    let limits = Limits::default();
    let subject = Subject::cluster("shop");
    let mut history = History::default();
    let mut said = Vec::new();
    for second in [0, 2, 4, 6] {
        let mut world = super::world::World::well(second);
        let node = world.node(7001);
        node.set("connected_clients", 3);
        node.set("cluster_connections", u64::MAX);
        node.set("connected_slaves", u64::MAX);
        node.set("db0", format!("keys={},expires=0", u64::MAX));
        node.set("db1", "keys=2,expires=0");
        node.set("master_repl_offset", u64::MAX);
        node.set("slave0", format!("ip=10.0.0.2,port=7004,state=online,offset=1,lag={}", u64::MAX));
        let looks = world.looks(second);
        let (next, health) = judge(&history, &tick(&subject, &limits, &looks, second));
        assert_eq!(health.line.keys, Some(u64::MAX));
        history = next;
        said = health.findings;
    }
    let of = |rule: &str| said.iter().find(|one| one.rule.0 == rule).unwrap_or_else(|| panic!("no {rule}: {said:?}"));
    assert!(of("A6").text.contains("18,446,744,073,709,551,615 of 10,000"), "{}", of("A6").text);
    assert_eq!(of("D3").command, None, "no machine has such a backlog");
}
