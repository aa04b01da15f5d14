use super::*;
use proptest::prelude::*;

const GIB: u64 = 1 << 30;

/// A tariff in which one thing is put for another.
fn with(old: &str, new: &str) -> Result<Tariff, TariffError> {
    let text = Tariff::text("deep-archive").unwrap();
    assert!(text.contains(old), "{old:?} does not stand in the tariff");
    Tariff::from_text("it.toml", &text.replacen(old, new, 1))
}

#[test]
fn every_tariff_of_the_program_reads_and_is_called_so() {
    for name in Tariff::names() {
        let tariff = Tariff::named(name).unwrap();
        assert_eq!(tariff.name, name);
        assert_eq!(tariff.gigabyte, GIB);
    }
    let directory = Tariff::named("directory").unwrap();
    assert_eq!(directory.retrieval_price(None, u64::MAX, 0), Some(Price::NOTHING));
    assert_eq!((directory.request_price(None, 5), directory.egress_price(GIB)), (Some(Price::NOTHING), Price::NOTHING));
    assert!(directory.egress_is_free());
}

/// What the tables say of a thousand jobs, a gigabyte retrieved and a gigabyte read, tier by tier.
#[test]
fn prices_tier_by_tier() {
    use Tier::{Bulk, Expedited, Standard};
    let cases = [
        ("glacier-vault", Some(Expedited), "$10.00", "$0.0300", "$0.0900"),
        ("glacier-vault", Some(Standard), "~$0.0500", "~$0.0100", "$0.0900"),
        ("glacier-vault", Some(Bulk), "~$0.0250", "~$0.0025", "$0.0900"),
        ("s3-glacier", Some(Expedited), "$10.00", "$0.0300", "$0.0900"),
        ("s3-glacier", Some(Standard), "~$0.0500", "$0.0100", "$0.0900"),
        ("s3-glacier", Some(Bulk), "$0.00", "$0.00", "$0.0900"),
        ("deep-archive", Some(Standard), "$0.1000", "$0.0200", "$0.0900"),
        ("deep-archive", Some(Bulk), "$0.0250", "$0.0025", "$0.0900"),
        ("glacier-ir", None, "~$0.0100", "$0.0300", "$0.0900"),
        // Over four hours, nothing stored: a quarter of it for each of 720 hours.
        ("glacier-vault-2012", Some(Standard), "$0.0500", "$1.80", "$0.1200"),
    ];
    for (name, tier, requests, retrieval, egress) in cases {
        let tariff = Tariff::named(name).unwrap();
        let shown = |price: Option<Price>| price.unwrap().to_string();
        assert_eq!(shown(tariff.request_price(tier, 1000)), requests, "{name}");
        assert_eq!(shown(tariff.retrieval_price(tier, GIB, 0)), retrieval, "{name}");
        assert_eq!(tariff.egress_price(GIB).to_string(), egress, "{name}");
    }
    let deep = Tariff::named("deep-archive").unwrap();
    assert_eq!(deep.request_price(Some(Expedited), 1), None);
    assert_eq!(deep.retrieval_price(None, 1, 0), None);
    assert_eq!(deep.tiers().map(tier_word).collect::<Vec<_>>(), ["standard", "bulk"]);
    assert_eq!(deep.storage_price(1000 * GIB).to_string(), "$0.9900");
    assert_eq!(
        (deep.upload_price(2000).to_string(), deep.inventory_price(1).to_string()),
        ("$0.1000".into(), "$0.000005".into())
    );
}

#[test]
fn a_price_is_rounded_up_once_and_nothing_of_a_row_is_sure() {
    let vault = Tariff::named("glacier-vault").unwrap();
    let bulk = Some(Tier::Bulk);
    // A byte at $0.0025 a gigabyte is less than a billionth of a dollar.
    assert_eq!(vault.retrieval_price(bulk, 1, 0).unwrap().amount, Money::from_nanos(1));
    // 1 MiB: 2,500,000 / 1,024 = 2,441.41 billionths.
    assert_eq!(vault.retrieval_price(bulk, 1 << 20, 0).unwrap().amount, Money::from_nanos(2442));
    assert_eq!(vault.request_price(bulk, 1).unwrap().amount, Money::from_nanos(25_000));
    assert_eq!(vault.retrieval_price(bulk, 0, 0), Some(Price::NOTHING));
    assert_eq!(vault.retrieval_price(bulk, u64::MAX, 0).unwrap().to_string(), "~$42,949,672.96");
    let both = vault.request_price(bulk, 1).unwrap().plus(vault.egress_price(1));
    assert_eq!((both.amount, both.sure), (Money::from_nanos(25_001), false));
}

