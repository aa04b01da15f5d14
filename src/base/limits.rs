//! What is allowed of a delayed replica.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Shown;

/// Who holds transactions back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DelayBy {
    /// The server (`SOURCE_DELAY`, `MASTER_DELAY`).
    Native,
    /// A tool that stops and starts the SQL thread (pt-slave-delay): a thread that stands is normal.
    External,
}

/// A class of jobs, and how long one may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobClass {
    /// Its name: `backup`, `deshard`, or one's own.
    pub name: String,
    /// How long one may run: `max-backup-behind` for `backup`, `max-deshard-behind` for `deshard`.
    pub longest: Duration,
    /// Whether such a job stops the IO thread, too.
    pub stops_io: bool,
}

/// Every limit, by the names of "Monitoring Delayed Replication" (Cianos) with dashes for underscores; its values are the
/// defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `max-seconds-behind`: age of the local heartbeat, and of the primary's own read on the primary.
    pub max_seconds_behind: Duration,
    /// `max-relay-behind`: since the executed position last changed.
    pub max_relay_behind: Duration,
    /// `max-master-behind`: since the received position last changed.
    pub max_master_behind: Duration,
    /// `max-last-seen`: since the worker last wrote, and since the newest sample.
    pub max_last_seen: Duration,
    /// `min-delay-time`: the least delay allowed.
    pub min_delay_time: Duration,
    /// `max-delay-time`: the greatest delay allowed.
    pub max_delay_time: Duration,
    /// `max-recovery-time`: after a job has ended.
    pub max_recovery_time: Duration,
    /// `max-trend-time`: for a trend to lead back.
    pub max_trend_time: Duration,
    /// Classes of jobs with their limits (`max-backup-behind`, `max-deshard-behind`, and one's own).
    pub jobs: Vec<JobClass>,
    /// `window`: what the trend is fitted over.
    pub window: Duration,
    /// `interval`: between two samples.
    pub interval: Duration,
    /// `io-grace`: how long an IO thread may fail to connect before that is critical.
    pub io_grace: Duration,
    /// Who holds transactions back.
    pub delay_by: DelayBy,
    /// How often the tool looks, where `delay_by` is external (pt-slave-delay `--interval`).
    pub tool_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        let job = |name: &str, longest| JobClass { name: name.to_owned(), longest, stops_io: false };
        Self {
            max_seconds_behind: secs(60),
            max_relay_behind: secs(28_800),
            max_master_behind: secs(1_800),
            max_last_seen: secs(60),
            min_delay_time: secs(5_400),
            max_delay_time: secs(9_000),
            max_recovery_time: secs(21_600),
            max_trend_time: secs(9_000),
            jobs: vec![job("backup", secs(64_800)), job("deshard", secs(32_400))],
            window: secs(600),
            interval: secs(10),
            io_grace: secs(60),
            delay_by: DelayBy::Native,
            tool_interval: secs(60),
        }
    }
}

/// A limit that cannot be, or two that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// It is nothing, and nothing would ever be allowed.
    #[error(
        "{name} is 0 s; more than nothing is possible: every sample would be beyond it; give it a span such as {such}"
    )]
    Nothing {
        /// Which.
        name: String,
        /// A value that is usual.
        such: &'static str,
    },
    /// The bounds of the delay leave nothing between them.
    #[error(
        "min-delay-time {} s is not below max-delay-time {} s; the least must be below the greatest: lower the one or raise the other",
        least.as_secs_f64(),
        most.as_secs_f64()
    )]
    Crossed {
        /// `min-delay-time`.
        least: Duration,
        /// `max-delay-time`.
        most: Duration,
    },
    /// No trend can be fitted through so few samples.
    #[error(
        "window {} s is shorter than 3 intervals of {} s; a trend needs 3 samples: lengthen window to {} s or more, or shorten interval",
        window.as_secs_f64(),
        interval.as_secs_f64(),
        interval.as_secs_f64() * 3.0
    )]
    Window {
        /// `window`.
        window: Duration,
        /// `interval`.
        interval: Duration,
    },
    /// Between two samples everything would be unseen for too long.
    #[error(
        "max-last-seen {} s is shorter than 2 intervals of {} s; a single missed sample would be critical: lengthen max-last-seen to {} s or more, or shorten interval",
        seen.as_secs_f64(),
        interval.as_secs_f64(),
        interval.as_secs_f64() * 2.0
    )]
    Seen {
        /// `max-last-seen`.
        seen: Duration,
        /// `interval`.
        interval: Duration,
    },
    /// Two classes of jobs have one name.
    #[error("the job class {:?} is there twice; each name is possible once: rename or remove one", Shown::text(name).to_string())]
    Twice {
        /// The name.
        name: String,
    },
    /// A class of jobs has no name.
    #[error("a job class has no name; jobs are started by it: give it one, such as backup")]
    Nameless,
}

