//! Tasks and blocking work. Everything below the console that runs beside its caller is started here, so that a
//! [`World`](super::world::World) can put it in order: what a task of a world starts belongs to that world, and all else
//! is the runtime's, at no cost.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::world::{self, Op};

/// Why a task or a piece of blocking work gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It panicked with these words.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// It was dropped before its end, as at the end of its runtime.
    #[error("it was cancelled")]
    Cancelled,
}

/// A task that was started. Dropped, it lets the task go on by itself.
#[derive(Debug)]
pub struct JoinHandle<T>(Handle<T>);

#[derive(Debug)]
enum Handle<T> {
    Free(tokio::task::JoinHandle<T>),
    World(oneshot::Receiver<Result<T, JoinError>>, tokio::task::AbortHandle),
}

impl<T> JoinHandle<T> {
    pub(super) fn of_world(answer: oneshot::Receiver<Result<T, JoinError>>, abort: tokio::task::AbortHandle) -> Self {
        Self(Handle::World(answer, abort))
    }

    /// Ends the task where it stands, as soon as it can be.
    pub fn abort(&self) {
        match &self.0 {
            Handle::Free(task) => task.abort(),
            Handle::World(_, task) => task.abort(),
        }
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        match &self.0 {
            Handle::Free(task) => task.is_finished(),
            Handle::World(_, task) => task.is_finished(),
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.0 {
            Handle::Free(task) => ready!(Pin::new(task).poll(cx)).map_err(of_runtime),
            Handle::World(answer, _) => ready!(Pin::new(answer).poll(cx)).unwrap_or(Err(JoinError::Cancelled)),
        })
    }
}

fn of_runtime(error: tokio::task::JoinError) -> JoinError {
    error.try_into_panic().map_or(JoinError::Cancelled, |panic| JoinError::Panicked(said(&*panic)))
}

/// The words of a panic.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no words".to_owned())
}

/// Starts a task beside the caller: in the caller's world if it is in one.
#[allow(clippy::disallowed_methods)] // this is the place the rule points at
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match world::here() {
        Some(world) => world.spawn(task),
        None => JoinHandle(Handle::Free(tokio::spawn(task))),
    }
}

/// Work whose panic is an answer, as that of a task is: for whoever has to hear of it before it waits for the task.
pub async fn caught<T>(mut work: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Result<T, JoinError> {
    std::future::poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            // It is not polled again.
            Err(panic) => Poll::Ready(Err(JoinError::Panicked(said(&*panic)))),
        }
    })
    .await
}

/// Runs work that blocks on a thread for such, and waits for its answer. The caller's world stands still meanwhile.
#[allow(clippy::disallowed_methods)]
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let Some(op) = Op::begin() else { return tokio::task::spawn_blocking(work).await.map_err(of_runtime) };
    let (answer, answered) = oneshot::channel();
    drop(tokio::task::spawn_blocking(move || {
        let done = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| JoinError::Panicked(said(&*panic)));
        // Nobody waits any more when the asker was cancelled.
        let _ = answer.send(done);
        // Only now may the world go on: the asker has been woken.
        drop(op);
    }));
    world::answered(true, answered).await.unwrap_or(Err(JoinError::Cancelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn outside_a_world_it_is_the_runtimes() {
        assert_eq!(spawn(async { 7 }).await, Ok(7));
        assert_eq!(blocking(|| 8).await, Ok(8));
        let said = spawn(async { panic!("no {}", "disk") }).await.map(|(): ()| 0);
        assert_eq!(said, Err(JoinError::Panicked("no disk".to_owned())));
        assert_eq!(blocking(|| panic!("dust")).await.map(|(): ()| 0), Err(JoinError::Panicked("dust".to_owned())));
        assert_eq!(caught(Box::pin(async { 9 })).await, Ok(9));
        let said = caught(Box::pin(async { panic!("no {}", "wire") })).await.map(|(): ()| 0);
        assert_eq!(said, Err(JoinError::Panicked("no wire".to_owned())));
        let task = spawn(std::future::pending::<()>());
        task.abort();
        assert_eq!(task.await, Err(JoinError::Cancelled));
    }
}
