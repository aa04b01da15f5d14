//! From what a worker has written: looks are judged and stored as the worker does it, and read back by the program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn::base::host::ProcessIdentity;
use firn::base::ids::{Generation, SessionId};
use firn::base::{Clock, Time};
use firn::delay::direct::direct;
use firn::delay::gather::{Known, gather, one};
use firn::delay::job::Job;
use firn::delay::judge::Asked;
use firn::delay::limits::Limits;
use firn::delay::plugin::plugin;
use firn::delay::probe::{Probe, Unseen};
use firn::delay::seen::{Heartbeat, IoThread, Look, Position, Seen, Status};
use firn::delay::unit::Unit;
use firn::store::sqlite::SqliteStore;
use firn::store::{
    DelaySample, EndJob, JobEnded, JobStarted, JudgedWrite, NewJob, NewJudged, NewSession, Store, delay_duty, server_of,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::done::Done;
use crate::reader::{Output, read};

const CONFIG: &str = r#"state = { url = "sqlite:firn.db" }
replica = [{ name = "db14", host = "db14.example", user = "monitor" }, { name = "db15", host = "db15.example", user = "monitor" }]
"#;

/// A state in a temporary folder, and the worker that writes to it.
struct Home {
    dir: TempDir,
    store: Arc<dyn Store>,
    session: SessionId,
}

/// Its output, which is a plugin's, and the exit code the word's.
#[track_caller]
fn plugin_of(done: &Done) -> Output {
    assert_eq!(done.err, "", "nothing is said elsewhere");
    let text = done.out.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {:?}", done.out));
    let output = read(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(i32::from(output.code()), done.code, "{text}");
    output
}

fn firn(dir: &Path, args: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", dir).current_dir(dir).args(args);
    Done::of(command)
}

impl Home {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("firn.toml"), CONFIG).unwrap();
        let path: PathBuf = dir.path().join("firn.db");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, Clock::system(), true).unwrap());
        let lease = Duration::from_mins(10);
        let new = NewSession { process: ProcessIdentity::own(), kinds: "delay".to_owned(), lease };
        let session = store.session_start(new).await.unwrap().id;
        Self { dir, store, session }
    }

    fn firn(&self, args: &[&str]) -> Done {
        firn(self.dir.path(), &[&["--config", "firn.toml"], args].concat())
    }

    /// Writes what the worker would, and says how the replica stands as every reader is told.
    async fn write(&self, replica: &str, play: &Play) {
        let duty = self.store.duties_take(vec![delay_duty(replica)], self.session).await.unwrap();
        let generation: Generation = duty[0].as_ref().unwrap().generation;
        let last = play.unit.state.last.as_ref().unwrap();
        #[allow(clippy::cast_possible_truncation)] // some hours
        let samples = play.unit.samples.iter().map(|sample| DelaySample {
            at: sample.at,
            delay: sample.delay.map(|delay| (delay * 1e6) as i64),
            severity: last.severity,
        });
        let row = NewJudged {
            replica: replica.to_owned(),
            generation,
            known: false,
            at: last.at,
            samples: samples.collect(),
            severity: last.severity,
            rule: last.rule.0,
            text: last.text.clone(),
            state: serde_json::to_string(&play.unit.state).unwrap(),
            spark: serde_json::to_string(&play.unit.spark).unwrap(),
        };
        let written = self.store.delay_write(self.session, vec![row]).await.unwrap();
        assert!(matches!(written[..], [JudgedWrite::Written]), "{written:?}");
    }

    /// The same verdict from every way of asking, the console's among them.
    async fn agrees(&self, replica: &str) -> Output {
        let output = plugin_of(&self.firn(&["check", "delay", replica]));
        let known = known(replica);
        let told = one(&*self.store, &known, replica, false).await.unwrap();
        let shown = gather(&*self.store, &[known]).await.unwrap();
        let line = shown.replicas.iter().find(|line| line.name == told[0].name).unwrap();
        let word = line.severity().word();
        assert_eq!((told[0].severity().word(), output.word.as_str()), (word, word));
        let reported = self.firn(&["delay", replica, "--json"]);
        let reported = &reported.json()["replicas"][0];
        assert_eq!(reported["severity"], word);
        let rule = told[0].verdict.as_ref().unwrap().rule.0;
        assert_eq!(reported["rule"], rule);
        output
    }
}

