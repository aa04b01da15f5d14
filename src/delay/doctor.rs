//! What works of looking at a replica and what does not: every statement is tried, and what is missing is told with the
//! statement that gives it.

use std::time::Duration;

use super::connect::{Link, LinkError, Server};
use super::heartbeat::{Beats, IdColumn, beats};
use super::jobs_query;
use super::privilege::{Need, quoted_account};
use super::probe::{COMMIT_TIMES, IDENTITY, Identity, SYNTAX, UPTIME, Watched, status_statement};
use super::seen::{Heartbeat, Status};
use super::status::statuses;
use crate::base::{Clock, Severity, Time};

/// Clocks that differ by less are told as equal.
const SAME_CLOCK: f64 = 1.0;
/// Clocks that differ by more make delays wrong.
const WRONG_CLOCK: f64 = 30.0;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What came of it; safe to show.
    pub text: String,
    /// The statement, or the setting, that mends it.
    pub mend: Option<String>,
}

/// What was tried, in order.
#[derive(Debug, Default)]
struct Chart(Vec<Check>);

impl Chart {
    fn add(&mut self, what: &'static str, severity: Severity, text: impl Into<String>, mend: Option<String>) {
        self.0.push(Check { what, severity, text: text.into(), mend });
    }

    fn ok(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(what, Severity::Ok, text, None);
    }

    /// A statement that was refused; with what gives the privilege, if that is what is missing.
    fn refused(&mut self, what: &'static str, severity: Severity, e: &LinkError, need: Need<'_>, who: &Identity) {
        let grant = need.mend(e.code(), who.flavour, &who.account);
        let mend = (!grant.is_empty()).then(|| need.grant(who.flavour, &who.account));
        self.add(what, severity, e.to_string(), mend);
    }
}

/// Tries everything that looking at a replica takes.
pub async fn examine(watched: &Watched, freeze: Option<&Server>, clock: &Clock) -> Vec<Check> {
    let mut chart = Chart::default();
    let link = Link::new(watched.replica.clone());
    if let Some(who) = introduced("connection", &link, &mut chart).await {
        clocks(&link, clock, &mut chart).await;
        let status = status(&link, &who, watched, &mut chart).await;
        heartbeats(&link, &who, watched, status.as_deref(), &mut chart).await;
        extras(&link, &who, watched, &mut chart).await;
    }
    link.close().await;
    if let Some(primary) = &watched.primary {
        let link = Link::new(primary.clone());
        if let Some(who) = introduced("primary", &link, &mut chart).await {
            let found = table(&link, watched).await;
            match (found, who.server_id) {
                (Ok(beats), Some(id)) => {
                    told("primary heartbeat", &beats.of(id, &watched.heartbeat, link.server()), &mut chart);
                }
                (Err(e), _) => chart.refused(
                    "primary heartbeat",
                    Severity::Critical,
                    &e,
                    Need::Heartbeat(&watched.heartbeat),
                    &who,
                ),
                (Ok(_), None) => {}
            }
        }
        link.close().await;
    }
    if let Some(server) = freeze {
        let link = Link::new(server.clone());
        if let Some(who) = introduced("freeze account", &link, &mut chart).await {
            may_freeze(&link, &who, &mut chart).await;
        }
        link.close().await;
    }
    chart.0
}

async fn introduced(what: &'static str, link: &Link, chart: &mut Chart) -> Option<Identity> {
    match link.ask("who it is", IDENTITY).await {
        Ok(answer) => {
            let who = Identity::of(&answer);
            let id = who.server_id.map_or_else(|| "not told".to_owned(), |id| id.to_string());
            let read_only = match who.read_only {
                Some(true) => "read-only",
                Some(false) => "not read-only",
                None => "read-only or not, it does not say",
            };
            chart.ok(
                what,
                format!(
                    "{} as {}: {}, server_id {id}, {read_only}",
                    link.server(),
                    quoted_account(&who.account),
                    super::connect::words(&who.version)
                ),
            );
            Some(who)
        }
        Err(e) => {
            chart.add(what, Severity::Critical, e.to_string(), None);
            None
        }
    }
}

/// How far the server's clock is ahead of this host's. It enters a delay only between primary and replica; here it shows a
/// clock that is wrong.
async fn clocks(link: &Link, clock: &Clock, chart: &mut Chart) {
    let before = clock.now();
    let answer = link.ask("its clock", "SELECT FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000000) AS now").await;
    let after = clock.now();
    match answer {
        Ok(answer) => {
            let told = answer.value(0, "now").and_then(|text| text.split('.').next()?.parse::<i64>().ok());
            let Some(there) = told.map(Time::from_micros) else { return };
            let ahead = ahead(there, before, after);
            let text = format!("{ahead:+.1} s from this host's");
            if ahead.abs() < SAME_CLOCK {
                chart.ok("clock", text);
            } else {
                let severity = if ahead.abs() > WRONG_CLOCK { Severity::Critical } else { Severity::Warning };
                let mend =
                    "set both clocks by NTP: a difference between primary and replica is a difference of the delay";
                chart.add("clock", severity, text, Some(mend.to_owned()));
            }
        }
        Err(e) => chart.add("clock", Severity::Warning, e.to_string(), None),
    }
}

