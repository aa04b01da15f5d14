//! The files of a demo's source: which there are, how they are called, how large they are and what is in them, each a
//! pure function of the seed, the source's description and the time. Files are numbered: first those that were there at
//! the start, then those that arrived, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::scenario::{SourceSpec, Trouble, TroubleKind};
use crate::base::ids::{Key, Version};
use crate::base::world::mix;
use crate::base::{FileTime, Time};

/// Content is made in blocks of so many bytes, each by itself: it can be read from any place.
const BLOCK: u64 = 4096;
/// A file that is written all the time is another one after this.
pub const REWRITTEN: Duration = Duration::from_secs(2);
/// The largest of the usual files is so many times the median.
const WIDEST: f64 = 60.0;

/// Names that a screen must not be given as they are.
const ODD: [&[u8]; 6] = [
    b"\x1b[31;1mred\x1b[0m",
    "photo\u{202e}gnp".as_bytes(),
    b"caf\xe9 \xff\xfe",
    b"two\nlines\tand a tab",
    "\u{200b}z\u{feff}ero".as_bytes(),
    b"\x1b]0;title\x07bell",
];

/// A file as it is at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Which version: 0 at first.
    pub revision: u64,
    /// Bytes.
    pub length: u64,
    /// When it was written.
    pub written: Time,
}

impl Now {
    /// What tells this version from others.
    pub fn version(&self) -> Version {
        Version::new(format!("r{} {} {}", self.revision, self.length, self.written.as_micros()).into_bytes())
    }

    /// When it was written, as a file system keeps it.
    pub fn mtime(&self) -> FileTime {
        let micros = self.written.as_micros();
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        FileTime { secs: micros.div_euclid(1_000_000), nanos }
    }
}

/// Which files there are. What it keeps is a cache of what follows from the seed: it is brought up to a second, never
/// back, and says the same whoever asks, and however often.
#[derive(Debug)]
pub struct Files {
    spec: SourceSpec,
    seed: u64,
    start: Time,
    /// Troubles of this source.
    troubles: Vec<Trouble>,
    /// Seconds since the start that have been gone through.
    seconds: u64,
    /// The second at which each file that arrived did.
    arrived: Vec<u32>,
    /// How often a file has changed, and when last.
    changed: BTreeMap<u64, (u64, u32)>,
    deleted: BTreeMap<u64, u32>,
    /// Files in the order in which something happened to them.
    log: Vec<u64>,
}