fn known(replica: &str) -> Known {
    Known { name: server_of(replica).to_owned(), group: None, limits: Arc::default(), local: false, primary: false }
}

/// A replica that is looked at every ten seconds, until now.
struct Play {
    unit: Unit,
    limits: Limits,
    jobs: Vec<Job>,
    asked: Asked,
    now: Time,
}

impl Play {
    fn until(now: Time) -> Self {
        let asked = Asked::by_worker(false, false);
        Self { unit: Unit::default(), limits: Limits::default(), jobs: Vec::new(), asked, now }
    }

    /// Looks from so many seconds ago until so many.
    fn look(&mut self, from: u64, to: u64, mut seen: impl FnMut(f64) -> Result<Seen, String>) -> &mut Self {
        let mut ago = from;
        loop {
            let at = self.now.minus(Duration::from_secs(ago));
            #[allow(clippy::cast_precision_loss)]
            let look = Look { at, seen: seen(ago as f64) };
            self.unit.look(&look, &self.limits, &self.jobs, &self.asked);
            let Some(next) = ago.checked_sub(10).filter(|next| *next >= to) else { return self };
            ago = next;
        }
    }
}

/// Everything runs, so many seconds ago, with that delay.
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // some hours
fn runs(ago: f64, delay: f64) -> Seen {
    let log = |at: f64| Some(Position { file: "mysql-bin.000001".to_owned(), at: (1e9 - at * 100.0) as u64 });
    let status = Status {
        io: Some(IoThread::Yes),
        sql: Some(true),
        io_errno: Some(0),
        sql_errno: Some(0),
        received: log(ago),
        executed: log(ago + delay),
        relay: log(ago),
        sql_delay: Some(7200),
        ..Status::default()
    };
    Seen { server_id: Some(2), status: Some(status), delay: Some(Heartbeat::Age(delay)), ..Seen::default() }
}

#[allow(clippy::unnecessary_wraps)] // as a look is
fn changed(mut seen: Seen, change: impl FnOnce(&mut Status)) -> Result<Seen, String> {
    change(seen.status.as_mut().unwrap());
    Ok(seen)
}

async fn stored(home: &Home) -> Play {
    Play::until(home.store.now().await.unwrap())
}

#[tokio::test]
async fn a_healthy_replica_is_ok_wherever_it_is_asked() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1200, 0, |ago| Ok(runs(ago, 7204.0 + ago % 3.0)));
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert_eq!(output.first, "DELAY OK - db14: delay 7205s in 5400:9000, slope +0.00, r -0.05");
    let intercept = output.metric("intercept").unwrap();
    assert!((intercept.value - 7205.0).abs() < 0.5 && !intercept.crit.unwrap().alerts(intercept.value));
    let verbose = plugin_of(&home.firn(&["check", "delay", "db14", "-vvv"]));
    assert!(verbose.long.iter().any(|line| line.starts_with("rule 16 OK: delay 7205 s")), "{:?}", verbose.long);
    assert!(
        verbose.long.iter().any(|line| line.starts_with("max-delay-time 7205s, at most 9000s")),
        "{:?}",
        verbose.long
    );
    assert!(verbose.long.iter().any(|line| line.starts_with("since ")), "{:?}", verbose.long);
    // The other one is configured, and nobody has looked at it.
    let other = plugin_of(&home.firn(&["check", "delay", "db15"]));
    assert_eq!((other.word.as_str(), other.metrics.len()), ("CRITICAL", 0));
    assert!(other.first.starts_with("DELAY CRITICAL - worker never seen: it has written no state"), "{}", other.first);
    let all = home.firn(&["delay"]);
    assert_eq!(all.code, 2, "{all:?}");
    assert!(all.out.contains("db14     OK") && all.out.contains("db15     CRITICAL"), "{}", all.out);
}

