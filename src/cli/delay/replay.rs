//! `firn delay replay`

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::limits::LimitFlags;
use crate::base::Shown;
use crate::cli::{CliError, out};
use crate::delay::job::Job;
use crate::delay::judge::Asked;
use crate::delay::limits::{LimitError, Limits};
use crate::delay::replay::{JobSpan, Line, Replay, Sums, usual_interval};
use crate::delay::trace::{Reader, Row, TraceError};

/// So many rows tell how far apart they usually are.
const ENOUGH: usize = 100;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The history: comma-separated values with a header (`t_seconds`, `delay_seconds`, …), as `firn delay record` writes
    /// it; - is standard input
    file: PathBuf,
    /// A job there was, by its class and the history's seconds: backup:30-120, or backup:30 if it did not end; may be
    /// repeated
    #[arg(long, value_name = "CLASS:START[-END]")]
    job: Vec<JobSpan>,
    #[command(flatten)]
    limits: LimitFlags,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<u8, CliError> {
    let name =
        if args.file.as_os_str() == "-" { "standard input".to_owned() } else { Shown::path(&args.file).to_string() };
    let from: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let opened = File::open(&args.file);
        Box::new(BufReader::new(opened.map_err(|e| CliError::Refused(format!("{name}: cannot be opened: {e}")))?))
    };
    let wrong = |e: TraceError| CliError::Refused(format!("{name}: {e}"));
    let mut reader = Reader::new(from).map_err(wrong)?;
    if !reader.ignored().is_empty() {
        note(&format!("{name}: columns that are not known are passed over: {}", reader.ignored().join(", ")));
    }
    if !reader.has_delay() {
        note(&format!("{name}: there is no column delay_seconds: no row has a sample"));
    }
    let mut first = Vec::new();
    for row in reader.by_ref().take(ENOUGH) {
        first.push(row.map_err(wrong)?);
    }
    let limits = limits(args, &first)?;
    let asked = Asked::by_worker(reader.has_local(), reader.has_primary());
    let mut replay = Replay::new(limits, asked, jobs(&args.job, &first));
    let mut to = std::io::BufWriter::new(std::io::stdout().lock());
    let mut sums = Sums::default();
    for row in first.into_iter().map(Ok).chain(reader) {
        let Row { seconds, look } = row.map_err(|e| {
            // What was judged before it stays told.
            let _ = to.flush();
            wrong(e)
        })?;
        let verdict = replay.step(&look);
        sums.add(&verdict);
        let line = Line::new(seconds, &look, &verdict);
        if args.json {
            let text = serde_json::to_string(&line).map_err(std::io::Error::other)?;
            writeln!(to, "{}", out::escaped(&text))?;
        } else {
            writeln!(to, "{line}")?;
        }
    }
    if !args.json {
        for (severity, seconds, times) in sums.worst_first() {
            writeln!(
                to,
                "{severity:<8} {seconds:.0} s in {times} {}",
                if times == 1 { "stretch" } else { "stretches" }
            )?;
        }
    }
    to.flush()?;
    Ok(0)
}

fn note(text: &str) {
    out::error(text);
}

fn limits(args: &Args, first: &[Row]) -> Result<Limits, CliError> {
    let mut limits = Limits::default();
    args.limits.apply(&mut limits);
    if !args.limits.has_interval() {
        let looks: Vec<_> = first.iter().map(|row| row.look.clone()).collect();
        limits.interval = usual_interval(&looks).unwrap_or(limits.interval);
    }
    let wrong: Vec<String> = limits.check().iter().map(LimitError::to_string).collect();
    if !wrong.is_empty() {
        return Err(CliError::Usage(wrong.join("\n")));
    }
    for doubt in limits.doubts() {
        note(&doubt);
    }
    if let Some(job) = args.job.iter().find(|job| limits.class(&job.class).is_none()) {
        let known: Vec<_> = limits.jobs.iter().map(|class| class.name.as_str()).collect();
        return Err(CliError::Usage(format!(
            "--job: {:?} is no job class; there are {}; add one by --job-class",
            Shown::text(&job.class).to_string(),
            known.join(", ")
        )));
    }
    Ok(limits)
}

/// The jobs at their times: second 0 is where the first row says it is.
fn jobs(spans: &[JobSpan], first: &[Row]) -> Vec<Job> {
    let Some(row) = first.first() else { return Vec::new() };
    let zero = JobSpan { class: String::new(), start: -row.seconds, end: None }.job(row.look.at).start;
    spans.iter().map(|span| span.job(zero)).collect()
}
