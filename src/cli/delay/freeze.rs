//! `firn delay freeze`, `resume`, `freeze-step`, `freeze-loss`

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::arrival::{self, Wanted};
use crate::base::units::{Span, parse_span};
use crate::base::{Shown, Time};
use crate::cli::{CliError, FAILED, out, who};
use crate::config::Config;
use crate::delay::freeze::danger::{Facts, dangers};
use crate::delay::freeze::keeper::{EVERY, FRESH, KeepError, Keeper, Kept};
use crate::delay::freeze::line::{Line, is_parallel};
use crate::delay::freeze::orders;
use crate::delay::freeze::record::{Asked, Phase};
use crate::delay::freeze::report::{self, prospect, prospect_lines, sight_lines};
use crate::delay::freeze::sight::Sight;
use crate::delay::freeze::statement::Statement;
use crate::delay::freeze::steps::{LossInput, Step};
use crate::delay::freeze::threads::Threads;
use crate::delay::freeze::told;
use crate::restore::ask::read_time;
use crate::services::{NoFreeze, Services};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The SQL thread is stopped first, then the IO thread, by the account freeze_user. \"frozen\" is said when both
read No and the executed position has not moved over tool_interval. From then on the workers (firn run)
stop it again if anything starts it, until `firn delay resume`; so does this command with --watch.

Exit code: 0 it is frozen; 1 it is not (yet): the freeze goes on, and the workers with it; 2 nothing was begun.")]
pub struct Freeze {
    /// The replica, or one channel of it (db14/main)
    replica: String,
    #[command(flatten)]
    statement: Wanted,
    /// Since when the service is degraded: T+0 of the recovery steps (default: the statement's time, else now)
    #[arg(long, value_name = "TIME")]
    degraded: Option<String>,
    /// Does not ask before it stops the replica
    #[arg(long)]
    yes: bool,
    /// Stays, and stops the replica again if anything starts it, until it is interrupted or the replica resumed
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit code: 0 it runs again (with --until: it stands at that place, proven); 1 it does not (yet): the resume
goes on, and the workers with it; 2 nothing was begun.")]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
pub struct Resume {
    /// The replica, as it was frozen
    replica: String,
    /// Lets the SQL thread run up to a place (`FILE:POSITION`, or a GTID) and no further; the replica stays frozen there
    #[arg(long, value_name = "PLACE", conflicts_with = "no_start")]
    until: Option<String>,
    /// Ends the freeze and starts nothing: after a promotion, or when somebody else goes on by hand
    #[arg(long)]
    no_start: bool,
    /// Lets somebody go on by hand: nothing is watched or started, the freeze stays open for its recovery steps
    #[arg(long, conflicts_with_all = ["until", "no_start"])]
    by_hand: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    /// With --yes: also where the statement has not been applied, so that it will be
    #[arg(long, requires = "yes")]
    lets_it_apply: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Steps: degraded, stopped, removed, promoted, validated, declared, demoted. A replica that is promoted is
not watched any more. When recovery is declared, the clock of the loss stops.")]
pub struct StepArgs {
    /// The replica, as it was frozen
    replica: String,
    /// The step that is done
    step: String,
    /// When it was done (default: now)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// It is not done after all; of a promotion: the replica is stopped again
    #[arg(long, conflicts_with = "at")]
    undo: bool,
    /// Does not ask before a promotion is taken back
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, ClapArgs)]
pub struct LossArgs {
    /// The replica, as it was frozen
    replica: String,
    /// What an hour of the service is worth, dollars
    value: String,
    /// How much of the service is lost, percent
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    exposure: String,
    /// How long it takes to rebuild the data from a backup
    #[arg(long, value_name = "SPAN")]
    rebuild: String,
}

impl From<NoFreeze> for CliError {
    fn from(e: NoFreeze) -> Self {
        match e {
            NoFreeze::Unknown(_) | NoFreeze::Channel { .. } => Self::Usage(e.to_string()),
            NoFreeze::NoAccount(_) | NoFreeze::Demo(_) => Self::Refused(e.to_string()),
        }
    }
}

impl From<KeepError> for CliError {
    fn from(e: KeepError) -> Self {
        match e {
            KeepError::Store(e) => Self::Store(e),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Nothing is stopped, started or ticked where nothing is to be changed.
fn may_act(config: &Config) -> Result<(), CliError> {
    if config.console.read_only {
        let text = "this configuration is read-only ([console] read_only); nothing was done";
        return Err(CliError::Refused(text.to_owned()));
    }
    Ok(())
}

fn time(flag: &str, text: Option<&str>) -> Result<Option<Time>, CliError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        CliError::Usage(format!(
            "{flag}: \"{}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)",
            Shown::text(text)
        ))
    };
    read_time(text).ok_or_else(wrong).map(Some)
}

/// Lets the operator type a replica's name; anywhere else nobody can agree.
fn agreed(replica: &str, yes: bool, what: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("{what} needs --yes where nobody can be asked; nothing was done")));
    }
    let shown = Shown::text(replica).to_string();
    out::line(format!("{what} {shown}: type its name to go on:"))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == replica || answer.trim() == shown {
        return Ok(());
    }
    Err(CliError::Usage("that is not its name; nothing was done".to_owned()))
}

