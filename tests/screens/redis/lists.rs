//! The tab itself: clusters, findings, slots, nodes; what is sorted, filtered, held; what is old or not known.

use std::sync::Arc;

use firn::base::Severity;
use firn::console::effect::Effect;
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::{Hit, Model};
use firn::console::msg::Msg;
use firn::console::print;
use firn::console::tabs::TabId;
use firn::console::tabs::redis::List;
use firn::console::theme::{Depth, Theme};
use firn::redis::read::{ClusterRead, RedisRead};
use firn::redis::slots::SlotSet;
use firn::redis::snapshot::Health;

use super::{
    addr, alone, clusters, disputed, failing_over, healthy, later, list, one, over, read, select, select_node,
    uncovered,
};
use crate::kit::{NOW, blank, busy, console, go, idle, paint, paint_as, press, said, screen, send, top, type_in};
use crate::pictures::{compare, looks};

fn mono(model: &Model, size: (u16, u16)) -> String {
    let theme = Theme::named("mono", Depth::None).unwrap();
    let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
    print::text(&paint_as(model, &look, size).0)
}

/// The row of a node on the screen.
fn row(text: &str, port: u16) -> String {
    let words = format!("10.99.0.1:{port} ");
    let found = text.lines().skip_while(|line| !line.contains(" Nodes ")).find(|line| line.contains(&words));
    found.unwrap_or_else(|| panic!("no row of {port} in\n{text}")).to_owned()
}

/// Compares the pictures of a console: small without colour, large with signs; each holds these words.
fn pictured(word: &str, model: &Model, wanted: &[&str]) {
    let small = mono(model, (80, 24));
    assert!(small.is_ascii());
    compare(&format!("redis-{word}-mono-80x24.txt"), &small);
    let (plain, large) = (screen(model, (80, 24)), screen(model, (140, 40)));
    compare(&format!("redis-{word}-80x24.txt"), &plain);
    compare(&format!("redis-{word}-140x40.txt"), &large);
    for wanted in wanted {
        for text in [&plain, &large] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
}

#[test]
fn each_state_has_its_picture() {
    let cases: [(&str, Health, &[&str]); 5] = [
        ("healthy", healthy("shop", 3), &["● OK shop", "SLOTS 16,384/16,384", "ANSWER 6/6", "no findings", "served"]),
        (
            "failover",
            failing_over(),
            &["✖ CRITICAL shop", "SLOTS 10,923/16,384", "ANSWER 5/6", "✖ 2 CRITICAL", "✖ failing 5,461 (33 %): 0-5460"],
        ),
        ("uncovered", uncovered(), &["SLOTS 10,923/16,384", "ANSWER 4/6", "✖ 3 CRITICAL", "0-5460"]),
        (
            "disputes",
            disputed(),
            &["VIEWS 2 differ", "≠ disputed 1: 1", "◇ open 1: 8450", "? 1 UNKNOWN", "1 node not seen"],
        ),
        ("list", list(), &["● OK buckets", "NODES 4", "10.99.0.1:19102"]),
    ];
    for (word, health, wanted) in cases {
        pictured(word, &alone(health), wanted);
    }
    pictured("60-nodes", &alone(healthy("shop", 30)), &["ANSWER 60/60", "Nodes 1/60"]);
    pictured("several", &over(clusters()), &["CLUSTERS 5", "✖ 2 CRITICAL", "carts", "buckets", "not seen yet"]);
    let unread = ClusterRead { health: None, ..read(healthy("shop", 3)) };
    let unread = over(RedisRead { now: NOW, clusters: vec![unread] });
    pictured("unread", &unread, &["UNKNOWN shop: it has not been looked at yet"]);
    pictured("none", &over(RedisRead { now: NOW, clusters: Vec::new() }), &["CLUSTERS 0", "no cluster is configured"]);
}

#[test]
fn what_the_cluster_says_of_itself_is_told_and_is_not_what_counts() {
    // A master is dead, and the cluster says that all is well.
    let text = screen(&alone(failing_over()), (140, 40));
    assert!(text.contains("SAYS ok") && text.contains("✖ CRITICAL shop"), "{text}");
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&alone(failing_over()), (140, 40));
    for (words, role) in [("✖ CRITICAL shop", "critical"), ("10,923/16,384", "critical"), ("5/6", "warning")] {
        assert_eq!(looks(&buffer, &theme, words), role, "{words}");
    }
    let mut fails = uncovered();
    fails.line.state = Some("fail".to_owned());
    let (buffer, _) = paint(&alone(fails), (140, 40));
    assert_eq!(looks(&buffer, &theme, "fail "), "critical");
}

