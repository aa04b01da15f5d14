//! The rule of 2012: retrieval is charged by the peak hour of the month, for every hour of the month.
//!
//! The service's FAQ of 2012: 5 % of what is stored may be retrieved free in a month, pro-rated daily (5/30 % a day). On
//! a day that exceeds its share the peak hour counts, less the part of the day's free share that the hour's part of the
//! day's retrieval is. The largest such hour of the month is charged for all 720 hours of it, at the price of a gigabyte.

use crate::base::Money;

/// What the peak hour is reckoned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// So many hundredths of what is stored are free in a month.
    pub free_percent: u32,
    /// Days the free share of a month is spread over.
    pub month_days: u32,
    /// Hours of a month that the peak hour is charged for.
    pub month_hours: u32,
    /// A job's bytes count as retrieved evenly over so many hours.
    pub job_hours: u32,
}

/// What was retrieved on a day, evenly over some hours of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRetrieved {
    /// Bytes.
    pub bytes: u64,
    /// Over so many hours, from 1 to 24.
    pub hours: u32,
}

impl Peak {
    /// What a month of such days costs, with `stored` bytes in the vault: the dearest of them, since only the month's
    /// largest billable hour is charged. `per_gigabyte`: the tariff's price of a `gigabyte` (bytes). Rounded up to a
    /// billionth of a dollar, once, at the end.
    pub fn price(&self, per_gigabyte: Money, gigabyte: u64, stored: u64, days: &[DayRetrieved]) -> Money {
        let dearest = days.iter().map(|day| self.day(per_gigabyte, gigabyte, stored, *day)).max();
        dearest.unwrap_or(Money::ZERO)
    }

    fn day(&self, per_gigabyte: Money, gigabyte: u64, stored: u64, day: DayRetrieved) -> Money {
        // In hundredths of a byte and month_days-ths of a day, so that nothing is rounded before the end.
        let scale = i128::from(self.month_days) * 100;
        let free = i128::from(stored) * i128::from(self.free_percent);
        let billable = i128::from(day.bytes) * scale - free;
        if billable <= 0 {
            return Money::ZERO;
        }
        let rate = i128::from(self.month_hours) * i128::from(per_gigabyte.nanos());
        let unit = scale * i128::from(gigabyte) * i128::from(day.hours.max(1));
        super::price::rounded_up(billable.checked_mul(rate), unit)
    }

    /// The most that retrieving so many bytes can cost: all in one hour, the free share used up elsewhere. What two plans
    /// cost together is never more than the sum of these.
    pub fn worst(&self, per_gigabyte: Money, gigabyte: u64, bytes: u64) -> Money {
        self.day(per_gigabyte, gigabyte, 0, DayRetrieved { bytes, hours: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const TIB: u64 = 1 << 40;

    fn rule() -> Peak {
        Peak { free_percent: 5, month_days: 30, month_hours: 720, job_hours: 4 }
    }

    fn cents(stored: u64, days: &[DayRetrieved]) -> String {
        rule().price(Money::from_cents(1), GIB, stored, days).to_string()
    }

    /// The FAQ's own example. 75 TB stored (of 2^40 bytes, a month of 30 days): 75 × 1,024 GB × 5 % / 30 = 128 GB free a
    /// day. 140 GB evenly over 4 hours: 35 GB in the peak hour, 128 / 4 = 32 of them free; 3 GB × 720 × $0.01.
    #[test]
    fn the_services_own_example_is_21_dollars_60() {
        assert_eq!(cents(75 * TIB, &[DayRetrieved { bytes: 140 * GIB, hours: 4 }]), "$21.60");
    }

    /// As reckoned at news.ycombinator.com 4412886, "could be as high as $22,082": 3 TB stored as one archive, and all of
    /// it counted into one hour of the one day: 3,072 GB − 5.12 GB free a day = 3,066.88 GB × 720 × $0.01 = $22,081.536.
    #[test]
    fn three_terabytes_in_an_hour_are_22082_dollars() {
        let day = DayRetrieved { bytes: 3 * TIB, hours: 1 };
        let price = rule().price(Money::from_cents(1), GIB, 3 * TIB, &[day]);
        assert_eq!(price, Money::from_nanos(22_081_536_000_000));
        assert_eq!(price.to_string(), "$22,081.54");
        // Had the service counted it over the four hours a job takes, it were a quarter of that.
        assert_eq!(cents(3 * TIB, &[DayRetrieved { bytes: 3 * TIB, hours: 4 }]), "$5,520.39");
    }

    /// The first example's 140 GB over 28 hours from a day's beginning: 5 GB an hour, 120 GB on the first day and 20 GB on
    /// the second, and each is less than the 128 GB that are free that day.
    #[test]
    fn the_same_over_28_hours_is_free() {
        let days = [DayRetrieved { bytes: 120 * GIB, hours: 24 }, DayRetrieved { bytes: 20 * GIB, hours: 4 }];
        assert_eq!(cents(75 * TIB, &days), "$0.00");
    }

    #[test]
    fn only_the_dearest_day_of_a_month_counts() {
        let day = |bytes, hours| DayRetrieved { bytes: bytes * GIB, hours };
        assert_eq!(cents(75 * TIB, &[day(140, 4), day(129, 4), day(100, 1)]), "$21.60");
        assert_eq!(cents(75 * TIB, &[]), "$0.00");
    }

    #[test]
    fn the_worst_is_one_hour_with_nothing_free_and_no_sum_overflows() {
        let price = Money::from_cents(1);
        assert_eq!(rule().worst(price, GIB, 10 * GIB).to_string(), "$72.00");
        assert_eq!(rule().worst(Money::from_cents(100_000), 1, u64::MAX), Money::MAX);
    }
}
