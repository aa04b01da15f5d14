//! From a server's rows to the verdict, as each of the servers spells them: what happens to a replica is said in the same
//! words whatever it runs on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::base::{Clock, Severity, Time};
use firn::delay::connect::{Server, Tls};
use firn::delay::judge::Asked;
use firn::delay::limits::Limits;
use firn::delay::probe::MysqlProbe;
use firn::delay::seen::{Look, Seen};
use firn::delay::unit::Unit;
use firn::delay::verdict::Verdict;

use crate::acted::{Answer, serve};
use crate::kit::{look, table, watched};

#[allow(dead_code)] // a probe asks MariaDB for all of its channels
#[path = "../../src/delay/status/rows.rs"]
mod rows;

use rows::Spelling;

/// The servers: version, how they spell a status, and the statement that shows it.
const SERVERS: [(&str, Spelling, &str); 7] = [
    ("10.11.19-MariaDB-log", Spelling::MariaDbAll, "SHOW ALL SLAVES STATUS"),
    ("5.7.44-log", Spelling::MySql57, "SHOW SLAVE STATUS"),
    ("8.0.21", Spelling::MySql80, "SHOW SLAVE STATUS"),
    ("8.0.36", Spelling::MySql84, "SHOW REPLICA STATUS"),
    ("8.4.3", Spelling::MySql84, "SHOW REPLICA STATUS"),
    ("9.0.1", Spelling::MySql84, "SHOW REPLICA STATUS"),
    ("9.7.4", Spelling::MySql84, "SHOW REPLICA STATUS"),
];

const START: Time = Time::from_secs(1_795_348_800);
/// It begins at this second …
const BEGINS: u64 = 610;
/// … and is looked at every ten seconds until this one.
const ENDS: u64 = 900;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Play {
    Healthy,
    Backup,
    Recovery,
    IoStopped,
    SqlError,
    Connecting,
}

