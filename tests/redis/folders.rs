//! Recordings: written, read, cut, and wrong; and what is said of them.

use std::fs;
use std::time::Duration;

use firn::base::Severity;
use firn::base::plugin::{Plugin, WIDTH};
use firn::redis::aside::Aside;
use firn::redis::limits::Limits;
use firn::redis::look::{Answer, Look, Reply};
use firn::redis::plugin::{LABEL, plugin};
use firn::redis::record::{self, FILES};
use firn::redis::replay::{ReplayError, read, replay};
use firn::redis::report;
use firn::redis::settings::Settings;
use firn::redis::trouble::Trouble;

use super::kit::{capture, copy, judged, lines, stands};
use super::plays;
use super::world::World;

/// Without times, and without what a recording does not say.
fn bare(look: &Look) -> (String, Answer) {
    (look.addr.to_string(), look.answer.clone())
}

/// Words of others that stand in what firn itself recorded say nothing.
#[test]
fn what_firn_recorded_is_read_by_its_first_words() {
    let of = |why: &str| record::read_trouble(&format!("[no reply] {why}\r\n")).unwrap();
    let resolve = Trouble::Resolve { host: "refused.example".to_owned(), why: "timed out".to_owned() };
    assert_eq!(of("cannot resolve refused.example: timed out"), resolve);
    let odd = of("protocol: \"HTTP/1.1 408 Request Timeout\" begins no reply");
    assert!(matches!(odd, Trouble::Odd { .. }), "{odd:?}");
    assert_eq!(of("TLS: tls handshake eof"), Trouble::Tls("tls handshake eof".to_owned()));
    assert_eq!(of("network: connection reset"), Trouble::Network("connection reset".to_owned()));
    assert_eq!(of("Connection refused"), Trouble::Refused);
}

/// A pipe waits for somebody who writes into it.
#[test]
fn what_is_no_file_is_not_opened() {
    let temp = tempfile::tempdir().unwrap();
    let node = temp.path().join("7000");
    std::fs::create_dir(&node).unwrap();
    let made = std::process::Command::new("mkfifo").arg(node.join("info.txt")).status().unwrap();
    assert!(made.success());
    let refused = read(temp.path()).unwrap_err();
    assert!(matches!(refused, ReplayError::Empty { .. }), "{refused}");
}

#[test]
fn what_is_recorded_is_read_again() {
    let temp = tempfile::tempdir().unwrap();
    for (number, play) in plays::all().iter().enumerate() {
        let (second, world) = play.steps.last().unwrap();
        let looks = world.looks(*second);
        if looks.is_empty() {
            // Sentinels are not recorded.
            continue;
        }
        let dir = temp.path().join(format!("{number:03}/poll"));
        record::write(&dir, &looks, &[]).unwrap();
        let mut expected: Vec<_> = looks.iter().map(bare).collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found: Vec<_> = read(&dir).unwrap().iter().map(bare).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for ((addr, found), (_, expected)) in found.iter().zip(&expected) {
            match (found, expected) {
                // What came over the wire is kept in words.
                (Answer::Failed(Trouble::Odd { .. }), Answer::Failed(Trouble::Wire(_)))
                | (Answer::Failed(Trouble::Tls(_)), Answer::Failed(Trouble::Handshake(_))) => {}
                _ if reads_alike(found, expected) => {}
                _ => panic!("{}: {addr}: {found:?}, not {expected:?}", play.name),
            }
        }
        assert_eq!(found.len(), expected.len());
    }
}

/// An error that every command answers alike is one, however it came.
fn reads_alike(found: &Answer, expected: &Answer) -> bool {
    match (found, expected) {
        (Answer::Came(reply), Answer::Failed(trouble)) => {
            let Reply { info, nodes, cluster } = reply.as_ref();
            let all = [info.as_ref().err(), nodes.as_ref().err(), cluster.as_ref().err()];
            all.iter().all(|one| *one == Some(trouble))
        }
        _ => found == expected,
    }
}

#[test]
fn recorded_replies_that_are_recorded_again_say_the_same() {
    let temp = tempfile::tempdir().unwrap();
    for name in [
        "01-healthy",
        "02c-after-failover",
        "06a-slot-mid-migration",
        "07b-views-differ-slot-owner",
        "11c-partition-healed",
    ] {
        let dir = temp.path().join(name);
        let looks = read(&capture(name)).unwrap();
        record::write(&dir, &looks, &[]).unwrap();
        let (mut first, mut second) = (judged(&[capture(name)]), judged(&[&dir]));
        let (first, second) = (first.polls.pop().unwrap(), second.polls.pop().unwrap());
        assert_eq!(first, second, "{name}");
        // A folder without its own host in its name says it by its port.
        assert!(dir.join("127.0.0.1_19102").is_dir() || dir.join("10.99.0.1_19301").is_dir());
    }
}

