//! A1 to A9: each node, by a direct look.

use std::fmt::Write as _;

use super::{Raw, led};
use crate::base::Shown;
use crate::base::units::{Count, Span};
use crate::redis::facts::{Facts, Missed, Node};
use crate::redis::finding::Object;
use crate::redis::limits::Kind;
use crate::redis::look::Answer;
use crate::redis::nodes::Flag;
use crate::redis::rates::precise;
use crate::redis::snapshot::Sight;
use crate::redis::trouble::{Says, Trouble};

fn about(node: &Node<'_>) -> Object {
    Object::Node(node.addr.clone())
}

/// CRITICAL of who serves clients, WARNING of others.
fn by_owner(node: &Node<'_>, text: String) -> Raw {
    if node.owner { Raw::critical(about(node), text) } else { Raw::warning(about(node), text) }
}

fn seen<'a, 'b>(facts: &'b Facts<'a>, sight: Sight) -> impl Iterator<Item = &'b Node<'a>> {
    facts.nodes.iter().filter(move |node| node.sight == sight)
}

/// What the cluster knows of it, and what it will do.
fn outlook(facts: &Facts<'_>, node: &Node<'_>) -> String {
    let (Some(merged), Some(id), true) = (&facts.merged, &node.id, node.owner) else { return String::new() };
    let timeout = facts.node_timeout();
    let failed = merged.flagged(id, Flag::Fail);
    let aware = failed > 0 || merged.flagged(id, Flag::PFail) > 0;
    let known = if timeout.assumed {
        format!("node-timeout not told; {} by default", Span(timeout.value))
    } else {
        format!("node-timeout {}", Span(timeout.value))
    };
    let missed = facts.missed(node);
    let mut text = match (failed > 0, aware) {
        (true, _) => "; the cluster calls it failed".to_owned(),
        (_, true) => "; the cluster suspects it".to_owned(),
        _ if missed == Missed::No => return "; the others still hear it: no failover will come of this".to_owned(),
        _ => format!("; cluster not yet aware ({known})"),
    };
    // Until the others miss it nobody takes over.
    if missed != Missed::Yes {
        return text;
    }
    // Writing to a string does not fail.
    let heir = facts.replicas(node).find(|replica| facts.promotable(replica) == Some(Ok(())));
    match (heir, node.past.unserved) {
        (Some(heir), Some(since)) => {
            let left = timeout.value.saturating_sub(facts.ago(since));
            if left.is_zero() {
                let _ = write!(text, "; failover to {} is due", heir.addr);
            } else {
                let _ = write!(text, "; failover to {} due in ~{}", heir.addr, Span(left));
            }
        }
        (Some(heir), None) => {
            let _ = write!(text, "; failover to {} is due", heir.addr);
        }
        (None, _) if node.replicas.is_empty() => text += "; no replica can take over: there is none",
        (None, _) => {}
    }
    text
}

/// Where the configuration still names a node that has gone elsewhere.
fn elsewhere(node: &Node<'_>) -> Option<Raw> {
    let to = node.moved.as_ref()?;
    let text = format!("{}: nobody answers; the node that was here answers at {to}", node.addr);
    Some(Raw::warning(about(node), text).next("let the configuration name it where it is"))
}

/// A1
pub fn unreachable(facts: &Facts<'_>) -> Vec<Raw> {
    let down = seen(facts, Sight::Down).map(|node| {
        let why = node.trouble.map_or_else(|| "unreachable".to_owned(), ToString::to_string);
        let why = if matches!(node.trouble, Some(Trouble::Refused)) { "refused".to_owned() } else { why };
        let text = format!("{}: {why}{}{}", facts.who(node), facts.lasting(node.past.unserved), outlook(facts, node));
        elsewhere(node).unwrap_or_else(|| {
            by_owner(node, text).next("start it, or see whether its machine and the way there are up")
        })
    });
    // Nobody asked it, and nobody has a line to it.
    let gone = seen(facts, Sight::Gone).map(|node| {
        let how = match facts.subject.kind {
            Kind::Replicas => "every replica has lost its line to it",
            _ => "every node calls it gone",
        };
        let text = format!("{}: {how}{}", facts.who(node), outlook(facts, node));
        by_owner(node, text).next("start it, or see whether its machine and the way there are up")
    });
    down.chain(gone).collect()
}

