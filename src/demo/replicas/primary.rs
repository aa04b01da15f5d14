//! The source of acted replicas: what it has written, as a function of time, so that all its replicas agree.

use std::time::Duration;

use crate::base::Time;
use crate::base::world::mix;
use crate::delay::seen::Position;

/// Bytes of a binary log: `max_binlog_size` as it is if nobody says otherwise.
const FILE: u64 = 1 << 30;
/// Bytes of its header.
const HEADER: u64 = 4;
/// About the bytes of a transaction.
const TRANSACTION: u64 = 800;
/// Positions are told apart by hundredths of a second.
const TICK_MICROS: i64 = 10_000;
/// For so long it has written when the demo begins.
const WRITES_SINCE: Duration = Duration::from_hours(30 * 24);

/// A server that others replicate from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    /// Its host.
    pub host: String,
    /// Its `server_id`.
    pub id: u64,
    /// Its UUID.
    pub uuid: String,
    began: Time,
    /// Bytes a tick.
    rate: u64,
}

impl Primary {
    /// The source of that name, in a demo that begins at that time.
    pub(super) fn new(host: &str, start: Time) -> Self {
        let hash = hash(host);
        Self {
            host: host.to_owned(),
            id: 1 + hash % 89,
            uuid: uuid(hash),
            began: start.minus(WRITES_SINCE),
            // 60 to 120 kB a second.
            rate: 600 + mix(hash) % 600,
        }
    }

    /// Bytes that it has written until then.
    pub(super) fn written(&self, at: Time) -> u64 {
        let micros = at.as_micros().saturating_sub(self.began.as_micros());
        // To the nearest tick: what stands in an arithmetic of seconds stands in bytes.
        let ticks = micros.saturating_add(TICK_MICROS / 2).div_euclid(TICK_MICROS);
        u64::try_from(ticks).unwrap_or(0).saturating_mul(self.rate)
    }

    /// When it had written so many bytes.
    pub(super) fn when(&self, written: u64) -> Time {
        let ticks = i64::try_from(written / self.rate).unwrap_or(i64::MAX);
        Time::from_micros(self.began.as_micros().saturating_add(ticks.saturating_mul(TICK_MICROS)))
    }

    /// Where that is in its logs.
    pub(super) fn position(written: u64) -> Position {
        place("binlog", written)
    }

    /// The transactions of so many bytes.
    pub(super) fn gtids(&self, written: u64) -> String {
        format!("{}:1-{}", self.uuid, written / TRANSACTION + 1)
    }
}

/// A place in logs of that name.
pub(super) fn place(name: &str, written: u64) -> Position {
    Position { file: format!("{name}.{:06}", 1 + written / FILE), at: HEADER + written % FILE }
}

/// Bytes up to a place of such logs; nothing: it is none.
pub(super) fn bytes(place: &Position) -> Option<u64> {
    let number: u64 = place.file.rsplit_once('.')?.1.parse().ok()?;
    Some(number.checked_sub(1)?.checked_mul(FILE)?.saturating_add(place.at.saturating_sub(HEADER)))
}

/// Bytes up to the transaction of that number.
pub(super) fn before_transaction(number: u64) -> u64 {
    number.saturating_sub(1).saturating_mul(TRANSACTION)
}

/// A number that a name has in every run.
pub(super) fn hash(name: &str) -> u64 {
    name.bytes().fold(0x6669_726e, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// A UUID that a number has.
pub(super) fn uuid(hash: u64) -> String {
    let (high, low) = (mix(hash), mix(hash ^ 0xaaaa));
    let node = low & 0xffff_ffff_ffff;
    format!("{:08x}-{:04x}-11ee-{:04x}-{node:012x}", high >> 32, (high >> 16) & 0xffff, 0x8000 | (high & 0x3fff))
}
