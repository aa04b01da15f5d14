//! Batches on their way: synced, told, named.

use tokio::sync::mpsc;

use super::folders::Folders;
use super::item::{Batch, Item, Landing, name_all, remove};
use super::walk::Claim;
use super::{BATCH_BYTES, BATCH_FILES, BATCH_SPAN};
use crate::base::clock::Mono;
use crate::base::{faults, task};
use crate::store::StoreError;

/// Where the files of a walk are gathered and sent on from.
pub(super) struct Outbox {
    to: mpsc::Sender<Batch>,
    batch: Batch,
}

impl Outbox {
    pub(super) fn new(to: mpsc::Sender<Batch>) -> Self {
        Self { to, batch: Batch::default() }
    }

    /// Takes files; a batch that is full goes on its way.
    pub(super) async fn put(&mut self, items: Vec<Item>, now: Mono) {
        for item in items {
            if item.landing.is_some() {
                self.batch.bytes += item.outcome.bytes;
            }
            self.batch.began.get_or_insert(now);
            self.batch.items.push(item);
            if self.batch.items.len() >= BATCH_FILES || self.batch.bytes >= BATCH_BYTES {
                self.send().await;
            }
        }
        if self.batch.began.is_some_and(|began| now.since(began) >= BATCH_SPAN) {
            self.send().await;
        }
    }

    /// Sends on what there is.
    pub(super) async fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.items.is_empty() {
            // Who takes them is there until the last one.
            let _ = self.to.send(batch).await;
        }
    }
}

impl Claim<'_> {
    /// Takes batches until there are no more: each is synced, and the one before it told to the state; then its files get
    /// their names. After trouble with the state what comes is removed.
    pub(super) async fn settle(&self, mut from: mpsc::Receiver<Batch>) -> Result<(), StoreError> {
        let mut named: Vec<Item> = Vec::new();
        let mut broken = None;
        while let Some(batch) = from.recv().await {
            if broken.is_some() || self.is_halted() {
                self.throw_away(batch.items).await;
                continue;
            }
            let mut items = batch.items;
            let mut devices = Batch::devices(&items);
            for (device, _) in Batch::devices(&named) {
                devices.entry(device).or_insert((0, 0));
            }
            faults::step("deliver: sync");
            let mut unsynced = Vec::new();
            // A mistake that the crash tests must catch.
            if faults::bug("told-before-synced") {
                devices.clear();
            }
            for (device, (files, bytes)) in devices {
                if let Err(why) = self.of.syncs.sync(device, files, bytes).await {
                    unsynced.push((device, why));
                }
            }
            for (device, why) in unsynced {
                named.retain(|item| item.device != Some(device));
                items = self.lose(items, device, &why).await;
            }
            if let Err(e) = self.tell(&mut named).await {
                self.throw_away(items).await;
                broken = Some(e);
                continue;
            }
            faults::step("deliver: name");
            named = self.name(items).await;
            faults::step("deliver: named");
        }
        if let Some(e) = broken {
            return Err(e);
        }
        let last = if faults::bug("told-before-synced") { &[][..] } else { &named[..] };
        for (device, _) in Batch::devices(last) {
            if let Err(why) = self.of.syncs.sync(device, 0, 0).await {
                named = self.lose(named, device, &why).await;
            }
        }
        self.tell(&mut named).await
    }

    /// Writes outcomes to the state. One that does not take them ends the delivery.
    async fn tell(&self, named: &mut Vec<Item>) -> Result<(), StoreError> {
        let outcomes: Vec<_> = std::mem::take(named).into_iter().map(|item| item.outcome).collect();
        for page in outcomes.chunks(BATCH_FILES) {
            faults::step("deliver: told");
            let told = self.of.store.part_outcomes(self.of.session, self.key, page.to_vec()).await;
            told.inspect_err(|_| self.halt())?;
        }
        Ok(())
    }

    async fn name(&self, items: Vec<Item>) -> Vec<Item> {
        let mut folders = self.folders();
        match task::blocking(move || name_all(&mut folders, items)).await {
            Ok((named, troubles)) => {
                self.trouble(troubles);
                named
            }
            Err(e) => {
                self.trouble_all(&format!("naming files failed: {e}"));
                Vec::new()
            }
        }
    }

    /// A device could not be synced: what was written there is nobody's, and its files wait for another try.
    async fn lose(&self, items: Vec<Item>, device: u64, why: &str) -> Vec<Item> {
        let (lost, kept): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.device == Some(device));
        let dests = lost.iter().filter_map(|item| Some(item.landing.as_ref()?.spot.dest));
        self.trouble(dests.map(|dest| (dest, why.to_owned())).collect());
        self.unfinished(why);
        self.throw_away(lost).await;
        kept
    }

    /// Removes what has no final name yet.
    async fn throw_away(&self, items: Vec<Item>) {
        let landings: Vec<Landing> = items.into_iter().filter_map(|item| item.landing).collect();
        if landings.is_empty() {
            return;
        }
        let mut folders: Folders = self.folders();
        // What stays behind is found and replaced by the next try.
        let _ = task::blocking(move || landings.iter().for_each(|landing| remove(&mut folders, landing))).await;
    }
}