/// Seconds that a clock is ahead of one that was read before and after it.
#[allow(clippy::cast_precision_loss)] // a tenth of a second is shown
fn ahead(there: Time, before: Time, after: Time) -> f64 {
    let middle = before.plus(after.since(before) / 2);
    (there.as_micros().saturating_sub(middle.as_micros())) as f64 / 1e6
}

async fn status(link: &Link, who: &Identity, watched: &Watched, chart: &mut Chart) -> Option<Vec<Status>> {
    let mut statement = status_statement(who.flavour, false);
    let mut answer = link.ask(statement, statement).await;
    if answer.as_ref().err().and_then(LinkError::code) == Some(SYNTAX) {
        statement = status_statement(who.flavour, true);
        answer = link.ask(statement, statement).await;
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(e) => {
            chart.refused("status", Severity::Critical, &e, Need::Status, who);
            return None;
        }
    };
    let (mut all, notes) = statuses(&answer);
    if let Some(channel) = &watched.channel {
        all.retain(|status| status.channel == *channel);
    }
    if all.is_empty() {
        chart.add("status", Severity::Critical, format!("{statement}: it is no replica (of that channel)"), None);
    }
    for status in &all {
        let thread = |runs: Option<bool>| runs.map_or("unknown", |runs| if runs { "runs" } else { "stands" });
        let io = status.io.map_or("unknown".to_owned(), |io| format!("{io:?}").to_lowercase());
        let channel = if status.channel.is_empty() {
            String::new()
        } else {
            format!(", channel {}", super::connect::words(&status.channel))
        };
        let delay = status.sql_delay.map_or("unknown".to_owned(), |delay| format!("{delay} s"));
        let text = format!(
            "{statement}{channel}: source {}, IO {io}, SQL {}, delay set to {delay}",
            status.source_id.map_or("unknown".to_owned(), |id| id.to_string()),
            thread(status.sql)
        );
        chart.ok("status", text);
    }
    for note in notes {
        chart.add("status", Severity::Warning, note, None);
    }
    Some(all)
}

async fn table(link: &Link, watched: &Watched) -> Result<Beats, LinkError> {
    let heartbeat = &watched.heartbeat;
    let mut answer = link.ask("the heartbeat table", &heartbeat.select(IdColumn::ServerId)).await;
    if answer.as_ref().err().and_then(LinkError::code) == Some(1054) {
        answer = link.ask("the heartbeat table", &heartbeat.select(IdColumn::Id)).await;
    }
    answer.map(|answer| beats(&answer, heartbeat))
}

async fn heartbeats(link: &Link, who: &Identity, watched: &Watched, status: Option<&[Status]>, chart: &mut Chart) {
    let beats = match table(link, watched).await {
        Ok(beats) => beats,
        Err(e) => {
            chart.refused("heartbeat", Severity::Critical, &e, Need::Heartbeat(&watched.heartbeat), who);
            return;
        }
    };
    let rows: Vec<String> = beats
        .by_writer
        .iter()
        .take(16)
        .map(|(writer, beat)| {
            let age = beat.age.map_or("no time".to_owned(), |age| format!("{age:.1} s old"));
            format!("server {writer}: {} ({age})", beat.ts)
        })
        .collect();
    let rows = if rows.is_empty() { "no row".to_owned() } else { rows.join(", ") };
    chart.ok("heartbeat", format!("{}: {rows}", watched.heartbeat.shown()));
    for status in status.unwrap_or_default() {
        let Some(id) = watched.source.or(status.source_id).or_else(|| beats.only_other(who.server_id)) else {
            let text = "the source's server_id is not known; heartbeat_source says whose heartbeat counts";
            chart.add("delay", Severity::Critical, text, None);
            continue;
        };
        let seen = beats.of(id, &watched.heartbeat, link.server());
        told("delay", &seen, chart);
        if let (Heartbeat::Age(age), Some(delay)) = (&seen, status.sql_delay)
            && let Some(hint) = zone_hint(*age, delay)
        {
            chart.add(
                "delay",
                Severity::Warning,
                hint,
                Some("heartbeat_clock = \"+hh:mm\", or the writer's --utc".to_owned()),
            );
        }
    }
    if watched.local
        && let Some(own) = who.server_id
    {
        told("local heartbeat", &beats.of(own, &watched.heartbeat, link.server()), chart);
    }
}

fn told(what: &'static str, seen: &Heartbeat, chart: &mut Chart) {
    match seen {
        Heartbeat::Age(age) if *age < -1.0 => chart.add(
            what,
            Severity::Critical,
            format!("{age:.1} s: from the future"),
            Some(
                "set the clocks by NTP; give the writer --utc, or say its clock: heartbeat_clock = \"+hh:mm\""
                    .to_owned(),
            ),
        ),
        Heartbeat::Age(age) => chart.ok(what, format!("{age:.1} s")),
        Heartbeat::NoRow(why) | Heartbeat::Unread(why) => chart.add(what, Severity::Critical, why.clone(), None),
    }
}