#[test]
fn what_is_not_known_is_a_dash_and_no_zero() {
    let model = alone(uncovered());
    let told = row(&screen(&model, (220, 40)), 19_101);
    let after = told.split("✖ down, fail").nth(1).unwrap();
    // Its slots and their share are known; keys, memory, commands, clients, round trip, version and uptime are not.
    assert_eq!(after.chars().filter(|c| *c == '–').count(), 7, "{told}");
    assert_eq!(after.chars().filter(char::is_ascii_digit).collect::<String>(), "0546033", "{told}");
    let head = screen(&model, (220, 40)).lines().nth(2).unwrap().to_owned();
    assert!(head.contains("KEYS –") && head.contains("OPS/S –"), "{head}");
    // A node that does not let us look is not down.
    let text = screen(&alone(disputed()), (140, 40));
    assert!(row(&text, 19_106).contains("? not seen") && !text.contains("down"), "{text}");
    // Not even where nobody has found anything of it: it is not fine.
    let mut unseen = disputed();
    unseen.nodes[5].severity = Severity::Ok;
    assert!(row(&screen(&alone(unseen), (140, 40)), 19_106).contains("? not seen"));
}

#[test]
fn slots_that_are_not_seen_are_not_painted_as_lost() {
    let theme = Theme::named("default", Depth::True).unwrap();
    let mut health = healthy("shop", 3);
    (health.line.served, health.line.unseen) = (Some(10_923), Some(5_461));
    for (lost, role) in [(0, "unknown"), (1, "critical")] {
        health.line.served = Some(10_923 - lost);
        let words = format!("SLOTS {}/16,384, 5,461 not seen", if lost == 0 { "10,923" } else { "10,922" });
        let (buffer, _) = paint(&alone(health.clone()), (140, 40));
        assert!(print::text(&buffer).contains(&words), "{}", print::text(&buffer));
        assert_eq!(looks(&buffer, &theme, &words[6..19]), role, "{words}");
        assert_eq!(looks(&buffer, &theme, "5,461 not seen"), "unknown");
        // In the list of clusters as well.
        let all = RedisRead { now: NOW, clusters: vec![read(healthy("carts", 3)), read(health.clone())] };
        let (buffer, _) = paint(&over(all), (140, 40));
        assert_eq!(looks(&buffer, &theme, &words[6..19]), role, "{words}");
    }
}

#[test]
fn a_node_that_serves_nobody_is_never_fine() {
    let theme = Theme::named("default", Depth::True).unwrap();
    let mut health = failing_over();
    // It was refused a moment ago: nothing is raised yet.
    health.findings.clear();
    health.nodes[0].severity = Severity::Ok;
    let (buffer, _) = paint(&alone(health), (140, 40));
    assert_eq!(looks(&buffer, &theme, "⚠ down"), "warning");
    assert!(!print::text(&buffer).contains("● down"));
}

#[test]
fn a_narrow_list_says_what_is_wrong_and_not_which_part_the_node_has() {
    let model = alone(failing_over());
    let row = |size| {
        let text = screen(&model, size);
        text.lines().find(|line| line.contains(" A1 ")).unwrap().to_owned()
    };
    let (small, large) = (row((80, 24)), row((140, 40)));
    assert!(small.contains("10.99.0.1:19101: refused for 4 s") && !small.contains("master of"), "{small}");
    assert!(large.contains("10.99.0.1:19101, master of 0-5460 (33 %): refused for 4 s"), "{large}");
    // What the last look did not show is in doubt.
    let mut health = failing_over();
    health.findings[0].over = true;
    let small = screen(&alone(health.clone()), (80, 24));
    assert!(small.contains("over? 10.99.0.1:19101: refused"), "{small}");
    assert!(screen(&alone(health), (140, 40)).contains("over? 10.99.0.1:19101, master of"));
}