#[tokio::test]
async fn limits_that_are_given_are_judged_by_and_change_nothing() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1200, 0, |ago| Ok(runs(ago, 7204.0)));
    home.write("db14", &play).await;
    let narrow = plugin_of(&home.firn(&["check", "delay", "db14", "--max-delay-time", "7000"]));
    assert_eq!(narrow.first, "DELAY CRITICAL - out of bounds, and slope does not indicate recovery; 7204s");
    let range = narrow.metric("intercept").unwrap().crit.unwrap();
    assert_eq!((range.start, range.end), (5400.0, 7000.0));
    let wide = plugin_of(&home.firn(&["check", "delay", "db14", "--max-delay-time=2h30m"]));
    assert_eq!(wide.word, "OK");
    let wrong =
        plugin_of(&home.firn(&["check", "delay", "db14", "--min-delay-time", "9000", "--max-delay-time", "5400"]));
    assert_eq!((wrong.word.as_str(), wrong.metric("intercept").and_then(|metric| metric.crit)), ("UNKNOWN", None));
    assert_eq!(home.agrees("db14").await.word, "OK");
}

#[tokio::test]
async fn a_backup_is_a_warning_and_its_recovery_too() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    let start = play.now.minus(Duration::from_secs(2000));
    let new = NewJob {
        replica: "db14".to_owned(),
        class: "backup".to_owned(),
        start: Some(start),
        who: "tester".to_owned(),
        detail: String::new(),
    };
    assert!(matches!(home.store.job_start(new).await.unwrap(), JobStarted::Started(_)));
    play.jobs = vec![Job { class: "backup".to_owned(), start, end: None }];
    play.look(2600, 2000, |ago| Ok(runs(ago, 7204.0)));
    play.look(1990, 0, |ago| changed(runs(ago, 7204.0 + 2000.0 - ago), |status| status.sql = Some(false)));
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert_eq!(output.first, "DELAY WARNING - Active backup 2000s of 64800s; intercept 9204s out of 5400:9000");
    assert_eq!(output.metric("slope").unwrap().value, 1.0);
    assert!((output.metric("job").unwrap().value - 2000.0).abs() < 0.5);
    let short = plugin_of(&home.firn(&["check", "delay", "db14", "--max-backup-behind", "1000"]));
    assert!(short.first.starts_with("DELAY CRITICAL - backup running 200"), "{}", short.first);
    // It ends, and the line is not back yet.
    let end = EndJob {
        replica: "db14".to_owned(),
        class: "backup".to_owned(),
        only: None,
        end: None,
        who: "tester".to_owned(),
        outcome: "done".to_owned(),
    };
    let JobEnded::Ended(row) = home.store.job_end(end).await.unwrap() else { panic!("it did not end") };
    play.now = home.store.now().await.unwrap();
    play.jobs = vec![Job { class: "backup".to_owned(), start, end: row.end }];
    play.look(0, 0, |_| Ok(runs(0.0, 9204.0)));
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert!(output.first.starts_with("DELAY WARNING - Recovery after backup "), "{}", output.first);
    assert!(output.metric("recovery").is_some() && output.metric("job").is_none(), "{output:?}");
}

#[tokio::test]
async fn what_a_thread_says_is_on_the_line() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1200, 0, |ago| {
        changed(runs(ago, 7204.0), |status| {
            status.sql = Some(false);
            status.sql_errno = Some(1062);
            status.sql_error = Some("Duplicate entry '1' for key 'PRIMARY' | \x1b[2J".to_owned());
        })
    });
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert_eq!(output.first, "DELAY CRITICAL - SQL thread error 1062: Duplicate entry '1' for key...");
}

#[tokio::test]
async fn a_short_gap_is_held_and_said_to_be() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1230, 30, |ago| Ok(runs(ago, 7204.0)));
    play.look(20, 0, |_| Err("cannot connect to db14.example:3306: no answer within 2 s".to_owned()));
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert_eq!(output.first, "DELAY OK - db14: delay 7204s in 5400:9000; held, no sample for 30s");
    // And no longer than that.
    let mut play = stored(&home).await;
    play.look(1280, 80, |ago| Ok(runs(ago, 7204.0)));
    play.look(70, 0, |_| Err("cannot connect to db14.example:3306: no answer within 2 s".to_owned()));
    home.write("db15", &play).await;
    let output = home.agrees("db15").await;
    assert_eq!(output.first, "DELAY CRITICAL - no sample for 80s: cannot connect to db14.example:3306: no...");
    assert_eq!(output.metric("delay"), None, "what is that old is not how it stands");
}

