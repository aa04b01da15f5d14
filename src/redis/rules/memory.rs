//! E1 to E6: memory, and what is written to disk.

use super::Raw;
use crate::base::units::{Count, Size, Span};
use crate::redis::facts::{Facts, Node};
use crate::redis::finding::Object;
use crate::redis::info::Info;
use crate::redis::limits::Raise;
use crate::redis::rates::precise;
use crate::redis::snapshot::Role;
use std::time::Duration;

fn about(node: &Node<'_>) -> Object {
    Object::Node(node.addr.clone())
}

/// Nodes with their `INFO`.
fn told<'b, 'a>(facts: &'b Facts<'a>) -> impl Iterator<Item = (&'b Node<'a>, &'a Info)> {
    facts.nodes.iter().filter_map(|node| Some((node, node.info?)))
}

/// How often an error was answered lately, if it was.
fn errors(node: &Node<'_>, code: &str) -> Option<(u64, Duration)> {
    node.past.grown(code).filter(|(grown, _)| *grown > 0)
}

/// `31%` of something, as people say it.
fn percent(part: u64, of: u64) -> String {
    format!("{:.0} %", precise(part) * 100.0 / precise(of.max(1)))
}

/// E1: `MEMORY DOCTOR` does not mention it, and the state stays ok.
pub fn full(facts: &Facts<'_>) -> Vec<Raw> {
    let next = "raise maxmemory, set maxmemory-policy, or delete keys";
    let found = told(facts).filter_map(|(node, info)| {
        let oom = errors(node, "OOM");
        let most = info.number("maxmemory").filter(|most| *most > 0);
        let keeps = info.get("maxmemory_policy") == Some("noeviction");
        let used = info
            .number("used_memory")
            .map(|used| used.saturating_sub(info.number("mem_not_counted_for_evict").unwrap_or(0)));
        let of = most.zip(used).filter(|_| keeps);
        let who = facts.who(node);
        if let Some((grown, span)) = oom {
            let text = format!("{who}: writes refused: {} OOM in {}", Count(grown), Span(span));
            return Some(Raw::critical(about(node), text).next(next));
        }
        let (most, used) = of?;
        let sizes = format!("{} of {}", Size(used), Size(most));
        // A replica takes whatever its master sends.
        // Source: `replica-ignore-maxmemory` of redis, yes unless it is set otherwise.
        if node.role == Some(Role::Replica) && precise(used) >= facts.limits.memory_share.get() * precise(most) {
            let text = format!(
                "{who}: memory {} full: {sizes} (noeviction); as a master it would refuse writes",
                percent(used, most)
            );
            return Some(Raw::warning(about(node), text).next(next));
        }
        if used >= most {
            Some(
                Raw::critical(about(node), format!("{who}: memory full, writes are refused: {sizes} (noeviction)"))
                    .next(next),
            )
        } else if precise(used) >= facts.limits.memory_share.get() * precise(most) {
            let text = format!("{who}: memory {} full: {sizes} (noeviction)", percent(used, most));
            Some(Raw::warning(about(node), text).next(next))
        } else {
            None
        }
    });
    found.collect()
}

/// E2
pub fn evictions(facts: &Facts<'_>) -> Vec<Raw> {
    if facts.limits.cache {
        return Vec::new();
    }
    let found = facts.nodes.iter().filter_map(|node| {
        // What was counted before stands still while a node tells nothing.
        node.info?;
        let (grown, span) = node.past.grown("evicted").filter(|(grown, _)| *grown > 0)?;
        let rate = precise(grown) / span.as_secs_f64();
        let text = format!("{}: evicting {} keys/s", node.addr, super::load::rate(rate));
        Some(Raw::warning(about(node), text).next("raise maxmemory, or say that it is a cache: cache = true"))
    });
    found.collect()
}

/// E3
pub fn unlimited(facts: &Facts<'_>) -> Vec<Raw> {
    let found = told(facts).filter_map(|(node, info)| {
        let machine = info.number("total_system_memory").filter(|bytes| *bytes > 0)?;
        let used = info.number("used_memory").filter(|_| info.number("maxmemory") == Some(0))?;
        if precise(used) <= facts.limits.machine_share.get() * precise(machine) {
            return None;
        }
        let text = format!("{}: no memory limit, {} of the machine", node.addr, percent(used, machine));
        Some(Raw::warning(about(node), text).next("set maxmemory below what the machine has"))
    });
    found.collect()
}