/// What judged by is recorded with what was seen.
#[test]
fn settings_are_recorded_and_judged_by() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("poll");
    let looks = read(&capture("02a-master-killed-1s-after")).unwrap();
    let settings = Settings { node_timeout: Some(Duration::from_secs(5)), ..Settings::default() };
    let told = looks.iter().filter(|look| look.info().is_some());
    let asides: Vec<Aside> =
        told.map(|look| Aside { settings: Some(settings), ..Aside::new(look.addr.clone(), look.at) }).collect();
    record::write(&dir, &looks, &asides).unwrap();
    let kept = fs::read_to_string(dir.join("127.0.0.1_19102").join(record::SETTINGS)).unwrap();
    assert_eq!(kept, "cluster-node-timeout 5000\r\n");
    let health = judged(&[&dir]).polls.pop().unwrap();
    assert!(health.findings[0].text.contains("cluster not yet aware (node-timeout 5 s)"), "{:?}", health.findings[0]);
}

#[test]
fn a_recording_holds_no_secret_and_never_falls_into_another() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("poll");
    let looks = World::well(0).looks(0);
    record::write(&dir, &looks, &[]).unwrap();
    let mut nodes: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    nodes.sort();
    let expected =
        ["10.0.0.1_7001", "10.0.0.1_7006", "10.0.0.2_7002", "10.0.0.2_7004", "10.0.0.3_7003", "10.0.0.3_7005"];
    assert_eq!(nodes, expected);
    let again = record::write(&dir, &looks, &[]).unwrap_err().to_string();
    assert!(
        again
            .ends_with("poll is there already; name a folder that is not, as one recording must not fall into another"),
        "{again}"
    );
    fs::write(temp.path().join("file"), "").unwrap();
    let under = record::write(&temp.path().join("file/poll"), &looks, &[]).unwrap_err().to_string();
    assert!(under.contains("cannot be written"), "{under}");
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let temp = tempfile::tempdir().unwrap();
    let refused = |dir: &std::path::Path| replay(&[dir], &Limits::default()).unwrap_err().to_string();
    assert!(
        refused(&temp.path().join("none")).contains("none cannot be read: No such file"),
        "{}",
        refused(&temp.path().join("none"))
    );
    assert!(refused(temp.path()).contains("holds no folder of a node; a recording has one a node, named HOST_PORT or PORT, with info-everything.txt, cluster-nodes.txt, cluster-info.txt"));
    fs::create_dir_all(temp.path().join("not a node")).unwrap();
    fs::create_dir_all(temp.path().join("19101")).unwrap();
    assert!(refused(temp.path()).contains("holds no folder of a node"), "a node's folder without its files is none");
    let none: [&std::path::Path; 0] = [];
    let text = replay(&none, &Limits::default()).unwrap_err().to_string();
    assert!(text.starts_with("no folder was named; name one that firn redis record has written"), "{text}");
    let large = temp.path().join("19101").join(FILES[0]);
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(refused(temp.path()).ends_with("info-everything.txt has more than 16 MiB; that is no reply of a node"));
}

#[test]
fn first_lines_that_are_no_reply_are_troubles() {
    let cases = [
        ("[no reply] TimeoutError: timed out", "takes connections and does not answer within 1 s"),
        ("[no reply] ConnectionRefusedError: [Errno 111] Connection refused", "connection refused"),
        ("[no reply] no connection within 1s", "no connection within 1 s"),
        ("[no reply] connection closed", "closed the connection before it had answered"),
        ("[no reply] OSError: [Errno 113] No route to host", "no way there: OSError: [Errno 113] No route to host"),
        ("[no reply] cannot resolve cache-1: no such host", "cache-1 cannot be resolved: no such host"),
        ("[no reply]", "takes connections and does not answer within 1 s"),
        ("-LOADING Redis is loading the dataset in memory", "is loading its dataset"),
        (
            "-ERR max number of clients + cluster connections reached",
            "takes no more clients: ERR max number of clients + cluster connections reached",
        ),
        ("-NOPERM this \u{1b}[2J", "the user may not do that: NOPERM this \\x1b[2J"),
    ];
    for (line, words) in cases {
        let trouble = record::read_trouble(&format!("{line}\r\n"));
        assert_eq!(trouble.map(|trouble| trouble.to_string()).as_deref(), Some(words), "{line}");
    }
    assert_eq!(record::read_trouble("# Server\r\n"), None);
}

/// Half a file never panics, and never makes anything critical of a cluster that is well.
#[test]
fn recordings_that_are_cut_anywhere_are_judged() {
    let temp = tempfile::tempdir().unwrap();
    let dir = copy("06a-slot-mid-migration", temp.path());
    let mut half = 0;
    for (file, every) in FILES.into_iter().zip([61, 3, 11]) {
        let path = dir.join("19102").join(file);
        let whole = fs::read(&path).unwrap();
        for end in (0..whole.len()).step_by(every) {
            fs::write(&path, &whole[..end]).unwrap();
            let health = judged(&[&dir]).polls.pop().unwrap();
            assert!(health.severity < Severity::Critical, "{file} until {end}: {:?}", lines(&health));
            half += u32::from(health.findings.iter().any(|one| one.rule.0 == "A7"));
        }
        fs::write(&path, &whole).unwrap();
    }
    // Between two lines nobody can tell; within one it is half a reply, and not seen.
    assert!(half > 200, "{half} of them are seen to be cut");
}

