//! What goes wrong at the service, on a schedule: data, and a rule that reads it.

use std::time::Duration;

use super::draw::Draw;
use crate::base::Time;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One request in so many is refused with `ThrottlingException` (1: each).
    Throttle {
        /// In how many.
        one_in: u32,
    },
    /// One request in so many takes effect, and its reply never comes (1: each).
    LostReply {
        /// In how many.
        one_in: u32,
    },
    /// Every request is refused with `ServiceUnavailableException`.
    Outage,
    /// Everything takes so many times as long.
    Slow {
        /// How many times.
        factor: u32,
    },
    /// One archive or part in so many is kept rightly and confirmed with another hash (1: each).
    CorruptReply {
        /// In how many.
        one_in: u32,
    },
    /// Expedited retrievals are refused with `InsufficientCapacityException`.
    NoExpedited,
    /// One job in so many that end comes to nothing (1: each).
    FailedJob {
        /// In how many.
        one_in: u32,
    },
    /// The connection ends in the middle of one output in so many (1: each).
    CutOutput {
        /// In how many.
        one_in: u32,
    },
    /// Of one job in so many that end nothing is told (1: of each).
    LostMessage {
        /// In how many.
        one_in: u32,
    },
    /// One message in so many is in the queue twice (1: each).
    DoubledMessage {
        /// In how many.
        one_in: u32,
    },
    /// One message in so many comes late (1: each).
    LateMessage {
        /// In how many.
        one_in: u32,
        /// By how much.
        by: Duration,
    },
}

/// A fault and when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From then.
    pub from: Time,
    /// Until before then.
    pub until: Time,
    /// What.
    pub fault: Fault,
}

/// A schedule of faults. They may overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weather {
    /// Faults with their times, in any order.
    pub windows: Vec<Window>,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // faults are independent of each other
pub(super) struct Fate {
    /// It is refused: the service is out.
    pub(super) out: bool,
    /// It is refused: too many requests.
    pub(super) throttled: bool,
    /// Its reply never comes.
    pub(super) lost: bool,
    /// The hash in its reply is another one.
    pub(super) corrupt: bool,
    /// There is no capacity for expedited retrievals.
    pub(super) no_expedited: bool,
    /// The connection ends in the middle of the output: at this byte, modulo how many there are.
    pub(super) cut: Option<u64>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Posted {
    /// It is not sent.
    pub(super) lost: bool,
    /// It is sent twice.
    pub(super) doubled: bool,
    /// How late it comes.
    pub(super) late: Duration,
}

impl Weather {
    /// The faults that hold at a time, each with its place in the list.
    fn at(&self, now: Time) -> impl Iterator<Item = (usize, Fault)> {
        let holds = move |window: &Window| window.from <= now && now < window.until;
        self.windows.iter().enumerate().filter(move |(_, window)| holds(window)).map(|(at, window)| (at, window.fault))
    }

    /// How many times as long everything takes.
    pub fn slowness(&self, now: Time) -> u32 {
        let factor = |fault| if let Fault::Slow { factor } = fault { factor.max(1) } else { 1 };
        self.at(now).fold(1, |slowness: u32, (_, fault)| slowness.saturating_mul(factor(fault)))
    }

    /// What becomes of the `turn`-th request of kind `op` about `subject`.
    pub(super) fn fate(&self, now: Time, seed: u64, op: &str, subject: &str, turn: u32) -> Fate {
        let mut fate = Fate::default();
        for (at, fault) in self.at(now) {
            let hits = |word, one_in| hits(seed, word, at, op, subject, turn, one_in);
            match fault {
                Fault::Throttle { one_in } => fate.throttled |= hits("throttle", one_in),
                Fault::LostReply { one_in } => fate.lost |= hits("lost", one_in),
                Fault::CorruptReply { one_in } => fate.corrupt |= hits("corrupt", one_in),
                Fault::Outage => fate.out = true,
                Fault::NoExpedited => fate.no_expedited = true,
                Fault::CutOutput { one_in } if hits("cut", one_in) => {
                    fate.cut = Some(Draw::new(seed, &["cut at", op, subject], u64::from(turn)).number());
                }
                Fault::CutOutput { .. }
                | Fault::Slow { .. }
                | Fault::FailedJob { .. }
                | Fault::LostMessage { .. }
                | Fault::DoubledMessage { .. }
                | Fault::LateMessage { .. } => {}
            }
        }
        fate
    }

    /// Whether a job that comes to its end at a time comes to nothing.
    pub(super) fn fails_job(&self, now: Time, seed: u64, job_id: &str) -> bool {
        self.at(now).any(|(at, fault)| match fault {
            Fault::FailedJob { one_in } => hits(seed, "failed", at, "end", job_id, 0, one_in),
            _ => false,
        })
    }