/// A heartbeat of the primary that is young again in the very look that sees no delay: what is held is the verdict of before.
#[tokio::test]
async fn what_is_held_is_not_said_in_figures_of_now() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.asked.primary = true;
    play.look(1200, 10, |ago| Ok(Seen { primary: Some(Heartbeat::Age(1210.0 - ago)), ..runs(ago, 7204.0) }));
    assert_eq!(play.unit.state.last.as_ref().unwrap().rule.0, 10);
    let denied = || Some(Heartbeat::Unread("denied".to_owned()));
    play.look(0, 0, |ago| Ok(Seen { primary: Some(Heartbeat::Age(1.0)), delay: denied(), ..runs(ago, 0.0) }));
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert_eq!(output.first, "DELAY CRITICAL - db14: primary heartbeat 1200.0 s old; held, no sample for 10s");
}

/// A look counts for the moment at which the replica answered, however long the primary took.
#[tokio::test]
async fn a_look_counts_for_when_it_was_seen() {
    let seen = Seen { ago: Duration::from_secs(4), ..runs(0.0, 7204.0) };
    let (before, answers) = (Clock::system().now(), Answers(Ok(vec![seen])));
    let lines = direct(&answers, Err("none"), &Clock::system(), &known("db14"), "db14").await.unwrap();
    let looked = lines[0].state.looked.unwrap();
    let late = Clock::system().now().minus(Duration::from_secs(4));
    assert!((before.minus(Duration::from_secs(4))..=late).contains(&looked), "{before} {looked}");
}

#[tokio::test]
async fn a_worker_that_is_gone_is_critical_whatever_it_said() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1290, 90, |ago| Ok(runs(ago, 7204.0)));
    assert_eq!(play.unit.state.last.as_ref().unwrap().rule.0, 16);
    home.write("db14", &play).await;
    let output = home.agrees("db14").await;
    assert!(output.first.starts_with("DELAY CRITICAL - db14: worker last seen 9"), "{}", output.first);
    let patient = plugin_of(&home.firn(&["check", "delay", "db14", "--max-last-seen", "1h"]));
    assert!(patient.first.contains("held, no sample for 9"), "{}", patient.first);
}

#[tokio::test]
async fn channels_are_checked_each_by_itself() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1200, 0, |ago| Ok(runs(ago, 7204.0)));
    home.write("db14/east", &play).await;
    let alone = plugin_of(&home.firn(&["check", "delay", "db14"]));
    assert_eq!((alone.word.as_str(), alone.metrics.is_empty()), ("OK", false));
    home.write("db14/west", &play).await;
    let both = plugin_of(&home.firn(&["check", "delay", "db14", "-v"]));
    assert_eq!(both.word, "UNKNOWN");
    assert!(both.long[0].ends_with("name one: db14/east, db14/west"), "{both:?}");
    assert_eq!(home.agrees("db14/west").await.word, "OK");
    // A channel that is none is a mistake of who asks, and no worker that was never seen.
    let none = plugin_of(&home.firn(&["check", "delay", "db14/wset", "-v"]));
    assert_eq!(none.word, "UNKNOWN");
    assert!(
        none.long[0].ends_with("\"db14/wset\" is none that is watched of db14; name one of: db14/east, db14/west"),
        "{none:?}"
    );
}

#[tokio::test]
async fn a_state_that_makes_no_sense_is_critical() {
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(100, 0, |ago| Ok(runs(ago, 7204.0)));
    home.write("db14", &play).await;
    let duty = home.store.duties_take(vec![delay_duty("db14")], home.session).await.unwrap();
    let row = NewJudged {
        replica: "db14".to_owned(),
        generation: duty[0].as_ref().unwrap().generation,
        known: false,
        at: home.store.now().await.unwrap(),
        samples: Vec::new(),
        severity: firn::base::Severity::Ok,
        rule: 16,
        text: "all is well".to_owned(),
        state: "{\"turns\": 7}".to_owned(),
        spark: "[]".to_owned(),
    };
    home.store.delay_write(home.session, vec![row]).await.unwrap();
    let output = home.agrees("db14").await;
    assert!(output.first.starts_with("DELAY CRITICAL - worker last seen cannot be told:"), "{}", output.first);
}