#[test]
fn tiers_have_words() {
    for tier in SPEEDS {
        assert_eq!(tier_named(tier_word(tier)), Some(tier));
    }
    assert_eq!(tier_named("fast"), None);
}

#[test]
fn the_hash_tells_another_price_and_not_another_wording() {
    let mut hashes: Vec<Hash32> = Tariff::names().map(|name| Tariff::named(name).unwrap().hash()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), EMBEDDED.len());
    let own = Tariff::named("deep-archive").unwrap().hash();
    for (old, new) in [
        ("title = \"S3", "title = \"Amazon S3"),
        ("source = \"infracost", "source = \"read in infracost"),
        ("2026-11-22", "2026-11-23"),
        ("\"0.10\"", "\"0.1\""),
        ("\"12h\"", "\"720m\""),
    ] {
        assert_eq!(with(old, new).unwrap().hash(), own, "{old}");
    }
    for (old, new) in [
        ("\"0.10\"", "\"0.11\""),
        ("verified = true", "verified = false"),
        ("name = \"deep-archive\"", "name = \"deep\""),
        ("gigabyte = 1073741824", "gigabyte = 1000000000"),
        ("minimum_days = 180", "minimum_days = 90"),
        ("\"12h\"", "\"11h\""),
        ("slowest = \"12h\"", "slowest = \"12h\"\nlargest = \"1GB\""),
        (
            "\"per-gigabyte\"",
            "\"peak-hour\"\npeak = { free_percent = 5, month_days = 30, month_hours = 720, job_hours = 4 }",
        ),
    ] {
        assert_ne!(with(old, new).unwrap().hash(), own, "{old}");
    }
}

