//! What holds for every world: turns, operations, ends.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex as Lock, Notify, mpsc};

use super::*;
use crate::base::clock::{Clock, Hand};
use crate::base::task::{blocking, spawn};
use crate::base::{Time, random};

/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

/// Wakes sleepers, one by one, until `span` has passed.
fn step(world: &World, clock: &Clock, hand: &Hand, span: Duration) {
    let limit = clock.mono().plus(span);
    loop {
        assert!(world.at_rest(PATIENCE), "the world does not come to rest");
        if !hand.wake_next(limit) {
            hand.move_to(limit);
            return;
        }
    }
}

/// What a task of a random program does.
#[derive(Debug, Clone)]
enum Do {
    Sleep(u64),
    Notify(usize),
    NotifyAll(usize),
    Wait(usize, u64),
    Lock(usize, u64),
    Send(usize),
    Receive(usize, u64),
    Operate(u64),
    Yield,
    Draw,
    Spawn(Vec<Do>),
    SpawnAndJoin(Vec<Do>),
}

fn what() -> impl Strategy<Value = Do> {
    let leaf = prop_oneof![
        (0u64..6).prop_map(Do::Sleep),
        (0usize..2).prop_map(Do::Notify),
        (0usize..2).prop_map(Do::NotifyAll),
        (0usize..2, 1u64..6).prop_map(|(n, most)| Do::Wait(n, most)),
        (0usize..2, 0u64..4).prop_map(|(n, held)| Do::Lock(n, held)),
        (0usize..2).prop_map(Do::Send),
        (0usize..2, 1u64..6).prop_map(|(n, most)| Do::Receive(n, most)),
        (0u64..300).prop_map(Do::Operate),
        Just(Do::Yield),
        Just(Do::Draw),
    ];
    leaf.prop_recursive(2, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..6).prop_map(Do::Spawn),
            prop::collection::vec(inner, 1..6).prop_map(Do::SpawnAndJoin),
        ]
    })
}

struct Shared {
    clock: Clock,
    words: [Notify; 2],
    locks: [Lock<u64>; 2],
    out: [mpsc::Sender<u64>; 2],
    inbox: [Lock<mpsc::Receiver<u64>>; 2],
    trace: Mutex<Vec<(Time, u64, String)>>,
    names: AtomicUsize,
}

impl Shared {
    fn say(&self, who: u64, what: impl Into<String>) {
        self.trace.lock().unwrap().push((self.clock.now(), who, what.into()));
    }
}

fn play(shared: Arc<Shared>, program: Vec<Do>) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        let me = shared.names.fetch_add(1, Ordering::SeqCst) as u64;
        for what in program {
            let said = format!("{what:?}");
            let ms = Duration::from_millis;
            let end = match what {
                Do::Sleep(n) => {
                    shared.clock.sleep(ms(n)).await;
                    0
                }
                Do::Notify(n) => {
                    shared.words[n].notify_one();
                    0
                }
                Do::NotifyAll(n) => {
                    shared.words[n].notify_waiters();
                    0
                }
                Do::Wait(n, most) => tokio::select! {
                    biased;
                    () = shared.words[n].notified() => 1,
                    () = shared.clock.sleep(ms(most)) => 2,
                },
                Do::Lock(n, held) => {
                    let mut count = shared.locks[n].lock().await;
                    shared.clock.sleep(ms(held)).await;
                    *count += 1;
                    *count
                }
                Do::Send(n) => u64::from(shared.out[n].try_send(me).is_ok()),
                Do::Receive(n, most) => {
                    let mut inbox = shared.inbox[n].lock().await;
                    tokio::select! {
                        biased;
                        from = inbox.recv() => 100 + from.unwrap(),
                        () = shared.clock.sleep(ms(most)) => 99,
                    }
                }
                Do::Operate(spins) => {
                    // Takes another real time each run; in the world it takes none.
                    blocking(move || (0..spins * 50).fold(0u64, |a, b| std::hint::black_box(a ^ b))).await.unwrap()
                }
                Do::Yield => {
                    give_way().await;
                    0
                }
                Do::Draw => u64::from_le_bytes(random::bytes().unwrap()),
                Do::Spawn(program) => {
                    drop(spawn(play(Arc::clone(&shared), program)));
                    0
                }
                Do::SpawnAndJoin(program) => spawn(play(Arc::clone(&shared), program)).await.unwrap(),
            };
            shared.say(me, format!("{said} -> {end}"));
        }
        me
    })
}

