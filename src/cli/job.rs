//! `firn job`

mod run;

use std::ffi::OsString;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CliError, out, who};
use crate::base::units::{Span, parse_span};
use crate::base::{Shown, Time};
use crate::config::{Config, Given};
use crate::delay::job::{JobError, Place, limit_of, place_of};
use crate::restore::ask::read_time;
use crate::services::Services;
use crate::store::{EndJob, JobEnded, JobRow, JobStarted, NewJob, Store};

/// Rows of a page of ended jobs.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says that a job has begun: until it ends, or runs longer than its limit, it excuses the replica's delay
    Start {
        /// Its class: backup, deshard, or one of [delay] jobs
        class: String,
        /// The replica, or one channel of it (db14/main)
        replica: String,
        /// When it began, such as 2026-11-22T12:00:00Z (default: now)
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Says that a job has ended: from then on the recovery window runs
    End {
        /// Its class
        class: String,
        /// The replica, or one channel of it
        replica: String,
        /// When it ended (default: now)
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Runs a command as a job: says that it begins, and that it has ended, however it does
    #[command(after_help = "\
The command has firn's standard input, output and error; firn itself writes to standard error alone.
SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to it, unless firn was started with
them ignored (nohup); away from a terminal to all that it has started. On a terminal its keys reach the
command by themselves.
Exit code: the command's; 128 and the signal's number if a signal ended it. Of firn's own: 125 the
job could not be entered, and the command was not run; 126 it cannot be run; 127 there is no such
command.
If firn is killed (SIGKILL), the job goes on until `firn job end`; its limit tells.")]
    Run {
        /// Runs the command even if the job cannot be entered; nothing excuses the delay then
        #[arg(long)]
        anyway: bool,
        /// Its class
        class: String,
        /// The replica, or one channel of it
        replica: String,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Lists jobs that run, and those that have ended
    List {
        /// Of this replica alone
        replica: Option<String>,
        /// Those that ended within so long
        #[arg(long, value_name = "SPAN", default_value = "7d")]
        since: String,
        /// As JSON. Times are RFC 3339 in UTC; what is not known is null
        #[arg(long)]
        json: bool,
    },
}

impl From<JobError> for CliError {
    fn from(e: JobError) -> Self {
        Self::Usage(e.to_string())
    }
}

pub(super) async fn run(given: &Given, command: Command) -> Result<u8, CliError> {
    match command {
        Command::Start { class, replica, at } => start(Config::load(given)?, class, replica, at).await,
        Command::End { class, replica, at } => end(Config::load(given)?, class, replica, at).await,
        Command::Run { anyway, class, replica, command } => run::run(given, anyway, class, replica, command).await,
        Command::List { replica, since, json } => list(Config::load(given)?, replica, &since, json).await,
    }
}

/// The replicas of the configuration with the classes of jobs that each may have.
fn places(config: &Config) -> Vec<Place> {
    let of = |classes: &[crate::base::limits::JobClass]| {
        classes.iter().map(|class| (class.name.clone(), class.longest)).collect()
    };
    let replicas = config.delay.replicas.iter();
    replicas.map(|replica| Place { replica: replica.name.clone(), classes: of(&replica.limits.jobs) }).collect()
}

fn time(at: Option<&str>) -> Result<Option<Time>, CliError> {
    let Some(text) = at else { return Ok(None) };
    let wrong = || {
        let found = Shown::text(text);
        CliError::Usage(format!("--at: \"{found}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)"))
    };
    read_time(text).ok_or_else(wrong).map(Some)
}

/// `the backup on db14`
fn the(class: &str, replica: &str) -> String {
    format!("the {} on {}", Shown::text(class), Shown::text(replica))
}

/// Enters the start of a job: it, or why not.
async fn enter(store: &dyn Store, new: NewJob) -> Result<JobRow, CliError> {
    let (what, class, replica) = (the(&new.class, &new.replica), new.class.clone(), new.replica.clone());
    let start = new.start;
    match store.job_start(new).await? {
        JobStarted::Started(row) => Ok(row),
        JobStarted::Running(row) => Err(CliError::Refused(format!(
            "{what} has been running since {}, {} said{}; nothing was changed: if it is over, `firn job end {} {}` says so",
            row.start,
            Shown::text(&row.started_by),
            called(&row),
            Shown::text(&class),
            Shown::text(&replica)
        ))),
        JobStarted::Future(now) => Err(CliError::Refused(format!(
            "--at: {} is not here yet, it is {now}; nothing was changed: say so when the job begins",
            start.unwrap_or(now)
        ))),
    }
}

/// ` (its command)`, if it has one.
fn called(row: &JobRow) -> String {
    if row.detail.is_empty() { String::new() } else { format!(" ({})", Shown::text(&row.detail)) }
}

async fn start(config: Config, class: String, replica: String, at: Option<String>) -> Result<u8, CliError> {
    let longest = limit_of(&places(&config), &class, &replica)?;
    let start = time(at.as_deref())?;
    let services = Services::open(config, false).await?;
    let new = NewJob { replica, class, start, who: who(), detail: String::new() };
    let row = enter(&*services.store, new).await?;
    let what = the(&row.class, &row.replica);
    let (ran, now) = (services.store.now().await?.since(row.start), row.start);
    let late = if ran > longest { ": it has run longer than that already" } else { "" };
    out::line(format!("{what}: running since {now}; its limit is {}{late}", Span(longest)))?;
    Ok(0)
}

async fn end(config: Config, class: String, replica: String, at: Option<String>) -> Result<u8, CliError> {
    let places = places(&config);
    let place = place_of(&places, &replica)?;
    let end = time(at.as_deref())?;
    let services = Services::open(config, false).await?;
    let what = the(&class, &replica);
    let ending =
        EndJob { replica: replica.clone(), class: class.clone(), only: None, end, who: who(), outcome: "done".into() };
    match services.store.job_end(ending).await? {
        JobEnded::Ended(row) => {
            let until = row.end.unwrap_or(row.start);
            out::line(format!("{what}: ended at {until} after {}", Span(until.since(row.start))))?;
            Ok(0)
        }
        // One whose class has left the configuration can still be ended; of what never was, the class is the mistake.
        JobEnded::NotRunning(None) if !place.classes.iter().any(|(name, _)| *name == class) => {
            Err(limit_of(&places, &class, &replica).err().map_or_else(|| no_start(&what, None), CliError::from))
        }
        JobEnded::NotRunning(last) => Err(no_start(&what, last.as_ref())),
        JobEnded::BeforeStart(row) => Err(CliError::Refused(format!(
            "--at: {} is before {what} began ({}); nothing was changed: give a time after that, or none for now",
            end.unwrap_or(row.start),
            row.start
        ))),
        JobEnded::Future(now) => Err(CliError::Refused(format!(
            "--at: {} is not here yet, it is {now}; nothing was changed: say so when the job has ended",
            end.unwrap_or(now)
        ))),
    }
}

fn no_start(what: &str, last: Option<&JobRow>) -> CliError {
    let last = last.and_then(|row| Some((row, row.end?))).map_or_else(
        || "none has ever begun there".to_owned(),
        |(row, end)| {
            let by = row.ended_by.as_deref().unwrap_or("nobody");
            format!("the last one began at {} and ended at {end}, {} said", row.start, Shown::text(by))
        },
    );
    CliError::Refused(format!(
        "{what} has an end without a start: {last}; nothing was changed: `firn job start` says that one begins, --at when"
    ))
}

async fn list(config: Config, replica: Option<String>, since: &str, as_json: bool) -> Result<u8, CliError> {
    let span = parse_span(since).map_err(|e| CliError::Usage(format!("--since: {e}")))?;
    let places = places(&config);
    let services = Services::open(config, false).await?;
    let store = &services.store;
    let now = store.now().await?;
    // What has ended comes by pages below.
    let running = store.jobs(replica.clone(), Time::from_micros(i64::MAX)).await?;
    let mut page = store.jobs_ended(replica.clone(), None, PAGE).await?;
    if let (Some(name), true, true) = (&replica, running.is_empty(), page.is_empty()) {
        place_of(&places, name)?;
    }
    let first = now.minus(span);
    let limit = |row: &JobRow| limit_of(&places, &row.class, &row.replica).ok();
    let mut lists = None;
    if as_json {
        let mut begun = out::Lists::begin(&json!({ "time": now.to_string() }))?;
        begun.list("running")?;
        for row in &running {
            begun.item(&as_value(row, limit(row), now))?;
        }
        begun.over()?;
        begun.list("ended")?;
        lists = Some(begun);
    } else {
        for row in &running {
            out::line(text(row, limit(row), now))?;
        }
    }
    let mut told = running.len();
    loop {
        let last = page.last().and_then(|row| Some((row.end?, row.id)));
        for row in page.iter().filter(|row| row.end.is_some_and(|end| end >= first)) {
            told += 1;
            match &mut lists {
                Some(lists) => lists.item(&as_value(row, limit(row), now))?,
                None => out::line(text(row, limit(row), now))?,
            }
        }
        match last.filter(|(end, _)| *end >= first) {
            Some(last) => page = store.jobs_ended(replica.clone(), Some(last), PAGE).await?,
            None => break,
        }
    }
    match lists {
        Some(lists) => lists.end()?,
        None if told == 0 => out::line(format!("no job runs, and none has ended within {}", Span(span)))?,
        None => {}
    }
    Ok(0)
}

/// How long it has run, or did.
fn ran(row: &JobRow, now: Time) -> Duration {
    row.end.unwrap_or(now).since(row.start)
}

fn text(row: &JobRow, limit: Option<Duration>, now: Time) -> String {
    let ran = ran(row, now);
    let of = match limit {
        Some(limit) if ran > limit => format!("{}, longer than {}", Span(ran), Span(limit)),
        Some(limit) => format!("{} of {}", Span(ran), Span(limit)),
        None => Span(ran).to_string(),
    };
    let (class, replica) = (Shown::text(&row.class).to_string(), Shown::text(&row.replica).to_string());
    let (word, when) = match row.end {
        None => ("running", format!("since {}", row.start)),
        Some(end) => ("ended", format!("{} to {end}", row.start)),
    };
    let outcome = row.outcome.as_deref().map_or_else(String::new, |how| format!("  {}", Shown::text(how)));
    let by = Shown::text(&row.started_by);
    format!("{word:<7}  {class:<8}  {replica}  {when} ({of}){outcome}  {by}{}", called(row))
}

fn as_value(row: &JobRow, limit: Option<Duration>, now: Time) -> Value {
    json!({
        "replica": row.replica,
        "class": row.class,
        "start": row.start.to_string(),
        "end": row.end.map(|end| end.to_string()),
        "seconds": ran(row, now).as_secs(),
        "limit_seconds": limit.map(|limit| limit.as_secs()),
        "started_by": row.started_by,
        "ended_by": row.ended_by,
        "detail": row.detail,
        "outcome": row.outcome,
    })
}
