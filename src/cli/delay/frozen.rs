//! `firn delay frozen`

use clap::Args as ClapArgs;
use serde_json::json;

use crate::base::{Severity, Shown};
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::freeze::keeper::{Kept, finding};
use crate::delay::freeze::report;
use crate::delay::freeze::told;
use crate::services::Services;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code: 0 nothing is frozen, or being frozen; 1 all that is asked for stands, proven; 2 something does not;
3 it could not look.")]
pub struct Args {
    /// One replica: all there is about its freeze, or its last one
    replica: Option<String>,
    /// As JSON. Times are RFC 3339 in UTC, spans seconds, amounts billionths of a dollar; what is not known is null
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let services = Services::open(config, false).await?;
    let now = services.store.now().await?;
    let rows = match &args.replica {
        Some(replica) => {
            let name = services.freeze_name(replica).await?;
            let rows = services.store.freeze_list(name.clone(), 1).await?;
            if rows.is_empty() {
                let shown = Shown::text(&name);
                return Err(CliError::Refused(format!("{shown} was never frozen; `firn delay frozen` lists what is")));
            }
            rows
        }
        None => services.store.freezes_open().await?,
    };
    let mut severity = Severity::Ok;
    let mut objects = Vec::new();
    let mut lines = Vec::new();
    for row in &rows {
        let kept = match Kept::of(row) {
            Ok(kept) => kept,
            // The others are told all the same.
            Err(e) => {
                severity = severity.max(if row.ended.is_some() { Severity::Unknown } else { Severity::Critical });
                objects.push(json!({ "replica": row.replica, "state": row.state, "error": e.to_string() }));
                lines.push(format!("{}: {e}", Shown::text(&row.replica)));
                continue;
            }
        };
        let record = &kept.record;
        // Of one that is not configured any more only what is recorded is known.
        let judged = match services.freeze_limits(&record.replica) {
            Ok(limits) => services.freeze_line(&record.replica, &limits).await?,
            Err(_) => None,
        };
        if !kept.ended {
            severity = severity.max(finding(record, now).severity);
        }
        if args.json {
            objects.push(report::json(record, judged, now));
        } else if args.replica.is_some() {
            lines.extend(report::lines(record, judged, now));
        } else {
            lines.push(format!(
                "{}: {}",
                Shown::text(&record.replica),
                told::words(record, now, crate::delay::freeze::keeper::FRESH)
            ));
        }
    }
    if args.json {
        out::json(&json!({ "now": now.to_string(), "severity": severity.word(), "freezes": objects }))?;
    } else if rows.is_empty() {
        out::line("no replica is frozen, or being frozen")?;
    } else {
        out::line(lines.join("\n"))?;
    }
    Ok(severity.exit_code())
}