    /// What becomes of the `turn`-th message about a job that came to its end at a time.
    pub(super) fn posted(&self, now: Time, seed: u64, job_id: &str, turn: u32) -> Posted {
        let mut posted = Posted::default();
        for (at, fault) in self.at(now) {
            let hits = |word, one_in| hits(seed, word, at, "message", job_id, turn, one_in);
            match fault {
                Fault::LostMessage { one_in } => posted.lost |= hits("lost", one_in),
                Fault::DoubledMessage { one_in } => posted.doubled |= hits("doubled", one_in),
                Fault::LateMessage { one_in, by } if hits("late", one_in) => posted.late = posted.late.max(by),
                _ => {}
            }
        }
        posted
    }
}

/// Whether the fault at a place in the list hits. Each window draws for itself: two of one kind do not hit the same.
fn hits(seed: u64, word: &str, at: usize, op: &str, subject: &str, turn: u32, one_in: u32) -> bool {
    Draw::new(seed, &["weather", word, &at.to_string(), op, subject], u64::from(turn)).is_one_in(one_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, until: i64, fault: Fault) -> Window {
        Window { from: Time::from_secs(from), until: Time::from_secs(until), fault }
    }

    #[test]
    fn a_fault_holds_from_its_beginning_until_before_its_end() {
        let weather = Weather { windows: vec![window(10, 20, Fault::Outage), window(15, 30, Fault::NoExpedited)] };
        for (at, out, no_expedited) in
            [(9, false, false), (10, true, false), (15, true, true), (20, false, true), (30, false, false)]
        {
            let fate = weather.fate(Time::from_secs(at), 1, "post", "x", 0);
            assert_eq!((fate.out, fate.no_expedited), (out, no_expedited), "at {at}");
        }
    }

    #[test]
    fn slowness_multiplies_where_windows_overlap() {
        let slow = |from, until, factor| window(from, until, Fault::Slow { factor });
        let weather = Weather { windows: vec![slow(0, 10, 3), slow(5, 15, 4), slow(12, 13, 0)] };
        let at = |secs| weather.slowness(Time::from_secs(secs));
        assert_eq!([at(0), at(5), at(10), at(12), at(15)], [3, 12, 4, 4, 1]);
    }

    #[test]
    fn who_is_hit_is_decided_by_what_is_asked_and_how_often() {
        let weather = Weather { windows: vec![window(0, 10, Fault::LostReply { one_in: 4 })] };
        let lost =
            |secs, subject: u32, turn| weather.fate(Time::from_secs(secs), 1, "post", &subject.to_string(), turn).lost;
        let hit: Vec<u32> = (0..400).filter(|subject| lost(1, *subject, 0)).collect();
        assert!((60..140).contains(&hit.len()), "{}", hit.len());
        assert_eq!(hit, (0..400).filter(|subject| lost(9, *subject, 0)).collect::<Vec<_>>());
        assert!(hit.iter().any(|subject| !lost(1, *subject, 1)), "another try may pass");
    }

    #[test]
    fn two_windows_of_one_kind_do_not_hit_the_same_requests() {
        let lost = Fault::LostReply { one_in: 4 };
        let hits = |windows: Vec<Window>| {
            let weather = Weather { windows };
            let hit = |subject: &u32| weather.fate(Time::from_secs(1), 1, "post", &subject.to_string(), 0).lost;
            (0..400).filter(hit).count()
        };
        let (one, two) = (hits(vec![window(0, 10, lost)]), hits(vec![window(0, 10, lost), window(0, 10, lost)]));
        assert!(two > one + 30, "{one} by one, {two} by two");
    }

    #[test]
    fn what_becomes_of_jobs_and_messages_is_drawn_for_each() {
        let by = Duration::from_hours(2);
        let windows = vec![
            window(0, 10, Fault::FailedJob { one_in: 3 }),
            window(0, 10, Fault::LostMessage { one_in: 3 }),
            window(0, 10, Fault::DoubledMessage { one_in: 3 }),
            window(0, 10, Fault::LateMessage { one_in: 3, by }),
            window(0, 10, Fault::LateMessage { one_in: 0, by: by * 2 }),
        ];
        let weather = Weather { windows };
        let at = Time::from_secs(1);
        let jobs: Vec<String> = (0..300).map(|job: u32| job.to_string()).collect();
        let counts = |turn| {
            let posted: Vec<Posted> = jobs.iter().map(|job| weather.posted(at, 1, job, turn)).collect();
            let count = |of: fn(&Posted) -> bool| posted.iter().filter(|posted| of(posted)).count();
            assert!(posted.iter().all(|posted| posted.late.is_zero() || posted.late == by));
            [count(|p| p.lost), count(|p| p.doubled), count(|p| !p.late.is_zero()), count(|p| p.lost && p.doubled)]
        };
        for turn in 0..2 {
            let [lost, doubled, late, both] = counts(turn);
            assert!([lost, doubled, late].iter().all(|n| (60..140).contains(n)), "{lost} {doubled} {late}");
            assert!((10..60).contains(&both), "{both}");
        }
        let failed = jobs.iter().filter(|job| weather.fails_job(at, 1, job)).count();
        assert!((60..140).contains(&failed), "{failed}");
        let after = Time::from_secs(10);
        assert!(jobs.iter().all(|job| !weather.fails_job(after, 1, job)));
        assert!(jobs.iter().all(|job| weather.posted(after, 1, job, 0) == Posted::default()));
    }
}
