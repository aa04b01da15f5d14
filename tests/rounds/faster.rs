//! Retrievals that are made faster while they run, where the vault can: sooner in fact, paid for once, by a script that shares
//! nothing with firn; refused in words where it cannot.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firn::base::host::ProcessIdentity;
use firn::base::ids::PlanId;
use firn::base::{Money, Time};
use firn::services::{Faster, NotFaster, ServiceError};
use firn::store::{Hurried, PlanRow, PlanState, RetrievalRow, RetrievalState};
use firn::vault::Tier;
use firn::vault::fake::Fault;

use crate::door::Astray;
use crate::kit::{Dice, Look, Plot, Site, Worker, earlier, fill_small, lost_tree, same, tree};

const BULK: Option<Tier> = Some(Tier::Bulk);

fn able() -> Plot {
    Plot { upgrade: true, ..Plot::glacier() }
}

fn lost(plot: Plot, seed: u64) -> (Site, BTreeMap<PathBuf, Look>) {
    let site = Site::built(plot);
    let before = lost_tree(&site, &mut Dice(seed), 40);
    (site, before)
}

fn jobs(site: &Site) -> Vec<RetrievalRow> {
    site.ask(site.store.retrievals(None, 1000)).unwrap()
}

/// Everything, asked for in bulk: each job is under way.
fn under_way(site: &Site) -> (PlanRow, Worker) {
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), BULK);
    let worker = site.start(Arc::clone(&site.services), None);
    let wanted = plan.totals.as_ref().unwrap().jobs;
    site.drive("jobs are under way", || {
        let jobs = jobs(site);
        jobs.len() as u64 == wanted && jobs.iter().all(|job| job.state == RetrievalState::Asked)
    });
    (plan, worker)
}

fn offers(site: &Site, plan: PlanId) -> Vec<Faster> {
    let services = Arc::clone(&site.services);
    site.run(async move { services.faster(plan, None).await.unwrap() })
}

#[track_caller]
fn refused(site: &Site, plan: PlanId) -> NotFaster {
    let services = Arc::clone(&site.services);
    match site.run(async move { services.faster(plan, None).await }) {
        Err(ServiceError::NotFaster(why)) => why,
        other => panic!("nothing was to be made faster: {other:?}"),
    }
}

fn make(site: &Site, offer: &Faster) -> Hurried {
    let (services, offer) = (Arc::clone(&site.services), offer.clone());
    site.run(async move { services.make_faster(&offer, "cleo".to_owned()).await.unwrap() })
}

/// It ended, whole; how long after `began`.
#[track_caller]
fn ended(site: &Site, plan: PlanId, worker: &Worker, before: &BTreeMap<PathBuf, Look>, began: Time) -> Duration {
    site.drive("it is over", || worker.fell().is_some() || site.over(&[plan]));
    site.end(worker);
    let row = site.row(plan);
    let why: Vec<_> = site.files(plan, true).into_iter().map(|file| file.reason).collect();
    assert_eq!((row.state, row.failed), (PlanState::Ended, 0), "{why:?}");
    same(before, &tree(&site.path("back")));
    row.ended_at.unwrap().since(began)
}

/// What was set down is what the requests cost, but for what each part's sums are rounded up by.
#[track_caller]
fn paid(site: &Site, plan: PlanId, told: Money) {
    let row = site.row(plan);
    let totals = row.totals.unwrap();
    assert_eq!(site.reckoned(), told, "by the script");
    let beyond = row.spent.nanos() - told.nanos();
    let archives = i64::try_from(totals.archives).unwrap();
    assert!((0..=archives * 6).contains(&beyond), "{} was set down, {told} it cost", row.spent);
    assert!(row.spent <= totals.ceiling, "{} of {}", row.spent, totals.ceiling);
}