#[tokio::test]
async fn every_line_of_the_judge_has_a_plugin() {
    // A hundred replicas that come to harm in their ways: no state leads to output that is no plugin's.
    let home = Home::new().await;
    let now = home.store.now().await.unwrap();
    for n in 0..100_u32 {
        let mut play = Play::until(now);
        let f = f64::from(n);
        play.look(1200, 0, |ago| match n % 10 {
            0 => Ok(runs(ago, 100.0 * f)),
            1 => Ok(runs(ago, 9500.0 + ago * f / 50.0)),
            2 => Ok(runs(ago, 9500.0 - ago * f / 50.0)),
            3 => Ok(runs(ago, -f)),
            4 => changed(runs(ago, 7200.0), |status| status.io = Some(IoThread::Connecting)),
            5 => changed(runs(ago, 7200.0), |status| status.io = Some(IoThread::No)),
            6 => Ok(Seen { status: None, ..runs(ago, 7200.0) }),
            7 => Ok(Seen { delay: Some(Heartbeat::NoRow("db.t has none of server 1".to_owned())), ..runs(ago, 0.0) }),
            8 if ago < f * 10.0 => Err("gone\naway | now".to_owned()),
            _ => Ok(runs(ago, 7200.0 * f64::from(u8::from(ago > f * 10.0)))),
        });
        let unit = play.unit;
        let verdict = unit.state.last.as_deref().cloned();
        let line = firn::delay::snapshot::ReplicaLine {
            state: Arc::new(unit.state),
            verdict,
            ..crate::made::line(crate::made::verdict(16, firn::base::Severity::Ok, ""))
        };
        for verbosity in 0..=3 {
            let text = plugin(&line, verbosity).to_string();
            read(&text).unwrap_or_else(|e| panic!("{n}: {e}: {text}"));
        }
    }
}

#[tokio::test]
async fn who_watches_is_told_until_it_is_interrupted() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::new().await;
    let mut play = stored(&home).await;
    play.look(1200, 0, |ago| changed(runs(ago, 7204.0), |status| status.io = Some(IoThread::No)));
    home.write("db14", &play).await;
    for signal in ["INT", "TERM"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.env_clear().env("HOME", home.dir.path()).current_dir(home.dir.path());
        command.args(["--config", "firn.toml", "delay", "db14", "--watch", "--json"]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["severity"], &value["replicas"][0]["rule"]), (&"CRITICAL".into(), &7.into()));
        let killed = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(2), "SIG{signal}: the last round's exit code");
    }
}

/// A server that always answers the same.
struct Answers(Result<Vec<Seen>, Unseen>);

#[async_trait::async_trait]
impl Probe for Answers {
    async fn look(&self) -> Result<Vec<Seen>, Unseen> {
        self.0.clone()
    }
}

/// What a look of one's own says.
async fn looked(home: Option<&Home>, answer: Result<Vec<Seen>, Unseen>, replica: &str) -> Vec<(String, String)> {
    let store = home.map(|home| &*home.store).ok_or("there is no state database at /var/lib/firn.db");
    let lines = direct(&Answers(answer), store, &Clock::system(), &known(replica), replica).await.unwrap();
    let said = |line: &firn::delay::snapshot::ReplicaLine| {
        let text = plugin(line, 0).to_string();
        (line.name.clone(), read(&text).unwrap_or_else(|e| panic!("{e}: {text}")).first)
    };
    lines.iter().map(said).collect()
}