#[test]
fn a_replay_as_json_is_one_object_with_what_was_found() {
    let replayed = judged(&[capture("01-healthy"), capture("02a-master-killed-1s-after")]);
    let value = report::replay_json(&replayed);
    assert_eq!(value["severity"], "CRITICAL");
    let finding = &value["findings"][1];
    assert_eq!(
        (&finding["rule"], &finding["severity"], &finding["object"]),
        (&"B1".into(), &"CRITICAL".into(), &"slots 0-5460".into())
    );
    assert!(finding["text"].as_str().unwrap().starts_with("5,461 slots (33 %) have no live owner"));
    assert_eq!(finding["since"], "2026-11-22T05:52:00Z");
    assert_eq!(value["polls"].as_array().unwrap().len(), 2);
    assert_eq!(value["polls"][0]["severity"], "OK");
    assert_eq!(value["summary"]["slots_served"], 10_923);
    assert!(value["summary"]["keys"].is_null(), "the keys of a master that is not seen are not known");
    let health = stands("10c-not-a-cluster-node");
    assert_eq!(report::json(&health)["severity"], "UNKNOWN");
}

#[test]
fn a_report_says_what_is_wrong_what_to_do_and_how_every_node_is() {
    let text = report::text(&stands("06b-open-slot-migrating-only")).join("\n");
    for part in [
        "WARNING 06b-open-slot-migrating-only (cluster); state ok; 10,923 of 16,384 slots served; 5,461 not seen; epoch 7; 3 masters, 3 replicas; 2 of 6 nodes answer",
        "1 warning",
        "  WARNING  B6   slot 8450 half-open: only 127.0.0.1:19102 knows",
        "                $ redis-cli -h 127.0.0.1 -p 19102 CLUSTER SETSLOT 8450 STABLE",
        "  node               role     state      slots",
        "    127.0.0.1:19104  replica  not asked",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_plugin_fits_its_line_and_its_exit_code_is_the_severity() {
    let cases = [
        ("01-healthy", 0, "REDIS OK - 01-healthy: 16384 of 16384 slots served, 6 of 6 nodes answer"),
        ("02a-master-killed-1s-after", 2, "REDIS CRITICAL - 5,461 slots (33 %) uncovered: 0-5460 (+1)"),
        (
            "06b-open-slot-migrating-only",
            1,
            "REDIS WARNING - slot 8450 half-open: only 127.0.0.1:19102 knows, migrating...",
        ),
        ("10c-not-a-cluster-node", 3, "REDIS UNKNOWN - 127.0.0.1:19112: not a cluster node: cluster support is..."),
    ];
    for (name, exit, line) in cases {
        let plugin = plugin(&stands(name), 0);
        assert_eq!((plugin.exit, plugin.line.as_str()), (exit, line), "{name}");
    }
    for play in plays::all() {
        for (_, health) in play.judged(&firn::redis::rules::RULES) {
            for verbosity in 0..=3 {
                let plugin = plugin(&health, verbosity);
                let line = &plugin.line;
                assert!(line.chars().count() <= WIDTH && !line.contains('|') && !line.contains('\n'), "{line}");
                assert!(plugin.to_string().len() <= 4000, "{}", play.name);
                assert_eq!(plugin.exit, health.severity.exit_code());
            }
        }
    }
    let full = plugin(&stands("06b-open-slot-migrating-only"), 3).to_string();
    assert!(
        full.contains(
            " | slots_uncovered=0;;0;0;16384 slots_served=10923;;;0;16384 slots_not_seen=5461;;;0;16384 nodes=2;;;0;6"
        ),
        "{full}"
    );
    assert!(full.contains("\nWARNING B6: slot 8450") && full.contains("\n  $ redis-cli"), "{full}");
    let unknown = Plugin::unknown(LABEL, "there is no cluster \"shop\u{1b}\"\nconfigured are: a, b");
    assert_eq!(unknown.to_string(), "REDIS UNKNOWN - there is no cluster \"shop\\x1b\"\nconfigured are: a, b");
    assert_eq!(unknown.exit, 3);
}

#[test]
fn polls_follow_each_other_in_time_whatever_their_servers_say() {
    let replayed = judged(&[capture("02c-after-failover"), capture("01-healthy"), capture("11a-three-hosts-healthy")]);
    let times: Vec<_> = replayed.polls.iter().map(|poll| poll.at).collect();
    assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
}