/// A tariff with one mistake each, and the sentence after `tariff it.toml:`.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "currency = \"USD\"",
        "currency = \"EUR\"",
        "6: currency: found \"EUR\"; allowed is \"USD\": firn reckons in US dollars alone; convert the prices and say so in their sources",
    ),
    ("currency = \"USD\"", "", "1: currency: it is missing; write \"USD\""),
    (
        "currency = \"USD\"",
        "curency = \"USD\"",
        "6: the file: found \"curency\"; allowed is name, title, currency, gigabyte, rule, minimum_days, peak, storage, upload, egress, inventory, immediate, expedited, standard, bulk; did you mean \"currency\"?",
    ),
    (
        "name = \"deep-archive\"",
        "name = \"Deep Archive\"",
        "4: name: found \"Deep Archive\"; allowed is a name of lower-case letters, digits and \"-\", 64 at most, in quotes",
    ),
    ("title = ", "title = 7 #", "5: title: found 7; allowed is what it is, in words, in quotes"),
    ("gigabyte = 1073741824", "gigabyte = 1024", "7: gigabyte: found 1024; allowed is 1073741824 or 1000000000"),
    (
        "gigabyte = 1073741824",
        "gigabyte = 1000000001",
        "7: gigabyte: found 1000000001; allowed is 1073741824 or 1000000000",
    ),
    (
        "\"per-gigabyte\"",
        "\"per-gigabit\"",
        "8: rule: found \"per-gigabit\"; allowed is \"per-gigabyte\" or \"peak-hour\"; did you mean \"per-gigabyte\"?",
    ),
    (
        "\"per-gigabyte\"",
        "\"peak-hour\"",
        "1: peak: it is missing; write [peak], a section of free_percent, month_days, month_hours and job_hours",
    ),
    (
        "[storage]",
        "[peak]\nfree_percent = 5\n[storage]",
        "11: peak: found a section; allowed is none where rule is \"per-gigabyte\": take it away, or write rule = \"peak-hour\"",
    ),
    (
        "rule = \"per-gigabyte\"",
        "rule = \"peak-hour\"\npeak = { free_percent = 101, month_days = 30, month_hours = 720, job_hours = 4 }",
        "9: peak.free_percent: found 101; allowed is a whole number from 0 to 100",
    ),
    (
        "rule = \"per-gigabyte\"",
        "rule = \"peak-hour\"\npeak = { free_percent = 5, month_days = 30, month_hours = 720, job_hours = 0 }",
        "9: peak.job_hours: found 0; allowed is a whole number from 1 to 24",
    ),
    (
        "rule = \"per-gigabyte\"",
        "rule = \"peak-hour\"\npeak = 5",
        "9: peak: found 5; allowed is a section of free_percent, month_days, month_hours and job_hours",
    ),
    ("minimum_days = 180", "minimum_days = -1", "9: minimum_days: found -1; allowed is a number of days, up to 3650"),
    (
        "\"0.00099\"",
        "0.00099",
        "12: storage.value: found 0.00099; allowed is dollars up to 1000 in quotes, with up to nine digits after the point, such as \"0.0025\"",
    ),
    (
        "\"0.00099\"",
        "\"$1\"",
        "12: storage.value: found \"$1\"; allowed is dollars up to 1000 in quotes, with up to nine digits after the point, such as \"0.0025\"",
    ),
    (
        "\"0.00099\"",
        "\"1000.01\"",
        "12: storage.value: found \"1000.01\"; allowed is dollars up to 1000 in quotes, with up to nine digits after the point, such as \"0.0025\"",
    ),
    (
        "[storage]",
        "[storag]",
        "11: the file: found \"storag\"; allowed is name, title, currency, gigabyte, rule, minimum_days, peak, storage, upload, egress, inventory, immediate, expedited, standard, bulk; did you mean \"storage\"?",
    ),
    (
        "verified = true",
        "verified = \"yes\"",
        "15: storage.verified: found \"yes\"; allowed is true where the price was read in its source, else false",
    ),
    (
        "verified = true",
        "",
        "11: storage.verified: it is missing; write true where the price was read in its source, else false",
    ),
    (
        "date = \"2026-11-22\"",
        "date = \"2026-02-30\"",
        "14: storage.date: found \"2026-02-30\"; allowed is the day it was read, such as \"2026-11-22\", in quotes",
    ),
    (
        "date = \"2026-11-22\"",
        "date = 2026-11-22",
        "14: storage.date: found a value of type datetime; allowed is the day it was read, such as \"2026-11-22\", in quotes",
    ),
    (
        "source = \"infracost s3_bucket_test.golden\"",
        "source = \"\"",
        "13: storage.source: found \"\"; allowed is where the price was read, in quotes",
    ),
    (
        "source = \"infracost s3_bucket_test.golden\"",
        "source = \"\\u001b[2J\"\nnote = 1",
        "14: storage: found \"note\"; allowed is value, source, date, verified; did you mean \"date\"?",
    ),
    (
        "slowest = \"12h\"",
        "slowest = \"soon\"",
        "37: standard.slowest: found \"soon\"; allowed is a span of time up to 90d, such as \"5m\" or \"12h\", in quotes",
    ),
    (
        "fastest = \"0s\"",
        "fastest = \"13h\"",
        "37: standard.slowest: found less than fastest; allowed is what a job takes at the worst: as long as fastest, or longer",
    ),
    (
        "fastest = \"0s\"",
        "",
        "35: standard.fastest: it is missing; write a span of time up to 90d, such as \"5m\" or \"12h\", in quotes",
    ),
    (
        "slowest = \"12h\"",
        "slowest = \"12h\"\nlargest = \"huge\"",
        "38: standard.largest: found \"huge\"; allowed is a size, such as \"250MB\", in quotes; or no such key",
    ),
    (
        "[standard.gigabyte]",
        "[standard.gigabytes]",
        "39: standard: found \"gigabytes\"; allowed is fastest, slowest, largest, gigabyte, requests; did you mean \"gigabyte\"?",
    ),
    (
        "rule = \"per-gigabyte\"",
        "rule = \"per-gigabyte\"\nimmediate = 5",
        "9: immediate: found 5; allowed is a section of fastest, slowest, perhaps largest, and the rows gigabyte and requests",
    ),
    ("[storage]", "[storage", "11: not TOML: "),
];

