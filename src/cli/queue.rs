//! `firn queue`

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::{Map, Value};

use super::report::{self, ArchiveReport, LaneReport, WorkerReport};
use super::{CliError, out};
use crate::base::Severity;
use crate::base::ids::Lane;
use crate::base::units::{Count, Size, Span};
use crate::config::Config;
use crate::services::Services;
use crate::store::{COUNTED_UP_TO, FailedRow, QueueRow, QueueState};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// How many files of each kind to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    limit: u32,
}

/// `firn queue --json`. Keys are `key`, or `key_b64` (base64) when they are not UTF-8.
#[derive(Debug, Serialize)]
struct Queue {
    time: String,
    severity: &'static str,
    lanes: Vec<LaneReport>,
    counted_up_to: u64,
    archives: Vec<ArchiveReport>,
    failed: Vec<Map<String, Value>>,
    fetching: Vec<Map<String, Value>>,
    queued: Vec<Map<String, Value>>,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let now = store.now().await?;
    let states = store.lanes().await?;
    let workers: Vec<_> = store.sessions().await?.iter().map(|row| WorkerReport::new(row, now)).collect();
    let findings = report::findings(&**store, &states, &workers, now).await?;
    let severity = report::worst(&findings, now);
    let archives = store.archives_live(report::ARCHIVES).await?;
    let failed = store.failed_page(None, args.limit).await?;
    let (mut fetching, mut queued) = (Vec::new(), Vec::new());
    for lane in Lane::ALL {
        fetching.extend(store.queue_page(lane, QueueState::Fetching, None, args.limit).await?);
        queued.extend(store.queue_page(lane, QueueState::Queued, None, args.limit).await?);
    }
    let queue = Queue {
        time: now.to_string(),
        severity: severity.word(),
        lanes: report::lanes(&states, now),
        counted_up_to: COUNTED_UP_TO,
        archives: archives.iter().map(|row| ArchiveReport::new(row, now)).collect(),
        failed: failed.iter().map(report::failed).collect(),
        fetching: fetching.iter().map(report::queued).collect(),
        queued: queued.iter().map(report::queued).collect(),
    };
    if args.json {
        out::json(&queue)?;
        return Ok(severity.exit_code());
    }
    if severity != Severity::Ok {
        out::line(format!("{severity}: `firn status` says why"))?;
    }
    for lane in &queue.lanes {
        let oldest = lane.oldest_seconds.map_or_else(String::new, |secs| {
            format!(", the oldest for {}", Span(std::time::Duration::from_secs(secs)))
        });
        out::line(format!("{:<9} {} files, {}{oldest}", lane.lane, Count(lane.files), Size(lane.bytes)))?;
    }
    for archive in &queue.archives {
        let size = archive.bytes.map_or_else(|| "filling".to_owned(), |bytes| Size(bytes).to_string());
        let note = archive.note.as_ref().map_or_else(String::new, |note| format!("  {note}"));
        let age = Span(std::time::Duration::from_secs(archive.age_seconds));
        out::line(format!("{:<9} {}  {:<7}  {size:>9}  {age}{note}", archive.state, archive.uuid, archive.lane))?;
    }
    for row in &failed {
        out::line(failed_line(row))?;
    }
    for row in fetching.iter().chain(&queued) {
        out::line(queued_line(row))?;
    }
    Ok(severity.exit_code())
}

fn queued_line(row: &QueueRow) -> String {
    format!(
        "{:<9} {}:{}  {:<7}  {:>9}  since {}",
        row.state,
        row.source,
        row.key,
        row.lane,
        Size(row.length),
        row.queued_at
    )
}

fn failed_line(row: &FailedRow) -> String {
    let (file, reason) = (&row.row, row.reason.as_ref());
    let why = reason.map_or("no reason recorded", |(_, detail)| detail);
    format!(
        "{:<9} {}:{}  {:<7}  {:>9}  {} tries, next at {}: {why}",
        file.state,
        file.source,
        file.key,
        file.lane,
        Size(file.length),
        file.attempts,
        file.next_try
    )
}
