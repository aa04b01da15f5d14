//! What goes wrong at the service, on a schedule: data, and a rule that reads it.

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
            // Each window draws for itself: two of one kind do not hit the same requests.
            let hits = |word, one_in| {
                Draw::new(seed, &["weather", word, &at.to_string(), op, subject], u64::from(turn)).is_one_in(one_in)
            };
            match fault {
                Fault::Throttle { one_in } => fate.throttled |= hits("throttle", one_in),
                Fault::LostReply { one_in } => fate.lost |= hits("lost", one_in),
                Fault::CorruptReply { one_in } => fate.corrupt |= hits("corrupt", one_in),
                Fault::Outage => fate.out = true,
                Fault::NoExpedited => fate.no_expedited = true,
                Fault::Slow { .. } => {}
            }
        }
        fate
    }
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
}