/// A delay that is off by whole quarters of an hour is a clock in another time zone.
fn zone_hint(age: f64, delay: u64) -> Option<String> {
    let off = age - f64::from(u32::try_from(delay).ok()?);
    let quarters = (off / 900.0).round();
    ((1.0..=60.0).contains(&quarters.abs()) && (off - quarters * 900.0).abs() <= 30.0).then(|| {
        format!("the heartbeat is {off:+.0} s from the delay that is set: within 30 s of whole quarters of an hour, as a clock in another time zone would be")
    })
}

async fn extras(link: &Link, who: &Identity, watched: &Watched, chart: &mut Chart) {
    match link.ask("its uptime", UPTIME).await {
        Ok(answer) => {
            let uptime = answer.value(0, "Value").and_then(|text| text.parse().ok()).map(Duration::from_secs);
            let text = uptime.map_or("not told".to_owned(), |span| crate::base::units::Span(span).to_string());
            chart.ok("uptime", text);
        }
        Err(e) => chart.add("uptime", Severity::Warning, e.to_string(), None),
    }
    if who.flavour.has_commit_times() {
        match link.ask("performance_schema", COMMIT_TIMES).await {
            Ok(_) => chart.ok("performance_schema", "read"),
            Err(e) => chart.refused("performance_schema", Severity::Warning, &e, Need::PerformanceSchema, who),
        }
    }
    if let Some(query) = &watched.jobs_query {
        match link.ask("jobs_query", query).await.map(|answer| jobs_query::jobs(&answer)) {
            Ok(Ok((jobs, odd))) => {
                chart.ok("jobs_query", format!("{} jobs", jobs.len()));
                for text in odd {
                    chart.add("jobs_query", Severity::Warning, text, None);
                }
            }
            Ok(Err(text)) => chart.add("jobs_query", Severity::Critical, text, None),
            Err(e) => chart.add("jobs_query", Severity::Critical, e.to_string(), None),
        }
    }
}

/// Nothing is stopped to try it: the account's grants are read.
async fn may_freeze(link: &Link, who: &Identity, chart: &mut Chart) {
    let privilege = who.flavour.freeze_privilege();
    match link.ask("its grants", "SHOW GRANTS").await {
        Ok(answer) => {
            let grants = answer.rows.iter().flatten().flatten();
            let has = grants.into_iter().any(|grant| grants_globally(grant, privilege));
            if has {
                chart.ok("freeze account", format!("has {privilege}"));
            } else {
                let grant = format!("GRANT {privilege} ON *.* TO {}", quoted_account(&who.account));
                let text =
                    format!("{} has no {privilege} by itself (roles are not followed)", quoted_account(&who.account));
                chart.add("freeze account", Severity::Warning, text, Some(grant));
            }
        }
        Err(e) => chart.add("freeze account", Severity::Warning, e.to_string(), None),
    }
}

/// Whether a line of `SHOW GRANTS` gives a privilege everywhere.
fn grants_globally(grant: &str, privilege: &str) -> bool {
    let Some((given, _)) = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON *.* TO ")) else {
        return false;
    };
    given.split(',').map(str::trim).any(|one| one == privilege || matches!(one, "SUPER" | "ALL PRIVILEGES"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_held_against_the_middle_of_asking() {
        let at = Time::from_secs;
        assert!((ahead(at(1_000_005), at(1_000_000), at(1_000_002)) - 4.0).abs() < 1e-9);
        assert!((ahead(at(999_990), at(1_000_000), at(1_000_000)) + 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_delay_that_is_off_by_quarters_of_an_hour_is_a_time_zone() {
        for (age, hint) in [
            (7_201.0, false),
            (39_600.5, true),
            (-10_790.0, true),
            (7_200.0 + 19_800.0, true),
            (16_408.0, false),
            (8_130.5, false),
        ] {
            assert_eq!(zone_hint(age, 7_200).is_some(), hint, "{age}");
        }
        let told = zone_hint(39_600.5, 7_200).unwrap();
        assert!(told.starts_with("the heartbeat is +32400 s from the delay that is set"), "{told}");
    }

    #[test]
    fn grants_are_read_as_servers_write_them() {
        let cases = [
            ("GRANT REPLICATION SLAVE ADMIN, REPLICA MONITOR ON *.* TO `f`@`%`", true),
            ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", true),
            ("GRANT SUPER ON *.* TO `f`@`%`", true),
            ("GRANT REPLICATION SLAVE ON *.* TO `f`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `percona`.* TO `f`@`%`", false),
            ("GRANT `REPLICATION SLAVE ADMIN`@`%` TO `f`@`%`", false),
        ];
        for (grant, has) in cases {
            assert_eq!(grants_globally(grant, "REPLICATION SLAVE ADMIN"), has, "{grant}");
        }
    }
}
