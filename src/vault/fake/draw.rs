//! What chance decides, from a seed: by what is asked and how often, never by the order of calls.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A draw of its own for a seed, some words and a number.
pub struct Draw([u8; 32]);

impl Draw {
    /// The draw for the `turn`-th time that `words` come up.
    pub fn new(seed: u64, words: &[&str], turn: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        for word in words {
            // With its length: no two lists of words are one.
            hasher.update((word.len() as u64).to_le_bytes());
            hasher.update(word);
        }
        hasher.update(turn.to_le_bytes());
        Self(hasher.finalize().into())
    }

    /// A number.
    pub fn number(&self) -> u64 {
        self.0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Whether it is the one in `n`; never for 0.
    pub fn is_one_in(&self, n: u32) -> bool {
        n > 0 && self.number().is_multiple_of(u64::from(n))
    }

    /// A time from `least` to `most`, to the microsecond.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let width = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX - 1);
        least.saturating_add(Duration::from_micros(self.number() % (width + 1)))
    }

    /// `length` characters of those that the service makes its ids of. The first may be a dash.
    pub fn id(&self, length: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let blocks = (0u64..).map(|block| {
            let mut hasher = Sha256::new();
            hasher.update(self.0);
            hasher.update(block.to_le_bytes());
            <[u8; 32]>::from(hasher.finalize())
        });
        blocks.flatten().take(length).map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_gets_the_same_answer_and_another_another() {
        let draw = |seed, words: &[&str], turn| Draw::new(seed, words, turn).number();
        assert_eq!(draw(1, &["post", "a"], 0), draw(1, &["post", "a"], 0));
        let all = [
            draw(1, &["post", "a"], 0),
            draw(2, &["post", "a"], 0),
            draw(1, &["post", "a"], 1),
            draw(1, &["posta"], 0),
            draw(1, &["pos", "ta"], 0),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn one_in_n_is_about_that_many() {
        let hits = |n| (0..10_000).filter(|turn| Draw::new(7, &["x"], *turn).is_one_in(n)).count();
        assert_eq!((hits(0), hits(1)), (0, 10_000));
        assert!((800..1200).contains(&hits(10)), "{}", hits(10));
    }

    #[test]
    fn times_lie_between_their_ends() {
        let (least, most) = (Duration::from_mins(1), Duration::from_mins(5));
        let times: Vec<Duration> = (0..1000).map(|turn| Draw::new(7, &["x"], turn).between(least, most)).collect();
        assert!(times.iter().all(|time| (least..=most).contains(time)));
        assert!(times.iter().any(|time| *time < Duration::from_secs(75)));
        assert!(times.iter().any(|time| *time > Duration::from_secs(285)));
        assert_eq!(Draw::new(7, &["x"], 0).between(most, most), most);
    }

    #[test]
    fn ids_have_the_length_and_letters_of_the_service() {
        let id = Draw::new(7, &["x"], 0).id(138);
        assert_eq!(id.len(), 138);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
    }
}
