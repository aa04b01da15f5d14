use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use super::*;
use crate::base::Money;
use crate::base::hash::CheckKind;
use crate::base::ids::ArchiveId;
use crate::vault::PartRules;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
const TIERS: &[Tier] = &[Tier::Expedited, Tier::Standard, Tier::Bulk];
const BULK: Option<Tier> = Some(Tier::Bulk);

pub(super) fn caps(kind: &'static str, tiers: &'static [Tier], range_jobs: bool) -> Capabilities {
    Capabilities {
        kind,
        check: CheckKind::TreeHash,
        refuses_wrong_hash: true,
        thaw: !tiers.is_empty(),
        range_jobs,
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

fn terms(tariff: &str, range_jobs: bool) -> Terms {
    let tiers = if tariff == "directory" { &[] } else { TIERS };
    Terms::new(Arc::new(Tariff::named(tariff).unwrap()), &caps("glacier", tiers, range_jobs), 0, 50).unwrap()
}

fn wanted(archive: i64, size: u64, offset: u64, length: u64) -> Wanted {
    Wanted { archive: ArchiveId(archive), size, offset, length }
}

fn parts(terms: &Terms, running: &HashMap<ArchiveId, Vec<Running>>, wishes: &[Wanted]) -> Vec<Part> {
    let mut fold = PartFold::new(terms, running);
    let mut parts: Vec<Part> = wishes.iter().filter_map(|wish| fold.push(*wish).unwrap()).collect();
    parts.extend(fold.finish());
    parts
}

fn quotes(terms: &Terms, parts: &[Part], budget: Budget, used: &Used) -> Vec<Quote> {
    spread_quotes(terms, parts, None, budget, used)
}

fn spread_quotes(terms: &Terms, parts: &[Part], rate: Option<u64>, budget: Budget, used: &Used) -> Vec<Quote> {
    let mut fold = QuoteFold::new(terms, rate);
    for part in parts {
        fold.add(part);
    }
    fold.finish(&budget, used)
}

fn nanos(nanos: i64) -> Money {
    Money::from_nanos(nanos)
}

/// Two archives of a vault at bulk ($0.0025 a GB, $0.025 per 1,000, $0.09 egress), reckoned by hand.
#[test]
fn a_small_plan_by_hand() {
    let terms = terms("glacier-vault", true);
    let wishes = [
        wanted(1, 25 * MIB, MIB + 512, 1000),
        wanted(1, 25 * MIB, MIB + 2048, 1000),
        wanted(1, 25 * MIB, 3 * MIB + 1024, 4096),
        wanted(7, 10 * MIB, 0, 10 * MIB),
    ];
    let parts = parts(&terms, &HashMap::new(), &wishes);
    let first = parts[0].offer(BULK).unwrap();
    assert_eq!((parts.len(), parts[0].files, parts[0].bytes), (2, 3, 6096));
    assert_eq!((first.range.clone(), first.joined), (Some(MIB..4 * MIB), None));
    // The first two are 536 bytes apart and read as one.
    assert_eq!(first.usage(), Usage { jobs: 1, asked: 3 * MIB, read: 2536 + 4096 });
    assert_eq!(first.at_risk(), Usage::default());
    let all = quotes(&terms, &parts, Budget::default(), &Used::default());
    assert_eq!(
        all.iter().map(|quote| quote.tier).collect::<Vec<_>>(),
        TIERS.iter().copied().map(Some).collect::<Vec<_>>()
    );
    let bulk = &all[2];
    let (asked, read) = (13 * MIB, 10 * MIB + 6632);
    assert_eq!((bulk.files, bulk.archives, bulk.jobs, bulk.joined), (4, 2, 2, 0));
    assert_eq!((bulk.asked_bytes, bulk.read_bytes), (asked, read));
    // 2 jobs: 50,000. 13 MiB: 13 × 2,441.40625 = 31,738.28. Read: 10,492,392 × 0.09 × 10^9 / 2^30 = 879,462.2…
    let egress = i64::try_from((u128::from(read) * 90_000_000).div_ceil(1 << 30)).unwrap();
    assert_eq!(bulk.price.amount, nanos(50_000 + 31_739 + egress));
    assert!(!bulk.price.sure && bulk.price.to_string().starts_with("~$0.000"), "{}", bulk.price);
    assert_eq!(bulk.risks, [(Risk::AskedAgain, nanos(50_000 + 31_739)), (Risk::ReadAgain, nanos(egress))]);
    assert_eq!(bulk.ceiling, nanos(2 * (50_000 + 31_739 + egress)));
    assert_eq!(bulk.hours, (Duration::from_hours(5), Duration::from_hours(12)));
    assert_eq!((bulk.larger, bulk.over.len()), (0, 0));
    // In a faster tier it is the same work at another price, of which every row is verified.
    assert_eq!((all[0].jobs, all[0].asked_bytes, all[0].price.sure), (2, asked, true));
    assert_eq!(all[0].price.amount, nanos(20_000_000 + 380_860 + egress));
}

#[test]
fn a_job_larger_than_the_service_hurries_for_is_counted() {
    let terms = terms("glacier-vault", true);
    let parts = parts(&terms, &HashMap::new(), &[wanted(1, 1 << 30, 0, 1 << 29), wanted(2, MIB, 0, 5)]);
    let quotes = quotes(&terms, &parts, Budget::default(), &Used::default());
    assert_eq!(quotes.iter().map(|quote| quote.larger).collect::<Vec<_>>(), [1, 0, 0]);
}

#[test]
fn the_whole_archive_is_asked_for_where_that_is_not_dearer_or_nothing_else_can_be() {
    let wishes = [wanted(1, 25 * MIB, MIB, 10)];
    let asked = |terms: &Terms| {
        let part = parts(terms, &HashMap::new(), &wishes).remove(0);
        part.offers.into_iter().map(|offer| offer.range.unwrap()).collect::<Vec<_>>()
    };
    let whole = 0..25 * MIB;
    // Bulk retrieval is free there: even if it could ask for a range, it need not.
    assert_eq!(asked(&terms("s3-glacier", true)), [MIB..2 * MIB, MIB..2 * MIB, whole.clone()]);
    assert_eq!(asked(&terms("s3-glacier", false)), [whole.clone(), whole.clone(), whole.clone()]);
    let directory = terms("directory", true);
    assert_eq!(asked(&directory), [whole]);
    // Reading a directory costs nothing, so it reads across wider gaps.
    let wishes = [wanted(1, MIB, 0, 10), wanted(1, MIB, 60_000, 10)];
    assert_eq!(parts(&directory, &HashMap::new(), &wishes)[0].offers[0].read, 60_010);
    assert_eq!(parts(&terms("glacier-vault", true), &HashMap::new(), &wishes)[0].offers[0].read, 20);
}

#[test]
fn empty_files_need_no_job_and_cost_nothing_for_sure() {
    let terms = terms("glacier-vault", true);
    let parts = parts(&terms, &HashMap::new(), &[wanted(1, MIB, 512, 0), wanted(1, MIB, MIB, 0)]);
    assert_eq!((parts[0].files, parts[0].offer(BULK).unwrap().range.clone()), (2, None));
    let quote =
        quotes(&terms, &parts, Budget { plan: Some(Money::ZERO), ..Budget::default() }, &Used::default()).remove(2);
    assert_eq!((quote.price, quote.ceiling, quote.jobs), (Price::NOTHING, Money::ZERO, 0));
    assert_eq!((quote.hours, quote.over.len(), quote.risks.len()), ((Duration::ZERO, Duration::ZERO), 0, 0));
}

#[test]
fn a_wish_joins_what_covers_it_and_is_no_slower() {
    let terms = terms("glacier-vault", true);
    let wishes = [wanted(1, 25 * MIB, 2 * MIB, MIB + 1)];
    let joined = |range: Range<u64>, tier: Tier, ready: bool| {
        let other = Running { range: 24 * MIB..25 * MIB, tier: Some(Tier::Expedited), ready: true };
        let running = HashMap::from([(ArchiveId(1), vec![other, Running { range, tier: Some(tier), ready }])]);
        let part = parts(&terms, &running, &wishes).remove(0);
        part.offers.iter().map(|offer| offer.joined).collect::<Vec<_>>()
    };
    let second = Some(1);
    assert_eq!(joined(2 * MIB..4 * MIB, Tier::Standard, false), [None, second, second]);
    assert_eq!(joined(2 * MIB..4 * MIB, Tier::Bulk, true), [second; 3]);
    assert_eq!(joined(0..25 * MIB, Tier::Expedited, false), [second; 3]);
    // It covers what is wanted, though not the last byte of the megabyte around it: that is enough.
    assert_eq!(joined(2 * MIB..3 * MIB + 1, Tier::Expedited, false), [second; 3]);
    assert_eq!(joined(2 * MIB..3 * MIB, Tier::Expedited, true), [None; 3]);
    assert_eq!(joined(3 * MIB..25 * MIB, Tier::Expedited, true), [None; 3]);
}

#[test]
fn what_is_joined_costs_its_egress_and_is_a_risk_in_full() {
    let terms = terms("glacier-vault", true);
    let wishes = [wanted(1, 25 * MIB, 2 * MIB, MIB)];
    let job = Running { range: 0..25 * MIB, tier: BULK, ready: false };
    let alone = parts(&terms, &HashMap::new(), &wishes);
    let joining = parts(&terms, &HashMap::from([(ArchiveId(1), vec![job])]), &wishes);
    let quote = |parts: &[Part]| quotes(&terms, parts, Budget::default(), &Used::default()).remove(2);
    let (alone, joining) = (quote(&alone), quote(&joining));
    assert_eq!((alone.jobs, alone.joined, joining.jobs, joining.joined), (1, 0, 0, 1));
    assert_eq!(joining.price, terms.tariff().egress_price(MIB));
    assert_eq!((joining.asked_bytes, joining.read_bytes), (0, MIB));
    let own = nanos(25_000 + 2442);
    assert_eq!(joining.risks[0], (Risk::JoinExpires, own));
    assert_eq!(alone.price.amount, joining.price.amount.plus(own));
    assert_eq!(joining.hours, (Duration::ZERO, Duration::from_hours(12)));
}

#[test]
fn asking_for_many_takes_its_time() {
    let terms = terms("glacier-vault", true);
    let wishes: Vec<Wanted> = (0..30_000).map(|archive| wanted(archive, MIB, 0, 1)).collect();
    let parts = parts(&terms, &HashMap::new(), &wishes);
    let quote = quotes(&terms, &parts, Budget::default(), &Used::default()).remove(2);
    let asking = Duration::from_secs(599);
    assert_eq!(quote.hours, (Duration::from_hours(5) + asking, Duration::from_hours(12) + asking));
}

#[test]
fn a_quote_says_which_budgets_its_ceiling_exceeds() {
    let terms = terms("glacier-vault", true);
    let parts = parts(&terms, &HashMap::new(), &[wanted(1, 100 << 30, 0, 100 << 30)]);
    let budget = Budget { plan: Some(Money::from_cents(2000)), day: Some(Money::from_cents(2000)), month: None };
    let used = Used { today: 20_000, days: BTreeMap::from([(20_000, Money::from_cents(100))]) };
    let all = quotes(&terms, &parts, budget, &used);
    // At bulk: 0.25 + 9.00 once, 0.25 + 9.00 again, and two requests: $18.50005.
    assert_eq!(all[2].ceiling, nanos(18_500_050_000));
    assert_eq!(all[2].over, []);
    let told: Vec<String> = all[1].over.iter().map(ToString::to_string).collect();
    assert_eq!(all[1].ceiling, nanos(20_000_100_000));
    assert_eq!(
        told,
        [
            "the plan may cost up to $20.01 (its ceiling); the budget of a plan is $20.00; raise [budget] restore_plan, choose a slower tier, or restore less at once",
            "the plan may cost up to $20.01 in a day (its ceiling); the budget of a day is $20.00 and $1.00 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it over days",
        ]
    );
    let risks: Vec<String> = all[1].risks.iter().map(|(risk, amount)| format!("{risk}: {amount}")).collect();
    assert_eq!(risks, ["every job asked for once more: $1.01", "every output read once more: $9.00"]);
}

/// Three archives of which each has a day, and one that is joined.
#[test]
fn a_plan_that_is_spread_over_days_is_measured_by_them_and_takes_their_time() {
    let gib = 1 << 30;
    let terms = terms("glacier-vault", true);
    let wishes: Vec<Wanted> = (1..5).map(|archive| wanted(archive, 100 * gib, 0, 100 * gib)).collect();
    let job = Running { range: 0..100 * gib, tier: BULK, ready: true };
    let parts = parts(&terms, &HashMap::from([(ArchiveId(4), vec![job])]), &wishes);
    let budget = Budget { plan: None, day: Some(Money::from_cents(4000)), month: None };
    let bulk = |rate: Option<u64>, used: &Used| spread_quotes(&terms, &parts, rate, budget, used).remove(2);
    let used = Used { today: 20_779, days: BTreeMap::new() };
    let at_once = bulk(None, &used);
    // $9.25 and a request, twice, for each of the first three; for the last its egress twice and its own job.
    let (each, joined) = (nanos(18_500_050_000), nanos(18_250_025_000));
    let all = each.plus(each).plus(each).plus(joined);
    assert_eq!((at_once.ceiling, &at_once.days[..]), (all, &[(0, all)][..]));
    assert_eq!(
        at_once.over.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "the plan may cost up to $73.76 in a day (its ceiling); the budget of a day is $40.00 and $0.00 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it over days"
        ]
    );
    let spread = bulk(Some(100 * gib), &used);
    assert_eq!(spread.days, [(0, each.plus(joined)), (1, each), (2, each)]);
    assert_eq!((spread.ceiling, spread.price, spread.over.len()), (all, at_once.price, 0));
    let two_days = Duration::from_hours(48);
    assert_eq!(at_once.hours, (Duration::from_hours(5), Duration::from_hours(12)));
    assert_eq!(spread.hours, (two_days + Duration::from_hours(5), two_days + Duration::from_hours(12)));
    // Another plan has set something aside for its second day.
    let used = Used { today: 20_779, days: BTreeMap::from([(20_780, Money::from_cents(2500))]) };
    assert_eq!(
        bulk(Some(100 * gib), &used).over.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "the plan may cost up to $18.51 on 2026-11-23 (its ceiling); the budget of a day is $40.00 and $25.00 of it is reserved or spent; raise [budget] restore_day, choose a slower tier, or spread it further (a smaller [restore] rate_per_day)"
        ]
    );
}

