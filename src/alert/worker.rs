//! Who sends: the holder of the duty [`ALERT`], each sender in a round of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Senders;
use super::message::{Origin, compose};
use super::rules::{CANNOT_SEND, Limits, decide};
use super::send::ping::Ping;
use super::send::{SendError, Sender, Sent};
use crate::base::backoff::Backoff;
use crate::base::units::Span;
use crate::base::{Clock, Finding, Severity, Stop, Time, random};
use crate::store::{ALERT, Hold, Store, StoreError, TellerRow};
use crate::worker::session::Lease;

/// How often it looks.
pub const EVERY: Duration = Duration::from_secs(5);

/// A sender that failed is tried again after this, and ever more rarely.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(15), longest: Duration::from_mins(10) };

/// Told to stop, a message on its way has this long to arrive; then it is sent again at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A sender that could not send for this long leaves people uninformed: that is critical.
const UNHEARD: Duration = Duration::from_hours(1);

/// What it works with.
#[derive(Clone)]
pub struct Means {
    /// Through which messages go.
    pub senders: Senders,
    /// When what is told.
    pub limits: Limits,
    /// Where messages come from.
    pub from: Origin,
    /// The state.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
}

type Loop<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// Sends what is to be told until `stop` is thrown. Trouble with the state ends it, as it ends the others. Without any
/// sender it says so once and idles.
pub async fn run(means: Means, lease: Lease, stop: Stop) -> Result<(), StoreError> {
    if means.senders.is_empty() {
        tracing::info!("no sender of alerts is configured ([alert]): findings are shown and nobody is told");
        stop.stopped().await;
        return Ok(());
    }
    let mut loops: Vec<Loop<'_>> = Vec::new();
    for sender in &means.senders.messages {
        loops.push(Box::pin(tell(&means, &lease, &stop, sender.as_ref())));
    }
    if let Some(ping) = &means.senders.ping {
        loops.push(Box::pin(pings(&means, &lease, &stop, ping)));
    }
    let ended = all(loops).await;
    if stop.is_stopped() && ended.is_ok() {
        // Another host takes over at once.
        means.store.duty_release(ALERT.to_owned(), lease.session).await?;
    }
    ended
}

