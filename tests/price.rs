//! A plan's price against an independent reckoning (`tests/price.py`) from the tariff's file and the log of what a vault
//! was asked for: equal, and never above the ceiling, whatever goes wrong within the risks it names.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

#[path = "support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn::base::Money;
use firn::base::hash::CheckKind;
use firn::base::ids::ArchiveId;
use firn::restore::price::{Budget, Offer, Part, PartFold, Quote, QuoteFold, Running, Terms, Used, Wanted};
use firn::vault::tariff::{Tariff, tier_word};
use firn::vault::{Capabilities, PartRules, Tier};
use support::dice::Dice;

const MIB: u64 = 1 << 20;

fn caps(tiers: &'static [Tier]) -> Capabilities {
    Capabilities {
        kind: "glacier",
        check: CheckKind::TreeHash,
        refuses_wrong_hash: true,
        thaw: true,
        range_jobs: true,
        tiers,
        upgrade: false,
        extend: false,
        idempotent_put: false,
        lists_jobs: false,
        minimum_age: Duration::ZERO,
        parts: PartRules { smallest: 1, largest: 1, most: 1 },
        archive_size: (1, u64::MAX),
        request_lives: Duration::ZERO,
        inventory_lag: Duration::ZERO,
    }
}

/// What the script prints under a name.
fn reckoned(tariff: &Path, log: &str, stored: u64) -> HashMap<String, Money> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.jsonl");
    std::fs::write(&file, log).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/price.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(tariff).arg(&file).args(["--stored", &stored.to_string()]);
    let done = command.output().unwrap_or_else(|e| panic!("python3 (tests/run installs it): {e}"));
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{out}{}", String::from_utf8_lossy(&done.stderr));
    out.lines()
        .map(|line| {
            let (name, amount) = line.split_once(' ').unwrap();
            (name.to_owned(), Money::parse(amount).unwrap())
        })
        .collect()
}

/// A plan over some archives, a few of which are on their way.
fn plan(dice: &mut Dice, terms: &Terms) -> Vec<Part> {
    let mut running = HashMap::new();
    let mut wishes = Vec::new();
    for archive in 0..=dice.roll(60) {
        let archive = ArchiveId(i64::try_from(archive).unwrap());
        let members: Vec<(u64, u64)> = (0..=dice.roll(9))
            .map(|_| {
                let length = if dice.roll(6) == 0 { 0 } else { 1 + dice.roll(3 * MIB) };
                (512 + dice.roll(2) * dice.roll(2 * MIB), length)
            })
            .collect();
        let size = members.iter().map(|(gap, length)| gap + length).sum::<u64>() + dice.roll(MIB);
        let mut at = 0;
        for (gap, length) in members {
            wishes.push(Wanted { archive, size, offset: at + gap, length });
            at += gap + length;
        }
        if dice.roll(4) == 0 {
            let range = 0..dice.roll(2) * size + MIB;
            running.insert(archive, vec![Running { range, tier: Some(Tier::Standard), ready: dice.roll(2) == 0 }]);
        }
    }
    let mut fold = PartFold::new(terms, &running);
    let mut parts: Vec<Part> = wishes.iter().filter_map(|wish| fold.push(*wish).unwrap()).collect();
    parts.extend(fold.finish());
    parts
}

/// What a vault logs when an offer is carried out: its job, and its output in pieces.
fn carried_out(log: &mut String, offer: &Offer, bytes: u64) {
    let usage = offer.usage();
    if usage.jobs > 0 {
        asked(log, offer, usage.asked);
    }
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(4 * MIB);
        writeln!(log, "{{\"op\": \"output\", \"bytes\": {piece}}}").unwrap();
        left -= piece;
    }
}

fn asked(log: &mut String, offer: &Offer, bytes: u64) {
    writeln!(log, "{{\"op\": \"job\", \"tier\": \"{}\", \"bytes\": {bytes}}}", tier_word(offer.tier)).unwrap();
}

