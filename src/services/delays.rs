//! Delayed replicas, from their configuration.

use crate::config::LimitsConfig;
use crate::delay::limits::{DelayBy, JobClass, Limits};

/// What is allowed of a replica, as the judge takes it.
pub fn limits(config: &LimitsConfig) -> Limits {
    let class = |class: &crate::config::JobClassConfig| JobClass {
        name: class.name.clone(),
        longest: class.longest,
        stops_io: class.stops_io,
    };
    Limits {
        max_seconds_behind: config.max_seconds_behind,
        max_relay_behind: config.max_relay_behind,
        max_master_behind: config.max_master_behind,
        max_last_seen: config.max_last_seen,
        min_delay_time: config.min_delay_time,
        max_delay_time: config.max_delay_time,
        max_recovery_time: config.max_recovery_time,
        max_trend_time: config.max_trend_time,
        jobs: config.jobs.iter().map(class).collect(),
        window: config.window,
        interval: config.interval,
        io_grace: config.io_grace,
        delay_by: if config.external { DelayBy::External } else { DelayBy::Native },
        tool_interval: config.tool_interval,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_nobody_says_is_what_the_judge_begins_with() {
        let config = Config::parse(None, &[], &[]).unwrap();
        assert_eq!(limits(&config.delay.limits), Limits::default());
        let flags = ["delay.delay_by=external".to_owned(), "delay.jobs_stop_io=deshard".to_owned()];
        let made = limits(&Config::parse(None, &[], &flags).unwrap().delay.limits);
        assert_eq!((made.delay_by, made.jobs[1].stops_io), (DelayBy::External, true));
    }
}