/// Which jobs run stands in the state. Where that cannot be read, a backup looks like a fault.
#[tokio::test]
async fn a_thread_that_stands_is_neither_a_fault_nor_none_where_nobody_knows_which_jobs_run() {
    let home = Home::new().await;
    let stands = |change: fn(&mut Status)| changed(runs(0.0, 7204.0), change).unwrap();
    let sql = stands(|status| status.sql = Some(false));
    let io = stands(|status| status.io = Some(IoThread::No));
    let quiet = stands(|status| status.queued_age = Some(4000.0));
    let unknown = "DELAY UNKNOWN - whether a job runs is not known:";
    for (look, known, unknown) in [
        (&sql, "DELAY CRITICAL - db14: SQL thread stopped, no job", format!("{unknown} SQL thread stopped; there...")),
        (
            &io,
            "DELAY CRITICAL - db14: IO thread stopped, no job stops it",
            format!("{unknown} IO thread stopped; there is..."),
        ),
        (
            &quiet,
            "DELAY CRITICAL - db14: master log not updated for 4000s, limit 1800s",
            format!("{unknown} master log not updated..."),
        ),
    ] {
        let with = looked(Some(&home), Ok(vec![look.clone()]), "db14").await;
        assert_eq!(with, [("db14".to_owned(), known.to_owned())]);
        assert_eq!(looked(None, Ok(vec![look.clone()]), "db14").await, [("db14".to_owned(), unknown)]);
    }
    // All of it, for who asks; and what no job excuses is what it is.
    let why = "there is no state database at /var/lib/firn.db";
    let direct = async |look: Seen| {
        let lines = direct(&Answers(Ok(vec![look])), Err(why), &Clock::system(), &known("db14"), "db14").await.unwrap();
        plugin(&lines[0], 1)
    };
    let told = direct(sql.clone()).await;
    assert_eq!(told.exit, 3);
    assert_eq!(
        told.long[1..3],
        [
            format!("rule 0 UNKNOWN: whether a job runs is not known: SQL thread stopped; {why}"),
            "rule 8 UNKNOWN: unless a job runs: SQL thread stopped, no job: nothing is executed; START REPLICA SQL_THREAD"
                .to_owned(),
        ]
    );
    let error = Status { sql_errno: Some(1062), io: Some(IoThread::No), ..sql.status.clone().unwrap() };
    let told = direct(Seen { status: Some(error), ..sql.clone() }).await;
    assert_eq!((told.exit, told.line.as_str()), (2, "DELAY CRITICAL - db14: SQL thread error 1062"));
    assert!(told.long.iter().any(|line| line.starts_with("rule 7 UNKNOWN: unless a job runs: IO thread")), "{told}");
    let old = Seen { delay: Some(Heartbeat::Age(-5000.0)), ..sql };
    assert_eq!(direct(old).await.exit, 2, "from the future");
}

#[tokio::test]
async fn a_look_of_ones_own_is_added_to_what_is_stored() {
    let home = Home::new().await;
    let one = |line: &str| vec![("db14".to_owned(), line.to_owned())];
    // Nothing is stored: what a single look can tell.
    let alone = looked(None, Ok(vec![runs(0.0, 7204.0)]), "db14").await;
    assert!(alone[0].1.starts_with("DELAY UNKNOWN - too few samples (1 of 10"), "{alone:?}");
    let error = changed(runs(0.0, 7204.0), |status| (status.sql, status.sql_errno) = (Some(false), Some(1062)));
    assert_eq!(
        looked(Some(&home), Ok(vec![error.unwrap()]), "db14").await,
        one("DELAY CRITICAL - db14: SQL thread error 1062")
    );
    let mut play = stored(&home).await;
    play.look(1210, 10, |ago| Ok(runs(ago, 7204.0)));
    home.write("db14", &play).await;
    assert_eq!(
        looked(Some(&home), Ok(vec![runs(0.0, 7204.0)]), "db14").await,
        one("DELAY OK - db14: delay 7204s in 5400:9000, slope +0.00")
    );
    let down = Err(Unseen("cannot connect to db14.example:3306: refused".to_owned()));
    assert_eq!(
        looked(Some(&home), down, "db14").await,
        one("DELAY OK - db14: delay 7204s in 5400:9000; held, no sample for 10s")
    );
    // A channel by itself, and one that is there no more.
    home.write("db15/east", &play).await;
    let mut west = runs(0.0, 7204.0);
    west.status.as_mut().unwrap().channel = "west".to_owned();
    let both = looked(Some(&home), Ok(vec![west.clone()]), "db15").await;
    assert_eq!(both.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["db15/west", "db15/east"]);
    let gone = looked(Some(&home), Ok(vec![west]), "db15/east").await;
    assert_eq!(
        gone,
        [(
            "db15/east".to_owned(),
            "DELAY CRITICAL - db15/east: not a replica: no replication is configured".to_owned()
        )]
    );
    // It was only a look: what is stored is what the worker wrote.
    assert_eq!(home.agrees("db14").await.word, "OK");
}
