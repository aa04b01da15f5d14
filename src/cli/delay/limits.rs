//! Every limit of the judge as a flag.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::base::units::parse_span;
use crate::delay::limits::{DelayBy, JobClass, Limits};

/// The limits, by the names of "Monitoring Delayed Replication". A number without a unit is seconds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (a number without a unit is seconds)")]
pub struct LimitFlags {
    /// Age of the local heartbeat, and of the primary's own [default: 60]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_seconds_behind: Option<Duration>,
    /// Since the executed position last changed [default: 28800]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_relay_behind: Option<Duration>,
    /// Since the received position last changed [default: 1800]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_master_behind: Option<Duration>,
    /// How long a backup may run [default: 64800]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_backup_behind: Option<Duration>,
    /// How long a deshard may run [default: 32400]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_deshard_behind: Option<Duration>,
    /// A class of jobs of one's own and how long one may run, with :stops-io if it stops the IO thread, too
    #[arg(long, value_name = "NAME=SPAN[:stops-io]", value_parser = class)]
    job_class: Vec<JobClass>,
    /// Since the newest sample [default: 60]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_last_seen: Option<Duration>,
    /// The least delay [default: 5400]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    min_delay_time: Option<Duration>,
    /// The greatest delay [default: 9000]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_delay_time: Option<Duration>,
    /// How long a recovery may take after a job [default: 21600]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_recovery_time: Option<Duration>,
    /// How long a trend may take to lead back [default: 9000]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_trend_time: Option<Duration>,
    /// What the trend is fitted over [default: 600]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    window: Option<Duration>,
    /// Between two samples [default: as the history has it]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    interval: Option<Duration>,
    /// How long the IO thread may fail to connect [default: 60]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    io_grace: Option<Duration>,
    /// Who holds transactions back [default: native]
    #[arg(long, value_enum)]
    delay_by: Option<Who>,
    /// How often the external tool looks [default: 60]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    tool_interval: Option<Duration>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Who {
    /// The server (`SOURCE_DELAY`, `MASTER_DELAY`)
    Native,
    /// A tool that stops and starts the SQL thread (pt-slave-delay)
    External,
}

impl LimitFlags {
    /// Whether the interval is given.
    pub(super) fn has_interval(&self) -> bool {
        self.interval.is_some()
    }

    /// Sets those that are given.
    pub(super) fn apply(&self, limits: &mut Limits) {
        let set = |limit: &mut Duration, given: Option<Duration>| *limit = given.unwrap_or(*limit);
        set(&mut limits.max_seconds_behind, self.max_seconds_behind);
        set(&mut limits.max_relay_behind, self.max_relay_behind);
        set(&mut limits.max_master_behind, self.max_master_behind);
        set(&mut limits.max_last_seen, self.max_last_seen);
        set(&mut limits.min_delay_time, self.min_delay_time);
        set(&mut limits.max_delay_time, self.max_delay_time);
        set(&mut limits.max_recovery_time, self.max_recovery_time);
        set(&mut limits.max_trend_time, self.max_trend_time);
        set(&mut limits.window, self.window);
        set(&mut limits.interval, self.interval);
        set(&mut limits.io_grace, self.io_grace);
        set(&mut limits.tool_interval, self.tool_interval);
        for class in &mut limits.jobs {
            match class.name.as_str() {
                "backup" => set(&mut class.longest, self.max_backup_behind),
                "deshard" => set(&mut class.longest, self.max_deshard_behind),
                _ => {}
            }
        }
        limits.jobs.extend(self.job_class.iter().cloned());
        if let Some(who) = self.delay_by {
            limits.delay_by = match who {
                Who::Native => DelayBy::Native,
                Who::External => DelayBy::External,
            };
        }
    }
}

/// A span as elsewhere, or seconds.
fn span(text: &str) -> Result<Duration, String> {
    if let Ok(secs) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(secs)
            .map_err(|_| format!("{text:?} is not possible; write seconds from 0, or a span such as \"90m\""));
    }
    parse_span(text).map_err(|e| format!("{e}; a number alone is seconds"))
}

fn class(text: &str) -> Result<JobClass, String> {
    let (plain, stops_io) = text.strip_suffix(":stops-io").map_or((text, false), |plain| (plain, true));
    let (name, longest) = plain
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("{text:?} is no job class; write its name and how long one may run: \"reindex=2h\""))?;
    Ok(JobClass { name: name.to_owned(), longest: span(longest)?, stops_io })
}