/// Three words and a number make a draw.
fn draw(seed: u64, what: u64, a: u64, b: u64) -> u64 {
    mix(mix(mix(seed ^ what.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(a)).wrapping_add(b))
}

/// A draw as a number from 0 to below 1.
#[allow(clippy::cast_precision_loss)] // 53 bits are all that is taken
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

const SIZES: u64 = 1;
const TIMES: u64 = 2;
const ARRIVE: u64 = 3;
const CHANGE: u64 = 4;
const DELETE: u64 = 5;
const TARGET: u64 = 6;
const CONTENT: u64 = 7;
const LATENCY: u64 = 8;
const HIT: u64 = 9;
const FOLDER: u64 = 10;

/// How busy an hour of the day is: 1 is neither busy nor quiet. Night is quiet, evening busy.
const HOURS: [f64; 24] = [
    0.5, 0.35, 0.3, 0.25, 0.25, 0.3, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.6, 1.4,
    1.0, 0.7,
];

impl Files {
    /// The files of a source whose demo begins at `start`.
    pub fn new(spec: SourceSpec, seed: u64, start: Time, troubles: Vec<Trouble>) -> Self {
        let seed = spec.name.bytes().fold(seed, |seed, byte| mix(seed ^ u64::from(byte)));
        let (arrived, changed, deleted, log) = (Vec::new(), BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { spec, seed, start, troubles, seconds: 0, arrived, changed, deleted, log }
    }

    /// Its description.
    pub fn spec(&self) -> &SourceSpec {
        &self.spec
    }

    /// Goes through what happened until `now`.
    pub fn bring_to(&mut self, now: Time) {
        let seconds = now.since(self.start).as_secs();
        while self.seconds < seconds {
            self.seconds += 1;
            self.second(self.seconds);
        }
    }

    /// Files in which something has happened since place `from` of their log, and the next place.
    pub fn news(&self, from: usize) -> (&[u64], usize) {
        (self.log.get(from..).unwrap_or_default(), self.log.len())
    }

    /// How many files there have ever been.
    pub fn count(&self) -> u64 {
        self.spec.history + self.arrived.len() as u64
    }

    fn second(&mut self, second: u64) {
        let at = u32::try_from(second).unwrap_or(u32::MAX);
        let from_start = Duration::from_secs(second);
        let hour = self.start.plus(from_start).as_micros().div_euclid(3_600_000_000).rem_euclid(24);
        let busy = usize::try_from(hour).ok().and_then(|hour| HOURS.get(hour)).copied().unwrap_or(1.0);
        let bursts = self.spec.bursts.iter().filter(|burst| burst.from <= from_start && from_start < burst.until);
        let times: f64 = bursts.map(|burst| f64::from(burst.times)).product();
        for _ in 0..self.how_many(ARRIVE, second, f64::from(self.spec.arrive) * busy * times) {
            self.log.push(self.count());
            self.arrived.push(at);
        }
        for n in 0..self.how_many(CHANGE, second, f64::from(self.spec.change) * busy) {
            if let Some(file) = self.target(CHANGE, second, n) {
                let changed = self.changed.entry(file).or_insert((0, at));
                *changed = (changed.0 + 1, at);
                self.log.push(file);
            }
        }
        for n in 0..self.how_many(DELETE, second, f64::from(self.spec.delete)) {
            if let Some(file) = self.target(DELETE, second, n) {
                self.deleted.insert(file, at);
            }
        }
        // Files that are written all the time: the watch sees them once in a while.
        let moment = self.start.plus(from_start);
        if second.is_multiple_of(10) {
            let hit = self.troubles.iter().filter(|trouble| {
                trouble.kind == TroubleKind::Changing && trouble.from <= from_start && from_start < trouble.until
            });
            let most = hit.map(|trouble| trouble.one_in).min();
            if let Some(one_in) = most {
                let file = draw(self.seed, TARGET, CHANGE, second) % self.count().max(1);
                let file = (file..self.count()).take(usize::try_from(one_in.min(4096)).unwrap_or(4096) * 4);
                let file = file.into_iter().find(|file| self.rewritten(*file, moment).is_some());
                self.log.extend(file.filter(|file| !self.deleted.contains_key(file)));
            }
        }
    }

    /// How many of something happen in a second at so many a minute.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and never negative
    fn how_many(&self, what: u64, second: u64, a_minute: f64) -> u64 {
        (a_minute / 60.0 + unit(draw(self.seed, what, second, 0))).floor() as u64
    }

    /// The file that something happens to, if it is still there.
    fn target(&self, what: u64, second: u64, n: u64) -> Option<u64> {
        let file = draw(self.seed, TARGET, mix(what ^ second), n).checked_rem(self.count())?;
        (!self.deleted.contains_key(&file)).then_some(file)
    }

    /// A file as it is now; nothing once it is gone. The files must have been brought up to now.
    pub fn at(&self, file: u64, now: Time) -> Option<Now> {
        if file >= self.count() || self.deleted.contains_key(&file) {
            return None;
        }
        let written = |second: u32, n: u64| {
            let micros = draw(self.seed, TIMES, file, n) % 1_000_000;
            // Within the second that ends then: whoever looks at its end sees nothing of the future.
            self.start.plus(Duration::from_secs(u64::from(second))).minus(Duration::from_micros(micros))
        };
        let (mut revision, mut at) = match self.changed.get(&file) {
            Some((revision, second)) => (*revision, written(*second, *revision)),
            None if file < self.spec.history => {
                // Of the last two years.
                let age = draw(self.seed, TIMES, file, 0) % (2 * 365 * 86_400);
                (0, self.start.minus(Duration::from_secs(age + 60)))
            }
            None => (0, written(self.arrived.get(usize::try_from(file - self.spec.history).ok()?).copied()?, 0)),
        };
        if let Some((times, last)) = self.rewritten(file, now) {
            revision += times;
            at = at.max(last);
        }
        Some(Now { revision, length: self.length(file, revision), written: at })
    }

    /// How often a file has been rewritten by what hits it, and when last; nothing if nothing did.
    fn rewritten(&self, file: u64, now: Time) -> Option<(u64, Time)> {
        let passed = now.since(self.start);
        let mut rewritten = None;
        for (n, trouble) in self.troubles.iter().enumerate() {
            if trouble.kind == TroubleKind::Changing && trouble.from < passed && self.hits(n as u64, trouble, file) {
                let times = passed.min(trouble.until).saturating_sub(trouble.from).as_millis() / REWRITTEN.as_millis();
                let times = u64::try_from(times).unwrap_or(0);
                if times > 0 {
                    let span = REWRITTEN.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
                    let (before, _) = rewritten.unwrap_or((0, now));
                    rewritten = Some((before + times, self.start.plus(trouble.from).plus(span)));
                }
            }
        }
        rewritten
    }

    fn hits(&self, n: u64, trouble: &Trouble, file: u64) -> bool {
        draw(self.seed, HIT, n, file).is_multiple_of(trouble.one_in)
    }

    /// What is wrong at a moment: with the whole source, if no file is given.
    pub fn trouble(&self, file: Option<u64>, now: Time) -> Option<TroubleKind> {
        let passed = now.since(self.start);
        let mut holds = self.troubles.iter().enumerate().filter(|(_, t)| t.from <= passed && passed < t.until);
        let whole = |kind| matches!(kind, TroubleKind::Away | TroubleKind::Empty);
        let found = match file {
            None => holds.find(|(_, trouble)| whole(trouble.kind)),
            Some(file) => holds.find(|(n, trouble)| !whole(trouble.kind) && self.hits(*n as u64, trouble, file)),
        };
        found.map(|(_, trouble)| trouble.kind)
    }

    /// Folders that cannot be opened by a scan at this moment.
    pub fn unreadable(&self, now: Time) -> bool {
        let passed = now.since(self.start);
        let holds = |t: &&Trouble| t.kind == TroubleKind::Unreadable && t.from <= passed && passed < t.until;
        self.troubles.iter().any(|trouble| holds(&trouble))
    }

    /// Bytes of a version: log-normal around the median, a few large ones beside.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn length(&self, file: u64, revision: u64) -> u64 {
        let own = unit(draw(self.seed, SIZES, file, revision));
        let is_large = self.spec.large_one_in > 0 && file < self.spec.history && file % self.spec.large_one_in == 7;
        if is_large {
            return (self.spec.large as f64 * (0.5 + own)) as u64;
        }
        // Twelve even draws come near a normal one (of variance 1).
        let normal: f64 = (0..12).map(|n| unit(draw(self.seed, SIZES, file, mix(revision + 1) ^ n))).sum::<f64>() - 6.0;
        (self.spec.median as f64 * (0.9 * normal).exp().min(WIDEST)).max(1.0) as u64
    }

    /// About how long a file's first byte takes: no two alike.
    pub fn latency(&self, file: u64, turn: u64) -> Duration {
        let draw = draw(self.seed, LATENCY, file, turn);
        let base = u64::try_from(self.spec.latency.as_micros()).unwrap_or(u64::MAX);
        let micros = base / 2 + draw.checked_rem(base.saturating_add(1)).unwrap_or(0);
        Duration::from_micros(if base == 0 { 0 } else { micros })
    }

    /// How a file is called. Its number stands after the last dash.
    pub fn key(&self, file: u64) -> Key {
        let spec = &self.spec;
        let folder = draw(self.seed, FOLDER, file, 0);
        let (one, two) = (folder & 0xff, folder >> 8 & 0xff);
        let mut key = format!("{}/{one:02x}/{two:02x}/", spec.folder).into_bytes();
        if spec.odd_one_in > 0 && file % spec.odd_one_in == spec.odd_one_in / 2 {
            let odd = usize::try_from(folder >> 16).unwrap_or(0) % ODD.len();
            key.extend_from_slice(ODD[odd]);
        } else {
            key.extend_from_slice(format!("{:06x}", folder >> 40).as_bytes());
        }
        key.extend_from_slice(format!("-{file:07}.{}", spec.ending).as_bytes());
        Key::new(key)
    }

    /// Which file is called so.
    pub fn number(&self, key: &Key) -> Option<u64> {
        let bytes = key.as_bytes();
        let dash = bytes.iter().rposition(|byte| *byte == b'-')?;
        let digits = bytes[dash + 1..].split(|byte| *byte == b'.').next()?;
        let file = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (self.key(file) == *key).then_some(file)
    }

    /// Fills `out` with a version's bytes from `offset` on.
    pub fn fill(&self, file: u64, revision: u64, offset: u64, out: &mut [u8]) {
        fill(draw(self.seed, CONTENT, file, revision), offset, out);
    }
}

/// Bytes that follow from a seed, from any offset on.
fn fill(seed: u64, offset: u64, out: &mut [u8]) {
    let mut at = 0;
    while at < out.len() {
        let place = offset + at as u64;
        let (block, inside) = (place / BLOCK, usize::try_from(place % BLOCK).unwrap_or(0));
        let whole = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let length = (whole - inside).min(out.len() - at);
        let into = &mut out[at..at + length];
        // xorshift64* (Vigna 2014), skipped to the word the piece begins in.
        let mut state = mix(seed ^ block.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1;
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
        };
        for _ in 0..inside / 8 {
            next();
        }
        let skip = inside % 8;
        let head = if skip == 0 { 0 } else { (8 - skip).min(into.len()) };
        if head > 0 {
            into[..head].copy_from_slice(&next()[skip..skip + head]);
        }
        for word in into[head..].chunks_mut(8) {
            word.copy_from_slice(&next()[..word.len()]);
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::scenario::Burst;
    use proptest::prelude::*;

    fn spec() -> SourceSpec {
        SourceSpec {
            name: "ugc".to_owned(),
            place: "/srv/ugc".to_owned(),
            folder: "photos".to_owned(),
            ending: "jpg".to_owned(),
            history: 2000,
            median: 5000,
            large_one_in: 500,
            large: 1_000_000,
            odd_one_in: 100,
            arrive: 120,
            change: 30,
            delete: 12,
            latency: Duration::from_millis(60),
            rescan: Duration::from_hours(6),
            bursts: vec![Burst { from: Duration::from_mins(2), until: Duration::from_mins(3), times: 5 }],
        }
    }

    fn start() -> Time {
        // 12:00 UTC: neither busy nor quiet but for a fifth.
        Time::from_secs(1_795_348_800)
    }

    fn changing() -> Vec<Trouble> {
        let (from, until) = (Duration::from_secs(30), Duration::from_secs(90));
        vec![Trouble { source: "ugc".to_owned(), from, until, kind: TroubleKind::Changing, one_in: 10 }]
    }

    fn later(secs: u64) -> Time {
        start().plus(Duration::from_secs(secs))
    }

    proptest! {
        #[test]
        fn it_says_the_same_however_it_is_asked(seed: u64, stops in prop::collection::btree_set(0u64..300, 0..8), files in prop::collection::vec(0u64..2600, 1..20)) {
            let mut at_once = Files::new(spec(), seed, start(), changing());
            at_once.bring_to(later(300));
            let mut in_steps = Files::new(spec(), seed, start(), changing());
            for stop in stops {
                in_steps.bring_to(later(stop));
            }
            in_steps.bring_to(later(300));
            prop_assert_eq!(at_once.log.clone(), in_steps.log.clone());
            for file in files {
                prop_assert_eq!(at_once.at(file, later(300)), in_steps.at(file, later(300)));
                prop_assert_eq!(at_once.number(&at_once.key(file)), Some(file));
                if let Some(now) = at_once.at(file, later(300)) {
                    prop_assert!(now.written <= later(300) && now.length > 0);
                }
            }
        }

        #[test]
        fn content_is_the_same_from_any_place(seed: u64, cuts in prop::collection::btree_set(0usize..20_000, 0..12)) {
            let mut whole = vec![0; 20_000];
            fill(seed, 0, &mut whole);
            let mut pieces = vec![0; 20_000];
            let mut from = 0;
            for to in cuts.into_iter().chain([20_000]) {
                fill(seed, from as u64, &mut pieces[from..to]);
                from = to;
            }
            prop_assert!(whole == pieces);
            let mut other = vec![0; 20_000];
            fill(seed.wrapping_add(1), 0, &mut other);
            prop_assert!(other != whole);
        }
    }

    #[test]
    fn files_come_change_and_go_at_about_their_rates() {
        let mut files = Files::new(spec(), 1, start(), Vec::new());
        files.bring_to(later(120));
        let arrived = files.count() - 2000;
        assert!((250..330).contains(&arrived), "{arrived} in two minutes at 144 a minute");
        files.bring_to(later(180));
        let burst = files.count() - 2000 - arrived;
        assert!((600..840).contains(&burst), "{burst} in a minute at five times as many");
        let deleted = files.deleted.len();
        assert!((20..50).contains(&deleted), "{deleted} in three minutes at 12 a minute");
        let mut sizes: Vec<u64> = (0..2000).filter_map(|file| Some(files.at(file, later(180))?.length)).collect();
        sizes.sort_unstable();
        let median = sizes[sizes.len() / 2];
        assert!((4000..6000).contains(&median), "{median}");
        assert!(sizes.iter().filter(|size| **size >= 500_000).count() >= 3, "a few large ones");
        let odd = |file: &u64| files.key(*file).as_bytes().iter().any(|byte| !byte.is_ascii_graphic());
        assert!((0..2000).filter(odd).count() > 5, "names that are not as they should be");
    }

    #[test]
    fn a_file_that_is_written_all_the_time_is_another_one_each_time() {
        let mut files = Files::new(SourceSpec { change: 0, delete: 0, ..spec() }, 1, start(), changing());
        files.bring_to(later(100));
        let hit: Vec<u64> = (0..2000).filter(|file| files.rewritten(*file, later(60)).is_some()).collect();
        assert!((120..280).contains(&hit.len()), "{}", hit.len());
        let at = |secs| files.at(hit[0], later(secs)).unwrap();
        assert_eq!(at(29).revision, 0);
        assert_eq!((at(60).revision, at(63).revision, at(90).revision, at(99).revision), (15, 16, 30, 30));
        assert_ne!(at(60).version(), at(63).version());
    }
}
