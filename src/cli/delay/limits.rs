//! Limits as flags, by the names of "Monitoring Delayed Replication" (Cianos).

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::base::units::parse_span;
use crate::delay::limits::{DelayBy, JobClass, Limits};

/// Limits in place of those of the configuration. Seconds, or a span such as 90m.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Limits, in place of the configuration's (seconds, or a span such as 90m)")]
pub(in crate::cli) struct LimitFlags {
    /// Most seconds the local heartbeat may be old, and the primary's own
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_seconds_behind: Option<Duration>,
    /// Most seconds since the relay log was last executed further
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_relay_behind: Option<Duration>,
    /// Most seconds since the master log was last received further
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_master_behind: Option<Duration>,
    /// Most seconds a backup may run
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_backup_behind: Option<Duration>,
    /// Most seconds a deshard job may run
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_deshard_behind: Option<Duration>,
    /// A class of jobs of one's own and how long one may run, with :stops-io if it stops the IO thread, too
    #[arg(long, value_name = "NAME=SPAN[:stops-io]", value_parser = class)]
    job_class: Vec<JobClass>,
    /// Most seconds since the worker was last seen
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_last_seen: Option<Duration>,
    /// Least delay allowed
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    min_delay_time: Option<Duration>,
    /// Greatest delay allowed
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_delay_time: Option<Duration>,
    /// Seconds after a job for its delay to recover
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_recovery_time: Option<Duration>,
    /// Most seconds for a trend to lead back
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_trend_time: Option<Duration>,
    /// What the trend is fitted over
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    window: Option<Duration>,
    /// Between two samples
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
    /// How long an IO thread may fail to connect before that is critical
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    io_grace: Option<Duration>,
    /// Who holds transactions back: native (the server) or external (a tool such as pt-slave-delay)
    #[arg(long, value_name = "WHO", value_parser = who)]
    delay_by: Option<DelayBy>,
    /// How often the external tool looks
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    tool_interval: Option<Duration>,
}

impl LimitFlags {
    /// Whether any was given.
    pub(in crate::cli) fn any(&self) -> bool {
        let spans = [
            self.max_seconds_behind,
            self.max_relay_behind,
            self.max_master_behind,
            self.max_backup_behind,
            self.max_deshard_behind,
            self.max_last_seen,
            self.min_delay_time,
            self.max_delay_time,
            self.max_recovery_time,
            self.max_trend_time,
            self.window,
            self.interval,
            self.io_grace,
            self.tool_interval,
        ];
        self.delay_by.is_some() || !self.job_class.is_empty() || spans.iter().any(Option::is_some)
    }

    /// Puts what was given in the place of what is there.
    pub(in crate::cli) fn apply(&self, limits: &mut Limits) {
        for (class, longest) in [("backup", self.max_backup_behind), ("deshard", self.max_deshard_behind)] {
            let Some(longest) = longest else { continue };
            match limits.jobs.iter_mut().find(|known| known.name == class) {
                Some(known) => known.longest = longest,
                None => limits.jobs.push(JobClass { name: class.to_owned(), longest, stops_io: false }),
            }
        }
        for (to, given) in [
            (&mut limits.max_seconds_behind, self.max_seconds_behind),
            (&mut limits.max_relay_behind, self.max_relay_behind),
            (&mut limits.max_master_behind, self.max_master_behind),
            (&mut limits.max_last_seen, self.max_last_seen),
            (&mut limits.min_delay_time, self.min_delay_time),
            (&mut limits.max_delay_time, self.max_delay_time),
            (&mut limits.max_recovery_time, self.max_recovery_time),
            (&mut limits.max_trend_time, self.max_trend_time),
            (&mut limits.window, self.window),
            (&mut limits.interval, self.interval),
            (&mut limits.io_grace, self.io_grace),
            (&mut limits.tool_interval, self.tool_interval),
        ] {
            if let Some(given) = given {
                *to = given;
            }
        }
        limits.jobs.extend(self.job_class.iter().cloned());
        if let Some(by) = self.delay_by {
            limits.delay_by = by;
        }
    }

    /// Whether the interval is given.
    pub(in crate::cli) fn has_interval(&self) -> bool {
        self.interval.is_some()
    }
}

/// Whole seconds, as the post writes them, or a span of time.
pub(in crate::cli) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no limit; write seconds (5400) or a span of time (90m, 1h30m, 500ms)");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u32>().map(|secs| Duration::from_secs(secs.into())).map_err(|_| wrong());
    }
    parse_span(text).map_err(|_| wrong())
}

fn class(text: &str) -> Result<JobClass, String> {
    let (plain, stops_io) = text.strip_suffix(":stops-io").map_or((text, false), |plain| (plain, true));
    let (name, longest) = plain
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("{text:?} is no job class; write its name and how long one may run: \"reindex=2h\""))?;
    Ok(JobClass { name: name.to_owned(), longest: seconds(longest)?, stops_io })
}

fn who(text: &str) -> Result<DelayBy, String> {
    match text {
        "native" => Ok(DelayBy::Native),
        "external" => Ok(DelayBy::External),
        _ => Err(format!("{text:?} holds nothing back; write native or external")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitFlags,
    }

    fn given(args: &[&str]) -> Result<(bool, Limits), String> {
        let line = Line::try_parse_from([&["firn"], args].concat()).map_err(|e| e.to_string())?;
        let mut limits = Limits::default();
        line.limits.apply(&mut limits);
        Ok((line.limits.any(), limits))
    }

    #[test]
    fn every_limit_of_the_post_is_a_flag_that_counts() {
        let default = Limits::default();
        assert_eq!(given(&[]).unwrap(), (false, default.clone()));
        let flags = [
            "max-seconds-behind",
            "max-relay-behind",
            "max-master-behind",
            "max-backup-behind",
            "max-deshard-behind",
            "max-last-seen",
            "min-delay-time",
            "max-delay-time",
            "max-recovery-time",
            "max-trend-time",
            "window",
            "interval",
            "io-grace",
            "tool-interval",
        ];
        let mut seen = Vec::new();
        for flag in flags {
            let (any, limits) = given(&[&format!("--{flag}=7777")]).unwrap();
            assert!(any && limits != default, "--{flag} changes nothing");
            assert!(!seen.contains(&limits), "--{flag} changes what another does");
            seen.push(limits);
        }
        assert_eq!(given(&["--delay-by", "external"]).unwrap().1.delay_by, DelayBy::External);
        let (_, limits) = given(&["--max-backup-behind", "2h"]).unwrap();
        assert_eq!(limits.jobs[0].longest, Duration::from_hours(2));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for (args, text) in [
            (["--window", "abc"], "\"abc\" is no limit; write seconds (5400) or a span of time"),
            (["--window", "-5"], "unexpected argument"),
            (["--window", ""], "is no limit"),
            (["--max-trend-time", "99999999999"], "is no limit"),
            (["--delay-by", "me"], "\"me\" holds nothing back; write native or external"),
        ] {
            let found = given(&args).unwrap_err();
            assert!(found.contains(text), "{args:?}: {found}");
        }
    }
}
