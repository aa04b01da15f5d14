//! A real pair of MariaDB: frozen and resumed, by the command line and against a script.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firn::base::host::ProcessIdentity;
use firn::base::{Clock, Time};
use firn::config::Config;
use firn::console::answer;
use firn::console::effect::{Deed, FreezeOf};
use firn::delay::connect::{Link, Server, Tls};
use firn::delay::freeze::keeper::{FRESH, Keeper, Kept};
use firn::delay::freeze::machine::Act;
use firn::delay::freeze::mysql::MysqlThreads;
use firn::delay::freeze::orders;
use firn::delay::freeze::record::Asked;
use firn::delay::freeze::sight::Sight;
use firn::delay::freeze::statement::Statement;
use firn::delay::freeze::threads::Threads;
use firn::delay::freeze::told;
use firn::services::Services;
use firn::store::sqlite::SqliteStore;
use rustix::process::Signal;
use serde_json::Value;

use super::kit::{firn, run};
use super::support::child::Child;
use super::support::mariadb::{Mariadb, Pair};
use super::support::waiting::{LONG, eventually, in_time};

const GAP: Duration = Duration::from_secs(2);

/// An account with what a freeze needs and nothing else.
pub fn account(server: &Mariadb) {
    server.sql(
        "SET SESSION sql_log_bin=0; CREATE USER IF NOT EXISTS 'freezer'@'127.0.0.1'; \
         GRANT REPLICATION SLAVE ADMIN, SLAVE MONITOR ON *.* TO 'freezer'@'127.0.0.1'",
    );
}

fn threads(server: &Mariadb, user: &str) -> MysqlThreads {
    let link = Link::new(Server::new("127.0.0.1", server.port(), user, None, Tls::Off));
    MysqlThreads::new(link, Clock::system(), "db14", None)
}

pub fn both(server: &Mariadb) -> (String, String) {
    (server.status("Slave_IO_Running").unwrap(), server.status("Slave_SQL_Running").unwrap())
}

pub fn no() -> (String, String) {
    ("No".to_owned(), "No".to_owned())
}

pub fn place(server: &Mariadb) -> String {
    let text = server.sql("SHOW MASTER STATUS");
    let mut fields = text.split('\t');
    format!("{}:{}", fields.next().unwrap(), fields.next().unwrap())
}

/// Received all that the primary has written, as the primary counts.
pub fn received(pair: &Pair) {
    let at = place(&pair.primary);
    eventually(LONG, "all is received", || {
        let file = pair.replica.status("Master_Log_File")?;
        let read = pair.replica.status("Read_Master_Log_Pos")?;
        (format!("{file}:{read}") == at).then_some(())
    });
}

fn keeper(dir: &tempfile::TempDir) -> Keeper {
    let clock = Clock::system();
    let store = SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap();
    Keeper { store: Arc::new(store), clock, own: "firn on db1".to_owned() }
}

fn asked() -> Asked {
    Asked {
        replica: "db14".to_owned(),
        channel: String::new(),
        external: false,
        gap: GAP,
        statement: Statement::default(),
        degraded: None,
        who: "anna".to_owned(),
        loss: None,
        facts: None,
    }
}

/// Tends until it is as is wanted; each round is shown to `each`.
async fn tend(keeper: &Keeper, kept: &Kept, threads: &dyn Threads, mut wanted: impl FnMut(&Kept) -> bool) -> Kept {
    in_time(LONG, "the freeze is as is wanted", async || {
        let kept = keeper.tend(kept.id, threads).await.unwrap().unwrap().kept;
        wanted(&kept).then_some(kept)
    })
    .await
}

fn is_frozen(kept: &Kept) -> bool {
    told::is_frozen(&kept.record, Clock::system().now(), FRESH)
}