/// Signals that end a command, but not what it has begun.
struct Signals {
    all: [Signal; 3],
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { all: [interrupt?, terminate?, hangup?] })
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.all;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// What is seen of the replica before anything is done, and of its settings. That neither can be seen keeps nobody from
/// stopping it; that there is nothing to be stopped does.
async fn look(services: &Services, threads: &dyn Threads) -> Result<(Option<Sight>, Option<Facts>), CliError> {
    let sight = match threads.look(services.store.now().await?).await {
        Ok(sight) => Some(sight),
        Err(e) if e.is_for_good() => return Err(CliError::Refused(format!("{e}. Nothing was done"))),
        Err(e) => {
            out::line(format!("it cannot be seen now: {e}"))?;
            None
        }
    };
    let facts = match threads.facts().await {
        Ok(facts) => Some(facts),
        Err(e) => {
            if sight.is_some() {
                out::line(format!("its settings cannot be seen: {e}"))?;
            }
            None
        }
    };
    Ok((sight, facts))
}

pub(super) async fn freeze(config: Config, args: Freeze) -> Result<u8, CliError> {
    may_act(&config)?;
    let statement = args.statement.read()?;
    let degraded = time("--degraded", args.degraded.as_deref())?;
    let services = Services::open(config, true).await?;
    let limits = services.freeze_limits(&args.replica).map_err(|e| arrival::near(&services, &args.replica, e))?;
    let name = services.freeze_name(&args.replica).await?;
    let threads = services.freeze_threads(&name)?;
    let now = services.store.now().await?;
    let shown = Shown::text(&name).to_string();
    let (sight, facts) = look(&services, &*threads).await?;
    if let Some(sight) = &sight {
        out::line(format!("{shown}:"))?;
        for line in sight_lines(sight) {
            out::line(format!("  {line}"))?;
        }
    }
    let judged = services.freeze_line(&name, &limits).await?;
    if !statement.is_unknown() {
        let line = seen_line(judged, sight.as_ref(), facts.as_ref(), Services::is_external(&limits));
        tell_prospect(&statement, line.as_ref(), now)?;
    }
    if let (Some(facts), Some(sight)) = (&facts, &sight) {
        for danger in dangers(facts, sight) {
            out::line(format!("  {danger}"))?;
        }
    }
    agreed(&name, args.yes, "stop the SQL thread, then the IO thread, of")?;
    let keeper = services.keeper();
    let asked = Asked {
        replica: name.clone(),
        channel: name.split_once('/').map(|(_, channel)| channel.to_owned()).unwrap_or_default(),
        external: Services::is_external(&limits),
        gap: limits.tool_interval,
        statement,
        degraded,
        who: who(),
        loss: None,
        facts,
    };
    let kept = keeper.begin(asked).await?;
    let mut signals = Signals::new()?;
    let kept = until(&keeper, &*threads, kept, &mut signals, |kept| kept.record.phase == Phase::Frozen).await?;
    let now = services.store.now().await?;
    let done = told::is_frozen(&kept.record, now, FRESH);
    out::line("")?;
    out::line(report::lines(&kept.record, services.freeze_line(&name, &limits).await?, now).join("\n"))?;
    if !done {
        out::line(format!(
            "\n{shown} is not frozen yet: the workers (firn run) go on; firn delay freeze {shown} does, too"
        ))?;
        return Ok(FAILED);
    }
    if args.watch {
        out::line(format!("\nwatching until {shown} is resumed; interrupted, the workers (firn run) watch alone"))?;
        let kept = until(&keeper, &*threads, kept, &mut signals, |kept| kept.ended).await?;
        let now = services.store.now().await?;
        return Ok(if kept.ended || told::is_frozen(&kept.record, now, FRESH) { 0 } else { FAILED });
    }
    out::line(format!(
        "\nthe workers (firn run) watch that it stands; where none runs: firn delay freeze {shown} --watch"
    ))?;
    Ok(0)
}

