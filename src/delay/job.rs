//! Work that may hold a replica up for a while: what it is called, and on what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::near::nearest;
use crate::base::{Shown, Time};
use crate::store::server_of;

/// A job on a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its class, such as `backup`.
    pub class: String,
    /// When it began.
    pub start: Time,
    /// When it ended; nothing: it has not.
    pub end: Option<Time>,
}

/// Jobs as they were known at a time: those that had begun, and of one that has ended later, that it runs.
pub fn known_at(jobs: &[Job], at: Time) -> Vec<Job> {
    let known = jobs.iter().filter(|job| job.start <= at);
    known.map(|job| Job { end: job.end.filter(|end| *end <= at), ..job.clone() }).collect()
}

/// A replica that is configured, and the classes of jobs it may have, each with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub replica: String,
    /// The classes: name, and how long one may run.
    pub classes: Vec<(String, Duration)>,
}

/// So many names are told where none was meant that is known.
const NAMED: usize = 8;

/// Longest name of a channel: MySQL allows 64 characters, MariaDB's connections too.
const CHANNEL: usize = 64;

/// A job that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// There is no replica at all.
    #[error("no replica is configured; add [[replica]] with a name and a host")]
    Nothing,
    /// There is no such replica.
    #[error("there is no replica \"{asked}\"; {hint}")]
    NoReplica {
        /// What was asked for, safe to show.
        asked: String,
        /// What may have been meant.
        hint: String,
    },
    /// It has no such class of jobs.
    #[error("{replica} has no class of jobs \"{asked}\"; {hint}")]
    NoClass {
        /// The replica.
        replica: String,
        /// What was asked for, safe to show.
        asked: String,
        /// What may have been meant.
        hint: String,
    },
    /// No channel has such a name.
    #[error(
        "\"{asked}\" names no channel of a replica: behind the slash stand 1 to {CHANNEL} characters, and none that controls a terminal"
    )]
    NoChannel {
        /// What was asked for, safe to show.
        asked: String,
    },
}

/// How long a job of that class may run on that replica: a server, or one channel of it (`db14/main`).
pub fn limit_of(places: &[Place], class: &str, replica: &str) -> Result<Duration, JobError> {
    let place = place_of(places, replica)?;
    if let Some((_, longest)) = place.classes.iter().find(|(name, _)| name == class) {
        return Ok(*longest);
    }
    let names = || place.classes.iter().map(|(name, _)| name.as_str());
    let more = "; more classes are named in [delay] jobs";
    Err(JobError::NoClass {
        replica: Shown::text(replica).to_string(),
        asked: Shown::text(class).to_string(),
        hint: meant(class, names).unwrap_or_else(|| format!("there are: {}{more}", some_of(names()))),
    })
}

/// The replica of that name.
pub fn place_of<'a>(places: &'a [Place], replica: &str) -> Result<&'a Place, JobError> {
    if places.is_empty() {
        return Err(JobError::Nothing);
    }
    let server = server_of(replica);
    let names = || places.iter().map(|place| place.replica.as_str());
    let found = places.iter().find(|place| place.replica == server).ok_or_else(|| JobError::NoReplica {
        asked: Shown::text(replica).to_string(),
        hint: meant(server, names).unwrap_or_else(|| format!("there are: {}", some_of(names()))),
    })?;
    let channel = replica.get(server.len() + 1..);
    let possible =
        |channel: &str| (1..=CHANNEL).contains(&channel.chars().count()) && Shown::text(channel).to_string() == channel;
    if server.len() < replica.len() && !channel.is_some_and(possible) {
        return Err(JobError::NoChannel { asked: Shown::text(replica).to_string() });
    }
    Ok(found)
}

fn meant<'a, I: Iterator<Item = &'a str>>(asked: &str, names: impl Fn() -> I) -> Option<String> {
    nearest(asked, names()).map(|near| format!("did you mean \"{}\"?", Shown::text(near)))
}

/// The first few of them.
fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<String> = names.map(|name| Shown::text(name).to_string()).collect();
    let (first, rest) = all.split_at(all.len().min(NAMED));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(names: &[&str]) -> Vec<Place> {
        let classes = [("backup", 64_800), ("deshard", 32_400), ("reindex", 60)];
        let classes: Vec<_> =
            classes.into_iter().map(|(name, secs)| (name.to_owned(), Duration::from_secs(secs))).collect();
        names.iter().map(|name| Place { replica: (*name).to_owned(), classes: classes.clone() }).collect()
    }

    #[test]
    fn a_job_has_the_limit_of_its_class_on_a_server_or_a_channel() {
        let places = places(&["db14-delay", "db15"]);
        for (class, replica, secs) in
            [("backup", "db14-delay", 64_800), ("reindex", "db15", 60), ("deshard", "db15/main", 32_400)]
        {
            assert_eq!(limit_of(&places, class, replica), Ok(Duration::from_secs(secs)), "{class} {replica}");
        }
        assert_eq!(place_of(&places, "db15/ch 1").unwrap().replica, "db15");
        assert_eq!(place_of(&places, &format!("db15/{}", "é".repeat(64))).unwrap().replica, "db15");
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_may_have_been_meant() {
        let many: Vec<String> = (0..20).map(|n| format!("replica-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let cases = [
            (&[][..], "backup", "db14", "no replica is configured; add [[replica]] with a name and a host"),
            (
                &["db14-delay"],
                "backup",
                "db14-dealy",
                "there is no replica \"db14-dealy\"; did you mean \"db14-delay\"?",
            ),
            (&["db14", "web"], "backup", "x\u{1b}yz", "there is no replica \"x\\x1byz\"; there are: db14, web"),
            (
                &many,
                "backup",
                "nobody",
                "there is no replica \"nobody\"; there are: replica-0, replica-1, replica-2, replica-3, replica-4, replica-5, replica-6, replica-7 and 12 more",
            ),
            (&["db14"], "backpu", "db14", "db14 has no class of jobs \"backpu\"; did you mean \"backup\"?"),
            (
                &["db14"],
                "\u{9b}2J",
                "db14/main",
                "db14/main has no class of jobs \"\\u{9b}2J\"; there are: backup, deshard, reindex; more classes are named in [delay] jobs",
            ),
            (&["db14"], "Backup", "db14", "db14 has no class of jobs \"Backup\"; did you mean \"backup\"?"),
            (
                &["db14"],
                "backup",
                "db14/",
                "\"db14/\" names no channel of a replica: behind the slash stand 1 to 64 characters, and none that controls a terminal",
            ),
            (
                &["db14"],
                "backup",
                "db14/a\nb",
                "\"db14/a\\x0ab\" names no channel of a replica: behind the slash stand 1 to 64 characters, and none that controls a terminal",
            ),
        ];
        for (known, class, replica, expected) in cases {
            let error = limit_of(&places(known), class, replica).unwrap_err();
            assert_eq!(error.to_string(), expected, "{class} {replica}");
        }
        let long = format!("db14/{}", "x".repeat(65));
        assert!(matches!(place_of(&places(&["db14"]), &long), Err(JobError::NoChannel { .. })));
    }
}
