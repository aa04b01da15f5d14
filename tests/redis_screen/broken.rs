//! What goes wrong with a cluster that lives: a half-open slot, a hung master, another password, memory that is full. Each is
//! on the screen in words, and gone from it when it is mended.

use firn::redis::slots::slot_of;

use crate::kit::{Desk, clears, shows};
use crate::support::redis::{Cluster, Talk};

/// A key of a slot that this master owns.
fn key_of(master: &firn::redis::slots::SlotSet) -> String {
    (0..100_000).map(|n| format!("key{n}")).find(|key| master.contains(slot_of(key.as_bytes()))).unwrap()
}

#[test]
fn what_is_broken_is_on_the_screen_in_words_and_gone_when_it_is_mended() {
    let mut cluster = Cluster::start(3, 5_000);
    let desk = Desk::over(&cluster, "interval = \"1s\"");
    let pty = desk.console();
    let healthy = |pty: &_| shows(pty, &["OK shop", "SLOTS 16,384/16,384", "ANSWER 6/6", "VIEWS agree"]);
    healthy(&pty);

    // A slot that is open at one side alone.
    let (source, target) = (&cluster.nodes[0], &cluster.nodes[1]);
    source.cmd(&["CLUSTER", "SETSLOT", "7", "MIGRATING", target.id().as_str()]);
    shows(&pty, &["WARNING shop", "SLOTS 16,384/16,384"]);
    let text = format!(
        "slot 7 half-open: only {} knows, migrating to {}; CLUSTER SETSLOT 7 STABLE",
        source.addr(),
        target.addr()
    );
    shows(&pty, &["WARNING", "B6", &text]);
    shows(&pty, &["open 1: 7"]);
    // It is the selected one, so the command that would mend it is there.
    shows(&pty, &[&format!("redis-cli -h 127.0.0.1 -p {} CLUSTER SETSLOT 7 STABLE", source.port())]);
    source.cmd(&["CLUSTER", "SETSLOT", "7", "STABLE"]);
    clears(&pty, &["B6"]);
    healthy(&pty);

    // A master that hangs: it is not called dead.
    let hung = cluster.nodes[2].addr();
    cluster.nodes[2].freeze();
    shows(&pty, &["CRITICAL shop", "SLOTS 10,922/16,384", "ANSWER 5/6"]);
    shows(
        &pty,
        &["CRITICAL", "A2", &format!("{hung}, master of 10922-16383 (33 %) accepts connections but does not answer")],
    );
    cluster.nodes[2].thaw();
    clears(&pty, &["A2"]);
    healthy(&pty);

    // Another password: nothing is seen of it, and nothing is wrong with its slots.
    let locked = cluster.nodes[1].addr();
    cluster.nodes[1].cmd(&["CONFIG", "SET", "requirepass", "geheim"]);
    cluster.nodes[1].login(&["geheim"]);
    cluster.nodes[1].cmd(&["CLIENT", "KILL", "TYPE", "normal"]);
    shows(&pty, &["UNKNOWN", "A5", &locked.to_string(), "cannot look inside", "(others see it as connected)"]);
    shows(&pty, &["WARNING shop", "ANSWER 5/6"]);
    shows(&pty, &["1 UNKNOWN", "1 node not seen"]);
    assert!(!pty.text().contains("CRITICAL"), "{}", pty.text());
    cluster.nodes[1].cmd(&["CONFIG", "SET", "requirepass", ""]);
    cluster.nodes[1].login(&[]);
    clears(&pty, &["A5"]);
    healthy(&pty);

    // Memory that is full, where nothing may be evicted.
    let full = &cluster.nodes[0];
    let shard = [&cluster.nodes[0], &cluster.nodes[3]];
    for node in shard {
        node.cmd(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        node.cmd(&["CONFIG", "SET", "maxmemory", "1"]);
    }
    let key = key_of(&full.view().iter().find(|line| line.id == full.id()).unwrap().slots);
    let mut writer = Talk::to(full);
    let refused = writer.ask(&["SET", &key, "x"]).error().unwrap();
    assert!(refused.starts_with("OOM "), "{refused}");
    shows(&pty, &["CRITICAL shop", "SLOTS 16,384/16,384", "ANSWER 6/6"]);
    shows(&pty, &["CRITICAL", "E1", &full.addr().to_string(), "writes"]);
    for node in shard {
        node.cmd(&["CONFIG", "SET", "maxmemory", "0"]);
    }
    clears(&pty, &["E1"]);
    healthy(&pty);
    assert!(writer.ask(&["SET", &key, "x"]).error().is_none());
    pty.leave();
}
