//! The few orders that can be given from here: what they ask first, what they send, why they cannot be given.

use std::sync::Arc;

use firn::console::effect::{Deed, Effect, RedisAct, RedisOrder};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::redis::snapshot::{Health, Role, Sight};

use super::{addr, alone, dark, disputed, failing_over, healthy, list, one, ready, select, select_node};
use crate::actions::all_the_way;
use crate::kit::{go, press, said, screen, send, top, type_in};
use crate::pictures::compare;

fn act(port: u16, order: RedisOrder) -> RedisAct {
    RedisAct { cluster: "shop".to_owned(), node: addr(port), order }
}

#[test]
fn each_order_names_its_node_and_wants_it_typed() {
    for (id, key, wanted, words) in [
        (
            "redis.failover",
            "f",
            act(19_104, RedisOrder::Failover),
            &["Fail over to a replica", "10.99.0.1:19104", "of shop", "replica of 10.99.0.1:19101", "CLUSTER FAILOVER"]
                [..],
        ),
        (
            "redis.stable",
            "o",
            act(19_102, RedisOrder::Stable(8_450)),
            &["Close an open slot", "10.99.0.1:19102", "slot 8450", "CLUSTER SETSLOT 8450 STABLE", "key is moved"],
        ),
        (
            "redis.kill",
            "K",
            act(19_101, RedisOrder::KillReplicas),
            &["Have replicas connect anew", "its replicas: 10.99.0.1:19104", "CLIENT KILL TYPE replica"],
        ),
        ("node.failover", "f", act(19_104, RedisOrder::Failover), &["replica of 10.99.0.1:19101"]),
        ("node.kill", "K", act(19_101, RedisOrder::KillReplicas), &["its replicas: 10.99.0.1:19104"]),
    ] {
        let mut model = ready(id);
        assert_eq!(press(&mut model, key), [], "{id}");
        let text = screen(&model, (140, 40));
        for wanted in words {
            assert!(text.contains(wanted), "{id}: {wanted:?} in\n{text}");
        }
        // Enter on Cancel, and a word that is not the address, do nothing.
        let mut cancelled = model.clone();
        assert_eq!(press(&mut cancelled, "enter"), []);
        assert_eq!(said(&cancelled), "cancelled; nothing was done");
        let mut typed = model.clone();
        type_in(&mut typed, "yes");
        assert_eq!(press(&mut typed, "tab enter"), []);
        assert!(said(&typed).starts_with("type \"10.99.0.1:"), "{}", said(&typed));
        let effects = all_the_way(&mut model, Vec::new());
        let [Effect::Do(ticket, Deed::Redis(sent))] = &effects[..] else { panic!("{id}: {effects:?}") };
        assert_eq!(*sent, wanted, "{id}");
        send(&mut model, Msg::Reply(Reply::Done(*ticket, Err("ERR no".to_owned()))));
        assert!(
            said(&model).ends_with("ERR no") && said(&model).contains(&wanted.node.to_string()),
            "{}",
            said(&model)
        );
    }
    let mut model = ready("redis.failover");
    press(&mut model, "f");
    compare("redis-confirm-80x24.txt", &screen(&model, (80, 24)));
}

fn refused(health: Health, list: impl Fn(&mut Model), key: &str) -> String {
    let mut model = alone(health);
    list(&mut model);
    assert_eq!(press(&mut model, key), []);
    assert_eq!(top(&model), "", "{key} asks");
    said(&model).to_owned()
}