#[test]
fn a_mistake_is_told_with_line_key_and_mend() {
    let mut wrong = Vec::new();
    for (old, new, sentence) in WRONG {
        let told = with(old, new).map_or_else(|e| e.to_string(), |_| "nothing".to_owned());
        let sentence = format!("tariff it.toml:{sentence}");
        let right = if sentence.ends_with(": ") { told.starts_with(&sentence) } else { told == sentence };
        if !right {
            wrong.push(format!("{new:?}\n  says     {told}\n  expected {sentence}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let long = with("title = \"", &format!("title = \"{}", "x".repeat(300))).unwrap_err().to_string();
    assert!(long.contains("5: title: found a text of ") && long.contains("; allowed is 300 bytes at most: "), "{long}");
    let bare = Tariff::text("deep-archive").unwrap().split("[standard]").next().unwrap().to_owned();
    assert_eq!(
        Tariff::from_text("it.toml", &bare).unwrap_err().to_string(),
        "tariff it.toml:1: tiers: it is missing; write at least one of [immediate], [expedited], [standard], [bulk], a section of fastest, slowest, perhaps largest, and the rows gigabyte and requests"
    );
}

#[test]
fn a_tariff_is_called_by_name_or_by_the_path_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    assert_eq!(Tariff::load("deep-archive", base), Tariff::named("deep-archive"));
    let own = Tariff::text("deep-archive").unwrap().replace("\"0.02\"", "\"0.015\"");
    std::fs::write(base.join("mine.toml"), own).unwrap();
    let mine = Tariff::load("mine.toml", base).unwrap();
    assert_eq!(mine.rates(Some(Tier::Standard)).unwrap().gigabyte.value, Money::from_nanos(15_000_000));
    assert_eq!(
        Tariff::load("deep-arcive", base).unwrap_err().to_string(),
        "no tariff is called \"deep-arcive\"; the tariffs are \"directory\", \"glacier-vault-2012\", \"glacier-vault\", \"s3-glacier\", \"deep-archive\", \"glacier-ir\"; or write the path of a file; did you mean \"deep-archive\"?"
    );
    let unread = |called: &str, why: &str| {
        let told = Tariff::load(called, base).unwrap_err().to_string();
        let place = base.join(called).display().to_string();
        let expected = format!(
            "cannot read the tariff {place}: {why}; mend [vault] tariff, or name one of directory, glacier-vault-2012, glacier-vault, s3-glacier, deep-archive, glacier-ir"
        );
        assert_eq!(told, expected);
    };
    unread("gone.toml", "No such file or directory (os error 2)");
    unread("./", "it is not a file");
    std::fs::write(base.join("latin.toml"), b"name = \"x\"\ntitle = \"caf\xe9\"\n").unwrap();
    unread("latin.toml", "line 2 has bytes that are not UTF-8; save it as UTF-8");
    std::fs::write(base.join("huge.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    unread("huge.toml", "it has over 1048576 bytes: it is something else");
}

proptest! {
    /// Priced together is never dearer than priced apart, and more never costs less.
    #[test]
    fn together_is_not_dearer_and_more_is_not_cheaper(a in 0..1u64 << 50, b in 0..1u64 << 50, stored in 0..1u64 << 50) {
        for name in Tariff::names() {
            let tariff = Tariff::named(name).unwrap();
            for tier in tariff.tiers() {
                let price = |bytes| tariff.retrieval_price(tier, bytes, stored).unwrap().amount;
                let worst = |bytes| tariff.worst_retrieval_price(tier, bytes).unwrap().amount;
                prop_assert!(price(a + b) >= price(a));
                prop_assert!(price(a) <= worst(a));
                prop_assert!(worst(a + b) <= worst(a).plus(worst(b)));
                if tariff.rule == Rule::PerGigabyte {
                    prop_assert!(price(a + b) <= price(a).plus(price(b)));
                }
                // Together they are never more than what each may cost at the worst, whoever used the free share.
                prop_assert!(price(a + b) <= worst(a).plus(worst(b)));
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}", cut in 0..2000usize) {
        let _ = Tariff::from_text("it.toml", &text);
        let whole = Tariff::text("glacier-vault-2012").unwrap();
        let cut = whole.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
        let _ = Tariff::from_text("it.toml", &whole[..cut]);
    }
}
