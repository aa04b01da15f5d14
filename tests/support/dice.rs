//! Chance that is the same each time.

/// Bytes that look like nothing, are the same for the same seed, and do not stand for those of another.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A small generator.
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0, below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// One of them, which is taken out.
    pub fn pick<T>(&mut self, from: &mut Vec<T>) -> T {
        let at = usize::try_from(self.roll(from.len() as u64)).unwrap();
        from.swap_remove(at)
    }
}
