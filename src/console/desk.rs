//! What the console asks of restores, one call each: everything that it needs of them stands here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::format;
use super::tabs::restore::about::{self, ListOf, ListPlace, ListRow};
use super::tabs::restore::editor::LONGEST;
use crate::base::hash::Hash32;
use crate::base::ids::{PlanId, RetrievalUuid};
use crate::base::units::{Count, Size};
use crate::base::{Severity, Shown, task};
use crate::console::details::Details;
use crate::console::list::PAGE;
use crate::restore::ask::check::Checker;
use crate::restore::ask::verdict::{Verdict, elsewhere, undelivered};
use crate::restore::ask::{self, DestSpec, Names};
use crate::restore::findings::Held;
use crate::restore::snapshot::{PlanLine, RestoreSnapshot, gather, steps, stuck};
use crate::restore::view::{DraftView, LineVerdict, QuoteView, VerdictPage, tier};
use crate::services::{self, Drafted, Faster, Order, Services, Wanted};
use crate::store::{Confirmed, NewEvent, PlanRow, PlanState};

/// Parts of a plan that its details are made of.
const PARTS: u32 = 200;
/// Events of a plan that its details show: the newest.
const EVENTS: u32 = 200;

/// How restores stand.
pub async fn snapshot(services: &Services) -> Result<RestoreSnapshot, String> {
    gather(&*services.store, services.budget()).await.map_err(|e| e.to_string())
}

/// A plan with the steps of its parts, where it is running.
async fn line(services: &Services, row: PlanRow, held: Option<Held>) -> Result<PlanLine, String> {
    let mut standing = None;
    if row.state == PlanState::Running {
        let parts = services.store.plan_parts_page(row.id, None, PARTS).await.map_err(|e| e.to_string())?;
        standing = Some(steps(&parts, parts.len() == PARTS as usize));
    }
    Ok(PlanLine { row, steps: standing, held })
}

/// A page of plans, the newest first.
pub async fn plans(services: &Services, before: Option<PlanId>) -> Result<Vec<PlanLine>, String> {
    let rows = services.store.plans(before, PAGE).await.map_err(|e| e.to_string())?;
    let mut held = stuck(&*services.store).await.map_err(|e| e.to_string())?;
    // Old ones: they have ended, but for few.
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let held = held.remove(&row.id);
        lines.push(line(services, row, held).await?);
    }
    Ok(lines)
}

/// All about a plan.
pub async fn plan(services: &Services, plan: PlanId) -> Result<Details, String> {
    let row = row(services, plan).await?;
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    let parts = services.store.plan_parts_page(plan, None, PARTS).await.map_err(|e| e.to_string())?;
    let more = parts.len() == PARTS as usize;
    let host = host_of(services, &row.host).await?;
    let standing = (row.state == PlanState::Running).then(|| steps(&parts, more));
    let mut own = services.store.events_of(format!("plan {plan}"), EVENTS).await.map_err(|e| e.to_string())?;
    own.reverse();
    let held = stuck(&*services.store).await.map_err(|e| e.to_string())?.remove(&plan);
    Ok(about::plan(&PlanLine { row, steps: standing, held }, &host, (&parts, more), &own, now))
}

/// What a host is called, as far as a session says; else as the state names it.
async fn host_of(services: &Services, key: &str) -> Result<String, String> {
    if services.process.host_key() == key {
        return Ok(services.process.host.clone());
    }
    let sessions = services.store.sessions().await.map_err(|e| e.to_string())?;
    let found = sessions.into_iter().find(|row| row.process.host_key() == key);
    Ok(found.map_or_else(|| key.to_owned(), |row| row.process.host))
}

async fn row(services: &Services, plan: PlanId) -> Result<PlanRow, String> {
    let row = services.store.plan(plan).await.map_err(|e| e.to_string())?;
    row.ok_or_else(|| format!("the state knows no plan {plan} any more"))
}

