//! A made-up state, a console over it, its keys and its screen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firn::backup::snapshot::{Bundle, Latency, Pace, PoolRow, Progress, Snapshot, SourceStanding, Stored, Worker};
use firn::base::ids::{ArchiveId, ArchiveUuid, FileId, Generation, Key, Lane};
use firn::base::{Money, Severity, Time};
use firn::console::chord::{Chord, Press};
use firn::console::details::{Details, Group};
use firn::console::draw;
use firn::console::effect::{Effect, Query};
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::keymap::Keymap;
use firn::console::model::{Area, Model, Report, Setup};
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::{FileLine, FilePlace, Overlay};
use firn::console::print;
use firn::console::tabs::TabId;
use firn::console::theme::{Depth, Role, Theme};
use firn::console::update::update;
use firn::log::Line;
use firn::store::{ArchiveRow, ArchiveState, FailedRow, LaneState, NoticeRow, OrderRow, QueueRow, QueueState};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use uuid::Uuid;

/// The instant of the made-up state.
pub const NOW: Time = Time::from_secs(1_795_348_800);

/// `secs` before it.
pub fn ago(secs: u64) -> Time {
    NOW.minus(Duration::from_secs(secs))
}

pub fn archive(n: u128) -> ArchiveUuid {
    ArchiveUuid(Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) | n))
}

pub fn bundle(n: u64, state: ArchiveState) -> Bundle {
    let complete = state != ArchiveState::Open;
    Bundle {
        row: ArchiveRow {
            id: ArchiveId(n.cast_signed()),
            uuid: archive(u128::from(n)),
            vault: "glacier".to_owned(),
            lane: if n.is_multiple_of(3) { Lane::History } else { Lane::Live },
            state,
            owner: None,
            closed_by: None,
            size: complete.then_some(2_500_000 + n),
            files: complete.then_some(1_000 + n),
            manifest_offset: None,
            tree_hash: None,
            check: None,
            remote_id: None,
            attempts: 0,
            next_try: None,
            note: None,
            opened_at: ago(10 + n * 7),
            sealed_at: None,
            uploading_at: None,
            stored_at: None,
        },
        worker: Some(format!("db-ops-1 {n}")),
        progress: None,
    }
}

pub fn failed(n: i64) -> FailedRow {
    FailedRow {
        row: QueueRow {
            file: FileId(n),
            source: "photos".to_owned(),
            key: Key::new(format!("photos/{n:03}.jpg").into_bytes()),
            lane: Lane::Live,
            state: QueueState::Failed,
            length: 1_000 * n.unsigned_abs(),
            attempts: 3,
            queued_at: ago(900),
            next_try: NOW.plus(Duration::from_mins(n.unsigned_abs())),
        },
        reason: Some(("io".to_owned(), format!("cannot read photos/{n:03}.jpg: the disk said no"))),
    }
}

pub fn order(host: &str, pool: &str, generation: i64) -> OrderRow {
    OrderRow {
        host: host.to_owned(),
        pool: pool.to_owned(),
        size: None,
        paused: false,
        drain: false,
        generation: Generation(generation),
        who: "mira on db-ops-2".to_owned(),
        at: ago(60),
        until: None,
        applied: Some(Generation(generation)),
        result: Some("done".to_owned()),
    }
}

pub fn pool(host: &str, name: &str, size: u32) -> PoolRow {
    PoolRow {
        host: host.to_owned(),
        pid: 2211,
        pool: name.to_owned(),
        busy: size - 1,
        size,
        paused: false,
        draining: false,
        seen: ago(1),
        alive: true,
        order: None,
    }
}

pub fn finding(severity: Severity, rule: &str, object: &str) -> NoticeRow {
    NoticeRow {
        rule: rule.to_owned(),
        object: object.to_owned(),
        scope: "backup".to_owned(),
        severity,
        worst: severity,
        value: "10 archives".to_owned(),
        limit: "none".to_owned(),
        since: ago(300),
        seen_at: ago(2),
        next_step: "wait for the inventory".to_owned(),
        ack_until: None,
    }
}

