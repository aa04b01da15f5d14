//! Jobs as a table of one's own tells them: class, start, end. Pure.

use super::connect::{Table, words};
use super::job::Job;
use crate::base::Time;

/// Jobs that are read; more are left out, which is told.
const MOST: usize = 1_000;

/// Jobs that are taken.
const KEPT: usize = 64;

/// Reads an answer: its first three columns. What is wrong with it as a whole; else the jobs, and what is odd.
pub fn jobs(answer: &Table) -> Result<(Vec<Job>, Vec<String>), String> {
    if answer.columns.len() < 3 {
        return Err(format!(
            "jobs_query answers with {} columns; three are needed: class, start, end",
            answer.columns.len()
        ));
    }
    let (mut jobs, mut odd) = (Vec::new(), Vec::new());
    for row in answer.rows.iter().take(MOST) {
        let class = row.first().cloned().flatten().unwrap_or_default();
        let told = |at: usize| row.get(at).cloned().flatten();
        let (start, end) = (told(1), told(2));
        let read = start.as_deref().and_then(time);
        let ended = end.as_deref().map(|text| time(text).ok_or(text));
        match (read, ended) {
            (Some(start), None) if fine(&class) => jobs.push(Job { class, start, end: None }),
            (Some(start), Some(Ok(end))) if fine(&class) => jobs.push(Job { class, start, end: Some(end) }),
            _ if odd.is_empty() => odd.push(format!(
                "jobs_query tells what is no job: class \"{}\", start \"{}\", end \"{}\"",
                words(&class),
                words(start.as_deref().unwrap_or("NULL")),
                words(end.as_deref().unwrap_or("NULL"))
            )),
            _ => {}
        }
    }
    if answer.rows.len() > MOST {
        odd.push(format!("jobs_query tells {} jobs; the first {MOST} are read", answer.rows.len()));
    }
    let told = jobs.len();
    // Those that run, then those that ended last: what is longer ago excuses nothing.
    jobs.sort_by_key(|job| std::cmp::Reverse((job.end.is_none(), job.end, job.start)));
    jobs.truncate(KEPT);
    if told > KEPT {
        odd.push(format!(
            "jobs_query tells {told} jobs; the {KEPT} that run or ended last are taken: leave old ones out"
        ));
    }
    Ok((jobs, odd))
}

fn fine(class: &str) -> bool {
    (1..=64).contains(&class.len()) && class.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// `2026-11-22 05:51:31`, with a `T` or a fraction; or seconds since 1970. UTC.
fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Ok(secs) = text.parse::<f64>() {
        // Before 2001 and after 2286 it is something else, such as a number of days.
        #[allow(clippy::cast_possible_truncation)] // within an i64
        return (1e9..1e10).contains(&secs).then(|| Time::from_micros((secs * 1e6) as i64));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let stamp = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Time::from_micros(stamp.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: &[[Option<&str>; 3]]) -> Table {
        Table {
            columns: ["kind", "a", "b"].map(str::to_owned).to_vec(),
            rows: rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect(),
            cut: Vec::new(),
        }
    }

    #[test]
    fn times_as_tables_hold_them() {
        let at = Time::from_secs(1_795_326_691);
        for text in
            ["2026-11-22 05:51:31", "2026-11-22T05:51:31", "2026-11-22 05:51:31.000000", " 1795326691 ", "1795326691.0"]
        {
            assert_eq!(time(text), Some(at), "{text}");
        }
        for text in ["", "0000-00-00 00:00:00", "yesterday", "20261122", "NaN", "1e300", "-1"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_job_runs_until_it_has_an_end_and_what_is_none_is_told() {
        let (start, end) = (Time::from_secs(1_795_326_691), Time::from_secs(1_795_326_751));
        let job = |end| Job { class: "backup".to_owned(), start, end };
        let backup = [Some("backup"), Some("2026-11-22 05:51:31")];
        let rows = [[backup[0], backup[1], None], [backup[0], backup[1], Some("2026-11-22 05:52:31")]];
        assert_eq!(jobs(&answer(&rows)), Ok((vec![job(None), job(Some(end))], vec![])));
        let rows = [[backup[0], backup[1], Some("soon\u{1b}")], [None, backup[1], None], [backup[0], None, None]];
        let told =
            "jobs_query tells what is no job: class \"backup\", start \"2026-11-22 05:51:31\", end \"soon\\x1b\"";
        assert_eq!(jobs(&answer(&rows)), Ok((vec![], vec![told.to_owned()])));
        let two = Table { columns: vec!["a".to_owned(), "b".to_owned()], ..Table::default() };
        assert_eq!(
            jobs(&two),
            Err("jobs_query answers with 2 columns; three are needed: class, start, end".to_owned())
        );
    }
}
