use std::fmt::Write as _;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Some((Path::new("/c/firn.toml"), text)), &[], &[])
}

fn problems(result: Result<Config, ConfigError>) -> Vec<String> {
    match result.unwrap_err() {
        ConfigError::Wrong(problems) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

const MINIMAL: &str = r#"
[state]   
url = "sqlite:firn.db"
[staging]
path = "staging"
[[source]]
name = "ugc"
kind = "directory"
path = "photos"
[vault]
kind = "directory"
path = "vault"
[backup]
bundle_size = "25MB"
bundle_age = "20s"
fetchers = 8
uploaders = 4
"#;

#[test]
fn the_minimal_configuration_works_and_its_paths_are_relative_to_it() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.state, Path::new("/c/firn.db"));
    assert_eq!(config.staging, Path::new("/c/staging"));
    assert_eq!(config.sources[0].path, Path::new("/c/photos"));
    assert_eq!(config.sources[0].rescan, Duration::from_hours(6));
    assert_eq!(config.vault.unwrap().path, Path::new("/c/vault"));
    assert_eq!((config.backup.bundle_size, config.backup.fetchers), (25_000_000, 8));
}

#[test]
fn the_template_as_it_stands_is_all_defaults() {
    let empty = parse("").unwrap();
    let template = parse(TEMPLATE).unwrap();
    assert_eq!(template, empty);
}

/// With its `#` removed the template names every key there is, and each with its default.
#[test]
fn the_template_uncommented_is_all_defaults_too() {
    let mut text = String::new();
    for line in TEMPLATE.lines() {
        let live = line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()));
        writeln!(text, "{}", live.unwrap_or("")).unwrap();
    }
    let written = parse(&text).unwrap();
    let defaults = parse("").unwrap();
    for key in KEYS {
        // Beside a source it would be one too many.
        if key.path() == "url.domain" {
            continue;
        }
        let made = if key.is_listed() {
            // What does not go together stands in examples of its own: one of them has the default.
            let all: Vec<_> =
                written.settings.list(key.section).iter().filter_map(|(_, one)| one.get(key.name)).collect();
            let default = key.default.and_then(|default| key.kind.read(default));
            all.iter().copied().find(|made| default.as_ref() == Some(&made.value)).or(all.first().copied())
        } else {
            written.settings.sections[key.section].get(key.name)
        };
        let made = made.unwrap_or_else(|| panic!("{} is not in the template", key.path()));
        assert!(matches!(made.origin, Origin::File(..)), "{} is not in the template", key.path());
        if let Some(default) = key.default {
            assert_eq!(Some(&made.value), key.kind.read(default).as_ref(), "{}", key.path());
        } else {
            let none = [
                "source.name",
                "source.path",
                "url.pattern",
                "url.source",
                "vault.path",
                "console.keymap",
                "console.log",
            ];
            let alert = ["mail_", "command", "ping_url"].iter().any(|begin| key.name.starts_with(begin));
            let listed =
                ["delay", "replica_group", "replica", "heartbeat", "redis", "redis_limits"].contains(&key.section);
            let known = none.contains(&key.path().as_str()) || key.section == "alert" && alert || listed;
            assert!(known, "{}", key.path());
        }
    }
    assert_eq!(written.backup, defaults.backup);
    assert_eq!(written.delay.limits, defaults.delay.limits);
    assert_eq!(ConsoleConfig { base: defaults.console.base.clone(), ..ConsoleConfig::default() }, defaults.console);
    assert_eq!((RestoreConfig::default(), BudgetConfig::default()), (defaults.restore, defaults.budget));
    assert_eq!((written.restore, written.budget), (defaults.restore, defaults.budget));
    assert_eq!((written.lease, written.stop_within), (defaults.lease, defaults.stop_within));
}

