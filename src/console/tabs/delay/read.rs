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
pub fn configured(services: &Services) -> bool {
    services.has_replicas()
}

/// How all replicas stand.
pub async fn snapshot(services: &Services) -> Result<DelaySnapshot, String> {
    services.delays().await.map_err(|e| e.to_string())
}

/// The samples of a replica in a span of time.
pub async fn chart(services: &Services, name: &str, from: Time, to: Time) -> Result<DelayChart, String> {
    services.delay_chart(name, from, to).await.map_err(|e| e.to_string())
}
