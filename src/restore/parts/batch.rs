//! Batches on their way: synced, told, named.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::folders::Folders;
use super::item::{Batch, Item, Landing, name_all, remove};
use super::syncs::Synced;
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
            // A mistake that the crash tests must catch.
            if faults::bug("told-before-synced") {
                devices.clear();
            }
            let synced = self.sync(devices).await;
            named = self.lose(named, &synced).await;
            items = self.lose(items, &synced).await;
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
        if !faults::bug("told-before-synced") {
            let last = Batch::devices(&named).into_keys().map(|device| (device, (0, 0))).collect();
            let synced = self.sync(last).await;
            named = self.lose(named, &synced).await;
        }
        self.tell(&mut named).await
    }

    /// Syncs devices: so many files and bytes wait for each.
    async fn sync(&self, devices: HashMap<u64, (usize, u64)>) -> HashMap<u64, Synced> {
        let mut synced = HashMap::new();
        for (device, (files, bytes)) in devices {
            synced.insert(device, self.of.syncs.sync(device, files, bytes).await);
        }
        synced
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
        let mark = self.of.syncs.mark();
        match task::blocking(move || name_all(&mut folders, items, mark)).await {
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

    /// Sorts out what a failed sync may have lost: what has no name yet is nobody's, and all of it waits for another try.
    /// What has its name keeps it: its bytes were durable before, and the next try finds it there.
    async fn lose(&self, items: Vec<Item>, synced: &HashMap<u64, Synced>) -> Vec<Item> {
        let mut lost = Vec::new();
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            let Some(why) = item.lost(synced) else {
                kept.push(item);
                continue;
            };
            self.unfinished(&why);
            if let Some(landing) = &item.landing {
                self.trouble(vec![(landing.spot.dest, why)]);
            }
            lost.push(item);
        }
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