#[test]
fn under_the_peak_hour_a_plan_is_priced_as_a_whole_and_parts_have_shares() {
    let gib = 1 << 30;
    let tariff = Arc::new(Tariff::named("glacier-vault-2012").unwrap());
    let caps = caps("glacier", &[Tier::Standard], true);
    let terms = Terms::new(tariff, &caps, 75 * 1024 * gib, 50).unwrap();
    let parts = parts(&terms, &HashMap::new(), &[wanted(1, 35 * gib, 0, 35 * gib), wanted(2, 105 * gib, 0, 105 * gib)]);
    let quote = quotes(&terms, &parts, Budget::default(), &Used::default()).remove(0);
    assert_eq!(quote.retrieval.to_string(), "$21.60");
    let mut shares = Shares::new(&terms, &quote);
    // A quarter and three quarters of $21.60, and each its request and its egress at $0.12.
    let asking = [nanos(5_400_000_000 + 50_000), nanos(16_200_000_000 + 50_000)];
    let egress = [nanos(4_200_000_000), nanos(12_600_000_000)];
    for (part, (asking, egress)) in parts.iter().zip(asking.into_iter().zip(egress)) {
        assert_eq!(shares.next(&part.offers[0]), Some(Share { asking, again: asking, egress }));
    }
    // Asked for twice: 280 GB over 4 hours, 70 − 32 GB; at the worst all in one hour, nothing free: 280 × $7.20.
    let risks: Vec<String> = quote.risks.iter().map(|(risk, amount)| format!("{risk}: {amount}")).collect();
    assert_eq!(
        risks,
        [
            "every job asked for once more: $252.01",
            "every output read once more: $16.80",
            "all in one hour, nothing free: $1,742.40",
        ]
    );
}

