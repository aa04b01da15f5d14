//! Configurations with one mistake each: the place, the key, what was found, what is allowed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use firn::console::action::ACTIONS;
use firn::console::keymap::Keymap;
use firn::console::theme::{Role, Theme};

use crate::kit::{Home, MINIMAL};

/// What `firn config check` says of a file, without what every such answer begins with.
fn told(home: &Home, text: &[u8]) -> Vec<String> {
    fs::write(home.path("firn.toml"), text).unwrap();
    let done = home.firn(&["config", "check"]).expect(2).clean();
    assert_eq!(done.out, "");
    let file = home.path("firn.toml").display().to_string();
    let body = done.err.strip_prefix("firn: the configuration cannot be used:\n").unwrap_or(&done.err);
    body.lines()
        .map(|line| line.trim().replace(&file, "FILE").replace(&home.path("").display().to_string(), "HOME/"))
        .collect()
}

/// A source, as the beginning of a file.
macro_rules! source {
    () => {
        "[[source]]\nname = \"ugc\"\npath = \"photos\"\n"
    };
}

#[track_caller]
fn each(cases: &[(&str, &str)]) {
    let home = Home::new();
    std::os::unix::fs::symlink(home.photos(), home.path("link")).unwrap();
    for (text, sentence) in cases {
        assert_eq!(told(&home, text.as_bytes()), [*sentence], "{text}");
    }
}

const NAMES: &[(&str, &str)] = &[
    (
        "[backup]\nbundel_size = \"25MB\"\n",
        "FILE:2: backup.bundel_size: unknown key; did you mean \"bundle_size\"?; [backup] has bundle_size, bundle_age, fetchers, uploaders, md5, attempts, memory, repeat_unknown_after",
    ),
    ("[log]\ncolour = \"red\"\n", "FILE:2: log.colour: unknown key; [log] has level"),
    (
        "\n[volt]\npath = \"vault\"\n",
        "FILE:2: volt: unknown section; did you mean \"vault\"?; there are state, staging, source, url, vault, backup, restore, budget, worker, console, alert, delay, replica_group, replica, heartbeat, redis_limits, redis, log",
    ),
    (
        "[stagin]\n",
        "FILE:1: stagin: unknown section; did you mean \"staging\"?; there are state, staging, source, url, vault, backup, restore, budget, worker, console, alert, delay, replica_group, replica, heartbeat, redis_limits, redis, log",
    ),
    (
        "bundle_size = \"25MB\"\n",
        "FILE:1: bundle_size: unknown section; there are state, staging, source, url, vault, backup, restore, budget, worker, console, alert, delay, replica_group, replica, heartbeat, redis_limits, redis, log",
    ),
    (
        "[\"ev\\u001b[2Jil\"]\n",
        "FILE:1: ev\\x1b[2Jil: unknown section; there are state, staging, source, url, vault, backup, restore, budget, worker, console, alert, delay, replica_group, replica, heartbeat, redis_limits, redis, log",
    ),
];

#[test]
fn names_that_there_are_not() {
    each(NAMES);
}

const TYPES: &[(&str, &str)] = &[
    (
        "[backup]\nfetchers = \"many\"\n",
        "FILE:2: backup.fetchers: found \"many\"; allowed is a whole number from 2 to 1024",
    ),
    ("[backup]\nfetchers = 8.5\n", "FILE:2: backup.fetchers: found a float; allowed is a whole number from 2 to 1024"),
    (
        "[backup]\nfetchers = true\n",
        "FILE:2: backup.fetchers: found a boolean; allowed is a whole number from 2 to 1024",
    ),
    ("[backup]\nfetchers = [8]\n", "FILE:2: backup.fetchers: found a list; allowed is a whole number from 2 to 1024"),
    (
        "[backup]\nfetchers = { a = 1 }\n",
        "FILE:2: backup.fetchers: found a table; allowed is a whole number from 2 to 1024",
    ),
    (
        "[backup]\nbundle_age = 20\n",
        "FILE:2: backup.bundle_age: found an integer; allowed is a span of time from 1s to 1d, such as \"20s\" or \"6h\"",
    ),
    (
        "[backup]\nbundle_age = 2026-11-22\n",
        "FILE:2: backup.bundle_age: found a date; allowed is a span of time from 1s to 1d, such as \"20s\" or \"6h\"",
    ),
    ("[vault]\npath = 7\n", "FILE:2: vault.path: found an integer; allowed is a path"),
    ("vault = \"vault\"\n", "FILE:1: vault: found a string; allowed is a section: write [vault]"),
    (
        "[source]\nname = \"ugc\"\npath = \"photos\"\n",
        "FILE:1: source: found a table; allowed is a list: write [[source]], in two brackets",
    ),
    ("source = [\"photos\"]\n", "FILE:1: source: found a string; allowed is a table: write [[source]]"),
    ("[[vault]]\npath = \"vault\"\n", "FILE:1: vault: found a list; allowed is a section: write [vault]"),
];

