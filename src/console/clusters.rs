//! What the console asks of redis clusters: how they stand, a panel of one node, the few orders there are, and the benchmark.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::details::Group;
use super::effect::{BenchAsk, RedisAct, RedisOrder, RedisPanel};
use super::msg::{BenchTold, Msg};
use super::theme::Role;
use crate::base::addr::NodeAddr;
use crate::base::clock::Mono;
use crate::base::units::{Count, Span};
use crate::base::{Clock, Shown, Stop, Time};
use crate::redis::act::{Act, Slot, act as order};
use crate::redis::bench::{self, BenchError, Login, Spec};
use crate::redis::conn::Batch;
use crate::redis::info::Info;
use crate::redis::panels;
use crate::services::Services;
use crate::services::redis::tls_setting;
use crate::store::NewEvent;

/// How often it is looked whether there is news.
const NEWS: Duration = Duration::from_millis(250);
/// Clients that are shown.
const CLIENTS: usize = 500;

/// Without news it is sent so often all the same: for how long nobody has looked is shown, too.
const AGAIN: Duration = Duration::from_secs(5);

/// Whether what is found is to be sent.
#[derive(Default)]
struct Sent {
    /// When the clusters were looked at that were sent last, and when that was.
    last: Option<(Vec<Option<Time>>, Mono)>,
}

impl Sent {
    /// Whether that is to be sent now; it is taken as sent then.
    fn is_due(&mut self, looked: Vec<Option<Time>>, now: Mono) -> bool {
        let due = self.last.as_ref().is_none_or(|(before, at)| *before != looked || now.since(*at) >= AGAIN);
        if due {
            self.last = Some((looked, now));
        }
        due
    }
}

/// Sends how clusters stand, whenever that is news, and every few seconds.
pub async fn watch(services: Arc<Services>, real: Clock, to: mpsc::Sender<Msg>) {
    services.look_at_redis();
    let mut sent = Sent::default();
    loop {
        let found = services.redis();
        let looked = found.clusters.iter().map(|one| one.health.as_ref().map(|health| health.at)).collect();
        if sent.is_due(looked, real.mono()) && to.send(Msg::Redis(Ok(Arc::new(found)))).await.is_err() {
            return;
        }
        real.sleep(NEWS).await;
    }
}

/// What a node says when it is asked for more than every look tells.
pub async fn panel(
    services: &Services,
    cluster: &str,
    node: &NodeAddr,
    panel: RedisPanel,
) -> Result<Vec<Group>, String> {
    if panel == RedisPanel::Info
        && let Some(told) = services.redis_info(cluster, node)
    {
        return Ok(info(&told));
    }
    let line = services.redis_line(cluster, node).map_err(|e| e.to_string())?;
    let said = |e: crate::redis::trouble::Trouble| format!("{node}: {e}");
    Ok(match panel {
        RedisPanel::Info => {
            let answered = line.ask(&Batch::of(&[&["INFO", "everything"]])).await.map_err(said)?;
            let value = answered.values.into_iter().next();
            let text = value.as_ref().and_then(crate::redis::resp::Value::text);
            let text = text.ok_or_else(|| {
                let found = value.and_then(|value| value.error()).unwrap_or_default();
                said(crate::redis::trouble::Trouble::of_error(&found))
            })?;
            info(&Info::parse(&text))
        }
        RedisPanel::SlowLog => slow(&panels::slow_log(&line, None).await.map_err(said)?),
        RedisPanel::Latency => latency(&panels::latency(&line).await.map_err(said)?),
        RedisPanel::Clients => clients(&panels::clients(&line).await.map_err(said)?),
        RedisPanel::Memory => vec![pairs("", panels::memory(&line).await.map_err(said)?)],
        RedisPanel::Config => vec![pairs("", panels::config(&line).await.map_err(said)?)],
    })
}

fn shown(text: &str) -> String {
    Shown::text(text).to_string()
}

fn pairs(title: &str, all: impl IntoIterator<Item = (String, String)>) -> Group {
    let mut group = Group::new(title);
    for (name, value) in all {
        group.line(&shown(&name), shown(&value));
    }
    group
}

fn info(info: &Info) -> Vec<Group> {
    let of = |(name, fields): (&str, &[(String, String)])| pairs(&shown(name), fields.iter().cloned());
    info.sections().filter(|(_, fields)| !fields.is_empty()).map(of).collect()
}

fn when(at: Time) -> String {
    at.to_string()
}

fn slow(all: &[panels::Slow]) -> Vec<Group> {
    let mut group = Group::new("slow commands, the newest first");
    if all.is_empty() {
        group.role(
            "",
            "none is kept (below 0 slowlog-log-slower-than keeps none, as slowlog-max-len 0 does)",
            Role::Dim,
        );
    }
    for one in all {
        let client =
            one.name.as_ref().or(one.client.as_ref()).map_or_else(String::new, |who| format!("  by {}", shown(who)));
        group.line(&when(one.at), format!("{}  {}{client}", Span(one.took), shown(&one.command.join(" "))));
    }
    vec![group]
}

fn latency(found: &panels::Latency) -> Vec<Group> {
    let mut group = Group::new("");
    match found.threshold {
        // An empty list would look as if nothing were slow.
        Some(Duration::ZERO) => {
            group.role("watched", "nothing: CONFIG SET latency-monitor-threshold 100 turns it on", Role::Warning);
        }
        Some(threshold) => group.line("watched", format!("what takes {} or longer", Span(threshold))),
        None => group.role("watched", "not known: CONFIG GET is not allowed", Role::Dim),
    }
    for one in &found.events {
        let text = format!("{} last, {} at most, at {}", Span(one.latest), Span(one.most), when(one.at));
        group.line(&shown(&one.name), text);
    }
    vec![group]
}

