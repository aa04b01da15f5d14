//! `firn restore`

mod ask;
mod watch;

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde::Serialize;
use uuid::Uuid;

use super::{CliError, FAILED, out, who};
use crate::base::Shown;
use crate::base::ids::PlanId;
use crate::base::units::{Count, Size, Span};
use crate::config::Config;
use crate::restore::ask::GRAMMAR;
use crate::restore::ask::verdict::elsewhere;
use crate::restore::plan::draft::Added;
use crate::restore::price::Quote;
use crate::services::{Drafted, Order, Services};
use crate::store::{Confirmed, PlanRow, PlanState, PlanTotals};
use crate::vault::Tier;
use crate::vault::tariff::{Price, tier_named, tier_word};

#[derive(Debug, ClapArgs)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
#[command(after_long_help = GRAMMAR)]
#[command(after_help = "\
Exit code:
  0  every file asked for is there (or, without --wait, was asked for)
  1  some are not (each is named, with the reason), a budget or the vault or the destination refused
  2  nothing was begun: the configuration, the command line, or what is asked for is wrong
`firn restore --help` has the whole grammar of SOURCE and DEST.")]
pub struct Args {
    /// What: NAME:PATH (a file, or all below a folder), NAME (everything of a source), archive:UUID, everything: and more
    #[arg(required_unless_present_any = ["batch", "rest_of", "resume"])]
    source: Option<OsString>,
    /// The folder to restore to, each file with its whole path below it; or `file:/PATH` for that very file
    #[arg(required_unless_present_any = ["archive", "batch", "rest_of", "resume"])]
    dest: Option<OsString>,
    /// Restores every file of an archive, as it lies there: firn restore --archive UUID DEST
    #[arg(long, value_name = "UUID", conflicts_with_all = ["prefix", "at", "current"])]
    archive: Option<Uuid>,
    /// Restores what a file lists, a line each (- for standard input): SOURCE DEST [as-of TIME] [overwrite]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["archive", "prefix", "at", "source"])]
    batch: Option<PathBuf>,
    /// Restores what a plan did not deliver
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["archive", "prefix", "at", "source", "batch", "current"])]
    rest_of: Option<i64>,
    /// Goes on with a plan that is confirmed already, in this process
    #[arg(long, value_name = "PLAN", conflicts_with_all = [
        "archive", "prefix", "at", "source", "batch", "rest_of", "current", "overwrite", "skip_wrong", "tier", "dry_run",
        "wait",
    ])]
    resume: Option<i64>,
    /// Takes PATH as the beginning of keys, letter by letter
    #[arg(long)]
    prefix: bool,
    /// As the files were then, such as 2026-11-22 or 2026-11-22T12:00:00Z (default: the newest the vault holds)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only files that the source still has (default: deleted ones too, for they are what is missed)
    #[arg(long)]
    current: bool,
    /// Replaces files that are there already and differ; with --batch and --rest-of, all of them
    #[arg(long)]
    overwrite: bool,
    /// Restores the lines of a batch that can be, though others cannot
    #[arg(long)]
    skip_wrong: bool,
    /// How fast: expedited, standard or bulk (default: standard, where the vault has a choice)
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Says what would be done and what it costs, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask before it overwrites or spends
    #[arg(long)]
    yes: bool,
    /// Waits until everything is there, also where the vault takes hours
    #[arg(long)]
    wait: bool,
    /// Ends with a JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// A tier in `firn restore --json`.
#[derive(Debug, Serialize)]
struct TierReport {
    tier: &'static str,
    archives: u64,
    jobs: u64,
    joined: u64,
    asked_bytes: u64,
    read_bytes: u64,
    price_nanodollars: i64,
    price_verified: bool,
    ceiling_nanodollars: i64,
    seconds: (u64, u64),
    days: u32,
    over_budget: Vec<String>,
}