/// Ends the script, however the test ends.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_against_a_script_and_resumed() {
    let pair = Arc::new(Pair::start(0));
    account(&pair.replica);
    pair.primary.sql("CREATE DATABASE live; CREATE TABLE live.a (id INT PRIMARY KEY)");
    let (dir, threads) = (tempfile::tempdir().unwrap(), threads(&pair.replica, "freezer"));
    let keeper = keeper(&dir);
    let kept = keeper.begin(asked()).await.unwrap();
    let kept = tend(&keeper, &kept, &threads, is_frozen).await;
    assert_eq!(both(&pair.replica), no());
    let proof = kept.record.proof.clone().unwrap();
    assert!(proof.last.at.since(proof.first.at) >= GAP);
    let (file, at) =
        (pair.replica.status("Relay_Master_Log_File").unwrap(), pair.replica.status("Exec_Master_Log_Pos").unwrap());
    assert_eq!(proof.last.place_words(), format!("{file}:{at}"));
    let before = kept.record.before.as_ref().unwrap();
    assert_eq!(before.sql, Some(true));

    // Somebody's script starts the SQL thread each second, and the primary goes on writing.
    let over = Over(Arc::new(AtomicBool::new(false)));
    let (script_over, script_pair) = (Arc::clone(&over.0), Arc::clone(&pair));
    let script = std::thread::spawn(move || {
        let clock = Clock::system();
        while !script_over.load(Ordering::Relaxed) {
            script_pair.replica.sql("START SLAVE SQL_THREAD");
            clock.pause(Duration::from_secs(1));
        }
    });
    let kept = tend(&keeper, &kept, &threads, |kept| {
        // A look that saw it run is never one that says frozen.
        assert!(!is_frozen(kept) || kept.record.last.as_ref().is_some_and(Sight::stands));
        kept.record.restarts >= 5
    })
    .await;
    drop(over);
    script.join().unwrap();
    let kept = tend(&keeper, &kept, &threads, is_frozen).await;
    assert_eq!(both(&pair.replica), no());
    let stands = pair.replica.status("Exec_Master_Log_Pos");
    pair.primary.sql("INSERT INTO live.a VALUES (1)");
    let later = tend(&keeper, &kept, &threads, |_| true).await;
    assert!(is_frozen(&later));
    assert_eq!(pair.replica.status("Exec_Master_Log_Pos"), stands);

    keeper.order("db14", "anna", |record, now| orders::ask_resume(record, "anna", now)).await.unwrap();
    let ended = tend(&keeper, &later, &threads, |kept| kept.ended).await;
    assert!(ended.ended);
    eventually(LONG, "what was written meanwhile is there", || {
        (pair.replica.sql("SELECT COUNT(*) FROM live.a") == "1").then_some(())
    });
    assert_eq!(both(&pair.replica), ("Yes".to_owned(), "Yes".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_lacks_a_privilege_is_told_which() {
    let pair = super::support::mariadb::shared();
    pair.replica.sql(
        "SET SESSION sql_log_bin=0; CREATE USER IF NOT EXISTS 'sees'@'127.0.0.1'; GRANT SLAVE MONITOR ON *.* TO 'sees'@'127.0.0.1'; \
         CREATE USER IF NOT EXISTS 'blind'@'127.0.0.1'; GRANT REPLICATION SLAVE ADMIN ON *.* TO 'blind'@'127.0.0.1'",
    );
    let sees = threads(&pair.replica, "sees");
    assert_eq!(sees.look(Time::from_secs(1)).await.unwrap().sql, Some(true));
    let said = sees.perform(&Act::StopSql).await.unwrap_err().to_string();
    assert!(
        said.contains("error 1227")
            && said.ends_with("lacks REPLICATION SLAVE ADMIN: GRANT REPLICATION SLAVE ADMIN ON *.* TO sees"),
        "{said}"
    );
    let said = threads(&pair.replica, "blind").look(Time::from_secs(1)).await.unwrap_err().to_string();
    assert!(
        said.contains("error 1227") && said.ends_with("lacks REPLICA MONITOR: GRANT REPLICA MONITOR ON *.* TO blind"),
        "{said}"
    );
    assert_eq!(both(&pair.replica).1, "Yes", "nothing was stopped");
    let said = threads(&pair.primary, "root").look(Time::from_secs(1)).await.unwrap_err().to_string();
    assert!(said.contains("is not a replica (any more)"), "{said}");
}

/// The command line over a state and a configuration of its own.
pub struct Cli {
    pub dir: tempfile::TempDir,
}

impl Cli {
    pub fn new(replica: &Mariadb) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "[state]\nurl = \"sqlite:firn.db\"\n\n[[replica]]\nname = \"db14\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"root\"\n\
             freeze_user = \"freezer\"\ntls = \"off\"\ntool_interval = \"2s\"\n",
            replica.port()
        );
        std::fs::write(dir.path().join("firn.toml"), config).unwrap();
        Self { dir }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(self.dir.path(), args)
    }

    fn start(&self, args: &[&str]) -> Child {
        Child::start(&mut firn(self.dir.path(), args))
    }

    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {out}\n{err}");
        out
    }

    pub fn json(&self) -> Value {
        let (_, out, err) = self.run(&["delay", "frozen", "db14", "--json"]);
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        value["freezes"][0].clone()
    }
}