/// How far it has got, by what was judged and what is seen now.
fn seen_line(judged: Option<Line>, sight: Option<&Sight>, facts: Option<&Facts>, external: bool) -> Option<Line> {
    let line = match (judged, sight) {
        (Some(line), Some(sight)) => line.with(sight.clone()),
        (None, Some(sight)) => Line::alone(sight.clone(), external, FRESH, FRESH),
        (line, None) => line?,
    };
    Some(Line { parallel: is_parallel(facts, line.parallel), ..line })
}

fn tell_prospect(statement: &Statement, line: Option<&Line>, now: Time) -> Result<(), CliError> {
    match line {
        Some(line) => {
            for text in prospect_lines(statement, &prospect(statement, line, now)) {
                out::line(format!("  {text}"))?;
            }
        }
        None => out::line("  it was never seen: how far it has got is not known")?,
    }
    Ok(())
}

/// Tends a freeze until it is as is wanted, or a signal comes. What happens is printed as it does.
async fn until(
    keeper: &Keeper,
    threads: &dyn Threads,
    kept: Kept,
    signals: &mut Signals,
    wanted: fn(&Kept) -> bool,
) -> Result<Kept, CliError> {
    Box::pin(rounds(keeper, threads, kept, signals, wanted)).await
}

async fn rounds(
    keeper: &Keeper,
    threads: &dyn Threads,
    kept: Kept,
    signals: &mut Signals,
    wanted: fn(&Kept) -> bool,
) -> Result<Kept, CliError> {
    let mut printed = 0;
    let mut last = String::new();
    let mut kept = kept;
    loop {
        // A look that hangs ends by its own time-outs; a signal need not wait for it.
        let round = tokio::select! {
            biased;
            () = signals.any() => return Ok(kept),
            round = keeper.tend(kept.id, threads) => round?,
        };
        let Some(tended) = round else { return Ok(kept) };
        kept = tended.kept;
        printed = print_new(&kept, printed)?;
        let now = keeper.store.now().await?;
        let words = told::words(&kept.record, now, FRESH);
        // A countdown is said by its beginning alone.
        let brief = words.split("; ").next().unwrap_or_default().to_owned();
        if brief != last {
            out::line(format!("{now}  {words}"))?;
            last = brief;
        }
        if kept.ended || wanted(&kept) {
            return Ok(kept);
        }
        if tended.overtaken {
            continue;
        }
        tokio::select! {
            biased;
            () = signals.any() => return Ok(kept),
            () = keeper.clock.sleep(EVERY) => {}
        }
    }
}