fn lane(lane: Lane, files: u64, failed: u64) -> LaneState {
    let oldest = Some(ago(files));
    LaneState { lane, files, bytes: files * 9_000, queued: files / 2, fetching: 3, bundled: 40, failed, oldest }
}

/// A state with something of everything.
pub fn busy() -> Snapshot {
    let mut bundles: Vec<Bundle> = (1..=14).map(|n| bundle(n, ArchiveState::Sealed)).collect();
    let progress = |done, of, rate| Some(Progress { done, of, rate, at: ago(1) });
    bundles[0] = Bundle { progress: progress(400_000, 1_000_000, None), ..bundle(1, ArchiveState::Open) };
    bundles[1] = Bundle { progress: progress(710_000, 1_000_000, Some(9e6)), ..bundle(2, ArchiveState::Uploading) };
    bundles[2] = bundle(3, ArchiveState::Unknown);
    bundles[3].row.attempts = 2;
    bundles[3].row.next_try = Some(NOW.plus(Duration::from_mins(3)));
    let mut paused = pool("db-ops-2", "upload", 3);
    paused.paused = true;
    paused.order = Some(OrderRow { paused: true, ..order("db-ops-2", "upload", 4) });
    Snapshot {
        now: NOW,
        state: "/var/lib/firn/firn.db".to_owned(),
        severity: Severity::Critical,
        stored: Stored { archives: 3_018, archive_bytes: 71_200_000_000, files: 9_000_000, file_bytes: 70_000_000_000 },
        lanes: vec![lane(Lane::Live, 312, 30), lane(Lane::History, 18_460, 0)],
        pace: Pace {
            found_per_minute: Some(1_204.0),
            stored_per_minute: Some(1_100.0),
            bytes_per_second: Some(9e6),
            found: (0..60).map(|n| (n % 7 != 0).then_some(f64::from(n))).collect(),
            bytes: (0..60).map(|n| (n % 9 != 0).then_some(f64::from(n) * 1e6)).collect(),
        },
        latency: Latency { files: 1_000, p50: Some(Duration::from_secs(28)), p99: Some(Duration::from_secs(51)) },
        history_left: Some(Duration::from_hours(220)),
        bundles,
        more_bundles: false,
        failed: (1..=30).map(failed).collect(),
        workers: vec![Worker {
            session: 1,
            host: "db-ops-1".to_owned(),
            pid: 2211,
            kinds: "fetch,upload".to_owned(),
            started: ago(4_000),
            last_seen: ago(1),
            alive: true,
            scanning: BTreeMap::new(),
            staging: Some((7, 10)),
            in_hand: Some(12),
            doing: serde_json::json!({}),
        }],
        pools: vec![pool("db-ops-1", "fetch", 4), pool("db-ops-1", "upload", 4), pool("db-ops-2", "fetch", 3), paused],
        orders: Vec::new(),
        findings: vec![
            finding(Severity::Critical, "vault.unreachable", "glacier"),
            finding(Severity::Warning, "archive.unknown", "glacier"),
            finding(Severity::Unknown, "source.scan", "photos"),
        ],
        sources: vec![SourceStanding {
            name: "photos".to_owned(),
            place: "/srv/photos".to_owned(),
            scanned: Some(ago(500)),
            files: Some(18_000),
            last_scan: Some("complete".to_owned()),
        }],
    }
}

/// A state in which nothing happens.
pub fn idle() -> Snapshot {
    Snapshot {
        severity: Severity::Ok,
        stored: Stored::default(),
        lanes: vec![
            LaneState { oldest: None, fetching: 0, bundled: 0, ..lane(Lane::Live, 0, 0) },
            LaneState { oldest: None, fetching: 0, bundled: 0, ..lane(Lane::History, 0, 0) },
        ],
        pace: Pace::default(),
        latency: Latency::default(),
        history_left: None,
        bundles: Vec::new(),
        failed: Vec::new(),
        workers: Vec::new(),
        pools: Vec::new(),
        findings: Vec::new(),
        ..busy()
    }
}

