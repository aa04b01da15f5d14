//! `firn status`

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::Value;

use super::report::{self, FindingReport, LaneReport, OnTheWay, WorkerReport};
use super::{CliError, out};
use crate::backup::scan::duty_of;
use crate::base::units::{Count, Size, Span};
use crate::base::{Severity, Shown};
use crate::config::Config;
use crate::services::Services;
use crate::store::COUNTED_UP_TO;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// `firn status --json`. Times are RFC 3339 in UTC, sizes bytes. Counts of `lanes` other than `files` and `bytes` stop at
/// `counted_up_to`.
#[derive(Debug, Serialize)]
struct Status {
    time: String,
    severity: &'static str,
    state: String,
    stored: Stored,
    lanes: Vec<LaneReport>,
    counted_up_to: u64,
    archives: OnTheWay,
    sources: Vec<SourceReport>,
    workers: Vec<WorkerReport>,
    findings: Vec<FindingReport>,
}

#[derive(Debug, Default, Serialize)]
struct Stored {
    archives: u64,
    archive_bytes: u64,
    files: u64,
    file_bytes: u64,
}

#[derive(Debug, Serialize)]
struct SourceReport {
    name: String,
    place: String,
    scanned: Option<String>,
    files: Option<u64>,
    last_scan: Option<String>,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let (status, severity) = gather(&services).await?;
    if args.json {
        out::json(&status)?;
    } else {
        text(&status)?;
    }
    Ok(severity.exit_code())
}

async fn gather(services: &Services) -> Result<(Status, Severity), CliError> {
    let store = &services.store;
    let now = store.now().await?;
    let mut stored = Stored::default();
    for total in store.totals().await? {
        stored.archives += total.archives;
        stored.archive_bytes += total.archive_bytes;
        stored.files += total.stored_files;
        stored.file_bytes += total.stored_bytes;
    }
    let lanes = store.lanes().await?;
    let workers: Vec<_> = store.sessions().await?.iter().map(|row| WorkerReport::new(row, now)).collect();
    let findings = report::findings(&**store, &lanes, &workers, now).await?;
    let severity = report::worst(&findings, now);
    let mut sources = Vec::new();
    for (source, _) in services.sources() {
        let row = store.source(source.name().to_owned(), source.kind()).await?;
        let duty = store.duty(duty_of(source.name())).await?;
        sources.push(SourceReport {
            name: row.name,
            place: source.place(),
            scanned: row.scanned.map(|at| at.to_string()),
            files: row.files_present,
            last_scan: duty.and_then(|duty| duty.result),
        });
    }
    let status = Status {
        time: now.to_string(),
        severity: severity.word(),
        state: store.place().to_owned(),
        stored,
        lanes: report::lanes(&lanes, now),
        counted_up_to: COUNTED_UP_TO,
        archives: OnTheWay::count(&store.archives_live(report::ARCHIVES).await?),
        sources,
        workers,
        findings,
    };
    Ok((status, severity))
}

fn text(status: &Status) -> Result<(), CliError> {
    out::line(format!("{}  {}  state {}", status.severity, status.time, status.state))?;
    // What is wrong comes first.
    for finding in &status.findings {
        out::line(format!(
            "{:<10} {} {}: {} (should be: {}); since {}; {}",
            finding.severity,
            finding.rule,
            Shown::text(&finding.object),
            finding.value,
            finding.limit,
            finding.since,
            finding.next_step
        ))?;
    }
    let stored = &status.stored;
    out::line(format!(
        "stored     {} files, {} in {} archives ({})",
        Count(stored.files),
        Size(stored.file_bytes),
        Count(stored.archives),
        Size(stored.archive_bytes)
    ))?;
    for lane in &status.lanes {
        let oldest = lane.oldest_seconds.map_or_else(String::new, |secs| {
            format!(", the oldest for {}", Span(std::time::Duration::from_secs(secs)))
        });
        out::line(format!(
            "{:<10} {} files wait ({}){oldest}; {} fetching, {} bundled, {} failed",
            lane.lane,
            Count(lane.files),
            Size(lane.bytes),
            counted(lane.fetching),
            counted(lane.bundled),
            counted(lane.failed)
        ))?;
    }
    let on = status.archives;
    out::line(format!(
        "archives   {} open, {} sealed, {} uploading, {} unknown{}",
        on.open,
        on.sealed,
        on.uploading,
        on.unknown,
        if on.more { " of the oldest 1,000; there are more" } else { "" }
    ))?;
    for source in &status.sources {
        let scan = match (&source.scanned, &source.last_scan) {
            (Some(at), Some(result)) => format!("scanned {at}: {result}"),
            (Some(at), None) => format!("scanned {at}"),
            (None, _) => "not scanned through yet".to_owned(),
        };
        out::line(format!("source     {}  {}  {}", source.name, source.place, scan))?;
    }
    let alive: Vec<_> = status.workers.iter().filter(|worker| worker.alive).collect();
    if alive.is_empty() {
        out::line("workers    none runs")?;
    }
    for worker in alive {
        out::line(format!(
            "worker     {} pid {} ({}) since {}, seen {}",
            Shown::text(&worker.host),
            worker.pid,
            worker.kinds,
            worker.started,
            worker.last_seen
        ))?;
        let pools = worker.doing.get("pools").and_then(Value::as_array).into_iter().flatten();
        for pool in pools {
            out::line(pool_line(pool))?;
        }
    }
    Ok(())
}

/// A pool as its worker wrote it last.
fn pool_line(pool: &Value) -> String {
    let number =
        |key: &str| pool.get(key).and_then(Value::as_u64).map_or_else(|| "?".to_owned(), |n| Count(n).to_string());
    let is = |key: &str| pool.get(key).and_then(Value::as_bool).unwrap_or(false);
    let name = pool.get("pool").and_then(Value::as_str).unwrap_or("?");
    let standing = match (is("paused"), is("draining")) {
        (true, _) => format!("; PAUSED: firn pool resume {name}"),
        (_, true) => format!("; DRAINING: firn pool resume {name}"),
        _ => String::new(),
    };
    format!("pool       {name} {} of {} at work{standing}", number("busy"), number("size"))
}

fn counted(count: u64) -> String {
    if count >= COUNTED_UP_TO { format!("{}+", Count(COUNTED_UP_TO)) } else { Count(count).to_string() }
}