/// Prints what is new in the history; how much of it has been printed then.
fn print_new(kept: &Kept, printed: usize) -> Result<usize, CliError> {
    let history = &kept.record.history;
    for entry in history.iter().skip(printed) {
        out::line(format!("{}  {}", entry.at, entry.text))?;
    }
    // A history that was cut in its middle is not told again.
    Ok(history.len())
}

pub(super) async fn resume(config: Config, args: Resume) -> Result<u8, CliError> {
    may_act(&config)?;
    let until_spot = args.until.as_deref().map(|text| arrival::spot("--until", text)).transpose()?;
    let services = Services::open(config, false).await?;
    let name = services.freeze_name(&args.replica).await?;
    let keeper = services.keeper();
    let shown = Shown::text(&name).to_string();
    let Some(kept) = keeper.open_of(&name).await? else { return Err(KeepError::None(shown).into()) };
    if args.no_start {
        agreed(&name, args.yes, "end the freeze, and start nothing, of")?;
        keeper.order(&name, &who(), |record, now| orders::ask_release(record, &who(), now)).await?;
        out::line(format!("the freeze of {shown} is ended; nothing was started, nobody watches that it stands"))?;
        return Ok(0);
    }
    if args.by_hand {
        agreed(&name, args.yes, "go on by hand, unwatched, with")?;
        keeper.order(&name, &who(), |record, now| orders::ask_by_hand(record, &who(), now)).await?;
        out::line(format!("nobody watches that {shown} stands; firn delay freeze {shown} stops it and watches anew"))?;
        return Ok(0);
    }
    let limits = services.freeze_limits(&name)?;
    let threads = services.freeze_threads(&name)?;
    let (sight, facts) = look(&services, &*threads).await?;
    let Some(sight) = sight else {
        return Err(CliError::Refused(format!("{shown} is not resumed while it cannot be seen; nothing was done")));
    };
    let now = services.store.now().await?;
    out::line(report::lines(&kept.record, services.freeze_line(&name, &limits).await?, now).join("\n"))?;
    out::line("")?;
    let judged = services.freeze_line(&name, &limits).await?;
    let line = report::line_of(&kept.record, judged).map(|line| line.with(sight.clone()));
    let line = line.map(|line| Line { parallel: is_parallel(facts.as_ref(), line.parallel), ..line });
    if let Some(spot) = until_spot {
        let Some(line) = line else {
            return Err(CliError::Refused(format!("how far {shown} has got is not known; nothing was done")));
        };
        if facts.as_ref().is_some_and(Facts::start_deletes) {
            let e = crate::delay::freeze::commands::CommandError::DeletesRelayLog(shown);
            return Err(CliError::Refused(e.to_string()));
        }
        // What cannot be ordered is told before anybody types a name.
        orders::ask_until(&kept.record, spot.clone(), &who(), &line, now).map_err(KeepError::NotNow)?;
        let waits = sight.sql_delay.filter(|delay| *delay > 0);
        if let Some(delay) = waits {
            let delay = Span(Duration::from_secs(delay));
            out::line(format!(
                "the SQL thread goes on waiting {delay} for each transaction, so it may take that long"
            ))?;
        }
        agreed(&name, args.yes, "run the SQL thread up to that place, and no further, of")?;
        // While the name was typed it may have gone on.
        let (sight, facts) = look(&services, &*threads).await?;
        let Some(sight) = sight else {
            return Err(CliError::Refused(format!("{shown} cannot be seen any more; nothing was done")));
        };
        let line = Line { parallel: is_parallel(facts.as_ref(), line.parallel), ..line.with(sight) };
        let kept = keeper
            .order(&name, &who(), |record, now| orders::ask_until(record, spot.clone(), &who(), &line, now))
            .await?;
        let mut signals = Signals::new()?;
        let kept = until(&keeper, &*threads, kept, &mut signals, |kept| kept.record.phase == Phase::Frozen).await?;
        let shown = Shown::text(&name).to_string();
        let failed = kept.record.last.as_ref().and_then(|sight| sight.sql_error.as_ref());
        if let Some((errno, text)) = failed {
            out::line(format!(
                "{shown} did not get to that place: the SQL thread stopped with error {errno}: {}",
                Shown::text(text)
            ))?;
        }
        return Ok(if kept.record.phase == Phase::Frozen && failed.is_none() { 0 } else { FAILED });
    }
    let pending = tell_resume(&kept, &sight, facts.as_ref(), line.as_ref(), now)?;
    if args.yes && pending && !args.lets_it_apply {
        return Err(CliError::Refused(format!(
            "the statement may not have been applied on {shown}, and resuming lets it be applied; --lets-it-apply says that this is meant. Nothing was done"
        )));
    }
    agreed(&name, args.yes, "start both threads of")?;
    let kept = keeper.order(&name, &who(), |record, now| orders::ask_resume(record, &who(), now)).await?;
    let mut signals = Signals::new()?;
    let kept = until(&keeper, &*threads, kept, &mut signals, |kept| kept.ended).await?;
    if kept.ended {
        return Ok(0);
    }
    out::line(format!(
        "{shown} does not run yet: the workers (firn run) go on, and so does firn delay resume {shown}"
    ))?;
    Ok(FAILED)
}