/// A2
pub fn hung(facts: &Facts<'_>) -> Vec<Raw> {
    let found = seen(facts, Sight::Hung).map(|node| {
        let lasting = facts.lasting(node.past.unserved);
        let how = match node.trouble {
            Some(Trouble::Closed) => "takes connections and closes them without an answer",
            _ => "accepts connections but does not answer",
        };
        let text = format!("{} {how}{lasting}: stopped, swapping or blocked{}", facts.who(node), outlook(facts, node));
        elsewhere(node).unwrap_or_else(|| {
            by_owner(node, text)
                .next("look at its process: state T is stopped, D waits for a disk; then kill -CONT, or restart it")
        })
    });
    found.collect()
}

/// A3
pub fn loading(facts: &Facts<'_>) -> Vec<Raw> {
    let found = seen(facts, Sight::Loading).map(|node| {
        let told = |name| node.info.and_then(|info| info.float(name));
        let done = told("loading_loaded_perc").map(|done| format!(" {done:.0} %"));
        let left = node.info.and_then(|info| info.number("loading_eta_seconds"));
        let left = left.map(|left| format!(", {left} s left")).unwrap_or_default();
        let text =
            format!("{}: loading{}{left}; it serves nobody until then", facts.who(node), done.unwrap_or_default());
        by_owner(node, text).next("wait")
    });
    found.collect()
}

/// A4
pub fn busy(facts: &Facts<'_>) -> Vec<Raw> {
    let found = seen(facts, Sight::Busy).map(|node| {
        let function = matches!(node.trouble, Some(Trouble::Busy(text)) if text.contains("FUNCTION"));
        let text = format!(
            "{}: blocked by a script or function{}: SCRIPT KILL / FUNCTION KILL",
            facts.who(node),
            facts.lasting(node.past.unserved)
        );
        let kill = if function { ["FUNCTION", "KILL"] } else { ["SCRIPT", "KILL"] };
        by_owner(node, text)
            .next("end the script; one that has written can only be ended by SHUTDOWN NOSAVE")
            .command(facts.subject.cli.ask(&node.addr, &kill))
    });
    found.collect()
}

/// The errors of what was asked, each by itself.
fn refused<'b>(facts: &'b Facts<'_>, node: &Node<'b>) -> Vec<(&'static str, &'b Trouble)> {
    match node.look.map(|look| &look.answer) {
        Some(Answer::Failed(trouble)) => vec![("", trouble)],
        Some(Answer::Came(reply)) => {
            let views = [("CLUSTER NODES", reply.nodes.as_ref().err()), ("CLUSTER INFO", reply.cluster.as_ref().err())];
            let views = views.into_iter().filter(|_| facts.subject.kind == Kind::Cluster);
            let all = std::iter::once(("INFO", reply.info.as_ref().err())).chain(views);
            all.filter_map(|(what, trouble)| Some((what, trouble?))).collect()
        }
        _ => Vec::new(),
    }
}

/// A5
pub fn blind(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        let all = refused(facts, node);
        let closes = node.sight == Sight::Blind;
        let is_blind = |trouble: &Trouble| {
            trouble.says() == Says::Blind || closes && matches!(trouble, Trouble::Closed | Trouble::Handshake(_))
        };
        let blind: Vec<_> = all.iter().filter(|(_, trouble)| is_blind(trouble)).collect();
        let (_, first) = blind.first()?;
        let others = match (&facts.merged, &node.id) {
            (Some(merged), Some(id)) if node.line.is_some() => {
                let said: Vec<bool> = merged.views.iter().filter_map(|view| view.gone(id)).collect();
                let gone = said.iter().filter(|gone| **gone).count();
                match (gone, said.len()) {
                    (_, 0) => String::new(),
                    (0, _) => " (others see it as connected)".to_owned(),
                    (gone, all) => format!(" ({gone} of {all} views have no line to it)"),
                }
            }
            _ => String::new(),
        };
        let missing: Vec<String> = blind.iter().filter_map(|(_, trouble)| permission(trouble)).collect();
        let why = match first {
            Trouble::WrongPass => "wrong password".to_owned(),
            Trouble::NoAuth => "it wants a password, and none was given".to_owned(),
            Trouble::NoPerm(_) if !missing.is_empty() => format!("the user lacks {}", missing.join(" ")),
            Trouble::Closed => "closes each connection at once; it may speak TLS".to_owned(),
            other => other.to_string(),
        };
        let raw = Raw::unknown(about(node), format!("{}: cannot look inside: {why}{others}", facts.who(node)));
        Some(match first {
            Trouble::WrongPass | Trouble::NoAuth => {
                raw.next("set the user and the password of this cluster in the configuration")
            }
            Trouble::NoPerm(_) => raw.next("give the user what firn redis acl prints"),
            Trouble::NoPassword => raw.next("leave the password of this cluster out, or give the server one"),
            Trouble::NoUsers => raw.next("leave the user out: the password alone is for the default one"),
            Trouble::Closed => raw.next("see whether it speaks TLS on this port, or what stands between"),
            Trouble::Tls(_) | Trouble::Handshake(_) => {
                raw.next("set tls and its CA for this cluster as the server has them")
            }
            Trouble::Denied => raw.next("set a password, or bind it and turn protected-mode off"),
            _ => raw.next("see whether its name resolves here"),
        })
    });
    found.chain(led::blind(facts)).collect()
}