fn quotes(terms: &Terms, parts: &[Part]) -> Vec<Quote> {
    let mut fold = QuoteFold::new(terms, None);
    for part in parts {
        fold.add(part);
    }
    fold.finish(&Budget::default(), &Used::default())
}

#[test]
fn a_plan_costs_what_an_independent_script_reckons_and_never_more_than_its_ceiling() {
    let mut dice = Dice(7);
    for name in ["glacier-vault", "glacier-vault-2012", "s3-glacier", "deep-archive"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/vault/tariff/{name}.toml"));
        let tariff = Arc::new(Tariff::load(file.to_str().unwrap(), Path::new("/")).unwrap());
        for round in 0..3 {
            let stored = if round == 0 { 0 } else { dice.roll(4000) * MIB };
            let caps = caps(&[Tier::Expedited, Tier::Standard, Tier::Bulk]);
            let terms = Terms::new(tariff.clone(), &caps, stored, 50).unwrap();
            let parts = plan(&mut dice, &terms);
            for quote in quotes(&terms, &parts) {
                let (mut log, mut worst) = (String::new(), String::new());
                for part in &parts {
                    let offer = part.offer(quote.tier).unwrap();
                    carried_out(&mut log, offer, offer.read);
                    // Cut off half way, expired, asked for and read once more.
                    carried_out(&mut worst, offer, offer.read);
                    carried_out(&mut worst, offer, offer.read);
                    if offer.joined.is_some() {
                        asked(&mut worst, offer, offer.at_risk().asked);
                    }
                }
                log.push_str("{\"op\": \"job\", \"tier\": \"bulk\", \"bytes\": 99999999, \"billed\": false}\n");
                log.push_str("{\"op\": \"upload\", \"bytes\": 25000000}\n");
                let told = reckoned(&file, &log, stored);
                let at = format!("{name}, {}, round {round}", tier_word(quote.tier));
                assert_eq!(told["total"], quote.price.amount, "{at}");
                assert_eq!(told["retrieval"], quote.retrieval.amount, "{at}");
                assert!(quote.price.amount > Money::ZERO, "{at}");
                let told = reckoned(&file, &worst, stored);
                assert!(told["total"] > quote.price.amount, "{at}");
                assert!(told["total"] <= quote.ceiling, "{at}: {} is above {}", told["total"], quote.ceiling);
                if name != "glacier-vault-2012" {
                    // Where no hour is a peak, it is what everything going wrong once comes to, but for rounding.
                    let slack = quote.ceiling.minus(told["total"]);
                    assert!(slack < Money::from_nanos(5), "{at}: {} is not {}", told["total"], quote.ceiling);
                }
            }
        }
    }
}

/// The script against figures reckoned by hand, so that it is not the code's own mistake that it repeats.
#[test]
fn the_script_knows_the_examples() {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/vault/tariff/{name}.toml"));
    let gib = 1u64 << 30;
    let job = |tier: &str, bytes: u64| format!("{{\"op\": \"job\", \"tier\": \"{tier}\", \"bytes\": {bytes}}}\n");
    // The service's FAQ of 2012: $21.60 beside the request.
    let told = reckoned(&file("glacier-vault-2012"), &job("standard", 140 * gib), 75 * 1024 * gib);
    assert_eq!((told["retrieval"], told["requests"]), (Money::from_cents(2160), Money::from_nanos(50_000)));
    // 100 GB of Deep Archive in four jobs at bulk, read once.
    let log = job("bulk", 25 * gib).repeat(4) + &format!("{{\"op\": \"output\", \"bytes\": {}}}\n", 100 * gib);
    let told = reckoned(&file("deep-archive"), &log, 0);
    assert_eq!(told["total"], Money::from_nanos(100_000 + 250_000_000 + 9_000_000_000));
    assert_eq!(
        reckoned(&file("directory"), "{\"op\": \"job\", \"tier\": null, \"bytes\": 5}\n", 0)["total"],
        Money::ZERO
    );
}
