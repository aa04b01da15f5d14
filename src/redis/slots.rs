//! Hash slots: sets of them, as ranges.

use std::fmt;

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// A set of slots: ranges in order that neither meet nor overlap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SlotSet(Vec<(u16, u16)>);

impl SlotSet {
    /// Every slot.
    pub fn all() -> Self {
        Self(vec![(0, SLOTS - 1)])
    }

    /// Of ranges in any order, both ends included; what is no slot is left out.
    pub fn of(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut all: Vec<(u16, u16)> = ranges
            .into_iter()
            .filter(|(from, to)| from <= to && *from < SLOTS)
            .map(|(a, b)| (a, b.min(SLOTS - 1)))
            .collect();
        all.sort_unstable();
        let mut kept: Vec<(u16, u16)> = Vec::with_capacity(all.len());
        for (from, to) in all {
            match kept.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => kept.push((from, to)),
            }
        }
        Self(kept)
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|(from, to)| u32::from(to - from) + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether that one is in it.
    pub fn contains(&self, slot: u16) -> bool {
        let place = self.0.partition_point(|(_, to)| *to < slot);
        self.0.get(place).is_some_and(|(from, _)| *from <= slot)
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Those of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).copied())
    }

    /// Those of this one that are not of the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(from, to) in &self.0 {
            let mut next = u32::from(from);
            let begin = other.0.partition_point(|(_, end)| *end < from);
            for &(a, b) in other.0[begin..].iter().take_while(|(a, _)| *a <= to) {
                if u32::from(a) > next {
                    left.push((low(next), a - 1));
                }
                next = next.max(u32::from(b) + 1);
            }
            if next <= u32::from(to) {
                left.push((low(next), to));
            }
        }
        Self(left)
    }

    /// How much of the whole, percent.
    pub fn share(&self) -> f64 {
        f64::from(self.count()) * 100.0 / f64::from(SLOTS)
    }
}

/// It is a slot's number, or one behind the last.
#[allow(clippy::cast_possible_truncation)]
fn low(slot: u32) -> u16 {
    slot as u16
}

impl fmt::Display for SlotSet {
    /// `0-5460, 10923`: four ranges at most, and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 4;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, (from, to)) in self.0.iter().take(MOST).enumerate() {
            let before = if place > 0 { ", " } else { "" };
            if from == to { write!(f, "{before}{from}")? } else { write!(f, "{before}{from}-{to}")? }
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more ranges"),
        }
    }
}

/// The slot of a key: CRC16 (XMODEM) of it, or of what stands between the first braces when that is not empty.
/// Source: the cluster specification, <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0).map(|close| &rest[..close])
    });
    let crc = tag.unwrap_or(key).iter().fold(0_u16, |mut crc, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
        crc
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The check value of the CRC's definition, and keys whose slot `CLUSTER KEYSLOT` told.
    #[test]
    fn keys_fall_into_the_slots_a_server_says() {
        for (key, slot) in
            [("123456789", 12_739), ("foo", 12_182), ("{user1000}.following", 3_443), ("x", 16_287), ("", 0)]
        {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        assert_eq!(slot_of(b"{user1000}.x"), slot_of(b"user1000"));
        assert_ne!(slot_of(b"{}x"), slot_of(b"{}y"));
    }

    #[test]
    fn ranges_are_said_shortly() {
        let some = SlotSet::of([(10_923, 16_383), (0, 5460), (7, 7), (5461, 5461)]);
        assert_eq!(some.to_string(), "0-5461, 10923-16383");
        assert_eq!((some.count(), some.share().round()), (10_923, 67.0));
        assert_eq!(SlotSet::default().to_string(), "none");
        assert_eq!(SlotSet::of((0..6).map(|n| (n * 2, n * 2))).to_string(), "0, 2, 4, 6 and 2 more ranges");
    }

    fn some() -> impl Strategy<Value = Vec<(u16, u16)>> {
        prop::collection::vec((0_u16..17_000, 0_u16..300).prop_map(|(from, more)| (from, from + more)), 0..20)
    }

    proptest! {
        #[test]
        fn sets_are_what_their_slots_are(one in some(), other in some()) {
            let (a, b) = (SlotSet::of(one.clone()), SlotSet::of(other.clone()));
            let is = |ranges: &[(u16, u16)], slot: u16| ranges.iter().any(|(from, to)| (*from..=*to).contains(&slot));
            let (both, left) = (a.union(&b), a.minus(&b));
            let mut counts = (0, 0);
            for slot in 0..SLOTS {
                let (in_a, in_b) = (is(&one, slot), is(&other, slot));
                prop_assert_eq!(a.contains(slot), in_a);
                prop_assert_eq!(both.contains(slot), in_a || in_b);
                prop_assert_eq!(left.contains(slot), in_a && !in_b);
                counts.0 += u32::from(in_a || in_b);
                counts.1 += u32::from(in_a && !in_b);
            }
            prop_assert_eq!((both.count(), left.count()), counts);
            prop_assert_eq!(SlotSet::of(left.ranges().to_vec()), left);
        }
    }
}