#[test]
fn findings_are_sorted_unknown_apart_and_silenced_ones_last() {
    let model = alone(disputed());
    let rules: Vec<&str> = model.redis.findings.ids.iter().map(|id| id.rule).collect();
    assert_eq!(rules, ["C2", "B6", "A5", "B13", "B10"]);
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&model, (140, 40));
    for (words, role) in [
        ("⚠ WARNING ", "warning"),
        ("? UNKNOWN ", "unknown"),
        ("● notice", "dim"),
        ("⚠ silenced", "dim"),
        ("silenced by mira until 13:00Z", "dim"),
        ("1 silenced", "dim"),
    ] {
        assert_eq!(looks(&buffer, &theme, words), role, "{words}");
    }
    // What is silenced counts for nothing.
    assert!(screen(&model, (140, 40)).contains("⚠ 1 WARNING"));
}

#[test]
fn the_command_that_would_repair_is_shown_whole_and_copied() {
    let mut model = alone(disputed());
    let text = screen(&model, (140, 40));
    assert!(text.contains("do: tell the node that is wrong who the owner is"), "{text}");
    assert!(text.contains("y copies: redis-cli -h 10.99.0.1 -p 19106 CLUSTER SETSLOT 1 NODE 0000"), "{text}");
    let command = "redis-cli -h 10.99.0.1 -p 19106 CLUSTER SETSLOT 1 NODE 0000000000000000000000000000000000004a9d";
    assert_eq!(press(&mut model, "y"), [Effect::Copy(command.to_owned())]);
    select(&mut model, "A5");
    let [Effect::Copy(text)] = &press(&mut model, "y")[..] else { panic!("nothing is copied") };
    let words = "UNKNOWN A5 10.99.0.1:19106: cannot look inside: wrong password (others see it as connected); since ";
    assert!(text.starts_with(words), "{text}");
    select_node(&mut model, 19_102);
    assert_eq!(press(&mut model, "y"), [Effect::Copy("10.99.0.1:19102".to_owned())]);
}

#[test]
fn replicas_stand_under_their_masters_until_nodes_are_sorted() {
    let mut health = failing_over();
    health.nodes[3].lag_bytes = Some(9_000_000);
    let mut model = alone(health);
    let ports = |model: &Model| model.redis.nodes.ids.iter().map(|addr| addr.port() - 19_100).collect::<Vec<_>>();
    assert_eq!(ports(&model), [1, 4, 2, 5, 3, 6]);
    let text = screen(&model, (140, 40));
    assert!(text.contains("│ 10.99.0.1:19102") && text.contains("│ └ 10.99.0.1:19105"), "{text}");
    assert_eq!(press(&mut model, "S"), []);
    assert_eq!(said(&model), "redis.turn: nodes stand as they belong together; sort them by a column first");
    let wanted = [
        (vec![1, 4, 2, 5, 3, 6], "nodes sorted by state, worst first"),
        (vec![4, 2, 5, 3, 6, 1], "nodes sorted by keys, largest first"),
        (vec![4, 2, 5, 3, 6, 1], "nodes sorted by memory, largest first"),
        (vec![2, 3, 4, 5, 6, 1], "nodes sorted by ops/s, largest first"),
        (vec![5, 4, 6, 1, 2, 3], "nodes sorted by behind, largest first"),
    ];
    for (order, words) in wanted {
        press(&mut model, "s");
        assert_eq!((ports(&model), said(&model)), (order, words));
    }
    assert!(!screen(&model, (140, 40)).contains("└ 10.99"));
    press(&mut model, "S");
    // What is not known comes last, whichever way.
    assert_eq!((ports(&model), said(&model)), (vec![4, 6, 5, 1, 2, 3], "nodes sorted by behind, smallest first"));
    press(&mut model, "s s");
    assert_eq!(said(&model), "nodes as they belong together: masters and their replicas");
}

