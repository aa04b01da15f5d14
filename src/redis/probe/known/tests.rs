use proptest::prelude::*;

use super::super::super::info::Info;
use super::super::super::look::Reply;
use super::super::super::nodes;
use super::*;
use crate::base::{Clock, Time};

fn addr(text: &str) -> NodeAddr {
    NodeAddr::parse(text, 7000).unwrap()
}

fn id(n: u32) -> String {
    format!("{n:040x}")
}

/// What a node answers whose view names these, itself first: number and address.
fn sees(all: &[(u32, &str)]) -> Came {
    let line = |(place, (n, at)): (usize, &(u32, &str))| {
        let flags = if place == 0 { "myself,master" } else { "master" };
        format!("{} {at}@1 {flags} - 0 0 {n} connected\n", id(*n))
    };
    let text: String = all.iter().enumerate().map(line).collect();
    let reply = Reply {
        info: Ok(Info::parse("role:master\r\n")),
        nodes: Ok(nodes::parse(&text).unwrap()),
        cluster: Ok(Info::parse("cluster_current_epoch:1\r\n")),
    };
    Came {
        at: Time::from_secs(1),
        took: None,
        reply: Ok(reply),
        view: Some(text.len()),
        sections: Sections::All,
        role: None,
    }
}

fn refused() -> Came {
    Came::not(Time::from_secs(1), Sections::Everything, Trouble::Refused)
}

/// One tick: who answers what; everybody else refuses. Who was asked, and the looks: where, and whether it answered.
fn tick(known: &mut Known, now: Mono, world: &[(&str, Came)]) -> (Vec<String>, Vec<(String, bool)>) {
    let answer = |at: &NodeAddr| {
        let found = world.iter().find(|(place, _)| addr(place) == *at);
        found.map_or_else(refused, |(_, came)| Came {
            reply: came.reply.clone(),
            role: came.role.clone(),
            sections: came.sections,
            ..*came
        })
    };
    let (mut asked, mut waiting) = (Vec::new(), known.begin(now, |_| false));
    loop {
        while let Some(one) = waiting.pop() {
            asked.push(one.to_string());
            waiting.extend(known.came(&one, answer(&one), 128));
        }
        waiting = known.settle();
        if waiting.is_empty() {
            break;
        }
    }
    asked.sort();
    let (looks, _) = known.end();
    (asked, looks.iter().map(|look| (look.addr.to_string(), look.reply().is_some())).collect())
}