/// The SQL that firn offers, in its order.
fn sql_of(freeze: &Value) -> Vec<String> {
    let all = freeze["commands"].as_array().unwrap();
    let sql = all.iter().filter(|command| command["at"] == "sql");
    sql.map(|command| command["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_emergency_on_the_command_line() {
    let pair = Pair::start(15);
    account(&pair.replica);
    pair.primary.sql("CREATE DATABASE live; CREATE TABLE live.a (id INT PRIMARY KEY)");
    pair.primary.sql("INSERT INTO live.a VALUES (1), (2)");
    let bad = place(&pair.primary);
    pair.primary.sql("DELETE FROM live.a");
    pair.primary.sql("INSERT INTO live.a VALUES (3)");
    received(&pair);
    let cli = Cli::new(&pair.replica);

    // Nobody can be asked: nothing is done.
    let (code, _, err) = cli.run(&["delay", "freeze", "db14", "--position", &bad]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("needs --yes where nobody can be asked; nothing was done"), "{err}");
    assert_eq!(both(&pair.replica).1, "Yes");

    let said = cli.ok(&["delay", "freeze", "db14", "--position", &bad, "--yes"]);
    assert_eq!(both(&pair.replica), no());
    for part in [
        "threads IO Yes, SQL Yes",
        &format!("statement at {bad}: not yet applied"),
        "relay_log_recovery is OFF",
        "done: stop the SQL thread",
        "frozen since",
        "[x] T+5   stopped",
        "anna on ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The report of all replicas tells of it in fields, beside its words.
    let (_, out, err) = cli.run(&["delay", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    let replica = &value["replicas"][0];
    assert!(replica["frozen"].as_str().unwrap().starts_with("frozen since "), "{out}");
    let told = replica["freeze"].as_object().unwrap();
    let (file, at) =
        (pair.replica.status("Relay_Master_Log_File").unwrap(), pair.replica.status("Exec_Master_Log_Pos").unwrap());
    for (field, value) in [
        ("state", Value::from("frozen")),
        ("proven", true.into()),
        ("why", Value::Null),
        ("statement", format!("at {bad}").into()),
        ("file", file.into()),
        ("position", at.parse::<u64>().unwrap().into()),
    ] {
        assert_eq!(told[field], value, "{field}: {out}");
    }
    assert!(told["who"].as_str().unwrap().starts_with("anna on "), "{out}");

    let freeze = cli.json();
    assert_eq!(told["since"], freeze["frozen_at"]);
    assert_eq!((&freeze["frozen"], &freeze["state"]), (&Value::Bool(true), &Value::from("frozen")));
    assert_eq!((&freeze["statement"]["applied"], &freeze["restarts"]), (&Value::from("not_yet"), &Value::from(0)));
    assert_eq!(freeze["last"]["sql_running"], Value::Bool(false));

    let (code, _, err) = cli.run(&["delay", "resume", "db14", "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("--lets-it-apply says that this is meant. Nothing was done"), "{err}");
    assert_eq!(both(&pair.replica), no());

    // Up to the statement and no further.
    cli.ok(&["delay", "resume", "db14", "--until", &bad, "--yes"]);
    assert_eq!(both(&pair.replica), no());
    assert_eq!(pair.replica.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM live.a"), "1,2");
    assert_eq!(cli.json()["frozen"], Value::Bool(true));

    let said = cli.ok(&["delay", "freeze-step", "db14", "removed"]);
    assert!(said.contains("[x] T+35  removed"), "{said}");
    let said = cli.ok(&["delay", "freeze-loss", "db14", "10000", "--rebuild", "20h"]);
    assert!(said.contains("$10,000.00 an hour × 20 h × 100 % = $200,000.00"), "{said}");

    // Past it by hand, with the command that firn offers.
    cli.ok(&["delay", "resume", "db14", "--by-hand", "--yes"]);
    pair.replica.sql(sql_of(&freeze).last().unwrap());
    eventually(LONG, "the rest is applied", || {
        (pair.replica.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM live.a") == "1,2,3").then_some(())
    });

    // Frozen anew and resumed, for good.
    cli.ok(&["delay", "freeze", "db14", "--yes"]);
    assert_eq!(both(&pair.replica), no());
    let (code, _, err) = cli.run(&["delay", "freeze-step", "db14", "healed"]);
    assert_eq!(code, 2);
    assert!(err.contains("\"healed\" is no recovery step; there are degraded, stopped, removed"), "{err}");
    let said = cli.ok(&["delay", "resume", "db14", "--yes", "--lets-it-apply"]);
    assert!(said.contains("resumed (IO "), "{said}");
    eventually(LONG, "both run", || (both(&pair.replica) == ("Yes".to_owned(), "Yes".to_owned())).then_some(()));
    let (code, out, _) = cli.run(&["delay", "frozen"]);
    assert_eq!((code, out.trim()), (0, "no replica is frozen, or being frozen"));
    let (code, _, err) = cli.run(&["delay", "resume", "db14", "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("db14 is not frozen, and is not being frozen"), "{err}");
    let (code, _, err) = cli.run(&["--set", "console.read_only=true", "delay", "freeze", "db14", "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("this configuration is read-only"), "{err}");
    let (code, _, err) = cli.run(&["delay", "freeze", "db41", "--yes"]);
    assert_eq!(code, 2);
    assert!(err.contains("no replica \"db41\" is configured; did you mean \"db14\"?"), "{err}");
}

#[test]
fn who_watches_stops_it_again_until_it_is_resumed_or_the_watch_interrupted() {
    let pair = Pair::start(0);
    account(&pair.replica);
    let cli = Cli::new(&pair.replica);
    let watch = ["delay", "freeze", "db14", "--yes", "--watch"];
    let watches = "watching until db14 is resumed; interrupted, the workers (firn run) watch alone";
    let mut child = cli.start(&watch);
    child.says("frozen since ");
    child.says(watches);
    let before = child.said.len();
    assert_eq!(both(&pair.replica), no());
    pair.replica.sql("START SLAVE SQL_THREAD");
    child.says("something started the replica (IO No, SQL Yes)");
    child.says("  frozen since ");
    assert_eq!(both(&pair.replica), no());
    let told = child.said[before..].join("\n");
    assert!(!told.contains("freeze asked for by"), "what was told is told again: {told}");
    cli.ok(&["delay", "resume", "db14", "--yes"]);
    child.says("resumed at ");
    assert_eq!(child.ends(), Some(0));
    assert_eq!(both(&pair.replica), ("Yes".to_owned(), "Yes".to_owned()));

    // The freeze outlives its watch.
    let mut child = cli.start(&watch);
    child.says(watches);
    child.signal(Signal::INT);
    assert_eq!(child.ends(), Some(0), "it is frozen");
    assert_eq!((both(&pair.replica), &cli.json()["state"]), (no(), &Value::from("frozen")));
}

/// With GTIDs MariaDB deletes the relay log at a start: what firn offers instead brings back what the primary has lost.
#[test]
fn the_primary_is_lost_and_the_relay_log_is_all_there_is() {
    let mut pair = Pair::start(15);
    account(&pair.replica);
    pair.replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_USE_GTID=current_pos; START SLAVE");
    pair.primary.sql("CREATE DATABASE live; CREATE TABLE live.a (id INT PRIMARY KEY)");
    pair.primary.sql("INSERT INTO live.a VALUES (1), (2)");
    pair.primary.sql("DELETE FROM live.a");
    let gtid = pair.primary.sql("SELECT @@gtid_binlog_pos");
    pair.primary.sql("INSERT INTO live.a VALUES (3)");
    received(&pair);
    let cli = Cli::new(&pair.replica);
    let said = cli.ok(&["delay", "freeze", "db14", "--gtid", &gtid, "--yes"]);
    assert!(said.contains("starting either thread while both stand deletes the relay log"), "{said}");
    pair.primary.kill();

    // The command that finds it.
    let freeze = cli.json();
    let find = freeze["commands"][1]["text"].as_str().unwrap();
    let found = Command::new("sh").arg("-c").arg(find).output().unwrap();
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let at = found.lines().find_map(|line| line.split_once("# at ")).map(|(_, at)| at.trim().to_owned());
    let at = at.unwrap_or_else(|| panic!("{find}: {found}"));
    let bad = format!("{}:{at}", pair.replica.status("Relay_Log_File").unwrap());

    let (code, _, err) = cli.run(&["delay", "resume", "db14", "--until", &bad, "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("starting its SQL thread while both threads stand deletes the relay log"), "{err}");
    assert_eq!(both(&pair.replica), no());

    cli.ok(&["delay", "freeze", "db14", "--position", &bad, "--yes"]);
    let sql = sql_of(&cli.json());
    cli.ok(&["delay", "resume", "db14", "--by-hand", "--yes"]);
    let [keep, change, until, past] = sql.as_slice() else { panic!("{sql:?}") };
    for statement in [keep, change, until] {
        pair.replica.sql(statement);
    }
    let stood = eventually(LONG, "it stands before the statement", || {
        (both(&pair.replica).1 == "No").then(|| pair.replica.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM live.a"))
    });
    assert_eq!(stood, "1,2");
    pair.replica.sql(past);
    eventually(LONG, "the rest is applied, and the statement is not", || {
        (pair.replica.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM live.a") == "1,2,3").then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stopped_is_refused_and_the_only_channel_is_found() {
    let pair = Pair::start(0);
    account(&pair.replica);
    pair.replica.sql("CHANGE MASTER 'eu' TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='repl'");
    let cli = Cli::new(&pair.replica);
    let (code, _, err) = cli.run(&["delay", "freeze", "db14", "--yes"]);
    let why = format!(
        "127.0.0.1:{} has the channels \"\", \"eu\"; name the one to freeze, as in db14/eu. Nothing was done",
        pair.replica.port()
    );
    assert!(code == 1 && err.contains(&why), "{code}: {err}");
    assert_eq!(cli.run(&["delay", "frozen"]).1.trim(), "no replica is frozen, or being frozen");
    // Nor from the console.
    let home = cli.dir.path();
    let text = std::fs::read_to_string(home.join("firn.toml")).unwrap();
    let config = Config::parse(Some((&home.join("firn.toml"), &text)), &[], &[]).unwrap();
    let keeper = keeper(&cli.dir);
    let services = Services::over(config, Clock::system(), Arc::clone(&keeper.store), ProcessIdentity::own());
    let of = FreezeOf { replica: "db14".to_owned(), statement: Statement::default(), facts: None };
    let said = answer::act(Arc::new(services), "anna".to_owned(), Deed::Freeze(Box::new(of))).await.unwrap_err();
    assert_eq!(said, why);
    assert!(keeper.store.freezes_open().await.unwrap().is_empty());

    // Of one channel alone nobody need know the name; what is offered names it.
    pair.replica.sql("STOP SLAVE ''; RESET SLAVE '' ALL");
    cli.ok(&["delay", "freeze", "db14", "--yes"]);
    let freeze = cli.json();
    assert_eq!((&freeze["channel"], &freeze["frozen"]), (&Value::from("eu"), &Value::Bool(true)));
    let sql = sql_of(&freeze);
    assert!(sql.last().unwrap().ends_with("START SLAVE 'eu' SQL_THREAD;"), "{sql:?}");
    cli.ok(&["delay", "resume", "db14", "--no-start", "--yes"]);

    // What is no replica at all.
    pair.replica.sql("RESET SLAVE 'eu' ALL");
    let (code, _, err) = cli.run(&["delay", "freeze", "db14", "--yes"]);
    assert!(
        code == 1 && err.contains("is not a replica (any more): it has no replication configured"),
        "{code}: {err}"
    );
    assert_eq!(cli.run(&["delay", "frozen"]).1.trim(), "no replica is frozen, or being frozen");
}
