//! The watch over several replicas, by several processes: one that hangs slows no other, and who cannot stop a replica
//! leaves it to who can.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firn::base::host::ProcessIdentity;
use firn::base::ids::SessionId;
use firn::base::{Stop, Time, task};
use firn::delay::connect::LinkError;
use firn::delay::freeze::danger::Facts;
use firn::delay::freeze::keeper::{Keeper, Kept};
use firn::delay::freeze::machine::Act;
use firn::delay::freeze::orders;
use firn::delay::freeze::sight::Sight;
use firn::delay::freeze::threads::{Threads, ThreadsError};
use firn::delay::freeze::watch::duty_of;
use firn::store::{NewSession, StoreError};

use super::kept::Site;
use super::machine::asked;
use super::support::waiting::{LONG, in_time};

async fn session(keeper: &Keeper) -> SessionId {
    let new =
        NewSession { process: ProcessIdentity::own(), kinds: "delay".to_owned(), lease: Duration::from_hours(10_000) };
    keeper.store.session_start(new).await.unwrap().id
}

type Running = task::JoinHandle<Result<(), StoreError>>;

fn watch<F>(keeper: &Keeper, session: SessionId, stop: &Stop, threads: F) -> Running
where
    F: Fn(&str) -> Result<Arc<dyn Threads>, String> + Send + Sync + 'static,
{
    task::spawn(keeper.clone().run(session, threads, stop.clone()))
}

/// A server that lets nobody come to an end.
struct Silent;

#[async_trait]
impl Threads for Silent {
    async fn look(&self, _: Time) -> Result<Sight, ThreadsError> {
        std::future::pending().await
    }
    async fn facts(&self) -> Result<Facts, ThreadsError> {
        std::future::pending().await
    }
    async fn perform(&self, _: &Act) -> Result<(), ThreadsError> {
        std::future::pending().await
    }
}

/// A server that does not let this host in.
struct Shut;

fn refused() -> ThreadsError {
    let (server, account) = ("db14:3306".to_owned(), "freezer".to_owned());
    LinkError::Refused { server, account, code: 1_045, why: "Access denied".to_owned(), mend: "" }.into()
}

#[async_trait]
impl Threads for Shut {
    async fn look(&self, _: Time) -> Result<Sight, ThreadsError> {
        Err(refused())
    }
    async fn facts(&self) -> Result<Facts, ThreadsError> {
        Err(refused())
    }
    async fn perform(&self, _: &Act) -> Result<(), ThreadsError> {
        Err(refused())
    }
}

impl Site {
    async fn open(&self) -> Kept {
        self.keeper.open_of("db14").await.unwrap().unwrap()
    }

    async fn wait(&self, what: &str, wanted: impl AsyncFn() -> bool) {
        in_time(LONG, what, async || {
            self.hand.advance(Duration::from_millis(200));
            wanted().await.then_some(())
        })
        .await;
    }

    /// What people are told, a line each.
    async fn told(&self) -> Vec<String> {
        let rows = self.keeper.store.notices().await.unwrap();
        rows.iter().map(|row| format!("{} {}: {}", row.severity, row.object, row.value)).collect()
    }

    async fn holder(&self) -> Option<SessionId> {
        self.keeper.store.duty(duty_of("db14")).await.unwrap().and_then(|duty| duty.owner)
    }
}

#[tokio::test]
async fn one_that_hangs_slows_no_other() {
    let site = Site::new();
    // The one that hangs comes first.
    let mut other = asked();
    other.replica = "db13".to_owned();
    site.keeper.begin(other).await.unwrap();
    site.keeper.begin(asked()).await.unwrap();
    let (stop, fake) = (Stop::new(), Arc::clone(&site.fake));
    let running = watch(&site.keeper, session(&site.keeper).await, &stop, move |name| {
        Ok(if name == "db14" { Arc::clone(&fake) as Arc<dyn Threads> } else { Arc::new(Silent) })
    });
    site.wait("db14 is frozen", async || site.is_frozen(&site.open().await)).await;
    for times in 1..=3 {
        site.fake.with(|world| world.sql = true);
        site.wait("it is stopped again", async || {
            site.open().await.record.restarts >= times && !site.fake.with(|world| world.sql)
        })
        .await;
    }
    stop.stop();
    running.await.unwrap().unwrap();
    assert_eq!(site.holder().await, None, "another process takes over at once");
}

#[tokio::test]
async fn a_process_without_an_account_leaves_it_to_one_that_has() {
    let site = Site::new();
    let other = site.other();
    site.keeper.begin(asked()).await.unwrap();
    let stop = Stop::new();
    let (here, there) = (session(&site.keeper).await, session(&other).await);
    let first =
        watch(&site.keeper, here, &stop, |name| Err(format!("{name} has no account that may stop its threads")));
    let alone = "CRITICAL db14: nobody watches that it stands: db14 has no account that may stop its threads";
    site.wait("nobody can, and people are told", async || site.told().await == [alone]).await;
    assert_eq!(site.holder().await, None);
    let fake = Arc::clone(&site.fake);
    let second = watch(&other, there, &stop, move |_| Ok(Arc::clone(&fake) as Arc<dyn Threads>));
    site.wait("db14 is frozen by the other", async || site.is_frozen(&site.open().await)).await;
    assert_eq!(site.holder().await, Some(there));
    // The first still tells, and of what the other one found.
    site.wait("people are told that it stands", async || {
        let told = site.told().await;
        told.len() == 1 && told[0].starts_with("WARNING db14: frozen since")
    })
    .await;
    // Resumed, nobody holds it, and nobody is told any more.
    other.order("db14", "anna", |record, now| orders::ask_resume(record, "anna", now)).await.unwrap();
    site.wait("all is over", async || site.told().await.is_empty() && site.holder().await.is_none()).await;
    stop.stop();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_that_is_not_let_in_lets_go() {
    let site = Site::new();
    let other = site.other();
    site.keeper.begin(asked()).await.unwrap();
    let stop = Stop::new();
    let (here, there) = (session(&site.keeper).await, session(&other).await);
    let first = watch(&site.keeper, here, &stop, |_| Ok(Arc::new(Shut) as Arc<dyn Threads>));
    site.wait("it lets go", async || {
        let told = site.told().await;
        told.first()
            .is_some_and(|told| told.starts_with("CRITICAL db14: nobody watches that it stands: db14:3306 refuses"))
    })
    .await;
    let fake = Arc::clone(&site.fake);
    let second = watch(&other, there, &stop, move |_| Ok(Arc::clone(&fake) as Arc<dyn Threads>));
    site.wait("db14 is frozen by the other", async || site.is_frozen(&site.open().await)).await;
    assert_eq!(site.holder().await, Some(there));
    stop.stop();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}
