//! What the tab reads, and whether there is anything to read: the one place where it asks the services.

use crate::base::Time;
use crate::delay::snapshot::{DelayChart, DelaySnapshot};
use crate::services::Services;

/// Lines of the configuration that would switch the tab on.
pub const LINES: &[&str] = &[
    "[[replica]]",
    "name = \"db14-delay\"",
    "host = \"db14-delay\"",
    "user = \"firn\"",
    "password = \"env:FIRN_REPLICA\"",
];

/// Whether any replica is configured.
pub fn configured(_: &Services) -> bool {
    // No configuration names one yet.
    false
}

/// How all replicas stand.
#[allow(clippy::unused_async)] // reads the state where there are replicas
pub async fn snapshot(services: &Services) -> Result<DelaySnapshot, String> {
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    Ok(DelaySnapshot { now, replicas: Vec::new() })
}

/// The samples of a replica in a span of time.
#[allow(clippy::unused_async)] // reads the state where there are replicas
pub async fn chart(_: &Services, name: &str, _from: Time, _to: Time) -> Result<DelayChart, String> {
    Err(format!("no replica is called {}", crate::base::Shown::text(name)))
}