/// A page of the files or parts of a plan.
pub async fn rows(
    services: &Services,
    plan: PlanId,
    of: ListOf,
    after: Option<ListPlace>,
) -> Result<Vec<ListRow>, String> {
    let row = row(services, plan).await?;
    match of {
        ListOf::Files { wrong } => {
            let after = match after {
                Some(ListPlace::File(place)) => Some(place),
                _ => None,
            };
            let rows = services.store.plan_restores(plan, wrong, after, PAGE).await.map_err(|e| e.to_string())?;
            Ok(rows.iter().map(|file| about::file(file, row.state)).collect())
        }
        ListOf::Parts => {
            let after = match after {
                Some(ListPlace::Part(archive)) => Some(archive),
                _ => None,
            };
            let now = services.store.now().await.map_err(|e| e.to_string())?;
            let rows = services.store.plan_parts_page(plan, after, PAGE).await.map_err(|e| e.to_string())?;
            Ok(rows.iter().map(|part| about::part(part, now)).collect())
        }
    }
}

/// What names in requests mean, and where to when a line does not say.
async fn names(services: &Services, dest: Option<&str>) -> Result<Names, String> {
    let names = services.names().await.map_err(|e| e.to_string())?;
    match dest.map(|dest| DestSpec::read(dest.as_bytes(), false, &names)) {
        None => Ok(names),
        Some(Ok(dest)) => Ok(names.with_dest(dest)),
        Some(Err(e)) => Err(format!("the destination \"{}\": {e}", Shown::text(dest.unwrap_or_default()))),
    }
}

/// Looks at each line of a text; verdicts come page by page.
pub async fn check(
    services: Arc<Services>,
    text: Arc<str>,
    dest: Option<String>,
    revision: u64,
    to: mpsc::Sender<VerdictPage>,
) -> Result<(), String> {
    let names = names(&services, dest.as_deref()).await?;
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    let checker = Checker::new(Arc::clone(&services.store), names);
    let (pages, mut coming) = mpsc::channel::<ask::check::Checked>(2);
    let pass_on = async {
        while let Some(page) = coming.recv().await {
            let verdicts = page.verdicts.iter().map(verdict).collect();
            if to.send(VerdictPage { revision: page.revision, verdicts }).await.is_err() {
                break;
            }
        }
        drop(coming);
    };
    let (looked, ()) = tokio::join!(checker.check(text, revision, now, pages), pass_on);
    looked.map(|_| ()).map_err(|e| e.to_string())
}

/// A verdict as it is drawn.
fn verdict(found: &ask::verdict::LineVerdict) -> LineVerdict {
    let usable = found.usable();
    // What is usable and has something to be said with it.
    let noted = match &found.verdict {
        Verdict::One { ready, also } => ready.gone_at.is_some() || ready.newer_waits || also.is_some(),
        _ => false,
    };
    let undelivered = found.ask.as_ref().is_some_and(|ask| undelivered(&ask.dest).is_some());
    let severity = match (usable, noted || undelivered) {
        (false, _) => Severity::Critical,
        (true, true) => Severity::Warning,
        (true, false) => Severity::Ok,
    };
    LineVerdict { line: found.line.saturating_sub(1), usable, severity, short: found.short() }
}

/// Puts a draft together and prices it in every tier.
pub async fn draft(services: &Services, text: Arc<str>, dest: Option<String>, who: &str) -> Result<DraftView, String> {
    let names = names(services, dest.as_deref()).await?;
    drafted(services, Order::Text(text), names, who).await
}

/// The same of what of a plan was not delivered.
pub async fn supplement(services: &Services, plan: PlanId, who: &str) -> Result<DraftView, String> {
    let names = names(services, None).await?;
    drafted(services, Order::RestOf(plan), names, who).await
}

async fn drafted(services: &Services, order: Order, names: Names, who: &str) -> Result<DraftView, String> {
    let wanted = Wanted { order, names, title: None, who: who.to_owned(), current: false, overwrite: false };
    let drafted = services.draft(wanted).await.map_err(|e| e.to_string())?;
    let row = row(services, drafted.plan).await?;
    Ok(view(&drafted, &row))
}