/// `firn restore --json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    plan: Option<i64>,
    state: Option<&'static str>,
    files: u64,
    bytes: u64,
    archives: u64,
    deleted_at_source: Option<u64>,
    newer_not_stored: Option<u64>,
    without_version: u64,
    twice: Option<u64>,
    folders_now: Option<u64>,
    not_delivered_yet: Option<u64>,
    wrong_lines: Option<u64>,
    tiers: Option<Vec<TierReport>>,
    tier: Option<String>,
    spent_nanodollars: Option<i64>,
    restored: Option<u64>,
    restored_bytes: Option<u64>,
    already_there: Option<u64>,
    not_restored: Option<u64>,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    if let Some(plan) = args.resume {
        let services = Arc::new(Services::open(config, false).await?);
        return watch::resume(&services, PlanId(plan), args.json).await;
    }
    let tier = args.tier.as_deref().map(named_tier).transpose()?;
    let at = args.at.as_deref().map(ask::time).transpose()?;
    let services = Arc::new(Services::open(config, false).await?);
    let wanted = ask::wanted(&services, &args, at).await?;
    let single = !matches!(wanted.order, Order::Text(_) | Order::RestOf(_));
    let drafted = services.draft(wanted).await?;
    let code = with(&services, &args, tier, single, &drafted).await;
    // What was not confirmed is nobody's.
    if services
        .store
        .plan(drafted.plan)
        .await?
        .is_some_and(|row| matches!(row.state, PlanState::Draft | PlanState::Planned))
    {
        services.store.plan_drop(drafted.plan).await?;
    }
    code
}

/// A draft, taken through to its end.
async fn with(
    services: &Arc<Services>,
    args: &Args,
    tier: Option<Tier>,
    single: bool,
    drafted: &Drafted,
) -> Result<u8, CliError> {
    refuse(args, single, drafted)?;
    let mut report = report(drafted);
    if !args.json {
        describe(&drafted.added, &drafted.quotes)?;
    }
    for note in &drafted.notes {
        out::error(note);
    }
    if args.dry_run {
        if args.json {
            out::json(&report)?;
        }
        return Ok(0);
    }
    if let Some(why) = drafted.added.refused() {
        return Err(CliError::Refused(format!("{why}; nothing was asked for")));
    }
    let quote = chosen(&drafted.quotes, tier)?;
    if let Some(over) = quote.over.first() {
        return Err(CliError::Refused(format!("{over}; nothing was asked for")));
    }
    let tier = quote.tier;
    let Some(saved) = services.choose(drafted.plan, tier).await? else {
        return Err(CliError::Refused("the plan was dropped meanwhile; nothing was asked for".to_owned()));
    };
    let Some(totals) = &saved.totals else { return Err(CliError::Refused("the plan has no price".to_owned())) };
    agreed(args, drafted.added.overwrites > 0, saved.id, totals)?;
    match services.confirm(saved.id, totals.hash, who()).await? {
        Confirmed::Yes => {}
        refused => return Err(CliError::Refused(not_confirmed(saved.id, &refused))),
    }
    let thaws = services.thaws();
    // Lines that were wrong were told, and are not there either.
    let not_all = drafted.wrong_count > 0 || totals.impossible > 0;
    if thaws && !args.wait && totals.files > 0 {
        watch::tell_wrong(services, saved.id).await?;
        if args.json {
            report.plan = Some(saved.id.0);
            report.state = Some(PlanState::Running.word());
            report.tier = tier.map(|tier| tier_word(Some(tier)).to_owned());
            out::json(&report)?;
        } else {
            let wait = Span(quote.hours.1);
            out::line(format!(
                "plan {id} is confirmed: the restore worker (firn run) carries it out, within {wait}; firn restores {id} shows how it stands",
                id = saved.id
            ))?;
        }
        return Ok(if not_all { FAILED } else { 0 });
    }
    let code = watch::carry_out(services, saved.id, thaws, if args.json { Some(report) } else { None }).await?;
    Ok(if not_all { FAILED } else { code })
}

fn named_tier(word: &str) -> Result<Tier, CliError> {
    let named = tier_named(word).flatten();
    named.ok_or_else(|| {
        CliError::Usage(format!("--tier: \"{}\" is no tier; there are expedited, standard, bulk", Shown::text(word)))
    })
}

