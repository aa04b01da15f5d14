//! One node looked at closely, and what happened to a cluster.

use std::sync::Arc;

use firn::base::Severity;
use firn::console::effect::{Effect, Query, RedisPanel};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::Overlay;
use firn::console::tabs::redis::NodeView;
use firn::console::theme::{Depth, Theme};
use firn::redis::finding::Object;
use firn::redis::read::RedisRead;
use firn::redis::snapshot::Health;

use super::{addr, alone, answer_panel, closely, clusters, disputed, failing_over, healthy, over, select};
use crate::delays::asked;
use crate::kit::{NOW, go, paint, press, said, screen, send, top};
use crate::pictures::{compare, looks};

fn view(model: &Model) -> &NodeView {
    match model.overlays.last() {
        Some(Overlay::Node(view)) => view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_is_told_whole() {
    let model = closely(failing_over(), 19_101);
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("redis-node-{}x{}.txt", size.0, size.1), &text);
        for wanted in [
            "10.99.0.1:19101: master down",
            "a direct look",
            "connection refused",
            "A1 CRITICAL",
            "wait for the failover",
            "round trip",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }
    let text = screen(&model, (140, 40));
    for wanted in ["5461 of them: 0-5460 (33.3 %)", "replicas", "10.99.0.1:19104", "keys", "–"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let text = screen(&closely(failing_over(), 19_104), (140, 40));
    for wanted in ["copies", "line to its master", "down", "812 B", "3 s ago", "1.1 GB, of 4.0 GB", "evicted_keys"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    // A master without a replica, a limit that is none.
    let mut bare = healthy("shop", 3);
    bare.shards[0].replicas.clear();
    bare.nodes[0].memory_max = Some(0);
    let model = closely(bare, 19_101);
    let text = screen(&model, (140, 40));
    assert!(text.contains("1.1 GB, no limit"), "{text}");
    let theme = Theme::named("default", Depth::True).unwrap();
    let (buffer, _) = paint(&model, (140, 40));
    assert_eq!(looks(&buffer, &theme, "none"), "warning");
}

#[test]
fn a_node_tells_when_it_was_looked_at_itself() {
    let mut health = disputed();
    health.nodes[5].looked = Some(crate::kit::ago(8));
    let text = screen(&closely(health, 19_106), (140, 40));
    let line = text.lines().find(|line| line.contains("looked at")).unwrap();
    assert!(line.contains("8 s ago"), "{line}");
}

#[test]
fn what_every_look_does_not_tell_is_asked_when_it_is_shown() {
    let mut model = closely(healthy("shop", 3), 19_101);
    let query = asked(&press(&mut model, "right"));
    let of = |panel| Query::RedisPanel { cluster: "shop".to_owned(), node: addr(19_101), panel };
    assert_eq!(query, of(RedisPanel::Info));
    assert!(screen(&model, (140, 40)).contains("asking the node …"));
    // One question at a time: the next panel waits for the answer to this one.
    assert_eq!(press(&mut model, "right"), []);
    assert_eq!(press(&mut model, "r"), []);
    assert_eq!(said(&model), "node.again: it was asked for and has not been answered yet");
    let next = asked(&send(&mut model, Msg::Reply(answer_panel(&query))));
    assert_eq!(next, of(RedisPanel::SlowLog));
    send(&mut model, Msg::Reply(answer_panel(&next)));
    assert!(screen(&model, (140, 40)).contains("KEYS * from 127.0.0.1:47132"));
    // What was read is not asked again, unless somebody wants it.
    assert_eq!(press(&mut model, "left"), []);
    assert!(screen(&model, (140, 40)).contains("redis_version"));
    assert_eq!(asked(&press(&mut model, "r")), of(RedisPanel::Info));
    send(&mut model, Msg::Reply(answer_panel(&of(RedisPanel::Info))));
    // What is refused is not seen; what is empty is said to be.
    go(&mut model, "left left");
    let text = screen(&model, (140, 40));
    assert!(
        text.contains("▸config") && text.contains("not seen: the user may not do that: NOPERM config|get"),
        "{text}"
    );
    go(&mut model, "left");
    assert!(screen(&model, (140, 40)).contains("nothing is there"));
    assert_eq!(press(&mut model, "y"), [Effect::Copy("10.99.0.1:19101".to_owned())]);
    // The same panel of the next node; an answer about the one before is not its own.
    let query = asked(&press(&mut model, "n"));
    assert_eq!(query, Query::RedisPanel { cluster: "shop".to_owned(), node: addr(19_104), panel: RedisPanel::Memory });
    send(&mut model, Msg::Reply(answer_panel(&of(RedisPanel::Memory))));
    assert!(view(&model).asked.is_some() && view(&model).read.is_empty());
    assert_eq!(model.redis.nodes.selected, Some(addr(19_104)));
}

#[test]
fn lists_that_are_longer_than_the_screen_are_scrolled_to_their_end() {
    let mut model = closely(healthy("shop", 3), 19_101);
    let query = asked(&press(&mut model, "right"));
    let mut group = firn::console::details::Group::new("Commandstats");
    for n in 0..90 {
        group.line(&format!("cmdstat_{n:02}"), "calls=1");
    }
    send(&mut model, Msg::Reply(Reply::RedisPanel(query, Ok(vec![group]))));
    let (_, report) = paint(&model, (80, 24));
    model.drawn(report);
    press(&mut model, "end");
    let text = screen(&model, (80, 24));
    assert!(text.contains("cmdstat_89") && !text.contains("cmdstat_00"), "{text}");
    press(&mut model, "home");
    assert!(screen(&model, (80, 24)).contains("cmdstat_00"));
    let [Effect::Copy(all)] = &press(&mut model, "Y")[..] else { panic!("nothing is copied") };
    assert!(
        all.starts_with("10.99.0.1:19101 of shop\nCommandstats\n") && all.contains("  cmdstat_89: calls=1"),
        "{all}"
    );
}

#[test]
fn a_finding_leads_to_its_node() {
    let mut model = alone(disputed());
    select(&mut model, "A5");
    go(&mut model, "enter");
    assert_eq!((top(&model), &view(&model).node), ("node", &addr(19_106)));
    let text = screen(&model, (140, 40));
    assert!(text.contains("? not seen") || text.contains("not seen"), "{text}");
    assert!(text.contains("A5 UNKNOWN") && text.contains("B10 silenced"), "a host's findings are its nodes': {text}");
    go(&mut model, "esc");
    select(&mut model, "C2");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(
        said(&model),
        "redis.details: it is about no single node that is known; all of it stands below the lists"
    );
}

#[test]
fn a_node_that_has_gone_says_so() {
    let mut model = closely(healthy("shop", 3), 19_106);
    let mut fewer = healthy("shop", 3);
    fewer.nodes.retain(|row| row.addr != addr(19_106));
    send(&mut model, Msg::Redis(Ok(Arc::new(super::one(fewer)))));
    assert!(screen(&model, (140, 40)).contains("it is known of no more"), "{}", screen(&model, (140, 40)));
    go(&mut model, "n");
    assert_eq!(top(&model), "node");
}

#[test]
fn what_happened_is_told_the_newest_first() {
    let mut model = alone(healthy("shop", 3));
    go(&mut model, "e");
    let text = screen(&model, (80, 24));
    compare("redis-events-80x24.txt", &text);
    for wanted in ["Events of shop", "10:00:00Z failover", "0-5460 went from", "about 8 s", "2 h ago"] {
        assert!(text.contains(wanted), "{wanted:?} in\n{text}");
    }
    let [Effect::Copy(all)] = &press(&mut model, "Y")[..] else { panic!("nothing is copied") };
    assert!(all.starts_with("events of shop\n") && all.contains("about 8 s"), "{all}");
    let nothing = Health { events: Vec::new(), ..healthy("shop", 3) };
    let mut model = alone(nothing);
    go(&mut model, "e");
    assert!(screen(&model, (80, 24)).contains("no failover, restart or move was seen"));
    // Of a cluster that is not opened, or was not looked at, nothing is told.
    let mut model = over(clusters());
    assert_eq!(press(&mut model, "e"), []);
    assert_eq!(said(&model), "redis.events: open a cluster first (Enter)");
    let mut unread = clusters();
    unread.clusters.truncate(2);
    unread.clusters.remove(0);
    let mut model = over(RedisRead { now: NOW, ..unread });
    assert_eq!(press(&mut model, "e"), []);
    assert_eq!(said(&model), "redis.events: it has not been looked at yet");
}

#[test]
fn findings_of_one_rule_and_object_are_each_reached() {
    let mut health = healthy("shop", 3);
    let again = |text| super::finding("E10", Severity::Warning, Object::Node(addr(19_101)), text);
    health.findings = vec![again("first"), again("second"), again("third")];
    let mut model = alone(health);
    for text in ["first", "second", "third"] {
        assert_eq!(model.redis.finding().unwrap().text, text);
        press(&mut model, "down");
    }
}
