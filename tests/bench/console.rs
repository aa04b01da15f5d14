//! How quick and how quiet the console is.
//!
//! `cargo bench --bench console -- [--dir DIR] [--files N] [--rows N] [--seconds N] [--only WORD]`. Measures the time from
//! the start of the process to its first frame; a frame of 200×50, one of a thousand replicas, one of a replica's ten
//! days, and one of a cluster of sixty nodes; what an unchanged screen, an idle console (after a minute without a key) and the busiest demo send; the time
//! from a key to its paint while N (default 50,000) small files are backed up by the console's own workers; its resident
//! memory; and what it takes to go through N (default a million) failed files against a hundred. Prints each with its
//! goal, and where a time depends on the machine, with a yardstick from the same run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss
)]

#[path = "made.rs"]
mod made;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn::backup::pipe::Kinds;
use firn::base::{Clock, Severity, Time};
use firn::console::draw;
use firn::console::effect::Effect;
use firn::console::keymap::Keymap;
use firn::console::look::OwnLook;
use firn::console::model::{Area, Model, Report};
use firn::console::msg::Msg;
use firn::console::overlay::Overlay;
use firn::console::setup::{Options, setup};
use firn::console::tabs::TabId;
use firn::console::tabs::delay::{Read, ReplicaView, Span};
use firn::console::term::{Caps, Screen};
use firn::console::update::update;
use firn::console::{answer, work};
use firn::delay::limits::Limits;
use firn::delay::snapshot::{DelayChart, DelaySnapshot, ReplicaLine, SPARK};
use firn::delay::state::State;
use firn::delay::verdict::{Degraded, Fit, Match, RuleId, Verdict};
use firn::demo::DemoOptions;
use firn::services::Services;
use firn::store::sqlite::SqliteStore;
use made::cluster;
use ratatui::layout::Size;
use rusqlite::params;
use support::flags::Flags;
use support::median::median;
use support::pty::Pty;
use tokio::runtime::Runtime;

const FIRN: &str = env!("CARGO_BIN_EXE_firn");
const SIZE: (u16, u16) = (200, 50);

fn main() {
    let flags = Flags::read(&["dir", "files", "rows", "seconds", "only"]);
    let (dir, files) = (flags.dir(), flags.number("files", 50_000));
    let (rows, seconds) = (flags.number("rows", 1_000_000), flags.number("seconds", 30));
    let only = flags.text("only");
    let span = Duration::from_secs(seconds);
    let wanted = |word: &str| only.is_none_or(|only| only == word);
    if wanted("first") {
        first_frame();
    }
    if wanted("frame") {
        frames();
    }
    if wanted("replicas") {
        replicas();
    }
    if wanted("clusters") {
        clusters();
    }
    if wanted("list") {
        lists(&dir, rows);
    }
    if wanted("moving") {
        moving(span);
    }
    if wanted("keys") {
        keys(&dir, files);
    }
    if wanted("idle") {
        idle(&dir, span);
    }
}

