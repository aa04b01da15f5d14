//! One snapshot, two renderings: what the Backup tab shows is what `firn status --json` says, and what is not known is a
//! dash and no zero.

use std::time::Duration;

use firn::backup::snapshot::{Latency, Pace, Progress, Snapshot, Stored, json};
use firn::base::Time;
use firn::base::ids::Lane;
use firn::console::format;
use firn::store::{ArchiveState, COUNTED_UP_TO, LaneState};
use proptest::prelude::*;
use serde_json::Value;

use super::kit::{NOW, bundle, busy, console, idle, screen};

/// Wide enough for every figure.
const SIZE: (u16, u16) = (260, 60);

fn span(seconds: &Value) -> String {
    let seconds = seconds.as_f64();
    seconds.map_or_else(|| "–".to_owned(), |seconds| format::span(Some(Duration::from_secs_f64(seconds))))
}

fn pool(json: &Value, name: &str) -> String {
    let pools = json["pools"].as_array().unwrap();
    let alive: Vec<&Value> = pools.iter().filter(|pool| pool["alive"] == true && pool["pool"] == name).collect();
    if alive.is_empty() {
        return "–".to_owned();
    }
    let sum = |of: &str| alive.iter().map(|pool| pool[of].as_u64().unwrap()).sum::<u64>();
    format!("{}/{}", sum("busy"), sum("size"))
}

/// What must stand in the strips, by what JSON says.
fn strips(json: &Value) -> Vec<String> {
    let lanes = json["lanes"].as_array().unwrap();
    let files = |word: &str| {
        let lane = lanes.iter().find(|lane| lane["lane"] == word);
        format::count(lane.and_then(|lane| lane["files"].as_u64()))
    };
    let failed: u64 = lanes.iter().map(|lane| lane["failed"].as_u64().unwrap()).sum();
    let more = lanes.iter().any(|lane| lane["failed"].as_u64().unwrap() >= json["counted_up_to"].as_u64().unwrap());
    let oldest = lanes.iter().filter_map(|lane| lane["oldest_seconds"].as_u64()).max();
    let unknown = json["archives"]["unknown"].as_u64().unwrap();
    let left = json["history_left_seconds"].as_u64();
    vec![
        format!(" FOUND {} ", format::rate_per_minute(json["pace"]["found_per_minute"].as_f64())),
        format!(" FETCH {} ", pool(json, "fetch")),
        format!(" UPLOAD {} ", pool(json, "upload")),
        format!(" BUNDLES {} open ", json["archives"]["open"])
            + &if unknown > 0 { format!("{unknown} UNKNOWN ") } else { "  ".to_owned() },
        format!(
            " IN VAULT {} archives {}",
            format::count(json["stored"]["archives"].as_u64()),
            format::size(json["stored"]["archive_bytes"].as_u64())
        ),
        format!(" oldest waiting {} ", format::span(oldest.map(Duration::from_secs))),
        format!(
            " file→vault p50 {} p99 {} ",
            span(&json["latency"]["p50_seconds"]),
            span(&json["latency"]["p99_seconds"])
        ),
        format!(" live {} ", files("live")),
        format!(" history {} ", files("history"))
            + &left.filter(|_| !["0", "–"].contains(&files("history").as_str())).map_or_else(
                || " ".to_owned(),
                |left| format!("({} left)", format::span(Some(Duration::from_secs(left)))),
            ),
        format!(" failed {}{} ", format::count(Some(failed)), if more { "+" } else { " " }),
        format!(" into the vault {}", format::byte_rate(json["pace"]["bytes_per_second"].as_f64())),
    ]
}

/// What must stand in the row of a bundle.
fn row(bundle: &Value) -> Vec<String> {
    let uuid = bundle["uuid"].as_str().unwrap();
    let size = bundle["bytes"].as_u64().or_else(|| bundle["progress"]["done"].as_u64());
    let mut wanted = vec![
        uuid[uuid.len() - 8..].to_owned(),
        bundle["lane"].as_str().unwrap().to_owned(),
        bundle["state"].as_str().unwrap().to_owned(),
        format!(" {} ", format::count(bundle["files"].as_u64())),
        format!(" {} ", format::size(size)),
        format!(" {} ", format::short_span(bundle["age_seconds"].as_u64().map(Duration::from_secs))),
        format!(" {}", bundle["worker"].as_str().unwrap_or("–")),
    ];
    let state = bundle["state"].as_str().unwrap();
    let retried = state == "sealed" && bundle["attempts"].as_u64().unwrap() > 0;
    if retried {
        wanted.push(format!("try {}", bundle["attempts"].as_u64().unwrap() + 1));
    }
    let progress = &bundle["progress"];
    if matches!(state, "open" | "uploading")
        && let (Some(done), Some(of)) = (progress["done"].as_f64(), progress["of"].as_f64())
        && of > 0.0
    {
        wanted.push(format!(" {}", format::percent(Some((done / of).min(1.0)))));
        if state == "uploading"
            && let Some(rate) = progress["bytes_per_second"].as_f64()
        {
            wanted.push(format::byte_rate(Some(rate)));
        }
    }
    wanted
}

