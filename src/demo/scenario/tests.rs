//! What a scenario may say, and what it is told when it says something else.

use super::*;

const GOOD: &str = r#"
[scenario]
about = "one host, one source"
start = "2026-11-22T03:00:00Z"
[[host]]
name = "a"
pid = 1
[[source]]
name = "ugc"
place = "/srv/ugc"
folder = "photos"
"#;

fn told(text: &str) -> Vec<String> {
    match Scenario::parse("mine", Path::new("mine.toml"), text) {
        Err(ScenarioError::Wrong(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_embedded_can_be_played() {
    for name in known() {
        let scenario = Scenario::find(name).unwrap();
        assert_eq!(scenario.name, name);
        assert!(!scenario.hosts.is_empty() && !scenario.sources.is_empty());
    }
    assert!(Scenario::find("calm").unwrap().weather.is_empty());
    assert!(Scenario::find("bad-night").unwrap().hosts.len() > 1);
}

#[test]
fn what_nobody_says_has_a_default() {
    let scenario = Scenario::parse("mine", Path::new("mine.toml"), GOOD).unwrap();
    assert_eq!(scenario.start.to_string(), "2026-11-22T03:00:00Z");
    assert_eq!((scenario.backup.bundle_size, scenario.vault.name.as_str()), (2_500_000, "glacier"));
    assert_eq!((scenario.hosts[0].fetchers, scenario.hosts[0].dies), (6, None));
    assert_eq!((scenario.speed, scenario.vault.tariff.as_str()), (1, "glacier-vault"));
    assert_eq!((scenario.budget, scenario.restore.slots), (BudgetConfig::default(), 2));
    assert!(scenario.restores.is_empty() && scenario.places.is_empty());
}

#[test]
#[allow(clippy::too_many_lines)] // a table of cases
fn every_mistake_is_told_with_its_line_and_its_mend() {
    let cases = [
        (
            "[scenarios]",
            "mine.toml:12: scenarios: unknown section; did you mean \"scenario\"?; there are scenario, backup, vault, restores, budget, host, source, burst, weather, trouble, order, ack, restore, place, replica, job, cluster, act",
        ),
        (
            "[[source]]\nname = \"x\"\nplace = \"/x\"\nfolder = \"x\"\nhistroy = 5",
            "mine.toml:16: source.histroy: unknown key; did you mean \"history\"?; source has name, place, folder, ending, history, median, large_one_in, large, odd_one_in, arrive, change, delete, latency, rescan",
        ),
        (
            "[backup]\nattempts = \"many\"",
            "mine.toml:13: backup.attempts: found \"many\"; allowed is a whole number from 1 to 1000",
        ),
        ("[[backup]]\nattempts = 3", "mine.toml:12: backup: it stands once; write [backup]"),
        ("[weather]\nfault = \"outage\"", "mine.toml:12: weather: it is a list; write [[weather]], in two brackets"),
        (
            "[[trouble]]\nsource = \"ucg\"\nfrom = \"1m\"\nuntil = \"2m\"\nkind = \"io\"",
            "mine.toml:13: trouble.source: found \"ucg\", which is no source; did you mean \"ugc\"?; there are ugc",
        ),
        (
            "[[weather]]\nfrom = \"2m\"\nuntil = \"2m\"\nfault = \"outage\"",
            "mine.toml:14: weather.until: it is not after from; a window ends after it begins",
        ),
        (
            "[[weather]]\nuntil = \"2m\"\nfault = \"outage\"",
            "mine.toml:12: weather.from: it is missing; allowed is a span of time from 0s to 1d, such as \"20s\" or \"6h\"",
        ),
        (
            "[[host]]\nname = \"a\"\npid = 2",
            "mine.toml:13: host.name: \"a\" stands on line 6 already; give it another name",
        ),
        (
            "[[host]]\nname = \"b\"\npid = 2\nworkers = \"scan,dance\"",
            "mine.toml:15: host.workers: \"dance\" is no worker; there are: scan, fetch, upload, reconcile, restore, delay, heartbeat, redis, alert",
        ),
        (
            "[[order]]\nat = \"1m\"\nhost = \"a\"\npool = \"fetch\"\naction = \"resize\"\nwho = \"x\"",
            "mine.toml:12: order.size: it is missing; resize needs it",
        ),
        (
            "[[order]]\nat = \"1m\"\nhost = \"a\"\npool = \"fetch\"\naction = \"pause\"\nsize = 4\nwho = \"x\"",
            "mine.toml:17: order.size: pause has no size; leave it out, or write action = \"resize\"",
        ),
        (
            "[[restore]]\nat = \"1m\"\nwho = \"x\"\nlines = \"everything: /x/\"\nfiles = 3",
            "mine.toml:16: restore.files: it does not go with lines; leave one of them out",
        ),
        (
            "[[restore]]\nat = \"1m\"\nwho = \"x\"\nsource = \"ugc\"\nfiles = 3\nto = \"/x\"",
            "mine.toml:12: restore.archives: it is missing; write lines, or all of source, files, archives and to",
        ),
        (
            "[[restore]]\nat = \"1m\"\nwho = \"x\"\nhost = \"b\"\nlines = \"everything: /x/\"",
            "mine.toml:15: restore.host: found \"b\", which is no host; did you mean \"a\"?; there are a",
        ),
        (
            "[[restore]]\nat = \"1m\"\nwho = \"x\"\nlines = \"everything: /x/\"\nconfirm = false\nfailing = 1",
            "mine.toml:17: restore.failing: a plan that nobody confirms retrieves nothing; leave it out, or write confirm = true",
        ),
        (
            "[[place]]\nat = \"/srv/../etc\"\nkind = \"away\"\nfrom = \"1m\"\nuntil = \"2m\"",
            "mine.toml:13: place.at: found \"/srv/../etc\"; allowed is the absolute path of a folder without \"..\", such as \"/srv/restored\"",
        ),
        (
            "[budget]\nrestore_plan = \"a lot\"",
            "mine.toml:13: budget.restore_plan: found \"a lot\"; allowed is an amount of dollars, such as \"12.50\", or \"none\"",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"helthy\"",
            "mine.toml:14: replica.trace: found \"helthy\", which is no trace; did you mean \"healthy\"?; there are healthy, backup, recovery, slow-return, deshard, filling, overload, stuck, released, dip, io-error, sql-error, local-writer, primary-writer, no-answer, tool, or name a file: ./mine.csv",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"nowhere/x.csv\"",
            "mine.toml:14: replica.trace: cannot read the trace nowhere/x.csv: No such file or directory (os error 2)",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"Cargo.toml/../Cargo.lock.csv\"",
            "mine.toml:14: replica.trace: cannot read the trace Cargo.toml/../Cargo.lock.csv: Not a directory (os error 20)",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\nmin_delay_time = \"3h\"",
            "mine.toml:12: replica: min-delay-time 10800 s is not below max-delay-time 9000 s; the least must be below the greatest: lower the one or raise the other",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\ntool_times = 2",
            "mine.toml:15: replica.tool_times: there is no tool; leave it out, or write tool, such as \"1m\"",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\ndelay_by = \"magic\"",
            "mine.toml:15: replica.delay_by: found \"magic\"; allowed is \"native\" or \"external\"",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\n[[replica]]\nname = \"db1\"\ntrace = \"healthy\"",
            "mine.toml:16: replica.name: \"db1\" stands on line 13 already; give it another name",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\n[[job]]\nreplica = \"db2\"\nclass = \"backup\"\nstart = \"1h ago\"\nwho = \"x\"",
            "mine.toml:16: job.replica: found \"db2\", which is no replica; did you mean \"db1\"?; there are db1",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\n[[job]]\nreplica = \"db1\"\nclass = \"bakcup\"\nstart = \"1h ago\"\nwho = \"x\"",
            "mine.toml:17: job.class: found \"bakcup\", which is no class; did you mean \"backup\"?; there are backup, deshard",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\n[[job]]\nreplica = \"db1\"\nclass = \"backup\"\nstart = \"yesterday\"\nwho = \"x\"",
            "mine.toml:18: job.start: found \"yesterday\"; allowed is a span of time after the scenario begins, such as \"20m\", or before, such as \"2h30m ago\"",
        ),
        (
            "[[replica]]\nname = \"db1\"\ntrace = \"healthy\"\n[[job]]\nreplica = \"db1\"\nclass = \"backup\"\nstart = \"20m\"\nend = \"1h ago\"\nwho = \"x\"",
            "mine.toml:19: job.end: it is not after start; a job ends after it begins",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"helthy\"",
            "mine.toml:14: cluster.state: found \"helthy\", which is no state; did you mean \"healthy\"?; there are healthy, killed, suspected, failed-over, back, led-back, uncovered, uncovered-open, disputed, memory-full, open-slot, or name a folder that firn redis record has written: ./mine",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"nowhere/polls\"",
            "mine.toml:14: cluster.state: nowhere/polls cannot be read: No such file or directory (os error 2)",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"healthy\"\nmachines = \"10.0.0.1, ten\tone\"",
            "mine.toml:15: cluster.machines: \"ten\\x09one\" is no name or address of a machine; write them with commas between, such as \"10.0.0.1, 10.0.0.2\"",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"healthy\"\nmachines = \"10.0.0.1, 10.0.0.1\"",
            "mine.toml:15: cluster.machines: 10.0.0.1 stands there twice; name each machine once",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"healthy\"\n[[act]]\ncluster = \"odrers\"\nat = \"3m\"\nstate = \"killed\"",
            "mine.toml:16: act.cluster: found \"odrers\", which is no cluster; did you mean \"orders\"?; there are orders",
        ),
        (
            "[[cluster]]\nname = \"orders\"\nstate = \"healthy\"\n[[act]]\ncluster = \"orders\"\nat = \"3m\"\nstate = \"killed\"\n[[act]]\ncluster = \"orders\"\nat = \"180s\"\nstate = \"back\"",
            "mine.toml:21: act.at: orders comes to another state then already; give it another time",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(told(&format!("{GOOD}{more}\n")), [expected], "{more}");
    }
    let start = GOOD.replace("2026-11-22T03:00:00Z", "three in the morning");
    assert_eq!(
        told(&start),
        [
            "mine.toml:4: scenario.start: found \"three in the morning\"; allowed is a time in UTC, such as \"2026-11-22T03:00:00Z\""
        ]
    );
    assert_eq!(
        told("[scenario]\nabout = \"x\"\nstart = \"2026-11-22T03:00:00Z\"\n"),
        ["mine.toml:1: host: it is missing; add [[host]]", "mine.toml:1: source: it is missing; add [[source]]"]
    );
    assert!(told("[scenario\n")[0].starts_with("mine.toml:1: this is not TOML"), "{:?}", told("[scenario\n"));
}

#[test]
fn a_trace_may_be_a_file_beside_the_scenario() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("mine.toml");
    let text = format!("{GOOD}[[replica]]\nname = \"db1\"\ntrace = \"last-month.csv\"\n");
    let trace = temp.path().join("last-month.csv");
    std::fs::write(&trace, "t_seconds,delay_seconds\n0,7200\n0,7201\n").unwrap();
    let told = Scenario::parse("mine", &path, &text).unwrap_err().to_string();
    let place = trace.display();
    assert!(
        told.ends_with(&format!(
            "mine.toml:14: replica.trace: {place}: line 3: its time 0 s does not come after 0 s of the row before; rows are in the order of time"
        )),
        "{told}"
    );
    std::fs::write(&trace, "t_seconds,delay_seconds\n0,7200\n10,7201\n").unwrap();
    let scenario = Scenario::parse("mine", &path, &text).unwrap();
    assert_eq!(scenario.replicas[0].trace.at(5.0, false).delay, Some(7200.5));
    let (limits, group) = (&scenario.replicas[0].limits, &scenario.replicas[0].group);
    assert_eq!((limits, group), (&crate::delay::limits::Limits::default(), &None), "what nobody says has a default");
}

#[test]
fn a_state_of_a_cluster_may_be_a_recording_beside_the_scenario() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("mine.toml");
    let text = format!("{GOOD}[[cluster]]\nname = \"orders\"\nstate = \"./polls/1\"\n");
    let node = temp.path().join("polls/1/10.9.0.1_7000");
    std::fs::create_dir_all(&node).unwrap();
    let told = Scenario::parse("mine", &path, &text).unwrap_err().to_string();
    assert!(told.contains("holds no folder of a node"), "{told}");
    std::fs::write(node.join("info-everything.txt"), "# Server\r\nrun_id:1\r\nuptime_in_seconds:60\r\n").unwrap();
    let cluster = Scenario::parse("mine", &path, &text).unwrap().clusters.remove(0);
    let looks = crate::demo::clusters::Reel::new(&cluster, 1, Time::from_secs(100)).looks(Time::from_secs(107));
    let seen: Vec<_> =
        looks.iter().map(|look| (look.addr.to_string(), look.info().unwrap().number("uptime_in_seconds"))).collect();
    assert_eq!(seen, [("10.9.0.1:7000".to_owned(), Some(67))]);
}

#[test]
fn a_name_that_is_none_is_told_with_those_there_are() {
    let told = |name: &str| Scenario::find(name).unwrap_err().to_string();
    assert_eq!(
        told("clam"),
        "there is no scenario clam (did you mean \"calm\"?); there are calm, bad-night, restore, delay and redis, or name a file: --scenario ./mine.toml"
    );
    assert_eq!(
        told("/nowhere/x.toml"),
        "cannot read the scenario /nowhere/x.toml: No such file or directory (os error 2)"
    );
}
