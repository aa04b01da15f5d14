//! A world: tasks that take turns, so that what they do depends on nothing but what they are and what their clock says.
//!
//! A task of a world is polled only while it holds the world's one turn. Who is woken gets in line, in the order of the
//! wakes; since only the holder of the turn runs, that order is the same on one thread and on eight. A holder that
//! waits for an operation (a call of the state database, blocking work) keeps its turn until the operation has ended, so that
//! the time an operation really takes orders nothing. When nobody holds the turn and nobody stands in line, the world is
//! at rest, and whoever moves its clock may wake one sleeper.
//!
//! `tokio::task::yield_now` has no place in a world: the runtime wakes its caller when its worker sees fit.
//!
//! What comes from outside (a test, an operator's key) may wake tasks at any time; it gets in line like the others.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::task::coop::{Unconstrained, unconstrained};

use super::task::{JoinError, JoinHandle, said};

thread_local! {
    /// The task that this thread is polling, and its world.
    static HERE: RefCell<Option<(World, u64)>> = const { RefCell::new(None) };
}

/// The world of the task that is being polled on this thread.
pub fn here() -> Option<World> {
    HERE.with_borrow(|here| here.as_ref().map(|(world, _)| world.clone()))
}

/// Tasks that take turns.
#[derive(Debug, Clone)]
pub struct World(Arc<Core>);

#[derive(Debug)]
struct Core {
    runtime: Handle,
    state: Mutex<State>,
    rest: Condvar,
}

#[derive(Debug)]
struct State {
    /// Nobody is given the turn.
    held: bool,
    next: u64,
    next_group: u64,
    holder: Option<u64>,
    line: VecDeque<u64>,
    tasks: BTreeMap<u64, Task>,
    random: u64,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each says one thing, in nearly any combination
struct Task {
    /// Who goes together: a task is of the group of the one that started it.
    group: u64,
    /// Ends it.
    abort: Option<AbortHandle>,
    /// Has the runtime poll it.
    waker: Option<Waker>,
    /// Stands in line.
    queued: bool,
    /// May be polled.
    turn: bool,
    /// Is being polled.
    polling: bool,
    /// Was woken while it was being polled.
    woken: bool,
    /// Began an operation in this poll.
    began: bool,
    /// Operations that have not ended.
    ops: u32,
    /// Came to its end; its last operations did not.
    ended: bool,
}

/// What a task does after a poll that gave no answer.
enum Then {
    /// Is polled once more at once.
    Again,
    /// Waits.
    Later,
}

impl World {
    /// A world whose tasks run on `runtime` and draw what is random from `seed`. It is held until [`World::release`]:
    /// tasks that are started before get in line.
    pub fn new(runtime: Handle, seed: u64) -> Self {
        let (line, tasks) = (VecDeque::new(), BTreeMap::new());
        let state = State { held: true, next: 0, next_group: 1, holder: None, line, tasks, random: seed };
        Self(Arc::new(Core { runtime, state: Mutex::new(state), rest: Condvar::new() }))
    }

    /// Lets its tasks run.
    pub fn release(&self) {
        let mut state = self.lock();
        state.held = false;
        let woken = self.pass(&mut state);
        drop(state);
        wake(woken);
    }

    /// No task is given the turn any more; whoever has it keeps it to its end.
    pub fn hold(&self) {
        self.lock().held = true;
        self.0.rest.notify_all();
    }

    /// Starts a task. It gets in line.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.start(None, task)
    }

