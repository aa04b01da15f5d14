//! The time that requests take, and what a client knows.

use tempfile::TempDir;

use super::sending::part_size;
use super::*;
use crate::base::clock::{Hand, Mono};
use crate::vault::fake::{Fault, Rules, Weather, Window};

const START: Time = Time::from_secs(1_700_000_000);

struct Site {
    _temp: TempDir,
    clock: Clock,
    hand: Hand,
    door: FakeVault,
}

fn site(rules: Rules, link: Link) -> Site {
    let temp = tempfile::Builder::new().prefix("firn-glacier").tempdir().unwrap();
    let shelf = Shelf::open(temp.path()).unwrap();
    let (clock, hand) = Clock::manual(START);
    let door = FakeVault::new("cold", clock.clone(), Glacier::new(Core::new(rules, START), shelf), link);
    Site { _temp: temp, clock, hand, door }
}

/// Runs transfers of `bytes` each about `subjects` at once, to the millisecond: when each ended, and what was told of
/// the first on its way.
async fn carried(site: &Site, op: Op, subjects: &[&str], bytes: u64) -> (Vec<Duration>, Vec<u64>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let start = site.clock.mono();
    let mut tasks: Vec<crate::base::task::JoinHandle<Mono>> = Vec::new();
    for (n, subject) in subjects.iter().enumerate() {
        let (door, subject, clock, told) = (site.door.clone(), (*subject).to_owned(), site.clock.clone(), told.clone());
        tasks.push(crate::base::task::spawn(async move {
            let tell = |bytes| {
                if n == 0 {
                    told.lock().unwrap().push(bytes);
                }
            };
            door.0.carry(op, &subject, bytes, tell).await;
            clock.mono()
        }));
    }
    while tasks.iter().any(|task| !task.is_finished()) {
        // Everybody is asleep after a turn of all: there is one thread.
        for _ in 0..subjects.len() * 2 + 2 {
            tokio::task::yield_now().await;
        }
        site.hand.advance(Duration::from_millis(1));
    }
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap().since(start));
    }
    let told = told.lock().unwrap().clone();
    (ended, told)
}

#[tokio::test]
async fn a_transfer_takes_its_base_and_its_bytes_and_tells_of_them_on_the_way() {
    let link = Link { base: Duration::from_millis(50), bytes_per_second: Some(8 << 20), ..Link::default() };
    let site = site(Rules::default(), link);
    let (ended, told) = carried(&site, Op::Post, &["a"], (4 << 20) + 3).await;
    assert_eq!(told.len(), 5);
    assert_eq!(told.iter().sum::<u64>(), (4 << 20) + 3);
    // 50 ms and half a second; each of the five waits ends at the next millisecond.
    let took = ended[0];
    assert!((550..=556).contains(&took.as_millis()), "{took:?}");
    let (ended, told) = carried(&site, Op::Status, &["a"], 0).await;
    assert_eq!((ended[0].as_millis(), told), (50, vec![0]));
}

#[tokio::test]
async fn transfers_at_once_end_one_after_the_other_and_the_same_way_again() {
    let link = Link { base: Duration::from_secs(1), bytes_per_second: None, jitter_percent: 50, ..Link::default() };
    let subjects = ["a", "b", "c", "d", "e"];
    let (ended, _) = carried(&site(Rules::default(), link), Op::Post, &subjects, 10).await;
    let mut times = ended.clone();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), subjects.len(), "{ended:?}");
    assert!(times[0] >= Duration::from_secs(1) && times[4] <= Duration::from_millis(1502), "{times:?}");
    let mut backwards = subjects;
    backwards.reverse();
    let (mut again, _) = carried(&site(Rules::default(), link), Op::Post, &backwards, 10).await;
    again.reverse();
    assert_eq!(again, ended);
}

#[tokio::test]
async fn slow_weather_slows_what_is_on_its_way_too() {
    let slow = Window {
        from: START.plus(Duration::from_secs(2)),
        until: START.plus(Duration::from_hours(1)),
        fault: Fault::Slow { factor: 3 },
    };
    let rules = Rules { weather: Weather { windows: vec![slow] }, ..Rules::default() };
    let link = Link { bytes_per_second: Some(1 << 20), ..Link::default() };
    let (ended, _) = carried(&site(rules, link), Op::Post, &["a"], 4 << 20).await;
    // Two seconds as usual, and two that take three each.
    assert!((8000..=8008).contains(&ended[0].as_millis()), "{ended:?}");
}

#[tokio::test]
async fn no_link_is_no_wait() {
    let site = site(Rules::default(), Link::default());
    let mut told = Vec::new();
    let carrying = async {
        let cell = Mutex::new(&mut told);
        site.door.0.carry(Op::Post, "a", 1 << 30, |bytes| cell.lock().unwrap().push(bytes)).await;
    };
    carrying.await;
    assert_eq!(told, [1 << 30]);
}

#[test]
fn an_archive_of_any_size_has_parts_that_the_service_takes() {
    for size in [1, 17 << 20, 100 << 30, 160_000 << 20, (160_000 << 20) + 1, PART_LIMIT * LARGEST_PART] {
        let part = part_size(size);
        assert!(part.is_power_of_two() && (16 * MIB..=LARGEST_PART).contains(&part), "{size}: {part}");
        assert!(size.div_ceil(part) <= PART_LIMIT, "{size}: {part}");
    }
    assert_eq!((part_size(160_000 << 20), part_size((160_000 << 20) + 1)), (16 * MIB, 32 * MIB));
}