/// Wrong lines that the plan screen lists.
const WRONG: usize = 200;

fn view(drafted: &Drafted, row: &PlanRow) -> DraftView {
    let added = &drafted.added;
    let mut notes = drafted.notes.clone();
    let mut note = |count: u64, of: &str| {
        if count > 0 {
            notes.push(format!("{} {of}", Count(count)));
        }
    };
    note(added.impossible, "more cannot be restored: its details say why of each");
    note(added.twice, "left out: another file of the plan goes to the same place");
    note(added.gone, "were deleted at their source since");
    note(added.newer_waits, "have a newer version that no vault holds yet");
    note(added.folders_now, "deleted files left out: folders have their names now");
    let wrong = drafted.wrong.iter().take(WRONG);
    DraftView {
        plan: drafted.plan,
        title: Shown::text(&row.title).to_string(),
        // The slowest, which is the cheapest, first.
        quotes: drafted.quotes.iter().rev().map(QuoteView::from).collect(),
        overwrites: added.overwrites,
        notes,
        refused: wrong.map(|found| format!("line {}: {}", found.line, found.short())).collect(),
        refused_count: drafted.wrong_count,
        undelivered: added.refused(),
    }
}

/// Saves a draft in a tier.
pub async fn choose(services: &Services, plan: PlanId, word: Option<String>) -> Result<PlanRow, String> {
    let none = || "the vault has no such tier, or somebody has confirmed or dropped the plan".to_owned();
    let tier = tier(word.as_deref()).ok_or_else(none)?;
    services.choose(plan, tier).await.map_err(|e| e.to_string())?.ok_or_else(none)
}

async fn confirmed(services: &Services, plan: PlanId, hash: Hash32, who: &str) -> Result<Confirmed, String> {
    services.confirm(plan, hash, who.to_owned()).await.map_err(|e| e.to_string())
}

/// Confirms a plan, and says what came of it.
pub async fn confirm(services: &Arc<Services>, plan: PlanId, hash: Hash32, who: &str) -> Result<String, String> {
    told(plan, confirmed(services, plan, hash, who).await?)
}

/// What came of confirming, in words.
pub fn told(plan: PlanId, confirmed: Confirmed) -> Result<String, String> {
    match confirmed {
        Confirmed::Yes => Ok(format!("plan {plan} is confirmed: the restore worker of its host carries it out")),
        Confirmed::Already { who, at } => {
            Err(format!("plan {plan} was confirmed by {} at {at}; it is carried out once", Shown::text(&who)))
        }
        Confirmed::Changed => Err(format!("plan {plan} is no longer the one that was shown; look at it again")),
        Confirmed::Not(state) => Err(format!("plan {plan} is {}; it cannot be confirmed", state.word())),
        Confirmed::Undelivered { kind } => Err(format!(
            "plan {plan} has files for {}, which this version does not write to yet: it is priced and cannot be confirmed",
            elsewhere(&kind)
        )),
        Confirmed::Over { budget, when, limit, used, asked } => {
            let when = if when.is_empty() { String::new() } else { format!(" ({when})") };
            Err(format!(
                "plan {plan} would go beyond the budget of a {budget}{when}: {limit}, of which {used} is spent or set \
                 aside, and the plan may cost up to {asked}; nothing was asked for"
            ))
        }
    }
}

/// Stops a plan, and says what of it is paid and goes on.
pub async fn cancel(services: &Arc<Services>, plan: PlanId, who: &str) -> Result<String, String> {
    let left = services.cancel_plan(plan, who.to_owned()).await.map_err(|e| e.to_string())?;
    if !left.done {
        return Err(format!("plan {plan} was not running; nothing was stopped"));
    }
    let jobs = match left.jobs {
        0 => "no job goes on".to_owned(),
        1 => "1 job goes on at the vault".to_owned(),
        n => format!("{} jobs go on at the vault", Count(n)),
    };
    Ok(format!("plan {plan} is stopped: {} spent, {} delivered, {jobs}", left.spent, format::files(left.delivered)))
}