#[test]
fn jobs_are_made_faster_in_fact_and_cost_what_was_said() {
    let (site, before) = lost(able(), 60);
    let (plan, worker) = under_way(&site);
    let totals = plan.totals.clone().unwrap();
    let offers = offers(&site, plan.id);
    assert_eq!(offers.iter().map(|offer| offer.tier).collect::<Vec<_>>(), ["expedited", "standard"]);
    let offer = &offers[0];
    assert_eq!((offer.jobs.len() as u64, offer.bytes, offer.larger), (totals.jobs, totals.asked_bytes, 0));
    assert_eq!(offer.ceiling, totals.ceiling.plus(offer.price.amount));
    assert!(offers[1].price.amount < offer.price.amount);
    let used = site.ask(site.store.used("restore")).unwrap().day;
    let began = site.ask(site.store.now()).unwrap();
    let price = offer.price.amount;
    let hurried = Hurried::Yes { jobs: totals.jobs, left_out: 0, price, ceiling: offer.ceiling };
    assert_eq!(make(&site, offer), hurried);
    assert_eq!(site.ask(site.store.used("restore")).unwrap().day, used.plus(price), "set aside at once");
    site.drive("they are faster", || jobs(&site).iter().all(|job| job.tier.as_deref() == Some("expedited")));
    let took = ended(&site, plan.id, &worker, &before, began);
    println!("{took:?} for {price} more than {}", totals.price);
    assert!(took < Duration::from_mins(30), "in bulk it takes five hours at least: {took:?}");
    assert_eq!((site.billed("job").len(), site.billed("upgrade").len()), (offer.jobs.len(), offer.jobs.len()));
    // Both are paid for. What each job costs is rounded up by itself.
    let told = site.reckoned();
    let more = told.nanos() - totals.price.nanos();
    assert!((0..=i64::try_from(totals.jobs).unwrap() * 2).contains(&(price.nanos() - more)), "{price}, {more}");
    paid(&site, plan.id, told);
    let row = site.row(plan.id);
    assert_eq!((row.raised, row.totals.unwrap().ceiling), (price, offer.ceiling));
}

#[test]
fn who_joined_has_it_sooner_too() {
    let site = Site::built(able());
    let before = fill_small(&site, 6, 20_000);
    let line = |key: &PathBuf| format!("ugc:{} {}/", key.display(), site.path("back").display());
    let plans: Vec<PlanRow> = before.keys().map(|key| site.confirmed(&line(key), BULK)).collect();
    let ids: Vec<PlanId> = plans.iter().map(|plan| plan.id).collect();
    let worker = site.start(Arc::clone(&site.services), None);
    site.drive("it is under way", || jobs(&site).iter().any(|job| job.state == RetrievalState::Asked));
    site.pass(Duration::from_mins(10));
    assert_eq!(jobs(&site).len(), 1);
    let began = site.ask(site.store.now()).unwrap();
    // One of those that joined pays.
    let payer = ids[3];
    let offer = offers(&site, payer).remove(1);
    assert_eq!((offer.tier, offer.jobs.len()), ("standard", 1));
    assert!(matches!(make(&site, &offer), Hurried::Yes { jobs: 1, left_out: 0, .. }));
    assert_eq!(make(&site, &offer), Hurried::Nothing, "once");
    site.drive("all are over", || site.over(&ids));
    site.end(&worker);
    let mut spent = Money::ZERO;
    for plan in &plans {
        let row = site.row(plan.id);
        assert_eq!((row.state, row.delivered, row.failed), (PlanState::Ended, 1, 0));
        let took = row.ended_at.unwrap().since(began);
        assert!(took < Duration::from_hours(5) + Duration::from_mins(20), "{took:?}");
        assert_eq!(row.raised, if plan.id == payer { offer.price.amount } else { Money::ZERO });
        spent = spent.plus(row.spent);
    }
    same(&before, &tree(&site.path("back")));
    let told = site.reckoned();
    assert!((0..200).contains(&(spent.nanos() - told.nanos())), "{spent} set down, {told} it cost");
    assert_eq!((site.billed("job").len(), site.billed("upgrade").len()), (1, 1));
}

#[test]
fn a_vault_that_cannot_says_so_and_is_not_asked() {
    let (site, before) = lost(Plot::glacier(), 61);
    let (plan, worker) = under_way(&site);
    let words = "the vault cold cannot make a retrieval faster once it was asked for; ask for what is urgent in a faster \
                 tier with another plan";
    assert_eq!(refused(&site, plan.id).to_string(), words);
    assert_eq!(site.services.no_faster().as_deref(), Some(words));
    let began = site.ask(site.store.now()).unwrap();
    let took = ended(&site, plan.id, &worker, &before, began);
    assert!(took > Duration::from_hours(4), "{took:?}");
    let asked = site.ways.asked_faster.load(Ordering::SeqCst);
    let logged = site.glacier.as_ref().unwrap().core().log().iter().filter(|logged| logged.op == "upgrade").count();
    assert_eq!((asked, logged), (0, 0), "not even tried");
    paid(&site, plan.id, plan.totals.unwrap().price);
}