#[test]
fn an_order_that_makes_no_sense_is_refused_with_its_reason() {
    let master = |model: &mut Model| select_node(model, 19_101);
    let replica = |model: &mut Model| select_node(model, 19_104);
    let mut hung = healthy("shop", 3);
    hung.nodes[1] = dark(hung.nodes[1].clone(), Sight::Hung, firn::base::Severity::Warning, "does not answer");
    let mut lonely = healthy("shop", 3);
    lonely.nodes.remove(1);
    for (health, at, key, why) in [
        (
            healthy("shop", 3),
            &master as &dyn Fn(&mut Model),
            "f",
            "10.99.0.1:19101 is a master; only a replica can take over",
        ),
        (hung.clone(), &replica, "f", "10.99.0.1:19104 does not answer us (hung): it would not hear it"),
        (
            healthy("shop", 3),
            &|_| {},
            "o",
            "select the finding of an open slot that CLUSTER SETSLOT … STABLE would close",
        ),
        (disputed(), &|model| select(model, "C2"), "o", "select the finding of an open slot that"),
        (healthy("shop", 3), &replica, "K", "10.99.0.1:19104 is a replica; the order goes to a master"),
        (lonely, &master, "K", "10.99.0.1:19101 has no replica"),
        (failing_over(), &master, "K", "10.99.0.1:19101 does not answer us (down): it would not hear it"),
        (disputed(), &|model| select(model, "C2"), "f", "select a replica first"),
        (list(), &master, "f", "these nodes are no redis cluster"),
        (list(), &master, "o", "these nodes are no redis cluster"),
    ] {
        let text = refused(health, at, key);
        assert!(text.contains(why), "{key}: {text:?}");
    }
    // A finding about a replica will do as well.
    let mut model = alone(failing_over());
    select(&mut model, "D1");
    go(&mut model, "f");
    assert!(screen(&model, (140, 40)).contains("its line to its master is down"));
}

#[test]
fn only_a_command_of_the_list_and_a_node_that_is_known_are_ever_sent() {
    for command in [
        "redis-cli -h 10.99.0.1 -p 19102 CLUSTER SETSLOT 8450 STABLE; rm -rf /",
        "redis-cli -h 10.99.0.1 -p 19102 CLUSTER SETSLOT 16384 STABLE",
        "redis-cli -h 10.99.0.9 -p 19102 CLUSTER SETSLOT 8450 STABLE",
        "redis-cli -h 10.99.0.1 -p 19102 CLUSTER SETSLOT 8450 NODE x",
        "for slot in $(seq 7 9); do redis-cli -h 10.99.0.1 -p 19102 CLUSTER SETSLOT $slot STABLE; done",
    ] {
        let mut health = disputed();
        health.findings[1].command = Some(command.to_owned());
        let text = refused(health, |model| select(model, "B6"), "o");
        assert!(text.contains("select the finding of an open slot"), "{command}: {text}");
    }
}

#[test]
fn a_replica_that_became_a_master_meanwhile_is_not_ordered_about() {
    let mut model = ready("redis.failover");
    press(&mut model, "f");
    let mut newer = healthy("shop", 3);
    (newer.nodes[1].role, newer.nodes[1].master) = (Some(Role::Master), None);
    send(&mut model, Msg::Redis(Ok(Arc::new(one(newer)))));
    assert_eq!(all_the_way(&mut model, Vec::new()), []);
    assert_eq!(said(&model), "10.99.0.1:19104 has become a master meanwhile; nothing was done, look again");
    let mut model = ready("redis.failover");
    press(&mut model, "f");
    let mut newer = healthy("shop", 3);
    newer.nodes.remove(1);
    send(&mut model, Msg::Redis(Ok(Arc::new(one(newer)))));
    assert_eq!(all_the_way(&mut model, Vec::new()), []);
    assert_eq!(said(&model), "10.99.0.1:19104 has gone meanwhile; nothing was done, look again");
    // The dialog named whom it takes over from.
    let mut model = ready("redis.failover");
    press(&mut model, "f");
    let mut newer = healthy("shop", 3);
    newer.nodes[1].master = Some(addr(19_102));
    send(&mut model, Msg::Redis(Ok(Arc::new(one(newer)))));
    assert_eq!(all_the_way(&mut model, Vec::new()), []);
    assert_eq!(said(&model), "10.99.0.1:19104 has got another master meanwhile; nothing was done, look again");
}

#[test]
fn a_slot_that_is_open_no_more_is_not_closed() {
    let mut model = ready("redis.stable");
    press(&mut model, "o");
    let mut newer = disputed();
    newer.findings.retain(|one| one.rule.0 != "B6");
    send(&mut model, Msg::Redis(Ok(Arc::new(one(newer)))));
    assert_eq!(all_the_way(&mut model, Vec::new()), []);
    assert_eq!(said(&model), "the finding that led to it has gone meanwhile; nothing was done, look again");
}