#[test]
fn flag_over_variable_over_file_over_default() {
    let file = "[backup]\nfetchers = 5\nuploaders = 5\nattempts = 7\n";
    let variables = [("FIRN_BACKUP_FETCHERS".to_owned(), "6".into()), ("FIRN_BACKUP_UPLOADERS".to_owned(), "6".into())];
    let flags = ["backup.fetchers=9".to_owned()];
    let config = Config::parse(Some((Path::new("f.toml"), file)), &variables, &flags).unwrap();
    let made = |key: &str| config.settings.sections["backup"][key].clone();
    assert_eq!((made("fetchers").value, made("fetchers").origin), (Value::Number(9), Origin::Flag));
    assert_eq!(made("uploaders").value, Value::Number(6));
    assert_eq!(made("uploaders").origin.to_string(), "environment variable FIRN_BACKUP_UPLOADERS");
    assert_eq!(made("attempts").origin.to_string(), "f.toml:4");
    assert_eq!(made("memory").origin, Origin::Default);
    assert_eq!(config.backup.fetchers, 9);
}

#[test]
fn an_unknown_variable_or_flag_is_refused_with_the_nearest_name() {
    let variables = [("FIRN_BACKUP_FETCHER".to_owned(), "6".into()), ("FIRN_CONFIG".to_owned(), "x".into())];
    let told = problems(Config::parse(None, &variables, &["backup.bundel_size=1MB".to_owned(), "x".to_owned()]));
    assert_eq!(
        told,
        [
            "--set: unknown key \"backup.bundel_size\"; did you mean backup.bundle_size?",
            "--set: found \"x\"; write --set section.key=value",
            "environment variable FIRN_BACKUP_FETCHER: no key of firn's is set by it; did you mean FIRN_BACKUP_FETCHERS?",
        ]
    );
}

#[test]
fn a_secret_may_stand_in_a_variable_of_any_name() {
    let file = "[vault]\npath = \"/v\"\n[alert]\nmail_server = \"mx\"\nmail_from = \"f@x.org\"\nmail_to = \"t@x.org\"\nmail_user = \"u\"\nmail_password = \"env:FIRN_MAIL_PASSWORD\"\n";
    let variables = ["FIRN_MAIL_PASSWORD", "FIRN_MAIL_PASSWORT"].map(|name| (name.to_owned(), "hunter2".into()));
    let told = problems(Config::parse(Some((Path::new("f.toml"), file)), &variables, &[]));
    assert_eq!(
        told,
        [
            "environment variable FIRN_MAIL_PASSWORT: no key of firn's is set by it; did you mean FIRN_ALERT_MAIL_PASSWORD?"
        ]
    );
}

#[test]
fn a_state_address_never_shows_its_password() {
    let told = problems(parse("[state]\nurl = \"mysql://firn:hunter2@db/firn\"\n"));
    assert_eq!(
        told,
        ["/c/firn.toml:2: state.url: found the engine \"mysql\"; allowed is sqlite:PATH, such as \"sqlite:firn.db\""]
    );
}

#[test]
fn what_firn_writes_must_not_lie_in_a_source_whatever_way_it_is_spelled() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("photos")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("photos"), temp.path().join("link")).unwrap();
    let file = temp.path().join("firn.toml");
    for (section, key) in [
        ("[state]\nurl = \"sqlite:photos/firn.db\"", "state.url"),
        ("[staging]\npath = \"photos/new/staging\"", "staging.path"),
        ("[vault]\npath = \"link/vault\"", "vault.path"),
        ("[vault]\npath = \"photos/../photos\"", "vault.path"),
    ] {
        let text = format!("[[source]]\nname = \"ugc\"\npath = \"photos\"\n{section}\n");
        let told = problems(Config::parse(Some((&file, &text)), &[], &[]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains(&format!(":5: {key}: found ")) && told[0].contains("lies in the source ugc"),
            "{told:?}"
        );
    }
    let beside = "[[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\npath = \"photos2\"\n";
    assert!(Config::parse(Some((&file, beside)), &[], &[]).is_ok());
}

