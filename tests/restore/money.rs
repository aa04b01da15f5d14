//! What reading costs: no more is set aside than is about to be sent, and what was not sent is given back.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use firn::base::ids::SessionId;
use firn::base::task::{self, JoinError, JoinHandle};
use firn::base::{Money, Stop};
use firn::restore::parts::Egress;
use firn::store::{PlanState, StoreError};
use firn::vault::{Result, VaultError};

use super::vaults::Watched;
use super::world::{HOST, World, same};

/// A file larger than what is paid for at a time.
const FILM: u64 = 150 << 20;
/// What is paid for at a time.
const AHEAD: u64 = 64 << 20;

/// A billionth of a dollar a byte.
fn priced() -> Egress {
    Arc::new(cost)
}

fn cost(bytes: u64) -> Money {
    Money::from_nanos(i64::try_from(bytes).unwrap())
}

fn film(root: &Path) {
    fs::File::create(root.join("film.mov")).unwrap().set_len(FILM).unwrap();
}

/// A vault whose third read of each `arm` tells that it is under way, and goes on when it is told to.
struct Halfway {
    vault: Arc<Watched>,
    armed: Arc<AtomicBool>,
    under_way: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

impl Halfway {
    fn of(world: &World) -> Self {
        let armed = Arc::new(AtomicBool::new(false));
        let ((tell, under_way), (go_on, told)) = (mpsc::channel(), mpsc::channel());
        let (order, told, reads) = (Arc::clone(&armed), Mutex::new(told), Mutex::new(0));
        let twist = move |read: Result<Vec<u8>>, _, _: &Range<u64>| {
            let mut reads = reads.lock().unwrap();
            *reads += 1;
            if *reads >= 3 && order.swap(false, Ordering::SeqCst) {
                *reads = 0;
                tell.send(()).unwrap();
                told.lock().unwrap().recv().unwrap();
            }
            read
        };
        Self { vault: Arc::new(Watched::twisted(Arc::clone(&world.vault), twist)), armed, under_way, go_on }
    }

    /// A delivery of the first part that there is, which has come to where the vault stops.
    async fn begun(&self, world: &World, session: SessionId) -> JoinHandle<std::result::Result<bool, StoreError>> {
        let part = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap().unwrap();
        let delivery = world.delivery(self.vault.clone(), session, priced(), Stop::new());
        self.armed.store(true, Ordering::SeqCst);
        let running = task::spawn(async move { delivery.deliver(part).await });
        self.under_way.recv().unwrap();
        running
    }