/// What making jobs of a running plan faster takes, in each tier, the fastest first.
pub async fn faster(services: &Services, plan: PlanId, job: Option<RetrievalUuid>) -> Result<Vec<Faster>, String> {
    services.faster(plan, job).await.map_err(|e| e.to_string())
}

/// Makes jobs faster as it was shown, and says what came of it.
pub async fn make_faster(services: &Arc<Services>, faster: &Faster, who: &str) -> Result<String, String> {
    let hurried = services.make_faster(faster, who.to_owned()).await.map_err(|e| e.to_string())?;
    services::told(faster, &hurried)
}

/// Throws a plan away that nobody has confirmed.
pub async fn drop_plan(services: &Arc<Services>, plan: PlanId) -> Result<String, String> {
    let dropped = services.store.plan_drop(plan).await.map_err(|e| e.to_string())?;
    if dropped { Ok(format!("plan {plan} is dropped")) } else { Err(format!("plan {plan} was there no more to drop")) }
}

/// Has what is held up of a plan tried again now.
pub async fn again(services: &Arc<Services>, plan: PlanId, who: &str) -> Result<String, String> {
    let parts = services.store.plan_again(plan).await.map_err(|e| e.to_string())?;
    let said = match parts {
        0 => return Err(format!("nothing of plan {plan} is held up any more, or it is being tried right now")),
        1 => "1 archive is tried again now".to_owned(),
        n => format!("{} archives are tried again now", Count(n)),
    };
    let event = NewEvent {
        who: who.to_owned(),
        what: "restore.again".to_owned(),
        object: format!("plan {plan}"),
        detail: said.clone(),
        outcome: "done".to_owned(),
    };
    // It is done, whether or not that can be written down.
    if let Err(e) = services.store.event(event).await {
        tracing::warn!(error = %e, %plan, "that a plan is tried again could not be written down");
    }
    Ok(format!("plan {plan}: {said}"))
}

/// Reads a list of requests from a file.
pub async fn load(path: PathBuf) -> Result<String, String> {
    let read = task::blocking(move || read(&path)).await;
    read.unwrap_or_else(|e| Err(e.to_string()))
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    if !file.metadata().map_err(|e| e.to_string())?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let most = LONGEST as u64;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("it is larger than {}; `firn restore --batch` reads any number of lines", Size(most)));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&e.as_bytes()[..at]).matches('\n').count() + 1;
        format!("line {line} is not UTF-8; write such bytes as \\xNN in quotes")
    })
}

/// Writes a list to a file: under another name first, so that it is there whole or not at all.
pub async fn save(path: PathBuf, text: Arc<str>, replace: bool) -> Result<(), String> {
    let written = task::blocking(move || write(&path, &text, replace)).await;
    written.unwrap_or_else(|e| Err(e.to_string()))
}

fn write(path: &Path, text: &str, replace: bool) -> Result<(), String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let said = |e: std::io::Error| e.to_string();
    let mut name = path.file_name().ok_or("it names no file")?.to_owned();
    name.push(format!(".part{}", std::process::id()));
    let part = path.with_file_name(name);
    let put = || -> Result<(), String> {
        let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&part).map_err(said)?;
        file.write_all(text.as_bytes()).map_err(said)?;
        if !text.ends_with('\n') {
            file.write_all(b"\n").map_err(said)?;
        }
        file.sync_all().map_err(said)?;
        if replace {
            return std::fs::rename(&part, path).map_err(said);
        }
        // A link does not take the place of what is there.
        std::fs::hard_link(&part, path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => "there is a file of that name; name another".to_owned(),
            _ => e.to_string(),
        })
    };
    let done = put();
    // Nothing is left of it but its final name.
    let _ = std::fs::remove_file(&part);
    done
}
