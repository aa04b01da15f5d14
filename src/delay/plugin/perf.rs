//! Figures for graphs: `'label'=value[UOM];[warn];[crit];[min];[max]`. What is not known is left out; a range alerts outside
//! `start:end`, both ends good, so it says what the rule says. Plain decimals: no exponent, no NaN.

use super::words::{between, ended, limit, on_its_side, runs};
use crate::delay::snapshot::ReplicaLine;
use crate::delay::verdict::Verdict;

/// A figure that is no age and no delay, as large as a graph needs it.
const LARGEST: f64 = 1e15;

/// A figure.
#[derive(Debug, Default)]
struct Figure {
    /// Its name: one word, and the first 19 characters are its own.
    label: &'static str,
    value: f64,
    /// The least decimals.
    decimals: usize,
    unit: &'static str,
    /// Ranges of WARNING and CRITICAL, and the ends of the first of them that is there.
    warn: String,
    crit: String,
    edges: Vec<f64>,
    least: Option<&'static str>,
    most: Option<&'static str>,
}

impl Figure {
    /// Seconds that may not be more than `most`.
    fn age(label: &'static str, value: f64, most: Option<f64>) -> Self {
        let limit = most.map_or_else(String::new, decimal);
        let edges = most.into_iter().collect();
        let figure = Self { label, value, decimals: 1, unit: "s", edges, ..Self::default() };
        // Two clocks that differ make an age below zero: it is shown as it is, and is not too old.
        match value < 0.0 {
            true if limit.is_empty() => figure,
            true => Self { crit: format!("~:{limit}"), ..figure },
            false => Self { crit: limit, least: Some("0"), ..figure },
        }
    }

    /// As it is printed; nothing if it is no number that can be.
    fn text(&self) -> Option<String> {
        if !self.value.is_finite() || self.value.abs() >= LARGEST {
            return None;
        }
        let Self { label, unit, warn, crit, .. } = self;
        let value = on_its_side(self.value, self.decimals, &self.edges);
        let text = format!(
            "{label}={value}{unit};{warn};{crit};{};{}",
            self.least.unwrap_or_default(),
            self.most.unwrap_or_default()
        );
        Some(text.trim_end_matches(';').to_owned())
    }
}

/// Seconds of a limit, without what is not needed.
fn decimal(seconds: f64) -> String {
    let text = format!("{seconds:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// All figures that are known.
pub(super) fn perfdata(line: &ReplicaLine, verdict: &Verdict) -> String {
    let limits = &line.limits;
    let at = verdict.at;
    let (low, high) = (limits.min_delay_time.as_secs_f64(), limits.max_delay_time.as_secs_f64());
    // A range ends after it starts; limits that contradict each other are none.
    let (range, edges) = if low < high {
        (format!("{}:{}", limit(limits.min_delay_time), limit(limits.max_delay_time)), vec![low, high])
    } else {
        (String::new(), Vec::new())
    };
    let bounded = |label, value: f64| Figure {
        label,
        value,
        decimals: 1,
        unit: "s",
        warn: range.clone(),
        crit: range.clone(),
        edges: edges.clone(),
        ..Figure::default()
    };
    // What is older than that is not how it stands now.
    let delay = verdict.delay.filter(|(_, seen)| at.since(*seen) <= limits.max_last_seen);
    // A heartbeat from the future is shown as it is.
    let delay = delay.map(|(value, _)| Figure { least: (value >= 0.0).then_some("0"), ..bounded("delay", value) });
    let fit = verdict.fit;
    let plain = |label, value| Figure { label, value, decimals: 4, ..Figure::default() };
    let corr = fit.and_then(|fit| fit.correlation).map(|r| Figure {
        decimals: 3,
        least: Some("-1"),
        most: Some("1"),
        ..plain("corr", r.clamp(-1.0, 1.0))
    });
    let state = &line.state;
    let behind = Some(limits.max_seconds_behind.as_secs_f64());
    let received = state
        .received
        .as_ref()
        .map(|moved| Figure::age("received", between(moved.since, at), Some(limits.max_master_behind.as_secs_f64())));
    let executed = state.executed.as_ref().map(|moved| {
        // The limit sleeps while a job runs, and counts from its end if nothing was executed since.
        let excused =
            line.jobs.iter().any(|job| runs(job, at)) || ended(line, at).is_some_and(|(_, end)| end > moved.since);
        let most = (!excused).then(|| limits.max_relay_behind.as_secs_f64());
        Figure::age("executed", between(moved.since, at), most)
    });
    let heartbeat =
        |label, of: Option<(f64, _)>| of.map(|(age, seen)| Figure::age(label, age + between(seen, at), behind));
    let degraded = |label, of: Option<(f64, f64)>| of.map(|(so_long, most)| Figure::age(label, so_long, Some(most)));
    let figures = [
        delay,
        fit.map(|fit| bounded("intercept", fit.intercept)),
        fit.map(|fit| plain("slope", fit.slope)),
        corr,
        received,
        executed,
        heartbeat("local_hb", state.local),
        heartbeat("primary_hb", state.primary),
        degraded("job", verdict.degraded.job),
        degraded("recovery", verdict.degraded.recovery),
        degraded("trend", verdict.degraded.trend),
    ];
    figures.iter().flatten().filter_map(Figure::text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_a_plain_decimal_on_its_side_of_the_limit() {
        assert_eq!(Figure::age("job", 9208.0, Some(64_800.0)).text().as_deref(), Some("job=9208.0s;;64800;0"));
        assert_eq!(Figure::age("job", 64_800.01, Some(64_800.0)).text().as_deref(), Some("job=64800.01s;;64800;0"));
        assert_eq!(Figure::age("job", -0.5, None).text().as_deref(), Some("job=-0.5s"));
        assert_eq!(Figure::age("local_hb", -0.5, Some(60.0)).text().as_deref(), Some("local_hb=-0.5s;;~:60"));
        assert_eq!(Figure::age("job", f64::NAN, None).text(), None);
        assert_eq!(Figure::age("job", f64::INFINITY, None).text(), None);
        let slope = |value| Figure { label: "slope", value, decimals: 4, ..Figure::default() }.text();
        assert_eq!(slope(-0.000_01).as_deref(), Some("slope=0.0000"));
        assert_eq!(slope(-1.25).as_deref(), Some("slope=-1.2500"));
        assert_eq!(slope(f64::NAN), None);
        assert_eq!(slope(1e300), None);
        assert_eq!(decimal(0.25), "0.25");
    }
}