/// What cannot be begun.
fn refuse(args: &Args, single: bool, drafted: &Drafted) -> Result<(), CliError> {
    if single {
        if let Some(wrong) = drafted.wrong.first() {
            return Err(CliError::Usage(wrong.short()));
        }
    } else {
        for wrong in &drafted.wrong {
            out::error(&format!("line {}: {}", wrong.line, wrong.short()));
        }
        let more = drafted.wrong_count.saturating_sub(drafted.wrong.len() as u64);
        if more > 0 {
            out::error(&format!("and {} lines more", Count(more)));
        }
        if drafted.wrong_count > 0 && !args.skip_wrong {
            let text = format!(
                "{} lines cannot be restored; mend them, or restore the others with --skip-wrong: nothing was begun",
                Count(drafted.wrong_count)
            );
            return Err(CliError::Usage(text));
        }
    }
    let added = &drafted.added;
    if added.files == 0 && added.impossible == 0 {
        let text = match (args.current, args.at.is_some()) {
            (true, _) => "the source has nothing of it now; without --current what it has deleted is restored, too",
            (_, true) => "nothing of it was there then, as far as is known; give a later --at, or none",
            _ => "there is nothing to restore; `firn queue` lists what is not stored yet",
        };
        return Err(CliError::Usage(text.to_owned()));
    }
    Ok(())
}

/// The tier that was asked for; else standard, else whatever there is.
fn chosen(quotes: &[Quote], tier: Option<Tier>) -> Result<&Quote, CliError> {
    let of = |tier: Option<Tier>| quotes.iter().find(|quote| quote.tier == tier);
    let there = || quotes.iter().map(|quote| tier_word(quote.tier)).collect::<Vec<_>>().join(", ");
    match tier {
        Some(tier) => of(Some(tier)).ok_or_else(|| {
            CliError::Usage(format!("--tier: this vault has no {}; there are: {}", tier_word(Some(tier)), there()))
        }),
        None => of(None).or_else(|| of(Some(Tier::Standard))).or(quotes.first()).ok_or_else(|| {
            CliError::Refused(
                "the vault's tariff prices nothing that the vault can do; nothing was asked for".to_owned(),
            )
        }),
    }
}

fn report(drafted: &Drafted) -> Report {
    let Added { files, bytes, impossible, twice, gone, newer_waits, folders_now, undelivered, .. } = drafted.added;
    let tier = |quote: &Quote| TierReport {
        tier: tier_word(quote.tier),
        archives: quote.archives,
        jobs: quote.jobs,
        joined: quote.joined,
        asked_bytes: quote.asked_bytes,
        read_bytes: quote.read_bytes,
        price_nanodollars: quote.price.amount.nanos(),
        price_verified: quote.price.sure,
        ceiling_nanodollars: quote.ceiling.nanos(),
        seconds: (quote.hours.0.as_secs(), quote.hours.1.as_secs()),
        days: quote.day_count(),
        over_budget: quote.over.iter().map(ToString::to_string).collect(),
    };
    Report {
        plan: None,
        state: None,
        files,
        bytes,
        archives: drafted.quotes.first().map_or(0, |quote| quote.archives),
        deleted_at_source: Some(gone),
        newer_not_stored: Some(newer_waits),
        without_version: impossible,
        twice: Some(twice),
        folders_now: Some(folders_now),
        not_delivered_yet: Some(undelivered),
        wrong_lines: Some(drafted.wrong_count),
        tiers: Some(drafted.quotes.iter().map(tier).collect()),
        tier: None,
        spent_nanodollars: None,
        restored: None,
        restored_bytes: None,
        already_there: None,
        not_restored: None,
    }
}

impl Report {
    /// Of a plan that was made by another command: how it came together is not known any more.
    fn of_plan(plan: &PlanRow) -> Self {
        let of = |count: fn(&PlanTotals) -> u64| plan.totals.as_ref().map_or(0, count);
        Self {
            plan: None,
            state: None,
            files: of(|totals| totals.files),
            bytes: of(|totals| totals.bytes),
            archives: of(|totals| totals.archives),
            deleted_at_source: None,
            newer_not_stored: None,
            without_version: of(|totals| totals.impossible),
            twice: None,
            folders_now: None,
            not_delivered_yet: None,
            wrong_lines: None,
            tiers: None,
            tier: None,
            spent_nanodollars: None,
            restored: None,
            restored_bytes: None,
            already_there: None,
            not_restored: None,
        }
    }