#[test]
fn values_of_the_wrong_type() {
    each(TYPES);
}

const VALUES: &[(&str, &str)] = &[
    ("[backup]\nfetchers = 1\n", "FILE:2: backup.fetchers: found 1; allowed is a whole number from 2 to 1024"),
    ("[backup]\nuploaders = 1025\n", "FILE:2: backup.uploaders: found 1025; allowed is a whole number from 2 to 1024"),
    ("[backup]\nattempts = -1\n", "FILE:2: backup.attempts: found -1; allowed is a whole number from 1 to 1000"),
    (
        "[backup]\nbundle_size = \"25 quarts\"\n",
        "FILE:2: backup.bundle_size: found \"25 quarts\"; allowed is a size from 64KiB to 1TiB, such as \"25MB\" or \"64MiB\"",
    ),
    (
        "[backup]\nbundle_size = \"1kB\"\n",
        "FILE:2: backup.bundle_size: found \"1kB\"; allowed is a size from 64KiB to 1TiB, such as \"25MB\" or \"64MiB\"",
    ),
    (
        "[backup]\nbundle_size = \"\"\n",
        "FILE:2: backup.bundle_size: found \"\"; allowed is a size from 64KiB to 1TiB, such as \"25MB\" or \"64MiB\"",
    ),
    (
        "[backup]\nbundle_size = 99999999999999999999\n",
        "FILE:2: backup.bundle_size: found 99999999999999999999; allowed is a size from 64KiB to 1TiB, such as \"25MB\" or \"64MiB\"",
    ),
    (
        "[backup]\nbundle_age = \"soon\"\n",
        "FILE:2: backup.bundle_age: found \"soon\"; allowed is a span of time from 1s to 1d, such as \"20s\" or \"6h\"",
    ),
    (
        "[backup]\nbundle_age = \"0s\"\n",
        "FILE:2: backup.bundle_age: found \"0s\"; allowed is a span of time from 1s to 1d, such as \"20s\" or \"6h\"",
    ),
    (
        "[backup]\nrepeat_unknown_after = \"sometimes\"\n",
        "FILE:2: backup.repeat_unknown_after: found \"sometimes\"; allowed is a span of time from 1m to 365d, such as \"1h\", or \"never\"",
    ),
    (
        "[backup]\nmd5 = \"Always\"\n",
        "FILE:2: backup.md5: found \"Always\"; allowed is \"auto\", \"always\" or \"never\"",
    ),
    ("[vault]\nkind = \"tape\"\npath = \"vault\"\n", "FILE:2: vault.kind: found \"tape\"; allowed is \"directory\""),
    ("[vault]\npath = \"\"\n", "FILE:2: vault.path: found \"\"; allowed is a path"),
    ("[vault]\npath = \"a\\u0000b\"\n", "FILE:2: vault.path: found \"a\\x00b\"; allowed is a path"),
    (
        "[[source]]\nname = \"my photos\"\npath = \"photos\"\n",
        "FILE:2: source.name: found \"my photos\"; allowed is a name of letters, digits, \"_\", \".\" and \"-\", 64 at most",
    ),
    (
        concat!(
            "[[source]]\nname = \"",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "\"\npath = \"photos\"\n"
        ),
        "FILE:2: source.name: found \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"; allowed is a name of letters, digits, \"_\", \".\" and \"-\", 64 at most",
    ),
    (
        "[log]\nlevel = \"\\u001b[2Jloud\"\n",
        "FILE:2: log.level: found \"\\x1b[2Jloud\"; allowed is \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    ),
    (
        "[state]\nurl = \"firn.db\"\n",
        "FILE:2: state.url: found no engine; allowed is sqlite:PATH, such as \"sqlite:firn.db\"",
    ),
    (
        "[state]\nurl = \"mysql://firn:hunter2@db/firn\"\n",
        "FILE:2: state.url: found the engine \"mysql\"; allowed is sqlite:PATH, such as \"sqlite:firn.db\"",
    ),
    (
        "[state]\nurl = \"sqlite:\"\n",
        "FILE:2: state.url: found the engine \"sqlite\"; allowed is sqlite:PATH, such as \"sqlite:firn.db\"",
    ),
];

#[test]
fn values_that_are_not_allowed() {
    each(VALUES);
}

const TOGETHER: &[(&str, &str)] = &[
    (
        "[[source]]\npath = \"photos\"\n",
        "FILE:1: source.name: it is missing; allowed is a name of letters, digits, \"_\", \".\" and \"-\", 64 at most",
    ),
    ("[[source]]\nname = \"ugc\"\n", "FILE:1: source.path: it is missing; allowed is a path"),
    ("[vault]\nname = \"cold\"\n", "FILE:2: vault.path: it is missing; allowed is a path: the vault's folder"),
    (
        concat!(source!(), "[[source]]\nname = \"ugc\"\npath = \"more\"\n"),
        "FILE:5: source.name: found \"ugc\" a second time; every source has a name of its own",
    ),
    (
        "[staging]\nbudget = \"50MB\"\n",
        "FILE:2: staging.budget: found 50MB with bundles of 25MB; allowed is four bundles or more (100MB): two are filled while others wait",
    ),
    (
        "[backup]\nbundle_size = \"5GB\"\n",
        "FILE:2: staging.budget: found 10GB with bundles of 5GB; allowed is four bundles or more (20GB): two are filled while others wait",
    ),
    (
        concat!(source!(), "[staging]\npath = \"photos/staging\"\n"),
        "FILE:5: staging.path: found HOME/photos/staging, which lies in the source ugc (HOME/photos); put it elsewhere: firn would back up its own work",
    ),
    (
        concat!(source!(), "[vault]\npath = \"link/vault\"\n"),
        "FILE:5: vault.path: found HOME/photos/vault, which lies in the source ugc (HOME/photos); put it elsewhere: firn would back up its own work",
    ),
    (
        concat!(source!(), "[state]\nurl = \"sqlite:photos/../photos/firn.db\"\n"),
        "FILE:5: state.url: found HOME/photos/firn.db, which lies in the source ugc (HOME/photos); put it elsewhere: firn would back up its own work",
    ),
    (
        "[vault]\npath = \"vault\"\n[[source]]\nname = \"ugc\"\npath = \"vault/archives\"\n",
        "FILE:5: source.path: found HOME/vault/archives, which lies in vault.path (HOME/vault); put it elsewhere: firn would back up its own work",
    ),
    (
        "[staging]\npath = \"vault/staging\"\n[vault]\npath = \"vault\"\n",
        "FILE:2: staging.path: found HOME/vault/staging, and the vault is HOME/vault; neither may lie in the other",
    ),
    (
        "[staging]\npath = \"vault\"\n[vault]\npath = \"vault\"\n",
        "FILE:2: staging.path: found HOME/vault, and the vault is HOME/vault; neither may lie in the other",
    ),
];

#[test]
fn what_is_missing_twice_or_does_not_go_together() {
    each(TOGETHER);
}

const SYNTAX: &[(&str, &str)] = &[
    ("[vault\npath = \"vault\"\n", "FILE:1: this is not TOML: unclosed table, expected `]`"),
    ("[vault]\npath = vault\n", "FILE:2: this is not TOML: string values must be quoted, expected literal string"),
    ("[vault]\npath = \"vault\n", "FILE:2: this is not TOML: invalid basic string, expected `\"`"),
    (
        "[vault] path = \"vault\"\n",
        "FILE:1: this is not TOML: unexpected key or value, expected newline, `#`; write what a section holds on the lines below its name",
    ),
    ("[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "FILE:3: this is not TOML: duplicate key"),
];

#[test]
fn what_is_no_toml() {
    each(SYNTAX);
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let home = Home::new();
    let text = "[backup]\nfetchers = 1\nbundel_size = \"1MB\"\n[log]\nlevel = \"loud\"\n";
    let told = told(&home, text.as_bytes());
    let lines: Vec<&str> = told.iter().map(|line| line.split(": ").take(2).last().unwrap()).collect();
    assert_eq!(lines, ["backup.fetchers", "backup.bundel_size", "log.level"]);
}

#[test]
fn files_that_are_no_text_or_not_there() {
    let home = Home::new();
    assert_eq!(
        told(&home, b"[vault]\npath = \"vault\"\n# caf\xe9\n"),
        ["firn: the configuration file FILE:3: found bytes that are not UTF-8; save the file as UTF-8"]
    );
    assert_eq!(
        told(&home, &b"# \n".repeat(400_000)),
        ["firn: the configuration file FILE has over 1.0 MB; it is something else: name the right one with --config"]
    );
    fs::remove_file(home.path("firn.toml")).unwrap();
    home.firn(&["run"])
        .expect(2)
        .says(&["cannot read the configuration file ", "/firn.toml: No such file or directory"]);
    fs::create_dir(home.path("firn.toml")).unwrap();
    home.firn(&["run"]).expect(2).says(&["cannot read the configuration file ", "/firn.toml: Is a directory"]);
    let mut endless = home.command(["config", "check"]);
    endless.args(["--config", "/dev/zero"]);
    home.run(endless).expect(2);
    let mut none = std::process::Command::new(env!("CARGO_BIN_EXE_firn"));
    none.env_clear().env("HOME", home.path("")).args(["config", "check"]);
    home.run(none).expect(2).says(&[
        "there is no configuration file; looked for ",
        "/.config/firn/config.toml, /etc/firn/config.toml; write one with `firn config init`, or name one with --config",
    ]);
}

#[test]
fn variables_and_flags_with_mistakes() {
    let home = Home::new();
    let variable = |name: &str, text: &OsStr| {
        let mut command = home.command(["config", "check"]);
        command.env(name, text);
        home.run(command).expect(2).clean()
    };
    variable("FIRN_BACKUP_FETCHERS", "lots".as_ref()).says(&[
        "environment variable FIRN_BACKUP_FETCHERS: backup.fetchers: found \"lots\"; allowed is a whole number from 2 to 1024",
    ]);
    variable("FIRN_BACKUP_FETCHERS", "".as_ref()).says(&["backup.fetchers: found \"\"; allowed is a whole number"]);
    variable("FIRN_BACKUP_FECHERS", "8".as_ref()).says(&[
        "environment variable FIRN_BACKUP_FECHERS: no key of firn's is set by it; did you mean FIRN_BACKUP_FETCHERS?",
    ]);
    let latin1 = OsString::from_vec(b"/mnt/caf\xe9".to_vec());
    variable("FIRN_VAULT_PATH", &latin1).says(&[
        "environment variable FIRN_VAULT_PATH: vault.path: found \"/mnt/caf\\xe9\", which is not UTF-8; allowed is a path",
    ]);
    variable("FIRN_STAGING_PATH", "photos/x".as_ref())
        .says(&["environment variable FIRN_STAGING_PATH: staging.path: found ", "which lies in the source ugc"]);
    let flag = |text: &str| home.firn(&["config", "check", "--set", text]).expect(2).clean();
    flag("backup.fetchers=0").says(&["--set: backup.fetchers: found \"0\"; allowed is a whole number from 2 to 1024"]);
    flag("backup.fechers=8").says(&["--set: unknown key \"backup.fechers\"; did you mean backup.fetchers?"]);
    flag("fetchers").says(&["--set: found \"fetchers\"; write --set section.key=value"]);
    flag("source.path=x").says(&["--set: sources are set in the configuration file only"]);
    flag("log.level=\x1b[2J").says(&["--set: log.level: found \"\\x1b[2J\"; allowed is "]);
    let mut empty = std::process::Command::new(env!("CARGO_BIN_EXE_firn"));
    empty.env_clear().env("HOME", home.path("")).env("FIRN_CONFIG", "").args(["config", "check"]);
    home.run(empty).expect(2).says(&["the configuration file's name (--config, or FIRN_CONFIG) is empty"]);
}

#[test]
fn what_run_needs_and_does_not_have() {
    let home = Home::with("[vault]\npath = \"vault\"\n");
    home.firn(&["run"]).expect(1).says(&["the configuration names no source; add [[source]] with a name and a path"]);
    home.firn(&["config", "check"]).expect(1).says(&["no source: add [[source]] with a name and a path"]);
    // Where there is something to watch, it is what it was asked for that is not there.
    let home = Home::with("[[redis]]\nname = \"shop\"\nseeds = \"127.0.0.1:1\"\n");
    for asked in [&["run", "--workers", "scan"][..], &["run", "--until-idle"]] {
        home.firn(asked).expect(1).says(&["the configuration names no source"]);
    }
    let home = Home::with("[[source]]\nname = \"ugc\"\npath = \"photos\"\n");
    home.firn(&["run"]).expect(1).says(&["the configuration names no vault; add [vault] with a path"]);
    home.firn(&["config", "check"]).expect(1).says(&["no vault: add [vault] with a path"]);
    let home = Home::new();
    home.firn(&["config", "check"]).expect(0).prints(&["/firn.toml: OK"]);
    home.firn(&["run", "--workers", "scan,fecth"])
        .expect(2)
        .says(&["\"fecth\" is no worker; there are: scan, fetch, upload, reconcile"]);
    home.firn(&["run", "--workers", ""])
        .expect(2)
        .says(&["\"\" is no worker; there are: scan, fetch, upload, reconcile"]);
    home.firn(&["run", "--forever"]).expect(2).says(&["unexpected argument '--forever'"]);
}

#[test]
fn init_writes_a_file_once_and_show_and_paths_tell_where_things_come_from() {
    let home = Home::new();
    let path = home.path("new/dir/config.toml");
    let init = || home.run(home.command([OsStr::new("config"), OsStr::new("init"), path.as_os_str()]));
    init().expect(0).prints(&["wrote ", "name a source and a vault in it, then: firn config check"]);
    fs::write(&path, MINIMAL).unwrap();
    init().expect(2).says(&["/config.toml is there already; --force overwrites it"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), MINIMAL);
    let show = home.firn(&["config", "show", "--set", "backup.uploaders=9"]).expect(0).clean();
    for (setting, origin) in [
        ("uploaders = 9", "# --set"),
        ("bundle_size = \"25MB\"", "/firn.toml:5"),
        ("md5 = \"auto\"", "# default"),
        ("name = \"ugc\"", "/firn.toml:3"),
    ] {
        let line = show.out.lines().find(|line| line.starts_with(setting));
        assert!(line.is_some_and(|line| line.ends_with(origin)), "{setting}: {line:?}");
    }
    home.firn(&["config", "paths", "--set", "console.log=mine"]).expect(0).prints(&[
        "configuration (given)",
        "/firn.toml",
        "vault vault",
        "/vault",
        "console's log          ",
        "/mine\n",
        "console's drafts       ",
        "/firn/drafts.json\n",
    ]);
}

#[test]
fn what_keymap_prints_is_a_keymap_and_says_where_keys_come_from() {
    let home = Home::new();
    fs::write(home.path("keys.toml"), "[keys]\nquit = []\n\"backup.pause\" = [\"ctrl-p\", \"\\\"\"]\n").unwrap();
    let set = ["--set", "console.keymap=keys.toml"];
    let usual = home.firn(&["config", "keymap"]).expect(0).clean();
    let ours = home.firn(&[&["config", "keymap"][..], &set].concat()).expect(0).clean();
    for (out, path) in [(&usual.out, None), (&ours.out, Some(home.path("keys.toml")))] {
        let read = Keymap::parse(Path::new("printed"), out).unwrap();
        let meant = Keymap::load(path.as_deref()).unwrap();
        for action in ACTIONS {
            assert_eq!(read.keys(action.id), meant.keys(action.id), "{}", action.id);
        }
    }
    let line = |out: &str, id: &str| {
        let found = out.lines().find(|line| line.starts_with(&format!("\"{id}\" = ")));
        found.unwrap_or_else(|| panic!("{id} is not in:\n{out}")).to_owned()
    };
    assert_eq!(
        line(&usual.out, "backup.pause"),
        "\"backup.pause\" = [\"p\"]                       # default: pause the selected pool, or let it work again (asks first)"
    );
    let place = home.path("keys.toml").display().to_string();
    let pause = line(&ours.out, "backup.pause");
    assert!(pause.starts_with("\"backup.pause\" = [\"ctrl-p\", \"\\\"\"] "), "{pause}");
    assert!(pause.contains(&format!("# {place}:3: pause the selected pool")), "{pause}");
    let quit = line(&ours.out, "quit");
    assert!(quit.starts_with("\"quit\" = [] ") && quit.ends_with(&format!("# {place}:2: leave the console")), "{quit}");
    // Without any configuration there are keys and a theme all the same.
    let bare = |rest: &[&str]| {
        let mut bare = std::process::Command::new(env!("CARGO_BIN_EXE_firn"));
        bare.env_clear().env("HOME", home.path("nobody")).args(rest);
        home.run(bare).expect(0).clean().out
    };
    assert_eq!(bare(&["config", "keymap"]), usual.out);
    assert!(bare(&["config", "theme"]).starts_with("# theme default (default), colours: none\ntext "));
}

#[test]
fn theme_says_each_style_and_where_it_comes_from() {
    let home = Home::new();
    let own = "inherits = \"high-contrast\"\n[roles]\nwarning = { fg = \"#ff8000\", add = [\"bold\"] }\n";
    fs::write(home.path("own.toml"), own).unwrap();
    fs::write(home.path("firn.toml"), format!("{MINIMAL}[console]\ntheme = \"own.toml\"\ncolour = \"true\"\n"))
        .unwrap();
    let out = home.firn(&["config", "theme"]).expect(0).clean().out;
    let mut lines = out.lines();
    let place = format!("{}:7", home.path("firn.toml").display());
    assert_eq!(lines.next(), Some(format!("# theme own.toml ({place}), colours: true").as_str()));
    let told: Vec<(&str, &str, &str)> = lines
        .map(|line| {
            let (style, from) = line.split_once(" # ").unwrap();
            let (role, style) = style.split_once(' ').unwrap();
            (role, style.trim(), from)
        })
        .collect();
    let roles: Vec<&str> = told.iter().map(|(role, ..)| *role).collect();
    assert_eq!(roles, Role::ALL.map(Role::name));
    assert!(told.contains(&("warning", "fg #ff8000, bold", "theme")), "{out}");
    assert!(told.iter().any(|(_, _, from)| *from == "inherited from high-contrast"), "{out}");
    // Another than the one in force; its file; and one that there is not.
    home.firn(&["config", "theme", "mono"]).expect(0).prints(&["# theme mono (asked for), colours: true"]);
    for name in Theme::names() {
        let text = home.firn(&["config", "theme", "--text", name]).expect(0).out;
        assert_eq!(text, fs::read_to_string(format!("{}/themes/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap());
    }
    home.firn(&["config", "theme", "--text"]).expect(2).says(&[
        "\"own.toml\" is no theme of firn's own; --text prints default, light, mono, high-contrast, deuteranopia, tritanopia",
    ]);
    home.firn(&["config", "theme", "drak"])
        .expect(2)
        .says(&["no theme is called \"drak\"; the themes are \"default\", "]);
}

/// What `[console]` names, with one mistake each: the files' texts, and the sentence.
const CONSOLE: &[(&str, &str, &str)] = &[
    (
        "console.keymap=it.toml",
        "[keys]\nhlp = \"x\"\n",
        "HOME/it.toml:2: \"hlp\" is no action; did you mean \"help\"?; `firn config keymap` lists them",
    ),
    (
        "console.keymap=it.toml",
        "[keys]\nhelp = \"q\"\n",
        "the key \"q\" would do two things: help (HOME/it.toml:2) and quit (as usual); give one of them another key",
    ),
    (
        "console.keymap=it.toml",
        "[keys]\nhelp = \"hyper-h\"\n",
        "HOME/it.toml:2: help: \"hyper-h\" is no key; write a character, \"ctrl-x\", \"alt-x\", \"f1\" to \"f12\", or one of enter, esc, tab, shift-tab, backspace, delete, insert, up, down, left, right, pgup, pgdn, home, end, space",
    ),
    ("console.keymap=it.toml", "[key]\n", "HOME/it.toml:1: found \"key\"; a keymap has one section: [keys]"),
    ("console.keymap=/dev/zero", "", "cannot read the keymap /dev/zero: it is not a file; mend [console] keymap"),
    (
        "console.keymap=gone.toml",
        "",
        "cannot read the keymap HOME/gone.toml: No such file or directory (os error 2); mend [console] keymap",
    ),
    (
        "console.theme=drak",
        "",
        "no theme is called \"drak\"; the themes are \"default\", \"light\", \"mono\", \"high-contrast\", \"deuteranopia\", \"tritanopia\"; or write the path of a file",
    ),
    (
        "console.theme=./it.toml",
        "[roles]\nwarnin = {}\n",
        "theme HOME/./it.toml:2: roles: found \"warnin\"; allowed is a role that `firn config theme` lists; did you mean \"warning\"?",
    ),
    ("console.theme=./it.toml", "inherits = \"drak\"\n", "no theme is called \"drak\""),
    (
        "console.theme=gone.toml",
        "",
        "cannot read the theme HOME/gone.toml: No such file or directory (os error 2); mend [console] theme, or name one of default, light, mono, high-contrast, deuteranopia, tritanopia",
    ),
];

#[test]
fn files_of_the_console_with_a_mistake_are_told_by_check_and_by_the_console() {
    let home = Home::new();
    for (set, text, sentence) in CONSOLE {
        fs::write(home.path("it.toml"), text).unwrap();
        let sentence = sentence.replace("HOME", home.path("").display().to_string().trim_end_matches('/'));
        // The second opens the console, which must refuse before anything is opened or made.
        for command in [&["config", "check"][..], &[]] {
            let done = home.firn(&[command, &["--set", set]].concat()).expect(2).clean().says(&[&sentence]);
            assert_eq!(done.out, "");
        }
        assert!(!home.path("firn.db").exists());
    }
    // All that is wrong at once.
    let text = "[vault]\npath = \"vault\"\n[console]\ntheme = \"drak\"\nkeymap = \"gone.toml\"\n";
    fs::write(home.path("firn.toml"), text).unwrap();
    home.firn(&["config", "check"]).expect(2).says(&[
        "firn: cannot read the keymap ",
        "firn: no theme is called \"drak\"",
        "no source: add [[source]] with a name and a path",
    ]);
    // The demo takes them from the command line.
    home.firn(&["demo", "--until", "0s", "--print", "80x24", "--set", "console.theme=drak"])
        .expect(2)
        .says(&["no theme is called \"drak\""]);
}

/// What `[vault] tariff` names, with one mistake each: the file's text, and the sentence.
const TARIFFS: &[(&str, &str, &str)] = &[
    (
        "deep-archiv",
        "",
        "firn: no tariff is called \"deep-archiv\"; the tariffs are \"directory\", \"glacier-vault-2012\", \"glacier-vault\", \"s3-glacier\", \"deep-archive\", \"glacier-ir\"; or write the path of a file; did you mean \"deep-archive\"?",
    ),
    (
        "it.toml",
        "currency = \"EUR\"\n",
        "firn: tariff HOME/it.toml:1: currency: found \"EUR\"; allowed is \"USD\": firn reckons in US dollars alone",
    ),
    (
        "it.toml",
        "\n[\"\\u001b[2J\"]\n",
        "firn: tariff HOME/it.toml:2: the file: found \"\\x1b[2J\"; allowed is name, title, ",
    ),
    (
        "/dev/zero",
        "",
        "firn: cannot read the tariff /dev/zero: it is not a file; mend [vault] tariff, or name one of directory, ",
    ),
    (
        "gone.toml",
        "",
        "firn: cannot read the tariff HOME/gone.toml: No such file or directory (os error 2); mend [vault] tariff",
    ),
];

#[test]
fn a_tariff_with_a_mistake_is_told_by_check() {
    let home = Home::new();
    for (called, text, sentence) in TARIFFS {
        fs::write(home.path("it.toml"), text).unwrap();
        let sentence = sentence.replace("HOME", home.path("").display().to_string().trim_end_matches('/'));
        let done = home.firn(&["config", "check", "--set", &format!("vault.tariff={called}")]).expect(2).clean();
        assert_eq!(done.says(&[&sentence]).out, "");
    }
    // One's own is used as it stands, and shown where paths are.
    let own = include_str!("../../src/vault/tariff/deep-archive.toml").replace("\"0.02\"", "\"0.01\"");
    fs::write(home.path("it.toml"), own).unwrap();
    home.firn(&["config", "check", "--set", "vault.tariff=it.toml"]).expect(0).prints(&["/firn.toml: OK"]);
    home.firn(&["config", "paths", "--set", "vault.tariff=it.toml"])
        .expect(0)
        .prints(&["tariff                 ", "/it.toml"]);
}