pub fn setup() -> Setup {
    let absent = |tab| (tab, Area::Absent("There is something else instead."));
    let mut areas = vec![(TabId::Backup, Area::On)];
    areas.extend(TabId::ALL.into_iter().skip(1).map(absent));
    areas[1].1 = Area::On;
    areas[3].1 = Area::On;
    areas[4].1 = Area::On;
    areas[2].1 = Area::Off(&["[audit]", "lanes = 2"]);
    Setup {
        environment: "staging".to_owned(),
        production: false,
        read_only: false,
        badge: None,
        host: "db-ops-1".to_owned(),
        pid: 2211,
        who: "robin on db-ops-1".to_owned(),
        workers: None,
        stop_within: Duration::from_secs(30),
        refresh: Duration::from_secs(2),
        areas,
        themes: Theme::names().map(str::to_owned).collect(),
        home: Some("/home/robin".into()),
        restore_into: "/home/robin/restored".to_owned(),
        confirm_above: Money::from_cents(1_000),
        no_faster: None,
        config_place: Some("/etc/firn/firn.toml".to_owned()),
        log_place: "/var/log/firn.log".to_owned(),
    }
}

/// A console that has heard of nothing yet.
pub fn blank() -> Model {
    Model::new(setup(), Arc::new(Keymap::default()), "default".to_owned(), false, NOW, (140, 40))
}

/// A console that shows a state, and has been drawn once.
pub fn console(snapshot: Snapshot) -> Model {
    let mut model = blank();
    send(&mut model, Msg::Vault(Ok(())));
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    send(&mut model, Msg::Restores(Arc::new(super::restores::restores())));
    send(&mut model, Msg::Delays(Arc::new(super::delays::delays())));
    send(&mut model, Msg::Redis(Ok(Arc::new(super::redis::one(super::redis::healthy("shop", 3))))));
    let (_, report) = paint(&model, (140, 40));
    model.drawn(report);
    model
}

/// One over the busy state.
pub fn desk() -> Model {
    console(busy())
}

pub fn send(model: &mut Model, msg: Msg) -> Vec<Effect> {
    update(model, msg, NOW)
}

/// Presses keys, written as people write them with blanks between.
pub fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let chords = keys.split_whitespace().map(|key| key.parse::<Chord>().unwrap());
    chords.flat_map(|chord| send(model, Msg::Key(chord))).collect()
}

/// Types text, a key for each character.
pub fn type_in(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| send(model, Msg::Key(Chord::plain(Press::Char(c))))).collect()
}

/// What is said in the footer.
pub fn said(model: &Model) -> &str {
    model.flash.as_ref().map_or("", |flash| &flash.text)
}

/// Details as if they had been read.
pub fn details() -> Details {
    let line = |n: u32| (format!("name {n}"), format!("value {n}"), Role::Text);
    let group = Group { title: "copies".to_owned(), lines: (0..60).map(line).collect() };
    Details { title: "archive".to_owned(), groups: vec![group], id: "the-id".to_owned(), failed: false }
}

pub fn file_line(n: u64) -> FileLine {
    FileLine {
        file: FileId(n.cast_signed()),
        place: FilePlace::Offset(n * 512),
        name: format!("photos:photos/{n:03}.jpg"),
        length: n,
        state: "stored".to_owned(),
        role: Role::Ok,
        at: Some(ago(n)),
    }
}

/// Answers whatever was asked of the state.
pub fn answer(model: &mut Model, effects: &[Effect]) {
    for effect in effects {
        let Effect::Ask(query) = effect else { continue };
        let reply = match query {
            Query::Archive(_) => Reply::Details(query.clone(), Ok(Box::new(details()))),
            Query::File(_) => Reply::Details(query.clone(), Ok(Box::new(Details { failed: true, ..details() }))),
            Query::Members { .. } | Query::Find { .. } => {
                Reply::Files(query.clone(), Ok((1..=40).map(file_line).collect()))
            }
            Query::Failed { page, .. } => Reply::Failed(*page, Ok((1..=30).map(failed).collect())),
            Query::DelayChart { .. } => super::delays::answer_chart(query),
            Query::RedisPanel { .. } => super::redis::answer_panel(query),
            Query::Freeze { .. } => super::delays::freeze::answer_freeze(query),
            other => super::restores::reply(other).unwrap(),
        };
        send(model, Msg::Reply(reply));
        seen(model);
    }
}

