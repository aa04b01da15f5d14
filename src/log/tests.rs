use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::base::Time;
use proptest::prelude::*;

/// 2026-11-22T12:00:00Z
const NOON: Time = Time::from_secs(1_795_348_800);
const DAY: Duration = Duration::from_hours(24);

fn texts(ring: &Ring) -> Vec<String> {
    ring.lines().iter().map(|line| line.text.clone()).collect()
}

#[test]
fn an_event_is_a_line_of_message_and_fields() {
    let (ring, (clock, _hand)) = (Ring::new(), Clock::manual(NOON));
    let (subscriber, guard) = build("info", &ring, None, &clock).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "firn::x", files = 3, who = "a \x1b[2J", "counted {}", 7);
        tracing::debug!(target: "firn::x", "below the level");
        tracing::error!(target: "other", "none of ours");
        tracing::warn!(target: "firn", path = %Shown::text("a\nb"), again = ?Some(1));
    });
    let lines = ring.lines();
    assert_eq!(texts(&ring), ["counted 7 files=3 who=a \\x1b[2J", " path=a\\x0ab again=Some(1)"]);
    assert_eq!((lines[0].at, lines[0].level, lines[1].level), (NOON, Level::INFO, Level::WARN));
    assert_eq!(lines[0].to_string(), "2026-11-22T12:00:00Z  INFO counted 7 files=3 who=a \\x1b[2J");
    assert!(guard.folder().is_none());
}

#[test]
fn the_level_off_is_silence_and_a_wrong_one_is_told() {
    let (ring, (clock, _hand)) = (Ring::new(), Clock::manual(NOON));
    let (subscriber, _guard) = build("off", &ring, None, &clock).unwrap();
    tracing::subscriber::with_default(subscriber, || tracing::error!(target: "firn", "x"));
    assert_eq!(ring.version(), 0);
    for wrong in ["loud", "", "3", "firn=info"] {
        let Err(e) = build(wrong, &ring, None, &clock) else { panic!("{wrong:?} was taken") };
        assert_eq!(
            e.to_string(),
            format!("\"{wrong}\" is no log level; there are: off, error, warn, info, debug, trace")
        );
    }
}

#[test]
fn the_oldest_lines_go_and_are_counted() {
    let ring = Ring::new();
    for n in 0..RING_LINES + 5 {
        ring.push(NOON, Level::INFO, &format!("line {n}"));
    }
    let lines = ring.lines();
    assert_eq!((lines.len(), ring.dropped(), ring.version()), (RING_LINES, 5, RING_LINES as u64 + 5));
    assert_eq!((lines[0].text.as_str(), lines[0].number), ("line 5", 6));
    assert_eq!(ring.since(ring.version()), []);
    let newest: Vec<String> = ring.since(ring.version() - 2).iter().map(|line| line.text.clone()).collect();
    assert_eq!(newest, [format!("line {}", RING_LINES + 3), format!("line {}", RING_LINES + 4)]);
}

#[tokio::test]
async fn a_console_is_woken_by_a_new_line() {
    let ring = Ring::new();
    let mut watch = ring.watch();
    assert!(!watch.has_changed().unwrap());
    ring.clone().push(NOON, Level::INFO, "x");
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow_and_update(), 1);
}

proptest! {
    #[test]
    fn a_line_is_short_and_safe_to_show(text in "(?s).{0,3000}") {
        let ring = Ring::new();
        ring.push(NOON, Level::INFO, &text);
        let shown = texts(&ring).remove(0);
        prop_assert!(shown.len() <= LINE_LIMIT);
        prop_assert!(!shown.chars().any(char::is_control));
        if text.len() > LINE_LIMIT {
            prop_assert!(shown.ends_with('…'));
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_a_day_for_a_week_readable_by_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state/log");
    let (ring, (clock, hand)) = (Ring::new(), Clock::manual(NOON));
    let (subscriber, guard) = build("info", &ring, Some(&folder), &clock).unwrap();
    assert_eq!(guard.folder(), Some(folder.as_path()));
    fs::write(folder.join("firn-notes.log"), "not ours").unwrap();
    tracing::subscriber::with_default(subscriber, || {
        for day in 0..9 {
            tracing::warn!(target: "firn", day, "over\nthere");
            hand.advance(DAY);
        }
    });
    drop(guard);
    let found = names(&folder);
    let days: Vec<String> = (24..=30).map(|day| format!("firn-2026-11-{day}.log")).collect();
    assert_eq!(found[..found.len() - 1], days);
    assert_eq!(found.last().unwrap(), "firn-notes.log");
    assert_eq!(
        fs::read_to_string(folder.join("firn-2026-11-30.log")).unwrap(),
        "2026-11-30T12:00:00Z  WARN over\\x0athere day=8\n"
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("firn-2026-11-30.log"))), (0o700, 0o600));
}

#[test]
fn a_second_start_goes_on_in_the_same_file() {
    let home = tempfile::tempdir().unwrap();
    let (clock, _hand) = Clock::manual(NOON);
    for n in 0..2 {
        let (subscriber, _guard) = build("info", &Ring::new(), Some(home.path()), &clock).unwrap();
        tracing::subscriber::with_default(subscriber, || tracing::info!(target: "firn", n, "start"));
    }
    let text = fs::read_to_string(home.path().join("firn-2026-11-22.log")).unwrap();
    assert_eq!(text, "2026-11-22T12:00:00Z  INFO start n=0\n2026-11-22T12:00:00Z  INFO start n=1\n");
}

#[test]
fn a_folder_that_cannot_be_had_is_a_line_and_not_an_end() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let (ring, (clock, _hand)) = (Ring::new(), Clock::manual(NOON));
    let (subscriber, guard) = build("info", &ring, Some(&file.join("log")), &clock).unwrap();
    tracing::subscriber::with_default(subscriber, || tracing::info!(target: "firn", "goes on"));
    let lines = texts(&ring);
    let expected = format!("no log file is written: the folder {} cannot be made: ", Shown::path(&file.join("log")));
    assert!(lines[0].starts_with(&expected), "{}", lines[0]);
    assert_eq!(lines[1], "goes on");
    assert_eq!((guard.folder(), guard.lost()), (None, 0));
}

#[test]
fn a_file_that_can_no_longer_be_written_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("log");
    let (ring, (clock, hand)) = (Ring::new(), Clock::manual(NOON));
    let (subscriber, guard) = build("info", &ring, Some(&folder), &clock).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    // The next day's file has nowhere to go.
    hand.advance(DAY);
    tracing::subscriber::with_default(subscriber, || {
        for n in 0..3 {
            tracing::info!(target: "firn", n, "x");
        }
    });
    drop(guard);
    let told: Vec<String> = texts(&ring).into_iter().filter(|text| text.contains("log file")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("the log file is not written: "), "{}", told[0]);
    assert!(told[0].contains("firn-2026-11-23.log cannot be opened: "), "{}", told[0]);
}
