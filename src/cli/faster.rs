//! `firn restores PLAN --faster TIER`

use std::io::{BufRead as _, IsTerminal as _};

use serde::Serialize;

use super::{CliError, out, who};
use crate::base::Shown;
use crate::base::ids::PlanId;
use crate::base::units::{Size, Span};
use crate::services::{Faster, Services, are, jobs, told};
use crate::store::Hurried;
use crate::vault::tariff::tier_named;

/// What is asked for.
pub(super) struct Asked<'a> {
    /// The tier's word.
    pub tier: &'a str,
    /// Nobody is asked.
    pub yes: bool,
    /// The answer is JSON.
    pub json: bool,
}

/// `firn restores PLAN --faster TIER --json`.
#[derive(Debug, Serialize)]
struct Report {
    plan: i64,
    tier: &'static str,
    jobs: u64,
    left_out: u64,
    price_nanodollars: i64,
    price_verified: bool,
    ceiling_nanodollars: i64,
    seconds: (u64, u64),
    offered: Offered,
}

/// What was shown before it was agreed to: also of jobs that were left out then.
#[derive(Debug, Serialize)]
struct Offered {
    jobs: u64,
    bytes: u64,
    larger_than_promised: u64,
    price_nanodollars: i64,
}

pub(super) async fn run(services: &Services, plan: PlanId, asked: Asked<'_>) -> Result<u8, CliError> {
    if tier_named(asked.tier).flatten().is_none() {
        let tier = Shown::text(asked.tier);
        return Err(CliError::Usage(format!("--faster: \"{tier}\" is no tier; there are expedited, standard, bulk")));
    }
    let offers = services.faster(plan, None).await?;
    let offer = chosen(&offers, asked.tier)?;
    if !asked.json {
        for line in lines(offer) {
            out::line(line)?;
        }
    }
    if let Some(over) = offer.over.first() {
        return Err(CliError::Refused(format!("{over}; nothing was asked for")));
    }
    agreed(offer, &asked, std::io::stdin().is_terminal())?;
    let (words, report) = enter(services, offer, who()).await?;
    if asked.json {
        out::json(&report)?;
    } else {
        out::line(format!(
            "{words}; the restore worker (firn run) asks the vault, firn restores {plan} shows how they stand"
        ))?;
    }
    Ok(0)
}

/// Enters that they are to be made faster; what came of it.
async fn enter(services: &Services, offer: &Faster, who: String) -> Result<(String, Report), CliError> {
    let done = services.make_faster(offer, who).await?;
    let words = told(offer, &done).map_err(CliError::Refused)?;
    let Hurried::Yes { jobs, left_out, price, ceiling } = done else { return Err(CliError::Refused(words)) };
    let report = Report {
        plan: offer.plan.0,
        tier: offer.tier,
        jobs,
        left_out,
        price_nanodollars: price.nanos(),
        price_verified: offer.price.sure,
        ceiling_nanodollars: ceiling.nanos(),
        seconds: (offer.hours.0.as_secs(), offer.hours.1.as_secs()),
        offered: Offered {
            jobs: offer.jobs.len() as u64,
            bytes: offer.bytes,
            larger_than_promised: offer.larger,
            price_nanodollars: offer.price.amount.nanos(),
        },
    };
    Ok((words, report))
}

/// The tier that is asked for.
fn chosen<'a>(offers: &'a [Faster], tier: &str) -> Result<&'a Faster, CliError> {
    offers.iter().find(|offer| offer.tier == tier).ok_or_else(|| {
        let there: Vec<&str> = offers.iter().map(|offer| offer.tier).collect();
        CliError::Usage(format!(
            "--faster: {tier} is no faster for any of its jobs under way; there are: {}",
            there.join(", ")
        ))
    })
}

/// What it takes.
fn lines(offer: &Faster) -> Vec<String> {
    let mut lines = vec![
        format!("plan {}: {}", offer.plan, Shown::text(&offer.title)),
        format!(
            "{:<10} {} more (the plan at most {}), {} for {}, {} to {} from then on",
            offer.tier,
            offer.price,
            offer.ceiling,
            jobs(offer.jobs.len() as u64),
            Size(offer.bytes),
            Span(offer.hours.0),
            Span(offer.hours.1)
        ),
    ];
    if offer.larger > 0 {
        let (larger, are) = (jobs(offer.larger), are(offer.larger));
        lines.push(format!("{larger} {are} larger than the vault's service promises that time for"));
    }
    lines.extend(offer.over.iter().map(|over| format!("           {over}")));
    lines.push("nothing of what was paid is given back; a job that the vault does not make faster goes on as it was, and its money is free again".to_owned());
    lines
}