/// To the back of the line. (The runtime's own `yield_now` wakes when its worker sees fit.)
async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn trace(threads: usize, seed: u64, programs: &[Vec<Do>]) -> Vec<(Time, u64, String)> {
    let runtime = runtime(threads);
    let world = World::new(runtime.handle().clone(), seed);
    let (clock, hand) = Clock::manual(Time::from_secs(0));
    let ((a, from_a), (b, from_b)) = (mpsc::channel(4), mpsc::channel(4));
    let shared = Arc::new(Shared {
        clock: clock.clone(),
        words: Default::default(),
        locks: Default::default(),
        out: [a, b],
        inbox: [Lock::new(from_a), Lock::new(from_b)],
        trace: Mutex::default(),
        names: AtomicUsize::new(0),
    });
    for program in programs {
        drop(world.spawn(play(Arc::clone(&shared), program.clone())));
    }
    world.release();
    step(&world, &clock, &hand, Duration::from_secs(5));
    assert!(world.lock().tasks.is_empty(), "every program ends");
    shared.trace.lock().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_same_on_any_number_of_threads(seed: u64, programs in prop::collection::vec(prop::collection::vec(what(), 1..10), 1..8)) {
        let one = trace(1, seed, &programs);
        for threads in [1, 4, 4, 3] {
            prop_assert_eq!(&trace(threads, seed, &programs), &one);
        }
    }
}

#[test]
fn nobody_runs_before_it_is_released_and_then_in_the_order_of_starting() {
    let runtime = runtime(4);
    let world = World::new(runtime.handle().clone(), 0);
    let order = Arc::new(Mutex::new(Vec::new()));
    for n in 0..50 {
        let order = Arc::clone(&order);
        drop(world.spawn(async move { order.lock().unwrap().push(n) }));
    }
    assert!(world.at_rest(PATIENCE) && order.lock().unwrap().is_empty());
    world.release();
    assert!(world.at_rest(PATIENCE));
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[test]
fn an_operation_keeps_the_turn_and_the_clock_waits_for_it() {
    let runtime = runtime(4);
    let world = World::new(runtime.handle().clone(), 0);
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (Arc::clone(&order), Arc::clone(&order));
    drop(world.spawn(async move {
        blocking(move || opened.recv().unwrap()).await.unwrap();
        first.lock().unwrap().push("operated");
    }));
    drop(world.spawn(async move { second.lock().unwrap().push("second") }));
    world.release();
    assert!(!world.at_rest(Duration::from_millis(50)), "an operation is under way");
    assert!(order.lock().unwrap().is_empty(), "the second one waits for its turn");
    gate.send(()).unwrap();
    assert!(world.at_rest(PATIENCE));
    assert_eq!(*order.lock().unwrap(), ["operated", "second"]);
}

#[test]
fn an_operation_that_nobody_waits_for_any_more_is_waited_for_all_the_same() {
    let runtime = runtime(2);
    let world = World::new(runtime.handle().clone(), 0);
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let ended = Arc::new(AtomicUsize::new(0));
    let (done, seen) = (Arc::clone(&ended), Arc::clone(&ended));
    let follower = Arc::new(AtomicUsize::new(usize::MAX));
    let told = Arc::clone(&follower);
    drop(world.spawn(async move {
        let work = blocking(move || {
            opened.recv().unwrap();
            done.store(1, Ordering::SeqCst);
        });
        // Begun, and given up: this task is over before its operation.
        tokio::select! {
            biased;
            _ = work => {}
            () = std::future::ready(()) => {}
        }
    }));
    drop(world.spawn(async move { told.store(seen.load(Ordering::SeqCst), Ordering::SeqCst) }));
    world.release();
    assert!(!world.at_rest(Duration::from_millis(50)));
    gate.send(()).unwrap();
    assert!(world.at_rest(PATIENCE));
    assert_eq!(follower.load(Ordering::SeqCst), 1, "who comes next sees what it did");
}

#[test]
fn panics_and_aborts_pass_the_turn_on_and_are_told() {
    let runtime = runtime(2);
    let world = World::new(runtime.handle().clone(), 0);
    let notify = Arc::new(Notify::new());
    let falls = world.spawn(async { panic!("index {} out of range", 7) });
    let waits = {
        let notify = Arc::clone(&notify);
        world.spawn(async move { notify.notified().await })
    };
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let (tell, begun) = std::sync::mpsc::channel::<()>();
    let blocks = world.spawn(async move {
        let work = move || {
            tell.send(()).unwrap();
            opened.recv().is_ok()
        };
        blocking(work).await
    });
    let last = world.spawn(async { 5 });
    // Aborted before it ever ran, standing in line.
    let never = world.spawn(async { panic!("it was aborted") });
    never.abort();
    world.release();
    begun.recv_timeout(PATIENCE).unwrap();
    assert!(!world.at_rest(Duration::from_millis(50)));
    // Aborted while it holds the turn.
    blocks.abort();
    gate.send(()).unwrap();
    assert!(world.at_rest(PATIENCE));
    waits.abort();
    runtime.block_on(async {
        assert_eq!(falls.await, Err::<(), _>(JoinError::Panicked("index 7 out of range".to_owned())));
        assert_eq!(waits.await, Err(JoinError::Cancelled));
        assert_eq!(blocks.await, Err(JoinError::Cancelled));
        assert_eq!(never.await, Err::<(), _>(JoinError::Cancelled));
        assert_eq!(last.await, Ok(5));
    });
    notify.notify_waiters();
    assert!(world.at_rest(PATIENCE));
    // Who waits for an aborted task hears of it a moment before its place is free.
    let mut looks = 0..1_000_000;
    assert!(looks.any(|_| {
        std::thread::yield_now();
        world.lock().tasks.is_empty()
    }));
    // It goes on.
    let more = world.spawn(async { 6 });
    assert_eq!(runtime.block_on(more), Ok(6));
}

#[test]
fn a_word_from_outside_is_heard_and_a_held_world_is_at_rest() {
    let runtime = runtime(2);
    let world = World::new(runtime.handle().clone(), 0);
    let (send, mut receive) = mpsc::unbounded_channel::<u32>();
    let sum = world.spawn(async move {
        let mut sum = 0;
        while let Some(n) = receive.recv().await {
            sum += n;
        }
        sum
    });
    world.release();
    for n in 0..100 {
        send.send(n).unwrap();
    }
    assert!(world.at_rest(PATIENCE));
    world.hold();
    drop(send);
    assert!(world.at_rest(PATIENCE) && !sum.is_finished());
    world.release();
    assert_eq!(runtime.block_on(sum), Ok(4950));
}

#[test]
fn the_end_of_its_runtime_ends_a_world() {
    let runtime = runtime(2);
    let world = World::new(runtime.handle().clone(), 0);
    let held = Arc::new(());
    for _ in 0..10 {
        let held = Arc::clone(&held);
        drop(world.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        }));
    }
    world.release();
    assert!(world.at_rest(PATIENCE));
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1, "what the tasks held is given back");
    assert!(world.at_rest(PATIENCE) && world.lock().tasks.is_empty());
}

