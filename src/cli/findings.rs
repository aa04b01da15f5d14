//! `firn findings`

use std::collections::BTreeMap;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::{CliError, out};
use crate::backup::snapshot::Snapshot;
use crate::backup::snapshot::json::time;
use crate::base::units::Span;
use crate::base::{Severity, Shown};
use crate::config::Config;
use crate::services::Services;
use crate::store::{NoticeRow, ToldRow};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code: the worst of what nobody has acknowledged: 0 none, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also:
it could not look).")]
pub struct Args {
    /// As JSON. Times are RFC 3339 in UTC; what is not known is null
    #[arg(long)]
    json: bool,
}

/// What was told of each finding, newest first: by whom.
type Told = BTreeMap<(String, String), Vec<(String, ToldRow)>>;

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let snapshot = services.snapshot().await?;
    let mut told = Told::new();
    for (sender, row) in services.store.told().await? {
        told.entry((row.rule.clone(), row.object.clone())).or_default().push((sender, row));
    }
    if args.json {
        let findings: Vec<Value> = snapshot.findings.iter().map(|row| as_json(row, &snapshot, &told)).collect();
        out::json(&json!({
            "time": snapshot.now.to_string(),
            "severity": snapshot.severity.word(),
            "findings": findings,
        }))?;
    } else {
        for row in &snapshot.findings {
            text(row, &snapshot, &told)?;
        }
        if snapshot.findings.is_empty() {
            out::line(format!("{}: nothing is wrong", Severity::Ok))?;
        }
    }
    Ok(snapshot.severity.exit_code())
}

fn of<'a>(told: &'a Told, row: &NoticeRow) -> &'a [(String, ToldRow)] {
    told.get(&(row.rule.clone(), row.object.clone())).map_or(&[], Vec::as_slice)
}

fn text(row: &NoticeRow, s: &Snapshot, told: &Told) -> Result<(), CliError> {
    out::line(format!("{} {} {}", row.severity, Shown::text(&row.rule), Shown::text(&row.object)))?;
    let line = |name: &str, what: &str| {
        if what.is_empty() { Ok(()) } else { out::line(format!("  {name:<8} {what}")) }
    };
    line("found", &row.value)?;
    line("limit", &row.limit)?;
    line("since", &format!("{} ({})", row.since, Span(s.now.since(row.since))))?;
    line("do", &row.next_step)?;
    if let Some(until) = row.ack_until.filter(|until| *until > s.now) {
        line("quiet", &format!("acknowledged until {until}"))?;
    }
    let told: Vec<String> = of(told, row)
        .iter()
        .map(|(sender, row)| format!("{} at {} as {}", Shown::text(sender), row.at, row.severity))
        .collect();
    line("told", &if told.is_empty() { "nobody".to_owned() } else { told.join(", ") })
}

fn as_json(row: &NoticeRow, s: &Snapshot, told: &Told) -> Value {
    let told: Vec<Value> = of(told, row)
        .iter()
        .map(|(sender, row)| json!({ "sender": sender, "at": row.at.to_string(), "severity": row.severity.word() }))
        .collect();
    json!({
        "severity": row.severity.word(),
        "worst": row.worst.word(),
        "rule": row.rule,
        "object": row.object,
        "value": row.value,
        "limit": row.limit,
        "since": row.since.to_string(),
        "since_seconds": s.now.since(row.since).as_secs(),
        "next_step": row.next_step,
        "acknowledged_until": time(row.ack_until.filter(|until| *until > s.now)),
        "told": told,
    })
}
