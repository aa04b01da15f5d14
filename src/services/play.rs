//! What plays in a demo beside the console's own process: the other hosts with their workers, and operators who restore. Each
//! does what a process of firn does, by the same calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Order, ServiceError, Services, Wanted};
use crate::base::ids::{ArchiveId, Key, PlanId};
use crate::base::{Shown, Time, task};
use crate::demo::Stage;
use crate::demo::scenario::{Host, PlaceTrouble, PlaceTroubleKind, Restore, RestoreWish};
use crate::restore::RestoreError;
use crate::restore::ask::verdict::Line;
use crate::restore::ask::{Ask, DestSpec, SourceSpec};
use crate::store::Confirmed;
use crate::worker::kinds::Kinds;

/// Rows that are asked for at a time.
const PAGE: u32 = 1000;
/// An operator to whom the vault does not answer tries again after this …
const AGAIN: Duration = Duration::from_secs(15);
/// … and so often at most.
const TRIES: u32 = 20;

/// Starts it all; nothing of it runs before the clock moves.
pub(super) fn begin(stage: &Arc<Stage>) {
    stage.begin_past();
    for (at, host) in stage.hosts().iter().enumerate().skip(1) {
        works(stage, at, host);
    }
    stage.begin();
    for restore in stage.restores() {
        let at = stage.hosts().iter().position(|host| host.name == restore.host).unwrap_or(0);
        let services = Services::of_stage(stage, at);
        let (stage, restore) = (Arc::clone(stage), restore.clone());
        drop(stage.world.clone().spawn(async move {
            stage.clock.sleep(restore.at).await;
            for _ in 0..TRIES {
                match services.play(&stage, &restore).await {
                    Ok(()) => return,
                    Err(e) => tracing::warn!(error = %e, who = restore.who, "an operator of the scenario tries again"),
                }
                stage.clock.sleep(AGAIN).await;
            }
            tracing::error!(who = restore.who, "an operator of the scenario has given up");
        }));
    }
    for trouble in stage.places() {
        let (stage, trouble) = (Arc::clone(stage), trouble.clone());
        drop(stage.world.clone().spawn(async move {
            if let Err(e) = ails(&stage, trouble).await {
                tracing::error!(error = %e, "a folder of the scenario could not be troubled");
            }
        }));
    }
}

/// A host, from when it begins until it falls over.
fn works(stage: &Arc<Stage>, at: usize, host: &Host) {
    let services = Arc::new(Services::of_stage(stage, at));
    // The reader has looked at the words.
    let kinds = Kinds::parse(&host.workers).unwrap_or_else(|_| Kinds::all());
    let (clock, begins) = (stage.clock.clone(), host.begins);
    let group = stage.world.spawn_apart(async move {
        clock.sleep(begins).await;
        let crew = services.start(&kinds);
        crew.stop.stopped().await;
    });
    if let Some(dies) = host.dies {
        let clock = stage.clock.clone();
        drop(stage.world.spawn(async move {
            clock.sleep(dies).await;
            group.kill();
        }));
    }
}

/// A destination goes wrong, and comes back.
async fn ails(stage: &Stage, trouble: PlaceTrouble) -> Result<(), RestoreError> {
    let PlaceTrouble { place, from, until, kind } = trouble;
    let clock = &stage.clock;
    clock.sleep(from).await;
    let real = stage.root().join(place.strip_prefix("/").unwrap_or(&place));
    let mut aside = real.clone().into_os_string();
    aside.push(".aside");
    let aside = PathBuf::from(aside);
    let failed = |e: task::JoinError| RestoreError::Task(e.to_string());
    let (there, away) = (real.clone(), aside.clone());
    let begun = task::blocking(move || take_away(&there, &away, kind)).await.map_err(failed)?;
    told(&place, begun);
    clock.sleep(until.saturating_sub(from)).await;
    let ended = task::blocking(move || bring_back(&real, &aside, kind)).await.map_err(failed)?;
    told(&place, ended);
    Ok(())
}

fn told(place: &Path, done: std::io::Result<()>) {
    if let Err(e) = done {
        tracing::error!(error = %e, place = %Shown::path(place), "a folder of the scenario is not as it should be");
    }
}

fn take_away(real: &Path, aside: &Path, kind: PlaceTroubleKind) -> std::io::Result<()> {
    match std::fs::rename(real, aside) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        done => done?,
    }
    if kind == PlaceTroubleKind::File {
        if let Some(parent) = real.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(real, b"")?;
    }
    Ok(())
}

