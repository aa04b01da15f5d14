//! The service by itself: refusals in its words, the life of jobs and uploads, inventories, and a model.

mod life;
mod model;
mod refusals;
mod retrievals;
mod told;

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{Body, Core, Fault, Receipt, Refusal, Rules, Shelf, Weather, Window};
use crate::base::Time;
use crate::base::hash::Hash32;

const START: Time = Time::from_secs(1_700_000_000);
const HOUR: Duration = Duration::from_hours(1);
const MIB: u64 = 1 << 20;

/// A vault at the service with a shelf of its own.
struct Site {
    _temp: TempDir,
    shelf: Shelf,
    core: Core,
    now: Time,
}

/// Bytes without a pattern.
fn bytes(size: u64, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(usize::try_from(size).unwrap()).collect()
}

impl Site {
    fn new(rules: Rules) -> Self {
        let temp = tempfile::Builder::new().prefix("firn-glacier").tempdir().unwrap();
        let shelf = Shelf::open(temp.path()).unwrap();
        Self { _temp: temp, shelf, core: Core::new(rules, START), now: START }
    }

    /// With faults from the start, for as many hours.
    fn with_faults(hours: u64, faults: &[Fault]) -> Self {
        let window = |fault: &Fault| Window {
            from: START,
            until: START.plus(HOUR * u32::try_from(hours).unwrap()),
            fault: *fault,
        };
        Self::new(Rules { weather: Weather { windows: faults.iter().map(window).collect() }, ..Rules::default() })
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    fn body(&self, bytes: &[u8]) -> (Body, Hash32) {
        let body = self.shelf.lay(bytes).unwrap();
        let hash = body.tree_hash();
        (body, hash)
    }

    fn post(&mut self, description: &str, bytes: &[u8]) -> Result<Receipt, Refusal> {
        let (body, hash) = self.body(bytes);
        self.core.post(self.now, description, hash, body)
    }

    fn begin(&mut self, part_size: u64) -> Arc<str> {
        self.core.initiate_upload(self.now, "parts", part_size).unwrap()
    }

    fn part(&mut self, upload: &str, start: u64, bytes: &[u8]) -> Result<Hash32, Refusal> {
        let (body, hash) = self.body(bytes);
        self.core.upload_part(self.now, upload, start, hash, body)
    }

    /// Completes an upload with the hash and size of these bytes.
    fn complete(&mut self, upload: &str, whole: &[u8]) -> Result<Receipt, Refusal> {
        let (_, hash) = self.body(whole);
        self.core.complete_upload(self.now, upload, whole.len() as u64, hash)
    }
}

/// Looks at a refusal: status, code, sentence.
#[track_caller]
fn is_refused<T: std::fmt::Debug>(answer: Result<T, Refusal>, status: u16, code: &str, sentence: &str) {
    let refusal = answer.expect_err("it was not refused");
    assert_eq!((refusal.status(), refusal.code(), refusal.to_string().as_str()), (status, code, sentence));
}