#[test]
fn columns_go_by_what_matters_least() {
    let text = |width| screen(&alone(healthy("shop", 3)), (width, 40));
    let titles = |width| {
        let text = text(width);
        text.lines().find(|line| line.contains("state") && line.contains("node")).unwrap().to_owned()
    };
    for (width, there, gone) in [
        (60, &["node", "state", "link", "behind"][..], &["version", "clients", "memory"][..]),
        (80, &["node", "state", "share", "ops/s", "link", "behind"], &["version", "slots", " up"]),
        (140, &["role", "slots", "keys", "memory", "ops/s", "behind", "trip"], &["version"]),
        (200, &["role", "clients", "memory", "version", " up"], &[]),
    ] {
        let titles = titles(width);
        assert!(there.iter().all(|word| titles.contains(word)), "{width}: {titles}");
        assert!(gone.iter().all(|word| !titles.contains(word)), "{width}: {titles}");
    }
    // Independent nodes have no slots, no master, no line to one.
    let text = screen(&alone(list()), (200, 40));
    let titles = text.lines().find(|line| line.contains("state") && line.contains("node")).unwrap();
    assert!(["slots", "role", "link", "behind"].iter().all(|word| !titles.contains(word)), "{titles}");
}

#[test]
fn several_clusters_are_a_list_and_one_is_shown_at_once() {
    let mut model = over(clusters());
    assert_eq!((model.redis.list(), model.redis.clusters.selected.as_deref()), (List::Clusters, Some("shop")));
    let text = screen(&model, (140, 40));
    for wanted in [
        "16,382/16,384",
        "✖1 ⚠1 ?1",
        "C2 slot 1: 10.99.0.1:19106 says",
        "● OK",
        "? UNKNOWN",
        "not seen yet",
        "it has not been looked at yet",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    // Equally bad ones stand as they are configured.
    let names = |model: &Model| model.redis.clusters.ids.join(" ");
    assert_eq!(names(&model), "shop carts sessions ledger buckets");
    press(&mut model, "s");
    assert_eq!(
        (names(&model).as_str(), said(&model)),
        ("buckets carts ledger sessions shop", "clusters sorted by cluster, from A to Z")
    );
    press(&mut model, "s");
    assert_eq!(said(&model), "clusters sorted by ops/s, largest first");
    press(&mut model, "s down y");
    go(&mut model, "enter");
    assert_eq!((model.redis.list(), model.redis.open.as_deref()), (List::Findings, Some("carts")));
    assert!(screen(&model, (80, 24)).contains("✖ CRITICAL carts"));
    go(&mut model, "right");
    assert_eq!(model.redis.list(), List::Nodes);
    go(&mut model, "esc");
    assert_eq!(model.redis.list(), List::Clusters);
    // A cluster that is configured no more is not looked at.
    go(&mut model, "enter");
    let mut fewer = clusters();
    fewer.clusters.retain(|one| one.name != "carts");
    send(&mut model, Msg::Redis(Ok(Arc::new(fewer))));
    assert_eq!(model.redis.list(), List::Clusters);
    // One alone is shown at once, and Esc leads nowhere.
    let mut model = alone(healthy("shop", 3));
    assert_eq!(model.redis.list(), List::Findings);
    go(&mut model, "esc");
    assert_eq!(model.redis.list(), List::Findings);
}

#[test]
fn each_list_is_filtered_by_all_that_its_rows_say() {
    let mut model = over(clusters());
    for (list, filter, found) in [
        (List::Clusters, "production", 2),
        (List::Clusters, "password", 1),
        (List::Findings, "setslot !stable", 1),
        (List::Findings, "mira", 1),
        (List::Nodes, "replica !unknown", 2),
        (List::Nodes, "19106 password", 1),
        (List::Nodes, "nothing like it", 0),
    ] {
        if list != List::Clusters && model.redis.open.is_none() {
            go(&mut model, "enter");
        }
        model.redis.pane = if list == List::Clusters { model.redis.pane } else { list };
        press(&mut model, "/");
        type_in(&mut model, filter);
        press(&mut model, "enter");
        let count = match list {
            List::Clusters => model.redis.clusters.ids.len(),
            List::Findings => model.redis.findings.ids.len(),
            List::Nodes => model.redis.nodes.ids.len(),
        };
        assert_eq!(count, found, "{filter}");
        let text = screen(&model, (140, 40));
        assert!(text.contains(&format!("/{filter}/")), "{text}");
        if found == 0 {
            assert!(text.contains("no row passes the filter; Esc drops it"), "{text}");
            assert_eq!(press(&mut model, "enter"), []);
            assert_eq!(said(&model), "redis.details: nothing is selected: the list is empty");
        }
        press(&mut model, "esc");
        assert_eq!(said(&model), "the filter is gone");
    }
}

#[test]
fn the_selection_follows_its_row_and_the_screen_can_be_held() {
    let mut model = alone(failing_over());
    select_node(&mut model, 19_105);
    press(&mut model, "z");
    let newer = RedisRead { now: later(2), ..one(uncovered()) };
    send(&mut model, Msg::Redis(Ok(Arc::new(newer))));
    assert!(screen(&model, (140, 40)).contains("ANSWER 5/6"), "held");
    // Alarms show all the same.
    assert!(screen(&model, (140, 40)).lines().next().unwrap().contains("5 Redis ✖1"));
    press(&mut model, "z");
    assert!(screen(&model, (140, 40)).contains("ANSWER 4/6"));
    assert_eq!(model.redis.nodes.selected, Some(addr(19_105)));
}

#[test]
fn what_is_wrong_with_a_cluster_is_seen_from_every_tab_and_leads_to_it() {
    let mut model = console(idle());
    assert!(screen(&model, (140, 40)).lines().next().unwrap().contains("5 Redis  "));
    send(&mut model, Msg::Redis(Ok(Arc::new(clusters()))));
    let text = screen(&model, (140, 40));
    assert!(text.lines().next().unwrap().contains("5 Redis ✖2"), "{text}");
    assert!(text.lines().last().unwrap().contains("Redis: ") || text.contains("Redis: "), "{text}");
    press(&mut model, "F");
    let text = screen(&model, (140, 40));
    assert!(text.contains("A1 10.99.0.1:19101, master of 0-5460 (33 %): refused for 4 s"), "{text}");
    let at = model.findings().iter().position(|row| row.object == "carts").unwrap();
    for _ in 0..at {
        press(&mut model, "down");
    }
    assert_eq!(press(&mut model, "a"), []);
    assert_eq!(said(&model), "findings.ack: it is what this report sees now, and goes when it no longer holds");
    press(&mut model, "enter");
    assert_eq!((model.tab, top(&model), model.redis.open.as_deref()), (TabId::Redis, "", Some("carts")));
    // What the state says already, as badly, is not said twice.
    let mut snapshot = idle();
    snapshot.findings = vec![crate::kit::finding(Severity::Critical, "redis.cluster", "carts 10.99.0.1:19105")];
    send(&mut model, Msg::Snapshot(Arc::new(snapshot)));
    let of = |model: &Model| model.findings().iter().filter(|row| row.object.starts_with("carts")).count();
    assert_eq!(of(&model), 1);
    press(&mut model, "F down enter");
    assert_eq!(model.tab, TabId::Redis);
    // A finding that names a node leads to it.
    let at = model.findings().iter().position(|row| row.object.starts_with("carts")).unwrap();
    go(&mut model, "1 F home");
    for _ in 0..at {
        press(&mut model, "down");
    }
    press(&mut model, "enter");
    assert_eq!((model.redis.list(), model.redis.nodes.selected.clone()), (List::Nodes, Some(addr(19_105))));
}

#[test]
fn what_was_looked_at_long_ago_is_in_doubt() {
    let at = |secs| {
        let mut model = console(idle());
        send(&mut model, Msg::Redis(Ok(Arc::new(RedisRead { now: later(secs), ..one(healthy("shop", 3)) }))));
        go(&mut model, "5");
        model
    };
    // Three looks at two seconds, and one second.
    assert!(!screen(&at(7), (140, 40)).contains("not since"));
    let model = at(9);
    let text = screen(&model, (140, 40));
    assert!(text.contains("? OK shop") && text.contains("looked at 9 s ago, not since"), "{text}");
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&model, (140, 40));
    assert_eq!(looks(&buffer, &theme, "? OK"), "stale");
    let mut several = clusters();
    several.now = later(30);
    assert!(screen(&over(several), (140, 40)).contains("looked at 30 s ago"));
    // Nothing more comes, and why.
    let mut model = alone(healthy("shop", 3));
    send(&mut model, Msg::Redis(Err("the password cannot be read".to_owned())));
    let text = screen(&model, (140, 40));
    assert!(text.contains("not looked at any more: the password cannot be read"), "{text}");
    assert!(text.lines().next().unwrap().contains("5 Redis ?1"), "{text}");
    send(&mut model, Msg::Redis(Ok(Arc::new(one(healthy("shop", 3))))));
    assert!(!screen(&model, (140, 40)).contains("any more"));
    // And before anything came.
    let mut model = console(busy());
    model.redis = firn::console::tabs::redis::State::default();
    go(&mut model, "5");
    assert!(screen(&model, (80, 24)).contains("looking at the clusters …"));
    send(&mut model, Msg::Redis(Err("no such file".to_owned())));
    assert!(screen(&model, (80, 24)).contains("clusters cannot be looked at: no such file"));
    assert!(blank().redis.shown.is_none());
}