/// Says what resuming does; whether the statement may still be applied by it.
fn tell_resume(
    kept: &Kept,
    sight: &Sight,
    facts: Option<&Facts>,
    line: Option<&Line>,
    now: Time,
) -> Result<bool, CliError> {
    let (lines, pending) = report::resume_lines(&kept.record, sight, facts, line, now);
    out::line("resuming starts the IO thread, then the SQL thread:")?;
    for line in lines {
        out::line(format!("  {line}"))?;
    }
    Ok(pending)
}

pub(super) async fn step(config: Config, args: StepArgs) -> Result<u8, CliError> {
    may_act(&config)?;
    let Some(step) = Step::named(&args.step) else {
        let all: Vec<&str> = Step::ALL.iter().map(|step| step.word()).collect();
        let shown = Shown::text(&args.step);
        return Err(CliError::Usage(format!("\"{shown}\" is no recovery step; there are {}", all.join(", "))));
    };
    let at = time("--at", args.at.as_deref())?;
    let services = Services::open(config, false).await?;
    let now = services.store.now().await?;
    if let Some(at) = at.filter(|at| *at > now) {
        return Err(CliError::Usage(format!("--at: {at} is not here yet, it is {now}; nothing was changed")));
    }
    let name = services.freeze_name(&args.replica).await?;
    if args.undo && step == Step::Promoted {
        // Stopped is what stands as a primary now.
        let open = services.keeper().open_of(&name).await?;
        if open.is_some_and(|kept| orders::stops(&kept.record)) {
            agreed(&name, args.yes, "take the promotion back, so that both threads are stopped again, of")?;
        }
    }
    let order = |record: &_, now| orders::tick(record, step, !args.undo, &who(), at.unwrap_or(now), now);
    let kept = services.keeper().order(&name, &who(), order).await?;
    out::line(report::recovery_lines(&kept.record, services.store.now().await?).join("\n"))?;
    Ok(0)
}

pub(super) async fn loss(config: Config, args: LossArgs) -> Result<u8, CliError> {
    may_act(&config)?;
    let rebuild = parse_span(&args.rebuild).map_err(|e| CliError::Usage(format!("--rebuild: {e}")))?;
    let input = LossInput::parse(&args.value, &args.exposure, rebuild).map_err(|e| CliError::Usage(e.to_string()))?;
    let services = Services::open(config, false).await?;
    let name = services.freeze_name(&args.replica).await?;
    let order = |record: &_, now| orders::set_loss(record, input, &who(), now);
    let kept = services.keeper().order(&name, &who(), order).await?;
    out::line(report::recovery_lines(&kept.record, services.store.now().await?).join("\n"))?;
    Ok(0)
}