/// E4: a small node wastes little, whatever its ratio is.
pub fn fragmentation(facts: &Facts<'_>) -> Vec<Raw> {
    let limits = facts.limits;
    let found = told(facts).filter_map(|(node, info)| {
        let ratio = info.float("mem_fragmentation_ratio")?;
        let used = info.number("used_memory")?;
        if ratio > 0.0 && ratio < limits.swapped.get() && used > limits.swapped_used {
            let text = format!("{}: probably swapped out: {ratio:.2} of {} is in memory", node.addr, Size(used));
            return Some(
                Raw::critical(about(node), text).next("see the machine's swap; lower maxmemory below what it has"),
            );
        }
        let waste = info.signed("mem_fragmentation_bytes").and_then(|bytes| u64::try_from(bytes).ok())?;
        (ratio > limits.fragmentation.get() && waste > limits.waste).then(|| {
            let text = format!("{}: fragmentation {ratio:.2}: {} wasted", node.addr, Size(waste));
            Raw::warning(about(node), text)
                .next("activedefrag yes, or a restart after a failover")
                .command(facts.subject.cli.ask(&node.addr, &["CONFIG", "SET", "activedefrag", "yes"]))
        })
    });
    found.collect()
}

/// E5: with save points a failed save refuses writes.
pub fn saving(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for (node, info) in told(facts) {
        let who = facts.who(node);
        let rdb = info.get("rdb_last_bgsave_status") == Some("err");
        let aof = info.get("aof_last_write_status") == Some("err");
        let refused = errors(node, "MISCONF");
        let next = "see its log: the disk is full, or the folder may not be written";
        if aof {
            let text = format!("{who}: cannot write its append-only file: writes refused (MISCONF)");
            found.push(Raw::critical(about(node), text).key(format!("aof {}", node.addr)).next(next));
        }
        if let Some((grown, span)) = refused {
            let text =
                format!("{who}: cannot save to disk: {} writes refused (MISCONF) in {}", Count(grown), Span(span));
            found.push(Raw::critical(about(node), text).next(next));
        } else if rdb {
            let (critical, why) = refuses(facts, node, info);
            let text = format!("{who}: cannot save to disk: {why}");
            let raw = if critical { Raw::critical(about(node), text) } else { Raw::warning(about(node), text) };
            found.push(raw.next(next));
        }
    }
    found
}

/// Whether a node whose last save failed refuses writes, and why. How often it has answered MISCONF says nothing by itself: the
/// count goes back with CONFIG RESETSTAT, stays when the disk is mended, and servers before redis 6.2 tell none.
/// Source: `writeCommandsDeniedByDiskError` of redis.
fn refuses(facts: &Facts<'_>, node: &Node<'_>, info: &Info) -> (bool, &'static str) {
    let settings = facts.aside(node).and_then(|aside| aside.settings).unwrap_or_default();
    // A recording of one poll cannot tell what has grown: that it was refused at all is what there is.
    let once = facts.raise == Raise::Recorded && node.past.samples.len() < 2;
    let counted = once && info.errors("MISCONF").is_some_and(|count| count > 0);
    match (settings.saves, settings.stops_writes) {
        _ if node.role == Some(Role::Replica) => {
            (false, "it is a replica and takes no writes, but would not as a master")
        }
        (Some(false), _) => (false, "no write is refused for it, as it has no save points"),
        (_, Some(false)) => (false, "no write is refused for it (stop-writes-on-bgsave-error no)"),
        (Some(true), Some(true)) => (true, "writes are refused (MISCONF)"),
        _ if node.past.refuses || counted => (true, "writes were refused (MISCONF)"),
        _ => (false, "whether writes are refused is not known, as its save points are not told"),
    }
}

/// E6
pub fn late(facts: &Facts<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    for (node, info) in told(facts) {
        if info.get("aof_last_bgrewrite_status") == Some("err") {
            let text = format!("{}: the last rewrite of its append-only file failed", node.addr);
            found.push(
                Raw::warning(about(node), text)
                    .key(format!("rewrite {}", node.addr))
                    .next("see its log; the file grows until then"),
            );
        }
        let saved = info.signed("rdb_last_save_time").map(crate::base::Time::from_secs);
        let saved = saved.map(|saved| facts.by_its_clock(node, saved));
        if let (Some(most), Some(saved)) = (facts.limits.save_age, saved)
            && facts.ago(saved) > most
        {
            let text = format!("{}: last saved {} ago (at most {})", node.addr, Span(facts.ago(saved)), Span(most));
            found.push(
                Raw::warning(about(node), text)
                    .key(format!("save {}", node.addr))
                    .next("save it")
                    .command(facts.subject.cli.ask(&node.addr, &["BGSAVE"])),
            );
        }
        let fork = info.number("latest_fork_usec").map(Duration::from_micros);
        if let Some(fork) = fork.filter(|fork| *fork > facts.limits.fork) {
            let text = format!("{}: its last fork stopped it for {:.1} s", node.addr, fork.as_secs_f64());
            let next = "turn transparent huge pages off; a smaller node forks faster";
            found.push(Raw::warning(about(node), text).key(format!("fork {}", node.addr)).next(next));
        }
    }
    found
}