/// All of them beside each other; the first error ends the rest.
async fn all(mut loops: Vec<Loop<'_>>) -> Result<(), StoreError> {
    std::future::poll_fn(|cx| {
        let mut error = None;
        loops.retain_mut(|one| match one.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(e)) => {
                error.get_or_insert(e);
                false
            }
        });
        match error {
            Some(e) => Poll::Ready(Err(e)),
            None if loops.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

async fn pause(means: &Means, stop: &Stop) {
    tokio::select! {
        biased;
        () = stop.stopped() => {}
        () = means.clock.sleep(EVERY) => {}
    }
}

/// The duty, if it is ours.
async fn hold(means: &Means, lease: &Lease) -> Result<Option<Hold>, StoreError> {
    let duty = means.store.duty_take(ALERT.to_owned(), lease.session).await?;
    Ok(duty.map(|row| Hold { session: lease.session, generation: row.generation }))
}

/// A duty that was lost meanwhile is another's to go on with.
fn unless_lost(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(StoreError::Stale { what, .. }) => {
            tracing::info!(what, "another process sends the alerts now");
            Ok(())
        }
        other => other,
    }
}

/// What a sender's loop remembers between its rounds.
#[derive(Default)]
struct Said {
    /// Whether the findings of its scope have been written as none.
    well: bool,
}

async fn tell(means: &Means, lease: &Lease, stop: &Stop, sender: &dyn Sender) -> Result<(), StoreError> {
    let mut said = Said::default();
    while !stop.is_stopped() {
        match hold(means, lease).await? {
            Some(hold) => unless_lost(round(means, hold, stop, sender, &mut said).await)?,
            None => said = Said::default(),
        }
        pause(means, stop).await;
    }
    Ok(())
}

/// Looks once, and sends what is to be sent.
async fn round(means: &Means, hold: Hold, stop: &Stop, sender: &dyn Sender, said: &mut Said) -> Result<(), StoreError> {
    let (store, name) = (&means.store, sender.name().to_owned());
    let mut view = store.alert_view(name.clone()).await?;
    if view.teller.is_none() {
        store.alert_enter(hold, name.clone()).await?;
        view = store.alert_view(name.clone()).await?;
    }
    findings(means, sender.name(), view.teller.as_ref(), view.now, said).await?;
    // With what was just found, or found to be over, of the sender itself.
    let view = store.alert_view(name.clone()).await?;
    if view.teller.as_ref().and_then(|row| row.next_try).is_some_and(|at| at > view.now) {
        return Ok(());
    }
    // What may have arrived is sent again as it was; what is older than the interval is told anew.
    let again = view.pending.as_ref().filter(|pending| view.now.since(pending.message.made_at) < means.limits.digest);
    let message = match again {
        Some(pending) => pending.message.clone(),
        None => match decide(sender.name(), &view, &means.limits) {
            Some(outgoing) => compose(&outgoing, sender.name(), &means.from, &view.notices, view.now),
            None => return Ok(()),
        },
    };
    store.alert_begin(hold, name.clone(), message.clone()).await?;
    let sent = tokio::select! {
        biased;
        sent = sender.send(&message) => sent,
        // Nothing is recorded: it is not known what became of it.
        () = too_late(means, stop) => return Ok(()),
    };
    match sent {
        Ok(Sent { but }) => {
            tracing::info!(sender = sender.name(), subject = message.subject, "told");
            if let Some(but) = &but {
                tracing::warn!(sender = sender.name(), but, "told, but not everybody");
            }
            store.alert_sent(hold, name, Some(message.id), but).await?;
        }
        Err(e) => failed(means, hold, sender.name(), view.teller.as_ref(), &e).await?,
    }
    let view = store.alert_view(sender.name().to_owned()).await?;
    findings(means, sender.name(), view.teller.as_ref(), view.now, said).await
}

async fn too_late(means: &Means, stop: &Stop) {
    stop.stopped().await;
    means.clock.sleep(STOP_WITHIN).await;
}

async fn failed(
    means: &Means,
    hold: Hold,
    sender: &'static str,
    before: Option<&TellerRow>,
    error: &SendError,
) -> Result<(), StoreError> {
    let failures = before.map_or(0, |row| row.failures).saturating_add(1);
    // Without chance they only try again together.
    let spread = random::bytes::<1>().map_or(128, |[byte]| byte);
    let wait = AGAIN.after(failures, spread);
    let next_try = means.store.now().await?.plus(wait);
    tracing::warn!(sender, error = %error, again_in = %Span(wait), "an alert could not be sent");
    means.store.alert_failed(hold, sender.to_owned(), error.certain, error.text.clone(), next_try).await
}

/// What is wrong with the sender itself.
async fn findings(
    means: &Means,
    sender: &'static str,
    teller: Option<&TellerRow>,
    now: Time,
    said: &mut Said,
) -> Result<(), StoreError> {
    let failing = teller.filter(|row| row.failures > 0);
    let found = failing.map_or_else(|| unreached(sender, teller), |row| Some(silent(sender, row, now)));
    if found.is_none() && said.well {
        return Ok(());
    }
    said.well = found.is_none();
    means.store.notice_round(format!("{ALERT}:{sender}"), found.into_iter().collect()).await?;
    Ok(())
}

fn silent(sender: &'static str, row: &TellerRow, now: Time) -> Finding {
    let since = row.failing_since.unwrap_or(now);
    let severity = if now.since(since) >= UNHEARD { Severity::Critical } else { Severity::Warning };
    let error = row.error.as_deref().unwrap_or("no reason recorded");
    Finding::new(CANNOT_SEND, sender, severity, since)
        .value(format!("{} tries in a row failed; the newest: {error}", row.failures))
        .limit("alerts that reach people")
        .next(format!("mend what the reason names, then: firn alert test --sender {sender}; it goes on by itself"))
}

fn unreached(sender: &'static str, teller: Option<&TellerRow>) -> Option<Finding> {
    let row = teller?;
    let (but, since) = (row.error.as_ref()?, row.last_sent.unwrap_or(row.since));
    let finding = Finding::new(CANNOT_SEND, sender, Severity::Warning, since)
        .value(format!("the last message did not reach everybody: {but}"))
        .limit("alerts that reach everybody who is named")
        .next(format!("mend [alert] {sender}_to or the server, then: firn alert test --sender {sender}"));
    Some(finding)
}

async fn pings(means: &Means, lease: &Lease, stop: &Stop, ping: &Ping) -> Result<(), StoreError> {
    let mut said = Said::default();
    while !stop.is_stopped() {
        match hold(means, lease).await? {
            Some(hold) => unless_lost(ping_round(means, hold, ping, &mut said).await)?,
            None => said = Said::default(),
        }
        pause(means, stop).await;
    }
    Ok(())
}

/// Pings when it is time to, unless there are senders of messages and none of them works: then nobody is told anything,
/// and who waits for the ping is to raise the alarm.
async fn ping_round(means: &Means, hold: Hold, ping: &Ping, said: &mut Said) -> Result<(), StoreError> {
    let (store, name) = (&means.store, Ping::NAME.to_owned());
    let rows = store.tellers().await?;
    let now = store.now().await?;
    let row = rows.iter().find(|row| row.sender == Ping::NAME);
    findings(means, Ping::NAME, row, now, said).await?;
    let works = |sender: &Arc<dyn Sender>| !rows.iter().any(|row| row.sender == sender.name() && row.failures > 0);
    let senders = &means.senders.messages;
    let heard = senders.is_empty() || senders.iter().any(works);
    let again = row.and_then(|row| row.next_try);
    let next = again.or_else(|| row.and_then(|row| row.last_sent).map(|at| at.plus(ping.every)));
    if !heard || next.is_some_and(|at| at > now) {
        return Ok(());
    }
    match ping.ping().await {
        Ok(()) => store.alert_sent(hold, name, None, None).await?,
        Err(e) => failed(means, hold, Ping::NAME, row, &e).await?,
    }
    let rows = store.tellers().await?;
    findings(means, Ping::NAME, rows.iter().find(|row| row.sender == Ping::NAME), now, said).await
}