#[test]
fn a_tariff_that_does_not_fit_the_vault_is_refused() {
    let tariff = Arc::new(Tariff::named("deep-archive").unwrap());
    assert_eq!(
        Terms::new(tariff.clone(), &caps("directory", &[], true), 0, 50).unwrap_err().to_string(),
        "the tariff deep-archive prices standard, bulk, the vault (kind directory) retrieves immediate; nothing can be priced: name the vault's own tariff in [vault] tariff"
    );
    // A tier that it does not price is left out.
    let terms = Terms::new(tariff, &caps("glacier", TIERS, false), 0, 50).unwrap();
    assert_eq!(terms.tiers(), [Some(Tier::Standard), BULK]);
}

#[test]
fn wishes_that_cannot_be_are_refused() {
    let terms = terms("glacier-vault", true);
    let running = HashMap::new();
    let told = |wishes: &[Wanted]| {
        let mut fold = PartFold::new(&terms, &running);
        wishes.iter().find_map(|wish| fold.push(*wish).err()).unwrap().to_string()
    };
    let outside = "a file of 2 bytes at 1048575 cannot lie in archive 3, which has 1048576; the state is wrong about it: nothing is asked for";
    assert_eq!(told(&[wanted(3, MIB, MIB - 1, 2)]), outside);
    assert!(
        told(&[wanted(3, MIB, u64::MAX, 2)]).starts_with("a file of 2 bytes at 18446744073709551615 cannot lie in")
    );
    let order = "internal error: archive 3, offset 5 came after archive 3, offset 6; wishes are priced in the order of archive and offset";
    assert_eq!(told(&[wanted(3, MIB, 6, 1), wanted(3, MIB, 5, 1)]), order);
    assert!(
        told(&[wanted(3, MIB, 6, 1), wanted(2, MIB, 9, 1)])
            .contains("archive 2, offset 9 came after archive 3, offset 6")
    );
    assert!(
        told(&[wanted(3, MIB, 6, 1), wanted(3, MIB + 1, 9, 1)]).contains("archive 3, offset 9 came after archive 3")
    );
}

