//! A claimed part, from its first file to its last.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::batch::Outbox;
use super::folders::{Folders, Places};
use super::member::{Place, members};
use super::pieces::{Piece, gap, pieces};
use super::purse::Purse;
use super::reader::{NoBytes, Reader};
use super::writer::{Round, Writer};
use super::{Delivery, STUBBORN, gone, spread};
use crate::base::ids::{ArchiveUuid, DestId, RetrievalUuid};
use crate::base::{Money, task};
use crate::restore::landing::{NotRestored, PIECE};
use crate::store::{PartEnd, PartKey, PartWork, StoreError};

/// Files that are asked of the state at a time.
const PAGE: u32 = 1000;

/// The job whose output is read.
pub(super) struct Job {
    /// The vault's name for it.
    pub id: Vec<u8>,
    /// Ours, where it was asked for.
    pub retrieval: Option<RetrievalUuid>,
}

/// A part while it is delivered.
pub(super) struct Claim<'a> {
    pub of: &'a Delivery,
    pub key: PartKey,
    work: &'a PartWork,
    uuid: ArchiveUuid,
    reader: Reader,
    retrieval: Option<RetrievalUuid>,
    places: Arc<Places>,
    there: bool,
    free: bool,
    state: Mutex<State>,
}

/// What both sides of a delivery know: who reads and writes, and who syncs and names.
#[derive(Default)]
struct State {
    /// Destinations that take nothing now, and why.
    troubles: BTreeMap<DestId, String>,
    /// Why not every file has its outcome, though no destination is to blame.
    unfinished: Option<String>,
    /// The state takes nothing more from this claim.
    halted: bool,
}

/// What can be done about bytes that are not there.
const OLDER: &str = "an older version, if there is one, is restored by naming an earlier time";

/// What reading came to.
struct Read {
    /// Nothing where it fell over.
    writer: Option<Writer>,
    damaged: Vec<(usize, NotRestored)>,
    /// How the part ends, if that is where it does.
    end: Option<PartEnd>,
}

/// How a page came out.
enum Paged {
    /// The next one.
    On,
    /// That is the end of this claim.
    End(PartEnd),
}

