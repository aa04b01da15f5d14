//! Spreading a plan over days, so that it stays under a rate.

/// Parts, given days one by one: each goes to the day of the part before it where that has room, else to the next. A
/// part larger than the rate has a day to itself. Day `n` begins `n` times 24 hours after the confirmation.
#[derive(Debug, Clone)]
pub struct Spread {
    rate: Option<u64>,
    day: u32,
    taken: bool,
    bytes: u64,
}

impl Spread {
    /// Nothing is placed yet. `rate`: bytes that are asked for in a day, at most; nothing: as many as it takes.
    pub fn new(rate: Option<u64>) -> Self {
        Self { rate, day: 0, taken: false, bytes: 0 }
    }

    /// The day of the next part, from 0. What asks for nothing is done on the first, whatever it costs to read: the output
    /// of a job that is joined does not wait.
    pub fn place(&mut self, bytes: u64) -> u32 {
        if bytes == 0 {
            return 0;
        }
        let fits = self.rate.is_none_or(|most| self.bytes.saturating_add(bytes) <= most);
        if self.taken && !fits {
            self.day = self.day.saturating_add(1);
            self.bytes = 0;
        }
        self.taken = true;
        self.bytes = self.bytes.saturating_add(bytes);
        self.day
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_takes_what_fits_and_a_part_beyond_the_rate_has_one_to_itself() {
        let days = |rate: Option<u64>| {
            let mut spread = Spread::new(rate);
            [60, 40, 1, 0, 250, 100, 100].map(|bytes| spread.place(bytes))
        };
        assert_eq!(days(Some(100)), [0, 0, 1, 0, 2, 3, 4]);
        assert_eq!(days(None), [0; 7]);
    }

    proptest! {
        #[test]
        fn no_day_has_more_than_the_rate_unless_by_one_part_alone(
            parts in prop::collection::vec(0..200u64, 0..60),
            rate in prop::option::of(1..300u64),
        ) {
            let mut spread = Spread::new(rate);
            let mut days: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
            let mut last = 0;
            for bytes in &parts {
                let day = spread.place(*bytes);
                if *bytes == 0 {
                    prop_assert_eq!(day, 0);
                } else {
                    prop_assert!(day == last || day == last + 1);
                    last = day;
                    days.entry(day).or_default().push(*bytes);
                }
            }
            let within = |parts: &[u64]| rate.is_none_or(|most| parts.iter().sum::<u64>() <= most);
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