/// What a server shows at a moment.
#[derive(Debug, Clone, Default)]
struct Scene {
    /// Its status where it is not that of the fixture, by the old names.
    changed: Vec<(&'static str, Option<String>)>,
    /// Age of the source's heartbeat, microseconds.
    age: u64,
    /// Age of the newest transaction received, microseconds.
    queued: u64,
    /// Seconds since 1970 from which and until when a backup runs.
    job: Option<(u64, Option<u64>)>,
    uptime: u64,
}

const DUPLICATE: &str = "Could not execute Write_rows event on table a.b; Duplicate entry '7' for key 'PRIMARY', \
    Error_code: 1062; the event's master log bin.000001, end_log_pos 35279";
const REFUSED: &str = "error connecting to master 'repl@db1:3306' - retry-time: 60 retries: 7";

impl Play {
    fn at(self, second: u64) -> Scene {
        let begun = second >= BEGINS;
        let since = if begun { second - BEGINS + 10 } else { 0 };
        let stands = |moves: bool| if begun && !moves { BEGINS - 10 } else { second };
        let (sql_runs, io_runs) = match self {
            Self::Healthy | Self::Recovery => (true, true),
            Self::Backup | Self::SqlError => (false, true),
            Self::IoStopped | Self::Connecting => (true, false),
        };
        let number = |number: u64| Some(number.to_string());
        let mut changed = vec![
            ("Read_Master_Log_Pos", number(5_000_000 + stands(io_runs) * 320)),
            ("Exec_Master_Log_Pos", number(3_000_000 + stands(sql_runs) * 320)),
            ("Relay_Log_Pos", number(1_000_000 + stands(sql_runs) * 320)),
            ("SQL_Delay", number(7200)),
        ];
        let text = |text: &str| Some(text.to_owned());
        if begun && !sql_runs {
            changed.extend([
                ("Slave_SQL_Running", text("No")),
                ("Slave_SQL_Running_State", text("")),
                ("Seconds_Behind_Master", None),
                ("SQL_Remaining_Delay", None),
            ]);
        }
        match self {
            Self::IoStopped if begun => {
                changed.extend([("Slave_IO_Running", text("No")), ("Slave_IO_State", text(""))]);
            }
            Self::SqlError if begun => changed.extend([
                ("Last_Errno", number(1062)),
                ("Last_Error", text(DUPLICATE)),
                ("Last_SQL_Errno", number(1062)),
                ("Last_SQL_Error", text(DUPLICATE)),
            ]),
            Self::Connecting if begun => changed.extend([
                ("Slave_IO_Running", text("Connecting")),
                ("Slave_IO_State", text("Reconnecting after a failed master event read")),
                ("Last_IO_Errno", number(2003)),
                ("Last_IO_Error", text(REFUSED)),
                ("Seconds_Behind_Master", None),
            ]),
            _ => {}
        }
        let start = u64::try_from(START.as_micros()).unwrap() / 1_000_000;
        let age = match self {
            Self::Recovery => 16_408_000_000 - second * 500_000,
            _ if sql_runs => 7_200_000_000,
            _ => 7_200_000_000 + since * 1_000_000,
        };
        let job = match self {
            Self::Backup if begun => Some((start + BEGINS - 10, None)),
            Self::Recovery => Some((start - 9_208, Some(start - 100))),
            _ => None,
        };
        let queued = if io_runs { 0 } else { since * 1_000_000 };
        Scene { changed, age, queued, job, uptime: 500_000 + second }
    }
}

fn rows(columns: &[&str], rows: Vec<Vec<Option<String>>>) -> Answer {
    Answer::Rows(columns.iter().map(|name| (*name).to_owned()).collect(), rows)
}

/// What a server of that version answers.
fn says(version: &str, spelling: Spelling, status: &str, scene: &Scene, sql: &str) -> Answer {
    let mariadb = spelling == Spelling::MariaDbAll;
    let text = |text: &str| Some(text.to_owned());
    if sql.starts_with("SET SESSION time_zone") {
        return Answer::Done;
    }
    if sql == status {
        let value = |(name, value): &(String, String)| {
            let changed = scene.changed.iter().find(|(old, _)| spelling.spelled(old) == *name);
            changed
                .map_or_else(|| Some(value.clone()), |(_, value)| value.as_deref().map(|text| spelling.spelled(text)))
        };
        let row = spelling.row();
        let values = row.iter().map(value).collect();
        return Answer::Rows(row.into_iter().map(|(name, _)| name).collect(), vec![values]);
    }
    if sql.starts_with("SELECT @@server_id AS server_id") {
        let mut columns = vec!["server_id", "read_only", "version", "account"];
        let mut row = vec![text("2"), text("1"), text(version), text("firn@127.0.0.1")];
        // MariaDB takes it for a comment.
        if !mariadb {
            columns.push("server_uuid");
            row.push(text("9c2e0b1a-71ca-11e1-9e33-c80aa9429562"));
        }
        return rows(&columns, vec![row]);
    }
    if sql.starts_with("SELECT server_id AS writer, ts, TIMESTAMPDIFF(") {
        let ts = format!("2026-11-22T05:51:31.{:06}", scene.age % 1_000_000);
        return rows(&["writer", "ts", "age"], vec![vec![text("1"), Some(ts), Some(scene.age.to_string())]]);
    }
    if sql == "SHOW GLOBAL STATUS LIKE 'Uptime'" {
        return rows(&["Variable_name", "Value"], vec![vec![text("Uptime"), Some(scene.uptime.to_string())]]);
    }
    if sql.starts_with("SELECT c.CHANNEL_NAME AS channel") && version.starts_with(['8', '9']) {
        let (queued, applied) = (Some(scene.queued.to_string()), Some(scene.age.to_string()));
        return rows(&["channel", "queued", "applied"], vec![vec![text(""), queued, applied]]);
    }
    if sql == "SELECT class, started, ended FROM ops.jobs" {
        let job = scene
            .job
            .iter()
            .map(|(start, end)| vec![text("backup"), Some(start.to_string()), end.map(|end| end.to_string())]);
        return rows(&["class", "started", "ended"], job.collect());
    }
    Answer::Refused(1064, format!("You have an error in your SQL syntax near '{sql}'"))
}

/// Plays it against a server: the last look, and all verdicts.
async fn played(
    play: Play,
    (version, spelling, status): (&'static str, Spelling, &'static str),
) -> (Seen, Vec<Verdict>) {
    let scene = Arc::new(Mutex::new(Scene::default()));
    let shown = Arc::clone(&scene);
    let port = serve(version, Arc::new(move |sql: &str| says(version, spelling, status, &shown.lock().unwrap(), sql)));
    let mut watch = watched(Server::new("127.0.0.1", port, "firn", None, Tls::Off), table("percona"));
    watch.jobs_query = Some("SELECT class, started, ended FROM ops.jobs".to_owned());
    let probe = MysqlProbe::new(watch, Clock::system());
    let (mut unit, limits, asked) = (Unit::default(), Limits::default(), Asked::by_worker(false, false));
    let (mut verdicts, mut last) = (Vec::new(), Seen::default());
    for second in (0..=ENDS).step_by(10) {
        *scene.lock().unwrap() = play.at(second);
        let seen = look(&probe).await.unwrap_or_else(|e| panic!("{version}, {play:?} at {second}: {e}"));
        let jobs = seen.jobs.clone();
        let at = START.plus(Duration::from_secs(second));
        verdicts.push(unit.look(&Look { at, seen: Ok(seen.clone()) }, &limits, &jobs, &asked).1);
        last = seen;
    }
    probe.close().await;
    (last, verdicts)
}

/// What a verdict says, in the words of servers of before.
fn said(verdict: &Verdict) -> Vec<(Severity, u8, String)> {
    let words =
        |text: &str| text.replace("source 'repl@", "master 'repl@").replace("event's source log", "event's master log");
    let all = verdict.matches.iter().map(|found| (found.severity, found.rule.0, words(&found.text)));
    let hint = verdict.hint.iter().map(|hint| (verdict.severity, 0, words(hint)));
    std::iter::once((verdict.severity, verdict.rule.0, words(&verdict.text))).chain(all).chain(hint).collect()
}

#[tokio::test]
async fn every_server_is_judged_alike_whatever_its_words() {
    use Severity::{Critical, Ok as Fine, Warning};
    for (play, severity, rule, text) in [
        (Play::Healthy, Fine, 16, "delay 7200 s, slope +0.000 s/s, r –"),
        (Play::Backup, Warning, 14, "Active backup 300 s of 64800 s; intercept "),
        (
            Play::Recovery,
            Warning,
            17,
            "Replication delay intercept is out of bounds, currently in recovery window for backup which completed 1000 \
             seconds ago: ",
        ),
        (Play::IoStopped, Critical, 7, "IO thread stopped: nothing is received; START REPLICA IO_THREAD"),
        (Play::SqlError, Critical, 5, "SQL thread error 1062: Could not execute Write_rows event on table a.b; "),
        (
            Play::Connecting,
            Critical,
            6,
            "IO thread error 2003 for 290 s: error connecting to master 'repl@db1:3306' - retry-time: 60 retries: 7",
        ),
    ] {
        let (_, first) = played(play, SERVERS[0]).await;
        let newest = &said(first.last().unwrap())[0];
        assert_eq!((newest.0, newest.1), (severity, rule), "{play:?}: {newest:?}");
        assert!(newest.2.starts_with(text), "{play:?}: {newest:?}");
        for server in &SERVERS[1..] {
            let (_, verdicts) = played(play, *server).await;
            assert_eq!(verdicts.len(), first.len());
            for (verdict, first) in verdicts.iter().zip(&first) {
                assert_eq!(said(verdict), said(first), "{play:?} on {} at {}", server.0, verdict.at);
            }
        }
    }
}

/// The servers do differ in what they show: it is the probe that makes them alike.
#[tokio::test]
async fn what_each_server_shows_beside_is_its_own() {
    for server in SERVERS {
        let (seen, _) = played(Play::Connecting, server).await;
        assert_eq!(seen.notes, Vec::<String>::new(), "{server:?}");
        assert_eq!(seen.version.as_deref(), Some(server.0));
        let (mariadb, new) = (server.1 == Spelling::MariaDbAll, server.1 == Spelling::MySql84);
        assert_eq!(seen.server_uuid.is_some(), !mariadb, "{server:?}");
        let status = seen.status.unwrap();
        assert_eq!(status.channel, if mariadb { "ops" } else { "" }, "{server:?}");
        assert_eq!(status.queued_age.is_some(), server.0.starts_with(['8', '9']), "{server:?}");
        let gtids = if mariadb { "0-1-117" } else { "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-100," };
        assert!(status.executed_gtid.unwrap().starts_with(gtids), "{server:?}");
        assert!(status.io_error.unwrap().contains(if new { "to source" } else { "to master" }), "{server:?}");
    }
}