impl LimitError {
    /// The limits it is about, by their names: the one to change first.
    pub fn about(&self) -> Vec<&str> {
        match self {
            Self::Nothing { name, .. } => vec![name],
            Self::Crossed { .. } => vec!["min-delay-time", "max-delay-time"],
            Self::Window { .. } => vec!["window", "interval"],
            Self::Seen { .. } => vec!["max-last-seen", "interval"],
            Self::Twice { .. } | Self::Nameless => vec!["jobs"],
        }
    }
}

impl Limits {
    /// How far back samples matter to the judge.
    pub fn remembered(&self) -> Duration {
        self.window.saturating_add(self.max_last_seen)
    }

    /// What cannot be in them; nothing: they can be judged by. `firn` refuses such a configuration, and rule 1 of the judge
    /// whatever comes past that.
    pub fn check(&self) -> Vec<LimitError> {
        let mut wrong = Vec::new();
        let mut more_than_nothing = |name: &str, value: Duration, such| {
            if value.is_zero() {
                wrong.push(LimitError::Nothing { name: name.to_owned(), such });
            }
        };
        for (name, value, such) in [
            ("max-seconds-behind", self.max_seconds_behind, "60s"),
            ("max-relay-behind", self.max_relay_behind, "8h"),
            ("max-master-behind", self.max_master_behind, "30m"),
            ("max-last-seen", self.max_last_seen, "60s"),
            ("min-delay-time", self.min_delay_time, "90m"),
            ("max-delay-time", self.max_delay_time, "150m"),
            ("max-recovery-time", self.max_recovery_time, "6h"),
            ("max-trend-time", self.max_trend_time, "150m"),
            ("window", self.window, "10m"),
            ("interval", self.interval, "10s"),
        ] {
            more_than_nothing(name, value, such);
        }
        if self.delay_by == DelayBy::External {
            more_than_nothing("tool-interval", self.tool_interval, "60s");
        }
        for class in self.jobs.iter().filter(|class| class.longest.is_zero()) {
            more_than_nothing(&class.limit_name(), class.longest, "18h");
        }
        if self.min_delay_time >= self.max_delay_time {
            wrong.push(LimitError::Crossed { least: self.min_delay_time, most: self.max_delay_time });
        }
        if !self.max_last_seen.is_zero() && self.max_last_seen < self.interval.saturating_mul(2) {
            wrong.push(LimitError::Seen { seen: self.max_last_seen, interval: self.interval });
        }
        if self.window < self.interval.saturating_mul(3) {
            wrong.push(LimitError::Window { window: self.window, interval: self.interval });
        }
        for (place, class) in self.jobs.iter().enumerate() {
            if class.name.is_empty() {
                wrong.push(LimitError::Nameless);
            } else if self.jobs[..place].iter().any(|other| other.name == class.name) {
                wrong.push(LimitError::Twice { name: class.name.clone() });
            }
        }
        wrong
    }

    /// What is possible and seldom meant, in words.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let (window, interval) = (self.window.as_secs_f64(), self.interval.as_secs_f64());
        // A dip to zero crosses the least delay once it fills a fifteenth of the window.
        if self.window < self.interval.saturating_mul(15) {
            doubts.push(format!(
                "window {window} s is shorter than 15 intervals of {interval} s: a single sample that is far off leaves the bounds"
            ));
        }
        doubts
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<&JobClass> {
        self.jobs.iter().find(|class| class.name == name)
    }
}

impl JobClass {
    /// How its limit is called: `max-backup-behind`.
    pub fn limit_name(&self) -> String {
        format!("max-{}-behind", self.name)
    }
}