#[test]
fn sixty_nodes_are_gone_through_and_only_those_in_sight_are_drawn() {
    let mut model = alone(healthy("shop", 30));
    go(&mut model, "right");
    let (_, report) = paint(&model, (80, 24));
    model.drawn(report);
    let height = model.height("nodes");
    press(&mut model, "pgdn");
    assert_eq!(model.redis.nodes.place(), Some(height - 1));
    press(&mut model, "end");
    let (buffer, report) = paint(&model, (80, 24));
    model.drawn(report);
    let text = print::text(&buffer);
    assert!(text.contains("Nodes 60/60") && text.contains("└ 10.99.0.1:19160"), "{text}");
    let rows = model.report.hits.iter().filter(|(_, hit)| matches!(hit, Hit::Redis(List::Nodes, _))).count();
    assert_eq!((rows, model.redis.nodes.top + rows), (height, 60));
    // A click selects, in either list.
    let at = |model: &Model, list: List| {
        let hit = model.report.hits.iter().find(|(_, hit)| matches!(hit, Hit::Redis(of, _) if *of == list));
        hit.map(|(rect, _)| (rect.x, rect.y)).unwrap()
    };
    let (x, y) = at(&model, List::Findings);
    send(&mut model, Msg::Click(x + 3, y));
    assert_eq!((model.redis.list(), model.redis.findings.place()), (List::Findings, Some(0)));
    let (x, y) = at(&model, List::Nodes);
    send(&mut model, Msg::Click(x + 3, y));
    assert_eq!((model.redis.list(), model.redis.nodes.place()), (List::Nodes, Some(60 - rows)));
}