    /// Starts a task that forms a group with all that it starts, and they in turn: as a process, it can be killed.
    pub fn spawn_apart<F>(&self, task: F) -> Group
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let group = {
            let mut state = self.lock();
            state.next_group += 1;
            state.next_group
        };
        drop(self.start(Some(group), task));
        Group { world: self.clone(), group }
    }

    fn start<F>(&self, group: Option<u64>, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let starter = HERE.with_borrow(|here| here.as_ref().map(|(_, id)| *id));
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        let starter = starter.and_then(|starter| state.tasks.get(&starter)).map_or(0, |starter| starter.group);
        state.tasks.insert(id, Task { queued: true, group: group.unwrap_or(starter), ..Task::default() });
        state.line.push_back(id);
        let woken = self.pass(&mut state);
        drop(state);
        wake(woken);
        let (answer, answered) = oneshot::channel();
        let turns = Turns {
            world: self.clone(),
            id,
            waker: Waker::from(Arc::new(Call { world: self.clone(), id })),
            task: Some(unconstrained(Box::pin(task))),
            answer: Some(answer),
        };
        let abort = self.0.runtime.spawn(turns).abort_handle();
        if let Some(task) = self.lock().tasks.get_mut(&id) {
            task.abort = Some(abort.clone());
        }
        JoinHandle::of_world(answered, abort)
    }

    /// Blocks until the world is at rest: nobody runs, nobody stands in line, no operation is under way. Whether it is,
    /// or `patience` has run out.
    pub fn at_rest(&self, patience: Duration) -> bool {
        let busy = |state: &mut State| !state.is_at_rest();
        let state = self.lock();
        let waited = self.0.rest.wait_timeout_while(state, patience, busy).unwrap_or_else(PoisonError::into_inner);
        !waited.1.timed_out()
    }

    /// The next eight bytes of the world's random stream (`SplitMix64`, Steele et al. 2014).
    pub fn draw(&self) -> u64 {
        let mut state = self.lock();
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(state.random)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turn to the first in line, if nobody has it. Who is to be woken once the lock is given back: waking may
    /// drop a task, and that locks.
    fn pass(&self, state: &mut State) -> Option<Waker> {
        if state.held || state.holder.is_some() {
            return None;
        }
        while let Some(id) = state.line.pop_front() {
            // One that has been dropped leaves its place behind.
            let Some(task) = state.tasks.get_mut(&id) else { continue };
            task.queued = false;
            task.turn = true;
            state.holder = Some(id);
            return task.waker.clone();
        }
        self.0.rest.notify_all();
        None
    }

    /// Somebody wakes a task: it gets in line, once.
    fn call(&self, id: u64) {
        let mut state = self.lock();
        let holds = state.holder == Some(id);
        let Some(task) = state.tasks.get_mut(&id).filter(|task| !task.ended) else { return };
        if holds {
            task.woken = true;
        } else if !task.queued {
            task.queued = true;
            state.line.push_back(id);
        }
        let woken = self.pass(&mut state);
        drop(state);
        wake(woken);
    }

    /// Takes the turn up, if it is this task's.
    fn begin(&self, id: u64, waker: &Waker) -> bool {
        let mut state = self.lock();
        let Some(task) = state.tasks.get_mut(&id) else { return false };
        if task.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            task.waker = Some(waker.clone());
        }
        if !std::mem::take(&mut task.turn) {
            return false;
        }
        task.polling = true;
        (task.began, task.woken) = (false, false);
        true
    }

    /// A poll gave no answer.
    fn pause(&self, id: u64) -> Then {
        let mut state = self.lock();
        let Some(task) = state.tasks.get_mut(&id) else { return Then::Later };
        // Whether its operation ended before this or ends after it: it is polled again in the same turn.
        if task.began && task.ops == 0 {
            (task.began, task.woken) = (false, false);
            return Then::Again;
        }
        task.polling = false;
        if task.ops > 0 {
            return Then::Later;
        }
        if task.woken {
            task.queued = true;
            state.line.push_back(id);
        }
        state.holder = None;
        let woken = self.pass(&mut state);
        drop(state);
        wake(woken);
        Then::Later
    }

    /// A task is over, however it came to that.
    fn end(&self, id: u64) {
        let mut state = self.lock();
        let holds = state.holder == Some(id);
        let Some(task) = state.tasks.get_mut(&id) else { return };
        (task.ended, task.polling) = (true, false);
        if task.ops > 0 && holds {
            return;
        }
        let task = state.tasks.remove(&id);
        if holds {
            state.holder = None;
        }
        let woken = self.pass(&mut state);
        drop(state);
        drop(task);
        wake(woken);
    }

    fn op_ended(&self, id: u64) {
        let mut state = self.lock();
        let holds = state.holder == Some(id);
        let Some(task) = state.tasks.get_mut(&id) else { return };
        task.ops -= 1;
        if task.ops > 0 || task.polling || !holds {
            return;
        }
        let (woken, gone) = if task.ended {
            let gone = state.tasks.remove(&id);
            state.holder = None;
            (self.pass(&mut state), gone)
        } else {
            task.turn = true;
            (task.waker.clone(), None)
        };
        drop(state);
        drop(gone);
        wake(woken);
    }
}