/// Asks on the terminal before something is spent; anywhere else nobody can agree.
fn agreed(offer: &Faster, asked: &Asked<'_>, terminal: bool) -> Result<(), CliError> {
    if asked.yes || offer.price.amount.is_zero() {
        return Ok(());
    }
    if !terminal {
        return Err(CliError::Usage("what it costs needs --yes where nobody can be asked".to_owned()));
    }
    let question = format!("{} for {}; type yes to go on:", jobs(offer.jobs.len() as u64), offer.price);
    out::question(asked.json, question)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::Usage("nothing was made faster".to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::backup::pipe::Kinds;
    use crate::base::host::ProcessIdentity;
    use crate::base::ids::RetrievalUuid;
    use crate::base::sink::NoSink;
    use crate::base::{Clock, Money, Stop, task};
    use crate::config::Config;
    use crate::services::{Order, Wanted};
    use crate::store::sqlite::SqliteStore;
    use crate::store::{Confirmed, HurryJob, Store};
    use crate::vault::fake::{Core, FakeVault, Glacier, Link, Rules, Shelf};
    use crate::vault::tariff::Price;
    use crate::vault::{Tier, Vault};

    fn offer(tier: &'static str) -> Faster {
        let price = Price { amount: Money::from_cents(310), sure: false };
        let job = HurryJob { job: RetrievalUuid(uuid::Uuid::from_u128(7)), from: None, price: price.amount };
        Faster {
            plan: PlanId(12),
            title: "a list of 3 lines".to_owned(),
            tier,
            jobs: vec![job.clone(), job],
            bytes: 3 << 30,
            price,
            ceiling: Money::from_cents(2290),
            larger: 0,
            hours: (Duration::from_mins(1), Duration::from_mins(5)),
            over: Vec::new(),
        }
    }

    #[test]
    fn what_it_costs_is_said_with_what_it_does_and_does_not() {
        assert_eq!(
            lines(&Faster { larger: 1, ..offer("expedited") }),
            [
                "plan 12: a list of 3 lines",
                "expedited  ~$3.10 more (the plan at most $22.90), 2 jobs for 3.2 GB, 60 s to 5 min from then on",
                "1 job is larger than the vault's service promises that time for",
                "nothing of what was paid is given back; a job that the vault does not make faster goes on as it was, and its money is free again",
            ]
        );
    }

    #[test]
    fn a_tier_that_is_not_faster_is_told_from_those_that_are() {
        let offers = [offer("expedited"), offer("standard")];
        assert_eq!(chosen(&offers, "standard").unwrap().tier, "standard");
        assert_eq!(
            chosen(&offers, "bulk").unwrap_err().to_string(),
            "--faster: bulk is no faster for any of its jobs under way; there are: expedited, standard"
        );
    }

    #[test]
    fn what_came_of_it_is_said_in_words() {
        let told = |hurried| told(&offer("expedited"), &hurried);
        let (price, ceiling) = (Money::from_cents(155), Money::from_cents(2135));
        assert_eq!(
            told(Hurried::Yes { jobs: 1, left_out: 1, price, ceiling }),
            Ok("1 job of plan 12 is made faster (expedited) for $1.55; the plan may cost up to $21.35 now; 1 job no longer stood as it was shown and is left as it is".to_owned())
        );
        assert_eq!(
            told(Hurried::Nothing),
            Err("no job of plan 12 stands as it was shown any more; nothing was asked for: look again".to_owned())
        );
        let (limit, used, asked) = (Money::from_cents(500), Money::from_cents(300), Money::from_cents(310));
        assert_eq!(
            told(Hurried::Over { budget: "day", when: "2026-11-23".to_owned(), limit, used, asked }),
            Err("plan 12 would go beyond the budget of a day (2026-11-23): $5.00, of which $3.00 is spent or set aside, and it comes to $3.10; nothing was asked for: raise [budget] restore_day, or make fewer jobs faster".to_owned())
        );
    }

    #[test]
    fn nothing_is_spent_where_nobody_can_be_asked_unless_that_is_said() {
        let asked = |yes| Asked { tier: "expedited", yes, json: false };
        let told = agreed(&offer("expedited"), &asked(false), false).unwrap_err();
        assert_eq!(told.to_string(), "what it costs needs --yes where nobody can be asked");
        assert!(agreed(&offer("expedited"), &asked(true), false).is_ok());
        let free = Faster { price: Price::NOTHING, ..offer("expedited") };
        assert!(agreed(&free, &asked(false), false).is_ok());
    }

    /// Files backed up into an acted Glacier that makes jobs faster, and asked for in bulk: the plan, its job under way.
    async fn under_way(root: &std::path::Path) -> (Arc<Services>, PlanId) {
        std::fs::create_dir(root.join("photos")).unwrap();
        for n in 0..3 {
            std::fs::write(root.join("photos").join(n.to_string()), [n; 5000]).unwrap();
        }
        let text = "[state]\nurl = \"sqlite:firn.db\"\n[staging]\npath = \"staging\"\n\
                    [[source]]\nname = \"ugc\"\npath = \"photos\"\n\
                    [vault]\nname = \"cold\"\npath = \"vault\"\ntariff = \"glacier-vault\"\n\
                    [backup]\nbundle_age = \"1s\"\n";
        let config = Config::parse(Some((&root.join("firn.toml"), text)), &[], &[]).unwrap();
        let clock = Clock::system();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&root.join("firn.db"), clock.clone(), true).unwrap());
        let rules = Rules { upgrade: true, ..Rules::default() };
        let glacier = Glacier::new(Core::new(rules, clock.now()), Shelf::open(&root.join("shelf")).unwrap());
        let link = Link { base: Duration::ZERO, bytes_per_second: None, ..Link::default() };
        let vault: Arc<dyn Vault> = Arc::new(FakeVault::new("cold", clock.clone(), glacier, link));
        let services = Services::over(config, clock, Arc::clone(&store), ProcessIdentity::own()).with_vault(vault);
        let services = Arc::new(services);
        let job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
        Arc::new(job).run(Stop::new()).await.unwrap();
        let names = services.names().await.unwrap();
        let order = Order::Text(format!("everything: {}/", root.join("back").display()).as_str().into());
        let wanted = Wanted { order, names, title: None, who: "anna".to_owned(), current: false, overwrite: false };
        let plan = services.draft(wanted).await.unwrap().plan;
        let saved = services.choose(plan, Some(Tier::Bulk)).await.unwrap().unwrap();
        let hash = saved.totals.unwrap().hash;
        assert_eq!(services.confirm(plan, hash, "anna".to_owned()).await.unwrap(), Confirmed::Yes);
        let job = Arc::new(services.restore_job(None).await.unwrap());
        let stop = Stop::new();
        let working = task::spawn(job.run(stop.clone()));
        let began = services.clock.mono();
        while services.faster(plan, None).await.is_err() {
            assert!(services.clock.mono().since(began) < Duration::from_mins(1), "its job is under way");
            services.clock.sleep(Duration::from_millis(20)).await;
        }
        stop.stop();
        working.await.unwrap().unwrap();
        (services, plan)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_command_enters_what_was_shown_and_refuses_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (services, plan) = under_way(dir.path()).await;
        let asked = |tier| Asked { tier, yes: true, json: false };
        let told = run(&services, plan, asked("fast")).await.unwrap_err().to_string();
        assert_eq!(told, "--faster: \"fast\" is no tier; there are expedited, standard, bulk");
        let told = run(&services, plan, asked("bulk")).await.unwrap_err().to_string();
        assert_eq!(told, "--faster: bulk is no faster for any of its jobs under way; there are: expedited, standard");
        let shown = services.faster(plan, None).await.unwrap().remove(0);
        // 22,528 bytes in expedited, by the tariff: $0.03 a gigabyte (2^30), $10 a thousand requests.
        assert_eq!((shown.price.amount, shown.bytes), (Money::from_nanos(10_000_000 + 630), 22_528));
        let before = services.store.plan(plan).await.unwrap().unwrap().totals.unwrap().ceiling;
        assert_eq!(run(&services, plan, asked("expedited")).await.unwrap(), 0);
        let row = services.store.plan(plan).await.unwrap().unwrap();
        assert_eq!(row.raised, shown.price.amount);
        assert_eq!(row.totals.unwrap().ceiling, before.plus(shown.price.amount));
        let told = run(&services, plan, asked("expedited")).await.unwrap_err().to_string();
        assert_eq!(told, "1 job of plan 1 under way at the vault is being made faster already");
        // What was shown before does not stand any more.
        let told = enter(&services, &shown, "bert".to_owned()).await.unwrap_err().to_string();
        assert_eq!(told, "no job of plan 1 stands as it was shown any more; nothing was asked for: look again");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_report_says_what_was_entered() {
        let dir = tempfile::tempdir().unwrap();
        let (services, plan) = under_way(dir.path()).await;
        let mut shown = services.faster(plan, None).await.unwrap().remove(1);
        let price = shown.price.amount;
        // With a job that is no longer there by the time it is agreed to.
        let gone = HurryJob { job: RetrievalUuid(uuid::Uuid::from_u128(7)), from: None, price: Money::from_cents(100) };
        shown.price.amount = price.plus(gone.price);
        shown.jobs.push(gone);
        (shown.bytes, shown.larger) = (shown.bytes + 4096, 1);
        let (words, report) = enter(&services, &shown, "bert".to_owned()).await.unwrap();
        let ceiling = services.store.plan(plan).await.unwrap().unwrap().totals.unwrap().ceiling;
        assert_eq!(
            words,
            format!(
                "1 job of plan 1 is made faster (standard) for {price}; the plan may cost up to {ceiling} now; 1 job no longer stood as it was shown and is left as it is"
            )
        );
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            serde_json::json!({
                "plan": 1,
                "tier": "standard",
                "jobs": 1,
                "left_out": 1,
                "price_nanodollars": price.nanos(),
                "price_verified": shown.price.sure,
                "ceiling_nanodollars": ceiling.nanos(),
                "seconds": [3 * 3600, 5 * 3600],
                "offered": {
                    "jobs": 2,
                    "bytes": 22_528 + 4096,
                    "larger_than_promised": 1,
                    "price_nanodollars": shown.price.amount.nanos(),
                },
            })
        );
    }
}
