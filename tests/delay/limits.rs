//! Limits that cannot be.

use firn::delay::limits::{DelayBy, JobClass, Limits};

use super::kit::secs;

fn wrong(change: impl FnOnce(&mut Limits)) -> Vec<String> {
    let mut limits = Limits::default();
    change(&mut limits);
    limits.check().iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_can_be() {
    assert_eq!(wrong(|_| {}), Vec::<String>::new());
    assert_eq!(Limits::default().doubts(), Vec::<String>::new());
}

#[test]
fn what_contradicts_itself_is_named_with_its_mend() {
    assert_eq!(
        wrong(|limits| limits.min_delay_time = secs(9000)),
        [
            "min-delay-time 9000 s is not below max-delay-time 9000 s; the least must be below the greatest: lower the one or raise \
          the other"
        ]
    );
    assert_eq!(
        wrong(|limits| limits.window = secs(29)),
        [
            "window 29 s is shorter than 3 intervals of 10 s; a trend needs 3 samples: lengthen window to 30 s or more, or shorten \
          interval"
        ]
    );
    assert_eq!(
        wrong(|limits| limits.max_last_seen = secs(19)),
        [
            "max-last-seen 19 s is shorter than 2 intervals of 10 s; a single missed sample would be critical: lengthen max-last-seen \
          to 20 s or more, or shorten interval"
        ]
    );
    assert_eq!(
        wrong(|limits| limits.max_last_seen = secs(0)),
        [
            "max-last-seen is 0 s; more than nothing is possible: every sample would be beyond it; give it a span such as 60s"
        ]
    );
    let class = |name: &str, longest| JobClass { name: name.to_owned(), longest: secs(longest), stops_io: false };
    assert_eq!(
        wrong(|limits| limits.jobs = vec![class("backup", 0), class("backup", 5), class("", 5)]),
        [
            "max-backup-behind is 0 s; more than nothing is possible: every sample would be beyond it; give it a span such as 18h",
            "the job class \"backup\" is there twice; each name is possible once: rename or remove one",
            "a job class has no name; jobs are started by it: give it one, such as backup",
        ]
    );
}

#[test]
fn what_may_be_nothing() {
    assert!(wrong(|limits| limits.io_grace = secs(0)).is_empty());
    assert!(wrong(|limits| limits.tool_interval = secs(0)).is_empty());
    let external = wrong(|limits| (limits.tool_interval, limits.delay_by) = (secs(0), DelayBy::External));
    assert!(external[0].starts_with("tool-interval is 0 s"), "{external:?}");
}

#[test]
fn what_is_seldom_meant_is_told() {
    let doubts = Limits { window: secs(140), ..Limits::default() }.doubts();
    assert_eq!(
        doubts,
        ["window 140 s is shorter than 15 intervals of 10 s: a single sample that is far off leaves the bounds",]
    );
}