#[test]
fn a_group_is_killed_with_all_that_it_started_and_nobody_else() {
    let runtime = runtime(4);
    let world = World::new(runtime.handle().clone(), 0);
    let (clock, hand) = Clock::manual(Time::from_secs(0));
    let beats: Arc<[AtomicUsize; 3]> = Arc::default();
    let beat = |who: usize| {
        let (clock, beats) = (clock.clone(), Arc::clone(&beats));
        async move {
            loop {
                clock.sleep(Duration::from_secs(1)).await;
                beats[who].fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let (child, lone) = (beat(1), beat(2));
    let parent = beat(0);
    let group = world.spawn_apart(async move {
        // A grandchild.
        drop(spawn(async move { drop(spawn(child)) }));
        parent.await;
    });
    drop(world.spawn(lone));
    let sleeper = clock.clone();
    drop(world.spawn(async move {
        sleeper.sleep(Duration::from_millis(5500)).await;
        group.kill();
    }));
    world.release();
    step(&world, &clock, &hand, Duration::from_secs(10));
    assert_eq!(beats.each_ref().map(|n| n.load(Ordering::SeqCst)), [5, 5, 10]);
}

#[test]
fn one_seed_one_stream() {
    let runtime = runtime(1);
    let draw = |seed| {
        let world = World::new(runtime.handle().clone(), seed);
        let drawn = world.spawn(async { (random::bytes::<16>().unwrap(), random::bytes::<3>().unwrap()) });
        world.release();
        runtime.block_on(drawn).unwrap()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}