fn start(seeds: &[&str]) -> (Known, Mono) {
    let now = Clock::manual(Time::from_secs(0)).0.mono();
    let keep = Duration::from_mins(10);
    (Known::new(seeds.iter().map(|seed| addr(seed)), true, keep, 4_096, now), now)
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn an_address_that_nobody_names_any_more_is_asked_for_ten_minutes_or_while_it_answers() {
    let (mut known, begin) = start(&["10.0.0.1"]);
    let both = [
        ("10.0.0.1", sees(&[(1, "10.0.0.1:7000"), (2, "10.0.0.2:7000")])),
        ("10.0.0.2", sees(&[(2, "10.0.0.2:7000")])),
    ];
    assert_eq!(tick(&mut known, begin, &both).0, ["10.0.0.1:7000", "10.0.0.2:7000"]);
    let alone = || ("10.0.0.1", sees(&[(1, "10.0.0.1:7000")]));
    // Forgotten, and it answers.
    let forgotten = [alone(), ("10.0.0.2", sees(&[(2, "10.0.0.2:7000")]))];
    let late = begin.plus(Duration::from_hours(1));
    assert_eq!(tick(&mut known, late, &forgotten).1.len(), 2);
    // It does not answer any more: so long after it was last named, it is given up at once.
    assert_eq!(tick(&mut known, late, &[alone()]).1, [("10.0.0.1:7000".to_owned(), true)]);
    assert_eq!(tick(&mut known, late, &[alone()]).0, ["10.0.0.1:7000"]);

    let (mut known, begin) = start(&["10.0.0.1"]);
    tick(&mut known, begin, &both);
    for minutes in 1..=10 {
        let looks = tick(&mut known, begin.plus(Duration::from_mins(minutes)), &[alone()]).1;
        assert_eq!(looks[1], ("10.0.0.2:7000".to_owned(), false), "after {minutes} minutes");
    }
    assert_eq!(tick(&mut known, begin.plus(Duration::from_secs(601)), &[alone()]).1.len(), 1);
}

#[test]
fn a_seed_is_never_given_up() {
    let (mut known, begin) = start(&["10.0.0.1"]);
    for days in 0..3 {
        let now = begin.plus(Duration::from_hours(24 * days));
        assert_eq!(tick(&mut known, now, &[]).1, [("10.0.0.1:7000".to_owned(), false)]);
    }
}

#[test]
fn a_node_with_two_addresses_is_asked_at_one_and_told_where_the_others_see_it() {
    let (mut known, now) = start(&["cache", "10.0.0.2"]);
    let view = |own: u32| {
        let all = [(1, "10.0.0.1:7000"), (2, "10.0.0.2:7000")];
        let mut all: Vec<_> = all.to_vec();
        all.sort_by_key(|(n, _)| *n != own);
        sees(&all)
    };
    let world = || vec![("cache", view(1)), ("10.0.0.1", view(1)), ("10.0.0.2", view(2))];
    let told = [("10.0.0.1:7000".to_owned(), true), ("10.0.0.2:7000".to_owned(), true)];
    for round in 0..3 {
        let (asked, looks) = tick(&mut known, now, &world());
        assert_eq!(looks, told);
        assert!(round == 0 || asked.len() == 2, "{asked:?}");
    }
    // It is gone where it was asked, and told there once; from the next tick on the other address is tried, too.
    let mut gone: Vec<_> = world();
    gone.retain(|(at, _)| *at == "10.0.0.2");
    let dead = [("10.0.0.1:7000".to_owned(), false), ("10.0.0.2:7000".to_owned(), true)];
    assert_eq!(tick(&mut known, now, &gone).1, dead);
    let (asked, looks) = tick(&mut known, now, &gone);
    assert_eq!(looks, dead);
    assert!(asked.contains(&"cache:7000".to_owned()), "{asked:?}");
    // The name leads elsewhere by now.
    let mut moved = gone;
    moved.push(("cache", sees(&[(1, "10.0.0.9:7000"), (2, "10.0.0.2:7000")])));
    let looks = tick(&mut known, now, &moved).1;
    assert!(looks.contains(&("10.0.0.9:7000".to_owned(), true)), "{looks:?}");
}

/// The addresses of the views lead nowhere from here.
#[test]
fn where_the_others_addresses_cannot_be_reached_those_that_can_be_are_asked() {
    let (mut known, now) = start(&["outside-1", "outside-2"]);
    let world = || {
        let (one, two) = ((1, "172.17.0.1:7000"), (2, "172.17.0.2:7000"));
        vec![("outside-1", sees(&[one, two])), ("outside-2", sees(&[two, one]))]
    };
    tick(&mut known, now, &world());
    let (asked, looks) = tick(&mut known, now, &world());
    assert_eq!(asked, strings(&["outside-1:7000", "outside-2:7000"]));
    assert_eq!(looks, [("172.17.0.1:7000".to_owned(), true), ("172.17.0.2:7000".to_owned(), true)]);
}

#[test]
fn views_count_as_far_as_they_are_reached_from_a_seed() {
    let (mut known, now) = start(&["10.0.0.1"]);
    let home = || sees(&[(1, "10.0.0.1:7000"), (2, "10.0.0.2:7000")]);
    // The second has gone over, and names a third.
    let over = || sees(&[(9, "10.0.0.2:7000"), (3, "10.0.0.3:7000")]);
    let (asked, _) = tick(&mut known, now, &[("10.0.0.1", home()), ("10.0.0.2", over())]);
    assert_eq!(asked, strings(&["10.0.0.1:7000", "10.0.0.2:7000"]));
    // One that nobody at home names does not count either; one that is named does, and be it that its own seed is dead.
    let (mut known, now) = start(&["10.0.0.1"]);
    let second = || sees(&[(2, "10.0.0.2:7000"), (1, "10.0.0.1:7000"), (3, "10.0.0.3:7000")]);
    let (asked, _) = tick(&mut known, now, &[("10.0.0.1", home()), ("10.0.0.2", second())]);
    assert_eq!(asked.len(), 3);
    let fourth = sees(&[(2, "10.0.0.2:7000"), (3, "10.0.0.3:7000"), (4, "10.0.0.4:7000")]);
    let (asked, looks) = tick(&mut known, now, &[("10.0.0.2", fourth)]);
    assert_eq!(asked, strings(&["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000", "10.0.0.4:7000"]));
    assert_eq!(looks.iter().filter(|(_, came)| *came).count(), 1);
}

#[test]
fn no_more_nodes_are_asked_than_are_possible_and_who_is_being_met_is_not() {
    let now = Clock::manual(Time::from_secs(0)).0.mono();
    let mut known = Known::new([addr("10.0.0.1")], true, Duration::ZERO, 3, now);
    let all: Vec<String> = (1..=9).map(|n| format!("10.0.0.{n}:7000")).collect();
    let all: Vec<(u32, &str)> = (1..).zip(all.iter().map(String::as_str)).collect();
    assert_eq!(tick(&mut known, now, &[("10.0.0.1", sees(&all))]).0.len(), 3);

    let (mut known, now) = start(&["10.0.0.1"]);
    let mut came = sees(&[(1, "10.0.0.1:7000"), (2, "10.0.0.2:7000")]);
    let Ok(Reply { nodes: Ok(view), .. }) = &mut came.reply else { panic!() };
    view[1].flags.insert(Flag::Handshake);
    assert_eq!(tick(&mut known, now, &[("10.0.0.1", came)]).0, ["10.0.0.1:7000"]);
}

#[test]
fn masters_and_replicas_name_each_other_by_info_or_by_role() {
    use super::super::super::resp::Value;
    let bulk = |text: &str| Value::Bulk(text.as_bytes().to_vec());
    let came = |info: Result<Info, Trouble>, role: Value| Came {
        reply: Ok(Reply { info, nodes: Err(Trouble::NoCluster), cluster: Err(Trouble::NoCluster) }),
        role: Some(role),
        ..refused()
    };
    let named = |came: &Came| named_by_replication(came).iter().map(|one| one.addr.to_string()).collect::<Vec<_>>();
    let noperm = || Err(Trouble::NoPerm(String::new()));
    let replica = Value::Array(vec![bulk("10.0.0.2"), bulk("6380"), bulk("0")]);
    let master = Value::Array(vec![bulk("master"), Value::Integer(1), Value::Array(vec![replica])]);
    assert_eq!(named(&came(noperm(), master.clone())), ["10.0.0.2:6380"]);
    let role = vec![bulk("slave"), bulk("10.0.0.1"), Value::Integer(6379), bulk("connected"), Value::Integer(1)];
    assert_eq!(named(&came(noperm(), Value::Array(role))), ["10.0.0.1:6379"]);
    let info =
        Info::parse("role:slave\r\nmaster_host:db1\r\nmaster_port:1\r\nslave0:ip=10.0.0.3,port=2,state=online\r\n");
    assert_eq!(named(&came(Ok(info), master)), ["10.0.0.3:2", "db1:1"]);
    assert_eq!(named(&came(noperm(), Value::Null)), Vec::<String>::new());
}

proptest! {
    /// In whatever order answers come, the same nodes are asked, and the same is told.
    #[test]
    fn the_order_of_answers_does_not_matter(
        links in prop::collection::vec(prop::collection::vec(0_usize..8, 0..5), 8),
        dead in prop::collection::vec(any::<bool>(), 8),
        order in prop::collection::vec(any::<usize>(), 64),
    ) {
        let at: Vec<String> = (0..8).map(|n| format!("10.0.0.{}:7000", n + 1)).collect();
        let view = |n: usize| {
            let mut seen = vec![(u32::try_from(n).unwrap(), at[n].as_str())];
            let others = links[n].iter().filter(|other| **other != n);
            for other in others.map(|other| (u32::try_from(*other).unwrap(), at[*other].as_str())) {
                if !seen.contains(&other) {
                    seen.push(other);
                }
            }
            if dead[n] { refused() } else { sees(&seen) }
        };
        let run = |picks: &mut dyn Iterator<Item = usize>| {
            let (mut known, now) = start(&["10.0.0.1", "10.0.0.2"]);
            let mut told = Vec::new();
            for _ in 0..2 {
                let mut waiting = known.begin(now, |_| false);
                loop {
                    while !waiting.is_empty() {
                        let one = waiting.swap_remove(picks.next().unwrap_or(0) % waiting.len());
                        let n = at.iter().position(|text| *text == one.to_string()).unwrap();
                        waiting.extend(known.came(&one, view(n), 128));
                    }
                    waiting = known.settle();
                    if waiting.is_empty() {
                        break;
                    }
                }
                let looks = known.end().0;
                told.push(looks.iter().map(|look| (look.addr.clone(), look.reply().is_some())).collect::<Vec<_>>());
            }
            told
        };
        let plain = run(&mut std::iter::repeat(0));
        prop_assert_eq!(&plain, &run(&mut order.into_iter()));
        let mut seen: Vec<_> = plain[1].iter().map(|(addr, _)| addr).collect();
        seen.dedup();
        prop_assert_eq!(seen.len(), plain[1].len());
    }
}