/// The screen has been drawn.
pub fn seen(model: &mut Model) {
    model.drawn(model.report.clone());
}

/// Presses keys and answers what they ask, but for those with a `!` behind them.
pub fn go(model: &mut Model, keys: &str) {
    for key in keys.split_whitespace() {
        let silent = key.strip_suffix('!').filter(|key| !key.is_empty());
        let effects = press(model, silent.unwrap_or(key));
        if silent.is_none() {
            answer(model, &effects);
        }
    }
}

/// Ways into every overlay, from the Backup tab of the busy state.
pub const WAYS: [(&str, &str); 31] = [
    ("help", "?"),
    ("palette", ":"),
    ("confirm", "right right p"),
    ("confirm with a word", "A"),
    ("prompt of a filter", "/"),
    ("prompt of a search", "f"),
    ("prompt of a folder", "R"),
    ("waiting", "R enter!"),
    ("findings", "F"),
    ("log", "L"),
    ("themes", "T"),
    ("details", "enter"),
    ("files", "enter enter"),
    ("form", "2 n"),
    ("batch", "2 b"),
    ("prompt of a list's file", "2 b f5"),
    ("quotes", "2 down down r"),
    ("confirm a plan", "2 c"),
    ("stop a plan", "2 down x"),
    ("details of a plan", "2 down down enter"),
    ("files of a plan", "2 down down enter enter"),
    ("archives of a plan", "2 down down enter a"),
    ("a replica", "4 enter"),
    ("jobs of a replica", "4 w"),
    ("a replica to be frozen", "4 enter f"),
    ("a frozen replica", "4 enter right f"),
    ("a node of a cluster", "5 right enter"),
    ("what its slow log tells", "5 right enter right right"),
    ("what happened to a cluster", "5 e"),
    ("the benchmark's form", "5 b"),
    ("a run of the benchmark", "5 b enter tab enter"),
];

/// A console with that overlay open.
pub fn open(way: &str) -> Model {
    let mut model = desk();
    send(&mut model, Msg::Log((1..=90).map(|n| Arc::new(log_line(n))).collect(), 3));
    go(&mut model, way);
    assert!(!model.overlays.is_empty(), "{way}: {}", said(&model));
    model
}

pub fn log_line(n: u64) -> Line {
    let level = [tracing::Level::ERROR, tracing::Level::WARN, tracing::Level::INFO][usize::try_from(n % 3).unwrap()];
    Line { number: n, at: ago(90 - n.min(90)), level, text: format!("line {n}") }
}

pub fn top(model: &Model) -> &'static str {
    model.overlays.last().map_or("", Overlay::word)
}

/// The screen.
pub fn paint(model: &Model, size: (u16, u16)) -> (Buffer, Report) {
    let theme = Theme::named("default", Depth::True).unwrap();
    paint_as(model, &Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Block }, size)
}

pub fn paint_as(model: &Model, look: &Look<'_>, size: (u16, u16)) -> (Buffer, Report) {
    let area = Rect::new(0, 0, size.0, size.1);
    let (mut buffer, mut report) = (Buffer::empty(area), Report::default());
    draw::paint(model, look, area, &mut buffer, &mut report);
    (buffer, report)
}

/// The screen as text.
pub fn screen(model: &Model, size: (u16, u16)) -> String {
    print::text(&paint(model, size).0)
}

/// Nothing in any cell could act on a terminal.
pub fn assert_printable(buffer: &Buffer, what: &str) {
    for (n, cell) in buffer.content.iter().enumerate() {
        let symbol = cell.symbol();
        let harmful = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!symbol.chars().any(harmful), "{what}: cell {:?} holds {symbol:?}", buffer.pos_of(n));
    }
}
