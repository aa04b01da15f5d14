//! `firn queue`

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::status::whole;
use super::{CliError, out};
use crate::backup::snapshot::json::{bundle, failed, lanes, queued};
use crate::backup::snapshot::{Bundle, Progress, Snapshot};
use crate::base::ids::Lane;
use crate::base::units::{Count, Size, Span};
use crate::base::{Severity, Time};
use crate::config::Config;
use crate::services::Services;
use crate::store::{COUNTED_UP_TO, FailedRow, QueueRow, QueueState};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// As JSON. Keys are `key`, or `key_b64` (base64) when they are not UTF-8
    #[arg(long)]
    json: bool,
    /// How many files of each kind to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    limit: u32,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let snapshot = services.snapshot().await?;
    let failures = store.failed_page(None, args.limit).await?;
    let (mut fetching, mut waiting) = (Vec::new(), Vec::new());
    for lane in Lane::ALL {
        fetching.extend(store.queue_page(lane, QueueState::Fetching, None, args.limit).await?);
        waiting.extend(store.queue_page(lane, QueueState::Queued, None, args.limit).await?);
    }
    if args.json {
        out::json(&as_json(&snapshot, &failures, &fetching, &waiting))?;
    } else {
        text(&snapshot, &failures, fetching.iter().chain(&waiting))?;
    }
    Ok(snapshot.severity.exit_code())
}

fn as_json(s: &Snapshot, failures: &[FailedRow], fetching: &[QueueRow], waiting: &[QueueRow]) -> Value {
    json!({
        "time": s.now.to_string(),
        "severity": s.severity.word(),
        "lanes": lanes(s),
        "counted_up_to": COUNTED_UP_TO,
        "archives": s.bundles.iter().map(|row| bundle(row, s.now)).collect::<Vec<_>>(),
        "failed": failures.iter().map(failed).collect::<Vec<_>>(),
        "fetching": fetching.iter().map(queued).collect::<Vec<_>>(),
        "queued": waiting.iter().map(queued).collect::<Vec<_>>(),
    })
}

fn text<'a>(s: &Snapshot, failures: &[FailedRow], rest: impl Iterator<Item = &'a QueueRow>) -> Result<(), CliError> {
    if s.severity != Severity::Ok {
        out::line(format!("{}: `firn status` says why", s.severity))?;
    }
    for lane in &s.lanes {
        let oldest = lane.oldest.map_or_else(String::new, |at| format!(", the oldest for {}", Span(s.now.since(at))));
        out::line(format!("{:<9} {} files, {}{oldest}", lane.lane.word(), Count(lane.files), Size(lane.bytes)))?;
    }
    for row in &s.bundles {
        out::line(bundle_line(row, s.now))?;
    }
    for row in failures {
        out::line(failed_line(row))?;
    }
    for row in rest {
        out::line(queued_line(row))?;
    }
    Ok(())
}

fn bundle_line(bundle: &Bundle, now: Time) -> String {
    let row = &bundle.row;
    let size = row.size.map_or_else(|| "filling".to_owned(), |bytes| Size(bytes).to_string());
    let come = bundle.progress.map_or_else(String::new, come);
    let note = row.note.as_ref().map_or_else(String::new, |note| format!("  {note}"));
    let age = Span(now.since(row.opened_at));
    format!("{:<9} {}  {:<7}  {size:>9}  {age}{come}{note}", row.state, row.uuid, row.lane.word())
}

/// `  71 %, 9.0 MB/s`
fn come(progress: Progress) -> String {
    let percent = u128::from(progress.done) * 100 / u128::from(progress.of.max(1));
    let rate = progress.rate.map_or_else(String::new, |rate| format!(", {}/s", Size(whole(rate))));
    format!("  {percent} %{rate}")
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
