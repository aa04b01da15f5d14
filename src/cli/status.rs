//! `firn status`

use std::fmt::Display;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{CliError, out};
use crate::backup::snapshot::{self, PoolRow, Snapshot};
use crate::base::Shown;
use crate::base::ids::Lane;
use crate::base::units::{Count, Size, Span};
use crate::config::Config;
use crate::services::Services;
use crate::store::{ArchiveState, COUNTED_UP_TO};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// As JSON. Times are RFC 3339 in UTC, sizes bytes; what is not known is null. Counts of `lanes` other than `files`
    /// and `bytes` stop at `counted_up_to`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    // A state that can be read and not written is not well: workers cannot say so there, so it is tried here.
    for (source, _) in services.sources() {
        services.store.source(source.name().to_owned(), source.kind()).await?;
    }
    let snapshot = services.snapshot().await?;
    if args.json {
        out::json(&snapshot::json(&snapshot))?;
    } else {
        text(&snapshot)?;
    }
    Ok(snapshot.severity.exit_code())
}

/// What is not known is a dash.
fn known<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// The nearest whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate is not negative, and saturates
pub(super) fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn text(s: &Snapshot) -> Result<(), CliError> {
    out::line(format!("{}  {}  state {}", s.severity, s.now, s.state))?;
    // What is wrong comes first.
    for finding in &s.findings {
        let acknowledged = finding.ack_until.filter(|until| *until > s.now);
        let acknowledged = acknowledged.map_or_else(String::new, |until| format!(" (acknowledged until {until})"));
        out::line(format!(
            "{:<10} {} {}: {} (should be: {}); since {}; {}{acknowledged}",
            finding.severity,
            finding.rule,
            Shown::text(&finding.object),
            finding.value,
            finding.limit,
            finding.since,
            finding.next_step
        ))?;
    }
    out::line(format!(
        "stored     {} files, {} in {} archives ({})",
        Count(s.stored.files),
        Size(s.stored.file_bytes),
        Count(s.stored.archives),
        Size(s.stored.archive_bytes)
    ))?;
    out::line(format!(
        "pace       {} files/min found, {} files/min stored, {}/s; file to vault: half within {}, 99 % within {}",
        known(s.pace.found_per_minute.map(|rate| Count(whole(rate)))),
        known(s.pace.stored_per_minute.map(|rate| Count(whole(rate)))),
        known(s.pace.bytes_per_second.map(|rate| Size(whole(rate)))),
        known(s.latency.p50.map(Span)),
        known(s.latency.p99.map(Span)),
    ))?;
    for lane in &s.lanes {
        let oldest = lane.oldest.map_or_else(String::new, |at| format!(", the oldest for {}", Span(s.now.since(at))));
        let left = s.history_left.filter(|left| lane.lane == Lane::History && *left > Duration::ZERO);
        let left = left.map_or_else(String::new, |left| format!("; {} left", Span(left)));
        out::line(format!(
            "{:<10} {} files wait ({}){oldest}; {} fetching, {} bundled, {} failed{left}",
            lane.lane.word(),
            Count(lane.files),
            Size(lane.bytes),
            counted(lane.fetching),
            counted(lane.bundled),
            counted(lane.failed)
        ))?;
    }
    let on = |state| s.bundles.iter().filter(|bundle| bundle.row.state == state).count();
    out::line(format!(
        "archives   {} open, {} sealed, {} uploading, {} unknown{}",
        on(ArchiveState::Open),
        on(ArchiveState::Sealed),
        on(ArchiveState::Uploading),
        on(ArchiveState::Unknown),
        if s.more_bundles { " of the oldest 1,000; there are more" } else { "" }
    ))?;
    for source in &s.sources {
        let scan = match (&source.scanned, &source.last_scan) {
            (Some(at), Some(result)) => format!("scanned {at}: {result}"),
            (Some(at), None) => format!("scanned {at}"),
            (None, _) => "not scanned through yet".to_owned(),
        };
        out::line(format!("source     {}  {}  {}", source.name, source.place, scan))?;
    }
    let mut alive = s.workers.iter().filter(|worker| worker.alive).peekable();
    if alive.peek().is_none() {
        out::line("workers    none runs")?;
    }
    for worker in alive {
        out::line(format!(
            "worker     {} pid {} ({}) since {}, seen {}",
            Shown::text(&worker.host),
            worker.pid,
            Shown::text(&worker.kinds),
            worker.started,
            worker.last_seen
        ))?;
        // Other sessions of the process have none.
        let own = |pool: &&PoolRow| (&pool.host, pool.pid) == (&worker.host, worker.pid) && !worker.doing.is_null();
        for pool in s.pools.iter().filter(own) {
            out::line(pool_line(pool))?;
        }
    }
    Ok(())
}

/// A pool as its worker wrote it last.
fn pool_line(pool: &PoolRow) -> String {
    let name = Shown::text(&pool.pool);
    let standing = match (pool.paused, pool.draining) {
        (true, _) => format!("; PAUSED: firn pool resume {name}"),
        (_, true) => format!("; DRAINING: firn pool resume {name}"),
        _ => String::new(),
    };
    let waits = pool.order.as_ref().filter(|order| order.applied < Some(order.generation));
    let waits = waits.map_or_else(String::new, |order| {
        format!("; ordered by {} at {} and not applied yet", Shown::text(&order.who), order.at)
    });
    format!("pool       {name} {} of {} at work{standing}{waits}", Count(pool.busy.into()), Count(pool.size.into()))
}

fn counted(count: u64) -> String {
    if count >= COUNTED_UP_TO { format!("{}+", Count(COUNTED_UP_TO)) } else { Count(count).to_string() }
}
