//! Spreading a plan over days, so that it stays under a rate.

use std::time::Duration;

use crate::base::{Money, Time};

/// What a day may take; nothing: as much as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Bytes that are asked for.
    pub bytes: Option<u64>,
    /// What that may cost.
    pub money: Option<Money>,
}

/// Parts, given days one by one: each goes to the day of the part before it where that has room, else to the next. A
/// part larger than the rate has a day to itself.
#[derive(Debug, Clone)]
pub struct Spread {
    rate: Rate,
    day: u32,
    taken: bool,
    bytes: u64,
    money: Money,
}

impl Spread {
    /// Nothing is placed yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, day: 0, taken: false, bytes: 0, money: Money::ZERO }
    }

    /// The day of the next part, from 0. What asks for nothing and costs nothing (a job that is joined, whose output will
    /// not wait) is done on the first.
    pub fn place(&mut self, bytes: u64, money: Money) -> u32 {
        if bytes == 0 && money <= Money::ZERO {
            return 0;
        }
        let fits = self.rate.bytes.is_none_or(|most| self.bytes.saturating_add(bytes) <= most)
            && self.rate.money.is_none_or(|most| self.money.plus(money) <= most);
        if self.taken && !fits {
            self.day = self.day.saturating_add(1);
            (self.bytes, self.money) = (0, Money::ZERO);
        }
        self.taken = true;
        self.bytes = self.bytes.saturating_add(bytes);
        self.money = self.money.plus(money);
        self.day
    }

    /// Days that have something so far.
    pub fn days(&self) -> u32 {
        if self.taken { self.day.saturating_add(1) } else { 0 }
    }
}

/// When a day of a plan begins that starts at `start`: so many times 24 hours later, so that no calendar day has more
/// than one of them, in whatever place it is reckoned.
pub fn not_before(start: Time, day: u32) -> Time {
    start.plus(Duration::from_hours(24).saturating_mul(day))
}

/// When each of some parts (bytes, money) may be asked for.
pub fn spread(parts: impl IntoIterator<Item = (u64, Money)>, rate: Rate, start: Time) -> Vec<Time> {
    let mut spread = Spread::new(rate);
    parts.into_iter().map(|(bytes, money)| not_before(start, spread.place(bytes, money))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_takes_what_fits_and_a_part_beyond_the_rate_has_one_to_itself() {
        let rate = Rate { bytes: Some(100), money: None };
        let start = Time::from_secs(1_000_000);
        let parts = [60, 40, 1, 0, 250, 100, 100].map(|bytes| (bytes, Money::ZERO));
        let days: Vec<u64> =
            spread(parts, rate, start).into_iter().map(|time| time.since(start).as_secs() / 86_400).collect();
        assert_eq!(days, [0, 0, 1, 0, 2, 3, 4]);
        assert_eq!(spread(parts, Rate::default(), start), vec![start; 7]);
        let dear = Rate { bytes: None, money: Some(Money::from_cents(100)) };
        let mut spread = Spread::new(dear);
        let days = [50, 50, 1, 300].map(|cents| spread.place(1, Money::from_cents(cents)));
        assert_eq!((days, spread.days()), ([0, 0, 1, 2], 3));
    }

    proptest! {
        #[test]
        fn no_day_has_more_than_the_rate_unless_by_one_part_alone(
            parts in prop::collection::vec((0..200u64, 0..200i64), 0..60),
            bytes in prop::option::of(1..300u64),
            money in prop::option::of(1..300i64),
        ) {
            let rate = Rate { bytes, money: money.map(Money::from_cents) };
            let mut spread = Spread::new(rate);
            let mut days: BTreeMap<u32, Vec<(u64, i64)>> = BTreeMap::new();
            let mut last = 0;
            for (bytes, cents) in &parts {
                let day = spread.place(*bytes, Money::from_cents(*cents));
                if *bytes > 0 || *cents > 0 {
                    prop_assert!(day == last || day == last + 1);
                    last = day;
                    days.entry(day).or_default().push((*bytes, *cents));
                }
            }
            let within = |parts: &[(u64, i64)]| {
                bytes.is_none_or(|most| parts.iter().map(|part| part.0).sum::<u64>() <= most)
                    && money.is_none_or(|most| parts.iter().map(|part| part.1).sum::<i64>() <= most)
            };
            for (day, parts) in &days {
                prop_assert!(parts.len() == 1 || within(parts), "day {}: {:?}", day, parts);
                // Greedy: the next day's first part did not fit any more.
                if let Some(next) = days.get(&(day + 1)) {
                    let mut more = parts.clone();
                    more.push(next[0]);
                    prop_assert!(!within(&more));
                }
            }
        }
    }
}
