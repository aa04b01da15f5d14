//! One operation on both sides.

use std::time::Duration;

use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, FileId, Generation, Lane, SessionId};
use firn::store::{ArchiveState, ChangedFile, Claimed, FetchFailure, NewBundle, PartRow};

use super::choice::Kind;
use super::{DIRS, Game, HOSTS, KEYS, Step, full, pair, plain, reaped, rules, short};
use crate::world::{LEASE, confirmed, contents, failure, file, host_key, new_bundle, refs};

impl Game {
    #[allow(clippy::too_many_lines)] // one arm for each operation
    pub(super) async fn step(&mut self, kind: Kind, (_, a, b, c): Step) -> Result<(), String> {
        let session = self.session(a);
        let id = SessionId(session);
        let lane = if b.is_multiple_of(3) { Lane::History } else { Lane::Live };
        let host = a % 2;
        let later = self.rules.now.plus(Duration::from_secs(u64::from(c % 4) * 20));
        let store = self.w.store.clone();
        match kind {
            Kind::Start => self.start(a % 2).await?,
            Kind::Renew => {
                let model = self.rules.write(|r| r.renew(session, LEASE));
                let store = store.session_renew(id, LEASE, String::new()).await;
                self.same(&format!("renew {session}"), model, store.map(|s| s.lease_until))?;
            }
            Kind::End => {
                let model = self.rules.write(|r| Ok(r.release(session, true)));
                let store = store.session_end(id).await;
                self.same(&format!("end {session}"), model, store.map(|done| reaped(&done)))?;
            }
            Kind::Reap => {
                let (dead, certain, here) = (self.session(b), c.is_multiple_of(3), c.is_multiple_of(2));
                let model = self.rules.write(|r| Ok(r.reap(dead, certain, here)));
                let store = store.reap(SessionId(dead), id, certain, here).await;
                self.same(
                    &format!("reap {dead}, certain {certain}, here {here}"),
                    model,
                    store.map(|done| reaped(&done)),
                )?;
            }
            Kind::Advance => {
                let seconds = [0, 1, 5, 20, 59, 61, 200][usize::from(a) % 7];
                self.trace.push(format!("{seconds} s pass"));
                self.went_through = Some(());
                self.w.advance(seconds);
                self.rules.advance(Duration::from_secs(seconds));
            }
            Kind::Wall => {
                let wall = if b.is_multiple_of(2) {
                    self.rules.now.minus(Duration::from_secs(u64::from(a) * 10))
                } else {
                    self.rules.now.plus(Duration::from_secs(u64::from(a)))
                };
                self.trace.push(format!("the wall jumps to {wall}"));
                self.went_through = Some(());
                self.w.set_wall(wall);
                self.rules.set_wall(wall);
            }
            Kind::Reopen => {
                self.trace.push("reopen".to_owned());
                self.went_through = Some(());
                self.w.reopen();
                self.rules.reopen();
            }
            Kind::Found => {
                let key = |n: u8| (n % 4, n / 4 % 4);
                let files: Vec<_> = [key(b), key(c)].into_iter().take(1 + usize::from(a % 2)).collect();
                let model = self.rules.write(|r| r.found(session, lane, &files));
                let found = files.iter().map(|(key, version)| file(KEYS[usize::from(*key)], *version)).collect();
                let store = store.found(id, self.source, lane, found).await;
                let queued = store.map(|outcome| outcome.queued);
                self.same(&format!("{session} found {files:?} for {lane}"), model, queued)?;
            }
            Kind::MarkGone => {
                let count = i64::try_from(self.rules.files.len()).unwrap();
                let ids: Vec<i64> =
                    [b, c].iter().map(|n| i64::from(*n) % (count + 1) + 1).take(1 + usize::from(a % 2)).collect();
                let model = self.rules.write(|r| r.mark_gone(session, &ids));
                let store = store.mark_gone(id, ids.iter().map(|id| FileId(*id)).collect()).await;
                self.same(&format!("{session} marks {ids:?} gone"), model, store)?;
            }
            Kind::Claim => {
                let limit = u32::from(c % 7);
                let model = self.rules.write(|r| r.claim(session, lane, limit as usize));
                let claimed = store.claim(id, lane, limit).await;
                if let Ok(claimed) = &claimed {
                    self.claims.extend(claimed.iter().map(|claimed| (session, claimed.clone())));
                }
                let plain = claimed.map(|claimed| claimed.iter().map(plain).collect::<Vec<_>>());
                self.same(&format!("{session} claims {limit} of {lane}"), model, plain)?;
            }
            Kind::GiveBack => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                let model = self.rules.write(|r| r.give_back(session, &[pair(&claimed)]));
                let store = store.give_back(SessionId(session), refs(std::slice::from_ref(&claimed))).await;
                self.same(&format!("{session} gives back {:?}", pair(&claimed)), model, store)?;
            }
            Kind::PutOff => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                let model = self.rules.write(|r| r.put_off(session, pair(&claimed), later));
                let store = store.put_off(SessionId(session), refs(std::slice::from_ref(&claimed)), later).await;
                self.same(&format!("{session} puts off {:?} until {later}", pair(&claimed)), model, store)?;
            }
            Kind::FetchFailed => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                let counts = !a.is_multiple_of(4);
                let model = self.rules.write(|r| r.fetch_failed(session, pair(&claimed), later, counts));
                let failed = FetchFailure { counts, ..failure(&claimed, later) };
                let store = store.fetch_failed(SessionId(session), vec![failed]).await;
                self.same(&format!("{session} failed {:?} until {later}", pair(&claimed)), model, store)?;
            }
            Kind::FetchGone => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                let model = self.rules.write(|r| r.fetch_gone(session, pair(&claimed)));
                let store = store.fetch_gone(SessionId(session), refs(std::slice::from_ref(&claimed))).await;
                self.same(&format!("{session} found {:?} gone", pair(&claimed)), model, store)?;
            }
            Kind::FetchChanged => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                let (version, failed) = (a % 4, (a.is_multiple_of(3)).then_some(later));
                let model = self.rules.write(|r| r.fetch_changed(session, pair(&claimed), version, failed));
                let change = ChangedFile {
                    file: claimed.file,
                    generation: claimed.generation,
                    found: file(&claimed.found.key.to_string(), version),
                    failed: failed.map(|at| (String::new(), at)),
                };
                let store = store.fetch_changed(SessionId(session), vec![change]).await;
                self.same(&format!("{session} found {:?} to be version {version}", pair(&claimed)), model, store)?;
            }
            Kind::Retry => {
                let only = (a.is_multiple_of(2)).then(|| i64::from(b % 8));
                let model = self.rules.write(|r| Ok(r.retry(only)));
                let store = store.retry_failed(only.map(FileId)).await;
                self.same(&format!("retry {only:?}"), model, store)?;
            }
            Kind::Open => self.open(session, lane, host, None).await?,
            Kind::OpenDirect => {
                let Some((session, claimed)) = self.claim(b) else { return Ok(()) };
                self.open(session, lane, host, Some(claimed.file.0)).await?;
            }
            Kind::Seal | Kind::Contents => {
                let sealing = matches!(kind, Kind::Seal);
                let Some((session, r)) =
                    self.bundle(b, |a| (a.state == ArchiveState::Open) == sealing && a.size.is_none())
                else {
                    return Ok(());
                };
                let load = self.load(session, c);
                // An archive gets its contents once.
                if load.is_empty() || (!sealing && self.rules.archives[&r.archive].size.is_some()) {
                    return Ok(());
                }
                let sealed = contents(&load);
                let files: Vec<_> =
                    sealed.members.iter().map(|m| (m.file.0, m.generation.0, m.header_offset)).collect();
                let (what, model, answer) = if sealing {
                    let model = self.rules.write(|rules| rules.seal(session, r, &files, sealed.size));
                    ("seals", model, store.bundle_seal(SessionId(session), full(r), sealed.clone()).await)
                } else {
                    let model = self.rules.write(|rules| rules.upload_contents(session, r, &files, sealed.size));
                    ("ends", model, store.upload_contents(SessionId(session), full(r), sealed.clone()).await)
                };
                if self.same(&format!("{session} {what} {r:?} with {files:?}"), model, answer)?.is_some() {
                    let placed = sealed.members.iter().zip(&load);
                    let version = |claimed: &Claimed| claimed.found.version.as_bytes()[0];
                    self.bytes.extend(placed.map(|(m, claimed)| ((r.number, m.data_offset), version(claimed))));
                }
            }
            Kind::Abandon => {
                let Some((session, r)) = self.bundle(b, |_| true) else { return Ok(()) };
                let load = if c.is_multiple_of(2) { self.load(session, c) } else { Vec::new() };
                let files: Vec<_> = load.iter().map(pair).collect();
                let model = self.rules.write(|rules| rules.abandon(session, r, &files));
                let store = store.bundle_abandon(SessionId(session), full(r), refs(&load), String::new()).await;
                self.same(&format!("{session} abandons {r:?} with {files:?}"), model, store)?;
            }
            Kind::UploadClaim => {
                // Mostly where there is one.
                let sealed: Vec<_> = self.rules.archives.values().filter(|a| a.state == ArchiveState::Sealed).collect();
                let there = sealed.get(usize::from(c) % sealed.len().max(1)).filter(|_| !c.is_multiple_of(8));
                let (lane, host) = there.map_or((lane, host), |archive| (archive.lane, archive.host));
                let model = self.rules.write(|r| r.upload_claim(session, lane, host));
                let claimed = store.upload_claim(id, lane, host_key(HOSTS[usize::from(host)])).await;
                let plain = claimed.map(|upload| upload.map(|upload| short(upload.bundle)));
                let taken = self.same(&format!("{session} claims an upload of {lane} on {host}"), model, plain)?;
                self.bundles.extend(taken.flatten().map(|r| (session, r)));
            }
            Kind::Begun => {
                let Some((session, r)) = self.bundle(b, |_| true) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.begun(session, r, vec![c]));
                let store = store.upload_begun(SessionId(session), full(r), vec![c], 1 << 20).await;
                self.same(&format!("{session} began {r:?}"), model, store)?;
            }
            Kind::Part => {
                let Some((session, r)) = self.bundle(b, |_| true) else { return Ok(()) };
                let number = u32::from(c % 3);
                let model = self.rules.write(|rules| rules.part(session, r, number));
                let part = PartRow { number, size: 1, tree_hash: Hash32([c; 32]), etag: None };
                let store = store.part_stored(SessionId(session), full(r), part).await;
                self.same(&format!("{session} stored part {number} of {r:?}"), model, store)?;
            }
            Kind::Stored => {
                let Some((session, r)) = self.bundle(b, |a| a.size.is_some()) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.stored(session, r));
                let store = store.upload_stored(SessionId(session), full(r), confirmed(r.number)).await;
                self.same(&format!("{session} stored {r:?}"), model, store.map(|stored| stored.files))?;
            }
            Kind::Failed => {
                let Some((session, r)) = self.bundle(b, |a| a.size.is_some()) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.failed(session, r, later));
                let store = store.upload_failed(SessionId(session), full(r), "upload", String::new(), later).await;
                self.same(&format!("{session} failed to upload {r:?} until {later}"), model, store)?;
            }
            Kind::Unknown => {
                let Some((session, r)) = self.bundle(b, |a| a.size.is_some()) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.unknown(session, r, later));
                let store = store.upload_unknown(SessionId(session), full(r), String::new(), later).await;
                self.same(&format!("{session} does not know of {r:?} until {later}"), model, store)?;
            }
            Kind::UploadAbandon => {
                let Some((session, r)) = self.bundle(b, |_| true) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.upload_abandon(session, r));
                let store = store.upload_abandon(SessionId(session), full(r), "word", String::new()).await;
                self.same(&format!("{session} abandons the upload {r:?}"), model, store)?;
            }
            Kind::Pause => {
                let Some((session, r)) = self.bundle(b, |a| a.direct.is_some() && a.size.is_none()) else {
                    return Ok(());
                };
                let direct = self.rules.archives[&r.archive].direct;
                let mine = self.claims.iter().rev().find(|(_, claimed)| Some(claimed.file.0) == direct).cloned();
                let Some((_, claimed)) = mine else { return Ok(()) };
                let model = self.rules.write(|rules| rules.pause(session, r, pair(&claimed), later));
                let store = store.direct_pause(SessionId(session), full(r), failure(&claimed, later)).await;
                self.same(&format!("{session} pauses {r:?} until {later}"), model, store)?;
            }
            Kind::Resume => {
                let paused: Vec<_> =
                    self.rules.archives.iter().filter_map(|(id, archive)| Some((*id, archive.direct?))).collect();
                let Some((archive, file)) = paused.get(usize::from(b) % paused.len().max(1)).copied() else {
                    return Ok(());
                };
                let model = self.rules.write(|r| r.resume(session, archive, file));
                let resumed = store.direct_resume(id, ArchiveId(archive), FileId(file)).await;
                let plain = resumed.map(|resumed| resumed.map(|resumed| short(resumed.bundle)));
                let taken = self.same(&format!("{session} takes up {archive} for file {file}"), model, plain)?;
                self.bundles.extend(taken.flatten().map(|r| (session, r)));
            }
            Kind::SettleClaim => {
                let limit = u32::from(b % 4);
                let model = self.rules.write(|r| r.settle_claim(session, limit as usize));
                let taken = store.settle_claim(id, limit).await;
                let plain = taken.map(|taken| taken.iter().map(|upload| short(upload.bundle)).collect::<Vec<_>>());
                let taken = self.same(&format!("{session} settles {limit}"), model, plain)?;
                self.bundles.extend(taken.into_iter().flatten().map(|r| (session, r)));
            }
            Kind::SettleStored => {
                let Some((session, r)) = self.bundle(b, |a| a.size.is_some()) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.settle_stored(session, r));
                let store = store.settle_stored(SessionId(session), full(r), confirmed(r.number)).await;
                self.same(&format!("{session} settles {r:?} as stored"), model, store)?;
            }
            Kind::Repeat => {
                let unknown = |a: &rules::Archive| a.state == ArchiveState::Unknown;
                let Some((session, r)) = self.bundle(b, unknown) else { return Ok(()) };
                let model = self.rules.write(|rules| rules.repeat(session, r, later));
                let store = store.repeat_unknown(SessionId(session), full(r), later).await;
                self.same(&format!("{session} repeats {r:?}"), model, store)?;
            }
            Kind::Adopt => {
                // Mostly for a host where somebody is, as in life.
                let host = if self.rules.host_lives(host) || c == 0 { host } else { 1 - host };
                let (dir, lost_after) = (u8::from(c.is_multiple_of(5)), Duration::from_secs(u64::from(c % 4) * 60));
                let there = |number: &u8| number % 2 == b % 2;
                let names: Vec<u8> = (1..=self.number).filter(there).collect();
                let model = self.rules.write(|r| r.adopt(session, (host, dir), &names, lost_after));
                let files = names.iter().map(|number| format!("{number}.tar")).collect();
                let place = (host_key(HOSTS[usize::from(host)]), DIRS[usize::from(dir)].into());
                let store = store.adopt_staged(id, place.0, place.1, files, lost_after).await;
                let plain = store.map(|outcome| (outcome.adopted, outcome.abandoned));
                let what = format!("{session} adopts {names:?} for {host} and {dir}, lost after {lost_after:?}");
                self.same(&what, model, plain)?;
            }
            Kind::Source => {
                let current = |file: &rules::File| file.superseded.is_none() && file.gone.is_none();
                let model = self.rules.write(|r| Ok(r.files.values().any(current)));
                let store = store.source("ugc".to_owned(), "directory").await;
                self.same("the source has files", model, store.map(|row| row.has_files))?;
            }
            Kind::Duty => {
                let model = self.rules.write(|r| r.duty_take(session));
                let taken = store.duty_take("duty".to_owned(), id).await;
                let plain = taken.map(|row| row.map(|row| row.generation.0));
                let held = self.same(&format!("{session} takes the duty"), model, plain)?.flatten();
                self.duties.extend(held.map(|generation| (session, generation)));
            }
            Kind::DutyDone => {
                let Some((session, generation)) = self.duties.get(usize::from(b) % self.duties.len().max(1)).copied()
                else {
                    return Ok(());
                };
                let id = SessionId(session);
                let model = self.rules.write(|r| r.duty_done(session, generation));
                let done = store.duty_done("duty".to_owned(), id, Generation(generation), later, String::new()).await;
                self.same(&format!("{session} has done the duty under {generation}"), model, done)?;
                if c.is_multiple_of(2) {
                    self.rules
                        .write(|r| {
                            r.duty_release(session);
                            Ok(())
                        })
                        .unwrap();
                    store.duty_release("duty".to_owned(), id).await.unwrap();
                }
            }
        }
        Ok(())
    }

    async fn open(&mut self, session: i64, lane: Lane, host: u8, direct: Option<i64>) -> Result<(), String> {
        self.number += 1;
        let number = self.number;
        let model = self.rules.write(|r| r.open(session, number, lane, host, direct));
        let new = new_bundle(number, HOSTS[usize::from(host)]);
        let staged = new.staged.clone().filter(|_| direct.is_none());
        let new = NewBundle { lane, staged, direct: direct.map(FileId), ..new };
        let opened = self.w.store.bundle_open(SessionId(session), new).await;
        let what = format!("{session} opens {number} for {lane} on {host}, direct {direct:?}");
        let taken = self.same(&what, model, opened.map(short))?;
        self.bundles.extend(taken.map(|r| (session, r)));
        Ok(())
    }
}