    fn sent(&self) -> u64 {
        self.vault.reads().iter().map(|(_, range)| range.end - range.start).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_is_killed_now_and_then_does_not_use_up_the_ceiling() {
    let world = World::backed_up(film).await;
    let wants = world.all("back").await;
    // Twice what one kill may cost beyond what is read, and not twice the whole.
    let plan = world.plan(&wants, cost(FILM + 2 * (AHEAD + (20 << 20)))).await;
    let halfway = Halfway::of(&world);
    for kill in 1..=2u64 {
        let session = world.session().await;
        let running = halfway.begun(&world, session).await;
        running.abort();
        halfway.go_on.send(()).unwrap();
        assert_eq!(running.await.map(drop), Err(JoinError::Cancelled));
        let spent = world.row(plan).await.spent;
        assert!(spent <= cost(kill * AHEAD) && spent >= cost(halfway.sent()), "{spent}");
        world.store.session_end(session).await.unwrap();
    }
    let session = world.session().await;
    let delivery = Arc::new(world.delivery(halfway.vault.clone(), session, priced(), Stop::new()));
    world.deliver_with(&delivery, session, 1).await;
    world.all_delivered(plan, 1).await;
    same(&world.photos(), &world.path("back"));
    let spent = world.row(plan).await.spent;
    assert!(spent >= cost(halfway.sent()) && spent <= cost(FILM + 2 * AHEAD), "{spent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_plan_that_is_cancelled_has_paid_for_what_was_sent() {
    let world = World::backed_up(film).await;
    let plan = world.plan(&world.all("back").await, cost(FILM)).await;
    let halfway = Halfway::of(&world);
    let session = world.session().await;
    let running = halfway.begun(&world, session).await;
    let told = world.store.plan_cancel(plan, "anna".to_owned()).await.unwrap();
    assert_eq!(told.spent, cost(AHEAD), "what is set aside is spent until more is known");
    halfway.go_on.send(()).unwrap();
    assert!(matches!(running.await.unwrap(), Err(StoreError::Stale { .. })));
    let row = world.row(plan).await;
    assert_eq!((row.state, row.spent), (PlanState::Cancelled, cost(halfway.sent())));
    assert_eq!(world.store.used("restore").await.unwrap().day, row.spent, "the rest is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_stopped_has_paid_for_what_was_sent_and_what_cannot_be_paid_to_its_end_is_not_begun() {
    let world = World::backed_up(film).await;
    let plan = world.plan(&world.all("back").await, cost(FILM + 1000)).await;
    let halfway = Halfway::of(&world);
    let session = world.session().await;
    let part = world.store.part_claim(session, HOST.to_owned(), None).await.unwrap().unwrap();
    let stop = Stop::new();
    let delivery = Arc::new(world.delivery(halfway.vault.clone(), session, priced(), stop.clone()));
    halfway.armed.store(true, Ordering::SeqCst);
    let running = task::spawn(async move { delivery.deliver(part).await });
    halfway.under_way.recv().unwrap();
    stop.stop();
    halfway.go_on.send(()).unwrap();
    assert!(!running.await.unwrap().unwrap());
    let sent = halfway.sent();
    assert_eq!(world.row(plan).await.spent, cost(sent));
    let delivery = Arc::new(world.delivery(halfway.vault.clone(), session, priced(), Stop::new()));
    world.deliver_with(&delivery, session, 1).await;
    assert_eq!((halfway.sent(), world.row(plan).await.spent), (sent, cost(sent)));
    let why = format!(
        "reading on costs {} and {} of the plan's ceiling of {} is spent or held; a supplement plan prices it anew",
        cost(FILM),
        cost(sent),
        cost(FILM + 1000)
    );
    assert_eq!(world.reason(plan, "film.mov").await, why);
}

/// A service bills what it sent before the connection broke.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_came_before_a_read_broke_off_is_paid_for() {
    let small = |root: &Path| fs::File::create(root.join("film.mov")).unwrap().set_len(10 << 20).unwrap();
    let (whole, got) = (10 << 20, 3 << 20);
    for (error, came) in [
        (
            VaultError::BrokenOff {
                vault: "cold".to_owned(),
                start: 0,
                got,
                wanted: 4 << 20,
                detail: "timed out".to_owned(),
            },
            got,
        ),
        // Who does not know how much came says nothing of it: then it was all of it.
        (VaultError::Internal { vault: "cold".to_owned(), detail: "a task fell over".to_owned() }, 4 << 20),
        (
            VaultError::Unavailable {
                vault: "cold".to_owned(),
                code: "ThrottlingException",
                detail: "later".to_owned(),
            },
            0,
        ),
    ] {
        let world = World::backed_up(small).await;
        let plan = world.plan(&world.all("back").await, cost(20 << 20)).await;
        let (text, error) = (error.to_string(), Mutex::new(Some(error)));
        let twist = move |read: Result<Vec<u8>>, number, _: &Range<u64>| match error.lock().unwrap().take() {
            Some(error) if number == 0 => Err(error),
            _ => read,
        };
        let session = world.session().await;
        let vault = Arc::new(Watched::twisted(Arc::clone(&world.vault), twist));
        let delivery = Arc::new(world.delivery(vault, session, priced(), Stop::new()));
        world.deliver_with(&delivery, session, 1).await;
        world.all_delivered(plan, 1).await;
        assert_eq!(world.row(plan).await.spent, cost(whole + came), "{text}");
    }
    let broken =
        VaultError::BrokenOff { vault: "cold".to_owned(), start: 7, got, wanted: 9, detail: "reset".to_owned() };
    let text = "the vault cold broke off after 3145728 of 9 bytes of a job's output, from byte 7: reset; nothing of them is used";
    assert_eq!(broken.to_string(), text);
}
