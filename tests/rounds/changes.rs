//! What changes while a plan runs, and a vault that refuses for hours.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use firn::base::{Money, Severity};
use firn::restore::findings;
use firn::store::{PartState, PlanState};
use firn::vault::Tier;
use firn::vault::fake::Fault;

use crate::kit::{Plot, Site, fill_small, same, tree};

const STANDARD: Option<Tier> = Some(Tier::Standard);

/// Ten small files, lost, and a plan for them.
fn lost() -> (Site, std::collections::BTreeMap<std::path::PathBuf, crate::kit::Look>, String) {
    let site = Site::built(Plot::glacier());
    let before = fill_small(&site, 10, 20_000);
    let everything = format!("everything: {}/", site.path("back").display());
    (site, before, everything)
}

fn jobs_kept(site: &Site) -> i64 {
    let state = rusqlite::Connection::open(site.path("firn.db")).unwrap();
    state.query_row("SELECT count(*) FROM retrieval", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_vault_that_refuses_for_hours_is_told_and_asked_less_and_less_and_then_gives_all() {
    let (site, before, everything) = lost();
    let plan = site.confirmed(&everything, STANDARD);
    site.weather(&[Fault::Outage]);
    let worker = site.start(Arc::clone(&site.services), None);
    let held = |site: &Site| {
        let now = site.ask(site.store.now()).unwrap();
        let found = site.ask(findings::gather(&*site.store, now)).unwrap();
        found.into_iter().find(|finding| finding.key.rule == "restore.held")
    };
    site.drive("it was refused", || held(&site).is_some());
    let found = held(&site).unwrap();
    assert_eq!((found.severity, found.key.object.as_str()), (Severity::Warning, "plan 1"));
    assert!(found.value.contains("ServiceUnavailableException"), "{found:?}");
    site.pass(Duration::from_hours(2));
    let found = held(&site).unwrap();
    assert_eq!(found.severity, Severity::Critical);
    let part = site.ask(site.store.plan_parts_page(plan.id, None, 9)).unwrap().remove(0);
    // 1, 2, 4 and 8 minutes, then every quarter of an hour.
    assert!((9..=13).contains(&part.attempts), "{}", part.attempts);
    assert!(found.value.ends_with(&format!("(refused {} times)", part.attempts)), "{found:?}");
    assert!(matches!(part.state, PartState::Waiting | PartState::Asked), "{part:?}");
    assert!(jobs_kept(&site) <= 2, "refusals are not kept one by one: {}", jobs_kept(&site));
    assert_eq!((site.row(plan.id).spent, site.row(plan.id).state), (Money::ZERO, PlanState::Running));
    site.weather(&[]);
    site.drive("all of it is there", || site.over(&[plan.id]));
    site.end(&worker);
    same(&before, &tree(&site.path("back")));
    assert_eq!(held(&site), None);
}

#[test]
fn a_tariff_that_is_edited_counts_for_a_worker_that_runs_and_stops_plans_of_before() {
    let (site, before, everything) = lost();
    let old = site.plan(firn::services::Order::Text(everything.as_str().into()), STANDARD);
    let worker = site.start(Arc::clone(&site.services), None);
    site.pass(Duration::from_secs(5));
    // A file that cannot be read changes nothing.
    let path = site.path("dear.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "nonsense").unwrap();
    assert_eq!(site.confirm(&old), firn::store::Confirmed::Yes);
    site.drive("the plan of before ran by the tariff of before", || site.over(&[old.id]));
    assert_eq!((site.row(old.id).delivered, site.row(old.id).failed), (10, 0));
    fs::remove_dir_all(site.path("back")).unwrap();
    fs::write(&path, &text).unwrap();
    site.pass(Duration::from_hours(40));
    let stale = site.plan(firn::services::Order::Text(everything.as_str().into()), STANDARD);
    // Every price goes up between the price and the asking.
    let mut dearer = String::new();
    for line in text.lines() {
        let value = line.strip_prefix("value = \"").and_then(|rest| rest.strip_suffix('"'));
        let dearer_value = value.map(|value| Money::from_nanos(Money::parse(value).unwrap().nanos() / 10 * 11).exact());
        dearer.push_str(&dearer_value.map_or_else(|| line.to_owned(), |value| format!("value = \"{value}\"")));
        dearer.push('\n');
    }
    fs::write(&path, dearer).unwrap();
    assert_eq!(site.confirm(&stale), firn::store::Confirmed::Yes);
    site.drive("it is stopped", || site.over(&[stale.id]));
    let row = site.row(stale.id);
    assert_eq!((row.delivered, row.parts_stopped, row.spent), (0, 1, Money::ZERO));
    let why = site.files(stale.id, true)[0].reason.clone().unwrap();
    assert!(why.ends_with("has changed since the plan was made; a supplement plan prices it anew"), "{why}");
    // And the supplement is carried out, by the same worker.
    let rest = site.plan(firn::services::Order::RestOf(stale.id), STANDARD);
    assert!(rest.totals.as_ref().unwrap().price > stale.totals.as_ref().unwrap().price);
    assert_eq!(site.confirm(&rest), firn::store::Confirmed::Yes);
    site.drive("the supplement is delivered", || site.over(&[rest.id]));
    site.end(&worker);
    same(&before, &tree(&site.path("back")));
}
