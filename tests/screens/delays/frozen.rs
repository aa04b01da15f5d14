//! What becomes of the deeds by which a replica is frozen, ticked and resumed.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Clock;
use firn::base::host::ProcessIdentity;
use firn::config::Config;
use firn::console::answer;
use firn::console::effect::{Deed, FreezeOf, Query};
use firn::console::msg::Reply;
use firn::delay::freeze::record::Phase;
use firn::delay::freeze::statement::Statement;
use firn::delay::freeze::steps::Step;
use firn::demo::{self, DemoOptions};
use firn::services::Services;
use firn::store::sqlite::SqliteStore;

use crate::kit::NOW;

/// A replica of a configuration, over a state of its own, without an account that may stop it.
#[tokio::test]
async fn without_an_account_nothing_is_begun() {
    let home = tempfile::tempdir().unwrap();
    let text =
        "[[replica]]\nname = \"db14\"\nhost = \"db14.example.com\"\nuser = \"firn\"\npassword = \"env:FIRN_TEST\"\n";
    let config = Config::parse(Some((&home.path().join("firn.toml"), text)), &[], &[]).unwrap();
    let (clock, _) = Clock::manual(NOW);
    let store = SqliteStore::open(&home.path().join("firn.db"), clock.clone(), true).unwrap();
    let services = Arc::new(Services::over(config, clock, Arc::new(store), ProcessIdentity::own()));
    let why = "db14 has no account that may stop its threads; set freeze_user and freeze_password for it ([[replica]], its group, or [delay])";
    let query = Query::Freeze { name: "db14".to_owned(), look: true, ended: false };
    let Reply::Freeze(_, Ok(found)) = answer::ask(Arc::clone(&services), "robin", query).await else { panic!() };
    assert_eq!((found.cannot.as_deref(), found.record.is_none(), found.line.is_none()), (Some(why), true, true));
    let of = FreezeOf { replica: "db14".to_owned(), statement: Statement::default(), facts: None };
    let act = |deed| answer::act(Arc::clone(&services), "robin".to_owned(), deed);
    assert_eq!(act(Deed::Freeze(Box::new(of))).await.unwrap_err(), why);
    assert_eq!(act(Deed::Resume("db14".to_owned())).await.unwrap_err(), why);
    assert!(services.store.freezes_open().await.unwrap().is_empty());
    let tick = Deed::FreezeTick { replica: "db14".to_owned(), step: Step::Removed, done: true };
    let said = act(tick).await.unwrap_err();
    assert_eq!(said, "db14 is not frozen, and is not being frozen; begin with: firn delay freeze db14");
}

/// Does a deed in a demo, while its time is stepped so far; what is said of it.
fn act(services: &Arc<Services>, driver: &demo::DemoDriver, until: u64, deed: Deed) -> Result<String, String> {
    let said = Arc::new(std::sync::Mutex::new(None));
    let (told, shared) = (Arc::clone(&said), Arc::clone(services));
    drop(services.spawn(async move {
        let done = answer::act(shared, "robin on db-ops-1".to_owned(), deed).await;
        *told.lock().unwrap() = Some(done);
    }));
    driver.run_until(Duration::from_secs(until));
    let done = said.lock().unwrap().take();
    done.expect("it is answered by then")
}

#[test]
fn a_replica_is_frozen_ticked_and_resumed_and_all_of_it_is_recorded() {
    let asked = DemoOptions {
        scenario: Some("delay".to_owned()),
        until: Some(Duration::ZERO),
        threads: Some(1),
        ..DemoOptions::default()
    };
    let (services, driver) = Services::demo(&asked).unwrap();
    let services = Arc::new(services);
    driver.run_until(Duration::from_secs(30));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let name = services.replicas().remove(0).name;
    let read = |ended| {
        let query = Query::Freeze { name: name.clone(), look: true, ended };
        match runtime.block_on(answer::ask(Arc::clone(&services), "robin", query)) {
            Reply::Freeze(_, Ok(found)) => *found,
            other => panic!("{other:?}"),
        }
    };
    let before = read(false);
    assert!(before.record.is_none() && before.cannot.is_none() && before.facts.is_some(), "{before:?}");
    assert_eq!(before.line.unwrap().sight.sql, Some(true), "{name}");
    // Without the server's settings: they are read when it stands.
    let of = FreezeOf { replica: name.clone(), statement: Statement::default(), facts: None };
    let said = act(&services, &driver, 400, Deed::Freeze(Box::new(of))).unwrap();
    assert!(said.starts_with(&format!("{name}: frozen since ")), "{said}");
    let record = *read(false).record.unwrap();
    assert_eq!((record.phase, record.asked.who.as_str()), (Phase::Frozen, "robin on db-ops-1"));
    let proof = record.proof.as_ref().unwrap();
    assert!(proof.first.stands() && proof.last.stands() && proof.last.at.since(proof.first.at) >= record.gap);
    assert!(record.facts.is_some());
    let tick = |done| Deed::FreezeTick { replica: name.clone(), step: Step::Removed, done };
    let said = act(&services, &driver, 402, tick(true)).unwrap();
    assert!(said.starts_with(&format!("{name}: step removed done, elapsed ")), "{said}");
    assert_eq!(read(false).record.unwrap().ticked(Step::Removed).unwrap().who, "robin on db-ops-1");
    act(&services, &driver, 404, tick(false)).unwrap();
    assert!(read(false).record.unwrap().ticked(Step::Removed).is_none());
    let said = act(&services, &driver, 430, Deed::Resume(name.clone())).unwrap();
    assert!(said.starts_with(&format!("{name}: resumed at ")), "{said}");
    assert!(read(false).record.is_none());
    let over = *read(true).record.unwrap();
    assert_eq!(over.phase, Phase::Resumed);
    assert_eq!(over.last.unwrap().sql, Some(true));
    let said = act(&services, &driver, 432, Deed::Resume(name.clone())).unwrap_err();
    assert_eq!(said, format!("{name} is not frozen, and is not being frozen; begin with: firn delay freeze {name}"));
    let events = runtime.block_on(services.store.events(None, 1_000)).unwrap();
    let told: Vec<&str> =
        events.iter().map(|row| row.event.what.as_str()).filter(|what| what.starts_with("freeze.")).collect();
    for wanted in ["freeze.begun", "freeze.frozen", "freeze.step", "freeze.resume", "freeze.resumed"] {
        assert!(told.contains(&wanted), "{wanted} in {told:?}");
    }
}