#[test]
fn money_is_read_to_the_cent_and_a_vault_has_the_tariff_of_its_kind_unless_said() {
    let text = "[vault]\npath = \"v\"\n[budget]\nrestore_plan = \"12.50\"\nrestore_day = 100\n[restore]\nrate_per_day = \"500GB\"\nconfirm_above = \"0\"\n";
    let config = parse(text).unwrap();
    let budget = BudgetConfig {
        restore_plan: Some(Money::from_cents(1250)),
        restore_day: Some(Money::from_cents(10_000)),
        restore_month: None,
    };
    assert_eq!(config.budget, budget);
    let restore =
        RestoreConfig { confirm_above: Money::ZERO, new_per_second: 50, slots: 4, rate_per_day: Some(500_000_000_000) };
    assert_eq!(config.restore, restore);
    assert_eq!(config.vault.unwrap().tariff, "directory");
    let vault = parse("[vault]\npath = \"v\"\ntariff = \"mine/deep.toml\"\n").unwrap().vault.unwrap();
    assert_eq!((vault.tariff.as_str(), vault.base.as_path()), ("mine/deep.toml", Path::new("/c")));
    let told =
        problems(parse("[budget]\nrestore_day = 12.5\nrestore_plan = \"$5\"\n[restore]\nconfirm_above = \"none\"\n"));
    assert_eq!(
        told,
        [
            "/c/firn.toml:2: budget.restore_day: found a float; allowed is an amount of dollars, such as \"12.50\", or \"none\"",
            "/c/firn.toml:3: budget.restore_plan: found \"$5\"; allowed is an amount of dollars, such as \"12.50\", or \"none\"",
            "/c/firn.toml:5: restore.confirm_above: found \"none\"; allowed is an amount of dollars, such as \"12.50\"",
        ]
    );
}

#[test]
fn staging_and_vault_are_apart() {
    let told = problems(parse("[staging]\npath = \"vault/staging\"\n[vault]\npath = \"vault\"\n"));
    assert_eq!(
        told,
        [
            "/c/firn.toml:2: staging.path: found /c/vault/staging, and the vault is /c/vault; neither may lie in the other"
        ]
    );
}

#[test]
fn a_pattern_of_urls_finds_its_file_and_a_wrong_one_is_told_with_its_place() {
    use crate::base::url::{Owner, Url};
    let file = |url: &str| format!("[[source]]\nname = \"ugc\"\npath = \"photos\"\n[[url]]\n{url}\n");
    let config = parse(&file("pattern = \"https://cdn.example.com/{key}\"\nsource = \"ugc\"")).unwrap();
    let found = config.urls[0].find(&Url::read(b"http://cdn.example.com/a%20b").unwrap().unwrap());
    assert_eq!(found, Some((Owner::Source(b"ugc".to_vec()), b"a b".to_vec())));
    let missing = "it is missing; allowed is a URL with places, such as \"https://cdn.example.com/{source}/{key}\"";
    let cases = [
        ("source = \"ugc\"", format!("/c/firn.toml:4: url.pattern: {missing}")),
        (
            "pattern = \"https://x/{key}\"",
            "/c/firn.toml:5: url.pattern: found \"https://x/{key}\": the pattern does not say whose key it is; put {source} or {domain} in it, or set source or domain beside it".to_owned(),
        ),
        (
            "pattern = \"https://x/{domian}/{key}\"",
            "/c/firn.toml:5: url.pattern: found \"https://x/{domian}/{key}\": the pattern has no place for {domian}; did you mean {domain}?; places are {source}, {domain} and {key}".to_owned(),
        ),
        (
            "pattern = \"https://x/{key}\"\nsource = \"ucg\"",
            "/c/firn.toml:6: url.source: found \"ucg\", and no [[source]] has that name; did you mean \"ugc\"?".to_owned(),
        ),
    ];
    for (url, sentence) in cases {
        assert_eq!(problems(parse(&file(url))), [sentence], "{url}");
    }
    let single = problems(parse("[url]\npattern = \"x\"\n"));
    assert_eq!(single, ["/c/firn.toml:1: url: found a table; allowed is a list: write [[url]], in two brackets"]);
    let flag = problems(Config::parse(None, &[], &["url.pattern=x".to_owned()]));
    assert_eq!(flag, ["--set: patterns of URLs are set in the configuration file only"]);
}
