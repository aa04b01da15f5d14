//! The command line where no server answers: what is recorded is told, and what lets a replica go asks.

use std::sync::Arc;

use firn::base::Clock;
use firn::delay::connect::{Link, Server, Tls};
use firn::delay::freeze::keeper::Keeper;
use firn::delay::freeze::mysql::MysqlThreads;
use firn::delay::freeze::orders;
use firn::delay::freeze::record::Phase;
use firn::delay::freeze::steps::Step;
use firn::store::NewFreeze;
use firn::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use super::kit::run;
use super::machine::asked;

/// A state and a configuration, and a port where nobody is.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = "[state]\nurl = \"sqlite:firn.db\"\n\n[[replica]]\nname = \"db14\"\nhost = \"127.0.0.1\"\nport = 1\n\
                    user = \"root\"\nfreeze_user = \"freezer\"\ntls = \"off\"\n";
        std::fs::write(dir.path().join("firn.toml"), text).unwrap();
        Self { dir }
    }

    fn keeper(&self) -> Keeper {
        let clock = Clock::system();
        let store = SqliteStore::open(&self.dir.path().join("firn.db"), clock.clone(), true).unwrap();
        Keeper { store: Arc::new(store), clock, own: "firn on db1".to_owned() }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(self.dir.path(), args)
    }
}

#[tokio::test]
async fn a_promotion_is_taken_back_only_by_whoever_agrees() {
    let home = Home::new();
    let keeper = home.keeper();
    keeper.begin(asked()).await.unwrap();
    let tick = |record: &_, now| orders::tick(record, Step::Promoted, true, "anna", now, now);
    keeper.order("db14", "anna", tick).await.unwrap();
    let phase = async || keeper.open_of("db14").await.unwrap().unwrap().record.phase;
    assert_eq!(phase().await, Phase::Released);
    let (code, _, err) = home.run(&["delay", "freeze-step", "db14", "promoted", "--undo"]);
    let why = "take the promotion back, so that both threads are stopped again, of needs --yes where nobody can be asked; nothing was done";
    assert!(code == 2 && err.contains(why), "{code}: {err}");
    assert_eq!(phase().await, Phase::Released);
    let (code, out, err) = home.run(&["delay", "freeze-step", "db14", "promoted", "--undo", "--yes"]);
    assert!(code == 0 && out.contains("[ ] T+40  promoted"), "{code}: {out}{err}");
    assert_eq!(phase().await, Phase::Asked);
    // In somebody's hands it stays there, so nobody is asked.
    keeper.order("db14", "anna", |record, now| orders::ask_by_hand(record, "anna", now)).await.unwrap();
    keeper.order("db14", "anna", tick).await.unwrap();
    let (code, _, err) = home.run(&["delay", "freeze-step", "db14", "promoted", "--undo"]);
    assert_eq!((code, phase().await), (0, Phase::Released), "{err}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other() {
    let home = Home::new();
    let keeper = home.keeper();
    let new = NewFreeze {
        replica: "db13".to_owned(),
        state: "thawing".to_owned(),
        body: "{}".to_owned(),
        who: "anna".to_owned(),
    };
    keeper.store.freeze_begin(new).await.unwrap();
    keeper.begin(asked()).await.unwrap();
    let (code, out, err) = home.run(&["delay", "frozen"]);
    assert_eq!(code, 2, "{err}");
    for part in [
        "db13: the record of the freeze of db13 cannot be read (missing field",
        "a newer firn may have written it: use that one\n",
        "db14: to be frozen; nothing is stopped yet",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, _) = home.run(&["delay", "frozen", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["severity"]), (2, &Value::from("CRITICAL")));
    assert_eq!(
        (&value["freezes"][0]["replica"], &value["freezes"][0]["state"]),
        (&Value::from("db13"), &Value::from("thawing"))
    );
    assert!(value["freezes"][0]["error"].as_str().unwrap().contains("cannot be read"));
    assert_eq!(
        (&value["freezes"][1]["replica"], &value["freezes"][1]["state"]),
        (&Value::from("db14"), &Value::from("asked"))
    );
}

#[tokio::test]
async fn the_report_of_replicas_tells_of_a_freeze_in_fields() {
    let freeze = |home: &Home| {
        let (_, out, err) = home.run(&["delay", "--json"]);
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        value["replicas"][0]["freeze"].clone()
    };
    let home = Home::new();
    let keeper = home.keeper();
    assert_eq!(freeze(&home), Value::Null);
    let kept = keeper.begin(asked()).await.unwrap();
    let since = kept.record.since.to_string();
    assert_eq!(
        freeze(&home),
        json!({
            "state": "asked", "proven": false, "since": since, "who": "anna on db1", "why": null,
            "statement": kept.record.statement.words(), "file": null, "position": null, "gtid": null,
        })
    );
    // Nobody is at its port.
    let link = Link::new(Server::new("127.0.0.1", 1, "freezer", None, Tls::Off));
    let threads = MysqlThreads::new(link, Clock::system(), "db14", None);
    let kept = keeper.tend(kept.id, &threads).await.unwrap().unwrap().kept;
    assert_eq!(kept.record.phase, Phase::StoppingSql);
    let told = freeze(&home);
    let why = told["why"].as_str().unwrap();
    assert!(why.starts_with("cannot stop the SQL thread: cannot reach 127.0.0.1:1"), "{why}");
    assert_eq!((&told["state"], &told["proven"]), (&"stopping_sql".into(), &false.into()));

    // One that cannot be read is one all the same.
    let home = Home::new();
    let new = NewFreeze {
        replica: "db14".to_owned(),
        state: "thawing".to_owned(),
        body: "{}".to_owned(),
        who: "berta".to_owned(),
    };
    home.keeper().store.freeze_begin(new).await.unwrap();
    let told = freeze(&home);
    assert!(told["why"].as_str().unwrap().contains("the freeze of db14 cannot be read"), "{told}");
    assert_eq!(
        (&told["state"], &told["proven"], &told["who"], &told["since"]),
        (&"thawing".into(), &false.into(), &"berta".into(), &Value::Null)
    );
}