#[test]
fn a_slot_of_its_own_is_seen_on_any_width_of_the_strip() {
    let model = alone(disputed());
    for width in [60, 80, 140, 220] {
        for (glyphs, text) in
            [(Glyphs::utf8(), screen(&model, (width, 40))), (Glyphs::ascii(), mono(&model, (width, 40)))]
        {
            let strip = text.lines().nth(4).unwrap();
            for sign in [glyphs.slots[1], glyphs.slots[3]] {
                assert_eq!(strip.matches(sign).count(), 1, "{sign} in {strip}");
            }
        }
    }
    let mut many = healthy("shop", 3);
    many.strip = super::strip(&[(0, 16_383, firn::redis::snapshot::SlotState::Unassigned)]);
    many.line.served = Some(0);
    let text = screen(&alone(many.clone()), (140, 40));
    assert!(text.contains("░ unassigned 16,384 (100 %): 0-16383") && text.contains("SLOTS 0/16,384"), "{text}");
    // Nobody told: that is not none.
    many.strip.clear();
    many.line.served = None;
    let text = screen(&alone(many), (140, 40));
    assert!(text.contains("slots: no view of the cluster was seen") && text.contains("SLOTS –/16,384"), "{text}");
    assert!(SlotSet::all().count() == 16_384);
}

#[test]
fn a_small_screen_keeps_the_list_that_has_the_keys() {
    let mut model = alone(failing_over());
    let text = screen(&model, (60, 16));
    assert!(text.contains("SLOTS 10,923") && text.contains("Findings 1/4"), "{text}");
    go(&mut model, "right");
    let text = screen(&model, (60, 16));
    assert!(text.contains("Nodes 1/6") && text.contains("✖ down"), "{text}");
}