fn clients(found: &panels::Clients) -> Vec<Group> {
    let mut group = Group::new(&format!("{} clients", found.all));
    for one in found.kept.iter().take(CLIENTS) {
        let seconds = |value: Option<u64>| {
            value.map_or_else(|| "–".to_owned(), |secs| Span(Duration::from_secs(secs)).to_string())
        };
        let who = if one.name.is_empty() { String::new() } else { format!("{}  ", shown(&one.name)) };
        let user = one.user.as_ref().map_or_else(String::new, |user| format!("as {}  ", shown(user)));
        let text = format!(
            "{who}{user}last {}  idle {}  open for {}",
            shown(&one.command),
            seconds(one.idle),
            seconds(one.age)
        );
        group.line(&shown(&one.addr), text);
    }
    if found.all > found.kept.len().min(CLIENTS) {
        group.role("", format!("{} more are not shown", found.all - found.kept.len().min(CLIENTS)), Role::Dim);
    }
    vec![group]
}

/// Gives an order to a node, enters it among the events, and says what came of it.
pub async fn act(services: &Services, who: &str, ask: RedisAct) -> Result<String, String> {
    let act = match ask.order {
        RedisOrder::Failover => Act::Failover,
        RedisOrder::KillReplicas => Act::DropReplicas,
        RedisOrder::Stable(slot) => {
            Act::Stable(Slot::new(slot).ok_or_else(|| format!("{slot} is no slot; they go up to 16383"))?)
        }
    };
    let line = services.redis_line(&ask.cluster, &ask.node).map_err(|e| e.to_string())?;
    let done = order(&line, act).await.map_err(|e| e.to_string());
    let event = NewEvent {
        who: who.to_owned(),
        what: "redis.act".to_owned(),
        object: format!("{} {}", ask.cluster, ask.node),
        detail: act.to_string(),
        outcome: done.as_ref().map_or_else(Clone::clone, |_| "done".to_owned()),
    };
    // It was done, or refused, whether or not the state can be written.
    if let Err(e) = services.store.event(event).await {
        tracing::warn!(error = %e, "what was ordered of a redis node is not among the events");
    }
    done.map(|said| format!("{}: {said}", ask.node))
}

/// Runs the benchmark until it ends or is stopped, telling meanwhile how it goes (without waiting: a screen that is slow
/// holds no client up), and says what came of it.
pub async fn bench(
    services: Arc<Services>,
    ask: BenchAsk,
    stop: Stop,
    to: mpsc::Sender<Msg>,
) -> Result<String, String> {
    let spec = spec(&services, ask).await?;
    let told = |live| {
        // What is missed is told again in a quarter of a second.
        let _ = to.try_send(Msg::Bench(BenchTold::Live(Arc::new(live))));
    };
    let outcome = bench::run(spec, Clock::system(), stop, told).await.map_err(|e| e.to_string())?;
    let said = format!("{} keys of the benchmark were removed", Count(outcome.removed));
    // Nobody listens any more when the console has ended.
    let _ = to.send(Msg::Bench(BenchTold::Ended(Arc::new(outcome)))).await;
    Ok(said)
}

async fn spec(services: &Services, ask: BenchAsk) -> Result<Spec, String> {
    if services.badge.is_some() {
        return Err("the demo's clusters are recordings: nothing can be loaded".to_owned());
    }
    let config = &services.config.redis;
    let of = ask.of.as_ref().and_then(|name| config.iter().find(|one| one.name == *name));
    if let (Some(of), Some(host)) = (of, ask.hosts.first())
        && let Some(setting) = tls_setting(of.tls)
    {
        // It would be told the password in the open. Whatever else is typed there is asked about by the guard.
        return Err(BenchError::Tls { host: host.clone(), name: of.name.clone(), setting }.to_string());
    }
    let login = match of.and_then(|one| one.password.clone().map(|password| (one.user.clone(), password))) {
        Some((user, password)) => Some(Login { user, password: password.read().map_err(|e| e.to_string())? }),
        None => None,
    };
    Ok(Spec {
        clients: ask.clients,
        span: ask.span,
        keys: ask.keys,
        choice: ask.choice,
        cluster: ask.cluster,
        login,
        guard: services.guard().await,
        ..Spec::new(ask.hosts, ask.work)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_sent_when_they_were_looked_at_and_at_times_when_they_were_not() {
        let clock = Clock::manual(Time::from_secs(0)).0;
        let (mut sent, start) = (Sent::default(), clock.mono());
        let at = |millis| start.plus(Duration::from_millis(millis));
        let looked = |secs| vec![Some(Time::from_secs(secs)), None];
        assert!(sent.is_due(looked(1), at(0)));
        assert!(!sent.is_due(looked(1), at(250)), "it is no news");
        assert!(sent.is_due(looked(3), at(2_000)));
        // Nobody looks any more: for how long is shown, too.
        assert!(!sent.is_due(looked(3), at(6_999)));
        assert!(sent.is_due(looked(3), at(7_000)));
        assert!(!sent.is_due(looked(3), at(7_250)));
        assert!(sent.is_due(looked(3), at(12_000)));
    }
}