impl State {
    fn is_at_rest(&self) -> bool {
        self.holder.is_none() && (self.held || self.line.is_empty())
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Spreads a number over 64 bits: the finalizer of `SplitMix64`.
pub fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Tasks that go together.
#[derive(Debug)]
pub struct Group {
    world: World,
    group: u64,
}

impl Group {
    /// Ends all of its tasks where they stand, as a power cut does: none is polled again. Whoever calls this is of
    /// another group.
    pub fn kill(&self) {
        let mut gone = Vec::new();
        {
            let mut state = self.world.lock();
            let ids: Vec<u64> =
                state.tasks.iter().filter(|(_, task)| task.group == self.group).map(|(id, _)| *id).collect();
            for id in ids {
                // One that has the turn gives it back as it is dropped.
                let holds = state.holder == Some(id);
                let abort = state.tasks.get(&id).and_then(|task| task.abort.clone());
                gone.push((abort, if holds { None } else { state.tasks.remove(&id) }));
            }
        }
        for (abort, _) in &gone {
            if let Some(abort) = abort {
                abort.abort();
            }
        }
    }
}

/// An operation that a task waits for: as long as it is not dropped, its task keeps its turn. It may be dropped
/// anywhere; who answers the task drops it after the answer.
#[derive(Debug)]
pub struct Op {
    world: World,
    task: u64,
}

impl Op {
    /// Begins an operation of the task that is being polled; nothing outside a world.
    pub fn begin() -> Option<Self> {
        let (world, task) = HERE.with_borrow(Clone::clone)?;
        if let Some(task) = world.lock().tasks.get_mut(&task) {
            task.ops += 1;
            task.began = true;
        }
        Some(Self { world, task })
    }
}

/// Waits for the answer of an operation that was begun. In a world it never comes at once, however fast the operation
/// was: else what its task does next would be done now in one run, and in another after its next poll.
pub async fn answered<T>(op: bool, answer: oneshot::Receiver<T>) -> Option<T> {
    let mut waits = op;
    std::future::poll_fn(|_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }).await;
    answer.await.ok()
}

impl Drop for Op {
    fn drop(&mut self) {
        self.world.op_ended(self.task);
    }
}

/// Wakes a task of a world.
struct Call {
    world: World,
    id: u64,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.world.call(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.world.call(self.id);
    }
}

/// A task that is polled in its turn only.
struct Turns<F: Future> {
    world: World,
    id: u64,
    waker: Waker,
    /// The runtime's budget would have it yield, at a place that depends on the thread: not here.
    task: Option<Unconstrained<Pin<Box<F>>>>,
    answer: Option<oneshot::Sender<Result<F::Output, JoinError>>>,
}

impl<F: Future> Future for Turns<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(task) = this.task.as_mut() else { return Poll::Ready(()) };
        if !this.world.begin(this.id, cx.waker()) {
            return Poll::Pending;
        }
        let here = Here::enter(&this.world, this.id);
        let mut inner = Context::from_waker(&this.waker);
        let answer = loop {
            match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut *task).poll(&mut inner))) {
                Ok(Poll::Ready(answer)) => break Ok(answer),
                Ok(Poll::Pending) => match this.world.pause(this.id) {
                    Then::Again => {}
                    Then::Later => return Poll::Pending,
                },
                Err(panic) => break Err(JoinError::Panicked(said(&*panic))),
            }
        };
        // What it held is given back, and who waits for it is woken, before the turn goes on.
        this.task = None;
        if let Some(waiting) = this.answer.take() {
            // Nobody may be waiting.
            let _ = waiting.send(answer);
        }
        drop(here);
        this.world.end(this.id);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Turns<F> {
    /// Aborted, or its runtime has ended.
    fn drop(&mut self) {
        self.task = None;
        self.answer = None;
        self.world.end(self.id);
    }
}

/// Says which task this thread polls, as long as it does.
struct Here(Option<(World, u64)>);

impl Here {
    fn enter(world: &World, id: u64) -> Self {
        Self(HERE.replace(Some((world.clone(), id))))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.set(self.0.take());
    }
}

#[cfg(test)]
mod tests;
