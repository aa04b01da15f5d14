//! Runs a worker again and again: what panics or errs is restarted with backoff, and says so until it is back.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::backoff::Backoff;
use crate::base::task;
use crate::base::{Clock, Stop, Time};

/// Waits between restarts.
pub const RESTART: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };

/// A worker that has run this long without failing starts its backoff anew.
const STEADY: Duration = Duration::from_mins(1);

/// How a worker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Running,
    /// It fell over and is started again at about this time.
    Stopped {
        /// Why.
        reason: String,
        /// Failures in a row.
        failures: u32,
        /// When it is started again.
        again: Time,
    },
    /// It has ended, as it should.
    Ended,
}

/// Runs what `start` makes until one of it ends well or `stop` is thrown. Each is given a switch of its own, so that
/// one that failed can be stopped without stopping its successor; `standing` always says how it is.
pub async fn supervise<F, E>(
    name: &'static str,
    clock: Clock,
    stop: Stop,
    standing: watch::Sender<Standing>,
    mut start: impl FnMut(Stop) -> F,
) where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let mut failures = 0;
    loop {
        standing.send_replace(Standing::Running);
        let began = clock.mono();
        let inner = Stop::new();
        let mut task = task::spawn(start(inner.clone()));
        let ended = tokio::select! {
            biased;
            () = stop.stopped() => {
                inner.stop();
                task.await
            }
            ended = &mut task => ended,
        };
        let reason = match ended {
            Ok(Ok(())) => break,
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        };
        if stop.is_stopped() {
            tracing::warn!(worker = name, reason, "the worker failed while it was being stopped");
            break;
        }
        failures = if clock.mono().since(began) >= STEADY { 1 } else { failures + 1 };
        let wait = RESTART.after(failures, 128);
        tracing::error!(
            worker = name,
            reason,
            failures,
            wait_s = wait.as_secs(),
            "the worker stopped; it is started again"
        );
        standing.send_replace(Standing::Stopped { reason, failures, again: clock.now().plus(wait) });
        tokio::select! {
            biased;
            () = stop.stopped() => break,
            () = clock.sleep(wait) => {}
        }
    }
    standing.send_replace(Standing::Ended);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn restarted_after_errors_and_panics_with_growing_waits() {
        let (clock, hand) = Clock::manual(Time::from_secs(0));
        let (standing, mut seen) = watch::channel(Standing::Running);
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let supervisor = task::spawn(supervise("test", clock, Stop::new(), standing, move |_| {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match n {
                    0 => Err("no disk".to_owned()),
                    1 => panic!("index 7 out of range"),
                    _ => Ok(()),
                }
            }
        }));
        for (reason, failures, wait) in [("no disk", 1, 1), ("it panicked: index 7 out of range", 2, 2)] {
            let stopped = seen.wait_for(|s| matches!(s, Standing::Stopped { failures: f, .. } if *f == failures)).await;
            let Standing::Stopped { reason: found, .. } = stopped.unwrap().clone() else { panic!("it stands") };
            assert_eq!(found, reason);
            tokio::task::yield_now().await;
            hand.advance(Duration::from_millis(wait * 1000 - 1));
            tokio::task::yield_now().await;
            assert_eq!(starts.load(Ordering::SeqCst), failures, "not before its time");
            hand.advance(Duration::from_millis(1));
        }
        supervisor.await.unwrap();
        assert_eq!(*seen.borrow(), Standing::Ended);
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_thrown_switch_ends_it_and_is_passed_on() {
        let (standing, seen) = watch::channel(Standing::Running);
        let stop = Stop::new();
        let supervisor = task::spawn(supervise("test", Clock::system(), stop.clone(), standing, |inner| async move {
            inner.stopped().await;
            Ok::<(), String>(())
        }));
        stop.stop();
        supervisor.await.unwrap();
        assert_eq!(*seen.borrow(), Standing::Ended);
    }
}
