//! Jobs begun and ended from the console: what is asked, what then stands in the state.

use std::path::Path;
use std::sync::Arc;

use firn::base::Clock;
use firn::base::host::ProcessIdentity;
use firn::config::Config;
use firn::console::answer;
use firn::console::effect::{Deed, Effect, JobOf, Query};
use firn::console::msg::Reply;
use firn::console::overlay::{Focus, Overlay};
use firn::console::tabs::delay::Span;
use firn::services::Services;
use firn::store::sqlite::SqliteStore;

use super::{healthy, job, over, tab};
use crate::kit::{NOW, go, press, said, screen, top, type_in};
use firn::delay::snapshot::DelaySnapshot;

fn backup_of(replica: &str) -> JobOf {
    JobOf { replica: replica.to_owned(), channel: None, class: "backup".to_owned() }
}

#[test]
fn what_runs_comes_first_and_is_ended_after_a_question() {
    let mut model = tab();
    let at = model.delay.list.ids.iter().position(|id| id == "db11-delay").unwrap();
    model.delay.list.select(at);
    assert_eq!(press(&mut model, "w"), []);
    let text = screen(&model, (80, 24));
    for wanted in [
        "Jobs of db11-delay",
        "▸  end backup",
        "it has run for 2 h 33 min, at most 18 h",
        "start deshard",
        "at most 9 h",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    assert_eq!(press(&mut model, "enter"), []);
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!((confirm.focus, confirm.word.as_deref(), confirm.title.as_str()), (Focus::Cancel, None, "End backup"));
    let text = screen(&model, (80, 24));
    for wanted in ["backup on db11-delay", "nothing is stopped there", "6 h to recover in"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let effects = press(&mut model, "right enter");
    let [Effect::Do(_, Deed::JobEnd(job))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*job, backup_of("db11-delay"));
    // Until that is answered it is not asked for again.
    press(&mut model, "w");
    assert_eq!(press(&mut model, "enter"), []);
    let waits = "jobs.pick: backup on db11-delay: it was asked for and has not been answered yet";
    assert_eq!(said(&model), waits);
}

#[test]
fn a_job_of_a_channel_is_one_of_its_server_and_production_wants_a_word() {
    let mut model = tab();
    model.setup.production = true;
    let at = model.delay.list.ids.iter().position(|id| id == "db21-delay/archive").unwrap();
    model.delay.list.select(at);
    go(&mut model, "enter w down enter");
    let text = screen(&model, (140, 40));
    for wanted in
        ["Start deshard", "deshard on db21-delay", "for 9 h at most", "nothing is started there", "PRODUCTION"]
    {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    assert_eq!(press(&mut model, "right enter"), []);
    assert_eq!(said(&model), "type \"start\" to go on");
    type_in(&mut model, "start");
    let effects = press(&mut model, "enter");
    let [Effect::Do(_, Deed::JobStart(job))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((job.replica.as_str(), job.class.as_str()), ("db21-delay", "deshard"));
    assert_eq!(job.channel.as_deref(), Some("db21-delay/archive"), "where one of it may run");
    assert_eq!(top(&model), "replica");
}

#[test]
fn a_job_that_no_class_names_can_be_ended() {
    let mut line = healthy("db01-delay");
    line.jobs = vec![job("reindex", 600, None), job("deshard", 900, Some(60))];
    let mut model = over(DelaySnapshot { now: NOW, replicas: vec![line] });
    go(&mut model, "w");
    let text = screen(&model, (80, 24));
    assert!(text.contains("end reindex") && text.contains("it has run for 10 min, no limit"), "{text}");
    assert!(text.contains("start backup") && text.contains("start deshard"), "{text}");
    press(&mut model, "esc");
    assert_eq!(top(&model), "");
}

#[test]
fn a_read_only_console_begins_and_ends_nothing() {
    let mut model = tab();
    model.setup.read_only = true;
    assert_eq!(press(&mut model, "w"), []);
    assert_eq!(said(&model), "delay.job: this console is read-only ([console] read_only, or --read-only)");
    go(&mut model, "enter");
    assert_eq!(press(&mut model, "w"), []);
    assert_eq!(
        (top(&model), said(&model)),
        ("replica", "replica.job: this console is read-only ([console] read_only, or --read-only)")
    );
}

/// One replica of a configuration, over a state of its own.
fn services(home: &Path) -> Arc<Services> {
    let text =
        "[[replica]]\nname = \"db14\"\nhost = \"db14.example.com\"\nuser = \"firn\"\npassword = \"env:FIRN_TEST\"\n";
    let config = Config::parse(Some((&home.join("firn.toml"), text)), &[], &[]).unwrap();
    let (clock, _) = Clock::manual(NOW);
    let store = SqliteStore::open(&home.join("firn.db"), clock.clone(), true).unwrap();
    Arc::new(Services::over(config, clock, Arc::new(store), ProcessIdentity::own()))
}

#[tokio::test]
async fn what_is_confirmed_stands_in_the_state_and_twice_is_told() {
    let home = tempfile::tempdir().unwrap();
    let services = services(home.path());
    let act = |deed: Deed| answer::act(Arc::clone(&services), "robin on db-ops-1".to_owned(), deed);
    let said = act(Deed::JobEnd(backup_of("db14"))).await.unwrap_err();
    assert_eq!(
        said,
        "no backup on db14 was started by firn; a job that a query of yours tells ends where that reads it"
    );
    let said = act(Deed::JobStart(backup_of("db14"))).await.unwrap();
    assert_eq!(said, format!("backup on db14 runs since {NOW}"));
    let said = act(Deed::JobStart(backup_of("db14"))).await.unwrap_err();
    assert_eq!(said, format!("backup on db14 runs already, since {NOW} (by robin on db-ops-1)"));
    // The tab shows it, though nobody has judged the replica yet.
    let line = services.delays().await.unwrap().replicas.remove(0);
    assert_eq!((line.name.as_str(), line.jobs.len(), line.jobs[0].end), ("db14", 1, None));
    let said = act(Deed::JobEnd(backup_of("db14"))).await.unwrap();
    assert_eq!(said, "backup on db14 has ended after 0 s");
    let said = act(Deed::JobEnd(backup_of("db14"))).await.unwrap_err();
    assert_eq!(said, format!("backup on db14 has ended already, at {NOW} (by robin on db-ops-1)"));
    // One that began on a channel alone is ended from there.
    let of_channel = JobOf { channel: Some("db14/main".to_owned()), ..backup_of("db14") };
    act(Deed::JobStart(backup_of("db14/main"))).await.unwrap();
    let said = act(Deed::JobEnd(JobOf { channel: Some("db14/other".to_owned()), ..backup_of("db14") })).await;
    assert_eq!(said, Err(format!("backup on db14 has ended already, at {NOW} (by robin on db-ops-1)")));
    assert_eq!(act(Deed::JobEnd(of_channel)).await.unwrap(), "backup on db14 has ended after 0 s");
    // Its chart is asked for as the console does it.
    let query = Query::DelayChart { name: "db14".to_owned(), span: Span::Hour, until: NOW };
    let Reply::DelayChart(_, Ok(chart)) = answer::ask(Arc::clone(&services), "robin", query).await else { panic!() };
    assert_eq!((chart.to, chart.to.since(chart.from), chart.jobs.len()), (NOW, Span::Hour.length(), 1));
}
