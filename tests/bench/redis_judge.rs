//! What merging and judging the views of a large cluster takes.
//!
//! `cargo bench --bench redis_judge -- [--nodes N]`: N nodes (default 60), half of them masters, each with every slot a range of
//! its own, as after years of moving slots. Prints the median of merging and judging all of their views (the goal is 50 ms for
//! 60), what reading them from text takes, and as a yardstick from the same run one pass over that text that counts its words.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use firn::base::{Severity, Time};
use firn::redis::addr::NodeAddr;
use firn::redis::health::{Tick, judge};
use firn::redis::history::History;
use firn::redis::info::Info;
use firn::redis::limits::{Limits, Raise, Subject};
use firn::redis::look::{Answer, Look, Reply};
use firn::redis::merge::Merged;
use firn::redis::nodes;

const ROUNDS: i64 = 15;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut count = 60_usize;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--nodes" => count = args.next().unwrap().parse().unwrap(),
            other => panic!("{other}: there is --nodes N"),
        }
    }
    let texts: Vec<String> = (0..count).map(|own| view(own, count)).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let words = median(|_| texts.iter().map(|text| text.split_ascii_whitespace().count()).sum::<usize>());
    let read = median(|round| looks(&texts, count, round));
    let all: Vec<Vec<Look>> = (0..ROUNDS).map(|round| looks(&texts, count, round)).collect();
    let merged = median(|round| Merged::of(&all[usize::try_from(round).unwrap()]).unwrap().groups.len());
    let (subject, limits) = (Subject::cluster("large"), Limits::default());
    let mut history = History::default();
    let judged = median(|round| {
        let looks = &all[usize::try_from(round).unwrap()];
        let tick = Tick {
            subject: &subject,
            limits: &limits,
            looks,
            asides: &[],
            sentinels: &[],
            now: at(round),
            raise: Raise::Live,
        };
        let (next, health) = judge(&history, &tick);
        assert_eq!((health.severity, health.line.served), (Severity::Ok, Some(16_384)), "{:?}", health.findings);
        history = next;
    });
    let millis = |span: Duration| span.as_secs_f64() * 1e3;
    println!(
        "{count} views, {:.1} MB: merged and judged in {:.1} ms (goal 50), of it merged {:.1} ms; read from text {:.1} ms",
        f64::from(u32::try_from(bytes).unwrap()) / 1e6,
        millis(judged),
        millis(merged),
        millis(read)
    );
    println!(
        "yardstick: one pass over the text that counts its words {:.1} ms; merged and judged takes {:.2} of that",
        millis(words),
        judged.as_secs_f64() / words.as_secs_f64()
    );
    println!("what is kept between ticks: {} kB", serde_json::to_string(&history).unwrap().len() / 1000);
}

fn median<T>(mut of: impl FnMut(i64) -> T) -> Duration {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let began = Instant::now();
            black_box(of(round));
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn at(round: i64) -> Time {
    Time::from_secs(1_795_348_845 + 2 * round)
}

fn host(node: usize) -> String {
    format!("10.0.{}.{}", node / 200, node % 200 + 1)
}

/// The view of a node: the first half are masters, each followed by a replica on another machine.
fn view(own: usize, count: usize) -> String {
    let masters = count / 2;
    let mut text = String::new();
    for node in 0..count {
        let mine = if node == own { "myself," } else { "" };
        let (part, master) =
            if node < masters { ("master", "-".to_owned()) } else { ("slave", format!("{:040x}", node - masters)) };
        let epoch = node % masters + 1;
        let _ = write!(
            text,
            "{node:040x} {}:7000@17000 {mine}{part} {master} 0 1795326717988 {epoch} connected",
            host(node)
        );
        if node < masters {
            for slot in (node..16_384).step_by(masters) {
                let _ = write!(text, " {slot}");
            }
        }
        text.push('\n');
    }
    text
}

fn looks(texts: &[String], count: usize, round: i64) -> Vec<Look> {
    let masters = count / 2;
    let look = |(node, text): (usize, &String)| {
        let role =
            if node < masters { "role:master\r\nconnected_slaves:1" } else { "role:slave\r\nmaster_link_status:up" };
        let attached = if node < masters {
            format!("slave0:ip={},port=7000,state=online,offset=1000,lag=0\r\n", host(node + masters))
        } else {
            String::new()
        };
        let info = format!(
            "# Server\r\nredis_version:7.0.15\r\nrun_id:{node:040x}\r\nloading:0\r\n{role}\r\n{attached}master_repl_offset:1000\r\n\
             used_memory:1000000\r\ntotal_commands_processed:{}\r\n# Keyspace\r\ndb0:keys=5,expires=0\r\n",
            1000 * (round + 1)
        );
        let cluster = format!(
            "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_size:{masters}\r\ncluster_current_epoch:{masters}\r\n"
        );
        let reply = Reply {
            info: Ok(Info::parse(&info)),
            nodes: Ok(nodes::parse(text).unwrap()),
            cluster: Ok(Info::parse(&cluster)),
        };
        Look {
            addr: NodeAddr::new(&host(node), 7000).unwrap(),
            at: at(round),
            took: Some(Duration::from_micros(400)),
            answer: Answer::Came(Box::new(reply)),
        }
    };
    texts.iter().enumerate().map(look).collect()
}