    /// With what came of it.
    fn ended(mut self, plan: &PlanRow) -> Self {
        self.plan = Some(plan.id.0);
        self.state = Some(plan.state.word());
        self.tier = plan.totals.as_ref().and_then(|totals| totals.tier.clone());
        self.spent_nanodollars = Some(plan.spent.nanos());
        self.restored = Some(plan.delivered - plan.there);
        self.restored_bytes = Some(plan.delivered_bytes);
        self.already_there = Some(plan.there);
        self.not_restored = Some(watch::not_restored(plan));
        self
    }
}

fn describe(added: &Added, quotes: &[Quote]) -> Result<(), CliError> {
    let archives = quotes.first().map_or(0, |quote| quote.archives);
    out::line(format!("{} files, {} from {} archives", Count(added.files), Size(added.bytes), Count(archives)))?;
    if added.gone > 0 {
        out::line(format!("of these the source has deleted {} since (--current leaves them out)", Count(added.gone)))?;
    }
    if added.newer_waits > 0 {
        out::line(format!("{} have a newer version that is not in the vault yet", Count(added.newer_waits)))?;
    }
    if added.folders_now > 0 {
        out::line(format!(
            "{} deleted files are left out: folders have their names now (--at a time before gives them)",
            Count(added.folders_now)
        ))?;
    }
    if added.impossible > 0 {
        out::line(format!("{} more cannot be restored", Count(added.impossible)))?;
    }
    if let Some(why) = added.refused() {
        out::line(why)?;
    }
    if added.twice > 0 {
        out::line(format!("{} are asked for twice, to the same place; they go there once", Count(added.twice)))?;
    }
    for quote in quotes.iter().filter(|quote| quote.tier.is_some() || !quote.ceiling.is_zero()) {
        let joined = if quote.joined > 0 { format!(" ({} joined)", Count(quote.joined)) } else { String::new() };
        let days = match quote.day_count() {
            1 => String::new(),
            days => format!(", spread over {} days", Count(u64::from(days))),
        };
        out::line(format!(
            "{:<10} {} (at most {}), {} jobs{joined}, {} asked for, {} read, {} to {}{days}",
            tier_word(quote.tier),
            quote.price,
            quote.ceiling,
            Count(quote.jobs),
            Size(quote.asked_bytes),
            Size(quote.read_bytes),
            Span(quote.hours.0),
            Span(quote.hours.1)
        ))?;
        for over in &quote.over {
            out::line(format!("           {over}"))?;
        }
    }
    Ok(())
}

/// Asks on the terminal before something is overwritten or spent; anywhere else nobody can agree.
fn agreed(args: &Args, overwrites: bool, plan: PlanId, totals: &PlanTotals) -> Result<(), CliError> {
    if args.yes || (!overwrites && totals.ceiling.is_zero()) {
        return Ok(());
    }
    let why = match (overwrites, args.overwrite) {
        (true, true) => "--overwrite",
        (true, false) => "overwriting",
        (false, _) => "what it costs",
    };
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("{why} needs --yes where nobody can be asked")));
    }
    if overwrites {
        out::question(args.json, "files at the destination that differ will be replaced")?;
    }
    let question = format!(
        "plan {}: {} files for {}, at most {}; type yes to go on:",
        plan,
        Count(totals.files),
        Price { amount: totals.price, sure: totals.sure },
        totals.ceiling
    );
    out::question(args.json, question)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::Usage("nothing was restored".to_owned())) }
}

/// Why a plan was not confirmed.
fn not_confirmed(plan: PlanId, why: &Confirmed) -> String {
    match why {
        Confirmed::Yes => format!("plan {plan} is confirmed"),
        Confirmed::Already { who, at } => {
            format!("plan {plan} was confirmed by {} at {at} already", Shown::text(who))
        }
        Confirmed::Undelivered { kind } => format!(
            "plan {plan} has files for {}, which this version does not write to yet: it is priced and cannot be confirmed",
            elsewhere(kind)
        ),
        Confirmed::Changed => format!("plan {plan} is no longer what was shown; nothing was asked for"),
        Confirmed::Not(state) => format!("plan {plan} is {state}; nothing was asked for"),
        Confirmed::Over { budget, when, limit, used, asked } => {
            let of = if when.is_empty() { String::new() } else { format!(" {when}") };
            format!(
                "the plan may cost up to {asked}; the budget of a {budget}{of} is {limit}, and {used} of it is reserved or spent; nothing was asked for: raise [budget] restore_{budget}, choose a slower tier, or ask for less"
            )
        }
    }
}