/// Fails where the screen says anything else than JSON.
fn assert_same(snapshot: &Snapshot) {
    let json = json(snapshot);
    let text = screen(&console(snapshot.clone()), SIZE);
    let strip: String = text.lines().skip(2).take(2).chain([""]).collect::<Vec<_>>().join("  ");
    for wanted in strips(&json) {
        assert!(strip.contains(&wanted), "{wanted:?} is not in {strip:?}");
    }
    for bundle in json["bundles"].as_array().unwrap() {
        let wanted = row(bundle);
        let line =
            text.lines().find(|line| line.contains(&wanted[0])).unwrap_or_else(|| panic!("{} in\n{text}", wanted[0]));
        // The other lists begin on the right.
        let line = line.split("││").next().unwrap();
        for wanted in wanted {
            assert!(line.contains(&wanted), "{wanted:?} is not in {line:?}");
        }
    }
}

#[test]
fn what_is_known_and_what_is_not() {
    assert_same(&busy());
    assert_same(&idle());
    let text = screen(&console(idle()), SIZE);
    for unknown in [
        "FOUND – ",
        "FETCH – ",
        "UPLOAD – ",
        "oldest waiting – ",
        "p50 – p99 – ",
        "into the vault –",
        "last minute –",
        "most in ten seconds –",
    ] {
        assert!(text.contains(unknown), "{unknown:?} in\n{text}");
    }
    assert!(!text.contains("left)"), "no remaining time is made up");
    // A pool whose process is not heard of is not said to be idle.
    let mut snapshot = busy();
    for pool in &mut snapshot.pools {
        pool.alive = false;
    }
    let text = screen(&console(snapshot), SIZE);
    assert!(text.contains("FETCH – ") && text.contains("–/4"), "{text}");
}

fn state() -> impl Strategy<Value = ArchiveState> {
    use ArchiveState::{Open, Sealed, Unknown, Uploading};
    prop::sample::select(vec![Open, Sealed, Uploading, Unknown])
}

fn progress() -> impl Strategy<Value = Option<Progress>> {
    let rate = prop::option::of(0.0..1e10f64);
    let some = (0..1_000_000_000u64, 0..1_000_000_000u64, rate);
    prop::option::of(some.prop_map(|(done, of, rate)| Progress { done: done.min(of), of, rate, at: NOW }))
}

fn lane(lane: Lane) -> impl Strategy<Value = LaneState> {
    let failed = prop_oneof![0..40u64, Just(COUNTED_UP_TO)];
    (0..4_000_000u64, failed, prop::option::of(0..3_000_000_000_000i64)).prop_map(move |(files, failed, age)| {
        LaneState {
            lane,
            files,
            bytes: files,
            queued: files.min(COUNTED_UP_TO),
            fetching: 0,
            bundled: 0,
            failed,
            oldest: age.map(|age| Time::from_micros(NOW.as_micros() - age)),
        }
    })
}

fn millis(most: u64) -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0..most).prop_map(Duration::from_millis))
}

prop_compose! {
    fn snapshots()(
        (found, stored, bytes) in (prop::option::of(0.0..1e6f64), prop::option::of(0.0..1e6f64), prop::option::of(0.0..1e11f64)),
        (p50, p99, left) in (millis(1 << 24), millis(1 << 26), millis(1 << 40)),
        (archives, archive_bytes) in (0..10_000_000u64, 0..(1u64 << 50)),
        lanes in (prop::option::of(lane(Lane::Live)), prop::option::of(lane(Lane::History))),
        rows in prop::collection::vec((state(), progress(), 0..4u32, prop::option::of(0..60_000u64), prop::option::of(0..(1u64 << 40)), 0..9_000_000u64, any::<bool>()), 0..12),
        pools in prop::collection::vec((any::<bool>(), 0..60u32, any::<bool>()), 0..5),
    ) -> Snapshot {
        let mut snapshot = idle();
        snapshot.pace = Pace { found_per_minute: found, stored_per_minute: stored, bytes_per_second: bytes, ..Pace::default() };
        snapshot.latency = Latency { files: 5, p50, p99 };
        snapshot.history_left = left;
        snapshot.stored = Stored { archives, archive_bytes, ..Stored::default() };
        snapshot.lanes = lanes.0.into_iter().chain(lanes.1).collect();
        for (n, (state, progress, attempts, files, size, age, known)) in rows.into_iter().enumerate() {
            let mut bundle = bundle(n as u64, state);
            (bundle.progress, bundle.row.attempts, bundle.row.files, bundle.row.size) = (progress, attempts, files, size);
            bundle.row.opened_at = NOW.minus(Duration::from_secs(age));
            bundle.worker = bundle.worker.filter(|_| known);
            snapshot.bundles.push(bundle);
        }
        for (n, (fetch, size, alive)) in pools.into_iter().enumerate() {
            let mut pool = super::kit::pool(&format!("host-{n}"), if fetch { "fetch" } else { "upload" }, size + 1);
            pool.alive = alive;
            snapshot.pools.push(pool);
        }
        snapshot
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn screen_and_json_say_the_same(snapshot in snapshots()) {
        assert_same(&snapshot);
    }
}