#[test]
fn what_is_not_under_way_is_refused_in_words() {
    let (site, before) = lost(able(), 62);
    assert_eq!(site.services.no_faster(), None);
    assert_eq!(refused(&site, PlanId(99)).to_string(), "there is no plan 99; firn restores lists them");
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), Some(Tier::Expedited));
    let told = refused(&site, plan.id).to_string();
    assert_eq!(told, "no job of plan 1 is under way at the vault; there is nothing to make faster");
    let worker = site.start(Arc::clone(&site.services), None);
    let wanted = plan.totals.as_ref().unwrap().jobs;
    let asked = |job: &RetrievalRow| job.state == RetrievalState::Asked;
    site.drive("jobs are under way", || jobs(&site).iter().filter(|job| asked(job)).count() as u64 == wanted);
    let told = refused(&site, plan.id).to_string();
    assert_eq!(told, format!("{wanted} jobs of plan 1 under way at the vault are in its fastest tier already"));
    ended(&site, plan.id, &worker, &before, site.ask(site.store.now()).unwrap());
    let told = refused(&site, plan.id).to_string();
    assert_eq!(told, "plan 1 is ended; only jobs of a running plan are made faster");
}

#[test]
fn what_is_ready_by_the_time_it_is_agreed_to_is_left_out_and_a_budget_refuses_all_of_it() {
    let (site, before) = lost(able(), 63);
    let (plan, worker) = under_way(&site);
    let offer = offers(&site, plan.id).remove(0);
    let ceiling = plan.totals.as_ref().unwrap().ceiling;
    let budget = format!("[budget]\nrestore_day = \"{}\"", Money::from_cents(ceiling.nanos() / 10_000_000 + 1).exact());
    let poor = Arc::new(site.another(earlier(), &site.config_with(&budget)));
    let (again, shown) = (Arc::clone(&poor), offer.clone());
    let told = site.run(async move { again.faster(shown.plan, None).await.unwrap() }).remove(0).over;
    assert!(told.len() == 1 && told[0].contains("the budget of a day is"), "{told:?}");
    let shown = offer.clone();
    let came = site.run(async move { poor.make_faster(&shown, "dora".to_owned()).await.unwrap() });
    assert!(matches!(came, Hurried::Over { budget: "day", asked, .. } if asked == offer.price.amount), "{came:?}");
    assert_eq!(site.row(plan.id).totals.unwrap().ceiling, ceiling, "nothing is set aside");
    let began = site.ask(site.store.now()).unwrap();
    site.drive("some can be read", || jobs(&site).iter().any(|job| job.state != RetrievalState::Asked));
    let left = jobs(&site).iter().filter(|job| job.state == RetrievalState::Asked).count() as u64;
    let Hurried::Yes { jobs, left_out, price, .. } = make(&site, &offer) else { panic!("some are under way") };
    assert!(jobs > 0 && jobs <= left, "{jobs} of {left}");
    assert_eq!(jobs + left_out, offer.jobs.len() as u64);
    assert!(price < offer.price.amount, "their share is not reserved");
    ended(&site, plan.id, &worker, &before, began);
    let done = site.billed("upgrade").len() as u64;
    assert!(done <= jobs);
    paid(&site, plan.id, site.reckoned());
    assert_eq!(site.row(plan.id).raised > Money::ZERO, done > 0);
}

#[test]
fn without_capacity_the_money_is_free_again_and_the_job_goes_on_as_it_was() {
    let (site, before) = lost(able(), 64);
    let (plan, worker) = under_way(&site);
    site.weather(&[Fault::NoExpedited]);
    let began = site.ask(site.store.now()).unwrap();
    let offer = offers(&site, plan.id).remove(0);
    assert!(matches!(make(&site, &offer), Hurried::Yes { left_out: 0, .. }));
    let given_up = || jobs(&site).iter().all(|job| job.faster.is_none());
    site.drive("it is given up", given_up);
    let tried = u64::from(site.ways.asked_faster.load(Ordering::SeqCst));
    assert_eq!(tried, offer.jobs.len() as u64 * 3);
    for job in jobs(&site) {
        assert_eq!(job.tier.as_deref(), Some("bulk"));
        assert_eq!(
            job.note.as_deref(),
            Some(
                "not made faster (expedited): the vault cold does not do that now: InsufficientCapacityException: there is no capacity for expedited retrievals now; ask again later, or for the tier Standard; it goes on as it was"
            )
        );
    }
    let row = site.row(plan.id);
    let totals = row.totals.unwrap();
    assert_eq!((row.raised, totals.ceiling), (Money::ZERO, plan.totals.as_ref().unwrap().ceiling));
    assert_eq!(site.ask(site.store.used("restore")).unwrap().day, totals.ceiling);
    let took = ended(&site, plan.id, &worker, &before, began);
    assert!(took > Duration::from_hours(4), "{took:?}");
    paid(&site, plan.id, totals.price);
}