/// The ACL rule that a `-NOPERM` says is missing: `+cluster|nodes`.
fn permission(trouble: &Trouble) -> Option<String> {
    let Trouble::NoPerm(text) = trouble else { return None };
    let command = text.split('\'').nth(1)?;
    let fine =
        !command.is_empty() && command.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '|' | '-' | '.'));
    fine.then(|| format!("+{command}"))
}

/// A6: `maxclients` counts the lines between nodes, and replicas, which `connected_clients` leaves out.
pub fn clients(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        let rejected = node.past.grown("rejected").filter(|(grown, _)| *grown > 0);
        let rejected =
            rejected.map(|(grown, span)| format!(", rejected +{}/s", decimal(precise(grown) / span.as_secs_f64())));
        let rejected = rejected.unwrap_or_default();
        let next = "raise maxclients, or find who keeps connections open: CLIENT LIST";
        if node.sight == Sight::Full {
            return Some(
                Raw::critical(about(node), format!("{} refuses new clients{rejected}", facts.who(node))).next(next),
            );
        }
        let info = node.info?;
        let most = info.number("maxclients").filter(|most| *most > 0)?;
        let more = |name: &str| info.number(name).unwrap_or(0);
        let used = info.number("connected_clients")?.saturating_add(more("cluster_connections"));
        let used = used.saturating_add(more("connected_slaves"));
        let of = format!("{} of {}", Count(used), Count(most));
        let who = facts.who(node);
        if used >= most {
            Some(Raw::critical(about(node), format!("{who} refuses new clients: {of}{rejected}")).next(next))
        } else if precise(used) >= facts.limits.clients_share.get() * precise(most) {
            Some(Raw::warning(about(node), format!("{who} has nearly no room for clients: {of}{rejected}")).next(next))
        } else {
            None
        }
    });
    found.collect()
}

/// `35`, `0.4`
fn decimal(number: f64) -> String {
    if number >= 10.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// A7
pub fn other(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        let none = || {
            Raw::unknown(about(node), format!("{}: not a cluster node: cluster support is disabled", node.addr))
                .next("name nodes of a cluster, or set the kind of this entry to list or replicas")
        };
        let disabled = || node.info.is_some_and(|info| info.flag("cluster_enabled") == Some(false));
        let all = refused(facts, node);
        if facts.subject.kind == Kind::Cluster
            && (all.iter().any(|(_, trouble)| matches!(trouble, Trouble::NoCluster)) || disabled())
        {
            return Some(none());
        }
        let (what, trouble) = all.into_iter().find(|(_, trouble)| trouble.says() == Says::Other)?;
        let what = if what.is_empty() { String::new() } else { format!("{what}: ") };
        let next = "see whether a redis or valkey server listens there, and whether tls is set as it has it";
        Some(Raw::unknown(about(node), format!("{}: unknown server: {what}{trouble}", node.addr)).next(next))
    });
    found.collect()
}

/// A8
pub fn replaced(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        let (at, before) = node.past.replaced.as_ref()?;
        let now = node.id.as_ref().filter(|_| facts.ago(*at) < facts.limits.told_for)?;
        let text =
            format!("{}: another node answers at this address: was {}, now {}", node.addr, before.short(), now.short());
        Some(
            Raw::warning(about(node), text).next("see whether it was set up anew, and whether it holds what it should"),
        )
    });
    found.collect()
}

/// A9
pub fn slow(facts: &Facts<'_>) -> Vec<Raw> {
    let found = facts.nodes.iter().filter_map(|node| {
        // What was counted before stands still while a node tells nothing.
        node.info?;
        let (p99, usual) = (node.past.p99()?, node.past.usual()?);
        let slow = p99 > facts.limits.slow && p99.as_secs_f64() > facts.limits.slower.get() * usual.as_secs_f64();
        let text = || {
            format!(
                "{} answers in {:.0} ms (usual {:.1})",
                Shown::text(&facts.who(node)),
                p99.as_secs_f64() * 1e3,
                usual.as_secs_f64() * 1e3
            )
        };
        slow.then(|| {
            Raw::warning(about(node), text()).next("see its slow log, its machine's load and the network there")
        })
    });
    found.collect()
}