fn worst(all: &[f64]) -> f64 {
    all.iter().copied().fold(0.0, f64::max)
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// From the start of the process to its first frame on a terminal; against a shell that prints a word there.
fn first_frame() {
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..11 {
        for (at, program) in [&["printf", "Backup"][..], &[FIRN, "demo"]].iter().enumerate() {
            let began = Instant::now();
            let pty = Pty::start(SIZE, *program, &[]);
            pty.wait_for("Backup");
            took[at].push(millis(began));
        }
    }
    let [shell, firn] = took.map(median);
    println!(
        "first frame                {:>8.1} ms (goal 100); {:.1} of it is the shell's: ratio {:.1}",
        firn,
        shell,
        firn / shell
    );
}

/// A demo ten minutes on, and a console over it.
struct Stage {
    runtime: Runtime,
    services: Arc<Services>,
    look: OwnLook,
    model: Model,
    clock: Clock,
}

fn caps() -> Caps {
    let set = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("COLORTERM", "truecolor")];
    Caps::detect(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn demo(scenario: &str) -> (Services, firn::demo::DemoDriver) {
    let options = DemoOptions { scenario: Some(scenario.to_owned()), speed: None, seed: 1, until: None, threads: None };
    Services::demo(&options).unwrap()
}

impl Stage {
    fn over(services: Arc<Services>) -> Self {
        let look = OwnLook::new(&services.config.console, &caps()).unwrap();
        let clock = Clock::system();
        let setup = setup(&services, &Options::default(), Some("all".to_owned()));
        let model = Model::new(setup, Arc::new(Keymap::default()), "default".to_owned(), false, clock.now(), SIZE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut stage = Self { runtime, services, look, model, clock };
        stage.refresh();
        stage
    }

    fn refresh(&mut self) {
        let snapshot = self.runtime.block_on(work::read_once(&self.services)).unwrap();
        self.tell(Msg::Snapshot(Arc::new(snapshot)));
    }

    /// Takes a message in and carries out what it asks of the state; how often that was.
    fn tell(&mut self, msg: Msg) -> usize {
        let effects = update(&mut self.model, msg, self.clock.now());
        let mut asked = 0;
        for effect in effects {
            if let Effect::Ask(query) = effect {
                asked += 1;
                let reply = self.runtime.block_on(answer::ask(Arc::clone(&self.services), "bench", query));
                asked += self.tell(Msg::Reply(reply));
            }
        }
        asked
    }

    fn draw(&mut self, screen: &mut Screen<std::io::Sink>) -> usize {
        let (look, mut report) = (self.look.look(), Report::default());
        let model = &self.model;
        let bytes = screen.draw(|frame| report = draw::draw(model, &look, frame)).unwrap();
        self.model.drawn(report);
        bytes
    }

    fn press(&mut self, key: &str) -> usize {
        self.tell(Msg::Key(key.parse().unwrap()))
    }
}

fn screen() -> Screen<std::io::Sink> {
    Screen::over(std::io::sink(), Size::new(SIZE.0, SIZE.1), caps()).unwrap()
}

/// A frame of 200×50: painted whole, with what a key changes, with nothing changed.
fn frames() {
    let (services, driver) = demo("bad-night");
    let services = Arc::new(services);
    let _work = work::start(&services, &Kinds::all());
    driver.run_until(Duration::from_mins(20));
    let mut stage = Stage::over(services);
    let mut screen = screen();
    let (mut whole, mut key, mut same, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..200 {
        screen.clear_and_redraw();
        let began = Instant::now();
        sizes.push(stage.draw(&mut screen) as f64);
        whole.push(millis(began));
        stage.press(["right", "down", "2", "1"][round % 4]);
        let began = Instant::now();
        stage.draw(&mut screen);
        key.push(millis(began));
        let began = Instant::now();
        let bytes = stage.draw(&mut screen);
        same.push(millis(began));
        assert_eq!(bytes, 0, "an unchanged screen sends {bytes} bytes");
    }
    println!(
        "frame of 200×50, whole     {:>8.2} ms (goal 3), worst {:.2}; {:.0} bytes",
        median(whole.clone()),
        worst(&whole),
        median(sizes)
    );
    println!("frame of 200×50, after key {:>8.2} ms (goal 3), worst {:.2}", median(key.clone()), worst(&key));
    println!("unchanged screen           {:>8.2} ms; 0 bytes (goal 0)", median(same));
}

/// So many delayed replicas, every seventh of them out of bounds, each with its sparkline and its sentence.
fn delays(count: usize, now: Time) -> DelaySnapshot {
    let one = |n: usize| {
        let bad = n.is_multiple_of(7);
        let severity = if bad { Severity::Critical } else { Severity::Ok };
        let delay = if bad { 12_870.0 } else { 7_204.0 };
        let text =
            "Replication delay intercept is out of bounds, and slope does not indicate recovery: 3863 s above maximum";
        let rule = RuleId(if bad { 22 } else { 16 });
        let fit = Fit { slope: 0.98, intercept: delay, correlation: Some(0.99), count: 60 };
        let verdict = Verdict {
            at: now,
            severity,
            rule,
            text: text.to_owned(),
            matches: vec![Match { rule, severity, text: text.to_owned() }],
            delay: Some((delay, now)),
            fit: Some(fit),
            back_in: None,
            out_in: None,
            out_since: bad.then_some(now),
            degraded: Degraded::default(),
            measured: Vec::new(),
            hint: None,
        };
        ReplicaLine {
            name: format!("db{n:04}-delay"),
            group: Some(format!("shop-{}", n % 9)),
            limits: Arc::new(Limits::default()),
            verdict: Some(verdict),
            state: Arc::new(State::default()),
            jobs: Vec::new(),
            spark: (0..SPARK).map(|at| Some(7_200.0 + (at * n % 97) as f64)).collect(),
            judged: Some((format!("db-ops-{}", n % 3), now)),
            frozen: None,
        }
    };
    DelaySnapshot { now, replicas: (0..count).map(one).collect() }
}

/// The Delay tab with a thousand replicas, and one of them with ten days of samples: frames, and taking a reading in.
fn replicas() {
    let (services, _driver) = demo("calm");
    let mut stage = Stage::over(Arc::new(services));
    stage.model.setup.areas = TabId::ALL.map(|tab| (tab, Area::On)).to_vec();
    let now = stage.clock.now();
    let (mut screen, mut whole, mut key, mut taken) = (screen(), Vec::new(), Vec::new(), Vec::new());
    stage.tell(Msg::Delays(Arc::new(delays(1_000, now))));
    stage.press("4");
    for round in 0..200 {
        let snapshot = Arc::new(delays(1_000, now.plus(Duration::from_secs(2 * round))));
        let began = Instant::now();
        stage.tell(Msg::Delays(snapshot));
        taken.push(millis(began));
        screen.clear_and_redraw();
        let began = Instant::now();
        stage.draw(&mut screen);
        whole.push(millis(began));
        stage.press(["down", "pgdn", "end", "home"][usize::try_from(round % 4).unwrap()]);
        let began = Instant::now();
        stage.draw(&mut screen);
        key.push(millis(began));
    }
    println!(
        "1,000 replicas, whole      {:>8.2} ms (goal 3), worst {:.2}; after key {:.2}; a reading taken in {:.2}",
        median(whole.clone()),
        worst(&whole),
        median(key),
        median(taken)
    );
    let from = now.minus(Duration::from_hours(240));
    let samples = (0..=86_400u64).map(|n| (from.plus(Duration::from_secs(n * 10)), Some(7_200.0 + (n % 31) as f64)));
    let chart = DelayChart { from, to: now, samples: samples.collect(), thinned: false, jobs: Vec::new() };
    stage.model.delay.span = Span::Ten;
    let mut view = ReplicaView::new("db0001-delay".to_owned());
    view.chart = Some(Read::new(Span::Ten, chart));
    stage.model.overlays.push(Overlay::Replica(Box::new(view)));
    let mut took = Vec::new();
    for _ in 0..200 {
        screen.clear_and_redraw();
        let began = Instant::now();
        stage.draw(&mut screen);
        took.push(millis(began));
    }
    println!("a chart of 86,401 samples  {:>8.2} ms (goal 3), worst {:.2}", median(took.clone()), worst(&took));
}

/// A frame of sixty nodes, a finding each, every slot a part of the strip by itself.
fn clusters() {
    let (services, _driver) = demo("calm");
    let mut stage = Stage::over(Arc::new(services));
    stage.model.setup.areas = TabId::ALL.map(|tab| (tab, Area::On)).to_vec();
    let now = stage.clock.now();
    let (mut screen, mut whole, mut key, mut taken) = (screen(), Vec::new(), Vec::new(), Vec::new());
    stage.tell(Msg::Redis(Ok(Arc::new(cluster(60, now)))));
    stage.press("5");
    for round in 0..200 {
        let read = Arc::new(cluster(60, now.plus(Duration::from_secs(2 * round))));
        let began = Instant::now();
        stage.tell(Msg::Redis(Ok(read)));
        taken.push(millis(began));
        screen.clear_and_redraw();
        let began = Instant::now();
        stage.draw(&mut screen);
        whole.push(millis(began));
        stage.press(["down", "right", "end", "home"][usize::try_from(round % 4).unwrap()]);
        let began = Instant::now();
        stage.draw(&mut screen);
        key.push(millis(began));
    }
    println!(
        "60 nodes of a cluster      {:>8.2} ms (goal 3), worst {:.2}; after key {:.2}; a reading taken in {:.2}",
        median(whole.clone()),
        worst(&whole),
        median(key),
        median(taken)
    );
}

/// A state with so many failed files.
fn failed(path: &Path, rows: u64) -> SqliteStore {
    let clock = Clock::system();
    drop(SqliteStore::open(path, clock.clone(), true).unwrap());
    let mut db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    db.execute("INSERT INTO source (name, kind) VALUES ('ugc', 'directory')", []).unwrap();
    let now = clock.now().as_micros();
    let tx = db.transaction().unwrap();
    {
        let mut file = tx
            .prepare("INSERT INTO file (id, source, version, key, length, mode, mtime_s, mtime_ns, first_seen) VALUES (?1, 1, x'31', ?2, 100, 420, 1, 0, ?3)")
            .unwrap();
        let mut queue = tx
            .prepare("INSERT INTO queue (file, lane, state, attempts, queued_at, next_try, generation) VALUES (?1, ?1 % 2, 3, 2, ?2, ?2 + ?1, 1)")
            .unwrap();
        let mut why = tx
            .prepare("INSERT INTO failure (at, stage, file, reason, detail) VALUES (?2, 'fetch', ?1, 'unreadable', 'permission denied')")
            .unwrap();
        for n in 1..=rows {
            file.execute(params![n, format!("{:04}/{n:08}.jpg", n / 1000).into_bytes(), now]).unwrap();
            queue.execute(params![n, now]).unwrap();
            why.execute(params![n, now]).unwrap();
        }
    }
    tx.commit().unwrap();
    drop(db);
    SqliteStore::open(path, clock, false).unwrap()
}

/// Going through a list of a million rows and one of a hundred, a page at a time.
fn lists(dir: &Path, rows: u64) {
    let temp = tempfile::Builder::new().prefix("firn-bench-").tempdir_in(dir).unwrap();
    let (services, _driver) = demo("calm");
    let mut stages = [100, rows].map(|count| {
        let store = failed(&temp.path().join(format!("{count}.db")), count);
        let process = services.process.clone();
        let services = Services::over(services.config.clone(), Clock::system(), Arc::new(store), process);
        let mut stage = Stage::over(Arc::new(services));
        stage.press("right");
        (stage, screen(), Vec::new(), 0)
    });
    for round in 0..1000 {
        for (at, (stage, screen, took, asked)) in stages.iter_mut().enumerate() {
            // The short list is gone through down and up.
            let key = if at == 0 && round % 4 > 1 { "pgup" } else { "pgdn" };
            let began = Instant::now();
            *asked += stage.press(key);
            stage.draw(screen);
            took.push(millis(began));
        }
    }
    let [(_, _, few, _), (stage, _, many, asked)] = &stages;
    let went = stage.model.backup.failed.before() + stage.model.backup.failures.place().unwrap_or(0);
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    println!(
        "a page of {rows} failures {:>8.2} ms, of 100 {:.2}: ratio {:.2} (goal 1); mean {:.2} and {:.2}, with {asked} pages read; worst {:.1} and {:.1}; it came to row {went}",
        median(many.clone()),
        median(few.clone()),
        median(many.clone()) / median(few.clone()),
        mean(many),
        mean(few),
        worst(many),
        worst(few),
    );
    let mut last = Vec::new();
    for (stage, screen, ..) in &mut stages {
        let began = Instant::now();
        stage.refresh();
        stage.draw(screen);
        last.push(millis(began));
    }
    println!("reading the state anew     {:>8.2} ms with {rows} failures, {:.2} with 100", last[1], last[0]);
}

fn resident(pty: &Pty) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{}/status", pty.pid().as_raw_nonzero())).unwrap();
    let megabytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
    };
    (megabytes("VmRSS:"), megabytes("VmHWM:"))
}

/// Bytes a second while nobody does anything.
fn rate(pty: &Pty, span: Duration) -> f64 {
    let (before, began) = (pty.received(), Instant::now());
    // The span is what is measured.
    std::thread::sleep(span);
    (pty.received() - before) as f64 / began.elapsed().as_secs_f64()
}

/// The busiest demo: what it sends, and its memory.
fn moving(span: Duration) {
    for scenario in ["bad-night", "calm"] {
        let pty = Pty::start(SIZE, [FIRN, "demo", "--scenario", scenario, "--until", "30m"], &[]);
        pty.wait_for("FETCH");
        // What the first frames took is not of it.
        std::thread::sleep(Duration::from_secs(5));
        let sent = rate(&pty, span);
        let (now, peak) = resident(&pty);
        println!(
            "everything moving          {sent:>8.0} B/s (goal 5000): demo {scenario}, {} s of a minute after a key",
            span.as_secs()
        );
        println!("resident in demo           {now:>8.1} MB (goal 80), peak {peak:.1}: {scenario}");
    }
}

fn place(dir: &Path, files: u64, size: u64) -> tempfile::TempDir {
    let temp = tempfile::Builder::new().prefix("firn-bench-").tempdir_in(dir).unwrap();
    let config = "[[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\npath = \"vault\"\n";
    fs::write(temp.path().join("firn.toml"), config).unwrap();
    fs::create_dir(temp.path().join("photos")).unwrap();
    for n in 0..files {
        let folder = temp.path().join("photos").join((n / 1000).to_string());
        if n % 1000 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        fs::write(folder.join(format!("{n}.jpg")), vec![7; usize::try_from(size).unwrap()]).unwrap();
    }
    temp
}

fn console(temp: &Path) -> Pty {
    let config = temp.join("firn.toml");
    let pty = Pty::start(SIZE, [FIRN, "--config", config.to_str().unwrap()], &[]);
    pty.wait_for("IN VAULT");
    pty
}

/// From a key to its paint while the console's own workers back up a tree; against the same when nothing is to be done.
fn keys(dir: &Path, files: u64) {
    let mut both = Vec::new();
    for count in [1, files] {
        let temp = place(dir, count, 4096);
        let mut pty = console(temp.path());
        let began = Instant::now();
        let mut took = Vec::new();
        while took.len() < 150 && began.elapsed() < Duration::from_secs(40) {
            for (key, shown) in [("2", "RUNNING"), ("1", "IN VAULT")] {
                let pressed = Instant::now();
                pty.press(key);
                pty.wait_for(shown);
                took.push(millis(pressed));
            }
            // Keys fall on all moments between two readings of the state, which come by the second.
            std::thread::sleep(Duration::from_millis(37));
        }
        if count > 1 {
            let text = pty.text();
            let line = text.lines().nth(3).unwrap_or_default().trim().to_owned();
            println!("    (while: {line})");
        }
        both.push(took);
    }
    let mut sorted = both[1].clone();
    sorted.sort_by(f64::total_cmp);
    let p99 = sorted[sorted.len() * 99 / 100];
    let (idle, busy) = (median(both[0].clone()), median(sorted));
    println!(
        "key to paint, flat out     {busy:>8.1} ms (goal 50), p99 {p99:.1}, worst {:.1}; when idle {idle:.1}: ratio {:.1}",
        worst(&both[1]),
        busy / idle
    );
}

/// What a console sends when nothing happens and nobody has pressed a key for a minute.
fn idle(dir: &Path, span: Duration) {
    let temp = place(dir, 20, 100);
    let pty = console(temp.path());
    // That nobody presses a key for so long is what is measured: until the last part of the minute, and beyond it.
    std::thread::sleep(Duration::from_secs(40));
    let lively = rate(&pty, Duration::from_secs(15));
    std::thread::sleep(Duration::from_secs(20));
    let quiet = rate(&pty, span);
    println!(
        "idle                       {quiet:>8.0} B/s (goal 100) over {} s, its workers watching; {lively:.0} in the minute after a key",
        span.as_secs()
    );
    let (now, _) = resident(&pty);
    println!("resident, idle             {now:>8.1} MB");
}