/// What was made there meanwhile stays in the way of what went away: as it would on a real host.
fn bring_back(real: &Path, aside: &Path, kind: PlaceTroubleKind) -> std::io::Result<()> {
    if kind == PlaceTroubleKind::File {
        std::fs::remove_file(real)?;
    }
    match std::fs::rename(aside, real) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

impl Services {
    /// What an operator does: asks, looks at the price, chooses, confirms.
    async fn play(&self, stage: &Stage, restore: &Restore) -> Result<(), ServiceError> {
        let order = match &restore.wish {
            RestoreWish::Lines(text) => Order::Text(text.as_str().into()),
            RestoreWish::Some { source, files, archives, to } => {
                Order::Lines(self.some(source, (*files, *archives), to).await?)
            }
        };
        let wanted = Wanted {
            order,
            names: self.names().await?,
            title: restore.title.clone(),
            who: restore.who.clone(),
            current: false,
            overwrite: false,
        };
        let drafted = self.draft(wanted).await?;
        let plan = drafted.plan;
        for wrong in &drafted.wrong {
            tracing::warn!(%plan, verdict = ?wrong.verdict, "a line of the scenario is wrong");
        }
        self.spoil(stage, plan, restore.corrupt).await?;
        let saved = self.choose(plan, Some(restore.tier)).await?;
        let Some(totals) = saved.and_then(|row| row.totals) else {
            tracing::warn!(%plan, tier = ?restore.tier, "the vault of the scenario has no such tier");
            return Ok(());
        };
        if !restore.confirm {
            return Ok(());
        }
        match self.confirm(plan, totals.hash, restore.who.clone()).await? {
            Confirmed::Yes => (0..restore.failing).for_each(|_| stage.fail_next_job()),
            other => tracing::info!(%plan, ?other, "a plan of the scenario was not confirmed"),
        }
        Ok(())
    }

    /// Files of a source, evenly from the archives that the vault took last, of those that have enough of them.
    async fn some(&self, source: &str, (files, archives): (u32, u32), to: &Path) -> Result<Vec<Line>, ServiceError> {
        let (files, archives) = (usize::try_from(files).unwrap_or(1), usize::try_from(archives).unwrap_or(1));
        let end = self.store.now().await?.plus(Duration::from_micros(1));
        let (mut held, mut before) = (Vec::new(), None);
        'found: loop {
            let page = self.store.archives_between(Time::default(), end, before, PAGE).await?;
            let Some((last, at)) = page.last().copied() else { break };
            before = Some((at, last));
            for (archive, _) in page {
                let keys = self.keys_of(archive, source).await?;
                if keys.len() >= files.div_ceil(archives.max(1)) {
                    held.push(keys);
                }
                if held.len() >= archives {
                    break 'found;
                }
            }
        }
        let mut lines: Vec<Line> = Vec::new();
        let of = held.len();
        // The oldest of them first.
        for (at, keys) in held.into_iter().rev().enumerate() {
            let quota = (files * (at + 1) / of).saturating_sub(lines.len());
            let step = (keys.len() / quota.max(1)).max(1);
            for key in keys.into_iter().step_by(step).take(quota) {
                let ask = Ask {
                    source: SourceSpec::Path { source: source.into(), key },
                    dest: DestSpec::Local { path: to.to_owned(), folder: true },
                    at: None,
                    overwrite: false,
                };
                lines.push((lines.len() + 1, Ok(ask)));
            }
        }
        if lines.len() < files {
            let found = lines.len();
            tracing::warn!(source, files, found, "the vault of the scenario holds fewer files than are to be restored");
        }
        Ok(lines)
    }

    /// Keys of a source that an archive holds, as they lie there.
    async fn keys_of(&self, archive: ArchiveId, source: &str) -> Result<Vec<Key>, ServiceError> {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.restorable_members(archive, None, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(keys) };
            after = Some(last.header_offset);
            keys.extend(page.into_iter().filter(|member| member.source == source).map(|member| member.key));
        }
    }

    /// Spoils some files of a plan where they lie: not two that are neighbours, where there are others.
    async fn spoil(&self, stage: &Stage, plan: PlanId, corrupt: u32) -> Result<(), ServiceError> {
        let corrupt = usize::try_from(corrupt).unwrap_or(usize::MAX);
        if corrupt == 0 {
            return Ok(());
        }
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.plan_restores(plan, false, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.archive.unwrap_or(ArchiveId(0)), last.offset, last.n));
            rows.extend(page.into_iter().filter(|row| row.archive.is_some() && row.length > 0));
        }
        let step = (rows.len() / corrupt).max(1);
        for row in rows.into_iter().skip(step / 2).step_by(step).take(corrupt) {
            let Some(file) = row.file else { continue };
            let found = self.store.restorable_file(file).await?.and_then(|key| key.version);
            let Some(version) = found.filter(|version| version.data_offset == row.offset) else { continue };
            if let Err(e) = stage.spoil(&version.remote_id, version.data_offset + version.length / 2) {
                tracing::error!(error = %e, %plan, "a file of the scenario could not be spoilt");
            }
        }
        Ok(())
    }
}