#[test]
fn whatever_goes_wrong_each_job_is_paid_for_once() {
    let faults: [&[Fault]; 3] = [
        &[Fault::LostReply { one_in: 2 }],
        &[Fault::Throttle { one_in: 3 }, Fault::LostReply { one_in: 3 }],
        &[Fault::LostMessage { one_in: 2 }, Fault::LostReply { one_in: 3 }, Fault::Throttle { one_in: 4 }],
    ];
    for (seed, some) in (70..).zip(faults) {
        let (site, before) = lost(able(), seed);
        let (plan, worker) = under_way(&site);
        let began = site.ask(site.store.now()).unwrap();
        let offer = offers(&site, plan.id).remove(0);
        site.weather(some);
        assert!(matches!(make(&site, &offer), Hurried::Yes { left_out: 0, .. }));
        site.drive("it is settled", || jobs(&site).iter().all(|job| job.faster.is_none()));
        site.weather(&[]);
        ended(&site, plan.id, &worker, &before, began);
        let done = site.billed("upgrade").len();
        println!("{some:?}: {done} of {} made faster", offer.jobs.len());
        assert!(done > 0 && done <= offer.jobs.len());
        paid(&site, plan.id, site.reckoned());
    }
}

/// A process asks for jobs to be made faster and dies before it hears of it; another goes on. `later`: how long after.
fn dies(astray: Astray, later: Duration, seed: u64) -> (Site, PlanRow, usize) {
    let (site, before) = lost(able(), seed);
    let (plan, worker) = under_way(&site);
    let began = site.ask(site.store.now()).unwrap();
    let offer = offers(&site, plan.id).remove(0);
    *site.ways.faster.lock().unwrap() = astray;
    assert!(matches!(make(&site, &offer), Hurried::Yes { left_out: 0, .. }));
    site.drive("requests are on their way", || site.ways.asked_faster.load(Ordering::SeqCst) > 0);
    let on_their_way = site.ways.asked_faster.load(Ordering::SeqCst) as usize;
    worker.group.kill();
    let asked: Vec<RetrievalRow> = jobs(&site).into_iter().filter(|job| job.faster.is_some()).collect();
    let sent = asked.iter().filter(|job| job.faster.as_ref().is_some_and(|hurry| hurry.asked.is_some())).count();
    assert!(sent >= on_their_way && sent > 0, "intent before the request: {sent} of {on_their_way}");
    *site.ways.faster.lock().unwrap() = Astray::Not;
    site.pass(later);
    let own = ProcessIdentity::own();
    let next = ProcessIdentity { pid_start: own.pid_start + 20, ..own };
    let worker = site.start(Arc::new(site.another(next, &site.config_with(""))), None);
    ended(&site, plan.id, &worker, &before, began);
    paid(&site, plan.id, site.reckoned());
    assert!(jobs(&site).iter().all(|job| job.faster.is_none()));
    let row = site.row(plan.id);
    (site, row, on_their_way)
}

#[test]
fn a_process_that_dies_while_it_asks_pays_once_whether_the_request_arrived_or_not() {
    for (seed, astray) in [(80, Astray::Back), (81, Astray::There)] {
        let (site, row, _) = dies(astray, Duration::from_secs(30), seed);
        let jobs = site.billed("job").len();
        assert_eq!(site.billed("upgrade").len(), jobs, "{astray:?}: each was made faster, once");
        assert!(row.raised > Money::ZERO);
    }
}

#[test]
fn what_ended_before_anybody_asked_again_is_told_by_the_vaults_list() {
    // The requests arrived: their jobs are over in minutes, and paid for.
    let (site, row, on_their_way) = dies(Astray::Back, Duration::from_hours(1), 82);
    assert!(site.billed("upgrade").len() >= on_their_way);
    assert!(row.raised > Money::ZERO);
    // They did not: in bulk the jobs are over in hours, and nothing more is paid.
    let (site, row, _) = dies(Astray::There, Duration::from_hours(13), 83);
    assert_eq!((site.billed("upgrade").len(), row.raised), (0, Money::ZERO));
}
