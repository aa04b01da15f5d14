//! The Redis tab, and what is over it.

use super::{action, deed, unless};
use crate::console::action::Action;
use crate::console::action::Danger::Asks;
use crate::console::action::Scope::{self, Overlay, Tab};
use crate::console::tabs::TabId;
use crate::console::update::{leaving, load, orders, redis, views};

const REDIS: Scope = Tab(TabId::Redis);

pub(super) const ON_TAB: &[Action] = &[
    unless(
        action(
            "redis.details",
            &["enter"],
            "the selected cluster, or all about the selected node or the node that the selected finding is about",
            "details",
            REDIS,
            redis::details,
        ),
        redis::not_to_open,
    ),
    unless(
        action(
            "redis.pane",
            &["right", "l", "left", "h"],
            "the other list: findings, nodes",
            "pane",
            REDIS,
            redis::pane,
        ),
        redis::one_list,
    ),
    deed(
        action(
            "redis.failover",
            &["f"],
            "have the selected replica take over from its master (CLUSTER FAILOVER); it asks for its address first",
            "fail over",
            REDIS,
            orders::failover,
        ),
        Asks,
        orders::no_failover,
    ),
    deed(
        action(
            "redis.stable",
            &["o"],
            "close the half open slot of the selected finding (CLUSTER SETSLOT … STABLE); it asks first",
            "close slot",
            REDIS,
            orders::stable,
        ),
        Asks,
        orders::no_stable,
    ),
    deed(
        action(
            "redis.kill",
            &["K"],
            "have the replicas of the selected master connect anew (CLIENT KILL TYPE replica); it asks first",
            "",
            REDIS,
            orders::kill,
        ),
        Asks,
        orders::no_kill,
    ),
    unless(
        action(
            "redis.events",
            &["e"],
            "what happened: failovers, restarts, masters that came back empty",
            "events",
            REDIS,
            redis::events,
        ),
        redis::no_cluster,
    ),
    unless(
        action(
            "redis.bench",
            &["b"],
            "the benchmark: its form, or the run that goes on",
            "benchmark",
            REDIS,
            load::open,
        ),
        load::not_here,
    ),
    action(
        "redis.filter",
        &["/"],
        "filter the list: words that must be there, !words that must not",
        "filter",
        REDIS,
        views::filter,
    ),
    action("redis.sort", &["s"], "sort clusters, or nodes, by what comes next", "", REDIS, redis::sort),
    unless(action("redis.turn", &["S"], "turn the order round", "", REDIS, redis::turn), redis::not_to_turn),
];

pub(super) const OVER_IT: &[Action] = &[
    action(
        "node.panel",
        &["right", "l", "tab"],
        "what else the node tells: INFO, slow log, latency, clients, memory, config",
        "next panel",
        Overlay("node"),
        redis::panel_next,
    ),
    action(
        "node.panel-before",
        &["left", "h", "shift-tab"],
        "the panel before",
        "",
        Overlay("node"),
        redis::panel_before,
    ),
    unless(
        action("node.again", &["r"], "ask the node once more", "again", Overlay("node"), redis::again),
        redis::not_again,
    ),
    unless(
        action("node.next", &["n"], "the next node on the list", "next", Overlay("node"), redis::next),
        redis::alone,
    ),
    unless(
        action("node.previous", &["N"], "the node before on the list", "", Overlay("node"), redis::previous),
        redis::alone,
    ),
    deed(
        action(
            "node.failover",
            &["f"],
            "have this replica take over from its master (CLUSTER FAILOVER); it asks for its address first",
            "fail over",
            Overlay("node"),
            orders::failover,
        ),
        Asks,
        orders::no_failover,
    ),
    deed(
        action(
            "node.kill",
            &["K"],
            "have the replicas of this master connect anew (CLIENT KILL TYPE replica); it asks first",
            "",
            Overlay("node"),
            orders::kill,
        ),
        Asks,
        orders::no_kill,
    ),
    action("node.copy", &["y"], "copy its address", "", Overlay("node"), views::copy),
    action("node.copy-all", &["Y"], "copy everything shown", "copy all", Overlay("node"), views::copy_all),
    action("node.close", &["esc", "q"], "back", "back", Overlay("node"), leaving::close),
    action("events.copy", &["y", "Y"], "copy everything shown", "copy", Overlay("events"), views::copy),
    action("events.close", &["esc", "q", "e"], "back", "back", Overlay("events"), leaving::close),
    deed(
        action("bench.start", &["enter", "f2"], "begin the run; it asks first", "start", Overlay("bench"), load::start),
        Asks,
        load::not_to_start,
    ),
    action("bench.close", &["esc"], "leave it; what is typed is kept", "leave", Overlay("bench"), leaving::close),
    unless(
        action("load.stop", &["x"], "stop the run: its keys are removed", "stop", Overlay("load"), load::stop),
        load::not_to_stop,
    ),
    unless(
        action("load.another", &["n"], "ask for another run", "another", Overlay("load"), load::another),
        load::not_another,
    ),
    action("load.copy", &["y", "Y"], "copy its figures", "copy", Overlay("load"), views::copy),
    action(
        "load.close",
        &["esc", "q"],
        "back; a run that goes on is not stopped by that",
        "back",
        Overlay("load"),
        leaving::close,
    ),
];
