//! `firn delay arrival`: when a statement reaches each delayed replica.

use clap::Args as ClapArgs;
use serde_json::json;

use super::rounds;
use crate::base::near::nearest;
use crate::base::{Shown, Time};
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::freeze::arrival::Applied;
use crate::delay::freeze::place;
use crate::delay::freeze::report::{prospect, prospect_json};
use crate::delay::freeze::statement::{Spot, Statement};
use crate::restore::ask::read_time;
use crate::services::{NoFreeze, Services};
use crate::store::server_of;

/// A statement that must not be applied.
#[derive(Debug, ClapArgs)]
pub struct Wanted {
    /// When the statement began, by the primary's clock, such as 2026-11-22T12:04:00Z
    #[arg(long, value_name = "TIME")]
    statement_time: Option<String>,
    /// Where it begins: "# at" of its first event in the source's log, or in the relay log (the file's name tells which)
    #[arg(long, value_name = "FILE:POSITION", conflicts_with = "gtid")]
    position: Option<String>,
    /// Its GTID, as MySQL or MariaDB write it
    #[arg(long, value_name = "GTID")]
    gtid: Option<String>,
}

impl Wanted {
    /// What is known of it.
    pub(super) fn read(&self) -> Result<Statement, CliError> {
        let time = match self.statement_time.as_deref() {
            None => None,
            Some(text) => Some(read_time(text).ok_or_else(|| {
                let found = Shown::text(text);
                CliError::Usage(format!("--statement-time: \"{found}\" is no time; write 2026-11-22T12:04:00Z (UTC)"))
            })?),
        };
        let spot = match (&self.position, &self.gtid) {
            (Some(text), _) => {
                Some(Spot::Position(place::parse(text).map_err(|e| CliError::Usage(format!("--position: {e}")))?))
            }
            (None, Some(text)) => Some(Spot::Gtid(text.parse().map_err(|e| CliError::Usage(format!("--gtid: {e}")))?)),
            (None, None) => None,
        };
        Ok(Statement { time, spot })
    }
}

/// A place in a log, or a GTID.
pub(super) fn spot(flag: &str, text: &str) -> Result<Spot, CliError> {
    let position = place::parse(text);
    if let Ok(at) = position {
        return Ok(Spot::Position(at));
    }
    match (text.parse(), position) {
        (Ok(gtid), _) => Ok(Spot::Gtid(gtid)),
        (Err(_), Err(e)) => Err(CliError::Usage(format!("{flag}: {e}; or give a GTID"))),
        (Err(e), Ok(_)) => Err(CliError::Usage(format!("{flag}: {e}"))),
    }
}

/// A replica that is not configured, with the one that may have been meant.
pub(super) fn near(services: &Services, replica: &str, e: NoFreeze) -> CliError {
    let names: Vec<String> = services.replicas().into_iter().map(|known| known.name).collect();
    match (&e, nearest(server_of(replica), names.iter().map(String::as_str))) {
        (NoFreeze::Unknown(name), Some(near)) => {
            CliError::Usage(format!("no replica \"{name}\" is configured; did you mean \"{}\"?", Shown::text(near)))
        }
        _ => e.into(),
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code: 0 it has been applied nowhere; 2 it has been applied on at least one replica; 3 of at least one it
cannot be told. With --watch that of the last round.")]
pub struct Args {
    #[command(flatten)]
    statement: Wanted,
    /// As JSON. Times are RFC 3339 in UTC; what is not known is null. With --watch a line a round
    #[arg(long)]
    json: bool,
    /// Counts down: looks again every 10 seconds until it is interrupted; each round is printed below the one before
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let statement = args.statement.read()?;
    if statement.is_unknown() {
        let text = "say which statement: --statement-time, --position or --gtid";
        return Err(CliError::Usage(text.to_owned()));
    }
    let services = Services::open(config, false).await?;
    if !services.has_replicas() {
        let text = "the configuration names no replica; add [[replica]] with a name, a host, a user and a password";
        return Err(CliError::Usage(text.to_owned()));
    }
    if !args.watch {
        return round(&services, &statement, &args).await;
    }
    rounds::watch(&services.clock, args.json, async || round(&services, &statement, &args).await).await
}

async fn round(services: &Services, statement: &Statement, args: &Args) -> Result<u8, CliError> {
    let now: Time = services.store.now().await?;
    let known = services.replicas();
    let (mut applied, mut unknown) = (false, false);
    let mut lines = vec![format!("statement {}, as of {now}:", statement.words())];
    let mut objects = Vec::new();
    for name in services.delays().await?.replicas.into_iter().map(|line| line.name) {
        let limits = known.iter().find(|known| known.name == server_of(&name)).map(|known| &known.limits);
        let line = match limits {
            Some(limits) => services.freeze_line(&name, limits).await?,
            None => None,
        };
        let shown = Shown::text(&name).to_string();
        let Some(line) = line else {
            unknown = true;
            lines.push(format!("{shown}: {}: nobody has judged it yet", Applied::CannotTell));
            objects.push(json!({ "replica": name, "applied": Applied::CannotTell, "why": "nobody has judged it yet" }));
            continue;
        };
        let found = prospect(statement, &line, now);
        applied |= found.answer.applied == Applied::Already;
        unknown |= found.answer.applied == Applied::CannotTell;
        let when = found.arrival.as_ref().map(|come| format!("; it reaches it {}", come.words)).unwrap_or_default();
        lines.push(format!("{shown}: {}{when}", found.answer.applied));
        lines.push(format!("  {}", found.answer.why));
        let mut object = prospect_json(statement, &found);
        object["replica"] = json!(name);
        objects.push(object);
    }
    if args.json {
        let value = json!({ "now": now.to_string(), "replicas": objects });
        if args.watch { out::json_line(&value)? } else { out::json(&value)? }
    } else {
        out::line(lines.join("\n"))?;
    }
    Ok(match (applied, unknown) {
        (true, _) => 2,
        (false, true) => 3,
        (false, false) => 0,
    })
}