impl<'a> Claim<'a> {
    pub(super) fn new(
        of: &'a Delivery,
        work: &'a PartWork,
        key: PartKey,
        job: Job,
        places: Arc<Places>,
        there: bool,
    ) -> Self {
        let egress = (of.egress)();
        let reader = Reader {
            vault: Arc::clone(&of.vault),
            clock: of.clock.clone(),
            stop: of.stop.clone(),
            job: job.id,
            asked: job.retrieval.is_some(),
            stubborn: work.attempts >= STUBBORN,
            spread: spread(work),
            purse: Purse::new(Arc::clone(&of.store), of.session, key, Arc::clone(&egress)),
            ends: Mutex::default(),
        };
        let free = egress(work.archive_size).is_zero();
        let retrieval = job.retrieval;
        Self { of, key, work, uuid: work.uuid, reader, retrieval, places, there, free, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folders as they are now.
    pub(super) fn folders(&self) -> Folders {
        Folders::new(self.key.plan, Arc::clone(&self.places), Arc::clone(&self.of.seen), self.there)
    }

    /// Destinations that take nothing now: their files wait for another try.
    pub(super) fn trouble(&self, troubles: Vec<(DestId, String)>) {
        let mut state = self.state();
        for (dest, why) in troubles {
            state.troubles.entry(dest).or_insert(why);
        }
    }

    /// All of them.
    pub(super) fn trouble_all(&self, why: &str) {
        self.trouble(self.places.keys().map(|dest| (*dest, why.to_owned())).collect());
    }

    /// Files are left without an outcome.
    pub(super) fn unfinished(&self, why: &str) {
        self.state().unfinished.get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn halt(&self) {
        self.state().halted = true;
    }

    pub(super) fn is_halted(&self) -> bool {
        self.state().halted
    }

    /// Reads, writes, syncs, names and tells: how the part goes on.
    pub(super) async fn carry_out(self) -> Result<PartEnd, StoreError> {
        let active = self.of.syncs.enter();
        let (to, from) = mpsc::channel(1);
        let walk = async {
            let mut outbox = Outbox::new(to);
            let walked = self.walk(&mut outbox).await.inspect_err(|_| self.halt());
            outbox.send().await;
            walked
        };
        let (walked, settled) = tokio::join!(walk, self.settle(from));
        drop(active);
        // However it ended, and though the plan may have been cancelled.
        let given_back = self.reader.purse.give_back().await;
        settled?;
        let walked = walked?;
        given_back?;
        if let Some(end) = walked {
            return Ok(end);
        }
        let reason = {
            let state = self.state();
            state.troubles.values().next().cloned().or_else(|| state.unfinished.clone())
        };
        match reason {
            Some(reason) => self.of.later(self.work, reason).await,
            None => Ok(PartEnd::Done),
        }
    }

    async fn walk(&self, outbox: &mut Outbox) -> Result<Option<PartEnd>, StoreError> {
        let mut after: Option<Place> = None;
        loop {
            if self.is_halted() || self.nobody_takes() {
                return Ok(None);
            }
            let page = self.of.store.part_files(self.key.plan, self.key.archive, after, PAGE).await?;
            let more = page.len() >= PAGE as usize;
            let (members, last) = members(page, more);
            if members.is_empty() {
                return Ok(None);
            }
            after = last;
            let again = self.key.generation.0 > 1;
            let syncs = Arc::clone(&self.of.syncs);
            let writer = Writer::new((self.key.plan, self.uuid), syncs, self.folders(), again, members);
            if let Paged::End(end) = self.page(writer, outbox).await? {
                return Ok(Some(end));
            }
        }
    }

    /// Whether no destination takes anything now.
    fn nobody_takes(&self) -> bool {
        let state = self.state();
        !state.troubles.is_empty() && self.places.keys().all(|dest| state.troubles.contains_key(dest))
    }

    async fn page(&self, writer: Writer, outbox: &mut Outbox) -> Result<Paged, StoreError> {
        let Some((mut writer, looked)) = self.on(writer, Writer::look).await else { return Ok(Paged::On) };
        self.took(&mut writer, looked, outbox).await;
        writer.compact();
        let ranges: Vec<Range<u64>> = writer.members.iter().map(|member| member.range.clone()).collect();
        let queue: VecDeque<Piece> = pieces(&ranges, gap(self.free), PIECE).into();
        // What cannot be paid for to its end is not begun.
        if let Some(price) = self.reader.purse.lacks(bytes(&queue)).await? {
            return Ok(Paged::End(self.too_dear(price).await?));
        }
        let read = self.read_all(writer, queue, outbox).await?;
        if let Some(end) = read.end {
            return Ok(Paged::End(end));
        }
        let Some(mut writer) = read.writer.filter(|_| !read.damaged.is_empty()) else { return Ok(Paged::On) };
        // What is wrong may have become so on its way: each is read once more, for itself.
        let once = |(at, _): &(usize, NotRestored)| {
            let one = pieces(&ranges[*at..=*at], 0, PIECE);
            let at = *at;
            one.into_iter().map(move |piece| Piece { members: at..at + 1, ..piece })
        };
        let queue: VecDeque<Piece> = read.damaged.iter().flat_map(once).collect();
        if self.reader.purse.lacks(bytes(&queue)).await?.is_some() {
            for (at, why) in read.damaged {
                let items =
                    writer.fail(at, &format!("{why}, and the plan's ceiling leaves nothing to read it again; {OLDER}"));
                outbox.put(items, self.of.clock.mono()).await;
            }
            return Ok(Paged::On);
        }
        let read = self.read_all(writer, queue, outbox).await?;
        if let Some(mut writer) = read.writer {
            for (at, why) in read.damaged {
                let items = writer.fail(at, &format!("{why}, and it was read twice; {OLDER}"));
                outbox.put(items, self.of.clock.mono()).await;
            }
        }
        Ok(read.end.map_or(Paged::On, Paged::End))
    }

    async fn too_dear(&self, price: Money) -> Result<PartEnd, StoreError> {
        let plan = self.of.store.plan(self.key.plan).await?;
        let (spent, ceiling) = plan.map_or_else(Default::default, |plan| {
            (plan.spent.plus(plan.held), plan.totals.map(|totals| totals.ceiling).unwrap_or_default())
        });
        Ok(PartEnd::Stopped(format!(
            "reading on costs {price} and {spent} of the plan's ceiling of {ceiling} is spent or held; a supplement plan prices it anew"
        )))
    }

    /// Reads pieces in order, the next one while the last one is written.
    async fn read_all(
        &self,
        mut writer: Writer,
        mut queue: VecDeque<Piece>,
        outbox: &mut Outbox,
    ) -> Result<Read, StoreError> {
        let mut damaged = Vec::new();
        let mut ahead: Option<(Piece, Result<Vec<u8>, NoBytes>)> = None;
        let end = loop {
            if self.is_halted() {
                break None;
            }
            let (piece, got) = match ahead.take() {
                Some(read) => read,
                None => match next(&writer, &mut queue) {
                    Some(piece) => {
                        let got = self.read(&piece, bytes(&queue)).await;
                        (piece, got)
                    }
                    None => break None,
                },
            };
            let why = match got {
                Ok(got) => {
                    let following = next(&writer, &mut queue);
                    let then = bytes(&queue);
                    let land = self.on(writer, move |writer| writer.land(&piece, &got));
                    let fetch = async {
                        let piece = following?;
                        let got = self.read(&piece, then).await;
                        Some((piece, got))
                    };
                    let (landed, fetched) = tokio::join!(land, fetch);
                    let Some((back, mut round)) = landed else { return Ok(Read { writer: None, damaged, end: None }) };
                    (writer, ahead) = (back, fetched);
                    damaged.append(&mut round.damaged);
                    self.took(&mut writer, round, outbox).await;
                    continue;
                }
                Err(why) => why,
            };
            match why {
                NoBytes::These(_) if !piece.slice && piece.members.len() > 1 => {
                    for at in piece.members.rev() {
                        let range = writer.members[at].range.clone();
                        queue.push_front(Piece { range, members: at..at + 1, slice: false });
                    }
                }
                NoBytes::These(why) => {
                    let at = piece.members.start;
                    queue.retain(|piece| !piece.slice || piece.members.start != at);
                    let why = format!("archive {} cannot be read there: {why}; {OLDER}", self.uuid);
                    let failed =
                        self.on(writer, move |writer| Round { items: writer.fail(at, &why), ..Round::default() });
                    let Some((back, round)) = failed.await else {
                        return Ok(Read { writer: None, damaged, end: None });
                    };
                    writer = back;
                    self.took(&mut writer, round, outbox).await;
                }
                NoBytes::Gone(heard, why) => {
                    if let Some(uuid) = self.retrieval {
                        self.of.store.retrieval_heard(uuid, heard).await?;
                    }
                    break Some(PartEnd::AskAgain(why));
                }
                NoBytes::NoArchive(why) => break Some(gone(&why)),
                NoBytes::Dear(price) => break Some(self.too_dear(price).await?),
                NoBytes::State(e) => return Err(e),
                NoBytes::Later(why) => break Some(self.of.later(self.work, why).await?),
                NoBytes::Stopped => {
                    let reason = "firn was stopped; it goes on with its next run".to_owned();
                    break Some(PartEnd::Later { next_try: self.of.store.now().await?, reason, failed: false });
                }
            }
        };
        let writer = self.on(writer, |writer| {
            writer.drop_stream();
            Round::default()
        });
        Ok(Read { writer: writer.await.map(|(writer, _)| writer), damaged, end })
    }

    async fn read(&self, piece: &Piece, then: u64) -> Result<Vec<u8>, NoBytes> {
        if self.of.stop.is_stopped() {
            return Err(NoBytes::Stopped);
        }
        self.reader.read(piece.range.clone(), then).await
    }

    /// Work on files, on a thread for such. Nothing when it fell over: then the part is tried again.
    async fn on(
        &self,
        mut writer: Writer,
        work: impl FnOnce(&mut Writer) -> Round + Send + 'static,
    ) -> Option<(Writer, Round)> {
        let done = task::blocking(move || {
            let round = work(&mut writer);
            (writer, round)
        });
        done.await.inspect_err(|e| self.trouble_all(&format!("writing files failed: {e}"))).ok()
    }

    /// Sends files on, and leaves out what their destinations do not take.
    async fn took(&self, writer: &mut Writer, round: Round, outbox: &mut Outbox) {
        self.trouble(round.troubles);
        {
            let state = self.state();
            if !state.troubles.is_empty() {
                writer.without(|dest| state.troubles.contains_key(&dest));
            }
        }
        outbox.put(round.items, self.of.clock.mono()).await;
    }
}

/// How much is to be read.
fn bytes(queue: &VecDeque<Piece>) -> u64 {
    queue.iter().map(|piece| piece.range.end - piece.range.start).sum()
}

/// The next piece that somebody still wants.
fn next(writer: &Writer, queue: &mut VecDeque<Piece>) -> Option<Piece> {
    loop {
        let piece = queue.pop_front()?;
        if piece.members.clone().any(|at| writer.wanted(at)) {
            return Some(piece);
        }
    }
}