/// Wishes in order, over some archives, some of which are on their way already.
fn plan() -> impl Strategy<Value = (Vec<Wanted>, HashMap<ArchiveId, Vec<Running>>)> {
    let member = (0..2 * MIB, prop_oneof![Just(0), 1..9000u64, 1..3 * MIB]);
    let running = prop::option::of((0..4 * MIB, 0..20 * MIB, 0..3usize, any::<bool>()));
    prop::collection::vec((prop::collection::vec(member, 1..8), running, 0..MIB), 0..12).prop_map(|archives| {
        let (mut wishes, mut running) = (Vec::new(), HashMap::new());
        for (id, (members, job, tail)) in (1..).zip(archives) {
            let size = members.iter().map(|(gap, length)| gap + length).sum::<u64>() + tail;
            let mut at = 0;
            for (gap, length) in members {
                wishes.push(wanted(id, size, at + gap, length));
                at += gap + length;
            }
            if let Some((start, length, tier, ready)) = job {
                let tier = TIERS.get(tier).copied();
                running.insert(ArchiveId(id), vec![Running { range: start..start + length, tier, ready }]);
            }
        }
        (wishes, running)
    })
}

proptest! {
    /// Sums are those of the parts; whatever may happen within the named risks stays below the ceiling.
    #[test]
    fn a_quote_is_the_sum_of_its_parts_and_its_ceiling_holds((wishes, running) in plan(), stored in 0..1u64 << 40) {
        for name in ["glacier-vault", "glacier-vault-2012", "s3-glacier"] {
            let tariff = Arc::new(Tariff::named(name).unwrap());
            let terms = Terms::new(tariff.clone(), &caps("glacier", TIERS, true), stored, 50).unwrap();
            let parts = parts(&terms, &running, &wishes);
            let mut archives: Vec<ArchiveId> = wishes.iter().map(|wish| wish.archive).collect();
            archives.dedup();
            prop_assert_eq!(parts.iter().map(|part| part.archive).collect::<Vec<_>>(), archives);
            for quote in quotes(&terms, &parts, Budget::default(), &Used::default()) {
                let offers: Vec<&Offer> = parts.iter().map(|part| part.offer(quote.tier).unwrap()).collect();
                let usage = offers.iter().fold(Usage::default(), |sum, offer| sum.plus(offer.usage()));
                let at_risk = offers.iter().fold(Usage::default(), |sum, offer| sum.plus(offer.at_risk()));
                prop_assert_eq!(usage, Usage { jobs: quote.jobs, asked: quote.asked_bytes, read: quote.read_bytes });
                prop_assert_eq!(Some(quote.price), terms.price(quote.tier, usage));
                prop_assert!(quote.ceiling >= quote.price.amount);
                // Everything that may go wrong at once.
                let worst = usage.plus(usage).plus(at_risk);
                let spent = tariff.request_price(quote.tier, worst.jobs).unwrap()
                    .plus(tariff.worst_retrieval_price(quote.tier, worst.asked).unwrap())
                    .plus(tariff.egress_price(worst.read));
                prop_assert!(spent.amount <= quote.ceiling);
                prop_assert!(terms.price(quote.tier, worst).unwrap().amount <= quote.ceiling);
                prop_assert_eq!(&quote.days, &[(0, quote.ceiling)]);
                // Parts add up to the plan to the last digit, and what each may cost more to its ceiling.
                let mut of = Shares::new(&terms, &quote);
                let shares: Vec<Share> = offers.iter().map(|offer| of.next(offer).unwrap()).collect();
                let price: Money = shares.iter().map(|share| share.asking.plus(share.egress)).sum();
                prop_assert_eq!(price, quote.price.amount);
                let most: Money = shares.iter().map(|share| share.again.plus(share.egress)).sum();
                if name == "glacier-vault-2012" {
                    prop_assert!(price.plus(most) <= quote.ceiling);
                } else {
                    prop_assert_eq!(price.plus(most), quote.ceiling);
                }
            }
        }
    }

    /// What a quote says of days is what its parts come to on them, each where it was placed.
    #[test]
    fn the_days_of_a_quote_are_those_of_its_parts((wishes, running) in plan(), rate in MIB..12 * MIB) {
        for name in ["glacier-vault", "glacier-vault-2012", "s3-glacier"] {
            let tariff = Arc::new(Tariff::named(name).unwrap());
            let terms = Terms::new(tariff, &caps("glacier", TIERS, true), 0, 50).unwrap();
            let parts = parts(&terms, &running, &wishes);
            for quote in spread_quotes(&terms, &parts, Some(rate), Budget::default(), &Used::default()) {
                let (mut shares, mut spread) = (Shares::new(&terms, &quote), Spread::new(Some(rate)));
                let mut days = BTreeMap::from([(0, Money::ZERO)]);
                let mut asked: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
                for offer in parts.iter().map(|part| part.offer(quote.tier).unwrap()) {
                    let (share, usage) = (shares.next(offer).unwrap(), offer.usage());
                    let on = spread.place(usage.asked);
                    prop_assert!(on == 0 || offer.joined.is_none(), "what is joined does not wait");
                    let (jobs, bytes) = asked.entry(on).or_default();
                    (*jobs, *bytes) = (*jobs + usage.jobs, *bytes + usage.asked);
                    let day = days.entry(on).or_default();
                    *day = [share.asking, share.again, share.egress, share.egress].into_iter().fold(*day, Money::plus);
                }
                let own: Money = days.values().copied().sum();
                let first = days.get_mut(&0).unwrap();
                *first = first.plus(quote.ceiling.minus(own));
                prop_assert_eq!(quote.days, days.into_iter().collect::<Vec<_>>());
                prop_assert!(asked.values().all(|(jobs, bytes)| *jobs <= 1 || *bytes <= rate));
            }
        }
    }

    /// What is asked for and read is what the ranges say, member by member.
    #[test]
    fn a_part_is_what_ranges_say((wishes, running) in plan()) {
        let terms = terms("glacier-vault", true);
        for part in parts(&terms, &running, &wishes) {
            let of: Vec<Range<u64>> = wishes
                .iter()
                .filter(|wish| wish.archive == part.archive)
                .map(|wish| wish.offset..wish.offset + wish.length)
                .collect();
            prop_assert_eq!(part.files, of.len() as u64);
            prop_assert_eq!(part.bytes, of.iter().map(|range| range.end - range.start).sum::<u64>());
            for offer in &part.offers {
                prop_assert_eq!(&offer.range, &cover(of.iter().cloned(), part.size, true));
                prop_assert_eq!(offer.read, reads(of.iter().cloned(), false).iter().map(|r| r.end - r.start).sum::<u64>());
                if let Some(job) = offer.joined {
                    let job = &running[&part.archive][job];
                    prop_assert!(of.iter().all(|m| m.is_empty() || job.range.start <= m.start && m.end <= job.range.end));
                }
            }
        }
    }
}
