//! Money: what a vault's service charges, in US dollars, as their tariffs are written.

use std::fmt;
use std::iter::Sum;

/// An amount in billionths of a US dollar. A request of a tariff costs no fewer than some thousands of them, so sums of
/// millions of requests are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Billionths in a dollar.
pub const NANOS: i64 = 1_000_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than anything costs.
    pub const MAX: Self = Self(i64::MAX);

    /// So many billionths of a dollar.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// So many cents.
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents.saturating_mul(NANOS / 100))
    }

    /// Billionths of a dollar.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Both together; never beyond [`Money::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left without the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The amount as [`Money::parse`] reads it back: `12.5`, `0.0025`. Nothing below nothing is written.
    pub fn exact(self) -> String {
        let nanos = self.0.max(0);
        let part = format!("{:09}", nanos % NANOS);
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        format!("{}{point}{part}", nanos / NANOS)
    }

    /// Reads an amount in dollars: digits, and up to nine of them after a point.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || !digits(whole)
            || !digits(part)
            || part.len() > 9
            || (text.contains('.') && part.is_empty())
        {
            return None;
        }
        let nanos: i64 = format!("{part:0<9}").parse().ok()?;
        whole.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos).map(Self)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

/// `$12.34`, and with as many digits as it takes for less than a dollar: an amount above nothing is never shown as
/// nothing. Rounded up, so that what is shown is never less than what is charged.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = if self.0 < 0 { ("-", self.0.unsigned_abs()) } else { ("", self.0.unsigned_abs()) };
        let digits: u32 = match nanos {
            0 | 1_000_000_000.. => 2,
            1_000_000.. => 4,
            1_000.. => 6,
            _ => 9,
        };
        let unit = 10u64.pow(9 - digits);
        let units = nanos.div_ceil(unit);
        let in_dollar = 10u64.pow(digits);
        let width = usize::try_from(digits).unwrap_or(2);
        f.pad(&format!("{sign}${}.{:0width$}", crate::base::units::Count(units / in_dollar), units % in_dollar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_with_the_digits_it_takes_and_rounded_up() {
        let shown = |nanos| Money::from_nanos(nanos).to_string();
        assert_eq!(shown(0), "$0.00");
        assert_eq!(shown(12_340_000_000), "$12.34");
        assert_eq!(shown(12_340_000_001), "$12.35");
        assert_eq!(shown(1_234_567_890_000_000), "$1,234,567.89");
        assert_eq!(shown(50_000), "$0.000050");
        assert_eq!(shown(999_999_999), "$1.0000");
        assert_eq!(shown(1), "$0.000000001");
        assert_eq!(shown(-2_500_000_000), "-$2.50");
    }

    #[test]
    fn an_exact_amount_reads_back() {
        for (nanos, text) in
            [(0, "0"), (1, "0.000000001"), (12_500_000_000, "12.5"), (i64::MAX, "9223372036.854775807")]
        {
            assert_eq!(Money::from_nanos(nanos).exact(), text);
            assert_eq!(Money::parse(text), Some(Money::from_nanos(nanos)));
        }
    }

    #[test]
    fn dollars_are_read_exactly_or_not_at_all() {
        assert_eq!(Money::parse("0.0025"), Some(Money::from_nanos(2_500_000)));
        assert_eq!(Money::parse("12"), Some(Money::from_cents(1200)));
        for text in ["", ".", "1.", ".5", "-1", "1,5", "0.0000000001", "99999999999", "1e3", " 1"] {
            assert_eq!(Money::parse(text), None, "{text:?}");
        }
    }
}
